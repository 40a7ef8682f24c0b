//! `lock_release`: ends a lock without a purchase. The energy is free again. The deposit goes back to the buyer, less
//! the lock fee, which is credited to the seller. The buyer can do it at any time, anyone after the expiry second.
//! Where the refund account cannot be paid, the refund becomes a claim of the buyer. Where the vault is frozen, the
//! lock stays open without energy until the refund can be paid.

use {
    super::purchase::load_position,
    crate::{
        account::{Account, NamedAccount},
        clock,
        error::{MultibusError, ensure, refuse},
        event::log_event,
        payment::{self, Debt, Payment, Settled},
        state::{Bus, Lock, Offer, RefundOutcome, Seller},
        token::Settlement,
    },
    anchor_lang::{AccountClose, address_eq, prelude::*},
};

/// On delivery terms followed by the buyer's position book on the delivery book that the offer names, writable.
///
/// Any of these may be the same account, because the buyer chose the refund account. That is safe: the accounts of the
/// market are of different kinds, so none is loaded twice, and the others are read only where the token program owns
/// them.
#[derive(Accounts)]
pub struct LockRelease {
    /// The lock's buyer, or anyone after its expiry. Where a claim is opened, pays its rent and gets it back at once
    /// out of the lock's rent.
    #[account(mut, unsafe(dup))]
    pub caller: Signer,
    /// The lock's buyer, who gets its rent back; may be the caller.
    #[account(mut, unsafe(dup), address = lock.buyer @ MultibusError::LockBuyerMismatch)]
    pub buyer: UncheckedAccount,
    #[account(address = lock.bus @ MultibusError::BusMismatch)]
    pub bus: Account<Bus>,
    #[account(mut, unsafe(dup), address = lock.offer @ MultibusError::LockOfferMismatch)]
    pub offer: Account<Offer>,
    #[account(mut, unsafe(dup))]
    pub lock: Account<Lock>,
    /// The offer's seller, who gets the fee.
    #[account(mut, unsafe(dup), address = offer.seller @ MultibusError::SellerMismatch)]
    pub seller: Account<Seller>,
    /// The seller's vault, which pays back.
    #[account(mut, unsafe(dup), address = offer.vault @ MultibusError::VaultMismatch)]
    pub vault: UncheckedAccount,
    /// The token account that the lock names.
    #[account(mut, unsafe(dup), address = lock.refund @ MultibusError::RefundMismatch)]
    pub refund: NamedAccount,
    /// The bus's account for what cannot be paid. This and the next two are looked at only where the refund account
    /// cannot be paid.
    #[account(mut, unsafe(dup))]
    pub unclaimed: UncheckedAccount,
    /// The bus's ledger, which counts claims.
    #[account(mut, unsafe(dup))]
    pub ledger: UncheckedAccount,
    /// The claim of the buyer.
    #[account(mut, unsafe(dup))]
    pub claim: UncheckedAccount,
    #[account(address = bus.token_program @ MultibusError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
    pub system_program: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<LockRelease>, lock_number: u32) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let caller_is_buyer = address_eq(accounts.caller.address(), &accounts.lock.buyer);
    let was_released = accounts.lock.state != 0;
    let release = accounts.lock.release(lock_number, caller_is_buyer, clock::now()?)?;
    accounts.offer.release(release.energy_wh, release.fee);
    accounts.seller.release(release.fee);

    let payment = Payment {
        bus: &accounts.bus,
        settlement: Settlement { mint: &accounts.bus.mint, token_program: accounts.token_program.account() },
        debt: Debt { wallet: &accounts.lock.buyer, amount: release.refund, refund: Some(&accounts.lock.refund) },
        from: accounts.vault.account(),
        payer: accounts.caller.account(),
        rent_payer: &accounts.lock.buyer,
        claim: accounts.claim.account(),
        unclaimed: accounts.unclaimed.account(),
    };
    let Settled { outcome, lent } = payment.pay_or_claim(
        accounts.refund.account(),
        |account| account.pays(&accounts.lock.buyer),
        accounts.ledger.account(),
    )?;
    let unpaid = outcome == RefundOutcome::Unpaid;
    ensure!(!(was_released && unpaid), PayerFrozen);
    log_event!(LockReleased {
        lock: *accounts.lock.address(),
        offer: *accounts.offer.address(),
        buyer: accounts.lock.buyer,
        released_by: *accounts.caller.address(),
        energy_wh: release.energy_wh,
        refund: release.refund,
        fee: release.fee,
        outcome: outcome as u8,
        padding: [0; 7],
    });
    if unpaid {
        return Ok(());
    }
    accounts.offer.refund(release.refund);
    if lent > 0 {
        accounts.hand_rent_to_claim(lent);
    }
    if accounts.offer.is_on_delivery() {
        let books = ctx.remaining_accounts()?;
        let accounts = &ctx.accounts;
        let [position, ..] = books.as_slice() else { refuse!(BooksMissing) };
        load_position(position, &accounts.offer, &accounts.lock.buyer)?.close_lock();
    }
    let accounts = &mut ctx.accounts;
    accounts.lock.close(*accounts.buyer.account())?;
    Ok(())
}

impl LockRelease {
    /// Pays for a new claim out of the lock's rent, which was the buyer's: the caller gets back the `lent` lamports,
    /// and the rest moves to the claim. The buyer gets all of it when the claim is paid.
    fn hand_rent_to_claim(&mut self, lent: u64) {
        let lock = self.lock.account();
        payment::move_lamports(lock, self.caller.account(), lent.min(lock.lamports()));
        payment::move_lamports(lock, self.claim.account(), lock.lamports());
    }
}

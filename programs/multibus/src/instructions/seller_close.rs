//! `seller_close`: closes a seller account with its vault. The seller itself can do it, an owner for the bus's own
//! seller account, and on a closing bus anyone. What the seller has not withdrawn is paid, or kept as its claim. What
//! strangers sent to the vault goes to the treasury. The rent goes to who paid it.

use {
    super::walk::Walks,
    crate::{
        account::{Account, Apart},
        error::{MultibusError, ensure, refuse},
        event::log_event,
        payment::{self, Debt, Payment},
        state::{Bus, Ledger, RefundOutcome, Seller},
        token::{self, BusAuthority, Settlement, TokenAccount},
    },
    anchor_lang::{address_eq, prelude::*},
};

#[derive(Accounts)]
pub struct SellerClose {
    /// The seller, an owner for the bus's own seller account, or on a closing bus anyone. Where a claim is opened, pays
    /// its rent and gets it back at once out of the seller account's rent.
    #[account(mut, unsafe(dup))]
    pub caller: Signer,
    #[account(address = seller.bus @ MultibusError::BusMismatch)]
    pub bus: Apart<Bus>,
    /// The bus's ledger, which counts sellers and claims.
    #[account(mut)]
    pub ledger: UncheckedAccount,
    #[account(mut, close = rent_payer)]
    pub seller: Apart<Seller>,
    #[account(mut, unsafe(dup), address = seller.vault @ MultibusError::VaultMismatch)]
    pub vault: UncheckedAccount,
    /// Token account that is paid; the treasury for the bus's own seller account.
    #[account(mut, unsafe(dup))]
    pub destination: UncheckedAccount,
    /// The bus's treasury.
    #[account(mut, unsafe(dup), address = bus.treasury @ MultibusError::TreasuryMismatch)]
    pub treasury: UncheckedAccount,
    /// The bus's account for what cannot be paid.
    #[account(mut, unsafe(dup), address = bus.unclaimed @ MultibusError::UnclaimedMismatch)]
    pub unclaimed: UncheckedAccount,
    /// The claim of the seller's wallet; looked at only where the seller cannot be paid.
    #[account(mut, unsafe(dup))]
    pub claim: UncheckedAccount,
    /// Who paid the rent; may be the caller.
    #[account(mut, unsafe(dup), address = seller.rent_payer @ MultibusError::RentPayerMismatch)]
    pub rent_payer: UncheckedAccount,
    #[account(address = bus.token_program @ MultibusError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<impl Walks<SellerClose>>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let caller = accounts.caller.address();
    let (bus, wallet) = (&accounts.bus, accounts.seller.wallet);
    let caller_is_seller = bus.acts_for(bus.address(), &wallet, caller);
    accounts.seller.validate_close(bus, caller_is_seller, Clock::get()?.slot)?;
    let (vault, destination) = (accounts.vault.account(), accounts.destination.account());
    let settlement = Settlement { mint: &accounts.bus.mint, token_program: accounts.token_program.account() };
    let authority = BusAuthority::new(bus);
    settlement.sync(vault)?;
    let Some(held) = TokenAccount::read(vault, &settlement) else { refuse!(VaultMismatch) };
    let amount = accounts.seller.released;
    let gift = held.amount - amount;
    // Lamports that the caller lent to a new claim.
    let mut lent = 0;
    let outcome = if amount == 0 {
        RefundOutcome::Paid
    } else if address_eq(&wallet, bus.address()) {
        ensure!(address_eq(destination.address(), &bus.treasury), WithdrawNotToTreasury);
        ensure!(!held.is_frozen, PayerFrozen);
        ensure!(!payment::is_frozen(destination, &settlement), PayeeUnpayable);
        settlement.pay(vault, destination, &authority, amount)?;
        RefundOutcome::Paid
    } else {
        // The wallet names any account but the bus's own. A stranger must name the associated one, so that it has no
        // choice.
        let caller_is_wallet = address_eq(caller, &wallet);
        ensure!(caller_is_wallet || token::is_associated(destination.address(), &wallet, &settlement), PayeeMismatch);
        let payment = Payment {
            bus,
            settlement,
            debt: Debt { wallet: &wallet, amount, refund: None },
            from: vault,
            payer: accounts.caller.account(),
            rent_payer: &accounts.seller.rent_payer,
            claim: accounts.claim.account(),
            unclaimed: accounts.unclaimed.account(),
        };
        let settled = payment.pay_or_claim_once(destination, caller_is_wallet, accounts.ledger.account())?;
        lent = settled.lent;
        settled.outcome
    };
    ensure!(outcome != RefundOutcome::Unpaid, PayerFrozen);
    let mut is_diverted = false;
    if gift > 0 {
        ensure!(!held.is_frozen, PayerFrozen);
        // Where the treasury is frozen, the gift waits in the unclaimed account.
        let treasury = accounts.treasury.account();
        is_diverted = payment::is_frozen(treasury, &settlement);
        let to = if is_diverted { accounts.unclaimed.account() } else { treasury };
        ensure!(!payment::is_frozen(to, &settlement), PayeeUnpayable);
        settlement.pay(vault, to, &authority, gift)?;
    }
    // Through the seller account: moving its lamports to the rent payer works whatever is at that address.
    settlement.close(vault, accounts.seller.account(), &authority)?;
    payment::move_lamports(accounts.seller.account(), accounts.caller.account(), lent);
    // SAFETY: where a claim was written, the reference to the ledger has ended.
    let mut ledger = unsafe { Account::<Ledger>::load_mut(*accounts.ledger.account())? };
    ensure!(address_eq(&ledger.bus, bus.address()), LedgerMismatch);
    // Counted when this seller was opened.
    ledger.open_sellers -= 1;
    if is_diverted {
        ledger.diverted += gift;
    }
    log_event!(SellerClosed {
        bus: *bus.address(),
        seller: *accounts.seller.address(),
        wallet,
        closed_by: *caller,
        destination: *destination.address(),
        amount,
        gift,
        outcome: outcome as u8,
        padding: [0; 7],
    });
    Ok(())
}

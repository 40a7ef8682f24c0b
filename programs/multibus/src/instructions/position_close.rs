//! `position_close`: closes a position book without open locks, once all windows in which the buyer bought are final.
//! The buyer can do it then. Anyone else has to wait for the delivery book's last gate and, where the buyer still has
//! energy to certify, until 30 days after the last used window of that book is final. What is not refunded yet is paid,
//! or kept as a claim of the buyer. The rent goes to who paid it, less that of a new claim.

use {
    super::walk::Walks,
    crate::{
        account::{Account, Apart, NamedAccount},
        clock,
        error::{MultibusError, ensure},
        event::log_event,
        payment::{self, Debt, Payment},
        state::{Bus, DeliveryBook, PositionBook, RefundOutcome},
        token::Settlement,
    },
    anchor_lang::{address_eq, prelude::*},
};

/// Any of these may be the same account, because the buyer chose the refund account. That is safe: the accounts of the
/// market are of different kinds, so none is loaded twice, and the others are read only where the token program owns
/// them.
#[derive(Accounts)]
pub struct PositionClose {
    /// The buyer, or later anyone. Where a claim is opened, pays its rent and gets it back at once out of the position
    /// book's rent.
    #[account(mut, unsafe(dup))]
    pub caller: Signer,
    #[account(address = book.bus @ MultibusError::BusMismatch)]
    pub bus: Apart<Bus>,
    #[account(mut, unsafe(dup), address = position.book @ MultibusError::BookMismatch)]
    pub book: Account<DeliveryBook>,
    #[account(mut, unsafe(dup), close = rent_payer)]
    pub position: Apart<PositionBook>,
    /// The seller's vault, which pays back.
    #[account(mut, unsafe(dup), address = book.vault @ MultibusError::VaultMismatch)]
    pub vault: UncheckedAccount,
    /// The token account that the position book names.
    #[account(mut, unsafe(dup), address = position.refund @ MultibusError::RefundMismatch)]
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
    /// Who paid the rent; may be the caller.
    #[account(mut, unsafe(dup), address = position.rent_payer @ MultibusError::RentPayerMismatch)]
    pub rent_payer: UncheckedAccount,
    #[account(address = bus.token_program @ MultibusError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
    pub system_program: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<impl Walks<PositionClose>>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let now = clock::now()?;
    let (bus, position) = (&accounts.bus, &mut accounts.position);
    let caller_is_buyer = address_eq(accounts.caller.address(), &position.buyer);
    position.validate_close(&accounts.book, bus, caller_is_buyer, now)?;
    let refund = position.refund(&accounts.book, now);
    let mut outcome = RefundOutcome::Paid;
    if refund.amount > 0 {
        let payment = Payment {
            bus,
            settlement: Settlement { mint: &bus.mint, token_program: accounts.token_program.account() },
            debt: Debt { wallet: &position.buyer, amount: refund.amount, refund: Some(&position.refund) },
            from: accounts.vault.account(),
            payer: accounts.caller.account(),
            rent_payer: &position.rent_payer,
            claim: accounts.claim.account(),
            unclaimed: accounts.unclaimed.account(),
        };
        let settled = payment.pay_or_claim_once(accounts.refund.account(), false, accounts.ledger.account())?;
        outcome = settled.outcome;
        ensure!(outcome != RefundOutcome::Unpaid, PayerFrozen);
        payment::move_lamports(position.account(), accounts.caller.account(), settled.lent);
    }
    accounts.book.settled += refund.amount;
    accounts.book.open_positions -= 1;
    log_event!(PositionClosed {
        book: *accounts.book.address(),
        position: *position.address(),
        buyer: position.buyer,
        closed_by: *accounts.caller.address(),
        refund: position.refund,
        windows_low: refund.windows[0],
        windows_high: refund.windows[1],
        amount: refund.amount,
        outcome: outcome as u8,
        padding: [0; 7],
    });
    Ok(())
}

//! `delivery_refund`: pays a buyer back for what was not delivered in the final windows of a position book, to the
//! account that the position book names. Anyone can do it. Where that account cannot be paid, the buyer names another,
//! or gets a claim when the position book is closed.

use {
    super::walk::Walks,
    crate::{
        account::{Account, Apart, NamedAccount},
        clock,
        error::{MultibusError, ensure},
        event::log_event,
        payment,
        state::{Bus, DeliveryBook, PositionBook},
        token::{BusAuthority, Settlement, TokenAccount},
    },
    anchor_lang::prelude::*,
};

/// The buyer chose the refund account, and it may be any of these accounts. That is safe: the accounts of the market
/// are of different kinds, so none is loaded twice, and the others are read only where the token program owns them.
#[derive(Accounts)]
pub struct DeliveryRefund {
    #[account(address = book.bus @ MultibusError::BusMismatch)]
    pub bus: Apart<Bus>,
    #[account(mut, unsafe(dup), address = position.book @ MultibusError::BookMismatch)]
    pub book: Account<DeliveryBook>,
    #[account(mut, unsafe(dup))]
    pub position: Account<PositionBook>,
    /// The seller's vault, which pays back.
    #[account(mut, unsafe(dup), address = book.vault @ MultibusError::VaultMismatch)]
    pub vault: UncheckedAccount,
    /// The token account that the position book names.
    #[account(mut, unsafe(dup), address = position.refund @ MultibusError::RefundMismatch)]
    pub refund: NamedAccount,
    #[account(address = bus.token_program @ MultibusError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<impl Walks<DeliveryRefund>>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let refund = accounts.position.refund(&accounts.book, clock::now()?);
    ensure!(refund.windows != [0; 2], NothingToRefund);
    if refund.amount > 0 {
        let settlement = Settlement { mint: &accounts.bus.mint, token_program: accounts.token_program.account() };
        let (vault, destination) = (accounts.vault.account(), accounts.refund.account());
        ensure!(!payment::is_frozen(vault, &settlement), PayerFrozen);
        let is_payable =
            TokenAccount::read(destination, &settlement).is_some_and(|account| account.pays(&accounts.position.buyer));
        ensure!(is_payable, PayeeUnpayable);
        settlement.pay(vault, destination, &BusAuthority::new(&accounts.bus), refund.amount)?;
        accounts.book.settled += refund.amount;
    }
    log_event!(DeliveryRefunded {
        book: *accounts.book.address(),
        position: *accounts.position.address(),
        buyer: accounts.position.buyer,
        refund: accounts.position.refund,
        windows_low: refund.windows[0],
        windows_high: refund.windows[1],
        amount: refund.amount,
    });
    Ok(())
}

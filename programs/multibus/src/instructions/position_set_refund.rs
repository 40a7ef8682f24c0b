//! `position_set_refund`: the buyer names another token account that refunds of a position book go to. It is checked
//! only when it is paid. It can no longer change once anyone may close the position book: a buyer that still named
//! another account just before each closing would make that fail. What cannot be paid to it becomes a claim then.

use {
    super::walk::Walks,
    crate::{
        account::{Account, Apart},
        clock,
        error::{MultibusError, ensure},
        event::log_event,
        state::{Bus, DeliveryBook, PositionBook},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct PositionSetRefund {
    #[account(address = position.buyer @ MultibusError::PositionMismatch)]
    pub buyer: Signer,
    #[account(mut)]
    pub position: Apart<PositionBook>,
    #[account(address = book.bus @ MultibusError::BusMismatch)]
    pub bus: Apart<Bus>,
    /// The delivery book that it is on.
    #[account(address = position.book @ MultibusError::BookMismatch)]
    pub book: Account<DeliveryBook>,
}

pub fn handler(ctx: &mut Context<impl Walks<PositionSetRefund>>, refund: Address) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let now = clock::now()?;
    let until = accounts.position.closable(&accounts.book, &accounts.bus, now).by_others;
    ensure!(now < until, RefundFixed, "fixed since {}, now {}", until, now);
    accounts.position.refund = refund;
    log_event!(PositionRefundSet { position: *accounts.position.address(), refund });
    Ok(())
}

//! `position_set_refund`: the buyer names another token account that refunds of a position book go to. It is checked
//! only when it is paid. It can no longer change once nothing more can be bought in the delivery book and 30 days have
//! passed since its last used window became final. Anyone may close the position book then, and a buyer that still named
//! another account just before each closing would make that fail.

use {
    crate::{
        account::{Account, Apart},
        clock,
        error::{MultibusError, ensure},
        event::log_event,
        state::{DeliveryBook, PositionBook},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct PositionSetRefund {
    #[account(address = position.buyer @ MultibusError::PositionMismatch)]
    pub buyer: Signer,
    #[account(mut)]
    pub position: Apart<PositionBook>,
    /// The delivery book that it is on.
    #[account(address = position.book @ MultibusError::BookMismatch)]
    pub book: Account<DeliveryBook>,
}

pub fn handler(ctx: &mut Context<PositionSetRefund>, refund: Address) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let (until, now) = (accounts.book.others_close_at().max(accounts.book.own_last_gate()), clock::now()?);
    ensure!(now < until, RefundFixed, "fixed since {}, now {}", until, now);
    accounts.position.refund = refund;
    log_event!(PositionRefundSet { position: *accounts.position.address(), refund });
    Ok(())
}

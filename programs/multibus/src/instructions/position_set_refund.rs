//! `position_set_refund`: the buyer names another token account that refunds of a position book go to. It is checked
//! only when it is paid. It can no longer change 30 days after the last used window is final, when anyone may close the
//! position book: otherwise a buyer could change it just before each closing, and so make that fail.

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
    let (until, now) = (accounts.book.others_close_at(), clock::now()?);
    ensure!(accounts.book.last_final_at() == 0 || now < until, RefundFixed, "fixed since {}, now {}", until, now);
    accounts.position.refund = refund;
    log_event!(PositionRefundSet { position: *accounts.position.address(), refund });
    Ok(())
}

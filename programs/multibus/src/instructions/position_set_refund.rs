//! `position_set_refund`: the buyer names another token account that refunds of a position book go to. It is looked at when it
//! is paid. Once others may close the position book whatever it holds, it stays, so that nobody changes it just before each closing.

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

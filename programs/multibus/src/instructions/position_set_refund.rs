//! `position_set_refund`: the buyer names another token account that refunds of a position book go to. It is looked at when it
//! is paid.

use {
    crate::{account::Account, error::MultibusError, event::log_event, state::PositionBook},
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct PositionSetRefund {
    #[account(address = position.buyer @ MultibusError::PositionMismatch)]
    pub buyer: Signer,
    #[account(mut)]
    pub position: Account<PositionBook>,
}

pub fn handler(ctx: &mut Context<PositionSetRefund>, refund: Address) -> Result<()> {
    let accounts = &mut ctx.accounts;
    accounts.position.refund = refund;
    log_event!(PositionRefundSet { position: *accounts.position.address(), refund });
    Ok(())
}

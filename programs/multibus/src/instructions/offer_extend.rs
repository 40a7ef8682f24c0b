//! `offer_extend`: a later expiry.

use {
    crate::{clock, error::MultibusError, event::log_event, state::Offer},
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct OfferExtend {
    #[account(address = offer.seller @ MultibusError::NotTheSeller)]
    pub seller: Signer,
    #[account(mut)]
    pub offer: Account<Offer>,
}

pub fn handler(ctx: &mut Context<OfferExtend>, expires_at: i64) -> Result<()> {
    let accounts = &mut ctx.accounts;
    accounts.offer.extend(expires_at, clock::now()?)?;
    log_event!(OfferExtended { offer: *accounts.offer.address(), expires_at });
    Ok(())
}

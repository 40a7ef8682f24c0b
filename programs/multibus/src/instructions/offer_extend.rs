//! `offer_extend`: a later expiry.

use {
    crate::{
        clock,
        error::MultibusError,
        event::log_event,
        state::{Bus, Offer},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct OfferExtend {
    /// The offer's seller; any owner for the bus's own offers.
    pub seller: Signer,
    #[account(address = offer.bus @ MultibusError::BusMismatch)]
    pub bus: Account<Bus>,
    #[account(mut)]
    pub offer: Account<Offer>,
}

pub fn handler(ctx: &mut Context<OfferExtend>, expires_at: i64) -> Result<()> {
    let accounts = &mut ctx.accounts;
    accounts.offer.validate_seller(&accounts.bus, accounts.seller.address())?;
    accounts.offer.extend(expires_at, clock::now()?)?;
    log_event!(OfferExtended { offer: *accounts.offer.address(), expires_at });
    Ok(())
}

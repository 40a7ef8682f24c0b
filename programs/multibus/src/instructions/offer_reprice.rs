//! `offer_reprice`: a new price and the next version. Energy under locks keeps its price.

use {
    crate::{
        error::MultibusError,
        event::log_event,
        state::{Bus, Offer},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct OfferReprice {
    /// The offer's seller; any owner for the bus's own offers.
    pub seller: Signer,
    #[account(address = offer.bus @ MultibusError::BusMismatch)]
    pub bus: Account<Bus>,
    #[account(mut)]
    pub offer: Account<Offer>,
}

pub fn handler(ctx: &mut Context<OfferReprice>, price_per_kwh: u64) -> Result<()> {
    let accounts = &mut ctx.accounts;
    accounts.offer.validate_seller(&accounts.bus, accounts.seller.address())?;
    accounts.bus.validate_price(price_per_kwh)?;
    accounts.offer.reprice(price_per_kwh)?;
    log_event!(OfferRepriced {
        offer: *accounts.offer.address(),
        price_per_kwh,
        version: accounts.offer.version,
        padding: [0; 4],
    });
    Ok(())
}

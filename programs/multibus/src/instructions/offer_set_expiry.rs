//! `offer_set_expiry`: sets an earlier or a later expiry, which gives the offer its next version. It is at the latest
//! the gate or one horizon ahead and, while locks are open, at least 300 s after the last of them ends. A later expiry
//! must meet the bus's present rules for listings. An expired offer stays expired.

use {
    super::walk::Walks,
    crate::{
        account::Apart,
        clock,
        error::MultibusError,
        event::log_event,
        state::{Bus, Offer, Seller},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct OfferSetExpiry {
    /// The offer's seller; for the bus's own offers the owner who listed it.
    pub lister: Signer,
    #[account(address = offer.bus @ MultibusError::BusMismatch)]
    pub bus: Apart<Bus>,
    #[account(address = offer.seller @ MultibusError::SellerMismatch)]
    pub seller: Apart<Seller>,
    #[account(mut)]
    pub offer: Apart<Offer>,
}

pub fn handler(ctx: &mut Context<impl Walks<OfferSetExpiry>>, expires_at: i64, expected_version: u32) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let (bus, offer) = (&accounts.bus, &mut accounts.offer);
    offer.validate_lister(bus, accounts.lister.address())?;
    if expires_at > offer.expires_at {
        // Staying on offer for longer is like listing again, so the present rules apply.
        bus.validate_open()?;
        accounts.seller.validate_lists(bus, bus.address())?;
        bus.validate_price(offer.price_per_kwh, offer.is_of_bus())?;
    }
    let now = clock::now()?;
    let latest = bus.latest_expiry(offer.gate_closes_at, now);
    offer.set_expiry(expires_at, expected_version, latest, now)?;
    log_event!(OfferExpirySet { offer: *offer.address(), expires_at, version: offer.version, padding: [0; 4] });
    Ok(())
}

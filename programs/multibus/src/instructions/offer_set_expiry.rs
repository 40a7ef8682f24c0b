//! `offer_set_expiry`: an earlier or a later expiry, at the latest the gate or one horizon ahead, and no earlier than
//! 300 s after the last lock on the offer ends. On a closing bus only an earlier one.

use {
    crate::{
        account::Account,
        clock,
        error::MultibusError,
        event::log_event,
        state::{Bus, Offer},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct OfferSetExpiry {
    /// The offer's seller; any owner for the bus's own offers.
    pub lister: Signer,
    #[account(address = offer.bus @ MultibusError::BusMismatch)]
    pub bus: Account<Bus>,
    #[account(mut)]
    pub offer: Account<Offer>,
}

pub fn handler(ctx: &mut Context<OfferSetExpiry>, expires_at: i64) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let (bus, offer) = (&accounts.bus, &mut accounts.offer);
    bus.validate_acts_for(bus.address(), &offer.wallet, accounts.lister.address())?;
    // Offers of a closing bus end when they were to end, so that it closes.
    if expires_at > offer.expires_at {
        bus.validate_open()?;
    }
    let now = clock::now()?;
    let latest = bus.latest_expiry(offer.gate_closes_at, now);
    offer.set_expiry(expires_at, latest, now)?;
    log_event!(OfferExpirySet { offer: *offer.address(), expires_at, trades_from: offer.trades_from });
    Ok(())
}

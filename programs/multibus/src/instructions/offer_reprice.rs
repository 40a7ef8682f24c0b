//! `offer_reprice`: sets a new price, which gives the offer its next version. Energy under locks keeps its price. An
//! offer of the bus itself waits again before it trades where its price was lowered.

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
pub struct OfferReprice {
    /// The offer's seller; for the bus's own offers the owner who listed it.
    pub lister: Signer,
    #[account(address = offer.bus @ MultibusError::BusMismatch)]
    pub bus: Account<Bus>,
    #[account(mut)]
    pub offer: Account<Offer>,
}

pub fn handler(ctx: &mut Context<OfferReprice>, price_per_kwh: u64, expected_version: u32) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let (bus, offer) = (&accounts.bus, &mut accounts.offer);
    offer.validate_lister(bus, accounts.lister.address())?;
    bus.validate_price(price_per_kwh, offer.is_of_bus())?;
    offer.reprice(price_per_kwh, expected_version, clock::now()?)?;
    log_event!(OfferRepriced {
        offer: *offer.address(),
        price_per_kwh,
        trades_from: offer.trades_from,
        version: offer.version,
        padding: [0; 4],
    });
    Ok(())
}

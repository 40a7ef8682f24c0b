//! `offer_cancel`: what is neither sold nor locked goes back to the capacity; the account closes where nothing is
//! locked. The seller may at any time (any owner for the bus's own offers, and for those of a seller who may no longer
//! list), anyone once the offer is sold out, expired or past its gate.

use {
    crate::{
        clock,
        error::MultibusError,
        event::log_event,
        state::{Bus, Capacity, Offer},
    },
    anchor_lang::{AccountClose, prelude::*},
};

#[derive(Accounts)]
pub struct OfferCancel {
    /// The seller, an owner of the bus, or anyone: see [`Offer::validate_cancel`].
    pub caller: Signer,
    #[account(address = offer.bus @ MultibusError::BusMismatch)]
    pub bus: Account<Bus>,
    #[account(mut, address = offer.capacity @ MultibusError::CapacityMismatch)]
    pub capacity: Account<Capacity>,
    #[account(mut)]
    pub offer: Account<Offer>,
    /// Who paid the offer's rent; may be the caller.
    #[account(mut, unsafe(dup), address = offer.rent_payer @ MultibusError::RentPayerMismatch)]
    pub rent_payer: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<OfferCancel>) -> Result<()> {
    let accounts = &mut ctx.accounts;
    accounts.offer.validate_cancel(&accounts.bus, accounts.caller.address(), clock::now()?)?;
    let withdrawn_wh = accounts.offer.cancel()?;
    accounts.capacity.unlist(withdrawn_wh);
    let closed = accounts.offer.open_locks == 0;
    let offer = &accounts.offer;
    log_event!(OfferCancelled {
        bus: *accounts.bus.address(),
        offer: *offer.address(),
        cancelled_by: *accounts.caller.address(),
        withdrawn_wh,
        sold_wh: offer.listed_wh - offer.remaining_wh,
        closed: closed as u8,
        padding: [0; 7],
    });
    if closed {
        let sold_wh = accounts.offer.listed_wh;
        accounts.capacity.close_offer(sold_wh);
        accounts.offer.close(*accounts.rent_payer.account())?;
    }
    Ok(())
}

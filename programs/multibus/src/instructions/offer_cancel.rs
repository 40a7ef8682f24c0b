//! `offer_cancel`: what is neither sold nor locked goes back to the capacity; the account closes where nothing is
//! locked. The seller may at any time, anyone once the offer is sold out, expired or past its gate.

use {
    crate::{
        clock,
        error::MultibusError,
        event::log_event,
        state::{Bus, Capacity, Offer},
    },
    anchor_lang::{AccountClose, address_eq, prelude::*},
};

#[derive(Accounts)]
pub struct OfferCancel {
    /// The seller, or anyone once the offer no longer trades.
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

impl OfferCancel {
    fn validate(&self) -> Result<()> {
        if address_eq(self.caller.address(), &self.offer.seller) {
            return Ok(());
        }
        self.offer.validate_closable_by_anyone(&self.bus, clock::now()?)
    }
}

pub fn handler(ctx: &mut Context<OfferCancel>) -> Result<()> {
    let accounts = &mut ctx.accounts;
    accounts.validate()?;
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

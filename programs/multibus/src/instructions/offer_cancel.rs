//! `offer_cancel`: what is neither sold nor locked goes back to the capacity, what was paid becomes the seller's to
//! withdraw, and the account closes where no lock is left. Who may is said at
//! [`Offer::validate_cancel`].

use {
    crate::{
        account::Account,
        clock,
        error::MultibusError,
        event::log_event,
        state::{Bus, Capacity, Offer, Seller},
    },
    anchor_lang::{AccountClose, prelude::*},
};

/// May be followed by more owners who sign: see [`Offer::validate_cancel`].
#[derive(Accounts)]
pub struct OfferCancel {
    /// The seller, an owner or the operator of the bus, or anyone: see [`Offer::validate_cancel`].
    pub caller: Signer,
    #[account(address = offer.bus @ MultibusError::BusMismatch)]
    pub bus: Account<Bus>,
    #[account(mut, address = offer.capacity @ MultibusError::CapacityMismatch)]
    pub capacity: Account<Capacity>,
    #[account(mut, address = offer.seller @ MultibusError::SellerMismatch)]
    pub seller: Account<Seller>,
    #[account(mut)]
    pub offer: Account<Offer>,
    /// Who paid the offer's rent; may be the caller.
    #[account(mut, unsafe(dup), address = offer.rent_payer @ MultibusError::RentPayerMismatch)]
    pub rent_payer: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<OfferCancel>) -> Result<()> {
    let owners = ctx.remaining_accounts()?;
    let accounts = &mut ctx.accounts;
    let together = owners_together(&accounts.bus, accounts.caller.address(), &owners);
    let (offer, seller) = (&mut accounts.offer, &mut accounts.seller);
    offer.validate_cancel(&accounts.bus, seller, accounts.caller.address(), together, clock::now()?)?;
    let withdrawn_wh = offer.cancel()?;
    accounts.capacity.unlist(withdrawn_wh);
    let collected = offer.collect();
    seller.release(collected);
    let closed = offer.open_locks == 0;
    log_event!(OfferCancelled {
        bus: *accounts.bus.address(),
        offer: *offer.address(),
        cancelled_by: *accounts.caller.address(),
        withdrawn_wh,
        sold_wh: offer.sold_wh(),
        collected,
        closed: closed as u8,
        padding: [0; 7],
    });
    if closed {
        accounts.capacity.close_offer();
        seller.close_offer();
        offer.close(*accounts.rent_payer.account())?;
    }
    Ok(())
}

/// Owners who signed, each counted once.
fn owners_together(bus: &Bus, caller: &Address, others: &[AccountView]) -> u8 {
    let signed = others.iter().filter(|account| account.is_signer()).map(AccountView::address);
    let approvals = signed.chain([caller]).filter_map(|owner| bus.owner_index(owner));
    approvals.fold(0u16, |approvals, place| approvals | 1 << place).count_ones() as u8
}

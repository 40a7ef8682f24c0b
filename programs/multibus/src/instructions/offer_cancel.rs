//! `offer_cancel`: returns energy that is neither sold nor locked to the capacity, credits the seller with what was
//! paid, and closes the account where no lock is left. [`Offer::validate_cancel`] says who may do it.

use {
    crate::{
        account::{Account, Apart},
        clock,
        error::{MultibusError, ensure, refuse},
        event::log_event,
        state::{Bus, CANCELLED_BY_LISTER, Capacity, DeliveryBook, Offer, Seller},
    },
    anchor_lang::{AccountClose, ErrorCode, address_eq, prelude::*},
};

/// On delivery terms followed by the delivery book that the offer names, writable. More owners can follow as signers:
/// see [`Offer::validate_cancel`].
#[derive(Accounts)]
pub struct OfferCancel {
    /// The seller, an owner or the operator of the bus, or anyone: see [`Offer::validate_cancel`].
    pub caller: Signer,
    #[account(address = offer.bus @ MultibusError::BusMismatch)]
    pub bus: Apart<Bus>,
    #[account(mut, address = offer.capacity @ MultibusError::CapacityMismatch)]
    pub capacity: Apart<Capacity>,
    #[account(mut, address = offer.seller @ MultibusError::SellerMismatch)]
    pub seller: Apart<Seller>,
    #[account(mut)]
    pub offer: Apart<Offer>,
    /// Who paid the offer's rent; may be the caller.
    #[account(mut, unsafe(dup), address = offer.rent_payer @ MultibusError::RentPayerMismatch)]
    pub rent_payer: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<OfferCancel>) -> Result<()> {
    let others = ctx.remaining_accounts()?;
    let accounts = &mut ctx.accounts;
    let together = owners_together(&accounts.bus, accounts.caller.address(), &others);
    let (offer, seller) = (&mut accounts.offer, &mut accounts.seller);
    let now = clock::now()?;
    offer.validate_cancel(&accounts.bus, seller, accounts.caller.address(), together, now)?;
    let by_lister = offer.is_listed_by(&accounts.bus, accounts.caller.address());
    let withdrawn_wh = offer.cancel(by_lister)?;
    accounts.capacity.unlist(withdrawn_wh);
    let collected = offer.collect();
    seller.release(collected.amount);
    seller.owe_grid_fees(collected.grid_fee);
    let closed = offer.open_locks == 0;
    let window_unused = offer.is_on_delivery() && unlist_in_book(&others, offer, withdrawn_wh, now)?;
    log_event!(OfferCancelled {
        bus: *accounts.bus.address(),
        offer: *offer.address(),
        cancelled_by: *accounts.caller.address(),
        withdrawn_wh,
        sold_wh: offer.sold_wh(),
        collected: collected.amount,
        grid_fee: collected.grid_fee,
        closed: closed as u8,
        window_unused: window_unused as u8,
        padding: [0; 6],
    });
    if closed {
        accounts.capacity.close_offer();
        accounts.seller.close_offer();
        accounts.offer.close(*accounts.rent_payer.account())?;
    }
    Ok(())
}

/// Takes the withdrawn energy out of the delivery book, and the offer where it closes. Returns whether the window is
/// unused again.
#[inline(always)]
fn unlist_in_book(books: &[AccountView], offer: &Offer, withdrawn_wh: u64, now: i64) -> Result<bool> {
    let [book, ..] = books else { refuse!(BooksMissing) };
    ensure!(address_eq(book.address(), &offer.book), BookMismatch);
    if !book.is_writable() {
        return Err(ErrorCode::ConstraintMut.into());
    }
    // SAFETY: the program recorded this address when it opened the book, which does not close before the offer. No other
    // account of this instruction is a delivery book.
    let mut book = unsafe { Account::<DeliveryBook>::reload(*book) };
    let by_seller = offer.cancelled == CANCELLED_BY_LISTER;
    let is_unused = book.unlist(offer.book_place as usize, withdrawn_wh, by_seller, now);
    if offer.open_locks == 0 {
        book.close_offer();
    }
    Ok(is_unused)
}

/// Number of owners who signed, each counted once.
fn owners_together(bus: &Bus, caller: &Address, others: &[AccountView]) -> u8 {
    let signed = others.iter().filter(|account| account.is_signer()).map(AccountView::address);
    let approvals = signed.chain([caller]).filter_map(|owner| bus.owner_index(owner));
    approvals.fold(0u16, |approvals, place| approvals | 1 << place).count_ones() as u8
}

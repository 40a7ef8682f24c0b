//! `offer_cancel`: returns energy that is neither sold nor locked to the capacity, credits the seller with what was
//! paid, and closes the account where no lock is left. [`Offer::validate_cancel`] says who may do it, and
//! [`Capacity::validate_withdraw`] when an auction needs the offer.

use {
    super::ask_settle::load_book,
    super::walk::Walks,
    crate::{
        account::Apart,
        clock,
        constants::BOOK_WINDOWS,
        error::{MultibusError, refuse},
        event::log_event,
        state::{Bus, CANCELLED_BY_LISTER, Capacity, Offer, Seller},
    },
    anchor_lang::{AccountClose, TryAccounts, prelude::*},
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

pub fn handler(ctx: &mut Context<impl Walks<OfferCancel>>) -> Result<()> {
    let all = ctx.remaining_accounts()?;
    let others = &all[<OfferCancel as TryAccounts>::HEADER_SIZE..];
    let accounts = &mut *ctx.accounts;
    let together = owners_together(&accounts.bus, accounts.caller.address(), others);
    let (offer, seller) = (&mut accounts.offer, &mut accounts.seller);
    let now = clock::now()?;
    let (bus, caller) = (&accounts.bus, accounts.caller.address());
    let by_lister = offer.is_listed_by(bus, caller);
    let is_far = !by_lister && accounts.capacity.is_far(bus);
    accounts.capacity.give_up(is_far, now);
    let is_given_up = accounts.capacity.is_given_up(bus, now);
    offer.validate_cancel(bus, seller, caller, together, is_given_up, now)?;
    let by_all = bus.is_operator(caller) || together >= bus.pause_approvals();
    accounts.capacity.validate_withdraw(offer, by_all, now)?;
    let was_unsettled = offer.in_auction == 1 && offer.settled == 0 && offer.cancelled == 0;
    let withdrawn_wh = offer.cancel(by_lister)?;
    accounts.capacity.unlist(withdrawn_wh);
    let collected = offer.collect();
    seller.release(collected.amount);
    seller.owe_grid_fees(collected.grid_fee);
    let closed = offer.open_locks == 0;
    let withdrawal = || Withdrawal { energy_wh: withdrawn_wh, was_unsettled };
    let window_unused = offer.is_on_delivery() && unlist_in_book(others, offer, &withdrawal(), now)?;
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

/// What a cancelled offer takes out of its delivery book.
struct Withdrawal {
    energy_wh: u64,
    /// Whether it counted among the offers that the auction has to settle.
    was_unsettled: bool,
}

/// Takes the withdrawn energy out of the delivery book, and the offer where it closes. Returns whether the window is
/// unused again.
#[inline(always)]
fn unlist_in_book(books: &[AccountView], offer: &Offer, withdrawal: &Withdrawal, now: i64) -> Result<bool> {
    let [book, ..] = books else { refuse!(BooksMissing) };
    let mut book = load_book(book, offer)?;
    if withdrawal.was_unsettled {
        book.settle_offer(offer.book_place as usize % BOOK_WINDOWS, 0);
    }
    let by_seller = offer.cancelled == CANCELLED_BY_LISTER;
    let is_unused = book.unlist(offer.book_place as usize, withdrawal.energy_wh, by_seller, now);
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

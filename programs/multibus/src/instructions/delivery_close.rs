//! `delivery_close`: closes a delivery book after its last gate, once every window that was used is final and no offer
//! or position of it is open. Its seller can do it then, anyone 30 days after the last of those windows is final. It
//! also releases what was not released yet. What rounding left is added to the grid fees that the seller owes. The rent
//! goes to who paid it.

use {
    super::walk::Walks,
    crate::{
        account::{Account, Apart},
        clock,
        error::MultibusError,
        event::log_event,
        state::{Bus, DeliveryBook, Seller},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct DeliveryClose {
    /// The seller (an owner for the bus's own seller account), or later anyone.
    pub caller: Signer,
    #[account(address = book.bus @ MultibusError::BusMismatch)]
    pub bus: Apart<Bus>,
    #[account(mut, address = book.seller @ MultibusError::SellerMismatch)]
    pub seller: Apart<Seller>,
    #[account(mut, close = rent_payer)]
    pub book: Account<DeliveryBook>,
    /// Who paid the rent; may be the caller.
    #[account(mut, unsafe(dup), address = book.rent_payer @ MultibusError::RentPayerMismatch)]
    pub rent_payer: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<impl Walks<DeliveryClose>>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let (now, bus, caller) = (clock::now()?, &accounts.bus, accounts.caller.address());
    let caller_is_seller = bus.acts_for(bus.address(), &accounts.seller.wallet, caller);
    accounts.book.validate_close(bus, caller_is_seller, now)?;
    let release = accounts.book.release(now);
    let remainder = accounts.book.held();
    accounts.seller.release(release.amount);
    accounts.seller.owe_grid_fees(release.grid_fee + remainder);
    // Counted when this book was opened.
    accounts.seller.open_books -= 1;
    log_event!(BookClosed {
        bus: *bus.address(),
        seller: *accounts.seller.address(),
        book: *accounts.book.address(),
        closed_by: *caller,
        windows_low: release.windows[0],
        windows_high: release.windows[1],
        amount: release.amount,
        grid_fee: release.grid_fee,
        remainder,
    });
    Ok(())
}

//! `offer_create`: takes energy from a window's capacity and puts it on offer. A seller lists its own energy; an owner
//! can list energy of the bus itself, which is sold for the treasury and trades 120 s later. On delivery terms the
//! listing is also entered in the seller's delivery book; the first listing in the book's windows opens it.

#![allow(
    unused_variables,
    reason = "Anchor parses the `#[instruction]` arguments again where it closes accounts, and uses none"
)]

use {
    crate::{
        account::{Account, bump_of},
        clock,
        constants::*,
        error::{MultibusError, ensure, refuse},
        event::log_event,
        payment,
        state::{Bus, Capacity, DeliveryBook, Meter, Offer, OfferPlace, OfferTerms, Seller},
    },
    anchor_lang::{address_eq, prelude::*},
};

/// On delivery terms followed by the seller's meter and its delivery book, both writable.
#[derive(Accounts)]
#[instruction(number: u64)]
pub struct OfferCreate {
    /// The seller's wallet, or any owner for the bus; pays the rent and gets it back.
    #[account(mut)]
    pub lister: Signer,
    #[account(address = seller.bus @ MultibusError::BusMismatch)]
    pub bus: Account<Bus>,
    #[account(mut, constraint = capacity.bus == seller.bus @ MultibusError::CapacityMismatch)]
    pub capacity: Account<Capacity>,
    #[account(mut)]
    pub seller: Account<Seller>,
    #[account(init, payer = lister, seeds = [OFFER_SEED, seller.address(), number.to_le_bytes()], bump)]
    pub offer: Account<Offer>,
    pub system_program: Program<System>,
}

pub fn handler(
    ctx: &mut Context<OfferCreate>,
    number: u64,
    energy_wh: u64,
    price_per_kwh: u64,
    expires_at: i64,
    source: u8,
) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let now = clock::now()?;
    let terms = OfferTerms { energy_wh, price_per_kwh, expires_at, source };
    let bus = &accounts.bus;
    bus.validate_acts_for(bus.address(), &accounts.seller.wallet, accounts.lister.address())?;
    terms.validate(bus, bus.address(), &accounts.seller, &accounts.capacity, now)?;
    accounts.seller.list(number)?;
    accounts.capacity.list(energy_wh, bus.capacity_wh)?;

    let offer = &mut accounts.offer;
    let place = OfferPlace {
        capacity: &accounts.capacity,
        seller: &accounts.seller,
        least_wh: bus.least_wh,
        grid_fee_per_kwh: accounts.capacity.terms_now(bus, now).grid_fee_per_kwh,
    };
    offer.initialize(place, number, terms, now);
    offer.bump = ctx.bumps.offer;
    offer.capacity = *accounts.capacity.address();
    offer.seller = *accounts.seller.address();
    offer.rent_payer = *accounts.lister.address();
    log_event!(OfferCreated {
        bus: offer.bus,
        capacity: offer.capacity,
        offer: *offer.address(),
        seller: offer.seller,
        rent_payer: offer.rent_payer,
        number,
        energy_wh,
        price_per_kwh,
        grid_fee_per_kwh: offer.grid_fee_per_kwh,
        window_start: offer.window_start,
        created_at: now,
        trades_from: offer.trades_from,
        expires_at,
        capacity_total_wh: accounts.capacity.total_wh,
        source,
        padding: [0; 7],
    });
    if accounts.capacity.terms.is_on_delivery() {
        let books = ctx.remaining_accounts()?;
        let accounts = &mut ctx.accounts;
        let [meter, book, ..] = books.as_slice() else { refuse!(BooksMissing) };
        let listing = BookListing {
            lister: *accounts.lister.account(),
            bus: *accounts.bus.account(),
            capacity: *accounts.capacity.account(),
            seller: *accounts.seller.account(),
            meter: *meter,
            book: *book,
        };
        let place = listing.list(energy_wh, source)?;
        accounts.offer.set_book(book.address(), place);
    }
    Ok(())
}

/// The accounts that a listing on delivery terms needs. The instruction has checked all of them except `meter` and
/// `book`.
struct BookListing {
    lister: AccountView,
    bus: AccountView,
    capacity: AccountView,
    seller: AccountView,
    meter: AccountView,
    book: AccountView,
}

impl BookListing {
    /// Lists the energy in the seller's delivery book; returns the place of the window in it. It loads its accounts
    /// again and is not inlined, so that a listing on purchase terms stays cheap.
    #[inline(never)]
    fn list(&self, energy_wh: u64, source: u8) -> Result<usize> {
        // SAFETY: the instruction has loaded it, and does not write it meanwhile.
        let capacity = unsafe { Account::<Capacity>::reload(self.capacity) };
        // SAFETY: the same.
        let seller = unsafe { Account::<Seller>::reload(self.seller) };
        ensure!(seller.has_meter(), MeterMissing);
        ensure!(address_eq(self.meter.address(), &seller.meter), MeterMismatch);
        // SAFETY: no other account of this instruction is a meter.
        let mut meter = unsafe { Account::<Meter>::load_mut(self.meter)? };
        let window_start = capacity.window_start;
        let first_window = DeliveryBook::first_window_of(&capacity.terms, window_start);
        if !self.book.owned_by(&crate::ID) {
            self.open_book(&meter, first_window)?;
        }
        // SAFETY: no other account of this instruction is a delivery book, and none that was loaded before is alive.
        let mut book = unsafe { Account::<DeliveryBook>::load_mut(self.book)? };
        ensure!(address_eq(&book.seller, seller.address()) && book.first_window == first_window, BookMismatch);
        let place = book.place(window_start)?;
        book.list(place, energy_wh, &mut meter)?;
        let device = book.device(place).source;
        ensure!(source == 0 || source == device, SourceMismatch, "source {}, the device's {}", source, device);
        Ok(place)
    }

    /// Opens the delivery book whose first window is given; the lister pays its rent and gets it back.
    fn open_book(&self, meter: &Account<Meter>, first_window: i64) -> Result<()> {
        // SAFETY: the instruction has loaded it, and nobody writes it.
        let bus = unsafe { Account::<Bus>::reload(self.bus) };
        // SAFETY: the instruction has loaded it, and does not write it meanwhile.
        let capacity = unsafe { Account::<Capacity>::reload(self.capacity) };
        // SAFETY: the instruction has loaded it as mutable, and refers to its data before and after, not meanwhile.
        let mut seller = unsafe { Account::<Seller>::reload(self.seller) };
        let start = first_window.to_le_bytes();
        let seeds: [&[u8]; 3] = [BOOK_SEED, seller.address().as_ref(), &start];
        let Some(bump) = bump_of(&seeds, &crate::ID, self.book.address()) else { refuse!(BookMismatch) };
        let Some(open_books) = seller.open_books.checked_add(1) else { refuse!(CounterOverflow) };
        seller.open_books = open_books;
        let seeds: [&[u8]; 4] = [BOOK_SEED, seller.address().as_ref(), &start, &[bump]];
        payment::create::<DeliveryBook>(&self.lister, &self.book, &seeds)?;
        // SAFETY: the account was created a moment ago, so no other reference to its data exists.
        let mut book = unsafe { Account::<DeliveryBook>::load_mut_after_init(self.book)? };
        book.initialize(&bus, meter, &capacity.terms, first_window);
        book.bump = bump;
        book.meter = *meter.address();
        book.vault = seller.vault;
        book.rent_payer = *self.lister.address();
        log_event!(BookOpened {
            bus: book.bus,
            seller: book.seller,
            book: *book.address(),
            rent_payer: book.rent_payer,
            meter: book.meter,
            first_window,
            terms: book.terms,
        });
        Ok(())
    }
}

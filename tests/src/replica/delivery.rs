//! Delivery books.

use {
    super::{
        books::Replica,
        cost::{grid_fee, part_ceil, part_floor},
    },
    crate::key::pda,
    bytemuck::Zeroable,
    multibus::{
        constants::{BOOK_WINDOWS, LAYOUT_VERSION},
        event::*,
        state::{self, BookMeter, BookWindow, BookWindowState, DeliveryBook, ReadingProof, Terms},
    },
    solana_address::Address,
};

/// A set of places of windows, as events tell it.
pub(super) fn set_of(places: impl Iterator<Item = usize>) -> [u64; 2] {
    places.fold([0; 2], |mut set, place| {
        set[place / 64] |= 1 << (place % 64);
        set
    })
}

/// Whether a set has a place.
pub(super) fn has(set: &[u64; 2], place: usize) -> bool {
    set[place / 64] & (1 << (place % 64)) != 0
}

/// Delivered Wh of a window that its auction sold: in proportion to all that was sold.
pub(super) fn auction_delivered(window: &BookWindow) -> u64 {
    let all = window.sold_wh + window.auction_wh;
    if all == 0 { 0 } else { part_floor(window.delivered_wh.min(all), window.auction_wh, all) }
}

/// Delivered Wh of a window that were sold before its auction.
pub(super) fn delivered_sold(window: &BookWindow) -> u64 {
    window.delivered_wh.min(window.sold_wh + window.auction_wh) - auction_delivered(window)
}

/// Delivered Wh of a window that its seller did not sell.
pub(super) fn surplus(window: &BookWindow) -> u64 {
    window.delivered_wh.saturating_sub(window.sold_wh + window.auction_wh)
}

/// When the times for readings of a window begin to run, in seconds after its start: at its end, and not before the last second
/// in which its auction can end.
pub(super) fn readings_after(terms: &Terms) -> i64 {
    let auction = if terms.auction == 1 { 86_400 - i64::from(terms.gate_closure_seconds) } else { 0 };
    auction.max(i64::from(terms.window_seconds))
}

/// What goes back to a buyer that paid `paid` for energy of a window.
pub(super) fn refund_of(window: &BookWindow, paid: u64) -> u64 {
    paid - part_ceil(paid, delivered_sold(window), window.sold_wh)
}

impl Replica {
    /// What a vault holds for a delivery book.
    pub(super) fn held_for(book: &DeliveryBook) -> u128 {
        book.windows.iter().map(|window| window.paid as u128).sum::<u128>() - book.settled as u128
    }

    /// The place of a window in a book.
    pub(super) fn window_place(book: &DeliveryBook, window_start: i64) -> usize {
        let (since, length) = (window_start - book.first_window, book.terms.window_seconds as i64);
        assert_eq!(since % length, 0, "a window of the book");
        usize::try_from(since / length).expect("a window of the book")
    }

    /// What the auction of a window sold of a book.
    pub(super) fn sold_in_auction(book: &DeliveryBook, window: &state::Capacity) -> u64 {
        let (since, length) = (window.window_start - book.first_window, book.terms.window_seconds as i64);
        let place = usize::try_from(since / length).ok().filter(|place| since >= 0 && *place < BOOK_WINDOWS);
        place.map_or(0, |place| book.windows[place].auction_wh)
    }

    /// When a window is final: it takes no reading any more, and no offer of it waits for the auction.
    pub(super) fn final_at(book: &DeliveryBook, place: usize) -> i64 {
        if book.windows[place].unsettled_offers > 0 { i64::MAX } else { Self::readings_until(book, place) }
    }

    /// When a window takes no reading any more.
    fn readings_until(book: &DeliveryBook, place: usize) -> i64 {
        let Terms { window_seconds, reading_deadline_seconds, correction_seconds, .. } = book.terms;
        match book.windows[place].reported_at {
            0 => {
                let start = book.first_window + i64::from(place as u32) * window_seconds as i64;
                start + readings_after(&book.terms) + reading_deadline_seconds as i64
            }
            first => first + correction_seconds as i64,
        }
    }

    /// Energy is listed in a window of the seller's delivery book, which an event opens where it is new.
    pub(super) fn list_in_book(
        &mut self,
        seller: &Address,
        terms: &Terms,
        window_start: i64,
        energy_wh: u64,
        rent_payer: Address,
    ) -> (Address, u8) {
        let length = terms.window_seconds as i64;
        let since = (window_start - terms.from) % (length * i64::from(BOOK_WINDOWS as u32));
        let place = usize::try_from(since / length).expect("a place of a book");
        let first_window = window_start - since;
        let (address, bump) = pda::book(seller, first_window);
        let of = self.sellers.get_mut(seller).expect("a known seller");
        let meter = self.meters.get_mut(&of.meter).expect("who lists on delivery terms has a meter");
        if !self.books.contains_key(&address) {
            of.open_books += 1;
            let opened = DeliveryBook {
                layout_version: LAYOUT_VERSION,
                bump,
                first_window,
                terms: *terms,
                bus: of.bus,
                bus_created_at: self.buses[&of.bus].created_at,
                meter: of.meter,
                seller: *seller,
                vault: of.vault,
                rent_payer,
                ..Zeroable::zeroed()
            };
            self.books.insert(address, opened);
            self.unopened.insert(address);
        }
        let book = self.books.get_mut(&address).expect("opened above");
        book.open_offers += 1;
        if book.windows[place].listed_wh == 0 {
            let device = BookMeter { key: meter.key, power_w: meter.power_w, source: meter.source, padding: [0; 7] };
            let count = book.meter_count as usize;
            let mut others = book.windows;
            others[place].state = BookWindowState::Unused as u8;
            let is_used =
                |index: usize| others.iter().any(|window| window.state != 0 && window.meter as usize == index);
            let free = || if count < 4 { Some(count) } else { (0..4).find(|index| !is_used(*index)) };
            let known = book.meters[..count].iter().position(|known| *known == device).or_else(free);
            let known = known.expect("a place for the device");
            book.meters[known] = device;
            book.meter_count = book.meter_count.max(known as u8 + 1);
            book.windows[place].meter = known as u8;
            book.windows[place].state = BookWindowState::Listed as u8;
            assert!(window_start >= meter.valid_from, "a device measures windows from its first one on");
            meter.listed_until = meter.listed_until.max(window_start + length);
        }
        let window = &mut book.windows[place];
        window.listed_wh += energy_wh;
        window.unsettled_offers += u16::from(terms.auction);
        let power_w = book.meters[window.meter as usize].power_w;
        assert!(
            window.listed_wh <= part_floor(power_w, terms.window_seconds as u64, 3_600),
            "a device can deliver what is listed"
        );
        (address, place as u8)
    }

    pub(super) fn book_opened(&mut self, event: &BookOpened) {
        let BookOpened { bus, seller, book, rent_payer, meter, first_window, terms } = *event;
        assert!(self.unopened.remove(&book), "a listing opens a delivery book, once");
        let known = &self.books[&book];
        assert_eq!((known.bus, known.seller, known.rent_payer), (bus, seller, rent_payer));
        assert_eq!((known.meter, known.first_window, known.terms), (meter, first_window, terms));
    }

    pub(super) fn delivery_reported(&mut self, event: &DeliveryReported, now: i64) {
        let DeliveryReported { book: at, reporter, window_start, energy_wh, sequence, reported_at, proof, padding } =
            *event;
        assert_eq!((reported_at, padding), (now, [0; 7]));
        let book = self.books.get_mut(&at).expect("a known delivery book");
        let length = book.terms.window_seconds as i64;
        let place = Self::window_place(book, window_start);
        assert!(now >= window_start + length && now < Self::readings_until(book, place), "a reading comes in time");
        let gate = window_start - book.terms.gate_closure_seconds as i64;
        let is_settled = book.windows[place].unsettled_offers == 0;
        assert!(is_settled || now >= gate + 86_400, "a reading comes after the auction");
        let window = &mut book.windows[place];
        let device = book.meters[window.meter as usize];
        let most = part_floor(device.power_w, book.terms.window_seconds as u64 * 11, 36_000);
        assert!(energy_wh <= most, "a device can deliver what is read, and a tenth more");
        if proof == ReadingProof::Operator as u8 {
            assert_eq!(reporter, self.buses[&book.bus].operator, "the operator stands in");
            window.operator_readings += 1;
            assert_eq!(sequence, window.operator_readings as u64);
            assert!(window.operator_readings <= 3, "the operator reads three times");
        } else {
            assert!(proof == ReadingProof::Signature as u8 || reporter == device.key, "the device signs");
            assert_eq!(window.operator_readings, 0, "the operator silences the device");
            assert!(sequence > window.sequence, "sequences rise");
            window.sequence = sequence;
        }
        window.delivered_wh = energy_wh;
        if window.reported_at == 0 {
            window.reported_at = now;
        }
    }

    /// Releases every final window of a book; returns their set, what the seller gets and what the grid gets.
    fn release(book: &mut DeliveryBook, now: i64) -> ([u64; 2], u64, u64) {
        let due: Vec<usize> = (0..BOOK_WINDOWS)
            .filter(|place| book.windows[*place].state == BookWindowState::Listed as u8)
            .filter(|place| now >= Self::final_at(book, *place))
            .collect();
        let (mut amount, mut grid) = (0, 0);
        for place in &due {
            let window = &mut book.windows[*place];
            window.state = BookWindowState::Released as u8;
            let delivered = delivered_sold(window);
            let whole = if window.sold_wh == 0 { 0 } else { part_floor(window.paid, delivered, window.sold_wh) };
            let of_grid = grid_fee(delivered, book.terms.grid_fee_per_kwh);
            amount += whole - of_grid;
            grid += of_grid;
        }
        book.settled += amount + grid;
        (set_of(due.into_iter()), amount, grid)
    }

    pub(super) fn delivery_released(&mut self, event: &DeliveryReleased, now: i64) {
        let DeliveryReleased { book: at, seller, windows_low, windows_high, amount, grid_fee } = *event;
        let book = self.books.get_mut(&at).expect("a known delivery book");
        assert_eq!(book.seller, seller);
        assert_eq!(Self::release(book, now), ([windows_low, windows_high], amount, grid_fee), "all that is final");
        let seller = self.sellers.get_mut(&seller).expect("a known seller");
        seller.released += amount;
        seller.grid_fees_owed += grid_fee;
    }

    pub(super) fn book_closed(&mut self, event: &BookClosed, now: i64) {
        let BookClosed { bus, seller, book, closed_by, windows_low, windows_high, amount, grid_fee, remainder } =
            *event;
        let mut closed = self.books.remove(&book).expect("a known delivery book");
        assert_eq!((closed.bus, closed.seller), (bus, seller));
        assert_eq!((closed.open_offers, closed.open_positions), (0, 0), "nothing is open in a book that closes");
        assert!(self.positions.values().all(|position| position.book != book));
        let released = Self::release(&mut closed, now);
        assert_eq!(released, ([windows_low, windows_high], amount, grid_fee), "all that is final is released");
        let of = *self.bus(&bus);
        let is_closing = of.closing == 1;
        let used = || {
            let of_windows = closed.windows.iter().enumerate();
            of_windows.filter(|(_, window)| window.sold_wh + window.auction_wh > 0 || window.delivered_wh > 0)
        };
        let is_counted = |window: &BookWindow| window.auction_wh == 0 || window.pool_reported == 1;
        assert!(closed.pool_due == 0 && closed.windows.iter().all(is_counted), "the pool has the seller's part");
        assert!(used().all(|(place, _)| now >= Self::final_at(&closed, place)), "what was sold is final in the end");
        let mut listed = closed.windows.iter().enumerate().filter(|(_, window)| **window != BookWindow::zeroed());
        let last_final = listed.all(|(place, _)| now >= Self::final_at(&closed, place));
        assert!(is_closing || last_final, "every window of a book that closes is final");
        let delivered = used().filter(|(_, window)| window.delivered_wh > 0);
        let last = delivered.map(|(place, _)| Self::final_at(&closed, place)).max().unwrap_or(i64::MIN);
        // Bids have had 30 days after the last second in which a pool can become complete.
        let terms = closed.terms;
        let after = readings_after(&terms)
            + i64::from(terms.reading_deadline_seconds)
            + i64::from(terms.correction_seconds)
            + 30 * 86_400;
        for (place, window) in closed.windows.iter().enumerate() {
            let start = closed.first_window + i64::from(place as u32) * terms.window_seconds as i64;
            let is_taken = window.auction_certified_wh == auction_delivered(window);
            assert!(is_taken || now >= start + after, "the book waits for the certificates of bids");
        }
        let left = u64::try_from(Self::held_for(&closed)).expect("within 64 bits");
        assert_eq!(remainder, left, "the rest goes to the grid");
        let seller = self.sellers.get_mut(&seller).expect("a known seller");
        let is_owner = of.owners.iter().any(|slot| slot.owner == closed_by);
        let acts = closed_by == seller.wallet || (seller.wallet == bus && is_owner);
        assert!(acts || now >= last.saturating_add(30 * 86_400), "others wait 30 days for certificates");
        seller.released += amount;
        seller.grid_fees_owed += grid_fee + remainder;
        seller.open_books -= 1;
    }

    /// 6. Of each window: released + grid + refunds <= paid; certificates <= delivered.
    pub(super) fn check_deliveries(&self) {
        for (address, book) in &self.books {
            let of_book = || self.positions.values().filter(|position| position.book == *address);
            assert_eq!(of_book().count(), book.open_positions as usize, "positions of {address}");
            let (paid, settled) = (book.windows.iter().map(|window| window.paid as u128).sum::<u128>(), book.settled);
            assert!(settled as u128 <= paid, "released + grid + refunds <= paid");
            for (place, window) in book.windows.iter().enumerate() {
                assert!(window.certified_wh <= window.delivered_wh, "certificates <= delivered");
                assert!(window.sold_wh + window.auction_wh <= window.listed_wh, "sold <= listed");
                assert!(window.auction_certified_wh <= auction_delivered(window), "certificates of bids <= delivered");
                let bought: u64 = of_book().map(|position| position.windows[place].energy_wh).sum();
                assert!(bought <= window.sold_wh, "buyers have no more than was sold");
            }
        }
        let mut last: Option<(&(Address, i64, u64), u64)> = None;
        for (range, end) in &self.certified_ever {
            let overlaps =
                last.is_some_and(|(before, end)| (before.0, before.1) == (range.0, range.1) && end > range.2);
            assert!(!overlaps, "no Wh is certified twice");
            last = Some((range, *end));
        }
    }

    /// The buyer's first entry names the account for refunds.
    pub(super) fn name_refund(position: &mut state::PositionBook, refund: &Address) {
        if position.refund == Address::default() {
            position.refund = *refund;
        }
    }
}

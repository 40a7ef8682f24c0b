//! Where what auctions sold on delivery terms stands, seller by seller.

use {
    crate::{records::Delivery, replay_bus::ReplayBus, rows::Rows, state::ReplayState},
    multibus_client::{Address, audit::Audit, delivery::DeliveryBook},
    std::{collections::HashMap, ops::Range},
};

/// What became of what auctions sold for sellers on delivery terms.
pub(crate) struct Pools<'a> {
    /// Delivery books that are open, by address.
    books: HashMap<Address, &'a DeliveryBook>,
    /// What was delivered, once that is final.
    deliveries: &'a Rows<Delivery>,
    /// Among which of them those of a window are.
    places: HashMap<i64, Range<usize>>,
    /// Those of the window that was asked for last, by seller.
    last: (i64, HashMap<usize, Delivery>),
}

/// What became of it for one seller and window.
pub(crate) struct PoolPart {
    /// Whether it was counted, so that the vault has what is due.
    pub is_counted: bool,
    /// What was delivered, once that is final.
    pub row: Option<Delivery>,
}

impl<'a> Pools<'a> {
    pub fn new(state: &'a ReplayState, audit: &'a Audit) -> Self {
        let deliveries = &state.records.deliveries;
        let mut places: HashMap<i64, Range<usize>> = HashMap::new();
        for (place, row) in deliveries.iter().enumerate() {
            places.entry(row.window_start).or_insert(place..place).end = place + 1;
        }
        Self {
            books: audit.books.iter().map(|book| (book.address, &book.account)).collect(),
            deliveries,
            places,
            last: (0, HashMap::new()),
        }
    }

    /// Where what an auction sold for a seller in a window stands.
    pub fn part(&mut self, bus: &ReplayBus, window_start: i64, seller: usize) -> PoolPart {
        if self.last.0 != window_start {
            let places = self.places.get(&window_start).cloned().unwrap_or(0..0);
            let rows = self.deliveries.iter_from(places.start).take(places.len());
            let of_window = rows.filter(|row| row.window_start == window_start);
            self.last = (window_start, of_window.map(|row| (row.seller, row)).collect());
        }
        let row = self.last.1.get(&seller).copied();
        if self.books.is_empty() {
            return PoolPart { is_counted: true, row };
        }
        let book = self.books.get(&bus.book_of(seller, bus.first_window_of(window_start)));
        let is_counted =
            book.is_none_or(|book| book.place(window_start).is_ok_and(|place| book.windows[place].pool_reported == 1));
        PoolPart { is_counted, row }
    }
}

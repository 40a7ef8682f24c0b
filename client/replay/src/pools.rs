//! Where what auctions sold on delivery terms stands, seller by seller.

use {
    crate::{records::Delivery, replay_bus::ReplayBus, state::ReplayState},
    multibus_client::{Address, audit::Audit, delivery::DeliveryBook},
    std::collections::HashMap,
};

/// What became of what auctions sold for sellers on delivery terms.
pub(crate) struct Pools<'a> {
    /// Delivery books that are open, by address.
    books: HashMap<Address, &'a DeliveryBook>,
    /// What was delivered, by window and seller, once that is final.
    rows: HashMap<(i64, usize), &'a Delivery>,
}

/// What became of it for one seller and window.
pub(crate) struct PoolPart<'a> {
    /// Whether it was counted, so that the vault has what is due.
    pub is_counted: bool,
    /// What was delivered, once that is final.
    pub row: Option<&'a Delivery>,
}

impl<'a> Pools<'a> {
    pub fn new(state: &'a ReplayState, audit: &'a Audit) -> Self {
        let rows = state.records.deliveries.iter();
        Self {
            books: audit.books.iter().map(|book| (book.address, &book.account)).collect(),
            rows: rows.map(|row| ((row.window_start, row.seller), row)).collect(),
        }
    }

    /// Where what an auction sold for a seller in a window stands.
    pub fn part(&self, bus: &ReplayBus, window_start: i64, seller: usize) -> PoolPart<'a> {
        let row = self.rows.get(&(window_start, seller)).copied();
        if self.books.is_empty() {
            return PoolPart { is_counted: true, row };
        }
        let book = self.books.get(&bus.book_of(seller, bus.first_window_of(window_start)));
        let is_counted =
            book.is_none_or(|book| book.place(window_start).is_ok_and(|place| book.windows[place].pool_reported == 1));
        PoolPart { is_counted, row }
    }
}

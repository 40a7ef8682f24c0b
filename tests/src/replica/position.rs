//! Position books.

use {
    super::{
        books::Replica,
        cost::part_floor,
        delivery::{delivered_sold, has, refund_of, set_of},
        tokens::TokenTally,
    },
    crate::key::pda,
    bytemuck::Zeroable,
    multibus::{
        constants::{BOOK_WINDOWS, LAYOUT_VERSION},
        event::*,
        state::{DeliveryBook, PositionBook, RefundOutcome},
    },
    solana_address::Address,
};

impl Replica {
    pub(super) fn position_opened(&mut self, event: &PositionOpened, now: i64) {
        let PositionOpened { book, position, buyer, rent_payer } = *event;
        let (place, bump) = pda::position(&book, &buyer);
        assert_eq!(position, place);
        let is_closing = self.books.get(&book).is_some_and(|of| self.bus(&of.bus).closing == 1);
        assert!(!is_closing, "no position opens on a closing bus");
        let of = self.books.get_mut(&book).expect("a known delivery book");
        let last = of.first_window + i64::from(BOOK_WINDOWS as u32 - 1) * of.terms.window_seconds as i64;
        assert!(now < last - of.terms.gate_closure_seconds as i64, "a book that is over takes no position");
        of.open_positions += 1;
        let opened =
            PositionBook { layout_version: LAYOUT_VERSION, bump, book, buyer, rent_payer, ..Zeroable::zeroed() };
        assert!(self.positions.insert(position, opened).is_none(), "a buyer has one position on a book");
    }

    pub(super) fn position_refund_set(&mut self, event: &PositionRefundSet) {
        let PositionRefundSet { position, refund } = *event;
        self.positions.get_mut(&position).expect("a known position").refund = refund;
    }

    /// Takes out what goes back to a buyer for every final window; returns their set and the amount.
    fn refund(&mut self, at: &Address, now: i64) -> ([u64; 2], u64) {
        let position = self.positions.get_mut(at).expect("a known position");
        let book = self.books.get_mut(&position.book).expect("a known delivery book");
        let due: Vec<usize> = (0..BOOK_WINDOWS)
            .filter(|place| position.windows[*place].energy_wh > 0 && !has(&position.refunded, *place))
            .filter(|place| now >= Self::final_at(book, *place))
            .collect();
        let amount = due.iter().map(|place| refund_of(&book.windows[*place], position.windows[*place].paid)).sum();
        let set = set_of(due.into_iter());
        (position.refunded[0], position.refunded[1]) = (position.refunded[0] | set[0], position.refunded[1] | set[1]);
        book.settled += amount;
        (set, amount)
    }

    pub(super) fn delivery_refunded(&mut self, event: &DeliveryRefunded, now: i64, tally: &mut TokenTally) {
        let DeliveryRefunded { book, position, buyer, refund, windows_low, windows_high, amount } = *event;
        let state = self.positions[&position];
        assert_eq!((state.book, state.buyer, state.refund), (book, buyer, refund));
        assert_eq!(self.refund(&position, now), ([windows_low, windows_high], amount), "all that is final goes back");
        if amount > 0 {
            tally.moved(&self.books[&book].vault, &refund, amount);
        }
    }

    pub(super) fn position_closed(&mut self, event: &PositionClosed, now: i64, tally: &mut TokenTally) {
        let PositionClosed {
            book,
            position,
            buyer,
            closed_by,
            refund,
            windows_low,
            windows_high,
            amount,
            outcome,
            padding,
        } = *event;
        assert_eq!(padding, [0; 7]);
        assert_eq!(self.refund(&position, now), ([windows_low, windows_high], amount), "all that is final goes back");
        let closed = self.positions.remove(&position).expect("a known position");
        assert_eq!((closed.book, closed.buyer, closed.refund, closed.open_locks), (book, buyer, refund, 0));
        let of = self.books.get_mut(&book).expect("a known delivery book");
        of.open_positions -= 1;
        let of = *of;
        let used = || (0..BOOK_WINDOWS).filter(|place| closed.windows[*place].energy_wh > 0);
        assert!(used().all(|place| now >= Self::final_at(&of, place)), "every window of a closed position is final");
        let is_delivered = |place: &usize| of.windows[*place].delivered_wh > 0;
        let last = (0..BOOK_WINDOWS).filter(is_delivered).map(|place| Self::final_at(&of, place)).max();
        let others = last.unwrap_or(0).saturating_add(30 * 86_400);
        let mut taken =
            used().map(|place| has(&closed.certified, place) || Self::certifiable(&closed, &of, place) == 0);
        let may = closed_by == buyer || taken.all(|taken| taken) || now >= others;
        assert!(may, "others wait for the buyer's certificates");
        let unclaimed = self.bus(&of.bus).unclaimed;
        if amount > 0 {
            tally.moved(&of.vault, if outcome == RefundOutcome::Paid as u8 { &refund } else { &unclaimed }, amount);
        }
    }

    /// Delivered Wh of a buyer in a window.
    pub(super) fn certifiable(position: &PositionBook, book: &DeliveryBook, place: usize) -> u64 {
        let window = &book.windows[place];
        if window.sold_wh == 0 {
            return 0;
        }
        part_floor(position.windows[place].energy_wh, delivered_sold(window), window.sold_wh)
    }
}

//! The price of a book.

use {
    crate::error::{Error, Result},
    multibus::state::Capacity,
    std::{cmp::Ordering, fmt, str::FromStr},
};

/// A side of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Buyers, who bid.
    Bid,
    /// Sellers, who ask.
    Ask,
}

impl Side {
    /// Its name in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bid => "bid",
            Self::Ask => "ask",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Side {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "bid" => Ok(Self::Bid),
            "ask" => Ok(Self::Ask),
            other => Err(Error::Invalid(format!("{other:?} is no side of a book; give bid or ask"))),
        }
    }
}

/// An order of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Order {
    /// Whether it buys or sells.
    pub side: Side,
    /// Energy, in Wh. An order of 0 Wh changes nothing.
    pub energy_wh: u64,
    /// Highest price of a bid, its limit less the grid fee; lowest price of an ask. In token base units per kWh.
    pub price_per_kwh: u64,
}

/// The orders of an auction. The energy of each side fits 64 bits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    orders: Vec<Order>,
    bid_wh: u64,
    ask_wh: u64,
}

/// The orders of a book at one price, and its two curves there. Energy is in Wh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// The price, in token base units per kWh.
    pub price_per_kwh: u64,
    /// Bid at exactly this price.
    pub bid_wh: u64,
    /// Asked for at exactly this price.
    pub ask_wh: u64,
    /// Bid at this price or above it.
    pub bid_from_wh: u64,
    /// Asked for at this price or below it.
    pub asked_up_to_wh: u64,
}

impl Level {
    /// Bid above this price.
    fn bid_above_wh(&self) -> u64 {
        self.bid_from_wh - self.bid_wh
    }
}

impl Book {
    /// A book of these orders.
    ///
    /// # Errors
    /// Where the energy of one side exceeds 64 bits, which no window can.
    pub fn new(orders: Vec<Order>) -> Result<Self> {
        let mut book = Self { orders: Vec::with_capacity(orders.len()), ..Self::default() };
        for order in orders {
            book.push(order)?;
        }
        Ok(book)
    }

    /// Adds an order at the end.
    ///
    /// # Errors
    /// Where the energy of its side exceeds 64 bits.
    pub fn push(&mut self, order: Order) -> Result<()> {
        let sum = match order.side {
            Side::Bid => &mut self.bid_wh,
            Side::Ask => &mut self.ask_wh,
        };
        *sum = sum.checked_add(order.energy_wh).ok_or_else(|| {
            Error::Invalid(format!(
                "the {}s of the book come to more than {} Wh; leave orders out",
                order.side,
                u64::MAX
            ))
        })?;
        self.orders.push(order);
        Ok(())
    }

    /// Its orders, in the order in which they came.
    pub fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// What all bids are for, in Wh.
    pub fn bid_wh(&self) -> u64 {
        self.bid_wh
    }

    /// What all asks are for, in Wh.
    pub fn ask_wh(&self) -> u64 {
        self.ask_wh
    }

    /// The prices at which there are orders, lowest first, with both curves of the book.
    pub fn levels(&self) -> Vec<Level> {
        let mut sorted: Vec<&Order> = self.orders.iter().filter(|order| order.energy_wh > 0).collect();
        sorted.sort_unstable_by_key(|order| order.price_per_kwh);
        let mut levels: Vec<Level> = Vec::new();
        for order in sorted {
            if levels.last().is_none_or(|level| level.price_per_kwh != order.price_per_kwh) {
                levels.push(Level { price_per_kwh: order.price_per_kwh, ..Level::default() });
            }
            let Some(level) = levels.last_mut() else { continue };
            match order.side {
                Side::Bid => level.bid_wh += order.energy_wh,
                Side::Ask => level.ask_wh += order.energy_wh,
            }
        }
        let (mut bid_from_wh, mut asked_up_to_wh) = (self.bid_wh, 0);
        for level in &mut levels {
            asked_up_to_wh += level.ask_wh;
            (level.bid_from_wh, level.asked_up_to_wh) = (bid_from_wh, asked_up_to_wh);
            bid_from_wh -= level.bid_wh;
        }
        levels
    }
}

/// What an auction sells, and at which price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleared {
    /// The lowest price above which no more is bid than is asked for at it or below; 0 where one side has 0 Wh. A clearer
    /// claims it.
    pub low_price: u64,
    /// The lowest price above which less is bid than is asked for at it or below; 0 where one side has 0 Wh. A clearer claims
    /// it.
    pub high_price: u64,
    /// What all pay and get per kWh, without the grid fee: the middle of both, rounded down. 0 where nothing is sold.
    pub price_per_kwh: u64,
    /// Energy that changes hands, in Wh: the most that any price moves.
    pub volume_wh: u64,
    /// The side whose orders at the price share what is left for them; `None` where all of them are filled.
    pub rationed: Option<Side>,
    /// Energy of the bids at the price, in Wh; 0 where nothing is sold, as below.
    pub bids_at_price_wh: u64,
    /// How much of it is filled, in Wh.
    pub bids_filled_wh: u64,
    /// Energy of the asks at the price, in Wh.
    pub asks_at_price_wh: u64,
    /// How much of it is filled, in Wh.
    pub asks_filled_wh: u64,
}

impl Cleared {
    /// What a clearing proved; `None` before. The chain keeps the price alone, so low and high price are that.
    pub fn of(capacity: &Capacity) -> Option<Self> {
        if capacity.cleared_at == 0 {
            return None;
        }
        if capacity.volume_wh == 0 {
            return Some(Self::default());
        }
        let price_per_kwh = capacity.price_per_kwh;
        let cleared = Self {
            low_price: price_per_kwh,
            high_price: price_per_kwh,
            price_per_kwh,
            volume_wh: capacity.volume_wh,
            rationed: None,
            bids_at_price_wh: capacity.bids.at_price_wh,
            bids_filled_wh: capacity.bids.filled_wh,
            asks_at_price_wh: capacity.asks.at_price_wh,
            asks_filled_wh: capacity.asks.filled_wh,
        };
        Some(cleared.with_rationed_side())
    }

    fn with_rationed_side(self) -> Self {
        let rationed = if self.bids_filled_wh < self.bids_at_price_wh {
            Some(Side::Bid)
        } else if self.asks_filled_wh < self.asks_at_price_wh {
            Some(Side::Ask)
        } else {
            None
        };
        Self { rationed, ..self }
    }

    /// What the orders of a side at the price are for, and how much of it is filled, in Wh.
    fn at_price(&self, side: Side) -> (u64, u64) {
        match side {
            Side::Bid => (self.bids_at_price_wh, self.bids_filled_wh),
            Side::Ask => (self.asks_at_price_wh, self.asks_filled_wh),
        }
    }

    /// Whether an order gets all that it is for, because its price is better than that of the auction; `None` at the price.
    fn is_better(&self, order: &Order) -> Option<bool> {
        if self.volume_wh == 0 {
            return Some(false);
        }
        match order.side {
            _ if order.price_per_kwh == self.price_per_kwh => None,
            Side::Bid => Some(order.price_per_kwh > self.price_per_kwh),
            Side::Ask => Some(order.price_per_kwh < self.price_per_kwh),
        }
    }

    /// What each order of a book gets where they are settled one after the other in the book's order, in Wh. Each side gets the
    /// volume in all. The order of settlement moves at most 1 Wh from one order at the price to another.
    pub fn fills(&self, book: &Book) -> Vec<u64> {
        let (mut bids_wh, mut asks_wh) = (0, 0);
        let fill = |order: &Order| match self.is_better(order) {
            Some(true) => order.energy_wh,
            Some(false) => 0,
            None => {
                let settled_wh = match order.side {
                    Side::Bid => &mut bids_wh,
                    Side::Ask => &mut asks_wh,
                };
                let (at_price_wh, filled_wh) = self.at_price(order.side);
                let before = part(filled_wh, *settled_wh, at_price_wh);
                *settled_wh += order.energy_wh;
                part(filled_wh, *settled_wh, at_price_wh) - before
            }
        };
        book.orders.iter().map(fill).collect()
    }

    /// What an order of the book gets at least, in Wh, whenever it is settled. At the price, rounding can add 1 Wh.
    pub fn share_of(&self, order: &Order) -> u64 {
        match self.is_better(order) {
            Some(true) => order.energy_wh,
            Some(false) => 0,
            None => {
                let (at_price_wh, filled_wh) = self.at_price(order.side);
                part(filled_wh, order.energy_wh, at_price_wh)
            }
        }
    }
}

/// `floor(filled x energy / all)`; 0 of nothing.
fn part(filled_wh: u64, energy_wh: u64, all_wh: u64) -> u64 {
    if all_wh == 0 {
        return 0;
    }
    let part = u128::from(filled_wh) * u128::from(energy_wh) / u128::from(all_wh);
    // An order of the book is no larger than all orders at its price.
    u64::try_from(part).unwrap_or(energy_wh)
}

/// Finds the price of a book, in `O(n log n)`. It is the one that the chain accepts.
///
/// Let `f` be the energy bid above a price less the energy asked for at it or below. It changes only at prices of orders and never
/// grows, so the low price is the first of them with `f <= 0`, the high price the first with `f < 0`.
pub fn clear(book: &Book) -> Cleared {
    if book.bid_wh == 0 || book.ask_wh == 0 {
        return Cleared::default();
    }
    let levels = book.levels();
    let first = |holds: fn(&Level) -> bool| levels.iter().find(|level| holds(level)).map(|level| level.price_per_kwh);
    let low_price = first(|level| level.bid_above_wh() <= level.asked_up_to_wh);
    let high_price = first(|level| level.bid_above_wh() < level.asked_up_to_wh);
    // Above the highest price nothing is bid, and something is asked for.
    let (Some(low_price), Some(high_price)) = (low_price, high_price) else { return Cleared::default() };
    let price_per_kwh = low_price + (high_price - low_price) / 2;
    let (mut bid_above, mut bids_at_price_wh, mut asked_below, mut asks_at_price_wh) = (0, 0, 0, 0);
    for level in &levels {
        match level.price_per_kwh.cmp(&price_per_kwh) {
            Ordering::Less => asked_below += level.ask_wh,
            Ordering::Greater => bid_above += level.bid_wh,
            Ordering::Equal => (bids_at_price_wh, asks_at_price_wh) = (level.bid_wh, level.ask_wh),
        }
    }
    let volume_wh = (bid_above + bids_at_price_wh).min(asked_below + asks_at_price_wh);
    if volume_wh == 0 {
        return Cleared { low_price, high_price, ..Cleared::default() };
    }
    let cleared = Cleared {
        low_price,
        high_price,
        price_per_kwh,
        volume_wh,
        rationed: None,
        bids_at_price_wh,
        bids_filled_wh: volume_wh - bid_above,
        asks_at_price_wh,
        asks_filled_wh: volume_wh - asked_below,
    };
    cleared.with_rationed_side()
}

/// What a book would give with one order more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The auction with that order.
    pub cleared: Cleared,
    /// What that order would get at least, in Wh. At the price, rounding can add 1 Wh.
    pub energy_wh: u64,
}

/// Adds an order to a book and clears it.
///
/// # Errors
/// Where the energy of its side exceeds 64 bits.
pub fn preview(book: &Book, order: Order) -> Result<Preview> {
    let mut with = book.clone();
    with.push(order)?;
    let cleared = clear(&with);
    Ok(Preview { cleared, energy_wh: cleared.share_of(&order) })
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        bytemuck::Zeroable,
        multibus::state::{AuctionOutcome, Clearing},
        proptest::prelude::*,
    };

    fn order(side: Side, energy_wh: u64, price_per_kwh: u64) -> Order {
        Order { side, energy_wh, price_per_kwh }
    }

    fn book(orders: &[(Side, u64, u64)]) -> Book {
        Book::new(orders.iter().map(|(side, energy_wh, price)| order(*side, *energy_wh, *price)).collect()).unwrap()
    }

    use Side::{Ask, Bid};

    #[test]
    fn one_side_alone_sells_nothing() {
        for orders in [&[][..], &[(Bid, 5, 9)], &[(Ask, 5, 9)], &[(Bid, 5, 9), (Ask, 0, 1)]] {
            assert_eq!(clear(&book(orders)), Cleared::default());
        }
    }

    #[test]
    fn a_book_that_does_not_cross_has_no_price_but_claims() {
        let cleared = clear(&book(&[(Bid, 5, 3), (Ask, 5, 9)]));
        assert_eq!(cleared, Cleared { low_price: 3, high_price: 9, ..Cleared::default() });
        assert_eq!(cleared.fills(&book(&[(Bid, 5, 3), (Ask, 5, 9)])), [0, 0]);
        assert_eq!(cleared.share_of(&order(Bid, 5, 0)), 0, "the price of nothing is not a price");
    }

    #[test]
    fn prices_at_the_ends_of_64_bits_are_found() {
        let cleared = clear(&book(&[(Bid, 5, u64::MAX), (Ask, 5, 0)]));
        assert_eq!((cleared.low_price, cleared.high_price, cleared.price_per_kwh), (0, u64::MAX, u64::MAX / 2));
        let cleared = clear(&book(&[(Bid, u64::MAX, u64::MAX), (Ask, u64::MAX, u64::MAX)]));
        assert_eq!((cleared.price_per_kwh, cleared.volume_wh, cleared.rationed), (u64::MAX, u64::MAX, None));
        let all = book(&[(Bid, u64::MAX, 7), (Ask, u64::MAX - 1, 7)]);
        assert_eq!(clear(&all).fills(&all), [u64::MAX - 1, u64::MAX - 1]);
    }

    #[test]
    fn a_side_that_exceeds_64_bits_is_refused() {
        let mut book = book(&[(Bid, u64::MAX, 7)]);
        let refused = book.push(order(Bid, 1, 7)).unwrap_err();
        assert!(refused.to_string().contains("the bids of the book come to more than"), "{refused}");
        book.push(order(Ask, 1, 7)).unwrap();
        assert_eq!((book.bid_wh(), book.ask_wh(), book.orders().len()), (u64::MAX, 1, 2));
    }

    #[test]
    fn levels_are_the_two_curves() {
        let book = book(&[(Bid, 5, 9), (Ask, 3, 7), (Bid, 2, 7), (Ask, 4, 9), (Ask, 0, 8)]);
        let level = |price_per_kwh, bid_wh, ask_wh, bid_from_wh, asked_up_to_wh| Level {
            price_per_kwh,
            bid_wh,
            ask_wh,
            bid_from_wh,
            asked_up_to_wh,
        };
        assert_eq!(book.levels(), [level(7, 2, 3, 7, 3), level(9, 5, 4, 5, 7)]);
    }

    #[test]
    fn sides_are_read_as_they_are_written() {
        for side in [Bid, Ask] {
            assert_eq!(side.to_string().parse::<Side>().unwrap(), side);
        }
        assert!("Bid".parse::<Side>().unwrap_err().to_string().contains("give bid or ask"));
    }

    #[test]
    fn one_more_bid_sees_what_it_changes() {
        let present = book(&[(Bid, 1_000, 30), (Ask, 1_500, 20), (Ask, 100, 25)]);
        let outbid = preview(&present, order(Bid, 700, 20)).unwrap();
        assert_eq!((outbid.energy_wh, outbid.cleared.price_per_kwh), (500, 20));
        let dearer = preview(&present, order(Bid, 700, 25)).unwrap();
        assert_eq!((dearer.energy_wh, dearer.cleared.price_per_kwh), (600, 25));
        assert_eq!(preview(&present, order(Bid, 700, 19)).unwrap().energy_wh, 0);
        assert_eq!(present.orders().len(), 3);
    }

    /// What the chain makes of a book at the claimed prices.
    fn proven(book: &Book, low_price: u64, high_price: u64) -> Option<AuctionOutcome> {
        let mut clearing = Clearing { low_price, high_price, ..Clearing::zeroed() };
        let prices = clearing.prices();
        for order in book.orders() {
            let class = prices.class_of(order.price_per_kwh);
            match order.side {
                Bid => (clearing.bids, clearing.bid_wh[class]) = (1, clearing.bid_wh[class] + order.energy_wh),
                Ask => (clearing.offers, clearing.ask_wh[class]) = (1, clearing.ask_wh[class] + order.energy_wh),
            }
        }
        clearing.outcome().ok()
    }

    /// Wh bid at a price or above, asked for at it or below, bid above, and asked for below, by the rule as it is written.
    fn around(book: &Book, price: u64) -> (u64, u64, u64, u64) {
        let sum = |side: Side, counts: &dyn Fn(u64) -> bool| {
            let all = book.orders().iter().filter(|order| order.side == side && counts(order.price_per_kwh));
            all.map(|order| order.energy_wh).sum()
        };
        (
            sum(Bid, &|other| other >= price),
            sum(Ask, &|other| other <= price),
            sum(Bid, &|other| other > price),
            sum(Ask, &|other| other < price),
        )
    }

    fn any_book(prices: u64, energy: u64) -> impl Strategy<Value = Book> {
        let any = (any::<bool>(), 0..=energy, 0..prices);
        prop::collection::vec(any, 0..24).prop_map(|orders| {
            book(
                &orders
                    .iter()
                    .map(|(bids, wh, price)| (if *bids { Bid } else { Ask }, *wh, *price))
                    .collect::<Vec<_>>(),
            )
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]

        /// Against every price tried, and against the chain.
        #[test]
        fn the_price_is_the_one_of_the_rules(book in prop_oneof![any_book(6, 3), any_book(16, 50), any_book(2, 1)]) {
            let cleared = clear(&book);
            let volume_at = |price: u64| { let (bid, asked, ..) = around(&book, price); bid.min(asked) };
            prop_assert_eq!(cleared.volume_wh, (0..18).map(volume_at).max().unwrap());
            let Cleared { low_price, high_price, .. } = cleared;
            let outcome = proven(&book, low_price, high_price).expect("the chain takes the claim");
            prop_assert_eq!(outcome.volume_wh, cleared.volume_wh);
            if book.bid_wh() > 0 && book.ask_wh() > 0 {
                let is_low = |price: u64| {
                    let (from, up_to, above, below) = around(&book, price);
                    above <= up_to && (price == 0 || from > below)
                };
                let is_high = |price: u64| {
                    let (from, up_to, above, below) = around(&book, price);
                    below <= from && up_to > above
                };
                prop_assert_eq!((0..18).filter(|price| is_low(*price)).collect::<Vec<_>>(), [low_price]);
                prop_assert_eq!((0..18).filter(|price| is_high(*price)).collect::<Vec<_>>(), [high_price]);
                for (low, high) in [(low_price + 1, high_price.max(low_price + 1)), (low_price, high_price + 1)] {
                    prop_assert!(proven(&book, low, high).is_none());
                }
            }
            if cleared.volume_wh > 0 {
                prop_assert_eq!(outcome.price_per_kwh, cleared.price_per_kwh);
                let (bids, asks) = (outcome.bids, outcome.asks);
                prop_assert_eq!((bids.at_price_wh, bids.filled_wh), (cleared.bids_at_price_wh, cleared.bids_filled_wh));
                prop_assert_eq!((asks.at_price_wh, asks.filled_wh), (cleared.asks_at_price_wh, cleared.asks_filled_wh));
                let capacity = Capacity {
                    cleared_at: 1,
                    price_per_kwh: outcome.price_per_kwh,
                    volume_wh: outcome.volume_wh,
                    bids,
                    asks,
                    ..Capacity::zeroed()
                };
                let price = cleared.price_per_kwh;
                prop_assert_eq!(Cleared::of(&capacity), Some(Cleared { low_price: price, high_price: price, ..cleared }));
                prop_assert!(bids.filled_wh == bids.at_price_wh || asks.filled_wh == asks.at_price_wh);
            } else {
                prop_assert_eq!((cleared.price_per_kwh, cleared.rationed), (0, None));
            }
        }

        /// Both sides fill the volume, each order as the chain settles it.
        #[test]
        fn fills_are_those_of_the_chain(book in prop_oneof![any_book(4, 7), any_book(12, 1_000)]) {
            let cleared = clear(&book);
            let outcome = proven(&book, cleared.low_price, cleared.high_price).unwrap();
            let mut capacity = Capacity {
                cleared_at: 1,
                price_per_kwh: outcome.price_per_kwh,
                volume_wh: outcome.volume_wh,
                bids: outcome.bids,
                asks: outcome.asks,
                ..Capacity::zeroed()
            };
            let fills = cleared.fills(&book);
            let mut sums = [0, 0];
            for (order, fill) in book.orders().iter().zip(&fills) {
                if order.side == Bid {
                    prop_assert_eq!(capacity.settle_bid(order.energy_wh, order.price_per_kwh), *fill);
                }
                let share = cleared.share_of(order);
                prop_assert!(*fill == share || (*fill == share + 1 && cleared.is_better(order).is_none()));
                sums[usize::from(order.side == Ask)] += fill;
            }
            prop_assert_eq!(sums, [cleared.volume_wh; 2]);
        }

        /// A bid sees at least what it gets when it joins.
        #[test]
        fn a_preview_is_what_comes(book in any_book(6, 20), energy_wh in 1u64..30, price in 0u64..8) {
            let bid = order(Bid, energy_wh, price);
            let seen = preview(&book, bid).unwrap();
            let mut with = book.clone();
            with.push(bid).unwrap();
            let got = *clear(&with).fills(&with).last().unwrap();
            prop_assert!(got == seen.energy_wh || got == seen.energy_wh + 1);
        }
    }
}

//! The price of an auction, found the plain way: every price at which anything changes is tried.

/// The bids and asks of a window: price without grid fee, and Wh.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    pub bids: Vec<(u64, u64)>,
    pub asks: Vec<(u64, u64)>,
}

/// The prices between which an auction's price is the middle, and the price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    pub low: u64,
    pub high: u64,
}

impl Prices {
    /// The price itself.
    pub fn price(&self) -> u64 {
        self.low + (self.high - self.low) / 2
    }
}

fn sum(orders: &[(u64, u64)], counts: impl Fn(u64) -> bool) -> u64 {
    let of_side = orders.iter().filter(|(price, _)| counts(*price));
    u64::try_from(of_side.map(|(_, energy_wh)| *energy_wh as u128).sum::<u128>()).expect("Wh of a window")
}

impl Orders {
    /// Wh bid above a price.
    pub fn bid_above(&self, price: u64) -> u64 {
        sum(&self.bids, |of| of > price)
    }

    /// Wh bid at a price or above.
    pub fn bid_from(&self, price: u64) -> u64 {
        sum(&self.bids, |of| of >= price)
    }

    /// Wh asked below a price.
    pub fn asked_below(&self, price: u64) -> u64 {
        sum(&self.asks, |of| of < price)
    }

    /// Wh asked at a price or below.
    pub fn asked_up_to(&self, price: u64) -> u64 {
        sum(&self.asks, |of| of <= price)
    }

    /// What changes hands at a price.
    pub fn volume(&self, price: u64) -> u64 {
        self.bid_from(price).min(self.asked_up_to(price))
    }

    /// Whether the design's condition of the low price holds.
    pub fn is_low(&self, price: u64) -> bool {
        self.bid_above(price) <= self.asked_up_to(price)
            && (price == 0 || self.bid_from(price) > self.asked_below(price))
    }

    /// Whether the design's condition of the high price holds.
    pub fn is_high(&self, price: u64) -> bool {
        self.asked_below(price) <= self.bid_from(price) && self.asked_up_to(price) > self.bid_above(price)
    }

    /// Every price at which one of the sums changes, and the one above each, in order.
    pub fn candidates(&self) -> Vec<u64> {
        let prices = self.bids.iter().chain(&self.asks).map(|(price, _)| *price);
        let mut all: Vec<u64> = prices.flat_map(|price| [price, price.saturating_add(1)]).chain([0]).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The low and the high price; `None` where nothing is bid, or nothing asked.
    ///
    /// # Panics
    /// Where the conditions do not single out one price each, or another price has a larger volume.
    pub fn prices(&self) -> Option<Prices> {
        let total = |orders: &[(u64, u64)]| sum(orders, |_| true);
        if total(&self.bids) == 0 || total(&self.asks) == 0 {
            return None;
        }
        let all = self.candidates();
        let only = |holds: &dyn Fn(u64) -> bool| {
            let mut found = all.iter().copied().filter(|price| holds(*price));
            let first = found.next().expect("a price for which the condition holds");
            assert_eq!(found.next(), None, "only one price for which the condition holds");
            first
        };
        let prices = Prices { low: only(&|price| self.is_low(price)), high: only(&|price| self.is_high(price)) };
        assert!(prices.low <= prices.high, "the low price is not above the high one");
        let volume = self.volume(prices.price());
        assert!(all.iter().all(|price| self.volume(*price) <= volume), "no price has a larger volume");
        Some(prices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that only look random.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % limit
        }

        fn side(&mut self) -> Vec<(u64, u64)> {
            let count = self.below(6);
            (0..count).map(|_| (1 + self.below(20), self.below(9))).collect()
        }
    }

    #[test]
    fn the_conditions_single_out_the_prices_among_all_there_are() {
        let (mut numbers, mut cleared) = (Numbers(1), 0);
        for _ in 0..4_000 {
            let orders = Orders { bids: numbers.side(), asks: numbers.side() };
            let Some(prices) = orders.prices() else { continue };
            cleared += 1;
            for price in 0..=25 {
                assert_eq!(orders.is_low(price), price == prices.low, "{orders:?}");
                assert_eq!(orders.is_high(price), price == prices.high, "{orders:?}");
                assert!(orders.volume(price) <= orders.volume(prices.price()), "{orders:?}");
            }
            let (price, volume) = (prices.price(), orders.volume(prices.price()));
            assert!(orders.bid_above(price) <= volume && orders.asked_below(price) <= volume, "{orders:?}");
        }
        assert!(cleared > 2_000);
    }

    #[test]
    fn the_books_of_the_design_have_their_price_and_volume() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/auction");
        let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}")).expect("a book");
        let mut books = 0;
        for line in read("expected.csv").lines().skip(1) {
            let mut cells = line.split(',');
            let name = cells.next().expect("the name of a book");
            let numbers: Vec<u64> = cells.filter_map(|cell| cell.parse().ok()).collect();
            let mut orders = Orders::default();
            for line in read(name).lines().skip(1) {
                let cells: Vec<&str> = line.split(',').collect();
                let number = |at: usize| cells[at].parse().expect("a number");
                let side = if cells[0] == "bid" { &mut orders.bids } else { &mut orders.asks };
                side.push((number(3), number(2)));
            }
            let prices = orders.prices().expect("both sides have orders");
            let volume = orders.volume(prices.price());
            assert_eq!(volume, numbers[3], "{name}");
            assert!(volume == 0 || [prices.low, prices.high, prices.price()] == numbers[..3], "{name}");
            books += 1;
        }
        assert_eq!(books, 16);
    }
}

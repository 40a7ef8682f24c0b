//! An order book as numbers, and its price by trying every price. It shares no code with the program.

/// Prices (without the grid fee) and energy of bids and asks, in token base units per kWh and Wh.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    pub bids: Vec<(u64, u64)>,
    pub asks: Vec<(u64, u64)>,
}

impl Book {
    /// Reads the columns `side,party,energy_wh,price_per_kwh`.
    pub fn parse(csv: &str) -> Self {
        let mut book = Self::default();
        for line in csv.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let [side, _, energy_wh, price] = cells[..] else { panic!("four columns: {line}") };
            let order = (price.parse().expect("a price"), energy_wh.parse().expect("energy"));
            match side {
                "bid" => book.bids.push(order),
                "ask" => book.asks.push(order),
                other => panic!("side {other}"),
            }
        }
        book
    }

    fn sum(orders: &[(u64, u64)], counts: impl Fn(u64) -> bool) -> u64 {
        orders.iter().filter(|(price, _)| counts(*price)).map(|(_, energy_wh)| energy_wh).sum()
    }

    /// Wh bid at a price or above it.
    pub fn bid_from(&self, price: u64) -> u64 {
        Self::sum(&self.bids, |other| other >= price)
    }

    /// Wh asked for at a price or below it.
    pub fn asked_up_to(&self, price: u64) -> u64 {
        Self::sum(&self.asks, |other| other <= price)
    }

    fn bid_above(&self, price: u64) -> u64 {
        Self::sum(&self.bids, |other| other > price)
    }

    fn asked_below(&self, price: u64) -> u64 {
        Self::sum(&self.asks, |other| other < price)
    }

    /// Energy that changes hands at a price, in Wh.
    pub fn volume_at(&self, price: u64) -> u64 {
        self.bid_from(price).min(self.asked_up_to(price))
    }

    /// Whether a price is the low one, by the rule as it is written.
    pub fn is_low(&self, price: u64) -> bool {
        self.bid_above(price) <= self.asked_up_to(price)
            && (price == 0 || self.bid_from(price) > self.asked_below(price))
    }

    /// Whether a price is the high one.
    pub fn is_high(&self, price: u64) -> bool {
        self.asked_below(price) <= self.bid_from(price) && self.asked_up_to(price) > self.bid_above(price)
    }

    /// Every price at which anything can change: those of the orders and the ones next to them.
    pub fn candidates(&self) -> Vec<u64> {
        let mut prices = vec![0];
        for (price, _) in self.bids.iter().chain(&self.asks) {
            prices.extend([price.saturating_sub(1), *price, price.saturating_add(1)]);
        }
        prices.sort_unstable();
        prices.dedup();
        prices
    }

    /// Low and high price; `None` where one side is empty.
    pub fn prices(&self) -> Option<(u64, u64)> {
        let is_empty = |orders: &[(u64, u64)]| orders.iter().all(|(_, energy_wh)| *energy_wh == 0);
        if is_empty(&self.bids) || is_empty(&self.asks) {
            return None;
        }
        let candidates = self.candidates();
        let one = |is_it: &dyn Fn(u64) -> bool| {
            let found: Vec<u64> = candidates.iter().copied().filter(|price| is_it(*price)).collect();
            assert_eq!(found.len(), 1, "one price fulfils the rule: {found:?}");
            found[0]
        };
        Some((one(&|price| self.is_low(price)), one(&|price| self.is_high(price))))
    }

    /// Price and volume of the auction.
    pub fn outcome(&self) -> (u64, u64) {
        let Some((low, high)) = self.prices() else { return (0, 0) };
        let price = low + (high - low) / 2;
        (price, self.volume_at(price))
    }

    /// The largest volume of all prices.
    pub fn largest_volume(&self) -> u64 {
        self.candidates().into_iter().map(|price| self.volume_at(price)).max().unwrap_or(0)
    }
}

/// Numbers that look random and are the same in every run.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (number ^ (number >> 31)) % limit
    }

    /// One of several, `None` where there are none.
    pub fn pick<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        (!all.is_empty()).then(|| all[self.below(all.len() as u64) as usize])
    }

    pub fn place(&mut self, count: usize) -> usize {
        self.below(count as u64) as usize
    }
}

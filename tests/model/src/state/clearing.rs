//! Proofs of an auction's price, in progress.

use {solana_address::Address, std::collections::BTreeMap};

/// An order as it was when it was tallied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelTallied {
    pub is_bid: bool,
    /// Without the grid fee.
    pub price_per_kwh: u64,
    pub energy_wh: u64,
}

/// One clearer's proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelClearing {
    pub bus: Address,
    pub capacity: Address,
    pub clearer: Address,
    pub low_price: u64,
    pub high_price: u64,
    /// The orders so far, by their address.
    pub tallied: BTreeMap<Address, ModelTallied>,
    pub opened_at: i64,
}

impl ModelClearing {
    /// How many bids were tallied, or offers.
    pub fn count(&self, bids: bool) -> usize {
        self.tallied.values().filter(|order| order.is_bid == bids).count()
    }

    /// Wh of bids or offers: below the low price, at it, between it and the middle, at the middle, between that and the high
    /// price, at it, above. Of equal prices the first class counts.
    pub fn classes(&self, bids: bool) -> [u64; 7] {
        let (low, high) = (self.low_price, self.high_price);
        let middle = low + (high - low) / 2;
        let mut sums = [0; 7];
        for order in self.tallied.values().filter(|order| order.is_bid == bids) {
            let price = order.price_per_kwh;
            // The last class takes what no other does.
            let before = [price < low, price == low, price < middle, price == middle, price < high, price == high];
            sums[before.iter().position(|holds| *holds).unwrap_or(6)] += order.energy_wh;
        }
        sums
    }
}

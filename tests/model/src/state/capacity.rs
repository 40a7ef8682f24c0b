//! Capacities: the energy of a bus or of one of its windows.

use {crate::limit::OFFER_SEQ_WINDOW, solana_address::Address, std::collections::BTreeSet};

/// The energy of a bus, or of one of its windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelCapacity {
    pub bus: Address,
    pub rent_payer: Address,
    /// 0 for the general capacity.
    pub window_start: i64,
    pub window_seconds: u32,
    pub total_wh: u64,
    pub available_wh: u64,
    pub listed_wh: u64,
    pub sold_wh: u64,
    pub open_offers: u32,
    pub open_windows: u32,
    /// Numbers of all its offers so far.
    pub used: BTreeSet<u64>,
}

impl ModelCapacity {
    /// The general capacity of a bus, without offers and windows.
    pub fn new(bus: Address, rent_payer: Address, total_wh: u64) -> Self {
        Self {
            bus,
            rent_payer,
            window_start: 0,
            window_seconds: 0,
            total_wh,
            available_wh: total_wh,
            listed_wh: 0,
            sold_wh: 0,
            open_offers: 0,
            open_windows: 0,
            used: BTreeSet::new(),
        }
    }

    /// The number above the highest one used.
    pub fn next_seq(&self) -> u64 {
        self.used.last().map_or(0, |seq| seq + 1)
    }

    /// Whether a new offer may have this number.
    pub fn may_use(&self, seq: u64) -> bool {
        let next = self.next_seq();
        let near = if seq >= next { seq - next < OFFER_SEQ_WINDOW } else { next - seq <= OFFER_SEQ_WINDOW };
        near && seq != u64::MAX && !self.used.contains(&seq)
    }
}

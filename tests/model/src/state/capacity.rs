//! Capacities: the energy of a bus or of one of its windows.

use {super::ModelTerms, solana_address::Address};

/// The energy of a bus, or of one of its windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelCapacity {
    pub bus: Address,
    pub rent_payer: Address,
    /// 0 for the general capacity.
    pub window_start: i64,
    /// Terms of the window; none for the general capacity.
    pub terms: ModelTerms,
    /// First second in which it trades no more; the highest number for the general capacity.
    pub gate_closes_at: i64,
    pub total_wh: u64,
    /// In offers that are open, sold energy included.
    pub listed_wh: u64,
    /// Sold by offers that are closed.
    pub sold_wh: u64,
    pub open_offers: u32,
}

impl ModelCapacity {
    /// The general capacity of a bus.
    pub fn general(bus: Address, rent_payer: Address, total_wh: u64) -> Self {
        Self {
            bus,
            rent_payer,
            window_start: 0,
            terms: ModelTerms::default(),
            gate_closes_at: i64::MAX,
            total_wh,
            listed_wh: 0,
            sold_wh: 0,
            open_offers: 0,
        }
    }

    /// What is on offer or was sold.
    pub fn committed_wh(&self) -> u64 {
        self.listed_wh + self.sold_wh
    }

    pub fn available_wh(&self) -> u64 {
        self.total_wh - self.committed_wh()
    }

    /// The total under a bus's present capacity: less than it was opened with where the owners lowered it, but never less
    /// than what is committed.
    pub fn total_under(&self, capacity_wh: u64) -> u64 {
        self.total_wh.min(capacity_wh.max(self.committed_wh()))
    }

    pub fn available_under(&self, capacity_wh: u64) -> u64 {
        self.total_under(capacity_wh) - self.committed_wh()
    }

    /// First second after the window.
    pub fn ends_at(&self) -> i64 {
        self.window_start + self.terms.window_seconds as i64
    }
}

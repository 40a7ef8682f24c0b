//! Offers of energy.

use solana_address::Address;

/// An offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelOffer {
    pub bus: Address,
    pub capacity: Address,
    pub seller: Address,
    /// The seller's wallet; the bus where the offer is its own.
    pub wallet: Address,
    pub rent_payer: Address,
    pub number: u64,
    pub source: u8,
    /// Least energy of a purchase or a lock that does not take the rest: the bus's when this was listed.
    pub least_wh: u64,
    pub cancelled: bool,
    pub version: u32,
    pub price_per_kwh: u64,
    pub listed_wh: u64,
    pub remaining_wh: u64,
    pub reserved_wh: u64,
    /// Paid for it and not the seller's to withdraw yet, in base units.
    pub proceeds: u64,
    /// Deposits of its locks, in base units.
    pub deposits: u64,
    pub open_locks: u32,
    /// All locks that were taken on it.
    pub locks_taken: u32,
    pub window_start: i64,
    pub gate_closes_at: i64,
    pub created_at: i64,
    /// First second in which it trades, 0 unless it is the bus's own.
    pub trades_from: i64,
    /// First second in which it trades no more.
    pub expires_at: i64,
    /// Last second of the latest lock, 0 before the first.
    pub locked_until: i64,
}

impl ModelOffer {
    /// Energy that is neither sold nor locked.
    pub fn free_wh(&self) -> u64 {
        self.remaining_wh - self.reserved_wh
    }

    pub fn is_own(&self) -> bool {
        self.wallet == self.bus
    }

    pub fn is_expired(&self, now: i64) -> bool {
        now >= self.expires_at
    }
}

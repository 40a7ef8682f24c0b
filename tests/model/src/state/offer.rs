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
    /// Whether who listed it cancelled it, or it is the bus's own.
    pub cancelled_by_lister: bool,
    pub version: u32,
    /// What the seller asks: buyers pay the grid fee on top.
    pub price_per_kwh: u64,
    pub grid_fee_per_kwh: u64,
    /// Grid fees that were taken out of its proceeds, in base units.
    pub grid_credited: u64,
    /// Whether an auction closes its window.
    pub in_auction: bool,
    /// Whether that auction has settled it.
    pub settled: bool,
    /// On delivery terms: the seller's delivery book, and the place of the window in it.
    pub book: Option<(Address, usize)>,
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
    /// Energy that is neither sold nor locked. An auction sells what ended locks still reserve, so that nothing may be left.
    pub fn free_wh(&self) -> u64 {
        self.remaining_wh.saturating_sub(self.reserved_wh)
    }

    /// What a kWh costs a buyer.
    pub fn full_price(&self) -> u64 {
        self.price_per_kwh + self.grid_fee_per_kwh
    }

    pub fn sold_wh(&self) -> u64 {
        self.listed_wh - self.remaining_wh
    }

    pub fn is_own(&self) -> bool {
        self.wallet == self.bus
    }

    /// What it asks to sell in the auction that closes its window: all that is left, where it could still be bought at the gate.
    pub fn ask_wh(&self) -> u64 {
        let gate = self.gate_closes_at;
        if !self.cancelled && self.expires_at >= gate && self.trades_from <= gate { self.remaining_wh } else { 0 }
    }

    pub fn is_expired(&self, now: i64) -> bool {
        now >= self.expires_at
    }
}

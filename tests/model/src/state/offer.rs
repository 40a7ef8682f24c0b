//! Offers of energy.

use solana_address::Address;

/// An offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelOffer {
    pub bus: Address,
    pub capacity: Address,
    pub seller: Address,
    pub payout: Address,
    pub rent_payer: Address,
    pub offer_seq: u64,
    pub source: u8,
    pub of_bus: bool,
    pub cancelled: bool,
    pub version: u32,
    pub price_per_kwh: u64,
    pub listed_wh: u64,
    pub remaining_wh: u64,
    pub reserved_wh: u64,
    pub open_locks: u32,
    pub window_start: i64,
    pub created_at: i64,
    /// Unix seconds; 0 for no expiry.
    pub expires_at: i64,
}

impl ModelOffer {
    /// Energy that is neither sold nor locked.
    pub fn free_wh(&self) -> u64 {
        self.remaining_wh - self.reserved_wh
    }

    pub fn is_expired(&self, now: i64) -> bool {
        self.expires_at != 0 && now > self.expires_at
    }
}

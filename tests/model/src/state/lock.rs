//! Locks: energy reserved for a buyer, against a deposit.

use {crate::limit::LOCK_SECONDS, solana_address::Address};

/// A lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelLock {
    pub bus: Address,
    pub offer: Address,
    pub buyer: Address,
    pub energy_wh: u64,
    pub price_per_kwh: u64,
    pub deposit: u64,
    pub lock_fee_bps: u16,
    pub taken_at: i64,
}

impl ModelLock {
    pub fn is_expired(&self, now: i64) -> bool {
        now > self.taken_at + LOCK_SECONDS
    }
}

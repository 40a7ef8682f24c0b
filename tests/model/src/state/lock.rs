//! Locks: energy reserved for a buyer, against a deposit.

use {crate::limit::LOCK_SECONDS, solana_address::Address};

/// A lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelLock {
    pub bus: Address,
    pub offer: Address,
    pub buyer: Address,
    pub place: u8,
    /// Among all locks that were taken on its offer, from 1.
    pub number: u32,
    /// Its energy is free again; its refund could not leave the vault yet.
    pub is_unpaid: bool,
    pub energy_wh: u64,
    /// Grid fee included.
    pub price_per_kwh: u64,
    pub grid_fee_per_kwh: u64,
    /// What the vault holds for it: the full cost, or once it is released, the refund.
    pub deposit: u64,
    pub lock_fee_bps: u16,
    pub taken_at: i64,
    /// The token account that the buyer named for the refund.
    pub refund: Address,
}

impl ModelLock {
    pub fn is_expired(&self, now: i64) -> bool {
        now > self.taken_at + LOCK_SECONDS
    }
}

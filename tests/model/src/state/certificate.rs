//! Certificates of origin.

use solana_address::Address;

/// Some Wh that a device delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelCertificate {
    pub bus: Address,
    pub seller: Address,
    pub device: Address,
    pub source: u8,
    pub window_start: i64,
    pub window_seconds: u32,
    /// The first of the window's delivered Wh, from 0, and the one after the last.
    pub range_start: u64,
    pub range_end: u64,
    pub issued_at: i64,
    pub owner: Address,
    pub rent_payer: Address,
}

impl ModelCertificate {
    pub fn energy_wh(&self) -> u64 {
        self.range_end - self.range_start
    }
}

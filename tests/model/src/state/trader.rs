//! Counters of wallets: of their buses, and of their purchases, with a receipt for each purchase.

use solana_address::Address;

/// The counter of a wallet's buses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelCreator {
    pub wallet: Address,
    pub next_bus: u64,
}

/// The receipt of a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelReceipt {
    pub transaction_hash: [u8; 32],
    pub energy_wh: u64,
    pub paid: u64,
    pub purchased_at: i64,
}

/// A nonce lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelLane {
    pub wallet: Address,
    pub lane: u16,
    pub first_nonce: u64,
    pub opened_at: i64,
    pub history_root: [u8; 32],
    pub receipts: Vec<ModelReceipt>,
}

impl ModelLane {
    pub fn next_nonce(&self) -> u64 {
        self.first_nonce + self.receipts.len() as u64
    }
}

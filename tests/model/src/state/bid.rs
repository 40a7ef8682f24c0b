//! Bids in the auction that closes a window.

use solana_address::Address;

/// How far a bid has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelBidState {
    Open = 0,
    /// On delivery terms: it got energy, and the sellers have not all reported.
    Filled = 1,
    /// It has paid for what was delivered, and can take certificates.
    Refunded = 2,
}

/// A bid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelBid {
    pub bus: Address,
    pub capacity: Address,
    pub buyer: Address,
    /// The token account that the buyer named for what is returned.
    pub refund: Address,
    pub bump: u8,
    pub state: ModelBidState,
    pub energy_wh: u64,
    /// Grid fee included.
    pub max_price_per_kwh: u64,
    /// Without the grid fee.
    pub price_per_kwh: u64,
    /// What the escrow holds for it, in base units: what it paid, and what is to be returned.
    pub deposit: u64,
    pub paid: u64,
    pub allotted_wh: u64,
    pub delivered_wh: u64,
    pub certified_wh: u64,
    pub window_start: i64,
    pub created_at: i64,
    pub transaction_hash: [u8; 32],
}

impl ModelBid {
    /// What is to be returned.
    pub fn owed(&self) -> u64 {
        self.deposit - self.paid
    }
}

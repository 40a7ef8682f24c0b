//! Sellers: what they may do on a bus, and what they can withdraw.

use solana_address::Address;

/// A seller on a bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelSeller {
    pub bus: Address,
    /// Who lists, and who is paid; the bus where it sells for itself.
    pub wallet: Address,
    pub vault: Address,
    pub rent_payer: Address,
    pub suspended: bool,
    pub admitted: bool,
    pub open_offers: u32,
    pub next_offer: u64,
    /// What the vault holds that it can withdraw, in base units.
    pub released: u64,
    pub opened_at: i64,
    /// What the vault holds for the recipient of grid fees, in base units.
    pub grid_fees_owed: u64,
    pub meter: Option<Address>,
    pub open_books: u32,
}

impl ModelSeller {
    /// Whether the bus sells through it for itself.
    pub fn is_own(&self) -> bool {
        self.wallet == self.bus
    }
}

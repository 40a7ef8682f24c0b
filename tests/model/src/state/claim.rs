//! Claims: what could not be paid to a wallet.

use solana_address::Address;

/// What a wallet can pull from the unclaimed account of a bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelClaim {
    pub bus: Address,
    pub wallet: Address,
    /// Above 0, in base units.
    pub amount: u64,
    /// The account that strangers may pay beside the associated one; zeros for none.
    pub refund: Address,
    pub rent_payer: Address,
}

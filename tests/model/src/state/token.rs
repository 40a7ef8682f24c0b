//! Settlement mints and token accounts.

use solana_address::Address;

/// A mint: one that a bus can settle in, or one that the market refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelMint {
    pub program: Address,
    pub decimals: u8,
    /// Name of the error with which the market refuses it.
    pub refused_as: Option<&'static str>,
}

/// A token account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelTokens {
    pub mint: Address,
    pub owner: Address,
    pub amount: u64,
    pub frozen: bool,
    /// A wallet besides the owner that may move tokens, and how many.
    pub delegate: Option<(Address, u64)>,
}

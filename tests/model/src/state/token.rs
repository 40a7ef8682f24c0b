//! Settlement mints and token accounts.

use solana_address::Address;

/// A mint, which the market may accept or refuse.
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
    /// The delegate, and how many tokens it may move.
    pub delegate: Option<(Address, u64)>,
}

//! Settlement mints and token accounts.

use solana_address::Address;

/// A mint, which the market may accept or refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelMint {
    pub program: Address,
    pub decimals: u8,
    /// Whether it is the mint of wrapped SOL: its tokens are lamports of their account.
    pub is_native: bool,
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
    /// Whether its owner asks for a memo with every payment.
    pub asks_memo: bool,
    /// The delegate, and how many tokens it may move.
    pub delegate: Option<(Address, u64)>,
    /// Of wrapped SOL: the lamports that are not tokens.
    pub native_reserve: Option<u64>,
}

impl ModelTokens {
    /// An empty account.
    pub fn new(mint: Address, owner: Address, native_reserve: Option<u64>) -> Self {
        Self { mint, owner, amount: 0, frozen: false, asks_memo: false, delegate: None, native_reserve }
    }
}

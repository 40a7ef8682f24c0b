//! How far a replay is.

use std::fmt;

/// What a replay is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Waits until what was in flight before can no longer land.
    Waiting,
    /// Makes token, wallets and bus.
    Funding,
    /// Trades interval by interval.
    Trading,
    /// Withdraws and closes what is over.
    Closing,
    /// Pays for what was delivered, and refunds what was not.
    Settling,
    /// Owners claim their shares of what the bus sold.
    Claiming,
    /// Compares chain and file.
    Checking,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting for transactions in flight",
            Self::Funding => "funding members",
            Self::Trading => "trading",
            Self::Closing => "closing windows",
            Self::Settling => "settling deliveries",
            Self::Claiming => "claiming shares",
            Self::Checking => "checking",
        })
    }
}

/// How far a replay is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub stage: Stage,
    /// Steps of this stage that are done.
    pub done: u64,
    /// Steps of this stage.
    pub total: u64,
    /// What the last step was.
    pub detail: String,
}

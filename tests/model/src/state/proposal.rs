//! Proposals of owners.

use {crate::call::Action, solana_address::Address, std::collections::BTreeSet};

/// A proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelProposal {
    pub bus: Address,
    pub proposer: Address,
    pub number: u64,
    pub config_version: u64,
    pub pause_version: u64,
    pub created_at: i64,
    /// Unix seconds; 0 while approvals are missing.
    pub executable_at: i64,
    /// Last second in which it can be executed.
    pub expires_at: i64,
    pub executed_at: Option<i64>,
    /// Whether it ever had the approvals that it needs: from then on its expiry stays.
    pub was_decided: bool,
    /// What an approval names.
    pub hash: [u8; 32],
    pub action: Action,
    /// Indices of the owners who approve.
    pub approvals: BTreeSet<usize>,
}

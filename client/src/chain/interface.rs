//! What the client needs of a chain, and nothing else.

use {
    crate::{
        error::Result,
        event::{Event, ParsedEvents},
    },
    async_trait::async_trait,
    futures_util::stream::BoxStream,
    solana_account::Account,
    solana_address::Address,
    solana_hash::Hash,
    solana_signature::Signature,
    solana_transaction::versioned::VersionedTransaction,
    solana_transaction_error::TransactionError,
};

/// Which accounts of a program to return: all conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// Length of the account's data, in bytes.
    pub size: Option<u64>,
    /// Bytes that the data must have at an offset. Nodes accept at most four conditions, of 128 bytes each.
    pub bytes: Vec<(usize, Vec<u8>)>,
}

impl AccountFilter {
    /// Adds the condition that the data has a length in bytes.
    #[must_use]
    pub fn size(mut self, size: usize) -> Self {
        self.size = Some(size as u64);
        self
    }

    /// Adds the condition that the data has these bytes at an offset.
    #[must_use]
    pub fn bytes(mut self, offset: usize, bytes: &[u8]) -> Self {
        self.bytes.push((offset, bytes.to_vec()));
        self
    }

    /// Whether an account's data meets every condition.
    pub fn matches(&self, data: &[u8]) -> bool {
        self.size.is_none_or(|size| data.len() as u64 == size)
            && self.bytes.iter().all(|(offset, bytes)| {
                data.get(*offset..).is_some_and(|rest| rest.len() >= bytes.len() && rest.starts_with(bytes))
            })
    }
}

/// A blockhash to sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentBlockhash {
    /// The hash.
    pub hash: Hash,
    /// Last block height at which a transaction with this blockhash can land.
    pub last_valid_block_height: u64,
}

/// What a transaction would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulation {
    /// Why it would fail.
    pub error: Option<TransactionError>,
    /// What it would log.
    pub logs: Vec<String>,
    /// What it would use.
    pub compute_units: u64,
    /// Bytes of the accounts that it would load, programs included; `None` where the node does not tell.
    pub loaded_bytes: Option<u32>,
}

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is on chain and succeeded.
    Landed {
        /// Slot of its block.
        slot: u64,
    },
    /// It is on chain, failed and changed nothing but the fee payer's balance.
    Failed {
        /// Slot of its block.
        slot: u64,
        /// Why it failed.
        error: TransactionError,
    },
    /// Its blockhash expired before it landed: it never will.
    Expired,
}

/// Where a transaction is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureStatus {
    /// Slot of its block.
    pub slot: u64,
    /// Why it failed.
    pub error: Option<TransactionError>,
}

/// A transaction on chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionRecord {
    /// Its first signature.
    pub signature: Signature,
    /// Slot of its block.
    pub slot: u64,
    /// Time of its block, in unix seconds.
    pub block_time: Option<i64>,
    /// Why it failed.
    pub error: Option<TransactionError>,
    /// What it logged.
    pub logs: Vec<String>,
    /// What it used.
    pub compute_units: u64,
    /// What it paid, in lamports.
    pub fee: u64,
}

/// A transaction that mentions an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureInfo {
    /// Its first signature.
    pub signature: Signature,
    /// Slot of its block.
    pub slot: u64,
    /// Time of its block, in unix seconds.
    pub block_time: Option<i64>,
    /// Why it failed.
    pub error: Option<TransactionError>,
}

/// Logs of a transaction that was just executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogsNotification {
    /// Its first signature.
    pub signature: Signature,
    /// Slot of its block.
    pub slot: u64,
    /// Why it failed.
    pub error: Option<TransactionError>,
    /// What it logged.
    pub logs: Vec<String>,
}

impl TransactionRecord {
    /// The market's events in it, and whether some may be missing. One that failed has none, since what it did was undone.
    pub fn parsed(&self) -> ParsedEvents {
        ParsedEvents::of(&self.logs, self.error.is_some())
    }

    /// The market's events in it, as far as its log has them: see [`parsed`](Self::parsed).
    pub fn events(&self) -> Vec<Event> {
        self.parsed().events
    }
}

impl LogsNotification {
    /// The market's events in it, and whether some may be missing. One that failed has none, since what it did was undone.
    pub fn parsed(&self) -> ParsedEvents {
        ParsedEvents::of(&self.logs, self.error.is_some())
    }

    /// The market's events in it, as far as its log has them: see [`parsed`](Self::parsed).
    pub fn events(&self) -> Vec<Event> {
        self.parsed().events
    }
}

/// The chain's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainClock {
    /// Present slot.
    pub slot: u64,
    /// Present time, in unix seconds.
    pub unix_timestamp: i64,
}

/// A stream of the logs of transactions as they are executed.
pub type LogsStream = BoxStream<'static, Result<LogsNotification>>;

/// A chain: what the client needs of it and nothing else.
#[async_trait]
pub trait Chain: Send + Sync {
    /// What this chain is, for messages: a URL, or "embedded chain".
    fn description(&self) -> String;

    /// Whether the chain lives in this process, so that waiting moves its clock instead of taking time.
    fn is_embedded(&self) -> bool;

    /// Accounts in the order of the addresses, `None` where there is no account. There may be any number of addresses.
    async fn accounts(&self, addresses: &[Address]) -> Result<Vec<Option<Account>>>;

    /// Accounts of a program that meet a filter, in no order.
    async fn program_accounts(&self, program: &Address, filter: &AccountFilter) -> Result<Vec<(Address, Account)>>;

    /// A blockhash to sign with, at most a few seconds old.
    async fn latest_blockhash(&self) -> Result<RecentBlockhash>;

    /// Executes a transaction without effect. Neither signatures nor the blockhash need be valid.
    async fn simulate(&self, transaction: &VersionedTransaction) -> Result<Simulation>;

    /// Submits a signed transaction without waiting and without simulating it. Submitting the same transaction again
    /// does no harm. A chain may refuse it as [`TransactionError::AlreadyProcessed`].
    async fn send(&self, transaction: &VersionedTransaction) -> Result<Signature>;

    /// Waits until a submitted transaction has landed, failed or expired. Any number of tasks may wait at once.
    async fn confirm(&self, signature: &Signature, last_valid_block_height: u64) -> Result<Outcome>;

    /// Where transactions are now, `None` where the chain does not know them. Looks only at recent blocks.
    async fn statuses(&self, signatures: &[Signature]) -> Result<Vec<Option<SignatureStatus>>>;

    /// A transaction on chain, `None` if the chain does not know it or no longer keeps it.
    async fn transaction(&self, signature: &Signature) -> Result<Option<TransactionRecord>>;

    /// Up to `limit` transactions that mention an address, newest first, older than `before`.
    async fn signatures_for(
        &self,
        address: &Address,
        before: Option<Signature>,
        limit: usize,
    ) -> Result<Vec<SignatureInfo>>;

    /// The present time of the chain, which the program uses.
    async fn clock(&self) -> Result<ChainClock>;

    /// Lamports that an account with data of a length must hold.
    async fn minimum_rent(&self, data_len: usize) -> Result<u64>;

    /// Gives lamports to an address, on networks with airdrops. Returns once they are there.
    async fn airdrop(&self, address: &Address, lamports: u64) -> Result<()>;

    /// Priority fees recently paid for writing to accounts, in micro-lamports per compute unit, in no order.
    async fn recent_priority_fees(&self, writable: &[Address]) -> Result<Vec<u64>>;

    /// Logs of every transaction that mentions an address, from now on, each once. If the connection breaks, it is made
    /// again and what was missed is sent. If that fails for long, the last item is the error.
    async fn subscribe_logs(&self, mentions: &Address) -> Result<LogsStream>;

    /// Returns once the chain's clock is at a time or later. An embedded chain moves its clock and its slot forward.
    async fn wait_until(&self, unix_timestamp: i64) -> Result<ChainClock>;

    /// Returns once the chain is at a slot or later. An embedded chain moves its slot forward.
    async fn wait_for_slot(&self, slot: u64) -> Result<ChainClock>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_needs_every_condition() {
        let filter = AccountFilter::default().size(4).bytes(1, &[2, 3]);
        assert!(filter.matches(&[1, 2, 3, 4]));
        assert!(!filter.matches(&[1, 2, 3]));
        assert!(!filter.matches(&[1, 2, 4, 4]));
        assert!(!AccountFilter::default().bytes(9, &[1]).matches(&[1]));
        assert!(AccountFilter::default().matches(&[]));
    }
}

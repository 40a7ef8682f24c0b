//! A chain inside the process: LiteSVM executes the program's real ELF next to the real token programs.
//!
//! Its clock starts at the machine's time. It moves one slot (400 ms) for every 64 transactions, and as far as
//! [`Chain::wait_until`] and [`Chain::wait_for_slot`] ask. So every run is the same, and a day of windows passes in
//! seconds. As on a network, blockhashes expire after 150 blocks, a transaction executes once, signatures are verified,
//! and logs and history are kept for every address.

use {
    super::{
        AccountFilter, Chain, ChainClock, LogsNotification, LogsStream, Outcome, RecentBlockhash, SignatureInfo,
        SignatureStatus, Simulation, TransactionError, TransactionRecord, VersionedTransaction, ed25519,
        guard::LAST_SECOND, kinds::Kinds,
    },
    crate::error::{Error, Result},
    async_trait::async_trait,
    futures_util::{StreamExt, stream},
    litesvm::{LiteSVM, types::TransactionMetadata},
    solana_account::{Account, AccountSharedData, ReadableAccount},
    solana_address::Address,
    solana_clock::Clock,
    solana_hash::Hash,
    solana_message::{AddressLoader, VersionedMessage, v0::LoadedAddresses},
    solana_sdk_ids::system_program,
    solana_signature::Signature,
    solana_slot_hashes::SlotHashes,
    std::{
        collections::{HashMap, VecDeque},
        path::PathBuf,
        sync::{Mutex, MutexGuard, PoisonError},
        time::{SystemTime, UNIX_EPOCH},
    },
    tokio::sync::mpsc,
};

/// Transactions that share a slot.
const TRANSACTIONS_PER_SLOT: u32 = 64;
/// Length of a slot, in milliseconds.
pub(super) const SLOT_MILLISECONDS: i64 = 400;
/// Blocks for which a blockhash can be used, as on a network.
const BLOCKHASH_BLOCKS: u64 = 150;
/// Slots whose hashes programs can see, as on a network.
const SLOT_HASHES: usize = 512;
/// Memory for the history by default, in bytes.
const HISTORY_BYTES: usize = 512 << 20;

/// A chain inside the process.
pub struct EmbeddedChain {
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) svm: LiteSVM,
    pub(super) slot: u64,
    pub(super) unix_milliseconds: i64,
    pub(super) block_height: u64,
    transactions_in_slot: u32,
    /// Usable blockhashes, oldest first, with the height of their block.
    blockhashes: VecDeque<(Hash, u64)>,
    slot_hashes: VecDeque<(u64, Hash)>,
    pub(super) history: History,
    pub(super) kinds: Kinds,
    subscribers: Vec<(Address, mpsc::UnboundedSender<LogsNotification>)>,
}

/// Executed transactions, oldest first.
pub(super) struct History {
    pub(super) records: VecDeque<(TransactionRecord, Vec<Address>)>,
    /// Number of the oldest record.
    first: u64,
    bytes: usize,
    /// Bytes beyond which the oldest transactions are forgotten.
    most_bytes: usize,
    by_signature: HashMap<Signature, u64>,
}

impl Default for History {
    fn default() -> Self {
        Self { records: VecDeque::new(), first: 0, bytes: 0, most_bytes: HISTORY_BYTES, by_signature: HashMap::new() }
    }
}

impl History {
    pub(super) fn push(&mut self, record: TransactionRecord, addresses: Vec<Address>) {
        let number = self.first + self.records.len() as u64;
        let slot = record.slot;
        self.by_signature.insert(record.signature, number);
        self.bytes += Self::size(&record, &addresses);
        self.records.push_back((record, addresses));
        // A transaction whose blockhash can still be used must be known, so that it does not execute twice.
        let is_over = |(record, _): &(TransactionRecord, Vec<Address>)| record.slot + BLOCKHASH_BLOCKS < slot;
        while self.bytes > self.most_bytes && self.records.front().is_some_and(is_over) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((record, addresses)) = self.records.pop_front() else { return };
        self.first += 1;
        self.bytes -= Self::size(&record, &addresses);
        self.by_signature.remove(&record.signature);
    }

    fn size(record: &TransactionRecord, addresses: &[Address]) -> usize {
        let logs: usize = record.logs.iter().map(|line| line.len() + 48).sum();
        logs + addresses.len() * 32 + 256
    }

    fn get(&self, signature: &Signature) -> Option<&TransactionRecord> {
        let number = self.by_signature.get(signature)?;
        self.records.get((number - self.first) as usize).map(|(record, _)| record)
    }

    /// Transactions that mention an address, the newest first, from the one before `before` on. None is kept by address: that
    /// would cost every transaction more than a search costs the few who ask.
    fn mentioning<'a>(
        &'a self,
        address: &'a Address,
        before: Option<Signature>,
    ) -> impl Iterator<Item = &'a TransactionRecord> {
        let end = match before {
            None => self.records.len(),
            Some(signature) => self.by_signature.get(&signature).map_or(0, |number| (number - self.first) as usize),
        };
        let mentions = move |(_, addresses): &&(TransactionRecord, Vec<Address>)| addresses.contains(address);
        self.records.range(..end).rev().filter(mentions).map(|(record, _)| record)
    }
}

impl EmbeddedChain {
    /// A chain with the program's ELF. That is the file at `MULTIBUS_PROGRAM`. Else it is the program that came with the
    /// package of this crate; in a checkout, `deploy/multibus.so` in the target folder: `CARGO_TARGET_DIR`, or that of this
    /// executable, or `target` here or in a folder above.
    pub fn new() -> Result<Self> {
        let named = std::env::var_os("MULTIBUS_PROGRAM").filter(|path| !path.is_empty()).map(PathBuf::from);
        if let (None, Some(elf)) = (&named, PACKED_PROGRAM) {
            return Self::with_program(elf);
        }
        let path = named.map_or_else(find_program, Ok)?;
        let elf = std::fs::read(&path).map_err(|error| {
            Error::Invalid(format!(
                "the program {} cannot be read ({error}); build it with `cargo xtask build`",
                path.display()
            ))
        })?;
        Self::with_program(&elf)
    }

    /// A chain with an ELF at the market's address.
    pub fn with_program(elf: &[u8]) -> Result<Self> {
        let mut svm = LiteSVM::new()
            // LiteSVM need not do what this chain does itself: it verifies signatures before execution, lets
            // blockhashes expire and indexes the history.
            .with_sigverify(false)
            .with_blockhash_check(false)
            .with_transaction_history(0);
        svm.add_program(multibus::ID, elf).map_err(|error| {
            Error::Invalid(format!(
                "the program for {} is not a loadable ELF ({error:?}); build it again with `cargo xtask build`",
                multibus::ID
            ))
        })?;
        ed25519::add_to(&mut svm);
        let clock: Clock = svm.get_sysvar();
        let unix_milliseconds =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis() as i64);
        let mut state = State {
            svm,
            slot: clock.slot,
            unix_milliseconds,
            block_height: clock.slot,
            transactions_in_slot: 0,
            blockhashes: VecDeque::new(),
            slot_hashes: VecDeque::new(),
            history: History::default(),
            kinds: Kinds::default(),
            subscribers: Vec::new(),
        };
        state.advance(1);
        Ok(Self { state: Mutex::new(state) })
    }

    /// The same chain with so much memory for its history, in bytes of logs and addresses. When it is full, the oldest transactions
    /// are forgotten, but none whose blockhash can still be used.
    #[must_use]
    pub fn with_history_bytes(self, bytes: usize) -> Self {
        self.state().history.most_bytes = bytes;
        self
    }

    /// Sets the clock, in unix seconds. A chain's clock never runs backwards: earlier times are refused.
    pub fn set_clock(&self, unix_timestamp: i64) -> Result<ChainClock> {
        let mut state = self.state();
        let now = state.clock();
        if unix_timestamp < now.unix_timestamp {
            return Err(Error::Invalid(format!(
                "the clock is at {} and cannot go back to {unix_timestamp}; give a later time",
                now.unix_timestamp
            )));
        }
        if unix_timestamp > LAST_SECOND {
            return Err(Error::Invalid(format!(
                "{unix_timestamp} is later than the year 9999; give unix seconds, not milliseconds"
            )));
        }
        state.advance_to(unix_timestamp);
        Ok(state.clock())
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A panic inside LiteSVM cannot leave it half-written: accounts are stored after execution.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn clock(&self) -> ChainClock {
        ChainClock { slot: self.slot, unix_timestamp: self.unix_milliseconds.div_euclid(1_000) }
    }

    /// Produces blocks: the clock moves one slot for each.
    pub(super) fn advance(&mut self, slots: u64) {
        self.slot += slots;
        self.block_height += slots;
        self.unix_milliseconds += slots.cast_signed() * SLOT_MILLISECONDS;
        self.transactions_in_slot = 0;
        self.svm.expire_blockhash();
        self.blockhashes.push_back((self.svm.latest_blockhash(), self.block_height));
        let oldest = self.block_height.saturating_sub(BLOCKHASH_BLOCKS);
        while self.blockhashes.front().is_some_and(|(_, height)| *height < oldest) {
            self.blockhashes.pop_front();
        }
        self.slot_hashes.push_front((self.slot - 1, self.svm.latest_blockhash()));
        self.slot_hashes.truncate(SLOT_HASHES);
        let (older, newer) = self.slot_hashes.as_slices();
        self.svm.set_sysvar(&SlotHashes::new(&[older, newer].concat()));
        let clock: Clock = self.svm.get_sysvar();
        let now = self.clock();
        self.svm.set_sysvar(&Clock { slot: now.slot, unix_timestamp: now.unix_timestamp, ..clock });
    }

    pub(super) fn advance_to(&mut self, unix_timestamp: i64) {
        let missing = unix_timestamp.saturating_mul(1_000).saturating_sub(self.unix_milliseconds);
        if missing > 0 {
            self.advance(missing.unsigned_abs().div_ceil(SLOT_MILLISECONDS as u64));
        }
    }

    fn addresses(&self, message: &VersionedMessage) -> Vec<Address> {
        let mut addresses = message.static_account_keys().to_vec();
        if let Some(lookups) = message.address_table_lookups()
            && let Ok(LoadedAddresses { writable, readonly }) = self.svm.accounts_db().load_addresses(lookups)
        {
            addresses.extend(writable);
            addresses.extend(readonly);
        }
        addresses
    }

    fn execute(&mut self, transaction: &VersionedTransaction) -> Result<Signature> {
        let refuse = |error| Error::from_transaction(error, Vec::new());
        let Some(signature) = transaction.signatures.first().copied() else {
            return Err(refuse(TransactionError::SanitizeFailure));
        };
        if self.history.get(&signature).is_some() {
            return Err(refuse(TransactionError::AlreadyProcessed));
        }
        if transaction.sanitize().is_err() {
            return Err(refuse(TransactionError::SanitizeFailure));
        }
        if !transaction.verify_with_results().into_iter().all(|valid| valid) {
            return Err(refuse(TransactionError::SignatureFailure));
        }
        let blockhash = transaction.message.recent_blockhash();
        if !self.blockhashes.iter().rev().any(|(hash, _)| hash == blockhash) {
            return Err(refuse(TransactionError::BlockhashNotFound));
        }
        let addresses = self.addresses(&transaction.message);
        let (error, meta) = match self.svm.send_transaction(transaction.clone()) {
            Ok(meta) => (None, meta),
            // A leader puts no transaction into a block that cannot pay its fee.
            Err(failed) if failed.meta.fee == 0 => return Err(Error::from_transaction(failed.err, failed.meta.logs)),
            Err(failed) => (Some(failed.err), failed.meta),
        };
        self.record(signature, error, meta, addresses);
        Ok(signature)
    }

    /// Sends an executed transaction to subscribers and keeps it.
    fn record(
        &mut self,
        signature: Signature,
        error: Option<TransactionError>,
        meta: TransactionMetadata,
        addresses: Vec<Address>,
    ) {
        let accounts = &self.svm.accounts_db().inner;
        addresses.iter().for_each(|address| self.kinds.update(address, accounts.get(address)));
        let TransactionMetadata { logs, compute_units_consumed, fee, .. } = meta;
        let clock = self.clock();
        self.subscribers.retain(|(mentions, subscriber)| {
            if !addresses.contains(mentions) {
                return !subscriber.is_closed();
            }
            let notification =
                LogsNotification { signature, slot: clock.slot, error: error.clone(), logs: logs.clone() };
            subscriber.send(notification).is_ok()
        });
        let record = TransactionRecord {
            signature,
            slot: clock.slot,
            block_time: Some(clock.unix_timestamp),
            error,
            logs,
            compute_units: compute_units_consumed,
            fee,
        };
        self.history.push(record, addresses);
        self.transactions_in_slot += 1;
        if self.transactions_in_slot == TRANSACTIONS_PER_SLOT {
            self.advance(1);
        }
    }
}

#[async_trait]
impl Chain for EmbeddedChain {
    fn description(&self) -> String {
        "embedded chain".to_string()
    }

    fn is_embedded(&self) -> bool {
        true
    }

    async fn accounts(&self, addresses: &[Address]) -> Result<Vec<Option<Account>>> {
        let state = self.state();
        Ok(addresses.iter().map(|address| state.svm.get_account(address)).collect())
    }

    async fn program_accounts(&self, program: &Address, filter: &AccountFilter) -> Result<Vec<(Address, Account)>> {
        let state = self.state();
        let accounts = &state.svm.accounts_db().inner;
        let chosen = |(address, account): (&Address, &AccountSharedData)| {
            let is_wanted = account.owner() == program && filter.matches(account.data());
            is_wanted.then(|| (*address, Account::from(account.clone())))
        };
        // A query of the market names the kind: those accounts alone are looked at.
        let first_bytes = filter.bytes.iter().find(|(offset, _)| *offset == 0).map(|(_, bytes)| bytes.as_slice());
        let of_kind = first_bytes.filter(|_| *program == multibus::ID).and_then(|bytes| state.kinds.of(bytes));
        Ok(match of_kind {
            Some(of_kind) => of_kind.filter_map(|address| chosen(accounts.get_key_value(address)?)).collect(),
            None => accounts.iter().filter_map(chosen).collect(),
        })
    }

    async fn latest_blockhash(&self) -> Result<RecentBlockhash> {
        let state = self.state();
        let last_valid_block_height = state.block_height + BLOCKHASH_BLOCKS;
        Ok(RecentBlockhash { hash: state.svm.latest_blockhash(), last_valid_block_height })
    }

    async fn simulate(&self, transaction: &VersionedTransaction) -> Result<Simulation> {
        let state = self.state();
        Ok(match state.svm.simulate_transaction(transaction.clone()) {
            Ok(info) => simulation(None, info.meta),
            Err(failed) => simulation(Some(failed.err), failed.meta),
        })
    }

    async fn send(&self, transaction: &VersionedTransaction) -> Result<Signature> {
        self.state().execute(transaction)
    }

    /// A transaction that was never submitted cannot land. Blocks are produced until it has expired.
    async fn confirm(&self, signature: &Signature, last_valid_block_height: u64) -> Result<Outcome> {
        let mut state = self.state();
        if let Some(record) = state.history.get(signature) {
            let slot = record.slot;
            return Ok(match record.error.clone() {
                None => Outcome::Landed { slot },
                Some(error) => Outcome::Failed { slot, error },
            });
        }
        if state.block_height <= last_valid_block_height {
            let blocks = last_valid_block_height - state.block_height + 1;
            state.advance(blocks);
        }
        Ok(Outcome::Expired)
    }

    async fn statuses(&self, signatures: &[Signature]) -> Result<Vec<Option<SignatureStatus>>> {
        let state = self.state();
        let status = |record: &TransactionRecord| SignatureStatus { slot: record.slot, error: record.error.clone() };
        Ok(signatures.iter().map(|signature| state.history.get(signature).map(status)).collect())
    }

    async fn transaction(&self, signature: &Signature) -> Result<Option<TransactionRecord>> {
        Ok(self.state().history.get(signature).cloned())
    }

    async fn signatures_for(
        &self,
        address: &Address,
        before: Option<Signature>,
        limit: usize,
    ) -> Result<Vec<SignatureInfo>> {
        let state = self.state();
        let info = |record: &TransactionRecord| SignatureInfo {
            signature: record.signature,
            slot: record.slot,
            block_time: record.block_time,
            error: record.error.clone(),
        };
        Ok(state.history.mentioning(address, before).take(limit).map(info).collect())
    }

    async fn clock(&self) -> Result<ChainClock> {
        Ok(self.state().clock())
    }

    async fn minimum_rent(&self, data_len: usize) -> Result<u64> {
        Ok(self.state().svm.minimum_balance_for_rent_exemption(data_len))
    }

    async fn airdrop(&self, address: &Address, lamports: u64) -> Result<()> {
        let mut state = self.state();
        // Each airdrop has a slot of its own, so that two equal ones are two transactions.
        state.advance(1);
        match state.svm.airdrop(address, lamports) {
            Ok(meta) => {
                let addresses = vec![state.svm.airdrop_pubkey(), *address, system_program::ID];
                state.record(meta.signature, None, meta, addresses);
                Ok(())
            }
            Err(failed) => Err(Error::from_transaction(failed.err, failed.meta.logs)),
        }
    }

    async fn recent_priority_fees(&self, _writable: &[Address]) -> Result<Vec<u64>> {
        // Nobody competes for this chain's blocks.
        Ok(Vec::new())
    }

    async fn subscribe_logs(&self, mentions: &Address) -> Result<LogsStream> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.state().subscribers.push((*mentions, sender));
        let notifications = stream::unfold(receiver, |mut receiver| async move {
            let notification = receiver.recv().await?;
            Some((Ok(notification), receiver))
        });
        Ok(notifications.boxed())
    }

    async fn wait_until(&self, unix_timestamp: i64) -> Result<ChainClock> {
        let mut state = self.state();
        state.advance_to(unix_timestamp);
        Ok(state.clock())
    }

    async fn wait_for_slot(&self, slot: u64) -> Result<ChainClock> {
        let mut state = self.state();
        if slot > state.slot {
            let slots = slot - state.slot;
            state.advance(slots);
        }
        Ok(state.clock())
    }
}

fn simulation(error: Option<TransactionError>, meta: TransactionMetadata) -> Simulation {
    Simulation {
        error,
        logs: meta.logs,
        compute_units: meta.compute_units_consumed,
        loaded_bytes: Some(meta.loaded_accounts_data_size),
    }
}

/// The program's ELF that came with the package of this crate: see `build.rs`.
const PACKED_PROGRAM: Option<&[u8]> = {
    #[cfg(packed_program)]
    {
        Some(include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/program/multibus.so")))
    }
    #[cfg(not(packed_program))]
    {
        None
    }
};

/// Where a checkout has the program's ELF.
fn find_program() -> Result<PathBuf> {
    let mut candidates = Vec::new();
    if let Some(target) = std::env::var_os("CARGO_TARGET_DIR").filter(|target| !target.is_empty()) {
        candidates.push(PathBuf::from(target).join("deploy"));
    }
    // An executable of Cargo's is in `<target>/<profile>` or `<target>/<profile>/deps`.
    if let Ok(executable) = std::env::current_exe() {
        candidates.extend(executable.ancestors().skip(2).take(2).map(|folder| folder.join("deploy")));
    }
    if let Ok(here) = std::env::current_dir() {
        candidates.extend(here.ancestors().map(|folder| folder.join("target").join("deploy")));
    }
    candidates.into_iter().map(|folder| folder.join("multibus.so")).find(|path| path.is_file()).ok_or_else(|| {
        Error::Invalid(
            "the compiled program multibus.so was not found: the crate's package brings it along, its repository does not. \
             Run `cargo xtask build` in a clone of the repository, and use it there, or name its target/deploy/multibus.so \
             in the environment variable MULTIBUS_PROGRAM"
                .to_string(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u8, slot: u64) -> TransactionRecord {
        TransactionRecord {
            signature: Signature::from([number; 64]),
            slot,
            block_time: None,
            error: None,
            logs: vec!["x".repeat(1_000)],
            compute_units: 0,
            fee: 0,
        }
    }

    #[test]
    fn a_full_history_forgets_what_cannot_land_again() {
        let mut history = History { most_bytes: 4_100, ..History::default() };
        let [even, odd] = [0, 1].map(|byte| Address::new_from_array([byte; 32]));
        let known = |history: &History, address| -> Vec<u8> {
            history.mentioning(address, None).map(|record| record.signature.as_ref()[0]).collect()
        };
        for number in 0..10u8 {
            history.push(record(number, 7), vec![if number % 2 == 0 { even } else { odd }]);
        }
        // All of them are of a block whose hash can still be used.
        assert_eq!(known(&history, &even), [8, 6, 4, 2, 0]);
        history.push(record(10, 7 + BLOCKHASH_BLOCKS), vec![even]);
        assert_eq!(history.records.len(), 11);
        history.push(record(11, 8 + BLOCKHASH_BLOCKS), vec![odd]);
        assert_eq!((known(&history, &even), known(&history, &odd)), (vec![10], vec![11, 9]));
        assert!(history.bytes <= 4_100 && history.by_signature.len() == 3);
        assert!(history.get(&record(8, 0).signature).is_none());
        assert_eq!(history.get(&record(9, 0).signature).map(|record| record.slot), Some(7));
        // A page goes on before a transaction; before one that is forgotten there is nothing.
        let page = |before: u8| history.mentioning(&odd, Some(record(before, 0).signature)).count();
        assert_eq!((page(11), page(9), page(8)), (1, 0, 0));
    }
}

//! Sends transactions of version 0. Each is simulated first: a refusal then costs nothing, and the simulation gives the
//! limits of compute units and of loaded accounts. Its signature is noted before it is handed to a node, and it is submitted
//! again and again until it has landed or its blockhash has expired, whatever the node answers.

use {
    crate::{
        chain::{
            Chain, Outcome, RecentBlockhash, Simulation, TransactionError, TransactionRecord, VersionedTransaction,
        },
        error::{Error, Result},
        event::{Event, ParsedEvents},
    },
    solana_compute_budget_interface::ComputeBudgetInstruction,
    solana_instruction::Instruction,
    solana_message::{AddressLookupTableAccount, VersionedMessage, v0},
    solana_signature::Signature,
    solana_signer::Signer,
    std::{
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
        time::Duration,
    },
    tokio::time::{sleep, timeout},
};

/// A signer that many tasks can use.
pub type SharedSigner = Arc<dyn Signer + Send + Sync>;

/// Bytes that a transaction can have.
pub const TRANSACTION_BYTES: usize = 1_232;
/// Most compute units that a transaction can use.
pub const MAX_COMPUTE_UNITS: u32 = 1_400_000;
/// Most bytes of accounts that a transaction can load, which is also the limit of a transaction that sets none.
pub const MAX_LOADED_BYTES: u32 = 64 << 20;
/// Loaded accounts are charged by the page. This is its size in bytes.
const LOADED_PAGE_BYTES: u32 = 32 << 10;
/// Highest price that recent transactions are believed to have paid, in micro-lamports per compute unit: 0.014 SOL for
/// the largest transaction.
pub const MAX_RECENT_PRICE: u64 = 10_000_000;
/// Wait before a transaction in flight is submitted again.
const RESEND_INTERVAL: Duration = Duration::from_secs(2);
/// Wait before the second attempt; later ones wait longer.
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// Limits of compute units differ by less than this, so that two equal requests are two different transactions.
const UNIQUE_LIMITS: u32 = 1_000;

/// How the compute-unit limit of a transaction is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComputeUnits {
    /// What the simulation used plus a margin. The bytes of loaded accounts are limited in the same way, so that the
    /// transaction does not pay for the most that any transaction can load.
    Simulated {
        /// The margin, in percent of what was used.
        margin_percent: u32,
    },
    /// A fixed limit. The transaction is not simulated first: a refusal costs its fee.
    Fixed(u32),
}

/// What is paid for priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriorityFee {
    /// Nothing.
    None,
    /// A price in micro-lamports per compute unit.
    Fixed(u64),
    /// The price that this percentage of recent transactions on the same accounts did not exceed. A node reports it, so
    /// it is limited to [`MAX_RECENT_PRICE`].
    Percentile(u8),
}

/// How transactions are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionOptions {
    /// How the compute-unit limit is set.
    pub compute_units: ComputeUnits,
    /// What is paid for priority.
    pub priority_fee: PriorityFee,
    /// How often a transaction is signed again after it expired, and a purchase quoted again after a conflict.
    pub max_attempts: u32,
    /// After this time without an answer from the network, the outcome of a purchase counts as unknown.
    pub patience: Duration,
}

impl Default for TransactionOptions {
    fn default() -> Self {
        Self {
            compute_units: ComputeUnits::Simulated { margin_percent: 10 },
            priority_fee: PriorityFee::None,
            max_attempts: 5,
            patience: Duration::from_mins(1),
        }
    }
}

/// A transaction that landed.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Its first signature.
    pub signature: Signature,
    /// Slot of its block.
    pub slot: u64,
    /// Time of its block, in unix seconds.
    pub block_time: Option<i64>,
    /// What it used.
    pub compute_units: u64,
    /// What it paid, in lamports.
    pub fee: u64,
    /// What it logged; empty where the node did not serve it.
    pub logs: Vec<String>,
    /// The market's events in it.
    pub events: Vec<Event>,
    /// Whether events may be missing: the log was cut off, or the node did not serve it. Then accounts tell what happened.
    pub events_missing: bool,
    /// How often it was signed and sent.
    pub attempts: u32,
}

/// A transaction that did not land, or whose outcome is unknown.
pub(crate) struct SendFailure {
    pub error: Error,
    /// Every attempt that reached the network, or may have.
    pub submitted: Vec<Signature>,
    /// The attempt that may still land.
    pub unresolved: Option<Unresolved>,
}

/// A transaction that may still land.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unresolved {
    pub signature: Signature,
    /// It never lands in a later block.
    pub last_valid_block_height: u64,
}

/// Sends transactions on one chain.
pub struct Sender {
    chain: Arc<dyn Chain>,
    options: TransactionOptions,
    sequence: AtomicU32,
}

impl Sender {
    /// A sender with its options.
    pub fn new(chain: Arc<dyn Chain>, options: TransactionOptions) -> Self {
        Self { chain, options, sequence: AtomicU32::new(rand::random()) }
    }

    /// Its options.
    pub fn options(&self) -> &TransactionOptions {
        &self.options
    }

    /// Waits before the attempt after `attempts`. Time changes nothing on an embedded chain, so there it only lets
    /// other tasks run.
    pub(crate) async fn pause(&self, attempts: u32) {
        if self.chain.is_embedded() {
            tokio::task::yield_now().await;
        } else {
            sleep(backoff(attempts)).await;
        }
    }

    /// Signs, sends and confirms instructions as one transaction. The first signer pays. Two calls with the same
    /// instructions are two transactions.
    pub async fn send(
        &self,
        signers: &[SharedSigner],
        instructions: &[Instruction],
        tables: &[AddressLookupTableAccount],
    ) -> Result<Sent> {
        self.send_traced(signers, instructions, tables).await.map_err(|failure| failure.error)
    }

    pub(crate) async fn send_traced(
        &self,
        signers: &[SharedSigner],
        instructions: &[Instruction],
        tables: &[AddressLookupTableAccount],
    ) -> Result<Sent, SendFailure> {
        let mut submitted = Vec::new();
        let mut last = None;
        for attempt in 1..=self.options.max_attempts.max(1) {
            if attempt > 1 {
                self.pause(attempt - 1).await;
            }
            let fail = |error, submitted| SendFailure { error, submitted, unresolved: None };
            let (transaction, blockhash) = match self.prepare(signers, instructions, tables).await {
                Ok(prepared) => prepared,
                Err(error) if error.is_transient() => {
                    last = Some(error);
                    continue;
                }
                Err(error) => return Err(fail(error, submitted)),
            };
            let signature = transaction.signatures[0];
            // Noted before it is handed over. A node may forward a transaction and answer with any error, so only the chain
            // tells what became of it.
            submitted.push(signature);
            let refused = match timeout(RESEND_INTERVAL, self.chain.send(&transaction)).await {
                Ok(Ok(_)) | Err(_) => None,
                Ok(Err(Error::Transaction { error: TransactionError::AlreadyProcessed, .. })) => None,
                Ok(Err(error)) => Some(error),
            };
            // A chain inside the process executes what it takes, so its own refusal is final.
            let refused = match refused {
                Some(error @ (Error::Transaction { .. } | Error::Program(_))) if self.chain.is_embedded() => {
                    submitted.pop();
                    if error.is_transient() {
                        last = Some(error);
                        continue;
                    }
                    return Err(fail(error, submitted));
                }
                refused => refused,
            };
            match self.confirm(&transaction, &signature, &blockhash).await {
                Ok(Outcome::Landed { slot }) => {
                    let record = self.chain.transaction(&signature).await.unwrap_or_default();
                    return Ok(Sent::new(signature, slot, record, attempt));
                }
                Ok(Outcome::Failed { error, .. }) => {
                    let record = self.chain.transaction(&signature).await.unwrap_or_default();
                    let logs = record.map(|record| record.logs).unwrap_or_default();
                    return Err(fail(Error::from_transaction(error, logs), submitted));
                }
                Ok(Outcome::Expired) => match refused {
                    Some(error) if !error.is_transient() => return Err(fail(error, submitted)),
                    _ => last = Some(Error::Expired { signature, attempts: attempt }),
                },
                Err(error) => {
                    let mut cause = match error {
                        Error::OutcomeUnknown { cause, .. } => cause,
                        other => other.to_string(),
                    };
                    if let Some(refused) = refused {
                        cause = format!("{cause} (to the transaction itself the node had said: {refused})");
                    }
                    let last_valid_block_height = blockhash.last_valid_block_height;
                    let unresolved = Some(Unresolved { signature, last_valid_block_height });
                    let error = Error::OutcomeUnknown { signature, cause };
                    return Err(SendFailure { error, submitted, unresolved });
                }
            }
        }
        let error = last.unwrap_or_else(|| Error::Invalid("no attempt was allowed; allow at least one".to_string()));
        Err(SendFailure { error, submitted, unresolved: None })
    }

    /// What instructions would do, signed by one wallet.
    pub(crate) async fn simulate(
        &self,
        payer: &solana_address::Address,
        instructions: &[Instruction],
        tables: &[AddressLookupTableAccount],
    ) -> Result<Simulation> {
        let blockhash = self.chain.latest_blockhash().await?;
        let mut all = vec![ComputeBudgetInstruction::set_compute_unit_limit(MAX_COMPUTE_UNITS)];
        all.extend_from_slice(instructions);
        let Compiled { message, .. } = compile(payer, &all, tables, &blockhash)?;
        let signatures = vec![Signature::default(); usize::from(message.header().num_required_signatures)];
        self.chain.simulate(&VersionedTransaction { signatures, message }).await
    }

    /// Waits for an outcome and submits the same transaction again meanwhile. It can land only once.
    async fn confirm(
        &self,
        transaction: &VersionedTransaction,
        signature: &Signature,
        blockhash: &RecentBlockhash,
    ) -> Result<Outcome> {
        let confirmed = self.chain.confirm(signature, blockhash.last_valid_block_height);
        tokio::pin!(confirmed);
        loop {
            tokio::select! {
                // Where the outcome is there already, no timer is set.
                biased;
                outcome = &mut confirmed => return outcome,
                () = self.resend(transaction) => {}
            }
        }
    }

    /// Submits a transaction once more, after a while. Whether the node takes it does not matter: its outcome is
    /// watched anyway.
    async fn resend(&self, transaction: &VersionedTransaction) {
        sleep(RESEND_INTERVAL).await;
        let _ = timeout(RESEND_INTERVAL, self.chain.send(transaction)).await;
    }

    /// Builds and signs: fee, limit from simulation, fresh blockhash.
    async fn prepare(
        &self,
        signers: &[SharedSigner],
        instructions: &[Instruction],
        tables: &[AddressLookupTableAccount],
    ) -> Result<(VersionedTransaction, RecentBlockhash)> {
        let Some(payer) = signers.first() else {
            return Err(Error::Invalid("a transaction needs a signer that pays its fee; pass a wallet".to_string()));
        };
        let payer = payer.pubkey();
        let price = self.price(instructions).await?;
        let blockhash = self.chain.latest_blockhash().await?;
        let compile = |limits: Limits| -> Result<Compiled> {
            let mut all = Vec::with_capacity(instructions.len() + 3);
            all.push(ComputeBudgetInstruction::set_compute_unit_limit(limits.compute_units));
            all.extend(limits.loaded_bytes.map(ComputeBudgetInstruction::set_loaded_accounts_data_size_limit));
            all.extend(price.map(ComputeBudgetInstruction::set_compute_unit_price));
            all.extend_from_slice(instructions);
            compile(&payer, &all, tables, &blockhash)
        };
        let mut limits = match self.options.compute_units {
            ComputeUnits::Fixed(compute_units) => Limits { compute_units, loaded_bytes: None },
            ComputeUnits::Simulated { margin_percent } => {
                let Compiled { message, .. } =
                    compile(Limits { compute_units: MAX_COMPUTE_UNITS, loaded_bytes: Some(MAX_LOADED_BYTES) })?;
                let signatures = vec![Signature::default(); usize::from(message.header().num_required_signatures)];
                let simulation = self.chain.simulate(&VersionedTransaction { signatures, message }).await?;
                if let Some(error) = simulation.error {
                    return Err(Error::from_transaction(error, simulation.logs));
                }
                Limits::of(simulation.compute_units, simulation.loaded_bytes, margin_percent)
            }
        };
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) % UNIQUE_LIMITS;
        limits.compute_units = limits.compute_units.saturating_add(sequence).min(MAX_COMPUTE_UNITS);
        Ok((sign(compile(limits)?, signers)?, blockhash))
    }

    /// Micro-lamports per compute unit; `None` for no fee.
    async fn price(&self, instructions: &[Instruction]) -> Result<Option<u64>> {
        match self.options.priority_fee {
            PriorityFee::None => Ok(None),
            PriorityFee::Fixed(price) => Ok((price > 0).then_some(price)),
            PriorityFee::Percentile(percent) => {
                let mut writable: Vec<_> = instructions
                    .iter()
                    .flat_map(|instruction| &instruction.accounts)
                    .filter(|account| account.is_writable)
                    .map(|account| account.pubkey)
                    .collect();
                writable.sort_unstable();
                writable.dedup();
                let fees = self.chain.recent_priority_fees(&writable).await?;
                Ok(percentile(fees, percent).filter(|price| *price > 0).map(|price| price.min(MAX_RECENT_PRICE)))
            }
        }
    }
}

/// What a transaction may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limits {
    compute_units: u32,
    /// Bytes of loaded accounts; `None` for the most.
    loaded_bytes: Option<u32>,
}

impl Limits {
    /// What a simulation used, with a margin. If it does not tell what it loaded, the limit is the most.
    fn of(compute_units: u64, loaded_bytes: Option<u32>, margin_percent: u32) -> Self {
        let with_margin = |used: u64, most: u32| {
            let margin = u128::from(used) * u128::from(margin_percent) / 100;
            u32::try_from(u128::from(used) + margin).unwrap_or(most).min(most)
        };
        let loaded_bytes = loaded_bytes.unwrap_or(MAX_LOADED_BYTES);
        let pages = with_margin(loaded_bytes.into(), MAX_LOADED_BYTES).div_ceil(LOADED_PAGE_BYTES);
        Self {
            compute_units: with_margin(compute_units, MAX_COMPUTE_UNITS),
            loaded_bytes: Some((pages.max(1) * LOADED_PAGE_BYTES).min(MAX_LOADED_BYTES)),
        }
    }
}

impl Sent {
    pub(crate) fn new(signature: Signature, slot: u64, record: Option<TransactionRecord>, attempts: u32) -> Self {
        let Some(record) = record else {
            let (logs, events) = (Vec::new(), Vec::new());
            return Self {
                signature,
                slot,
                block_time: None,
                compute_units: 0,
                fee: 0,
                logs,
                events,
                events_missing: true,
                attempts,
            };
        };
        let ParsedEvents { events, truncated } = record.parsed();
        // A node that does not keep logs serves transactions without them. Each has lines of its programs.
        let events_missing = truncated || (record.logs.is_empty() && record.error.is_none());
        Self {
            signature,
            slot,
            block_time: record.block_time,
            compute_units: record.compute_units,
            fee: record.fee,
            events,
            events_missing,
            logs: record.logs,
            attempts,
        }
    }
}

/// Smallest fee that at least `percent` of the fees do not exceed.
fn percentile(mut fees: Vec<u64>, percent: u8) -> Option<u64> {
    fees.sort_unstable();
    let rank = (fees.len() * usize::from(percent.min(100))).div_ceil(100);
    fees.get(rank.max(1) - 1).copied()
}

/// Wait before the attempt after `attempts`. It grows, and is a little random so that clients do not retry at the same
/// time.
fn backoff(attempts: u32) -> Duration {
    let delay = RETRY_DELAY * 2u32.pow(attempts.saturating_sub(1).min(4));
    delay.mul_f64(rand::random_range(0.5..1.0))
}

/// A message, and the bytes that are signed.
struct Compiled {
    message: VersionedMessage,
    bytes: Vec<u8>,
}

/// Compiles a version 0 message and refuses one that is too large.
fn compile(
    payer: &solana_address::Address,
    instructions: &[Instruction],
    tables: &[AddressLookupTableAccount],
    blockhash: &RecentBlockhash,
) -> Result<Compiled> {
    let message = v0::Message::try_compile(payer, instructions, tables, blockhash.hash).map_err(|error| {
        Error::Invalid(format!("the instructions do not fit one transaction ({error}); split them"))
    })?;
    let message = VersionedMessage::V0(message);
    let bytes = message.serialize();
    let size = size_with(&message, bytes.len());
    if size > TRANSACTION_BYTES {
        return Err(Error::Invalid(format!(
            "the transaction has {size} bytes and a transaction can have {TRANSACTION_BYTES}; split it, or use a lookup \
             table"
        )));
    }
    Ok(Compiled { message, bytes })
}

/// Bytes of a transaction with this message: one length byte, 64 for each signature, the message.
pub(crate) fn transaction_size(message: &VersionedMessage) -> usize {
    size_with(message, message.serialize().len())
}

fn size_with(message: &VersionedMessage, message_bytes: usize) -> usize {
    1 + 64 * usize::from(message.header().num_required_signatures) + message_bytes
}

/// Whether the transaction that [`size_of_transaction`] compiles fits without a lookup table, as far as that can be told without
/// compiling it: as if no account came twice. `false` where it cannot be told.
pub(crate) fn surely_fits(instructions: &[Instruction]) -> bool {
    /// One length byte, the signature of the payer, header, lengths of three lists, blockhash.
    const FIXED: usize = 1 + 64 + 1 + 3 + 3 * 3 + 32;
    /// The payer, and the program of the compute budget.
    const KEYS: usize = 32 + 32;
    /// The compute budget's three instructions: each its program, no account, at most 9 bytes.
    const COMPUTE_BUDGET: usize = 3 * (1 + 3 + 3 + 9);
    let of = |instruction: &Instruction| {
        let signatures = 64 * instruction.accounts.iter().filter(|account| account.is_signer).count();
        // Its program, its accounts with their indices, its data.
        1 + 32 + 3 + instruction.accounts.len() * (32 + 1) + 3 + instruction.data.len() + signatures
    };
    FIXED + KEYS + COMPUTE_BUDGET + instructions.iter().map(of).sum::<usize>() <= TRANSACTION_BYTES
}

/// Bytes of the transaction that these instructions make, with the three compute budget instructions that the sender
/// adds.
pub fn size_of_transaction(
    payer: &solana_address::Address,
    instructions: &[Instruction],
    tables: &[AddressLookupTableAccount],
) -> Result<usize> {
    let mut all = vec![
        ComputeBudgetInstruction::set_compute_unit_limit(MAX_COMPUTE_UNITS),
        ComputeBudgetInstruction::set_loaded_accounts_data_size_limit(MAX_LOADED_BYTES),
        ComputeBudgetInstruction::set_compute_unit_price(1),
    ];
    all.extend_from_slice(instructions);
    let message = v0::Message::try_compile(payer, &all, tables, solana_hash::Hash::default()).map_err(|error| {
        Error::Invalid(format!("the instructions do not fit one transaction ({error}); split them"))
    })?;
    Ok(transaction_size(&VersionedMessage::V0(message)))
}

/// Divides what belongs together into groups that each fit one transaction, in the order given.
pub(crate) fn packed<T: AsRef<[Instruction]>>(payer: &solana_address::Address, jobs: Vec<T>) -> Result<Vec<Vec<T>>> {
    let mut groups: Vec<Vec<T>> = Vec::new();
    let mut instructions: Vec<Instruction> = Vec::new();
    for job in jobs {
        instructions.extend_from_slice(job.as_ref());
        let fits = size_of_transaction(payer, &instructions, &[])? <= TRANSACTION_BYTES;
        match groups.last_mut().filter(|_| fits) {
            Some(group) => group.push(job),
            None => {
                instructions = job.as_ref().to_vec();
                groups.push(vec![job]);
            }
        }
    }
    Ok(groups)
}

fn sign(Compiled { message, bytes }: Compiled, signers: &[SharedSigner]) -> Result<VersionedTransaction> {
    let refuse = |cause: String| Error::Signing { wallet: signers[0].pubkey(), cause };
    let required = usize::from(message.header().num_required_signatures);
    let mut signatures = Vec::with_capacity(required);
    for wallet in &message.static_account_keys()[..required] {
        let signer = signers.iter().find(|signer| signer.pubkey() == *wallet).ok_or_else(|| Error::Signing {
            wallet: *wallet,
            cause: "the transaction needs its signature and it was not given".to_string(),
        })?;
        signatures.push(signer.try_sign_message(&bytes).map_err(|error| refuse(error.to_string()))?);
    }
    Ok(VersionedTransaction { signatures, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_percentile_is_a_fee_that_was_paid() {
        assert_eq!(percentile(Vec::new(), 50), None);
        assert_eq!(percentile(vec![5], 0), Some(5));
        assert_eq!(percentile(vec![3, 1, 2, 4], 50), Some(2));
        assert_eq!(percentile(vec![3, 1, 2, 4], 75), Some(3));
        assert_eq!(percentile(vec![3, 1, 2, 4], 100), Some(4));
        assert_eq!(percentile(vec![3, 1, 2, 4], 255), Some(4));
    }

    #[test]
    fn limits_are_what_was_used_with_a_margin_and_never_more_than_the_most() {
        let page = LOADED_PAGE_BYTES;
        for (used, loaded, margin, units, bytes) in [
            (1_000, Some(1), 0, 1_000, page),
            (1_000, Some(page), 0, 1_000, page),
            (1_000, Some(page), 10, 1_100, 2 * page),
            (1_000, Some(10 * page), 10, 1_100, 11 * page),
            (1_000, None, 10, 1_100, MAX_LOADED_BYTES),
            (u64::MAX, Some(u32::MAX), u32::MAX, MAX_COMPUTE_UNITS, MAX_LOADED_BYTES),
            (0, Some(0), 10, 0, page),
        ] {
            let expected = Limits { compute_units: units, loaded_bytes: Some(bytes) };
            assert_eq!(Limits::of(used, loaded, margin), expected, "{used} {loaded:?} {margin}");
        }
    }

    #[test]
    fn what_surely_fits_fits() {
        let payer = solana_address::Address::new_from_array([1; 32]);
        let mut most = 0;
        for accounts in 0..40u8 {
            for data in [0, 100, 700] {
                let address = |number: u8| solana_address::Address::new_from_array([number + 2; 32]);
                let metas = (0..accounts).map(|number| match number % 3 {
                    0 => solana_instruction::AccountMeta::new(address(number), number == 0),
                    _ => solana_instruction::AccountMeta::new_readonly(address(number), false),
                });
                let instruction = Instruction::new_with_bytes(multibus::ID, &vec![7; data], metas.collect());
                let size = size_of_transaction(&payer, std::slice::from_ref(&instruction), &[]).unwrap();
                if surely_fits(&[instruction]) {
                    assert!(size <= TRANSACTION_BYTES, "{accounts} accounts, {data} bytes: {size}");
                    most = most.max(size);
                }
            }
        }
        assert!(most > TRANSACTION_BYTES - 200, "{most}");
    }

    #[test]
    fn waits_grow_and_stay_short() {
        for attempts in 1..50 {
            let wait = backoff(attempts);
            assert!(wait >= RETRY_DELAY / 2 && wait <= RETRY_DELAY * 16, "{attempts}: {wait:?}");
        }
    }
}

//! Sends transactions as fast as a node takes them, and waits for their outcome.

use {
    super::{
        Kind,
        report::{End, Tally},
        tpu::Tpu,
    },
    multibus_client::{
        Error, Instruction, Keypair, Signature, Signer,
        chain::{Chain, Outcome, RpcChain, VersionedTransaction},
    },
    solana_compute_budget_interface::ComputeBudgetInstruction,
    solana_message::{VersionedMessage, v0},
    std::{
        sync::{
            Arc,
            atomic::{AtomicU32, AtomicU64, Ordering},
        },
        time::Duration,
    },
    tokio::time::{sleep, timeout},
};

/// Wait before a transaction without outcome is submitted again.
const RESEND_INTERVAL: Duration = Duration::from_secs(5);
/// Wait for a node's answer to a transaction before the chain is asked.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Compute limits vary by up to this many units, and limits of loaded bytes by up to this many bytes, so that two equal requests
/// are two transactions. The bytes cost nothing as long as they begin no further page of 32 KiB.
const UNIQUE_UNITS: u32 = 1_000;
const UNIQUE_BYTES: u32 = 32_000;
/// Bytes of accounts that a transaction of the market loads, programs included, at most. Without a limit a block counts
/// 64 MiB for each transaction, which is most of the cost of a small one.
const LOADED_BYTES: u32 = (1 << 20) - UNIQUE_BYTES;

/// Sends the transactions of all traders.
pub(super) struct Submitter {
    chain: Arc<RpcChain>,
    /// Where transactions are sent in place of the RPC server.
    tpu: Option<Arc<Tpu>>,
    tally: Arc<Tally>,
    sequence: AtomicU32,
    left: AtomicU64,
}

/// What became of a transaction.
pub(super) enum Fate {
    /// It landed.
    Landed,
    /// It did not land and never will: nothing changed.
    Failed,
    /// It may have landed.
    Unknown,
}

impl Submitter {
    pub fn new(chain: Arc<RpcChain>, tpu: Option<Arc<Tpu>>, tally: Arc<Tally>, max_transactions: u64) -> Self {
        Self { chain, tpu, tally, sequence: AtomicU32::new(0), left: AtomicU64::new(max_transactions) }
    }

    /// What it counts with.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Counts one more transaction; `false` where no more may be sent.
    pub fn take_one(&self) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Signs a transaction of one instruction, sends it, and waits for its outcome.
    pub async fn send(&self, kind: Kind, wallet: &Keypair, instruction: Instruction) -> Fate {
        let (transaction, last_valid_block_height) = match self.sign(kind, wallet, instruction).await {
            Ok(signed) => signed,
            Err(error) => {
                self.tally.unsent(kind, &error);
                // Wait before the node is asked again.
                sleep(Duration::from_millis(200)).await;
                return Fate::Failed;
            }
        };
        let signature = transaction.signatures[0];
        let submitted_at = self.tally.submitted(kind);
        match self.submit(&transaction, &signature, last_valid_block_height).await {
            Ok(Outcome::Landed { .. }) => {
                self.tally.ended(kind, submitted_at, End::Landed(signature));
                Fate::Landed
            }
            Ok(Outcome::Failed { error, .. }) => {
                self.tally.ended(kind, submitted_at, End::Failed(&Error::from_transaction(error, Vec::new())));
                Fate::Failed
            }
            Ok(Outcome::Expired) => {
                self.tally.ended(kind, submitted_at, End::Expired);
                Fate::Failed
            }
            Err(error @ (Error::Program(_) | Error::Transaction { .. })) => {
                self.tally.ended(kind, submitted_at, End::Failed(&error));
                Fate::Failed
            }
            Err(error) => {
                self.tally.ended(kind, submitted_at, End::Unknown(&error));
                Fate::Unknown
            }
        }
    }

    /// Submits a transaction, again from time to time, until its outcome is known. A refusal in the node's answer counts as
    /// an outcome; no answer does not. The chain is asked only about transactions that the node accepted: some nodes execute
    /// before they answer, and questions about waiting transactions would slow them down.
    async fn submit(
        &self,
        transaction: &VersionedTransaction,
        signature: &Signature,
        last_valid_block_height: u64,
    ) -> Result<Outcome, Error> {
        if let Some(refused) = self.submit_once(transaction).await {
            return Err(refused);
        }
        let confirmed = self.chain.confirm(signature, last_valid_block_height);
        tokio::pin!(confirmed);
        loop {
            tokio::select! {
                outcome = &mut confirmed => return outcome,
                refused = self.submit_again(transaction) => if let Some(error) = refused {
                    return Err(error);
                },
            }
        }
    }

    async fn submit_once(&self, transaction: &VersionedTransaction) -> Option<Error> {
        if let Some(tpu) = &self.tpu {
            tpu.send(transaction).await;
            return None;
        }
        match timeout(ANSWER_WITHIN, self.chain.send(transaction)).await {
            Ok(Err(error @ Error::Program(_))) => Some(error),
            _ => None,
        }
    }

    async fn submit_again(&self, transaction: &VersionedTransaction) -> Option<Error> {
        sleep(RESEND_INTERVAL).await;
        self.submit_once(transaction).await
    }

    async fn sign(
        &self,
        kind: Kind,
        wallet: &Keypair,
        instruction: Instruction,
    ) -> Result<(VersionedTransaction, u64), Error> {
        let blockhash = self.chain.latest_blockhash().await?;
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        let (units, bytes) = (sequence % UNIQUE_UNITS, sequence / UNIQUE_UNITS % UNIQUE_BYTES);
        let instructions = [
            ComputeBudgetInstruction::set_compute_unit_limit(limit(kind) + units),
            ComputeBudgetInstruction::set_loaded_accounts_data_size_limit(LOADED_BYTES + bytes),
            instruction,
        ];
        let message = v0::Message::try_compile(&wallet.pubkey(), &instructions, &[], blockhash.hash)
            .map_err(|error| Error::Invalid(format!("the instruction does not fit a transaction ({error})")))?;
        let transaction = VersionedTransaction::try_new(VersionedMessage::V0(message), &[wallet])
            .map_err(|error| Error::Signing { wallet: wallet.pubkey(), cause: error.to_string() })?;
        Ok((transaction, blockhash.last_valid_block_height))
    }
}

/// Compute units that a transaction may use: its cost (`tests/compute_units.json`), and some more for addresses that take
/// the program longer to find.
fn limit(kind: Kind) -> u32 {
    match kind {
        Kind::OfferCreate | Kind::LockTake | Kind::LockRelease | Kind::BidCreate => 12_000,
        Kind::OfferCancel | Kind::Purchase | Kind::LockSettle => 6_000,
        Kind::PurchaseBatch => 12_000,
        Kind::Transfer => 6_000,
    }
}

//! Sends transactions as fast as a node takes them and waits for what becomes of them.

use {
    super::{
        Kind,
        report::{End, Tally},
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

/// Wait before a transaction in flight is submitted again.
const RESEND_INTERVAL: Duration = Duration::from_secs(5);
/// How long a node's answer to a transaction is waited for before the chain is asked.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Limits differ by up to this number of compute units, so that two equal requests are two transactions.
const UNIQUE_LIMITS: u32 = 1_000;
/// Bytes of accounts that a transaction of the market loads at most, programs included. Without a limit a block
/// reckons with 64 MiB for each, which is most of what a small transaction costs it.
const LOADED_BYTES: u32 = 1 << 20;

/// Sends for every trader.
pub(super) struct Submitter {
    chain: Arc<RpcChain>,
    tally: Arc<Tally>,
    sequence: AtomicU32,
    left: AtomicU64,
}

/// What became of a transaction.
pub(super) enum Fate {
    /// It is on chain.
    Landed,
    /// It is not and never will be; nothing changed.
    Failed,
    /// Nobody knows.
    Unknown,
}

impl Submitter {
    pub fn new(chain: Arc<RpcChain>, tally: Arc<Tally>, max_transactions: u64) -> Self {
        Self { chain, tally, sequence: AtomicU32::new(0), left: AtomicU64::new(max_transactions) }
    }

    /// Takes one from the transactions that may be sent; `false` where there is none left.
    pub fn take_one(&self) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Signs one instruction, sends it, and waits for its end.
    pub async fn send(&self, kind: Kind, wallet: &Keypair, instruction: Instruction) -> Fate {
        let (transaction, last_valid_block_height) = match self.sign(kind, wallet, instruction).await {
            Ok(signed) => signed,
            Err(error) => {
                self.tally.unsent(kind, &error);
                // A node that cannot be asked is not asked again at once.
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

    /// Submits, again from time to time, until the chain says what became of it. A refusal that the node reports with
    /// its answer is believed, a silence is not. Only what the node took is asked for: some execute before they answer,
    /// and would spend their time on questions about what waits.
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
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) % UNIQUE_LIMITS;
        let instructions = [
            ComputeBudgetInstruction::set_compute_unit_limit(limit(kind) + sequence),
            ComputeBudgetInstruction::set_loaded_accounts_data_size_limit(LOADED_BYTES),
            instruction,
        ];
        let message = v0::Message::try_compile(&wallet.pubkey(), &instructions, &[], blockhash.hash)
            .map_err(|error| Error::Invalid(format!("the instruction does not fit a transaction ({error})")))?;
        let transaction = VersionedTransaction::try_new(VersionedMessage::V0(message), &[wallet])
            .map_err(|error| Error::Signing { wallet: wallet.pubkey(), cause: error.to_string() })?;
        Ok((transaction, blockhash.last_valid_block_height))
    }
}

/// Compute units that a transaction may use: what it costs (tests/compute_units.json) with some to spare for addresses
/// that take the program longer to find.
fn limit(kind: Kind) -> u32 {
    match kind {
        Kind::OfferCreate | Kind::LockTake | Kind::LockRelease => 12_000,
        Kind::OfferCancel | Kind::Purchase | Kind::LockSettle => 6_000,
        Kind::PurchaseBatch => 12_000,
    }
}

//! The engine alone: the transactions that went to a chain are executed again, in the same order, by a bare LiteSVM.

use {
    anyhow::{Result, anyhow, bail},
    async_trait::async_trait,
    cpu_time::ProcessTime,
    litesvm::LiteSVM,
    multibus_client::{
        Address, Keypair, Signature, Signer,
        chain::{Chain, ChainClock, ChainLayer, EmbeddedChain, VersionedTransaction},
        error::Result as ChainResult,
    },
    solana_clock::Clock,
    std::{
        mem,
        sync::{Arc, Mutex, PoisonError},
        time::Duration,
    },
};

/// What happened on a chain.
#[derive(Clone)]
pub enum Step {
    /// A transaction landed, at this time of the chain.
    Transaction(Box<VersionedTransaction>, ChainClock),
    /// A wallet got lamports.
    Airdrop(Address, u64),
}

/// A chain that notes every transaction that lands.
pub struct Recorder {
    chain: Arc<EmbeddedChain>,
    steps: Mutex<Vec<Step>>,
}

impl Recorder {
    /// Notes what lands on a chain.
    pub fn new(chain: Arc<EmbeddedChain>) -> Self {
        Self { chain, steps: Mutex::default() }
    }

    /// What landed since the last call.
    pub fn take(&self) -> Vec<Step> {
        mem::take(&mut *self.steps.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, step: Step) {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).push(step);
    }
}

#[async_trait]
impl ChainLayer for Recorder {
    fn inner(&self) -> &dyn Chain {
        &*self.chain
    }

    async fn send(&self, transaction: &VersionedTransaction) -> ChainResult<Signature> {
        let clock = self.chain.clock().await?;
        let signature = self.chain.send(transaction).await?;
        if let Some(Some(status)) = self.chain.statuses(&[signature]).await?.into_iter().next()
            && status.error.is_none()
        {
            self.note(Step::Transaction(Box::new(transaction.clone()), clock));
        }
        Ok(signature)
    }

    async fn airdrop(&self, address: &Address, lamports: u64) -> ChainResult<()> {
        self.chain.airdrop(address, lamports).await?;
        self.note(Step::Airdrop(*address, lamports));
        Ok(())
    }
}

/// CPU time of a bare loop.
#[derive(Clone, Copy, Debug, Default)]
pub struct BareTime {
    /// Verifies the signatures and executes.
    pub execute: Duration,
    /// Signs the same messages.
    pub sign: Duration,
    /// Transactions.
    pub transactions: u64,
}

/// Executes the steps on a new LiteSVM that verifies signatures and keeps no history. Those before `from` are executed and not
/// measured.
///
/// # Errors
/// Where a transaction that landed on the chain does not land here: then the two loops do not do the same.
pub fn run(elf: &[u8], steps: &[Step], from: usize) -> Result<BareTime> {
    let mut svm = LiteSVM::new().with_sigverify(true).with_blockhash_check(false).with_transaction_history(0);
    svm.add_program(multibus_client::multibus::ID, elf)
        .map_err(|error| anyhow!("the program does not load: {error:?}"))?;
    let mut clock: Clock = svm.get_sysvar();
    let mut time = BareTime::default();
    let key = Keypair::new_from_array([7; 32]);
    for step in &steps[from.min(steps.len())..] {
        if let Step::Transaction(transaction, _) = step {
            let message = transaction.message.serialize();
            let started = ProcessTime::now();
            for _ in &transaction.signatures {
                std::hint::black_box(key.sign_message(&message));
            }
            time.sign += started.elapsed();
            time.transactions += 1;
        }
    }
    // What the loop consumes is made before.
    let steps: Vec<Step> = steps.to_vec();
    let mut started = ProcessTime::now();
    for (number, step) in steps.into_iter().enumerate() {
        if number == from {
            started = ProcessTime::now();
        }
        match step {
            Step::Airdrop(address, lamports) => {
                svm.airdrop(&address, lamports).map_err(|failed| anyhow!("the airdrop failed: {:?}", failed.err))?;
            }
            Step::Transaction(transaction, ChainClock { slot, unix_timestamp }) => {
                if (clock.slot, clock.unix_timestamp) != (slot, unix_timestamp) {
                    (clock.slot, clock.unix_timestamp) = (slot, unix_timestamp);
                    svm.set_sysvar(&clock);
                }
                if let Err(failed) = svm.send_transaction(*transaction) {
                    bail!(
                        "step {number} landed on the chain and fails on the bare engine: {:?}\n{}",
                        failed.err,
                        failed.meta.logs.join("\n")
                    );
                }
            }
        }
    }
    time.execute = started.elapsed();
    Ok(time)
}

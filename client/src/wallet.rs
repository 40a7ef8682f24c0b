//! A wallet that acts on the market. Each noun's actions are in its own file; this one has what they share.

use {
    crate::{
        chain::Chain,
        error::{Error, Result},
        lane::Lanes,
        market::Market,
        send::{SendFailure, Sender, Sent, TransactionOptions},
        table::LookupTables,
    },
    solana_address::Address,
    solana_instruction::Instruction,
    solana_message::AddressLookupTableAccount,
    std::{
        collections::HashMap,
        sync::{Arc, Mutex, PoisonError},
    },
    tokio::sync::OwnedMutexGuard,
};

pub use crate::send::SharedSigner;

/// Most nonce lanes that a wallet opens by default.
pub const DEFAULT_MAX_LANES: u16 = 8;

/// How many transactions of a new account are searched for the one that created it.
const HISTORY: usize = 1_000;

/// An account that an action created.
#[derive(Clone, Debug)]
pub struct Created {
    /// Where it is.
    pub address: Address,
    /// The transaction that created it.
    pub sent: Sent,
}

/// A wallet that acts on the market. Clones share nonce lanes and lookup tables, so that many tasks can trade with one
/// wallet at once.
#[derive(Clone)]
pub struct Wallet {
    inner: Arc<Inner>,
}

struct Inner {
    signer: SharedSigner,
    market: Market,
    sender: Sender,
    lanes: Arc<Lanes>,
    tables: Arc<LookupTables>,
    counters: Arc<Counters>,
}

/// The counters that number what this wallet creates, by their accounts. Each hands its numbers out one after the other.
#[derive(Default)]
struct Counters(Mutex<HashMap<Address, Arc<tokio::sync::Mutex<u64>>>>);

/// A counter in the hands of one task. It holds the number after the last one that this process spent, 0 before.
pub(crate) type Counter = OwnedMutexGuard<u64>;

/// The number to use: the one that was read, or a later one where this process spent that already and the node lags. A node
/// that goes on refusing the later one is believed.
pub(crate) fn number_to_use(counter: &Counter, read: u64, attempt: u32) -> u64 {
    if attempt < 3 { read.max(**counter) } else { read }
}

impl Wallet {
    /// A wallet on a chain, with default options.
    pub fn new(chain: Arc<dyn Chain>, signer: SharedSigner) -> Self {
        let lanes = Arc::new(Lanes::new(signer.pubkey(), DEFAULT_MAX_LANES));
        Self::build(Market::new(chain), signer, TransactionOptions::default(), lanes, Arc::default(), Arc::default())
    }

    fn build(
        market: Market,
        signer: SharedSigner,
        options: TransactionOptions,
        lanes: Arc<Lanes>,
        tables: Arc<LookupTables>,
        counters: Arc<Counters>,
    ) -> Self {
        let sender = Sender::new(market.chain().clone(), options);
        Self { inner: Arc::new(Inner { signer, market, sender, lanes, tables, counters }) }
    }

    /// The same wallet with other options for its transactions. It shares its nonce lanes with the present one.
    #[must_use]
    pub fn with_options(self, options: TransactionOptions) -> Self {
        let Inner { signer, market, sender: _, lanes, tables, counters } = &*self.inner;
        Self::build(market.clone(), signer.clone(), options, lanes.clone(), tables.clone(), counters.clone())
    }

    /// The same wallet with at most this many nonce lanes, at least one. Each lane has one purchase in flight. Lanes
    /// are opened when they are needed, and each holds rent until it is closed.
    #[must_use]
    pub fn with_lanes(self, max_lanes: u16) -> Self {
        let Inner { signer, market, sender, lanes: _, tables, counters } = &*self.inner;
        let lanes = Arc::new(Lanes::new(signer.pubkey(), max_lanes));
        Self::build(market.clone(), signer.clone(), *sender.options(), lanes, tables.clone(), counters.clone())
    }

    /// Its address.
    pub fn address(&self) -> Address {
        self.inner.signer.pubkey()
    }

    /// Its signer.
    pub fn signer(&self) -> &SharedSigner {
        &self.inner.signer
    }

    /// The chain that it acts on.
    pub fn chain(&self) -> &Arc<dyn Chain> {
        self.inner.market.chain()
    }

    /// Read-only queries of the market that it acts on.
    pub fn market(&self) -> &Market {
        &self.inner.market
    }

    /// What sends its transactions.
    pub fn sender(&self) -> &Sender {
        &self.inner.sender
    }

    /// Its nonce lanes.
    pub fn lanes(&self) -> &Arc<Lanes> {
        &self.inner.lanes
    }

    pub(crate) fn tables(&self) -> &LookupTables {
        &self.inner.tables
    }

    /// Takes a counter into the hands of this task: tasks that share a wallet use its numbers one after the other.
    pub(crate) async fn counter(&self, account: &Address) -> Counter {
        let counter = {
            let mut counters = self.inner.counters.0.lock().unwrap_or_else(PoisonError::into_inner);
            counters.entry(*account).or_default().clone()
        };
        counter.lock_owned().await
    }

    /// Signs and sends instructions as one transaction and waits until it has landed.
    pub async fn send(&self, instructions: &[Instruction]) -> Result<Sent> {
        self.send_with(&[], instructions, &[]).await
    }

    /// The same, with further signers and lookup tables.
    pub async fn send_with(
        &self,
        cosigners: &[SharedSigner],
        instructions: &[Instruction],
        tables: &[AddressLookupTableAccount],
    ) -> Result<Sent> {
        let mut signers = vec![self.signer().clone()];
        signers.extend_from_slice(cosigners);
        self.sender().send(&signers, instructions, tables).await
    }

    /// Signs and sends instructions that can take effect only once, such as an approval. If the network loses sight of
    /// an attempt that landed, the next attempt is refused; then the attempt that landed counts. `account` is one that
    /// the instructions write and do not close.
    pub(crate) async fn send_once(&self, account: &Address, instructions: &[Instruction]) -> Result<Sent> {
        self.send_once_with(account, &[], instructions).await
    }

    /// The same with further signers.
    pub(crate) async fn send_once_with(
        &self,
        account: &Address,
        cosigners: &[SharedSigner],
        instructions: &[Instruction],
    ) -> Result<Sent> {
        let mut signers = vec![self.signer().clone()];
        signers.extend_from_slice(cosigners);
        let failure = match self.sender().send_traced(&signers, instructions, &[]).await {
            Ok(sent) => return Ok(sent),
            Err(failure) => failure,
        };
        self.landed_after_all(account, &failure).await?.ok_or(failure.error)
    }

    /// The submitted transaction that created or changed an account, if one landed after all. A transaction of a
    /// stranger or of another task that did the same does not count.
    pub(crate) async fn landed_after_all(&self, created: &Address, failure: &SendFailure) -> Result<Option<Sent>> {
        let Some(last) = failure.submitted.last() else { return Ok(None) };
        let unknown = |cause: String| Error::OutcomeUnknown { signature: *last, cause };
        let accounts = self.chain().accounts(&[*created]).await.map_err(|error| unknown(error.to_string()))?;
        if accounts[0].is_none() {
            return Ok(None);
        }
        let history = self.chain().signatures_for(created, None, HISTORY);
        let history = history.await.map_err(|error| unknown(error.to_string()))?;
        if history.is_empty() {
            return Err(unknown(format!("{created} exists, but the node serves no history of it")));
        }
        let own = history.iter().find(|info| info.error.is_none() && failure.submitted.contains(&info.signature));
        let Some(own) = own else { return Ok(None) };
        let record = self.chain().transaction(&own.signature).await.unwrap_or_default();
        Ok(Some(Sent::new(own.signature, own.slot, record, failure.submitted.len() as u32)))
    }
}

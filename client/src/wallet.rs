//! A wallet that acts on the market. Each noun's actions are in its own file; this one has what they share.

use {
    crate::{
        chain::Chain,
        error::Result,
        lookup_table::LookupTables,
        market::Market,
        send::{Sender, Sent, TransactionOptions},
        trader::Lanes,
    },
    solana_address::Address,
    solana_instruction::Instruction,
    solana_message::AddressLookupTableAccount,
    solana_signer::Signer,
    std::sync::Arc,
};

/// A signer that many tasks can use.
pub type SharedSigner = Arc<dyn Signer + Send + Sync>;

/// Nonce lanes that a wallet opens at most, unless told otherwise.
pub const DEFAULT_MAX_LANES: u16 = 8;

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
    tables: LookupTables,
}

impl Wallet {
    /// A wallet on a chain, with default options.
    pub fn new(chain: Arc<dyn Chain>, signer: SharedSigner) -> Self {
        Self::build(Market::new(chain), signer, TransactionOptions::default(), DEFAULT_MAX_LANES)
    }

    fn build(market: Market, signer: SharedSigner, options: TransactionOptions, max_lanes: u16) -> Self {
        let sender = Sender::new(market.chain().clone(), options);
        let lanes = Arc::new(Lanes::new(signer.pubkey(), max_lanes));
        Self { inner: Arc::new(Inner { signer, market, sender, lanes, tables: LookupTables::default() }) }
    }

    /// The same wallet with other options for its transactions.
    pub fn with_options(self, options: TransactionOptions) -> Self {
        let Inner { signer, market, lanes, .. } = &*self.inner;
        Self::build(market.clone(), signer.clone(), options, lanes.max())
    }

    /// The same wallet with at most so many nonce lanes: as many purchases can be in flight at once. Lanes open when
    /// they are needed, and each holds rent until it is closed. At least one.
    pub fn with_lanes(self, max_lanes: u16) -> Self {
        let Inner { signer, market, sender, .. } = &*self.inner;
        Self::build(market.clone(), signer.clone(), *sender.options(), max_lanes)
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

    /// Questions to the market that it acts on.
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

    /// Signs and sends instructions as one transaction and waits until it has landed.
    pub async fn send(&self, instructions: &[Instruction]) -> Result<Sent> {
        self.send_with(&[], instructions, &[]).await
    }

    /// Likewise, with further signers and lookup tables.
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
}

//! Chains in front of other chains, which count, fail or lie.

use {
    super::{
        AccountFilter, Chain, ChainClock, LogsStream, Outcome, RecentBlockhash, SignatureInfo, SignatureStatus,
        Simulation, TransactionRecord, VersionedTransaction,
    },
    crate::error::Result,
    async_trait::async_trait,
    solana_account::Account,
    solana_address::Address,
    solana_signature::Signature,
};

/// A chain in front of another. Every request is passed on unless the layer implements it. Every layer is a [`Chain`].
#[async_trait]
pub trait ChainLayer: Send + Sync {
    /// The chain behind it.
    fn inner(&self) -> &dyn Chain;

    /// Called before every request. Its error becomes the answer.
    fn admit(&self) -> Result<()> {
        Ok(())
    }

    /// See [`Chain::description`].
    fn description(&self) -> String {
        self.inner().description()
    }

    /// See [`Chain::is_embedded`].
    fn is_embedded(&self) -> bool {
        self.inner().is_embedded()
    }

    /// See [`Chain::accounts`].
    async fn accounts(&self, addresses: &[Address]) -> Result<Vec<Option<Account>>> {
        self.inner().accounts(addresses).await
    }

    /// See [`Chain::program_accounts`].
    async fn program_accounts(&self, program: &Address, filter: &AccountFilter) -> Result<Vec<(Address, Account)>> {
        self.inner().program_accounts(program, filter).await
    }

    /// See [`Chain::latest_blockhash`].
    async fn latest_blockhash(&self) -> Result<RecentBlockhash> {
        self.inner().latest_blockhash().await
    }

    /// See [`Chain::simulate`].
    async fn simulate(&self, transaction: &VersionedTransaction) -> Result<Simulation> {
        self.inner().simulate(transaction).await
    }

    /// See [`Chain::send`].
    async fn send(&self, transaction: &VersionedTransaction) -> Result<Signature> {
        self.inner().send(transaction).await
    }

    /// See [`Chain::confirm`].
    async fn confirm(&self, signature: &Signature, last_valid_block_height: u64) -> Result<Outcome> {
        self.inner().confirm(signature, last_valid_block_height).await
    }

    /// See [`Chain::statuses`].
    async fn statuses(&self, signatures: &[Signature]) -> Result<Vec<Option<SignatureStatus>>> {
        self.inner().statuses(signatures).await
    }

    /// See [`Chain::transaction`].
    async fn transaction(&self, signature: &Signature) -> Result<Option<TransactionRecord>> {
        self.inner().transaction(signature).await
    }

    /// See [`Chain::signatures_for`].
    async fn signatures_for(
        &self,
        address: &Address,
        before: Option<Signature>,
        limit: usize,
    ) -> Result<Vec<SignatureInfo>> {
        self.inner().signatures_for(address, before, limit).await
    }

    /// See [`Chain::clock`].
    async fn clock(&self) -> Result<ChainClock> {
        self.inner().clock().await
    }

    /// See [`Chain::minimum_rent`].
    async fn minimum_rent(&self, data_len: usize) -> Result<u64> {
        self.inner().minimum_rent(data_len).await
    }

    /// See [`Chain::airdrop`].
    async fn airdrop(&self, address: &Address, lamports: u64) -> Result<()> {
        self.inner().airdrop(address, lamports).await
    }

    /// See [`Chain::recent_priority_fees`].
    async fn recent_priority_fees(&self, writable: &[Address]) -> Result<Vec<u64>> {
        self.inner().recent_priority_fees(writable).await
    }

    /// See [`Chain::subscribe_logs`].
    async fn subscribe_logs(&self, mentions: &Address) -> Result<LogsStream> {
        self.inner().subscribe_logs(mentions).await
    }

    /// See [`Chain::wait_until`].
    async fn wait_until(&self, unix_timestamp: i64) -> Result<ChainClock> {
        self.inner().wait_until(unix_timestamp).await
    }

    /// See [`Chain::wait_for_slot`].
    async fn wait_for_slot(&self, slot: u64) -> Result<ChainClock> {
        self.inner().wait_for_slot(slot).await
    }
}

#[async_trait]
impl<L: ChainLayer> Chain for L {
    fn description(&self) -> String {
        ChainLayer::description(self)
    }

    fn is_embedded(&self) -> bool {
        ChainLayer::is_embedded(self)
    }

    async fn accounts(&self, addresses: &[Address]) -> Result<Vec<Option<Account>>> {
        self.admit()?;
        ChainLayer::accounts(self, addresses).await
    }

    async fn program_accounts(&self, program: &Address, filter: &AccountFilter) -> Result<Vec<(Address, Account)>> {
        self.admit()?;
        ChainLayer::program_accounts(self, program, filter).await
    }

    async fn latest_blockhash(&self) -> Result<RecentBlockhash> {
        self.admit()?;
        ChainLayer::latest_blockhash(self).await
    }

    async fn simulate(&self, transaction: &VersionedTransaction) -> Result<Simulation> {
        self.admit()?;
        ChainLayer::simulate(self, transaction).await
    }

    async fn send(&self, transaction: &VersionedTransaction) -> Result<Signature> {
        self.admit()?;
        ChainLayer::send(self, transaction).await
    }

    async fn confirm(&self, signature: &Signature, last_valid_block_height: u64) -> Result<Outcome> {
        self.admit()?;
        ChainLayer::confirm(self, signature, last_valid_block_height).await
    }

    async fn statuses(&self, signatures: &[Signature]) -> Result<Vec<Option<SignatureStatus>>> {
        self.admit()?;
        ChainLayer::statuses(self, signatures).await
    }

    async fn transaction(&self, signature: &Signature) -> Result<Option<TransactionRecord>> {
        self.admit()?;
        ChainLayer::transaction(self, signature).await
    }

    async fn signatures_for(
        &self,
        address: &Address,
        before: Option<Signature>,
        limit: usize,
    ) -> Result<Vec<SignatureInfo>> {
        self.admit()?;
        ChainLayer::signatures_for(self, address, before, limit).await
    }

    async fn clock(&self) -> Result<ChainClock> {
        self.admit()?;
        ChainLayer::clock(self).await
    }

    async fn minimum_rent(&self, data_len: usize) -> Result<u64> {
        self.admit()?;
        ChainLayer::minimum_rent(self, data_len).await
    }

    async fn airdrop(&self, address: &Address, lamports: u64) -> Result<()> {
        self.admit()?;
        ChainLayer::airdrop(self, address, lamports).await
    }

    async fn recent_priority_fees(&self, writable: &[Address]) -> Result<Vec<u64>> {
        self.admit()?;
        ChainLayer::recent_priority_fees(self, writable).await
    }

    async fn subscribe_logs(&self, mentions: &Address) -> Result<LogsStream> {
        self.admit()?;
        ChainLayer::subscribe_logs(self, mentions).await
    }

    async fn wait_until(&self, unix_timestamp: i64) -> Result<ChainClock> {
        self.admit()?;
        ChainLayer::wait_until(self, unix_timestamp).await
    }

    async fn wait_for_slot(&self, slot: u64) -> Result<ChainClock> {
        self.admit()?;
        ChainLayer::wait_for_slot(self, slot).await
    }
}

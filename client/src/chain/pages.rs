//! The transactions of an address, page by page.

use {
    super::{Chain, SignatureInfo},
    crate::error::{Error, Result},
    solana_address::Address,
    solana_signature::Signature,
    std::collections::HashSet,
};

/// Reads the transactions that mention an address page by page, newest first. Refuses a node that sends one twice or
/// never ends.
pub struct HistoryPages<'a> {
    chain: &'a dyn Chain,
    address: Address,
    before: Option<Signature>,
    /// The first halves of the signatures so far.
    seen: HashSet<[u8; 32]>,
    at_most: usize,
    is_over: bool,
}

impl<'a> HistoryPages<'a> {
    /// Transactions of a page.
    pub const LENGTH: usize = 1_000;

    /// Reads at most this many transactions of an address.
    pub fn new(chain: &'a dyn Chain, address: &Address, at_most: usize) -> Self {
        let seen = HashSet::new();
        Self { chain, address: *address, before: None, seen, at_most, is_over: false }
    }

    /// The next page; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<Vec<SignatureInfo>>> {
        if self.is_over {
            return Ok(None);
        }
        let page = self.chain.signatures_for(&self.address, self.before, Self::LENGTH).await?;
        let refuse = |cause: String| Error::Decode { kind: "transaction history", address: self.address, cause };
        for info in &page {
            if info.signature.as_ref().first_chunk().is_none_or(|half| !self.seen.insert(*half)) {
                return Err(refuse(format!("the node sent {} a second time; use another node", info.signature)));
            }
        }
        if self.seen.len() > self.at_most {
            return Err(refuse(format!("it has more than {} transactions, which are too many to read", self.at_most)));
        }
        self.before = page.last().map(|info| info.signature);
        self.is_over = page.len() < Self::LENGTH;
        Ok(Some(page))
    }
}

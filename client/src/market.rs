//! Read-only queries. Each noun's queries are in its own file; this one has what they share.

use {
    crate::{
        account::{Keyed, MarketAccount, decode},
        chain::{AccountFilter, Chain},
        error::{Error, Result},
    },
    solana_address::Address,
    std::{
        collections::HashMap,
        sync::{Arc, Mutex, PoisonError},
    },
};

/// The parts of a bus that every trade needs and that never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Settlement mint.
    pub mint: Address,
    /// Token program of the mint.
    pub token_program: Address,
}

/// Read-only queries of the market on one chain.
#[derive(Clone)]
pub struct Market {
    chain: Arc<dyn Chain>,
    settlements: Arc<Mutex<HashMap<Address, Settlement>>>,
}

impl Market {
    /// The market on a chain.
    pub fn new(chain: Arc<dyn Chain>) -> Self {
        Self { chain, settlements: Arc::default() }
    }

    /// The chain.
    pub fn chain(&self) -> &Arc<dyn Chain> {
        &self.chain
    }

    /// A bus's settlement. It never changes, so it is read once.
    pub async fn settlement(&self, bus: &Address) -> Result<Settlement> {
        let settlements = || self.settlements.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(settlement) = settlements().get(bus).copied() {
            return Ok(settlement);
        }
        let read = self.bus(bus).await?;
        let settlement = Settlement { mint: read.mint, token_program: read.token_program };
        settlements().insert(*bus, settlement);
        Ok(settlement)
    }

    /// One account, `None` where there is none.
    pub(crate) async fn find<T: MarketAccount>(&self, address: &Address) -> Result<Option<Keyed<T>>> {
        let accounts = self.chain.accounts(&[*address]).await?;
        accounts.first().and_then(Option::as_ref).map(|account| decode(address, account)).transpose()
    }

    /// One account that must exist.
    pub(crate) async fn get<T: MarketAccount>(&self, address: &Address) -> Result<Keyed<T>> {
        self.find(address).await?.ok_or(Error::NotFound { kind: T::NAME, address: *address })
    }

    /// Accounts in the order of their addresses, `None` where there is none.
    pub(crate) async fn find_all<T: MarketAccount>(&self, addresses: &[Address]) -> Result<Vec<Option<Keyed<T>>>> {
        let accounts = self.chain.accounts(addresses).await?;
        addresses
            .iter()
            .zip(&accounts)
            .map(|(address, account)| account.as_ref().map(|account| decode(address, account)).transpose())
            .collect()
    }

    /// Every account of a kind that has these bytes at these offsets, by address.
    pub(crate) async fn list<T: MarketAccount>(&self, bytes: &[(usize, &[u8])]) -> Result<Vec<Keyed<T>>> {
        let mut filter = AccountFilter::default().size(T::len()).bytes(0, T::DISCRIMINATOR);
        for (offset, bytes) in bytes {
            filter = filter.bytes(*offset, bytes);
        }
        let accounts = self.chain.program_accounts(&multibus::ID, &filter).await?;
        let mut found =
            accounts.iter().map(|(address, account)| decode(address, account)).collect::<Result<Vec<Keyed<T>>>>()?;
        found.sort_unstable_by_key(|account| account.address);
        Ok(found)
    }
}

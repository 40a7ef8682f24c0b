//! A market of a test's own on a network that others use too.

use std::{
    ops::Deref,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use multibus_client::{
    Address, Keypair, Wallet,
    bus::BusConfig,
    chain::{Chain, CommitmentLevel, RpcChain},
    multibus::token::SPL_TOKEN_ID,
};
use multibus_localnet::{engine::beside, key, network::Description};
use multibus_test_support::market::{FreshMarket, SOL, open_bus};

/// Base units of the token that every member starts with.
pub const FUNDS: u64 = 1_000_000_000;
/// Lamports that every member starts with.
const LAMPORTS: u64 = 10 * SOL;

/// The network under test.
///
/// # Panics
/// Where `MULTIBUS_NETWORK` describes none.
pub fn network() -> Description {
    Description::under_test().unwrap_or_else(|error| panic!("{error:#}"))
}

/// A new token and a bus, and members with money.
pub struct NetworkMarket {
    /// URL of the network's RPC server.
    pub rpc_url: String,
    /// URL of its WebSocket server.
    pub websocket_url: String,
    /// Everyone with tokens, each with a connection of its own.
    pub members: Vec<Wallet>,
    fresh: FreshMarket<RpcChain>,
}

impl Deref for NetworkMarket {
    type Target = FreshMarket<RpcChain>;

    fn deref(&self) -> &Self::Target {
        &self.fresh
    }
}

/// A bus that is open for listing, without windows, with one owner.
pub fn config(owner: &Wallet) -> BusConfig {
    BusConfig { name: "Mill Lane".to_owned(), capacity_wh: 1_000_000, base_price_per_kwh: 100_000, ..open_bus(owner) }
}

impl NetworkMarket {
    /// A market on the network under test, as [`NetworkMarket::at`] makes it.
    ///
    /// # Panics
    /// Where there is no network, or it refuses.
    pub async fn new(members: usize, change: impl FnOnce(&mut BusConfig, &[Wallet])) -> Self {
        let Description { rpc_url, websocket_url, .. } = network();
        Self::at(rpc_url, websocket_url, members, change).await
    }

    /// A market with this many members, whose bus is [`config`] with a `change`. The change sees the members, so that they
    /// can own the bus too.
    ///
    /// # Panics
    /// Where the network refuses.
    pub async fn at(
        rpc_url: String,
        websocket_url: String,
        members: usize,
        change: impl FnOnce(&mut BusConfig, &[Wallet]),
    ) -> Self {
        let connect = || {
            let chain = RpcChain::new(&rpc_url, Some(&websocket_url), CommitmentLevel::Confirmed);
            Arc::new(chain.expect("networks have URLs"))
        };
        let members: Vec<Wallet> = (0..members).map(|_| Wallet::new(connect(), Arc::new(Keypair::new()))).collect();
        let lamports = LAMPORTS * (members.len() as u64 + 1);
        let fresh = FreshMarket::found(connect(), lamports, &SPL_TOKEN_ID, |owner| {
            let mut config = config(owner);
            change(&mut config, &members);
            vec![config]
        });
        let fresh = fresh.await.unwrap();
        let wallets: Vec<Address> = members.iter().map(Wallet::address).collect();
        fresh.fund(&wallets, LAMPORTS, FUNDS).await.unwrap();
        Self { rpc_url, websocket_url, members, fresh }
    }

    /// The chain's time, in unix seconds.
    ///
    /// # Panics
    /// Where the network does not answer.
    pub async fn now(&self) -> i64 {
        self.chain.clock().await.unwrap().unix_timestamp
    }

    /// Tokens of a wallet, in base units; 0 where it has no account.
    ///
    /// # Panics
    /// Where the network does not answer.
    pub async fn tokens(&self, wallet: &Wallet) -> u64 {
        self.fresh.tokens(&wallet.address()).await.unwrap()
    }

    /// Asserts that nothing is wrong with the market, and that no tokens were minted but those of the members.
    ///
    /// # Panics
    /// Where it is otherwise.
    pub async fn assert_sound(&self) {
        let wallets: Vec<Address> = self.members.iter().map(Wallet::address).collect();
        assert_eq!(self.violations(&wallets).await.unwrap(), Vec::<String>::new());
        let supply = self.market().mint(&self.mint).await.unwrap().supply;
        assert_eq!(supply, self.members.len() as u64 * FUNDS, "tokens are conserved");
    }

    /// A call of the command-line client on this network, without what the user configured.
    ///
    /// # Panics
    /// Where the client is not built.
    pub fn multibus(&self, folder: &Path) -> Command {
        let mut command =
            Command::new(beside("multibus").expect("the command-line client is built; run `cargo xtask e2e`"));
        command.current_dir(folder).env("HOME", folder).env_remove("MULTIBUS_KEYPAIR");
        command.env("MULTIBUS_URL", &self.rpc_url).args(["--ws", &self.websocket_url]);
        command
    }
}

/// Writes a seeded wallet's keypair file into a folder.
///
/// # Panics
/// Where it cannot be written.
pub fn seeded_wallet(name: &str, folder: &Path) -> PathBuf {
    let path = folder.join(format!("{name}.json"));
    key::write(&key::keypair(name), &path).unwrap();
    path
}

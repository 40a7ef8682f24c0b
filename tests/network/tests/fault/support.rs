//! A market on the network under test, and wallets whose connection to it fails on command.

use {
    futures_util::{StreamExt, stream},
    multibus_client::{
        Address, TransactionOptions, Wallet,
        chain::{CommitmentLevel, RpcChain, RpcOptions},
        offer::OfferTerms,
    },
    multibus_localnet::{
        engine::Engine,
        network::Description,
        node::{Node, NodeOptions},
    },
    multibus_network::{
        market::{self, FUNDS, NetworkMarket},
        proxy::Proxy,
    },
    multibus_test_support::market::{SOL, terms},
    std::{path::Path, sync::Arc, time::Duration},
};

/// The network under test.
pub struct Network {
    pub engine: Engine,
    pub url: String,
    pub websocket_url: String,
}

/// The network that `cargo xtask e2e` started.
pub fn network() -> Network {
    let description = Description::under_test().unwrap_or_else(|error| panic!("{error:#}"));
    Network { engine: description.engine, url: description.rpc_url, websocket_url: description.websocket_url }
}

impl Network {
    /// A connection to the node without a proxy.
    pub fn direct(&self) -> Arc<RpcChain> {
        let chain = RpcChain::new(&self.url, Some(&self.websocket_url), CommitmentLevel::Confirmed);
        Arc::new(chain.expect("the network's URL"))
    }

    pub async fn proxy(&self) -> Proxy {
        Proxy::start(&self.url, &self.websocket_url).await.expect("a port")
    }

    /// A market of its own with one offer of 1 MWh for 500 per kWh, and that offer.
    pub async fn market(&self) -> (NetworkMarket, Address) {
        let fresh = market::found(self.direct(), 1, 10_000 * SOL).await.expect("a market");
        let offer = fresh.owner.offer_create(&fresh.bus, &terms(1_000_000, 500)).await.expect("an offer");
        (fresh, offer.address)
    }
}

/// An offer of a window, until its gate.
pub fn ask(window_start: i64, energy_wh: u64, price_per_kwh: u64) -> OfferTerms {
    OfferTerms { window_start, ..terms(energy_wh, price_per_kwh) }
}

/// A node of the same engine that a test can kill, in a folder. Its slots are short, so that blockhashes expire soon.
pub async fn own_node(folder: &Path) -> Node {
    let options = NodeOptions::new(network().engine, folder).expect("the program is built");
    Node::start(NodeOptions { slot_ms: 100, ..options }).await.expect("the node starts")
}

/// Waiting times for a proxy that fails: short, so that a test does not take long.
pub const IMPATIENT: RpcOptions =
    RpcOptions { request_timeout: Duration::from_secs(3), patience: Duration::from_secs(20) };

/// The chain behind a proxy.
pub fn behind(proxy: &Proxy, options: RpcOptions) -> Arc<RpcChain> {
    let chain = RpcChain::with_options(&proxy.url, Some(&proxy.websocket_url), CommitmentLevel::Confirmed, options);
    Arc::new(chain.expect("the proxy's URL"))
}

/// The same wallet behind a proxy.
pub fn wallet_behind(proxy: &Proxy, wallet: &Wallet, options: RpcOptions) -> Wallet {
    Wallet::new(behind(proxy, options), wallet.signer().clone())
        .with_options(TransactionOptions { patience: options.patience, ..TransactionOptions::default() })
}

/// What a wallet paid so far, in base units.
pub async fn paid(fresh: &NetworkMarket, wallet: &Wallet) -> u64 {
    FUNDS - fresh.tokens(&wallet.address()).await.expect("a balance")
}

/// Asserts that every invariant holds, as read from the chain without a proxy.
pub async fn assert_sound(fresh: &NetworkMarket, wallets: &[&Wallet]) {
    let wallets: Vec<Address> = wallets.iter().map(|wallet| wallet.address()).collect();
    let violations = fresh.violations(&wallets).await.expect("the chain");
    assert!(violations.is_empty(), "{violations:#?}");
}

/// Runs cases, several at the same time.
pub async fn each<T>(cases: Vec<T>, run: impl AsyncFn(T)) {
    stream::iter(cases).for_each_concurrent(8, |case| run(case)).await;
}

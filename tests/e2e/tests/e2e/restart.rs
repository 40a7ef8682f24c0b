//! A node of the same engine is killed and started again on its ledger.

use std::{env, path::PathBuf};

use multibus_client::{PricePerKwh, Wh, chain::Chain, purchase::PurchaseOrder};
use multibus_e2e::market::{FUNDS, NetworkMarket, network};
use multibus_localnet::node::{Node, NodeOptions};
use multibus_test_support::market::terms;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_goes_on_where_it_was() {
    let folder = folder();
    let mut node = Node::start(NodeOptions::new(network().engine, folder.path()).unwrap()).await.unwrap();
    let fresh = NetworkMarket::at(node.url(), node.websocket_url(), 1, |_, _| {}).await;
    let buyer = fresh.members[0].clone().with_lanes(1);
    let offer = fresh.owner.offer_create(&fresh.bus, &terms(10_000, 200_000)).await.unwrap().address;
    let order = PurchaseOrder::exactly(offer, Wh(1_000), PricePerKwh(200_000));
    let mut hashes = Vec::new();
    for _ in 0..3 {
        hashes.push(buyer.buy(&order).await.unwrap().transaction_hash);
    }
    let slot = fresh.chain.clock().await.unwrap().slot;

    node.kill().unwrap();
    let gone = buyer.buy(&order).await.unwrap_err();
    assert!(gone.is_transient(), "{gone}");
    node.restart().await.unwrap();

    assert!(fresh.chain.clock().await.unwrap().slot + 64 > slot, "no more than what was not final may be undone");
    let history = fresh.market().history(&buyer.address(), 0).await.unwrap();
    assert!(history.is_verified(), "{:?}", history.flaws);
    assert_eq!(history.purchases.iter().map(|purchase| purchase.transaction_hash).collect::<Vec<_>>(), hashes);
    hashes.push(buyer.buy(&order).await.unwrap().transaction_hash);
    assert_eq!(fresh.tokens(&buyer).await, FUNDS - 4 * 200_000);
    fresh.assert_sound().await;

    // A node that is stopped starts again, too.
    node.stop().await.unwrap();
    node.restart().await.unwrap();
    assert_eq!(fresh.market().history(&buyer.address(), 0).await.unwrap().purchases.len(), 4);
    node.stop().await.unwrap();
}

/// A folder beside the network's own. That one is on a disk; the system's temporary folder may be in memory.
fn folder() -> tempfile::TempDir {
    let network = env::var_os("MULTIBUS_NETWORK").map(PathBuf::from).unwrap();
    tempfile::tempdir_in(network.parent().unwrap()).unwrap()
}

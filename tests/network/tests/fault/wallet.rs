//! Two clients share one wallet and its lanes, each behind a proxy that fails.

use {
    crate::support::{IMPATIENT, assert_sound, network, paid, wallet_behind},
    futures_util::future::join_all,
    multibus_client::{PricePerKwh, Wh, purchase::PurchaseOrder},
    multibus_network::{market, proxy::Fault},
    std::collections::HashSet,
};

#[tokio::test(flavor = "multi_thread")]
async fn two_clients_share_one_wallet_and_its_lanes() {
    const PURCHASES: usize = 12;
    let network = network();
    let (fresh, offer) = network.market().await;
    let member = market::member(&fresh).await.unwrap();
    member.clone().with_lanes(2).open_lanes(2).await.unwrap();
    let proxies = [network.proxy().await, network.proxy().await];
    let clients = proxies.each_ref().map(|proxy| wallet_behind(proxy, &member, IMPATIENT).with_lanes(2));
    for proxy in &proxies {
        proxy.inject("sendTransaction", Fault::ResetAfter, 2);
        proxy.inject("getSignatureStatuses", Fault::Garbage, 2);
        proxy.inject("sendTransaction", Fault::HeldBack, 1);
        proxy.inject("sendTransaction", Fault::Lost, 1);
    }
    let buying = (0..2 * PURCHASES).map(|number| {
        let client = &clients[number % 2];
        // Purchases come in groups of four that differ only in their nonce.
        let order = PurchaseOrder::exactly(offer, Wh(10 + 10 * (number as u64 / 4 % 3)), PricePerKwh(500));
        async move { client.buy(&order).await.unwrap_or_else(|error| panic!("purchase {number}: {error}")) }
    });
    let bought = join_all(buying).await;
    for proxy in &proxies {
        assert_eq!(proxy.failed("sendTransaction"), 4);
        assert_eq!(proxy.failed("getSignatureStatuses"), 2);
    }
    let hashes: HashSet<_> = bought.iter().map(|bought| bought.transaction_hash).collect();
    let nonces: HashSet<_> = bought.iter().map(|bought| (bought.lane, bought.nonce)).collect();
    assert_eq!((hashes.len(), nonces.len()), (2 * PURCHASES, 2 * PURCHASES));
    let total: u64 = bought.iter().map(|bought| bought.paid).sum();
    assert_eq!(paid(&fresh, &member).await, total);
    let lanes = fresh.market().traders(&member.address()).await.unwrap();
    assert_eq!(lanes.len(), 2);
    assert_eq!(lanes.iter().map(|lane| lane.next_nonce - lane.first_nonce).sum::<u64>(), 2 * PURCHASES as u64);
    // Every receipt is of a purchase that one of the clients knows about.
    for receipt in fresh.market().receipts(&member.address()).await.unwrap() {
        assert!(hashes.contains(&receipt.transaction_hash()));
    }
    assert_sound(&fresh, &[&member]).await;
}

//! A history with more purchases than the chain keeps receipts for, verified by its root.

use multibus_client::{
    PricePerKwh, Wh,
    history::Evidence,
    multibus::constants::RECEIPTS,
    purchase::{PurchaseOrder, TransactionHash},
};
use multibus_e2e::market::{FUNDS, NetworkMarket};
use multibus_test_support::market::terms;

#[tokio::test(flavor = "multi_thread")]
async fn every_purchase_is_proven_by_the_root_on_chain() {
    const PURCHASES: u64 = RECEIPTS as u64 + 3;
    let fresh = NetworkMarket::new(1, |_, _| {}).await;
    let buyer = fresh.members[0].clone().with_lanes(1);
    let offer = fresh.owner.offer_create(&fresh.bus, &terms(100_000, 200_000)).await.unwrap().address;
    let mut hashes = Vec::new();
    for number in 1..=PURCHASES {
        let bought = buyer.buy(&PurchaseOrder::exactly(offer, Wh(number * 10), PricePerKwh(200_000))).await.unwrap();
        hashes.push(bought.transaction_hash);
    }
    let market = fresh.market();
    let history = market.history(&buyer.address(), 0).await.unwrap();
    assert!(history.is_verified(), "{:?}", history.flaws);
    assert_eq!(history.purchases.iter().map(|purchase| purchase.transaction_hash).collect::<Vec<_>>(), hashes);
    let wallet = Some(buyer.address());
    for (hash, evidence) in [
        (hashes[0], Some(Evidence::VerifiedHistory)),
        (hashes[PURCHASES as usize - 1], Some(Evidence::Receipt)),
        (TransactionHash([7; 32]), None),
    ] {
        let found = market.is_transaction_processed(&hash, wallet.as_ref()).await.unwrap();
        assert_eq!(found.map(|found| found.evidence), evidence);
    }
    let energy_wh: u64 = (1..=PURCHASES).map(|number| number * 10).sum();
    assert_eq!(fresh.tokens(&buyer).await, FUNDS - energy_wh * 200);
    fresh.assert_sound().await;
}

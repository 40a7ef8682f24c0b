//! Delivery windows in real time.

use multibus_client::{
    Error, PricePerKwh, Wh, chain::Chain, multibus::error::MultibusError, offer::OfferTerms, purchase::PurchaseOrder,
};
use multibus_e2e::market::NetworkMarket;
use multibus_test_support::market::terms;

/// The shortest window.
const WINDOW_SECONDS: u32 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_window_trades_until_its_gate_closes() {
    let fresh = NetworkMarket::new(1, |config, _| {
        config.terms.window_seconds = WINDOW_SECONDS;
        config.terms.gate_closure_seconds = 5;
        config.capacity_wh = 10_000;
    })
    .await;
    let (owner, buyer) = (&fresh.owner, &fresh.members[0]);
    let length = i64::from(WINDOW_SECONDS);
    // Far enough ahead to list and buy before its gate closes.
    let next = (fresh.now().await + 40).div_euclid(length) * length + length;
    let in_window = |window_start| OfferTerms { window_start, ..terms(6_000, 200_000) };
    let soon = owner.offer_create(&fresh.bus, &in_window(next)).await.unwrap().address;
    // The capacity is of each window, not of all.
    let later = owner.offer_create(&fresh.bus, &in_window(next + length)).await.unwrap().address;
    let full = owner.offer_create(&fresh.bus, &in_window(next)).await.unwrap_err();
    assert_eq!(full.multibus(), Some(MultibusError::CapacityExceeded), "{full}");
    let askew = owner.offer_create(&fresh.bus, &in_window(next + 1)).await.unwrap_err();
    assert_eq!(askew.multibus(), Some(MultibusError::WindowMisaligned), "{askew}");
    buyer.buy(&PurchaseOrder::exactly(soon, Wh(1_000), PricePerKwh(200_000))).await.unwrap();
    let lock = buyer.lock_take(&soon, Wh(1_000), PricePerKwh(200_000)).await.unwrap_err();
    assert_eq!(lock.multibus(), Some(MultibusError::LockOutlivesOffer), "{lock}");
    fresh.assert_sound().await;

    fresh.chain.wait_until(next - 5).await.unwrap();
    let closed = buyer.buy(&PurchaseOrder::exactly(soon, Wh(1_000), PricePerKwh(200_000))).await.unwrap_err();
    assert!(matches!(closed, Error::BeyondLimits(_)), "{closed}");
    let closed = owner.offer_create(&fresh.bus, &in_window(next)).await.unwrap_err();
    assert_eq!(closed.multibus(), Some(MultibusError::GateClosed), "{closed}");
    buyer.buy(&PurchaseOrder::exactly(later, Wh(1_000), PricePerKwh(200_000))).await.unwrap();
    // Anyone may withdraw what was not sold.
    buyer.offer_cancel(&soon).await.unwrap();
    let capacity = fresh.market().capacity(&fresh.bus, next).await.unwrap();
    assert_eq!((capacity.committed_wh, capacity.available_wh, capacity.open_offers), (1_000, 9_000, 0));
    let early = buyer.capacity_close(&fresh.bus, next).await.unwrap_err();
    assert_eq!(early.multibus(), Some(MultibusError::WindowNotOver), "{early}");
    fresh.assert_sound().await;
}

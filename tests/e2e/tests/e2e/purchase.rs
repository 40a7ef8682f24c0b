//! Offers and purchases from one of them.

use futures_util::future::join_all;
use multibus_client::{
    Error, PricePerKwh, Wh,
    multibus::error::MultibusError,
    offer::{OfferFilter, OfferSort},
    purchase::{Order, PurchaseKind, PurchaseOrder, TransactionHash},
};
use multibus_e2e::market::{FUNDS, NetworkMarket};
use multibus_test_support::market::terms;

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_is_listed_repriced_bought_and_withdrawn() {
    let fresh = NetworkMarket::new(2, |_, _| {}).await;
    let (seller, buyer) = (&fresh.members[0], &fresh.members[1]);
    let offer = seller.offer_create(&fresh.bus, &terms(5_000, 200_000)).await.unwrap();
    assert!(offer.sent.compute_units > 0 && offer.sent.fee >= 5_000, "{:?}", offer.sent);
    assert_eq!(offer.sent.events.last().map(multibus_client::Event::name), Some("OfferCreated"));
    let found = fresh.market().active_offers(&fresh.bus, &OfferFilter::default(), OfferSort::Price).await.unwrap();
    assert_eq!(found.iter().map(|offer| offer.address).collect::<Vec<_>>(), [offer.address]);

    seller.offer_reprice(&offer.address, 250_000).await.unwrap();
    let dear = buyer.buy(&PurchaseOrder::exactly(offer.address, Wh(1_000), PricePerKwh(200_000))).await.unwrap_err();
    assert!(matches!(&dear, Error::BeyondLimits(text) if text.contains("250000")), "{dear}");
    buyer.open_lanes(1).await.unwrap();
    let nonce = fresh.market().trader(&buyer.address(), 0).await.unwrap().unwrap().next_nonce;
    let order = Order { offer: offer.address, energy_wh: 1_001, max_price_per_kwh: 250_000 };
    let hash = TransactionHash::of(PurchaseKind::Single, &buyer.address(), 0, nonce, &[order]);
    let bought = buyer.buy(&PurchaseOrder::exactly(offer.address, Wh(1_001), PricePerKwh(250_000))).await.unwrap();
    assert_eq!((bought.transaction_hash, bought.energy_wh, bought.paid), (hash, 1_001, 250_250));
    assert_eq!(bought.fills.len(), 1);
    let rest = buyer
        .buy(&PurchaseOrder::exactly(offer.address, Wh(9_000), PricePerKwh(250_000)).or_at_least(Wh(1)))
        .await
        .unwrap();
    assert_eq!((rest.energy_wh, rest.paid), (3_999, 999_750));
    assert_eq!(fresh.tokens(buyer).await, FUNDS - 1_250_000);
    assert_eq!(fresh.tokens(seller).await, FUNDS);
    let money = fresh.market().seller_money(&fresh.market().seller(&fresh.bus, &seller.address()).await.unwrap()).await;
    assert_eq!(money.unwrap().proceeds, 1_250_000);
    fresh.assert_sound().await;

    // Anyone may close an offer that is sold out.
    buyer.offer_cancel(&offer.address).await.unwrap();
    assert!(matches!(fresh.market().offer(&offer.address).await, Err(Error::NotFound { .. })));
    let capacity = fresh.market().capacity(&fresh.bus, 0).await.unwrap();
    assert_eq!((capacity.committed_wh, capacity.available_wh, capacity.open_offers), (5_000, 995_000, 0));
    fresh.assert_sound().await;
    // The seller closes its account, which pays what it earned.
    seller.seller_close(&fresh.bus, &seller.address()).await.unwrap();
    assert_eq!(fresh.tokens(seller).await, FUNDS + 1_250_000);
    assert!(fresh.market().find_seller(&fresh.bus, &seller.address()).await.unwrap().is_none());
    fresh.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_arrives_with_its_own_error_and_changes_nothing() {
    let fresh = NetworkMarket::new(2, |config, _| config.listing_policy = 0).await;
    let (stranger, buyer) = (&fresh.members[0], &fresh.members[1]);
    let refused = stranger.offer_create(&fresh.bus, &terms(1_000, 200_000)).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::ListingClosed), "{refused}");
    let refused = fresh.owner.offer_create(&fresh.bus, &terms(1_000, 99_999)).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::PriceBelowBase), "{refused}");
    assert!(refused.to_string().contains("99999") && refused.to_string().contains("100000"), "{refused}");
    let refused = fresh.owner.offer_create(&fresh.bus, &terms(1_000_001, 200_000)).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::CapacityExceeded), "{refused}");
    let offer = fresh.owner.offer_create(&fresh.bus, &terms(1_000, 200_000)).await.unwrap().address;
    let refused = buyer.offer_cancel(&offer).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::OfferStillTrading), "{refused}");
    assert_eq!(fresh.market().offer(&offer).await.unwrap().free_wh(), 1_000);
    fresh.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn purchases_in_flight_at_once_are_paid_once_each() {
    const PURCHASES: u64 = 24;
    let fresh = NetworkMarket::new(1, |_, _| {}).await;
    let buyer = fresh.members[0].clone().with_lanes(6);
    let offer = fresh.owner.offer_create(&fresh.bus, &terms(100_000, 200_000)).await.unwrap().address;
    buyer.open_lanes(6).await.unwrap();
    let orders: Vec<_> =
        (1..=PURCHASES).map(|wh| PurchaseOrder::exactly(offer, Wh(wh * 10), PricePerKwh(200_000))).collect();
    let bought = join_all(orders.iter().map(|order| buyer.buy(order))).await;
    let mut hashes: Vec<_> = bought.into_iter().map(|bought| bought.unwrap().transaction_hash).collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len() as u64, PURCHASES);
    let energy_wh: u64 = (1..=PURCHASES).map(|wh| wh * 10).sum();
    assert_eq!(fresh.tokens(&buyer).await, FUNDS - energy_wh * 200);
    assert_eq!(fresh.market().offer(&offer).await.unwrap().remaining_wh, 100_000 - energy_wh);
    fresh.assert_sound().await;
}

//! Atomic batches, large enough to need a lookup table.

use futures_util::future::join_all;
use multibus_client::{
    Error,
    best::Want,
    multibus::constants::MAX_BATCH_ITEMS,
    offer::{OfferFilter, OfferSort},
    purchase::{BatchItem, BatchOrder},
    send::TRANSACTION_BYTES,
};
use multibus_e2e::market::{FUNDS, NetworkMarket};
use multibus_test_support::market::terms;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_batch_goes_through_a_lookup_table() {
    let fresh = NetworkMarket::new(5, |_, _| {}).await;
    let (buyer, sellers) = (&fresh.members[0], &fresh.members[1..]);
    // Sellers list at the same time, each of them one offer after the other: its account numbers them.
    let listing = sellers.iter().enumerate().map(|(first, seller)| {
        let bus = fresh.bus;
        async move {
            for number in (first..MAX_BATCH_ITEMS).step_by(sellers.len()) {
                seller.offer_create(&bus, &terms(1_000, 150_000 + 1_000 * number as u64)).await.unwrap();
            }
        }
    });
    join_all(listing).await;
    let book = fresh.market().active_offers(&fresh.bus, &OfferFilter::default(), OfferSort::Price).await.unwrap();
    assert_eq!(book.len(), MAX_BATCH_ITEMS);
    let items = book.iter().map(|offer| BatchItem::at_quote(*offer, 500)).collect();
    let order = BatchOrder::at_quote(items).unwrap();
    let needs = buyer.batch_size(&order, &[]).await.unwrap();
    assert!(needs > TRANSACTION_BYTES, "{needs} bytes would fit without a table");

    let bought = buyer.buy_batch(&order).await.unwrap();
    assert_eq!((bought.energy_wh, bought.fills.len()), (500 * MAX_BATCH_ITEMS as u64, MAX_BATCH_ITEMS));
    assert_eq!(bought.paid, order.max_total);
    assert_eq!(fresh.tokens(buyer).await, FUNDS - bought.paid);
    assert_eq!(buyer.lookup_tables().len(), 1);
    fresh.assert_sound().await;

    // The same order again uses the table as it is.
    buyer.buy_batch(&order).await.unwrap();
    assert_eq!(buyer.lookup_tables().len(), 1);
    // Everything is sold now. Where a part of a batch is missing, nothing of it is paid.
    let before = fresh.tokens(buyer).await;
    let refused = buyer.buy_batch(&order).await.unwrap_err();
    assert!(refused.is_conflict() || matches!(refused, Error::BeyondLimits(_)), "{refused}");
    assert_eq!(fresh.tokens(buyer).await, before);
    fresh.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cheapest_energy_is_bought_across_sellers() {
    let fresh = NetworkMarket::new(3, |_, _| {}).await;
    let [buyer, dear, cheap] = &fresh.members[..] else { panic!("three members") };
    dear.offer_create(&fresh.bus, &terms(2_000, 300_000)).await.unwrap();
    cheap.offer_create(&fresh.bus, &terms(1_500, 120_000)).await.unwrap();
    let want = Want::exactly(fresh.bus, 2_500);
    let quote = buyer.quote_best(&want).await.unwrap();
    assert_eq!(quote.total_cost, 180_000 + 300_000);
    assert_eq!(quote.orders.len(), 1);
    let bought = buyer.buy_best(&want).await.unwrap();
    assert_eq!((bought.energy_wh(), bought.paid()), (2_500, 480_000));
    for (seller, earned) in [(cheap, 180_000), (dear, 300_000)] {
        // It is in the seller's vault until somebody withdraws it.
        assert_eq!(fresh.tokens(seller).await, FUNDS);
        buyer.seller_withdraw(&fresh.bus, &seller.address()).await.unwrap();
        assert_eq!(fresh.tokens(seller).await, FUNDS + earned);
    }
    fresh.assert_sound().await;
}

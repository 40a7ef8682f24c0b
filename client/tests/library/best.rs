//! Buying at the best price.

use {
    crate::support::{FaultyChain, attempts},
    futures_util::FutureExt,
    multibus_client::{Error, Wallet, best::Want, offer::EnergySource},
    multibus_test_support::market::{EmbeddedMarket, FUNDS, terms},
};

#[tokio::test]
async fn what_is_quoted_is_what_is_bought() {
    let fresh = EmbeddedMarket::new().await;
    let (buyer, cheap) = (fresh.member().await, fresh.member().await);
    fresh.offer(2_000, 300).await;
    cheap.offer_create(&fresh.bus, &terms(1_500, 120)).await.unwrap();
    // A seller cannot buy its own energy, however cheap it is.
    buyer.offer_create(&fresh.bus, &terms(1_000, 100)).await.unwrap();
    let want = Want::exactly(fresh.bus, 2_500);
    let quote = buyer.quote_best(&want).await.unwrap();
    assert_eq!((quote.energy_wh, quote.total_cost, quote.lower_bound), (2_500, 180 + 300, 180 + 300));
    let named = Want { buyer: Some(buyer.address()), ..want };
    assert_eq!(fresh.market().quote_best(&named).await.unwrap(), quote);
    let bought = buyer.buy_best(&want).await.unwrap();
    assert!(bought.stopped.is_none());
    assert_eq!((bought.purchases.len(), bought.energy_wh(), bought.paid()), (1, 2_500, 480));
    let fills: Vec<_> = bought.purchases[0].fills.iter().map(|fill| (fill.energy_wh, fill.price_per_kwh)).collect();
    let quoted = quote.orders[0].items.iter().map(|item| (item.energy_wh, item.offer.price_per_kwh));
    assert_eq!(fills, quoted.collect::<Vec<_>>());
    assert_eq!(fresh.tokens(&buyer.address()).await.unwrap(), FUNDS - 480);
}

#[tokio::test]
async fn limits_are_kept() {
    let fresh = EmbeddedMarket::new().await;
    let buyer = fresh.member().await;
    fresh.offer(1_000, 200).await;
    fresh.offer(1_000, 400).await;
    let want = Want::exactly(fresh.bus, 2_000);
    for (want, why) in [
        (Want { max_price_per_kwh: Some(399), ..want }, "1000 Wh are on offer within the limits"),
        (Want { max_total: Some(599), ..want }, "the limit is 599"),
        (Want { source: Some(EnergySource::Wind), ..want }, "0 Wh are on offer"),
        (Want { window_start: Some(900), ..want }, "0 Wh are on offer"),
        (Want { energy_wh: 0, ..want }, "0 Wh was asked for"),
        (Want { min_energy_wh: 0, ..want }, "must be from 1 Wh"),
    ] {
        let quoted = buyer.quote_best(&want).await.unwrap_err();
        assert!(matches!(&quoted, Error::Invalid(text) if text.contains(why)), "{quoted}");
        let refused = buyer.buy_best(&want).await.unwrap_err();
        assert_eq!(refused.to_string(), quoted.to_string());
    }
    assert_eq!(fresh.receipts(&buyer.address()).await, 0);
    // A smaller fill is accepted where the want allows it.
    let part = Want { min_energy_wh: 1_200, max_total: Some(300), ..want };
    let bought = buyer.buy_best(&part).await.unwrap();
    assert_eq!((bought.energy_wh(), bought.paid()), (1_250, 300));
}

#[tokio::test]
async fn more_offers_than_a_transaction_holds_are_bought_in_several() {
    let fresh = EmbeddedMarket::new().await;
    let buyer = fresh.member().await.with_lanes(1);
    for _ in 0..40 {
        fresh.offer(100, 500).await;
    }
    let want = Want { min_energy_wh: 3_000, ..Want::exactly(fresh.bus, 4_500) };
    let quote = buyer.quote_best(&want).await.unwrap();
    assert_eq!((quote.energy_wh, quote.total_cost), (4_000, 2_000));
    let bought = buyer.buy_best(&want).await.unwrap();
    // The minimum is bought and nothing more is on offer. That is no failure.
    assert!(bought.stopped.is_none());
    assert_eq!((bought.energy_wh(), bought.paid()), (4_000, 2_000));
    assert!(bought.purchases.len() > 1 && bought.purchases.len() == quote.orders.len());
}

#[tokio::test]
async fn what_was_bought_before_a_failure_is_told() {
    let fresh = EmbeddedMarket::new().await;
    let keypair = fresh.funded().await;
    for _ in 0..40 {
        fresh.offer(100, 500).await;
    }
    Wallet::new(fresh.chain.clone(), keypair.clone()).with_lanes(1).open_lanes(1).await.unwrap();
    let network = FaultyChain::new(&fresh.chain, &[]);
    let buyer = Wallet::new(network.clone(), keypair).with_lanes(1).with_options(attempts(1));
    let quote = buyer.quote_best(&Want::exactly(fresh.bus, 4_000)).await.unwrap();
    let first_wh: u64 = quote.orders[0].items.iter().map(|item| item.energy_wh).sum();
    // Right before the second transaction the bus is paused.
    let (owner, bus) = (fresh.owner.clone(), fresh.bus);
    network.surprise(|| async {}.boxed());
    network.surprise(move || {
        let owner = owner.clone();
        async move {
            owner.propose(&bus, &multibus_client::proposal::ProposalAction::Pause).await.unwrap();
        }
        .boxed()
    });
    let bought = buyer.buy_best(&Want::exactly(fresh.bus, 4_000)).await.unwrap();
    assert_eq!((bought.purchases.len(), bought.energy_wh()), (1, first_wh));
    assert!(bought.stopped.is_some());
    assert_eq!(fresh.receipts(&buyer.address()).await, 1);
}

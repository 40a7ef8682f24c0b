use {
    crate::support::{FaultyChain, side_by_side},
    multibus_client::{Error, PricePerKwh, Wallet, Wh, chain::Chain, purchase::PurchaseOrder},
    multibus_test_support::market::EmbeddedMarket,
    std::collections::HashSet,
};

#[tokio::test]
async fn lanes_open_on_demand_and_carry_purchases_side_by_side() {
    let fresh = EmbeddedMarket::new().await;
    let buyer = Wallet::new(FaultyChain::slow(&fresh.chain), fresh.funded().await).with_lanes(5);
    let offer = fresh.offer(100_000, 500).await;
    let order = order(offer);
    let purchases = side_by_side((0..40).map(|_| {
        let buyer = buyer.clone();
        async move { buyer.buy(&order).await.unwrap() }
    }))
    .await;
    let nonces: HashSet<_> = purchases.iter().map(|purchase| (purchase.lane, purchase.nonce)).collect();
    assert_eq!(nonces.len(), 40);
    let traders = fresh.market().traders(&buyer.address()).await.unwrap();
    assert_eq!(traders.len(), 5);
    assert_eq!(traders.iter().map(|trader| trader.next_nonce - trader.first_nonce).sum::<u64>(), 40);
    assert_eq!(traders.iter().map(|trader| trader.total_energy_wh).sum::<u64>(), 40 * 100);
}

fn order(offer: multibus_client::Address) -> PurchaseOrder {
    PurchaseOrder::exactly(offer, Wh(100), PricePerKwh(500))
}

#[tokio::test]
async fn lanes_open_ahead_of_need() {
    let fresh = EmbeddedMarket::new().await;
    let buyer = fresh.member().await.with_lanes(12);
    buyer.open_lanes(12).await.unwrap();
    assert_eq!(fresh.market().traders(&buyer.address()).await.unwrap().len(), 12);
    buyer.open_lanes(12).await.unwrap();
    assert!(matches!(buyer.open_lanes(13).await, Err(Error::Invalid(text)) if text.contains("13 lanes")));
}

#[tokio::test]
async fn a_lane_is_closed_a_slot_after_its_last_purchase_and_reopens_higher() {
    let fresh = EmbeddedMarket::new().await;
    let buyer = fresh.member().await.with_lanes(1);
    let offer = fresh.offer(1_000, 500).await;
    let first = buyer.buy(&order(offer)).await.unwrap();
    buyer.trader_close(first.lane).await.unwrap();
    assert!(fresh.market().trader(&buyer.address(), first.lane).await.unwrap().is_none());
    // The wallet finds its lane closed, opens it again, and goes on above every nonce it had.
    let second = buyer.buy(&order(offer)).await.unwrap();
    assert_eq!(second.lane, first.lane);
    assert!(second.nonce > first.nonce);
    assert_eq!(fresh.market().receipts(&buyer.address()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_wallet_without_lamports_is_told_to_fund_itself() {
    let fresh = EmbeddedMarket::new().await;
    let poor = multibus_client::Wallet::new(fresh.chain.clone(), std::sync::Arc::new(multibus_client::Keypair::new()));
    let refused = poor.trader_open(0).await.unwrap_err();
    assert!(refused.to_string().contains("fund it"), "{refused}");
    assert!(fresh.chain.accounts(&[poor.address()]).await.unwrap()[0].is_none());
}

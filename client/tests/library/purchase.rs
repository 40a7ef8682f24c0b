use {
    crate::support::{FaultyChain, side_by_side},
    futures_util::FutureExt,
    multibus_client::{
        Error, Keypair, PricePerKwh, Wallet, Wh,
        chain::Chain,
        multibus::error::MultibusError,
        offer::{OfferFilter, OfferSort},
        purchase::{BatchItem, BatchOrder, Order, PurchaseKind, PurchaseOrder, TransactionHash},
    },
    multibus_test_support::market::{EmbeddedMarket, FUNDS, SOL, terms},
    std::{collections::HashSet, sync::Arc},
};

#[tokio::test]
async fn the_hash_is_known_before_sending() {
    let fresh = EmbeddedMarket::new().await;
    let buyer = fresh.member().await.with_lanes(1);
    buyer.open_lanes(1).await.unwrap();
    let offer = fresh.offer(1_000, 500).await;
    let nonce = fresh.market().trader(&buyer.address(), 0).await.unwrap().unwrap().next_nonce;
    let order = Order { offer, energy_wh: 300, max_price_per_kwh: 600 };
    let hash = TransactionHash::of(PurchaseKind::Single, &buyer.address(), 0, nonce, &[order]);
    let bought = buyer.buy(&PurchaseOrder::exactly(offer, Wh(300), PricePerKwh(600))).await.unwrap();
    assert_eq!(bought.transaction_hash, hash);
    let receipt = fresh.market().receipts(&buyer.address()).await.unwrap()[0];
    assert_eq!((receipt.transaction_hash(), receipt.receipt.energy_wh, receipt.receipt.paid), (hash, 300, 150));
    assert_eq!((bought.energy_wh, bought.paid, bought.fills[0].price_per_kwh), (300, 150, 500));
    assert!(bought.compute_units > 0);
    assert_eq!(fresh.tokens(&buyer.address()).await.unwrap(), FUNDS - 150);
}

#[tokio::test]
async fn as_much_as_there_is_but_not_less_than_the_minimum() {
    let fresh = EmbeddedMarket::new().await;
    let buyer = fresh.member().await;
    let offer = fresh.offer(1_000, 500).await;
    let bought =
        buyer.buy(&PurchaseOrder::exactly(offer, Wh(5_000), PricePerKwh(500)).or_at_least(Wh(900))).await.unwrap();
    assert_eq!((bought.energy_wh, bought.paid), (1_000, 500));
    let second = fresh.offer(1_000, 500).await;
    let refused = buyer
        .buy(&PurchaseOrder::exactly(second, Wh(5_000), PricePerKwh(500)).or_at_least(Wh(1_001)))
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, Error::BeyondLimits(text) if text.contains("1000 Wh") && text.contains("1001 Wh")),
        "{refused}"
    );
    let refused = buyer.buy(&PurchaseOrder::exactly(offer, Wh(1), PricePerKwh(500))).await.unwrap_err();
    assert!(matches!(refused, Error::BeyondLimits(_)), "{refused}");
    assert!(matches!(
        buyer.buy(&PurchaseOrder::exactly(second, Wh(0), PricePerKwh(500))).await,
        Err(Error::Invalid(_))
    ));
    assert!(matches!(
        buyer.buy(&PurchaseOrder::exactly(second, Wh(1), PricePerKwh(500)).or_at_least(Wh(2))).await,
        Err(Error::Invalid(_))
    ));
    let refused = fresh.owner.buy(&PurchaseOrder::exactly(second, Wh(1), PricePerKwh(500))).await.unwrap_err();
    assert!(refused.to_string().contains("this wallet's own"), "{refused}");
}

#[tokio::test]
async fn too_few_tokens_are_named_as_such() {
    let fresh = EmbeddedMarket::new().await;
    let buyer = fresh.member().await;
    let offer = fresh.offer(1_000_000, 2_000_000).await;
    let refused = buyer.buy(&PurchaseOrder::exactly(offer, Wh(1_000_000), PricePerKwh(2_000_000))).await.unwrap_err();
    assert!(refused.to_string().contains("holds less than the payment"), "{refused}");
    assert_eq!(fresh.receipts(&buyer.address()).await, 0);
}

#[tokio::test]
async fn a_buyer_without_a_token_account_is_told_to_get_one() {
    let fresh = EmbeddedMarket::new().await;
    let buyer = Wallet::new(fresh.chain.clone(), Arc::new(Keypair::new()));
    fresh.chain.airdrop(&buyer.address(), SOL).await.unwrap();
    let offer = fresh.offer(1_000, 500).await;
    for refused in [
        buyer.buy(&PurchaseOrder::exactly(offer, Wh(1_000), PricePerKwh(500))).await.unwrap_err(),
        buyer.lock_take(&offer, Wh(1_000), PricePerKwh(500)).await.unwrap_err(),
    ] {
        let text = refused.to_string();
        assert!(text.contains("there is no token account") && text.contains(&fresh.mint.to_string()), "{text}");
    }
}

/// The seller reprices between the buyer's simulation and submission.
async fn buy_while_repriced(
    new_price: u64,
    order: impl Fn(multibus_client::Address) -> PurchaseOrder,
) -> (EmbeddedMarket, Wallet, Result<u64, Error>) {
    let fresh = EmbeddedMarket::new().await;
    let offer = fresh.offer(1_000, 500).await;
    let chain = FaultyChain::new(&fresh.chain, &[]);
    let buyer = Wallet::new(chain.clone(), fresh.funded().await);
    buyer.open_lanes(1).await.unwrap();
    let seller = fresh.owner.clone();
    chain.surprise(move || {
        let seller = seller.clone();
        async move { drop(seller.offer_reprice(&offer, new_price).await.unwrap()) }.boxed()
    });
    let bought = buyer.buy(&order(offer)).await.map(|bought| bought.paid);
    (fresh, buyer, bought)
}

#[tokio::test]
async fn a_price_that_rose_within_the_limit_is_paid() {
    let (fresh, buyer, paid) =
        buy_while_repriced(650, |offer| PurchaseOrder::exactly(offer, Wh(1_000), PricePerKwh(700))).await;
    assert_eq!(paid.unwrap(), 650);
    assert_eq!(fresh.tokens(&buyer.address()).await.unwrap(), FUNDS - 650);
}

#[tokio::test]
async fn a_price_that_rose_beyond_the_limit_is_not_paid() {
    let (fresh, buyer, paid) =
        buy_while_repriced(701, |offer| PurchaseOrder::exactly(offer, Wh(1_000), PricePerKwh(700))).await;
    let refused = paid.unwrap_err();
    assert!(matches!(&refused, Error::BeyondLimits(text) if text.contains("701") && text.contains("700")), "{refused}");
    assert_eq!((fresh.tokens(&buyer.address()).await.unwrap(), fresh.receipts(&buyer.address()).await), (FUNDS, 0));
}

#[tokio::test]
async fn a_price_that_rose_beyond_the_total_is_not_paid() {
    let total = |offer| PurchaseOrder {
        max_total: Some(600),
        ..PurchaseOrder::exactly(offer, Wh(1_000), PricePerKwh(u64::MAX))
    };
    let (fresh, buyer, paid) = buy_while_repriced(601, total).await;
    assert!(matches!(paid.unwrap_err(), Error::BeyondLimits(_)));
    assert_eq!(fresh.tokens(&buyer.address()).await.unwrap(), FUNDS);
    let (_, _, paid) = buy_while_repriced(600, total).await;
    assert_eq!(paid.unwrap(), 600);
}

#[tokio::test]
async fn a_pinned_version_is_not_bought_at_another() {
    let pinned =
        |offer| PurchaseOrder { expected_version: 1, ..PurchaseOrder::exactly(offer, Wh(1_000), PricePerKwh(700)) };
    let (fresh, buyer, paid) = buy_while_repriced(500, pinned).await;
    assert!(matches!(&paid.unwrap_err(), Error::BeyondLimits(text) if text.contains("version 2")));
    assert_eq!(fresh.tokens(&buyer.address()).await.unwrap(), FUNDS);
}

#[tokio::test]
async fn two_processes_share_one_wallet_and_lane() {
    let fresh = EmbeddedMarket::new().await;
    let keypair = fresh.funded().await;
    let offer = fresh.offer(100_000, 500).await;
    let processes = [0, 1].map(|_| Wallet::new(FaultyChain::slow(&fresh.chain), keypair.clone()).with_lanes(1));
    let buying = (0..60).map(|number| {
        let process = processes[number % 2].clone();
        async move { process.buy(&PurchaseOrder::exactly(offer, Wh(100), PricePerKwh(500))).await.unwrap() }
    });
    let bought = side_by_side(buying).await;
    let nonces: HashSet<u64> = bought.iter().map(|bought| bought.nonce).collect();
    assert_eq!(nonces.len(), 60);
    let address = processes[0].address();
    assert_eq!(fresh.tokens(&address).await.unwrap(), FUNDS - 60 * 50);
    let traders = fresh.market().traders(&address).await.unwrap();
    assert_eq!(traders.len(), 1);
    assert_eq!(traders[0].next_nonce - traders[0].first_nonce, 60);
    assert!(fresh.market().history(&address, 0).await.unwrap().is_verified());
}

async fn items(fresh: &EmbeddedMarket, count: usize, energy_wh: u64) -> Vec<BatchItem> {
    let offers = fresh.market().active_offers(&fresh.bus, &OfferFilter::default(), OfferSort::Price).await.unwrap();
    offers.into_iter().take(count).map(|offer| BatchItem::at_quote(offer, energy_wh)).collect()
}

#[tokio::test]
async fn a_batch_is_bought_as_a_whole() {
    let fresh = EmbeddedMarket::new().await;
    let buyer = fresh.member().await;
    for price in [500, 600, 700] {
        fresh.offer(1_000, price).await;
    }
    let order = BatchOrder::at_quote(items(&fresh, 3, 200).await).unwrap();
    assert_eq!(order.max_total, 360);
    let bought = buyer.buy_batch(&order).await.unwrap();
    assert_eq!((bought.energy_wh, bought.paid, bought.fills.len()), (600, 360, 3));
    assert_eq!(
        bought.transaction_hash,
        TransactionHash::of(PurchaseKind::Batch, &buyer.address(), bought.lane, bought.nonce, &order.orders())
    );
    let twice = BatchOrder { items: vec![order.items[0]; 2], ..order.clone() };
    assert!(matches!(buyer.buy_batch(&twice).await, Err(Error::Invalid(text)) if text.contains("twice")));
    let none = BatchOrder { items: Vec::new(), ..order };
    assert!(matches!(buyer.buy_batch(&none).await, Err(Error::Invalid(text)) if text.contains("has 0")));
}

#[tokio::test]
async fn a_batch_whose_offer_moved_is_a_conflict_and_quoted_again_on_request() {
    let fresh = EmbeddedMarket::new().await;
    let buyer = fresh.member().await;
    let cheap = fresh.offer(1_000, 500).await;
    fresh.offer(1_000, 600).await;
    let stale = BatchOrder::at_quote(items(&fresh, 2, 200).await).unwrap();
    fresh.owner.offer_reprice(&cheap, 550).await.unwrap();
    let refused = buyer.buy_batch(&stale).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::PriceAboveLimit));
    assert!(refused.is_conflict());
    assert_eq!(fresh.tokens(&buyer.address()).await.unwrap(), FUNDS);
    let quotes = Arc::new(std::sync::Mutex::new(vec![stale]));
    let bought = buyer
        .buy_batch_quoted(|| async {
            let stale = quotes.lock().unwrap().pop();
            match stale {
                Some(stale) => Ok(stale),
                None => BatchOrder::at_quote(items(&fresh, 2, 200).await),
            }
        })
        .await
        .unwrap();
    assert_eq!(bought.paid, 110 + 120);
    assert_eq!(fresh.tokens(&buyer.address()).await.unwrap(), FUNDS - 230);
}

#[tokio::test]
async fn a_batch_too_large_for_a_transaction_gets_lookup_tables() {
    let fresh = EmbeddedMarket::new().await;
    let buyer = fresh.member().await;
    let mut sellers = Vec::new();
    for _ in 0..24 {
        let seller = fresh.member().await;
        seller.offer_create(&fresh.bus, &terms(1_000, 500)).await.unwrap();
        sellers.push(seller);
    }
    let order = BatchOrder::at_quote(items(&fresh, 24, 100).await).unwrap();
    assert!(buyer.batch_size(&order, &[]).await.unwrap() > 1_232);
    let bought = buyer.buy_batch(&order).await.unwrap();
    assert_eq!((bought.fills.len(), bought.paid), (24, 24 * 50));
    let tables = buyer.lookup_tables();
    assert_eq!(tables.len(), 1);
    // A new process of the same wallet finds the table again and only adds what is missing.
    let again = Wallet::new(fresh.chain.clone(), buyer.signer().clone());
    let order = BatchOrder::at_quote(items(&fresh, 24, 100).await).unwrap();
    again.buy_batch(&order).await.unwrap();
    assert_eq!(again.lookup_tables()[0].key, tables[0].key);
    assert_eq!(again.lookup_tables()[0].addresses.len(), tables[0].addresses.len());
    again.lookup_table_deactivate(&tables[0].key).await.unwrap();
    again.lookup_table_close(&tables[0].key).await.unwrap();
}

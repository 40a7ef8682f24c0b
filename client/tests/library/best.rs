//! Buying at the best price.

use {
    crate::support::{FaultyChain, attempts},
    futures_util::FutureExt,
    multibus_client::{
        Address, Error, Keypair, PricePerKwh, SharedSigner, Signer, Wallet, Wh,
        best::Want,
        bus::BusConfig,
        chain::Chain,
        multibus::token::SPL_TOKEN_ID,
        offer::{EnergySource, OfferFilter, OfferSort},
        purchase::{BatchItem, BatchOrder, PurchaseOrder, validate_rounding},
        token::create_mint,
    },
    multibus_test_support::market::{EmbeddedMarket, FUNDS, SOL, open_bus, terms},
    std::sync::Arc,
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

/// A market whose token has an issuer that can freeze accounts.
async fn with_an_issuer() -> EmbeddedMarket {
    of_an_issuer(|_| {}).await
}

/// The same, with a bus configured otherwise.
pub async fn of_an_issuer(configure: impl FnOnce(&mut BusConfig)) -> EmbeddedMarket {
    let fresh = EmbeddedMarket::new().await;
    let issuer = fresh.owner.address();
    let keypair = Arc::new(Keypair::new());
    let mint = keypair.pubkey();
    let rent = fresh.chain.minimum_rent(82).await.unwrap();
    let [create, _] = create_mint(&issuer, &mint, &issuer, 6, &SPL_TOKEN_ID, rent).unwrap();
    let freezable = spl_token_interface::instruction::initialize_mint2(&SPL_TOKEN_ID, &mint, &issuer, Some(&issuer), 6);
    let keypair: SharedSigner = keypair;
    fresh.owner.send_with(&[keypair], &[create, freezable.unwrap()], &[]).await.unwrap();
    let mut config = open_bus(&fresh.owner);
    configure(&mut config);
    let bus = fresh.owner.bus_create(&mint, &config).await.unwrap().address;
    fresh.owner.mint_to(&mint, &issuer, FUNDS).await.unwrap();
    EmbeddedMarket { mint, bus, buses: vec![bus], ..fresh }
}

pub async fn freeze(fresh: &EmbeddedMarket, account: &Address) {
    let issuer = fresh.owner.address();
    let freeze = spl_token_interface::instruction::freeze_account(&SPL_TOKEN_ID, account, &fresh.mint, &issuer, &[]);
    fresh.owner.send(&[freeze.unwrap()]).await.unwrap();
}

#[tokio::test]
async fn an_offer_that_fails_is_left_out_and_named() {
    let fresh = with_an_issuer().await;
    let (frozen, dear, buyer) = (fresh.member().await, fresh.member().await, fresh.member().await);
    let bad = frozen.offer_create(&fresh.bus, &terms(500, 100)).await.unwrap().address;
    let good = dear.offer_create(&fresh.bus, &terms(5_000, 400)).await.unwrap().address;
    let vault = fresh.market().offer(&bad).await.unwrap().vault;
    freeze(&fresh, &vault).await;
    let bought = buyer.buy_best(&Want::exactly(fresh.bus, 1_000)).await.unwrap();
    assert_eq!((bought.energy_wh(), bought.paid()), (1_000, 400));
    let [left] = &bought.left_out[..] else { panic!("{:?}", bought.left_out) };
    assert!(left.offer == bad && left.cause.contains("frozen") && left.cause.contains(&bad.to_string()), "{left:?}");
    // Without it there is too little, and the error says why it is left out.
    let refused = buyer.buy_best(&Want::exactly(fresh.bus, 4_001)).await.unwrap_err().to_string();
    assert!(refused.contains("4000 Wh are on offer") && refused.contains(&bad.to_string()), "{refused}");
    // A batch that names it fails, and its error names it.
    let offers = fresh.market().offers(&[bad, good]).await.unwrap();
    let items = offers.into_iter().flatten().map(|offer| BatchItem::at_quote(offer, 1)).collect();
    let refused = buyer.buy_batch(&BatchOrder::at_quote(items).unwrap()).await.unwrap_err().to_string();
    assert!(refused.contains(&bad.to_string()) && refused.contains("frozen"), "{refused}");
}

#[tokio::test]
async fn a_buyer_who_cannot_pay_blames_no_offer() {
    let fresh = with_an_issuer().await;
    let (seller, buyer) = (fresh.member().await, fresh.member().await);
    for _ in 0..3 {
        seller.offer_create(&fresh.bus, &terms(1_000, 400)).await.unwrap();
    }
    freeze(&fresh, &fresh.token_account(&buyer.address())).await;
    let refused = buyer.buy_best(&Want::exactly(fresh.bus, 2_500)).await.unwrap_err().to_string();
    assert!(refused.contains("frozen") && !refused.contains("left out"), "{refused}");
    let poor = Wallet::new(fresh.chain.clone(), Arc::new(Keypair::new()));
    fresh.chain.airdrop(&poor.address(), SOL).await.unwrap();
    let refused = poor.buy_best(&Want::exactly(fresh.bus, 2_500)).await.unwrap_err().to_string();
    assert!(refused.contains("there is no token account") && !refused.contains("left out"), "{refused}");
}

#[tokio::test]
async fn a_part_that_rounding_makes_dear_is_refused_unless_it_is_allowed() {
    let fresh = EmbeddedMarket::new().await;
    let buyer = fresh.member().await;
    let offer = fresh.offer(1_000, 100).await;
    let limit = PricePerKwh(100);
    let order = PurchaseOrder::exactly(offer, Wh(1), limit);
    let refused = buyer.buy(&order).await.unwrap_err();
    assert!(matches!(&refused, Error::BeyondLimits(_)), "{refused}");
    let text = refused.to_string();
    assert!(
        text.contains("1000 per kWh") && text.contains("limit is 100") && text.contains("allow rounding"),
        "{text}"
    );
    assert_eq!(buyer.buy(&PurchaseOrder { allow_rounding: true, ..order }).await.unwrap().paid, 1);
    // Up to 1 % is no rounding to speak of: 991 Wh cost 100, which is 100.9 per kWh.
    let read = fresh.market().offer(&offer).await.unwrap();
    assert!(validate_rounding(&read, Wh(991), limit).is_ok() && validate_rounding(&read, Wh(91), limit).is_err());
    let item = BatchItem { max_price_per_kwh: 100, ..BatchItem::at_quote(read, 1) };
    let batch = BatchOrder { allow_rounding: false, ..BatchOrder::at_quote(vec![item]).unwrap() };
    assert!(buyer.buy_batch(&batch).await.unwrap_err().to_string().contains("limit is 100"));
    let want = Want { max_price_per_kwh: Some(100), ..Want::exactly(fresh.bus, 1) };
    let refused = buyer.buy_best(&want).await.unwrap_err().to_string();
    assert!(refused.contains("1000 per kWh") && refused.contains("limit is 100"), "{refused}");
    assert_eq!(buyer.buy_best(&Want { allow_rounding: true, ..want }).await.unwrap().paid(), 1);
    // Who names no limit per kWh buys at any.
    assert_eq!(buyer.buy_best(&Want::exactly(fresh.bus, 1)).await.unwrap().paid(), 1);
}

#[tokio::test]
async fn no_part_is_below_the_least_size() {
    let fresh = EmbeddedMarket::new().await;
    let buyer = fresh.member().await;
    let mut config = open_bus(&fresh.owner);
    config.least_wh = 500;
    let bus = fresh.owner.bus_create(&fresh.mint, &config).await.unwrap().address;
    for (energy_wh, price) in [(1_000, 200), (1_000, 400)] {
        fresh.owner.offer_create(&bus, &terms(energy_wh, price)).await.unwrap();
    }
    // 300 Wh of the dearer offer are too little, so 200 Wh less come from the cheaper one.
    let bought = buyer.buy_best(&Want::exactly(bus, 1_300)).await.unwrap();
    let parts: Vec<u64> = bought.purchases[0].fills.iter().map(|fill| fill.energy_wh).collect();
    assert_eq!((parts.iter().sum::<u64>(), parts.iter().min()), (1_300, Some(&500)));
    assert_eq!(bought.paid(), 160 + 200);
    let refused = buyer.buy_best(&Want::exactly(bus, 100)).await.unwrap_err().to_string();
    assert!(refused.contains("100 Wh cannot be bought") && refused.contains("500 Wh at once"), "{refused}");
    let cheapest = fresh.market().active_offers(&bus, &OfferFilter::default(), OfferSort::Price).await.unwrap()[0];
    let refused = buyer.buy(&PurchaseOrder::exactly(cheapest.address, Wh(100), PricePerKwh(900))).await.unwrap_err();
    assert!(refused.to_string().contains("less than the 500 Wh that it sells at once"), "{refused}");
    // All that is left may be less.
    assert_eq!(buyer.buy_best(&Want::exactly(bus, 200)).await.unwrap().paid(), 40);
}

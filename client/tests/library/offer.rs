use {
    crate::support::{Fault, FaultyChain, side_by_side},
    multibus_client::{
        Address, Error, Keyed, PricePerKwh, Wallet, Wh,
        chain::Chain,
        multibus::error::MultibusError,
        offer::{EnergySource, Offer, OfferFilter, OfferSort, OfferTerms, offer_reprice},
        purchase::PurchaseOrder,
    },
    multibus_test_support::market::{BASE_PRICE, EmbeddedMarket, HORIZON_SECONDS, open_bus, terms},
    std::collections::HashSet,
};

#[tokio::test]
async fn active_offers_are_filtered_and_sorted() {
    let fresh = EmbeddedMarket::new().await;
    let (alice, buyer) = (fresh.member().await, fresh.member().await);
    let dear = fresh.offer(1_000, 900).await;
    let cheap = fresh.offer(500, 300).await;
    let wind = OfferTerms { source: EnergySource::Wind, ..terms(2_000, 600) };
    let windy = alice.offer_create(&fresh.bus, &wind).await.unwrap().address;
    let market = fresh.market();
    let found = |filter: OfferFilter, sort| async move {
        let offers = market.active_offers(&fresh.bus, &filter, sort).await.unwrap();
        offers.iter().map(|offer| offer.address).collect::<Vec<_>>()
    };
    let any = OfferFilter::default();
    assert_eq!(found(any, OfferSort::Price).await, [cheap, windy, dear]);
    assert_eq!(found(any, OfferSort::Energy).await, [windy, dear, cheap]);
    assert_eq!(found(OfferFilter { source: Some(EnergySource::Wind), ..any }, OfferSort::Price).await, [windy]);
    assert_eq!(found(OfferFilter { max_price_per_kwh: Some(600), ..any }, OfferSort::Price).await, [cheap, windy]);
    assert_eq!(found(OfferFilter { min_energy_wh: Some(1_000), ..any }, OfferSort::Price).await, [windy, dear]);
    assert_eq!(found(OfferFilter { seller: Some(alice.address()), ..any }, OfferSort::Price).await, [windy]);
    assert_eq!(found(OfferFilter { not_seller: Some(alice.address()), ..any }, OfferSort::Price).await, [cheap, dear]);
    buyer.buy(&PurchaseOrder::exactly(cheap, Wh(500), PricePerKwh(300))).await.unwrap();
    assert_eq!(found(any, OfferSort::Price).await, [windy, dear]);
    assert_eq!(market.all_offers(&fresh.bus).await.unwrap().len(), 3);
    assert_eq!(market.offers_of(&fresh.bus, &alice.address()).await.unwrap()[0].address, windy);
    let read = market.offers(&[dear, Address::new_from_array([9; 32]), windy]).await.unwrap();
    assert_eq!(read.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true]);
}

#[tokio::test]
async fn a_seller_reprices_sets_the_expiry_and_cancels() {
    let fresh = EmbeddedMarket::new().await;
    let now = fresh.chain.clock().await.unwrap().unix_timestamp;
    let created = fresh
        .owner
        .offer_create(&fresh.bus, &OfferTerms { expires_at: now + 1_000, ..terms(1_000, 500) })
        .await
        .unwrap();
    fresh.owner.offer_reprice(&created.address, 700).await.unwrap();
    fresh.owner.offer_set_expiry(&created.address, now + 2_000).await.unwrap();
    let offer = fresh.market().offer(&created.address).await.unwrap();
    assert_eq!((offer.price_per_kwh, offer.version, offer.expires_at), (700, 3, now + 2_000));
    // What was signed for the offer as it was before changes it no more.
    let old = Keyed { account: Offer { version: 2, ..offer.account }, ..offer };
    let refused = fresh.owner.send(&[offer_reprice(&fresh.owner.address(), &old, 900)]).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::VersionMismatch));
    fresh.owner.offer_set_expiry(&created.address, now + 1_500).await.unwrap();
    assert_eq!(fresh.market().offer(&created.address).await.unwrap().expires_at, now + 1_500);
    let beyond = now + i64::from(HORIZON_SECONDS) + 60;
    let refused = fresh.owner.offer_set_expiry(&created.address, beyond).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::ExpiryTooLate));
    fresh.owner.offer_set_expiry(&created.address, 0).await.unwrap();
    let latest = fresh.chain.clock().await.unwrap().unix_timestamp + i64::from(HORIZON_SECONDS);
    let expires_at = fresh.market().offer(&created.address).await.unwrap().expires_at;
    assert!((latest - 60..=latest).contains(&expires_at), "0 is the latest that the bus allows");
    let refused = fresh.owner.offer_reprice(&created.address, BASE_PRICE - 1).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::PriceBelowBase));
    let stranger = fresh.member().await;
    assert!(
        matches!(stranger.offer_reprice(&created.address, 800).await, Err(Error::Invalid(text)) if text.contains("belongs to"))
    );
    let refused = stranger.offer_cancel(&created.address).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::OfferStillTrading));
    fresh.owner.offer_cancel(&created.address).await.unwrap();
    assert!(matches!(fresh.market().offer(&created.address).await, Err(Error::NotFound { kind: "offer", .. })));
}

#[tokio::test]
async fn sellers_of_one_moment_get_different_numbers() {
    let fresh = EmbeddedMarket::new().await;
    let mut sellers = Vec::new();
    for _ in 0..8 {
        sellers.push(Wallet::new(FaultyChain::slow(&fresh.chain), fresh.funded().await));
    }
    let bus = fresh.bus;
    let listing = (0..32).map(|number| {
        let seller = sellers[number % 8].clone();
        async move { seller.offer_create(&bus, &terms(100, 500)).await.unwrap().address }
    });
    let offers: HashSet<_> = side_by_side(listing).await.into_iter().collect();
    assert_eq!(offers.len(), 32);
    assert_eq!(fresh.market().all_offers(&fresh.bus).await.unwrap().len(), 32);
    assert_eq!(fresh.market().capacity(&fresh.bus, 0).await.unwrap().committed_wh, 3_200);
}

#[tokio::test]
async fn an_offer_opens_its_window_and_the_window_closes_after_it() {
    let fresh = EmbeddedMarket::new().await;
    let mut windows = open_bus(&fresh.owner);
    (windows.terms.window_seconds, windows.terms.gate_closure_seconds) = (900, 60);
    let bus = fresh.owner.bus_create(&fresh.mint, &windows).await.unwrap().address;
    let now = fresh.chain.clock().await.unwrap().unix_timestamp;
    let window_start = now / 900 * 900 + 1_800;
    assert!(fresh.market().find_capacity(&bus, window_start).await.unwrap().is_none());
    let created = fresh.owner.offer_create(&bus, &OfferTerms { window_start, ..terms(1_000, 500) }).await.unwrap();
    assert_eq!(
        created.sent.events.iter().map(multibus_client::Event::name).collect::<Vec<_>>(),
        ["CapacityOpened", "SellerOpened", "OfferCreated"]
    );
    assert_eq!(created.terms.expires_at, window_start - 60, "the latest expiry is the gate");
    assert_eq!(fresh.market().capacities(&bus).await.unwrap().len(), 2);
    let filter = OfferFilter { window_start: Some(window_start), ..OfferFilter::default() };
    assert_eq!(fresh.market().active_offers(&bus, &filter, OfferSort::Price).await.unwrap().len(), 1);
    let refused = fresh.owner.capacity_close(&bus, window_start).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::WindowHasOffers), "{refused}");
    let buyer = fresh.member().await;
    buyer.buy(&PurchaseOrder::exactly(created.address, Wh(400), PricePerKwh(500))).await.unwrap();
    fresh.chain.wait_until(window_start - 60).await.unwrap();
    assert!(fresh.market().active_offers(&bus, &filter, OfferSort::Price).await.unwrap().is_empty());
    let anyone = fresh.member().await;
    anyone.offer_cancel(&created.address).await.unwrap();
    let refused = fresh.owner.capacity_close(&bus, window_start).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::WindowNotOver));
    fresh.chain.wait_until(window_start + 900).await.unwrap();
    anyone.capacity_close(&bus, window_start).await.unwrap();
    assert!(fresh.market().find_capacity(&bus, window_start).await.unwrap().is_none());
    assert!(matches!(anyone.capacity_close(&bus, 0).await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn an_offer_whose_confirmation_is_lost_is_listed_once() {
    for fault in [Fault::LandsUnanswered, Fault::LandsUnknown, Fault::Lost] {
        let fresh = EmbeddedMarket::new().await;
        let chain = FaultyChain::new(&fresh.chain, &[fault]);
        let seller = Wallet::new(chain, fresh.funded().await);
        let created = seller.offer_create(&fresh.bus, &terms(1_000, 500)).await.unwrap();
        assert_eq!(fresh.market().offers_of(&fresh.bus, &seller.address()).await.unwrap().len(), 1, "{fault:?}");
        assert_eq!(fresh.market().offer(&created.address).await.unwrap().listed_wh, 1_000);
        assert_eq!(created.sent.events.last().unwrap().name(), "OfferCreated");
    }
}

use {
    crate::support::{BASE_PRICE, Fault, FaultyChain, World, config, side_by_side, terms},
    multibus_client::{
        Address, Error, Wallet,
        chain::Chain,
        multibus::error::MultibusError,
        offer::{EnergySource, OfferFilter, OfferSort, OfferTerms},
        purchase::PurchaseOrder,
    },
    std::collections::HashSet,
};

#[tokio::test]
async fn active_offers_are_filtered_and_sorted() {
    let world = World::new().await;
    let (alice, buyer) = (world.member().await, world.member().await);
    let dear = world.offer(1_000, 900).await;
    let cheap = world.offer(500, 300).await;
    let wind = OfferTerms { source: EnergySource::Wind, ..terms(2_000, 600) };
    let windy = alice.offer_create(&world.bus, &wind).await.unwrap().address;
    let market = world.market();
    let found = |filter: OfferFilter, sort| async move {
        let offers = market.active_offers(&world.bus, &filter, sort).await.unwrap();
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
    buyer.buy(&PurchaseOrder::exactly(cheap, 500, 300)).await.unwrap();
    assert_eq!(found(any, OfferSort::Price).await, [windy, dear]);
    assert_eq!(market.all_offers(&world.bus).await.unwrap().len(), 3);
    assert_eq!(market.offers_of(&world.bus, &alice.address()).await.unwrap()[0].address, windy);
    let read = market.offers(&[dear, Address::new_from_array([9; 32]), windy]).await.unwrap();
    assert_eq!(read.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true]);
}

#[tokio::test]
async fn a_seller_reprices_extends_and_cancels() {
    let world = World::new().await;
    let now = world.chain.clock().await.unwrap().unix_timestamp;
    let created = world
        .owner
        .offer_create(&world.bus, &OfferTerms { expires_at: now + 1_000, ..terms(1_000, 500) })
        .await
        .unwrap();
    world.owner.offer_reprice(&created.address, 700).await.unwrap();
    world.owner.offer_extend(&created.address, now + 2_000).await.unwrap();
    let offer = world.market().offer(&created.address).await.unwrap();
    assert_eq!((offer.price_per_kwh, offer.version, offer.expires_at), (700, 2, now + 2_000));
    let refused = world.owner.offer_extend(&created.address, now + 1_500).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::ExpiryNotLater));
    let refused = world.owner.offer_reprice(&created.address, BASE_PRICE - 1).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::PriceBelowBase));
    let stranger = world.member().await;
    assert!(
        matches!(stranger.offer_reprice(&created.address, 800).await, Err(Error::Invalid(text)) if text.contains("belongs to"))
    );
    let refused = stranger.offer_cancel(&created.address).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::OfferStillTrading));
    world.owner.offer_cancel(&created.address).await.unwrap();
    assert!(matches!(world.market().offer(&created.address).await, Err(Error::NotFound { kind: "offer", .. })));
}

#[tokio::test]
async fn sellers_of_one_moment_get_different_numbers() {
    let world = World::new().await;
    let mut sellers = Vec::new();
    for _ in 0..8 {
        sellers.push(Wallet::new(FaultyChain::slow(&world.chain), world.funded().await));
    }
    let bus = world.bus;
    let listing = (0..32).map(|number| {
        let seller = sellers[number % 8].clone();
        async move { seller.offer_create(&bus, &terms(100, 500)).await.unwrap().address }
    });
    let offers: HashSet<_> = side_by_side(listing).await.into_iter().collect();
    assert_eq!(offers.len(), 32);
    assert_eq!(world.market().all_offers(&world.bus).await.unwrap().len(), 32);
    assert_eq!(world.market().capacity(&world.bus, 0).await.unwrap().listed_wh, 3_200);
}

#[tokio::test]
async fn an_offer_opens_its_window_and_the_window_closes_after_it() {
    let world = World::new().await;
    let mut windows = config(&world.owner);
    (windows.window_seconds, windows.gate_closure_seconds) = (900, 60);
    let bus = world.owner.bus_create(1, &world.mint, &windows).await.unwrap().address;
    let now = world.chain.clock().await.unwrap().unix_timestamp;
    let window_start = now / 900 * 900 + 1_800;
    assert!(world.market().find_capacity(&bus, window_start).await.unwrap().is_none());
    let created = world.owner.offer_create(&bus, &OfferTerms { window_start, ..terms(1_000, 500) }).await.unwrap();
    assert_eq!(
        created.sent.events.iter().map(|event| event.name()).collect::<Vec<_>>(),
        ["CapacityOpened", "OfferCreated"]
    );
    assert_eq!(world.market().capacities(&bus).await.unwrap().len(), 2);
    let filter = OfferFilter { window_start: Some(window_start), ..OfferFilter::default() };
    assert_eq!(world.market().active_offers(&bus, &filter, OfferSort::Price).await.unwrap().len(), 1);
    let refused = world.owner.capacity_close(&bus, window_start).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::WindowNotOver));
    world.chain.wait_until(window_start - 60).await.unwrap();
    assert!(world.market().active_offers(&bus, &filter, OfferSort::Price).await.unwrap().is_empty());
    world.chain.wait_until(window_start + 900).await.unwrap();
    let refused = world.owner.capacity_close(&bus, window_start).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::WindowHasOffers));
    let anyone = world.member().await;
    anyone.offer_cancel(&created.address).await.unwrap();
    anyone.capacity_close(&bus, window_start).await.unwrap();
    assert!(world.market().find_capacity(&bus, window_start).await.unwrap().is_none());
    assert!(matches!(anyone.capacity_close(&bus, 0).await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn an_offer_whose_confirmation_is_lost_is_listed_once() {
    for fault in [Fault::LandsUnanswered, Fault::LandsUnknown, Fault::Lost] {
        let world = World::new().await;
        let chain = FaultyChain::new(&world.chain, &[fault]);
        let seller = Wallet::new(chain, world.funded().await);
        let created = seller.offer_create(&world.bus, &terms(1_000, 500)).await.unwrap();
        assert_eq!(world.market().offers_of(&world.bus, &seller.address()).await.unwrap().len(), 1, "{fault:?}");
        assert_eq!(world.market().offer(&created.address).await.unwrap().listed_wh, 1_000);
        assert_eq!(created.sent.events.last().unwrap().name(), "OfferCreated");
    }
}

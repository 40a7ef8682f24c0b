use {
    crate::delivery::{PRICE, SOLAR, Street, device, names},
    multibus_client::{
        Error, Signer, Wallet,
        chain::Chain,
        meter::MeterSpec,
        multibus::error::MultibusError,
        offer::{EnergySource, OfferTerms},
        reading::Reading,
    },
    multibus_test_support::market::terms,
    std::sync::Arc,
};

#[tokio::test]
async fn a_seller_lists_once_the_operator_registered_its_meter() {
    let street = Street::new().await;
    let (market, bus) = (street.fresh.market(), street.bus);
    let unmetered = street.fresh.member().await;
    let offered = OfferTerms { window_start: street.window_start, ..terms(1_000, PRICE) };
    let refused = unmetered.offer_create(&bus, &offered).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::MeterMissing), "{refused}");
    unmetered.seller_open(&bus).await.unwrap();
    assert!(market.find_meter(&bus, &unmetered.address()).await.unwrap().is_none());
    let own = device();
    let refused = unmetered.meter_register(&bus, &unmetered.address(), &own, &SOLAR).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::NotTheOperator));
    // A key is registered once in the program.
    let refused = street.fresh.owner.meter_register(&bus, &unmetered.address(), &street.device, &SOLAR).await;
    assert!(matches!(refused, Err(Error::Program(_))), "{refused:?}");
    let later = MeterSpec { valid_from: street.window_start + 900, ..SOLAR };
    let registered = street.fresh.owner.meter_register(&bus, &unmetered.address(), &own, &later).await.unwrap();
    assert_eq!(names(&registered.sent.events), ["MeterRegistered"]);
    let meter = market.meter(&bus, &unmetered.address()).await.unwrap();
    assert_eq!((meter.address, meter.key, meter.power_w), (registered.address, own.pubkey(), 40_000));
    assert_eq!(meter.source, EnergySource::Solar as u8);
    let refused = unmetered.offer_create(&bus, &offered).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::MeterNotValidYet));
    let offered = OfferTerms { window_start: street.window_start + 900, ..offered };
    unmetered.offer_create(&bus, &offered).await.unwrap();
    assert_eq!(market.meters(&bus).await.unwrap().len(), 2);
    assert_eq!(market.devices(&bus).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_device_that_is_replaced_between_sale_and_report_still_reads_its_window() {
    let street = Street::new().await;
    let (market, bus, seller) = (street.fresh.market(), street.bus, street.seller.address());
    let buyer = street.fresh.member().await;
    let offer = street.list(10_000).await.address;
    buyer.buy(&Street::order(offer, 2_000)).await.unwrap();
    let next = device();
    let operator = &street.fresh.owner;
    operator.meter_replace(&bus, &seller, &next, &MeterSpec { power_w: 4_000, ..SOLAR }).await.unwrap();
    assert_eq!(market.meter(&bus, &seller).await.unwrap().key, next.pubkey());
    let retired = market.device(&street.device.pubkey()).await.unwrap().unwrap();
    assert_eq!((retired.retired, retired.busy_until), (1, street.window_start + 900));
    let refused = buyer.device_close(&street.device.pubkey()).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::DeviceInUse));
    // A later window has the new device, which delivers a tenth.
    street.list_of(&street.seller, street.window_start + 900, 1_000).await;
    let offered = OfferTerms { window_start: street.window_start + 900, ..terms(1, PRICE) };
    let refused = street.seller.offer_create(&bus, &offered).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::PowerExceeded));
    street.end().await;
    let reading = Reading { window_start: street.window_start, energy_wh: 2_000, sequence: 1 };
    let refused = operator.delivery_report(&bus, &seller, &next, &reading).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::NotTheMeter));
    operator.delivery_report(&bus, &seller, &street.device, &reading).await.unwrap();
    assert_eq!(street.delivery().await.device.key, street.device.pubkey());
    buyer.device_close(&street.device.pubkey()).await.unwrap();
    assert!(market.device(&street.device.pubkey()).await.unwrap().is_none());
    street.is_sound(&[&buyer]).await;
}

#[tokio::test]
async fn the_operator_stands_in_for_a_dead_device_three_times() {
    let street = Street::new().await;
    let (bus, seller, operator) = (street.bus, street.seller.address(), &street.fresh.owner);
    let buyer = street.fresh.member().await;
    let offer = street.list(10_000).await.address;
    buyer.buy(&Street::order(offer, 2_000)).await.unwrap();
    let early = operator.delivery_report_by_operator(&bus, &seller, street.window_start, 1).await.unwrap_err();
    assert_eq!(early.multibus(), Some(MultibusError::ReadingTooEarly));
    street.report(100).await;
    for energy_wh in [200, 300, 400] {
        operator.delivery_report_by_operator(&bus, &seller, street.window_start, energy_wh).await.unwrap();
        assert_eq!(street.delivery().await.reading.unwrap().energy_wh, energy_wh);
    }
    let refused = operator.delivery_report_by_operator(&bus, &seller, street.window_start, 500).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::OperatorReadingsSpent));
    let reading = Reading { window_start: street.window_start, energy_wh: 600, sequence: 2 };
    let refused = operator.delivery_report(&bus, &seller, &street.device, &reading).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::OperatorHasRead));
    let refused = buyer.delivery_report_by_operator(&bus, &seller, street.window_start, 500).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::NotTheOperator));
    street.become_final().await;
    let window = street.delivery().await;
    assert_eq!((window.delivered_wh, window.reading.unwrap().operator_readings), (400, 3));
}

#[tokio::test]
async fn a_seller_closes_its_own_meter_and_a_gateway_pays_for_a_device_without_lamports() {
    let street = Street::new().await;
    let (market, bus, seller) = (street.fresh.market(), street.bus, street.seller.address());
    let offer = street.list(1_000).await.address;
    let stranger = street.fresh.member().await;
    let refused = stranger.meter_close(&bus, &seller).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::MeterInUse));
    street.seller.meter_close(&bus, &seller).await.unwrap();
    assert!(market.find_meter(&bus, &seller).await.unwrap().is_none());
    // The windows that are listed keep it.
    street.report(500).await;
    let clock = street.fresh.chain.clock().await.unwrap();
    assert_eq!(street.delivery().await.reading.unwrap().first_at, clock.unix_timestamp);
    stranger.offer_cancel(&offer).await.unwrap();
    // A device can also send by itself, where it has lamports.
    let keypair = Arc::new(multibus_client::Keypair::new());
    street.fresh.chain.airdrop(&keypair.pubkey(), 1_000_000_000).await.unwrap();
    let other = street.fresh.member().await;
    street.register(&other, &(keypair.clone() as _)).await;
    let device = Wallet::new(street.fresh.chain.clone(), keypair.clone());
    let window_start = street.window_start + 20 * 900;
    street.list_of(&other, window_start, 100).await;
    street.pass_until(window_start + 900).await;
    let reading = Reading { window_start, energy_wh: 100, sequence: 9 };
    device.delivery_report(&bus, &other.address(), device.signer(), &reading).await.unwrap();
}

use {
    crate::{
        delivery::{Street, names},
        support::side_by_side,
    },
    multibus_client::{
        Error, Event, Wh, address, certificate::Certifiable, multibus::error::MultibusError, offer::EnergySource,
    },
};

#[tokio::test]
async fn delivered_energy_is_certified_transferred_and_retired() {
    let street = Street::new().await;
    let (market, bus) = (street.fresh.market(), street.bus);
    let (buyer, friend) = (street.fresh.member().await, street.fresh.member().await);
    let offer = street.list(10_000).await.address;
    buyer.buy(&Street::order(offer, 3_000)).await.unwrap();
    street.report(5_000).await;
    let refused = buyer.certificate_take(&street.book(), street.window_start).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::WindowNotFinal));
    assert!(market.certifiable(&bus, &buyer.address()).await.unwrap().is_empty());
    street.become_final().await;
    let book = street.book();
    let of_buyer = market.certifiable(&bus, &buyer.address()).await.unwrap();
    let window_start = street.window_start;
    let holding = street.position(&buyer);
    assert_eq!(of_buyer, [Certifiable { book, holding, window_start, energy_wh: 3_000 }]);
    let of_seller = market.certifiable(&bus, &street.seller.address()).await.unwrap();
    let holding = address::seller(&bus, &street.seller.address());
    assert_eq!(of_seller, [Certifiable { book, holding, window_start, energy_wh: 2_000 }]);

    let taken = buyer.certificate_take(&book, window_start).await.unwrap();
    assert_eq!(names(&taken.sent.events), ["CertificateTaken"]);
    let surplus = street.seller.certificate_take(&book, window_start).await.unwrap();
    let read = market.certificate(&taken.address).await.unwrap();
    assert_eq!((read.range_start, read.range_end, read.owner), (0, 3_000, buyer.address()));
    assert_eq!((read.source, read.device, read.bus), (EnergySource::Solar as u8, street.device.pubkey(), bus));
    let read = market.certificate(&surplus.address).await.unwrap();
    assert_eq!((read.range_start, read.range_end, read.owner), (3_000, 5_000, street.seller.address()));
    for (wallet, expected) in
        [(&buyer, MultibusError::AlreadyCertified), (&street.seller, MultibusError::AlreadyCertified)]
    {
        let refused = wallet.certificate_take(&book, window_start).await.unwrap_err();
        assert_eq!(refused.multibus(), Some(expected), "{refused}");
    }
    assert!(market.certifiable(&bus, &buyer.address()).await.unwrap().is_empty());
    assert!(market.certifiable(&bus, &street.seller.address()).await.unwrap().is_empty());

    // A part goes to a friend, then all that is left.
    let part = buyer.certificate_transfer(&taken.address, Wh(1_000), &friend.address()).await.unwrap();
    assert_eq!(part.address, address::certificate(&holding, window_start, 2_000));
    assert_eq!(market.certificate(&part.address).await.unwrap().energy_wh(), 1_000);
    let refused = friend.certificate_transfer(&taken.address, Wh(1), &friend.address()).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::NotTheCertificateOwner));
    let whole = buyer.certificate_transfer(&taken.address, Wh(2_000), &friend.address()).await.unwrap();
    assert_eq!(whole.address, taken.address);
    let refused = friend.certificate_transfer(&taken.address, Wh(2_001), &buyer.address()).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::CertificateTooSmall));
    let owned: Vec<_> =
        market.certificates_of(&friend.address()).await.unwrap().iter().map(|one| one.address).collect();
    assert_eq!(owned, [taken.address, part.address]);
    assert_eq!(market.certificates(&bus).await.unwrap().len(), 3);
    assert!(market.certificates_of(&buyer.address()).await.unwrap().is_empty());
    street.is_sound(&[&buyer, &friend]).await;

    for wrong in ["", "a\nb", &"x".repeat(65)] {
        let refused = friend.certificate_retire(&part.address, wrong).await.unwrap_err();
        assert!(matches!(&refused, Error::Invalid(sentence) if sentence.contains("64 bytes")), "{refused}");
    }
    let retired = friend.certificate_retire(&part.address, "Bäckerei Süd").await.unwrap();
    let [Event::CertificateRetired(event)] = &retired.events[..] else { panic!("{:?}", retired.events) };
    let json = multibus_client::event::serialize(&retired.events[0], serde_json::value::Serializer).unwrap();
    assert_eq!((&json["beneficiary"], event.range_end - event.range_start), (&"Bäckerei Süd".into(), 1_000));
    assert!(matches!(market.certificate(&part.address).await, Err(Error::NotFound { kind: "certificate", .. })));
    // Its history survives it.
    let history = market.account_history(&part.address).await.unwrap();
    let told: Vec<_> = history.events.iter().map(|one| one.event.name()).collect();
    assert_eq!(told, ["CertificateTransferred", "CertificateRetired"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn buyers_who_certify_at_the_same_moment_all_get_theirs() {
    let street = Street::new().await;
    let offer = street.list(10_000).await.address;
    let mut buyers = Vec::new();
    for _ in 0..6 {
        let buyer = street.fresh.member().await;
        buyer.buy(&Street::order(offer, 1_000)).await.unwrap();
        buyers.push(buyer);
    }
    // A third of each is delivered, rounded down.
    street.report(2_000).await;
    street.become_final().await;
    let (book, window_start) = (street.book(), street.window_start);
    let tasks =
        buyers.clone().into_iter().map(|buyer| async move { buyer.certificate_take(&book, window_start).await });
    let mut taken = Vec::new();
    for created in side_by_side(tasks).await {
        taken.push(created.unwrap().address);
    }
    let all = street.fresh.market().certificates(&street.bus).await.unwrap();
    assert_eq!(all.iter().map(|one| one.energy_wh()).collect::<Vec<_>>(), [333; 6]);
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), 6);
    street.is_sound(&buyers.iter().collect::<Vec<_>>()).await;
}

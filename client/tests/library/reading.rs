use {
    crate::delivery::{Street, names},
    multibus_client::{
        Error, Event, Instruction, Keypair, Signer, address,
        multibus::{error::MultibusError, state::ReadingProof},
        reading::{MeterIdentity, Reading, SignedReading, delivery_report},
    },
};

/// A street with a sold window that has ended, and what its device must know.
async fn ended() -> (Street, MeterIdentity) {
    let street = Street::new().await;
    let buyer = street.fresh.member().await;
    let offer = street.list(10_000).await.address;
    buyer.buy(&Street::order(offer, 5_000)).await.unwrap();
    street.end().await;
    let seller = street.seller.address();
    let identity = street.fresh.market().meter_identity(&street.bus, &seller, street.window_start).await.unwrap();
    (street, identity)
}

#[tokio::test]
async fn the_identity_of_a_meter_is_known_before_anything_is_listed() {
    let street = Street::new().await;
    let (market, seller) = (street.fresh.market(), street.seller.address());
    let before = market.meter_identity(&street.bus, &seller, street.window_start).await.unwrap();
    street.list(1_000).await;
    let book = market.delivery_book(&street.book()).await.unwrap();
    assert_eq!(MeterIdentity::of_book(&book), before);
    assert_eq!(before.book(street.window_start).unwrap(), book.address);
    let reading = Reading { window_start: street.window_start, energy_wh: 7, sequence: 3 };
    assert_eq!(before.message(&reading).unwrap(), reading.message(&book));
    let json = serde_json::to_string(&before).unwrap();
    assert_eq!(serde_json::from_str::<MeterIdentity>(&json).unwrap(), before);
}

#[tokio::test]
async fn a_stranger_brings_corrections_in_their_order() {
    let (street, identity) = ended().await;
    let stranger = street.fresh.member().await;
    let signed = |energy_wh, sequence| {
        let reading = Reading { window_start: street.window_start, energy_wh, sequence };
        identity.sign(&*street.device, reading).unwrap()
    };
    let (first, second) = (signed(1_000, 1), signed(2_000, 2));
    stranger.delivery_report_signed(&second).await.unwrap();
    let refused = stranger.delivery_report_signed(&first).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::SequenceUsed), "{refused}");
    let sent = stranger.delivery_report_signed(&signed(0, 3)).await.unwrap();
    let Event::DeliveryReported(event) = sent.events[0] else { panic!("{:?}", sent.events) };
    assert_eq!((event.reporter, event.energy_wh, event.proof), (stranger.address(), 0, ReadingProof::Signature as u8));
    assert_eq!(street.delivery().await.next_sequence, 4);
}

#[tokio::test]
async fn what_the_device_did_not_sign_is_refused_here_and_by_the_program() {
    let (street, identity) = ended().await;
    let stranger = street.fresh.member().await;
    let reading = Reading { window_start: street.window_start, energy_wh: 1_000, sequence: 1 };
    let good = identity.sign(&*street.device, reading).unwrap();
    let raised = SignedReading { reading: Reading { energy_wh: 9_000, ..reading }, ..good };
    let refused = stranger.delivery_report_signed(&raised).await.unwrap_err();
    assert!(matches!(&refused, Error::Invalid(sentence) if sentence.contains("9000 Wh")), "{refused}");
    // The chain itself refuses the signature.
    let refused = stranger.send(&raised.instructions(&stranger.address()).unwrap()).await.unwrap_err();
    assert!(matches!(refused, Error::Program(_)), "{refused}");
    assert_eq!(refused.multibus(), None);
    // Another key signed it.
    let other = identity.sign(&Keypair::new(), reading).unwrap();
    let refused = stranger.delivery_report_signed(&other).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::NotTheMeter));
    // It is of another bus.
    let elsewhere = MeterIdentity { bus_created_at: identity.bus_created_at - 1, ..identity };
    let refused = stranger.delivery_report_signed(&elsewhere.sign(&*street.device, reading).unwrap()).await;
    assert_eq!(refused.unwrap_err().multibus(), Some(MultibusError::SignedReadingOther));
    // Without the signature just before, or with something between.
    let [signed, report] = good.instructions(&stranger.address()).unwrap();
    let between = solana_system_interface::instruction::transfer(&stranger.address(), &stranger.address(), 1);
    let orders: [Vec<Instruction>; 2] = [vec![report.clone()], vec![signed, between, report]];
    for instructions in orders {
        let refused = stranger.send(&instructions).await.unwrap_err();
        assert_eq!(refused.multibus(), Some(MultibusError::SignedReadingMissing), "{refused}");
    }
    // A reading without the device's signature of the transaction.
    let report = delivery_report(&stranger.address(), &street.book(), &street.bus, &reading, ReadingProof::Transaction);
    assert_eq!(stranger.send(&[report]).await.unwrap_err().multibus(), Some(MultibusError::NotTheMeter));
    assert_eq!(street.delivery().await.reading, None);
    stranger.delivery_report_signed(&good).await.unwrap();
}

#[tokio::test]
async fn a_reading_of_a_window_without_a_book_says_so() {
    let (street, identity) = ended().await;
    let stranger = street.fresh.member().await;
    let next_day = street.window_start + 96 * 900;
    let reading = Reading { window_start: next_day, energy_wh: 1, sequence: 1 };
    let signed = identity.sign(&*street.device, reading).unwrap();
    assert!(matches!(stranger.delivery_report_signed(&signed).await, Err(Error::Program(_))));
    let refused = stranger.delivery_report(&street.bus, &street.seller.address(), &street.device, &reading).await;
    let missing = address::book(&identity.seller, next_day - 10 * 900);
    assert!(matches!(refused, Err(Error::NotFound { address, .. }) if address == missing));
    // A window that nothing was listed in.
    let reading = Reading { window_start: street.window_start - 900, energy_wh: 1, sequence: 1 };
    let refused = stranger.delivery_report(&street.bus, &street.seller.address(), &street.device, &reading).await;
    let refused = refused.unwrap_err();
    let expected = [MultibusError::WindowNotListed, MultibusError::NotTheMeter];
    assert!(refused.multibus().is_some_and(|error| expected.contains(&error)), "{refused}");
    assert_eq!(names(&[]), Vec::<&str>::new());
    assert_eq!(signed.device, street.device.pubkey());
}

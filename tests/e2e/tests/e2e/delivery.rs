//! Delivery terms in real time: from the meter to the reading, and what waits for it.

use std::sync::Arc;

use multibus_client::{
    Keypair, PricePerKwh, SharedSigner, Wh, address,
    chain::Chain,
    delivery::DeliveryState,
    meter::MeterSpec,
    multibus::error::MultibusError,
    offer::{EnergySource, OfferTerms},
    purchase::PurchaseOrder,
    reading::Reading,
    terms::{SettlementTime, TermsConfig},
};
use multibus_e2e::market::NetworkMarket;
use multibus_test_support::market::terms;
use serde_json::Value;

/// The shortest window.
const WINDOW_SECONDS: u32 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sold_waits_for_the_meter_and_anyone_brings_its_reading() {
    let fresh = NetworkMarket::new(3, |config, members| {
        config.operator = Some(members[0].address());
        config.grid_recipient = Some(members[0].address());
        config.capacity_wh = 10_000;
        config.terms = TermsConfig {
            window_seconds: WINDOW_SECONDS,
            gate_closure_seconds: 5,
            settlement: SettlementTime::OnDelivery as u8,
            grid_fee_per_kwh: 50_000,
            reading_deadline_seconds: 3_600,
            correction_seconds: 3_600,
            auction: false,
        };
    })
    .await;
    let [operator, seller, buyer] = fresh.members.first_chunk().unwrap();
    let device: SharedSigner = Arc::new(Keypair::new());
    let length = i64::from(WINDOW_SECONDS);
    let window_start = (fresh.now().await + 40).div_euclid(length) * length + length;
    let in_window = OfferTerms { window_start, ..terms(6_000, 200_000) };
    seller.seller_open(&fresh.bus).await.unwrap();
    let refused = seller.offer_create(&fresh.bus, &in_window).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::MeterMissing), "{refused}");
    // 6 kWh in a minute.
    let spec = MeterSpec { source: EnergySource::Solar, power_w: 360_000, valid_from: 0 };
    operator.meter_register(&fresh.bus, &seller.address(), &device, &spec).await.unwrap();
    let offer = seller.offer_create(&fresh.bus, &in_window).await.unwrap().address;
    let more = OfferTerms { energy_wh: 1, ..in_window };
    let refused = seller.offer_create(&fresh.bus, &more).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::PowerExceeded), "{refused}");
    let bought = buyer.buy(&PurchaseOrder::exactly(offer, Wh(4_000), PricePerKwh(250_000))).await.unwrap();
    assert_eq!((bought.energy_wh, bought.paid), (4_000, 1_000_000));
    fresh.assert_sound().await;

    let identity = fresh.market().meter_identity(&fresh.bus, &seller.address(), window_start).await.unwrap();
    let reading = |energy_wh, sequence| identity.sign(&*device, Reading { window_start, energy_wh, sequence }).unwrap();
    let refused = buyer.delivery_report_signed(&reading(3_000, 1)).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::ReadingTooEarly), "{refused}");
    fresh.chain.wait_until(window_start + length).await.unwrap();
    let refused = buyer.delivery_report_signed(&reading(6_601, 1)).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::ReadingTooHigh), "{refused}");
    buyer.delivery_report_signed(&reading(3_500, 1)).await.unwrap();
    // The device corrects itself, and signs the transaction.
    let corrected = Reading { window_start, energy_wh: 3_000, sequence: 2 };
    operator.delivery_report(&fresh.bus, &seller.address(), &device, &corrected).await.unwrap();
    let again = buyer.delivery_report_signed(&reading(4_000, 2)).await.unwrap_err();
    assert_eq!(again.multibus(), Some(MultibusError::SequenceUsed), "{again}");

    // The seller withdraws what it did not sell. Until the reading is final, what was paid waits.
    buyer.offer_cancel(&offer).await.unwrap();
    let deliveries = fresh.market().deliveries(&fresh.bus, Some(&seller.address())).await.unwrap();
    let [delivery] = deliveries.as_slice() else { panic!("{deliveries:?}") };
    assert_eq!((delivery.state, delivery.sold_wh, delivery.delivered_wh), (DeliveryState::Correctable, 4_000, 3_000));
    // What the reading would give: 3/4 of 1,000,000, of it 150,000 to the grid.
    assert_eq!((delivery.released, delivery.grid_fee, delivery.refunded), (600_000, 150_000, 250_000));
    let early = buyer.delivery_release(&delivery.book).await.unwrap_err();
    assert_eq!(early.multibus(), Some(MultibusError::NothingToRelease), "{early}");
    let position = address::position(&delivery.book, &buyer.address());
    let early = buyer.delivery_refund(&position).await.unwrap_err();
    assert_eq!(early.multibus(), Some(MultibusError::NothingToRefund), "{early}");
    let early = buyer.certificate_take(&delivery.book, window_start).await.unwrap_err();
    assert_eq!(early.multibus(), Some(MultibusError::WindowNotFinal), "{early}");
    fresh.assert_sound().await;
}

/// The intervals of a forecast's day become windows that lie ahead: everything is sold, and what is delivered is known later.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_on_delivery_terms_says_that_its_windows_lie_ahead() {
    let fresh = NetworkMarket::new(0, |_, _| {}).await;
    let folder = tempfile::tempdir().unwrap();
    let rows = "interval_start,member,load_wh,generation_wh,forecast_load_wh,forecast_generation_wh\n\
                2016-06-21T12:00:00Z,A,0,600,0,900\n2016-06-21T12:00:00Z,B,400,0,800,0\n";
    std::fs::write(folder.path().join("file.csv"), rows).unwrap();
    let mut replay = fresh.multibus(folder.path());
    replay.args(["--output", "json", "replay", "file.csv", "--terms", "delivery", "--grid-fee", "30000"]);
    replay.args(["--state", "file.state", "--lock-percent", "0"]);
    let output = tokio::process::Command::from(replay).output().await.unwrap();
    let (text, notes) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}{notes}");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&report["traded_wh"], &report["delivered_wh"]), (&800.into(), &0.into()));
    assert_eq!((&report["periods_open"], &report["violations"]), (&1.into(), &serde_json::json!([])));
}

//! Events as they happen, over the WebSocket.

use std::{process::Stdio, time::Duration};

use multibus_client::{PricePerKwh, Wh, purchase::PurchaseOrder};
use multibus_e2e::market::NetworkMarket;
use multibus_test_support::market::terms;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::{Instant, timeout},
};

/// How long an event may take to arrive.
const PATIENCE: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread")]
async fn watch_prints_every_event_once_and_in_order() {
    let fresh = NetworkMarket::new(1, |_, _| {}).await;
    let buyer = &fresh.members[0];
    buyer.open_lanes(1).await.unwrap();
    let offer = fresh.owner.offer_create(&fresh.bus, &terms(1_000, 200_000)).await.unwrap().address;
    let folder = tempfile::tempdir().unwrap();
    let bus = fresh.bus.to_string();
    let mut watch = Command::from(fresh.multibus(folder.path()));
    watch.args(["watch", &bus, "--json-lines"]).stdout(Stdio::piped()).kill_on_drop(true);
    let mut watch = watch.spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();

    // It does not say when it has subscribed, so something happens again and again until it prints an event.
    let started_at = Instant::now();
    let mut price_per_kwh = 200_000;
    let mut event = loop {
        price_per_kwh += 1;
        fresh.owner.offer_reprice(&offer, price_per_kwh).await.unwrap();
        if let Ok(line) = timeout(Duration::from_secs(2), lines.next_line()).await {
            break parse(line);
        }
        assert!(started_at.elapsed() < PATIENCE, "watch prints nothing");
    };
    while event["price_per_kwh"] != price_per_kwh {
        event = parse(timeout(PATIENCE, lines.next_line()).await.expect("the event is printed"));
        assert_eq!(event["event"], "OfferRepriced");
    }

    let second = fresh.owner.offer_create(&fresh.bus, &terms(1_000, 200_000)).await.unwrap();
    let bought = buyer.buy(&PurchaseOrder::exactly(second.address, Wh(400), PricePerKwh(200_000))).await.unwrap();
    let lock = buyer.lock_take(&second.address, Wh(100), PricePerKwh(200_000)).await.unwrap();
    let settled = buyer.lock_settle(&lock.address).await.unwrap();
    let cancelled = fresh.owner.offer_cancel(&second.address).await.unwrap();
    let happened = [
        ("OfferCreated", second.sent.signature),
        ("EnergyPurchased", bought.signature),
        ("LockTaken", lock.sent.signature),
        ("EnergyPurchased", settled.signature),
        ("OfferCancelled", cancelled.signature),
    ];
    for (name, signature) in happened {
        let event = parse(timeout(PATIENCE, lines.next_line()).await.expect("the event is printed"));
        assert_eq!(event["event"], name);
        assert_eq!(event["signature"], signature.to_string(), "{event}");
    }
}

fn parse(line: std::io::Result<Option<String>>) -> Value {
    let line = line.unwrap().expect("watch goes on");
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line}"))
}

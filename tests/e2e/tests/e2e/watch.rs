//! Events as they happen, over the WebSocket.

use std::{process::Stdio, time::Duration};

use multibus_client::purchase::PurchaseOrder;
use multibus_e2e::world::{World, terms};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::timeout,
};

/// How long an event may take to arrive.
const PATIENCE: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread")]
async fn watch_tells_every_event_once_and_in_order() {
    let world = World::new(1, |_, _| {}).await;
    let buyer = &world.members[0];
    buyer.open_lanes(1).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let bus = world.bus.to_string();
    let mut watch = Command::from(world.multibus(folder.path()));
    watch.args(["watch", &bus, "--json-lines", "--events", "5"]).kill_on_drop(true);
    let mut watch = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut notes = BufReader::new(watch.stderr.take().unwrap()).lines();
    let note = timeout(PATIENCE, notes.next_line()).await.expect("watch starts").unwrap();
    assert!(note.is_some_and(|note| note.contains("watching Mill Lane")));
    // It subscribes after it said so.
    tokio::time::sleep(Duration::from_secs(2)).await;

    let offer = world.owner.offer_create(&world.bus, &terms(1_000, 200_000)).await.unwrap();
    world.owner.offer_reprice(&offer.address, 210_000).await.unwrap();
    let bought = buyer.buy(&PurchaseOrder::exactly(offer.address, 400, 210_000)).await.unwrap();
    let lock = buyer.lock_take(&offer.address, 100, 210_000).await.unwrap();
    let settled = buyer.lock_settle(&lock.address).await.unwrap();

    let mut events = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut seen: Vec<Value> = Vec::new();
    while let Some(line) = timeout(PATIENCE, events.next_line()).await.expect("events arrive").unwrap() {
        seen.push(serde_json::from_str(&line).unwrap());
    }
    let told = |field: &str| seen.iter().map(|event| event[field].as_str().unwrap_or_default()).collect::<Vec<_>>();
    assert_eq!(told("event"), ["OfferCreated", "OfferRepriced", "EnergyPurchased", "LockTaken", "EnergyPurchased"]);
    let signatures = told("signature");
    assert_eq!(signatures[0], offer.sent.signature.to_string());
    assert_eq!(signatures[2], bought.signature.to_string());
    assert_eq!(signatures[4], settled.signature.to_string());
    assert!(watch.wait().await.unwrap().success());
}

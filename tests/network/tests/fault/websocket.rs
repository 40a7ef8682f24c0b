//! Websockets that drop: no event is missed, and none comes twice.

use {
    crate::support::{IMPATIENT, behind, network},
    futures_util::StreamExt,
    multibus_client::{
        PricePerKwh, Signature, Wallet, Wh,
        chain::{Chain, LogsStream},
        event::Event,
        purchase::PurchaseOrder,
    },
    multibus_network::{
        market,
        proxy::{Cut, Proxy},
    },
    std::time::Duration,
    tokio::time::{sleep, timeout},
};

/// Reads purchases until one has this hash, and returns them in the order in which they came.
async fn purchases_until(logs: &mut LogsStream, last: [u8; 32]) -> Vec<(Signature, u64)> {
    let mut heard = Vec::new();
    let listening = async {
        loop {
            let notification = logs.next().await.expect("the subscription goes on").expect("the node is there");
            for event in notification.events() {
                if let Event::EnergyPurchased(event) = event {
                    heard.push((notification.signature, event.nonce));
                    if event.transaction_hash == last {
                        return;
                    }
                }
            }
        }
    };
    timeout(Duration::from_secs(90), listening).await.expect("every purchase is told in time");
    heard
}

async fn buy(
    buyer: &Wallet,
    offer: multibus_client::Address,
    count: usize,
) -> Vec<multibus_client::purchase::Purchased> {
    let mut bought = Vec::new();
    for _ in 0..count {
        bought.push(buyer.buy(&PurchaseOrder::exactly(offer, Wh(10), PricePerKwh(500))).await.unwrap());
    }
    bought
}

/// Purchases before, during and after a failure of the websocket must each come once, in order.
async fn tells_everything_once(fail: impl AsyncFn(&Proxy), mend: impl AsyncFn(&Proxy)) {
    let network = network();
    let (fresh, offer) = network.market().await;
    let proxy = network.proxy().await;
    let buyer = market::member(&fresh).await.unwrap().with_lanes(1);
    let mut logs = behind(&proxy, IMPATIENT).subscribe_logs(&offer).await.unwrap();
    let mut bought = buy(&buyer, offer, 3).await;
    fail(&proxy).await;
    bought.extend(buy(&buyer, offer, 3).await);
    mend(&proxy).await;
    bought.extend(buy(&buyer, offer, 3).await);
    let last = bought.last().unwrap().transaction_hash.0;
    let heard = purchases_until(&mut logs, last).await;
    let expected: Vec<_> = bought.iter().map(|bought| (bought.signature, bought.nonce)).collect();
    assert_eq!(heard, expected);
    // The node may send events again, but none comes a second time.
    let again = timeout(Duration::from_secs(6), logs.next()).await;
    assert!(again.is_err(), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_that_closes_loses_no_event() {
    tells_everything_once(async |proxy| proxy.cut_websockets(Cut::Closed), async |_| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_that_is_reset_loses_no_event() {
    tells_everything_once(async |proxy| proxy.cut_websockets(Cut::Reset), async |_| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_that_falls_silent_loses_no_event() {
    tells_everything_once(async |proxy| proxy.cut_websockets(Cut::Silent), async |_| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_that_is_refused_for_a_while_loses_no_event() {
    let fail = async |proxy: &Proxy| {
        proxy.refuse_websockets();
        proxy.cut_websockets(Cut::Closed);
    };
    let mend = async |proxy: &Proxy| {
        sleep(Duration::from_secs(3)).await;
        proxy.heal();
    };
    tells_everything_once(fail, mend).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stays_away_ends_the_subscription_with_its_name() {
    let network = network();
    let (_fresh, offer) = network.market().await;
    let proxy = network.proxy().await;
    let options = multibus_client::chain::RpcOptions { patience: Duration::from_secs(3), ..IMPATIENT };
    let mut logs = behind(&proxy, options).subscribe_logs(&offer).await.unwrap();
    proxy.refuse_websockets();
    proxy.cut_websockets(Cut::Closed);
    let lost = timeout(Duration::from_secs(30), logs.next()).await.expect("in time").expect("a last word");
    let sentence = lost.unwrap_err().to_string();
    assert!(sentence.contains(&proxy.websocket_url) && sentence.contains("check the websocket URL"), "{sentence}");
    assert!(logs.next().await.is_none());
}

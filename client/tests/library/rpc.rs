//! The client over JSON-RPC: a node that loses transactions, limits requests and hangs up.

use {
    futures_util::StreamExt,
    multibus_client::{
        Address, Error, Keypair, Market, PricePerKwh, Signer, Wallet, Wh,
        chain::{Chain, CommitmentLevel, Outcome, RpcChain},
        multibus::error::MultibusError,
        offer::{OfferFilter, OfferSort},
        purchase::{BatchItem, BatchOrder, PurchaseOrder},
        send::{PriorityFee, TransactionOptions},
    },
    multibus_test_support::{
        market::{EmbeddedMarket, FUNDS, SOL, open_bus, terms},
        node::{Lie, TestNode},
    },
    serde_json::json,
    std::{
        sync::{
            Arc,
            atomic::{AtomicBool, AtomicU32, Ordering},
        },
        time::{Duration, Instant},
    },
    tokio::net::TcpListener,
};

/// A market whose buyer and seller reach the chain over JSON-RPC.
async fn over_rpc() -> (EmbeddedMarket, Arc<TestNode>, Wallet, Wallet) {
    let fresh = EmbeddedMarket::new().await;
    let (node, url) = TestNode::start(&fresh.chain).await;
    let connect = || Arc::new(RpcChain::new(&url, None, CommitmentLevel::Confirmed).unwrap());
    let seller = Wallet::new(connect(), fresh.owner.signer().clone());
    let buyer = Wallet::new(connect(), fresh.funded().await);
    (fresh, node, seller, buyer)
}

#[tokio::test]
async fn the_market_works_over_rpc() {
    let (fresh, _node, seller, buyer) = over_rpc().await;
    let bus = seller.bus_create(&fresh.mint, &open_bus(&seller)).await.unwrap().address;
    let offer = seller.offer_create(&bus, &terms(1_000, 500)).await.unwrap();
    assert!(offer.sent.compute_units > 0 && offer.sent.fee >= 5_000);
    let market = buyer.market();
    assert_eq!(market.bus(&bus).await.unwrap().name(), "Sunny Lane");
    let found = market.active_offers(&bus, &OfferFilter::default(), OfferSort::Price).await.unwrap();
    assert_eq!(found[0].address, offer.address);
    let bought = buyer.buy(&PurchaseOrder::exactly(offer.address, Wh(300), PricePerKwh(500))).await.unwrap();
    assert_eq!((bought.energy_wh, bought.paid, bought.fills.len()), (300, 150, 1));
    let order =
        BatchOrder::at_quote(vec![BatchItem::at_quote(market.offer(&offer.address).await.unwrap(), 100)]).unwrap();
    buyer.buy_batch(&order).await.unwrap();
    let lock = buyer.lock_take(&offer.address, Wh(200), PricePerKwh(500)).await.unwrap().address;
    buyer.lock_settle(&lock).await.unwrap();
    let history = market.history(&buyer.address(), bought.lane).await.unwrap();
    assert!(history.is_verified(), "{:?}", history.flaws);
    assert_eq!(fresh.tokens(&buyer.address()).await.unwrap(), FUNDS - 300);
    let refused = buyer.buy(&PurchaseOrder::exactly(offer.address, Wh(401), PricePerKwh(500))).await.unwrap_err();
    assert!(matches!(refused, Error::BeyondLimits(_)), "{refused}");
    let refused = buyer.offer_cancel(&offer.address).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::OfferStillTrading));
    assert_eq!(market.chain().clock().await.unwrap(), fresh.chain.clock().await.unwrap());
}

#[tokio::test]
async fn a_lost_transaction_is_submitted_again() {
    let (fresh, node, seller, buyer) = over_rpc().await;
    let offer = seller.offer_create(&fresh.bus, &terms(1_000, 500)).await.unwrap().address;
    buyer.open_lanes(1).await.unwrap();
    node.losses.store(1, Ordering::Relaxed);
    let bought = buyer.buy(&PurchaseOrder::exactly(offer, Wh(1_000), PricePerKwh(500))).await.unwrap();
    assert_eq!((bought.paid, bought.attempts), (500, 1));
    assert_eq!(fresh.receipts(&buyer.address()).await, 1);
}

#[tokio::test]
async fn an_expired_transaction_is_signed_again_under_the_same_nonce() {
    let (fresh, node, seller, buyer) = over_rpc().await;
    let offer = seller.offer_create(&fresh.bus, &terms(1_000, 500)).await.unwrap().address;
    buyer.open_lanes(1).await.unwrap();
    let nonce = fresh.market().trader(&buyer.address(), 0).await.unwrap().unwrap().next_nonce;
    node.losses.store(1, Ordering::Relaxed);
    let chain = fresh.chain.clone();
    let order = PurchaseOrder::exactly(offer, Wh(1_000), PricePerKwh(500));
    let (bought, ()) = tokio::join!(buyer.buy(&order), async move {
        // Once it is lost, time passes until it cannot land any more.
        while node.losses.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let slot = chain.clock().await.unwrap().slot;
        chain.wait_for_slot(slot + 200).await.unwrap();
    });
    let bought = bought.unwrap();
    assert_eq!((bought.nonce, bought.paid), (nonce, 500));
    assert_eq!(fresh.tokens(&buyer.address()).await.unwrap(), FUNDS - 500);
}

#[tokio::test]
async fn many_purchases_in_flight_share_their_questions() {
    let (fresh, node, seller, buyer) = over_rpc().await;
    let offer = seller.offer_create(&fresh.bus, &terms(100_000, 500)).await.unwrap().address;
    let buyer = buyer.with_lanes(16);
    buyer.open_lanes(16).await.unwrap();
    let before = node.requests.load(Ordering::Relaxed);
    let order = PurchaseOrder::exactly(offer, Wh(100), PricePerKwh(500));
    let bought = futures_util::future::join_all((0..48).map(|_| buyer.buy(&order))).await;
    assert!(bought.iter().all(|bought| bought.as_ref().is_ok_and(|bought| bought.paid == 50)));
    let per_purchase = (node.requests.load(Ordering::Relaxed) - before) / 48;
    assert!(per_purchase < 12, "{per_purchase} requests for each purchase");
    assert_eq!(fresh.tokens(&buyer.address()).await.unwrap(), FUNDS - 48 * 50);
}

#[tokio::test]
async fn a_percentile_of_recent_fees_is_paid() {
    let (fresh, _node, seller, _buyer) = over_rpc().await;
    let options = |priority_fee| TransactionOptions { priority_fee, ..TransactionOptions::default() };
    let plain = seller.clone().offer_create(&fresh.bus, &terms(10, 500)).await.unwrap();
    assert_eq!(plain.sent.fee, 5_000);
    let dear = seller.with_options(options(PriorityFee::Percentile(100)));
    let sent = dear.offer_create(&fresh.bus, &terms(10, 500)).await.unwrap().sent;
    // 30 micro-lamports for each compute unit, rounded up to a lamport.
    assert!(sent.fee > 5_000 && sent.fee < 5_010, "{}", sent.fee);
    let fixed = dear.with_options(options(PriorityFee::Fixed(1_000_000)));
    assert!(fixed.offer_create(&fresh.bus, &terms(10, 500)).await.unwrap().sent.fee > 6_000);
}

#[tokio::test]
async fn a_node_that_limits_requests_is_waited_for() {
    let (fresh, node, seller, _buyer) = over_rpc().await;
    node.limits.store(2, Ordering::Relaxed);
    assert_eq!(seller.market().bus(&fresh.bus).await.unwrap().name(), "Sunny Lane");
}

#[tokio::test]
async fn a_node_that_is_not_there_is_named_with_the_remedy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let chain = Arc::new(RpcChain::new(&url, None, CommitmentLevel::Confirmed).unwrap());
    let refused = Market::new(chain.clone()).buses().await.unwrap_err();
    let text = refused.to_string();
    assert!(text.contains(&url) && text.contains("start the validator"), "{text}");
    assert!(refused.is_transient());
    let wallet = Wallet::new(chain, Arc::new(Keypair::new()));
    assert!(matches!(wallet.trader_open(0).await, Err(Error::Rpc { .. })));
}

#[tokio::test]
async fn a_method_that_a_node_lacks_is_named_so() {
    let (fresh, node, seller, _buyer) = over_rpc().await;
    node.lacks_airdrops.store(true, Ordering::Relaxed);
    let refused = seller.chain().airdrop(&fresh.bus, 1).await.unwrap_err();
    assert!(refused.to_string().contains("use another node") && !refused.is_transient(), "{refused}");
    node.lacks_airdrops.store(false, Ordering::Relaxed);
    let address = Keypair::new().pubkey();
    seller.chain().airdrop(&address, SOL).await.unwrap();
    assert_eq!(seller.chain().accounts(&[address]).await.unwrap()[0].as_ref().unwrap().lamports, SOL);
}

#[tokio::test]
async fn events_arrive_by_subscription_and_a_lost_connection_loses_none() {
    let (fresh, node, seller, buyer) = over_rpc().await;
    let chain = seller.chain();
    let mut logs = chain.subscribe_logs(&multibus_client::multibus::ID).await.unwrap();
    let offer = seller.offer_create(&fresh.bus, &terms(1_000, 500)).await.unwrap();
    let order = PurchaseOrder::exactly(offer.address, Wh(100), PricePerKwh(500));
    let mut bought = vec![buyer.buy(&order).await.unwrap().signature];
    let mut heard = Vec::new();
    let mut names = Vec::new();
    for _ in 0..3 {
        let notification = logs.next().await.unwrap().unwrap();
        names.extend(notification.events().iter().map(multibus_client::Event::name));
        if names.len() == 2 {
            assert_eq!((notification.signature, notification.slot), (offer.sent.signature, offer.sent.slot));
        }
        heard.push(notification.signature);
    }
    assert_eq!(names, ["SellerOpened", "OfferCreated", "TraderOpened", "EnergyPurchased"]);
    // What happens while the connection is down is sent when it is back, once and in order.
    for _ in 0..2 {
        node.hang_up.notify_waiters();
        bought.push(buyer.buy(&order).await.unwrap().signature);
        bought.push(buyer.buy(&order).await.unwrap().signature);
        for _ in 0..2 {
            heard.push(logs.next().await.unwrap().unwrap().signature);
        }
    }
    bought.push(buyer.buy(&order).await.unwrap().signature);
    heard.push(logs.next().await.unwrap().unwrap().signature);
    assert_eq!(heard[2..], bought);
}

#[tokio::test]
async fn outcomes_are_looked_for_when_the_node_confirms_a_slot_and_else_at_intervals() {
    let (fresh, node, seller, _buyer) = over_rpc().await;
    let signature = seller.offer_create(&fresh.bus, &terms(1_000, 500)).await.unwrap().sent.signature;
    let (asked, lands) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let (counted, known) = (asked.clone(), lands.clone());
    node.lies(move |method, _, _| match method {
        "getSignatureStatuses" => {
            counted.fetch_add(1, Ordering::Relaxed);
            let nothing = json!({ "context": { "slot": 1 }, "value": [null] });
            if known.load(Ordering::Relaxed) { Lie::None } else { Lie::Result(nothing) }
        }
        _ => Lie::None,
    });
    let chain = RpcChain::new(&seller.chain().description(), None, CommitmentLevel::Confirmed).unwrap();
    chain.follow_confirmations().await.unwrap();
    let confirming = {
        let chain = chain.clone();
        tokio::spawn(async move { chain.confirm(&signature, u64::MAX).await })
    };
    // Once a second, and at once where the node tells.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let at_intervals = asked.load(Ordering::Relaxed);
    assert!((1..=4).contains(&at_intervals), "asked {at_intervals} times in 2 s");
    let told_at = Instant::now();
    while asked.load(Ordering::Relaxed) < at_intervals + 6 {
        node.confirms.notify_waiters();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(told_at.elapsed() < Duration::from_secs(4), "6 confirmed slots took {:?}", told_at.elapsed());
    // Without the connection it asks more often.
    node.hang_up.notify_waiters();
    let before = asked.load(Ordering::Relaxed);
    let alone_at = Instant::now();
    while asked.load(Ordering::Relaxed) < before + 12 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(alone_at.elapsed() < Duration::from_secs(8), "12 intervals took {:?}", alone_at.elapsed());
    lands.store(true, Ordering::Relaxed);
    assert!(matches!(confirming.await.unwrap().unwrap(), Outcome::Landed { .. }));

    let nowhere = RpcChain::new(&chain.description(), Some("ws://127.0.0.1:1"), CommitmentLevel::Confirmed).unwrap();
    let refused = nowhere.follow_confirmations().await.unwrap_err().to_string();
    assert!(refused.contains("ws://127.0.0.1:1") && refused.contains("at intervals"), "{refused}");
}

#[tokio::test]
async fn a_subscription_that_cannot_be_made_is_refused_with_its_url() {
    let (fresh, _node, seller, _buyer) = over_rpc().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = format!("ws://{}", listener.local_addr().unwrap());
    drop(listener);
    let url = seller.chain().description();
    let chain = RpcChain::new(&url, Some(&nowhere), CommitmentLevel::Confirmed).unwrap();
    let refused = chain.subscribe_logs(&fresh.bus).await.err().unwrap().to_string();
    assert!(refused.contains(&nowhere) && refused.contains("check the websocket URL"), "{refused}");
}

#[tokio::test]
async fn a_node_that_asks_to_wait_a_minute_is_told_within_seconds() {
    let (_world, node, _seller, buyer) = over_rpc().await;
    let answer = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 60\r\ncontent-length: 0\r\n\r\n";
    node.lies(move |_, _, _| Lie::Bytes(answer.as_bytes().to_vec()));
    let since = std::time::Instant::now();
    let refused = buyer.market().buses().await.unwrap_err();
    assert!(since.elapsed() < std::time::Duration::from_secs(15), "{:?}", since.elapsed());
    assert!(refused.is_transient());
    let said = refused.to_string();
    assert!(said.contains("wait 60 s") && said.contains("limits requests"), "{said}");
}

#[tokio::test]
async fn a_short_wait_that_a_node_asks_for_is_obeyed() {
    let (_world, node, _seller, buyer) = over_rpc().await;
    let left = std::sync::atomic::AtomicU32::new(1);
    node.lies(move |_, _, _| {
        match left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)) {
            Ok(_) => {
                let answer = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
                Lie::Bytes(answer.as_bytes().to_vec())
            }
            Err(_) => Lie::None,
        }
    });
    let since = std::time::Instant::now();
    buyer.market().buses().await.unwrap();
    assert!(since.elapsed() >= std::time::Duration::from_secs(1), "{:?}", since.elapsed());
}

#[tokio::test]
async fn what_a_node_says_in_place_of_an_answer_is_shown_with_the_remedy() {
    let (fresh, node, seller, _buyer) = over_rpc().await;
    for (status, body, said, is_transient) in [
        (
            "401 Unauthorized",
            r#"{"jsonrpc":"2.0","error":{"code":-32401,"message":"missing API key"}}"#,
            "status 401 Unauthorized: missing API key; check the URL and its access key",
            false,
        ),
        ("403 Forbidden", r#"{"error":"not your chain"}"#, "403 Forbidden: not your chain; check the URL", false),
        ("404 Not Found", "<!DOCTYPE html><title>x</title>", "status 404 Not Found; check the URL", false),
        ("408 Request Timeout", "", "status 408 Request Timeout; try again", true),
        ("413 Payload Too Large", "<html>", "takes no request of this size; use another node", false),
        ("502 Bad Gateway", "<html>", "status 502 Bad Gateway; try again", true),
        ("503 Service Unavailable", "over capacity", "503 Service Unavailable: over capacity; try again", true),
        ("200 OK", r#"{"error":"rate limited"}"#, "neither a result nor an error of JSON-RPC: rate limited", true),
        ("200 OK", r#"{"message":"forbidden"}"#, "of JSON-RPC: forbidden; check the URL and its access key", true),
        ("200 OK", r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32000}}"#, r#"{"code":-32000}"#, true),
        ("200 OK", "<html>Log in to the network</html>", "not JSON-RPC: check the URL", true),
        ("200 OK", "", "not JSON-RPC: check the URL", true),
    ] {
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        node.lies(move |_, _, _| Lie::Bytes(answer.clone().into_bytes()));
        let refused = seller.market().bus(&fresh.bus).await.unwrap_err();
        let text = refused.to_string();
        assert!(text.contains(said), "{status}: {text}");
        assert!(!text.contains("no.url.provided") && !text.contains("Middleware"), "{text}");
        assert_eq!(refused.is_transient(), is_transient, "{text}");
    }
    node.lies(|_, _, _| Lie::Refusal(-32005, "Node is behind by 42 slots".to_owned()));
    let behind = seller.market().bus(&fresh.bus).await.unwrap_err().to_string();
    assert!(behind.contains("Node is behind by 42 slots; try again"), "{behind}");
}

#[tokio::test]
async fn a_limit_that_is_said_without_a_status_is_not_a_transaction_that_nobody_knows() {
    let (_fresh, node, seller, _buyer) = over_rpc().await;
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 24\r\n\r\n{\"error\":\"rate limited\"}";
    node.lies(move |method, _, _| match method {
        "getTransaction" => Lie::Bytes(answer.as_bytes().to_vec()),
        _ => Lie::None,
    });
    let unknown = multibus_client::Signature::from([7; 64]);
    let refused = seller.chain().transaction(&unknown).await.unwrap_err().to_string();
    assert!(refused.contains("rate limited"), "{refused}");
}

#[tokio::test]
async fn a_network_without_the_program_is_not_one_without_a_bus() {
    let (_fresh, node, seller, _buyer) = over_rpc().await;
    node.lies(|method, _, _| match method {
        "getProgramAccounts" => Lie::Result(serde_json::json!([])),
        "getMultipleAccounts" => Lie::Result(serde_json::json!({ "context": { "slot": 1 }, "value": [null] })),
        _ => Lie::None,
    });
    let refused = seller.market().buses().await.unwrap_err().to_string();
    let program = multibus_client::multibus::ID.to_string();
    assert!(refused.contains(&program) && refused.contains("check the address and the network"), "{refused}");
}

/// A URL of a node whose next port hangs up on websockets.
async fn without_websockets(url: &str) -> String {
    let (listener, websockets) = loop {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let next = listener.local_addr().unwrap().port().wrapping_add(1);
        if let Ok(websockets) = TcpListener::bind(("127.0.0.1", next)).await {
            break (listener, websockets);
        }
    };
    tokio::spawn(async move { while websockets.accept().await.is_ok() {} });
    let here = format!("http://user:password@{}", listener.local_addr().unwrap());
    let node = url.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let node = node.clone();
            tokio::spawn(async move {
                let mut node = tokio::net::TcpStream::connect(node).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut node).await;
            });
        }
    });
    here
}

#[tokio::test]
async fn a_node_that_serves_no_websockets_is_watched_all_the_same() {
    let fresh = EmbeddedMarket::new().await;
    let (_node, url) = TestNode::start(&fresh.chain).await;
    let chain = RpcChain::new(&without_websockets(&url).await, None, CommitmentLevel::Confirmed).unwrap();
    let mut logs = chain.subscribe_logs(&multibus_client::multibus::ID).await.unwrap();
    let offer = fresh.owner.offer_create(&fresh.bus, &terms(1_000, 500)).await.unwrap();
    let heard = tokio::time::timeout(std::time::Duration::from_secs(10), logs.next()).await;
    let heard = heard.expect("it is heard within seconds").unwrap().unwrap();
    assert_eq!(heard.signature, offer.sent.signature);
}

#[tokio::test]
async fn an_access_key_in_the_url_is_shown_nowhere() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap();
    drop(listener);
    for url in [format!("http://{host}/?api-key=SECRET"), format!("http://user:SECRET@{host}/v2/SECRET")] {
        let chain = RpcChain::new(&url, None, CommitmentLevel::Confirmed).unwrap();
        assert_eq!(chain.description(), format!("http://{host}"));
        let market = Market::new(Arc::new(chain.clone()));
        let refused = market.buses().await.unwrap_err().to_string();
        assert!(refused.contains(&host.to_string()) && !refused.contains("SECRET"), "{refused}");
        let refused = chain.subscribe_logs(&Address::default()).await.err().expect("nobody listens").to_string();
        assert!(!refused.contains("SECRET"), "{refused}");
    }
}

//! Requests and answers that go wrong.

use {
    crate::support::{IMPATIENT, ask, assert_sound, each, network, paid, wallet_behind},
    futures_util::future::join_all,
    multibus_client::{
        Error, Market, PricePerKwh, Wallet, Wh,
        auction::Cleared,
        bid::{BidOrder, BidProgress},
        chain::{Chain, RpcOptions},
        purchase::{BatchItem, BatchOrder, PurchaseOrder},
    },
    multibus_network::{
        market::{self, NetworkMarket},
        proxy::{Fault, Proxy},
    },
    multibus_test_support::market::{SOL, terms},
    serde_json::{Value, json},
    std::time::{Duration, Instant},
};

/// Everything that a purchase asks a node for.
const METHODS: [&str; 7] = [
    "sendTransaction",
    "getSignatureStatuses",
    "getBlockHeight",
    "getLatestBlockhash",
    "simulateTransaction",
    "getMultipleAccounts",
    "getTransaction",
];

/// Faults that can happen to any of it.
const FAULTS: [Fault; 8] = [
    Fault::Unanswered,
    Fault::ResetAfter,
    Fault::ResetBefore,
    Fault::TooManyRequests,
    Fault::Unavailable,
    Fault::Garbage,
    Fault::Truncated,
    Fault::Slow(Duration::from_millis(1_500)),
];

/// The node names a blockhash that the network forgot long ago.
fn stale_blockhash(answer: &mut Value) {
    answer["result"]["value"] =
        json!({ "blockhash": "4uQeVj5tqViQh7yWWGStvkEG1Zmhx6uasJtWCJziofM", "lastValidBlockHeight": 1 });
}

/// The node says that a blockhash has expired that the network still accepts.
fn expired_too_early(answer: &mut Value) {
    answer["result"]["value"]["lastValidBlockHeight"] = json!(1);
}

/// The node has taken a transaction, and answers with an error.
fn deny(answer: &mut Value, error: &Value) {
    *answer = json!({ "jsonrpc": "2.0", "id": answer["id"], "error": error });
}

/// The same, as if its check of the transaction had failed.
fn deny_after_check(answer: &mut Value, cause: &Value) {
    let data = json!({ "accounts": null, "err": cause, "logs": [], "returnData": null, "unitsConsumed": 0 });
    deny(answer, &json!({ "code": -32002, "message": "Transaction simulation failed", "data": data }));
}

/// Every kind of error with which a node can deny a transaction that it has passed on.
const DENIALS: [fn(&mut Value); 7] = [
    |answer| deny(answer, &json!({ "code": -32603, "message": "Internal error" })),
    |answer| deny(answer, &json!({ "code": -32003, "message": "Transaction signature verification failure" })),
    |answer| deny(answer, &json!({ "code": -32005, "message": "Node is behind by 42 slots" })),
    |answer| deny_after_check(answer, &json!("BlockhashNotFound")),
    |answer| deny_after_check(answer, &json!("InsufficientFundsForFee")),
    |answer| deny_after_check(answer, &json!("AccountInUse")),
    // The offer has less free energy than asked for.
    |answer| deny_after_check(answer, &json!({ "InstructionError": [2, { "Custom": 6052 }] })),
];

/// A buyer with an open lane buys 10 Wh while faults happen. It must be paid once, and every fault must have happened.
async fn buys_once(fresh: &NetworkMarket, offer: multibus_client::Address, faults: &[(&'static str, Fault)]) {
    let network = network();
    let proxy = network.proxy().await;
    let member = market::member(fresh).await.unwrap();
    member.open_lanes(1).await.unwrap();
    let buyer = wallet_behind(&proxy, &member, IMPATIENT).with_lanes(1);
    for (method, fault) in faults {
        proxy.inject(method, *fault, 1);
    }
    let order = PurchaseOrder::exactly(offer, Wh(10), PricePerKwh(500));
    let bought = buyer.buy(&order).await.unwrap_or_else(|error| panic!("{faults:?}: {error}"));
    assert_eq!((bought.energy_wh, bought.paid), (10, 5), "{faults:?}");
    for (method, _) in faults {
        assert!(proxy.failed(method) > 0, "{faults:?} did not happen");
    }
    assert_eq!(paid(fresh, &member).await, 5, "{faults:?}");
    let receipts = fresh.market().receipts(&member.address()).await.unwrap();
    assert_eq!(receipts.len(), 1, "{faults:?}");
    assert_eq!(receipts[0].transaction_hash(), bought.transaction_hash, "{faults:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_is_paid_once_whatever_becomes_of_requests_and_answers() {
    let (fresh, offer) = network().market().await;
    let mut cases: Vec<Vec<(&str, Fault)>> = Vec::new();
    for method in METHODS {
        cases.extend(FAULTS.map(|fault| vec![(method, fault)]));
    }
    cases.push(vec![("sendTransaction", Fault::Lost)]);
    cases.push(vec![("sendTransaction", Fault::HeldBack)]);
    // The network forgot the blockhash.
    cases.push(vec![("getLatestBlockhash", Fault::Altered(stale_blockhash))]);
    // Two faults at once.
    cases.push(vec![("sendTransaction", Fault::ResetAfter), ("getSignatureStatuses", Fault::Garbage)]);
    cases.push(vec![("sendTransaction", Fault::Unanswered), ("getTransaction", Fault::Unavailable)]);
    let count = cases.len() as u64;
    each(cases, async |faults: Vec<(&'static str, Fault)>| buys_once(&fresh, offer, &faults).await).await;
    let sold = fresh.market().offer(&offer).await.unwrap();
    assert_eq!(sold.listed_wh - sold.remaining_wh, 10 * count);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_that_a_node_took_and_denied_is_paid_once() {
    let (fresh, offer) = network().market().await;
    let once = DENIALS.map(|denial| vec![("sendTransaction", Fault::Altered(denial))]);
    let twice = DENIALS.map(|denial| vec![("sendTransaction", Fault::Altered(denial)); 2]);
    each(once.into_iter().chain(twice).collect(), async |faults: Vec<_>| buys_once(&fresh, offer, &faults).await).await;
    let sold = fresh.market().offer(&offer).await.unwrap();
    assert_eq!(sold.sold_wh(), 10 * 2 * DENIALS.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_that_seemed_expired_and_lands_later_is_paid_once() {
    // The node calls the blockhash expired and holds the transaction back. The client signs a second one, and then both
    // reach the chain, the first one first.
    let (fresh, offer) = network().market().await;
    let faults = [("getLatestBlockhash", Fault::Altered(expired_too_early)), ("sendTransaction", Fault::HeldBack)];
    buys_once(&fresh, offer, &faults).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_never_comes_does_not_hold_the_buyer_up() {
    let network = network();
    let (fresh, offer) = network.market().await;
    let proxy = network.proxy().await;
    let member = market::member(&fresh).await.unwrap();
    member.open_lanes(1).await.unwrap();
    let buyer = wallet_behind(&proxy, &member, RpcOptions::default()).with_lanes(1);
    proxy.inject("sendTransaction", Fault::Unanswered, 1);
    let started_at = Instant::now();
    buyer.buy(&PurchaseOrder::exactly(offer, Wh(10), PricePerKwh(500))).await.unwrap();
    assert_eq!(proxy.failed("sendTransaction"), 1);
    // A request may take 30 s; the chain says within seconds that the transaction landed.
    assert!(started_at.elapsed() < Duration::from_secs(15), "{:?}", started_at.elapsed());
    assert_eq!(paid(&fresh, &member).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_dies_after_the_purchase_landed_leaves_a_hash_to_ask_for() {
    let network = network();
    let (fresh, offer) = network.market().await;
    let proxy = network.proxy().await;
    let member = market::member(&fresh).await.unwrap();
    member.open_lanes(1).await.unwrap();
    let patience = Duration::from_secs(4);
    let buyer = wallet_behind(&proxy, &member, RpcOptions { patience, ..IMPATIENT }).with_lanes(1);
    proxy.inject("sendTransaction", Fault::LastWords, 1);
    let refused = buyer.buy(&PurchaseOrder::exactly(offer, Wh(10), PricePerKwh(500))).await.unwrap_err();
    let Error::PurchaseUnknown { transaction_hash, signature, .. } = &refused else { panic!("{refused}") };
    // It was noted before the node got it.
    let status = fresh.chain.statuses(&[*signature.as_deref().expect("something was sent")]).await.unwrap()[0].clone();
    assert!(status.is_some_and(|status| status.error.is_none()), "the transaction that is named landed");
    let sentence = refused.to_string();
    assert!(
        sentence.contains(&transaction_hash.to_string()) && sentence.contains("before you buy again"),
        "{sentence}"
    );
    proxy.heal();
    let market = Market::new(buyer.chain().clone());
    let processed = market.is_transaction_processed(transaction_hash, Some(&buyer.address())).await.unwrap();
    let processed = processed.expect("it landed");
    assert_eq!((processed.energy_wh, processed.paid), (10, 5));
    // The same wallet goes on under the next nonce.
    let next = buyer.buy(&PurchaseOrder::exactly(offer, Wh(20), PricePerKwh(500))).await.unwrap();
    assert_eq!(next.nonce, processed.nonce + 1);
    assert_eq!(paid(&fresh, &member).await, 15);
    assert_sound(&fresh, &[&member]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_gone_before_anything_was_sent_costs_nothing() {
    let network = network();
    let (fresh, offer) = network.market().await;
    let member = market::member(&fresh).await.unwrap();
    member.open_lanes(1).await.unwrap();
    for (fault, said) in [
        (Fault::Garbage, "not JSON-RPC"),
        (Fault::TooManyRequests, "limits requests"),
        (Fault::Unavailable, "try again, or use another node"),
        (Fault::ResetBefore, "try again"),
    ] {
        let proxy = network.proxy().await;
        proxy.inject("*", fault, u32::MAX);
        let patience = Duration::from_secs(2);
        let buyer = wallet_behind(&proxy, &member, RpcOptions { patience, ..IMPATIENT }).with_lanes(1);
        let refused = buyer.buy(&PurchaseOrder::exactly(offer, Wh(10), PricePerKwh(500))).await.unwrap_err();
        let sentence = refused.to_string();
        assert!(matches!(refused, Error::Rpc { .. }), "{sentence}");
        assert!(sentence.contains(&proxy.url) && sentence.contains(said), "{fault:?}: {sentence}");
        assert!(!sentence.contains('\n'), "{sentence}");
    }
    assert_eq!(paid(&fresh, &member).await, 0);
}

/// Offers, batches and locks happen once while faults happen.
async fn trades_once(proxy: &Proxy, fresh: &NetworkMarket, faults: &[(&'static str, Fault)]) {
    let member = market::member(fresh).await.unwrap();
    member.open_lanes(1).await.unwrap();
    let (seller, buyer) =
        (market::member(fresh).await.unwrap(), wallet_behind(proxy, &member, IMPATIENT).with_lanes(1));
    let faulty_seller = wallet_behind(proxy, &seller, IMPATIENT);
    let mut count = 0;
    let mut inject = || {
        for (method, fault) in faults {
            proxy.inject(method, *fault, 1);
        }
        count += 1;
    };
    inject();
    let offer = faulty_seller.offer_create(&fresh.bus, &terms(1_000, 500)).await.unwrap().address;
    inject();
    let item = BatchItem::at_quote(fresh.market().offer(&offer).await.unwrap(), 100);
    assert_eq!(buyer.buy_batch(&BatchOrder::at_quote(vec![item]).unwrap()).await.unwrap().paid, 50);
    inject();
    let lock = buyer.lock_take(&offer, Wh(200), PricePerKwh(500)).await.unwrap().address;
    inject();
    assert_eq!(buyer.lock_settle(&lock).await.unwrap().paid, 100);
    for (method, _) in faults {
        assert_eq!(proxy.failed(method), count, "{faults:?}");
    }
    assert_eq!(paid(fresh, &member).await, 150, "{faults:?}");
    let offers = fresh.market().all_offers(&fresh.bus).await.unwrap();
    let own: Vec<_> = offers.iter().filter(|offer| offer.wallet == seller.address()).collect();
    assert_eq!(own.len(), 1, "{faults:?}");
    assert_eq!((own[0].remaining_wh, own[0].reserved_wh), (700, 0), "{faults:?}");
    seller.offer_cancel(&offer).await.unwrap();
    assert_sound(fresh, &[&member, &seller]).await;
}

/// Bids, their withdrawal, the proof of a price and the settlement happen once while faults happen.
async fn bids_and_clears_once(faults: &[(&'static str, Fault)]) {
    let network = network();
    let (proxy, fresh) = (network.proxy().await, market::found_auctions(network.direct(), 10_000 * SOL).await.unwrap());
    let (seller, buyer) = (market::member(&fresh).await.unwrap(), market::member(&fresh).await.unwrap());
    let clearer = market::member(&fresh).await.unwrap();
    buyer.clone().with_lanes(1).open_lanes(1).await.unwrap();
    seller.seller_open(&fresh.bus).await.unwrap();
    let mut count = 0;
    // Each step has a connection of its own, which has asked for nothing before.
    let mut faulty = |wallet: &Wallet| {
        for (method, fault) in faults {
            proxy.inject(method, *fault, 1);
        }
        count += 1;
        wallet_behind(&proxy, wallet, IMPATIENT).with_lanes(1)
    };
    let now = fresh.chain.clock().await.unwrap().unix_timestamp;
    let order = |window| BidOrder::new(fresh.bus, window, Wh(600), PricePerKwh(500));
    let far = faulty(&buyer).bid(&order(market::window_after(now + 3_600))).await.unwrap();
    assert_eq!((far.deposit, paid(&fresh, &buyer).await), (300, 300), "{faults:?}");
    faulty(&buyer).bid_cancel(&far.address, None).await.unwrap();
    assert_eq!(paid(&fresh, &buyer).await, 0, "{faults:?}");

    let window = market::window_after(fresh.chain.clock().await.unwrap().unix_timestamp + 60);
    faulty(&seller).offer_create(&fresh.bus, &ask(window, 1_000, 300)).await.unwrap();
    let bid = faulty(&buyer).bid(&order(window)).await.unwrap();
    // Others use the same network, so its time is not moved.
    fresh.chain.wait_until(market::gate_of(window)).await.unwrap();
    let cleared = faulty(&clearer).auction_clear(&fresh.bus, window).await.unwrap();
    // More is asked for than bid, so it is the price of the ask.
    assert_eq!((cleared.capacity.price_per_kwh, cleared.capacity.volume_wh), (300, 600), "{faults:?}");
    let settled = faulty(&clearer).auction_settle(&fresh.bus, window).await.unwrap();
    assert!(settled.is_done && settled.waiting.is_empty(), "{faults:?}: {settled:?}");
    for (method, _) in faults {
        assert_eq!(proxy.failed(method), count, "{faults:?}");
    }
    // 600 Wh for 350 per kWh, of it 50 for the grid.
    assert_eq!(paid(&fresh, &buyer).await, 210, "{faults:?}");
    let status = fresh.market().bid_status(&bid.transaction_hash).await.unwrap().expect("the bid was made");
    assert_eq!(status.state, BidProgress::Filled { allotted_wh: 600, paid: 210 }, "{faults:?}");
    assert_eq!(fresh.market().receipts(&buyer.address()).await.unwrap().len(), 2, "{faults:?}");
    assert_sound(&fresh, &[&buyer, &seller, &clearer]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bids_and_their_clearing_happen_once() {
    let cases = vec![
        vec![("sendTransaction", Fault::ResetAfter)],
        vec![("sendTransaction", Fault::Unanswered)],
        vec![("sendTransaction", Fault::Lost)],
        vec![("getLatestBlockhash", Fault::Altered(expired_too_early)), ("sendTransaction", Fault::HeldBack)],
    ];
    each(cases, async |faults: Vec<(&'static str, Fault)>| bids_and_clears_once(&faults).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_dies_while_a_price_is_proven_is_followed_by_another() {
    /// More than one transaction counts.
    const BIDS: u64 = 40;
    let network = network();
    let (proxy, fresh) = (network.proxy().await, market::found_auctions(network.direct(), 10_000 * SOL).await.unwrap());
    let (seller, buyer) = (market::member(&fresh).await.unwrap(), market::member(&fresh).await.unwrap());
    let clearer = market::member(&fresh).await.unwrap();
    let buyer = buyer.with_lanes(4);
    buyer.open_lanes(4).await.unwrap();
    seller.seller_open(&fresh.bus).await.unwrap();
    let window = market::window_after(fresh.chain.clock().await.unwrap().unix_timestamp + 60);
    seller.offer_create(&fresh.bus, &ask(window, 3_000, 300)).await.unwrap();
    let bids = (0..BIDS).map(|number| BidOrder::new(fresh.bus, window, Wh(100), PricePerKwh(400 + number)));
    let placed = join_all(bids.map(|order| {
        let buyer = &buyer;
        async move { buyer.bid(&order).await }
    }));
    for bid in placed.await {
        bid.unwrap();
    }
    fresh.chain.wait_until(market::gate_of(window)).await.unwrap();
    let expected = fresh.market().book(&fresh.bus, window).await.unwrap().cleared();

    let patience = Duration::from_secs(4);
    let dying = wallet_behind(&proxy, &clearer, RpcOptions { patience, ..IMPATIENT });
    // The first transaction lands, and then the node answers nobody.
    proxy.inject("sendTransaction", Fault::LastWords, 1);
    let refused = dying.auction_clear(&fresh.bus, window).await.unwrap_err();
    let sentence = refused.to_string();
    assert!(sentence.contains(&proxy.url) && !sentence.contains('\n'), "{sentence}");
    let cleared = clearer.auction_clear(&fresh.bus, window).await.unwrap();
    assert!(cleared.resumed && cleared.by_this_wallet, "{cleared:?}");
    let proven = Cleared::of(&cleared.capacity).expect("the price is proven");
    assert_eq!((proven.price_per_kwh, proven.volume_wh), (expected.price_per_kwh, expected.volume_wh));
    let settled = clearer.auction_settle(&fresh.bus, window).await.unwrap();
    assert!(settled.is_done && settled.waiting.is_empty(), "{settled:?}");
    assert!(fresh.market().clearings(&fresh.bus).await.unwrap().is_empty());
    assert_sound(&fresh, &[&buyer, &seller, &clearer]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_batches_and_locks_happen_once() {
    for faults in [
        vec![("sendTransaction", Fault::ResetAfter)],
        vec![("sendTransaction", Fault::Unanswered)],
        vec![("getLatestBlockhash", Fault::Altered(expired_too_early)), ("sendTransaction", Fault::HeldBack)],
    ] {
        let network = network();
        let (fresh, _) = network.market().await;
        trades_once(&network.proxy().await, &fresh, &faults).await;
    }
}

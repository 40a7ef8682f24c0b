//! Nodes that take a transaction and answer with anything, that lag behind, or that belong to a public network.

use {
    crate::support::attempts,
    multibus_client::{
        Address, Error, Market, PricePerKwh, Wallet, Wh,
        address::trader,
        chain::{CommitmentLevel, RpcChain, RpcOptions},
        network::{LOCAL_PROGRAM, PUBLIC_NETWORKS},
        purchase::PurchaseOrder,
        send::TransactionOptions,
    },
    multibus_test_support::{
        market::{EmbeddedMarket, FUNDS, terms},
        node::{Lie, TestNode},
    },
    serde_json::{Value, json},
    std::{
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        time::Duration,
    },
};

const QUICK: RpcOptions = RpcOptions { request_timeout: Duration::from_secs(10), patience: Duration::from_millis(500) };

struct Scene {
    fresh: EmbeddedMarket,
    node: Arc<TestNode>,
    buyer: Wallet,
    offer: Address,
}

impl Scene {
    /// A market with an offer of 1 kWh for 500, and a buyer with one open lane behind a node.
    async fn new() -> Self {
        let fresh = EmbeddedMarket::new().await;
        let (node, url) = TestNode::start(&fresh.chain).await;
        let keypair = fresh.funded().await;
        Wallet::new(fresh.chain.clone(), keypair.clone()).open_lanes(1).await.unwrap();
        let chain = Arc::new(RpcChain::with_options(&url, None, CommitmentLevel::Confirmed, QUICK).unwrap());
        let options = TransactionOptions { patience: Duration::from_millis(500), ..attempts(4) };
        let buyer = Wallet::new(chain, keypair).with_lanes(1).with_options(options);
        let offer = fresh.offer(100_000, 500).await;
        let scene = Self { fresh, node, buyer, offer };
        // The wallet knows its lane from here on.
        scene.buyer.buy(&scene.order()).await.unwrap();
        scene
    }

    fn order(&self) -> PurchaseOrder {
        PurchaseOrder::exactly(self.offer, Wh(1_000), PricePerKwh(500))
    }

    /// How many purchases were paid, by tokens and by receipts.
    async fn purchases(&self) -> (u64, usize) {
        let wallet = self.buyer.address();
        let paid = FUNDS - self.fresh.tokens(&wallet).await.unwrap();
        (paid / 500, self.fresh.receipts(&wallet).await)
    }
}

fn http(status: &str, body: &str) -> Lie {
    Lie::Bytes(format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

/// A refusal of JSON-RPC with the transaction's error in it, as of a node that simulates first.
fn preflight(error: &str) -> Lie {
    let data = json!({ "err": error, "logs": [], "accounts": null, "unitsConsumed": 0, "returnData": null });
    let message = "Transaction simulation failed";
    let refusal = json!({ "jsonrpc": "2.0", "id": 0, "error": { "code": -32002, "message": message, "data": data } });
    http("200 OK", &refusal.to_string())
}

/// An answer, with its name.
type Answer = (&'static str, fn() -> Lie);

/// Everything that a node may answer to a transaction that it took.
fn answers() -> Vec<Answer> {
    vec![
        ("a signature that is none", || Lie::Result(json!("nonsense"))),
        ("no result", || Lie::Result(Value::Null)),
        ("a refusal that is final", || Lie::Refusal(-32602, "invalid params".to_owned())),
        ("an unknown method", || Lie::Refusal(-32601, "method not found".to_owned())),
        ("a failed signature", || Lie::Refusal(-32003, "Transaction signature verification failure".to_owned())),
        ("an internal error", || Lie::Refusal(-32603, "internal error".to_owned())),
        ("a node that lags", || Lie::Refusal(-32005, "Node is behind by 150 slots".to_owned())),
        ("an unknown blockhash", || preflight("BlockhashNotFound")),
        ("an unknown fee payer", || preflight("AccountNotFound")),
        ("a refusal of an instruction", || preflight("InvalidAccountForFee")),
        ("a limit", || http("429 Too Many Requests", "")),
        ("a long limit", || http("429 Too Many Requests\r\nretry-after: 600", "")),
        ("a broken server", || http("500 Internal Server Error", "oops")),
        ("a bad gateway", || http("502 Bad Gateway", "<html>")),
        ("a wrong key", || http("401 Unauthorized", "who are you")),
        ("another node", || http("302 Found\r\nlocation: http://127.0.0.1:9/", "")),
        ("a broken connection", || Lie::Bytes(Vec::new())),
        ("half an answer", || Lie::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec())),
        ("nonsense", || http("200 OK", "nonsense")),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_happens_once_whatever_a_node_answers_to_its_transaction() {
    let playing = answers().into_iter().map(|(name, answer)| async move {
        let scene = Scene::new().await;
        scene.node.lies(move |method, _, _| if method == "sendTransaction" { answer() } else { Lie::None });
        let bought = scene.buyer.buy(&scene.order()).await;
        match bought {
            Ok(bought) => assert_eq!(bought.paid, 500, "{name}"),
            Err(error) => panic!("{name}: the chain shows the purchase, and the client says {error}"),
        }
        assert_eq!(scene.purchases().await, (2, 2), "{name}");
    });
    crate::support::side_by_side(playing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_is_listed_once_whatever_a_node_answers_to_its_transaction() {
    let playing = answers().into_iter().map(|(name, answer)| async move {
        let scene = Scene::new().await;
        scene.node.lies(move |method, _, _| if method == "sendTransaction" { answer() } else { Lie::None });
        let listed = scene.buyer.offer_create(&scene.fresh.bus, &terms(1_000, 500)).await;
        let listed = listed.unwrap_or_else(|error| panic!("{name}: {error}"));
        let offers = scene.fresh.market().offers_of(&scene.fresh.bus, &scene.buyer.address()).await.unwrap();
        assert_eq!(offers.iter().map(|offer| offer.address).collect::<Vec<_>>(), [listed.address], "{name}");
    });
    crate::support::side_by_side(playing).await;
}

/// What a node that lags behind does not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hidden {
    /// The lane at all.
    Lane,
    /// The last purchases on the lane.
    Purchases,
}

/// A node that takes a transaction, answers with an error, lets it seem expired, and shows an old state of the lane.
async fn buy_behind_a_lagging_node(hidden: Hidden, answer: fn() -> Lie) -> (Scene, multibus_client::Result<u64>) {
    let scene = Scene::new().await;
    let lane = trader(&scene.buyer.address(), 0);
    let old = multibus_client::chain::Chain::accounts(&*scene.fresh.chain, &[lane]).await.unwrap()[0].clone().unwrap();
    let old = {
        use base64::{Engine, prelude::BASE64_STANDARD};
        BASE64_STANDARD.encode(&old.data)
    };
    let sent = Arc::new(AtomicBool::new(false));
    scene.node.lies(move |method, params, truth| match method {
        "sendTransaction" => {
            sent.store(true, Ordering::Relaxed);
            answer()
        }
        _ if !sent.load(Ordering::Relaxed) => Lie::None,
        "getBlockHeight" => Lie::Result(json!(1u64 << 40)),
        "getSignatureStatuses" => Lie::Result(json!({ "context": { "slot": 1 }, "value": [null] })),
        "getSignaturesForAddress" => Lie::Result(json!([])),
        "getTransaction" => Lie::Result(Value::Null),
        "getMultipleAccounts" => {
            let mut lie = truth.clone();
            for (index, address) in params[0].as_array().unwrap().iter().enumerate() {
                if *address == lane.to_string() {
                    match hidden {
                        Hidden::Lane => lie["value"][index] = Value::Null,
                        Hidden::Purchases => lie["value"][index]["data"][0] = json!(old),
                    }
                }
            }
            Lie::Result(lie)
        }
        _ => Lie::None,
    });
    let bought = scene.buyer.buy(&scene.order()).await.map(|bought| bought.paid);
    (scene, bought)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lags_behind_never_leads_to_a_second_purchase() {
    let cases = answers()
        .into_iter()
        .flat_map(|(name, answer)| [Hidden::Lane, Hidden::Purchases].map(move |hidden| (name, answer, hidden)));
    let playing = cases.map(|(name, answer, hidden)| async move {
        let (scene, bought) = buy_behind_a_lagging_node(hidden, answer).await;
        let error = bought.expect_err("nothing shows the purchase");
        let Error::PurchaseUnknown { signature: Some(_), nonce, .. } = error else {
            panic!("{name}, {hidden:?}: {error}")
        };
        let text = error.to_string();
        assert!(text.contains(&nonce.to_string()) && text.contains("before you buy again"), "{text}");
        assert_eq!(scene.purchases().await, (2, 2), "{name}, {hidden:?}");
        // Once the node has caught up, the hash tells.
        scene.node.lies(|_, _, _| Lie::None);
        let Error::PurchaseUnknown { transaction_hash, .. } = error else { unreachable!() };
        let market = scene.buyer.market();
        let found = market.is_transaction_processed(&transaction_hash, Some(&scene.buyer.address())).await.unwrap();
        assert!(found.is_some_and(|found| found.paid == 500), "{name}, {hidden:?}");
    });
    crate::support::side_by_side(playing).await;
}

#[tokio::test]
async fn what_was_listed_is_told_by_the_transaction_where_the_node_lags() {
    let scene = Scene::new().await;
    let market = scene.fresh.market();
    scene.buyer.seller_open(&scene.fresh.bus).await.unwrap();
    let number = market.seller(&scene.fresh.bus, &scene.buyer.address()).await.unwrap().next_offer;
    let seller = multibus_client::address::seller(&scene.fresh.bus, &scene.buyer.address());
    let offer = multibus_client::address::offer(&seller, number);
    scene.node.lies(move |method, params, truth| match method {
        "getMultipleAccounts" if params[0].as_array().unwrap().contains(&json!(offer.to_string())) => {
            let mut lie = truth.clone();
            lie["value"][0] = Value::Null;
            Lie::Result(lie)
        }
        _ => Lie::None,
    });
    let listed = scene.buyer.offer_create(&scene.fresh.bus, &terms(1_000, 500)).await.unwrap();
    assert_eq!((listed.address, listed.number, listed.terms.energy_wh), (offer, number, 1_000));
    assert_eq!(listed.trades_from, Some(0));
    assert!(scene.buyer.market().offer(&offer).await.is_err(), "the node does not show it yet");
    assert_eq!(market.offers_of(&scene.fresh.bus, &scene.buyer.address()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_address_that_everybody_has_the_key_of_is_refused_on_public_networks() {
    let fresh = EmbeddedMarket::new().await;
    let (node, url) = TestNode::start(&fresh.chain).await;
    // This reaches the same node, and is no loopback address.
    let public = url.replace("127.0.0.1", "0.0.0.0");
    let market = |url: &str| {
        Market::new(Arc::new(RpcChain::with_options(url, None, CommitmentLevel::Confirmed, QUICK).unwrap()))
    };
    for (genesis, network) in PUBLIC_NETWORKS {
        node.lies(move |method, _, _| match method {
            "getGenesisHash" => Lie::Result(json!(genesis)),
            _ => Lie::None,
        });
        let refused = market(&public).buses().await.unwrap_err();
        assert!(matches!(refused, Error::LocalProgram { .. }) && !refused.is_transient(), "{refused}");
        let text = refused.to_string();
        for part in [LOCAL_PROGRAM.to_string().as_str(), network, "MULTIBUS_PROGRAM_ID"] {
            assert!(text.contains(part), "{text}");
        }
        let buyer = Wallet::new(market(&public).chain().clone(), fresh.owner.signer().clone());
        assert!(matches!(buyer.trader_open(0).await, Err(Error::LocalProgram { .. })));
        // A local fork of the network answers the same, on this machine.
        assert_eq!(market(&url).buses().await.unwrap().len(), 1);
    }
    node.lies(|method, _, _| match method {
        "getGenesisHash" => Lie::Result(json!("GH7ome3EiwEr7tu9JuTh2dpYWBJK3z69Xm1ZE3MEE6JC")),
        _ => Lie::None,
    });
    assert_eq!(market(&public).buses().await.unwrap().len(), 1, "a network of somebody's own");
}

//! The client over JSON-RPC: a node that serves the embedded chain, loses transactions and limits requests.

use {
    crate::support::{FUNDS, World, config, terms},
    base64::{Engine, prelude::BASE64_STANDARD},
    futures_util::{SinkExt, StreamExt},
    multibus_client::{
        Address, Error, Keypair, Market, Signature, Wallet,
        chain::{AccountFilter, Chain, CommitmentLevel, EmbeddedChain, RpcChain, VersionedTransaction},
        multibus::error::MultibusError,
        offer::{OfferFilter, OfferSort},
        purchase::{BatchItem, BatchOrder, PurchaseOrder},
        send::{PriorityFee, TransactionOptions},
    },
    serde_json::{Value, json},
    std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    tokio::{
        io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
        net::{TcpListener, TcpStream},
    },
};

/// A node that serves an embedded chain.
struct Node {
    chain: Arc<EmbeddedChain>,
    /// Transactions to accept and lose.
    losses: AtomicU32,
    /// Requests to answer with "too many requests".
    limits: AtomicU32,
    requests: AtomicU32,
}

impl Node {
    async fn start(chain: &Arc<EmbeddedChain>) -> (Arc<Self>, String) {
        let node = Arc::new(Self {
            chain: chain.clone(),
            losses: AtomicU32::new(0),
            limits: AtomicU32::new(0),
            requests: AtomicU32::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = node.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        (node, url)
    }

    /// Serves HTTP requests of one connection until it closes.
    async fn serve(self: Arc<Self>, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        loop {
            let mut length = 0;
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                    return;
                }
                if let Some((name, value)) = line.split_once(':')
                    && name.eq_ignore_ascii_case("content-length")
                {
                    length = value.trim().parse().unwrap();
                }
                if line == "\r\n" {
                    break;
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.unwrap();
            self.requests.fetch_add(1, Ordering::Relaxed);
            let (status, answer) = if take_one(&self.limits) {
                ("429 Too Many Requests\r\nretry-after: 0", String::new())
            } else {
                let request: Value = serde_json::from_slice(&body).unwrap();
                let answer = match self.answer(request["method"].as_str().unwrap(), &request["params"]).await {
                    Ok(result) => json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }),
                    Err((code, message)) => {
                        json!({ "jsonrpc": "2.0", "id": request["id"], "error": { "code": code, "message": message } })
                    }
                };
                ("200 OK", answer.to_string())
            };
            let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n");
            let response = format!("{head}content-length: {}\r\n\r\n{answer}", answer.len());
            if stream.write_all(response.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    async fn answer(&self, method: &str, params: &Value) -> Result<Value, (i64, String)> {
        let chain = &self.chain;
        let clock = chain.clock().await.unwrap();
        let with_context = |value: Value| json!({ "context": { "slot": clock.slot }, "value": value });
        let refuse = |error: Error| (-32002, error.to_string());
        Ok(match method {
            "getMultipleAccounts" => {
                let addresses: Vec<Address> = strings(&params[0]).iter().map(|text| text.parse().unwrap()).collect();
                assert!(addresses.len() <= 100, "a node takes at most 100 addresses");
                let accounts = chain.accounts(&addresses).await.unwrap();
                with_context(accounts.iter().map(|account| account.as_ref().map(encode_account)).collect())
            }
            "getAccountInfo" => {
                let accounts = chain.accounts(&[params[0].as_str().unwrap().parse().unwrap()]).await.unwrap();
                with_context(json!(accounts[0].as_ref().map(encode_account)))
            }
            "getProgramAccounts" => {
                let mut filter = AccountFilter::default();
                let filters = params[1]["filters"].as_array().unwrap();
                assert!(filters.len() <= 4, "a node takes at most four filters");
                for condition in filters {
                    if let Some(size) = condition["dataSize"].as_u64() {
                        filter = filter.size(size as usize);
                    } else {
                        let memcmp = &condition["memcmp"];
                        assert_eq!(memcmp["encoding"], "base64");
                        let bytes = BASE64_STANDARD.decode(memcmp["bytes"].as_str().unwrap()).unwrap();
                        filter = filter.bytes(memcmp["offset"].as_u64().unwrap() as usize, &bytes);
                    }
                }
                let program = params[0].as_str().unwrap().parse().unwrap();
                let accounts = chain.program_accounts(&program, &filter).await.unwrap();
                let keyed = |(address, account): &(Address, multibus_client::Account)| json!({ "pubkey": address.to_string(), "account": encode_account(account) });
                accounts.iter().map(keyed).collect()
            }
            "getLatestBlockhash" => {
                let blockhash = chain.latest_blockhash().await.unwrap();
                with_context(json!({
                    "blockhash": blockhash.hash.to_string(),
                    "lastValidBlockHeight": blockhash.last_valid_block_height,
                }))
            }
            // Height and slot of the embedded chain are the same.
            "getBlockHeight" => json!(clock.slot),
            "simulateTransaction" => {
                assert_eq!(params[1]["replaceRecentBlockhash"], true);
                let simulation = chain.simulate(&transaction(&params[0])).await.unwrap();
                with_context(json!({
                    "err": simulation.error,
                    "logs": simulation.logs,
                    "unitsConsumed": simulation.compute_units,
                }))
            }
            "sendTransaction" => {
                assert_eq!(params[1]["skipPreflight"], true);
                let transaction = transaction(&params[0]);
                if !take_one(&self.losses) {
                    match chain.send(&transaction).await {
                        // A node passes on what it cannot know to be in vain.
                        Ok(_) | Err(Error::Transaction { .. } | Error::Program(_)) => {}
                        Err(error) => return Err(refuse(error)),
                    }
                }
                json!(transaction.signatures[0].to_string())
            }
            "getSignatureStatuses" => {
                let signatures: Vec<Signature> = strings(&params[0]).iter().map(|text| text.parse().unwrap()).collect();
                assert!(signatures.len() <= 256, "a node takes at most 256 signatures");
                let statuses = chain.statuses(&signatures).await.unwrap();
                let status = |status: &multibus_client::chain::SignatureStatus| {
                    let result = match &status.error {
                        None => json!({ "Ok": null }),
                        Some(error) => json!({ "Err": error }),
                    };
                    json!({
                        "slot": status.slot,
                        "confirmations": null,
                        "status": result,
                        "err": status.error,
                        "confirmationStatus": "finalized",
                    })
                };
                with_context(statuses.iter().map(|known| known.as_ref().map(status)).collect())
            }
            "getTransaction" => {
                assert_eq!(params[1]["maxSupportedTransactionVersion"], 0);
                let record = chain.transaction(&params[0].as_str().unwrap().parse().unwrap()).await.unwrap();
                let encode = |record: multibus_client::chain::TransactionRecord| {
                    let result = match &record.error {
                        None => json!({ "Ok": null }),
                        Some(error) => json!({ "Err": error }),
                    };
                    json!({
                        "slot": record.slot,
                        "blockTime": record.block_time,
                        "version": 0,
                        "transaction": ["", "base64"],
                        "meta": {
                            "err": record.error,
                            "status": result,
                            "fee": record.fee,
                            "preBalances": [],
                            "postBalances": [],
                            "innerInstructions": [],
                            "logMessages": record.logs,
                            "computeUnitsConsumed": record.compute_units,
                        },
                    })
                };
                json!(record.map(encode))
            }
            "getSignaturesForAddress" => {
                let before = params[1]["before"].as_str().map(|text| text.parse().unwrap());
                let limit = params[1]["limit"].as_u64().unwrap() as usize;
                assert!(limit <= 1_000, "a node gives at most 1,000 signatures");
                let address = params[0].as_str().unwrap().parse().unwrap();
                let found = chain.signatures_for(&address, before, limit).await.unwrap();
                let encode = |info: &multibus_client::chain::SignatureInfo| {
                    json!({
                        "signature": info.signature.to_string(),
                        "slot": info.slot,
                        "err": info.error,
                        "memo": null,
                        "blockTime": info.block_time,
                        "confirmationStatus": "finalized",
                    })
                };
                found.iter().map(encode).collect()
            }
            "getMinimumBalanceForRentExemption" => {
                json!(chain.minimum_rent(params[0].as_u64().unwrap() as usize).await.unwrap())
            }
            "getRecentPrioritizationFees" => {
                json!([10, 30, 20].map(|fee| json!({ "slot": clock.slot, "prioritizationFee": fee })))
            }
            _ => return Err((-32601, format!("Method not found: {method}"))),
        })
    }
}

fn take_one(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

fn transaction(encoded: &Value) -> VersionedTransaction {
    bincode::deserialize(&BASE64_STANDARD.decode(encoded.as_str().unwrap()).unwrap()).unwrap()
}

fn encode_account(account: &multibus_client::Account) -> Value {
    json!({
        "lamports": account.lamports,
        "data": [BASE64_STANDARD.encode(&account.data), "base64"],
        "owner": account.owner.to_string(),
        "executable": account.executable,
        "rentEpoch": account.rent_epoch,
        "space": account.data.len(),
    })
}

/// A world whose buyer and seller reach the chain over JSON-RPC.
async fn over_rpc() -> (World, Arc<Node>, Wallet, Wallet) {
    let world = World::new().await;
    let (node, url) = Node::start(&world.chain).await;
    let connect = || Arc::new(RpcChain::new(&url, None, CommitmentLevel::Confirmed).unwrap());
    let seller = Wallet::new(connect(), world.owner.signer().clone());
    let buyer = Wallet::new(connect(), world.funded().await);
    (world, node, seller, buyer)
}

#[tokio::test]
async fn the_market_works_over_rpc() {
    let (world, _node, seller, buyer) = over_rpc().await;
    let bus = seller.bus_create(1, &world.mint, &config(&seller)).await.unwrap().address;
    let offer = seller.offer_create(&bus, &terms(1_000, 500)).await.unwrap();
    assert!(offer.sent.compute_units > 0 && offer.sent.fee >= 5_000);
    let market = buyer.market();
    assert_eq!(market.bus(&bus).await.unwrap().name(), "Sunny Lane");
    let found = market.active_offers(&bus, &OfferFilter::default(), OfferSort::Price).await.unwrap();
    assert_eq!(found[0].address, offer.address);
    let bought = buyer.buy(&PurchaseOrder::exactly(offer.address, 300, 500)).await.unwrap();
    assert_eq!((bought.energy_wh, bought.paid, bought.fills.len()), (300, 150, 1));
    let order =
        BatchOrder::at_quote(vec![BatchItem::at_quote(market.offer(&offer.address).await.unwrap(), 100)]).unwrap();
    buyer.buy_batch(&order).await.unwrap();
    let lock = buyer.lock_take(&offer.address, 200, 500).await.unwrap().address;
    buyer.lock_settle(&lock).await.unwrap();
    let history = market.history(&buyer.address(), bought.lane).await.unwrap();
    assert!(history.is_verified(), "{:?}", history.flaws);
    assert_eq!(world.tokens(&buyer.address()).await, FUNDS - 300);
    let refused = buyer.buy(&PurchaseOrder::exactly(offer.address, 401, 500)).await.unwrap_err();
    assert!(matches!(refused, Error::BeyondLimits(_)), "{refused}");
    let refused = buyer.offer_cancel(&offer.address).await.unwrap_err();
    assert_eq!(refused.multibus(), Some(MultibusError::OfferStillTrading));
    assert_eq!(market.chain().clock().await.unwrap(), world.chain.clock().await.unwrap());
}

#[tokio::test]
async fn a_lost_transaction_is_submitted_again() {
    let (world, node, seller, buyer) = over_rpc().await;
    let offer = seller.offer_create(&world.bus, &terms(1_000, 500)).await.unwrap().address;
    buyer.open_lanes(1).await.unwrap();
    node.losses.store(1, Ordering::Relaxed);
    let bought = buyer.buy(&PurchaseOrder::exactly(offer, 1_000, 500)).await.unwrap();
    assert_eq!((bought.paid, bought.attempts), (500, 1));
    assert_eq!(world.receipts(&buyer.address()).await, 1);
}

#[tokio::test]
async fn an_expired_transaction_is_signed_again_under_the_same_nonce() {
    let (world, node, seller, buyer) = over_rpc().await;
    let offer = seller.offer_create(&world.bus, &terms(1_000, 500)).await.unwrap().address;
    buyer.open_lanes(1).await.unwrap();
    let nonce = world.market().trader(&buyer.address(), 0).await.unwrap().unwrap().next_nonce;
    node.losses.store(1, Ordering::Relaxed);
    let chain = world.chain.clone();
    let order = PurchaseOrder::exactly(offer, 1_000, 500);
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
    assert_eq!(world.tokens(&buyer.address()).await, FUNDS - 500);
}

#[tokio::test]
async fn many_purchases_in_flight_share_their_questions() {
    let (world, node, seller, buyer) = over_rpc().await;
    let offer = seller.offer_create(&world.bus, &terms(100_000, 500)).await.unwrap().address;
    let buyer = buyer.with_lanes(16);
    buyer.open_lanes(16).await.unwrap();
    let before = node.requests.load(Ordering::Relaxed);
    let order = PurchaseOrder::exactly(offer, 100, 500);
    let bought = futures_util::future::join_all((0..48).map(|_| buyer.buy(&order))).await;
    assert!(bought.iter().all(|bought| bought.as_ref().is_ok_and(|bought| bought.paid == 50)));
    let per_purchase = (node.requests.load(Ordering::Relaxed) - before) / 48;
    assert!(per_purchase < 12, "{per_purchase} requests for each purchase");
    assert_eq!(world.tokens(&buyer.address()).await, FUNDS - 48 * 50);
}

#[tokio::test]
async fn a_percentile_of_recent_fees_is_paid() {
    let (world, _node, seller, _buyer) = over_rpc().await;
    let options = |priority_fee| TransactionOptions { priority_fee, ..TransactionOptions::default() };
    let plain = seller.clone().offer_create(&world.bus, &terms(10, 500)).await.unwrap();
    assert_eq!(plain.sent.fee, 5_000);
    let dear = seller.with_options(options(PriorityFee::Percentile(100)));
    let sent = dear.offer_create(&world.bus, &terms(10, 500)).await.unwrap().sent;
    // 30 micro-lamports for each compute unit, rounded up to a lamport.
    assert!(sent.fee > 5_000 && sent.fee < 5_010, "{}", sent.fee);
    let fixed = dear.with_options(options(PriorityFee::Fixed(1_000_000)));
    assert!(fixed.offer_create(&world.bus, &terms(10, 500)).await.unwrap().sent.fee > 6_000);
}

#[tokio::test]
async fn a_node_that_limits_requests_is_waited_for() {
    let (world, node, seller, _buyer) = over_rpc().await;
    node.limits.store(2, Ordering::Relaxed);
    assert_eq!(seller.market().bus(&world.bus).await.unwrap().name(), "Sunny Lane");
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
async fn a_method_that_a_node_lacks_is_not_asked_for_again() {
    let (world, _node, seller, _buyer) = over_rpc().await;
    let refused = seller.chain().airdrop(&world.bus, 1).await.unwrap_err();
    assert!(refused.to_string().contains("use another node") && !refused.is_transient(), "{refused}");
}

/// Serves one subscription to logs over a websocket, and closes it after so many notifications.
async fn serve_logs(chain: Arc<EmbeddedChain>, listener: TcpListener, notifications: usize) {
    let (stream, _) = listener.accept().await.unwrap();
    let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
    let request: Value = serde_json::from_str(socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap();
    assert_eq!(request["method"], "logsSubscribe");
    assert_eq!(request["params"][1]["commitment"], "confirmed");
    let mentions = request["params"][0]["mentions"][0].as_str().unwrap().parse().unwrap();
    let mut logs = chain.subscribe_logs(&mentions).await.unwrap();
    let answer = json!({ "jsonrpc": "2.0", "result": 7, "id": request["id"] });
    socket.send(answer.to_string().into()).await.unwrap();
    for _ in 0..notifications {
        let notification = logs.next().await.unwrap().unwrap();
        let value = json!({ "signature": notification.signature.to_string(), "err": notification.error, "logs": notification.logs });
        let result = json!({ "context": { "slot": notification.slot }, "value": value });
        let text = json!({
            "jsonrpc": "2.0",
            "method": "logsNotification",
            "params": { "result": result, "subscription": 7 },
        });
        socket.send(text.to_string().into()).await.unwrap();
    }
    socket.close(None).await.unwrap();
}

#[tokio::test]
async fn events_arrive_by_subscription_and_a_lost_connection_is_told() {
    let (world, _node, seller, buyer) = over_rpc().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let websocket_url = format!("ws://{}", listener.local_addr().unwrap());
    tokio::spawn(serve_logs(world.chain.clone(), listener, 3));
    let chain = RpcChain::new("http://127.0.0.1:1", Some(&websocket_url), CommitmentLevel::Confirmed).unwrap();
    let mut logs = chain.subscribe_logs(&multibus_client::multibus::ID).await.unwrap();
    let offer = seller.offer_create(&world.bus, &terms(1_000, 500)).await.unwrap();
    buyer.buy(&PurchaseOrder::exactly(offer.address, 100, 500)).await.unwrap();
    let mut heard = Vec::new();
    for _ in 0..3 {
        let notification = logs.next().await.unwrap().unwrap();
        heard.extend(notification.events().iter().map(|event| event.name()));
        if heard.len() == 1 {
            assert_eq!((notification.signature, notification.slot), (offer.sent.signature, offer.sent.slot));
        }
    }
    assert_eq!(heard, ["OfferCreated", "TraderOpened", "EnergyPurchased"]);
    let lost = logs.next().await.unwrap().unwrap_err().to_string();
    assert!(lost.contains(&websocket_url) && lost.contains("connection closed"), "{lost}");
    assert!(logs.next().await.is_none());
}

//! A node for tests: the embedded chain behind JSON-RPC and websockets.

use {
    base64::{Engine, prelude::BASE64_STANDARD},
    futures_util::{SinkExt, StreamExt, stream},
    multibus_client::{
        Account, Address, Error, Signature,
        chain::{
            AccountFilter, Chain, EmbeddedChain, SignatureInfo, SignatureStatus, TransactionRecord,
            VersionedTransaction,
        },
    },
    serde_json::{Value, json},
    std::sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    tokio::{
        io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
        net::{TcpListener, TcpStream},
        sync::Notify,
    },
};

/// What a hostile node answers.
#[derive(Clone, Debug)]
pub enum Lie {
    /// The truth.
    None,
    /// This as the result.
    Result(Value),
    /// A refusal with a number and a message.
    Refusal(i64, String),
    /// These bytes in place of an HTTP response.
    Bytes(Vec<u8>),
    /// The head of an HTTP response, and then these bytes without end.
    Endless(String, Vec<u8>),
}

/// Turns a method, its parameters and its true result into a lie.
type Twist = Box<dyn Fn(&str, &Value, &Value) -> Lie + Send>;

/// A node that serves an embedded chain.
pub struct TestNode {
    chain: Arc<EmbeddedChain>,
    /// Transactions to accept and lose.
    pub losses: AtomicU32,
    /// Requests to answer with "too many requests".
    pub limits: AtomicU32,
    /// Requests that were answered.
    pub requests: AtomicU32,
    /// Whether airdrops are refused, as on the main network.
    pub lacks_airdrops: AtomicBool,
    /// Closes every websocket.
    pub hang_up: Notify,
    /// Tells every websocket that asked that a slot is confirmed.
    pub confirms: Notify,
    twist: Mutex<Twist>,
}

impl TestNode {
    /// Starts a node; returns it and its URL. Subscriptions are served at the next port, as by a validator.
    pub async fn start(chain: &Arc<EmbeddedChain>) -> (Arc<Self>, String) {
        let node = Arc::new(Self {
            chain: chain.clone(),
            losses: AtomicU32::new(0),
            limits: AtomicU32::new(0),
            requests: AtomicU32::new(0),
            lacks_airdrops: AtomicBool::new(false),
            hang_up: Notify::new(),
            confirms: Notify::new(),
            twist: Mutex::new(Box::new(|_, _, _| Lie::None)),
        });
        let (listener, websockets) = loop {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let next = listener.local_addr().unwrap().port().wrapping_add(1);
            if let Ok(websockets) = TcpListener::bind(("127.0.0.1", next)).await {
                break (listener, websockets);
            }
        };
        let url = format!("http://{}", listener.local_addr().unwrap());
        let subscribed = node.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = websockets.accept().await {
                tokio::spawn(subscribed.clone().serve_subscriptions(stream));
            }
        });
        let serving = node.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        (node, url)
    }

    /// Makes the node lie from now on.
    pub fn lies(&self, twist: impl Fn(&str, &Value, &Value) -> Lie + Send + 'static) {
        *self.twist.lock().unwrap() = Box::new(twist);
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
                let (method, params) = (request["method"].as_str().unwrap(), &request["params"]);
                let truth = self.answer(method, params).await;
                let lie = (self.twist.lock().unwrap())(method, params, truth.as_ref().unwrap_or(&Value::Null));
                let answer = match lie {
                    Lie::None => truth,
                    Lie::Result(result) => Ok(result),
                    Lie::Refusal(code, message) => Err((code, message)),
                    Lie::Bytes(bytes) => {
                        let _ = stream.write_all(&bytes).await;
                        return;
                    }
                    Lie::Endless(head, bytes) => {
                        let _ = stream.write_all(head.as_bytes()).await;
                        while stream.write_all(&bytes).await.is_ok() {}
                        return;
                    }
                };
                let answer = match answer {
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

    /// Serves subscriptions to logs and to slots on one websocket until it closes.
    async fn serve_subscriptions(self: Arc<Self>, stream: TcpStream) {
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        let mut logs = stream::SelectAll::new();
        let mut subscriptions = 0;
        let mut of_slots = None;
        loop {
            let text = tokio::select! {
                () = self.hang_up.notified() => {
                    let _ = socket.close(None).await;
                    return;
                }
                message = socket.next() => {
                    let Some(Ok(message)) = message else { return };
                    let Ok(request) = serde_json::from_slice::<Value>(&message.into_data()) else { continue };
                    let result = if request["method"] == "logsSubscribe" {
                        let mentions = request["params"][0]["mentions"][0].as_str().unwrap().parse().unwrap();
                        subscriptions += 1;
                        let subscription = subscriptions;
                        let of_address = self.chain.subscribe_logs(&mentions).await.unwrap();
                        logs.push(of_address.map(move |notification| (subscription, notification.unwrap())));
                        json!(subscription)
                    } else if request["method"] == "slotsUpdatesSubscribe" {
                        subscriptions += 1;
                        of_slots = Some(subscriptions);
                        json!(subscriptions)
                    } else {
                        json!(true)
                    };
                    json!({ "jsonrpc": "2.0", "result": result, "id": request["id"] })
                }
                () = self.confirms.notified() => {
                    let Some(subscription) = of_slots else { continue };
                    let result = json!({ "type": "optimisticConfirmation", "slot": 1, "timestamp": 1 });
                    let params = json!({ "result": result, "subscription": subscription });
                    json!({ "jsonrpc": "2.0", "method": "slotsUpdatesNotification", "params": params })
                }
                Some((subscription, notification)) = logs.next() => {
                    let (signature, err) = (notification.signature.to_string(), notification.error);
                    let value = json!({ "signature": signature, "err": err, "logs": notification.logs });
                    let result = json!({ "context": { "slot": notification.slot }, "value": value });
                    let params = json!({ "result": result, "subscription": subscription });
                    json!({ "jsonrpc": "2.0", "method": "logsNotification", "params": params })
                }
            };
            if socket.send(text.to_string().into()).await.is_err() {
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
                let keyed = |(address, account): &(Address, Account)| json!({ "pubkey": address.to_string(), "account": encode_account(account) });
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
                        // A node passes on a transaction that will fail.
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
                let status = |status: &SignatureStatus| {
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
                let encode = |record: TransactionRecord| {
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
                let encode = |info: &SignatureInfo| {
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
            "requestAirdrop" if !self.lacks_airdrops.load(Ordering::Relaxed) => {
                let address = params[0].as_str().unwrap().parse().unwrap();
                chain.airdrop(&address, params[1].as_u64().unwrap()).await.map_err(refuse)?;
                json!(chain.signatures_for(&address, None, 1).await.unwrap()[0].signature.to_string())
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

fn encode_account(account: &Account) -> Value {
    json!({
        "lamports": account.lamports,
        "data": [BASE64_STANDARD.encode(&account.data), "base64"],
        "owner": account.owner.to_string(),
        "executable": account.executable,
        "rentEpoch": account.rent_epoch,
        "space": account.data.len(),
    })
}

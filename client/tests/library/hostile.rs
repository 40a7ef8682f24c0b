//! The client under attack: a node that lies in every answer, accounts with any bytes, logs of other programs. The
//! client must not panic, show a wrong figure or pay twice, and must say what is wrong.

use {
    crate::{
        auction::Fair,
        delivery::Street,
        support::{attempts, side_by_side},
    },
    anchor_lang::Discriminator,
    base64::{Engine, prelude::BASE64_STANDARD},
    multibus_client::{
        Account, Address, Error, Keyed, Keypair, Market, PricePerKwh, Signer, Wallet, Wh,
        account::{MarketAccount, decode},
        auction::{Cleared, Order, Side, phase_name},
        bid::Bid,
        bus::{Bus, Ledger},
        capacity::Capacity,
        certificate::{Certificate, certifiable_of_bid, certifiable_of_buyer, certifiable_of_seller},
        chain::{Chain, CommitmentLevel, RpcChain, RpcOptions},
        claim::Claim,
        clearing::{Clearing, clearing_open, clearing_tally},
        delivery::{DeliveryBook, deliveries, refundable, releasable},
        event::{self, EnergyPurchased, Event, OfferRepriced, PurchasedFill},
        lock::{Lock, LockState},
        meter::{Device, Meter},
        multibus::{self, math, state::ProposalAction},
        offer::{Offer, OfferFilter, OfferSort, is_tradable},
        position::{PositionBook, position_deliveries},
        proposal::{Proposal, ProposalStatus, changes},
        purchase::{PurchaseOrder, TransactionHash},
        reading::MeterIdentity,
        router::{self, RouterOffer, RouterWant},
        seller::{Seller, SellerMoney, may_list},
        send::{MAX_RECENT_PRICE, PriorityFee, TransactionOptions},
        terms::SettlementTime,
        text::is_hidden,
        token::create_mint,
        trader::Trader,
        treasury::Treasury,
    },
    multibus_test_support::{
        market::{EmbeddedMarket, FUNDS, open_bus, terms},
        node::{Lie, TestNode},
    },
    proptest::prelude::*,
    serde_json::{Value, json},
    std::{
        sync::Arc,
        time::{Duration, Instant},
    },
};

const QUICK: RpcOptions = RpcOptions { request_timeout: Duration::from_secs(10), patience: Duration::from_millis(150) };

/// A market with an offer, a buyer with one lane, and the node between them.
struct HostileMarket {
    fresh: EmbeddedMarket,
    node: Arc<TestNode>,
    url: String,
    buyer: Wallet,
    offer: Address,
}

impl HostileMarket {
    async fn new() -> Self {
        let fresh = EmbeddedMarket::new().await;
        let (node, url) = TestNode::start(&fresh.chain).await;
        let keypair = fresh.funded().await;
        Wallet::new(fresh.chain.clone(), keypair.clone()).open_lanes(1).await.unwrap();
        // This chain has cached nothing yet, no blockhash either.
        let chain = Arc::new(RpcChain::with_options(&url, None, CommitmentLevel::Confirmed, QUICK).unwrap());
        let options = TransactionOptions { patience: Duration::from_millis(300), ..attempts(3) };
        let buyer = Wallet::new(chain, keypair).with_lanes(1).with_options(options);
        let offer = fresh.offer(1_000, 500).await;
        Self { fresh, node, url, buyer, offer }
    }

    fn market(&self) -> &Market {
        self.buyer.market()
    }

    fn chain(&self) -> &Arc<dyn Chain> {
        self.buyer.chain()
    }

    /// Answers one method with what `twist` makes of the true result.
    fn lies_about(&self, method: &'static str, twist: impl Fn(&Value) -> Value + Send + 'static) {
        self.node.lies(move |asked, _, truth| if asked == method { Lie::Result(twist(truth)) } else { Lie::None });
    }

    async fn paid(&self) -> u64 {
        FUNDS - self.fresh.tokens(&self.buyer.address()).await.unwrap()
    }
}

fn refused<T>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => panic!("the lie was believed"),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn assert_says(sentence: &str, part: &str) {
    assert!(sentence.contains(part), "\"{sentence}\" does not say \"{part}\"");
}

/// Results that no method has.
fn nonsense() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(1e300),
        json!("\u{1b}[2J\u{202e}"),
        json!([]),
        json!([[[[]]]]),
        json!({}),
        json!({ "context": {}, "value": {} }),
        json!({ "context": { "slot": -5 }, "value": null }),
        json!({ "context": { "slot": 1 }, "value": [{ "lamports": "many" }] }),
        json!({ "context": { "slot": u64::MAX }, "value": [null, null, null, null] }),
        json!({ "context": { "slot": 1 }, "value": { "blockhash": "rubbish", "lastValidBlockHeight": 1 } }),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_the_wrong_shape_are_errors_and_never_panics() {
    side_by_side(nonsense().into_iter().map(survives)).await;
}

/// Sends every kind of request to a node that gives this answer to each.
async fn survives(result: Value) {
    let hostile = HostileMarket::new().await;
    let (bus, wallet) = (hostile.fresh.bus, hostile.buyer.address());
    let answer = result.clone();
    hostile.node.lies(move |_, _, _| Lie::Result(answer.clone()));
    let (market, chain, hash) = (hostile.market(), hostile.chain(), TransactionHash([7; 32]));
    let order = PurchaseOrder::exactly(hostile.offer, Wh(10), PricePerKwh(500));
    let impossible = tokio::join!(
        market.bus(&bus),
        market.offer(&hostile.offer),
        market.token_balance(&wallet),
        market.mint(&hostile.fresh.mint),
        chain.clock(),
        chain.latest_blockhash(),
        hostile.buyer.buy(&order),
    );
    let (bus_read, offer, balance, mint, clock, blockhash, bought) = impossible;
    assert!(bus_read.is_err() && offer.is_err() && balance.is_err() && mint.is_err(), "{result}");
    assert!(clock.is_err() && blockhash.is_err() && bought.is_err(), "{result}");
    // For these, an empty list or nothing is a valid answer.
    let (any, writable) = (OfferFilter::default(), [bus]);
    let possible = tokio::join!(
        market.buses(),
        market.active_offers(&bus, &any, OfferSort::Price),
        market.history(&wallet, 0),
        market.is_transaction_processed(&hash, Some(&wallet)),
        market.trader(&wallet, 0),
        chain.recent_priority_fees(&writable),
    );
    let (buses, offers, history, processed, trader, fees) = possible;
    let errors = [buses.err(), offers.err(), history.err(), processed.err(), trader.err(), fees.err()];
    for error in errors.into_iter().flatten() {
        assert!(error.to_string().chars().count() < 2_000, "{error}");
    }
    assert_eq!(hostile.paid().await, 0);
}

#[tokio::test]
async fn an_account_is_what_was_asked_for_or_an_error() {
    let hostile = HostileMarket::new().await;
    let encoded = |change: fn(&mut Value)| {
        move |truth: &Value| {
            let mut lie = truth.clone();
            change(&mut lie["value"][0]);
            lie
        }
    };
    type Change = fn(&mut Value);
    let cases: [(&str, Change); 12] = [
        ("its owner is", |account| account["owner"] = json!("11111111111111111111111111111111")),
        ("no address as its owner", |account| account["owner"] = json!("=HYPERLINK(0)")),
        ("an encoding that was not asked for", |account| account["data"] = json!("3yZe7d")),
        ("an encoding that was not asked for", |account| account["data"][1] = json!("base64+zstd")),
        ("an encoding that was not asked for", |account| account["data"][1] = json!("base58")),
        ("an encoding that was not asked for", |account| {
            account["data"] = json!({ "program": "x", "parsed": {}, "space": 5 });
        }),
        ("no base64", |account| account["data"][0] = json!("%%%")),
        ("it is an account of another kind", |account| account["data"][0] = json!("")),
        ("it is an account of another kind", |account| {
            change_data(account, |data| data[..8].copy_from_slice(Lock::DISCRIMINATOR));
        }),
        ("bytes, not 1368", |account| change_data(account, |data| data.truncate(data.len() - 1))),
        ("bytes, not 1368", |account| change_data(account, |data| data.push(0))),
        ("layout version is 200", |account| change_data(account, |data| data[8] = 200)),
    ];
    for (said, change) in cases {
        hostile.lies_about("getMultipleAccounts", encoded(change));
        assert_says(&refused(hostile.market().bus(&hostile.fresh.bus).await), said);
    }
    // Nothing that is shown depends on lamports.
    hostile.lies_about("getMultipleAccounts", encoded(|account| account["lamports"] = json!(u64::MAX)));
    assert_eq!(hostile.market().bus(&hostile.fresh.bus).await.unwrap().name(), "Sunny Lane");

    // Too few, too many.
    for count in [0usize, 2, 3] {
        hostile.lies_about("getMultipleAccounts", move |truth| {
            let account = truth["value"][0].clone();
            json!({ "context": truth["context"], "value": vec![account; count] })
        });
        assert_says(&refused(hostile.market().bus(&hostile.fresh.bus).await), &format!("{count} accounts where 1"));
    }
}

fn change_data(account: &mut Value, change: fn(&mut Vec<u8>)) {
    let mut data = BASE64_STANDARD.decode(account["data"][0].as_str().unwrap()).unwrap();
    change(&mut data);
    account["data"][0] = json!(BASE64_STANDARD.encode(data));
}

#[tokio::test]
async fn an_account_of_another_address_is_not_the_one_asked_for() {
    let hostile = HostileMarket::new().await;
    let other = hostile.fresh.offer(77, 900).await;
    let chain = hostile.fresh.chain.clone();
    let account = chain.accounts(&[other]).await.unwrap().remove(0).unwrap();
    let data = BASE64_STANDARD.encode(&account.data);
    hostile.lies_about("getMultipleAccounts", move |truth| {
        let mut lie = truth.clone();
        lie["value"][0]["data"][0] = json!(data);
        lie
    });
    assert_says(&refused(hostile.market().offer(&hostile.offer).await), &other.to_string());
}

#[tokio::test]
async fn a_list_has_what_was_asked_for_and_each_once() {
    let hostile = HostileMarket::new().await;
    let (fresh, bus) = (&hostile.fresh, hostile.fresh.bus);
    let other_bus = fresh.owner.bus_create(&fresh.mint, &open_bus(&fresh.owner)).await.unwrap().address;
    let elsewhere = fresh.owner.offer_create(&other_bus, &terms(50, 100)).await.unwrap().address;
    let account = fresh.chain.accounts(&[elsewhere]).await.unwrap().remove(0).unwrap();
    let stranger = json!({ "pubkey": elsewhere.to_string(), "account": encode(&account) });
    let offers = || async { hostile.market().all_offers(&bus).await };
    assert_eq!(offers().await.unwrap().len(), 1);

    hostile.lies_about("getProgramAccounts", move |truth| {
        let mut list = truth.as_array().unwrap().clone();
        list.push(stranger.clone());
        json!(list)
    });
    assert_says(&refused(offers().await), "a list that it does not belong to");

    hostile.lies_about("getProgramAccounts", |truth| json!(vec![truth[0].clone(); 5_000]));
    assert_says(&refused(offers().await), "twice in one list");

    hostile.lies_about("getProgramAccounts", |truth| {
        let mut list = truth.clone();
        list[0]["account"]["owner"] = json!(multibus::token::SPL_TOKEN_ID.to_string());
        list
    });
    assert_says(&refused(offers().await), "a list that it does not belong to");

    hostile.lies_about("getProgramAccounts", |truth| {
        let mut list = truth.clone();
        list[0]["pubkey"] = json!("not an address \u{1b}]0;evil\u{7}");
        list
    });
    assert!(offers().await.is_err());
}

fn encode(account: &Account) -> Value {
    json!({
        "lamports": account.lamports,
        "data": [BASE64_STANDARD.encode(&account.data), "base64"],
        "owner": account.owner.to_string(),
        "executable": false,
        "rentEpoch": 0,
        "space": account.data.len(),
    })
}

#[tokio::test]
async fn a_balance_is_read_from_a_token_account_and_decimals_from_a_mint() {
    let hostile = HostileMarket::new().await;
    let settlement = hostile.market().settlement(&hostile.fresh.bus).await.unwrap();
    let account = settlement.token_account(&hostile.buyer.address());
    assert_eq!(hostile.market().token_balance(&account).await.unwrap(), FUNDS);
    let raw = hostile.fresh.chain.accounts(&[account, hostile.fresh.mint]).await.unwrap();
    let [tokens, mint] = [0, 1].map(|index| raw[index].as_ref().unwrap().data.clone());
    // Each at the place of the other, and lengths and states that neither has.
    let uninitialised = {
        let mut data = tokens.clone();
        data[108] = 0;
        data
    };
    let multisig = vec![1; 355];
    let typed = |data: &[u8], kind: u8| {
        let mut data = data.to_vec();
        data.resize(165, 0);
        data.extend([kind, 0]);
        data
    };
    let no_balance =
        [mint.clone(), Vec::new(), tokens[..72].to_vec(), uninitialised, multisig.clone(), typed(&mint, 1)];
    let no_mint = [tokens.clone(), mint[..81].to_vec(), vec![0; 82], multisig, typed(&tokens, 2), vec![255; 166]];
    let serve = |data: Vec<u8>| {
        hostile.lies_about("getMultipleAccounts", move |truth| {
            let mut lie = truth.clone();
            lie["value"][0]["data"][0] = json!(BASE64_STANDARD.encode(&data));
            lie
        });
    };
    for data in no_balance {
        let length = data.len();
        serve(data);
        assert_says(&refused(hostile.market().token_balance(&account).await), &format!("in {length} bytes"));
    }
    for data in no_mint {
        let length = data.len();
        serve(data);
        assert_says(&refused(hostile.market().mint(&hostile.fresh.mint).await), &format!("in {length} bytes"));
    }
}

#[tokio::test]
async fn absurd_numbers_are_not_passed_on() {
    let hostile = HostileMarket::new().await;
    let chain = hostile.chain();
    for (offset, word) in [(32, i64::MIN), (32, i64::MAX), (32, -1), (0, -1)] {
        hostile.lies_about("getMultipleAccounts", move |truth| {
            let mut lie = truth.clone();
            let mut data = BASE64_STANDARD.decode(lie["value"][0]["data"][0].as_str().unwrap()).unwrap();
            data[offset..offset + 8].copy_from_slice(&word.to_le_bytes());
            lie["value"][0]["data"][0] = json!(BASE64_STANDARD.encode(data));
            lie
        });
        assert_says(&refused(chain.clock().await), "are of no chain");
    }
    hostile.lies_about("getLatestBlockhash", |truth| {
        let mut lie = truth.clone();
        lie["value"]["lastValidBlockHeight"] = json!(u64::MAX);
        lie
    });
    assert_says(&refused(chain.latest_blockhash().await), "which no chain reaches");

    // A rent that would lock up the wallet's SOL in an account.
    hostile.lies_about("getMinimumBalanceForRentExemption", |_| json!(50_000_000_000u64));
    assert_says(&refused(chain.minimum_rent(82).await), "are no rent for 82 bytes");
    assert_says(&refused(hostile.buyer.mint_create(6, &multibus::token::SPL_TOKEN_ID).await), "are no rent");
    hostile.node.lies(|_, _, _| Lie::None);
    let rent = chain.minimum_rent(82).await.unwrap();
    assert!(
        rent > 0
            && create_mint(&hostile.offer, &hostile.offer, &hostile.offer, 6, &multibus::token::SPL_TOKEN_ID, rent)
                .is_ok()
    );
}

#[tokio::test]
async fn a_node_cannot_make_a_wallet_pay_more_fees_than_it_would() {
    let hostile = HostileMarket::new().await;
    hostile.node.lies(|method, _, truth| match method {
        "getRecentPrioritizationFees" => Lie::Result(json!([{ "slot": 1, "prioritizationFee": u64::MAX }])),
        "simulateTransaction" => {
            let mut lie = truth.clone();
            lie["value"]["unitsConsumed"] = json!(u64::MAX);
            Lie::Result(lie)
        }
        _ => Lie::None,
    });
    let options = TransactionOptions { priority_fee: PriorityFee::Percentile(100), ..TransactionOptions::default() };
    let buyer = hostile.buyer.clone().with_options(options);
    let bought = buyer.buy(&PurchaseOrder::exactly(hostile.offer, Wh(10), PricePerKwh(500))).await.unwrap();
    let record = hostile.fresh.chain.transaction(&bought.signature).await.unwrap().unwrap();
    assert_eq!(record.fee, 5_000 + MAX_RECENT_PRICE * 1_400_000 / 1_000_000);
}

#[tokio::test]
async fn a_status_that_lies_pays_nothing_twice_and_shows_no_purchase() {
    // The node says that it landed, but passed nothing on.
    let hostile = HostileMarket::new().await;
    let landed = json!({ "context": { "slot": 9 }, "value": [{
        "slot": 9, "confirmations": null, "status": { "Ok": null }, "err": null, "confirmationStatus": "finalized",
    }] });
    hostile.node.losses.store(1_000, std::sync::atomic::Ordering::Relaxed);
    hostile.lies_about("getSignatureStatuses", move |_| landed.clone());
    let order = PurchaseOrder::exactly(hostile.offer, Wh(10), PricePerKwh(500));
    let unknown = hostile.buyer.buy(&order).await;
    assert!(matches!(unknown, Err(Error::PurchaseUnknown { .. })), "{unknown:?}");
    assert_eq!((hostile.paid().await, hostile.fresh.receipts(&hostile.buyer.address()).await), (0, 0));

    // The node says that it failed, but it landed. The lane tells.
    let hostile = HostileMarket::new().await;
    let failed = json!({ "context": { "slot": 9 }, "value": [{
        "slot": 9, "confirmations": null, "status": { "Err": "AccountInUse" }, "err": "AccountInUse",
        "confirmationStatus": "finalized",
    }] });
    hostile.lies_about("getSignatureStatuses", move |_| failed.clone());
    let bought = hostile.buyer.buy(&PurchaseOrder::exactly(hostile.offer, Wh(10), PricePerKwh(500))).await.unwrap();
    assert_eq!((bought.paid, hostile.paid().await), (5, 5));

    // Fewer statuses than transactions.
    hostile.lies_about("getSignatureStatuses", |_| json!({ "context": { "slot": 9 }, "value": [] }));
    assert_says(&refused(hostile.chain().statuses(&[bought.signature]).await), "0 statuses of 1 transactions");
}

#[tokio::test]
async fn a_transaction_that_is_neither_shown_nor_expires_is_given_up_as_unknown() {
    let hostile = HostileMarket::new().await;
    hostile.node.lies(|method, _, _| match method {
        "getSignatureStatuses" => Lie::Result(json!({ "context": { "slot": 9 }, "value": [null] })),
        "getBlockHeight" => Lie::Result(json!(1)),
        _ => Lie::None,
    });
    let started_at = Instant::now();
    let signature = Keypair::new().sign_message(b"x");
    let unknown = hostile.chain().confirm(&signature, 100).await;
    assert!(matches!(unknown, Err(Error::OutcomeUnknown { .. })), "{unknown:?}");
    assert!(started_at.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_history_without_end_is_refused() {
    let hostile = HostileMarket::new().await;
    hostile.buyer.buy(&PurchaseOrder::exactly(hostile.offer, Wh(10), PricePerKwh(500))).await.unwrap();
    let entry = |number: u32| {
        let mut bytes = [0u8; 64];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        json!({ "signature": multibus_client::Signature::from(bytes).to_string(), "slot": 7, "err": null,
                "memo": null, "blockTime": null, "confirmationStatus": "finalized" })
    };
    let hash = TransactionHash([9; 32]);
    let wallet = hostile.buyer.address();
    // The same page again and again, and two pages alternately.
    for pages in [1u32, 2] {
        let turn = std::sync::atomic::AtomicU32::new(0);
        hostile.node.lies(move |method, _, _| match method {
            "getSignaturesForAddress" => {
                let page = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % pages;
                Lie::Result((page * 1_000..(page + 1) * 1_000).map(entry).collect())
            }
            "getTransaction" => Lie::Result(Value::Null),
            _ => Lie::None,
        });
        assert_says(&refused(hostile.market().history(&wallet, 0).await), "a second time");
        assert_says(&refused(hostile.market().is_transaction_processed(&hash, Some(&wallet)).await), "a second time");
    }
    // More than was asked for, and something that is no signature.
    hostile.lies_about("getSignaturesForAddress", move |_| (0..1_001).map(entry).collect());
    assert_says(&refused(hostile.market().history(&wallet, 0).await), "1001 transactions where 1000 were asked for");
    hostile.lies_about("getSignaturesForAddress", move |_| {
        let mut forged = entry(1);
        forged["signature"] = json!("\u{1b}[31m<script>");
        json!([forged])
    });
    let sentence = refused(hostile.market().history(&wallet, 0).await);
    assert!(!sentence.chars().any(is_hidden), "{sentence:?}");
}

#[tokio::test]
async fn an_answer_leads_nowhere_else_and_has_an_end() {
    let hostile = HostileMarket::new().await;
    let bus = hostile.fresh.bus;
    for (status, said) in [
        ("304 Not Modified", "status 304 and points to \"nowhere\""),
        ("302 Found\r\nlocation: http://127.0.0.1:9/", "status 302 and points to \"http://127.0.0.1:9/\""),
        ("307 Temporary Redirect\r\nlocation: file:///etc/passwd", "status 307"),
        ("200 OK\r\ncontent-length: 99999999999", "at most"),
    ] {
        let bytes = format!("HTTP/1.1 {status}\r\n\r\n").into_bytes();
        hostile.node.lies(move |_, _, _| Lie::Bytes(bytes.clone()));
        let refused = hostile.market().bus(&bus).await.unwrap_err();
        assert_says(&refused.to_string(), said);
        assert!(!refused.is_transient());
    }
    for garbage in [
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnull".to_string(),
        "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{".to_string(),
        format!("HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n{}", "[".repeat(60_000)),
        "HTTP/1.1 999 Nonsense\r\n\r\n".to_string(),
        "HTTP/1.1 500 \u{1b}[2J\r\n\r\n".to_string(),
        "SSH-2.0-OpenSSH\r\n".to_string(),
        String::new(),
    ] {
        hostile.node.lies(move |_, _, _| Lie::Bytes(garbage.clone().into_bytes()));
        assert!(hostile.market().bus(&bus).await.is_err());
    }
    let message = "\u{202e}".repeat(100_000);
    hostile.node.lies(move |_, _, _| Lie::Refusal(-32_601, message.clone()));
    assert!(refused(hostile.market().bus(&bus).await).chars().count() < 1_500);
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let hostile = HostileMarket::new().await;
    // A string that never ends. It is only bytes, and those are counted.
    let chunk = [b"10000\r\n".to_vec(), vec![b'a'; 0x10000], b"\r\n".to_vec()].concat();
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n\"\r\n".to_string();
    hostile.node.lies(move |_, _, _| Lie::Endless(head.clone(), chunk.clone()));
    // A request of its own, without a second attempt.
    let options = RpcOptions { request_timeout: Duration::from_mins(1), ..QUICK };
    let chain = RpcChain::with_options(&hostile.url, None, CommitmentLevel::Confirmed, options).unwrap();
    assert!(chain.minimum_rent(1).await.is_err());
}

/// Everything that is shown of an account or computed from it.
fn figures(account: &Figures<'_>, number: u64, now: i64) {
    match account {
        Figures::Bus(bus) => {
            let _ =
                (bus.name().len(), bus.owners().len(), bus.pause_approvals(), bus.terms_at(now).gate_closes_at(now));
        }
        Figures::Ledger(ledger, bus) => {
            if let Ok(treasury) = Treasury::new(bus, ledger, number) {
                let claims: u128 = treasury.claims.iter().map(|claim| u128::from(claim.claimable)).sum();
                assert_eq!(claims + u128::from(treasury.remainder), u128::from(number) + u128::from(treasury.diverted));
                assert_eq!(u128::from(treasury.totals().claimable), claims);
            }
        }
        Figures::Seller(seller, bus) => {
            let money = SellerMoney::new(seller, &[], &[], number);
            assert_eq!((money.released, money.proceeds, money.deposits), (seller.released, 0, 0));
            let _ = may_list(bus, &seller.wallet, Some(seller));
        }
        Figures::Claim(claim) => assert!(claim.amount > 0),
        Figures::Capacity(capacity) => {
            let sum = [capacity.available_wh, capacity.committed_wh].map(u128::from);
            assert_eq!(u128::from(capacity.total_wh), sum.iter().sum::<u128>());
            assert!(!phase_name(capacity.phase(now)).is_empty());
            if let Some(cleared) = Cleared::of(capacity) {
                for side in [Side::Bid, Side::Ask] {
                    let order = Order { side, energy_wh: number, price_per_kwh: cleared.price_per_kwh };
                    assert!(cleared.share_of(&order) <= number);
                }
            }
            let _ = { **capacity }.settle_bid(number.min(1 << 40), number);
        }
        Figures::Offer(offer, bus) => {
            assert!(offer.free_wh() <= offer.listed_wh && offer.remaining_wh <= offer.listed_wh);
            let _ = (is_tradable(offer, bus, now), OfferFilter::default().matches(offer));
            let routed = RouterOffer::of(offer, bus);
            if let Ok(quote) = router::quote(&[routed], &RouterWant::exactly(number, bus.mint)) {
                let exact = (u128::from(number) * u128::from(offer.full_price_per_kwh)).div_ceil(1_000);
                assert_eq!((quote.energy_wh, u128::from(quote.total_cost)), (number, exact));
            }
            for sort in [OfferSort::Price, OfferSort::Energy, OfferSort::Newest, OfferSort::Expiry] {
                sort.sort(&mut [*offer, *offer]);
            }
        }
        Figures::Lock(lock) => {
            let is_held = lock.state == LockState::Held as u8;
            assert!(!is_held || math::cost(lock.energy_wh, lock.price_per_kwh) == Some(lock.deposit));
            let _ = lock.is_expired(now);
        }
        Figures::Trader(trader) => {
            let receipts: Vec<_> = trader.receipts().collect();
            assert!(receipts.len() <= 16 && receipts.iter().all(|(nonce, _)| *nonce < trader.next_nonce));
        }
        Figures::Meter(meter) => assert!(meter.power_w > 0),
        Figures::Device(device) => {
            let _ = device.validate_close(now);
        }
        Figures::Book(book) => {
            let windows = deliveries(book, now);
            let due = windows.iter().map(|window| u128::from(window.released) + u128::from(window.grid_fee));
            let paid: u128 = windows.iter().map(|window| u128::from(window.paid)).sum();
            assert!(due.sum::<u128>() <= paid && u128::from(book.held()) <= paid);
            assert!(windows.iter().all(|window| {
                window.certified_wh <= window.delivered_wh + window.auction_delivered_wh + window.surplus_wh
            }));
            let ahead = windows.iter().filter(|window| !window.state.is_final()).count();
            assert!(ahead > 0 || releasable(book, now).windows == releasable(book, i64::MAX).windows);
            let closable = book.closable(&bytemuck::Zeroable::zeroed(), now);
            let _ = (book.own_last_gate(), closable, certifiable_of_seller(book, now).len());
            let _ = MeterIdentity::of_book(book).book(now);
        }
        Figures::Position(position, book) => {
            let windows = position_deliveries(position, book, now);
            assert!(windows.iter().all(|window| window.refund <= window.paid));
            let _ = (refundable(position, book, now), certifiable_of_buyer(position, book, now).len());
        }
        Figures::Bid(bid, book) => {
            let certifiable = certifiable_of_bid(bid, &[**book], now);
            let sum: u64 = certifiable.iter().map(|one| one.energy_wh).sum();
            assert!(sum <= bid.delivered_wh && bid.paid <= bid.deposit && bid.price_per_kwh <= bid.max_price_per_kwh);
        }
        Figures::Clearing(clearing) => {
            let _ = clearing.prices().class_of(number);
        }
        Figures::Certificate(certificate) => assert!(certificate.energy_wh() > 0),
        Figures::Proposal(proposal, bus) => {
            if let Ok(status) = ProposalStatus::new(*proposal, bus) {
                let _ = (status.state(now), status.is_expired(now), changes(bus, &proposal.action).len());
                assert!(status.approved_by.is_none_or(|owners| owners.len() <= 16));
            }
        }
    }
}

enum Figures<'a> {
    Bus(Box<Keyed<Bus>>),
    Ledger(Box<Keyed<Ledger>>, &'a Keyed<Bus>),
    Capacity(Keyed<Capacity>),
    Seller(Keyed<Seller>, &'a Keyed<Bus>),
    Claim(Keyed<Claim>),
    Offer(Keyed<Offer>, &'a Keyed<Bus>),
    Lock(Keyed<Lock>),
    Trader(Box<Keyed<Trader>>),
    Proposal(Keyed<Proposal>, &'a Keyed<Bus>),
    Meter(Keyed<Meter>),
    Device(Keyed<Device>),
    Book(Box<Keyed<DeliveryBook>>),
    Position(Box<Keyed<PositionBook>>, &'a Keyed<DeliveryBook>),
    Certificate(Keyed<Certificate>),
    Bid(Keyed<Bid>, &'a Keyed<DeliveryBook>),
    Clearing(Keyed<Clearing>),
}

/// One account of every kind, as the program wrote them.
struct Specimens {
    bus: Keyed<Bus>,
    book: Keyed<DeliveryBook>,
    /// The book of a seller in an auction.
    auctioned: Keyed<DeliveryBook>,
    accounts: Vec<(Address, Account)>,
}

impl Specimens {
    fn of_a_market() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // What is delivered: some of it sold, some of it certified.
            let street = Street::new().await;
            let neighbour = street.fresh.member().await;
            let offer = street.list(10_000).await.address;
            neighbour.buy(&Street::order(offer, 4_000)).await.unwrap();
            street.report(3_000).await;
            street.become_final().await;
            let certificate = neighbour.certificate_take(&street.book(), street.window_start).await.unwrap().address;
            let meter = multibus_client::address::meter(&multibus_client::address::seller(
                &street.bus,
                &street.seller.address(),
            ));
            let device = multibus_client::address::device(&street.device.pubkey());
            let delivered = [street.book(), street.position(&neighbour), meter, device, certificate];
            let delivered = delivered.into_iter().zip(street.fresh.chain.accounts(&delivered).await.unwrap());
            let book = street.fresh.market().delivery_book(&street.book()).await.unwrap();

            // What an auction sold, half of it delivered; and a clearing on the way.
            let fair = Fair::new(SettlementTime::OnDelivery).await;
            fair.ask(0, 2_000, 1_000).await;
            let bid = fair.bid(0, 1_000, 1_200).await.address;
            fair.clear().await;
            fair.settle().await;
            fair.pass_until(fair.window + 900).await;
            fair.report(0, 500).await;
            fair.pass_until(fair.window + 900 + 3_600).await;
            fair.settle().await;
            let other = Fair::new(SettlementTime::OnPurchase).await;
            let offer = other.ask(0, 2_000, 1_000).await;
            let waiting = other.bid(0, 1_000, 1_200).await.address;
            other.pass_until(other.gate()).await;
            let window = multibus_client::address::capacity(&other.bus, other.window);
            let clearer = other.clearer.address();
            let steps = [clearing_open(&clearer, &window, 1_000, 1_000), clearing_tally(&clearer, &window, &[offer])];
            other.clearer.send(&steps).await.unwrap();
            let clearing = multibus_client::address::clearing(&window, &clearer);
            let auctioned = fair.book_of(0).await;
            let cleared = multibus_client::address::capacity(&fair.bus, fair.window);
            let sold = [bid, auctioned, cleared];
            let sold = sold.into_iter().zip(fair.fresh.chain.accounts(&sold).await.unwrap());
            let auctioned = fair.fresh.market().delivery_book(&auctioned).await.unwrap();
            let fixed = [waiting, window, clearing];
            let fixed = fixed.into_iter().zip(other.fresh.chain.accounts(&fixed).await.unwrap());

            let fresh = EmbeddedMarket::new().await;
            let buyer = fresh.member().await.with_lanes(1);
            let offer = fresh.offer(10_000, 500).await;
            buyer.buy(&PurchaseOrder::exactly(offer, Wh(10), PricePerKwh(500))).await.unwrap();
            let lock = buyer.lock_take(&offer, Wh(20), PricePerKwh(500)).await.unwrap().address;
            let action = ProposalAction::BasePriceSet { base_price_per_kwh: 200 };
            let proposal = fresh.owner.propose(&fresh.bus, &action).await.unwrap().address;
            let trader = multibus_client::address::trader(&buyer.address(), 0);
            let capacity = multibus_client::address::capacity(&fresh.bus, 0);
            let ledger = multibus_client::address::ledger(&fresh.bus);
            let seller = multibus_client::address::seller(&fresh.bus, &fresh.owner.address());
            let addresses = [fresh.bus, capacity, offer, lock, trader, proposal, ledger, seller];
            let accounts = fresh.chain.accounts(&addresses).await.unwrap();
            let accounts = addresses.into_iter().zip(accounts).chain(delivered).chain(sold).chain(fixed);
            let accounts = accounts.map(|(address, account)| (address, account.unwrap())).collect();
            Self { bus: fresh.market().bus(&fresh.bus).await.unwrap(), book, auctioned, accounts }
        })
    }

    /// Reads an account as every kind and computes everything from it. Returns as how many kinds it could be read.
    fn read(&self, address: &Address, account: &Account, number: u64, now: i64) -> usize {
        fn as_kind<T: MarketAccount>(address: &Address, account: &Account) -> Option<Keyed<T>> {
            let read = match decode::<T>(address, account) {
                Ok(read) => read,
                Err(Error::Decode { kind, address: of, cause }) => {
                    assert!(kind == T::NAME && of == *address && !cause.is_empty());
                    return None;
                }
                Err(other) => panic!("{other}"),
            };
            // What is shown is what is in the account.
            assert_eq!(account.data[8..], *bytemuck::bytes_of(&read.account));
            Some(read)
        }
        let found = [
            as_kind(address, account).map(|bus| Figures::Bus(Box::new(bus))),
            as_kind(address, account).map(|ledger| Figures::Ledger(Box::new(ledger), &self.bus)),
            as_kind(address, account).map(Figures::Capacity),
            as_kind(address, account).map(|seller| Figures::Seller(seller, &self.bus)),
            as_kind(address, account).map(Figures::Claim),
            as_kind(address, account).map(|offer| Figures::Offer(offer, &self.bus)),
            as_kind(address, account).map(Figures::Lock),
            as_kind(address, account).map(|trader| Figures::Trader(Box::new(trader))),
            as_kind(address, account).map(|proposal| Figures::Proposal(proposal, &self.bus)),
            as_kind(address, account).map(Figures::Meter),
            as_kind(address, account).map(Figures::Device),
            as_kind(address, account).map(|book| Figures::Book(Box::new(book))),
            as_kind(address, account).map(|position| Figures::Position(Box::new(position), &self.book)),
            as_kind(address, account).map(Figures::Certificate),
            as_kind(address, account).map(|bid| Figures::Bid(bid, &self.auctioned)),
            as_kind(address, account).map(Figures::Clearing),
        ];
        found.into_iter().flatten().map(|read| figures(&read, number, now)).count()
    }
}

#[test]
fn accounts_of_any_bytes_are_refused_or_show_what_is_there() {
    let specimens = Specimens::of_a_market();
    for (address, account) in &specimens.accounts {
        assert_eq!(specimens.read(address, account, 1_000, 5), 1, "{address}");
        // Every bit of every account.
        for bit in 0..account.data.len() * 8 {
            let mut flipped = account.clone();
            flipped.data[bit / 8] ^= 1 << (bit % 8);
            for (number, now) in [(1_000, 5), (u64::MAX, i64::MAX)] {
                specimens.read(address, &flipped, number, now);
            }
        }
        for length in 0..=account.data.len() {
            let cut = Account { data: account.data[..length].to_vec(), ..account.clone() };
            let kinds = specimens.read(address, &cut, 1_000, 5);
            assert_eq!(kinds, usize::from(length == account.data.len()));
        }
    }
    let any_bytes =
        (0..specimens.accounts.len(), proptest::collection::vec(any::<u8>(), 0..9_000), any::<u64>(), any::<i64>());
    // Several fields at once, most of them with the lowest or highest number.
    let edge = prop_oneof![Just(0u64), Just(1), Just(u64::MAX), Just(i64::MAX as u64), Just(1 << 63), any::<u64>()];
    let changes = proptest::collection::vec((0..9_000usize, edge, 1..=8usize), 1..8);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(4_000));
    runner
        .run(&(any_bytes, changes), |((which, bytes, number, now), changes)| {
            let (address, valid) = &specimens.accounts[which];
            let mut random = Account { data: bytes, ..valid.clone() };
            specimens.read(address, &random, number, now);
            // The same behind the right first bytes, at the right length.
            random.data.resize(valid.data.len(), 0);
            random.data[..9].copy_from_slice(&valid.data[..9]);
            specimens.read(address, &random, number, now);
            let mut changed = valid.clone();
            for (at, word, length) in changes {
                let at = 8 + at % (valid.data.len() - 8);
                let end = (at + length).min(valid.data.len());
                changed.data[at..end].copy_from_slice(&word.to_le_bytes()[..end - at]);
            }
            specimens.read(address, &changed, number, now);
            Ok(())
        })
        .unwrap();
}

/// A call in a transaction: what the program logs and which programs it calls.
#[derive(Clone, Debug)]
struct Frame {
    program: Address,
    says: Vec<Said>,
}

#[derive(Clone, Debug)]
enum Said {
    /// `sol_log` of any text.
    Text(String),
    /// `sol_log_data` of some bytes.
    Data(Vec<u8>),
    /// A return value.
    Return(Vec<u8>),
    Call(Frame),
}

fn purchase(offer: u8, energy_wh: u64) -> EnergyPurchased {
    let price_per_kwh = 250_000;
    EnergyPurchased {
        buyer: Address::new_from_array([7; 32]),
        transaction_hash: [offer; 32],
        nonce: 9,
        purchased_at: 10,
        lane: 11,
        kind: 1,
        reserved: 0,
        fills: vec![PurchasedFill {
            offer: Address::new_from_array([offer; 32]),
            energy_wh,
            price_per_kwh,
            cost: math::cost(energy_wh, price_per_kwh).unwrap(),
        }],
    }
}

impl Frame {
    /// The log as the runtime writes it, and the events that the market's program logged.
    fn write(&self, depth: usize, log: &mut Vec<String>, events: &mut Vec<Vec<u8>>) {
        let program = self.program;
        log.push(format!("Program {program} invoke [{depth}]"));
        for said in &self.says {
            match said {
                Said::Text(text) => log.push(format!("Program log: {text}")),
                Said::Data(bytes) => {
                    log.push(format!("Program data: {}", BASE64_STANDARD.encode(bytes)));
                    if program == multibus::ID {
                        events.push(bytes.clone());
                    }
                }
                Said::Return(bytes) => log.push(format!("Program return: {program} {}", BASE64_STANDARD.encode(bytes))),
                Said::Call(frame) => frame.write(depth + 1, log, events),
            }
        }
        log.push(format!("Program {program} consumed 5 of 200000 compute units"));
        log.push(format!("Program {program} success"));
    }
}

fn frames() -> impl Strategy<Value = Frame> {
    let program =
        prop_oneof![Just(multibus::ID), Just(Address::new_from_array([6; 32])), Just(multibus::token::SPL_TOKEN_ID)];
    let event = prop_oneof![
        (1..9u8, 1..5_000u64).prop_map(|(offer, energy_wh)| anchor_lang::Event::data(&purchase(offer, energy_wh))),
        any::<u64>().prop_map(|price_per_kwh| {
            let offer = Address::new_from_array([3; 32]);
            let event = OfferRepriced { offer, price_per_kwh, trades_from: 0, version: 2, padding: [0; 4] };
            [OfferRepriced::DISCRIMINATOR, bytemuck::bytes_of(&event)].concat()
        }),
        proptest::collection::vec(any::<u8>(), 0..80),
    ];
    // Texts that imitate the lines of the runtime.
    let lure = prop_oneof![
        Just(format!("Program {} invoke [1]", multibus::ID)),
        Just(format!("x\nProgram {} invoke [1]\nProgram data: AAAA", multibus::ID)),
        Just(format!("Program {} success", multibus::ID)),
        Just("Log truncated".to_string()),
        Just(format!("Program data: {}", BASE64_STANDARD.encode(anchor_lang::Event::data(&purchase(1, 1))))),
        any::<String>(),
    ];
    let plain = prop_oneof![
        lure.prop_map(Said::Text),
        event.prop_map(Said::Data),
        proptest::collection::vec(any::<u8>(), 0..8).prop_map(Said::Return)
    ];
    let leaf = (program.clone(), proptest::collection::vec(plain.clone(), 0..5))
        .prop_map(|(program, says)| Frame { program, says });
    leaf.prop_recursive(4, 40, 5, move |inner| {
        let said = prop_oneof![2 => plain.clone(), 1 => inner.prop_map(Said::Call)];
        (program.clone(), proptest::collection::vec(said, 0..6)).prop_map(|(program, says)| Frame { program, says })
    })
}

fn told(events: &[Event]) -> Vec<Value> {
    events.iter().map(|event| event::serialize(event, serde_json::value::Serializer).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_events_of_a_log_are_those_of_the_programs_own_frames(
        frames in proptest::collection::vec(frames(), 1..4),
        cut in any::<prop::sample::Index>(),
        noise in any::<String>(),
    ) {
        let (mut log, mut logged) = (Vec::new(), Vec::new());
        frames.iter().for_each(|frame| frame.write(1, &mut log, &mut logged));
        let expected: Vec<Event> = logged.iter().filter_map(|bytes| Event::from_bytes(bytes)).collect();
        let parsed = event::parse(&log);
        prop_assert!(!parsed.truncated);
        prop_assert_eq!(told(&parsed.events), told(&expected));

        // Cut anywhere, the log gives the events before the cut and says that there may be more.
        let at = cut.index(log.len());
        let mut short = log[..at].to_vec();
        short.push("Log truncated".to_string());
        short.extend_from_slice(&log[at..]);
        let parsed = event::parse(&short);
        prop_assert!(parsed.truncated);
        prop_assert_eq!(told(&parsed.events), told(&expected[..parsed.events.len()]));

        // Lines that no runtime writes are ignored, or nothing after them is believed.
        let mut noisy = log.clone();
        noisy.insert(at, noise);
        let parsed = event::parse(&noisy);
        prop_assert!(parsed.events.len() <= expected.len());
    }

    #[test]
    fn bytes_of_any_kind_are_an_event_or_none(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        flip in any::<prop::sample::Index>(),
        bit in 0..8u32,
    ) {
        let _ = Event::from_bytes(&bytes).map(|event| told(&[event]));
        let mut known = anchor_lang::Event::data(&purchase(3, 1_500));
        let at = flip.index(known.len());
        known[at] ^= 1 << bit;
        let line = format!("Program data: {}", BASE64_STANDARD.encode(&known));
        let log = [format!("Program {} invoke [1]", multibus::ID), line, format!("Program {} success", multibus::ID)];
        for event in event::parse(&log).events {
            if let Event::EnergyPurchased(event) = &event {
                let exact = math::cost(event::energy_wh(event), event.fills[0].price_per_kwh);
                prop_assert_eq!(Some(event::cost(event)), exact);
            }
            let _ = told(&[event]);
        }
    }
}

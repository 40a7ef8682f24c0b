//! The market that faults and load act on: a token, buses and wallets of its own, on any network that gives lamports away.

use {
    multibus_client::{
        Keypair, Result, Signer, Wallet,
        bus::BusConfig,
        chain::{Chain, RpcChain},
        multibus::{
            constants::{MIN_AUCTION_SECONDS, MIN_WINDOW_SECONDS},
            token::SPL_TOKEN_ID,
        },
        terms::{SettlementTime, TermsConfig},
    },
    multibus_test_support::market::{FreshMarket, SOL, auction_bus, open_bus},
    serde_json::json,
    std::sync::Arc,
};

/// Base units of the token that every wallet starts with.
pub const FUNDS: u64 = 1_000_000_000_000;
/// Lowest price on a bus, in base units per kWh.
pub const BASE_PRICE: u64 = 100;
/// Fee of a lock that is not settled, in basis points.
pub const LOCK_FEE_BPS: u16 = 100;
/// Energy that a bus can sell, in Wh.
pub const CAPACITY_WH: u64 = 1_000_000_000_000;

/// Windows of [`found_auctions`], in seconds: the shortest, so that one of their gates comes soon.
const WINDOW_SECONDS: u32 = MIN_WINDOW_SECONDS;
/// How long before its window a gate closes, in seconds: the shortest time that goes with such windows.
const GATE_CLOSURE_SECONDS: u32 = MIN_AUCTION_SECONDS - WINDOW_SECONDS;

/// A market of its own on a network.
pub type NetworkMarket = FreshMarket<RpcChain>;

/// Makes a token and this many buses, paid by a new wallet with this many lamports.
///
/// # Errors
/// Where the network gives none, or refuses.
pub async fn found(chain: Arc<RpcChain>, buses: u16, lamports: u64) -> Result<NetworkMarket> {
    FreshMarket::found(chain, lamports, &SPL_TOKEN_ID, |owner| {
        let config = BusConfig {
            lock_fee_bps: LOCK_FEE_BPS,
            capacity_wh: CAPACITY_WH,
            base_price_per_kwh: BASE_PRICE,
            ..open_bus(owner)
        };
        vec![config; usize::from(buses.max(1))]
    })
    .await
}

/// Makes a token and one bus on purchase terms with an auction, paid by a new wallet with this many lamports. A gate comes every
/// minute.
///
/// # Errors
/// Where the network gives none, or refuses.
pub async fn found_auctions(chain: Arc<RpcChain>, lamports: u64) -> Result<NetworkMarket> {
    FreshMarket::found(chain, lamports, &SPL_TOKEN_ID, |owner| {
        let bus = auction_bus(owner, SettlementTime::OnPurchase);
        let terms =
            TermsConfig { window_seconds: WINDOW_SECONDS, gate_closure_seconds: GATE_CLOSURE_SECONDS, ..bus.terms };
        vec![BusConfig { terms, capacity_wh: CAPACITY_WH, ..bus }]
    })
    .await
}

/// The first window of [`found_auctions`] whose gate is later than a time, in unix seconds.
pub fn window_after(time: i64) -> i64 {
    let length = i64::from(WINDOW_SECONDS);
    (time + i64::from(GATE_CLOSURE_SECONDS)).div_euclid(length) * length + length
}

/// The gate of such a window, in unix seconds.
pub fn gate_of(window_start: i64) -> i64 {
    window_start - i64::from(GATE_CLOSURE_SECONDS)
}

/// Waits until a time, in unix seconds. A simulated network moves its time there instead, for everybody.
///
/// # Errors
/// Where the network does not answer.
pub async fn pass_until(chain: &RpcChain, url: &str, time: i64) -> Result<()> {
    let travel = json!({
        "jsonrpc": "2.0",
        "id": 1,
        "method": "surfnet_timeTravel",
        "params": [{ "absoluteTimestamp": time * 1_000 }],
    });
    if chain.clock().await?.unix_timestamp < time {
        // Other networks do not know the method, and their time passes by itself.
        let request = reqwest::Client::new().post(url).header("content-type", "application/json");
        let _ = request.body(travel.to_string()).send().await;
    }
    chain.wait_until(time).await.map(drop)
}

/// New wallets with lamports and tokens.
///
/// # Errors
/// Where the network refuses.
pub async fn traders(market: &NetworkMarket, count: usize, lamports: u64) -> Result<Vec<Arc<Keypair>>> {
    let keypairs: Vec<Arc<Keypair>> = (0..count).map(|_| Arc::new(Keypair::new())).collect();
    let wallets: Vec<_> = keypairs.iter().map(Signer::pubkey).collect();
    market.fund(&wallets, lamports, FUNDS).await?;
    Ok(keypairs)
}

/// A new wallet with lamports and tokens, which reaches the node directly.
///
/// # Errors
/// Where the network refuses.
pub async fn member(market: &NetworkMarket) -> Result<Wallet> {
    let keypair = traders(market, 1, 10 * SOL).await?.remove(0);
    Ok(Wallet::new(market.chain.clone(), keypair))
}

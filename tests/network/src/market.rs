//! The market that faults and load act on: a token, buses and wallets of its own, on any network that gives lamports away.

use {
    multibus_client::{
        Keypair, Result, Signer, Wallet, bus::BusConfig, chain::RpcChain, multibus::token::SPL_TOKEN_ID,
    },
    multibus_test_support::market::{FreshMarket, SOL, open_bus},
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

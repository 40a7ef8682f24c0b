//! What the examples share: the chain that they run on, and a small street to trade in.

#![allow(dead_code, reason = "each example uses a part of this")]

use {
    multibus_client::{
        Address, Error, Keypair, Result, Wallet,
        bus::{BusConfig, ListingPolicy, OwnerShare},
        chain::{Chain, CommitmentLevel, EmbeddedChain, RpcChain},
        multibus::token::SPL_TOKEN_ID,
        offer::{EnergySource, OfferTerms},
        terms::TermsConfig,
    },
    std::sync::Arc,
};

/// Base units of a token with six decimal places.
pub const TOKEN: u64 = 1_000_000;
/// Lamports of a SOL.
const SOL: u64 = 1_000_000_000;

/// The chain behind the RPC node that `--url` names, such as that of `cargo xtask localnet`; without it a chain inside
/// the process, which executes the built program and is gone afterwards.
pub fn chain() -> Result<Arc<dyn Chain>> {
    let mut args = std::env::args().skip(1);
    match (args.next().as_deref(), args.next()) {
        (None, _) => Ok(Arc::new(EmbeddedChain::new()?)),
        (Some("--url"), Some(url)) => Ok(Arc::new(RpcChain::new(&url, None, CommitmentLevel::Confirmed)?)),
        _ => Err(Error::Invalid("give `--url URL`, or nothing for a chain inside the process".to_string())),
    }
}

/// A new wallet with lamports from the network's faucet.
pub async fn wallet(chain: &Arc<dyn Chain>) -> Result<Wallet> {
    let wallet = Wallet::new(chain.clone(), Arc::new(Keypair::new()));
    chain.airdrop(&wallet.address(), 10 * SOL).await?;
    Ok(wallet)
}

/// A street with a bus that anyone may sell on, and a token to pay with.
pub struct Street {
    /// Owns the bus and mints the token.
    pub owner: Wallet,
    /// The token.
    pub mint: Address,
    /// The bus.
    pub bus: Address,
}

impl Street {
    /// A new street on a chain.
    pub async fn new(chain: &Arc<dyn Chain>) -> Result<Self> {
        let owner = wallet(chain).await?;
        let mint = owner.mint_create(6, &SPL_TOKEN_ID).await?.address;
        owner.mint_to(&mint, &owner.address(), TOKEN).await?;
        let config = config("Sunny Street", &[(&owner, 10_000)]);
        let bus = owner.bus_create(&mint, &config).await?.address;
        Ok(Self { owner, mint, bus })
    }

    /// A neighbour with lamports and 100 tokens.
    pub async fn neighbour(&self) -> Result<Wallet> {
        let neighbour = wallet(self.owner.chain()).await?;
        self.owner.mint_to(&self.mint, &neighbour.address(), 100 * TOKEN).await?;
        Ok(neighbour)
    }
}

/// A bus without delivery windows, open for listing, whose owners have these shares in basis points.
pub fn config(name: &str, owners: &[(&Wallet, u16)]) -> BusConfig {
    BusConfig {
        name: name.to_string(),
        owners: owners
            .iter()
            .map(|(wallet, share_bps)| OwnerShare { owner: wallet.address(), share_bps: *share_bps })
            .collect(),
        threshold: owners.len() as u8,
        pause_quorum: 1,
        listing_policy: ListingPolicy::Open as u8,
        lock_fee_bps: 50,
        timelock_seconds: 0,
        horizon_seconds: 30 * 24 * 60 * 60,
        terms: TermsConfig::default(),
        capacity_wh: 50_000,
        base_price_per_kwh: TOKEN / 10,
        reserve_price_per_kwh: 0,
        least_wh: 1,
        operator: None,
        grid_recipient: None,
    }
}

/// Solar energy, for as long as the bus allows.
pub fn solar(energy_wh: u64, price_per_kwh: u64) -> OfferTerms {
    OfferTerms { window_start: 0, energy_wh, price_per_kwh, expires_at: 0, source: EnergySource::Solar }
}

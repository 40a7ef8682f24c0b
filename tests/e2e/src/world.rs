//! A market of one's own on a network that others use too: fresh wallets, a token, a bus.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use futures_util::future::join_all;
use multibus_client::{
    Address, Keypair, Market, Wallet, address,
    bus::{BusConfig, ListingPolicy, OwnerShare},
    chain::{Chain, CommitmentLevel, RpcChain},
    multibus::token::SPL_TOKEN_ID,
    offer::{EnergySource, OfferTerms},
};
use multibus_localnet::{engine::beside, key, network::Description};

/// Base units of the token that every member starts with.
pub const FUNDS: u64 = 1_000_000_000;
/// Lamports that every member starts with.
pub const LAMPORTS: u64 = 10_000_000_000;

/// The network that `MULTIBUS_NETWORK` describes.
///
/// # Panics
/// Where it describes none.
pub fn network() -> Description {
    let path = env::var_os("MULTIBUS_NETWORK").map(PathBuf::from);
    let path = path.expect("MULTIBUS_NETWORK names the network's description; run `cargo xtask e2e`");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A market of one's own.
pub struct World {
    /// URL of the network's RPC server.
    pub rpc_url: String,
    /// URL of its WebSocket server.
    pub websocket_url: String,
    /// A connection to it.
    pub chain: Arc<RpcChain>,
    /// Creates the bus and mints the token.
    pub owner: Wallet,
    /// The token.
    pub mint: Address,
    /// The bus.
    pub bus: Address,
    /// Everyone with tokens.
    pub members: Vec<Wallet>,
}

/// A bus that is open for listing, without windows, with one owner.
pub fn config(owner: &Wallet) -> BusConfig {
    BusConfig {
        name: "Mill Lane".to_owned(),
        owners: vec![OwnerShare { owner: owner.address(), share_bps: 10_000 }],
        threshold: 1,
        pause_quorum: 0,
        listing_policy: ListingPolicy::Open as u8,
        lock_fee_bps: 100,
        timelock_seconds: 0,
        window_seconds: 0,
        gate_closure_seconds: 0,
        capacity_wh: 1_000_000,
        base_price_per_kwh: 100_000,
    }
}

/// Energy without a window.
pub fn terms(energy_wh: u64, price_per_kwh: u64) -> OfferTerms {
    OfferTerms { window_start: 0, energy_wh, price_per_kwh, expires_at: 0, source: EnergySource::Solar }
}

impl World {
    /// A market on the network that `MULTIBUS_NETWORK` describes, as [`World::at`] makes it.
    ///
    /// # Panics
    /// Where there is no network, or it refuses.
    pub async fn new(members: usize, change: impl FnOnce(&mut BusConfig, &[Wallet])) -> Self {
        let Description { rpc_url, websocket_url, .. } = network();
        Self::at(rpc_url, websocket_url, members, change).await
    }

    /// A market whose bus is as `change` makes it of [`config`], with so many members, each with a connection of its
    /// own, SOL and tokens. `change` sees the members, so that they can own the bus too.
    ///
    /// # Panics
    /// Where the network refuses.
    pub async fn at(
        rpc_url: String,
        websocket_url: String,
        members: usize,
        change: impl FnOnce(&mut BusConfig, &[Wallet]),
    ) -> Self {
        let connect = || {
            let chain = RpcChain::new(&rpc_url, Some(&websocket_url), CommitmentLevel::Confirmed);
            Arc::new(chain.expect("networks have URLs"))
        };
        let chain = connect();
        let fresh = || Wallet::new(connect(), Arc::new(Keypair::new()));
        let owner = fresh();
        let members: Vec<Wallet> = (0..members).map(|_| fresh()).collect();
        for airdropped in join_all(members.iter().chain([&owner]).map(airdrop)).await {
            airdropped.unwrap();
        }
        let mint = owner.mint_create(6, &SPL_TOKEN_ID).await.unwrap().address;
        let (owner_ref, mint_ref) = (&owner, &mint);
        let mint_to = |member: &Wallet| {
            let address = member.address();
            async move { owner_ref.mint_to(mint_ref, &address, FUNDS).await }
        };
        for minted in join_all(members.iter().map(mint_to)).await {
            minted.unwrap();
        }
        let mut config = config(&owner);
        change(&mut config, &members);
        let bus = owner.bus_create(0, &mint, &config).await.unwrap().address;
        Self { rpc_url, websocket_url, chain, owner, mint, bus, members }
    }

    /// Questions to the market.
    pub fn market(&self) -> &Market {
        self.owner.market()
    }

    /// The chain's time, in unix seconds.
    ///
    /// # Panics
    /// Where the network does not answer.
    pub async fn now(&self) -> i64 {
        self.chain.clock().await.unwrap().unix_timestamp
    }

    /// Tokens of a wallet, in base units; 0 where it has no account.
    ///
    /// # Panics
    /// Where the network does not answer.
    pub async fn tokens(&self, wallet: &Wallet) -> u64 {
        let account = address::associated_token(&wallet.address(), &self.mint, &SPL_TOKEN_ID);
        match self.market().token_balance(&account).await {
            Err(multibus_client::Error::NotFound { .. }) => 0,
            balance => balance.unwrap(),
        }
    }

    /// Asserts that the bus's invariants hold, and that all tokens are with members, owner, escrow and treasury.
    ///
    /// # Panics
    /// Where they are not.
    pub async fn assert_sound(&self) {
        let audit = self.market().audit(&self.bus).await.unwrap();
        assert_eq!(audit.violations, Vec::<String>::new());
        assert_eq!(audit.gifts, 0, "nobody sends tokens to the escrow here");
        let mut total = 0;
        for wallet in self.members.iter().chain([&self.owner]) {
            total += self.tokens(wallet).await;
        }
        total += audit.escrow + audit.treasury;
        assert_eq!(total, self.members.len() as u64 * FUNDS, "tokens are conserved");
    }

    /// A call of the command-line client on this network, without what the user configured.
    ///
    /// # Panics
    /// Where the client is not built.
    pub fn multibus(&self, folder: &Path) -> Command {
        let mut command =
            Command::new(beside("multibus").expect("the command-line client is built; run `cargo xtask e2e`"));
        command.current_dir(folder).env("HOME", folder).env_remove("MULTIBUS_KEYPAIR");
        command.env("MULTIBUS_URL", &self.rpc_url).args(["--ws", &self.websocket_url]);
        command
    }
}

async fn airdrop(wallet: &Wallet) -> multibus_client::Result<()> {
    wallet.chain().airdrop(&wallet.address(), LAMPORTS).await
}

/// Writes a seeded wallet's keypair file into a folder.
///
/// # Panics
/// Where it cannot be written.
pub fn seeded_wallet(name: &str, folder: &Path) -> PathBuf {
    let path = folder.join(format!("{name}.json"));
    key::write(&key::keypair(name), &path).unwrap();
    path
}

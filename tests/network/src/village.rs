//! A small market on any network that gives lamports away: a token, a bus, wallets, and the sum of it all.

use {
    futures_util::{StreamExt, TryStreamExt, stream},
    multibus_client::{
        Address, Error, Instruction, Keypair, Market, Result, SharedSigner, Signer, Wallet,
        bus::{BusConfig, ListingPolicy, OwnerShare},
        chain::RpcChain,
        market::Settlement,
        multibus::token::SPL_TOKEN_ID,
        offer::{EnergySource, OfferTerms},
        token::{create_associated_token, mint_to},
    },
    std::sync::Arc,
};

/// Lamports of a SOL.
pub const SOL: u64 = 1_000_000_000;
/// Base units of the settlement token that every wallet starts with.
pub const FUNDS: u64 = 1_000_000_000_000;
/// Lowest price on a bus, in base units per kWh.
pub const BASE_PRICE: u64 = 100;
/// Fee of a lock that is not settled, in basis points.
pub const LOCK_FEE_BPS: u16 = 100;
/// Energy that a bus can sell, in Wh.
pub const CAPACITY_WH: u64 = 1_000_000_000_000;
/// Wallets that one transaction funds.
const FUNDED_AT_ONCE: usize = 5;

/// A market of its own: nobody else's transactions touch it.
#[derive(Clone)]
pub struct Village {
    /// The network.
    pub chain: Arc<RpcChain>,
    /// Who made the token and the buses.
    pub owner: Wallet,
    /// The settlement mint.
    pub mint: Address,
    /// The buses; windows none, listing open.
    pub buses: Vec<Address>,
}

/// What a seller offers for sale at once.
pub fn terms(energy_wh: u64, price_per_kwh: u64) -> OfferTerms {
    OfferTerms { window_start: 0, energy_wh, price_per_kwh, expires_at: 0, source: EnergySource::Solar }
}

impl Village {
    /// Makes a token and buses, paid by a new wallet that asks the network for lamports.
    ///
    /// # Errors
    /// Where the network gives none or fails.
    pub async fn found(chain: Arc<RpcChain>, buses: u16, lamports: u64) -> Result<Self> {
        use multibus_client::chain::Chain;
        let owner = Wallet::new(chain.clone(), Arc::new(Keypair::new()));
        chain.airdrop(&owner.address(), lamports).await?;
        let mint = owner.mint_create(6, &SPL_TOKEN_ID).await?.address;
        owner.mint_to(&mint, &owner.address(), FUNDS).await?;
        let config = BusConfig {
            name: "Sunny Lane".to_string(),
            owners: vec![OwnerShare { owner: owner.address(), share_bps: 10_000 }],
            threshold: 1,
            pause_quorum: 0,
            listing_policy: ListingPolicy::Open as u8,
            lock_fee_bps: LOCK_FEE_BPS,
            timelock_seconds: 0,
            window_seconds: 0,
            gate_closure_seconds: 0,
            capacity_wh: CAPACITY_WH,
            base_price_per_kwh: BASE_PRICE,
        };
        let create = |number: u16| {
            let (owner, config) = (&owner, &config);
            async move { Ok::<_, Error>(owner.bus_create(u64::from(number), &mint, config).await?.address) }
        };
        let buses = stream::iter((0..buses.max(1)).map(create)).buffered(8).try_collect().await?;
        Ok(Self { chain, owner, mint, buses })
    }

    /// The market.
    pub fn market(&self) -> &Market {
        self.owner.market()
    }

    /// The first bus.
    pub fn bus(&self) -> Address {
        self.buses[0]
    }

    /// The settlement that all buses share, with the escrow of the first.
    pub async fn settlement(&self) -> Result<Settlement> {
        self.market().settlement(&self.bus()).await
    }

    /// New wallets with lamports and tokens.
    pub async fn fund(&self, count: usize, lamports: u64) -> Result<Vec<Arc<Keypair>>> {
        let keypairs: Vec<Arc<Keypair>> = (0..count).map(|_| Arc::new(Keypair::new())).collect();
        let mut groups = Vec::new();
        for group in keypairs.chunks(FUNDED_AT_ONCE) {
            let mut instructions: Vec<Instruction> = Vec::new();
            for keypair in group {
                let (owner, wallet) = (self.owner.address(), keypair.pubkey());
                let account = self.token_account(&wallet);
                instructions.push(solana_system_interface::instruction::transfer(&owner, &wallet, lamports));
                instructions.push(create_associated_token(&owner, &wallet, &self.mint, &SPL_TOKEN_ID));
                instructions.push(mint_to(&self.mint, &account, &owner, FUNDS, &SPL_TOKEN_ID)?);
            }
            groups.push(instructions);
        }
        stream::iter(groups)
            .map(|instructions| async move { self.owner.send(&instructions).await.map(drop) })
            .buffer_unordered(16)
            .try_collect::<()>()
            .await?;
        Ok(keypairs)
    }

    /// A new wallet with lamports and tokens, which reaches the node directly.
    pub async fn member(&self) -> Result<Wallet> {
        let signer: SharedSigner = self.fund(1, 10 * SOL).await?.remove(0);
        Ok(Wallet::new(self.chain.clone(), signer))
    }

    /// A wallet's token account.
    pub fn token_account(&self, wallet: &Address) -> Address {
        multibus_client::address::associated_token(wallet, &self.mint, &SPL_TOKEN_ID)
    }

    /// What a wallet has, in base units.
    pub async fn tokens(&self, wallet: &Address) -> Result<u64> {
        self.market().token_balance(&self.token_account(wallet)).await
    }

    /// What is wrong with the market: every bus's invariants, the lanes' histories, and whether every token that exists
    /// is in one of these wallets, the owner's, an escrow or a treasury. Empty where all is well.
    pub async fn violations(&self, wallets: &[Address]) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut tokens = 0u128;
        for bus in &self.buses {
            let audit = self.market().audit(bus).await?;
            tokens += u128::from(audit.escrow) + u128::from(audit.treasury);
            found.extend(audit.violations);
            if audit.gifts != 0 {
                found.push(format!("escrow of {bus} has {} base units that are no deposits", audit.gifts));
            }
        }
        for wallet in wallets.iter().chain([&self.owner.address()]) {
            tokens += u128::from(self.tokens(wallet).await?);
            for lane in self.market().traders(wallet).await? {
                if let Err(rule) = lane.check_invariants() {
                    found.push(format!("lane {} of {wallet}: {rule} does not hold", lane.lane));
                }
                let history = self.market().history(wallet, lane.lane).await?;
                found.extend(history.flaws.iter().map(|flaw| format!("lane {} of {wallet}: {flaw}", lane.lane)));
            }
        }
        let supply = u128::from(self.market().mint(&self.mint).await?.supply);
        if tokens != supply {
            found.push(format!("{tokens} base units are in wallets, escrows and treasuries, and {supply} exist"));
        }
        Ok(found)
    }
}

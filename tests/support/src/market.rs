//! A market of its own on any chain: a new token, new buses, and wallets with money. Nobody else's transactions touch it.

use {
    futures_util::{StreamExt, TryStreamExt, stream},
    multibus_client::{
        Address, Error, Instruction, Keypair, Market, Result, Signer, Wallet,
        address::associated_token,
        bus::{BusConfig, ListingPolicy, OwnerShare},
        chain::{Chain, EmbeddedChain},
        market::Settlement,
        multibus::token::SPL_TOKEN_ID,
        offer::{EnergySource, OfferTerms},
        terms::{SettlementTime, TermsConfig},
        token::{create_associated_token, mint_to},
    },
    std::sync::Arc,
};

/// Lamports of a SOL.
pub const SOL: u64 = 1_000_000_000;
/// Base units of the token that wallets of an embedded market start with.
pub const FUNDS: u64 = 1_000_000_000;
/// Lowest price on an [`open_bus`], in base units per kWh.
pub const BASE_PRICE: u64 = 100;
/// How far ahead offers of an [`open_bus`] can expire, in seconds: 30 days.
pub const HORIZON_SECONDS: u32 = 30 * 24 * 60 * 60;
/// Decimals of the token.
const DECIMALS: u8 = 6;
/// Wallets that one transaction funds.
const FUNDED_AT_ONCE: usize = 5;

/// A new token, with buses that settle in it.
#[derive(Clone)]
pub struct FreshMarket<C> {
    /// The chain.
    pub chain: Arc<C>,
    /// Mints the token, and creates the buses.
    pub owner: Wallet,
    /// The token.
    pub mint: Address,
    /// The token program of the token.
    pub token_program: Address,
    /// All buses.
    pub buses: Vec<Address>,
    /// The first bus.
    pub bus: Address,
}

/// A bus that is open for listing, without windows, with one owner.
pub fn open_bus(owner: &Wallet) -> BusConfig {
    BusConfig {
        name: "Sunny Lane".to_owned(),
        owners: vec![OwnerShare { owner: owner.address(), share_bps: 10_000 }],
        threshold: 1,
        pause_quorum: 0,
        listing_policy: ListingPolicy::Open as u8,
        lock_fee_bps: 100,
        timelock_seconds: 0,
        horizon_seconds: HORIZON_SECONDS,
        terms: TermsConfig::default(),
        capacity_wh: 1_000_000_000,
        base_price_per_kwh: BASE_PRICE,
        reserve_price_per_kwh: 0,
        least_wh: 1,
        operator: None,
        grid_recipient: None,
    }
}

/// Terms of delivery: windows of 15 minutes whose gate closes 5 minutes before, a grid fee of 50 base units per kWh, one hour for
/// the first reading and one for corrections.
pub const ON_DELIVERY: TermsConfig = TermsConfig {
    window_seconds: 900,
    gate_closure_seconds: 300,
    settlement: SettlementTime::OnDelivery as u8,
    grid_fee_per_kwh: 50,
    reading_deadline_seconds: 3_600,
    correction_seconds: 3_600,
    auction: false,
};

/// An [`open_bus`] that settles on delivery; its owner is the operator.
pub fn delivery_bus(owner: &Wallet) -> BusConfig {
    BusConfig { terms: ON_DELIVERY, operator: Some(owner.address()), ..open_bus(owner) }
}

/// An [`open_bus`] whose windows of 15 minutes an auction closes, 5 minutes before they start, with a grid fee of 50 base units per kWh.
/// On purchase terms, or on those of [`ON_DELIVERY`]; its owner is the operator.
pub fn auction_bus(owner: &Wallet, settlement: SettlementTime) -> BusConfig {
    let on_purchase = TermsConfig {
        settlement: SettlementTime::OnPurchase as u8,
        reading_deadline_seconds: 0,
        correction_seconds: 0,
        ..ON_DELIVERY
    };
    let terms = match settlement {
        SettlementTime::OnPurchase => on_purchase,
        SettlementTime::OnDelivery => ON_DELIVERY,
    };
    BusConfig { terms: TermsConfig { auction: true, ..terms }, operator: Some(owner.address()), ..open_bus(owner) }
}

/// Solar energy without a window, for as long as the bus allows.
pub fn terms(energy_wh: u64, price_per_kwh: u64) -> OfferTerms {
    OfferTerms { window_start: 0, energy_wh, price_per_kwh, expires_at: 0, source: EnergySource::Solar }
}

impl<C: Chain + 'static> FreshMarket<C> {
    /// Makes a token and these buses. A new wallet pays for all of it, with lamports from the chain's faucet.
    ///
    /// # Errors
    /// Where the chain gives no lamports, or refuses.
    pub async fn found(
        chain: Arc<C>,
        lamports: u64,
        token_program: &Address,
        buses: impl FnOnce(&Wallet) -> Vec<BusConfig>,
    ) -> Result<Self> {
        let owner = Wallet::new(chain.clone(), Arc::new(Keypair::new()));
        chain.airdrop(&owner.address(), lamports).await?;
        let mint = owner.mint_create(DECIMALS, token_program).await?.address;
        let mut created = Vec::new();
        for config in buses(&owner) {
            created.push(owner.bus_create(&mint, &config).await?.address);
        }
        let buses = created;
        let bus = *buses.first().ok_or_else(|| Error::Invalid("a market needs a bus".to_owned()))?;
        Ok(Self { chain, owner, mint, token_program: *token_program, buses, bus })
    }

    /// Read-only queries.
    pub fn market(&self) -> &Market {
        self.owner.market()
    }

    /// The settlement that all buses share.
    ///
    /// # Errors
    /// Where the chain does not answer.
    pub async fn settlement(&self) -> Result<Settlement> {
        self.market().settlement(&self.bus).await
    }

    /// The token account of a wallet.
    pub fn token_account(&self, wallet: &Address) -> Address {
        associated_token(wallet, &self.mint, &self.token_program)
    }

    /// Gives lamports of the owner and new tokens to each wallet.
    ///
    /// # Errors
    /// Where the owner has too few lamports, or the chain refuses.
    pub async fn fund(&self, wallets: &[Address], lamports: u64, tokens: u64) -> Result<()> {
        let owner = self.owner.address();
        let mut groups = Vec::new();
        for group in wallets.chunks(FUNDED_AT_ONCE) {
            let mut instructions: Vec<Instruction> = Vec::new();
            for wallet in group {
                let account = self.token_account(wallet);
                instructions.push(solana_system_interface::instruction::transfer(&owner, wallet, lamports));
                instructions.push(create_associated_token(&owner, wallet, &self.mint, &self.token_program));
                instructions.push(mint_to(&self.mint, &account, &owner, tokens, &self.token_program)?);
            }
            groups.push(instructions);
        }
        stream::iter(groups)
            .map(|instructions| async move { self.owner.send(&instructions).await.map(drop) })
            .buffer_unordered(16)
            .try_collect::<()>()
            .await
    }

    /// Tokens of a wallet, in base units; 0 where it has no account.
    ///
    /// # Errors
    /// Where the chain does not answer.
    pub async fn tokens(&self, wallet: &Address) -> Result<u64> {
        match self.market().token_balance(&self.token_account(wallet)).await {
            Err(Error::NotFound { .. }) => Ok(0),
            balance => balance,
        }
    }

    /// What is wrong with the market; nothing where all is well. Every bus must keep its invariants, the history of every
    /// lane of these wallets must be verified, and every token must be in one of these wallets, the owner's, a vault, an
    /// escrow, an unclaimed account or a treasury.
    ///
    /// # Errors
    /// Where the chain does not answer.
    pub async fn violations(&self, wallets: &[Address]) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut tokens = 0u128;
        for bus in &self.buses {
            let audit = self.market().audit(bus).await?;
            tokens += audit
                .vaults
                .values()
                .chain([&audit.unclaimed, &audit.treasury, &audit.escrow])
                .map(|held| u128::from(*held))
                .sum::<u128>();
            found.extend(audit.violations);
            if audit.gifts != 0 {
                found.push(format!("the accounts of {bus} hold {} base units that are not booked", audit.gifts));
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
            found.push(format!("{tokens} base units are in wallets and accounts of buses, and {supply} exist"));
        }
        Ok(found)
    }
}

/// A market on an embedded chain of its own.
pub type EmbeddedMarket = FreshMarket<EmbeddedChain>;

impl EmbeddedMarket {
    /// A market with one [`open_bus`] on a new embedded chain, in SPL Token.
    ///
    /// # Panics
    /// Where the program is not built.
    pub async fn new() -> Self {
        Self::in_token_of(&SPL_TOKEN_ID).await
    }

    /// The same in another token program.
    ///
    /// # Panics
    /// Where the program is not built.
    pub async fn in_token_of(token_program: &Address) -> Self {
        let chain = Arc::new(EmbeddedChain::new().expect("the program is built"));
        let fresh = Self::found(chain, 10_000 * SOL, token_program, |owner| vec![open_bus(owner)]).await;
        let fresh = fresh.expect("the chain takes everything");
        fresh.owner.mint_to(&fresh.mint, &fresh.owner.address(), FUNDS).await.expect("the owner mints");
        fresh
    }

    /// A new keypair with lamports and [`FUNDS`].
    ///
    /// # Panics
    /// Where the owner has too few lamports.
    pub async fn funded(&self) -> Arc<Keypair> {
        let keypair = Arc::new(Keypair::new());
        self.fund(&[keypair.pubkey()], 100 * SOL, FUNDS).await.expect("the owner pays");
        keypair
    }

    /// A new wallet with lamports and [`FUNDS`].
    ///
    /// # Panics
    /// Where the owner has too few lamports.
    pub async fn member(&self) -> Wallet {
        Wallet::new(self.chain.clone(), self.funded().await)
    }

    /// An offer of the owner's.
    ///
    /// # Panics
    /// Where the program refuses it.
    pub async fn offer(&self, energy_wh: u64, price_per_kwh: u64) -> Address {
        self.owner.offer_create(&self.bus, &terms(energy_wh, price_per_kwh)).await.expect("an offer").address
    }

    /// The number of purchases that the chain recorded for a wallet.
    ///
    /// # Panics
    /// Where an account of the chain cannot be read.
    pub async fn receipts(&self, wallet: &Address) -> usize {
        self.market().receipts(wallet).await.expect("receipts").len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fresh_market_is_sound_and_a_missing_token_is_noticed() {
        let fresh = EmbeddedMarket::new().await;
        let keypairs: Vec<Keypair> = (0..7).map(|_| Keypair::new()).collect();
        let wallets: Vec<Address> = keypairs.iter().map(Signer::pubkey).collect();
        fresh.fund(&wallets, SOL, 1_000).await.unwrap();
        for wallet in &wallets {
            assert_eq!(fresh.tokens(wallet).await.unwrap(), 1_000);
        }
        let seller = Wallet::new(fresh.chain.clone(), Arc::new(keypairs[0].insecure_clone()));
        seller.offer_create(&fresh.bus, &terms(1_000, 500)).await.unwrap();
        assert_eq!(fresh.violations(&wallets).await.unwrap(), Vec::<String>::new());
        let found = fresh.violations(&wallets[1..]).await.unwrap();
        assert!(found.len() == 1 && found[0].contains(&format!("{} base units", FUNDS + 6_000)), "{found:?}");
    }
}

//! The market that a local network begins with: two buses, their members, offers, a few trades.
//!
//! *Sunny Street* belongs to three neighbours. Only they list on it, in delivery windows of 15 minutes. *Harbour Feeder* is
//! open for everyone's listings and has no windows. Seeding adds only what is missing, so that it can be repeated, also
//! after an interruption.

use std::{collections::HashMap, sync::Arc};

use anyhow::{Context as _, Result};
use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use multibus_client::{
    Address, Error, Keyed, Market, PricePerKwh, Signer, Wallet, Wh, address,
    bus::{BusConfig, ListingPolicy, OwnerShare},
    chain::Chain,
    multibus::token::{MINT_LEN, SPL_TOKEN_ID},
    offer::{EnergySource, Offer, OfferFilter, OfferSort, OfferTerms},
    proposal::ProposalAction,
    purchase::{BatchItem, BatchOrder, PurchaseOrder},
    token,
};
use serde::{Deserialize, Serialize};

use crate::key;

/// Decimals of the test stablecoin.
pub const MINT_DECIMALS: u8 = 6;
/// Base units of a token.
const TOKEN: u64 = 1_000_000;
/// Lamports of a SOL.
const SOL: u64 = 1_000_000_000;
/// What every wallet starts with, in SOL.
pub const START_SOL: u64 = 100;
/// What every wallet starts with, in tokens.
pub const START_TOKENS: u64 = 1_000;
/// Length of a delivery window of Sunny Street, in seconds.
const WINDOW_SECONDS: u32 = 900;
/// How long before a window its trading stops, in seconds.
const GATE_CLOSURE_SECONDS: u32 = 60;
/// Windows ahead in which Sunny Street's owners have energy on offer: two hours.
const WINDOWS_AHEAD: i64 = 8;
/// Windows that are listed at the same time.
const AT_ONCE: usize = 4;

/// The wallets, and what each is for.
pub const WALLETS: [(&str, &str); 7] = [
    ("operator", "mints the test stablecoin and may upgrade the program"),
    ("alice", "owns half of Sunny Street, sells solar energy"),
    ("bob", "owns 30% of Sunny Street, sells wind energy"),
    ("carol", "owns 20% of Sunny Street, sells from a battery"),
    ("dave", "owns Harbour Feeder, sells energy from biomass"),
    ("erin", "buys, and sells solar energy on Harbour Feeder"),
    ("frank", "buys, and sells from a battery on Harbour Feeder"),
];

/// What an owner of Sunny Street lists in every window: seller, Wh, base units per kWh, source, whether for the bus.
const LISTED: [(&str, u64, u64, EnergySource, bool); 4] = [
    ("alice", 4_000, 210_000, EnergySource::Solar, false),
    ("bob", 3_000, 230_000, EnergySource::Wind, false),
    ("carol", 2_500, 290_000, EnergySource::Storage, false),
    ("alice", 5_000, 190_000, EnergySource::Solar, true),
];

/// A bus of the village.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeededBus {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// One line about it.
    pub about: String,
}

/// The seeded market.
pub struct Village {
    market: Market,
    wallets: HashMap<&'static str, Wallet>,
    /// The test stablecoin.
    pub mint: Address,
    /// The bus whose owners alone list, with windows.
    pub sunny_street: Address,
    /// The bus that is open for listing, without windows.
    pub harbour_feeder: Address,
}

impl Village {
    /// Makes what is missing: wallets with SOL and tokens, the stablecoin, both buses, offers, trades, a proposal.
    ///
    /// # Errors
    /// Where the network refuses, with what was being done.
    pub async fn seed(chain: Arc<dyn Chain>) -> Result<Self> {
        let market = Market::new(chain.clone());
        let wallet = |name| Wallet::new(chain.clone(), Arc::new(key::keypair(name)));
        let wallets: HashMap<_, _> = WALLETS.iter().map(|(name, _)| (*name, wallet(name))).collect();
        let mint = key::mint().pubkey();
        let (sunny_street, harbour_feeder) =
            (address::bus(&key::address("alice"), 0), address::bus(&key::address("dave"), 0));
        let village = Self { market, wallets, mint, sunny_street, harbour_feeder };
        village.fund().await.context("the wallets could not be funded")?;
        village.create_buses().await.context("the buses could not be created")?;
        village.tend().await.context("the energy of Sunny Street could not be listed")?;
        village.trade().await.context("the first trades could not be made")?;
        Ok(village)
    }

    /// Both buses, to show.
    pub fn buses(&self) -> Vec<SeededBus> {
        let bus = |name: &str, address: &Address, about: &str| SeededBus {
            name: name.to_owned(),
            address: address.to_string(),
            about: about.to_owned(),
        };
        vec![
            bus("Sunny Street", &self.sunny_street, "its three owners list, in windows of 15 minutes"),
            bus("Harbour Feeder", &self.harbour_feeder, "anyone lists, no windows"),
        ]
    }

    fn wallet(&self, name: &'static str) -> &Wallet {
        &self.wallets[name]
    }

    async fn fund(&self) -> Result<()> {
        let chain = self.market.chain();
        try_join_all(self.wallets.values().map(|wallet| async {
            let address = wallet.address();
            let account = chain.accounts(&[address]).await?.remove(0);
            match account.is_some_and(|account| account.lamports >= SOL) {
                true => Ok(()),
                false => chain.airdrop(&address, START_SOL * SOL).await,
            }
        }))
        .await?;
        let operator = self.wallet("operator");
        if let Err(Error::NotFound { .. }) = self.market.mint(&self.mint).await {
            let rent = chain.minimum_rent(MINT_LEN).await?;
            let authority = operator.address();
            let create = token::create_mint(&authority, &self.mint, &authority, MINT_DECIMALS, &SPL_TOKEN_ID, rent)?;
            operator.send_with(&[Arc::new(key::mint())], &create, &[]).await?;
        }
        try_join_all(self.wallets.values().map(|wallet| async {
            let account = address::associated_token(&wallet.address(), &self.mint, &SPL_TOKEN_ID);
            match self.market.token_balance(&account).await {
                Err(Error::NotFound { .. }) => {
                    operator.mint_to(&self.mint, &wallet.address(), START_TOKENS * TOKEN).await.map(drop)
                }
                known => known.map(drop),
            }
        }))
        .await?;
        Ok(())
    }

    async fn create_buses(&self) -> Result<()> {
        let owner = |name, share_bps| OwnerShare { owner: key::address(name), share_bps };
        let sunny_street = BusConfig {
            name: "Sunny Street".to_owned(),
            owners: vec![owner("alice", 5_000), owner("bob", 3_000), owner("carol", 2_000)],
            threshold: 2,
            pause_quorum: 1,
            listing_policy: ListingPolicy::OwnersOnly as u8,
            lock_fee_bps: 50,
            timelock_seconds: 0,
            window_seconds: WINDOW_SECONDS,
            gate_closure_seconds: GATE_CLOSURE_SECONDS,
            capacity_wh: 40_000,
            base_price_per_kwh: 100_000,
        };
        let harbour_feeder = BusConfig {
            name: "Harbour Feeder".to_owned(),
            owners: vec![owner("dave", 10_000)],
            threshold: 1,
            pause_quorum: 0,
            listing_policy: ListingPolicy::Open as u8,
            window_seconds: 0,
            gate_closure_seconds: 0,
            capacity_wh: 500_000,
            base_price_per_kwh: 80_000,
            ..sunny_street.clone()
        };
        for (creator, bus, config) in
            [("alice", self.sunny_street, sunny_street), ("dave", self.harbour_feeder, harbour_feeder)]
        {
            if let Err(Error::NotFound { .. }) = self.market.bus(&bus).await {
                self.wallet(creator).bus_create(0, &self.mint, &config).await?;
            }
        }
        Ok(())
    }

    /// Keeps Sunny Street going as time passes: closes windows that are over, and lists energy in the next ones. To be
    /// called every few minutes.
    ///
    /// # Errors
    /// Where the network refuses. The next call goes on where this one stopped.
    pub async fn tend(&self) -> Result<()> {
        let bus = self.market.bus(&self.sunny_street).await?;
        let now = self.market.chain().clock().await?.unix_timestamp;
        let length = i64::from(bus.window_seconds);
        if length == 0 || bus.paused == 1 {
            // Its owners paused it or turned windows off, so there is nothing to list.
            return Ok(());
        }
        for offer in self.market.all_offers(&self.sunny_street).await? {
            if now >= bus.gate_closes_at(offer.window_start) && offer.open_locks == 0 {
                self.wallet("operator").offer_cancel(&offer.address).await?;
            }
        }
        let capacities = self.market.capacities(&self.sunny_street).await?;
        for capacity in &capacities {
            let is_over = capacity.window_start != 0 && capacity.window_start + length < now;
            if is_over && capacity.open_offers == 0 {
                self.wallet("operator").capacity_close(&self.sunny_street, capacity.window_start).await?;
            }
        }
        // The first whose gate stays open for a while.
        let first = (now + 2 * i64::from(bus.gate_closure_seconds)).div_euclid(length) * length + length;
        let is_open = |start: i64| capacities.iter().any(|capacity| capacity.window_start == start);
        let starts = (0..WINDOWS_AHEAD).map(|window| first + window * length).filter(|start| !is_open(*start));
        let listing = stream::iter(starts).map(|start| self.list_window(start)).buffer_unordered(AT_ONCE);
        listing.try_collect::<Vec<()>>().await?;
        Ok(())
    }

    async fn list_window(&self, window_start: i64) -> Result<()> {
        // Prices differ by the hour, so that the windows look different.
        let hour = window_start.div_euclid(3_600).rem_euclid(24).unsigned_abs();
        for (seller, energy_wh, price, source, for_bus) in LISTED {
            let price_per_kwh = price + hour.abs_diff(13) * 2_000;
            let terms = OfferTerms { window_start, energy_wh, price_per_kwh, expires_at: 0, source };
            match for_bus {
                true => self.wallet(seller).offer_create_for_bus(&self.sunny_street, &terms).await?,
                false => self.wallet(seller).offer_create(&self.sunny_street, &terms).await?,
            };
        }
        Ok(())
    }

    async fn trade(&self) -> Result<()> {
        if self.market.all_offers(&self.harbour_feeder).await?.is_empty() {
            let offers = [
                ("dave", 20_000, 310_000, EnergySource::Biomass),
                ("erin", 6_000, 190_000, EnergySource::Solar),
                ("frank", 10_000, 270_000, EnergySource::Storage),
            ];
            try_join_all(offers.map(|(seller, energy_wh, price_per_kwh, source)| async move {
                let terms = OfferTerms { window_start: 0, energy_wh, price_per_kwh, expires_at: 0, source };
                self.wallet(seller).offer_create(&self.harbour_feeder, &terms).await
            }))
            .await?;
        }
        // A buyer's first purchase opens its lane: a wallet without a lane has not bought yet.
        let (erin, frank) = (self.wallet("erin"), self.wallet("frank"));
        if self.market.traders(&erin.address()).await?.is_empty() {
            let own = self.book(&self.sunny_street, erin).await?;
            let of_bus =
                own.iter().find(|offer| offer.owned_by_bus == 1).context("Sunny Street has nothing on offer")?;
            erin.buy(&PurchaseOrder::exactly(of_bus.address, Wh(1_500), PricePerKwh(of_bus.price_per_kwh))).await?;
        }
        if self.market.traders(&frank.address()).await?.is_empty() {
            let book = self.book(&self.harbour_feeder, frank).await?;
            let items = book.iter().map(|offer| BatchItem::at_quote(*offer, 1_250)).collect();
            frank.buy_batch(&BatchOrder::at_quote(items)?).await?;
        }
        if self.market.proposals(&self.sunny_street).await?.is_empty() {
            let action = ProposalAction::LockFeeSet { lock_fee_bps: 100 };
            self.wallet("alice").propose(&self.sunny_street, &action).await?;
        }
        Ok(())
    }

    /// What a wallet could buy now, the cheapest first.
    async fn book(&self, bus: &Address, buyer: &Wallet) -> Result<Vec<Keyed<Offer>>> {
        let filter = OfferFilter { not_seller: Some(buyer.address()), ..OfferFilter::default() };
        Ok(self.market.active_offers(bus, &filter, OfferSort::Price).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use multibus_client::chain::EmbeddedChain;

    #[tokio::test]
    async fn the_village_is_seeded_once_and_tended_as_time_passes() {
        let chain = Arc::new(EmbeddedChain::new().expect("the program is built"));
        let village = Village::seed(chain.clone()).await.unwrap();
        let market = Market::new(chain.clone());
        let offers = market.all_offers(&village.sunny_street).await.unwrap();
        assert_eq!(offers.len(), WINDOWS_AHEAD as usize * LISTED.len());
        assert_eq!(market.all_offers(&village.harbour_feeder).await.unwrap().len(), 3);
        assert_eq!(market.treasury(&village.sunny_street).await.unwrap().balance, {
            let sold = offers.iter().find(|offer| offer.remaining_wh < offer.listed_wh).unwrap();
            sold.price_per_kwh * 3 / 2
        });
        let proposals = market.proposals(&village.sunny_street).await.unwrap();
        assert_eq!((proposals.len(), proposals[0].approval_count()), (1, 1));

        let seeded = chain.signatures_for(&multibus_client::multibus::ID, None, 1_000).await.unwrap();
        Village::seed(chain.clone()).await.unwrap();
        let again = chain.signatures_for(&multibus_client::multibus::ID, None, 1_000).await.unwrap();
        assert_eq!(seeded.len(), again.len(), "what is there is left as it is");

        let now = chain.clock().await.unwrap().unix_timestamp;
        let later = chain.wait_until(now + 3 * i64::from(WINDOW_SECONDS)).await.unwrap().unix_timestamp;
        village.tend().await.unwrap();
        let offers = market.all_offers(&village.sunny_street).await.unwrap();
        assert!(offers.iter().all(|offer| offer.window_start > later));
        assert_eq!(offers.len(), WINDOWS_AHEAD as usize * LISTED.len());
        let capacities = market.capacities(&village.sunny_street).await.unwrap();
        // A window that is delivered now is neither listed nor over.
        assert!(capacities.len() <= WINDOWS_AHEAD as usize + 4, "{} capacities", capacities.len());
    }
}

//! The market that a local network begins with: four buses, their members, offers, a few trades.
//!
//! *Sunny Street* belongs to three neighbours. Only they list on it, in delivery windows of 15 minutes, for themselves and
//! for the bus. *Harbour Feeder* is open for everyone's listings and has no windows. On *Mill Brook* sellers are paid for what
//! their meters say they delivered, in windows of 5 minutes, and buyers pay a grid fee; see [`crate::brook`]. On *Market
//! Square* an auction closes each window of 10 minutes; see [`crate::square`]. The operator of all may admit and suspend sellers. Seeding adds only what is missing, so that it can be repeated, also after an interruption.
//!
//! Time passes, and somebody has to end what is over: [`Village::tend`] releases locks that have expired, withdraws offers
//! that no longer trade, closes windows, moves the revenue of the bus to its treasury, and lists energy in the next windows. The
//! auctions of every bus on the network are cleared and settled; on Mill Brook it also reports, releases and refunds.
//! Anyone could do most of it.

use std::{collections::HashMap, sync::Arc};

use anyhow::{Context as _, Result};
use futures_util::future::try_join_all;
use multibus_client::{
    Address, Error, Keyed, Market, PricePerKwh, SharedSigner, Signer, Wallet, Wh, address,
    bus::{Bus, BusConfig, ListingPolicy, OwnerShare},
    capacity::capacity_open,
    chain::Chain,
    lock::{LockFilter, LockState},
    multibus::{
        constants::AUCTION_CLOSING_SECONDS,
        token::{MINT_LEN, SPL_TOKEN_ID},
    },
    offer::{EnergySource, Offer, OfferFilter, OfferSort, OfferTerms, is_tradable, offer_create},
    proposal::ProposalAction,
    purchase::{BatchItem, BatchOrder, PurchaseOrder},
    terms::{SettlementTime, TermsConfig},
    token,
};
use serde::{Deserialize, Serialize};

use crate::key;

/// Decimals of the test stablecoin.
pub const MINT_DECIMALS: u8 = 6;
/// Base units of a token.
pub(crate) const TOKEN: u64 = 1_000_000;
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
/// How far ahead windows open and offers expire, in seconds: a week.
const HORIZON_SECONDS: u32 = 7 * 86_400;
/// Lowest price of the bus's own energy on Sunny Street, in base units per kWh.
const RESERVE_PRICE: u64 = 150_000;
/// Windows ahead in which Sunny Street's owners have energy on offer: two hours.
const WINDOWS_AHEAD: i64 = 8;

/// Terms of Mill Brook: windows of 5 minutes whose gate closes a minute before; a grid fee of 0.03 tokens a kWh; an hour for the first reading, and
/// one for corrections.
pub(crate) const BROOK_TERMS: TermsConfig = TermsConfig {
    window_seconds: 300,
    gate_closure_seconds: 60,
    settlement: SettlementTime::OnDelivery as u8,
    grid_fee_per_kwh: 30_000,
    reading_deadline_seconds: 3_600,
    correction_seconds: 3_600,
    auction: false,
};

/// Terms of Market Square: windows of 10 minutes that an auction closes 5 minutes before they start; a grid fee of 0.03 tokens a kWh.
pub(crate) const SQUARE_TERMS: TermsConfig = TermsConfig {
    window_seconds: 600,
    gate_closure_seconds: 300,
    settlement: SettlementTime::OnPurchase as u8,
    grid_fee_per_kwh: 30_000,
    reading_deadline_seconds: 0,
    correction_seconds: 0,
    auction: true,
};

/// The wallets, and what each is for.
pub const WALLETS: [(&str, &str); 7] = [
    (
        "operator",
        "mints the test stablecoin, may upgrade the program, admits or suspends sellers, registers meters, gets grid fees",
    ),
    ("alice", "owns half of Sunny Street, sells solar energy, buys on Mill Brook, bids on Market Square"),
    ("bob", "owns 30% of Sunny Street, sells wind energy, bids on Market Square"),
    ("carol", "owns 20% of Sunny Street, sells from a battery, bids on Market Square"),
    ("dave", "owns Harbour Feeder, Mill Brook and Market Square, sells energy from biomass"),
    ("erin", "buys, and sells solar energy on Harbour Feeder, Mill Brook and Market Square"),
    ("frank", "buys, and sells from a battery on Harbour Feeder, wind energy on Mill Brook and Market Square"),
];

/// What owners of Sunny Street list in every window: seller, Wh, base units per kWh, source, whether for the bus.
const LISTED: [(&str, u64, u64, EnergySource, bool); 4] = [
    ("alice", 4_000, 210_000, EnergySource::Solar, false),
    ("bob", 3_000, 230_000, EnergySource::Wind, false),
    ("carol", 2_500, 290_000, EnergySource::Storage, false),
    ("alice", 5_000, 190_000, EnergySource::Solar, true),
];

/// What sellers of Harbour Feeder list: seller, Wh, base units per kWh, source.
const LISTED_AT_HARBOUR: [(&str, u64, u64, EnergySource); 3] = [
    ("dave", 20_000, 310_000, EnergySource::Biomass),
    ("erin", 6_000, 190_000, EnergySource::Solar),
    ("frank", 10_000, 270_000, EnergySource::Storage),
];
/// With less than this on offer there, they list again, in Wh.
const LEAST_AT_HARBOUR_WH: u64 = 4_000;
/// What Erin buys of the bus's own energy on Sunny Street once it trades, in Wh.
const BOUGHT_OF_BUS_WH: u64 = 1_500;

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
    pub(crate) market: Market,
    wallets: HashMap<&'static str, Wallet>,
    /// The test stablecoin.
    pub mint: Address,
    /// The bus whose owners alone list, with windows.
    pub sunny_street: Address,
    /// The bus that is open for listing, without windows.
    pub harbour_feeder: Address,
    /// The bus on delivery terms.
    pub mill_brook: Address,
    /// The bus whose windows auctions close.
    pub market_square: Address,
}

impl Village {
    /// Makes what is missing: wallets with SOL and tokens, the stablecoin, all buses, offers, bids, trades, a proposal.
    ///
    /// # Errors
    /// Where the network refuses, with what was being done.
    pub async fn seed(chain: Arc<dyn Chain>) -> Result<Self> {
        let market = Market::new(chain.clone());
        let wallet = |name| Wallet::new(chain.clone(), Arc::new(key::keypair(name)));
        let wallets: HashMap<_, _> = WALLETS.iter().map(|(name, _)| (*name, wallet(name))).collect();
        let mint = key::mint().pubkey();
        let none = Address::default();
        let mut village = Self {
            market,
            wallets,
            mint,
            sunny_street: none,
            harbour_feeder: none,
            mill_brook: none,
            market_square: none,
        };
        village.fund().await.context("the wallets could not be funded")?;
        village.create_buses().await.context("the buses could not be created")?;
        village.tend().await.context("the energy could not be listed")?;
        village.trade().await.context("the first trades could not be made")?;
        Ok(village)
    }

    /// All buses, to show.
    pub fn buses(&self) -> Vec<SeededBus> {
        let bus = |name: &str, address: &Address, about: &str| SeededBus {
            name: name.to_owned(),
            address: address.to_string(),
            about: about.to_owned(),
        };
        vec![
            bus("Sunny Street", &self.sunny_street, "its three owners list, in windows of 15 minutes"),
            bus("Harbour Feeder", &self.harbour_feeder, "anyone lists, no windows"),
            bus("Mill Brook", &self.mill_brook, "anyone with a meter lists, sellers are paid for what they delivered"),
            bus(
                "Market Square",
                &self.market_square,
                "anyone lists and bids, an auction closes each window of 10 minutes",
            ),
        ]
    }

    pub(crate) fn wallet(&self, name: &'static str) -> &Wallet {
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

    async fn create_buses(&mut self) -> Result<()> {
        let owner = |name, share_bps| OwnerShare { owner: key::address(name), share_bps };
        let sunny_street = BusConfig {
            name: "Sunny Street".to_owned(),
            owners: vec![owner("alice", 5_000), owner("bob", 3_000), owner("carol", 2_000)],
            threshold: 2,
            pause_quorum: 1,
            listing_policy: ListingPolicy::OwnersOnly as u8,
            lock_fee_bps: 50,
            timelock_seconds: 0,
            horizon_seconds: HORIZON_SECONDS,
            terms: TermsConfig {
                window_seconds: WINDOW_SECONDS,
                gate_closure_seconds: GATE_CLOSURE_SECONDS,
                ..TermsConfig::default()
            },
            capacity_wh: 40_000,
            base_price_per_kwh: 100_000,
            reserve_price_per_kwh: RESERVE_PRICE,
            least_wh: 1,
            operator: Some(key::address("operator")),
            grid_recipient: None,
        };
        let harbour_feeder = BusConfig {
            name: "Harbour Feeder".to_owned(),
            owners: vec![owner("dave", 10_000)],
            threshold: 1,
            pause_quorum: 0,
            listing_policy: ListingPolicy::Open as u8,
            terms: TermsConfig::default(),
            capacity_wh: 500_000,
            base_price_per_kwh: 80_000,
            reserve_price_per_kwh: 0,
            ..sunny_street.clone()
        };
        let mill_brook = BusConfig {
            name: "Mill Brook".to_owned(),
            terms: BROOK_TERMS,
            capacity_wh: 20_000,
            grid_recipient: Some(key::address("operator")),
            ..harbour_feeder.clone()
        };
        let market_square = BusConfig {
            name: "Market Square".to_owned(),
            terms: SQUARE_TERMS,
            capacity_wh: 20_000,
            grid_recipient: Some(key::address("operator")),
            ..harbour_feeder.clone()
        };
        self.sunny_street = self.find_or_create_bus("alice", &sunny_street).await?;
        self.harbour_feeder = self.find_or_create_bus("dave", &harbour_feeder).await?;
        self.mill_brook = self.find_or_create_bus("dave", &mill_brook).await?;
        self.market_square = self.find_or_create_bus("dave", &market_square).await?;
        Ok(())
    }

    /// The creator's first bus of this name. Its address is known once it is there: numbers of buses start at a slot.
    async fn find_or_create_bus(&self, creator: &'static str, config: &BusConfig) -> Result<Address> {
        let mut buses = self.market.buses_created_by(&key::address(creator)).await?;
        buses.sort_unstable_by_key(|bus| bus.bus_seq);
        match buses.iter().find(|bus| bus.name() == config.name) {
            Some(bus) => Ok(bus.address),
            None => Ok(self.wallet(creator).bus_create(&self.mint, config).await?.address),
        }
    }

    /// Keeps the market going as time passes: clears and settles auctions, releases locks that have expired, withdraws offers that
    /// no longer trade, closes windows that are over, and lists energy anew. To be called every few minutes.
    ///
    /// # Errors
    /// Where the network refuses. The next call goes on where this one stopped.
    pub async fn tend(&self) -> Result<()> {
        let now = self.market.chain().clock().await?.unix_timestamp;
        self.keep_auctions().await?;
        for bus in [self.sunny_street, self.harbour_feeder, self.mill_brook, self.market_square] {
            self.end_what_is_over(&bus, now).await?;
        }
        self.list_at_harbour().await?;
        self.list_windows(now).await?;
        self.buy_from_bus(now).await?;
        self.pay_bus().await?;
        self.tend_brook(now).await?;
        self.tend_square(now).await
    }

    /// Clears and settles the auctions of every bus that has some, whoever created it.
    ///
    /// # Errors
    /// Where a bus cannot be read. What stops one window is left for the next call.
    pub async fn keep_auctions(&self) -> Result<()> {
        let keeper = self.wallet("operator");
        for bus in self.market.buses().await? {
            if bus.terms.has_auction() || bus.next_terms.has_auction() {
                keeper.auction_keep(&bus.address).await?;
            }
        }
        Ok(())
    }

    /// Ends what anyone may end: locks that have expired, offers that no longer trade, windows that are over.
    async fn end_what_is_over(&self, bus: &Address, now: i64) -> Result<()> {
        let keeper = self.wallet("operator");
        for lock in self.market.locks(&LockFilter { bus: Some(*bus), ..LockFilter::default() }).await? {
            // A lock whose refund could not leave the vault is released again: by now it may.
            if lock.is_expired(now) || lock.state == LockState::Unpaid as u8 {
                unless_gone(keeper.lock_release(&lock.address).await)?;
            }
        }
        for offer in self.market.all_offers(bus).await? {
            let is_over = now >= offer.expires_at || offer.cancelled != 0 || offer.remaining_wh == 0;
            // What is under locks is withdrawn when they have ended. Auctions withdraw their offers from the gate on.
            let is_in_auction = offer.in_auction == 1 && now >= offer.gate_closes_at - AUCTION_CLOSING_SECONDS;
            if is_over && offer.open_locks == 0 && !is_in_auction {
                unless_gone(keeper.offer_cancel(&offer.address).await)?;
            }
        }
        for capacity in self.market.capacities(bus).await? {
            let is_over = capacity.window_start != 0
                && capacity.window_start + i64::from(capacity.terms.window_seconds) <= now
                && capacity.open_offers == 0
                && capacity.open_bids == 0;
            if is_over {
                unless_gone(keeper.capacity_close(bus, capacity.window_start).await)?;
            }
        }
        Ok(())
    }

    /// Whether anything can be listed on a bus: its owners neither paused it nor are they closing it.
    pub(crate) fn takes_offers(bus: &Bus) -> bool {
        bus.paused == 0 && bus.closing == 0
    }

    /// Lists energy in those of Sunny Street's next windows that have none.
    async fn list_windows(&self, now: i64) -> Result<()> {
        let bus = self.market.bus(&self.sunny_street).await?;
        let terms = *bus.terms_at(now);
        let length = i64::from(terms.window_seconds);
        if length == 0 || !Self::takes_offers(&bus) {
            // Its owners turned windows off, or stopped the bus.
            return Ok(());
        }
        let capacities = self.market.capacities(&self.sunny_street).await?;
        // The first whose gate stays open for a while.
        let first = (now + 2 * i64::from(terms.gate_closure_seconds)).div_euclid(length) * length + length;
        let is_open = |start: i64| capacities.iter().any(|capacity| capacity.window_start == start);
        let starts = (0..WINDOWS_AHEAD).map(|window| first + window * length).filter(|start| !is_open(*start));
        let starts: Vec<i64> = starts.collect();
        if starts.is_empty() {
            return Ok(());
        }
        self.open_sellers(&bus).await?;
        for start in starts {
            self.list_window(&bus, start).await?;
        }
        Ok(())
    }

    /// The seller account that an entry of [`LISTED`] lists from: its owner's, or that of the bus.
    fn seller_wallet(&self, lister: &str, for_bus: bool) -> Address {
        if for_bus { self.sunny_street } else { key::address(lister) }
    }

    /// Opens the seller accounts of Sunny Street that are missing.
    async fn open_sellers(&self, bus: &Keyed<Bus>) -> Result<()> {
        try_join_all(LISTED.map(|(lister, .., for_bus)| async move {
            let wallet = self.seller_wallet(lister, for_bus);
            let is_owner = bus.owner_index(&key::address(lister)).is_some();
            if !is_owner || self.market.find_seller(&bus.address, &wallet).await?.is_some() {
                return Ok::<_, Error>(());
            }
            match for_bus {
                true => self.wallet(lister).seller_open_for_bus(&bus.address).await?,
                false => self.wallet(lister).seller_open(&bus.address).await?,
            };
            Ok(())
        }))
        .await?;
        Ok(())
    }

    /// Opens a window of Sunny Street and lists energy of all owners in it, in one transaction: a window that is open has
    /// all of it.
    async fn list_window(&self, bus: &Keyed<Bus>, window_start: i64) -> Result<()> {
        // Prices differ by the hour, so that the windows look different.
        let hour = window_start.div_euclid(3_600).rem_euclid(24).unsigned_abs();
        let payer = self.wallet("operator");
        let mut instructions = vec![capacity_open(&payer.address(), &bus.address, window_start)];
        let mut signers: Vec<SharedSigner> = Vec::new();
        for (lister, energy_wh, price, source, for_bus) in LISTED {
            let seller = self.market.find_seller(&bus.address, &self.seller_wallet(lister, for_bus)).await?;
            let lister = self.wallet(lister);
            // An owner may have left, and a seller may be suspended.
            let Some(seller) = seller.filter(|seller| seller.suspended == 0) else { continue };
            if bus.owner_index(&lister.address()).is_none() {
                continue;
            }
            let signer = lister.signer().clone();
            let of_window = bus.terms_at(window_start);
            let terms = OfferTerms {
                window_start,
                energy_wh,
                price_per_kwh: price + hour.abs_diff(13) * 2_000,
                expires_at: of_window.gate_closes_at(window_start),
                source,
            };
            let (lister, number) = (lister.address(), seller.next_offer);
            instructions.push(offer_create(&lister, &bus.address, &seller.wallet, number, &terms, of_window));
            if signers.iter().all(|signer| signer.pubkey() != lister) {
                signers.push(signer);
            }
        }
        payer.send_with(&signers, &instructions, &[]).await?;
        Ok(())
    }

    /// Lists energy on Harbour Feeder where little is on offer: at the beginning, when all of it has expired, and when it
    /// is nearly sold.
    async fn list_at_harbour(&self) -> Result<()> {
        let bus = self.market.bus(&self.harbour_feeder).await?;
        let offers = self.market.all_offers(&self.harbour_feeder).await?;
        let free_wh: u64 = offers.iter().filter(|offer| offer.cancelled == 0).map(|offer| offer.free_wh()).sum();
        if !Self::takes_offers(&bus) || free_wh >= LEAST_AT_HARBOUR_WH {
            return Ok(());
        }
        try_join_all(LISTED_AT_HARBOUR.map(|(seller, energy_wh, price_per_kwh, source)| async move {
            let terms = OfferTerms { window_start: 0, energy_wh, price_per_kwh, expires_at: 0, source };
            self.wallet(seller).offer_create(&self.harbour_feeder, &terms).await
        }))
        .await?;
        Ok(())
    }

    /// Erin's first purchase of what Sunny Street itself sells, so that its owners have revenue to share. Such offers do
    /// not trade for a while after they are listed.
    async fn buy_from_bus(&self, now: i64) -> Result<()> {
        let treasury = self.market.treasury(&self.sunny_street).await?;
        let ledger = self.market.ledger(&self.sunny_street).await?;
        let sales = self.market.find_seller(&self.sunny_street, &self.sunny_street).await?;
        let offers = self.market.offers_of(&self.sunny_street, &self.sunny_street).await?;
        let has_sold = treasury.balance + ledger.period_claimed + ledger.accrued_total > 0
            || sales.is_some_and(|seller| seller.released > 0)
            || offers.iter().any(|offer| offer.sold_wh() > 0);
        let bus = self.market.bus(&self.sunny_street).await?;
        let Some(offer) = offers.iter().find(|offer| is_tradable(offer, &bus, now)).filter(|_| !has_sold) else {
            return Ok(());
        };
        let order = PurchaseOrder::exactly(offer.address, Wh(BOUGHT_OF_BUS_WH), PricePerKwh(offer.full_price_per_kwh));
        self.wallet("erin").buy(&order).await?;
        Ok(())
    }

    /// Moves what Sunny Street itself sold into its treasury, where it is its owners' to claim.
    async fn pay_bus(&self) -> Result<()> {
        let Some(seller) = self.market.find_seller(&self.sunny_street, &self.sunny_street).await? else {
            return Ok(());
        };
        let money = self.market.seller_money(&seller).await?;
        if money.released + money.proceeds > 0 {
            self.wallet("operator").seller_withdraw(&self.sunny_street, &self.sunny_street).await?;
        }
        Ok(())
    }

    async fn trade(&self) -> Result<()> {
        // A buyer's first purchase opens its lane: a wallet without a lane has not bought yet.
        let (erin, frank) = (self.wallet("erin"), self.wallet("frank"));
        if self.market.traders(&erin.address()).await?.is_empty() {
            let book = self.book(&self.sunny_street, erin).await?;
            let cheapest = book.first().context("Sunny Street has nothing on offer")?;
            let price = PricePerKwh(cheapest.full_price_per_kwh);
            erin.buy(&PurchaseOrder::exactly(cheapest.address, Wh(2_000), price)).await?;
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

/// What was done, unless another did the same.
pub(crate) fn unless_gone<T>(done: Result<T, Error>) -> Result<(), Error> {
    match done {
        Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NOON_IN_2100;
    use multibus_client::{
        auction::AuctionPhase,
        bid::{BidOrder, BidProgress},
        chain::EmbeddedChain,
        multibus::constants::BUS_OFFER_DELAY_SECONDS,
    };

    #[tokio::test]
    async fn auctions_of_any_bus_are_cleared_and_settled() {
        let chain = Arc::new(EmbeddedChain::new().expect("the program is built"));
        let village = Village::seed(chain.clone()).await.unwrap();
        let market = Market::new(chain.clone());
        let (dave, erin, frank) = (village.wallet("dave"), village.wallet("erin"), village.wallet("frank"));
        let terms = TermsConfig { window_seconds: 900, auction: true, ..TermsConfig::default() };
        let config = market.bus(&village.harbour_feeder).await.unwrap();
        let config = BusConfig {
            name: "Orchard Lane".to_owned(),
            owners: vec![OwnerShare { owner: dave.address(), share_bps: 10_000 }],
            threshold: 1,
            pause_quorum: 0,
            listing_policy: ListingPolicy::Open as u8,
            lock_fee_bps: 0,
            timelock_seconds: 0,
            horizon_seconds: config.horizon_seconds,
            terms,
            capacity_wh: 10_000,
            base_price_per_kwh: 1,
            reserve_price_per_kwh: 0,
            least_wh: 1,
            operator: None,
            grid_recipient: None,
        };
        let bus = dave.bus_create(&village.mint, &config).await.unwrap().address;
        let now = chain.clock().await.unwrap().unix_timestamp;
        let window_start = (now / 900 + 2) * 900;
        let (energy_wh, source) = (1_000, EnergySource::Wind);
        let offer = OfferTerms { window_start, energy_wh, price_per_kwh: 200_000, expires_at: 0, source };
        erin.offer_create(&bus, &offer).await.unwrap();
        let order = BidOrder::new(bus, window_start, Wh(600), PricePerKwh(240_000));
        let bid = frank.bid(&order).await.unwrap();
        // In the last minutes nothing is withdrawn, and the keeper waits.
        chain.wait_until(window_start - 200).await.unwrap();
        village.tend().await.unwrap();
        assert_eq!(market.book(&bus, window_start).await.unwrap().phase, AuctionPhase::Closing);
        chain.wait_until(window_start).await.unwrap();
        village.tend().await.unwrap();
        let book = market.book(&bus, window_start).await.unwrap();
        assert_eq!((book.phase, book.cleared().volume_wh), (AuctionPhase::Cleared, 600));
        assert!(book.bids.is_empty() && book.offers.is_empty());
        let filled = BidProgress::Filled { allotted_wh: 600, paid: 120_000 };
        assert_eq!(market.bid_status(&bid.transaction_hash).await.unwrap().unwrap().state, filled);
    }

    #[tokio::test]
    async fn the_village_is_seeded_once_and_tended_as_time_passes() {
        let chain = Arc::new(EmbeddedChain::new().expect("the program is built"));
        // Shortly before a gate closes, a window more is open than is listed anew.
        chain.wait_until(NOON_IN_2100).await.unwrap();
        let village = Village::seed(chain.clone()).await.unwrap();
        let market = Market::new(chain.clone());
        let offers = market.all_offers(&village.sunny_street).await.unwrap();
        assert_eq!(offers.len(), WINDOWS_AHEAD as usize * LISTED.len());
        assert_eq!(market.all_offers(&village.harbour_feeder).await.unwrap().len(), 3);
        assert_eq!(market.treasury(&village.sunny_street).await.unwrap().balance, 0);
        let proposals = market.proposals(&village.sunny_street).await.unwrap();
        assert_eq!((proposals.len(), proposals[0].approval_count()), (1, 1));

        let seeded = chain.signatures_for(&multibus_client::multibus::ID, None, 1_000).await.unwrap();
        Village::seed(chain.clone()).await.unwrap();
        let again = chain.signatures_for(&multibus_client::multibus::ID, None, 1_000).await.unwrap();
        assert_eq!(seeded.len(), again.len(), "what is there is left as it is");

        // What the bus itself sells trades after a while. Erin buys of it, and the revenue goes to the treasury.
        let now = chain.clock().await.unwrap().unix_timestamp;
        chain.wait_until(now + BUS_OFFER_DELAY_SECONDS).await.unwrap();
        village.tend().await.unwrap();
        let offers = market.offers_of(&village.sunny_street, &village.sunny_street).await.unwrap();
        let sold = offers.iter().find(|offer| offer.sold_wh() > 0).unwrap();
        let revenue = sold.price_per_kwh * 3 / 2;
        assert_eq!(market.treasury(&village.sunny_street).await.unwrap().balance, revenue);
        village.tend().await.unwrap();
        assert_eq!(market.treasury(&village.sunny_street).await.unwrap().balance, revenue, "bought once");

        // Nobody ends these two locks. The keeper does, when they have expired.
        let frank = village.wallet("frank");
        let book = village.book(&village.sunny_street, frank).await.unwrap();
        let far = book.iter().find(|offer| offer.expires_at > now + 3_600 && offer.trades_from == 0).unwrap();
        for _ in 0..2 {
            frank.lock_take(&far.address, Wh(100), PricePerKwh(far.price_per_kwh)).await.unwrap();
        }
        assert_eq!(market.offer(&far.address).await.unwrap().open_locks, 2);
        let now = chain.clock().await.unwrap().unix_timestamp;
        let later = chain.wait_until(now + 3 * i64::from(WINDOW_SECONDS)).await.unwrap().unix_timestamp;
        village.tend().await.unwrap();
        assert_eq!(market.offer(&far.address).await.unwrap().open_locks, 0);
        let offers = market.all_offers(&village.sunny_street).await.unwrap();
        assert!(offers.iter().all(|offer| offer.window_start > later));
        assert_eq!(offers.len(), WINDOWS_AHEAD as usize * LISTED.len());
        let capacities = market.capacities(&village.sunny_street).await.unwrap();
        // A window that is delivered now is neither listed nor over.
        assert!(capacities.len() <= WINDOWS_AHEAD as usize + 4, "{} capacities", capacities.len());

        // Harbour Feeder is nearly sold, and listed again.
        let carol = village.wallet("carol");
        for (index, offer) in village.book(&village.harbour_feeder, carol).await.unwrap().iter().enumerate() {
            let energy_wh = offer.free_wh() - if index == 0 { 500 } else { 0 };
            let order = PurchaseOrder::exactly(offer.address, Wh(energy_wh), PricePerKwh(offer.price_per_kwh));
            carol.buy(&order).await.unwrap();
        }
        village.tend().await.unwrap();
        let offers = market.all_offers(&village.harbour_feeder).await.unwrap();
        let listed_wh: u64 = LISTED_AT_HARBOUR.iter().map(|(_, energy_wh, ..)| energy_wh).sum();
        assert_eq!(offers.iter().map(|offer| offer.free_wh()).sum::<u64>(), listed_wh + 500);

        // Harbour Feeder's offers expire, and are listed anew.
        chain.wait_until(later + i64::from(HORIZON_SECONDS) + 1).await.unwrap();
        village.tend().await.unwrap();
        let now = chain.clock().await.unwrap().unix_timestamp;
        let offers = market.all_offers(&village.harbour_feeder).await.unwrap();
        assert_eq!(offers.len(), LISTED_AT_HARBOUR.len());
        assert!(offers.iter().all(|offer| offer.expires_at > now && offer.sold_wh() == 0));
        for bus in [village.sunny_street, village.harbour_feeder, village.mill_brook, village.market_square] {
            assert_eq!(market.audit(&bus).await.unwrap().violations, Vec::<String>::new());
        }
    }
}

//! How a replay is done, and how it is ended early.

use {
    crate::{
        community::{Community, duration},
        error::ReplayError,
        price::PriceRule,
    },
    multibus::constants::{MAX_BATCH_ITEMS, MAX_GRID_FEE_PER_KWH, MAX_LOCK_FEE_BPS, MAX_NAME_LEN, MIN_AUCTION_SECONDS},
    multibus_client::{Address, SharedSigner, TransactionOptions},
    serde::{Deserialize, Serialize},
    std::{
        fmt,
        path::PathBuf,
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
    },
};

/// When sellers are paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplayTerms {
    /// As soon as buyers pay. Members trade what the file measured.
    #[default]
    Purchase,
    /// Once meters have said what was delivered; the rest goes back to the buyers. Members trade by the file's forecast, and
    /// their meters report what it measured.
    Delivery,
}

impl fmt::Display for ReplayTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Purchase => "purchase",
            Self::Delivery => "delivery",
        })
    }
}

/// How members trade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplayMarket {
    /// Buyers take the cheapest energy on offer, until one side is used up.
    #[default]
    Continuous,
    /// Buyers bid, and an auction closes each window at one price for all.
    Auction,
    /// Buyers take part of what they want from offers, and bid for the rest.
    Both,
}

impl ReplayMarket {
    /// Whether an auction closes each window.
    pub fn has_auction(self) -> bool {
        self != Self::Continuous
    }

    /// Whether members buy from offers.
    pub fn has_trade(self) -> bool {
        self != Self::Auction
    }
}

impl fmt::Display for ReplayMarket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Continuous => "continuous",
            Self::Auction => "auction",
            Self::Both => "both",
        })
    }
}

/// How a replay is done.
#[derive(Clone)]
pub struct ReplayOptions {
    /// Name of the file, for the report.
    pub file: String,
    /// The file.
    pub community: Community,
    /// Decides prices, locks, and on an embedded chain the members' keys: the same seed replays the same.
    pub seed: u64,
    /// Most offers that one atomic batch buys from, 1 to 32.
    pub members_per_batch: usize,
    /// Nonce lanes of each buyer, 1 to 64: the batches that one buyer can have in flight.
    pub lanes: u16,
    /// Seconds of the file that pass in a second of wall time; `None` for as fast as the chain takes it.
    pub speed: Option<u32>,
    /// What sellers ask. Buyers pay the grid fee on top.
    pub price_rule: PriceRule,
    /// When sellers are paid.
    pub terms: ReplayTerms,
    /// How members trade.
    pub market: ReplayMarket,
    /// What buyers pay to the grid on top of the price, in base units per kWh, at most 2^32.
    pub grid_fee_per_kwh: u64,
    /// Percentage of buyers that lock part of their energy first.
    pub lock_percent: u8,
    /// The bus's fee for locks that are released, in basis points, at most 500.
    pub lock_fee_bps: u16,
    /// Whether the owners of the bus sell through it: buyers pay into its treasury, and every owner claims its share at
    /// the end. Generating members that do not own the bus, beyond the 16 largest, sell for themselves.
    pub co_owned: bool,
    /// Most members that act at the same time.
    pub concurrency: usize,
    /// Name of the bus; `None` for the file's name.
    pub bus_name: Option<String>,
    /// An existing settlement mint, paid by the funder; `None` for a test token that the replay makes.
    pub mint: Option<Address>,
    /// Who pays for everything and gets back what is left; `None` for a fresh wallet with an airdrop.
    pub funder: Option<SharedSigner>,
    /// How transactions are sent.
    pub transaction_options: TransactionOptions,
    /// Where the state is kept after every interval. It holds the members' keys: keep it private.
    pub state: Option<PathBuf>,
    /// Whether to go on from the state file instead of starting anew.
    pub resume: bool,
    /// Ends the replay early.
    pub cancel: Cancel,
}

impl ReplayOptions {
    /// A community's replay with defaults for everything else.
    pub fn new(file: impl Into<String>, community: Community) -> Self {
        Self {
            file: file.into(),
            community,
            seed: 1,
            members_per_batch: 8,
            lanes: 1,
            speed: None,
            price_rule: PriceRule::default(),
            terms: ReplayTerms::default(),
            market: ReplayMarket::default(),
            grid_fee_per_kwh: 0,
            lock_percent: 20,
            lock_fee_bps: 50,
            co_owned: false,
            concurrency: 16,
            bus_name: None,
            mint: None,
            funder: None,
            transaction_options: TransactionOptions::default(),
            state: None,
            resume: false,
            cancel: Cancel::default(),
        }
    }

    /// Whether sellers are paid for what was delivered.
    pub fn is_on_delivery(&self) -> bool {
        self.terms == ReplayTerms::Delivery
    }

    /// How long before its start a window stops trading, in seconds. With an auction, gate closure and window together last
    /// 15 minutes at least.
    pub(crate) fn gate_closure_seconds(&self) -> u32 {
        match self.community.window_seconds() {
            Some(window_seconds) if self.market.has_auction() => MIN_AUCTION_SECONDS.saturating_sub(window_seconds),
            _ => 0,
        }
    }

    /// Whether anything goes to the grid: fees, and on delivery terms what rounding leaves.
    pub(crate) fn has_grid(&self) -> bool {
        self.grid_fee_per_kwh > 0 || self.is_on_delivery()
    }

    /// Refuses options that cannot be followed.
    ///
    /// # Errors
    /// [`ReplayError::Options`] with the value and the remedy.
    pub fn validate(&self) -> Result<(), ReplayError> {
        let refuse = |sentence: String| Err(ReplayError::Options(sentence));
        if self.members_per_batch == 0 || self.members_per_batch > MAX_BATCH_ITEMS {
            return refuse(format!(
                "{} members per batch were asked for; a batch buys from 1 to {MAX_BATCH_ITEMS}",
                self.members_per_batch
            ));
        }
        if self.lanes == 0 || self.lanes > 64 {
            return refuse(format!("{} lanes were asked for; choose 1 to 64", self.lanes));
        }
        if self.speed == Some(0) {
            return refuse("a speed of 0 never ends; leave it out for as fast as possible".into());
        }
        if self.lock_percent > 100 {
            return refuse(format!("{} percent of the buyers cannot lock; choose 0 to 100", self.lock_percent));
        }
        if self.lock_fee_bps > MAX_LOCK_FEE_BPS {
            return refuse(format!(
                "the lock fee of {} basis points is above {MAX_LOCK_FEE_BPS}; choose a lower one",
                self.lock_fee_bps
            ));
        }
        if self.grid_fee_per_kwh > MAX_GRID_FEE_PER_KWH {
            return refuse(format!(
                "the grid fee of {} base units per kWh is above {MAX_GRID_FEE_PER_KWH}; choose a lower one",
                self.grid_fee_per_kwh
            ));
        }
        if self.is_on_delivery() && self.co_owned {
            return refuse(
                "a co-owned replay has one seller, the bus, and on delivery terms it would have one meter for all owners; \
                 choose one of the two"
                    .into(),
            );
        }
        if self.market.has_auction() && self.co_owned {
            return refuse(
                "a co-owned replay compares shares of a treasury with sales, and the treasury also gets what rounding in \
                 auctions leaves; leave out one of the two"
                    .into(),
            );
        }
        if self.community.window_seconds().is_none() {
            let (shortest, longest) = self.community.interval_range_seconds();
            let (shortest, longest) = (duration(shortest.into()), duration(longest.into()));
            if self.is_on_delivery() {
                return refuse(format!(
                    "intervals last {shortest} to {longest}, and energy is delivered in windows of one length; replay the \
                     file on purchase terms"
                ));
            }
            if self.market.has_auction() {
                return refuse(format!(
                    "intervals last {shortest} to {longest}, and an auction closes windows of one length; replay the file \
                     with the continuous market"
                ));
            }
        }
        if self.concurrency == 0 {
            return refuse("at least 1 member must act at a time; choose a concurrency of 1 or more".into());
        }
        if let Some(name) = &self.bus_name
            && (name.is_empty() || name.len() > MAX_NAME_LEN || name.chars().any(char::is_control))
        {
            return refuse(format!("the bus's name {name:?} must have 1 to {MAX_NAME_LEN} bytes, none of control"));
        }
        if self.mint.is_some() && self.funder.is_none() {
            return refuse("an existing mint needs a wallet that holds its tokens; name its keypair".into());
        }
        if self.resume && self.state.is_none() {
            return refuse("there is no state to resume from; name the state file".into());
        }
        self.price_rule.validate().or_else(refuse)
    }
}

/// Ends a replay early: what is in flight is finished, nothing new is started. Clones share one flag.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Ends the replay.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is to end.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

//! Load: many wallets post offers, buy, lock and cancel at the same time, as fast as one node takes it. What landed is
//! counted and timed. At the end it is compared with the chain, to the Wh and the base unit. [`auction`] holds an auction instead.

mod auction;
mod books;
mod report;
mod run;
mod submit;
mod tpu;

pub use {
    auction::{AuctionOptions, AuctionReport, MAX_ORDERS, Step, auction},
    report::{KindReport, LoadReport},
    run::run,
};

use {
    std::{fmt, path::PathBuf, time::Duration},
    thiserror::Error,
};

/// Traders, at most.
pub const MAX_TRADERS: u16 = 2_000;
/// Lanes of each trader, at most.
pub const MAX_LANES: u16 = 32;
/// Seconds, at most.
pub const MAX_SECONDS: u64 = 600;
/// Buses, at most.
pub const MAX_BUSES: u16 = 256;

/// What a trader sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Puts energy on offer.
    OfferCreate,
    /// Withdraws an offer.
    OfferCancel,
    /// Buys from one offer.
    Purchase,
    /// Buys from several offers at once.
    PurchaseBatch,
    /// Holds part of an offer.
    LockTake,
    /// Buys what a lock holds.
    LockSettle,
    /// Gives a lock up.
    LockRelease,
    /// Bids in an auction.
    BidCreate,
    /// A bare transfer of the token to another trader: what the node does without the market.
    Transfer,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::OfferCreate,
        Self::OfferCancel,
        Self::Purchase,
        Self::PurchaseBatch,
        Self::LockTake,
        Self::LockSettle,
        Self::LockRelease,
        Self::BidCreate,
        Self::Transfer,
    ];

    /// Whether it is a purchase: energy and money change hands.
    pub fn settles(self) -> bool {
        matches!(self, Self::Purchase | Self::PurchaseBatch | Self::LockSettle)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::OfferCreate => "offer_create",
            Self::OfferCancel => "offer_cancel",
            Self::Purchase => "purchase",
            Self::PurchaseBatch => "purchase_batch",
            Self::LockTake => "lock_take",
            Self::LockSettle => "lock_settle",
            Self::LockRelease => "lock_release",
            Self::BidCreate => "bid_create",
            Self::Transfer => "transfer",
        })
    }
}

/// Relative weights of what is sent. A trader draws each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix {
    /// Weight of purchases from one offer.
    pub purchase: u32,
    /// Weight of purchases from several offers.
    pub batch: u32,
    /// Weight of locks, each of which is settled or released afterwards.
    pub lock: u32,
    /// Weight of new offers, and of withdrawing them.
    pub offer: u32,
}

impl Default for Mix {
    fn default() -> Self {
        Self { purchase: 55, batch: 15, lock: 10, offer: 20 }
    }
}

/// What load is sent, and for how long.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// RPC URL of a node on this machine.
    pub url: String,
    /// Its websocket URL; `None` for the next port.
    pub websocket_url: Option<String>,
    /// Wallets that trade.
    pub traders: u16,
    /// Nonce lanes of each wallet, which is how many of its transactions are in flight at once.
    pub lanes: u16,
    /// How long new transactions are sent.
    pub seconds: u64,
    /// Everyone buys from one offer.
    pub hot: bool,
    /// Buses that the offers are spread over.
    pub buses: u16,
    /// Transactions, at most.
    pub max_transactions: u64,
    /// What is sent.
    pub mix: Mix,
    /// Send bare token transfers before and after the market's load, each for half as long: what the node takes without the
    /// market.
    pub beside_transfers: bool,
    /// Send straight to the node's TPU, past its RPC server.
    pub tpu: bool,
    /// The key file of a validator with stake, as which the TPU is sent to: it takes little from others.
    pub identity: Option<PathBuf>,
    /// The node's process, whose processor time is reported.
    pub node_process: Option<u32>,
}

impl LoadOptions {
    /// Checks that every option is within its bounds, and that the node is on this machine.
    ///
    /// # Errors
    /// A sentence with the value and the remedy.
    pub fn validate(&self) -> Result<(), LoadError> {
        let refuse = |sentence: String| Err(LoadError::Options(sentence));
        check_is_here(&self.url)?;
        let in_bounds = |name: &str, value: u64, most: u64| {
            if (1..=most).contains(&value) {
                return Ok(());
            }
            refuse(format!("{value} {name} were asked for; choose 1 to {most}"))
        };
        in_bounds("traders", self.traders.into(), MAX_TRADERS.into())?;
        in_bounds("lanes", self.lanes.into(), MAX_LANES.into())?;
        in_bounds("seconds", self.seconds, MAX_SECONDS)?;
        in_bounds("buses", self.buses.into(), MAX_BUSES.into())?;
        let Mix { purchase, batch, lock, offer } = self.mix;
        if [purchase, batch, lock, offer].iter().all(|weight| *weight == 0) {
            return refuse("every weight of the mix is 0; give one of them more".to_string());
        }
        if self.traders < 2 && (purchase + batch + lock > 0 || self.beside_transfers) {
            return refuse("1 trader cannot buy its own offers; choose 2 traders or more".to_string());
        }
        if self.seconds < 2 && self.beside_transfers {
            return refuse("1 second cannot be halved for the transfers; choose 2 seconds or more".to_string());
        }
        Ok(())
    }

    /// How long new transactions are sent.
    pub fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// Refuses a node that is not on this machine.
fn check_is_here(url: &str) -> Result<(), LoadError> {
    if is_loopback(url) {
        return Ok(());
    }
    Err(LoadError::Options(format!(
        "{url} is not on this machine; load is for a node of your own, such as http://127.0.0.1:8899"
    )))
}

/// Whether a URL names this machine.
pub fn is_loopback(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

/// Why there is no report.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The options cannot be followed.
    #[error("{0}")]
    Options(String),
    /// The node refused or failed before the load began, or after it ended.
    #[error("{doing}: {error}")]
    Chain {
        /// What was being done.
        doing: &'static str,
        /// What went wrong.
        #[source]
        error: multibus_client::Error,
    },
    /// Not all orders of an auction landed before its gate.
    #[error("{placed} of {orders} orders were placed before the gate ({causes}); choose fewer orders or more traders")]
    Unplaced {
        /// Orders that landed.
        placed: usize,
        /// Orders that were asked for.
        orders: u32,
        /// Why the others did not.
        causes: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> LoadOptions {
        LoadOptions {
            url: "http://127.0.0.1:8899".to_string(),
            websocket_url: None,
            traders: 4,
            lanes: 2,
            seconds: 5,
            hot: false,
            buses: 1,
            max_transactions: 1_000,
            mix: Mix::default(),
            beside_transfers: false,
            tpu: false,
            identity: None,
            node_process: None,
        }
    }

    #[test]
    fn only_this_machine_gets_load() {
        for url in ["http://127.0.0.1:8899", "http://localhost:1", "http://[::1]:8899", "http://127.9.9.9"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in
            ["https://api.devnet.solana.com", "http://10.0.0.1:8899", "http://localhost.example", "127.0.0.1:8899", ""]
        {
            assert!(!is_loopback(url), "{url}");
        }
        let far = LoadOptions { url: "https://api.devnet.solana.com".to_string(), ..options() };
        assert!(
            far.validate().unwrap_err().to_string().contains("https://api.devnet.solana.com is not on this machine")
        );
    }

    #[test]
    fn what_is_out_of_bounds_is_refused_with_the_bounds() {
        assert!(options().validate().is_ok());
        for (wrong, named) in [
            (LoadOptions { traders: 0, ..options() }, "0 traders were asked for; choose 1 to 2000"),
            (LoadOptions { lanes: 33, ..options() }, "33 lanes were asked for; choose 1 to 32"),
            (LoadOptions { seconds: 601, ..options() }, "601 seconds were asked for; choose 1 to 600"),
            (LoadOptions { buses: 0, ..options() }, "0 buses were asked for; choose 1 to 256"),
            (LoadOptions { traders: 1, ..options() }, "choose 2 traders or more"),
            (LoadOptions { seconds: 1, beside_transfers: true, ..options() }, "choose 2 seconds or more"),
            (LoadOptions { mix: Mix { purchase: 0, batch: 0, lock: 0, offer: 0 }, ..options() }, "mix is 0"),
        ] {
            let refused = wrong.validate().unwrap_err().to_string();
            assert!(refused.contains(named), "{refused}");
        }
    }
}

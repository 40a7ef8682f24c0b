//! Every trade of a replay, and what became of it: the rows from which anyone recomputes each base unit.

use {
    multibus_client::purchase::PurchaseKind,
    serde::{Deserialize, Serialize},
};

/// Everything that was traded, delivered and refunded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// What was bought, in the order in which it was paid.
    pub trades: Vec<Trade>,
    /// What became of it, by window and seller; only on delivery terms, once windows are final.
    pub deliveries: Vec<Delivery>,
    /// The same by buyer.
    pub positions: Vec<Position>,
}

impl Records {
    /// Whether they name only members and intervals of a community with so many.
    pub(crate) fn fit(&self, members: usize, intervals: usize) -> bool {
        let trades = self.trades.iter().map(|trade| (trade.interval, trade.seller, trade.buyer));
        let deliveries = self.deliveries.iter().map(|row| (row.interval, row.seller, row.seller));
        let positions = self.positions.iter().map(|row| (row.interval, row.seller, row.buyer));
        trades
            .chain(deliveries)
            .chain(positions)
            .all(|(interval, seller, buyer)| interval < intervals && seller < members && buyer < members)
    }
}

/// Part of an offer that a member bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// Index of the interval.
    pub interval: usize,
    /// Start of the window that it was traded in, on the chain, in unix seconds; 0 outside windows.
    pub window_start: i64,
    /// Index of the member that listed the energy.
    pub seller: usize,
    /// Index of the member that bought it.
    pub buyer: usize,
    /// How it was bought.
    pub kind: TradeKind,
    /// Energy bought.
    pub energy_wh: u64,
    /// What the buyer paid for a kWh, grid fee included.
    pub price_per_kwh: u64,
    /// What it paid: `ceil(energy_wh x price_per_kwh / 1000)`.
    pub paid: u64,
}

/// How energy was bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TradeKind {
    /// From one offer.
    Purchase,
    /// From several offers at once.
    Batch,
    /// By settling a lock.
    Lock,
    /// By the auction that closes a window.
    Auction,
}

impl TradeKind {
    /// Its name in `trades.csv`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::Batch => "batch",
            Self::Lock => "lock",
            Self::Auction => "auction",
        }
    }
}

impl From<PurchaseKind> for TradeKind {
    fn from(kind: PurchaseKind) -> Self {
        match kind {
            PurchaseKind::Single => Self::Purchase,
            PurchaseKind::Batch => Self::Batch,
            PurchaseKind::LockSettlement => Self::Lock,
            PurchaseKind::Bid => Self::Auction,
        }
    }
}

/// What a seller sold in a window, and what it delivered: `d` is the smaller of `sold_wh` and `reported_wh`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Index of the interval.
    pub interval: usize,
    /// Start of the window on the chain, in unix seconds.
    pub window_start: i64,
    /// Index of the seller.
    pub seller: usize,
    /// Energy sold.
    pub sold_wh: u64,
    /// What all buyers paid for it.
    pub paid: u64,
    /// What its meter reported; 0 where no reading came in time.
    pub reported_wh: u64,
    /// What it was released: `floor(paid x d / sold_wh)` less the grid fee.
    pub released: u64,
    /// What the grid got: `floor(d x fee / 1000)`.
    pub grid_fee: u64,
}

impl Delivery {
    /// Energy that counts as delivered, in Wh.
    pub fn delivered_wh(&self) -> u64 {
        self.sold_wh.min(self.reported_wh)
    }
}

/// What a buyer has of a seller's window, where `c` Wh were sold and `d` Wh of them delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Index of the interval.
    pub interval: usize,
    /// Start of the window on the chain, in unix seconds.
    pub window_start: i64,
    /// Index of the seller.
    pub seller: usize,
    /// Index of the buyer.
    pub buyer: usize,
    /// Energy bought.
    pub energy_wh: u64,
    /// What it paid.
    pub paid: u64,
    /// Its part of what was delivered: `floor(energy_wh x d / c)`. It has certificates of origin for so much.
    pub delivered_wh: u64,
    /// What went back to it: `paid - ceil(paid x d / c)`.
    pub refund: u64,
}

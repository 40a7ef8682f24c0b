//! Every trade of a replay, and what became of it: the rows from which anyone recomputes each base unit.

use {
    multibus::state::Ration,
    multibus_client::{Address, purchase::PurchaseKind},
    serde::{Deserialize, Serialize},
};

/// Everything that was traded, auctioned, delivered and refunded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// What was bought, in the order in which it was paid.
    pub trades: Vec<Trade>,
    /// What became of it, by window and seller; only on delivery terms, once windows are final.
    pub deliveries: Vec<Delivery>,
    /// The same by buyer.
    pub positions: Vec<Position>,
    /// What stood in the books of auctions when they were fixed, by window; only with an auction.
    pub orders: Vec<BookOrder>,
    /// What the auctions came to, one for each window with an order.
    pub auctions: Vec<Auction>,
}

impl Records {
    /// Whether they name only members and intervals of a community with so many.
    pub(crate) fn fit(&self, members: usize, intervals: usize) -> bool {
        let trades = self.trades.iter().map(|trade| (trade.interval, trade.seller, trade.buyer));
        let deliveries = self.deliveries.iter().map(|row| (row.interval, Some(row.seller), None));
        let positions = self.positions.iter().map(|row| (row.interval, row.seller, Some(row.buyer)));
        let orders = self.orders.iter().map(|order| (order.interval, order.member, None));
        let auctions = self.auctions.iter().map(|auction| (auction.interval, None, None));
        let is_member = |member: Option<usize>| member.is_none_or(|member| member < members);
        (trades.chain(deliveries).chain(positions).chain(orders).chain(auctions))
            .all(|(interval, seller, buyer)| interval < intervals && is_member(seller) && is_member(buyer))
    }

    /// The auction of a window.
    pub(crate) fn auction(&self, window_start: i64) -> Option<&Auction> {
        self.auctions.iter().rev().find(|auction| auction.window_start == window_start)
    }

    /// Places of the orders of a window: orders stand by window.
    fn places(&self, window_start: i64) -> std::ops::Range<usize> {
        let from = self.orders.partition_point(|order| order.window_start < window_start);
        from..self.orders.partition_point(|order| order.window_start <= window_start)
    }

    /// Orders of the book of a window.
    pub(crate) fn book(&self, window_start: i64) -> Vec<BookOrder> {
        self.orders[self.places(window_start)].to_vec()
    }

    /// Writes down the book of a window, in place of an earlier one.
    pub(crate) fn set_book(&mut self, window_start: i64, orders: Vec<BookOrder>) {
        let places = self.places(window_start);
        self.orders.splice(places, orders);
    }
}

/// Part of an offer that a member bought; or what an auction sold for a member, or what a member got in it. An auction pairs
/// nobody: its rows have a seller or a buyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// Index of the interval.
    pub interval: usize,
    /// Start of the window that it was traded in, on the chain, in unix seconds; 0 outside windows.
    pub window_start: i64,
    /// Index of the member that listed the energy; none of what a bid got.
    pub seller: Option<usize>,
    /// Index of the member that bought it; none of what an auction sold for a seller.
    pub buyer: Option<usize>,
    /// How it was bought.
    pub kind: TradeKind,
    /// Energy bought.
    pub energy_wh: u64,
    /// What the buyer paid for a kWh, grid fee included.
    pub price_per_kwh: u64,
    /// What it paid: `ceil(energy_wh x price_per_kwh / 1000)`. Where there is no buyer, what the seller is due for the energy if it
    /// delivers it: the same, rounded down.
    pub paid: u64,
}

impl Trade {
    /// Whether an auction made it.
    pub fn is_by_auction(&self) -> bool {
        self.kind == TradeKind::Auction
    }
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

/// An order in the book of a window when it was fixed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookOrder {
    /// Index of the interval.
    pub interval: usize,
    /// Start of the window on the chain, in unix seconds.
    pub window_start: i64,
    /// Whether it is a bid or an ask.
    pub side: OrderSide,
    /// Index of the member; none of a stranger.
    pub member: Option<usize>,
    /// Name of the member, or the address of a stranger's wallet.
    pub party: String,
    /// Address of the bid or the offer.
    #[serde(with = "crate::state::text")]
    pub account: Address,
    /// Energy.
    pub energy_wh: u64,
    /// Of a bid its limit less the grid fee, of an ask the seller's price.
    pub price_per_kwh: u64,
}

/// What the auction of a window came to, as the chain has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auction {
    /// Index of the interval.
    pub interval: usize,
    /// Start of the window on the chain, in unix seconds.
    pub window_start: i64,
    /// Its price, without the grid fee; it means nothing where nothing changed hands.
    pub price_per_kwh: u64,
    /// Energy that changed hands.
    pub volume_wh: u64,
    /// Which orders at the price were not filled in full: those of the bids, or those of the asks.
    pub rationed: Option<OrderSide>,
}

/// A side of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderSide {
    /// A buyer's.
    Bid,
    /// A seller's.
    Ask,
}

impl OrderSide {
    /// Its name in `orders.csv` and `auctions.csv`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bid => "bid",
            Self::Ask => "ask",
        }
    }

    /// The side whose orders at the price share what is left for them, from what was filled of these orders on the chain.
    pub(crate) fn rationed(volume_wh: u64, bids: &Ration, asks: &Ration) -> Option<Self> {
        let is_rationed = |side: &Ration| volume_wh > 0 && side.filled_wh < side.at_price_wh;
        match (is_rationed(bids), is_rationed(asks)) {
            (true, _) => Some(Self::Bid),
            (_, true) => Some(Self::Ask),
            _ => None,
        }
    }
}

/// What a seller sold in a window, and what it delivered. Of `sold_wh` it sold by trade and of `auction_wh` in the auction, `D` is
/// the smaller of their sum and `reported_wh`; `floor(D x auction_wh / (sold_wh + auction_wh))` of it is for the auction, the rest,
/// `d`, for the trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Index of the interval.
    pub interval: usize,
    /// Start of the window on the chain, in unix seconds.
    pub window_start: i64,
    /// Index of the seller.
    pub seller: usize,
    /// Energy sold by trade.
    pub sold_wh: u64,
    /// What all buyers paid for it.
    pub paid: u64,
    /// What its meter reported; 0 where no reading came in time.
    pub reported_wh: u64,
    /// What it was released: `floor(paid x d / sold_wh)` less the grid fee.
    pub released: u64,
    /// What the grid got: `floor(d x fee / 1000)`.
    pub grid_fee: u64,
    /// Energy that the auction sold.
    pub auction_wh: u64,
    /// What of it was delivered, `D_b`.
    pub auction_delivered_wh: u64,
    /// What it was released for that: `floor(D_b x full price / 1000)` less the grid fee.
    pub auction_released: u64,
    /// What the grid got of that: `floor(D_b x fee / 1000)`.
    pub auction_grid_fee: u64,
}

impl Delivery {
    /// Energy that counts as delivered, in Wh.
    pub fn delivered_wh(&self) -> u64 {
        (self.sold_wh + self.auction_wh).min(self.reported_wh)
    }
}

/// What a buyer has of a seller's window, where `c` Wh were sold by trade and `d` Wh of them delivered; or what a bid has of a
/// window whose auction sold `c` Wh, of which all sellers together delivered `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Index of the interval.
    pub interval: usize,
    /// Start of the window on the chain, in unix seconds.
    pub window_start: i64,
    /// Index of the seller; none of a bid.
    pub seller: Option<usize>,
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

//! Every trade of a replay, and what became of it: the rows from which anyone recomputes each base unit.

use {
    crate::{
        error::ReplayError,
        rows::{Row, Rows, index, put, put_index, put_text, put_time, take, take_text, take_time},
    },
    multibus::state::Ration,
    multibus_client::{Address, purchase::PurchaseKind},
    serde::{Deserialize, Serialize},
};

/// Everything that was traded, auctioned, delivered and refunded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// What was bought, in the order in which it was paid.
    pub trades: Rows<Trade>,
    /// What became of it, by window and seller; only on delivery terms, once windows are final.
    pub deliveries: Rows<Delivery>,
    /// The same by buyer.
    pub positions: Rows<Position>,
    /// Of the deliveries, those of intervals that were traded in several windows. Only a replay that was resumed has any.
    pub(crate) divided: Vec<Delivery>,
    /// What stands in the books of auctions that are not over, by window.
    pub(crate) books: Vec<BookOrder>,
    /// What stood in the books of auctions that are over, by interval.
    pub(crate) orders: Rows<OrderEntry>,
    /// What the auctions came to, one for each window with an order.
    pub auctions: Rows<Auction>,
}

impl Records {
    /// Whether they name only members and intervals of a community with so many.
    pub(crate) fn fit(&self, members: usize, intervals: usize) -> bool {
        let trades = self.trades.iter().map(|trade| (trade.interval, trade.seller, trade.buyer));
        let divided = self.divided.iter().copied();
        let deliveries = self.deliveries.iter().chain(divided).map(|row| (row.interval, Some(row.seller), None));
        let positions = self.positions.iter().map(|row| (row.interval, row.seller, Some(row.buyer)));
        let orders = self.books.iter().map(|order| (order.interval, order.member, None));
        let auctions = self.auctions.iter().map(|auction| (auction.interval, None, None));
        let is_member = |member: Option<usize>| member.is_none_or(|member| member < members);
        (trades.chain(deliveries).chain(positions).chain(orders).chain(auctions))
            .all(|(interval, seller, buyer)| interval < intervals && is_member(seller) && is_member(buyer))
    }

    /// The auction of a window.
    pub(crate) fn auction(&self, window_start: i64) -> Option<Auction> {
        self.auctions.last_of(|auction| auction.window_start == window_start)
    }

    /// Places of the orders of a window: orders stand by window.
    fn places(&self, window_start: i64) -> std::ops::Range<usize> {
        let from = self.books.partition_point(|order| order.window_start < window_start);
        from..self.books.partition_point(|order| order.window_start <= window_start)
    }

    /// Orders of the book of a window.
    pub(crate) fn book(&self, window_start: i64) -> Vec<BookOrder> {
        self.books[self.places(window_start)].to_vec()
    }

    /// Writes down the book of a window, in place of an earlier one.
    pub(crate) fn set_book(&mut self, window_start: i64, orders: Vec<BookOrder>) {
        let places = self.places(window_start);
        self.books.splice(places, orders);
    }

    /// Keeps the book of a window whose auction is over. `label` is the start of its interval as the file writes it.
    pub(crate) fn end_book(&mut self, window_start: i64, label: &str) {
        let places = self.places(window_start);
        for BookOrder { side, party, energy_wh, price_per_kwh, .. } in self.books.drain(places) {
            let window_start = label.to_owned();
            self.orders.push(&OrderEntry { window_start, side, party, energy_wh, price_per_kwh });
        }
    }

    /// Refuses to go on where rows were lost.
    pub(crate) fn intact(&self) -> Result<(), ReplayError> {
        let Self { trades, deliveries, positions, divided: _, books: _, orders, auctions } = self;
        trades.intact()?;
        deliveries.intact()?;
        positions.intact()?;
        orders.intact()?;
        auctions.intact()
    }
}

impl Row for Trade {
    fn write(&self, bytes: &mut Vec<u8>) {
        let Self { interval, window_start, seller, buyer, kind, energy_wh, price_per_kwh, paid } = *self;
        put(bytes, interval as u64);
        put_time(bytes, window_start);
        put_index(bytes, seller);
        put_index(bytes, buyer);
        put(bytes, kind as u64);
        [energy_wh, price_per_kwh, paid].into_iter().for_each(|figure| put(bytes, figure));
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            interval: take(bytes)? as usize,
            window_start: take_time(bytes)?,
            seller: index(take(bytes)?),
            buyer: index(take(bytes)?),
            kind: {
                let number = take(bytes)?;
                TradeKind::ALL.into_iter().find(|kind| *kind as u64 == number)?
            },
            energy_wh: take(bytes)?,
            price_per_kwh: take(bytes)?,
            paid: take(bytes)?,
        })
    }
}

impl Row for Delivery {
    fn write(&self, bytes: &mut Vec<u8>) {
        let Self {
            interval,
            window_start,
            seller,
            sold_wh,
            paid,
            reported_wh,
            released,
            grid_fee,
            auction_wh,
            auction_delivered_wh,
            auction_released,
            auction_grid_fee,
        } = *self;
        put(bytes, interval as u64);
        put_time(bytes, window_start);
        put(bytes, seller as u64);
        let by_trade = [sold_wh, paid, reported_wh, released, grid_fee];
        let by_auction = [auction_wh, auction_delivered_wh, auction_released, auction_grid_fee];
        by_trade.into_iter().chain(by_auction).for_each(|figure| put(bytes, figure));
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            interval: take(bytes)? as usize,
            window_start: take_time(bytes)?,
            seller: take(bytes)? as usize,
            sold_wh: take(bytes)?,
            paid: take(bytes)?,
            reported_wh: take(bytes)?,
            released: take(bytes)?,
            grid_fee: take(bytes)?,
            auction_wh: take(bytes)?,
            auction_delivered_wh: take(bytes)?,
            auction_released: take(bytes)?,
            auction_grid_fee: take(bytes)?,
        })
    }
}

impl Row for Position {
    fn write(&self, bytes: &mut Vec<u8>) {
        let Self { interval, window_start, seller, buyer, energy_wh, paid, delivered_wh, refund } = *self;
        put(bytes, interval as u64);
        put_time(bytes, window_start);
        put_index(bytes, seller);
        put(bytes, buyer as u64);
        [energy_wh, paid, delivered_wh, refund].into_iter().for_each(|figure| put(bytes, figure));
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            interval: take(bytes)? as usize,
            window_start: take_time(bytes)?,
            seller: index(take(bytes)?),
            buyer: take(bytes)? as usize,
            energy_wh: take(bytes)?,
            paid: take(bytes)?,
            delivered_wh: take(bytes)?,
            refund: take(bytes)?,
        })
    }
}

impl Row for OrderEntry {
    fn write(&self, bytes: &mut Vec<u8>) {
        let Self { window_start, side, party, energy_wh, price_per_kwh } = self;
        put_text(bytes, window_start);
        put(bytes, u64::from(*side == OrderSide::Ask));
        put_text(bytes, party);
        put(bytes, *energy_wh);
        put(bytes, *price_per_kwh);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            window_start: take_text(bytes)?,
            side: if take(bytes)? == 1 { OrderSide::Ask } else { OrderSide::Bid },
            party: take_text(bytes)?,
            energy_wh: take(bytes)?,
            price_per_kwh: take(bytes)?,
        })
    }
}

impl Row for Auction {
    fn write(&self, bytes: &mut Vec<u8>) {
        let Self { interval, window_start, price_per_kwh, volume_wh, rationed } = *self;
        put(bytes, interval as u64);
        put_time(bytes, window_start);
        put(bytes, price_per_kwh);
        put(bytes, volume_wh);
        put_side(bytes, rationed);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            interval: take(bytes)? as usize,
            window_start: take_time(bytes)?,
            price_per_kwh: take(bytes)?,
            volume_wh: take(bytes)?,
            rationed: side(take(bytes)?),
        })
    }
}

/// Appends a side of a book, or that there is none.
pub(crate) fn put_side(bytes: &mut Vec<u8>, side: Option<OrderSide>) {
    put_index(bytes, side.map(|side| side as usize));
}

/// The side that a number stands for; `None` where there is none.
pub(crate) fn side(number: u64) -> Option<OrderSide> {
    index(number).map(|side| if side == OrderSide::Ask as usize { OrderSide::Ask } else { OrderSide::Bid })
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
    const ALL: [Self; 4] = [Self::Purchase, Self::Batch, Self::Lock, Self::Auction];

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

/// The same by names, as `orders.csv` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEntry {
    /// Start of the interval as the file writes it.
    pub window_start: String,
    /// Bid or ask.
    pub side: OrderSide,
    /// Name of the member, or the address of a stranger's wallet.
    pub party: String,
    /// Energy.
    pub energy_wh: u64,
    /// Of a bid its limit less the grid fee, of an ask the seller's price, in base units per kWh.
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

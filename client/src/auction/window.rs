//! The book of a window on the chain.

use {
    super::price::{Book, Cleared, Order, Side, clear, preview},
    crate::{
        account::{Keyed, offset},
        address,
        bid::{self, Bid, BidFilter, BidState},
        bus::Bus,
        capacity,
        delivery::DeliveryBook,
        error::{Error, Result},
        market::{Market, Settlement},
        offer::{Offer, ask_settle},
        quantity::{PricePerKwh, Wh},
        send::Sent,
        wallet::Wallet,
    },
    multibus::{
        constants::{AUCTION_CLOSING_SECONDS, AUCTION_PROOF_SECONDS, BOOK_WINDOWS},
        math,
        state::{AuctionPhase, Capacity},
    },
    solana_address::Address,
    solana_instruction::Instruction,
    std::collections::HashMap,
};

/// Instruction `pool_report`: counts what a seller delivered of the energy that the auction of a final window sold, and pays it to
/// the seller's vault. Anyone may, once for each seller and window; again where the escrow or the vault was frozen.
pub fn pool_report(book: &Keyed<DeliveryBook>, window_start: i64, settlement: &Settlement) -> Instruction {
    multibus::instruction::PoolReport {}.to_instruction(multibus::accounts::PoolReport {
        bus: book.bus,
        capacity: address::capacity(&book.bus, window_start),
        seller: book.seller,
        book: book.address,
        vault: book.vault,
        escrow: address::escrow(&book.bus),
        token_program: settlement.token_program,
    })
}

/// Name of a phase in JSON and on the command line: `off` where no auction closes the window, `trading`, `closing` in the last 300 s
/// before the gate, `fixed` from the gate until the price is proven, then `cleared`; `over` where there is nothing to prove or nobody
/// did in 24 hours.
pub const fn phase_name(phase: AuctionPhase) -> &'static str {
    match phase {
        AuctionPhase::Off => "off",
        AuctionPhase::Trading => "trading",
        AuctionPhase::Closing => "closing",
        AuctionPhase::Fixed => "fixed",
        AuctionPhase::Cleared => "cleared",
        AuctionPhase::Over => "over",
    }
}

/// The order of a bid; `None` where it is settled.
pub fn order_of_bid(bid: &Bid) -> Option<Order> {
    let is_open = bid.state == BidState::Open as u8;
    is_open.then_some(Order { side: Side::Bid, energy_wh: bid.energy_wh, price_per_kwh: bid.price_per_kwh })
}

/// The order of an offer; `None` where it is settled or asks for nothing.
pub fn order_of_offer(offer: &Offer) -> Option<Order> {
    let (energy_wh, price_per_kwh) = (offer.ask_wh(), offer.price_per_kwh);
    (offer.settled == 0 && energy_wh > 0).then_some(Order { side: Side::Ask, energy_wh, price_per_kwh })
}

/// What one more bid would get from the present book. Until the gate others come and go. Money is in token base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BidPreview {
    /// The auction with that bid.
    pub cleared: Cleared,
    /// What the bid would get at least, in Wh. At the price, rounding can add 1 Wh.
    pub energy_wh: u64,
    /// What a kWh would cost, grid fee included; 0 where nothing is sold.
    pub full_price_per_kwh: u64,
    /// What it would pay.
    pub cost: u64,
    /// What it deposits: its cost at its limit.
    pub deposit: u64,
    /// What would come back of that.
    pub returned: u64,
}

/// The book of a window with its accounts, as they were read one after the other: while orders come and go, counts may differ.
#[derive(Clone, Debug)]
pub struct WindowBook {
    /// The bus.
    pub bus: Keyed<Bus>,
    /// The window's capacity, which has the result once the price is proven.
    pub capacity: Keyed<Capacity>,
    /// Where the auction stands.
    pub phase: AuctionPhase,
    /// The chain's time when it was read, in unix seconds.
    pub now: i64,
    /// Every open bid of the window, by address.
    pub bids: Vec<Keyed<Bid>>,
    /// Every open offer of the window, by address, with what it asks for or not.
    pub offers: Vec<Keyed<Offer>>,
    orders: Book,
}

impl WindowBook {
    fn new(
        bus: Keyed<Bus>,
        capacity: Keyed<Capacity>,
        bids: Vec<Keyed<Bid>>,
        offers: Vec<Keyed<Offer>>,
        now: i64,
    ) -> Result<Self> {
        let (open, asks) = (bids.iter().filter_map(|bid| order_of_bid(bid)), offers.iter());
        let orders = Book::new(open.chain(asks.filter_map(|offer| order_of_offer(offer))).collect())?;
        Ok(Self { phase: capacity::phase(&capacity, &bus, now), bus, capacity, now, bids, offers, orders })
    }

    /// The book of a window that is not open.
    pub(crate) fn empty(bus: Keyed<Bus>, capacity: Keyed<Capacity>, now: i64) -> Result<Self> {
        Self::new(bus, capacity, Vec::new(), Vec::new(), now)
    }

    /// Its orders as they stand at the gate: bids and asks that are not settled. What expires before the gate asks for nothing.
    pub fn orders(&self) -> &Book {
        &self.orders
    }

    /// Whether the price is proven.
    pub fn is_proven(&self) -> bool {
        self.capacity.cleared_at != 0
    }

    /// What the auction sells: what is proven, or before that what the present book would give. Nothing where it ended without a
    /// proof.
    pub fn cleared(&self) -> Cleared {
        match (Cleared::of(&self.capacity), self.phase) {
            (Some(proven), _) => proven,
            (None, AuctionPhase::Over | AuctionPhase::Off) => Cleared::default(),
            (None, _) => clear(&self.orders),
        }
    }

    /// First second in which the book is fixed, in unix seconds.
    pub fn gate(&self) -> i64 {
        self.capacity.gate_closes_at
    }

    /// First second in which nothing can be withdrawn any more, in unix seconds: 300 s before the gate.
    pub fn closing_from(&self) -> i64 {
        self.gate().saturating_sub(AUCTION_CLOSING_SECONDS)
    }

    /// First second in which nobody can prove the price any more, in unix seconds: 24 hours after the gate.
    pub fn proof_until(&self) -> i64 {
        self.gate().saturating_add(AUCTION_PROOF_SECONDS)
    }

    /// Whether every bid and offer was read that the window counts.
    pub fn is_complete(&self) -> bool {
        self.bids.len() == self.capacity.open_bids as usize && self.offers.len() == self.capacity.open_offers as usize
    }

    /// What a bid of this much energy at this limit, grid fee included, would get now.
    ///
    /// # Errors
    /// Where the window takes no bids any more, the limit does not contain the grid fee, or the deposit exceeds 64 bits.
    pub fn preview(&self, Wh(energy_wh): Wh, PricePerKwh(limit): PricePerKwh) -> Result<BidPreview> {
        if !matches!(self.phase, AuctionPhase::Trading | AuctionPhase::Closing) {
            return Err(Error::Invalid(format!(
                "the auction of the window {} takes no bids now, it is {}; bid in a window with an auction whose gate is ahead",
                self.capacity.window_start,
                phase_name(self.phase)
            )));
        }
        let fee = self.capacity.terms.grid_fee_per_kwh;
        let price_per_kwh = limit.checked_sub(fee).ok_or_else(|| {
            Error::Invalid(format!("the limit {limit} is below the grid fee {fee} per kWh; raise the limit"))
        })?;
        let cost = |energy_wh, price: u64| {
            math::cost(energy_wh, price).ok_or_else(|| {
                Error::Invalid(format!("{energy_wh} Wh at {price} per kWh cost more than 64 bits hold; bid for less"))
            })
        };
        let deposit = cost(energy_wh, limit)?;
        let with = preview(&self.orders, Order { side: Side::Bid, energy_wh, price_per_kwh })?;
        let sold = with.cleared.volume_wh > 0;
        let full_price_per_kwh = if sold { with.cleared.price_per_kwh.saturating_add(fee) } else { 0 };
        let cost = cost(with.energy_wh, full_price_per_kwh)?;
        Ok(BidPreview {
            cleared: with.cleared,
            energy_wh: with.energy_wh,
            full_price_per_kwh,
            cost,
            deposit,
            returned: deposit.saturating_sub(cost),
        })
    }

    /// Bids that anyone can settle now.
    pub(crate) fn settleable_bids(&self) -> impl Iterator<Item = &Keyed<Bid>> {
        self.bids.iter().filter(|bid| bid::is_settleable(bid, &self.capacity, &self.bus, self.now))
    }

    /// Offers that anyone can settle or withdraw now. Those that are withdrawn already end with their locks.
    pub(crate) fn settleable_offers(&self) -> impl Iterator<Item = &Keyed<Offer>> {
        let is_settled = match self.phase {
            AuctionPhase::Cleared | AuctionPhase::Over => true,
            AuctionPhase::Trading => self.capacity.is_given_up(&self.bus, self.now),
            _ => false,
        };
        self.offers.iter().filter(move |offer| is_settled && offer.cancelled == 0)
    }

    /// Orders that anyone can settle or withdraw now.
    pub fn unsettled(&self) -> usize {
        self.settleable_bids().count() + self.settleable_offers().count()
    }
}

/// The instructions that count every final part of auctions of a delivery book in its pool, and pay what waits in the escrow.
pub(crate) fn pool_reports(book: &Keyed<DeliveryBook>, settlement: &Settlement, now: i64) -> Vec<Instruction> {
    let is_open = |place: &usize| book.windows[*place].owes_pool() && book.is_final(*place, now);
    let report = |place| pool_report(book, book.window_start(place), settlement);
    let mut reports: Vec<Instruction> = (0..BOOK_WINDOWS).filter(is_open).map(report).collect();
    if reports.is_empty() && book.pool_due > 0 {
        reports.push(pool_report(book, book.first_window, settlement));
    }
    reports
}

impl Market {
    /// The book of a window: its bids, its offers and where its auction stands. Also of a window without an auction, whose phase
    /// is [`AuctionPhase::Off`].
    pub async fn book(&self, bus: &Address, window_start: i64) -> Result<WindowBook> {
        let capacity = address::capacity(bus, window_start);
        let of_bid = [(offset!(Bid, capacity), capacity.as_ref())];
        let of_offer = [(offset!(Offer, capacity), capacity.as_ref())];
        let (bids, offers) = (self.list(&of_bid), self.list(&of_offer));
        let (capacity, bids, offers, rules, clock) =
            tokio::join!(self.capacity(bus, window_start), bids, offers, self.bus(bus), self.chain().clock());
        WindowBook::new(rules?, capacity?, bids?, offers?, clock?.unix_timestamp)
    }
}

impl Market {
    /// The books of all open windows of a bus that an auction closes, by window start. It takes as many requests as one of them.
    pub async fn auctions(&self, bus: &Address) -> Result<Vec<WindowBook>> {
        let of_bus = BidFilter { bus: Some(*bus), ..BidFilter::default() };
        let (capacities, bids, offers, rules, clock) = tokio::join!(
            self.capacities(bus),
            self.bids(&of_bus),
            self.all_offers(bus),
            self.bus(bus),
            self.chain().clock()
        );
        let (capacities, rules, now) = (capacities?, rules?, clock?.unix_timestamp);
        let (mut of_bids, mut of_offers): (HashMap<_, Vec<_>>, HashMap<_, Vec<_>>) = Default::default();
        for bid in bids? {
            of_bids.entry(bid.capacity).or_default().push(bid);
        }
        for offer in offers? {
            of_offers.entry(offer.capacity).or_default().push(offer);
        }
        let book = |capacity: Keyed<Capacity>| {
            let bids = of_bids.remove(&capacity.address).unwrap_or_default();
            let offers = of_offers.remove(&capacity.address).unwrap_or_default();
            WindowBook::new(rules, capacity, bids, offers, now)
        };
        capacities.into_iter().filter(|capacity| capacity.terms.has_auction()).map(book).collect()
    }
}

impl Wallet {
    /// Settles an offer of which the auction of its window sells something: its seller is paid on purchase terms; on delivery terms
    /// the energy enters its delivery book. Anyone may. Afterwards anyone can cancel the offer, which
    /// [`Wallet::offer_cancel`] does in one.
    pub async fn ask_settle(&self, offer: &Address) -> Result<Sent> {
        let offer = self.market().offer(offer).await?;
        let settlement = self.market().settlement(&offer.bus).await?;
        self.send_once(&offer.address, &[ask_settle(&offer, &settlement)]).await
    }

    /// Counts what a seller delivered of the energy that the auction of a window sold, once the window is final, and pays it to the
    /// seller's vault. `book` is the seller's delivery book. Anyone may.
    pub async fn pool_report(&self, book: &Address, window_start: i64) -> Result<Sent> {
        let book = Box::new(self.market().delivery_book(book).await?);
        let settlement = self.market().settlement(&book.bus).await?;
        self.send_once(&book.address, &[pool_report(&book, window_start, &settlement)]).await
    }
}

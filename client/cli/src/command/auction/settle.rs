//! `multibus auction settle`: each order of an auction gets what the price gives it.

use {
    super::view::{CostView, choose},
    crate::{
        command::bid,
        failure::Failure,
        output::{Page, Reply, View, partly, short},
        session::Session,
        tokens::Token,
        value::{BidName, Window, address as parse_address, count, format_energy, format_time},
        view::{TransactionView, WindowFailure, signature_line},
    },
    clap::{ArgGroup, Args},
    multibus_client::{
        Address, Keyed, Sent,
        auction::Capacity,
        bid::{Bid, BidState},
        capacity::is_settleable,
        clearing::{Progress, Settled},
        event::Event,
        multibus::state::RefundOutcome,
    },
    serde::Serialize,
};

/// Give each order of an auction what the price gives it, and return what is left of deposits; anyone can
///
/// All orders that can be settled now are settled: offers sell and are withdrawn, bids get their energy or their deposit back.
/// On delivery terms, sellers' deliveries are counted once their windows are final, and then what was not delivered comes back.
/// What has to wait is named. Who settles, and in which order, changes nobody's outcome but for 1 Wh of rounding.
#[derive(Args, Debug)]
#[command(
    group = ArgGroup::new("what").required(true).args(["bus", "bid", "offer"]),
    after_help = "Examples:
  multibus auction settle BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo
  multibus auction settle BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      --window 2027-01-15T08:00:00Z
  multibus auction settle --bid 9Ln7MCshW9zShxjTXRHp5h4S18GcT3b1nfCWaKaBFCdE
  multibus auction settle --offer EHdPndFgKSRAY6MGNUmj8zTuRL7jBJPSRVWiLXss9Xcn"
)]
pub struct SettleArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Option<Address>,
    /// Delivery window [default: all whose auction is over]
    #[arg(long, value_name = "START", requires = "bus")]
    window: Option<Window>,
    /// Only this bid, by its address or transaction hash
    #[arg(long, value_name = "BID")]
    bid: Option<BidName>,
    /// Close the bid for good, and give up the certificates that it did not take; only its buyer can
    #[arg(long, requires = "bid")]
    close: bool,
    /// Token account that gets what comes back to the bid; only its buyer chooses [default: the one that the bid names]
    #[arg(long, value_name = "TOKEN_ACCOUNT", value_parser = parse_address, requires = "bid")]
    to: Option<Address>,
    /// Only this offer
    #[arg(long, value_name = "OFFER", value_parser = parse_address)]
    offer: Option<Address>,
}

/// Runs `multibus auction settle`.
///
/// # Errors
/// Where nothing can be settled, or the chain or the program refuses.
pub async fn settle(args: &SettleArgs, session: &Session) -> Result<Reply, Failure> {
    match (args.bus, &args.bid, args.offer) {
        (Some(bus), ..) => settle_windows(&bus, args.window, session).await,
        (None, Some(name), _) => settle_bid(name, args, session).await,
        (None, None, Some(offer)) => settle_offer(&offer, session).await,
        // The argument group asks for one of them.
        (None, None, None) => Err(Failure::usage("name a bus, a bid with --bid, or an offer with --offer")),
    }
}

async fn settle_windows(bus: &Address, window: Option<Window>, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let bus = market.bus(bus).await?;
    let now = session.now().await?;
    let capacities = market.capacities(&bus.address).await?;
    let has_orders = |capacity: &Keyed<Capacity>| {
        is_settleable(capacity, &bus, now) && (capacity.open_bids > 0 || capacity.open_offers > 0)
    };
    let chosen = choose(window, &bus, &capacities, has_orders, now)?;
    if chosen.is_empty() {
        return Err(Failure::sentence(format!(
            "no auction of the bus {} has orders to settle now; see `multibus auction list {}`",
            bus.address, bus.address
        )));
    }
    let mut answer =
        SettledAll { bus: bus.address.to_string(), token: Token::of(&bus), auctions: Vec::new(), failures: Vec::new() };
    for capacity in chosen {
        let window_start = capacity.window_start;
        let settled = |progress: Progress| session.progress.show("settling orders", progress.done, progress.orders);
        match wallet.auction_settle_with_progress(&bus.address, window_start, &settled).await {
            Ok(settled) => answer.auctions.push(SettledView::of(window_start, &settled)),
            Err(error) if window.is_some() => return Err(error.into()),
            Err(error) => {
                answer.failures.push(WindowFailure { window_start, message: Failure::from(error).message() });
            }
        }
    }
    Ok(Box::new(answer))
}

async fn settle_bid(name: &BidName, args: &SettleArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let bid = bid::load(name, session).await?;
    let bus = session.market().bus(&bid.bus).await?;
    if (args.close || args.to.is_some()) && bid.buyer != wallet.address() {
        return Err(Failure::sentence(format!(
            "the bid {} belongs to {}, and only its buyer closes it early or chooses who is paid; leave out --close and --to, or \
             sign with its buyer's wallet",
            bid.address, bid.buyer
        )));
    }
    let sent = match &args.to {
        Some(to) => wallet.bid_settle_to(&bid.address, to, args.close).await?,
        None => wallet.bid_settle(&bid.address, args.close).await?,
    };
    Ok(Box::new(SettledBid::of(&bid, &sent, Token::of(&bus))))
}

async fn settle_offer(offer: &Address, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let offer = market.offer(offer).await?;
    let bus = market.bus(&offer.bus).await?;
    let sent = wallet.ask_settle(&offer.address).await?;
    let event = sent.events.iter().find_map(|event| match event {
        Event::AskSettled(event) => Some(event),
        _ => None,
    });
    Ok(Box::new(SettledOffer {
        offer: offer.address.to_string(),
        seller: offer.seller.to_string(),
        window_start: offer.window_start,
        sold_wh: event.map(|event| event.energy_wh),
        credited_base_units: event.map(|event| event.credited),
        on_delivery: offer.is_on_delivery(),
        token: Token::of(&bus),
        transaction: TransactionView::from(&sent),
    }))
}

/// An order that cannot be settled now.
#[derive(Clone, Serialize)]
struct WaitingView {
    account: String,
    message: String,
}

/// What was settled of a window.
#[derive(Clone, Serialize)]
pub struct SettledView {
    window_start: i64,
    bids: u32,
    asks: u32,
    cancelled_offers: u32,
    /// Sellers whose deliveries were counted.
    pool_reports: u32,
    cost: CostView,
    waiting: Vec<WaitingView>,
    /// Whether no bid and no offer of the window is open any more.
    done: bool,
}

impl SettledView {
    pub fn of(window_start: i64, settled: &Settled) -> Self {
        let waiting = settled
            .waiting
            .iter()
            .map(|waiting| WaitingView { account: waiting.account.to_string(), message: waiting.error.to_string() });
        Self {
            window_start,
            bids: settled.bids,
            asks: settled.asks,
            cancelled_offers: settled.cancelled_offers,
            pool_reports: settled.pool_reports,
            cost: CostView::of(&settled.cost),
            waiting: waiting.collect(),
            done: settled.is_done,
        }
    }

    pub fn words(&self) -> String {
        let mut parts = Vec::new();
        for (number, noun) in [
            (self.bids, "bid settled"),
            (self.asks, "sale of an offer settled"),
            (self.cancelled_offers, "offer withdrawn"),
            (self.pool_reports, "delivery of a seller counted"),
        ] {
            if number > 0 {
                parts.push(plural(number, noun));
            }
        }
        if parts.is_empty() { "nothing to settle now".to_owned() } else { parts.join(", ") }
    }
}

/// `1 bid settled`, `2 bids settled`.
fn plural(number: u32, phrase: &str) -> String {
    let (noun, rest) = phrase.split_once(' ').unwrap_or((phrase, ""));
    let noun = if noun == "delivery" && number != 1 { format!("{number} deliveries") } else { count(number, noun) };
    format!("{noun} {rest}")
}

#[derive(Serialize)]
struct SettledAll {
    bus: String,
    #[serde(flatten)]
    token: Token,
    auctions: Vec<SettledView>,
    failures: Vec<WindowFailure>,
}

impl View for SettledAll {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.auctions.iter().map(|auction| auction.window_start.to_string()).collect())
    }

    fn text(&self, page: &mut Page) {
        for (index, auction) in self.auctions.iter().enumerate() {
            if index > 0 {
                page.line("");
            }
            page.line(format!("window {}: {}", format_time(auction.window_start), auction.words()));
            if auction.cost.transactions > 0 {
                page.line(format!("cost       {}", auction.cost.words()));
            }
            for waiting in &auction.waiting {
                page.line(format!("waits      {}: {}", short(&waiting.account), waiting.message));
            }
            if auction.done {
                page.line("nothing of it is open any more");
            }
        }
    }

    fn failure(&self) -> Option<String> {
        partly("auction", "not settled", self.failures.iter().map(WindowFailure::line))
    }
}

/// A bid that was settled.
#[derive(Serialize)]
struct SettledBid {
    bid: String,
    buyer: String,
    window_start: i64,
    transaction_hash: String,
    energy_wh: u64,
    /// `null`, as below, where the node kept no log of the settlement.
    allotted_wh: Option<u64>,
    paid_base_units: Option<u64>,
    returned_base_units: Option<u64>,
    /// 0 before the deliveries of all sellers are counted.
    delivered_wh: Option<u64>,
    /// `filled`: on delivery terms it waits for the deliveries; `refunded`: it can take certificates; else `closed`.
    state: Option<&'static str>,
    /// `paid`, `claimed` (the buyer has a claim), `unpaid` (it waits in the escrow).
    outcome: Option<&'static str>,
    #[serde(flatten)]
    token: Token,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl SettledBid {
    fn of(bid: &Keyed<Bid>, sent: &Sent, token: Token) -> Self {
        let event = sent.events.iter().find_map(|event| match event {
            Event::BidSettled(event) => Some(event),
            _ => None,
        });
        Self {
            bid: bid.address.to_string(),
            buyer: bid.buyer.to_string(),
            window_start: bid.window_start,
            transaction_hash: multibus_client::text::hex(&bid.transaction_hash),
            energy_wh: bid.energy_wh,
            allotted_wh: event.map(|event| event.allotted_wh),
            paid_base_units: event.map(|event| event.paid),
            returned_base_units: event.map(|event| event.returned),
            delivered_wh: event.map(|event| event.delivered_wh),
            state: event.map(|event| match (event.closed, BidState::try_from(event.state)) {
                (1, _) => "closed",
                (_, Ok(BidState::Refunded)) => "refunded",
                _ => "filled",
            }),
            outcome: event.map(|event| match RefundOutcome::try_from(event.outcome) {
                Ok(RefundOutcome::Paid) => "paid",
                Ok(RefundOutcome::Claimed) => "claimed",
                _ => "unpaid",
            }),
            token,
            transaction: TransactionView::from(sent),
        }
    }
}

impl View for SettledBid {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.transaction.signature.clone()])
    }

    fn text(&self, page: &mut Page) {
        let energy = format_energy(self.energy_wh);
        let tokens = |amount: Option<u64>| format!("{} tokens", self.token.format(amount.unwrap_or_default()));
        match self.allotted_wh {
            None => page.line(format!("settled the bid for {energy}")),
            Some(0) => page.line(format!("the bid for {energy} got nothing")),
            Some(allotted_wh) => {
                let (got, paid) = (format_energy(allotted_wh), tokens(self.paid_base_units));
                page.line(format!("the bid for {energy} got {got} for {paid}"));
            }
        }
        if self.state == Some("refunded") {
            page.line(format!("delivered  {}", format_energy(self.delivered_wh.unwrap_or_default())));
        }
        if self.returned_base_units.is_some_and(|returned| returned > 0) {
            let returned = tokens(self.returned_base_units);
            page.line(match self.outcome {
                Some("claimed") => format!(
                    "returned   {returned} as a claim, because its refund account cannot be paid; see `multibus claim pay`"
                ),
                Some("unpaid") => format!("waits      {returned} in the escrow, until its refund account can be paid"),
                _ => format!("returned   {returned}"),
            });
        }
        match self.state {
            Some("filled") => page.line("the bid stays open until the deliveries of all sellers are counted"),
            Some("refunded") => {
                page.line("the bid stays open until it has its certificates:");
                page.line(format!("  multibus certificate take --bid {}", self.bid));
            }
            _ => {}
        }
        signature_line(page, &self.transaction);
    }
}

/// An offer that was settled.
#[derive(Serialize)]
struct SettledOffer {
    offer: String,
    seller: String,
    window_start: i64,
    /// `null`, as below, where the node kept no log of the settlement.
    sold_wh: Option<u64>,
    /// What its seller's vault got, grid fee included; 0 on delivery terms.
    credited_base_units: Option<u64>,
    on_delivery: bool,
    #[serde(flatten)]
    token: Token,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for SettledOffer {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.transaction.signature.clone()])
    }

    fn text(&self, page: &mut Page) {
        let sold = format_energy(self.sold_wh.unwrap_or_default());
        page.line(match (self.sold_wh, self.on_delivery) {
            (None, _) => format!("settled the offer {}", self.offer),
            (Some(_), true) => format!("the auction sold {sold} of the offer {}, to be paid on delivery", self.offer),
            (Some(_), false) => {
                let credited = self.token.format(self.credited_base_units.unwrap_or_default());
                format!("the auction sold {sold} of the offer {} for {credited} tokens", self.offer)
            }
        });
        signature_line(page, &self.transaction);
    }
}

//! `multibus auction list` and `multibus auction show`: where auctions stand, their books and their prices.

use {
    super::view::{ResultView, choose},
    crate::{
        command::bid::gets,
        config::home_path,
        failure::Failure,
        output::{Page, Reply, View, short},
        session::Session,
        terms::settlement_words,
        tokens::Token,
        value::{Window, address as parse_address, count, format_energy, format_time},
    },
    clap::Args,
    multibus_client::{
        Address, Keyed,
        auction::{
            AuctionPhase, Capacity, Cleared, Level, Order, Side, WindowBook, clear, order_of_bid, order_of_offer,
            phase_name,
        },
        bid::{Bid, BidState},
        multibus::state::Offer,
        terms::settlement_name,
    },
    serde::Serialize,
    std::{fmt::Write as _, path::PathBuf},
};

/// Rows that a table of a book has at most in text.
const SHOWN: usize = 20;

/// List the auctions of a bus's open windows: where they stand, and their price
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus auction list BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo")]
pub struct ListArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
}

/// Show an auction: its times, its book, its price and your own orders
///
/// Before its price is proven, the price is the one that the present book would give. With --csv anybody can check it without
/// this chain: `multibus auction price` takes that file.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus auction show BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo
  multibus auction show BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      --window next --csv book.csv")]
pub struct ShowArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
    /// Delivery window: 'next', its start, or a wait that is rounded up to one [default: the only one that is open]
    #[arg(long, value_name = "START")]
    window: Option<Window>,
    /// Write the book into this file, as `multibus auction price` takes it
    #[arg(long, value_name = "FILE", value_parser = home_path())]
    csv: Option<PathBuf>,
}

/// Lists the auctions of a bus.
///
/// # Errors
/// Where the chain cannot be reached.
pub async fn list(args: &ListArgs, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let bus = market.bus(&args.bus).await?;
    let mut auctions = Vec::new();
    for capacity in market.capacities(&bus.address).await? {
        if capacity.terms.has_auction() {
            let book = market.book(&bus.address, capacity.window_start).await?;
            auctions.push(RowView::of(&book));
        }
    }
    Ok(Box::new(Listed { bus: bus.address.to_string(), token: Token::of(&bus), auctions }))
}

/// Shows an auction.
///
/// # Errors
/// Where the window is not open, or a file cannot be written.
pub async fn show(args: &ShowArgs, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let bus = market.bus(&args.bus).await?;
    let now = session.now().await?;
    let capacities = market.capacities(&bus.address).await?;
    let chosen = choose(args.window, &bus, &capacities, |_| true, now)?;
    let capacity = match chosen.as_slice() {
        [one] => one,
        [] => {
            return Err(Failure::sentence(format!(
                "no window with an auction is open on the bus {}; the first offer or bid in a window opens it",
                bus.address
            )));
        }
        several => {
            return Err(Failure::usage(format!(
                "{} with an auction are open; name one with --window, see `multibus auction list {}`",
                count(several.len() as u64, "window"),
                bus.address
            )));
        }
    };
    let book = market.book(&bus.address, capacity.window_start).await?;
    if let Some(file) = &args.csv {
        write_csv(&book, file)?;
        let orders = count(book.orders().orders().len() as u64, "order");
        session.output.note(format!("wrote {orders} to {}", file.display()));
    }
    let own = session.address_or_own(None).ok();
    Ok(Box::new(AuctionView::of(&book, own.as_ref())))
}

/// Whether every order of the auction is still open, so that its price follows from the book.
fn is_whole(book: &WindowBook) -> bool {
    let cleared = clear(book.orders());
    Cleared::of(&book.capacity).is_none_or(|proven| {
        Cleared { low_price: 0, high_price: 0, ..cleared } == Cleared { low_price: 0, high_price: 0, ..proven }
    })
}

/// Writes the book as a file of orders. Parties are wallets.
fn write_csv(book: &WindowBook, file: &std::path::Path) -> Result<(), Failure> {
    if !is_whole(book) {
        return Err(Failure::sentence(format!(
            "orders of the window {} are settled already, so that its price does not follow from those that are left; write \
             the book before the first is settled",
            format_time(book.capacity.window_start)
        )));
    }
    let mut text = "side,party,energy_wh,price_per_kwh\n".to_owned();
    let bids = book.bids.iter().filter_map(|bid| Some((bid.buyer, order_of_bid(bid)?)));
    let asks = book.offers.iter().filter_map(|offer| Some((offer.wallet, order_of_offer(offer)?)));
    for (wallet, order) in bids.chain(asks) {
        // A string is written without failing.
        let _ = writeln!(text, "{},{wallet},{},{}", order.side, order.energy_wh, order.price_per_kwh);
    }
    std::fs::write(file, text).map_err(|error| Failure::file("written", file, &error))
}

/// An auction in a list.
#[derive(Serialize)]
struct RowView {
    window_start: i64,
    gate_closes_at: i64,
    /// `trading`, `closing`, `fixed`, `cleared` or `over`.
    phase: &'static str,
    bids: u32,
    offers: u32,
    /// Whether the chain has checked the price; else it is what the present book would give.
    proven: bool,
    #[serde(flatten)]
    result: ResultView,
    /// Orders that anyone can settle now.
    unsettled: usize,
}

impl RowView {
    fn of(book: &WindowBook) -> Self {
        Self {
            window_start: book.capacity.window_start,
            gate_closes_at: book.gate(),
            phase: phase_name(book.phase),
            bids: book.capacity.open_bids,
            offers: book.capacity.open_offers,
            proven: book.is_proven(),
            result: ResultView::of(&book.cleared(), book.capacity.terms.grid_fee_per_kwh),
            unsettled: book.unsettled(),
        }
    }
}

#[derive(Serialize)]
struct Listed {
    bus: String,
    #[serde(flatten)]
    token: Token,
    auctions: Vec<RowView>,
}

impl View for Listed {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.auctions.iter().map(|auction| auction.window_start.to_string()).collect())
    }

    fn text(&self, page: &mut Page) {
        if self.auctions.is_empty() {
            page.line("no window with an auction is open; the first offer or bid in a window opens it");
            return;
        }
        page.table(
            &["window", "phase", ">bids", ">offers", ">price/kWh", ">volume"],
            self.auctions.iter().map(|auction| {
                let price = auction.result.full_price_per_kwh.map(|price| self.token.format(price));
                vec![
                    format_time(auction.window_start),
                    auction.phase.to_owned(),
                    auction.bids.to_string(),
                    auction.offers.to_string(),
                    price.unwrap_or_else(|| "-".to_owned()),
                    format_energy(auction.result.volume_wh),
                ]
            }),
        );
        page.line("with the grid fee; before `cleared`, what the present book would give");
    }
}

/// An order of the book.
#[derive(Serialize)]
struct OrderView {
    /// `bid` or `ask`.
    side: &'static str,
    /// The bid or the offer.
    address: String,
    wallet: String,
    /// Whether it is the signing wallet's.
    own: bool,
    energy_wh: u64,
    /// Without the grid fee: of a bid its limit less the fee.
    price_per_kwh: u64,
    settled: bool,
    /// What it got, or gets at least; `null` for an offer that is settled.
    gets_wh: Option<u64>,
}

impl OrderView {
    fn of_bid(bid: &Keyed<Bid>, book: &WindowBook, own: Option<&Address>) -> Self {
        Self {
            side: Side::Bid.name(),
            address: bid.address.to_string(),
            wallet: bid.buyer.to_string(),
            own: own == Some(&bid.buyer),
            energy_wh: bid.energy_wh,
            price_per_kwh: bid.price_per_kwh,
            settled: bid.state != BidState::Open as u8,
            gets_wh: Some(gets(bid, book)),
        }
    }

    /// An offer that asks for nothing is left out.
    fn of_offer(offer: &Keyed<Offer>, cleared: &Cleared, own: Option<&Address>) -> Option<Self> {
        let settled = offer.settled != 0;
        let order = order_of_offer(offer);
        if order.is_none() && !settled {
            return None;
        }
        Some(Self {
            side: Side::Ask.name(),
            address: offer.address.to_string(),
            wallet: offer.wallet.to_string(),
            own: own == Some(&offer.wallet),
            energy_wh: order.map_or(0, |order| order.energy_wh),
            price_per_kwh: offer.price_per_kwh,
            settled,
            gets_wh: order.map(|order| cleared.share_of(&order)),
        })
    }
}

/// Energy around a price, in Wh.
#[derive(Serialize)]
struct SumsView {
    price: u64,
    bid_above_wh: u64,
    bid_from_wh: u64,
    asked_below_wh: u64,
    asked_up_to_wh: u64,
}

impl SumsView {
    fn of(price: u64, orders: &[Order]) -> Self {
        let sum = |side: Side, fits: &dyn Fn(u64) -> bool| {
            let of_side = orders.iter().filter(|order| order.side == side && fits(order.price_per_kwh));
            of_side.map(|order| order.energy_wh).fold(0, u64::saturating_add)
        };
        Self {
            price,
            bid_above_wh: sum(Side::Bid, &|bid| bid > price),
            bid_from_wh: sum(Side::Bid, &|bid| bid >= price),
            asked_below_wh: sum(Side::Ask, &|ask| ask < price),
            asked_up_to_wh: sum(Side::Ask, &|ask| ask <= price),
        }
    }
}

/// What singles the price out: at the low price, no more is bid above than is asked up to it; at the high price, less is.
#[derive(Serialize)]
struct ProofView {
    low: SumsView,
    high: SumsView,
}

/// Orders at one price.
#[derive(Serialize)]
struct LevelView {
    price_per_kwh: u64,
    bid_wh: u64,
    ask_wh: u64,
    /// Bid at this price or a higher one.
    bid_from_wh: u64,
    /// Asked at this price or a lower one.
    asked_up_to_wh: u64,
}

impl LevelView {
    fn of(level: &Level) -> Self {
        Self {
            price_per_kwh: level.price_per_kwh,
            bid_wh: level.bid_wh,
            ask_wh: level.ask_wh,
            bid_from_wh: level.bid_from_wh,
            asked_up_to_wh: level.asked_up_to_wh,
        }
    }
}

/// On delivery terms: what sellers delivered of what the auction sold.
#[derive(Serialize)]
struct PoolView {
    /// What sellers sold in the auction whose deliveries are counted, of the volume.
    reported_wh: u64,
    delivered_wh: u64,
    /// `null` before the deliveries of all are counted.
    complete_at: Option<i64>,
}

impl PoolView {
    fn of(capacity: &Capacity) -> Option<Self> {
        (capacity.terms.is_on_delivery() && capacity.volume_wh > 0).then_some(Self {
            reported_wh: capacity.reported_wh,
            delivered_wh: capacity.delivered_wh,
            complete_at: (capacity.pool_complete_at != 0).then_some(capacity.pool_complete_at),
        })
    }
}

/// An auction.
#[derive(Serialize)]
struct AuctionView {
    bus: String,
    capacity: String,
    window_start: i64,
    window_end: i64,
    /// `trading`, `closing`, `fixed`, `cleared` or `over`.
    phase: &'static str,
    /// From when on nothing is withdrawn.
    closing_from: i64,
    gate_closes_at: i64,
    /// Until when its price can be proven; without a proof all bids are returned then.
    proof_until: i64,
    /// `on_purchase` or `on_delivery`.
    settlement: String,
    grid_fee_per_kwh: u64,
    #[serde(flatten)]
    token: Token,
    open_bids: u32,
    open_offers: u32,
    bid_wh: u64,
    ask_wh: u64,
    /// What the escrow holds for this window.
    escrowed_base_units: u64,
    /// Whether the chain has checked the price; else it is what the present book would give.
    proven: bool,
    cleared_at: Option<i64>,
    #[serde(flatten)]
    result: ResultView,
    /// `null` once orders are settled, so that the book is not whole any more.
    proof: Option<ProofView>,
    /// Orders that anyone can settle now.
    unsettled: usize,
    pool: Option<PoolView>,
    levels: Vec<LevelView>,
    orders: Vec<OrderView>,
}

impl AuctionView {
    fn of(book: &WindowBook, own: Option<&Address>) -> Self {
        let capacity = &book.capacity;
        let terms = &capacity.terms;
        let (orders, whole) = (book.orders(), is_whole(book));
        // The chain keeps the price alone; while the book is whole, it tells what the proof named.
        let cleared = if whole && book.is_proven() { clear(orders) } else { book.cleared() };
        let is_off = matches!(book.phase, AuctionPhase::Over);
        let proof = (whole && !is_off && orders.ask_wh() > 0 && orders.bid_wh() > 0).then(|| ProofView {
            low: SumsView::of(cleared.low_price, orders.orders()),
            high: SumsView::of(cleared.high_price, orders.orders()),
        });
        let bids = book.bids.iter().map(|bid| OrderView::of_bid(bid, book, own));
        let asks = book.offers.iter().filter_map(|offer| OrderView::of_offer(offer, &cleared, own));
        Self {
            bus: capacity.bus.to_string(),
            capacity: capacity.address.to_string(),
            window_start: capacity.window_start,
            window_end: capacity.window_start.saturating_add(terms.window_seconds.into()),
            phase: phase_name(book.phase),
            closing_from: book.closing_from(),
            gate_closes_at: book.gate(),
            proof_until: book.proof_until(),
            settlement: settlement_name(terms.settlement),
            grid_fee_per_kwh: terms.grid_fee_per_kwh,
            token: Token::of(&book.bus),
            open_bids: capacity.open_bids,
            open_offers: capacity.open_offers,
            bid_wh: orders.bid_wh(),
            ask_wh: orders.ask_wh(),
            escrowed_base_units: capacity.escrowed,
            proven: book.is_proven(),
            cleared_at: book.is_proven().then_some(capacity.cleared_at),
            result: ResultView::of(&cleared, terms.grid_fee_per_kwh),
            proof,
            unsettled: book.unsettled(),
            pool: PoolView::of(capacity),
            levels: orders.levels().iter().map(LevelView::of).collect(),
            orders: bids.chain(asks).collect(),
        }
    }

    /// Where it stands, in words.
    fn phase_words(&self) -> String {
        match self.phase {
            "trading" => format!("bids and offers come and go until {}", format_time(self.closing_from)),
            "closing" => "the last 300 s: bids and offers are added, nothing is withdrawn".to_owned(),
            "fixed" => format!("the book is fixed, anyone proves its price until {}", format_time(self.proof_until)),
            "cleared" => format!("price proven at {}", format_time(self.cleared_at.unwrap_or_default())),
            _ => "over, nothing is sold: all bids are returned, all offers are free".to_owned(),
        }
    }

    /// The levels around the price.
    fn shown_levels(&self) -> &[LevelView] {
        let price = self.result.price_per_kwh.unwrap_or(self.result.low_price);
        let middle = self.levels.partition_point(|level| level.price_per_kwh < price);
        let start = middle.saturating_sub(SHOWN / 2).min(self.levels.len().saturating_sub(SHOWN));
        &self.levels[start..self.levels.len().min(start + SHOWN)]
    }
}

impl View for AuctionView {
    fn text(&self, page: &mut Page) {
        let is_over = self.phase == "over";
        let mut fields = vec![
            ("window", format!("{} to {}", format_time(self.window_start), format_time(self.window_end))),
            ("auction", self.phase_words()),
            ("gate", format_time(self.gate_closes_at)),
            ("paid", settlement_words(&self.settlement).to_owned()),
            (
                "book",
                match self.proven {
                    // Some may be settled, so that their energy says little.
                    true => format!("{} and {} open", count(self.open_bids, "bid"), count(self.open_offers, "offer")),
                    false => format!(
                        "{} for {}, {} of {}",
                        count(self.open_bids, "bid"),
                        format_energy(self.bid_wh),
                        count(self.open_offers, "offer"),
                        format_energy(self.ask_wh)
                    ),
                },
            ),
        ];
        let when = match (self.proven, self.phase) {
            (true, _) => "",
            (false, "fixed") => ", to be proven",
            (false, _) => ", if the auction were now",
        };
        match self.result.price(&self.token) {
            Some(price) => {
                fields.push(("price", format!("{price}{when}")));
                fields.push(("volume", format_energy(self.result.volume_wh)));
                fields.push(("rationed", self.result.rationed_words()));
            }
            None if !is_over => fields.push(("price", format!("none, nothing is sold{when}"))),
            None => {}
        }
        fields.push(("escrow", format!("{} tokens", self.token.format(self.escrowed_base_units))));
        if let Some(pool) = &self.pool {
            let (delivered, counted) = (format_energy(pool.delivered_wh), format_energy(pool.reported_wh));
            let left = match self.result.volume_wh.saturating_sub(pool.reported_wh) {
                0 => String::new(),
                left => format!(", {} are not counted yet", format_energy(left)),
            };
            fields.push(("delivered", format!("{delivered} of {counted}{left}")));
        }
        page.fields(fields);
        if let Some(ProofView { low, high }) = &self.proof {
            page.line("");
            page.line("the price is the middle of the low and the high price, all without the grid fee");
            page.table(
                &["", ">price/kWh", ">bid above", ">bid from it", ">asked below", ">asked up to it"],
                [("low", low), ("high", high)].into_iter().map(|(name, sums)| {
                    let [above, from, below, up_to] =
                        [sums.bid_above_wh, sums.bid_from_wh, sums.asked_below_wh, sums.asked_up_to_wh]
                            .map(format_energy);
                    vec![name.to_owned(), self.token.format(sums.price), above, from, below, up_to]
                }),
            );
        }
        if !self.levels.is_empty() {
            page.line("");
            page.table(
                &[">price/kWh", ">bid", ">asked", ">bid from it", ">asked up to it"],
                self.shown_levels().iter().map(|level| {
                    let [bid, ask, from, up_to] =
                        [level.bid_wh, level.ask_wh, level.bid_from_wh, level.asked_up_to_wh].map(format_energy);
                    vec![self.token.format(level.price_per_kwh), bid, ask, from, up_to]
                }),
            );
            let hidden = self.levels.len() - self.shown_levels().len();
            if hidden > 0 {
                page.line(format!("and {} farther from the price, see --output json", count(hidden as u64, "price")));
            }
        }
        let own: Vec<&OrderView> = self.orders.iter().filter(|order| order.own).collect();
        if !own.is_empty() {
            page.line("");
            page.table(
                &["yours", "address", ">energy", ">price/kWh", ">gets"],
                own.iter().take(SHOWN).map(|order| {
                    vec![
                        if order.side == "bid" { "bid" } else { "offer" }.to_owned(),
                        short(&order.address),
                        if order.settled && order.side == "ask" {
                            "settled".to_owned()
                        } else {
                            format_energy(order.energy_wh)
                        },
                        self.token.format(order.price_per_kwh),
                        order.gets_wh.map_or_else(|| "-".to_owned(), format_energy),
                    ]
                }),
            );
        }
        let verb = match self.phase {
            "fixed" => Some(("prove the price, anyone can:", "clear")),
            _ if self.unsettled > 0 => Some(("settle the orders, anyone can:", "settle")),
            _ => None,
        };
        if let Some((sentence, verb)) = verb {
            page.line("");
            page.line(sentence);
            page.line(format!("  multibus auction {verb} {}", self.bus));
        }
    }
}

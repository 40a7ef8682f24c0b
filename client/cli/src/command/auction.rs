//! `multibus auction`: the auctions that close delivery windows.

pub mod keep;
pub mod price;
mod settle;
mod show;

use {
    super::offer::window_start,
    crate::{
        failure::Failure,
        output::{Reply, View},
        session::Session,
        terms::format_full_price,
        tokens::Token,
        value::{Time, Window, address as parse_address, count, format_energy, format_time},
        view::{WindowFailure, format_sol},
    },
    clap::{Args, Subcommand},
    multibus_client::{
        Address, Keyed,
        auction::{AuctionPhase, Capacity, Cleared, Side},
        clearing::{ClearOptions, Clearance, Cost},
        multibus::state::Bus,
    },
    serde::Serialize,
};

#[derive(Subcommand, Debug)]
pub enum AuctionCommand {
    Price(price::PriceArgs),
    List(show::ListArgs),
    Show(show::ShowArgs),
    Clear(ClearArgs),
    Settle(settle::SettleArgs),
    Keep(keep::KeepArgs),
}

/// Prove the price of an auction on the chain; anyone can, from the gate on, for 24 hours
///
/// The chain adds up all bids and offers and checks that the price is the one. It costs fees alone: the rent of the proof comes
/// back at once. An interrupted proof is resumed by the next call. Who proves the price changes nothing for anybody.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus auction clear BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo
  multibus auction clear BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      --window 2027-01-15T08:00:00Z")]
pub struct ClearArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
    /// Delivery window [default: all whose book is fixed and not cleared]
    #[arg(long, value_name = "START")]
    window: Option<Window>,
    /// Count 59 orders a transaction instead of 28, by lookup tables: sooner for thousands of orders, and dearer
    #[arg(long)]
    lookup_tables: bool,
}

/// Runs a verb of `auction` that needs a chain.
///
/// # Errors
/// Where the chain or the program refuses.
pub async fn run(command: AuctionCommand, session: &Session) -> Result<Reply, Failure> {
    match command {
        AuctionCommand::Price(args) => price::price(&args, session.output),
        AuctionCommand::List(args) => show::list(&args, session).await,
        AuctionCommand::Show(args) => show::show(&args, session).await,
        AuctionCommand::Clear(args) => clear(&args, session).await,
        AuctionCommand::Settle(args) => settle::settle(&args, session).await,
        AuctionCommand::Keep(args) => keep::once(&args, session).await,
    }
}

async fn clear(args: &ClearArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let bus = session.market().bus(&args.bus).await?;
    let now = session.now().await?;
    let capacities = session.market().capacities(&bus.address).await?;
    let is_fixed = |capacity: &Keyed<Capacity>| capacity.phase(now) == AuctionPhase::Fixed;
    let (chosen, is_named) = (choose(args.window, &bus, &capacities, is_fixed, now)?, args.window.is_some());
    if chosen.is_empty() {
        return Err(Failure::sentence(format!(
            "no auction of the bus {} waits for a proof of its price now; see `multibus auction list {}`",
            bus.address, bus.address
        )));
    }
    let options = ClearOptions { lookup_tables: args.lookup_tables };
    let mut answer =
        ClearedAll { bus: bus.address.to_string(), token: Token::of(&bus), auctions: Vec::new(), failures: Vec::new() };
    for capacity in chosen {
        let window_start = capacity.window_start;
        match wallet.auction_clear_with(&bus.address, window_start, &options).await {
            Ok(clearance) => answer.auctions.push(ClearanceView::of(&clearance)),
            Err(error) if is_named => return Err(error.into()),
            // One that cannot be cleared must not hold up the others.
            Err(error) => {
                answer.failures.push(WindowFailure { window_start, message: Failure::from(error).message() });
            }
        }
    }
    Ok(Box::new(answer))
}

/// The windows that are meant: the named one, else all that `fits` takes.
///
/// # Errors
/// Where the named one is not open, or no auction closes it.
fn choose<'a>(
    window: Option<Window>,
    bus: &Keyed<Bus>,
    capacities: &'a [Keyed<Capacity>],
    fits: impl Fn(&Keyed<Capacity>) -> bool,
    now: i64,
) -> Result<Vec<&'a Keyed<Capacity>>, Failure> {
    let Some(window) = window else {
        return Ok(capacities.iter().filter(|capacity| capacity.terms.has_auction() && fits(capacity)).collect());
    };
    let is_open = |start: i64| capacities.iter().any(|capacity| capacity.window_start == start);
    let start = match window {
        // An open window keeps its terms, whatever its bus decided since.
        Window::Start(Time::At(start)) if is_open(start) => start,
        window => window_start(Some(window), bus, now)?,
    };
    let Some(capacity) = capacities.iter().find(|capacity| capacity.window_start == start) else {
        return Err(Failure::sentence(format!(
            "the window {} is not open: nobody has bid or offered in it yet, or it is closed; see `multibus auction list {}` \
             (`multibus history --account {}` tells what happened in a closed one)",
            format_time(start),
            bus.address,
            multibus_client::address::capacity(&bus.address, start)
        )));
    };
    if !capacity.terms.has_auction() {
        return Err(Failure::sentence(format!(
            "no auction closes the window {}; see `multibus window list {}`",
            format_time(start),
            bus.address
        )));
    }
    Ok(vec![capacity])
}

/// What an auction sells, and at which price.
#[derive(Clone, Serialize)]
struct ResultView {
    /// `null` where nothing is sold; without the grid fee.
    price_per_kwh: Option<u64>,
    /// What buyers pay; `null` where nothing is sold.
    full_price_per_kwh: Option<u64>,
    volume_wh: u64,
    /// `bid` or `ask`: the side whose orders at the price are not filled in full; `null` where all are.
    rationed: Option<&'static str>,
    /// The lowest and the highest price that the proof names; both are the price where they are not known any more.
    low_price: u64,
    high_price: u64,
    bids_at_price_wh: u64,
    bids_filled_wh: u64,
    asks_at_price_wh: u64,
    asks_filled_wh: u64,
    #[serde(skip)]
    grid_fee_per_kwh: u64,
}

impl ResultView {
    fn of(cleared: &Cleared, grid_fee_per_kwh: u64) -> Self {
        let price = (cleared.volume_wh > 0).then_some(cleared.price_per_kwh);
        Self {
            price_per_kwh: price,
            full_price_per_kwh: price.map(|price| price.saturating_add(grid_fee_per_kwh)),
            volume_wh: cleared.volume_wh,
            rationed: cleared.rationed.map(Side::name),
            low_price: cleared.low_price,
            high_price: cleared.high_price,
            bids_at_price_wh: cleared.bids_at_price_wh,
            bids_filled_wh: cleared.bids_filled_wh,
            asks_at_price_wh: cleared.asks_at_price_wh,
            asks_filled_wh: cleared.asks_filled_wh,
            grid_fee_per_kwh,
        }
    }

    /// Writes the price that buyers pay: `0.3 tokens/kWh, of it 0.05 for the grid`.
    fn price(&self, token: &Token) -> Option<String> {
        self.full_price_per_kwh.map(|price| format_full_price(price, self.grid_fee_per_kwh, token.mint_decimals()))
    }

    /// Who shares what is left at the price.
    fn rationed_words(&self) -> String {
        let share = |filled_wh, at_price_wh| format!("{} of {}", format_energy(filled_wh), format_energy(at_price_wh));
        match self.rationed {
            Some("bid") => format!("bids at the price get {}", share(self.bids_filled_wh, self.bids_at_price_wh)),
            Some(_) => format!("offers at the price sell {}", share(self.asks_filled_wh, self.asks_at_price_wh)),
            None => "nobody: all orders at the price are filled".to_owned(),
        }
    }
}

/// What something cost on the chain.
#[derive(Clone, Serialize)]
struct CostView {
    transactions: u32,
    fee_lamports: u64,
    compute_units: u64,
}

impl CostView {
    fn of(cost: &Cost) -> Self {
        Self { transactions: cost.transactions, fee_lamports: cost.fees, compute_units: cost.compute_units }
    }

    fn words(&self) -> String {
        format!("{} for {}", count(self.transactions, "transaction"), format_sol(self.fee_lamports))
    }
}

/// A proof of the price.
#[derive(Serialize)]
struct ClearanceView {
    window_start: i64,
    #[serde(flatten)]
    result: ResultView,
    cleared_at: i64,
    orders: usize,
    /// `false` where somebody else proved it first.
    by_this_wallet: bool,
    /// Whether a proof of this wallet that was left half way was carried on.
    resumed: bool,
    cost: CostView,
    signatures: Vec<String>,
    /// Lookup tables, deactivated: their rent comes back once they are closed.
    lookup_tables: Vec<String>,
}

impl ClearanceView {
    fn of(clearance: &Clearance) -> Self {
        let capacity = &clearance.capacity;
        Self {
            window_start: capacity.window_start,
            result: ResultView::of(&clearance.cleared, capacity.terms.grid_fee_per_kwh),
            cleared_at: capacity.cleared_at,
            orders: clearance.orders,
            by_this_wallet: clearance.by_this_wallet,
            resumed: clearance.resumed,
            cost: CostView::of(&clearance.cost),
            signatures: clearance.transactions.iter().map(ToString::to_string).collect(),
            lookup_tables: clearance.tables.iter().map(ToString::to_string).collect(),
        }
    }

    fn text(&self, page: &mut crate::output::Page, token: &Token) {
        let window = format_time(self.window_start);
        let by = if self.by_this_wallet { "proved" } else { "somebody else has proved" };
        match self.result.price(token) {
            Some(price) => {
                let volume = format_energy(self.result.volume_wh);
                page.line(format!("{by} the price of the window {window}: {volume} at {price}"));
                page.line(format!("rationed   {}", self.result.rationed_words()));
            }
            None => page.line(format!("{by} that nothing is sold in the window {window}")),
        }
        let resumed = if self.resumed { ", carried on from before" } else { "" };
        page.line(format!("counted    {} in {}{resumed}", count(self.orders as u64, "order"), self.cost.words()));
        for table in &self.lookup_tables {
            page.line(format!("table      {table}"));
        }
    }
}

#[derive(Serialize)]
struct ClearedAll {
    bus: String,
    #[serde(flatten)]
    token: Token,
    auctions: Vec<ClearanceView>,
    failures: Vec<WindowFailure>,
}

impl View for ClearedAll {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.auctions.iter().map(|auction| auction.window_start.to_string()).collect())
    }

    fn text(&self, page: &mut crate::output::Page) {
        for (index, auction) in self.auctions.iter().enumerate() {
            if index > 0 {
                page.line("");
            }
            auction.text(page, &self.token);
        }
        if !self.auctions.is_empty() {
            page.line("settle the orders, anyone can:");
            page.line(format!("  multibus auction settle {}", self.bus));
        }
    }

    fn failure(&self) -> Option<String> {
        crate::output::partly("auction", "not cleared", self.failures.iter().map(WindowFailure::line))
    }
}

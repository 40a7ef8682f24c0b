//! What the answers of several verbs of `auction` share.

use {
    crate::{
        command::offer::window_start,
        failure::Failure,
        output::Page,
        terms::format_full_price,
        tokens::Token,
        value::{Time, Window, count, format_energy, format_time},
        view::format_sol,
    },
    multibus_client::{
        Keyed, address,
        auction::{Capacity, Cleared, Side},
        clearing::{Clearance, Cost},
        multibus::state::Bus,
    },
    serde::Serialize,
};

/// The windows that are meant: the named one, else all that `fits` takes.
///
/// # Errors
/// Where the named one is not open, or no auction closes it.
pub fn choose<'a>(
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
            address::capacity(&bus.address, start)
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
pub struct ResultView {
    /// `null` where nothing is sold; without the grid fee.
    pub price_per_kwh: Option<u64>,
    /// What buyers pay; `null` where nothing is sold.
    pub full_price_per_kwh: Option<u64>,
    pub volume_wh: u64,
    /// `bid` or `ask`: the side whose orders at the price are not filled in full; `null` where all are.
    pub rationed: Option<&'static str>,
    /// The lowest and the highest price that the proof names; both are the price where they are not known any more.
    pub low_price: u64,
    high_price: u64,
    bids_at_price_wh: u64,
    bids_filled_wh: u64,
    asks_at_price_wh: u64,
    asks_filled_wh: u64,
    #[serde(skip)]
    grid_fee_per_kwh: u64,
}

impl ResultView {
    pub fn of(cleared: &Cleared, grid_fee_per_kwh: u64) -> Self {
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
    pub fn price(&self, token: &Token) -> Option<String> {
        self.full_price_per_kwh.map(|price| format_full_price(price, self.grid_fee_per_kwh, token.mint_decimals()))
    }

    /// Who shares what is left at the price.
    pub fn rationed_words(&self) -> String {
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
pub struct CostView {
    pub transactions: u32,
    fee_lamports: u64,
    compute_units: u64,
}

impl CostView {
    pub fn of(cost: &Cost) -> Self {
        Self { transactions: cost.transactions, fee_lamports: cost.fees, compute_units: cost.compute_units }
    }

    pub fn words(&self) -> String {
        format!("{} for {}", count(self.transactions, "transaction"), format_sol(self.fee_lamports))
    }
}

/// A proof of the price.
#[derive(Serialize)]
pub struct ClearanceView {
    pub window_start: i64,
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
    pub fn of(clearance: &Clearance) -> Self {
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

    pub fn text(&self, page: &mut Page, token: &Token) {
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

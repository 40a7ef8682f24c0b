//! `multibus auction price`: the price of a book in a file, without a chain.

use {
    super::super::replay::{STANDARD_INPUT, file_name},
    crate::{
        config::home_path,
        failure::Failure,
        output::{Output, Page, Reply, View},
        value::{Time, count, format_energy, format_time},
    },
    clap::Args,
    multibus_client::auction::{Book, Cleared, Side, clear},
    multibus_replay::orders::{Orders, WINDOW_COLUMN, WindowOrders},
    serde::Serialize,
    std::path::{Path, PathBuf},
};

/// Find the one price at which a book of bids and asks moves the most energy; needs no chain
///
/// The file is CSV with the columns `side` (bid or ask), `party`, `energy_wh` and `price_per_kwh`: whole Wh, and whole base units
/// of the token. Of a bid the price is its limit less the grid fee. With a column `window_start` it has the orders of several
/// delivery windows, as the `orders.csv` of a replay does: --window picks one, else all are answered.
///
/// Each order that is strictly better than the price is filled in full. On the rationed side, the orders at the price share
/// what is left for them. Where nothing can be traded, the volume is 0; then the price and the side mean nothing, and in JSON the
/// price is the middle of the two prices that a clearer claims, as the chain records it and the `auctions.csv` of a replay has it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus auction price book.csv
  multibus auction price book.csv --output json
  multibus auction price report/orders.csv --window 2016-06-21T12:00:00+01:00")]
pub struct PriceArgs {
    /// File of orders; '-' for the standard input
    #[arg(value_name = "FILE", value_parser = home_path())]
    file: PathBuf,
    /// Start of the delivery window, where the file has several
    #[arg(long, value_name = "START")]
    window: Option<Time>,
}

/// Runs `multibus auction price`.
///
/// # Errors
/// Where the file or the window is refused.
pub fn price(args: &PriceArgs, output: Output) -> Result<Reply, Failure> {
    let name = file_name(&args.file);
    let read = if args.file == Path::new(STANDARD_INPUT) {
        Orders::read(std::io::stdin().lock())
    } else {
        Orders::read_path(&args.file)
    };
    let orders = read.map_err(|error| Failure::sentence(format!("{name}: {error}")))?;
    for note in &orders.notes {
        output.note(format!("{name}: {note}"));
    }
    let Some(window) = args.window else {
        let mut windows = orders.windows.iter().map(PriceView::of).collect::<Result<Vec<_>, _>>()?;
        return Ok(match orders.has_windows {
            true => Box::new(Priced { windows }),
            // Such a file has exactly one.
            false => Box::new(windows.remove(0)),
        });
    };
    let Time::At(start) = window else {
        return Err(Failure::usage(
            "a wait needs a chain's clock, and a file has none; give --window as a time such as 2016-06-21T12:00:00+01:00, or \
             as unix seconds",
        ));
    };
    if !orders.has_windows {
        return Err(Failure::usage(format!(
            "{name} has no column {WINDOW_COLUMN}, so all its orders are of one window; leave --window out"
        )));
    }
    let found = orders.windows.iter().find(|window| window.start == Some(start));
    Ok(Box::new(PriceView::of(found.ok_or_else(|| no_window(&name, start, &orders))?)?))
}

/// Says which windows a file has.
fn no_window(name: &str, start: i64, orders: &Orders) -> Failure {
    let label = |window: Option<&WindowOrders>| window.and_then(|window| window.label.clone()).unwrap_or_default();
    let windows = count(orders.windows.len() as u64, "window");
    let range = match orders.windows.len() {
        0 => "no window at all".to_owned(),
        1 => format!("the window {} alone", label(orders.windows.first())),
        _ => format!("{windows}, from {} to {}", label(orders.windows.first()), label(orders.windows.last())),
    };
    Failure::sentence(format!(
        "{name} has no order of the window {}; it has {range} (without --window, all are answered)",
        format_time(start)
    ))
}

/// What clears a book. Energy is in Wh, prices in base units of the token per kWh, without the grid fee.
#[derive(Serialize)]
struct PriceView {
    /// `null` where the file names no windows.
    window_start: Option<i64>,
    /// It means nothing where the volume is 0.
    price: u64,
    volume_wh: u64,
    /// `bid` or `ask`: the side whose orders at the price are not filled in full; `null` where all are.
    rationed: Option<&'static str>,
    /// Every price from this one to the next clears the book; the price is their middle, rounded down.
    low_price: u64,
    high_price: u64,
    bids: usize,
    asks: usize,
    bid_wh: u64,
    ask_wh: u64,
    bids_at_price_wh: u64,
    bids_filled_wh: u64,
    asks_at_price_wh: u64,
    asks_filled_wh: u64,
    /// Price of the best order of each side; `None` where it has none.
    #[serde(skip)]
    highest_bid: Option<u64>,
    #[serde(skip)]
    lowest_ask: Option<u64>,
}

impl PriceView {
    fn of(window: &WindowOrders) -> Result<Self, Failure> {
        let book = Book::new(window.orders.iter().map(|order| order.order).collect())?;
        let cleared = clear(&book);
        let of_side = |side| book.orders().iter().filter(move |order| order.side == side);
        let Cleared { low_price, high_price, volume_wh, rationed, .. } = cleared;
        Ok(Self {
            window_start: window.start,
            price: low_price + (high_price - low_price) / 2,
            volume_wh,
            rationed: rationed.map(Side::name),
            low_price,
            high_price,
            bids: of_side(Side::Bid).count(),
            asks: of_side(Side::Ask).count(),
            bid_wh: book.bid_wh(),
            ask_wh: book.ask_wh(),
            bids_at_price_wh: cleared.bids_at_price_wh,
            bids_filled_wh: cleared.bids_filled_wh,
            asks_at_price_wh: cleared.asks_at_price_wh,
            asks_filled_wh: cleared.asks_filled_wh,
            highest_bid: of_side(Side::Bid).map(|order| order.price_per_kwh).max(),
            lowest_ask: of_side(Side::Ask).map(|order| order.price_per_kwh).min(),
        })
    }

    /// Why nothing can be traded.
    fn nothing(&self) -> String {
        match (self.highest_bid, self.lowest_ask) {
            (None, None) => "there is no order".to_owned(),
            (None, _) => "nobody bids".to_owned(),
            (_, None) => "nobody asks".to_owned(),
            (Some(bid), Some(ask)) => format!("the highest bid is {bid}, the lowest ask {ask}"),
        }
    }

    fn rationed_words(&self) -> String {
        let share = |filled_wh, at_price_wh| format!("{} of {}", format_energy(filled_wh), format_energy(at_price_wh));
        match self.rationed {
            Some("bid") => format!("bids at the price get {}", share(self.bids_filled_wh, self.bids_at_price_wh)),
            Some(_) => format!("asks at the price sell {}", share(self.asks_filled_wh, self.asks_at_price_wh)),
            None => "nobody: all orders at the price are filled".to_owned(),
        }
    }
}

impl View for PriceView {
    fn text(&self, page: &mut Page) {
        let mut fields = Vec::new();
        if let Some(start) = self.window_start {
            fields.push(("window", format_time(start)));
        }
        match self.volume_wh {
            0 => fields.push(("price", format!("none, nothing can be traded: {}", self.nothing()))),
            _ => fields.extend([
                ("price", format!("{} base units/kWh, without the grid fee", self.price)),
                ("volume", format_energy(self.volume_wh)),
                ("rationed", self.rationed_words()),
                (
                    "clears",
                    match self.low_price == self.high_price {
                        true => "this price alone".to_owned(),
                        false => format!("every price from {} to {} base units/kWh", self.low_price, self.high_price),
                    },
                ),
            ]),
        }
        fields.extend([
            ("bids", format!("{} for {}", self.bids, format_energy(self.bid_wh))),
            ("asks", format!("{} of {}", self.asks, format_energy(self.ask_wh))),
        ]);
        page.fields(fields);
    }
}

/// All windows of a file.
#[derive(Serialize)]
struct Priced {
    windows: Vec<PriceView>,
}

impl View for Priced {
    fn text(&self, page: &mut Page) {
        if self.windows.is_empty() {
            page.line("the file has no orders");
            return;
        }
        page.table(
            &["window", ">price", ">volume", "rationed", ">bids", ">asks"],
            self.windows.iter().map(|window| {
                vec![
                    window.window_start.map(format_time).unwrap_or_default(),
                    if window.volume_wh == 0 { "-".to_owned() } else { window.price.to_string() },
                    format_energy(window.volume_wh),
                    window.rationed.unwrap_or("-").to_owned(),
                    window.bids.to_string(),
                    window.asks.to_string(),
                ]
            }),
        );
    }
}

//! The books of chosen auctions: both curves and where they cross.

use {
    super::{
        charts::axis_number,
        plot::{LEFT, RIGHT, TOP, WIDTH, headroom, nice, path_data, px},
    },
    crate::{
        number::{decimal, kwh},
        records::{OrderEntry, OrderSide},
        report::{IntervalAuction, IntervalResult, ReplayReport},
    },
    maud::{Markup, html},
    multibus_client::quantity::count,
    std::cmp::Reverse,
    svg::node::element::path::Data,
};

const HEIGHT: f64 = 300.0;
const BOTTOM: f64 = 42.0;

/// A book that is shown, and why.
struct Chosen {
    why: &'static str,
    interval: IntervalResult,
    auction: IntervalAuction,
}

/// The intervals whose books are shown: the one in which most energy changed hands, the one that left most energy at its price
/// without a partner, and the one in the middle of all by volume. None is shown twice.
fn chosen(report: &ReplayReport) -> Vec<Chosen> {
    // Volume and number of each interval whose auction sold something. The number is reversed, so that the earliest of equal ones
    // comes last.
    let mut held: Vec<(u64, Reverse<usize>)> = Vec::new();
    let mut rationed = None;
    for (number, interval) in report.interval_results.iter().enumerate() {
        let Some(auction) = interval.auction.filter(|auction| auction.volume_wh > 0) else { continue };
        held.push((auction.volume_wh, Reverse(number)));
        if auction.left_at_price_wh > 0 {
            rationed = rationed.max(Some((auction.left_at_price_wh, Reverse(number))));
        }
    }
    held.sort_unstable();
    let (most, middle) = (held.last().copied(), held.get(held.len().saturating_sub(1) / 2).copied());
    let mut chosen: Vec<Chosen> = Vec::new();
    for (why, found) in [("most energy", most), ("most rationing", rationed), ("median volume", middle)] {
        let interval = found.and_then(|(_, Reverse(number))| report.interval_results.get(number));
        if let Some(interval) = interval
            && let Some(auction) = interval.auction
            && chosen.iter().all(|other| other.interval.start != interval.start)
        {
            chosen.push(Chosen { why, interval, auction });
        }
    }
    chosen
}

pub(super) fn books(report: &ReplayReport) -> Markup {
    let chosen = chosen(report);
    // Of all orders, which may be millions, only those of the books that are shown.
    let is_shown = |order: &OrderEntry| chosen.iter().any(|book| book.interval.interval_start == order.window_start);
    let orders: Vec<OrderEntry> = report.orders.iter().filter(is_shown).collect();
    html! {
        @if chosen.is_empty() { p.empty { "No bid met an offer." } }
        @for book in &chosen {
            @let sentence = sentence(report, book);
            h3 { (time(&book.interval.interval_start)) " " span { (book.why) } }
            (curves(report, book, &orders, &sentence))
            p.note { (sentence) }
        }
    }
}

/// Date and time as the file writes them, to the minute.
fn time(label: &str) -> String {
    label.get(..16).unwrap_or(label).replace('T', " ")
}

/// What the chart shows, in words.
fn sentence(report: &ReplayReport, book: &Chosen) -> String {
    let auction = &book.auction;
    let rationed = report.auctions.iter().find(|row| row.window_start == book.interval.interval_start);
    let rationed = match rationed.and_then(|row| row.rationed) {
        Some(OrderSide::Bid) => {
            format!(
                "; bids at the price share what is left for them, {} go without",
                exact_kwh(auction.left_at_price_wh)
            )
        }
        Some(OrderSide::Ask) => {
            format!(
                "; asks at the price share what is left of demand, {} stay unsold",
                exact_kwh(auction.left_at_price_wh)
            )
        }
        None => String::new(),
    };
    format!(
        "{} for {} and {} of {}: {} change hands at {} {} per kWh{}{rationed}.",
        count(auction.bids, "bid"),
        exact_kwh(auction.bid_wh),
        count(auction.asks, "ask"),
        exact_kwh(auction.ask_wh),
        exact_kwh(auction.volume_wh),
        report.exact_money(auction.price_per_kwh),
        report.currency,
        match report.grid_fee_per_kwh {
            0 => String::new(),
            fee => format!(", to which the grid fee of {} comes", report.exact_money(fee)),
        },
    )
}

/// Energy to the Wh.
fn exact_kwh(energy_wh: u64) -> String {
    format!("{} kWh", decimal(u128::from(energy_wh), 3, 3))
}

/// A step of a curve: an order's energy at its price.
struct Step<'a> {
    order: &'a OrderEntry,
    from_wh: u64,
}

/// Orders of one side, the first ones first: bids from the highest price down, asks from the lowest up.
fn steps<'a>(orders: &'a [OrderEntry], label: &str, side: OrderSide) -> Vec<Step<'a>> {
    let mut orders: Vec<&OrderEntry> =
        orders.iter().filter(|order| order.window_start == label && order.side == side).collect();
    orders.sort_by_key(|order| match side {
        OrderSide::Bid => u64::MAX - order.price_per_kwh,
        OrderSide::Ask => order.price_per_kwh,
    });
    let mut sum = 0;
    orders
        .into_iter()
        .map(|order| {
            let step = Step { order, from_wh: sum };
            sum += order.energy_wh;
            step
        })
        .collect()
}

fn curves(report: &ReplayReport, book: &Chosen, orders: &[OrderEntry], sentence: &str) -> Markup {
    let label = &book.interval.interval_start;
    let unit = 10f64.powi(i32::from(report.mint_decimals));
    let (bids, asks) = (steps(orders, label, OrderSide::Bid), steps(orders, label, OrderSide::Ask));
    let prices = bids.iter().chain(&asks).map(|step| step.order.price_per_kwh as f64 / unit);
    let axes = Axes {
        top_price: headroom(prices),
        most_kwh: headroom([book.auction.bid_wh, book.auction.ask_wh].map(|wh| wh as f64 / 1_000.0).into_iter()),
    };
    let (x, y) = (|wh: u64| axes.x(wh as f64 / 1_000.0), |price: u64| axes.y(price as f64 / unit));
    let curve = |steps: &[Step]| {
        let mut path = Data::new();
        for (index, step) in steps.iter().enumerate() {
            let (from, at) = (px(x(step.from_wh)), px(y(step.order.price_per_kwh)));
            path = if index == 0 { path.move_to((from, at)) } else { path.vertical_line_to(at) };
            path = path.horizontal_line_to(px(x(step.from_wh + step.order.energy_wh)));
        }
        path
    };
    let (cross_x, cross_y) = (px(x(book.auction.volume_wh)), px(y(book.auction.price_per_kwh)));
    let guide = Data::new().move_to((LEFT, cross_y)).horizontal_line_to(cross_x).vertical_line_to(px(HEIGHT - BOTTOM));
    html! {
        .scroll {
            svg .chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img"
                aria-label={ "Bids and asks of " (time(label)) ". " (sentence) } {
                (axes.frame())
                path class="bound" d=(path_data(guide)) {}
                path class="line demand" d=(path_data(curve(&bids))) {}
                path class="line supply" d=(path_data(curve(&asks))) {}
                circle class="cross" cx=(cross_x) cy=(cross_y) r="5" {
                    title { (exact_kwh(book.auction.volume_wh)) " at " (report.exact_money(book.auction.price_per_kwh)) }
                }
                g class="tips" {
                    @for step in asks.iter().chain(&bids) {
                        @let (from, to) = (x(step.from_wh), x(step.from_wh + step.order.energy_wh));
                        rect x=(px(from)) y=(px(y(step.order.price_per_kwh) - 8.0)) width=(px((to - from).max(2.0))) height="16" {
                            title {
                                (step.order.side.name()) " of " (step.order.party) "\n" (exact_kwh(step.order.energy_wh))
                                @if step.order.side == OrderSide::Bid { " at most at " } @else { " from " }
                                (report.exact_money(step.order.price_per_kwh)) " per kWh"
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Energy to the right, prices upward; both begin at zero.
struct Axes {
    top_price: f64,
    most_kwh: f64,
}

impl Axes {
    fn x(&self, kwh: f64) -> f64 {
        LEFT + kwh / self.most_kwh * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, price: f64) -> f64 {
        let bottom = HEIGHT - BOTTOM;
        bottom - price / self.top_price * (bottom - TOP)
    }

    fn frame(&self) -> Markup {
        let ticks = |most: f64, count: f64| {
            let spacing = nice(most / count);
            (0..).map(move |index| f64::from(index) * spacing).take_while(move |value| *value <= most * 1.0001)
        };
        let bottom = HEIGHT - BOTTOM;
        html! {
            @for price in ticks(self.top_price, 5.0) {
                path class="grid" d=(path_data(Data::new().move_to((LEFT, px(self.y(price)))).horizontal_line_to(WIDTH - RIGHT))) {}
                text class="tick end" x=(px(LEFT - 8.0)) y=(px(self.y(price) + 4.0)) { (axis_number(price)) }
            }
            @for kwh in ticks(self.most_kwh, 8.0) {
                path class="grid" d=(path_data(Data::new().move_to((px(self.x(kwh)), px(bottom))).vertical_line_by(5))) {}
                text class="tick middle" x=(px(self.x(kwh))) y=(px(bottom + 17.0)) { (axis_number(kwh)) }
            }
            text class="tick" x=(LEFT) y=(px(TOP - 4.0)) { "per kWh, without grid fee" }
            text class="tick end" x=(px(WIDTH - RIGHT)) y=(px(bottom + 34.0)) { "kWh" }
        }
    }
}

/// How all auctions went.
pub(super) fn note(report: &ReplayReport) -> String {
    let Some(auction) = &report.auction else { return String::new() };
    let sum = |figure: fn(&IntervalAuction) -> u64| -> u64 {
        report.interval_results.iter().filter_map(|interval| interval.auction).map(|auction| figure(&auction)).sum()
    };
    format!(
        "At the gate of each window, {} were for {} in all, and {} were asked for; {} changed hands in {}. Each book has one price: \
         whoever bid more or asked less is filled in full. Shown are the interval in which most energy changed hands, the one that left \
         most energy at its price without a partner, and the median by volume; orders.csv has all of them.",
        count(auction.bids, "bid"),
        kwh(sum(|auction| auction.bid_wh)),
        kwh(sum(|auction| auction.ask_wh)),
        kwh(auction.volume_wh),
        count(auction.traded, "window"),
    )
}

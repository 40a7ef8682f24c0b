//! Energy and prices over time.

use {
    super::{
        parts::legend,
        plot::{Column, Plot, columns, headroom},
    },
    crate::{
        number::{grouped, kwh, percent},
        report::ReplayReport,
    },
    maud::{Markup, html},
};

/// A figure in Wh of each column, as average power in kW, so that columns of several intervals can be compared.
fn kilowatts(columns: &[Column], figure: fn(&Column) -> u64) -> Vec<f64> {
    columns.iter().map(|column| figure(column) as f64 * 3.6 / column.seconds.max(1) as f64).collect()
}

/// What was promised, which is what was sold, against what was delivered.
pub(super) fn deliveries(report: &ReplayReport) -> Markup {
    let columns = columns(report);
    let promised = kilowatts(&columns, |column| column.traded_wh);
    let delivered = kilowatts(&columns, |column| column.delivered_wh);
    let plot = Plot::new(250.0, columns.len(), headroom(promised.iter().copied()));
    let body = html! {
        (plot.frame(&columns, "kW", axis_number))
        (plot.area(&promised, "area short"))
        (plot.area(&delivered, "area traded"))
        (plot.line(promised.iter().copied(), 0, "line promised"))
        (plot.tips(&columns, |column| {
            format!(
                "{}\npromised {}\ndelivered {} ({})\nrefunded {} {}",
                column.time,
                kwh(column.traded_wh),
                kwh(column.delivered_wh),
                percent(column.delivered_wh, column.traded_wh),
                report.money(column.refunded_base_units),
                report.currency
            )
        }))
    };
    html! {
        (legend([("short", "promised and not delivered"), ("traded", "delivered")]))
        (plot.chart("Promised and delivered energy over time", &body))
    }
}

pub(super) fn energy(report: &ReplayReport) -> Markup {
    let columns = columns(report);
    let series = |figure: fn(&Column) -> u64| kilowatts(&columns, figure);
    let (surplus, deficit, traded) =
        (series(|column| column.surplus_wh), series(|column| column.deficit_wh), series(|column| column.traded_wh));
    let plot = Plot::new(330.0, columns.len(), headroom(surplus.iter().chain(&deficit).copied()));
    let body = html! {
        (plot.frame(&columns, "kW", axis_number))
        (plot.area(&surplus, "area supply"))
        (plot.area(&deficit, "area demand"))
        (plot.area(&traded, "area traded"))
        (plot.line(surplus.iter().copied(), 0, "line supply"))
        (plot.line(deficit.iter().copied(), 0, "line demand"))
        (plot.tips(&columns, |column| {
            format!(
                "{}\nsurplus {}\ndeficit {}\ntraded {}",
                column.time,
                kwh(column.surplus_wh),
                kwh(column.deficit_wh),
                kwh(column.traded_wh)
            )
        }))
    };
    html! {
        (legend([("supply", "surplus offered"), ("demand", "demand of the others"), ("traded", "traded")]))
        (plot.chart("Surplus, demand and traded energy over time", &body))
    }
}

/// Lowest and highest price of the rule, with the grid fee, in tokens.
fn price_range(report: &ReplayReport) -> [f64; 2] {
    let unit = 10f64.powi(i32::from(report.mint_decimals));
    // The rule says what sellers ask. Buyers pay the grid fee on top.
    [report.price_floor_per_kwh, report.price_ceiling_per_kwh]
        .map(|price| price as f64 / unit + report.grid_fee_per_kwh as f64 / unit)
}

/// The price of auctions beside that of the continuous market.
pub(super) fn auction_prices(report: &ReplayReport) -> Markup {
    let columns = columns(report);
    let unit = 10f64.powi(i32::from(report.mint_decimals));
    let [floor, ceiling] = price_range(report);
    let plot = Plot::new(250.0, columns.len(), headroom(std::iter::once(ceiling)));
    let lines = |price: fn(&Column) -> Option<u128>, class: &'static str| {
        html! {
            @for (first, prices) in runs_of(&columns, price) {
                (plot.line(prices.into_iter().map(|price| price as f64 / unit), first, class))
            }
        }
    };
    let beside = if report.market().has_trade() { "traded before it" } else { "the cheapest offers first" };
    let told = |price: Option<u128>| price.map_or_else(|| "–".to_owned(), |price| report.price(price));
    let body = html! {
        (plot.frame(&columns, "per kWh", axis_number))
        (plot.bound(floor, "lowest"))
        (plot.bound(ceiling, "highest"))
        (lines(Column::continuous_price_per_kwh, "line supply"))
        (lines(Column::auction_price_per_kwh, "line price"))
        (plot.tips(&columns, |column| {
            format!(
                "{}\nauction {} for {}\n{beside} {}",
                column.time,
                told(column.auction_price_per_kwh()),
                kwh(column.auction_wh()),
                told(column.continuous_price_per_kwh())
            )
        }))
    };
    html! {
        (legend([
            ("price", "auction, one price for all".to_owned()),
            ("supply", format!("continuous market, average: {beside}")),
        ]))
        (plot.chart("Price of auctions and of the continuous market over time", &body))
    }
}

/// Prices of columns in a row that have one, with the number of the first.
fn runs_of(columns: &[Column], price: fn(&Column) -> Option<u128>) -> Vec<(usize, Vec<u128>)> {
    let mut runs = Vec::new();
    let mut first = 0;
    for run in columns.chunk_by(|a, b| price(a).is_some() == price(b).is_some() && !b.gap_before) {
        let prices: Vec<u128> = run.iter().filter_map(price).collect();
        if !prices.is_empty() {
            runs.push((first, prices));
        }
        first += run.len();
    }
    runs
}

pub(super) fn prices(report: &ReplayReport) -> Markup {
    let columns = columns(report);
    let unit = 10f64.powi(i32::from(report.mint_decimals));
    let tokens = |base_units: f64| base_units / unit;
    let [floor, ceiling] = price_range(report);
    let plot = Plot::new(250.0, columns.len(), headroom(std::iter::once(ceiling)));
    // Columns in a row in which something was traded, with the number of the first.
    let mut runs = Vec::new();
    let mut first = 0;
    for run in columns.chunk_by(|a, b| (a.traded_wh > 0) == (b.traded_wh > 0) && !b.gap_before) {
        if run[0].traded_wh > 0 {
            runs.push((first, run));
        }
        first += run.len();
    }
    let series = |run: &[Column], figure: fn(&Column) -> f64| -> Vec<f64> {
        run.iter().map(|column| tokens(figure(column))).collect()
    };
    let body = html! {
        (plot.frame(&columns, "per kWh", axis_number))
        (plot.bound(floor, "lowest"))
        (plot.bound(ceiling, "highest"))
        @for (first, run) in runs {
            (plot.band(
                &series(run, |column| column.lowest_price_per_kwh as f64),
                &series(run, |column| column.highest_price_per_kwh as f64),
                first,
                "area price",
            ))
            (plot.line(series(run, |column| column.average_price_per_kwh() as f64), first, "line price"))
        }
        (plot.tips(&columns, |column| match column.traded_wh {
            0 => format!("{}\nnothing traded", column.time),
            _ => format!(
                "{}\naverage {}\nfrom {} to {}",
                column.time,
                report.price(column.average_price_per_kwh()),
                report.price(u128::from(column.lowest_price_per_kwh)),
                report.price(u128::from(column.highest_price_per_kwh))
            ),
        }))
    };
    plot.chart("Price paid over time", &body)
}

pub(super) fn axis_number(value: f64) -> String {
    if value >= 1_000.0 {
        #[expect(clippy::cast_sign_loss, reason = "it is at least 1,000")]
        grouped(value.round() as u64)
    } else {
        let text = format!("{value:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

//! `report.html`: one page with its styles and drawings inside, that opens offline, in light and dark, on paper too.
//! Floating point is used for coordinates only.

use {
    super::report::{
        IntervalResult, MemberResult, ReplayReport, TreasuryResult, decimal, grouped, kwh, percent, share as share_text,
    },
    multibus_client::{router::PriceFraction, text::is_hidden},
    std::fmt::Write as _,
};

const WIDTH: f64 = 1_080.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 44.0;
/// Columns that a chart shows at most; more intervals are put together.
const MAX_COLUMNS: usize = 480;
/// Nodes on either side of the flow chart; the smaller ones are put together.
const MAX_SELLERS: usize = 12;
const MAX_BUYERS: usize = 18;

/// The page.
pub(super) fn page(report: &ReplayReport) -> String {
    let title = format!("MultiBus: {}", report.file);
    let mut page = String::with_capacity(256 * 1024);
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<main>\n",
        escape(&title)
    );
    header(&mut page, report);
    headline(&mut page, report);
    section(&mut page, "Supply, demand and what was traded", &energy_note(report), &energy_chart(report));
    section(&mut page, "Price paid over the day", &price_note(report), &price_chart(report));
    section(
        &mut page,
        "Where the energy came from",
        "What members drew, and what became of what they generated.",
        &origin(report),
    );
    section(
        &mut page,
        "Who bought from whom",
        "Sellers on the left, buyers on the right; a ribbon is as wide as the energy that was sold.",
        &flow_chart(report),
    );
    section(
        &mut page,
        "Members",
        &format!(
            "Energy in kWh, money in {}. The bar shows where a member's demand came from: own generation, neighbours, \
             outside.",
            escape(&report.currency)
        ),
        &member_table(report),
    );
    if let Some(treasury) = &report.treasury {
        section(&mut page, "What the owners share", &owner_note(report, treasury), &owner_table(report, treasury));
    }
    section(&mut page, "Transactions", &transaction_note(report), &transactions(report));
    section(
        &mut page,
        "Checked from chain state",
        "Every figure above was compared with the accounts on the chain and with the file.",
        &invariants(report),
    );
    let _ = write!(
        page,
        "<footer>Bus <code>{}</code>, settled in <code>{}</code> on {}. Price rule <code>{}</code>, seed {}. Energy is \
         counted in Wh and money in base units throughout; figures here are rounded down.</footer>\n</main>\n</body>\n\
         </html>\n",
        escape(&report.bus),
        escape(&report.mint),
        escape(&report.chain),
        escape(&report.price_rule),
        report.seed
    );
    page
}

fn section(page: &mut String, heading: &str, note: &str, body: &str) {
    let _ = write!(page, "<section>\n<h2>{heading}</h2>\n<p class=\"note\">{note}</p>\n{body}\n</section>\n");
}

/// Text as it may stand between tags and in attributes: neither markup, nor what reorders or hides.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Lines of a tip.
            '\n' => escaped.push('\n'),
            hidden if is_hidden(hidden) => escaped.extend(hidden.escape_unicode()),
            other => escaped.push(other),
        }
    }
    escaped
}

fn header(page: &mut String, report: &ReplayReport) {
    let span = match (report.interval_results.first(), report.interval_results.last()) {
        (Some(first), Some(last)) => {
            let time = |interval: &IntervalResult| {
                escape(&interval.interval_start.get(..16).unwrap_or(&interval.interval_start).replace('T', " "))
            };
            format!("{} to {}", time(first), time(last))
        }
        _ => "no interval".into(),
    };
    let state = if report.interrupted {
        format!(
            "<span class=\"badge warn\">interrupted after {} of {} intervals</span>",
            report.intervals, report.intervals_in_file
        )
    } else if report.is_sound() {
        "<span class=\"badge good\">every invariant holds</span>".into()
    } else {
        "<span class=\"badge bad\">an invariant is violated</span>".into()
    };
    let _ = write!(
        page,
        "<header>\n<svg class=\"mark\" viewBox=\"0 0 48 48\" aria-hidden=\"true\"><rect class=\"mark-ground\" \
         width=\"48\" height=\"48\" rx=\"11\"/><path class=\"mark-bus\" d=\"M8 24h32\"/><path class=\"mark-tap\" d=\"M15 \
         24V12M24 24v12M33 24V12\"/><circle class=\"mark-sun\" cx=\"15\" cy=\"11\" r=\"4\"/><circle class=\"mark-sun\" \
         cx=\"33\" cy=\"11\" r=\"4\"/><circle class=\"mark-load\" cx=\"24\" cy=\"37\" r=\"4\"/></svg>\n<div><h1>{}</h1>\n<p>{} \
         members, {} intervals of {} min, {span} {state}</p></div>\n</header>\n",
        escape(&report.file),
        grouped(report.members),
        grouped(report.intervals),
        decimal(
            u128::from(report.interval_seconds) * 10 / 60,
            1,
            u8::from(!report.interval_seconds.is_multiple_of(60))
        ),
    );
}

fn headline(page: &mut String, report: &ReplayReport) {
    let cards = [
        (
            "traded",
            "Energy traded",
            kwh(report.traded_wh),
            format!("{} of what both sides had", percent(report.traded_wh, report.tradable_wh)),
        ),
        (
            "demand",
            "Demand met by neighbours",
            percent(report.traded_wh, report.deficit_wh),
            format!("of {} wanted", kwh(report.deficit_wh)),
        ),
        (
            "supply",
            "Surplus sold",
            percent(report.traded_wh, report.surplus_wh),
            format!("of {}; {} withdrawn", kwh(report.surplus_wh), kwh(report.withdrawn_wh)),
        ),
        (
            "price",
            "Money moved",
            format!("{} <small>{}</small>", report.money(report.paid_base_units), escape(&report.currency)),
            format!("{} per kWh on average", report.price(report.average_price_per_kwh.floor())),
        ),
        (
            "plain",
            "Purchases",
            grouped(report.purchases),
            format!(
                "{} batches, {} settled locks, from {} offers",
                grouped(report.batches),
                grouped(report.locks_settled),
                grouped(report.offers_created)
            ),
        ),
        (
            "plain",
            "Transactions",
            grouped(report.transactions_landed),
            format!(
                "in {} s; {} retried",
                decimal(u128::from(report.wall_milliseconds), 3, 1),
                grouped(report.transactions_retried)
            ),
        ),
    ];
    page.push_str("<div class=\"cards\">\n");
    for (class, name, value, note) in cards {
        let _ = writeln!(
            page,
            "<div class=\"card {class}\"><span>{name}</span><strong>{value}</strong><span>{note}</span></div>"
        );
    }
    page.push_str("</div>\n");
}

/// Intervals that a column of a chart stands for.
struct Column {
    label: String,
    local_start: i64,
    /// Whether the file has a gap before it.
    gap_before: bool,
    intervals: u64,
    surplus_wh: u64,
    deficit_wh: u64,
    traded_wh: u64,
    paid_base_units: u64,
    lowest_price_per_kwh: u64,
    highest_price_per_kwh: u64,
}

impl Column {
    fn of(intervals: &[IntervalResult], before: Option<i64>, interval_seconds: u32) -> Option<Self> {
        let first = intervals.first()?;
        let sum = |figure: fn(&IntervalResult) -> u64| intervals.iter().map(figure).sum();
        let traded = || intervals.iter().filter(|interval| interval.traded_wh > 0);
        Some(Self {
            label: first.interval_start.clone(),
            local_start: first.local_start,
            gap_before: before.is_some_and(|before| first.local_start - before != i64::from(interval_seconds)),
            intervals: intervals.len() as u64,
            surplus_wh: sum(|interval| interval.surplus_wh),
            deficit_wh: sum(|interval| interval.deficit_wh),
            traded_wh: sum(|interval| interval.traded_wh),
            paid_base_units: sum(|interval| interval.paid_base_units),
            lowest_price_per_kwh: traded().map(|interval| interval.lowest_price_per_kwh).min().unwrap_or(0),
            highest_price_per_kwh: traded().map(|interval| interval.highest_price_per_kwh).max().unwrap_or(0),
        })
    }

    fn average_price(&self) -> u128 {
        PriceFraction::new(self.paid_base_units, self.traded_wh).floor()
    }
}

fn columns(report: &ReplayReport) -> Vec<Column> {
    let per_column = report.interval_results.len().div_ceil(MAX_COLUMNS).max(1);
    let mut before = None;
    report
        .interval_results
        .chunks(per_column)
        .filter_map(|chunk| {
            let column = Column::of(chunk, before, report.interval_seconds);
            before = chunk.last().map(|interval| interval.local_start);
            column
        })
        .collect()
}

/// A chart's coordinates: columns of equal width, values from zero up.
struct Plot {
    height: f64,
    step: f64,
    top_value: f64,
}

impl Plot {
    fn new(height: f64, columns: usize, top_value: f64) -> Self {
        Self { height, step: (WIDTH - LEFT - RIGHT) / columns.max(1) as f64, top_value: top_value.max(1e-9) }
    }

    fn x(&self, column: usize) -> f64 {
        LEFT + self.step * column as f64
    }

    fn y(&self, value: f64) -> f64 {
        let bottom = self.height - BOTTOM;
        bottom - value / self.top_value * (bottom - TOP)
    }

    /// Steps from column to column, without the ends.
    fn steps(&self, values: impl IntoIterator<Item = f64>, first: usize) -> String {
        let mut path = String::new();
        for (index, value) in values.into_iter().enumerate() {
            let (x, y) = (self.x(first + index), self.y(value));
            if index == 0 {
                let _ = write!(path, "M{x:.1} {y:.1}");
            } else {
                let _ = write!(path, "V{y:.1}");
            }
            let _ = write!(path, "H{:.1}", x + self.step);
        }
        path
    }

    fn area(&self, values: &[f64], class: &str) -> String {
        let path = self.steps(values.iter().copied(), 0);
        format!("<path class=\"{class}\" d=\"{path}V{:.1}H{LEFT:.1}Z\"/>", self.y(0.0))
    }

    fn line(&self, values: &[f64], class: &str) -> String {
        format!("<path class=\"{class}\" d=\"{}\"/>", self.steps(values.iter().copied(), 0))
    }

    /// Frame: the value axis with a unit, the time axis, day names and gaps.
    fn frame(&self, columns: &[Column], unit: &str, label: impl Fn(f64) -> String) -> String {
        let mut frame = String::new();
        let spacing = nice(self.top_value / 5.0);
        let mut value = 0.0;
        while value <= self.top_value * 1.0001 {
            let y = self.y(value);
            let _ = write!(
                frame,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{:.1}\"/><text class=\"tick end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 8.0,
                y + 4.0,
                label(value)
            );
            value += spacing;
        }
        let _ = write!(frame, "<text class=\"tick\" x=\"{LEFT}\" y=\"{:.1}\">{unit}</text>", TOP - 4.0);
        let bottom = self.height - BOTTOM;
        // Hours, as close as they can be read.
        let per_day = columns.windows(2).map(|pair| pair[1].local_start - pair[0].local_start).min().unwrap_or(86_400);
        let pixels_per_hour = self.step * 3_600.0 / per_day.max(1) as f64;
        let hours = [1i32, 2, 3, 6, 12, 24, 48, 168]
            .into_iter()
            .find(|&hours| f64::from(hours) * pixels_per_hour >= 46.0)
            .unwrap_or(720);
        let mut last_day_x = f64::MIN;
        for (index, column) in columns.iter().enumerate() {
            let x = self.x(index);
            let seconds = column.local_start.rem_euclid(86_400);
            let day = column.local_start.div_euclid(86_400);
            let new_day = index == 0 || columns[index - 1].local_start.div_euclid(86_400) != day || column.gap_before;
            if column.gap_before {
                let _ = write!(frame, "<path class=\"gap\" d=\"M{x:.1} {TOP}V{:.1}\"/>", bottom + 34.0);
            }
            if new_day && x - last_day_x > 84.0 {
                last_day_x = x;
                let date = escape(column.label.get(..10).unwrap_or(&column.label));
                let _ =
                    write!(frame, "<text class=\"day\" x=\"{:.1}\" y=\"{:.1}\">{date}</text>", x + 2.0, bottom + 34.0);
            }
            if seconds % 3_600 == 0 && (column.local_start / 3_600) % i64::from(hours) == 0 {
                let _ = write!(
                    frame,
                    "<path class=\"grid\" d=\"M{x:.1} {bottom:.1}v5\"/><text class=\"tick middle\" x=\"{x:.1}\" \
                     y=\"{:.1}\">{:02}:00</text>",
                    bottom + 17.0,
                    seconds / 3_600
                );
            }
        }
        frame
    }

    /// Invisible columns that tell their figures when pointed at.
    fn tips(&self, columns: &[Column], tip: impl Fn(&Column) -> String) -> String {
        let mut tips = String::from("<g class=\"tips\">");
        for (index, column) in columns.iter().enumerate() {
            let _ = write!(
                tips,
                "<rect x=\"{:.1}\" y=\"{TOP}\" width=\"{:.2}\" height=\"{:.1}\"><title>{}</title></rect>",
                self.x(index),
                self.step,
                self.height - BOTTOM - TOP,
                escape(&tip(column))
            );
        }
        tips.push_str("</g>");
        tips
    }

    fn svg(&self, name: &str, body: &str) -> String {
        format!(
            "<div class=\"scroll\"><svg class=\"chart\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\" \
             aria-label=\"{name}\">{body}</svg></div>",
            self.height
        )
    }
}

/// 1, 2 or 5 times a power of ten, at least the value.
fn nice(value: f64) -> f64 {
    let magnitude = 10f64.powf(value.max(1e-9).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * magnitude).find(|step| *step >= value).unwrap_or(value)
}

/// A top of the axis a little above the largest value.
fn headroom(values: impl Iterator<Item = f64>) -> f64 {
    let largest = values.fold(0.0, f64::max);
    if largest == 0.0 { 1.0 } else { largest * 1.06 }
}

fn legend(entries: &[(&str, &str)]) -> String {
    let mut legend = String::from("<p class=\"legend\">");
    for (class, name) in entries {
        let _ = write!(legend, "<span><i class=\"{class}\"></i>{name}</span>");
    }
    legend.push_str("</p>");
    legend
}

fn energy_note(report: &ReplayReport) -> String {
    format!(
        "In every interval members with a surplus offer it and the others buy until either side is used up: {} of {} \
         that could be traded.",
        kwh(report.traded_wh),
        kwh(report.tradable_wh)
    )
}

fn energy_chart(report: &ReplayReport) -> String {
    let columns = columns(report);
    // Average power, so that columns of several intervals compare.
    let kilowatts = |energy_wh: u64, column: &Column| {
        energy_wh as f64 * 3.6 / (f64::from(report.interval_seconds) * column.intervals as f64)
    };
    let series = |figure: fn(&Column) -> u64| -> Vec<f64> {
        columns.iter().map(|column| kilowatts(figure(column), column)).collect()
    };
    let (surplus, deficit, traded) =
        (series(|column| column.surplus_wh), series(|column| column.deficit_wh), series(|column| column.traded_wh));
    let plot = Plot::new(330.0, columns.len(), headroom(surplus.iter().chain(&deficit).copied()));
    let body = [
        plot.frame(&columns, "kW", axis_number),
        plot.area(&surplus, "area supply"),
        plot.area(&deficit, "area demand"),
        plot.area(&traded, "area traded"),
        plot.line(&surplus, "line supply"),
        plot.line(&deficit, "line demand"),
        plot.tips(&columns, |column| {
            format!(
                "{}\nsurplus {}\ndeficit {}\ntraded {}",
                column.label,
                kwh(column.surplus_wh),
                kwh(column.deficit_wh),
                kwh(column.traded_wh)
            )
        }),
    ]
    .concat();
    let legend = legend(&[("supply", "surplus offered"), ("demand", "demand of the others"), ("traded", "traded")]);
    legend + &plot.svg("Surplus, demand and traded energy over time", &body)
}

fn axis_number(value: f64) -> String {
    if value >= 1_000.0 {
        grouped(value.round() as u64)
    } else {
        let text = format!("{value:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

fn price_note(report: &ReplayReport) -> String {
    format!(
        "Average price of each interval, within the range of the prices paid, in {} per kWh. The rule asks from \
         {}, where energy is plenty, to {}, where it is scarce.",
        escape(&report.currency),
        report.price(u128::from(report.price_floor_per_kwh)),
        report.price(u128::from(report.price_ceiling_per_kwh))
    )
}

fn price_chart(report: &ReplayReport) -> String {
    let columns = columns(report);
    let unit = 10f64.powi(i32::from(report.mint_decimals));
    let tokens = |base_units: f64| base_units / unit;
    let ceiling = tokens(report.price_ceiling_per_kwh as f64);
    let plot = Plot::new(250.0, columns.len(), headroom(std::iter::once(ceiling)));
    let mut body = plot.frame(&columns, "per kWh", axis_number);
    for (price, name) in [(report.price_floor_per_kwh, "lowest"), (report.price_ceiling_per_kwh, "highest")] {
        let y = plot.y(tokens(price as f64));
        let _ = write!(
            body,
            "<path class=\"bound\" d=\"M{LEFT} {y:.1}H{:.1}\"/><text class=\"tick end\" x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
            WIDTH - RIGHT,
            WIDTH - RIGHT - 2.0,
            y - 4.0
        );
    }
    // Runs of columns in which something was traded.
    let mut first = 0;
    for run in columns.chunk_by(|a, b| (a.traded_wh > 0) == (b.traded_wh > 0) && !b.gap_before) {
        if run[0].traded_wh > 0 {
            let high = plot.steps(run.iter().map(|column| tokens(column.highest_price_per_kwh as f64)), first);
            let mut low = String::new();
            for (index, column) in run.iter().enumerate().rev() {
                let (x, y) = (plot.x(first + index), plot.y(tokens(column.lowest_price_per_kwh as f64)));
                let _ = write!(low, "L{:.1} {y:.1}H{x:.1}", x + plot.step);
            }
            let _ = write!(body, "<path class=\"area price\" d=\"{high}{low}Z\"/>");
            let average = plot.steps(run.iter().map(|column| tokens(column.average_price() as f64)), first);
            let _ = write!(body, "<path class=\"line price\" d=\"{average}\"/>");
        }
        first += run.len();
    }
    body += &plot.tips(&columns, |column| match column.traded_wh {
        0 => format!("{}\nnothing traded", column.label),
        _ => format!(
            "{}\naverage {}\nfrom {} to {}",
            column.label,
            report.price(column.average_price()),
            report.price(u128::from(column.lowest_price_per_kwh)),
            report.price(u128::from(column.highest_price_per_kwh))
        ),
    });
    plot.svg("Price paid over time", &body)
}

/// A bar of parts, each `(class, name, Wh)`.
fn stacked(parts: &[(&str, &str, u64)], labelled: bool) -> String {
    let total: u64 = parts.iter().map(|(_, _, energy_wh)| energy_wh).sum();
    let mut bar = format!("<div class=\"stack{}\">", if labelled { " tall" } else { "" });
    for (class, name, energy_wh) in parts.iter().filter(|(_, _, energy_wh)| *energy_wh > 0) {
        let share = *energy_wh as f64 / total.max(1) as f64 * 100.0;
        let text = if labelled && share > 9.0 { percent(*energy_wh, total) } else { String::new() };
        let _ = write!(
            bar,
            "<i class=\"{class}\" style=\"width:{share:.2}%\" title=\"{name}: {}\">{text}</i>",
            kwh(*energy_wh)
        );
    }
    bar.push_str("</div>");
    bar
}

fn origin(report: &ReplayReport) -> String {
    let own_use: u64 = report.member_results.iter().map(|member| member.own_use_wh).sum();
    let drawn = [
        ("own", "own generation", own_use),
        ("traded", "neighbours", report.traded_wh),
        ("outside", "outside the community", report.load_wh.saturating_sub(own_use + report.traded_wh)),
    ];
    let generated = [
        ("own", "used at home", own_use),
        ("traded", "sold to neighbours", report.traded_wh),
        ("outside", "left to the outside", report.generation_wh.saturating_sub(own_use + report.traded_wh)),
    ];
    let mut body = String::from("<div class=\"origin\">");
    for (name, total, parts) in [("Drawn", report.load_wh, drawn), ("Generated", report.generation_wh, generated)] {
        let _ = write!(body, "<div><h3>{name} <span>{}</span></h3>{}", kwh(total), stacked(&parts, true));
        let entries: Vec<String> =
            parts.iter().map(|(_, name, energy_wh)| format!("{name} {}", kwh(*energy_wh))).collect();
        let entries: Vec<(&str, &str)> =
            parts.iter().zip(&entries).map(|((class, _, _), text)| (*class, text.as_str())).collect();
        body += &legend(&entries);
        body.push_str("</div>");
    }
    body.push_str("</div>");
    body
}

struct Node {
    name: String,
    energy_wh: u64,
    /// Style: members have colours in turn, those put together have none.
    class: String,
}

/// The largest members of one side, the others together as the last; and each member's node.
fn nodes(report: &ReplayReport, energy: impl Fn(&MemberResult) -> u64, most: usize) -> (Vec<Node>, Vec<usize>) {
    let mut order: Vec<usize> =
        (0..report.member_results.len()).filter(|&member| energy(&report.member_results[member]) > 0).collect();
    order.sort_by_key(|&member| (std::cmp::Reverse(energy(&report.member_results[member])), member));
    let mut place = vec![0; report.member_results.len()];
    let mut nodes: Vec<Node> = Vec::new();
    // Nodes too thin to be seen are put together with the rest.
    let total: u128 = order.iter().map(|&member| u128::from(energy(&report.member_results[member]))).sum();
    let thick =
        order.iter().take_while(|&&member| u128::from(energy(&report.member_results[member])) * 250 >= total).count();
    let shown = if order.len() > most { thick.min(most - 1) } else { thick };
    let shown = if shown + 1 == order.len() { order.len() } else { shown };
    for (rank, &member) in order.iter().enumerate() {
        let result = &report.member_results[member];
        place[member] = rank.min(shown);
        if rank < shown {
            nodes.push(Node {
                name: result.name.clone(),
                energy_wh: energy(result),
                class: format!("hue{}", rank % 8),
            });
        } else if rank == shown {
            nodes.push(Node {
                name: format!("{} others", order.len() - shown),
                energy_wh: energy(result),
                class: "rest".into(),
            });
        } else if let Some(others) = nodes.last_mut() {
            others.energy_wh += energy(result);
        }
    }
    (nodes, place)
}

fn flow_chart(report: &ReplayReport) -> String {
    const NODE: f64 = 14.0;
    const GAP: f64 = 10.0;
    let (sellers, seller_place) = nodes(report, |member| member.sold_wh, MAX_SELLERS);
    let (buyers, buyer_place) = nodes(report, |member| member.bought_wh, MAX_BUYERS);
    let total: u64 = sellers.iter().map(|node| node.energy_wh).sum();
    if total == 0 {
        return "<p class=\"empty\">Nothing was traded.</p>".into();
    }
    let mut energy = vec![vec![0u64; buyers.len()]; sellers.len()];
    for flow in &report.flows {
        let (Some(&seller), Some(&buyer)) = (seller_place.get(flow.seller), buyer_place.get(flow.buyer)) else {
            continue;
        };
        if let Some(cell) = energy.get_mut(seller).and_then(|row| row.get_mut(buyer)) {
            *cell += flow.energy_wh;
        }
    }
    let rows = sellers.len().max(buyers.len()) as f64;
    // One scale for both sides, so that a ribbon is as wide at both ends.
    let scale = ((rows * 30.0).clamp(220.0, 560.0) - GAP * (rows - 1.0)) / total as f64;
    // Thin nodes get room for their names.
    let slot = |node: &Node| (node.energy_wh as f64 * scale).max(8.0) + GAP;
    let height_of = |nodes: &[Node]| nodes.iter().map(slot).sum::<f64>() - GAP;
    let height = height_of(&sellers).max(height_of(&buyers));
    let place = |nodes: &[Node]| -> Vec<f64> {
        let mut y = (height - height_of(nodes)) / 2.0;
        nodes
            .iter()
            .map(|node| {
                let room = slot(node);
                let top = y + (room - GAP - node.energy_wh as f64 * scale) / 2.0;
                y += room;
                top
            })
            .collect()
    };
    let (seller_y, buyer_y) = (place(&sellers), place(&buyers));
    let (left, right) = (190.0, WIDTH - 190.0);
    let mut body = String::new();
    let mut buyer_offset = buyer_y.clone();
    let mut ribbons = String::new();
    for (seller, row) in energy.iter().enumerate() {
        let mut y = seller_y[seller];
        for (buyer, &energy_wh) in row.iter().enumerate().filter(|(_, energy_wh)| **energy_wh > 0) {
            let width = energy_wh as f64 * scale;
            let (from, to) = (y, buyer_offset[buyer]);
            y += width;
            buyer_offset[buyer] += width;
            let (x1, x2) = (left + NODE, right - NODE);
            let middle = (x1 + x2) / 2.0;
            let _ = write!(
                ribbons,
                "<path class=\"ribbon {}\" d=\"M{x1:.1} {from:.2}C{middle:.1} {from:.2} {middle:.1} {to:.2} {x2:.1} \
                 {to:.2}v{width:.2}C{middle:.1} {:.2} {middle:.1} {:.2} {x1:.1} {:.2}Z\"><title>{} to {}: {}</title></path>",
                sellers[seller].class,
                to + width,
                from + width,
                from + width,
                escape(&sellers[seller].name),
                escape(&buyers[buyer].name),
                kwh(energy_wh)
            );
        }
    }
    body += &ribbons;
    for (nodes, tops, x, text_x, anchor, side) in [
        (&sellers, &seller_y, left, left - 10.0, "end", true),
        (&buyers, &buyer_y, right - NODE, right + 10.0, "", false),
    ] {
        for (node, y) in nodes.iter().zip(tops) {
            let node_height = (node.energy_wh as f64 * scale).max(1.0);
            let class = if side { node.class.as_str() } else { "buyer" };
            let _ = write!(
                body,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.2}\" width=\"{NODE}\" height=\"{node_height:.2}\" rx=\"2\"/>\
                 <text class=\"name {anchor}\" x=\"{text_x:.1}\" y=\"{:.1}\">{} <tspan class=\"amount\">{}</tspan></text>",
                y + node_height / 2.0 + 4.0,
                escape(&shortened(&node.name, 18)),
                kwh(node.energy_wh)
            );
        }
    }
    format!(
        "<div class=\"scroll\"><svg class=\"chart\" viewBox=\"0 -8 {WIDTH} {:.0}\" role=\"img\" aria-label=\"Energy \
         from sellers to buyers\">{body}</svg></div>",
        height + 16.0
    )
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

fn member_table(report: &ReplayReport) -> String {
    let kwh = |energy_wh: u64| decimal(u128::from(energy_wh), 3, 1);
    let largest =
        report.member_results.iter().map(|member| member.bought_wh.max(member.sold_wh)).max().unwrap_or(1).max(1);
    let bar = |class: &str, energy_wh: u64| {
        format!(
            "<td class=\"bar\"><i class=\"{class}\" style=\"width:{:.1}%\"></i><span>{}</span></td>",
            energy_wh as f64 / largest as f64 * 100.0,
            kwh(energy_wh)
        )
    };
    let mut table = String::from(
        "<div class=\"scroll\"><table>\n<thead><tr><th>Member</th><th class=\"number\">Share of \
         bus</th><th>Demand</th><th class=\"number\">drawn</th><th class=\"number\">generated</th><th \
         class=\"number\">bought</th><th class=\"number\">sold</th><th class=\"number\">paid</th><th \
         class=\"number\">earned</th><th class=\"number\">balance</th></tr></thead>\n<tbody>\n",
    );
    for (number, member) in report.member_results.iter().enumerate() {
        let paid = member.paid_base_units + member.lock_fees_paid_base_units;
        let earned = report.income_base_units(number);
        let (sign, class, balance) =
            if earned >= paid { ("+", "plus", earned - paid) } else { ("−", "minus", paid - earned) };
        let share = match member.share_bps {
            0 => "–".to_owned(),
            bps => share_text(bps),
        };
        let parts = [
            ("own", "own generation", member.own_use_wh),
            ("traded", "neighbours", member.bought_wh),
            ("outside", "outside", member.deficit_wh.saturating_sub(member.bought_wh)),
        ];
        let _ = writeln!(
            table,
            "<tr><th scope=\"row\" title=\"{}\">{}</th><td class=\"number\">{share}</td><td class=\"demand\">{}</td><td \
             class=\"number\">{}</td><td class=\"number\">{}</td>{}{}<td class=\"number\">{}</td><td \
             class=\"number\">{}</td><td class=\"number {class}\">{sign}{}</td></tr>",
            escape(&member.wallet),
            escape(&member.name),
            stacked(&parts, false),
            kwh(member.load_wh),
            kwh(member.generation_wh),
            bar("demand", member.bought_wh),
            bar("supply", member.sold_wh),
            report.money(paid),
            report.money(earned),
            report.money(balance),
        );
    }
    table.push_str("</tbody></table></div>");
    table
}

fn owner_note(report: &ReplayReport, treasury: &TreasuryResult) -> String {
    let others = report.flows.iter().any(|flow| treasury.owner(flow.seller).is_none());
    format!(
        "The owners sold through the bus: buyers paid its treasury, and each owner gets its share{}. Beside it stands \
         what the energy that it delivered was sold for, in {}. The remainder, fewer base units than there are owners, \
         stays for later revenue.",
        if others { "; members who do not own the bus sold for themselves" } else { "" },
        escape(&report.currency)
    )
}

fn owner_table(report: &ReplayReport, treasury: &TreasuryResult) -> String {
    let mut table = String::from(
        "<div class=\"scroll\"><table>\n<thead><tr><th>Owner</th><th class=\"number\">share</th><th \
         class=\"number\">delivered</th><th class=\"number\">revenue</th><th class=\"number\">sold for</th><th \
         class=\"number\">difference</th></tr></thead>\n<tbody>\n",
    );
    for owner in &treasury.owners {
        let _ = writeln!(
            table,
            "<tr><th scope=\"row\">{}</th><td class=\"number\">{}</td><td class=\"number\">{} kWh</td><td \
             class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number {}\">{}</td></tr>",
            escape(&owner.name),
            share_text(owner.share_bps),
            decimal(u128::from(owner.delivered_wh), 3, 3),
            report.exact_money(owner.revenue_base_units()),
            report.exact_money(owner.sales_base_units + owner.lock_fees_base_units),
            if owner.difference_base_units < 0 { "minus" } else { "plus" },
            report.difference(owner.difference_base_units),
        );
    }
    let _ = write!(
        table,
        "</tbody></table></div>\n<p class=\"note total\">{}</p>",
        escape(&report.treasury_sentence(treasury))
    );
    table
}

fn transaction_note(report: &ReplayReport) -> String {
    format!(
        "{} sent, {} landed, {} failed and {} made again after a conflict; {} lamports of network fees. Latency is from \
         submission to confirmation: median {}, slowest {}.",
        grouped(report.transactions_sent),
        grouped(report.transactions_landed),
        grouped(report.transactions_failed),
        grouped(report.transactions_retried),
        grouped(report.fees_lamports),
        duration(report.latency_microseconds.median),
        duration(report.latency_microseconds.max)
    )
}

fn duration(microseconds: u64) -> String {
    match microseconds {
        0..1_000 => format!("{microseconds} µs"),
        1_000..1_000_000 => format!("{} ms", decimal(u128::from(microseconds), 3, 1)),
        _ => format!("{} s", decimal(u128::from(microseconds), 6, 1)),
    }
}

fn transactions(report: &ReplayReport) -> String {
    let largest = report.compute_units.values().map(|spread| spread.max).max().unwrap_or(1).max(1);
    let place = |units: u64| units as f64 / largest as f64 * 100.0;
    let mut body = String::from(
        "<div class=\"split\"><div class=\"scroll\"><table>\n<thead><tr><th>Instruction</th><th \
         class=\"number\">landed</th><th>compute units</th><th class=\"number\">min</th><th \
         class=\"number\">median</th><th class=\"number\">max</th></tr></thead>\n<tbody>\n",
    );
    for (instruction, spread) in &report.compute_units {
        let _ = writeln!(
            body,
            "<tr><th scope=\"row\"><code>{}</code></th><td class=\"number\">{}</td><td class=\"range\"><i \
             style=\"left:{:.1}%;width:{:.1}%\"></i><b style=\"left:{:.1}%\"></b></td><td class=\"number\">{}</td><td \
             class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
            escape(instruction),
            grouped(spread.count),
            place(spread.min),
            (place(spread.max) - place(spread.min)).max(0.6),
            place(spread.median),
            grouped(spread.min),
            grouped(spread.median),
            grouped(spread.max)
        );
    }
    body.push_str("</tbody></table></div>\n<div class=\"latency\"><h3>Latency</h3>");
    let most = report.latency_histogram.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
    for (bound, count) in &report.latency_histogram {
        let _ = write!(
            body,
            "<div><span>≤ {}</span><i style=\"width:{:.1}%\"></i><span>{}</span></div>",
            duration(*bound),
            *count as f64 / most as f64 * 52.0,
            grouped(*count)
        );
    }
    body.push_str("</div></div>");
    body
}

fn invariants(report: &ReplayReport) -> String {
    let mut list = String::from("<ul class=\"checks\">");
    for (name, holds) in &report.invariants {
        let (class, mark) = if *holds { ("good", "✓") } else { ("bad", "✗") };
        let _ = write!(list, "<li class=\"{class}\"><b>{mark}</b>{}</li>", escape(&name.replace('_', " ")));
    }
    for violation in &report.violations {
        let _ = write!(list, "<li class=\"bad\"><b>✗</b>{}</li>", escape(violation));
    }
    list.push_str("</ul>");
    list
}

const STYLE: &str = include_str!("report.css");

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::{
            community::Community,
            price::{Draw, PriceRule},
            report::{Flow, OwnerResult, Spread},
        },
        std::path::Path,
    };

    /// A report of a community in which the first sellers sell to the first buyers.
    fn sample(community: &Community) -> ReplayReport {
        let mut members: Vec<MemberResult> = community
            .members
            .iter()
            .map(|name| MemberResult { name: name.clone(), ..MemberResult::default() })
            .collect();
        let mut flows: std::collections::BTreeMap<(usize, usize), Flow> = Default::default();
        let mut interval_results = Vec::new();
        let rule = PriceRule::default();
        for (number, interval) in community.intervals.iter().enumerate() {
            let mut result = IntervalResult {
                interval_start: interval.label.clone(),
                local_start: interval.local_start,
                surplus_wh: interval.surplus_wh(),
                deficit_wh: interval.deficit_wh(),
                traded_wh: interval.tradable_wh(),
                is_complete: true,
                ..IntervalResult::default()
            };
            result.withdrawn_wh = result.surplus_wh - result.traded_wh;
            let mut left: Vec<u64> = interval.readings.iter().map(|reading| reading.surplus_wh()).collect();
            for buyer in &interval.readings {
                let mut wanted = buyer.deficit_wh();
                for (seller, left) in interval.readings.iter().zip(&mut left) {
                    let energy_wh = wanted.min(*left);
                    if energy_wh == 0 {
                        continue;
                    }
                    (wanted, *left) = (wanted - energy_wh, *left - energy_wh);
                    let price =
                        rule.ask(result.surplus_wh, result.deficit_wh, Draw::new(1, "price", number, seller.member));
                    let cost = multibus::math::cost(energy_wh, price).unwrap();
                    result.paid_base_units += cost;
                    result.purchases += 1;
                    if result.lowest_price_per_kwh == 0 || price < result.lowest_price_per_kwh {
                        result.lowest_price_per_kwh = price;
                    }
                    result.highest_price_per_kwh = result.highest_price_per_kwh.max(price);
                    members[seller.member].sold_wh += energy_wh;
                    members[seller.member].earned_base_units += cost;
                    members[buyer.member].bought_wh += energy_wh;
                    members[buyer.member].paid_base_units += cost;
                    let flow = flows.entry((seller.member, buyer.member)).or_insert(Flow {
                        seller: seller.member,
                        buyer: buyer.member,
                        ..Flow::default()
                    });
                    flow.energy_wh += energy_wh;
                    flow.paid_base_units += cost;
                }
            }
            for reading in &interval.readings {
                let member = &mut members[reading.member];
                member.load_wh += reading.load_wh;
                member.generation_wh += reading.generation_wh;
                member.own_use_wh += reading.load_wh.min(reading.generation_wh);
                member.deficit_wh += reading.deficit_wh();
            }
            interval_results.push(result);
        }
        let totals = community.totals();
        let paid_base_units = interval_results.iter().map(|interval| interval.paid_base_units).sum();
        let spread = |median| Spread { count: 1_234, min: median - 200, median, max: median * 2, total: 0 };
        ReplayReport {
            file: "community.csv".into(),
            chain: "embedded chain".into(),
            bus: "bus".into(),
            mint: "mint".into(),
            mint_decimals: 6,
            currency: "test USD".into(),
            seed: 1,
            price_rule: rule.to_string(),
            price_floor_per_kwh: rule.floor_per_kwh,
            price_ceiling_per_kwh: rule.ceiling_per_kwh,
            interrupted: false,
            members: community.members.len() as u64,
            intervals: community.intervals.len() as u64,
            intervals_in_file: community.intervals.len() as u64,
            interval_seconds: community.interval_seconds,
            load_wh: members.iter().map(|member| member.load_wh).sum(),
            generation_wh: members.iter().map(|member| member.generation_wh).sum(),
            surplus_wh: totals.surplus_wh,
            deficit_wh: totals.deficit_wh,
            tradable_wh: totals.tradable_wh,
            traded_wh: totals.tradable_wh,
            withdrawn_wh: totals.surplus_wh - totals.tradable_wh,
            offers_created: 1_000,
            purchases: 2_000,
            batches: 300,
            locks: 90,
            locks_settled: 80,
            locks_released: 10,
            paid_base_units,
            lock_fees_base_units: 0,
            average_price_per_kwh: PriceFraction::new(paid_base_units, totals.tradable_wh),
            transactions_sent: 4_000,
            transactions_landed: 3_990,
            transactions_failed: 10,
            transactions_retried: 10,
            fees_lamports: 19_950_000,
            compute_units: [
                ("offer_create", spread(2_000)),
                ("purchase", spread(1_500)),
                ("purchase_batch", spread(5_000)),
            ]
            .map(|(name, spread)| (name.to_owned(), spread))
            .into(),
            latency_microseconds: spread(1_400),
            latency_histogram: vec![(1_024, 500), (2_048, 3_000), (4_096, 490)],
            wall_seconds: 8,
            wall_milliseconds: 7_654,
            invariants: [("token_conservation".to_owned(), true)].into(),
            violations: Vec::new(),
            windows_open: 0,
            treasury: None,
            member_results: members,
            interval_results,
            flows: flows.into_values().collect(),
        }
    }

    fn village() -> Community {
        Community::read_path(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/community-rural-2016.csv"))
            .unwrap()
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        let page = sample(&village()).html();
        for outside in ["http://", "https://", "<script", "<link", "url(", "@import", "src="] {
            assert!(!page.contains(outside), "{outside}");
        }
        for number in ["NaN", "inf"] {
            assert!(!page.contains(&format!("\"{number}")) && !page.contains(&format!(" {number} ")), "{number}");
        }
    }

    #[test]
    fn a_co_owned_bus_shows_what_each_owner_gets() {
        let mut report = sample(&village());
        assert!(!report.html().contains("What the owners share"));
        let owner = |member, name: &str, claimed_base_units, difference_base_units| OwnerResult {
            member,
            name: name.into(),
            share_bps: 1_205,
            delivered_wh: 12_345,
            sales_base_units: 1_234_567,
            lock_fees_base_units: 1,
            claimed_base_units,
            difference_base_units,
            ..OwnerResult::default()
        };
        report.treasury = Some(TreasuryResult {
            received_base_units: 7_000_001,
            claimed_base_units: 6_999_999,
            remainder_base_units: 2,
            owners: vec![owner(3, "<b>", 1_244_568, 10_000), owner(1, "M02", 1_234_563, -5)],
            ..TreasuryResult::default()
        });
        let page = report.html();
        for part in [
            "What the owners share",
            "treasury: 7.000001 received = 6.999999 claimed + 0.000002 remainder, in test USD",
            "&lt;b&gt;",
            "12.05 %",
            "12.345 kWh",
            "1.244568",
            "1.234568",
            "+0.010000",
            "−0.000005",
        ] {
            assert!(page.contains(part), "{part}");
        }
        // In the table of members, an owner has earned what it claimed.
        assert!(report.income_base_units(3) == 1_244_568 && page.contains(">1.24<"));
    }

    #[test]
    fn names_are_text_and_never_markup() {
        let rows = "2020-06-01T12:00:00Z,<script>alert(1)</script>,0,900\n2020-06-01T12:00:00Z,\"O'Neil & \"\"Co\"\"\",500,0\n";
        let text = format!("interval_start,member,load_wh,generation_wh\n{rows}");
        let mut report = sample(&Community::read(text.as_bytes()).unwrap());
        report.file = "<img>\u{202e}vsc.csv".into();
        let page = report.html();
        assert!(!page.contains("<script") && !page.contains("<img"));
        assert!(page.contains("&lt;img&gt;\\u{202e}vsc.csv") && !page.contains('\u{202e}'));
        assert!(page.contains("&lt;script&gt;") && page.contains("O&#39;Neil &amp; &quot;Co&quot;"));
    }

    #[test]
    fn every_size_of_community_has_a_page() {
        for (members, intervals) in [(1, 1), (2, 1), (40, 3), (118, 2_000)] {
            let mut text = String::from("interval_start,member,load_wh,generation_wh\n");
            for interval in 0..intervals {
                let start = jiff::Timestamp::from_second(1_600_000_200 + interval * 900).unwrap();
                for member in 0..members {
                    let _ = writeln!(text, "{start},H{member},{},{}", member * 7 % 50, (member * 13 + interval) % 60);
                }
            }
            let page = sample(&Community::read(text.as_bytes()).unwrap()).html();
            assert!(page.ends_with("</html>\n"));
            assert!(page.len() < 2_000_000, "{}", page.len());
        }
    }
}

//! Coordinates of a chart over time. Floating point is used for coordinates only.

use {
    crate::{
        community::duration,
        report::{IntervalAuction, IntervalResult, ReplayReport},
    },
    maud::{Markup, html},
    multibus_client::{BaseUnits, Wh, router::PriceFraction},
    svg::node::{Value, element::path::Data},
};

/// Width of every chart.
pub(super) const WIDTH: f64 = 1_080.0;
pub(super) const LEFT: f64 = 58.0;
pub(super) const RIGHT: f64 = 12.0;
pub(super) const TOP: f64 = 14.0;
const BOTTOM: f64 = 44.0;
/// Most columns of a chart. A column shows several intervals where there are more.
const MAX_COLUMNS: usize = 480;
/// Times of which a column may show all intervals, in seconds; behind them, twice as many days each.
const SPANS: [i64; 8] = [1_800, 3_600, 7_200, 10_800, 21_600, 43_200, SECONDS_PER_DAY, 2 * SECONDS_PER_DAY];
/// Least distance between the labels of two hours.
const HOUR_LABEL_WIDTH: f64 = 46.0;
/// Least distance between the labels of two days.
const DAY_LABEL_WIDTH: f64 = 84.0;
const SECONDS_PER_DAY: i64 = 86_400;

/// A coordinate to a tenth of a pixel, which is as fine as can be seen.
pub(super) fn px(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// The `d` of a path element.
pub(super) fn path_data(data: Data) -> String {
    Value::from(data).to_string()
}

/// The intervals that one column of a chart shows.
pub(super) struct Column {
    /// Start of the first one as the file writes it.
    pub label: String,
    /// When it is: that start, or of several intervals also the last one's.
    pub time: String,
    start: i64,
    local_start: i64,
    /// Whether the file has a gap before it.
    pub gap_before: bool,
    /// Length of all intervals together.
    pub seconds: u64,
    pub surplus_wh: u64,
    pub deficit_wh: u64,
    pub traded_wh: u64,
    pub delivered_wh: u64,
    pub refunded_base_units: u64,
    pub lowest_price_per_kwh: u64,
    pub highest_price_per_kwh: u64,
    paid_base_units: u64,
    /// Energy that changed hands in auctions, and what bids paid for it.
    auction: (u64, u64),
    /// Energy of the continuous market beside them, and what it cost.
    continuous: (u64, u64),
}

impl Column {
    /// The column of some intervals, where the one before them ended at a time. None where there are none.
    fn of(intervals: &[IntervalResult], last_end: Option<i64>) -> Option<Self> {
        let first = intervals.first()?;
        let sum = |figure: fn(&IntervalResult) -> u64| intervals.iter().map(figure).sum();
        let auctions = |figures: fn(&IntervalAuction) -> (u64, u64)| {
            let held = intervals.iter().filter_map(|interval| interval.auction.as_ref()).map(figures);
            held.fold((0, 0), |sum, figures| (sum.0 + figures.0, sum.1 + figures.1))
        };
        let traded = || intervals.iter().filter(|interval| interval.traded_wh > 0);
        let time = match intervals {
            [.., last] if intervals.len() > 1 => format!("{} to {}", first.interval_start, last.interval_start),
            _ => first.interval_start.clone(),
        };
        Some(Self {
            label: first.interval_start.clone(),
            time,
            start: first.start,
            local_start: first.local_start,
            gap_before: last_end.is_some_and(|end| first.start != end),
            seconds: sum(|interval| interval.seconds.into()),
            surplus_wh: sum(|interval| interval.surplus_wh),
            deficit_wh: sum(|interval| interval.deficit_wh),
            traded_wh: sum(|interval| interval.traded_wh),
            delivered_wh: sum(|interval| interval.delivered_wh),
            refunded_base_units: sum(|interval| interval.refunded_base_units),
            lowest_price_per_kwh: traded().map(|interval| interval.lowest_price_per_kwh).min().unwrap_or(0),
            highest_price_per_kwh: traded().map(|interval| interval.highest_price_per_kwh).max().unwrap_or(0),
            paid_base_units: sum(|interval| interval.paid_base_units),
            auction: auctions(|auction| (auction.volume_wh, auction.paid_base_units)),
            continuous: auctions(|auction| (auction.continuous_wh, auction.continuous_base_units)),
        })
    }

    /// Energy that changed hands in auctions, in Wh.
    pub fn auction_wh(&self) -> u64 {
        self.auction.0
    }

    /// What a kWh cost in auctions, grid fee included; `None` where nothing changed hands.
    pub fn auction_price_per_kwh(&self) -> Option<u128> {
        Self::price_of(self.auction)
    }

    /// The same of the continuous market beside them.
    pub fn continuous_price_per_kwh(&self) -> Option<u128> {
        Self::price_of(self.continuous)
    }

    fn price_of((energy_wh, paid): (u64, u64)) -> Option<u128> {
        (energy_wh > 0).then(|| PriceFraction::new(BaseUnits(paid), Wh(energy_wh)).floor())
    }

    pub fn average_price_per_kwh(&self) -> u128 {
        PriceFraction::new(BaseUnits(self.paid_base_units), Wh(self.traded_wh)).floor()
    }
}

/// The time of which a column shows all intervals, in seconds on the file's own clock; `None` where each interval has a column.
pub(super) fn span(report: &ReplayReport) -> Option<i64> {
    if report.interval_results.len() <= MAX_COLUMNS {
        return None;
    }
    let longer = (2..16).map(|times| SECONDS_PER_DAY << times);
    // A file with more gaps than columns has a column for each part.
    let mut spans: Vec<(i64, usize)> =
        [i64::MAX].into_iter().chain(SPANS).chain(longer).map(|span| (span, 0)).collect();
    let mut before: Option<IntervalResult> = None;
    for interval in &report.interval_results {
        for (span, columns) in &mut spans {
            *columns += usize::from(!before.as_ref().is_some_and(|before| is_in_one(*span, before, &interval)));
        }
        before = Some(interval);
    }
    let (_, parts) = spans.remove(0);
    let most = MAX_COLUMNS.max(parts);
    spans.into_iter().find(|(_, columns)| *columns <= most).map(|(span, _)| span)
}

/// Whether a column shows both of two intervals that follow each other.
fn is_in_one(span: i64, a: &IntervalResult, b: &IntervalResult) -> bool {
    a.local_start.div_euclid(span) == b.local_start.div_euclid(span) && a.start + i64::from(a.seconds) == b.start
}

/// The columns of a report's charts.
pub(super) fn columns(report: &ReplayReport) -> Vec<Column> {
    let span = span(report);
    let mut columns = Vec::new();
    let mut last_end = None;
    // The intervals of one column.
    let mut chunk: Vec<IntervalResult> = Vec::new();
    for interval in &report.interval_results {
        let before = chunk.last();
        if !before.is_some_and(|before| span.is_some_and(|span| is_in_one(span, before, &interval))) {
            let end = before.map(|before| before.start + i64::from(before.seconds));
            columns.extend(Column::of(&chunk, last_end));
            last_end = end;
            chunk.clear();
        }
        chunk.push(interval);
    }
    columns.extend(Column::of(&chunk, last_end));
    columns
}

/// What a column shows, where it shows several intervals.
pub(super) fn span_sentence(report: &ReplayReport) -> String {
    let Some(span) = span(report) else { return String::new() };
    match span {
        SECONDS_PER_DAY => " The chart shows days, each with all of its intervals.".to_owned(),
        _ => format!(" The chart shows {} at a time, each with all of its intervals.", duration(span)),
    }
}

/// Turns values into coordinates: columns have equal widths, values begin at zero.
pub(super) struct Plot {
    height: f64,
    step: f64,
    top_value: f64,
}

impl Plot {
    pub fn new(height: f64, columns: usize, top_value: f64) -> Self {
        Self { height, step: (WIDTH - LEFT - RIGHT) / columns.max(1) as f64, top_value: top_value.max(1e-9) }
    }

    fn x(&self, column: usize) -> f64 {
        LEFT + self.step * column as f64
    }

    pub fn y(&self, value: f64) -> f64 {
        let bottom = self.height - BOTTOM;
        bottom - value / self.top_value * (bottom - TOP)
    }

    /// A path that steps from column to column, without its ends.
    fn steps(&self, values: impl IntoIterator<Item = f64>, first: usize) -> Data {
        let mut path = Data::new();
        for (index, value) in values.into_iter().enumerate() {
            let (x, y) = (self.x(first + index), self.y(value));
            path = if index == 0 { path.move_to((px(x), px(y))) } else { path.vertical_line_to(px(y)) };
            path = path.horizontal_line_to(px(x + self.step));
        }
        path
    }

    /// The area below values.
    pub fn area(&self, values: &[f64], class: &str) -> Markup {
        let path = self.steps(values.iter().copied(), 0);
        let path = path.vertical_line_to(px(self.y(0.0))).horizontal_line_to(LEFT).close();
        html! { path class=(class) d=(path_data(path)) {} }
    }

    /// A line along values, from a column on.
    pub fn line(&self, values: impl IntoIterator<Item = f64>, first: usize, class: &str) -> Markup {
        html! { path class=(class) d=(path_data(self.steps(values, first))) {} }
    }

    /// The area between low and high values, from a column on.
    pub fn band(&self, low: &[f64], high: &[f64], first: usize, class: &str) -> Markup {
        let mut path = self.steps(high.iter().copied(), first);
        for (index, value) in low.iter().enumerate().rev() {
            let (x, y) = (self.x(first + index), self.y(*value));
            path = path.line_to((px(x + self.step), px(y))).horizontal_line_to(px(x));
        }
        html! { path class=(class) d=(path_data(path.close())) {} }
    }

    /// A line across the whole chart at a value, with its name.
    pub fn bound(&self, value: f64, name: &str) -> Markup {
        let y = self.y(value);
        html! {
            path class="bound" d=(path_data(across(y))) {}
            text class="tick end" x=(px(WIDTH - RIGHT - 2.0)) y=(px(y - 4.0)) { (name) }
        }
    }

    /// The axis of values with its unit, the axis of time with hours and days, and gaps of the file.
    pub fn frame(&self, columns: &[Column], unit: &str, label: impl Fn(f64) -> String) -> Markup {
        let spacing = nice(self.top_value / 5.0);
        let values =
            (0..).map(|index| f64::from(index) * spacing).take_while(|value| *value <= self.top_value * 1.0001);
        let bottom = self.height - BOTTOM;
        html! {
            @for value in values {
                path class="grid" d=(path_data(across(self.y(value)))) {}
                text class="tick end" x=(px(LEFT - 8.0)) y=(px(self.y(value) + 4.0)) { (label(value)) }
            }
            text class="tick" x=(LEFT) y=(px(TOP - 4.0)) { (unit) }
            @for (index, _) in columns.iter().enumerate().filter(|(_, column)| column.gap_before) {
                path class="gap"
                    d=(path_data(Data::new().move_to((px(self.x(index)), TOP)).vertical_line_to(px(bottom + 34.0)))) {}
            }
            @for (x, date) in self.days(columns) {
                text class="day" x=(px(x + 2.0)) y=(px(bottom + 34.0)) { (date) }
            }
            @for (x, hour) in self.hours(columns) {
                path class="grid" d=(path_data(Data::new().move_to((px(x), px(bottom))).vertical_line_by(5))) {}
                text class="tick middle" x=(px(x)) y=(px(bottom + 17.0)) { (hour) }
            }
        }
    }

    /// Days that begin, as far apart as their dates can be read.
    fn days<'a>(&self, columns: &'a [Column]) -> Vec<(f64, &'a str)> {
        let day = |column: &Column| column.local_start.div_euclid(SECONDS_PER_DAY);
        let mut days: Vec<(f64, &str)> = Vec::new();
        for (index, column) in columns.iter().enumerate() {
            let is_new = index == 0 || day(&columns[index - 1]) != day(column) || column.gap_before;
            let x = self.x(index);
            if is_new && days.last().is_none_or(|(last, _)| x - last > DAY_LABEL_WIDTH) {
                days.push((x, column.label.get(..10).unwrap_or(&column.label)));
            }
        }
        days
    }

    /// Hours that begin on the file's own clock, as far apart as they can be read.
    fn hours(&self, columns: &[Column]) -> Vec<(f64, String)> {
        let per_column = columns.windows(2).map(|pair| pair[1].start - pair[0].start).min();
        if per_column.is_some_and(|seconds| seconds > SECONDS_PER_DAY / 2) {
            // Days have their dates below.
            return Vec::new();
        }
        let pixels_per_hour = self.step * 3_600.0 / per_column.unwrap_or(SECONDS_PER_DAY).max(1) as f64;
        let hours = [1i32, 2, 3, 6, 12, 24, 48, 168]
            .into_iter()
            .find(|&hours| f64::from(hours) * pixels_per_hour >= HOUR_LABEL_WIDTH)
            .unwrap_or(720);
        let begins =
            |column: &Column| column.local_start % 3_600 == 0 && (column.local_start / 3_600) % i64::from(hours) == 0;
        let mut labels: Vec<(f64, String)> = Vec::new();
        for (index, column) in columns.iter().enumerate().filter(|(_, column)| begins(column)) {
            // An hour comes twice where clocks are set back.
            let x = self.x(index);
            if labels.last().is_none_or(|(last, _)| x - last >= HOUR_LABEL_WIDTH) {
                let hour = column.local_start.rem_euclid(SECONDS_PER_DAY) / 3_600;
                labels.push((x, format!("{hour:02}:00")));
            }
        }
        labels
    }

    /// Invisible columns that tell their figures when pointed at.
    pub fn tips(&self, columns: &[Column], tip: impl Fn(&Column) -> String) -> Markup {
        html! {
            g class="tips" {
                @for (index, column) in columns.iter().enumerate() {
                    rect x=(px(self.x(index))) y=(TOP) width=((self.step * 100.0).round() / 100.0)
                        height=(px(self.height - BOTTOM - TOP)) { title { (tip(column)) } }
                }
            }
        }
    }

    /// The chart with a name for those who cannot see it.
    pub fn chart(&self, name: &str, body: &Markup) -> Markup {
        html! {
            .scroll {
                svg .chart viewBox={ "0 0 " (WIDTH) " " (self.height) } role="img" aria-label=(name) { (body) }
            }
        }
    }
}

/// A line across the whole chart.
fn across(y: f64) -> Data {
    Data::new().move_to((LEFT, px(y))).horizontal_line_to(WIDTH - RIGHT)
}

/// 1, 2 or 5 times a power of ten, at least the value.
pub(super) fn nice(value: f64) -> f64 {
    let magnitude = 10f64.powf(value.max(1e-9).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * magnitude).find(|step| *step >= value).unwrap_or(value)
}

/// An end of the axis a little above the largest value.
pub(super) fn headroom(values: impl Iterator<Item = f64>) -> f64 {
    let largest = values.fold(0.0, f64::max);
    if largest == 0.0 { 1.0 } else { largest * 1.06 }
}

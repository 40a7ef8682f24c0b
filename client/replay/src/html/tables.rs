//! Members, owners, transactions and invariants.

use {
    super::parts::{Part, legend, percentage, stacked_bar},
    crate::{
        number::{decimal, grouped, kwh, percent, share},
        report::{LatencyClass, MemberResult, ReplayReport, TreasuryResult},
    },
    maud::{Markup, html},
};

/// Energy of neighbours that a member drew, in Wh. On delivery terms it may have bought more than it needed in the end.
fn from_neighbours_wh(report: &ReplayReport, member: &MemberResult) -> u64 {
    let got_wh = if report.is_on_delivery() { member.received_wh } else { member.bought_wh };
    got_wh.min(member.load_wh - member.own_use_wh)
}

/// Where the energy that was drawn came from, and where the energy that was generated went.
pub(super) fn origin(report: &ReplayReport) -> Markup {
    let own_use_wh: u64 = report.member_results.iter().map(|member| member.own_use_wh).sum();
    let traded_wh = if report.is_on_delivery() { report.delivered_wh } else { report.traded_wh };
    let drawn_wh = report.member_results.iter().map(|member| from_neighbours_wh(report, member)).sum();
    let part = |class, name, energy_wh| Part { class, name, energy_wh };
    let drawn = [
        part("own", "own generation", own_use_wh),
        part("traded", "neighbours", drawn_wh),
        part("outside", "outside the community", report.load_wh.saturating_sub(own_use_wh + drawn_wh)),
    ];
    let generated = [
        part("own", "used at home", own_use_wh),
        part("traded", "sold to neighbours", traded_wh),
        part("outside", "left to the outside", report.generation_wh.saturating_sub(own_use_wh + traded_wh)),
    ];
    html! {
        .origin {
            @for (name, total, parts) in [("Drawn", report.load_wh, drawn), ("Generated", report.generation_wh, generated)] {
                div {
                    h3 { (name) " " span { (kwh(total)) } }
                    (stacked_bar(&parts, true))
                    (legend(parts.iter().map(|part| (part.class, format!("{} {}", part.name, kwh(part.energy_wh))))))
                }
            }
        }
    }
}

pub(super) fn members(report: &ReplayReport) -> Markup {
    let largest = report.member_results.iter().map(|member| member.bought_wh.max(member.sold_wh)).max().unwrap_or(0);
    html! {
        .scroll {
            table {
                thead {
                    tr {
                        th { "Member" }
                        th.number { "Share of bus" }
                        th { "Demand" }
                        @for name in ["drawn", "generated", "bought", "sold", "paid", "earned", "withdrawn", "balance"] {
                            th.number { (name) }
                        }
                    }
                }
                tbody {
                    @for (number, result) in report.member_results.iter().enumerate() {
                        (member(report, number, result, largest))
                    }
                }
            }
        }
    }
}

fn member(report: &ReplayReport, number: usize, member: &MemberResult, largest_wh: u64) -> Markup {
    let kwh = |energy_wh: u64| decimal(u128::from(energy_wh), 3, 1);
    let paid = member.spent_base_units();
    let earned = report.income_base_units(number);
    let neighbours_wh = from_neighbours_wh(report, member);
    let (sign, class) = if earned >= paid { ("+", "plus") } else { ("−", "minus") };
    let demand = [
        Part { class: "own", name: "own generation", energy_wh: member.own_use_wh },
        Part { class: "traded", name: "neighbours", energy_wh: neighbours_wh },
        Part { class: "outside", name: "outside", energy_wh: member.load_wh - member.own_use_wh - neighbours_wh },
    ];
    html! {
        tr {
            th scope="row" title=(member.wallet) { (member.name) }
            td.number { @if member.share_bps == 0 { "–" } @else { (share(member.share_bps)) } }
            td.demand { (stacked_bar(&demand, false)) }
            td.number { (kwh(member.load_wh)) }
            td.number { (kwh(member.generation_wh)) }
            @for (class, energy_wh) in [("demand", member.bought_wh), ("supply", member.sold_wh)] {
                td.bar {
                    i class=(class)
                        style={ "width:" (percentage(energy_wh as f64 / largest_wh.max(1) as f64 * 100.0)) } {}
                    span { (kwh(energy_wh)) }
                }
            }
            td.number { (report.money(paid)) }
            td.number { (report.money(earned)) }
            td.number { (report.money(member.withdrawn_base_units)) }
            td.number.(class) { (sign) (report.money(earned.abs_diff(paid))) }
        }
    }
}

/// What each member promised, delivered and got for it, and what it bought, received and was refunded.
pub(super) fn deliveries(report: &ReplayReport) -> Markup {
    let kwh = |energy_wh: u64| decimal(u128::from(energy_wh), 3, 1);
    let traded = report.member_results.iter().filter(|member| member.sold_wh + member.bought_wh > 0);
    html! {
        .scroll {
            table {
                thead {
                    tr {
                        th { "Member" }
                        @for name in ["promised", "delivered", "of it", "released", "grid fees", "bought", "received", "refunded"] {
                            th.number { (name) }
                        }
                    }
                }
                tbody {
                    @for member in traded {
                        tr {
                            th scope="row" { (member.name) }
                            @if member.sold_wh == 0 {
                                @for _ in 0..5 { td.number { "–" } }
                            } @else {
                                td.number { (kwh(member.sold_wh)) }
                                td.number { (kwh(member.delivered_wh)) }
                                td.number { (percent(member.delivered_wh, member.sold_wh)) }
                                td.number { (report.money(member.sales_base_units())) }
                                td.number { (report.money(member.grid_fee_base_units)) }
                            }
                            @if member.bought_wh == 0 {
                                @for _ in 0..3 { td.number { "–" } }
                            } @else {
                                td.number { (kwh(member.bought_wh)) }
                                td.number { (kwh(member.received_wh)) }
                                td.number { (report.money(member.refunded_base_units)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn owners(report: &ReplayReport, treasury: &TreasuryResult) -> Markup {
    html! {
        .scroll {
            table {
                thead {
                    tr {
                        th { "Owner" }
                        @for name in ["share", "delivered", "revenue", "sold for", "difference"] {
                            th.number { (name) }
                        }
                    }
                }
                tbody {
                    @for owner in &treasury.owners {
                        tr {
                            th scope="row" { (owner.name) }
                            td.number { (share(owner.share_bps)) }
                            td.number { (decimal(u128::from(owner.delivered_wh), 3, 3)) " kWh" }
                            td.number { (report.exact_money(owner.revenue_base_units())) }
                            td.number { (report.exact_money(owner.sales_base_units + owner.lock_fees_base_units)) }
                            td.number.(if owner.difference_base_units < 0 { "minus" } else { "plus" }) {
                                (report.difference(owner.difference_base_units))
                            }
                        }
                    }
                }
            }
        }
        p.note.total { (report.treasury_sentence(treasury)) }
    }
}

pub(super) fn file(report: &ReplayReport) -> Markup {
    html! {
        ul.file {
            @for sentence in report.file_sentences() {
                li { (sentence) }
            }
        }
    }
}

pub(super) fn transactions(report: &ReplayReport) -> Markup {
    let largest = report.compute_units.values().map(|spread| spread.max).max().unwrap_or(1).max(1);
    let place = |units: u64| units as f64 / largest as f64 * 100.0;
    let most = report.latency_histogram.iter().map(|class| class.transactions).max().unwrap_or(1).max(1);
    html! {
        .split {
            .scroll {
                table {
                    thead {
                        tr {
                            th { "Instruction" }
                            th.number { "landed" }
                            th { "compute units" }
                            @for name in ["min", "median", "max"] { th.number { (name) } }
                        }
                    }
                    tbody {
                        @for (instruction, spread) in &report.compute_units {
                            tr {
                                th scope="row" { code { (instruction) } }
                                td.number { (grouped(spread.count)) }
                                td.range {
                                    i style={
                                        "left:" (percentage(place(spread.min)))
                                        ";width:" (percentage((place(spread.max) - place(spread.min)).max(0.6)))
                                    } {}
                                    b style={ "left:" (percentage(place(spread.median))) } {}
                                }
                                @for units in [spread.min, spread.median, spread.max] { td.number { (grouped(units)) } }
                            }
                        }
                    }
                }
            }
            .latency {
                h3 { "Latency" }
                @for LatencyClass { up_to_microseconds, transactions } in &report.latency_histogram {
                    div {
                        span { "≤ " (duration(*up_to_microseconds)) }
                        i style={ "width:" (percentage(*transactions as f64 / most as f64 * 52.0)) } {}
                        span { (grouped(*transactions)) }
                    }
                }
            }
        }
    }
}

pub(super) fn invariants(report: &ReplayReport) -> Markup {
    html! {
        ul.checks {
            @for (name, holds) in &report.invariants {
                li.(if *holds { "good" } else { "bad" }) {
                    b { @if *holds { "✓" } @else { "✗" } }
                    (name.replace('_', " "))
                }
            }
            @for violation in &report.violations {
                li.bad { b { "✗" } (violation) }
            }
        }
    }
}

/// A duration in the unit that suits it.
pub(super) fn duration(microseconds: u64) -> String {
    match microseconds {
        0..1_000 => format!("{microseconds} µs"),
        1_000..1_000_000 => format!("{} ms", decimal(u128::from(microseconds), 3, 1)),
        _ => format!("{} s", decimal(u128::from(microseconds), 6, 1)),
    }
}

//! Who bought from whom, as ribbons from sellers to buyers.

use {
    super::plot::{WIDTH, path_data, px},
    crate::{
        number::kwh,
        report::{MemberResult, ReplayReport},
    },
    maud::{Markup, html},
    svg::node::element::path::Data,
};

/// Most sellers and buyers that have a node of their own. The smaller ones share one.
const MAX_SELLERS: usize = 12;
const MAX_BUYERS: usize = 18;
/// Width of a node.
const NODE: f64 = 14.0;
/// Space between two nodes.
const GAP: f64 = 10.0;
/// Room for names on either side.
const NAMES: f64 = 190.0;
/// Longest name that is shown in full, in characters.
const MAX_NAME: usize = 18;

/// A seller, a buyer, or several small ones together.
struct Node {
    name: String,
    energy_wh: u64,
    /// Style: members have colours in turn, a node of several members has none.
    class: String,
}

/// The largest members of one side, and a last node for the others; and the number of each member's node.
fn nodes(report: &ReplayReport, energy: impl Fn(&MemberResult) -> u64, most: usize) -> (Vec<Node>, Vec<usize>) {
    let mut order: Vec<usize> =
        (0..report.member_results.len()).filter(|&member| energy(&report.member_results[member]) > 0).collect();
    order.sort_by_key(|&member| (std::cmp::Reverse(energy(&report.member_results[member])), member));
    let mut node_of = vec![0; report.member_results.len()];
    let mut nodes: Vec<Node> = Vec::new();
    // Nodes too thin to be seen are put together with the rest.
    let total: u128 = order.iter().map(|&member| u128::from(energy(&report.member_results[member]))).sum();
    let thick =
        order.iter().take_while(|&&member| u128::from(energy(&report.member_results[member])) * 250 >= total).count();
    let shown = if order.len() > most { thick.min(most - 1) } else { thick };
    let shown = if shown + 1 == order.len() { order.len() } else { shown };
    for (rank, &member) in order.iter().enumerate() {
        let result = &report.member_results[member];
        node_of[member] = rank.min(shown);
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
    (nodes, node_of)
}

/// Nodes of one side from top to bottom, with the upper edge of each.
struct Side {
    nodes: Vec<Node>,
    tops: Vec<f64>,
}

impl Side {
    fn new(nodes: Vec<Node>, height: f64, scale: f64) -> Self {
        let mut y = (height - height_of(&nodes, scale)) / 2.0;
        let tops = nodes
            .iter()
            .map(|node| {
                let room = room_of(node, scale);
                let top = y + (room - GAP - node.energy_wh as f64 * scale) / 2.0;
                y += room;
                top
            })
            .collect();
        Self { nodes, tops }
    }
}

/// A node's height and the gap below it. Thin nodes get room for their names.
fn room_of(node: &Node, scale: f64) -> f64 {
    (node.energy_wh as f64 * scale).max(8.0) + GAP
}

fn height_of(nodes: &[Node], scale: f64) -> f64 {
    nodes.iter().map(|node| room_of(node, scale)).sum::<f64>() - GAP
}

pub(super) fn flows(report: &ReplayReport) -> Markup {
    let (mut sellers, seller_node) = nodes(report, |member| member.sold_wh, MAX_SELLERS);
    let (mut buyers, buyer_node) = nodes(report, |member| member.bought_wh, MAX_BUYERS);
    let auction_wh = report.auction.as_ref().map_or(0, |auction| auction.volume_wh);
    if auction_wh > 0 {
        // An auction pairs nobody: it buys from the sellers and sells to the buyers.
        let auction = || Node { name: "the auction".into(), energy_wh: auction_wh, class: "auction".into() };
        sellers.push(auction());
        buyers.push(auction());
    }
    let total: u64 = sellers.iter().map(|node| node.energy_wh).sum();
    if total == 0 {
        return html! { p.empty { "Nothing was traded." } };
    }
    let mut energy = vec![vec![0u64; buyers.len()]; sellers.len()];
    for flow in &report.flows {
        let (Some(&seller), Some(&buyer)) = (seller_node.get(flow.seller), buyer_node.get(flow.buyer)) else {
            continue;
        };
        if let Some(cell) = energy.get_mut(seller).and_then(|row| row.get_mut(buyer)) {
            *cell += flow.energy_wh;
        }
    }
    if auction_wh > 0 {
        // What members sold and bought without a partner.
        let (mut sold, mut bought) = (vec![0u64; seller_node.len()], vec![0u64; buyer_node.len()]);
        for flow in &report.flows {
            sold[flow.seller] += flow.energy_wh;
            bought[flow.buyer] += flow.energy_wh;
        }
        let last = (sellers.len() - 1, buyers.len() - 1);
        for (number, member) in report.member_results.iter().enumerate() {
            let (to_it, from_it) = (member.sold_wh - sold[number], member.bought_wh - bought[number]);
            if to_it > 0 {
                energy[seller_node[number]][last.1] += to_it;
            }
            if from_it > 0 {
                energy[last.0][buyer_node[number]] += from_it;
            }
        }
    }
    let rows = sellers.len().max(buyers.len()) as f64;
    // One scale for both sides, so that a ribbon is as wide at both ends.
    let scale = ((rows * 30.0).clamp(220.0, 560.0) - GAP * (rows - 1.0)) / total as f64;
    let height = height_of(&sellers, scale).max(height_of(&buyers, scale));
    let (sellers, buyers) = (Side::new(sellers, height, scale), Side::new(buyers, height, scale));
    html! {
        .scroll {
            svg .chart viewBox={ "0 -8 " (WIDTH) " " (px(height + 16.0)) } role="img"
                aria-label="Energy from sellers to buyers" {
                @for ribbon in ribbons(&energy, &sellers, &buyers, scale) {
                    path class={ "ribbon " (ribbon.class) } d=(path_data(ribbon.outline)) { title { (ribbon.tip) } }
                }
                @for (node, top) in sellers.nodes.iter().zip(&sellers.tops) {
                    (labelled_node(node, *top, scale, NAMES, &node.class, (NAMES - 10.0, "name end")))
                }
                @for (node, top) in buyers.nodes.iter().zip(&buyers.tops) {
                    (labelled_node(node, *top, scale, WIDTH - NAMES - NODE, "buyer", (WIDTH - NAMES + 10.0, "name")))
                }
            }
        }
    }
}

struct Ribbon<'a> {
    class: &'a str,
    outline: Data,
    tip: String,
}

fn ribbons<'a>(energy: &[Vec<u64>], sellers: &'a Side, buyers: &Side, scale: f64) -> Vec<Ribbon<'a>> {
    let (x1, x2) = (NAMES + NODE, WIDTH - NAMES - NODE);
    let middle = px(f64::midpoint(x1, x2));
    let fine = |value: f64| (value * 100.0).round() / 100.0;
    let mut ribbons = Vec::new();
    let mut next_at_buyer = buyers.tops.clone();
    for (seller, row) in energy.iter().enumerate() {
        let mut from = sellers.tops[seller];
        for (buyer, &energy_wh) in row.iter().enumerate().filter(|(_, energy_wh)| **energy_wh > 0) {
            let width = energy_wh as f64 * scale;
            let to = next_at_buyer[buyer];
            let (top, bottom) = ((fine(from), fine(to)), (fine(from + width), fine(to + width)));
            let outline = Data::new()
                .move_to((x1, top.0))
                .cubic_curve_to((middle, top.0, middle, top.1, x2, top.1))
                .vertical_line_to(bottom.1)
                .cubic_curve_to((middle, bottom.1, middle, bottom.0, x1, bottom.0))
                .close();
            let (seller, buyer_name) = (&sellers.nodes[seller], &buyers.nodes[buyer].name);
            let tip = format!("{} to {buyer_name}: {}", seller.name, kwh(energy_wh));
            ribbons.push(Ribbon { class: &seller.class, outline, tip });
            from += width;
            next_at_buyer[buyer] += width;
        }
    }
    ribbons
}

fn labelled_node(node: &Node, top: f64, scale: f64, x: f64, class: &str, label: (f64, &str)) -> Markup {
    let height = (node.energy_wh as f64 * scale).max(1.0);
    let (label_x, label_class) = label;
    html! {
        rect class=(class) x=(px(x)) y=(px(top)) width=(NODE) height=(px(height)) rx="2" {}
        text class=(label_class) x=(px(label_x)) y=(px(top + height / 2.0 + 4.0)) {
            (shortened(&node.name)) " " tspan.amount { (kwh(node.energy_wh)) }
        }
    }
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= MAX_NAME {
        return name.to_owned();
    }
    name.chars().take(MAX_NAME - 1).chain(['…']).collect()
}

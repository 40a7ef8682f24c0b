//! What games show of auctions.

use {
    multibus_model::{Model, ModelBidState},
    solana_address::Address,
    std::collections::{BTreeMap, BTreeSet},
};

/// How often each was seen.
pub type Marks = BTreeMap<&'static str, u64>;

/// What becomes of auctions, of which games show each.
pub const MARKS: [&str; 13] = [
    "energy changed hands at a price",
    "a price was proven at which nothing changes hands",
    "bids at the price shared what was asked",
    "asks at the price shared what was bid",
    "two clearers proved the same price",
    "nobody proved a price",
    "a bid was filled at once",
    "a bid was filled and waits for deliveries",
    "what a bid is owed waits for its account",
    "all of a bid's energy was delivered",
    "a part of a bid's energy was delivered",
    "a bid took a certificate",
    "what a seller is due waits for its account",
];

/// What an instruction that landed shows, by the accounts that it touched and what was known of them before.
pub(super) fn of(name: &str, before: &Model, after: &Model, touched: &BTreeSet<Address>) -> Vec<&'static str> {
    let mut seen = Vec::new();
    let mut see = |holds: bool, what: &'static str| seen.extend(holds.then_some(what));
    match name {
        "clearing_apply" => {
            for (at, capacity) in touched.iter().filter_map(|at| Some((at, after.capacities.get(at)?))) {
                let Some(auction) = capacity.auction else { continue };
                see(auction.volume_wh > 0, MARKS[0]);
                see(auction.volume_wh == 0, MARKS[1]);
                let shares =
                    |ration: multibus_model::ModelRation| ration.filled_wh > 0 && ration.filled_wh < ration.at_price_wh;
                see(shares(auction.bids), MARKS[2]);
                see(shares(auction.asks), MARKS[3]);
                see(after.clearings.values().any(|clearing| clearing.capacity == *at), MARKS[4]);
            }
        }
        "bid_settle" => {
            for (at, was) in touched.iter().filter_map(|at| Some((at, before.bids.get(at)?))) {
                let capacity = &before.capacities[&was.capacity];
                let is = after.bids.get(at);
                let is_open = was.state == ModelBidState::Open;
                let cleared = capacity.auction.is_some();
                let late = before.now >= capacity.gate_closes_at.saturating_add(86_400);
                see(is_open && !cleared && late && capacity.open_offers > 0, MARKS[5]);
                let bought =
                    |model: &Model| model.capacities[&was.capacity].auction.map_or(0, |auction| auction.bought_wh);
                see(is.is_none() && bought(after) > bought(before), MARKS[6]);
                let Some(is) = is else { continue };
                see(is_open && is.state == ModelBidState::Filled, MARKS[7]);
                see(is.owed() > 0, MARKS[8]);
                let refunded = is.state == ModelBidState::Refunded && was.state != is.state;
                see(refunded && is.delivered_wh == is.allotted_wh, MARKS[9]);
                see(refunded && is.delivered_wh > 0 && is.delivered_wh < is.allotted_wh, MARKS[10]);
            }
        }
        "certificate_take" => see(touched.iter().any(|at| after.bids.contains_key(at)), MARKS[11]),
        "pool_report" => {
            let mut books = touched.iter().filter_map(|at| after.books.get(at));
            see(books.any(|book| book.pool_due > 0), MARKS[12]);
        }
        _ => {}
    }
    seen
}

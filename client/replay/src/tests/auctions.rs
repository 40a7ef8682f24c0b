//! Replays with auctions.

use {
    super::*,
    crate::{
        auction_check::outcome,
        records::{BookOrder, OrderEntry, OrderSide, Trade},
        report::AuctionEntry,
    },
};

/// What auctions moved.
#[derive(Default)]
pub(super) struct ByAuction {
    pub energy_wh: u64,
    pub paid: u64,
    /// What bids paid beyond what sellers were promised.
    pub not_promised: u64,
}

/// What must be true of the auctions of every replay that was not interrupted. Returns what they moved.
#[track_caller]
pub(super) fn assert_consistent(report: &ReplayReport) -> ByAuction {
    let trades = || report.records.trades.iter().filter(Trade::is_by_auction);
    let Some(auction) = &report.auction else {
        assert!(report.orders.is_empty() && report.auctions.is_empty() && trades().next().is_none());
        assert!(report.interval_results.iter().all(|result| result.auction.is_none()));
        return ByAuction::default();
    };
    let bids = || trades().filter(|trade| trade.buyer.is_some());
    let asks = || trades().filter(|trade| trade.seller.is_some());
    assert_eq!(bids().count() + asks().count(), trades().count());
    let (energy_wh, paid) = (bids().map(|bid| bid.energy_wh).sum(), bids().map(|bid| bid.paid).sum::<u64>());
    assert_eq!((auction.volume_wh, auction.paid_base_units), (energy_wh, paid));
    assert_eq!(asks().map(|ask| ask.energy_wh).sum::<u64>(), energy_wh);
    assert_eq!((auction.open, auction.missed), (0, 0));
    assert_eq!(report.orders.iter().filter(|order| order.side == OrderSide::Bid).count() as u64, auction.bids);
    assert_eq!(report.auctions.iter().filter(|row| row.volume_wh > 0).count() as u64, auction.traded);
    assert!(auction.remainder_base_units <= 2 * bids().count() as u64 + asks().count() as u64);
    for (row, result) in report.auctions.iter().filter_map(|row| {
        let result = report.interval_results.iter().find(|result| result.interval_start == row.window_start)?;
        Some((row, result.auction?))
    }) {
        assert_eq!((row.price_per_kwh, row.volume_wh), (result.price_per_kwh, result.volume_wh));
    }
    ByAuction { energy_wh, paid, not_promised: paid - asks().map(|ask| ask.paid).sum::<u64>() }
}

fn auction(name: &str, community: Community) -> ReplayOptions {
    ReplayOptions { market: ReplayMarket::Auction, ..ReplayOptions::new(name, community) }
}

fn landed(report: &ReplayReport, instruction: &str) -> u64 {
    report.compute_units.get(instruction).map_or(0, |spread| spread.count)
}

#[tokio::test]
async fn the_village_trades_at_one_price_an_interval() {
    let community = village();
    let started_at = Instant::now();
    let report = replay(auction("community-rural-2016.csv", community.clone())).await;
    eprintln!("{}\n{:?}", report.table(120), started_at.elapsed());
    assert_sound(&report, &community);
    assert!(report.table(120).contains("all 16 hold") && report.table(120).contains("auctions"));
    let totals = report.auction.clone().unwrap();
    // The price is worth looking at: some bids and some asks get nothing, and some windows ration.
    assert!(totals.traded > 20 && totals.volume_wh == report.traded_wh && report.traded_wh < report.tradable_wh);
    assert!(report.auctions.iter().any(|row| row.rationed == Some(OrderSide::Bid)));
    assert!(report.auctions.iter().any(|row| row.rationed == Some(OrderSide::Ask)));
    assert_eq!((report.purchases, report.locks), (0, 0));
    assert_eq!(landed(&report, "bid_create"), totals.bids);
    assert_eq!(landed(&report, "bid_settle"), totals.bids);
    assert_eq!(landed(&report, "clearing_apply"), totals.cleared);
    // Limits lie within the price rule.
    let range = report.price_floor_per_kwh..=report.price_ceiling_per_kwh;
    assert!(report.orders.iter().all(|order| range.contains(&order.price_per_kwh)));
    let page = report.html();
    for part in [
        "Price over the day",
        "Bids, asks and their price",
        "most energy",
        "most rationing",
        "median volume",
        "the cheapest offers first",
        "change hands at",
        "the auction",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("NaN") && !page.contains("<script"));
    assert_recomputed(&report, &data("community-rural-2016.csv"));
}

#[tokio::test]
async fn auctions_are_paid_by_what_was_delivered() {
    let community = village_with_forecast();
    let options = on_delivery("community-rural-2016-forecast.csv", community.clone());
    for market in [ReplayMarket::Auction, ReplayMarket::Both] {
        let started_at = Instant::now();
        let report = replay(ReplayOptions { market, ..options.clone() }).await;
        eprintln!("{}\n{:?}", report.table(120), started_at.elapsed());
        assert_sound(&report, &community);
        assert!(report.table(120).contains("all 20 hold"), "{}", report.table(120));
        assert!(0 < report.delivered_wh && report.delivered_wh < report.traded_wh);
        assert!(report.refunded_base_units > 0 && report.certificates_wh > 0 && report.grid_fee_base_units > 0);
        assert!(landed(&report, "pool_report") > 0);
        assert_eq!(landed(&report, "certificate_take"), landed(&report, "certificate_retire"));
        let rows = || report.records.positions.iter();
        assert!(rows().any(|row| row.seller.is_none() && row.refund > 0));
        assert_eq!(rows().any(|row| row.seller.is_some()), market == ReplayMarket::Both);
        assert_recomputed(&report, &data("community-rural-2016-forecast.csv"));
    }
}

#[tokio::test]
async fn members_buy_first_and_bid_for_the_rest() {
    let community = village();
    let options = ReplayOptions { grid_fee_per_kwh: 77_777, ..auction("both", community.clone()) };
    let report = replay(ReplayOptions { market: ReplayMarket::Both, ..options }).await;
    assert_sound(&report, &community);
    let totals = report.auction.clone().unwrap();
    assert!(report.purchases > 0 && report.locks > 0 && totals.traded > 20);
    assert!(totals.volume_wh < report.traded_wh && report.grid_fee_base_units > 0);
    let page = report.html();
    assert!(page.contains("traded before it") && page.contains("the others buy part of what they want"));
    assert_recomputed(&report, &data("community-rural-2016.csv"));
}

#[tokio::test]
async fn any_community_and_any_length_of_windows_can_be_auctioned() {
    for (name, shape) in [
        ("a few", SMALL),
        ("two days", Shape { members: 4, generators: 3, intervals: 200, ..SMALL }),
        ("one member", Shape { members: 1, generators: 1, ..SMALL }),
        ("two members, both generating", Shape { members: 2, generators: 2, ..SMALL }),
        ("nobody generates", Shape { generators: 0, ..SMALL }),
        ("many", Shape { members: 40, generators: 20, intervals: 56, ..SMALL }),
        ("minutes", Shape { members: 5, generators: 4, intervals: 130, interval_seconds: 60 }),
        ("hours", Shape { members: 5, generators: 4, intervals: 30, interval_seconds: 3_600 }),
        ("days", Shape { members: 5, generators: 4, intervals: 30, interval_seconds: 86_400 }),
    ] {
        let text = file_with_forecast(shape, 21);
        let community = Community::read(text.as_bytes()).unwrap();
        for way in [Way::Auction, Way::BothOnDelivery] {
            let report = replay(way.of(ReplayOptions::new(name, community.clone()))).await;
            let traded_by =
                if way.is_on_delivery() { community.clone() } else { community.clone().without_forecast().unwrap() };
            assert_sound(&report, &traded_by);
            assert_recomputed_text(&report, &text);
        }
    }
}

#[tokio::test]
async fn at_one_price_for_all_the_longer_side_shares() {
    let community = at_noon(Shape { members: 12, generators: 5, ..SMALL }, 3);
    let options = ReplayOptions { price_rule: PriceRule::fixed(123_457), ..auction("ties", community.clone()) };
    let report = replay(options).await;
    assert_sound(&report, &community);
    // Everybody takes that price, so all that both sides have changes hands.
    assert_eq!(report.traded_wh, report.tradable_wh);
    for (row, interval) in report.auctions.iter().zip(community.intervals()) {
        let interval = interval.unwrap();
        assert_eq!(row.price_per_kwh, 123_457);
        let longer = match interval.surplus_wh().cmp(&interval.deficit_wh()) {
            std::cmp::Ordering::Less => Some(OrderSide::Bid),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(OrderSide::Ask),
        };
        assert_eq!(row.rationed, longer);
    }
}

#[tokio::test]
async fn the_same_seed_draws_the_same_limits() {
    let options = auction("seeds", at_noon(Shape { members: 15, generators: 7, ..SMALL }, 5));
    let (first, second) = (replay(options.clone()).await, replay(options.clone()).await);
    assert_eq!((&first.orders, &first.auctions), (&second.orders, &second.auctions));
    let other = replay(ReplayOptions { seed: 2, ..options }).await;
    assert_ne!(first.orders, other.orders);
}

/// Changes what an auction came to, by its number.
fn change(report: &mut ReplayReport, number: usize, change: fn(&mut AuctionEntry)) {
    let mut all: Vec<AuctionEntry> = report.auctions.iter().collect();
    change(&mut all[number]);
    report.auctions = all.into_iter().collect();
}

#[tokio::test]
async fn a_figure_that_is_changed_is_found_by_the_script() {
    let report = replay(auction("changed", at_noon(Shape { members: 12, generators: 5, ..SMALL }, 4))).await;
    let folder = std::env::temp_dir().join(format!("multibus-replay-changed-{}", std::process::id()));
    let traded = report.auctions.iter().position(|row| row.rationed.is_some()).unwrap();
    let check = |change: fn(&mut ReplayReport, usize)| {
        let mut changed = report.clone();
        change(&mut changed, traded);
        changed.write(&folder).unwrap();
        run_script("check_auctions.py", &[&folder])
    };
    assert!(check(|_, _| {}).is_ok());
    for (change, part) in [
        (
            (|report, row| change(report, row, |row| row.price_per_kwh += 1)) as fn(&mut ReplayReport, usize),
            "the price of",
        ),
        (|report, row| change(report, row, |row| row.volume_wh -= 1), "the volume of"),
        (|report, row| change(report, row, |row| row.rationed = None), "the rationed side of"),
        (|report, _| report.orders = report.orders.iter().take(3).collect(), "the windows of auctions.csv"),
        (
            |report, _| {
                let more = |order: OrderEntry| OrderEntry { energy_wh: order.energy_wh + 1, ..order };
                report.orders = report.orders.iter().map(more).collect();
            },
            "the volume of",
        ),
        (|report, row| change(report, row, |row| row.window_start.push('Z')), "the windows of auctions.csv"),
        (
            |report, _| {
                let mut trades: Vec<Trade> = report.records.trades.iter().collect();
                trades.iter_mut().find(|trade| trade.is_by_auction()).unwrap().energy_wh -= 1;
                report.records.trades = trades.into_iter().collect();
            },
            "energy of",
        ),
    ] {
        let said = check(change).unwrap_err();
        assert!(said.contains(part) && said.contains("figures are wrong"), "{part}: {said}");
    }
    // A report of the continuous market does not keep files of an earlier one.
    let plain = replay(ReplayOptions::new("plain", at_noon(SMALL, 1))).await;
    plain.write(&folder).unwrap();
    assert!(!folder.join("orders.csv").exists() && !folder.join("auctions.csv").exists());
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn auctions_that_were_ended_or_killed_go_on_and_nobody_bids_twice() {
    for way in [Way::Auction, Way::Both] {
        for is_hard in [false, true] {
            let (ended, _) = end_and_resume(is_hard, way, (0..).step_by(3)).await;
            assert!(ended > 8, "{ended} replays were ended");
        }
    }
}

#[tokio::test]
async fn auctions_on_delivery_terms_that_were_ended_or_killed_settle_nothing_twice() {
    let whole = replay(to_be_ended(Way::BothOnDelivery)).await;
    assert!(whole.refunded_base_units > 0 && whole.auction.as_ref().unwrap().traded > 0);
    let transactions = whole.transactions_sent as usize;
    for is_hard in [false, true] {
        let (ended, _) = end_and_resume(is_hard, Way::BothOnDelivery, (0..).step_by(5)).await;
        assert!(ended > 8, "{ended} replays were ended");
        // The last transactions settle: between all of them.
        end_and_resume(is_hard, Way::BothOnDelivery, transactions - 40..).await;
    }
}

/// Kills a replay, and goes on with it so many seconds later.
async fn go_on_after(seconds: i64, transactions: i64, way: Way) -> ReplayReport {
    let community = if way.is_on_delivery() { at_noon_with_forecast(SMALL, 9) } else { at_noon(SMALL, 9) };
    let name = format!("multibus-replay-auction-{}-{seconds}-{transactions}-{way:?}.json", std::process::id());
    let path = std::env::temp_dir().join(name);
    let chain = Arc::new(EmbeddedChain::new().unwrap());
    let options = way.of(ReplayOptions { state: Some(path.clone()), ..ReplayOptions::new("later", community) });
    Ending::new(&chain, transactions, true).kill(options.clone()).await;
    let now = chain.clock().await.unwrap().unix_timestamp;
    chain.wait_until(now + seconds).await.unwrap();
    let resume = ReplayOptions { resume: true, ..options };
    let report = Ending::new(&chain, i64::MAX, false).run(resume, &mut |_| {}).await.unwrap().unwrap();
    assert_wound_down(&chain, &report).await;
    std::fs::remove_file(&path).unwrap();
    report
}

#[tokio::test]
async fn the_auction_takes_the_book_as_it_stands_where_its_gate_has_passed() {
    for way in [Way::Auction, Way::Both, Way::BothOnDelivery] {
        for transactions in [30, 40, 50, 62, 75] {
            let report = go_on_after(20_000, transactions, way).await;
            assert!(report.is_sound() && !report.interrupted, "{:?}", report.violations);
            let by_auction = assert_consistent(&report);
            assert!(by_auction.energy_wh > 0);
            // One book for each interval.
            let mut windows: Vec<String> = report.auctions.iter().map(|row| row.window_start).collect();
            windows.dedup();
            assert_eq!(windows.len(), report.auctions.len());
        }
    }
}

#[tokio::test]
async fn where_nobody_clears_in_a_day_all_bids_are_returned() {
    let mut missed = 0;
    for transactions in [40, 55, 70] {
        let report = go_on_after(200_000, transactions, Way::Auction).await;
        assert!(report.is_sound() && !report.interrupted, "{:?}", report.violations);
        let totals = report.auction.as_ref().unwrap();
        missed += totals.missed;
        assert!(totals.missed == 0 || report.table(200).contains("whose price nobody proved within 24 hours"));
    }
    assert!(missed > 0);
}

#[tokio::test]
async fn on_a_network_auctions_close_windows_that_lie_ahead() {
    for way in [Way::Auction, Way::Both, Way::BothOnDelivery] {
        let community = if way.is_on_delivery() { at_noon_with_forecast(SMALL, 8) } else { at_noon(SMALL, 8) };
        let chain = Arc::new(EmbeddedChain::new().unwrap());
        // Whatever the time is: the windows lie on both sides of midnight, in books of two days.
        let now = chain.clock().await.unwrap().unix_timestamp;
        chain.wait_until((now / 86_400 + 2) * 86_400 - 6_000).await.unwrap();
        let path = std::env::temp_dir().join(format!("multibus-replay-ahead-{}-{way:?}.json", std::process::id()));
        let options = ReplayOptions { state: Some(path.clone()), ..ReplayOptions::new("network", community.clone()) };
        let options = way.of(options);
        Ending::network(&chain, 60, true).kill(options.clone()).await;
        let resume = ReplayOptions { resume: true, ..options };
        let go_on = async || {
            let on_network = Ending::network(&chain, i64::MAX, false);
            on_network.run(resume.clone(), &mut |_| {}).await.unwrap().unwrap()
        };
        let pass = async |seconds| {
            let now = chain.clock().await.unwrap().unix_timestamp;
            chain.wait_until(now + seconds).await.unwrap();
        };
        // All windows lie ahead: everything is listed and bid for, and nothing is auctioned.
        let report = go_on().await;
        assert!(!report.interrupted && report.is_sound(), "{:?}", report.violations);
        let totals = report.auction.as_ref().unwrap();
        assert!(totals.open > 0 && totals.bids > 0 && totals.volume_wh == 0, "{way:?} {totals:?}");
        assert!(report.orders.is_empty() && report.table(200).contains("some auctions are not over yet"));
        // Some gates have passed, then all windows are over.
        pass(2_400).await;
        let some = go_on().await;
        assert!(!some.interrupted && some.is_sound(), "{:?}", some.violations);
        let open = some.auction.as_ref().unwrap().open;
        assert!(0 < open && open < totals.open, "{open}");
        pass(20_000).await;
        let mut last = go_on().await;
        if way.is_on_delivery() {
            // Readings become final, and books close after their last gate.
            // At last, bids have no more time for what rounding kept from all of them.
            for seconds in [3_600, 86_400, 62 * 86_400] {
                assert!(last.is_sound(), "{:?}", last.violations);
                pass(seconds).await;
                last = go_on().await;
            }
        }
        assert_sound(&last, &community);
        assert_wound_down(&chain, &last).await;
        assert!(last.auction.as_ref().unwrap().volume_wh > 0);
        std::fs::remove_file(&path).unwrap();
    }
}

#[tokio::test]
async fn auctions_of_a_large_community_are_held_within_two_minutes() {
    let community = community(Shape { members: 118, generators: 46, intervals: 96, interval_seconds: 900 }, 1);
    let started_at = Instant::now();
    let report = replay(auction("large", community.clone())).await;
    eprintln!("{}\n{:?}", report.table(100), started_at.elapsed());
    assert_sound(&report, &community);
    assert!(started_at.elapsed().as_secs() < 120);
}

#[test]
fn the_search_of_every_price_agrees_with_the_clients() {
    use multibus_client::auction::{Book, Order, Side, clear};
    for seed in 0..400 {
        let draw = |purpose: &str, number, limit| price::Draw::new(seed, purpose, number, 0).below(limit);
        let orders: Vec<BookOrder> = (0..draw("count", 0, 25) as usize)
            .map(|number| BookOrder {
                interval: 0,
                window_start: 0,
                side: if draw("side", number, 2) == 0 { OrderSide::Bid } else { OrderSide::Ask },
                member: None,
                party: String::new(),
                account: Address::default(),
                energy_wh: 1 + draw("energy", number, 1_000),
                price_per_kwh: draw("price", number, 40),
            })
            .collect();
        let of_client = orders.iter().map(|order| Order {
            side: if order.side == OrderSide::Bid { Side::Bid } else { Side::Ask },
            energy_wh: order.energy_wh,
            price_per_kwh: order.price_per_kwh,
        });
        let cleared = clear(&Book::new(of_client.collect()).unwrap());
        let found = outcome(&orders);
        assert_eq!(found.volume_wh, cleared.volume_wh, "{orders:?}");
        if found.volume_wh > 0 {
            assert_eq!(found.price_per_kwh, cleared.price_per_kwh, "{orders:?}");
            assert_eq!(found.rationed.map(OrderSide::name), cleared.rationed.map(Side::name), "{orders:?}");
        }
    }
}

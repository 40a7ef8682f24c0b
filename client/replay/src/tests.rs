//! Replays on the embedded chain, of the village and of generated communities.

mod auctions;

use {
    super::*,
    async_trait::async_trait,
    multibus_client::{
        Address, Market, SharedSigner, Signature,
        bid::BidFilter,
        chain::{Chain, ChainLayer, EmbeddedChain, RecentBlockhash, VersionedTransaction},
    },
    std::{
        fmt::Write as _,
        path::{Path, PathBuf},
        process::Command,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        time::Instant,
    },
    tokio::sync::Notify,
};

/// What the members of a generated community do.
#[derive(Clone, Copy)]
struct Shape {
    members: usize,
    /// Of the members, how many generate: the first ones.
    generators: usize,
    intervals: usize,
    interval_seconds: i64,
}

/// A community's file: loads and generation that vary by member and time without pattern, the sun at noon.
fn file(shape: Shape, seed: u64) -> String {
    write_file(shape, seed, false)
}

/// The same with a forecast, from which the measured values differ by up to a half, and now and then by all.
fn file_with_forecast(shape: Shape, seed: u64) -> String {
    write_file(shape, seed, true)
}

fn write_file(shape: Shape, seed: u64, has_forecast: bool) -> String {
    let mut text = String::from("interval_start,member,load_wh,generation_wh");
    text += if has_forecast { ",forecast_load_wh,forecast_generation_wh\n" } else { "\n" };
    let day = 86_400 / shape.interval_seconds;
    for interval in 0..shape.intervals {
        let second = interval.cast_signed() as i64 * shape.interval_seconds;
        let start = jiff::Timestamp::from_second(1_466_460_000 + second).unwrap();
        let noon = (second % 86_400 - 43_200).unsigned_abs();
        let sun = if day < 4 { 100 } else { 100 - (noon * 100 / 21_600).min(100) };
        for member in 0..shape.members {
            let draw = |purpose: &str| price::Draw::new(seed, purpose, interval, member);
            let load = draw("load").below(900);
            let generation = if member < shape.generators { draw("generation").below(4_000) * sun / 100 } else { 0 };
            let _ = write!(text, "{start},H{member:03},{load},{generation}");
            if has_forecast {
                let expected = |energy_wh: u64, purpose: &str| match draw(purpose).below(12) {
                    0 => 0,
                    _ => energy_wh * (50 + draw(&format!("{purpose} factor")).below(100)) / 100,
                };
                let expected = [expected(load, "load forecast"), expected(generation, "generation forecast")];
                let _ = write!(text, ",{},{}", expected[0], expected[1]);
            }
            text.push('\n');
        }
    }
    text
}

fn community(shape: Shape, seed: u64) -> Community {
    Community::read(file(shape, seed).as_bytes()).unwrap()
}

/// The village with what its members expected.
fn village_with_forecast() -> Community {
    Community::read_path(&data("community-rural-2016-forecast.csv")).unwrap()
}

fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").join(file)
}

fn village() -> Community {
    Community::read_path(&data("community-rural-2016.csv")).unwrap()
}

async fn replay_on(options: ReplayOptions, chain: &Arc<EmbeddedChain>) -> Result<ReplayReport, ReplayError> {
    let chain: Arc<dyn Chain> = chain.clone();
    run(options, chain, &mut |_| {}).await
}

async fn replay(options: ReplayOptions) -> ReplayReport {
    let chain = Arc::new(EmbeddedChain::new().unwrap());
    let report = replay_on(options, &chain).await.unwrap();
    assert_wound_down(&chain, &report).await;
    report
}

/// After a replay, nothing is open on its bus and the vaults are closed, so that whoever paid rent has it back.
async fn assert_wound_down(chain: &Arc<EmbeddedChain>, report: &ReplayReport) {
    let bus = report.bus.parse().unwrap();
    let market = Market::new(chain.clone());
    if report.is_on_delivery() {
        // The bus is closed, which the program does only where nothing else is open.
        assert!(market.tombstone(&bus).await.unwrap().is_some());
        assert!(market.bids(&BidFilter::default()).await.unwrap().is_empty());
        assert!(market.clearings(&bus).await.unwrap().is_empty() && market.claims(&bus).await.unwrap().is_empty());
        assert!(market.delivery_books(&bus).await.unwrap().is_empty());
        assert!(market.devices(&bus).await.unwrap().is_empty() && market.certificates(&bus).await.unwrap().is_empty());
        return;
    }
    let audit = market.audit(&bus).await.unwrap();
    let ledger = &audit.ledger;
    assert_eq!((ledger.open_sellers, ledger.open_windows, ledger.open_claims), (0, 0, 0));
    assert_eq!((audit.offers.len(), audit.locks.len(), audit.vaults.len()), (0, 0, 0));
    let rounding = report.auction.as_ref().map_or(0, |auction| auction.remainder_base_units);
    let sold_by_bus = report.treasury.as_ref().map_or(rounding, |treasury| treasury.remainder_base_units);
    assert_eq!((audit.bids.len(), audit.clearings.len(), audit.escrow), (0, 0, 0));
    assert_eq!((audit.treasury, audit.unclaimed), (sold_by_bus, 0));
}

/// What must be true of every replay that was not interrupted.
#[track_caller]
fn assert_sound(report: &ReplayReport, community: &Community) {
    assert_eq!(report.violations, Vec::<String>::new());
    assert!(!report.invariants.is_empty() && report.is_sound() && !report.interrupted);
    assert_eq!(report.interval_results.len(), community.interval_count());
    // The bids of an auction need not meet the offers.
    let has_auction = report.auction.is_some();
    for (result, interval) in report.interval_results.iter().zip(community.intervals()) {
        let interval = interval.unwrap();
        let tradable_wh = interval.surplus_wh().min(interval.deficit_wh());
        assert!(result.traded_wh == tradable_wh || has_auction && result.traded_wh < tradable_wh, "{}", interval.label);
        assert_eq!(result.withdrawn_wh, interval.surplus_wh() - result.traded_wh, "{}", interval.label);
    }
    let totals = community.totals();
    assert_eq!((report.surplus_wh, report.deficit_wh), (totals.surplus_wh, totals.deficit_wh));
    assert_eq!(report.tradable_wh, totals.tradable_wh);
    assert_eq!(report.traded_wh, report.interval_results.iter().map(|result| result.traded_wh).sum::<u64>());
    let members = &report.member_results;
    let sum = |figure: fn(&report::MemberResult) -> u64| members.iter().map(figure).sum::<u64>();
    assert_eq!(sum(|member| member.paid_base_units), report.paid_base_units);
    let by_auction = auctions::assert_consistent(report);
    assert_eq!(sum(|member| member.earned_base_units) + by_auction.not_promised, report.paid_base_units);
    assert_eq!(sum(|member| member.lock_fees_paid_base_units), sum(|member| member.lock_fees_earned_base_units));
    let flows = |figure: fn(&report::Flow) -> u64| report.flows.iter().map(figure).sum::<u64>();
    assert_eq!(flows(|flow| flow.energy_wh) + by_auction.energy_wh, report.traded_wh);
    assert_eq!(flows(|flow| flow.paid_base_units) + by_auction.paid, report.paid_base_units);
    assert_eq!(report.windows_open, 0);
    assert_eq!(report.locks, report.locks_settled + report.locks_released);
    // Whatever was earned has left the vaults.
    for (number, member) in members.iter().enumerate() {
        let income = report.income_base_units(number);
        assert_eq!((member.released_base_units, member.withdrawn_base_units), (income, income), "{}", member.name);
    }
    // Whatever was paid is a seller's, a buyer's again, or the grid's.
    assert!(has_auction || sum(|member| member.returned_base_units) == report.refunded_base_units);
    let income: u64 = members.iter().map(report::MemberResult::sales_base_units).sum();
    let spread = [report.refunded_base_units, report.grid_fee_base_units, report.all_remainders()];
    assert_eq!(income + spread.iter().sum::<u64>(), report.paid_base_units);
    let bought = report.records.trades.iter().filter(|trade| trade.buyer.is_some());
    assert_eq!(bought.map(|trade| trade.paid).sum::<u64>(), report.paid_base_units);
    if report.is_on_delivery() {
        let positions = || report.records.positions.iter();
        assert_eq!(report.certificates_wh, positions().map(|row| row.delivered_wh).sum::<u64>());
        assert!(report.certificates_wh <= report.delivered_wh && report.delivered_wh <= report.traded_wh);
        let rows = report.records.deliveries.iter();
        assert_eq!(report.delivered_wh, rows.map(|row| row.delivered_wh()).sum::<u64>());
        assert!(report.remainder_base_units <= positions().count() as u64);
        assert_eq!(report.periods_open, 0);
    } else {
        assert_eq!((report.delivered_wh, report.refunded_base_units, report.remainder_base_units), (0, 0, 0));
    }
    assert_eq!(sum(|member| member.released_base_units), report.released_base_units);
    assert_eq!(sum(|member| member.withdrawn_base_units), report.withdrawn_base_units);
}

/// What must be true besides of one in which the owners sold through the bus.
#[track_caller]
fn assert_co_owned(report: &ReplayReport) {
    let treasury = report.treasury.as_ref().unwrap();
    let sum = |figure: fn(&report::OwnerResult) -> u64| treasury.owners.iter().map(figure).sum::<u64>();
    let invariants = 15 + usize::from(report.grid_fee_per_kwh > 0);
    assert_eq!(report.invariants.len(), invariants);
    // What buyers paid, less grid fees, is what owners claimed, with a remainder of fewer base units than there are owners, and what
    // members who do not own the bus sold for.
    let others = (0..).zip(&report.member_results).filter(|(member, _)| treasury.owner(*member).is_none());
    let income = |member: &report::MemberResult| member.earned_base_units + member.lock_fees_earned_base_units;
    let by_others: u64 = others.map(|(_, member)| income(member)).sum();
    let owners = treasury.owners.iter().map(|owner| &report.member_results[owner.member]);
    let to_grid: u64 = owners.map(|member| member.grid_fee_base_units).sum();
    let paid = report.paid_base_units + report.lock_fees_base_units - by_others - to_grid;
    assert_eq!(treasury.received_base_units, paid);
    assert_eq!(treasury.claimed_base_units + treasury.remainder_base_units, paid);
    assert_eq!(
        (sum(|owner| owner.claimed_base_units), treasury.claimable_base_units),
        (treasury.claimed_base_units, 0)
    );
    assert!(treasury.remainder_base_units < treasury.owners.len() as u64);
    assert_eq!(sum(|owner| owner.sales_base_units + owner.lock_fees_base_units), paid);
    let differences: i128 = treasury.owners.iter().map(|owner| owner.difference_base_units).sum();
    assert_eq!(differences, -i128::from(treasury.remainder_base_units));
    assert_eq!(treasury.owners.iter().map(|owner| u32::from(owner.share_bps)).sum::<u32>(), 10_000);
    for owner in &treasury.owners {
        let member = &report.member_results[owner.member];
        assert_eq!(
            (&owner.name, owner.share_bps, owner.delivered_wh),
            (&member.name, member.share_bps, member.sold_wh)
        );
        assert_eq!(owner.claimed_base_units, multibus::math::share_of(paid, owner.share_bps));
        assert_eq!(report.income_base_units(owner.member), owner.claimed_base_units);
    }
    let table = report.table(100);
    assert!(table.contains(&format!("all {invariants} hold")) && table.contains(" remainder, in "), "{table}");
}

#[tokio::test]
async fn the_village_trades_its_two_days() {
    let community = village();
    let started_at = Instant::now();
    let report = replay(ReplayOptions::new("community-rural-2016.csv", community.clone())).await;
    eprintln!("{}\n{:?}", report.table(100), started_at.elapsed());
    assert_sound(&report, &community);
    assert!(report.batches > 0 && report.locks_settled > 0 && report.locks_released > 0);
    // Sellers are paid at the end of the first day and, with their accounts closed, at the end of the second.
    let landed = |instruction: &str| report.compute_units.get(instruction).map_or(0, |spread| spread.count);
    let sellers = landed("seller_open");
    assert!(sellers > 0 && (1..=sellers).contains(&landed("seller_withdraw")), "{}", landed("seller_withdraw"));
    assert!(report.html().contains("in their wallets") && report.table(100).contains("paid out"));
}

#[tokio::test]
async fn a_village_that_owns_its_bus_shares_what_it_earns() {
    let community = village();
    let base = ReplayOptions::new("community-rural-2016.csv", community.clone());
    let report = replay(ReplayOptions { co_owned: true, ..base }).await;
    eprintln!("{}", report.table(100));
    assert_sound(&report, &community);
    assert_co_owned(&report);
    let treasury = report.treasury.as_ref().unwrap();
    let landed = |instruction: &str| report.compute_units.get(instruction).map_or(0, |spread| spread.count);
    assert_eq!(landed("treasury_claim"), treasury.owners.len() as u64);
    // The bus is the only seller.
    assert_eq!((landed("offer_create"), landed("seller_open")), (report.offers_created, 1));
    assert_eq!(landed("offer_cancel"), report.offers_created);
    assert_eq!(treasury.in_vault_base_units, 0);
    assert!(report.lock_fees_base_units > 0);
    let json = serde_json::to_string(&report).unwrap();
    // Its rows have files of their own.
    let report = ReplayReport { records: records::Records::default(), ..report };
    assert_eq!(serde_json::from_str::<ReplayReport>(&json).unwrap(), report);
}

/// Writes a report's files and recomputes them with scripts that share no code with the replay.
#[track_caller]
fn assert_recomputed(report: &ReplayReport, file: &Path) {
    // Replays on different chains may have the same bus.
    static FOLDERS: AtomicUsize = AtomicUsize::new(0);
    let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("multibus-replay-{}-{number}", std::process::id()));
    report.write(&folder).unwrap();
    run_script("recompute.py", &[file, &folder]).unwrap();
    if report.auction.is_some() {
        run_script("check_auctions.py", &[&folder]).unwrap();
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Runs one of the scripts; an error is what it said.
fn run_script(name: &str, arguments: &[&Path]) -> Result<String, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    let output = Command::new("python3").arg(script).args(arguments).output();
    let output = output.expect("python3 (3.11 or later) recomputes the report; install it");
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match output.status.success() && said.contains("figures follow from") {
        true => Ok(said.into_owned()),
        false => Err(format!("{said}{wrong}")),
    }
}

/// The same of a community that has no file.
#[track_caller]
fn assert_recomputed_text(report: &ReplayReport, text: &str) {
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    assert_recomputed(report, file.path());
}

fn on_delivery(name: &str, community: Community) -> ReplayOptions {
    ReplayOptions { terms: ReplayTerms::Delivery, grid_fee_per_kwh: 50_001, ..ReplayOptions::new(name, community) }
}

#[tokio::test]
async fn the_village_is_paid_for_what_it_delivered() {
    let community = village_with_forecast();
    assert!(community.has_forecast);
    let started_at = Instant::now();
    let report = replay(on_delivery("community-rural-2016-forecast.csv", community.clone())).await;
    eprintln!("{}\n{:?}", report.table(120), started_at.elapsed());
    assert_sound(&report, &community);
    assert!(report.table(120).contains("all 17 hold"), "{}", report.table(120));
    assert!(0 < report.delivered_wh && report.delivered_wh < report.traded_wh);
    assert!(report.refunded_base_units > 0 && report.grid_fee_base_units > 0 && report.certificates_wh > 0);
    assert!(report.batches > 0 && report.locks_settled > 0 && report.locks_released > 0);
    let landed = |instruction: &str| report.compute_units.get(instruction).map_or(0, |spread| spread.count);
    let sellers = landed("seller_open");
    assert_eq!([landed("meter_register"), landed("meter_close"), landed("device_close")], [sellers; 3]);
    assert_eq!(landed("delivery_report"), report.offers_created);
    assert_eq!(landed("certificate_take"), landed("certificate_retire"));
    assert_eq!(landed("position_open"), landed("position_close"));
    assert!(landed("delivery_refund") > 0 && landed("delivery_release") >= landed("delivery_close"));
    let page = report.html();
    assert!(page.contains("Promised and delivered") && page.contains("by forecast"));
    assert_recomputed(&report, &data("community-rural-2016-forecast.csv"));
}

#[tokio::test]
async fn on_purchase_terms_a_forecast_is_not_used_and_the_grid_gets_its_fee() {
    let community = village_with_forecast();
    let options = on_delivery("community-rural-2016-forecast.csv", community.clone());
    let report = replay(ReplayOptions { terms: ReplayTerms::Purchase, ..options }).await;
    assert_sound(&report, &village());
    assert!(!report.traded_by_forecast && report.grid_fee_base_units > 0);
    assert!(report.table(120).contains("all 14 hold") && report.records.deliveries.is_empty());
    assert_recomputed(&report, &data("community-rural-2016-forecast.csv"));
    let plain = replay(ReplayOptions::new("community-rural-2016.csv", village())).await;
    assert_eq!(plain.traded_wh, report.traded_wh);
    assert_recomputed(&plain, &data("community-rural-2016.csv"));
}

#[tokio::test]
async fn deliveries_are_settled_whatever_the_community_and_the_length_of_its_windows() {
    for (name, shape) in [
        ("a few", SMALL),
        ("two days", Shape { members: 4, generators: 3, intervals: 200, ..SMALL }),
        ("one member", Shape { members: 1, generators: 1, ..SMALL }),
        ("two members, both generating", Shape { members: 2, generators: 2, ..SMALL }),
        ("nobody generates", Shape { generators: 0, ..SMALL }),
        ("more generators than owners can be", Shape { members: 24, generators: 20, intervals: 56, ..SMALL }),
        ("minutes", Shape { members: 5, generators: 4, intervals: 130, interval_seconds: 60 }),
        ("hours", Shape { members: 5, generators: 4, intervals: 30, interval_seconds: 3_600 }),
        ("days", Shape { members: 5, generators: 4, intervals: 30, interval_seconds: 86_400 }),
    ] {
        let text = file_with_forecast(shape, 21);
        let community = Community::read(text.as_bytes()).unwrap();
        let report = replay(on_delivery(name, community.clone())).await;
        assert_sound(&report, &community);
        assert_recomputed_text(&report, &text);
    }
}

#[tokio::test]
async fn without_a_forecast_all_that_was_promised_is_delivered() {
    let shape = Shape { intervals: 60, ..SMALL };
    let text = file(shape, 3);
    let community = Community::read(text.as_bytes()).unwrap();
    let report = replay(ReplayOptions { lock_percent: 100, ..on_delivery("plain", community.clone()) }).await;
    assert_sound(&report, &community);
    assert!(!report.traded_by_forecast && report.table(200).contains("the file has no forecast"));
    assert_eq!((report.delivered_wh, report.refunded_base_units), (report.traded_wh, 0));
    assert_eq!((report.certificates_wh, report.remainder_base_units), (report.traded_wh, 0));
    assert_recomputed_text(&report, &text);
}

#[tokio::test]
async fn a_member_that_was_expected_to_generate_and_did_not_sells_and_delivers_nothing() {
    let text = "interval_start,member,load_wh,generation_wh,forecast_load_wh,forecast_generation_wh\n\
                2016-06-21T12:00:00Z,sun,0,500,0,100\n2016-06-21T12:00:00Z,wind,700,0,0,900\n\
                2016-06-21T12:00:00Z,house,100,0,1000,0\n";
    let community = Community::read(text.as_bytes()).unwrap();
    let report = replay(ReplayOptions { lock_percent: 0, ..on_delivery("nothing", community.clone()) }).await;
    assert_sound(&report, &community);
    assert_eq!((report.traded_wh, report.delivered_wh), (1_000, 100));
    let [sun, wind, house] = [0, 1, 2].map(|member| &report.member_results[member]);
    assert_eq!((sun.delivered_wh, wind.delivered_wh, house.received_wh), (100, 0, 100));
    assert_eq!(wind.returned_base_units, wind.earned_base_units);
    assert_eq!(house.refunded_base_units, wind.earned_base_units);
    // The meter of the member that was not expected to have so much has room for it.
    assert_eq!(report.records.deliveries.iter().next().unwrap().reported_wh, 500);
    assert_recomputed_text(&report, text);
}

const SMALL: Shape = Shape { members: 7, generators: 3, intervals: 6, interval_seconds: 900 };

/// Noon of the generated day, so that the sun shines.
fn at_noon(shape: Shape, seed: u64) -> Community {
    let whole = community(Shape { intervals: 48 + shape.intervals, ..shape }, seed);
    whole.within(48..usize::MAX).unwrap()
}

/// The same with a forecast.
fn at_noon_with_forecast(shape: Shape, seed: u64) -> Community {
    let file = file_with_forecast(Shape { intervals: 48 + shape.intervals, ..shape }, seed);
    Community::read(file.as_bytes()).unwrap().within(48..usize::MAX).unwrap()
}

#[tokio::test]
async fn every_interval_trades_the_smaller_side_whatever_the_community() {
    for (name, shape) in [
        ("a few", SMALL),
        ("one member", Shape { members: 1, generators: 1, ..SMALL }),
        ("two members, both generating", Shape { members: 2, generators: 2, ..SMALL }),
        ("nobody generates", Shape { generators: 0, ..SMALL }),
        ("more generators than owners can be", Shape { members: 24, generators: 20, intervals: 3, ..SMALL }),
        ("one interval", Shape { intervals: 1, ..SMALL }),
    ] {
        let community = at_noon(shape, 7);
        let report = replay(ReplayOptions::new(name, community.clone())).await;
        assert_sound(&report, &community);
        let shares: u32 = report.member_results.iter().map(|member| u32::from(member.share_bps)).sum();
        assert_eq!(shares, 10_000, "{name}");
        assert!(report.table(100).contains("all 13 hold"), "{name}");
        assert!(report.treasury.is_none() && !serde_json::to_string(&report).unwrap().contains("treasury\""), "{name}");

        let options = ReplayOptions { co_owned: true, ..ReplayOptions::new(name, community.clone()) };
        let co_owned = replay(options).await;
        assert_sound(&co_owned, &community);
        assert_co_owned(&co_owned);
        let generators = shape.generators.clamp(1, 16);
        assert_eq!(co_owned.treasury.as_ref().unwrap().owners.len(), generators, "{name}");
        let landed = |instruction: &str| co_owned.compute_units.get(instruction).map_or(0, |spread| spread.count);
        assert_eq!(landed("offer_create"), co_owned.offers_created, "{name}");
        // Those who generate and own no part of the bus sell for themselves.
        let sellers = if co_owned.offers_created == 0 { 0 } else { 1 + shape.generators.saturating_sub(16) as u64 };
        assert_eq!(landed("seller_open"), sellers, "{name}");
        // Who lists how much does not depend on who sells it.
        let offered = |report: &ReplayReport| -> Vec<u64> {
            report.member_results.iter().map(|member| member.offered_wh).collect()
        };
        assert_eq!((offered(&co_owned), co_owned.offers_created), (offered(&report), report.offers_created), "{name}");
    }
}

#[tokio::test]
async fn windows_of_other_lengths_work() {
    for interval_seconds in [60, 300, 1_800, 3_600, 86_400] {
        let community = community(Shape { members: 5, generators: 4, intervals: 30, interval_seconds }, 3);
        assert_eq!(i64::from(community.interval_seconds), interval_seconds);
        let report = replay(ReplayOptions::new("lengths", community.clone())).await;
        assert_sound(&report, &community);
    }
}

/// Five days around the end of summer time in Berlin, of which the third has 25 hours.
fn days_of_autumn() -> Community {
    let mut text = String::from("interval_start,member,load_wh,generation_wh\n");
    let first: jiff::Zoned = "2024-10-25T00:00[Europe/Berlin]".parse().unwrap();
    for (number, day) in std::iter::successors(Some(first), |day| day.tomorrow().ok()).take(5).enumerate() {
        let label = day.strftime("%Y-%m-%dT%H:%M:%S%:z");
        for member in 0..6 {
            let draw = |purpose: &str, limit| price::Draw::new(5, purpose, number, member).below(limit);
            let generation = if member < 3 { draw("generation", 60_000) } else { 0 };
            let _ = writeln!(text, "{label},H{member},{},{generation}", draw("load", 30_000));
        }
    }
    Community::read(text.as_bytes()).unwrap()
}

#[tokio::test]
async fn daily_rows_over_a_change_of_clocks_are_traded_outside_windows() {
    let community = days_of_autumn();
    assert!(community.totals().tradable_wh > 0);
    for co_owned in [false, true] {
        let base = ReplayOptions { co_owned, lock_percent: 60, ..ReplayOptions::new("days", community.clone()) };
        let report = replay(base.clone()).await;
        assert_sound(&report, &community);
        assert!(!report.traded_in_windows && report.interval_results.iter().all(|result| result.window_start == 0));
        assert_eq!((report.shortest_interval_seconds, report.longest_interval_seconds), (86_400, 90_000));
        let table = report.table(300);
        assert!(table.contains("6 members, 5 intervals of 24 h to 25 h"), "{table}");
        assert!(table.contains("windows all have one length: energy was traded outside windows"), "{table}");
        if co_owned {
            assert_co_owned(&report);
        }
        // Killed at any time, it goes on.
        let path = std::env::temp_dir().join(format!("multibus-replay-days-{}-{co_owned}.json", std::process::id()));
        for transactions in (8..report.transactions_sent as usize).step_by(7) {
            let chain = Arc::new(EmbeddedChain::new().unwrap());
            let options = ReplayOptions { state: Some(path.clone()), ..base.clone() };
            Ending::new(&chain, transactions.cast_signed() as i64, true).kill(options.clone()).await;
            let resumed = replay_on(ReplayOptions { resume: true, ..options }, &chain).await.unwrap();
            assert_sound(&resumed, &community);
            std::fs::remove_file(&path).unwrap();
        }
    }
    let on_network = Ending::network(&Arc::new(EmbeddedChain::new().unwrap()), i64::MAX, false);
    let report = on_network.run(ReplayOptions::new("days", community.clone()), &mut |_| {}).await.unwrap().unwrap();
    assert_sound(&report, &community);
}

#[tokio::test]
async fn missing_readings_are_counted_in_the_report() {
    let mut text = file(Shape { members: 4, generators: 2, intervals: 60, interval_seconds: 900 }, 3);
    let left_out = |line: &str| line.contains(",H003,") && line.contains("T11:");
    text = text.lines().filter(|line| !left_out(line)).flat_map(|line| [line, "\n"]).collect();
    let community = Community::read(text.as_bytes()).unwrap();
    let report = replay(ReplayOptions::new("missing", community.clone())).await;
    assert_sound(&report, &community);
    assert_eq!(report.missing_readings, 4);
    assert_eq!(report.member_results.iter().map(|member| member.missing_readings).collect::<Vec<_>>(), [0, 0, 0, 4]);
    let said = "4 of 240 readings are missing and count as zero: 4 of H003";
    assert!(report.table(200).contains(said) && report.html().contains(said), "{}", report.table(200));
}

#[tokio::test]
async fn options_change_how_and_not_how_much_is_traded() {
    let community = at_noon(Shape { members: 12, generators: 6, ..SMALL }, 11);
    let base = ReplayOptions::new("options", community.clone());
    for options in [
        ReplayOptions { members_per_batch: 1, ..base.clone() },
        ReplayOptions { members_per_batch: 32, lanes: 4, ..base.clone() },
        ReplayOptions { lanes: 3, members_per_batch: 2, concurrency: 1, ..base.clone() },
        ReplayOptions { lock_percent: 100, lock_fee_bps: 500, ..base.clone() },
        ReplayOptions { lock_percent: 0, ..base.clone() },
        ReplayOptions { price_rule: PriceRule::fixed(123_457), ..base.clone() },
        ReplayOptions { seed: 99, concurrency: 100, ..base.clone() },
        ReplayOptions { grid_fee_per_kwh: 77_777, ..base.clone() },
        ReplayOptions { grid_fee_per_kwh: 77_777, co_owned: true, ..base.clone() },
    ] {
        let report = replay(options.clone()).await;
        assert_sound(&report, &community);
        assert_eq!(report.locks > 0, options.lock_percent > 0);
        // At one price for all the largest offer does.
        let is_fixed = options.price_rule.floor_per_kwh == options.price_rule.ceiling_per_kwh;
        assert_eq!(report.batches > 0, options.members_per_batch > 1 && !is_fixed);
        assert_eq!(report.locks, report.locks_settled + report.locks_released);
        if options.price_rule.floor_per_kwh == 123_457 {
            let prices = |result: report::IntervalResult| (result.lowest_price_per_kwh, result.highest_price_per_kwh);
            let traded = report.interval_results.iter().filter(|result| result.traded_wh > 0);
            assert!(traded.map(prices).all(|prices| prices == (123_457, 123_457)));
        }
    }
}

#[tokio::test]
async fn the_same_seed_replays_the_same() {
    let options = ReplayOptions::new("seeds", at_noon(Shape { members: 15, generators: 7, ..SMALL }, 5));
    let (first, second) = (replay(options.clone()).await, replay(options.clone()).await);
    assert_eq!(first.flows, second.flows);
    assert_eq!(first.member_results, second.member_results);
    let other = replay(ReplayOptions { seed: 2, ..options }).await;
    assert_ne!(first.flows, other.flows);
    assert_eq!(first.traded_wh, other.traded_wh);
}

#[tokio::test]
async fn a_second_replay_on_the_same_chain_has_its_own_bus() {
    let chain = Arc::new(EmbeddedChain::new().unwrap());
    let community = at_noon(SMALL, 1);
    let options = ReplayOptions::new("again", community.clone());
    let first = replay_on(options.clone(), &chain).await.unwrap();
    let second = replay_on(options, &chain).await.unwrap();
    assert_ne!(first.bus, second.bus);
    assert_sound(&first, &community);
    assert_sound(&second, &community);
}

/// A chain that ends the replay when the program was called so many times.
struct Ending {
    chain: Arc<EmbeddedChain>,
    cancel: Cancel,
    left: std::sync::atomic::AtomicI64,
    /// Whether the replay is dropped then, as if its process had been killed: what it did not write down is lost.
    is_hard: bool,
    killed: Notify,
    /// Whether it poses as a network, where time cannot be moved.
    is_network: bool,
}

impl Ending {
    fn new(chain: &Arc<EmbeddedChain>, transactions: i64, is_hard: bool) -> Self {
        let (cancel, killed) = (Cancel::default(), Notify::new());
        Self { chain: chain.clone(), cancel, left: transactions.into(), is_hard, killed, is_network: false }
    }

    /// A network on top of the embedded chain.
    fn network(chain: &Arc<EmbeddedChain>, transactions: i64, is_hard: bool) -> Self {
        Self { is_network: true, ..Self::new(chain, transactions, is_hard) }
    }

    /// Replays until it is ended; `None` where it was killed.
    async fn run(
        self,
        options: ReplayOptions,
        progress: &mut (dyn FnMut(&Progress) + Send),
    ) -> Option<Result<ReplayReport, ReplayError>> {
        let options = ReplayOptions { cancel: self.cancel.clone(), ..options };
        let ending = Arc::new(self);
        tokio::select! {
            outcome = run(options, ending.clone(), progress) => Some(outcome),
            () = ending.killed.notified() => None,
        }
    }

    /// Replays until it is killed.
    async fn kill(self, options: ReplayOptions) {
        let outcome = self.run(options, &mut |_| {}).await;
        assert!(
            outcome.is_none(),
            "it came to an end before: {:?}",
            outcome.map(|outcome| outcome.map(|report| report.bus))
        );
    }
}

#[async_trait]
impl ChainLayer for Ending {
    fn inner(&self) -> &dyn Chain {
        &*self.chain
    }

    fn is_embedded(&self) -> bool {
        !self.is_network
    }

    async fn latest_blockhash(&self) -> multibus_client::Result<RecentBlockhash> {
        if self.is_network {
            // Blocks go by.
            let slot = self.chain.clock().await?.slot;
            self.chain.wait_for_slot(slot + 20).await?;
        }
        self.chain.latest_blockhash().await
    }

    async fn send(&self, transaction: &VersionedTransaction) -> multibus_client::Result<Signature> {
        let left = self.left.fetch_sub(1, Ordering::Relaxed);
        if self.is_hard && left < 0 {
            return std::future::pending().await;
        }
        let is_last = left <= 0;
        // The last one lands, and nobody hears of it.
        let sent = self.chain.send(transaction).await;
        if is_last && self.is_hard {
            self.killed.notify_one();
            return std::future::pending().await;
        }
        if is_last {
            self.cancel.cancel();
        }
        sent
    }
}

/// How a replay settles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Members sell for themselves.
    Alone,
    /// Owners sell through the bus.
    CoOwned,
    /// Members are paid for what they delivered.
    Delivery,
    /// Members trade in auctions.
    Auction,
    /// Members buy from offers, and in auctions.
    Both,
    /// The same, and are paid for what they delivered.
    BothOnDelivery,
}

impl Way {
    fn of(self, options: ReplayOptions) -> ReplayOptions {
        let terms = if self.is_on_delivery() { ReplayTerms::Delivery } else { ReplayTerms::Purchase };
        let market = match self {
            Self::Auction => ReplayMarket::Auction,
            Self::Both | Self::BothOnDelivery => ReplayMarket::Both,
            _ => ReplayMarket::Continuous,
        };
        ReplayOptions { co_owned: self == Self::CoOwned, terms, market, grid_fee_per_kwh: 33_333, ..options }
    }

    fn is_on_delivery(self) -> bool {
        matches!(self, Self::Delivery | Self::BothOnDelivery)
    }
}

/// The community whose replays are ended.
fn to_be_ended(way: Way) -> ReplayOptions {
    let shape = Shape { members: 6, generators: 3, intervals: 3, ..SMALL };
    // Of the second one, a seller delivers less than it sold.
    let community = if way.is_on_delivery() { at_noon_with_forecast(shape, 11) } else { at_noon(shape, 4) };
    way.of(ReplayOptions { lock_percent: 60, ..ReplayOptions::new("ended", community) })
}

/// Ends replays after these numbers of transactions, until one comes to its end, and goes on with each on the same
/// chain. Returns how many were ended, and how many of them while owners claimed.
async fn end_and_resume(is_hard: bool, way: Way, after: impl Iterator<Item = usize>) -> (usize, usize) {
    let community = to_be_ended(way).community;
    let folder = std::env::temp_dir().join(format!("multibus-replay-{}-{is_hard}-{way:?}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut ended = 0;
    let mut ended_claiming = 0;
    for transactions in after {
        let state = folder.join(format!("{transactions}.json"));
        let chain = Arc::new(EmbeddedChain::new().unwrap());
        let base = ReplayOptions { state: Some(state.clone()), ..to_be_ended(way) };
        let ending = Ending::new(&chain, transactions.cast_signed() as i64, is_hard);
        let mut was_claiming = false;
        let mut told = |progress: &Progress| was_claiming |= progress.stage == Stage::Claiming;
        match ending.run(base.clone(), &mut told).await.transpose().unwrap() {
            Some(report) if !report.interrupted => {
                assert_sound(&report, &community);
                if way == Way::CoOwned {
                    assert_co_owned(&report);
                }
                break;
            }
            Some(report) => {
                assert!(!is_hard);
                assert_eq!(report.violations, Vec::<String>::new(), "ended after {transactions} transactions");
                assert!(report.is_sound(), "ended after {transactions} transactions");
            }
            None => assert!(is_hard),
        }
        ended += 1;
        ended_claiming += usize::from(was_claiming);
        let again = replay_on(base.clone(), &chain).await.unwrap_err();
        assert!(again.to_string().contains("--resume"), "{again}");
        let resumed = replay_on(ReplayOptions { resume: true, ..base }, &chain).await;
        let report = resumed.unwrap_or_else(|error| panic!("after {transactions} transactions: {error}"));
        assert_sound(&report, &community);
        assert_wound_down(&chain, &report).await;
        if way == Way::CoOwned {
            assert_co_owned(&report);
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
    (ended, ended_claiming)
}

#[tokio::test]
async fn a_replay_that_was_ended_goes_on_and_pays_nothing_twice() {
    let (ended, _) = end_and_resume(false, Way::Alone, (0..).step_by(3)).await;
    assert!(ended > 8, "{ended} replays were ended");
}

#[tokio::test]
async fn a_replay_that_was_killed_goes_on_and_pays_nothing_twice() {
    let (ended, _) = end_and_resume(true, Way::Alone, (0..).step_by(3)).await;
    assert!(ended > 8, "{ended} replays were ended");
}

#[tokio::test]
async fn a_co_owned_replay_that_was_ended_or_killed_claims_nothing_twice() {
    let whole = replay(to_be_ended(Way::CoOwned)).await;
    assert_eq!(whole.compute_units["treasury_claim"].count, 3);
    let transactions = whole.transactions_sent as usize;
    for is_hard in [false, true] {
        let (ended, _) = end_and_resume(is_hard, Way::CoOwned, (0..).step_by(5)).await;
        assert!(ended > 8, "{ended} replays were ended");
        // The last transactions are the claims: before, between and after each of them.
        let (_, ended_claiming) = end_and_resume(is_hard, Way::CoOwned, transactions - 6..).await;
        assert!(ended_claiming >= 2, "{ended_claiming} replays were ended while owners claimed");
    }
}

#[tokio::test]
async fn a_replay_on_delivery_terms_that_was_ended_or_killed_settles_nothing_twice() {
    let whole = replay(to_be_ended(Way::Delivery)).await;
    assert!(whole.refunded_base_units > 0 && whole.certificates_wh > 0 && whole.grid_fee_base_units > 0);
    let transactions = whole.transactions_sent as usize;
    for is_hard in [false, true] {
        let (ended, _) = end_and_resume(is_hard, Way::Delivery, (0..).step_by(5)).await;
        assert!(ended > 8, "{ended} replays were ended");
        // The last transactions settle: between all of them.
        end_and_resume(is_hard, Way::Delivery, transactions - 25..).await;
    }
}

#[tokio::test]
async fn a_state_of_something_else_is_refused() {
    let chain = Arc::new(EmbeddedChain::new().unwrap());
    let path = std::env::temp_dir().join(format!("multibus-replay-state-{}.json", std::process::id()));
    let options = ReplayOptions { state: Some(path.clone()), ..ReplayOptions::new("state", at_noon(SMALL, 1)) };
    replay_on(options.clone(), &chain).await.unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let resume = ReplayOptions { resume: true, ..options };
    for (options, chain, part) in [
        (ReplayOptions { seed: 2, ..resume.clone() }, chain.clone(), "is of another file, seed"),
        (ReplayOptions { community: at_noon(SMALL, 2), ..resume.clone() }, chain.clone(), "is of another file"),
        (ReplayOptions { co_owned: true, ..resume.clone() }, chain.clone(), "market, lock setting, mint or ownership"),
        (ReplayOptions { grid_fee_per_kwh: 1, ..resume.clone() }, chain.clone(), "or of other terms"),
        (ReplayOptions { terms: ReplayTerms::Delivery, ..resume.clone() }, chain.clone(), "or of other terms"),
        (ReplayOptions { state: None, ..resume.clone() }, chain.clone(), "name the state file"),
        (ReplayOptions { market: ReplayMarket::Both, ..resume.clone() }, chain.clone(), "price rule, market, lock"),
        (resume.clone(), Arc::new(EmbeddedChain::new().unwrap()), "ended with its process"),
    ] {
        let error = replay_on(options, &chain).await.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    // A replay that is over reports the same again.
    assert_sound(&replay_on(resume.clone(), &chain).await.unwrap(), &resume.community);
    std::fs::write(&path, "{}").unwrap();
    let error = replay_on(resume, &chain).await.unwrap_err().to_string();
    assert!(error.contains("is not the state of a replay"), "{error}");
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn options_that_cannot_be_followed_are_refused() {
    let base = ReplayOptions::new("options", at_noon(SMALL, 1));
    for (options, part) in [
        (ReplayOptions { members_per_batch: 0, ..base.clone() }, "0 members per batch"),
        (ReplayOptions { members_per_batch: 33, ..base.clone() }, "1 to 32"),
        (ReplayOptions { lanes: 0, ..base.clone() }, "0 lanes"),
        (ReplayOptions { lanes: 65, ..base.clone() }, "1 to 64"),
        (ReplayOptions { speed: Some(0), ..base.clone() }, "speed of 0"),
        (ReplayOptions { lock_percent: 101, ..base.clone() }, "101 percent"),
        (ReplayOptions { lock_fee_bps: 501, ..base.clone() }, "above 500"),
        (ReplayOptions { grid_fee_per_kwh: (1 << 32) + 1, ..base.clone() }, "4294967297 base units per kWh is above"),
        (
            ReplayOptions { terms: ReplayTerms::Delivery, co_owned: true, ..base.clone() },
            "one meter for all owners; choose one of the two",
        ),
        (
            ReplayOptions { terms: ReplayTerms::Delivery, community: days_of_autumn(), ..base.clone() },
            "intervals last 24 h to 25 h, and energy is delivered in windows of one length",
        ),
        (
            ReplayOptions { market: ReplayMarket::Auction, co_owned: true, ..base.clone() },
            "the treasury also gets what rounding in auctions leaves; leave out one",
        ),
        (
            ReplayOptions { market: ReplayMarket::Both, community: days_of_autumn(), ..base.clone() },
            "intervals last 24 h to 25 h, and an auction closes windows of one length",
        ),
        (ReplayOptions { concurrency: 0, ..base.clone() }, "concurrency of 1"),
        (ReplayOptions { bus_name: Some("x".repeat(33)), ..base.clone() }, "1 to 32 bytes"),
        (ReplayOptions { mint: Some(Address::default()), ..base.clone() }, "name its keypair"),
        (ReplayOptions { price_rule: PriceRule { tick: 0, ..PriceRule::default() }, ..base.clone() }, "the tick is 0"),
        (ReplayOptions { price_rule: PriceRule::fixed(0), ..base.clone() }, "at least 1"),
    ] {
        let chain = Arc::new(EmbeddedChain::new().unwrap());
        let error = replay_on(options, &chain).await.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_large_community_replays_within_two_minutes() {
    let community = community(Shape { members: 118, generators: 46, intervals: 96, interval_seconds: 900 }, 1);
    let started_at = Instant::now();
    let report = replay(ReplayOptions::new("large", community.clone())).await;
    eprintln!("{}\n{:?}", report.table(100), started_at.elapsed());
    assert_sound(&report, &community);
    assert!(started_at.elapsed().as_secs() < 120);
}

#[tokio::test]
async fn on_a_network_windows_lie_ahead_and_sellers_withdraw_at_once() {
    Box::pin(on_a_network(Way::Alone)).await;
}

#[tokio::test]
async fn on_a_network_owners_claim_while_windows_lie_ahead() {
    Box::pin(on_a_network(Way::CoOwned)).await;
}

async fn on_a_network(way: Way) {
    let community = at_noon(SMALL, 8);
    let chain = Arc::new(EmbeddedChain::new().unwrap());
    let path = std::env::temp_dir().join(format!("multibus-replay-network-{}-{way:?}.json", std::process::id()));
    let base = ReplayOptions { state: Some(path.clone()), ..ReplayOptions::new("network", community.clone()) };
    let options = way.of(base);
    // Killed in the middle, gone on with, then once more when the windows are over.
    Ending::network(&chain, 60, true).kill(options.clone()).await;
    let resume = ReplayOptions { resume: true, ..options };
    let mut stages = Vec::new();
    let lasting = || Ending::network(&chain, i64::MAX, false);
    let mut told = |progress: &Progress| stages.push(progress.stage);
    let report = lasting().run(resume.clone(), &mut told).await.unwrap().unwrap();
    assert!(stages.contains(&Stage::Waiting) && stages.contains(&Stage::Trading));
    assert_eq!(stages.contains(&Stage::Claiming), way == Way::CoOwned);
    let windows = community.intervals().filter(|interval| interval.as_ref().unwrap().surplus_wh() > 0).count() as u64;
    assert_eq!(report.windows_open, windows);
    let now = chain.clock().await.unwrap().unix_timestamp;
    assert!(report.interval_results.iter().all(|result| result.window_start > now));
    assert_sound(&ReplayReport { windows_open: 0, ..report.clone() }, &community);
    if way == Way::CoOwned {
        assert_co_owned(&report);
    }
    chain.wait_until(now + 86_400).await.unwrap();
    let closed = lasting().run(resume, &mut |_| {}).await.unwrap().unwrap();
    assert_sound(&closed, &community);
    assert_eq!(closed.treasury, report.treasury);
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn on_a_network_deliveries_are_settled_once_windows_are_over() {
    let community = at_noon_with_forecast(SMALL, 8);
    let chain = Arc::new(EmbeddedChain::new().unwrap());
    let path = std::env::temp_dir().join(format!("multibus-replay-deliveries-{}.json", std::process::id()));
    let options = ReplayOptions { state: Some(path.clone()), ..ReplayOptions::new("network", community.clone()) };
    let options = Way::Delivery.of(options);
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
    // All windows lie ahead: everything is sold, nothing is delivered.
    let report = go_on().await;
    assert!(!report.interrupted && report.is_sound(), "{:?}", report.violations);
    assert_eq!(report.traded_wh, community.totals().tradable_wh);
    assert_eq!(
        (report.delivered_wh, report.refunded_base_units, report.released_base_units),
        (0, 0, report.lock_fees_base_units)
    );
    assert!(report.periods_open > 0 && report.table(200).contains("some windows are not settled yet"));
    // They are over and have readings, which can be corrected for an hour.
    pass(43_200).await;
    let read = go_on().await;
    assert!(!read.interrupted && read.is_sound(), "{:?}", read.violations);
    assert_eq!((read.windows_open, read.delivered_wh), (0, 0));
    // Readings are final; books close after their last gate.
    pass(3_600).await;
    let settled = go_on().await;
    assert!(settled.is_sound(), "{:?}", settled.violations);
    assert!(settled.delivered_wh > 0 && settled.refunded_base_units > 0);
    pass(86_400).await;
    let closed = go_on().await;
    assert_sound(&closed, &community);
    assert_wound_down(&chain, &closed).await;
    assert_eq!(closed.records, settled.records);
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn a_funder_pays_with_an_existing_token_and_gets_back_what_is_left() {
    let chain = Arc::new(EmbeddedChain::new().unwrap());
    let funder: SharedSigner = Arc::new(multibus_client::Keypair::new());
    let wallet = multibus_client::Wallet::new(chain.clone(), funder.clone());
    chain.airdrop(&wallet.address(), 20_000_000_000).await.unwrap();
    let kinds = [
        (multibus::token::SPL_TOKEN_ID, false),
        (multibus::token::TOKEN_2022_ID, false),
        (multibus::token::SPL_TOKEN_ID, true),
        (multibus::token::TOKEN_2022_ID, true),
    ];
    for (token_program, co_owned) in kinds {
        let mint = wallet.mint_create(2, &token_program).await.unwrap().address;
        let community = at_noon(SMALL, 6);
        let options = ReplayOptions {
            mint: Some(mint),
            funder: Some(funder.clone()),
            price_rule: "scarcity:8..32,tick=1".parse().unwrap(),
            co_owned,
            ..ReplayOptions::new("funded", community.clone())
        };
        let error = replay_on(options.clone(), &chain).await.unwrap_err().to_string();
        assert!(error.contains("holds 0 base units"), "{error}");
        wallet.mint_to(&mint, &wallet.address(), 1_000_000).await.unwrap();
        let before = chain.accounts(&[wallet.address()]).await.unwrap()[0].as_ref().unwrap().lamports;
        let report = replay_on(options, &chain).await.unwrap();
        assert_sound(&report, &community);
        assert_eq!((report.mint_decimals, report.currency.as_str()), (2, "tokens"));
        let tokens = multibus_client::address::associated_token(&wallet.address(), &mint, &token_program);
        let remainder = report.treasury.as_ref().map_or(0, |treasury| treasury.remainder_base_units);
        assert_eq!(wallet.market().token_balance(&tokens).await.unwrap(), 1_000_000 - remainder);
        if co_owned {
            assert_co_owned(&report);
        }
        for member in &report.member_results {
            let member = member.wallet.parse().unwrap();
            let token_account = multibus_client::address::associated_token(&member, &mint, &token_program);
            assert_eq!(chain.accounts(&[member, token_account]).await.unwrap(), [None, None]);
        }
        let after = chain.accounts(&[wallet.address()]).await.unwrap()[0].as_ref().unwrap().lamports;
        // What stays is the bus with its accounts, and fees.
        assert!(before - after < 40_000_000, "{}", before - after);
    }
    let poor: SharedSigner = Arc::new(multibus_client::Keypair::new());
    let options = ReplayOptions { funder: Some(poor), ..ReplayOptions::new("poor", at_noon(SMALL, 6)) };
    let error = replay_on(options, &chain).await.unwrap_err().to_string();
    assert!(error.contains("has 0 lamports"), "{error}");
}

#[tokio::test]
async fn speed_sets_the_pace() {
    let started_at = Instant::now();
    let community = at_noon(Shape { intervals: 4, ..SMALL }, 2);
    let options = ReplayOptions { speed: Some(9_000), ..ReplayOptions::new("pace", community.clone()) };
    assert_sound(&replay(options).await, &community);
    assert!(started_at.elapsed().as_millis() >= 300);
}

#[tokio::test]
async fn an_interval_goes_on_in_a_later_window_where_its_own_has_closed() {
    for transactions in [40, 55, 62, 70, 77] {
        goes_on_a_day_later(transactions, Way::Alone, false).await;
    }
    for transactions in [55, 62, 70] {
        goes_on_a_day_later(transactions, Way::CoOwned, false).await;
    }
    // Also where the windows lie on both sides of midnight, in books of two days.
    for is_near_midnight in [false, true] {
        for transactions in [55, 62, 70, 90, 110] {
            goes_on_later(transactions, Way::Delivery, false, is_near_midnight).await;
        }
    }
}

#[tokio::test]
async fn what_owners_listed_ahead_is_withdrawn_where_its_windows_have_closed() {
    // While owners list ahead, and while members trade.
    for transactions in [22, 30, 45, 60] {
        goes_on_a_day_later(transactions, Way::CoOwned, true).await;
    }
}

/// Kills a replay, and goes on with it when the windows that it traded in are over.
async fn goes_on_a_day_later(transactions: i64, way: Way, is_network: bool) {
    goes_on_later(transactions, way, is_network, false).await;
}

/// The same, and whether it is so late in the day that the windows of a replay lie in two days.
async fn goes_on_later(transactions: i64, way: Way, is_network: bool, is_near_midnight: bool) {
    let community = if way.is_on_delivery() { at_noon_with_forecast(SMALL, 9) } else { at_noon(SMALL, 9) };
    let name = format!("multibus-replay-later-{}-{transactions}-{way:?}-{is_network}.json", std::process::id());
    let path = std::env::temp_dir().join(name);
    let chain = Arc::new(EmbeddedChain::new().unwrap());
    // Whatever the time is: 22:59 or noon, two days later at most.
    let now = chain.clock().await.unwrap().unix_timestamp;
    let time = if is_near_midnight { 82_740 } else { 43_200 };
    chain.wait_until((now / 86_400 + 1) * 86_400 + time).await.unwrap();
    let options = way.of(ReplayOptions {
        state: Some(path.clone()),
        lock_percent: 80,
        ..ReplayOptions::new("later", community.clone())
    });
    let ending = |transactions, is_hard| match is_network {
        true => Ending::network(&chain, transactions, is_hard),
        false => Ending::new(&chain, transactions, is_hard),
    };
    ending(transactions, true).kill(options.clone()).await;
    let now = chain.clock().await.unwrap().unix_timestamp;
    chain.wait_until(now + 86_400).await.unwrap();
    let resume = ReplayOptions { resume: true, ..options };
    let report = ending(i64::MAX, false).run(resume, &mut |_| {}).await.unwrap().unwrap();
    assert_sound(&ReplayReport { windows_open: 0, ..report.clone() }, &community);
    assert_eq!(report.windows_open > 0, is_network);
    if way == Way::CoOwned {
        assert_co_owned(&report);
    }
    std::fs::remove_file(&path).unwrap();
}

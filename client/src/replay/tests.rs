//! Replays on the embedded chain, of the village and of generated communities.

use {
    super::*,
    crate::chain::{Chain, EmbeddedChain},
    std::{fmt::Write as _, path::Path, time::Instant},
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
    let mut text = String::from("interval_start,member,load_wh,generation_wh\n");
    let day = 86_400 / shape.interval_seconds;
    for interval in 0..shape.intervals {
        let start = jiff::Timestamp::from_second(1_466_460_000 + interval as i64 * shape.interval_seconds).unwrap();
        let noon = (interval as i64 * shape.interval_seconds % 86_400 - 43_200).unsigned_abs();
        let sun = if day < 4 { 100 } else { 100 - (noon * 100 / 21_600).min(100) };
        for member in 0..shape.members {
            let draw = |purpose: &str| price::Draw::new(seed, purpose, interval, member);
            let load = draw("load").below(900);
            let generation = if member < shape.generators { draw("generation").below(4_000) * sun / 100 } else { 0 };
            let _ = writeln!(text, "{start},H{member:03},{load},{generation}");
        }
    }
    text
}

fn community(shape: Shape, seed: u64) -> Community {
    Community::read(file(shape, seed).as_bytes()).unwrap()
}

fn village() -> Community {
    Community::read_path(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/community-rural-2016.csv")).unwrap()
}

async fn replay_on(options: ReplayOptions, chain: &Arc<EmbeddedChain>) -> Result<ReplayReport, ReplayError> {
    let chain: Arc<dyn Chain> = chain.clone();
    run(options, chain, &mut |_| {}).await
}

async fn replay(options: ReplayOptions) -> ReplayReport {
    let chain = Arc::new(EmbeddedChain::new().unwrap());
    replay_on(options, &chain).await.unwrap()
}

/// What must be true of every replay that was not interrupted.
#[track_caller]
fn assert_sound(report: &ReplayReport, community: &Community) {
    assert_eq!(report.violations, Vec::<String>::new());
    assert!(!report.invariants.is_empty() && report.is_sound() && !report.interrupted);
    assert_eq!(report.interval_results.len(), community.intervals.len());
    for (result, interval) in report.interval_results.iter().zip(&community.intervals) {
        assert_eq!(result.traded_wh, interval.surplus_wh().min(interval.deficit_wh()), "{}", interval.label);
        assert_eq!(result.withdrawn_wh, interval.surplus_wh() - result.traded_wh, "{}", interval.label);
    }
    let totals = community.totals();
    assert_eq!((report.surplus_wh, report.deficit_wh), (totals.surplus_wh, totals.deficit_wh));
    assert_eq!((report.traded_wh, report.tradable_wh), (totals.tradable_wh, totals.tradable_wh));
    let members = &report.member_results;
    let sum = |figure: fn(&report::MemberResult) -> u64| members.iter().map(figure).sum::<u64>();
    assert_eq!(sum(|member| member.paid_base_units), report.paid_base_units);
    assert_eq!(sum(|member| member.earned_base_units), report.paid_base_units);
    assert_eq!(sum(|member| member.lock_fees_paid_base_units), sum(|member| member.lock_fees_earned_base_units));
    assert_eq!(report.flows.iter().map(|flow| flow.energy_wh).sum::<u64>(), report.traded_wh);
    assert_eq!(report.flows.iter().map(|flow| flow.paid_base_units).sum::<u64>(), report.paid_base_units);
    assert_eq!(report.windows_open, 0);
}

#[tokio::test]
async fn the_village_trades_its_two_days() {
    let community = village();
    let started_at = Instant::now();
    let report = replay(ReplayOptions::new("community-rural-2016.csv", community.clone())).await;
    eprintln!("{}\n{:?}", report.table(100), started_at.elapsed());
    assert_sound(&report, &community);
    assert!(report.batches > 0 && report.locks_settled > 0 && report.locks_released > 0);
    if let Some(folder) = std::env::var_os("MULTIBUS_SAMPLE_REPORT") {
        report.write(Path::new(&folder)).unwrap();
    }
}

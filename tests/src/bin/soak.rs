//! Plays random games against the model until enough steps are played, or a game goes wrong.

use {
    clap::Parser,
    multibus_tests::play::{self, Failure, Tally, game::Game},
    std::{
        collections::BTreeMap,
        process::ExitCode,
        sync::{
            Mutex,
            atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        },
        thread,
        time::{Duration, Instant},
    },
};

/// Random games of 2 to 12 parties on the built program, compared after every step with a model that shares no code with
/// it. Prints what was played. Where the two differ, prints the shortest script that shows it, as a test.
#[derive(Parser)]
#[command(after_help = "Example:\n  soak --steps 1000000 --seed 7")]
struct Args {
    /// Steps to play in all
    #[arg(long, default_value_t = 100_000)]
    steps: u64,
    /// Seed of the first game; the others follow
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Steps of one game
    #[arg(long, default_value_t = 500)]
    length: usize,
    /// Games that are played at once
    #[arg(long, default_value_t = thread::available_parallelism().map_or(1, usize::from))]
    threads: usize,
    /// Go on after a failure, and report each kind once
    #[arg(long)]
    keep_going: bool,
    /// Say what went wrong, and leave the script as long as it is
    #[arg(long)]
    unshortened: bool,
}

#[derive(Default)]
struct State {
    tally: Tally,
    /// The shortest of each kind, by the first line of its reason.
    failures: BTreeMap<String, (u64, Failure)>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    // A panic in a game counts as a failure: it is caught, and reported with its script.
    // The market of all games is set up before, so that what goes wrong there is seen.
    Game::new(2);
    std::panic::set_hook(Box::new(|_| {}));
    let state = Mutex::new(State::default());
    let (next, ended) = (AtomicU64::new(args.seed), AtomicBool::new(false));
    let games = args.steps.div_ceil(args.length as u64);
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..args.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Relaxed);
                    if seed - args.seed >= games || ended.load(Relaxed) {
                        break;
                    }
                    let left = args.steps - (seed - args.seed) * args.length as u64;
                    let played = play::play(seed, args.length.min(left as usize));
                    let mut state = state.lock().expect("no thread panics");
                    match played {
                        Ok(game) => state.tally.add(&game),
                        Err(failure) => {
                            let kind = failure.why.lines().next().unwrap_or_default().to_owned();
                            let known = state.failures.get(&kind);
                            if known.is_none_or(|(_, known)| failure.steps.len() < known.steps.len()) {
                                state.failures.insert(kind, (seed, failure));
                            }
                            ended.fetch_or(!args.keep_going, Relaxed);
                        }
                    }
                }
            });
        }
        scope.spawn(|| {
            let mut reported = Instant::now();
            while next.load(Relaxed) - args.seed < games && !ended.load(Relaxed) {
                thread::sleep(Duration::from_millis(50));
                if reported.elapsed() >= Duration::from_secs(10) {
                    reported = Instant::now();
                    let state = state.lock().expect("no thread panics");
                    let rate = state.tally.steps as f64 / start.elapsed().as_secs_f64();
                    println!("{} steps, {rate:.0} a second, {} failures", state.tally.steps, state.failures.len());
                }
            }
        });
    });
    let State { tally, failures } = state.into_inner().expect("no thread panics");
    report(&tally, start.elapsed());
    for (kind, (seed, failure)) in &failures {
        if args.unshortened {
            println!("\nGame {seed} went wrong after {} steps: {}", failure.steps.len(), failure.why);
            continue;
        }
        let shortest = play::shrink(failure.clone());
        println!("\nGame {seed} went wrong: {kind}\n{}\n\n{}", shortest.why, shortest.as_test());
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn report(tally: &Tally, time: Duration) {
    println!("{:<22}{:>10}{:>10}", "instruction", "landed", "refused");
    for (name, (landed, refused)) in &tally.instructions {
        println!("{name:<22}{landed:>10}{refused:>10}");
    }
    println!("\nRefused with:");
    for (name, count) in &tally.refusals {
        println!("{name:<32}{count:>10}");
    }
    let counted = [
        ("Hostile moves", &tally.hostile),
        ("Auctions", &tally.marks),
        ("Branches of the winding-down", &tally.winding),
    ];
    for (what, counts) in counted {
        println!("\n{what}:");
        for (name, count) in counts {
            println!("{name:<64}{count:>10}");
        }
    }
    println!("\nErrors of the market that no step met: {}", tally.unseen().join(", "));
    println!(
        "\n{} steps in {} games as the model says, in {:.0} s ({:.0} a second)",
        tally.steps,
        tally.games,
        time.as_secs_f64(),
        tally.steps as f64 / time.as_secs_f64()
    );
}

//! The replay beside the engine that it runs on: the same transactions, in the same order, in the same process.

use {
    crate::{
        bare::{self, Recorder},
        memory,
        row::{Row, grouped, median, rounded},
        village::{INTERVALS_OF_A_DAY, Village},
    },
    anyhow::{Context as _, Result, ensure},
    cpu_time::ProcessTime,
    multibus_client::chain::{Chain, EmbeddedChain},
    multibus_replay::{Community, ReplayOptions, ReplayReport},
    std::{path::PathBuf, sync::Arc},
};

/// What is replayed.
#[derive(clap::Args)]
pub struct Options {
    /// Members of the village
    #[arg(long, default_value_t = 118)]
    members: usize,
    /// Intervals of 15 minutes
    #[arg(long, default_value_t = INTERVALS_OF_A_DAY)]
    intervals: usize,
    /// Decides every figure of the village
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Times that both loops run; the medians count
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Also a year of the village, and the memory that it takes: minutes
    #[arg(long)]
    year: bool,
    /// Only the replay, once, without the bare loop: for a profiler
    #[arg(long, conflicts_with = "year")]
    alone: bool,
    /// Where the villages' files and the year's report are written
    #[arg(long, default_value = "target/bench")]
    dir: PathBuf,
    /// The compiled program
    #[arg(long, env = "MULTIBUS_PROGRAM")]
    program: PathBuf,
}

/// Runs both loops.
///
/// # Errors
/// Where the replay fails or what it did cannot be done again.
pub async fn run(options: &Options) -> Result<()> {
    let Options { members, intervals, seed, rounds, .. } = *options;
    std::fs::create_dir_all(&options.dir).with_context(|| format!("could not create {}", options.dir.display()))?;
    let elf = std::fs::read(&options.program)
        .with_context(|| format!("could not read {}; build it with `cargo xtask build`", options.program.display()))?;
    let community = community(options, "village.csv", Village { members, intervals, seed })?;
    if options.alone {
        let (seconds, report) = replay(&elf, community).await?;
        eprintln!("{} transactions in {seconds:.3} CPU seconds", report.transactions_landed);
        return Ok(());
    }
    let recorder = Arc::new(Recorder::new(Arc::new(EmbeddedChain::with_program(&elf)?)));
    let report = of_community(recorder.clone(), community.clone()).await?;
    let steps = recorder.take();
    let (mut replays, mut bares, mut signings) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds.max(1) {
        let (seconds, again) = replay(&elf, community.clone()).await?;
        ensure!(
            again.transactions_landed == report.transactions_landed,
            "a replay landed {} transactions and the first one {}; the seed no longer decides everything",
            again.transactions_landed,
            report.transactions_landed
        );
        let bare = bare::run(&elf, &steps, 0)?;
        eprintln!(
            "round {round}: replay {seconds:.3}, bare {:.3} and {:.3} to sign, in CPU seconds",
            bare.execute.as_secs_f64(),
            bare.sign.as_secs_f64()
        );
        replays.push(seconds);
        bares.push(bare.execute.as_secs_f64());
        signings.push(bare.sign.as_secs_f64());
    }
    let (replay, bare, sign) = (median(replays), median(bares), median(signings));
    let landed = report.transactions_landed;
    let rate = |seconds: f64| rounded(landed as f64 / seconds);
    Row {
        what: format!(
            "a day of {members} members: {} transactions, {} trades",
            grouped(landed),
            report.records.trades.len()
        ),
        figure: format!("{replay:.2} CPU s, {} a CPU second", rate(replay)),
        beside: format!(
            "{:.2} CPU s, {} a CPU second: a bare LiteSVM signs, verifies and executes the same",
            bare + sign,
            rate(bare + sign)
        ),
        ratio: format!("{:.2}", (bare + sign) / replay),
        limit: format!(
            "the engine ({bare:.2} CPU s with verification, {sign:.2} to sign); {} transactions were tried again",
            report.transactions_retried
        ),
    }
    .print("replay");
    if options.year {
        year(options, &elf).await?;
    }
    Ok(())
}

async fn year(options: &Options, elf: &[u8]) -> Result<()> {
    let Options { members, seed, .. } = *options;
    let village = Village { members, intervals: 365 * INTERVALS_OF_A_DAY, seed };
    let community = community(options, "year.csv", village)?;
    let before = memory::peak_bytes();
    let (seconds, report) = replay(elf, community).await?;
    let folder = options.dir.join("year");
    report.write(&folder).with_context(|| format!("could not write {}", folder.display()))?;
    let page = folder.join("report.html");
    let bytes = std::fs::metadata(&page).with_context(|| format!("could not read {}", page.display()))?.len();
    Row {
        what: format!(
            "a year of {members} members: {} intervals, {} transactions",
            grouped(report.intervals),
            grouped(report.transactions_landed)
        ),
        figure: format!(
            "{seconds:.0} CPU s, {} a CPU second; {} MB at most, {} MB before it; report.html {} kB",
            rounded(report.transactions_landed as f64 / seconds),
            memory::peak_bytes() / 1_000_000,
            before / 1_000_000,
            bytes / 1_000
        ),
        limit: "as the day; the file and the records of trades are held in memory".into(),
        ..Row::default()
    }
    .print("replay");
    Ok(())
}

fn community(options: &Options, name: &str, village: Village) -> Result<Community> {
    let path = options.dir.join(name);
    village.write_path(&path)?;
    Community::read_path(&path).with_context(|| format!("could not read {}", path.display()))
}

async fn of_community(chain: Arc<dyn Chain>, community: Community) -> Result<ReplayReport> {
    let report = multibus_replay::run(ReplayOptions::new("village.csv", community), chain, &mut |_| ()).await?;
    ensure!(report.is_sound(), "the replay is not sound: {:?}", report.violations);
    Ok(report)
}

/// CPU seconds of a replay, from the file in memory to the report in memory.
async fn replay(elf: &[u8], community: Community) -> Result<(f64, ReplayReport)> {
    let chain = Arc::new(EmbeddedChain::with_program(elf)?);
    let started = ProcessTime::now();
    let report = of_community(chain, community).await?;
    Ok((started.elapsed().as_secs_f64(), report))
}

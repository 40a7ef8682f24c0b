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
    multibus_replay::{Community, Progress, ReplayOptions, ReplayReport, Stage, embedded_history_bytes},
    serde_json::{Value, json},
    std::{
        path::{Path, PathBuf},
        process::{Command, Stdio},
        sync::Arc,
        time::{Duration, Instant},
    },
};

/// Days of the short and the long replay whose memory is compared.
const SHORT_DAYS: usize = 7;
const LONG_DAYS: usize = 28;
const YEAR_DAYS: usize = 365;
/// How often a long replay says how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(15);

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
    /// Also a year of the village: about 10 minutes
    #[arg(long)]
    year: bool,
    /// Only the replay, once, without the bare loop, and the memory that it takes: for a profiler
    #[arg(long, conflicts_with = "year")]
    alone: bool,
    /// Where the villages' files and the reports of long replays are written
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
    let Options { members, intervals, rounds, .. } = *options;
    std::fs::create_dir_all(&options.dir).with_context(|| format!("could not create {}", options.dir.display()))?;
    let elf = std::fs::read(&options.program)
        .with_context(|| format!("could not read {}; build it with `cargo xtask build`", options.program.display()))?;
    if options.alone {
        println!("{}", alone(options, &elf).await?);
        return Ok(());
    }
    let community = village(options, intervals)?;
    let recorder = Arc::new(Recorder::new(Arc::new(chain(&elf, members)?)));
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
    let [short, long] = [SHORT_DAYS, LONG_DAYS].map(|days| Process::run(options, days));
    let (short, long) = (short?, long?);
    Row {
        beside: format!("{} MB at most for {SHORT_DAYS} days", short.peak_bytes / 1_000_000),
        ratio: format!("{:.2}", long.peak_bytes as f64 / short.peak_bytes as f64),
        ..long.row(members)
    }
    .print("replay");
    if options.year {
        Process::run(options, YEAR_DAYS)?.row(members).print("replay");
    }
    Ok(())
}

/// A replay in a process of its own, so that the memory is its own.
struct Process {
    days: usize,
    seconds: f64,
    transactions: u64,
    trades: u64,
    peak_bytes: u64,
    page_bytes: u64,
}

impl Process {
    fn run(options: &Options, days: usize) -> Result<Self> {
        eprintln!("{days} days of {} members:", options.members);
        let mut command = Command::new(std::env::current_exe().context("could not find this executable")?);
        command.args(["replay", "--alone"]);
        for (name, number) in [("--members", options.members), ("--intervals", days * INTERVALS_OF_A_DAY)] {
            command.arg(name).arg(number.to_string());
        }
        command.arg("--seed").arg(options.seed.to_string());
        command.arg("--dir").arg(&options.dir).arg("--program").arg(&options.program);
        let output =
            command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("could not start a replay")?;
        ensure!(
            output.status.success(),
            "the replay of {days} days ended with {}, for the reason above",
            output.status
        );
        let figures: Value = serde_json::from_slice(&output.stdout).context("the replay did not print its figures")?;
        let figure = |name: &str| figures[name].as_u64().with_context(|| format!("the replay did not print {name}"));
        Ok(Self {
            days,
            seconds: figures["seconds"].as_f64().context("the replay did not print its seconds")?,
            transactions: figure("transactions")?,
            trades: figure("trades")?,
            peak_bytes: figure("peak_bytes")?,
            page_bytes: figure("page_bytes")?,
        })
    }

    fn row(&self, members: usize) -> Row {
        let Self { days, seconds, transactions, trades, peak_bytes, page_bytes } = *self;
        Row {
            what: format!(
                "{days} days of {members} members: {} intervals, {} transactions, {} trades",
                grouped((days * INTERVALS_OF_A_DAY) as u64),
                grouped(transactions),
                grouped(trades)
            ),
            figure: format!(
                "{} MB at most; {seconds:.0} CPU s, {} a CPU second; report.html {} kB",
                peak_bytes / 1_000_000,
                rounded(transactions as f64 / seconds),
                page_bytes / 1_000
            ),
            limit: "memory: the programs, what is open on the chain, its last transactions; readings, trades and results are in temporary files".into(),
            ..Row::default()
        }
    }
}

/// Replays once, writes the report, and tells the figures as JSON.
async fn alone(options: &Options, elf: &[u8]) -> Result<Value> {
    let (seconds, report) = replay(elf, village(options, options.intervals)?).await?;
    let folder = options.dir.join(format!("report-{}", options.intervals));
    report.write(&folder).with_context(|| format!("could not write {}", folder.display()))?;
    let page = folder.join("report.html");
    let page_bytes = std::fs::metadata(&page).with_context(|| format!("could not read {}", page.display()))?.len();
    Ok(json!({
        "seconds": seconds,
        "transactions": report.transactions_landed,
        "trades": report.records.trades.len(),
        "peak_bytes": memory::peak_bytes(),
        "page_bytes": page_bytes,
    }))
}

/// The village for so many intervals.
fn village(options: &Options, intervals: usize) -> Result<Community> {
    let Options { members, seed, .. } = *options;
    let path = options.dir.join(format!("village-{intervals}.csv"));
    Village { members, intervals, seed }.write_path(&path)?;
    read(&path)
}

fn read(path: &Path) -> Result<Community> {
    Community::read_path(path).with_context(|| format!("could not read {}", path.display()))
}

fn chain(elf: &[u8], members: usize) -> Result<EmbeddedChain> {
    Ok(EmbeddedChain::with_program(elf)?.with_history_bytes(embedded_history_bytes(members)))
}

async fn of_community(chain: Arc<dyn Chain>, community: Community) -> Result<ReplayReport> {
    let started_at = Instant::now();
    let mut told_at = started_at;
    let mut tell = |progress: &Progress| {
        let Progress { stage, done, total, .. } = *progress;
        if stage == Stage::Trading && done > 0 && told_at.elapsed() > TOLD_EVERY {
            told_at = Instant::now();
            let left = started_at.elapsed().as_secs() * (total - done) / done;
            let [days, of] = [done, total].map(|intervals| intervals / INTERVALS_OF_A_DAY as u64);
            eprintln!("  {days} of {of} days; {} left", duration(left));
        }
    };
    let report = multibus_replay::run(ReplayOptions::new("village.csv", community), chain, &mut tell).await?;
    ensure!(report.is_sound(), "the replay is not sound: {:?}", report.violations);
    Ok(report)
}

fn duration(seconds: u64) -> String {
    if seconds < 90 { format!("{seconds} s") } else { format!("{} min", seconds.div_ceil(60)) }
}

/// CPU seconds of a replay, from the file in memory to the report in memory.
async fn replay(elf: &[u8], community: Community) -> Result<(f64, ReplayReport)> {
    let chain = Arc::new(chain(elf, community.members.len())?);
    let started = ProcessTime::now();
    let report = of_community(chain, community).await?;
    Ok((started.elapsed().as_secs_f64(), report))
}

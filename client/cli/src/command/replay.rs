//! `multibus replay`: trades a community's measured intervals.

use {
    crate::{
        config::{Endpoint, GlobalArgs, Settings, home_path},
        failure::Failure,
        output::{Output, Page, View, columns},
        session::Session,
        value::{Share, address},
    },
    clap::{Args, ValueEnum},
    indicatif::{ProgressBar, ProgressStyle},
    multibus_client::{
        Address, SharedSigner, TransactionOptions,
        chain::{Chain, EmbeddedChain},
    },
    multibus_replay::{
        Cancel, Community, FileError, PriceRule, Progress, ReplayError, ReplayMarket, ReplayOptions, ReplayReport,
        ReplayTerms, Stage,
    },
    serde::Serialize,
    std::{
        num::NonZeroUsize,
        path::{Path, PathBuf},
        sync::Arc,
        time::Duration,
    },
};

/// Trade a community's measured intervals
///
/// The file is CSV with the columns `interval_start` (RFC 3339), `member`, `load_wh` and `generation_wh`. Interval after
/// interval, members with a surplus put it on offer and members with a deficit buy the cheapest energy on offer, part of
/// it through locks.
///
/// It runs offline, on a chain inside the process, unless --url names another chain. There, the wallet of --keypair pays,
/// or a new one with an airdrop. The Solana CLI's configuration does not matter without --url.
///
/// The generating members own the bus, in proportion to what they generate; the 16 largest where there are more. Each
/// sells for itself, or with --co-owned the owners sell through the bus: buyers pay its treasury, and at the end every
/// owner claims its share, which the report compares with what its energy was sold for. Members beyond the 16 sell for
/// themselves in either case. On delivery terms a co-owned bus would have one meter for all its owners, which no file tells;
/// there each sells for itself.
///
/// On a chain that lasts, name a file with --state: it keeps the members' keys, and an interrupted replay goes on with --resume.
///
/// On purchase terms, sellers are paid as soon as buyers pay. With --terms delivery they are paid for what they delivered:
/// where the file has the columns `forecast_load_wh` and `forecast_generation_wh`, members trade by that forecast. After each
/// interval, meters report the surplus that their members really had, what was paid for the rest goes back to the buyers, and
/// buyers take certificates of origin for what they got. Without these columns the forecast is what was measured. A member's
/// meter has the power of the most that it generates, or is expected to, in one interval.
///
/// Buyers pay the --grid-fee on top of the price on either terms. Prices in the report are what a buyer pays for a kWh, grid
/// fee included: each row of `trades.csv` costs `energy_wh` x `price_per_kwh` / 1000 base units, rounded up.
///
/// With --market auction, members with a deficit bid instead: at a limit that is drawn from the seed for each member and interval,
/// evenly between the lowest and the highest price of the price rule, and rounded to its tick. At the gate of each window an
/// auction fills bids and offers at one price, which is proven on the chain. With --market both, members first take 25 to 75
/// percent of what they want from offers, as drawn from the seed, and bid for the rest. `orders.csv` has what stood in each book and
/// `auctions.csv` each price, so that anybody can recompute it.
///
/// Prices follow --price-rule. With S the surplus and D the deficit of an interval, scarcity:FLOOR..CEILING asks
/// CEILING - (CEILING - FLOOR) x S / (S + D) base units per kWh, each seller up to spread basis points more or less,
/// in steps of tick; fixed:PRICE asks the same always.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus replay data/community-rural-2016.csv --report report
  multibus replay data/community-rural-2016.csv --intervals 8 --seed 7 \\
      --price-rule fixed:250000
  multibus replay data/community-rural-2016.csv --co-owned --report report
  multibus replay data/community-rural-2016-forecast.csv --terms delivery \\
      --grid-fee 50000 --report report
  multibus replay data/community-rural-2016.csv --market auction --report report
  multibus --url localnet replay data/community-rural-2016.csv \\
      --state replay.state --report report
  multibus --url localnet replay data/community-rural-2016.csv \\
      --resume replay.state --report report")]
pub struct ReplayArgs {
    /// CSV file of the community, '-' for the standard input
    #[arg(value_name = "FILE", value_parser = home_path())]
    file: PathBuf,
    /// Refuse a file in which readings are missing, instead of counting them as zero
    #[arg(long)]
    require_complete: bool,
    /// Write report.html, report.json, intervals.csv and trades.csv into this folder; on delivery terms also
    /// deliveries.csv and positions.csv, with auctions also orders.csv and auctions.csv
    #[arg(long, value_name = "DIR", value_parser = home_path())]
    report: Option<PathBuf>,
    /// When sellers are paid [default: purchase]
    #[arg(long, value_enum)]
    terms: Option<Terms>,
    /// How members trade [default: continuous]
    #[arg(long, value_enum)]
    market: Option<MarketKind>,
    /// What buyers pay to the grid on top of the price, in base units per kWh [default: 0]
    #[arg(long, value_name = "UNITS")]
    grid_fee: Option<u64>,
    /// Most offers that one atomic batch buys from, 1 to 32
    #[arg(long, value_name = "N")]
    members_per_batch: Option<usize>,
    /// Seed of everything that is drawn
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Nonce lanes of a buyer: the batches that it can have in flight
    #[arg(long, value_name = "N")]
    lanes: Option<u16>,
    /// Seconds of the file per second, such as 900 for an interval of 15 minutes a second [default: as fast as it goes]
    #[arg(long, value_name = "N")]
    speed: Option<u32>,
    /// What sellers ask: scarcity:FLOOR..CEILING[,spread=BPS][,tick=UNITS] or fixed:PRICE, in base units per kWh
    #[arg(long, value_name = "RULE")]
    price_rule: Option<PriceRule>,
    /// Only the first intervals of the file
    #[arg(long, value_name = "N")]
    intervals: Option<NonZeroUsize>,
    /// Percentage of buyers that lock part of their energy first
    #[arg(long, value_name = "PERCENT")]
    lock_percent: Option<u8>,
    /// The bus's fee for locks that are released, such as 0.5%
    #[arg(long, value_name = "SHARE")]
    lock_fee: Option<Share>,
    /// The owners sell through the bus and share what its treasury receives; on purchase terms only
    #[arg(long)]
    co_owned: bool,
    /// Members that act at the same time
    #[arg(long, value_name = "N")]
    concurrency: Option<usize>,
    /// Name of the bus
    #[arg(long, value_name = "NAME")]
    bus_name: Option<String>,
    /// An existing token to pay with, from what the wallet of --keypair holds of it; what is left comes back [default:
    /// a new one]
    #[arg(long, value_name = "MINT", value_parser = address)]
    mint: Option<Address>,
    /// File to keep what is needed to go on later; it holds the members' keys
    #[arg(long, value_name = "FILE", conflicts_with = "resume", value_parser = home_path())]
    state: Option<PathBuf>,
    /// Go on where the replay that kept this state stopped, on the same chain
    #[arg(long, value_name = "STATE", value_parser = home_path())]
    resume: Option<PathBuf>,
}

/// When sellers are paid.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Terms {
    /// As soon as buyers pay
    Purchase,
    /// For what their meters say they delivered
    Delivery,
}

impl From<Terms> for ReplayTerms {
    fn from(terms: Terms) -> Self {
        match terms {
            Terms::Purchase => Self::Purchase,
            Terms::Delivery => Self::Delivery,
        }
    }
}

/// How members trade.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum MarketKind {
    /// Buyers take the cheapest energy on offer
    Continuous,
    /// Buyers bid, and an auction closes each window at one price for all
    Auction,
    /// Buyers take part of what they want from offers, and bid for the rest
    Both,
}

impl From<MarketKind> for ReplayMarket {
    fn from(market: MarketKind) -> Self {
        match market {
            MarketKind::Continuous => Self::Continuous,
            MarketKind::Auction => Self::Auction,
            MarketKind::Both => Self::Both,
        }
    }
}

/// The chain inside the process, as --url names it.
const EMBEDDED: &str = "embedded";

/// Runs `multibus replay`.
///
/// # Errors
/// Where the file or an option is refused, the chain fails, or what is on chain afterwards is not what the file says.
pub async fn run(args: ReplayArgs, global: &GlobalArgs, output: Output) -> Result<(), Failure> {
    let name = file_name(&args.file);
    let read = if args.file == Path::new(STANDARD_INPUT) {
        Community::read(std::io::stdin().lock())
    } else {
        Community::read_path(&args.file)
    };
    let refused = |error: FileError| Failure::sentence(format!("{name}: {error}"));
    let mut community = read.map_err(refused)?;
    if let Some(intervals) = args.intervals {
        community = community.within(0..intervals.get()).map_err(refused)?;
    }
    if args.require_complete {
        community.require_complete().map_err(refused)?;
    }
    // A replay is offline unless a chain is named, so that only names in the call count and no configuration.
    let offline = GlobalArgs { url: Some(EMBEDDED.to_owned()), ..global.clone() };
    let settings = match (&global.url, &global.keypair) {
        (None, None) => None,
        (None, Some(_)) => Some(Settings::resolve(&offline)?),
        (Some(_), _) => Some(Settings::resolve(global)?),
    };
    let lasting = settings.as_ref().filter(|settings| settings.endpoint != (Endpoint::Embedded { file: None }));
    if let (None, Some(state)) = (lasting, args.state.as_ref().or(args.resume.as_ref())) {
        return Err(Failure::usage(format!(
            "the chain of this replay ends with it, so that the state {} could never be resumed; leave it out, or name a chain \
             that lasts with --url",
            state.display()
        )));
    }
    if let Some(folder) = &args.report {
        ReplayReport::prepare(folder).map_err(|error| Failure::file("written to", folder, &error))?;
    }
    let state = args.state.clone().or_else(|| args.resume.clone());
    let is_lasting = lasting.is_some();
    let mut kept = None;
    let chain: Arc<dyn Chain> = match lasting {
        Some(settings) => {
            if state.is_none() {
                output
                    .note("no --state is named: if this replay is interrupted, nobody has the members' keys any more");
            }
            let session = Session::open(settings.clone(), output, global.priority_fee)?;
            kept.insert(session).chain().clone()
        }
        // Nothing of this chain is needed afterwards, so it needs no file.
        _ => {
            let bytes = multibus_replay::embedded_history_bytes(community.members.len());
            Arc::new(EmbeddedChain::new()?.with_history_bytes(bytes))
        }
    };
    let cancel = Cancel::default();
    let options = options(args, global, settings.as_ref(), community, &cancel)?;
    let report = options.report.clone();
    let listener = tokio::spawn(cancel_on_interrupt(cancel, output));
    let mut bar = Bar::new(output);
    let result = multibus_replay::run(options.replay, chain, &mut |progress: &Progress| bar.show(progress)).await;
    bar.end();
    listener.abort();
    if let Some(session) = kept {
        session.close()?;
    }
    let result = result.map_err(|error| stopped(error, is_lasting, state.as_deref()))?;
    if let Some(folder) = &report {
        result.write(folder).map_err(|error| Failure::file("written", folder, &error))?;
    }
    output.print(&Replayed { report: &result })?;
    if let Some(folder) = &report {
        output.note(format!("the report is {}", folder.join("report.html").display()));
    }
    if !result.is_sound() {
        return Err(Failure::sentence(
            "what is on chain is not what the file says; see the invariants in the report that are not true",
        ));
    }
    if result.periods_open > 0 && !result.interrupted {
        output.note(
            "all intervals are traded, and their readings come when the windows have ended; a replay that keeps a --state \
             goes on with --resume then",
        );
    }
    if result.auction.as_ref().is_some_and(|auction| auction.open > 0) && !result.interrupted {
        output.note(
            "all intervals are listed and bid for, and auctions close windows that lie ahead; a replay that keeps a --state goes on \
             with --resume within 24 hours of each",
        );
    }
    if result.interrupted {
        return Err(Failure::Interrupted(format!(
            "ended after {} of {} intervals; {}",
            result.intervals,
            result.intervals_in_file,
            how_to_go_on(is_lasting, state.as_deref())
        )));
    }
    Ok(())
}

/// Name of the standard input among files.
pub const STANDARD_INPUT: &str = "-";

/// How a file is called in sentences.
pub fn file_name(file: &Path) -> String {
    if file == Path::new(STANDARD_INPUT) { "the standard input".to_owned() } else { file.display().to_string() }
}

/// How a replay goes on that was interrupted.
fn how_to_go_on(is_lasting: bool, state: Option<&Path>) -> String {
    match state {
        Some(state) => format!("it goes on with `--resume {}` in place of --state", state.display()),
        None if is_lasting => {
            "it cannot go on, because no --state kept the members' keys; name one the next time".to_owned()
        }
        None => "its chain ended with it; begin anew, or name a chain that lasts with --url, and a --state".to_owned(),
    }
}

/// Why a replay stopped, and how it goes on where something is on the chain.
fn stopped(error: ReplayError, is_lasting: bool, state: Option<&Path>) -> Failure {
    let sentence = match (&error, is_lasting) {
        (ReplayError::Chain { .. } | ReplayError::Stuck(_) | ReplayError::File(_), true) => {
            format!("{error}\n{}", how_to_go_on(is_lasting, state))
        }
        _ => error.to_string(),
    };
    match error {
        ReplayError::Chain { error, .. } => Failure::Told { sentence, error },
        _ => Failure::sentence(sentence),
    }
}

/// The options as the library takes them.
struct Options {
    replay: ReplayOptions,
    report: Option<PathBuf>,
}

fn options(
    args: ReplayArgs,
    global: &GlobalArgs,
    settings: Option<&Settings>,
    community: Community,
    cancel: &Cancel,
) -> Result<Options, Failure> {
    let name = match args.file.file_name() {
        Some(name) if name != STANDARD_INPUT => name.to_string_lossy().into_owned(),
        _ => file_name(&args.file),
    };
    let mut replay = ReplayOptions::new(name, community);
    let ReplayArgs {
        file: _,
        require_complete: _,
        report,
        terms,
        market,
        grid_fee,
        members_per_batch,
        seed,
        lanes,
        speed,
        price_rule,
        intervals: _,
        lock_percent,
        lock_fee,
        co_owned,
        concurrency,
        bus_name,
        mint,
        state,
        resume,
    } = args;
    set(&mut replay.members_per_batch, members_per_batch);
    set(&mut replay.seed, seed);
    set(&mut replay.lanes, lanes);
    set(&mut replay.price_rule, price_rule);
    set(&mut replay.terms, terms.map(ReplayTerms::from));
    set(&mut replay.market, market.map(ReplayMarket::from));
    set(&mut replay.grid_fee_per_kwh, grid_fee);
    set(&mut replay.lock_percent, lock_percent);
    set(&mut replay.lock_fee_bps, lock_fee.map(|share| share.bps));
    set(&mut replay.concurrency, concurrency);
    replay.co_owned = co_owned;
    replay.speed = speed;
    replay.bus_name = bus_name;
    replay.mint = mint;
    replay.resume = resume.is_some();
    replay.state = state.or(resume);
    replay.cancel = cancel.clone();
    replay.transaction_options = TransactionOptions {
        priority_fee: crate::session::priority_fee(global.priority_fee),
        ..replay.transaction_options
    };
    if let (Some(_), Some(settings)) = (&global.keypair, settings) {
        let funder: SharedSigner = Arc::new(settings.keypair.read()?);
        replay.funder = Some(funder);
    }
    replay.validate().map_err(|error| Failure::usage(error.to_string()))?;
    Ok(Options { replay, report })
}

fn set<T>(option: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *option = value;
    }
}

/// The first Ctrl-C ends the replay cleanly, the second at once.
async fn cancel_on_interrupt(cancel: Cancel, output: Output) {
    if tokio::signal::ctrl_c().await.is_ok() {
        output.note("ending after what is under way; Ctrl-C again ends at once");
        cancel.cancel();
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(crate::failure::INTERRUPTED);
        }
    }
}

/// The progress bar; none where the standard error is not a terminal.
struct Bar(Option<ProgressBar>);

impl Bar {
    fn new(output: Output) -> Self {
        Self(output.shows_progress().then(|| {
            let bar = ProgressBar::no_length();
            let style = "{msg:16} {wide_bar} {pos}/{len} {elapsed}";
            bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        }))
    }

    fn show(&mut self, progress: &Progress) {
        if let Some(bar) = &self.0 {
            let stage: &Stage = &progress.stage;
            bar.set_message(stage.to_string());
            bar.set_length(progress.total);
            bar.set_position(progress.done);
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

#[derive(Serialize)]
struct Replayed<'a> {
    #[serde(flatten)]
    report: &'a ReplayReport,
}

impl View for Replayed<'_> {
    fn text(&self, page: &mut Page) {
        for line in self.report.table(columns()).lines() {
            page.line(line.trim_end());
        }
    }
}

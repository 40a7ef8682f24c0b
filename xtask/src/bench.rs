//! Measures everything beside its own limit, and keeps the figures in one table: `docs/bench.md`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use serde_json::Value;

use crate::{
    context::{Context, grouped},
    localnet,
    localnet::Engine,
    npm, run,
    sbf::{self, Tools},
};

/// The page with the table.
const PAGE: &str = "docs/bench.md";
const BEGIN: &str = "<!-- generated: cargo xtask bench -->";
const END: &str = "<!-- end -->";
const HEAD: &str = "\
| subject | what | figure | beside it | ratio | what limits it |
| --- | --- | --- | --- | --- | --- |";
/// The peer's contract, its compiler and its loop.
const EVM: &str = "tests/bench/evm";
/// Lamports of rent for a byte of an account, and the bytes of an account besides its data.
const RENT_PER_BYTE: u64 = 6_960;
const ACCOUNT_BYTES: u64 = 128;
/// What a deployed program's account has in front of the ELF.
const PROGRAM_HEAD_BYTES: u64 = 45;
/// How the row of a year begins, which is measured only where it is asked for.
const YEAR: &str = "365 days ";
/// What the ELF may have, in bytes.
const ELF_MUST: u64 = 480_000;
/// What `node` sends: the usual mix, and offers alone. Each has 800 transactions in flight; as a seller's offers are numbered one
/// after the other, offers alone come from as many sellers.
const MIXES: [Load; 2] =
    [Load { mix: "55,15,10,20", traders: "100", lanes: "8" }, Load { mix: "0,0,0,1", traders: "800", lanes: "1" }];
/// Instructions whose compute units are in the table; all of them are in `docs/compute-units.md`.
const SHOWN: [&str; 8] = [
    "offer_create",
    "purchase",
    "purchase_batch, N=4",
    "lock_take",
    "lock_settle",
    "lock_release",
    "seller_withdraw",
    "bus_create",
];

/// Arguments of `multibus-load`.
struct Load {
    /// Weights of purchases, batches, locks and offers.
    mix: &'static str,
    traders: &'static str,
    /// Transactions of a trader that are in flight at once.
    lanes: &'static str,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Subject {
    /// A day of 118 members through the market, beside the bare engine; --year: a year, too
    Replay,
    /// Purchase, best price and list of offers in small and large markets
    Growth,
    /// The program's size, its rent, its compute units
    Bytes,
    /// What a node lands a second, beside bare token transfers
    Node,
    /// Books of auctions: their price, its proof, their settlement
    Clearing,
    /// The same purchases on an EVM
    Peers,
}

impl Subject {
    const ALL: [Self; 6] = [Self::Replay, Self::Growth, Self::Bytes, Self::Node, Self::Clearing, Self::Peers];

    fn name(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Growth => "growth",
            Self::Bytes => "bytes",
            Self::Node => "node",
            Self::Clearing => "clearing",
            Self::Peers => "peers",
        }
    }
}

/// What is asked for.
#[derive(clap::Args)]
pub struct Options {
    /// What to measure [default: everything]
    #[arg(value_enum)]
    subjects: Vec<Subject>,
    /// Replay a year, too: 35,040 intervals, about 20 minutes
    #[arg(long)]
    year: bool,
    /// What runs the network of `node`
    #[arg(long, value_enum, default_value_t)]
    engine: Engine,
    /// Seconds for which `node` sends each kind of load
    #[arg(long, value_name = "S", default_value_t = 20)]
    seconds: u64,
}

/// Measures the subjects and writes their rows into the table. Rows of other subjects stay.
pub fn bench(ctx: &Context, tools: Tools, options: &Options) -> Result<()> {
    let mut subjects = options.subjects.clone();
    if subjects.is_empty() {
        subjects = Subject::ALL.to_vec();
    }
    subjects.sort_unstable();
    subjects.dedup();
    sbf::build(ctx, tools)?;
    for subject in subjects {
        eprintln!("{}:", subject.name());
        let rows = match subject {
            Subject::Replay => {
                let mut command = measuring(ctx, "replay")?;
                command.arg("--dir").arg(ctx.target.join("bench"));
                if options.year {
                    command.arg("--year");
                }
                rows(&mut command)?
            }
            Subject::Growth => rows(&mut measuring(ctx, "growth")?)?,
            Subject::Bytes => bytes(ctx)?,
            Subject::Node => node(ctx, tools, options)?,
            Subject::Clearing => rows(&mut measuring(ctx, "clearing")?)?,
            Subject::Peers => peers(ctx)?,
        };
        let measured_apart = if subject == Subject::Replay && !options.year { Some(YEAR) } else { None };
        record(&ctx.root.join(PAGE), subject.name(), &rows, measured_apart)?;
    }
    println!("The figures are in {PAGE}; `git diff {PAGE}` shows what changed.");
    Ok(())
}

/// A row of the table: the cells after the subject.
type Row = [String; 5];

/// `multibus-bench` for a subject, in release.
fn measuring(ctx: &Context, subject: &str) -> Result<Command> {
    let mut command = released(ctx, "multibus-bench")?;
    command.arg(subject).env("MULTIBUS_PROGRAM", ctx.program_elf());
    Ok(command)
}

/// One of the programs that measure, in release.
fn released(ctx: &Context, name: &str) -> Result<Command> {
    let mut build = ctx.cargo();
    // Both at once: they share their dependencies, with the features of both.
    build.args(["build", "--release", "--package", "multibus-bench", "--package", "multibus-network"]);
    build.args(["--bin", "multibus-bench", "--bin", "multibus-load", "--features", "multibus-network/tpu"]);
    build.args(["--locked", "--ignore-rust-version"]);
    let expect = "about 12 minutes from scratch on two cores, 2 minutes after a change";
    run::logged(&mut build, "Compiling what measures, in release", expect, &ctx.log("bench"))?;
    Ok(ctx.command(ctx.target.join("release").join(name)))
}

/// Runs a command, and returns what it prints. What it says of its progress goes to the terminal.
fn stdout(command: &mut Command) -> Result<Vec<u8>> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("could not start `{}`", run::shown(command)))?;
    if !output.status.success() {
        bail!("`{}` ended with {}, for the reason above", run::shown(command), output.status);
    }
    Ok(output.stdout)
}

/// Runs a command that prints rows, and says on the terminal how far it is.
fn rows(command: &mut Command) -> Result<Vec<Row>> {
    parsed(&String::from_utf8_lossy(&stdout(command)?))
}

fn parsed(text: &str) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for line in text.lines().filter(|line| line.starts_with('{')) {
        let row: Value = serde_json::from_str(line).with_context(|| format!("this is no row: {line}"))?;
        let cell = |name: &str| row[name].as_str().unwrap_or_default().replace('|', "/");
        rows.push([cell("what"), cell("figure"), cell("beside"), cell("ratio"), cell("limit")]);
    }
    if rows.is_empty() {
        bail!("nothing was measured: the command printed no row");
    }
    Ok(rows)
}

fn row(what: &str, figure: String, beside: String, ratio: String, limit: &str) -> Row {
    [what.to_owned(), figure, beside, ratio, limit.to_owned()]
}

/// From the built program and the recorded table of compute units.
fn bytes(ctx: &Context) -> Result<Vec<Row>> {
    let path = ctx.program_elf();
    let elf = fs::metadata(&path).with_context(|| format!("could not read {}", path.display()))?.len();
    let rent = (elf + PROGRAM_HEAD_BYTES + ACCOUNT_BYTES) * RENT_PER_BYTE;
    let mut rows = vec![row(
        "the program's ELF",
        format!("{} bytes, {}.{:02} SOL of rent", grouped(elf), rent / 1_000_000_000, rent / 10_000_000 % 100),
        format!("{} bytes: the limit", grouped(ELF_MUST)),
        format!("{:.2}", elf as f64 / ELF_MUST as f64),
        "rent comes back when the program is closed",
    )];
    let table = ctx.root.join("tests/compute_units.json");
    let text = fs::read_to_string(&table).with_context(|| format!("could not read {}", table.display()))?;
    let units: BTreeMap<String, u64> = serde_json::from_str(&text)?;
    for name in SHOWN {
        let Some(figure) = units.get(name) else { bail!("{} has no `{name}`", table.display()) };
        rows.push(row(
            &format!("`{name}`"),
            format!("{} compute units", grouped(*figure)),
            "1,400,000: what a transaction may use".into(),
            String::new(),
            "see [compute units](compute-units.md)",
        ));
    }
    Ok(rows)
}

/// The market and bare token transfers, one after the other, on a fresh network for each mix and way to the node.
fn node(ctx: &Context, tools: Tools, options: &Options) -> Result<Vec<Row>> {
    let engine = options.engine;
    let load = released(ctx, "multibus-load")?;
    // Surfpool has an RPC server alone.
    let ways: &[&[&str]] = match engine {
        Engine::Surfpool => &[&[]],
        Engine::Agave => &[&[], &["--tpu"]],
    };
    let mut all = Vec::new();
    for (Load { mix, traders, lanes }, way) in MIXES.iter().flat_map(|load| ways.iter().map(move |way| (load, way))) {
        let mut command = localnet::fresh(ctx, tools, engine, "bench")?;
        command
            .arg(load.get_program())
            .args(["--beside-transfers", "--seconds", &options.seconds.to_string()])
            .args(["--mix", mix, "--traders", traders, "--lanes", lanes])
            .args(*way);
        all.extend(rows(&mut command)?);
    }
    for row in &mut all {
        row[0] = format!("{}, on {}", row[0], engine.name());
    }
    Ok(all)
}

/// The contract on revm, and the same purchases here.
fn peers(ctx: &Context) -> Result<Vec<Row>> {
    let dir = ctx.root.join(EVM);
    npm::install(ctx, &dir)?;
    let made = ctx.target.join("bench");
    fs::create_dir_all(&made).with_context(|| format!("could not create {}", made.display()))?;
    let contracts = printed(ctx.command("node").arg(dir.join("compile.mjs")), &made.join("contracts.json"))?;
    let mut build = ctx.cargo();
    let target = ctx.target.join("bench-evm");
    build.args(["build", "--release", "--locked", "--manifest-path"]).arg(dir.join("Cargo.toml"));
    build.env("CARGO_TARGET_DIR", &target);
    let expect = "about 4 minutes from scratch on two cores";
    run::logged(&mut build, "Compiling the EVM, in release", expect, &ctx.log("bench-evm"))?;
    let mut evm = ctx.command(target.join("release/multibus-bench-evm"));
    let evm = printed(evm.arg("--contracts").arg(contracts), &made.join("evm.json"))?;
    rows(measuring(ctx, "peers")?.arg("--evm").arg(evm))
}

/// Runs a command and keeps what it prints in a file.
fn printed(command: &mut Command, path: &Path) -> Result<PathBuf> {
    fs::write(path, stdout(command)?).with_context(|| format!("could not write {}", path.display()))?;
    Ok(path.to_owned())
}

/// Replaces a subject's rows in the page, but for those that begin as `kept`.
fn record(page: &Path, subject: &str, rows: &[Row], kept: Option<&str>) -> Result<()> {
    let text = fs::read_to_string(page).with_context(|| format!("could not read {}", page.display()))?;
    let text = with_rows(&text, subject, rows, kept)
        .with_context(|| format!("{} lacks the lines `{BEGIN}` and `{END}`; restore it from git", page.display()))?;
    fs::write(page, text).with_context(|| format!("could not write {}", page.display()))?;
    for row in rows {
        println!("| {subject} | {} |", row.join(" | "));
    }
    Ok(())
}

/// The page with other rows for one subject, but for those that begin as `kept`; `None` where it has no table.
fn with_rows(text: &str, subject: &str, rows: &[Row], kept: Option<&str>) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (table, after) = rest.split_once(END)?;
    let subject_of = |line: &str| line.strip_prefix("| ").and_then(|line| line.split(" |").next()).map(str::to_owned);
    let mut lines: Vec<String> = table
        .lines()
        .filter(|line| Subject::ALL.iter().any(|known| subject_of(line).as_deref() == Some(known.name())))
        .filter(|line| subject_of(line).as_deref() != Some(subject))
        .map(str::to_owned)
        .collect();
    lines.extend(rows.iter().map(|row| format!("| {subject} | {} |", row.join(" | "))));
    let is_kept = |line: &&str| kept.is_some_and(|kept| line.starts_with(&format!("| {subject} | {kept}")));
    lines.extend(table.lines().filter(is_kept).map(str::to_owned));
    // In the order of the subjects. The sort is stable: rows of one subject keep theirs.
    lines.sort_by_key(|line| Subject::ALL.iter().position(|known| subject_of(line).as_deref() == Some(known.name())));
    Some(format!("{before}{BEGIN}\n\n{HEAD}\n{}\n\n{END}{after}", lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(what: &str) -> Row {
        row(what, "7".into(), "8".into(), "0.88".into(), "the engine")
    }

    #[test]
    fn a_subject_replaces_its_own_rows_and_no_others() {
        let empty = format!("# Figures\n\n{BEGIN}\n{END}\n\nWhat they mean.\n");
        let one = with_rows(&empty, "peers", &[made("a purchase")], None).unwrap();
        let two = with_rows(&one, "replay", &[made("a day"), made("365 days of it")], None).unwrap();
        let again = with_rows(&two, "peers", &[made("two purchases")], None).unwrap();
        let rows: Vec<&str> = again.lines().filter(|line| line.contains("0.88")).collect();
        assert_eq!(
            rows,
            [
                "| replay | a day | 7 | 8 | 0.88 | the engine |",
                "| replay | 365 days of it | 7 | 8 | 0.88 | the engine |",
                "| peers | two purchases | 7 | 8 | 0.88 | the engine |"
            ]
        );
        assert!(again.starts_with("# Figures") && again.ends_with("What they mean.\n"));
        assert_eq!(with_rows(&again, "peers", &[made("two purchases")], None).unwrap(), again);
        assert_eq!(with_rows(&again, "replay", &[made("a day")], Some(YEAR)).unwrap(), again);
        assert!(!with_rows(&again, "replay", &[made("a day")], None).unwrap().contains(YEAR));
        assert!(with_rows("no table", "peers", &[], None).is_none());
    }

    #[test]
    fn what_is_printed_beside_rows_is_not_a_row() {
        let text = "| a | b |\n{\"what\":\"a | b\",\"figure\":\"1\"}\nEvery invariant holds.";
        assert_eq!(parsed(text).unwrap(), [["a / b", "1", "", "", ""].map(str::to_owned)]);
        assert!(parsed("nothing").is_err());
    }
}

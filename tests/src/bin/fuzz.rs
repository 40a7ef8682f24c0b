//! Breeds raw transactions against the model, from a corpus.

use {
    clap::Parser,
    multibus_tests::play::{
        coverage::{Coverage, Covered},
        fuzz::{self, Fuzzer, Input},
    },
    std::{
        path::{Path, PathBuf},
        process::ExitCode,
        time::{Duration, Instant},
    },
};

/// Raw transactions, bred from a corpus: any accounts in any order, any flags, any bytes, on the built program. A
/// transaction must land exactly where the model carries it out, and move the same base units, lamports and Wh.
#[derive(Parser)]
#[command(
    after_help = "Examples:\n  fuzz --executions 200000 --seed 7\n  fuzz --input '=Bw w0! b0 c0.0* e0.0* o0.0.314572800000000* w0*'"
)]
struct Args {
    /// Transactions to try
    #[arg(long, default_value_t = 100_000)]
    executions: u64,
    /// Seed of the mutations
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The corpus to begin with
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus.txt"))]
    corpus: PathBuf,
    /// Write what did something new to the corpus
    #[arg(long)]
    save: bool,
    /// Try this line of a corpus alone, and say what became of it
    #[arg(long)]
    input: Option<Input>,
    /// Try every line of a corpus, each on the same market, and say what became of each and which branches all reach
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn reached(covered: &Covered) -> String {
    let Covered { instructions, all_instructions, branches, all_branches } = *covered;
    let percent = |part: usize, whole: usize| part as f64 * 100.0 / whole.max(1) as f64;
    format!(
        "{branches} of the program's {all_branches} branches ({:.1} %), {instructions} of {all_instructions} instructions \
         ({:.1} %)",
        percent(branches, all_branches),
        percent(instructions, all_instructions)
    )
}

fn replay(inputs: &[Input]) -> Result<(), String> {
    let coverage = Coverage::default();
    let scene = fuzz::traced_scene(&coverage);
    for input in inputs {
        let (outcome, units) = fuzz::attack(&mut scene.clone(), input)
            .map_err(|why| format!("{why}\n\nAgain: cargo xtask fuzz --input '{input}'"))?;
        println!("{outcome:?}, {units} compute units: {input}");
    }
    println!("{} inputs, all as the model says; {}", inputs.len(), reached(&coverage.covered()));
    Ok(())
}

fn run(args: &Args) -> Result<(), String> {
    if let Some(input) = &args.input {
        let (outcome, units) = fuzz::attack(&mut fuzz::scene(), input)?;
        println!("{outcome:?}, as the model says, in {units} compute units");
        return Ok(());
    }
    let read =
        |path: &Path| std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()));
    if let Some(path) = &args.replay {
        return replay(&fuzz::read_corpus(&read(path)?)?);
    }
    let text = if args.corpus.exists() { read(&args.corpus)? } else { String::new() };
    let reported = |(input, why): (Input, String)| {
        let shortest = fuzz::shrink(&input);
        format!("{why}\n\nAgain: cargo xtask fuzz --input '{shortest}'")
    };
    // A panic counts as a difference: it is caught, and reported with its input.
    fuzz::scene();
    std::panic::set_hook(Box::new(|_| {}));
    let start = Instant::now();
    let mut fuzzer = Fuzzer::new(args.seed, fuzz::read_corpus(&text)?).map_err(reported)?;
    let first = fuzzer.statistics.paths;
    println!("The corpus: {}", reached(&fuzzer.statistics.covered));
    let mut last = Instant::now();
    while fuzzer.statistics.executions < args.executions {
        fuzzer.breed().map_err(reported)?;
        if last.elapsed() >= Duration::from_secs(10) {
            last = Instant::now();
            let statistics = &fuzzer.statistics;
            let Covered { branches, all_branches, .. } = statistics.covered;
            println!(
                "{} transactions, {} paths, {branches} of {all_branches} branches",
                statistics.executions, statistics.paths
            );
        }
    }
    let statistics = &fuzzer.statistics;
    println!("{:<22}{:>10}{:>10}", "first instruction", "tried", "landed");
    for (name, (tried, landed)) in &statistics.instructions {
        println!("{name:<22}{tried:>10}{landed:>10}");
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "\n{} transactions, {} landed, all as the model says; {} paths ({first} from the corpus), in {seconds:.0} s ({:.0} a second)",
        statistics.executions,
        statistics.landed,
        statistics.paths,
        statistics.executions as f64 / seconds
    );
    println!("{} inputs took a branch that no earlier one took\n{}", statistics.pioneers, reached(&statistics.covered));
    if args.save {
        let mut lines: Vec<String> = fuzzer.corpus().into_iter().map(Input::to_string).collect();
        lines.insert(
            0,
            "# One transaction a line: see tests/src/play/fuzz/. Written by `cargo xtask fuzz --save`.".to_owned(),
        );
        let folder = args.corpus.parent().ok_or("the corpus has no folder")?;
        std::fs::create_dir_all(folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        std::fs::write(&args.corpus, lines.join("\n") + "\n")
            .map_err(|error| format!("cannot write {}: {error}", args.corpus.display()))?;
        println!("{} inputs are in {}", lines.len() - 1, args.corpus.display());
    }
    Ok(())
}

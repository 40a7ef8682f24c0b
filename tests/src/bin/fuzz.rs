//! Breeds raw transactions against the model, from a corpus.

use {
    clap::Parser,
    multibus_tests::play::fuzz::{self, Fuzzer, Input},
    std::{
        path::PathBuf,
        process::ExitCode,
        time::{Duration, Instant},
    },
};

/// Raw transactions, bred from a corpus: any accounts in any order, any flags, any bytes, on the built program. Whatever
/// lands is what the model carries out as well, to the base unit, lamport and Wh; whatever it refuses is refused.
#[derive(Parser)]
#[command(after_help = "Examples:\n  fuzz --executions 200000 --seed 7\n  fuzz --input '=Bw w0! b0 c0.0* o0.0.0* w0*'")]
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
    /// Writes to the corpus what did something new
    #[arg(long)]
    save: bool,
    /// Tries this line of a corpus alone, and tells what became of it
    #[arg(long)]
    input: Option<Input>,
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

fn run(args: &Args) -> Result<(), String> {
    if let Some(input) = &args.input {
        let (outcome, units) = fuzz::attack(&mut fuzz::stage(), input)?;
        println!("{outcome:?}, as the model says, in {units} compute units");
        return Ok(());
    }
    let text = match std::fs::read_to_string(&args.corpus) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(format!("cannot read {}: {error}", args.corpus.display())),
    };
    let told = |(input, why): (Input, String)| {
        let shortest = fuzz::shrink(&input);
        format!("{why}\n\nAgain: cargo xtask fuzz --input '{shortest}'")
    };
    // A panic is a difference like another: it is caught, and told with its input.
    std::panic::set_hook(Box::new(|_| {}));
    let start = Instant::now();
    let mut fuzzer = Fuzzer::new(args.seed, fuzz::read_corpus(&text)?).map_err(told)?;
    let first = fuzzer.statistics.paths;
    let mut last = Instant::now();
    while fuzzer.statistics.executions < args.executions {
        fuzzer.breed().map_err(told)?;
        if last.elapsed() >= Duration::from_secs(10) {
            last = Instant::now();
            let statistics = &fuzzer.statistics;
            println!("{} transactions, {} paths", statistics.executions, statistics.paths);
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
    if args.save {
        let mut lines: Vec<String> = fuzzer.corpus().map(Input::to_string).collect();
        lines.insert(
            0,
            "# One transaction a line: see tests/src/play/fuzz.rs. Written by `cargo xtask fuzz --save`.".to_owned(),
        );
        let folder = args.corpus.parent().ok_or("the corpus has no folder")?;
        std::fs::create_dir_all(folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        std::fs::write(&args.corpus, lines.join("\n") + "\n")
            .map_err(|error| format!("cannot write {}: {error}", args.corpus.display()))?;
        println!("{} inputs are in {}", lines.len() - 1, args.corpus.display());
    }
    Ok(())
}

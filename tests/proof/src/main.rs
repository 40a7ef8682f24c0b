//! `cargo xtask mutants` and `cargo xtask planted`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use multibus_proof::{mutants, place::Place, planted};

#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Change the program in thousands of small ways, one at a time: some test must notice each
    #[command(
        after_help = "Examples:\n  cargo xtask mutants                              all of them\n  cargo xtask mutants --only state/lock.rs         one file's\n  cargo xtask mutants --list --only Bus::claim"
    )]
    Mutants(mutants::Options),
    /// Plant bugs in the program, one at a time: the tests that each names must notice it
    #[command(
        after_help = "Examples:\n  cargo xtask planted --list\n  cargo xtask planted --only lock_\n  cargo xtask planted --all    (every test on every bug)"
    )]
    Planted(planted::Options),
}

fn main() -> ExitCode {
    let task = Cli::parse().task;
    let result = Place::from_env().and_then(|place| match task {
        Task::Mutants(options) => mutants::mutants(&place, &options),
        Task::Planted(options) => planted::planted(&place, &options),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

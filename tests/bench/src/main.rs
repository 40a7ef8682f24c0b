//! Measures MultiBus beside its own limits, in CPU time, so that what else runs on the machine changes little.
//! `cargo xtask bench` runs it and keeps the table.

mod bare;
mod clearing;
mod growth;
mod memory;
mod peers;
mod replay;
mod row;
mod village;

use clap::{Parser, Subcommand};

/// Measures MultiBus beside its own limits
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Subcommand)]
enum Subject {
    /// A day of a village through the market, beside the bare engine
    Replay(replay::Options),
    /// Purchase, best price and list of offers in small and large markets
    Growth(growth::Options),
    /// Books of auctions: their price, its proof, their settlement
    Clearing(clearing::Options),
    /// The same purchases on an EVM
    Peers(peers::Options),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().subject {
        Subject::Replay(options) => replay::run(&options).await,
        Subject::Growth(options) => growth::run(&options).await,
        Subject::Clearing(options) => clearing::run(&options).await,
        Subject::Peers(options) => peers::run(&options).await,
    }
}

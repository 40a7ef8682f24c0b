//! `multibus auction`: the auctions that close delivery windows.

mod clear;
pub mod keep;
pub mod price;
mod settle;
mod show;
mod view;

use {
    crate::{failure::Failure, output::Reply, session::Session},
    clap::Subcommand,
};

#[derive(Subcommand, Debug)]
pub enum AuctionCommand {
    Price(price::PriceArgs),
    List(show::ListArgs),
    Show(show::ShowArgs),
    Clear(clear::ClearArgs),
    Settle(settle::SettleArgs),
    Keep(keep::KeepArgs),
}

/// Runs a verb of `auction` that needs a chain.
///
/// # Errors
/// Where the chain or the program refuses.
pub async fn run(command: AuctionCommand, session: &Session) -> Result<Reply, Failure> {
    match command {
        AuctionCommand::Price(args) => price::price(&args, session.output),
        AuctionCommand::List(args) => show::list(&args, session).await,
        AuctionCommand::Show(args) => show::show(&args, session).await,
        AuctionCommand::Clear(args) => clear::clear(&args, session).await,
        AuctionCommand::Settle(args) => settle::settle(&args, session).await,
        AuctionCommand::Keep(args) => keep::once(&args, session).await,
    }
}

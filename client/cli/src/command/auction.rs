//! `multibus auction`: the auctions that close delivery windows.

pub mod price;

use clap::Subcommand;

#[derive(Subcommand, Debug)]
pub enum AuctionCommand {
    Price(price::PriceArgs),
}

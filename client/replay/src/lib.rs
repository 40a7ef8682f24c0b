//! Replays a community's intervals on a chain: members with a surplus list it, members with a deficit buy the cheapest
//! energy on offer, until one of the two is used up.
//!
//! - [`community`] reads the file, [`price`] decides what sellers ask, [`schedule`] maps intervals to windows. They know
//!   nothing of a chain.
//! - [`run`] does it on a chain, through the client that everyone else uses.
//! - [`report`] is the result: a table, JSON, CSV and a page.
//!
//! Whatever the file, an interval of the continuous market trades the smaller of total surplus and total deficit, to the Wh.
//!
//! With auctions, members bid for what they want, at limits drawn from the seed ([`price`]), and at the gate of each window an
//! auction sells what was offered at one price for all. Bids and their settlement are transactions like all others. In the mixed
//! market, members take part of what they want from offers before. [`records`] has every order, so that anybody can recompute
//! each price.
//!
//! On purchase terms members trade what the file measured, and are paid as soon as buyers pay. On delivery terms they trade by
//! the file's forecast; after each window their meters report what it measured, signed by the meters' keys. Sellers are paid
//! for what they delivered, the rest goes back to the buyers, who take certificates of origin for what they got and use them up
//! in their own names. Buyers pay a grid fee on top of the price on either terms; prices here are what a buyer pays. [`records`]
//! has every trade and what became of it.
//!
//! Each member sells for itself. Buyers pay into the vault of the seller, which is paid what it earned at the end of each
//! day of the file. In a co-owned replay the owners of the bus sell through it instead: what buyers pay goes to its
//! treasury, and in the end every owner claims its exact share. A bus has at most 16 owners. Where more members
//! generate, the others sell for themselves in either case, on a bus where everyone may list.
//!
//! Each file uses only what stands below it in this list:
//!
//! ```text
//! run                          from a file to a report
//! fund, interval, close        the stages
//! settle, auction              what follows the windows on delivery terms; bids, and the auction that closes a window
//! check, treasury, vaults      what they share: figures from the chain
//! pools                        where what auctions sold on delivery terms stands
//! auction_check                what an auction must come to, from its orders alone
//! replay                       a replay under way
//! delivery                     what members and meters do on the chain on delivery terms
//! replay_bus                   what members do on the chain
//! order_book                   what they can buy
//! state                        what is kept to go on later
//! files, table, html           what a report looks like
//! results                      the results of intervals, while they change
//! counting, report             transactions that are counted; the report's figures
//! records                      every trade, and what became of it
//! options, progress            what is asked for; how far it is
//! community, orders, price, schedule, owners, number
//! rows                         what is kept in a temporary file
//! error
//! file                         how CSV is read
//! spool                        bytes in a temporary file
//! ```

#![deny(missing_docs)]

mod auction;
mod auction_check;
mod check;
mod close;
pub mod community;
mod counting;
mod delivery;
mod error;
mod file;
mod files;
mod fund;
mod html;
mod interval;
mod number;
mod options;
mod order_book;
pub mod orders;
mod owners;
mod pools;
pub mod price;
mod progress;
pub mod records;
mod replay;
mod replay_bus;
pub mod report;
mod results;
pub mod rows;
mod run;
pub mod schedule;
mod settle;
mod spool;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod treasury;
mod vaults;

pub use {
    community::Community,
    error::ReplayError,
    file::FileError,
    options::{Cancel, ReplayMarket, ReplayOptions, ReplayTerms},
    price::PriceRule,
    progress::{Progress, Stage},
    report::ReplayReport,
    run::{embedded_history_bytes, run},
};

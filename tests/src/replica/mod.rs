//! A second bookkeeping of the market, from its events alone, and the invariants that must hold on the chain.
//!
//! The replica knows nothing of the program's code but its events and account layouts. It must equal the chain after every
//! transaction. That shows two things: the events tell everything, and the program moved what its events say. What no
//! event tells is read from the instruction (the refund account of a lock, the account that pays for a purchase) or from the
//! mint (its decimals and program).

mod auction;
mod bid;
mod books;
mod bus;
mod capacity;
mod certificate;
mod claim;
mod clearing;
mod cost;
mod delivery;
mod lock;
mod meter;
mod offer;
mod position;
mod proposal;
mod purchase;
mod seller;
mod tokens;
mod trader;

pub use {
    auction::auction_prices,
    books::{Replica, Sent},
    cost::cost,
    tokens::{TokenBalance, TokenBalances, token_balances},
};

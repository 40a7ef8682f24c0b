//! A second bookkeeping of the market, from its events alone, and the invariants that must hold on the chain.
//!
//! The replica knows nothing of the program's code but its events and account layouts. It must equal the chain after every
//! transaction. That shows two things: the events tell everything, and the program moved what its events say.

mod books;
mod bus;
mod capacity;
mod cost;
mod lock;
mod offer;
mod proposal;
mod purchase;
mod records;
mod tokens;
mod trader;
mod treasury;

pub use {
    books::Replica,
    tokens::{TokenBalance, TokenBalances, token_balances},
};

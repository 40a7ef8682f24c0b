//! An independent model of the market, over integers and maps. It is written from the design and shares no code with
//! the program.
//!
//! A [`Model`] gets what the program gets: the accounts and the bytes of an instruction. It either executes the
//! instruction in its own books, or names every cause for which the market may refuse it. It decodes instructions,
//! derives addresses and hashes purchases and proposals by itself, and counts money in 128 bits.
//!
//! This crate depends neither on the program nor on the client. Limits, seeds, sizes and the names of errors are
//! written here a second time. `multibus-tests` compares the model with the program, after every step of a game.
//!
//! Each noun of the market has its file under `state/` (what is kept) and under `instruction/` (what changes it).

mod books;
pub mod call;
pub mod cause;
mod instruction;
mod invariant;
pub mod limit;
pub mod math;
pub mod price;
pub mod state;

pub use {
    books::Model,
    call::Call,
    cause::{Cause, Causes, PassedAccount},
    instruction::Before,
    state::*,
};

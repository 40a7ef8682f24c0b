//! Random games and raw transactions against the model: 2 to 12 parties play every instruction, valid and invalid, on
//! the built program in a simulated chain, and the [model](multibus_model), which shares no code with the program, plays
//! along; after each game a stranger [winds it down](wind). After every step the result (the exact error), every balance in tokens and lamports, every byte of every
//! account and all invariants are compared.
//!
//! The generator of games is written here rather than with proptest-state-machine, for three reasons. It looks into the
//! model to aim at limits (the very second, the last Wh). That crate can do so as well, but it keeps a copy of the model
//! for every step of a game, to shrink it later. Steps name accounts in a way that does not depend on the other steps, so
//! that any step can be left out: shrinking is a few lines. And a million steps need no more memory than one game.

mod around;
mod caught;
mod cover;
pub mod coverage;
pub mod expect;
pub mod fuzz;
pub mod game;
pub mod generate;
mod marks;
mod operation;
pub mod random;
pub mod script;
mod setup;
pub mod wind;

pub use {
    around::HOSTILE_MOVES,
    marks::MARKS,
    random::{Failure, Tally, play, replay, shrink},
};

//! Raw transactions: any accounts in any order, any flags, any bytes. The model decides what is right: nothing that it
//! refuses may land, and what lands must move exactly the tokens, lamports and Wh that it moves.
//!
//! Inputs are bred: an input that makes the program do something new is kept and changed further. Something new is a
//! branch of the program that no input took before (see [coverage](super::coverage)), or else a new combination of the
//! instructions that were called, how they ended, and the exact number of compute units, which differs for nearly every
//! path. No instrumented build of the program is needed: the bytes that ship are what is tried.

mod breed;
mod input;
mod scene;

pub use {
    breed::{Fuzzer, Statistics, attack, shrink},
    input::{Input, Raw, read_corpus},
    scene::{scene, traced_scene},
};

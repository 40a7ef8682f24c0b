//! The harness of the program's tests: the built ELF in an in-process SVM, with the real token programs.
//!
//! A [`World`] is a chain with the program on it. It counts along: every transaction that lands is replayed from
//! its events into a [`Replica`](replica::Replica), which must then equal what lies on chain, field by field and
//! token by token, and must fulfil every invariant of the market. So each test checks all of them after each of
//! its steps. A [`Market`] is a world with a mint, a bus, a seller and a buyer, for tests that start there.

pub mod attack;
pub mod elf;
pub mod event;
pub mod key;
pub mod market;
pub mod mint;
pub mod play;
pub mod replica;
pub mod world;

pub use {
    key::{keypair, pda},
    market::{Bus, BusOptions, Lane, Market, Offer, OfferOptions},
    mint::{Mint, MintExtension, TokenProgram},
    world::{Refusal, World, seen_refusals},
};

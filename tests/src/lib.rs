//! The harness of the program's tests: the built ELF in an in-process SVM, with the real token programs.
//!
//! - A [`TestChain`] is a simulated chain with the program on it. After every transaction that lands, it applies the
//!   transaction's events to a [`Replica`](replica::Replica). The replica must then equal the accounts on the chain, field
//!   by field and token by token, and fulfil every invariant of the market. So each test checks all of this after each of
//!   its steps.
//! - A [`TestMarket`] is such a chain with a mint, a bus, a seller and a buyer.
//! - [`instructions`] has the program's instructions with their accounts, by noun.
//! - [`play`] compares the program with an independent model, in random games and with raw transactions.

#![expect(clippy::missing_panics_doc, reason = "a panic is how a test fails")]

pub mod account;
pub mod attack;
pub mod auction;
pub mod chain;
pub mod delivery;
pub mod elf;
pub mod event;
pub mod instructions;
pub mod invariant;
pub mod key;
pub mod market;
pub mod mint;
pub mod play;
pub mod refusal;
pub mod replica;

pub use {
    auction::AuctionMarket,
    chain::TestChain,
    delivery::{Buyer, DeliveryMarket},
    instructions::{
        BidAddresses, BookAddresses, BusAddresses, BusOptions, ClearingAddresses, LaneAddress, OfferAddresses,
        OfferOptions, PositionAddresses, SellerAddresses,
    },
    key::{keypair, pda},
    market::TestMarket,
    mint::{Mint, MintExtension, TokenProgram},
    refusal::{Refusal, seen_refusals},
};

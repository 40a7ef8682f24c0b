//! The rules of the market, one module for each noun, each test named for its rule. Every test drives the built
//! program, and every transaction of every test that lands is checked against all invariants (see the harness).

#[macro_use]
extern crate multibus_tests;

mod attack;
mod attack_table;
mod batch;
mod bus;
mod capacity;
mod claim;
mod error;
mod fixture;
mod holes;
mod layout;
mod lifecycle;
mod lock;
mod offer;
mod offer_for_bus;
mod play;
mod property;
mod proposal;
mod purchase;
mod revenue;
mod seller;
mod substitution;
mod token;
mod trader;
mod treasury;
mod writable_sets;

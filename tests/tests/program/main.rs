//! The rules of the market, one module for each noun, each test named for its rule. Every test drives the built
//! program, and every transaction of every test that lands is checked against all invariants (see the harness).

#[macro_use]
extern crate multibus_tests;

mod attack;
mod attack_table;
mod auction;
mod batch;
mod bid;
mod bus;
mod capacity;
mod certificate;
mod claim;
mod clearing;
mod delivery;
mod error;
mod fixture;
mod grid_fee;
mod holes;
mod household;
mod layout;
mod lifecycle;
mod lock;
mod meter;
mod offer;
mod offer_for_bus;
mod play;
mod position;
mod property;
mod proposal;
mod purchase;
mod reading;
mod revenue;
mod seller;
mod substitution;
mod terms;
mod token;
mod trader;
mod treasury;
mod writable_sets;

//! One suite for every network. `cargo xtask e2e --engine surfpool|agave` starts a new network with the seeded village and
//! runs the suite on it. Each test has a market of its own, so that all of them run at the same time.

mod batch;
mod delivery;
mod history;
mod lock;
mod owners;
mod purchase;
mod replay;
mod restart;
mod village;
mod watch;
mod window;

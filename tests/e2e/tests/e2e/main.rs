//! One suite for every network: `cargo xtask e2e --engine surfpool|agave` starts a fresh one, with the village, and runs
//! it there. Each test has a market of its own, so that all of them run side by side.

mod batch;
mod history;
mod lock;
mod owners;
mod purchase;
mod replay;
mod restart;
mod village;
mod watch;
mod window;

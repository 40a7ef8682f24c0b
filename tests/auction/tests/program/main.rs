//! Auctions on the built program, from listing to the last closed account.

mod books;
mod clearing;
mod delivery;
mod exits;
mod fixed;
mod flow;
mod games;

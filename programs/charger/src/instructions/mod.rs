//! One file for each instruction: its accounts and its handler.

pub mod session_bid;
pub mod session_bid_cancel;
pub mod session_buy;
pub mod session_buy_batch;
pub mod session_close;
pub mod session_lock;
pub mod session_open;
pub mod session_release;
pub mod session_settle;
pub mod session_withdraw;
pub mod station_open;

#[expect(ambiguous_glob_reexports, reason = "every file has a `handler`, which is only called by its full path")]
mod accounts_of_instructions {
    pub use super::{
        session_bid::*, session_bid_cancel::*, session_buy::*, session_buy_batch::*, session_close::*, session_lock::*,
        session_open::*, session_release::*, session_settle::*, session_withdraw::*, station_open::*,
    };
}
pub use accounts_of_instructions::*;

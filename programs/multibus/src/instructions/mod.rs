//! One file for each instruction: its accounts, `validate` (policy), and a handler that wires them to the
//! transitions in [`state`](crate::state).

pub mod bus_create;
pub mod capacity_close;
pub mod capacity_open;
pub mod lock_release;
pub mod lock_settle;
pub mod lock_take;
pub mod offer_cancel;
pub mod offer_create;
pub mod offer_create_for_bus;
pub mod offer_extend;
pub mod offer_reprice;
pub mod proposal_approve;
pub mod proposal_close;
pub mod proposal_create;
pub mod proposal_execute;
pub mod proposal_revoke;
pub mod purchase;
pub mod purchase_batch;
pub mod trader_close;
pub mod trader_open;
pub mod treasury_claim;

#[expect(ambiguous_glob_reexports, reason = "every file has a `handler`, which is only called by its full path")]
mod accounts_of_instructions {
    pub use super::{
        bus_create::*, capacity_close::*, capacity_open::*, lock_release::*, lock_settle::*, lock_take::*,
        offer_cancel::*, offer_create::*, offer_create_for_bus::*, offer_extend::*, offer_reprice::*,
        proposal_approve::*, proposal_close::*, proposal_create::*, proposal_execute::*, proposal_revoke::*,
        purchase::*, purchase_batch::*, trader_close::*, trader_open::*, treasury_claim::*,
    };
}
pub use accounts_of_instructions::*;

//! One file for each instruction: its accounts, `validate` (who may do it, and when), and a handler that applies the
//! transitions of [`state`](crate::state) and moves tokens.

pub mod apart;
pub mod ask_settle;
pub mod bid_cancel;
pub mod bid_create;
pub mod bid_settle;
pub mod bus_close;
pub mod bus_create;
pub mod capacity_close;
pub mod capacity_open;
pub mod certificate_retire;
pub mod certificate_take;
pub mod certificate_transfer;
pub mod claim_pay;
pub mod clearing_apply;
pub mod clearing_close;
pub mod clearing_open;
pub mod clearing_tally;
pub mod creator_open;
pub mod delivery_close;
pub mod delivery_refund;
pub mod delivery_release;
pub mod delivery_report;
pub mod device_close;
pub mod grid_sweep;
pub mod lock_release;
pub mod lock_settle;
pub mod lock_take;
pub mod meter_close;
pub mod meter_register;
pub mod meter_replace;
pub mod offer_cancel;
pub mod offer_collect;
pub mod offer_create;
pub mod offer_reprice;
pub mod offer_set_expiry;
pub mod pool_report;
pub mod position_close;
pub mod position_open;
pub mod position_set_refund;
pub mod proposal_approve;
pub mod proposal_close;
pub mod proposal_create;
pub mod proposal_execute;
pub mod proposal_revoke;
pub mod purchase;
pub mod purchase_batch;
pub mod seller_admit;
pub mod seller_close;
pub mod seller_open;
pub mod seller_suspend;
pub mod seller_withdraw;
pub mod trader_close;
pub mod trader_open;
pub mod treasury_claim;
mod walk;

#[expect(ambiguous_glob_reexports, reason = "every file has a `handler`, which is only called by its full path")]
mod accounts_of_instructions {
    pub use super::{
        ask_settle::*, bid_cancel::*, bid_create::*, bid_settle::*, bus_close::*, bus_create::*, capacity_close::*,
        capacity_open::*, certificate_retire::*, certificate_take::*, certificate_transfer::*, claim_pay::*,
        clearing_apply::*, clearing_close::*, clearing_open::*, clearing_tally::*, creator_open::*, delivery_close::*,
        delivery_refund::*, delivery_release::*, delivery_report::*, device_close::*, grid_sweep::*, lock_release::*,
        lock_settle::*, lock_take::*, meter_close::*, meter_register::*, meter_replace::*, offer_cancel::*,
        offer_collect::*, offer_create::*, offer_reprice::*, offer_set_expiry::*, pool_report::*, position_close::*,
        position_open::*, position_set_refund::*, proposal_approve::*, proposal_close::*, proposal_create::*,
        proposal_execute::*, proposal_revoke::*, purchase::*, purchase_batch::*, seller_admit::*, seller_close::*,
        seller_open::*, seller_suspend::*, seller_withdraw::*, trader_close::*, trader_open::*, treasury_claim::*,
    };
}
pub use accounts_of_instructions::*;

//! What owners of a bus decide on, as JSON.

use {
    crate::terms::config_json,
    multibus::state::{Action, ProposalAction},
    serde_json::{Value, json},
};

/// An action as JSON: its name as `kind`, then its values under their names.
pub fn action_json(action: &Action) -> Value {
    match action.decode() {
        None => json!({ "kind": action.kind }),
        Some(ProposalAction::OwnerAdd { owner, shares_bps }) => {
            json!({ "kind": "owner_add", "owner": owner.to_string(), "shares_bps": shares_bps })
        }
        Some(ProposalAction::OwnerRemove { owner, shares_bps }) => {
            json!({ "kind": "owner_remove", "owner": owner.to_string(), "shares_bps": shares_bps })
        }
        Some(ProposalAction::SharesSet { shares_bps }) => json!({ "kind": "shares_set", "shares_bps": shares_bps }),
        Some(ProposalAction::ThresholdSet { threshold }) => json!({ "kind": "threshold_set", "threshold": threshold }),
        Some(ProposalAction::TimelockSet { timelock_seconds }) => {
            json!({ "kind": "timelock_set", "timelock_seconds": timelock_seconds })
        }
        Some(ProposalAction::CapacitySet { capacity_wh }) => {
            json!({ "kind": "capacity_set", "capacity_wh": capacity_wh })
        }
        Some(ProposalAction::BasePriceSet { base_price_per_kwh }) => {
            json!({ "kind": "base_price_set", "base_price_per_kwh": base_price_per_kwh })
        }
        Some(ProposalAction::ListingPolicySet { listing_policy }) => {
            json!({ "kind": "listing_policy_set", "listing_policy": listing_policy })
        }
        Some(ProposalAction::TermsSet { from, terms }) => {
            json!({ "kind": "terms_set", "from": from, "terms": config_json(&terms) })
        }
        Some(ProposalAction::LockFeeSet { lock_fee_bps }) => {
            json!({ "kind": "lock_fee_set", "lock_fee_bps": lock_fee_bps })
        }
        Some(ProposalAction::Pause) => json!({ "kind": "pause" }),
        Some(ProposalAction::Resume) => json!({ "kind": "resume" }),
        Some(ProposalAction::OwnerReplace { owner, new_owner }) => {
            json!({ "kind": "owner_replace", "owner": owner.to_string(), "new_owner": new_owner.to_string() })
        }
        Some(ProposalAction::PauseQuorumSet { pause_quorum }) => {
            json!({ "kind": "pause_quorum_set", "pause_quorum": pause_quorum })
        }
        Some(ProposalAction::SellerAdmit { wallet }) => {
            json!({ "kind": "seller_admit", "wallet": wallet.to_string() })
        }
        Some(ProposalAction::SellerSuspend { wallet }) => {
            json!({ "kind": "seller_suspend", "wallet": wallet.to_string() })
        }
        Some(ProposalAction::ReservePriceSet { reserve_price_per_kwh }) => {
            json!({ "kind": "reserve_price_set", "reserve_price_per_kwh": reserve_price_per_kwh })
        }
        Some(ProposalAction::LeastSizeSet { least_wh }) => json!({ "kind": "least_size_set", "least_wh": least_wh }),
        Some(ProposalAction::OperatorSet { operator }) => {
            json!({ "kind": "operator_set", "operator": operator.map(|wallet| wallet.to_string()) })
        }
        Some(ProposalAction::GridRecipientSet { recipient }) => {
            json!({ "kind": "grid_recipient_set", "recipient": recipient.map(|wallet| wallet.to_string()) })
        }
        Some(ProposalAction::BusClose) => json!({ "kind": "bus_close" }),
    }
}

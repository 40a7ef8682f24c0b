//! The built program can return every error of the market: the table names a test for each, and the test below runs it
//! and sees the error.

use {
    crate::{
        attack, batch, bus, capacity, claim, lock, offer, offer_for_bus, proposal, purchase, seller, token, trader,
        treasury,
    },
    multibus::error::MultibusError,
    multibus_tests::{refusal::code_of, seen_refusals},
    std::thread,
};

macro_rules! refusals {
    ($($error:ident: $module:ident::$test:ident,)+) => {
        const REFUSALS: &[(MultibusError, &str, fn())] =
            &[$((MultibusError::$error, stringify!($module::$test), $module::$test)),+];

        /// Does not compile until every error has its test.
        const _: fn(MultibusError) = |error| match error {
            $(MultibusError::$error => (),)+
        };
    };
}

refusals! {
    NameInvalid: bus::bus_create_with_bad_name_is_rejected,
    OwnerCountInvalid: bus::bus_create_with_owner_count_out_of_range_is_rejected,
    OwnerDuplicate: bus::bus_create_with_duplicate_owner_is_rejected,
    OwnerZero: bus::bus_create_with_zero_owner_is_rejected,
    CreatorNotOwner: bus::bus_create_by_wallet_outside_the_owners_is_rejected,
    SharesInvalid: bus::bus_create_with_shares_not_summing_to_all_is_rejected,
    ThresholdInvalid: bus::bus_create_with_threshold_out_of_range_is_rejected,
    CapacityZero: bus::bus_create_without_capacity_is_rejected,
    BasePriceZero: bus::bus_create_without_base_price_is_rejected,
    LockFeeTooHigh: bus::bus_create_with_lock_fee_above_limit_is_rejected,
    TimelockTooLong: bus::bus_create_with_timelock_above_limit_is_rejected,
    WindowsInvalid: bus::bus_create_with_bad_windows_is_rejected,
    ListingPolicyUnknown: bus::bus_create_with_unknown_listing_policy_is_rejected,
    NotAnOwner: proposal::proposal_create_by_stranger_is_rejected,
    AlreadyOwner: proposal::owner_add_of_an_owner_is_rejected,
    OwnersFull: proposal::owner_add_beyond_sixteen_is_rejected,
    BusPaused: purchase::purchase_while_paused_is_rejected,
    TokenProgramInvalid: token::mint_of_another_token_program_is_rejected,
    MintInvalid: token::mint_that_is_none_is_rejected,
    MintHasTransferFee: token::mint_with_transfer_fee_is_rejected,
    MintHasTransferHook: token::mint_with_transfer_hook_is_rejected,
    MintHasPermanentDelegate: token::mint_with_permanent_delegate_is_rejected,
    MintNonTransferable: token::mint_of_non_transferable_tokens_is_rejected,
    MintDefaultFrozen: token::mint_with_default_state_is_rejected,
    MintHasCloseAuthority: token::mint_with_close_authority_is_rejected,
    MintPausable: token::mint_that_can_be_paused_is_rejected,
    MintExtensionUnknown: token::mint_with_an_extension_not_known_to_be_harmless_is_rejected,
    MintMismatch: seller::seller_open_in_another_mint_is_rejected,
    TokenProgramMismatch: purchase::purchase_through_another_token_program_is_rejected,
    TokenAccountInvalid: seller::seller_withdraw_to_what_is_no_token_account_of_the_mint_is_rejected,
    RefundMismatch: lock::lock_release_refunded_to_another_account_than_the_locks_is_rejected,
    BusMismatch: purchase::purchase_under_another_bus_is_rejected,
    CapacityMismatch: offer::offer_cancel_with_another_capacity_seller_or_bus_is_rejected,
    WindowsOff: capacity::capacity_open_without_windows_is_rejected,
    WindowsOn: offer::offer_create_in_the_general_capacity_of_a_windowed_bus_is_rejected,
    WindowMisaligned: capacity::capacity_open_of_misaligned_window_is_rejected,
    WindowTooFar: capacity::capacity_open_beyond_the_horizon_is_rejected,
    GateClosed: capacity::capacity_open_at_gate_closure_is_rejected,
    WindowNotOver: capacity::capacity_close_before_the_end_of_the_window_is_rejected,
    WindowHasOffers: capacity::capacity_close_with_open_offers_is_rejected,
    RentPayerMismatch: offer::offer_cancel_with_rent_to_another_wallet_is_rejected,
    ListingClosed: seller::seller_open_where_the_policy_leaves_the_wallet_out_is_rejected,
    EnergyZero: purchase::purchase_of_zero_energy_is_rejected,
    PriceBelowBase: offer::offer_create_below_base_price_is_rejected,
    CapacityExceeded: offer::offer_create_above_the_available_capacity_is_rejected,
    SourceUnknown: offer::offer_create_from_unknown_source_is_rejected,
    ExpiryInPast: offer::offer_create_with_expiry_in_the_past_is_rejected,
    NotTheSeller: offer::offer_reprice_by_stranger_is_rejected,
    OfferStillTrading: offer::offer_cancel_by_stranger_is_rejected,
    NothingToCancel: offer::offer_cancel_with_nothing_to_withdraw_is_rejected,
    OfferCancelled: purchase::purchase_of_cancelled_offer_is_rejected,
    OfferExpired: purchase::purchase_from_the_expiry_second_on_is_rejected,
    EnergyUnavailable: purchase::purchase_above_the_free_energy_is_rejected,
    MinimumInvalid: purchase::purchase_with_minimum_out_of_range_is_rejected,
    PriceAboveLimit: purchase::purchase_above_the_price_limit_is_rejected,
    VersionMismatch: purchase::purchase_of_another_version_is_rejected,
    SelfTrade: purchase::purchase_by_the_seller_is_rejected,
    CostOverflow: purchase::purchase_whose_cost_overflows_is_rejected,
    TotalAboveLimit: batch::batch_above_the_total_limit_is_rejected,
    BatchInvalid: batch::batch_of_33_items_is_rejected,
    OfferDuplicate: batch::batch_with_the_same_offer_twice_is_rejected,
    NonceMismatch: purchase::purchase_with_any_nonce_but_the_next_is_rejected,
    TraderMismatch: purchase::purchase_in_the_lane_of_another_wallet_is_rejected,
    LockOutlivesOffer: lock::lock_take_that_would_end_less_than_300_seconds_before_the_offer_is_rejected,
    LockBuyerMismatch: lock::lock_settle_by_another_buyer_is_rejected,
    LockOfferMismatch: lock::lock_settle_on_another_offer_is_rejected,
    LockExpired: lock::lock_settle_at_301_seconds_is_rejected,
    LockNotExpired: lock::lock_release_by_stranger_until_300_seconds_is_rejected,
    CounterOverflow: purchase::purchase_past_the_last_nonce_is_rejected,
    PauseQuorumInvalid: bus::bus_create_with_pause_quorum_above_the_threshold_is_rejected,
    ShareCountInvalid: proposal::shares_of_another_number_than_owners_are_rejected,
    LastOwner: proposal::owner_remove_of_the_last_owner_is_rejected,
    OwnerUnknown: proposal::owner_remove_of_somebody_else_is_rejected,
    ThresholdAboveOwners: proposal::owner_remove_below_the_threshold_is_rejected,
    FormerOwnersFull: treasury::sixteen_former_owners_with_revenue_hold_up_the_next_until_one_is_paid,
    WindowsInUse: proposal::windows_in_use_keep_their_length,
    AlreadyPaused: proposal::pause_while_paused_is_rejected,
    NotPaused: proposal::resume_while_running_is_rejected,
    ActionUnknown: proposal::an_action_of_a_later_program_is_rejected,
    ProposalStale: proposal::a_proposal_older_than_a_change_of_owners_is_stale,
    ProposalExecuted: proposal::proposal_execute_twice_is_rejected,
    AlreadyApproved: proposal::proposal_approve_twice_is_rejected,
    NotApproved: proposal::proposal_revoke_of_what_was_not_approved_is_rejected,
    ApprovalsMissing: proposal::proposal_execute_with_approvals_missing_is_rejected,
    TimelockActive: proposal::proposal_execute_before_the_timelock_ends_is_rejected,
    ProposalOpen: proposal::proposal_close_of_what_can_still_be_executed_is_rejected,
    ProposerMismatch: proposal::proposal_close_with_rent_to_another_wallet_is_rejected,
    TreasuryMismatch: treasury::treasury_claim_from_another_treasury_is_rejected,
    PayeeMismatch: seller::seller_withdraw_by_anyone_goes_to_the_sellers_associated_account,
    NothingToClaim: treasury::treasury_claim_with_nothing_to_claim_is_rejected,
    OwnerIsTheBus: bus::bus_create_owned_by_itself_is_rejected,
    ClaimOfBus: treasury::what_is_owed_to_a_bus_goes_back_to_the_treasury,
    FirstSlotInvalid: trader::trader_open_at_a_past_or_distant_slot_is_rejected,
    LayoutUnknown: attack::an_account_of_another_layout_is_rejected_in_every_place,
    NumberNotNext: offer::offer_create_with_any_number_but_the_next_is_rejected,
    CounterBusy: trader::trader_close_in_the_slot_of_its_opening_and_a_purchase_is_rejected,
    HorizonInvalid: bus::bus_create_with_horizon_out_of_range_is_rejected,
    HorizonTooShort: bus::bus_create_with_a_window_that_no_horizon_reaches_is_rejected,
    CapacityTooLarge: bus::bus_create_with_capacity_above_limit_is_rejected,
    LeastSizeInvalid: bus::bus_create_with_least_size_out_of_range_is_rejected,
    SizeTooSmall: purchase::purchase_below_the_least_size_is_rejected_unless_it_takes_the_rest,
    OperatorInvalid: bus::bus_create_operated_by_itself_or_nobody_is_rejected,
    NotTheOperator: seller::only_the_operator_admits_and_suspends_at_once,
    BusClosing: capacity::capacity_open_on_a_closing_bus_is_rejected,
    BusNotClosing: claim::bus_close_before_it_was_decided_or_while_in_use_is_rejected,
    BusInUse: claim::bus_close_before_it_was_decided_or_while_in_use_is_rejected,
    FormerOwnersUnpaid: claim::bus_close_while_a_former_owner_is_owed_is_rejected,
    OwnerClaimsMissing: claim::bus_close_without_the_claims_of_all_owners_in_order_is_rejected,
    LedgerMismatch: capacity::capacity_open_with_another_ledger_is_rejected,
    CapacityIsGeneral: capacity::capacity_close_of_the_general_capacity_is_rejected,
    WindowUnused: capacity::capacity_close_of_a_window_that_nobody_uses_is_for_its_payer_and_the_bus_until_the_gate_and_then_for_anyone,
    SellerMismatch: offer::offer_set_expiry_with_another_bus_is_rejected,
    SellerSuspended: seller::seller_admit_opens_the_account_or_admits_the_present_one,
    SellerHasOffers: seller::seller_close_with_open_offers_or_by_a_stranger_is_rejected,
    VaultMismatch: purchase::purchase_paid_to_another_account_is_rejected,
    NothingToWithdraw: seller::seller_withdraw_pays_what_is_released_to_any_account_that_the_seller_names,
    NothingToCollect: offer::offer_collect_releases_what_was_paid_to_the_seller,
    BusSalesUnswept: treasury::a_change_of_shares_sweeps_what_the_bus_sold_before,
    WithdrawNotToTreasury: treasury::sales_of_the_bus_go_to_its_own_vault_and_from_there_to_the_treasury,
    PriceBelowReserve: offer_for_bus::the_bus_never_sells_below_its_reserve_price,
    ExpiryTooLate: offer::offer_create_with_expiry_beyond_horizon_or_gate_is_rejected,
    ExpiryBeforeLocks: offer::offer_set_expiry_while_locks_need_it_longer_is_rejected,
    OfferNotYetTrading: offer_for_bus::the_bus_offers_trade_120_seconds_after_they_were_listed_or_lowered,
    LockPlaceInvalid: lock::lock_take_in_a_ninth_place_is_rejected,
    LockChanged: lock::what_was_signed_for_an_earlier_lock_ends_no_later_one_in_its_place,
    LockReleased: lock::lock_settle_of_a_lock_that_was_released_is_rejected,
    PayerFrozen: lock::lock_release_from_a_frozen_vault_frees_the_energy_and_pays_later,
    PayeeUnpayable: treasury::treasury_claim_into_an_account_that_asks_for_memos_is_rejected,
    PayeeIsBusAccount: seller::seller_withdraw_into_an_account_of_the_bus_is_rejected,
    UnclaimedMismatch: claim::claims_of_several_buses_keep_apart,
    ClaimMismatch: claim::bus_close_without_the_claims_of_all_owners_in_order_is_rejected,
    ProposalExpired: proposal::a_proposal_expires_30_days_after_it_could_have_been_executed,
    ProposalChanged: proposal::an_approval_names_what_was_read,
    MintInterestBearing: token::mint_that_pays_interest_on_paper_is_rejected,
    MintScaledAmount: token::mint_whose_shown_amounts_are_scaled_is_rejected,
}

#[test]
fn every_error_is_produced_by_the_test_that_the_table_names() {
    for (error, name, test) in REFUSALS {
        // Its own thread, which has seen nothing yet.
        let seen = thread::spawn(move || {
            test();
            seen_refusals()
        });
        let seen = seen.join().unwrap_or_else(|_| panic!("{name} fails"));
        assert!(seen.contains(&code_of(*error)), "{name} does not produce {error:?}");
    }
}

#[test]
fn every_error_has_its_line_in_the_table_once() {
    let mut codes: Vec<_> = REFUSALS.iter().map(|(error, ..)| code_of(*error)).collect();
    codes.sort_unstable();
    assert_eq!(codes, (6_000..6_000 + REFUSALS.len() as u32).collect::<Vec<_>>());
}

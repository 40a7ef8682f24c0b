//! Pins what clients depend on: account layouts, discriminators and error codes. Append lines; never change one.

use {
    anchor_lang::Discriminator,
    multibus::{error::MultibusError, event, instruction, state},
    multibus_tests::refusal::code_of,
    std::mem::offset_of,
};

/// Asserts the size of an account's data (discriminator included) and the offset of every field in it.
macro_rules! layout {
    ($account:ident, $size:literal, { $($field:ident: $offset:literal,)+ }) => {{
        use state::$account as Account;
        assert_eq!(8 + size_of::<Account>(), $size, "size of {}", stringify!($account));
        $(assert_eq!(
            8 + offset_of!(Account, $field), $offset,
            "offset of {}.{}", stringify!($account), stringify!($field)
        );)+
        // No field is missing above.
        let Account { $($field: _),+ } = bytemuck::Zeroable::zeroed();
    }};
}

#[test]
fn account_layouts_are_pinned() {
    layout!(Bus, 2_208, {
        layout_version: 8,
        bump: 9,
        owner_count: 10,
        threshold: 11,
        listing_policy: 12,
        paused: 13,
        name_len: 14,
        mint_decimals: 15,
        timelock_seconds: 16,
        window_seconds: 20,
        gate_closure_seconds: 24,
        lock_fee_bps: 28,
        pause_quorum: 30,
        former_owner_count: 31,
        capacity_wh: 32,
        base_price_per_kwh: 40,
        config_version: 48,
        proposal_seq: 56,
        bus_seq: 64,
        created_at: 72,
        creator: 80,
        mint: 112,
        token_program: 144,
        escrow: 176,
        treasury: 208,
        treasury_claimed: 240,
        treasury_settled: 248,
        name: 256,
        owners: 288,
        former_owners: 1_312,
        resumed_at: 1_952,
        reserved: 1_960,
    });
    layout!(Capacity, 328, {
        layout_version: 8,
        bump: 9,
        padding: 10,
        window_seconds: 12,
        window_start: 16,
        total_wh: 24,
        available_wh: 32,
        listed_wh: 40,
        sold_wh: 48,
        open_offers: 56,
        open_windows: 60,
        offer_seqs: 64,
        bus: 200,
        rent_payer: 232,
        reserved: 264,
    });
    layout!(Offer, 312, {
        layout_version: 8,
        bump: 9,
        source: 10,
        owned_by_bus: 11,
        cancelled: 12,
        padding: 13,
        version: 16,
        open_locks: 20,
        offer_seq: 24,
        price_per_kwh: 32,
        listed_wh: 40,
        remaining_wh: 48,
        reserved_wh: 56,
        window_start: 64,
        created_at: 72,
        expires_at: 80,
        bus: 88,
        capacity: 120,
        seller: 152,
        payout: 184,
        rent_payer: 216,
        reserved: 248,
    });
    layout!(Trader, 1_048, {
        layout_version: 8,
        bump: 9,
        lane: 10,
        padding: 12,
        next_nonce: 16,
        first_nonce: 24,
        total_energy_wh: 32,
        total_paid: 40,
        opened_at: 48,
        wallet: 56,
        history_root: 88,
        receipts: 120,
        reserved: 1_016,
    });
    layout!(Lock, 184, {
        layout_version: 8,
        bump: 9,
        lock_fee_bps: 10,
        padding: 12,
        energy_wh: 16,
        price_per_kwh: 24,
        deposit: 32,
        taken_at: 40,
        expires_at: 48,
        bus: 56,
        offer: 88,
        buyer: 120,
        reserved: 152,
    });
    layout!(Proposal, 272, {
        layout_version: 8,
        bump: 9,
        state: 10,
        padding: 11,
        approvals: 14,
        proposal_seq: 16,
        config_version: 24,
        created_at: 32,
        executable_at: 40,
        executed_at: 48,
        bus: 56,
        proposer: 88,
        action: 120,
        reserved: 208,
    });
    assert_eq!(offset_of!(state::Action, kind), 0);
    assert_eq!(offset_of!(state::Action, share_count), 1);
    assert_eq!(offset_of!(state::Action, padding), 2);
    assert_eq!(offset_of!(state::Action, value), 8);
    assert_eq!(offset_of!(state::Action, gate_closure_seconds), 16);
    assert_eq!(offset_of!(state::Action, owner), 24);
    assert_eq!(offset_of!(state::Action, shares_bps), 56);
    assert_eq!(size_of::<state::Action>(), 88);
    assert_eq!(offset_of!(state::FormerOwner, owner), 0);
    assert_eq!(offset_of!(state::FormerOwner, accrued), 32);
    assert_eq!(size_of::<state::FormerOwner>(), 40);
    assert_eq!(offset_of!(state::OfferSeqWindow, next), 0);
    assert_eq!(offset_of!(state::OfferSeqWindow, used), 8);
    assert_eq!(size_of::<state::OfferSeqWindow>(), 136);
    assert_eq!(offset_of!(state::OwnerSlot, owner), 0);
    assert_eq!(offset_of!(state::OwnerSlot, accrued), 32);
    assert_eq!(offset_of!(state::OwnerSlot, claimed), 40);
    assert_eq!(offset_of!(state::OwnerSlot, share_bps), 48);
    assert_eq!(size_of::<state::OwnerSlot>(), 64);
    assert_eq!(offset_of!(state::Receipt, transaction_hash), 0);
    assert_eq!(offset_of!(state::Receipt, energy_wh), 32);
    assert_eq!(offset_of!(state::Receipt, paid), 40);
    assert_eq!(offset_of!(state::Receipt, purchased_at), 48);
    assert_eq!(size_of::<state::Receipt>(), 56);
}

#[test]
fn account_discriminators_are_pinned() {
    assert_eq!(state::Bus::DISCRIMINATOR, [101, 152, 92, 122, 36, 209, 231, 114]);
    assert_eq!(state::Capacity::DISCRIMINATOR, [19, 216, 196, 142, 39, 29, 145, 16]);
    assert_eq!(state::Offer::DISCRIMINATOR, [215, 88, 60, 71, 170, 162, 73, 229]);
    assert_eq!(state::Trader::DISCRIMINATOR, [74, 133, 32, 105, 47, 50, 5, 238]);
    assert_eq!(state::Lock::DISCRIMINATOR, [8, 255, 36, 202, 210, 22, 57, 137]);
    assert_eq!(state::Proposal::DISCRIMINATOR, [26, 94, 189, 187, 116, 136, 53, 33]);
}

#[test]
fn event_discriminators_are_pinned() {
    assert_eq!(event::BusCreated::DISCRIMINATOR, [82, 115, 121, 97, 4, 141, 204, 212]);
    assert_eq!(event::CapacityOpened::DISCRIMINATOR, [164, 91, 255, 48, 189, 80, 63, 192]);
    assert_eq!(event::CapacityClosed::DISCRIMINATOR, [114, 2, 248, 50, 173, 142, 108, 79]);
    assert_eq!(event::OfferCreated::DISCRIMINATOR, [31, 236, 215, 144, 75, 45, 157, 87]);
    assert_eq!(event::OfferRepriced::DISCRIMINATOR, [163, 208, 50, 180, 159, 254, 143, 106]);
    assert_eq!(event::OfferExtended::DISCRIMINATOR, [219, 228, 146, 249, 108, 235, 206, 14]);
    assert_eq!(event::OfferCancelled::DISCRIMINATOR, [45, 42, 175, 214, 51, 192, 154, 9]);
    assert_eq!(event::LockTaken::DISCRIMINATOR, [30, 3, 19, 190, 255, 106, 182, 7]);
    assert_eq!(event::LockReleased::DISCRIMINATOR, [188, 240, 15, 169, 219, 184, 26, 111]);
    assert_eq!(event::TraderOpened::DISCRIMINATOR, [152, 228, 191, 95, 90, 143, 236, 145]);
    assert_eq!(event::TraderClosed::DISCRIMINATOR, [174, 165, 97, 170, 238, 197, 143, 146]);
    assert_eq!(event::EnergyPurchased::DISCRIMINATOR, [86, 135, 0, 125, 138, 97, 38, 179]);
    assert_eq!(event::ProposalCreated::DISCRIMINATOR, [186, 8, 160, 108, 81, 13, 51, 206]);
    assert_eq!(event::ProposalApproved::DISCRIMINATOR, [70, 49, 155, 228, 157, 43, 88, 49]);
    assert_eq!(event::ProposalRevoked::DISCRIMINATOR, [65, 27, 240, 220, 255, 78, 201, 79]);
    assert_eq!(event::ProposalExecuted::DISCRIMINATOR, [92, 213, 189, 201, 101, 83, 111, 83]);
    assert_eq!(event::ProposalClosed::DISCRIMINATOR, [57, 90, 47, 164, 105, 55, 97, 27]);
    assert_eq!(event::TreasuryClaimed::DISCRIMINATOR, [59, 99, 64, 13, 118, 14, 251, 106]);
}

/// Numbers of the actions, in accounts and events and as an instruction names them.
#[test]
fn action_numbers_are_pinned() {
    use state::{ActionKind, ProposalAction};
    let kinds = [
        (ActionKind::OwnerAdd, 0),
        (ActionKind::OwnerRemove, 1),
        (ActionKind::SharesSet, 2),
        (ActionKind::ThresholdSet, 3),
        (ActionKind::TimelockSet, 4),
        (ActionKind::CapacitySet, 5),
        (ActionKind::BasePriceSet, 6),
        (ActionKind::ListingPolicySet, 7),
        (ActionKind::WindowsSet, 8),
        (ActionKind::LockFeeSet, 9),
        (ActionKind::Pause, 10),
        (ActionKind::Resume, 11),
    ];
    for (kind, number) in kinds {
        assert_eq!(kind as u8, number);
    }
    let owner = solana_address::Address::new_from_array([7; 32]);
    let shares_bps = vec![9_999, 1];
    let actions = [
        ProposalAction::OwnerAdd { owner, shares_bps: shares_bps.clone() },
        ProposalAction::OwnerRemove { owner, shares_bps: shares_bps.clone() },
        ProposalAction::SharesSet { shares_bps },
        ProposalAction::ThresholdSet { threshold: 7 },
        ProposalAction::TimelockSet { timelock_seconds: 7 },
        ProposalAction::CapacitySet { capacity_wh: 7 },
        ProposalAction::BasePriceSet { base_price_per_kwh: 7 },
        ProposalAction::ListingPolicySet { listing_policy: 1 },
        ProposalAction::WindowsSet { window_seconds: 900, gate_closure_seconds: 60 },
        ProposalAction::LockFeeSet { lock_fee_bps: 7 },
        ProposalAction::Pause,
        ProposalAction::Resume,
    ];
    for (number, action) in actions.into_iter().enumerate() {
        let data = anchor_lang::InstructionData::data(&instruction::ProposalCreate { action: action.clone() });
        assert_eq!(data[..2], [16, number as u8], "{action:?}");
        let encoded = state::Action::encode(&action).unwrap();
        assert_eq!((encoded.kind as usize, encoded.decode()), (number, Some(action)));
    }
}

#[test]
fn instruction_discriminators_are_pinned() {
    assert_eq!(instruction::BusCreate::DISCRIMINATOR, [0]);
    // 1 was used while this was built, and stays unused.
    assert_eq!(instruction::CapacityOpen::DISCRIMINATOR, [2]);
    assert_eq!(instruction::CapacityClose::DISCRIMINATOR, [3]);
    assert_eq!(instruction::OfferCreate::DISCRIMINATOR, [4]);
    assert_eq!(instruction::OfferReprice::DISCRIMINATOR, [5]);
    assert_eq!(instruction::OfferExtend::DISCRIMINATOR, [6]);
    assert_eq!(instruction::OfferCancel::DISCRIMINATOR, [7]);
    assert_eq!(instruction::Purchase::DISCRIMINATOR, [8]);
    assert_eq!(instruction::PurchaseBatch::DISCRIMINATOR, [9]);
    assert_eq!(instruction::LockTake::DISCRIMINATOR, [10]);
    assert_eq!(instruction::LockSettle::DISCRIMINATOR, [11]);
    assert_eq!(instruction::LockRelease::DISCRIMINATOR, [12]);
    assert_eq!(instruction::TraderOpen::DISCRIMINATOR, [13]);
    assert_eq!(instruction::TraderClose::DISCRIMINATOR, [14]);
    assert_eq!(instruction::OfferCreateForBus::DISCRIMINATOR, [15]);
    assert_eq!(instruction::ProposalCreate::DISCRIMINATOR, [16]);
    assert_eq!(instruction::ProposalApprove::DISCRIMINATOR, [17]);
    assert_eq!(instruction::ProposalRevoke::DISCRIMINATOR, [18]);
    assert_eq!(instruction::ProposalExecute::DISCRIMINATOR, [19]);
    assert_eq!(instruction::ProposalClose::DISCRIMINATOR, [20]);
    assert_eq!(instruction::TreasuryClaim::DISCRIMINATOR, [21]);
}

#[test]
fn error_codes_are_pinned() {
    let codes = [
        (MultibusError::NameInvalid, 6000),
        (MultibusError::OwnerCountInvalid, 6001),
        (MultibusError::OwnerDuplicate, 6002),
        (MultibusError::OwnerZero, 6003),
        (MultibusError::CreatorNotOwner, 6004),
        (MultibusError::SharesInvalid, 6005),
        (MultibusError::ThresholdInvalid, 6006),
        (MultibusError::CapacityZero, 6007),
        (MultibusError::BasePriceZero, 6008),
        (MultibusError::LockFeeTooHigh, 6009),
        (MultibusError::TimelockTooLong, 6010),
        (MultibusError::WindowsInvalid, 6011),
        (MultibusError::ListingPolicyUnknown, 6012),
        (MultibusError::NotAnOwner, 6013),
        (MultibusError::AlreadyOwner, 6014),
        (MultibusError::OwnersFull, 6015),
        (MultibusError::BusPaused, 6016),
        (MultibusError::TokenProgramInvalid, 6017),
        (MultibusError::MintInvalid, 6018),
        (MultibusError::MintHasTransferFee, 6019),
        (MultibusError::MintHasTransferHook, 6020),
        (MultibusError::MintHasPermanentDelegate, 6021),
        (MultibusError::MintNonTransferable, 6022),
        (MultibusError::MintDefaultFrozen, 6023),
        (MultibusError::MintHasCloseAuthority, 6024),
        (MultibusError::MintPausable, 6025),
        (MultibusError::MintExtensionUnknown, 6026),
        (MultibusError::MintMismatch, 6027),
        (MultibusError::TokenProgramMismatch, 6028),
        (MultibusError::TokenAccountInvalid, 6029),
        (MultibusError::PayoutIsBusAccount, 6030),
        (MultibusError::PayoutMismatch, 6031),
        (MultibusError::EscrowMismatch, 6032),
        (MultibusError::RefundNotBuyers, 6033),
        (MultibusError::BusMismatch, 6034),
        (MultibusError::CapacityMismatch, 6035),
        (MultibusError::WindowsOff, 6036),
        (MultibusError::WindowsOn, 6037),
        (MultibusError::WindowMisaligned, 6038),
        (MultibusError::WindowTooFar, 6039),
        (MultibusError::GateClosed, 6040),
        (MultibusError::WindowNotOver, 6041),
        (MultibusError::WindowHasOffers, 6042),
        (MultibusError::RentPayerMismatch, 6043),
        (MultibusError::ListingClosed, 6044),
        (MultibusError::EnergyZero, 6045),
        (MultibusError::PriceBelowBase, 6046),
        (MultibusError::CapacityExceeded, 6047),
        (MultibusError::OfferSeqUnusable, 6048),
        (MultibusError::SourceUnknown, 6049),
        (MultibusError::ExpiryInPast, 6050),
        (MultibusError::ExpiryNotLater, 6051),
        (MultibusError::NotTheSeller, 6052),
        (MultibusError::OfferStillTrading, 6053),
        (MultibusError::NothingToCancel, 6054),
        (MultibusError::OfferCancelled, 6055),
        (MultibusError::OfferExpired, 6056),
        (MultibusError::EnergyUnavailable, 6057),
        (MultibusError::MinimumInvalid, 6058),
        (MultibusError::PriceAboveLimit, 6059),
        (MultibusError::VersionMismatch, 6060),
        (MultibusError::SelfTrade, 6061),
        (MultibusError::CostOverflow, 6062),
        (MultibusError::TotalAboveLimit, 6063),
        (MultibusError::BatchInvalid, 6064),
        (MultibusError::OfferDuplicate, 6065),
        (MultibusError::NonceMismatch, 6066),
        (MultibusError::TraderMismatch, 6067),
        (MultibusError::LaneBusy, 6068),
        (MultibusError::LockOutlivesOffer, 6069),
        (MultibusError::LockBuyerMismatch, 6070),
        (MultibusError::LockOfferMismatch, 6071),
        (MultibusError::LockExpired, 6072),
        (MultibusError::LockNotExpired, 6073),
        (MultibusError::CounterOverflow, 6074),
        (MultibusError::PauseQuorumInvalid, 6075),
        (MultibusError::ShareCountInvalid, 6076),
        (MultibusError::LastOwner, 6077),
        (MultibusError::OwnerUnknown, 6078),
        (MultibusError::ThresholdAboveOwners, 6079),
        (MultibusError::FormerOwnersFull, 6080),
        (MultibusError::CapacityBelowListed, 6081),
        (MultibusError::WindowsInUse, 6082),
        (MultibusError::AlreadyPaused, 6083),
        (MultibusError::NotPaused, 6084),
        (MultibusError::ActionUnknown, 6085),
        (MultibusError::ProposalStale, 6086),
        (MultibusError::ProposalExecuted, 6087),
        (MultibusError::AlreadyApproved, 6088),
        (MultibusError::NotApproved, 6089),
        (MultibusError::ApprovalsMissing, 6090),
        (MultibusError::TimelockActive, 6091),
        (MultibusError::ProposalOpen, 6092),
        (MultibusError::ProposerMismatch, 6093),
        (MultibusError::TreasuryMismatch, 6094),
        (MultibusError::ClaimNotOwners, 6095),
        (MultibusError::NothingToClaim, 6096),
        (MultibusError::OwnerIsTheBus, 6097),
        (MultibusError::ClaimNotToTreasury, 6098),
        (MultibusError::FirstSlotInvalid, 6099),
    ];
    for (error, code) in codes {
        assert_eq!(code_of(error), code, "{error:?}");
    }
    assert_eq!(codes.len(), MultibusError::ALL.len(), "every error is pinned");
}

//! What clients build upon, pinned: account layouts, discriminators and error codes. Append; never change a line.

use {
    anchor_lang::Discriminator,
    multibus::{error::MultibusError, event, instruction, state},
    multibus_tests::world::code_of,
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
    layout!(Bus, 1_552, {
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
        padding: 30,
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
        name: 240,
        owners: 272,
        reserved: 1_296,
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
        padding: 10,
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
}

#[test]
fn event_discriminators_are_pinned() {
    assert_eq!(event::BusCreated::DISCRIMINATOR, [82, 115, 121, 97, 4, 141, 204, 212]);
    assert_eq!(event::OwnerAdded::DISCRIMINATOR, [69, 11, 43, 140, 68, 4, 210, 84]);
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
}

#[test]
fn instruction_discriminators_are_pinned() {
    assert_eq!(instruction::BusCreate::DISCRIMINATOR, [0]);
    assert_eq!(instruction::BusAddOwner::DISCRIMINATOR, [1]);
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
        (MultibusError::ThresholdRequiresProposal, 6014),
        (MultibusError::AlreadyOwner, 6015),
        (MultibusError::OwnersFull, 6016),
        (MultibusError::ShareExceedsOwn, 6017),
        (MultibusError::BusPaused, 6018),
        (MultibusError::TokenProgramInvalid, 6019),
        (MultibusError::MintInvalid, 6020),
        (MultibusError::MintHasTransferFee, 6021),
        (MultibusError::MintHasTransferHook, 6022),
        (MultibusError::MintHasPermanentDelegate, 6023),
        (MultibusError::MintNonTransferable, 6024),
        (MultibusError::MintDefaultFrozen, 6025),
        (MultibusError::MintHasCloseAuthority, 6026),
        (MultibusError::MintPausable, 6027),
        (MultibusError::MintExtensionUnknown, 6028),
        (MultibusError::MintMismatch, 6029),
        (MultibusError::TokenProgramMismatch, 6030),
        (MultibusError::TokenAccountInvalid, 6031),
        (MultibusError::PayoutIsBusAccount, 6032),
        (MultibusError::PayoutMismatch, 6033),
        (MultibusError::EscrowMismatch, 6034),
        (MultibusError::RefundNotBuyers, 6035),
        (MultibusError::BusMismatch, 6036),
        (MultibusError::CapacityMismatch, 6037),
        (MultibusError::WindowsOff, 6038),
        (MultibusError::WindowsOn, 6039),
        (MultibusError::WindowMisaligned, 6040),
        (MultibusError::WindowTooFar, 6041),
        (MultibusError::GateClosed, 6042),
        (MultibusError::WindowNotOver, 6043),
        (MultibusError::WindowHasOffers, 6044),
        (MultibusError::RentPayerMismatch, 6045),
        (MultibusError::ListingClosed, 6046),
        (MultibusError::EnergyZero, 6047),
        (MultibusError::PriceBelowBase, 6048),
        (MultibusError::CapacityExceeded, 6049),
        (MultibusError::OfferSeqUnusable, 6050),
        (MultibusError::SourceUnknown, 6051),
        (MultibusError::ExpiryInPast, 6052),
        (MultibusError::ExpiryNotLater, 6053),
        (MultibusError::NotTheSeller, 6054),
        (MultibusError::OfferStillTrading, 6055),
        (MultibusError::NothingToCancel, 6056),
        (MultibusError::OfferCancelled, 6057),
        (MultibusError::OfferExpired, 6058),
        (MultibusError::EnergyUnavailable, 6059),
        (MultibusError::MinimumInvalid, 6060),
        (MultibusError::PriceAboveLimit, 6061),
        (MultibusError::VersionMismatch, 6062),
        (MultibusError::SelfTrade, 6063),
        (MultibusError::CostOverflow, 6064),
        (MultibusError::TotalAboveLimit, 6065),
        (MultibusError::BatchInvalid, 6066),
        (MultibusError::OfferDuplicate, 6067),
        (MultibusError::NonceMismatch, 6068),
        (MultibusError::TraderMismatch, 6069),
        (MultibusError::LaneBusy, 6070),
        (MultibusError::LockOutlivesOffer, 6071),
        (MultibusError::LockBuyerMismatch, 6072),
        (MultibusError::LockOfferMismatch, 6073),
        (MultibusError::LockExpired, 6074),
        (MultibusError::LockNotExpired, 6075),
        (MultibusError::CounterOverflow, 6076),
    ];
    for (error, code) in codes {
        assert_eq!(code_of(error), code, "{error:?}");
    }
}

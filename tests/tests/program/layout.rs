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
#[expect(clippy::too_many_lines, reason = "a list of all fields")]
fn account_layouts_are_pinned() {
    layout!(Bid, 288, {
        layout_version: 8,
        bump: 9,
        state: 10,
        padding: 11,
        energy_wh: 16,
        max_price_per_kwh: 24,
        price_per_kwh: 32,
        deposit: 40,
        paid: 48,
        allotted_wh: 56,
        delivered_wh: 64,
        certified_wh: 72,
        window_start: 80,
        created_at: 88,
        bus: 96,
        capacity: 128,
        buyer: 160,
        refund: 192,
        transaction_hash: 224,
        reserved: 256,
    });
    layout!(Bus, 1_368, {
        layout_version: 8,
        bump: 9,
        owner_count: 10,
        threshold: 11,
        listing_policy: 12,
        paused: 13,
        name_len: 14,
        mint_decimals: 15,
        timelock_seconds: 16,
        horizon_seconds: 20,
        lock_fee_bps: 24,
        pause_quorum: 26,
        closing: 27,
        padding: 28,
        capacity_wh: 32,
        base_price_per_kwh: 40,
        reserve_price_per_kwh: 48,
        least_wh: 56,
        config_version: 64,
        pause_version: 72,
        bus_seq: 80,
        created_at: 88,
        creator: 96,
        mint: 128,
        token_program: 160,
        treasury: 192,
        unclaimed: 224,
        seller: 256,
        operator: 288,
        grid_recipient: 320,
        terms: 352,
        next_terms: 392,
        readings_until: 432,
        name: 440,
        owners: 472,
        escrow: 1_112,
        closing_at: 1_144,
        reserved: 1_152,
    });
    layout!(Capacity, 384, {
        layout_version: 8,
        bump: 9,
        padding: 10,
        open_offers: 12,
        window_start: 16,
        terms: 24,
        gate_closes_at: 64,
        total_wh: 72,
        available_wh: 80,
        committed_wh: 88,
        bus: 96,
        rent_payer: 128,
        open_bids: 160,
        given_up: 164,
        padding_2: 165,
        escrowed: 168,
        cleared_at: 176,
        price_per_kwh: 184,
        volume_wh: 192,
        bids: 200,
        asks: 224,
        reported_wh: 248,
        delivered_wh: 256,
        pool_complete_at: 264,
        reserved: 272,
    });
    layout!(Certificate, 240, {
        layout_version: 8,
        bump: 9,
        source: 10,
        state: 11,
        window_seconds: 12,
        window_start: 16,
        range_start: 24,
        range_end: 32,
        issued_at: 40,
        device: 48,
        bus: 80,
        seller: 112,
        owner: 144,
        rent_payer: 176,
        reserved: 208,
    });
    layout!(Claim, 184, {
        layout_version: 8,
        bump: 9,
        padding: 10,
        amount: 16,
        bus: 24,
        wallet: 56,
        refund: 88,
        rent_payer: 120,
        reserved: 152,
    });
    layout!(Clearing, 320, {
        layout_version: 8,
        bump: 9,
        padding: 10,
        low_price: 16,
        high_price: 24,
        bids: 32,
        offers: 36,
        bid_wh: 40,
        ask_wh: 96,
        opened_at: 152,
        last: 160,
        bus: 192,
        capacity: 224,
        clearer: 256,
        reserved: 288,
    });
    layout!(Creator, 88, {
        layout_version: 8,
        bump: 9,
        padding: 10,
        next_bus: 16,
        wallet: 24,
        reserved: 56,
    });
    layout!(DeliveryBook, 8_184, {
        layout_version: 8,
        bump: 9,
        meter_count: 10,
        padding: 11,
        open_offers: 12,
        open_positions: 16,
        padding_2: 20,
        first_window: 24,
        settled: 32,
        terms: 40,
        bus: 80,
        bus_created_at: 112,
        meter: 120,
        seller: 152,
        vault: 184,
        rent_payer: 216,
        meters: 248,
        windows: 440,
        pool_due: 8_120,
        pool_grid_fee: 8_128,
        reserved: 8_136,
    });
    layout!(Device, 184, {
        layout_version: 8,
        bump: 9,
        retired: 10,
        padding: 11,
        busy_until: 16,
        key: 24,
        bus: 56,
        seller: 88,
        rent_payer: 120,
        reserved: 152,
    });
    layout!(Ledger, 1_368, {
        layout_version: 8,
        bump: 9,
        former_owner_count: 10,
        padding: 11,
        open_sellers: 16,
        open_windows: 20,
        open_proposals: 24,
        open_claims: 28,
        unclaimed_total: 32,
        period_claimed: 40,
        accrued_total: 48,
        proposals_from: 56,
        bus: 64,
        owners: 96,
        former_owners: 480,
        diverted: 1_120,
        reserved: 1_128,
    });
    layout!(Lock, 248, {
        layout_version: 8,
        bump: 9,
        place: 10,
        state: 11,
        number: 12,
        lock_fee_bps: 16,
        padding: 18,
        energy_wh: 24,
        price_per_kwh: 32,
        deposit: 40,
        taken_at: 48,
        expires_at: 56,
        bus: 64,
        offer: 96,
        buyer: 128,
        refund: 160,
        grid_fee_per_kwh: 192,
        reserved: 200,
    });
    layout!(Meter, 240, {
        layout_version: 8,
        bump: 9,
        source: 10,
        padding: 11,
        power_w: 16,
        valid_from: 24,
        listed_until: 32,
        registered_at: 40,
        bus: 48,
        seller: 80,
        key: 112,
        rent_payer: 144,
        reserved: 176,
    });
    layout!(Offer, 448, {
        layout_version: 8,
        bump: 9,
        source: 10,
        cancelled: 11,
        version: 12,
        open_locks: 16,
        locks_taken: 20,
        number: 24,
        price_per_kwh: 32,
        listed_wh: 40,
        remaining_wh: 48,
        reserved_wh: 56,
        proceeds: 64,
        deposits: 72,
        window_start: 80,
        gate_closes_at: 88,
        created_at: 96,
        trades_from: 104,
        expires_at: 112,
        locked_until: 120,
        least_wh: 128,
        bus: 136,
        capacity: 168,
        seller: 200,
        vault: 232,
        wallet: 264,
        rent_payer: 296,
        grid_fee_per_kwh: 328,
        grid_credited: 336,
        book: 344,
        book_place: 376,
        on_delivery: 377,
        in_auction: 378,
        settled: 379,
        padding: 380,
        full_price_per_kwh: 384,
        reserved: 392,
    });
    layout!(PositionBook, 1_744, {
        layout_version: 8,
        bump: 9,
        padding: 10,
        open_locks: 12,
        refunded: 16,
        certified: 32,
        book: 48,
        buyer: 80,
        refund: 112,
        rent_payer: 144,
        windows: 176,
        reserved: 1_712,
    });
    layout!(Proposal, 384, {
        layout_version: 8,
        bump: 9,
        state: 10,
        was_decided: 11,
        padding: 12,
        approvals: 14,
        number: 16,
        config_version: 24,
        pause_version: 32,
        created_at: 40,
        executable_at: 48,
        expires_at: 56,
        executed_at: 64,
        bus: 72,
        proposer: 104,
        hash: 136,
        action: 168,
        reserved: 320,
    });
    layout!(Seller, 360, {
        layout_version: 8,
        bump: 9,
        suspended: 10,
        admitted: 11,
        open_offers: 12,
        next_offer: 16,
        released: 24,
        opened_at: 32,
        bus: 40,
        wallet: 72,
        vault: 104,
        rent_payer: 136,
        grid_fees_owed: 168,
        meter: 176,
        open_books: 208,
        padding: 212,
        reserved: 216,
    });
    layout!(Tombstone, 192, {
        layout_version: 8,
        bump: 9,
        mint_decimals: 10,
        padding: 11,
        open_claims: 12,
        bus_seq: 16,
        closed_at: 24,
        creator: 32,
        mint: 64,
        token_program: 96,
        unclaimed: 128,
        reserved: 160,
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
    assert_eq!(offset_of!(state::Action, kind), 0);
    assert_eq!(offset_of!(state::Action, share_count), 1);
    assert_eq!(offset_of!(state::Action, padding), 2);
    assert_eq!(offset_of!(state::Action, value), 8);
    assert_eq!(offset_of!(state::Action, terms), 16);
    assert_eq!(offset_of!(state::Action, owner), 56);
    assert_eq!(offset_of!(state::Action, new_owner), 88);
    assert_eq!(offset_of!(state::Action, shares_bps), 120);
    assert_eq!(size_of::<state::Action>(), 152);
    assert_eq!(offset_of!(state::BookMeter, key), 0);
    assert_eq!(offset_of!(state::BookMeter, power_w), 32);
    assert_eq!(offset_of!(state::BookMeter, source), 40);
    assert_eq!(offset_of!(state::BookMeter, padding), 41);
    assert_eq!(size_of::<state::BookMeter>(), 48);
    assert_eq!(offset_of!(state::BookWindow, listed_wh), 0);
    assert_eq!(offset_of!(state::BookWindow, sold_wh), 8);
    assert_eq!(offset_of!(state::BookWindow, paid), 16);
    assert_eq!(offset_of!(state::BookWindow, auction_wh), 24);
    assert_eq!(offset_of!(state::BookWindow, delivered_wh), 32);
    assert_eq!(offset_of!(state::BookWindow, certified_wh), 40);
    assert_eq!(offset_of!(state::BookWindow, reported_at), 48);
    assert_eq!(offset_of!(state::BookWindow, sequence), 56);
    assert_eq!(offset_of!(state::BookWindow, meter), 64);
    assert_eq!(offset_of!(state::BookWindow, state), 65);
    assert_eq!(offset_of!(state::BookWindow, operator_readings), 66);
    assert_eq!(offset_of!(state::BookWindow, surplus_certified), 67);
    assert_eq!(offset_of!(state::BookWindow, unsettled_offers), 68);
    assert_eq!(offset_of!(state::BookWindow, pool_reported), 70);
    assert_eq!(offset_of!(state::BookWindow, padding), 71);
    assert_eq!(offset_of!(state::BookWindow, auction_certified_wh), 72);
    assert_eq!(size_of::<state::BookWindow>(), 80);
    assert_eq!(offset_of!(state::FormerOwner, owner), 0);
    assert_eq!(offset_of!(state::FormerOwner, accrued), 32);
    assert_eq!(size_of::<state::FormerOwner>(), 40);
    assert_eq!(offset_of!(state::OwnerAccount, accrued), 0);
    assert_eq!(offset_of!(state::OwnerAccount, claimed), 8);
    assert_eq!(offset_of!(state::OwnerAccount, next_proposal), 16);
    assert_eq!(size_of::<state::OwnerAccount>(), 24);
    assert_eq!(offset_of!(state::OwnerSlot, owner), 0);
    assert_eq!(offset_of!(state::OwnerSlot, share_bps), 32);
    assert_eq!(offset_of!(state::OwnerSlot, reserved), 34);
    assert_eq!(size_of::<state::OwnerSlot>(), 40);
    assert_eq!(offset_of!(state::PositionWindow, energy_wh), 0);
    assert_eq!(offset_of!(state::PositionWindow, paid), 8);
    assert_eq!(size_of::<state::PositionWindow>(), 16);
    assert_eq!(offset_of!(state::Ration, at_price_wh), 0);
    assert_eq!(offset_of!(state::Ration, filled_wh), 8);
    assert_eq!(offset_of!(state::Ration, settled_wh), 16);
    assert_eq!(size_of::<state::Ration>(), 24);
    assert_eq!(offset_of!(state::Receipt, transaction_hash), 0);
    assert_eq!(offset_of!(state::Receipt, energy_wh), 32);
    assert_eq!(offset_of!(state::Receipt, paid), 40);
    assert_eq!(offset_of!(state::Receipt, purchased_at), 48);
    assert_eq!(size_of::<state::Receipt>(), 56);
    assert_eq!(offset_of!(state::Terms, from), 0);
    assert_eq!(offset_of!(state::Terms, grid_fee_per_kwh), 8);
    assert_eq!(offset_of!(state::Terms, window_seconds), 16);
    assert_eq!(offset_of!(state::Terms, gate_closure_seconds), 20);
    assert_eq!(offset_of!(state::Terms, reading_deadline_seconds), 24);
    assert_eq!(offset_of!(state::Terms, correction_seconds), 28);
    assert_eq!(offset_of!(state::Terms, settlement), 32);
    assert_eq!(offset_of!(state::Terms, auction), 33);
    assert_eq!(offset_of!(state::Terms, reserved), 34);
    assert_eq!(size_of::<state::Terms>(), 40);
}

#[test]
fn account_discriminators_are_pinned() {
    assert_eq!(state::Bid::DISCRIMINATOR, [143, 246, 48, 245, 42, 145, 180, 88]);
    assert_eq!(state::Bus::DISCRIMINATOR, [101, 152, 92, 122, 36, 209, 231, 114]);
    assert_eq!(state::Capacity::DISCRIMINATOR, [19, 216, 196, 142, 39, 29, 145, 16]);
    assert_eq!(state::Certificate::DISCRIMINATOR, [202, 229, 222, 220, 116, 20, 74, 67]);
    assert_eq!(state::Claim::DISCRIMINATOR, [155, 70, 22, 176, 123, 215, 246, 102]);
    assert_eq!(state::Clearing::DISCRIMINATOR, [205, 162, 122, 124, 21, 46, 246, 46]);
    assert_eq!(state::Creator::DISCRIMINATOR, [237, 37, 233, 153, 165, 132, 54, 103]);
    assert_eq!(state::DeliveryBook::DISCRIMINATOR, [138, 171, 200, 17, 98, 196, 56, 227]);
    assert_eq!(state::Device::DISCRIMINATOR, [153, 248, 23, 39, 83, 45, 68, 128]);
    assert_eq!(state::Ledger::DISCRIMINATOR, [43, 41, 21, 213, 180, 176, 95, 32]);
    assert_eq!(state::Lock::DISCRIMINATOR, [8, 255, 36, 202, 210, 22, 57, 137]);
    assert_eq!(state::Meter::DISCRIMINATOR, [5, 115, 227, 240, 63, 166, 206, 182]);
    assert_eq!(state::Offer::DISCRIMINATOR, [215, 88, 60, 71, 170, 162, 73, 229]);
    assert_eq!(state::PositionBook::DISCRIMINATOR, [122, 76, 129, 108, 60, 67, 108, 157]);
    assert_eq!(state::Proposal::DISCRIMINATOR, [26, 94, 189, 187, 116, 136, 53, 33]);
    assert_eq!(state::Seller::DISCRIMINATOR, [76, 163, 162, 59, 115, 49, 116, 39]);
    assert_eq!(state::Tombstone::DISCRIMINATOR, [45, 187, 252, 155, 232, 114, 36, 22]);
    assert_eq!(state::Trader::DISCRIMINATOR, [74, 133, 32, 105, 47, 50, 5, 238]);
}

#[test]
fn event_discriminators_are_pinned() {
    assert_eq!(event::AskSettled::DISCRIMINATOR, [62, 232, 247, 35, 130, 196, 81, 240]);
    assert_eq!(event::AuctionCleared::DISCRIMINATOR, [14, 162, 105, 210, 219, 36, 142, 160]);
    assert_eq!(event::BidCancelled::DISCRIMINATOR, [175, 52, 76, 11, 201, 1, 205, 65]);
    assert_eq!(event::BidCreated::DISCRIMINATOR, [197, 135, 149, 136, 71, 130, 31, 39]);
    assert_eq!(event::BidSettled::DISCRIMINATOR, [234, 32, 141, 114, 0, 102, 0, 139]);
    assert_eq!(event::BookClosed::DISCRIMINATOR, [82, 77, 120, 113, 7, 80, 29, 41]);
    assert_eq!(event::BookOpened::DISCRIMINATOR, [191, 148, 160, 228, 141, 67, 194, 64]);
    assert_eq!(event::BusClosed::DISCRIMINATOR, [225, 90, 181, 86, 106, 250, 98, 34]);
    assert_eq!(event::BusCreated::DISCRIMINATOR, [82, 115, 121, 97, 4, 141, 204, 212]);
    assert_eq!(event::CapacityClosed::DISCRIMINATOR, [114, 2, 248, 50, 173, 142, 108, 79]);
    assert_eq!(event::CapacityOpened::DISCRIMINATOR, [164, 91, 255, 48, 189, 80, 63, 192]);
    assert_eq!(event::CertificateRetired::DISCRIMINATOR, [64, 57, 149, 238, 200, 149, 46, 123]);
    assert_eq!(event::CertificateTaken::DISCRIMINATOR, [160, 208, 128, 19, 22, 238, 100, 253]);
    assert_eq!(event::CertificateTransferred::DISCRIMINATOR, [236, 75, 227, 202, 62, 24, 221, 37]);
    assert_eq!(event::ClaimOwed::DISCRIMINATOR, [208, 176, 76, 112, 219, 81, 83, 204]);
    assert_eq!(event::ClaimPaid::DISCRIMINATOR, [212, 155, 88, 118, 128, 99, 132, 42]);
    assert_eq!(event::ClearingClosed::DISCRIMINATOR, [247, 32, 148, 217, 199, 228, 0, 225]);
    assert_eq!(event::ClearingOpened::DISCRIMINATOR, [196, 207, 110, 151, 32, 231, 59, 159]);
    assert_eq!(event::ClearingTallied::DISCRIMINATOR, [174, 97, 198, 84, 140, 15, 134, 78]);
    assert_eq!(event::CreatorOpened::DISCRIMINATOR, [184, 18, 232, 48, 57, 143, 51, 123]);
    assert_eq!(event::DeliveryRefunded::DISCRIMINATOR, [133, 145, 158, 6, 35, 90, 232, 148]);
    assert_eq!(event::DeliveryReleased::DISCRIMINATOR, [73, 29, 67, 167, 197, 9, 37, 172]);
    assert_eq!(event::DeliveryReported::DISCRIMINATOR, [30, 205, 42, 243, 160, 121, 88, 35]);
    assert_eq!(event::DeviceClosed::DISCRIMINATOR, [47, 29, 126, 132, 37, 146, 29, 62]);
    assert_eq!(event::EnergyPurchased::DISCRIMINATOR, [86, 135, 0, 125, 138, 97, 38, 179]);
    assert_eq!(event::GridFeesSwept::DISCRIMINATOR, [237, 5, 211, 22, 166, 238, 210, 21]);
    assert_eq!(event::LockReleased::DISCRIMINATOR, [188, 240, 15, 169, 219, 184, 26, 111]);
    assert_eq!(event::LockTaken::DISCRIMINATOR, [30, 3, 19, 190, 255, 106, 182, 7]);
    assert_eq!(event::MeterClosed::DISCRIMINATOR, [162, 27, 161, 11, 234, 35, 91, 185]);
    assert_eq!(event::MeterRegistered::DISCRIMINATOR, [148, 168, 114, 254, 79, 45, 218, 143]);
    assert_eq!(event::MeterReplaced::DISCRIMINATOR, [73, 143, 170, 160, 228, 205, 70, 156]);
    assert_eq!(event::OfferCancelled::DISCRIMINATOR, [45, 42, 175, 214, 51, 192, 154, 9]);
    assert_eq!(event::OfferCollected::DISCRIMINATOR, [223, 82, 60, 101, 17, 63, 197, 175]);
    assert_eq!(event::OfferCreated::DISCRIMINATOR, [31, 236, 215, 144, 75, 45, 157, 87]);
    assert_eq!(event::OfferExpirySet::DISCRIMINATOR, [181, 111, 121, 69, 141, 113, 38, 149]);
    assert_eq!(event::OfferRepriced::DISCRIMINATOR, [163, 208, 50, 180, 159, 254, 143, 106]);
    assert_eq!(event::PoolReported::DISCRIMINATOR, [190, 130, 125, 143, 150, 238, 156, 134]);
    assert_eq!(event::PositionClosed::DISCRIMINATOR, [157, 163, 227, 228, 13, 97, 138, 121]);
    assert_eq!(event::PositionOpened::DISCRIMINATOR, [237, 175, 243, 230, 147, 117, 101, 121]);
    assert_eq!(event::PositionRefundSet::DISCRIMINATOR, [170, 114, 193, 3, 4, 169, 109, 116]);
    assert_eq!(event::ProposalApproved::DISCRIMINATOR, [70, 49, 155, 228, 157, 43, 88, 49]);
    assert_eq!(event::ProposalClosed::DISCRIMINATOR, [57, 90, 47, 164, 105, 55, 97, 27]);
    assert_eq!(event::ProposalCreated::DISCRIMINATOR, [186, 8, 160, 108, 81, 13, 51, 206]);
    assert_eq!(event::ProposalExecuted::DISCRIMINATOR, [92, 213, 189, 201, 101, 83, 111, 83]);
    assert_eq!(event::ProposalRevoked::DISCRIMINATOR, [65, 27, 240, 220, 255, 78, 201, 79]);
    assert_eq!(event::SellerAdmitted::DISCRIMINATOR, [238, 136, 219, 214, 137, 142, 224, 235]);
    assert_eq!(event::SellerClosed::DISCRIMINATOR, [168, 155, 160, 31, 22, 225, 220, 133]);
    assert_eq!(event::SellerOpened::DISCRIMINATOR, [164, 252, 67, 132, 173, 84, 2, 36]);
    assert_eq!(event::SellerSuspended::DISCRIMINATOR, [110, 111, 205, 53, 80, 244, 204, 130]);
    assert_eq!(event::SellerWithdrawn::DISCRIMINATOR, [81, 28, 146, 232, 131, 39, 55, 139]);
    assert_eq!(event::TraderClosed::DISCRIMINATOR, [174, 165, 97, 170, 238, 197, 143, 146]);
    assert_eq!(event::TraderOpened::DISCRIMINATOR, [152, 228, 191, 95, 90, 143, 236, 145]);
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
        (ActionKind::TermsSet, 8),
        (ActionKind::LockFeeSet, 9),
        (ActionKind::Pause, 10),
        (ActionKind::Resume, 11),
        (ActionKind::OwnerReplace, 12),
        (ActionKind::PauseQuorumSet, 13),
        (ActionKind::SellerAdmit, 14),
        (ActionKind::SellerSuspend, 15),
        (ActionKind::ReservePriceSet, 16),
        (ActionKind::LeastSizeSet, 17),
        (ActionKind::OperatorSet, 18),
        (ActionKind::BusClose, 19),
        (ActionKind::GridRecipientSet, 20),
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
        ProposalAction::TermsSet { from: 900, terms: multibus_tests::instructions::delivery_terms() },
        ProposalAction::LockFeeSet { lock_fee_bps: 7 },
        ProposalAction::Pause,
        ProposalAction::Resume,
        ProposalAction::OwnerReplace { owner, new_owner: solana_address::Address::new_from_array([8; 32]) },
        ProposalAction::PauseQuorumSet { pause_quorum: 7 },
        ProposalAction::SellerAdmit { wallet: owner },
        ProposalAction::SellerSuspend { wallet: owner },
        ProposalAction::ReservePriceSet { reserve_price_per_kwh: 7 },
        ProposalAction::LeastSizeSet { least_wh: 7 },
        ProposalAction::OperatorSet { operator: Some(owner) },
        ProposalAction::BusClose,
        ProposalAction::GridRecipientSet { recipient: Some(owner) },
    ];
    for (number, action) in actions.into_iter().enumerate() {
        let data =
            anchor_lang::InstructionData::data(&instruction::ProposalCreate { number: 0, action: action.clone() });
        assert_eq!((data[0], data[1 + 8]), (22, number as u8), "{action:?}");
        let encoded = state::Action::encode(&action).unwrap();
        assert_eq!((encoded.kind as usize, encoded.decode()), (number, Some(action)));
    }
}

#[test]
fn instruction_discriminators_are_pinned() {
    assert_eq!(instruction::CreatorOpen::DISCRIMINATOR, [0]);
    assert_eq!(instruction::BusCreate::DISCRIMINATOR, [1]);
    assert_eq!(instruction::BusClose::DISCRIMINATOR, [2]);
    assert_eq!(instruction::CapacityOpen::DISCRIMINATOR, [3]);
    assert_eq!(instruction::CapacityClose::DISCRIMINATOR, [4]);
    assert_eq!(instruction::SellerOpen::DISCRIMINATOR, [5]);
    assert_eq!(instruction::SellerAdmit::DISCRIMINATOR, [6]);
    assert_eq!(instruction::SellerSuspend::DISCRIMINATOR, [7]);
    assert_eq!(instruction::SellerWithdraw::DISCRIMINATOR, [8]);
    assert_eq!(instruction::SellerClose::DISCRIMINATOR, [9]);
    assert_eq!(instruction::OfferCreate::DISCRIMINATOR, [10]);
    assert_eq!(instruction::OfferReprice::DISCRIMINATOR, [11]);
    assert_eq!(instruction::OfferSetExpiry::DISCRIMINATOR, [12]);
    assert_eq!(instruction::OfferCollect::DISCRIMINATOR, [13]);
    assert_eq!(instruction::OfferCancel::DISCRIMINATOR, [14]);
    assert_eq!(instruction::Purchase::DISCRIMINATOR, [15]);
    assert_eq!(instruction::PurchaseBatch::DISCRIMINATOR, [16]);
    assert_eq!(instruction::LockTake::DISCRIMINATOR, [17]);
    assert_eq!(instruction::LockSettle::DISCRIMINATOR, [18]);
    assert_eq!(instruction::LockRelease::DISCRIMINATOR, [19]);
    assert_eq!(instruction::TraderOpen::DISCRIMINATOR, [20]);
    assert_eq!(instruction::TraderClose::DISCRIMINATOR, [21]);
    assert_eq!(instruction::ProposalCreate::DISCRIMINATOR, [22]);
    assert_eq!(instruction::ProposalApprove::DISCRIMINATOR, [23]);
    assert_eq!(instruction::ProposalRevoke::DISCRIMINATOR, [24]);
    assert_eq!(instruction::ProposalExecute::DISCRIMINATOR, [25]);
    assert_eq!(instruction::ProposalClose::DISCRIMINATOR, [26]);
    assert_eq!(instruction::TreasuryClaim::DISCRIMINATOR, [27]);
    assert_eq!(instruction::ClaimPay::DISCRIMINATOR, [28]);
    assert_eq!(instruction::GridSweep::DISCRIMINATOR, [29]);
    assert_eq!(instruction::MeterRegister::DISCRIMINATOR, [30]);
    assert_eq!(instruction::MeterReplace::DISCRIMINATOR, [31]);
    assert_eq!(instruction::MeterClose::DISCRIMINATOR, [32]);
    assert_eq!(instruction::DeviceClose::DISCRIMINATOR, [33]);
    assert_eq!(instruction::PositionOpen::DISCRIMINATOR, [34]);
    assert_eq!(instruction::PositionSetRefund::DISCRIMINATOR, [35]);
    assert_eq!(instruction::PositionClose::DISCRIMINATOR, [36]);
    assert_eq!(instruction::DeliveryReport::DISCRIMINATOR, [37]);
    assert_eq!(instruction::DeliveryRelease::DISCRIMINATOR, [38]);
    assert_eq!(instruction::DeliveryRefund::DISCRIMINATOR, [39]);
    assert_eq!(instruction::DeliveryClose::DISCRIMINATOR, [40]);
    assert_eq!(instruction::CertificateTake::DISCRIMINATOR, [41]);
    assert_eq!(instruction::CertificateTransfer::DISCRIMINATOR, [42]);
    assert_eq!(instruction::CertificateRetire::DISCRIMINATOR, [43]);
    assert_eq!(instruction::BidCreate::DISCRIMINATOR, [44]);
    assert_eq!(instruction::BidCancel::DISCRIMINATOR, [45]);
    assert_eq!(instruction::BidSettle::DISCRIMINATOR, [46]);
    assert_eq!(instruction::AskSettle::DISCRIMINATOR, [47]);
    assert_eq!(instruction::ClearingOpen::DISCRIMINATOR, [48]);
    assert_eq!(instruction::ClearingTally::DISCRIMINATOR, [49]);
    assert_eq!(instruction::ClearingApply::DISCRIMINATOR, [50]);
    assert_eq!(instruction::ClearingClose::DISCRIMINATOR, [51]);
    assert_eq!(instruction::PoolReport::DISCRIMINATOR, [52]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a list of all errors")]
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
        (MultibusError::RefundMismatch, 6030),
        (MultibusError::BusMismatch, 6031),
        (MultibusError::CapacityMismatch, 6032),
        (MultibusError::WindowsOff, 6033),
        (MultibusError::WindowsOn, 6034),
        (MultibusError::WindowMisaligned, 6035),
        (MultibusError::WindowTooFar, 6036),
        (MultibusError::GateClosed, 6037),
        (MultibusError::WindowNotOver, 6038),
        (MultibusError::WindowHasOffers, 6039),
        (MultibusError::RentPayerMismatch, 6040),
        (MultibusError::ListingClosed, 6041),
        (MultibusError::EnergyZero, 6042),
        (MultibusError::PriceBelowBase, 6043),
        (MultibusError::CapacityExceeded, 6044),
        (MultibusError::SourceUnknown, 6045),
        (MultibusError::ExpiryInPast, 6046),
        (MultibusError::NotTheSeller, 6047),
        (MultibusError::OfferStillTrading, 6048),
        (MultibusError::NothingToCancel, 6049),
        (MultibusError::OfferCancelled, 6050),
        (MultibusError::OfferExpired, 6051),
        (MultibusError::EnergyUnavailable, 6052),
        (MultibusError::MinimumInvalid, 6053),
        (MultibusError::PriceAboveLimit, 6054),
        (MultibusError::VersionMismatch, 6055),
        (MultibusError::SelfTrade, 6056),
        (MultibusError::CostOverflow, 6057),
        (MultibusError::TotalAboveLimit, 6058),
        (MultibusError::BatchInvalid, 6059),
        (MultibusError::OfferDuplicate, 6060),
        (MultibusError::NonceMismatch, 6061),
        (MultibusError::TraderMismatch, 6062),
        (MultibusError::LockOutlivesOffer, 6063),
        (MultibusError::LockBuyerMismatch, 6064),
        (MultibusError::LockOfferMismatch, 6065),
        (MultibusError::LockExpired, 6066),
        (MultibusError::LockNotExpired, 6067),
        (MultibusError::CounterOverflow, 6068),
        (MultibusError::PauseQuorumInvalid, 6069),
        (MultibusError::ShareCountInvalid, 6070),
        (MultibusError::LastOwner, 6071),
        (MultibusError::OwnerUnknown, 6072),
        (MultibusError::ThresholdAboveOwners, 6073),
        (MultibusError::FormerOwnersFull, 6074),
        (MultibusError::TermsFixed, 6075),
        (MultibusError::AlreadyPaused, 6076),
        (MultibusError::NotPaused, 6077),
        (MultibusError::ActionUnknown, 6078),
        (MultibusError::ProposalStale, 6079),
        (MultibusError::ProposalExecuted, 6080),
        (MultibusError::AlreadyApproved, 6081),
        (MultibusError::NotApproved, 6082),
        (MultibusError::ApprovalsMissing, 6083),
        (MultibusError::TimelockActive, 6084),
        (MultibusError::ProposalOpen, 6085),
        (MultibusError::ProposerMismatch, 6086),
        (MultibusError::TreasuryMismatch, 6087),
        (MultibusError::PayeeMismatch, 6088),
        (MultibusError::NothingToClaim, 6089),
        (MultibusError::OwnerIsTheBus, 6090),
        (MultibusError::ClaimOfBus, 6091),
        (MultibusError::FirstSlotInvalid, 6092),
        (MultibusError::LayoutUnknown, 6093),
        (MultibusError::NumberNotNext, 6094),
        (MultibusError::CounterBusy, 6095),
        (MultibusError::HorizonInvalid, 6096),
        (MultibusError::HorizonTooShort, 6097),
        (MultibusError::CapacityTooLarge, 6098),
        (MultibusError::LeastSizeInvalid, 6099),
        (MultibusError::SizeTooSmall, 6100),
        (MultibusError::OperatorInvalid, 6101),
        (MultibusError::NotTheOperator, 6102),
        (MultibusError::BusClosing, 6103),
        (MultibusError::BusNotClosing, 6104),
        (MultibusError::BusInUse, 6105),
        (MultibusError::FormerOwnersUnpaid, 6106),
        (MultibusError::OwnerClaimsMissing, 6107),
        (MultibusError::LedgerMismatch, 6108),
        (MultibusError::CapacityIsGeneral, 6109),
        (MultibusError::WindowUnused, 6110),
        (MultibusError::SellerMismatch, 6111),
        (MultibusError::SellerSuspended, 6112),
        (MultibusError::SellerHasOffers, 6113),
        (MultibusError::VaultMismatch, 6114),
        (MultibusError::NothingToWithdraw, 6115),
        (MultibusError::NothingToCollect, 6116),
        (MultibusError::BusSalesUnswept, 6117),
        (MultibusError::WithdrawNotToTreasury, 6118),
        (MultibusError::PriceBelowReserve, 6119),
        (MultibusError::ExpiryTooLate, 6120),
        (MultibusError::ExpiryBeforeLocks, 6121),
        (MultibusError::OfferNotYetTrading, 6122),
        (MultibusError::LockPlaceInvalid, 6123),
        (MultibusError::LockChanged, 6124),
        (MultibusError::LockReleased, 6125),
        (MultibusError::PayerFrozen, 6126),
        (MultibusError::PayeeUnpayable, 6127),
        (MultibusError::PayeeIsBusAccount, 6128),
        (MultibusError::UnclaimedMismatch, 6129),
        (MultibusError::ClaimMismatch, 6130),
        (MultibusError::ProposalExpired, 6131),
        (MultibusError::ProposalChanged, 6132),
        (MultibusError::MintInterestBearing, 6133),
        (MultibusError::MintScaledAmount, 6134),
        (MultibusError::TermsTooSoon, 6135),
        (MultibusError::TermsMisaligned, 6136),
        (MultibusError::SettlementUnknown, 6137),
        (MultibusError::GridFeeTooHigh, 6138),
        (MultibusError::ReadingTimesInvalid, 6139),
        (MultibusError::DeliveryWithoutWindows, 6140),
        (MultibusError::OperatorNeeded, 6141),
        (MultibusError::GridRecipientInvalid, 6142),
        (MultibusError::SellerOwesGridFees, 6143),
        (MultibusError::NothingToSweep, 6144),
        (MultibusError::SweepNotToTreasury, 6145),
        (MultibusError::PowerInvalid, 6146),
        (MultibusError::MeterNotValidYet, 6147),
        (MultibusError::DeviceInUse, 6148),
        (MultibusError::MeterMismatch, 6149),
        (MultibusError::DeviceMismatch, 6150),
        (MultibusError::MeterExists, 6151),
        (MultibusError::MeterMissing, 6152),
        (MultibusError::SellerHasMeter, 6153),
        (MultibusError::MeterInUse, 6154),
        (MultibusError::BooksMissing, 6155),
        (MultibusError::BookMismatch, 6156),
        (MultibusError::PositionMismatch, 6157),
        (MultibusError::WindowNotInBook, 6158),
        (MultibusError::PowerExceeded, 6159),
        (MultibusError::BookMetersFull, 6160),
        (MultibusError::BookInUse, 6161),
        (MultibusError::BookNotFinal, 6162),
        (MultibusError::SellerHasBooks, 6163),
        (MultibusError::CertificatesOpen, 6164),
        (MultibusError::BookOver, 6165),
        (MultibusError::WindowNotListed, 6166),
        (MultibusError::ReadingTooEarly, 6167),
        (MultibusError::ReadingTooLate, 6168),
        (MultibusError::ReadingTooHigh, 6169),
        (MultibusError::SequenceUsed, 6170),
        (MultibusError::OperatorReadingsSpent, 6171),
        (MultibusError::OperatorHasRead, 6172),
        (MultibusError::NotTheMeter, 6173),
        (MultibusError::ReadingProofUnknown, 6174),
        (MultibusError::SignedReadingMissing, 6175),
        (MultibusError::SignedReadingMalformed, 6176),
        (MultibusError::SignedReadingOther, 6177),
        (MultibusError::NothingToRelease, 6178),
        (MultibusError::NothingToRefund, 6179),
        (MultibusError::PositionHasLocks, 6180),
        (MultibusError::PositionNotFinal, 6181),
        (MultibusError::NothingToCertify, 6182),
        (MultibusError::AlreadyCertified, 6183),
        (MultibusError::CertificateMismatch, 6184),
        (MultibusError::CertificateTooSmall, 6185),
        (MultibusError::NotTheCertificateOwner, 6186),
        (MultibusError::CertificateOwnerInvalid, 6187),
        (MultibusError::BeneficiaryInvalid, 6188),
        (MultibusError::WindowNotFinal, 6189),
        (MultibusError::RefundFixed, 6190),
        (MultibusError::SourceMismatch, 6191),
        (MultibusError::AuctionWithoutWindows, 6192),
        (MultibusError::AuctionTooShort, 6193),
        (MultibusError::AuctionOff, 6194),
        (MultibusError::LimitBelowBase, 6195),
        (MultibusError::BidTooLarge, 6196),
        (MultibusError::BidsFull, 6197),
        (MultibusError::EscrowMismatch, 6198),
        (MultibusError::LastMinutes, 6199),
        (MultibusError::BookFixed, 6200),
        (MultibusError::AuctionNotOver, 6201),
        (MultibusError::AuctionNotCleared, 6202),
        (MultibusError::AuctionNotFixed, 6203),
        (MultibusError::PricesReversed, 6204),
        (MultibusError::OrderForeign, 6205),
        (MultibusError::OrderNotAscending, 6206),
        (MultibusError::OrdersMissing, 6207),
        (MultibusError::PriceWrong, 6208),
        (MultibusError::ClearingInUse, 6209),
        (MultibusError::ClearingMismatch, 6210),
        (MultibusError::BidBuyerMismatch, 6211),
        (MultibusError::AskUnsettled, 6212),
        (MultibusError::AskSettled, 6213),
        (MultibusError::OrderGetsNothing, 6214),
        (MultibusError::NothingToSettle, 6215),
        (MultibusError::PoolIncomplete, 6216),
        (MultibusError::PoolOpen, 6217),
        (MultibusError::NothingToReport, 6218),
        (MultibusError::WindowHasBids, 6219),
        (MultibusError::EscrowAccountsMissing, 6220),
    ];
    for (error, code) in codes {
        assert_eq!(code_of(error), code, "{error:?}");
    }
    assert_eq!(codes.len(), MultibusError::ALL.len(), "every error is pinned");
}

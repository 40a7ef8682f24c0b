//! `creator_open`, `bus_create` and `bus_close`.

use {
    multibus::{
        error::MultibusError,
        event,
        instruction::BusCreate,
        state::{self, BusConfig, OwnerShare, OwnerSlot},
    },
    multibus_tests::{
        BusAddresses, BusOptions, Mint, Refusal, TestChain, TestMarket, TokenProgram, chain::FIRST,
        event::assert_logged, instructions::*, key::pda,
    },
    solana_address::Address,
    solana_instruction::error::InstructionError,
};

fn chain() -> (TestChain, Mint, Address) {
    let mut chain = TestChain::new();
    let mint = chain.mint("mint", TokenProgram::SplToken, &[]);
    let creator = chain.wallet("creator");
    chain.execute(&[creator_open(&creator, 0)]);
    (chain, mint, creator)
}

/// `count` owners, the creator first, who share equally but for what does not divide.
fn owners(chain: &mut TestChain, creator: &Address, count: usize) -> Vec<OwnerShare> {
    let share = 10_000 / count as u16;
    let mut owners: Vec<_> =
        (0..count).map(|index| OwnerShare { owner: chain.key(&format!("owner {index}")), share_bps: share }).collect();
    owners[0] = OwnerShare { owner: *creator, share_bps: 10_000 - share * (count as u16 - 1) };
    owners
}

fn refused(error: MultibusError, change: impl FnOnce(&mut BusConfig)) {
    let (mut chain, mint, creator) = chain();
    let options = BusOptions::new(&creator).with(change);
    chain.assert_refused(&[bus_create(&creator, &mint, &options)], error);
}

fn accepted(change: impl FnOnce(&mut BusConfig)) -> (TestChain, BusAddresses) {
    let (mut chain, mint, creator) = chain();
    let options = BusOptions::new(&creator).with(change);
    let bus = chain.create_bus(&creator, &mint, &options);
    (chain, bus)
}

#[test]
pub fn bus_create_writes_bus_ledger_capacity_and_token_accounts() {
    for program in TokenProgram::BOTH {
        let mut chain = TestChain::new();
        let mint = chain.mint("mint", program, &[]);
        let (creator, operator, grid) = (chain.wallet("creator"), chain.key("operator"), chain.key("grid"));
        chain.execute(&[creator_open(&creator, 0)]);
        let before = chain.lamports(&creator);
        let owners = owners(&mut chain, &creator, 3);
        let options = BusOptions::new(&creator).windowed().with(|config| {
            config.owners = owners.clone();
            config.threshold = 2;
            config.listing_policy = 0;
            config.timelock_seconds = 86_400;
            config.horizon_seconds = 7 * 86_400;
            config.reserve_price_per_kwh = 20_000;
            config.least_wh = 10;
            config.operator = Some(operator);
            config.grid_recipient = Some(grid);
            config.terms = delivery_terms();
        });
        let terms = state::Terms {
            from: 0,
            grid_fee_per_kwh: 500_000,
            window_seconds: 900,
            gate_closure_seconds: 60,
            reading_deadline_seconds: 3_600,
            correction_seconds: 3_600,
            settlement: 1,
            auction: 0,
            reserved: [0; 6],
        };
        let meta = chain.execute(&[bus_create(&creator, &mint, &options)]);
        let bus = BusAddresses::of(&creator, FIRST, mint);

        let mut name = [0; 32];
        name[..9].copy_from_slice(b"Sonnenhof");
        let mut slots: [OwnerSlot; 16] = bytemuck::Zeroable::zeroed();
        for (slot, share) in slots.iter_mut().zip(&owners) {
            (slot.owner, slot.share_bps) = (share.owner, share.share_bps);
        }
        let expected = state::Bus {
            layout_version: 2,
            bump: pda::bus(&creator, FIRST).1,
            owner_count: 3,
            threshold: 2,
            listing_policy: 0,
            paused: 0,
            name_len: 9,
            mint_decimals: 6,
            timelock_seconds: 86_400,
            horizon_seconds: 7 * 86_400,
            lock_fee_bps: 100,
            pause_quorum: 0,
            closing: 0,
            padding: [0; 4],
            capacity_wh: 1_000_000,
            base_price_per_kwh: 10_000,
            reserve_price_per_kwh: 20_000,
            least_wh: 10,
            config_version: 0,
            pause_version: 0,
            bus_seq: FIRST,
            created_at: chain.now(),
            creator,
            mint: mint.address,
            token_program: program.address(),
            treasury: bus.treasury,
            unclaimed: bus.unclaimed,
            seller: bus.own_seller().address,
            operator,
            grid_recipient: grid,
            terms,
            next_terms: bytemuck::Zeroable::zeroed(),
            readings_until: 0,
            name,
            owners: slots,
            escrow: bus.escrow,
            closing_at: 0,
            reserved: [0; 27],
        };
        assert_eq!(chain.state::<state::Bus>(&bus.address), expected);
        let ledger = chain.ledger(&bus);
        assert_eq!((ledger.bus, ledger.bump), (bus.address, pda::ledger(&bus.address).1));
        assert_eq!((ledger.open_sellers, ledger.open_windows, ledger.open_proposals, ledger.open_claims), (0, 0, 0, 0));
        let numbers = ledger.owners.map(|owner| owner.next_proposal);
        assert_eq!(numbers[..4], [FIRST, FIRST, FIRST, 0], "each owner numbers its own proposals");
        assert_eq!(chain.state::<state::Creator>(&pda::creator(&creator).0).next_bus, FIRST + 1);
        let capacity = chain.capacity_state(&bus.capacity);
        assert_eq!((capacity.total_wh, capacity.available_wh, capacity.window_start), (1_000_000, 1_000_000, 0));
        assert_eq!((capacity.bus, capacity.rent_payer), (bus.address, creator));
        for account in [bus.unclaimed, bus.treasury, bus.escrow] {
            let balance = chain.token_balance(&account);
            assert_eq!((balance.owner, balance.mint, balance.amount), (bus.address, mint.address, 0));
            let account = chain.account(&account);
            assert_eq!((account.owner, account.data.len()), (program.address(), 165));
            assert!(account.data[72..76] == [0; 4] && account.data[129..133] == [0; 4], "no delegate, no closer");
        }
        let rent: u64 = [bus.address, bus.ledger, bus.capacity, bus.unclaimed, bus.treasury, bus.escrow]
            .iter()
            .map(|key| chain.lamports(key))
            .sum();
        assert_eq!(before - chain.lamports(&creator), rent, "the creator pays the rent and nothing else");
        assert_logged(
            &meta,
            &event::BusCreated {
                bus: bus.address,
                ledger: bus.ledger,
                capacity: bus.capacity,
                creator,
                mint: mint.address,
                treasury: bus.treasury,
                unclaimed: bus.unclaimed,
                escrow: bus.escrow,
                operator,
                grid_recipient: grid,
                terms,
                bus_seq: FIRST,
                first_proposal: FIRST,
                capacity_wh: 1_000_000,
                base_price_per_kwh: 10_000,
                reserve_price_per_kwh: 20_000,
                least_wh: 10,
                created_at: chain.now(),
                timelock_seconds: 86_400,
                horizon_seconds: 7 * 86_400,
                lock_fee_bps: 100,
                threshold: 2,
                listing_policy: 0,
                owner_count: 3,
                name_len: 9,
                pause_quorum: 0,
                padding: [0; 1],
                name,
                owners: slots,
            },
        );
    }
}

#[test]
pub fn bus_create_with_bad_name_is_rejected() {
    for name in ["", "a name of thirty-three bytes, sic", "line\nbreak", "null\0", "del\u{7f}", "next\u{85}line"] {
        refused(MultibusError::NameInvalid, |config| config.name = name.to_owned());
    }
    let (_, bus) = accepted(|config| config.name = "Gemeinschaft Grünau, 7 Höfe".to_owned());
    assert_ne!(bus.address, Address::default());
    accepted(|config| config.name = "é".repeat(16));
}

#[test]
pub fn bus_create_with_name_that_is_no_utf8_is_rejected() {
    let (mut chain, mint, creator) = chain();
    let mut instruction = bus_create(&creator, &mint, &BusOptions::new(&creator));
    let at = instruction.data.windows(9).position(|bytes| bytes == b"Sonnenhof").expect("the name");
    instruction.data[at] = 0xff;
    chain.assert_refused(&[instruction], InstructionError::InvalidInstructionData);
}

#[test]
pub fn bus_create_with_owner_count_out_of_range_is_rejected() {
    refused(MultibusError::OwnerCountInvalid, |config| config.owners.clear());
    let (mut chain, mint, creator) = chain();
    let seventeen = owners(&mut chain, &creator, 17);
    let options = BusOptions::new(&creator).with(|config| config.owners = seventeen);
    chain.assert_refused(&[bus_create(&creator, &mint, &options)], MultibusError::OwnerCountInvalid);
}

#[test]
pub fn bus_create_with_sixteen_owners_succeeds_and_each_lists() {
    let (mut chain, mint, creator) = chain();
    let sixteen = owners(&mut chain, &creator, 16);
    let options = BusOptions::new(&creator).with(|config| {
        config.owners = sixteen.clone();
        config.threshold = 16;
        config.listing_policy = 0;
    });
    let bus = chain.create_bus(&creator, &mint, &options);
    assert_eq!(chain.state::<state::Bus>(&bus.address).owner_count, 16);
    for OwnerShare { owner, .. } in &sixteen {
        chain.fund(owner, 1_000_000_000);
        chain.open_seller(&bus, owner);
        chain.create_offer(&bus, bus.capacity, owner, OfferOptions::new(0));
    }
}

#[test]
pub fn bus_create_with_duplicate_owner_is_rejected() {
    for places in [(0, 1), (1, 2), (0, 15), (14, 15)] {
        let (mut chain, mint, creator) = chain();
        let mut owners = owners(&mut chain, &creator, 16);
        owners[places.1].owner = owners[places.0].owner;
        let options = BusOptions::new(&creator).with(|config| config.owners = owners);
        chain.assert_refused(&[bus_create(&creator, &mint, &options)], MultibusError::OwnerDuplicate);
    }
}

#[test]
pub fn bus_create_with_zero_owner_is_rejected() {
    refused(MultibusError::OwnerZero, |config| {
        config.owners[0].share_bps = 5_000;
        config.owners.push(OwnerShare { owner: Address::default(), share_bps: 5_000 });
    });
}

#[test]
pub fn bus_create_owned_by_itself_is_rejected() {
    // Its address is known before it exists. Anyone could then claim on its behalf, into an account of its own.
    let (mut chain, mint, creator) = chain();
    let itself = BusAddresses::of(&creator, FIRST, mint).address;
    let options = BusOptions::new(&creator).with(|config| {
        config.owners[0].share_bps = 5_000;
        config.owners.push(OwnerShare { owner: itself, share_bps: 5_000 });
    });
    chain.assert_refused(&[bus_create(&creator, &mint, &options)], MultibusError::OwnerIsTheBus);
}

#[test]
pub fn bus_create_by_wallet_outside_the_owners_is_rejected() {
    refused(MultibusError::CreatorNotOwner, |config| config.owners[0].owner = Address::new_from_array([7; 32]));
}

#[test]
pub fn bus_create_with_shares_not_summing_to_all_is_rejected() {
    refuses!(arithmetic: bus_create);
    for shares in [&[9_999][..], &[10_001], &[0], &[5_000, 4_999], &[65_535, 10_001], &[5_000, 5_000, 55_536]] {
        let (mut chain, mint, creator) = chain();
        let mut owners = owners(&mut chain, &creator, shares.len());
        for (owner, share_bps) in owners.iter_mut().zip(shares) {
            owner.share_bps = *share_bps;
        }
        let options = BusOptions::new(&creator).with(|config| config.owners = owners);
        chain.assert_refused(&[bus_create(&creator, &mint, &options)], MultibusError::SharesInvalid);
    }
}

#[test]
pub fn bus_create_with_threshold_out_of_range_is_rejected() {
    for threshold in [0, 2, 255] {
        refused(MultibusError::ThresholdInvalid, |config| config.threshold = threshold);
    }
}

#[test]
pub fn bus_create_with_pause_quorum_above_the_threshold_is_rejected() {
    for (threshold, quorum) in [(1, 2), (1, 255), (2, 3)] {
        let (mut chain, mint, creator) = chain();
        let three = owners(&mut chain, &creator, 3);
        let options = BusOptions::new(&creator)
            .with(|config| (config.owners, config.threshold, config.pause_quorum) = (three, threshold, quorum));
        chain.assert_refused(&[bus_create(&creator, &mint, &options)], MultibusError::PauseQuorumInvalid);
    }
}

#[test]
pub fn bus_create_with_pause_quorum_keeps_it_and_zero_is_the_threshold() {
    for (quorum, written) in [(0, 3), (1, 1), (2, 2), (3, 3)] {
        let (mut chain, mint, creator) = chain();
        let three = owners(&mut chain, &creator, 3);
        let options = BusOptions::new(&creator)
            .with(|config| (config.owners, config.threshold, config.pause_quorum) = (three, 3, quorum));
        let bus = chain.create_bus(&creator, &mint, &options);
        let state = chain.bus_state(&bus);
        assert_eq!((state.pause_quorum, state.pause_approvals()), (quorum, written));
    }
}

#[test]
pub fn bus_create_without_capacity_is_rejected() {
    refused(MultibusError::CapacityZero, |config| config.capacity_wh = 0);
    accepted(|config| config.capacity_wh = 1);
    accepted(|config| config.capacity_wh = 1 << 40);
}

#[test]
pub fn bus_create_with_capacity_above_limit_is_rejected() {
    for capacity_wh in [(1 << 40) + 1, u64::MAX] {
        refused(MultibusError::CapacityTooLarge, |config| config.capacity_wh = capacity_wh);
    }
}

#[test]
pub fn bus_create_with_least_size_out_of_range_is_rejected() {
    for least_wh in [0, (1 << 40) + 1, u64::MAX] {
        refused(MultibusError::LeastSizeInvalid, |config| config.least_wh = least_wh);
    }
    accepted(|config| config.least_wh = 1 << 40);
}

#[test]
pub fn bus_create_with_horizon_out_of_range_is_rejected() {
    for horizon_seconds in [0, 3_599, 366 * 86_400 + 1, u32::MAX] {
        refused(MultibusError::HorizonInvalid, |config| config.horizon_seconds = horizon_seconds);
    }
    for horizon_seconds in [3_600, 366 * 86_400] {
        accepted(|config| config.horizon_seconds = horizon_seconds);
    }
}

#[test]
pub fn bus_create_with_a_window_that_no_horizon_reaches_is_rejected() {
    for (window, gate) in [(3_600, 0), (1_800, 1_800), (86_400, 86_400)] {
        refused(MultibusError::HorizonTooShort, |config| {
            (config.terms.window_seconds, config.terms.gate_closure_seconds) = (window, gate);
            config.horizon_seconds = 3_600;
        });
    }
    accepted(|config| {
        (config.terms.window_seconds, config.terms.gate_closure_seconds) = (1_800, 1_799);
        config.horizon_seconds = 3_600;
    });
}

#[test]
pub fn bus_create_operated_by_itself_or_nobody_is_rejected() {
    let (mut chain, mint, creator) = chain();
    let itself = BusAddresses::of(&creator, FIRST, mint).address;
    for operator in [itself, Address::default()] {
        let options = BusOptions::new(&creator).with(|config| config.operator = Some(operator));
        chain.assert_refused(&[bus_create(&creator, &mint, &options)], MultibusError::OperatorInvalid);
    }
}

#[test]
pub fn bus_create_without_base_price_is_rejected() {
    refused(MultibusError::BasePriceZero, |config| config.base_price_per_kwh = 0);
    accepted(|config| config.base_price_per_kwh = 1);
}

#[test]
pub fn bus_create_with_lock_fee_above_limit_is_rejected() {
    refused(MultibusError::LockFeeTooHigh, |config| config.lock_fee_bps = 501);
    accepted(|config| config.lock_fee_bps = 500);
    accepted(|config| config.lock_fee_bps = 0);
}

#[test]
pub fn bus_create_with_timelock_above_limit_is_rejected() {
    refused(MultibusError::TimelockTooLong, |config| config.timelock_seconds = 30 * 86_400 + 1);
    accepted(|config| config.timelock_seconds = 30 * 86_400);
}

#[test]
pub fn bus_create_with_bad_windows_is_rejected() {
    for (window, gate) in [(59, 0), (1, 0), (86_401, 0), (u32::MAX, 0), (900, 86_401), (0, 1)] {
        refused(MultibusError::WindowsInvalid, |config| {
            (config.terms.window_seconds, config.terms.gate_closure_seconds) = (window, gate);
        });
    }
    for (window, gate) in [(60, 0), (86_400, 86_400), (900, 86_400)] {
        accepted(|config| (config.terms.window_seconds, config.terms.gate_closure_seconds) = (window, gate));
    }
}

#[test]
pub fn bus_create_with_unknown_listing_policy_is_rejected() {
    for policy in [3, 255] {
        refused(MultibusError::ListingPolicyUnknown, |config| config.listing_policy = policy);
    }
}

#[test]
pub fn bus_create_twice_is_rejected() {
    refuses!(reinitialisation: bus_create; replay: bus_create);
    let mut market = TestMarket::new();
    let mint = market.bus.mint;
    let again = bus_create(&market.seller, &mint, &BusOptions::new(&market.seller));
    market.assert_refused(&[again], Refusal::custom(0));
    let second = bus_create(&market.seller, &mint, &BusOptions::new(&market.seller).seq(1));
    market.execute(&[second]);
}

#[test]
pub fn bus_create_with_any_number_but_the_next_is_rejected() {
    refuses!(replay: bus_create; arithmetic: bus_create);
    let (mut chain, mint, creator) = chain();
    for bus_seq in [0, FIRST - 1, FIRST + 1, u64::MAX] {
        let options = BusOptions { bus_seq, ..BusOptions::new(&creator) };
        chain.assert_refused(&[bus_create(&creator, &mint, &options)], MultibusError::NumberNotNext);
    }
    chain.edit::<state::Creator>(&pda::creator(&creator).0, |counter| counter.next_bus = u64::MAX);
    let last = BusOptions { bus_seq: u64::MAX, ..BusOptions::new(&creator) };
    chain.assert_refused(&[bus_create(&creator, &mint, &last)], MultibusError::CounterOverflow);
}

#[test]
pub fn creator_open_starts_at_the_slots_first_number_and_serves_the_same_transaction() {
    let mut chain = TestChain::new();
    let mint = chain.mint("mint", TokenProgram::SplToken, &[]);
    for (index, ahead) in [0, 1, 1_024].into_iter().enumerate() {
        let creator = chain.wallet(&format!("creator {index}"));
        let first_slot = chain.slot() + ahead;
        let options = BusOptions { bus_seq: first_slot << 20, ..BusOptions::new(&creator) };
        let before = chain.lamports(&creator);
        let meta = chain.execute(&[creator_open(&creator, first_slot)]);
        let (address, bump) = pda::creator(&creator);
        let expected = state::Creator {
            layout_version: 2,
            bump,
            padding: [0; 6],
            next_bus: first_slot << 20,
            wallet: creator,
            reserved: [0; 32],
        };
        assert_eq!(chain.state::<state::Creator>(&address), expected);
        assert_eq!(before - chain.lamports(&creator), chain.lamports(&address));
        assert_logged(&meta, &event::CreatorOpened { creator: address, wallet: creator, first_bus: first_slot << 20 });
        chain.execute(&[bus_create(&creator, &mint, &options)]);
    }
    let creator = chain.wallet("in one");
    let options = BusOptions { bus_seq: chain.slot() << 20, ..BusOptions::new(&creator) };
    chain.execute(&[creator_open(&creator, 0), bus_create(&creator, &mint, &options)]);
}

#[test]
pub fn creator_open_twice_is_rejected() {
    refuses!(reinitialisation: creator_open; replay: creator_open);
    let (mut chain, mint, creator) = chain();
    chain.create_bus(&creator, &mint, &BusOptions::new(&creator));
    chain.assert_refused(&[creator_open(&creator, 0)], Refusal::custom(0));
}

#[test]
pub fn creator_open_at_a_past_or_distant_slot_is_rejected() {
    refuses!(arithmetic: creator_open);
    let mut chain = TestChain::new();
    let wallet = chain.wallet("wallet");
    let (slot, now) = (chain.slot(), chain.now());
    for first_slot in [1, slot - 1, slot + 1_025, u64::MAX] {
        chain.assert_refused(&[creator_open(&wallet, first_slot)], MultibusError::FirstSlotInvalid);
    }
    chain.set_clock(now, 1 << 44);
    chain.assert_refused(&[creator_open(&wallet, 0)], MultibusError::CounterOverflow);
    chain.set_clock(now, (1 << 44) - 1);
    chain.execute(&[creator_open(&wallet, 0)]);
}

#[test]
pub fn creator_open_for_another_wallet_or_unsigned_is_rejected() {
    refuses!(substituted_address: creator_open; missing_signer: creator_open; theft: creator_open);
    let mut chain = TestChain::new();
    let (wallet, other) = (chain.wallet("wallet"), chain.wallet("other"));
    for creator in [pda::creator(&other).0, pda::trader(&wallet, 0).0, other] {
        let mut open = creator_open(&wallet, 0);
        open.accounts[1].pubkey = creator;
        chain.assert_refused(&[open], InstructionError::InvalidSeeds);
    }
    let mut open = creator_open(&wallet, 0);
    open.accounts[0].is_signer = false;
    chain.assert_refused(&[open], InstructionError::MissingRequiredSignature);
}

#[test]
pub fn creator_open_at_a_prefunded_address_succeeds() {
    for lamports in [1, 1_000_000, 50_000_000] {
        let mut chain = TestChain::new();
        let wallet = chain.wallet("wallet");
        chain.fund(&pda::creator(&wallet).0, lamports);
        chain.execute(&[creator_open(&wallet, 0)]);
    }
}

#[test]
pub fn bus_create_at_prefunded_addresses_succeeds() {
    for lamports in [1, 1_000_000, 5_000_000_000] {
        let (mut chain, mint, creator) = chain();
        let bus = BusAddresses::of(&creator, FIRST, mint);
        for address in [bus.address, bus.ledger, bus.capacity, bus.unclaimed, bus.treasury] {
            chain.fund(&address, lamports);
        }
        chain.create_bus(&creator, &mint, &BusOptions::new(&creator));
    }
}

#[test]
pub fn bus_create_at_other_addresses_is_rejected() {
    refuses!(substituted_address: bus_create; theft: bus_create);
    let (mut chain, mint, creator) = chain();
    let thief = chain.wallet("thief");
    chain.execute(&[creator_open(&thief, 0)]);
    let other = BusAddresses::of(&creator, FIRST + 1, mint);
    let create = |change: &dyn Fn(&mut multibus::accounts::BusCreate)| {
        let mut accounts = bus_create_accounts(&creator, &mint, FIRST);
        change(&mut accounts);
        BusCreate { bus_seq: FIRST, config: BusOptions::new(&creator).config }.to_instruction(accounts)
    };
    let wrong = InstructionError::InvalidSeeds;
    chain.assert_refused(&[create(&|accounts| accounts.counter = pda::creator(&thief).0)], wrong.clone());
    chain.assert_refused(&[create(&|accounts| accounts.bus = other.address)], wrong.clone());
    chain.assert_refused(&[create(&|accounts| accounts.ledger = other.ledger)], wrong.clone());
    chain.assert_refused(&[create(&|accounts| accounts.capacity = other.capacity)], wrong.clone());
    chain.assert_refused(&[create(&|accounts| accounts.unclaimed = other.unclaimed)], wrong.clone());
    chain.assert_refused(&[create(&|accounts| accounts.treasury = other.treasury)], wrong.clone());
    chain.assert_refused(
        &[create(&|accounts| (accounts.unclaimed, accounts.treasury) = (accounts.treasury, accounts.unclaimed))],
        wrong,
    );
}

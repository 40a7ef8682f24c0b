//! `proposal_create`, `proposal_approve`, `proposal_revoke`, `proposal_execute` and `proposal_close`: the owners of a
//! bus decide together.

use {
    multibus::{
        error::MultibusError,
        event,
        instruction::{ProposalCreate, ProposalExecute},
        state::{self, Action, ActionKind, ProposalAction},
    },
    multibus_tests::{
        BusAddresses, BusOptions, Refusal, TestMarket,
        event::{assert_logged, logged},
        instructions::*,
        key::pda,
    },
    solana_address::Address,
    solana_instruction::{AccountMeta, Instruction, error::InstructionError},
    solana_transaction_error::TransactionError,
    std::slice::from_ref,
};

fn add(owner: Address, shares_bps: &[u16]) -> ProposalAction {
    ProposalAction::OwnerAdd { owner, shares_bps: shares_bps.to_vec() }
}

fn remove(owner: Address, shares_bps: &[u16]) -> ProposalAction {
    ProposalAction::OwnerRemove { owner, shares_bps: shares_bps.to_vec() }
}

fn shares(shares_bps: &[u16]) -> ProposalAction {
    ProposalAction::SharesSet { shares_bps: shares_bps.to_vec() }
}

const fn threshold(threshold: u8) -> ProposalAction {
    ProposalAction::ThresholdSet { threshold }
}

const fn timelock(timelock_seconds: u32) -> ProposalAction {
    ProposalAction::TimelockSet { timelock_seconds }
}

const fn capacity(capacity_wh: u64) -> ProposalAction {
    ProposalAction::CapacitySet { capacity_wh }
}

const fn price(base_price_per_kwh: u64) -> ProposalAction {
    ProposalAction::BasePriceSet { base_price_per_kwh }
}

const fn windows(window_seconds: u32, gate_closure_seconds: u32) -> ProposalAction {
    ProposalAction::WindowsSet { window_seconds, gate_closure_seconds }
}

/// The next proposal of the first owner.
fn create(market: &TestMarket, action: ProposalAction) -> Instruction {
    proposal_create(&market.bus, &market.seller, market.bus_state(&market.bus).proposal_seq, action)
}

/// The first owner proposes.
fn propose(market: &mut TestMarket, action: ProposalAction) -> Address {
    let (bus, seller) = (market.bus, market.seller);
    market.propose(&bus, &seller, action)
}

fn approve(market: &mut TestMarket, proposal: Address, owners: &[Address]) {
    let bus = market.bus;
    for owner in owners {
        market.execute(&[proposal_approve(&bus, proposal, owner)]);
    }
}

fn decide(market: &mut TestMarket, action: ProposalAction) {
    let bus = market.bus;
    market.decide(&bus, action);
}

fn execute(market: &TestMarket, proposal: Address) -> Instruction {
    proposal_execute(&market.bus, proposal, &market.buyer)
}

/// The action cannot be proposed.
fn not_proposed(market: &mut TestMarket, action: ProposalAction, error: MultibusError) {
    let create = create(market, action);
    market.assert_refused(&[create], error);
}

/// The action can be proposed, but not executed after `change`; the proposal stays as it is.
fn not_executed(
    market: &mut TestMarket,
    action: ProposalAction,
    change: impl FnOnce(&mut TestMarket),
    error: MultibusError,
) -> Vec<String> {
    let proposal = propose(market, action);
    change(market);
    let execute = execute(market, proposal);
    market.assert_refused(&[execute], error).meta.logs
}

/// Stores an action in a proposal that no instruction would store.
fn rewrite(market: &mut TestMarket, proposal: &Address, action: &ProposalAction) {
    let action = Action::encode(action).unwrap();
    market.edit::<state::Proposal>(proposal, |proposal| proposal.action = action);
}

// What is proposed.

#[test]
pub fn proposal_create_writes_the_proposal_with_the_approval_of_its_proposer() {
    let (mut market, owners) = TestMarket::owned_by(3, 2, |config| config.timelock_seconds = 3_600);
    let (bus, proposer, newcomer) = (market.bus, owners[1], market.key("newcomer"));
    let before = market.lamports(&proposer);
    let list = [4_000, 3_000, 2_000, 1_000];
    let meta = market.execute(&[proposal_create(&bus, &proposer, 0, add(newcomer, &list))]);
    let mut shares_bps = [0; 16];
    shares_bps[..4].copy_from_slice(&list);
    let action = Action {
        kind: 0,
        share_count: 4,
        padding: [0; 6],
        value: 0,
        gate_closure_seconds: 0,
        owner: newcomer,
        shares_bps,
    };
    let (address, bump) = pda::proposal(&bus.address, 0);
    let expected = state::Proposal {
        layout_version: 1,
        bump,
        state: 0,
        padding: [0; 3],
        approvals: 0b010,
        proposal_seq: 0,
        config_version: 0,
        created_at: market.now(),
        executable_at: 0,
        executed_at: 0,
        bus: bus.address,
        proposer,
        action,
        reserved: [0; 64],
    };
    assert_eq!(market.proposal_state(&address), expected);
    assert_eq!(market.bus_state(&bus).proposal_seq, 1);
    assert_eq!(before - market.lamports(&proposer), market.lamports(&address), "the proposer pays the rent");
    assert_logged(
        &meta,
        &event::ProposalCreated {
            bus: bus.address,
            proposal: address,
            proposer,
            proposal_seq: 0,
            config_version: 0,
            created_at: market.now(),
            executable_at: 0,
            action,
        },
    );
    // Nothing of the bus but the number has changed.
    let state = market.bus_state(&bus);
    assert_eq!((state.owner_count, state.config_version), (3, 0));
}

#[test]
pub fn proposal_create_with_threshold_one_starts_the_timelock_at_once() {
    let (mut market, _) = TestMarket::owned_by(3, 1, |config| config.timelock_seconds = 3_600);
    let proposal = propose(&mut market, price(20_000));
    assert_eq!(market.proposal_state(&proposal).executable_at, market.now() + 3_600);
}

#[test]
pub fn proposal_of_a_single_owner_is_made_and_executed_in_one_transaction() {
    let mut market = TestMarket::new();
    let (bus, seller, friend) = (market.bus, market.seller, market.wallet("friend"));
    let proposal = bus.proposal(0);
    let create = proposal_create(&bus, &seller, 0, add(friend, &[7_500, 2_500]));
    market.execute(&[create, proposal_execute(&bus, proposal, &seller)]);
    let owners: Vec<_> = market.bus_state(&bus).owners().iter().map(|slot| (slot.owner, slot.share_bps)).collect();
    assert_eq!(owners, [(seller, 7_500), (friend, 2_500)]);
}

#[test]
pub fn proposal_create_by_stranger_is_rejected() {
    let mut market = TestMarket::new();
    let stranger = market.wallet("stranger");
    let create = proposal_create(&market.bus, &stranger, 0, price(20_000));
    market.assert_refused(&[create], MultibusError::NotAnOwner);
}

#[test]
pub fn proposal_create_of_a_number_that_was_taken_is_rejected() {
    refuses!(reinitialisation: proposal_create; substituted_address: proposal_create);
    // Two owners propose at the same instant: the second must look again.
    let (mut market, owners) = TestMarket::owned_by(2, 2, |_| ());
    let bus = market.bus;
    let second = proposal_create(&bus, &owners[1], 0, price(30_000));
    market.execute(&[proposal_create(&bus, &owners[0], 0, price(20_000))]);
    let first = market.account(&bus.proposal(0));
    market.assert_refused(&[second], InstructionError::InvalidSeeds);
    assert_eq!(market.account(&bus.proposal(0)), first);
    market.execute(&[proposal_create(&bus, &owners[1], 1, price(30_000))]);
    // A number cannot be skipped, and another bus's address cannot be used.
    let other = market.create_bus(&owners[0], &bus.mint, &BusOptions::new(&owners[0]).seq(1));
    for address in [bus.proposal(3), other.proposal(2), other.proposal(0), pda::offer(&bus.capacity, 2).0] {
        let mut accounts = proposal_create_accounts(&bus, &owners[0], 2);
        accounts.proposal = address;
        let create = ProposalCreate { action: price(20_000) }.to_instruction(accounts);
        market.assert_refused(&[create], InstructionError::InvalidSeeds);
    }
}

#[test]
pub fn proposal_create_twice_in_one_transaction_makes_two() {
    let (mut market, owners) = TestMarket::owned_by(2, 2, |_| ());
    let bus = market.bus;
    let both = [0, 1].map(|seq| proposal_create(&bus, &owners[seq as usize], seq, price(20_000 + seq)));
    market.execute(&both);
    assert_eq!(market.bus_state(&bus).proposal_seq, 2);
}

#[test]
pub fn proposal_create_at_a_prefunded_address_succeeds() {
    for lamports in [1, 3_000_000, 9_000_000] {
        let mut market = TestMarket::new();
        let proposal = market.bus.proposal(0);
        market.fund(&proposal, lamports);
        propose(&mut market, price(20_000));
    }
}

#[test]
pub fn proposal_create_past_the_last_number_is_rejected() {
    refuses!(arithmetic: proposal_create);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    market.edit::<state::Bus>(&bus.address, |bus| bus.proposal_seq = u64::MAX);
    let create = proposal_create(&bus, &seller, u64::MAX, price(20_000));
    market.assert_refused(&[create], MultibusError::CounterOverflow);
}

#[test]
pub fn proposal_create_of_an_unknown_action_is_rejected() {
    let mut market = TestMarket::new();
    let mut create = create(&market, ProposalAction::Pause);
    for tag in [12, 255] {
        create.data[1] = tag;
        market.assert_refused(from_ref(&create), InstructionError::InvalidInstructionData);
    }
}

// Which changes are allowed: the same rules when it is proposed and when it is executed.

#[test]
pub fn owner_add_of_zero_address_is_rejected() {
    let mut market = TestMarket::new();
    not_proposed(&mut market, add(Address::default(), &[5_000, 5_000]), MultibusError::OwnerZero);
}

#[test]
pub fn owner_add_of_an_owner_is_rejected() {
    let (mut market, owners) = TestMarket::owned_by(2, 1, |_| ());
    for owner in owners {
        not_proposed(&mut market, add(owner, &[4_000, 3_000, 3_000]), MultibusError::AlreadyOwner);
    }
}

#[test]
pub fn owner_add_of_the_bus_itself_is_rejected() {
    let mut market = TestMarket::new();
    let itself = market.bus.address;
    not_proposed(&mut market, add(itself, &[5_000, 5_000]), MultibusError::OwnerIsTheBus);
}

#[test]
pub fn owner_add_beyond_sixteen_is_rejected() {
    let (mut market, _) = TestMarket::owned_by(15, 1, |_| ());
    let (last, one_more) = (market.key("last"), market.key("one more"));
    decide(&mut market, add(last, &equal_shares(16)));
    not_proposed(&mut market, add(one_more, &equal_shares(16)), MultibusError::OwnersFull);
}

#[test]
pub fn owner_remove_of_somebody_else_is_rejected() {
    let (mut market, _) = TestMarket::owned_by(2, 1, |_| ());
    let stranger = market.key("stranger");
    for owner in [stranger, market.bus.address, Address::default()] {
        not_proposed(&mut market, remove(owner, &[10_000]), MultibusError::OwnerUnknown);
    }
}

#[test]
pub fn owner_remove_of_the_last_owner_is_rejected() {
    let mut market = TestMarket::new();
    let seller = market.seller;
    for list in [&[][..], &[10_000]] {
        not_proposed(&mut market, remove(seller, list), MultibusError::LastOwner);
    }
    // The last owner cannot be removed either, not even by a stored proposal that says so.
    let (mut market, owners) = TestMarket::owned_by(2, 1, |_| ());
    decide(&mut market, remove(owners[1], &[10_000]));
    not_proposed(&mut market, remove(owners[0], &[]), MultibusError::LastOwner);
    let proposal = propose(&mut market, price(20_000));
    rewrite(&mut market, &proposal, &remove(owners[0], &[]));
    let execute = execute(&market, proposal);
    market.assert_refused(&[execute], MultibusError::LastOwner);
}

#[test]
pub fn owner_remove_below_the_threshold_is_rejected() {
    for (count, needed) in [(2, 2), (3, 3), (16, 16)] {
        let (mut market, owners) = TestMarket::owned_by(count, needed, |_| ());
        let action = remove(owners[1], &equal_shares(count - 1));
        not_proposed(&mut market, action.clone(), MultibusError::ThresholdAboveOwners);
        decide(&mut market, threshold(needed - 1));
        decide(&mut market, action);
    }
    // The threshold grew after it was proposed, so it is stale. It is refused even if the proposal is made to look
    // current.
    let (mut market, owners) = TestMarket::owned_by(3, 2, |_| ());
    let action = remove(owners[2], &[5_000, 5_000]);
    let change = |market: &mut TestMarket| decide(market, threshold(3));
    not_executed(&mut market, action.clone(), change, MultibusError::ProposalStale);
    let proposal = propose(&mut market, price(20_000));
    approve(&mut market, proposal, &owners[1..]);
    rewrite(&mut market, &proposal, &action);
    let execute = execute(&market, proposal);
    market.assert_refused(&[execute], MultibusError::ThresholdAboveOwners);
}

#[test]
pub fn shares_of_another_number_than_owners_are_rejected() {
    let (mut market, owners) = TestMarket::owned_by(3, 1, |_| ());
    let newcomer = market.key("newcomer");
    let wrong = [
        add(newcomer, &[3_334, 3_333, 3_333]),
        add(newcomer, &[2_000, 2_000, 2_000, 2_000, 2_000]),
        add(newcomer, &[]),
        remove(owners[1], &[3_334, 3_333, 3_333]),
        remove(owners[1], &[10_000]),
        remove(owners[1], &[]),
        shares(&[5_000, 5_000]),
        shares(&[2_500, 2_500, 2_500, 2_500]),
        shares(&[]),
        shares(&[10_000; 17]),
        add(newcomer, &[0; 100]),
    ];
    for action in wrong {
        not_proposed(&mut market, action, MultibusError::ShareCountInvalid);
    }
    // One owner more than a bus can have; everything else is valid.
    let (mut full, _) = TestMarket::owned_by(16, 1, |_| ());
    not_proposed(&mut full, shares(&[&equal_shares(16)[..], &[0]].concat()), MultibusError::ShareCountInvalid);
    let proposal = propose(&mut market, price(20_000));
    rewrite(&mut market, &proposal, &shares(&[5_000, 5_000]));
    let execute = execute(&market, proposal);
    market.assert_refused(&[execute], MultibusError::ShareCountInvalid);
}

#[test]
pub fn shares_not_summing_to_all_are_rejected() {
    refuses!(arithmetic: proposal_create, proposal_execute);
    let (mut market, owners) = TestMarket::owned_by(3, 1, |_| ());
    let newcomer = market.key("newcomer");
    let wrong = [
        shares(&[3_333, 3_333, 3_333]),
        shares(&[3_334, 3_334, 3_333]),
        shares(&[0, 0, 0]),
        shares(&[u16::MAX, 1, 10_000]),
        shares(&[65_535, 5_001, 5_000]),
        add(newcomer, &[3_334, 3_333, 3_333, 1]),
        add(newcomer, &[2_500, 2_500, 2_500, 2_499]),
        remove(owners[0], &[5_000, 4_999]),
        remove(owners[0], &[5_000, 5_001]),
    ];
    let proposal = propose(&mut market, price(20_000));
    for action in wrong {
        not_proposed(&mut market, action.clone(), MultibusError::SharesInvalid);
        // Also if the proposal is made to look current.
        rewrite(&mut market, &proposal, &action);
        let execute = execute(&market, proposal);
        market.assert_refused(&[execute], MultibusError::SharesInvalid);
    }
}

#[test]
pub fn shares_of_nothing_are_allowed() {
    let (mut market, owners) = TestMarket::owned_by(3, 1, |_| ());
    decide(&mut market, shares(&[0, 10_000, 0]));
    decide(&mut market, remove(owners[2], &[10_000, 0]));
    let newcomer = market.key("newcomer");
    decide(&mut market, add(newcomer, &[0, 0, 10_000]));
}

#[test]
pub fn shares_set_when_owners_left_in_between_are_rejected() {
    let (mut market, owners) = TestMarket::owned_by(3, 1, |_| ());
    let change = |market: &mut TestMarket| decide(market, remove(owners[2], &[5_000, 5_000]));
    not_executed(&mut market, shares(&[3_000, 3_000, 4_000]), change, MultibusError::ProposalStale);
}

#[test]
pub fn threshold_out_of_range_is_rejected() {
    let (mut market, owners) = TestMarket::owned_by(3, 1, |_| ());
    for value in [0, 4, 255] {
        not_proposed(&mut market, threshold(value), MultibusError::ThresholdInvalid);
    }
    // An owner leaves in between, so a threshold of three is above the two owners.
    let change = |market: &mut TestMarket| decide(market, remove(owners[2], &[5_000, 5_000]));
    not_executed(&mut market, threshold(3), change, MultibusError::ProposalStale);
    not_proposed(&mut market, threshold(3), MultibusError::ThresholdInvalid);
    let proposal = propose(&mut market, threshold(2));
    rewrite(&mut market, &proposal, &threshold(3));
    let execute = execute(&market, proposal);
    market.assert_refused(&[execute], MultibusError::ThresholdInvalid);
}

#[test]
pub fn values_out_of_range_are_rejected() {
    let mut market = TestMarket::new();
    not_proposed(&mut market, timelock(30 * 86_400 + 1), MultibusError::TimelockTooLong);
    not_proposed(&mut market, timelock(u32::MAX), MultibusError::TimelockTooLong);
    not_proposed(&mut market, capacity(0), MultibusError::CapacityZero);
    not_proposed(&mut market, price(0), MultibusError::BasePriceZero);
    for listing_policy in [2, 255] {
        let policy = ProposalAction::ListingPolicySet { listing_policy };
        not_proposed(&mut market, policy, MultibusError::ListingPolicyUnknown);
    }
    for lock_fee_bps in [501, u16::MAX] {
        let fee = ProposalAction::LockFeeSet { lock_fee_bps };
        not_proposed(&mut market, fee, MultibusError::LockFeeTooHigh);
    }
    for (window, gate) in [(59, 0), (1, 0), (86_401, 0), (u32::MAX, 0), (900, 86_401), (0, 1)] {
        not_proposed(&mut market, windows(window, gate), MultibusError::WindowsInvalid);
    }
    decide(&mut market, timelock(30 * 86_400));
}

#[test]
pub fn capacity_below_what_is_listed_is_rejected() {
    refuses!(capacity_leak: proposal_create, proposal_execute);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let one = market.offer(6_000);
    market.buy(&one, 1_000);
    market.execute(&[offer_cancel(&one, &seller)]);
    market.offer(4_000);
    // 4,000 Wh are listed, 1,000 Wh are sold.
    let below = create(&market, capacity(4_999));
    let logs = market.assert_refused(&[below], MultibusError::CapacityBelowListed).meta.logs;
    let line = "Program log: new capacity 4999 Wh, listed and sold 5000 Wh";
    assert!(logs.iter().any(|log| log == line), "both numbers are told: {logs:?}");
    // The same when energy is listed after it was proposed.
    let change = |market: &mut TestMarket| {
        market.offer(1);
    };
    let logs = not_executed(&mut market, capacity(5_000), change, MultibusError::CapacityBelowListed);
    let line = "Program log: new capacity 5000 Wh, listed and sold 5001 Wh";
    assert!(logs.iter().any(|log| log == line), "both numbers are told: {logs:?}");
    // Exactly what is listed is enough; then nothing more can be listed.
    decide(&mut market, capacity(5_001));
    let general = market.capacity_state(&bus.capacity);
    assert_eq!((general.total_wh, general.available_wh, general.listed_wh, general.sold_wh), (5_001, 0, 4_001, 1_000));
    let more = offer_create(&bus, bus.capacity, &seller, market.payout, OfferOptions::new(50).energy(1));
    market.assert_refused(from_ref(&more), MultibusError::CapacityExceeded);
    decide(&mut market, capacity(u64::MAX));
    market.execute(&[more]);
}

#[test]
pub fn capacity_set_on_a_bus_with_windows_holds_for_windows_opened_later() {
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    market.offer_in(start, |options| options.energy(900_000));
    decide(&mut market, capacity(10_000));
    assert_eq!(market.capacity_state(&bus.window(start)).total_wh, 1_000_000);
    market.execute(&[capacity_open(&bus, &seller, start + 900)]);
    assert_eq!(market.capacity_state(&bus.window(start + 900)).total_wh, 10_000);
}

#[test]
pub fn windows_in_use_keep_their_length() {
    refuses!(capacity_leak: proposal_create, proposal_execute);
    // Offers without windows are open: none can be turned on.
    let mut market = TestMarket::new();
    let seller = market.seller;
    let offer = market.offer(1_000);
    not_proposed(&mut market, windows(900, 60), MultibusError::WindowsInUse);
    market.execute(&[offer_cancel(&offer, &seller)]);
    let change = |market: &mut TestMarket| {
        market.offer(1_000);
    };
    not_executed(&mut market, windows(900, 60), change, MultibusError::WindowsInUse);

    // A window is open: neither off nor another length, but the gate may move.
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    let turn_off = propose(&mut market, windows(0, 0));
    let offer = market.offer_in(start, |options| options);
    for (window, gate) in [(0, 0), (901, 60), (899, 60), (1_800, 0)] {
        not_proposed(&mut market, windows(window, gate), MultibusError::WindowsInUse);
    }
    let execute = execute(&market, turn_off);
    market.assert_refused(from_ref(&execute), MultibusError::WindowsInUse);
    decide(&mut market, windows(900, 120));
    decide(&mut market, windows(900, 0));
    // The window without its offer is still a window.
    market.execute(&[offer_cancel(&offer, &seller)]);
    market.assert_refused(from_ref(&execute), MultibusError::WindowsInUse);
    market.go_to(start + 900);
    market.execute(&[capacity_close(&bus, start, &seller)]);
    market.execute(&[execute]);
    let state = market.bus_state(&bus);
    assert_eq!((state.window_seconds, state.gate_closure_seconds), (0, 0));
    market.offer(1_000);
}

#[test]
pub fn windows_that_were_opened_in_vain_do_not_hold_up_the_owners() {
    let mut market = TestMarket::windowed();
    let (bus, start) = (market.bus, market.next_window());
    let joker = market.wallet("joker");
    let turn_off = propose(&mut market, windows(0, 0));
    market.execute(&[capacity_open(&bus, &joker, start)]);
    let execute = execute(&market, turn_off);
    market.assert_refused(from_ref(&execute), MultibusError::WindowsInUse);
    // Anyone closes it, in the same transaction even.
    market.execute(&[capacity_close(&bus, start, &joker), execute]);
}

#[test]
pub fn one_wh_far_ahead_keeps_the_windows_as_they_are_until_that_one_ends() {
    // A known limit of open listing (SECURITY.md). This test shows how far it goes.
    let mut market = TestMarket::windowed();
    let (bus, stranger) = (market.bus, market.wallet("stranger"));
    let payout = market.token_account("stranger's payout", &bus.mint, &stranger, 0);
    let far = (market.now() + 366 * 86_400) / 900 * 900;
    market.execute(&[capacity_open(&bus, &stranger, far)]);
    let dear = OfferOptions::new(0).energy(1).price(u64::MAX);
    let offer = market.create_offer(&bus, bus.window(far), &stranger, payout, dear);
    not_proposed(&mut market, windows(1_800, 0), MultibusError::WindowsInUse);
    // The owners close listing and withdraw the offer; the window is still there.
    decide(&mut market, ProposalAction::ListingPolicySet { listing_policy: 0 });
    let seller = market.seller;
    market.execute(&[offer_cancel(&offer, &seller)]);
    market.assert_refused(&[capacity_close(&bus, far, &stranger)], MultibusError::WindowNotOver);
    not_proposed(&mut market, windows(1_800, 0), MultibusError::WindowsInUse);
    // Everything else they can decide, and nobody else's trade is touched.
    decide(&mut market, windows(900, 0));
    let start = market.next_window();
    let sold = market.offer_in(start, |options| options);
    market.buy(&sold, 1_000);
    market.execute(&[offer_cancel(&sold, &seller)]);
    market.go_to(far + 900);
    let closing = [(start, seller), (far, stranger)].map(|(window, payer)| capacity_close(&bus, window, &payer));
    market.execute(&closing);
    decide(&mut market, windows(1_800, 0));
}

#[test]
pub fn gate_closure_moves_while_offers_are_open() {
    let mut market = TestMarket::windowed();
    let start = market.next_window();
    let offer = market.offer_in(start, |options| options);
    decide(&mut market, windows(900, 600));
    market.go_to(start - 600);
    let purchase = market.purchase(&offer, 100);
    market.assert_refused(from_ref(&purchase), MultibusError::GateClosed);
    decide(&mut market, windows(900, 599));
    market.execute(&[purchase]);
}

#[test]
pub fn pause_while_paused_is_rejected() {
    let mut market = TestMarket::new();
    let late = propose(&mut market, ProposalAction::Pause);
    decide(&mut market, ProposalAction::Pause);
    not_proposed(&mut market, ProposalAction::Pause, MultibusError::AlreadyPaused);
    let execute = execute(&market, late);
    market.assert_refused(&[execute], MultibusError::AlreadyPaused);
}

#[test]
pub fn resume_while_running_is_rejected() {
    let mut market = TestMarket::new();
    not_proposed(&mut market, ProposalAction::Resume, MultibusError::NotPaused);
    decide(&mut market, ProposalAction::Pause);
    let late = propose(&mut market, ProposalAction::Resume);
    decide(&mut market, ProposalAction::Resume);
    let execute = execute(&market, late);
    market.assert_refused(&[execute], MultibusError::NotPaused);
}

#[test]
pub fn an_action_of_a_later_program_is_rejected() {
    let mut market = TestMarket::new();
    let proposal = propose(&mut market, price(20_000));
    for kind in [12, 255] {
        market.edit::<state::Proposal>(&proposal, |proposal| proposal.action.kind = kind);
        let execute = execute(&market, proposal);
        market.assert_refused(&[execute], MultibusError::ActionUnknown);
    }
}

#[test]
pub fn every_action_changes_what_it_says_and_nothing_else() {
    type Change = fn(&mut state::Bus);
    let cases: [(ProposalAction, ActionKind, Change); 8] = [
        (threshold(1), ActionKind::ThresholdSet, |bus| bus.threshold = 1),
        (timelock(77), ActionKind::TimelockSet, |bus| bus.timelock_seconds = 77),
        (capacity(123_456), ActionKind::CapacitySet, |bus| bus.capacity_wh = 123_456),
        (price(77_000), ActionKind::BasePriceSet, |bus| bus.base_price_per_kwh = 77_000),
        (ProposalAction::ListingPolicySet { listing_policy: 0 }, ActionKind::ListingPolicySet, |bus| {
            bus.listing_policy = 0;
        }),
        (windows(900, 60), ActionKind::WindowsSet, |bus| {
            (bus.window_seconds, bus.gate_closure_seconds) = (900, 60);
        }),
        (ProposalAction::LockFeeSet { lock_fee_bps: 500 }, ActionKind::LockFeeSet, |bus| bus.lock_fee_bps = 500),
        (ProposalAction::Pause, ActionKind::Pause, |bus| bus.paused = 1),
    ];
    for (action, kind, change) in cases {
        let (mut market, owners) = TestMarket::owned_by(3, 2, |_| ());
        let bus = market.bus;
        let proposal = propose(&mut market, action.clone());
        approve(&mut market, proposal, &owners[2..]);
        let mut expected = market.bus_state(&bus);
        change(&mut expected);
        expected.config_version += (kind == ActionKind::ThresholdSet) as u64;
        let stranger = market.wallet("stranger");
        market.pass(5);
        let meta = market.execute(&[proposal_execute(&bus, proposal, &stranger)]);
        assert_eq!(market.bus_state(&bus), expected, "{action:?}");
        let state = market.proposal_state(&proposal);
        assert_eq!((state.state, state.executed_at), (1, market.now()));
        let encoded = Action::encode(&action).unwrap();
        assert_eq!((encoded.kind, encoded.decode()), (kind as u8, Some(action)));
        assert_logged(
            &meta,
            &event::ProposalExecuted {
                bus: bus.address,
                proposal,
                executed_by: stranger,
                config_version: expected.config_version,
                executed_at: market.now(),
                treasury_balance: 0,
                action: encoded,
            },
        );
    }
}

#[test]
pub fn owners_keep_their_order_when_one_leaves_or_enters() {
    let (mut market, owners) = TestMarket::owned_by(4, 1, |_| ());
    let (bus, newcomer) = (market.bus, market.wallet("newcomer"));
    let places = |market: &TestMarket| -> Vec<_> {
        market.bus_state(&bus).owners().iter().map(|slot| (slot.owner, slot.share_bps)).collect()
    };
    decide(&mut market, remove(owners[1], &[5_000, 3_000, 2_000]));
    assert_eq!(places(&market), [(owners[0], 5_000), (owners[2], 3_000), (owners[3], 2_000)]);
    decide(&mut market, add(newcomer, &[1, 2, 3, 9_994]));
    assert_eq!(places(&market), [(owners[0], 1), (owners[2], 2), (owners[3], 3), (newcomer, 9_994)]);
    // The first can leave as well, by the proposal of another.
    let seq = market.bus_state(&bus).proposal_seq;
    let leave = proposal_create(&bus, &newcomer, seq, remove(owners[0], &[4_000, 3_000, 3_000]));
    market.execute(&[leave, proposal_execute(&bus, bus.proposal(seq), &newcomer)]);
    assert_eq!(places(&market), [(owners[2], 4_000), (owners[3], 3_000), (newcomer, 3_000)]);
    assert_eq!(market.bus_state(&bus).config_version, 3);
}

#[test]
pub fn a_change_of_owners_past_the_last_config_version_is_rejected() {
    refuses!(arithmetic: proposal_execute);
    let (mut market, owners) = TestMarket::owned_by(2, 1, |_| ());
    let bus = market.bus;
    market.edit::<state::Bus>(&bus.address, |bus| bus.config_version = u64::MAX);
    let create = proposal_create(&bus, &owners[0], 0, shares(&[1, 9_999]));
    let both = [create, proposal_execute(&bus, bus.proposal(0), &owners[0])];
    market.assert_refused(&both, MultibusError::CounterOverflow);
}

// Approvals.

#[test]
pub fn proposal_approve_counts_each_owner_and_starts_the_timelock_with_the_last() {
    let (mut market, owners) = TestMarket::owned_by(4, 3, |config| config.timelock_seconds = 100);
    let bus = market.bus;
    let proposal = propose(&mut market, price(20_000));
    let steps = [(owners[3], 0b1001, false), (owners[1], 0b1011, true)];
    for (owner, approvals, complete) in steps {
        market.pass(7);
        let executable_at = if complete { market.now() + 100 } else { 0 };
        let meta = market.execute(&[proposal_approve(&bus, proposal, &owner)]);
        let state = market.proposal_state(&proposal);
        assert_eq!((state.approvals, state.executable_at), (approvals, executable_at));
        assert_logged(&meta, &event::ProposalApproved { proposal, owner, executable_at, approvals, padding: [0; 6] });
    }
    // One more than needed changes nothing about the time.
    let executable_at = market.proposal_state(&proposal).executable_at;
    market.pass(7);
    approve(&mut market, proposal, &owners[2..3]);
    let state = market.proposal_state(&proposal);
    assert_eq!((state.approvals, state.executable_at), (0b1111, executable_at));
}

#[test]
pub fn proposal_approve_twice_is_rejected() {
    refuses!(approval: proposal_approve, proposal_execute);
    let (mut market, owners) = TestMarket::owned_by(3, 3, |_| ());
    let bus = market.bus;
    let proposal = propose(&mut market, price(20_000));
    // The proposer has approved by proposing.
    market.assert_refused(&[proposal_approve(&bus, proposal, &owners[0])], MultibusError::AlreadyApproved);
    let second = proposal_approve(&bus, proposal, &owners[1]);
    market.assert_refused(&[second.clone(), second.clone()], MultibusError::AlreadyApproved);
    market.execute(from_ref(&second));
    market.assert_refused(&[second], MultibusError::AlreadyApproved);
    assert_eq!(market.proposal_state(&proposal).approvals, 0b011);
    let execute = execute(&market, proposal);
    market.assert_refused(&[execute], MultibusError::ApprovalsMissing);
}

#[test]
pub fn proposal_approve_counts_once_whatever_accounts_are_passed() {
    refuses!(approval: proposal_execute);
    let (mut market, owners) = TestMarket::owned_by(4, 3, |_| ());
    let bus = market.bus;
    let proposal = propose(&mut market, price(20_000));
    // The same owner often, and other owners as accounts that sign and that do not.
    let mut crowded = proposal_approve(&bus, proposal, &owners[1]);
    for owner in [owners[1], owners[1], owners[2], owners[3]] {
        crowded.accounts.push(AccountMeta::new_readonly(owner, true));
        crowded.accounts.push(AccountMeta::new(owner, false));
    }
    crowded.accounts.push(AccountMeta::new(proposal, false));
    // Whether the program refuses this or not, it must not count more than one approval.
    let before = market.svm.clone();
    match market.send(&[crowded]) {
        Ok(_) => assert_eq!(market.proposal_state(&proposal).approvals, 0b0011),
        Err(failure) => {
            assert!(matches!(failure.err, TransactionError::InstructionError(0, _)));
            market.svm = before;
            approve(&mut market, proposal, &owners[1..2]);
        }
    }
    let execute = execute(&market, proposal);
    market.assert_refused(&[execute], MultibusError::ApprovalsMissing);
}

#[test]
pub fn proposal_approve_by_stranger_is_rejected() {
    let (mut market, _) = TestMarket::owned_by(2, 2, |_| ());
    let proposal = propose(&mut market, price(20_000));
    let stranger = market.wallet("stranger");
    let approve = proposal_approve(&market.bus, proposal, &stranger);
    market.assert_refused(&[approve], MultibusError::NotAnOwner);
    let revoke = proposal_revoke(&market.bus, proposal, &stranger);
    market.assert_refused(&[revoke], MultibusError::NotAnOwner);
}

#[test]
pub fn proposal_approve_for_an_owner_who_does_not_sign_is_rejected() {
    refuses!(missing_signer: proposal_approve);
    let (mut market, owners) = TestMarket::owned_by(2, 2, |_| ());
    let proposal = propose(&mut market, price(20_000));
    let mut approve = proposal_approve(&market.bus, proposal, &owners[1]);
    approve.accounts[0].is_signer = false;
    market.assert_refused(&[approve], InstructionError::MissingRequiredSignature);
}

#[test]
pub fn sixteen_owners_decide_together() {
    withstands!(arithmetic: proposal_approve);
    let (mut market, owners) = TestMarket::owned_by(16, 16, |_| ());
    let bus = market.bus;
    let proposal = propose(&mut market, price(20_000));
    approve(&mut market, proposal, &owners[1..15]);
    let execute = execute(&market, proposal);
    market.assert_refused(from_ref(&execute), MultibusError::ApprovalsMissing);
    approve(&mut market, proposal, &owners[15..]);
    assert_eq!(market.proposal_state(&proposal).approvals, u16::MAX);
    market.execute(&[execute]);
    assert_eq!(market.bus_state(&bus).base_price_per_kwh, 20_000);
}

#[test]
pub fn approvals_of_the_last_owner_at_the_end_of_time_neither_wrap_nor_pass_early() {
    withstands!(arithmetic: proposal_approve, proposal_revoke);
    let (mut market, owners) = TestMarket::owned_by(16, 2, |config| config.timelock_seconds = 30 * 86_400);
    let (bus, last) = (market.bus, owners[15]);
    market.go_to(i64::MAX - 1);
    let proposal = propose(&mut market, price(20_000));
    approve(&mut market, proposal, &[last]);
    let state = market.proposal_state(&proposal);
    assert_eq!((state.approvals, state.executable_at), (0b1000_0000_0000_0001, i64::MAX), "the timelock saturates");
    let execute = execute(&market, proposal);
    market.assert_refused(from_ref(&execute), MultibusError::TimelockActive);
    market.execute(&[proposal_revoke(&bus, proposal, &last)]);
    let state = market.proposal_state(&proposal);
    assert_eq!((state.approvals, state.executable_at), (1, 0));
    market.assert_refused(&[execute], MultibusError::ApprovalsMissing);
}

#[test]
pub fn proposal_revoke_undoes_the_approval() {
    let (mut market, owners) = TestMarket::owned_by(3, 2, |_| ());
    let bus = market.bus;
    let proposal = propose(&mut market, price(20_000));
    approve(&mut market, proposal, &owners[1..2]);
    let meta = market.execute(&[proposal_revoke(&bus, proposal, &owners[0])]);
    assert_logged(
        &meta,
        &event::ProposalRevoked { proposal, owner: owners[0], executable_at: 0, approvals: 0b010, padding: [0; 6] },
    );
    let execute = execute(&market, proposal);
    market.assert_refused(from_ref(&execute), MultibusError::ApprovalsMissing);
    // Another owner's approval takes its place.
    approve(&mut market, proposal, &owners[2..]);
    market.execute(&[execute]);
}

#[test]
pub fn proposal_revoke_restarts_the_timelock() {
    let (mut market, owners) = TestMarket::owned_by(3, 2, |config| config.timelock_seconds = 1_000);
    let bus = market.bus;
    let proposal = propose(&mut market, price(20_000));
    approve(&mut market, proposal, &owners[1..2]);
    let execute = execute(&market, proposal);
    market.pass(999);
    market.execute(&[proposal_revoke(&bus, proposal, &owners[1])]);
    assert_eq!(market.proposal_state(&proposal).executable_at, 0);
    market.execute(&[proposal_approve(&bus, proposal, &owners[1])]);
    market.pass(999);
    market.assert_refused(from_ref(&execute), MultibusError::TimelockActive);
    market.pass(1);
    market.execute(&[execute]);
}

#[test]
pub fn proposal_revoke_of_one_more_than_needed_keeps_the_timelock() {
    let (mut market, owners) = TestMarket::owned_by(3, 2, |config| config.timelock_seconds = 1_000);
    let bus = market.bus;
    let proposal = propose(&mut market, price(20_000));
    approve(&mut market, proposal, &owners[1..]);
    let executable_at = market.proposal_state(&proposal).executable_at;
    market.pass(10);
    market.execute(&[proposal_revoke(&bus, proposal, &owners[0])]);
    assert_eq!(market.proposal_state(&proposal).executable_at, executable_at);
    market.execute(&[proposal_approve(&bus, proposal, &owners[0])]);
    assert_eq!(market.proposal_state(&proposal).executable_at, executable_at);
    // If two revoke, the quorum is gone, and the timelock with it.
    market.execute(&[proposal_revoke(&bus, proposal, &owners[0]), proposal_revoke(&bus, proposal, &owners[2])]);
    market.execute(&[proposal_approve(&bus, proposal, &owners[2])]);
    assert_eq!(market.proposal_state(&proposal).executable_at, market.now() + 1_000);
}

#[test]
pub fn proposal_revoke_of_what_was_not_approved_is_rejected() {
    refuses!(approval: proposal_revoke);
    let (mut market, owners) = TestMarket::owned_by(3, 2, |_| ());
    let bus = market.bus;
    let proposal = propose(&mut market, price(20_000));
    market.assert_refused(&[proposal_revoke(&bus, proposal, &owners[1])], MultibusError::NotApproved);
    let revoke = proposal_revoke(&bus, proposal, &owners[0]);
    market.assert_refused(&[revoke.clone(), revoke], MultibusError::NotApproved);
}

// Stale proposals.

#[test]
pub fn a_proposal_older_than_a_change_of_owners_is_stale() {
    refuses!(approval: proposal_approve, proposal_revoke, proposal_execute);
    let (_, owners) = TestMarket::owned_by(3, 2, |_| ());
    let newcomer = multibus_tests::keypair("newcomer");
    let newcomer = solana_signer::Signer::pubkey(&newcomer);
    let changes = [
        add(newcomer, &[2_500, 2_500, 2_500, 2_500]),
        remove(owners[2], &[5_000, 5_000]),
        shares(&[3_333, 3_333, 3_334]),
        threshold(3),
        // Also if the change leaves everything as it was.
        threshold(2),
        shares(&[3_334, 3_333, 3_333]),
    ];
    for change in changes {
        let (mut market, owners) = TestMarket::owned_by(3, 2, |_| ());
        let bus = market.bus;
        let (open, ready) = (propose(&mut market, price(20_000)), propose(&mut market, price(30_000)));
        let executed = propose(&mut market, price(40_000));
        approve(&mut market, ready, &owners[1..2]);
        approve(&mut market, executed, &owners[1..2]);
        let run = execute(&market, executed);
        market.execute(&[run]);
        let proposer = owners[1];
        let deciding = market.propose(&bus, &proposer, change.clone());
        approve(&mut market, deciding, &owners[0..1]);
        let run = execute(&market, deciding);
        market.execute(&[run]);
        println!("{change:?}");
        for proposal in [open, ready] {
            let refused = [
                proposal_approve(&bus, proposal, &owners[1]),
                proposal_revoke(&bus, proposal, &owners[0]),
                execute(&market, proposal),
            ];
            for instruction in refused {
                let logs = market.assert_refused(&[instruction], MultibusError::ProposalStale).meta.logs;
                let line = "Program log: made under version 0, present version 1";
                assert!(logs.iter().any(|log| log == line), "{logs:?}");
            }
        }
        // An executed proposal is reported as executed, even if it is stale.
        let run = execute(&market, executed);
        market.assert_refused(&[run], MultibusError::ProposalExecuted);
        // Anyone closes them, and the proposer gets the rent.
        let stranger = market.wallet("stranger");
        for proposal in [open, ready, executed, deciding] {
            let proposer = market.proposal_state(&proposal).proposer;
            let (before, rent) = (market.lamports(&proposer), market.lamports(&proposal));
            market.execute(&[proposal_close(&bus, proposal, &stranger, &proposer)]);
            assert_eq!(market.lamports(&proposer), before + rent);
        }
        assert_eq!(market.bus_state(&bus).base_price_per_kwh, 40_000);
    }
}

#[test]
pub fn other_decisions_make_no_proposal_stale() {
    let (mut market, owners) = TestMarket::owned_by(3, 2, |_| ());
    let bus = market.bus;
    let waiting = propose(&mut market, shares(&[10_000, 0, 0]));
    let others = [
        timelock(10),
        capacity(900_000),
        price(20_000),
        ProposalAction::ListingPolicySet { listing_policy: 0 },
        windows(900, 60),
        ProposalAction::LockFeeSet { lock_fee_bps: 1 },
        ProposalAction::Pause,
        ProposalAction::Resume,
    ];
    for action in others {
        market.decide(&bus, action);
    }
    approve(&mut market, waiting, &owners[1..2]);
    // Its timelock is the one of the moment of its last approval.
    assert_eq!(market.proposal_state(&waiting).executable_at, market.now() + 10);
    market.pass(10);
    let execute = execute(&market, waiting);
    market.execute(&[execute]);
}

#[test]
pub fn approvals_of_a_removed_owner_are_gone_also_when_the_owner_returns() {
    refuses!(approval: proposal_create, proposal_approve, proposal_revoke, proposal_execute);
    let (mut market, owners) = TestMarket::owned_by(3, 2, |_| ());
    let bus = market.bus;
    let leaver = owners[2];
    // The leaver proposes and another approves: it could be executed.
    let old = market.propose(&bus, &leaver, price(1));
    approve(&mut market, old, &owners[1..2]);
    decide(&mut market, remove(leaver, &[5_000, 5_000]));
    let approve_old = proposal_approve(&bus, old, &owners[0]);
    let execute_old = execute(&market, old);
    market.assert_refused(from_ref(&execute_old), MultibusError::ProposalStale);
    market.assert_refused(from_ref(&approve_old), MultibusError::ProposalStale);
    // Who left neither proposes nor approves.
    let fresh = propose(&mut market, price(2));
    market.assert_refused(&[proposal_approve(&bus, fresh, &leaver)], MultibusError::NotAnOwner);
    market.assert_refused(&[proposal_revoke(&bus, fresh, &leaver)], MultibusError::NotAnOwner);
    let seq = market.bus_state(&bus).proposal_seq;
    market.assert_refused(&[proposal_create(&bus, &leaver, seq, price(3))], MultibusError::NotAnOwner);
    // The leaver returns to the same place. Neither the old approvals nor the one in between count again.
    decide(&mut market, add(leaver, &equal_shares(3)));
    assert_eq!(market.bus_state(&bus).owners[2].owner, leaver);
    for instruction in [execute_old, approve_old, proposal_approve(&bus, fresh, &leaver)] {
        market.assert_refused(&[instruction], MultibusError::ProposalStale);
    }
    let rent = market.lamports(&old);
    let before = market.lamports(&leaver);
    market.execute(&[proposal_close(&bus, old, &owners[0], &leaver)]);
    assert_eq!(market.lamports(&leaver), before + rent, "its rent is the leaver's");
    // Under the new owners the same change is decided anew.
    let anew = market.propose(&bus, &leaver, price(1));
    let execute_anew = execute(&market, anew);
    market.assert_refused(from_ref(&execute_anew), MultibusError::ApprovalsMissing);
    approve(&mut market, anew, &owners[..1]);
    market.execute(&[execute_anew]);
}

#[test]
pub fn approvals_do_not_pass_to_the_owner_who_takes_the_place() {
    refuses!(approval: proposal_approve, proposal_revoke);
    let (mut market, owners) = TestMarket::owned_by(3, 2, |_| ());
    let bus = market.bus;
    // The second approves; then the first leaves and all others move up one place.
    let old = market.propose(&bus, &owners[1], price(1));
    decide(&mut market, remove(owners[0], &[5_000, 5_000]));
    assert_eq!(market.bus_state(&bus).owners[1].owner, owners[2]);
    for owner in &owners[1..] {
        market.assert_refused(&[proposal_revoke(&bus, old, owner)], MultibusError::ProposalStale);
        market.assert_refused(&[proposal_approve(&bus, old, owner)], MultibusError::ProposalStale);
    }
}

// Pausing.

#[test]
pub fn one_owner_pauses_at_once_but_resuming_needs_threshold_and_timelock() {
    let (mut market, owners) =
        TestMarket::owned_by(3, 2, |config| (config.pause_quorum, config.timelock_seconds) = (1, 3_600));
    let (bus, one) = (market.bus, owners[2]);
    let offer = market.offer(10_000);
    let pause = proposal_create(&bus, &one, 0, ProposalAction::Pause);
    market.execute(&[pause, proposal_execute(&bus, bus.proposal(0), &one)]);
    let purchase = market.purchase(&offer, 100);
    market.assert_refused(from_ref(&purchase), MultibusError::BusPaused);
    // Resuming by one owner, then by two but too early.
    let resume = market.propose(&bus, &one, ProposalAction::Resume);
    let execute = execute(&market, resume);
    market.pass(10_000);
    market.assert_refused(from_ref(&execute), MultibusError::ApprovalsMissing);
    approve(&mut market, resume, &owners[..1]);
    market.pass(3_599);
    market.assert_refused(from_ref(&execute), MultibusError::TimelockActive);
    market.pass(1);
    market.execute(&[execute]);
    market.execute(&[purchase]);
    // The quorum is for pausing alone.
    let other = market.propose(&bus, &one, price(20_000));
    let execute = proposal_execute(&bus, other, &one);
    market.pass(10_000);
    market.assert_refused(&[execute], MultibusError::ApprovalsMissing);
}

#[test]
pub fn pausing_without_a_quorum_of_its_own_needs_the_threshold_but_no_timelock() {
    let (mut market, owners) = TestMarket::owned_by(3, 2, |config| config.timelock_seconds = 3_600);
    let pause = propose(&mut market, ProposalAction::Pause);
    let execute = execute(&market, pause);
    market.assert_refused(from_ref(&execute), MultibusError::ApprovalsMissing);
    approve(&mut market, pause, &owners[1..2]);
    market.execute(&[execute]);
}

#[test]
pub fn the_pause_quorum_follows_the_threshold_where_it_must() {
    for (pause_quorum, needed) in [(2, [2, 1, 2]), (0, [2, 1, 3])] {
        let (mut market, _) = TestMarket::owned_by(3, 3, |config| config.pause_quorum = pause_quorum);
        let bus = market.bus;
        for (threshold_set, needed) in [2, 1, 3].into_iter().zip(needed) {
            decide(&mut market, threshold(threshold_set));
            assert_eq!(market.bus_state(&bus).pause_approvals(), needed);
            // The independent bookkeeping counts the approvals of both.
            decide(&mut market, ProposalAction::Pause);
            decide(&mut market, ProposalAction::Resume);
        }
    }
}

// Execution.

#[test]
pub fn proposal_execute_with_approvals_missing_is_rejected() {
    refuses!(approval: proposal_execute);
    let (mut market, owners) = TestMarket::owned_by(3, 3, |_| ());
    let proposal = propose(&mut market, price(20_000));
    let execute = execute(&market, proposal);
    for (count, owner) in [(1, owners[1]), (2, owners[2])] {
        let logs = market.assert_refused(from_ref(&execute), MultibusError::ApprovalsMissing).meta.logs;
        let line = format!("Program log: {count} approvals, 3 needed");
        assert!(logs.contains(&line), "{logs:?}");
        approve(&mut market, proposal, &[owner]);
    }
    market.execute(&[execute]);
}

#[test]
pub fn proposal_execute_before_the_timelock_ends_is_rejected() {
    let (mut market, owners) = TestMarket::owned_by(2, 2, |config| config.timelock_seconds = 600);
    let proposal = propose(&mut market, price(20_000));
    let execute = execute(&market, proposal);
    // The timelock counts from the approval that completes the quorum, not from the proposal.
    market.pass(10_000);
    market.assert_refused(from_ref(&execute), MultibusError::ApprovalsMissing);
    approve(&mut market, proposal, &owners[1..]);
    let ends = market.now() + 600;
    for now in [ends - 600, ends - 599, ends - 1] {
        market.go_to(now);
        let logs = market.assert_refused(from_ref(&execute), MultibusError::TimelockActive).meta.logs;
        assert!(logs.contains(&format!("Program log: timelock ends at {ends}, now {now}")), "{logs:?}");
    }
    for now in [ends, ends + 1, ends + 1_000_000] {
        let before = market.svm.clone();
        market.go_to(now);
        let transaction = market.transaction(from_ref(&execute), &[]);
        assert!(market.svm.send_transaction(transaction).is_ok(), "at {now}");
        market.svm = before;
    }
    market.go_to(ends);
    market.execute(&[execute]);
}

#[test]
pub fn a_timelock_set_later_counts_for_later_approvals() {
    let (mut market, owners) = TestMarket::owned_by(2, 2, |config| config.timelock_seconds = 600);
    let shorter = propose(&mut market, timelock(0));
    let waiting = propose(&mut market, price(20_000));
    approve(&mut market, shorter, &owners[1..]);
    approve(&mut market, waiting, &owners[1..]);
    let (first, second) = (execute(&market, shorter), execute(&market, waiting));
    market.pass(600);
    market.execute(&[first]);
    market.execute(&[second]);
    // No timelock now: the last approval and the execution go together.
    let bus = market.bus;
    let last = propose(&mut market, price(30_000));
    market.execute(&[proposal_approve(&bus, last, &owners[1]), proposal_execute(&bus, last, &owners[1])]);
}

#[test]
pub fn proposal_execute_twice_is_rejected() {
    refuses!(approval: proposal_approve, proposal_revoke, proposal_execute; replay: proposal_execute);
    let (mut market, owners) = TestMarket::owned_by(2, 2, |_| ());
    let bus = market.bus;
    let proposal = propose(&mut market, price(20_000));
    approve(&mut market, proposal, &owners[1..]);
    let run = execute(&market, proposal);
    market.assert_refused(&[run.clone(), run.clone()], MultibusError::ProposalExecuted);
    market.execute(from_ref(&run));
    decide(&mut market, price(30_000));
    market.assert_refused(&[run], MultibusError::ProposalExecuted);
    // Nor is it approved or revoked any more.
    market.assert_refused(&[proposal_revoke(&bus, proposal, &owners[0])], MultibusError::ProposalExecuted);
    market.assert_refused(&[proposal_approve(&bus, proposal, &owners[0])], MultibusError::ProposalExecuted);
    assert_eq!(market.bus_state(&bus).base_price_per_kwh, 30_000);
}

#[test]
pub fn a_change_of_owners_executes_once() {
    refuses!(replay: proposal_execute);
    let (mut market, owners) = TestMarket::owned_by(2, 1, |_| ());
    let newcomer = market.key("newcomer");
    let proposal = propose(&mut market, add(newcomer, &equal_shares(3)));
    let run = execute(&market, proposal);
    market.execute(from_ref(&run));
    decide(&mut market, remove(newcomer, &[5_000, 5_000]));
    market.assert_refused(&[run], MultibusError::ProposalExecuted);
    assert_eq!(market.bus_state(&market.bus).owners().len(), owners.len());
}

#[test]
pub fn proposal_execute_with_accounts_of_another_bus_is_rejected() {
    refuses!(substituted_address: proposal_execute);
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    let other = market.create_bus(&seller, &bus.mint, &BusOptions::new(&seller).seq(1).windowed());
    market.execute(&[capacity_open(&bus, &seller, start)]);
    let (mine, theirs) = (propose(&mut market, capacity(7)), market.propose(&other, &seller, capacity(8)));
    let fake = market.token_account("fake treasury", &bus.mint, &bus.address, 1_000_000);
    type Change = Box<dyn Fn(&mut multibus::accounts::ProposalExecute)>;
    let cases: Vec<(Change, MultibusError)> = vec![
        (Box::new(move |accounts| accounts.bus = other.address), MultibusError::BusMismatch),
        (Box::new(move |accounts| accounts.proposal = theirs), MultibusError::BusMismatch),
        (Box::new(move |accounts| accounts.general = other.capacity), MultibusError::BusMismatch),
        (Box::new(move |accounts| accounts.general = bus.window(start)), MultibusError::BusMismatch),
        (Box::new(move |accounts| accounts.treasury = other.treasury), MultibusError::TreasuryMismatch),
        (Box::new(move |accounts| accounts.treasury = bus.escrow), MultibusError::TreasuryMismatch),
        (Box::new(move |accounts| accounts.treasury = fake), MultibusError::TreasuryMismatch),
    ];
    for (change, error) in cases {
        let mut accounts = proposal_execute_accounts(&bus, mine, &seller);
        change(&mut accounts);
        market.assert_refused(&[ProposalExecute {}.to_instruction(accounts)], error);
    }
    // All accounts are of the other bus, except for the proposal: still not its decision.
    let accounts = proposal_execute_accounts(&other, mine, &seller);
    market.assert_refused(&[ProposalExecute {}.to_instruction(accounts)], MultibusError::BusMismatch);
}

#[test]
pub fn proposal_create_approve_revoke_and_close_with_another_bus_are_rejected() {
    refuses!(substituted_address: proposal_create, proposal_approve, proposal_revoke, proposal_close);
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    // A bus of the attacker's own, where one approval is enough.
    let attacker = market.wallet("attacker");
    let other = market.create_bus(&attacker, &bus.mint, &BusOptions::new(&attacker));
    let proposal = propose(&mut market, price(20_000));
    let mixed = [
        proposal_approve(&other, proposal, &attacker),
        proposal_revoke(&other, proposal, &attacker),
        proposal_close(&other, proposal, &attacker, &seller),
    ];
    for instruction in mixed {
        market.assert_refused(&[instruction], MultibusError::BusMismatch);
    }
    market.execute(&[capacity_open(&bus, &seller, start)]);
    for general in [other.capacity, bus.window(start)] {
        let mut accounts = proposal_create_accounts(&bus, &seller, 1);
        accounts.general = general;
        let create = ProposalCreate { action: capacity(1) }.to_instruction(accounts);
        market.assert_refused(&[create], MultibusError::BusMismatch);
    }
}

// Closing.

#[test]
pub fn proposal_close_of_what_can_still_be_executed_is_rejected() {
    refuses!(approval: proposal_close);
    let (mut market, owners) = TestMarket::owned_by(3, 2, |config| config.timelock_seconds = 100);
    let bus = market.bus;
    let proposal = propose(&mut market, price(20_000));
    let close = |closer: &Address| proposal_close(&bus, proposal, closer, &owners[0]);
    for closer in [&owners[0], &owners[2]] {
        market.assert_refused(&[close(closer)], MultibusError::ProposalOpen);
    }
    approve(&mut market, proposal, &owners[1..2]);
    market.pass(1_000);
    market.assert_refused(&[close(&owners[0])], MultibusError::ProposalOpen);
    market.execute(&[proposal_revoke(&bus, proposal, &owners[0])]);
    market.assert_refused(&[close(&owners[0])], MultibusError::ProposalOpen);
    // Nobody approves any more: it can be closed.
    market.execute(&[proposal_revoke(&bus, proposal, &owners[1])]);
    let (before, rent) = (market.lamports(&owners[0]), market.lamports(&proposal));
    let meta = market.execute(&[close(&owners[2])]);
    assert_eq!(market.lamports(&owners[0]), before + rent);
    assert!(!market.exists(&proposal));
    assert_logged(
        &meta,
        &event::ProposalClosed { bus: bus.address, proposal, closed_by: owners[2], executed: 0, padding: [0; 7] },
    );
}

#[test]
pub fn proposal_close_once_executed_pays_the_rent_to_the_proposer() {
    let mut market = TestMarket::new();
    let (bus, seller, stranger) = (market.bus, market.seller, market.wallet("stranger"));
    let before = market.lamports(&seller);
    let proposal = propose(&mut market, price(20_000));
    let run = execute(&market, proposal);
    market.execute(&[run]);
    let lamports = market.lamports(&stranger);
    let meta = market.execute(&[proposal_close(&bus, proposal, &stranger, &seller)]);
    assert_eq!(market.lamports(&seller), before, "all rent is back");
    assert_eq!(market.lamports(&stranger), lamports);
    let closed =
        event::ProposalClosed { bus: bus.address, proposal, closed_by: stranger, executed: 1, padding: [0; 7] };
    assert_logged(&meta, &closed);
    // Its number is never used again.
    assert_eq!(market.bus_state(&bus).proposal_seq, 1);
    market.assert_refused(&[proposal_create(&bus, &seller, 0, price(1))], InstructionError::InvalidSeeds);
}

#[test]
pub fn proposal_close_with_rent_to_another_wallet_is_rejected() {
    refuses!(theft: proposal_close);
    let (mut market, owners) = TestMarket::owned_by(2, 1, |_| ());
    let (bus, thief) = (market.bus, market.wallet("thief"));
    let proposal = propose(&mut market, price(20_000));
    let run = execute(&market, proposal);
    market.execute(&[run]);
    for (closer, receiver) in [(thief, thief), (owners[0], thief), (owners[1], owners[1])] {
        let close = proposal_close(&bus, proposal, &closer, &receiver);
        market.assert_refused(&[close], MultibusError::ProposerMismatch);
    }
}

#[test]
pub fn proposal_closed_twice_or_used_after_in_one_transaction_is_rejected() {
    refuses!(revival: proposal_approve, proposal_execute, proposal_close; replay: proposal_close);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let proposal = propose(&mut market, price(20_000));
    let run = execute(&market, proposal);
    market.execute(from_ref(&run));
    let close = proposal_close(&bus, proposal, &seller, &seller);
    let fund = solana_system_interface::instruction::transfer(&seller, &proposal, 5_000_000);
    for after in
        [close.clone(), run, proposal_approve(&bus, proposal, &seller), proposal_revoke(&bus, proposal, &seller)]
    {
        market.assert_refused(&[close.clone(), after.clone()], Refusal::NotTheAccount);
        market.assert_refused(&[close.clone(), fund.clone(), after], Refusal::NotTheAccount);
    }
}

#[test]
pub fn a_decision_is_told_step_by_step() {
    // Two owners do everything in one transaction; the events are in order.
    let (mut market, owners) = TestMarket::owned_by(2, 2, |_| ());
    let bus: BusAddresses = market.bus;
    let proposal = bus.proposal(0);
    let meta = market.execute(&[
        proposal_create(&bus, &owners[0], 0, price(20_000)),
        proposal_approve(&bus, proposal, &owners[1]),
        proposal_execute(&bus, proposal, &owners[1]),
        proposal_close(&bus, proposal, &owners[1], &owners[0]),
    ]);
    assert_eq!(logged(&meta.logs).len(), 4);
}

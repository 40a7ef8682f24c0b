//! `proposal_create`, `proposal_approve`, `proposal_revoke`, `proposal_execute` and `proposal_close`: the owners of a
//! bus decide together.

use {
    bytemuck::Zeroable,
    multibus::{
        error::MultibusError,
        event,
        instruction::{ProposalCreate, ProposalExecute},
        state::{self, Action, ActionKind, ProposalAction, TermsConfig},
    },
    multibus_tests::{
        BusAddresses, BusOptions, Refusal, TestMarket, TokenProgram,
        chain::{FIRST, START},
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

/// More than the longest horizon ahead, where windows of 15 minutes start.
const LATER: i64 = START / 900 * 900 + 367 * 86_400;

/// Terms with windows of this length and gate closure, where sellers are paid on purchase.
fn windows(from: i64, window_seconds: u32, gate_closure_seconds: u32) -> ProposalAction {
    let terms = TermsConfig { window_seconds, gate_closure_seconds, ..TermsConfig::default() };
    ProposalAction::TermsSet { from, terms }
}

/// The next proposal of the first owner.
fn create(market: &TestMarket, action: ProposalAction) -> Instruction {
    market.proposal(&market.bus, &market.seller, action).0
}

/// The first owner proposes.
fn propose(market: &mut TestMarket, action: ProposalAction) -> Address {
    let (bus, seller) = (market.bus, market.seller);
    market.propose(&bus, &seller, action)
}

fn approve(market: &mut TestMarket, proposal: Address, owners: &[Address]) {
    let bus = market.bus;
    for owner in owners {
        market.execute(&[market.approval(&bus, proposal, owner)]);
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
    let meta = market.execute(&[proposal_create(&bus, &proposer, FIRST, add(newcomer, &list))]);
    let mut shares_bps = [0; 16];
    shares_bps[..4].copy_from_slice(&list);
    let action = Action {
        kind: 0,
        share_count: 4,
        padding: [0; 6],
        value: 0,
        terms: Zeroable::zeroed(),
        owner: newcomer,
        new_owner: Address::default(),
        shares_bps,
    };
    let (address, bump) = pda::proposal(&bus.address, &proposer, FIRST);
    // The hash, as its definition says and not as the program's code does.
    let created_at = market.now();
    let mut preimage = b"multibus:proposal:v1".to_vec();
    preimage.extend_from_slice(multibus::ID.as_ref());
    preimage.extend_from_slice(address.as_ref());
    preimage.extend_from_slice(&created_at.to_le_bytes());
    preimage.extend_from_slice(bytemuck::bytes_of(&action));
    let hash = anchor_lang::solana_program::hash::hashv(&[&preimage]).to_bytes();
    let expires_at = created_at + 3_600 + 30 * 86_400;
    let expected = state::Proposal {
        layout_version: 2,
        bump,
        state: 0,
        was_decided: 0,
        padding: [0; 2],
        approvals: 0b010,
        number: FIRST,
        config_version: 0,
        pause_version: 0,
        created_at,
        executable_at: 0,
        expires_at,
        executed_at: 0,
        bus: bus.address,
        proposer,
        hash,
        action,
        reserved: [0; 64],
    };
    assert_eq!(market.proposal_state(&address), expected);
    let ledger = market.ledger(&bus);
    assert_eq!(ledger.owners[..3].iter().map(|owner| owner.next_proposal - FIRST).collect::<Vec<_>>(), [0, 1, 0]);
    assert_eq!(ledger.open_proposals, 1);
    assert_eq!(before - market.lamports(&proposer), market.lamports(&address), "the proposer pays the rent");
    assert_logged(
        &meta,
        &event::ProposalCreated {
            bus: bus.address,
            proposal: address,
            proposer,
            hash,
            number: FIRST,
            config_version: 0,
            pause_version: 0,
            created_at,
            executable_at: 0,
            expires_at,
            action,
        },
    );
    // Nothing of the bus has changed.
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
    let proposal = bus.proposal(&seller, FIRST);
    let create = proposal_create(&bus, &seller, FIRST, add(friend, &[7_500, 2_500]));
    market.execute(&[create, proposal_execute(&bus, proposal, &seller)]);
    let owners: Vec<_> = market.bus_state(&bus).owners().iter().map(|slot| (slot.owner, slot.share_bps)).collect();
    assert_eq!(owners, [(seller, 7_500), (friend, 2_500)]);
}

#[test]
pub fn proposal_create_by_stranger_is_rejected() {
    let mut market = TestMarket::new();
    let stranger = market.wallet("stranger");
    let create = proposal_create(&market.bus, &stranger, FIRST, price(20_000));
    market.assert_refused(&[create], MultibusError::NotAnOwner);
}

#[test]
pub fn proposal_create_with_any_number_but_the_proposers_next_is_rejected() {
    refuses!(reinitialisation: proposal_create; substituted_address: proposal_create; replay: proposal_create);
    // Two owners propose at the same instant: neither disturbs the other.
    let (mut market, owners) = TestMarket::owned_by(2, 2, |_| ());
    let bus = market.bus;
    let second = proposal_create(&bus, &owners[1], FIRST, price(30_000));
    let create = proposal_create(&bus, &owners[0], FIRST, price(20_000));
    market.execute(from_ref(&create));
    let first = market.account(&bus.proposal(&owners[0], FIRST));
    market.execute(&[second]);
    assert_eq!(market.account(&bus.proposal(&owners[0], FIRST)), first);
    // A number is used once, none can be skipped, and another address cannot be used.
    market.assert_refused(&[create], Refusal::custom(0));
    for number in [0, FIRST - 1, FIRST + 2, u64::MAX] {
        let create = proposal_create(&bus, &owners[0], number, price(20_000));
        market.assert_refused(&[create], MultibusError::NumberNotNext);
    }
    let other = market.create_bus(&owners[0], &bus.mint, &BusOptions::new(&owners[0]));
    let addresses = [
        bus.proposal(&owners[0], FIRST + 2),
        bus.proposal(&owners[1], FIRST + 1),
        other.proposal(&owners[0], FIRST + 1),
        pda::offer(&bus.seller(&owners[0]).address, FIRST + 1).0,
    ];
    for address in addresses {
        let mut accounts = proposal_create_accounts(&bus, &owners[0], FIRST + 1);
        accounts.proposal = address;
        let create = ProposalCreate { number: FIRST + 1, action: price(20_000) }.to_instruction(accounts);
        market.assert_refused(&[create], InstructionError::InvalidSeeds);
    }
}

#[test]
pub fn proposal_create_twice_in_one_transaction_makes_two() {
    let (mut market, owners) = TestMarket::owned_by(2, 2, |_| ());
    let bus = market.bus;
    let both = [FIRST, FIRST + 1].map(|number| proposal_create(&bus, &owners[1], number, price(20_000)));
    market.execute(&both);
    assert_eq!(market.ledger(&bus).open_proposals, 2);
}

#[test]
pub fn proposal_create_at_a_prefunded_address_succeeds() {
    for lamports in [1, 3_000_000, 9_000_000] {
        let mut market = TestMarket::new();
        let proposal = market.bus.proposal(&market.seller, FIRST);
        market.fund(&proposal, lamports);
        propose(&mut market, price(20_000));
    }
}

#[test]
pub fn proposal_create_past_the_last_number_is_rejected() {
    refuses!(arithmetic: proposal_create);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let before = market.account(&bus.ledger);
    market.edit::<state::Ledger>(&bus.ledger, |ledger| ledger.owners[0].next_proposal = u64::MAX);
    let create = proposal_create(&bus, &seller, u64::MAX, price(20_000));
    market.assert_refused(&[create], MultibusError::CounterOverflow);
    market.svm.set_account(bus.ledger, before).unwrap();
    market.edit::<state::Ledger>(&bus.ledger, |ledger| ledger.open_proposals = u32::MAX);
    let create = proposal_create(&bus, &seller, FIRST, price(20_000));
    market.assert_refused(&[create], MultibusError::CounterOverflow);
}

#[test]
pub fn proposal_create_of_an_unknown_action_is_rejected() {
    let mut market = TestMarket::new();
    let mut create = create(&market, ProposalAction::Pause);
    for tag in [20, 255] {
        create.data[1 + 8] = tag;
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
    not_proposed(&mut market, capacity((1 << 40) + 1), MultibusError::CapacityTooLarge);
    for least_wh in [0, (1 << 40) + 1] {
        not_proposed(&mut market, ProposalAction::LeastSizeSet { least_wh }, MultibusError::LeastSizeInvalid);
    }
    for pause_quorum in [2, 255] {
        let quorum = ProposalAction::PauseQuorumSet { pause_quorum };
        not_proposed(&mut market, quorum, MultibusError::PauseQuorumInvalid);
    }
    let itself = market.bus.address;
    not_proposed(&mut market, ProposalAction::OperatorSet { operator: Some(itself) }, MultibusError::OperatorInvalid);
    let wallet = Address::default();
    not_proposed(&mut market, ProposalAction::SellerAdmit { wallet }, MultibusError::SellerMismatch);
    not_proposed(&mut market, ProposalAction::SellerSuspend { wallet }, MultibusError::SellerMismatch);
    not_proposed(&mut market, price(0), MultibusError::BasePriceZero);
    for listing_policy in [3, 255] {
        let policy = ProposalAction::ListingPolicySet { listing_policy };
        not_proposed(&mut market, policy, MultibusError::ListingPolicyUnknown);
    }
    for lock_fee_bps in [501, u16::MAX] {
        let fee = ProposalAction::LockFeeSet { lock_fee_bps };
        not_proposed(&mut market, fee, MultibusError::LockFeeTooHigh);
    }
    for (window, gate) in [(59, 0), (1, 0), (86_401, 0), (u32::MAX, 0), (900, 86_401), (0, 1)] {
        not_proposed(&mut market, windows(LATER, window, gate), MultibusError::WindowsInvalid);
    }
    let mut near =
        TestMarket::with(TokenProgram::SplToken, |options| options.with(|config| config.horizon_seconds = 3_600));
    not_proposed(&mut near, windows(LATER, 3_000, 600), MultibusError::HorizonTooShort);
    decide(&mut market, timelock(30 * 86_400));
}

#[test]
pub fn capacity_below_what_is_committed_keeps_that_and_no_more() {
    withstands!(capacity_leak: proposal_create, proposal_execute);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let one = market.offer(6_000);
    market.buy(&one, 1_000);
    market.execute(&[offer_cancel(&one, &seller)]);
    let two = market.offer(4_000);
    // 4,000 Wh are listed, 1,000 Wh are sold.
    decide(&mut market, capacity(4_999));
    let books = |market: &TestMarket| {
        let general = market.capacity_state(&bus.capacity);
        (general.total_wh, general.available_wh, general.committed_wh)
    };
    assert_eq!(books(&market), (5_000, 0, 5_000));
    let more = offer_create(&bus, bus.capacity, &seller, OfferOptions::new(2).energy(1));
    market.assert_refused(from_ref(&more), MultibusError::CapacityExceeded);
    // What comes back is not listed again beyond the new capacity.
    market.execute(&[offer_cancel(&two, &seller)]);
    let above = offer_create(&bus, bus.capacity, &seller, OfferOptions::new(2).energy(4_000));
    market.assert_refused(&[above], MultibusError::CapacityExceeded);
    let rest = offer_create(&bus, bus.capacity, &seller, OfferOptions::new(2).energy(3_999));
    market.execute(&[rest]);
    assert_eq!(books(&market), (4_999, 0, 4_999));
    decide(&mut market, capacity(1 << 40));
    assert_eq!(books(&market), (1 << 40, (1 << 40) - 4_999, 4_999));
}

#[test]
pub fn capacity_set_on_a_bus_with_windows_holds_at_the_next_listing() {
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    market.offer_in(start, |options| options.energy(9_000));
    decide(&mut market, capacity(10_000));
    let list = |market: &TestMarket, at: i64, energy_wh| {
        let options = OfferOptions::new(0).number(market.next_offer()).energy(energy_wh).expires(at - 60);
        offer_create(&bus, bus.window(at), &seller, options)
    };
    // A window that was opened with more counts for no more than that now.
    let above = list(&market, start, 1_001);
    market.assert_refused(&[above], MultibusError::CapacityExceeded);
    let rest = list(&market, start, 1_000);
    market.execute(&[rest]);
    let state = market.capacity_state(&bus.window(start));
    assert_eq!((state.total_wh, state.available_wh, state.committed_wh), (10_000, 0, 10_000));
    market.execute(&[capacity_open(&bus, &seller, start + 900)]);
    assert_eq!(market.capacity_state(&bus.window(start + 900)).total_wh, 10_000);
    // A larger one counts for windows opened later.
    decide(&mut market, capacity(20_000));
    let more = list(&market, start, 1);
    market.assert_refused(&[more], MultibusError::CapacityExceeded);
    market.execute(&[capacity_open(&bus, &seller, start + 1_800)]);
    assert_eq!(market.capacity_state(&bus.window(start + 1_800)).total_wh, 20_000);
}

#[test]
pub fn pause_while_paused_is_rejected() {
    let mut market = TestMarket::new();
    let late = propose(&mut market, ProposalAction::Pause);
    decide(&mut market, ProposalAction::Pause);
    not_proposed(&mut market, ProposalAction::Pause, MultibusError::AlreadyPaused);
    let execute = execute(&market, late);
    market.assert_refused(from_ref(&execute), MultibusError::ProposalStale);
    // Nor if the proposal is made to look current.
    market.edit::<state::Proposal>(&late, |proposal| proposal.pause_version += 1);
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
    market.assert_refused(from_ref(&execute), MultibusError::ProposalStale);
    market.edit::<state::Proposal>(&late, |proposal| proposal.pause_version += 1);
    market.assert_refused(&[execute], MultibusError::NotPaused);
}

#[test]
pub fn a_pause_or_resume_is_stale_after_any_later_one_and_nothing_else_is() {
    refuses!(approval: proposal_approve, proposal_revoke, proposal_execute);
    let (mut market, owners) = TestMarket::owned_by(3, 2, |_| ());
    let bus = market.bus;
    let (pause, other) = (propose(&mut market, ProposalAction::Pause), propose(&mut market, price(20_000)));
    approve(&mut market, pause, &owners[1..2]);
    decide(&mut market, ProposalAction::Pause);
    let resume = propose(&mut market, ProposalAction::Resume);
    approve(&mut market, resume, &owners[1..2]);
    decide(&mut market, ProposalAction::Resume);
    decide(&mut market, ProposalAction::Pause);
    for proposal in [pause, resume] {
        let refused = [
            market.approval(&bus, proposal, &owners[2]),
            proposal_revoke(&bus, proposal, &owners[0]),
            execute(&market, proposal),
        ];
        for instruction in refused {
            market.assert_refused(&[instruction], MultibusError::ProposalStale);
        }
        market.execute(&[proposal_close(&bus, proposal, &owners[2], &owners[0])]);
    }
    approve(&mut market, other, &owners[1..2]);
    let execute = execute(&market, other);
    market.execute(&[execute]);
}

#[test]
pub fn a_proposal_expires_30_days_after_it_could_have_been_executed() {
    refuses!(approval: proposal_approve, proposal_revoke, proposal_execute);
    const DAY: i64 = 86_400;
    let (mut market, owners) = TestMarket::owned_by(2, 2, |config| config.timelock_seconds = 600);
    let bus = market.bus;
    // While approvals are missing, it counts from the proposal; after the last one, from the end of the timelock.
    let (waiting, ready) = (propose(&mut market, price(20_000)), propose(&mut market, price(30_000)));
    let created_at = market.now();
    market.pass(10 * DAY);
    approve(&mut market, ready, &owners[1..]);
    let ends = [created_at + 600 + 30 * DAY, market.now() + 600 + 30 * DAY];
    // An owner who revokes and approves again does not keep it alive.
    market.pass(DAY);
    market.execute(&[proposal_revoke(&bus, ready, &owners[1])]);
    approve(&mut market, ready, &owners[1..]);
    assert_eq!(market.proposal_state(&ready).executable_at, market.now() + 600);
    for (proposal, end) in [waiting, ready].into_iter().zip(ends) {
        assert_eq!(market.proposal_state(&proposal).expires_at, end);
        market.go_to(end);
        market.assert_refused(&[proposal_close(&bus, proposal, &owners[0], &owners[0])], MultibusError::ProposalOpen);
        let before = market.snapshot();
        if proposal == ready {
            let execute = execute(&market, ready);
            market.execute(&[execute]);
        } else {
            approve(&mut market, waiting, &owners[1..]);
        }
        market.restore(before);
        market.go_to(end + 1);
        let refused = [
            market.approval(&bus, proposal, &owners[1]),
            proposal_revoke(&bus, proposal, &owners[0]),
            execute(&market, proposal),
        ];
        for instruction in refused {
            market.assert_refused(&[instruction], MultibusError::ProposalExpired);
        }
        let stranger = market.buyer;
        market.execute(&[proposal_close(&bus, proposal, &stranger, &owners[0])]);
    }
}

#[test]
pub fn an_approval_names_what_was_read() {
    refuses!(approval: proposal_approve; substituted_address: proposal_approve; replay: proposal_approve);
    let (mut market, owners) = TestMarket::owned_by(2, 2, |_| ());
    let bus = market.bus;
    let (one, other) = (propose(&mut market, price(20_000)), propose(&mut market, price(20_000)));
    let mut changed = market.proposal_state(&one).hash;
    changed[31] ^= 1;
    for hash in [changed, [0; 32], market.proposal_state(&other).hash] {
        market.assert_refused(&[proposal_approve(&bus, one, &owners[1], hash)], MultibusError::ProposalChanged);
    }
    // The same action a second later is another proposal.
    let hash = proposal_hash(&one, market.now() + 1, &price(20_000));
    market.assert_refused(&[proposal_approve(&bus, one, &owners[1], hash)], MultibusError::ProposalChanged);
    let hash = proposal_hash(&one, market.now(), &price(20_000));
    market.execute(&[proposal_approve(&bus, one, &owners[1], hash)]);
}

#[test]
pub fn an_owner_is_replaced_with_its_revenue_and_a_counter_of_its_own() {
    let (mut market, owners) = TestMarket::owned_by(3, 2, |_| ());
    let (bus, key) = (market.bus, market.wallet("new key"));
    let old = propose(&mut market, price(20_000));
    let offer = market.bus_offer(&owners[0], 10_000, 250_000);
    market.buy(&offer, 1_200);
    market.execute(&[offer_collect(&offer)]);
    market.pass(1);
    let replace = |owner, new_owner| ProposalAction::OwnerReplace { owner, new_owner };
    for (owner, new_owner, error) in [
        (key, market.buyer, MultibusError::OwnerUnknown),
        (owners[1], owners[2], MultibusError::AlreadyOwner),
        (owners[1], owners[1], MultibusError::AlreadyOwner),
        (owners[1], Address::default(), MultibusError::OwnerZero),
        (owners[1], bus.address, MultibusError::OwnerIsTheBus),
    ] {
        not_proposed(&mut market, replace(owner, new_owner), error);
    }
    let slot = market.slot();
    decide(&mut market, replace(owners[1], key));
    let state = market.bus_state(&bus);
    assert_eq!((state.owners[1].owner, state.owners[1].share_bps), (key, 3_333));
    assert_eq!(market.ledger(&bus).owners[1].next_proposal, slot << 20);
    // Proposals that the old key approved are stale, and it decides nothing more.
    let approve_old = market.approval(&bus, old, &key);
    market.assert_refused(&[approve_old], MultibusError::ProposalStale);
    let create = proposal_create(&bus, &owners[1], FIRST, price(1));
    market.assert_refused(&[create], MultibusError::NotAnOwner);
    market.propose(&bus, &key, price(1));
    // The revenue, earlier and later, is the new key's.
    let treasury = bus.treasury;
    market.execute(&[seller_withdraw(&bus.own_seller(), &key, treasury)]);
    let mint = bus.mint;
    let tokens = market.token_account("new key's tokens", &mint, &key, 0);
    market.execute(&[treasury_claim(&bus, &key, tokens)]);
    assert_eq!(market.tokens(&tokens), 300_000 * 3_333 / 10_000);
    let olds = market.token_account("old key's tokens", &mint, &owners[1], 0);
    market.assert_refused(&[treasury_claim(&bus, &owners[1], olds)], MultibusError::OwnerUnknown);
}

#[test]
pub fn no_address_of_a_proposal_comes_twice_when_an_owner_comes_back_in_the_same_slot() {
    refuses!(reinitialisation: proposal_create; replay: proposal_create, proposal_approve);
    for replaced in [false, true] {
        let (mut market, owners) = TestMarket::owned_by(1, 1, |_| ());
        let (bus, first, friend, other) = (market.bus, owners[0], market.wallet("friend"), market.wallet("other"));
        let alone = vec![10_000];
        decide(&mut market, add(friend, &[10_000, 0]));
        let before = market.next_proposal(&bus, &friend);
        let old = market.propose(&bus, &friend, price(20_000));
        let approve_old = market.approval(&bus, old, &first);
        if replaced {
            decide(&mut market, ProposalAction::OwnerReplace { owner: friend, new_owner: other });
            market.execute(&[proposal_close(&bus, old, &first, &friend)]);
            decide(&mut market, ProposalAction::OwnerReplace { owner: other, new_owner: friend });
        } else {
            decide(&mut market, remove(friend, &alone));
            market.execute(&[proposal_close(&bus, old, &first, &friend)]);
            decide(&mut market, add(friend, &[10_000, 0]));
        }
        let again = proposal_create(&bus, &friend, before, price(20_000));
        market.assert_refused(&[again], MultibusError::NumberNotNext);
        let new = market.propose(&bus, &friend, price(20_000));
        assert!(new != old && market.proposal_state(&new).number > before);
        market.assert_refused(&[approve_old], Refusal::NotTheAccount);
    }
}

#[test]
pub fn nothing_is_decided_on_a_closing_bus() {
    refuses!(approval: proposal_create, proposal_approve, proposal_execute);
    let (mut market, owners) = TestMarket::owned_by(2, 2, |_| ());
    let bus = market.bus;
    let (open, ready) = (propose(&mut market, price(20_000)), propose(&mut market, ProposalAction::Pause));
    approve(&mut market, ready, &owners[1..]);
    decide(&mut market, ProposalAction::BusClose);
    assert_eq!(market.bus_state(&bus).closing, 1);
    for action in [price(1), ProposalAction::Pause, ProposalAction::BusClose] {
        not_proposed(&mut market, action, MultibusError::BusClosing);
    }
    let refused = [market.approval(&bus, open, &owners[1]), execute(&market, ready)];
    for instruction in refused {
        market.assert_refused(&[instruction], MultibusError::ProposalStale);
    }
    let stranger = market.buyer;
    for proposal in [open, ready] {
        market.execute(&[proposal_close(&bus, proposal, &stranger, &owners[0])]);
    }
    assert_eq!(market.ledger(&bus).open_proposals, 0);
}

#[test]
pub fn an_action_of_a_later_program_is_rejected() {
    let mut market = TestMarket::new();
    let proposal = propose(&mut market, price(20_000));
    for kind in [21, 255] {
        market.edit::<state::Proposal>(&proposal, |proposal| proposal.action.kind = kind);
        let execute = execute(&market, proposal);
        market.assert_refused(&[execute], MultibusError::ActionUnknown);
    }
}

#[test]
pub fn every_action_changes_what_it_says_and_nothing_else() {
    const OPERATOR: Address = Address::new_from_array([77; 32]);
    type Change = fn(&mut state::Bus);
    let cases: [(ProposalAction, ActionKind, Change); 13] = [
        (threshold(1), ActionKind::ThresholdSet, |bus| bus.threshold = 1),
        (timelock(77), ActionKind::TimelockSet, |bus| bus.timelock_seconds = 77),
        (capacity(123_456), ActionKind::CapacitySet, |bus| bus.capacity_wh = 123_456),
        (price(77_000), ActionKind::BasePriceSet, |bus| bus.base_price_per_kwh = 77_000),
        (ProposalAction::ListingPolicySet { listing_policy: 0 }, ActionKind::ListingPolicySet, |bus| {
            bus.listing_policy = 0;
        }),
        (windows(LATER, 900, 60), ActionKind::TermsSet, |bus| {
            let next = &mut bus.next_terms;
            (next.from, next.window_seconds, next.gate_closure_seconds) = (LATER, 900, 60);
        }),
        (ProposalAction::LockFeeSet { lock_fee_bps: 500 }, ActionKind::LockFeeSet, |bus| bus.lock_fee_bps = 500),
        (ProposalAction::Pause, ActionKind::Pause, |bus| (bus.paused, bus.pause_version) = (1, 1)),
        (ProposalAction::PauseQuorumSet { pause_quorum: 1 }, ActionKind::PauseQuorumSet, |bus| bus.pause_quorum = 1),
        (ProposalAction::ReservePriceSet { reserve_price_per_kwh: 77_000 }, ActionKind::ReservePriceSet, |bus| {
            bus.reserve_price_per_kwh = 77_000;
        }),
        (ProposalAction::LeastSizeSet { least_wh: 77 }, ActionKind::LeastSizeSet, |bus| bus.least_wh = 77),
        (ProposalAction::OperatorSet { operator: Some(OPERATOR) }, ActionKind::OperatorSet, |bus| {
            bus.operator = OPERATOR;
        }),
        (ProposalAction::GridRecipientSet { recipient: Some(OPERATOR) }, ActionKind::GridRecipientSet, |bus| {
            bus.grid_recipient = OPERATOR;
        }),
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
                pause_version: expected.pause_version,
                executed_at: market.now(),
                treasury_balance: 0,
                swept: 0,
                first_proposal: market.slot() << 20,
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
    let (leave, proposal) = market.proposal(&bus, &newcomer, remove(owners[0], &[4_000, 3_000, 3_000]));
    market.execute(&[leave, proposal_execute(&bus, proposal, &newcomer)]);
    assert_eq!(places(&market), [(owners[2], 4_000), (owners[3], 3_000), (newcomer, 3_000)]);
    assert_eq!(market.bus_state(&bus).config_version, 3);
}

#[test]
pub fn a_change_of_owners_past_the_last_config_version_is_rejected() {
    refuses!(arithmetic: proposal_execute);
    let (mut market, owners) = TestMarket::owned_by(2, 1, |_| ());
    let bus = market.bus;
    market.edit::<state::Bus>(&bus.address, |bus| bus.config_version = u64::MAX);
    let create = proposal_create(&bus, &owners[0], FIRST, shares(&[1, 9_999]));
    let both = [create, proposal_execute(&bus, bus.proposal(&owners[0], FIRST), &owners[0])];
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
        let meta = market.execute(&[market.approval(&bus, proposal, &owner)]);
        let expires_at = market.proposal_state(&proposal).expires_at;
        if complete {
            assert_eq!(expires_at, executable_at + 30 * 86_400);
        }
        let state = market.proposal_state(&proposal);
        assert_eq!((state.approvals, state.executable_at), (approvals, executable_at));
        assert_logged(
            &meta,
            &event::ProposalApproved { proposal, owner, executable_at, expires_at, approvals, padding: [0; 6] },
        );
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
    market.assert_refused(&[market.approval(&bus, proposal, &owners[0])], MultibusError::AlreadyApproved);
    let second = market.approval(&bus, proposal, &owners[1]);
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
    let mut crowded = market.approval(&bus, proposal, &owners[1]);
    for owner in [owners[1], owners[1], owners[2], owners[3]] {
        crowded.accounts.push(AccountMeta::new_readonly(owner, true));
        crowded.accounts.push(AccountMeta::new(owner, false));
    }
    crowded.accounts.push(AccountMeta::new(proposal, false));
    // Whether the program refuses this or not, it must not count more than one approval.
    let before = market.snapshot();
    match market.send(&[crowded]) {
        Ok(_) => assert_eq!(market.proposal_state(&proposal).approvals, 0b0011),
        Err(failure) => {
            assert!(matches!(failure.err, TransactionError::InstructionError(0, _)));
            market.restore(before);
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
    let approve = market.approval(&market.bus, proposal, &stranger);
    market.assert_refused(&[approve], MultibusError::NotAnOwner);
    let revoke = proposal_revoke(&market.bus, proposal, &stranger);
    market.assert_refused(&[revoke], MultibusError::NotAnOwner);
}

#[test]
pub fn proposal_approve_for_an_owner_who_does_not_sign_is_rejected() {
    refuses!(missing_signer: proposal_approve);
    let (mut market, owners) = TestMarket::owned_by(2, 2, |_| ());
    let proposal = propose(&mut market, price(20_000));
    let mut approve = market.approval(&market.bus, proposal, &owners[1]);
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
    market.execute(&[market.approval(&bus, proposal, &owners[1])]);
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
    market.execute(&[market.approval(&bus, proposal, &owners[0])]);
    assert_eq!(market.proposal_state(&proposal).executable_at, executable_at);
    // If two revoke, the quorum is gone, and the timelock with it.
    market.execute(&[proposal_revoke(&bus, proposal, &owners[0]), proposal_revoke(&bus, proposal, &owners[2])]);
    market.execute(&[market.approval(&bus, proposal, &owners[2])]);
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
                market.approval(&bus, proposal, &owners[1]),
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
        windows(LATER, 900, 60),
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
    let approve_old = market.approval(&bus, old, &owners[0]);
    let execute_old = execute(&market, old);
    market.assert_refused(from_ref(&execute_old), MultibusError::ProposalStale);
    market.assert_refused(from_ref(&approve_old), MultibusError::ProposalStale);
    // Who left neither proposes nor approves.
    let fresh = propose(&mut market, price(2));
    market.assert_refused(&[market.approval(&bus, fresh, &leaver)], MultibusError::NotAnOwner);
    market.assert_refused(&[proposal_revoke(&bus, fresh, &leaver)], MultibusError::NotAnOwner);
    let create = proposal_create(&bus, &leaver, FIRST + 1, price(3));
    market.assert_refused(&[create], MultibusError::NotAnOwner);
    // The leaver returns to the same place. Neither the old approvals nor the one in between count again.
    decide(&mut market, add(leaver, &equal_shares(3)));
    assert_eq!(market.bus_state(&bus).owners[2].owner, leaver);
    for instruction in [execute_old, approve_old, market.approval(&bus, fresh, &leaver)] {
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
        market.assert_refused(&[market.approval(&bus, old, owner)], MultibusError::ProposalStale);
    }
}

// Pausing.

#[test]
pub fn one_owner_pauses_at_once_but_resuming_needs_threshold_and_timelock() {
    let (mut market, owners) =
        TestMarket::owned_by(3, 2, |config| (config.pause_quorum, config.timelock_seconds) = (1, 3_600));
    let (bus, one) = (market.bus, owners[2]);
    let offer = market.offer(10_000);
    let pause = proposal_create(&bus, &one, FIRST, ProposalAction::Pause);
    market.execute(&[pause, proposal_execute(&bus, bus.proposal(&one, FIRST), &one)]);
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
        let before = market.snapshot();
        market.go_to(now);
        let transaction = market.transaction(from_ref(&execute), &[]);
        assert!(market.svm.send_transaction(transaction).is_ok(), "at {now}");
        market.restore(before);
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
    market.execute(&[market.approval(&bus, last, &owners[1]), proposal_execute(&bus, last, &owners[1])]);
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
    market.assert_refused(&[market.approval(&bus, proposal, &owners[0])], MultibusError::ProposalExecuted);
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
    let other = market.create_bus(&seller, &bus.mint, &BusOptions::new(&seller).windowed());
    market.execute(&[capacity_open(&bus, &seller, start)]);
    let (mine, theirs) = (propose(&mut market, capacity(7)), market.propose(&other, &seller, capacity(8)));
    let fake = market.token_account("fake treasury", &bus.mint, &bus.address, 1_000_000);
    type Change = Box<dyn Fn(&mut multibus::accounts::ProposalExecute)>;
    let cases: Vec<(Change, MultibusError)> = vec![
        (Box::new(move |accounts| accounts.bus = other.address), MultibusError::BusMismatch),
        (Box::new(move |accounts| accounts.proposal = theirs), MultibusError::BusMismatch),
        (Box::new(move |accounts| accounts.ledger = other.ledger), MultibusError::LedgerMismatch),
        (Box::new(move |accounts| accounts.general = other.capacity), MultibusError::CapacityMismatch),
        (Box::new(move |accounts| accounts.general = bus.window(start)), MultibusError::CapacityMismatch),
        (Box::new(move |accounts| accounts.treasury = other.treasury), MultibusError::TreasuryMismatch),
        (Box::new(move |accounts| accounts.treasury = bus.unclaimed), MultibusError::TreasuryMismatch),
        (Box::new(move |accounts| accounts.treasury = fake), MultibusError::TreasuryMismatch),
    ];
    for (change, error) in cases {
        let mut accounts = proposal_execute_accounts(&bus.own_seller(), mine, &seller);
        change(&mut accounts);
        market.assert_refused(&[ProposalExecute {}.to_instruction(accounts)], error);
    }
    // All accounts are of the other bus, except for the proposal: still not its decision.
    let accounts = proposal_execute_accounts(&other.own_seller(), mine, &seller);
    market.assert_refused(&[ProposalExecute {}.to_instruction(accounts)], MultibusError::BusMismatch);
}

#[test]
pub fn proposal_create_approve_revoke_and_close_with_another_bus_are_rejected() {
    refuses!(substituted_address: proposal_create, proposal_approve, proposal_revoke, proposal_close);
    let mut market = TestMarket::windowed();
    let (bus, seller) = (market.bus, market.seller);
    // A bus of the attacker's own, where one approval is enough.
    let attacker = market.wallet("attacker");
    let other = market.create_bus(&attacker, &bus.mint, &BusOptions::new(&attacker));
    let proposal = propose(&mut market, price(20_000));
    let mixed = [
        market.approval(&other, proposal, &attacker),
        proposal_revoke(&other, proposal, &attacker),
        proposal_close(&other, proposal, &attacker, &seller),
    ];
    for instruction in mixed {
        market.assert_refused(&[instruction], MultibusError::BusMismatch);
    }
    let mut accounts = proposal_create_accounts(&bus, &seller, FIRST + 1);
    accounts.ledger = other.ledger;
    let create = ProposalCreate { number: FIRST + 1, action: capacity(1) }.to_instruction(accounts);
    market.assert_refused(&[create], MultibusError::LedgerMismatch);
    let mut close = proposal_close(&bus, proposal, &seller, &seller);
    close.accounts[2].pubkey = other.ledger;
    market.assert_refused(&[close], MultibusError::LedgerMismatch);
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
    assert_eq!(market.next_proposal(&bus, &seller), FIRST + 1);
    market.assert_refused(&[proposal_create(&bus, &seller, FIRST, price(1))], MultibusError::NumberNotNext);
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
        [close.clone(), run, market.approval(&bus, proposal, &seller), proposal_revoke(&bus, proposal, &seller)]
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
    let proposal = bus.proposal(&owners[0], FIRST);
    let hash = proposal_hash(&proposal, market.now(), &price(20_000));
    let meta = market.execute(&[
        proposal_create(&bus, &owners[0], FIRST, price(20_000)),
        proposal_approve(&bus, proposal, &owners[1], hash),
        proposal_execute(&bus, proposal, &owners[1]),
        proposal_close(&bus, proposal, &owners[1], &owners[0]),
    ]);
    assert_eq!(logged(&meta.logs).len(), 4);
}

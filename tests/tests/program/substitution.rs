//! An account is replaced by another valid one of its type, but of another bus, offer, lane or number. For an account
//! that is created: an address of its seeds with another bump.

use {
    crate::fixture::{Fixture, account_names, account_of, fixture, instruction_of, type_at},
    multibus::{constants::*, error::MultibusError, state::ProposalAction},
    multibus_tests::{BusOptions, LaneAddress, Refusal, instructions::*, key::pda},
    solana_address::Address,
    solana_instruction::{Instruction, error::InstructionError},
    std::collections::BTreeSet,
};

const SEEDS: Refusal = Refusal::Instruction(InstructionError::InvalidSeeds);

#[test]
fn an_account_of_another_bus_offer_lane_or_number_is_rejected_in_every_place() {
    refuses!(substituted_address: every);
    let Fixture { mut market, instructions, start, one, locked, .. } = fixture();
    let (bus, buyer, payment) = (market.bus, market.buyer, market.payment);
    // A thief with a bus in the same token, a window of it, an offer, a proposal, and a lane and a lock on the other bus.
    let mint = bus.mint;
    let (thief, thiefs_tokens, lane) = market.chain.buyer("thief", &mint);
    let other = market.create_bus(&thief, &mint, &BusOptions::new(&thief).windowed());
    market.execute(&[capacity_open(&other, &thief, start), capacity_open(&bus, &thief, start + 1_800)]);
    let (window, next_window) = (other.window(start), bus.window(start + 1_800));
    let elsewhere = market.create_offer(&other, window, &thief, thiefs_tokens, OfferOptions::new(0));
    let beside = market.create_offer(&bus, next_window, &thief, thiefs_tokens, OfferOptions::new(0));
    let proposal = market.propose(&other, &thief, ProposalAction::CapacitySet { capacity_wh: 7 });
    let take = |offer, buyer, payment| {
        multibus::instruction::LockTake { energy_wh: 1, max_price_per_kwh: u64::MAX, expected_version: 0 }
            .to_instruction(lock_take_accounts(offer, buyer, payment))
    };
    market.execute(&[take(&locked, &thief, thiefs_tokens), take(&beside, &buyer, payment)]);
    let (thiefs_lock, lock_beside) = (pda::lock(&locked.address, &thief).0, pda::lock(&beside.address, &buyer).0);
    let fresh = BusOptions::new(&thief).seq(77).bus_seq;
    let unborn = multibus_tests::BusAddresses::of(&thief, fresh, mint);

    use MultibusError::*;
    let cases: Vec<(&str, &str, Address, Refusal)> = vec![
        ("bus_create", "bus", unborn.address, SEEDS),
        ("bus_create", "bus", other.address, SEEDS),
        ("bus_create", "capacity", unborn.capacity, SEEDS),
        ("bus_create", "escrow", unborn.escrow, SEEDS),
        ("bus_create", "escrow", other.escrow, SEEDS),
        ("bus_create", "treasury", unborn.treasury, SEEDS),
        ("bus_create", "treasury", other.treasury, SEEDS),
        ("capacity_open", "bus", other.address, BusMismatch.into()),
        ("capacity_open", "general", other.capacity, BusMismatch.into()),
        ("capacity_open", "general", next_window, BusMismatch.into()),
        ("capacity_open", "capacity", window, CapacityMismatch.into()),
        ("capacity_open", "capacity", next_window, CapacityMismatch.into()),
        ("capacity_open", "capacity", other.window(start + 900), SEEDS),
        ("capacity_close", "general", other.capacity, BusMismatch.into()),
        ("capacity_close", "general", next_window, BusMismatch.into()),
        ("capacity_close", "capacity", window, BusMismatch.into()),
        ("offer_create", "bus", other.address, BusMismatch.into()),
        ("offer_create", "capacity", window, SEEDS),
        ("offer_create", "capacity", next_window, SEEDS),
        ("offer_create", "offer", elsewhere.address, SEEDS),
        ("offer_create", "offer", one.address, SEEDS),
        ("offer_create_for_bus", "bus", other.address, BusMismatch.into()),
        ("offer_create_for_bus", "capacity", window, SEEDS),
        ("offer_create_for_bus", "capacity", next_window, SEEDS),
        ("offer_create_for_bus", "offer", one.address, SEEDS),
        ("offer_reprice", "bus", other.address, BusMismatch.into()),
        ("offer_reprice", "offer", elsewhere.address, BusMismatch.into()),
        ("offer_reprice", "offer", beside.address, NotTheSeller.into()),
        ("offer_extend", "bus", other.address, BusMismatch.into()),
        ("offer_extend", "offer", elsewhere.address, BusMismatch.into()),
        ("offer_extend", "offer", beside.address, NotTheSeller.into()),
        ("offer_cancel", "bus", other.address, BusMismatch.into()),
        ("offer_cancel", "capacity", window, CapacityMismatch.into()),
        ("offer_cancel", "capacity", next_window, CapacityMismatch.into()),
        ("offer_cancel", "capacity", bus.capacity, CapacityMismatch.into()),
        ("offer_cancel", "offer", elsewhere.address, BusMismatch.into()),
        ("offer_cancel", "offer", beside.address, CapacityMismatch.into()),
        ("purchase", "trader", lane.address, TraderMismatch.into()),
        ("purchase", "bus", other.address, BusMismatch.into()),
        ("purchase", "offer", elsewhere.address, BusMismatch.into()),
        ("purchase", "offer", beside.address, PayoutMismatch.into()),
        ("purchase_batch", "trader", lane.address, TraderMismatch.into()),
        ("purchase_batch", "bus", other.address, BusMismatch.into()),
        ("purchase_batch", "offer", elsewhere.address, BusMismatch.into()),
        ("purchase_batch", "offer", beside.address, PayoutMismatch.into()),
        ("lock_take", "bus", other.address, BusMismatch.into()),
        ("lock_take", "offer", elsewhere.address, SEEDS),
        ("lock_take", "offer", beside.address, SEEDS),
        ("lock_take", "lock", thiefs_lock, SEEDS),
        ("lock_take", "lock", lock_beside, SEEDS),
        ("lock_take", "escrow", other.escrow, EscrowMismatch.into()),
        ("lock_take", "escrow", bus.treasury, EscrowMismatch.into()),
        ("lock_settle", "trader", lane.address, TraderMismatch.into()),
        ("lock_settle", "bus", other.address, BusMismatch.into()),
        ("lock_settle", "offer", one.address, LockOfferMismatch.into()),
        ("lock_settle", "offer", beside.address, LockOfferMismatch.into()),
        ("lock_settle", "lock", thiefs_lock, LockBuyerMismatch.into()),
        ("lock_settle", "lock", lock_beside, LockOfferMismatch.into()),
        ("lock_settle", "escrow", other.escrow, EscrowMismatch.into()),
        ("lock_settle", "escrow", bus.treasury, EscrowMismatch.into()),
        ("lock_release", "bus", other.address, BusMismatch.into()),
        ("lock_release", "offer", one.address, LockOfferMismatch.into()),
        ("lock_release", "offer", beside.address, LockOfferMismatch.into()),
        ("lock_release", "lock", thiefs_lock, LockBuyerMismatch.into()),
        ("lock_release", "lock", lock_beside, LockOfferMismatch.into()),
        ("lock_release", "escrow", other.escrow, EscrowMismatch.into()),
        ("lock_release", "escrow", bus.treasury, EscrowMismatch.into()),
        ("trader_open", "trader", lane.address, SEEDS),
        ("trader_open", "trader", LaneAddress::of(&thief, 2).address, SEEDS),
        ("trader_open", "trader", LaneAddress::of(&buyer, 3).address, SEEDS),
        ("trader_close", "trader", lane.address, TraderMismatch.into()),
        ("proposal_create", "bus", other.address, SEEDS),
        ("proposal_create", "general", other.capacity, BusMismatch.into()),
        ("proposal_create", "general", next_window, BusMismatch.into()),
        ("proposal_create", "proposal", proposal, SEEDS),
        ("proposal_create", "proposal", bus.proposal(3), SEEDS),
        ("proposal_approve", "bus", other.address, BusMismatch.into()),
        ("proposal_approve", "proposal", proposal, BusMismatch.into()),
        ("proposal_revoke", "bus", other.address, BusMismatch.into()),
        ("proposal_revoke", "proposal", proposal, BusMismatch.into()),
        ("proposal_execute", "bus", other.address, BusMismatch.into()),
        ("proposal_execute", "general", other.capacity, BusMismatch.into()),
        ("proposal_execute", "general", next_window, BusMismatch.into()),
        ("proposal_execute", "proposal", proposal, BusMismatch.into()),
        ("proposal_execute", "treasury", other.treasury, TreasuryMismatch.into()),
        ("proposal_execute", "treasury", bus.escrow, TreasuryMismatch.into()),
        ("proposal_close", "bus", other.address, BusMismatch.into()),
        ("proposal_close", "proposal", proposal, BusMismatch.into()),
        ("treasury_claim", "bus", other.address, TreasuryMismatch.into()),
        ("treasury_claim", "treasury", other.treasury, TreasuryMismatch.into()),
        ("treasury_claim", "treasury", bus.escrow, TreasuryMismatch.into()),
    ];
    let tried: BTreeSet<(&str, &str)> = cases.iter().map(|(name, account, ..)| (*name, *account)).collect();
    for (name, account, address, refusal) in cases {
        let mut wrong = instruction_of(&instructions, name).clone();
        let index = account_names(name).iter().position(|other| other == account).expect("an account of the name");
        wrong.accounts[index].pubkey = address;
        println!("{name}: {account}");
        market.assert_refused(&[wrong], refusal);
    }
    // No place of an address that follows from seeds was left out.
    for (name, instruction) in &instructions {
        for (account, meta) in account_names(name).iter().zip(&instruction.accounts) {
            let of_the_bus = [bus.escrow, bus.treasury].contains(&meta.pubkey);
            if of_the_bus || !market.exists(&meta.pubkey) || type_at(&market, &meta.pubkey).is_some() {
                assert!(tried.contains(&(*name, account.as_str())), "{name}: {account} is not tried");
            }
        }
    }
}

#[test]
fn an_address_with_another_bump_is_rejected_wherever_an_account_is_created() {
    refuses!(
        substituted_address: bus_create, capacity_open, offer_create, offer_create_for_bus, lock_take, trader_open,
        proposal_create
    );
    let Fixture { mut market, instructions, start, one, .. } = fixture();
    let (bus, seller, buyer) = (market.bus, market.seller, market.buyer);
    let window = bus.window(start);
    let unborn = account_of(&instructions, "bus_create", 1);
    let created: Vec<(&str, &str, Vec<Vec<u8>>)> = vec![
        ("bus_create", "bus", seeds(&[BUS_SEED, seller.as_ref(), &9u64.to_le_bytes()])),
        ("bus_create", "capacity", seeds(&[CAPACITY_SEED, unborn.as_ref(), &0i64.to_le_bytes()])),
        ("bus_create", "escrow", seeds(&[ESCROW_SEED, unborn.as_ref()])),
        ("bus_create", "treasury", seeds(&[TREASURY_SEED, unborn.as_ref()])),
        ("capacity_open", "capacity", seeds(&[CAPACITY_SEED, bus.address.as_ref(), &(start + 900).to_le_bytes()])),
        ("offer_create", "offer", seeds(&[OFFER_SEED, window.as_ref(), &90u64.to_le_bytes()])),
        ("offer_create_for_bus", "offer", seeds(&[OFFER_SEED, window.as_ref(), &91u64.to_le_bytes()])),
        ("lock_take", "lock", seeds(&[LOCK_SEED, one.address.as_ref(), buyer.as_ref()])),
        ("trader_open", "trader", seeds(&[TRADER_SEED, buyer.as_ref(), &2u16.to_le_bytes()])),
        ("proposal_create", "proposal", seeds(&[PROPOSAL_SEED, bus.address.as_ref(), &2u64.to_le_bytes()])),
    ];
    for (name, account, seeds) in created {
        let index = account_names(name).iter().position(|other| other == account).expect("an account of the name");
        let good = instruction_of(&instructions, name);
        let mut addresses = addresses(&seeds);
        assert_eq!(addresses.next(), Some(good.accounts[index].pubkey), "{name}: {account}: the seeds are these");
        for address in addresses.take(3) {
            let mut wrong: Instruction = good.clone();
            wrong.accounts[index].pubkey = address;
            println!("{name}: {account}");
            market.assert_refused(&[wrong], SEEDS);
        }
    }
}

fn seeds(seeds: &[&[u8]]) -> Vec<Vec<u8>> {
    seeds.iter().map(|seed| seed.to_vec()).collect()
}

/// The addresses of seeds, from the highest bump down: the first is the one that the program uses.
fn addresses(seeds: &[Vec<u8>]) -> impl Iterator<Item = Address> {
    (0..=u8::MAX).rev().filter_map(move |bump| {
        let bump = [bump];
        let all: Vec<&[u8]> = seeds.iter().map(Vec::as_slice).chain([&bump[..]]).collect();
        Address::create_program_address(&all, &multibus::ID).ok()
    })
}

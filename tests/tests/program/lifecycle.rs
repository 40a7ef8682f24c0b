//! Accounts that are closed and created again, and instructions that are sent again: nothing takes effect twice, and a
//! closed account is gone.

use {
    crate::fixture::{Fixture, fixture, instruction_of},
    multibus::error::MultibusError,
    multibus_tests::{Refusal, TestMarket, instructions::*},
    solana_address::Address,
    solana_instruction::{Instruction, error::InstructionError},
    std::slice::from_ref,
};

/// The address is taken: what the system program says.
const TAKEN: u32 = 0;

#[test]
fn no_instruction_takes_effect_twice() {
    refuses!(replay: every but capacity_open, offer_reprice);
    for (name, instruction) in fixture().instructions {
        let refusal: Refusal = match name {
            "bus_create" | "offer_create" | "offer_create_for_bus" | "lock_take" | "trader_open" => {
                Refusal::custom(TAKEN)
            }
            "proposal_create" => InstructionError::InvalidSeeds.into(),
            "capacity_close" | "offer_cancel" | "lock_settle" | "lock_release" | "trader_close" | "proposal_close" => {
                Refusal::NotTheAccount
            }
            "offer_extend" => MultibusError::ExpiryNotLater.into(),
            "purchase" | "purchase_batch" => MultibusError::NonceMismatch.into(),
            "proposal_approve" => MultibusError::AlreadyApproved.into(),
            "proposal_revoke" => MultibusError::NotApproved.into(),
            "proposal_execute" => MultibusError::ProposalExecuted.into(),
            "treasury_claim" => MultibusError::NothingToClaim.into(),
            // They do nothing if the account exists: see below.
            "capacity_open" | "offer_reprice" => continue,
            new => panic!("what becomes of {new} when it is sent twice?"),
        };
        println!("{name}");
        let mut market = fixture().market;
        market.assert_refused(&[instruction.clone(), instruction.clone()], refusal.clone());
        market.execute(from_ref(&instruction));
        market.assert_refused(from_ref(&instruction), refusal.clone());
        market.pass(1);
        market.assert_refused(&[instruction], refusal);
    }
}

#[test]
fn a_window_opened_or_a_price_named_again_changes_nothing() {
    withstands!(replay: capacity_open, offer_reprice);
    let Fixture { mut market, instructions, one, .. } = fixture();
    let open = instruction_of(&instructions, "capacity_open");
    market.execute(from_ref(open));
    let (window, general) = (market.account(&open.accounts[3].pubkey), market.account(&open.accounts[2].pubkey));
    market.execute(from_ref(open));
    assert_eq!(market.account(&open.accounts[3].pubkey), window);
    assert_eq!(market.account(&open.accounts[2].pubkey), general);

    let reprice = instruction_of(&instructions, "offer_reprice");
    market.execute(from_ref(reprice));
    let mut expected = market.offer_state(&one);
    market.execute(from_ref(reprice));
    // Only the version shows that it is a new offer; purchases that name the old one are refused.
    expected.version += 1;
    assert_eq!(market.offer_state(&one), expected);
}

#[test]
fn an_account_closed_and_funded_in_one_transaction_is_gone_for_every_instruction() {
    refuses!(revival: every but bus_create, capacity_open, lock_take, trader_open, treasury_claim);
    let Fixture { mut market, instructions, old, one, locked, open, done, idle, start } = fixture();
    let (bus, seller, buyer, lane) = (market.bus, market.seller, market.buyer, market.lane);
    let of = |name: &str| instruction_of(&instructions, name).clone();
    let withdraw = |seq| {
        let offer = bus_offer(&bus, bus.window(start), &seller, seq);
        offer_cancel(&offer, &seller)
    };
    let (gone, used): (Refusal, Refusal) = (Refusal::NotTheAccount, MultibusError::OfferSeqUnusable.into());
    let proposal = bus.proposal(2);
    let cases: Vec<(&str, Vec<Instruction>, Address, Refusal)> = vec![
        ("capacity_close", vec![capacity_close(&bus, old, &seller)], bus.window(old), gone.clone()),
        ("offer_create", vec![of("offer_create"), withdraw(90)], offer_at(&of("offer_create")), used.clone()),
        (
            "offer_create_for_bus",
            vec![of("offer_create_for_bus"), withdraw(91)],
            offer_at(&of("offer_create_for_bus")),
            used.clone(),
        ),
        ("offer_reprice", vec![of("offer_cancel")], one.address, gone.clone()),
        ("offer_extend", vec![of("offer_cancel")], one.address, gone.clone()),
        ("offer_cancel", vec![of("offer_cancel")], one.address, gone.clone()),
        ("purchase", vec![of("offer_cancel")], one.address, gone.clone()),
        ("purchase", vec![trader_close(&lane, &buyer)], lane.address, gone.clone()),
        ("purchase_batch", vec![of("offer_cancel")], one.address, gone.clone()),
        ("purchase_batch", vec![trader_close(&lane, &buyer)], lane.address, gone.clone()),
        ("lock_settle", vec![of("lock_release")], of("lock_release").accounts[4].pubkey, gone.clone()),
        ("lock_settle", vec![trader_close(&lane, &buyer)], lane.address, gone.clone()),
        ("lock_release", vec![of("lock_settle")], of("lock_release").accounts[4].pubkey, gone.clone()),
        ("trader_close", vec![of("trader_close")], idle.address, gone.clone()),
        (
            "proposal_create",
            vec![
                of("proposal_create"),
                proposal_revoke(&bus, proposal, &seller),
                proposal_close(&bus, proposal, &seller, &seller),
            ],
            proposal,
            InstructionError::InvalidSeeds.into(),
        ),
        (
            "proposal_approve",
            vec![of("proposal_revoke"), proposal_close(&bus, open, &seller, &seller)],
            open,
            gone.clone(),
        ),
        (
            "proposal_revoke",
            vec![of("proposal_execute"), proposal_close(&bus, open, &seller, &seller)],
            open,
            gone.clone(),
        ),
        (
            "proposal_execute",
            vec![of("proposal_revoke"), proposal_close(&bus, open, &seller, &seller)],
            open,
            gone.clone(),
        ),
        ("proposal_close", vec![of("proposal_close")], done, gone),
    ];
    assert!(market.exists(&pda_of(&locked, &buyer)));
    for (name, closing, address, refusal) in cases {
        println!("{name}");
        let (again, fund) = (of(name), fund(&market, &address));
        market.assert_refused(&[&closing[..], from_ref(&again)].concat(), refusal.clone());
        market.assert_refused(&[&closing[..], &[fund.clone(), again.clone()]].concat(), refusal.clone());
        // Nor later, with the lamports still there.
        let mut later = fixture().market;
        later.execute(&[&closing[..], &[fund]].concat());
        later.pass(1);
        later.assert_refused(&[again], refusal);
    }
}

/// The offer that an instruction creates.
fn offer_at(create: &Instruction) -> Address {
    create.accounts[3].pubkey
}

fn pda_of(offer: &multibus_tests::OfferAddresses, buyer: &Address) -> Address {
    multibus_tests::key::pda::lock(&offer.address, buyer).0
}

/// Lamports for any account of the market, from the wallet that pays the fees.
fn fund(market: &TestMarket, address: &Address) -> Instruction {
    solana_system_interface::instruction::transfer(&market.fee_payer, address, 50_000_000)
}

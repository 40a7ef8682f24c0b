//! Accounts that are closed and created again, and instructions that are sent again: nothing takes effect twice, and a
//! closed account is gone.

use {
    crate::fixture::{Fixture, account_of, fixture, instruction_of},
    multibus::error::MultibusError,
    multibus_tests::{Refusal, TestMarket, instructions::*},
    solana_address::Address,
    solana_instruction::Instruction,
    std::slice::from_ref,
};

/// The address is taken: what the system program says.
const TAKEN: u32 = 0;

#[test]
fn no_instruction_takes_effect_twice() {
    refuses!(
        replay: every but capacity_open, seller_admit, seller_suspend, offer_reprice, offer_set_expiry, bus_close,
        position_open, position_set_refund
    );
    for (name, instruction) in fixture().instructions {
        let refusal: Refusal = match name {
            "creator_open" | "bus_create" | "seller_open" | "offer_create" | "lock_take" | "trader_open"
            | "proposal_create" | "clearing_open" => Refusal::custom(TAKEN),
            "bus_close" | "capacity_close" | "seller_close" | "offer_cancel" | "lock_settle" | "lock_release"
            | "trader_close" | "proposal_close" | "claim_pay" | "meter_close" | "device_close" | "position_close"
            | "delivery_close" | "certificate_retire" | "bid_cancel" | "bid_settle" | "clearing_apply"
            | "clearing_close" => Refusal::NotTheAccount,
            "seller_withdraw" => MultibusError::NothingToWithdraw.into(),
            "offer_collect" => MultibusError::NothingToCollect.into(),
            "purchase" | "purchase_batch" | "bid_create" => MultibusError::NonceMismatch.into(),
            "ask_settle" => MultibusError::AskSettled.into(),
            "clearing_tally" => MultibusError::OrderNotAscending.into(),
            "pool_report" => MultibusError::NothingToReport.into(),
            "proposal_approve" => MultibusError::AlreadyApproved.into(),
            "proposal_revoke" => MultibusError::NotApproved.into(),
            "proposal_execute" => MultibusError::ProposalExecuted.into(),
            "treasury_claim" => MultibusError::NothingToClaim.into(),
            "grid_sweep" => MultibusError::NothingToSweep.into(),
            "meter_register" => MultibusError::MeterExists.into(),
            "meter_replace" => MultibusError::DeviceMismatch.into(),
            "delivery_report" => MultibusError::NumberNotNext.into(),
            "delivery_release" => MultibusError::NothingToRelease.into(),
            "delivery_refund" => MultibusError::NothingToRefund.into(),
            "certificate_take" => MultibusError::AlreadyCertified.into(),
            "certificate_transfer" => MultibusError::CertificateMismatch.into(),
            // They change nothing where all is as they say: see below.
            "capacity_open"
            | "seller_admit"
            | "seller_suspend"
            | "offer_reprice"
            | "offer_set_expiry"
            | "position_open"
            | "position_set_refund" => continue,
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
fn what_says_how_something_is_to_be_changes_nothing_the_second_time() {
    withstands!(
        replay: capacity_open, seller_admit, seller_suspend, offer_reprice, offer_set_expiry, position_open,
        position_set_refund;
        reinitialisation: seller_admit, position_open
    );
    let Fixture { mut market, instructions, one, .. } = fixture();
    for name in ["capacity_open", "seller_admit", "seller_suspend", "position_open", "position_set_refund"] {
        let instruction = instruction_of(&instructions, name);
        market.execute(from_ref(instruction));
        let accounts = |market: &TestMarket| -> Vec<_> {
            instruction.accounts.iter().map(|meta| market.svm.get_account(&meta.pubkey)).collect()
        };
        let before = accounts(&market);
        market.execute(from_ref(instruction));
        assert_eq!(accounts(&market), before, "{name}");
    }
    for name in ["offer_reprice", "offer_set_expiry"] {
        let change = instruction_of(&instructions, name);
        market.execute(from_ref(change));
        let mut expected = market.offer_state(&one);
        market.execute(from_ref(change));
        // Only the version shows that it is a new offer; purchases that name the old one are refused.
        expected.version += 1;
        assert_eq!(market.offer_state(&one), expected);
    }
}

#[test]
fn an_account_closed_and_funded_in_one_transaction_is_gone_for_every_instruction() {
    refuses!(
        revival: every but creator_open, bus_create, capacity_open, seller_open, seller_admit, lock_take, trader_open,
        treasury_claim, grid_sweep, meter_register, position_open, delivery_report, delivery_release, clearing_open,
        pool_report
    );
    let Fixture {
        mut market,
        instructions,
        old,
        one,
        locked,
        open,
        done,
        idle,
        member,
        spare,
        unlucky,
        deliveries,
        auctions,
        ..
    } = fixture();
    let (bus, seller, buyer, lane) = (market.bus, market.seller, market.buyer, market.lane);
    let of = |name: &str| instruction_of(&instructions, name).clone();
    let listed = account_of(&instructions, "offer_create", "offer");
    let withdraw = offer_cancel(&multibus_tests::OfferAddresses { address: listed, ..one }, &seller);
    let lock = account_of(&instructions, "lock_release", "lock");
    let proposal = account_of(&instructions, "proposal_create", "proposal");
    let position = account_of(&instructions, "position_close", "position");
    let taken = account_of(&instructions, "certificate_take", "certificate");
    let retire = certificate_retire(taken, &buyer, &buyer, "Bakery");
    let made = account_of(&instructions, "bid_create", "bid");
    let cancel_new = bid_cancel(&multibus_tests::BidAddresses { address: made, ..auctions.bid }, auctions.bid.refund);
    let cancel_sold = offer_cancel(&auctions.sold, &auctions.producer.wallet);
    let give_up = clearing_close(&auctions.begun, &auctions.begun.clearer);
    let (gone, used): (Refusal, Refusal) = (Refusal::NotTheAccount, MultibusError::NumberNotNext.into());
    let cases: Vec<(&str, Vec<Instruction>, Address, Refusal)> = vec![
        ("bus_close", vec![of("bus_close")], spare.ledger, gone.clone()),
        ("capacity_close", vec![of("capacity_close")], bus.window(old), gone.clone()),
        ("seller_suspend", vec![of("seller_close")], member.address, gone.clone()),
        ("seller_close", vec![of("seller_close")], member.address, gone.clone()),
        ("offer_create", vec![of("offer_create"), withdraw], listed, used.clone()),
        ("offer_reprice", vec![of("offer_cancel")], one.address, gone.clone()),
        ("offer_set_expiry", vec![of("offer_cancel")], one.address, gone.clone()),
        ("offer_collect", vec![of("offer_cancel")], one.address, gone.clone()),
        ("offer_cancel", vec![of("offer_cancel")], one.address, gone.clone()),
        ("purchase", vec![of("offer_cancel")], one.address, gone.clone()),
        ("purchase", vec![trader_close(&lane, &buyer)], lane.address, gone.clone()),
        ("purchase_batch", vec![of("offer_cancel")], one.address, gone.clone()),
        ("purchase_batch", vec![trader_close(&lane, &buyer)], lane.address, gone.clone()),
        ("lock_settle", vec![of("lock_release")], lock, gone.clone()),
        ("lock_settle", vec![trader_close(&lane, &buyer)], lane.address, gone.clone()),
        ("lock_release", vec![of("lock_settle")], lock, gone.clone()),
        ("trader_close", vec![of("trader_close")], idle.address, gone.clone()),
        (
            "proposal_create",
            vec![
                of("proposal_create"),
                proposal_revoke(&bus, proposal, &seller),
                proposal_close(&bus, proposal, &seller, &seller),
            ],
            proposal,
            used,
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
        ("proposal_close", vec![of("proposal_close")], done, gone.clone()),
        ("claim_pay", vec![of("claim_pay")], bus.claim(&unlucky), gone.clone()),
        ("meter_replace", vec![of("meter_close")], deliveries.producer.meter(), gone.clone()),
        ("meter_close", vec![of("meter_close")], deliveries.producer.meter(), gone.clone()),
        (
            "device_close",
            vec![of("device_close")],
            multibus_tests::key::pda::device(&deliveries.retired).0,
            gone.clone(),
        ),
        ("position_set_refund", vec![of("position_close")], position, gone.clone()),
        ("position_close", vec![of("position_close")], position, gone.clone()),
        ("delivery_refund", vec![of("position_close")], position, gone.clone()),
        ("delivery_close", vec![of("delivery_close")], deliveries.old_book.address, gone.clone()),
        ("certificate_take", vec![of("certificate_take"), retire], taken, MultibusError::AlreadyCertified.into()),
        ("certificate_transfer", vec![of("certificate_retire")], deliveries.certificate, gone.clone()),
        ("certificate_retire", vec![of("certificate_retire")], deliveries.certificate, gone.clone()),
        ("bid_create", vec![of("bid_create"), cancel_new], made, MultibusError::NonceMismatch.into()),
        ("bid_cancel", vec![of("bid_cancel")], auctions.bid.address, gone.clone()),
        ("bid_settle", vec![of("bid_settle")], auctions.loser.address, gone.clone()),
        ("ask_settle", vec![of("ask_settle"), cancel_sold], auctions.sold.address, gone.clone()),
        ("clearing_tally", vec![give_up], auctions.begun.address, gone.clone()),
        ("clearing_apply", vec![of("clearing_apply")], auctions.proof.address, gone.clone()),
        ("clearing_close", vec![of("clearing_close")], auctions.useless.address, gone.clone()),
    ];
    let withdrawn = seller_withdraw(&member, &member.wallet, account_of(&instructions, "seller_close", "destination"));
    let fund_member = fund(&market, &member.address);
    market.assert_refused(&[of("seller_close"), fund_member, withdrawn], gone);
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

fn pda_of(offer: &multibus_tests::OfferAddresses, buyer: &Address) -> Address {
    multibus_tests::key::pda::lock(&offer.address, buyer, 0).0
}

/// Lamports for any account of the market, from the wallet that pays the fees.
fn fund(market: &TestMarket, address: &Address) -> Instruction {
    solana_system_interface::instruction::transfer(&market.fee_payer, address, 50_000_000)
}

#[test]
fn what_was_closed_opens_again_with_higher_numbers_only() {
    refuses!(revival: bus_create, treasury_claim);
    withstands!(revival: seller_open, seller_admit);
    let Fixture { mut market, instructions, member, spare, operator, .. } = fixture();
    let of = |name: &str| instruction_of(&instructions, name).clone();
    // A seller closes, gets lamports and opens again in one transaction: its numbers start above all that it had.
    let before = market.seller_state(&member).next_offer;
    let again = [seller_open(&member, &member.wallet), seller_admit(&member, &operator)];
    for open in again {
        let mut market = fixture().market;
        let fund = fund(&market, &member.address);
        market.execute(&[of("seller_close"), fund, open]);
        let state = market.seller_state(&member);
        assert!(state.next_offer > before && state.open_offers == 0 && state.released == 0);
    }
    // What is left of a bus keeps its address: neither another bus nor a claim of its treasury comes back.
    let create = {
        let seller = market.seller;
        bus_create(&seller, &spare.mint, &multibus_tests::BusOptions::new(&seller).seq(1))
    };
    let (seller, payout) = (market.seller, market.payout);
    let claim = treasury_claim(&spare, &seller, payout);
    let fund = fund(&market, &spare.ledger);
    market.execute(&[of("bus_close"), fund]);
    market.assert_refused(&[create], Refusal::custom(TAKEN));
    market.assert_refused(&[claim], Refusal::NotTheAccount);
}

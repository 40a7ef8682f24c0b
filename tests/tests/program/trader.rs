//! `trader_open` and `trader_close`.

use {
    multibus::{error::MultibusError, event::*, instruction::TraderOpen, state},
    multibus_tests::{LaneAddress, Refusal, TestChain, TestMarket, event::assert_logged, instructions::*, key::pda},
    solana_instruction::error::InstructionError,
};

#[test]
pub fn trader_open_starts_at_the_slots_first_nonce() {
    let mut chain = TestChain::new();
    let wallet = chain.wallet("wallet");
    for lane in [0, 1, u16::MAX] {
        let before = chain.lamports(&wallet);
        let meta = chain.execute(&[trader_open(&wallet, lane, 0)]);
        let (address, bump) = pda::trader(&wallet, lane);
        let first_nonce = chain.slot() << 20;
        let expected = state::Trader {
            layout_version: 2,
            bump,
            lane,
            padding: [0; 4],
            next_nonce: first_nonce,
            first_nonce,
            total_energy_wh: 0,
            total_paid: 0,
            opened_at: chain.now(),
            wallet,
            history_root: [0; 32],
            receipts: bytemuck::Zeroable::zeroed(),
            reserved: [0; 32],
        };
        assert_eq!(chain.state::<state::Trader>(&address), expected);
        assert_eq!(before - chain.lamports(&wallet), chain.lamports(&address));
        assert_logged(&meta, &TraderOpened { trader: address, wallet, first_nonce, lane, padding: [0; 6] });
        chain.pass(1);
    }
}

#[test]
pub fn trader_open_twice_is_rejected() {
    refuses!(reinitialisation: trader_open);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    market.buy(&offer, 1);
    let again = trader_open(&market.buyer, 0, 0);
    market.assert_refused(&[again], Refusal::custom(0));
}

#[test]
pub fn trader_open_at_a_prefunded_address_succeeds() {
    for lamports in [1, 1_000_000, 50_000_000] {
        let mut chain = TestChain::new();
        let wallet = chain.wallet("wallet");
        chain.fund(&pda::trader(&wallet, 0).0, lamports);
        chain.open_lane(&wallet, 0);
    }
}

#[test]
pub fn trader_open_for_another_wallet_or_lane_is_rejected() {
    refuses!(substituted_address: trader_open; missing_signer: trader_open);
    let mut chain = TestChain::new();
    let (wallet, other) = (chain.wallet("wallet"), chain.wallet("other"));
    for trader in [pda::trader(&other, 0).0, pda::trader(&wallet, 1).0, other] {
        let mut open = trader_open(&wallet, 0, 0);
        open.accounts[1].pubkey = trader;
        chain.assert_refused(&[open], InstructionError::InvalidSeeds);
    }
    // The address of lane 0 is no other lane's.
    let mut open = trader_open(&wallet, 1, 0);
    open.accounts[1].pubkey = pda::trader(&wallet, 0).0;
    chain.assert_refused(&[open], InstructionError::InvalidSeeds);
    let mut open = TraderOpen { lane: 0, first_slot: 0 }.to_instruction(multibus::accounts::TraderOpen {
        wallet,
        trader: pda::trader(&wallet, 0).0,
        system_program: solana_sdk_ids::system_program::ID,
    });
    open.accounts[0].is_signer = false;
    chain.assert_refused(&[open], InstructionError::MissingRequiredSignature);
}

#[test]
pub fn trader_open_in_a_slot_beyond_all_nonces_is_rejected() {
    refuses!(arithmetic: trader_open);
    let mut chain = TestChain::new();
    let wallet = chain.wallet("wallet");
    let now = chain.now();
    chain.set_clock(now, 1 << 44);
    chain.assert_refused(&[trader_open(&wallet, 0, 0)], MultibusError::CounterOverflow);
    chain.set_clock(now, (1 << 44) - 1);
    chain.execute(&[trader_open(&wallet, 0, 0)]);
}

#[test]
pub fn trader_open_and_a_first_purchase_in_one_transaction_succeed() {
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    let (buyer, payment) = (market.buyer, market.payment);
    for (number, ahead) in [(1, 0), (2, 1), (3, 1_024)] {
        let lane = LaneAddress::of(&buyer, number);
        let first_slot = market.slot() + ahead;
        let nonce = first_slot << 20;
        let purchase = batch(&lane, payment, nonce, &[(offer, 1_000)]);
        market.execute(&[trader_open(&buyer, number, first_slot), purchase.clone()]);
        let trader: state::Trader = market.state(&lane.address);
        assert_eq!((trader.first_nonce, trader.next_nonce), (nonce, nonce + 1));
        market.assert_refused(&[purchase], MultibusError::NonceMismatch);
    }
}

#[test]
pub fn trader_open_at_a_past_or_distant_slot_is_rejected() {
    refuses!(arithmetic: trader_open);
    let mut chain = TestChain::new();
    let wallet = chain.wallet("wallet");
    let slot = chain.slot();
    for first_slot in [1, slot - 1, slot + 1_025, u64::MAX] {
        chain.assert_refused(&[trader_open(&wallet, 0, first_slot)], MultibusError::FirstSlotInvalid);
    }
}

#[test]
pub fn trader_opened_ahead_closes_once_its_slot_is_there_and_never_takes_an_old_nonce() {
    refuses!(replay: purchase_batch);
    let mut market = TestMarket::new();
    let buyer = market.buyer;
    let offer = market.offer(10_000);
    let lane = LaneAddress::of(&buyer, 1);
    let first_slot = market.slot() + 3;
    market.execute(&[trader_open(&buyer, 1, first_slot)]);
    let purchase = batch(&lane, market.payment, first_slot << 20, &[(offer, 1_000)]);
    market.execute(std::slice::from_ref(&purchase));
    // Until its first slot, and in that one since a nonce of it is spent.
    for _ in 0..4 {
        market.assert_refused(&[trader_close(&lane, &buyer)], MultibusError::CounterBusy);
        let now = market.now();
        market.go_to(now);
    }
    market.execute(&[trader_close(&lane, &buyer)]);
    let slot = market.slot();
    market.execute(&[trader_open(&buyer, 1, slot)]);
    market.assert_refused(&[purchase], MultibusError::NonceMismatch);
}

#[test]
pub fn trader_close_pays_the_rent_back() {
    let mut market = TestMarket::new();
    let (buyer, lane) = (market.buyer, market.lane);
    let offer = market.offer(10_000);
    market.buy(&offer, 1_000);
    market.pass(1);
    let trader: state::Trader = market.state(&lane.address);
    let (before, rent) = (market.lamports(&buyer), market.lamports(&lane.address));
    let meta = market.execute(&[trader_close(&lane, &buyer)]);
    assert!(!market.exists(&lane.address));
    assert_eq!(market.lamports(&buyer), before + rent);
    assert_logged(
        &meta,
        &TraderClosed {
            trader: lane.address,
            wallet: buyer,
            history_root: trader.history_root,
            next_nonce: trader.next_nonce,
            lane: 0,
            padding: [0; 6],
        },
    );
}

#[test]
pub fn trader_close_in_the_slot_of_its_opening_and_a_purchase_is_rejected() {
    let mut market = TestMarket::new();
    let buyer = market.buyer;
    // In the slot of the opening: nothing was spent, so nothing can be spent again.
    let lane = market.open_lane(&buyer, 1);
    market.execute(&[trader_close(&lane, &buyer)]);
    // One purchase in the same slot.
    let lane = market.open_lane(&buyer, 1);
    let offer = market.offer(10_000);
    let payment = market.payment;
    let purchase = batch(&lane, payment, market.nonce(&lane), &[(offer, 1)]);
    market.execute(&[purchase]);
    market.assert_refused(&[trader_close(&lane, &buyer)], MultibusError::CounterBusy);
    market.pass(1);
    market.execute(&[trader_close(&lane, &buyer)]);
}

#[test]
pub fn trader_close_in_a_slot_beyond_all_nonces_is_rejected() {
    // Opened again, the lane would begin at a nonce that wraps around to those it had.
    refuses!(arithmetic: trader_close);
    let mut market = TestMarket::new();
    let (lane, buyer, now) = (market.lane, market.buyer, market.now());
    for slot in [1 << 44, u64::MAX] {
        market.set_clock(now, slot);
        market.assert_refused(&[trader_close(&lane, &buyer)], MultibusError::CounterOverflow);
    }
    market.set_clock(now, (1 << 44) - 1);
    market.execute(&[trader_close(&lane, &buyer)]);
}

#[test]
pub fn trader_close_by_stranger_is_rejected() {
    refuses!(theft: trader_close; substituted_address: trader_close; missing_signer: trader_close);
    let mut market = TestMarket::new();
    let thief = market.wallet("thief");
    let lane = market.lane;
    market.pass(1);
    market.assert_refused(&[trader_close(&lane, &thief)], MultibusError::TraderMismatch);
    let mut unsigned = trader_close(&lane, &market.buyer);
    unsigned.accounts[0].is_signer = false;
    market.assert_refused(&[unsigned], InstructionError::MissingRequiredSignature);
}

#[test]
pub fn trader_closed_and_opened_again_never_takes_an_old_nonce() {
    refuses!(revival: purchase; replay: purchase);
    withstands!(revival: trader_open);
    let mut market = TestMarket::new();
    let (buyer, lane) = (market.buyer, market.lane);
    let offer = market.offer(10_000);
    let mut spent = Vec::new();
    for round in 0..3 {
        for _ in 0..2 {
            spent.push(market.purchase(&offer, 1_000));
            market.buy(&offer, 1_000);
        }
        market.pass(1);
        if round == 1 {
            // Closed and opened in one transaction.
            market.execute(&[trader_close(&lane, &buyer), trader_open(&buyer, 0, 0)]);
        } else {
            market.execute(&[trader_close(&lane, &buyer)]);
            market.execute(&[trader_open(&buyer, 0, 0)]);
        }
        for old in &spent {
            market.assert_refused(std::slice::from_ref(old), MultibusError::NonceMismatch);
        }
    }
}

#[test]
pub fn trader_closed_and_funded_in_one_transaction_stays_closed() {
    refuses!(revival: purchase);
    withstands!(revival: trader_open);
    let mut market = TestMarket::new();
    let (buyer, lane) = (market.buyer, market.lane);
    let offer = market.offer(10_000);
    let purchase = market.purchase(&offer, 1);
    market.pass(1);
    let fund = solana_system_interface::instruction::transfer(&buyer, &lane.address, 50_000_000);
    market.execute(&[trader_close(&lane, &buyer), fund]);
    market.assert_refused(&[purchase], Refusal::NotTheAccount);
    // Lamports at the address do not keep the wallet from opening the lane again.
    assert_eq!(market.open_lane(&buyer, 0), LaneAddress::of(&buyer, 0));
}

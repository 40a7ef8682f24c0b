//! `capacity_open` and `capacity_close`.

use {
    multibus::{
        error::MultibusError,
        event,
        instruction::CapacityOpen,
        state::{self, ProposalAction},
    },
    multibus_tests::{
        BusOptions, TestMarket, TokenProgram,
        event::{assert_logged, logged},
        instructions::*,
        key::pda,
    },
    solana_instruction::error::InstructionError,
    std::slice::from_ref,
};

#[test]
pub fn capacity_open_writes_the_window_once() {
    withstands!(reinitialisation: capacity_open; capacity_leak: capacity_open);
    let mut market = TestMarket::windowed();
    let (bus, start) = (market.bus, market.next_window());
    let payer = market.wallet("payer");
    let before = market.lamports(&payer);
    let meta = market.execute(&[capacity_open(&bus, &payer, start)]);
    let expected = state::Capacity {
        layout_version: 2,
        bump: pda::capacity(&bus.address, start).1,
        padding: [0; 2],
        open_offers: 0,
        window_start: start,
        terms: market.bus_state(&bus).terms,
        gate_closes_at: start - 60,
        total_wh: 1_000_000,
        available_wh: 1_000_000,
        committed_wh: 0,
        bus: bus.address,
        rent_payer: payer,
        open_bids: 0,
        given_up: 0,
        padding_2: [0; 3],
        escrowed: 0,
        cleared_at: 0,
        price_per_kwh: 0,
        volume_wh: 0,
        bids: state::Ration::default(),
        asks: state::Ration::default(),
        reported_wh: 0,
        delivered_wh: 0,
        pool_complete_at: 0,
        reserved: [0; 14],
    };
    assert_eq!(market.capacity_state(&bus.window(start)), expected);
    assert_eq!(market.ledger(&bus).open_windows, 1);
    assert_eq!(before - market.lamports(&payer), market.lamports(&bus.window(start)));
    assert_logged(
        &meta,
        &event::CapacityOpened {
            bus: bus.address,
            capacity: bus.window(start),
            rent_payer: payer,
            window_start: start,
            gate_closes_at: start - 60,
            total_wh: 1_000_000,
            terms: market.bus_state(&bus).terms,
        },
    );

    // Again, by somebody else: nothing happens, even once energy is listed.
    market.offer_in(start, |options| options);
    let other = market.wallet("other");
    let lamports = market.lamports(&other);
    let account = market.account(&bus.window(start));
    let meta = market.execute(&[capacity_open(&bus, &other, start)]);
    assert!(logged(&meta.logs).is_empty(), "nothing changed, so no event tells of it");
    assert_eq!(market.lamports(&other), lamports);
    assert_eq!(market.account(&bus.window(start)), account);
}

#[test]
pub fn capacity_open_at_a_prefunded_address_succeeds() {
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    market.fund(&bus.window(start), 1);
    market.execute(&[capacity_open(&bus, &seller, start)]);
}

#[test]
pub fn capacity_open_without_windows_is_rejected() {
    let mut market = TestMarket::new();
    for start in [0, 900] {
        let open = capacity_open(&market.bus, &market.seller, market.now() / 900 * 900 + start);
        market.assert_refused(&[open], MultibusError::WindowsOff);
    }
}

#[test]
pub fn capacity_open_of_misaligned_window_is_rejected() {
    let mut market = TestMarket::windowed();
    let start = market.next_window();
    for start in [start + 1, start - 1, start + 450, 0, -900, i64::MIN] {
        // The general capacity has the address of window 0, so 0 would come twice.
        let mut accounts = capacity_open_accounts(&market.bus, &market.seller, start);
        if start == 0 {
            accounts.capacity = market.bus.treasury;
        }
        let open = CapacityOpen { window_start: start }.to_instruction(accounts);
        market.assert_refused(&[open], MultibusError::WindowMisaligned);
    }
}

#[test]
pub fn capacity_open_at_gate_closure_is_rejected() {
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    let open = capacity_open(&bus, &seller, start);
    for now in [start - 60, start, start + 900, start + 86_400] {
        market.go_to(now);
        market.assert_refused(from_ref(&open), MultibusError::GateClosed);
    }
    market.go_to(start - 61);
    market.execute(&[open]);
}

#[test]
pub fn capacity_open_beyond_the_horizon_is_rejected() {
    refuses!(arithmetic: capacity_open);
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| {
        options.windowed().with(|config| config.horizon_seconds = 3_600)
    });
    let (bus, seller) = (market.bus, market.seller);
    let last = (market.now() + 3_600) / 900 * 900;
    market.assert_refused(&[capacity_open(&bus, &seller, last + 900)], MultibusError::WindowTooFar);
    market.assert_refused(&[capacity_open(&bus, &seller, i64::MAX / 900 * 900)], MultibusError::WindowTooFar);
    market.execute(&[capacity_open(&bus, &seller, last)]);
}

#[test]
pub fn capacity_open_on_a_closing_bus_is_rejected() {
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    market.decide(&bus, ProposalAction::BusClose);
    market.assert_refused(&[capacity_open(&bus, &seller, start)], MultibusError::BusClosing);
}

#[test]
pub fn capacity_open_with_another_ledger_is_rejected() {
    refuses!(substituted_address: capacity_open);
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    let other = market.create_bus(&seller, &bus.mint, &BusOptions::new(&seller).windowed());
    let mut accounts = capacity_open_accounts(&bus, &seller, start);
    accounts.ledger = other.ledger;
    let open = CapacityOpen { window_start: start }.to_instruction(accounts);
    market.assert_refused(&[open], MultibusError::LedgerMismatch);
}

#[test]
pub fn capacity_open_with_another_windows_capacity_is_rejected() {
    refuses!(substituted_address: capacity_open);
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    let other = market.create_bus(&seller, &bus.mint, &BusOptions::new(&seller).windowed());
    market.execute(&[capacity_open(&bus, &seller, start + 900)]);
    market.execute(&[capacity_open(&other, &seller, start)]);
    for capacity in [bus.window(start + 900), other.window(start), other.capacity] {
        let mut accounts = capacity_open_accounts(&bus, &seller, start);
        accounts.capacity = capacity;
        let open = CapacityOpen { window_start: start }.to_instruction(accounts);
        market.assert_refused(&[open], MultibusError::CapacityMismatch);
    }
}

#[test]
pub fn capacity_open_at_another_address_is_rejected() {
    refuses!(substituted_address: capacity_open);
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    let wallet = market.wallet("anything");
    for capacity in [bus.window(start + 900), wallet, bus.treasury] {
        let mut accounts = capacity_open_accounts(&bus, &seller, start);
        accounts.capacity = capacity;
        let open = CapacityOpen { window_start: start }.to_instruction(accounts);
        market.assert_refused(&[open], InstructionError::InvalidSeeds);
    }
}

#[test]
pub fn capacity_open_past_the_last_counted_window_is_rejected() {
    refuses!(arithmetic: capacity_open);
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    market.edit::<state::Ledger>(&bus.ledger, |ledger| ledger.open_windows = u32::MAX);
    market.assert_refused(&[capacity_open(&bus, &seller, start)], MultibusError::CounterOverflow);
}

#[test]
pub fn capacity_close_pays_the_rent_back_to_who_paid_it() {
    let mut market = TestMarket::windowed();
    let (bus, start) = (market.bus, market.next_window());
    let payer = market.wallet("payer");
    market.execute(&[capacity_open(&bus, &payer, start)]);
    let offer = market.offer_in(start, |options| options.energy(10_000));
    market.buy(&offer, 4_000);
    market.go_to(start + 900);
    let stranger = market.wallet("stranger");
    market.execute(&[offer_cancel(&offer, &stranger)]);
    let (before, rent) = (market.lamports(&payer), market.lamports(&bus.window(start)));
    let meta = market.execute(&[capacity_close(&bus, start, &stranger, &payer)]);
    assert_eq!(market.lamports(&payer), before + rent);
    assert!(!market.exists(&bus.window(start)));
    assert_eq!(market.ledger(&bus).open_windows, 0);
    assert_logged(
        &meta,
        &event::CapacityClosed {
            bus: bus.address,
            capacity: bus.window(start),
            closed_by: stranger,
            window_start: start,
            sold_wh: 4_000,
            remainder: 0,
        },
    );
}

#[test]
pub fn capacity_close_before_the_end_of_the_window_is_rejected() {
    refuses!(capacity_leak: capacity_close);
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    // The offer is gone, but what it sold counts until the window is over.
    let offer = market.offer_in(start, |options| options);
    market.buy(&offer, 4_000);
    market.execute(&[offer_cancel(&offer, &seller)]);
    let close = capacity_close(&bus, start, &seller, &seller);
    for now in [start - 1_000, start, start + 899] {
        market.go_to(now);
        market.assert_refused(from_ref(&close), MultibusError::WindowNotOver);
    }
    market.go_to(start + 900);
    market.execute(&[close]);
}

#[test]
pub fn capacity_close_of_a_window_that_nobody_uses_is_for_its_payer_and_the_bus_until_the_gate_and_then_for_anyone() {
    let operator = solana_signer::Signer::pubkey(&multibus_tests::keypair("operator"));
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| {
        options.windowed().with(|config| config.operator = Some(operator))
    });
    market.wallet("operator");
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    let (payer, anyone) = (market.wallet("payer"), market.wallet("anyone"));
    market.execute(&[capacity_open(&bus, &payer, start)]);
    let by_anyone = capacity_close(&bus, start, &anyone, &payer);
    market.assert_refused(from_ref(&by_anyone), MultibusError::WindowUnused);
    let (before, rent) = (market.lamports(&payer), market.lamports(&bus.window(start)));
    market.execute(&[capacity_close(&bus, start, &payer, &payer)]);
    assert_eq!(market.lamports(&payer), before + rent);
    assert_eq!(market.ledger(&bus).open_windows, 0);
    // An owner and the operator close it too; the rent is its payer's.
    for caller in [seller, operator] {
        market.execute(&[capacity_open(&bus, &payer, start)]);
        market.execute(&[capacity_close(&bus, start, &caller, &payer)]);
        assert_eq!(market.lamports(&payer), before + rent);
    }
    // It opens again. An offer that was cancelled leaves it unused as before; one that sold keeps it to its end.
    market.execute(&[capacity_open(&bus, &payer, start)]);
    let offer = market.offer_in(start, |options| options);
    market.assert_refused(&[capacity_close(&bus, start, &payer, &payer)], MultibusError::WindowHasOffers);
    market.execute(&[offer_cancel(&offer, &seller)]);
    market.go_to(start - 61);
    market.assert_refused(from_ref(&by_anyone), MultibusError::WindowUnused);
    market.go_to(start - 60);
    market.execute(&[by_anyone]);

    let start = market.next_window();
    let offer = market.offer_in(start, |options| options);
    market.buy(&offer, 1);
    market.execute(&[offer_cancel(&offer, &seller)]);
    let close = capacity_close(&bus, start, &anyone, &seller);
    market.assert_refused(from_ref(&close), MultibusError::WindowNotOver);
    market.go_to(start + 900);
    market.execute(&[close]);
    // On a closing bus an empty window holds nobody up.
    let start = market.next_window();
    market.execute(&[capacity_open(&bus, &payer, start)]);
    let close = capacity_close(&bus, start, &anyone, &payer);
    market.assert_refused(from_ref(&close), MultibusError::WindowUnused);
    market.decide(&bus, ProposalAction::BusClose);
    market.execute(&[close]);
}

#[test]
pub fn capacity_open_while_paused_is_rejected() {
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    market.set_paused(&bus, true);
    market.assert_refused(&[capacity_open(&bus, &seller, start)], MultibusError::BusPaused);
}

#[test]
pub fn capacity_close_with_open_offers_is_rejected() {
    refuses!(capacity_leak: capacity_close);
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    let (one, two) = (market.offer_in(start, |options| options), market.offer_in(start, |options| options));
    market.buy(&two, 10_000);
    market.go_to(start + 900);
    let close = capacity_close(&bus, start, &seller, &seller);
    market.assert_refused(from_ref(&close), MultibusError::WindowHasOffers);
    market.execute(&[offer_cancel(&one, &seller)]);
    market.assert_refused(from_ref(&close), MultibusError::WindowHasOffers);
    market.execute(&[offer_cancel(&two, &seller)]);
    market.execute(&[close]);
}

#[test]
pub fn capacity_close_with_rent_to_another_wallet_is_rejected() {
    refuses!(theft: capacity_close);
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    market.execute(&[capacity_open(&bus, &seller, start)]);
    market.go_to(start + 900);
    let thief = market.wallet("thief");
    market.assert_refused(&[capacity_close(&bus, start, &thief, &thief)], MultibusError::RentPayerMismatch);
}

#[test]
pub fn capacity_close_with_another_bus_or_ledger_is_rejected() {
    refuses!(substituted_address: capacity_close);
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    let other = market.create_bus(&seller, &bus.mint, &BusOptions::new(&seller).windowed());
    market.execute(&[capacity_open(&bus, &seller, start)]);
    market.go_to(start + 900);
    for (place, address, error) in
        [(1, other.address, MultibusError::BusMismatch), (2, other.ledger, MultibusError::LedgerMismatch)]
    {
        let mut close = capacity_close(&bus, start, &seller, &seller);
        close.accounts[place].pubkey = address;
        market.assert_refused(&[close], error);
    }
}

#[test]
pub fn capacity_close_of_the_general_capacity_is_rejected() {
    for options in [BusOptions::windowed, |options| options] {
        let mut market = TestMarket::with(TokenProgram::SplToken, options);
        let (bus, seller) = (market.bus, market.seller);
        let close = capacity_close(&bus, 0, &seller, &seller);
        market.assert_refused(&[close], MultibusError::CapacityIsGeneral);
    }
}

#[test]
pub fn capacity_close_and_open_of_a_past_window_is_rejected() {
    refuses!(revival: capacity_open; capacity_leak: capacity_open);
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    market.execute(&[capacity_open(&bus, &seller, start)]);
    market.go_to(start + 900);
    let (close, open) = (capacity_close(&bus, start, &seller, &seller), capacity_open(&bus, &seller, start));
    market.assert_refused(&[close.clone(), open.clone()], MultibusError::GateClosed);
    let fund = solana_system_interface::instruction::transfer(&seller, &bus.window(start), 50_000_000);
    market.assert_refused(&[close.clone(), fund.clone(), open.clone()], MultibusError::GateClosed);
    market.execute(&[close, fund]);
    market.assert_refused(&[open], MultibusError::GateClosed);
}

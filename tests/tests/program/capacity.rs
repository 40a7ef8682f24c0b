//! `capacity_open` and `capacity_close`.

use {
    multibus::{error::MultibusError, event, instruction::CapacityOpen, state},
    multibus_tests::{
        BusOptions, TestMarket,
        event::{assert_logged, logged},
        instructions::*,
        key::pda,
    },
    solana_instruction::error::InstructionError,
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
        layout_version: 1,
        bump: pda::capacity(&bus.address, start).1,
        padding: [0; 2],
        window_seconds: 900,
        window_start: start,
        total_wh: 1_000_000,
        available_wh: 1_000_000,
        listed_wh: 0,
        sold_wh: 0,
        open_offers: 0,
        open_windows: 0,
        offer_seqs: bytemuck::Zeroable::zeroed(),
        bus: bus.address,
        rent_payer: payer,
        reserved: [0; 64],
    };
    assert_eq!(market.capacity_state(&bus.window(start)), expected);
    assert_eq!(market.capacity_state(&bus.capacity).open_windows, 1);
    assert_eq!(before - market.lamports(&payer), market.lamports(&bus.window(start)));
    assert_logged(
        &meta,
        &event::CapacityOpened {
            bus: bus.address,
            capacity: bus.window(start),
            rent_payer: payer,
            window_start: start,
            total_wh: 1_000_000,
            window_seconds: 900,
            padding: [0; 4],
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
            accounts.capacity = market.bus.escrow;
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
        market.assert_refused(std::slice::from_ref(&open), MultibusError::GateClosed);
    }
    market.go_to(start - 61);
    market.execute(&[open]);
}

#[test]
pub fn capacity_open_beyond_the_horizon_is_rejected() {
    refuses!(arithmetic: capacity_open);
    let mut market = TestMarket::windowed();
    let (bus, seller) = (market.bus, market.seller);
    let last = (market.now() + 366 * 86_400) / 900 * 900;
    market.assert_refused(&[capacity_open(&bus, &seller, last + 900)], MultibusError::WindowTooFar);
    market.assert_refused(&[capacity_open(&bus, &seller, i64::MAX / 900 * 900)], MultibusError::WindowTooFar);
    market.execute(&[capacity_open(&bus, &seller, last)]);
}

#[test]
pub fn capacity_open_with_another_general_capacity_is_rejected() {
    refuses!(substituted_address: capacity_open);
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    let other = market.create_bus(&seller, &bus.mint, &BusOptions::new(&seller).seq(1).windowed());
    market.execute(&[capacity_open(&bus, &seller, start + 900)]);
    // Of another bus, and a window of this bus.
    for general in [other.capacity, bus.window(start + 900)] {
        let mut accounts = capacity_open_accounts(&bus, &seller, start);
        accounts.general = general;
        let open = CapacityOpen { window_start: start }.to_instruction(accounts);
        market.assert_refused(&[open], MultibusError::BusMismatch);
    }
}

#[test]
pub fn capacity_open_with_another_windows_capacity_is_rejected() {
    refuses!(substituted_address: capacity_open);
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    let other = market.create_bus(&seller, &bus.mint, &BusOptions::new(&seller).seq(1).windowed());
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
    for capacity in [bus.window(start + 900), wallet, bus.escrow] {
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
    market.edit::<state::Capacity>(&bus.capacity, |general| general.open_windows = u32::MAX);
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
    let meta = market.execute(&[capacity_close(&bus, start, &payer)]);
    assert_eq!(market.lamports(&payer), before + rent);
    assert!(!market.exists(&bus.window(start)));
    assert_eq!(market.capacity_state(&bus.capacity).open_windows, 0);
    assert_logged(
        &meta,
        &event::CapacityClosed { bus: bus.address, capacity: bus.window(start), window_start: start, sold_wh: 4_000 },
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
    let close = capacity_close(&bus, start, &seller);
    for now in [start - 1_000, start, start + 899] {
        market.go_to(now);
        market.assert_refused(std::slice::from_ref(&close), MultibusError::WindowNotOver);
    }
    market.go_to(start + 900);
    market.execute(&[close]);
}

#[test]
pub fn capacity_close_of_a_window_that_never_had_an_offer_succeeds_any_time() {
    let mut market = TestMarket::windowed();
    let (bus, start) = (market.bus, market.next_window());
    let (payer, anyone) = (market.wallet("payer"), market.seller);
    market.execute(&[capacity_open(&bus, &payer, start)]);
    let (before, rent) = (market.lamports(&payer), market.lamports(&bus.window(start)));
    market.execute(&[capacity_close(&bus, start, &payer)]);
    assert_eq!(market.lamports(&payer), before + rent);
    assert_eq!(market.capacity_state(&bus.capacity).open_windows, 0);
    // It opens again; once it had an offer it stays, whether that was cancelled or not.
    let offer = market.offer_in(start, |options| options);
    market.assert_refused(&[capacity_close(&bus, start, &anyone)], MultibusError::WindowNotOver);
    market.execute(&[offer_cancel(&offer, &anyone)]);
    market.assert_refused(&[capacity_close(&bus, start, &anyone)], MultibusError::WindowNotOver);
}

#[test]
pub fn capacity_close_with_open_offers_is_rejected() {
    refuses!(capacity_leak: capacity_close);
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    let (one, two) = (market.offer_in(start, |options| options), market.offer_in(start, |options| options));
    market.buy(&two, 10_000);
    market.go_to(start + 900);
    let close = capacity_close(&bus, start, &seller);
    market.assert_refused(std::slice::from_ref(&close), MultibusError::WindowHasOffers);
    market.execute(&[offer_cancel(&one, &seller)]);
    market.assert_refused(std::slice::from_ref(&close), MultibusError::WindowHasOffers);
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
    market.assert_refused(&[capacity_close(&bus, start, &thief)], MultibusError::RentPayerMismatch);
}

#[test]
pub fn capacity_close_with_another_general_capacity_is_rejected() {
    refuses!(substituted_address: capacity_close);
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    let other = market.create_bus(&seller, &bus.mint, &BusOptions::new(&seller).seq(1).windowed());
    for at in [start, start + 900] {
        market.execute(&[capacity_open(&bus, &seller, at)]);
    }
    market.go_to(start + 1_800);
    for general in [other.capacity, bus.window(start + 900)] {
        let mut close = capacity_close(&bus, start, &seller);
        close.accounts[0].pubkey = general;
        market.assert_refused(&[close], MultibusError::BusMismatch);
    }
}

#[test]
pub fn capacity_close_of_the_general_capacity_is_rejected() {
    refuses!(duplicate_account: capacity_close);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let close = capacity_close(&bus, 0, &seller);
    assert_eq!(close.accounts[0].pubkey, close.accounts[1].pubkey);
    // It would be both the counter and the window: the same account twice as writable.
    market.assert_refused(&[close], multibus_tests::Refusal::custom(2040));
}

#[test]
pub fn capacity_close_and_open_of_a_past_window_is_rejected() {
    refuses!(revival: capacity_open; capacity_leak: capacity_open);
    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    market.execute(&[capacity_open(&bus, &seller, start)]);
    market.go_to(start + 900);
    let (close, open) = (capacity_close(&bus, start, &seller), capacity_open(&bus, &seller, start));
    market.assert_refused(&[close.clone(), open.clone()], MultibusError::GateClosed);
    let fund = solana_system_interface::instruction::transfer(&seller, &bus.window(start), 50_000_000);
    market.assert_refused(&[close.clone(), fund.clone(), open.clone()], MultibusError::GateClosed);
    market.execute(&[close, fund]);
    market.assert_refused(&[open], MultibusError::GateClosed);
}

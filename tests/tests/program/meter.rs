//! `meter_register`, `meter_replace`, `meter_close` and `device_close`: devices that are the meters of sellers.

use {
    multibus::{
        error::MultibusError,
        event,
        state::{Device, Meter, MeterSpec, ProposalAction},
    },
    multibus_tests::{
        BusOptions, DeliveryMarket, OfferOptions, Refusal, SellerAddresses, TestMarket, TokenProgram, delivery::solar,
        event::assert_logged, instructions::*, key::pda,
    },
    solana_address::Address,
    solana_instruction::{Instruction, error::InstructionError},
    std::slice::from_ref,
};

/// The address is taken: what the system program says.
const TAKEN: u32 = 0;

/// A seller of a name without a meter.
fn bare(market: &mut DeliveryMarket, name: &str) -> SellerAddresses {
    let (bus, wallet) = (market.bus, market.wallet(name));
    market.open_seller(&bus, &wallet)
}

/// A seller's listing of so much energy (Wh) in a window.
fn list(market: &TestMarket, seller: &SellerAddresses, window: i64, energy_wh: u64) -> Instruction {
    let options = OfferOptions::new(0).number(market.chain.next_offer(seller)).energy(energy_wh).expires(window - 60);
    market.listing(seller, seller.bus.window(window), &seller.wallet, options).0
}

#[test]
fn meter_register_writes_the_meter_and_its_device() {
    let mut market = DeliveryMarket::new();
    let (seller, operator, key) = (bare(&mut market, "bare"), market.operator, market.key("second device"));
    let before = market.lamports(&operator);
    let spec = MeterSpec { source: 2, power_w: 7_000, valid_from: market.window };
    let meta = market.execute(&[meter_register(&seller, &operator, &key, spec)]);
    let (meter, device) = (seller.meter(), pda::device(&key).0);
    let expected = Meter {
        layout_version: 2,
        bump: pda::meter(&seller.address).1,
        source: 2,
        padding: [0; 5],
        power_w: 7_000,
        valid_from: market.window,
        listed_until: 0,
        registered_at: market.now(),
        bus: market.bus.address,
        seller: seller.address,
        key,
        rent_payer: operator,
        reserved: [0; 8],
    };
    assert_eq!(market.meter_state(&seller), expected);
    let expected = Device {
        layout_version: 2,
        bump: pda::device(&key).1,
        retired: 0,
        padding: [0; 5],
        busy_until: 0,
        key,
        bus: market.bus.address,
        seller: seller.address,
        rent_payer: operator,
        reserved: [0; 4],
    };
    assert_eq!(market.state::<Device>(&device), expected);
    assert_eq!(market.seller_state(&seller).meter, meter);
    assert_eq!(before - market.lamports(&operator), market.lamports(&meter) + market.lamports(&device));
    assert_logged(
        &meta,
        &event::MeterRegistered {
            bus: market.bus.address,
            seller: seller.address,
            meter,
            key,
            rent_payer: operator,
            power_w: 7_000,
            valid_from: market.window,
            registered_at: market.now(),
            source: 2,
            padding: [0; 7],
        },
    );
}

#[test]
pub fn only_the_operator_registers_and_replaces_meters() {
    refuses!(theft: meter_register, meter_replace);
    let mut market = DeliveryMarket::new();
    let (seller, key) = (bare(&mut market, "bare"), market.key("second device"));
    let metered = market.seller_account();
    for other in [seller.wallet, market.seller, market.buyer] {
        market.assert_refused(&[meter_register(&seller, &other, &key, solar(1_000))], MultibusError::NotTheOperator);
        let replace = market.replace_meter(&metered, &other, &key, solar(1_000));
        market.assert_refused(&[replace], MultibusError::NotTheOperator);
    }
    // Nor does it without the device.
    let register = meter_register(&seller, &market.operator, &key, solar(1_000));
    let mut unsigned = register.clone();
    unsigned.accounts[1].is_signer = false;
    market.assert_refused(&[unsigned], InstructionError::MissingRequiredSignature);
    market.execute(&[register]);
}

#[test]
pub fn a_device_of_no_or_too_much_power_or_of_an_unknown_source_is_rejected() {
    refuses!(arithmetic: meter_register, meter_replace);
    let mut market = DeliveryMarket::new();
    let (seller, operator, key) = (bare(&mut market, "bare"), market.operator, market.key("second device"));
    let metered = market.seller_account();
    let cases = [
        (MeterSpec { power_w: 0, ..solar(0) }, MultibusError::PowerInvalid),
        (solar((1 << 40) + 1), MultibusError::PowerInvalid),
        (solar(u64::MAX), MultibusError::PowerInvalid),
        (MeterSpec { source: 6, ..solar(1) }, MultibusError::SourceUnknown),
        (MeterSpec { source: 255, ..solar(1) }, MultibusError::SourceUnknown),
    ];
    for (spec, error) in cases {
        market.assert_refused(&[meter_register(&seller, &operator, &key, spec)], error);
        let replace = market.replace_meter(&metered, &operator, &key, spec);
        market.assert_refused(&[replace], error);
    }
    // The strongest device in the longest window: nothing overflows.
    market.execute(&[meter_register(&seller, &operator, &key, solar(1 << 40))]);
    let window = market.window;
    let create = list(&market, &seller, window, 990_000);
    market.execute(&[create]);
}

/// A key is registered once in the program, and a seller has one meter.
#[test]
pub fn a_key_is_registered_once_and_a_seller_has_one_meter() {
    refuses!(reinitialisation: meter_register, meter_replace; revival: meter_register);
    let mut market = DeliveryMarket::new();
    let (seller, operator, device) = (bare(&mut market, "bare"), market.operator, market.device);
    let (metered, key) = (market.seller_account(), market.key("second device"));
    market.assert_refused(&[meter_register(&seller, &operator, &device, solar(1_000))], Refusal::custom(TAKEN));
    let replace = market.replace_meter(&metered, &operator, &device, solar(1_000));
    market.assert_refused(&[replace], Refusal::custom(2040));
    market.assert_refused(&[meter_register(&metered, &operator, &key, solar(1_000))], MultibusError::MeterExists);
    market.execute(&[meter_register(&seller, &operator, &key, solar(1_000))]);
    let replace = market.replace_meter(&metered, &operator, &key, solar(1_000));
    market.assert_refused(&[replace], Refusal::custom(TAKEN));
    // Nor on another bus of the program.
    let (mint, wallet) = (market.bus.mint, market.wallet("elsewhere"));
    let options = BusOptions::new(&wallet).on_delivery(&operator);
    let other = market.chain.create_bus(&wallet, &mint, &options);
    let there = market.open_seller(&other, &wallet);
    market.assert_refused(&[meter_register(&there, &operator, &device, solar(1_000))], Refusal::custom(TAKEN));
    // Nor in the transaction that retires it, with lamports at its address, while its window runs.
    let fund = solana_system_interface::instruction::transfer(&market.fee_payer, &pda::device(&device).0, 1_000_000);
    let third = market.key("third device");
    let retire = market.replace_meter(&metered, &operator, &third, solar(1_000));
    market.assert_refused(
        &[retire, fund, meter_register(&there, &operator, &device, solar(1_000))],
        Refusal::custom(TAKEN),
    );
}

#[test]
fn a_meter_and_a_device_that_closed_are_registered_anew() {
    withstands!(revival: meter_register, meter_replace);
    let mut market = DeliveryMarket::new();
    let (seller, operator, key) = (bare(&mut market, "bare"), market.operator, market.key("second device"));
    let register = meter_register(&seller, &operator, &key, solar(1_000));
    let payer = market.fee_payer;
    let fund = |address| solana_system_interface::instruction::transfer(&payer, address, 5_000_000);
    let funds = [fund(&seller.meter()), fund(&pda::device(&key).0)];
    market.execute(from_ref(&register));
    let close = market.close_meter(&seller, &seller.wallet);
    // Without a window the device is free at once; lamports at either address change nothing.
    market.execute(&[
        close,
        device_close(&key, &operator),
        funds[0].clone(),
        funds[1].clone(),
        meter_register(&seller, &operator, &key, solar(2_000)),
    ]);
    assert_eq!(market.meter_state(&seller).power_w, 2_000);
    let next = market.key("third device");
    let replace = market.replace_meter(&seller, &operator, &next, solar(3_000));
    market.execute(&[replace, device_close(&key, &operator)]);
    let back = market.replace_meter(&seller, &operator, &key, solar(4_000));
    market.execute(&[funds[1].clone(), back]);
    let meter = market.meter_state(&seller);
    assert_eq!((meter.key, meter.power_w), (key, 4_000));
}

#[test]
pub fn another_device_than_the_meters_is_rejected() {
    let mut market = DeliveryMarket::new();
    let (seller, operator, key) = (bare(&mut market, "bare"), market.operator, market.key("second device"));
    let (metered, device, next) = (market.seller_account(), market.device, market.key("third device"));
    market.execute(&[meter_register(&seller, &operator, &key, solar(1_000))]);
    market
        .assert_refused(&[meter_replace(&seller, &operator, &device, &next, solar(1))], MultibusError::DeviceMismatch);
    market.assert_refused(&[meter_close(&seller, &seller.wallet, &device, &operator)], MultibusError::DeviceMismatch);
    let replace = market.replace_meter(&metered, &operator, &next, solar(1_000));
    market.execute(&[replace]);
    // The former one is the meter's no more.
    let (old, last) = (market.device, market.key("fourth device"));
    market.assert_refused(&[meter_replace(&metered, &operator, &old, &last, solar(1))], MultibusError::DeviceMismatch);
    market.assert_refused(&[meter_close(&metered, &metered.wallet, &old, &operator)], MultibusError::DeviceMismatch);
}

#[test]
pub fn a_device_is_the_meter_of_windows_from_its_first_on() {
    let mut market = DeliveryMarket::new();
    let (seller, operator, key) = (bare(&mut market, "bare"), market.operator, market.key("second device"));
    let (window, first) = (market.window, market.window + 900);
    market.execute(&[meter_register(&seller, &operator, &key, MeterSpec { valid_from: first, ..solar(40_000) })]);
    let payer = market.seller;
    let bus = market.bus;
    market.execute(&[capacity_open(&bus, &payer, first)]);
    let early = list(&market, &seller, window, 1);
    market.assert_refused(&[early], MultibusError::MeterNotValidYet);
    let create = list(&market, &seller, first, 1);
    market.execute(&[create]);
    // A second later, and the window is too early by a second.
    let (late, next) = (bare(&mut market, "late"), market.key("third device"));
    let spec = MeterSpec { valid_from: first + 1, ..solar(40_000) };
    market.execute(&[meter_register(&late, &operator, &next, spec)]);
    let early = list(&market, &late, first, 1);
    market.assert_refused(&[early], MultibusError::MeterNotValidYet);
    // A replacement that is valid later than a listed window changes nothing there.
    let (last, spec) = (market.key("fourth device"), MeterSpec { valid_from: first + 90_000, ..solar(1) });
    let replace = market.replace_meter(&seller, &operator, &last, spec);
    market.execute(&[replace]);
    let create = list(&market, &seller, first, 9_999);
    market.execute(&[create]);
}

/// Listings of a window stay within what the device can deliver in it: the one that was its meter first.
#[test]
pub fn listing_needs_a_meter_that_can_deliver_it() {
    refuses!(capacity_leak: offer_create; substituted_address: offer_create);
    let mut market = DeliveryMarket::new();
    let (window, metered, operator) = (market.window, market.seller_account(), market.operator);
    let more = list(&market, &metered, window, 1);
    market.assert_refused(&[more], MultibusError::PowerExceeded);
    let seller = bare(&mut market, "bare");
    let create = list(&market, &seller, window, 1);
    market.assert_refused(from_ref(&create), MultibusError::MeterMissing);
    let key = market.key("second device");
    market.execute(&[meter_register(&seller, &operator, &key, solar(1_000))]);
    let count = create.accounts.len();
    let with = |place: usize, address: Address| {
        let mut other = create.clone();
        other.accounts[place].pubkey = address;
        other
    };
    market.assert_refused(&[with(count - 2, metered.meter())], MultibusError::MeterMismatch);
    market.assert_refused(&[with(count - 1, market.book.address)], MultibusError::BookMismatch);
    let elsewhere = seller.book(market.book.first_window + 86_400).address;
    market.assert_refused(&[with(count - 1, elsewhere)], MultibusError::BookMismatch);
    for kept in [count - 1, count - 2] {
        let mut without = create.clone();
        without.accounts.truncate(kept);
        market.assert_refused(&[without], MultibusError::BooksMissing);
    }
    for place in [count - 2, count - 1] {
        let mut read_only = create.clone();
        read_only.accounts[place].is_writable = false;
        market.assert_refused(&[read_only], Refusal::NotWritable);
    }
    // 1 kW is 250 Wh in a window.
    let too_much = list(&market, &seller, window, 251);
    market.assert_refused(&[too_much], MultibusError::PowerExceeded);
    market.execute(&[create]);
    let too_much = list(&market, &seller, window, 250);
    market.assert_refused(&[too_much], MultibusError::PowerExceeded);
    let rest = list(&market, &seller, window, 249);
    market.execute(&[rest]);
    // Withdrawn energy can be listed again, sold energy cannot.
    let buyer = market.buyer("first");
    market.buy_as(&buyer, 4_000);
    market.execute(&[offer_cancel(&market.offer, &metered.wallet)]);
    let too_much = list(&market, &metered, window, 6_001);
    market.assert_refused(&[too_much], MultibusError::PowerExceeded);
    let again = list(&market, &metered, window, 6_000);
    market.execute(&[again]);
    market.wind_down();
}

/// What others withdrew keeps its device only until the seller lists there again.
#[test]
fn a_window_that_others_emptied_is_measured_by_the_device_that_lists_there_again() {
    let mut market = DeliveryMarket::new();
    let (seller, operator, stranger, bus) =
        (market.seller_account(), market.operator, market.wallet("stranger"), market.bus);
    let wallet = seller.wallet;
    for index in 1..=3 {
        let (window, key) = (market.window + index * 900, market.key(&format!("device {index}")));
        let replace = market.replace_meter(&seller, &operator, &key, solar(40_000));
        market.execute(&[replace, capacity_open(&bus, &wallet, window)]);
        let soon =
            OfferOptions::new(0).number(market.next_offer()).energy(100).price(2_000_000).expires(market.now() + 1);
        let (create, brief) = market.listing(&seller, bus.window(window), &wallet, soon);
        market.execute(&[create]);
        market.pass(1);
        market.execute(&[offer_cancel(&brief, &stranger)]);
    }
    let (window, key) = (market.window + 2_700, market.key("last device"));
    let replace = market.replace_meter(&seller, &operator, &key, solar(40_000));
    market.execute(&[replace]);
    let create = list(&market, &seller, window, 100);
    market.execute(&[create]);
    let book = market.book_state();
    assert_eq!((book.meter_count, book.device(book.place(window).expect("in the book")).key), (4, key));
    market.wind_down();
}

#[test]
pub fn a_book_keeps_four_devices() {
    let mut market = DeliveryMarket::new();
    let (seller, operator, payer, bus) = (market.seller_account(), market.operator, market.seller, market.bus);
    let mut last = market.device;
    for index in 1..=4 {
        let window = market.window + index * 900;
        let key = market.key(&format!("device {index}"));
        last = key;
        let replace = market.replace_meter(&seller, &operator, &key, solar(40_000));
        market.execute(&[replace, capacity_open(&bus, &payer, window)]);
        let create = list(&market, &seller, window, 100);
        if index < 4 {
            market.execute(&[create]);
            continue;
        }
        market.assert_refused(&[create], MultibusError::BookMetersFull);
        // In a window of an older device, and in another book, it lists.
        let earlier = list(&market, &seller, window - 900, 100);
        let tomorrow = market.book.first_window + 86_400;
        market.execute(&[earlier, capacity_open(&bus, &payer, tomorrow)]);
        let create = list(&market, &seller, tomorrow, 100);
        market.execute(&[create]);
    }
    assert_eq!(market.book_state().meter_count, 4);
    // A device that no window has any more makes room.
    market.execute(&[offer_cancel(&market.offer, &seller.wallet)]);
    let window = market.window + 4 * 900;
    let create = list(&market, &seller, window, 100);
    market.execute(&[create]);
    let book = market.book_state();
    assert_eq!((book.meter_count, book.device(book.place(window).expect("in the book")).key), (4, last));
    market.wind_down();
}

#[test]
pub fn a_meter_is_closed_by_operator_or_seller_and_on_a_closing_bus_by_anyone() {
    refuses!(theft: meter_close, device_close);
    withstands!(blocked_exit: meter_close, device_close);
    let closers: [fn(&mut DeliveryMarket) -> Address; 3] = [
        |market| market.operator,
        |market| market.seller,
        |market| {
            let bus = market.bus;
            market.decide(&bus, ProposalAction::BusClose);
            market.wallet("stranger")
        },
    ];
    for closer in closers {
        let mut market = DeliveryMarket::new();
        let (seller, operator, device) = (market.seller_account(), market.operator, market.device);
        let stranger = market.wallet("stranger");
        let close = market.close_meter(&seller, &stranger);
        market.assert_refused(&[close], MultibusError::MeterInUse);
        let theft = meter_close(&seller, &seller.wallet, &device, &seller.wallet);
        market.assert_refused(&[theft], MultibusError::RentPayerMismatch);
        market.execute(&[offer_cancel(&market.offer, &seller.wallet)]);
        // A seller does not leave its meter behind.
        market.pass(1);
        let leave = seller_close(&seller, &seller.wallet, market.payout, &seller.wallet);
        market.assert_refused(from_ref(&leave), MultibusError::SellerHasBooks);
        let caller = closer(&mut market);
        let (before, rent) = (market.lamports(&operator), market.lamports(&seller.meter()));
        let close = market.close_meter(&seller, &caller);
        let meta = market.execute(&[close]);
        let busy_until = market.window + 900;
        assert_logged(
            &meta,
            &event::MeterClosed {
                bus: market.bus.address,
                seller: seller.address,
                meter: seller.meter(),
                key: device,
                closed_by: caller,
                busy_until,
            },
        );
        assert_eq!(market.seller_state(&seller).meter, Address::default());
        assert_eq!(market.lamports(&operator), before + rent);
        // The device is free once its last window has ended; its rent is the operator's, whoever closes it.
        let close = market.close_device(&device);
        market.go_to(busy_until - 1);
        market.assert_refused(from_ref(&close), MultibusError::DeviceInUse);
        market.pass(1);
        market.assert_refused(&[device_close(&device, &stranger)], MultibusError::RentPayerMismatch);
        let (before, rent) = (market.lamports(&operator), market.lamports(&pda::device(&device).0));
        let meta = market.execute(&[close]);
        assert_logged(
            &meta,
            &event::DeviceClosed {
                device: pda::device(&device).0,
                key: device,
                bus: market.bus.address,
                seller: seller.address,
            },
        );
        assert_eq!(market.lamports(&operator), before + rent);
        market.wind_down();
    }
}

#[test]
pub fn a_seller_with_a_meter_does_not_close() {
    let mut market = DeliveryMarket::new();
    let (seller, operator, key) = (bare(&mut market, "bare"), market.operator, market.key("second device"));
    market.execute(&[meter_register(&seller, &operator, &key, solar(1_000))]);
    market.pass(1);
    let payout = market.payout;
    let leave = seller_close(&seller, &seller.wallet, payout, &seller.wallet);
    market.assert_refused(from_ref(&leave), MultibusError::SellerHasMeter);
    let close = market.close_meter(&seller, &seller.wallet);
    market.execute(&[close, leave]);
    // The device remains, until somebody closes it.
    let close = market.close_device(&key);
    market.execute(&[close]);
}

#[test]
fn an_unlisted_meter_asks_for_no_wait() {
    refuses!(duplicate_account: device_close);
    let mut market = DeliveryMarket::new();
    let (seller, operator) = (bare(&mut market, "bare"), market.operator);
    let (key, next) = (market.key("second device"), market.key("third device"));
    market.execute(&[meter_register(&seller, &operator, &key, solar(1_000))]);
    market.assert_refused(&[device_close(&key, &operator)], MultibusError::DeviceInUse);
    let replace = market.replace_meter(&seller, &operator, &next, solar(1_000));
    let meta = market.execute(from_ref(&replace));
    assert_logged(
        &meta,
        &event::MeterReplaced {
            bus: market.bus.address,
            seller: seller.address,
            meter: seller.meter(),
            key: next,
            retired_key: key,
            rent_payer: operator,
            power_w: 1_000,
            valid_from: 0,
            registered_at: market.now(),
            busy_until: 0,
            source: 1,
            padding: [0; 7],
        },
    );
    let mut doubled = device_close(&key, &operator);
    doubled.accounts[1].pubkey = doubled.accounts[0].pubkey;
    market.assert_refused(&[doubled], Refusal::custom(2040));
    market.execute(&[device_close(&key, &operator)]);
}

/// A device that its seller had before becomes its meter again at any time, and no other seller's before its windows have ended.
#[test]
fn a_device_returns_to_its_seller_and_stays_busy() {
    refuses!(reinitialisation: meter_register);
    withstands!(reinitialisation: meter_register, meter_replace; revival: meter_register);
    let mut market = DeliveryMarket::new();
    let (seller, operator, device) = (market.seller_account(), market.operator, market.device);
    let (other, next) = (bare(&mut market, "other"), market.key("next device"));
    let busy_until = market.window + 900;
    let rent_payer = market.state::<Device>(&pda::device(&device).0).rent_payer;
    market.execute(&[offer_cancel(&market.offer, &seller.wallet)]);
    let close = market.close_meter(&seller, &seller.wallet);
    market.execute(&[close]);
    // Its window is unused again, but only its books tell, so that it stays busy for others.
    market.assert_refused(&[meter_register(&other, &operator, &device, solar(1_000))], Refusal::custom(TAKEN));
    let spec = MeterSpec { valid_from: busy_until + 9_000, ..solar(50_000) };
    let before = market.lamports(&operator);
    market.execute(&[meter_register(&seller, &operator, &device, spec)]);
    assert_eq!(before - market.lamports(&operator), market.lamports(&seller.meter()), "the device pays no second rent");
    let meter = market.meter_state(&seller);
    assert_eq!((meter.power_w, meter.listed_until, meter.valid_from), (50_000, busy_until, busy_until + 9_000));
    let state: Device = market.state(&pda::device(&device).0);
    assert_eq!((state.retired, state.busy_until, state.rent_payer), (0, 0, rent_payer));
    market.assert_refused(&[meter_register(&other, &operator, &device, solar(1_000))], Refusal::custom(TAKEN));
    // Another device takes its place, and it comes back.
    let replace = market.replace_meter(&seller, &operator, &next, solar(1_000));
    market.execute(&[replace]);
    let close = market.close_device(&device);
    market.assert_refused(&[close], MultibusError::DeviceInUse);
    let back = market.replace_meter(&seller, &operator, &device, solar(2_000));
    market.execute(&[back]);
    let meter = market.meter_state(&seller);
    assert_eq!((meter.key, meter.power_w, meter.listed_until), (device, 2_000, busy_until));
    // It is still busy when it is retired again.
    let close = market.close_meter(&seller, &operator);
    market.execute(&[close]);
    let close = market.close_device(&device);
    market.go_to(busy_until - 1);
    market.assert_refused(from_ref(&close), MultibusError::DeviceInUse);
    market.assert_refused(&[meter_register(&other, &operator, &device, solar(1_000))], Refusal::custom(TAKEN));
    market.pass(1);
    market.execute(&[close, meter_register(&other, &operator, &device, solar(1_000))]);
    market.wind_down();
}

/// Nothing is registered on a bus that closes; what is open ends, and the device reads its windows.
#[test]
fn a_closing_bus_registers_no_meter() {
    let mut market = DeliveryMarket::with(TokenProgram::SplToken, |options| options);
    let (bus, seller, operator) = (market.bus, market.seller_account(), market.operator);
    let (stranger, key, bare) = (market.wallet("stranger"), market.key("late device"), bare(&mut market, "bare"));
    market.decide(&bus, ProposalAction::BusClose);
    let replace = market.replace_meter(&seller, &operator, &key, solar(1));
    market.assert_refused(&[replace], MultibusError::BusClosing);
    market.assert_refused(&[meter_register(&bare, &operator, &key, solar(1))], MultibusError::BusClosing);
    let close = market.close_meter(&seller, &stranger);
    market.execute(&[close]);
    let device = market.device;
    let close = market.close_device(&device);
    market.assert_refused(from_ref(&close), MultibusError::DeviceInUse);
    market.pass_window(0);
    market.execute(&[market.report(5_000, 1)]);
    market.execute(&[close]);
    market.wind_down();
}

/// Buyers choose by an offer's source, which is its device's: another one is refused.
#[test]
pub fn an_offer_has_the_source_of_its_device() {
    let mut market = DeliveryMarket::new();
    let (seller, operator, bus) = (bare(&mut market, "bare"), market.operator, market.bus);
    let (key, next, window) = (market.key("windmill"), market.key("battery"), market.window);
    market.execute(&[meter_register(&seller, &operator, &key, MeterSpec { source: 2, ..solar(40_000) })]);
    let listing = |market: &TestMarket, window: i64, source: u8| {
        let number = market.chain.next_offer(&seller);
        let options = OfferOptions::new(0).number(number).energy(10).source(source).expires(window - 60);
        market.listing(&seller, bus.window(window), &seller.wallet, options).0
    };
    for source in [1, 3, 4, 5] {
        let other = listing(&market, window, source);
        market.assert_refused(&[other], MultibusError::SourceMismatch);
    }
    for source in [2, 0] {
        let good = listing(&market, window, source);
        market.execute(&[good]);
    }
    // It is the one that the window has, also once the meter has another.
    let replace = market.replace_meter(&seller, &operator, &next, MeterSpec { source: 5, ..solar(40_000) });
    market.execute(&[replace, capacity_open(&bus, &operator, window + 900)]);
    let other = listing(&market, window, 5);
    market.assert_refused(&[other], MultibusError::SourceMismatch);
    let (good, later) = (listing(&market, window, 2), listing(&market, window + 900, 2));
    market.assert_refused(&[later], MultibusError::SourceMismatch);
    market.execute(&[good]);
    let later = listing(&market, window + 900, 5);
    market.execute(&[later]);
    market.wind_down();
}

/// The meter of the bus's own offers is the operator's to close: no owner alone stops what the others sell.
#[test]
fn no_owner_alone_closes_the_meter_of_the_bus() {
    refuses!(theft: meter_close);
    let mut market = DeliveryMarket::new();
    let (bus, owner, operator) = (market.bus, market.seller, market.operator);
    let own = market.open_own_seller(&bus, &owner);
    let key = market.key("the bus's device");
    market.execute(&[meter_register(&own, &operator, &key, solar(1_000))]);
    let close = market.close_meter(&own, &owner);
    market.assert_refused(&[close], MultibusError::MeterInUse);
    let close = market.close_meter(&own, &operator);
    market.execute(&[close]);
    market.wind_down();
}

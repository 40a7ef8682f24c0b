//! Readings that are missing, late, corrected, doubled or contradictory, and who brings them.

use {
    multibus::{error::MultibusError, state::*},
    multibus_delivery::Delivery,
    solana_address::Address,
};

/// One buyer with all 10 kWh of the window, for 25 tokens.
fn sold() -> (Delivery, Address, Address) {
    let mut play = Delivery::new();
    let (buyer, account) = play.buyer("buyer");
    play.buy(&buyer, 10_000);
    (play, buyer, account)
}

/// Releases and refunds, and tells what the seller, the grid and the buyer got.
fn settle(play: &mut Delivery, buyer: &Address, account: &Address) -> (u64, u64, u64) {
    let paid = play.net.tokens(account);
    let release = play.net.delivery_release(&play.book);
    let refund = play.net.delivery_refund(&play.position(buyer));
    play.net.run(&[refund, release]);
    let seller: Seller = play.net.state(&play.net.seller(&play.seller));
    (seller.released, seller.grid_fees_owed, play.net.tokens(account) - paid)
}

#[test]
fn a_meter_that_stays_silent_delivers_nothing() {
    let (mut play, buyer, account) = sold();
    play.pass_window(3_599);
    let refund = play.net.delivery_refund(&play.position(&buyer));
    play.net.refuse(&[refund], MultibusError::NothingToRefund);
    play.net.pass(1);
    // Too late, for whomever.
    play.net.refuse(&[play.report(10_000, 1)], MultibusError::ReadingTooLate);
    play.net.refuse(&[play.operator_report(10_000, 1)], MultibusError::ReadingTooLate);
    let signed = play.net.signed_report(&play.device, &play.seller, &play.book, play.reading(10_000, 1));
    play.net.refuse(&signed, MultibusError::ReadingTooLate);
    assert_eq!(settle(&mut play, &buyer, &account), (0, 0, 25_000_000));
    let (take, _) = play.net.certificate_take(&buyer, &play.seller, play.window);
    play.net.refuse(&[take], MultibusError::NothingToCertify);
    let owner = play.owner;
    play.net.wind_down(&owner);
}

#[test]
fn a_reading_is_corrected_until_an_hour_after_the_first() {
    let (mut play, buyer, account) = sold();
    play.net.refuse(&[play.report(10_000, 1)], MultibusError::ReadingTooEarly);
    play.pass_window(-1);
    play.net.refuse(&[play.report(10_000, 1)], MultibusError::ReadingTooEarly);
    play.net.pass(1);
    play.net.refuse(&[play.report(11_001, 1)], MultibusError::ReadingTooHigh);
    play.net.pass(3_599);
    play.net.run(&[play.report(10_000, 3)]);
    // The same again, an older one, and another one with the same sequence.
    for (energy_wh, sequence) in [(10_000, 3), (1, 2), (1, 3), (1, 0)] {
        play.net.refuse(&[play.report(energy_wh, sequence)], MultibusError::SequenceUsed);
    }
    play.net.pass(3_599);
    play.net.run(&[play.report(4_000, 4)]);
    play.net.pass(1);
    // The correction did not start the time anew.
    play.net.refuse(&[play.report(5_000, 5)], MultibusError::ReadingTooLate);
    assert_eq!(settle(&mut play, &buyer, &account), (8_000_000, 2_000_000, 15_000_000));
    let owner = play.owner;
    play.net.wind_down(&owner);
}

#[test]
fn the_operator_stands_in_at_most_three_times_and_then_the_device_is_silent() {
    let (mut play, buyer, account) = sold();
    play.pass_window(0);
    play.net.run(&[play.report(9_000, 1)]);
    play.net.refuse(&[play.operator_report(1, 2)], MultibusError::NumberNotNext);
    for number in 1..=3 {
        let report = play.operator_report(number * 1_000, number);
        play.net.run(std::slice::from_ref(&report));
        let again = if number < 3 { MultibusError::NumberNotNext } else { MultibusError::OperatorReadingsSpent };
        play.net.refuse(&[report], again);
    }
    play.net.refuse(&[play.report(9_000, 2)], MultibusError::OperatorHasRead);
    let signed = play.net.signed_report(&play.device, &play.seller, &play.book, play.reading(9_000, 2));
    play.net.refuse(&signed, MultibusError::OperatorHasRead);
    // Nobody else is the operator, and another bus's operator is not this one's.
    let mut stranger = play.operator_report(1, 1);
    stranger.accounts[0].pubkey = play.seller;
    play.net.refuse(&[stranger], MultibusError::NotTheOperator);
    let mut unknown = play.operator_report(1, 1);
    let last = unknown.data.len() - 1;
    unknown.data[last] = 3;
    play.net.refuse(&[unknown], MultibusError::ReadingProofUnknown);
    play.net.pass(3_600);
    assert_eq!(settle(&mut play, &buyer, &account), (6_000_000, 1_500_000, 17_500_000));
    let owner = play.owner;
    play.net.wind_down(&owner);
}

/// The operator vanishes and the device is dead: buyers are refunded; another operator takes over later windows.
#[test]
fn a_bus_whose_operator_vanishes_refunds_its_buyers() {
    let (mut play, buyer, account) = sold();
    let later = play.window + 7_200;
    let (offer, _) = play.list(later, 5_000, 2_000_000);
    let buy = play.net.purchase(&buyer, &account, &offer, 5_000);
    play.net.run(&[buy]);
    play.pass_window(3_600);
    assert_eq!(settle(&mut play, &buyer, &account), (0, 0, 25_000_000));
    // The owners name another, who reads what is not final yet.
    let (owner, successor) = (play.owner, play.net.wallet("successor"));
    play.net.decide(&owner, ProposalAction::OperatorSet { operator: Some(successor) });
    let (create, _) = play.net.proposal_create(&owner, ProposalAction::OperatorSet { operator: None });
    play.net.refuse(&[create], MultibusError::OperatorNeeded);
    let reading = Reading { window_start: later, energy_wh: 5_000, sequence: 1 };
    play.net.pass(later + 900 - play.net.now());
    let former = play.net.delivery_report(&play.operator, &play.book, reading, ReadingProof::Operator);
    play.net.refuse(&[former], MultibusError::NotTheOperator);
    let report = play.net.delivery_report(&successor, &play.book, reading, ReadingProof::Operator);
    play.net.run(&[report]);
    play.net.pass(3_600);
    let release = play.net.delivery_release(&play.book);
    play.net.run(&[release]);
    assert_eq!(play.net.state::<Seller>(&play.net.seller(&play.seller)).released, 10_000_000);
    let owner = play.owner;
    play.net.wind_down(&owner);
}

/// A device dies between sale and report: its windows keep it, the operator reads them, later ones have the new device.
#[test]
fn a_device_that_is_replaced_between_sale_and_report_keeps_its_windows() {
    let (mut play, buyer, account) = sold();
    let (seller, operator) = (play.seller, play.operator);
    let new = play.net.key("new device");
    let replace = play.net.meter_replace(&operator, &new, &seller, 80_000);
    let mut unsigned = replace.clone();
    unsigned.accounts[0].pubkey = seller;
    play.net.refuse(&[unsigned], MultibusError::NotTheOperator);
    play.net.run(&[replace]);
    let old: Device = play.net.state(&play.net.device(&play.device));
    assert_eq!((old.retired, old.busy_until), (1, play.window + 900));
    play.net.refuse(&[play.net.device_close(&play.device)], MultibusError::DeviceInUse);
    play.net.refuse(&[play.net.device_close(&new)], MultibusError::DeviceInUse);
    // The stronger device lets no more be listed in a window of the old one, but in a later one.
    let window = play.window;
    let (list, _) = play.net.offer_create(&seller, &seller, window, (1, 2_000_000, window - 60));
    play.net.refuse(&[list], MultibusError::PowerExceeded);
    let (_, book) = play.list(window + 900, 20_000, 2_000_000);
    assert_eq!(book, play.book);
    assert_eq!(play.book_state().meter_count, 2);
    play.pass_window(0);
    let reading = play.reading(8_000, 1);
    let by_new = play.net.delivery_report(&new, &book, reading, ReadingProof::Transaction);
    play.net.refuse(&[by_new], MultibusError::NotTheMeter);
    let by_new = play.net.signed_report(&new, &seller, &book, reading);
    play.net.refuse(&by_new, MultibusError::NotTheMeter);
    // The old one, found alive, or the operator.
    play.net.run(&[play.report(8_000, 1)]);
    play.net.run(&[play.operator_report(5_000, 1)]);
    let close = play.net.device_close(&play.device);
    play.net.run(&[close]);
    play.net.pass(3_600);
    assert_eq!(settle(&mut play, &buyer, &account), (10_000_000, 2_500_000, 12_500_000));
    let (take, certificate) = play.net.certificate_take(&buyer, &seller, window);
    play.net.run(&[take]);
    assert_eq!(play.net.state::<Certificate>(&certificate).device, play.device);
    let owner = play.owner;
    play.net.wind_down(&owner);
}

/// A reading for a window without a listing, of another book, or of no book at all.
#[test]
fn only_listed_windows_of_the_book_take_readings() {
    let (mut play, _, _) = sold();
    play.pass_window(86_400);
    for (window_start, error) in [
        (play.window + 900, MultibusError::WindowNotListed),
        (play.window + 1, MultibusError::WindowNotInBook),
        (play.window + 86_400, MultibusError::WindowNotInBook),
        (0, MultibusError::WindowNotInBook),
    ] {
        let reading = Reading { window_start, energy_wh: 1, sequence: 1 };
        let report = play.net.delivery_report(&play.operator, &play.book, reading, ReadingProof::Operator);
        play.net.refuse(&[report], error);
    }
    let owner = play.owner;
    play.net.wind_down(&owner);
}

/// Reports and settlements go on while the bus is paused; entries do not.
#[test]
fn a_pause_stops_no_reading_and_no_settlement() {
    let (mut play, buyer, account) = sold();
    play.net.decide(&play.owner.clone(), ProposalAction::Pause);
    play.pass_window(0);
    play.net.run(&[play.report(10_000, 1)]);
    play.net.pass(3_600);
    assert_eq!(settle(&mut play, &buyer, &account), (20_000_000, 5_000_000, 0));
    let (take, _) = play.net.certificate_take(&buyer, &play.seller, play.window);
    play.net.run(&[take]);
    let owner = play.owner;
    play.net.wind_down(&owner);
}

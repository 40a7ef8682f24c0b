//! `certificate_take`, `certificate_transfer` and `certificate_retire`: each delivered Wh is certified once.

use {
    multibus::{
        error::MultibusError,
        event,
        state::{Certificate, CertificateState},
    },
    multibus_tests::{Buyer, DeliveryMarket, Refusal, event::assert_logged, key::pda, market::BUYER_TOKENS},
    solana_address::Address,
    std::slice::from_ref,
};

/// Two buyers with 5 and 3 kWh of the window, of which 6 kWh were delivered; it is final.
fn delivered() -> (DeliveryMarket, Buyer, Buyer) {
    delivered_of(6_000)
}

fn delivered_of(energy_wh: u64) -> (DeliveryMarket, Buyer, Buyer) {
    let mut market = DeliveryMarket::new();
    let (first, second) = (market.buyer("first"), market.buyer("second"));
    market.buy_as(&first, 3_000);
    market.buy_as(&second, 5_000);
    market.pass_window(0);
    market.execute(&[market.report(energy_wh, 1)]);
    market.pass(3_600);
    (market, first, second)
}

/// What an owner may certify of the window, taken.
fn take(market: &mut DeliveryMarket, owner: &Address) -> Address {
    let (take, certificate) = market.take_certificate(&market.book, owner, market.window);
    market.execute(&[take]);
    certificate
}

fn range(market: &DeliveryMarket, certificate: &Address) -> (u64, u64, Address) {
    let state: Certificate = market.state(certificate);
    (state.range_start, state.range_end, state.owner)
}

#[test]
pub fn buyers_certify_their_part_of_what_was_delivered_once() {
    refuses!(replay: certificate_take; capacity_leak: certificate_take);
    let (mut market, first, second) = delivered();
    let (book, window, seller) = (market.book, market.window, market.seller);
    let before = market.lamports(&second.wallet);
    let (first_take, certificate) = market.take_certificate(&book, &second.wallet, window);
    let meta = market.execute(from_ref(&first_take));
    let expected = Certificate {
        layout_version: 2,
        bump: pda::certificate(&book.seller.address, window, 0).1,
        source: 1,
        state: CertificateState::Active as u8,
        window_seconds: 900,
        window_start: window,
        range_start: 0,
        range_end: 3_750,
        issued_at: market.now(),
        device: market.device,
        bus: market.bus.address,
        seller: book.seller.address,
        owner: second.wallet,
        rent_payer: second.wallet,
        reserved: [0; 4],
    };
    assert_eq!(market.state::<Certificate>(&certificate), expected);
    assert_eq!(before - market.lamports(&second.wallet), market.lamports(&certificate));
    assert_logged(
        &meta,
        &event::CertificateTaken {
            certificate,
            book: book.address,
            bus: market.bus.address,
            seller: book.seller.address,
            owner: second.wallet,
            device: market.device,
            window_start: window,
            range_start: 0,
            range_end: 3_750,
            issued_at: market.now(),
            window_seconds: 900,
            source: 1,
            padding: [0; 3],
        },
    );
    // Once, whichever certificate is named.
    let (again, _) = market.take_certificate(&book, &second.wallet, window);
    market.assert_refused(&[again], MultibusError::AlreadyCertified);
    market.assert_refused(&[first_take], MultibusError::AlreadyCertified);
    let other = take(&mut market, &first.wallet);
    assert_eq!(range(&market, &other), (3_750, 6_000, first.wallet));
    // The seller sold all that it delivered.
    let (surplus, _) = market.take_certificate(&book, &seller, window);
    market.assert_refused(&[surplus], MultibusError::NothingToCertify);
    // Nobody bought in another window.
    let (elsewhere, _) = market.take_certificate(&book, &first.wallet, window - 900);
    market.assert_refused(&[elsewhere], MultibusError::NothingToCertify);
    market.wind_down();
}

#[test]
pub fn what_was_delivered_and_not_sold_is_its_sellers_to_certify() {
    refuses!(theft: certificate_take; replay: certificate_take);
    withstands!(arithmetic: certificate_take);
    let (mut market, first, second) = delivered_of(10_001);
    let (book, window, seller) = (market.book, market.window, market.seller);
    let of_seller = take(&mut market, &seller);
    assert_eq!(range(&market, &of_seller), (0, 2_001, seller));
    let (again, _) = market.take_certificate(&book, &seller, window);
    market.assert_refused(&[again], MultibusError::AlreadyCertified);
    // Nobody takes for another.
    let stranger = market.wallet("stranger");
    let (mut theft, _) = market.take_certificate(&book, &first.wallet, window);
    for thief in [stranger, second.wallet] {
        theft.accounts[0].pubkey = thief;
        market.assert_refused(from_ref(&theft), MultibusError::PositionMismatch);
    }
    theft.accounts[2].pubkey = book.seller.address;
    market.assert_refused(&[theft], MultibusError::NotTheSeller);
    // All that was sold was delivered: nothing goes back, and each buyer has all of its own.
    let refund = market.refund(&market.position(&first.wallet));
    market.execute(&[refund]);
    assert_eq!(market.tokens(&first.payment), BUYER_TOKENS - 7_500_000);
    let (one, two) = (take(&mut market, &first.wallet), take(&mut market, &second.wallet));
    assert_eq!(range(&market, &one), (2_001, 5_001, first.wallet));
    assert_eq!(range(&market, &two), (5_001, 10_001, second.wallet));
    market.wind_down();
}

#[test]
fn parts_of_a_wh_are_certified_to_nobody() {
    withstands!(arithmetic: certificate_take);
    let (mut market, first, second) = delivered_of(7);
    // floor(3,000 x 7 / 8,000) and floor(5,000 x 7 / 8,000).
    let (one, two) = (take(&mut market, &first.wallet), take(&mut market, &second.wallet));
    assert_eq!((range(&market, &one).1, range(&market, &two).1), (2, 6));
    assert_eq!(market.window_state().certified_wh, 6);
    market.wind_down();
}

#[test]
pub fn of_two_who_take_at_the_same_moment_one_signs_again() {
    refuses!(substituted_address: certificate_take; reinitialisation: certificate_take);
    let (mut market, first, second) = delivered();
    let (book, window) = (market.book, market.window);
    let (one, _) = market.take_certificate(&book, &first.wallet, window);
    let (two, _) = market.take_certificate(&book, &second.wallet, window);
    market.execute(&[one]);
    market.assert_refused(&[two], MultibusError::CertificateMismatch);
    take(&mut market, &second.wallet);
    market.wind_down();
}

#[test]
pub fn nothing_is_certified_before_the_window_is_final() {
    let mut market = DeliveryMarket::new();
    let (buyer, seller) = (market.buyer("first"), market.seller);
    market.buy_as(&buyer, 3_000);
    let book = market.book;
    let takes = [buyer.wallet, seller].map(|owner| market.take_certificate(&book, &owner, market.window).0);
    market.pass_window(0);
    market.execute(&[market.report(6_000, 1)]);
    market.pass(3_599);
    for take in &takes {
        market.assert_refused(from_ref(take), MultibusError::WindowNotFinal);
    }
    market.pass(1);
    market.execute(&takes[..1]);
    take(&mut market, &seller);
    market.wind_down();
}

#[test]
pub fn a_certificate_is_transferred_whole_or_in_part() {
    refuses!(
        theft: certificate_transfer; arithmetic: certificate_transfer; capacity_leak: certificate_transfer;
        substituted_address: certificate_transfer
    );
    withstands!(duplicate_account: certificate_transfer);
    let (mut market, _, second) = delivered();
    let certificate = take(&mut market, &second.wallet);
    let collector = market.wallet("collector");
    for too_much in [3_751, u64::MAX] {
        let (transfer, _) = market.transfer_certificate(&certificate, too_much, &collector);
        market.assert_refused(&[transfer], MultibusError::CertificateTooSmall);
    }
    let (nothing, _) = market.transfer_certificate(&certificate, 0, &collector);
    market.assert_refused(&[nothing], MultibusError::EnergyZero);
    for energy_wh in [750, 3_750] {
        let (to_nobody, _) = market.transfer_certificate(&certificate, energy_wh, &Address::default());
        market.assert_refused(&[to_nobody], MultibusError::CertificateOwnerInvalid);
    }
    let (transfer, part) = market.transfer_certificate(&certificate, 750, &collector);
    let mut theft = transfer.clone();
    theft.accounts[0].pubkey = collector;
    market.assert_refused(&[theft], MultibusError::NotTheCertificateOwner);
    let mut elsewhere = transfer.clone();
    elsewhere.accounts[2].pubkey = pda::certificate(&market.book.seller.address, market.window, 2_999).0;
    market.assert_refused(&[elsewhere], MultibusError::CertificateMismatch);
    let whole: Certificate = market.state(&certificate);
    let meta = market.execute(&[transfer]);
    assert_eq!(market.state::<Certificate>(&certificate), Certificate { range_end: 3_000, ..whole });
    let expected = Certificate {
        bump: pda::certificate(&whole.seller, whole.window_start, 3_000).1,
        range_start: 3_000,
        owner: collector,
        ..whole
    };
    assert_eq!(market.state::<Certificate>(&part), expected);
    assert_logged(
        &meta,
        &event::CertificateTransferred {
            certificate,
            transferred: part,
            from: second.wallet,
            to: collector,
            range_start: 3_000,
            range_end: 3_750,
        },
    );
    // The whole, with itself in the place of a part.
    let (mut transfer, _) = market.transfer_certificate(&certificate, 3_000, &collector);
    transfer.accounts[2].pubkey = certificate;
    let meta = market.execute(from_ref(&transfer));
    assert_eq!(range(&market, &certificate), (0, 3_000, collector));
    assert_logged(
        &meta,
        &event::CertificateTransferred {
            certificate,
            transferred: certificate,
            from: second.wallet,
            to: collector,
            range_start: 0,
            range_end: 3_000,
        },
    );
    market.assert_refused(&[transfer], MultibusError::NotTheCertificateOwner);
    // A part with the certificate itself in its place cannot be made.
    let (mut doubled, _) = market.transfer_certificate(&certificate, 1, &collector);
    doubled.accounts[2].pubkey = certificate;
    market.assert_refused(&[doubled], MultibusError::CertificateMismatch);
    // The last Wh of a part.
    let (transfer, last) = market.transfer_certificate(&part, 1, &second.wallet);
    market.execute(&[transfer]);
    assert_eq!(range(&market, &last), (3_749, 3_750, second.wallet));
    assert_eq!(range(&market, &part), (3_000, 3_749, collector));
    market.wind_down();
}

/// A part that is retired leaves its address free, and no part of another certificate can come to lie there: ranges of one
/// window never overlap.
#[test]
fn a_part_that_was_retired_does_not_come_back() {
    refuses!(revival: certificate_transfer, certificate_take, certificate_retire; reinitialisation: certificate_transfer);
    let (mut market, _, second) = delivered();
    let (book, window) = (market.book, market.window);
    let certificate = take(&mut market, &second.wallet);
    let (transfer, part) = market.transfer_certificate(&certificate, 750, &second.wallet);
    market.execute(from_ref(&transfer));
    let retire = market.retire_certificate(&part, "Bakery");
    let fund = solana_system_interface::instruction::transfer(&market.fee_payer, &part, 10_000_000);
    market.assert_refused(&[retire.clone(), retire.clone()], Refusal::NotTheAccount);
    market.execute(&[retire.clone(), fund]);
    market.assert_refused(&[retire], Refusal::NotTheAccount);
    // The same range again: it is not the certificate's any more.
    market.assert_refused(from_ref(&transfer), MultibusError::CertificateMismatch);
    // Nor is it taken again, once the certificate itself is retired.
    let retire = market.retire_certificate(&certificate, "Bakery");
    market.execute(&[retire]);
    market.assert_refused(&[transfer], Refusal::NotTheAccount);
    let (again, _) = market.take_certificate(&book, &second.wallet, window);
    market.assert_refused(&[again], MultibusError::AlreadyCertified);
    market.wind_down();
}

#[test]
pub fn a_certificate_is_retired_by_its_owner_for_a_beneficiary() {
    refuses!(theft: certificate_retire);
    withstands!(blocked_exit: certificate_retire);
    let (mut market, first, second) = delivered();
    let certificate = take(&mut market, &second.wallet);
    let (give, _) = market.transfer_certificate(&certificate, 3_750, &first.wallet);
    market.execute(&[give]);
    for beneficiary in ["", "line\nbreak", "null\0", "del\u{7f}", "next\u{85}line", &"a".repeat(65), &"é".repeat(33)] {
        let retire = market.retire_certificate(&certificate, beneficiary);
        market.assert_refused(&[retire], MultibusError::BeneficiaryInvalid);
    }
    let mut stolen = market.retire_certificate(&certificate, "thief");
    stolen.accounts[0].pubkey = second.wallet;
    market.assert_refused(&[stolen], MultibusError::NotTheCertificateOwner);
    let mut stolen = market.retire_certificate(&certificate, "thief");
    stolen.accounts[2].pubkey = first.wallet;
    market.assert_refused(&[stolen], MultibusError::RentPayerMismatch);
    // Its rent is whose it was, the present owner's or not.
    let (before, rent) = (market.lamports(&second.wallet), market.lamports(&certificate));
    let retire = market.retire_certificate(&certificate, &"é".repeat(32));
    let meta = market.execute(&[retire]);
    let mut beneficiary = [0; 64];
    beneficiary.copy_from_slice("é".repeat(32).as_bytes());
    assert_logged(
        &meta,
        &event::CertificateRetired {
            certificate,
            bus: market.bus.address,
            seller: market.book.seller.address,
            owner: first.wallet,
            device: market.device,
            window_start: market.window,
            range_start: 0,
            range_end: 3_750,
            window_seconds: 900,
            source: 1,
            padding: [0; 3],
            beneficiary,
        },
    );
    assert!(!market.exists(&certificate));
    assert_eq!(market.lamports(&second.wallet), before + rent);
    market.wind_down();
}

/// Certificates outlive books, sellers and buses.
#[test]
fn certificates_outlive_the_bus() {
    withstands!(blocked_exit: certificate_retire);
    let (mut market, first, second) = delivered();
    let certificate = take(&mut market, &second.wallet);
    let other = take(&mut market, &first.wallet);
    market.wind_down();
    assert!(!market.exists(&certificate) && !market.exists(&other), "retired after the bus was gone");
}

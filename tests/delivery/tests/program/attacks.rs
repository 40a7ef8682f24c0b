//! Readings that a device did not sign for this bus, window, chain or sequence, and Ed25519 instructions that prove less than
//! they seem to.

use {
    multibus::{error::MultibusError, state::*},
    multibus_delivery::{Delivery, ed25519},
    solana_address::Address,
    solana_instruction::Instruction,
};

/// A window that has ended, and a reading that its device signed.
fn ended() -> (Delivery, Reading) {
    let mut play = Delivery::new();
    play.pass_window(0);
    let reading = play.reading(8_000, 1);
    (play, reading)
}

fn report(play: &Delivery, reading: Reading) -> Instruction {
    play.net.delivery_report(&play.seller, &play.book, reading, ReadingProof::Signature)
}

/// What the key signs of a reading, as the Ed25519 program takes it.
fn signed(play: &Delivery, key: &Address, message: Vec<u8>) -> (Address, [u8; 64], Vec<u8>) {
    (*key, play.net.sign(key, &message), message)
}

#[test]
fn anyone_brings_a_signed_reading_once() {
    let (mut play, reading) = ended();
    let stranger = play.net.wallet("stranger");
    let signed = play.net.signed_report(&play.device, &stranger, &play.book, reading);
    play.net.run(&signed);
    assert_eq!(play.book_state().windows[play.book_state().place(play.window).unwrap()].delivered_wh, 8_000);
    play.net.refuse(&signed, MultibusError::SequenceUsed);
}

#[test]
fn the_signature_stands_just_before_the_report() {
    let (mut play, reading) = ended();
    let [signature, report] = play.net.signed_report(&play.device, &play.seller, &play.book, reading);
    let other = play.net.offer_cancel(&play.seller, &play.offer);
    play.net.refuse(std::slice::from_ref(&report), MultibusError::SignedReadingMissing);
    play.net.refuse(&[other.clone(), report.clone()], MultibusError::SignedReadingMissing);
    play.net.refuse(&[signature.clone(), other, report.clone()], MultibusError::SignedReadingMissing);
    // One signature for two reports counts once; each report with its own counts.
    play.net.refuse(&[signature.clone(), report.clone(), report.clone()], MultibusError::SignedReadingMissing);
    let [second_signature, second] =
        play.net.signed_report(&play.device, &play.seller, &play.book, Reading { sequence: 2, ..reading });
    play.net.run(&[signature, report, second_signature, second]);
}

#[test]
fn another_account_is_not_the_sysvar_of_instructions() {
    let (mut play, reading) = ended();
    let [signature, mut report] = play.net.signed_report(&play.device, &play.seller, &play.book, reading);
    for other in [play.seller, play.net.bus] {
        report.accounts[2].pubkey = other;
        play.net.refuse(&[signature.clone(), report.clone()], MultibusError::SignedReadingMissing);
    }
}

#[test]
fn another_programs_instruction_with_the_same_bytes_is_no_signature() {
    let (mut play, reading) = ended();
    let [signature, report] = play.net.signed_report(&play.device, &play.seller, &play.book, reading);
    // The memo-like program of the test: any program that accepts any bytes. The Secp256k1 program accepts none of these.
    let mut elsewhere = signature;
    elsewhere.program_id = solana_compute_budget();
    play.net.fails(&[elsewhere, report]);
}

/// The compute budget program, which refuses these bytes; the unit tests of the program cover one that would not.
fn solana_compute_budget() -> Address {
    solana_sdk_ids::compute_budget::ID
}

#[test]
fn several_signatures_in_one_instruction_are_refused() {
    let (mut play, reading) = ended();
    let message = reading.message(&play.book_state()).to_vec();
    let (good, mallory) = (signed(&play, &play.device, message.clone()), play.net.key("mallory"));
    let bad = signed(&play, &mallory, message);
    for signatures in [vec![good.clone(), good.clone()], vec![bad.clone(), good.clone()], vec![good, bad]] {
        let report = report(&play, reading);
        play.net.refuse(&[ed25519(&signatures), report], MultibusError::SignedReadingMalformed);
    }
    let none = ed25519(&[]);
    let report = report(&play, reading);
    play.net.refuse(&[none, report], MultibusError::SignedReadingMalformed);
}

/// The Ed25519 program checks whatever the places in its data say. An attacker's own signature of the reading is checked, while
/// the device's key stands where the market looks.
#[test]
fn places_that_point_elsewhere_are_refused() {
    let (mut play, reading) = ended();
    let message = reading.message(&play.book_state()).to_vec();
    let mallory = play.net.key("mallory");
    let honest = ed25519(&[signed(&play, &mallory, message.clone())]);
    // In the same instruction: the attacker's key and signature follow, and the places point to them.
    let mut forged = honest.clone();
    let appended = forged.data.len() as u16;
    forged.data[16..48].copy_from_slice(play.device.as_ref());
    forged.data.extend(mallory.as_ref());
    forged.data[6..8].copy_from_slice(&appended.to_le_bytes());
    let bring = report(&play, reading);
    play.net.refuse(&[forged, bring.clone()], MultibusError::SignedReadingMalformed);
    // In another instruction: key, signature or message of the instruction with the index 0.
    for index_at in [4, 8, 14] {
        let mut forged = honest.clone();
        forged.data[index_at..index_at + 2].copy_from_slice(&0u16.to_le_bytes());
        if index_at == 8 {
            forged.data[16..48].copy_from_slice(play.device.as_ref());
        }
        play.net.refuse(&[honest.clone(), forged, bring.clone()], MultibusError::SignedReadingMalformed);
        // Its own index, spelled out, is refused too: there is one form.
        let mut own = honest.clone();
        own.data[index_at..index_at + 2].copy_from_slice(&0u16.to_le_bytes());
        play.net.refuse(&[own, bring.clone()], MultibusError::SignedReadingMalformed);
    }
    // A shorter message, which is the beginning of the reading, and a longer one.
    for length in [message.len() - 1, message.len() + 1] {
        let mut other = message.clone();
        other.resize(length, 0);
        let forged = ed25519(&[signed(&play, &play.device, other)]);
        play.net.refuse(&[forged, bring.clone()], MultibusError::SignedReadingMalformed);
    }
    // The attacker's honest signature is not the device's.
    play.net.refuse(&[honest, bring], MultibusError::NotTheMeter);
}

/// A signature is of one reading of one window of one bus on one chain.
#[test]
fn a_signature_of_another_reading_is_refused() {
    let (mut play, reading) = ended();
    let book = play.book_state();
    let bring = report(&play, reading);
    let messages: Vec<Vec<u8>> = [
        Reading { energy_wh: 8_001, ..reading },
        Reading { sequence: 2, ..reading },
        Reading { window_start: reading.window_start + 900, ..reading },
    ]
    .iter()
    .map(|other| other.message(&book).to_vec())
    .collect();
    let change = |change: fn(&mut DeliveryBook)| {
        let mut other = book;
        change(&mut other);
        reading.message(&other).to_vec()
    };
    let other_books = [
        // Another bus, and the bus at the same address of another chain.
        change(|book| book.bus = Address::new_from_array([1; 32])),
        change(|book| book.bus_created_at += 1),
        change(|book| book.meter = Address::new_from_array([1; 32])),
        change(|book| book.terms.window_seconds = 1_800),
    ];
    let mut other_program = reading.message(&book).to_vec();
    other_program[20] ^= 1;
    let mut other_tag = reading.message(&book).to_vec();
    other_tag[0] ^= 1;
    for message in messages.into_iter().chain(other_books).chain([other_program, other_tag]) {
        let signature = ed25519(&[signed(&play, &play.device, message)]);
        play.net.refuse(&[signature, bring.clone()], MultibusError::SignedReadingOther);
    }
    // A signature that is none does not even reach the market.
    let message = reading.message(&book).to_vec();
    let forged = ed25519(&[(play.device, [7; 64], message)]);
    play.net.fails(&[forged, bring]);
}

/// A transaction that the device did not sign is no reading, whoever signs it.
#[test]
fn only_the_windows_device_signs_a_report_by_transaction() {
    let (mut play, reading) = ended();
    for other in [play.seller, play.operator, play.owner] {
        let report = play.net.delivery_report(&other, &play.book, reading, ReadingProof::Transaction);
        play.net.refuse(&[report], MultibusError::NotTheMeter);
    }
    let mut unsigned = play.report(8_000, 1);
    unsigned.accounts[0].is_signer = false;
    play.net.fails(&[unsigned]);
}

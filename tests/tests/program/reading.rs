//! `delivery_report`: who says what was delivered, by a transaction, by a signature that anyone brings, or in the device's
//! place; readings that are missing, late, corrected, doubled or contradictory; and Ed25519 instructions that prove less than
//! they seem to.

use {
    multibus::{
        error::MultibusError,
        event,
        state::{Certificate, DeliveryBook, Device, ED25519_PROGRAM_ID, ProposalAction, Reading, ReadingProof},
    },
    multibus_tests::{
        BusOptions, Buyer, DeliveryMarket, OfferOptions, delivery::solar, elf, event::assert_logged, instructions::*,
        key::pda, refusal::code_of,
    },
    solana_address::Address,
    solana_instruction::{Instruction, error::InstructionError},
    solana_transaction_error::TransactionError,
    std::slice::from_ref,
};

/// A window that has ended, and a reading that its device signed.
fn ended() -> (DeliveryMarket, Reading) {
    let mut market = DeliveryMarket::new();
    market.pass_window(0);
    let reading = market.reading(8_000, 1);
    (market, reading)
}

/// The report of a signed reading, by the seller.
fn bring(market: &DeliveryMarket, reading: Reading) -> Instruction {
    delivery_report(&market.book, &market.seller, reading, ReadingProof::Signature)
}

/// One buyer with all 10 kWh of the window, for 25 tokens.
fn sold() -> (DeliveryMarket, Buyer) {
    let mut market = DeliveryMarket::new();
    let buyer = market.buyer("first");
    market.buy_as(&buyer, 10_000);
    (market, buyer)
}

/// Releases and refunds, and tells what the seller, the grid and the buyer got.
fn settle(market: &mut DeliveryMarket, buyer: &Buyer) -> (u64, u64, u64) {
    let had = market.tokens(&buyer.payment);
    let refund = market.refund(&market.position(&buyer.wallet));
    market.execute(&[refund, delivery_release(&market.book)]);
    let (released, grid_fees) = market.released();
    (released, grid_fees, market.tokens(&buyer.payment) - had)
}

/// Another program refuses the instruction at an index, and nothing changes.
fn fails(market: &mut DeliveryMarket, at: u8, instructions: &[Instruction]) {
    let before = market.book_state();
    let failure = market.send(instructions).expect_err("another program refuses it");
    assert!(
        matches!(failure.err, TransactionError::InstructionError(index, _) if index == at),
        "{:?}\n{}",
        failure.err,
        failure.meta.logs.join("\n")
    );
    assert_eq!(market.book_state(), before);
}

// Who reads.

#[test]
fn the_device_reads_by_signing_the_transaction() {
    let (mut market, _) = ended();
    let meta = market.execute(&[market.report(8_000, 7)]);
    let window = market.window_state();
    assert_eq!((window.delivered_wh, window.sequence, window.operator_readings), (8_000, 7, 0));
    assert_eq!(window.reported_at, market.now());
    assert_logged(
        &meta,
        &event::DeliveryReported {
            book: market.book.address,
            reporter: market.device,
            window_start: market.window,
            energy_wh: 8_000,
            sequence: 7,
            reported_at: market.now(),
            proof: 0,
            padding: [0; 7],
        },
    );
}

#[test]
fn anyone_brings_a_signed_reading_once() {
    refuses!(replay: delivery_report);
    let (mut market, reading) = ended();
    let stranger = market.wallet("stranger");
    let signed = market.signed_report(&stranger, reading);
    market.execute(&signed);
    assert_eq!(market.window_state().delivered_wh, 8_000);
    market.assert_refused(&signed, MultibusError::SequenceUsed);
}

/// A transaction that the device did not sign is no reading, whoever signs it.
#[test]
pub fn only_the_windows_device_reads_by_transaction() {
    refuses!(theft: delivery_report);
    let (mut market, reading) = ended();
    let devices = [market.seller, market.operator, market.buyer];
    for other in devices {
        let report = delivery_report(&market.book, &other, reading, ReadingProof::Transaction);
        market.assert_refused(&[report], MultibusError::NotTheMeter);
    }
    let mut unsigned = market.report(8_000, 1);
    unsigned.accounts[0].is_signer = false;
    market.assert_refused(&[unsigned], InstructionError::MissingRequiredSignature);
}

#[test]
pub fn the_operator_stands_in_at_most_three_times_and_then_the_device_is_silent() {
    refuses!(theft: delivery_report; replay: delivery_report);
    let (mut market, buyer) = sold();
    market.pass_window(0);
    market.execute(&[market.report(9_000, 1)]);
    for number in [0, 2, 3, u64::MAX] {
        market.assert_refused(&[market.operator_report(1, number)], MultibusError::NumberNotNext);
    }
    for number in 1..=3 {
        let report = market.operator_report(number * 1_000, number);
        market.execute(from_ref(&report));
        let again = if number < 3 { MultibusError::NumberNotNext } else { MultibusError::OperatorReadingsSpent };
        market.assert_refused(&[report], again);
    }
    market.assert_refused(&[market.operator_report(1, 4)], MultibusError::OperatorReadingsSpent);
    market.assert_refused(&[market.report(9_000, 2)], MultibusError::OperatorHasRead);
    let stranger = market.seller;
    let signed = market.signed_report(&stranger, market.reading(9_000, 2));
    market.assert_refused(&signed, MultibusError::OperatorHasRead);
    // Nobody else is the operator.
    let mut other = market.operator_report(1, 1);
    other.accounts[0].pubkey = market.seller;
    market.assert_refused(&[other], MultibusError::NotTheOperator);
    market.pass(3_600);
    assert_eq!(settle(&mut market, &buyer), (6_000_000, 1_500_000, 17_500_000));
    market.wind_down();
}

#[test]
fn another_buss_operator_is_not_this_ones() {
    refuses!(theft: delivery_report; substituted_address: delivery_report);
    let (mut market, _) = ended();
    let (mint, mallory) = (market.bus.mint, market.wallet("mallory"));
    let own = market.create_bus(&mallory, &mint, &BusOptions::new(&mallory).on_delivery(&mallory));
    let mut report = delivery_report(&market.book, &mallory, market.reading(1, 1), ReadingProof::Operator);
    market.assert_refused(from_ref(&report), MultibusError::NotTheOperator);
    report.accounts[2].pubkey = own.address;
    market.assert_refused(&[report], MultibusError::BusMismatch);
}

#[test]
pub fn a_reading_with_another_proof_than_the_three_is_rejected() {
    let (mut market, _) = ended();
    for proof in [3, 255] {
        let mut unknown = market.operator_report(1, 1);
        *unknown.data.last_mut().expect("the proof") = proof;
        market.assert_refused(&[unknown], MultibusError::ReadingProofUnknown);
    }
}

// When, and how much.

#[test]
pub fn a_meter_that_stays_silent_delivers_nothing() {
    refuses!(blocked_exit: delivery_refund);
    withstands!(blocked_exit: delivery_refund, delivery_release);
    let (mut market, buyer) = sold();
    market.pass_window(3_599);
    let refund = market.refund(&market.position(&buyer.wallet));
    market.assert_refused(from_ref(&refund), MultibusError::NothingToRefund);
    market.assert_refused(&[delivery_release(&market.book)], MultibusError::NothingToRelease);
    market.pass(1);
    // Too late, for whomever.
    market.assert_refused(&[market.report(10_000, 1)], MultibusError::ReadingTooLate);
    market.assert_refused(&[market.operator_report(10_000, 1)], MultibusError::ReadingTooLate);
    let signed = market.signed_report(&market.seller, market.reading(10_000, 1));
    market.assert_refused(&signed, MultibusError::ReadingTooLate);
    // The issuer can make the refund wait, and nobody else.
    let (mint, vault) = (market.bus.mint, market.vault);
    market.freeze(&mint, &vault);
    market.assert_refused(&[refund], MultibusError::PayerFrozen);
    market.thaw(&mint, &vault);
    assert_eq!(settle(&mut market, &buyer), (0, 0, 25_000_000));
    let (take, _) = market.take_certificate(&market.book, &buyer.wallet, market.window);
    market.assert_refused(&[take], MultibusError::NothingToCertify);
    market.wind_down();
}

#[test]
pub fn a_reading_is_corrected_until_an_hour_after_the_first() {
    refuses!(replay: delivery_report);
    let (mut market, buyer) = sold();
    market.assert_refused(&[market.report(10_000, 1)], MultibusError::ReadingTooEarly);
    market.pass_window(-1);
    market.assert_refused(&[market.report(10_000, 1)], MultibusError::ReadingTooEarly);
    market.assert_refused(&[market.operator_report(10_000, 1)], MultibusError::ReadingTooEarly);
    // In the last second of the deadline the first one comes.
    market.pass_window(3_599);
    market.execute(&[market.report(10_000, 3)]);
    // The same again, an older one, and others with the same sequence.
    for (energy_wh, sequence) in [(10_000, 3), (1, 2), (1, 3), (1, 0)] {
        market.assert_refused(&[market.report(energy_wh, sequence)], MultibusError::SequenceUsed);
    }
    market.pass(3_599);
    market.execute(&[market.report(4_000, 4)]);
    let take = market.take_certificate(&market.book, &buyer.wallet, market.window).0;
    market.assert_refused(from_ref(&take), MultibusError::WindowNotFinal);
    market.assert_refused(&[delivery_release(&market.book)], MultibusError::NothingToRelease);
    market.pass(1);
    // The correction did not start the time anew.
    market.assert_refused(&[market.report(5_000, 5)], MultibusError::ReadingTooLate);
    market.assert_refused(&[market.operator_report(5_000, 1)], MultibusError::ReadingTooLate);
    assert_eq!(settle(&mut market, &buyer), (8_000_000, 2_000_000, 15_000_000));
    market.execute(&[take]);
    market.wind_down();
}

#[test]
pub fn a_reading_above_what_the_device_can_deliver_is_rejected() {
    refuses!(arithmetic: delivery_report);
    let (mut market, buyer) = sold();
    market.pass_window(0);
    // 40 kW are 10 kWh in the window, and a tenth more.
    for energy_wh in [11_001, u64::MAX] {
        market.assert_refused(&[market.report(energy_wh, 1)], MultibusError::ReadingTooHigh);
        market.assert_refused(&[market.operator_report(energy_wh, 1)], MultibusError::ReadingTooHigh);
    }
    market.execute(&[market.report(11_000, u64::MAX)]);
    // No sequence is left to the device; the operator can still correct it.
    market.assert_refused(&[market.report(1, u64::MAX)], MultibusError::SequenceUsed);
    market.execute(&[market.operator_report(11_000, 1)]);
    market.pass(3_600);
    // More than was sold is not paid for; the seller may certify it.
    assert_eq!(settle(&mut market, &buyer), (20_000_000, 5_000_000, 0));
    let (take, certificate) = market.take_certificate(&market.book, &market.seller, market.window);
    market.execute(&[take]);
    assert_eq!(market.state::<Certificate>(&certificate).range_end, 1_000);
    market.wind_down();
}

/// A reading for a window without a listing, of another book, or of no book at all.
#[test]
pub fn only_listed_windows_of_the_book_take_readings() {
    refuses!(arithmetic: delivery_report);
    let (mut market, _) = sold();
    market.pass_window(86_400);
    for (window_start, error) in [
        (market.window + 900, MultibusError::WindowNotListed),
        (market.window + 1, MultibusError::WindowNotInBook),
        (market.window - 1, MultibusError::WindowNotInBook),
        (market.window + 86_400, MultibusError::WindowNotInBook),
        (market.book.first_window - 900, MultibusError::WindowNotInBook),
        (market.book.first_window + 86_400, MultibusError::WindowNotInBook),
        (0, MultibusError::WindowNotInBook),
        (i64::MIN, MultibusError::WindowNotInBook),
        (i64::MAX, MultibusError::WindowNotInBook),
    ] {
        let reading = Reading { window_start, energy_wh: 1, sequence: 1 };
        let report = delivery_report(&market.book, &market.operator, reading, ReadingProof::Operator);
        market.assert_refused(&[report], error);
    }
    market.wind_down();
}

/// The operator vanishes and the device is dead: buyers are refunded; another operator takes over later windows.
#[test]
fn a_bus_whose_operator_vanishes_refunds_its_buyers() {
    withstands!(blocked_exit: delivery_report, delivery_refund, delivery_release);
    let (mut market, buyer) = sold();
    let later = market.window + 7_200;
    let offer = market.list(later, 5_000, 2_000_000);
    market.execute(&[market.purchase_as(&buyer, &offer, 5_000)]);
    market.pass_window(3_600);
    assert_eq!(settle(&mut market, &buyer), (0, 0, 25_000_000));
    // The owners name another, who reads what is not final yet.
    let (bus, successor) = (market.bus, market.wallet("successor"));
    market.decide(&bus, ProposalAction::OperatorSet { operator: Some(successor) });
    let reading = Reading { window_start: later, energy_wh: 5_000, sequence: 1 };
    market.go_to(later + 900);
    let former = delivery_report(&market.book, &market.operator, reading, ReadingProof::Operator);
    market.assert_refused(&[former], MultibusError::NotTheOperator);
    market.execute(&[delivery_report(&market.book, &successor, reading, ReadingProof::Operator)]);
    market.pass(3_600);
    market.execute(&[delivery_release(&market.book)]);
    assert_eq!(market.released(), (10_000_000, 2_500_000));
    market.wind_down();
}

/// A device dies between sale and report: its windows keep it, the operator reads them, later ones have the new device.
#[test]
fn a_device_that_is_replaced_between_sale_and_report_keeps_its_windows() {
    let (mut market, buyer) = sold();
    let (seller, operator, old, window) = (market.seller_account(), market.operator, market.device, market.window);
    let new = market.key("new device");
    let replace = market.replace_meter(&seller, &operator, &new, solar(80_000));
    market.execute(&[replace]);
    let state: Device = market.state(&pda::device(&old).0);
    assert_eq!((state.retired, state.busy_until), (1, window + 900));
    for key in [old, new] {
        let close = market.close_device(&key);
        market.assert_refused(&[close], MultibusError::DeviceInUse);
    }
    // The stronger device lets no more be listed in a window of the old one, but in a later one.
    let options = OfferOptions::new(0).number(market.next_offer()).energy(1).price(2_000_000).expires(window - 60);
    let more = market.listing(&seller, market.offer.capacity, &seller.wallet, options).0;
    market.assert_refused(&[more], MultibusError::PowerExceeded);
    let later = market.list(window + 900, 20_000, 2_000_000);
    assert_eq!((later.book, market.book_state().meter_count), (Some(market.book), 2));
    market.pass_window(0);
    let reading = market.reading(8_000, 1);
    let by_new = delivery_report(&market.book, &new, reading, ReadingProof::Transaction);
    market.assert_refused(&[by_new], MultibusError::NotTheMeter);
    let by_new = market.chain.signed_report(&market.book, &new, &seller.wallet, reading);
    market.assert_refused(&by_new, MultibusError::NotTheMeter);
    // The old one, found alive, or the operator.
    market.execute(&[market.report(8_000, 1)]);
    market.execute(&[market.operator_report(5_000, 1)]);
    let close = market.close_device(&old);
    market.execute(&[close]);
    market.pass(3_600);
    assert_eq!(settle(&mut market, &buyer), (10_000_000, 2_500_000, 12_500_000));
    let (take, certificate) = market.take_certificate(&market.book, &buyer.wallet, window);
    market.execute(&[take]);
    assert_eq!(market.state::<Certificate>(&certificate).device, old);
    market.wind_down();
}

/// Contradictory readings, of a device with two sequences in one transaction, of the operator and again of the device: the
/// last that was allowed counts, for buyers and certificates alike.
#[test]
fn of_contradictory_readings_the_last_one_counts() {
    let (mut market, buyer) = sold();
    market.pass_window(0);
    market.execute(&[market.report(1, 1), market.report(11_000, 2), market.report(0, 3)]);
    assert_eq!(market.window_state().delivered_wh, 0);
    let first = market.window_state().reported_at;
    market.pass(100);
    market.execute(&[market.operator_report(10_000, 1), market.operator_report(2_000, 2)]);
    market.assert_refused(&[market.report(10_000, 4)], MultibusError::OperatorHasRead);
    assert_eq!((market.window_state().reported_at, market.window_state().delivered_wh), (first, 2_000));
    market.go_to(first + 3_600);
    assert_eq!(settle(&mut market, &buyer), (4_000_000, 1_000_000, 20_000_000));
    let (take, certificate) = market.take_certificate(&market.book, &buyer.wallet, market.window);
    market.execute(&[take]);
    assert_eq!(market.state::<Certificate>(&certificate).range_end, 2_000);
    market.wind_down();
}

/// Reports and settlements go on while the bus is paused; entries do not.
#[test]
fn a_pause_stops_no_reading_and_no_settlement() {
    withstands!(blocked_exit: delivery_report, delivery_refund, delivery_release);
    let (mut market, buyer) = sold();
    let bus = market.bus;
    market.decide(&bus, ProposalAction::Pause);
    market.pass_window(0);
    market.execute(&[market.report(10_000, 1)]);
    market.pass(3_600);
    assert_eq!(settle(&mut market, &buyer), (20_000_000, 5_000_000, 0));
    let (take, _) = market.take_certificate(&market.book, &buyer.wallet, market.window);
    market.execute(&[take]);
    market.wind_down();
}

// Signatures.

#[test]
pub fn the_signature_stands_just_before_the_report() {
    refuses!(replay: delivery_report);
    let (mut market, reading) = ended();
    let seller = market.seller;
    let [signature, report] = market.signed_report(&seller, reading);
    let other = offer_cancel(&market.offer, &seller);
    market.assert_refused(from_ref(&report), MultibusError::SignedReadingMissing);
    market.assert_refused(&[other.clone(), report.clone()], MultibusError::SignedReadingMissing);
    market.assert_refused(&[signature.clone(), other, report.clone()], MultibusError::SignedReadingMissing);
    // After the report it is too late.
    market.assert_refused_at(0, &[report.clone(), signature.clone()], MultibusError::SignedReadingMissing);
    // One signature counts for one report; each report with its own counts.
    market.assert_refused(&[signature.clone(), report.clone(), report.clone()], MultibusError::SignedReadingMissing);
    let [second_signature, second] = market.signed_report(&seller, Reading { sequence: 2, ..reading });
    market.execute(&[signature, report, second_signature, second]);
    assert_eq!(market.window_state().sequence, 2);
}

#[test]
fn another_account_is_not_the_sysvar_of_instructions() {
    refuses!(wrong_account: delivery_report);
    let (mut market, reading) = ended();
    let seller = market.seller;
    let [signature, mut report] = market.signed_report(&seller, reading);
    for other in [seller, market.bus.address, solana_sdk_ids::sysvar::clock::ID] {
        report.accounts[2].pubkey = other;
        market.assert_refused(&[signature.clone(), report.clone()], MultibusError::SignedReadingMissing);
    }
    // An account with the sysvar's bytes at another address.
    let fake = market.key("fake sysvar");
    let mut bytes = 1u16.to_le_bytes().to_vec();
    bytes.extend([0; 400]);
    let owner = solana_sdk_ids::sysvar::ID;
    let account = solana_account::Account { lamports: 10_000_000, data: bytes, owner, ..Default::default() };
    market.svm.set_account(fake, account).unwrap();
    report.accounts[2].pubkey = fake;
    market.assert_refused(&[signature, report], MultibusError::SignedReadingMissing);
}

/// The market's program, but that it accepts any instruction and does nothing.
fn willing_program() -> Vec<u8> {
    let mut elf = elf::program().to_vec();
    let number = |at: usize| u64::from_le_bytes(elf[at..at + 8].try_into().expect("8 bytes"));
    let (entry, headers) = (number(24), number(32) as usize);
    let count = u16::from_le_bytes([elf[56], elf[57]]) as usize;
    // The segment that the entry is in: its offset in the file, and its address.
    let segments = (0..count).map(|index| headers + index * 56);
    let places = segments.map(|at| (number(at + 8), number(at + 16), number(at + 32)));
    let (offset, address, _) =
        { places }.find(|(_, address, size)| (*address..address + size).contains(&entry)).expect("a segment");
    let at = (offset + entry - address) as usize;
    // mov64 r0, 0; exit
    elf[at..at + 16].copy_from_slice(&[0xb7, 0, 0, 0, 0, 0, 0, 0, EXIT, 0, 0, 0, 0, 0, 0, 0]);
    elf
}

/// Returns from a function.
const EXIT: u8 = 0x95;

#[test]
fn another_programs_instruction_with_the_same_bytes_is_no_signature() {
    refuses!(foreign_program: delivery_report);
    let (mut market, reading) = ended();
    let willing = market.key("a program that accepts everything");
    market.svm.add_program(willing, &willing_program()).unwrap();
    let seller = market.seller;
    let [signature, report] = market.signed_report(&seller, reading);
    let forged = Instruction { program_id: willing, ..signature.clone() };
    market.assert_refused(&[forged, report.clone()], MultibusError::SignedReadingMissing);
    let mut unproven = Instruction { program_id: willing, ..signature.clone() };
    unproven.data[48..112].fill(7);
    market.assert_refused(&[unproven, report.clone()], MultibusError::SignedReadingMissing);
    // Programs that check signatures of other kinds refuse these bytes themselves.
    for program_id in [solana_sdk_ids::secp256k1_program::ID, solana_sdk_ids::compute_budget::ID] {
        let elsewhere = Instruction { program_id, ..signature.clone() };
        assert!(market.send(&[elsewhere, report.clone()]).is_err());
    }
    assert_eq!(signature.program_id, ED25519_PROGRAM_ID);
    market.execute(&[signature, report]);
}

#[test]
pub fn several_signatures_in_one_instruction_are_rejected() {
    let (mut market, reading) = ended();
    let message = reading.message(&market.book_state());
    let mallory = market.key("mallory");
    let (good, bad) = (market.signature(&market.device, &message), market.signature(&mallory, &message));
    let lists = [vec![good.clone(), good.clone()], vec![bad.clone(), good.clone()], vec![good, bad], vec![]];
    for signatures in lists {
        let report = bring(&market, reading);
        market.assert_refused(&[ed25519(&signatures), report], MultibusError::SignedReadingMalformed);
    }
}

/// The Ed25519 program checks whatever the places in its data say. An attacker's own signature of the reading is checked, while
/// the device's key stands where the market looks.
#[test]
fn places_that_point_elsewhere_are_rejected() {
    let (mut market, reading) = ended();
    let message = reading.message(&market.book_state());
    let mallory = market.key("mallory");
    let (honest, report) = (ed25519(&[market.signature(&mallory, &message)]), bring(&market, reading));
    // In the same instruction: the attacker's key follows, and its place points to it.
    let mut forged = honest.clone();
    let appended = forged.data.len() as u16;
    forged.data[16..48].copy_from_slice(market.device.as_ref());
    forged.data.extend(mallory.as_ref());
    forged.data[6..8].copy_from_slice(&appended.to_le_bytes());
    market.assert_refused(&[forged, report.clone()], MultibusError::SignedReadingMalformed);
    // In another instruction: signature, key or message of the instruction with the index 0.
    for index_at in [4, 8, 14] {
        let mut forged = honest.clone();
        forged.data[index_at..index_at + 2].copy_from_slice(&0u16.to_le_bytes());
        if index_at == 8 {
            forged.data[16..48].copy_from_slice(market.device.as_ref());
        }
        market.assert_refused(&[honest.clone(), forged, report.clone()], MultibusError::SignedReadingMalformed);
        // Its own index, spelled out, is refused too: there is one form.
        let mut own = honest.clone();
        own.data[index_at..index_at + 2].copy_from_slice(&0u16.to_le_bytes());
        market.assert_refused(&[own, report.clone()], MultibusError::SignedReadingMalformed);
    }
    // A shorter message, which is the beginning of the reading, and a longer one.
    for length in [message.len() - 1, message.len() + 1] {
        let mut other = message.to_vec();
        other.resize(length, 0);
        let forged = ed25519(&[market.signature(&market.device, &other)]);
        market.assert_refused(&[forged, report.clone()], MultibusError::SignedReadingMalformed);
    }
    // Bytes after the message, and an account.
    let good = ed25519(&[market.signature(&market.device, &message)]);
    let mut longer = good.clone();
    longer.data.push(0);
    market.assert_refused(&[longer, report.clone()], MultibusError::SignedReadingMalformed);
    let mut accounted = good;
    accounted.accounts.push(solana_instruction::AccountMeta::new_readonly(market.device, false));
    market.assert_refused(&[accounted, report.clone()], MultibusError::SignedReadingMalformed);
    // The attacker's honest signature is not the device's.
    market.assert_refused(&[honest, report], MultibusError::NotTheMeter);
}

/// Every byte of the head has one value; no other is let through, whatever the Ed25519 program makes of it.
#[test]
fn no_other_head_of_the_signature_is_let_through() {
    let (mut market, reading) = ended();
    let seller = market.seller;
    let [signature, report] = market.signed_report(&seller, reading);
    for at in 0..16 {
        for bit in 0..8 {
            let mut other = signature.clone();
            other.data[at] ^= 1 << bit;
            let failure = market.send(&[other, report.clone()]).expect_err("refused");
            let by_market = InstructionError::Custom(code_of(MultibusError::SignedReadingMalformed));
            let known = match &failure.err {
                // The Ed25519 program refuses it itself.
                TransactionError::InstructionError(0, _) => true,
                TransactionError::InstructionError(1, error) => *error == by_market,
                _ => false,
            };
            assert!(known, "byte {at}, bit {bit}: {:?}", failure.err);
        }
    }
    market.execute(&[signature, report]);
}

/// A signature is of one reading of one window of one bus on one chain.
#[test]
pub fn a_signature_of_another_reading_is_rejected() {
    refuses!(theft: delivery_report);
    let (mut market, reading) = ended();
    let book = market.book_state();
    let report = bring(&market, reading);
    let readings = [
        Reading { energy_wh: 8_001, ..reading },
        Reading { sequence: 2, ..reading },
        Reading { window_start: reading.window_start + 900, ..reading },
    ];
    let mut messages: Vec<Vec<u8>> = readings.iter().map(|other| other.message(&book).to_vec()).collect();
    // Another bus, the bus at the same address of another chain, another meter, and windows of another length.
    let changes: [fn(&mut DeliveryBook); 4] = [
        |book| book.bus = Address::new_from_array([1; 32]),
        |book| book.bus_created_at += 1,
        |book| book.meter = Address::new_from_array([1; 32]),
        |book| book.terms.window_seconds = 1_800,
    ];
    for change in changes {
        let mut other = book;
        change(&mut other);
        messages.push(reading.message(&other).to_vec());
    }
    // Another program, and another kind of message.
    for at in [0, 20, 51] {
        let mut other = reading.message(&book).to_vec();
        other[at] ^= 1;
        messages.push(other);
    }
    for message in messages {
        let signature = ed25519(&[market.signature(&market.device, &message)]);
        market.assert_refused(&[signature, report.clone()], MultibusError::SignedReadingOther);
    }
    // A signature that is none does not even reach the market.
    let forged = ed25519(&[(market.device, [7; 64], reading.message(&book).to_vec())]);
    fails(&mut market, 0, &[forged, report]);
}

/// The same device, first on one bus and then on another of the same chain: what it signed for the first counts nowhere else.
#[test]
fn a_signature_for_one_bus_is_none_on_another() {
    refuses!(replay: delivery_report);
    let mut market = DeliveryMarket::new();
    let (mint, device, operator) = (market.bus.mint, market.device, market.operator);
    let wallet = market.wallet("elsewhere");
    let other = market.create_bus(&wallet, &mint, &BusOptions::new(&wallet).on_delivery(&operator));
    let there = market.open_seller(&other, &wallet);
    // It leaves the first bus after its window there.
    let close = market.close_meter(&market.seller_account(), &operator);
    market.pass_window(0);
    market.execute(&[close, device_close(&device, &operator)]);
    market.execute(&[meter_register(&there, &operator, &device, solar(40_000))]);
    let window = market.next_window();
    market.execute(&[capacity_open(&other, &wallet, window)]);
    let options = OfferOptions::new(0).number(market.chain.next_offer(&there)).expires(window - 60);
    let offer = market.create_offer(&other, other.window(window), &wallet, options);
    let book = offer.book.expect("on delivery terms");
    market.go_to(window + 900);
    let reading = Reading { window_start: window, energy_wh: 1_000, sequence: 1 };
    let message = reading.message(&market.book_state());
    let replayed = ed25519(&[market.signature(&device, &message)]);
    let report = delivery_report(&book, &wallet, reading, ReadingProof::Signature);
    market.assert_refused(&[replayed, report], MultibusError::SignedReadingOther);
    let signed = market.chain.signed_report(&book, &device, &wallet, reading);
    market.execute(&signed);
    let state: DeliveryBook = market.state(&book.address);
    assert_eq!(state.windows[state.place(window).unwrap()].delivered_wh, 1_000);
}

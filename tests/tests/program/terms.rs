//! The terms of windows: what no terms can be, next terms that are decided ahead, and the operator that delivery needs.

use {
    multibus::{
        error::MultibusError,
        state::{BusConfig, ProposalAction, Terms, TermsConfig},
    },
    multibus_tests::{
        BusAddresses, BusOptions, DeliveryMarket, Mint, OfferOptions, TestChain, TestMarket, TokenProgram,
        chain::START, instructions::*,
    },
    solana_address::Address,
    solana_instruction::Instruction,
    std::slice::from_ref,
};

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;

const fn next(from: i64, terms: TermsConfig) -> ProposalAction {
    ProposalAction::TermsSet { from, terms }
}

/// Windows of this length and gate closure, where sellers are paid on purchase.
fn windows(window_seconds: u32, gate_closure_seconds: u32) -> TermsConfig {
    TermsConfig { window_seconds, gate_closure_seconds, ..TermsConfig::default() }
}

/// The next proposal of the bus's first owner.
fn create(market: &TestMarket, action: ProposalAction) -> Instruction {
    market.proposal(&market.bus, &market.seller, action).0
}

/// A market in SPL Token with windows of 15 minutes and a horizon of one day.
fn windowed() -> TestMarket {
    TestMarket::with(TokenProgram::SplToken, |options| {
        options.windowed().with(|config| config.horizon_seconds = DAY as u32)
    })
}

/// A market in SPL Token without windows, with an operator and a horizon of one day.
fn operated() -> TestMarket {
    TestMarket::with(TokenProgram::SplToken, |options| {
        options.with(|config| {
            (config.horizon_seconds, config.operator) = (DAY as u32, Some(Address::new_from_array([5; 32])));
        })
    })
}

type Change = fn(&mut TermsConfig);

/// Each change of what a bus on delivery terms has, and the error that refuses it.
fn refused_terms() -> Vec<(MultibusError, Change)> {
    use MultibusError::*;
    vec![
        (WindowsInvalid, |terms| terms.window_seconds = 59),
        (WindowsInvalid, |terms| terms.window_seconds = 86_401),
        (WindowsInvalid, |terms| terms.gate_closure_seconds = 86_401),
        (HorizonTooShort, |terms| (terms.window_seconds, terms.gate_closure_seconds) = (43_200, 43_200)),
        (SettlementUnknown, |terms| terms.settlement = 2),
        (SettlementUnknown, |terms| terms.settlement = 255),
        (GridFeeTooHigh, |terms| terms.grid_fee_per_kwh = (1 << 32) + 1),
        (GridFeeTooHigh, |terms| terms.grid_fee_per_kwh = u64::MAX),
        (DeliveryWithoutWindows, |terms| (terms.window_seconds, terms.gate_closure_seconds) = (0, 0)),
        (ReadingTimesInvalid, |terms| terms.reading_deadline_seconds = 3_599),
        (ReadingTimesInvalid, |terms| terms.reading_deadline_seconds = 2_592_001),
        (ReadingTimesInvalid, |terms| terms.correction_seconds = 3_599),
        (ReadingTimesInvalid, |terms| terms.correction_seconds = 2_592_001),
        (ReadingTimesInvalid, |terms| (terms.reading_deadline_seconds, terms.correction_seconds) = (0, 0)),
        (ReadingTimesInvalid, |terms| terms.settlement = 0),
        (ReadingTimesInvalid, |terms| (terms.settlement, terms.reading_deadline_seconds) = (0, 0)),
        (ReadingTimesInvalid, |terms| (terms.settlement, terms.correction_seconds) = (0, 0)),
    ]
}

fn new_chain() -> (TestChain, Mint, Address, Address) {
    let mut chain = TestChain::new();
    let mint = chain.mint("mint", TokenProgram::SplToken, &[]);
    let (creator, operator) = (chain.wallet("creator"), chain.wallet("operator"));
    chain.execute(&[creator_open(&creator, 0)]);
    (chain, mint, creator, operator)
}

#[test]
pub fn bus_create_on_terms_that_no_bus_can_have_is_rejected() {
    let (mut chain, mint, creator, operator) = new_chain();
    let mut create = |error: Option<MultibusError>, change: &dyn Fn(&mut BusConfig)| {
        let options = BusOptions::new(&creator).on_delivery(&operator).with(change);
        let create = bus_create(&creator, &mint, &options);
        match error {
            Some(error) => drop(chain.assert_refused(&[create], error)),
            None => {
                let before = chain.snapshot();
                chain.execute(&[create]);
                chain.restore(before);
            }
        }
    };
    create(Some(MultibusError::OperatorNeeded), &|config| config.operator = None);
    for (error, change) in refused_terms() {
        create(Some(error), &|config| change(&mut config.terms));
    }
    // The edges are in.
    let accepted: [fn(&mut TermsConfig); 6] = [
        |terms| terms.grid_fee_per_kwh = 1 << 32,
        |terms| (terms.reading_deadline_seconds, terms.correction_seconds) = (3_600, 2_592_000),
        |terms| (terms.reading_deadline_seconds, terms.correction_seconds) = (2_592_000, 3_600),
        |terms| (terms.window_seconds, terms.gate_closure_seconds) = (43_200, 43_199),
        |terms| (terms.window_seconds, terms.gate_closure_seconds) = (60, 0),
        |terms| *terms = TermsConfig { grid_fee_per_kwh: 1 << 32, ..TermsConfig::default() },
    ];
    for change in accepted {
        create(None, &|config| change(&mut config.terms));
    }
    // On purchase terms nobody needs an operator, with windows or without.
    for terms in [windows(900, 60), TermsConfig::default()] {
        create(None, &|config| (config.terms, config.operator) = (terms, None));
    }
}

#[test]
pub fn bus_create_with_the_bus_or_nobody_as_recipient_of_grid_fees_is_rejected() {
    let (mut chain, mint, creator, _) = new_chain();
    let itself = BusAddresses::of(&creator, multibus_tests::chain::FIRST, mint).address;
    for recipient in [itself, Address::default()] {
        let options = BusOptions::new(&creator).with(|config| config.grid_recipient = Some(recipient));
        chain.assert_refused(&[bus_create(&creator, &mint, &options)], MultibusError::GridRecipientInvalid);
    }
}

#[test]
pub fn next_terms_that_no_bus_can_have_are_rejected_when_proposed() {
    let mut market = DeliveryMarket::new();
    for (error, change) in refused_terms() {
        let mut terms = delivery_terms();
        change(&mut terms);
        market.assert_refused(&[create(&market, next(START + 3 * DAY, terms))], error);
    }
    // Nobody pays grid fees to the bus itself.
    let itself = ProposalAction::GridRecipientSet { recipient: Some(market.bus.address) };
    market.assert_refused(&[create(&market, itself)], MultibusError::GridRecipientInvalid);
}

#[test]
fn next_terms_that_were_possible_once_are_rejected_when_executed() {
    let mut market = operated();
    let (bus, owner) = (market.bus, market.seller);
    let delivery = next(START + 3 * DAY, delivery_terms());
    let proposal = market.propose(&bus, &owner, delivery.clone());
    // The operator goes meanwhile.
    market.decide(&bus, ProposalAction::OperatorSet { operator: None });
    market.assert_refused(&[proposal_execute(&bus, proposal, &owner)], MultibusError::OperatorNeeded);
    market.assert_refused(&[create(&market, delivery)], MultibusError::OperatorNeeded);
}

#[test]
pub fn next_terms_hold_from_a_window_more_than_one_horizon_ahead() {
    refuses!(capacity_leak: proposal_create, proposal_execute);
    let mut market = windowed();
    let (bus, owner) = (market.bus, market.seller);
    let from = START / 900 * 900 + 3 * DAY;
    market.go_to(from - DAY);
    for too_soon in [from, from - 900, 0, i64::MIN] {
        market.assert_refused(&[create(&market, next(too_soon, windows(900, 0)))], MultibusError::TermsTooSoon);
    }
    market.go_to(from - DAY - 1);
    let proposal = market.propose(&bus, &owner, next(from, windows(900, 0)));
    // One second later it is too late to execute it.
    market.pass(1);
    let execute = proposal_execute(&bus, proposal, &owner);
    market.assert_refused(from_ref(&execute), MultibusError::TermsTooSoon);
    market.go_to(from - DAY - 1);
    market.execute(&[execute]);
    let mut expected = Terms::new(&windows(900, 0), from);
    assert_eq!(market.bus_state(&bus).next_terms, expected);
    expected.from = 0;
    expected.gate_closure_seconds = 60;
    assert_eq!(market.bus_state(&bus).terms, expected);
    // Far ahead is no obstacle.
    market.assert_refused(&[create(&market, next(i64::MAX, windows(900, 0)))], MultibusError::TermsMisaligned);
    let last = i64::MAX / 900 * 900;
    market.decide(&bus, next(last, windows(900, 0)));
}

#[test]
pub fn next_terms_start_where_windows_of_both_lengths_do() {
    refuses!(capacity_leak: proposal_create);
    let mut market = windowed();
    let hour = START / HOUR * HOUR + 2 * DAY;
    for (from, terms) in [
        (hour + 1, windows(900, 60)),
        (hour - 1, windows(900, 60)),
        (hour + 900, windows(3_600, 60)),
        (hour + 899, windows(0, 0)),
        (hour + 60, windows(60, 0)),
    ] {
        market.assert_refused(&[create(&market, next(from, terms))], MultibusError::TermsMisaligned);
    }
    let bus = market.bus;
    market.decide(&bus, next(hour + 900, windows(0, 0)));
    market.decide(&bus, next(hour, windows(3_600, 60)));
    // Where there are no windows any second will do.
    let mut market =
        TestMarket::with(TokenProgram::SplToken, |options| options.with(|config| config.horizon_seconds = DAY as u32));
    let bus = market.bus;
    market.decide(&bus, next(hour + 1, TermsConfig { grid_fee_per_kwh: 7, ..TermsConfig::default() }));
}

#[test]
pub fn next_terms_are_replaceable_while_more_than_one_horizon_ahead() {
    let mut market = windowed();
    let (bus, from) = (market.bus, START / 900 * 900 + 3 * DAY);
    market.decide(&bus, next(from, windows(900, 0)));
    market.go_to(from - DAY - 1);
    market.decide(&bus, next(from, windows(900, 30)));
    market.go_to(from - DAY);
    let later = next(from + DAY, windows(900, 0));
    market.assert_refused(&[create(&market, later.clone())], MultibusError::TermsFixed);
    market.go_to(from - 1);
    market.assert_refused(&[create(&market, later.clone())], MultibusError::TermsFixed);
    // Once they hold they are the present ones, and others come next.
    market.go_to(from);
    market.assert_refused(&[create(&market, later)], MultibusError::TermsTooSoon);
    market.decide(&bus, next(from + DAY + 900, windows(900, 0)));
    let state = market.bus_state(&bus);
    assert_eq!((state.terms, state.next_terms.from), (Terms::new(&windows(900, 30), from), from + DAY + 900));
}

/// Windows grow from 15 minutes to an hour and sellers are paid on purchase, from a window beyond the horizon on. Windows
/// before it keep their terms, and their book ends with them.
#[test]
fn next_terms_change_no_window_that_is_open() {
    let mut market = DeliveryMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let buyer = market.buyer("first");
    market.buy_as(&buyer, 1_000);
    let hourly = windows(3_600, 600);
    let from = START + DAY + HOUR;
    market.decide(&bus, next(from, hourly));
    // The last of the present windows ends where the first of the next ones starts.
    market.pass(HOUR);
    market.execute(&[capacity_open(&bus, &seller, from - 900)]);
    for misaligned in [from + 900, from + 1_800, from - 901] {
        market.assert_refused(&[capacity_open(&bus, &seller, misaligned)], MultibusError::WindowMisaligned);
    }
    market.execute(&[capacity_open(&bus, &seller, from)]);
    assert_eq!(market.capacity_state(&bus.window(from)).terms, Terms::new(&hourly, from));
    // They are fixed now, and the operator is needed until the last reading before them is final.
    market.assert_refused(&[create(&market, next(from + 2 * DAY, hourly))], MultibusError::TermsFixed);
    let without = create(&market, ProposalAction::OperatorSet { operator: None });
    market.assert_refused(&[without], MultibusError::OperatorNeeded);
    // On purchase terms nothing of delivery is asked for, and there is no fee.
    let offer = market.list(from, 100_000, 2_000_000);
    let state = market.offer_state(&offer);
    assert_eq!((state.on_delivery, state.grid_fee_per_kwh, state.gate_closes_at), (0, 0, from - 600));
    market.execute(&[market.purchase_as(&buyer, &offer, 1_000), offer_collect(&offer)]);
    assert_eq!(market.released(), (2_000_000, 0));
    // The book that the change cut short takes positions until its last gate, and then closes.
    let last = market.list(from - 900, 1_000, 2_000_000);
    let book = last.book.expect("on delivery terms");
    let second = market.wallet("second");
    let third = market.wallet("third");
    market.execute(&[position_open(&book.position(&second), &second)]);
    market.go_to(from - 961);
    let close = market.close_position(&book.position(&second), &third);
    market.assert_refused(from_ref(&close), MultibusError::CertificatesOpen);
    market.go_to(from - 960);
    market.execute(&[close, offer_cancel(&last, &third)]);
    market.go_to(from + HOUR - 1);
    let close = market.close_book(&book, &seller);
    market.assert_refused(from_ref(&close), MultibusError::BookNotFinal);
    market.pass(1);
    market.execute(&[close]);
    // Once the last reading is final, the bus does without an operator.
    market.go_to(from + 2 * HOUR - 1);
    let without = create(&market, ProposalAction::OperatorSet { operator: None });
    market.assert_refused(from_ref(&without), MultibusError::OperatorNeeded);
    market.pass(1);
    market.decide(&bus, ProposalAction::OperatorSet { operator: None });
    let state = market.bus_state(&bus);
    assert_eq!(
        (state.operator, state.terms.from),
        (Address::default(), from),
        "the next terms became the present ones"
    );
    let again = create(&market, next(from + 3 * DAY, delivery_terms()));
    market.assert_refused(&[again], MultibusError::OperatorNeeded);
    market.decide(&bus, next(from + 3 * DAY, hourly));
}

#[test]
pub fn the_operator_stays_until_the_last_reading_is_final() {
    // The next terms end delivery; whether they become the present ones before the operator goes makes no difference.
    for promoted in [false, true] {
        let mut market = DeliveryMarket::new();
        let (bus, from) = (market.bus, START + 2 * DAY);
        let without = || ProposalAction::OperatorSet { operator: None };
        market.assert_refused(&[create(&market, without())], MultibusError::OperatorNeeded);
        market.decide(&bus, next(from, windows(900, 60)));
        market.assert_refused(&[create(&market, without())], MultibusError::OperatorNeeded);
        if promoted {
            market.go_to(from);
            market.decide(&bus, next(from + 2 * DAY, windows(900, 0)));
            assert_eq!(market.bus_state(&bus).readings_until, from + 2 * HOUR);
        }
        market.go_to(from + 2 * HOUR - 1);
        market.assert_refused(&[create(&market, without())], MultibusError::OperatorNeeded);
        market.pass(1);
        market.decide(&bus, without());
        assert_eq!(market.bus_state(&bus).operator, Address::default());
    }
    // Later terms with shorter times do not shorten the readings of earlier ones.
    let long = TermsConfig { correction_seconds: 30 * DAY as u32, ..delivery_terms() };
    let mut market = DeliveryMarket::with(TokenProgram::SplToken, |options| options.with(|config| config.terms = long));
    let (bus, from) = (market.bus, START + 2 * DAY);
    market.decide(&bus, next(from, delivery_terms()));
    market.go_to(from);
    market.decide(&bus, next(from + 2 * DAY, windows(900, 60)));
    market.go_to(from + 4 * DAY);
    market.decide(&bus, next(from + 6 * DAY, windows(900, 0)));
    assert_eq!(market.bus_state(&bus).readings_until, from + HOUR + 30 * DAY);
    market.go_to(from + HOUR + 30 * DAY - 1);
    market.assert_refused(
        &[create(&market, ProposalAction::OperatorSet { operator: None })],
        MultibusError::OperatorNeeded,
    );
    market.pass(1);
    market.decide(&bus, ProposalAction::OperatorSet { operator: None });
    // Next terms of delivery need it, too.
    let mut market = operated();
    let (bus, owner) = (market.bus, market.seller);
    let leave = market.propose(&bus, &owner, ProposalAction::OperatorSet { operator: None });
    market.decide(&bus, next(START + 2 * DAY, delivery_terms()));
    let execute = proposal_execute(&bus, leave, &owner);
    market.assert_refused(&[execute], MultibusError::OperatorNeeded);
    // Another one may take over at any time.
    market.decide(&bus, ProposalAction::OperatorSet { operator: Some(owner) });
}

#[test]
fn windows_that_were_opened_in_vain_do_not_hold_up_the_owners() {
    let mut market = windowed();
    let (bus, start) = (market.bus, market.next_window());
    let joker = market.wallet("joker");
    let from = START / 900 * 900 + 2 * DAY;
    market.execute(&[capacity_open(&bus, &joker, start)]);
    market.decide(&bus, next(from, windows(0, 0)));
    market.go_to(from);
    let offer = market.offer_with(|options| options.expires(from + 10));
    assert_eq!(market.offer_state(&offer).window_start, 0);
    // The joker's window is closed by anyone.
    let seller = market.seller;
    market.execute(&[capacity_close(&bus, start, &seller, &joker)]);
}

#[test]
fn one_wh_far_ahead_holds_up_no_change_of_windows() {
    let mut market = windowed();
    let (bus, stranger) = (market.bus, market.wallet("stranger"));
    let far = (market.now() + DAY) / 900 * 900;
    market.open_seller(&bus, &stranger);
    market.execute(&[capacity_open(&bus, &stranger, far)]);
    let dear = OfferOptions::new(0).energy(1).price(u64::MAX).expires(far - 60);
    let offer = market.create_offer(&bus, bus.window(far), &stranger, dear);
    let from = far / HOUR * HOUR + HOUR;
    market.decide(&bus, next(from, windows(3_600, 0)));
    assert_eq!(market.offer_state(&offer).gate_closes_at, far - 60);
}

#[test]
fn gate_closure_moves_for_windows_of_the_next_terms() {
    let mut market = windowed();
    let (bus, seller) = (market.bus, market.seller);
    let from = START / 900 * 900 + 2 * DAY;
    market.decide(&bus, next(from, windows(900, 600)));
    market.go_to(from - HOUR);
    let (last, first) = (market.offer_in(from - 900, |options| options), market.offer_in(from, |options| options));
    market.go_to(from - 900 - 61);
    market.buy(&last, 100);
    assert_eq!(market.offer_state(&first).gate_closes_at, from - 600);
    market.go_to(from - 601);
    market.buy(&first, 100);
    market.pass(1);
    let purchase = market.purchase(&first, 100);
    market.assert_refused(&[purchase], MultibusError::OfferExpired);
    market.assert_refused(&[capacity_open(&bus, &seller, from - 1_800)], MultibusError::GateClosed);
}

/// Windows begin on a bus without: what is on offer outside them ends before the first.
#[test]
fn offers_outside_windows_end_before_the_first_window() {
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| {
        options.with(|config| config.horizon_seconds = 30 * DAY as u32)
    });
    let (bus, seller) = (market.bus, market.seller);
    let offer = market.offer_with(|options| options.expires(START + DAY));
    let from = START / HOUR * HOUR + 30 * DAY + HOUR;
    market.decide(&bus, next(from, windows(3_600, 0)));
    market.pass(DAY - 1);
    market.assert_refused(&[offer_set_expiry(&offer, &seller, from + 1)], MultibusError::ExpiryTooLate);
    let number = market.next_offer();
    let too_long = offer_create(&bus, bus.capacity, &seller, OfferOptions::new(0).number(number).expires(from + 1));
    market.assert_refused(&[too_long], MultibusError::ExpiryTooLate);
    market.execute(&[offer_set_expiry(&offer, &seller, from)]);
    market.go_to(from - 1);
    market.buy(&offer, 100);
    market.go_to(from);
    market.assert_refused(&[offer_set_expiry(&offer, &seller, from + 10)], MultibusError::OfferExpired);
    let purchase = market.purchase(&offer, 100);
    market.assert_refused(&[purchase], MultibusError::OfferExpired);
    let late = offer_create(&bus, bus.capacity, &seller, OfferOptions::new(0).number(number).expires(from + 10));
    market.assert_refused(&[late], MultibusError::WindowsOn);
    // The first window trades.
    market.go_to(from - 10);
    market.offer_in(from, |options| options);
}

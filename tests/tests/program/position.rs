//! `position_open`, `position_set_refund` and `position_close`: what a buyer has with a seller.

use {
    multibus::{
        error::MultibusError,
        event,
        state::{Claim, PositionBook, ProposalAction, TermsConfig},
    },
    multibus_tests::{
        BusOptions, DeliveryMarket, PositionAddresses, Refusal, TokenProgram, event::assert_logged, instructions::*,
        key::pda,
    },
    solana_address::Address,
    std::slice::from_ref,
};

const DAY: i64 = 86_400;

#[test]
fn position_open_writes_an_empty_position_for_anyone_who_pays() {
    withstands!(reinitialisation: position_open; replay: position_open);
    let mut market = DeliveryMarket::new();
    let (buyer, sponsor) = (market.wallet("first"), market.wallet("sponsor"));
    let position = market.position(&buyer);
    let before = market.lamports(&sponsor);
    let open = position_open(&position, &sponsor);
    let meta = market.execute(from_ref(&open));
    let expected = PositionBook {
        layout_version: 2,
        bump: pda::position(&market.book.address, &buyer).1,
        padding: [0; 2],
        open_locks: 0,
        refunded: [0; 2],
        certified: [0; 2],
        book: market.book.address,
        buyer,
        refund: Address::default(),
        rent_payer: sponsor,
        windows: [bytemuck::Zeroable::zeroed(); 96],
        reserved: [0; 4],
    };
    assert_eq!(market.position_state(&buyer), expected);
    assert_eq!(market.book_state().open_positions, 1);
    assert_eq!(before - market.lamports(&sponsor), market.lamports(&position.address));
    assert_logged(
        &meta,
        &event::PositionOpened { book: market.book.address, position: position.address, buyer, rent_payer: sponsor },
    );
    // Again, whoever pays: nothing happens, so that nobody stops a trade by being first.
    let (funded, account) = (market.lamports(&buyer), market.account(&position.address));
    market.execute(&[open, position_open(&position, &buyer)]);
    assert_eq!((market.lamports(&buyer), market.account(&position.address)), (funded, account));
    assert_eq!(market.book_state().open_positions, 1);
}

/// Who opens a position first stops no trade that comes with its opening.
#[test]
fn a_stranger_that_is_first_stops_no_purchase() {
    withstands!(blocked_exit: purchase; reinitialisation: position_open);
    let mut market = DeliveryMarket::new();
    let (buyer, stranger) = (market.funded_buyer("first"), market.wallet("stranger"));
    let position = market.position(&buyer.wallet);
    let trade = [position_open(&position, &buyer.wallet), market.purchase_as(&buyer, &market.offer, 1_000)];
    market.execute(&[position_open(&position, &stranger)]);
    market.execute(&trade);
    let state = market.position_state(&buyer.wallet);
    let place = market.book_state().place(market.window).expect("in the book");
    assert_eq!((state.rent_payer, state.windows[place].energy_wh), (stranger, 1_000));
    market.wind_down();
}

#[test]
fn the_last_position_that_a_book_can_count_is_not_opened() {
    refuses!(arithmetic: position_open);
    let mut market = DeliveryMarket::new();
    let buyer = market.wallet("first");
    let book = market.book;
    market.edit::<multibus::state::DeliveryBook>(&book.address, |book| book.open_positions = u32::MAX);
    market.assert_refused(&[position_open(&book.position(&buyer), &buyer)], MultibusError::CounterOverflow);
}

/// A position opens before the last gate of its book, and a book that nobody trades in can be cleared at once after it.
#[test]
pub fn no_position_opens_after_the_last_gate() {
    refuses!(blocked_exit: position_close);
    withstands!(blocked_exit: position_close);
    let mut market = DeliveryMarket::new();
    let (buyer, stranger) = (market.wallet("first"), market.wallet("stranger"));
    let open = position_open(&market.position(&buyer), &buyer);
    let gate = market.book.first_window + 95 * 900 - 60;
    market.go_to(gate - 1);
    market.execute(from_ref(&open));
    let close = market.close_position(&market.position(&buyer), &stranger);
    market.assert_refused(from_ref(&close), MultibusError::CertificatesOpen);
    market.pass(1);
    market.execute(&[close]);
    market.assert_refused(&[open], MultibusError::BookOver);
}

/// Nor on a closing bus, where nobody needs one: it would keep the book, its seller and the bus open. What is open already stays so.
#[test]
fn no_position_opens_on_a_closing_bus() {
    withstands!(blocked_exit: delivery_close, position_close);
    let mut market = DeliveryMarket::new();
    let (bus, book, stranger) = (market.bus, market.book, market.wallet("stranger"));
    let (early, late) = (market.buyer("early"), market.wallet("late"));
    market.decide(&bus, ProposalAction::BusClose);
    let open = position_open(&book.position(&late), &late);
    market.assert_refused(from_ref(&open), MultibusError::BusClosing);
    market.execute(&[position_open(&book.position(&early.wallet), &stranger), offer_cancel(&market.offer, &stranger)]);
    let closes = [market.close_position(&book.position(&early.wallet), &stranger), market.close_book(&book, &stranger)];
    market.execute(&closes);
    assert_eq!(market.seller_state(&market.seller_account()).open_books, 0);
    market.wind_down();
}

/// Nor after the last gate of a book that a change of terms cuts short.
#[test]
fn no_position_opens_after_the_last_gate_of_a_book_that_was_cut_short() {
    withstands!(blocked_exit: delivery_close);
    let mut market = DeliveryMarket::new();
    let (bus, wallet, late) = (market.bus, market.seller, market.wallet("late"));
    let now = market.now();
    let from = now + DAY + 3_600 - now % 3_600;
    let terms = TermsConfig { window_seconds: 3_600, gate_closure_seconds: 60, ..TermsConfig::default() };
    market.decide(&bus, ProposalAction::TermsSet { from, terms });
    market.go_to(from - 3_600);
    let offer = market.list(from - 900, 1_000, 2_000_000);
    let book = offer.book.expect("on delivery terms");
    let gate = from - 900 - 60;
    assert!(gate < market.state::<multibus::state::DeliveryBook>(&book.address).own_last_gate());
    let open = position_open(&book.position(&late), &late);
    market.go_to(gate);
    market.assert_refused(from_ref(&open), MultibusError::BookOver);
    market.go_to(gate - 1);
    market.execute(&[open, offer_cancel(&offer, &wallet)]);
    market.pass(1);
    let closes = [market.close_position(&book.position(&late), &wallet), market.close_book(&book, &wallet)];
    market.execute(&closes);
    market.wind_down();
}

/// A position that is closed and opened again is empty, lamports at its address or not.
#[test]
fn a_position_that_was_closed_opens_again_empty() {
    refuses!(revival: position_close, position_set_refund, delivery_refund);
    withstands!(revival: position_open);
    let mut market = DeliveryMarket::new();
    let buyer = market.buyer("first");
    market.buy_as(&buyer, 1_000);
    market.pass_window(3_600);
    let position = market.position(&buyer.wallet);
    let (close, refund) = (market.close_position(&position, &buyer.wallet), market.refund(&position));
    let set = position_set_refund(&position, &buyer.wallet, buyer.wallet);
    let fund = solana_system_interface::instruction::transfer(&market.fee_payer, &position.address, 20_000_000);
    for again in [&close, &refund, &set] {
        market.assert_refused(&[close.clone(), fund.clone(), again.clone()], Refusal::NotTheAccount);
    }
    let had = market.tokens(&buyer.payment);
    market.execute(&[close, fund, position_open(&position, &buyer.wallet)]);
    assert_eq!(market.tokens(&buyer.payment), had + 2_500_000);
    let state = market.position_state(&buyer.wallet);
    assert!(state.windows.iter().all(|window| window.energy_wh == 0) && state.refunded == [0; 2]);
    market.assert_refused(&[refund], MultibusError::RefundMismatch);
    let refund = market.refund(&position);
    market.assert_refused(&[refund], MultibusError::NothingToRefund);
    market.wind_down();
}

/// The refund account is chosen by the buyer alone, also where somebody else paid for the position.
#[test]
pub fn refunds_go_where_the_buyer_says() {
    refuses!(
        theft: position_set_refund, delivery_refund, position_close; substituted_address: delivery_refund;
        duplicate_account: position_close, delivery_refund
    );
    withstands!(replay: position_set_refund);
    let mut market = DeliveryMarket::new();
    let (buyer, sponsor) = (market.funded_buyer("first"), market.wallet("sponsor"));
    let (mint, position) = (market.bus.mint, market.position(&buyer.wallet));
    market.execute(&[position_open(&position, &sponsor)]);
    market.buy_as(&buyer, 1_000);
    assert_eq!(market.position_state(&buyer.wallet).refund, buyer.payment, "the first purchase names it");
    for thief in [sponsor, market.seller, market.operator] {
        let theft = position_set_refund(&position, &thief, market.payout);
        market.assert_refused(&[theft], MultibusError::PositionMismatch);
    }
    // A purchase from another account of the buyer's does not change it.
    let other = market.token_account("another account", &mint, &buyer.wallet, 1_000_000_000);
    let from_other = multibus_tests::Buyer { payment: other, ..buyer };
    market.buy_as(&from_other, 1_000);
    assert_eq!(market.position_state(&buyer.wallet).refund, buyer.payment);
    let name = position_set_refund(&position, &buyer.wallet, other);
    let meta = market.execute(from_ref(&name));
    assert_logged(&meta, &event::PositionRefundSet { position: position.address, refund: other });
    market.execute(&[name]);
    market.pass_window(3_600);
    for elsewhere in [buyer.payment, market.payout, market.vault] {
        market.assert_refused(&[delivery_refund(&position, elsewhere)], MultibusError::RefundMismatch);
        let close = position_close(&position, &buyer.wallet, elsewhere, &sponsor);
        market.assert_refused(&[close], MultibusError::RefundMismatch);
    }
    let theft = position_close(&position, &buyer.wallet, other, &buyer.wallet);
    market.assert_refused(&[theft], MultibusError::RentPayerMismatch);
    let had = market.tokens(&other);
    let meta = market.execute(&[delivery_refund(&position, other)]);
    assert_eq!(market.tokens(&other), had + 5_000_000);
    let place = (market.window - market.book.first_window) / 900;
    assert_logged(
        &meta,
        &event::DeliveryRefunded {
            book: market.book.address,
            position: position.address,
            buyer: buyer.wallet,
            refund: other,
            windows_low: 1 << place,
            windows_high: 0,
            amount: 5_000_000,
        },
    );
    // What a refund account that is the vault itself would be paid is nobody's to redirect.
    let name = position_set_refund(&position, &buyer.wallet, market.vault);
    market.execute(&[name]);
    market.wind_down();
}

/// Where nothing is left that a buyer could certify, anyone closes its position after the book's last gate, so that no buyer binds
/// its seller's rent without a reason; a refund that cannot be paid then waits in a claim, whose rent comes out of the position's.
#[test]
pub fn a_position_without_anything_to_certify_is_closed_by_anyone() {
    refuses!(blocked_exit: delivery_refund; replay: position_close);
    withstands!(blocked_exit: position_close; reinitialisation: position_close);
    let mut market = DeliveryMarket::new();
    let stranger = market.wallet("stranger");
    let (first, second) = (market.buyer("first"), market.buyer("second"));
    market.buy_as(&first, 1_000);
    market.buy_as(&second, 1_000);
    market.pass_window(0);
    market.execute(&[market.report(1_000, 1)]);
    market.pass(3_599);
    let close = market.close_position(&market.position(&first.wallet), &first.wallet);
    market.assert_refused(&[close], MultibusError::PositionNotFinal);
    market.pass(1);
    let (take, _) = market.take_certificate(&market.book, &first.wallet, market.window);
    market.execute(&[take]);
    let close = market.close_position(&market.position(&second.wallet), &stranger);
    market.assert_refused(from_ref(&close), MultibusError::CertificatesOpen);
    // Its position stays while something can be traded in the book: nothing that the buyer signed finds it closed.
    let gate = market.book.first_window + 95 * 900 - 60;
    market.go_to(gate - 1);
    let of_first = market.close_position(&market.position(&first.wallet), &stranger);
    market.assert_refused(&[of_first], MultibusError::CertificatesOpen);
    market.pass(1);
    let mint = market.bus.mint;
    market.close_token_account(&mint, &first.payment, &first.wallet);
    let refund = market.refund(&market.position(&first.wallet));
    market.assert_refused(&[refund], MultibusError::PayeeUnpayable);
    let (bus, position) = (market.bus, market.position(&first.wallet));
    let before = [stranger, first.wallet, position.address].map(|wallet| market.lamports(&wallet));
    let of_first = market.close_position(&position, &stranger);
    let meta = market.execute(from_ref(&of_first));
    let claim: Claim = market.state(&bus.claim(&first.wallet));
    assert_eq!((claim.amount, claim.rent_payer), (1_250_000, first.wallet));
    let rent = market.lamports(&bus.claim(&first.wallet));
    assert_eq!(market.lamports(&stranger), before[0]);
    assert_eq!(market.lamports(&first.wallet), before[1] + before[2] - rent);
    let logged = multibus_tests::event::logged(&meta.logs);
    assert_eq!(logged.len(), 2, "the claim, and the end of the position");
    market.assert_refused(&[of_first], Refusal::NotTheAccount);
    // 30 days after the last window is final, the other one is closed, too: not a second before.
    let until = market.window + 900 + 3_600 + 30 * DAY;
    market.go_to(until - 1);
    market.assert_refused(from_ref(&close), MultibusError::CertificatesOpen);
    market.pass(1);
    market.execute(&[close]);
    assert_eq!(market.tokens(&second.payment), 1_000_000_000 - 1_250_000);
    market.wind_down();
}

/// A second claim of a buyer adds to the first, and a buyer without certificates gives them up by closing.
#[test]
fn a_buyer_closes_its_position_as_soon_as_it_is_final() {
    withstands!(reinitialisation: position_close; token_2022: position_close);
    let mut market = DeliveryMarket::of(TokenProgram::Token2022);
    let (mint, bus) = (market.bus.mint, market.bus);
    let buyer = market.buyer("first");
    market.buy_as(&buyer, 1_000);
    let later = market.book.first_window + DAY;
    let offer = market.list(later, 1_000, 2_000_000);
    let next = offer.book.expect("on delivery terms").position(&buyer.wallet);
    market.execute(&[position_open(&next, &buyer.wallet), market.purchase_as(&buyer, &offer, 1_000)]);
    market.ask_memo(&mint, &buyer.payment, &buyer.wallet);
    market.pass_window(3_600);
    let close = market.close_position(&market.position(&buyer.wallet), &buyer.wallet);
    market.execute(&[close]);
    assert_eq!(market.claim_amount(&bus, &buyer.wallet), 2_500_000);
    market.go_to(later + 900 + 3_600);
    let close = market.close_position(&next, &buyer.wallet);
    market.execute(&[close]);
    assert_eq!(market.claim_amount(&bus, &buyer.wallet), 5_000_000);
    market.wind_down();
}

/// Locks on delivery terms: settling adds to the books, releasing does not, and neither strands a position.
#[test]
pub fn locks_need_a_position_and_leave_it_when_they_end() {
    refuses!(substituted_address: lock_release, lock_settle, lock_take; lock_expiry: lock_settle);
    let mut market = DeliveryMarket::new();
    let buyer = market.funded_buyer("first");
    let offer = market.offer;
    let take = market.lock_as(&buyer, &offer, 0, 4_000);
    market.assert_refused(from_ref(&take), Refusal::NotTheAccount);
    let position = market.position(&buyer.wallet);
    market.execute(&[position_open(&position, &market.seller), take.clone()]);
    let state = market.position_state(&buyer.wallet);
    assert_eq!((state.open_locks, state.refund, state.rent_payer), (1, buyer.payment, market.seller));
    let close = market.close_position(&position, &buyer.wallet);
    market.assert_refused(&[close], MultibusError::PositionHasLocks);
    // Another buyer's position is not this lock's, nor is none.
    let other = market.buyer("second");
    let elsewhere = market.position(&other.wallet).address;
    let another_lock = market.lock_as(&buyer, &offer, 1, 10);
    let settle = market.settlement(&offer, &buyer.lane, 0);
    let release = market.release(&offer, &buyer.wallet, &buyer.wallet, 0);
    for good in [&another_lock, &settle, &release] {
        let last = good.accounts.len() - 1;
        let mut wrong = good.clone();
        wrong.accounts[last].pubkey = elsewhere;
        market.assert_refused(&[wrong.clone()], MultibusError::PositionMismatch);
        wrong.accounts[last].pubkey = position.address;
        wrong.accounts[last].is_writable = false;
        market.assert_refused(&[wrong.clone()], Refusal::NotWritable);
        wrong.accounts.pop();
        market.assert_refused(&[wrong], MultibusError::BooksMissing);
    }
    market.execute(&[release]);
    let state = market.position_state(&buyer.wallet);
    assert_eq!((state.open_locks, state.windows.iter().map(|window| window.energy_wh).sum::<u64>()), (0, 0));
    // The lock fee of 1 % is the seller's at once.
    assert_eq!(market.released(), (100_000, 0));
    // Settled in its last second, not a second later.
    market.execute(&[take]);
    market.pass(300);
    let settle = market.settlement(&offer, &buyer.lane, 0);
    market.pass(1);
    market.assert_refused(from_ref(&settle), MultibusError::LockExpired);
    let now = market.now();
    market.go_to(now - 1);
    market.execute(&[settle]);
    let state = market.position_state(&buyer.wallet);
    assert_eq!((state.open_locks, state.windows.iter().map(|window| window.paid).sum::<u64>()), (0, 10_000_000));
    market.wind_down();
}

/// A buyer names its refund account, which may be any account, also one that the refund or the closing itself takes.
#[test]
fn a_position_closes_whatever_its_refund_account_is() {
    withstands!(blocked_exit: position_close; duplicate_account: position_close);
    refuses!(blocked_exit: delivery_refund);
    let mut market = DeliveryMarket::new();
    let (bus, mint, stranger, book) = (market.bus, market.bus.mint, market.wallet("stranger"), market.book);
    let (vault, program) = (market.vault, mint.program.address());
    let chosen: [fn(&PositionAddresses) -> Address; 14] = [
        |position| position.book.address,
        |position| position.address,
        |position| position.buyer,
        |position| position.book.seller.bus.address,
        |position| position.book.seller.address,
        |position| position.book.seller.vault,
        |position| position.book.seller.bus.unclaimed,
        |position| position.book.seller.bus.treasury,
        |position| position.book.seller.bus.ledger,
        |position| position.book.seller.bus.claim(&position.buyer),
        |position| position.book.seller.bus.mint.address,
        |position| position.book.seller.bus.mint.program.address(),
        |_| solana_sdk_ids::sysvar::clock::ID,
        |_| multibus::ID,
    ];
    let mut positions = Vec::new();
    for (index, choose) in chosen.iter().enumerate() {
        let buyer = market.buyer(&format!("buyer {index}"));
        market.buy_as(&buyer, 100);
        let position = book.position(&buyer.wallet);
        market.execute(&[position_set_refund(&position, &buyer.wallet, choose(&position))]);
        positions.push(position);
    }
    // One that names the caller of the closing, and bought nothing.
    let idle = market.buyer("idle");
    market.execute(&[position_set_refund(&book.position(&idle.wallet), &idle.wallet, stranger)]);
    market.go_to(book.first_window + DAY);
    for position in &positions {
        let refund = market.refund(position);
        market.assert_refused(&[refund], MultibusError::PayeeUnpayable);
        let close = market.close_position(position, &stranger);
        market.execute(&[close]);
        assert_eq!(market.claim_amount(&bus, &position.buyer), 250_000);
    }
    let close = market.close_position(&book.position(&idle.wallet), &stranger);
    market.execute(&[close]);
    assert_eq!((market.tokens(&vault), program), (0, mint.program.address()));
    market.wind_down();
}

/// Once anyone may close a position, its refund account stays, so that no buyer changes it just before each closing.
#[test]
pub fn the_refund_account_is_fixed_once_others_close() {
    let mut market = DeliveryMarket::new();
    let buyer = market.buyer("first");
    market.buy_as(&buyer, 1_000);
    market.pass_window(0);
    market.execute(&[market.report(1_000, 1)]);
    let position = market.position(&buyer.wallet);
    let others = market.window + 900 + 3_600 + 30 * DAY;
    market.go_to(others - 1);
    market.execute(&[position_set_refund(&position, &buyer.wallet, buyer.wallet)]);
    market.pass(1);
    let late = position_set_refund(&position, &buyer.wallet, buyer.payment);
    market.assert_refused(&[late], MultibusError::RefundFixed);
    market.wind_down();
}

/// Also where all that was on offer was withdrawn: a stranger could hold the book, its seller and the bus open for ever.
#[test]
fn the_refund_account_is_fixed_in_a_book_in_which_nothing_was_sold() {
    let mut market = DeliveryMarket::new();
    let (wallet, book, stranger) = (market.seller, market.book, market.wallet("stranger"));
    let position = market.position(&stranger);
    market.execute(&[position_open(&position, &stranger), offer_cancel(&market.offer, &wallet)]);
    let state = market.book_state();
    assert_eq!(state.last_final_at(), 0, "no window is used");
    market.go_to(state.own_last_gate() - 1);
    market.execute(&[position_set_refund(&position, &stranger, wallet)]);
    market.pass(1);
    let late = position_set_refund(&position, &stranger, stranger);
    market.assert_refused(&[late], MultibusError::RefundFixed);
    let caller = market.wallet("caller");
    let closes = [market.close_position(&position, &caller), market.close_book(&book, &wallet)];
    market.execute(&closes);
    assert_eq!(market.seller_state(&market.seller_account()).open_books, 0);
    market.wind_down();
}

/// On a closing bus, where anyone closes an empty position at once, its buyer cannot hold the bus open by naming others either.
#[test]
fn the_refund_account_is_fixed_while_the_bus_closes() {
    withstands!(blocked_exit: position_close);
    let mut market = DeliveryMarket::new();
    let (bus, book) = (market.bus, market.book);
    let (idle, bought) = (market.buyer("idle"), market.buyer("bought"));
    market.buy_as(&bought, 1_000);
    let set = |wallet: &Address, refund| position_set_refund(&book.position(wallet), wallet, refund);
    market.execute(&[set(&idle.wallet, bus.treasury)]);
    market.decide(&bus, ProposalAction::BusClose);
    market.assert_refused(&[set(&idle.wallet, idle.payment)], MultibusError::RefundFixed);
    // What was bought is not final yet: its buyer still chooses where the refund goes.
    market.pass_window(3_599);
    market.execute(&[set(&bought.wallet, idle.payment)]);
    market.pass(1);
    market.assert_refused(&[set(&bought.wallet, bought.payment)], MultibusError::RefundFixed);
    market.wind_down();
}

/// A buyer that bought early in a long book still names another account while more of its windows are ahead.
#[test]
fn the_refund_account_can_change_until_the_last_gate_of_the_book() {
    let long = |options: BusOptions| {
        options.with(|config| {
            (config.terms.window_seconds, config.terms.gate_closure_seconds) = (13 * 3_600, 0);
            config.horizon_seconds = 100 * DAY as u32;
        })
    };
    let mut market = DeliveryMarket::with(TokenProgram::SplToken, long);
    let buyer = market.buyer("first");
    market.buy_as(&buyer, 1_000);
    let (position, state) = (market.position(&buyer.wallet), market.book_state());
    let gate = state.own_last_gate();
    assert!(state.last_final_at() + 30 * DAY < gate);
    market.go_to(gate - 1);
    market.execute(&[position_set_refund(&position, &buyer.wallet, buyer.wallet)]);
    market.pass(1);
    let late = position_set_refund(&position, &buyer.wallet, buyer.payment);
    market.assert_refused(&[late], MultibusError::RefundFixed);
    market.wind_down();
}

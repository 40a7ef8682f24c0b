//! Sales on delivery terms, from a listing to the last closed account: `delivery_release`, `delivery_refund`,
//! `delivery_close`, and the books of purchases, batches and locks.

use {
    multibus::{
        error::MultibusError,
        event,
        state::{
            BookWindow, CANCELLED_BY_LISTER, Certificate, Claim, DeliveryBook, ProposalAction, Reading, ReadingProof,
        },
    },
    multibus_tests::{
        BusOptions, Buyer, DeliveryMarket, OfferOptions, Refusal, TestChain, TokenProgram, event::assert_logged,
        instructions::*, market::BUYER_TOKENS,
    },
    solana_address::Address,
    solana_instruction::Instruction,
    std::slice::from_ref,
};

const DAY: i64 = 86_400;

/// Everybody does its part: a seller delivers 6 of 8 kWh that two buyers bought, by purchase, batch and lock.
#[test]
pub fn what_was_delivered_is_paid_and_the_rest_goes_back() {
    refuses!(replay: delivery_release, delivery_refund);
    for program in TokenProgram::BOTH {
        let mut market = DeliveryMarket::of(program);
        let (first, second) = (market.buyer("first"), market.buyer("second"));
        let start = lamports(&market, &[first, second]);
        market.buy_as(&first, 3_000);
        let offer = market.offer;
        market.execute(&[market.batch_as(&second, &[(offer, 1_000)])]);
        market.execute(&[market.lock_as(&second, &offer, 0, 4_000)]);
        let settle = market.settlement(&offer, &second.lane, 0);
        market.execute(&[settle]);
        // 2.5 tokens a kWh with the grid fee, all of it in the vault, under the book.
        let window = market.window_state();
        assert_eq!((window.listed_wh, window.sold_wh, window.paid), (10_000, 8_000, 20_000_000));
        assert_eq!(market.tokens(&market.vault), 20_000_000);
        market.assert_refused(&[offer_collect(&offer)], MultibusError::NothingToCollect);
        market.pass_window(10);
        market.execute(&[market.report(6_000, 1)]);
        let (release, positions) =
            (delivery_release(&market.book), [first, second].map(|buyer| market.position(&buyer.wallet)));
        market.assert_refused(from_ref(&release), MultibusError::NothingToRelease);
        let refunds = positions.map(|position| market.refund(&position));
        for refund in &refunds {
            market.assert_refused(from_ref(refund), MultibusError::NothingToRefund);
        }
        market.pass(3_600);
        // Anyone, in any order, each once.
        market.execute(&refunds[..1]);
        market.assert_refused(&refunds[..1], MultibusError::NothingToRefund);
        let meta = market.execute(from_ref(&release));
        let place = (market.window - market.book.first_window) / 900;
        assert_logged(
            &meta,
            &event::DeliveryReleased {
                book: market.book.address,
                seller: market.book.seller.address,
                windows_low: 1 << place,
                windows_high: 0,
                amount: 12_000_000,
                grid_fee: 3_000_000,
            },
        );
        market.assert_refused(&[release], MultibusError::NothingToRelease);
        market.execute(&refunds[1..]);
        // Three quarters were delivered.
        assert_eq!(market.tokens(&first.payment), 1_000_000_000 - 7_500_000 * 3 / 4);
        assert_eq!(market.tokens(&second.payment), 1_000_000_000 - 12_500_000 * 3 / 4);
        assert_eq!(market.released(), (12_000_000, 3_000_000));
        close_everything(&mut market, &[first, second]);
        assert_eq!(lamports(&market, &[first, second]), start, "all rent came back");
    }
}

/// Lamports of buyers, with those of their position books, which they paid for.
fn lamports(market: &DeliveryMarket, buyers: &[Buyer]) -> Vec<u64> {
    let of = |buyer: &Buyer| market.lamports(&buyer.wallet) + market.lamports(&market.position(&buyer.wallet).address);
    buyers.iter().map(of).collect()
}

/// Closes all that is open of the seller, in the order that the refusals tell, and asserts that nothing is left.
fn close_everything(market: &mut DeliveryMarket, buyers: &[Buyer]) {
    let (seller, operator, book, wallet) = (market.seller_account(), market.operator, market.book, market.seller);
    let (bus, mint, stranger) = (market.bus, market.bus.mint, market.wallet("stranger"));
    let close = market.close_book(&book, &wallet);
    market.assert_refused(from_ref(&close), MultibusError::BookInUse);
    market.execute(&[offer_cancel(&market.offer, &wallet)]);
    market.assert_refused(from_ref(&close), MultibusError::BookInUse);
    for buyer in buyers {
        market.execute(&[market.close_position(&market.position(&buyer.wallet), &buyer.wallet)]);
    }
    // Its last window trades until a minute before it starts.
    market.go_to(book.first_window + 95 * 900 - 61);
    market.assert_refused(from_ref(&close), MultibusError::BookNotFinal);
    market.pass(1);
    market.assert_refused(&[market.close_book(&book, &stranger)], MultibusError::CertificatesOpen);
    market.execute(&[capacity_close(&bus, market.window, &stranger, &wallet)]);
    let own = market.associated_account(&mint, &wallet);
    let leave = seller_close(&seller, &wallet, own, &wallet);
    market.assert_refused(from_ref(&leave), MultibusError::SellerHasBooks);
    let (before, rent) = (market.lamports(&wallet), market.lamports(&book.address));
    let meta = market.execute(&[close]);
    assert_eq!(market.lamports(&wallet), before + rent);
    assert_logged(
        &meta,
        &event::BookClosed {
            bus: bus.address,
            seller: seller.address,
            book: book.address,
            closed_by: wallet,
            windows_low: 0,
            windows_high: 0,
            amount: 0,
            grid_fee: 0,
            remainder: 0,
        },
    );
    market.assert_refused(from_ref(&leave), MultibusError::SellerHasMeter);
    let close = market.close_meter(&seller, &operator);
    market.execute(&[close, device_close(&market.device, &operator)]);
    market.assert_refused(from_ref(&leave), MultibusError::SellerOwesGridFees);
    let grid = market.grid;
    let account = market.associated_account(&mint, &grid);
    let sweep = market.sweep(&seller, &stranger, account);
    market.execute(&[sweep, seller_withdraw(&seller, &stranger, own)]);
    assert_eq!((market.tokens(&own), market.tokens(&account)), (12_000_000, 3_000_000));
    assert_eq!(market.tokens(&seller.vault), 0);
    market.execute(&[leave]);
    for gone in [seller.vault, seller.address, seller.meter(), book.address, market.offer.address] {
        assert!(!market.exists(&gone));
    }
    market.wind_down();
}

/// Rounding leaves at most one base unit a position in the book; the grid gets it when the book closes, which releases what is not
/// released.
#[test]
fn what_rounding_leaves_goes_to_the_grid() {
    withstands!(arithmetic: delivery_release, delivery_refund, delivery_close, position_close);
    for released_before in [true, false] {
        let mut market = DeliveryMarket::new();
        let buyers = ["first", "second", "third"].map(|name| market.buyer(name));
        for (buyer, energy_wh) in buyers.iter().zip([1_001, 1_003, 1_007]) {
            market.buy_as(buyer, energy_wh);
        }
        market.pass_window(0);
        market.execute(&[market.report(1_000, 1)]);
        market.pass(3_600);
        let paid = market.window_state().paid;
        let refund = market.refund(&market.position(&buyers[0].wallet));
        market.execute(&[refund]);
        for buyer in &buyers {
            let close = market.close_position(&market.position(&buyer.wallet), &buyer.wallet);
            market.execute(&[close]);
        }
        let refunded: u64 = buyers
            .iter()
            .zip([1_001, 1_003, 1_007])
            .map(|(buyer, wh)| market.tokens(&buyer.payment) + wh * 2_500)
            .sum::<u64>()
            - 3 * BUYER_TOKENS;
        let wallet = market.seller;
        market.execute(&[offer_cancel(&market.offer, &wallet)]);
        if released_before {
            market.execute(&[delivery_release(&market.book)]);
        }
        market.go_to(market.book.first_window + DAY);
        let book = market.book;
        let close = market.close_book(&book, &wallet);
        let meta = market.execute(&[close]);
        let (released, grid_fees) = market.released();
        let due = paid * 1_000 / 3_011;
        assert_eq!(released + grid_fees + refunded, paid, "all of it is somebody's");
        let remainder = paid - due - refunded;
        assert!(remainder <= 3, "{remainder}");
        assert_eq!((released, grid_fees), (due - 500_000, 500_000 + remainder));
        let place = (market.window - book.first_window) / 900;
        let (windows_low, amount, grid_fee) = if released_before { (0, 0, 0) } else { (1 << place, released, 500_000) };
        assert_logged(
            &meta,
            &event::BookClosed {
                bus: market.bus.address,
                seller: book.seller.address,
                book: book.address,
                closed_by: wallet,
                windows_low,
                windows_high: 0,
                amount,
                grid_fee,
                remainder,
            },
        );
        market.wind_down();
    }
}

/// The bus sells its own energy on delivery terms: by its meter, through its own seller, into its treasury.
#[test]
fn the_bus_is_paid_for_what_it_delivers() {
    let mut market = DeliveryMarket::new();
    let (bus, owner, operator, window) = (market.bus, market.seller, market.operator, market.window + 900);
    let own = market.open_own_seller(&bus, &owner);
    let key = market.key("the bus's device");
    market.execute(&[meter_register(&own, &operator, &key, multibus_tests::delivery::solar(40_000))]);
    market.execute(&[capacity_open(&bus, &owner, window)]);
    let offer = market.list_for_bus(&bus, bus.window(window), &owner, 10_000, 2_000_000);
    let book = offer.book.expect("on delivery terms");
    market.pass(120);
    let buyer = market.funded_buyer("first");
    market.execute(&[position_open(&book.position(&buyer.wallet), &buyer.wallet)]);
    market.execute(&[market.purchase_as(&buyer, &offer, 8_000)]);
    market.go_to(window + 900);
    let reading = Reading { window_start: window, energy_wh: 9_000, sequence: 1 };
    market.execute(&[delivery_report(&book, &key, reading, ReadingProof::Transaction)]);
    market.pass(3_600);
    market.execute(&[delivery_release(&book), seller_withdraw(&own, &owner, bus.treasury)]);
    assert_eq!(market.tokens(&bus.treasury), 16_000_000);
    // What it did not sell is nobody's to certify.
    let (mut surplus, _) = market.take_certificate(&book, &bus.address, window);
    surplus.accounts[0].pubkey = owner;
    market.assert_refused(&[surplus], MultibusError::NotTheSeller);
    market.wind_down();
}

/// A purchase on delivery terms is of the buyer's own position and the offer's own book.
#[test]
pub fn books_that_are_not_the_offers_are_rejected() {
    refuses!(substituted_address: purchase, purchase_batch, lock_settle, offer_cancel);
    let mut market = DeliveryMarket::new();
    let (buyer, other) = (market.buyer("first"), market.buyer("second"));
    let (offer, seller) = (market.offer, market.seller);
    let later = market.list(market.window + DAY - 3_600, 1_000, 2_000_000);
    let next = later.book.expect("on delivery terms");
    assert_ne!(next, market.book, "the next book");
    market.execute(&[position_open(&next.position(&buyer.wallet), &buyer.wallet)]);
    market.execute(&[market.lock_as(&buyer, &offer, 0, 1_000)]);
    let elsewhere = [market.position(&other.wallet).address, next.position(&buyer.wallet).address];
    let purchase = market.purchase_as(&buyer, &offer, 1_000);
    let batch = market.batch_as(&buyer, &[(offer, 1_000)]);
    let settle = market.settlement(&offer, &buyer.lane, 0);
    for good in [&purchase, &batch, &settle] {
        let count = good.accounts.len();
        let with = |place: usize, address: Address| {
            let mut wrong = good.clone();
            wrong.accounts[place].pubkey = address;
            wrong
        };
        for book in [next.address, market.position(&buyer.wallet).address, market.book.seller.address] {
            market.assert_refused(&[with(count - 2, book)], MultibusError::BookMismatch);
        }
        for position in elsewhere {
            market.assert_refused(&[with(count - 1, position)], MultibusError::PositionMismatch);
        }
        for position in [market.book.address, market.book.seller.meter(), market.grid] {
            market.assert_refused(&[with(count - 1, position)], Refusal::NotTheAccount);
        }
        for place in [count - 2, count - 1] {
            let mut read_only = good.clone();
            read_only.accounts[place].is_writable = false;
            market.assert_refused(&[read_only], Refusal::NotWritable);
        }
        for missing in [1, 2] {
            let mut without = good.clone();
            without.accounts.truncate(count - missing);
            market.assert_refused(&[without], MultibusError::BooksMissing);
        }
    }
    let mut more = batch.clone();
    more.accounts.push(batch.accounts.last().expect("a position").clone());
    market.assert_refused(&[more], MultibusError::BatchInvalid);
    for good in [purchase, settle] {
        let mut market_later = good.clone();
        market_later.data[1..9].copy_from_slice(&market.nonce(&buyer.lane).to_le_bytes());
        market.execute(&[market_later]);
    }
    market.execute(&[market.batch_as(&buyer, &[(offer, 1_000)])]);
    // Withdrawing needs the book, too.
    let cancel = offer_cancel(&offer, &seller);
    let last = cancel.accounts.len() - 1;
    let mut wrong = cancel.clone();
    wrong.accounts[last].pubkey = next.address;
    market.assert_refused(from_ref(&wrong), MultibusError::BookMismatch);
    wrong.accounts[last] = cancel.accounts[last].clone();
    wrong.accounts[last].is_writable = false;
    market.assert_refused(from_ref(&wrong), Refusal::NotWritable);
    wrong.accounts.pop();
    market.assert_refused(&[wrong], MultibusError::BooksMissing);
    market.execute(&[cancel]);
    market.wind_down();
}

/// One batch from several sellers, on delivery terms and not, in two buses.
#[test]
fn a_batch_fills_books_of_several_sellers() {
    let mut market = DeliveryMarket::new();
    let (operator, mint, window, bus) = (market.operator, market.bus.mint, market.window, market.bus);
    let buyer = market.buyer("first");
    let second = market.wallet("second seller");
    let seller = market.open_seller(&bus, &second);
    let key = market.key("second device");
    market.execute(&[meter_register(&seller, &operator, &key, multibus_tests::delivery::solar(4_000))]);
    let options = OfferOptions::new(0).number(market.chain.next_offer(&seller)).energy(1_000).expires(window - 60);
    let theirs = market.create_offer(&bus, bus.window(window), &second, options);
    market.execute(&[position_open(&theirs.book.expect("a book").position(&buyer.wallet), &buyer.wallet)]);
    let options = BusOptions::new(&second);
    let elsewhere = market.chain.create_bus(&second, &mint, &options);
    market.open_seller(&elsewhere, &second);
    let options = OfferOptions::new(0).number(market.chain.next_offer(&elsewhere.seller(&second)));
    let plain = market.create_offer(&elsewhere, elsewhere.capacity, &second, options);
    let offer = market.offer;
    let items = [(plain, 500), (offer, 2_000), (theirs, 700)];
    market.execute(&[market.batch_as(&buyer, &items)]);
    let items = [(offer, 1_000), (plain, 100), (theirs, 300)];
    market.execute(&[market.batch_as(&buyer, &items)]);
    assert_eq!(market.window_state().sold_wh, 3_000);
    let book: DeliveryBook = market.state(&theirs.book.expect("a book").address);
    let BookWindow { sold_wh, paid, .. } = book.windows[book.place(window).expect("in the book")];
    assert_eq!((sold_wh, paid), (1_000, 525_000 + 225_000));
    assert_eq!(market.offer_state(&plain).proceeds, 150_000);
}

/// A book closes by its seller once it is over and final, by others 30 days after its last window is final.
#[test]
pub fn a_book_closes_after_its_last_window() {
    refuses!(theft: delivery_close; blocked_exit: delivery_close; replay: delivery_close; revival: delivery_close);
    withstands!(blocked_exit: delivery_close);
    for closer_is_seller in [true, false] {
        let mut market = DeliveryMarket::new();
        let (wallet, stranger, book) = (market.seller, market.wallet("stranger"), market.book);
        // The last window of the book, read at its end: final an hour after.
        let window_start = book.first_window + 95 * 900;
        let last = market.list(window_start, 1_000, 2_000_000);
        market.execute(&[offer_cancel(&market.offer, &wallet)]);
        market.go_to(window_start - 60);
        market.execute(&[offer_cancel(&last, &wallet)]);
        let end = book.first_window + DAY;
        let mut closes = [market.close_book(&book, &wallet), market.close_book(&book, &stranger)];
        let mut theft = closes[0].clone();
        theft.accounts[4].pubkey = stranger;
        market.assert_refused(&[theft], MultibusError::RentPayerMismatch);
        market.go_to(end);
        let reading = Reading { window_start, energy_wh: 1, sequence: 1 };
        market.execute(&[delivery_report(&book, &market.device, reading, ReadingProof::Transaction)]);
        market.go_to(end + 3_599);
        for close in &closes {
            market.assert_refused(from_ref(close), MultibusError::BookNotFinal);
        }
        market.pass(1);
        market.assert_refused(&closes[1..], MultibusError::CertificatesOpen);
        if !closer_is_seller {
            market.go_to(end + 3_600 + 30 * DAY - 1);
            market.assert_refused(&closes[1..], MultibusError::CertificatesOpen);
            market.pass(1);
            closes.swap(0, 1);
        }
        market.execute(&closes[..1]);
        market.assert_refused(&closes[..1], Refusal::NotTheAccount);
        let fund = solana_system_interface::instruction::transfer(&market.fee_payer, &book.address, 80_000_000);
        let (release, open) = (delivery_release(&book), position_open(&book.position(&stranger), &stranger));
        market.arrange(&[fund]);
        for gone in [&closes[0], &release, &open] {
            market.assert_refused(from_ref(gone), Refusal::NotTheAccount);
        }
        market.wind_down();
    }
}

/// An account that is closed and gets lamports in one transaction is gone for what would be said, released or swept of it.
#[test]
fn a_closed_book_takes_no_reading_and_releases_nothing() {
    refuses!(revival: delivery_report, delivery_release, grid_sweep, meter_replace, meter_close, device_close);
    let mut market = DeliveryMarket::new();
    let (seller, operator, book, wallet) = (market.seller_account(), market.operator, market.book, market.seller);
    market.execute(&[offer_cancel(&market.offer, &wallet)]);
    market.go_to(book.first_window + DAY);
    let payer = market.fee_payer;
    let fund = |address| solana_system_interface::instruction::transfer(&payer, &address, 80_000_000);
    let (of_book, of_meter, of_seller) = (fund(book.address), fund(seller.meter()), fund(seller.address));
    let key = market.key("second device");
    let gone = Refusal::NotTheAccount;
    let close = market.close_book(&book, &wallet);
    for used in [market.operator_report(1, 1), delivery_release(&book)] {
        market.assert_refused(&[close.clone(), of_book.clone(), used], gone.clone());
    }
    let close_meter = market.close_meter(&seller, &wallet);
    let replace = market.replace_meter(&seller, &operator, &key, multibus_tests::delivery::solar(1));
    for used in [replace, close_meter.clone()] {
        market.assert_refused(&[close_meter.clone(), of_meter.clone(), used], gone.clone());
    }
    let device = market.device;
    let (close_device, of_device) =
        (device_close(&device, &operator), fund(multibus_tests::key::pda::device(&device).0));
    let both = [close_meter.clone(), close_device.clone(), of_device, close_device.clone()];
    market.assert_refused(&both, gone.clone());
    let leave = seller_close(&seller, &wallet, market.payout, &wallet);
    let sweep = market.sweep(&seller, &operator, market.bus.treasury);
    market.execute(&[close, close_meter, close_device]);
    market.assert_refused(&[leave, of_seller, sweep], gone);
}

/// Buyers that cannot be paid, a seller that is gone, an operator that vanished, owners that close the bus: a stranger ends it
/// all, pays for none of it, and what was owed is claimed years later.
#[test]
fn strangers_wind_a_bus_down_that_everybody_left() {
    withstands!(
        blocked_exit: delivery_report, delivery_release, delivery_close, position_close, meter_close, device_close,
        grid_sweep;
        duplicate_account: position_close; token_2022: position_close
    );
    refuses!(blocked_exit: delivery_refund; token_2022: delivery_refund);
    for program in TokenProgram::BOTH {
        let mut market = DeliveryMarket::of(program);
        let (bus, mint, seller, offer) = (market.bus, market.bus.mint, market.seller_account(), market.offer);
        let names = ["closes its account", "is frozen", "gives its account away", "is its own account"];
        let [closed, frozen, given, aliased] = names.map(|name| market.buyer(name));
        let sponsor = market.wallet("sponsor");
        let reserved = market.funded_buyer("names a reserved key");
        market.execute(&[position_open(&market.position(&reserved.wallet), &sponsor)]);
        let buyers = [closed, frozen, given, aliased, reserved];
        for buyer in &buyers {
            market.buy_as(buyer, 1_001);
        }
        // Two more locks, one of which nobody ends until the end.
        let takes = [market.lock_as(&frozen, &offer, 0, 999), market.lock_as(&given, &offer, 0, 998)];
        market.execute(&takes);
        let settle = market.settlement(&offer, &frozen.lane, 0);
        market.execute(&[settle]);
        let name = |market: &DeliveryMarket, buyer: &Buyer, refund: Address| {
            position_set_refund(&market.position(&buyer.wallet), &buyer.wallet, refund)
        };
        market.execute(&[name(&market, &reserved, Address::default())]);
        // A third of 6,004 Wh is delivered.
        market.pass_window(0);
        market.execute(&[market.operator_report(2_001, 1)]);
        // Everybody becomes unpayable.
        market.close_token_account(&mint, &closed.payment, &closed.wallet);
        market.freeze(&mint, &frozen.payment);
        let nobody = market.key("nobody");
        if program == TokenProgram::SplToken {
            market.set_token_owner(&mint, &given.payment, &given.wallet, &nobody);
        } else {
            market.ask_memo(&mint, &given.payment, &given.wallet);
        }
        market.execute(&[name(&market, &aliased, aliased.wallet)]);
        market.become_token_account(&mint, &aliased.wallet);
        market.freeze(&mint, &aliased.wallet);
        market.decide(&bus, ProposalAction::BusClose);
        market.pass(3_600);
        let stranger = market.wallet("stranger");
        let before = market.lamports(&stranger);
        for buyer in &buyers {
            let refund = market.refund(&market.position(&buyer.wallet));
            market.assert_refused(&[refund], MultibusError::PayeeUnpayable);
        }
        // The seller is released all the same.
        market.execute(&[delivery_release(&market.book)]);
        assert_eq!(market.released().1, 2_001 * 500_000 / 1_000);
        let early = market.close_position(&market.position(&closed.wallet), &stranger);
        market.assert_refused(&[early], MultibusError::CertificatesOpen);
        market.pass(30 * DAY);
        let held = market.close_position(&market.position(&given.wallet), &stranger);
        market.assert_refused(&[held], MultibusError::PositionHasLocks);
        let release = market.release(&offer, &stranger, &given.wallet, 0);
        market.execute(&[release]);
        let sponsored = market.lamports(&sponsor);
        for buyer in &buyers {
            let mut close = market.close_position(&market.position(&buyer.wallet), &stranger);
            if buyer.wallet == closed.wallet {
                // Accounts that are one: the vault is named as its refund account, which it is not.
                close.accounts[5].pubkey = market.vault;
                market.assert_refused(from_ref(&close), MultibusError::RefundMismatch);
                close = market.close_position(&market.position(&buyer.wallet), &stranger);
            }
            market.execute(&[close]);
            let claim: Claim = market.state(&bus.claim(&buyer.wallet));
            assert!(claim.amount >= 2_502_500 - 2_502_500 / 3 - 2, "{}", claim.amount);
        }
        assert!(market.lamports(&sponsor) > sponsored, "who paid for the position gets what its claim leaves");
        market.execute(&[offer_cancel(&offer, &stranger)]);
        let capacity = capacity_close(&bus, market.window, &stranger, &seller.wallet);
        let (book, meter) = (market.close_book(&market.book, &stranger), market.close_meter(&seller, &stranger));
        market.execute(&[capacity, book, meter]);
        let device = market.close_device(&market.device);
        let sweep = market.sweep(&seller, &stranger, market.associated(&market.grid));
        market.execute(&[device, sweep]);
        let payout = market.associated(&seller.wallet);
        market.pass(1);
        market.execute(&[seller_close(&seller, &stranger, payout, &seller.wallet)]);
        // The stranger lent the rent of the grid's claim, which it gets back, and nothing else.
        let lent = market.lamports(&bus.claim(&market.grid));
        assert_eq!(before - market.lamports(&stranger), lent);
        for (address, proposal) in market.all::<multibus::state::Proposal>() {
            market.execute(&[proposal_close(&bus, address, &stranger, &proposal.proposer)]);
        }
        market.execute(&[bus_close(&bus, &stranger, &[seller.wallet])]);
        assert!(market.all::<DeliveryBook>().is_empty());
        // Years later.
        market.pass(5 * 365 * DAY);
        market.thaw(&mint, &aliased.wallet);
        let mut paid = 0;
        let wallets = buyers.iter().map(|buyer| buyer.wallet).chain([seller.wallet, market.grid]);
        for wallet in wallets.collect::<Vec<_>>() {
            let account = market.token_account(&format!("later {wallet}"), &mint, &wallet, 0);
            let pay = market.claim_payment(&bus, &wallet, &wallet, account);
            market.execute(&[pay]);
            paid += market.tokens(&account);
        }
        // All that came in: 5 x 1,001 and 999 Wh that were bought, and the deposit of the lock of 998 Wh, whose fee is the
        // seller's.
        assert_eq!(paid, 5 * 2_502_500 + 2_497_500 + 2_495_000);
        assert_eq!(market.tokens(&TestChain::associated_address(&mint, &market.fee_payer)), 1_000_000_000 - 2_502_500);
    }
}

/// While the vault is frozen nothing leaves it, nothing is lost, and once it is thawed all is paid.
#[test]
fn a_frozen_vault_keeps_refunds_until_it_is_thawed() {
    refuses!(blocked_exit: delivery_refund, grid_sweep, position_close);
    withstands!(blocked_exit: delivery_refund, grid_sweep, position_close, lock_release);
    let mut market = DeliveryMarket::new();
    let (mint, offer, seller, vault) = (market.bus.mint, market.offer, market.seller_account(), market.vault);
    let buyer = market.buyer("first");
    market.buy_as(&buyer, 4_000);
    market.execute(&[market.lock_as(&buyer, &offer, 0, 1_000)]);
    market.freeze(&mint, &vault);
    // The energy is free; the position waits for the lock's refund.
    let release = market.release(&offer, &buyer.wallet, &buyer.wallet, 0);
    market.execute(from_ref(&release));
    assert_eq!(market.position_state(&buyer.wallet).open_locks, 1);
    market.pass_window(0);
    market.execute(&[market.report(1_000, 1)]);
    market.pass(3_600);
    let position = market.position(&buyer.wallet);
    let refund = market.refund(&position);
    market.assert_refused(from_ref(&refund), MultibusError::PayerFrozen);
    market.execute(&[delivery_release(&market.book)]);
    let sweep = market.sweep(&seller, &buyer.wallet, market.associated(&market.grid));
    market.assert_refused(&[sweep], MultibusError::PayerFrozen);
    market.thaw(&mint, &vault);
    market.execute(from_ref(&release));
    market.freeze(&mint, &vault);
    let close = market.close_position(&position, &buyer.wallet);
    market.assert_refused(from_ref(&close), MultibusError::PayerFrozen);
    market.thaw(&mint, &vault);
    market.execute(&[refund]);
    assert_eq!(market.tokens(&buyer.payment), 1_000_000_000 - 2_500_000 - 25_000);
    market.execute(&[close]);
    market.wind_down();
}

/// A hostile seller cannot keep what it did not deliver: withdrawing, suspension, a closed payout account and a later price
/// change nothing for who bought.
#[test]
fn a_hostile_seller_changes_nothing_for_its_buyers() {
    withstands!(blocked_exit: delivery_refund, delivery_release, offer_cancel, purchase);
    for program in TokenProgram::BOTH {
        let mut market = DeliveryMarket::of(program);
        let (mint, seller, offer) = (market.bus.mint, market.seller_account(), market.offer);
        let buyer = market.buyer("first");
        market.buy_as(&buyer, 4_000);
        let sold = market.window_state();
        market.execute(&[offer_reprice(&offer, &seller.wallet, 1_000_000_000)]);
        market.execute(&[offer_cancel(&offer, &seller.wallet)]);
        let (wallet, payout) = (seller.wallet, market.payout);
        market.close_token_account(&mint, &payout, &wallet);
        let other = market.token_account("another payout", &mint, &wallet, 0);
        let expected = BookWindow { listed_wh: 4_000, ..sold };
        assert_eq!(market.window_state(), expected);
        // Nothing is released that was not delivered, and nothing can be withdrawn meanwhile.
        market.assert_refused(&[seller_withdraw(&seller, &wallet, other)], MultibusError::NothingToWithdraw);
        market.pass_window(3_600);
        let refund = market.refund(&market.position(&buyer.wallet));
        market.execute(&[delivery_release(&market.book), refund]);
        assert_eq!(market.released(), (0, 0));
        assert_eq!(market.tokens(&buyer.payment), 1_000_000_000);
        // A meter that is closed and a device that is gone do not keep the operator from reading.
        let later = market.list(market.window + 7_200, 1_000, 2_000_000);
        market.execute(&[market.purchase_as(&buyer, &later, 1_000)]);
        let close = market.close_meter(&seller, &wallet);
        market.execute(&[close]);
        market.go_to(market.window + 7_200 + 900);
        let device = market.close_device(&market.device);
        market.execute(&[device]);
        let reading = Reading { window_start: market.window + 7_200, energy_wh: 1_000, sequence: 1 };
        let proof = ReadingProof::Operator;
        market.execute(&[delivery_report(&market.book, &market.operator, reading, proof)]);
        market.pass(3_600);
        market.execute(&[delivery_release(&market.book)]);
        assert_eq!(market.released(), (2_000_000, 500_000));
        let (take, certificate) = market.take_certificate(&market.book, &buyer.wallet, market.window + 7_200);
        market.execute(&[take]);
        assert_eq!(market.state::<Certificate>(&certificate).device, market.device);
        market.wind_down();
    }
}

/// A seller does not close while a book of its own is open.
#[test]
pub fn a_seller_with_books_does_not_close() {
    refuses!(blocked_exit: delivery_refund);
    let mut market = DeliveryMarket::new();
    let (mint, seller, wallet) = (market.bus.mint, market.seller_account(), market.seller);
    let buyer = market.buyer("first");
    market.buy_as(&buyer, 1);
    market.execute(&[offer_cancel(&market.offer, &wallet)]);
    market.pass(1);
    let leave = seller_close(&seller, &wallet, market.payout, &wallet);
    market.assert_refused(&[leave], MultibusError::SellerHasBooks);
    market.pass_window(3_600);
    market.freeze(&mint, &buyer.payment);
    let refund = market.refund(&market.position(&buyer.wallet));
    market.assert_refused(&[refund], MultibusError::PayeeUnpayable);
    market.wind_down();
}

/// What is bought in a batch at the edge of what is left stays within what is listed.
#[test]
fn the_last_wh_of_a_window_is_sold_once() {
    refuses!(capacity_leak: purchase, purchase_batch, lock_take);
    let mut market = DeliveryMarket::new();
    let (buyer, offer) = (market.buyer("first"), market.offer);
    market.buy_as(&buyer, 9_999);
    let batch = market.batch_as(&buyer, &[(offer, 2)]);
    market.assert_refused(&[batch], MultibusError::EnergyUnavailable);
    market.execute(&[market.lock_as(&buyer, &offer, 0, 1)]);
    let more: [Instruction; 2] = [market.purchase_as(&buyer, &offer, 1), market.lock_as(&buyer, &offer, 1, 1)];
    for one in more {
        market.assert_refused(&[one], MultibusError::EnergyUnavailable);
    }
    let settle = market.settlement(&offer, &buyer.lane, 0);
    market.execute(&[settle]);
    let window = market.window_state();
    assert_eq!((window.listed_wh, window.sold_wh, window.paid), (10_000, 10_000, 9_999 * 2_500 + 2_500));
    market.wind_down();
}

/// Energy that was listed far ahead and not sold holds no closing bus open, whoever withdrew it, and when.
#[test]
fn a_withdrawn_window_far_ahead_holds_nothing_up() {
    withstands!(blocked_exit: delivery_close, offer_cancel);
    let mut market = DeliveryMarket::new();
    let (bus, seller, stranger) = (market.bus, market.seller_account(), market.wallet("stranger"));
    let start = market.window + 80_100;
    let far = market.list(start, 1_000, 2_000_000);
    let next = far.book.expect("on delivery terms");
    assert_ne!(next, market.book);
    // An offer that ends soon is a stranger's to withdraw before the bus closes.
    let (wallet, number) = (seller.wallet, market.next_offer());
    let soon = OfferOptions::new(0).number(number).energy(10).price(2_000_000).expires(market.now() + 1);
    let (create, brief) = market.listing(&seller, bus.window(start), &wallet, soon);
    market.execute(&[create]);
    market.pass(1);
    market.execute(&[offer_cancel(&brief, &stranger)]);
    market.decide(&bus, ProposalAction::BusClose);
    let window = far.capacity;
    let meta = market.execute(&[offer_cancel(&far, &stranger)]);
    assert_logged(
        &meta,
        &event::OfferCancelled {
            bus: bus.address,
            offer: far.address,
            cancelled_by: stranger,
            withdrawn_wh: 1_000,
            sold_wh: 0,
            collected: 0,
            grid_fee: 0,
            closed: 1,
            window_unused: 0,
            padding: [0; 6],
        },
    );
    assert!(market.exists(&window));
    market.execute(&[offer_cancel(&market.offer, &wallet)]);
    assert_eq!(market.window_state(), bytemuck::Zeroable::zeroed());
    let closes = [next, market.book].map(|book| market.close_book(&book, &stranger));
    market.execute(&closes);
    assert_eq!(market.seller_state(&seller).open_books, 0);
    market.wind_down();
}

/// On a closing bus a window whose gate has closed is waited for: its seller certifies what it delivers, though it sold nothing.
#[test]
fn a_closing_bus_waits_for_a_window_whose_gate_has_closed() {
    refuses!(blocked_exit: delivery_close);
    let mut market = DeliveryMarket::new();
    let (bus, wallet, window, stranger) = (market.bus, market.seller, market.window, market.wallet("stranger"));
    market.decide(&bus, ProposalAction::BusClose);
    market.execute(&[offer_cancel(&market.offer, &stranger)]);
    let close = market.close_book(&market.book, &stranger);
    market.go_to(window - 60);
    market.assert_refused(from_ref(&close), MultibusError::BookNotFinal);
    market.pass_window(0);
    market.execute(&[market.report(7_000, 1)]);
    market.pass(3_600);
    market.assert_refused(from_ref(&close), MultibusError::CertificatesOpen);
    let (take, _) = market.take_certificate(&market.book, &wallet, window);
    market.execute(&[take]);
    market.pass(30 * 86_400);
    market.execute(&[close]);
    market.wind_down();
}

/// A stranger that withdraws an offer which has expired does not decide whether its seller certifies what it delivers.
#[test]
fn a_window_from_which_a_stranger_withdraws_stays_used() {
    let mut market = DeliveryMarket::new();
    let (bus, seller, stranger) = (market.bus, market.seller_account(), market.wallet("stranger"));
    let (wallet, window) = (seller.wallet, market.window + 900);
    market.execute(&[capacity_open(&bus, &wallet, window)]);
    let soon = OfferOptions::new(0).number(market.next_offer()).energy(800).price(2_000_000).expires(market.now() + 1);
    let (create, brief) = market.listing(&seller, bus.window(window), &wallet, soon);
    market.execute(&[create]);
    market.pass(1);
    market.execute(&[offer_cancel(&brief, &stranger)]);
    market.go_to(window + 900);
    let reading = Reading { window_start: window, energy_wh: 800, sequence: 1 };
    market.execute(&[delivery_report(&market.book, &market.device, reading, ReadingProof::Transaction)]);
    market.pass(3_600);
    let (take, certificate) = market.take_certificate(&market.book, &wallet, window);
    market.execute(&[take]);
    assert_eq!(market.state::<Certificate>(&certificate).range_end, 800);
    market.wind_down();
}

/// Nothing is certified of a book in which nothing was delivered, so that anyone closes it once it is final.
#[test]
fn a_book_in_which_nothing_was_delivered_waits_for_no_certificates() {
    withstands!(blocked_exit: delivery_close, position_close);
    let mut market = DeliveryMarket::new();
    let (bus, stranger) = (market.bus, market.wallet("stranger"));
    let buyer = market.buyer("first");
    market.buy_as(&buyer, 1_000);
    market.decide(&bus, ProposalAction::BusClose);
    market.execute(&[offer_cancel(&market.offer, &stranger)]);
    market.pass_window(3_599);
    let close = market.close_position(&market.position(&buyer.wallet), &stranger);
    market.assert_refused(from_ref(&close), MultibusError::PositionNotFinal);
    market.pass(1);
    market.execute(&[close]);
    let close = market.close_book(&market.book, &stranger);
    market.execute(&[close]);
    market.wind_down();
}

/// A lock keeps a withdrawn offer open. Who closes it once the lock has ended does not decide whether its window was used.
#[test]
fn who_closes_a_withdrawn_offer_after_its_lock_decides_nothing() {
    withstands!(blocked_exit: offer_cancel, delivery_close);
    for by_seller in [false, true] {
        let mut market = DeliveryMarket::new();
        let (wallet, stranger, buyer) = (market.seller, market.wallet("stranger"), market.buyer("first"));
        let offer = market.offer;
        market.execute(&[market.lock_as(&buyer, &offer, 0, 1)]);
        market.execute(&[offer_cancel(&offer, &wallet)]);
        assert_eq!(market.offer_state(&offer).cancelled, CANCELLED_BY_LISTER);
        market.pass(301);
        let release = market.release(&offer, &stranger, &buyer.wallet, 0);
        market.execute(&[release, offer_cancel(&offer, if by_seller { &wallet } else { &stranger })]);
        assert_eq!(market.window_state(), bytemuck::Zeroable::zeroed());
        market.wind_down();
    }
}

/// What was on offer until the gate may be delivered, and is its seller's to certify, though it was withdrawn after.
#[test]
fn a_window_that_was_on_offer_until_its_gate_stays_used() {
    for at_gate in [false, true] {
        let mut market = DeliveryMarket::new();
        let (wallet, window) = (market.seller, market.window);
        market.go_to(window - 61 + at_gate as i64);
        market.execute(&[offer_cancel(&market.offer, &wallet)]);
        market.pass_window(0);
        if at_gate {
            market.execute(&[market.report(7_000, 1)]);
            market.pass(3_600);
            let (take, certificate) = market.take_certificate(&market.book, &wallet, window);
            market.execute(&[take]);
            assert_eq!(market.state::<Certificate>(&certificate).range_end, 7_000);
        } else {
            market.assert_refused(&[market.report(7_000, 1)], MultibusError::WindowNotListed);
        }
        market.wind_down();
    }
}

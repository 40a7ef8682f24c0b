//! What the auction does with offers: `ask_settle`, the frozen book, and `pool_report` on delivery terms.

use {
    multibus::{
        error::MultibusError,
        event,
        state::{BidState, BookWindow, Offer, ProposalAction, TermsConfig},
    },
    multibus_tests::{
        AuctionMarket, BusOptions, Buyer, OfferAddresses, Refusal, TestChain, TestMarket, TokenProgram,
        auction::{FEE, auction_terms},
        event::assert_logged,
        instructions::*,
        key::pda,
    },
};

#[test]
pub fn terms_with_an_auction_have_windows_of_15_minutes_with_their_gate() {
    let mut market = TestMarket::new();
    let (bus, mint, seller) = (market.bus, market.bus.mint, market.seller);
    let base = TermsConfig { grid_fee_per_kwh: 7, ..auction_terms(false) };
    let cases = [
        (MultibusError::AuctionWithoutWindows, TermsConfig { window_seconds: 0, gate_closure_seconds: 0, ..base }),
        (MultibusError::AuctionTooShort, TermsConfig { window_seconds: 600, gate_closure_seconds: 299, ..base }),
        (MultibusError::AuctionTooShort, TermsConfig { window_seconds: 60, gate_closure_seconds: 0, ..base }),
    ];
    let from = market.now() / 3_600 * 3_600 + 31 * 86_400 * 13;
    let next = market.next_proposal(&bus, &seller);
    let options = |terms| BusOptions::new(&seller).seq(1).with(|config| config.terms = terms);
    for (error, terms) in cases {
        market.assert_refused(&[bus_create(&seller, &mint, &options(terms))], error);
        let decide = proposal_create(&bus, &seller, next, ProposalAction::TermsSet { from, terms });
        market.assert_refused(&[decide], error);
    }
    let short = TermsConfig { window_seconds: 600, gate_closure_seconds: 300, ..base };
    market.execute(&[bus_create(&seller, &mint, &options(short))]);
    market.decide(&bus, ProposalAction::TermsSet { from, terms: short });
    assert!(market.bus_state(&bus).next_terms.has_auction());
}

#[test]
pub fn ask_settle_credits_the_offer_once() {
    refuses!(theft: ask_settle; blocked_exit: ask_settle);
    let mut market = AuctionMarket::new(false);
    let (bus, mint, stranger) = (market.bus, market.bus.mint, market.wallet("stranger"));
    let (offer, dear) = (market.ask(0, 1_000, 1_000), market.ask(1, 500, 4_000));
    market.bid(0, 600, 3_000);
    market.assert_refused(&[ask_settle(&offer)], MultibusError::AuctionNotCleared);
    market.to_gate(0);
    market.assert_refused(&[ask_settle(&offer)], MultibusError::AuctionNotCleared);
    market.clear();
    // 600 Wh at 1,000.
    let mut stolen = ask_settle(&offer);
    stolen.accounts[3].pubkey = dear.vault;
    market.assert_refused(&[stolen], MultibusError::VaultMismatch);
    market.assert_refused(&[ask_settle(&dear)], MultibusError::OrderGetsNothing);
    for caller in [offer.wallet, stranger] {
        market.assert_refused(&[offer_cancel(&offer, &caller)], MultibusError::AskUnsettled);
    }
    for (account, error) in [(bus.escrow, MultibusError::PayerFrozen), (offer.vault, MultibusError::PayeeUnpayable)] {
        market.freeze(&mint, &account);
        market.assert_refused(&[ask_settle(&offer)], error);
        // Offers that get nothing are free all the same.
        let before = market.snapshot();
        market.execute(&[offer_cancel(&dear, &stranger)]);
        market.restore(before);
        market.thaw(&mint, &account);
    }
    let meta = market.execute(&[ask_settle(&offer)]);
    assert_logged(
        &meta,
        &event::AskSettled {
            offer: offer.address,
            capacity: offer.capacity,
            seller: offer.seller,
            energy_wh: 600,
            credited: 300_600,
        },
    );
    market.assert_refused(&[ask_settle(&offer)], MultibusError::AskSettled);
    market.execute(&[offer_cancel(&offer, &stranger), offer_cancel(&dear, &stranger)]);
    let seller = market.seller_state(&market.sellers[0]);
    assert_eq!((seller.released, seller.grid_fees_owed), (600, 600 * FEE / 1_000));
    market.wind_down();
}

#[test]
pub fn in_the_last_300_seconds_orders_are_only_added_and_improved() {
    let mut market = AuctionMarket::new(true);
    let (bus, gate) = (market.bus, market.gate());
    let (create, offer) = market.listing_of(0, 1_000, 1_000, gate - 1);
    market.execute(&[create]);
    let (wallet, operator) = (offer.wallet, market.operator);
    let bid = market.bid(0, 100, 3_000);
    market.to_gate(-300);
    market.assert_refused(&[offer_reprice(&offer, &wallet, 1_001)], MultibusError::LastMinutes);
    market.assert_refused(&[offer_set_expiry(&offer, &wallet, gate - 2)], MultibusError::LastMinutes);
    market.assert_refused(&[bid_cancel(&bid, bid.refund)], MultibusError::LastMinutes);
    market.execute(&[seller_suspend(&market.sellers[0], &operator)]);
    for caller in [wallet, operator] {
        market.assert_refused(&[offer_cancel(&offer, &caller)], MultibusError::LastMinutes);
    }
    market.execute(&[seller_admit(&market.sellers[0], &operator)]);
    market.execute(&[offer_reprice(&offer, &wallet, 999), offer_set_expiry(&offer, &wallet, gate)]);
    market.to_gate(-1);
    let (late, last) = (market.ask(1, 10, 500), market.bid(1, 10, 3_500));
    market.to_gate(0);
    let late_bid = market.bidding(2, 10, 3_500).0;
    market.assert_refused(&[late_bid], MultibusError::GateClosed);
    for (offer, caller) in [(offer, wallet), (late, late.wallet), (offer, operator)] {
        market.assert_refused(&[offer_cancel(&offer, &caller)], MultibusError::BookFixed);
    }
    market.assert_refused(&[offer_reprice(&offer, &wallet, 998)], MultibusError::GateClosed);
    let owner = market.seller;
    market.assert_refused(&[capacity_close(&bus, market.window, &owner, &owner)], MultibusError::WindowHasOffers);
    market.clear();
    // 110 Wh for the asks at 500 and 999: the offer is repriced, and lives until the gate.
    let window = market.window_state();
    assert_eq!((window.price_per_kwh, window.volume_wh), (999, 110));
    market.settle_all();
    assert_eq!(market.bid_state(&last).state, BidState::Filled as u8);
    market.wind_down();
}

#[test]
pub fn pool_report_counts_and_pays_a_seller_once() {
    refuses!(theft: pool_report; capacity_leak: pool_report);
    withstands!(arithmetic: pool_report; token_2022: pool_report, bid_settle, ask_settle);
    for program in TokenProgram::BOTH {
        let mut chain = TestChain::new();
        let mint = chain.mint("mint", program, &[]);
        let mut market = AuctionMarket::on_chain(chain, mint, true, |options| options);
        let window = market.bus.window(market.window);
        let (one, two) = (market.ask(0, 700, 1_000), market.ask(1, 300, 1_000));
        let bid = market.bid(0, 1_000, 1_001);
        market.to_gate(0);
        market.clear();
        market.settle_all();
        // 1,000 Wh at the middle of 1,000 and 1,001.
        assert_eq!(market.window_state().price_per_kwh, 1_000);
        market.assert_refused(&[market.pool(0)], MultibusError::WindowNotFinal);
        market.to_end(0);
        market.report(0, 333);
        market.to_end(3_599);
        market.assert_refused(&[market.pool(0)], MultibusError::WindowNotFinal);
        market.to_end(3_600);
        // The second seller is silent, and is counted at the deadline.
        let (owner, book) = (market.seller, market.book(0));
        for offer in [one, two] {
            market.execute(&[offer_cancel(&offer, &owner)]);
        }
        let wallet = market.sellers[0].wallet;
        market.assert_refused(&[delivery_close(&book, &wallet, &wallet)], MultibusError::PoolOpen);
        let good = market.pool(0);
        let mut stolen = good.clone();
        stolen.accounts[4].pubkey = market.sellers[1].vault;
        market.assert_refused(&[stolen], MultibusError::VaultMismatch);
        let mut stolen = good.clone();
        stolen.accounts[2].pubkey = market.sellers[1].address;
        market.assert_refused(&[stolen], MultibusError::SellerMismatch);
        let meta = market.execute(std::slice::from_ref(&good));
        let due = 333 * (FEE + 1_000) / 1_000;
        assert_logged(
            &meta,
            &event::PoolReported {
                bus: market.bus.address,
                capacity: window,
                book: book.address,
                seller: market.sellers[0].address,
                window_start: market.window,
                auction_wh: 700,
                delivered_wh: 333,
                due,
                due_grid_fee: 333 * FEE / 1_000,
                paid: due,
                grid_fee: 333 * FEE / 1_000,
            },
        );
        market.assert_refused(&[good], MultibusError::NothingToReport);
        let late = market.window_state();
        assert_eq!((late.reported_wh, late.delivered_wh, late.pool_complete_at), (700, 333, 0));
        let stranger = market.wallet("stranger");
        market.assert_refused(&[bid_settle(&bid, &stranger, false)], MultibusError::PoolIncomplete);
        market.to_gate(86_400 + 3_600);
        market.execute(&[market.pool(1)]);
        assert_eq!(market.window_state().pool_complete_at, market.now());
        market.execute(&[bid_settle(&bid, &stranger, false)]);
        let state = market.bid_state(&bid);
        assert_eq!((state.delivered_wh, state.paid), (333, (501_000u64 * 333).div_ceil(1_000)));
        market.wind_down();
    }
}

#[test]
fn a_frozen_vault_of_one_seller_holds_up_nobody() {
    refuses!(blocked_exit: pool_report);
    withstands!(blocked_exit: pool_report, bid_settle);
    let mut market = AuctionMarket::new(true);
    let (mint, stranger) = (market.bus.mint, market.wallet("stranger"));
    market.ask(0, 1_000, 1_000);
    let bid = market.bid(0, 1_000, 1_000);
    market.to_gate(0);
    market.clear();
    market.settle_all();
    market.to_end(0);
    market.report(0, 600);
    market.to_end(3_600);
    let vault = market.sellers[0].vault;
    market.freeze(&mint, &vault);
    market.execute(&[market.pool(0)]);
    let book: multibus::state::DeliveryBook = market.state(&market.book(0).address);
    assert_eq!((book.pool_due, book.pool_grid_fee), (300_600, 300_000));
    market.assert_refused(&[market.pool(0)], MultibusError::PayerFrozen);
    // The buyer is refunded.
    let tokens = market.tokens(&bid.refund);
    market.execute(&[bid_settle(&bid, &stranger, false)]);
    assert_eq!(market.tokens(&bid.refund), tokens + 200_400);
    market.thaw(&mint, &vault);
    market.execute(&[market.pool(0)]);
    let seller = market.seller_state(&market.sellers[0]);
    assert_eq!((seller.released, seller.grid_fees_owed), (600, 300_000));
    market.assert_refused(&[market.pool(0)], MultibusError::NothingToReport);
    market.wind_down();
}

#[test]
fn delivered_energy_is_divided_between_trade_and_auction_and_certified_once() {
    withstands!(capacity_leak: pool_report, bid_settle, ask_settle);
    let mut market = AuctionMarket::new(true);
    let (stranger, buyer) = (market.wallet("stranger"), market.buyers[1]);
    let offer = market.ask(0, 1_000, 1_000);
    let position = market.book(0).position(&buyer.wallet);
    market.execute(&[position_open(&position, &buyer.wallet), market.purchase_as(&buyer, &offer, 400)]);
    let bids = [market.bid(0, 400, 2_000), market.bid(2, 200, 2_000)];
    market.to_gate(0);
    market.clear();
    market.settle_all();
    market.to_end(0);
    market.report(0, 501);
    market.to_end(3_600);
    // c = 400, b = 600, D = 501: D_b = floor(501 x 600 / 1,000) = 300.
    market.execute(&[market.pool(0)]);
    let BookWindow { sold_wh, auction_wh, .. } = market.book_window(0);
    assert_eq!((sold_wh, auction_wh, market.window_state().delivered_wh), (400, 600, 300));
    market.execute(&[delivery_release(&market.book(0))]);
    for bid in &bids {
        market.execute(&[bid_settle(bid, &stranger, false)]);
    }
    let delivered: Vec<u64> = bids.iter().map(|bid| market.bid_state(bid).delivered_wh).collect();
    assert_eq!(delivered, [200, 100]);
    let book = market.book(0);
    let certificate_of = |market: &AuctionMarket, bid: &multibus_tests::BidAddresses| {
        let range_start = market.book_window(0).certified_wh;
        let certificate = pda::certificate(&book.seller.address, market.window, range_start).0;
        certificate_take(&book, &bid.buyer, bid.address, certificate, market.window)
    };
    for bid in &bids {
        let take = certificate_of(&market, bid);
        let mut other = take.clone();
        other.accounts[0].pubkey = buyer.wallet;
        market.assert_refused(&[other], MultibusError::BidBuyerMismatch);
        market.execute(&[take]);
        let again = certificate_of(&market, bid);
        market.assert_refused(&[again], MultibusError::AlreadyCertified);
        market.execute(&[bid_settle(bid, &stranger, false)]);
    }
    let (take, _) = market.take_certificate(&book, &buyer.wallet, market.window);
    market.execute(&[take]);
    let window = market.book_window(0);
    assert_eq!((window.certified_wh, window.auction_certified_wh), (501, 300));
    market.wind_down();
}

#[test]
fn a_device_reports_once_the_auction_is_over_for_its_seller() {
    let mut market = AuctionMarket::new(true);
    let stranger = market.wallet("stranger");
    let (offer, dear) = (market.ask(0, 1_000, 1_000), market.ask(0, 500, 9_000));
    market.bid(0, 1_000, 1_000);
    market.to_end(0);
    let reading = multibus::state::Reading { window_start: market.window, energy_wh: 900, sequence: 1 };
    let report =
        delivery_report(&market.book(0), &market.devices[0], reading, multibus::state::ReadingProof::Transaction);
    market.assert_refused(std::slice::from_ref(&report), MultibusError::AuctionNotOver);
    market.clear();
    market.execute(&[ask_settle(&offer)]);
    market.assert_refused(std::slice::from_ref(&report), MultibusError::AuctionNotOver);
    market.execute(&[offer_cancel(&dear, &stranger)]);
    market.execute(&[report]);
    market.wind_down();
}

#[test]
fn a_book_that_closed_is_counted_in_no_pool() {
    refuses!(revival: pool_report);
    let mut market = AuctionMarket::new(true);
    let wallet = market.sellers[0].wallet;
    let (offer, bid) = (market.ask(0, 1_000, 1_000), market.bid(0, 1_000, 1_000));
    market.to_gate(0);
    market.clear();
    market.settle_all();
    market.execute(&[offer_cancel(&offer, &wallet)]);
    market.to_gate(2 * 86_400);
    let (book, report) = (market.book(0), market.pool(0));
    market.execute(std::slice::from_ref(&report));
    let fund = solana_system_interface::instruction::transfer(&market.fee_payer, &book.address, 50_000_000);
    // The book closes after the last of its 96 windows.
    market.pass(2 * 86_400);
    let close = delivery_close(&book, &wallet, &wallet);
    market.assert_refused(&[close.clone(), fund.clone(), report.clone()], Refusal::NotTheAccount);
    market.execute(&[close, fund]);
    market.assert_refused(&[report], Refusal::NotTheAccount);
    // The bid is refunded of all: nothing was delivered.
    let before = market.tokens(&bid.refund);
    market.execute(&[bid_settle(&bid, &wallet, false)]);
    assert_eq!(market.tokens(&bid.refund), before + 501_000);
    market.wind_down();
}

#[test]
fn an_auction_is_held_in_wrapped_sol() {
    for program in TokenProgram::BOTH {
        for on_delivery in [false, true] {
            let mut chain = TestChain::new();
            let mint = chain.native_mint(program);
            chain.fund(&chain.fee_payer.clone(), 1 << 62);
            let mut market = AuctionMarket::on_chain(chain, mint, on_delivery, |options| options);
            let (escrow, fee_payer) = (market.bus.escrow, market.fee_payer);
            // Lamports that lie in the escrow are nobody's tokens until it closes.
            market.arrange(&[solana_system_interface::instruction::transfer(&fee_payer, &escrow, 777)]);
            let offer = market.ask(0, 1_000, 1_000);
            let (bid, low) = (market.bid(0, 700, 3_000), market.bid(1, 700, 999));
            market.execute(&[bid_cancel(&low, low.refund)]);
            market.to_gate(0);
            market.clear();
            let before = market.tokens(&bid.refund);
            market.settle_all();
            // 700 Wh at 1,000 of 3,000.
            assert_eq!(market.tokens(&bid.refund), before + 1_400);
            if on_delivery {
                market.to_end(0);
                market.report(0, 350);
                market.to_end(3_600);
                market.execute(&[market.pool(0)]);
            } else {
                let seller = offer.wallet;
                market.execute(&[offer_cancel(&offer, &seller)]);
            }
            let sold = if on_delivery { 350 } else { 700 };
            let seller = market.seller_state(&market.sellers[0]);
            assert_eq!((seller.released, seller.grid_fees_owed), (sold, sold * FEE / 1_000));
            market.wind_down();
        }
    }
}

/// A wallet may bid for what it offers. It pays itself, and the grid.
#[test]
fn all_orders_are_those_of_one_wallet() {
    for on_delivery in [false, true] {
        let mut market = AuctionMarket::new(on_delivery);
        let (mint, wallet) = (market.bus.mint, market.sellers[0].wallet);
        let payment = market.associated_account(&mint, &wallet);
        market.gift(&mint, &payment, 10_000_000);
        let own = Buyer { wallet, payment, lane: market.open_lane(&wallet, 0) };
        market.buyers[0] = own;
        for price in [1_000, 2_000, 3_000] {
            market.ask(0, 1_000, price);
            market.bid(0, 1_000, price);
        }
        market.to_gate(0);
        market.clear();
        // 1,000 Wh at 3,000 and 1,000 at 2,000 for as many at 1,000 and 2,000.
        assert_eq!((market.window_state().price_per_kwh, market.window_state().volume_wh), (2_000, 2_000));
        market.settle_all();
        if on_delivery {
            let offers: Vec<_> = market.all::<Offer>().into_iter().filter(|(_, offer)| offer.settled == 0).collect();
            for (_, offer) in offers {
                let seller = market.sellers[0];
                let of = OfferAddresses::of(&seller, offer.capacity, offer.number, &wallet).in_book(market.book(0));
                market.execute(&[offer_cancel(&of, &wallet)]);
            }
            market.to_end(0);
            market.report(0, 2_000);
            market.to_end(3_600);
            market.execute(&[market.pool(0)]);
            market.settle_all();
        }
        // 2,000 Wh at 502,000 and no more.
        assert_eq!(market.tokens(&payment), 10_000_000 - 1_004_000);
        market.wind_down();
    }
}

#[test]
fn an_offer_that_expires_before_the_gate_second_asks_for_nothing() {
    let mut market = AuctionMarket::new(false);
    let (gate, stranger) = (market.gate(), market.wallet("stranger"));
    let late = market.listing_of(0, 1_000, 1_000, gate + 1).0;
    market.assert_refused(&[late], MultibusError::ExpiryTooLate);
    let mut offers = vec![];
    for (energy_wh, expires_at) in [(1_000, gate - 1), (200, gate)] {
        let (create, offer) = market.listing_of(0, energy_wh, 1_000, expires_at);
        market.execute(&[create]);
        offers.push(offer);
    }
    market.bid(0, 5_000, 1_000);
    market.to_gate(-1);
    // The first is over, and closes like any that is; until the gate the other trades.
    let buyer = market.buyers[1];
    let early = market.purchase_as(&buyer, &offers[0], 1);
    market.assert_refused(&[early], MultibusError::OfferExpired);
    let purchase = market.purchase_as(&buyer, &offers[1], 50);
    market.execute(&[purchase]);
    market.to_gate(0);
    market.assert_refused(&[offer_cancel(&offers[0], &stranger)], MultibusError::BookFixed);
    let purchase = market.purchase_as(&buyer, &offers[1], 50);
    market.assert_refused(&[purchase], MultibusError::OfferExpired);
    market.clear();
    assert_eq!(market.window_state().volume_wh, 150);
    market.execute(&[offer_cancel(&offers[0], &stranger)]);
    market.wind_down();
}

/// Least bids cost their sender a fee and two base units each, and change no price but theirs.
#[test]
fn a_spam_of_least_bids_changes_nobodys_outcome() {
    let mut market = AuctionMarket::new(false);
    let (offer, bid) = (market.ask(0, 1_000, 1_000), market.bid(0, 1_000, 3_000));
    for _ in 0..150 {
        market.bid(2, 1, 1);
    }
    market.to_gate(0);
    market.clear();
    assert_eq!((market.window_state().price_per_kwh, market.window_state().volume_wh), (2_000, 1_000));
    let spent = market.tokens(&market.buyers[2].payment);
    market.settle_all();
    // ceil(500.001) each came back.
    assert_eq!(market.tokens(&market.buyers[2].payment), spent + 150 * 501);
    assert_eq!((market.offer_state(&offer).proceeds, market.exists(&bid.address)), (502_000, false));
    assert_eq!((market.window_state().open_bids, market.window_state().escrowed), (0, 0));
    market.wind_down();
}

/// Seen: a seller closed its book before the pool was complete, and the bids had nothing left to take certificates of.
#[test]
fn a_book_stays_open_for_the_certificates_of_bids() {
    refuses!(theft: delivery_close; blocked_exit: delivery_close);
    let mut market = AuctionMarket::with(true, |options| {
        // Only the windows of a day belong to a book, so that the bus closes in between.
        options.with(|config| config.terms.reading_deadline_seconds = 2 * 86_400)
    });
    let (stranger, wallet, bus) = (market.wallet("stranger"), market.sellers[0].wallet, market.bus);
    let offers = [market.ask(0, 1_000, 1_000), market.ask(1, 1_000, 1_000)];
    let bid = market.bid(0, 2_000, 1_000);
    market.to_gate(0);
    market.clear();
    market.settle_all();
    for offer in &offers {
        market.execute(&[offer_cancel(offer, &stranger)]);
    }
    market.decide(&bus, ProposalAction::BusClose);
    market.to_end(0);
    market.report(0, 1_000);
    market.to_end(3_600);
    let (book, window) = (market.book(0), market.window);
    let close = |caller| delivery_close(&book, caller, &wallet);
    market.assert_refused(&[market.pool(0), delivery_release(&book), close(&wallet)], MultibusError::CertificatesOpen);
    market.execute(&[market.pool(0), delivery_release(&book)]);
    // The second seller reads in the last second that there is, and corrects for an hour.
    let deadline = market.gate() + 86_400 + 2 * 86_400;
    market.go_to(deadline - 1);
    market.report(1, 400);
    let last = deadline + 3_600 + 30 * 86_400;
    market.go_to(last - 1);
    for caller in [&wallet, &stranger] {
        market.assert_refused(&[close(caller)], MultibusError::CertificatesOpen);
    }
    market.execute(&[market.pool(1), bid_settle(&bid, &stranger, false)]);
    let take = |market: &AuctionMarket, seller: usize| {
        let (book, range_start) = (market.book(seller), market.book_window(seller).certified_wh);
        let certificate = pda::certificate(&book.seller.address, window, range_start).0;
        certificate_take(&book, &bid.buyer, bid.address, certificate, window)
    };
    market.execute(&[take(&market, 0)]);
    assert_eq!(market.book_window(0).auction_certified_wh, 1_000);
    // Once its bids have everything, the seller waits no more.
    market.execute(&[close(&wallet)]);
    let second = delivery_close(&market.book(1), &market.sellers[1].wallet, &market.sellers[1].wallet);
    market.assert_refused(std::slice::from_ref(&second), MultibusError::CertificatesOpen);
    market.go_to(last);
    market.execute(&[second]);
    // 1,400 Wh were delivered to the bid; of 400 nobody asked for a certificate.
    let state = market.bid_state(&bid);
    assert_eq!((state.delivered_wh, state.certified_wh), (1_400, 1_000));
    market.wind_down();
}

/// Seen: on a closing bus a stranger returned the bids of others, so that its own got everything.
#[test]
fn nobody_chooses_the_orders_of_an_auction_on_a_closing_bus() {
    refuses!(theft: offer_cancel, bid_settle);
    let mut market = AuctionMarket::new(false);
    let (bus, stranger) = (market.bus, market.buyers[1].wallet);
    let (offer, rival) = (market.ask(0, 1_000, 1_000), market.ask(1, 1_000, 60_000));
    let (high, low) = (market.bid(0, 1_000, 50_000), market.bid(1, 1_000, 1_000));
    market.decide(&bus, ProposalAction::BusClose);
    for bid in [&high, &low] {
        market.assert_refused(&[bid_settle(bid, &stranger, false)], MultibusError::AuctionNotOver);
    }
    for offer in [&offer, &rival] {
        market.assert_refused(&[offer_cancel(offer, &stranger)], MultibusError::OfferStillTrading);
    }
    let before = market.snapshot();
    // Whose they are may withdraw them. Without offers bids come back, without bids offers are anyone's to withdraw.
    market.execute(&[offer_cancel(&offer, &offer.wallet), offer_cancel(&rival, &rival.wallet)]);
    market.execute(&[bid_settle(&high, &stranger, false), bid_settle(&low, &stranger, false)]);
    market.restore(before);
    let before = market.snapshot();
    market.execute(&[bid_cancel(&high, high.refund), bid_cancel(&low, low.refund)]);
    market.execute(&[offer_cancel(&offer, &stranger), offer_cancel(&rival, &stranger)]);
    market.restore(before);
    // Else the auction takes its course.
    market.to_gate(0);
    market.clear();
    assert_eq!((market.window_state().price_per_kwh, market.window_state().volume_wh), (25_500, 1_000));
    market.wind_down();
}

/// Seen: a bid of 1 Wh and an offer of 1 Wh in a window a year ahead kept a closing bus open until its gate.
#[test]
fn orders_far_ahead_keep_no_closing_bus_open() {
    withstands!(blocked_exit: bid_settle, offer_cancel, bus_close);
    // The gate comes a year, a second more than a day, and just a day after the decision.
    for after in [365 * 86_400, 86_401, 86_400] {
        for offers_first in [false, true] {
            let mut market =
                AuctionMarket::with(false, |options| options.with(|config| config.horizon_seconds = 366 * 86_400));
            let (bus, stranger, owner) = (market.bus, market.wallet("stranger"), market.seller);
            market.execute(&[capacity_close(&bus, market.window, &owner, &owner)]);
            let window = (market.now() + 365 * 86_400) / 900 * 900;
            market.execute(&[capacity_open(&bus, &stranger, window)]);
            market.window = window;
            let offers = [market.ask(0, 1, 1), market.ask(1, 1, 1)];
            let bids = [market.bid(0, 1, 1), market.bid(1, 1, 1)];
            market.to_gate(-after);
            market.decide(&bus, ProposalAction::BusClose);
            let (cancel, settle) = (offer_cancel(&offers[0], &stranger), bid_settle(&bids[0], &stranger, false));
            if after == 86_400 {
                market.assert_refused(&[cancel], MultibusError::OfferStillTrading);
                market.assert_refused(&[settle], MultibusError::AuctionNotOver);
                market.wind_down();
                continue;
            }
            // Its own seller's cancellation gives nothing up.
            let before = market.snapshot();
            market.execute(&[offer_cancel(&offers[0], &offers[0].wallet)]);
            assert_eq!(market.window_state().given_up, 0);
            market.restore(before);
            market.execute(&[if offers_first { cancel.clone() } else { settle.clone() }]);
            assert_eq!(market.window_state().given_up, 1);
            // From then on all orders are free, and there will be no auction.
            let before = market.snapshot();
            market.to_gate(0);
            let clearing = market.clearing();
            market.assert_refused(&[clearing_open(&clearing, 1, 1)], MultibusError::AuctionNotFixed);
            market.restore(before);
            market.execute(&[if offers_first { settle } else { cancel }]);
            market.execute(&[offer_cancel(&offers[1], &stranger), bid_settle(&bids[1], &stranger, false)]);
            market.execute(&[capacity_close(&bus, window, &stranger, &stranger)]);
            for seller in market.sellers.clone() {
                let close = market.close_meter(&seller, &seller.wallet);
                market.execute(&[close]);
            }
            market.wind_down();
        }
    }
}

/// Also in the last minutes, and whoever withdraws.
#[test]
fn an_auction_that_is_given_up_is_over_in_its_last_minutes_too() {
    let mut market = AuctionMarket::new(false);
    let (bus, stranger) = (market.bus, market.wallet("stranger"));
    let window = market.window + 3 * 86_400;
    let owner = market.seller;
    market.execute(&[capacity_close(&bus, market.window, &owner, &owner), capacity_open(&bus, &owner, window)]);
    market.window = window;
    let (offer, bid) = (market.ask(0, 1_000, 1_000), market.bid(0, 1_000, 3_000));
    market.decide(&bus, ProposalAction::BusClose);
    market.to_gate(-1);
    market.assert_refused(&[offer_cancel(&offer, &offer.wallet)], MultibusError::LastMinutes);
    market.execute(&[offer_cancel(&offer, &stranger)]);
    market.execute(&[bid_settle(&bid, &stranger, false)]);
    market.wind_down();
}

#[test]
fn without_a_fill_an_offer_is_free_at_once() {
    let mut market = AuctionMarket::new(false);
    let stranger = market.wallet("stranger");
    // Nothing crosses.
    let (offer, bid) = (market.ask(0, 1_000, 3_000), market.bid(0, 1_000, 2_999));
    market.to_gate(0);
    market.clear();
    assert_eq!(market.window_state().volume_wh, 0);
    market.assert_refused(&[ask_settle(&offer)], MultibusError::OrderGetsNothing);
    market.execute(&[offer_cancel(&offer, &stranger), bid_settle(&bid, &stranger, false)]);
    let left: Vec<(_, Offer)> = market.all();
    assert!(left.is_empty() && !market.exists(&bid.address));
    market.assert_refused(&[ask_settle(&offer)], Refusal::NotTheAccount);
    market.wind_down();
}

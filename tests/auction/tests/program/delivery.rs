//! The pool of an auction on delivery terms, beside continuous trade.

use {
    multibus::{error::MultibusError, state::*},
    multibus_auction::{Dice, FEE, Market},
};

/// Random trade, auctions and deliveries, unless `MULTIBUS_GAMES` says how many.
const GAMES: u64 = 25;

#[test]
fn a_silent_seller_refunds_its_part() {
    let mut market = Market::new(true);
    let window = market.window;
    market.ask(0, 1_000, 1_000_000);
    market.ask(1, 1_000, 1_000_000);
    let bids = [market.bid(0, 1_500, 1_000_000), market.bid(1, 500, 1_000_000)];
    let before: Vec<u64> = market.buyers.iter().map(|buyer| market.tokens_of(buyer)).collect();
    market.to_gate(0);
    market.clear();
    market.net.settle_all(window, |_| 0);
    market.cancel_offers();
    market.to_end(0);
    market.report(0, 2_000);
    let silent = market.net.pool_report(&market.book(1), window);
    // Without a reading a window is final one hour after the latest second in which its auction could end.
    let final_at = market.gate() + 86_400 + 3_600;
    market.net.go_to(final_at - 1);
    market.net.refuse(std::slice::from_ref(&silent), MultibusError::WindowNotFinal);
    market.net.pass(1);
    let first = market.net.pool_report(&market.book(0), window);
    market.net.run(&[silent, first]);
    let late = market.net.delivery_report(
        &market.devices[1],
        &market.book(1),
        Reading { window_start: window, energy_wh: 1, sequence: 1 },
        ReadingProof::Transaction,
    );
    market.net.refuse(&[late], MultibusError::ReadingTooLate);
    assert_eq!((market.capacity().delivered_wh, market.capacity().reported_wh), (1_000, 2_000));
    for bid in &bids {
        let settle = market.net.bid_settle(&market.clearer, bid, false);
        market.net.run(&[settle]);
    }
    let back: Vec<u64> =
        market.buyers.iter().zip(&before).map(|(buyer, before)| market.tokens_of(buyer) - before).collect();
    assert_eq!(back, [1_125_000, 375_000, 0]);
    market.wind_down();
}

#[test]
fn a_window_is_not_final_before_its_offers_are_settled() {
    let mut market = Market::new(true);
    let window = market.window;
    let ask = market.ask(0, 1_000, 1_000_000);
    let buyer = market.buyers[1];
    let (account, book) = (market.net.ata_of(&buyer), market.book(0));
    let open = market.net.position_open(&buyer, &book, &buyer);
    market.net.run(&[open]);
    let purchase = market.net.purchase(&buyer, &account, &ask, 200);
    market.net.run(&[purchase]);
    market.bid(0, 800, 1_000_000);
    market.to_gate(0);
    market.clear();
    market.to_gate(86_400);
    // The auction must be over by now, so the device may report; the ask is not settled yet.
    market.report(0, 500);
    market.net.pass(100 * 86_400);
    let position = market.net.position(&book, &buyer);
    let release = market.net.delivery_release(&book);
    market.net.refuse(std::slice::from_ref(&release), MultibusError::NothingToRelease);
    let refund = market.net.delivery_refund(&position);
    market.net.refuse(std::slice::from_ref(&refund), MultibusError::NothingToRefund);
    let pool = market.net.pool_report(&book, window);
    market.net.refuse(std::slice::from_ref(&pool), MultibusError::NothingToReport);
    let close = market.net.delivery_close(&market.sellers[0], &book);
    market.net.refuse(std::slice::from_ref(&close), MultibusError::BookInUse);
    market.net.settle_all(window, |_| 0);
    market.net.run(&[release, refund, pool]);
    // 500 Wh: 400 of the auction's 800, 100 of the other 200.
    let state: DeliveryBook = market.net.state(&book);
    let parts = state.windows[state.place(window).unwrap()].delivered_parts();
    assert_eq!((parts.auction_wh, parts.traded_wh), (400, 100));
    market.wind_down();
}

#[test]
fn certificates_of_bids_end_with_their_time() {
    let mut market = Market::new(true);
    let window = market.window;
    market.ask(0, 1_000, 1_000_000);
    let bid = market.bid(0, 1_000, 1_000_000);
    market.to_gate(0);
    market.clear();
    market.net.settle_all(window, |_| 0);
    market.cancel_offers();
    let seller = market.sellers[0];
    let early = market.net.certificate_of_bid(&bid, &seller).0;
    market.net.refuse(&[early], MultibusError::WindowNotFinal);
    market.to_end(0);
    market.report(0, 600);
    market.net.pass(3_600);
    let early = market.net.certificate_of_bid(&bid, &seller).0;
    market.net.refuse(std::slice::from_ref(&early), MultibusError::PoolIncomplete);
    let pool = market.net.pool_report(&market.book(0), window);
    let settle = market.net.bid_settle(&market.clearer, &bid, false);
    market.net.run(&[pool, settle]);
    // Another buyer cannot take it.
    let mut wrong = early.clone();
    wrong.accounts[0].pubkey = market.buyers[1];
    market.net.refuse(&[wrong], MultibusError::BidBuyerMismatch);
    // Nor does a stranger close the bid before its time.
    let close = market.net.bid_settle(&market.clearer, &bid, true);
    market.net.refuse(std::slice::from_ref(&close), MultibusError::NothingToSettle);
    market.net.pass(30 * 86_400 - 1);
    market.net.refuse(std::slice::from_ref(&close), MultibusError::NothingToSettle);
    market.net.pass(1);
    market.net.run(&[close]);
    market.wind_down();
}

/// Random continuous trade and auctions, random deliveries: nothing is negative or short, and what is left is rounding.
#[test]
fn what_was_paid_is_divided_to_the_base_unit() {
    let games = std::env::var("MULTIBUS_GAMES").map_or(GAMES, |games| games.parse().expect("a number of games"));
    for seed in 0..games {
        let mut dice = Dice(seed + 1_000);
        let mut market = Market::new(true);
        let window = market.window;
        let stranger = market.net.payer;
        let mut asks = Vec::new();
        for seller in 0..3 {
            asks.push(market.ask(seller, 1 + dice.below(9_000), 1 + dice.below(2_000_000)));
        }
        for (seller, ask) in asks.iter().enumerate() {
            for buyer in market.buyers.clone() {
                let open = market.net.position_open(&buyer, &market.book(seller), &buyer);
                market.net.run(&[open]);
                if dice.below(2) == 0 {
                    let energy_wh = 1 + dice.below(3_000);
                    let account = market.net.ata_of(&buyer);
                    let purchase = market.net.purchase(&buyer, &account, ask, energy_wh);
                    market.net.attempt(&[purchase]);
                }
            }
        }
        for _ in 0..=dice.below(12) {
            let (buyer, energy_wh, price) = (dice.place(3), 1 + dice.below(3_000), 1 + dice.below(3_000_000));
            market.bid(buyer, energy_wh, price);
        }
        market.to_gate(0);
        market.clear();
        market.net.settle_all(window, |count| dice.place(count));
        market.cancel_offers();
        market.to_end(0);
        for seller in 0..3 {
            if dice.below(4) > 0 {
                let energy_wh = dice.below(10_000);
                market.report(seller, energy_wh);
            }
        }
        market.net.pass(2 * 86_400);
        let capacity = market.capacity();
        let paid: u64 = market.net.orders(window).0.iter().map(|(_, bid)| bid.paid).sum();
        let price = capacity.auction_full_price();
        let mut due = 0;
        for seller in 0..3 {
            let book = market.book(seller);
            let state: DeliveryBook = market.net.state(&book);
            let of_window = state.windows[state.place(window).unwrap()];
            if of_window.auction_wh == 0 {
                continue;
            }
            let before = market.net.state::<Seller>(&state.seller);
            let pool = market.net.pool_report(&book, window);
            market.net.run(&[pool]);
            let after = market.net.state::<Seller>(&state.seller);
            let (c, b) = (of_window.sold_wh as u128, of_window.auction_wh as u128);
            let counted = (of_window.delivered_wh as u128).min(c + b);
            let of_auction = counted * b / (c + b);
            let all = of_auction * price as u128 / 1_000;
            let grid = of_auction * FEE as u128 / 1_000;
            assert_eq!((after.released - before.released) as u128, all - grid);
            assert_eq!((after.grid_fees_owed - before.grid_fees_owed) as u128, grid);
            due += all as u64;
        }
        let bids = market.net.orders(window).0;
        let (t, q) = (market.capacity().delivered_wh as u128, capacity.volume_wh as u128);
        let mut kept = 0;
        let mut certifiable = 0;
        for (address, bid) in &bids {
            let settle = market.net.bid_settle(&stranger, address, false);
            market.net.run(&[settle]);
            let final_paid = u64::try_from((bid.paid as u128 * t).div_ceil(q)).unwrap();
            kept += final_paid;
            if market.net.exists(address) {
                let now: Bid = market.net.state(address);
                assert_eq!((now.paid, now.deposit), (final_paid, final_paid));
                assert_eq!(now.delivered_wh as u128, bid.allotted_wh as u128 * t / q);
                certifiable += now.delivered_wh;
            }
        }
        assert!(kept >= due && kept <= paid && certifiable as u128 <= t);
        assert!(kept - due <= 2 * bids.len() as u64 + 3, "{} base units are left", kept - due);
        assert_eq!(market.capacity().escrowed, kept - due);
        // Every bid takes the certificates that it can.
        for (address, _) in &bids {
            for seller in market.sellers.clone() {
                if market.net.exists(address) {
                    let take = market.net.certificate_of_bid(address, &seller).0;
                    market.net.attempt(&[take]);
                }
            }
            if market.net.exists(address) {
                let now: Bid = market.net.state(address);
                assert_eq!(now.certified_wh, now.delivered_wh, "all that was delivered to it can be certified");
            }
        }
        market.wind_down();
    }
}

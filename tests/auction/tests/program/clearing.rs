//! Clearers that are wrong, hostile, late or gone.

use {
    multibus::{constants::AUCTION_PROOF_SECONDS, error::MultibusError, state::*},
    multibus_auction::{Dice, Market},
    solana_address::Address,
};

/// Three asks and three bids whose price is anything from 1,000,000 to 1,200,000.
fn market() -> Market {
    let mut market = Market::new(false);
    for (seller, energy_wh, price) in [(0, 3_000, 900_000), (1, 2_000, 1_000_000), (2, 4_000, 1_500_000)] {
        market.ask(seller, energy_wh, price);
    }
    for (buyer, energy_wh, price) in [(0, 2_000, 1_300_000), (1, 3_000, 1_200_000), (2, 1_000, 950_000)] {
        market.bid(buyer, energy_wh, price);
    }
    market.to_gate(0);
    assert_eq!(market.net.book_of(market.window).prices(), Some((1_000_000, 1_200_000)));
    market
}

#[test]
fn every_wrong_price_is_refused() {
    let mut market = market();
    let (window, clearer) = (market.window, market.clearer);
    let claims = [
        (0, 0),
        (0, u64::MAX),
        (999_999, 1_200_000),
        (1_000_001, 1_200_000),
        (1_000_000, 1_000_000),
        (1_000_000, 1_199_999),
        (1_000_000, 1_200_001),
        (1_200_000, 1_200_000),
        (1_100_000, 1_100_000),
        (900_000, 1_300_000),
        (1_000_000, u64::MAX),
        (u64::MAX, u64::MAX),
    ];
    for (low, high) in claims {
        market.net.tally(&clearer, window, low, high);
        let apply = market.net.clearing_apply(&clearer, window);
        market.net.refuse(&[apply], MultibusError::PriceWrong);
        let close = market.net.clearing_close(&clearer, &market.net.clearing(window, &clearer));
        market.net.run(&[close]);
    }
    let reversed = market.net.clearing_open(&clearer, window, 1_200_000, 1_000_000);
    market.net.refuse(&[reversed], MultibusError::PricesReversed);
    market.clear();
    assert_eq!((market.capacity().price_per_kwh, market.capacity().volume_wh), (1_100_000, 5_000));
    let late = market.net.clearing_open(&market.buyers[0], window, 1_000_000, 1_200_000);
    market.net.refuse(&[late], MultibusError::AuctionNotFixed);
    market.wind_down();
}

#[test]
fn every_order_counts_once_and_none_is_left_out() {
    let mut market = market();
    let (window, clearer) = (market.window, market.clearer);
    let orders = market.net.sorted_orders(window);
    let open = market.net.clearing_open(&clearer, window, 1_000_000, 1_200_000);
    market.net.run(&[open]);
    let apply = market.net.clearing_apply(&clearer, window);
    market.net.refuse(std::slice::from_ref(&apply), MultibusError::OrdersMissing);
    let tally = |market: &Market, orders: &[Address]| market.net.clearing_tally(&clearer, window, orders);
    for wrong in [[0, 0], [1, 0], [5, 4]] {
        let wrong = tally(&market, &wrong.map(|index| orders[index]));
        market.net.refuse(&[wrong], MultibusError::OrderNotAscending);
    }
    // Accounts of other kinds, of other windows, and of nobody.
    let other_window = window + 900;
    let owner = market.owner;
    let open = market.net.capacity_open(&owner, other_window);
    market.net.run(&[open]);
    let (buyer, wallet) = (market.buyers[0], market.sellers[0]);
    let account = market.net.ata_of(&buyer);
    let (create, foreign) = market.net.bid_create(&buyer, &account, other_window, 10, 2_000_000);
    market.net.run(&[create]);
    let (create, listed) = market.net.offer_create(&wallet, &wallet, other_window, (10, 5, other_window - 60));
    market.net.run(&[create]);
    let others = [
        foreign,
        listed,
        market.net.capacity(window),
        market.net.bus,
        market.net.clearing(window, &market.buyers[1]),
        market.net.trader(&buyer),
        account,
        buyer,
        Address::new_from_array([1; 32]),
    ];
    for other in others {
        let wrong = tally(&market, &[other]);
        market.net.refuse(&[wrong], MultibusError::OrderForeign);
    }
    // Somebody else cannot add to it, nor close it.
    let stranger = market.buyers[1];
    let mut wrong = tally(&market, &orders[5..]);
    wrong.accounts[0].pubkey = stranger;
    market.net.refuse(&[wrong], MultibusError::ClearingMismatch);
    let clearing = market.net.clearing(window, &clearer);
    let close = market.net.clearing_close(&stranger, &clearing);
    market.net.refuse(&[close], MultibusError::ClearingInUse);
    // One by one, and one left out.
    for order in &orders[..5] {
        let part = tally(&market, &[*order]);
        market.net.run(&[part]);
    }
    market.net.refuse(std::slice::from_ref(&apply), MultibusError::OrdersMissing);
    let again = tally(&market, &orders[4..5]);
    market.net.refuse(&[again], MultibusError::OrderNotAscending);
    let last = tally(&market, &orders[5..]);
    market.net.run(&[last, apply]);
    assert_eq!(market.capacity().volume_wh, 5_000);
    market.wind_down();
}

#[test]
fn clearers_do_not_disturb_each_other() {
    let mut market = market();
    let window = market.window;
    let [honest, wrong, dead] = [market.clearer, market.buyers[0], market.buyers[1]];
    market.net.tally(&wrong, window, 5, 6);
    let open = market.net.clearing_open(&dead, window, 1_000_000, 1_200_000);
    market.net.run(&[open]);
    let lamports = market.net.lamports(&honest);
    market.net.clear(&honest, window);
    assert_eq!(market.net.lamports(&honest), lamports, "the rent is back");
    let apply = market.net.clearing_apply(&wrong, window);
    market.net.refuse(&[apply], MultibusError::AuctionNotFixed);
    // What is useless now is closed by anybody, for who paid.
    let stranger = market.sellers[0];
    for clearer in [wrong, dead] {
        let (before, clearing) = (market.net.lamports(&clearer), market.net.clearing(window, &clearer));
        let close = market.net.clearing_close(&stranger, &clearing);
        market.net.run(&[close]);
        assert!(market.net.lamports(&clearer) > before && !market.net.exists(&clearing));
    }
    market.wind_down();
}

#[test]
fn a_clearing_outlives_its_window_and_is_closed_all_the_same() {
    let mut market = market();
    let (window, dead) = (market.window, market.buyers[1]);
    let open = market.net.clearing_open(&dead, window, 1_000_000, 1_200_000);
    market.net.run(&[open]);
    market.clear();
    market.net.settle_all(window, |_| 0);
    market.cancel_offers();
    market.to_end(0);
    let (stranger, owner) = (market.net.payer, market.owner);
    let close = market.net.capacity_close(&stranger, window, &owner);
    market.net.run(&[close]);
    let close = market.net.clearing_close(&stranger, &market.net.clearing(window, &dead));
    market.net.run(&[close]);
    market.wind_down();
}

#[test]
fn a_proof_in_the_last_second_counts_and_none_a_second_later() {
    for (second, in_time) in [(AUCTION_PROOF_SECONDS - 1, true), (AUCTION_PROOF_SECONDS, false)] {
        let mut market = market();
        let (window, clearer) = (market.window, market.clearer);
        market.net.tally(&clearer, window, 1_000_000, 1_200_000);
        market.to_gate(second);
        let apply = market.net.clearing_apply(&clearer, window);
        if in_time {
            market.net.run(&[apply]);
            assert_eq!(market.capacity().volume_wh, 5_000);
        } else {
            market.net.refuse(&[apply], MultibusError::AuctionNotFixed);
            let close = market.net.clearing_close(&market.net.payer, &market.net.clearing(window, &clearer));
            market.net.run(&[close]);
            let before: u64 = market.buyers.iter().map(|buyer| market.tokens_of(buyer)).sum();
            let (bids, offers) = market.net.orders(window);
            let deposits: u64 = bids.iter().map(|(_, bid)| bid.deposit).sum();
            for (offer, _) in &offers {
                let settle = market.net.ask_settle(offer);
                market.net.refuse(&[settle], MultibusError::AuctionNotCleared);
            }
            market.cancel_offers();
            for (bid, _) in bids {
                let settle = market.net.bid_settle(&market.net.payer, &bid, false);
                market.net.run(&[settle]);
            }
            let after: u64 = market.buyers.iter().map(|buyer| market.tokens_of(buyer)).sum();
            assert_eq!((after - before, market.capacity().escrowed), (deposits, 0));
        }
        market.wind_down();
    }
}

#[test]
fn one_side_without_energy_sells_nothing() {
    // The only offer is sold out, or expires before the gate: it is counted all the same.
    for is_sold in [true, false] {
        let mut market = Market::new(false);
        let (wallet, window) = (market.sellers[0], market.window);
        let expires_at = if is_sold { market.gate() } else { market.gate() - 1 };
        let (create, offer) = market.net.offer_create(&wallet, &wallet, window, (1_000, 5, expires_at));
        market.net.run(&[create]);
        if is_sold {
            let buyer = market.buyers[0];
            let account = market.net.ata_of(&buyer);
            let purchase = market.net.purchase(&buyer, &account, &offer, 1_000);
            market.net.run(&[purchase]);
        }
        let bid = market.bid(1, 500, 10);
        market.to_gate(0);
        let waits = market.net.bid_settle(&market.net.payer, &bid, false);
        market.net.refuse(&[waits], MultibusError::AuctionNotOver);
        let clearer = market.clearer;
        // Any claim is as good as another.
        market.net.tally(&clearer, window, 3, 77);
        let apply = market.net.clearing_apply(&clearer, window);
        market.net.run(&[apply]);
        assert_eq!((market.capacity().price_per_kwh, market.capacity().volume_wh), (0, 0));
        let settle = market.net.bid_settle(&market.net.payer, &bid, false);
        let cancel = market.net.offer_cancel(&market.net.payer, &offer);
        let nothing = market.net.ask_settle(&offer);
        market.net.refuse(&[nothing], MultibusError::OrderGetsNothing);
        market.net.run(&[settle, cancel]);
        market.wind_down();
    }
}

#[test]
fn all_orders_can_be_of_one_wallet_and_sums_can_be_large() {
    let mut market = Market::new(false);
    let wallet = market.sellers[0];
    market.net.fund(&wallet, 1 << 60);
    let open = market.net.trader_open(&wallet);
    market.net.run(&[open]);
    market.buyers = vec![wallet];
    market.sellers = vec![wallet];
    let most = 1 << 40;
    market.ask(0, most, 3);
    // 64 bids for the whole window each; the energy of all of them does not fit 45 bits.
    for index in 0..64 {
        market.bid(0, most, 4 + index % 2);
    }
    market.to_gate(0);
    market.clear();
    let capacity = market.capacity();
    assert_eq!((capacity.price_per_kwh, capacity.volume_wh), (5, most));
    assert_eq!(capacity.bids, Ration { at_price_wh: 32 * most, filled_wh: most, settled_wh: 0 });
    let mut dice = Dice(3);
    let window = market.window;
    market.net.settle_all(window, |count| dice.place(count));
    assert_eq!(market.net.orders(window).1[0].1.remaining_wh, 0);
    market.wind_down();
}

#[test]
fn a_high_price_fits_as_long_as_its_bid_does() {
    let mut market = Market::new(false);
    market.ask(0, 5, u64::MAX / 8);
    market.bid(0, 5, u64::MAX / 8 + 7);
    market.to_gate(0);
    market.clear();
    assert_eq!((market.capacity().price_per_kwh, market.capacity().volume_wh), (u64::MAX / 8 + 3, 5));
    let window = market.window;
    market.net.settle_all(window, |_| 0);
    market.wind_down();
}

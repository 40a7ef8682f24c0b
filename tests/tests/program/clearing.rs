//! Proofs of the price: `clearing_open`, `clearing_tally`, `clearing_apply` and `clearing_close`.

use {
    multibus::{
        error::MultibusError,
        event,
        state::{self, Capacity, Clearing},
    },
    multibus_tests::{AuctionMarket, TestMarket, event::assert_logged, instructions::*},
    solana_address::Address,
};

/// A market at its gate, with an ask of 1 kWh at 1,000 and a bid of 2 kWh at 3,000.
fn at_the_gate(on_delivery: bool) -> AuctionMarket {
    let mut market = AuctionMarket::new(on_delivery);
    market.ask(0, 1_000, 1_000);
    market.bid(0, 2_000, 3_000);
    market.to_gate(0);
    market
}

#[test]
fn a_proven_price_is_taken_over_and_the_clearing_closes() {
    withstands!(blocked_exit: clearing_open, clearing_tally, clearing_apply, clearing_close; revival: clearing_open);
    let mut market = at_the_gate(false);
    let (bus, clearing) = (market.bus, market.clearing());
    let before = market.lamports(&clearing.clearer);
    // Whatever the owners do meanwhile.
    market.chain.set_paused(&bus, true);
    let meta = market.execute(&[clearing_open(&clearing, 3_000, 3_000)]);
    let window = bus.window(market.window);
    assert_logged(
        &meta,
        &event::ClearingOpened {
            clearing: clearing.address,
            bus: bus.address,
            capacity: window,
            clearer: clearing.clearer,
            low_price: 3_000,
            high_price: 3_000,
            opened_at: market.now(),
        },
    );
    let orders = market.orders();
    let meta = market.execute(&[clearing_tally(&clearing, &orders)]);
    let tallied = event::ClearingTallied { clearing: clearing.address, last: orders[1], bids: 1, offers: 1 };
    assert_logged(&meta, &tallied);
    let expected = state::Clearing {
        layout_version: 2,
        bump: market.state::<Clearing>(&clearing.address).bump,
        padding: [0; 6],
        low_price: 3_000,
        high_price: 3_000,
        bids: 1,
        offers: 1,
        bid_wh: [0, 2_000, 0, 0, 0, 0, 0],
        ask_wh: [1_000, 0, 0, 0, 0, 0, 0],
        opened_at: market.now(),
        last: orders[1],
        bus: bus.address,
        capacity: window,
        clearer: clearing.clearer,
        reserved: [0; 4],
    };
    assert_eq!(market.state::<Clearing>(&clearing.address), expected);
    // Given up, paid again and begun again, all in one transaction: it starts from nothing.
    let fund = solana_system_interface::instruction::transfer(&market.fee_payer, &clearing.address, 1_000_000);
    let clearer = clearing.clearer;
    market.execute(&[clearing_close(&clearing, &clearer), fund, clearing_open(&clearing, 3_000, 3_000)]);
    assert_eq!(market.state::<Clearing>(&clearing.address).bids, 0);
    market.assert_refused(&[clearing_apply(&clearing)], MultibusError::OrdersMissing);
    market.execute(&[clearing_tally(&clearing, &orders)]);
    let meta = market.execute(&[clearing_apply(&clearing)]);
    assert_logged(
        &meta,
        &event::AuctionCleared {
            bus: bus.address,
            capacity: window,
            clearing: clearing.address,
            clearer,
            window_start: market.window,
            low_price: 3_000,
            high_price: 3_000,
            price_per_kwh: 3_000,
            volume_wh: 1_000,
            bids_at_price_wh: 2_000,
            bids_filled_wh: 1_000,
            asks_at_price_wh: 0,
            asks_filled_wh: 0,
            cleared_at: market.now(),
        },
    );
    assert_eq!(market.lamports(&clearer), before + 1_000_000, "the clearer has its rent, and the gift");
    assert!(!market.exists(&clearing.address));
    market.chain.set_paused(&bus, false);
    market.wind_down();
}

#[test]
pub fn a_clearing_is_opened_of_a_fixed_book_once() {
    refuses!(reinitialisation: clearing_open);
    let mut market = at_the_gate(true);
    let clearing = market.clearing();
    market.to_gate(-1);
    market.assert_refused(&[clearing_open(&clearing, 1_000, 3_000)], MultibusError::AuctionNotFixed);
    market.to_gate(0);
    market.assert_refused(&[clearing_open(&clearing, 3_001, 3_000)], MultibusError::PricesReversed);
    market.assert_refused(&[clearing_open(&clearing, u64::MAX, 0)], MultibusError::PricesReversed);
    market.execute(&[clearing_open(&clearing, 3_000, 3_000)]);
    market.assert_refused(&[clearing_open(&clearing, 1, u64::MAX)], multibus_tests::Refusal::custom(0));
    market.wind_down();
}

#[test]
pub fn a_tally_takes_every_order_of_its_window_once() {
    refuses!(
        capacity_leak: clearing_tally, clearing_apply; theft: clearing_apply; duplicate_account: clearing_tally
    );
    let mut market = at_the_gate(false);
    let (bus, window) = (market.bus, market.window);
    // Another window, with its own offer and bid.
    market.to_gate(-600);
    let owner = market.seller;
    market.execute(&[capacity_open(&bus, &owner, window + 900)]);
    market.window = window + 900;
    let (foreign, foreign_bid) = (market.ask(1, 500, 500), market.bid(1, 400, 600));
    market.window = window;
    market.bid(2, 10, 2_000);
    market.to_gate(0);
    let (clearing, orders) = (market.clearing(), market.orders());
    market.execute(&[clearing_open(&clearing, 3_000, 3_000)]);
    for order in [foreign.address, foreign_bid.address, bus.address, market.buyers[0].payment, clearing.capacity] {
        market.assert_refused(&[clearing_tally(&clearing, &[order])], MultibusError::OrderForeign);
    }
    let reversed: Vec<Address> = orders.iter().rev().copied().collect();
    market.assert_refused(&[clearing_tally(&clearing, &reversed)], MultibusError::OrderNotAscending);
    market.assert_refused(&[clearing_tally(&clearing, &[orders[0], orders[0]])], MultibusError::OrderNotAscending);
    market.execute(&[clearing_tally(&clearing, &orders[..1])]);
    market.assert_refused(&[clearing_tally(&clearing, &orders[..1])], MultibusError::OrderNotAscending);
    market.assert_refused(&[clearing_apply(&clearing)], MultibusError::OrdersMissing);
    // The first is left out for good once a later one was tallied.
    market.execute(&[clearing_tally(&clearing, &orders[2..])]);
    market.assert_refused(&[clearing_tally(&clearing, &orders[1..2])], MultibusError::OrderNotAscending);
    market.assert_refused(&[clearing_apply(&clearing)], MultibusError::OrdersMissing);
    let clearer = clearing.clearer;
    market.execute(&[clearing_close(&clearing, &clearer)]);
    let clearing = market.tally(3_000, 3_000);
    // The rent is the clearer's.
    let mut stolen = clearing_apply(&clearing);
    stolen.accounts[2].pubkey = market.buyers[1].wallet;
    market.assert_refused(&[stolen], MultibusError::ClearingMismatch);
    market.execute(&[clearing_apply(&clearing)]);
    market.wind_down();
}

#[test]
pub fn a_false_price_is_refused_and_harms_nobody() {
    refuses!(arithmetic: clearing_apply; moved_price: clearing_apply);
    let mut market = at_the_gate(false);
    // The right prices are 3,000 and 3,000.
    for (low, high) in [(2_999, 3_000), (3_000, 3_001), (1_000, 3_000), (0, 0), (u64::MAX, u64::MAX), (0, u64::MAX)] {
        let clearing = market.tally(low, high);
        market.assert_refused(&[clearing_apply(&clearing)], MultibusError::PriceWrong);
        let clearer = clearing.clearer;
        market.execute(&[clearing_close(&clearing, &clearer)]);
    }
    market.clear();
    assert_eq!(market.window_state().price_per_kwh, 3_000);
    market.wind_down();
    // Every price from 1,000 to 3,000 sells 1,000 Wh: both ends of the range have to be right.
    let mut market = AuctionMarket::new(false);
    market.ask(0, 1_000, 1_000);
    market.bid(0, 1_000, 3_000);
    market.to_gate(0);
    for (low, high) in [(1_001, 3_000), (1_000, 2_999), (999, 3_000), (1_000, 3_001), (1_000, 1_000), (3_000, 3_000)] {
        let clearing = market.tally(low, high);
        market.assert_refused(&[clearing_apply(&clearing)], MultibusError::PriceWrong);
        let clearer = clearing.clearer;
        market.execute(&[clearing_close(&clearing, &clearer)]);
    }
    market.clear();
    assert_eq!(market.window_state().price_per_kwh, 2_000);
    market.wind_down();
}

#[test]
pub fn others_close_a_clearing_once_it_is_useless() {
    refuses!(theft: clearing_close);
    withstands!(blocked_exit: clearing_close);
    let mut market = at_the_gate(false);
    let (bus, stranger) = (market.bus, market.wallet("stranger"));
    let slow = bus.clearing(market.window, &stranger);
    let clearing = market.clearing();
    let before = market.lamports(&clearing.clearer);
    market.execute(&[clearing_open(&clearing, 1, 2)]);
    market.execute(&[clearing_open(&slow, 3_000, 3_000)]);
    market.assert_refused(&[clearing_close(&clearing, &stranger)], MultibusError::ClearingInUse);
    let mut stolen = clearing_close(&clearing, &stranger);
    stolen.accounts[3].pubkey = stranger;
    market.assert_refused(&[stolen], MultibusError::ClearingMismatch);
    let orders = market.orders();
    market.execute(&[clearing_tally(&slow, &orders), clearing_apply(&slow)]);
    let meta = market.execute(&[clearing_close(&clearing, &stranger)]);
    assert_logged(
        &meta,
        &event::ClearingClosed {
            clearing: clearing.address,
            capacity: clearing.capacity,
            clearer: clearing.clearer,
            closed_by: stranger,
        },
    );
    assert_eq!(market.lamports(&clearing.clearer), before);
    market.wind_down();
}

/// A clearing outlives its window; then anyone closes it.
#[test]
fn a_clearing_of_a_closed_window_is_closed_by_anyone() {
    let mut market = at_the_gate(false);
    let (bus, stranger, owner) = (market.bus, market.wallet("stranger"), market.seller);
    let clearing = market.clearing();
    market.execute(&[clearing_open(&clearing, 1, 2)]);
    market.to_gate(86_400);
    let bid = market.all::<state::Bid>()[0].0;
    let bid = market.bid_named(bid);
    market.execute(&[bid_settle(&bid, &stranger, false)]);
    let (_, offer) = market.listing_of(0, 1, 1, 1);
    let listed = market.all::<state::Offer>()[0].1.number;
    let offer = OfferAddresses::of(&market.sellers[0], offer.capacity, listed, &market.sellers[0].wallet);
    market.execute(&[offer_cancel(&offer, &stranger)]);
    market.execute(&[capacity_close(&bus, market.window, &owner, &owner)]);
    market.assert_refused(&[clearing_apply(&clearing)], multibus_tests::Refusal::NotTheAccount);
    market.execute(&[clearing_close(&clearing, &stranger)]);
    market.wind_down();
}

#[test]
fn sums_at_the_limits_are_counted() {
    withstands!(arithmetic: clearing_tally, clearing_apply);
    let mut market = AuctionMarket::new(false);
    // All of the capacity is asked for, and bid for, at the least price; bids of 2^40 Wh come three times.
    market.ask(0, (1 << 40) - 1, 1);
    market.ask(1, 1, 2);
    for buyer in 0..3 {
        market.bid(buyer, 1 << 40, 1);
    }
    market.to_gate(0);
    market.clear();
    let Capacity { volume_wh, bids, price_per_kwh, .. } = market.window_state();
    assert_eq!((volume_wh, bids.at_price_wh, price_per_kwh), ((1 << 40) - 1, 3 << 40, 1));
    market.settle_all();
    let filled =
        |market: &TestMarket| market.all::<state::Offer>().iter().map(|(_, offer)| offer.sold_wh()).sum::<u64>();
    assert_eq!(filled(&market), (1 << 40) - 1);
    market.wind_down();
}

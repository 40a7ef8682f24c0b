//! What a day on delivery terms binds in rent, all of which comes back.

use {
    multibus::state::{DeliveryBook, PositionBook},
    multibus_tests::{DeliveryMarket, OfferOptions, delivery::solar, instructions::*},
    solana_address::Address,
};

/// A household sells in 96 windows of a day and buys in them from three sellers: one delivery book and three position books.
#[test]
fn a_household_day_binds_less_than_a_tenth_of_a_sol_and_gets_it_back() {
    let mut market = DeliveryMarket::new();
    let (bus, household, operator) = (market.bus, market.seller_account(), market.operator);
    // The first day whose windows are all ahead; its book starts at midnight.
    let first = (market.now() / 86_400 + 1) * 86_400;
    let windows: Vec<i64> = (0..96).map(|place| first + place * 900).collect();
    let before = market.lamports(&household.wallet);
    let list = |market: &mut DeliveryMarket, wallet: &Address, window: i64| {
        let number = market.chain.next_offer(&bus.seller(wallet));
        let options = OfferOptions::new(0).number(number).energy(100).price(2_000_000).expires(window - 60);
        market.create_offer(&bus, bus.window(window), wallet, options)
    };
    let mut offers = Vec::new();
    for window in &windows {
        // A window opens at most a day ahead.
        if market.now() < window - 86_400 {
            market.go_to(window - 86_400);
        }
        market.execute(&[capacity_open(&bus, &operator, *window)]);
        offers.push(list(&mut market, &household.wallet, *window));
    }
    let book = household.book(first);
    let mut bound = vec![market.lamports(&book.address)];
    let offer_rent: u64 = offers.iter().map(|offer| market.lamports(&offer.address)).sum();
    assert_eq!(before - market.lamports(&household.wallet), bound[0] + offer_rent);
    let last = windows[95];
    let mut positions = Vec::new();
    for number in 0..3 {
        let neighbour = market.wallet(&format!("neighbour {number}"));
        let device = market.key(&format!("device {number}"));
        let seller = market.open_seller(&bus, &neighbour);
        market.execute(&[meter_register(&seller, &operator, &device, solar(40_000))]);
        let offer = list(&mut market, &neighbour, last);
        let position = offer.book.expect("on delivery terms").position(&household.wallet);
        market.execute(&[position_open(&position, &household.wallet)]);
        bound.push(market.lamports(&position.address));
        positions.push(position);
    }
    let total: u64 = bound.iter().sum();
    println!("a household day binds {total} lamports: {bound:?}");
    assert!(total < 100_000_000, "{total}");
    // Also where a byte costs what it did on Solana for years.
    let bytes = size_of::<DeliveryBook>() + 3 * size_of::<PositionBook>() + 4 * (128 + 8);
    println!("at 6,960 lamports a byte: {}", bytes * 6_960);
    assert!(bytes * 6_960 < 100_000_000, "{bytes} bytes");
    // All of it comes back.
    for offer in offers {
        market.execute(&[offer_cancel(&offer, &household.wallet)]);
    }
    for position in positions {
        let close = market.close_position(&position, &household.wallet);
        market.execute(&[close]);
    }
    market.pass(3 * 86_400);
    let close = market.close_book(&book, &household.wallet);
    market.execute(&[close]);
    assert_eq!(market.lamports(&household.wallet), before);
}

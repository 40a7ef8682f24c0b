//! What a day on delivery terms binds in rent.

use {
    multibus::state::{DeliveryBook, PositionBook},
    multibus_delivery::Delivery,
};

/// A household sells in 96 windows of a day and buys in them from three sellers: one delivery book and three position books.
#[test]
fn a_household_day_binds_less_than_a_tenth_of_a_sol_and_gets_it_back() {
    let mut play = Delivery::new();
    let household = play.seller;
    let operator = play.operator;
    // The first day whose windows are all ahead; its book starts at midnight.
    let first = (play.net.now() / 86_400 + 1) * 86_400;
    let mut bound = Vec::new();
    let own_before = play.net.lamports(&household);
    let mut offers = Vec::new();
    for window in (0..96).map(|place| first + place * 900) {
        // A window opens at most a day ahead.
        let ahead = window - 86_400 - play.net.now();
        if ahead > 0 {
            play.net.pass(ahead);
        }
        let open = play.net.capacity_open(&operator, window);
        let (create, offer) = play.net.offer_create(&household, &household, window, (100, 2_000_000, window - 60));
        play.net.run(&[open, create]);
        offers.push(offer);
    }
    let book = play.net.book(&household, first);
    bound.push(play.net.lamports(&book));
    let offer_rent: u64 = offers.iter().map(|offer| play.net.lamports(offer)).sum();
    assert_eq!(own_before - play.net.lamports(&household), bound[0] + offer_rent);
    for number in 0..3 {
        let neighbour = play.net.wallet(&format!("neighbour {number}"));
        let device = play.net.key(&format!("device {number}"));
        let open = play.net.seller_open(&neighbour, &neighbour);
        let register = play.net.meter_register(&operator, &device, &neighbour, 40_000);
        let window = first + 95 * 900;
        let (create, _) = {
            play.net.run(&[open, register]);
            play.net.offer_create(&neighbour, &neighbour, window, (100, 2_000_000, window - 60))
        };
        play.net.run(&[create]);
        let theirs = play.net.book(&neighbour, window);
        let open = play.net.position_open(&household, &theirs, &household);
        play.net.run(&[open]);
        bound.push(play.net.lamports(&play.net.position(&theirs, &household)));
    }
    let total: u64 = bound.iter().sum();
    println!("a household day binds {total} lamports: {bound:?}");
    assert!(total < 100_000_000, "{total}");
    // Also where a byte costs what it did on Solana for years.
    let bytes =
        [size_of::<DeliveryBook>(), size_of::<PositionBook>(), size_of::<PositionBook>(), size_of::<PositionBook>()];
    let before: usize = bytes.iter().map(|bytes| (128 + 8 + bytes) * 6_960).sum();
    println!("at 6,960 lamports a byte: {before}");
    assert!(before < 100_000_000, "{before}");
    // All of it comes back.
    for offer in offers {
        let cancel = play.net.offer_cancel(&household, &offer);
        play.net.run(&[cancel]);
    }
    for number in 0..3 {
        let neighbour = play.net.key(&format!("neighbour {number}"));
        let position = play.net.position(&play.net.book(&neighbour, first + 95 * 900), &household);
        let close = play.net.position_close(&household, &position);
        play.net.run(&[close]);
    }
    play.net.pass(3 * 86_400);
    let close = play.net.delivery_close(&household, &book);
    play.net.run(&[close]);
    assert_eq!(play.net.lamports(&household), own_before);
}

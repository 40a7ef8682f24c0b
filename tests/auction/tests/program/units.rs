//! Compute units of the auction's instructions, and the size of the program.

use {
    multibus::state::TermsConfig,
    multibus_auction::{Market, ORDERS_WITH_TABLE, ORDERS_WITHOUT_TABLE, auction_terms, mint::TokenProgram},
};

/// Limits: what must hold.
const BID_CREATE: u64 = 4_500;
const TALLY: u64 = 400;
const TALLY_ORDER: u64 = 170;
const APPLY: u64 = 1_500;
const SETTLE: u64 = 2_800;
const PROGRAM_BYTES: u64 = 480_000;

#[test]
fn auctions_stay_within_their_compute_units() {
    let mut measured = Vec::new();
    for on_delivery in [false, true] {
        let mut market = Market::new(on_delivery);
        let window = market.window;
        let (buyer, fee) = (market.buyers[0], market.net.terms(window).grid_fee_per_kwh);
        let account = market.net.ata_of(&buyer);
        for index in 0..40 {
            market.ask(0, 1_000 + index, 1_000_000 + index);
        }
        let mut creates = Vec::new();
        for index in 0..40 {
            let (create, _) = market.net.bid_create(&buyer, &account, window, 1_000, 2_000_000 - index + fee);
            creates.push(market.net.run(&[create]));
        }
        measured.push(("bid_create", on_delivery, *creates.iter().max().unwrap(), BID_CREATE));
        let cancelled = market.bid(1, 1, 1);
        let cancel = market.net.bid_cancel(&cancelled, &market.net.ata_of(&market.buyers[1]));
        measured.push(("bid_cancel", on_delivery, market.net.run(&[cancel]), SETTLE));
        market.to_gate(0);
        let (low, high) = market.net.book_of(window).prices().unwrap();
        let clearer = market.clearer;
        let open = market.net.clearing_open(&clearer, window, low, high);
        measured.push((
            "clearing_open (each bump after the first 1,500 more)",
            on_delivery,
            market.net.run(&[open]),
            20_000,
        ));
        let orders = market.net.sorted_orders(window);
        let tally = market.net.clearing_tally(&clearer, window, &orders[..2]);
        let two = market.net.run(&[tally]);
        measured.push(("clearing_tally of 2", on_delivery, two, TALLY + 2 * TALLY_ORDER));
        let tally = market.net.clearing_tally(&clearer, window, &orders[2..2 + ORDERS_WITHOUT_TABLE]);
        let limit = TALLY + TALLY_ORDER * ORDERS_WITHOUT_TABLE as u64;
        let many = market.net.run(&[tally]);
        measured.push(("clearing_tally of 28", on_delivery, many, limit));
        measured.push(("one order more", on_delivery, (many - two) / (ORDERS_WITHOUT_TABLE as u64 - 2), TALLY_ORDER));
        for rest in orders[2 + ORDERS_WITHOUT_TABLE..].chunks(ORDERS_WITHOUT_TABLE) {
            let tally = market.net.clearing_tally(&clearer, window, rest);
            market.net.run(&[tally]);
        }
        let apply = market.net.clearing_apply(&clearer, window);
        measured.push(("clearing_apply", on_delivery, market.net.run(&[apply]), APPLY));
        let (bids, offers) = market.net.orders(window);
        let settle = market.net.bid_settle(&clearer, &bids[0].0, false);
        measured.push(("bid_settle", on_delivery, market.net.run(&[settle]), SETTLE));
        let capacity = market.capacity();
        let owed = offers.iter().find(|(_, offer)| capacity.owes(offer)).unwrap();
        let settle = market.net.ask_settle(&owed.0);
        measured.push(("ask_settle", on_delivery, market.net.run(&[settle]), SETTLE));
    }
    for (name, on_delivery, units, limit) in &measured {
        println!("{name}{}: {units} of {limit}", if *on_delivery { " on delivery terms" } else { "" });
    }
    for (name, _, units, limit) in measured {
        assert!(units <= limit, "{name}: {units} compute units, at most {limit}");
    }
}

/// Trades on a bus without auctions. Addresses are tried from the first bump on, about 1,500 units each, so the least of
/// several counts.
#[test]
fn trades_without_auctions_cost_what_they_did() {
    let terms = TermsConfig { auction: false, grid_fee_per_kwh: 0, ..auction_terms(false) };
    let mut market = Market::of(TokenProgram::SplToken, terms, 1 << 40);
    let buyer = market.buyers[0];
    let account = market.net.ata_of(&buyer);
    let mut least = [u64::MAX; 5];
    let mut keep = |place: usize, units: u64| least[place] = least[place].min(units);
    for round in 0..12 {
        let window = market.window;
        let mut offers = Vec::new();
        for seller in 0..3 {
            let wallet = market.sellers[seller];
            let (create, offer) = market.net.offer_create(&wallet, &wallet, window, (10_000, 5_000, market.gate()));
            keep(0, market.net.run(&[create]));
            offers.push(offer);
        }
        let wallet = market.sellers[0];
        let (create, fourth) = market.net.offer_create(&wallet, &wallet, window, (10_000, 5_000, market.gate()));
        keep(0, market.net.run(&[create]));
        let purchase = market.net.purchase(&buyer, &account, &offers[0], 1_000);
        keep(1, market.net.run(&[purchase]));
        offers.push(fourth);
        let items: Vec<_> = offers.iter().map(|offer| (*offer, 100)).collect();
        let batch = market.net.purchase_batch(&buyer, &account, &items);
        keep(2, market.net.run(&[batch]));
        let place = round % 8;
        let take = market.net.lock_take(&buyer, &account, &offers[1], place, 500);
        keep(3, market.net.run(&[take]));
        let release = market.net.lock_release(&buyer, &market.net.lock(&offers[1], &buyer, place));
        keep(4, market.net.run(&[release]));
    }
    println!("offer_create, purchase, batch of 4 from 3 sellers, lock_take, lock_release: {least:?}");
    for (units, limit) in least.into_iter().zip([3_000, 2_497, 5_443, 3_950, 2_700]) {
        assert!(units <= limit, "{least:?}");
    }
}

#[test]
fn a_transaction_with_a_lookup_table_tallies_59_orders() {
    let mut market = Market::new(false);
    for index in 0..30 {
        market.ask(index % 3, 1_000, 1_000_000);
        market.bid(index % 3, 1_000, 2_000_000);
    }
    market.to_gate(0);
    let (clearer, window) = (market.clearer, market.window);
    let open = market.net.clearing_open(&clearer, window, 1_000_000, 2_000_000);
    market.net.run(&[open]);
    let orders = market.net.sorted_orders(window);
    let tally = market.net.clearing_tally(&clearer, window, &orders[..ORDERS_WITH_TABLE]);
    let units = market.net.run_with_table(&clearer, &[tally], &orders);
    println!("clearing_tally of 59: {units}");
    assert!(units <= TALLY + TALLY_ORDER * ORDERS_WITH_TABLE as u64);
    let last = market.net.clearing_tally(&clearer, window, &orders[ORDERS_WITH_TABLE..]);
    let apply = market.net.clearing_apply(&clearer, window);
    market.net.run(&[last, apply]);
    assert_eq!(market.capacity().volume_wh, 30_000);
}

#[test]
fn the_program_stays_small() {
    let bytes = multibus_auction::program_elf().len() as u64;
    println!("the program has {bytes} bytes");
    assert!(bytes < PROGRAM_BYTES, "{bytes} bytes");
}

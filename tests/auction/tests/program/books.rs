//! Whole books cleared on the chain: 16 with a known price, and random ones against every price tried.

use {
    multibus::state::*,
    multibus_auction::{Book, Dice, FEE, Market},
    std::{collections::BTreeMap, path::Path},
};

/// Random books, unless `MULTIBUS_GAMES` says how many.
const BOOKS: u64 = 40;

/// Ceil and floor of `energy_wh x price / 1000`.
fn cost(energy_wh: u64, price: u64, up: bool) -> u64 {
    let product = energy_wh as u128 * price as u128;
    let cost = if up { product.div_ceil(1_000) } else { product / 1_000 };
    u64::try_from(cost).expect("fits")
}

/// Places a book, clears it with a random order of settlement, and checks every order's fill and payment against the rules;
/// returns price and volume.
fn clear(market: &mut Market, book: &Book, dice: &mut Dice) -> (u64, u64) {
    market.place(book);
    let window = market.window;
    assert_eq!(market.net.book_of(window).outcome(), book.outcome());
    market.to_gate(0);
    market.clear();
    let capacity = market.capacity();
    let (price, volume) = (capacity.price_per_kwh, capacity.volume_wh);
    let fee = capacity.terms.grid_fee_per_kwh;
    assert_eq!(volume, book.largest_volume(), "no price moves more energy");
    let (bids, offers) = market.net.orders(window);
    let mut paid_before: BTreeMap<_, u64> = BTreeMap::new();
    for buyer in &market.buyers {
        paid_before.insert(*buyer, market.tokens_of(buyer));
    }
    let escrow = market.net.tokens(&market.net.escrow());
    market.net.settle_all(window, |count| dice.place(count));

    // Asks: strictly better in full, at the price at most their part and 1 Wh, worse nothing.
    let (mut sold, mut credited) = (0, 0);
    for (address, offer) in &offers {
        let now: Offer = market.net.state(address);
        let filled = offer.remaining_wh - now.remaining_wh;
        check_fill(filled, offer.ask_wh(), volume, offer.price_per_kwh.cmp(&price).reverse(), &capacity.asks);
        sold += filled;
        if now.on_delivery == 0 {
            assert_eq!(now.proceeds - offer.proceeds, cost(filled, price + fee, false));
        }
        credited += now.proceeds - offer.proceeds;
    }
    assert_eq!(sold, volume, "asks fill the volume exactly");
    // Bids: what each got is in its event; here the sums by buyer.
    let mut bought = 0;
    let open: BTreeMap<_, Bid> = market.net.all::<Bid>().into_iter().collect();
    let mut deposits: BTreeMap<_, u64> = BTreeMap::new();
    for (address, bid) in &bids {
        *deposits.entry(bid.buyer).or_default() += bid.deposit;
        if let Some(now) = open.get(address) {
            check_fill(now.allotted_wh, bid.energy_wh, volume, bid.price_per_kwh.cmp(&price), &capacity.bids);
            assert_eq!(now.paid, cost(now.allotted_wh, price + fee, true));
            bought += now.allotted_wh;
        }
    }
    let returned: u64 = market.buyers.iter().map(|buyer| market.tokens_of(buyer) - paid_before[buyer]).sum();
    let spent = deposits.values().sum::<u64>() - returned;
    assert_eq!(market.net.tokens(&market.net.escrow()), escrow - returned - credited);
    let least = cost(volume, price + fee, true);
    assert!(volume == 0 || (spent >= least && spent - least <= bids.len() as u64), "{spent} for {least}");
    if capacity.terms.is_on_delivery() {
        assert_eq!(bought, volume, "bids fill the volume exactly");
    } else {
        let left = market.capacity().escrowed;
        assert_eq!(left, spent - credited);
        assert!(left <= (bids.len() + offers.len()) as u64, "{left} base units are left");
    }
    (price, volume)
}

/// `better` is Greater for an order that is better than the price.
fn check_fill(filled: u64, energy_wh: u64, volume: u64, better: std::cmp::Ordering, ration: &Ration) {
    match better {
        std::cmp::Ordering::Greater if volume > 0 => assert_eq!(filled, energy_wh, "strictly better: in full"),
        std::cmp::Ordering::Equal if volume > 0 => {
            let part = ration.filled_wh as u128 * energy_wh as u128 / ration.at_price_wh.max(1) as u128;
            assert!(filled.abs_diff(part as u64) <= 1 && filled <= energy_wh, "{filled} Wh, its part is {part} Wh");
        }
        _ => assert_eq!(filled, 0),
    }
}

#[test]
fn the_16_books_clear_at_their_known_prices() {
    let books = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/auction");
    let expected = std::fs::read_to_string(books.join("expected.csv")).expect("the right prices");
    let mut dice = Dice(16);
    for (index, line) in expected.lines().skip(1).enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        let [name, low, high, price, volume, rationed] = cells[..] else { panic!("six columns: {line}") };
        let number = |cell: &str| cell.parse::<u64>().expect("a number");
        let book = Book::parse(&std::fs::read_to_string(books.join(name)).expect("a book"));
        assert_eq!(book.prices(), Some((number(low), number(high))), "{name}");
        let mut market = Market::new(index % 2 == 0);
        let outcome = clear(&mut market, &book, &mut dice);
        assert_eq!(outcome.1, number(volume), "{name}");
        if outcome.1 > 0 {
            assert_eq!(outcome.0, number(price), "{name}");
            let Capacity { bids, asks, .. } = market.capacity();
            let is_rationed = |ration: &Ration| ration.filled_wh < ration.at_price_wh;
            let side = match (is_rationed(&bids), is_rationed(&asks)) {
                (true, false) => "bid",
                (false, true) => "ask",
                (false, false) => "",
                (true, true) => panic!("{name}: both sides are rationed"),
            };
            assert_eq!(side, rationed, "{name}");
        }
        market.wind_down();
    }
}

/// A random book: few or many orders, many or few prices, with sold-out and expired offers in between.
fn random_book(dice: &mut Dice) -> Book {
    let most = dice.pick(&[1, 3, 8, 25]).unwrap();
    let prices = dice.pick(&[2, 5, 40, 1_000_000]).unwrap();
    let energy = dice.pick(&[1, 3, 5_000, 4_000_000]).unwrap();
    let mut side = |shift: u64| {
        (0..dice.below(most + 1)).map(|_| (1 + shift + dice.below(prices), 1 + dice.below(energy))).collect()
    };
    let (bids, asks) = (side(1), side(0));
    Book { bids, asks }
}

#[test]
fn random_books_clear_like_every_price_tried() {
    let games = std::env::var("MULTIBUS_GAMES").map_or(BOOKS, |games| games.parse().expect("a number of books"));
    let (mut traded, mut crossed) = (0, 0);
    for seed in 0..games {
        let mut dice = Dice(seed);
        let book = random_book(&mut dice);
        let mut market = Market::new(seed % 2 == 0);
        if book.bids.is_empty() || book.asks.is_empty() {
            // Over at the gate: there is nothing to clear, and all bids come back.
            let before: Vec<u64> = market.buyers.iter().map(|buyer| market.tokens_of(buyer)).collect();
            market.place(&book);
            market.to_gate(0);
            for (bid, _) in market.net.orders(market.window).0 {
                let settle = market.net.bid_settle(&market.clearer, &bid, false);
                market.net.run(&[settle]);
            }
            let after: Vec<u64> = market.buyers.iter().map(|buyer| market.tokens_of(buyer)).collect();
            assert_eq!(before, after);
        } else {
            let (_, volume) = clear(&mut market, &book, &mut dice);
            traded += 1;
            crossed += (volume > 0) as u64;
        }
        market.wind_down();
    }
    println!("{games} books, {traded} with both sides, {crossed} with a volume");
    assert!(crossed > 0 && traded > crossed);
}

/// What clearing a book cost.
struct Cleared {
    /// Without those that make lookup tables.
    transactions: u64,
    units: u64,
    seconds: f64,
    settled_units: u64,
    settled_seconds: f64,
}

/// Addresses that one transaction adds to a lookup table.
const TABLE_STEP: u64 = 20;
/// Fee of a signature, in lamports.
const SIGNATURE: u64 = 5_000;

/// Places so many orders, half of each side, clears and settles them.
fn clear_orders(orders: u64) -> Cleared {
    let mut market = Market::new(false);
    market.net.checks_books = false;
    let mut dice = Dice(7);
    let side = |count, low, dice: &mut Dice| {
        (0..count).map(|_| (low + dice.below(2_000_000), 1 + dice.below(50_000))).collect()
    };
    let book = Book { bids: side(orders / 2, 500_000, &mut dice), asks: side(orders / 2, 1, &mut dice) };
    market.place(&book);
    market.to_gate(0);
    let (window, clearer) = (market.window, market.clearer);
    let started = std::time::Instant::now();
    let (low, high) = market.net.book_of(window).prices().expect("both sides");
    let open = market.net.clearing_open(&clearer, window, low, high);
    let mut units = market.net.run(&[open]);
    let mut transactions = 2;
    let sorted = market.net.sorted_orders(window);
    for part in sorted.chunks(multibus_auction::ORDERS_WITH_TABLE) {
        let tally = market.net.clearing_tally(&clearer, window, part);
        units += market.net.run_with_table(&[tally], part);
        transactions += 1;
    }
    let apply = market.net.clearing_apply(&clearer, window);
    units += market.net.run(&[apply]);
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!((market.capacity().price_per_kwh, market.capacity().volume_wh), book.outcome());
    let started = std::time::Instant::now();
    let mut dice = Dice(8);
    let settled_units = market.net.settle_all(window, |count| dice.place(count));
    let settled_seconds = started.elapsed().as_secs_f64();
    market.cancel_offers();
    market.net.check_books();
    assert_eq!(FEE, market.net.terms(window).grid_fee_per_kwh);
    Cleared { transactions, units, seconds, settled_units, settled_seconds }
}

/// Books of 100 and 1,000 orders; `MULTIBUS_ORDERS` names other sizes, with commas. It prints what clearing them costs.
#[test]
fn books_of_a_thousand_orders_are_cleared() {
    let sizes = std::env::var("MULTIBUS_ORDERS").unwrap_or_else(|_| "100,1000".to_owned());
    println!("| orders | transactions | with lookup tables | SOL of fees | compute units | s | units to settle | s |");
    println!("| --: | --: | --: | --: | --: | --: | --: | --: |");
    for orders in sizes.split(',').map(|size| size.parse::<u64>().expect("a number of orders")) {
        let Cleared { transactions, units, seconds, settled_units, settled_seconds } = clear_orders(orders);
        let tables = orders.div_ceil(TABLE_STEP);
        let lamports = (transactions + tables) * SIGNATURE;
        println!(
            "| {orders} | {transactions} | {} | {:.6} | {units} | {seconds:.1} | {settled_units} | {settled_seconds:.1} |",
            transactions + tables,
            lamports as f64 / 1e9
        );
        assert!(orders > 1_000 || lamports < 1_000_000, "{orders} orders cost {lamports} lamports");
    }
}

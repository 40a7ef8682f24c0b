//! Auctions: the price of a book, bids, clearing and settlement, from the first bid to the last certificate.

use {
    multibus_client::auction::{Book, Order, Side, clear},
    std::{fs, path::Path},
};

/// Reads the columns `side,party,energy_wh,price_per_kwh`.
fn parse(csv: &str) -> Book {
    let order = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let [side, _, energy_wh, price] = cells[..] else { panic!("four columns: {line}") };
        Order {
            side: side.parse().unwrap(),
            energy_wh: energy_wh.parse().unwrap(),
            price_per_kwh: price.parse().unwrap(),
        }
    };
    Book::new(csv.lines().skip(1).map(order).collect()).unwrap()
}

#[test]
fn the_16_books_have_their_known_prices() {
    let books = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/auction");
    let expected = fs::read_to_string(books.join("expected.csv")).unwrap();
    let mut sold = 0;
    for line in expected.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [name, low, high, price, volume, rationed] = cells[..] else { panic!("six columns: {line}") };
        let cleared = clear(&parse(&fs::read_to_string(books.join(name)).unwrap()));
        let number = |cell: &str| cell.parse::<u64>().unwrap();
        assert_eq!((cleared.low_price, cleared.high_price), (number(low), number(high)), "{name}");
        assert_eq!(cleared.volume_wh, number(volume), "{name}");
        if cleared.volume_wh > 0 {
            assert_eq!(cleared.price_per_kwh, number(price), "{name}");
            assert_eq!(cleared.rationed.map_or("", Side::name), rationed, "{name}");
            sold += 1;
        } else {
            assert_eq!((cleared.price_per_kwh, cleared.rationed), (0, None), "{name}");
        }
    }
    assert_eq!(sold, 12);
}

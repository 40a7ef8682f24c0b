//! Auctions by the command line: the price of a book in a file; bids, a window that closes, its proof and its settlement.

use {
    crate::support::*,
    serde_json::{Value, json},
    std::{fmt::Write as _, io::Write as _, path::Path, process::Stdio, time::Instant},
};

const PRICE: &str = " window_start price volume_wh rationed low_price high_price bids asks bid_wh ask_wh bids_at_price_wh \
                     bids_filled_wh asks_at_price_wh asks_filled_wh";
const HEADER: &str = "side,party,energy_wh,price_per_kwh\n";

fn write(folder: &Folder, name: &str, text: &str) {
    std::fs::write(folder.path().join(name), text).unwrap();
}

#[track_caller]
fn units(value: &Value, field: &str) -> u64 {
    value[field].as_u64().unwrap_or_else(|| panic!("{field} of {value}"))
}

fn priced(folder: &Folder, arguments: &str) -> Value {
    folder.multibus(&format!("--output json auction price {arguments}")).json()
}

#[test]
fn the_price_of_every_book_is_the_one_that_moves_the_most_energy() {
    let folder = Folder::new();
    let books = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/auction");
    let expected = std::fs::read_to_string(books.join("expected.csv")).unwrap();
    let mut checked = 0;
    for row in expected.lines().skip(1) {
        let [book, low, high, price, volume, rationed] = row.split(',').collect::<Vec<_>>().try_into().unwrap();
        let found = priced(&folder, &books.join(book).display().to_string());
        assert_fields(&found, PRICE);
        assert_eq!((&found["window_start"], units(&found, "volume_wh").to_string()), (&Value::Null, volume.to_owned()));
        assert_eq!(
            (units(&found, "low_price").to_string(), units(&found, "high_price").to_string()),
            (low.into(), high.into())
        );
        if volume == "0" {
            assert_eq!((&found["price"], &found["rationed"]), (&Value::Null, &Value::Null), "{book}");
        } else {
            assert_eq!((units(&found, "price").to_string(), text(&found["rationed"])), (price.into(), rationed.into()));
        }
        checked += 1;
    }
    assert_eq!(checked, 16);
}

#[test]
fn a_book_is_priced_in_words() {
    let folder = Folder::new();
    write(
        &folder,
        "book.csv",
        &format!("{HEADER}bid,A,1500,300000\nbid,B,1500,300000\nask,S,2000,200000\nask,T,10,400000\n"),
    );
    let page = folder.multibus("auction price book.csv").ok();
    assert_has(
        &page,
        &[
            "300000 base units/kWh, without the grid fee",
            "2 kWh",
            "bids at the price get 2 kWh of 3 kWh",
            "2 for 3 kWh",
            "2 of 2.01 kWh",
        ],
    );
    write(&folder, "none.csv", &format!("{HEADER}bid,A,5,100\nask,S,5,101\n"));
    assert_has(
        &folder.multibus("auction price none.csv").ok(),
        &["nothing can be traded: the highest bid is 100, the lowest ask 101"],
    );
    write(&folder, "bids.csv", &format!("{HEADER}bid,A,5,100\n"));
    assert_has(&folder.multibus("auction price bids.csv").ok(), &["nobody asks"]);
    write(&folder, "empty.csv", HEADER);
    let empty = priced(&folder, "empty.csv");
    assert_eq!((&empty["price"], units(&empty, "volume_wh")), (&Value::Null, 0));
    // A middle between two prices, and nobody rationed.
    write(&folder, "middle.csv", &format!("{HEADER}bid,A,5,100\nask,S,5,51\n"));
    let middle = priced(&folder, "middle.csv");
    assert_eq!((units(&middle, "price"), &middle["rationed"]), (75, &Value::Null));
    assert_has(&folder.multibus("auction price middle.csv").ok(), &["every price from 51 to 100", "nobody"]);
}

#[test]
fn a_file_of_many_windows_is_priced_window_by_window() {
    let folder = Folder::new();
    let start = "2016-06-21T12:00:00+01:00";
    let rows = format!(
        "window_start,{HEADER}{start},bid,A,5,100\n{start},ask,S,4,90\n2016-06-21T12:15:00+01:00,bid,A,5,100\n1466507700,ask,S,9,100\n"
    );
    write(&folder, "orders.csv", &rows);
    let all = priced(&folder, "orders.csv");
    assert_fields(&all, "windows");
    let windows = all["windows"].as_array().unwrap();
    let found: Vec<_> = windows
        .iter()
        .map(|window| (units(window, "window_start"), units(window, "price"), text(&window["rationed"])))
        .collect();
    assert_eq!(found, [(1_466_506_800, 100, "bid".to_owned()), (1_466_507_700, 100, "ask".to_owned())]);
    for window in [start, "1466506800", "2016-06-21T11:00:00Z"] {
        let one = priced(&folder, &format!("orders.csv --window {window}"));
        assert_fields(&one, PRICE);
        assert_eq!(one, windows[0], "{window}");
    }
    assert_has(&folder.multibus("auction price orders.csv").ok(), &["2016-06-21T11:00:00Z", "2016-06-21T11:15:00Z"]);
    let none = folder.multibus("auction price orders.csv --window 2016-06-21T13:00:00Z").fails(1);
    assert_has(&none, &["no order of the window 2016-06-21T13:00:00Z", "2 windows, from", start]);
    assert_has(&folder.multibus("auction price orders.csv --window +1h").fails(2), &["a file has none"]);
    write(&folder, "book.csv", &format!("{HEADER}bid,A,5,100\n"));
    let one = folder.multibus(&format!("auction price book.csv --window {start}")).fails(2);
    assert_has(&one, &["no column window_start", "leave --window out"]);
}

#[test]
fn broken_books_are_refused_with_line_column_value_and_remedy() {
    let folder = Folder::new();
    for (row, parts) in [
        ("buy,A,5,6", ["line 2", "side is \"buy\"", "write bid"]),
        ("bid,A,0,6", ["line 2", "energy_wh is 0", "leave the row out"]),
        ("bid,A,5,0.25", ["line 2", "price_per_kwh is \"0.25\"", "give base units"]),
        ("bid,A,5", ["line 2", "has 3 of 4 columns", "price_per_kwh is missing"]),
    ] {
        write(&folder, "book.csv", &format!("{HEADER}{row}\n"));
        assert_has(&folder.multibus("auction price book.csv").fails(1), &["book.csv", parts[0], parts[1], parts[2]]);
    }
    assert_has(&folder.multibus("auction price nowhere.csv").fails(1), &["cannot open nowhere.csv"]);
    let refused = folder.multibus("--output json auction price nowhere.csv");
    assert_eq!(refused.code, Some(1));
    assert_eq!(serde_json::from_str::<Value>(&refused.stderr).unwrap()["error"]["kind"], json!("failure"));
}

/// 100,000 orders, from the standard input.
#[test]
fn a_large_book_takes_less_than_a_second() {
    let folder = Folder::new();
    let mut book = HEADER.to_owned();
    for index in 0..100_000_u64 {
        let side = if index % 2 == 0 { "bid" } else { "ask" };
        writeln!(book, "{side},P{index},{},{}", index * 7_919 % 5_000 + 1, 100_000 + index * 104_729 % 200_000)
            .unwrap();
    }
    let started = Instant::now();
    let mut child = folder
        .command(MULTIBUS)
        .args(["--output", "json", "auction", "price", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(book.as_bytes()).unwrap();
    let found = Run::of("auction price -", child.wait_with_output().unwrap()).json();
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!((units(&found, "bids"), units(&found, "asks")), (50_000, 50_000));
    assert!(units(&found, "volume_wh") > 0);
    // It takes a fifth of that; other tests run beside it.
    assert!(seconds < 3.0, "{seconds} s");
}

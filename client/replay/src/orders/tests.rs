//! Files of orders that are read and those that are refused.

use {super::*, multibus_client::auction::Side, std::fmt::Write as _};

const HEADER: &str = "side,party,energy_wh,price_per_kwh\n";

#[track_caller]
fn refused(text: &str, line: u64, part: &str) {
    match Orders::read(text.as_bytes()) {
        Err(FileError::Row { line: found, reason }) => {
            assert_eq!(found, line, "{reason}");
            assert!(reason.contains(part), "{reason:?} does not say {part:?}");
        }
        other => panic!("expected a refusal of line {line}, got {other:?}"),
    }
}

#[test]
fn broken_orders_are_refused_by_line_column_and_remedy() {
    for (broken, part) in [
        ("bid,A,5", "has 3 of 4 columns; price_per_kwh is missing"),
        ("bid,A,5,6,7", "has 5 columns"),
        ("buy,A,5,6", "side is \"buy\"; write bid"),
        (",A,5,6", "side is \"\""),
        ("bid,,5,6", "party is empty"),
        ("bid,A\u{7}B,5,6", "party \"A"),
        ("bid,A,0,6", "energy_wh is 0; an order is for at least 1 Wh"),
        ("bid,A,,6", "energy_wh is empty; give whole Wh"),
        ("bid,A,-5,6", "energy_wh is -5: energy cannot be negative"),
        ("bid,A,1.5,6", "energy_wh is \"1.5\", not a whole number of Wh; round it"),
        ("bid,A,1099511627777,6", "more than 1099511627776 Wh that a delivery window can have"),
        ("bid,A,5,", "price_per_kwh is empty"),
        ("bid,A,5,-6", "price_per_kwh is -6: a price cannot be negative"),
        ("bid,A,5,0.25", "price_per_kwh is \"0.25\", not a whole number of base units per kWh; give base units"),
        ("bid,A,5,18446744073709551616", "more than 18446744073709551615 base units per kWh"),
        ("bid,A,5,NA", "price_per_kwh is \"NA\", not a whole number"),
    ] {
        refused(&format!("{HEADER}ask,S,1,2\n{broken}\n"), 3, part);
    }
    refused("party,energy_wh,price_per_kwh\n", 1, "it must be \"side,party,energy_wh,price_per_kwh\"");
    for (start, part) in [
        ("", "window_start \"\" is not a time"),
        ("soon", "window_start \"soon\" is not a time"),
        ("2016-06-21T00:15:00", "it has no offset from UTC"),
        ("99999999999999999999", "window_start is 99999999999999999999, which is too late"),
    ] {
        refused(&format!("window_start,{HEADER}0,bid,A,5,6\n{start},bid,A,5,6\n"), 3, part);
    }
}

#[test]
fn orders_are_read_as_people_and_spreadsheets_write_them() {
    let plain = format!("{HEADER}bid,Müller,1500,250000\nASK,Ben,2e3,100000\nask,Mu\u{308}ller,7,5.0\n");
    let orders = Orders::read(plain.as_bytes()).unwrap();
    assert_eq!(orders.parties, ["Müller", "Ben"]);
    assert!(!orders.has_windows);
    let [window] = orders.windows.as_slice() else { panic!("{orders:?}") };
    let order =
        |side, party, energy_wh, price_per_kwh| PartyOrder { party, order: Order { side, energy_wh, price_per_kwh } };
    assert_eq!(
        window.orders,
        [order(Side::Bid, 0, 1_500, 250_000), order(Side::Ask, 1, 2_000, 100_000), order(Side::Ask, 0, 7, 5)]
    );
    assert_eq!(orders.notes.len(), 1, "{:?}", orders.notes);
    // Semicolons, a byte order mark, quotation marks, other columns, another order of columns.
    let sheet = "\u{feff}price_per_kwh;note;\"side\";party;Energy_Wh\r\n250000;x;bid;Müller;1500\r\n";
    let orders = Orders::read(sheet.as_bytes()).unwrap();
    assert_eq!(orders.windows[0].orders, [order(Side::Bid, 0, 1_500, 250_000)]);
    assert_eq!(orders.notes, ["the column note is not used"]);
    // Names that begin as a formula have an apostrophe in the files of a replay; other apostrophes belong to names.
    let marked = Orders::read(format!("{HEADER}bid,'=A1,1,2\nbid,''t Hof,1,2\nbid,'t Hof,1,2\n").as_bytes()).unwrap();
    assert_eq!(marked.parties, ["=A1", "'t Hof"]);
    let empty = Orders::read(HEADER.as_bytes()).unwrap();
    assert_eq!((empty.windows.len(), empty.windows[0].orders.len()), (1, 0));
}

#[test]
fn windows_are_told_apart_by_the_moment_they_start() {
    let mut text = format!("window_start,{HEADER}");
    for (start, energy_wh) in [
        ("2016-06-21T00:15:00+01:00", 1),
        ("2016-06-21T00:00:00+01:00", 2),
        ("2016-06-20T23:15:00Z", 3),
        ("1466464500", 4),
    ] {
        writeln!(text, "{start},bid,A,{energy_wh},1").unwrap();
    }
    let orders = Orders::read(text.as_bytes()).unwrap();
    let found: Vec<(Option<i64>, &str, Vec<u64>)> = (orders.windows.iter())
        .map(|window| {
            let energies = window.orders.iter().map(|order| order.order.energy_wh).collect();
            (window.start, window.label.as_deref().unwrap(), energies)
        })
        .collect();
    let expected = [
        (Some(1_466_463_600), "2016-06-21T00:00:00+01:00", vec![2]),
        (Some(1_466_464_500), "2016-06-21T00:15:00+01:00", vec![1, 3, 4]),
    ];
    assert_eq!(found, expected);
    let none = Orders::read(format!("window_start,{HEADER}").as_bytes()).unwrap();
    assert!(none.has_windows && none.windows.is_empty());
}

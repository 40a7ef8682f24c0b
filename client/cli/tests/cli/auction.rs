//! Auctions by the command line: the price of a book in a file; bids, a window that closes, its proof and its settlement.

use {
    crate::support::*,
    multibus_client::chain::{Chain, EmbeddedChain},
    multibus_test_support::node::TestNode,
    serde_json::{Value, json},
    std::{
        fmt::Write as _,
        io::{BufRead, BufReader, Write as _},
        path::Path,
        process::{Command, Stdio},
        sync::Arc,
        time::{Duration, Instant},
    },
};

const PRICE: &str = " window_start price volume_wh rationed low_price high_price bids asks bid_wh ask_wh bids_at_price_wh \
                     bids_filled_wh asks_at_price_wh asks_filled_wh";
const BID: &str = " address bus buyer window_start gate_closes_at state auction energy_wh max_price_per_kwh price_per_kwh \
                   deposit_base_units paid_base_units allotted_wh delivered_wh certified_wh refund transaction_hash \
                   created_at mint mint_decimals";
const RESULT: &str = " price_per_kwh full_price_per_kwh volume_wh rationed low_price high_price bids_at_price_wh \
                      bids_filled_wh asks_at_price_wh asks_filled_wh";
const AUCTION: &str = " bus capacity window_start window_end phase closing_from gate_closes_at proof_until settlement \
                       grid_fee_per_kwh mint mint_decimals open_bids open_offers bid_wh ask_wh escrowed_base_units proven \
                       cleared_at proof unsettled pool levels orders";
const COST: &str = " transactions fee_lamports compute_units";
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
        // Where nothing is traded, the price means nothing: it is the middle, as in the files of a replay.
        assert_eq!(units(&found, "price").to_string(), price, "{book}");
        if volume == "0" {
            assert_eq!(&found["rationed"], &Value::Null, "{book}");
        } else {
            assert_eq!(text(&found["rationed"]), rationed, "{book}");
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
    assert_eq!((units(&empty, "price"), units(&empty, "volume_wh"), &empty["rationed"]), (0, 0, &Value::Null));
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
fn a_large_book_is_priced_at_once() {
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
    // A third of a second where nothing else runs. One that compares each order with each other takes minutes.
    assert!(seconds < 30.0, "{seconds} s");
}

/// A bus of Alice with windows of 15 minutes that an auction closes, 0.05 tokens per kWh for the grid. Alice has 2 kWh on offer at
/// 0.20 in the window after the next hour; Bob, Carol and Erin have money.
struct Village {
    market: CliMarket,
    window: i64,
    gate: i64,
    offer: String,
}

impl Village {
    fn new() -> Self {
        let market = CliMarket::new("--listing open --window 15m --gate-closure 5m --auction on --grid-fee 0.05tokens");
        for name in ["carol", "erin"] {
            let address = market.folder.multibus(&format!("-q local wallet {name}.json")).ok().trim().to_owned();
            market.alice(&format!("-q local fund {address} --mint {} --amount 100tokens", market.token)).ok();
        }
        let offer = format!("--output json offer create {} --energy 2kWh --price 0.20tokens --window +1h", market.bus);
        let offer = market.alice(&offer).json();
        let window = offer["window_start"].as_i64().unwrap();
        Self { market, window, gate: window - 300, offer: text(&offer["address"]) }
    }

    fn bus(&self) -> &str {
        &self.market.bus
    }

    fn carol(&self, arguments: &str) -> Run {
        self.market.call("carol.json", arguments)
    }

    fn erin(&self, arguments: &str) -> Run {
        self.market.call("erin.json", arguments)
    }

    fn warp(&self, to: i64) {
        self.market.alice(&format!("local warp {to}")).ok();
    }

    /// Arguments of a bid in the window.
    fn bid(&self, energy: &str, limit: &str) -> String {
        format!("bid create {} --energy {energy} --max-price {limit} --window {}", self.bus(), self.window)
    }

    fn show(&self) -> Value {
        self.market.json(&format!("auction show {} --window {}", self.bus(), self.window))
    }
}

#[track_caller]
fn assert_fits(page: &str) {
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
}

#[test]
fn a_household_bids_and_each_gets_what_the_price_gives() {
    let village = Village::new();
    shows_its_auction(&village);
    let [bob, carol] = bids(&village);
    nothing_leaves_the_book(&village, &bob);
    anybody_proves_the_price(&village);
    each_order_is_settled(&village, &bob, &carol);
    tells_what_became_of_bids(&village, &bob, &carol);
    // Alice withdraws 0.40, the treasury gets 0.10 of grid fees, the window closes.
    let bus = village.bus();
    let withdrawn = village.market.alice(&format!("--output json seller withdraw {bus}")).json();
    assert_eq!(units(&withdrawn, "withdrawn_base_units"), 400_000);
    village.warp(village.window + 900);
    village.market.alice(&format!("window close {bus} {}", village.window)).ok();
    let gone = village.market.bob(&format!("auction show {bus} --window {}", village.window)).fails(1);
    assert_has(&gone, &["is not open", "multibus history --account"]);
    let empty = village.market.bob(&format!("auction list {bus}")).ok();
    assert_has(&empty, &["no window with an auction is open"]);
}

fn shows_its_auction(village: &Village) {
    let bus = village.bus();
    let shown = village.market.json(&format!("bus show {bus}"));
    assert_eq!(shown["terms"]["auction"], json!(true));
    assert_has(
        &village.market.bob(&format!("bus show {bus}")).ok(),
        &["one price at the gate for all bids and offers"],
    );
    let auction = village.show();
    assert_fields(&auction, &format!("{AUCTION} {RESULT}"));
    assert_eq!(
        (&auction["phase"], &auction["proven"], &auction["price_per_kwh"]),
        (&json!("trading"), &json!(false), &Value::Null)
    );
    assert_eq!(
        (auction["gate_closes_at"].as_i64(), auction["closing_from"].as_i64()),
        (Some(village.gate), Some(village.gate - 300))
    );
    let page = village.market.bob(&format!("auction show {bus}")).ok();
    assert_has(
        &page,
        &["bids and offers come and go until", "0 bids for 0 Wh, 1 offer of 2 kWh", "none, nothing is sold"],
    );
    assert_fits(&page);
}

/// Bob bids above Alice's price, Carol at it. Returns their hashes.
fn bids(village: &Village) -> [String; 2] {
    let bus = village.bus();
    let dry = village.market.bob(&format!("{} --dry-run", village.bid("1.5kWh", "0.35tokens"))).ok();
    assert_has(
        &dry,
        &[
            "would deposit 0.525 tokens; nothing was sent",
            "it would get 1.5 kWh at",
            "the hash is known once lane 0 is open",
        ],
    );
    let made = village.market.bob(&format!("--output json {}", village.bid("1.5kWh", "0.35tokens"))).json();
    assert_fields(&made, &format!("{BID} lane nonce signature slot compute_units attempts opened_window"));
    assert_eq!(
        (units(&made, "deposit_base_units"), units(&made, "price_per_kwh"), &made["opened_window"], &made["auction"]),
        (525_000, 300_000, &Value::Null, &json!("trading"))
    );
    let hash = text(&made["transaction_hash"]);
    // The same by its address and by its hash, and as it was told when it was made.
    for name in [&hash, &text(&made["address"])] {
        let read = village.market.json(&format!("bid show {name}"));
        assert_fields(&read, &format!("{BID} gets_wh proven"));
        for field in BID.split_whitespace() {
            assert_eq!(read[field], made[field], "{field}");
        }
        assert_eq!((units(&read, "gets_wh"), &read["proven"]), (1_500, &json!(false)));
    }
    // At the price of the only offer, a second bid shares what the first one leaves.
    let dry = village.carol(&format!("--output json {} --dry-run", village.bid("1kWh", "0.25tokens"))).json();
    assert_fields(
        &dry,
        "dry_run bus window_start gate_closes_at energy_wh max_price_per_kwh grid_fee_per_kwh deposit_base_units opens_window \
         now transaction_hash address lane nonce mint mint_decimals",
    );
    assert_fields(&dry["now"], "energy_wh full_price_per_kwh cost_base_units returned_base_units volume_wh rationed");
    assert_eq!(
        (
            units(&dry["now"], "energy_wh"),
            units(&dry["now"], "cost_base_units"),
            units(&dry["now"], "returned_base_units")
        ),
        (500, 125_000, 125_000)
    );
    let other = village.carol(&format!("-q {}", village.bid("1kWh", "0.25tokens"))).ok().trim().to_owned();
    // One that she takes back.
    let third = village.carol(&format!("-q {}", village.bid("300Wh", "0.40tokens"))).ok().trim().to_owned();
    let listed = village.carol("--output json bid list").json();
    assert_eq!(listed["bids"].as_array().unwrap().len(), 2);
    assert_fields(&listed["bids"][0], BID);
    let all = village.carol(&format!("--output json bid list --bus {bus} --window {}", village.window)).json();
    assert_eq!(all["bids"].as_array().unwrap().len(), 3);
    assert_has(&village.market.bob(&format!("bid cancel {third}")).fails(1), &["sign with its buyer's wallet"]);
    let cancelled = village.carol(&format!("--output json bid cancel {third}")).json();
    assert_fields(
        &cancelled,
        &format!("bid bus window_start energy_wh returned_base_units returned_to mint mint_decimals {TRANSACTION}"),
    );
    assert_eq!(units(&cancelled, "returned_base_units"), 120_000);
    let gone = village.carol(&format!("bid cancel {third}")).fails(1);
    assert_has(&gone, &["no bid with the hash", &format!("multibus tx verify {third}")]);
    let page = village.market.bob("bid list").ok();
    assert_has(&page, &[&format!("of {bus}"), &text(&made["address"]), "1.5 kWh", "0.35", "open"]);
    assert_fits(&page);
    [hash, other]
}

/// In the last 300 s nothing is withdrawn; from the gate on nothing changes.
fn nothing_leaves_the_book(village: &Village, bob: &str) {
    let bus = village.bus();
    let early = village.erin(&format!("auction clear {bus} --window {}", village.window)).fails(1);
    assert_has(&early, &["clear it from its gate on"]);
    assert_has(&village.erin(&format!("auction clear {bus}")).fails(1), &["no auction", "waits for a proof"]);
    assert_has(&village.erin(&format!("auction settle {bus}")).fails(1), &["has orders to settle now"]);
    village.warp(village.gate - 300);
    assert_has(&village.market.bob(&format!("bid cancel {bob}")).fails(1), &["In the last 300 s"]);
    assert_has(&village.market.alice(&format!("offer cancel {}", village.offer)).fails(1), &["In the last 300 s"]);
    assert_eq!(village.show()["phase"], json!("closing"));
    village.warp(village.gate);
    assert_has(
        &village.market.bob(&village.bid("1Wh", "0.35tokens")).fails(1),
        &["the gate of the window", "--window next"],
    );
    assert_has(&village.market.bob(&format!("bid cancel {bob}")).fails(1), &["The book of the auction is fixed"]);
}

fn anybody_proves_the_price(village: &Village) {
    let bus = village.bus();
    let fixed = village.show();
    assert_eq!(
        (&fixed["phase"], units(&fixed, "price_per_kwh"), units(&fixed, "volume_wh")),
        (&json!("fixed"), 200_000, 2_000)
    );
    // Whoever has the book gets the same price, without the chain.
    village.erin(&format!("-q auction show {bus} --csv book.csv")).ok();
    let price = village.market.folder.multibus("--output json auction price book.csv").json();
    assert_eq!(
        (units(&price, "price"), units(&price, "volume_wh"), &price["rationed"]),
        (200_000, 2_000, &json!("bid"))
    );
    let page = village.erin(&format!("auction show {bus}")).ok();
    assert_has(
        &page,
        &[
            "the book is fixed, anyone proves its price until",
            "0.25 tokens/kWh, of it 0.05 for the grid",
            "bids at the price get 500 Wh of 1 kWh",
            &format!("multibus auction clear {bus}"),
        ],
    );
    assert_fits(&page);
    let cleared = village.erin(&format!("--output json auction clear {bus}")).json();
    assert_fields(&cleared, "bus mint mint_decimals auctions failures");
    let proof = &cleared["auctions"][0];
    assert_fields(
        proof,
        &format!("window_start {RESULT} cleared_at orders by_this_wallet resumed cost signatures lookup_tables"),
    );
    assert_fields(&proof["cost"], COST);
    assert_eq!(
        (units(proof, "price_per_kwh"), units(proof, "full_price_per_kwh"), units(proof, "orders")),
        (200_000, 250_000, 3)
    );
    assert_eq!((&proof["by_this_wallet"], &proof["rationed"]), (&json!(true), &json!("bid")));
    assert_has(&village.erin(&format!("auction clear {bus}")).fails(1), &["no auction", "waits for a proof"]);
    // Somebody else comes too late, and hears the price all the same.
    let again = village.carol(&format!("auction clear {bus} --window {}", village.window)).ok();
    assert_has(&again, &["somebody else has proved the price", "2 kWh at 0.25 tokens/kWh"]);
    let shown = village.show();
    assert_eq!((&shown["phase"], &shown["proven"], units(&shown, "unsettled")), (&json!("cleared"), &json!(true), 3));
    assert_fields(&shown["proof"], "low high");
    assert_fields(&shown["proof"]["low"], "price bid_above_wh bid_from_wh asked_below_wh asked_up_to_wh");
    assert_eq!(
        (units(&shown["proof"]["low"], "bid_above_wh"), units(&shown["proof"]["low"], "bid_from_wh")),
        (1_500, 2_500)
    );
    assert_fields(&shown["orders"][0], "side address wallet own energy_wh price_per_kwh settled gets_wh");
    assert_fields(&shown["levels"][0], "price_per_kwh bid_wh ask_wh bid_from_wh asked_up_to_wh");
    let page = village.market.bob(&format!("auction show {bus}")).ok();
    assert_has(&page, &["price proven at", "yours", &format!("multibus auction settle {bus}")]);
    assert_fits(&page);
    let list = village.market.json(&format!("auction list {bus}"));
    assert_fields(
        &list["auctions"][0],
        &format!("window_start gate_closes_at phase bids offers proven {RESULT} unsettled"),
    );
    let page = village.market.bob(&format!("auction list {bus}")).ok();
    assert_has(&page, &["cleared", "0.25", "2 kWh"]);
    assert_fits(&page);
}

/// One by one, by a stranger, and the rest at once.
fn each_order_is_settled(village: &Village, bob: &str, carol: &str) {
    let bus = village.bus();
    let other = village.erin(&format!("auction settle --bid {bob} --to {NOWHERE}")).fails(1);
    assert_has(&other, &["only its buyer", "leave out --close and --to"]);
    let settled = village.erin(&format!("--output json auction settle --bid {bob}")).json();
    assert_fields(
        &settled,
        &format!(
            "bid buyer window_start transaction_hash energy_wh allotted_wh paid_base_units returned_base_units delivered_wh state \
             outcome mint mint_decimals {TRANSACTION}"
        ),
    );
    assert_eq!(
        (units(&settled, "allotted_wh"), units(&settled, "paid_base_units"), units(&settled, "returned_base_units")),
        (1_500, 375_000, 150_000)
    );
    assert_eq!((&settled["state"], &settled["outcome"]), (&json!("closed"), &json!("paid")));
    // The book is not whole any more.
    let late = village.erin(&format!("auction show {bus} --csv late.csv")).fails(1);
    assert_has(&late, &["settled already"]);
    assert_eq!(village.show()["proof"], Value::Null);
    let sold = village.erin(&format!("--output json auction settle --offer {}", village.offer)).json();
    assert_fields(
        &sold,
        &format!("offer seller window_start sold_wh credited_base_units on_delivery mint mint_decimals {TRANSACTION}"),
    );
    assert_eq!((units(&sold, "sold_wh"), units(&sold, "credited_base_units")), (2_000, 500_000));
    let rest = village.erin(&format!("--output json auction settle {bus}")).json();
    assert_fields(&rest, "bus mint mint_decimals auctions failures");
    let rest = &rest["auctions"][0];
    assert_fields(rest, "window_start bids asks cancelled_offers pool_reports cost waiting done");
    assert_eq!((units(rest, "bids"), units(rest, "cancelled_offers"), &rest["done"]), (1, 1, &json!(true)));
    assert_has(&village.erin(&format!("auction settle {bus}")).fails(1), &["has orders to settle now"]);
    assert_has(&village.carol(&format!("bid show {carol}")).fails(1), &["no bid with the hash"]);
}

fn tells_what_became_of_bids(village: &Village, bob: &str, carol: &str) {
    let verified = village.market.json(&format!("tx verify {bob}"));
    let bid = &verified["purchases"][0]["bid"];
    assert_fields(
        bid,
        "address state energy_wh max_price_per_kwh deposit_base_units bus window_start allotted_wh delivered_wh paid_base_units",
    );
    assert_eq!(
        (&bid["state"], units(bid, "allotted_wh"), units(bid, "paid_base_units")),
        (&json!("filled"), 1_500, 375_000)
    );
    let page = village.erin(&format!("tx verify {carol}")).ok();
    assert_has(&page, &["the bid was made", "got 500 Wh for 0.125 tokens", "1 kWh"]);
    let history = village.carol("--output json history").json();
    assert_eq!((&history["verified"], history["lanes"][0]["purchases"].as_array().unwrap().len()), (&json!(true), 2));
    assert_fields(
        &history["lanes"][0]["purchases"][0]["bid"],
        "address bus window_start energy_wh max_price_per_kwh deposit_base_units",
    );
    assert_has(&village.carol("history").ok(), &["0 purchases and 2 bids, history leads to the root on chain"]);
    let capacity = village.market.json(&format!("history --account {}", text(&village.show()["capacity"])));
    let names: Vec<&str> =
        capacity["events"].as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert!(names.contains(&"AuctionCleared") && names.contains(&"BidCancelled"), "{names:?}");
}

#[test]
fn bids_that_cannot_be_are_refused_with_the_remedy() {
    let village = Village::new();
    let (bus, bob) = (village.bus(), &village.market);
    let below = bob.bob(&village.bid("1kWh", "0.14tokens")).fails(1);
    assert_has(&below, &["0.15 tokens/kWh", "the base price 0.1", "grid fee 0.05", "--max-price 0.15tokens"]);
    assert_has(&bob.bob(&village.bid("51kWh", "0.30tokens")).fails(1), &["more than the window can sell, 50 kWh"]);
    assert_has(&bob.bob(&format!("bid create {bus} --energy 1kWh --max-price 1tokens")).fails(2), &["--window next"]);
    assert_has(&bob.bob(&format!("bid show {NOWHERE}")).fails(1), &["no bid", NOWHERE]);
    assert_has(&bob.bob("bid show rubbish").fails(2), &["neither the address of a bid", "64 hex digits"]);
    let poor = village.market.folder.multibus("-q local wallet frank.json").ok();
    village.market.alice(&format!("local fund {}", poor.trim())).ok();
    assert_has(
        &village.market.call("frank.json", &village.bid("1kWh", "0.30tokens")).fails(1),
        &["has never held the token"],
    );
    // A bus without auctions.
    let create = format!(
        "-q bus create --name Plain --mint {} --capacity 5kWh --base-price 100000 --window 15m --gate-closure 5m",
        village.market.token
    );
    let plain = village.market.alice(&create).ok().trim().to_owned();
    let refused = bob.bob(&format!("bid create {plain} --energy 1kWh --max-price 1tokens --window next")).fails(1);
    assert_has(&refused, &["no auction closes the windows", &format!("multibus buy {plain}"), "terms --auction on"]);
    assert_has(&bob.bob(&format!("auction list {plain}")).ok(), &["no window with an auction is open"]);
    // Terms that cannot be.
    let windowless =
        format!("bus create --name X --mint {} --capacity 5kWh --base-price 1 --auction on", village.market.token);
    assert_has(
        &village.market.alice(&windowless).fails(1),
        &["An auction closes delivery windows; give the terms windows"],
    );
    let short = format!("{windowless} --window 10m --gate-closure 1m");
    assert_has(&village.market.alice(&short).fails(1), &["at least 900 s"]);
    let proposed = village.market.alice(&format!("proposal create {plain} terms --auction on")).ok();
    let row = proposed.lines().find(|line| line.starts_with("auction")).unwrap();
    assert!(row.ends_with("yes"), "{proposed}");
}

#[test]
fn the_first_bid_opens_its_window_and_comes_back_where_nobody_offers() {
    let village = Village::new();
    let bus = village.bus();
    let later = format!("bid create {bus} --energy 1kWh --max-price 0.30tokens --window {}", village.window + 900);
    let dry = village.market.json(&format!("{later} --dry-run"));
    assert_eq!((&dry["opens_window"], units(&dry["now"], "energy_wh")), (&json!(true), 0));
    assert_has(
        &village.market.bob(&format!("{later} --dry-run")).ok(),
        &["nothing would be sold", "the bid would open it"],
    );
    let made = village.market.json(&later);
    assert_fields(&made["opened_window"], "address rent_lamports");
    assert_has(
        &village.market.bob(&format!("auction show {bus}")).fails(2),
        &["2 windows with an auction are open", "--window"],
    );
    village.warp(village.gate + 900);
    let shown = village.market.json(&format!("auction show {bus} --window {}", village.window + 900));
    assert_eq!((&shown["phase"], units(&shown, "unsettled")), (&json!("over"), 1));
    // One pass settles it, and the offer that nobody bid for.
    let kept = village.erin(&format!("--output json auction keep {bus} --once")).json();
    assert_fields(&kept, "bus mint mint_decimals windows");
    assert_fields(&kept["windows"][0], "window_start cleared settled error");
    let bids: u64 = kept["windows"].as_array().unwrap().iter().map(|kept| units(&kept["settled"], "bids")).sum();
    let offers: u64 =
        kept["windows"].as_array().unwrap().iter().map(|kept| units(&kept["settled"], "cancelled_offers")).sum();
    assert_eq!((bids, offers), (1, 1));
    assert_has(&village.erin(&format!("auction keep {bus} --once")).ok(), &["no auction waits"]);
    let told = village.market.bob(&format!("tx verify {}", text(&made["transaction_hash"]))).ok();
    assert_has(&told, &["got nothing, the deposit came back"]);
    let refused = village.erin(&format!("auction keep {bus}")).fails(2);
    assert_has(&refused, &["--once", "multibus local warp"]);
}

/// On delivery terms what a bid paid waits until the meters have said what was delivered.
#[test]
fn on_delivery_terms_a_bid_pays_for_what_arrived_and_takes_its_certificate() {
    let mut market = CliMarket::new("");
    for name in ["dora", "erin"] {
        let address = market.folder.multibus(&format!("-q local wallet {name}.json")).ok();
        market.alice(&format!("local fund {}", address.trim())).ok();
    }
    let create = format!(
        "-q bus create --name Metered --mint {} --capacity 50kWh --base-price 100000 --listing open --window 15m --gate-closure 5m \
         --auction on --settlement on-delivery --grid-fee 0.05tokens --reading-deadline 1h --correction-time 1h --operator {}",
        market.token, market.alice
    );
    market.bus = market.alice(&create).ok().trim().to_owned();
    let bus = market.bus.clone();
    let dora = |arguments: &str| market.call("dora.json", arguments);
    let erin = |arguments: &str| market.call("erin.json", arguments);
    // One hour into a day, so that the window is in a delivery book that trades on after it.
    let now = market.alice("--output json local warp +0s").json();
    let day = units(&now, "unix_timestamp") / 86_400 + 1;
    market.alice(&format!("local warp {}", day * 86_400 + 3_600)).ok();
    market.folder.multibus("local wallet roof.json").ok();
    dora(&format!("seller open {bus}")).ok();
    let seller = text(&dora(&format!("--output json seller show {bus}")).json()["wallet"]);
    market.alice(&format!("meter register {bus} {seller} --device roof.json --power 5.5kW --source solar")).ok();
    let offer =
        format!("--output json offer create {bus} --energy 1kWh --price 0.20tokens --window +1h --source solar");
    let offer = dora(&offer).json();
    let window = offer["window_start"].as_i64().unwrap();
    // 200 Wh by trade for 0.05, 600 Wh by a bid for 0.15.
    market.bob(&format!("buy --offer {} --energy 200Wh", text(&offer["address"]))).ok();
    let bid = format!("-q bid create {bus} --energy 600Wh --max-price 0.35tokens --window {window}");
    let bid = market.bob(&bid).ok().trim().to_owned();
    market.alice(&format!("local warp {}", window - 300)).ok();
    let kept = erin(&format!("--output json auction keep {bus} --once")).json();
    let kept = &kept["windows"][0];
    assert_eq!((units(&kept["cleared"], "price_per_kwh"), &kept["cleared"]["rationed"]), (200_000, &json!("ask")));
    assert_eq!(
        (units(&kept["settled"], "bids"), units(&kept["settled"], "asks"), &kept["error"]),
        (1, 1, &Value::Null)
    );
    let filled = market.json(&format!("bid show {bid}"));
    assert_eq!(
        (&filled["state"], units(&filled, "allotted_wh"), units(&filled, "paid_base_units")),
        (&json!("filled"), 600, 150_000)
    );
    let positions = market.bob("--output json position list").json();
    assert_fields(&positions, "positions bids");
    assert_fields(&positions["bids"][0], BID);
    let page = market.bob("position list").ok();
    assert_has(&page, &["bought by bids in auctions", "600 Wh", "waits for meters"]);
    assert_fits(&page);
    // 400 of 800 Wh arrive, 300 of them for the auction.
    market.alice(&format!("local warp {}", window + 900)).ok();
    market.alice(&format!("delivery report {bus} {seller} --window {window} --energy 400Wh")).ok();
    let early = market.bob(&format!("certificate take --bid {bid}")).fails(1);
    assert_has(&early, &["not all counted yet", &format!("multibus auction settle {bus} --window {window}")]);
    market.alice("local warp +1h").ok();
    let page = erin(&format!("delivery list {bus}")).ok();
    assert_has(&page, &["200 Wh + 600 Wh", "not counted yet"]);
    assert_fits(&page);
    let settled = erin(&format!("--output json auction settle {bus}")).json();
    let settled = &settled["auctions"][0];
    assert_eq!((units(settled, "pool_reports"), units(settled, "bids"), &settled["done"]), (1, 1, &json!(false)));
    let delivered = market.json(&format!("delivery list {bus}"));
    let delivered = &delivered["deliveries"][0];
    assert_eq!(
        (units(delivered, "auction_wh"), units(delivered, "auction_delivered_wh"), &delivered["pool_reported"]),
        (600, 300, &json!(true))
    );
    let refunded = market.json(&format!("bid show {bid}"));
    assert_eq!(
        (&refunded["state"], units(&refunded, "delivered_wh"), units(&refunded, "paid_base_units")),
        (&json!("refunded"), 300, 75_000)
    );
    let shown = market.json(&format!("auction show {bus}"));
    assert_fields(&shown["pool"], "reported_wh delivered_wh complete_at");
    assert_eq!((units(&shown["pool"], "reported_wh"), units(&shown["pool"], "delivered_wh")), (600, 300));
    assert_has(&market.bob(&format!("auction show {bus}")).ok(), &["delivered  300 Wh of 600 Wh"]);
    let seller = dora(&format!("--output json seller show {bus}")).json();
    // 0.06 of the auction less the grid fee; the trade's part is released by itself when Dora withdraws.
    assert_eq!((units(&seller, "released_base_units"), units(&seller, "pool_due_base_units")), (60_000, 0));
    let takeable = market.bob("--output json certificate list").json();
    let of_bid =
        takeable["takeable"].as_array().unwrap().iter().find(|one| one["holding"] == refunded["address"]).unwrap();
    assert_eq!(units(of_bid, "energy_wh"), 300);
    let page = market.bob("certificate list").ok();
    assert_has(
        &page,
        &["300 Wh that a bid got", &format!("multibus certificate take --bid {}", text(&refunded["address"]))],
    );
    let taken = market.bob(&format!("--output json certificate take --bid {bid}")).json();
    assert_fields(&taken, "book bid certificates failures");
    assert_eq!((&taken["book"], units(&taken["certificates"][0], "energy_wh")), (&Value::Null, 300));
    assert_has(&market.bob(&format!("certificate take --bid {bid}")).fails(1), &["left to certify"]);
    erin(&format!("auction settle --bid {bid}")).ok();
    let told = market.bob(&format!("tx verify {bid}")).ok();
    assert_has(&told, &["got 600 Wh, of it 300 Wh delivered, for 0.075 tokens"]);
}

#[test]
fn watching_shows_auctions() {
    let village = Village::new();
    let bus = village.bus();
    let watch = |options: &str| {
        let arguments = format!("--url embedded:village.chain watch {bus} --events 8 {options}");
        let mut command = village.market.folder.command(MULTIBUS);
        command.args(words(&arguments)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let watchers = [watch("--json-lines"), watch("")];
    // A watcher has opened the chain once it has looked at the file.
    std::thread::sleep(Duration::from_secs(3));
    village.carol(&village.bid("1kWh", "0.35tokens")).ok();
    let bid = village.market.bob(&format!("-q {}", village.bid("1kWh", "0.35tokens"))).ok();
    village.market.bob(&format!("bid cancel {}", bid.trim())).ok();
    village.warp(village.gate);
    village.erin(&format!("auction clear {bus}")).ok();
    village.erin(&format!("auction settle --offer {}", village.offer)).ok();
    village.erin(&format!("auction settle {bus}")).ok();
    let [events, told] = watchers.map(|watcher| {
        let output = watcher.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    });
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<String> = events.iter().map(|event| text(&event["event"])).collect();
    let expected = [
        "BidCreated",
        "BidCreated",
        "BidCancelled",
        "ClearingOpened",
        "ClearingTallied",
        "AuctionCleared",
        "AskSettled",
    ];
    assert_eq!(names[..7], expected);
    assert_has(
        &told,
        &[
            "bid for 1 kWh at up to 0.35 tokens/kWh in the window",
            "cancelled bid",
            "claims that 0.2 tokens/kWh to",
            "counts 1 bid and 1 offer",
            ": 1 kWh at 0.2 tokens/kWh",
            "the auction sold 1 kWh of offer",
        ],
    );
}

/// Over JSON-RPC, where time passes by itself: a keeper waits for the gate, clears, settles, and ends in good order.
#[test]
fn a_keeper_clears_and_settles_as_gates_pass() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let chain = Arc::new(EmbeddedChain::new().unwrap());
    let (_node, url) = runtime.block_on(TestNode::start(&chain));
    let blocks = chain.clone();
    runtime.spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(400)).await;
            let slot = blocks.clock().await.unwrap().slot;
            blocks.wait_for_slot(slot + 1).await.unwrap();
        }
    });
    let folder = Folder::new();
    let call = |wallet: &str, arguments: &str| folder.multibus(&format!("--url {url} -k {wallet} {arguments}"));
    let wallet = |name: &str| folder.multibus(&format!("-q local wallet {name}.json")).ok().trim().to_owned();
    let [alice, bob] = ["alice", "bob"].map(wallet);
    call("alice.json", &format!("local fund {alice}")).ok();
    let token = call("alice.json", "-q local mint").ok().trim().to_owned();
    call("alice.json", &format!("local fund {bob} --mint {token} --amount 9tokens")).ok();
    let create = format!(
        "-q bus create --name Kept --mint {token} --capacity 5kWh --base-price 1 --window 15m --gate-closure 5m --auction on"
    );
    let bus = call("alice.json", &create).ok().trim().to_owned();
    let offer = format!("--output json offer create {bus} --energy 2kWh --price 0.20tokens --window +1h");
    let window = call("alice.json", &offer).json()["window_start"].as_i64().unwrap();
    let bid = format!("-q bid create {bus} --energy 1kWh --max-price 0.30tokens --window {window}");
    let bid = call("bob.json", &bid).ok().trim().to_owned();
    let mut keeper = folder
        .command(MULTIBUS)
        .args(["--url", &url, "-k", "alice.json", "auction", "keep", &bus, "--every", "1s", "--json-lines"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(2));
    chain.set_clock(window - 300).unwrap();
    let mut line = String::new();
    BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let kept: Value = serde_json::from_str(&line).unwrap();
    assert_fields(&kept, "window_start cleared settled error");
    assert_eq!(
        (kept["window_start"].as_i64(), units(&kept["cleared"], "volume_wh"), units(&kept["settled"], "bids")),
        (Some(window), 1_000, 1)
    );
    let told = call("bob.json", &format!("--output json tx verify {bid}")).json();
    assert_eq!(told["purchases"][0]["bid"]["paid_base_units"], 200_000);
    assert!(Command::new("kill").args(["-INT", &keeper.id().to_string()]).status().unwrap().success());
    assert!(keeper.wait().unwrap().success());
}

//! Delivery terms by the command line: from the meter to the tombstone, what is refused on the way, and what scripts read.

use {
    crate::support::*,
    multibus_client::{account::MarketAccount, chain::embedded_state::StateFile, position::PositionBook},
    multibus_test_support::node::{Lie, TestNode},
    serde_json::{Value, json},
    std::{
        io::{Read, Write},
        process::Stdio,
        sync::{Arc, Mutex},
    },
};

const METER: &str = " address bus seller wallet device source power_w valid_from listed_until registered_at rent_payer";
const IDENTITY: &str = " program bus bus_created_at seller terms_from window_seconds";
const DEVICE: &str = " address device bus seller wallet retired busy_until rent_payer";
const READING: &str = " program bus bus_created_at seller terms_from window_seconds window_start energy_wh sequence device \
                       signature";
const REPORTED: &str = " book bus window_start energy_wh sequence proof reported_at final_at";
const DELIVERY: &str = " book seller wallet window_start window_end state final_at device source power_w listed_wh sold_wh \
                        paid_base_units reading_wh reported_at operator_readings next_sequence delivered_wh \
                        released_base_units grid_fee_base_units refunded_base_units surplus_wh certified_wh auction_wh auction_delivered_wh pool_reported \
                        unsettled_offers";
const BOOK: &str = " address bus seller wallet meter vault first_window terms open_offers open_positions held_base_units pool_due_base_units \
                    releasable_base_units releasable_grid_fee_base_units final_at closable_from identity rent_payer mint \
                    mint_decimals windows";
const POSITION: &str = " address book bus seller buyer refund open_locks energy_wh paid_base_units refundable_base_units \
                        mint mint_decimals windows rent_payer";
const POSITION_WINDOW: &str = " window_start state final_at energy_wh paid_base_units delivered_wh refund_base_units \
                               refunded certified";
const CERTIFICATE: &str = " address state bus seller owner device source window_start window_seconds range_start range_end \
                           energy_wh issued_at beneficiary retired_by";

/// A bus on delivery terms: Alice owns and operates it, Dora sells, Bob buys, Carol gets the grid fees, Erin is a stranger.
struct Village {
    market: CliMarket,
    carol: String,
    dora: String,
}

impl Village {
    /// Windows of 15 minutes whose gate closes 5 minutes before, 0.05 tokens per kWh for the grid, one hour for readings.
    fn new() -> Self {
        let mut market = CliMarket::new("");
        let [carol, dora, _] = ["carol", "dora", "erin"].map(|name| {
            let address = market.folder.multibus(&format!("-q local wallet {name}.json")).ok().trim().to_owned();
            market.call(&format!("{name}.json"), "local fund").ok();
            address
        });
        let create = format!(
            "-q bus create --name Metered --mint {} --capacity 50kWh --base-price 100000 --listing open --lock-fee 1% \
             --window 15m --gate-closure 5m --settlement on-delivery --grid-fee 0.05tokens --reading-deadline 1h \
             --correction-time 1h --operator {} --grid-recipient {carol}",
            market.token, market.alice
        );
        market.bus = market.alice(&create).ok().trim().to_owned();
        // One hour into a day, so that the windows of a test are in one delivery book, which trades on after them.
        let now = market.alice("--output json local warp +0s").json();
        let day = moment(&now, "unix_timestamp") / 86_400 + 1;
        market.alice(&format!("local warp {}", day * 86_400 + 3_600)).ok();
        Self { market, carol, dora }
    }

    /// The same, where Dora has a seller account and a meter of at most 5.5 kW: 1,375 Wh in a window.
    fn with_meter() -> Self {
        let village = Self::new();
        village.device("roof");
        village.dora(&format!("seller open {}", village.bus())).ok();
        village
            .alice(&format!(
                "meter register {} {} --device roof.json --power 5.5kW --source solar",
                village.bus(),
                village.dora
            ))
            .ok();
        village
    }

    fn bus(&self) -> &str {
        &self.market.bus
    }

    /// Makes a key for a device; returns its address.
    fn device(&self, name: &str) -> String {
        self.market.folder.multibus(&format!("-q local wallet {name}.json")).ok().trim().to_owned()
    }

    fn alice(&self, arguments: &str) -> Run {
        self.market.alice(arguments)
    }

    fn bob(&self, arguments: &str) -> Run {
        self.market.bob(arguments)
    }

    fn carol(&self, arguments: &str) -> Run {
        self.market.call("carol.json", arguments)
    }

    fn dora(&self, arguments: &str) -> Run {
        self.market.call("dora.json", arguments)
    }

    fn erin(&self, arguments: &str) -> Run {
        self.market.call("erin.json", arguments)
    }

    /// The JSON that a command of a stranger's prints.
    fn json(&self, arguments: &str) -> Value {
        self.erin(&format!("--output json {arguments}")).json()
    }

    /// Dora lists 1 kWh at 0.25 tokens for the window that starts at least an hour later.
    fn offer(&self) -> Value {
        let create = format!("--output json offer create {} --energy 1kWh --price 0.25tokens --window +1h", self.bus());
        self.dora(&create).json()
    }

    fn warp(&self, time: i64) {
        self.erin(&format!("local warp {time}")).ok();
    }

    /// Writes what Dora's device must know into `meter.json`.
    fn write_identity(&self) {
        let shown = self.alice(&format!("--output json meter show {} {}", self.bus(), self.dora)).ok();
        std::fs::write(self.market.folder.path().join("meter.json"), shown).unwrap();
    }

    /// Signs a reading without a chain, as a gateway does; keeps it in `reading.json`.
    fn sign(&self, device: &str, options: &str) -> Value {
        // No --url and no --keypair: nothing listens at the default URL, and there is no default wallet.
        let run =
            self.market.folder.multibus(&format!("meter sign --meter meter.json --device {device}.json {options}"));
        let text = run.ok();
        std::fs::write(self.market.folder.path().join("reading.json"), &text).unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

fn units(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("{name} in {value}"))
}

fn moment(value: &Value, name: &str) -> i64 {
    value[name].as_i64().unwrap_or_else(|| panic!("{name} in {value}"))
}

#[track_caller]
fn assert_fits(page: &str) {
    for line in page.lines().filter(|line| !line.starts_with("signature")) {
        assert!(line.chars().count() <= 80, "{} columns: {line}\n{page}", line.chars().count());
    }
}

/// What the story of one window is about.
struct Story {
    village: Village,
    /// Key of the meter's device.
    key: String,
    offer: String,
    book: String,
    position: String,
    window: i64,
}

#[test]
fn what_is_delivered_is_paid_and_the_rest_goes_back() {
    let village = Village::new();
    shows_its_terms(&village);
    let key = registers_a_meter(&village);
    let offer = lists_what_the_meter_can_deliver(&village);
    let (address, book, window) = (text(&offer["address"]), text(&offer["book"]), moment(&offer, "window_start"));
    let position = buys_what_may_come_back(&village, &address, window);
    let story = Story { village, key, offer: address, book, position, window };
    settles_a_lock(&story);
    sees_what_was_promised(&story);
    let final_at = reads_what_was_delivered(&story);
    corrects_until_it_is_final(&story, final_at);
    pays_each_its_part(&story);
    certifies_each_wh_once(&story);

    // What happened to the book is told.
    let Story { village, book, .. } = story;
    let told = village.erin(&format!("history --account {book}")).ok();
    assert_has(
        &told,
        &[
            "opened from",
            "450 Wh reported for the window",
            "signed by its device",
            "600 Wh reported",
            "by the operator",
            "1 window of delivery book",
            "0.15 tokens to the seller, 0.03 tokens to the grid",
            "0.09 tokens back to",
        ],
    );
    let told = village.json(&format!("history --account {book}"));
    assert_fields(&told, "account complete mint mint_decimals events unread");
}

fn shows_its_terms(village: &Village) {
    let bus = village.bus();
    let shown = village.json(&format!("bus show {bus}"));
    assert_eq!(
        shown["terms"],
        json!({
            "from": 0, "window_seconds": 900, "gate_closure_seconds": 300, "settlement": "on_delivery",
            "grid_fee_per_kwh": 50_000, "reading_deadline_seconds": 3_600, "correction_seconds": 3_600, "auction": false,
        })
    );
    assert_eq!((&shown["grid_recipient"], &shown["next_terms"]), (&json!(village.carol), &Value::Null));
    let page = village.erin(&format!("bus show {bus}")).ok();
    assert_has(
        &page,
        &["on delivery", "until 1h after the window, corrected for 1h", "0.05 tokens/kWh", &village.carol],
    );
    assert_fits(&page);
}

/// A seller needs a meter, which the operator registers. Returns the key of its device.
fn registers_a_meter(village: &Village) -> String {
    let (bus, dora) = (village.bus(), &village.dora);
    let list = format!("offer create {bus} --energy 1kWh --price 0.25tokens --window +1h --source solar");
    assert_has(&village.dora(&list).fails(1), &["no meter"]);
    let key = village.device("roof");
    let register = format!("meter register {bus} {dora} --device roof.json --power 5.5kW --source solar");
    assert_has(&village.alice(&register).fails(1), &[dora, "has no seller account"]);
    village.dora(&format!("seller open {bus}")).ok();
    assert_has(&village.bob(&register).fails(1), &["operator"]);
    assert_has(&village.alice(&register.replace("roof.json", "none.json")).fails(2), &["none.json", "--device"]);
    let registered = village.alice(&format!("--output json {register}")).json();
    assert_fields(&registered, &format!("{METER} {TRANSACTION}"));
    assert_eq!(
        (&registered["device"], units(&registered, "power_w"), &registered["source"], &registered["wallet"]),
        (&json!(key), 5_500, &json!("solar"), &json!(dora))
    );
    assert_has(&village.alice(&register).fails(1), &["already"]);
    let shown = village.json(&format!("meter show {bus} {dora}"));
    assert_fields(&shown, &format!("{METER} identity"));
    assert_fields(&shown["identity"], IDENTITY);
    for field in METER.split_whitespace() {
        assert_eq!(shown[field], registered[field], "{field}");
    }
    let page = village.erin(&format!("meter show {bus} {dora}")).ok();
    assert_has(&page, &["5.5 kW", "solar", &key, "window seconds", "meter sign"]);
    assert_fits(&page);
    assert_fields(&village.json(&format!("meter list {bus}"))["meters"][0], METER);
    let devices = village.json(&format!("device list {bus}"));
    assert_fields(&devices["devices"][0], DEVICE);
    assert_eq!((&devices["devices"][0]["device"], &devices["devices"][0]["retired"]), (&json!(key), &json!(false)));
    village.write_identity();
    key
}

/// The meter limits what is listed, and says what it is.
fn lists_what_the_meter_can_deliver(village: &Village) -> Value {
    let bus = village.bus();
    let list = format!("offer create {bus} --energy 1kWh --price 0.25tokens --window +1h --source solar");
    assert_has(
        &village.dora(&list.replace("1kWh", "2kWh")).fails(1),
        &["more in the window than its meter can deliver"],
    );
    assert_has(&village.dora(&list.replace("solar", "wind")).fails(1), &["another source of energy"]);
    let offer = village.dora(&format!("--output json {list}")).json();
    assert_fields(&offer, &format!("{OFFER} opened_seller {TRANSACTION}"));
    assert_eq!(
        (units(&offer, "price_per_kwh"), units(&offer, "grid_fee_per_kwh"), units(&offer, "full_price_per_kwh")),
        (250_000, 50_000, 300_000)
    );
    let (address, book) = (text(&offer["address"]), text(&offer["book"]));
    let read = village.json(&format!("offer show {address}"));
    for field in OFFER.split_whitespace() {
        assert_eq!(offer[field], read[field], "{field}");
    }
    let page = village.erin(&format!("offer show {address}")).ok();
    assert_has(&page, &["0.3 tokens/kWh (300000 base units", "0.05 tokens/kWh for the grid", "on delivery", &book]);
    assert_fits(&page);
    let page = village.erin(&format!("offer list {bus}")).ok();
    assert_has(&page, &["0.3", "in the price: 0.05 tokens/kWh for the grid", "paid on delivery"]);
    assert_fits(&page);
    offer
}

/// A quote says what is for the grid, and what may come back. Returns Bob's position book.
fn buys_what_may_come_back(village: &Village, address: &str, window: i64) -> String {
    let (bus, bob) = (village.bus(), &village.market.bob);
    // What buyers pay is what a limit is for.
    let none = village.bob(&format!("buy {bus} --window {window} --energy 1Wh --max-price 0.29tokens")).fails(1);
    assert_has(&none, &["0 Wh are on offer within the limits"]);
    let dry = village.bob(&format!("buy {bus} --window {window} --energy 800Wh --dry-run")).ok();
    assert_has(
        &dry,
        &[
            "800 Wh would cost 0.24 tokens",
            "of it 0.04 tokens are for the grid",
            "what is not delivered comes back, up to 0.24 tokens",
        ],
    );
    let quoted = village.bob(&format!("--output json batch {address}=800Wh --dry-run")).json();
    assert_eq!((units(&quoted, "cost_base_units"), units(&quoted, "refundable_base_units")), (240_000, 240_000));
    let bought = village.bob(&format!("--output json buy {bus} --window {window} --energy 800Wh")).json();
    assert_fields(&bought, BOUGHT);
    let fill = &bought["purchases"][0]["fills"][0];
    assert_fields(fill, FILL);
    assert_eq!(
        (
            units(&bought, "paid_base_units"),
            units(&bought, "grid_fee_base_units"),
            units(&bought, "refundable_base_units")
        ),
        (240_000, 40_000, 240_000)
    );
    assert_eq!(
        (units(fill, "price_per_kwh"), units(fill, "grid_fee_per_kwh"), &fill["settlement"]),
        (300_000, 50_000, &json!("on_delivery"))
    );
    let position = text(&fill["position"]);
    let hash = text(&bought["purchases"][0]["transaction_hash"]);
    let verified = village.json(&format!("tx verify {hash} --wallet {bob}"));
    assert_eq!(verified["purchases"][0]["settlement"], "on_delivery");
    assert_has(&village.erin(&format!("tx verify {hash} --wallet {bob}")).ok(), &["seller paid", "on delivery"]);

    position
}

fn settles_a_lock(Story { village, offer, position, .. }: &Story) {
    let bob = &village.market.bob;
    let lock = village.bob(&format!("--output json lock take {offer} --energy 100Wh")).json();
    assert_fields(&lock, &format!("{LOCK} {TRANSACTION}"));
    assert_eq!(
        (units(&lock, "deposit_base_units"), units(&lock, "grid_fee_per_kwh"), &lock["settlement"]),
        (30_000, 50_000, &json!("on_delivery"))
    );
    let listed = village.json(&format!("lock list {bob}"));
    assert_eq!(listed["locks"][0]["settlement"], "on_delivery");
    assert_has(&village.bob(&format!("position close {position}")).fails(1), &["Locks of the position are open"]);
    let settled = village.bob(&format!("lock settle {}", text(&lock["address"]))).ok();
    assert_has(&settled, &["bought 100 Wh for 0.03 tokens", "up to 0.03 tokens"]);
}

/// Bob sees what he has, everybody what Dora promised.
fn sees_what_was_promised(Story { village, position, .. }: &Story) {
    let bus = village.bus();
    let mine = village.bob("--output json position list").json();
    let mine = &mine["positions"][0];
    assert_fields(mine, POSITION);
    assert_fields(&mine["windows"][0], POSITION_WINDOW);
    assert_eq!(
        (&mine["address"], units(mine, "energy_wh"), units(mine, "paid_base_units")),
        (&json!(position), 900, 270_000)
    );
    assert_eq!((&mine["windows"][0]["state"], &mine["windows"][0]["certified"]), (&json!("ahead"), &json!(false)));
    let page = village.bob("position list").ok();
    assert_has(&page, &[position, "900 Wh", "0.27", "ahead"]);
    assert_fits(&page);
    let listed = village.json(&format!("delivery list {bus}"));
    assert_fields(&listed, "bus mint mint_decimals deliveries");
    assert_fields(&listed["deliveries"][0], DELIVERY);
    assert_eq!(
        (units(&listed["deliveries"][0], "sold_wh"), units(&listed["deliveries"][0], "listed_wh")),
        (900, 1_000)
    );
    assert_has(&village.erin(&format!("delivery list {bus} --missing")).ok(), &["no window waits for a reading"]);
}

/// Too early, then in time, signed without a network and brought by a stranger. Returns when it is final.
fn reads_what_was_delivered(Story { village, key, book, window, .. }: &Story) -> i64 {
    let bus = village.bus();
    let signed = village.sign("roof", &format!("--window {window} --energy 450Wh"));
    assert_fields(&signed, READING);
    assert_eq!((&signed["device"], units(&signed, "sequence")), (&json!(key), 1));
    assert_has(&village.erin("delivery report --reading reading.json").fails(1), &["has not ended"]);
    village.warp(window + 900);
    let missing = village.json(&format!("delivery list {bus} --missing"));
    assert_eq!(missing["deliveries"][0]["state"], "awaits_reading");
    let mut changed = signed.clone();
    changed["energy_wh"] = 451.into();
    std::fs::write(village.market.folder.path().join("changed.json"), changed.to_string()).unwrap();
    let refused = village.erin("delivery report --reading changed.json").fails(1);
    assert_has(&refused, &[key, "did not sign this reading", "451 Wh"]);
    let reported = village.json("delivery report --reading reading.json");
    assert_fields(&reported, &format!("{REPORTED} {TRANSACTION}"));
    assert_eq!(
        (&reported["proof"], units(&reported, "energy_wh"), &reported["book"]),
        (&json!("signature"), 450, &json!(book))
    );
    assert_eq!(moment(&reported, "final_at") - moment(&reported, "reported_at"), 3_600);
    assert_has(&village.erin("delivery report --reading reading.json").fails(1), &["sign a higher one"]);
    moment(&reported, "final_at")
}

/// Nothing is paid while a reading can be corrected. The operator corrects it.
fn corrects_until_it_is_final(Story { village, book, position, window, .. }: &Story, final_at: i64) {
    let (bus, bob, dora) = (village.bus(), &village.market.bob, &village.dora);
    assert_has(&village.erin(&format!("delivery release {book}")).fails(1), &["release later"]);
    assert_has(&village.erin(&format!("delivery refund {position}")).fails(1), &["refund later"]);
    let early = village.bob(&format!("certificate take {book}")).fails(1);
    assert_has(&early, &[bob, "can take no certificate"]);
    let by_operator = format!("delivery report {bus} {dora} --window {window} --energy 600Wh");
    assert_has(&village.bob(&by_operator).fails(1), &["operator"]);
    let corrected = village.alice(&format!("--output json {by_operator}")).json();
    assert_eq!((&corrected["proof"], units(&corrected, "sequence")), (&json!("operator"), 1));
    assert_eq!(moment(&corrected, "final_at"), final_at, "a correction gives no more time");
    village.sign("roof", &format!("--window {window} --energy 1375Wh --sequence 9"));
    let silenced = village.erin("delivery report --reading reading.json").fails(1);
    assert_has(&silenced, &["the device's readings count no more"]);
    village.warp(final_at);
    assert_has(&village.alice(&by_operator).fails(1), &["takes no reading any more"]);
}

/// 600 of 900 Wh: two thirds of what was paid are released, of it 0.03 tokens for the grid; the rest goes back.
fn pays_each_its_part(Story { village, book, position, window, .. }: &Story) {
    let (bus, bob, dora) = (village.bus(), &village.market.bob, &village.dora);
    let read = village.json(&format!("delivery show {book}"));
    assert_fields(&read, BOOK);
    assert_fields(&read["windows"][0], DELIVERY);
    assert_fields(&read["identity"], IDENTITY);
    assert_eq!(
        (
            units(&read, "held_base_units"),
            units(&read, "releasable_base_units"),
            units(&read, "releasable_grid_fee_base_units")
        ),
        (270_000, 150_000, 30_000)
    );
    let page = village.erin(&format!("delivery show {book}")).ok();
    assert_has(&page, &["0.15 tokens for the seller, 0.03 for the grid", &format!("multibus delivery release {book}")]);
    assert_fits(&page);
    let seller = village.json(&format!("seller show {bus} {dora}"));
    assert_fields(&seller, SELLER);
    assert_eq!((units(&seller, "releasable_base_units"), units(&seller, "held_base_units")), (150_000, 270_000));
    let released = village.json(&format!("delivery release {book}"));
    assert_fields(
        &released,
        &format!("book seller windows released_base_units grid_fee_base_units mint mint_decimals {TRANSACTION}"),
    );
    assert_eq!(
        (&released["windows"], units(&released, "released_base_units"), units(&released, "grid_fee_base_units")),
        (&json!([window]), 150_000, 30_000)
    );
    let mine = village.json(&format!("position show {position}"));
    assert_fields(&mine, POSITION);
    assert_eq!((units(&mine, "refundable_base_units"), units(&mine["windows"][0], "delivered_wh")), (90_000, 600));
    assert_has(&village.bob("position list").ok(), &["final, not refunded", &format!("delivery refund {position}")]);
    let refunded = village.json(&format!("delivery refund --book {book}"));
    assert_fields(&refunded, "book mint mint_decimals refunds failures");
    let refund = &refunded["refunds"][0];
    assert_fields(refund, &format!("position buyer refund windows refunded_base_units {TRANSACTION}"));
    assert_eq!((&refund["buyer"], units(refund, "refunded_base_units")), (&json!(bob), 90_000));
    assert_has(&village.erin(&format!("delivery refund --book {book}")).fails(1), &["no buyer has a window"]);
    let swept = village.json(&format!("grid sweep {bus}"));
    assert_fields(&swept, "bus recipient swept_base_units mint mint_decimals sweeps failures");
    assert_fields(&swept["sweeps"][0], "seller wallet destination swept_base_units claimed transactions");
    assert_eq!((&swept["recipient"], units(&swept, "swept_base_units")), (&json!(village.carol), 30_000));
    assert_has(&village.erin(&format!("grid sweep {bus}")).fails(1), &["holds grid fees now"]);
    assert_has(&village.erin(&format!("seller withdraw {bus} {dora}")).ok(), &["got 0.15 tokens"]);
}

/// Each delivered Wh is certified once, given on in parts, and used up.
fn certifies_each_wh_once(Story { village, key, book, window, .. }: &Story) {
    let bus = village.bus();
    let mine = village.bob("--output json certificate list").json();
    assert_fields(&mine["takeable"][0], "book holding window_start energy_wh");
    assert_eq!(units(&mine["takeable"][0], "energy_wh"), 600);
    assert_has(&village.bob("certificate list").ok(), &["600 Wh of 1 window", &format!("certificate take {book}")]);
    let taken = village.bob(&format!("--output json certificate take {book}")).json();
    assert_fields(&taken, "book bid certificates failures");
    assert_fields(&taken["certificates"][0], &format!("{CERTIFICATE} {TRANSACTION}"));
    assert_eq!(
        (units(&taken["certificates"][0], "energy_wh"), &taken["certificates"][0]["device"]),
        (600, &json!(key))
    );
    let certificate = text(&taken["certificates"][0]["address"]);
    let again = village.bob(&format!("certificate take {book} {window}"));
    assert_eq!(again.code, Some(1));
    assert_has(&again.stderr, &["1 window not certified", "was taken already"]);
    let given = village
        .bob(&format!("--output json certificate transfer {certificate} {} --energy 250Wh", village.carol))
        .json();
    assert_fields(&given, &format!("certificate transferred from to energy_wh kept_wh {TRANSACTION}"));
    assert_eq!((units(&given, "energy_wh"), units(&given, "kept_wh")), (250, 350));
    let part = text(&given["transferred"]);
    let shown = village.json(&format!("certificate show {part}"));
    assert_fields(&shown, &format!("{CERTIFICATE} life life_complete"));
    assert_eq!(
        (&shown["state"], &shown["owner"], units(&shown, "range_start"), units(&shown, "range_end")),
        (&json!("active"), &json!(village.carol), 350, 600)
    );
    assert_has(
        &village.bob(&format!("certificate retire {part} --beneficiary Me")).fails(1),
        &["belongs to another wallet"],
    );
    let retire = format!("certificate retire {part} --beneficiary \"Bakery Miller\"");
    let retired = village.carol(&format!("--output json {retire}")).json();
    assert_fields(&retired, &format!("{CERTIFICATE} {TRANSACTION}"));
    let shown = village.json(&format!("certificate show {part}"));
    assert_eq!(
        (&shown["state"], &shown["beneficiary"], &shown["retired_by"]),
        (&json!("retired"), &json!("Bakery Miller"), &retired["signature"])
    );
    let events: Vec<_> = shown["life"].as_array().unwrap().iter().map(|event| text(&event["event"])).collect();
    assert_eq!(events, ["CertificateTransferred", "CertificateRetired"]);
    assert_has(
        &village.erin(&format!("certificate show {part}")).ok(),
        &["beneficiary  Bakery Miller", "retired the certificate of 250 Wh for Bakery Miller"],
    );
    assert_has(&village.erin(&format!("certificate show {NOWHERE}")).fails(1), &["no certificate at", NOWHERE]);
    let all = village.json(&format!("certificate list --bus {bus}"));
    assert_eq!(all["certificates"].as_array().unwrap().len(), 1);
}

#[test]
fn a_bus_on_delivery_terms_is_closed_to_the_tombstone() {
    let village = Village::with_meter();
    let (bus, dora) = (village.bus(), &village.dora);
    let offer = village.offer();
    let (address, book) = (text(&offer["address"]), text(&offer["book"]));
    let window = moment(&offer, "window_start");
    village.bob(&format!("buy --offer {address} --energy 200Wh")).ok();
    let position = text(&village.bob("--output json position list").json()["positions"][0]["address"]);
    village.warp(window + 900);
    // The device itself signs the transaction, and delivered more than was sold.
    let report = format!("delivery report {bus} {dora} --window {window} --energy 700Wh --device roof.json");
    let reported = village.json(&report);
    assert_eq!((&reported["proof"], units(&reported, "sequence")), (&json!("transaction"), 1));
    let next = village.json(&report);
    assert_eq!(units(&next, "sequence"), 2, "the next sequence is found by itself");
    village.warp(moment(&reported, "final_at"));

    let decided = village.alice(&format!("bus close {bus}")).ok();
    assert_has(&decided, &["proposed and executed at once: close"]);
    let open = village.erin(&format!("bus close {bus}")).fails(1);
    assert_has(
        &open,
        &[
            "it has 1 seller, 1 window, 1 proposal",
            &format!("`multibus offer cancel {address}`"),
            &format!("`multibus position close {position}`"),
            &format!("`multibus delivery close {book}`"),
            &format!("`multibus meter close {bus} {dora}`"),
            &format!("`multibus seller close {bus} {dora}`"),
        ],
    );
    village.erin(&format!("offer cancel {address}")).ok();
    village.erin(&format!("window close {bus} {window}")).ok();

    // What Dora delivered and did not sell is hers to certify.
    let surplus = village.dora(&format!("--output json certificate take {book}")).json();
    assert_eq!(units(&surplus["certificates"][0], "energy_wh"), 500);
    // Bob could still certify, so that nobody else closes his position.
    assert_has(
        &village.erin(&format!("position close {position}")).fails(1),
        &["Trades or certificates may still come"],
    );
    let closed = village.bob(&format!("--output json position close {position}")).json();
    assert_fields(
        &closed,
        &format!(
            "position book buyer refund windows refunded_base_units claimed rent_lamports rent_to mint mint_decimals \
             {TRANSACTION}"
        ),
    );
    assert_eq!(
        (units(&closed, "refunded_base_units"), &closed["rent_to"], &closed["claimed"]),
        (0, &json!(village.market.bob), &json!(false))
    );
    // A closing bus has no later gates.
    let closed = village.dora(&format!("--output json delivery close {book}")).json();
    assert_fields(
        &closed,
        &format!(
            "book bus seller released_base_units grid_fee_base_units remainder_base_units rent_lamports rent_to mint \
             mint_decimals {TRANSACTION}"
        ),
    );
    // 200 Wh at 0.3 tokens, of it 0.05 for the grid.
    assert_eq!(
        (units(&closed, "released_base_units"), units(&closed, "grid_fee_base_units"), &closed["rent_to"]),
        (50_000, 10_000, &json!(dora))
    );
    let closed = village.erin(&format!("--output json meter close {bus} {dora}")).json();
    assert_fields(&closed, &format!("{METER} busy_until {TRANSACTION}"));
    assert_eq!(moment(&closed, "busy_until"), window + 900);
    let key = text(&closed["device"]);
    let device = village.json(&format!("device close {key}"));
    assert_fields(&device, &format!("address device bus rent_to {TRANSACTION}"));
    assert_eq!(device["rent_to"], json!(village.market.alice));
    assert_has(&village.erin(&format!("device close {key}")).fails(1), &[&key, "closed already"]);
    // Whatever is left of a seller is closed with its account.
    let seller = village.json(&format!("seller close {bus} {dora}"));
    assert_eq!(units(&seller, "paid_base_units"), 50_000);
    for proposal in village.erin(&format!("-q proposal list {bus}")).ok().lines() {
        village.erin(&format!("proposal close {proposal}")).ok();
    }
    assert_has(&village.erin(&format!("bus close {bus}")).ok(), &["closed the bus Metered"]);
    assert_eq!(village.json(&format!("bus show {bus}"))["closed"], true);
    // Certificates outlive the bus.
    let certificate = text(&surplus["certificates"][0]["address"]);
    assert_has(
        &village.dora(&format!("certificate retire {certificate} --beneficiary Dora")).ok(),
        &["retired the certificate of 500 Wh for Dora"],
    );
}

#[test]
fn a_device_is_replaced_and_the_operator_reads_for_the_dead_one() {
    let village = Village::with_meter();
    let (bus, dora) = (village.bus(), &village.dora);
    village.write_identity();
    let offer = village.offer();
    let window = moment(&offer, "window_start");
    village.bob(&format!("buy --offer {} --energy 1kWh", text(&offer["address"]))).ok();
    let (old, new) = (text(&village.json(&format!("meter show {bus} {dora}"))["device"]), village.device("new"));
    assert_has(&village.dora(&format!("meter replace {bus} --device new.json")).fails(1), &["operator"]);
    let replaced =
        village.alice(&format!("--output json meter replace {bus} {dora} --device new.json --power 4kW")).json();
    assert_fields(&replaced, &format!("{METER} retired_device {TRANSACTION}"));
    assert_eq!(
        (&replaced["device"], &replaced["retired_device"], units(&replaced, "power_w"), &replaced["source"]),
        (&json!(new), &json!(old), 4_000, &json!("solar"))
    );
    let read = village.json(&format!("meter show {bus} {dora}"));
    for field in METER.split_whitespace() {
        assert_eq!(read[field], replaced[field], "{field}");
    }
    assert_has(&village.erin(&format!("device close {old}")).fails(1), &["windows that have not ended"]);
    assert_has(&village.erin(&format!("device list {bus}")).ok(), &[&old, &new, "in use", "until"]);
    village.warp(window + 900);
    // The window keeps the device of its first listing.
    village.sign("new", &format!("--window {window} --energy 1kWh"));
    assert_has(
        &village.erin("delivery report --reading reading.json").fails(1),
        &["is not that of the window's device"],
    );
    for sequence in 1..=3 {
        let report =
            format!("--output json delivery report {bus} {dora} --window {window} --energy {}", sequence * 100);
        assert_eq!(units(&village.alice(&report).json(), "sequence"), sequence);
    }
    let fourth = village.alice(&format!("delivery report {bus} {dora} --window {window} --energy 0")).fails(1);
    assert_has(&fourth, &["three times"]);
    assert_has(&village.erin(&format!("device close {old}")).ok(), &["closed the device", &old]);
    // Dora closes her meter herself; then she lists nothing more.
    let closed = village.dora(&format!("meter close {bus}")).ok();
    assert_has(&closed, &["closed the meter", &village.market.alice, &format!("multibus device close {new}")]);
    assert_has(&village.erin(&format!("meter show {bus} {dora}")).fails(1), &[dora, "has no meter", "meter register"]);
}

#[test]
fn a_buyer_names_where_refunds_go() {
    let village = Village::with_meter();
    let offer = village.offer();
    let book = text(&offer["book"]);
    let opened = village.bob(&format!("--output json position open {book}")).json();
    assert_fields(&opened, &format!("position book buyer {TRANSACTION}"));
    let position = text(&opened["position"]);
    assert_has(&village.bob(&format!("position open {book}")).fails(1), &[&position, "already"]);
    assert_eq!(village.json(&format!("position show {position}"))["refund"], Value::Null);
    village.bob(&format!("buy --offer {} --energy 1kWh", text(&offer["address"]))).ok();
    let before = text(&village.json(&format!("position show {position}"))["refund"]);
    let stranger = village.erin(&format!("position set-refund {position} {NOWHERE}")).fails(1);
    assert_has(&stranger, &[&village.market.bob, "its buyer's wallet"]);
    let set = village.bob(&format!("--output json position set-refund {position} {NOWHERE}")).json();
    assert_fields(&set, &format!("position refund before {TRANSACTION}"));
    assert_eq!((&set["refund"], &set["before"]), (&json!(NOWHERE), &json!(before)));
    // A silent meter delivered nothing: all of it goes back, to an account that can be paid.
    village.warp(moment(&offer, "window_start") + 900 + 3_600 + 3_600);
    let refused = village.erin(&format!("delivery refund --book {book}"));
    assert_eq!(refused.code, Some(1));
    assert_has(&refused.stderr, &["1 position not refunded"]);
    village.bob(&format!("position set-refund {position} {before}")).ok();
    let back = village.erin(&format!("delivery refund {position}")).ok();
    assert_has(&back, &[&format!("{} got 0.3 tokens back for 1 window", village.market.bob), &before]);
    assert_eq!(village.erin(&format!("-q position list --book {book}")).ok().trim(), position);

    // Nothing was delivered that could be certified, so that anyone closes the position once the book trades no more.
    let open = village.dora(&format!("delivery close {book}")).fails(1);
    assert_has(&open, &["still open", "1 offers, 1 positions are open"]);
    village.dora(&format!("offer cancel {}", text(&offer["address"]))).ok();
    village.bob(&format!("position close {position}")).ok();
    assert_has(&village.dora(&format!("delivery close {book}")).fails(1), &["trades or is not final"]);
    village.erin("local warp +1d").ok();
    assert_has(&village.dora(&format!("delivery close {book}")).ok(), &["closed the delivery book", &village.dora]);
    assert_has(&village.erin(&format!("delivery show {book}")).fails(1), &["no delivery book at", &book]);
}

#[test]
fn readings_are_signed_offline_and_come_through_the_standard_input() {
    let village = Village::with_meter();
    let (bus, dora) = (village.bus(), &village.dora);
    village.write_identity();
    let offer = village.offer();
    let window = moment(&offer, "window_start");
    let folder = &village.market.folder;
    let sign = format!("meter sign --meter meter.json --device - --window {window} --energy 0");
    let piped = |arguments: &str, input: &[u8]| {
        let mut command = folder.command(MULTIBUS);
        let child = command.args(words(arguments)).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        Run::of(arguments, child.wait_with_output().unwrap())
    };
    let signed = piped(&sign, &std::fs::read(folder.path().join("roof.json")).unwrap()).ok();
    // Any form says the same.
    assert_eq!(
        serde_json::from_str::<Value>(&signed).unwrap(),
        folder.multibus(&format!("--output json {}", sign.replace("--device -", "--device roof.json"))).json()
    );
    village.warp(window + 900);
    let bring = "--url embedded:village.chain -k erin.json -q delivery report --reading -";
    assert!(!piped(bring, signed.as_bytes()).ok().trim().is_empty());
    let shown = village.json(&format!("delivery list {bus} {dora}"));
    assert_eq!((units(&shown["deliveries"][0], "reading_wh"), units(&shown["deliveries"][0], "next_sequence")), (0, 2));

    for (arguments, said) in [
        (sign.replace("meter.json", "roof.json"), "does not say what a device must know"),
        (sign.replace(&window.to_string(), "+15m"), "signing asks none"),
        (sign.replace("--energy 0", "--energy 1.5"), "1.5kWh"),
        (sign.replace("--device -", "--device erin.json,"), "erin.json,"),
        ("meter sign --device roof.json --window 900 --energy 1".to_owned(), "--meter"),
        (format!("delivery report {bus} --energy 1"), "--window"),
        ("delivery report".to_owned(), "--reading"),
        ("delivery report --reading roof.json --energy 1".to_owned(), "cannot be used with"),
        ("--url embedded:village.chain -k erin.json delivery report --reading roof.json".to_owned(), "meter sign"),
        (format!("--url embedded:village.chain -k - meter register {bus} --device - --power 1kW"), "standard input"),
        (format!("meter register {bus} --device roof.json --power 5kWh"), "use W, kW or MW"),
        (format!("meter register {bus} --device roof.json --power 0"), "at least 1 W"),
        ("delivery refund".to_owned(), "<POSITION|--book <BOOK>>"),
    ] {
        assert_has(&folder.multibus(&arguments).fails(2), &[said]);
    }
    let outside =
        sign.replace(&window.to_string(), &(window + 1).to_string()).replace("--device -", "--device roof.json");
    assert_has(&folder.multibus(&outside).fails(1), &["no window starts at", "windows of 900 s"]);
    let missing = folder.multibus(&sign.replace("meter.json", "none.json")).fails(1);
    assert_has(&missing, &["none.json", "check the path"]);
    assert_has(&village.bob(&format!("certificate retire {NOWHERE} --beneficiary x")).fails(1), &["no certificate at"]);
}

#[test]
fn owners_decide_on_the_next_terms() {
    let village = Village::new();
    let bus = village.bus();
    // What is not given stays; the time is the first possible.
    let decided = village.alice(&format!("--output json proposal create {bus} terms --grid-fee 0.03tokens")).json();
    let next = village.json(&format!("bus show {bus}"))["next_terms"].clone();
    assert_fields(&next, TERMS);
    assert_eq!(decided["changes"], json!([{ "property": "next_terms", "before": null, "after": next }]));
    assert_eq!((units(&next, "grid_fee_per_kwh"), &next["settlement"]), (30_000, &json!("on_delivery")));
    let from = moment(&next, "from");
    assert_eq!(from % 900, 0);
    let page = village.erin(&format!("bus show {bus}")).ok();
    assert_has(&page, &["0.05 tokens/kWh, on top", "0.03 tokens/kWh, on top", " on\n"]);
    assert_fits(&page);

    // A program hears the number of the rule that refused, also where it was asked before anything was sent.
    let refused = village.alice(&format!("--output json proposal create {bus} terms --window 0"));
    let refused: Value = serde_json::from_str(&refused.stderr).unwrap();
    assert_fields(&refused["error"], "kind message program code name detail offer");
    assert_eq!(
        (&refused["error"]["kind"], &refused["error"]["name"]),
        (&json!("program"), &json!("DeliveryWithoutWindows"))
    );
    // The next ones can be replaced, and windows turned off: then nothing can be delivered in them.
    let no_windows = village.alice(&format!("proposal create {bus} terms --window 0")).fails(1);
    assert_has(&no_windows, &["only where the bus has delivery windows"]);
    let decided = village.alice(&format!("proposal create {bus} terms --settlement on-purchase --window 30m")).ok();
    assert_has(&decided, &["executed at once: terms"]);
    for row in [
        "window 15m 30m",
        "gate closure 5m 5m",
        "settlement on delivery on purchase",
        "grid fee 0.03 tokens/kWh 0.03 tokens/kWh",
        "reading deadline 1h 0s",
    ] {
        let same = |line: &str| line.split_whitespace().eq(row.split_whitespace());
        assert!(decided.lines().any(same), "no row '{row}' in:\n{decided}");
    }
    assert_fits(&decided);
    let next = village.json(&format!("bus show {bus}"))["next_terms"].clone();
    assert_eq!((units(&next, "window_seconds"), units(&next, "reading_deadline_seconds")), (1_800, 0));
    let from = moment(&next, "from");
    assert_eq!(from % 1_800, 0);
    // A window has the terms of its start.
    let misaligned =
        village.dora(&format!("offer create {bus} --energy 1 --price 1tokens --window {}", from + 900)).fails(1);
    assert_has(&misaligned, &["window of 1800 s", &from.to_string()]);
    assert_has(&village.alice(&format!("proposal create {bus} operator none")).fails(1), &["needs an operator while"]);

    village.warp(from);
    let shown = village.json(&format!("bus show {bus}"));
    assert_eq!((&shown["terms"], &shown["next_terms"]), (&next, &Value::Null));
    // Windows of the new terms pay on purchase, with no meter.
    let offer =
        village.dora(&format!("--output json offer create {bus} --energy 1kWh --price 1tokens --window next")).json();
    assert_eq!(
        (moment(&offer, "window_start") % 1_800, &offer["settlement"], &offer["book"]),
        (0, &json!("on_purchase"), &Value::Null)
    );
    let bought = village.bob(&format!("--output json buy --offer {} --energy 1kWh", text(&offer["address"]))).json();
    assert_eq!(
        (
            units(&bought, "paid_base_units"),
            units(&bought, "grid_fee_base_units"),
            units(&bought, "refundable_base_units")
        ),
        (1_030_000, 30_000, 0)
    );
    assert_eq!(bought["purchases"][0]["fills"][0]["position"], Value::Null);
    // What is collected leaves the grid its part.
    let collected = village.json(&format!("offer collect {}", text(&offer["address"])));
    assert_eq!(units(&collected, "collected_base_units"), 1_000_000);
    let swept = village.erin(&format!("grid sweep {bus} {}", village.dora)).ok();
    assert_has(&swept, &[&format!("{} got 0.03 tokens of grid fees", village.carol)]);
}

#[test]
fn watching_a_bus_with_positions_does_not_read_them_all_before_it_begins() {
    let village = Village::with_meter();
    let bus = village.bus();
    let offer = village.offer();
    village.bob(&format!("buy --offer {} --energy 1kWh", text(&offer["address"]))).ok();
    let list = format!("-q position list --book {}", text(&offer["book"]));
    let position = village.erin(&list).ok().trim().to_owned();
    let folder = &village.market.folder;
    let file = StateFile::open(&folder.path().join("village.chain")).unwrap();
    let chain = Arc::new(file.load().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (node, url) = runtime.block_on(TestNode::start(&chain));
    let lists = Arc::new(Mutex::new(Vec::new()));
    let asked = lists.clone();
    node.lies(move |method, params, _| {
        if method == "getProgramAccounts" {
            asked.lock().unwrap().push(params.to_string());
        }
        Lie::None
    });
    let mut watcher = folder
        .command(MULTIBUS)
        .args(["--url", &url, "watch", bus, "--events", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It subscribes right after it has said that it watches, and then asks what is on the bus.
    let mut said = [0; 8];
    watcher.stderr.as_mut().unwrap().read_exact(&mut said).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(2));
    folder.multibus(&format!("--url {url} -k bob.json position set-refund {position} {NOWHERE}")).ok();
    let output = watcher.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_has(&String::from_utf8(output.stdout).unwrap(), &["refund"]);
    let lists = lists.lock().unwrap();
    let size = format!("\"dataSize\":{}", PositionBook::len());
    assert!(!lists.is_empty() && lists.iter().all(|list| !list.contains(&size)), "{lists:?}");
}

#[test]
fn watching_shows_deliveries() {
    let village = Village::with_meter();
    let bus = village.bus();
    let watch = |options: &str| {
        let arguments = format!("--url embedded:village.chain watch {bus} --events 8 {options}");
        let mut command = village.market.folder.command(MULTIBUS);
        command.args(words(&arguments)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let watchers = [watch("--json-lines"), watch("")];
    // A watcher has opened the chain once it has looked at the file.
    std::thread::sleep(std::time::Duration::from_secs(3));
    let offer = village.offer();
    let window = moment(&offer, "window_start");
    village.bob(&format!("buy --offer {} --energy 1kWh", text(&offer["address"]))).ok();
    village.warp(window + 900);
    village.alice(&format!("delivery report {bus} {} --window {window} --energy 500Wh", village.dora)).ok();
    village.erin("local warp +1h").ok();
    village.erin(&format!("delivery release {}", text(&offer["book"]))).ok();
    village.erin(&format!("delivery refund --book {}", text(&offer["book"]))).ok();
    let [events, told] = watchers.map(|watcher| {
        let output = watcher.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    });
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        events.iter().map(|event| text(&event["event"])).collect::<Vec<_>>(),
        [
            "CapacityOpened",
            "OfferCreated",
            "BookOpened",
            "PositionOpened",
            "EnergyPurchased",
            "DeliveryReported",
            "DeliveryReleased",
            "DeliveryRefunded",
        ]
    );
    assert_eq!(events[2]["terms"]["settlement"], "on_delivery");
    assert_has(
        &told,
        &[
            "delivery book",
            "opened a position on delivery book",
            "500 Wh reported for the window",
            "by the operator",
            "1 window of delivery book",
            "0.125 tokens to the seller, 0.025 tokens to the grid",
            "0.15 tokens back to",
        ],
    );
}

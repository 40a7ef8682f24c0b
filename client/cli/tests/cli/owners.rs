//! Owners decide together: proposals, the bus's own offers, the treasury.

use {
    crate::support::*,
    serde_json::{Value, json},
    std::{
        io::{BufRead, BufReader},
        process::Stdio,
    },
};

/// Alice and Bob own the market's bus; Carol has money and owns nothing.
struct SharedBus {
    market: CliMarket,
    carol: String,
}

impl SharedBus {
    /// `shares` are Alice's and Bob's, `options` further ones of `bus create`.
    fn new(shares: [&str; 2], options: &str) -> Self {
        let mut market = CliMarket::new("");
        let carol = market.folder.multibus("-q local wallet carol.json").ok().trim().to_owned();
        let token = &market.token;
        market.alice(&format!("-q local fund {carol} --mint {token} --amount 100tokens")).ok();
        let create = format!(
            "-q bus create --name SharedBus --mint {token} --capacity 50kWh --base-price 100000 --owner {}={} --owner \
             {}={} {options}",
            market.alice, shares[0], market.bob, shares[1]
        );
        market.bus = market.alice(&create).ok().trim().to_owned();
        Self { market, carol }
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

    /// A proposal of Alice's.
    fn propose(&self, action: &str) -> String {
        let create = format!("-q proposal create {} {action}", self.market.bus);
        self.alice(&create).ok().trim().to_owned()
    }

    fn json(&self, arguments: &str) -> Value {
        self.carol(&format!("--output json {arguments}")).json()
    }

    fn bus(&self) -> Value {
        self.json(&format!("bus show {}", self.market.bus))
    }

    fn treasury(&self) -> Value {
        let treasury = self.json(&format!("treasury show {}", self.market.bus));
        let amount = |name: &str| treasury[name].as_u64().unwrap();
        assert_eq!(amount("claimable_base_units") + amount("remainder_base_units"), amount("balance_base_units"));
        treasury
    }

    /// Puts energy of the bus on offer, and sells all of it to Carol once it trades.
    fn sell(&self, energy_wh: u64, price: u64) -> String {
        let create = format!("-q offer create {} --energy {energy_wh} --price {price} --for-bus", self.market.bus);
        let offer = self.bob(&create).ok().trim().to_owned();
        self.wait_for_own_offers();
        self.carol(&format!("-q buy --offer {offer} --energy {energy_wh} --allow-rounding")).ok();
        offer
    }

    /// An offer of the bus itself trades 120 s after it was listed or lowered.
    fn wait_for_own_offers(&self) {
        self.bob("local warp +120s").ok();
    }

    /// Brings what the bus sold into the treasury, as anyone can.
    fn sweep(&self) {
        self.carol(&format!("seller withdraw {} --for-bus", self.market.bus)).ok();
    }
}

#[track_caller]
fn assert_fits(page: &str) {
    for line in page.lines().filter(|line| !line.starts_with("signature")) {
        assert!(line.chars().count() <= 80, "{} columns: {line}\n{page}", line.chars().count());
    }
}

/// The width of a column depends on its addresses, which have 43 or 44 characters.
#[track_caller]
fn assert_row(page: &str, row: &str) {
    let same = |line: &str| line.split_whitespace().eq(row.split_whitespace());
    assert!(page.lines().any(same), "no row '{row}' in:\n{page}");
}

#[test]
fn one_owner_needs_one_command() {
    let market = CliMarket::new("");
    let bus = &market.bus;
    let last = market.alice(&format!("proposal create {bus} remove-owner {} --shares 100%", market.alice)).fails(1);
    assert_has(&last, &["The last owner cannot be removed"]);
    for (action, changes) in [
        ("capacity 80kWh", json!([{ "property": "capacity_wh", "before": 50_000, "after": 80_000 }])),
        ("base-price 0.12tokens", json!([{ "property": "base_price_per_kwh", "before": 100_000, "after": 120_000 }])),
        ("listing open", json!([{ "property": "listing_policy", "before": "owners only", "after": "open" }])),
        (
            &format!("grid-recipient {}", market.bob),
            json!([{ "property": "grid_recipient", "before": null, "after": market.bob }]),
        ),
        ("grid-recipient none", json!([{ "property": "grid_recipient", "before": market.bob, "after": null }])),
        ("lock-fee 1.5%", json!([{ "property": "lock_fee_bps", "before": 0, "after": 150 }])),
        ("listing admitted", json!([{ "property": "listing_policy", "before": "open", "after": "admitted sellers" }])),
        ("listing open", json!([{ "property": "listing_policy", "before": "admitted sellers", "after": "open" }])),
        ("pause-quorum 1", json!([{ "property": "pause_quorum", "before": 0, "after": 1 }])),
        ("reserve-price 0.18tokens", json!([{ "property": "reserve_price_per_kwh", "before": 0, "after": 180_000 }])),
        ("least-size 100Wh", json!([{ "property": "least_wh", "before": 1, "after": 100 }])),
        (&format!("operator {}", market.bob), json!([{ "property": "operator", "before": null, "after": market.bob }])),
        ("operator none", json!([{ "property": "operator", "before": market.bob, "after": null }])),
        (
            &format!("admit-seller {}", market.bob),
            json!([{ "property": "admitted_seller", "before": null, "after": market.bob }]),
        ),
        (
            &format!("suspend-seller {}", market.bob),
            json!([{ "property": "suspended_seller", "before": null, "after": market.bob }]),
        ),
        ("threshold 1", json!([{ "property": "threshold", "before": 1, "after": 1 }])),
        ("pause", json!([{ "property": "paused", "before": false, "after": true }])),
        ("resume", json!([{ "property": "paused", "before": true, "after": false }])),
        (
            "shares 100%",
            json!([{
                "property": "owners",
                "before": [{ "owner": market.alice, "share_bps": 10_000 }],
                "after": [{ "owner": market.alice, "share_bps": 10_000 }],
            }]),
        ),
        (
            &format!("add-owner {} --share 40%", market.bob),
            json!([{
                "property": "owners",
                "before": [{ "owner": market.alice, "share_bps": 10_000 }],
                "after": [
                    { "owner": market.alice, "share_bps": 6_000 },
                    { "owner": market.bob, "share_bps": 4_000 },
                ],
            }]),
        ),
        // The last decision without a wait: the timelock holds from here on.
        ("timelock 1h", json!([{ "property": "timelock_seconds", "before": 0, "after": 3_600 }])),
    ] {
        let decided = market.alice(&format!("--output json proposal create {bus} {action}")).json();
        assert_fields(&decided, &format!("{PROPOSAL} {TRANSACTION}"));
        assert_eq!((&decided["executed"], &decided["state"]), (&json!(true), &json!("executed")), "{action}");
        assert_eq!(decided["changes"], changes, "{action}");
        assert_eq!(decided["approved_by"], json!([market.alice]), "{action}");
    }
    let shown = market.json(&format!("bus show {bus}"));
    for (property, value) in [
        ("capacity_wh", json!(80_000)),
        ("base_price_per_kwh", json!(120_000)),
        ("listing", json!("open")),
        ("lock_fee_bps", json!(150)),
        ("reserve_price_per_kwh", json!(180_000)),
        ("least_wh", json!(100)),
        ("operator", Value::Null),
        ("timelock_seconds", json!(3_600)),
        ("paused", json!(false)),
    ] {
        assert_eq!(shown[property], value, "{property}");
    }
    // Pausing has no timelock.
    let paused = market.bob(&format!("proposal create {bus} pause")).ok();
    assert_has(&paused, &["proposed and executed at once: pause", "paused    no      yes"]);
    assert_fits(&paused);
}

#[test]
fn two_owners_add_a_third() {
    let shared = SharedBus::new(["60%", "40%"], "--threshold 2");
    let (alice, bob, carol, bus) = (&shared.market.alice, &shared.market.bob, &shared.carol, &shared.market.bus);
    assert_has(&shared.bob(&format!("proposal list {bus}")).ok(), &["no proposals", "multibus proposal create"]);
    let made = shared.alice(&format!("--output json proposal create {bus} add-owner {carol} --share 25%")).json();
    assert_fields(&made, &format!("{PROPOSAL} {TRANSACTION}"));
    let proposal = text(&made["address"]);
    let changes = json!([{
        "property": "owners",
        "before": [{ "owner": alice, "share_bps": 6_000 }, { "owner": bob, "share_bps": 4_000 }],
        "after": [
            { "owner": alice, "share_bps": 3_500 },
            { "owner": bob, "share_bps": 4_000 },
            { "owner": carol, "share_bps": 2_500 },
        ],
    }]);
    let shown = shared.json(&format!("proposal show {proposal}"));
    assert_fields(&shown, PROPOSAL);
    for (field, value) in [
        ("bus", json!(bus)),
        ("proposer", json!(alice)),
        ("action", json!({ "kind": "owner_add", "owner": carol, "shares_bps": [3_500, 4_000, 2_500] })),
        ("state", json!("open")),
        ("executed", json!(false)),
        ("stale", json!(false)),
        ("expired", json!(false)),
        ("approvals", json!(1)),
        ("approvals_needed", json!(2)),
        ("approvals_missing", json!(1)),
        ("approved_by", json!([alice])),
        ("executable_at", Value::Null),
        ("executable_in_seconds", Value::Null),
        ("executed_at", Value::Null),
        ("changes", changes.clone()),
    ] {
        assert_eq!(shown[field], value, "{field}");
        assert_eq!(made[field], value, "{field}");
    }
    assert_eq!(shared.bus()["owners"].as_array().unwrap().len(), 2, "nothing changed yet");
    let page = shared.carol(&format!("proposal show {proposal}")).ok();
    assert_has(&page, &["add-owner", "open", "1 of 2, 1 missing"]);
    for row in [
        &format!("{alice} yes"),
        &format!("{bob} no"),
        &format!("{alice} 60 % 35 %"),
        &format!("{bob} 40 % 40 %"),
        &format!("{carol} - 25 %"),
    ] {
        assert_row(&page, row);
    }
    assert_fits(&page);

    assert_has(
        &shared.carol(&format!("proposal execute {proposal}")).fails(1),
        &["more owners must approve", "1 approvals, 2 needed"],
    );
    assert_has(&shared.alice(&format!("proposal approve {proposal}")).fails(1), &["an approval counts once"]);
    assert_has(&shared.carol(&format!("proposal approve {proposal}")).fails(1), &["Only an owner of the bus"]);
    // What is approved is shown, and nothing else can be approved than what was looked at.
    let other = "ab".repeat(32);
    let refused = shared.bob(&format!("proposal approve {proposal} --hash {other}")).fails(1);
    let hash = text(&shown["hash"]);
    assert_has(&refused, &[&format!("hash is {hash}, not {other}"), "proposal show"]);
    let approved = shared.bob(&format!("proposal approve {proposal} --hash {hash}")).ok();
    assert_has(&approved, &["approved: add-owner", &hash, &format!("multibus proposal execute {proposal}")]);
    assert_row(&approved, &format!("{carol} - 25 %"));
    assert_fits(&approved);
    let shown = shared.json(&format!("proposal show {proposal}"));
    assert_eq!((&shown["state"], &shown["approvals_missing"]), (&json!("executable"), &json!(0)));
    assert_eq!(shown["executable_in_seconds"], 0);
    assert_has(&shared.carol(&format!("proposal close {proposal}")).fails(1), &["can still be executed"]);

    let executed = shared.carol(&format!("--output json proposal execute {proposal}")).json();
    assert_fields(&executed, &format!("{PROPOSAL} {TRANSACTION}"));
    assert_eq!((&executed["state"], &executed["changes"]), (&json!("executed"), &changes));
    assert_eq!(executed["approved_by"], json!([alice, bob]));
    let now = shared.bus();
    assert_eq!(now["owners"], changes[0]["after"]);
    assert_eq!((&now["threshold"], &now["config_version"]), (&json!(2), &json!(1)));
    assert_has(&shared.bob(&format!("proposal execute {proposal}")).fails(1), &["executed already"]);

    let list = shared.json(&format!("proposal list {bus}"));
    assert_fields(&list, "bus proposals");
    assert_fields(&list["proposals"][0], PROPOSAL);
    let page = shared.bob(&format!("proposal list {bus}")).ok();
    assert_has(&page, &[&proposal, "add-owner", "executed"]);
    assert_fits(&page);
    assert_eq!(shared.bob(&format!("-q proposal list {bus}")).ok().trim(), proposal);
    assert_eq!(shared.bob(&format!("-q proposal list {bus} --open")).ok(), "");

    let closed = shared.carol(&format!("--output json proposal close {proposal}")).json();
    assert_fields(&closed, &format!("proposal bus executed rent_lamports rent_to {TRANSACTION}"));
    assert_eq!((&closed["rent_to"], &closed["executed"]), (&json!(alice), &json!(true)));
    assert!(closed["rent_lamports"].as_u64() > Some(1_000_000), "{closed}");
    assert_has(&shared.bob(&format!("proposal show {proposal}")).fails(1), &["no proposal at", &proposal]);
    assert_has(&shared.bob(&format!("proposal execute {NOWHERE}")).fails(1), &["no proposal at", NOWHERE]);
}

#[test]
fn the_timelock_is_shown_and_kept() {
    let shared = SharedBus::new(["50%", "50%"], "--timelock 1h");
    let bus = &shared.market.bus;
    let made = shared.alice(&format!("proposal create {bus} base-price 0.2tokens")).ok();
    assert_has(&made, &["proposed: base-price", "anyone can execute it from", "(in ", "base price  0.1 tokens/kWh"]);
    assert_fits(&made);
    let proposal = shared.bob(&format!("-q proposal list {bus}")).ok().trim().to_owned();
    let shown = shared.json(&format!("proposal show {proposal}"));
    assert_eq!((&shown["state"], &shown["approvals_missing"]), (&json!("timelocked"), &json!(0)));
    assert_eq!(shown["executable_at"].as_i64().unwrap() - shown["created_at"].as_i64().unwrap(), 3_600);
    let left = shown["executable_in_seconds"].as_u64().unwrap();
    assert!((3_500..=3_600).contains(&left), "{left}");
    let page = shared.bob(&format!("proposal show {proposal}")).ok();
    assert_has(&page, &["timelocked", "1 of 1", "executable", "(in "]);
    assert_fits(&page);
    let early = shared.bob(&format!("proposal execute {proposal}")).fails(1);
    assert_has(&early, &["timelock", &format!("timelock ends at {}, now ", shown["executable_at"])]);
    shared.bob(&format!("local warp {}", shown["executable_at"])).ok();
    let shown = shared.json(&format!("proposal show {proposal}"));
    assert_eq!((&shown["state"], &shown["executable_in_seconds"]), (&json!("executable"), &json!(0)));
    assert_has(&shared.bob(&format!("proposal show {proposal}")).ok(), &["(now)"]);
    let executed = shared.carol(&format!("proposal execute {proposal}")).ok();
    assert_has(&executed, &["executed: base-price", "0.1 tokens/kWh  0.2 tokens/kWh"]);
    assert_eq!(shared.bus()["base_price_per_kwh"], 200_000);
}

#[test]
fn an_approval_can_be_revoked_and_what_nobody_approves_closed() {
    let shared = SharedBus::new(["50%", "50%"], "--threshold 2 --pause-quorum 1");
    let bus = &shared.market.bus;
    assert_eq!(shared.bus()["pause_quorum"], 1);
    let proposal = shared.propose("listing open");
    assert_has(&shared.bob(&format!("proposal revoke {proposal}")).fails(1), &["nothing to revoke"]);
    shared.bob(&format!("proposal approve {proposal}")).ok();
    let revoked = shared.bob(&format!("--output json proposal revoke {proposal}")).json();
    assert_fields(&revoked, &format!("{PROPOSAL} {TRANSACTION}"));
    assert_eq!((&revoked["approvals"], &revoked["state"]), (&json!(1), &json!("open")));
    assert_eq!(revoked["approved_by"], json!([shared.market.alice]));
    assert_has(&shared.carol(&format!("proposal execute {proposal}")).fails(1), &["1 approvals, 2 needed"]);
    assert_has(&shared.carol(&format!("proposal close {proposal}")).fails(1), &["revoke every approval, or wait"]);
    let none = shared.alice(&format!("proposal revoke {proposal}")).ok();
    assert_has(&none, &["took the approval back: listing", "2 more owners must approve (0 of 2, 2 missing)"]);
    assert_eq!(shared.bob(&format!("-q proposal approve {proposal}")).ok().trim(), proposal);
    shared.bob(&format!("proposal revoke {proposal}")).ok();
    let closed = shared.carol(&format!("proposal close {proposal}")).ok();
    assert_has(&closed, &["closed the proposal", " SOL, went to ", &shared.market.alice]);
    assert_fits(&closed);

    // One owner stops the bus, two let it trade again.
    let paused = shared.bob(&format!("--output json proposal create {bus} pause")).json();
    assert_eq!((&paused["executed"], &paused["approvals_needed"]), (&json!(true), &json!(1)));
    assert_has(&shared.alice(&format!("offer create {bus} --energy 1 --price 1tokens")).fails(1), &["paused"]);
    assert_has(&shared.alice(&format!("proposal create {bus} pause")).fails(1), &["paused already"]);
    let resume = shared.alice(&format!("--output json proposal create {bus} resume")).json();
    assert_eq!((&resume["executed"], &resume["approvals_missing"]), (&json!(false), &json!(1)));
    let resume = text(&resume["address"]);
    shared.bob(&format!("proposal approve {resume}")).ok();
    shared.bob(&format!("proposal execute {resume}")).ok();
    assert_eq!(shared.bus()["paused"], false);
    assert_has(&shared.alice(&format!("proposal create {bus} resume")).fails(1), &["not paused"]);
}

#[test]
fn a_change_of_owners_makes_older_proposals_stale() {
    let shared = SharedBus::new(["50%", "50%"], "--threshold 2");
    let (alice, bob, bus) = (&shared.market.alice, &shared.market.bob, &shared.market.bus);
    let older = shared.propose("capacity 60kWh");
    let newer = shared.propose("threshold 1");
    shared.bob(&format!("proposal approve {older}")).ok();
    shared.bob(&format!("proposal approve {newer}")).ok();
    shared.bob(&format!("proposal execute {newer}")).ok();
    for verb in ["approve", "revoke", "execute"] {
        let refused = shared.bob(&format!("proposal {verb} {older}")).fails(1);
        assert_has(&refused, &["changed after this proposal was made", "made under version 0, present version 1"]);
    }
    let shown = shared.json(&format!("proposal show {older}"));
    assert_eq!((&shown["state"], &shown["stale"]), (&json!("stale"), &json!(true)));
    assert_eq!((&shown["changes"], &shown["executable_at"]), (&json!([]), &Value::Null));
    assert_eq!(shown["approved_by"], json!([alice, bob]), "from its history");
    assert_fits(&shared.bob(&format!("proposal show {older}")).ok());
    assert_eq!(shared.bob(&format!("-q proposal list {bus} --open")).ok(), "");
    assert_eq!(shared.bob(&format!("-q proposal list {bus}")).ok().lines().count(), 2);
    shared.carol(&format!("proposal close {older}")).ok();

    // With a threshold of one each decides alone. Bob leaves, and his earlier approval no longer counts.
    let left = shared.alice(&format!("--output json proposal create {bus} remove-owner {bob} --to {alice}")).json();
    assert_eq!(left["executed"], true);
    assert_eq!(left["changes"][0]["after"], json!([{ "owner": alice, "share_bps": 10_000 }]));
    assert_eq!(left["approved_by"], json!([alice]));
    assert_has(
        &shared.bob(&format!("proposal create {bus} add-owner {} --share 1", shared.carol)).fails(1),
        &[bob, "is not an owner of the bus", "multibus bus show"],
    );
    assert_has(
        &shared.bob(&format!("proposal create {bus} capacity 60kWh")).fails(1),
        &[bob, "is not an owner of the bus", "sign with an owner's wallet"],
    );
    // After a change of owners, the proposal's transactions tell who approved.
    assert_eq!(shared.json(&format!("proposal show {newer}"))["approved_by"], json!([alice, bob]));
}

#[test]
fn what_cannot_be_carried_out_is_refused_when_it_is_proposed() {
    let shared = SharedBus::new(["60%", "40%"], "--threshold 2");
    let (alice, bob, bus, carol) = (&shared.market.alice, &shared.market.bob, &shared.market.bus, &shared.carol);
    shared.alice(&format!("-q offer create {bus} --energy 20kWh --price 0.2tokens")).ok();
    let refused = |action: &str, code: i32, said: &[&str]| {
        assert_has(&shared.alice(&format!("proposal create {bus} {action}")).fails(code), said);
    };
    refused(&format!("add-owner {bob} --share 1%"), 1, &["is an owner of the bus already"]);
    refused(&format!("add-owner {carol} --share 61%"), 1, &["61 %", alice, "has only 60 %", "--shares"]);
    refused(&format!("add-owner {carol} --share 1% --from {carol}"), 1, &[carol, "is not an owner of the bus"]);
    refused(&format!("add-owner {carol} --shares 100%"), 1, &["1 share is given for 3 owners"]);
    refused(&format!("add-owner {carol} --shares 50%,50%"), 1, &["2 shares are given for 3 owners", alice, bob, carol]);
    refused(&format!("add-owner {carol} --shares 50%,30%,10%"), 1, &["shares sum to 9000, not 10000"]);
    refused(&format!("remove-owner {carol} --to {alice}"), 1, &[carol, "is not an owner of the bus"]);
    refused(&format!("remove-owner {bob} --to {carol}"), 1, &[carol, "is not an owner of the bus"]);
    refused(&format!("remove-owner {bob} --to {bob}"), 2, &["name one who stays"]);
    refused(&format!("remove-owner {bob} --to {alice}"), 1, &["threshold 2, owners left 1"]);
    refused("shares 50%,49%", 1, &["shares sum to 9900, not 10000"]);
    refused(&format!("shares {alice}=50%,{carol}=50%"), 1, &[carol, "would not be an owner"]);
    refused(&format!("shares {alice}=50%,{alice}=50%"), 1, &["two shares"]);
    refused("threshold 3", 1, &["threshold 3 with 2 owners"]);
    refused("threshold 0", 1, &["threshold 0 with 2 owners"]);
    refused("timelock 31d", 1, &["timelock 2678400 s, longest 2592000"]);
    refused("base-price 0", 1, &["base price"]);
    refused("terms --window 15m --from +1h", 1, &["from ", "later than", "is possible"]);
    refused("terms --window 15m --from 4000000001", 1, &["window length 900"]);
    refused("terms --window 1s", 1, &["window 1 s"]);
    refused("terms --settlement on-delivery", 1, &["only where the bus has delivery windows"]);
    refused("terms --settlement on-delivery --window 15m", 1, &["needs an operator"]);
    refused("terms --reading-deadline 2h", 1, &["reading deadline 7200 s"]);
    refused("terms --grid-fee 5000tokens", 1, &["at most 2^32 base units per kWh", "grid fee 5000000000"]);
    refused(&format!("grid-recipient {bus}"), 1, &["a wallet other than the bus"]);
    refused(&format!("replace-owner {carol} {NOWHERE}"), 1, &["is not an owner of the bus"]);
    refused(&format!("replace-owner {alice} {bob}"), 1, &["is an owner of the bus already"]);
    refused("pause-quorum 3", 1, &["pause quorum 3, threshold 2"]);
    refused(&format!("operator {bus}"), 1, &["a wallet other than the bus"]);
    refused("least-size 2000000000000", 1, &["least size"]);
    refused("lock-fee 6%", 1, &["lock fee 600 bps, highest 500"]);
    refused("resume", 1, &["not paused"]);
    // The command line itself is wrong.
    refused("", 2, &["add-owner"]);
    refused("nonsense", 2, &["nonsense"]);
    refused(&format!("add-owner {carol}"), 2, &["--share <SHARE>|--shares <SHARES>"]);
    refused(&format!("add-owner {carol} --share 1% --shares 1%,2%,97%"), 2, &["cannot be used with"]);
    refused(&format!("add-owner {carol} --shares 1%,2%,97% --from {alice}"), 2, &["cannot be used with"]);
    refused(&format!("add-owner {carol} --from {alice}"), 2, &["--share <SHARE>|--shares <SHARES>"]);
    refused(&format!("remove-owner {bob}"), 2, &["--to <OWNER>|--shares <SHARES>"]);
    refused("shares 60.5", 2, &["12.5%"]);
    refused("threshold many", 2, &["many"]);
    refused("listing nobody", 2, &["owners, admitted, open"]);
    refused("operator nobody", 2, &["or 'none'"]);
    refused("least-size 0", 2, &["at least 1 Wh"]);
    refused("capacity 0", 2, &["at least 1 Wh"]);
    assert_eq!(shared.bob(&format!("-q proposal list {bus}")).ok(), "", "nothing was proposed");
    let quorum = format!("bus create --name B --mint {} --capacity 1 --base-price 1", shared.market.token);
    assert_has(&shared.alice(&format!("{quorum} --pause-quorum 2")).fails(1), &["pause quorum 2, threshold 1"]);
    assert_has(&shared.alice(&format!("{quorum} --pause-quorum 0")).fails(2), &["0"]);
    let stranger = shared.carol(&format!("proposal create {bus} pause")).fails(1);
    assert_has(&stranger, &[carol, "is not an owner of the bus", "sign with an owner's wallet"]);

    // Named shares mean the same in any order.
    let named = shared.alice(&format!("--output json proposal create {bus} shares {bob}=30% {alice}=70%")).json();
    assert_eq!(named["action"], json!({ "kind": "shares_set", "shares_bps": [7_000, 3_000] }));
}

#[test]
fn the_bus_sells_its_own_energy() {
    let shared = SharedBus::new(["50%", "50%"], "--threshold 2");
    let (bus, alice) = (&shared.market.bus, &shared.market.alice);
    let create = format!("--output json offer create {bus} --energy 2kWh --price 0.2tokens --source hydro --for-bus");
    let offer = shared.alice(&create).json();
    assert_fields(&offer, &format!("{OFFER} opened_seller {TRANSACTION}"));
    assert_eq!((&offer["owned_by_bus"], &offer["wallet"]), (&json!(true), &json!(bus)));
    assert_eq!(offer["seller"], shared.bus()["seller"]);
    assert_eq!((&offer["state"], &offer["opened_seller"]["seller"]), (&json!("waiting"), &offer["seller"]));
    assert_eq!(
        offer["trades_from"].as_i64().unwrap() - offer["created_at"].as_i64().unwrap(),
        120,
        "time for the other owners to withdraw it"
    );
    let own = text(&offer["address"]);
    shared.alice(&format!("-q offer create {bus} --energy 1kWh --price 0.3tokens --source solar")).ok();
    assert_has(&shared.carol(&format!("buy --offer {own} --energy 1kWh --dry-run")).fails(1), &["does not trade now"]);
    assert_has(&shared.carol(&format!("offer list {bus} --all")).ok(), &["waiting *"]);
    shared.wait_for_own_offers();
    let list = shared.bob(&format!("offer list {bus}")).ok();
    assert_has(&list, &["hydro *", "solar", "* of the bus itself"]);
    assert!(!list.contains("solar *"), "{list}");
    assert_fits(&list);
    let page = shared.bob(&format!("offer show {own}")).ok();
    assert_has(&page, &["seller       the bus itself", &text(&offer["vault"]), "trades from"]);
    // The owner who listed it acts for it, nobody else does.
    let other = shared.bob(&format!("offer reprice {own} --price 0.25tokens")).fails(1);
    assert_has(&other, &["for the bus's own offers the owner who listed"]);
    let repriced = shared.alice(&format!("offer reprice {own} --price 0.25tokens")).ok();
    assert_has(&repriced, &["0.25 tokens/kWh", "the bus, into its treasury"]);
    assert_has(&shared.carol(&format!("offer reprice {own} --price 1tokens")).fails(1), &["the owner who listed"]);
    assert_has(
        &shared.carol(&format!("offer create {bus} --energy 1 --price 1tokens --for-bus")).fails(1),
        &[&shared.carol, "is not an owner of the bus", "leave --for-bus out"],
    );
    // An owner may buy from the bus.
    let bought = shared.bob(&format!("--output json buy --offer {own} --energy 1kWh")).json();
    assert_eq!(bought["paid_base_units"], 250_000);
    assert_has(&shared.bob(&format!("offer cancel {own}")).fails(1), &["still trades"]);
    assert_has(&shared.alice(&format!("offer cancel {own}")).ok(), &["withdrew 1 kWh, sold 1 kWh"]);
    assert_eq!(
        (&shared.treasury()["balance_base_units"], &shared.treasury()["released_base_units"]),
        (&json!(0), &json!(250_000))
    );
    shared.sweep();
    assert_eq!(shared.treasury()["balance_base_units"], 250_000);
    let shown = shared.bus();
    assert_eq!(shown["treasury_balance_base_units"], 250_000);
    assert_eq!(shown["treasury_claimable_base_units"], 250_000);
    assert_eq!(shown["former_owners"], json!([]));
    assert_eq!(shown["creator"], json!(alice));
    assert_fits(&shared.bob(&format!("bus show {bus}")).ok());
}

#[test]
fn revenue_is_divided_to_the_base_unit() {
    let shared = SharedBus::new(["33.33%", "66.67%"], "");
    let (alice, bob, bus, carol) = (&shared.market.alice, &shared.market.bob, &shared.market.bus, &shared.carol);
    let empty = shared.treasury();
    assert_fields(
        &empty,
        "bus treasury mint mint_decimals balance_base_units diverted_base_units claimable_base_units remainder_base_units \
         released_base_units proceeds_base_units releasable_base_units owners",
    );
    assert_fields(&empty["owners"][0], "owner share_bps claimable_base_units former");
    assert_has(&shared.alice(&format!("treasury claim {bus}")).fails(1), &["nothing to claim now"]);
    assert_has(
        &shared.carol(&format!("treasury claim {bus} --all")).fails(1),
        &["nobody has anything to claim", "after its next sale"],
    );

    // 1 Wh at 100,001 base units per kWh costs 101 base units, rounded up: 33 and 67 of it, 1 stays.
    shared.sell(1, 100_001);
    let unswept = shared.treasury();
    assert_eq!((&unswept["balance_base_units"], &unswept["proceeds_base_units"]), (&json!(0), &json!(101)));
    assert_has(&shared.bob(&format!("treasury show {bus}")).ok(), &["0.000101 tokens, brought in by the next claim"]);
    shared.sweep();
    let treasury = shared.treasury();
    let claimable = |treasury: &Value| -> Vec<u64> {
        treasury["owners"].as_array().unwrap().iter().map(|o| o["claimable_base_units"].as_u64().unwrap()).collect()
    };
    assert_eq!(claimable(&treasury), [33, 67]);
    assert_eq!((&treasury["balance_base_units"], &treasury["remainder_base_units"]), (&json!(101), &json!(1)));
    let page = shared.bob(&format!("treasury show {bus}")).ok();
    assert_has(&page, &["0.000101 tokens (101 base units)", "1 base unit, divided", "33.33 %", "0.000067 tokens"]);
    assert_fits(&page);

    // Carol pays the fee of Alice's claim, Alice gets the money.
    let claimed = shared.carol(&format!("--output json treasury claim {bus} --owner {alice}")).json();
    assert_fields(
        &claimed,
        "bus mint mint_decimals swept_base_units sweeps sweep_failure paid_base_units claims failures",
    );
    assert_fields(&claimed["claims"][0], &format!("owner destination amount_base_units claimed {TRANSACTION}"));
    assert_eq!((&claimed["paid_base_units"], &claimed["claims"][0]["owner"]), (&json!(33), &json!(alice)));
    assert_has(&shared.alice(&format!("treasury claim {bus}")).fails(1), &["nothing to claim now"]);
    assert_has(&shared.carol(&format!("treasury claim {bus}")).fails(1), &["not an owner of the bus"]);

    // 1,000 Wh at 199,899 base units: 200,000 in all, of which the shares are whole numbers.
    shared.sell(1_000, 199_899);
    shared.sweep();
    assert_eq!(claimable(&shared.treasury()), [66_660 - 33, 133_340]);
    assert_eq!(shared.treasury()["remainder_base_units"], 0);

    // A change of shares settles what the old ones earned.
    let action = format!("proposal create {bus} shares {alice}=50%,{bob}=50%");
    assert_has(&shared.bob(&action).ok(), &["proposed and executed at once: shares", "33.33 %   50 %"]);
    assert_eq!(claimable(&shared.treasury()), [66_660 - 33, 133_340]);
    shared.sell(1_000, 100_001);
    shared.sweep();
    assert_eq!(claimable(&shared.treasury()), [66_627 + 50_000, 133_340 + 50_000]);
    assert_eq!(shared.treasury()["remainder_base_units"], 1);

    // An owner who leaves keeps what was earned.
    shared.alice(&format!("proposal create {bus} remove-owner {bob} --to {alice}")).ok();
    let treasury = shared.treasury();
    assert_eq!(
        treasury["owners"][1],
        json!({ "owner": bob, "share_bps": 0, "claimable_base_units": 183_340, "former": true })
    );
    assert_row(&shared.bob(&format!("treasury show {bus}")).ok(), &format!("{bob} left 0.18334 tokens"));
    let shown = shared.bus();
    assert_eq!(shown["former_owners"], json!([{ "owner": bob, "claimable_base_units": 183_340 }]));
    let page = shared.bob(&format!("bus show {bus}")).ok();
    assert_has(&page, &["former owner", "0.18334 tokens", "treasury holds 0.299968 tokens"]);
    assert_fits(&page);

    let all = shared.carol(&format!("treasury claim {bus} --all")).ok();
    assert_has(&all, &[&format!("{bob} got 0.18334 tokens"), "0.299968 tokens in all"]);
    let treasury = shared.treasury();
    assert_eq!((&treasury["remainder_base_units"], &treasury["balance_base_units"]), (&json!(0), &json!(0)));
    assert_eq!(treasury["owners"].as_array().unwrap().len(), 1);
    assert_eq!(shared.carol(&format!("-q treasury claim {bus} --owner {carol}")).code, Some(1));
    assert_has(&shared.carol(&format!("treasury claim {bus} --all --owner {bob}")).fails(2), &["cannot be used with"]);
    assert_has(&shared.carol(&format!("treasury show {NOWHERE}")).fails(1), &["no bus at"]);
}

#[test]
fn an_owner_is_added_by_one_word_or_proposed() {
    let shared = SharedBus::new(["60%", "40%"], "--threshold 2");
    let (bus, carol) = (&shared.market.bus, &shared.carol);
    let proposed = shared.alice(&format!("bus add-owner {bus} {carol} --share 10%")).ok();
    assert_has(&proposed, &["proposed: add-owner", "1 more owner must approve", "60 %   50 %"]);
    assert_fits(&proposed);
    let too_much = shared.bob(&format!("bus add-owner {bus} {carol} --share 41%")).fails(1);
    assert_has(&too_much, &["4100 basis points", "4000"]);
    let market = CliMarket::new("");
    let done = market.alice(&format!("bus add-owner {} {} --share 10%", market.bus, market.bob)).ok();
    assert_has(&done, &["proposed and executed at once: add-owner", "100 %   90 %"]);
    assert_fits(&done);
}

#[test]
fn watching_shows_what_owners_decide() {
    let shared = SharedBus::new(["50%", "50%"], "--threshold 2");
    let bus = &shared.market.bus;
    let watch = |options: &str| {
        let arguments = format!("--url embedded:village.chain watch {bus} --events 12 {options}");
        let mut command = shared.market.folder.command(MULTIBUS);
        command.args(words(&arguments)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut watchers = [watch("--json-lines"), watch("")];
    // A watcher has opened the chain once it has looked at the file.
    std::thread::sleep(std::time::Duration::from_secs(3));
    let proposal = shared.propose("lock-fee 1%");
    shared.bob(&format!("proposal approve {proposal}")).ok();
    shared.bob(&format!("proposal revoke {proposal}")).ok();
    shared.bob(&format!("proposal approve {proposal}")).ok();
    shared.carol(&format!("proposal execute {proposal}")).ok();
    shared.carol(&format!("proposal close {proposal}")).ok();
    shared.sell(1_000, 100_000);
    shared.bob(&format!("treasury claim {bus}")).ok();
    let mut lines = watchers.iter_mut().map(|watcher| -> Vec<String> {
        BufReader::new(watcher.stdout.take().unwrap()).lines().map(Result::unwrap).collect()
    });
    let (events, told) = (lines.next().unwrap(), lines.next().unwrap().join("\n"));
    drop(lines);
    for watcher in &mut watchers {
        assert!(watcher.wait().unwrap().success());
    }
    let events: Vec<Value> = events.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        events.iter().map(|event| text(&event["event"])).collect::<Vec<_>>(),
        [
            "ProposalCreated",
            "ProposalApproved",
            "ProposalRevoked",
            "ProposalApproved",
            "ProposalExecuted",
            "ProposalClosed",
            "SellerOpened",
            "OfferCreated",
            "EnergyPurchased",
            "OfferCollected",
            "SellerWithdrawn",
            "TreasuryClaimed",
        ]
    );
    assert_eq!(events[0]["action"], json!({ "kind": "lock_fee_set", "lock_fee_bps": 100 }));
    assert_eq!((&events[6]["wallet"], &events[11]["amount"]), (&json!(bus), &json!(50_000)));
    assert_has(
        &told,
        &[
            "proposed lock-fee: ",
            "approved proposal",
            ", 2, executable at 20",
            "revoked on proposal",
            ", 1 so far",
            "executed: lock-fee",
            " closed",
            "withdrew 0.1 tokens",
            "claimed 0.05 tokens",
        ],
    );
}

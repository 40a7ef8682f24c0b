//! Sellers and the ends of everything: what a seller can withdraw, who may list, claims, and closing windows and buses.

use {
    crate::support::*,
    serde_json::{Value, json},
};

/// Alice's bus, on which any wallet lists, with money for both.
fn open_market(options: &str) -> CliMarket {
    let market = CliMarket::new(&format!("--listing open {options}"));
    let token = &market.token;
    market.alice(&format!("-q local fund {} --mint {token} --amount 100tokens", market.alice)).ok();
    market
}

/// Lamports of a wallet's address.
fn units(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("{name} in {value}"))
}

#[test]
fn a_seller_sees_what_it_sold_at_once_and_withdraws_it_all() {
    let market = open_market("--lock-fee 1%");
    let (bus, bob) = (&market.bus, &market.bob);
    let create = |wallet: &str, options: &str| {
        let run = market.call(wallet, &format!("--output json offer create {bus} --price 0.2tokens {options}"));
        run.json()
    };
    // The first offer opens the account, and says what that costs.
    let first = create("bob.json", "--energy 4kWh");
    assert_fields(&first["opened_seller"], "seller vault rent_lamports");
    assert_eq!((&first["opened_seller"]["seller"], &first["seller"]), (&first["seller"], &first["seller"]));
    assert!(units(&first["opened_seller"], "rent_lamports") > 2_000_000);
    let second = create("bob.json", "--energy 2kWh");
    assert_eq!(second["opened_seller"], Value::Null);
    assert_eq!(units(&second, "number"), units(&first, "number") + 1);

    let (first, second) = (text(&first["address"]), text(&second["address"]));
    market.alice(&format!("-q buy --offer {first} --energy 3.5kWh")).ok();
    market.alice(&format!("-q buy --offer {second} --energy 1kWh")).ok();
    let lock = market.alice(&format!("-q lock take {second} --energy 500Wh")).ok();

    // What open offers sold counts everywhere, before anybody collects it.
    let shown = market.json(&format!("bus show {bus}"));
    assert_eq!((units(&shown, "sold_wh"), units(&shown, "released_base_units")), (4_500, 0));
    assert_eq!((units(&shown, "proceeds_base_units"), units(&shown, "deposits_base_units")), (900_000, 100_000));
    let window = &shown["capacities"][0];
    assert_eq!(
        (units(window, "listed_wh"), units(window, "sold_wh"), units(window, "available_wh")),
        (1_500, 4_500, 44_000)
    );
    let page = market.alice(&format!("bus show {bus}")).ok();
    assert_has(
        &page,
        &[
            "the vaults hold for 1 seller: 0 tokens to withdraw,",
            "0.9 tokens that 2 open offers sold, 0.1 tokens of deposits for 1 lock",
            "4.5 kWh",
        ],
    );
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");

    let seller = market.json(&format!("seller show {bus}"));
    assert_fields(&seller, SELLER);
    assert_eq!(
        (&seller["wallet"], &seller["may_list"], &seller["open_offers"]),
        (&json!(bob), &json!(true), &json!(2))
    );
    assert_eq!((units(&seller, "released_base_units"), units(&seller, "proceeds_base_units")), (0, 900_000));
    assert_eq!((units(&seller, "deposits_base_units"), units(&seller, "vault_base_units")), (100_000, 1_000_000));
    assert_has(
        &market.alice(&format!("seller show {bus} {bob}")).ok(),
        &[
            "0 tokens, can be withdrawn",
            "0.9 tokens of open offers, can be collected and withdrawn",
            "0.1 tokens of locks on its offers",
            &format!("multibus seller withdraw {bus} {bob}"),
        ],
    );
    assert_has(&market.alice(&format!("seller list {bus}")).ok(), &[bob, "0.9", "may list"]);

    // Anyone collects; the seller can withdraw it then.
    let collected = market.alice(&format!("--output json offer collect {first}")).json();
    assert_fields(
        &collected,
        &format!("offer seller wallet collected_base_units released_base_units mint mint_decimals {TRANSACTION}"),
    );
    assert_eq!(
        (units(&collected, "collected_base_units"), units(&collected, "released_base_units")),
        (700_000, 700_000)
    );
    assert_has(&market.alice(&format!("offer collect {first}")).fails(1), &["no proceeds to collect"]);

    // One command, by anyone, in one transaction: the rest is collected and all of it is paid.
    let paid = market.alice(&format!("--output json seller withdraw {bus} {bob}")).json();
    assert_fields(
        &paid,
        "bus seller wallet destination withdrawn_base_units deposits_base_units held_base_units of_bus mint mint_decimals \
         transactions",
    );
    assert_eq!((units(&paid, "withdrawn_base_units"), units(&paid, "deposits_base_units")), (900_000, 100_000));
    assert_eq!(paid["transactions"].as_array().unwrap().len(), 1);
    assert_fields(&paid["transactions"][0], TRANSACTION);
    assert_has(&market.bob(&format!("seller withdraw {bus}")).fails(1), &["nothing to withdraw"]);

    // A fee of a lock is the seller's at once, and the deposit's rest goes back.
    market.alice(&format!("lock release {}", lock.trim())).ok();
    let told = market.bob(&format!("seller withdraw {bus}")).ok();
    assert_has(&told, &[&format!("{bob} got 0.001 tokens"), "paid to", "signature"]);

    // An account with offers stays; without, its rent comes back.
    assert_has(&market.bob(&format!("seller close {bus}")).fails(1), &["2 offers are open"]);
    for offer in [&first, &second] {
        market.bob(&format!("offer cancel {offer}")).ok();
    }
    let closed = market.bob(&format!("--output json seller close {bus}")).json();
    assert_fields(
        &closed,
        &format!(
            "bus seller wallet destination paid_base_units claimed gift_base_units rent_lamports rent_to mint \
             mint_decimals {TRANSACTION}"
        ),
    );
    assert_eq!((&closed["rent_to"], &closed["claimed"]), (&json!(bob), &json!(false)));
    assert_has(&market.bob(&format!("seller show {bus}")).fails(1), &[bob, "has no seller account", "seller open"]);
    assert_has(&market.bob(&format!("seller list {bus}")).ok(), &["no sellers"]);
}

#[test]
fn a_seller_names_the_account_that_it_is_paid_to() {
    let market = open_market("");
    let bus = &market.bus;
    let opened = market.alice(&format!("--output json seller open {bus}")).json();
    assert_fields(&opened, &format!("bus wallet seller vault rent_lamports {TRANSACTION}"));
    assert_has(&market.alice(&format!("seller open {bus}")).fails(1), &[&market.alice, "already"]);
    let offer = market.offer("--energy 1kWh --price 0.2tokens");
    market.bob(&format!("-q buy --offer {offer} --energy 1kWh")).ok();
    // A vault belongs to the bus, and is no account of the seller's.
    let refused = market.alice(&format!("seller withdraw {bus} --to {}", text(&opened["vault"]))).fails(1);
    assert_has(&refused, &["belongs to the bus"]);
    let stranger = market.bob(&format!("seller withdraw {bus} --to {NOWHERE}")).fails(1);
    assert_has(&stranger, &[&market.bob, "has no seller account"]);
    let paid = market.alice(&format!("--output json seller withdraw {bus}")).json();
    assert_eq!(units(&paid, "withdrawn_base_units"), 200_000);
    let account = text(&paid["destination"]);
    let offer = market.offer("--energy 1kWh --price 0.3tokens");
    market.bob(&format!("-q buy --offer {offer} --energy 1kWh")).ok();
    let paid = market.alice(&format!("--output json seller withdraw {bus} --to {account}")).json();
    assert_eq!((&paid["destination"], units(&paid, "withdrawn_base_units")), (&json!(account), 300_000));
}

#[test]
fn an_operator_admits_and_suspends_sellers_at_once_and_owners_propose_it() {
    let market = CliMarket::new("");
    let carol = market.folder.multibus("-q local wallet carol.json").ok().trim().to_owned();
    market.call("carol.json", "local fund").ok();
    let (bob, token) = (&market.bob, &market.token);
    let create = format!(
        "-q bus create --name Admitted --mint {token} --capacity 50kWh --base-price 100000 --listing admitted \
         --operator {carol} --owner {}=50% --owner {NOWHERE}=50% --threshold 2",
        market.alice
    );
    let bus = &market.alice(&create).ok().trim().to_owned();
    assert_has(&market.alice(&format!("bus show {bus}")).ok(), &["admitted", &format!("operator    {carol}")]);
    let list = format!("offer create {bus} --energy 1kWh --price 0.2tokens");
    assert_has(&market.bob(&list).fails(1), &["ask the owners or the operator to admit it"]);
    let stranger = market.bob(&format!("seller admit {bus} {bob}")).fails(1);
    assert_has(&stranger, &[bob, "neither the operator nor an owner"]);

    let admitted = market.call("carol.json", &format!("--output json seller admit {bus} {bob}")).json();
    assert_fields(&admitted, &format!("bus seller wallet admitted suspended opened_seller {TRANSACTION}"));
    assert_eq!((&admitted["admitted"], &admitted["suspended"]), (&json!(true), &json!(false)));
    assert!(units(&admitted["opened_seller"], "rent_lamports") > 2_000_000);
    let offer = market.bob(&format!("-q {list}")).ok().trim().to_owned();

    let suspended = market.call("carol.json", &format!("seller suspend {bus} {bob}")).ok();
    assert_has(&suspended, &[&format!("suspended the seller {bob}"), "goes on trading", "multibus offer list"]);
    assert_has(&market.bob(&list).fails(1), &["suspended"]);
    let shown = market.json(&format!("seller show {bus}"));
    assert_eq!((&shown["may_list"], &shown["suspended"]), (&json!(false), &json!(true)));
    assert_has(&market.alice(&format!("seller list {bus}")).ok(), &[bob, "suspended"]);
    // Owners and the operator withdraw what a suspended seller still has on offer.
    assert_has(&market.alice(&format!("offer cancel {offer}")).ok(), &["withdrew 1 kWh, sold 0 Wh"]);

    // An owner alone only proposes it.
    let proposed = market.alice(&format!("--output json seller admit {bus} {bob}")).json();
    assert_fields(&proposed, &format!("{PROPOSAL} {TRANSACTION}"));
    assert_eq!((&proposed["executed"], &proposed["approvals_missing"]), (&json!(false), &json!(1)));
    assert_eq!(proposed["action"]["kind"], "seller_admit");
}

#[test]
fn an_owner_is_replaced_by_another_key() {
    let market = CliMarket::new("");
    let (bus, alice, bob) = (&market.bus, &market.alice, &market.bob);
    let replaced = market.alice(&format!("proposal create {bus} replace-owner {alice} {bob}")).ok();
    assert_has(&replaced, &["proposed and executed at once: replace-owner", alice, bob]);
    let shown = market.json(&format!("bus show {bus}"));
    assert_eq!(shown["owners"], json!([{ "owner": bob, "share_bps": 10_000 }]));
}

#[test]
fn a_bus_closes_for_good_and_says_what_is_still_open() {
    let market = open_market("--lock-fee 0");
    let (bus, alice, bob) = (&market.bus, &market.alice, &market.bob);
    market.alice(&format!("bus add-owner {bus} {bob} --share 50%")).ok();
    let own = market.offer("--energy 1kWh --price 0.2tokens --for-bus");
    market.alice("local warp +121s").ok();
    let locked = market.json(&format!("lock take {own} --energy 400Wh"));
    let account = text(&locked["refund"]);
    market.bob(&format!("lock settle {}", text(&locked["address"]))).ok();
    let offer = market.bob(&format!("-q offer create {bus} --energy 1kWh --price 0.3tokens")).ok().trim().to_owned();
    let lock = market.alice(&format!("-q lock take {offer} --energy 500Wh")).ok().trim().to_owned();

    let decided = market.alice(&format!("bus close {bus}")).ok();
    assert_has(&decided, &["proposed and executed at once: close", &format!("multibus bus close {bus}")]);
    let shown = market.json(&format!("bus show {bus}"));
    assert_eq!((&shown["closing"], units(&shown, "open_sellers")), (&json!(true), 2));
    assert_has(
        &market.bob(&format!("bus show {bus}")).ok(),
        &["closing: nothing opens any more", "multibus bus close"],
    );
    assert_has(
        &market.alice(&format!("offer create {bus} --energy 1 --price 1tokens")).fails(1),
        &["closing, nothing opens on it any more"],
    );
    // Anyone sees what is left to do, and with which commands.
    let open = market.bob(&format!("bus close {bus}")).fails(1);
    assert_has(
        &open,
        &[
            "cannot close yet: it has 2 sellers, 2 proposals",
            &format!("`multibus lock release {lock}`"),
            &format!("`multibus offer cancel {own}`"),
            &format!("`multibus offer cancel {offer}`"),
            &format!("`multibus seller close {bus} {bob}`"),
            &format!("`multibus seller close {bus} --for-bus`"),
            "`multibus proposal close ",
        ],
    );
    market.alice(&format!("lock release {lock}")).ok();
    // Nothing trades on a closing bus, and anyone ends anything.
    assert_has(&market.alice(&format!("buy --offer {offer} --energy 1Wh")).fails(1), &[&offer]);
    assert_has(&market.json(&format!("offer show {offer}"))["state"].to_string(), &["closing"]);
    market.alice(&format!("offer cancel {offer}")).ok();
    market.bob(&format!("offer cancel {own}")).ok();
    market.alice(&format!("seller close {bus} {bob}")).ok();
    market.bob(&format!("seller close {bus} --for-bus")).ok();
    for proposal in market.bob(&format!("-q proposal list {bus}")).ok().lines() {
        market.bob(&format!("proposal close {proposal}")).ok();
    }

    let closed = market.bob(&format!("--output json bus close {bus}")).json();
    assert_fields(&closed, &format!("bus name divided_base_units shares mint mint_decimals {TRANSACTION}"));
    assert_eq!(
        closed["shares"],
        json!([{ "owner": alice, "amount_base_units": 40_000 }, { "owner": bob, "amount_base_units": 40_000 }])
    );
    let stone = market.json(&format!("bus show {bus}"));
    assert_fields(
        &stone,
        "address closed bus_seq closed_at creator mint mint_decimals token_program unclaimed open_claims \
         unclaimed_base_units",
    );
    assert_eq!((&stone["closed"], units(&stone, "open_claims")), (&json!(true), 2));
    assert_has(
        &market.bob(&format!("bus show {bus}")).ok(),
        &["closed at", "2 claims, 0.08 tokens", "claim list --bus"],
    );
    assert_has(&market.bob(&format!("bus close {bus}")).fails(1), &["closed at"]);
    assert_eq!(market.bob("-q bus list").ok(), "");

    let claims = market.alice("--output json claim list").json();
    assert_fields(&claims["claims"][0], CLAIM);
    assert_eq!(
        (&claims["claims"][0]["bus_closed"], units(&claims["claims"][0], "amount_base_units")),
        (&json!(true), 40_000)
    );
    assert_has(
        &market.bob(&format!("claim list --bus {bus}")).ok(),
        &["0.04 tokens for", alice, bob, "which is closed"],
    );
    // Bob pays the fee, Alice gets the money.
    let paid = market.bob(&format!("--output json claim pay {bus} {alice}")).json();
    assert_fields(&paid, &format!("bus wallet destination paid_base_units rent_to mint mint_decimals {TRANSACTION}"));
    assert_eq!((&paid["wallet"], units(&paid, "paid_base_units")), (&json!(alice), 40_000));
    assert_has(&market.bob(&format!("bus show {bus}")).ok(), &["1 claim, 0.04 tokens"]);
    // The wallet that is owed names any account of its own.
    let paid = market.bob(&format!("--output json claim pay {bus} --to {account}")).json();
    assert_eq!((&paid["destination"], units(&paid, "paid_base_units")), (&json!(account), 40_000));
    assert_has(&market.alice("claim list").ok(), &["no claims"]);
    assert_has(&market.alice(&format!("claim pay {bus}")).fails(1), &["owes nothing to", alice]);
}

#[test]
fn a_window_that_nobody_used_is_closed_by_who_paid_for_it() {
    let market = open_market("--window 15m --gate-closure 1m");
    let bus = &market.bus;
    assert_has(&market.bob(&format!("window list {bus}")).ok(), &["no windows are open"]);
    let create = format!("--output json offer create {bus} --energy 1kWh --price 0.2tokens --window next");
    let offer = market.bob(&create).json();
    let start = offer["window_start"].as_i64().unwrap();
    assert_has(
        &market.bob(&format!("window close {bus} {start}")).fails(1),
        &["1 window stayed open", "1 offers are open"],
    );
    market.bob(&format!("offer cancel {}", text(&offer["address"]))).ok();
    let listed = market.json(&format!("window list {bus}"));
    assert_fields(&listed["windows"][0], WINDOW);
    assert_eq!(listed["windows"][0]["closable_by"], "rent payer, owners, operator");
    let carol = market.folder.multibus("-q local wallet carol.json").ok();
    assert!(!carol.is_empty());
    market.call("carol.json", "local fund").ok();
    assert_has(&market.call("carol.json", &format!("window close {bus}")).fails(1), &["no window", "window list"]);
    let closed = market.bob(&format!("--output json window close {bus}")).json();
    assert_fields(&closed, "bus closed failures");
    assert_fields(&closed["closed"][0], &format!("window_start sold_wh rent_to {TRANSACTION}"));
    assert_eq!((&closed["closed"][0]["rent_to"], units(&closed["closed"][0], "sold_wh")), (&json!(market.bob), 0));
    assert_has(&market.bob(&format!("window close {bus} {start}")).fails(1), &["no window", "window list"]);

    // A window in which something was sold closes for anyone once it is over.
    let offer = market.bob(&create).json();
    market.alice(&format!("-q buy --offer {} --energy 1kWh", text(&offer["address"]))).ok();
    market.alice("local warp +40m").ok();
    market.alice(&format!("offer cancel {}", text(&offer["address"]))).ok();
    assert_has(&market.alice(&format!("window list {bus}")).ok(), &["1 kWh", "anyone can close it"]);
    assert_has(&market.alice(&format!("window close {bus}")).ok(), &["sold 1 kWh; its rent went to", &market.bob]);
}

#[test]
fn a_buyer_holds_several_locks_on_one_offer_each_in_its_place() {
    let market = open_market("");
    let offer = market.offer("--energy 10kWh --price 0.2tokens");
    let take = || market.json(&format!("lock take {offer} --energy 1kWh"));
    let (first, second) = (take(), take());
    assert_eq!((&first["place"], &second["place"]), (&json!(0), &json!(1)));
    assert_eq!((&first["state"], &first["lock_fee_bps"]), (&json!("held"), &json!(0)));
    market.bob(&format!("lock release {}", text(&first["address"]))).ok();
    let third = take();
    assert_eq!((&third["place"], &third["address"]), (&json!(0), &first["address"]));
    let read = &market.json("lock list")["locks"];
    assert_eq!(read.as_array().unwrap().len(), 2);
    let same = read.as_array().unwrap().iter().find(|lock| lock["address"] == third["address"]).unwrap();
    for field in LOCK.split_whitespace() {
        assert_eq!(same[field], third[field], "{field}");
    }
}

//! The command line, run as people run it: the real binary, one process for each command, on an embedded chain that is
//! kept in a file between them.

mod auction;
mod awkward;
mod delivery;
mod field;
mod hostile;
mod lag;
mod owners;
mod replay;
mod sellers;
mod support;

use {
    multibus_client::chain::{Chain, EmbeddedChain},
    multibus_test_support::node::TestNode,
    serde_json::Value,
    std::{
        io::{BufRead, BufReader, Write},
        path::Path,
        process::{Command, Stdio},
        sync::Arc,
        time::Duration,
    },
    support::*,
};

/// Every verb.
const VERBS: [&str; 85] = [
    "bus create",
    "bus show",
    "bus list",
    "bus add-owner",
    "bus close",
    "seller open",
    "seller show",
    "seller list",
    "seller withdraw",
    "seller close",
    "seller admit",
    "seller suspend",
    "offer create",
    "offer list",
    "offer show",
    "offer reprice",
    "offer set-expiry",
    "offer collect",
    "offer cancel",
    "buy",
    "batch",
    "lock take",
    "lock settle",
    "lock release",
    "lock list",
    "bid create",
    "bid list",
    "bid show",
    "bid cancel",
    "auction price",
    "auction list",
    "auction show",
    "auction clear",
    "auction settle",
    "auction keep",
    "window list",
    "window close",
    "claim list",
    "claim pay",
    "meter register",
    "meter show",
    "meter list",
    "meter replace",
    "meter close",
    "meter sign",
    "device list",
    "device close",
    "delivery list",
    "delivery show",
    "delivery report",
    "delivery release",
    "delivery refund",
    "delivery close",
    "position list",
    "position show",
    "position open",
    "position set-refund",
    "position close",
    "certificate list",
    "certificate take",
    "certificate show",
    "certificate transfer",
    "certificate retire",
    "grid sweep",
    "proposal create",
    "proposal list",
    "proposal show",
    "proposal approve",
    "proposal revoke",
    "proposal execute",
    "proposal close",
    "treasury show",
    "treasury claim",
    "trader open",
    "trader show",
    "trader close",
    "tx verify",
    "history",
    "watch",
    "replay",
    "local wallet",
    "local mint",
    "local fund",
    "local warp",
    "completions",
];

/// Every action that can be proposed.
const ACTIONS: [&str; 21] = [
    "add-owner",
    "remove-owner",
    "shares",
    "threshold",
    "timelock",
    "capacity",
    "base-price",
    "listing",
    "terms",
    "lock-fee",
    "replace-owner",
    "pause-quorum",
    "admit-seller",
    "suspend-seller",
    "reserve-price",
    "least-size",
    "operator",
    "grid-recipient",
    "pause",
    "resume",
    "close",
];

#[test]
fn every_verb_explains_itself_with_an_example() {
    let folder = Folder::new();
    let top = folder.multibus("--help").ok();
    assert_has(
        &top,
        &[
            "bus",
            "seller",
            "offer",
            "buy",
            "batch",
            "lock",
            "bid",
            "auction",
            "window",
            "claim",
            "meter",
            "device",
            "delivery",
            "position",
            "certificate",
            "grid",
            "trader",
            "tx",
            "history",
            "watch",
            "replay",
            "completions",
        ],
    );
    for verb in VERBS {
        let help = folder.multibus(&format!("{verb} --help")).ok();
        let (_, examples) =
            help.split_once("Examples:\n").unwrap_or_else(|| panic!("`{verb}` has no examples\n{help}"));
        assert!(
            examples.contains(&format!("multibus {verb}")) || examples.contains(&format!(" {verb} ")),
            "{verb}\n{help}"
        );
    }
    for action in ACTIONS {
        let help = folder.multibus(&format!("proposal create {NOWHERE} {action} --help")).ok();
        let (_, examples) = help.split_once("Examples:\n").unwrap_or_else(|| panic!("`{action}`\n{help}"));
        assert_has(examples, &["multibus proposal create", &format!(" {action}")]);
    }
    let version = folder.multibus("--version").ok();
    assert_eq!(version.trim(), format!("multibus {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_are_printed_for_every_shell() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert_has(&folder.multibus(&format!("completions {shell}")).ok(), &["multibus", "add-owner"]);
    }
    let script = folder.path().join("multibus.bash");
    std::fs::write(&script, folder.multibus("completions bash").ok()).unwrap();
    let checked = folder.command("bash").arg("-n").arg(&script).status().unwrap();
    assert!(checked.success());
}

#[test]
fn a_wrong_command_line_is_refused_with_exit_code_2() {
    let folder = Folder::new();
    for (arguments, said) in [
        ("nonsense", "nonsense"),
        ("bus show nonsense", "'nonsense' is not an address; give 32 bytes in base58"),
        (&format!("buy {NOWHERE} --energy 1.5"), "write Wh such as 1500, or name the unit, 1.5kWh"),
        (&format!("buy {NOWHERE} --energy 1.2345kWh"), "1.2345 has 4 decimals, at most 3"),
        (&format!("buy {NOWHERE} --energy 0"), "at least 1 Wh"),
        (&format!("buy {NOWHERE} --energy -5"), "'-5'"),
        ("buy --energy 5", "<BUS|--offer <OFFER>>"),
        (&format!("offer create {NOWHERE} --energy 1 --price 0.25"), "0.25tokens"),
        (&format!("offer set-expiry {NOWHERE} --expires tomorrow"), "'tomorrow' is not a time; write unix seconds"),
        (
            &format!("offer create {NOWHERE} --energy 1 --price 1 --expires never"),
            "every offer expires; write 'latest'",
        ),
        (&format!("proposal approve {NOWHERE} --hash 12"), "'12' is not a hash; give 64 hex digits"),
        (&format!("seller withdraw {NOWHERE} {NOWHERE} --to {NOWHERE}"), "cannot be used with"),
        (&format!("bus add-owner {NOWHERE} {NOWHERE} --share 101%"), "at most 10000 basis points"),
        ("tx verify abc", "neither a transaction hash (64 hex digits) nor a signature"),
        ("--url mainnet bus list", "'mainnet' is not a chain; use localnet"),
        ("--url embedded bus list", "embedded:village.chain"),
        (&format!("--url embedded:x.chain --keypair none.json offer cancel {NOWHERE}"), "no wallet at none.json"),
    ] {
        assert_has(&folder.multibus(arguments).fails(2), &[said]);
    }
    // No command at all is an error, `--help` is not.
    let run = folder.multibus("");
    assert_eq!(run.code, Some(2));
}

#[test]
fn errors_are_objects_in_json_mode() {
    let folder = Folder::new();
    let error = |run: Run, code| {
        assert_eq!((run.code, run.stdout.as_str()), (Some(code), ""), "{}", run.stderr);
        serde_json::from_str::<Value>(&run.stderr).unwrap_or_else(|error| panic!("{error}\n{}", run.stderr))
    };
    let usage = error(folder.multibus("--output json bus show nonsense"), 2);
    assert_fields(&usage["error"], "kind message");
    assert_eq!(usage["error"]["kind"], "usage");
    assert_has(usage["error"]["message"].as_str().unwrap(), &["'nonsense' is not an address"]);
    let missing = error(folder.multibus(&format!("--output json --url embedded:a.chain bus show {NOWHERE}")), 1);
    assert_has(missing["error"]["message"].as_str().unwrap(), &["no bus at", NOWHERE, "check the address"]);

    let market = CliMarket::new("");
    let command = format!("--output json offer create {} --energy 1kWh --price 1", market.bus);
    let refused = error(market.alice(&command), 1);
    assert_fields(&refused["error"], "kind message program code name detail offer");
    assert_eq!(refused["error"]["kind"], "program");
    assert_eq!(refused["error"]["name"], "PriceBelowBase");
    assert_eq!(refused["error"]["detail"], "price 1, base price 100000");
    assert!(refused["error"]["code"].is_u64());
}

#[test]
fn settings_come_from_the_solana_configuration_and_never_lead_to_mainnet() {
    let folder = Folder::new();
    // Without any configuration it is the local network, where nothing listens.
    assert_has(&folder.multibus("bus list").fails(1), &["http://localhost:8899", "start the validator"]);

    let configure = |url: &str, commitment: &str| {
        let config = folder.path().join(".config/solana/cli");
        std::fs::create_dir_all(&config).unwrap();
        let text = format!(
            "---\njson_rpc_url: '{url}'\nwebsocket_url: ''\nkeypair_path: {}/alice.json\naddress_labels: {{}}\n\
             commitment: {commitment}\n",
            folder.path().display()
        );
        std::fs::write(config.join("config.yml"), text).unwrap();
    };
    configure("embedded:configured.chain", "confirmed");
    let alice = folder.multibus("-q local wallet alice.json").ok().trim().to_owned();
    assert_has(&folder.multibus("local fund").ok(), &[&alice, "10 SOL"]);
    assert!(folder.path().join("configured.chain").is_file());
    // An option goes before the file.
    assert_has(&folder.multibus("--url http://localhost:1 bus list").fails(1), &["http://localhost:1"]);
    let elsewhere = folder.multibus("--url embedded:other.chain --output json local fund --sol 0.5").json();
    assert_eq!(elsewhere["lamports"], 500_000_000);

    configure("https://api.mainnet-beta.solana.com", "confirmed");
    assert_has(&folder.multibus("bus list").fails(2), &["names mainnet-beta", "--url mainnet-beta"]);
    configure("embedded:configured.chain", "maximum");
    assert_has(&folder.multibus("bus list").fails(2), &["'maximum'", "processed, confirmed or finalized"]);
    assert_has(&folder.multibus("-C none.yml bus list").fails(2), &["none.yml cannot be read"]);
}

#[test]
fn local_makes_wallets_tokens_funds_and_time() {
    let folder = Folder::new();
    let wallet = folder.multibus("--output json local wallet a.json").json();
    assert_fields(&wallet, "address file");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(folder.path().join("a.json")).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_has(&folder.multibus("local wallet a.json").fails(1), &["a.json exists", "never overwritten"]);

    let call = |arguments: &str| folder.multibus(&format!("--url embedded:a.chain -k a.json {arguments}"));
    let funded = call("--output json local fund").json();
    assert_fields(&funded, "wallet lamports mint mint_decimals amount_base_units");
    assert_eq!(funded["lamports"], 10_000_000_000u64);
    let mint = call("--output json local mint --decimals 2").json();
    assert_fields(&mint, &format!("mint mint_decimals token_program {TRANSACTION}"));
    assert_eq!(mint["mint_decimals"], 2);
    let token = text(&mint["mint"]);
    let given = call(&format!("--output json local fund --sol 0 --mint {token} --amount 1.25tokens")).json();
    assert_eq!(given["amount_base_units"], 125);
    let too_fine = call(&format!("local fund --mint {token} --amount 1.255tokens")).fails(1);
    assert_has(&too_fine, &["1.255 has 3 decimals", "the settlement token has 2 decimals"]);
    let newer = call("--output json local mint --token-2022").json();
    assert_eq!(newer["token_program"], "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");

    let now = call("--output json local warp +0s").json();
    assert_fields(&now, "unix_timestamp slot");
    let later = call("--output json local warp +15m").json();
    let gone = later["unix_timestamp"].as_i64().unwrap() - now["unix_timestamp"].as_i64().unwrap();
    assert!((900..960).contains(&gone), "{gone}");
    assert_has(&call("local warp 1000").fails(1), &["1000"]);
    assert_has(&folder.multibus("--url http://localhost:1 -k a.json local warp +1s").fails(2), &["not ours to move"]);

    // The secret of a wallet appears nowhere, not even where its file is broken.
    std::fs::write(folder.path().join("broken.json"), "[1,2,3,secret]").unwrap();
    let broken = folder.multibus("--url embedded:a.chain -k broken.json local mint").fails(2);
    assert!(broken.contains("broken.json does not hold a keypair") && !broken.contains("secret]"), "{broken}");
}

#[test]
fn a_bus_is_created_shown_listed_and_shared() {
    let market = CliMarket::new("--listing open --lock-fee 1%");
    let (alice, bob, token, bus) = (&market.alice, &market.bob, &market.token, &market.bus);
    let shown = market.json(&format!("bus show {bus}"));
    assert_fields(&shown, &format!("{BUS_SHOWN} {BUS}"));
    assert_eq!(shown["name"], "Sunny Street");
    assert_eq!(shown["capacity_wh"], 50_000);
    assert_eq!(shown["base_price_per_kwh"], 100_000);
    assert_eq!(shown["lock_fee_bps"], 100);
    assert_eq!(shown["listing"], "open");
    assert_eq!(shown["owners"], serde_json::json!([{ "owner": alice, "share_bps": 10_000 }]));
    assert_fields(&shown["capacities"][0], WINDOW);
    assert_eq!((&shown["operator"], &shown["least_wh"]), (&Value::Null, &Value::from(1)));
    assert_eq!(
        (&shown["reserve_price_per_kwh"], &shown["horizon_seconds"]),
        (&Value::from(0), &Value::from(2_592_000))
    );
    let page = market.bob(&format!("bus show {bus}")).ok();
    assert_has(
        &page,
        &[bus, "Sunny Street", "0.1 tokens/kWh (100000 base units)", "50 kWh", "1 of 1 owner, 1 to pause", "100 %"],
    );
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");

    let create =
        |options: &str| market.alice(&format!("--output json bus create --mint {token} --capacity 1kWh {options}"));
    let second = create("--name Second --base-price 0.1tokens --window 15m --gate-closure 60").json();
    assert_fields(&second, &format!("{BUS} {TRANSACTION}"));
    assert_eq!(second["bus_seq"].as_u64(), shown["bus_seq"].as_u64().map(|seq| seq + 1));
    assert_eq!(second["base_price_per_kwh"], 100_000);
    let read = market.json(&format!("bus show {}", text(&second["address"])));
    for (property, value) in second.as_object().unwrap() {
        if !TRANSACTION.split_whitespace().any(|own| own == property) {
            assert_eq!(read[property], *value, "{property}");
        }
    }
    assert_fields(&second["terms"], TERMS);
    assert_eq!(
        (&second["terms"]["window_seconds"], &second["terms"]["gate_closure_seconds"], &second["terms"]["settlement"]),
        (&Value::from(900), &Value::from(60), &Value::from("on_purchase"))
    );
    assert_eq!((&second["next_terms"], &second["grid_recipient"]), (&Value::Null, &Value::Null));
    let shares = format!("--name Third --base-price 1 --owner {alice}=60% --owner {bob}=4000 --threshold 2");
    let third = create(&shares).json();
    assert_eq!(third["owners"][1]["share_bps"], 4_000);

    assert_eq!(market.json("bus list")["buses"].as_array().unwrap().len(), 3);
    let of_bob = market.json(&format!("bus list {bob}"));
    assert_eq!(of_bob["buses"].as_array().unwrap().len(), 1);
    assert_fields(&of_bob["buses"][0], BUS);
    let list = market.bob("bus list").ok();
    assert_has(&list, &[bus, "Sunny Street", "Second", "Third"]);
    assert!(list.lines().all(|line| line.chars().count() <= 80), "{list}");
    assert_eq!(market.bob("-q bus list").ok().lines().count(), 3);

    // One owner decides alone: proposed and done in one transaction.
    let added = market.alice(&format!("--output json bus add-owner {bus} {bob} --share 12.5%")).json();
    assert_fields(&added, &format!("{PROPOSAL} {TRANSACTION}"));
    assert_eq!((&added["executed"], &added["state"]), (&Value::from(true), &Value::from("executed")));
    let owners = &market.json(&format!("bus show {bus}"))["owners"];
    assert_eq!(owners[0]["share_bps"], 8_750);
    assert_eq!(owners[1], serde_json::json!({ "owner": bob, "share_bps": 1_250 }));

    // The program's own sentences, with its values.
    let again = market.alice(&format!("bus add-owner {bus} {bob} --share 1%")).fails(1);
    assert_has(&again, &["is an owner of the bus already"]);
    let stranger = market.bob(&format!("bus add-owner {} {NOWHERE} --share 1%", text(&second["address"]))).fails(1);
    assert_has(&stranger, &["is not an owner of the bus", "sign with an owner's wallet"]);
    let more = market.alice(&format!("--output json bus add-owner {} {NOWHERE} --share 1%", text(&third["address"])));
    let more = more.json();
    assert_eq!((&more["executed"], &more["approvals_missing"]), (&Value::from(false), &Value::from(1)));
    let short = market
        .alice(&format!("bus create --name Fourth --mint {token} --capacity 1 --base-price 1 --owner {alice}=9999"));
    assert_has(&short.fails(1), &["shares sum to 9999, not 10000"]);
    assert_has(&market.bob(&format!("bus show {NOWHERE}")).fails(1), &["no bus at", NOWHERE]);
}

#[test]
fn names_from_the_chain_cannot_act_on_the_terminal() {
    let market = CliMarket::new("");
    let create = format!("--mint {} --capacity 1 --base-price 1", market.token);
    // The program refuses control characters. It accepts characters that reorder or hide, so these are shown escaped.
    let output = market
        .folder
        .command(MULTIBUS)
        .args([
            "--url",
            "embedded:village.chain",
            "-k",
            "alice.json",
            "-q",
            "bus",
            "create",
            "--name",
            "a\u{202e}b\u{200b}",
        ])
        .args(words(&create))
        .output()
        .unwrap();
    let bus = Run::of("bus create", output).ok().trim().to_owned();
    let shown = market.bob(&format!("bus show {bus}")).ok();
    assert_has(&shown, &["a\\u{202e}b\\u{200b}"]);
    let raw = market.bob(&format!("--output json bus show {bus}")).ok();
    assert_has(&raw, &["a\\u202eb\\u200b"]);
    assert!(!raw.contains('\u{202e}'));
    assert_eq!(serde_json::from_str::<Value>(&raw).unwrap()["name"], "a\u{202e}b\u{200b}");
}

#[test]
fn an_offer_is_created_listed_repriced_given_another_expiry_and_cancelled() {
    let market = CliMarket::new("");
    let bus = &market.bus;
    let create =
        format!("--output json offer create {bus} --energy 12.5kWh --price 0.25tokens --source solar --expires +1h");
    let created = market.alice(&create).json();
    assert_fields(&created, &format!("{OFFER} opened_seller {TRANSACTION}"));
    assert_eq!((&created["listed_wh"], &created["price_per_kwh"]), (&Value::from(12_500), &Value::from(250_000)));
    assert_eq!((&created["source"], &created["state"]), (&Value::from("solar"), &Value::from("open")));
    let lifetime = created["expires_at"].as_i64().unwrap() - created["created_at"].as_i64().unwrap();
    assert!((3_598..=3_602).contains(&lifetime), "{lifetime}");
    let offer = text(&created["address"]);
    let cheap = market.offer("--energy 800 --price 200000 --source wind");

    let listed = market.json(&format!("offer list {bus}"));
    assert_fields(&listed, "bus mint_decimals offers");
    assert_fields(&listed["offers"][0], OFFER);
    let order: Vec<_> = listed["offers"].as_array().unwrap().iter().map(|offer| text(&offer["address"])).collect();
    assert_eq!(order, [cheap.clone(), offer.clone()]);
    let list = market.bob(&format!("offer list {bus}")).ok();
    assert_has(&list, &[&offer, &cheap, "0.25", "12.5 kWh", "800 Wh", "solar", "wind"]);
    assert!(list.lines().all(|line| line.chars().count() <= 80), "{list}");
    for (filter, expected) in [
        ("--source solar", &[&offer][..]),
        ("--max-price 0.2tokens", &[&cheap]),
        ("--sort energy", &[&offer, &cheap]),
        (&format!("--seller {}", market.bob), &[]),
    ] {
        let found = market.bob(&format!("-q offer list {bus} {filter}")).ok();
        assert_eq!(found.lines().collect::<Vec<_>>(), expected, "{filter}");
    }

    let repriced = market.alice(&format!("--output json offer reprice {offer} --price 0.22tokens")).json();
    assert_eq!((&repriced["price_per_kwh"], &repriced["version"]), (&Value::from(220_000), &Value::from(2)));
    let expires_at = |options: &str| {
        let set = market.alice(&format!("--output json offer set-expiry {offer} --expires {options}")).json();
        assert_fields(&set, &format!("{OFFER} {TRANSACTION}"));
        set["expires_at"].as_i64().unwrap()
    };
    let (later, earlier) = (expires_at("+2h"), expires_at("+30m"));
    assert!(later > created["expires_at"].as_i64().unwrap() && earlier < created["expires_at"].as_i64().unwrap());
    // The horizon of the bus is 30 days.
    assert!(expires_at("latest") > later + 29 * 86_400);
    let page = market.bob(&format!("offer show {offer}")).ok();
    assert_has(&page, &["0.22 tokens/kWh (220000 base units, version 5)", "12.5 kWh", "open", "solar"]);
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");

    assert_has(
        &market.alice(&format!("offer reprice {offer} --price 99999")).fails(1),
        &["price 99999, base price 100000"],
    );
    assert_has(
        &market.alice(&format!("offer set-expiry {offer} --expires +31d")).fails(1),
        &["beyond the window's gate or the bus's horizon"],
    );
    assert_has(
        &market.bob(&format!("offer reprice {offer} --price 1tokens")).fails(1),
        &["belongs to", &market.alice, "sign with the seller's wallet"],
    );
    assert_has(&market.bob(&format!("offer cancel {offer}")).fails(1), &["this wallet cannot cancel it"]);
    assert_has(
        &market.bob(&format!("offer create {bus} --energy 1 --price 1tokens")).fails(1),
        &["listing policy leaves this seller out"],
    );
    assert_has(
        &market.alice(&format!("offer create {bus} --energy 1MWh --price 1tokens")).fails(1),
        &["less capacity available"],
    );
    assert_has(
        &market.alice(&format!("offer create {bus} --energy 1 --price 1tokens --window next")).fails(2),
        &["the bus has no windows; leave --window out"],
    );

    let cancelled = market.alice(&format!("--output json offer cancel {offer}")).json();
    assert_fields(
        &cancelled,
        &format!("offer withdrawn_wh sold_wh collected_base_units closed mint mint_decimals {TRANSACTION}"),
    );
    assert_eq!((&cancelled["withdrawn_wh"], &cancelled["closed"]), (&Value::from(12_500), &Value::from(true)));
    assert_has(&market.bob(&format!("offer show {offer}")).fails(1), &["no offer at", &offer]);
    assert_has(&market.alice(&format!("offer cancel {cheap}")).ok(), &["withdrew 800 Wh, sold 0 Wh", "signature"]);
    assert_has(&market.bob(&format!("offer list {bus}")).ok(), &["no offers"]);
}

#[test]
fn windows_are_named_by_their_start_or_as_the_next() {
    let market = CliMarket::new("--window 15m --gate-closure 1m");
    let bus = &market.bus;
    let none = market.alice(&format!("offer create {bus} --energy 1kWh --price 0.2tokens")).fails(2);
    assert_has(&none, &["sells by windows of 900 s", "--window next"]);
    let next =
        market.alice(&format!("--output json offer create {bus} --energy 1kWh --price 0.2tokens --window next")).json();
    let start = next["window_start"].as_i64().unwrap();
    assert!(start % 900 == 0 && start > next["created_at"].as_i64().unwrap());
    let wrong =
        market.alice(&format!("offer create {bus} --energy 1kWh --price 0.2tokens --window {}", start + 1)).fails(1);
    assert_has(&wrong, &[&format!("use {start}"), &(start + 900).to_string()]);
    let later =
        market.alice(&format!("-q offer create {bus} --energy 2kWh --price 0.2tokens --window {}", start + 900)).ok();
    let list = market.bob(&format!("offer list {bus}")).ok();
    assert_eq!(list.matches("window ").count(), 2, "{list}");
    let of_window = market.bob(&format!("-q offer list {bus} --window {}", start + 900)).ok();
    assert_eq!(of_window, later);
    let bought = market.bob(&format!("--output json buy {bus} --window {} --energy 500Wh", start + 900)).json();
    assert_eq!(text(&bought["purchases"][0]["fills"][0]["offer"]), later.trim());
    assert_has(&market.bob(&format!("buy {bus} --energy 500Wh")).fails(2), &["--window next"]);

    // Past its gate an offer cannot be bought, and anyone may withdraw what is left.
    market.alice("local warp +40m").ok();
    let late = market.bob(&format!("buy --offer {} --energy 1", later.trim())).fails(1);
    assert_has(&late, &["expired"]);
    let all = market.json(&format!("offer list {bus} --all"));
    assert!(all["offers"].as_array().unwrap().iter().all(|offer| offer["state"] == "gate closed"), "{all}");
    assert_has(&market.bob(&format!("offer cancel {}", later.trim())).ok(), &["withdrew 1.5 kWh, sold 500 Wh"]);
}

#[test]
fn energy_is_bought_at_the_lowest_total_cost_and_the_purchase_is_proven() {
    let market = CliMarket::new("");
    let bus = &market.bus;
    let dear = market.offer("--energy 10kWh --price 0.30tokens");
    let cheap = market.offer("--energy 1kWh --price 0.20tokens");

    // The hash is known before the purchase is sent.
    assert_has(
        &market.bob(&format!("buy {bus} --energy 1.5kWh --dry-run")).ok(),
        &["would cost 0.35 tokens", "trader open"],
    );
    market.bob("-q trader open").ok();
    let quoted = market.json(&format!("buy {bus} --energy 1.5kWh --dry-run"));
    assert_fields(
        &quoted,
        "dry_run energy_wh cost_base_units grid_fee_base_units refundable_base_units average_price_per_kwh mint \
         mint_decimals transactions",
    );
    assert_fields(&quoted["transactions"][0], "transaction_hash lane nonce energy_wh cost_base_units fills");
    assert_eq!((&quoted["energy_wh"], &quoted["cost_base_units"]), (&Value::from(1_500), &Value::from(350_000)));
    assert_eq!(quoted["average_price_per_kwh"], "233333 1/3");

    let bought = market.json(&format!("buy {bus} --energy 1.5kWh"));
    assert_fields(&bought, BOUGHT);
    assert_fields(&bought["purchases"][0], PURCHASE);
    assert_fields(&bought["purchases"][0]["fills"][0], FILL);
    assert_eq!((&bought["energy_wh"], &bought["paid_base_units"]), (&Value::from(1_500), &Value::from(350_000)));
    let hash = text(&bought["purchases"][0]["transaction_hash"]);
    assert_eq!(hash, text(&quoted["transactions"][0]["transaction_hash"]));
    let fills = bought["purchases"][0]["fills"].as_array().unwrap();
    let taken: Vec<_> = fills.iter().map(|fill| (text(&fill["offer"]), fill["energy_wh"].as_u64().unwrap())).collect();
    assert_eq!(taken, [(cheap, 1_000), (dear.clone(), 500)]);

    let page = market.bob(&format!("buy {bus} --energy 100Wh --max-price 0.30tokens --max-total 0.03tokens")).ok();
    assert_has(&page, &["bought 100 Wh for 0.03 tokens", &dear, "transaction hash", "signature"]);
    assert!(page.lines().filter(|line| !line.contains("signature")).all(|line| line.chars().count() <= 83), "{page}");

    // From one offer, exactly or as much as there is.
    let single = market.json(&format!("buy --offer {dear} --energy 100kWh --min-energy 1kWh"));
    assert_eq!(single["energy_wh"], 9_400);
    let signature = text(&single["purchases"][0]["signature"]);

    for transaction in [&hash, &signature] {
        let verified = market.json(&format!("tx verify {transaction}"));
        assert_fields(&verified, "transaction_hash signature processed purchases");
        assert_fields(
            &verified["purchases"][0],
            "transaction_hash wallet lane nonce energy_wh paid_base_units mint mint_decimals settlement purchased_at \
             signature evidence bid",
        );
        assert_eq!(
            (&verified["processed"], text(&verified["purchases"][0]["wallet"])),
            (&Value::from(true), market.bob.clone())
        );
    }
    assert_has(
        &market.alice(&format!("tx verify {hash}")).ok(),
        &["the purchase happened", &hash, "1.5 kWh", &market.bob],
    );
    let unknown = market.bob(&format!("tx verify {}", "ab".repeat(32)));
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(1), ""));
    assert_has(&unknown.stderr, &["no purchase with the hash abab"]);

    let history = market.json(&format!("history {}", market.bob));
    assert_fields(&history, "wallet verified lanes");
    assert_fields(&history["lanes"][0], "lane verified closed history_root flaws purchases");
    assert_fields(
        &history["lanes"][0]["purchases"][0],
        "nonce transaction_hash energy_wh paid_base_units mint mint_decimals purchased_at signature bid",
    );
    assert_eq!(history["verified"], true);
    let energy: Vec<_> = history["lanes"][0]["purchases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|purchase| purchase["energy_wh"].as_u64())
        .collect();
    assert_eq!(energy, [Some(1_500), Some(100), Some(9_400)]);
    let told = market.bob("history").ok();
    assert_has(&told, &["lane 0: 3 purchases, history leads to the root on chain", "9.4 kWh"]);
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
}

#[test]
fn a_purchase_beyond_its_limits_is_refused_and_pays_nothing() {
    let market = CliMarket::new("");
    let bus = &market.bus;
    assert_has(&market.bob(&format!("buy {bus} --energy 1")).fails(1), &["0 Wh are on offer"]);
    let offer = market.offer("--energy 1kWh --price 0.20tokens");
    for (options, said) in [
        (format!("{bus} --energy 2kWh"), "1000 Wh are on offer within the limits, at least 2000 Wh"),
        (format!("{bus} --energy 1kWh --max-price 199999"), "0 Wh are on offer within the limits"),
        (format!("{bus} --energy 1kWh --max-total 0.19tokens"), "the limit is 190000"),
        (format!("--offer {offer} --energy 1kWh --max-price 199999"), "199999"),
        (format!("--offer {offer} --energy 1kWh --max-total 199999"), "the limit is 199999"),
        (format!("--offer {offer} --energy 2kWh"), "has 1000 Wh and you want at least 2000 Wh"),
        (format!("--offer {NOWHERE} --energy 2kWh"), "no offer at"),
    ] {
        assert_has(&market.bob(&format!("buy {options}")).fails(1), &[said]);
        market.bob(&format!("buy {options} --dry-run")).fails(1);
    }
    assert_has(
        &market.bob(&format!("buy {bus} --energy 1kWh --min-energy 2kWh")).fails(2),
        &["--min-energy 2000 Wh is more than --energy 1000 Wh"],
    );
    assert_has(&market.alice(&format!("buy --offer {offer} --energy 1")).fails(1), &["is this wallet's own"]);
    // A partial fill within the total.
    let part = market.json(&format!("buy {bus} --energy 1kWh --min-energy 1Wh --max-total 50000"));
    assert_eq!((&part["energy_wh"], &part["paid_base_units"]), (&Value::from(250), &Value::from(50_000)));
    let part = market.json(&format!("buy --offer {offer} --energy 1kWh --min-energy 1Wh --max-total 50000"));
    assert_eq!((&part["energy_wh"], &part["paid_base_units"]), (&Value::from(250), &Value::from(50_000)));
    let history = market.json("history");
    assert_eq!(history["lanes"][0]["purchases"].as_array().unwrap().len(), 2);
}

#[test]
fn a_large_amount_is_bought_in_several_transactions() {
    let market = CliMarket::new("");
    let offers: Vec<_> =
        (0..36).map(|number| market.offer(&format!("--energy 100 --price {}", 200_000 + number))).collect();
    let quoted = market.json(&format!("buy {} --energy 3.55kWh --dry-run", market.bus));
    let bought = market.json(&format!("buy {} --energy 3.55kWh", market.bus));
    let purchases = bought["purchases"].as_array().unwrap();
    assert!(purchases.len() > 1, "{bought}");
    assert_eq!(purchases.len(), quoted["transactions"].as_array().unwrap().len());
    assert_eq!(bought["energy_wh"], 3_550);
    assert_eq!(bought["paid_base_units"], quoted["cost_base_units"]);
    let taken: usize = purchases.iter().map(|purchase| purchase["fills"].as_array().unwrap().len()).sum();
    assert_eq!(taken, offers.len());
    assert_eq!(market.json("history")["verified"], true);
}

#[test]
fn a_batch_is_all_or_nothing() {
    let market = CliMarket::new("");
    let first = market.offer("--energy 1kWh --price 0.20tokens");
    let second = market.offer("--energy 1kWh --price 0.30tokens");
    market.bob("-q trader open").ok();
    let items = format!("{first}=500Wh {second}=0.25kWh");
    let quoted = market.json(&format!("batch {items} --dry-run"));
    assert_eq!(quoted["cost_base_units"], 175_000);
    let bought = market.json(&format!("batch {items} --max-total 0.175tokens"));
    assert_fields(&bought, BOUGHT);
    assert_eq!((&bought["energy_wh"], &bought["paid_base_units"]), (&Value::from(750), &Value::from(175_000)));
    assert_eq!(bought["purchases"][0]["transaction_hash"], quoted["transactions"][0]["transaction_hash"]);

    let too_dear = market.bob(&format!("batch {items} --max-total 0.1tokens")).fails(1);
    assert_has(&too_dear, &["limit"]);
    let too_much = market.bob(&format!("batch {first}=100 {second}=2kWh")).fails(1);
    assert_has(&too_much, &["less free energy"]);
    assert_has(&market.bob(&format!("batch {first}=1 {first}=2")).fails(1), &["twice"]);
    assert_has(&market.bob(&format!("batch {first}=1 --max-price 1")).fails(1), &["200000", "the limit is 1"]);
    assert_has(&market.bob(&format!("batch {first}")).fails(2), &["OFFER=ENERGY"]);
    let left = market.json(&format!("offer show {first}"));
    assert_eq!(left["free_wh"], 500);
}

#[test]
fn a_lock_is_taken_listed_settled_and_released() {
    let market = CliMarket::new("--lock-fee 1%");
    let offer = market.offer("--energy 3kWh --price 0.20tokens");
    let taken = market.json(&format!("lock take {offer} --energy 1kWh"));
    assert_fields(&taken, &format!("{LOCK} {TRANSACTION}"));
    assert_eq!((&taken["energy_wh"], &taken["deposit_base_units"]), (&Value::from(1_000), &Value::from(200_000)));
    assert_eq!(taken["expires_at"].as_i64().unwrap() - taken["taken_at"].as_i64().unwrap(), 300);
    let lock = text(&taken["address"]);
    let listed = market.json("lock list");
    assert_fields(&listed["locks"][0], LOCK);
    for filter in [format!("--offer {offer}"), format!("--bus {}", market.bus), market.bob.clone()] {
        assert_eq!(market.alice(&format!("-q lock list {filter}")).ok().trim(), lock);
    }
    let page = market.bob("lock list").ok();
    assert_has(&page, &[&lock, "1 kWh", "0.2"]);
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");

    // Alice cannot release what has not expired, nor settle what is not hers.
    assert_has(&market.alice(&format!("lock release {lock}")).fails(1), &["has not expired"]);
    assert_ne!(market.alice(&format!("lock settle {lock}")).code, Some(0));
    let settled = market.json(&format!("lock settle {lock}"));
    assert_fields(&settled, BOUGHT);
    assert_eq!((&settled["energy_wh"], &settled["paid_base_units"]), (&Value::from(1_000), &Value::from(200_000)));
    assert_has(&market.bob(&format!("lock settle {lock}")).fails(1), &["no lock at"]);
    assert_has(&market.bob("lock list").ok(), &["no locks"]);

    let second = market.bob(&format!("-q lock take {offer} --energy 500")).ok().trim().to_owned();
    let released = market.json(&format!("lock release {second}"));
    assert_fields(
        &released,
        &format!(
            "lock offer buyer energy_wh refund_base_units fee_base_units outcome mint mint_decimals {TRANSACTION}"
        ),
    );
    assert_eq!(
        (&released["refund_base_units"], &released["fee_base_units"]),
        (&Value::from(99_000), &Value::from(1_000))
    );

    // Once it has expired it cannot be settled, and anyone may release it.
    let third = market.bob(&format!("-q lock take {offer} --energy 500")).ok().trim().to_owned();
    market.alice("local warp +301s").ok();
    assert_has(&market.bob(&format!("lock settle {third}")).fails(1), &["has expired"]);
    assert_has(&market.alice(&format!("lock release {third}")).ok(), &["released 500 Wh: 0.099 tokens came back"]);
    assert_has(
        &market.bob(&format!("lock take {offer} --energy 1 --max-price 1")).fails(1),
        &["price with grid fee 200000, limit 1"],
    );
}

#[test]
fn a_lane_is_opened_shown_and_closed() {
    let market = CliMarket::new("");
    assert_has(&market.bob("trader show").ok(), &["has no lane open"]);
    let opened = market.json("trader open --lane 3");
    assert_fields(&opened, &format!("{TRADER} {TRANSACTION}"));
    assert_eq!(opened["lane"], 3);
    assert_has(&market.bob("trader open --lane 3").fails(1), &["lane 3", "is open already"]);
    let offer = market.offer("--energy 1kWh --price 0.20tokens");
    market.bob(&format!("-q buy --offer {offer} --energy 100")).ok();
    let shown = market.json(&format!("trader show {}", market.bob));
    assert_fields(&shown, "wallet lanes");
    assert_fields(&shown["lanes"][0], TRADER);
    assert_fields(&shown["lanes"][0]["receipts"][0], "nonce transaction_hash energy_wh paid_base_units purchased_at");
    assert_eq!(shown["lanes"].as_array().unwrap().len(), 2);
    let page = market.bob("trader show --lane 0").ok();
    assert_has(&page, &["100 Wh for 20000 base units", "history root"]);
    let closed = market.json("trader close --lane 3");
    assert_fields(&closed, &format!("{TRADER} {TRANSACTION}"));
    assert_has(&market.bob("trader close --lane 3").fails(1), &["lane 3", "is not open"]);
    assert_has(&market.bob("trader show --lane 3").fails(1), &["is not open"]);
}

#[test]
fn watching_shows_what_others_do() {
    let market = CliMarket::new("");
    let mut watcher = market
        .folder
        .command(MULTIBUS)
        .args(["--url", "embedded:village.chain", "watch", &market.bus, "--json-lines", "--events", "3"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The watcher has opened the chain once it has looked at the file.
    std::thread::sleep(Duration::from_secs(2));
    let offer = market.offer("--energy 1kWh --price 0.20tokens");
    market.bob(&format!("-q buy --offer {offer} --energy 100")).ok();
    let lines: Vec<Value> = BufReader::new(watcher.stdout.take().unwrap())
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    assert!(watcher.wait().unwrap().success());
    assert_eq!(
        lines.iter().map(|event| text(&event["event"])).collect::<Vec<_>>(),
        ["SellerOpened", "OfferCreated", "EnergyPurchased"]
    );
    assert_eq!((text(&lines[1]["offer"]), &lines[1]["energy_wh"]), (offer, &Value::from(1_000)));
    assert_eq!(lines[2]["fills"][0]["cost"], 20_000);
    assert_has(
        &market.folder.multibus(&format!("--url embedded:village.chain watch {NOWHERE}")).fails(1),
        &["no bus at"],
    );
}

#[test]
fn a_closed_pipe_ends_the_output_quietly() {
    let folder = Folder::new();
    let mut child = folder
        .command(MULTIBUS)
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn a_keypair_can_come_through_the_standard_input() {
    let folder = Folder::new();
    let address = folder.multibus("-q local wallet a.json").ok();
    let mut child = folder
        .command(MULTIBUS)
        .args(["--url", "embedded:a.chain", "--keypair", "-", "--output", "json", "local", "fund"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&std::fs::read(folder.path().join("a.json")).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    let funded: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(text(&funded["wallet"]), address.trim());
}

/// The community that comes with the project.
fn community() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/community-rural-2016.csv").display().to_string()
}

#[test]
fn a_replay_reports_what_it_traded() {
    let folder = Folder::new();
    let replay = format!("replay {} --intervals 40 --seed 7 --price-rule fixed:250000", community());
    let report = folder.multibus(&format!("--output json {replay} --report out")).json();
    for field in "members intervals surplus_wh deficit_wh traded_wh withdrawn_wh offers_created purchases batches locks \
                  paid_base_units transactions_sent transactions_landed transactions_retried compute_units wall_milliseconds \
                  invariants seed price_rule interrupted"
        .split_whitespace()
    {
        assert!(report.get(field).is_some(), "no {field}");
    }
    assert_eq!((&report["intervals"], &report["seed"], &report["members"]), (&40.into(), &7.into(), &13.into()));
    assert_eq!(report["price_rule"], "fixed:250000");
    assert!(report["traded_wh"].as_u64() > Some(0));
    assert_eq!(report["traded_wh"], report["tradable_wh"]);
    assert!(report["invariants"].as_object().unwrap().values().all(|holds| *holds == true));
    let written: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("out/report.json")).unwrap()).unwrap();
    assert_eq!(written, report);
    assert!(folder.path().join("out/report.html").is_file() && folder.path().join("out/intervals.csv").is_file());

    // The same seed gives the same trades, and the text shows the same figures.
    let text = folder.multibus(&format!("-q {replay}")).ok();
    assert_has(&text, &["13 members, 40 intervals", "invariants"]);
}

#[test]
fn a_broken_file_is_refused_before_anything_is_sent() {
    let folder = Folder::new();
    let replay = |text: &str| {
        std::fs::write(folder.path().join("broken.csv"), text).unwrap();
        folder.multibus("--url embedded:replay.chain replay broken.csv").fails(1)
    };
    let header = "interval_start,member,load_wh,generation_wh\n";
    assert_has(&replay("time,who\n"), &["broken.csv: line 1"]);
    assert_has(&replay(&format!("{header}2016-06-21T00:00:00+01:00,M01,-5,0\n")), &["broken.csv: line 2", "-5"]);
    assert_has(&replay(&format!("{header}yesterday,M01,5,0\n")), &["broken.csv: line 2", "yesterday"]);
    assert_has(&folder.multibus("replay none.csv").fails(1), &["none.csv"]);
    assert!(!folder.path().join("replay.chain").exists());
    let csv = community();
    assert_has(&folder.multibus(&format!("replay {csv} --members-per-batch 33")).fails(2), &["33 members per batch"]);
    assert_has(&folder.multibus(&format!("replay {csv} --price-rule free")).fails(2), &["is not a price rule"]);
    let resume = format!("--url embedded:replay.chain replay {csv} --resume none.state");
    assert_has(&folder.multibus(&resume).fails(1), &["none.state"]);
}

#[test]
fn a_co_owned_replay_shows_what_each_owner_gets() {
    let folder = Folder::new();
    let replay = format!("replay {} --intervals 60 --co-owned", community());
    let report = folder.multibus(&format!("--output json {replay} --report out")).json();
    let treasury = &report["treasury"];
    let units = |value: &Value, name: &str| value[name].as_u64().unwrap();
    let paid = units(&report, "paid_base_units") + units(&report, "lock_fees_base_units");
    assert!(paid > 0 && units(treasury, "received_base_units") == paid);
    let owners = treasury["owners"].as_array().unwrap();
    let claimed: u64 = owners.iter().map(|owner| units(owner, "claimed_base_units")).sum();
    assert_eq!(claimed + units(treasury, "remainder_base_units"), paid);
    assert_eq!(owners.iter().map(|owner| units(owner, "share_bps")).sum::<u64>(), 10_000);
    let delivered: u64 = owners.iter().map(|owner| units(owner, "delivered_wh")).sum();
    assert_eq!(delivered, units(&report, "traded_wh"));
    let text = folder.multibus(&format!("-q {replay}")).ok();
    assert_has(&text, &["delivered kWh", "difference", "treasury: ", " claimed + ", "all 15 hold"]);
    let page = std::fs::read_to_string(folder.path().join("out/report.html")).unwrap();
    assert_has(&page, &["What the owners share"]);
    let help = folder.multibus("replay --help").ok();
    assert_has(&help, &["Prices follow --price-rule", "buyers pay its treasury", "--co-owned"]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_replay_goes_on_and_pays_nothing_twice() {
    let folder = Folder::new();
    let csv = community();
    let chain = ["--url", "embedded:replay.chain", "--output", "json", "replay", &csv, "--intervals", "60"];
    let child = folder
        .command(MULTIBUS)
        .args(chain)
        .args(["--state", "replay.state", "--speed", "18000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(2_300));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    let so_far: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(so_far["interrupted"], true);
    let said: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_has(said["error"]["message"].as_str().unwrap(), &["it goes on with `--resume replay.state`"]);
    assert!(so_far["intervals"].as_u64() < Some(60));

    let resumed = folder.command(MULTIBUS).args(chain).args(["--resume", "replay.state"]).output().unwrap();
    assert_eq!(resumed.status.code(), Some(0), "{}", String::from_utf8_lossy(&resumed.stderr));
    let whole: Value = serde_json::from_slice(&resumed.stdout).unwrap();
    let at_once = folder.multibus(&format!("--output json replay {csv} --intervals 60")).json();
    for field in ["intervals", "interrupted", "traded_wh", "tradable_wh", "withdrawn_wh"] {
        assert_eq!(whole[field], at_once[field], "{field}");
    }
    assert!(whole["invariants"].as_object().unwrap().values().all(|holds| *holds == true), "{}", whole["invariants"]);
}

/// What the tour tells on its way.
const TOLD: &[&str] = &[
    "would cost",
    "the purchase happened",
    "history leads to the root on chain",
    "the vaults hold for 1 seller: 0 tokens to withdraw,",
];

/// What its delivery tells, for which the clock of the chain has to be moved.
const TOLD_OF_A_DELIVERY: &[&str] = &[
    "paid on delivery: what is not delivered comes back, up to 0.2 tokens",
    "reported 600 Wh",
    "got 0.12 tokens",
    "got 0.05 tokens back for 1 window",
    "the treasury got 0.03 tokens of grid fees",
    "gave the certificate of 300 Wh",
    "retired the certificate of 300 Wh for Bob's bakery",
];

/// What its auction tells.
const TOLD_OF_AN_AUCTION: &[&str] = &[
    "it would get 1.5 kWh at",
    "asks at the price sell 1.5 kWh of 2 kWh",
    "proved the price of the window",
    "the bid was made",
    "got 1.5 kWh for",
];

/// The tour of the README, typed as it stands there.
#[test]
fn the_tour_of_the_readme_works_as_typed() {
    let told = type_tour("README.md");
    assert_has(&told, TOLD);
    assert_has(&told, TOLD_OF_A_DELIVERY);
    assert_has(&told, TOLD_OF_AN_AUCTION);
}

/// Guides with a tour, each with what it tells on its way.
const GUIDES: [(&str, &[&str]); 3] = [
    (
        "docs/auction.md",
        &[
            "it would get 500 Wh at 0.25 tokens/kWh",
            "bids and offers come and go until",
            "bids at the price get 500 Wh of 1 kWh",
            "proved the price of the window",
            "2 kWh at 0.25 tokens/kWh, of it 0.05 for the grid",
            "the bid for 1.5 kWh got 1.5 kWh for 0.375 tokens",
            "nothing of it is open any more",
            "the bid was made",
        ],
    ),
    (
        "docs/owners.md",
        &[
            "sells for    the bus, into its treasury",
            "1 of 2, 1 missing",
            "executed: add-owner",
            "0.37 tokens",
            "0.42 tokens in all",
            "admitted the seller",
            "suspended the seller",
            "executed at once: pause",
            "2 of 3 owners, 1 to pause",
            "executed at once: close",
            "closed the bus Mill Lane",
            "state    closed at",
        ],
    ),
    (
        "docs/traders.md",
        &[
            "would cost",
            "opened the seller account",
            "can be collected and withdrawn",
            "released 2 kWh: 0.4356 tokens came back, the fee was 0.0044",
            "the purchase happened",
            "4 purchases, history leads to the root on chain",
        ],
    ),
];

/// The tours of the guides, typed as they stand there.
#[test]
fn the_tours_of_the_guides_work_as_typed() {
    for (page, told) in GUIDES {
        assert_has(&type_tour(page), told);
    }
}

#[test]
fn every_page_with_a_tour_is_typed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .filter(|path| std::fs::read_to_string(path).unwrap().contains("<!-- tour"))
        .map(|path| format!("docs/{}", path.file_name().unwrap().to_str().unwrap()))
        .collect();
    found.sort_unstable();
    assert_eq!(found, GUIDES.map(|(page, _)| page));
}

/// The same over JSON-RPC, and what differs there.
#[test]
fn the_tour_works_over_rpc() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let chain = Arc::new(EmbeddedChain::new().unwrap());
    let (_node, url) = runtime.block_on(TestNode::start(&chain));
    runtime.spawn(async move {
        // A network makes blocks whether or not anyone trades.
        loop {
            tokio::time::sleep(Duration::from_millis(400)).await;
            let slot = chain.clock().await.unwrap().slot;
            chain.wait_for_slot(slot + 1).await.unwrap();
        }
    });
    let folder = Folder::new();
    // Nobody moves the clock of a network.
    let typed: Vec<_> = tour("README.md").into_iter().filter(|block| !block.contains("local warp")).collect();
    let typed = typed.join("\n");
    assert!(typed.contains("embedded:village.chain"));
    let told = type_commands(&folder, &typed.replace("embedded:village.chain", &url));
    assert_has(&told, TOLD);

    let call = |wallet: &str, arguments: &str| folder.multibus(&format!("--url {url} -k {wallet} {arguments}"));
    let bus = call("alice.json", "-q bus list").ok().trim().to_owned();
    let watcher = folder
        .command(MULTIBUS)
        .args(["--url", &url, "--output", "json", "watch", &bus, "--events", "2"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let offer =
        call("alice.json", &format!("-q offer create {bus} --energy 1kWh --price 0.2tokens --expires +10m")).ok();
    let hash = call("bob.json", &format!("-q --priority-fee 5 buy --offer {} --energy 100", offer.trim())).ok();
    let watched = watcher.wait_with_output().unwrap();
    let watched = String::from_utf8(watched.stdout).unwrap();
    let events: Vec<Value> = watched.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        events.iter().map(|event| text(&event["event"])).collect::<Vec<_>>(),
        ["OfferCreated", "EnergyPurchased"]
    );
    assert_eq!(text(&events[1]["transaction_hash"]), hash.trim());

    // The history of a closed lane is still proven.
    call("bob.json", "trader close --lane 0").ok();
    let history = call("bob.json", "--output json history --lane 0").json();
    assert_eq!((&history["verified"], &history["lanes"][0]["closed"]), (&Value::from(true), &Value::from(true)));
    let verified = call("alice.json", &format!("--output json tx verify {}", hash.trim())).json();
    assert_eq!(verified["purchases"][0]["evidence"], "verified history");
    let refused = call("bob.json", &format!("offer cancel {}", offer.trim())).fails(1);
    assert_has(&refused, &["this wallet cannot cancel it"]);
    assert_has(&call("alice.json", "local warp +1s").fails(2), &["not ours to move"]);
}

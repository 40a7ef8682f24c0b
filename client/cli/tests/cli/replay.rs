//! `multibus replay` with the files and settings that people have.

use crate::support::*;

/// Two members and two quarters of an hour, in which one sells what the other wants.
const FILE: &str = "interval_start,member,load_wh,generation_wh\n\
                    2016-06-21T12:00:00Z,A,0,900\n\
                    2016-06-21T12:00:00Z,B,500,0\n\
                    2016-06-21T12:15:00Z,A,0,900\n\
                    2016-06-21T12:15:00Z,B,300.0,0\n\
                    ,,,\n";

#[test]
fn a_solana_configuration_with_mainnet_does_not_matter_to_a_replay_without_a_url() {
    let folder = Folder::new();
    std::fs::write(folder.path().join("file.csv"), FILE).unwrap();
    std::fs::write(
        folder.path().join("solana.yml"),
        "json_rpc_url: https://api.mainnet-beta.solana.com\nwebsocket_url: ''\nkeypair_path: usb://ledger?key=0\n\
         address_labels: {}\ncommitment: confirmed\n",
    )
    .unwrap();
    let report = folder.multibus("--config solana.yml --output json replay file.csv").json();
    assert_eq!((&report["chain"], &report["traded_wh"]), (&"embedded chain".into(), &800.into()));
    assert_eq!(report["missing_readings"], 0);
    // A chain is used only where it is named.
    let refused = folder.multibus("--config solana.yml --url nowhere replay file.csv").fails(2);
    assert_has(&refused, &["'nowhere' is not a chain"]);
}

#[test]
fn missing_readings_are_told_and_can_be_refused() {
    let folder = Folder::new();
    let missing = FILE.replace("2016-06-21T12:15:00Z,B,300.0,0\n", "");
    for (name, text) in [("complete.csv", FILE), ("missing.csv", &missing)] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let told = folder.multibus("replay missing.csv").ok();
    assert_has(&told, &["2 members, 2 intervals of 15 min", "1 of 4 readings are missing", "1 of B"]);
    let refused = folder.multibus("replay missing.csv --require-complete").fails(1);
    assert_has(&refused, &["missing.csv: 1 of 4 readings are missing", "\"B\" at 2016-06-21T12:15:00Z"]);
    assert!(!folder.multibus("replay complete.csv --require-complete").ok().contains("missing"));
}

/// The same with a forecast: A is expected to have 900 Wh each time, and has 600 Wh and then nothing.
const FORECAST: &str = "interval_start,member,load_wh,generation_wh,forecast_load_wh,forecast_generation_wh\n\
                        2016-06-21T12:00:00Z,A,300,900,0,900\n\
                        2016-06-21T12:00:00Z,B,400,0,800,0\n\
                        2016-06-21T12:15:00Z,A,100,100,0,900\n\
                        2016-06-21T12:15:00Z,B,300,0,300,0\n";

#[test]
fn on_delivery_terms_members_trade_by_forecast_and_are_paid_for_what_they_had() {
    let folder = Folder::new();
    std::fs::write(folder.path().join("forecast.csv"), FORECAST).unwrap();
    std::fs::write(folder.path().join("plain.csv"), FILE).unwrap();
    let replay = "--output json replay forecast.csv --price-rule fixed:200001 --lock-percent 0 --grid-fee 30000";
    let report = folder.multibus(&format!("{replay} --terms delivery --report report")).json();
    let figures = |report: &serde_json::Value, names: &[&str]| -> Vec<u64> {
        names.iter().map(|name| report[*name].as_u64().unwrap_or_else(|| panic!("no {name}"))).collect()
    };
    let names = ["traded_wh", "paid_base_units", "delivered_wh", "certificates_wh"];
    // 800 and 300 Wh at 230,001 base units per kWh, each rounded up. Of the first 600 Wh are delivered.
    assert_eq!(figures(&report, &names), [1_100, 184_001 + 69_001, 600, 600]);
    let names = ["refunded_base_units", "grid_fee_base_units", "remainder_base_units"];
    // Of 184,001 base units 3/4 are 138,000.75: the buyer is refunded what is above it, rounded down, and all that it
    // paid for the second interval.
    assert_eq!(figures(&report, &names), [184_001 - 138_001 + 69_001, 18_000, 1]);
    assert_eq!((&report["terms"], &report["traded_by_forecast"]), (&"delivery".into(), &true.into()));
    let csv = |name: &str| std::fs::read_to_string(folder.path().join("report").join(name)).unwrap();
    assert_eq!(
        csv("trades.csv"),
        "window_start,seller,buyer,kind,energy_wh,price_per_kwh,paid\n\
         2016-06-21T12:00:00Z,A,B,purchase,800,230001,184001\n\
         2016-06-21T12:15:00Z,A,B,purchase,300,230001,69001\n"
    );
    assert_eq!(
        csv("deliveries.csv"),
        "window_start,seller,sold_wh,paid,reported_wh,released,grid_fee\n\
         2016-06-21T12:00:00Z,A,800,184001,600,120000,18000\n\
         2016-06-21T12:15:00Z,A,300,69001,0,0,0\n"
    );
    assert_eq!(
        csv("positions.csv"),
        "window_start,seller,buyer,energy_wh,paid,delivered_wh,refund\n\
         2016-06-21T12:00:00Z,A,B,800,184001,600,46000\n\
         2016-06-21T12:15:00Z,A,B,300,69001,0,69001\n"
    );

    // On purchase terms the forecast is not used, and the grid gets its fee of all that is sold.
    let report = folder.multibus(&format!("{replay} --report other")).json();
    let names = ["traded_wh", "paid_base_units", "delivered_wh", "refunded_base_units", "grid_fee_base_units"];
    assert_eq!(figures(&report, &names), [400, 92_001, 0, 0, 12_000]);
    assert!(report["notes"][0].as_str().unwrap().contains("are not used on purchase terms"));
    let other = folder.path().join("other");
    assert!(other.join("trades.csv").is_file() && !other.join("deliveries.csv").exists());

    // Without a forecast, what was measured is promised and delivered.
    let told = folder.multibus("replay plain.csv --terms delivery").ok();
    assert_has(&told, &["0.8 kWh (100 % of what was promised)", "the file has no forecast"]);
    let refused = folder.multibus("replay plain.csv --grid-fee 4294967297").fails(2);
    assert_has(&refused, &["4294967297 base units per kWh is above 4294967296"]);
    let refused = folder.multibus("replay plain.csv --terms delivery --co-owned").fails(2);
    assert_has(&refused, &["choose one of the two"]);
    let refused = folder.multibus("replay plain.csv --terms later").fails(2);
    assert_has(&refused, &["purchase", "delivery"]);
}

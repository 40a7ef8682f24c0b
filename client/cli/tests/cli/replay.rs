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

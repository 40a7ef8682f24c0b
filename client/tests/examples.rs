//! Every example runs and prints what it should, on the embedded chain or on the node that `MULTIBUS_EXAMPLES_URL`
//! names. `cargo test` builds the examples unless a target is named; then build them with `cargo build --examples`.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

const EXAMPLES: [(&str, &str); 7] = [
    ("buy_at_best_price", "2500 Wh for 530000 base units, no plan costs less than 530000"),
    ("clear_auction", "2000 Wh at 200000 per kWh, shared by the bid side; 2 bids and 1 offer settled"),
    ("create_bus", "2 of its owners must agree to a change"),
    ("market_with_lanes", "8 purchases with 4 lanes open"),
    ("sign_reading", "1200 Wh were delivered: 240000 for the seller, 60000 for the grid, 75000 back to the buyer"),
    ("verify_receipt", "the lane's history of 1 purchases is proven: true"),
    ("watch_bus", "3000 Wh on offer\nnow at 180000 per kWh\n"),
];

/// Where cargo puts examples: beside the folder of this test's binary.
fn built(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(path.is_file(), "{} is not built; `cargo build --package multibus-client --examples`", path.display());
    path
}

#[test]
fn every_example_runs() {
    for (name, expected) in EXAMPLES {
        let mut command = Command::new(built(name));
        if let Some(url) = env::var_os("MULTIBUS_EXAMPLES_URL") {
            command.arg("--url").arg(url);
        }
        let output = command.output().unwrap();
        let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{name}: {said}{complained}");
        assert!(said.contains(expected), "{name} does not say {expected:?}:\n{said}");
    }
}

#[test]
fn every_example_is_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found: BTreeSet<String> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    assert_eq!(found, EXAMPLES.iter().map(|(name, _)| (*name).to_owned()).collect());
}

//! `docs/ATTACKS.md` is what the tests of this binary claim. `MULTIBUS_BLESS=1` (`cargo xtask attack-matrix`) writes it.

use {
    multibus_tests::attack::{Registered, inventory, table::Table},
    std::{collections::BTreeSet, env, fs, process::Command},
};

const IDL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../idl/multibus.json");
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ATTACKS.md");

/// The names of this binary's tests.
fn tests() -> BTreeSet<String> {
    let binary = env::current_exe().expect("a process has a binary");
    let output = Command::new(binary).arg("--list").output().expect("a test binary lists its tests");
    let list = String::from_utf8(output.stdout).expect("names are text");
    list.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

#[test]
fn the_table_of_attacks_is_full_and_written() {
    let idl = fs::read_to_string(IDL).expect("the IDL can be read");
    let mut claims: Vec<&Registered> = inventory::iter::<Registered>().collect();
    claims.sort_by_key(|claim| claim.claims);
    let table = Table::new(&idl, &claims, &tests());
    assert!(table.findings.is_empty(), "findings about attacks:\n{}", table.findings.join("\n"));
    if env::var_os("MULTIBUS_BLESS").is_some_and(|value| value == "1") {
        fs::write(DOCUMENT, table.markdown()).expect("the document can be written");
    }
    let present = fs::read_to_string(DOCUMENT).expect("the document can be read");
    assert!(present == table.markdown(), "docs/ATTACKS.md differs from the tests; write it: cargo xtask attack-matrix");
}

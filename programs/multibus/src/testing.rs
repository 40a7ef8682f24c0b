//! What the unit tests share.

use proptest::prelude::ProptestConfig;

/// This many random cases, or as many as `PROPTEST_CASES` says: under valgrind, what one case reads says as much as thousands.
pub fn cases(count: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => default,
        None => ProptestConfig { cases: count, ..default },
    }
}

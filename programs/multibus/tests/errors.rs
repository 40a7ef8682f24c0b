//! What users read when the market refuses something.

use std::collections::BTreeSet;

use multibus::error::MultibusError;

#[test]
fn no_two_refusals_read_alike() {
    let distinct = |of: fn(&MultibusError) -> &'static str| MultibusError::ALL.iter().map(of).collect::<BTreeSet<_>>();
    assert_eq!(distinct(|error| error.name()).len(), MultibusError::ALL.len());
    assert_eq!(distinct(|error| error.message()).len(), MultibusError::ALL.len());
}

//! What the end-to-end suite builds on: markets of the tests' own on a network, and their invariants, read back from the
//! chain.

#![deny(missing_docs)]

pub mod market;

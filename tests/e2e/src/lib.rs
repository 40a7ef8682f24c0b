//! What suites against a network share: a market of one's own on it, and its invariants, read back from the chain.

#![deny(missing_docs)]

pub mod world;

//! MultiBus on a network: a proxy that fails on command between client and node, and a generator of load.

#![deny(missing_docs)]

pub mod load;
pub mod market;
pub mod proxy;

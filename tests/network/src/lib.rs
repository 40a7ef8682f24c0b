//! MultiBus on a network: a line that fails on command between client and node, a small market on whatever node a URL
//! names, and a generator of load.

#![deny(missing_docs)]

pub mod load;
pub mod proxy;
pub mod village;

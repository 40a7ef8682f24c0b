//! What the tests of several crates share.
//!
//! - [`market`]: a market of its own on any chain, with wallets that have money.
//! - [`node`]: a node that answers as its test wants it to, honestly or not, over JSON-RPC and websockets.

pub mod market;
pub mod node;

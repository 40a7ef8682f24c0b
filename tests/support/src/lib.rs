//! What the tests of several crates share.
//!
//! - [`node`]: a node that answers as its test wants it to, honestly or not, over JSON-RPC and websockets.

pub mod node;

//! What the tests of several crates share.
//!
//! - [`market`]: a market of its own on any chain, with wallets that have money.
//! - [`node`]: a node that answers as its test wants it to, honestly or not, over JSON-RPC and websockets.

#![expect(clippy::missing_panics_doc, reason = "a panic is how a test fails")]

pub mod market;
pub mod node;

use std::{
    env,
    path::{Path, PathBuf},
};

/// Path of the built program: the file that `MULTIBUS_PROGRAM` names, else `deploy/multibus.so` in Cargo's target
/// directory.
pub fn program_elf() -> PathBuf {
    if let Some(path) = env::var_os("MULTIBUS_PROGRAM") {
        return path.into();
    }
    let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"));
    target.join("deploy/multibus.so")
}

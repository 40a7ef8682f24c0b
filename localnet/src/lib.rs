//! Local networks for MultiBus.
//!
//! - [`Node`](node::Node) starts either engine as a child process with the program deployed and waits until it is
//!   healthy; it can be stopped, killed in the middle of anything, and started again on its ledger. Tests use it alone.
//! - [`Village`](village::Village) seeds a market on it, through the client library.
//! - [`Network`](network::Network) keeps both in a folder with a description of what is there ([`Description`]), for
//!   `cargo xtask localnet` and for programs that look for a network.
//!
//! The binary `multibus-localnet` is what `cargo xtask localnet` runs. A test that needs a node of its own:
//!
//! ```no_run
//! use multibus_localnet::{engine::Engine, node::{Node, NodeOptions}};
//! use multibus_client::chain::{Chain, CommitmentLevel};
//!
//! # async fn example() -> anyhow::Result<()> {
//! let folder = std::env::temp_dir().join("a-network-of-my-own");
//! let mut node = Node::start(NodeOptions::new(Engine::Agave, &folder)?).await?;
//! let chain = node.chain(CommitmentLevel::Confirmed)?;
//! node.kill()?;
//! node.restart().await?; // on the same ledger and the same ports, so `chain` goes on
//! println!("slot {}", chain.clock().await?.slot);
//! node.stop().await
//! # }
//! ```
//!
//! Engines are found as [`Engine::binary`](engine::Engine::binary) says; `cargo xtask localnet --engine ...` builds or
//! installs them.
//!
//! [`Description`]: network::Description

#![deny(missing_docs)]

pub mod brook;
pub mod engine;
pub mod key;
pub mod network;
pub mod node;
pub mod square;
pub mod village;

/// A time at which tests begin: what they see depends on where a window stands.
#[cfg(test)]
const NOON_IN_2100: i64 = 4_102_488_000;

//! The interface between the client and a chain. Everything above it is the same code on an RPC node and on a chain
//! inside the process.

#[cfg(feature = "embedded")]
mod ed25519;
#[cfg(feature = "embedded")]
mod embedded;
#[cfg(feature = "embedded")]
pub mod embedded_state;
mod guard;
mod interface;
#[cfg(feature = "embedded")]
mod kinds;
mod layer;
mod pages;
mod rpc;
mod subscription;

#[cfg(feature = "embedded")]
pub use embedded::EmbeddedChain;
pub use {
    interface::{
        AccountFilter, Chain, ChainClock, LogsNotification, LogsStream, Outcome, RecentBlockhash, SignatureInfo,
        SignatureStatus, Simulation, TransactionRecord,
    },
    layer::ChainLayer,
    pages::HistoryPages,
    rpc::{RpcChain, RpcOptions},
    solana_commitment_config::CommitmentLevel,
    solana_transaction::versioned::VersionedTransaction,
    solana_transaction_error::TransactionError,
};

//! Client of MultiBus, a market for energy between neighbours on Solana.
//!
//! - [`Market`] answers queries: buses, capacities, offers, locks, bids, nonce lanes, receipts, verified history.
//! - [`Wallet`] acts for one keypair: creates buses and offers, buys, locks, bids, clears. It sets compute limits from simulation,
//!   hands out nonce lanes, retries within the caller's limits, and never pays twice for one purchase.
//! - [`Chain`](chain::Chain) is the one interface below both: an RPC node ([`chain::RpcChain`]) or, with the feature
//!   `embedded`, a chain inside the process (`chain::EmbeddedChain`).
//!
//! Each noun has a module with its instruction builders, queries and actions: [`bus`], [`capacity`], [`seller`],
//! [`offer`], [`lock`], [`purchase`], [`trader`], [`proposal`], [`treasury`], [`claim`]. A bus has [`terms`]: its sellers are
//! paid on purchase, or on delivery, by what a [`meter`] says. Then a seller has a [`delivery`] book, each of its buyers a
//! [`position`] book, [`reading`]s are signed offline and brought by anyone, and what was delivered has a [`certificate`].
//! An [`auction`] may close each window: buyers [`bid`], and a [`clearing`] proves the one price.
//! Energy is in Wh, money in base units of the bus's settlement token, prices in base units per kWh, times in unix seconds.
//! What a buyer pays per kWh, and limits, contains the fee that goes to the [`grid`].
//!
//! ```no_run
//! use std::sync::Arc;
//! use multibus_client::{
//!     Keypair, Market, PricePerKwh, Wallet, Wh,
//!     chain::{CommitmentLevel, RpcChain},
//!     offer::{OfferFilter, OfferSort},
//!     purchase::PurchaseOrder,
//! };
//!
//! # async fn example() -> multibus_client::Result<()> {
//! let chain = Arc::new(RpcChain::new("http://127.0.0.1:8899", None, CommitmentLevel::Confirmed)?);
//! let wallet = Wallet::new(chain.clone(), Arc::new(Keypair::new()));
//! let bus = Market::new(chain).buses().await?.remove(0);
//! let cheapest = wallet.market().active_offers(&bus.address, &OfferFilter::default(), OfferSort::Price).await?.remove(0);
//! let bought = wallet.buy(&PurchaseOrder::exactly(cheapest.address, Wh(1_500), PricePerKwh(cheapest.full_price_per_kwh))).await?;
//! println!("{} Wh for {} base units, transaction hash {}", bought.energy_wh, bought.paid, bought.transaction_hash);
//! # Ok(())
//! # }
//! ```

#![deny(missing_docs)]

pub mod account;
pub mod action;
pub mod address;
pub mod auction;
pub mod audit;
pub mod best;
pub mod bid;
mod book_close;
pub mod bus;
pub mod capacity;
pub mod certificate;
pub mod chain;
pub mod claim;
pub mod clearing;
pub mod delivery;
pub mod error;
pub mod event;
pub mod grid;
pub mod hash;
pub mod history;
pub mod lane;
pub mod lock;
pub mod log;
pub mod lookup_table;
pub mod market;
pub mod meter;
pub mod network;
pub mod offer;
pub mod position;
pub mod proposal;
pub mod purchase;
pub mod quantity;
pub mod reading;
pub mod router;
pub mod seller;
pub mod send;
mod table;
pub mod terms;
pub mod text;
pub mod token;
pub mod trader;
pub mod treasury;
pub mod wallet;
pub mod withdrawal;

pub use {
    account::Keyed,
    error::{Error, Result},
    event::Event,
    market::Market,
    multibus,
    quantity::{BaseUnits, PricePerKwh, Wh},
    send::{Sent, SharedSigner, TransactionOptions},
    solana_account::Account,
    solana_address::Address,
    solana_hash::Hash,
    solana_instruction::Instruction,
    solana_keypair::Keypair,
    solana_signature::Signature,
    solana_signer::Signer,
    wallet::Wallet,
};

//! The auction that closes a delivery window: its book, and the one price at which all of it trades.
//!
//! [`clear`] finds the price of a book of any kind, without a chain; [`Market::book`](crate::Market::book) reads the book of a window. A bid's
//! price is its limit less the grid fee, an ask's is the seller's own. Prices are in token base units per kWh, energy in Wh.
//! How the chain proves the price is in [`crate::clearing`], how to bid in [`crate::bid`].
//!
//! ```
//! use multibus_client::auction::{Book, Order, Side, clear};
//!
//! let order = |side, energy_wh, price_per_kwh| Order { side, energy_wh, price_per_kwh };
//! let book = Book::new(vec![
//!     order(Side::Bid, 1_000, 300_000),
//!     order(Side::Bid, 500, 200_000),
//!     order(Side::Ask, 1_200, 200_000),
//! ])?;
//! let cleared = clear(&book);
//! assert_eq!((cleared.price_per_kwh, cleared.volume_wh, cleared.rationed), (200_000, 1_200, Some(Side::Bid)));
//! // The dearer bid gets all that it is for, the other one what is left.
//! assert_eq!(cleared.fills(&book), [1_000, 200, 1_200]);
//! # Ok::<(), multibus_client::Error>(())
//! ```

mod price;
mod quote;
mod window;

pub(crate) use window::pool_reports;
pub use {
    crate::offer::ask_settle,
    multibus::state::{AuctionOutcome, AuctionPhase, Capacity, Ration},
    price::{Book, Cleared, Level, Order, Preview, Side, clear, preview},
    quote::BidQuote,
    window::{BidPreview, WindowBook, order_of_bid, order_of_offer, phase_name, pool_report},
};

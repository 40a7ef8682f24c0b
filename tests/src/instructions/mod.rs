//! The program's instructions with their accounts, by noun, and the addresses that they need.

mod bus;
mod capacity;
mod lock;
mod offer;
mod proposal;
mod purchase;
mod seller;
mod trader;
mod treasury;

pub use {bus::*, capacity::*, lock::*, offer::*, proposal::*, purchase::*, seller::*, trader::*, treasury::*};

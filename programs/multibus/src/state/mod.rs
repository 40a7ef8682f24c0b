//! The accounts of the market and their transitions: pure, without syscalls but for hashing, tested on the host.

mod bus;
mod capacity;
mod lock;
mod offer;
mod proposal;
mod purchase;
mod trader;
mod treasury;

pub use {bus::*, capacity::*, lock::*, offer::*, proposal::*, purchase::*, trader::*};

//! The program's instructions with their accounts, by noun, and the addresses that they need.

mod bus;
mod capacity;
mod certificate;
mod delivery;
mod grid_fee;
mod lock;
mod meter;
mod offer;
mod position;
mod proposal;
mod purchase;
mod seller;
mod trader;
mod treasury;

pub use {
    bus::*, capacity::*, certificate::*, delivery::*, grid_fee::*, lock::*, meter::*, offer::*, position::*,
    proposal::*, purchase::*, seller::*, trader::*, treasury::*,
};

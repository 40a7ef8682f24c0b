//! The program's instructions with their accounts, by noun, and the addresses that they need.

mod auction;
mod bid;
mod bus;
mod capacity;
mod certificate;
mod clearing;
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
    auction::*, bid::*, bus::*, capacity::*, certificate::*, clearing::*, delivery::*, grid_fee::*, lock::*, meter::*,
    offer::*, position::*, proposal::*, purchase::*, seller::*, trader::*, treasury::*,
};

//! What the model keeps of each account.

mod bus;
mod capacity;
mod lock;
mod offer;
mod proposal;
mod token;
mod trader;

pub use {
    bus::ModelBus,
    capacity::ModelCapacity,
    lock::ModelLock,
    offer::ModelOffer,
    proposal::ModelProposal,
    token::{ModelMint, ModelTokens},
    trader::{ModelLane, ModelReceipt},
};

//! What the model keeps of each account.

mod bus;
mod capacity;
mod claim;
mod lock;
mod offer;
mod proposal;
mod seller;
mod token;
mod trader;

pub use {
    bus::{ModelBus, ModelOwner, ModelTombstone},
    capacity::ModelCapacity,
    claim::ModelClaim,
    lock::ModelLock,
    offer::ModelOffer,
    proposal::ModelProposal,
    seller::ModelSeller,
    token::{ModelMint, ModelTokens},
    trader::{ModelCreator, ModelLane, ModelReceipt},
};

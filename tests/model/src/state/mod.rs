//! What the model keeps of each account.

mod book;
mod bus;
mod capacity;
mod certificate;
mod claim;
mod lock;
mod meter;
mod offer;
mod proposal;
mod seller;
mod terms;
mod token;
mod trader;

pub use {
    book::{ModelBook, ModelBookDevice, ModelBookWindow, ModelPosition},
    bus::{ModelBus, ModelOwner, ModelTombstone},
    capacity::ModelCapacity,
    certificate::ModelCertificate,
    claim::ModelClaim,
    lock::ModelLock,
    meter::{ModelDevice, ModelMeter},
    offer::ModelOffer,
    proposal::ModelProposal,
    seller::ModelSeller,
    terms::{ModelTerms, ON_DELIVERY, ON_PURCHASE},
    token::{ModelMint, ModelTokens},
    trader::{ModelCreator, ModelLane, ModelReceipt},
};

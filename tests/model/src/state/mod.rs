//! What the model keeps of each account.

mod bid;
mod book;
mod bus;
mod capacity;
mod certificate;
mod claim;
mod clearing;
mod lock;
mod meter;
mod offer;
mod proposal;
mod seller;
mod terms;
mod token;
mod trader;

pub use {
    bid::{ModelBid, ModelBidState},
    book::{ModelBook, ModelBookDevice, ModelBookWindow, ModelPosition},
    bus::{ModelBus, ModelOwner, ModelTombstone},
    capacity::{ModelAuction, ModelCapacity, ModelPhase, ModelRation},
    certificate::ModelCertificate,
    claim::ModelClaim,
    clearing::{ModelClearing, ModelTallied},
    lock::ModelLock,
    meter::{ModelDevice, ModelMeter},
    offer::ModelOffer,
    proposal::ModelProposal,
    seller::ModelSeller,
    terms::{ModelTerms, ON_DELIVERY, ON_PURCHASE},
    token::{ModelMint, ModelTokens},
    trader::{ModelCreator, ModelLane, ModelReceipt},
};

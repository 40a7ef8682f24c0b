//! What users of `anchor-client` do on the market, through the IDL alone, on the node that `ANCHOR_PROVIDER_URL` names.

mod auction;
mod delivery;
mod trade;
mod world;

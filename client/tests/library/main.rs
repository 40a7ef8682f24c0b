//! Tests of the client library on the embedded chain: the real program, the real token programs.

mod auction;
mod best;
mod bus;
mod certificate;
mod delivery;
mod fault;
mod golden;
mod history;
mod hostile;
mod lock;
mod meter;
mod network;
mod node;
mod offer;
mod proposal;
mod purchase;
mod reading;
mod rpc;
mod seller;
mod support;
mod terms;
mod trader;
mod treasury;

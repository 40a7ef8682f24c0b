//! Tests of the client library on the embedded chain: the real program, the real token programs.

mod best;
mod bus;
mod fault;
mod golden;
mod history;
mod hostile;
mod lock;
mod network;
mod node;
mod offer;
mod proposal;
mod purchase;
mod rpc;
mod seller;
mod support;
mod trader;
mod treasury;

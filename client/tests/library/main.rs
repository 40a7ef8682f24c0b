//! Tests of the client library on the embedded chain: the real program, the real token programs.

mod bus;
mod fault;
mod history;
mod lock;
mod network;
mod offer;
mod purchase;
mod rpc;
mod support;
mod trader;

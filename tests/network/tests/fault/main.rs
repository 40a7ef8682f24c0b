//! Faults of a network, with a real node: answers that are lost, limited, late or garbage, blockhashes that expire,
//! websockets that drop, clients and validators that are killed. After every fault, no purchase is paid twice, no Wh is
//! lost, every invariant holds as read from the chain, and the user gets one sentence that says what happened.

mod answer;
mod replay;
mod support;
mod validator;
mod wallet;
mod websocket;

//! What goes wrong on a network, on a real node: answers that are lost, limited, late or garbage, blockhashes that
//! expire, websockets that drop, clients and validators that are killed. After each: no purchase is paid twice, no Wh
//! is lost, every invariant holds as read from the chain, and the user is told in one sentence.

mod answer;
mod replay;
mod support;
mod validator;
mod wallet;
mod websocket;

//! Clearing: how anyone proves the price of an auction, and settles what it sold.
//!
//! The book of a window is fixed at its gate. [`Wallet::auction_clear`](crate::Wallet::auction_clear) reads it, finds the price, and
//! lets the program sum up all orders around it, 28 in a transaction, one transaction after the other: each must have the orders after
//! those of the one before. 1,000 orders take 36 transactions of 5,000 lamports, 0.00018 SOL; the rent of the clearing comes back.
//! [`Wallet::auction_settle`](crate::Wallet::auction_settle) then settles every order, and
//! [`Wallet::auction_keep`](crate::Wallet::auction_keep) does both for all windows of a bus.

mod clearer;
mod keep;
mod settle;

pub use {
    clearer::{ClearOptions, Clearance, Cost},
    keep::Kept,
    settle::{Settled, Waiting},
};

use {
    crate::{
        account::{Keyed, offset},
        address,
        error::Result,
        market::Market,
        send::Sent,
        wallet::Wallet,
    },
    solana_address::Address,
    solana_instruction::{AccountMeta, Instruction},
    solana_sdk_ids::system_program,
};

pub use multibus::state::Clearing;

/// How far the proof of a price is, or a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Orders that are counted, or settled.
    pub done: usize,
    /// All orders that are known now. A settlement finds more of them: on delivery terms, bids that are refunded follow the sellers.
    pub orders: usize,
}

/// Is told how far the work is, each time a transaction has landed.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// Instruction `clearing_open`: begins a clearer's proof of the price of a window whose book is fixed.
pub fn clearing_open(clearer: &Address, capacity: &Address, low_price: u64, high_price: u64) -> Instruction {
    multibus::instruction::ClearingOpen { low_price, high_price }.to_instruction(multibus::accounts::ClearingOpen {
        clearer: *clearer,
        capacity: *capacity,
        clearing: address::clearing(capacity, clearer),
        system_program: system_program::ID,
    })
}

/// Instruction `clearing_tally`: adds bids and offers of the window, in ascending order of their addresses, all of them after those
/// that were added before.
pub fn clearing_tally(clearer: &Address, capacity: &Address, orders: &[Address]) -> Instruction {
    let mut instruction = multibus::instruction::ClearingTally {}.to_instruction(multibus::accounts::ClearingTally {
        clearer: *clearer,
        clearing: address::clearing(capacity, clearer),
    });
    instruction.accounts.extend(orders.iter().map(|order| AccountMeta::new_readonly(*order, false)));
    instruction
}

/// Instruction `clearing_apply`: makes the proven price the window's. Anyone may, once all orders are added; the clearing closes and
/// its rent goes back to its clearer.
pub fn clearing_apply(clearer: &Address, capacity: &Address) -> Instruction {
    multibus::instruction::ClearingApply {}.to_instruction(multibus::accounts::ClearingApply {
        clearing: address::clearing(capacity, clearer),
        capacity: *capacity,
        clearer: *clearer,
    })
}

/// Instruction `clearing_close`: closes a clearing. Its clearer may at any time, others once its window needs no proof any more.
pub fn clearing_close(caller: &Address, clearing: &Keyed<Clearing>) -> Instruction {
    multibus::instruction::ClearingClose {}.to_instruction(multibus::accounts::ClearingClose {
        caller: *caller,
        capacity: clearing.capacity,
        clearing: clearing.address,
        clearer: clearing.clearer,
    })
}

impl Market {
    /// Every open clearing of a bus, by address.
    pub async fn clearings(&self, bus: &Address) -> Result<Vec<Keyed<Clearing>>> {
        self.list(&[(offset!(Clearing, bus), bus.as_ref())]).await
    }
}

impl Wallet {
    /// Closes a clearing; its rent goes back to its clearer. Its clearer may at any time, others once its window needs no proof any
    /// more.
    pub async fn clearing_close(&self, clearing: &Address) -> Result<Sent> {
        let clearing = self.market().get::<Clearing>(clearing).await?;
        self.send(&[clearing_close(&self.address(), &clearing)]).await
    }
}

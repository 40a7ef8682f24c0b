//! `clearing_open`, `clearing_tally`, `clearing_apply` and `clearing_close`.

use {
    super::bus::BusAddresses,
    crate::key::pda,
    multibus::{accounts, instruction},
    solana_address::Address,
    solana_instruction::{AccountMeta, Instruction},
    solana_sdk_ids::system_program,
};

/// The addresses of a clearing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClearingAddresses {
    pub address: Address,
    /// The window's capacity.
    pub capacity: Address,
    pub clearer: Address,
}

impl BusAddresses {
    /// A clearer's proof of a window's price.
    pub fn clearing(&self, window_start: i64, clearer: &Address) -> ClearingAddresses {
        let capacity = self.window(window_start);
        ClearingAddresses { address: pda::clearing(&capacity, clearer).0, capacity, clearer: *clearer }
    }
}

pub fn clearing_open(clearing: &ClearingAddresses, low_price: u64, high_price: u64) -> Instruction {
    instruction::ClearingOpen { low_price, high_price }.to_instruction(accounts::ClearingOpen {
        clearer: clearing.clearer,
        capacity: clearing.capacity,
        clearing: clearing.address,
        system_program: system_program::ID,
    })
}

/// Tallies orders in this order.
pub fn clearing_tally(clearing: &ClearingAddresses, orders: &[Address]) -> Instruction {
    let mut tally = instruction::ClearingTally {}
        .to_instruction(accounts::ClearingTally { clearer: clearing.clearer, clearing: clearing.address });
    tally.accounts.extend(orders.iter().map(|order| AccountMeta::new_readonly(*order, false)));
    tally
}

pub fn clearing_apply(clearing: &ClearingAddresses) -> Instruction {
    instruction::ClearingApply {}.to_instruction(accounts::ClearingApply {
        clearing: clearing.address,
        capacity: clearing.capacity,
        clearer: clearing.clearer,
    })
}

pub fn clearing_close(clearing: &ClearingAddresses, caller: &Address) -> Instruction {
    instruction::ClearingClose {}.to_instruction(accounts::ClearingClose {
        caller: *caller,
        capacity: clearing.capacity,
        clearing: clearing.address,
        clearer: clearing.clearer,
    })
}

//! Clearing: how a clearer proves the price of an auction.

use {
    crate::{account::Keyed, address},
    solana_address::Address,
    solana_instruction::{AccountMeta, Instruction},
    solana_sdk_ids::system_program,
};

pub use multibus::state::Clearing;

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

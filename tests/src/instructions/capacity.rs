//! `capacity_open` and `capacity_close`.

use {
    super::bus::BusAddresses,
    multibus::{accounts, instruction},
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

pub fn capacity_open_accounts(bus: &BusAddresses, payer: &Address, window_start: i64) -> accounts::CapacityOpen {
    accounts::CapacityOpen {
        payer: *payer,
        bus: bus.address,
        ledger: bus.ledger,
        capacity: bus.window(window_start),
        system_program: system_program::ID,
    }
}

pub fn capacity_open(bus: &BusAddresses, payer: &Address, window_start: i64) -> Instruction {
    instruction::CapacityOpen { window_start }.to_instruction(capacity_open_accounts(bus, payer, window_start))
}

/// Closes a window for whoever paid its rent.
pub fn capacity_close(bus: &BusAddresses, window_start: i64, caller: &Address, rent_payer: &Address) -> Instruction {
    instruction::CapacityClose {}.to_instruction(accounts::CapacityClose {
        caller: *caller,
        bus: bus.address,
        ledger: bus.ledger,
        capacity: bus.window(window_start),
        rent_payer: *rent_payer,
    })
}

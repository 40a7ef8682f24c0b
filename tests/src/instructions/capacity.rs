//! `capacity_open` and `capacity_close`.

use {
    super::bus::BusAddresses,
    multibus::{accounts, instruction},
    solana_address::Address,
    solana_instruction::{AccountMeta, Instruction},
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

/// The same where an auction left something in the escrow, which goes to the treasury.
pub fn capacity_close_and_sweep(
    bus: &BusAddresses,
    window_start: i64,
    caller: &Address,
    rent_payer: &Address,
) -> Instruction {
    let mut close = capacity_close(bus, window_start, caller, rent_payer);
    close.accounts.extend([bus.escrow, bus.treasury].map(|account| AccountMeta::new(account, false)));
    close.accounts.push(AccountMeta::new_readonly(bus.mint.program.address(), false));
    close
}

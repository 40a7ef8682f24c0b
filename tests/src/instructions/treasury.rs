//! `treasury_claim`.

use {
    super::bus::BusAddresses,
    multibus::{accounts, instruction},
    solana_address::Address,
    solana_instruction::Instruction,
};

pub fn treasury_claim_accounts(bus: &BusAddresses, owner: &Address, destination: Address) -> accounts::TreasuryClaim {
    accounts::TreasuryClaim {
        owner: *owner,
        bus: bus.address,
        treasury: bus.treasury,
        destination,
        mint: bus.mint.address,
        token_program: bus.mint.program.address(),
    }
}

pub fn treasury_claim(bus: &BusAddresses, owner: &Address, destination: Address) -> Instruction {
    instruction::TreasuryClaim {}.to_instruction(treasury_claim_accounts(bus, owner, destination))
}

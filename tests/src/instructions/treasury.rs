//! `treasury_claim` and `claim_pay`.

use {
    super::bus::BusAddresses,
    multibus::{accounts, instruction},
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

pub fn treasury_claim_accounts(
    bus: &BusAddresses,
    caller: &Address,
    owner: &Address,
    destination: Address,
) -> accounts::TreasuryClaim {
    accounts::TreasuryClaim {
        caller: *caller,
        owner: *owner,
        bus: bus.address,
        ledger: bus.ledger,
        treasury: bus.treasury,
        destination,
        unclaimed: bus.unclaimed,
        claim: bus.claim(owner),
        token_program: bus.mint.program.address(),
        system_program: system_program::ID,
    }
}

/// A claim by an owner itself.
pub fn treasury_claim(bus: &BusAddresses, owner: &Address, destination: Address) -> Instruction {
    treasury_claim_by(bus, owner, owner, destination)
}

/// A claim by anyone for an owner.
pub fn treasury_claim_by(bus: &BusAddresses, caller: &Address, owner: &Address, destination: Address) -> Instruction {
    instruction::TreasuryClaim {}.to_instruction(treasury_claim_accounts(bus, caller, owner, destination))
}

/// Pays the claim of a wallet on a bus, or on what is left of one, for whoever paid its rent.
pub fn claim_pay(
    bus: &BusAddresses,
    caller: &Address,
    wallet: &Address,
    destination: Address,
    rent_payer: &Address,
) -> Instruction {
    instruction::ClaimPay {}.to_instruction(accounts::ClaimPay {
        caller: *caller,
        bus: bus.address,
        ledger: bus.ledger,
        claim: bus.claim(wallet),
        wallet: *wallet,
        unclaimed: bus.unclaimed,
        destination,
        rent_payer: *rent_payer,
        creator: bus.creator,
        token_program: bus.mint.program.address(),
    })
}

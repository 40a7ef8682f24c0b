//! `grid_sweep`.

use {
    super::seller::SellerAddresses,
    multibus::{accounts, instruction},
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

/// Pays the grid fees that a seller owes to their recipient; zeros where the bus names none.
pub fn grid_sweep(
    seller: &SellerAddresses,
    caller: &Address,
    recipient: &Address,
    destination: Address,
) -> Instruction {
    instruction::GridSweep {}.to_instruction(accounts::GridSweep {
        caller: *caller,
        bus: seller.bus.address,
        ledger: seller.bus.ledger,
        seller: seller.address,
        vault: seller.vault,
        destination,
        unclaimed: seller.bus.unclaimed,
        claim: seller.bus.claim(recipient),
        token_program: seller.bus.mint.program.address(),
        system_program: system_program::ID,
    })
}

//! `position_open`, `position_set_refund` and `position_close`.

use {
    super::delivery::PositionAddresses,
    multibus::{accounts, instruction},
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

pub fn position_open(position: &PositionAddresses, payer: &Address) -> Instruction {
    instruction::PositionOpen { buyer: position.buyer }.to_instruction(accounts::PositionOpen {
        payer: *payer,
        bus: position.book.seller.bus.address,
        book: position.book.address,
        position: position.address,
        system_program: system_program::ID,
    })
}

/// Names the account that refunds go to; `buyer` signs.
pub fn position_set_refund(position: &PositionAddresses, buyer: &Address, refund: Address) -> Instruction {
    instruction::PositionSetRefund { refund }.to_instruction(accounts::PositionSetRefund {
        buyer: *buyer,
        position: position.address,
        bus: position.book.seller.bus.address,
        book: position.book.address,
    })
}

/// Closes a position book for whoever paid its rent.
pub fn position_close(
    position: &PositionAddresses,
    caller: &Address,
    refund: Address,
    rent_payer: &Address,
) -> Instruction {
    let seller = &position.book.seller;
    instruction::PositionClose {}.to_instruction(accounts::PositionClose {
        caller: *caller,
        bus: seller.bus.address,
        book: position.book.address,
        position: position.address,
        vault: seller.vault,
        refund,
        unclaimed: seller.bus.unclaimed,
        ledger: seller.bus.ledger,
        claim: seller.bus.claim(&position.buyer),
        rent_payer: *rent_payer,
        token_program: seller.bus.mint.program.address(),
        system_program: system_program::ID,
    })
}

//! `ask_settle` and `pool_report`: what the auction does for sellers.

use {
    super::{delivery::BookAddresses, offer::OfferAddresses},
    multibus::{accounts, instruction},
    solana_address::Address,
    solana_instruction::Instruction,
};

/// Sells what the auction sells of an offer.
pub fn ask_settle(offer: &OfferAddresses) -> Instruction {
    offer.with_book(instruction::AskSettle {}.to_instruction(accounts::AskSettle {
        bus: offer.bus.address,
        capacity: offer.capacity,
        offer: offer.address,
        vault: offer.vault,
        escrow: offer.bus.escrow,
        token_program: offer.bus.mint.program.address(),
    }))
}

/// Counts what a seller delivered for the auction of a window, and pays it.
pub fn pool_report(book: &BookAddresses, capacity: Address) -> Instruction {
    let seller = &book.seller;
    instruction::PoolReport {}.to_instruction(accounts::PoolReport {
        bus: seller.bus.address,
        capacity,
        seller: seller.address,
        book: book.address,
        vault: seller.vault,
        escrow: seller.bus.escrow,
        token_program: seller.bus.mint.program.address(),
    })
}

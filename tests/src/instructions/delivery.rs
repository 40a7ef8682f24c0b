//! `delivery_report`, `delivery_release`, `delivery_refund` and `delivery_close`.

use {
    super::seller::SellerAddresses,
    crate::key::pda,
    multibus::{
        accounts, instruction,
        state::{ED25519_PROGRAM_ID, Reading, ReadingProof},
    },
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::sysvar,
};

/// The addresses of a delivery book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookAddresses {
    pub address: Address,
    pub seller: SellerAddresses,
    /// Start of the first of its windows, in unix seconds.
    pub first_window: i64,
}

impl BookAddresses {
    pub fn of(seller: &SellerAddresses, first_window: i64) -> Self {
        Self { address: pda::book(&seller.address, first_window).0, seller: *seller, first_window }
    }

    /// The position book of a buyer.
    pub fn position(&self, buyer: &Address) -> PositionAddresses {
        PositionAddresses { address: pda::position(&self.address, buyer).0, book: *self, buyer: *buyer }
    }
}

/// The addresses of a position book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionAddresses {
    pub address: Address,
    pub book: BookAddresses,
    pub buyer: Address,
}

impl SellerAddresses {
    /// The delivery book that begins with a window.
    pub fn book(&self, first_window: i64) -> BookAddresses {
        BookAddresses::of(self, first_window)
    }
}

/// A signature that an Ed25519 instruction proves: of a key, over a message.
pub type Signed = (Address, [u8; 64], Vec<u8>);

/// An instruction of the Ed25519 program that checks these signatures, all of them in its own data.
pub fn ed25519(signatures: &[Signed]) -> Instruction {
    let mut data = vec![signatures.len() as u8, 0];
    let mut at = 2 + 14 * signatures.len();
    for (_, _, message) in signatures {
        let places =
            [(at + 32) as u16, u16::MAX, at as u16, u16::MAX, (at + 96) as u16, message.len() as u16, u16::MAX];
        data.extend(places.iter().flat_map(|place| place.to_le_bytes()));
        at += 96 + message.len();
    }
    for (key, signature, message) in signatures {
        data.extend(key.as_ref());
        data.extend(signature);
        data.extend(message);
    }
    Instruction::new_with_bytes(ED25519_PROGRAM_ID, &data, vec![])
}

pub fn delivery_report_accounts(
    book: &BookAddresses,
    reporter: &Address,
    proof: ReadingProof,
) -> accounts::DeliveryReport {
    let evidence = match proof {
        ReadingProof::Transaction => *reporter,
        ReadingProof::Signature => sysvar::instructions::ID,
        ReadingProof::Operator => book.seller.bus.address,
    };
    accounts::DeliveryReport { reporter: *reporter, book: book.address, evidence }
}

/// A reading by its device or the operator, who sign the transaction, or of the signature in the instruction before.
pub fn delivery_report(book: &BookAddresses, reporter: &Address, reading: Reading, proof: ReadingProof) -> Instruction {
    let Reading { window_start, energy_wh, sequence } = reading;
    instruction::DeliveryReport { window_start, energy_wh, sequence, proof: proof as u8 }
        .to_instruction(delivery_report_accounts(book, reporter, proof))
}

pub fn delivery_release(book: &BookAddresses) -> Instruction {
    instruction::DeliveryRelease {}
        .to_instruction(accounts::DeliveryRelease { book: book.address, seller: book.seller.address })
}

pub fn delivery_refund(position: &PositionAddresses, refund: Address) -> Instruction {
    let seller = &position.book.seller;
    instruction::DeliveryRefund {}.to_instruction(accounts::DeliveryRefund {
        bus: seller.bus.address,
        book: position.book.address,
        position: position.address,
        vault: seller.vault,
        refund,
        token_program: seller.bus.mint.program.address(),
    })
}

/// Closes a delivery book for whoever paid its rent.
pub fn delivery_close(book: &BookAddresses, caller: &Address, rent_payer: &Address) -> Instruction {
    instruction::DeliveryClose {}.to_instruction(accounts::DeliveryClose {
        caller: *caller,
        bus: book.seller.bus.address,
        seller: book.seller.address,
        book: book.address,
        rent_payer: *rent_payer,
    })
}

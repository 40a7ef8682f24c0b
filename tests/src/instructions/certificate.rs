//! `certificate_take`, `certificate_transfer` and `certificate_retire`.

use {
    super::delivery::BookAddresses,
    multibus::{accounts, instruction},
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

/// Takes a certificate of a window. `holding` is the owner's position book, or its seller account.
pub fn certificate_take(
    book: &BookAddresses,
    owner: &Address,
    holding: Address,
    certificate: Address,
    window_start: i64,
) -> Instruction {
    instruction::CertificateTake { window_start }.to_instruction(accounts::CertificateTake {
        owner: *owner,
        book: book.address,
        holding,
        certificate,
        system_program: system_program::ID,
    })
}

/// Transfers so much of a certificate; `part` is the account of what is transferred, where that is not all of it.
pub fn certificate_transfer(
    certificate: Address,
    owner: &Address,
    part: Address,
    energy_wh: u64,
    to: &Address,
) -> Instruction {
    instruction::CertificateTransfer { energy_wh, to: *to }.to_instruction(accounts::CertificateTransfer {
        owner: *owner,
        certificate,
        part,
        system_program: system_program::ID,
    })
}

pub fn certificate_retire(
    certificate: Address,
    owner: &Address,
    rent_payer: &Address,
    beneficiary: &str,
) -> Instruction {
    instruction::CertificateRetire { beneficiary: beneficiary.to_owned() }.to_instruction(accounts::CertificateRetire {
        owner: *owner,
        certificate,
        rent_payer: *rent_payer,
    })
}

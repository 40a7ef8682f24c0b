//! Accounts of the program, decoded.

use {anchor_lang::Discriminator, solana_account::Account};

/// Decodes an account of the program.
///
/// # Panics
/// Where the account is of another type.
pub fn decode<T: Discriminator + bytemuck::AnyBitPattern>(account: &Account) -> T {
    assert_eq!(&account.data[..8], T::DISCRIMINATOR, "the account is of the type");
    bytemuck::pod_read_unaligned(&account.data[8..])
}

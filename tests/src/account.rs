//! Accounts of the program, decoded.

use {
    anchor_lang::Discriminator,
    litesvm::LiteSVM,
    solana_account::{Account, ReadableAccount},
    solana_address::Address,
};

/// Decodes an account of the program.
///
/// # Panics
/// Where the account is of another type.
pub fn decode<T: Discriminator + bytemuck::AnyBitPattern>(account: &Account) -> T {
    assert_eq!(&account.data[..8], T::DISCRIMINATOR, "the account is of the type");
    bytemuck::pod_read_unaligned(&account.data[8..])
}

/// Every account of the program of a kind, by address.
pub fn all<T: Discriminator + bytemuck::AnyBitPattern>(svm: &LiteSVM) -> Vec<(Address, T)> {
    let accounts = svm.accounts_db().inner.iter();
    let mut all: Vec<_> = accounts
        .filter(|(_, account)| *account.owner() == multibus::ID && account.lamports() > 0)
        .filter(|(_, account)| account.data().starts_with(T::DISCRIMINATOR))
        .map(|(address, account)| (*address, bytemuck::pod_read_unaligned(&account.data()[8..])))
        .collect();
    all.sort_by_key(|(address, _)| *address);
    all
}

//! The lookup tables of a wallet, as far as this process knows them.

use {
    solana_address::Address,
    solana_message::AddressLookupTableAccount,
    std::sync::{Mutex, PoisonError},
};

/// The lookup tables of a wallet, shared by its clones.
#[derive(Default)]
pub(crate) struct LookupTables {
    known: Mutex<Vec<AddressLookupTableAccount>>,
    /// Held while tables are read, created or extended.
    pub writing: tokio::sync::Mutex<bool>,
}

impl LookupTables {
    pub fn known(&self) -> Vec<AddressLookupTableAccount> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn put(&self, table: AddressLookupTableAccount) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|other| other.key != table.key);
        known.push(table);
    }

    pub fn remove(&self, table: &Address) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| other.key != *table);
    }
}

/// The tables that hold any of these addresses.
pub(crate) fn tables_with(
    tables: &[AddressLookupTableAccount],
    addresses: &[Address],
) -> Vec<AddressLookupTableAccount> {
    tables.iter().filter(|table| addresses.iter().any(|address| table.addresses.contains(address))).cloned().collect()
}

pub(crate) fn missing_in(tables: &[AddressLookupTableAccount], addresses: &[Address]) -> Vec<Address> {
    let mut missing: Vec<Address> = Vec::new();
    for address in addresses {
        if !missing.contains(address) && tables.iter().all(|table| !table.addresses.contains(address)) {
            missing.push(*address);
        }
    }
    missing
}

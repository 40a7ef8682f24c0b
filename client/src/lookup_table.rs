//! Address lookup tables: they let more offers into one atomic batch, since an address in a table takes one byte of the
//! transaction instead of 32.

use {
    crate::{
        chain::{AccountFilter, Chain},
        error::{Error, Result},
        send::{Sent, TRANSACTION_BYTES, size_of_transaction, surely_fits},
        table::{missing_in, tables_with},
        wallet::Wallet,
    },
    solana_account::Account,
    solana_address::Address,
    solana_address_lookup_table_interface::{
        instruction::{close_lookup_table, create_lookup_table, deactivate_lookup_table, extend_lookup_table},
        state::{AddressLookupTable, LOOKUP_TABLE_MAX_ADDRESSES},
    },
    solana_instruction::Instruction,
    solana_message::AddressLookupTableAccount,
    solana_sdk_ids::address_lookup_table,
};

/// Addresses that one transaction can add to a table.
const EXTEND_AT_ONCE: usize = 25;
/// The instruction that creates a lookup table of a wallet, and its address.
pub(crate) async fn create_lookup_table_at(chain: &dyn Chain, wallet: &Address) -> Result<(Instruction, Address)> {
    // The program needs the hash of the slot, which exists once the slot is over.
    let slot = chain.clock().await?.slot;
    chain.wait_for_slot(slot + 1).await?;
    Ok(create_lookup_table(*wallet, *wallet, slot))
}

/// Offset of the authority in a table's account: after its kind, two slots, a start index and an option tag.
const AUTHORITY_OFFSET: usize = 22;
/// Slots after which a deactivated table can be closed.
const COOL_DOWN_SLOTS: u64 = 513;

impl Wallet {
    /// Lookup tables of this wallet that this process has used so far. All of them are ready to use.
    pub fn lookup_tables(&self) -> Vec<AddressLookupTableAccount> {
        self.tables().known()
    }

    /// Lookup tables of this wallet that together hold all of these addresses. What is missing is added to a table of
    /// the wallet, or to a new one. It returns once the tables can be used, a slot after the last change.
    pub async fn lookup_table(&self, addresses: &[Address]) -> Result<Vec<AddressLookupTableAccount>> {
        let mut is_read = self.tables().writing.lock().await;
        if !*is_read {
            self.read_lookup_tables().await;
            *is_read = true;
        }
        let mut missing = missing_in(&self.tables().known(), addresses);
        let mut must_warm_up = false;
        while !missing.is_empty() {
            let table =
                self.tables().known().into_iter().find(|table| table.addresses.len() < LOOKUP_TABLE_MAX_ADDRESSES);
            let mut instructions = Vec::with_capacity(2);
            let mut table = match table {
                Some(table) => table,
                None => {
                    let (create, key) = create_lookup_table_at(self.chain().as_ref(), &self.address()).await?;
                    instructions.push(create);
                    AddressLookupTableAccount { key, addresses: Vec::new() }
                }
            };
            let room = (LOOKUP_TABLE_MAX_ADDRESSES - table.addresses.len()).min(EXTEND_AT_ONCE).min(missing.len());
            let added: Vec<Address> = missing.drain(..room).collect();
            let wallet = self.address();
            instructions.push(extend_lookup_table(table.key, wallet, Some(wallet), added.clone()));
            if let Err(error) = self.send(&instructions).await {
                // Another process may have written to it: read it again next time.
                self.tables().remove(&table.key);
                *is_read = false;
                return Err(error);
            }
            table.addresses.extend(added);
            self.tables().put(table);
            must_warm_up = true;
        }
        if must_warm_up {
            let slot = self.chain().clock().await?.slot;
            self.chain().wait_for_slot(slot + 1).await?;
        }
        drop(is_read);
        Ok(tables_with(&self.tables().known(), addresses))
    }

    /// Deactivates a lookup table of this wallet; [`Wallet::lookup_table_close`] gets its rent back 513 slots later.
    pub async fn lookup_table_deactivate(&self, table: &Address) -> Result<Sent> {
        self.tables().remove(table);
        self.send(&[deactivate_lookup_table(*table, self.address())]).await
    }

    /// Closes a deactivated lookup table of this wallet, once it has cooled down, and gets its rent back.
    pub async fn lookup_table_close(&self, table: &Address) -> Result<Sent> {
        let accounts = self.chain().accounts(&[*table]).await?;
        let Some(account) = accounts.into_iter().next().flatten() else {
            return Err(Error::NotFound { kind: "lookup table", address: *table });
        };
        let refuse = |cause: String| Error::Decode { kind: "lookup table", address: *table, cause };
        let read = AddressLookupTable::deserialize(&account.data).map_err(|error| refuse(error.to_string()))?;
        let deactivated_at = read.meta.deactivation_slot;
        if deactivated_at == u64::MAX {
            return Err(Error::Invalid(format!("the lookup table {table} is in use; deactivate it first")));
        }
        self.chain().wait_for_slot(deactivated_at.saturating_add(COOL_DOWN_SLOTS)).await?;
        self.send(&[close_lookup_table(*table, self.address(), self.address())]).await
    }

    /// Tables for instructions, none if these fit one transaction without. Otherwise they hold what other transactions name,
    /// too, such as buses and token accounts, and what is `passing`, such as offers, only if it would not fit without.
    pub(crate) async fn tables_for(
        &self,
        passing: &[Address],
        instructions: &[Instruction],
    ) -> Result<Vec<AddressLookupTableAccount>> {
        let fits = |tables: &[AddressLookupTableAccount]| -> Result<bool> {
            Ok(size_of_transaction(&self.address(), instructions, tables)? <= TRANSACTION_BYTES)
        };
        if surely_fits(instructions) || fits(&[])? {
            return Ok(Vec::new());
        }
        let accounts = || instructions.iter().flat_map(|instruction| &instruction.accounts);
        let named: Vec<Address> = accounts().map(|account| account.pubkey).collect();
        let known = tables_with(&self.tables().known(), &named);
        if fits(&known)? {
            return Ok(known);
        }
        let lasting: Vec<Address> = accounts()
            .filter(|account| !account.is_signer && !passing.contains(&account.pubkey))
            .map(|account| account.pubkey)
            .collect();
        let imagined = AddressLookupTableAccount { key: Address::default(), addresses: lasting.clone() };
        let wanted = if fits(&[imagined])? {
            lasting
        } else {
            accounts().filter(|account| !account.is_signer).map(|account| account.pubkey).collect()
        };
        self.lookup_table(&wanted).await
    }

    /// The lookup tables at these addresses, as the chain has them.
    pub(crate) async fn read_tables(&self, tables: &[Address]) -> Result<Vec<AddressLookupTableAccount>> {
        let accounts = self.chain().accounts(tables).await?;
        let read = |(key, account): (&Address, Option<Account>)| {
            let account = account.ok_or(Error::NotFound { kind: "lookup table", address: *key })?;
            let table = AddressLookupTable::deserialize(&account.data).map_err(|error| Error::Decode {
                kind: "lookup table",
                address: *key,
                cause: error.to_string(),
            })?;
            Ok(AddressLookupTableAccount { key: *key, addresses: table.addresses.to_vec() })
        };
        tables.iter().zip(accounts).map(read).collect()
    }

    /// Finds the wallet's tables of earlier processes, if the node serves such lists. Without them new ones are
    /// created.
    async fn read_lookup_tables(&self) {
        let filter = AccountFilter::default().bytes(AUTHORITY_OFFSET, self.address().as_ref());
        let Ok(accounts) = self.chain().program_accounts(&address_lookup_table::ID, &filter).await else { return };
        for (key, account) in accounts {
            if let Ok(table) = AddressLookupTable::deserialize(&account.data)
                && table.meta.deactivation_slot == u64::MAX
                && table.meta.authority == Some(self.address())
            {
                self.tables().put(AddressLookupTableAccount { key, addresses: table.addresses.to_vec() });
            }
        }
    }
}

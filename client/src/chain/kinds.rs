//! Which accounts of the market are of which kind, so that a query looks at those of its kind alone and not at every account of
//! the chain.

use {
    solana_account::{AccountSharedData, ReadableAccount},
    solana_address::Address,
    std::collections::{HashMap, HashSet},
};

/// The first bytes of an account's data, which tell its kind.
type Kind = [u8; 8];

/// Addresses of the market's accounts by their kind.
#[derive(Default)]
pub(super) struct Kinds {
    of_kind: HashMap<Kind, HashSet<Address>>,
    kind_of: HashMap<Address, Kind>,
}

/// The kind of an account; `None` where it is not the market's.
fn kind(account: Option<&AccountSharedData>) -> Option<Kind> {
    let account = account.filter(|account| *account.owner() == multibus::ID)?;
    account.data().first_chunk().copied()
}

impl Kinds {
    /// An account was written, or may have been.
    pub fn update(&mut self, address: &Address, account: Option<&AccountSharedData>) {
        let (before, now) = (self.kind_of.get(address).copied(), kind(account));
        if before == now {
            return;
        }
        if let Some(before) = before {
            self.kind_of.remove(address);
            if let Some(addresses) = self.of_kind.get_mut(&before) {
                addresses.remove(address);
            }
        }
        if let Some(now) = now {
            self.kind_of.insert(*address, now);
            self.of_kind.entry(now).or_default().insert(*address);
        }
    }

    /// The market's accounts whose data begins with these bytes, in no order; `None` where they are too few to tell the kind.
    pub fn of(&self, first_bytes: &[u8]) -> Option<impl Iterator<Item = &Address>> {
        let kind = first_bytes.first_chunk()?;
        Some(self.of_kind.get(kind).into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(owner: Address, data: &[u8]) -> AccountSharedData {
        let mut account = AccountSharedData::new(1, data.len(), &owner);
        account.set_data_from_slice(data);
        account
    }

    #[test]
    fn an_account_is_of_the_kind_that_it_has_now() {
        let [one, two] = [1, 2].map(|byte| Address::new_from_array([byte; 32]));
        let (bus, offer) = ([7u8; 9], [8u8; 9]);
        let mut kinds = Kinds::default();
        let of = |kinds: &Kinds, bytes: &[u8]| kinds.of(bytes).unwrap().copied().collect::<Vec<_>>();
        kinds.update(&one, Some(&account(multibus::ID, &bus)));
        kinds.update(&two, Some(&account(multibus::ID, &offer)));
        assert_eq!((of(&kinds, &bus), of(&kinds, &offer)), (vec![one], vec![two]));
        // Another kind at the same address, another owner, and closed.
        kinds.update(&one, Some(&account(multibus::ID, &offer)));
        assert!(of(&kinds, &bus).is_empty() && of(&kinds, &offer).len() == 2);
        kinds.update(&one, Some(&account(two, &offer)));
        assert_eq!(of(&kinds, &offer), [two]);
        kinds.update(&two, None);
        assert!(of(&kinds, &offer).is_empty() && kinds.kind_of.is_empty());
        // Fewer bytes than a kind has may be of any.
        assert!(kinds.of(&bus[..7]).is_none());
        kinds.update(&one, Some(&account(multibus::ID, &bus[..7])));
        assert!(kinds.kind_of.is_empty());
    }
}

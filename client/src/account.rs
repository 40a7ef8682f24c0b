//! Decoding of the market's accounts: the owner, the discriminator, the length and the layout version are checked,
//! and every refusal names the address and the cause.

use {
    crate::error::{Error, Result},
    anchor_lang::Discriminator,
    bytemuck::Pod,
    multibus::{
        constants::LAYOUT_VERSION,
        state::{Bus, Capacity, Lock, Offer, Proposal, Trader},
    },
    solana_account::Account,
    solana_address::Address,
    std::ops::Deref,
};

/// An account and its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyed<T> {
    /// Where the account lives.
    pub address: Address,
    /// What it holds.
    pub account: T,
}

impl<T> Deref for Keyed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.account
    }
}

/// An account of the market.
pub trait MarketAccount: Pod + Discriminator {
    /// Name of the account in messages.
    const NAME: &'static str;

    /// Layout version that the account carries.
    fn layout_version(&self) -> u8;

    /// Length of the account's data, in bytes, with its discriminator.
    fn len() -> usize {
        Self::DISCRIMINATOR.len() + size_of::<Self>()
    }
}

macro_rules! market_accounts {
    ($($account:ident = $name:literal),+ $(,)?) => {
        $(impl MarketAccount for $account {
            const NAME: &'static str = $name;

            fn layout_version(&self) -> u8 {
                self.layout_version
            }
        })+
    };
}

market_accounts!(
    Bus = "bus",
    Capacity = "capacity",
    Offer = "offer",
    Lock = "lock",
    Trader = "trader",
    Proposal = "proposal",
);

/// Decodes an account of the market.
///
/// Fails with [`Error::Decode`] where the account belongs to another program, is of another kind, has another length
/// or a layout that this client does not know.
pub fn decode<T: MarketAccount>(address: &Address, account: &Account) -> Result<Keyed<T>> {
    let refuse = |cause: String| Error::Decode { kind: T::NAME, address: *address, cause };
    if account.owner != multibus::ID {
        return Err(refuse(format!("its owner is {}, not the MultiBus program {}", account.owner, multibus::ID)));
    }
    let discriminator = T::DISCRIMINATOR.len();
    if !account.data.starts_with(T::DISCRIMINATOR) {
        return Err(refuse("it is an account of another kind".to_string()));
    }
    if account.data.len() != T::len() {
        return Err(refuse(format!("it has {} bytes, not {}", account.data.len(), T::len())));
    }
    let decoded: T = bytemuck::pod_read_unaligned(&account.data[discriminator..]);
    if decoded.layout_version() != LAYOUT_VERSION {
        let found = decoded.layout_version();
        return Err(refuse(format!("its layout version is {found}, this client knows {LAYOUT_VERSION}; update it")));
    }
    Ok(Keyed { address: *address, account: decoded })
}

/// Byte offset of a field in the account's data, discriminator included.
macro_rules! offset {
    ($account:ty, $field:ident) => {
        <$account as anchor_lang::Discriminator>::DISCRIMINATOR.len() + core::mem::offset_of!($account, $field)
    };
}
pub(crate) use offset;

#[cfg(test)]
mod tests {
    use {super::*, bytemuck::Zeroable};

    fn account(offer: &Offer) -> Account {
        let data = [Offer::DISCRIMINATOR, bytemuck::bytes_of(offer)].concat();
        Account { lamports: 1, data, owner: multibus::ID, executable: false, rent_epoch: 0 }
    }

    fn cause(account: &Account) -> String {
        match decode::<Offer>(&Address::new_from_array([5; 32]), account) {
            Err(Error::Decode { kind: "offer", cause, .. }) => cause,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_foreign_or_broken_account_is_refused_with_its_cause() {
        let offer = Offer { layout_version: LAYOUT_VERSION, price_per_kwh: 7, ..Offer::zeroed() };
        let good = account(&offer);
        assert_eq!(decode::<Offer>(&multibus::ID, &good).unwrap().account, offer);
        let mut foreign = good.clone();
        foreign.owner = Address::new_from_array([9; 32]);
        assert!(cause(&foreign).contains(&foreign.owner.to_string()));
        let mut other_kind = good.clone();
        other_kind.data[..8].copy_from_slice(Lock::DISCRIMINATOR);
        assert_eq!(cause(&other_kind), "it is an account of another kind");
        let mut short = good.clone();
        short.data.pop();
        assert!(cause(&short).contains("311 bytes, not 312"));
        let later = account(&Offer { layout_version: 9, ..offer });
        assert!(cause(&later).contains("layout version is 9"));
        assert_eq!(cause(&Account { data: Vec::new(), ..good }), "it is an account of another kind");
    }

    #[test]
    fn offsets_point_at_the_fields() {
        let offer = Offer { bus: Address::new_from_array([4; 32]), ..Offer::zeroed() };
        let data = account(&offer).data;
        assert_eq!(&data[offset!(Offer, bus)..][..32], &[4; 32]);
    }
}

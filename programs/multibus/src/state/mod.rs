//! The accounts of the market and their transitions. They make no syscall but hashing, so they are tested on the host.

mod auction;
mod bid;
mod book;
mod bus;
mod capacity;
mod certificate;
mod claim;
mod clearing;
pub mod counter;
mod creator;
mod ledger;
mod lock;
mod meter;
mod offer;
mod position;
mod proposal;
mod purchase;
mod reading;
mod seller;
mod terms;
mod trader;

use crate::{account::Layout, numbered::NumberedEnum};
pub use {
    bid::*, book::*, bus::*, capacity::*, certificate::*, claim::*, clearing::*, creator::*, ledger::*, lock::*,
    meter::*, offer::*, position::*, proposal::*, purchase::*, reading::*, seller::*, terms::*, trader::*,
};

/// Every enum that accounts, arguments and events hold as a number. `cargo xtask idl` adds them to the IDL.
pub const NUMBERED_ENUMS: &[NumberedEnum] = &[
    ActionKind::NUMBERED,
    BidState::NUMBERED,
    BookWindowState::NUMBERED,
    CertificateState::NUMBERED,
    EnergySource::NUMBERED,
    ListingPolicy::NUMBERED,
    LockState::NUMBERED,
    ProposalState::NUMBERED,
    PurchaseKind::NUMBERED,
    ReadingProof::NUMBERED,
    RefundOutcome::NUMBERED,
    SettlementTime::NUMBERED,
];

macro_rules! layouts {
    ($($account:ident $([$($constant:ident),+])?),+) => {
        $(
            // Checked wherever an account is loaded.
            const _: () = assert!(core::mem::offset_of!($account, layout_version) == 0);

            impl Layout for $account {
                $($(const $constant: bool = true;)+)?
            }
        )+
    };
}

layouts!(
    Bid,
    Bus[LOADED_OFTEN],
    Capacity[LOADED_OFTEN],
    Certificate,
    Claim,
    Clearing[LOADED_OFTEN],
    Creator,
    DeliveryBook,
    Device,
    Ledger,
    Lock[LOADED_OFTEN, CREATED_OFTEN],
    Meter,
    Offer[LOADED_OFTEN, CREATED_OFTEN],
    PositionBook[LOADED_OFTEN],
    Proposal,
    Seller[LOADED_OFTEN],
    Tombstone,
    Trader[LOADED_OFTEN]
);

/// Helpers that the unit tests of several accounts share.
#[cfg(test)]
mod fixture {
    use anchor_lang::prelude::Address;

    /// A change that breaks an account whose invariants hold.
    pub type Change<T> = fn(&mut T);

    /// Address of the bus that accounts belong to.
    pub const BUS: Address = Address::new_from_array([99; 32]);

    pub fn wallet(number: u8) -> Address {
        Address::new_from_array([number; 32])
    }

    /// Makes each change to a copy of the account, and expects that the named invariant does not hold.
    pub fn assert_noticed<T: Copy>(
        sound: &T,
        check: fn(&T) -> Result<(), &'static str>,
        broken: &[(&'static str, Change<T>)],
    ) {
        for (message, change) in broken {
            let mut account = *sound;
            change(&mut account);
            assert_eq!(check(&account), Err(*message));
        }
    }
}

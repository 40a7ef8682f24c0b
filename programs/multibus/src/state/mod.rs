//! The accounts of the market and their transitions: pure, without syscalls but for hashing, tested on the host.

mod bus;
mod capacity;
mod claim;
pub mod counter;
mod creator;
mod ledger;
mod lock;
mod offer;
mod proposal;
mod purchase;
mod seller;
mod trader;

use crate::{account::Layout, numbered::NumberedEnum};
pub use {
    bus::*, capacity::*, claim::*, creator::*, ledger::*, lock::*, offer::*, proposal::*, purchase::*, seller::*,
    trader::*,
};

/// Every enum that accounts, arguments and events hold as a number, for the IDL.
pub const NUMBERED_ENUMS: &[NumberedEnum] = &[
    ActionKind::NUMBERED,
    EnergySource::NUMBERED,
    ListingPolicy::NUMBERED,
    LockState::NUMBERED,
    ProposalState::NUMBERED,
    PurchaseKind::NUMBERED,
    RefundOutcome::NUMBERED,
];

macro_rules! layouts {
    ($($account:ident),+) => {
        $(impl Layout for $account {
            #[inline(always)]
            fn layout_version(&self) -> u8 {
                self.layout_version
            }
        })+
    };
}

layouts!(Bus, Capacity, Claim, Creator, Ledger, Lock, Offer, Proposal, Seller, Tombstone, Trader);

/// What the unit tests of several accounts share.
#[cfg(test)]
mod fixture {
    use anchor_lang::prelude::Address;

    /// A change of what is otherwise sound.
    pub type Change<T> = fn(&mut T);

    /// Address of the bus that accounts belong to.
    pub const BUS: Address = Address::new_from_array([99; 32]);

    pub fn wallet(number: u8) -> Address {
        Address::new_from_array([number; 32])
    }

    /// Makes each change to an account of its own, and wants it to hurt the invariant that is named.
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

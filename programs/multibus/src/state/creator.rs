//! The counter that numbers the buses of one creator.

use {
    crate::{constants::*, state::counter},
    anchor_lang::prelude::*,
};

/// Counter of a wallet's buses. PDA `["creator", wallet]`. It never closes, so no two buses ever have the same address.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Creator {
    pub layout_version: u8,
    pub bump: u8,
    pub padding: [u8; 6],
    /// Number of the next bus.
    pub next_bus: u64,
    pub wallet: Address,
    pub reserved: [u8; 32],
}

const _: () = assert!(size_of::<Creator>() == 80);

impl Creator {
    /// Initialises a new counter, whose first number is `first_slot << 20`.
    pub fn initialize(&mut self, wallet: &Address, first_slot: u64) -> Result<()> {
        let next_bus = counter::first_number(first_slot)?;
        self.layout_version = LAYOUT_VERSION;
        self.next_bus = next_bus;
        self.wallet = *wallet;
        Ok(())
    }

    /// Counts a new bus, which takes the next number.
    pub fn create(&mut self, bus_seq: u64) -> Result<()> {
        self.next_bus = counter::spend(self.next_bus, bus_seq)?;
        Ok(())
    }

    /// Checks what always holds of a creator.
    pub fn check_invariants(&self) -> core::result::Result<(), &'static str> {
        let Self { layout_version, bump: _, padding, next_bus: _, wallet, reserved } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        invariant(wallet.to_bytes() != [0; 32], "a creator has a wallet")?;
        invariant(*padding == [0; 6] && *reserved == [0; 32], "reserved bytes are zero")
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::error::MultibusError,
        crate::state::fixture::{assert_noticed, wallet},
        bytemuck::Zeroable,
    };

    #[test]
    fn buses_are_numbered_one_after_the_other() {
        let mut creator = Creator::zeroed();
        creator.initialize(&wallet(1), 5).unwrap();
        assert_eq!((creator.next_bus, creator.wallet, creator.check_invariants()), (5 << 20, wallet(1), Ok(())));
        let before = creator;
        assert_eq!(creator.create((5 << 20) + 1), Err(MultibusError::NumberNotNext.into()));
        assert_eq!(creator, before);
        creator.create(5 << 20).unwrap();
        assert_eq!(creator.next_bus, (5 << 20) + 1);
        let late = Creator::zeroed().initialize(&wallet(1), 1 << 44);
        assert_eq!(late, Err(MultibusError::CounterOverflow.into()));
        assert_noticed(
            &creator,
            Creator::check_invariants,
            &[
                ("the layout version is the present one", |creator| creator.layout_version = 1),
                ("a creator has a wallet", |creator| creator.wallet = Address::default()),
                ("reserved bytes are zero", |creator| creator.padding[5] = 1),
                ("reserved bytes are zero", |creator| creator.reserved[31] = 1),
            ],
        );
    }
}

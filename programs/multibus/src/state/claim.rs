//! Claims, for what could not be paid to a wallet, and the tombstone of a closed bus, which pays them.

use {
    crate::{constants::*, error::ensure, state::Bus},
    anchor_lang::prelude::*,
};

/// What a wallet can pull from the unclaimed account of a bus. PDA `["claim", bus, wallet]`.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Claim {
    pub layout_version: u8,
    pub bump: u8,
    pub padding: [u8; 6],
    /// In token base units; above zero.
    pub amount: u64,
    pub bus: Address,
    pub wallet: Address,
    /// Token account that the wallet named for a refund. Anyone may have the claim paid to it. Zeros where it named
    /// none.
    pub refund: Address,
    /// Who paid the rent and gets it back.
    pub rent_payer: Address,
    pub reserved: [u8; 32],
}

const _: () = assert!(size_of::<Claim>() == 176);

impl Claim {
    /// Initialises a new claim.
    pub fn initialize(&mut self, bus: &Address, wallet: &Address, rent_payer: &Address) {
        self.layout_version = LAYOUT_VERSION;
        self.bus = *bus;
        self.wallet = *wallet;
        self.rent_payer = *rent_payer;
    }

    /// Adds to what the wallet is owed. A refund account replaces an earlier one.
    pub fn owe(&mut self, amount: u64, refund: Option<&Address>) {
        // Cannot overflow: the unclaimed account holds all claims.
        self.amount += amount;
        if let Some(refund) = refund {
            self.refund = *refund;
        }
    }

    /// Checks what always holds of a claim.
    pub fn check_invariants(&self) -> core::result::Result<(), &'static str> {
        let Self { layout_version, bump: _, padding, amount, bus: _, wallet: _, refund: _, rent_payer: _, reserved } =
            self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        invariant(*amount > 0, "a claim is above zero")?;
        invariant(*padding == [0; 6] && *reserved == [0; 32], "reserved bytes are zero")
    }
}

/// Tombstone: what stays at the address of a closed bus, to pay the claims on its unclaimed account.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Tombstone {
    pub layout_version: u8,
    /// The bus's bump.
    pub bump: u8,
    /// Decimals of the settlement mint.
    pub mint_decimals: u8,
    pub padding: u8,
    /// Claims that are not paid.
    pub open_claims: u32,
    /// The bus's number.
    pub bus_seq: u64,
    /// When the bus closed, in unix seconds.
    pub closed_at: i64,
    /// The bus's creator, who gets the rent of the unclaimed account once the last claim is paid.
    pub creator: Address,
    /// Settlement mint.
    pub mint: Address,
    /// Token program of the settlement mint.
    pub token_program: Address,
    /// Token account that holds what is claimed; closed once `open_claims` is 0.
    pub unclaimed: Address,
    pub reserved: [u8; 32],
}

const _: () = assert!(size_of::<Tombstone>() == 184);

impl Tombstone {
    /// The tombstone of a bus that closes.
    pub fn of(bus: &Bus, open_claims: u32, now: i64) -> Self {
        Self {
            layout_version: LAYOUT_VERSION,
            bump: bus.bump,
            mint_decimals: bus.mint_decimals,
            padding: 0,
            open_claims,
            bus_seq: bus.bus_seq,
            closed_at: now,
            creator: bus.creator,
            mint: bus.mint,
            token_program: bus.token_program,
            unclaimed: bus.unclaimed,
            reserved: [0; 32],
        }
    }

    /// Counts a claim that is paid; returns whether it was the last.
    pub fn close_claim(&mut self) -> Result<bool> {
        ensure!(self.open_claims > 0, CounterOverflow);
        self.open_claims -= 1;
        Ok(self.open_claims == 0)
    }

    /// Checks what always holds of a tombstone.
    pub fn check_invariants(&self) -> core::result::Result<(), &'static str> {
        let Self {
            layout_version,
            bump: _,
            mint_decimals: _,
            padding,
            open_claims: _,
            bus_seq: _,
            closed_at: _,
            creator: _,
            mint: _,
            token_program: _,
            unclaimed: _,
            reserved,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        invariant(*padding == 0 && *reserved == [0; 32], "reserved bytes are zero")
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::error::MultibusError,
        crate::state::fixture::{BUS, assert_noticed, wallet},
        bytemuck::Zeroable,
    };

    #[test]
    fn a_claim_grows_and_keeps_the_refund_account_named_last() {
        let mut claim = Claim::zeroed();
        claim.initialize(&BUS, &wallet(1), &wallet(2));
        claim.owe(1, Some(&wallet(3)));
        assert_eq!(claim.check_invariants(), Ok(()));
        claim.owe(11, None);
        assert_eq!((claim.amount, claim.bus, claim.wallet), (12, BUS, wallet(1)));
        assert_eq!((claim.refund, claim.rent_payer, claim.check_invariants()), (wallet(3), wallet(2), Ok(())));
        claim.owe(1, Some(&wallet(4)));
        assert_eq!((claim.amount, claim.refund), (13, wallet(4)));
        assert_noticed(
            &claim,
            Claim::check_invariants,
            &[
                ("the layout version is the present one", |claim| claim.layout_version = 1),
                ("a claim is above zero", |claim| claim.amount = 0),
                ("reserved bytes are zero", |claim| claim.padding[5] = 1),
                ("reserved bytes are zero", |claim| claim.reserved[31] = 1),
            ],
        );
    }

    #[test]
    fn a_tombstone_signs_as_its_bus_and_counts_its_claims() {
        let bus = Bus {
            bump: 1,
            mint_decimals: 2,
            bus_seq: 3,
            creator: wallet(4),
            mint: wallet(5),
            token_program: wallet(6),
            unclaimed: wallet(7),
            ..Bus::zeroed()
        };
        let mut stone = Tombstone::of(&bus, 2, 9);
        assert_eq!((stone.bump, stone.mint_decimals, stone.bus_seq, stone.closed_at), (1, 2, 3, 9));
        assert_eq!((stone.creator, stone.mint), (wallet(4), wallet(5)));
        assert_eq!((stone.token_program, stone.unclaimed), (wallet(6), wallet(7)));
        assert_eq!(stone.check_invariants(), Ok(()));
        assert_eq!((stone.close_claim(), stone.close_claim()), (Ok(false), Ok(true)));
        assert_eq!(stone.close_claim(), Err(MultibusError::CounterOverflow.into()));
        assert_noticed(
            &stone,
            Tombstone::check_invariants,
            &[
                ("the layout version is the present one", |stone| stone.layout_version = 1),
                ("reserved bytes are zero", |stone| stone.padding = 1),
                ("reserved bytes are zero", |stone| stone.reserved[31] = 1),
            ],
        );
    }
}

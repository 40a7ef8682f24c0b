//! `bus_create`.

use {
    crate::{key::pda, mint::Mint},
    multibus::{
        accounts, instruction,
        state::{BusConfig, OwnerShare},
    },
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

/// The addresses of a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusAddresses {
    pub address: Address,
    /// The general capacity.
    pub capacity: Address,
    pub escrow: Address,
    pub treasury: Address,
    pub mint: Mint,
}

impl BusAddresses {
    /// Address of a proposal.
    pub fn proposal(&self, proposal_seq: u64) -> Address {
        pda::proposal(&self.address, proposal_seq).0
    }

    /// Addresses of the bus that a creator makes with a number.
    pub fn of(creator: &Address, bus_seq: u64, mint: Mint) -> Self {
        let address = pda::bus(creator, bus_seq).0;
        Self {
            address,
            capacity: pda::capacity(&address, 0).0,
            escrow: pda::escrow(&address).0,
            treasury: pda::treasury(&address).0,
            mint,
        }
    }

    /// Address of a window's capacity.
    pub fn window(&self, window_start: i64) -> Address {
        pda::capacity(&self.address, window_start).0
    }
}

/// What a bus is created with.
#[derive(Clone, Debug)]
pub struct BusOptions {
    pub bus_seq: u64,
    pub config: BusConfig,
}

impl BusOptions {
    /// A bus with one owner, 1 MWh of capacity, open listing, a base price of 0.01 and a lock fee of 1 %.
    pub fn new(owner: &Address) -> Self {
        Self {
            bus_seq: 0,
            config: BusConfig {
                name: "Sonnenhof".to_owned(),
                owners: vec![OwnerShare { owner: *owner, share_bps: 10_000 }],
                threshold: 1,
                pause_quorum: 0,
                listing_policy: 1,
                lock_fee_bps: 100,
                timelock_seconds: 0,
                window_seconds: 0,
                gate_closure_seconds: 0,
                capacity_wh: 1_000_000,
                base_price_per_kwh: 10_000,
            },
        }
    }

    #[must_use]
    pub fn seq(mut self, bus_seq: u64) -> Self {
        self.bus_seq = bus_seq;
        self
    }

    /// Windows of 15 minutes with a gate closure of one minute.
    #[must_use]
    pub fn windowed(mut self) -> Self {
        (self.config.window_seconds, self.config.gate_closure_seconds) = (900, 60);
        self
    }

    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut BusConfig)) -> Self {
        change(&mut self.config);
        self
    }
}

/// Equal shares of `count` owners, in basis points. The first gets what does not divide.
pub fn equal_shares(count: usize) -> Vec<u16> {
    let share = 10_000 / count as u16;
    let mut shares = vec![share; count];
    shares[0] = 10_000 - share * (count as u16 - 1);
    shares
}

pub fn bus_create_accounts(creator: &Address, mint: &Mint, bus_seq: u64) -> accounts::BusCreate {
    let bus = BusAddresses::of(creator, bus_seq, *mint);
    accounts::BusCreate {
        creator: *creator,
        bus: bus.address,
        capacity: bus.capacity,
        mint: mint.address,
        escrow: bus.escrow,
        treasury: bus.treasury,
        token_program: mint.program.address(),
        system_program: system_program::ID,
    }
}

pub fn bus_create(creator: &Address, mint: &Mint, options: &BusOptions) -> Instruction {
    instruction::BusCreate { bus_seq: options.bus_seq, config: options.config.clone() }
        .to_instruction(bus_create_accounts(creator, mint, options.bus_seq))
}

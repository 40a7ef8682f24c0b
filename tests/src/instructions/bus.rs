//! `creator_open`, `bus_create` and `bus_close`.

use {
    crate::{chain::FIRST, key::pda, mint::Mint},
    multibus::{
        accounts, instruction,
        state::{BusConfig, ListingPolicy, OwnerShare, SettlementTime, TermsConfig},
    },
    solana_address::Address,
    solana_instruction::{AccountMeta, Instruction},
    solana_sdk_ids::system_program,
};

/// The addresses of a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusAddresses {
    pub address: Address,
    pub creator: Address,
    pub ledger: Address,
    /// The general capacity.
    pub capacity: Address,
    pub treasury: Address,
    pub unclaimed: Address,
    /// Deposits of bids.
    pub escrow: Address,
    pub mint: Mint,
}

impl BusAddresses {
    /// Addresses of the bus that a creator makes with a number.
    pub fn of(creator: &Address, bus_seq: u64, mint: Mint) -> Self {
        let address = pda::bus(creator, bus_seq).0;
        Self {
            address,
            creator: *creator,
            ledger: pda::ledger(&address).0,
            capacity: pda::capacity(&address, 0).0,
            treasury: pda::treasury(&address).0,
            unclaimed: pda::unclaimed(&address).0,
            escrow: pda::escrow(&address).0,
            mint,
        }
    }

    /// Address of a proposal.
    pub fn proposal(&self, proposer: &Address, number: u64) -> Address {
        pda::proposal(&self.address, proposer, number).0
    }

    /// Address of a window's capacity.
    pub fn window(&self, window_start: i64) -> Address {
        pda::capacity(&self.address, window_start).0
    }

    /// Address of a wallet's claim.
    pub fn claim(&self, wallet: &Address) -> Address {
        pda::claim(&self.address, wallet).0
    }
}

/// What a bus is created with.
#[derive(Clone, Debug)]
pub struct BusOptions {
    pub bus_seq: u64,
    pub config: BusConfig,
}

impl BusOptions {
    /// A bus with one owner, 1 MWh of capacity, open listing, a base price of 0.01, a lock fee of 1 % and the longest
    /// horizon.
    pub fn new(owner: &Address) -> Self {
        Self {
            bus_seq: FIRST,
            config: BusConfig {
                name: "Sonnenhof".to_owned(),
                owners: vec![OwnerShare { owner: *owner, share_bps: 10_000 }],
                threshold: 1,
                pause_quorum: 0,
                listing_policy: ListingPolicy::Open as u8,
                lock_fee_bps: 100,
                timelock_seconds: 0,
                horizon_seconds: multibus::constants::MAX_HORIZON_SECONDS,
                terms: TermsConfig::default(),
                capacity_wh: 1_000_000,
                base_price_per_kwh: 10_000,
                reserve_price_per_kwh: 0,
                least_wh: 1,
                operator: None,
                grid_recipient: None,
            },
        }
    }

    /// The creator's bus of this index, counted from 0, where its counter was opened in the first slot.
    #[must_use]
    pub fn seq(mut self, index: u64) -> Self {
        self.bus_seq = FIRST + index;
        self
    }

    /// Windows of 15 minutes with a gate closure of one minute.
    #[must_use]
    pub fn windowed(mut self) -> Self {
        self.config.terms = TermsConfig { window_seconds: 900, gate_closure_seconds: 60, ..TermsConfig::default() };
        self
    }

    /// [`delivery_terms`], with this operator and a horizon of one day.
    #[must_use]
    pub fn on_delivery(mut self, operator: &Address) -> Self {
        self.config.terms = delivery_terms();
        (self.config.horizon_seconds, self.config.operator) = (86_400, Some(*operator));
        self
    }

    /// An auction closes each window. Without windows, they are those of [`windowed`](Self::windowed).
    #[must_use]
    pub fn with_auction(self) -> Self {
        let mut options = if self.config.terms.window_seconds == 0 { self.windowed() } else { self };
        options.config.terms.auction = true;
        options
    }

    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut BusConfig)) -> Self {
        change(&mut self.config);
        self
    }
}

/// Delivery terms: windows of 15 minutes with a gate closure of one minute, a grid fee of 0.5 per kWh, one hour for the
/// first reading and one for corrections.
pub fn delivery_terms() -> TermsConfig {
    TermsConfig {
        window_seconds: 900,
        gate_closure_seconds: 60,
        settlement: SettlementTime::OnDelivery as u8,
        grid_fee_per_kwh: 500_000,
        reading_deadline_seconds: 3_600,
        correction_seconds: 3_600,
        auction: false,
    }
}

/// Equal shares of `count` owners, in basis points. The first gets what does not divide.
pub fn equal_shares(count: usize) -> Vec<u16> {
    let share = 10_000 / count as u16;
    let mut shares = vec![share; count];
    shares[0] = 10_000 - share * (count as u16 - 1);
    shares
}

pub fn creator_open(wallet: &Address, first_slot: u64) -> Instruction {
    instruction::CreatorOpen { first_slot }.to_instruction(accounts::CreatorOpen {
        wallet: *wallet,
        creator: pda::creator(wallet).0,
        system_program: system_program::ID,
    })
}

pub fn bus_create_accounts(creator: &Address, mint: &Mint, bus_seq: u64) -> accounts::BusCreate {
    let bus = BusAddresses::of(creator, bus_seq, *mint);
    accounts::BusCreate {
        creator: *creator,
        counter: pda::creator(creator).0,
        bus: bus.address,
        ledger: bus.ledger,
        capacity: bus.capacity,
        mint: mint.address,
        treasury: bus.treasury,
        unclaimed: bus.unclaimed,
        escrow: bus.escrow,
        token_program: mint.program.address(),
        system_program: system_program::ID,
    }
}

pub fn bus_create(creator: &Address, mint: &Mint, options: &BusOptions) -> Instruction {
    instruction::BusCreate { bus_seq: options.bus_seq, config: options.config.clone() }
        .to_instruction(bus_create_accounts(creator, mint, options.bus_seq))
}

/// Closes a bus of these owners.
pub fn bus_close(bus: &BusAddresses, caller: &Address, owners: &[Address]) -> Instruction {
    let mut instruction = instruction::BusClose {}.to_instruction(accounts::BusClose {
        caller: *caller,
        bus: bus.address,
        ledger: bus.ledger,
        general: bus.capacity,
        treasury: bus.treasury,
        unclaimed: bus.unclaimed,
        escrow: bus.escrow,
        creator: bus.creator,
        token_program: bus.mint.program.address(),
        system_program: system_program::ID,
    });
    instruction.accounts.extend(owners.iter().map(|owner| AccountMeta::new(bus.claim(owner), false)));
    instruction
}

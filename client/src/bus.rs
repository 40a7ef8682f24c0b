//! Buses: energy networks that several parties own together.

use {
    crate::{
        account::{Keyed, offset},
        address,
        error::Result,
        market::Market,
        wallet::{Created, Wallet},
    },
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

pub use multibus::state::{Bus, BusConfig, ListingPolicy, OwnerShare, OwnerSlot};

/// Instruction `bus_create`: a new bus with its general capacity, escrow and treasury.
pub fn bus_create(
    creator: &Address,
    bus_seq: u64,
    mint: &Address,
    token_program: &Address,
    config: BusConfig,
) -> Instruction {
    let bus = address::bus(creator, bus_seq);
    multibus::instruction::BusCreate { bus_seq, config }.to_instruction(multibus::accounts::BusCreate {
        creator: *creator,
        bus,
        capacity: address::capacity(&bus, 0),
        mint: *mint,
        escrow: address::escrow(&bus),
        treasury: address::treasury(&bus),
        token_program: *token_program,
        system_program: system_program::ID,
    })
}

impl Market {
    /// A bus.
    pub async fn bus(&self, bus: &Address) -> Result<Keyed<Bus>> {
        self.get(bus).await
    }

    /// Every bus, by address.
    pub async fn buses(&self) -> Result<Vec<Keyed<Bus>>> {
        self.list(&[]).await
    }

    /// Buses that a wallet created or owns a share of, by address.
    pub async fn buses_of(&self, wallet: &Address) -> Result<Vec<Keyed<Bus>>> {
        let of_wallet =
            |bus: &Keyed<Bus>| bus.creator == *wallet || bus.owners().iter().any(|slot| slot.owner == *wallet);
        // An owner can be in any of 16 slots, and a request filters by one offset.
        Ok(self.buses().await?.into_iter().filter(of_wallet).collect())
    }

    /// Buses that a wallet created, by address.
    pub async fn buses_created_by(&self, creator: &Address) -> Result<Vec<Keyed<Bus>>> {
        self.list(&[(offset!(Bus, creator), creator.as_ref())]).await
    }
}

impl Wallet {
    /// Creates a bus. `bus_seq` is its number among the buses of its creator.
    pub async fn bus_create(&self, bus_seq: u64, mint: &Address, config: &BusConfig) -> Result<Created> {
        let token_program = self.market().token_program_of(mint).await?;
        let instruction = bus_create(&self.address(), bus_seq, mint, &token_program, config.clone());
        let sent = self.send(&[instruction]).await?;
        Ok(Created { address: address::bus(&self.address(), bus_seq), sent })
    }

    /// The lowest number that none of this wallet's buses has.
    pub async fn next_bus_seq(&self) -> Result<u64> {
        let buses = self.market().buses_created_by(&self.address()).await?;
        Ok((0..).find(|free| buses.iter().all(|bus| bus.bus_seq != *free)).unwrap_or_default())
    }
}

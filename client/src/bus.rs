//! Buses: energy networks that several parties own together.

use {
    crate::{
        account::{Keyed, decode, offset},
        address, capacity,
        error::{Error, Result},
        market::Market,
        send::{Sent, TRANSACTION_BYTES, size_of_transaction},
        terms::{self, Terms, TermsConfig},
        wallet::{Created, Wallet, number_to_use},
    },
    anchor_lang::Discriminator,
    multibus::{constants::COUNTER_SLOT_SHIFT, error::MultibusError},
    solana_address::Address,
    solana_instruction::{AccountMeta, Instruction},
    solana_message::AddressLookupTableAccount,
    solana_sdk_ids::system_program,
};

pub use multibus::state::{
    Bus, BusConfig, Creator, FormerOwner, Ledger, ListingPolicy, OwnerAccount, OwnerShare, OwnerSlot, Tombstone,
};

/// How many slots ahead a counter starts that is opened and used in one transaction: longer than a blockhash lives, and
/// less than [`FIRST_SLOT_AHEAD`](multibus::constants::FIRST_SLOT_AHEAD).
pub(crate) const FIRST_SLOT_LEAD: u64 = 256;

/// How often an account takes the next number of its counter because another process was faster.
pub(crate) const NUMBER_ATTEMPTS: u32 = 5;

/// First number of a counter that starts at a slot.
pub(crate) fn first_number(slot: u64) -> u64 {
    slot << COUNTER_SLOT_SHIFT
}

/// Instruction `creator_open`: opens the counter that numbers the wallet's buses, from the first number of a slot on; 0
/// is the slot of its transaction.
pub fn creator_open(wallet: &Address, first_slot: u64) -> Instruction {
    multibus::instruction::CreatorOpen { first_slot }.to_instruction(multibus::accounts::CreatorOpen {
        wallet: *wallet,
        creator: address::creator(wallet),
        system_program: system_program::ID,
    })
}

/// Instruction `bus_create`: a new bus with its ledger, its general capacity, its treasury and its unclaimed account.
/// `bus_seq` is the next number of the creator's counter.
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
        counter: address::creator(creator),
        bus,
        ledger: address::ledger(&bus),
        capacity: address::capacity(&bus, 0),
        mint: *mint,
        treasury: address::treasury(&bus),
        unclaimed: address::unclaimed(&bus),
        escrow: address::escrow(&bus),
        token_program: *token_program,
        system_program: system_program::ID,
    })
}

/// Instruction `bus_close`: closes a bus that its owners decided to close and of which nothing is open. Each owner gets a
/// claim on its share of the treasury.
pub fn bus_close(caller: &Address, bus: &Keyed<Bus>) -> Instruction {
    let mut instruction = multibus::instruction::BusClose {}.to_instruction(multibus::accounts::BusClose {
        caller: *caller,
        bus: bus.address,
        ledger: address::ledger(&bus.address),
        general: address::capacity(&bus.address, 0),
        treasury: bus.treasury,
        unclaimed: bus.unclaimed,
        escrow: bus.escrow,
        creator: bus.creator,
        token_program: bus.token_program,
        system_program: system_program::ID,
    });
    let claims = bus.owners().iter().map(|slot| AccountMeta::new(address::claim(&bus.address, &slot.owner), false));
    instruction.accounts.extend(claims);
    instruction
}

impl Market {
    /// A bus. One that is closed is refused: [`Market::tombstone`] reads what is left of it.
    pub async fn bus(&self, bus: &Address) -> Result<Keyed<Bus>> {
        let accounts = self.chain().accounts(&[*bus]).await?;
        let account = accounts.first().and_then(Option::as_ref);
        let account = account.ok_or(Error::NotFound { kind: "bus", address: *bus })?;
        if account.owner == multibus::ID && account.data.starts_with(Tombstone::DISCRIMINATOR) {
            let closed = decode::<Tombstone>(bus, account)?;
            return Err(Error::Invalid(format!(
                "the bus {bus} closed at {}; use another bus, or pull what this one owes with a claim",
                closed.closed_at
            )));
        }
        decode(bus, account)
    }

    /// What is left of a bus that closed; `None` where the bus is open.
    pub async fn tombstone(&self, bus: &Address) -> Result<Option<Keyed<Tombstone>>> {
        let accounts = self.chain().accounts(&[*bus]).await?;
        let account = accounts.first().and_then(Option::as_ref);
        let account = account.ok_or(Error::NotFound { kind: "bus", address: *bus })?;
        account.data.starts_with(Tombstone::DISCRIMINATOR).then(|| decode(bus, account)).transpose()
    }

    /// Every bus, by address. Refuses a chain that does not have the program, on which nobody can create one.
    pub async fn buses(&self) -> Result<Vec<Keyed<Bus>>> {
        let buses = self.list(&[]).await?;
        if buses.is_empty() && self.chain().accounts(&[multibus::ID]).await?[0].is_none() {
            return Err(Error::NotFound { kind: "program of MultiBus", address: multibus::ID });
        }
        Ok(buses)
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

    /// The counter that numbers a wallet's buses; `None` where it created none.
    pub async fn creator(&self, wallet: &Address) -> Result<Option<Keyed<Creator>>> {
        self.find(&address::creator(wallet)).await
    }

    /// What changes on a bus without a decision: what is open, and what each owner earned.
    pub async fn ledger(&self, bus: &Address) -> Result<Keyed<Ledger>> {
        self.get(&address::ledger(bus)).await
    }

    /// The terms of a bus's window; with window start 0 those that hold now outside windows. An open window knows its own;
    /// another has those that the bus decided on for its start.
    pub async fn terms(&self, bus: &Keyed<Bus>, window_start: i64) -> Result<Terms> {
        if window_start == 0 {
            return Ok(*bus.terms_at(self.chain().clock().await?.unix_timestamp));
        }
        let capacity = self.find_capacity(&bus.address, window_start).await?;
        Ok(capacity.map_or(*bus.terms_at(window_start), |capacity| capacity.terms))
    }

    /// From when on other terms of a bus can hold that are proposed and executed now, in unix seconds. See
    /// [`terms::first_possible`].
    pub async fn next_terms_from(&self, bus: &Address, config: &TermsConfig) -> Result<i64> {
        let (bus, clock) = tokio::join!(self.bus(bus), self.chain().clock());
        terms::first_possible(&bus?.account, config, clock?.unix_timestamp)
    }
}

impl Wallet {
    /// Creates a bus. This wallet's counter numbers it, and is opened where it is missing.
    pub async fn bus_create(&self, mint: &Address, config: &BusConfig) -> Result<Created> {
        let token_program = self.market().token_program_of(mint).await?;
        let mut counter = self.counter(&address::creator(&self.address())).await;
        let mut attempt = 0;
        loop {
            let mut instructions = Vec::with_capacity(2);
            let bus_seq = match self.market().creator(&self.address()).await? {
                Some(creator) => number_to_use(&counter, creator.next_bus, attempt),
                None => {
                    let first_slot = self.chain().clock().await?.slot + FIRST_SLOT_LEAD;
                    instructions.push(creator_open(&self.address(), first_slot));
                    first_number(first_slot)
                }
            };
            instructions.push(bus_create(&self.address(), bus_seq, mint, &token_program, config.clone()));
            if instructions.len() > 1 && size_of_transaction(&self.address(), &instructions, &[])? > TRANSACTION_BYTES {
                self.send(&instructions[..1]).await?;
                instructions.remove(0);
            }
            let bus = address::bus(&self.address(), bus_seq);
            // With 16 owners, an operator and a recipient of grid fees only a lookup table leaves enough room.
            let of_bus = [
                bus,
                address::ledger(&bus),
                address::capacity(&bus, 0),
                address::treasury(&bus),
                address::unclaimed(&bus),
                address::escrow(&bus),
            ];
            let tables = self.tables_for(&of_bus, &instructions).await?;
            if let Some(sent) = self.send_numbered(&bus, &instructions, &tables, &mut attempt).await? {
                *counter = bus_seq.saturating_add(1);
                return Ok(Created { address: bus, sent });
            }
        }
    }

    /// Closes a bus that its owners decided to close, once its offers, windows and proposals are closed. Anyone may do so. First
    /// the auctions of its windows are settled as far as they are over, and its seller accounts are closed, with their delivery books,
    /// meters and devices.
    pub async fn bus_close(&self, bus: &Address) -> Result<Sent> {
        let bus = self.market().bus(bus).await?;
        if bus.closing == 1 {
            self.settle_auctions(&bus).await?;
            let sellers = self.market().sellers(&bus.address).await?;
            for seller in sellers.iter().filter(|seller| seller.open_offers == 0) {
                self.seller_close(&bus.address, &seller.wallet).await?;
            }
        }
        self.send(&[bus_close(&self.address(), &bus)]).await
    }

    /// Settles the auctions of a closing bus as far as anyone can, bids before the gate included.
    async fn settle_auctions(&self, bus: &Keyed<Bus>) -> Result<()> {
        let (capacities, clock) = tokio::join!(self.market().capacities(&bus.address), self.chain().clock());
        let (capacities, now) = (capacities?, clock?.unix_timestamp);
        for capacity in capacities {
            let has_orders = capacity.open_bids > 0 || capacity.open_offers > 0;
            if has_orders && capacity::is_settleable(&capacity, bus, now) {
                Box::pin(self.auction_settle(&bus.address, capacity.window_start)).await?;
            }
        }
        Ok(())
    }

    /// Sends instructions that create an account whose address comes from its actor's counter. `None` where another
    /// process took the number: then the counter is to be read again. The number makes the account come once: nothing that
    /// was sent before can land any more once the number is spent.
    pub(crate) async fn send_numbered(
        &self,
        created: &Address,
        instructions: &[Instruction],
        tables: &[AddressLookupTableAccount],
        attempt: &mut u32,
    ) -> Result<Option<Sent>> {
        let failure = match self.sender().send_traced(&[self.signer().clone()], instructions, tables).await {
            Ok(sent) => return Ok(Some(sent)),
            Err(failure) => failure,
        };
        if let Some(sent) = self.landed_after_all(created, &failure).await? {
            return Ok(Some(sent));
        }
        *attempt += 1;
        // An account of that number exists, or existed.
        let is_taken =
            failure.error.multibus() == Some(MultibusError::NumberNotNext) || failure.error.is_address_taken();
        if !is_taken || *attempt >= NUMBER_ATTEMPTS {
            return Err(failure.error);
        }
        self.sender().pause(*attempt).await;
        Ok(None)
    }
}

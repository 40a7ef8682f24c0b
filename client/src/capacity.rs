//! Capacities: what a delivery window may sell.

use {
    crate::{
        account::{Keyed, offset},
        address,
        error::{Error, Result},
        market::{Market, Settlement},
        send::Sent,
        wallet::{Created, Wallet},
    },
    multibus::state::{AuctionPhase, Bus},
    solana_address::Address,
    solana_instruction::{AccountMeta, Instruction},
    solana_sdk_ids::system_program,
};

pub use multibus::state::Capacity;

/// Instruction `capacity_open`: opens a delivery window; does nothing where it is open.
pub fn capacity_open(payer: &Address, bus: &Address, window_start: i64) -> Instruction {
    multibus::instruction::CapacityOpen { window_start }.to_instruction(multibus::accounts::CapacityOpen {
        payer: *payer,
        bus: *bus,
        ledger: address::ledger(bus),
        capacity: address::capacity(bus, window_start),
        system_program: system_program::ID,
    })
}

/// Instruction `capacity_close`: closes a window that is over, or that nobody used. Its rent goes back to whoever paid it, and what
/// rounding in an auction left in the escrow to the treasury.
pub fn capacity_close(caller: &Address, capacity: &Keyed<Capacity>, settlement: &Settlement) -> Instruction {
    let bus = &capacity.bus;
    let mut instruction = multibus::instruction::CapacityClose {}.to_instruction(multibus::accounts::CapacityClose {
        caller: *caller,
        bus: *bus,
        ledger: address::ledger(bus),
        capacity: capacity.address,
        rent_payer: capacity.rent_payer,
    });
    if capacity.terms.has_auction() {
        instruction.accounts.extend([
            AccountMeta::new(address::escrow(bus), false),
            AccountMeta::new(address::treasury(bus), false),
            AccountMeta::new_readonly(settlement.token_program, false),
        ]);
    }
    instruction
}

/// Where the auction of a window stands. It is over where the bus closes long before the gate: then anyone gives it up.
pub(crate) fn phase(capacity: &Capacity, bus: &Bus, now: i64) -> AuctionPhase {
    match capacity.phase(now) {
        AuctionPhase::Trading | AuctionPhase::Closing if capacity.is_far(bus) => AuctionPhase::Over,
        phase => phase,
    }
}

/// Whether anyone settles orders of a window now: its auction is over, or its bus closes and there is none to come.
pub fn is_settleable(capacity: &Capacity, bus: &Bus, now: i64) -> bool {
    match phase(capacity, bus, now) {
        AuctionPhase::Cleared | AuctionPhase::Over => true,
        AuctionPhase::Trading => bus.closing == 1 && (capacity.open_bids == 0 || capacity.open_offers == 0),
        _ => false,
    }
}

impl Market {
    /// The capacity of a bus's delivery window; window start 0 is the general capacity.
    pub async fn capacity(&self, bus: &Address, window_start: i64) -> Result<Keyed<Capacity>> {
        self.get(&address::capacity(bus, window_start)).await
    }

    /// The same, `None` where the window is not open.
    pub async fn find_capacity(&self, bus: &Address, window_start: i64) -> Result<Option<Keyed<Capacity>>> {
        self.find(&address::capacity(bus, window_start)).await
    }

    /// Every open capacity of a bus, by window start: the general one first.
    pub async fn capacities(&self, bus: &Address) -> Result<Vec<Keyed<Capacity>>> {
        let mut capacities: Vec<Keyed<Capacity>> = self.list(&[(offset!(Capacity, bus), bus.as_ref())]).await?;
        capacities.sort_unstable_by_key(|capacity| capacity.window_start);
        Ok(capacities)
    }
}

impl Wallet {
    /// Opens a delivery window and pays its rent; does nothing where it is open.
    pub async fn capacity_open(&self, bus: &Address, window_start: i64) -> Result<Created> {
        let sent = self.send(&[capacity_open(&self.address(), bus, window_start)]).await?;
        Ok(Created { address: address::capacity(bus, window_start), sent })
    }

    /// Closes a window that has no open offers and bids: once it is over, or where nothing was sold in it, once its gate has closed.
    /// First what its auction sold is settled as far as anyone can, where it is over.
    /// Who paid its rent, an owner and the operator close an unused one at any time, and anyone one of a closing bus.
    pub async fn capacity_close(&self, bus: &Address, window_start: i64) -> Result<Sent> {
        if window_start == 0 {
            return Err(Error::Invalid(
                "window start 0 is the general capacity, which closes with its bus; give the start of a window"
                    .to_string(),
            ));
        }
        let mut capacity = self.market().capacity(bus, window_start).await?;
        let has_orders = capacity.open_bids > 0 || capacity.open_offers > 0;
        if has_orders && capacity.terms.has_auction() {
            let (rules, clock) = tokio::join!(self.market().bus(bus), self.chain().clock());
            let (rules, now) = (rules?, clock?.unix_timestamp);
            if is_settleable(&capacity, &rules, now) {
                Box::pin(self.auction_settle(bus, window_start)).await?;
                capacity = self.market().capacity(bus, window_start).await?;
            }
        }
        let settlement = self.market().settlement(bus).await?;
        self.send(&[capacity_close(&self.address(), &capacity, &settlement)]).await
    }
}

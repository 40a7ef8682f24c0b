//! An independent model of the market: integers and maps, written from the design, sharing no code with the program.
//!
//! A [`Model`] is given what the program is given, the accounts and the bytes of an instruction, and judges it: either it
//! carries the instruction out in its own books, or it names every cause for which the market may refuse it. It reads
//! instructions, derives addresses and hashes purchases by itself, and counts money in 128 bits.

mod instruction;
mod judge;

use {
    sha2::{Digest, Sha256},
    solana_address::Address,
    std::collections::{BTreeMap, BTreeSet},
};

pub use {
    instruction::{Action, Call, Item, NewBus},
    judge::{Cause, Causes, Meta},
};

/// Bytes of each kind of account, which tell its rent.
pub mod size {
    pub const BUS: u64 = 2_208;
    pub const CAPACITY: u64 = 328;
    pub const OFFER: u64 = 312;
    pub const LOCK: u64 = 184;
    pub const LANE: u64 = 1_048;
    pub const PROPOSAL: u64 = 272;
    pub const TOKENS: u64 = 165;
}

/// Seconds for which a lock holds.
pub const LOCK_SECONDS: i64 = 300;

/// A settlement mint, or one that the market refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mint {
    pub program: Address,
    pub decimals: u8,
    /// Name of the error with which a bus refuses it.
    pub refused_as: Option<&'static str>,
}

/// A token account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    pub mint: Address,
    pub owner: Address,
    pub amount: u64,
    pub frozen: bool,
    /// Who may move tokens besides the owner, and how many.
    pub delegate: Option<(Address, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bus {
    pub creator: Address,
    pub bus_seq: u64,
    pub name: Vec<u8>,
    pub mint: Address,
    pub escrow: Address,
    pub treasury: Address,
    /// Owners with their shares in basis points, in their order.
    pub owners: Vec<(Address, u16)>,
    pub threshold: u8,
    /// 0 for the threshold.
    pub pause_quorum: u8,
    pub listing_policy: u8,
    pub paused: bool,
    pub resumed_at: i64,
    pub timelock_seconds: u32,
    pub window_seconds: u32,
    pub gate_closure_seconds: u32,
    pub lock_fee_bps: u16,
    pub capacity_wh: u64,
    pub base_price_per_kwh: u64,
    pub config_version: u64,
    pub proposal_seq: u64,
    pub created_at: i64,
    /// What each wallet earned under shares that have changed since.
    pub earned: BTreeMap<Address, u128>,
    /// What each wallet ever claimed.
    pub claimed: BTreeMap<Address, u128>,
}

impl Bus {
    pub fn is_owner(&self, wallet: &Address) -> bool {
        self.place(wallet).is_some()
    }

    /// Place among the owners.
    pub fn place(&self, wallet: &Address) -> Option<usize> {
        self.owners.iter().position(|(owner, _)| owner == wallet)
    }

    pub fn may_list(&self, wallet: &Address) -> bool {
        self.listing_policy == 1 || self.is_owner(wallet)
    }

    /// First second in which a window no longer trades.
    pub fn gate(&self, window_start: i64) -> Option<i64> {
        (self.window_seconds > 0).then(|| window_start - self.gate_closure_seconds as i64)
    }

    pub fn claimed_by_all(&self) -> u128 {
        self.claimed.values().sum()
    }

    pub fn earned_by_all(&self) -> u128 {
        self.earned.values().sum()
    }

    /// What a wallet may claim, where the treasury holds `balance`.
    pub fn claimable(&self, wallet: &Address, balance: u64) -> u128 {
        let of = |sums: &BTreeMap<Address, u128>| sums.get(wallet).copied().unwrap_or(0);
        let share = self.owners.iter().find(|(owner, _)| owner == wallet).map_or(0, |(_, share)| *share as u128);
        of(&self.earned) + self.period(balance) * share / 10_000 - of(&self.claimed)
    }

    /// What came in since the shares last changed, with what they left undivided.
    pub fn period(&self, balance: u64) -> u128 {
        balance as u128 + self.claimed_by_all() - self.earned_by_all()
    }

    /// Who left with revenue that is not claimed.
    pub fn former_owners(&self) -> BTreeMap<Address, u128> {
        self.earned
            .iter()
            .filter(|(wallet, _)| !self.is_owner(wallet))
            .map(|(wallet, earned)| (*wallet, earned - self.claimed.get(wallet).copied().unwrap_or(0)))
            .filter(|(_, unclaimed)| *unclaimed > 0)
            .collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capacity {
    pub bus: Address,
    pub rent_payer: Address,
    /// 0 for the general capacity.
    pub window_start: i64,
    pub window_seconds: u32,
    pub total_wh: u64,
    pub available_wh: u64,
    pub listed_wh: u64,
    pub sold_wh: u64,
    pub open_offers: u32,
    pub open_windows: u32,
    /// Every sequence number that was used.
    pub used: BTreeSet<u64>,
}

impl Capacity {
    /// One above the highest number used.
    pub fn next_seq(&self) -> u64 {
        self.used.last().map_or(0, |seq| seq + 1)
    }

    pub fn may_use(&self, seq: u64) -> bool {
        let next = self.next_seq();
        let near = if seq >= next { seq - next < 1_024 } else { next - seq <= 1_024 };
        near && seq != u64::MAX && !self.used.contains(&seq)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub bus: Address,
    pub capacity: Address,
    pub seller: Address,
    pub payout: Address,
    pub rent_payer: Address,
    pub offer_seq: u64,
    pub source: u8,
    pub of_bus: bool,
    pub cancelled: bool,
    pub version: u32,
    pub price_per_kwh: u64,
    pub listed_wh: u64,
    pub remaining_wh: u64,
    pub reserved_wh: u64,
    pub open_locks: u32,
    pub window_start: i64,
    pub created_at: i64,
    /// 0 for none.
    pub expires_at: i64,
}

impl Offer {
    pub fn free_wh(&self) -> u64 {
        self.remaining_wh - self.reserved_wh
    }

    pub fn is_expired(&self, now: i64) -> bool {
        self.expires_at != 0 && now > self.expires_at
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    pub bus: Address,
    pub offer: Address,
    pub buyer: Address,
    pub energy_wh: u64,
    pub price_per_kwh: u64,
    pub deposit: u64,
    pub lock_fee_bps: u16,
    pub taken_at: i64,
}

impl Lock {
    pub fn is_expired(&self, now: i64) -> bool {
        now > self.taken_at + LOCK_SECONDS
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub transaction_hash: [u8; 32],
    pub energy_wh: u64,
    pub paid: u64,
    pub purchased_at: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    pub wallet: Address,
    pub lane: u16,
    pub first_nonce: u64,
    pub opened_at: i64,
    pub history_root: [u8; 32],
    pub receipts: Vec<Receipt>,
}

impl Lane {
    pub fn next_nonce(&self) -> u64 {
        self.first_nonce + self.receipts.len() as u64
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub bus: Address,
    pub proposer: Address,
    pub proposal_seq: u64,
    pub config_version: u64,
    pub created_at: i64,
    /// 0 while approvals are missing.
    pub executable_at: i64,
    pub executed_at: Option<i64>,
    pub action: Action,
    /// Places of the owners who approve.
    pub approvals: BTreeSet<usize>,
}

/// The market and everything that it moves.
#[derive(Clone, Debug)]
pub struct Model {
    /// Address of the program.
    pub program: Address,
    /// Price of rent in lamports a byte, and bytes that every account pays for besides its own.
    pub rent: (u64, u64),
    /// Unix seconds.
    pub now: i64,
    pub slot: u64,
    pub mints: BTreeMap<Address, Mint>,
    pub tokens: BTreeMap<Address, Tokens>,
    /// Lamports of everything that takes part: wallets and accounts.
    pub lamports: BTreeMap<Address, u64>,
    pub buses: BTreeMap<Address, Bus>,
    pub capacities: BTreeMap<Address, Capacity>,
    pub offers: BTreeMap<Address, Offer>,
    pub locks: BTreeMap<Address, Lock>,
    pub lanes: BTreeMap<Address, Lane>,
    pub proposals: BTreeMap<Address, Proposal>,
    /// Tokens that came into an escrow from outside of the market.
    pub gifts: BTreeMap<Address, u128>,
    /// Tokens of each mint that there are.
    pub supply: BTreeMap<Address, u128>,
    /// Lamports that there are.
    pub all_lamports: u128,
    /// Every transaction hash that there ever was.
    pub hashes: BTreeSet<[u8; 32]>,
    /// Every address that an offer ever had.
    pub offers_ever: BTreeSet<Address>,
    /// The next nonce of every lane there ever was.
    pub nonces: BTreeMap<Address, u64>,
}

/// `ceil(Wh x price / 1000)`, exactly.
pub fn cost(energy_wh: u64, price_per_kwh: u64) -> u128 {
    (energy_wh as u128 * price_per_kwh as u128).div_ceil(1_000)
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

impl Model {
    pub fn new(program: Address, rent: (u64, u64), now: i64, slot: u64) -> Self {
        Self {
            program,
            rent,
            now,
            slot,
            mints: BTreeMap::new(),
            tokens: BTreeMap::new(),
            lamports: BTreeMap::new(),
            buses: BTreeMap::new(),
            capacities: BTreeMap::new(),
            offers: BTreeMap::new(),
            locks: BTreeMap::new(),
            lanes: BTreeMap::new(),
            proposals: BTreeMap::new(),
            gifts: BTreeMap::new(),
            supply: BTreeMap::new(),
            all_lamports: 0,
            hashes: BTreeSet::new(),
            offers_ever: BTreeSet::new(),
            nonces: BTreeMap::new(),
        }
    }

    /// An address that belongs to the program, and the bump that makes it.
    pub fn address(&self, seeds: &[&[u8]]) -> (Address, u8) {
        Address::find_program_address(seeds, &self.program)
    }

    pub fn bus_address(&self, creator: &Address, bus_seq: u64) -> (Address, u8) {
        self.address(&[b"bus", creator.as_ref(), &bus_seq.to_le_bytes()])
    }

    pub fn capacity_address(&self, bus: &Address, window_start: i64) -> (Address, u8) {
        self.address(&[b"capacity", bus.as_ref(), &window_start.to_le_bytes()])
    }

    pub fn escrow_address(&self, bus: &Address) -> Address {
        self.address(&[b"escrow", bus.as_ref()]).0
    }

    pub fn treasury_address(&self, bus: &Address) -> Address {
        self.address(&[b"treasury", bus.as_ref()]).0
    }

    pub fn offer_address(&self, capacity: &Address, offer_seq: u64) -> (Address, u8) {
        self.address(&[b"offer", capacity.as_ref(), &offer_seq.to_le_bytes()])
    }

    pub fn lock_address(&self, offer: &Address, buyer: &Address) -> (Address, u8) {
        self.address(&[b"lock", offer.as_ref(), buyer.as_ref()])
    }

    pub fn lane_address(&self, wallet: &Address, lane: u16) -> (Address, u8) {
        self.address(&[b"trader", wallet.as_ref(), &lane.to_le_bytes()])
    }

    pub fn proposal_address(&self, bus: &Address, proposal_seq: u64) -> (Address, u8) {
        self.address(&[b"proposal", bus.as_ref(), &proposal_seq.to_le_bytes()])
    }

    /// Rent of an account, in lamports.
    pub fn rent_of(&self, bytes: u64) -> u64 {
        (bytes + self.rent.1) * self.rent.0
    }

    /// Lamports at an address.
    pub fn lamports_of(&self, address: &Address) -> u64 {
        self.lamports.get(address).copied().unwrap_or(0)
    }

    /// Tokens in an account.
    pub fn amount_of(&self, account: &Address) -> u64 {
        self.tokens.get(account).map_or(0, |tokens| tokens.amount)
    }

    /// Whether an account of the program lies at an address.
    pub fn has_state(&self, address: &Address) -> bool {
        self.buses.contains_key(address)
            || self.capacities.contains_key(address)
            || self.offers.contains_key(address)
            || self.locks.contains_key(address)
            || self.lanes.contains_key(address)
            || self.proposals.contains_key(address)
    }

    /// Every bus of which something lies at one of the addresses.
    pub fn buses_of<'a>(&self, addresses: impl Iterator<Item = &'a Address>) -> BTreeSet<Address> {
        let mut found = BTreeSet::new();
        for address in addresses {
            if self.buses.contains_key(address) {
                found.insert(*address);
            } else if let Some(capacity) = self.capacities.get(address) {
                found.insert(capacity.bus);
            } else if let Some(offer) = self.offers.get(address) {
                found.insert(offer.bus);
            }
        }
        found
    }

    /// Checks every invariant of the design, of these buses and of all money.
    ///
    /// # Errors
    /// A sentence where one does not hold.
    pub fn check(&self, buses: &BTreeSet<Address>) -> Result<(), String> {
        let hold = |holds: bool, what: &str| if holds { Ok(()) } else { Err(format!("invariant broken: {what}")) };
        // 1. Nothing appears or vanishes.
        let mut tokens: BTreeMap<Address, u128> = BTreeMap::new();
        for account in self.tokens.values() {
            *tokens.entry(account.mint).or_default() += account.amount as u128;
        }
        for (mint, supply) in &self.supply {
            hold(tokens.get(mint).copied().unwrap_or(0) == *supply, "tokens appear or vanish")?;
        }
        let lamports: u128 = self.lamports.values().map(|lamports| *lamports as u128).sum();
        hold(lamports == self.all_lamports, "lamports appear or vanish")?;
        for address in buses {
            let Some(bus) = self.buses.get(address) else { continue };
            let mut deposits = 0u128;
            let (mut windows, mut general) = (0, None);
            for (at, capacity) in self.capacities.iter().filter(|(_, capacity)| capacity.bus == *address) {
                // 2. Energy.
                let parts = capacity.available_wh as u128 + capacity.listed_wh as u128 + capacity.sold_wh as u128;
                hold(parts == capacity.total_wh as u128, "total = available + listed + sold")?;
                let (mut listed, mut open) = (0u128, 0);
                for offer in self.offers.values().filter(|offer| offer.capacity == *at) {
                    hold(
                        offer.reserved_wh <= offer.remaining_wh && offer.remaining_wh <= offer.listed_wh,
                        "reserved <= remaining <= listed",
                    )?;
                    listed += offer.listed_wh as u128;
                    open += 1;
                }
                hold(listed == capacity.listed_wh as u128, "listed = sum of the open offers as listed")?;
                hold(open == capacity.open_offers, "open offers are counted")?;
                if capacity.window_start == 0 {
                    general = Some(capacity.open_windows);
                } else {
                    windows += 1;
                }
            }
            hold(general == Some(windows), "open windows are counted")?;
            // 3. Locks and their deposits.
            for (at, offer) in self.offers.iter().filter(|(_, offer)| offer.bus == *address) {
                let (mut reserved, mut open) = (0u128, 0);
                for lock in self.locks.values().filter(|lock| lock.offer == *at) {
                    hold(lock.deposit as u128 == cost(lock.energy_wh, lock.price_per_kwh), "a deposit is the cost")?;
                    reserved += lock.energy_wh as u128;
                    deposits += lock.deposit as u128;
                    open += 1;
                }
                hold(reserved == offer.reserved_wh as u128, "reserved = sum of the open locks")?;
                hold(open == offer.open_locks, "open locks are counted")?;
            }
            let gifts = self.gifts.get(&bus.escrow).copied().unwrap_or(0);
            hold(self.amount_of(&bus.escrow) as u128 == deposits + gifts, "escrow = sum of deposits (and gifts)")?;
            // 5. Owners and their treasury.
            let shares: u32 = bus.owners.iter().map(|(_, share)| *share as u32).sum();
            hold(shares == 10_000, "shares sum to 10,000")?;
            hold(
                bus.threshold >= 1 && bus.threshold as usize <= bus.owners.len() && bus.owners.len() <= 16,
                "1 <= threshold <= owners <= 16",
            )?;
            hold(!bus.is_owner(address), "a bus does not own itself")?;
            let balance = self.amount_of(&bus.treasury);
            let former: u128 = bus.former_owners().values().sum();
            let present: u128 = bus.owners.iter().map(|(owner, _)| bus.claimable(owner, balance)).sum();
            let left = (balance as u128).checked_sub(former + present);
            hold(left.is_some_and(|left| left < bus.owners.len() as u128), "the treasury covers every claim")?;
        }
        Ok(())
    }
}

//! The model's books: every account of the market, and all money that it moves.

use {
    crate::state::*,
    solana_address::Address,
    std::collections::{BTreeMap, BTreeSet},
};

/// The market, and all money that it moves.
#[derive(Clone, Debug)]
pub struct Model {
    /// Address of the program.
    pub program: Address,
    /// Rent: lamports for each byte, and bytes that every account pays for besides its own.
    pub rent: (u64, u64),
    /// Unix seconds.
    pub now: i64,
    pub slot: u64,
    pub mints: BTreeMap<Address, ModelMint>,
    pub tokens: BTreeMap<Address, ModelTokens>,
    /// Lamports of every wallet and every account of a game.
    pub lamports: BTreeMap<Address, u64>,
    pub buses: BTreeMap<Address, ModelBus>,
    pub capacities: BTreeMap<Address, ModelCapacity>,
    pub offers: BTreeMap<Address, ModelOffer>,
    pub locks: BTreeMap<Address, ModelLock>,
    pub lanes: BTreeMap<Address, ModelLane>,
    pub proposals: BTreeMap<Address, ModelProposal>,
    /// Tokens that came into an escrow from outside the market, by escrow.
    pub gifts: BTreeMap<Address, u128>,
    /// Tokens of each mint that exist.
    pub supply: BTreeMap<Address, u128>,
    /// Lamports that exist in a game.
    pub all_lamports: u128,
    /// Every transaction hash so far.
    pub hashes: BTreeSet<[u8; 32]>,
    /// Every address of an offer so far.
    pub offers_ever: BTreeSet<Address>,
    /// The next nonce of every lane so far, closed lanes included.
    pub nonces: BTreeMap<Address, u64>,
}

impl Model {
    /// A market without accounts.
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

    /// An address that the program derives from seeds, with its bump.
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

    /// Whether an account of the program is at an address.
    pub fn has_state(&self, address: &Address) -> bool {
        self.buses.contains_key(address)
            || self.capacities.contains_key(address)
            || self.offers.contains_key(address)
            || self.locks.contains_key(address)
            || self.lanes.contains_key(address)
            || self.proposals.contains_key(address)
    }

    /// Every bus that one of these addresses belongs to: the bus itself, or one of its capacities or offers.
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
}

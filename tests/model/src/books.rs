//! The model's books: every account of the market, and all money that it moves.

use {
    crate::{limit::COUNTER_SLOT_SHIFT, price::Orders, state::*},
    solana_address::Address,
    std::collections::{BTreeMap, BTreeSet},
};

/// The program that makes associated token accounts.
const ASSOCIATED_TOKEN_PROGRAM: Address = Address::new_from_array([
    140, 151, 37, 143, 78, 36, 137, 241, 187, 61, 16, 41, 20, 142, 13, 131, 11, 90, 19, 153, 218, 255, 16, 132, 4, 142,
    123, 216, 219, 233, 248, 89,
]);

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
    pub creators: BTreeMap<Address, ModelCreator>,
    pub buses: BTreeMap<Address, ModelBus>,
    pub tombstones: BTreeMap<Address, ModelTombstone>,
    /// The bus of each ledger.
    pub ledgers: BTreeMap<Address, Address>,
    pub capacities: BTreeMap<Address, ModelCapacity>,
    pub sellers: BTreeMap<Address, ModelSeller>,
    pub offers: BTreeMap<Address, ModelOffer>,
    pub locks: BTreeMap<Address, ModelLock>,
    pub lanes: BTreeMap<Address, ModelLane>,
    pub proposals: BTreeMap<Address, ModelProposal>,
    pub claims: BTreeMap<Address, ModelClaim>,
    pub meters: BTreeMap<Address, ModelMeter>,
    pub devices: BTreeMap<Address, ModelDevice>,
    pub books: BTreeMap<Address, ModelBook>,
    pub positions: BTreeMap<Address, ModelPosition>,
    pub certificates: BTreeMap<Address, ModelCertificate>,
    pub bids: BTreeMap<Address, ModelBid>,
    pub clearings: BTreeMap<Address, ModelClearing>,
    /// Every range of Wh that was ever certified, by seller and window: the end of each, by its start.
    pub certified_ever: BTreeMap<(Address, i64), BTreeMap<u64, u64>>,
    /// What the last reading of a final window said when a certificate of it was taken, by seller and window.
    pub delivered_ever: BTreeMap<(Address, i64), u64>,
    /// Tokens in each vault and each unclaimed account that are in no book.
    pub gifts: BTreeMap<Address, i128>,
    /// Tokens of each mint that exist.
    pub supply: BTreeMap<Address, u128>,
    /// Lamports that exist in a game.
    pub all_lamports: u128,
    /// Every transaction hash so far.
    pub hashes: BTreeSet<[u8; 32]>,
    /// Every address of a bus, an offer or a proposal so far: none comes twice.
    pub numbered_ever: BTreeSet<Address>,
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
            creators: BTreeMap::new(),
            buses: BTreeMap::new(),
            tombstones: BTreeMap::new(),
            ledgers: BTreeMap::new(),
            capacities: BTreeMap::new(),
            sellers: BTreeMap::new(),
            offers: BTreeMap::new(),
            locks: BTreeMap::new(),
            lanes: BTreeMap::new(),
            proposals: BTreeMap::new(),
            claims: BTreeMap::new(),
            meters: BTreeMap::new(),
            devices: BTreeMap::new(),
            books: BTreeMap::new(),
            positions: BTreeMap::new(),
            certificates: BTreeMap::new(),
            bids: BTreeMap::new(),
            clearings: BTreeMap::new(),
            certified_ever: BTreeMap::new(),
            delivered_ever: BTreeMap::new(),
            gifts: BTreeMap::new(),
            supply: BTreeMap::new(),
            all_lamports: 0,
            hashes: BTreeSet::new(),
            numbered_ever: BTreeSet::new(),
            nonces: BTreeMap::new(),
        }
    }

    /// An address that the program derives from seeds, with its bump.
    pub fn address(&self, seeds: &[&[u8]]) -> (Address, u8) {
        Address::find_program_address(seeds, &self.program)
    }

    pub fn creator_address(&self, wallet: &Address) -> (Address, u8) {
        self.address(&[b"creator", wallet.as_ref()])
    }

    pub fn bus_address(&self, creator: &Address, bus_seq: u64) -> (Address, u8) {
        self.address(&[b"bus", creator.as_ref(), &bus_seq.to_le_bytes()])
    }

    pub fn ledger_address(&self, bus: &Address) -> (Address, u8) {
        self.address(&[b"ledger", bus.as_ref()])
    }

    pub fn capacity_address(&self, bus: &Address, window_start: i64) -> (Address, u8) {
        self.address(&[b"capacity", bus.as_ref(), &window_start.to_le_bytes()])
    }

    pub fn treasury_address(&self, bus: &Address) -> Address {
        self.address(&[b"treasury", bus.as_ref()]).0
    }

    pub fn unclaimed_address(&self, bus: &Address) -> Address {
        self.address(&[b"unclaimed", bus.as_ref()]).0
    }

    pub fn escrow_address(&self, bus: &Address) -> Address {
        self.address(&[b"escrow", bus.as_ref()]).0
    }

    pub fn seller_address(&self, bus: &Address, wallet: &Address) -> (Address, u8) {
        self.address(&[b"seller", bus.as_ref(), wallet.as_ref()])
    }

    pub fn vault_address(&self, seller: &Address) -> Address {
        self.address(&[b"vault", seller.as_ref()]).0
    }

    pub fn offer_address(&self, seller: &Address, number: u64) -> (Address, u8) {
        self.address(&[b"offer", seller.as_ref(), &number.to_le_bytes()])
    }

    pub fn lock_address(&self, offer: &Address, buyer: &Address, place: u8) -> (Address, u8) {
        self.address(&[b"lock", offer.as_ref(), buyer.as_ref(), &[place]])
    }

    pub fn lane_address(&self, wallet: &Address, lane: u16) -> (Address, u8) {
        self.address(&[b"trader", wallet.as_ref(), &lane.to_le_bytes()])
    }

    pub fn proposal_address(&self, bus: &Address, proposer: &Address, number: u64) -> (Address, u8) {
        self.address(&[b"proposal", bus.as_ref(), proposer.as_ref(), &number.to_le_bytes()])
    }

    pub fn claim_address(&self, bus: &Address, wallet: &Address) -> (Address, u8) {
        self.address(&[b"claim", bus.as_ref(), wallet.as_ref()])
    }

    pub fn meter_address(&self, seller: &Address) -> (Address, u8) {
        self.address(&[b"meter", seller.as_ref()])
    }

    pub fn device_address(&self, key: &Address) -> (Address, u8) {
        self.address(&[b"device", key.as_ref()])
    }

    pub fn book_address(&self, seller: &Address, first_window: i64) -> (Address, u8) {
        self.address(&[b"book", seller.as_ref(), &first_window.to_le_bytes()])
    }

    pub fn position_address(&self, book: &Address, buyer: &Address) -> (Address, u8) {
        self.address(&[b"position", book.as_ref(), buyer.as_ref()])
    }

    pub fn certificate_address(&self, seller: &Address, window_start: i64, range_start: u64) -> (Address, u8) {
        let (window, range) = (window_start.to_le_bytes(), range_start.to_le_bytes());
        self.address(&[b"certificate", seller.as_ref(), &window, &range])
    }

    /// The address of a bid, by the hash of its transaction and a bump; `None` where that bump makes none.
    pub fn bid_address(&self, transaction_hash: &[u8; 32], bump: u8) -> Option<Address> {
        Address::create_program_address(&[b"bid", transaction_hash, &[bump]], &self.program).ok()
    }

    /// The address of a bid under the largest bump that makes one, and that bump.
    pub fn first_bid_address(&self, transaction_hash: &[u8; 32]) -> (Address, u8) {
        self.address(&[b"bid", transaction_hash])
    }

    pub fn clearing_address(&self, capacity: &Address, clearer: &Address) -> (Address, u8) {
        self.address(&[b"clearing", capacity.as_ref(), clearer.as_ref()])
    }

    /// The associated token account of a wallet.
    pub fn associated_address(&self, wallet: &Address, mint: &Address) -> Address {
        let program = self.mints[mint].program;
        let seeds = [wallet.as_ref(), program.as_ref(), mint.as_ref()];
        Address::find_program_address(&seeds, &ASSOCIATED_TOKEN_PROGRAM).0
    }

    /// The first number of a counter that opens now.
    pub fn first_number(&self) -> u64 {
        self.slot << COUNTER_SLOT_SHIFT
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

    /// Whether a token account is frozen.
    pub fn is_frozen(&self, account: &Address) -> bool {
        self.tokens.get(account).is_some_and(|tokens| tokens.frozen)
    }

    /// Whether an account of the program is at an address.
    pub fn has_state(&self, address: &Address) -> bool {
        self.creators.contains_key(address)
            || self.buses.contains_key(address)
            || self.tombstones.contains_key(address)
            || self.ledgers.contains_key(address)
            || self.capacities.contains_key(address)
            || self.sellers.contains_key(address)
            || self.offers.contains_key(address)
            || self.locks.contains_key(address)
            || self.lanes.contains_key(address)
            || self.proposals.contains_key(address)
            || self.claims.contains_key(address)
            || self.meters.contains_key(address)
            || self.devices.contains_key(address)
            || self.books.contains_key(address)
            || self.positions.contains_key(address)
            || self.certificates.contains_key(address)
            || self.bids.contains_key(address)
            || self.clearings.contains_key(address)
    }

    /// Every bus or tombstone that one of these addresses belongs to.
    pub fn buses_of<'a>(&self, addresses: impl Iterator<Item = &'a Address>) -> BTreeSet<Address> {
        let mut found = BTreeSet::new();
        for address in addresses {
            if self.buses.contains_key(address) || self.tombstones.contains_key(address) {
                found.insert(*address);
            }
            found.extend(self.ledgers.get(address));
            found.extend(self.capacities.get(address).map(|capacity| capacity.bus));
            found.extend(self.sellers.get(address).map(|seller| seller.bus));
            found.extend(self.offers.get(address).map(|offer| offer.bus));
            found.extend(self.meters.get(address).map(|meter| meter.bus));
            found.extend(self.books.get(address).map(|book| book.bus));
            found.extend(self.certificates.get(address).map(|certificate| certificate.bus));
            found.extend(self.bids.get(address).map(|bid| bid.bus));
            found.extend(self.clearings.get(address).map(|clearing| clearing.bus));
        }
        found
    }

    /// How many sellers, windows, proposals and claims of a bus are open.
    pub fn open_of(&self, bus: &Address) -> (usize, usize, usize, usize) {
        (
            self.sellers.values().filter(|seller| seller.bus == *bus).count(),
            self.capacities.values().filter(|capacity| capacity.bus == *bus && capacity.window_start != 0).count(),
            self.proposals.values().filter(|proposal| proposal.bus == *bus).count(),
            self.claims.values().filter(|claim| claim.bus == *bus).count(),
        )
    }

    /// The bids and asks of a window as its auction reads them.
    pub fn orders_of(&self, capacity: &Address) -> Orders {
        let bids = self.bids.values().filter(|bid| bid.capacity == *capacity);
        let offers = self.offers.values().filter(|offer| offer.capacity == *capacity);
        Orders {
            bids: bids.map(|bid| (bid.price_per_kwh, bid.energy_wh)).collect(),
            asks: offers.map(|offer| (offer.price_per_kwh, offer.ask_wh())).collect(),
        }
    }

    /// What all claims on a bus come to, in base units.
    pub fn claims_on(&self, bus: &Address) -> u64 {
        self.claims.values().filter(|claim| claim.bus == *bus).map(|claim| claim.amount).sum()
    }
}

//! Every address that the market derives.
//!
//! To derive an address is to search for its bump, which takes longer than everything else that a client does with an
//! account. So addresses are kept with their bumps, and searched for once.

use {
    multibus::constants::{
        BID_SEED, BOOK_SEED, BUS_SEED, CAPACITY_SEED, CERTIFICATE_SEED, CLAIM_SEED, CLEARING_SEED, CREATOR_SEED,
        DEVICE_SEED, ESCROW_SEED, LEDGER_SEED, LOCK_SEED, METER_SEED, OFFER_SEED, POSITION_SEED, PROPOSAL_SEED,
        SELLER_SEED, TRADER_SEED, TREASURY_SEED, UNCLAIMED_SEED, VAULT_SEED,
    },
    solana_address::Address,
    std::{
        collections::HashMap,
        hash::{Hash, Hasher},
        sync::{LazyLock, Mutex, MutexGuard, PoisonError},
    },
};

/// Addresses that are kept in each of two generations: as many as a large market has offers. They take 40 megabytes at most, where
/// as many accounts were read.
const GENERATION: usize = 114_688;
/// Bytes of the longest seeds: those of an associated token account.
const SEEDS_LEN: usize = 96;

/// Seeds as they are hashed, one after the other, and the program that derives from them.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seeds {
    bytes: [u8; SEEDS_LEN],
    len: usize,
    is_token_account: bool,
}

impl Seeds {
    fn new(seeds: &[&[u8]], is_token_account: bool) -> Self {
        let mut all = Self { bytes: [0; SEEDS_LEN], len: 0, is_token_account };
        for seed in seeds {
            all.bytes[all.len..all.len + seed.len()].copy_from_slice(seed);
            all.len += seed.len();
        }
        all
    }
}

impl Hash for Seeds {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.bytes[..self.len]);
    }
}

/// Addresses that were derived, with their bumps. Those that were not asked for lately are forgotten.
#[derive(Default)]
struct Derived {
    recent: HashMap<Seeds, (Address, u8)>,
    older: HashMap<Seeds, (Address, u8)>,
}

static DERIVED: LazyLock<Mutex<Derived>> = LazyLock::new(Mutex::default);

impl Derived {
    fn lock() -> MutexGuard<'static, Self> {
        DERIVED.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&mut self, seeds: &Seeds) -> Option<(Address, u8)> {
        if let Some(derived) = self.recent.get(seeds) {
            return Some(*derived);
        }
        let derived = self.older.remove(seeds)?;
        self.put(*seeds, derived);
        Some(derived)
    }

    fn put(&mut self, seeds: Seeds, derived: (Address, u8)) {
        if self.recent.len() >= GENERATION {
            self.age();
        }
        self.recent.insert(seeds, derived);
    }

    /// Forgets what was not asked for since the last call.
    fn age(&mut self) {
        self.older = std::mem::take(&mut self.recent);
    }
}

/// Forgets the addresses that were not asked for since the last call. Whoever trades for a year calls it now and then, so that it
/// keeps the addresses of present offers and not those of all that there ever were.
pub fn forget_unused() {
    Derived::lock().age();
}

/// An address and its bump.
fn find(seeds: &[&[u8]], program: &Address) -> (Address, u8) {
    let key = Seeds::new(seeds, *program != multibus::ID);
    if let Some(derived) = Derived::lock().get(&key) {
        return derived;
    }
    let derived = Address::find_program_address(seeds, program);
    Derived::lock().put(key, derived);
    derived
}

fn derive(seeds: &[&[u8]]) -> Address {
    find(seeds, &multibus::ID).0
}

/// The counter that numbers a wallet's buses.
pub fn creator(wallet: &Address) -> Address {
    derive(&[CREATOR_SEED, wallet.as_ref()])
}

/// A bus, by its creator and its number among the creator's buses.
pub fn bus(creator: &Address, bus_seq: u64) -> Address {
    derive(&[BUS_SEED, creator.as_ref(), &bus_seq.to_le_bytes()])
}

/// What changes on a bus without a decision.
pub fn ledger(bus: &Address) -> Address {
    derive(&[LEDGER_SEED, bus.as_ref()])
}

/// The capacity of a bus's delivery window; window start 0 is the general capacity.
pub fn capacity(bus: &Address, window_start: i64) -> Address {
    derive(&[CAPACITY_SEED, bus.as_ref(), &window_start.to_le_bytes()])
}

/// A wallet's seller account on a bus. The bus sells its own offers as the seller whose wallet is the bus.
pub fn seller(bus: &Address, wallet: &Address) -> Address {
    derive(&[SELLER_SEED, bus.as_ref(), wallet.as_ref()])
}

/// The token account that is paid for a seller, by the seller's account.
pub fn vault(seller: &Address) -> Address {
    derive(&[VAULT_SEED, seller.as_ref()])
}

/// An offer, by its seller's account and its number among that seller's offers.
pub fn offer(seller: &Address, number: u64) -> Address {
    derive(&[OFFER_SEED, seller.as_ref(), &number.to_le_bytes()])
}

/// A nonce lane of a wallet.
pub fn trader(wallet: &Address, lane: u16) -> Address {
    derive(&[TRADER_SEED, wallet.as_ref(), &lane.to_le_bytes()])
}

/// A buyer's lock on an offer, at one of its 8 places.
pub fn lock(offer: &Address, buyer: &Address, place: u8) -> Address {
    derive(&[LOCK_SEED, offer.as_ref(), buyer.as_ref(), &[place]])
}

/// A proposal, by its bus, its proposer and its number among that proposer's proposals.
pub fn proposal(bus: &Address, proposer: &Address, number: u64) -> Address {
    derive(&[PROPOSAL_SEED, bus.as_ref(), proposer.as_ref(), &number.to_le_bytes()])
}

/// The token account that receives the revenue of a bus's own offers.
pub fn treasury(bus: &Address) -> Address {
    derive(&[TREASURY_SEED, bus.as_ref()])
}

/// The token account that holds what a bus could not pay.
pub fn unclaimed(bus: &Address) -> Address {
    derive(&[UNCLAIMED_SEED, bus.as_ref()])
}

/// The token account that holds the deposits of a bus's bids.
pub fn escrow(bus: &Address) -> Address {
    derive(&[ESCROW_SEED, bus.as_ref()])
}

/// A bid, by the transaction hash that its buyer's nonce gives it.
pub fn bid(transaction_hash: &[u8; 32]) -> Address {
    bid_and_bump(transaction_hash).0
}

/// A bid, and the bump that `bid_create` takes.
pub fn bid_and_bump(transaction_hash: &[u8; 32]) -> (Address, u8) {
    find(&[BID_SEED, transaction_hash], &multibus::ID)
}

/// A clearer's clearing of a window, by the window's capacity.
pub fn clearing(capacity: &Address, clearer: &Address) -> Address {
    derive(&[CLEARING_SEED, capacity.as_ref(), clearer.as_ref()])
}

/// What a wallet can pull from a bus's unclaimed account.
pub fn claim(bus: &Address, wallet: &Address) -> Address {
    derive(&[CLAIM_SEED, bus.as_ref(), wallet.as_ref()])
}

/// A seller's meter, by the seller's account.
pub fn meter(seller: &Address) -> Address {
    derive(&[METER_SEED, seller.as_ref()])
}

/// The account of a device's key, which tells that the key is registered.
pub fn device(key: &Address) -> Address {
    derive(&[DEVICE_SEED, key.as_ref()])
}

/// A seller's delivery book, by the seller's account and the start of the first of its 96 windows.
pub fn book(seller: &Address, first_window: i64) -> Address {
    derive(&[BOOK_SEED, seller.as_ref(), &first_window.to_le_bytes()])
}

/// A buyer's position book on a delivery book.
pub fn position(book: &Address, buyer: &Address) -> Address {
    derive(&[POSITION_SEED, book.as_ref(), buyer.as_ref()])
}

/// The certificate of what a seller delivered in a window, from a Wh on, counted from 0.
pub fn certificate(seller: &Address, window_start: i64, range_start: u64) -> Address {
    derive(&[CERTIFICATE_SEED, seller.as_ref(), &window_start.to_le_bytes(), &range_start.to_le_bytes()])
}

/// A wallet's associated token account of a mint, for either token program.
pub fn associated_token(wallet: &Address, mint: &Address, token_program: &Address) -> Address {
    let seeds = [wallet.as_ref(), token_program.as_ref(), mint.as_ref()];
    find(&seeds, &spl_associated_token_account_interface::program::ID).0
}

#[cfg(test)]
mod tests {
    use {super::*, spl_associated_token_account_interface::address::get_associated_token_address_with_program_id};

    #[test]
    fn an_address_that_is_kept_is_the_one_that_is_derived() {
        let seller = Address::new_from_array([3; 32]);
        for number in 0..100u64 {
            let seeds = [OFFER_SEED, seller.as_ref(), &number.to_le_bytes()];
            let derived = Address::find_program_address(&seeds, &multibus::ID);
            for _ in 0..2 {
                assert_eq!(find(&seeds, &multibus::ID), derived);
                assert_eq!(offer(&seller, number), derived.0);
            }
        }
    }

    #[test]
    fn what_was_not_asked_for_lately_is_forgotten() {
        let mut derived = Derived::default();
        let seeds = |number: usize| Seeds::new(&[&number.to_le_bytes()], false);
        let address = (Address::default(), 7);
        for number in 0..3 * GENERATION {
            derived.put(seeds(number), address);
            assert!(derived.get(&seeds(0)).is_some());
            assert!(derived.recent.len() <= GENERATION && derived.older.len() <= GENERATION);
        }
        assert_eq!((derived.get(&seeds(1)), derived.get(&seeds(3 * GENERATION - 1))), (None, Some(address)));
        derived.age();
        assert_eq!(derived.get(&seeds(0)), Some(address));
        derived.age();
        assert_eq!((derived.get(&seeds(0)), derived.get(&seeds(3 * GENERATION - 1))), (Some(address), None));
    }

    #[test]
    fn token_accounts_are_derived_as_everywhere() {
        let [wallet, mint, program] = [1, 2, 3].map(|byte| Address::new_from_array([byte; 32]));
        for _ in 0..2 {
            let expected = get_associated_token_address_with_program_id(&wallet, &mint, &program);
            assert_eq!(associated_token(&wallet, &mint, &program), expected);
        }
    }

    #[test]
    fn every_part_of_a_seed_changes_the_address() {
        let [a, b] = [Address::new_from_array([1; 32]), Address::new_from_array([2; 32])];
        let addresses = [
            creator(&a),
            bus(&a, 0),
            bus(&a, 1),
            bus(&b, 0),
            ledger(&a),
            capacity(&a, 0),
            capacity(&a, 900),
            seller(&a, &b),
            seller(&b, &a),
            vault(&a),
            offer(&a, 0),
            offer(&a, 1),
            trader(&a, 0),
            trader(&a, 1),
            lock(&a, &b, 0),
            lock(&a, &b, 7),
            lock(&b, &a, 0),
            proposal(&a, &b, 0),
            proposal(&a, &b, 1),
            proposal(&b, &a, 0),
            treasury(&a),
            unclaimed(&a),
            claim(&a, &b),
            claim(&b, &a),
            meter(&a),
            device(&a),
            book(&a, 0),
            book(&a, 900),
            position(&a, &b),
            position(&b, &a),
            certificate(&a, 0, 0),
            certificate(&a, 900, 0),
            certificate(&a, 0, 900),
            associated_token(&a, &b, &multibus::token::SPL_TOKEN_ID),
            associated_token(&a, &b, &multibus::token::TOKEN_2022_ID),
        ];
        for (index, address) in addresses.iter().enumerate() {
            assert!(!addresses[..index].contains(address), "address {index} comes twice");
        }
    }
}

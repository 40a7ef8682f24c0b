//! A second bookkeeping of the market, from its events alone, and the invariants that must hold of the chain.
//!
//! The replica knows nothing of the program's code but its events and account layouts. That it equals the chain
//! after every transaction shows both that the events tell everything and that the program moved what it says.

use {
    crate::{event::Event, key::pda},
    anchor_lang::{Discriminator, solana_program::hash::hashv},
    litesvm::LiteSVM,
    multibus::{
        constants::*,
        event::*,
        state::{self, OwnerSlot, PurchaseKind, Receipt},
    },
    solana_account::Account,
    solana_address::Address,
    std::collections::{BTreeMap, BTreeSet},
};

/// A token account, as far as the market is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenBalance {
    pub mint: Address,
    pub owner: Address,
    pub amount: u64,
}

/// Every token account of a chain.
pub type TokenBalances = BTreeMap<Address, TokenBalance>;

/// Tokens that came to an account (or left it), by account.
type Movements = BTreeMap<Address, i128>;

#[derive(Debug, Default)]
struct Bus {
    created: Option<state::Bus>,
    capacity: Address,
}

#[derive(Clone, Debug, Default)]
struct Capacity {
    bus: Address,
    rent_payer: Address,
    window_start: i64,
    window_seconds: u32,
    total_wh: u64,
    available_wh: u64,
    listed_wh: u64,
    sold_wh: u64,
    open_offers: u32,
    open_windows: u32,
    seqs: BTreeSet<u64>,
}

#[derive(Clone, Debug)]
struct Offer {
    created: OfferFields,
    price_per_kwh: u64,
    version: u32,
    listed_wh: u64,
    remaining_wh: u64,
    reserved_wh: u64,
    open_locks: u32,
    expires_at: i64,
    cancelled: u8,
}

#[derive(Clone, Debug)]
struct OfferFields {
    bus: Address,
    capacity: Address,
    seller: Address,
    payout: Address,
    offer_seq: u64,
    window_start: i64,
    created_at: i64,
    source: u8,
    owned_by_bus: u8,
}

#[derive(Clone, Debug)]
struct Lock {
    offer: Address,
    buyer: Address,
    energy_wh: u64,
    price_per_kwh: u64,
    deposit: u64,
    expires_at: i64,
}

#[derive(Clone, Debug)]
struct Lane {
    wallet: Address,
    lane: u16,
    first_nonce: u64,
    next_nonce: u64,
    history_root: [u8; 32],
    total_energy_wh: u64,
    total_paid: u64,
    receipts: Vec<(u64, Receipt)>,
}

/// The market as its events tell it.
#[derive(Debug, Default)]
pub struct Replica {
    buses: BTreeMap<Address, Bus>,
    capacities: BTreeMap<Address, Capacity>,
    offers: BTreeMap<Address, Offer>,
    locks: BTreeMap<Address, Lock>,
    lanes: BTreeMap<Address, Lane>,
    /// First nonce that a lane has never had, kept when the lane closes.
    nonces: BTreeMap<Address, u64>,
    /// Every transaction hash there ever was.
    hashes: BTreeSet<[u8; 32]>,
    /// Every offer address there ever was.
    offers_ever: BTreeSet<Address>,
    /// Tokens that strangers put into escrow accounts outside of the market.
    pub gifts: BTreeMap<Address, u64>,
    /// Buses that a test has paused: no instruction does it yet.
    pub paused: BTreeSet<Address>,
}

/// Decodes an account of the program.
///
/// # Panics
/// Where the account is of another type.
pub fn decode<T: Discriminator + bytemuck::AnyBitPattern>(account: &Account) -> T {
    assert_eq!(&account.data[..8], T::DISCRIMINATOR, "the account is of the type");
    bytemuck::pod_read_unaligned(&account.data[8..])
}

/// Every token account of a chain.
pub fn token_balances(svm: &LiteSVM) -> TokenBalances {
    let programs = [spl_token_interface::ID, spl_token_2022_interface::ID];
    let mut balances = TokenBalances::new();
    for (address, account) in &svm.accounts_db().inner {
        use solana_account::ReadableAccount;
        let data = account.data();
        let is_account = data.len() == 165 || (data.len() > 165 && data[165] == 2);
        if !programs.contains(account.owner()) || !is_account {
            continue;
        }
        let key = |at: usize| Address::try_from(&data[at..at + 32]).expect("32 bytes");
        let amount = u64::from_le_bytes(data[64..72].try_into().expect("8 bytes"));
        balances.insert(*address, TokenBalance { mint: key(0), owner: key(32), amount });
    }
    balances
}

impl Replica {
    /// Takes in the events of a transaction that landed, and checks the tokens that it moved.
    ///
    /// # Panics
    /// Where an event cannot follow on what was before, or other tokens moved than the events say.
    pub fn follow(&mut self, events: &[Event], before: &TokenBalances, after: &TokenBalances, now: i64) {
        let mut known = Movements::new();
        let mut paid = 0;
        let mut refunded: BTreeMap<Address, i128> = BTreeMap::new();
        for event in events {
            self.apply(event, now, &mut known, &mut paid, &mut refunded);
        }

        // Invariant 1. Accounts of the market moved as the events say; all else is buyers who paid or got refunds.
        let mut moved = Movements::new();
        let mut supply: BTreeMap<Address, i128> = BTreeMap::new();
        for address in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            let was = before.get(address).map_or(0, |balance| balance.amount) as i128;
            let is = after.get(address).map_or(0, |balance| balance.amount) as i128;
            let balance = after.get(address).or(before.get(address)).expect("one of the two");
            *supply.entry(balance.mint).or_default() += is - was;
            let rest = is - was - known.remove(address).unwrap_or(0);
            if rest != 0 {
                moved.insert(*address, rest);
            }
        }
        known.retain(|_, amount| *amount != 0);
        assert!(known.is_empty(), "the events tell of tokens for accounts that did not get them: {known:?}");
        assert!(supply.values().all(|change| *change == 0), "tokens appeared or vanished: {supply:?}");
        // Nothing appeared or vanished, so that what remains is paid and refunded in full; nobody got or paid more.
        let paid_by_accounts: i128 = moved.values().filter(|amount| **amount < 0).sum();
        assert!(-paid_by_accounts <= paid, "{} was paid, the events say {paid}", -paid_by_accounts);
        for (address, amount) in moved.into_iter().filter(|(_, amount)| *amount > 0) {
            let owner = after.get(&address).or(before.get(&address)).expect("one of the two").owner;
            let due = refunded.get_mut(&owner).unwrap_or_else(|| panic!("{address} got {amount} for nothing"));
            *due -= amount;
            assert!(*due >= 0, "{owner} got {} more than the events say", -*due);
        }
    }

    fn apply(
        &mut self,
        event: &Event,
        now: i64,
        known: &mut Movements,
        paid: &mut i128,
        refunded: &mut BTreeMap<Address, i128>,
    ) {
        match event {
            Event::BusCreated(event) => self.bus_created(event, now),
            Event::OwnerAdded(OwnerAdded { bus, owner, added_by, config_version, share_bps, padding: _ }) => {
                let bus = self.buses.get_mut(bus).expect("a known bus").created.as_mut().expect("created");
                assert_eq!(*config_version, bus.config_version + 1);
                bus.config_version += 1;
                let from = bus.owners.iter_mut().find(|slot| slot.owner == *added_by).expect("an owner added it");
                from.share_bps -= share_bps;
                bus.owners[bus.owner_count as usize] =
                    OwnerSlot { owner: *owner, share_bps: *share_bps, ..bytemuck::Zeroable::zeroed() };
                bus.owner_count += 1;
            }
            Event::CapacityOpened(event) => {
                let CapacityOpened { bus, capacity, rent_payer, window_start, total_wh, window_seconds, padding: _ } =
                    *event;
                let general = self.buses[&bus].capacity;
                self.capacities.get_mut(&general).expect("a known capacity").open_windows += 1;
                let opened = Capacity {
                    bus,
                    rent_payer,
                    window_start,
                    window_seconds,
                    total_wh,
                    available_wh: total_wh,
                    ..Capacity::default()
                };
                assert!(self.capacities.insert(capacity, opened).is_none(), "a window is opened once");
            }
            Event::CapacityClosed(CapacityClosed { bus, capacity, window_start, sold_wh }) => {
                let closed = self.capacities.remove(capacity).expect("a known capacity");
                assert_eq!((closed.bus, closed.window_start, closed.sold_wh), (*bus, *window_start, *sold_wh));
                assert_eq!(closed.open_offers, 0);
                assert!(now >= closed.window_start + closed.window_seconds as i64);
                let general = self.buses[bus].capacity;
                self.capacities.get_mut(&general).expect("a known capacity").open_windows -= 1;
            }
            Event::OfferCreated(event) => self.offer_created(event, now),
            Event::OfferRepriced(OfferRepriced { offer, price_per_kwh, version, padding: _ }) => {
                let offer = self.offers.get_mut(offer).expect("a known offer");
                assert_eq!(*version, offer.version + 1, "versions grow by one");
                (offer.price_per_kwh, offer.version) = (*price_per_kwh, *version);
            }
            Event::OfferExtended(OfferExtended { offer, expires_at }) => {
                let offer = self.offers.get_mut(offer).expect("a known offer");
                assert!(*expires_at == 0 || *expires_at > offer.expires_at, "an offer is only extended");
                offer.expires_at = *expires_at;
            }
            Event::OfferCancelled(event) => self.offer_cancelled(event),
            Event::LockTaken(LockTaken { lock, offer: on, buyer, energy_wh, price_per_kwh, deposit, expires_at }) => {
                let offer = self.offers.get_mut(on).expect("a known offer");
                let bus = self.buses[&offer.created.bus].created.as_ref().expect("created");
                assert_eq!(*expires_at, now + 300, "a lock lasts 300 s");
                assert_eq!(*price_per_kwh, offer.price_per_kwh, "a lock is at the price of the moment");
                assert_eq!(*deposit as u128, cost(*energy_wh, *price_per_kwh), "the deposit is the full cost");
                assert_ne!(*buyer, offer.created.seller, "nobody locks the own offer");
                offer.reserved_wh += energy_wh;
                offer.open_locks += 1;
                *known.entry(bus.escrow).or_default() += *deposit as i128;
                *paid += *deposit as i128;
                let taken = Lock {
                    offer: *on,
                    buyer: *buyer,
                    energy_wh: *energy_wh,
                    price_per_kwh: *price_per_kwh,
                    deposit: *deposit,
                    expires_at: *expires_at,
                };
                assert!(self.locks.insert(*lock, taken).is_none(), "one lock for each buyer and offer");
            }
            Event::LockReleased(LockReleased { lock, offer: on, buyer, released_by, energy_wh, refund, fee }) => {
                let released = self.locks.remove(lock).expect("a known lock");
                assert_eq!((released.offer, released.buyer, released.energy_wh), (*on, *buyer, *energy_wh));
                assert_eq!(released.deposit, refund + fee, "the deposit is divided");
                assert!(released_by == buyer || now > released.expires_at, "strangers wait for the expiry");
                let offer = self.offers.get_mut(on).expect("a known offer");
                let bus = self.buses[&offer.created.bus].created.as_ref().expect("created");
                let full_fee = (released.deposit as u128 * bus.lock_fee_bps as u128 / 10_000) as u64;
                assert!(*fee == 0 || *fee == full_fee, "the fee is the bus's or none");
                assert!(*fee == 0 || !self.paused.contains(&offer.created.bus), "no fee while paused");
                offer.reserved_wh -= energy_wh;
                offer.open_locks -= 1;
                *known.entry(bus.escrow).or_default() -= released.deposit as i128;
                *known.entry(offer.created.payout).or_default() += *fee as i128;
                *refunded.entry(*buyer).or_default() += *refund as i128;
            }
            Event::TraderOpened(TraderOpened { trader, wallet, first_nonce, lane, padding: _ }) => {
                assert_eq!(*trader, pda::trader(wallet, *lane).0);
                let lowest = self.nonces.get(trader).copied().unwrap_or(0);
                assert!(*first_nonce >= lowest, "a lane opens above every nonce it had");
                let opened = Lane {
                    wallet: *wallet,
                    lane: *lane,
                    first_nonce: *first_nonce,
                    next_nonce: *first_nonce,
                    history_root: [0; 32],
                    total_energy_wh: 0,
                    total_paid: 0,
                    receipts: Vec::new(),
                };
                assert!(self.lanes.insert(*trader, opened).is_none(), "a lane is opened once");
            }
            Event::TraderClosed(TraderClosed { trader, wallet, history_root, next_nonce, lane, padding: _ }) => {
                let closed = self.lanes.remove(trader).expect("a known lane");
                assert_eq!((closed.wallet, closed.lane), (*wallet, *lane));
                assert_eq!((closed.next_nonce, closed.history_root), (*next_nonce, *history_root));
            }
            Event::EnergyPurchased(header, fills) => self.energy_purchased(header, fills, now, known, paid),
        }
    }

    fn bus_created(&mut self, event: &BusCreated, now: i64) {
        let BusCreated {
            bus,
            capacity,
            creator,
            mint,
            escrow,
            treasury,
            bus_seq,
            capacity_wh,
            base_price_per_kwh,
            created_at,
            timelock_seconds,
            window_seconds,
            gate_closure_seconds,
            lock_fee_bps,
            threshold,
            listing_policy,
            owner_count,
            name_len,
            padding,
            name,
            owners,
        } = *event;
        assert_eq!((padding, created_at), ([0; 6], now));
        assert_eq!(capacity, pda::capacity(&bus, 0).0);
        let created = state::Bus {
            layout_version: LAYOUT_VERSION,
            bump: pda::bus(&creator, bus_seq).1,
            owner_count,
            threshold,
            listing_policy,
            name_len,
            timelock_seconds,
            window_seconds,
            gate_closure_seconds,
            lock_fee_bps,
            capacity_wh,
            base_price_per_kwh,
            bus_seq,
            created_at,
            creator,
            mint,
            escrow,
            treasury,
            name,
            owners,
            ..bytemuck::Zeroable::zeroed()
        };
        let known = Bus { created: Some(created), capacity };
        assert!(self.buses.insert(bus, known).is_none(), "a bus is created once");
        let general = Capacity {
            bus,
            rent_payer: creator,
            total_wh: capacity_wh,
            available_wh: capacity_wh,
            ..Capacity::default()
        };
        self.capacities.insert(capacity, general);
    }

    fn offer_created(&mut self, event: &OfferCreated, now: i64) {
        let OfferCreated {
            bus,
            capacity: of,
            offer,
            seller,
            payout,
            offer_seq,
            energy_wh,
            price_per_kwh,
            window_start,
            created_at,
            expires_at,
            source,
            owned_by_bus,
            padding,
        } = *event;
        assert_eq!((padding, created_at), ([0; 6], now));
        assert!(self.offers_ever.insert(offer), "an offer's address is used once");
        let capacity = self.capacities.get_mut(&of).expect("a known capacity");
        assert_eq!((capacity.bus, capacity.window_start), (bus, window_start));
        assert!(capacity.seqs.insert(offer_seq), "an offer's number is used once");
        capacity.available_wh = capacity.available_wh.checked_sub(energy_wh).expect("within the capacity");
        capacity.listed_wh += energy_wh;
        capacity.open_offers += 1;
        let created = OfferFields {
            bus,
            capacity: of,
            seller,
            payout,
            offer_seq,
            window_start,
            created_at,
            source,
            owned_by_bus,
        };
        let opened = Offer {
            created,
            price_per_kwh,
            version: 1,
            listed_wh: energy_wh,
            remaining_wh: energy_wh,
            reserved_wh: 0,
            open_locks: 0,
            expires_at,
            cancelled: 0,
        };
        self.offers.insert(offer, opened);
    }

    fn offer_cancelled(&mut self, event: &OfferCancelled) {
        let OfferCancelled { bus, offer: address, cancelled_by: _, withdrawn_wh, sold_wh, closed, padding } = *event;
        assert_eq!(padding, [0; 7]);
        let offer = self.offers.get_mut(&address).expect("a known offer");
        assert_eq!(offer.created.bus, bus);
        assert_eq!(withdrawn_wh, offer.remaining_wh - offer.reserved_wh, "all that is free is withdrawn");
        assert_eq!(closed == 1, offer.open_locks == 0, "an offer without locks closes");
        offer.cancelled = 1;
        offer.listed_wh -= withdrawn_wh;
        offer.remaining_wh -= withdrawn_wh;
        assert_eq!(sold_wh, offer.listed_wh - offer.remaining_wh);
        let capacity = self.capacities.get_mut(&offer.created.capacity).expect("a known capacity");
        capacity.listed_wh -= withdrawn_wh;
        capacity.available_wh += withdrawn_wh;
        if closed == 1 {
            assert_eq!(offer.remaining_wh, 0);
            capacity.listed_wh -= sold_wh;
            capacity.sold_wh += sold_wh;
            capacity.open_offers -= 1;
            self.offers.remove(&address);
        }
    }

    fn energy_purchased(
        &mut self,
        header: &EnergyPurchasedHeader,
        fills: &[PurchasedFill],
        now: i64,
        known: &mut Movements,
        paid: &mut i128,
    ) {
        let EnergyPurchasedHeader {
            discriminator: _,
            buyer,
            transaction_hash,
            nonce,
            purchased_at,
            lane: number,
            kind,
            reserved,
            fill_count: _,
        } = *header;
        assert_eq!((reserved, purchased_at), (0, now));
        // Invariant 4.
        assert!(self.hashes.insert(transaction_hash), "a transaction hash is recorded once");
        let trader = pda::trader(&buyer, number).0;
        let lane = self.lanes.get_mut(&trader).expect("a known lane");
        assert_eq!(nonce, lane.next_nonce, "the next nonce is spent");
        lane.next_nonce += 1;
        self.nonces.insert(trader, lane.next_nonce);
        lane.history_root = hashv(&[&lane.history_root, &transaction_hash]).to_bytes();

        let (mut total_wh, mut total) = (0, 0);
        for fill in fills {
            let PurchasedFill { offer: of, energy_wh, price_per_kwh, cost: amount } = *fill;
            assert!(energy_wh > 0, "no fill is empty");
            assert_eq!(amount as u128, cost(energy_wh, price_per_kwh), "a fill costs its price");
            let offer = self.offers.get_mut(&of).expect("a known offer");
            assert_ne!(offer.created.seller, buyer, "nobody buys from itself");
            assert!(!self.paused.contains(&offer.created.bus), "nothing is bought while paused");
            if kind == PurchaseKind::LockSettlement as u8 {
                let lock = self.locks.remove(&pda::lock(&of, &buyer).0).expect("a known lock");
                assert_eq!((lock.energy_wh, lock.price_per_kwh), (energy_wh, price_per_kwh));
                assert_eq!(lock.deposit, amount);
                assert!(now <= lock.expires_at, "a lock settles until its expiry");
                offer.reserved_wh -= energy_wh;
                offer.open_locks -= 1;
                let bus = self.buses[&offer.created.bus].created.as_ref().expect("created");
                *known.entry(bus.escrow).or_default() -= amount as i128;
            } else {
                assert!(kind <= PurchaseKind::Batch as u8);
                assert_eq!(price_per_kwh, offer.price_per_kwh, "a fill is at the offer's price");
                assert!(energy_wh <= offer.remaining_wh - offer.reserved_wh, "only free energy is sold");
                assert_eq!(offer.cancelled, 0, "a cancelled offer sells nothing");
                *paid += amount as i128;
            }
            offer.remaining_wh -= energy_wh;
            *known.entry(offer.created.payout).or_default() += amount as i128;
            total_wh += energy_wh;
            total += amount;
        }
        lane.total_energy_wh = lane.total_energy_wh.saturating_add(total_wh);
        lane.total_paid = lane.total_paid.saturating_add(total);
        lane.receipts.push((nonce, Receipt { transaction_hash, energy_wh: total_wh, paid: total, purchased_at }));
    }

    /// Checks that the chain is as the events tell it, and every invariant of the market.
    ///
    /// # Panics
    /// Where one does not hold.
    pub fn check(&self, svm: &LiteSVM, balances: &TokenBalances) {
        let mut seen = BTreeSet::new();
        for (address, account) in svm.get_program_accounts(&multibus::ID) {
            assert!(seen.insert(address));
            assert!(
                account.lamports >= svm.minimum_balance_for_rent_exemption(account.data.len()),
                "{address} is rent exempt"
            );
            let discriminator = account.data.get(..8).unwrap_or_else(|| panic!("{address} has no discriminator"));
            if discriminator == state::Bus::DISCRIMINATOR {
                self.check_bus(&address, decode(&account), balances);
            } else if discriminator == state::Capacity::DISCRIMINATOR {
                self.check_capacity(&address, decode(&account));
            } else if discriminator == state::Offer::DISCRIMINATOR {
                self.check_offer(&address, decode(&account));
            } else if discriminator == state::Lock::DISCRIMINATOR {
                self.check_lock(&address, decode(&account));
            } else if discriminator == state::Trader::DISCRIMINATOR {
                self.check_lane(&address, decode(&account));
            } else {
                panic!("{address} is an account of an unknown type");
            }
        }
        let told = self.buses.keys().chain(self.capacities.keys()).chain(self.offers.keys());
        let told = told.chain(self.locks.keys()).chain(self.lanes.keys()).copied().collect::<BTreeSet<_>>();
        assert_eq!(seen, told, "the accounts on chain are those of which the events tell");
    }

    fn check_bus(&self, address: &Address, bus: state::Bus, balances: &TokenBalances) {
        bus.check_invariants().unwrap();
        let told = self.buses.get(address).expect("a bus of which the events tell").created.expect("created");
        let told = state::Bus {
            // What the mint says.
            mint_decimals: bus.mint_decimals,
            token_program: bus.token_program,
            paused: self.paused.contains(address) as u8,
            ..told
        };
        assert_eq!(bus, told, "the bus is as its events tell");
        assert_eq!((*address, bus.bump), pda::bus(&bus.creator, bus.bus_seq));
        assert_eq!(bus.escrow, pda::escrow(address).0);
        assert_eq!(bus.treasury, pda::treasury(address).0);
        // Invariant 3.
        let deposits: u64 = self
            .locks
            .values()
            .filter(|lock| self.offers[&lock.offer].created.bus == *address)
            .map(|lock| lock.deposit)
            .sum();
        let escrow = &balances[&bus.escrow];
        assert_eq!((escrow.mint, escrow.owner), (bus.mint, *address));
        let gifts = self.gifts.get(&bus.escrow).copied().unwrap_or(0);
        assert_eq!(escrow.amount, deposits + gifts, "escrow = sum of the deposits of its bus");
        // Invariant 5: the treasury covers what owners may still claim.
        let treasury = &balances[&bus.treasury];
        assert_eq!((treasury.mint, treasury.owner), (bus.mint, *address));
        assert!(treasury.amount >= bus.owners().iter().map(|slot| slot.accrued).sum());
    }

    fn check_capacity(&self, address: &Address, capacity: state::Capacity) {
        capacity.check_invariants().unwrap();
        let told = self.capacities.get(address).expect("a capacity of which the events tell");
        let next = told.seqs.last().map_or(0, |seq| seq + 1);
        let mut used = [0; 16];
        for seq in told.seqs.range(next.saturating_sub(1_024)..) {
            used[(seq / 64 % 16) as usize] |= 1 << (seq % 64);
        }
        let expected = state::Capacity {
            layout_version: LAYOUT_VERSION,
            bump: pda::capacity(&told.bus, told.window_start).1,
            window_seconds: told.window_seconds,
            window_start: told.window_start,
            total_wh: told.total_wh,
            available_wh: told.available_wh,
            listed_wh: told.listed_wh,
            sold_wh: told.sold_wh,
            open_offers: told.open_offers,
            open_windows: told.open_windows,
            offer_seqs: state::OfferSeqWindow { next, used },
            bus: told.bus,
            rent_payer: told.rent_payer,
            ..bytemuck::Zeroable::zeroed()
        };
        assert_eq!(capacity, expected, "the capacity is as its events tell");
        assert_eq!(*address, pda::capacity(&told.bus, told.window_start).0);
        // Invariant 2.
        let offers = || self.offers.values().filter(|offer| offer.created.capacity == *address);
        assert_eq!(capacity.total_wh, capacity.available_wh + capacity.listed_wh + capacity.sold_wh);
        assert_eq!(capacity.listed_wh, offers().map(|offer| offer.listed_wh).sum::<u64>());
        assert_eq!(capacity.open_offers as usize, offers().count());
        if capacity.window_start == 0 {
            let windows = self.capacities.values().filter(|other| other.bus == told.bus && other.window_start != 0);
            assert_eq!(capacity.open_windows as usize, windows.count());
        }
    }

    fn check_offer(&self, address: &Address, offer: state::Offer) {
        offer.check_invariants().unwrap();
        let told = self.offers.get(address).expect("an offer of which the events tell");
        let (of, bump) = pda::offer(&told.created.capacity, told.created.offer_seq);
        assert_eq!(*address, of);
        let expected = state::Offer {
            layout_version: LAYOUT_VERSION,
            bump,
            source: told.created.source,
            owned_by_bus: told.created.owned_by_bus,
            cancelled: told.cancelled,
            version: told.version,
            open_locks: told.open_locks,
            offer_seq: told.created.offer_seq,
            price_per_kwh: told.price_per_kwh,
            listed_wh: told.listed_wh,
            remaining_wh: told.remaining_wh,
            reserved_wh: told.reserved_wh,
            window_start: told.created.window_start,
            created_at: told.created.created_at,
            expires_at: told.expires_at,
            bus: told.created.bus,
            capacity: told.created.capacity,
            seller: told.created.seller,
            payout: told.created.payout,
            rent_payer: told.created.seller,
            ..bytemuck::Zeroable::zeroed()
        };
        assert_eq!(offer, expected, "the offer is as its events tell");
        // Invariants 2 and 3.
        assert!(offer.reserved_wh <= offer.remaining_wh && offer.remaining_wh <= offer.listed_wh);
        let locks = || self.locks.values().filter(|lock| lock.offer == *address);
        assert_eq!(offer.reserved_wh, locks().map(|lock| lock.energy_wh).sum::<u64>());
        assert_eq!(offer.open_locks as usize, locks().count());
    }

    fn check_lock(&self, address: &Address, lock: state::Lock) {
        lock.check_invariants().unwrap();
        let told = self.locks.get(address).expect("a lock of which the events tell");
        let (of, bump) = pda::lock(&told.offer, &told.buyer);
        assert_eq!(*address, of);
        let expected = state::Lock {
            layout_version: LAYOUT_VERSION,
            bump,
            energy_wh: told.energy_wh,
            price_per_kwh: told.price_per_kwh,
            deposit: told.deposit,
            taken_at: told.expires_at - 300,
            expires_at: told.expires_at,
            bus: self.offers[&told.offer].created.bus,
            offer: told.offer,
            buyer: told.buyer,
            ..bytemuck::Zeroable::zeroed()
        };
        assert_eq!(lock, expected, "the lock is as its events tell");
    }

    fn check_lane(&self, address: &Address, trader: state::Trader) {
        trader.check_invariants().unwrap();
        let told = self.lanes.get(address).expect("a lane of which the events tell");
        let mut receipts = [bytemuck::Zeroable::zeroed(); 16];
        for (nonce, receipt) in told.receipts.iter().rev().take(16) {
            receipts[(nonce % 16) as usize] = *receipt;
        }
        let expected = state::Trader {
            layout_version: LAYOUT_VERSION,
            bump: pda::trader(&told.wallet, told.lane).1,
            lane: told.lane,
            next_nonce: told.next_nonce,
            first_nonce: told.first_nonce,
            total_energy_wh: told.total_energy_wh,
            total_paid: told.total_paid,
            opened_at: trader.opened_at,
            wallet: told.wallet,
            history_root: told.history_root,
            receipts,
            ..bytemuck::Zeroable::zeroed()
        };
        assert_eq!(trader, expected, "the lane is as its events tell");
    }
}

/// Exact cost in 128 bits.
fn cost(energy_wh: u64, price_per_kwh: u64) -> u128 {
    (energy_wh as u128 * price_per_kwh as u128).div_ceil(1_000)
}

//! A second bookkeeping of the market, from its events alone, and the invariants that must hold of the chain.
//!
//! The replica knows nothing of the program's code but its events and account layouts. That it equals the chain
//! after every transaction shows both that the events tell everything and that the program moved what it says.

use {
    crate::key::pda,
    anchor_lang::{Discriminator, solana_program::hash::hashv},
    litesvm::LiteSVM,
    multibus::{
        constants::*,
        event::*,
        state::{self, Action, ActionKind, FormerOwner, OwnerShare, OwnerSlot, PurchaseKind, Receipt},
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

/// A bus as its owners have decided.
#[derive(Debug)]
struct Bus {
    /// All but the owners' places and the sums of the treasury, which are computed when they are compared.
    settings: state::Bus,
    capacity: Address,
    owners: Vec<OwnerShare>,
    revenue: Revenue,
}

impl Bus {
    fn is_owner(&self, wallet: &Address) -> bool {
        self.owners.iter().any(|share| share.owner == *wallet)
    }

    /// Whether a wallet may list here.
    fn may_list(&self, wallet: &Address) -> bool {
        self.settings.listing_policy == 1 || self.is_owner(wallet)
    }
}

/// What came into a treasury and whose it is, counted from its first day: for every wallet what it earned under
/// shares that have changed since, and all that it ever claimed. In token base units.
#[derive(Debug, Default)]
struct Revenue {
    /// Everything that buyers paid for the bus's own energy.
    sales: u128,
    earned: BTreeMap<Address, u128>,
    claimed: BTreeMap<Address, u128>,
}

impl Revenue {
    /// What the present shares divide, where `received` came in so far.
    fn period(&self, received: u128) -> u128 {
        received - self.earned.values().sum::<u128>()
    }

    /// What a wallet may claim now; its share is 0 where it is no owner.
    fn claimable(&self, wallet: &Address, share_bps: u16, received: u128) -> u128 {
        let earned = self.earned.get(wallet).copied().unwrap_or(0);
        let claimed = self.claimed.get(wallet).copied().unwrap_or(0);
        earned + self.period(received) * share_bps as u128 / 10_000 - claimed
    }

    /// The shares change: what the present ones earned is their owners' for good.
    fn settle(&mut self, owners: &[OwnerShare], received: u128) {
        let period = self.period(received);
        for OwnerShare { owner, share_bps } in owners {
            *self.earned.entry(*owner).or_default() += period * *share_bps as u128 / 10_000;
        }
    }

    fn claimed_by_all(&self) -> u128 {
        self.claimed.values().sum()
    }
}

#[derive(Clone, Debug)]
struct Proposal {
    bus: Address,
    proposer: Address,
    proposal_seq: u64,
    config_version: u64,
    created_at: i64,
    executable_at: i64,
    executed_at: Option<i64>,
    action: Action,
    /// The owners in their order when it was made.
    owners: Vec<Address>,
    approvals: BTreeSet<Address>,
}

impl Proposal {
    /// A bit for each owner who approves, at the owner's place.
    fn mask(&self) -> u16 {
        let place = |owner| self.owners.iter().position(|other| other == owner).expect("an owner approves");
        self.approvals.iter().map(|owner| 1 << place(owner)).sum()
    }
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
    rent_payer: Address,
}

#[derive(Clone, Debug)]
struct Lock {
    offer: Address,
    buyer: Address,
    energy_wh: u64,
    price_per_kwh: u64,
    deposit: u64,
    lock_fee_bps: u16,
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

/// What the events of one transaction tell of tokens.
#[derive(Default)]
struct Tally {
    /// Accounts of the market and of owners who claim.
    known: Movements,
    /// What buyers paid in all.
    paid: i128,
    /// What buyers got back, by buyer.
    refunded: BTreeMap<Address, i128>,
    /// Who claimed, and into which account.
    claims: Vec<(Address, Address)>,
}

/// The market as its events tell it.
#[derive(Debug, Default)]
pub struct Replica {
    buses: BTreeMap<Address, Bus>,
    capacities: BTreeMap<Address, Capacity>,
    offers: BTreeMap<Address, Offer>,
    locks: BTreeMap<Address, Lock>,
    lanes: BTreeMap<Address, Lane>,
    proposals: BTreeMap<Address, Proposal>,
    /// First nonce that a lane has never had, kept when the lane closes.
    nonces: BTreeMap<Address, u64>,
    /// Every transaction hash there ever was.
    hashes: BTreeSet<[u8; 32]>,
    /// Every offer address there ever was.
    offers_ever: BTreeSet<Address>,
    /// Tokens that strangers put into accounts outside of the market. In a treasury they are revenue.
    pub gifts: BTreeMap<Address, u128>,
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
        let mut tally = Tally::default();
        for event in events {
            self.apply(event, now, &mut tally);
        }
        let Tally { mut known, paid, mut refunded, claims } = tally;
        for (owner, destination) in claims {
            assert_eq!(after[&destination].owner, owner, "a claim goes into an account of its owner");
        }

        // Invariant 1. Accounts of the market moved as the events say; all else is buyers who paid or got refunds.
        let mut moved = Movements::new();
        let mut supply: BTreeMap<Address, i128> = BTreeMap::new();
        for address in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            let was = before.get(address).map_or(0, |balance| balance.amount) as i128;
            let is = after.get(address).map_or(0, |balance| balance.amount) as i128;
            let balance = after.get(address).or(before.get(address)).expect("one of the two");
            *supply.entry(balance.mint).or_default() += is - was;
            let told = known.remove(address);
            let rest = is - was - told.unwrap_or(0);
            // Who is short of it did not pay it: what one account lacks must not pass for what another paid.
            assert!(told.is_none() || rest >= 0, "{address} got {} less than the events say", -rest);
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

    fn apply(&mut self, event: &Event, now: i64, tally: &mut Tally) {
        match event {
            Event::BusCreated(event) => self.bus_created(event, now),
            Event::ProposalCreated(event) => self.proposal_created(event, now),
            Event::ProposalApproved(event) => self.proposal_approved(event, now),
            Event::ProposalRevoked(event) => self.proposal_revoked(event),
            Event::ProposalExecuted(event) => self.proposal_executed(event, now),
            Event::ProposalClosed(ProposalClosed { bus, proposal, closed_by: _, executed, padding }) => {
                let closed = self.proposals.remove(proposal).expect("a known proposal");
                assert_eq!((closed.bus, *padding), (*bus, [0; 7]));
                assert_eq!(*executed == 1, closed.executed_at.is_some());
                let stale = closed.config_version != self.buses[bus].settings.config_version;
                assert!(*executed == 1 || stale || closed.approvals.is_empty(), "it can no longer be executed");
            }
            Event::TreasuryClaimed(TreasuryClaimed { bus: of, owner, destination, amount, claimed_total }) => {
                let received = self.received(of);
                let bus = self.buses.get_mut(of).expect("a known bus");
                let share_bps =
                    bus.owners.iter().find(|share| share.owner == *owner).map_or(0, |share| share.share_bps);
                assert!(*amount > 0, "a claim pays something");
                assert_eq!(*amount as u128, bus.revenue.claimable(owner, share_bps, received), "a claim pays all");
                *bus.revenue.claimed.entry(*owner).or_default() += *amount as u128;
                assert_eq!(*claimed_total as u128, bus.revenue.claimed_by_all());
                *tally.known.entry(bus.settings.treasury).or_default() -= *amount as i128;
                *tally.known.entry(*destination).or_default() += *amount as i128;
                tally.claims.push((*owner, *destination));
                if self.buses.values().any(|bus| bus.settings.treasury == *destination) {
                    // The owner is itself a bus: its own owners divide what it earned.
                    *self.gifts.entry(*destination).or_default() += *amount as u128;
                }
            }
            Event::CapacityOpened(event) => {
                let CapacityOpened { bus, capacity, rent_payer, window_start, total_wh, window_seconds, padding: _ } =
                    *event;
                let Bus { capacity: general, settings, .. } = &self.buses[&bus];
                assert_eq!((total_wh, window_seconds), (settings.capacity_wh, settings.window_seconds));
                self.capacities.get_mut(general).expect("a known capacity").open_windows += 1;
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
                let over = now >= closed.window_start + closed.window_seconds as i64;
                assert!(over || closed.seqs.is_empty(), "a window is over, or never had an offer");
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
            Event::OfferCancelled(event) => self.offer_cancelled(event, now),
            Event::LockTaken(LockTaken { lock, offer: on, buyer, energy_wh, price_per_kwh, deposit, expires_at }) => {
                let offer = self.offers.get_mut(on).expect("a known offer");
                let bus = &self.buses[&offer.created.bus].settings;
                assert_eq!(bus.paused, 0, "nothing is locked while paused");
                assert_eq!(*expires_at, now + 300, "a lock lasts 300 s");
                assert_eq!(*price_per_kwh, offer.price_per_kwh, "a lock is at the price of the moment");
                assert_eq!(*deposit as u128, cost(*energy_wh, *price_per_kwh), "the deposit is the full cost");
                assert_ne!(*buyer, offer.created.seller, "nobody locks the own offer");
                offer.reserved_wh += energy_wh;
                offer.open_locks += 1;
                *tally.known.entry(bus.escrow).or_default() += *deposit as i128;
                tally.paid += *deposit as i128;
                let taken = Lock {
                    offer: *on,
                    buyer: *buyer,
                    energy_wh: *energy_wh,
                    price_per_kwh: *price_per_kwh,
                    deposit: *deposit,
                    lock_fee_bps: bus.lock_fee_bps,
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
                let Bus { settings, revenue, .. } = self.buses.get_mut(&offer.created.bus).expect("a known bus");
                let full_fee = (released.deposit as u128 * released.lock_fee_bps as u128 / 10_000) as u64;
                assert!(*fee == 0 || *fee == full_fee, "the fee is the bus's when the lock was taken, or none");
                let ran_throughout = settings.paused == 0 && settings.resumed_at < released.expires_at - 300;
                assert!(*fee == 0 || ran_throughout, "no fee where the bus was paused");
                if offer.created.payout == settings.treasury {
                    revenue.sales += *fee as u128;
                }
                offer.reserved_wh -= energy_wh;
                offer.open_locks -= 1;
                *tally.known.entry(settings.escrow).or_default() -= released.deposit as i128;
                *tally.known.entry(offer.created.payout).or_default() += *fee as i128;
                *tally.refunded.entry(*buyer).or_default() += *refund as i128;
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
            Event::EnergyPurchased(event) => self.energy_purchased(event, now, tally),
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
            pause_quorum,
            padding,
            name,
            owners,
        } = *event;
        assert_eq!((padding, created_at), ([0; 5], now));
        assert_eq!(capacity, pda::capacity(&bus, 0).0);
        let settings = state::Bus {
            layout_version: LAYOUT_VERSION,
            bump: pda::bus(&creator, bus_seq).1,
            threshold,
            pause_quorum,
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
            ..bytemuck::Zeroable::zeroed()
        };
        let owners: Vec<_> = owners[..owner_count as usize]
            .iter()
            .map(|slot| OwnerShare { owner: slot.owner, share_bps: slot.share_bps })
            .collect();
        let known = Bus { settings, capacity, owners, revenue: Revenue::default() };
        assert!((1..=known.owners.len()).contains(&(threshold as usize)), "1 <= threshold <= owners");
        assert!(pause_quorum <= threshold, "pause quorum <= threshold, 0 for the threshold");
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
            rent_payer,
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
        let of_bus = &self.buses[&bus];
        assert_eq!(of_bus.settings.paused, 0, "nothing is listed while paused");
        assert!(price_per_kwh >= of_bus.settings.base_price_per_kwh, "the base price is the lowest");
        if owned_by_bus == 1 {
            assert_eq!((seller, payout), (bus, of_bus.settings.treasury), "the bus's own pays its treasury");
            assert!(of_bus.is_owner(&rent_payer), "owners list for their bus");
        } else {
            assert_eq!((owned_by_bus, rent_payer), (0, seller));
            assert!(of_bus.may_list(&seller), "who lists may");
            assert_ne!(payout, of_bus.settings.treasury, "a member's offer pays the member");
        }
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
            rent_payer,
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

    fn offer_cancelled(&mut self, event: &OfferCancelled, now: i64) {
        let OfferCancelled { bus, offer: address, cancelled_by, withdrawn_wh, sold_wh, closed, padding } = *event;
        assert_eq!(padding, [0; 7]);
        let offer = self.offers.get_mut(&address).expect("a known offer");
        assert_eq!(offer.created.bus, bus);
        let of_bus = &self.buses[&bus];
        let gate = offer.created.window_start - of_bus.settings.gate_closure_seconds as i64;
        let stopped = offer.remaining_wh == 0
            || (offer.expires_at != 0 && now > offer.expires_at)
            || (offer.created.window_start != 0 && now >= gate);
        let by_owner = of_bus.is_owner(&cancelled_by)
            && (offer.created.owned_by_bus == 1 || !of_bus.may_list(&offer.created.seller));
        assert!(stopped || by_owner || cancelled_by == offer.created.seller, "who cancels may");
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

    fn energy_purchased(&mut self, event: &EnergyPurchased, now: i64, tally: &mut Tally) {
        let &EnergyPurchased { buyer, transaction_hash, nonce, purchased_at, lane: number, kind, reserved, ref fills } =
            event;
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
            let Bus { settings, revenue, .. } = self.buses.get_mut(&offer.created.bus).expect("a known bus");
            assert_eq!(settings.paused, 0, "nothing is bought while paused");
            if offer.created.payout == settings.treasury {
                revenue.sales += amount as u128;
            }
            if kind == PurchaseKind::LockSettlement as u8 {
                let lock = self.locks.remove(&pda::lock(&of, &buyer).0).expect("a known lock");
                assert_eq!((lock.energy_wh, lock.price_per_kwh), (energy_wh, price_per_kwh));
                assert_eq!(lock.deposit, amount);
                assert!(now <= lock.expires_at, "a lock settles until its expiry");
                offer.reserved_wh -= energy_wh;
                offer.open_locks -= 1;
                *tally.known.entry(settings.escrow).or_default() -= amount as i128;
            } else {
                assert!(kind <= PurchaseKind::Batch as u8);
                assert_eq!(price_per_kwh, offer.price_per_kwh, "a fill is at the offer's price");
                assert!(energy_wh <= offer.remaining_wh - offer.reserved_wh, "only free energy is sold");
                assert_eq!(offer.cancelled, 0, "a cancelled offer sells nothing");
                tally.paid += amount as i128;
            }
            offer.remaining_wh -= energy_wh;
            *tally.known.entry(offer.created.payout).or_default() += amount as i128;
            total_wh += energy_wh;
            total += amount;
        }
        lane.total_energy_wh = lane.total_energy_wh.saturating_add(total_wh);
        lane.total_paid = lane.total_paid.saturating_add(total);
        lane.receipts.push((nonce, Receipt { transaction_hash, energy_wh: total_wh, paid: total, purchased_at }));
    }

    fn proposal_created(&mut self, event: &ProposalCreated, now: i64) {
        let ProposalCreated {
            bus: of,
            proposal,
            proposer,
            proposal_seq,
            config_version,
            created_at,
            executable_at,
            action,
        } = *event;
        self.assert_allowed(&of, &action);
        let bus = self.buses.get_mut(&of).expect("a known bus");
        assert_eq!((proposal_seq, config_version), (bus.settings.proposal_seq, bus.settings.config_version));
        assert_eq!((proposal, created_at), (pda::proposal(&of, proposal_seq).0, now));
        assert!(bus.is_owner(&proposer), "owners propose");
        bus.settings.proposal_seq += 1;
        let made = Proposal {
            bus: of,
            proposer,
            proposal_seq,
            config_version,
            created_at,
            executable_at: 0,
            executed_at: None,
            action,
            owners: bus.owners.iter().map(|share| share.owner).collect(),
            approvals: BTreeSet::new(),
        };
        assert!(self.proposals.insert(proposal, made).is_none(), "a proposal is made once");
        self.count_approval(&proposal, proposer, now);
        assert_eq!(executable_at, self.proposals[&proposal].executable_at);
    }

    /// Approvals that a proposal needs.
    fn approvals_needed(&self, proposal: &Proposal) -> usize {
        let settings = &self.buses[&proposal.bus].settings;
        let pausing = proposal.action.kind == ActionKind::Pause as u8 && settings.pause_quorum > 0;
        let quorum = if pausing { settings.pause_quorum } else { settings.threshold };
        quorum.min(settings.threshold) as usize
    }

    fn assert_open(&self, proposal: &Proposal) {
        assert_eq!(proposal.executed_at, None, "an executed proposal is decided");
        let present = self.buses[&proposal.bus].settings.config_version;
        assert_eq!(proposal.config_version, present, "a stale proposal is void");
    }

    fn count_approval(&mut self, address: &Address, owner: Address, now: i64) {
        let mut proposal = self.proposals[address].clone();
        self.assert_open(&proposal);
        let bus = &self.buses[&proposal.bus];
        assert!(bus.is_owner(&owner), "only owners approve");
        assert!(proposal.approvals.insert(owner), "an approval counts once");
        if proposal.approvals.len() == self.approvals_needed(&proposal) {
            let wait = if proposal.action.kind == ActionKind::Pause as u8 { 0 } else { bus.settings.timelock_seconds };
            proposal.executable_at = now.saturating_add(wait as i64);
        }
        self.proposals.insert(*address, proposal);
    }

    fn proposal_approved(&mut self, event: &ProposalApproved, now: i64) {
        let ProposalApproved { proposal, owner, executable_at, approvals, padding } = *event;
        self.count_approval(&proposal, owner, now);
        let proposal = &self.proposals[&proposal];
        assert_eq!((executable_at, approvals, padding), (proposal.executable_at, proposal.mask(), [0; 6]));
    }

    fn proposal_revoked(&mut self, event: &ProposalRevoked) {
        let ProposalRevoked { proposal: address, owner, executable_at, approvals, padding } = *event;
        let mut proposal = self.proposals[&address].clone();
        self.assert_open(&proposal);
        assert!(proposal.approvals.remove(&owner), "only what was given is taken back");
        if proposal.approvals.len() < self.approvals_needed(&proposal) {
            proposal.executable_at = 0;
        }
        assert_eq!((executable_at, approvals, padding), (proposal.executable_at, proposal.mask(), [0; 6]));
        self.proposals.insert(address, proposal);
    }

    fn proposal_executed(&mut self, event: &ProposalExecuted, now: i64) {
        let ProposalExecuted {
            bus: of,
            proposal: address,
            executed_by: _,
            config_version,
            executed_at,
            treasury_balance,
            action,
        } = *event;
        let mut proposal = self.proposals[&address].clone();
        assert_eq!((proposal.bus, proposal.action, executed_at), (of, action, now));
        self.assert_open(&proposal);
        assert!(proposal.approvals.len() >= self.approvals_needed(&proposal), "enough owners approve");
        assert!(now >= proposal.executable_at, "the timelock has passed");
        self.assert_allowed(&of, &action);
        let received = self.received(&of);
        let Bus { settings, capacity, owners, revenue } = self.buses.get_mut(&of).expect("a known bus");
        assert_eq!(treasury_balance as u128, received - revenue.claimed_by_all());
        let kind = kind_of(&action);
        let divides = matches!(kind, ActionKind::OwnerAdd | ActionKind::OwnerRemove | ActionKind::SharesSet);
        if divides {
            revenue.settle(owners, received);
            if kind == ActionKind::OwnerAdd {
                owners.push(OwnerShare { owner: action.owner, share_bps: 0 });
            } else if kind == ActionKind::OwnerRemove {
                owners.retain(|share| share.owner != action.owner);
            }
            for (share, share_bps) in owners.iter_mut().zip(action.shares_bps) {
                share.share_bps = share_bps;
            }
        }
        let value = action.value;
        match kind {
            ActionKind::OwnerAdd | ActionKind::OwnerRemove | ActionKind::SharesSet => {}
            ActionKind::ThresholdSet => settings.threshold = value as u8,
            ActionKind::TimelockSet => settings.timelock_seconds = value as u32,
            ActionKind::CapacitySet => {
                settings.capacity_wh = value;
                let general = self.capacities.get_mut(capacity).expect("a known capacity");
                general.total_wh = value;
                general.available_wh = value - general.listed_wh - general.sold_wh;
            }
            ActionKind::BasePriceSet => settings.base_price_per_kwh = value,
            ActionKind::ListingPolicySet => settings.listing_policy = value as u8,
            ActionKind::WindowsSet => {
                settings.window_seconds = value as u32;
                settings.gate_closure_seconds = action.gate_closure_seconds as u32;
            }
            ActionKind::LockFeeSet => settings.lock_fee_bps = value as u16,
            ActionKind::Pause => settings.paused = 1,
            ActionKind::Resume => (settings.paused, settings.resumed_at) = (0, now),
        }
        settings.config_version += (divides || kind == ActionKind::ThresholdSet) as u64;
        assert_eq!(config_version, settings.config_version);
        proposal.executed_at = Some(now);
        self.proposals.insert(address, proposal);
    }

    /// The rules of what owners can decide, as the bus is now.
    fn assert_allowed(&self, of: &Address, action: &Action) {
        let Bus { settings, capacity, owners, revenue: _ } = &self.buses[of];
        let general = &self.capacities[capacity];
        let kind = kind_of(action);
        let Action { kind: _, share_count, padding, value, gate_closure_seconds, owner, shares_bps } = *action;
        assert_eq!(padding, [0; 6]);
        let is_owner = owners.iter().any(|share| share.owner == owner);
        let count = owners.len();
        let divided_by = match kind {
            ActionKind::OwnerAdd => Some(count + 1),
            ActionKind::OwnerRemove => Some(count - 1),
            ActionKind::SharesSet => Some(count),
            _ => None,
        };
        let after = divided_by.unwrap_or(0);
        assert_eq!(share_count as usize, after, "a share for each owner");
        assert!(shares_bps[after..].iter().all(|share| *share == 0));
        if divided_by.is_some() {
            assert_eq!(shares_bps.iter().map(|share| *share as u32).sum::<u32>(), 10_000, "shares sum to 10,000");
        }
        match kind {
            ActionKind::OwnerAdd => assert!(!is_owner && owner != Address::default() && count < 16),
            ActionKind::OwnerRemove => assert!(is_owner && count > 1 && settings.threshold as usize <= after),
            ActionKind::SharesSet => assert_eq!(owner, Address::default()),
            ActionKind::ThresholdSet => assert!(value >= 1 && value <= count as u64),
            ActionKind::TimelockSet => assert!(value <= 30 * 86_400),
            ActionKind::CapacitySet => assert!(value > 0 && value >= general.listed_wh + general.sold_wh),
            ActionKind::BasePriceSet => assert!(value > 0),
            ActionKind::ListingPolicySet => assert!(value <= 1),
            ActionKind::WindowsSet => {
                let off = (value, gate_closure_seconds) == (0, 0);
                assert!(off || ((60..=86_400).contains(&value) && gate_closure_seconds <= 86_400));
                let unused = general.open_offers == 0 && general.open_windows == 0;
                assert!(value == settings.window_seconds as u64 || unused, "windows in use keep their length");
            }
            ActionKind::LockFeeSet => assert!(value <= 500),
            ActionKind::Pause => assert_eq!(settings.paused, 0),
            ActionKind::Resume => assert_eq!(settings.paused, 1),
        }
    }

    /// Everything that a bus's treasury ever received, in token base units.
    fn received(&self, bus: &Address) -> u128 {
        let Bus { settings, revenue, .. } = &self.buses[bus];
        revenue.sales + self.gifts.get(&settings.treasury).copied().unwrap_or(0)
    }

    /// Everything that a wallet may claim of a bus now, in token base units.
    pub fn claimable(&self, of: &Address, wallet: &Address) -> u128 {
        let bus = &self.buses[of];
        let share_bps = bus.owners.iter().find(|share| share.owner == *wallet).map_or(0, |share| share.share_bps);
        bus.revenue.claimable(wallet, share_bps, self.received(of))
    }

    /// Everything that a wallet has ever claimed of a bus, in token base units.
    pub fn claimed(&self, of: &Address, wallet: &Address) -> u128 {
        self.buses[of].revenue.claimed.get(wallet).copied().unwrap_or(0)
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
            } else if discriminator == state::Proposal::DISCRIMINATOR {
                self.check_proposal(&address, decode(&account));
            } else {
                panic!("{address} is an account of an unknown type");
            }
        }
        let told = self.buses.keys().chain(self.capacities.keys()).chain(self.offers.keys());
        let told = told.chain(self.locks.keys()).chain(self.lanes.keys()).chain(self.proposals.keys());
        let told = told.copied().collect::<BTreeSet<_>>();
        assert_eq!(seen, told, "the accounts on chain are those of which the events tell");
    }

    fn check_bus(&self, address: &Address, bus: state::Bus, balances: &TokenBalances) {
        bus.check_invariants().unwrap();
        let told = self.buses.get(address).expect("a bus of which the events tell");
        let Bus { settings, capacity: _, owners, revenue } = told;
        let received = self.received(address);
        let period = revenue.period(received);
        let base_units = |amount: u128| u64::try_from(amount).expect("within 64 bits");
        let mut slots = [bytemuck::Zeroable::zeroed(); 16];
        for (slot, OwnerShare { owner, share_bps }) in slots.iter_mut().zip(owners) {
            // Claims use up what was earned before first; what goes beyond is of the present shares.
            let earned = revenue.earned.get(owner).copied().unwrap_or(0);
            let claimed = revenue.claimed.get(owner).copied().unwrap_or(0);
            *slot = OwnerSlot {
                owner: *owner,
                accrued: base_units(earned.saturating_sub(claimed)),
                claimed: base_units(claimed.saturating_sub(earned)),
                share_bps: *share_bps,
                reserved: [0; 14],
            };
        }
        let former: BTreeMap<Address, u128> = revenue
            .earned
            .keys()
            .filter(|wallet| !told.is_owner(wallet))
            .map(|wallet| (*wallet, revenue.claimable(wallet, 0, received)))
            .filter(|(_, unclaimed)| *unclaimed > 0)
            .collect();
        let places = &bus.former_owners[..bus.former_owner_count as usize];
        let found: BTreeMap<Address, u128> =
            places.iter().map(|FormerOwner { owner, accrued }| (*owner, *accrued as u128)).collect();
        assert_eq!((&found, places.len()), (&former, former.len()), "former owners keep what they earned");
        let told = state::Bus {
            owner_count: owners.len() as u8,
            owners: slots,
            former_owner_count: former.len() as u8,
            // Their order means nothing.
            former_owners: bus.former_owners,
            treasury_claimed: base_units(revenue.claimed_by_all()),
            treasury_settled: base_units(received - period),
            // What the mint says.
            mint_decimals: bus.mint_decimals,
            token_program: bus.token_program,
            ..*settings
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
        assert_eq!(escrow.amount as u128, deposits as u128 + gifts, "escrow = sum of the deposits of its bus");
        // Invariant 5: the treasury covers what owners may still claim, and keeps only what does not divide.
        let treasury = &balances[&bus.treasury];
        assert_eq!((treasury.mint, treasury.owner), (bus.mint, *address));
        assert_eq!(treasury.amount as u128, received - revenue.claimed_by_all(), "treasury = received - claimed");
        let claimable: u128 = former.values().sum::<u128>()
            + owners.iter().map(|share| revenue.claimable(&share.owner, share.share_bps, received)).sum::<u128>();
        let remainder = (treasury.amount as u128).checked_sub(claimable).expect("the treasury covers every claim");
        assert!(remainder < owners.len() as u128, "{remainder} base units are nobody's");
        assert_eq!(revenue.claimed_by_all() + claimable + remainder, received);
        assert_eq!(owners.iter().map(|share| share.share_bps as u32).sum::<u32>(), 10_000);
        assert!(bus.threshold >= 1 && bus.threshold <= bus.owner_count);
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
            rent_payer: told.created.rent_payer,
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
            lock_fee_bps: told.lock_fee_bps,
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

    fn check_proposal(&self, address: &Address, proposal: state::Proposal) {
        proposal.check_invariants().unwrap();
        let told = self.proposals.get(address).expect("a proposal of which the events tell");
        let (of, bump) = pda::proposal(&told.bus, told.proposal_seq);
        assert_eq!(*address, of);
        let expected = state::Proposal {
            layout_version: LAYOUT_VERSION,
            bump,
            state: told.executed_at.is_some() as u8,
            approvals: told.mask(),
            proposal_seq: told.proposal_seq,
            config_version: told.config_version,
            created_at: told.created_at,
            executable_at: told.executable_at,
            executed_at: told.executed_at.unwrap_or(0),
            bus: told.bus,
            proposer: told.proposer,
            action: told.action,
            ..bytemuck::Zeroable::zeroed()
        };
        assert_eq!(proposal, expected, "the proposal is as its events tell");
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

/// What an action is.
fn kind_of(action: &Action) -> ActionKind {
    ActionKind::try_from(action.kind).unwrap_or_else(|unknown| panic!("action {unknown} is not known"))
}

/// Exact cost in 128 bits.
fn cost(energy_wh: u64, price_per_kwh: u64) -> u128 {
    (energy_wh as u128 * price_per_kwh as u128).div_ceil(1_000)
}

//! The market as its events tell it.

use {
    super::{
        records::*,
        tokens::{Movements, TokenBalances, TokenTally},
    },
    crate::account::decode,
    anchor_lang::Discriminator,
    litesvm::LiteSVM,
    multibus::{event::Event, state},
    solana_address::Address,
    std::collections::{BTreeMap, BTreeSet},
};

/// The market as its events tell it.
#[derive(Debug, Default)]
pub struct Replica {
    pub(super) buses: BTreeMap<Address, ReplicaBus>,
    pub(super) capacities: BTreeMap<Address, ReplicaCapacity>,
    pub(super) offers: BTreeMap<Address, ReplicaOffer>,
    pub(super) locks: BTreeMap<Address, ReplicaLock>,
    pub(super) lanes: BTreeMap<Address, ReplicaLane>,
    pub(super) proposals: BTreeMap<Address, ReplicaProposal>,
    /// The lowest nonce that a lane has not had yet; kept when the lane closes.
    pub(super) nonces: BTreeMap<Address, u64>,
    /// Every transaction hash so far.
    pub(super) hashes: BTreeSet<[u8; 32]>,
    /// Every address of an offer so far.
    pub(super) offers_ever: BTreeSet<Address>,
    /// Tokens that came into an account from outside the market, by account. In a treasury they are revenue.
    pub gifts: BTreeMap<Address, u128>,
}

impl Replica {
    /// Applies the events of a transaction that landed, and checks the tokens that it moved.
    ///
    /// # Panics
    /// Where an event contradicts what was before, or other tokens moved than the events say.
    pub fn follow(&mut self, events: &[Event], before: &TokenBalances, after: &TokenBalances, now: i64) {
        let mut tally = TokenTally::default();
        for event in events {
            self.apply(event, now, &mut tally);
        }
        let TokenTally { mut known, paid, mut refunded, claims } = tally;
        for (owner, destination) in claims {
            assert_eq!(after[&destination].owner, owner, "a claim goes into an account of its owner");
        }

        // Invariant 1. Tokens of the market's accounts moved as the events say. All other movements are payments of buyers
        // and refunds to them.
        let mut moved = Movements::new();
        let mut supply: BTreeMap<Address, i128> = BTreeMap::new();
        for address in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            let was = before.get(address).map_or(0, |balance| balance.amount) as i128;
            let is = after.get(address).map_or(0, |balance| balance.amount) as i128;
            let balance = after.get(address).or(before.get(address)).expect("one of the two");
            *supply.entry(balance.mint).or_default() += is - was;
            let told = known.remove(address);
            let rest = is - was - told.unwrap_or(0);
            // An account that got less than the events say is not a payer: the gap must not count as a payment.
            assert!(told.is_none() || rest >= 0, "{address} got {} less than the events say", -rest);
            if rest != 0 {
                moved.insert(*address, rest);
            }
        }
        known.retain(|_, amount| *amount != 0);
        assert!(known.is_empty(), "the events tell of tokens for accounts that did not get them: {known:?}");
        assert!(supply.values().all(|change| *change == 0), "tokens appeared or vanished: {supply:?}");
        // No tokens appeared or vanished. So if nobody paid or got more than the events say, everyone did so exactly.
        let paid_by_accounts: i128 = moved.values().filter(|amount| **amount < 0).sum();
        assert!(-paid_by_accounts <= paid, "{} was paid, the events say {paid}", -paid_by_accounts);
        for (address, amount) in moved.into_iter().filter(|(_, amount)| *amount > 0) {
            let owner = after.get(&address).or(before.get(&address)).expect("one of the two").owner;
            let due = refunded.get_mut(&owner).unwrap_or_else(|| panic!("{address} got {amount} for nothing"));
            *due -= amount;
            assert!(*due >= 0, "{owner} got {} more than the events say", -*due);
        }
    }

    fn apply(&mut self, event: &Event, now: i64, tally: &mut TokenTally) {
        match event {
            Event::BusCreated(event) => self.bus_created(event, now),
            Event::ProposalCreated(event) => self.proposal_created(event, now),
            Event::ProposalApproved(event) => self.proposal_approved(event, now),
            Event::ProposalRevoked(event) => self.proposal_revoked(event),
            Event::ProposalExecuted(event) => self.proposal_executed(event, now),
            Event::ProposalClosed(event) => self.proposal_closed(event),
            Event::TreasuryClaimed(event) => self.treasury_claimed(event, tally),
            Event::CapacityOpened(event) => self.capacity_opened(event),
            Event::CapacityClosed(event) => self.capacity_closed(event, now),
            Event::OfferCreated(event) => self.offer_created(event, now),
            Event::OfferRepriced(event) => self.offer_repriced(event),
            Event::OfferExtended(event) => self.offer_extended(event),
            Event::OfferCancelled(event) => self.offer_cancelled(event, now),
            Event::LockTaken(event) => self.lock_taken(event, now, tally),
            Event::LockReleased(event) => self.lock_released(event, now, tally),
            Event::TraderOpened(event) => self.trader_opened(event),
            Event::TraderClosed(event) => self.trader_closed(event),
            Event::EnergyPurchased(event) => self.energy_purchased(event, now, tally),
        }
    }

    /// Checks that the chain is as the events say, and every invariant of the market.
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
}

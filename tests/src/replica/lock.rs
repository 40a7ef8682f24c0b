//! Locks.

use {
    super::{books::Replica, cost::cost, records::*, tokens::TokenTally},
    crate::key::pda,
    multibus::{constants::*, event::*, state},
    solana_address::Address,
};

impl Replica {
    pub(super) fn lock_taken(&mut self, event: &LockTaken, now: i64, tally: &mut TokenTally) {
        let LockTaken { lock, offer: on, buyer, energy_wh, price_per_kwh, deposit, expires_at } = event;
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
        let taken = ReplicaLock {
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

    pub(super) fn lock_released(&mut self, event: &LockReleased, now: i64, tally: &mut TokenTally) {
        let LockReleased { lock, offer: on, buyer, released_by, energy_wh, refund, fee } = event;
        let released = self.locks.remove(lock).expect("a known lock");
        assert_eq!((released.offer, released.buyer, released.energy_wh), (*on, *buyer, *energy_wh));
        assert_eq!(released.deposit, refund + fee, "the deposit is divided");
        assert!(released_by == buyer || now > released.expires_at, "strangers wait for the expiry");
        let offer = self.offers.get_mut(on).expect("a known offer");
        let ReplicaBus { settings, revenue, .. } = self.buses.get_mut(&offer.created.bus).expect("a known bus");
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

    pub(super) fn check_lock(&self, address: &Address, lock: state::Lock) {
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
}

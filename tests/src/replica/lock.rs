//! Locks.

use {
    super::{books::Replica, cost::cost, tokens::TokenTally},
    crate::key::pda,
    bytemuck::Zeroable,
    multibus::{
        constants::LAYOUT_VERSION,
        event::*,
        state::{self, RefundOutcome},
    },
};

impl Replica {
    pub(super) fn lock_taken(&mut self, event: &LockTaken, now: i64, tally: &mut TokenTally) {
        let LockTaken { lock, offer: on, buyer, energy_wh, price_per_kwh, deposit, expires_at, number, place, padding } =
            *event;
        assert_eq!((padding, lock), ([0; 3], pda::lock(&on, &buyer, place).0));
        let refund = self.refunds.pop_front().expect("a lock_take for each lock");
        let offer = self.offers.get_mut(&on).expect("a known offer");
        let bus = &self.buses[&offer.bus];
        assert_eq!(bus.paused, 0, "nothing is locked while paused");
        assert_eq!(expires_at, now + 300, "a lock lasts 300 s");
        assert!(expires_at + 300 <= offer.expires_at, "a lock ends 300 s before its offer");
        let full_price = offer.price_per_kwh + offer.grid_fee_per_kwh;
        assert_eq!(price_per_kwh, full_price, "a lock is at the price of the moment, grid fee included");
        assert_eq!(deposit as u128, cost(energy_wh, price_per_kwh), "the deposit is the full cost");
        assert_ne!(buyer, offer.wallet, "a seller cannot lock its own offer");
        offer.reserved_wh += energy_wh;
        offer.deposits += deposit;
        offer.open_locks += 1;
        offer.locks_taken += 1;
        offer.locked_until = expires_at;
        assert_eq!(number, offer.locks_taken, "locks of an offer are numbered");
        tally.paid(&offer.vault, deposit);
        let taken = state::Lock {
            layout_version: LAYOUT_VERSION,
            bump: pda::lock(&on, &buyer, place).1,
            place,
            number,
            lock_fee_bps: bus.lock_fee_bps,
            energy_wh,
            price_per_kwh,
            deposit,
            taken_at: now,
            expires_at,
            bus: offer.bus,
            offer: on,
            buyer,
            refund,
            grid_fee_per_kwh: offer.grid_fee_per_kwh,
            ..Zeroable::zeroed()
        };
        if offer.on_delivery == 1 {
            let position = self.positions.get_mut(&pda::position(&offer.book, &buyer).0).expect("a known position");
            position.open_locks += 1;
            Self::name_refund(position, &refund);
        }
        assert!(self.locks.insert(lock, taken).is_none(), "one lock for each buyer, offer and place");
    }

    pub(super) fn lock_released(&mut self, event: &LockReleased, now: i64, tally: &mut TokenTally) {
        let LockReleased { lock: address, offer: on, buyer, released_by, energy_wh, refund, fee, outcome, padding } =
            *event;
        assert_eq!(padding, [0; 7]);
        let lock = self.locks.get_mut(&address).expect("a known lock");
        assert_eq!((lock.offer, lock.buyer, lock.energy_wh), (on, buyer, energy_wh));
        assert_eq!(lock.deposit, refund + fee, "the deposit is divided");
        let was_released = lock.state == 1;
        let may = was_released || released_by == buyer || now > lock.expires_at;
        assert!(may, "strangers wait for the expiry");
        let full = (lock.deposit as u128 * lock.lock_fee_bps as u128 / 10_000) as u64;
        assert_eq!(fee, if was_released { 0 } else { full }, "the fee is the bus's when the lock was taken");
        let offer = self.offers.get_mut(&on).expect("a known offer");
        let unclaimed = self.buses[&offer.bus].unclaimed;
        self.sellers.get_mut(&offer.seller).expect("a known seller").released += fee;
        offer.reserved_wh -= energy_wh;
        offer.deposits -= fee;
        if outcome == RefundOutcome::Unpaid as u8 {
            (lock.state, lock.energy_wh, lock.deposit) = (1, 0, refund);
            return;
        }
        let to = if outcome == RefundOutcome::Paid as u8 { lock.refund } else { unclaimed };
        tally.moved(&offer.vault, &to, refund);
        offer.deposits -= refund;
        offer.open_locks -= 1;
        if offer.on_delivery == 1 {
            let position = self.positions.get_mut(&pda::position(&offer.book, &buyer).0).expect("a known position");
            position.open_locks -= 1;
        }
        self.locks.remove(&address);
    }
}

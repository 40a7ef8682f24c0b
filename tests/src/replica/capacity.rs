//! Capacities.

use {
    super::{books::Replica, records::*},
    crate::key::pda,
    multibus::{constants::*, event::*, state},
    solana_address::Address,
};

impl Replica {
    pub(super) fn capacity_opened(&mut self, event: &CapacityOpened) {
        let CapacityOpened { bus, capacity, rent_payer, window_start, total_wh, window_seconds, padding: _ } = *event;
        let ReplicaBus { capacity: general, settings, .. } = &self.buses[&bus];
        assert_eq!((total_wh, window_seconds), (settings.capacity_wh, settings.window_seconds));
        self.capacities.get_mut(general).expect("a known capacity").open_windows += 1;
        let opened = ReplicaCapacity {
            bus,
            rent_payer,
            window_start,
            window_seconds,
            total_wh,
            available_wh: total_wh,
            ..ReplicaCapacity::default()
        };
        assert!(self.capacities.insert(capacity, opened).is_none(), "a window is opened once");
    }

    pub(super) fn capacity_closed(&mut self, event: &CapacityClosed, now: i64) {
        let CapacityClosed { bus, capacity, window_start, sold_wh } = event;
        let closed = self.capacities.remove(capacity).expect("a known capacity");
        assert_eq!((closed.bus, closed.window_start, closed.sold_wh), (*bus, *window_start, *sold_wh));
        assert_eq!(closed.open_offers, 0);
        let over = now >= closed.window_start + closed.window_seconds as i64;
        assert!(over || closed.seqs.is_empty(), "a window is over, or never had an offer");
        let general = self.buses[bus].capacity;
        self.capacities.get_mut(&general).expect("a known capacity").open_windows -= 1;
    }

    pub(super) fn check_capacity(&self, address: &Address, capacity: state::Capacity) {
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
}

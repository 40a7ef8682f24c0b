//! Capacities.

use {
    super::books::Replica,
    crate::key::pda,
    bytemuck::Zeroable,
    multibus::{constants::LAYOUT_VERSION, event::*, state},
};

impl Replica {
    pub(super) fn capacity_opened(&mut self, event: &CapacityOpened, now: i64) {
        let CapacityOpened {
            bus,
            capacity,
            rent_payer,
            window_start,
            gate_closes_at,
            total_wh,
            window_seconds,
            padding,
        } = *event;
        assert_eq!(padding, [0; 4]);
        let of = self.bus(&bus);
        assert_eq!((of.closing, of.paused), (0, 0), "no window opens on a closing or paused bus");
        assert_eq!((total_wh, window_seconds), (of.capacity_wh, of.window_seconds));
        assert_eq!(gate_closes_at, window_start - of.gate_closure_seconds as i64);
        let horizon = now.saturating_add(of.horizon_seconds as i64);
        assert!(now < gate_closes_at && window_start <= horizon, "a window opens in time");
        self.ledger_mut(&bus).open_windows += 1;
        let opened = state::Capacity {
            layout_version: LAYOUT_VERSION,
            bump: pda::capacity(&bus, window_start).1,
            window_start,
            window_seconds,
            gate_closes_at,
            total_wh,
            available_wh: total_wh,
            bus,
            rent_payer,
            ..Zeroable::zeroed()
        };
        assert!(self.capacities.insert(capacity, opened).is_none(), "a window is opened once");
    }

    pub(super) fn capacity_closed(&mut self, event: &CapacityClosed, now: i64) {
        let CapacityClosed { bus, capacity, closed_by, window_start, sold_wh } = *event;
        let closed = self.capacities.remove(&capacity).expect("a known capacity");
        assert_eq!((closed.bus, closed.window_start), (bus, window_start));
        assert_eq!((closed.open_offers, closed.committed_wh), (0, sold_wh), "only sold energy is left of a window");
        let of = self.bus(&bus);
        let over = now >= window_start + closed.window_seconds as i64;
        let decides = closed_by == closed.rent_payer
            || closed_by == of.operator
            || of.owners.iter().any(|slot| slot.owner == closed_by);
        assert!(
            of.closing == 1 || over || (sold_wh == 0 && (decides || now >= closed.gate_closes_at)),
            "a window is over or unused"
        );
        self.ledger_mut(&bus).open_windows -= 1;
    }
}

//! Capacities.

use {
    super::{
        auction::{Phase, phase},
        books::Replica,
        tokens::TokenTally,
    },
    crate::key::pda,
    bytemuck::Zeroable,
    multibus::{constants::LAYOUT_VERSION, event::*, state},
};

/// The terms of a window that starts at a time, or outside windows those of that time.
pub(super) fn terms_at(bus: &state::Bus, time: i64) -> state::Terms {
    let next = bus.next_terms;
    if next.from != 0 && time >= next.from { next } else { bus.terms }
}

impl Replica {
    pub(super) fn capacity_opened(&mut self, event: &CapacityOpened, now: i64) {
        let CapacityOpened { bus, capacity, rent_payer, window_start, gate_closes_at, total_wh, terms } = *event;
        let of = self.bus(&bus);
        assert_eq!((of.closing, of.paused), (0, 0), "no window opens on a closing or paused bus");
        assert_eq!((total_wh, terms), (of.capacity_wh, terms_at(of, window_start)));
        assert_eq!(gate_closes_at, window_start - terms.gate_closure_seconds as i64);
        assert_eq!(window_start % terms.window_seconds as i64, 0, "windows start at multiples of their length");
        let horizon = now.saturating_add(of.horizon_seconds as i64);
        assert!(now < gate_closes_at && window_start <= horizon, "a window opens in time");
        self.ledger_mut(&bus).open_windows += 1;
        let opened = state::Capacity {
            layout_version: LAYOUT_VERSION,
            bump: pda::capacity(&bus, window_start).1,
            window_start,
            terms,
            gate_closes_at,
            total_wh,
            available_wh: total_wh,
            bus,
            rent_payer,
            ..Zeroable::zeroed()
        };
        assert!(self.capacities.insert(capacity, opened).is_none(), "a window is opened once");
    }

    pub(super) fn capacity_closed(&mut self, event: &CapacityClosed, now: i64, tally: &mut TokenTally) {
        let CapacityClosed { bus, capacity, closed_by, window_start, sold_wh, remainder } = *event;
        let closed = self.capacities.remove(&capacity).expect("a known capacity");
        assert_eq!((closed.bus, closed.window_start), (bus, window_start));
        assert_eq!((closed.open_offers, closed.committed_wh), (0, sold_wh), "only sold energy is left of a window");
        assert_eq!((closed.open_bids, phase(&closed, now) == Phase::Fixed), (0, false), "no auction is open");
        let of = *self.bus(&bus);
        // What rounding left in the escrow; it stays there while an account is frozen.
        assert!(remainder == 0 || remainder == closed.escrowed, "all that is left goes to the treasury");
        if remainder > 0 {
            tally.moved(&of.escrow, &of.treasury, remainder);
        } else {
            *self.left_in_escrow.entry(bus).or_default() += closed.escrowed;
        }
        let over = now >= window_start + closed.terms.window_seconds as i64;
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

//! Windows of capacity.

use {
    super::Generator,
    crate::chain::START,
    crate::play::{game::Game, script::*},
};

impl Generator {
    /// A window is opened.
    pub(super) fn open_capacity(&mut self, game: &Game, bus: u8) -> Operation {
        let state = game.bus(bus);
        let now = game.model.now;
        let horizon = state.map_or(0, |bus| bus.horizon_seconds) as i64;
        // Terms of a window are those of its start, mostly the present ones.
        let seen_from = if self.chance(80) { now } else { now + horizon };
        let terms = state.map(|bus| bus.terms_at(seen_from)).unwrap_or_default();
        let (length, gate) = (terms.window_seconds.max(1) as i64, terms.gate_closure_seconds as i64);
        let next = (now + gate) / length * length + length;
        let later = if length < 900 { 20 } else { 3 };
        let start = match self.rng.u8(0..20) {
            0 => next - length,
            1 => next + 1,
            2 => (now + horizon) / length * length + self.rng.i64(0..2) * length,
            3 if terms.from > now => terms.from + self.rng.i64(-1..2) * length,
            _ => next + self.rng.i64(0..later) * length,
        };
        let window = start - START;
        game.address(AccountRef::CapacityAt(bus, window));
        Operation::OpenCapacity { by: self.wallet(game), bus, window }
    }

    /// A window is closed.
    pub(super) fn close_capacity(&mut self, game: &Game, bus: u8) -> Operation {
        let (bus, window) = match self.one_of(game, &game.model.capacities) {
            Some(AccountRef::CapacityAt(bus, window)) => (bus, window),
            _ => (bus, 0),
        };
        let payer = game.capacity(bus, window).map(|capacity| capacity.rent_payer);
        let by = match payer {
            Some(payer) if self.chance(50) => self.party_of(game, &payer),
            _ => self.wallet(game),
        };
        Operation::CloseCapacity { by, bus, window }
    }

    /// A capacity where an offer of a bus could stand now.
    pub(super) fn capacity(&mut self, game: &Game, bus: u8) -> i64 {
        let windowed = game.bus(bus).is_some_and(|state| state.terms_at(game.model.now).has_windows());
        let at = game.address(AccountRef::BusAt(bus));
        if self.chance(97) && windowed {
            let of_bus = game.model.capacities.values().filter(|capacity| {
                capacity.bus == at && capacity.window_start > 0 && capacity.gate_closes_at > game.model.now
            });
            let windows: Vec<i64> = of_bus.map(|capacity| capacity.window_start - START).collect();
            if let Some(window) = self.one(&windows) {
                return window;
            }
        }
        if self.chance(2)
            && let Some(AccountRef::CapacityAt(_, window)) = self.one_of(game, &game.model.capacities)
        {
            return window;
        }
        0
    }
}

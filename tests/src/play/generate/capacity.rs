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
        let length = state.map_or(900, |bus| bus.window_seconds.max(1)) as i64;
        let gate = state.map_or(0, |bus| bus.gate_closure_seconds) as i64;
        let now = game.model.now;
        let next = (now + gate) / length * length + length;
        let start = match self.rng.u8(0..20) {
            0 => next - length,
            1 => next + 1,
            2 => (now + 366 * 86_400) / length * length + self.rng.i64(0..2) * length,
            _ => next + self.rng.i64(0..3) * length,
        };
        let window = start - START;
        self.windows.push((bus, window));
        if self.windows.len() > 30 {
            self.windows.remove(0);
        }
        Operation::OpenCapacity { by: self.party(game), bus, window }
    }

    /// A window is closed.
    pub(super) fn close_capacity(&mut self, bus: u8) -> Operation {
        let windows = self.windows.clone();
        let (bus, window) = self.one(&windows).unwrap_or((bus, 0));
        Operation::CloseCapacity { bus, window }
    }

    /// A capacity where an offer of a bus could stand now.
    pub(super) fn capacity(&mut self, game: &Game, bus: u8) -> i64 {
        let state = game.bus(bus);
        let windowed = state.is_some_and(|state| state.window_seconds > 0);
        if self.chance(95) && windowed {
            let windows: Vec<i64> = self
                .windows
                .iter()
                .filter(|(of, window)| {
                    *of == bus
                        && game.model.capacities.contains_key(&game.address(AccountRef::CapacityAt(bus, *window)))
                })
                .map(|(_, window)| *window)
                .collect();
            if let Some(latest) = windows.iter().max() {
                return if self.chance(70) { *latest } else { self.one(&windows).expect("one at least") };
            }
        }
        if self.chance(2) {
            let windows = self.windows.clone();
            return self.one(&windows).map_or(0, |(_, window)| window);
        }
        0
    }
}

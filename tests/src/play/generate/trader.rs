//! Nonce lanes.

use {
    super::{Generator, LANES},
    crate::play::{game::Game, script::*},
};

impl Generator {
    /// A lane is opened.
    pub(super) fn open_lane(&mut self, game: &Game) -> Operation {
        Operation::OpenLane { by: self.wallet(game), lane: self.rng.u16(0..LANES), ahead: self.ahead() }
    }

    /// How far ahead of the present slot a counter begins.
    pub(super) fn ahead(&mut self) -> Option<i64> {
        self.chance(30).then(|| match self.rng.u8(0..6) {
            0 => -1,
            1 => 1_024,
            2 => 1_025,
            _ => self.rng.i64(0..8),
        })
    }

    /// A lane is closed.
    pub(super) fn close_lane(&mut self, game: &Game) -> Operation {
        let by = self.wallet(game);
        Operation::CloseLane { by, lane: self.lane(game, by) }
    }

    pub(super) fn lane(&mut self, game: &Game, party: u8) -> u16 {
        let open: Vec<u16> = (0..LANES).filter(|lane| game.has_lane(party, *lane)).collect();
        self.one(&open).unwrap_or_else(|| self.rng.u16(0..LANES))
    }
}

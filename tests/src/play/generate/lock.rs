//! Locks.

use {
    super::Generator,
    crate::play::{game::Game, script::*},
};

impl Generator {
    /// A lock is taken.
    pub(super) fn take_lock(&mut self, game: &Game) -> Operation {
        let (by, offer) = (self.party(game), self.offer(game));
        let ask = self.ask(game, offer);
        Operation::TakeLock { by, offer, ask, from: self.tokens(game, by, offer.0) }
    }

    /// A lock is settled.
    pub(super) fn settle_lock(&mut self, game: &Game) -> Operation {
        let (offer, buyer) = self.lock(game);
        let by = if self.chance(93) { buyer } else { self.party(game) };
        Operation::SettleLock { by, lane: self.lane(game, by), nonce: self.nonce(), offer }
    }

    /// A lock is released.
    pub(super) fn release_lock(&mut self, game: &Game) -> Operation {
        let (offer, buyer) = self.lock(game);
        let by = if self.chance(50) { buyer } else { self.party(game) };
        Operation::ReleaseLock { by, offer, buyer, refund: self.tokens(game, buyer, offer.0) }
    }

    pub(super) fn lock(&mut self, game: &Game) -> (OfferRef, u8) {
        let places = self.live_offers(game);
        let mut locks = Vec::new();
        for place in places {
            let open = game.model.offers[&game.address(AccountRef::OfferAt(place))].open_locks;
            for party in (0..game.parties).filter(|_| open > 0) {
                if game.model.locks.contains_key(&game.address(AccountRef::LockAt(place, party))) {
                    locks.push((place, party));
                }
            }
        }
        self.one(&locks).unwrap_or_else(|| (self.offer(game), self.party(game)))
    }
}

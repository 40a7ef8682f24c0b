//! Locks.

use {
    super::Generator,
    crate::play::{game::Game, script::*},
};

impl Generator {
    /// A lock is taken.
    pub(super) fn take_lock(&mut self, game: &Game) -> Operation {
        let (by, offer) = (self.wallet(game), self.trading_offer(game));
        if let Some(open) = self.position_first(game, offer, by) {
            return open;
        }
        let ask = self.ask(game, offer);
        let place = match self.rng.u8(0..20) {
            0 => 8,
            1..=12 => self.rng.u8(0..8),
            _ => self.rng.u8(0..2),
        };
        let refund = match self.rng.u8(0..14) {
            0 => self.account(game),
            1 => AccountRef::Vault(offer.0, offer.1),
            2 => AccountRef::Unclaimed(offer.0),
            3 => AccountRef::Wallet(by),
            4 => self.one(&[AccountRef::System, AccountRef::ClockSysvar, AccountRef::Market]).expect("one of three"),
            _ => self.tokens(game, by, offer.0),
        };
        Operation::TakeLock { by, offer, place, ask, from: self.tokens(game, by, offer.0), refund }
    }

    /// A lock is settled.
    pub(super) fn settle_lock(&mut self, game: &Game) -> Operation {
        let (offer, buyer, place) = self.lock(game);
        let by = if self.chance(93) { buyer } else { self.wallet(game) };
        Operation::SettleLock {
            by,
            lane: self.lane(game, by),
            nonce: self.nonce(),
            offer,
            place,
            beside: self.beside(),
        }
    }

    /// A lock is released.
    pub(super) fn release_lock(&mut self, game: &Game) -> Operation {
        let (offer, buyer, place) = self.lock(game);
        let by = if self.chance(50) { buyer } else { self.wallet(game) };
        Operation::ReleaseLock { by, offer, buyer, place, beside: self.beside() }
    }

    fn beside(&mut self) -> i32 {
        if self.chance(97) { 0 } else { self.rng.i32(-1..=1) }
    }

    pub(super) fn lock(&mut self, game: &Game) -> (OfferRef, u8, u8) {
        let locks = &game.model.locks;
        // Those whose refund could not leave the vault are rare.
        let unpaid = locks.iter().filter(|(_, lock)| lock.is_unpaid).filter_map(|(at, _)| game.name_of(at));
        let unpaid = if self.chance(40) { self.one(&unpaid.collect::<Vec<_>>()) } else { None };
        match unpaid.or_else(|| self.one_of(game, locks)) {
            Some(AccountRef::LockAt(offer, buyer, place)) => (offer, buyer, place),
            _ => (self.offer(game), self.wallet(game), 0),
        }
    }
}

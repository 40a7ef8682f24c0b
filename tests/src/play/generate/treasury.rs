//! Claims of revenue, and of what could not be paid.

use {
    super::Generator,
    crate::play::{game::Game, script::*},
};

impl Generator {
    /// Revenue is claimed.
    pub(super) fn claim_revenue(&mut self, game: &Game, bus: u8) -> Operation {
        let former: Vec<u8> = game
            .bus(bus)
            .map(|bus| bus.former.keys().filter_map(|wallet| game.who(wallet)).collect())
            .unwrap_or_default();
        let owner = match self.rng.u8(0..16) {
            0 => Some(self.wallet(game)),
            1..=5 => self.one(&former),
            _ => None,
        };
        let owner = owner.or_else(|| self.any_owner(game, bus)).unwrap_or_else(|| self.party(game));
        let by = if self.chance(50) && wallet_bus(owner).is_none() { owner } else { self.wallet(game) };
        Operation::ClaimRevenue { by, bus, owner, into: self.payee(game, by, owner, bus) }
    }

    /// A claim is paid.
    pub(super) fn pay_claim(&mut self, game: &Game) -> Operation {
        let (bus, who) = match self.one_of(game, &game.model.claims) {
            Some(AccountRef::ClaimAt(bus, who)) => (bus, who),
            _ => (0, self.wallet(game)),
        };
        let by = if self.chance(50) && wallet_bus(who).is_none() { who } else { self.wallet(game) };
        let refund = game.model.claims.get(&game.address(AccountRef::ClaimAt(bus, who))).map(|claim| claim.refund);
        let recorded = refund.and_then(|refund| game.name_of(&refund));
        let into = match recorded {
            Some(recorded) if self.chance(40) => recorded,
            _ => self.payee(game, by, who, bus),
        };
        Operation::PayClaim { by, bus, who, into }
    }
}

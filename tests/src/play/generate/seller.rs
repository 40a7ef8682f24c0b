//! Sellers.

use {
    super::Generator,
    crate::play::{game::Game, script::*},
};

impl Generator {
    /// A seller account is opened.
    pub(super) fn open_seller(&mut self, game: &Game, bus: u8) -> Operation {
        let own = self.chance(35);
        let by = if own || self.chance(40) { self.owner(game, bus) } else { self.wallet(game) };
        let who = match self.rng.u8(0..20) {
            0 => self.wallet(game),
            _ if own => bus_wallet(bus),
            _ => by,
        };
        Operation::OpenSeller { by, bus, who, ahead: self.ahead() }
    }

    pub(super) fn admit(&mut self, game: &Game, bus: u8) -> Operation {
        let who = match self.rng.u8(0..20) {
            0 => bus_wallet(bus),
            _ => self.wallet(game),
        };
        Operation::Admit { by: self.operator(game, bus), bus, who }
    }

    pub(super) fn suspend(&mut self, game: &Game) -> Operation {
        let (bus, who) = self.some_seller(game);
        Operation::Suspend { by: self.operator(game, bus), bus, who }
    }

    pub(super) fn withdraw(&mut self, game: &Game) -> Operation {
        let (bus, who) = self.some_seller(game);
        let by = if self.chance(50) && wallet_bus(who).is_none() { who } else { self.wallet(game) };
        Operation::Withdraw { by, bus, who, into: self.payee(game, by, who, bus) }
    }

    pub(super) fn close_seller(&mut self, game: &Game) -> Operation {
        let (bus, who) = self.some_seller(game);
        let by = match self.rng.u8(0..4) {
            0 => self.wallet(game),
            _ if wallet_bus(who).is_some() => self.owner(game, bus),
            _ => who,
        };
        Operation::CloseSeller { by, bus, who, into: self.payee(game, by, who, bus) }
    }

    /// A seller that is open, or sometimes none.
    pub(super) fn some_seller(&mut self, game: &Game) -> (u8, u8) {
        match self.one_of(game, &game.model.sellers) {
            Some(AccountRef::SellerAt(bus, who)) => (bus, who),
            _ => (0, self.wallet(game)),
        }
    }

    /// A seller that may list now, mostly.
    pub(super) fn listing_seller(&mut self, game: &Game) -> (u8, u8) {
        let may = |seller: &multibus_model::ModelSeller| {
            game.model.buses.get(&seller.bus).is_some_and(|bus| {
                !seller.suspended && !bus.paused && !bus.closing && bus.policy_admits(&seller.bus, seller)
            })
        };
        let all: Vec<AccountRef> = game
            .model
            .sellers
            .iter()
            .filter(|(_, seller)| may(seller))
            .filter_map(|(at, _)| game.name_of(at))
            .collect();
        match self.one(&all) {
            Some(AccountRef::SellerAt(bus, who)) if self.chance(92) => (bus, who),
            _ => self.some_seller(game),
        }
    }

    /// The operator of a bus, or sometimes anybody.
    pub(super) fn operator(&mut self, game: &Game, bus: u8) -> u8 {
        let operator = game.bus(bus).and_then(|bus| bus.operator);
        match operator {
            Some(operator) => self.party_of(game, &operator),
            None => self.wallet(game),
        }
    }
}

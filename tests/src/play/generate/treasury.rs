//! Claims of revenue.

use {
    super::{BUSES, Generator},
    crate::play::{game::Game, script::*},
};

impl Generator {
    /// Revenue is claimed.
    pub(super) fn claim(&mut self, game: &Game, bus: u8) -> Operation {
        let wallet = self.owner(game, bus);
        let (owner, into) = match self.rng.u8(0..16) {
            0..=2 => {
                let owner = self.rng.u8(0..BUSES);
                let into = [AccountRef::Treasury(owner), AccountRef::Escrow(owner), AccountRef::Stray(owner, 0)];
                (AccountRef::BusAt(owner), self.one(&into).expect("one of three"))
            }
            3 => (AccountRef::Wallet(self.party(game)), self.account(game)),
            4 => {
                let party = self.party(game);
                (AccountRef::Wallet(party), self.tokens(game, party, bus))
            }
            _ => (AccountRef::Wallet(wallet), self.tokens(game, wallet, bus)),
        };
        Operation::Claim { bus, owner, into }
    }
}

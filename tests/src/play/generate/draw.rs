//! Numbers, parties and accounts.

use {
    super::{BUSES, Generator, LANES},
    crate::play::{game::Game, script::*},
    solana_address::Address,
};

impl Generator {
    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.rng.u32(0..100) < percent
    }

    pub(super) fn one<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        (!of.is_empty()).then(|| of[self.rng.usize(0..of.len())])
    }

    /// A number at or around another.
    pub(super) fn near(&mut self, number: u64) -> u64 {
        match self.rng.u8(0..16) {
            0..=4 => number,
            5 | 6 => number.saturating_sub(1),
            7 => number.saturating_add(1),
            8 => 0,
            9 => 1,
            10 if self.chance(30) => u64::MAX,
            _ => self.rng.u64(0..=number),
        }
    }

    pub(super) fn party(&mut self, game: &Game) -> u8 {
        self.rng.u8(0..game.parties)
    }

    /// The party of a wallet, or sometimes another.
    pub(super) fn party_of(&mut self, game: &Game, wallet: &Address) -> u8 {
        if self.chance(90)
            && let Some(party) = (0..game.parties).find(|party| game.address(AccountRef::Wallet(*party)) == *wallet)
        {
            return party;
        }
        self.party(game)
    }

    pub(super) fn live_buses(&self, game: &Game) -> Vec<u8> {
        (0..BUSES).filter(|bus| game.model.buses.contains_key(&game.address(AccountRef::BusAt(*bus)))).collect()
    }

    pub(super) fn live_offers(&mut self, game: &Game) -> Vec<OfferRef> {
        let live = |place: &OfferRef| game.model.offers.contains_key(&game.address(AccountRef::OfferAt(*place)));
        let offers: Vec<OfferRef> = self.offers.iter().copied().filter(live).collect();
        if offers.len() * 3 + 20 < self.offers.len() {
            // Those that have closed are tried now and then.
            self.offers.drain(..self.offers.len() / 2);
            self.offers.extend(&offers);
            self.offers.sort_unstable();
            self.offers.dedup();
        }
        offers
    }

    pub(super) fn mint_of(&self, game: &Game, bus: u8) -> u8 {
        let at = game.address(AccountRef::BusAt(bus));
        let mint = game.model.buses.get(&at).map(|bus| bus.mint);
        (0..2).find(|number| Some(game.mints[*number as usize].address) == mint).unwrap_or(0)
    }

    /// A party's token account of a bus's mint, or sometimes another.
    pub(super) fn tokens(&mut self, game: &Game, party: u8, bus: u8) -> AccountRef {
        let mint = self.mint_of(game, bus);
        match self.rng.u8(0..40) {
            0 => AccountRef::Tokens(self.party(game), mint, 0),
            1 => AccountRef::Tokens(party, 1 - mint, 0),
            2 => self.account(game),
            which => AccountRef::Tokens(party, mint, which % 2),
        }
    }

    /// Any account.
    pub(super) fn account(&mut self, game: &Game) -> AccountRef {
        let (party, bus) = (self.party(game), self.rng.u8(0..BUSES));
        match self.rng.u8(0..16) {
            0 => AccountRef::Wallet(party),
            1 => AccountRef::Tokens(party, self.rng.u8(0..2), self.rng.u8(0..2)),
            2 => AccountRef::BusAt(bus),
            3 => AccountRef::CapacityAt(bus, 0),
            4 => {
                let windows = self.windows.clone();
                let (bus, window) = self.one(&windows).unwrap_or((bus, 0));
                AccountRef::CapacityAt(bus, window)
            }
            5 => AccountRef::Escrow(bus),
            6 => AccountRef::Treasury(bus),
            7 | 8 => AccountRef::OfferAt(self.offer(game)),
            9 => AccountRef::LockAt(self.offer(game), party),
            10 => AccountRef::LaneAt(party, self.rng.u16(0..LANES)),
            11 => AccountRef::ProposalAt(bus, self.rng.u64(0..4)),
            12 => AccountRef::MintAt(self.rng.u8(0..3)),
            13 => AccountRef::TokenProgramOf(self.rng.u8(0..2)),
            14 => AccountRef::Stray(bus, self.rng.u8(0..2)),
            _ => self.one(&[AccountRef::System, AccountRef::Market, AccountRef::Nowhere(0)]).expect("one of three"),
        }
    }
}

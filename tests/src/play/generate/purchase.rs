//! Purchases.

use {
    super::{Generator, LANES},
    crate::play::{game::Game, script::*},
};

impl Generator {
    /// A purchase of one offer.
    pub(super) fn buy(&mut self, game: &Game, buyer: u8) -> Operation {
        let (by, offer) = (buyer, self.trading_offer(game));
        if let Some(open) = self.position_first(game, offer, by) {
            return open;
        }
        let ask = self.ask(game, offer);
        let at_least = match self.rng.u8(0..10) {
            0 => 0,
            1 => ask.0.saturating_add(1),
            2..=4 => 1,
            _ => ask.0,
        };
        let (lane, nonce) = (self.lane(game, by), self.nonce());
        Operation::Buy { by, lane, nonce, offer, ask, at_least, from: self.tokens(game, by, offer.0) }
    }

    /// A purchase of several offers.
    pub(super) fn buy_batch(&mut self, game: &Game, bus: u8, buyer: u8) -> Operation {
        let by = buyer;
        let count = if self.chance(3) { self.rng.usize(33..36) } else { self.rng.usize(0..=5) };
        let mut items: Vec<(OfferRef, Ask)> = Vec::new();
        let first = self.trading_offer(game);
        for _ in 0..count {
            let offer = if items.is_empty() { first } else { self.trading_offer(game) };
            let taken = items.iter().any(|(place, _)| *place == offer);
            let same_mint = self.mint_of(game, offer.0) == self.mint_of(game, first.0);
            if count < 33
                && let Some(open) = self.position_first(game, offer, by)
            {
                return open;
            }
            if (!taken && same_mint) || self.chance(5) || count > 32 {
                let ask = self.ask(game, offer);
                items.push((offer, ask));
            }
        }
        let (lane, nonce) = (self.lane(game, by), self.nonce());
        let limit = if self.chance(90) { u64::MAX } else { self.near(1_000_000) };
        let from = self.tokens(game, by, items.first().map_or(bus, |(place, _)| place.0));
        Operation::BuyBatch { by, lane, nonce, items: List(items), limit, from }
    }

    /// What a buyer asks of an offer.
    pub(super) fn ask(&mut self, game: &Game, place: OfferRef) -> Ask {
        let offer = game.offer(place);
        let (free, price, version) =
            offer.map_or((1_000, 1, 1), |offer| (offer.free_wh(), offer.full_price(), offer.version));
        let wh = match self.rng.u8(0..10) {
            0..=5 => self.rng.u64(1..=(free / 3).clamp(1, 20_000)),
            // More than there is, of which a purchase up to an amount takes what there is.
            6 => free.saturating_add(self.rng.u64(1..=1_000)),
            7 => free,
            _ => self.near(free),
        };
        let limit = if self.chance(80) { u64::MAX } else { self.near(price) };
        let version = match self.rng.u8(0..12) {
            0 => version.saturating_add(1),
            1 => version.saturating_sub(1),
            2..=6 => version,
            _ => 0,
        };
        Ask(wh, limit, version)
    }

    /// A party with an open lane, mostly; `None` where nobody has one.
    pub(super) fn buyer(&mut self, game: &Game) -> Option<u8> {
        if self.chance(3) {
            return Some(self.party(game));
        }
        let wallets: Vec<u8> = (0..game.parties)
            .flat_map(|party| [party, double_of(party)])
            .filter(|party| {
                let open = |lane| game.has_lane(*party, lane);
                (0..LANES).any(open)
            })
            .collect();
        self.one(&wallets)
    }

    pub(super) fn nonce(&mut self) -> i64 {
        if self.chance(95) { 0 } else { self.one(&[-1, 1, 2, -1_000_000, i64::MAX]).expect("one of these") }
    }
}

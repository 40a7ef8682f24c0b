//! Offers.

use {
    super::{BUSES, Generator},
    crate::play::{game::Game, script::*},
};

impl Generator {
    /// An offer of a party.
    pub(super) fn create_offer(&mut self, game: &Game, bus: u8) -> Operation {
        let by = if self.chance(50) { self.owner(game, bus) } else { self.party(game) };
        let new = self.new_offer(game, bus);
        self.offers.push(new.offer);
        let payout = match self.rng.u8(0..30) {
            0 => AccountRef::Treasury(bus),
            1 => AccountRef::Escrow(self.rng.u8(0..BUSES)),
            _ => self.tokens(game, by, bus),
        };
        Operation::CreateOffer { by, new, payout }
    }

    /// An offer of a bus itself.
    pub(super) fn create_offer_for_bus(&mut self, game: &Game, bus: u8) -> Operation {
        let new = self.new_offer(game, bus);
        self.offers.push(new.offer);
        Operation::CreateOfferForBus { by: self.owner(game, bus), new }
    }

    /// An offer gets another price.
    pub(super) fn reprice(&mut self, game: &Game) -> Operation {
        let (by, offer) = self.seller(game);
        let price = game.offer(offer).map_or(1, |o| o.price_per_kwh);
        let price = if self.chance(50) { self.near(price) } else { price.saturating_add(self.rng.u64(0..1_000)) };
        Operation::Reprice { by, offer, price }
    }

    /// An offer gets a later expiry.
    pub(super) fn extend(&mut self, game: &Game) -> Operation {
        let (by, offer) = self.seller(game);
        let now = game.second();
        let expires = match self.rng.u8(0..4) {
            0 => 0,
            1 => now + self.rng.i64(-1..=1),
            _ => now + self.rng.i64(1..4_000),
        };
        Operation::Extend { by, offer, expires }
    }

    /// An offer is cancelled.
    pub(super) fn cancel(&mut self, game: &Game) -> Operation {
        let (by, offer) = self.seller(game);
        let by = if self.chance(25) { self.party(game) } else { by };
        Operation::Cancel { by, offer }
    }

    /// An offer, mostly one that is open.
    pub(super) fn offer(&mut self, game: &Game) -> OfferRef {
        let live = self.live_offers(game);
        if self.chance(95)
            && let Some(offer) = self.one(&live)
        {
            return offer;
        }
        let all = self.offers.clone();
        self.one(&all).unwrap_or(OfferRef(0, 0, 0))
    }

    /// A party that may act for an offer, mostly, and the offer.
    pub(super) fn seller(&mut self, game: &Game) -> (u8, OfferRef) {
        let offer = self.offer(game);
        let by = match game.offer(offer) {
            Some(state) if state.of_bus => self.owner(game, offer.0),
            Some(state) => {
                let seller = state.seller;
                self.party_of(game, &seller)
            }
            None => self.party(game),
        };
        (by, offer)
    }

    /// What a new offer of a bus is created with.
    fn new_offer(&mut self, game: &Game, bus: u8) -> NewOffer {
        let window = self.capacity(game, bus);
        let base = game.bus(bus).map_or(1, |bus| bus.base_price_per_kwh);
        let capacity = game.capacity(bus, window);
        let (available, next) = capacity.map_or((1, 0), |capacity| (capacity.available_wh, capacity.next_seq()));
        let seq = match self.rng.u8(0..20) {
            0 => self.near(next),
            1 => next.saturating_add(self.rng.u64(0..1_030)),
            2 => next.saturating_sub(self.rng.u64(0..1_030)),
            _ => next,
        };
        let wh = match self.rng.u8(0..10) {
            0..=5 => self.rng.u64(1..=available.clamp(1, 60_000)).min(available.max(1) / 2 + 1),
            6 => self.near(available),
            _ => self.near(5_000),
        };
        let price = match self.rng.u8(0..10) {
            0..=4 => base.saturating_add(self.rng.u64(0..100_000)),
            5 => self.near(base),
            6 if self.chance(10) => u64::MAX - self.rng.u64(0..1_000),
            _ => base,
        };
        let second = game.second();
        let expires = match self.rng.u8(0..10) {
            0..=4 => 0,
            5 => second + self.rng.i64(-1..=1),
            6 => second + self.rng.i64(299..=301),
            _ => second + self.rng.i64(1..2_000),
        };
        let source = if self.chance(3) { 6 } else { self.rng.u8(0..6) };
        NewOffer { offer: OfferRef(bus, window, seq), wh, price, expires, source }
    }
}

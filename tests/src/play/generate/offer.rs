//! Offers.

use {
    super::Generator,
    crate::play::{game::Game, script::*},
};

impl Generator {
    /// An offer of a seller that has an account.
    pub(super) fn create_offer(&mut self, game: &Game) -> Operation {
        let (bus, who) = self.listing_seller(game);
        let on_delivery = game.bus(bus).is_some_and(|bus| bus.terms_at(game.model.now).is_on_delivery());
        let has_meter = game.seller(bus, who).is_none_or(|seller| seller.meter.is_some());
        if on_delivery && !has_meter && self.chance(85) {
            return self.register_meter(game, bus, who);
        }
        let by = match self.rng.u8(0..25) {
            0 => self.wallet(game),
            _ if wallet_bus(who).is_some() => self.owner(game, bus),
            _ => who,
        };
        Operation::CreateOffer { by, new: self.new_offer(game, bus, who) }
    }

    /// An offer gets another price.
    pub(super) fn reprice(&mut self, game: &Game) -> Operation {
        let (by, offer) = self.lister(game);
        let price = game.offer(offer).map_or(1, |o| o.price_per_kwh);
        let price = if self.chance(50) { self.near(price) } else { price.saturating_add(self.rng.u64(0..1_000)) };
        Operation::Reprice { by, offer, price, version: self.version(game, offer) }
    }

    /// An offer gets an earlier or a later expiry.
    pub(super) fn set_expiry(&mut self, game: &Game) -> Operation {
        let (by, offer) = self.lister(game);
        let state = game.offer(offer).cloned();
        let expires = match (self.rng.u8(0..8), state) {
            (0, Some(state)) if state.locked_until > 0 => {
                state.locked_until - crate::chain::START + 300 - self.rng.i64(0..2)
            }
            (1, Some(state)) if state.gate_closes_at < i64::MAX => {
                state.gate_closes_at - crate::chain::START + self.rng.i64(0..2)
            }
            _ => self.expiry(game, offer.0),
        };
        Operation::SetExpiry { by, offer, expires, version: self.version(game, offer) }
    }

    /// The version of an offer that a change names: 0 for any.
    fn version(&mut self, game: &Game, offer: OfferRef) -> u32 {
        let version = game.offer(offer).map_or(1, |offer| offer.version);
        match self.rng.u8(0..12) {
            0 => version + 1,
            1..=4 => version,
            _ => 0,
        }
    }

    pub(super) fn collect(&mut self, game: &Game) -> Operation {
        Operation::Collect { offer: self.offer(game) }
    }

    /// An offer is cancelled.
    pub(super) fn cancel(&mut self, game: &Game) -> Operation {
        let (by, offer) = self.lister(game);
        let by = match self.rng.u8(0..8) {
            0 | 1 => self.wallet(game),
            2 => self.operator(game, offer.0),
            3 => self.owner(game, offer.0),
            _ => by,
        };
        Operation::Cancel { by, offer }
    }

    /// An offer, mostly one that is open.
    pub(super) fn offer(&mut self, game: &Game) -> OfferRef {
        if self.chance(95)
            && let Some(AccountRef::OfferAt(offer)) = self.one_of(game, &game.model.offers)
        {
            return offer;
        }
        let all = self.offers.clone();
        self.one(&all).unwrap_or(OfferRef(0, 0, 0))
    }

    /// An offer to buy from, mostly one that trades now.
    pub(super) fn trading_offer(&mut self, game: &Game) -> OfferRef {
        let now = game.model.now;
        let running =
            |bus: &solana_address::Address| game.model.buses.get(bus).is_some_and(|bus| !bus.paused && !bus.closing);
        let trades = |offer: &multibus_model::ModelOffer| {
            !offer.cancelled && offer.free_wh() > 0 && (offer.trades_from..offer.expires_at).contains(&now)
        };
        let all: Vec<AccountRef> = game
            .model
            .offers
            .iter()
            .filter(|(_, offer)| trades(offer) && running(&offer.bus))
            .filter_map(|(at, _)| game.name_of(at))
            .collect();
        match self.one(&all) {
            Some(AccountRef::OfferAt(offer)) if self.chance(88) => offer,
            _ => self.offer(game),
        }
    }

    /// A wallet that may act for an offer, mostly, and the offer.
    pub(super) fn lister(&mut self, game: &Game) -> (u8, OfferRef) {
        let offer = self.offer(game);
        let by = match game.offer(offer) {
            Some(state) if state.is_own() && self.chance(15) => self.owner(game, offer.0),
            Some(state) if state.is_own() => {
                let lister = state.rent_payer;
                self.party_of(game, &lister)
            }
            Some(state) => {
                let wallet = state.wallet;
                self.party_of(game, &wallet)
            }
            None => self.party(game),
        };
        (by, offer)
    }

    fn expiry(&mut self, game: &Game, bus: u8) -> i64 {
        let second = game.second();
        let horizon = game.bus(bus).map_or(0, |bus| bus.horizon_seconds) as i64;
        match self.rng.u8(0..20) {
            0 => second + self.rng.i64(-1..=1),
            1 => second + self.rng.i64(599..=601),
            2 => second + horizon + self.rng.i64(-1..=1),
            3..=6 => second + self.rng.i64(1..2_000),
            _ => second + self.rng.i64(600..7_200),
        }
    }

    /// What a new offer of a seller is created with.
    pub(super) fn new_offer(&mut self, game: &Game, bus: u8, who: u8) -> NewOffer {
        let window = self.capacity(game, bus);
        let state = game.bus(bus);
        let (base, least) = state.map_or((1, 1), |bus| (bus.base_price_per_kwh, bus.least_wh));
        let own = wallet_bus(who).is_some();
        let base = if own { state.map_or(1, multibus_model::ModelBus::least_own_price) } else { base };
        let (capacity, limit) = (game.capacity(bus, window), state.map_or(0, |bus| bus.capacity_wh));
        let available = capacity.map_or(1, |capacity| capacity.available_under(limit));
        let gate = capacity.map(|capacity| capacity.gate_closes_at);
        let next = game.seller(bus, who).map_or(0, |seller| seller.next_offer);
        let number = if self.chance(96) { next } else { self.near(next) };
        let wh = match self.rng.u8(0..10) {
            0..=5 => self.rng.u64(1..=available.clamp(1, 60_000)).min(available.max(1) / 2 + 1),
            6 => self.near(available),
            7 => self.near(least),
            _ => self.near(5_000),
        };
        let in_auction = capacity.is_some_and(|capacity| capacity.terms.auction);
        let wh = match self.power_left(game, bus, who, window) {
            Some(left) if wh > left && self.chance(90) => self.near(left).max(1),
            Some(left) if self.chance(10) => self.near(left),
            _ => wh,
        };
        let price = match self.rng.u8(0..10) {
            0..=4 => base.saturating_add(self.rng.u64(0..100_000)),
            5 => self.near(base),
            6 if self.chance(10) => u64::MAX - self.rng.u64(0..1_000),
            _ => base,
        };
        // Many ask the same in an auction.
        let at = game.address(AccountRef::CapacityAt(bus, window));
        let others = game.model.offers.values().filter(|offer| offer.capacity == at && in_auction);
        let others: Vec<u64> = others.map(|offer| offer.price_per_kwh).filter(|other| *other >= base).collect();
        let price = if self.chance(35) { self.one(&others).unwrap_or(price) } else { price };
        let mut expires = self.expiry(game, bus);
        if let Some(gate) = gate.filter(|gate| *gate < i64::MAX) {
            let gate = gate - crate::chain::START;
            if (expires > gate && self.chance(95)) || (in_auction && self.chance(75)) {
                expires = gate;
            }
        }
        let mut source = if self.chance(3) { 6 } else { self.rng.u8(0..6) };
        let meter = game.model.meters.get(&game.address(AccountRef::MeterAt(bus, who)));
        if let Some(meter) = meter.filter(|_| self.chance(90)) {
            source = meter.spec.source;
        }
        let offer = OfferRef(bus, who, number);
        self.offers.push(offer);
        if self.offers.len() > 60 {
            self.offers.remove(0);
        }
        NewOffer { offer, window, wh, price, expires, source }
    }
}

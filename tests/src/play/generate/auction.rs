//! Bids, clearings, and what an auction settles.

use {
    super::Generator,
    crate::{
        chain::START,
        play::{game::Game, script::*},
    },
    multibus_model::{
        ModelBid, ModelBidState, ModelBook, ModelBookWindow, ModelCapacity, ModelOffer, ModelPhase,
        limit::CERTIFICATE_SECONDS, price::Prices,
    },
    solana_address::Address,
};

impl Generator {
    /// Something about auctions; `None` where there is nothing to do it to.
    pub(super) fn auction(&mut self, game: &Game, buses: &[u8]) -> Option<Operation> {
        let now = game.model.now;
        let fixed = self.windows_like(game, |capacity| capacity.phase(now) == ModelPhase::Fixed);
        if !fixed.is_empty() && self.chance(if self.lazy { 12 } else { 35 }) {
            let (bus, window) = self.one(&fixed)?;
            return Some(self.clear(game, bus, window));
        }
        if !self.lazy
            && self.chance(45)
            && let Some(operation) = self.due(game)
        {
            return Some(operation);
        }
        match self.rng.u8(0..100) {
            0..=29 => self.make_bid(game, buses),
            30..=34 => self.cancel_bid(game),
            35..=52 => self.settle_bid(game),
            53..=64 => self.settle_ask(game),
            65..=70 => self.cancel_settled(game),
            71..=75 => match self.one(&fixed) {
                Some((bus, window)) => Some(self.clear(game, bus, window)),
                None => match self.one_of(game, &game.model.capacities)? {
                    AccountRef::CapacityAt(bus, window) => Some(self.clear(game, bus, window)),
                    _ => None,
                },
            },
            76..=86 => self.report_to_pool(game),
            87..=96 => self.certify_bid(game),
            97 => self.close_auctioned(game),
            98 => self.close_owing_book(game),
            _ => self.close_clearing(game),
        }
    }

    /// What somebody who looks after auctions does next: what is owed is settled, what was delivered is read and counted, what is left
    /// is certified.
    fn due(&mut self, game: &Game) -> Option<Operation> {
        let (model, now) = (&game.model, game.model.now);
        let mut all: Vec<fn(&mut Self, &Game) -> Option<Operation>> = Vec::new();
        let auction_of = |offer: &ModelOffer| model.capacities[&offer.capacity].auction;
        if model.offers.values().any(|offer| auction_of(offer).is_some_and(|auction| auction.owes(offer))) {
            all.push(Self::settle_ask);
        }
        if model.offers.values().any(|offer| Self::is_free(game, offer)) {
            all.push(Self::cancel_settled);
        }
        let windows = || model.books.values().flat_map(|book| book.windows.iter().map(move |of| (book, of)));
        if windows().any(|(book, (place, window))| window.reported_at.is_none() && book.takes_reading(*place, now)) {
            all.push(Self::report);
        }
        if windows().any(|(book, (place, window))| window.owes_pool() && book.is_final(*place, now)) {
            all.push(Self::report_to_pool);
        }
        if model.bids.values().any(|bid| Self::is_due(game, bid, false)) {
            all.push(Self::settle_bid);
        }
        let over = |capacity: &ModelCapacity| Self::is_over(capacity) && now >= capacity.ends_at();
        if self.chance(40) && model.capacities.values().any(over) {
            all.push(Self::close_auctioned);
        }
        let certifies = |bid: &ModelBid| bid.state == ModelBidState::Refunded && bid.certified_wh < bid.delivered_wh;
        if model.bids.values().any(certifies) {
            all.push(if self.chance(65) { Self::certify_bid } else { Self::look_at_bid });
        }
        if self.chance(30) && model.books.values().any(Self::owes_pool) {
            all.push(Self::close_owing_book);
        }
        let next = self.one(&all)?;
        next(self, game)
    }

    /// Windows of this kind with an auction.
    fn windows_like(&self, game: &Game, like: impl Fn(&ModelCapacity) -> bool) -> Vec<(u8, i64)> {
        let windows = game.model.capacities.iter().filter(|(_, capacity)| capacity.terms.auction && like(capacity));
        let named = windows.filter_map(|(at, _)| match game.name_of(at)? {
            AccountRef::CapacityAt(bus, window) => Some((bus, window)),
            _ => None,
        });
        named.collect()
    }

    fn offers_of<'a>(game: &'a Game, capacity: &Address) -> Vec<&'a ModelOffer> {
        game.model.offers.values().filter(|offer| offer.capacity == *capacity).collect()
    }

    /// A bid in a window, mostly one that takes bids now.
    pub(super) fn make_bid(&mut self, game: &Game, buses: &[u8]) -> Option<Operation> {
        let now = game.model.now;
        let takes = self.windows_like(game, |capacity| {
            let bus = game.model.buses.get(&capacity.bus);
            capacity.gate_closes_at > now && bus.is_some_and(|bus| !bus.paused && !bus.closing)
        });
        let with_auction = |bus: &u8| game.bus(*bus).is_some_and(|bus| bus.terms_at(now).auction && !bus.closing);
        if takes.is_empty() && self.chance(85) {
            let buses: Vec<u8> = buses.iter().copied().filter(with_auction).collect();
            let bus = self.one(&buses)?;
            return Some(self.open_capacity(game, bus));
        }
        let usual = if self.chance(96) { self.one(&takes) } else { None };
        let (bus, window) = match usual {
            Some(window) => window,
            None => match self.one_of(game, &game.model.capacities)? {
                AccountRef::CapacityAt(bus, window) => (bus, window),
                _ => return None,
            },
        };
        // Where nothing is asked yet, something is mostly offered first.
        let at = game.address(AccountRef::CapacityAt(bus, window));
        let offers = Self::offers_of(game, &at);
        if offers.len() < 2 && self.chance(45) {
            return Some(self.offer_in(game, bus, window));
        }
        let Some(by) = self.buyer(game) else { return Some(self.open_lane(game)) };
        let lane = self.lane(game, by);
        let capacity = game.capacity(bus, window)?;
        let (fee, total) = (capacity.terms.grid_fee_per_kwh, capacity.total_wh);
        let state = game.bus(bus);
        let (base, least) = state.map_or((1, 1), |bus| (bus.base_price_per_kwh, bus.least_wh));
        let asks: Vec<u64> = offers.iter().map(|offer| offer.price_per_kwh).collect();
        let bids: Vec<u64> =
            game.model.bids.values().filter(|bid| bid.capacity == at).map(|bid| bid.price_per_kwh).collect();
        let price = match self.rng.u8(0..20) {
            0..=6 => self.one(&asks).unwrap_or(base),
            7 => self.one(&asks).unwrap_or(base).saturating_add(1),
            8 => self.one(&asks).unwrap_or(base).saturating_sub(1),
            9 | 10 => self.one(&bids).unwrap_or(base),
            11 => base,
            12 => base.saturating_sub(self.rng.u64(0..3)),
            13 if self.chance(20) => u64::MAX - fee - self.rng.u64(0..1_000),
            _ => base.saturating_add(self.rng.u64(0..120_000)),
        };
        let asked: u64 = offers.iter().map(|offer| offer.remaining_wh).fold(0, u64::saturating_add);
        let wh = match self.rng.u8(0..14) {
            0 => self.near(least),
            1 => self.near(total),
            2 => total.saturating_add(1),
            3 | 4 => self.near(asked),
            5 => self.rng.u64(1..=9),
            _ => self.rng.u64(least.min(20_000)..=20_000),
        };
        let limit = if self.chance(98) { price.saturating_add(fee) } else { self.near(fee) };
        let below = if self.chance(96) { 0 } else { self.rng.u8(1..4) };
        let from = self.tokens(game, by, bus);
        let refund = match self.rng.u8(0..14) {
            0 => self.account(game),
            1 => AccountRef::EscrowAt(bus),
            2 => AccountRef::Wallet(by),
            3 => self.one(&[AccountRef::System, AccountRef::ClockSysvar, AccountRef::Market])?,
            _ => self.tokens(game, by, bus),
        };
        Some(Operation::Bid { by, lane, nonce: self.nonce(), bus, window, wh, limit, below, from, refund })
    }

    /// An offer in a window of a bus.
    fn offer_in(&mut self, game: &Game, bus: u8, window: i64) -> Operation {
        let at = game.address(AccountRef::BusAt(bus));
        let sellers: Vec<AccountRef> = game
            .model
            .sellers
            .iter()
            .filter(|(_, seller)| seller.bus == at && !seller.suspended)
            .filter_map(|(at, _)| game.name_of(at))
            .collect();
        let Some(AccountRef::SellerAt(bus, who)) = self.one(&sellers) else { return self.open_seller(game, bus) };
        let on_delivery = game.capacity(bus, window).is_some_and(|capacity| capacity.terms.is_on_delivery());
        if on_delivery && game.seller(bus, who).is_none_or(|seller| seller.meter.is_none()) {
            return self.register_meter(game, bus, who);
        }
        let by = if wallet_bus(who).is_some() { self.owner(game, bus) } else { who };
        let mut new = self.new_offer(game, bus, who);
        if let Some(capacity) = game.capacity(bus, window) {
            new.window = window;
            new.expires = capacity.gate_closes_at - START;
        }
        Operation::CreateOffer { by, new }
    }

    /// One of the bids, mostly such a one.
    fn bid_like(&mut self, game: &Game, like: impl Fn(&ModelBid) -> bool) -> Option<BidRef> {
        let all = game.model.bids.iter().filter(|(_, bid)| like(bid));
        let all: Vec<AccountRef> = all.filter_map(|(at, _)| game.name_of(at)).collect();
        let found = if self.chance(92) { self.one(&all) } else { None };
        match found.or_else(|| self.one_of(game, &game.model.bids))? {
            AccountRef::BidAt(bid) => Some(bid),
            _ => None,
        }
    }

    fn phase_of(game: &Game, bid: &ModelBid) -> ModelPhase {
        game.model.capacities[&bid.capacity].phase(game.model.now)
    }

    fn cancel_bid(&mut self, game: &Game) -> Option<Operation> {
        let early = |bid: &ModelBid| matches!(Self::phase_of(game, bid), ModelPhase::Trading | ModelPhase::Closing);
        let bid = self.bid_like(game, early)?;
        let by = if self.chance(92) && wallet_bus(bid.2).is_none() { bid.2 } else { self.wallet(game) };
        let into = match self.rng.u8(0..10) {
            0 => self.account(game),
            1 => AccountRef::EscrowAt(bid.0),
            _ => self.tokens(game, by, bid.0),
        };
        Some(Operation::CancelBid { by, bid, into })
    }

    /// Whether settling a bid does something; of one that can still certify, whether somebody `looks`.
    fn is_due(game: &Game, bid: &ModelBid, looks: bool) -> bool {
        let pool = game.model.capacities[&bid.capacity].auction.and_then(|auction| auction.pool_complete_at);
        match bid.state {
            ModelBidState::Open => {
                let phase = Self::phase_of(game, bid);
                let unoffered = game.model.capacities[&bid.capacity].open_offers == 0;
                let closing = phase == ModelPhase::Trading && game.model.buses[&bid.bus].closing && unoffered;
                matches!(phase, ModelPhase::Cleared | ModelPhase::Over) || closing
            }
            ModelBidState::Filled => pool.is_some(),
            ModelBidState::Refunded => {
                let others = pool.is_some_and(|complete| game.model.now >= complete + CERTIFICATE_SECONDS);
                looks || others || bid.certified_wh == bid.delivered_wh || bid.owed() > 0
            }
        }
    }

    /// Whether an offer's auction is over and owes it nothing.
    fn is_free(game: &Game, offer: &ModelOffer) -> bool {
        let capacity = &game.model.capacities[&offer.capacity];
        let owed = capacity.auction.is_some_and(|auction| auction.owes(offer));
        let over = matches!(capacity.phase(game.model.now), ModelPhase::Cleared | ModelPhase::Over);
        offer.in_auction && over && !owed && !offer.cancelled
    }

    fn settle_bid(&mut self, game: &Game) -> Option<Operation> {
        let looks = self.chance(15);
        let bid = self.bid_like(game, |bid| Self::is_due(game, bid, looks))?;
        let by = if self.chance(40) && wallet_bus(bid.2).is_none() { bid.2 } else { self.wallet(game) };
        let chosen = if by == bid.2 { 30 } else { 2 };
        let into = self.chance(chosen).then(|| match self.rng.u8(0..8) {
            0 => self.account(game),
            1 => AccountRef::EscrowAt(bid.0),
            2 => AccountRef::Treasury(bid.0),
            _ => self.tokens(game, by, bid.0),
        });
        Some(Operation::SettleBid { by, bid, close: self.chance(15), into })
    }

    /// An offer that the auction owes something, mostly.
    fn settle_ask(&mut self, game: &Game) -> Option<Operation> {
        let owed = |offer: &ModelOffer| {
            let auction = game.model.capacities[&offer.capacity].auction;
            auction.is_some_and(|auction| auction.owes(offer))
        };
        self.offer_like(game, owed).map(|offer| Operation::SettleAsk { offer })
    }

    fn offer_like(&mut self, game: &Game, like: impl Fn(&ModelOffer) -> bool) -> Option<OfferRef> {
        let all = game.model.offers.iter().filter(|(_, offer)| like(offer));
        let all: Vec<AccountRef> = all.filter_map(|(at, _)| game.name_of(at)).collect();
        let found = if self.chance(92) { self.one(&all) } else { None };
        match found.or_else(|| self.one_of(game, &game.model.offers))? {
            AccountRef::OfferAt(offer) => Some(offer),
            _ => None,
        }
    }

    /// An offer that its auction does not need any more is cancelled.
    fn cancel_settled(&mut self, game: &Game) -> Option<Operation> {
        let offer = self.offer_like(game, |offer| Self::is_free(game, offer))?;
        Some(Operation::Cancel { by: self.wallet(game), offer })
    }

    /// A step of a proof of a window's price: by one clearer or several, with right and wrong claims, whole or half.
    fn clear(&mut self, game: &Game, bus: u8, window: i64) -> Operation {
        let at = game.address(AccountRef::CapacityAt(bus, window));
        let open: Vec<AccountRef> = game
            .model
            .clearings
            .iter()
            .filter(|(_, clearing)| clearing.capacity == at)
            .filter_map(|(at, _)| game.name_of(at))
            .collect();
        let begun = if self.chance(90) { self.one(&open) } else { None };
        let Some(AccountRef::ClearingAt(bus, window, clearer)) = begun else {
            let (low, high) = self.claim(game, &at);
            return Operation::OpenClearing { by: self.wallet(game), bus, window, low, high };
        };
        let state = &game.model.clearings[&game.address(AccountRef::ClearingAt(bus, window, clearer))];
        let bids = game.model.bids.iter().filter(|(_, bid)| bid.capacity == at).map(|(at, _)| *at);
        let offers = game.model.offers.iter().filter(|(_, offer)| offer.capacity == at).map(|(at, _)| *at);
        let mut all: Vec<Address> = bids.chain(offers).collect();
        all.sort_unstable();
        let last = state.tallied.last_key_value().map(|(last, _)| *last);
        let skipped =
            all.iter().any(|order| last.is_some_and(|last| *order <= last) && !state.tallied.contains_key(order));
        let mut rest: Vec<Address> = all.into_iter().filter(|order| last.is_none_or(|last| *order > last)).collect();
        if (skipped && self.chance(25)) || self.chance(3) {
            let by = if self.chance(80) { clearer } else { self.wallet(game) };
            return Operation::CloseClearing { by, bus, window, clearer };
        }
        if (rest.is_empty() && self.chance(93)) || self.chance(4) {
            return Operation::ApplyClearing { bus, window, clearer };
        }
        if self.chance(50) {
            rest.truncate(self.rng.usize(1..=rest.len().max(1)));
        }
        match self.rng.u8(0..24) {
            0 => rest.reverse(),
            1 | 6 | 7 if !rest.is_empty() => drop(rest.remove(self.rng.usize(0..rest.len()))),
            2 => rest.extend(rest.last().copied()),
            3 => rest.insert(0, game.address(AccountRef::System)),
            4 => {
                let account = self.account(game);
                rest.push(game.address(account));
                rest.sort_unstable();
            }
            5 => {
                let other = if self.chance(50) {
                    self.one_of(game, &game.model.offers)
                } else {
                    self.one_of(game, &game.model.bids)
                };
                rest.extend(other.map(|other| game.address(other)));
                rest.sort_unstable();
            }
            _ => {}
        }
        let orders: Vec<AccountRef> = rest.iter().filter_map(|order| game.name_of(order)).collect();
        let by = if self.chance(96) { clearer } else { self.wallet(game) };
        Operation::TallyOrders { by, bus, window, clearer, orders: List(orders) }
    }

    /// The prices that a clearer names: mostly the right ones.
    fn claim(&mut self, game: &Game, capacity: &Address) -> (u64, u64) {
        let right = game.model.orders_of(capacity).prices();
        let Prices { low, high } = right.unwrap_or_else(|| {
            let low = self.rng.u64(0..100_000);
            Prices { low, high: low + self.rng.u64(0..1_000) }
        });
        match self.rng.u8(0..24) {
            0 => (low.saturating_sub(1), high),
            1 => (low, high.saturating_add(1)),
            2 => (low.saturating_add(1).min(high), high),
            3 => (low, high.saturating_sub(1).max(low)),
            4 => (high, low),
            5 => (high, high.saturating_add(self.rng.u64(0..1_000))),
            6 => (self.near(low), self.near(high)),
            _ => (low, high),
        }
    }

    fn close_clearing(&mut self, game: &Game) -> Option<Operation> {
        let AccountRef::ClearingAt(bus, window, clearer) = self.one_of(game, &game.model.clearings)? else {
            return None;
        };
        let by = if self.chance(30) { clearer } else { self.wallet(game) };
        Some(Operation::CloseClearing { by, bus, window, clearer })
    }

    /// Whether an auction is over and settled.
    fn is_over(capacity: &ModelCapacity) -> bool {
        capacity.auction.is_some() && capacity.open_bids == 0 && capacity.open_offers == 0
    }

    /// A window is closed whose auction is over.
    fn close_auctioned(&mut self, game: &Game) -> Option<Operation> {
        let over = self.windows_like(game, Self::is_over);
        let (bus, window) = self.one(&over)?;
        Some(Operation::CloseCapacity { by: self.wallet(game), bus, window })
    }

    /// A bid that may only wait for its certificates.
    fn look_at_bid(&mut self, game: &Game) -> Option<Operation> {
        let bid = self.bid_like(game, |bid| bid.state == ModelBidState::Refunded)?;
        Some(Operation::SettleBid { by: self.wallet(game), bid, close: false, into: None })
    }

    /// Whether only the pool keeps a delivery book from closing.
    fn owes_pool(book: &ModelBook) -> bool {
        let idle = book.open_offers == 0 && book.open_positions == 0;
        idle && (book.pool_due > 0 || book.windows.values().any(ModelBookWindow::owes_pool))
    }

    /// A delivery book whose seller is not counted in every pool.
    fn close_owing_book(&mut self, game: &Game) -> Option<Operation> {
        let owing = game.model.books.iter().filter(|(_, book)| Self::owes_pool(book));
        let owing: Vec<AccountRef> = owing.filter_map(|(at, _)| game.name_of(at)).collect();
        match self.one(&owing)? {
            AccountRef::BookAt(book) => Some(Operation::CloseBook { by: self.wallet(game), book }),
            _ => None,
        }
    }

    /// The seller of a final window is counted in the pool, mostly.
    fn report_to_pool(&mut self, game: &Game) -> Option<Operation> {
        let now = game.model.now;
        let mut due = Vec::new();
        for (at, book) in &game.model.books {
            let Some(AccountRef::BookAt(of)) = game.name_of(at) else { continue };
            let windows = book
                .windows
                .iter()
                .filter(|(place, window)| (window.owes_pool() && book.is_final(**place, now)) || book.pool_due > 0);
            due.extend(windows.map(|(place, _)| (of, book.window_start(*place) - START)));
        }
        if self.chance(88)
            && let Some((book, window)) = self.one(&due)
        {
            return Some(Operation::ReportToPool { book, window });
        }
        if self.chance(50) {
            return None;
        }
        let book = self.some_book(game)?;
        let used: Vec<usize> = game.book(book).map(|book| book.windows.keys().copied().collect()).unwrap_or_default();
        let place = self.one(&used).unwrap_or(0);
        let window = match self.one_of(game, &game.model.capacities) {
            Some(AccountRef::CapacityAt(_, window)) if self.chance(30) => window,
            _ => game.book(book)?.window_start(place) - START,
        };
        Some(Operation::ReportToPool { book, window })
    }

    /// A bid certifies what a seller delivered to it.
    fn certify_bid(&mut self, game: &Game) -> Option<Operation> {
        let open = |bid: &ModelBid| bid.state == ModelBidState::Refunded && bid.certified_wh < bid.delivered_wh;
        if !game.model.bids.values().any(open) && self.chance(80) {
            return None;
        }
        let bid = self.bid_like(game, open)?;
        let state = game.bid(bid)?.clone();
        let mut found = Vec::new();
        for (at, book) in game.model.books.iter().filter(|(_, book)| book.bus == state.bus) {
            let (Some(AccountRef::BookAt(of)), Some(place)) = (game.name_of(at), book.place(state.window_start)) else {
                continue;
            };
            found.extend(book.windows.get(&place).filter(|window| window.auction_wh > 0).map(|_| (of, place)));
        }
        let usual = if self.chance(92) { self.one(&found) } else { None };
        let (book, place) = match usual {
            Some(found) => found,
            None => (self.some_book(game)?, self.rng.usize(0..96)),
        };
        let by = if self.chance(92) && wallet_bus(bid.2).is_none() { bid.2 } else { self.wallet(game) };
        Some(Operation::CertifyBid { by, book, place: place as u8, bid })
    }

    /// Seconds at which a phase of an auction begins or ends.
    pub(super) fn auction_ends(&mut self, game: &Game) -> Vec<i64> {
        let mut ends = Vec::new();
        for capacity in game.model.capacities.values().filter(|capacity| capacity.terms.auction) {
            let gate = capacity.gate_closes_at;
            ends.extend([gate - 300, gate]);
            if capacity.phase(game.model.now) == ModelPhase::Fixed && self.chance(if self.lazy { 60 } else { 10 }) {
                ends.push(gate + 86_400);
            }
            let complete = capacity.auction.and_then(|auction| auction.pool_complete_at);
            if self.chance(4) {
                ends.extend(complete.map(|complete| complete + CERTIFICATE_SECONDS));
            }
        }
        ends.retain(|end| *end >= game.model.now - 1);
        ends
    }
}

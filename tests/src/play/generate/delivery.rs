//! Terms on delivery, readings, releases and delivery books.

use {
    super::Generator,
    crate::{
        chain::START,
        play::{game::Game, script::*},
    },
    multibus_model::{ModelBook, ModelBus},
};

/// Lengths of windows, with gate closures.
const WINDOWS: [(u32, u32); 7] = [(60, 0), (60, 60), (900, 60), (900, 0), (900, 60), (900, 900), (3_600, 600)];
/// The same for windows that an auction closes, which are not too short for it.
const AUCTION_WINDOWS: [(u32, u32); 6] = [(900, 0), (900, 60), (900, 900), (600, 300), (900, 480), (3_600, 600)];
/// Twists of a signed reading, but for that of another book.
const TWISTS: [Twist; 8] = [
    Twist::Window,
    Twist::Energy,
    Twist::Sequence,
    Twist::LongerData,
    Twist::Account,
    Twist::Twice,
    Twist::Missing,
    Twist::Apart,
];

impl Generator {
    /// Something about deliveries; `None` where there is nothing to do it to.
    pub(super) fn deliver(&mut self, game: &Game, buses: &[u8]) -> Option<Operation> {
        let now = game.model.now;
        let silent = |book: &ModelBook| {
            let mut windows = book.windows.iter();
            windows.any(|(place, window)| window.reported_at.is_none() && book.takes_reading(*place, now))
        };
        if game.model.books.values().any(silent) && self.chance(25) {
            return self.report(game);
        }
        let operation = match self.rng.u8(0..122) {
            78.. => self.sell_for_delivery(game, buses)?,
            0..=15 => self.report(game)?,
            16..=22 => Operation::Release { book: self.some_book(game)? },
            23..=29 => {
                let (book, buyer) = self.due_position(game)?;
                Operation::Refund { book, buyer }
            }
            30..=38 => self.take_certificate(game)?,
            39..=42 => self.transfer(game)?,
            43 | 44 => self.retire(game)?,
            45..=48 => self.open_position(game)?,
            49 | 50 => self.set_refund(game)?,
            51..=57 => self.close_position(game)?,
            58..=61 => self.close_book(game)?,
            62..=65 => {
                let (bus, who) = self.meterless(game).unwrap_or_else(|| self.some_seller(game));
                self.register_meter(game, bus, who)
            }
            66..=68 => self.replace_meter(game)?,
            69 | 70 => self.close_meter(game)?,
            71 | 72 => self.close_device(game)?,
            73..=76 => self.sweep_grid(game),
            77 => {
                let bus = self.one(buses)?;
                let state = game.bus(bus)?.clone();
                let decision = self.next_terms(game, &state);
                Operation::Propose { by: self.owner(game, bus), bus, number: 0, decision }
            }
        };
        Some(operation)
    }

    /// What brings energy into delivery books: a purchase or a lock, where something is on offer; else a listing; else a window.
    fn sell_for_delivery(&mut self, game: &Game, buses: &[u8]) -> Option<Operation> {
        let now = game.model.now;
        let running = |bus: &u8| {
            game.bus(*bus).is_some_and(|bus| !bus.paused && !bus.closing && bus.terms_at(now).is_on_delivery())
        };
        let buses: Vec<u8> = buses.iter().copied().filter(running).collect();
        let bus = self.one(&buses)?;
        let at = game.address(AccountRef::BusAt(bus));
        let trades = |offer: &multibus_model::ModelOffer| {
            let in_time = (offer.trades_from..offer.expires_at).contains(&now);
            offer.bus == at && offer.book.is_some() && !offer.cancelled && offer.free_wh() > 0 && in_time
        };
        let on_offer: Vec<AccountRef> = game
            .model
            .offers
            .iter()
            .filter(|(_, offer)| trades(offer))
            .filter_map(|(at, _)| game.name_of(at))
            .collect();
        if let Some(AccountRef::OfferAt(offer)) = self.one(&on_offer)
            && self.chance(70)
        {
            let Some(by) = self.buyer(game) else { return Some(self.open_lane(game)) };
            if let Some(open) = self.position_first(game, offer, by) {
                return Some(open);
            }
            let (ask, from) = (self.ask(game, offer), self.tokens(game, by, bus));
            if self.chance(25) {
                let place = self.rng.u8(0..3);
                return Some(Operation::TakeLock { by, offer, place, ask, from, refund: from });
            }
            let lane = self.lane(game, by);
            return Some(Operation::Buy { by, lane, nonce: 0, offer, ask, at_least: 1, from });
        }
        let mut windows = game.model.capacities.values();
        let is_open =
            windows.any(|capacity| capacity.bus == at && capacity.gate_closes_at > now && capacity.window_start > 0);
        let metered: Vec<AccountRef> = game
            .model
            .sellers
            .iter()
            .filter(|(_, seller)| seller.bus == at && seller.meter.is_some() && !seller.suspended)
            .filter_map(|(at, _)| game.name_of(at))
            .collect();
        match self.one(&metered) {
            Some(AccountRef::SellerAt(bus, who)) if is_open => {
                let by = if wallet_bus(who).is_some() { self.owner(game, bus) } else { who };
                Some(Operation::CreateOffer { by, new: self.new_offer(game, bus, who) })
            }
            _ => Some(self.open_capacity(game, bus)),
        }
    }

    /// Terms of windows, mostly such as a bus can have.
    pub(super) fn terms(&mut self) -> WindowTerms {
        let pays_on_delivery = self.chance(match (self.delivers, self.auctions) {
            (true, _) => 85,
            // Nearly all that is sold there is sold by auctions.
            (_, true) => 45,
            _ => 15,
        });
        let auction = self.chance(if self.auctions { 88 } else { 5 });
        let without = !pays_on_delivery && self.chance(if auction { 4 } else { 50 });
        let lengths = if auction && self.chance(92) { &AUCTION_WINDOWS[..] } else { &WINDOWS[..] };
        let (window, gate) = if without { (0, 0) } else { self.one(lengths).expect("one of these") };
        let mut time = || match self.rng.u8(0..20) {
            0 => 2_592_000,
            1 => 7_200,
            2 => 3_601,
            _ => 3_600,
        };
        let (deadline, correction) = if pays_on_delivery { (time(), time()) } else { (0, 0) };
        let grid_fee = self.one(&[0, 0, 1, 999, 10_000, 250_000]).expect("one of these");
        let mut terms =
            WindowTerms { window, gate, settlement: pays_on_delivery as u8, grid_fee, deadline, correction, auction };
        match self.rng.u8(0..120) {
            0 => terms.window = 59,
            1 => terms.gate = 86_401,
            2 => terms.settlement = 2,
            3 => terms.grid_fee = 1 << 32,
            4 => terms.grid_fee = (1 << 32) + 1,
            5 => terms.deadline = 3_599,
            6 => terms.correction = 2_592_001,
            7 => (terms.window, terms.gate) = (0, 0),
            8 => (terms.window, terms.gate) = (86_400, 86_400),
            9 => (terms.deadline, terms.correction) = (0, 0),
            _ => {}
        }
        terms
    }

    /// Next terms, mostly from a second on that is far enough ahead.
    pub(super) fn next_terms(&mut self, game: &Game, bus: &ModelBus) -> Decision {
        let nearest = game.model.now + bus.horizon_seconds as i64;
        // All lengths that games use divide an hour.
        let first = nearest / 3_600 * 3_600 + 3_600;
        let from = match self.rng.u8(0..16) {
            0 => nearest,
            1 => first + 60,
            2 => first - 3_600,
            3 => first + self.rng.i64(0..24) * 3_600,
            _ => first,
        };
        Decision::Terms(from - START, self.terms())
    }

    /// Seconds at which something about deliveries begins or ends, from now on.
    pub(super) fn delivery_ends(&mut self, game: &Game) -> Vec<i64> {
        let model = &game.model;
        let others_close_at = |book: &ModelBook| book.others_close_at(&model.buses[&book.bus], model.now);
        let mut ends = Vec::new();
        for book in model.books.values() {
            for (place, window) in &book.windows {
                // A window that has ended is mostly read before time goes on to its deadline.
                if window.released.is_none() {
                    ends.push(book.window_end(*place));
                    if window.reported_at.is_some() || self.chance(15) {
                        ends.push(book.final_at(*place));
                    }
                }
            }
            ends.push(book.own_last_gate());
            if self.chance(15) {
                ends.extend([book.last_reading_at(), others_close_at(book)]);
            }
        }
        ends.extend(model.devices.values().filter_map(|device| device.retired));
        ends.extend(model.buses.values().filter_map(|bus| bus.next_terms).map(|terms| terms.from));
        if self.chance(6) {
            ends = model.books.values().map(others_close_at).collect();
        }
        let reach = if self.chance(90) { 12_000 } else { i64::MAX / 2 };
        ends.retain(|end| (-1..reach).contains(&end.saturating_sub(model.now)));
        ends
    }

    /// A delivery book that is open.
    pub(super) fn some_book(&mut self, game: &Game) -> Option<BookRef> {
        match self.one_of(game, &game.model.books)? {
            AccountRef::BookAt(book) => Some(book),
            _ => None,
        }
    }

    /// Wh that a seller can still list in a window on delivery terms, as far as its device goes.
    pub(super) fn power_left(&self, game: &Game, bus: u8, who: u8, window: i64) -> Option<u64> {
        let capacity = game.capacity(bus, window).filter(|capacity| capacity.terms.is_on_delivery())?;
        let meter = game.model.meters.get(&game.address(AccountRef::MeterAt(bus, who)))?;
        let first = capacity.terms.first_window_of(capacity.window_start) - START;
        let book = game.book(BookRef(bus, who, first));
        let place = book.and_then(|book| book.place(capacity.window_start));
        let listed = book.zip(place).and_then(|(book, place)| book.windows.get(&place));
        let power = match (book, listed) {
            (Some(book), Some(window)) => book.devices[window.device].power_w,
            _ => meter.spec.power_w,
        };
        let most = (power as u128 * capacity.terms.window_seconds as u128 / 3_600) as u64;
        Some(most - listed.map_or(0, |window| window.listed_wh))
    }

    /// A place of a book, mostly one that takes a reading now.
    fn reading_place(&mut self, book: &ModelBook, now: i64) -> usize {
        let open = |place: &usize| book.takes_reading(*place, now);
        let open: Vec<usize> = book.windows.keys().copied().filter(open).collect();
        let used: Vec<usize> = book.windows.keys().copied().collect();
        let open = if self.chance(90) { self.one(&open) } else { None };
        let used = if self.chance(90) { self.one(&used) } else { None };
        open.or(used).unwrap_or_else(|| self.rng.usize(0..97))
    }

    /// A window is reported.
    pub(super) fn report(&mut self, game: &Game) -> Option<Operation> {
        let now = game.model.now;
        let takes_now = |book: &ModelBook| book.windows.keys().any(|place| book.takes_reading(*place, now));
        let open: Vec<BookRef> = game
            .model
            .books
            .iter()
            .filter(|(_, book)| takes_now(book))
            .filter_map(|(at, _)| match game.name_of(at)? {
                AccountRef::BookAt(book) => Some(book),
                _ => None,
            })
            .collect();
        let open = if self.chance(90) { self.one(&open) } else { None };
        let book = match open {
            Some(book) => book,
            None => self.some_book(game)?,
        };
        let state = game.book(book)?.clone();
        let place = self.reading_place(&state, now);
        let window = state.windows.get(&place);
        let device = state.devices[window.map_or(0, |window| window.device)];
        let most = (device.power_w as u128 * state.terms.window_seconds as u128 * 11 / 36_000) as u64;
        let sold = window.map_or(0, multibus_model::ModelBookWindow::all_sold_wh);
        let wh = match self.rng.u8(0..14) {
            0 | 1 => 0,
            2 => self.near(most),
            3 => most.saturating_add(1),
            4 | 5 => self.near(sold),
            6 => sold.saturating_add(self.rng.u64(0..1_000)).min(most),
            7 => self.near(window.map_or(0, |window| window.listed_wh)),
            _ => self.rng.u64(0..=sold.max(1)),
        };
        let sequence = match self.rng.u8(0..12) {
            0 => -1,
            1 => self.rng.i64(1..1_000),
            _ => 0,
        };
        let key = game.device(&device.key).unwrap_or(0);
        let anybody = AccountRef::Wallet(self.wallet(game));
        let has_read = window.is_some_and(|window| window.operator_readings > 0);
        let (by, proof) = match self.rng.u8(0..24) {
            _ if has_read && self.chance(50) => (AccountRef::Wallet(self.operator(game, book.0)), Proof::Operator),
            0..=8 => (AccountRef::DeviceKey(key), Proof::Transaction),
            9..=14 => (anybody, Proof::Signed(key, Twist::Nothing)),
            15..=17 => (AccountRef::Wallet(self.operator(game, book.0)), Proof::Operator),
            18 => (anybody, Proof::Transaction),
            19 => (anybody, Proof::Signed(self.rng.u8(0..12), Twist::Nothing)),
            20 => (AccountRef::DeviceKey(self.rng.u8(0..12)), Proof::Transaction),
            21 | 22 => {
                let twist = match self.some_book(game) {
                    Some(other) if self.chance(20) => Twist::Book(other),
                    _ => self.one(&TWISTS).expect("one of these"),
                };
                (anybody, Proof::Signed(key, twist))
            }
            _ => (AccountRef::DeviceKey(key), Proof::Unknown(self.rng.u8(3..))),
        };
        Some(Operation::Report { by, book, place: place as u8, wh, sequence, proof })
    }

    fn close_book(&mut self, game: &Game) -> Option<Operation> {
        let book = self.some_book(game)?;
        let by = match self.rng.u8(0..4) {
            0 => self.wallet(game),
            _ if wallet_bus(book.1).is_some() => self.owner(game, book.0),
            _ => book.1,
        };
        Some(Operation::CloseBook { by, book })
    }

    fn sweep_grid(&mut self, game: &Game) -> Operation {
        let owing: Vec<AccountRef> = game
            .model
            .sellers
            .iter()
            .filter(|(_, seller)| seller.grid_fees_owed > 0)
            .filter_map(|(at, _)| game.name_of(at))
            .collect();
        let (bus, who) = match self.one(&owing) {
            Some(AccountRef::SellerAt(bus, who)) => (bus, who),
            _ => self.some_seller(game),
        };
        let recipient = game.bus(bus).and_then(|bus| bus.grid_recipient);
        let (by, into) = match recipient {
            None => {
                let into = if self.chance(80) { AccountRef::Treasury(bus) } else { self.account(game) };
                (self.wallet(game), into)
            }
            Some(recipient) => {
                let who = game.who(&recipient).unwrap_or(0);
                let by = if self.chance(40) && wallet_bus(who).is_none() { who } else { self.wallet(game) };
                (by, self.payee(game, by, who, bus))
            }
        };
        Operation::SweepGrid { by, bus, who, into }
    }
}

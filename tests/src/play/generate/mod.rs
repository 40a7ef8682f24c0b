//! The next step of a game, at random: mostly what can succeed in the present state, often exactly at a limit, and always
//! some of what must be refused, and of what parties can do to each other with the accounts that they control.

mod auction;
mod bus;
mod capacity;
mod certificate;
mod delivery;
mod draw;
mod hostile;
mod lock;
mod meter;
mod offer;
mod position;
mod proposal;
mod purchase;
mod seller;
mod trader;
mod treasury;

use {
    super::{game::Game, script::*},
    crate::chain::START,
    fastrand::Rng,
    multibus_model::limit::{LOCK_SECONDS, PROPOSAL_SECONDS},
};

/// Creators of a game's buses.
const BUSES: u8 = 4;
/// Lanes of each wallet.
const LANES: u16 = 2;

/// Makes the steps of a game.
pub struct Generator {
    rng: Rng,
    /// The latest offers.
    offers: Vec<OfferRef>,
    /// Whether this is a game of deliveries: most of its buses pay on delivery, and its time goes faster.
    delivers: bool,
    /// Whether this is a game of auctions: one closes most windows of its buses.
    auctions: bool,
    /// Whether nobody in particular looks after them.
    lazy: bool,
    /// What comes next.
    next: Option<Operation>,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let (auctions, lazy) = (rng.bool(), rng.u8(0..4) == 0);
        // Half of all games, and more of those with auctions.
        let delivers = rng.u8(0..20) < if auctions { 13 } else { 7 };
        Self { rng, offers: Vec::new(), delivers, auctions, lazy, next: None }
    }

    /// How many parties play.
    pub fn parties(&mut self) -> u8 {
        self.rng.u8(2..=12)
    }

    /// The next step of the game.
    pub fn step(&mut self, game: &Game) -> Step {
        if game.model.buses.is_empty() && self.chance(70) {
            return Step::Do(self.create_bus(game), Tamper::Nothing);
        }
        if let Some(operation) = self.next.take() {
            return Step::Do(operation, Tamper::Nothing);
        }
        match self.rng.u8(0..100) {
            0..=3 => return Step::At(self.time(game)),
            4 | 5 if self.delivers || self.auctions => return Step::At(self.time(game)),
            4..=11 => return self.hostile(game),
            _ => {}
        }
        let operation = self.operation(game);
        let sweeps = match operation {
            Operation::CloseCapacity { bus, window, .. } => {
                game.capacity(bus, window).is_some_and(|capacity| capacity.escrowed > 0)
            }
            _ => false,
        };
        let tamper = if sweeps && self.chance(50) {
            Tamper::Accounts(self.rng.u8(5..8))
        } else if self.chance(11) {
            self.tamper(game, &operation)
        } else {
            Tamper::Nothing
        };
        Step::Do(operation, tamper)
    }

    fn operation(&mut self, game: &Game) -> Operation {
        let buses = self.live_buses(game);
        let bus = self.one(&buses).unwrap_or(0);
        if self.chance(if self.auctions { 40 } else { 2 })
            && let Some(operation) = self.auction(game, &buses)
        {
            return operation;
        }
        if self.chance(if self.delivers { 45 } else { 2 })
            && let Some(operation) = self.deliver(game, &buses)
        {
            return operation;
        }
        let model = &game.model;
        let mut choice = self.rng.u8(0..150);
        if model.sellers.len() < 2 * buses.len() && self.chance(30) {
            choice = 8;
        }
        let sells = matches!(choice, 30..=92);
        if sells && model.offers.len() < 3 && self.chance(85) {
            choice = 15;
        }
        let windowed = game.bus(bus).is_some_and(|bus| bus.terms_at(model.now).has_windows());
        let needs_window = matches!(choice, 15..=29)
            && windowed
            && model.capacities.values().filter(|capacity| capacity.window_start > model.now).count() == 0;
        if needs_window && self.chance(50) {
            choice = 2;
        }
        let buys = matches!(choice, 48..=71 | 81..=86);
        let buyer = self.buyer(game);
        if buys && buyer.is_none() {
            choice = 93;
        }
        let buyer = buyer.unwrap_or(0);
        if matches!(choice, 81..=92) && model.locks.is_empty() && self.chance(85) {
            choice = 72;
        }
        match choice {
            0..=1 if buses.len() < 4 || self.chance(20) => self.create_bus(game),
            0..=1 => self.create_offer(game),
            2..=5 => self.open_capacity(game, bus),
            6 | 7 => self.close_capacity(game, bus),
            8..=12 if model.sellers.len() < 6 * buses.len() || self.chance(20) => self.open_seller(game, bus),
            8..=12 => self.take_lock(game),
            13 | 14 => self.admit(game, bus),
            15..=29 => self.create_offer(game),
            30..=34 => self.reprice(game),
            35..=38 => self.set_expiry(game),
            39..=44 => self.cancel(game),
            45..=47 => self.collect(game),
            48..=65 => self.buy(game, buyer),
            66..=71 => self.buy_batch(game, bus, buyer),
            72..=80 => self.take_lock(game),
            81..=86 => self.settle_lock(game),
            87..=92 => self.release_lock(game),
            93..=96 => self.open_lane(game),
            97 => self.close_lane(game),
            98..=104 => self.propose(game, bus),
            105..=110 => self.approve(game),
            111 => self.revoke(game),
            112..=119 => self.execute(game),
            120..=121 => self.close_proposal(game),
            122..=127 => self.claim_revenue(game, bus),
            128..=131 => self.pay_claim(game),
            132..=137 => self.withdraw(game),
            138..=140 => self.close_seller(game),
            141 if self.chance(50) => self.suspend(game),
            142 if self.chance(30) => self.open_counter(game),
            141..=143 => self.take_lock(game),
            144..=146 => {
                let closing: Vec<u8> =
                    buses.into_iter().filter(|bus| game.bus(*bus).is_some_and(|bus| bus.closing)).collect();
                let bus = if self.chance(90) { self.one(&closing).unwrap_or(bus) } else { bus };
                self.close_bus(game, bus)
            }
            _ => self.buy(game, buyer),
        }
    }

    /// The next second at which something ends, or one beside it, or a little later.
    fn time(&mut self, game: &Game) -> i64 {
        let model = &game.model;
        let mut ends: Vec<i64> = Vec::new();
        ends.extend(model.locks.values().map(|lock| lock.taken_at + LOCK_SECONDS));
        for offer in model.offers.values() {
            ends.extend([offer.expires_at, offer.gate_closes_at, offer.trades_from]);
        }
        for capacity in model.capacities.values().filter(|capacity| capacity.window_start > 0) {
            ends.push(capacity.ends_at());
        }
        ends.extend(model.proposals.values().map(|proposal| proposal.executable_at));
        let reach = if self.chance(70) { 400 } else { 5_000 };
        ends.retain(|end| (-1..reach).contains(&(end - model.now)));
        if self.chance(if self.delivers { 60 } else { 20 }) {
            let later = self.delivery_ends(game);
            if let Some(end) = self.one(&later) {
                return end + self.rng.i64(-1..=1) - START;
            }
        }
        if self.chance(if self.auctions { 35 } else { 5 }) {
            let phases = self.auction_ends(game);
            if let Some(end) = self.one(&phases) {
                return end + self.rng.i64(-1..=1) - START;
            }
        }
        match self.rng.u8(0..40) {
            0..=22 => {
                let end = self.one(&ends).unwrap_or(model.now);
                end + self.rng.i64(-1..=1) - START
            }
            23..=30 => game.second(),
            31..=35 => game.second() + self.rng.i64(1..60),
            36 if self.chance(20) => {
                // A proposal's last second.
                let open = model.proposals.values().filter(|proposal| proposal.executed_at.is_none());
                let expiries: Vec<i64> = open.map(|proposal| proposal.expires_at).collect();
                let last = self.one(&expiries).unwrap_or(model.now + PROPOSAL_SECONDS);
                last - START + self.rng.i64(0..2)
            }
            _ => {
                let most = if self.chance(30) { 1_000 } else { 200 };
                game.second() + self.rng.i64(1..most)
            }
        }
    }

    fn tamper(&mut self, game: &Game, operation: &Operation) -> Tamper {
        let place = self.rng.u8(0..13);
        if self.chance(45) {
            // Another account of the same kind.
            let accounts = game.instruction(operation).accounts;
            let place = self.rng.usize(0..accounts.len());
            if let Some(name) = game.name_of(&accounts[place].pubkey) {
                return Tamper::Swap(place as u8, self.kin(game, name));
            }
        }
        if matches!(operation, Operation::TakeCertificate { .. } | Operation::Transfer { .. }) && self.chance(30) {
            // Another certificate in the place of the new one.
            let certificate = self.one_of(game, &game.model.certificates).unwrap_or(AccountRef::Nowhere(1));
            let place = if matches!(operation, Operation::Transfer { .. }) { 2 } else { 3 };
            return Tamper::Swap(place, certificate);
        }
        if self.chance(4) {
            // The last accounts are missing: on delivery terms the books.
            let count = game.instruction(operation).accounts.len() as u8;
            return Tamper::Accounts(count.saturating_sub(self.rng.u8(1..3)));
        }
        match self.rng.u8(0..14) {
            0 | 1 => Tamper::Unsigned(place),
            2 => Tamper::ReadOnly(place),
            3 => Tamper::Accounts(place),
            4 => Tamper::Bytes(self.rng.u8(0..60)),
            5..=7 => Tamper::Same(self.rng.u8(0..13), place),
            _ => Tamper::Swap(place, self.account(game)),
        }
    }
}

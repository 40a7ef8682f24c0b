//! The next step of a game, at random: mostly what can succeed in the present state, often exactly at a limit, and always
//! some of what must be refused.

mod bus;
mod capacity;
mod draw;
mod lock;
mod offer;
mod proposal;
mod purchase;
mod trader;
mod treasury;

use {
    super::{game::Game, script::*},
    crate::chain::START,
    fastrand::Rng,
    multibus_model::{ModelBus, ModelTokens, limit::LOCK_SECONDS},
};

/// Buses of one game.
const BUSES: u8 = 4;
/// Lanes of each party.
const LANES: u16 = 2;

/// Makes the steps of a game.
pub struct Generator {
    rng: Rng,
    offers: Vec<OfferRef>,
    windows: Vec<(u8, i64)>,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed), offers: Vec::new(), windows: Vec::new() }
    }

    /// How many parties play.
    pub fn parties(&mut self) -> u8 {
        self.rng.u8(2..=12)
    }

    /// The next step of the game.
    pub fn step(&mut self, game: &Game) -> Step {
        if self.live_buses(game).is_empty() && self.chance(70) {
            return Step::Do(self.create_bus(game), Tamper::Nothing);
        }
        match self.rng.u8(0..100) {
            0..=7 => return Step::At(self.time(game)),
            8 => {
                let account = match self.rng.u8(0..4) {
                    0 => AccountRef::Escrow(self.rng.u8(0..BUSES)),
                    1 => AccountRef::Stray(self.rng.u8(0..BUSES), self.rng.u8(0..2)),
                    _ => AccountRef::Treasury(self.rng.u8(0..BUSES)),
                };
                return Step::Gift(account, self.rng.u64(0..100_000));
            }
            9 => {
                let account = self.account(game);
                let tokens = AccountRef::Tokens(self.party(game), self.rng.u8(0..2), self.rng.u8(0..2));
                return match self.rng.u8(0..6) {
                    0 => Step::Freeze(if self.chance(80) { tokens } else { account }),
                    1..=3 => {
                        let frozen = |tokens: &ModelTokens| tokens.frozen;
                        let all: Vec<AccountRef> = (0..game.parties)
                            .flat_map(|party| (0..4).map(move |which| AccountRef::Tokens(party, which / 2, which % 2)))
                            .chain((0..BUSES).flat_map(|bus| [AccountRef::Escrow(bus), AccountRef::Treasury(bus)]))
                            .filter(|account| game.model.tokens.get(&game.address(*account)).is_some_and(frozen))
                            .collect();
                        Step::Thaw(self.one(&all).unwrap_or(account))
                    }
                    4 => Step::Delegate { account: tokens, to: self.party(game), amount: self.near(1_000_000) },
                    _ if matches!(
                        account,
                        AccountRef::System | AccountRef::Market | AccountRef::MintAt(_) | AccountRef::TokenProgramOf(_)
                    ) =>
                    {
                        Step::At(game.second())
                    }
                    _ => Step::Fund(account, 890_880 + self.rng.u64(0..3_000_000)),
                };
            }
            _ => {}
        }
        let operation = self.operation(game);
        let tamper = if self.chance(9) { self.tamper(game) } else { Tamper::Nothing };
        Step::Do(operation, tamper)
    }

    fn operation(&mut self, game: &Game) -> Operation {
        let buses = self.live_buses(game);
        let bus = self.one(&buses).unwrap_or(0);
        let mut choice = self.rng.u8(0..124);
        let sells = matches!(choice, 30..=92);
        if sells && self.live_offers(game).len() < 2 && self.chance(85) {
            choice = 11;
        }
        let windowed = |bus: &ModelBus| bus.window_seconds > 0;
        let needs_window = matches!(choice, 11..=29)
            && game.bus(bus).is_some_and(windowed)
            && game.model.offers.values().filter(|offer| offer.window_start > game.model.now + 600).count() == 0;
        if needs_window && self.chance(40) {
            choice = 2;
        }
        let buys = matches!(choice, 48..=71 | 81..=86);
        let buyer = self.buyer(game);
        if buys && buyer.is_none() {
            choice = 93;
        }
        let buyer = buyer.unwrap_or(0);
        if matches!(choice, 81..=92) && game.model.locks.is_empty() && self.chance(85) {
            choice = 72;
        }
        match choice {
            0..=1 => self.create_bus(game),
            2..=6 => self.open_capacity(game, bus),
            7..=10 => self.close_capacity(bus),
            11..=22 => self.create_offer(game, bus),
            23..=29 => self.create_offer_for_bus(game, bus),
            30..=34 => self.reprice(game),
            35..=38 => self.extend(game),
            39..=47 => self.cancel(game),
            48..=65 => self.buy(game, buyer),
            66..=71 => self.buy_batch(game, bus, buyer),
            72..=80 => self.take_lock(game),
            81..=86 => self.settle_lock(game),
            87..=92 => self.release_lock(game),
            93..=96 => self.open_lane(game),
            97 => self.close_lane(game),
            98..=103 => self.propose(game, bus),
            104..=108 => self.approve(game),
            109 => self.revoke(game),
            110..=116 => self.execute(game),
            117..=118 => self.close_proposal(game),
            _ => self.claim(game, bus),
        }
    }

    /// The next second at which something ends, or one beside it, or a little later.
    fn time(&mut self, game: &Game) -> i64 {
        let model = &game.model;
        let mut ends: Vec<i64> = Vec::new();
        ends.extend(model.locks.values().map(|lock| lock.taken_at + LOCK_SECONDS));
        for offer in model.offers.values() {
            ends.push(offer.expires_at);
            ends.extend(model.buses.get(&offer.bus).and_then(|bus| bus.gate(offer.window_start)));
        }
        for capacity in model.capacities.values().filter(|capacity| capacity.window_start > 0) {
            ends.push(capacity.window_start + capacity.window_seconds as i64);
        }
        ends.extend(model.proposals.values().map(|proposal| proposal.executable_at));
        ends.retain(|end| (-1..5_000).contains(&(end - model.now)));
        match self.rng.u8(0..10) {
            0..=5 => {
                let end = self.one(&ends).unwrap_or(model.now);
                end + self.rng.i64(-1..=1) - START
            }
            6 | 7 => game.second(),
            8 => game.second() + self.rng.i64(1..60),
            _ => game.second() + self.rng.i64(1..1_000),
        }
    }

    fn tamper(&mut self, game: &Game) -> Tamper {
        let place = self.rng.u8(0..12);
        match self.rng.u8(0..12) {
            0 | 1 => Tamper::Unsigned(place),
            2 => Tamper::ReadOnly(place),
            3 => Tamper::Accounts(place),
            4 => Tamper::Bytes(self.rng.u8(0..60)),
            _ => Tamper::Swap(place, self.account(game)),
        }
    }
}

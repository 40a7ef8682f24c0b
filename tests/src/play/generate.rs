//! What happens next in a game, at random but not blindly: mostly what could succeed in the present state, often at its
//! very edge, and always some of what must be refused.

use {
    super::{machine::Machine, script::*},
    crate::world::START,
    fastrand::Rng,
    multibus_model::{ModelBus, ModelTokens, limit::LOCK_SECONDS},
    solana_address::Address,
};

/// Buses of one game.
const BUSES: u8 = 4;
/// Lanes of each party.
const LANES: u16 = 2;

/// Makes the steps of a game.
pub struct Generator {
    rng: Rng,
    offers: Vec<Place>,
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

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.u32(0..100) < percent
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        (!of.is_empty()).then(|| of[self.rng.usize(0..of.len())])
    }

    /// A number at or around another.
    fn near(&mut self, number: u64) -> u64 {
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

    fn party(&mut self, machine: &Machine) -> u8 {
        self.rng.u8(0..machine.parties)
    }

    /// The party of a wallet, or sometimes another.
    fn party_of(&mut self, machine: &Machine, wallet: &Address) -> u8 {
        if self.chance(90)
            && let Some(party) = (0..machine.parties).find(|party| machine.address(Spot::Wallet(*party)) == *wallet)
        {
            return party;
        }
        self.party(machine)
    }

    fn live_buses(&self, machine: &Machine) -> Vec<u8> {
        (0..BUSES).filter(|bus| machine.model.buses.contains_key(&machine.address(Spot::BusAt(*bus)))).collect()
    }

    fn live_offers(&mut self, machine: &Machine) -> Vec<Place> {
        let live = |place: &Place| machine.model.offers.contains_key(&machine.address(Spot::OfferAt(*place)));
        let offers: Vec<Place> = self.offers.iter().copied().filter(live).collect();
        if offers.len() * 3 + 20 < self.offers.len() {
            // Those that have closed are tried now and then.
            self.offers.drain(..self.offers.len() / 2);
            self.offers.extend(&offers);
            self.offers.sort_unstable();
            self.offers.dedup();
        }
        offers
    }

    /// An offer, mostly one that is open.
    fn offer(&mut self, machine: &Machine) -> Place {
        let live = self.live_offers(machine);
        if self.chance(95)
            && let Some(place) = self.one(&live)
        {
            return place;
        }
        let all = self.offers.clone();
        self.one(&all).unwrap_or(Place(0, 0, 0))
    }

    fn mint_of(&self, machine: &Machine, bus: u8) -> u8 {
        let at = machine.address(Spot::BusAt(bus));
        let mint = machine.model.buses.get(&at).map(|bus| bus.mint);
        (0..2).find(|number| Some(machine.mints[*number as usize].address) == mint).unwrap_or(0)
    }

    /// A party's token account of a bus's mint, or sometimes another.
    fn tokens(&mut self, machine: &Machine, party: u8, bus: u8) -> Spot {
        let mint = self.mint_of(machine, bus);
        match self.rng.u8(0..40) {
            0 => Spot::Tokens(self.party(machine), mint, 0),
            1 => Spot::Tokens(party, 1 - mint, 0),
            2 => self.spot(machine),
            which => Spot::Tokens(party, mint, which % 2),
        }
    }

    /// Any account.
    fn spot(&mut self, machine: &Machine) -> Spot {
        let (party, bus) = (self.party(machine), self.rng.u8(0..BUSES));
        match self.rng.u8(0..16) {
            0 => Spot::Wallet(party),
            1 => Spot::Tokens(party, self.rng.u8(0..2), self.rng.u8(0..2)),
            2 => Spot::BusAt(bus),
            3 => Spot::CapacityAt(bus, 0),
            4 => {
                let windows = self.windows.clone();
                let (bus, window) = self.one(&windows).unwrap_or((bus, 0));
                Spot::CapacityAt(bus, window)
            }
            5 => Spot::Escrow(bus),
            6 => Spot::Treasury(bus),
            7 | 8 => Spot::OfferAt(self.offer(machine)),
            9 => Spot::LockAt(self.offer(machine), party),
            10 => Spot::LaneAt(party, self.rng.u16(0..LANES)),
            11 => Spot::ProposalAt(bus, self.rng.u64(0..4)),
            12 => Spot::MintAt(self.rng.u8(0..3)),
            13 => Spot::TokenProgramOf(self.rng.u8(0..2)),
            14 => Spot::Stray(bus, self.rng.u8(0..2)),
            _ => self.one(&[Spot::System, Spot::Market, Spot::Nowhere(0)]).expect("one of three"),
        }
    }

    /// Shares of so many owners, mostly right.
    fn shares(&mut self, count: usize) -> List<u16> {
        let count = if self.chance(4) { self.rng.usize(0..=18) } else { count };
        let mut left = 10_000u16;
        let mut shares: Vec<u16> = (1..count)
            .map(|_| {
                let share = self.rng.u16(0..=left / 2);
                left -= share;
                share
            })
            .collect();
        if count > 0 {
            shares.push(if self.chance(4) { left.wrapping_sub(1) } else { left });
        }
        self.rng.shuffle(&mut shares);
        List(shares)
    }

    fn config(&mut self, machine: &Machine, bus: u8) -> Config {
        let creator = machine.creator(bus);
        let most = if self.chance(10) { 16 } else { machine.parties.min(5) };
        let count = self.rng.u8(1..=most);
        let mut owners = vec![Spot::Wallet(creator)];
        for number in 1..count {
            let wallet = (creator + number) % machine.parties;
            owners.push(if number < machine.parties { Spot::Wallet(wallet) } else { Spot::Nowhere(number) });
        }
        self.rng.shuffle(&mut owners);
        match self.rng.u8(0..40) {
            0 => owners.push(Spot::BusAt(bus)),
            1 => owners.push(Spot::System),
            2 => owners.push(Spot::Wallet(creator)),
            3 => owners.retain(|owner| *owner != Spot::Wallet(creator)),
            4 | 5 => owners.push(Spot::BusAt((bus + 1) % BUSES)),
            _ => {}
        }
        let shares = self.shares(owners.len()).0;
        let rare = |rng: &mut Rng, usual: u64, odd: u64| if rng.u8(0..40) == 0 { odd } else { usual };
        let threshold = self.rng.u8(1..=count.min(4));
        let quorum = self.rng.u8(0..=threshold);
        let (window, gate) =
            self.one(&[(0, 0), (0, 0), (900, 60), (900, 900), (60, 0), (3_600, 600)]).expect("one of these");
        let rng = &mut self.rng;
        let names: [&[u8]; 6] = [b"A", b"Sonnenhof", b"", &[b'x'; 33], "Zürich".as_bytes(), b"a\x1bb"];
        let name = if rng.u8(0..12) == 0 { names[rng.usize(0..6)] } else { names[1] };
        Config {
            name: List(name.to_vec()),
            owners: List(owners.into_iter().zip(shares).collect()),
            threshold: rare(rng, threshold as u64, 17) as u8,
            pause_quorum: rare(rng, quorum as u64, 17) as u8,
            listing: rare(rng, rng.clone().u64(0..2), 2) as u8,
            fee: rare(rng, [0, 1, 100, 500][rng.clone().usize(0..4)], 501) as u16,
            timelock: rare(rng, [0, 0, 60, 3_600][rng.clone().usize(0..4)], 2_592_001) as u32,
            window: rare(rng, window, 59) as u32,
            gate: rare(rng, gate, 86_401) as u32,
            capacity: rare(rng, [1_000, 50_000, 1_000_000, u64::MAX][rng.clone().usize(0..4)], 0),
            base_price: rare(rng, [1, 999, 10_000, 250_000][rng.clone().usize(0..4)], 0),
        }
    }

    fn decision(&mut self, machine: &Machine, bus: u8) -> Decision {
        let at = machine.address(Spot::BusAt(bus));
        let Some(state) = machine.model.buses.get(&at).cloned() else { return Decision::PauseIt };
        let count = state.owners.len();
        let general = &machine.model.capacities[&machine.address(Spot::CapacityAt(bus, 0))];
        let used = general.listed_wh + general.sold_wh;
        match self.rng.u8(0..22) {
            0..=2 => {
                let owner = match self.rng.u8(0..12) {
                    0 => Spot::BusAt(bus),
                    1 => Spot::System,
                    2 => Spot::BusAt((bus + 1) % BUSES),
                    3 => Spot::Nowhere(self.rng.u8(..)),
                    _ => Spot::Wallet(self.party(machine)),
                };
                Decision::AddOwner(owner, self.shares(count + 1))
            }
            3..=5 => {
                let known: Vec<Spot> = (0..machine.parties)
                    .map(Spot::Wallet)
                    .chain((0..BUSES).map(Spot::BusAt))
                    .filter(|spot| state.is_owner(&machine.address(*spot)))
                    .collect();
                let owner = self.one(&known).unwrap_or(Spot::Wallet(0));
                let owner = if self.chance(5) { Spot::Wallet(self.party(machine)) } else { owner };
                Decision::RemoveOwner(owner, self.shares(count.saturating_sub(1)))
            }
            6 | 7 => Decision::Shares(self.shares(count)),
            8 => Decision::Threshold(self.near(count as u64) as u8),
            9 => Decision::Timelock(self.one(&[0, 1, 60, 3_600, 2_592_000, 2_592_001]).expect("one of these")),
            10 | 11 => {
                let capacity = self.near(used.saturating_add(10_000));
                Decision::Capacity(if self.chance(30) { self.near(used) } else { capacity })
            }
            12 => Decision::BasePrice(self.near(10_000)),
            13 | 14 => Decision::Listing(self.rng.u8(0..3)),
            15 => {
                let (window, gate) =
                    self.one(&[(0, 0), (900, 60), (900, 0), (60, 86_400), (59, 0), (0, 1)]).expect("one of these");
                let window = if self.chance(50) { state.window_seconds } else { window };
                Decision::Windows(window, gate)
            }
            16 => Decision::LockFee(self.one(&[0, 1, 250, 500, 501]).expect("one of these")),
            17..=19 if state.paused => Decision::ResumeIt,
            17 => Decision::PauseIt,
            _ => {
                if self.chance(50) {
                    Decision::ResumeIt
                } else {
                    Decision::Shares(self.shares(count))
                }
            }
        }
    }

    /// A capacity where an offer of a bus could stand now.
    fn capacity(&mut self, machine: &Machine, bus: u8) -> i64 {
        let state = machine.model.buses.get(&machine.address(Spot::BusAt(bus)));
        let windowed = state.is_some_and(|state| state.window_seconds > 0);
        if self.chance(95) && windowed {
            let windows: Vec<i64> = self
                .windows
                .iter()
                .filter(|(of, window)| {
                    *of == bus
                        && machine.model.capacities.contains_key(&machine.address(Spot::CapacityAt(bus, *window)))
                })
                .map(|(_, window)| *window)
                .collect();
            if let Some(latest) = windows.iter().max() {
                return if self.chance(70) { *latest } else { self.one(&windows).expect("one at least") };
            }
        }
        if self.chance(2) {
            let windows = self.windows.clone();
            return self.one(&windows).map_or(0, |(_, window)| window);
        }
        0
    }

    /// Bus, capacity, number, Wh, price, expiry and source of a new offer.
    fn terms(&mut self, machine: &Machine, bus: u8) -> (Place, u64, u64, i64, u8) {
        let window = self.capacity(machine, bus);
        let base = machine.model.buses.get(&machine.address(Spot::BusAt(bus))).map_or(1, |bus| bus.base_price_per_kwh);
        let capacity = machine.model.capacities.get(&machine.address(Spot::CapacityAt(bus, window)));
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
        let second = machine.second();
        let expires = match self.rng.u8(0..10) {
            0..=4 => 0,
            5 => second + self.rng.i64(-1..=1),
            6 => second + self.rng.i64(299..=301),
            _ => second + self.rng.i64(1..2_000),
        };
        let source = if self.chance(3) { 6 } else { self.rng.u8(0..6) };
        (Place(bus, window, seq), wh, price, expires, source)
    }

    /// What a buyer asks of an offer.
    fn ask(&mut self, machine: &Machine, place: Place) -> Ask {
        let offer = machine.model.offers.get(&machine.address(Spot::OfferAt(place)));
        let (free, price, version) =
            offer.map_or((1_000, 1, 1), |offer| (offer.free_wh(), offer.price_per_kwh, offer.version));
        let wh = match self.rng.u8(0..10) {
            0..=5 => self.rng.u64(1..=(free / 3).clamp(1, 20_000)),
            // More than there is, of which a purchase up to an amount takes what there is.
            6 => free.saturating_add(self.rng.u64(1..=1_000)),
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

    fn lane(&mut self, machine: &Machine, party: u8) -> u16 {
        let open: Vec<u16> = (0..LANES)
            .filter(|lane| machine.model.lanes.contains_key(&machine.address(Spot::LaneAt(party, *lane))))
            .collect();
        self.one(&open).unwrap_or_else(|| self.rng.u16(0..LANES))
    }

    /// A party with an open lane, mostly; `None` where nobody has one.
    fn buyer(&mut self, machine: &Machine) -> Option<u8> {
        if self.chance(3) {
            return Some(self.party(machine));
        }
        let wallets: Vec<u8> = (0..machine.parties)
            .filter(|party| {
                let open = |lane| machine.model.lanes.contains_key(&machine.address(Spot::LaneAt(*party, lane)));
                (0..LANES).any(open)
            })
            .collect();
        self.one(&wallets)
    }

    fn nonce(&mut self) -> i64 {
        if self.chance(95) { 0 } else { self.one(&[-1, 1, 2, -1_000_000, i64::MAX]).expect("one of these") }
    }

    fn lock(&mut self, machine: &Machine) -> (Place, u8) {
        let places = self.live_offers(machine);
        let mut locks = Vec::new();
        for place in places {
            let open = machine.model.offers[&machine.address(Spot::OfferAt(place))].open_locks;
            for party in (0..machine.parties).filter(|_| open > 0) {
                if machine.model.locks.contains_key(&machine.address(Spot::LockAt(place, party))) {
                    locks.push((place, party));
                }
            }
        }
        self.one(&locks).unwrap_or_else(|| (self.offer(machine), self.party(machine)))
    }

    /// A bus and one of its latest proposals.
    fn proposal(&mut self, machine: &Machine) -> (u8, u64) {
        let buses = self.live_buses(machine);
        let bus = self.one(&buses).unwrap_or(0);
        let next = machine.model.buses.get(&machine.address(Spot::BusAt(bus))).map_or(0, |bus| bus.proposal_seq);
        let seq = if self.chance(80) { self.rng.u64(0..4) } else { self.rng.u64(0..20) };
        (bus, next.saturating_sub(1).saturating_sub(seq))
    }

    /// An owner of a bus, or sometimes anybody.
    fn owner(&mut self, machine: &Machine, bus: u8) -> u8 {
        let state = machine.model.buses.get(&machine.address(Spot::BusAt(bus)));
        let owners: Vec<u8> = (0..machine.parties)
            .filter(|party| state.is_some_and(|bus| bus.is_owner(&machine.address(Spot::Wallet(*party)))))
            .collect();
        if self.chance(94)
            && let Some(owner) = self.one(&owners)
        {
            return owner;
        }
        self.party(machine)
    }

    /// The next second at which something ends, or one beside it, or a little later.
    fn time(&mut self, machine: &Machine) -> i64 {
        let model = &machine.model;
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
            6 | 7 => machine.second(),
            8 => machine.second() + self.rng.i64(1..60),
            _ => machine.second() + self.rng.i64(1..1_000),
        }
    }

    /// The next step of the game.
    pub fn step(&mut self, machine: &Machine) -> Step {
        if self.live_buses(machine).is_empty() && self.chance(70) {
            return Step::Do(self.create_bus(machine), Tamper::Nothing);
        }
        match self.rng.u8(0..100) {
            0..=7 => return Step::At(self.time(machine)),
            8 => {
                let spot = match self.rng.u8(0..4) {
                    0 => Spot::Escrow(self.rng.u8(0..BUSES)),
                    1 => Spot::Stray(self.rng.u8(0..BUSES), self.rng.u8(0..2)),
                    _ => Spot::Treasury(self.rng.u8(0..BUSES)),
                };
                return Step::Gift(spot, self.rng.u64(0..100_000));
            }
            9 => {
                let spot = self.spot(machine);
                let tokens = Spot::Tokens(self.party(machine), self.rng.u8(0..2), self.rng.u8(0..2));
                return match self.rng.u8(0..6) {
                    0 => Step::Freeze(if self.chance(80) { tokens } else { spot }),
                    1..=3 => {
                        let frozen = |tokens: &ModelTokens| tokens.frozen;
                        let all: Vec<Spot> = (0..machine.parties)
                            .flat_map(|party| (0..4).map(move |which| Spot::Tokens(party, which / 2, which % 2)))
                            .chain((0..BUSES).flat_map(|bus| [Spot::Escrow(bus), Spot::Treasury(bus)]))
                            .filter(|spot| machine.model.tokens.get(&machine.address(*spot)).is_some_and(frozen))
                            .collect();
                        Step::Thaw(self.one(&all).unwrap_or(spot))
                    }
                    4 => Step::Delegate { account: tokens, to: self.party(machine), amount: self.near(1_000_000) },
                    _ if matches!(spot, Spot::System | Spot::Market | Spot::MintAt(_) | Spot::TokenProgramOf(_)) => {
                        Step::At(machine.second())
                    }
                    _ => Step::Fund(spot, 890_880 + self.rng.u64(0..3_000_000)),
                };
            }
            _ => {}
        }
        let deed = self.deed(machine);
        let tamper = if self.chance(9) { self.tamper(machine) } else { Tamper::Nothing };
        Step::Do(deed, tamper)
    }

    fn tamper(&mut self, machine: &Machine) -> Tamper {
        let place = self.rng.u8(0..12);
        match self.rng.u8(0..12) {
            0 | 1 => Tamper::Unsigned(place),
            2 => Tamper::ReadOnly(place),
            3 => Tamper::Accounts(place),
            4 => Tamper::Bytes(self.rng.u8(0..60)),
            _ => Tamper::Swap(place, self.spot(machine)),
        }
    }

    fn create_bus(&mut self, machine: &Machine) -> Deed {
        let bus = self.rng.u8(0..BUSES);
        let mint = if self.chance(5) { 2 } else { self.rng.u8(0..2) };
        Deed::CreateBus { bus, mint, config: self.config(machine, bus) }
    }

    fn deed(&mut self, machine: &Machine) -> Deed {
        let buses = self.live_buses(machine);
        let bus = self.one(&buses).unwrap_or(0);
        let mut choice = self.rng.u8(0..124);
        let sells = matches!(choice, 30..=92);
        if sells && self.live_offers(machine).len() < 2 && self.chance(85) {
            choice = 11;
        }
        let windowed = |bus: &ModelBus| bus.window_seconds > 0;
        let needs_window = matches!(choice, 11..=29)
            && machine.model.buses.get(&machine.address(Spot::BusAt(bus))).is_some_and(windowed)
            && machine.model.offers.values().filter(|offer| offer.window_start > machine.model.now + 600).count() == 0;
        if needs_window && self.chance(40) {
            choice = 2;
        }
        let buys = matches!(choice, 48..=71 | 81..=86);
        let buyer = self.buyer(machine);
        if buys && buyer.is_none() {
            choice = 93;
        }
        let buyer = buyer.unwrap_or(0);
        if matches!(choice, 81..=92) && machine.model.locks.is_empty() && self.chance(85) {
            choice = 72;
        }
        match choice {
            0..=1 => self.create_bus(machine),
            2..=6 => {
                let state = machine.model.buses.get(&machine.address(Spot::BusAt(bus)));
                let length = state.map_or(900, |bus| bus.window_seconds.max(1)) as i64;
                let gate = state.map_or(0, |bus| bus.gate_closure_seconds) as i64;
                let now = machine.model.now;
                let next = (now + gate) / length * length + length;
                let start = match self.rng.u8(0..20) {
                    0 => next - length,
                    1 => next + 1,
                    2 => (now + 366 * 86_400) / length * length + self.rng.i64(0..2) * length,
                    _ => next + self.rng.i64(0..3) * length,
                };
                let window = start - START;
                self.windows.push((bus, window));
                if self.windows.len() > 30 {
                    self.windows.remove(0);
                }
                Deed::OpenCapacity { by: self.party(machine), bus, window }
            }
            7..=10 => {
                let windows = self.windows.clone();
                let (bus, window) = self.one(&windows).unwrap_or((bus, 0));
                Deed::CloseCapacity { bus, window }
            }
            11..=22 => {
                let by = if self.chance(50) { self.owner(machine, bus) } else { self.party(machine) };
                let (offer, wh, price, expires, source) = self.terms(machine, bus);
                self.offers.push(offer);
                let payout = match self.rng.u8(0..30) {
                    0 => Spot::Treasury(bus),
                    1 => Spot::Escrow(self.rng.u8(0..BUSES)),
                    _ => self.tokens(machine, by, bus),
                };
                Deed::CreateOffer { by, offer, wh, price, expires, source, payout }
            }
            23..=29 => {
                let (offer, wh, price, expires, source) = self.terms(machine, bus);
                self.offers.push(offer);
                Deed::CreateOfferForBus { by: self.owner(machine, bus), offer, wh, price, expires, source }
            }
            30..=34 => {
                let (by, offer) = self.seller(machine);
                let price =
                    machine.model.offers.get(&machine.address(Spot::OfferAt(offer))).map_or(1, |o| o.price_per_kwh);
                let price =
                    if self.chance(50) { self.near(price) } else { price.saturating_add(self.rng.u64(0..1_000)) };
                Deed::Reprice { by, offer, price }
            }
            35..=38 => {
                let (by, offer) = self.seller(machine);
                let now = machine.second();
                let expires = match self.rng.u8(0..4) {
                    0 => 0,
                    1 => now + self.rng.i64(-1..=1),
                    _ => now + self.rng.i64(1..4_000),
                };
                Deed::Extend { by, offer, expires }
            }
            39..=47 => {
                let (by, offer) = self.seller(machine);
                let by = if self.chance(25) { self.party(machine) } else { by };
                Deed::Cancel { by, offer }
            }
            48..=65 => {
                let (by, offer) = (buyer, self.offer(machine));
                let ask = self.ask(machine, offer);
                let at_least = match self.rng.u8(0..10) {
                    0 => 0,
                    1 => ask.0.saturating_add(1),
                    2..=4 => 1,
                    _ => ask.0,
                };
                let (lane, nonce) = (self.lane(machine, by), self.nonce());
                Deed::Buy { by, lane, nonce, offer, ask, at_least, from: self.tokens(machine, by, offer.0) }
            }
            66..=71 => {
                let by = buyer;
                let count = self.rng.usize(0..=5);
                let mut items: Vec<(Place, Ask)> = Vec::new();
                let first = self.offer(machine);
                for _ in 0..count {
                    let offer = self.offer(machine);
                    let taken = items.iter().any(|(place, _)| *place == offer);
                    let same_mint = self.mint_of(machine, offer.0) == self.mint_of(machine, first.0);
                    if (!taken && same_mint) || self.chance(5) {
                        let ask = self.ask(machine, offer);
                        items.push((offer, ask));
                    }
                }
                let (lane, nonce) = (self.lane(machine, by), self.nonce());
                let limit = if self.chance(90) { u64::MAX } else { self.near(1_000_000) };
                let from = self.tokens(machine, by, items.first().map_or(bus, |(place, _)| place.0));
                Deed::BuyBatch { by, lane, nonce, items: List(items), limit, from }
            }
            72..=80 => {
                let (by, offer) = (self.party(machine), self.offer(machine));
                let ask = self.ask(machine, offer);
                Deed::TakeLock { by, offer, ask, from: self.tokens(machine, by, offer.0) }
            }
            81..=86 => {
                let (offer, buyer) = self.lock(machine);
                let by = if self.chance(93) { buyer } else { self.party(machine) };
                Deed::SettleLock { by, lane: self.lane(machine, by), nonce: self.nonce(), offer }
            }
            87..=92 => {
                let (offer, buyer) = self.lock(machine);
                let by = if self.chance(50) { buyer } else { self.party(machine) };
                Deed::ReleaseLock { by, offer, buyer, refund: self.tokens(machine, buyer, offer.0) }
            }
            93..=96 => {
                let ahead = self.chance(40).then(|| match self.rng.u8(0..6) {
                    0 => -1,
                    1 => 1_024,
                    2 => 1_025,
                    _ => self.rng.i64(0..8),
                });
                Deed::OpenLane { by: self.party(machine), lane: self.rng.u16(0..LANES), ahead }
            }
            97 => {
                let by = self.party(machine);
                Deed::CloseLane { by, lane: self.lane(machine, by) }
            }
            98..=103 => Deed::Propose { by: self.owner(machine, bus), bus, decision: self.decision(machine, bus) },
            104..=108 => {
                let (bus, proposal) = self.proposal(machine);
                Deed::Approve { by: self.owner(machine, bus), bus, proposal }
            }
            109 => {
                let (bus, proposal) = self.proposal(machine);
                Deed::Revoke { by: self.owner(machine, bus), bus, proposal }
            }
            110..=116 => {
                let (bus, proposal) = self.proposal(machine);
                Deed::Execute { by: self.party(machine), bus, proposal }
            }
            117..=118 => {
                let (bus, proposal) = self.proposal(machine);
                Deed::CloseProposal { by: self.party(machine), bus, proposal }
            }
            _ => {
                let wallet = self.owner(machine, bus);
                let (owner, into) = match self.rng.u8(0..16) {
                    0..=2 => {
                        let owner = self.rng.u8(0..BUSES);
                        let into = [Spot::Treasury(owner), Spot::Escrow(owner), Spot::Stray(owner, 0)];
                        (Spot::BusAt(owner), self.one(&into).expect("one of three"))
                    }
                    3 => (Spot::Wallet(self.party(machine)), self.spot(machine)),
                    4 => {
                        let party = self.party(machine);
                        (Spot::Wallet(party), self.tokens(machine, party, bus))
                    }
                    _ => (Spot::Wallet(wallet), self.tokens(machine, wallet, bus)),
                };
                Deed::Claim { bus, owner, into }
            }
        }
    }

    /// An offer, and who may act for it.
    fn seller(&mut self, machine: &Machine) -> (u8, Place) {
        let place = self.offer(machine);
        let offer = machine.model.offers.get(&machine.address(Spot::OfferAt(place)));
        let by = match offer {
            Some(offer) if offer.of_bus => self.owner(machine, place.0),
            Some(offer) => {
                let seller = offer.seller;
                self.party_of(machine, &seller)
            }
            None => self.party(machine),
        };
        (by, place)
    }
}

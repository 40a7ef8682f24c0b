//! Buses and their owners.

use {
    super::{BUSES, Generator},
    crate::play::{
        game::Game,
        script::*,
        setup::{GOOD_MINTS, MINTS},
    },
    fastrand::Rng,
};

impl Generator {
    pub(super) fn create_bus(&mut self, game: &Game) -> Operation {
        // The next bus of a creator, or sometimes any.
        let creator = self.rng.u8(0..BUSES.min(game.parties));
        let counter = game.address(AccountRef::CounterAt(creator));
        let made = game.model.creators.get(&counter).map_or(0, |counter| counter.next_bus - game.bus_seq(0));
        let next = creator as u64 + made * game.parties as u64;
        let bus = if self.chance(95) && next < 40 { next as u8 } else { self.rng.u8(0..BUSES) };
        let mint = if self.chance(12) { self.rng.u8(GOOD_MINTS..MINTS) } else { self.rng.u8(0..GOOD_MINTS) };
        Operation::CreateBus { bus, mint, config: self.config(game, bus) }
    }

    pub(super) fn open_counter(&mut self, game: &Game) -> Operation {
        let party = self.party(game);
        let by = if self.chance(70) { double_of(party) } else { party };
        Operation::OpenCounter { by, ahead: self.ahead() }
    }

    pub(super) fn close_bus(&mut self, game: &Game, bus: u8) -> Operation {
        Operation::CloseBus { by: self.wallet(game), bus }
    }

    pub(super) fn config(&mut self, game: &Game, bus: u8) -> Config {
        let creator = game.creator(bus);
        let most = if self.chance(10) { 16 } else { game.parties.min(5) };
        let count = if most == 16 && self.chance(50) { 16 } else { self.rng.u8(1..=most) };
        let mut owners = vec![AccountRef::Wallet(creator)];
        for number in 1..count {
            let wallet = (creator + number) % game.parties;
            owners.push(if number < game.parties { AccountRef::Wallet(wallet) } else { AccountRef::Nowhere(number) });
        }
        self.rng.shuffle(&mut owners);
        match self.rng.u8(0..40) {
            0 => owners.push(AccountRef::BusAt(bus)),
            1 => owners.push(AccountRef::System),
            2 => owners.push(AccountRef::Wallet(creator)),
            3 => owners.retain(|owner| *owner != AccountRef::Wallet(creator)),
            4..=7 => owners.push(AccountRef::BusAt((bus + 1) % BUSES)),
            8 | 9 => owners.push(AccountRef::Wallet(double_of(creator))),
            _ => {}
        }
        let shares = self.shares(owners.len()).0;
        let rare = |rng: &mut Rng, usual: u64, odd: u64| if rng.u8(0..60) == 0 { odd } else { usual };
        let threshold = self.rng.u8(1..=count.min(3));
        let quorum = self.rng.u8(0..=threshold);
        let terms = self.terms();
        let operator = match self.rng.u8(0..40) {
            0 => Some(AccountRef::BusAt(bus)),
            1 => Some(AccountRef::System),
            2..=4 => None,
            5..=15 if terms.settlement == 0 => None,
            _ => Some(AccountRef::Wallet(self.wallet(game))),
        };
        let grid_recipient = self.grid_recipient(game, bus);
        let rng = &mut self.rng;
        let names: [&[u8]; 6] = [b"A", b"Sonnenhof", b"", &[b'x'; 33], "Zürich".as_bytes(), b"a\x1bb"];
        let name = if rng.u8(0..12) == 0 { names[rng.usize(0..6)] } else { names[1] };
        let mut any = |of: &[u64], odd: u64| {
            let usual = of[rng.usize(0..of.len())];
            rare(rng, usual, odd)
        };
        let base_price = any(&[1, 999, 10_000, 250_000], 0);
        Config {
            name: List(name.to_vec()),
            owners: List(owners.into_iter().zip(shares).collect()),
            threshold: any(&[threshold as u64], 17) as u8,
            pause_quorum: any(&[quorum as u64], 17) as u8,
            listing: any(&[0, 1, 2, 2], 3) as u8,
            fee: any(&[0, 1, 100, 500], 501) as u16,
            timelock: any(&[0, 0, 60, 3_600], 2_592_001) as u32,
            horizon: any(&[7_200, 7_200, 86_400, 31_622_400], if terms.window == 3_600 { 3_600 } else { 3_599 }) as u32,
            terms,
            capacity: any(&[1_000, 50_000, 1_000_000, 1 << 40], if terms.gate == 60 { (1 << 40) + 1 } else { 0 }),
            base_price,
            reserve_price: any(&[0, 0, base_price, base_price + 500], 1),
            least: any(&[1, 1, 1, 10, 500], if terms.gate == 60 { (1 << 40) + 1 } else { 0 }),
            operator,
            grid_recipient,
        }
    }

    /// Who gets the grid fees: often nobody, which means the treasury.
    pub(super) fn grid_recipient(&mut self, game: &Game, bus: u8) -> Option<AccountRef> {
        match self.rng.u8(0..40) {
            0 => Some(AccountRef::BusAt(bus)),
            1 => Some(AccountRef::System),
            2 => Some(AccountRef::Nowhere(self.rng.u8(0..3))),
            3..=15 => None,
            _ => Some(AccountRef::Wallet(self.wallet(game))),
        }
    }

    /// Shares of so many owners, mostly right.
    pub(super) fn shares(&mut self, count: usize) -> List<u16> {
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

    /// An owner of a bus who can sign, or sometimes anybody.
    pub(super) fn owner(&mut self, game: &Game, bus: u8) -> u8 {
        if self.chance(94)
            && let Some(owner) = self.any_owner(game, bus).filter(|who| wallet_bus(*who).is_none())
        {
            return owner;
        }
        self.party(game)
    }

    /// An owner of a bus, which may itself be a bus.
    pub(super) fn any_owner(&mut self, game: &Game, bus: u8) -> Option<u8> {
        let owners: Vec<u8> = game
            .bus(bus)
            .map(|bus| bus.owners.iter().filter_map(|owner| game.who(&owner.wallet)).collect())
            .unwrap_or_default();
        self.one(&owners)
    }
}

//! Buses and their owners.

use {
    super::{BUSES, Generator},
    crate::play::{game::Game, script::*},
    fastrand::Rng,
};

impl Generator {
    pub(super) fn create_bus(&mut self, game: &Game) -> Operation {
        let bus = self.rng.u8(0..BUSES);
        let mint = if self.chance(5) { 2 } else { self.rng.u8(0..2) };
        Operation::CreateBus { bus, mint, config: self.config(game, bus) }
    }

    pub(super) fn config(&mut self, game: &Game, bus: u8) -> Config {
        let creator = game.creator(bus);
        let most = if self.chance(10) { 16 } else { game.parties.min(5) };
        let count = self.rng.u8(1..=most);
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
            4 | 5 => owners.push(AccountRef::BusAt((bus + 1) % BUSES)),
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

    /// An owner of a bus, or sometimes anybody.
    pub(super) fn owner(&mut self, game: &Game, bus: u8) -> u8 {
        let state = game.bus(bus);
        let owners: Vec<u8> = (0..game.parties)
            .filter(|party| state.is_some_and(|bus| bus.is_owner(&game.address(AccountRef::Wallet(*party)))))
            .collect();
        if self.chance(94)
            && let Some(owner) = self.one(&owners)
        {
            return owner;
        }
        self.party(game)
    }
}

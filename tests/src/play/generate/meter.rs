//! Meters and devices.

use {
    super::Generator,
    crate::{
        chain::START,
        play::{game::Game, script::*},
    },
};

/// Devices that games use, but for wallets that are devices.
const DEVICES: u8 = 40;

impl Generator {
    /// A device that is in no use, mostly.
    fn new_device(&mut self, game: &Game) -> u8 {
        if self.chance(8) {
            return wallet_device(self.party(game));
        }
        let free: Vec<u8> = (0..DEVICES)
            .filter(|device| !game.model.devices.contains_key(&game.address(AccountRef::DeviceAt(*device))))
            .collect();
        let free = if self.chance(92) { self.one(&free) } else { None };
        free.unwrap_or_else(|| self.rng.u8(0..12))
    }

    fn spec(&mut self, game: &Game) -> Spec {
        let source = if self.chance(3) { 6 } else { self.rng.u8(0..6) };
        let power = match self.rng.u8(0..40) {
            0 => 0,
            1 => (1 << 40) + 1,
            2 => 1 << 40,
            3..=6 => self.rng.u64(1..5_000),
            _ => self.one(&[20_000, 100_000, 1_000_000, 20_000_000]).expect("one of these"),
        };
        let valid_from = match self.rng.u8(0..8) {
            0 => game.second() + self.rng.i64(0..4_000),
            _ => -START,
        };
        Spec(source, power, valid_from)
    }

    /// A seller without a meter on a bus that pays on delivery.
    pub(super) fn meterless(&mut self, game: &Game) -> Option<(u8, u8)> {
        let without: Vec<AccountRef> = game
            .model
            .sellers
            .iter()
            .filter(|(_, seller)| seller.meter.is_none())
            .filter(|(_, seller)| game.model.buses.get(&seller.bus).is_some_and(|bus| bus.operator.is_some()))
            .filter_map(|(at, _)| game.name_of(at))
            .collect();
        match self.one(&without) {
            Some(AccountRef::SellerAt(bus, who)) if self.chance(90) => Some((bus, who)),
            _ => None,
        }
    }

    pub(super) fn register_meter(&mut self, game: &Game, bus: u8, who: u8) -> Operation {
        let by = self.operator(game, bus);
        Operation::RegisterMeter { by, bus, who, key: self.new_device(game), spec: self.spec(game) }
    }

    /// A seller that has a meter.
    fn metered(&mut self, game: &Game) -> Option<(u8, u8)> {
        match self.one_of(game, &game.model.meters)? {
            AccountRef::MeterAt(bus, who) => Some((bus, who)),
            _ => None,
        }
    }

    pub(super) fn replace_meter(&mut self, game: &Game) -> Option<Operation> {
        let (bus, who) = self.metered(game)?;
        let by = self.operator(game, bus);
        Some(Operation::ReplaceMeter { by, bus, who, key: self.new_device(game), spec: self.spec(game) })
    }

    pub(super) fn close_meter(&mut self, game: &Game) -> Option<Operation> {
        let (bus, who) = self.metered(game)?;
        let by = match self.rng.u8(0..4) {
            0 => self.wallet(game),
            1 => self.operator(game, bus),
            _ if wallet_bus(who).is_some() => self.owner(game, bus),
            _ => who,
        };
        Some(Operation::CloseMeter { by, bus, who })
    }

    pub(super) fn close_device(&mut self, game: &Game) -> Option<Operation> {
        let retired: Vec<AccountRef> = game
            .model
            .devices
            .iter()
            .filter(|(_, device)| device.retired.is_some())
            .filter_map(|(at, _)| game.name_of(at))
            .collect();
        let retired = if self.chance(80) { self.one(&retired) } else { None };
        match retired.or_else(|| self.one_of(game, &game.model.devices))? {
            AccountRef::DeviceAt(key) => Some(Operation::CloseDevice { key }),
            _ => None,
        }
    }
}

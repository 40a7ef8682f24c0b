//! Numbers, wallets and accounts.

use {
    super::{Generator, LANES},
    crate::play::{
        game::Game,
        script::*,
        setup::{GOOD_MINTS, MINTS},
    },
    solana_address::Address,
};

impl Generator {
    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.rng.u32(0..100) < percent
    }

    pub(super) fn one<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        (!of.is_empty()).then(|| of[self.rng.usize(0..of.len())])
    }

    /// One of the accounts of a map of the model that the game has a name for.
    pub(super) fn one_of<V>(&mut self, game: &Game, of: &std::collections::BTreeMap<Address, V>) -> Option<AccountRef> {
        if of.is_empty() {
            return None;
        }
        let at = self.rng.usize(0..of.len());
        game.name_of(of.keys().nth(at).expect("within the map"))
    }

    /// A number at or around another.
    pub(super) fn near(&mut self, number: u64) -> u64 {
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

    pub(super) fn party(&mut self, game: &Game) -> u8 {
        self.rng.u8(0..game.parties)
    }

    /// A party, or sometimes its double.
    pub(super) fn wallet(&mut self, game: &Game) -> u8 {
        let party = self.party(game);
        if self.chance(8) { double_of(party) } else { party }
    }

    /// The number of a wallet that can sign, or sometimes another party.
    pub(super) fn party_of(&mut self, game: &Game, wallet: &Address) -> u8 {
        if self.chance(90)
            && let Some(who) = game.who(wallet).filter(|who| wallet_bus(*who).is_none())
        {
            return who;
        }
        self.party(game)
    }

    pub(super) fn live_buses(&self, game: &Game) -> Vec<u8> {
        let number = |address: &Address| match game.name_of(address)? {
            AccountRef::BusAt(bus) => Some(bus),
            _ => None,
        };
        let mut buses: Vec<u8> = game.model.buses.keys().filter_map(number).collect();
        buses.sort_unstable();
        buses
    }

    pub(super) fn mint_of(&self, game: &Game, bus: u8) -> u8 {
        let at = game.address(AccountRef::BusAt(bus));
        let mint = game.model.buses.get(&at).map(|bus| bus.mint);
        (0..GOOD_MINTS).find(|number| Some(game.mints[*number as usize].address) == mint).unwrap_or(0)
    }

    /// A wallet's token account of a bus's mint, or sometimes another.
    pub(super) fn tokens(&mut self, game: &Game, who: u8, bus: u8) -> AccountRef {
        let mint = self.mint_of(game, bus);
        let party = doubled(who).unwrap_or(who);
        let owner = game.address(AccountRef::Wallet(who));
        if self.chance(80) {
            // One that the wallet owns now.
            let owned: Vec<AccountRef> = (0..game.parties)
                .flat_map(|party| [AccountRef::Tokens(party, mint, 0), AccountRef::Tokens(party, mint, 1)])
                .filter(|account| {
                    game.model.tokens.get(&game.address(*account)).is_some_and(|tokens| tokens.owner == owner)
                })
                .collect();
            if let Some(account) = self.one(&owned) {
                return account;
            }
        }
        match self.rng.u8(0..40) {
            0 => AccountRef::Tokens(self.party(game), mint, 0),
            1 => AccountRef::Tokens(party, (mint + 1) % GOOD_MINTS, 0),
            2 => self.account(game),
            which => AccountRef::Tokens(party, mint, which % 2),
        }
    }

    /// A token account that a wallet is paid into: mostly the associated one, which strangers may pay.
    pub(super) fn payee(&mut self, game: &Game, by: u8, who: u8, bus: u8) -> AccountRef {
        if let Some(owning) = wallet_bus(who) {
            return if self.chance(85) { AccountRef::Treasury(owning) } else { self.account(game) };
        }
        let mint = self.mint_of(game, bus);
        if by != who && self.chance(80) && doubled(who).is_none() {
            return AccountRef::Tokens(who, mint, 0);
        }
        match self.rng.u8(0..12) {
            0 => AccountRef::Treasury(bus),
            1 => AccountRef::Vault(bus, who),
            _ => self.tokens(game, who, bus),
        }
    }

    /// Any account.
    pub(super) fn account(&mut self, game: &Game) -> AccountRef {
        let (party, who) = (self.party(game), self.wallet(game));
        let buses = self.live_buses(game);
        let bus = self.one(&buses).unwrap_or(0);
        let model = &game.model;
        let found = match self.rng.u8(0..36) {
            31 => Some(AccountRef::EscrowAt(bus)),
            32 | 33 => self.one_of(game, &model.bids),
            34 => self.one_of(game, &model.clearings),
            0 => Some(AccountRef::Wallet(who)),
            1 | 2 => Some(AccountRef::Tokens(party, self.rng.u8(0..GOOD_MINTS), self.rng.u8(0..2))),
            3 => Some(AccountRef::BusAt(bus)),
            4 => Some(AccountRef::Ledger(bus)),
            5 => Some(AccountRef::CapacityAt(bus, 0)),
            6 => self.one_of(game, &model.capacities),
            7 => Some(AccountRef::Unclaimed(bus)),
            8 => Some(AccountRef::Treasury(bus)),
            9 | 10 => self.one_of(game, &model.offers),
            11 => self.one_of(game, &model.locks),
            12 => Some(AccountRef::LaneAt(who, self.rng.u16(0..LANES))),
            13 => self.one_of(game, &model.proposals),
            14 => Some(AccountRef::MintAt(self.rng.u8(0..MINTS))),
            15 => Some(AccountRef::TokenProgramOf(self.rng.u8(0..2))),
            16 => Some(AccountRef::Stray(bus, self.rng.u8(0..2))),
            17 => self.one_of(game, &model.sellers),
            18 => Some(AccountRef::Vault(bus, if self.chance(50) { party } else { bus_wallet(bus) })),
            19 => Some(AccountRef::ClaimAt(bus, party)),
            20 => self.one_of(game, &model.claims),
            21 => self.one_of(game, &model.tombstones),
            22 => Some(AccountRef::CounterAt(who)),
            23 => self.one_of(game, &model.meters),
            24 => self.one_of(game, &model.devices),
            25 | 26 => self.one_of(game, &model.books),
            27 => self.one_of(game, &model.positions),
            28 => self.one_of(game, &model.certificates),
            29 => Some(AccountRef::DeviceKey(self.rng.u8(0..12))),
            _ => self.one(&[
                AccountRef::System,
                AccountRef::Market,
                AccountRef::ClockSysvar,
                AccountRef::InstructionsSysvar,
                AccountRef::Nowhere(0),
            ]),
        };
        found.unwrap_or(AccountRef::Nowhere(1))
    }

    /// Another account of the same kind, where there is one.
    pub(super) fn kin(&mut self, game: &Game, name: AccountRef) -> AccountRef {
        let buses = self.live_buses(game);
        let bus = self.one(&buses).unwrap_or(0);
        let model = &game.model;
        let found = match name {
            AccountRef::Wallet(_) => Some(AccountRef::Wallet(self.party(game))),
            AccountRef::Tokens(_, mint, which) => Some(AccountRef::Tokens(self.party(game), mint, which)),
            AccountRef::CounterAt(_) => self.one_of(game, &model.creators),
            AccountRef::BusAt(_) => Some(AccountRef::BusAt(bus)),
            AccountRef::Ledger(_) => Some(AccountRef::Ledger(bus)),
            AccountRef::CapacityAt(..) => self.one_of(game, &model.capacities),
            AccountRef::Treasury(_) => Some(AccountRef::Treasury(bus)),
            AccountRef::Unclaimed(_) => Some(AccountRef::Unclaimed(bus)),
            AccountRef::EscrowAt(_) => Some(AccountRef::EscrowAt(bus)),
            AccountRef::BidAt(_) => self.one_of(game, &model.bids),
            AccountRef::ClearingAt(..) => self.one_of(game, &model.clearings),
            AccountRef::SellerAt(..) => self.one_of(game, &model.sellers),
            AccountRef::Vault(..) => {
                let (bus, who) = self.some_seller(game);
                Some(AccountRef::Vault(bus, who))
            }
            AccountRef::OfferAt(_) => self.one_of(game, &model.offers),
            AccountRef::LockAt(..) => self.one_of(game, &model.locks),
            AccountRef::LaneAt(..) => self.one_of(game, &model.lanes),
            AccountRef::ProposalAt(..) => self.one_of(game, &model.proposals),
            AccountRef::ClaimAt(..) => self.one_of(game, &model.claims),
            AccountRef::DeviceKey(_) => Some(AccountRef::DeviceKey(self.rng.u8(0..12))),
            AccountRef::DeviceAt(_) => self.one_of(game, &model.devices),
            AccountRef::MeterAt(..) => self.one_of(game, &model.meters),
            AccountRef::BookAt(_) => self.one_of(game, &model.books),
            AccountRef::PositionAt(..) => self.one_of(game, &model.positions),
            AccountRef::CertificateAt(_) => self.one_of(game, &model.certificates),
            AccountRef::MintAt(mint) if self.chance(40) => Some(AccountRef::Tokens(0, mint.min(1), 0)),
            AccountRef::MintAt(_) => Some(AccountRef::MintAt(self.rng.u8(0..MINTS))),
            AccountRef::TokenProgramOf(_) => Some(AccountRef::TokenProgramOf(self.rng.u8(0..2))),
            AccountRef::Stray(..)
            | AccountRef::System
            | AccountRef::Market
            | AccountRef::ClockSysvar
            | AccountRef::InstructionsSysvar
            | AccountRef::Nowhere(_) => None,
        };
        found.unwrap_or_else(|| self.account(game))
    }
}

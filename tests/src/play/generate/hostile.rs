//! What parties do to each other with the accounts that they control, what the mint's issuer can do, and gifts.

use {
    super::Generator,
    crate::play::{
        game::Game,
        script::*,
        setup::{GOOD_MINTS, NATIVE},
    },
    multibus_model::ModelTokens,
};

impl Generator {
    /// A hostile move, or one that takes it back.
    pub(super) fn hostile(&mut self, game: &Game) -> Step {
        let party = self.party(game);
        // The accounts of mints that a bus has are worth more.
        let buses = self.live_buses(game);
        let bus = self.one(&buses).unwrap_or(0);
        let mint = if self.chance(80) { self.mint_of(game, bus) } else { self.rng.u8(0..GOOD_MINTS) };
        let tokens = AccountRef::Tokens(party, mint, self.rng.u8(0..2));
        let of_bus = match self.rng.u8(0..5) {
            4 => AccountRef::EscrowAt(bus),
            0 => AccountRef::Treasury(bus),
            1 => AccountRef::Unclaimed(bus),
            2 => AccountRef::Vault(bus, bus_wallet(bus)),
            _ => match self.one_of(game, &game.model.sellers) {
                Some(AccountRef::SellerAt(bus, who)) => AccountRef::Vault(bus, who),
                _ => AccountRef::Treasury(bus),
            },
        };
        match self.rng.u8(0..32) {
            0..=2 => Step::CloseTokens(tokens),
            3..=6 => {
                let closed = |account: &AccountRef| !game.model.tokens.contains_key(&game.address(*account));
                let all: Vec<AccountRef> = Self::party_accounts(game).into_iter().filter(closed).collect();
                let who = if self.chance(50) { party } else { self.wallet(game) };
                match self.one(&all) {
                    Some(AccountRef::Tokens(party, mint, 1)) if self.chance(60) => {
                        Step::OpenTokens(AccountRef::Tokens(party, mint, 1), party)
                    }
                    account => Step::OpenTokens(account.unwrap_or(tokens), who),
                }
            }
            7..=9 => Step::Reown(tokens, self.wallet(game)),
            10 | 11 => Step::AskMemo(AccountRef::Tokens(party, 1, self.rng.u8(0..2)), true),
            12 => {
                let asking = self.that(game, |tokens| tokens.asks_memo);
                Step::AskMemo(asking.unwrap_or(tokens), false)
            }
            13 | 14 => Step::Freeze(tokens),
            15 => match self.one_of(game, &game.model.locks) {
                Some(AccountRef::LockAt(OfferRef(bus, who, _), ..)) if self.chance(50) => {
                    Step::Freeze(AccountRef::Vault(bus, who))
                }
                _ => Step::Freeze(of_bus),
            },
            16..=19 => {
                let frozen = self.that(game, |tokens| tokens.frozen);
                Step::Thaw(frozen.unwrap_or(tokens))
            }
            20 | 21 => Step::Delegate { account: tokens, to: self.wallet(game), amount: self.near(1_000_000) },
            22..=24 => Step::Gift(of_bus, self.rng.u64(0..100_000)),
            25 => Step::Gift(AccountRef::Stray(bus, self.rng.u8(0..NATIVE)), self.rng.u64(0..100_000)),
            26 | 27 => {
                // The key of a token account becomes a wallet.
                let double = double_of(party);
                let closed = !game.model.tokens.contains_key(&game.address(AccountRef::Wallet(double)));
                if closed || self.chance(10) {
                    Step::Fund(AccountRef::Wallet(double), 1_000_000_000)
                } else {
                    Step::CloseTokens(AccountRef::Tokens(party, 0, 1))
                }
            }
            28 | 29 => {
                // An address that will have an account of the market soon.
                let seller = self.some_seller(game);
                let next = game.seller(seller.0, seller.1).map_or(0, |seller| seller.next_offer);
                if self.auctions && self.chance(30) {
                    // That of a bid which comes next.
                    if let Some(operation @ Operation::Bid { .. }) = self.make_bid(game, &buses) {
                        let address = game.instruction(&operation).accounts[4].pubkey;
                        let bid = game.name_of(&address);
                        self.next = Some(operation);
                        return Step::Fund(bid.unwrap_or(tokens), 890_880 + self.rng.u64(0..3_000_000));
                    }
                }
                let account = match self.rng.u8(0..11) {
                    10 => match self.one_of(game, &game.model.capacities) {
                        Some(AccountRef::CapacityAt(bus, window)) => AccountRef::ClearingAt(bus, window, party),
                        _ => AccountRef::EscrowAt(bus),
                    },
                    6 => self
                        .some_position(game)
                        .map_or(AccountRef::ClaimAt(bus, party), |(book, _)| AccountRef::PositionAt(book, party)),
                    7 => AccountRef::MeterAt(seller.0, seller.1),
                    8 => AccountRef::DeviceAt(self.rng.u8(0..12)),
                    9 => self.next_certificate(game).unwrap_or(AccountRef::SellerAt(bus, party)),
                    0 => AccountRef::ClaimAt(bus, party),
                    1 => AccountRef::OfferAt(OfferRef(seller.0, seller.1, next)),
                    2 => AccountRef::LockAt(self.offer(game), party, 0),
                    3 => AccountRef::SellerAt(bus, party),
                    4 => AccountRef::Vault(bus, party),
                    _ => AccountRef::LaneAt(party, 0),
                };
                Step::Fund(account, 890_880 + self.rng.u64(0..3_000_000))
            }
            _ => {
                let account = self.account(game);
                if matches!(
                    account,
                    AccountRef::System
                        | AccountRef::Market
                        | AccountRef::ClockSysvar
                        | AccountRef::InstructionsSysvar
                        | AccountRef::MintAt(_)
                        | AccountRef::TokenProgramOf(_)
                ) {
                    return Step::At(game.second());
                }
                Step::Fund(account, 890_880 + self.rng.u64(0..3_000_000))
            }
        }
    }

    /// A move that leaves what is hard to wind down: locks in a vault that is then frozen, payees that are closed.
    pub(crate) fn last(&mut self, game: &Game) -> Step {
        let locked = match self.one_of(game, &game.model.locks) {
            Some(AccountRef::LockAt(OfferRef(bus, who, _), ..)) => Some(AccountRef::Vault(bus, who)),
            _ => None,
        };
        // Grid fees without a recipient are the treasury's.
        let without = |seller: &multibus_model::ModelSeller| {
            let bus = game.model.buses.get(&seller.bus).filter(|bus| bus.grid_recipient.is_none())?;
            (seller.open_books > 0 || seller.grid_fees_owed > 0).then(|| game.name_of(&bus.treasury)).flatten()
        };
        let treasuries: Vec<AccountRef> = game.model.sellers.values().filter_map(without).collect();
        if let Some(treasury) = self.one(&treasuries)
            && self.chance(15)
        {
            return Step::Freeze(treasury);
        }
        // Deposits in a frozen escrow, and bids whose refund account is gone.
        let bids: Vec<(AccountRef, AccountRef)> = game
            .model
            .bids
            .values()
            .filter_map(|bid| {
                let AccountRef::BusAt(bus) = game.name_of(&bid.bus)? else { return None };
                Some((AccountRef::EscrowAt(bus), game.name_of(&bid.refund)?))
            })
            .collect();
        if let Some((escrow, refund)) = self.one(&bids)
            && self.chance(30)
        {
            return match self.rng.u8(0..5) {
                0 => Step::Freeze(escrow),
                1 => Step::CloseTokens(refund),
                2 => Step::Reown(refund, self.wallet(game)),
                3 => Step::AskMemo(refund, true),
                _ => Step::Freeze(refund),
            };
        }
        if self.chance(30) {
            // Refund accounts of positions that have something coming.
            let open = game.model.positions.values().filter(|position| !position.windows.is_empty());
            let refunds: Vec<AccountRef> = open.filter_map(|position| game.name_of(&position.refund)).collect();
            if let Some(account) = self.one(&refunds) {
                return match self.rng.u8(0..5) {
                    0 => Step::CloseTokens(account),
                    1 => Step::Freeze(account),
                    2 => Step::AskMemo(account, true),
                    3 => Step::Reown(account, self.wallet(game)),
                    _ => match self.some_position(game) {
                        Some((BookRef(bus, who, _), _)) => Step::Freeze(AccountRef::Vault(bus, who)),
                        None => Step::Freeze(account),
                    },
                };
            }
        }
        let paid: Vec<AccountRef> = game
            .model
            .sellers
            .values()
            .filter(|seller| seller.released > 0 || seller.open_offers > 0)
            .filter_map(|seller| {
                let mint = game.model.buses.get(&seller.bus)?.mint;
                game.name_of(&game.model.associated_address(&seller.wallet, &mint))
            })
            .collect();
        match self.rng.u8(0..6) {
            0 | 1 => Step::Do(self.take_lock(game), Tamper::Nothing),
            2 => self.one(&paid).map_or_else(|| self.hostile(game), Step::CloseTokens),
            3 => locked.map_or_else(|| self.hostile(game), Step::Freeze),
            4 => {
                let to = self.wallet(game);
                self.one(&paid).map_or_else(|| self.hostile(game), |account| Step::Reown(account, to))
            }
            _ => self.hostile(game),
        }
    }

    fn party_accounts(game: &Game) -> Vec<AccountRef> {
        (0..game.parties)
            .flat_map(|party| (0..2 * GOOD_MINTS).map(move |which| AccountRef::Tokens(party, which / 2, which % 2)))
            .collect()
    }

    /// A token account that is like this.
    fn that(&mut self, game: &Game, like: impl Fn(&ModelTokens) -> bool) -> Option<AccountRef> {
        let all: Vec<AccountRef> = game
            .model
            .tokens
            .iter()
            .filter(|(_, tokens)| like(tokens))
            .filter_map(|(at, _)| game.name_of(at))
            .collect();
        self.one(&all)
    }
}

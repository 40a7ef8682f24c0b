//! Position books.

use {
    super::Generator,
    crate::play::{game::Game, script::*},
};

impl Generator {
    /// A position book that is open, with its buyer.
    pub(super) fn some_position(&mut self, game: &Game) -> Option<(BookRef, u8)> {
        match self.one_of(game, &game.model.positions)? {
            AccountRef::PositionAt(book, buyer) => Some((book, buyer)),
            _ => None,
        }
    }

    /// A position book of which something is final and not refunded, mostly.
    pub(super) fn due_position(&mut self, game: &Game) -> Option<(BookRef, u8)> {
        let model = &game.model;
        let due: Vec<AccountRef> = model
            .positions
            .iter()
            .filter(|(_, position)| !position.refunds(&model.books[&position.book], model.now).is_empty())
            .filter_map(|(at, _)| game.name_of(at))
            .collect();
        match self.one(&due) {
            Some(AccountRef::PositionAt(book, buyer)) if self.chance(85) => Some((book, buyer)),
            _ => self.some_position(game),
        }
    }

    /// Where a buyer has no position book on that of an offer, it opens one before it buys.
    pub(super) fn position_first(&mut self, game: &Game, offer: OfferRef, buyer: u8) -> Option<Operation> {
        let (book, _) = game.offer(offer)?.book?;
        let AccountRef::BookAt(book) = game.name_of(&book)? else { return None };
        let by = if self.chance(80) { buyer } else { self.wallet(game) };
        let is_open = game.position(book, buyer).is_some();
        (!is_open && self.chance(90)).then_some(Operation::OpenPosition { by, book, buyer })
    }

    pub(super) fn open_position(&mut self, game: &Game) -> Option<Operation> {
        let book = self.some_book(game)?;
        let buyer = if self.chance(4) { bus_wallet(book.0) } else { self.wallet(game) };
        let by = if self.chance(60) && wallet_bus(buyer).is_none() { buyer } else { self.wallet(game) };
        Some(Operation::OpenPosition { by, book, buyer })
    }

    pub(super) fn set_refund(&mut self, game: &Game) -> Option<Operation> {
        let (book, buyer) = self.some_position(game)?;
        let by = if self.chance(85) && wallet_bus(buyer).is_none() { buyer } else { self.wallet(game) };
        let refund = match self.rng.u8(0..10) {
            0 => self.account(game),
            1 => AccountRef::Vault(book.0, book.1),
            2 => AccountRef::Wallet(by),
            3 => self.one(&[AccountRef::System, AccountRef::ClockSysvar, AccountRef::Market]).expect("one of three"),
            _ => self.tokens(game, buyer, book.0),
        };
        Some(Operation::SetRefund { by, book, buyer, refund })
    }

    pub(super) fn close_position(&mut self, game: &Game) -> Option<Operation> {
        let (book, buyer) = self.some_position(game)?;
        let by = if self.chance(45) && wallet_bus(buyer).is_none() { buyer } else { self.wallet(game) };
        Some(Operation::ClosePosition { by, book, buyer })
    }
}

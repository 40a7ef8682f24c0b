//! Certificates of origin.

use {
    super::Generator,
    crate::{
        chain::START,
        play::{game::Game, script::*},
    },
};

impl Generator {
    /// What a wallet could certify now: the book, the place of the window, who takes it, and whether as its seller.
    fn certifiable(&self, game: &Game) -> Vec<(BookRef, usize, u8, bool)> {
        let now = game.model.now;
        let mut found = Vec::new();
        for (at, position) in &game.model.positions {
            let Some(AccountRef::PositionAt(book, buyer)) = game.name_of(at) else { continue };
            let of = &game.model.books[&position.book];
            let due = position.windows.iter().filter(|(place, (energy_wh, _))| {
                of.is_final(**place, now)
                    && !position.certified.contains(place)
                    && of.windows[place].delivered_of(*energy_wh) > 0
            });
            found.extend(due.map(|(place, _)| (book, *place, buyer, false)));
        }
        for (at, of) in &game.model.books {
            let Some(AccountRef::BookAt(book)) = game.name_of(at) else { continue };
            let due = of.windows.iter().filter(|(place, window)| {
                of.is_final(**place, now) && !window.surplus_certified && window.surplus_wh() > 0
            });
            found.extend(due.map(|(place, _)| (book, *place, book.1, true)));
        }
        found
    }

    /// The address of a certificate that somebody could take now.
    pub(super) fn next_certificate(&mut self, game: &Game) -> Option<AccountRef> {
        let all = self.certifiable(game);
        let (book, place, ..) = self.one(&all)?;
        let state = game.book(book)?;
        let window = state.window_start(place) - START;
        let range_start = state.windows.get(&place)?.certified_wh;
        Some(AccountRef::CertificateAt(CertificateRef(book.0, book.1, window, range_start)))
    }

    /// What was certified already: the book, the place of the window, who took it, and whether as its seller.
    fn certified(game: &Game) -> Vec<(BookRef, usize, u8, bool)> {
        let mut found = Vec::new();
        for (at, position) in &game.model.positions {
            let Some(AccountRef::PositionAt(book, buyer)) = game.name_of(at) else { continue };
            found.extend(position.certified.iter().map(|place| (book, *place, buyer, false)));
        }
        for (at, of) in &game.model.books {
            let Some(AccountRef::BookAt(book)) = game.name_of(at) else { continue };
            let taken = of.windows.iter().filter(|(_, window)| window.surplus_certified);
            found.extend(taken.map(|(place, _)| (book, *place, book.1, true)));
        }
        found
    }

    pub(super) fn take_certificate(&mut self, game: &Game) -> Option<Operation> {
        let again = Self::certified(game);
        if let Some((book, place, by, surplus)) = self.one(&again).filter(|_| self.chance(20)) {
            let by = if wallet_bus(by).is_none() { by } else { self.wallet(game) };
            return Some(Operation::TakeCertificate { by, book, place: place as u8, surplus });
        }
        let all = self.certifiable(game);
        if let Some((book, place, by, surplus)) = self.one(&all).filter(|_| self.chance(88)) {
            let by = if self.chance(95) && wallet_bus(by).is_none() { by } else { self.wallet(game) };
            return Some(Operation::TakeCertificate { by, book, place: place as u8, surplus });
        }
        if all.is_empty() && self.chance(70) {
            return None;
        }
        let (book, buyer, surplus) = match self.some_position(game) {
            Some((book, buyer)) if self.chance(70) => (book, buyer, false),
            _ => {
                let book = self.some_book(game)?;
                (book, book.1, true)
            }
        };
        let by = if self.chance(85) && wallet_bus(buyer).is_none() { buyer } else { self.wallet(game) };
        let used: Vec<usize> = game.book(book).map(|book| book.windows.keys().copied().collect()).unwrap_or_default();
        let used = if self.chance(85) { self.one(&used) } else { None };
        let place = used.unwrap_or_else(|| self.rng.usize(0..97));
        Some(Operation::TakeCertificate { by, book, place: place as u8, surplus })
    }

    /// A certificate, and mostly its owner.
    fn some_certificate(&mut self, game: &Game) -> Option<(u8, CertificateRef)> {
        let AccountRef::CertificateAt(certificate) = self.one_of(game, &game.model.certificates)? else { return None };
        let owner = game.model.certificates[&game.address(AccountRef::CertificateAt(certificate))].owner;
        Some((self.party_of(game, &owner), certificate))
    }

    pub(super) fn transfer(&mut self, game: &Game) -> Option<Operation> {
        let (by, certificate) = self.some_certificate(game)?;
        let state = game.model.certificates.get(&game.address(AccountRef::CertificateAt(certificate)));
        let has = state.map_or(1, multibus_model::ModelCertificate::energy_wh);
        let wh = match self.rng.u8(0..6) {
            0 | 1 => has,
            2 => has.saturating_add(1),
            3 => self.near(has),
            _ => self.rng.u64(0..=has),
        };
        let to = match self.rng.u8(0..8) {
            0 => AccountRef::System,
            1 => AccountRef::Nowhere(self.rng.u8(0..3)),
            2 => AccountRef::BusAt(certificate.0),
            _ => AccountRef::Wallet(self.wallet(game)),
        };
        Some(Operation::Transfer { by, certificate, wh, to })
    }

    pub(super) fn retire(&mut self, game: &Game) -> Option<Operation> {
        let (by, certificate) = self.some_certificate(game)?;
        let names: [&[u8]; 7] =
            [b"", &[b'x'; 64], &[b'x'; 65], "Gemeinde Zürich".as_bytes(), b"a\x1bb", "a\u{85}b".as_bytes(), b"Anna"];
        let name = names[if self.chance(70) { 6 } else { self.rng.usize(0..6) }];
        Some(Operation::Retire { by, certificate, name: List(name.to_vec()) })
    }
}

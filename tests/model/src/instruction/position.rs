//! Position books of buyers are opened, refunded and closed.

use {
    super::{claim::DebtAccounts, token::Transfer},
    crate::{books::Model, cause::*, limit::account_bytes, state::*},
    solana_address::Address,
    std::collections::{BTreeMap, BTreeSet},
};

impl Model {
    pub(super) fn position_open(&mut self, accounts: &[PassedAccount; 5], buyer: &Address) -> Verdict {
        let [payer, at_bus, at_book, new, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 2, 3]);
        causes.payer(payer);
        causes.system_program(system);
        let book = causes.state(at_book, true, self.books.get(&at_book.address));
        let bus = causes.state(at_bus, false, self.buses.get(&at_bus.address));
        causes.rule(book.is_none_or(|book| book.bus == at_bus.address), "BusMismatch");
        let place = self.position_address(&at_book.address, buyer).0;
        if self.positions.contains_key(&place) {
            // Somebody was first: fine.
            causes.unless(new.address == place, Cause::Seeds);
            causes.written(new);
            return causes.verdict();
        }
        self.new_account(&mut causes, new, place);
        self.can_pay(&mut causes, payer, &[(new.address, account_bytes::POSITION)], 0);
        if let (Some(book), Some(bus)) = (book, bus) {
            // Where nothing can be bought any more, a position only keeps the book from closing.
            causes.rule(!bus.closing, "BusClosing");
            causes.rule(self.now < book.last_gate(bus), "BookOver");
        }
        causes.verdict()?;
        self.pay_rent(&payer.address, &new.address, account_bytes::POSITION);
        self.books.get_mut(&at_book.address).expect("found above").open_positions += 1;
        let opened = ModelPosition {
            book: at_book.address,
            buyer: *buyer,
            refund: Address::default(),
            rent_payer: payer.address,
            open_locks: 0,
            windows: BTreeMap::new(),
            refunded: BTreeSet::new(),
            certified: BTreeSet::new(),
        };
        self.positions.insert(new.address, opened);
        Ok(())
    }

    pub(super) fn position_set_refund(&mut self, accounts: &[PassedAccount; 4], refund: Address) -> Verdict {
        let [buyer, at, at_bus, at_book] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[1]);
        causes.signer(buyer);
        let position = causes.state(at, true, self.positions.get(&at.address));
        causes.rule(position.is_none_or(|position| position.buyer == buyer.address), "PositionMismatch");
        causes.rule(position.is_none_or(|position| position.book == at_book.address), "BookMismatch");
        let book = causes.state(at_book, false, self.books.get(&at_book.address));
        let bus = causes.state(at_bus, false, self.buses.get(&at_bus.address));
        causes.rule(book.is_none_or(|book| book.bus == at_bus.address), "BusMismatch");
        // Windows of a position say nothing of another book.
        if let (Some(position), Some(book), Some(bus)) = (position.filter(|of| of.book == at_book.address), book, bus) {
            // Once anyone may close a position, its buyer no longer changes what the closing names.
            causes.rule(self.now < position.others_close_at(book, bus, self.now), "RefundFixed");
        }
        causes.verdict()?;
        self.positions.get_mut(&at.address).expect("found above").refund = refund;
        Ok(())
    }

    /// The bus, the book and the position that were passed, and causes for which they, the vault or the refund account do not
    /// belong together.
    fn position_on(
        &self,
        causes: &mut Causes,
        [at_bus, at_book, at, vault, refund, token_program]: [&PassedAccount; 6],
    ) -> Option<(&ModelBus, &ModelBook, &ModelPosition)> {
        causes.written(vault);
        let bus = causes.state(at_bus, false, self.buses.get(&at_bus.address));
        let book = causes.state(at_book, true, self.books.get(&at_book.address));
        let position = causes.state(at, true, self.positions.get(&at.address));
        if let Some(book) = book {
            causes.rule(book.bus == at_bus.address, "BusMismatch");
            causes.rule(book.vault == vault.address, "VaultMismatch");
        }
        if let Some(position) = position {
            causes.rule(position.book == at_book.address, "BookMismatch");
            causes.rule(position.refund == refund.address, "RefundMismatch");
        }
        if let Some(bus) = bus {
            self.settlement(causes, &bus.mint, token_program);
        }
        // Windows of a position say nothing of another book.
        let (book, position) = (book?, position?);
        (position.book == at_book.address).then_some((bus?, book, position))
    }

    /// What goes back to a position's buyer is noted.
    fn refund(&mut self, at: &Address, refunds: &BTreeMap<usize, u64>) {
        let position = self.positions.get_mut(at).expect("a position");
        let book = self.books.get_mut(&position.book).expect("a position's book");
        for (place, amount) in refunds {
            assert!(position.refunded.insert(*place), "a refund comes twice");
            let window = book.windows.get_mut(place).expect("a window that was sold");
            window.refunded += amount;
            window.buyers_refunded += 1;
        }
    }

    pub(super) fn delivery_refund(&mut self, accounts: &[PassedAccount; 6]) -> Verdict {
        let [at_bus, at_book, at, vault, refund, token_program] = accounts;
        let mut causes = Causes::default();
        let found = self.position_on(&mut causes, [at_bus, at_book, at, vault, refund, token_program]);
        let Some((bus, book, position)) = found else { return causes.verdict() };
        let refunds = position.refunds(book, self.now);
        let amount: u64 = refunds.values().sum();
        causes.rule(!refunds.is_empty(), "NothingToRefund");
        if amount > 0 {
            causes.rule(!self.is_frozen(&book.vault), "PayerFrozen");
            causes.rule(self.is_payable_to(&bus.mint, &refund.address, &position.buyer), "PayeeUnpayable");
            causes.written(refund);
        }
        causes.verdict()?;
        if amount > 0 {
            let (from, to) = (vault.address, refund.address);
            self.transfer(&[Transfer { from, to, authority: at_bus.address, amount }])?;
        }
        self.refund(&at.address, &refunds);
        Ok(())
    }

    pub(super) fn position_close(&mut self, accounts: &[PassedAccount; 12]) -> Verdict {
        let [caller, at_bus, at_book, at, vault, refund, unclaimed, ledger, claim, rent_payer, token_program, _] =
            accounts;
        let mut causes = Causes::default();
        causes.payer(caller);
        for passed in [unclaimed, ledger, claim, rent_payer] {
            causes.written(passed);
        }
        causes.unless(rent_payer.address != at.address, Cause::Itself);
        let named = self.positions.get(&at.address);
        causes.rule(named.is_none_or(|named| named.rent_payer == rent_payer.address), "RentPayerMismatch");
        let found = self.position_on(&mut causes, [at_bus, at_book, at, vault, refund, token_program]);
        let Some((bus, book, position)) = found else { return causes.verdict() };
        causes.rule(position.open_locks == 0, "PositionHasLocks");
        let is_final = position.windows.keys().all(|place| book.is_final(*place, self.now));
        causes.rule(is_final, "PositionNotFinal");
        if is_final && caller.address != position.buyer {
            causes.rule(self.now >= position.others_close_at(book, bus, self.now), "CertificatesOpen");
        }
        let refunds = position.refunds(book, self.now);
        let amount: u64 = refunds.values().sum();
        let is_paid = self.is_payable_to(&bus.mint, &refund.address, &position.buyer);
        let is_claimed = amount > 0 && !is_paid;
        if amount > 0 {
            causes.rule(!self.is_frozen(&book.vault), "PayerFrozen");
        }
        if is_claimed {
            let has_system = accounts.iter().any(|passed| passed.address == Address::default());
            let accounts = DebtAccounts { payer: caller, unclaimed, ledger, claim, has_system };
            self.can_owe(&mut causes, &at_bus.address, bus, &position.buyer, &accounts, true);
            causes.rule(!self.is_frozen(&bus.unclaimed), "PayerFrozen");
        } else if amount > 0 {
            causes.written(refund);
        }
        causes.verdict()?;
        let (buyer, named, of_bus) = (position.buyer, position.refund, bus.unclaimed);
        if amount > 0 {
            let to = if is_claimed { of_bus } else { refund.address };
            self.transfer(&[Transfer { from: vault.address, to, authority: at_bus.address, amount }])?;
        }
        if is_claimed {
            // The position's rent pays for the claim: the caller only lends it.
            let of = (&caller.address, &rent_payer.address);
            let lent = self.owe(&at_bus.address, &buyer, amount, Some(named), of);
            *self.lamports.get_mut(&at.address).expect("a position") -= lent;
            *self.lamports.entry(caller.address).or_default() += lent;
        }
        self.refund(&at.address, &refunds);
        self.positions.remove(&at.address);
        self.books.get_mut(&at_book.address).expect("found above").open_positions -= 1;
        self.return_rent(&at.address, &rent_payer.address);
        Ok(())
    }
}

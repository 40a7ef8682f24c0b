//! What each seller delivered of an auction's energy is counted, and paid.

use {
    super::token::Transfer,
    crate::{books::Model, cause::*},
};

impl Model {
    pub(super) fn pool_report(&mut self, accounts: &[PassedAccount; 7]) -> Verdict {
        let [at_bus, in_capacity, at_seller, at, vault, escrow, token_program] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[1, 2, 3, 4, 5]);
        for passed in [in_capacity, vault, escrow] {
            causes.written(passed);
        }
        let bus = causes.state(at_bus, false, self.buses.get(&at_bus.address));
        causes.state(at_seller, true, self.sellers.get(&at_seller.address));
        let book = causes.state(at, true, self.books.get(&at.address));
        if let Some(bus) = bus {
            causes.rule(escrow.address == bus.escrow, "EscrowMismatch");
            self.settlement(&mut causes, &bus.mint, token_program);
        }
        let Some(book) = book else { return causes.verdict() };
        causes.rule(book.bus == at_bus.address, "BusMismatch");
        causes.rule(book.seller == at_seller.address, "SellerMismatch");
        causes.rule(book.vault == vault.address, "VaultMismatch");
        // The window may be closed, where only what waited is paid.
        let capacity = self.capacities.get(&in_capacity.address);
        causes.unless(capacity.is_some() || !self.has_state(&in_capacity.address), Cause::Type);
        let mut counted = None;
        if let Some(capacity) = capacity {
            causes.rule(capacity.bus == book.bus, "CapacityMismatch");
            let place = book.place(capacity.window_start);
            causes.rule(place.is_some() || capacity.bus != book.bus, "WindowNotInBook");
            let window = place.and_then(|place| Some((place, book.windows.get(&place)?)));
            if let Some((place, window)) = window.filter(|(_, window)| window.owes_pool()) {
                causes.rule(book.is_final(place, self.now), "WindowNotFinal");
                let (due, fee) = window.pool_due(capacity.auction_full_price(), book.terms.grid_fee_per_kwh);
                counted = Some((place, window.auction_wh, window.delivered_auction_wh(), due, fee));
            }
        }
        causes.rule(counted.is_some() || book.pool_due > 0, "NothingToReport");
        let can_pay = bus.is_some_and(|bus| !self.is_frozen(&bus.escrow) && !self.is_frozen(&book.vault));
        causes.rule(can_pay || counted.is_some() || bus.is_none(), "PayerFrozen");
        causes.verdict()?;
        let now = self.now;
        let book = self.books.get_mut(&at.address).expect("found above");
        if let Some((place, auction_wh, delivered_wh, due, fee)) = counted {
            let window = book.windows.get_mut(&place).expect("found above");
            assert!(!window.pool_reported, "a seller is counted twice");
            window.pool_reported = true;
            book.pool_due += due;
            book.pool_grid_fee += fee;
            let capacity = self.capacities.get_mut(&in_capacity.address).expect("found above");
            capacity.escrowed -= due;
            capacity.credited += due;
            let auction = capacity.auction.as_mut().expect("an auction that sold");
            auction.reported_wh += auction_wh;
            auction.delivered_wh += delivered_wh;
            auction.reports += 1;
            if auction.reported_wh == auction.volume_wh {
                auction.pool_complete_at = Some(now);
            }
        }
        let book = self.books.get_mut(&at.address).expect("found above");
        if can_pay && book.pool_due > 0 {
            let (paid, fee) = (std::mem::take(&mut book.pool_due), std::mem::take(&mut book.pool_grid_fee));
            let (from, to) = (escrow.address, vault.address);
            self.transfer(&[Transfer { from, to, authority: at_bus.address, amount: paid }])?;
            self.book(&vault.address, paid);
            let seller = self.sellers.get_mut(&at_seller.address).expect("found above");
            seller.released += paid - fee;
            seller.grid_fees_owed += fee;
        }
        Ok(())
    }
}

//! Offers are settled by the auction that closes their window.

use {
    super::token::Transfer,
    crate::{books::Model, cause::*, math::part_floor},
};

impl Model {
    /// On delivery terms the offer's delivery book follows the named accounts.
    pub(super) fn ask_settle(&mut self, accounts: &[PassedAccount; 6], books: &[PassedAccount]) -> Verdict {
        let [at_bus, in_capacity, at, vault, escrow, token_program] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[1, 2, 3, 4]);
        causes.once_after(accounts, &[1, 2, 3, 4], books);
        causes.written(vault);
        causes.written(escrow);
        let capacity = causes.state(in_capacity, true, self.capacities.get(&in_capacity.address));
        let Some((bus, offer)) = self.offer_on(&mut causes, at_bus, at) else { return causes.verdict() };
        causes.rule(offer.capacity == in_capacity.address, "CapacityMismatch");
        causes.rule(vault.address == self.vault_of(&offer.seller), "VaultMismatch");
        causes.rule(escrow.address == bus.escrow, "EscrowMismatch");
        self.settlement(&mut causes, &bus.mint, token_program);
        let Some(capacity) = capacity else { return causes.verdict() };
        let auction = capacity.auction;
        causes.rule(auction.is_some(), "AuctionNotCleared");
        causes.rule(!offer.settled, "AskSettled");
        let owes = auction.is_some_and(|auction| auction.owes(offer));
        causes.rule(owes || auction.is_none() || offer.settled, "OrderGetsNothing");
        let mut settled = auction.filter(|_| owes && offer.capacity == in_capacity.address);
        let energy_wh = settled.as_mut().map_or(0, |auction| auction.settle_ask(offer));
        let mut credited = 0;
        if let Some((book, _)) = offer.book {
            causes.rule(!books.is_empty(), "BooksMissing");
            if let Some(passed) = books.first() {
                causes.rule(passed.address == book, "BookMismatch");
                causes.written(passed);
            }
        } else if energy_wh > 0 {
            credited = part_floor(energy_wh, capacity.auction_full_price(), 1_000);
            causes.rule(!self.is_frozen(&bus.escrow), "PayerFrozen");
            causes.rule(!self.is_frozen(&vault.address), "PayeeUnpayable");
        }
        causes.verdict()?;
        let book = offer.book;
        if credited > 0 {
            let (from, to) = (escrow.address, vault.address);
            self.transfer(&[Transfer { from, to, authority: at_bus.address, amount: credited }])?;
            self.book(&vault.address, credited);
        }
        let capacity = self.capacities.get_mut(&in_capacity.address).expect("found above");
        capacity.auction = settled;
        capacity.escrowed -= credited;
        capacity.credited += credited;
        let offer = self.offers.get_mut(&at.address).expect("found above");
        offer.remaining_wh -= energy_wh;
        offer.proceeds += credited;
        offer.settled = true;
        if let Some(book) = book {
            self.settle_in_book(book, energy_wh);
        }
        Ok(())
    }
}

//! Energy is bought, from one offer or several.

use {
    super::token::Transfer,
    crate::{books::Model, call::Item, cause::*, limit::MAX_BATCH_ITEMS},
    solana_address::Address,
    std::collections::BTreeSet,
};

/// The accounts of an item of a batch.
struct ItemAccounts<'a> {
    bus: &'a PassedAccount,
    offer: &'a PassedAccount,
    vault: &'a PassedAccount,
    /// On delivery terms the delivery book and the position book.
    books: &'a [PassedAccount],
}

impl Model {
    /// The vault of an offer's seller.
    pub(super) fn vault_of(&self, seller: &Address) -> Address {
        self.sellers[seller].vault
    }

    pub(super) fn purchase(
        &mut self,
        accounts: &[PassedAccount; 7],
        nonce: u64,
        item: Item,
        min_wh: u64,
        rest: &[PassedAccount],
    ) -> Verdict {
        let [buyer, lane, at_bus, at, payment, vault, token_program] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[1, 3, 4, 5]);
        causes.signer(buyer);
        self.lane_of(&mut causes, lane, &buyer.address, nonce);
        causes.written(payment);
        causes.written(vault);
        let mut filled = None;
        let mut late = Causes::default();
        if let Some((bus, offer)) = self.offer_on(&mut causes, at_bus, at) {
            causes.rule(vault.address == self.vault_of(&offer.seller), "VaultMismatch");
            self.settlement(&mut causes, &bus.mint, token_program);
            self.tradable(&mut causes, bus, offer, &buyer.address);
            let (energy_wh, cost) = Self::fill(&mut causes, offer, item, min_wh);
            filled = Some((energy_wh, cost, offer.book));
            if let Some((book, _)) = offer.book {
                late.once_after(accounts, &[1, 3, 4, 5], rest);
                self.book_and_position(&mut late, rest, &book, &buyer.address);
            }
        }
        let pays = |amount| Transfer { from: payment.address, to: vault.address, authority: buyer.address, amount };
        let transfers: Vec<Transfer> = filled.iter().map(|(_, cost, _)| pays(*cost)).collect();
        self.or_failed_transfers(&mut causes, Cause::Dust, &late, &transfers);
        causes.verdict()?;
        let (energy_wh, cost, book) = filled.expect("an offer");
        self.transfer(&transfers)?;
        self.book(&vault.address, cost);
        self.sell(&at.address, energy_wh, cost);
        if let Some(at_book) = book {
            self.sell_in_book(at_book, &rest[1].address, energy_wh, cost, &payment.address);
        }
        self.record(&lane.address, 0, &[(at.address, item.energy_wh, item.max_price)], energy_wh, cost);
        Ok(())
    }

    /// The accounts of each item of a batch: bus, offer and vault, and on delivery terms the two books. A bus is passed before
    /// its first item and wherever it changes. `None` where the accounts do not fit the items.
    fn batch_accounts<'a>(&self, passed: &'a [PassedAccount], items: usize) -> Option<Vec<ItemAccounts<'a>>> {
        let mut rest = passed;
        let mut bus: Option<&PassedAccount> = None;
        let mut found = Vec::new();
        for _ in 0..items {
            if bus.is_none() || rest.first().is_some_and(|next| self.buses.contains_key(&next.address)) {
                let (next, others) = rest.split_first()?;
                (bus, rest) = (Some(next), others);
            }
            let ([offer, vault], others) = rest.split_first_chunk::<2>()?;
            rest = others;
            let on_delivery = self.offers.get(&offer.address).is_some_and(|offer| offer.book.is_some());
            let books = rest.split_at_checked(if on_delivery { 2 } else { 0 })?;
            rest = books.1;
            found.push(ItemAccounts { bus: bus?, offer, vault, books: books.0 });
        }
        rest.is_empty().then_some(found)
    }

    pub(super) fn purchase_batch(
        &mut self,
        accounts: &[PassedAccount; 4],
        of_items: &[PassedAccount],
        nonce: u64,
        max_total: u64,
        items: &[Item],
    ) -> Verdict {
        let [buyer, lane, payment, token_program] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[1, 2]);
        let written = [lane.address, payment.address];
        causes.unless(!of_items.iter().any(|passed| written.contains(&passed.address)), Cause::Twice);
        causes.signer(buyer);
        self.lane_of(&mut causes, lane, &buyer.address, nonce);
        causes.written(payment);
        let counted = (1..=MAX_BATCH_ITEMS).contains(&items.len());
        let places = self.batch_accounts(of_items, items.len()).filter(|_| counted);
        let Some(places) = places else {
            // Which of these is found first depends on what was passed instead.
            causes.rule(false, "BatchInvalid");
            if counted {
                causes.rule(false, "BusMismatch");
                causes.rule(false, "TokenProgramMismatch");
                causes.rule(false, "MintMismatch");
                causes.rule(false, "BooksMissing");
                causes.rule(false, "BookMismatch");
                causes.rule(false, "PositionMismatch");
                causes.unless(false, Cause::Type);
                causes.unless(of_items.iter().all(|passed| passed.is_writable), Cause::Readonly);
                self.any_cause_of_items(&mut causes, of_items, items, &buyer.address);
            }
            return causes.verdict();
        };
        let (mut total, mut total_wh) = (0u128, 0u128);
        let mut fills = Vec::new();
        let mut transfers = Vec::new();
        let mut seen = BTreeSet::new();
        let mut mint = None;
        for (item, ItemAccounts { bus: at_bus, offer: at, vault, books }) in items.iter().zip(places) {
            causes.written(vault);
            if let Some(bus) = self.buses.get(&at_bus.address) {
                let first = *mint.get_or_insert(bus.mint);
                causes.rule(bus.mint == first, "MintMismatch");
                self.settlement(&mut causes, &bus.mint, token_program);
            }
            causes.rule(seen.insert(at.address), "OfferDuplicate");
            let Some((bus, offer)) = self.offer_on(&mut causes, at_bus, at) else {
                causes.rule(false, "BatchInvalid");
                continue;
            };
            causes.rule(vault.address == self.vault_of(&offer.seller), "VaultMismatch");
            self.tradable(&mut causes, bus, offer, &buyer.address);
            let (energy_wh, cost) = Self::fill(&mut causes, offer, *item, item.energy_wh);
            total += cost as u128;
            total_wh += energy_wh as u128;
            if let Some((book, _)) = offer.book {
                self.book_and_position(&mut causes, books, &book, &buyer.address);
            }
            let sold_in = offer.book.zip(books.get(1)).map(|(book, position)| (book, position.address));
            fills.push((at.address, *item, energy_wh, cost, vault.address, sold_in));
            transfers.push(Transfer {
                from: payment.address,
                to: vault.address,
                authority: buyer.address,
                amount: cost,
            });
        }
        causes.rule(total <= max_total as u128, "TotalAboveLimit");
        causes.rule(total <= u64::MAX as u128 && total_wh <= u64::MAX as u128, "CostOverflow");
        // A read-only vault is found only when it is paid, after the vaults before it.
        self.or_failed_transfers(&mut causes, Cause::Readonly, &Causes::default(), &transfers);
        causes.verdict()?;
        self.transfer(&transfers)?;
        for (offer, _, energy_wh, cost, vault, sold_in) in &fills {
            self.book(vault, *cost);
            self.sell(offer, *energy_wh, *cost);
            if let Some((book, position)) = sold_in {
                self.sell_in_book(*book, position, *energy_wh, *cost, &payment.address);
            }
        }
        let orders: Vec<_> = fills.iter().map(|(at, item, ..)| (*at, item.energy_wh, item.max_price)).collect();
        self.record(&lane.address, 1, &orders, total_wh as u64, total as u64);
        Ok(())
    }

    /// Whatever an item of a malformed batch may be refused for before the batch itself is.
    fn any_cause_of_items(&self, causes: &mut Causes, passed: &[PassedAccount], items: &[Item], buyer: &Address) {
        for offer in passed.iter().filter_map(|passed| self.offers.get(&passed.address)) {
            let bus = &self.buses[&offer.bus];
            self.tradable(causes, bus, offer, buyer);
            causes.rule(false, "VaultMismatch");
            causes.rule(false, "OfferDuplicate");
            for item in items {
                Self::fill(causes, offer, *item, item.energy_wh);
            }
        }
    }
}

//! Energy is bought, from one offer or several.

use {
    super::token::Transfer,
    crate::{books::Model, call::Item, cause::*, limit::MAX_BATCH_ITEMS},
    solana_address::Address,
    std::collections::BTreeSet,
};

impl Model {
    /// The vault of an offer's seller.
    pub(super) fn vault_of(&self, seller: &Address) -> Address {
        self.sellers[seller].vault
    }

    pub(super) fn purchase(&mut self, accounts: &[PassedAccount; 7], nonce: u64, item: Item, min_wh: u64) -> Verdict {
        let [buyer, lane, at_bus, at, payment, vault, token_program] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[1, 3, 4, 5]);
        causes.signer(buyer);
        self.lane_of(&mut causes, lane, &buyer.address, nonce);
        causes.written(payment);
        causes.written(vault);
        let mut filled = None;
        if let Some((bus, offer)) = self.offer_on(&mut causes, at_bus, at) {
            causes.rule(vault.address == self.vault_of(&offer.seller), "VaultMismatch");
            self.settlement(&mut causes, &bus.mint, token_program);
            self.tradable(&mut causes, bus, offer, &buyer.address);
            filled = Some(Self::fill(&mut causes, offer, item, min_wh));
        }
        causes.verdict()?;
        let (energy_wh, cost) = filled.expect("an offer");
        self.transfer(&[Transfer {
            from: payment.address,
            to: vault.address,
            authority: buyer.address,
            amount: cost,
        }])?;
        self.sell(&at.address, energy_wh, cost);
        self.record(&lane.address, 0, &[(at.address, item.energy_wh, item.max_price)], energy_wh, cost);
        Ok(())
    }

    /// The accounts of each item of a batch: bus, offer and vault. A bus is passed before its first item and wherever it
    /// changes. `None` where the accounts do not fit the items.
    fn batch_accounts<'a>(&self, passed: &'a [PassedAccount], items: usize) -> Option<Vec<[&'a PassedAccount; 3]>> {
        let mut rest = passed.iter();
        let mut bus: Option<&PassedAccount> = None;
        let mut found = Vec::new();
        for _ in 0..items {
            let mut next = rest.next()?;
            if bus.is_none() || self.buses.contains_key(&next.address) {
                bus = Some(next);
                next = rest.next()?;
            }
            found.push([bus?, next, rest.next()?]);
        }
        rest.next().is_none().then_some(found)
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
        for (item, [at_bus, at, vault]) in items.iter().zip(places) {
            causes.written(vault);
            if let Some(bus) = self.buses.get(&at_bus.address) {
                let first = *mint.get_or_insert(bus.mint);
                causes.rule(bus.mint == first, "MintMismatch");
            }
            causes.rule(seen.insert(at.address), "OfferDuplicate");
            let Some((bus, offer)) = self.offer_on(&mut causes, at_bus, at) else {
                causes.rule(false, "BatchInvalid");
                continue;
            };
            self.settlement(&mut causes, &bus.mint, token_program);
            causes.rule(vault.address == self.vault_of(&offer.seller), "VaultMismatch");
            self.tradable(&mut causes, bus, offer, &buyer.address);
            let (energy_wh, cost) = Self::fill(&mut causes, offer, *item, item.energy_wh);
            total += cost as u128;
            total_wh += energy_wh as u128;
            fills.push((at.address, *item, energy_wh, cost));
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
        self.or_failed_transfers(&mut causes, Cause::Readonly, &transfers);
        causes.verdict()?;
        self.transfer(&transfers)?;
        for (offer, _, energy_wh, cost) in &fills {
            self.sell(offer, *energy_wh, *cost);
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

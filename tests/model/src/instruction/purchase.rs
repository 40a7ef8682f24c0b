//! Energy is bought, from one offer or several.

use {
    super::token::Transfer,
    crate::{books::Model, call::Item, cause::*, limit::MAX_BATCH_ITEMS},
    std::collections::BTreeSet,
};

impl Model {
    pub(super) fn purchase(&mut self, accounts: &[PassedAccount; 8], nonce: u64, item: Item, min_wh: u64) -> Verdict {
        let [buyer, lane, at_bus, at, payment, payout, mint, token_program] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[1, 3, 4, 5]);
        causes.signer(buyer);
        self.lane_of(&mut causes, lane, &buyer.address, nonce);
        causes.written(payment);
        causes.written(payout);
        if let Some(bus) = self.buses.get(&at_bus.address) {
            self.settlement(&mut causes, bus, mint, token_program);
        }
        let mut filled = None;
        if let Some((bus, offer)) = self.offer_on(&mut causes, at_bus, at) {
            causes.rule(payout.address == offer.payout, "PayoutMismatch");
            self.tradable(&mut causes, bus, offer, &buyer.address);
            filled = Some(Self::fill(&mut causes, offer, item, min_wh));
        }
        causes.verdict()?;
        let (energy_wh, cost) = filled.expect("an offer");
        let transfer = Transfer { from: payment.address, to: payout.address, authority: buyer.address, amount: cost };
        self.transfer(&mint.address, &[transfer])?;
        self.offers.get_mut(&at.address).expect("found above").remaining_wh -= energy_wh;
        self.record(&lane.address, &[(at.address, item.energy_wh, item.max_price)], energy_wh, cost);
        Ok(())
    }

    pub(super) fn purchase_batch(
        &mut self,
        accounts: &[PassedAccount; 5],
        of_items: &[PassedAccount],
        nonce: u64,
        max_total: u64,
        items: &[Item],
    ) -> Verdict {
        let [buyer, lane, payment, mint, token_program] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[1, 2]);
        let written = [lane.address, payment.address];
        causes.unless(!of_items.iter().any(|passed| written.contains(&passed.address)), Cause::Twice);
        causes.signer(buyer);
        self.lane_of(&mut causes, lane, &buyer.address, nonce);
        causes.written(payment);
        let counted = (1..=MAX_BATCH_ITEMS).contains(&items.len()) && of_items.len() == 3 * items.len();
        causes.rule(counted, "BatchInvalid");
        if !counted {
            return causes.verdict();
        }
        let (mut total, mut total_wh) = (0u128, 0u128);
        let mut fills = Vec::new();
        let mut transfers = Vec::new();
        let mut seen = BTreeSet::new();
        for (item, its_accounts) in items.iter().zip(of_items.chunks_exact(3)) {
            let [at_bus, at, payout] = its_accounts else { unreachable!("three of them") };
            causes.written(payout);
            causes.rule(seen.insert(at.address), "OfferDuplicate");
            if let Some(bus) = self.buses.get(&at_bus.address) {
                self.settlement(&mut causes, bus, mint, token_program);
            }
            let Some((bus, offer)) = self.offer_on(&mut causes, at_bus, at) else { continue };
            causes.rule(payout.address == offer.payout, "PayoutMismatch");
            self.tradable(&mut causes, bus, offer, &buyer.address);
            let (energy_wh, cost) = Self::fill(&mut causes, offer, *item, item.energy_wh);
            total += cost as u128;
            total_wh += energy_wh as u128;
            fills.push((at.address, *item, energy_wh));
            transfers.push(Transfer {
                from: payment.address,
                to: payout.address,
                authority: buyer.address,
                amount: cost,
            });
        }
        causes.rule(total <= max_total as u128, "TotalAboveLimit");
        causes.rule(total <= u64::MAX as u128 && total_wh <= u64::MAX as u128, "CostOverflow");
        // A read-only payout is found only when it is paid, after the payouts before it.
        self.or_failed_transfers(&mut causes, Cause::Readonly, &mint.address, &transfers);
        causes.verdict()?;
        self.transfer(&mint.address, &transfers)?;
        for (offer, _, energy_wh) in &fills {
            self.offers.get_mut(offer).expect("found above").remaining_wh -= energy_wh;
        }
        let orders: Vec<_> = fills.iter().map(|(at, item, _)| (*at, item.energy_wh, item.max_price)).collect();
        self.record(&lane.address, &orders, total_wh as u64, total as u64);
        Ok(())
    }
}

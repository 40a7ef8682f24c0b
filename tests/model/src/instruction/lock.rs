//! Locks are taken, settled and released.

use {
    super::token::Transfer,
    crate::{
        books::Model,
        call::Item,
        cause::*,
        limit::{ALL_BPS, LOCK_SECONDS, account_bytes},
        state::*,
    },
    solana_address::Address,
};

impl Model {
    pub(super) fn lock_take(&mut self, accounts: &[PassedAccount; 9], item: Item) -> Verdict {
        let [buyer, at_bus, at, new, payment, escrow, mint, token_program, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 2, 3, 4, 5]);
        causes.payer(buyer);
        causes.system_program(system);
        causes.written(payment);
        causes.written(escrow);
        self.new_account(&mut causes, new, self.lock_address(&at.address, &buyer.address).0);
        self.can_pay(&mut causes, buyer, &[(new.address, account_bytes::LOCK)]);
        if let Some(bus) = self.buses.get(&at_bus.address) {
            causes.rule(escrow.address == bus.escrow, "EscrowMismatch");
            self.settlement(&mut causes, bus, mint, token_program);
        }
        let mut taken = None;
        if let Some((bus, offer)) = self.offer_on(&mut causes, at_bus, at) {
            self.tradable(&mut causes, bus, offer, &buyer.address);
            let until = self.now + LOCK_SECONDS;
            let outlived = (offer.expires_at != 0 && until > offer.expires_at)
                || bus.gate(offer.window_start).is_some_and(|gate| until >= gate);
            causes.rule(!outlived, "LockOutlivesOffer");
            let (energy_wh, deposit) = Self::fill(&mut causes, offer, item, item.energy_wh);
            taken = Some((energy_wh, offer.price_per_kwh, deposit, bus.lock_fee_bps));
        }
        // A lock takes exactly what is asked: there is no minimum that could be invalid.
        causes.0.remove(&Cause::Rule("MinimumInvalid"));
        let pays = |amount| Transfer { from: payment.address, to: escrow.address, authority: buyer.address, amount };
        let transfers: Vec<Transfer> = taken.iter().map(|(.., deposit, _)| pays(*deposit)).collect();
        self.or_failed_transfers(&mut causes, Cause::Dust, &mint.address, &transfers);
        causes.verdict()?;
        let (energy_wh, price_per_kwh, deposit, lock_fee_bps) = taken.expect("an offer");
        self.transfer(&mint.address, &transfers)?;
        *self.gifts.entry(escrow.address).or_default() -= deposit as u128;
        self.pay_rent(&buyer.address, &new.address, account_bytes::LOCK);
        let offer = self.offers.get_mut(&at.address).expect("found above");
        offer.reserved_wh += energy_wh;
        offer.open_locks += 1;
        let lock = ModelLock {
            bus: at_bus.address,
            offer: at.address,
            buyer: buyer.address,
            energy_wh,
            price_per_kwh,
            deposit,
            lock_fee_bps,
            taken_at: self.now,
        };
        self.locks.insert(new.address, lock);
        Ok(())
    }

    /// Ends a lock: its energy is sold or free again, and the rent goes to the buyer.
    fn end_lock(&mut self, at: &Address, sold: bool) -> ModelLock {
        let lock = self.locks.remove(at).expect("found above");
        let offer = self.offers.get_mut(&lock.offer).expect("a lock's offer is open");
        offer.reserved_wh -= lock.energy_wh;
        offer.open_locks -= 1;
        if sold {
            offer.remaining_wh -= lock.energy_wh;
        }
        self.return_rent(at, &lock.buyer.clone());
        lock
    }

    pub(super) fn lock_settle(&mut self, accounts: &[PassedAccount; 9], nonce: u64) -> Verdict {
        let [buyer, lane, at_bus, at, at_lock, escrow, payout, mint, token_program] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 1, 3, 4, 5, 6]);
        causes.payer(buyer);
        self.lane_of(&mut causes, lane, &buyer.address, nonce);
        causes.written(escrow);
        causes.written(payout);
        if let Some(bus) = self.buses.get(&at_bus.address) {
            causes.rule(escrow.address == bus.escrow, "EscrowMismatch");
            self.settlement(&mut causes, bus, mint, token_program);
        }
        if let Some((bus, offer)) = self.offer_on(&mut causes, at_bus, at) {
            causes.rule(payout.address == offer.payout, "PayoutMismatch");
            causes.rule(!bus.paused, "BusPaused");
        }
        let lock = causes.state(at_lock, true, self.locks.get(&at_lock.address));
        if let Some(lock) = lock {
            causes.rule(lock.buyer == buyer.address, "LockBuyerMismatch");
            causes.rule(lock.offer == at.address, "LockOfferMismatch");
            causes.rule(!lock.is_expired(self.now), "LockExpired");
        }
        causes.verdict()?;
        let deposit = lock.expect("a lock").deposit;
        let transfer =
            Transfer { from: escrow.address, to: payout.address, authority: at_bus.address, amount: deposit };
        self.transfer(&mint.address, &[transfer])?;
        let lock = self.end_lock(&at_lock.address, true);
        self.record(&lane.address, &[(at.address, lock.energy_wh, lock.price_per_kwh)], lock.energy_wh, deposit);
        Ok(())
    }

    pub(super) fn lock_release(&mut self, accounts: &[PassedAccount; 10]) -> Verdict {
        let [caller, buyer, at_bus, at, at_lock, escrow, refund, payout, mint, token_program] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[3, 4, 5, 6, 7]);
        causes.signer(caller);
        causes.written(buyer);
        causes.written(escrow);
        causes.written(refund);
        causes.written(payout);
        let lock = causes.state(at_lock, true, self.locks.get(&at_lock.address));
        if let Some(lock) = lock {
            causes.rule(lock.buyer == buyer.address, "LockBuyerMismatch");
            causes.rule(lock.offer == at.address, "LockOfferMismatch");
            causes.rule(caller.address == lock.buyer || lock.is_expired(self.now), "LockNotExpired");
        }
        let mut fee = 0;
        if let Some(bus) = self.buses.get(&at_bus.address) {
            causes.rule(escrow.address == bus.escrow, "EscrowMismatch");
            self.settlement(&mut causes, bus, mint, token_program);
            let to = self.tokens_of(bus, &refund.address);
            causes.rule(to.is_some(), "TokenAccountInvalid");
            if let (Some(to), Some(lock)) = (to, lock) {
                causes.rule(to.owner == lock.buyer, "RefundNotBuyers");
            }
            let payable = self.tokens_of(bus, &payout.address).is_some_and(|tokens| !tokens.frozen);
            if let Some(lock) = lock.filter(|lock| payable && !bus.paused && bus.resumed_at < lock.taken_at) {
                fee = (lock.deposit as u128 * lock.lock_fee_bps as u128 / ALL_BPS as u128) as u64;
            }
        }
        if let Some((_, offer)) = self.offer_on(&mut causes, at_bus, at) {
            causes.rule(payout.address == offer.payout, "PayoutMismatch");
        }
        causes.verdict()?;
        let deposit = lock.expect("a lock").deposit;
        let pays = |to: Address, amount| Transfer { from: escrow.address, to, authority: at_bus.address, amount };
        let mut transfers = vec![pays(refund.address, deposit - fee)];
        if fee > 0 {
            transfers.push(pays(payout.address, fee));
        }
        self.transfer(&mint.address, &transfers)?;
        self.end_lock(&at_lock.address, false);
        Ok(())
    }
}

//! Locks are taken, settled and released.

use {
    super::{claim::DebtAccounts, token::Transfer},
    crate::{
        books::Model,
        call::Item,
        cause::*,
        limit::{ALL_BPS, LOCK_MARGIN_SECONDS, LOCK_SECONDS, MAX_LOCKS, account_bytes},
        state::*,
    },
    solana_address::Address,
};

/// What becomes of a refund.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refund {
    Paid,
    Claimed,
    /// Nothing leaves the vault, or nothing comes into the unclaimed account.
    Unpaid,
}

impl Model {
    pub(super) fn lock_take(
        &mut self,
        accounts: &[PassedAccount; 8],
        place: u8,
        item: Item,
        refund: Address,
        rest: &[PassedAccount],
    ) -> Verdict {
        let [buyer, at_bus, at, new, payment, vault, token_program, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 2, 3, 4, 5]);
        causes.payer(buyer);
        causes.system_program(system);
        causes.written(payment);
        causes.written(vault);
        causes.rule(place < MAX_LOCKS, "LockPlaceInvalid");
        self.new_account(&mut causes, new, self.lock_address(&at.address, &buyer.address, place).0);
        self.can_pay(&mut causes, buyer, &[(new.address, account_bytes::LOCK)], 0);
        let mut taken = None;
        let mut late = Causes::default();
        if let Some((bus, offer)) = self.offer_on(&mut causes, at_bus, at) {
            causes.rule(vault.address == self.vault_of(&offer.seller), "VaultMismatch");
            self.settlement(&mut causes, &bus.mint, token_program);
            self.tradable(&mut causes, bus, offer, &buyer.address);
            let fits = self.now + LOCK_SECONDS + LOCK_MARGIN_SECONDS <= offer.expires_at;
            causes.rule(fits, "LockOutlivesOffer");
            let (energy_wh, deposit) = Self::fill(&mut causes, offer, item, item.energy_wh);
            taken = Some((energy_wh, offer.full_price(), deposit, bus.lock_fee_bps));
            if let Some((book, _)) = offer.book {
                late.once_after(accounts, &[0, 2, 3, 4, 5], rest);
                self.position_of(&mut late, rest.first(), &book, &buyer.address);
            }
        }
        // A lock takes exactly what is asked: there is no minimum that could be invalid.
        causes.0.remove(&Cause::Rule("MinimumInvalid"));
        let pays = |amount| Transfer { from: payment.address, to: vault.address, authority: buyer.address, amount };
        let transfers: Vec<Transfer> = taken.iter().map(|(.., deposit, _)| pays(*deposit)).collect();
        self.or_failed_transfers(&mut causes, Cause::Dust, &late, &transfers);
        causes.verdict()?;
        let (energy_wh, price_per_kwh, deposit, lock_fee_bps) = taken.expect("an offer");
        self.transfer(&transfers)?;
        self.book(&vault.address, deposit);
        self.pay_rent(&buyer.address, &new.address, account_bytes::LOCK);
        let until = self.now + LOCK_SECONDS;
        let offer = self.offers.get_mut(&at.address).expect("found above");
        offer.reserved_wh += energy_wh;
        offer.deposits += deposit;
        offer.open_locks += 1;
        offer.locks_taken += 1;
        offer.locked_until = until;
        if offer.book.is_some() {
            let position = self.positions.get_mut(&rest[0].address).expect("checked above");
            position.open_locks += 1;
            position.name_refund(&refund);
        }
        let lock = ModelLock {
            bus: at_bus.address,
            offer: at.address,
            buyer: buyer.address,
            place,
            number: offer.locks_taken,
            is_unpaid: false,
            energy_wh,
            price_per_kwh,
            grid_fee_per_kwh: offer.grid_fee_per_kwh,
            deposit,
            lock_fee_bps,
            taken_at: self.now,
            refund,
        };
        self.locks.insert(new.address, lock);
        Ok(())
    }

    pub(super) fn lock_settle(
        &mut self,
        accounts: &[PassedAccount; 4],
        nonce: u64,
        number: u32,
        rest: &[PassedAccount],
    ) -> Verdict {
        let [buyer, lane, at, at_lock] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 1, 2, 3]);
        causes.payer(buyer);
        self.lane_of(&mut causes, lane, &buyer.address, nonce);
        let offer = causes.state(at, true, self.offers.get(&at.address));
        let lock = causes.state(at_lock, true, self.locks.get(&at_lock.address));
        if let Some((book, _)) = offer.and_then(|offer| offer.book) {
            causes.once_after(accounts, &[0, 1, 2, 3], rest);
            self.book_and_position(&mut causes, rest, &book, &buyer.address);
        }
        if let Some(lock) = lock {
            causes.rule(lock.buyer == buyer.address, "LockBuyerMismatch");
            causes.rule(lock.offer == at.address, "LockOfferMismatch");
            causes.rule(lock.number == number, "LockChanged");
            causes.rule(!lock.is_unpaid, "LockReleased");
            causes.rule(!lock.is_expired(self.now), "LockExpired");
        }
        causes.verdict()?;
        let lock = self.locks.remove(&at_lock.address).expect("found above");
        let offer = self.offers.get_mut(&at.address).expect("found above");
        offer.reserved_wh -= lock.energy_wh;
        offer.remaining_wh -= lock.energy_wh;
        offer.open_locks -= 1;
        offer.deposits -= lock.deposit;
        match offer.book {
            None => offer.proceeds += lock.deposit,
            Some(at_book) => {
                self.sell_in_book(at_book, &rest[1].address, lock.energy_wh, lock.deposit, &lock.refund);
                self.positions.get_mut(&rest[1].address).expect("checked above").open_locks -= 1;
            }
        }
        self.return_rent(&at_lock.address, &lock.buyer);
        self.record(
            &lane.address,
            2,
            &[(at.address, lock.energy_wh, lock.price_per_kwh)],
            lock.energy_wh,
            lock.deposit,
        );
        Ok(())
    }

    pub(super) fn lock_release(
        &mut self,
        accounts: &[PassedAccount; 13],
        number: u32,
        rest: &[PassedAccount],
    ) -> Verdict {
        let [caller, buyer, at_bus, at, at_lock, at_seller, vault, refund, unclaimed, ledger, claim, token_program, _] =
            accounts;
        let mut causes = Causes::default();
        causes.payer(caller);
        for passed in [buyer, at_seller, vault, unclaimed, ledger, claim] {
            causes.written(passed);
        }
        let lock = causes.state(at_lock, true, self.locks.get(&at_lock.address));
        causes.state(at_seller, true, self.sellers.get(&at_seller.address));
        let found = self.offer_on(&mut causes, at_bus, at);
        let (Some(lock), Some((bus, offer))) = (lock, found) else { return causes.verdict() };
        causes.rule(lock.bus == at_bus.address, "BusMismatch");
        causes.rule(lock.buyer == buyer.address, "LockBuyerMismatch");
        causes.rule(lock.offer == at.address, "LockOfferMismatch");
        causes.rule(offer.seller == at_seller.address, "SellerMismatch");
        causes.rule(vault.address == self.vault_of(&offer.seller), "VaultMismatch");
        causes.rule(lock.refund == refund.address, "RefundMismatch");
        causes.rule(lock.number == number, "LockChanged");
        let may = lock.is_unpaid || caller.address == lock.buyer || lock.is_expired(self.now);
        causes.rule(may, "LockNotExpired");
        self.settlement(&mut causes, &bus.mint, token_program);
        let fee = if lock.is_unpaid { 0 } else { lock.deposit as u128 * lock.lock_fee_bps as u128 / ALL_BPS as u128 };
        let fee = fee as u64;
        let amount = lock.deposit - fee;
        let is_vault = self.vault_of(&offer.seller);
        let outcome = if self.is_frozen(&is_vault) {
            Refund::Unpaid
        } else if self.is_payable_to(&bus.mint, &lock.refund, &lock.buyer) {
            causes.written(refund);
            Refund::Paid
        } else if self.is_frozen(&bus.unclaimed) {
            Refund::Unpaid
        } else {
            Refund::Claimed
        };
        if outcome == Refund::Unpaid && !self.is_frozen(&is_vault) {
            causes.rule(unclaimed.address == bus.unclaimed, "UnclaimedMismatch");
        }
        if outcome == Refund::Claimed {
            // The caller only lends the rent of a claim.
            let has_system = accounts.iter().any(|passed| passed.address == Address::default());
            let accounts = DebtAccounts { payer: caller, unclaimed, ledger, claim, has_system };
            self.can_owe(&mut causes, &at_bus.address, bus, &lock.buyer, &accounts, true);
        }
        causes.rule(!(lock.is_unpaid && outcome == Refund::Unpaid), "PayerFrozen");
        let book = offer.book.filter(|_| outcome != Refund::Unpaid);
        if let Some((book, _)) = book {
            self.position_of(&mut causes, rest.first(), &book, &lock.buyer);
        }
        causes.verdict()?;
        let ModelLock { energy_wh, buyer: of, refund: named, .. } = lock.clone();
        let paid_from = |to| Transfer { from: is_vault, to, authority: at_bus.address, amount };
        match outcome {
            Refund::Paid => self.transfer(&[paid_from(named)])?,
            Refund::Claimed => {
                let unclaimed = bus.unclaimed;
                self.transfer(&[paid_from(unclaimed)])?;
                let lent = self.owe(&at_bus.address, &of, amount, Some(named), (&caller.address, &of));
                if lent > 0 {
                    // The lock's rent pays for the claim, and all that is left of it waits there.
                    let left = self.lamports.remove(&at_lock.address).unwrap_or(0);
                    *self.lamports.entry(caller.address).or_default() += lent;
                    *self.lamports.entry(claim.address).or_default() += left - lent;
                }
            }
            Refund::Unpaid => {}
        }
        self.sellers.get_mut(&at_seller.address).expect("found above").released += fee;
        let offer = self.offers.get_mut(&at.address).expect("found above");
        offer.reserved_wh -= energy_wh;
        offer.deposits -= fee;
        if outcome == Refund::Unpaid {
            let lock = self.locks.get_mut(&at_lock.address).expect("found above");
            (lock.is_unpaid, lock.energy_wh, lock.deposit) = (true, 0, amount);
            return Ok(());
        }
        offer.deposits -= amount;
        offer.open_locks -= 1;
        if book.is_some() {
            self.positions.get_mut(&rest[0].address).expect("checked above").open_locks -= 1;
        }
        self.locks.remove(&at_lock.address);
        self.return_rent(&at_lock.address, &of);
        Ok(())
    }
}

//! Buses, what their owners earn, and how they close.

use {
    super::{
        books::Replica,
        tokens::{TokenBalances, TokenTally},
    },
    crate::key::pda,
    bytemuck::Zeroable,
    multibus::{
        constants::{LAYOUT_VERSION, LONGEST_PERIOD},
        event::*,
        state::{self, FormerOwner, OwnerAccount},
    },
    solana_address::Address,
    std::collections::BTreeMap,
};

/// What an owner is owed: of earlier shares, and of the present ones when the period brought this much.
fn due(account: &OwnerAccount, share_bps: u16, period: u128) -> u128 {
    account.accrued as u128 + period * share_bps as u128 / 10_000 - account.claimed as u128
}

/// Revenue of the present period when the treasury holds `balance` besides what was diverted.
fn period(ledger: &state::Ledger, balance: u64) -> u128 {
    // What is more than 64 bits hold waits for the next period.
    let all = (balance + ledger.diverted).saturating_add(ledger.period_claimed);
    (all - ledger.accrued_total) as u128
}

impl Replica {
    pub(super) fn bus_created(&mut self, event: &BusCreated, now: i64) {
        let BusCreated {
            bus,
            ledger,
            capacity,
            creator,
            mint,
            treasury,
            unclaimed,
            escrow,
            operator,
            grid_recipient,
            terms,
            bus_seq,
            first_proposal,
            capacity_wh,
            base_price_per_kwh,
            reserve_price_per_kwh,
            least_wh,
            created_at,
            timelock_seconds,
            horizon_seconds,
            lock_fee_bps,
            threshold,
            listing_policy,
            owner_count,
            name_len,
            pause_quorum,
            padding,
            name,
            owners,
        } = *event;
        assert_eq!((padding, created_at), ([0; 1], now));
        assert_eq!((terms.from, terms.reserved), (0, [0; 6]), "the first terms hold from the beginning");
        let bump = pda::bus(&creator, bus_seq).1;
        let counter = self.creators.get_mut(&pda::creator(&creator).0).expect("a known counter");
        assert_eq!(counter.next_bus, bus_seq, "a bus has its creator's next number");
        counter.next_bus += 1;
        let created = state::Bus {
            layout_version: LAYOUT_VERSION,
            bump,
            owner_count,
            threshold,
            listing_policy,
            name_len,
            timelock_seconds,
            horizon_seconds,
            lock_fee_bps,
            pause_quorum,
            capacity_wh,
            base_price_per_kwh,
            reserve_price_per_kwh,
            least_wh,
            bus_seq,
            created_at,
            creator,
            mint,
            treasury,
            unclaimed,
            escrow,
            seller: pda::seller(&bus, &bus).0,
            operator,
            grid_recipient,
            terms,
            name,
            owners,
            ..Zeroable::zeroed()
        };
        assert_eq!((ledger, capacity), (pda::ledger(&bus).0, pda::capacity(&bus, 0).0));
        assert_eq!((treasury, unclaimed), (pda::treasury(&bus).0, pda::unclaimed(&bus).0));
        assert_eq!(escrow, pda::escrow(&bus).0);
        let mut accounts = [OwnerAccount::zeroed(); 16];
        accounts[..owner_count as usize].iter_mut().for_each(|account| account.next_proposal = first_proposal);
        let books = state::Ledger {
            layout_version: LAYOUT_VERSION,
            bump: pda::ledger(&bus).1,
            bus,
            owners: accounts,
            ..Zeroable::zeroed()
        };
        let general = state::Capacity {
            layout_version: LAYOUT_VERSION,
            bump: pda::capacity(&bus, 0).1,
            gate_closes_at: i64::MAX,
            total_wh: capacity_wh,
            available_wh: capacity_wh,
            bus,
            rent_payer: creator,
            ..Zeroable::zeroed()
        };
        assert!(self.numbered_ever.insert(bus), "a bus's address is used once");
        self.buses.insert(bus, created);
        self.ledgers.insert(ledger, books);
        self.capacities.insert(capacity, general);
        self.held.extend([(treasury, 0), (unclaimed, 0), (escrow, 0)]);
    }

    /// What each owner of a bus is owed when its treasury holds `balance`.
    fn dues(&self, bus: &Address, balance: u64) -> Vec<u128> {
        let (owners, ledger) = (self.bus(bus), &self.ledgers[&pda::ledger(bus).0]);
        let slots = owners.owners.iter().zip(&ledger.owners).take(owners.owner_count as usize);
        slots.map(|(slot, account)| due(account, slot.share_bps, period(ledger, balance))).collect()
    }

    pub(super) fn bus_closed(
        &mut self,
        event: &BusClosed,
        now: i64,
        before: &mut TokenBalances,
        tally: &mut TokenTally,
    ) {
        let BusClosed { bus, creator, closed_by: _, closed_at, divided, shares, open_claims, padding } = *event;
        assert_eq!((padding, closed_at), ([0; 4], now));
        let state::Bus { treasury, unclaimed, escrow, bump, bus_seq, mint, owner_count, closing, .. } = *self.bus(&bus);
        assert_eq!((closing, self.bus(&bus).creator), (1, creator));
        let ledger = self.ledgers.remove(&pda::ledger(&bus).0).expect("a known ledger");
        assert_eq!((ledger.open_sellers, ledger.open_windows, ledger.open_proposals), (0, 0, 0));
        assert_eq!(ledger.former_owner_count, 0);
        self.sync(&treasury, before);
        self.sync(&unclaimed, before);
        self.sync(&escrow, before);
        let revenue = self.balance(&treasury, tally);
        // What auctions left is divided, too.
        let left = self.balance(&escrow, tally);
        assert_eq!(shares[..owner_count as usize].iter().sum::<u64>(), divided, "all is divided");
        tally.moved(&treasury, &unclaimed, revenue);
        tally.moved(&escrow, &unclaimed, left);
        for account in [treasury, escrow] {
            self.held.remove(&account);
            self.gifts.remove(&account);
        }
        self.left_in_escrow.remove(&bus);
        self.buses.remove(&bus);
        self.capacities.remove(&pda::capacity(&bus, 0).0);
        // What strangers sent to the unclaimed account was divided, too: the claims are all that it holds.
        let gifts = self.gifts.remove(&unclaimed).unwrap_or(0).cast_signed();
        *self.held.get_mut(&unclaimed).expect("an unclaimed account") += gifts;
        let claims: u64 = self.claims.values().filter(|claim| claim.bus == bus).map(|claim| claim.amount).sum();
        assert_eq!(claims, self.balance(&unclaimed, tally), "everything is claimed");
        if open_claims == 0 {
            self.held.remove(&unclaimed);
        }
        let left = state::Tombstone {
            layout_version: LAYOUT_VERSION,
            bump,
            open_claims,
            bus_seq,
            closed_at,
            creator,
            mint,
            unclaimed,
            ..Zeroable::zeroed()
        };
        self.tombstones.insert(bus, left);
        let counted = self.claims.values().filter(|claim| claim.bus == bus).count();
        assert_eq!(counted, open_claims as usize, "every share above zero is claimed");
    }

    /// The present shares keep what they earned, before they change. `leaving` is at this place.
    pub(super) fn settle(&mut self, bus: &Address, balance: u64) {
        let (slots, count) = (self.bus(bus).owners, self.bus(bus).owner_count as usize);
        let ledger = self.ledger_mut(bus);
        let period = period(ledger, balance);
        for (account, slot) in ledger.owners.iter_mut().zip(&slots).take(count) {
            account.accrued = u64::try_from(due(account, slot.share_bps, period)).expect("within the treasury");
            account.claimed = 0;
        }
        ledger.period_claimed = 0;
        let former = &ledger.former_owners[..ledger.former_owner_count as usize];
        ledger.accrued_total = ledger.owners.iter().map(|account| account.accrued).sum::<u64>()
            + former.iter().map(|former| former.accrued).sum::<u64>();
    }

    pub(super) fn treasury_claimed(&mut self, event: &TreasuryClaimed, tally: &mut TokenTally) {
        let TreasuryClaimed { bus, owner, destination, claimed_by: _, amount, outcome, moved, from_unclaimed, padding } =
            *event;
        assert_eq!(padding, [0; 5]);
        assert!(amount > 0, "a claim pays something");
        assert!(moved + from_unclaimed <= 1, "one account is frozen, or none");
        let state::Bus { treasury, unclaimed, owners, owner_count, .. } = *self.bus(&bus);
        // What came while the treasury was frozen goes there first, where both accounts can pay.
        if moved == 1 {
            let diverted = std::mem::take(&mut self.ledger_mut(&bus).diverted);
            assert!(diverted > 0, "something was moved");
            tally.moved(&unclaimed, &treasury, diverted);
        }
        let balance = self.balance(&treasury, tally);
        let place = owners[..owner_count as usize].iter().position(|slot| slot.owner == owner);
        let ledger = self.ledger_mut(&bus);
        match place {
            Some(place) => {
                let (period, share_bps) = (period(ledger, balance), owners[place].share_bps);
                let account = &mut ledger.owners[place];
                assert_eq!(amount as u128, due(account, share_bps, period), "a claim pays all");
                let earned = (period * share_bps as u128 / 10_000) as u64;
                ledger.accrued_total -= account.accrued;
                ledger.period_claimed += earned - account.claimed;
                (account.accrued, account.claimed) = (0, earned);
                if ledger.period_claimed >= LONGEST_PERIOD {
                    self.settle(&bus, balance - amount);
                }
            }
            None => {
                let count = ledger.former_owner_count as usize;
                let place = ledger.former_owners[..count].iter().position(|former| former.owner == owner);
                let place = place.expect("an owner or a former owner");
                assert_eq!(ledger.former_owners[place].accrued, amount, "a former owner is paid all");
                ledger.accrued_total -= amount;
                ledger.former_owners[place] = ledger.former_owners[count - 1];
                ledger.former_owners[count - 1] = FormerOwner::zeroed();
                ledger.former_owner_count -= 1;
            }
        }
        *self.claimed.entry((bus, owner)).or_default() += amount as u128;
        let to = if outcome == state::RefundOutcome::Paid as u8 { destination } else { unclaimed };
        if from_unclaimed == 1 {
            self.ledger_mut(&bus).diverted -= amount;
            tally.moved(&unclaimed, &to, amount);
        } else {
            tally.moved(&treasury, &to, amount);
        }
    }

    /// Everything that a wallet may claim of a bus now, in token base units.
    pub fn claimable(&self, of: &Address, wallet: &Address) -> u128 {
        let bus = self.bus(of);
        let slots = &bus.owners[..bus.owner_count as usize];
        match slots.iter().position(|slot| slot.owner == *wallet) {
            Some(place) => self.dues(of, self.balance(&bus.treasury, &TokenTally::default()))[place],
            None => self.former(of).get(wallet).copied().unwrap_or(0) as u128,
        }
    }

    /// Former owners of a bus, with what they are owed.
    fn former(&self, of: &Address) -> BTreeMap<Address, u64> {
        let ledger = &self.ledgers[&pda::ledger(of).0];
        let places = &ledger.former_owners[..ledger.former_owner_count as usize];
        places.iter().map(|former| (former.owner, former.accrued)).collect()
    }

    /// Everything that a wallet has ever claimed of a bus, in token base units.
    pub fn claimed(&self, of: &Address, wallet: &Address) -> u128 {
        self.claimed.get(&(*of, *wallet)).copied().unwrap_or(0)
    }

    /// Former owners are in no order.
    pub(super) fn check_ledger(&self, address: &Address, found: state::Ledger, balances: &TokenBalances) {
        let told = self.ledgers.get(address).expect("a ledger of which the events tell");
        let by_wallet = |ledger: &state::Ledger| {
            let mut places = ledger.former_owners;
            places.sort_by_key(|former| (former.owner, former.accrued));
            state::Ledger { former_owners: places, ..*ledger }
        };
        assert_eq!(by_wallet(&found), by_wallet(told), "the ledger {address} is as its events tell");
        // Invariant 5: the treasury and what was diverted cover every claim, and hold nothing else but what does not divide.
        let bus = self.bus(&told.bus);
        let balance = balances[&bus.treasury].amount;
        let owed: u128 = self.dues(&told.bus, balance).iter().sum::<u128>()
            + self.former(&told.bus).values().map(|accrued| *accrued as u128).sum::<u128>();
        let revenue = balance as u128 + told.diverted as u128;
        let rest = revenue.checked_sub(owed).expect("the treasury covers every claim");
        assert!(rest < bus.owner_count as u128, "{rest} base units are nobody's");
        let shares: u32 = bus.owners.iter().map(|slot| slot.share_bps as u32).sum();
        assert_eq!(shares, 10_000, "shares sum to 10,000");
        assert!(bus.threshold >= 1 && bus.threshold <= bus.owner_count, "1 <= threshold <= owners");
    }
}

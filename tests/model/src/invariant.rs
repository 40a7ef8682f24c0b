//! The invariants of the market.

use {
    crate::{
        books::Model,
        limit::{ALL_BPS, MAX_OWNERS},
        math::cost,
    },
    solana_address::Address,
    std::collections::{BTreeMap, BTreeSet},
};

impl Model {
    /// Checks every invariant of the design: those of all money, and those of these buses.
    ///
    /// # Errors
    /// A sentence where one does not hold.
    pub fn check(&self, buses: &BTreeSet<Address>) -> Result<(), String> {
        let hold = |holds: bool, what: &str| if holds { Ok(()) } else { Err(format!("invariant broken: {what}")) };
        // 1. Nothing appears or vanishes.
        let mut tokens: BTreeMap<Address, u128> = BTreeMap::new();
        for account in self.tokens.values() {
            *tokens.entry(account.mint).or_default() += account.amount as u128;
        }
        for (mint, supply) in &self.supply {
            hold(tokens.get(mint).copied().unwrap_or(0) == *supply, "tokens appear or vanish")?;
        }
        let lamports: u128 = self.lamports.values().map(|lamports| *lamports as u128).sum();
        hold(lamports == self.all_lamports, "lamports appear or vanish")?;
        for address in buses {
            let Some(bus) = self.buses.get(address) else { continue };
            let mut deposits = 0u128;
            let (mut windows, mut general) = (0, None);
            for (at, capacity) in self.capacities.iter().filter(|(_, capacity)| capacity.bus == *address) {
                // 2. Energy.
                let parts = capacity.available_wh as u128 + capacity.listed_wh as u128 + capacity.sold_wh as u128;
                hold(parts == capacity.total_wh as u128, "total = available + listed + sold")?;
                let (mut listed, mut open) = (0u128, 0);
                for offer in self.offers.values().filter(|offer| offer.capacity == *at) {
                    hold(
                        offer.reserved_wh <= offer.remaining_wh && offer.remaining_wh <= offer.listed_wh,
                        "reserved <= remaining <= listed",
                    )?;
                    listed += offer.listed_wh as u128;
                    open += 1;
                }
                hold(listed == capacity.listed_wh as u128, "listed = sum of the open offers as listed")?;
                hold(open == capacity.open_offers, "open offers are counted")?;
                if capacity.window_start == 0 {
                    general = Some(capacity.open_windows);
                } else {
                    windows += 1;
                }
            }
            hold(general == Some(windows), "open windows are counted")?;
            // 3. Locks and their deposits.
            for (at, offer) in self.offers.iter().filter(|(_, offer)| offer.bus == *address) {
                let (mut reserved, mut open) = (0u128, 0);
                for lock in self.locks.values().filter(|lock| lock.offer == *at) {
                    hold(lock.deposit as u128 == cost(lock.energy_wh, lock.price_per_kwh), "a deposit is the cost")?;
                    reserved += lock.energy_wh as u128;
                    deposits += lock.deposit as u128;
                    open += 1;
                }
                hold(reserved == offer.reserved_wh as u128, "reserved = sum of the open locks")?;
                hold(open == offer.open_locks, "open locks are counted")?;
            }
            let gifts = self.gifts.get(&bus.escrow).copied().unwrap_or(0);
            hold(self.amount_of(&bus.escrow) as u128 == deposits + gifts, "escrow = sum of deposits (and gifts)")?;
            // 5. Owners and their treasury.
            let shares: u32 = bus.owners.iter().map(|(_, share)| *share as u32).sum();
            hold(shares == ALL_BPS, "shares sum to 10,000")?;
            hold(
                bus.threshold >= 1 && bus.threshold as usize <= bus.owners.len() && bus.owners.len() <= MAX_OWNERS,
                "1 <= threshold <= owners <= 16",
            )?;
            hold(!bus.is_owner(address), "a bus does not own itself")?;
            let balance = self.amount_of(&bus.treasury);
            let former: u128 = bus.former_owners().values().sum();
            let present: u128 = bus.owners.iter().map(|(owner, _)| bus.claimable(owner, balance)).sum();
            let left = (balance as u128).checked_sub(former + present);
            hold(left.is_some_and(|left| left < bus.owners.len() as u128), "the treasury covers every claim")?;
        }
        Ok(())
    }
}

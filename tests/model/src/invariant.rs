//! The invariants of the market.

use {
    crate::{
        books::Model,
        limit::{ALL_BPS, MAX_LOCKS, MAX_OWNERS},
        math::cost,
        state::ModelBus,
    },
    solana_address::Address,
    std::collections::{BTreeMap, BTreeSet},
};

fn hold(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("invariant broken: {what}")) }
}

impl Model {
    /// Checks every invariant of the design: those of all money, and those of these buses.
    ///
    /// # Errors
    /// A sentence where one does not hold.
    pub fn check(&self, buses: &BTreeSet<Address>) -> Result<(), String> {
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
            if let Some(bus) = self.buses.get(address) {
                self.check_capacities(address, bus)?;
                self.check_offers(address)?;
                self.check_sellers(address)?;
                self.check_owners(address, bus)?;
                self.check_unclaimed(address, &bus.unclaimed)?;
            } else if let Some(tombstone) = self.tombstones.get(address) {
                let left = self.open_of(address);
                hold((left.0, left.1, left.2) == (0, 0, 0), "nothing of a closed bus is open but claims")?;
                if left.3 > 0 {
                    self.check_unclaimed(address, &tombstone.unclaimed)?;
                } else {
                    hold(!self.tokens.contains_key(&tombstone.unclaimed), "nothing is left of a closed bus")?;
                }
            }
        }
        Ok(())
    }

    /// 2. Energy.
    fn check_capacities(&self, address: &Address, bus: &ModelBus) -> Result<(), String> {
        let of_bus = self.capacities.iter().filter(|(_, capacity)| capacity.bus == *address);
        for (at, capacity) in of_bus {
            hold(capacity.committed_wh() <= capacity.total_wh, "total = available + committed")?;
            let (mut listed, mut open) = (0u128, 0);
            for offer in self.offers.values().filter(|offer| offer.capacity == *at) {
                hold(
                    offer.reserved_wh <= offer.remaining_wh && offer.remaining_wh <= offer.listed_wh,
                    "reserved <= remaining <= listed",
                )?;
                hold(offer.expires_at <= capacity.gate_closes_at, "offers end at their gate at the latest")?;
                listed += offer.listed_wh as u128;
                open += 1;
            }
            hold(listed == capacity.listed_wh as u128, "listed = sum of the open offers as listed")?;
            hold(open == capacity.open_offers, "open offers are counted")?;
        }
        hold(self.capacities.get(&bus.general).is_some_and(|general| general.window_start == 0), "a bus has a capacity")
    }

    /// 3. Locks and their deposits.
    fn check_offers(&self, address: &Address) -> Result<(), String> {
        for (at, offer) in self.offers.iter().filter(|(_, offer)| offer.bus == *address) {
            let (mut reserved, mut deposits, mut open) = (0u128, 0u128, 0);
            let mut places: BTreeMap<Address, u32> = BTreeMap::new();
            for lock in self.locks.values().filter(|lock| lock.offer == *at) {
                let full = lock.is_unpaid || lock.deposit as u128 == cost(lock.energy_wh, lock.price_per_kwh);
                hold(full, "a deposit is the cost")?;
                hold(!lock.is_unpaid || lock.energy_wh == 0, "a lock that is released holds no energy")?;
                reserved += lock.energy_wh as u128;
                deposits += lock.deposit as u128;
                open += 1;
                *places.entry(lock.buyer).or_default() += 1;
            }
            hold(reserved == offer.reserved_wh as u128, "reserved = sum of the open locks")?;
            hold(deposits == offer.deposits as u128, "deposits = sum of the open locks")?;
            hold(open == offer.open_locks, "open locks are counted")?;
            hold(places.values().all(|count| *count <= u32::from(MAX_LOCKS)), "at most 8 locks of a buyer")?;
        }
        Ok(())
    }

    /// 1. What sellers are owed is in their vaults.
    fn check_sellers(&self, address: &Address) -> Result<(), String> {
        for (at, seller) in self.sellers.iter().filter(|(_, seller)| seller.bus == *address) {
            let (mut booked, mut open) = (seller.released as i128, 0);
            for offer in self.offers.values().filter(|offer| offer.seller == *at) {
                booked += offer.proceeds as i128 + offer.deposits as i128;
                open += 1;
            }
            let gifts = self.gifts.get(&seller.vault).copied().unwrap_or(0);
            hold(gifts >= 0, "gifts are not negative")?;
            hold(
                self.amount_of(&seller.vault) as i128 == booked + gifts,
                "vault = proceeds + deposits + released (and gifts)",
            )?;
            hold(open == seller.open_offers, "a seller's open offers are counted")?;
        }
        Ok(())
    }

    /// 5. Owners and their treasury.
    fn check_owners(&self, address: &Address, bus: &ModelBus) -> Result<(), String> {
        let shares: u32 = bus.owners.iter().map(|owner| owner.share_bps as u32).sum();
        hold(shares == ALL_BPS, "shares sum to 10,000")?;
        hold(
            bus.threshold >= 1 && bus.threshold as usize <= bus.owners.len() && bus.owners.len() <= MAX_OWNERS,
            "1 <= threshold <= owners <= 16",
        )?;
        hold(!bus.is_owner(address), "a bus does not own itself")?;
        hold(bus.former.keys().all(|wallet| !bus.is_owner(wallet)), "nobody is owner and former owner at once")?;
        let balance = self.amount_of(&bus.treasury);
        let former: u128 = bus.former.values().sum();
        let present: u128 = bus.owners.iter().map(|owner| bus.claimable(&owner.wallet, balance)).sum();
        let left = (balance as u128).checked_sub(former + present);
        hold(left.is_some_and(|left| left < bus.owners.len() as u128), "the treasury covers every claim")
    }

    /// 1. What is claimed is in the unclaimed account.
    fn check_unclaimed(&self, address: &Address, unclaimed: &Address) -> Result<(), String> {
        let gifts = self.gifts.get(unclaimed).copied().unwrap_or(0);
        hold(gifts >= 0, "gifts are not negative")?;
        let held = self.amount_of(unclaimed) as i128;
        hold(held == self.claims_on(address) as i128 + gifts, "unclaimed = claims (and gifts)")?;
        hold(
            self.claims.values().filter(|claim| claim.bus == *address).all(|claim| claim.amount > 0),
            "a claim is above zero",
        )
    }
}

//! The invariants of a bus, checked from what is on chain. Nobody must trade on the bus meanwhile: what is read in
//! several answers would not be of one moment.

use std::fmt::Display;

use multibus_client::{
    Address, Market, Result,
    lock::LockFilter,
    multibus::state::{Capacity, Lock, Offer},
};

/// Checks windows, offers, locks, escrow, treasury and shares of a bus; returns what does not hold.
///
/// # Errors
/// Where the chain cannot be read.
pub async fn check(market: &Market, bus: &Address) -> Result<Vec<String>> {
    let account = market.bus(bus).await?;
    let (capacities, offers) = (market.capacities(bus).await?, market.all_offers(bus).await?);
    let locks = market.locks(&LockFilter { bus: Some(*bus), ..LockFilter::default() }).await?;
    let mut violated = Violations::default();
    violated.add(&account.address, account.check_invariants());
    for capacity in &capacities {
        violated.add(&capacity.address, capacity.check_invariants());
        let own: Vec<&Offer> =
            offers.iter().filter(|offer| offer.capacity == capacity.address).map(|offer| &offer.account).collect();
        check_window(&mut violated, &capacity.address, capacity, &own);
    }
    for offer in &offers {
        violated.add(&offer.address, offer.check_invariants());
        let own: Vec<&Lock> =
            locks.iter().filter(|lock| lock.offer == offer.address).map(|lock| &lock.account).collect();
        check_offer(&mut violated, &offer.address, offer, &own);
    }
    for lock in &locks {
        violated.add(&lock.address, lock.check_invariants());
    }
    let deposits: u64 = locks.iter().map(|lock| lock.deposit).sum();
    violated.equal(bus, "the escrow", market.token_balance(&account.escrow).await?, deposits);
    let treasury = market.treasury(bus).await?;
    let totals = treasury.totals();
    violated.equal(bus, "the treasury", totals.balance, totals.claimable + totals.remainder);
    Ok(violated.0)
}

fn check_window(violated: &mut Violations, address: &Address, capacity: &Capacity, offers: &[&Offer]) {
    let listed: u64 = offers.iter().map(|offer| offer.listed_wh).sum();
    violated.equal(address, "listed energy", capacity.listed_wh, listed);
    violated.equal(address, "open offers", u64::from(capacity.open_offers), offers.len() as u64);
    let total = capacity.available_wh + capacity.listed_wh + capacity.sold_wh;
    violated.equal(address, "total energy", capacity.total_wh, total);
}

fn check_offer(violated: &mut Violations, address: &Address, offer: &Offer, locks: &[&Lock]) {
    let locked: u64 = locks.iter().map(|lock| lock.energy_wh).sum();
    violated.equal(address, "reserved energy", offer.reserved_wh, locked);
    violated.equal(address, "open locks", u64::from(offer.open_locks), locks.len() as u64);
}

/// What does not hold, in sentences.
#[derive(Default)]
struct Violations(Vec<String>);

impl Violations {
    fn add(&mut self, address: &Address, checked: core::result::Result<(), &'static str>) {
        if let Err(rule) = checked {
            self.0.push(format!("{address}: not true that {rule}"));
        }
    }

    fn equal(&mut self, address: &Address, what: impl Display, found: u64, expected: u64) {
        if found != expected {
            self.0.push(format!("{address}: {what} is {found} and should be {expected}"));
        }
    }
}

//! The invariants of a bus, read from the chain: whether energy and money are all where they should be. Anyone can
//! check, with nothing but a node.

use {
    crate::{
        Address,
        account::Keyed,
        bus::Bus,
        capacity::Capacity,
        error::{Error, Result},
        lock::{Lock, LockFilter},
        market::Market,
        offer::Offer,
        treasury::Treasury,
    },
    std::{collections::HashMap, fmt::Display},
};

/// Per window: total = available + listed + sold, and listed is the sum of its offers.
pub const WINDOWS: &str = "energy_of_windows_is_conserved";
/// Per offer: reserved <= remaining <= listed, and reserved is the sum of its locks.
pub const OFFERS: &str = "offers_hold_what_is_locked";
/// The escrow holds the deposits of open locks. Whatever else it holds, strangers sent there.
pub const ESCROW: &str = "escrow_equals_deposits";
/// Shares sum to 10,000, the threshold is met by the owners.
pub const BUS: &str = "bus_shares_sum_to_the_whole";
/// The treasury holds at least what its owners may claim.
pub const TREASURY: &str = "treasury_covers_claims";

/// Invariants that do not hold: each as its name and what was found.
#[derive(Default)]
pub struct Findings(pub Vec<String>);

impl Findings {
    /// Adds an invariant that does not hold.
    pub fn check(&mut self, invariant: &str, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(format!("{invariant}: {}", what()));
        }
    }

    /// Adds an invariant that does not hold because two values differ.
    pub fn equal<T: PartialEq + Display>(&mut self, invariant: &str, subject: impl Display, found: T, expected: T) {
        self.check(invariant, found == expected, || format!("{subject} is {found} and should be {expected}"));
    }
}

/// A bus as it is on the chain, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Audit {
    /// The bus.
    pub bus: Keyed<Bus>,
    /// Its capacities, by window start.
    pub capacities: Vec<Keyed<Capacity>>,
    /// Its open offers, by address.
    pub offers: Vec<Keyed<Offer>>,
    /// Its open locks, the next to expire first.
    pub locks: Vec<Keyed<Lock>>,
    /// What its escrow holds, in token base units.
    pub escrow: u64,
    /// What its escrow holds beyond the deposits of its locks, in token base units. Anyone can send tokens there. They
    /// stay there and break no invariant.
    pub gifts: u64,
    /// What its treasury holds, in token base units.
    pub treasury: u64,
    /// Invariants that do not hold, each as its name and what was found; empty where all is well.
    pub violations: Vec<String>,
}

impl Audit {
    /// Whether every invariant holds.
    pub fn is_sound(&self) -> bool {
        self.violations.is_empty()
    }
}

impl Market {
    /// Reads a bus with everything that belongs to it and checks all of its invariants. The kinds of accounts are read
    /// one after the other, so a trade in between can make them disagree.
    pub async fn audit(&self, bus: &Address) -> Result<Audit> {
        let of_bus = LockFilter { bus: Some(*bus), ..LockFilter::default() };
        let bus = self.bus(bus).await?;
        let (capacities, offers, locks) =
            tokio::join!(self.capacities(&bus.address), self.all_offers(&bus.address), self.locks(&of_bus));
        let (capacities, offers, locks) = (capacities?, offers?, locks?);
        let (escrow, treasury) = tokio::join!(self.token_balance(&bus.escrow), self.token_balance(&bus.treasury));
        let (escrow, treasury) = (escrow?, treasury?);
        let mut findings = Findings::default();
        check_bus(&mut findings, &bus);
        check_windows(&mut findings, &capacities, &offers);
        check_offers(&mut findings, &offers, &locks);
        let deposits = deposits(&locks);
        findings.check(ESCROW, u128::from(escrow) >= deposits, || {
            format!("the escrow is {escrow} and should be {deposits} at least")
        });
        let gifts = u128::from(escrow).saturating_sub(deposits) as u64;
        if let Err(Error::Decode { cause, .. }) = Treasury::new(&bus, treasury) {
            findings.check(TREASURY, false, || cause);
        }
        Ok(Audit { bus, capacities, offers, locks, escrow, gifts, treasury, violations: findings.0 })
    }
}

/// Checks a bus by itself.
pub fn check_bus(findings: &mut Findings, bus: &Bus) {
    if let Err(rule) = bus.check_invariants() {
        findings.check(BUS, false, || format!("{rule} does not hold"));
    }
}

/// Checks every capacity of a bus against all of its open offers.
pub fn check_windows(findings: &mut Findings, capacities: &[Keyed<Capacity>], offers: &[Keyed<Offer>]) {
    for capacity in capacities {
        let of_window: Vec<Keyed<Offer>> =
            offers.iter().filter(|offer| offer.capacity == capacity.address).copied().collect();
        check_window(findings, capacity, &of_window);
    }
}

/// Checks a capacity against the open offers of its window.
pub fn check_window(findings: &mut Findings, capacity: &Keyed<Capacity>, offers: &[Keyed<Offer>]) {
    let window = capacity.window_start;
    if let Err(rule) = capacity.check_invariants() {
        findings.check(WINDOWS, false, || format!("window {window}: {rule} does not hold"));
    }
    let listed: u128 = offers.iter().map(|offer| u128::from(offer.listed_wh)).sum();
    findings.equal(WINDOWS, format_args!("energy listed in window {window}"), u128::from(capacity.listed_wh), listed);
    let open = offers.len() as u128;
    findings.equal(WINDOWS, format_args!("offers open in window {window}"), u128::from(capacity.open_offers), open);
}

/// Checks offers against the open locks on them.
pub fn check_offers(findings: &mut Findings, offers: &[Keyed<Offer>], locks: &[Keyed<Lock>]) {
    let mut locked: HashMap<Address, (u128, u128)> = HashMap::new();
    for lock in locks {
        let (energy_wh, count) = locked.entry(lock.offer).or_default();
        *energy_wh += u128::from(lock.energy_wh);
        *count += 1;
        if let Err(rule) = lock.check_invariants() {
            findings.check(OFFERS, false, || format!("lock {}: {rule} does not hold", lock.address));
        }
    }
    for offer in offers {
        let address = offer.address;
        if let Err(rule) = offer.check_invariants() {
            findings.check(OFFERS, false, || format!("offer {address}: {rule} does not hold"));
        }
        let (energy_wh, count) = locked.remove(&address).unwrap_or_default();
        let reserved = u128::from(offer.reserved_wh);
        findings.equal(OFFERS, format_args!("energy reserved in offer {address}"), reserved, energy_wh);
        findings.equal(OFFERS, format_args!("locks on offer {address}"), u128::from(offer.open_locks), count);
    }
    for offer in locked.keys() {
        findings.check(OFFERS, false, || format!("there are locks on {offer}, which is no offer"));
    }
}

/// The deposits of locks, in token base units.
fn deposits(locks: &[Keyed<Lock>]) -> u128 {
    locks.iter().map(|lock| u128::from(lock.deposit)).sum()
}

/// Checks the balance of an escrow, in token base units, against the open locks of its bus. Use it where no stranger
/// sends tokens to the escrow.
pub fn check_escrow(findings: &mut Findings, escrow: u64, locks: &[Keyed<Lock>]) {
    findings.equal(ESCROW, "the escrow", u128::from(escrow), deposits(locks));
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        bytemuck::Zeroable,
        multibus::{constants::LAYOUT_VERSION, math},
    };

    fn address(number: u8) -> Address {
        Address::new_from_array([number; 32])
    }

    fn keyed<T>(number: u8, account: T) -> Keyed<T> {
        Keyed { address: address(number), account }
    }

    fn capacity() -> Keyed<Capacity> {
        keyed(
            1,
            Capacity {
                layout_version: LAYOUT_VERSION,
                total_wh: 1_000,
                available_wh: 500,
                listed_wh: 400,
                sold_wh: 100,
                open_offers: 1,
                ..Capacity::zeroed()
            },
        )
    }

    fn offer() -> Keyed<Offer> {
        let account = Offer {
            layout_version: LAYOUT_VERSION,
            capacity: address(1),
            listed_wh: 400,
            remaining_wh: 300,
            reserved_wh: 50,
            open_locks: 1,
            price_per_kwh: 200,
            version: 1,
            ..Offer::zeroed()
        };
        keyed(2, account)
    }

    fn lock() -> Keyed<Lock> {
        let account = Lock {
            layout_version: LAYOUT_VERSION,
            offer: address(2),
            energy_wh: 50,
            price_per_kwh: 200,
            deposit: math::cost(50, 200).unwrap(),
            expires_at: Lock::expiry(0),
            ..Lock::zeroed()
        };
        keyed(3, account)
    }

    fn found(capacity: Keyed<Capacity>, offer: Keyed<Offer>, lock: Keyed<Lock>, escrow: u64) -> Vec<String> {
        let mut findings = Findings::default();
        check_windows(&mut findings, &[capacity], &[offer]);
        check_offers(&mut findings, &[offer], &[lock]);
        check_escrow(&mut findings, escrow, &[lock]);
        findings.0
    }

    #[test]
    fn a_wh_or_a_base_unit_that_is_missing_anywhere_is_found() {
        assert_eq!(found(capacity(), offer(), lock(), 10), [""; 0]);
        type Change = fn(&mut Capacity, &mut Offer, &mut Lock, &mut u64);
        let cases: [(&str, Change); 8] = [
            ("total = available + listed + sold", |capacity, _, _, _| capacity.sold_wh -= 1),
            ("energy listed in window 0 is 400 and should be 399", |_, offer, _, _| offer.listed_wh -= 1),
            ("offers open in window 0 is 2 and should be 1", |capacity, _, _, _| capacity.open_offers = 2),
            ("energy reserved in offer", |_, offer, _, _| offer.reserved_wh += 1),
            ("locks on offer", |_, offer, _, _| offer.open_locks += 1),
            ("which is no offer", |_, _, lock, _| lock.offer = address(9)),
            ("the deposit is the full cost", |_, _, lock, _| lock.deposit += 1),
            ("the escrow is 9 and should be 10", |_, _, _, escrow| *escrow -= 1),
        ];
        for (what, change) in cases {
            let (mut capacity, mut offer, mut lock, mut escrow) = (capacity(), offer(), lock(), 10);
            change(&mut capacity.account, &mut offer.account, &mut lock.account, &mut escrow);
            let found = found(capacity, offer, lock, escrow);
            assert!(found.iter().any(|violation| violation.contains(what)), "{what}: {found:?}");
        }
    }
}

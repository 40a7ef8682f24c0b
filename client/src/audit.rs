//! The invariants of a bus, read from the chain: whether energy and money are all where they should be. Anyone can
//! check, with nothing but a node.

use {
    crate::{
        Address,
        account::Keyed,
        bid::{Bid, BidFilter, BidState},
        bus::{Bus, Ledger},
        capacity::Capacity,
        certificate::Certificate,
        claim::Claim,
        clearing::Clearing,
        delivery::DeliveryBook,
        error::{Error, Result},
        lock::{Lock, LockFilter},
        market::Market,
        meter::{Device, Meter},
        offer::Offer,
        position::PositionBook,
        seller::Seller,
        treasury::Treasury,
    },
    futures_util::{StreamExt, TryStreamExt, stream},
    std::{
        collections::{BTreeMap, BTreeSet, HashMap},
        fmt::Display,
    },
};

/// Per window: total = available + committed, and committed is at least what its open offers list.
pub const WINDOWS: &str = "energy_of_windows_is_conserved";
/// Per offer: reserved <= remaining <= listed, and reserved energy and deposits are those of its locks.
pub const OFFERS: &str = "offers_hold_what_is_locked";
/// Per seller: the vault holds proceeds and deposits of its open offers, what its delivery books hold, what is released, and
/// grid fees. Whatever else it holds, strangers sent there.
pub const VAULTS: &str = "vaults_hold_what_is_booked";
/// Per delivery book: what is listed is sold, by trade or auction, or on offer, and no more is in positions than was sold by trade. Books
/// count their offers, those that an auction has to settle, and positions, positions their locks, sellers their books.
pub const BOOKS: &str = "books_hold_what_was_sold";
/// Each meter is of one seller, and its device is registered and not retired; all other devices are.
pub const METERS: &str = "meters_have_their_device";
/// No delivered Wh is certified twice, and no more than was delivered.
pub const CERTIFICATES: &str = "certificates_are_delivered_once";
/// The escrow holds what windows and delivery books book of it; each window counts its bids and books their deposits, and its auction
/// sells no more than its volume. Whatever else the escrow holds, strangers sent there, or rounding left.
pub const AUCTIONS: &str = "escrow_holds_what_is_bid";
/// The unclaimed account holds what claims come to. Whatever else it holds, strangers sent there.
pub const CLAIMS: &str = "unclaimed_covers_claims";
/// The ledger counts what is open.
pub const LEDGER: &str = "ledger_counts_what_is_open";
/// Shares sum to 10,000, the threshold is met by the owners.
pub const BUS: &str = "bus_shares_sum_to_the_whole";
/// The treasury holds at least what its owners may claim.
pub const TREASURY: &str = "treasury_covers_claims";

/// Vaults, and books with their positions, that are read at once.
const READ_AT_ONCE: usize = 8;

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
    /// What changes on it without a decision.
    pub ledger: Keyed<Ledger>,
    /// Its capacities, by window start.
    pub capacities: Vec<Keyed<Capacity>>,
    /// Its sellers, by address.
    pub sellers: Vec<Keyed<Seller>>,
    /// Its open offers, by address.
    pub offers: Vec<Keyed<Offer>>,
    /// Its open locks, the next to expire first.
    pub locks: Vec<Keyed<Lock>>,
    /// Its open claims, by address.
    pub claims: Vec<Keyed<Claim>>,
    /// Its delivery books, by seller and first window.
    pub books: Vec<Keyed<DeliveryBook>>,
    /// The position books on them, by delivery book and address.
    pub positions: Vec<Keyed<PositionBook>>,
    /// Its meters, by address.
    pub meters: Vec<Keyed<Meter>>,
    /// Its devices, by address.
    pub devices: Vec<Keyed<Device>>,
    /// Its certificates that are not retired, by window, seller and range.
    pub certificates: Vec<Keyed<Certificate>>,
    /// Its open bids, by window and address.
    pub bids: Vec<Keyed<Bid>>,
    /// Its open clearings, by address.
    pub clearings: Vec<Keyed<Clearing>>,
    /// What its escrow holds, in token base units.
    pub escrow: u64,
    /// What the vault of each seller account holds, in token base units.
    pub vaults: BTreeMap<Address, u64>,
    /// What its unclaimed account holds, in token base units.
    pub unclaimed: u64,
    /// What its vaults, its escrow and its unclaimed account hold beyond what is booked, in token base units. Anyone can send tokens
    /// there. They break no invariant.
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
        let (ledger, capacities, sellers, offers, locks, claims) = tokio::join!(
            self.ledger(&bus.address),
            self.capacities(&bus.address),
            self.sellers(&bus.address),
            self.all_offers(&bus.address),
            self.locks(&of_bus),
            self.claims(&bus.address)
        );
        let (ledger, capacities, sellers, offers, locks, claims) =
            (ledger?, capacities?, sellers?, offers?, locks?, claims?);
        let of_bus = BidFilter { bus: Some(bus.address), ..BidFilter::default() };
        let (books, meters, devices, certificates, bids, clearings) = tokio::join!(
            self.delivery_books(&bus.address),
            self.meters(&bus.address),
            self.devices(&bus.address),
            self.certificates(&bus.address),
            self.bids(&of_bus),
            self.clearings(&bus.address)
        );
        let (books, meters, devices, certificates) = (books?, meters?, devices?, certificates?);
        let (bids, clearings) = (bids?, clearings?);
        let addresses: Vec<Address> = books.iter().map(|book| book.address).collect();
        let on_book = |book: Address| async move { self.positions_on(&book).await };
        let positions: Vec<Vec<Keyed<PositionBook>>> =
            stream::iter(addresses).map(on_book).buffered(READ_AT_ONCE).try_collect().await?;
        let positions: Vec<Keyed<PositionBook>> = positions.into_iter().flatten().collect();
        let (unclaimed, treasury, escrow) = tokio::join!(
            self.token_balance(&bus.unclaimed),
            self.token_balance(&bus.treasury),
            self.token_balance(&bus.escrow)
        );
        let (unclaimed, treasury, escrow) = (unclaimed?, treasury?, escrow?);
        let balance = |seller: Keyed<Seller>| async move {
            Ok::<_, Error>((seller.address, self.token_balance(&seller.vault).await?))
        };
        let vaults: BTreeMap<Address, u64> =
            stream::iter(sellers.clone()).map(balance).buffered(READ_AT_ONCE).try_collect().await?;
        let mut findings = Findings::default();
        check_bus(&mut findings, &bus);
        check_windows(&mut findings, &capacities, &offers);
        check_offers(&mut findings, &offers, &locks);
        check_ledger(&mut findings, &bus, &ledger, &capacities, &sellers, &claims);
        check_books(&mut findings, &books, &positions, &offers, &locks);
        check_meters(&mut findings, &sellers, &meters, &devices);
        check_certificates(&mut findings, &books, &certificates);
        let mut gifts = check_vaults(&mut findings, &sellers, &offers, &books, &vaults);
        gifts += check_auctions(&mut findings, &capacities, &bids, &clearings, &books, escrow);
        gifts += check_claims(&mut findings, &claims, unclaimed);
        if let Err(Error::Decode { cause, .. }) = Treasury::new(&bus, &ledger, treasury) {
            findings.check(TREASURY, false, || cause);
        }
        let gifts = u64::try_from(gifts).unwrap_or(u64::MAX);
        let violations = findings.0;
        Ok(Audit {
            bus,
            ledger,
            capacities,
            sellers,
            offers,
            locks,
            claims,
            books,
            positions,
            meters,
            devices,
            certificates,
            bids,
            clearings,
            escrow,
            vaults,
            unclaimed,
            gifts,
            treasury,
            violations,
        })
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
    findings.check(WINDOWS, u128::from(capacity.committed_wh) >= listed, || {
        format!("energy committed in window {window} is {} and should be {listed} at least", capacity.committed_wh)
    });
    let open = offers.len() as u128;
    findings.equal(WINDOWS, format_args!("offers open in window {window}"), u128::from(capacity.open_offers), open);
}

/// Checks offers against the open locks on them.
pub fn check_offers(findings: &mut Findings, offers: &[Keyed<Offer>], locks: &[Keyed<Lock>]) {
    let mut locked: HashMap<Address, (u128, u128, u128)> = HashMap::new();
    for lock in locks {
        let (energy_wh, deposits, count) = locked.entry(lock.offer).or_default();
        *energy_wh += u128::from(lock.energy_wh);
        *deposits += u128::from(lock.deposit);
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
        let (energy_wh, deposits, count) = locked.remove(&address).unwrap_or_default();
        let reserved = u128::from(offer.reserved_wh);
        findings.equal(OFFERS, format_args!("energy reserved in offer {address}"), reserved, energy_wh);
        let booked = u128::from(offer.deposits);
        findings.equal(OFFERS, format_args!("deposits on offer {address}"), booked, deposits);
        findings.equal(OFFERS, format_args!("locks on offer {address}"), u128::from(offer.open_locks), count);
    }
    for offer in locked.keys() {
        findings.check(OFFERS, false, || format!("there are locks on {offer}, which is no offer"));
    }
}

/// Checks the ledger of a bus against what is open on it.
pub fn check_ledger(
    findings: &mut Findings,
    bus: &Bus,
    ledger: &Ledger,
    capacities: &[Keyed<Capacity>],
    sellers: &[Keyed<Seller>],
    claims: &[Keyed<Claim>],
) {
    if let Err(rule) = ledger.check_invariants(bus) {
        findings.check(LEDGER, false, || format!("{rule} does not hold"));
    }
    let windows = capacities.iter().filter(|capacity| capacity.window_start != 0).count();
    for (what, counted, found) in [
        ("sellers", ledger.open_sellers, sellers.len()),
        ("windows", ledger.open_windows, windows),
        ("claims", ledger.open_claims, claims.len()),
    ] {
        findings.equal(LEDGER, format_args!("the count of {what}"), u64::from(counted), found as u64);
    }
    let total: u128 = claims.iter().map(|claim| u128::from(claim.amount)).sum();
    findings.equal(LEDGER, "what all claims come to", u128::from(ledger.unclaimed_total), total);
}

/// Checks delivery books against the open offers of their windows and the positions on them, and positions against the open locks
/// of their buyers.
pub fn check_books(
    findings: &mut Findings,
    books: &[Keyed<DeliveryBook>],
    positions: &[Keyed<PositionBook>],
    offers: &[Keyed<Offer>],
    locks: &[Keyed<Lock>],
) {
    for book in books {
        let address = book.address;
        if let Err(rule) = book.check_invariants() {
            findings.check(BOOKS, false, || format!("book {address}: {rule} does not hold"));
        }
        let of_book: Vec<&Keyed<Offer>> = offers.iter().filter(|offer| offer.book == address).collect();
        let on_book: Vec<&Keyed<PositionBook>> = positions.iter().filter(|position| position.book == address).collect();
        let (open, held) = (of_book.len() as u64, on_book.len() as u64);
        findings.equal(BOOKS, format_args!("open offers of book {address}"), u64::from(book.open_offers), open);
        findings.equal(BOOKS, format_args!("open positions on book {address}"), u64::from(book.open_positions), held);
        for (place, window) in book.windows.iter().enumerate() {
            let of_window = of_book.iter().filter(|offer| usize::from(offer.book_place) == place);
            let on_offer: u128 = of_window.map(|offer| u128::from(offer.remaining_wh)).sum();
            let booked = u128::from(window.sold_wh) + u128::from(window.auction_wh) + on_offer;
            let what = format_args!("energy listed in window {place} of book {address}");
            findings.equal(BOOKS, what, u128::from(window.listed_wh), booked);
            let is_unsettled = |offer: &&&Keyed<Offer>| {
                usize::from(offer.book_place) == place
                    && offer.cancelled == 0
                    && offer.settled == 0
                    && offer.in_auction == 1
            };
            let unsettled = of_book.iter().filter(is_unsettled).count() as u64;
            let what = format_args!("offers that an auction has to settle in window {place} of book {address}");
            findings.equal(BOOKS, what, u64::from(window.unsettled_offers), unsettled);
            let (energy, paid) = on_book.iter().fold((0, 0), |(energy, paid), position| {
                let window = position.windows[place];
                (energy + u128::from(window.energy_wh), paid + u128::from(window.paid))
            });
            findings.check(BOOKS, energy <= u128::from(window.sold_wh) && paid <= u128::from(window.paid), || {
                format!("positions have more of window {place} of book {address} than was sold: {energy} Wh for {paid}")
            });
        }
    }
    let books: HashMap<Address, &Keyed<DeliveryBook>> = books.iter().map(|book| (book.address, book)).collect();
    let book_of: HashMap<Address, Address> = offers.iter().map(|offer| (offer.address, offer.book)).collect();
    for position in positions {
        let address = position.address;
        let Some(book) = books.get(&position.book) else {
            findings.check(BOOKS, false, || format!("the position {address} has no delivery book"));
            continue;
        };
        if let Err(rule) = position.check_invariants(book) {
            findings.check(BOOKS, false, || format!("position {address}: {rule} does not hold"));
        }
        let is_own =
            |lock: &&Keyed<Lock>| lock.buyer == position.buyer && book_of.get(&lock.offer) == Some(&position.book);
        let open = locks.iter().filter(is_own).count() as u64;
        findings.equal(BOOKS, format_args!("open locks of position {address}"), u64::from(position.open_locks), open);
    }
}

/// Checks meters against the sellers that they are of and against their devices.
pub fn check_meters(
    findings: &mut Findings,
    sellers: &[Keyed<Seller>],
    meters: &[Keyed<Meter>],
    devices: &[Keyed<Device>],
) {
    let named: BTreeSet<Address> =
        sellers.iter().filter(|seller| seller.has_meter()).map(|seller| seller.meter).collect();
    let open: BTreeSet<Address> = meters.iter().map(|meter| meter.address).collect();
    findings.check(METERS, named == open, || {
        format!("sellers name {} meters, {} are open, and they are not the same", named.len(), open.len())
    });
    for meter in meters {
        if let Err(rule) = meter.check_invariants() {
            findings.check(METERS, false, || format!("meter {}: {rule} does not hold", meter.address));
        }
    }
    let keys: BTreeSet<Address> = meters.iter().map(|meter| meter.key).collect();
    let active: BTreeSet<Address> =
        devices.iter().filter(|device| device.retired == 0).map(|device| device.key).collect();
    findings.check(METERS, keys == active, || {
        format!("meters name {} devices, {} are not retired, and they are not the same", keys.len(), active.len())
    });
}

/// Checks that certificates are of delivered energy and do not overlap.
pub fn check_certificates(findings: &mut Findings, books: &[Keyed<DeliveryBook>], certificates: &[Keyed<Certificate>]) {
    let mut sorted: Vec<&Keyed<Certificate>> = certificates.iter().collect();
    sorted.sort_unstable_by_key(|one| (one.seller, one.window_start, one.range_start));
    for pair in sorted.windows(2) {
        let is_of_one_window = (pair[0].seller, pair[0].window_start) == (pair[1].seller, pair[1].window_start);
        findings.check(CERTIFICATES, !is_of_one_window || pair[0].range_end <= pair[1].range_start, || {
            format!("the certificates {} and {} overlap", pair[0].address, pair[1].address)
        });
    }
    for certificate in sorted {
        let of_book = books.iter().filter(|book| book.seller == certificate.seller);
        for book in of_book {
            let Ok(place) = book.place(certificate.window_start) else { continue };
            let certified = book.windows[place].certified_wh;
            findings.check(CERTIFICATES, certificate.range_end <= certified, || {
                format!(
                    "the certificate {} ends at {} Wh, the book {} has certified {certified} Wh",
                    certificate.address, certificate.range_end, book.address
                )
            });
        }
    }
}

/// Checks what each seller's vault holds, in token base units, against its open offers, its delivery books, what is released to
/// it, and grid fees. Returns what the vaults hold beyond that.
pub fn check_vaults(
    findings: &mut Findings,
    sellers: &[Keyed<Seller>],
    offers: &[Keyed<Offer>],
    books: &[Keyed<DeliveryBook>],
    vaults: &BTreeMap<Address, u64>,
) -> u128 {
    let mut gifts = 0;
    for seller in sellers {
        let address = seller.address;
        if let Err(rule) = seller.check_invariants() {
            findings.check(VAULTS, false, || format!("seller {address}: {rule} does not hold"));
        }
        let of_seller = || offers.iter().filter(|offer| offer.seller == address);
        let open = of_seller().count() as u64;
        findings.equal(VAULTS, format_args!("open offers of seller {address}"), u64::from(seller.open_offers), open);
        let of_books = books.iter().filter(|book| book.seller == address);
        let open = of_books.clone().count() as u64;
        findings.equal(VAULTS, format_args!("open books of seller {address}"), u64::from(seller.open_books), open);
        let booked = of_seller().map(|offer| u128::from(offer.proceeds) + u128::from(offer.deposits)).sum::<u128>()
            + of_books.map(|book| u128::from(book.held())).sum::<u128>()
            + u128::from(seller.released)
            + u128::from(seller.grid_fees_owed);
        let held = u128::from(vaults.get(&address).copied().unwrap_or_default());
        findings.check(VAULTS, held >= booked, || {
            format!("the vault of seller {address} is {held} and should be {booked} at least")
        });
        gifts += held.saturating_sub(booked);
    }
    for offer in offers.iter().filter(|offer| sellers.iter().all(|seller| seller.address != offer.seller)) {
        findings.check(VAULTS, false, || format!("the offer {} has no seller account", offer.address));
    }
    gifts
}

/// Checks what the escrow of a bus holds, in token base units, against its windows, its bids and its delivery books. Returns what it
/// holds beyond that.
pub fn check_auctions(
    findings: &mut Findings,
    capacities: &[Keyed<Capacity>],
    bids: &[Keyed<Bid>],
    clearings: &[Keyed<Clearing>],
    books: &[Keyed<DeliveryBook>],
    escrow: u64,
) -> u128 {
    let mut of_windows: HashMap<Address, Vec<&Keyed<Bid>>> = HashMap::new();
    for bid in bids {
        if let Err(rule) = bid.check_invariants() {
            findings.check(AUCTIONS, false, || format!("bid {}: {rule} does not hold", bid.address));
        }
        of_windows.entry(bid.capacity).or_default().push(bid);
    }
    for clearing in clearings {
        if let Err(rule) = clearing.check_invariants() {
            findings.check(AUCTIONS, false, || format!("clearing {}: {rule} does not hold", clearing.address));
        }
    }
    let mut booked: u128 = books.iter().map(|book| u128::from(book.pool_due)).sum();
    for capacity in capacities {
        let (window, own) = (capacity.window_start, of_windows.remove(&capacity.address).unwrap_or_default());
        let open = own.len() as u64;
        findings.equal(AUCTIONS, format_args!("bids open in window {window}"), u64::from(capacity.open_bids), open);
        let sum = |of: &dyn Fn(&Bid) -> u64| own.iter().map(|bid| u128::from(of(bid))).sum::<u128>();
        let escrowed = u128::from(capacity.escrowed);
        if capacity.cleared_at == 0 {
            let deposits = sum(&|bid| bid.deposit);
            findings.equal(AUCTIONS, format_args!("what is in escrow for window {window}"), escrowed, deposits);
        } else {
            let is_settled = |bid: &Bid| bid.state != BidState::Open as u8;
            let owed = sum(&|bid| if is_settled(bid) { bid.deposit.saturating_sub(bid.paid) } else { 0 });
            findings.check(AUCTIONS, escrowed >= owed, || {
                format!("what is in escrow for window {window} is {escrowed} and should be {owed} at least")
            });
        }
        let volume = u128::from(capacity.volume_wh);
        let bought = sum(&|bid| bid.allotted_wh);
        let of_window = |book: &&Keyed<DeliveryBook>| window > 0 && book.place(window).is_ok();
        let sold_in = |book: &Keyed<DeliveryBook>| {
            book.place(window).map_or(0, |place| u128::from(book.windows[place].auction_wh))
        };
        let sold: u128 = books.iter().filter(of_window).map(sold_in).sum();
        findings.check(AUCTIONS, bought <= volume && sold <= volume, || {
            format!("the auction of window {window} sold {volume} Wh, its bids got {bought} Wh and its sellers sold {sold} Wh")
        });
        booked += escrowed;
    }
    for capacity in of_windows.keys() {
        findings.check(AUCTIONS, false, || format!("there are bids in {capacity}, which is no window of the bus"));
    }
    let held = u128::from(escrow);
    findings.check(AUCTIONS, held >= booked, || format!("the escrow is {held} and should be {booked} at least"));
    held.saturating_sub(booked)
}

/// Checks what the unclaimed account of a bus holds, in token base units, against its claims. Returns what it holds beyond
/// them.
pub fn check_claims(findings: &mut Findings, claims: &[Keyed<Claim>], unclaimed: u64) -> u128 {
    let total: u128 = claims.iter().map(|claim| u128::from(claim.amount)).sum();
    let held = u128::from(unclaimed);
    findings.check(CLAIMS, held >= total, || format!("the unclaimed account is {held} and should be {total} at least"));
    held.saturating_sub(total)
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
                committed_wh: 500,
                gate_closes_at: i64::MAX,
                open_offers: 1,
                ..Capacity::zeroed()
            },
        )
    }

    fn seller() -> Keyed<Seller> {
        let account = Seller {
            layout_version: LAYOUT_VERSION,
            open_offers: 1,
            released: 4,
            bus: address(8),
            wallet: address(6),
            vault: address(7),
            ..Seller::zeroed()
        };
        keyed(5, account)
    }

    fn offer() -> Keyed<Offer> {
        let account = Offer {
            layout_version: LAYOUT_VERSION,
            capacity: address(1),
            bus: address(8),
            wallet: address(6),
            seller: address(5),
            listed_wh: 400,
            remaining_wh: 300,
            reserved_wh: 50,
            open_locks: 1,
            locks_taken: 1,
            deposits: 10,
            proceeds: 20,
            price_per_kwh: 200,
            full_price_per_kwh: 200,
            version: 1,
            created_at: 1,
            expires_at: 1_000,
            gate_closes_at: i64::MAX,
            least_wh: 1,
            locked_until: Lock::expiry(0),
            ..Offer::zeroed()
        };
        keyed(2, account)
    }

    fn lock() -> Keyed<Lock> {
        let account = Lock {
            layout_version: LAYOUT_VERSION,
            number: 1,
            offer: address(2),
            energy_wh: 50,
            price_per_kwh: 200,
            deposit: math::cost(50, 200).unwrap(),
            expires_at: Lock::expiry(0),
            ..Lock::zeroed()
        };
        keyed(3, account)
    }

    fn claim() -> Keyed<Claim> {
        keyed(4, Claim { layout_version: LAYOUT_VERSION, amount: 7, ..Claim::zeroed() })
    }

    struct Books {
        capacity: Keyed<Capacity>,
        seller: Keyed<Seller>,
        offer: Keyed<Offer>,
        lock: Keyed<Lock>,
        claim: Keyed<Claim>,
        vault: u64,
        unclaimed: u64,
    }

    fn books() -> Books {
        Books {
            capacity: capacity(),
            seller: seller(),
            offer: offer(),
            lock: lock(),
            claim: claim(),
            vault: 34,
            unclaimed: 7,
        }
    }

    /// Violations, and gifts in token base units.
    fn found(books: &Books) -> (Vec<String>, u128) {
        let Books { capacity, seller, offer, lock, claim, vault, unclaimed } = books;
        let mut findings = Findings::default();
        check_windows(&mut findings, &[*capacity], &[*offer]);
        check_offers(&mut findings, &[*offer], &[*lock]);
        let vaults = BTreeMap::from([(seller.address, *vault)]);
        let gifts = check_vaults(&mut findings, &[*seller], &[*offer], &[], &vaults)
            + check_claims(&mut findings, &[*claim], *unclaimed);
        (findings.0, gifts)
    }

    #[test]
    fn a_wh_or_a_base_unit_that_is_missing_anywhere_is_found() {
        assert_eq!(found(&books()), (Vec::new(), 0));
        assert_eq!(found(&Books { vault: 36, unclaimed: 10, ..books() }), (Vec::new(), 5));
        type Change = fn(&mut Books);
        let cases: [(&str, Change); 13] = [
            ("total = available + committed", |books| books.capacity.account.committed_wh -= 1),
            ("energy committed in window 0 is 399 and should be 400 at least", |books| {
                (books.capacity.account.committed_wh, books.capacity.account.available_wh) = (399, 601);
            }),
            ("offers open in window 0 is 2 and should be 1", |books| books.capacity.account.open_offers = 2),
            ("energy reserved in offer", |books| books.offer.account.reserved_wh += 1),
            ("deposits on offer", |books| books.offer.account.deposits += 1),
            ("locks on offer", |books| (books.offer.account.open_locks, books.offer.account.locks_taken) = (2, 2)),
            ("which is no offer", |books| books.lock.account.offer = address(9)),
            ("the deposit is the full cost", |books| books.lock.account.deposit += 1),
            ("open offers of seller", |books| books.seller.account.open_offers += 1),
            ("is 33 and should be 34 at least", |books| books.vault -= 1),
            ("is 34 and should be 35 at least", |books| books.seller.account.released += 1),
            ("has no seller account", |books| books.offer.account.seller = address(9)),
            ("the unclaimed account is 6 and should be 7 at least", |books| books.unclaimed -= 1),
        ];
        for (what, change) in cases {
            let mut books = books();
            change(&mut books);
            let (found, _) = found(&books);
            assert!(found.iter().any(|violation| violation.contains(what)), "{what}: {found:?}");
        }
    }
}

//! Delivery books: what is listed and sold in them, reported, released and closed.

use {
    super::Before,
    crate::{
        books::Model,
        call::Reading,
        cause::*,
        limit::{AUCTION_PROOF_SECONDS, MAX_OPERATOR_READINGS, account_bytes},
        math::grid_fee,
        state::*,
    },
    solana_address::Address,
    std::collections::BTreeMap,
};

/// The chain's program that checks Ed25519 signatures.
const ED25519_PROGRAM: Address = Address::new_from_array([
    3, 125, 70, 214, 124, 147, 251, 190, 18, 249, 66, 143, 131, 141, 64, 255, 5, 112, 116, 73, 39, 244, 138, 100, 252,
    202, 112, 68, 128, 0, 0, 0,
]);
/// The sysvar in which an instruction reads the others of its transaction.
const INSTRUCTIONS_SYSVAR: Address = Address::new_from_array([
    6, 167, 213, 23, 24, 123, 209, 102, 53, 218, 212, 4, 85, 253, 194, 192, 193, 36, 198, 143, 33, 86, 117, 165, 219,
    186, 203, 95, 8, 0, 0, 0,
]);

/// What shows that a reading is true: the device signs the transaction, or signed the reading; or the operator signs.
const BY_TRANSACTION: u8 = 0;
const BY_SIGNATURE: u8 = 1;
const BY_OPERATOR: u8 = 2;

impl Model {
    /// Causes for which energy cannot be listed in the seller's delivery book; the book's address, and the window's place in it.
    /// The meter and the book follow the named accounts.
    pub(super) fn can_list_in_book(
        &self,
        causes: &mut Causes,
        seller: &ModelSeller,
        at_seller: &PassedAccount,
        capacity: &ModelCapacity,
        (energy_wh, source): (u64, u8),
        rest: &[PassedAccount],
    ) -> Option<(Address, usize)> {
        causes.rule(seller.meter.is_some(), "MeterMissing");
        let Some([at_meter, at_book]) = rest.first_chunk::<2>() else {
            causes.rule(false, "BooksMissing");
            return None;
        };
        causes.rule(seller.meter == Some(at_meter.address), "MeterMismatch");
        let meter = causes.state(at_meter, true, self.meters.get(&at_meter.address));
        let first_window = capacity.terms.first_window_of(capacity.window_start);
        let address = self.book_address(&at_seller.address, first_window).0;
        causes.rule(at_book.address == address, "BookMismatch");
        causes.written(at_book);
        if self.has_state(&at_book.address) {
            causes.unless(self.books.contains_key(&at_book.address), Cause::Type);
        } else {
            self.new_account(causes, at_book, at_book.address);
        }
        let place = (capacity.window_start - first_window) / capacity.terms.window_seconds as i64;
        let place = usize::try_from(place).expect("a place of the book");
        let book = self.books.get(&address);
        // Where everything was withdrawn, listing begins anew.
        let listed = book.and_then(|book| book.windows.get(&place)).filter(|window| window.listed_wh > 0);
        let device = match (listed, book) {
            (Some(window), Some(book)) => Some(book.devices[window.device]),
            _ => meter.map(Self::book_device),
        };
        if listed.is_none()
            && let Some(meter) = meter
        {
            causes.rule(capacity.window_start >= meter.spec.valid_from, "MeterNotValidYet");
            let fits = book.is_none_or(|book| book.index_of(place, &Self::book_device(meter)).is_some());
            causes.rule(fits, "BookMetersFull");
        }
        causes.rule(source == 0 || device.is_none_or(|device| device.source == source), "SourceMismatch");
        let power_w = device.map(|device| device.power_w);
        let in_window = listed.map_or(0, |window| window.listed_wh) as u128 + energy_wh as u128;
        let seconds = capacity.terms.window_seconds as u128;
        causes.rule(power_w.is_none_or(|power_w| in_window <= power_w as u128 * seconds / 3_600), "PowerExceeded");
        Some((address, place))
    }

    fn book_device(meter: &ModelMeter) -> ModelBookDevice {
        ModelBookDevice { key: meter.key, power_w: meter.spec.power_w, source: meter.spec.source }
    }

    /// Lists energy in a seller's delivery book, which the first listing in its windows opens.
    pub(super) fn list_in_book(
        &mut self,
        at_seller: &Address,
        in_capacity: &Address,
        (at_book, place): (Address, usize),
        energy_wh: u64,
        lister: &Address,
    ) {
        let (terms, window_start) = (self.capacities[in_capacity].terms, self.capacities[in_capacity].window_start);
        if !self.books.contains_key(&at_book) {
            self.pay_rent(lister, &at_book, account_bytes::BOOK);
            let seller = self.sellers.get_mut(at_seller).expect("found above");
            seller.open_books += 1;
            let opened = ModelBook {
                bus: seller.bus,
                bus_created_at: self.buses[&seller.bus].created_at,
                seller: *at_seller,
                vault: seller.vault,
                meter: seller.meter.expect("checked above"),
                rent_payer: *lister,
                first_window: terms.first_window_of(window_start),
                terms,
                devices: Vec::new(),
                windows: BTreeMap::new(),
                open_offers: 0,
                open_positions: 0,
                pool_due: 0,
                pool_grid_fee: 0,
            };
            self.books.insert(at_book, opened);
        }
        let meter = self.sellers[at_seller].meter.expect("checked above");
        let meter = self.meters.get_mut(&meter).expect("checked above");
        let book = self.books.get_mut(&at_book).expect("opened above");
        book.open_offers += 1;
        if book.windows.get(&place).is_none_or(|window| window.listed_wh == 0) {
            let present = Self::book_device(meter);
            let device = book.index_of(place, &present).expect("checked above");
            match book.devices.get_mut(device) {
                Some(place) => *place = present,
                None => book.devices.push(present),
            }
            meter.listed_until = meter.listed_until.max(book.window_end(place));
            book.windows.insert(place, ModelBookWindow::new(device));
        }
        let window = book.windows.get_mut(&place).expect("listed above");
        window.listed_wh += energy_wh;
        window.unsettled_offers += u16::from(terms.auction);
    }

    /// The auction of its window has settled an offer, or the offer was withdrawn before.
    pub(super) fn settle_in_book(&mut self, (book, place): (Address, usize), energy_wh: u64) {
        let window = self.books.get_mut(&book).expect("an offer's book").windows.get_mut(&place);
        let window = window.expect("a window that was listed");
        window.unsettled_offers -= 1;
        window.auction_wh += energy_wh;
    }

    /// Energy of an offer is withdrawn from the window that it was listed in. Where that was all of it, its seller withdraws it,
    /// and the gate has not closed, the window is as if nothing had been listed.
    pub(super) fn unlist_in_book(
        &mut self,
        (book, place): (Address, usize),
        energy_wh: u64,
        closes: bool,
        is_seller: bool,
    ) {
        let book = self.books.get_mut(&book).expect("an offer's book");
        book.open_offers -= u32::from(closes);
        let gate = book.terms.gate(book.window_start(place));
        // Of an offer that waits for a lock, all was withdrawn before.
        let Some(window) = book.windows.get_mut(&place) else { return };
        window.listed_wh -= energy_wh;
        if window.listed_wh == 0 && is_seller && self.now < gate {
            book.windows.remove(&place);
        }
    }

    /// The delivery book of an offer and the buyer's position book on it, which follow the named accounts.
    pub(super) fn book_and_position(
        &self,
        causes: &mut Causes,
        rest: &[PassedAccount],
        book: &Address,
        buyer: &Address,
    ) {
        let Some([at_book, position]) = rest.first_chunk::<2>() else {
            causes.rule(false, "BooksMissing");
            return;
        };
        causes.rule(at_book.address == *book, "BookMismatch");
        causes.written(at_book);
        self.position_of(causes, Some(position), book, buyer);
    }

    /// The position book of a buyer on a delivery book.
    pub(super) fn position_of(
        &self,
        causes: &mut Causes,
        passed: Option<&PassedAccount>,
        book: &Address,
        buyer: &Address,
    ) {
        let Some(passed) = passed else {
            causes.rule(false, "BooksMissing");
            return;
        };
        let position = causes.state(passed, true, self.positions.get(&passed.address));
        let fits = |position: &ModelPosition| position.book == *book && position.buyer == *buyer;
        causes.rule(position.is_none_or(fits), "PositionMismatch");
    }

    /// A buyer has bought energy of a window, for what was paid into the seller's vault.
    pub(super) fn sell_in_book(
        &mut self,
        (book, place): (Address, usize),
        position: &Address,
        energy_wh: u64,
        paid: u64,
        refund: &Address,
    ) {
        let window = self.books.get_mut(&book).expect("an offer's book").windows.get_mut(&place);
        let window = window.expect("a window that was listed");
        window.sold_wh += energy_wh;
        window.paid += paid;
        let position = self.positions.get_mut(position).expect("checked above");
        position.name_refund(refund);
        window.buyers += u64::from(!position.windows.contains_key(&place));
        let (has_wh, has_paid) = position.windows.entry(place).or_default();
        *has_wh += energy_wh;
        *has_paid += paid;
    }

    /// What a device signs for a reading.
    pub fn reading_message(&self, book: &ModelBook, reading: &Reading) -> Vec<u8> {
        let parts: [&[u8]; 9] = [
            b"multibus:delivery:v1",
            self.program.as_ref(),
            book.bus.as_ref(),
            &book.bus_created_at.to_le_bytes(),
            book.meter.as_ref(),
            &reading.window_start.to_le_bytes(),
            &book.terms.window_seconds.to_le_bytes(),
            &reading.energy_wh.to_le_bytes(),
            &reading.sequence.to_le_bytes(),
        ];
        parts.concat()
    }

    /// Causes for which the instruction before is not the device's signature of this reading: one signature, all of whose parts
    /// are in that instruction's own data: key, signature, message, one after the other.
    fn signed(&self, causes: &mut Causes, book: &ModelBook, key: &Address, reading: &Reading, before: Option<&Before>) {
        const HEAD: [u8; 16] = [1, 0, 48, 0, 255, 255, 16, 0, 255, 255, 112, 0, 152, 0, 255, 255];
        let Some(before) = before.filter(|before| before.program == ED25519_PROGRAM) else {
            causes.rule(false, "SignedReadingMissing");
            return;
        };
        let well_formed = before.accounts == 0 && before.data.len() == 112 + 152 && before.data[..16] == HEAD;
        causes.rule(well_formed, "SignedReadingMalformed");
        if well_formed {
            causes.rule(before.data[16..48] == *key.as_ref(), "NotTheMeter");
            causes.rule(before.data[112..] == self.reading_message(book, reading), "SignedReadingOther");
        }
    }

    pub(super) fn delivery_report(
        &mut self,
        accounts: &[PassedAccount; 3],
        reading: &Reading,
        proof: u8,
        before: Option<&Before>,
    ) -> Verdict {
        let [reporter, at, evidence] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[1]);
        causes.signer(reporter);
        let book = causes.state(at, true, self.books.get(&at.address));
        causes.rule(proof <= BY_OPERATOR, "ReadingProofUnknown");
        let Some(book) = book else { return causes.verdict() };
        let Some(place) = book.place(reading.window_start) else {
            causes.rule(false, "WindowNotInBook");
            return causes.verdict();
        };
        let window = book.windows.get(&place);
        causes.rule(window.is_some(), "WindowNotListed");
        // A window in which nothing was listed has no device; the first of the book stands for it.
        let device = book.devices[window.map_or(0, |window| window.device)];
        match proof {
            BY_TRANSACTION => causes.rule(reporter.address == device.key, "NotTheMeter"),
            BY_SIGNATURE => {
                causes.rule(evidence.address == INSTRUCTIONS_SYSVAR, "SignedReadingMissing");
                self.signed(&mut causes, book, &device.key, reading, before);
            }
            _ => {
                causes.rule(evidence.address == book.bus, "BusMismatch");
                causes.rule(self.buses[&book.bus].is_operator(&reporter.address), "NotTheOperator");
            }
        }
        causes.rule(self.now >= book.window_end(place), "ReadingTooEarly");
        // The auction is over for a seller once its offers are settled or withdrawn; a day after the gate it is in any case.
        let settled = window.is_none_or(|window| window.unsettled_offers == 0);
        let over = book.terms.gate(book.window_start(place)) + AUCTION_PROOF_SECONDS;
        causes.rule(settled || self.now >= over, "AuctionNotOver");
        causes.rule(self.now < book.readings_until(place), "ReadingTooLate");
        // A tenth more than the device can deliver.
        let most = device.power_w as u128 * book.terms.window_seconds as u128 * 11 / 36_000;
        causes.rule(reading.energy_wh as u128 <= most, "ReadingTooHigh");
        if let Some(window) = window {
            if proof == BY_OPERATOR {
                causes.rule(window.operator_readings < MAX_OPERATOR_READINGS, "OperatorReadingsSpent");
                causes.rule(reading.sequence == window.operator_readings as u64 + 1, "NumberNotNext");
            } else {
                causes.rule(window.operator_readings == 0, "OperatorHasRead");
                causes.rule(reading.sequence > window.sequence, "SequenceUsed");
            }
        }
        causes.verdict()?;
        let now = self.now;
        let window = self.books.get_mut(&at.address).expect("found above").windows.get_mut(&place).expect("listed");
        window.delivered_wh = reading.energy_wh;
        window.reported_at.get_or_insert(now);
        if proof == BY_OPERATOR {
            window.operator_readings += 1;
        } else {
            window.sequence = reading.sequence;
        }
        Ok(())
    }

    /// Releases every window of a book that is final and not released: what its seller gets, and the grid's part.
    fn release(&mut self, at: &Address) {
        let (book, now) = (&self.books[at], self.now);
        let due: Vec<usize> = book
            .windows
            .iter()
            .filter(|(place, window)| window.released.is_none() && book.is_final(**place, now))
            .map(|(place, _)| *place)
            .collect();
        let book = self.books.get_mut(at).expect("a book");
        let seller = self.sellers.get_mut(&book.seller).expect("a book's seller");
        for place in due {
            let window = book.windows.get_mut(&place).expect("found above");
            let grid = grid_fee(window.delivered_sold_wh(), book.terms.grid_fee_per_kwh);
            let of_seller = window.due() - grid;
            window.released = Some((of_seller, grid));
            seller.released += of_seller;
            seller.grid_fees_owed += grid;
        }
    }

    /// The book and the seller that were passed, which must be the book's.
    fn book_of_seller(
        &self,
        causes: &mut Causes,
        book: &PassedAccount,
        seller: &PassedAccount,
    ) -> Option<(&ModelBook, Option<&ModelSeller>)> {
        let found = causes.state(book, true, self.books.get(&book.address));
        let of = causes.state(seller, true, self.sellers.get(&seller.address));
        causes.rule(found.is_none_or(|book| book.seller == seller.address), "SellerMismatch");
        found.map(|book| (book, of))
    }

    pub(super) fn delivery_release(&mut self, accounts: &[PassedAccount; 2]) -> Verdict {
        let [at, at_seller] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 1]);
        if let Some((book, _)) = self.book_of_seller(&mut causes, at, at_seller) {
            let mut windows = book.windows.iter();
            let any = windows.any(|(place, window)| window.released.is_none() && book.is_final(*place, self.now));
            causes.rule(any, "NothingToRelease");
        }
        causes.verdict()?;
        self.release(&at.address);
        Ok(())
    }

    pub(super) fn delivery_close(&mut self, accounts: &[PassedAccount; 5]) -> Verdict {
        let [caller, at_bus, at_seller, at, rent_payer] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[2, 3]);
        causes.signer(caller);
        causes.written(rent_payer);
        let bus = causes.state(at_bus, false, self.buses.get(&at_bus.address));
        if let Some((book, seller)) = self.book_of_seller(&mut causes, at, at_seller) {
            causes.rule(book.bus == at_bus.address, "BusMismatch");
            causes.rule(book.rent_payer == rent_payer.address, "RentPayerMismatch");
            causes.rule(book.open_offers == 0 && book.open_positions == 0, "BookInUse");
            let reported = book.pool_due == 0 && !book.windows.values().any(ModelBookWindow::owes_pool);
            causes.rule(reported, "PoolOpen");
            if let (Some(bus), Some(seller)) = (bus, seller) {
                causes.rule(self.now >= book.all_final_at(bus, self.now), "BookNotFinal");
                let is_seller = Self::may_act(bus, seller.is_own(), &seller.wallet, &caller.address);
                let others = is_seller || self.now >= book.others_close_at(bus, self.now);
                causes.rule(others && self.now >= book.bids_certify_until(bus, self.now), "CertificatesOpen");
            }
        }
        causes.verdict()?;
        self.release(&at.address);
        self.check_final_book(&at.address);
        let book = self.books.remove(&at.address).expect("found above");
        let seller = self.sellers.get_mut(&at_seller.address).expect("found above");
        seller.open_books -= 1;
        // What rounding left.
        seller.grid_fees_owed += book.held();
        self.return_rent(&at.address, &rent_payer.address);
        Ok(())
    }

    /// Invariant 6: of a book that closes, everything that was sold is final, released and refunded: what is left of a window is at
    /// most one base unit for each of its buyers.
    fn check_final_book(&self, at: &Address) {
        for (place, window) in self.books[at].windows.iter().filter(|(_, window)| window.sold_wh > 0) {
            let (seller, grid) = window.released.expect("a window of a book that closes is released");
            let left = window.paid - seller - grid - window.refunded;
            assert_eq!(window.buyers, window.buyers_refunded, "every buyer of window {place} had its refund");
            assert!(left <= window.buyers, "window {place} keeps {left} of {} buyers", window.buyers);
        }
    }
}

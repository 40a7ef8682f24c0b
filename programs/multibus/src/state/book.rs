//! The delivery book of a seller: for 96 windows, what it listed and sold and what its meter said that it delivered.
//! From this follow what the seller is paid and what its buyers get back.
//!
//! Say `c` Wh of a window were sold for `M` base units. Then `d` Wh count as delivered: the smaller of `c` and the last
//! reading. The seller and the grid together get `floor(M x d / c)`, of which the grid gets `floor(d x fee / 1000)`.
//! Both are computed from the window's totals, so no buyer has to act first. A buyer that paid `m` gets back
//! `m - ceil(m x d / c)`. What rounding leaves is at most one base unit for each position and window; it goes to the
//! grid when the book closes.

use {
    crate::{
        constants::*,
        error::{ensure, refuse},
        math,
        numbered::numbered_enum,
        state::{Bus, Meter, Terms},
    },
    anchor_lang::{address_eq, prelude::*},
    bytemuck::{Pod, Zeroable},
};

numbered_enum! {
    /// State of a window of a delivery book.
    pub enum BookWindowState {
        /// Nothing was listed in it.
        Unused = 0,
        /// Energy was listed in it; it takes readings once it has ended.
        Listed = 1,
        /// It is final, and its seller was credited with what was delivered.
        Released = 2,
    }
}

numbered_enum! {
    /// How a reading is proven.
    pub enum ReadingProof {
        /// The device signs the transaction.
        Transaction = 0,
        /// The instruction before this one holds the device's signature of the reading, and the chain's Ed25519 program
        /// checks it.
        Signature = 1,
        /// The operator of the bus signs the transaction, in place of the device.
        Operator = 2,
    }
}

/// How much energy a seller delivered in one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Start of the window, in unix seconds.
    pub window_start: i64,
    /// Energy that was delivered in the window, in Wh.
    pub energy_wh: u64,
    /// Of a device's reading: above that of its last reading of the window. Of the operator's readings: 1, 2 and 3.
    pub sequence: u64,
}

/// A device that measures some windows of a book, as it was registered when its seller first listed in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
#[repr(C)]
pub struct BookMeter {
    /// Key of the device.
    pub key: Address,
    /// The highest power that it can deliver, in W.
    pub power_w: u64,
    /// One of [`EnergySource`](crate::state::EnergySource).
    pub source: u8,
    pub padding: [u8; 7],
}

/// One window of a delivery book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
#[repr(C)]
pub struct BookWindow {
    /// Energy that the seller listed (less what it withdrew), in Wh, sold or not.
    pub listed_wh: u64,
    /// Energy that was bought from its offers, in Wh.
    pub sold_wh: u64,
    /// What was paid for that energy, in token base units.
    pub paid: u64,
    /// Energy that the closing auction sold, in Wh.
    pub auction_wh: u64,
    /// Energy that was delivered according to the last reading, in Wh.
    pub delivered_wh: u64,
    /// Delivered Wh that certificates exist for. The next certificate of the window starts here.
    pub certified_wh: u64,
    /// When the first reading came, in unix seconds; 0 while there is none.
    pub reported_at: i64,
    /// Sequence of the device's last reading; 0 while there is none.
    pub sequence: u64,
    /// Place of the window's device in the book's `meters`.
    pub meter: u8,
    /// [`BookWindowState`].
    pub state: u8,
    /// Number of readings by the operator.
    pub operator_readings: u8,
    /// 1 once the seller has a certificate of what it delivered and did not sell.
    pub surplus_certified: u8,
    /// On terms with an auction: offers of this window that are neither cancelled nor settled by the auction.
    pub unsettled_offers: u16,
    /// 1 once the part that the auction sold is counted in the window's pool.
    pub pool_reported: u8,
    pub padding: u8,
    /// Wh of that part that bids took certificates of.
    pub auction_certified_wh: u64,
}

/// Delivered energy of a window, divided between continuous trade and auction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveredParts {
    /// In Wh.
    pub traded_wh: u64,
    /// In Wh.
    pub auction_wh: u64,
}

/// What a seller adds to the pool of a window's auction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolPart {
    /// What the auction sold of it, in Wh.
    pub auction_wh: u64,
    /// How much of that was delivered, in Wh.
    pub delivered_wh: u64,
    /// What the seller and the grid get for it, in token base units.
    pub due: u64,
    /// The grid's part, in token base units.
    pub grid_fee: u64,
}

/// What is released for windows that became final.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReleasedWindows {
    /// Bit `i` is set for the window at place `i`.
    pub windows: Windows,
    /// The seller's part, in token base units.
    pub amount: u64,
    /// The part of the recipient of grid fees, in token base units.
    pub grid_fee: u64,
}

/// From when on a delivery book without open offers and positions can be closed, in unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookClosable {
    /// By its seller: after its last gate, once all its used windows are final, and bids that the auction filled out of it
    /// have had the time for their certificates.
    pub by_seller: i64,
    /// By anyone: where windows have something to certify, also 30 days after the last of those is final.
    pub by_others: i64,
    /// After its last gate, when all its used windows are final.
    pub final_at: i64,
}

/// A set of windows of a book: bit `i % 64` of number `i / 64` is set for the window at place `i`.
pub type Windows = [u64; 2];

/// Whether a set contains the window at a place.
#[inline(always)]
pub(super) fn has_window(windows: &Windows, place: usize) -> bool {
    windows[place / 64] >> (place % 64) & 1 == 1
}

/// Adds the window at a place to a set.
#[inline(always)]
pub(super) fn add_window(windows: &mut Windows, place: usize) {
    windows[place / 64] |= 1 << (place % 64);
}

/// What a seller sold in 96 windows and what was delivered. PDA `["book", seller, first_window]`.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct DeliveryBook {
    pub layout_version: u8,
    pub bump: u8,
    /// Devices in `meters`, from the front.
    pub meter_count: u8,
    pub padding: u8,
    /// Offers of its windows that are open.
    pub open_offers: u32,
    /// Position books on it that are open.
    pub open_positions: u32,
    pub padding_2: [u8; 4],
    /// Start of the first of its windows, in unix seconds. Books of the same terms follow each other every 96 windows,
    /// from `terms.from` on.
    pub first_window: i64,
    /// What was refunded to buyers, or credited to the seller and the grid, in token base units. The vault holds what
    /// was paid less this for the book.
    pub settled: u64,
    /// Terms of its windows.
    pub terms: Terms,
    pub bus: Address,
    /// When the bus was created, in unix seconds.
    pub bus_created_at: i64,
    /// The seller's meter account.
    pub meter: Address,
    /// The seller's account.
    pub seller: Address,
    /// The seller's vault, which holds what buyers paid.
    pub vault: Address,
    /// Who paid the rent and gets it back.
    pub rent_payer: Address,
    /// Devices that measure its windows.
    pub meters: [BookMeter; 4],
    pub windows: [BookWindow; 96],
    /// What the escrow still holds for the energy of auctions that was delivered, in token base units.
    pub pool_due: u64,
    /// The grid fees in it, in token base units.
    pub pool_grid_fee: u64,
    pub reserved: [u64; 6],
}

const _: () = assert!(BOOK_WINDOWS == 96 && MAX_BOOK_METERS == 4 && size_of::<DeliveryBook>() == 8_176);

impl DeliveryBook {
    /// Start of the first window of the book that contains a window, in unix seconds. The terms must have windows, and
    /// the window must align with them.
    pub fn first_window_of(terms: &Terms, window_start: i64) -> i64 {
        // Unsigned, because the SBF target has no signed division.
        let length = terms.window_seconds as u64 * BOOK_WINDOWS as u64;
        let since = (window_start - terms.from).cast_unsigned();
        terms.from + (since / length * length).cast_signed()
    }

    /// Initialises a new book, except for the addresses that the instruction fills in.
    pub fn initialize(&mut self, bus: &Bus, meter: &Meter, terms: &Terms, first_window: i64) {
        self.layout_version = LAYOUT_VERSION;
        self.first_window = first_window;
        self.terms = *terms;
        self.bus = meter.bus;
        self.bus_created_at = bus.created_at;
        self.seller = meter.seller;
    }

    /// Place of a window in the book, 0 to 95; refuses a window of another book.
    #[inline(always)]
    pub fn place(&self, window_start: i64) -> Result<usize> {
        let length = self.terms.window_seconds as u64;
        let since = window_start.wrapping_sub(self.first_window).cast_unsigned();
        let place = since / length;
        ensure!(
            place < BOOK_WINDOWS as u64 && place * length == since,
            WindowNotInBook,
            "window start {}, first window {}",
            window_start,
            self.first_window
        );
        Ok(place as usize)
    }

    /// Start of the window at a place, in unix seconds.
    #[inline(always)]
    pub fn window_start(&self, place: usize) -> i64 {
        self.first_window + (self.terms.window_seconds as u64 * place as u64).cast_signed()
    }

    /// End of the window at a place, in unix seconds.
    #[inline(always)]
    fn window_end(&self, place: usize) -> i64 {
        self.window_start(place + 1)
    }

    /// The most that a device of that power can deliver in one window, in Wh.
    #[inline(always)]
    fn most_wh(&self, power_w: u64) -> u64 {
        // Cannot overflow: the power is below 2^41 W, and a window is shorter than 2^17 s.
        power_w * self.terms.window_seconds as u64 / SECONDS_PER_HOUR
    }

    /// The highest reading that is accepted, in Wh: a tenth more than the device can deliver.
    #[inline(always)]
    fn highest_reading_wh(&self, power_w: u64) -> u64 {
        power_w * self.terms.window_seconds as u64 * 11 / (SECONDS_PER_HOUR * 10)
    }

    /// Lists energy in a window. With the first listing, and the first after everything was withdrawn, the meter's present
    /// device becomes the one that measures the window.
    pub fn list(&mut self, place: usize, energy_wh: u64, meter: &mut Meter) -> Result<()> {
        let window = self.windows[place];
        let is_first = window.listed_wh == 0;
        let (index, device) = if is_first {
            meter.validate_window(self.window_start(place))?;
            self.find_device(place, meter)?
        } else {
            (window.meter as usize, self.meters[window.meter as usize % MAX_BOOK_METERS])
        };
        let (listed_wh, most_wh) = (window.listed_wh + energy_wh, self.most_wh(device.power_w));
        ensure!(
            listed_wh <= most_wh,
            PowerExceeded,
            "{} Wh listed with this offer, {} Wh are possible",
            listed_wh,
            most_wh
        );
        let Some(open_offers) = self.open_offers.checked_add(1) else { refuse!(CounterOverflow) };
        let unsettled = self.terms.auction as u16;
        let Some(unsettled_offers) = window.unsettled_offers.checked_add(unsettled) else { refuse!(CounterOverflow) };
        if is_first {
            self.meters[index] = device;
            self.meter_count = self.meter_count.max(index as u8 + 1);
            meter.commit(self.window_end(place));
        }
        let window = &mut self.windows[place];
        (window.meter, window.state, window.listed_wh) = (index as u8, BookWindowState::Listed as u8, listed_wh);
        window.unsettled_offers = unsettled_offers;
        self.open_offers = open_offers;
        Ok(())
    }

    /// Place for the meter's present device in `meters`: its own where it is in there, else the next free one, else
    /// that of a device that measures no window but the one at `place`.
    fn find_device(&self, place: usize, meter: &Meter) -> Result<(usize, BookMeter)> {
        let device = BookMeter { key: meter.key, power_w: meter.power_w, source: meter.source, padding: [0; 7] };
        let count = (self.meter_count as usize).min(MAX_BOOK_METERS);
        if let Some(index) = self.meters[..count].iter().position(|known| *known == device) {
            return Ok((index, device));
        }
        if count < MAX_BOOK_METERS {
            return Ok((count, device));
        }
        let is_free = |index: &usize| {
            let has_it = |(at, window): (usize, &BookWindow)| {
                window.state != 0 && window.meter as usize == *index && at != place
            };
            !self.windows.iter().enumerate().any(has_it)
        };
        let Some(index) = (0..MAX_BOOK_METERS).find(is_free) else { refuse!(BookMetersFull) };
        Ok((index, device))
    }

    /// Withdraws listed energy that is neither sold nor locked. A window from which its seller withdraws everything before
    /// the gate is unused again: it delays no closing, and the next listing in it gets the meter's device at that time.
    /// Where others withdraw, it stays used, so that they do not decide whether its seller certifies what it delivers.
    /// Returns whether the window is unused.
    #[inline(always)]
    pub fn unlist(&mut self, place: usize, energy_wh: u64, by_seller: bool, now: i64) -> bool {
        let gate = self.gate(place);
        let window = &mut self.windows[place];
        window.listed_wh -= energy_wh;
        if window.listed_wh == 0 && by_seller && now < gate {
            *window = BookWindow::zeroed();
        }
        window.state == BookWindowState::Unused as u8
    }

    /// Counts an offer that the auction settled, or that was cancelled before. The auction sold `energy_wh` of it.
    #[inline(always)]
    pub fn settle_offer(&mut self, place: usize, energy_wh: u64) {
        let window = &mut self.windows[place];
        window.unsettled_offers -= 1;
        window.auction_wh += energy_wh;
    }

    /// Counts an offer that closes.
    #[inline(always)]
    pub fn close_offer(&mut self) {
        self.open_offers -= 1;
    }

    /// Records energy of an offer that was sold, and what was paid for it.
    #[inline(always)]
    pub fn sell(&mut self, place: usize, energy_wh: u64, paid: u64) -> Result<()> {
        let window = &mut self.windows[place];
        let Some(sum) = window.paid.checked_add(paid) else { refuse!(CostOverflow) };
        window.sold_wh += energy_wh;
        window.paid = sum;
        Ok(())
    }

    /// First second in which the window at a place takes no reading any more, in unix seconds: the correction time after
    /// its first reading, or the reading deadline where there is none.
    #[inline(always)]
    fn readings_until(&self, place: usize) -> i64 {
        let deadline = self.window_start(place) + self.deadline_after();
        self.windows[place].readings_until(deadline, self.terms.correction_seconds as i64)
    }

    /// Reading deadline, in seconds after a window's start.
    #[inline(always)]
    pub(super) fn deadline_after(&self) -> i64 {
        self.terms.readings_after() + self.terms.reading_deadline_seconds as i64
    }

    /// First second in which the window at a place is final, in unix seconds: it takes no reading any more. `i64::MAX`
    /// while an auction has not settled all offers of it.
    #[inline(always)]
    pub fn final_at(&self, place: usize) -> i64 {
        let deadline = self.window_start(place) + self.deadline_after();
        self.windows[place].final_at(deadline, self.terms.correction_seconds as i64)
    }

    /// Whether the window at a place is final: it takes no reading any more.
    #[inline(always)]
    pub fn is_final(&self, place: usize, now: i64) -> bool {
        now >= self.final_at(place)
    }

    /// The device that measures the window at a place.
    #[inline(always)]
    pub fn device(&self, place: usize) -> &BookMeter {
        &self.meters[self.windows[place].meter as usize % MAX_BOOK_METERS]
    }

    /// Records a reading of a window. The caller has checked its proof.
    #[inline(always)]
    pub fn report(&mut self, place: usize, reading: &Reading, proof: ReadingProof, now: i64) -> Result<()> {
        let (window, end) = (self.windows[place], self.window_end(place));
        ensure!(window.state != BookWindowState::Unused as u8, WindowNotListed);
        ensure!(now >= end, ReadingTooEarly, "window ends at {}, now {}", end, now);
        if window.unsettled_offers > 0 {
            let gate = self.terms.gate_closes_at(self.window_start(place));
            ensure!(
                now >= gate.saturating_add(AUCTION_PROOF_SECONDS),
                AuctionNotOver,
                "{} offers of the window are neither settled nor cancelled",
                window.unsettled_offers
            );
        }
        let final_at = self.readings_until(place);
        ensure!(now < final_at, ReadingTooLate, "final at {}, now {}", final_at, now);
        let highest = self.highest_reading_wh(self.device(place).power_w);
        ensure!(
            reading.energy_wh <= highest,
            ReadingTooHigh,
            "{} Wh, at most {} Wh are possible",
            reading.energy_wh,
            highest
        );
        let readings = window.operator_readings;
        if proof == ReadingProof::Operator {
            ensure!(readings < MAX_OPERATOR_READINGS, OperatorReadingsSpent);
            let next = readings as u64 + 1;
            ensure!(reading.sequence == next, NumberNotNext, "number {}, the next is {}", reading.sequence, next);
        } else {
            ensure!(readings == 0, OperatorHasRead);
            ensure!(
                reading.sequence > window.sequence,
                SequenceUsed,
                "sequence {}, the last is {}",
                reading.sequence,
                window.sequence
            );
        }
        let window = &mut self.windows[place];
        window.delivered_wh = reading.energy_wh;
        if window.reported_at == 0 {
            window.reported_at = now;
        }
        if proof == ReadingProof::Operator {
            window.operator_readings += 1;
        } else {
            window.sequence = reading.sequence;
        }
        Ok(())
    }

    /// Releases every window that is final and not released; returns what the seller and the grid get.
    #[inline(never)]
    pub fn release(&mut self, now: i64) -> ReleasedWindows {
        let mut released = [0; 2];
        let (mut due, mut grid_fee) = (0, 0);
        // Copied, because the compiler cannot tell that writing to the windows leaves the terms unchanged.
        let (length, deadline) = (self.terms.window_seconds as i64, self.deadline_after());
        let (correction, fee) = (self.terms.correction_seconds as i64, self.terms.grid_fee_per_kwh);
        let mut silent_until = self.first_window + deadline - length;
        for (set, windows) in released.iter_mut().zip(self.windows.chunks_mut(64)) {
            let (mut new, mut bit) = (0, 1);
            for window in windows {
                silent_until += length;
                if window.state == BookWindowState::Listed as u8 && now >= window.final_at(silent_until, correction) {
                    new |= bit;
                    let (due_for_it, fee_for_it) = window.release(fee);
                    due += due_for_it;
                    grid_fee += fee_for_it;
                }
                bit <<= 1;
            }
            *set = new;
        }
        self.settled += due;
        ReleasedWindows { windows: released, amount: due - grid_fee, grid_fee }
    }

    /// What a buyer that paid `paid` for energy of the final window at a place gets back, in token base units.
    pub fn refund_of(&self, place: usize, paid: u64) -> u64 {
        self.windows[place].refund_of(paid)
    }

    /// Delivered Wh of a buyer that bought `energy_wh` of the final window at a place.
    #[inline(always)]
    pub fn delivered_of(&self, place: usize, energy_wh: u64) -> u64 {
        let (sold_wh, delivered_wh) = (self.windows[place].sold_wh, self.windows[place].delivered_parts().traded_wh);
        if delivered_wh >= sold_wh {
            return energy_wh;
        }
        math::mul_div_floor(energy_wh, delivered_wh, sold_wh).unwrap_or(0)
    }

    /// Delivered Wh of the final window at a place that the seller did not sell.
    #[inline(always)]
    pub fn surplus_of(&self, place: usize) -> u64 {
        let BookWindow { sold_wh, auction_wh, delivered_wh, .. } = self.windows[place];
        delivered_wh.saturating_sub(sold_wh + auction_wh)
    }

    /// Marks `energy_wh` more of what was delivered as certified; returns the Wh at which the new range starts.
    #[inline(always)]
    pub fn certify(&mut self, place: usize, energy_wh: u64) -> u64 {
        let window = &mut self.windows[place];
        let start = window.certified_wh;
        window.certified_wh += energy_wh;
        start
    }

    /// Gate closure of the window at a place, in unix seconds.
    #[inline(always)]
    fn gate(&self, place: usize) -> i64 {
        self.terms.gate_closes_at(self.window_start(place))
    }

    /// Gate closure of the last of its 96 windows, in unix seconds.
    #[inline(always)]
    pub fn own_last_gate(&self) -> i64 {
        self.gate(BOOK_WINDOWS - 1)
    }

    /// Gate closure of the last of its windows that exists, in unix seconds: a change of terms can end the book before
    /// its 96th window. 0 on a closing bus, where nothing is listed any more.
    #[inline(always)]
    pub fn last_gate(&self, bus: &Bus) -> i64 {
        if bus.closing == 1 {
            return 0;
        }
        let mut gate = self.own_last_gate();
        for terms in [&bus.terms, &bus.next_terms] {
            if terms.from > self.first_window {
                gate = gate.min(self.terms.gate_closes_at(terms.from - self.terms.window_seconds as i64));
            }
        }
        gate
    }

    /// When the last of its used windows is final, in unix seconds; 0 where none was used. A first reading can still
    /// make it change.
    pub fn last_final_at(&self) -> i64 {
        let is_used = |place: &usize| self.windows[*place].state != BookWindowState::Unused as u8;
        (0..BOOK_WINDOWS).filter(is_used).map(|place| self.final_at(place)).max().unwrap_or(0)
    }

    /// Whether its closing waits for the window at a place. On a closing bus it does not wait for a window ahead of its
    /// gate in which nothing was sold: nothing will be.
    fn waits_for(&self, place: usize, bus: &Bus, now: i64) -> bool {
        let window = &self.windows[place];
        window.state != BookWindowState::Unused as u8
            && (bus.closing == 0 || window.sold_wh > 0 || now >= self.gate(place))
    }

    /// When the book can be closed, if nothing is open in it then. Readings and listings can still change these times.
    #[inline(never)]
    pub fn closable(&self, bus: &Bus, now: i64) -> BookClosable {
        let gate = self.last_gate(bus);
        let mut closable = BookClosable { by_seller: gate, by_others: gate, final_at: gate };
        for place in 0..BOOK_WINDOWS {
            if self.waits_for(place, bus, now) {
                let (final_at, bids_at) = (self.final_at(place), self.bids_certified_at(place));
                let certified_at =
                    final_at.saturating_add(if self.windows[place].delivered_wh > 0 { CERTIFICATE_SECONDS } else { 0 });
                closable.final_at = closable.final_at.max(final_at);
                closable.by_seller = closable.by_seller.max(final_at).max(bids_at);
                closable.by_others = closable.by_others.max(certified_at).max(bids_at);
            }
        }
        closable
    }

    /// When bids have had 30 days to certify what the window at a place delivered for the auction, in unix seconds; 0 where
    /// they have certified all of it. They can do so once every seller of the auction is counted in the pool, which anyone
    /// can bring about once the last of them is final: at the latest a correction time after the reading deadline.
    fn bids_certified_at(&self, place: usize) -> i64 {
        let window = &self.windows[place];
        if window.auction_wh == 0 || window.delivered_parts().auction_wh == window.auction_certified_wh {
            return 0;
        }
        self.window_start(place)
            .saturating_add(self.deadline_after() + self.terms.correction_seconds as i64 + CERTIFICATE_SECONDS)
    }

    /// Refuses to close a book with open offers or positions, or before it is [`closable`](Self::closable).
    pub fn validate_close(&self, bus: &Bus, caller_is_seller: bool, now: i64) -> Result<()> {
        ensure!(
            self.open_offers == 0 && self.open_positions == 0,
            BookInUse,
            "{} offers, {} positions are open",
            self.open_offers,
            self.open_positions
        );
        ensure!(self.pool_due == 0 && !self.windows.iter().any(BookWindow::owes_pool), PoolOpen);
        let BookClosable { by_seller, by_others, final_at } = self.closable(bus, now);
        ensure!(now >= final_at, BookNotFinal, "final from {}, now {}", final_at, now);
        let closes_at = if caller_is_seller { by_seller } else { by_others };
        ensure!(now >= closes_at, CertificatesOpen, "closes from {}, now {}", closes_at, now);
        Ok(())
    }

    /// Counts the part of the final window at a place that the auction sold, at a price with the grid fee; returns what
    /// the pool gets to know of it.
    pub fn report_to_pool(&mut self, place: usize, full_price_per_kwh: u64) -> PoolPart {
        let fee = self.terms.grid_fee_per_kwh;
        let window = &mut self.windows[place];
        let delivered_wh = window.delivered_parts().auction_wh;
        // Not more than what the bids paid, so it fits.
        let due = math::mul_div_floor(delivered_wh, full_price_per_kwh, WH_PER_KWH).unwrap_or(0);
        let grid_fee = math::grid_fee(delivered_wh, fee);
        window.pool_reported = 1;
        let auction_wh = window.auction_wh;
        self.pool_due += due;
        self.pool_grid_fee += grid_fee;
        PoolPart { auction_wh, delivered_wh, due, grid_fee }
    }

    /// Takes out what the escrow holds for the book; returns it and the grid fees in it, in token base units.
    pub fn take_pool_due(&mut self) -> (u64, u64) {
        (core::mem::take(&mut self.pool_due), core::mem::take(&mut self.pool_grid_fee))
    }

    /// What the vault holds for the book, in token base units.
    pub fn held(&self) -> u64 {
        // The sum and `settled` wrap where more than 64 bits of money went through the book; their difference fits.
        self.windows.iter().fold(0, |sum: u64, window| sum.wrapping_add(window.paid)).wrapping_sub(self.settled)
    }

    /// Checks what always holds of a book.
    pub fn check_invariants(&self) -> core::result::Result<(), &'static str> {
        let Self {
            layout_version,
            bump: _,
            meter_count,
            padding,
            open_offers: _,
            open_positions: _,
            padding_2,
            first_window,
            settled,
            terms,
            bus: _,
            bus_created_at: _,
            meter: _,
            seller,
            vault,
            rent_payer: _,
            meters,
            windows,
            pool_due,
            pool_grid_fee,
            reserved,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        let count = *meter_count as usize;
        invariant((1..=MAX_BOOK_METERS).contains(&count), "a book has 1 to 4 devices")?;
        invariant(
            (1..count).all(|i| !meters[..i].contains(&meters[i]))
                && meters[count..].iter().all(|meter| *meter == BookMeter::zeroed()),
            "devices are distinct, unused places are empty",
        )?;
        invariant(terms.is_on_delivery() && terms.has_windows(), "books are of windows on delivery terms")?;
        invariant(
            *first_window >= terms.from && Self::first_window_of(terms, *first_window) == *first_window,
            "a book starts a multiple of 96 windows after its terms",
        )?;
        invariant(seller != vault, "the vault is an account of its own")?;
        let mut paid = 0u128;
        for window in windows {
            window.check_invariants(self)?;
            paid += window.paid as u128;
        }
        invariant(*settled as u128 <= paid, "no more is settled than was paid")?;
        invariant(pool_grid_fee <= pool_due, "grid fees are part of what is due")?;
        invariant(
            *padding == 0
                && *padding_2 == [0; 4]
                && *reserved == [0; 6]
                && meters.iter().all(|meter| meter.padding == [0; 7]),
            "reserved bytes are zero",
        )
    }
}

impl BookWindow {
    /// First second in which it takes no reading any more: the correction time after its first reading, or the deadline
    /// where there is no reading. Later readings do not move it.
    #[inline(always)]
    fn readings_until(&self, deadline: i64, correction_seconds: i64) -> i64 {
        if self.reported_at == 0 { deadline } else { self.reported_at + correction_seconds }
    }

    /// First second in which it takes no reading any more; `i64::MAX` while an auction has not settled all offers.
    #[inline(always)]
    pub(super) fn final_at(&self, deadline: i64, correction_seconds: i64) -> i64 {
        if self.unsettled_offers > 0 { i64::MAX } else { self.readings_until(deadline, correction_seconds) }
    }

    /// Divides what was delivered, up to what was sold, between continuous trade and auction in proportion to what each
    /// sold.
    #[inline(always)]
    pub fn delivered_parts(&self) -> DeliveredParts {
        let Self { sold_wh, auction_wh, delivered_wh, .. } = *self;
        if auction_wh == 0 {
            return DeliveredParts { traded_wh: delivered_wh.min(sold_wh), auction_wh: 0 };
        }
        let all_wh = sold_wh + auction_wh;
        let counted_wh = delivered_wh.min(all_wh);
        // Not more than `auction_wh`, so it fits.
        let of_auction = math::mul_div_floor(counted_wh, auction_wh, all_wh).unwrap_or(0);
        DeliveredParts { traded_wh: counted_wh - of_auction, auction_wh: of_auction }
    }

    /// Whether the part that the auction sold is not counted in the window's pool yet.
    pub fn owes_pool(&self) -> bool {
        self.auction_wh > 0 && self.pool_reported == 0
    }

    /// Marks delivered energy that the auction sold as certified for a bid that may still certify `wanted_wh`; returns how
    /// much it gets, in Wh.
    pub fn certify_for_bid(&mut self, wanted_wh: u64) -> u64 {
        let left_wh = self.delivered_parts().auction_wh - self.auction_certified_wh;
        let energy_wh = wanted_wh.min(left_wh);
        self.auction_certified_wh += energy_wh;
        energy_wh
    }

    /// What a buyer that paid `paid` for energy of this final window gets back, in token base units.
    #[inline(always)]
    pub(super) fn refund_of(&self, paid: u64) -> u64 {
        let (sold_wh, delivered_wh) = (self.sold_wh, self.delivered_parts().traded_wh);
        if delivered_wh >= sold_wh {
            return 0;
        }
        if delivered_wh == 0 {
            return paid;
        }
        // Not more than `paid`, so it fits.
        paid - math::mul_div_ceil(paid, delivered_wh, sold_wh).unwrap_or(paid)
    }

    /// Marks the window as released; returns what is due for the delivered energy, and the grid's part of that, in
    /// token base units.
    #[inline(always)]
    pub fn release(&mut self, grid_fee_per_kwh: u64) -> (u64, u64) {
        self.state = BookWindowState::Released as u8;
        let delivered_wh = self.delivered_parts().traded_wh;
        if delivered_wh == 0 {
            return (0, 0);
        }
        let due = if delivered_wh == self.sold_wh {
            self.paid
        } else {
            // Not more than `paid`, so it fits.
            math::mul_div_floor(self.paid, delivered_wh, self.sold_wh).unwrap_or(0)
        };
        // Never more than what is due: each cost contains the fee and was rounded up.
        (due, math::grid_fee(delivered_wh, grid_fee_per_kwh))
    }

    /// Checks what always holds of a window of a book.
    fn check_invariants(&self, book: &DeliveryBook) -> core::result::Result<(), &'static str> {
        let Self {
            listed_wh,
            sold_wh,
            paid,
            auction_wh,
            delivered_wh,
            certified_wh,
            reported_at,
            sequence,
            meter,
            state,
            operator_readings,
            surplus_certified,
            unsettled_offers,
            pool_reported,
            padding,
            auction_certified_wh,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        invariant(BookWindowState::try_from(*state).is_ok(), "the state of a window is known")?;
        if *state == BookWindowState::Unused as u8 {
            return invariant(*self == Self::zeroed(), "a window that was not used is empty");
        }
        invariant(*meter < book.meter_count, "a window has a device of the book")?;
        let power_w = book.meters[*meter as usize % MAX_BOOK_METERS].power_w;
        invariant(*listed_wh <= book.most_wh(power_w), "no more is listed than the device can deliver")?;
        invariant(sold_wh + auction_wh <= *listed_wh, "no more is sold than listed")?;
        let has_auction = book.terms.has_auction();
        invariant(has_auction || (*auction_wh == 0 && *unsettled_offers == 0), "an auction settles its own offers")?;
        invariant((*sold_wh == 0) == (*paid == 0), "what is sold is paid")?;
        invariant(*delivered_wh <= book.highest_reading_wh(power_w), "readings are possible")?;
        invariant(certified_wh <= delivered_wh, "no more is certified than was delivered")?;
        let certifiable_wh = self.delivered_parts().auction_wh.min(*certified_wh);
        invariant(*auction_certified_wh <= certifiable_wh, "no more is certified than was delivered")?;
        invariant(*surplus_certified <= 1 && *pool_reported <= 1, "flags are 0 or 1")?;
        invariant(*pool_reported == 0 || *auction_wh > 0, "a pool has what an auction sold")?;
        invariant(*operator_readings <= MAX_OPERATOR_READINGS, "the operator reads at most three times")?;
        let has_reading = *operator_readings > 0 || *sequence > 0;
        invariant((*reported_at != 0) == has_reading, "a window with a reading knows when the first came")?;
        invariant(has_reading || *delivered_wh == 0, "nothing is delivered without a reading")?;
        invariant(*padding == 0, "reserved bytes are zero")
    }
}

impl BookMeter {
    /// Refuses every key but the device's.
    #[inline(always)]
    pub fn validate_key(&self, key: &Address) -> Result<()> {
        ensure!(address_eq(&self.key, key), NotTheMeter);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::{
            error::MultibusError,
            state::{
                MeterSpec, PositionBook, TermsConfig,
                fixture::{BUS, assert_noticed, wallet},
            },
            testing::cases,
        },
        proptest::prelude::*,
    };

    const HOUR: i64 = 3_600;
    /// First window of the terms of these tests.
    const FROM: i64 = 900_000;

    fn terms() -> Terms {
        let config = TermsConfig {
            window_seconds: 900,
            gate_closure_seconds: 60,
            settlement: 1,
            grid_fee_per_kwh: 300,
            reading_deadline_seconds: 3_600,
            correction_seconds: 7_200,
            auction: false,
        };
        Terms::new(&config, FROM)
    }

    fn bus() -> Bus {
        Bus { terms: terms(), created_at: 5, ..Bus::zeroed() }
    }

    /// A meter of a device of 40 kW, which delivers at most 10 kWh in a window.
    fn meter() -> Meter {
        let mut meter = Meter::zeroed();
        meter.initialize(&BUS, &wallet(1), &wallet(2));
        meter.set_device(&wallet(3), MeterSpec { source: 1, power_w: 40_000, valid_from: 0 }, 1).unwrap();
        meter
    }

    /// The first book of the terms, with 10 kWh listed in its first window.
    fn book() -> DeliveryBook {
        let mut book = DeliveryBook::zeroed();
        book.initialize(&bus(), &meter(), &terms(), FROM);
        book.vault = wallet(4);
        book.list(0, 10_000, &mut meter()).unwrap();
        book
    }

    /// End of the first window.
    const END: i64 = FROM + 900;

    fn reading(energy_wh: u64, sequence: u64) -> Reading {
        Reading { window_start: FROM, energy_wh, sequence }
    }

    /// The transition refuses with the error and changes nothing.
    fn refused<T>(book: DeliveryBook, error: MultibusError, transition: impl FnOnce(&mut DeliveryBook) -> Result<T>) {
        let mut after = book;
        assert_eq!(transition(&mut after).err(), Some(error.into()));
        assert_eq!(after, book);
    }

    #[test]
    fn books_are_counted_from_the_first_window_of_their_terms() {
        let book_seconds = 96 * 900;
        for (window, first) in
            [(0, 0), (95 * 900, 0), (96 * 900, book_seconds), (200 * 900, 2 * book_seconds), (191 * 900, book_seconds)]
        {
            assert_eq!(DeliveryBook::first_window_of(&terms(), FROM + window), FROM + first);
        }
        let book = book();
        assert_eq!((book.place(FROM), book.place(FROM + 95 * 900)), (Ok(0), Ok(95)));
        for other in [FROM - 900, FROM + 1, FROM + book_seconds, i64::MIN, i64::MAX] {
            assert_eq!(book.place(other), Err(MultibusError::WindowNotInBook.into()), "{other}");
        }
        assert_eq!((book.bus, book.bus_created_at, book.seller, book.terms), (BUS, 5, wallet(1), terms()));
    }

    #[test]
    fn no_more_is_listed_than_the_windows_device_can_deliver() {
        let mut book = book();
        refused(book, MultibusError::PowerExceeded, |book| book.list(0, 1, &mut meter()));
        assert!(!book.unlist(0, 400, true, FROM - 61));
        refused(book, MultibusError::PowerExceeded, |book| book.list(0, 401, &mut meter()));
        // The device was replaced by a stronger one. This window keeps its old device.
        let mut stronger = meter();
        stronger.set_device(&wallet(5), MeterSpec { source: 2, power_w: 80_000, valid_from: 0 }, 1).unwrap();
        refused(book, MultibusError::PowerExceeded, |book| book.list(0, 401, &mut stronger));
        book.list(0, 400, &mut stronger).unwrap();
        assert_eq!((book.device(0).key, stronger.listed_until, book.open_offers), (wallet(3), 0, 2));
        book.list(1, 20_000, &mut stronger).unwrap();
        assert_eq!((book.device(1).key, stronger.listed_until, book.meter_count), (wallet(5), END + 900, 2));
        assert_eq!(book.check_invariants(), Ok(()));
    }

    #[test]
    fn a_window_from_which_its_seller_withdraws_all_before_the_gate_is_unused() {
        let gate = FROM - 60;
        let withdrawn = |energy_wh, by_seller, now| {
            let mut book = book();
            let is_unused = book.unlist(0, energy_wh, by_seller, now);
            assert_eq!(book.check_invariants(), Ok(()));
            (is_unused, book.windows[0].state, book.last_final_at() == 0)
        };
        assert_eq!(withdrawn(10_000, true, gate - 1), (true, 0, true));
        // Energy that stayed on offer until the gate, or that others withdrew, can still be delivered, and certified for its
        // seller.
        assert_eq!(withdrawn(10_000, true, gate), (false, 1, false));
        assert_eq!(withdrawn(10_000, false, gate - 1), (false, 1, false));
        assert_eq!(withdrawn(9_999, true, gate - 1), (false, 1, false));
    }

    #[test]
    fn a_book_keeps_four_devices() {
        let mut book = book();
        for number in 1..4 {
            let mut other = meter();
            other.key = wallet(number + 10);
            book.list(number as usize, 1, &mut other).unwrap();
        }
        let mut fifth = meter();
        fifth.key = wallet(20);
        refused(book, MultibusError::BookMetersFull, |book| book.list(4, 1, &mut fifth));
        assert_eq!(fifth.listed_until, 0);
        book.list(4, 1, &mut meter()).unwrap();
        assert_eq!((book.windows[4].meter, book.check_invariants()), (0, Ok(())));
        // The place of a device that measures no window any more is used again.
        assert!(book.unlist(2, 1, true, 0));
        book.list(5, 1, &mut fifth).unwrap();
        assert_eq!((book.device(5).key, book.windows[5].meter, book.check_invariants()), (wallet(20), 2, Ok(())));
        let mut late = meter();
        late.valid_from = FROM + 6 * 900 + 1;
        refused(book, MultibusError::MeterNotValidYet, |book| book.list(6, 1, &mut late));
    }

    #[test]
    fn a_reading_comes_in_time_and_is_possible() {
        let mut book = book();
        let meter = ReadingProof::Transaction;
        refused(book, MultibusError::WindowNotListed, |book| book.report(1, &reading(1, 1), meter, END + 900));
        refused(book, MultibusError::ReadingTooEarly, |book| book.report(0, &reading(1, 1), meter, END - 1));
        refused(book, MultibusError::ReadingTooLate, |book| book.report(0, &reading(1, 1), meter, END + HOUR));
        refused(book, MultibusError::ReadingTooHigh, |book| book.report(0, &reading(11_001, 1), meter, END));
        refused(book, MultibusError::SequenceUsed, |book| book.report(0, &reading(1, 0), meter, END));
        book.report(0, &reading(11_000, 5), meter, END + HOUR - 1).unwrap();
        assert_eq!((book.windows[0].delivered_wh, book.windows[0].reported_at), (11_000, END + HOUR - 1));
        // Readings that repeat a sequence, come out of order or contradict each other.
        for sequence in [5, 4, 1] {
            refused(book, MultibusError::SequenceUsed, |book| book.report(0, &reading(9, sequence), meter, END + HOUR));
        }
        // A correction does not change when the window is final.
        let last = END + HOUR - 1 + 2 * HOUR - 1;
        book.report(0, &reading(7, 6), ReadingProof::Signature, last).unwrap();
        assert_eq!((book.windows[0].delivered_wh, book.windows[0].reported_at), (7, END + HOUR - 1));
        refused(book, MultibusError::ReadingTooLate, |book| book.report(0, &reading(8, 7), meter, last + 1));
        assert!(!book.is_final(0, last) && book.is_final(0, last + 1));
        assert_eq!(book.check_invariants(), Ok(()));
    }

    #[test]
    fn the_operator_reads_three_times_and_the_device_no_more() {
        let mut book = book();
        book.report(0, &reading(1, 9), ReadingProof::Transaction, END).unwrap();
        for number in 1..=3 {
            for other in [0, number + 1] {
                let operator = reading(2, other);
                refused(book, MultibusError::NumberNotNext, |book| {
                    book.report(0, &operator, ReadingProof::Operator, END)
                });
            }
            book.report(0, &reading(number, number), ReadingProof::Operator, END).unwrap();
            assert_eq!(book.windows[0].delivered_wh, number);
            for proof in [ReadingProof::Transaction, ReadingProof::Signature] {
                refused(book, MultibusError::OperatorHasRead, |book| book.report(0, &reading(5, 10), proof, END));
            }
        }
        let fourth = reading(4, 4);
        refused(book, MultibusError::OperatorReadingsSpent, |book| {
            book.report(0, &fourth, ReadingProof::Operator, END)
        });
        assert_eq!((book.windows[0].reported_at, book.check_invariants()), (END, Ok(())));
    }

    #[test]
    fn a_silent_window_is_final_at_its_deadline_and_refunds_all() {
        let mut book = book();
        book.sell(0, 1_000, 777).unwrap();
        assert!(!book.is_final(0, END + HOUR - 1) && book.is_final(0, END + HOUR));
        assert_eq!(book.release(END + HOUR - 1), ReleasedWindows::default());
        assert_eq!(book.refund_of(0, 777), 777);
        let release = book.release(END + HOUR);
        assert_eq!(release, ReleasedWindows { windows: [1, 0], amount: 0, grid_fee: 0 });
        assert_eq!(
            (book.held(), book.release(i64::MAX), book.check_invariants()),
            (777, ReleasedWindows::default(), Ok(()))
        );
    }

    #[test]
    fn a_seller_is_released_what_it_delivered_and_the_grid_its_fee() {
        let mut book = book();
        book.sell(0, 3_000, 3_001).unwrap();
        book.report(0, &reading(1_000, 1), ReadingProof::Transaction, END).unwrap();
        let release = book.release(END + 2 * HOUR);
        // floor(3001 / 3) = 1000, of which the grid gets 1 kWh x 300.
        assert_eq!(release, ReleasedWindows { windows: [1, 0], amount: 700, grid_fee: 300 });
        assert_eq!((book.refund_of(0, 3_001), book.held()), (3_001 - 1_001, 2_001));
        assert_eq!((book.delivered_of(0, 2_999), book.surplus_of(0)), (999, 0));
        let mut more = self::book();
        more.sell(0, 3_000, 3_001).unwrap();
        more.report(0, &reading(3_500, 1), ReadingProof::Transaction, END).unwrap();
        assert_eq!(more.release(END + 2 * HOUR).amount, 3_001 - 900);
        assert_eq!((more.refund_of(0, 3_001), more.delivered_of(0, 3_000), more.surplus_of(0)), (0, 3_000, 500));
        assert_eq!((more.certify(0, 3_000), more.certify(0, 500), more.windows[0].certified_wh), (0, 3_000, 3_500));
    }

    #[test]
    fn a_sum_that_does_not_fit_is_refused() {
        let mut book = book();
        book.sell(0, 1, u64::MAX).unwrap();
        refused(book, MultibusError::CostOverflow, |book| book.sell(0, 1, 1));
    }

    #[test]
    fn a_book_waits_for_the_certificates_of_bids() {
        let bus = Bus { closing: 1, ..bus() };
        let mut book = DeliveryBook { open_offers: 0, ..book() };
        book.windows[0].auction_wh = 1_000;
        book.report(0, &reading(600, 1), ReadingProof::Transaction, END).unwrap();
        let _ = book.report_to_pool(0, 700);
        let _ = book.take_pool_due();
        // Another seller's first reading can come just before the deadline, and its last one two hours later.
        let bids = END + HOUR + 2 * HOUR + CERTIFICATE_SECONDS;
        let final_at = END + 2 * HOUR;
        assert_eq!(book.closable(&bus, END), BookClosable { by_seller: bids, by_others: bids, final_at });
        for caller_is_seller in [true, false] {
            let validate = |now| book.validate_close(&bus, caller_is_seller, now);
            assert_eq!(validate(final_at - 1), Err(MultibusError::BookNotFinal.into()));
            assert_eq!(validate(bids - 1), Err(MultibusError::CertificatesOpen.into()));
            assert_eq!(validate(bids), Ok(()));
        }
        // Once bids have taken everything, their seller waits no more.
        assert_eq!(book.windows[0].certify_for_bid(700), 600);
        assert_eq!(book.validate_close(&bus, true, final_at), Ok(()));
        book.windows[0].delivered_wh = 0;
        book.windows[0].auction_certified_wh = 0;
        assert_eq!(book.validate_close(&bus, false, final_at), Ok(()), "nothing was delivered");
    }

    #[test]
    fn a_book_closes_after_its_last_gate_with_nothing_open() {
        let bus = bus();
        let gate = FROM + 95 * 900 - 60;
        let book = DeliveryBook { open_offers: 0, ..book() };
        assert_eq!(book.last_gate(&bus), gate);
        for (open_offers, open_positions) in [(1, 0), (0, 1)] {
            let open = DeliveryBook { open_offers, open_positions, ..book };
            assert_eq!(open.validate_close(&bus, true, i64::MAX), Err(MultibusError::BookInUse.into()));
        }
        assert_eq!(book.validate_close(&bus, true, gate - 1), Err(MultibusError::BookNotFinal.into()));
        assert_eq!(book.validate_close(&bus, true, gate), Ok(()));
        // Others wait for what can be certified, where something was delivered.
        let mut read = book;
        assert_eq!(read.validate_close(&bus, false, gate), Ok(()));
        read.report(0, &reading(1, 1), ReadingProof::Transaction, END).unwrap();
        let others = END + 2 * HOUR + CERTIFICATE_SECONDS;
        assert_eq!(read.closable(&bus, END), BookClosable { by_seller: gate, by_others: others, final_at: gate });
        assert_eq!(read.validate_close(&bus, false, others - 1), Err(MultibusError::CertificatesOpen.into()));
        assert_eq!(read.validate_close(&bus, false, others), Ok(()));
        // On a closing bus nothing is listed any more: a window is waited for where something was sold, or its gate has
        // closed.
        let last = END + HOUR;
        let closing = Bus { closing: 1, ..bus };
        let mut sold = book;
        sold.sell(0, 1, 1).unwrap();
        for (book, now) in [(&sold, 0), (&sold, FROM - 60), (&book, FROM - 60)] {
            assert_eq!(book.closable(&closing, now), BookClosable { by_seller: last, by_others: last, final_at: last });
        }
        assert_eq!(sold.validate_close(&closing, true, last - 1), Err(MultibusError::BookNotFinal.into()));
        assert_eq!(sold.validate_close(&closing, false, last), Ok(()));
        assert_eq!(book.closable(&closing, FROM - 61), BookClosable { by_seller: 0, by_others: 0, final_at: 0 });
        assert_eq!(book.validate_close(&closing, false, FROM - 61), Ok(()));
        let mut last = book;
        last.list(95, 1, &mut meter()).unwrap();
        last.close_offer();
        let end = FROM + 96 * 900;
        assert_eq!(last.validate_close(&bus, true, end + HOUR - 1), Err(MultibusError::BookNotFinal.into()));
        assert_eq!(last.validate_close(&bus, true, end + HOUR), Ok(()));
        // A change of terms cuts a book short, whether the next terms hold already or not.
        let next = Terms { from: FROM + 10 * 900, ..terms() };
        for bus in [Bus { next_terms: next, ..bus }, Bus { terms: next, ..bus }] {
            assert_eq!(book.last_gate(&bus), FROM + 9 * 900 - 60);
        }
    }

    #[test]
    fn every_invariant_notices_what_breaks_it() {
        let mut sound = book();
        sound.sell(0, 2_000, 9).unwrap();
        sound.report(0, &reading(1_000, 1), ReadingProof::Transaction, END).unwrap();
        assert_eq!(sound.check_invariants(), Ok(()));
        assert_noticed(
            &sound,
            DeliveryBook::check_invariants,
            &[
                ("the layout version is the present one", |book| book.layout_version = 1),
                ("a book has 1 to 4 devices", |book| book.meter_count = 0),
                ("a book has 1 to 4 devices", |book| book.meter_count = 5),
                ("devices are distinct, unused places are empty", |book| book.meters[1].power_w = 1),
                ("devices are distinct, unused places are empty", |book| {
                    (book.meter_count, book.meters[1]) = (2, book.meters[0]);
                }),
                ("books are of windows on delivery terms", |book| book.terms.settlement = 0),
                ("a book starts a multiple of 96 windows after its terms", |book| book.first_window += 900),
                ("the vault is an account of its own", |book| book.vault = book.seller),
                ("the state of a window is known", |book| book.windows[0].state = 3),
                ("a window that was not used is empty", |book| book.windows[1].listed_wh = 1),
                ("a window has a device of the book", |book| book.windows[0].meter = 1),
                ("no more is listed than the device can deliver", |book| book.windows[0].listed_wh = 10_001),
                ("no more is sold than listed", |book| book.windows[0].listed_wh = 1_999),
                ("no more is sold than listed", |book| {
                    (book.windows[0].auction_wh, book.windows[0].sold_wh) = (8_001, 2_000);
                }),
                ("an auction settles its own offers", |book| book.windows[0].auction_wh = 1),
                ("an auction settles its own offers", |book| book.windows[0].unsettled_offers = 1),
                ("no more is certified than was delivered", |book| book.windows[0].auction_certified_wh = 1),
                ("flags are 0 or 1", |book| book.windows[0].pool_reported = 2),
                ("a pool has what an auction sold", |book| book.windows[0].pool_reported = 1),
                ("grid fees are part of what is due", |book| book.pool_grid_fee = 1),
                ("what is sold is paid", |book| book.windows[0].paid = 0),
                ("readings are possible", |book| book.windows[0].delivered_wh = 11_001),
                ("no more is certified than was delivered", |book| book.windows[0].certified_wh = 1_001),
                ("flags are 0 or 1", |book| book.windows[0].surplus_certified = 2),
                ("the operator reads at most three times", |book| book.windows[0].operator_readings = 4),
                ("a window with a reading knows when the first came", |book| book.windows[0].reported_at = 0),
                ("a window with a reading knows when the first came", |book| book.windows[0].sequence = 0),
                ("nothing is delivered without a reading", |book| {
                    (book.windows[0].reported_at, book.windows[0].sequence) = (0, 0);
                }),
                ("no more is settled than was paid", |book| book.settled = 10),
                ("reserved bytes are zero", |book| book.padding = 1),
                ("reserved bytes are zero", |book| book.padding_2[3] = 1),
                ("reserved bytes are zero", |book| book.windows[0].padding = 1),
                ("reserved bytes are zero", |book| book.meters[0].padding[6] = 1),
                ("reserved bytes are zero", |book| book.reserved[5] = 1),
            ],
        );
    }

    /// [`book`] on terms with an auction, which sold 4 kWh of its 9 kWh; another 2 kWh were bought before.
    fn in_auction() -> DeliveryBook {
        let mut book = DeliveryBook::zeroed();
        book.initialize(&bus(), &meter(), &Terms { auction: 1, ..terms() }, FROM);
        book.vault = wallet(4);
        book.list(0, 9_000, &mut meter()).unwrap();
        book.sell(0, 2_000, 4_000_000).unwrap();
        book.settle_offer(0, 4_000);
        book
    }

    #[test]
    fn a_window_is_not_final_before_the_auction_settled_its_offers() {
        let mut book = in_auction();
        assert_eq!((book.windows[0].unsettled_offers, book.windows[0].auction_wh), (0, 4_000));
        book.list(0, 100, &mut meter()).unwrap();
        let gate = FROM - 60;
        let device = ReadingProof::Transaction;
        refused(book, MultibusError::AuctionNotOver, |book| book.report(0, &reading(1, 1), device, END));
        let over = gate + AUCTION_PROOF_SECONDS;
        refused(book, MultibusError::AuctionNotOver, |book| book.report(0, &reading(1, 1), device, over - 1));
        let mut late = book;
        late.report(0, &reading(1, 1), device, over).unwrap();
        assert_eq!((late.final_at(0), late.release(i64::MAX - 1)), (i64::MAX, ReleasedWindows::default()));
        late.settle_offer(0, 0);
        assert_eq!(late.final_at(0), over + 2 * HOUR);
        // Without a reading, from the latest second in which the auction can end.
        book.settle_offer(0, 0);
        assert_eq!((book.final_at(0), book.check_invariants()), (over + HOUR, Ok(())));
        refused(book, MultibusError::ReadingTooLate, |book| book.report(0, &reading(1, 1), device, over + HOUR));
        book.report(0, &reading(1, 1), device, END).unwrap();
        let mut full = book;
        full.windows[0].unsettled_offers = u16::MAX;
        refused(full, MultibusError::CounterOverflow, |book| book.list(0, 1, &mut meter()));
    }

    #[test]
    fn what_was_delivered_is_divided_between_trade_and_auction() {
        let divided = |delivered_wh| {
            let mut book = in_auction();
            book.report(0, &reading(delivered_wh, 1), ReadingProof::Transaction, END).unwrap();
            let parts = book.windows[0].delivered_parts();
            let part = book.report_to_pool(0, 2_500_000);
            assert_eq!((book.pool_due, book.pool_grid_fee), (part.due, part.grid_fee));
            assert!(!book.windows[0].owes_pool());
            assert_eq!(book.check_invariants(), Ok(()));
            let release = book.release(END + 2 * HOUR);
            let surplus_wh = book.surplus_of(0);
            (parts.traded_wh, parts.auction_wh, part.due, part.grid_fee, release.amount + release.grid_fee, surplus_wh)
        };
        assert_eq!(divided(0), (0, 0, 0, 0, 0, 0));
        // 2 of 3 Wh are the auction's, rounded down.
        assert_eq!(divided(1), (1, 0, 0, 0, 2_000, 0));
        assert_eq!(divided(3_001), (1_001, 2_000, 5_000_000, 600, 2_002_000, 0));
        assert_eq!(divided(6_000), (2_000, 4_000, 10_000_000, 1_200, 4_000_000, 0));
        assert_eq!(divided(7_000), (2_000, 4_000, 10_000_000, 1_200, 4_000_000, 1_000));
    }

    #[test]
    fn bids_certify_what_was_delivered_for_the_auction() {
        let mut book = in_auction();
        book.report(0, &reading(3_000, 1), ReadingProof::Transaction, END).unwrap();
        let mut certify = |wanted_wh| {
            let energy_wh = book.windows[0].certify_for_bid(wanted_wh);
            (energy_wh, book.certify(0, energy_wh))
        };
        assert_eq!([certify(1_500), certify(1_500), certify(1)], [(1_500, 0), (500, 1_500), (0, 2_000)]);
        assert_eq!(book.check_invariants(), Ok(()));
    }

    #[test]
    fn a_book_stays_open_while_a_pool_waits_for_it() {
        let mut book = DeliveryBook { open_offers: 0, ..in_auction() };
        assert_eq!(book.validate_close(&bus(), true, i64::MAX), Err(MultibusError::PoolOpen.into()));
        book.report(0, &reading(3_000, 1), ReadingProof::Transaction, END).unwrap();
        book.report_to_pool(0, 2_500_000);
        assert_eq!(book.validate_close(&bus(), true, i64::MAX), Err(MultibusError::PoolOpen.into()));
        assert_eq!(book.take_pool_due(), (5_000_000, 600));
        assert_eq!(book.validate_close(&bus(), true, i64::MAX), Ok(()));
    }

    proptest! {
        #![proptest_config(cases(4_000))]

        /// Random trade of up to 12 buyers in one window and a random delivery: no amount is negative, all can be paid,
        /// and at most one base unit for each position is left.
        #[test]
        fn what_was_paid_is_divided_to_the_base_unit(
            fee in 0u64..2_000_000,
            price in 1u64..9_000_000,
            trades in prop::collection::vec((0usize..12, 1u64..900), 1..40),
            delivered in 0u64..11_000,
            released_first: bool,
        ) {
            let mut book = book();
            book.terms.grid_fee_per_kwh = fee;
            let mut positions = vec![PositionBook { layout_version: LAYOUT_VERSION, ..PositionBook::zeroed() }; 12];
            let (mut paid, mut sold) = (0, 0);
            for (buyer, energy_wh) in trades {
                if sold + energy_wh > 10_000 {
                    continue;
                }
                let cost = math::cost(energy_wh, price + fee).unwrap();
                book.sell(0, energy_wh, cost).unwrap();
                positions[buyer].buy(0, energy_wh, cost, &wallet(9));
                (paid, sold) = (paid + cost, sold + energy_wh);
            }
            book.report(0, &reading(delivered, 1), ReadingProof::Transaction, END).unwrap();
            let now = END + 2 * HOUR;
            let mut release = ReleasedWindows::default();
            if released_first {
                release = book.release(now);
            }
            let (mut refunds, mut certified, mut count) = (0, 0, 0);
            for position in &mut positions {
                prop_assert_eq!(position.check_invariants(&book), Ok(()));
                let bought = position.windows[0];
                let refund = position.refund(&book, now);
                prop_assert_eq!(refund.windows != [0; 2], bought.energy_wh > 0);
                prop_assert!(refund.amount <= bought.paid);
                prop_assert_eq!(position.refund(&book, now).amount, 0);
                book.settled += refund.amount;
                refunds += refund.amount;
                count += (bought.energy_wh > 0) as u64;
                if let Ok(energy_wh) = position.certify(&book, 0) {
                    prop_assert!(energy_wh <= bought.energy_wh);
                    certified += energy_wh;
                    book.certify(0, energy_wh);
                }
                prop_assert!(position.certify(&book, 0).is_err());
            }
            certified += book.surplus_of(0);
            prop_assert!(certified <= delivered);
            if !released_first {
                release = book.release(now);
            }
            let counted = delivered.min(sold);
            prop_assert_eq!(release.grid_fee as u128, counted as u128 * fee as u128 / 1_000);
            prop_assert_eq!(release.amount + release.grid_fee, (paid as u128 * counted as u128 / sold.max(1) as u128) as u64);
            let left = paid - release.amount - release.grid_fee - refunds;
            prop_assert!(left <= count, "{} base units are left of {} positions", left, count);
            prop_assert_eq!((book.held(), book.check_invariants()), (left, Ok(())));
        }
    }
}

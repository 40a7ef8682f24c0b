//! Delivery books of sellers, and what each buyer has with a seller.

use {
    super::ModelTerms,
    crate::{
        limit::{BOOK_WINDOWS, CERTIFICATE_SECONDS, MAX_BOOK_DEVICES},
        math::{grid_fee, part_ceil, part_floor},
        state::ModelBus,
    },
    solana_address::Address,
    std::collections::{BTreeMap, BTreeSet},
};

/// A device as it was when a window was first listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelBookDevice {
    pub key: Address,
    pub power_w: u64,
    pub source: u8,
}

/// A window of a delivery book in which something was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelBookWindow {
    /// Index of its device in the book.
    pub device: usize,
    /// Listed and not withdrawn, sold or not.
    pub listed_wh: u64,
    pub sold_wh: u64,
    /// What buyers paid for it, in base units.
    pub paid: u64,
    /// Sold by the auction that closes it.
    pub auction_wh: u64,
    /// On terms with an auction: its offers that are neither cancelled nor settled.
    pub unsettled_offers: u16,
    /// Whether its part of the auction is counted in the pool.
    pub pool_reported: bool,
    /// Wh of that part that bids certified.
    pub auction_certified_wh: u64,
    /// What the last reading says.
    pub delivered_wh: u64,
    /// Wh for which there are certificates, or were.
    pub certified_wh: u64,
    pub reported_at: Option<i64>,
    /// The device's last sequence.
    pub sequence: u64,
    pub operator_readings: u8,
    pub surplus_certified: bool,
    /// What the seller and the grid got, in base units, once it is released.
    pub released: Option<(u64, u64)>,
    /// What went back to buyers, in base units.
    pub refunded: u64,
    /// Buyers of its energy, and how many of them had their refund.
    pub buyers: u64,
    pub buyers_refunded: u64,
}

impl ModelBookWindow {
    pub fn new(device: usize) -> Self {
        Self {
            device,
            listed_wh: 0,
            sold_wh: 0,
            paid: 0,
            auction_wh: 0,
            unsettled_offers: 0,
            pool_reported: false,
            auction_certified_wh: 0,
            delivered_wh: 0,
            certified_wh: 0,
            reported_at: None,
            sequence: 0,
            operator_readings: 0,
            surplus_certified: false,
            released: None,
            refunded: 0,
            buyers: 0,
            buyers_refunded: 0,
        }
    }

    /// Wh that were sold, in continuous trade and in the auction.
    pub fn all_sold_wh(&self) -> u64 {
        self.sold_wh + self.auction_wh
    }

    /// Delivered Wh that the auction sold: its part of all that was sold and delivered, rounded down.
    pub fn delivered_auction_wh(&self) -> u64 {
        let (delivered, all) = (self.delivered_wh.min(self.all_sold_wh()), self.all_sold_wh());
        if all == 0 { 0 } else { part_floor(delivered, self.auction_wh, all) }
    }

    /// Delivered Wh that were sold in continuous trade: the rest of them.
    pub fn delivered_sold_wh(&self) -> u64 {
        self.delivered_wh.min(self.all_sold_wh()) - self.delivered_auction_wh()
    }

    /// Delivered Wh that were not sold.
    pub fn surplus_wh(&self) -> u64 {
        self.delivered_wh - self.delivered_wh.min(self.all_sold_wh())
    }

    /// What the escrow owes the seller and the grid for the auction's part, and the grid's part of that.
    pub fn pool_due(&self, full_price: u64, fee: u64) -> (u64, u64) {
        let delivered = self.delivered_auction_wh();
        (part_floor(delivered, full_price, 1_000), grid_fee(delivered, fee))
    }

    /// Whether its part of the auction is not counted in the pool yet.
    pub fn owes_pool(&self) -> bool {
        self.auction_wh > 0 && !self.pool_reported
    }

    /// What the seller and the grid get together: the part of what was paid that was delivered, rounded down.
    pub fn due(&self) -> u64 {
        if self.sold_wh == 0 { 0 } else { part_floor(self.paid, self.delivered_sold_wh(), self.sold_wh) }
    }

    /// What goes back to a buyer that paid `paid`: all but the delivered part, rounded up.
    pub fn refund_of(&self, paid: u64) -> u64 {
        paid - part_ceil(paid, self.delivered_sold_wh(), self.sold_wh)
    }

    /// Delivered Wh of a buyer of `energy_wh`.
    pub fn delivered_of(&self, energy_wh: u64) -> u64 {
        part_floor(energy_wh, self.delivered_sold_wh(), self.sold_wh)
    }
}

/// What a seller sold in 96 windows, and what was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelBook {
    pub bus: Address,
    pub bus_created_at: i64,
    pub seller: Address,
    pub vault: Address,
    pub meter: Address,
    pub rent_payer: Address,
    pub first_window: i64,
    pub terms: ModelTerms,
    pub devices: Vec<ModelBookDevice>,
    /// Windows in which something was listed and not all of it withdrawn before the gate, by their place.
    pub windows: BTreeMap<usize, ModelBookWindow>,
    pub open_offers: u32,
    pub open_positions: u32,
    /// What the escrow holds for it, and the grid's part of that, in base units.
    pub pool_due: u64,
    pub pool_grid_fee: u64,
}

impl ModelBook {
    /// The index of a device in the book: where it is, or can be put for the window at `place`. `None` where every index is
    /// the device of some other window.
    pub fn index_of(&self, place: usize, device: &ModelBookDevice) -> Option<usize> {
        let is_free = |index: &usize| self.windows.iter().all(|(at, window)| *at == place || window.device != *index);
        match self.devices.iter().position(|known| known == device) {
            None if self.devices.len() < MAX_BOOK_DEVICES => Some(self.devices.len()),
            None => (0..MAX_BOOK_DEVICES).find(is_free),
            known => known,
        }
    }

    /// Place of the window that starts then.
    pub fn place(&self, window_start: i64) -> Option<usize> {
        let (since, length) = (window_start.checked_sub(self.first_window)?, self.terms.window_seconds as i64);
        let place = usize::try_from(since / length).ok()?;
        (since >= 0 && since % length == 0 && place < BOOK_WINDOWS).then_some(place)
    }

    pub fn window_start(&self, place: usize) -> i64 {
        self.first_window + self.terms.window_seconds as i64 * i64::from(place as u32)
    }

    pub fn window_end(&self, place: usize) -> i64 {
        self.window_start(place + 1)
    }

    /// First second in which a window takes no reading any more: the correction time after its first reading, or its deadline.
    pub fn readings_until(&self, place: usize) -> i64 {
        match self.windows.get(&place).and_then(|window| window.reported_at) {
            Some(first) => first + self.terms.correction_seconds as i64,
            None => {
                let from = self.terms.times_from(self.window_start(place));
                from + self.terms.reading_deadline_seconds as i64
            }
        }
    }

    /// First second in which a window is final: it takes no reading any more, and its auction has settled all its offers.
    pub fn final_at(&self, place: usize) -> i64 {
        let unsettled = self.windows.get(&place).is_some_and(|window| window.unsettled_offers > 0);
        if unsettled { i64::MAX } else { self.readings_until(place) }
    }

    /// Whether a window takes a reading now: it is over, its auction has settled its offers, and its time has not passed.
    pub fn takes_reading(&self, place: usize, now: i64) -> bool {
        let unsettled = self.windows.get(&place).is_some_and(|window| window.unsettled_offers > 0);
        (self.window_end(place)..self.readings_until(place)).contains(&now) && !unsettled
    }

    pub fn is_final(&self, place: usize, now: i64) -> bool {
        now >= self.final_at(place)
    }

    /// The last gate of its windows, those included that a change of terms took away.
    pub fn own_last_gate(&self) -> i64 {
        self.terms.gate(self.window_start(BOOK_WINDOWS - 1))
    }

    /// The last gate of those of its windows that its bus has: later terms cut the book short, and on a closing bus nothing is
    /// listed any more.
    pub fn last_gate(&self, bus: &ModelBus) -> i64 {
        if bus.closing {
            return i64::MIN;
        }
        let cuts = [Some(bus.terms), bus.next_terms].into_iter().flatten().map(|terms| terms.from);
        let cuts = cuts.filter(|from| *from > self.first_window);
        let gates = cuts.map(|from| self.terms.gate(from - self.terms.window_seconds as i64));
        gates.fold(self.own_last_gate(), i64::min)
    }

    /// First second in which no window in which something was listed takes a reading any more; 0 where there is none.
    pub fn last_reading_at(&self) -> i64 {
        self.windows.keys().map(|place| self.readings_until(*place)).max().unwrap_or(0)
    }

    /// From when on anybody closes it, whatever is read in it, once its auctions have settled its offers.
    pub fn closes_by(&self) -> i64 {
        let last = self.windows.keys().map(|place| self.every_reading_until(*place)).max().unwrap_or(0);
        last.max(self.own_last_gate()) + CERTIFICATE_SECONDS
    }

    /// Windows that the end of the book waits for. On a closing bus nothing more is sold, so that a window of which nothing was
    /// sold is waited for only once its gate has closed.
    fn awaited(&self, bus: &ModelBus, now: i64) -> impl Iterator<Item = (usize, &ModelBookWindow)> {
        let is_awaited = move |place: usize, window: &ModelBookWindow| {
            !bus.closing || window.sold_wh > 0 || self.terms.gate(self.window_start(place)) <= now
        };
        let awaited = self.windows.iter().filter(move |(place, window)| is_awaited(**place, window));
        awaited.map(|(place, window)| (*place, window))
    }

    /// From when on nothing more is sold or delivered in it.
    pub fn all_final_at(&self, bus: &ModelBus, now: i64) -> i64 {
        self.awaited(bus, now).map(|(place, _)| self.final_at(place)).fold(self.last_gate(bus), i64::max)
    }

    /// First second in which no seller takes a reading of a window any more, whenever the first one comes.
    fn every_reading_until(&self, place: usize) -> i64 {
        let times = self.terms.reading_deadline_seconds as i64 + self.terms.correction_seconds as i64;
        self.terms.times_from(self.window_start(place)) + times
    }

    /// Until when bids certify what its windows delivered for auctions and no bid has certified: a while after the last seller of
    /// such an auction can be counted.
    pub fn bids_certify_until(&self, bus: &ModelBus, now: i64) -> i64 {
        let left = |window: &ModelBookWindow| window.delivered_auction_wh() > window.auction_certified_wh;
        let awaited = self.awaited(bus, now).filter(|(_, window)| left(window));
        awaited.map(|(place, _)| self.every_reading_until(place) + CERTIFICATE_SECONDS).max().unwrap_or(0)
    }

    /// From when on its seller closes it.
    pub fn seller_closes_at(&self, bus: &ModelBus, now: i64) -> i64 {
        self.all_final_at(bus, now).max(self.bids_certify_until(bus, now))
    }

    /// From when on anybody closes it: what was delivered can be certified for a while.
    pub fn others_close_at(&self, bus: &ModelBus, now: i64) -> i64 {
        let delivered = self.awaited(bus, now).filter(|(_, window)| window.delivered_wh > 0);
        let certified = delivered.map(|(place, _)| self.final_at(place).saturating_add(CERTIFICATE_SECONDS));
        certified.fold(self.seller_closes_at(bus, now), i64::max)
    }

    /// What its vault holds for it.
    pub fn held(&self) -> u64 {
        let paid: u64 = self.windows.values().map(|window| window.paid).sum();
        paid - self.settled()
    }

    /// What left its vault, or became the seller's or the grid's.
    pub fn settled(&self) -> u64 {
        let of = |window: &ModelBookWindow| window.released.map_or(0, |(seller, grid)| seller + grid) + window.refunded;
        self.windows.values().map(of).sum()
    }
}

/// What a buyer has with a seller in the windows of a delivery book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelPosition {
    pub book: Address,
    pub buyer: Address,
    /// The token account that refunds go to; zeros until the buyer's first entry.
    pub refund: Address,
    pub rent_payer: Address,
    pub open_locks: u32,
    /// Wh and what was paid, by the window's place.
    pub windows: BTreeMap<usize, (u64, u64)>,
    pub refunded: BTreeSet<usize>,
    pub certified: BTreeSet<usize>,
}

impl ModelPosition {
    /// The buyer's first entry names the account for refunds.
    pub fn name_refund(&mut self, refund: &Address) {
        if self.refund == Address::default() {
            self.refund = *refund;
        }
    }

    /// From when on anybody closes it, if no lock of it is open: when its buyer cannot trade on, all it bought is final, and the
    /// time for what it can still certify is over.
    pub fn others_close_at(&self, book: &ModelBook, bus: &ModelBus, now: i64) -> i64 {
        let can_certify = self.windows.iter().any(|(place, (energy_wh, _))| {
            !self.certified.contains(place) && book.windows[place].delivered_of(*energy_wh) > 0
        });
        let bought = self.windows.keys().map(|place| book.final_at(*place));
        let certified = can_certify.then(|| book.others_close_at(bus, now));
        bought.chain(certified).fold(book.last_gate(bus), i64::max)
    }

    /// Windows that are final and of which nothing went back yet, each with what does.
    pub fn refunds(&self, book: &ModelBook, now: i64) -> BTreeMap<usize, u64> {
        let due =
            self.windows.iter().filter(|(place, _)| !self.refunded.contains(place) && book.is_final(**place, now));
        due.map(|(place, (_, paid))| (*place, book.windows[place].refund_of(*paid))).collect()
    }
}

//! The capacity of one delivery window, or of a whole bus without windows (the *general* capacity). It is written when
//! offers open or close, never by a purchase.

use {
    crate::{
        constants::*,
        error::{ensure, refuse},
        math,
        state::{Bus, Terms},
    },
    anchor_lang::prelude::*,
    bytemuck::{Pod, Zeroable},
};

/// Where the auction of a window stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuctionPhase {
    /// No auction closes this window.
    Off,
    /// Offers and bids come and go.
    Trading,
    /// The last 300 s before the gate: offers and bids are only added or improved.
    Closing,
    /// From the gate on: nothing in the book changes.
    Fixed,
    /// The price is proven; each order is settled alone.
    Cleared,
    /// There is nothing to settle: no bid or no offer at the gate, no proof in 24 hours, or the bus closes long before.
    /// All bids are returned.
    Over,
}

/// The orders of one side whose price is exactly that of the auction. They share what is left for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
#[repr(C)]
pub struct Ration {
    /// Their energy, in Wh.
    pub at_price_wh: u64,
    /// How much of it the auction fills, in Wh.
    pub filled_wh: u64,
    /// Energy of those that are settled, in Wh.
    pub settled_wh: u64,
}

impl Ration {
    /// Settles an order; returns what it gets, in Wh. It is the difference of two rounded running sums, so all orders
    /// together get exactly `filled_wh`, whatever the order of settlement.
    pub(super) fn settle(&mut self, energy_wh: u64) -> u64 {
        let before = self.filled_of(self.settled_wh);
        self.settled_wh += energy_wh;
        self.filled_of(self.settled_wh) - before
    }

    fn filled_of(&self, settled_wh: u64) -> u64 {
        if self.filled_wh == self.at_price_wh {
            return settled_wh;
        }
        // Not more than `filled_wh`, so it fits.
        math::mul_div_floor(self.filled_wh, settled_wh, self.at_price_wh).unwrap_or(0)
    }
}

/// What a proven price means for the orders of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuctionOutcome {
    /// In token base units per kWh, without the grid fee.
    pub price_per_kwh: u64,
    /// Energy that changes hands, in Wh. Where it is 0, the price means nothing.
    pub volume_wh: u64,
    pub bids: Ration,
    pub asks: Ration,
}

/// Capacity of one window. PDA `["capacity", bus, window_start]`; window start 0 is the general capacity.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Capacity {
    pub layout_version: u8,
    pub bump: u8,
    pub padding: [u8; 2],
    /// Offers that are open.
    pub open_offers: u32,
    /// Start of the window in unix seconds, 0 for the general capacity.
    pub window_start: i64,
    /// Terms of this window; all zero for the general capacity, whose offers get the bus's terms at the time of
    /// listing.
    pub terms: Terms,
    /// First second in which the window trades no more, in unix seconds; `i64::MAX` for the general capacity.
    pub gate_closes_at: i64,
    /// Everything the window may sell, in Wh: always `available_wh + committed_wh`.
    pub total_wh: u64,
    /// What may still be put on offer, in Wh.
    pub available_wh: u64,
    /// What is on offer or was sold, in Wh.
    pub committed_wh: u64,
    pub bus: Address,
    /// Who paid the rent and gets it back.
    pub rent_payer: Address,
    /// Bids that are open.
    pub open_bids: u32,
    /// 1 once somebody began to return its bids and to withdraw its offers because the bus closes long before its gate:
    /// then it has no auction.
    pub given_up: u8,
    pub padding_2: [u8; 3],
    /// What the escrow holds for this window, in token base units.
    pub escrowed: u64,
    /// When the price of the auction was proven, in unix seconds; 0 before.
    pub cleared_at: i64,
    /// Price of the auction, in token base units per kWh, without the grid fee.
    pub price_per_kwh: u64,
    /// Energy that the auction sells, in Wh.
    pub volume_wh: u64,
    /// Bids at the price.
    pub bids: Ration,
    /// Asks at the price.
    pub asks: Ration,
    /// On delivery terms: auction energy of the sellers that reported, in Wh. The pool is complete once it is
    /// `volume_wh`.
    pub reported_wh: u64,
    /// How much of that was delivered, in Wh.
    pub delivered_wh: u64,
    /// When the pool became complete, in unix seconds; 0 before.
    pub pool_complete_at: i64,
    pub reserved: [u64; 14],
}

const _: () = assert!(size_of::<Capacity>() == 376);

impl Capacity {
    /// Initialises the capacity of a window, with the terms that the bus has for it; window start 0 is the general
    /// capacity.
    pub fn initialize(&mut self, bus: &Bus, bus_address: &Address, rent_payer: &Address, window_start: i64) {
        self.layout_version = LAYOUT_VERSION;
        self.window_start = window_start;
        if window_start == 0 {
            self.gate_closes_at = i64::MAX;
        } else {
            self.terms = *bus.terms_at(window_start);
            self.gate_closes_at = self.terms.gate_closes_at(window_start);
        }
        self.total_wh = bus.capacity_wh;
        self.available_wh = bus.capacity_wh;
        self.bus = *bus_address;
        self.rent_payer = *rent_payer;
    }

    /// Terms of an offer that is listed now: the window's own, without windows the bus's present ones.
    #[inline(always)]
    pub fn terms_now<'a>(&'a self, bus: &'a Bus, now: i64) -> &'a Terms {
        if self.window_start != 0 { &self.terms } else { bus.terms_at(now) }
    }

    /// Refuses once the gate has closed.
    #[inline(always)]
    pub fn validate_gate(&self, now: i64) -> Result<()> {
        ensure!(now < self.gate_closes_at, GateClosed, "gate closed at {}, now {}", self.gate_closes_at, now);
        Ok(())
    }

    /// Energy that may still be put on offer where the bus's capacity is `limit_wh` now, in Wh. A window that was
    /// opened with a larger capacity is limited to that.
    #[inline(always)]
    pub fn available_under(&self, limit_wh: u64) -> u64 {
        if limit_wh < self.total_wh { limit_wh.saturating_sub(self.committed_wh) } else { self.available_wh }
    }

    /// Brings the total down to the bus's present capacity, or to what is committed where that is more.
    #[inline(always)]
    pub fn lower(&mut self, limit_wh: u64) {
        self.available_wh = self.available_under(limit_wh);
        self.total_wh = self.committed_wh + self.available_wh;
    }

    /// Takes the energy of a new offer out of what is available; `limit_wh` is the bus's present capacity.
    #[inline(always)]
    pub fn list(&mut self, energy_wh: u64, limit_wh: u64) -> Result<()> {
        let available_wh = self.available_under(limit_wh);
        ensure!(energy_wh <= available_wh, CapacityExceeded, "offered {} Wh, available {} Wh", energy_wh, available_wh);
        let Some(open_offers) = self.open_offers.checked_add(1) else { refuse!(CounterOverflow) };
        self.total_wh = self.committed_wh + available_wh;
        self.available_wh = available_wh - energy_wh;
        self.committed_wh += energy_wh;
        self.open_offers = open_offers;
        Ok(())
    }

    /// Takes back energy of an offer that is neither sold nor locked.
    #[inline(always)]
    pub fn unlist(&mut self, energy_wh: u64) {
        self.committed_wh -= energy_wh;
        self.available_wh += energy_wh;
    }

    /// Counts an offer that closes. What it sold stays committed.
    #[inline(always)]
    pub fn close_offer(&mut self) {
        self.open_offers -= 1;
    }

    /// Sets the general capacity's total to `total_wh`, or to what is committed where that is more.
    pub fn resize(&mut self, total_wh: u64) {
        self.total_wh = total_wh.max(self.committed_wh);
        self.available_wh = self.total_wh - self.committed_wh;
    }

    /// Where the auction stands.
    pub fn phase(&self, now: i64) -> AuctionPhase {
        let gate = self.gate_closes_at;
        if !self.terms.has_auction() {
            AuctionPhase::Off
        } else if self.given_up == 1 {
            AuctionPhase::Over
        } else if now < gate {
            if now < gate.saturating_sub(AUCTION_CLOSING_SECONDS) {
                AuctionPhase::Trading
            } else {
                AuctionPhase::Closing
            }
        } else if self.cleared_at != 0 {
            AuctionPhase::Cleared
        } else if self.open_bids == 0 || self.open_offers == 0 || now >= gate.saturating_add(AUCTION_PROOF_SECONDS) {
            AuctionPhase::Over
        } else {
            AuctionPhase::Fixed
        }
    }

    /// Whether the bus closes so long before the gate that nobody waits for the auction.
    pub fn is_far(&self, bus: &Bus) -> bool {
        bus.closing == 1 && self.gate_closes_at > bus.closing_at.saturating_add(CLOSING_AUCTIONS_SECONDS)
    }

    /// Gives the auction up where the bus closes long before: from then on all orders are free, so nobody chooses which of them
    /// take part.
    pub fn give_up(&mut self, is_far: bool, now: i64) {
        if is_far && matches!(self.phase(now), AuctionPhase::Trading | AuctionPhase::Closing) {
            self.given_up = 1;
        }
    }

    /// Whether anyone may withdraw offers because the bus is closing. Not while an auction has both sides: then nobody
    /// chooses which orders take part in it.
    pub fn is_given_up(&self, bus: &Bus, now: i64) -> bool {
        bus.closing == 1 && (self.open_bids == 0 || self.phase(now) != AuctionPhase::Trading)
    }

    /// Counts a bid and its deposit.
    pub fn bid(&mut self, deposit: u64) -> Result<()> {
        ensure!(self.open_bids < MAX_BIDS, BidsFull);
        // Cannot overflow: the escrow holds all deposits.
        self.escrowed += deposit;
        self.open_bids += 1;
        Ok(())
    }

    /// What the auction gives a bid of that price, in Wh.
    pub fn settle_bid(&mut self, energy_wh: u64, price_per_kwh: u64) -> u64 {
        if self.volume_wh == 0 || price_per_kwh < self.price_per_kwh {
            0
        } else if price_per_kwh > self.price_per_kwh {
            energy_wh
        } else {
            self.bids.settle(energy_wh)
        }
    }

    /// What a kWh of the auction costs, grid fee included, in token base units. It fits: some bid offers it.
    pub fn auction_full_price(&self) -> u64 {
        self.price_per_kwh.saturating_add(self.terms.grid_fee_per_kwh)
    }

    /// Whether every seller of the auction has reported what it delivered.
    pub fn is_pool_complete(&self) -> bool {
        self.pool_complete_at != 0
    }

    /// Adds a seller's part to the pool.
    pub fn pool(&mut self, auction_wh: u64, delivered_wh: u64, due: u64, now: i64) {
        self.reported_wh += auction_wh;
        self.delivered_wh += delivered_wh;
        // What is due is never more than what the bids paid.
        self.escrowed -= due;
        if self.reported_wh == self.volume_wh {
            self.pool_complete_at = now;
        }
    }

    /// Refuses to close a window that has an open offer or that is not over. A window in which nothing was sold need
    /// not be over: `closes_unused` callers (see `capacity_close`) close it at any time, others once its gate has
    /// closed. On a closing bus, on which nothing is listed any more, only open offers count.
    pub fn validate_close(&self, bus: &Bus, closes_unused: bool, now: i64) -> Result<()> {
        ensure!(self.window_start != 0, CapacityIsGeneral);
        ensure!(self.open_offers == 0, WindowHasOffers, "{} offers are open", self.open_offers);
        ensure!(self.open_bids == 0, WindowHasBids, "{} bids are open", self.open_bids);
        if bus.closing == 1 {
            return Ok(());
        }
        if self.committed_wh == 0 {
            ensure!(
                closes_unused || now >= self.gate_closes_at,
                WindowUnused,
                "gate closes at {}, now {}",
                self.gate_closes_at,
                now
            );
            return Ok(());
        }
        let end = self.window_start.saturating_add(self.terms.window_seconds as i64);
        ensure!(now >= end, WindowNotOver, "window ends at {}, now {}", end, now);
        Ok(())
    }

    /// Checks what always holds of a capacity.
    pub fn check_invariants(&self) -> core::result::Result<(), &'static str> {
        let Self {
            layout_version,
            bump: _,
            padding,
            open_offers: _,
            window_start,
            terms,
            gate_closes_at,
            total_wh,
            available_wh,
            committed_wh,
            bus: _,
            rent_payer: _,
            open_bids,
            given_up,
            padding_2,
            escrowed,
            cleared_at,
            price_per_kwh,
            volume_wh,
            bids,
            asks,
            reported_wh,
            delivered_wh,
            pool_complete_at,
            reserved,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        invariant(*total_wh as u128 == *available_wh as u128 + *committed_wh as u128, "total = available + committed")?;
        invariant(*total_wh <= MAX_CAPACITY_WH, "the total is within its limit")?;
        invariant((*window_start == 0) != terms.has_windows(), "a window has a length")?;
        invariant((*window_start == 0) == (*gate_closes_at == i64::MAX), "a window has a gate")?;
        invariant(*window_start == 0 || gate_closes_at <= window_start, "the gate closes before the window")?;
        let has_auction = terms.has_auction();
        invariant(has_auction || (*open_bids == 0 && *escrowed == 0), "bids are those of an auction")?;
        invariant(*given_up <= has_auction as u8, "an auction is given up, or not")?;
        invariant(*given_up == 0 || *cleared_at == 0, "an auction that is given up has no price")?;
        invariant(*open_bids <= MAX_BIDS, "there are at most 2^20 bids")?;
        invariant(
            *cleared_at == 0 || (has_auction && cleared_at >= gate_closes_at),
            "an auction is cleared after its gate",
        )?;
        invariant(
            *cleared_at != 0
                || (*price_per_kwh == 0 && *volume_wh == 0 && *bids == Ration::default() && *asks == Ration::default()),
            "nothing is sold before the price is proven",
        )?;
        for side in [bids, asks] {
            invariant(
                side.filled_wh <= side.at_price_wh
                    && side.settled_wh <= side.at_price_wh
                    && side.filled_wh <= *volume_wh,
                "orders at the price get no more than they are for",
            )?;
        }
        invariant(*volume_wh <= *committed_wh, "the auction sells what is on offer")?;
        invariant(
            delivered_wh <= reported_wh && reported_wh <= volume_wh,
            "the pool has no more than the auction sold",
        )?;
        invariant(
            (*pool_complete_at != 0) == (*volume_wh > 0 && reported_wh == volume_wh),
            "the pool is complete once all is reported",
        )?;
        invariant(
            *padding == [0; 2] && *padding_2 == [0; 3] && terms.reserved == [0; 6] && *reserved == [0; 14],
            "reserved bytes are zero",
        )
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::error::MultibusError,
        crate::state::fixture::{BUS, assert_noticed, wallet},
        bytemuck::Zeroable,
        proptest::prelude::*,
    };

    /// A bus with windows of 900 s whose gates close a minute before.
    fn bus(capacity_wh: u64) -> Bus {
        let terms = Terms { window_seconds: 900, gate_closure_seconds: 60, ..Terms::zeroed() };
        Bus { capacity_wh, terms, ..Bus::zeroed() }
    }

    /// The capacity of the window from 900 to 1,800.
    fn window(total_wh: u64) -> Capacity {
        let mut capacity = Capacity::zeroed();
        capacity.initialize(&bus(total_wh), &BUS, &wallet(2), 900);
        capacity
    }

    #[test]
    fn a_capacity_begins_with_all_its_energy_and_the_terms_of_the_moment() {
        let capacity = window(1_000);
        assert_eq!(
            (capacity.layout_version, capacity.window_start, capacity.terms.window_seconds, capacity.gate_closes_at),
            (LAYOUT_VERSION, 900, 900, 840)
        );
        assert_eq!((capacity.total_wh, capacity.available_wh, capacity.committed_wh), (1_000, 1_000, 0));
        assert_eq!((capacity.bus, capacity.rent_payer), (BUS, wallet(2)));
        assert_eq!(capacity.check_invariants(), Ok(()));
        let mut general = Capacity::zeroed();
        general.initialize(&bus(5), &BUS, &wallet(2), 0);
        assert_eq!((general.terms.window_seconds, general.gate_closes_at, general.total_wh), (0, i64::MAX, 5));
        assert_eq!(general.check_invariants(), Ok(()));
    }

    #[test]
    fn the_gate_closes_on_its_second() {
        let capacity = window(1_000);
        assert_eq!(capacity.validate_gate(839), Ok(()));
        assert_eq!(capacity.validate_gate(840), Err(MultibusError::GateClosed.into()));
    }

    #[test]
    fn energy_is_listed_withdrawn_and_sold_to_the_wh() {
        let mut capacity = window(1_000);
        capacity.list(1_000, 1_000).unwrap();
        assert_eq!((capacity.available_wh, capacity.committed_wh, capacity.open_offers), (0, 1_000, 1));
        let before = capacity;
        assert_eq!(capacity.list(1, 1_000), Err(MultibusError::CapacityExceeded.into()));
        assert_eq!(capacity, before);
        capacity.unlist(400);
        assert_eq!((capacity.available_wh, capacity.committed_wh, capacity.open_offers), (400, 600, 1));
        capacity.close_offer();
        assert_eq!((capacity.available_wh, capacity.committed_wh, capacity.open_offers), (400, 600, 0));
        capacity.open_offers = u32::MAX;
        assert_eq!(capacity.list(1, 1_000), Err(MultibusError::CounterOverflow.into()));
    }

    #[test]
    fn an_open_window_counts_for_no_more_than_the_lowered_capacity() {
        let mut capacity = window(1_000);
        capacity.list(300, 1_000).unwrap();
        assert_eq!(capacity.available_under(1_000), 700);
        assert_eq!(capacity.available_under(5_000), 700, "a raised capacity raises no open window");
        assert_eq!((capacity.available_under(400), capacity.available_under(200)), (100, 0));
        let before = capacity;
        assert_eq!(capacity.list(101, 400), Err(MultibusError::CapacityExceeded.into()));
        assert_eq!(capacity, before);
        capacity.list(100, 400).unwrap();
        assert_eq!((capacity.total_wh, capacity.available_wh, capacity.committed_wh), (400, 0, 400));
        // Energy that comes back is limited by the lowered capacity, too.
        capacity.unlist(300);
        assert_eq!((capacity.available_under(400), capacity.available_under(250)), (300, 150));
        capacity.lower(250);
        assert_eq!((capacity.total_wh, capacity.available_wh, capacity.committed_wh), (250, 150, 100));
        capacity.lower(50);
        assert_eq!((capacity.total_wh, capacity.available_wh, capacity.committed_wh), (100, 0, 100));
        capacity.lower(1_000);
        assert_eq!((capacity.total_wh, capacity.check_invariants()), (100, Ok(())));
    }

    #[test]
    fn the_general_capacity_is_resized_to_no_less_than_what_is_committed() {
        let mut general = Capacity::zeroed();
        general.initialize(&bus(1_000), &BUS, &wallet(2), 0);
        general.list(600, 1_000).unwrap();
        general.resize(599);
        assert_eq!((general.total_wh, general.available_wh), (600, 0));
        general.resize(5_000);
        assert_eq!((general.total_wh, general.available_wh), (5_000, 4_400));
        assert_eq!(general.check_invariants(), Ok(()));
    }

    #[test]
    fn a_window_that_nobody_used_is_closed_by_its_payer_at_once_and_by_anyone_after_its_gate() {
        let mut capacity = window(1_000);
        assert_eq!(capacity.validate_close(&bus(1_000), true, 0), Ok(()));
        assert_eq!(capacity.validate_close(&bus(1_000), false, 839), Err(MultibusError::WindowUnused.into()));
        assert_eq!(capacity.validate_close(&bus(1_000), false, 840), Ok(()));
        capacity.list(10, 1_000).unwrap();
        for closes_unused in [true, false] {
            let refused = capacity.validate_close(&bus(1_000), closes_unused, 9_999);
            assert_eq!(refused, Err(MultibusError::WindowHasOffers.into()));
        }
        // All of it was withdrawn.
        capacity.unlist(10);
        capacity.close_offer();
        assert_eq!(capacity.validate_close(&bus(1_000), true, 0), Ok(()));
        let general = Capacity { window_start: 0, ..capacity };
        assert_eq!(general.validate_close(&bus(1_000), true, 9_999), Err(MultibusError::CapacityIsGeneral.into()));
    }

    #[test]
    fn a_window_that_sold_closes_at_its_end_and_without_offers() {
        let mut capacity = window(1_000);
        capacity.list(10, 1_000).unwrap();
        assert_eq!(capacity.validate_close(&bus(1_000), true, 1_800), Err(MultibusError::WindowHasOffers.into()));
        capacity.close_offer();
        assert_eq!(capacity.validate_close(&bus(1_000), true, 1_799), Err(MultibusError::WindowNotOver.into()));
        assert_eq!(capacity.validate_close(&bus(1_000), false, 1_800), Ok(()));
        // On a closing bus nothing is listed any more, so nobody can sell the window's capacity twice.
        let closing = Bus { closing: 1, ..bus(1_000) };
        assert_eq!(capacity.validate_close(&closing, false, 0), Ok(()));
        capacity.list(10, 1_000).unwrap();
        assert_eq!(capacity.validate_close(&closing, true, 0), Err(MultibusError::WindowHasOffers.into()));
        capacity.close_offer();
        let endless = Capacity { window_start: i64::MAX - 1, ..capacity };
        assert_eq!(endless.validate_close(&bus(1_000), true, i64::MAX - 1), Err(MultibusError::WindowNotOver.into()));
    }

    /// The window from 900 to 1,800 with an auction, an offer of 300 Wh and a bid.
    fn in_auction() -> Capacity {
        let mut capacity = window(1_000);
        capacity.terms.auction = 1;
        capacity.list(300, 1_000).unwrap();
        capacity.bid(77).unwrap();
        capacity
    }

    #[test]
    fn an_auction_goes_through_its_phases() {
        let capacity = in_auction();
        let over = 840 + AUCTION_PROOF_SECONDS;
        let phases = [
            (539, AuctionPhase::Trading),
            (540, AuctionPhase::Closing),
            (839, AuctionPhase::Closing),
            (840, AuctionPhase::Fixed),
            (over - 1, AuctionPhase::Fixed),
            (over, AuctionPhase::Over),
        ];
        for (now, phase) in phases {
            assert_eq!(capacity.phase(now), phase, "{now}");
        }
        for one_sided in [Capacity { open_bids: 0, ..capacity }, Capacity { open_offers: 0, ..capacity }] {
            assert_eq!((one_sided.phase(839), one_sided.phase(840)), (AuctionPhase::Closing, AuctionPhase::Over));
        }
        let cleared = Capacity { cleared_at: 900, ..capacity };
        assert_eq!((cleared.phase(900), cleared.phase(i64::MAX)), (AuctionPhase::Cleared, AuctionPhase::Cleared));
        assert_eq!(window(1_000).phase(840), AuctionPhase::Off);
    }

    #[test]
    fn the_pool_is_complete_once_all_is_reported() {
        let mut capacity = Capacity { cleared_at: 840, price_per_kwh: 5, volume_wh: 100, ..in_auction() };
        capacity.pool(60, 50, 20, 2_000);
        assert_eq!((capacity.is_pool_complete(), capacity.escrowed, capacity.check_invariants()), (false, 57, Ok(())));
        capacity.pool(40, 40, 7, 2_001);
        assert_eq!((capacity.pool_complete_at, capacity.escrowed, capacity.delivered_wh), (2_001, 50, 90));
        assert_eq!(capacity.check_invariants(), Ok(()));
    }

    #[test]
    fn a_window_has_2_to_the_20_bids() {
        let mut full = Capacity { open_bids: MAX_BIDS - 1, ..in_auction() };
        full.bid(1).unwrap();
        let before = full;
        assert_eq!(full.bid(1), Err(MultibusError::BidsFull.into()));
        assert_eq!(full, before);
        full.close_offer();
        assert_eq!(full.validate_close(&bus(1_000), true, 9_999), Err(MultibusError::WindowHasBids.into()));
    }

    #[test]
    fn every_invariant_notices_what_breaks_it() {
        let mut sound = window(1_000);
        sound.list(300, 1_000).unwrap();
        let cleared = Capacity { cleared_at: 840, price_per_kwh: 5, volume_wh: 100, ..in_auction() };
        assert_eq!(cleared.check_invariants(), Ok(()));
        assert_noticed(
            &cleared,
            Capacity::check_invariants,
            &[
                ("bids are those of an auction", |capacity| capacity.terms.auction = 0),
                ("there are at most 2^20 bids", |capacity| capacity.open_bids = MAX_BIDS + 1),
                ("an auction is cleared after its gate", |capacity| capacity.cleared_at = 839),
                ("nothing is sold before the price is proven", |capacity| capacity.cleared_at = 0),
                ("orders at the price get no more than they are for", |capacity| capacity.bids.filled_wh = 1),
                ("orders at the price get no more than they are for", |capacity| capacity.asks.settled_wh = 1),
                ("orders at the price get no more than they are for", |capacity| {
                    (capacity.asks.at_price_wh, capacity.asks.filled_wh) = (101, 101);
                }),
                ("the auction sells what is on offer", |capacity| capacity.volume_wh = 301),
                ("the pool has no more than the auction sold", |capacity| capacity.reported_wh = 101),
                ("the pool has no more than the auction sold", |capacity| capacity.delivered_wh = 1),
                ("the pool is complete once all is reported", |capacity| capacity.reported_wh = 100),
                ("the pool is complete once all is reported", |capacity| capacity.pool_complete_at = 900),
                ("an auction is given up, or not", |capacity| capacity.given_up = 2),
                ("reserved bytes are zero", |capacity| capacity.padding_2[2] = 1),
            ],
        );
        assert_eq!(sound.check_invariants(), Ok(()));
        let full = Capacity { total_wh: MAX_CAPACITY_WH, available_wh: MAX_CAPACITY_WH - 300, ..sound };
        assert_eq!(full.check_invariants(), Ok(()));
        let at_once = Capacity { gate_closes_at: sound.window_start, ..sound };
        assert_eq!(at_once.check_invariants(), Ok(()));
        assert_noticed(
            &sound,
            Capacity::check_invariants,
            &[
                ("the layout version is the present one", |capacity| capacity.layout_version = 1),
                ("total = available + committed", |capacity| capacity.total_wh += 1),
                ("total = available + committed", |capacity| capacity.available_wh += 1),
                ("total = available + committed", |capacity| capacity.committed_wh += 1),
                ("the total is within its limit", |capacity| {
                    (capacity.total_wh, capacity.available_wh) = (MAX_CAPACITY_WH + 1, MAX_CAPACITY_WH - 299);
                }),
                ("a window has a length", |capacity| capacity.terms.window_seconds = 0),
                ("a window has a length", |capacity| capacity.window_start = 0),
                ("a window has a gate", |capacity| capacity.gate_closes_at = i64::MAX),
                ("the gate closes before the window", |capacity| capacity.gate_closes_at = 901),
                ("reserved bytes are zero", |capacity| capacity.padding[1] = 1),
                ("reserved bytes are zero", |capacity| capacity.terms.reserved[5] = 1),
                ("reserved bytes are zero", |capacity| capacity.reserved[13] = 1),
            ],
        );
    }

    #[test]
    fn strangers_withdraw_from_a_closing_bus_what_no_auction_waits_for() {
        let terms = Terms { auction: 1, window_seconds: 900, gate_closure_seconds: 60, ..Terms::zeroed() };
        let capacity = Capacity { terms, window_start: 900, gate_closes_at: 840, open_offers: 1, ..Capacity::zeroed() };
        let (open, closing) = (Bus::zeroed(), Bus { closing: 1, ..Bus::zeroed() });
        let with_bid = Capacity { open_bids: 1, ..capacity };
        assert!(!capacity.is_given_up(&open, 0) && capacity.is_given_up(&closing, 0));
        assert!(!with_bid.is_given_up(&closing, 0) && !with_bid.is_given_up(&closing, 539));
        // Where the gate comes more than a day after the decision, all orders of both sides are free once anyone begins.
        let day_before = Bus { closing_at: 840 - CLOSING_AUCTIONS_SECONDS, ..closing };
        let longer_before = Bus { closing_at: 839 - CLOSING_AUCTIONS_SECONDS, ..closing };
        assert!(!with_bid.is_far(&day_before) && with_bid.is_far(&longer_before));
        assert!(!with_bid.is_far(&Bus { closing: 0, ..longer_before }));
        for (now, gives_up) in [(539, true), (839, true), (840, false)] {
            let mut capacity = with_bid;
            capacity.give_up(true, now);
            assert_eq!((capacity.given_up == 1, capacity.phase(now) == AuctionPhase::Over), (gives_up, gives_up));
            assert!(capacity.is_given_up(&longer_before, now));
        }
        let mut near = with_bid;
        near.give_up(false, 0);
        assert_eq!(near, with_bid);
        // From then on the phase decides.
        assert!(with_bid.is_given_up(&closing, 540) && !with_bid.is_given_up(&open, 840));
        let without = Capacity { terms: Terms { auction: 0, ..terms }, ..with_bid };
        assert!(without.is_given_up(&closing, 0));
    }

    proptest! {
        /// Parts of any orders, in any order, sum to exactly what is filled; each is within 1 Wh of its share.
        #[test]
        fn rationing_adds_up_in_any_order(
            orders in prop::collection::vec((0u32..41, 1u64..=u64::MAX), 1..60),
            filled in 0u64..=u64::MAX,
        ) {
            let orders: Vec<u64> = orders.iter().map(|(bits, energy)| 1 + energy % (1 << bits)).collect();
            let at_price_wh: u64 = orders.iter().sum();
            let filled_wh = filled % (at_price_wh + 1);
            let mut ration = Ration { at_price_wh, filled_wh, settled_wh: 0 };
            let mut sum = 0;
            for energy_wh in orders {
                let part = ration.settle(energy_wh);
                let share = (filled_wh as u128 * energy_wh as u128 / at_price_wh as u128) as u64;
                prop_assert!(part <= energy_wh && part.abs_diff(share) <= 1);
                sum += part;
            }
            prop_assert_eq!((sum, ration.settled_wh), (filled_wh, at_price_wh));
        }

        #[test]
        fn listing_and_closing_conserve_energy(steps in prop::collection::vec((0u64..60, 0u64..60, 0u64..1_200), 1..60)) {
            let mut capacity = window(1_000);
            for (listed, sold, limit) in steps {
                let before = capacity;
                if capacity.list(listed, limit).is_err() {
                    prop_assert!(listed > before.available_under(limit));
                    prop_assert_eq!(capacity, before);
                    continue;
                }
                prop_assert!(capacity.total_wh <= before.total_wh);
                prop_assert!(listed == 0 || capacity.committed_wh <= limit);
                capacity.unlist(listed - sold.min(listed));
                capacity.close_offer();
                prop_assert_eq!(capacity.check_invariants(), Ok(()));
            }
        }
    }
}

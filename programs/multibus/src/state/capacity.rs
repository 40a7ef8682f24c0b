//! The capacity of one delivery window, or of a whole bus without windows (the *general* capacity). It is written when
//! offers open or close, never by a purchase.

use {
    crate::{
        constants::*,
        error::{ensure, refuse},
        state::{Bus, Terms},
    },
    anchor_lang::prelude::*,
};

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
    pub reserved: [u64; 28],
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

    /// Refuses to close a window that has an open offer or that is not over. A window in which nothing was sold need
    /// not be over: `closes_unused` callers (see `capacity_close`) close it at any time, others once its gate has
    /// closed. On a closing bus, on which nothing is listed any more, only open offers count.
    pub fn validate_close(&self, bus: &Bus, closes_unused: bool, now: i64) -> Result<()> {
        ensure!(self.window_start != 0, CapacityIsGeneral);
        ensure!(self.open_offers == 0, WindowHasOffers, "{} offers are open", self.open_offers);
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
            reserved,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        invariant(*total_wh as u128 == *available_wh as u128 + *committed_wh as u128, "total = available + committed")?;
        invariant(*total_wh <= MAX_CAPACITY_WH, "the total is within its limit")?;
        invariant((*window_start == 0) != terms.has_windows(), "a window has a length")?;
        invariant((*window_start == 0) == (*gate_closes_at == i64::MAX), "a window has a gate")?;
        invariant(*window_start == 0 || gate_closes_at <= window_start, "the gate closes before the window")?;
        invariant(*padding == [0; 2] && terms.reserved == [0; 7] && *reserved == [0; 28], "reserved bytes are zero")
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

    #[test]
    fn every_invariant_notices_what_breaks_it() {
        let mut sound = window(1_000);
        sound.list(300, 1_000).unwrap();
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
                ("reserved bytes are zero", |capacity| capacity.terms.reserved[6] = 1),
                ("reserved bytes are zero", |capacity| capacity.reserved[27] = 1),
            ],
        );
    }

    proptest! {
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

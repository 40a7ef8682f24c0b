//! The capacity of one delivery window (or of a whole bus without windows). Written when offers open or close,
//! never by a purchase.

use {
    crate::{
        constants::*,
        error::{ensure, refuse},
    },
    anchor_lang::prelude::*,
    bytemuck::{Pod, Zeroable},
};

/// Which offer sequence numbers of a capacity were used: exact for the last 1,024 numbers, and every number below
/// those counts as used. So several sellers can list at the same instant, each with a free number near the
/// highest, without waiting for each other, and an address is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
#[repr(C)]
pub struct OfferSeqWindow {
    /// One above the highest number used so far.
    pub next: u64,
    /// Bit `n % 1024` tells whether number `n` of the last 1,024 was used.
    pub used: [u64; 16],
}

const _: () = assert!(OFFER_SEQ_WINDOW == 16 * 64);

impl OfferSeqWindow {
    /// Whether a number can be used now.
    #[inline]
    pub fn is_usable(&self, seq: u64) -> bool {
        if seq >= self.next {
            return seq - self.next < OFFER_SEQ_WINDOW && seq != u64::MAX;
        }
        self.next - seq <= OFFER_SEQ_WINDOW && self.used[word(seq)] & bit(seq) == 0
    }

    /// Uses a number once.
    #[inline]
    pub fn spend(&mut self, seq: u64) -> Result<()> {
        ensure!(self.is_usable(seq), OfferSeqUnusable, "sequence number {}, next {}", seq, self.next);
        // What lies between comes to be unused, one word at a time.
        while self.next <= seq {
            let last = seq.min(self.next | 63);
            self.used[word(self.next)] &= !(u64::MAX << (self.next % 64) & u64::MAX >> (63 - last % 64));
            self.next = last + 1;
        }
        self.used[word(seq)] |= bit(seq);
        Ok(())
    }
}

#[inline(always)]
const fn word(seq: u64) -> usize {
    (seq / 64 % 16) as usize
}

#[inline(always)]
const fn bit(seq: u64) -> u64 {
    1 << (seq % 64)
}

/// Capacity of one window. PDA `["capacity", bus, window_start]`, with window start 0 for the bus as a whole.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Capacity {
    pub layout_version: u8,
    pub bump: u8,
    pub padding: [u8; 2],
    /// Length of the window in seconds as it was when the window was opened, 0 for the general capacity.
    pub window_seconds: u32,
    /// Start of the window in unix seconds, 0 for the general capacity.
    pub window_start: i64,
    /// Everything the window may sell, in Wh: always `available + listed + sold`.
    pub total_wh: u64,
    /// What may still be put on offer, in Wh.
    pub available_wh: u64,
    /// Energy of the open offers as listed, in Wh.
    pub listed_wh: u64,
    /// Energy sold by offers that have closed, in Wh.
    pub sold_wh: u64,
    /// Offers that are open.
    pub open_offers: u32,
    /// Windows that are open: counted in the general capacity only.
    pub open_windows: u32,
    pub offer_seqs: OfferSeqWindow,
    pub bus: Address,
    /// Who paid the rent and gets it back.
    pub rent_payer: Address,
    pub reserved: [u8; 64],
}

const _: () = assert!(size_of::<Capacity>() == 320);

impl Capacity {
    /// Sets a new capacity up.
    pub fn initialize(&mut self, bus: &Address, rent_payer: &Address, window: (i64, u32), total_wh: u64) {
        self.layout_version = LAYOUT_VERSION;
        (self.window_start, self.window_seconds) = window;
        self.total_wh = total_wh;
        self.available_wh = total_wh;
        self.bus = *bus;
        self.rent_payer = *rent_payer;
    }

    /// An offer takes its energy and its sequence number.
    #[inline]
    pub fn list(&mut self, offer_seq: u64, energy_wh: u64) -> Result<()> {
        ensure!(
            energy_wh <= self.available_wh,
            CapacityExceeded,
            "offered {} Wh, available {} Wh",
            energy_wh,
            self.available_wh
        );
        let Some(open_offers) = self.open_offers.checked_add(1) else { refuse!(CounterOverflow) };
        self.offer_seqs.spend(offer_seq)?;
        self.available_wh -= energy_wh;
        // Cannot overflow: listed + available <= total.
        self.listed_wh += energy_wh;
        self.open_offers = open_offers;
        Ok(())
    }

    /// Energy comes back that an offer listed and neither sold nor locked.
    #[inline]
    pub fn unlist(&mut self, energy_wh: u64) {
        self.listed_wh -= energy_wh;
        self.available_wh += energy_wh;
    }

    /// An offer closes: what it still listed was sold.
    #[inline]
    pub fn close_offer(&mut self, sold_wh: u64) {
        self.listed_wh -= sold_wh;
        self.sold_wh += sold_wh;
        self.open_offers -= 1;
    }

    /// Sets the general capacity's total; what is listed and sold stays.
    pub fn resize(&mut self, total_wh: u64) -> Result<()> {
        let used_wh = self.listed_wh + self.sold_wh;
        ensure!(
            total_wh >= used_wh,
            CapacityBelowListed,
            "new capacity {} Wh, listed and sold {} Wh",
            total_wh,
            used_wh
        );
        self.total_wh = total_wh;
        self.available_wh = total_wh - used_wh;
        Ok(())
    }

    /// Refuses to close a window that is not over or has open offers. One that never had an offer closes any time.
    pub fn validate_close(&self, now: i64) -> Result<()> {
        if self.offer_seqs.next == 0 {
            return Ok(());
        }
        let end = self.window_start.saturating_add(self.window_seconds as i64);
        ensure!(now >= end, WindowNotOver, "window ends at {}, now {}", end, now);
        ensure!(self.open_offers == 0, WindowHasOffers, "{} offers are open", self.open_offers);
        Ok(())
    }

    /// What always holds of a capacity.
    pub fn check_invariants(&self) -> core::result::Result<(), &'static str> {
        let Self {
            layout_version,
            bump: _,
            padding,
            window_seconds,
            window_start,
            total_wh,
            available_wh,
            listed_wh,
            sold_wh,
            open_offers,
            open_windows,
            offer_seqs: OfferSeqWindow { next: _, used: _ },
            bus: _,
            rent_payer: _,
            reserved,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        invariant(
            *total_wh as u128 == *available_wh as u128 + *listed_wh as u128 + *sold_wh as u128,
            "total = available + listed + sold",
        )?;
        invariant(*open_offers > 0 || *listed_wh == 0, "without open offers nothing is listed")?;
        invariant((*window_start == 0) == (*window_seconds == 0), "a window has a length")?;
        invariant(*window_start == 0 || *open_windows == 0, "only the general capacity counts windows")?;
        invariant(*padding == [0; 2] && *reserved == [0; 64], "reserved bytes are zero")
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::error::MultibusError,
        crate::state::fixture::{BUS, assert_noticed},
        proptest::prelude::*,
        std::collections::BTreeSet,
    };

    const PAYER: Address = Address::new_from_array([2; 32]);

    /// The capacity of the window from 900 to 1,800.
    fn window(total_wh: u64) -> Capacity {
        let mut capacity = Capacity::zeroed();
        capacity.initialize(&BUS, &PAYER, (900, 900), total_wh);
        capacity
    }

    #[test]
    fn a_capacity_begins_with_all_its_energy() {
        let capacity = window(1_000);
        assert_eq!(
            (capacity.layout_version, capacity.window_start, capacity.window_seconds),
            (LAYOUT_VERSION, 900, 900)
        );
        assert_eq!((capacity.total_wh, capacity.available_wh, capacity.listed_wh), (1_000, 1_000, 0));
        assert_eq!((capacity.bus, capacity.rent_payer), (BUS, PAYER));
        assert_eq!(capacity.check_invariants(), Ok(()));
    }

    #[test]
    fn energy_is_listed_withdrawn_and_sold_to_the_wh() {
        let mut capacity = window(1_000);
        capacity.list(0, 1_000).unwrap();
        assert_eq!((capacity.available_wh, capacity.listed_wh, capacity.open_offers), (0, 1_000, 1));
        let before = capacity;
        assert_eq!(capacity.list(1, 1), Err(MultibusError::CapacityExceeded.into()));
        assert_eq!(capacity.list(0, 0), Err(MultibusError::OfferSeqUnusable.into()));
        assert_eq!(capacity, before);
        capacity.unlist(400);
        assert_eq!((capacity.available_wh, capacity.listed_wh, capacity.open_offers), (400, 600, 1));
        capacity.close_offer(600);
        assert_eq!((capacity.available_wh, capacity.listed_wh, capacity.sold_wh), (400, 0, 600));
        assert_eq!(capacity.open_offers, 0);
        capacity.open_offers = u32::MAX;
        assert_eq!(capacity.list(1, 1), Err(MultibusError::CounterOverflow.into()));
    }

    #[test]
    fn a_capacity_shrinks_to_what_is_listed_and_sold() {
        let mut capacity = window(1_000);
        capacity.list(0, 500).unwrap();
        capacity.unlist(100);
        capacity.close_offer(400);
        capacity.list(1, 200).unwrap();
        let before = capacity;
        assert_eq!(capacity.resize(599), Err(MultibusError::CapacityBelowListed.into()));
        assert_eq!(capacity, before);
        capacity.resize(600).unwrap();
        assert_eq!((capacity.total_wh, capacity.available_wh), (600, 0));
        capacity.resize(5_000).unwrap();
        assert_eq!((capacity.total_wh, capacity.available_wh), (5_000, 4_400));
        assert_eq!(capacity.check_invariants(), Ok(()));
    }

    #[test]
    fn a_window_closes_at_its_end_and_without_offers() {
        let mut capacity = window(1_000);
        assert!(capacity.validate_close(0).is_ok(), "it never had an offer");
        capacity.list(0, 10).unwrap();
        assert_eq!(capacity.validate_close(1_799), Err(MultibusError::WindowNotOver.into()));
        assert_eq!(capacity.validate_close(1_800), Err(MultibusError::WindowHasOffers.into()));
        capacity.close_offer(10);
        assert_eq!(capacity.validate_close(1_799), Err(MultibusError::WindowNotOver.into()));
        assert!(capacity.validate_close(1_800).is_ok());
        let endless = Capacity { window_start: i64::MAX - 1, ..capacity };
        assert_eq!(endless.validate_close(i64::MAX - 1), Err(MultibusError::WindowNotOver.into()));
    }

    #[test]
    fn every_invariant_notices_what_breaks_it() {
        let mut sound = window(1_000);
        sound.list(0, 300).unwrap();
        sound.list(1, 200).unwrap();
        sound.close_offer(200);
        assert_eq!(sound.check_invariants(), Ok(()));
        assert_noticed(
            &sound,
            Capacity::check_invariants,
            &[
                ("the layout version is the present one", |capacity| capacity.layout_version = 2),
                ("total = available + listed + sold", |capacity| capacity.total_wh += 1),
                ("total = available + listed + sold", |capacity| capacity.available_wh += 1),
                ("total = available + listed + sold", |capacity| capacity.listed_wh += 1),
                ("total = available + listed + sold", |capacity| capacity.sold_wh += 1),
                ("without open offers nothing is listed", |capacity| capacity.open_offers = 0),
                ("a window has a length", |capacity| capacity.window_seconds = 0),
                ("a window has a length", |capacity| capacity.window_start = 0),
                ("only the general capacity counts windows", |capacity| capacity.open_windows = 1),
                ("reserved bytes are zero", |capacity| capacity.padding[1] = 1),
                ("reserved bytes are zero", |capacity| capacity.reserved[63] = 1),
            ],
        );
        (sound.window_start, sound.window_seconds, sound.open_windows) = (0, 0, 3);
        assert_eq!(sound.check_invariants(), Ok(()));
    }

    #[test]
    fn sequence_numbers_work_out_of_order_and_once() {
        let mut window = OfferSeqWindow::zeroed();
        for seq in [3, 0, 1, 2, 1_026, 700] {
            assert!(window.spend(seq).is_ok(), "{seq}");
            assert!(window.spend(seq).is_err(), "{seq} twice");
        }
        assert!(window.spend(window.next + OFFER_SEQ_WINDOW).is_err());
        assert!(window.spend(u64::MAX).is_err());
    }

    #[test]
    fn sequence_numbers_take_the_place_of_those_of_long_ago() {
        let mut window = OfferSeqWindow::zeroed();
        for seq in 0..3 * OFFER_SEQ_WINDOW {
            assert!(window.spend(seq).is_ok(), "{seq}");
        }
        assert!((0..window.next).all(|seq| !window.is_usable(seq)));
    }

    #[test]
    fn the_last_sequence_number_is_never_used() {
        let mut window = OfferSeqWindow { next: u64::MAX - 5, ..OfferSeqWindow::zeroed() };
        assert!(!window.is_usable(u64::MAX));
        assert!(window.spend(u64::MAX - 1).is_ok());
        assert!(!window.is_usable(u64::MAX));
        assert_eq!(window.next, u64::MAX);
    }

    proptest! {
        #[test]
        fn a_number_is_never_used_twice(steps in prop::collection::vec(-1_100i64..1_100, 1..300)) {
            let mut window = OfferSeqWindow::zeroed();
            let mut used = BTreeSet::new();
            for step in steps {
                let seq = window.next.saturating_add_signed(step);
                let before = window;
                let fresh = !used.contains(&seq);
                let in_window = seq < window.next + OFFER_SEQ_WINDOW && window.next <= seq + OFFER_SEQ_WINDOW;
                prop_assert_eq!(window.spend(seq).is_ok(), fresh && in_window);
                if !(fresh && in_window) {
                    prop_assert_eq!(window, before);
                }
                if in_window {
                    used.insert(seq);
                }
            }
        }

        #[test]
        fn listing_and_closing_conserve_energy(steps in prop::collection::vec((0u64..60, 0u64..60), 1..60)) {
            let mut capacity = Capacity::zeroed();
            capacity.initialize(&Address::default(), &Address::default(), (0, 0), 1_000);
            for (seq, (listed, sold)) in steps.into_iter().enumerate() {
                let before = capacity;
                if capacity.list(seq as u64, listed).is_err() {
                    prop_assert!(listed > before.available_wh);
                    prop_assert_eq!(capacity, before);
                    continue;
                }
                capacity.unlist(listed - sold.min(listed));
                capacity.close_offer(sold.min(listed));
                prop_assert_eq!(capacity.check_invariants(), Ok(()));
            }
        }
    }
}

//! How the file's intervals are mapped onto coming delivery windows of the chain's clock.
//!
//! Interval `k` of the file becomes the `k`-th window from the first, without the file's gaps: a summer and a winter
//! day follow each other. Interval `k` is traded a *lead* before its window starts, long enough for locks, which end
//! 300 seconds before it. With an auction, a window stops trading at its gate, and everything is as much earlier. A chain whose time can be moved is moved there; on any other, all windows lie ahead and are traded one
//! after the other without waiting.
//!
//! Windows of a bus all have one length. Where intervals have different lengths, as local days do in which clocks change,
//! energy is traded outside windows, one interval after the other.

use {
    multibus::constants::{
        BUS_OFFER_DELAY_SECONDS, LOCK_MARGIN_SECONDS, LOCK_SECONDS, MAX_HORIZON_SECONDS, MAX_READING_SECONDS,
        MIN_READING_SECONDS,
    },
    serde::{Deserialize, Serialize},
};

/// Time that trading an interval needs before its window starts, in seconds: offers of the bus itself wait before they
/// trade, and a lock ends some time before its offer, which ends when the window starts.
const NEEDED_SECONDS: i64 = BUS_OFFER_DELAY_SECONDS + LOCK_SECONDS + LOCK_MARGIN_SECONDS;
/// Room beyond that for a slow chain, in seconds.
const MARGIN_SECONDS: i64 = 300;
/// The least of that room with which an interval is begun, in seconds.
const LEAST_MARGIN_SECONDS: i64 = 60;
/// On delivery terms, how long after a window's end its reading can come, in seconds: as long as it can be, because a replay
/// may be resumed late.
pub(crate) const READING_DEADLINE_SECONDS: u32 = MAX_READING_SECONDS;
/// On delivery terms, how long after its first reading a window is final, in seconds: as soon as it can be.
pub(crate) const CORRECTION_SECONDS: u32 = MIN_READING_SECONDS;
/// How far ahead a replay opens windows, in seconds: as far as a bus can.
pub(crate) const HORIZON_SECONDS: u32 = MAX_HORIZON_SECONDS;

/// Windows of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Length of a window, in seconds; 0 where energy is traded outside windows.
    pub window_seconds: u32,
    /// How long before its start a window stops trading, in seconds.
    pub gate_closure_seconds: u32,
    /// Start of the window of interval 0, in unix seconds. It means nothing outside windows.
    pub first_window: i64,
}

impl Schedule {
    /// The earliest windows that can be traded from `now` on; outside windows where they have no length.
    pub fn starting_at(now: i64, window_seconds: Option<u32>, gate_closure_seconds: u32) -> Self {
        let window_seconds = window_seconds.unwrap_or(0);
        let mut schedule = Self { window_seconds, gate_closure_seconds, first_window: 0 };
        schedule.move_to(0, now);
        schedule
    }

    /// Moves the windows so that interval `interval` gets the earliest one that can be traded from `now` on.
    pub fn move_to(&mut self, interval: usize, now: i64) {
        if !self.has_windows() {
            return;
        }
        let length = i64::from(self.window_seconds);
        let start = (now + self.lead_seconds()).div_euclid(length) * length + length;
        self.first_window = start - interval.cast_signed() as i64 * length;
    }

    /// Whether energy is traded in windows.
    pub fn has_windows(&self) -> bool {
        self.window_seconds != 0
    }

    /// How long before its window an interval is traded, in seconds.
    pub fn lead_seconds(&self) -> i64 {
        i64::from(self.window_seconds).max(NEEDED_SECONDS + MARGIN_SECONDS) + i64::from(self.gate_closure_seconds)
    }

    /// First second in which a window trades no more, in unix seconds.
    pub fn gate(&self, window_start: i64) -> i64 {
        window_start - i64::from(self.gate_closure_seconds)
    }

    /// Start of an interval's window, in unix seconds; 0 outside windows.
    pub fn window_start(&self, interval: usize) -> i64 {
        if !self.has_windows() {
            return 0;
        }
        self.first_window + interval.cast_signed() as i64 * i64::from(self.window_seconds)
    }

    /// When an interval is traded on a chain whose time can be moved, in unix seconds; `None` for any time.
    pub fn trade_at(&self, interval: usize) -> Option<i64> {
        self.has_windows().then(|| self.window_start(interval) - self.lead_seconds())
    }

    /// Whether an interval's window can still be traded, locks included.
    pub fn is_tradable(&self, interval: usize, now: i64) -> bool {
        !self.has_windows() || now + NEEDED_SECONDS + LEAST_MARGIN_SECONDS < self.gate(self.window_start(interval))
    }

    /// Refuses a file whose last window lies further ahead than a window can be opened.
    ///
    /// # Errors
    /// A sentence with the number of intervals that fit.
    pub fn validate_horizon(&self, intervals: usize, now: i64) -> Result<(), String> {
        let last = self.window_start(intervals.saturating_sub(1));
        if !self.has_windows() || last <= now + i64::from(HORIZON_SECONDS) {
            return Ok(());
        }
        let fit = (now + i64::from(HORIZON_SECONDS) - self.first_window) / i64::from(self.window_seconds) + 1;
        Err(format!(
            "the file has {intervals} intervals, and windows can be opened 366 days ahead at most, which is {fit} \
             intervals of {} s; replay a part of the file",
            self.window_seconds
        ))
    }
}

#[cfg(test)]
mod tests {
    use {super::*, proptest::prelude::*};

    #[test]
    fn the_next_quarter_hour_that_leaves_its_lead() {
        let schedule = Schedule::starting_at(1_700_000_000, Some(900), 0);
        assert_eq!(schedule.first_window % 900, 0);
        let [first, second] = [0, 1].map(|interval| schedule.trade_at(interval).unwrap());
        assert!(first >= 1_700_000_000);
        assert!(first <= 1_700_000_000 + 900);
        assert_eq!(second - first, 900);
    }

    #[test]
    fn outside_windows_every_interval_can_be_traded_at_any_time() {
        let mut schedule = Schedule::starting_at(1_700_000_000, None, 0);
        schedule.move_to(7, 1_800_000_000);
        assert_eq!((schedule.window_start(7), schedule.trade_at(7)), (0, None));
        assert!(schedule.is_tradable(7, 1_800_000_000));
        assert_eq!(schedule.validate_horizon(40_000, 1_700_000_000), Ok(()));
    }

    #[test]
    fn a_year_of_quarter_hours_is_too_far() {
        let schedule = Schedule::starting_at(1_700_000_000, Some(900), 0);
        assert_eq!(schedule.validate_horizon(192, 1_700_000_000), Ok(()));
        let error = schedule.validate_horizon(40_000, 1_700_000_000).unwrap_err();
        assert!(error.contains("40000 intervals") && error.contains("366 days"), "{error}");
    }

    proptest! {
        #[test]
        fn windows_lie_on_the_grid_ahead_and_leave_room_for_locks(
            now in 1i64..4_000_000_000, window_seconds in 60u32..=86_400, interval in 0usize..1_000,
            gate_closure_seconds in 0u32..=900,
        ) {
            let mut schedule = Schedule::starting_at(now, Some(window_seconds), gate_closure_seconds);
            let gate = schedule.gate(schedule.window_start(interval));
            prop_assert!(schedule.trade_at(interval).unwrap() + NEEDED_SECONDS + MARGIN_SECONDS <= gate);
            prop_assert!(schedule.is_tradable(0, now));
            prop_assert!(schedule.is_tradable(interval, schedule.trade_at(interval).unwrap()));
            prop_assert_eq!(schedule.window_start(interval).rem_euclid(i64::from(window_seconds)), 0);
            schedule.move_to(interval, now);
            prop_assert!(schedule.is_tradable(interval, now));
            prop_assert!(schedule.trade_at(interval).unwrap() >= now);
            prop_assert_eq!(schedule.window_start(interval).rem_euclid(i64::from(window_seconds)), 0);
        }
    }
}

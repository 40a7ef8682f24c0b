//! How long intervals are: found from their starts.

use {
    super::format::{DEFAULT_INTERVAL_SECONDS, duration},
    multibus::constants::{MAX_WINDOW_SECONDS, MIN_WINDOW_SECONDS},
    std::collections::BTreeMap,
};

/// The starts of all intervals lie on a grid: of time itself, or of the local clock.
pub(super) struct Grid {
    /// Distance of two neighbours on the grid, in seconds.
    pub seconds: u32,
    phase: i64,
    clock: Clock,
    /// Whether the length is assumed, because there is one interval only.
    is_assumed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Clock {
    /// Unix time: all intervals last equally long.
    Unix,
    /// The wall clock of the file: an interval in which clocks change is shorter or longer.
    Local,
}

/// Start of an interval, in unix seconds and on the local clock.
type Start = (i64, i64);

impl Clock {
    fn time(self, (unix, local): Start) -> i64 {
        match self {
            Self::Unix => unix,
            Self::Local => local,
        }
    }

    /// The distance that most neighbours have, the smaller one where two are as frequent; `None` for less than two starts.
    fn spacing(self, starts: &[Start]) -> Option<i64> {
        let mut spacings: BTreeMap<i64, usize> = BTreeMap::new();
        for pair in starts.windows(2) {
            let spacing = self.time(pair[1]) - self.time(pair[0]);
            if spacing > 0 {
                *spacings.entry(spacing).or_default() += 1;
            }
        }
        let most = spacings.values().copied().max()?;
        spacings.into_iter().find(|(_, count)| *count == most).map(|(spacing, _)| spacing)
    }

    /// Where on a grid most starts lie.
    fn phase(self, starts: &[Start], seconds: i64) -> i64 {
        let phases = || starts.iter().map(|start| self.time(*start).rem_euclid(seconds));
        let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
        for phase in phases() {
            *counts.entry(phase).or_default() += 1;
        }
        let most = counts.values().copied().max().unwrap_or(0);
        phases().find(|phase| counts[phase] == most).unwrap_or(0)
    }

    /// The grid of this clock whose distance most neighbours have.
    fn grid(self, starts: &[Start]) -> Option<Grid> {
        let spacing = self.spacing(starts)?;
        let seconds = u32::try_from(spacing).ok()?;
        Some(Grid { seconds, phase: self.phase(starts, spacing), clock: self, is_assumed: false })
    }
}

impl Grid {
    /// The grid of starts in order of time.
    ///
    /// # Errors
    /// A sentence that names the distance of the rows, where it is no interval of a market.
    pub fn of(starts: &[Start]) -> Result<Self, String> {
        let is_complete = |grid: &Self| starts.iter().all(|start| grid.holds(*start));
        let local = Clock::Local.grid(starts).filter(|grid| is_complete(grid) && grid.validate().is_ok());
        let unix = match Clock::Unix.spacing(starts) {
            Some(spacing) => Clock::Unix.grid(starts).ok_or_else(|| too_long(spacing))?,
            None => {
                let (seconds, clock) = (DEFAULT_INTERVAL_SECONDS, Clock::Unix);
                Self { seconds, phase: clock.phase(starts, seconds.into()), clock, is_assumed: true }
            }
        };
        // Days of the local clock are days, even where all of a short file's last 23 or 25 hours.
        if let Some(local) = local
            && (local.seconds == MAX_WINDOW_SECONDS || !is_complete(&unix))
            && local.lengths(starts).iter().any(|seconds| *seconds != local.seconds)
        {
            return Ok(local);
        }
        unix.validate()?;
        Ok(unix)
    }

    fn validate(&self) -> Result<(), String> {
        match self.seconds {
            MIN_WINDOW_SECONDS..=MAX_WINDOW_SECONDS => Ok(()),
            0..MIN_WINDOW_SECONDS => Err(format!(
                "the rows are {} apart, and the shortest interval of a market is {}; add up the energy of each minute, or \
                 of each quarter of an hour",
                duration(self.seconds.into()),
                duration(MIN_WINDOW_SECONDS.into())
            )),
            _ => Err(too_long(self.seconds.into())),
        }
    }

    /// Whether a start lies on the grid.
    pub fn holds(&self, start: Start) -> bool {
        self.clock.time(start).rem_euclid(i64::from(self.seconds)) == self.phase
    }

    /// Lengths of intervals, in seconds.
    pub fn lengths(&self, starts: &[Start]) -> Vec<u32> {
        let length = |index: usize| {
            let (start, next) = (starts[index], starts.get(index + 1)?);
            let is_next = next.1 - start.1 == i64::from(self.seconds);
            u32::try_from(next.0 - start.0).ok().filter(|_| is_next)
        };
        match self.clock {
            Clock::Unix => vec![self.seconds; starts.len()],
            // What follows a gap or the end of the file is unknown. Clocks rarely change there.
            Clock::Local => (0..starts.len()).map(|index| length(index).unwrap_or(self.seconds)).collect(),
        }
    }

    /// What people should know of the lengths.
    pub fn note(&self, intervals: usize) -> Option<String> {
        let length = duration(self.seconds.into());
        if self.is_assumed && intervals == 1 {
            return Some(format!("the file has one interval, which is taken to last {length}"));
        }
        (self.clock == Clock::Local).then(|| {
            format!(
                "the rows are {length} apart on the local clock, which changes within the file: some intervals are shorter \
                 or longer"
            )
        })
    }
}

fn too_long(seconds: i64) -> String {
    format!(
        "the rows are {} apart, and the longest interval of a market is a day; replay readings of a minute to a day, not \
         sums of longer times",
        duration(seconds)
    )
}

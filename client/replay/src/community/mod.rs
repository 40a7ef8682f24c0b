//! The file of a community: who drew and who generated how much in every interval.
//!
//! It is CSV with the columns `interval_start`, `member`, `load_wh` and `generation_wh`: the start of the interval in
//! RFC 3339 with any offset, a member's name, and whole Wh. It may have the columns `forecast_load_wh` and
//! `forecast_generation_wh` too, both or none: what was expected before the interval. Rows and columns may come in any order; columns with other
//! names are not used. Fields are separated by commas, semicolons or tabs, as the header shows. The text is UTF-8, or
//! UTF-16 with a byte order mark. Rows without any content are skipped, and so is the header where it comes again. Energy may be
//! written with an exponent (`1e+05`) or zeros behind the point, as long as it is whole.
//!
//! - **Members.** Names are compared in Unicode's normal form C. Two names that differ only in characters that cannot be
//!   seen are refused.
//! - **Intervals.** Most neighbouring starts are one interval apart, and all starts lie on that grid. Gaps are allowed, as
//!   between separate days. Starts may lie on the grid of the local clock instead, as those of daily rows do: then
//!   intervals are shorter or longer where clocks change. A market's interval lasts a minute to a day.
//! - **Missing readings.** A member without a row in an interval neither draws nor generates in it. Such readings are
//!   counted.
//!
//! Anything else is refused with the line and the reason.

mod format;
mod grid;
mod readings;
mod row;

use {
    self::{format::ALL_COLUMNS, grid::Grid, readings::Readings, row::Row},
    crate::file::{self, Fields, FileError, Names, Rest, row_error},
    serde::{Deserialize, Serialize},
    std::{collections::BTreeMap, io, path::Path},
};

pub use self::{
    format::{COLUMNS, DEFAULT_INTERVAL_SECONDS, FORECAST_COLUMNS, MAX_ENERGY_WH, duration},
    readings::Reading,
};

/// One interval of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Start, in unix seconds.
    pub start: i64,
    /// Length, in seconds.
    pub seconds: u32,
    /// Start as the file writes it.
    pub label: String,
    /// Start on the wall clock of the file's own offset, in seconds since 1970-01-01T00:00 of that clock.
    pub local_start: i64,
    readings: Readings,
}

impl Interval {
    /// Readings in the order of the members.
    pub fn readings(&self) -> impl ExactSizeIterator<Item = Reading> + '_ {
        self.readings.iter()
    }

    /// What all members with a surplus expect to have, in Wh.
    pub fn surplus_wh(&self) -> u64 {
        self.readings().map(|reading| reading.surplus_wh()).sum()
    }

    /// What all members with a deficit expect to need, in Wh.
    pub fn deficit_wh(&self) -> u64 {
        self.readings().map(|reading| reading.deficit_wh()).sum()
    }

    /// What this interval must trade: all that both sides expect to have.
    pub fn tradable_wh(&self) -> u64 {
        self.surplus_wh().min(self.deficit_wh())
    }

    /// The reading of a member; `None` where the file has none.
    pub fn reading(&self, member: usize) -> Option<Reading> {
        self.readings().find(|reading| reading.member == member)
    }

    /// First second after the interval, in unix seconds.
    pub fn end(&self) -> i64 {
        self.start + i64::from(self.seconds)
    }
}

/// A community's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Community {
    /// Distance of neighbouring intervals, in seconds: on the local clock where intervals have different lengths.
    pub interval_seconds: u32,
    /// Names in order of their first row.
    pub members: Vec<String>,
    /// Intervals in order of time.
    pub intervals: Vec<Interval>,
    /// Whether the file says what was expected before each interval. Without it, what was measured is taken for it.
    pub has_forecast: bool,
    /// Sentences about what the file left open and what it was taken to mean.
    pub notes: Vec<String>,
}

/// Totals of a whole file, in Wh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommunityTotals {
    /// What members with a surplus can sell.
    pub surplus_wh: u64,
    /// What members with a deficit want.
    pub deficit_wh: u64,
    /// The smaller of both, interval by interval.
    pub tradable_wh: u64,
}

/// A time within the file for which it has no rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The interval before the gap.
    pub after: usize,
    /// Length, in seconds.
    pub seconds: i64,
}

/// Gaps from this length on, in seconds, are between separate days. In a shorter one, readings are missing.
const SEPARATE_DAYS_SECONDS: i64 = 86_400;

impl Community {
    /// Reads a file.
    ///
    /// # Errors
    /// [`FileError`], with the line where a row is at fault.
    pub fn read_path(path: &Path) -> Result<Self, FileError> {
        let file = std::fs::File::open(path)
            .map_err(|error| FileError::File(format!("cannot open {}: {error}", path.display())))?;
        Self::read(file)
    }

    /// Reads CSV.
    ///
    /// # Errors
    /// As [`Self::read_path`].
    pub fn read(input: impl io::Read) -> Result<Self, FileError> {
        let mut rows = Rows { members: Names::of(COLUMNS[1]), intervals: BTreeMap::new() };
        let rest = file::read(input, &ALL_COLUMNS, |line, fields, separator| rows.add(line, fields, separator))?;
        rows.finish(rest)
    }

    /// The same community without its forecast: what was measured is taken for what was expected.
    #[must_use]
    pub fn without_forecast(mut self) -> Self {
        if !std::mem::take(&mut self.has_forecast) {
            return self;
        }
        for interval in &mut self.intervals {
            let measured = |reading: Reading| Reading::measured(reading.member, reading.load_wh, reading.generation_wh);
            interval.readings = interval.readings.iter().map(measured).collect();
        }
        let [load, generation] = FORECAST_COLUMNS;
        self.notes.push(format!("the columns {load} and {generation} are not used on purchase terms"));
        self
    }

    /// Sums over all intervals.
    pub fn totals(&self) -> CommunityTotals {
        let mut totals = CommunityTotals::default();
        for interval in &self.intervals {
            totals.surplus_wh += interval.surplus_wh();
            totals.deficit_wh += interval.deficit_wh();
            totals.tradable_wh += interval.tradable_wh();
        }
        totals
    }

    /// Energy that each member generates in the whole file, in Wh.
    pub fn generation_wh(&self) -> Vec<u64> {
        self.sums_by_member(|reading| reading.generation_wh)
    }

    /// Whether each member puts energy on offer in any interval.
    pub fn is_seller(&self) -> Vec<bool> {
        self.sums_by_member(Reading::surplus_wh).into_iter().map(|surplus_wh| surplus_wh > 0).collect()
    }

    /// The most that each member generated, or was expected to generate, in one interval, in Wh.
    pub fn largest_generation_wh(&self) -> Vec<u64> {
        let mut largest = vec![0; self.members.len()];
        for reading in self.intervals.iter().flat_map(Interval::readings) {
            largest[reading.member] = reading.largest_generation_wh().max(largest[reading.member]);
        }
        largest
    }

    /// Energy that each member wants to buy in the whole file, in Wh.
    pub fn deficits_wh(&self) -> Vec<u64> {
        self.sums_by_member(Reading::deficit_wh)
    }

    fn sums_by_member(&self, figure: impl Fn(&Reading) -> u64) -> Vec<u64> {
        let mut sums = vec![0; self.members.len()];
        for reading in self.intervals.iter().flat_map(Interval::readings) {
            sums[reading.member] += figure(&reading);
        }
        sums
    }

    /// Length of the delivery windows that the intervals can be traded in; `None` where intervals have different lengths.
    pub fn window_seconds(&self) -> Option<u32> {
        let (shortest, longest) = self.interval_range_seconds();
        (shortest == longest).then_some(shortest)
    }

    /// Shortest and longest interval, in seconds.
    pub fn interval_range_seconds(&self) -> (u32, u32) {
        let lengths = || self.intervals.iter().map(|interval| interval.seconds);
        (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0))
    }

    /// Times within the file for which it has no rows.
    pub fn gaps(&self) -> Vec<Gap> {
        let pairs = self.intervals.windows(2).enumerate();
        pairs
            .map(|(after, pair)| Gap { after, seconds: pair[1].start - pair[0].end() })
            .filter(|gap| gap.seconds > 0)
            .collect()
    }

    /// Intervals of the file in which each member has no reading.
    pub fn missing_by_member(&self) -> Vec<u64> {
        let mut present = vec![0; self.members.len()];
        for reading in self.intervals.iter().flat_map(Interval::readings) {
            present[reading.member] += 1;
        }
        present.iter().map(|present| self.intervals.len() as u64 - present).collect()
    }

    /// Refuses a file in which readings are missing: of a member in an interval, or of all members for less than a day.
    ///
    /// # Errors
    /// A sentence with their number and the first of them.
    pub fn require_complete(&self) -> Result<(), FileError> {
        let missing: u64 = self.missing_by_member().iter().sum();
        if missing > 0 {
            let first = self.intervals.iter().find_map(|interval| {
                let member = (0..self.members.len()).find(|member| interval.reading(*member).is_none())?;
                Some((&self.members[member], &interval.label))
            });
            let first = first.map(|(name, label)| format!(", first the one of \"{name}\" at {label}"));
            return Err(FileError::File(format!(
                "{missing} of {} readings are missing{}; add them (0 for no energy), or allow them to be missing",
                self.intervals.len() * self.members.len(),
                first.unwrap_or_default()
            )));
        }
        if let Some(gap) = self.gaps().iter().find(|gap| gap.seconds < SEPARATE_DAYS_SECONDS) {
            let [before, after] = [gap.after, gap.after + 1].map(|index| &self.intervals[index].label);
            return Err(FileError::File(format!(
                "there are no readings for {} between the intervals of {before} and {after}; add them (0 for no energy), \
                 or allow them to be missing",
                duration(gap.seconds)
            )));
        }
        Ok(())
    }
}

/// The rows read so far.
struct Rows {
    members: Names,
    intervals: BTreeMap<i64, Draft>,
}

/// An interval that is being read.
struct Draft {
    /// Line of its first row.
    line: u64,
    label: String,
    local_start: i64,
    /// Readings in the order of the members, and their lines.
    readings: Vec<(Reading, u64)>,
}

impl Rows {
    fn add(&mut self, line: u64, fields: Fields<'_, 4, 2>, separator: u8) -> Result<(), String> {
        let row = Row::parse(fields, separator)?;
        let member = self.members.index(row.member, line)?;
        let draft = self.intervals.entry(row.start).or_insert_with(|| Draft {
            line,
            label: row.label.to_owned(),
            local_start: row.local_start,
            readings: Vec::new(),
        });
        let Row { load_wh, generation_wh, forecast_load_wh, forecast_generation_wh, .. } = row;
        let member = member as usize;
        let reading = Reading { member, load_wh, generation_wh, forecast_load_wh, forecast_generation_wh };
        match draft.readings.binary_search_by_key(&member, |(reading, _)| reading.member) {
            Err(place) => draft.readings.insert(place, (reading, line)),
            Ok(place) => {
                return Err(format!(
                    "member {:?} has a row for {} already, in line {}; keep one",
                    row.member, row.label, draft.readings[place].1
                ));
            }
        }
        Ok(())
    }

    fn finish(self, rest: Rest) -> Result<Community, FileError> {
        let mut notes = rest.of_columns;
        if self.intervals.is_empty() {
            return Err(FileError::File("the file has a header and no rows; there is nothing to trade".into()));
        }
        let starts: Vec<(i64, i64)> = self.intervals.iter().map(|(start, draft)| (*start, draft.local_start)).collect();
        let grid = Grid::of(&starts).map_err(FileError::File)?;
        let off_grid = (self.intervals.values().enumerate())
            .filter(|(index, _)| !grid.holds(starts[*index]))
            .min_by_key(|(_, draft)| draft.line);
        if let Some((_, draft)) = off_grid {
            return Err(row_error(
                draft.line,
                format!(
                    "interval_start {} does not lie on the grid of {} s that the other intervals are on; correct the \
                     timestamp",
                    draft.label, grid.seconds
                ),
            ));
        }
        notes.extend(self.members.notes());
        notes.extend(rest.of_rows);
        notes.extend(grid.note(starts.len()));
        let lengths = grid.lengths(&starts);
        let intervals = (self.intervals.into_iter().zip(&lengths))
            .map(|((start, draft), seconds)| Interval {
                start,
                seconds: *seconds,
                label: draft.label,
                local_start: draft.local_start,
                readings: draft.readings.into_iter().map(|(reading, _)| reading).collect(),
            })
            .collect();
        let members = self.members.into_names();
        Ok(Community { interval_seconds: grid.seconds, members, intervals, has_forecast: rest.has_further, notes })
    }
}

#[cfg(test)]
mod tests;

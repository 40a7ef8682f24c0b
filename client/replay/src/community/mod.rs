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
//!
//! The file is read once. Its rows are sorted, and its intervals kept, in temporary files: memory grows by a few bytes with each
//! interval, whatever their readings.

mod format;
mod grid;
mod interval;
mod intervals;
mod readings;
mod row;
mod sorter;
mod sums;

use {
    self::{
        format::ALL_COLUMNS,
        grid::Grid,
        intervals::{Intervals, Store, lost},
        row::Row,
        sorter::{Entry, Sorter, Time},
        sums::{MemberSums, Sums},
    },
    crate::file::{self, Fields, FileError, Names, Rest, row_error},
    std::{io, ops::Range, path::Path, sync::Arc, time::SystemTime},
};

pub use self::{
    format::{COLUMNS, DEFAULT_INTERVAL_SECONDS, FORECAST_COLUMNS, MAX_ENERGY_WH, duration},
    interval::Interval,
    readings::Reading,
    sums::{CommunityTotals, Gap},
};

/// A community's file. Its intervals stand in a temporary file, so that memory does not grow with their readings. Copies share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Community {
    /// Distance of neighbouring intervals, in seconds: on the local clock where intervals have different lengths.
    pub interval_seconds: u32,
    /// Names in order of their first row.
    pub members: Vec<String>,
    /// Intervals in order of time.
    intervals: Intervals,
    /// Whether the file says what was expected before each interval. Without it, what was measured is taken for it.
    pub has_forecast: bool,
    /// Sentences about what the file left open and what it was taken to mean.
    pub notes: Vec<String>,
    /// What all intervals come to.
    sums: Sums,
}

/// Gaps from this length on, in seconds, are between separate days. In a shorter one, readings are missing.
const SEPARATE_DAYS_SECONDS: i64 = 86_400;

impl Community {
    /// Reads a file, once: what becomes of it afterwards changes nothing.
    ///
    /// # Errors
    /// [`FileError`], with the line where a row is at fault; also where the file changes while it is read, and where the readings
    /// cannot be kept in a temporary file.
    pub fn read_path(path: &Path) -> Result<Self, FileError> {
        let file = std::fs::File::open(path)
            .map_err(|error| FileError::File(format!("cannot open {}: {error}", path.display())))?;
        Self::read_steady(&file, &file)
    }

    /// Reads CSV from a file, which must not change meanwhile.
    fn read_steady(file: &std::fs::File, input: impl io::Read) -> Result<Self, FileError> {
        let before = Stamp::of(file);
        let read = Self::read(input);
        // Part of it was read before the change and part of it after, whatever is at fault.
        if Stamp::of(file) != before {
            return Err(FileError::File(
                "the file changed while it was read; read it once nothing writes to it any more".into(),
            ));
        }
        read
    }

    /// Reads CSV.
    ///
    /// # Errors
    /// As [`Self::read_path`].
    pub fn read(input: impl io::Read) -> Result<Self, FileError> {
        let mut rows = Rows { members: Names::of(COLUMNS[1]), sorter: Sorter::default(), time: None, failed: None };
        let rest = file::read(input, &ALL_COLUMNS, |line, fields, separator| rows.add(line, fields, separator));
        rows.finish(rest)
    }

    /// How many intervals there are.
    pub fn interval_count(&self) -> usize {
        self.intervals.len()
    }

    /// The interval with a number, which begins with 0.
    ///
    /// # Errors
    /// Where there is none, or where the temporary file cannot be read any more.
    pub fn interval(&self, number: usize) -> Result<Arc<Interval>, FileError> {
        self.intervals.get(number)
    }

    /// Intervals in order of time. One of them is in memory at a time.
    ///
    /// # Errors
    /// Of each: where the temporary file cannot be read any more.
    pub fn intervals(&self) -> impl Iterator<Item = Result<Interval, FileError>> + '_ {
        self.intervals.iter()
    }

    /// The same community in some of its intervals, by number: those of them that it has.
    ///
    /// # Errors
    /// Where the temporary file cannot be read any more.
    pub fn within(mut self, numbers: Range<usize>) -> Result<Self, FileError> {
        self.intervals = self.intervals.within(numbers);
        self.sums = Sums::of(&self.intervals, self.members.len())?;
        Ok(self)
    }

    /// The same community without its forecast: what was measured is taken for what was expected.
    ///
    /// # Errors
    /// Where the temporary file cannot be read any more.
    pub fn without_forecast(mut self) -> Result<Self, FileError> {
        if !std::mem::take(&mut self.has_forecast) {
            return Ok(self);
        }
        self.intervals = self.intervals.as_measured();
        self.sums = Sums::of(&self.intervals, self.members.len())?;
        let [load, generation] = FORECAST_COLUMNS;
        self.notes.push(format!("the columns {load} and {generation} are not used on purchase terms"));
        Ok(self)
    }

    /// Sums over all intervals.
    pub fn totals(&self) -> CommunityTotals {
        self.sums.totals
    }

    /// Energy that each member generates in the whole file, in Wh.
    pub fn generation_wh(&self) -> Vec<u64> {
        self.by_member(|sums| sums.generation_wh)
    }

    /// Whether each member puts energy on offer in any interval.
    pub fn is_seller(&self) -> Vec<bool> {
        self.by_member(|sums| sums.surplus_wh > 0)
    }

    /// The most that each member generated, or was expected to generate, in one interval, in Wh.
    pub fn largest_generation_wh(&self) -> Vec<u64> {
        self.by_member(|sums| sums.largest_generation_wh)
    }

    /// Energy that each member wants to buy in the whole file, in Wh.
    pub fn deficits_wh(&self) -> Vec<u64> {
        self.by_member(|sums| sums.deficit_wh)
    }

    /// The largest surplus of all members in one interval, in Wh.
    pub fn largest_surplus_wh(&self) -> u64 {
        self.sums.largest_surplus_wh
    }

    /// The largest deficit of one member in one interval, in Wh.
    pub fn largest_deficit_wh(&self) -> u64 {
        self.sums.largest_deficit_wh
    }

    fn by_member<T>(&self, figure: impl Fn(&MemberSums) -> T) -> Vec<T> {
        self.sums.members.iter().map(figure).collect()
    }

    /// Length of the delivery windows that the intervals can be traded in; `None` where intervals have different lengths.
    pub fn window_seconds(&self) -> Option<u32> {
        let (shortest, longest) = self.interval_range_seconds();
        (shortest == longest).then_some(shortest)
    }

    /// Shortest and longest interval, in seconds.
    pub fn interval_range_seconds(&self) -> (u32, u32) {
        self.sums.range_seconds
    }

    /// Times within the file for which it has no rows.
    pub fn gaps(&self) -> &[Gap] {
        &self.sums.gaps
    }

    /// Intervals of the file in which each member has no reading.
    pub fn missing_by_member(&self) -> Vec<u64> {
        self.by_member(|sums| self.intervals.len() as u64 - sums.readings)
    }

    /// Refuses a file in which readings are missing: of a member in an interval, or of all members for less than a day.
    ///
    /// # Errors
    /// A sentence with their number and the first of them; also where the temporary file cannot be read any more.
    pub fn require_complete(&self) -> Result<(), FileError> {
        let missing: u64 = self.missing_by_member().iter().sum();
        if missing > 0 {
            let mut first = String::new();
            for interval in self.intervals() {
                let interval = interval?;
                if let Some(member) = (0..self.members.len()).find(|member| interval.reading(*member).is_none()) {
                    first = format!(", first the one of \"{}\" at {}", self.members[member], interval.label);
                    break;
                }
            }
            return Err(FileError::File(format!(
                "{missing} of {} readings are missing{first}; add them (0 for no energy), or allow them to be missing",
                self.intervals.len() * self.members.len()
            )));
        }
        if let Some(gap) = self.gaps().iter().find(|gap| gap.seconds < SEPARATE_DAYS_SECONDS) {
            let [before, after] = [self.interval(gap.after)?, self.interval(gap.after + 1)?];
            return Err(FileError::File(format!(
                "there are no readings for {} between the intervals of {} and {}; add them (0 for no energy), or allow them to \
                 be missing",
                duration(gap.seconds),
                before.label,
                after.label
            )));
        }
        Ok(())
    }
}

/// What shows that a file changes: its length and when it was written last. `None` of what is no file, as a pipe.
#[derive(PartialEq, Eq)]
struct Stamp(Option<(u64, Option<SystemTime>)>);

impl Stamp {
    fn of(file: &std::fs::File) -> Self {
        let known = file.metadata().ok().filter(std::fs::Metadata::is_file);
        Self(known.map(|known| (known.len(), known.modified().ok())))
    }
}

/// The rows read so far.
struct Rows {
    members: Names,
    sorter: Sorter,
    /// That of the last row: most rows are at the time of the one before.
    time: Option<Time>,
    /// Why rows could not be kept.
    failed: Option<FileError>,
}

impl Rows {
    fn add(&mut self, line: u64, fields: Fields<'_, 4, 2>, separator: u8) -> Result<(), String> {
        let row = Row::parse(fields, separator)?;
        let member = self.members.index(row.member, line)? as usize;
        let spelling = (self.members.name(member) != row.member).then(|| row.member.into());
        let time = match self.time.take() {
            Some(time) if *time.label == *row.label => time,
            _ => Time { start: row.start, local_start: row.local_start, label: row.label.into() },
        };
        self.time = Some(time.clone());
        let Row { load_wh, generation_wh, forecast_load_wh, forecast_generation_wh, .. } = row;
        let reading = Reading { member, load_wh, generation_wh, forecast_load_wh, forecast_generation_wh };
        self.sorter.push(Entry { time, line, reading, spelling }).map_err(|error| {
            let error = lost(&error);
            self.failed = Some(error.clone());
            error.to_string()
        })
    }

    fn finish(self, rest: Result<Rest, FileError>) -> Result<Community, FileError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut drafts = Drafts::default();
        for entry in self.sorter.sorted().map_err(|error| lost(&error))? {
            drafts.add(entry.map_err(|error| lost(&error))?, &self.members)?;
        }
        let Drafts { store, starts, lines, second, .. } = drafts.end()?;
        // A row that comes twice stands before the row that is at fault, which was the last one read.
        if let Some((line, reason)) = second {
            return Err(row_error(line, reason));
        }
        let rest = rest?;
        let mut notes = rest.of_columns;
        if starts.is_empty() {
            return Err(FileError::File("the file has a header and no rows; there is nothing to trade".into()));
        }
        let grid = Grid::of(&starts).map_err(FileError::File)?;
        let intervals = Intervals::of(store, grid.lengths(&starts));
        let off_grid =
            (0..starts.len()).filter(|number| !grid.holds(starts[*number])).min_by_key(|number| lines[*number]);
        if let Some(number) = off_grid {
            return Err(row_error(
                lines[number],
                format!(
                    "interval_start {} does not lie on the grid of {} s that the other intervals are on; correct the \
                     timestamp",
                    intervals.get(number)?.label,
                    grid.seconds
                ),
            ));
        }
        notes.extend(self.members.notes());
        notes.extend(rest.of_rows);
        notes.extend(grid.note(starts.len()));
        let members = self.members.into_names();
        let sums = Sums::of(&intervals, members.len())?;
        let (interval_seconds, has_forecast) = (grid.seconds, rest.has_further);
        Ok(Community { interval_seconds, members, intervals, has_forecast, notes, sums })
    }
}

/// Intervals that are put together from rows in order of time.
#[derive(Default)]
struct Drafts {
    store: Store,
    /// Starts of all intervals, in unix seconds and on the local clock.
    starts: Vec<(i64, i64)>,
    /// The line of the first row of each.
    lines: Vec<u64>,
    /// The interval that is put together.
    current: Option<Draft>,
    /// Of the rows that have the time and member of another one before them, the first: its line and what is wrong.
    second: Option<(u64, String)>,
}

/// An interval that is put together.
struct Draft {
    /// Line of its first row in the file.
    line: u64,
    time: Time,
    /// Readings in the order of the members.
    readings: Vec<Reading>,
    /// Line of the first row of the last member.
    line_of_last: u64,
    /// Whether there were more rows of the last member.
    is_repeated: bool,
}

impl Drafts {
    fn add(&mut self, entry: Entry, members: &Names) -> Result<(), FileError> {
        let Entry { time, line, reading, spelling } = entry;
        if self.current.as_ref().is_none_or(|draft| draft.time.start != time.start) {
            self.end_current()?;
            let (readings, is_repeated) = (vec![reading], false);
            self.current = Some(Draft { line, time, readings, line_of_last: line, is_repeated });
            return Ok(());
        }
        let Some(draft) = &mut self.current else { return Ok(()) };
        if draft.readings.last().is_some_and(|last| last.member == reading.member) {
            // The second row of a member is at fault, whatever follows.
            if !draft.is_repeated && self.second.as_ref().is_none_or(|(second, _)| line < *second) {
                let spelling = spelling.as_deref().unwrap_or(members.name(reading.member));
                let (label, first) = (&time.label, draft.line_of_last);
                let reason = format!("member {spelling:?} has a row for {label} already, in line {first}; keep one");
                self.second = Some((line, reason));
            }
            draft.is_repeated = true;
            return Ok(());
        }
        draft.readings.push(reading);
        (draft.line_of_last, draft.is_repeated) = (line, false);
        if line < draft.line {
            (draft.line, draft.time) = (line, time);
        }
        Ok(())
    }

    /// Keeps the interval that is put together.
    fn end_current(&mut self) -> Result<(), FileError> {
        let Some(Draft { line, time, readings, .. }) = self.current.take() else { return Ok(()) };
        self.starts.push((time.start, time.local_start));
        self.lines.push(line);
        self.store.push(&time, &readings.into_iter().collect()).map_err(|error| lost(&error))
    }

    fn end(mut self) -> Result<Self, FileError> {
        self.end_current()?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests;

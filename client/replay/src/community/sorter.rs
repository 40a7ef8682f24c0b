//! The rows of a file in order of time, whatever order they come in. Memory holds a part of them; the rest stands in a temporary
//! file, in runs that are sorted and then read side by side.

use {
    super::readings::Reading,
    crate::{
        rows::{put, put_text, put_time, take, take_text, take_time},
        spool::Spool,
    },
    std::{cmp::Reverse, collections::BinaryHeap, io, mem, ops::Range, rc::Rc, vec},
};

/// Rows that are sorted at once.
const SORTED_ROWS: usize = 32 << 10;
/// Rows that are read from a run at once.
const BLOCK_ROWS: usize = 256;

/// By which rows are sorted: time, then member, then line.
type Key = (i64, usize, u64);

/// A row of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub time: Time,
    /// Its line.
    pub line: u64,
    pub reading: Reading,
    /// The member as the row writes it, where that is not its name.
    pub spelling: Option<Box<str>>,
}

/// When an interval starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Time {
    /// In unix seconds.
    pub start: i64,
    /// On the wall clock of the row's offset, in seconds since 1970-01-01T00:00 of that clock.
    pub local_start: i64,
    /// As the row writes it: shared with the rows beside it, which mostly write the same.
    pub label: Rc<str>,
}

impl Entry {
    fn key(&self) -> Key {
        (self.time.start, self.reading.member, self.line)
    }
}

/// Sorts rows.
#[derive(Default)]
pub(super) struct Sorter {
    /// Rows that are not sorted yet.
    last: Vec<Entry>,
    spool: Spool,
    /// Blocks of each run.
    runs: Vec<Range<usize>>,
    /// Key of the last row of the last run.
    end: Option<Key>,
}

impl Sorter {
    /// Adds a row. Lines come in order.
    ///
    /// # Errors
    /// Where the temporary file cannot be written.
    pub fn push(&mut self, entry: Entry) -> io::Result<()> {
        self.last.push(entry);
        if self.last.len() < SORTED_ROWS { Ok(()) } else { self.spill() }
    }

    /// Writes the rows that are in memory behind the last run where they come later, or as a run of their own.
    fn spill(&mut self) -> io::Result<()> {
        if self.last.is_empty() {
            return Ok(());
        }
        self.last.sort_by_key(Entry::key);
        let first = self.spool.len();
        for rows in self.last.chunks(BLOCK_ROWS) {
            self.spool.begin();
            let mut before = None;
            for row in rows {
                self.spool.append(|bytes| row.write(before, bytes))?;
                before = Some(&row.time);
            }
        }
        let end = self.spool.len();
        match self.runs.last_mut() {
            Some(run) if self.end < self.last.first().map(Entry::key) => run.end = end,
            _ => self.runs.push(first..end),
        }
        self.end = self.last.last().map(Entry::key);
        self.last.clear();
        Ok(())
    }

    /// All rows in order.
    ///
    /// # Errors
    /// Where the temporary file cannot be written or read.
    pub fn sorted(mut self) -> io::Result<Sorted> {
        if self.runs.is_empty() {
            // So few that they need no file.
            let mut rows = mem::take(&mut self.last);
            rows.sort_by_key(Entry::key);
            return Sorted::of(self.spool, vec![Run { blocks: 0..0, rows: rows.into_iter() }]);
        }
        self.spill()?;
        let runs = mem::take(&mut self.runs).into_iter();
        Sorted::of(self.spool, runs.map(|blocks| Run { blocks, rows: Vec::new().into_iter() }).collect())
    }
}

impl Entry {
    /// Appends its bytes behind those of a row at another time.
    fn write(&self, before: Option<&Time>, bytes: &mut Vec<u8>) {
        let Self { time, line, reading, spelling } = self;
        let Reading { member, load_wh, generation_wh, forecast_load_wh, forecast_generation_wh } = *reading;
        let is_measured = (load_wh, generation_wh) == (forecast_load_wh, forecast_generation_wh);
        let is_same_time = before == Some(time);
        put(bytes, u64::from(is_same_time) | u64::from(is_measured) << 1 | u64::from(spelling.is_some()) << 2);
        if !is_same_time {
            put_time(bytes, time.start);
            put_time(bytes, time.local_start);
            put_text(bytes, &time.label);
        }
        [*line, member as u64, load_wh, generation_wh].into_iter().for_each(|figure| put(bytes, figure));
        if !is_measured {
            [forecast_load_wh, forecast_generation_wh].into_iter().for_each(|figure| put(bytes, figure));
        }
        if let Some(spelling) = spelling {
            put_text(bytes, spelling);
        }
    }

    /// Takes its bytes from the front; `None` where they are not those of a row.
    fn read(before: Option<&Time>, bytes: &mut &[u8]) -> Option<Self> {
        let head = take(bytes)?;
        let time = match head & 1 {
            1 => before?.clone(),
            _ => Time { start: take_time(bytes)?, local_start: take_time(bytes)?, label: take_text(bytes)?.into() },
        };
        let line = take(bytes)?;
        let mut reading = Reading::measured(take(bytes)? as usize, take(bytes)?, take(bytes)?);
        if head & 2 == 0 {
            (reading.forecast_load_wh, reading.forecast_generation_wh) = (take(bytes)?, take(bytes)?);
        }
        let spelling = match head & 4 {
            0 => None,
            _ => Some(take_text(bytes)?.into()),
        };
        Some(Self { time, line, reading, spelling })
    }
}

/// A run of sorted rows.
struct Run {
    /// Blocks that are not read yet.
    blocks: Range<usize>,
    rows: vec::IntoIter<Entry>,
}

impl Run {
    fn next(&mut self, spool: &mut Spool) -> io::Result<Option<Entry>> {
        if let Some(row) = self.rows.next() {
            return Ok(Some(row));
        }
        let Some(block) = self.blocks.next() else { return Ok(None) };
        let bytes = spool.block(block)?;
        let mut rest = bytes.as_slice();
        let mut rows: Vec<Entry> = Vec::with_capacity(BLOCK_ROWS);
        while !rest.is_empty() {
            let row = Entry::read(rows.last().map(|row| &row.time), &mut rest);
            rows.push(row.ok_or(io::ErrorKind::InvalidData)?);
        }
        self.rows = rows.into_iter();
        Ok(self.rows.next())
    }
}

/// Rows in order.
pub(super) struct Sorted {
    spool: Spool,
    runs: Vec<Run>,
    /// The next row of each run, by its key; and the run.
    next: BinaryHeap<Reverse<(Key, usize)>>,
    heads: Vec<Option<Entry>>,
}

impl Sorted {
    fn of(spool: Spool, runs: Vec<Run>) -> io::Result<Self> {
        let mut sorted = Self { spool, heads: vec![None; runs.len()], next: BinaryHeap::new(), runs };
        for run in 0..sorted.runs.len() {
            sorted.advance(run)?;
        }
        Ok(sorted)
    }

    fn advance(&mut self, run: usize) -> io::Result<()> {
        let head = self.runs[run].next(&mut self.spool)?;
        self.next.extend(head.as_ref().map(|head| Reverse((head.key(), run))));
        self.heads[run] = head;
        Ok(())
    }
}

impl Iterator for Sorted {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<io::Result<Entry>> {
        let Reverse((_, run)) = self.next.pop()?;
        let row = self.heads[run].take()?;
        Some(self.advance(run).map(|()| row))
    }
}

#[cfg(test)]
mod tests {
    use {super::*, proptest::prelude::*};

    fn entry(line: u64, start: i64, member: usize) -> Entry {
        let label = format!("{start}").into();
        let reading = match line % 3 {
            0 => Reading::measured(member, line, 5),
            _ => Reading { forecast_load_wh: line + 1, ..Reading::measured(member, line, 5) },
        };
        let spelling = line.is_multiple_of(5).then(|| "spelling".into());
        Entry { time: Time { start, local_start: start + 3_600, label }, line, reading, spelling }
    }

    fn sorted(rows: &[Entry]) -> (Vec<Entry>, usize) {
        let mut sorter = Sorter::default();
        rows.iter().for_each(|row| sorter.push(row.clone()).unwrap());
        let sorted = sorter.sorted().unwrap();
        let runs = sorted.runs.len();
        (sorted.collect::<io::Result<_>>().unwrap(), runs)
    }

    #[test]
    fn rows_are_sorted_by_time_and_member_whatever_their_order() {
        const COUNT: i64 = 3 * SORTED_ROWS.cast_signed() as i64 + 7;
        type Order = fn(i64) -> (i64, i64);
        let orders: [(Order, usize); 4] = [
            (|line| (line / 9, line % 9), 1),
            (|line| (-line / 9, line % 9), 4),
            (|line| (line % 9_000, line / 9_000), 4),
            (|line| (line * 7_919 % 10_007, line % 9), 4),
        ];
        for (order, expected_runs) in orders {
            let rows: Vec<Entry> = (0..COUNT)
                .map(|line| {
                    let (start, member) = order(line);
                    entry(line.unsigned_abs(), start, member.unsigned_abs() as usize)
                })
                .collect();
            let mut expected = rows.clone();
            expected.sort_by_key(Entry::key);
            let (found, runs) = sorted(&rows);
            assert!(found == expected && runs == expected_runs, "{runs} runs");
        }
    }

    proptest! {
        #[test]
        fn a_row_survives_its_bytes(line: u64, start: i64, member in 0usize..1_000) {
            let row = entry(line, start, member);
            for before in [None, Some(&row.time)] {
                let mut bytes = Vec::new();
                row.write(before, &mut bytes);
                let mut rest = bytes.as_slice();
                let read = Entry::read(before, &mut rest);
                prop_assert_eq!(read.as_ref(), Some(&row));
                prop_assert!(rest.is_empty());
                for cut in 0..bytes.len() {
                    prop_assert_eq!(Entry::read(before, &mut &bytes[..cut]), None);
                }
            }
        }
    }
}

//! The intervals of a file, in a temporary file: memory holds 12 bytes for each, and the one that was asked for last.

use {
    super::{
        interval::Interval,
        readings::{Reading, Readings},
        sorter::Time,
    },
    crate::{
        file::FileError,
        rows::{put, put_text, put_time, take, take_text, take_time},
        spool::{Spool, loss},
    },
    std::{
        fmt, io,
        ops::Range,
        sync::{Arc, Mutex, PoisonError},
    },
};

/// Why readings are lost, and what to do.
pub(super) fn lost(error: &io::Error) -> FileError {
    FileError::File(loss("the readings", error))
}

/// Intervals that are appended in order of time. Each has a block.
#[derive(Default)]
pub(super) struct Store(Spool);

impl Store {
    /// Appends an interval.
    ///
    /// # Errors
    /// Where the temporary file cannot be written.
    pub fn push(&mut self, time: &Time, readings: &Readings) -> io::Result<()> {
        self.0.begin();
        self.0.append(|bytes| {
            let (count, of_readings) = readings.as_bytes();
            put_time(bytes, time.start);
            put_time(bytes, time.local_start);
            put_text(bytes, &time.label);
            put(bytes, count as u64);
            bytes.extend_from_slice(of_readings);
        })
    }
}

/// Some of the intervals of a file.
pub(super) struct Intervals {
    kept: Arc<Kept>,
    /// Which of all.
    numbers: Range<usize>,
    /// Whether what was measured is taken for what was expected.
    is_as_measured: bool,
    /// The one that was asked for last, by number.
    last: Mutex<Option<(usize, Arc<Interval>)>>,
}

/// All intervals of a file.
struct Kept {
    store: Mutex<Store>,
    /// Length of each, in seconds.
    lengths: Vec<u32>,
}

impl Intervals {
    /// All intervals of a store, which have these lengths, in seconds.
    pub fn of(store: Store, lengths: Vec<u32>) -> Self {
        let numbers = 0..lengths.len();
        let kept = Arc::new(Kept { store: Mutex::new(store), lengths });
        Self { kept, numbers, is_as_measured: false, last: Mutex::default() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Some of them, by number.
    pub fn within(&self, numbers: Range<usize>) -> Self {
        let [start, end] = [numbers.start, numbers.end].map(|number| self.numbers.start + number.min(self.len()));
        Self { numbers: start..end.max(start), ..self.clone() }
    }

    /// The same ones, where what was measured is taken for what was expected.
    pub fn as_measured(&self) -> Self {
        Self { is_as_measured: true, ..self.clone() }
    }

    /// The interval with a number.
    ///
    /// # Errors
    /// Where there is none, or where the temporary file cannot be read any more.
    pub fn get(&self, number: usize) -> Result<Arc<Interval>, FileError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, interval)) = &*last
            && *known == number
        {
            return Ok(interval.clone());
        }
        let interval = Arc::new(self.read(number)?);
        *last = Some((number, interval.clone()));
        Ok(interval)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Result<Interval, FileError>> + '_ {
        (0..self.len()).map(|number| self.read(number))
    }

    fn read(&self, number: usize) -> Result<Interval, FileError> {
        let Some(place) = self.numbers.clone().nth(number) else {
            return Err(FileError::File(format!("there is no interval {number}, but {}", self.len())));
        };
        let bytes = self.kept.store.lock().unwrap_or_else(PoisonError::into_inner).0.block(place);
        let bytes = bytes.map_err(|error| lost(&error))?;
        let interval = interval(&bytes, self.kept.lengths[place]);
        let mut interval = interval.ok_or_else(|| lost(&io::ErrorKind::InvalidData.into()))?;
        if self.is_as_measured {
            let measured = |reading: Reading| Reading::measured(reading.member, reading.load_wh, reading.generation_wh);
            interval.readings = interval.readings.iter().map(measured).collect();
        }
        Ok(interval)
    }
}

/// An interval from its bytes; `None` where they are not those of an interval.
fn interval(mut bytes: &[u8], seconds: u32) -> Option<Interval> {
    let bytes = &mut bytes;
    Some(Interval {
        start: take_time(bytes)?,
        seconds,
        local_start: take_time(bytes)?,
        label: take_text(bytes)?,
        readings: Readings::from_bytes(take(bytes)? as usize, bytes)?,
    })
}

impl Clone for Intervals {
    fn clone(&self) -> Self {
        let Self { kept, numbers, is_as_measured, last: _ } = self;
        let (kept, numbers) = (kept.clone(), numbers.clone());
        Self { kept, numbers, is_as_measured: *is_as_measured, last: Mutex::default() }
    }
}

impl PartialEq for Intervals {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Intervals {}

impl fmt::Debug for Intervals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} intervals", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_that_cannot_be_read_is_told() {
        let time = |start| Time { start, local_start: start, label: "noon".into() };
        let readings: Readings = [Reading::measured(3, 500, 7)].into_iter().collect();
        let mut store = Store::default();
        [0, 900].into_iter().for_each(|start| store.push(&time(start), &readings).unwrap());
        store.0.lose_a_byte();
        let intervals = Intervals::of(store, vec![900, 900]);
        assert_eq!(intervals.get(0).unwrap().reading(3), Some(Reading::measured(3, 500, 7)));
        assert!(intervals.get(1).unwrap_err().to_string().contains("the readings cannot be kept in a temporary file"));
        assert_eq!(intervals.get(2).unwrap_err().to_string(), "there is no interval 2, but 2");
        assert_eq!(intervals.iter().flatten().count(), 1);
        assert_eq!(intervals.within(0..1).len(), 1);
    }
}

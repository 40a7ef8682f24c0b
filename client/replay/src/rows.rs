//! Rows that are appended and read in order. They stand in a temporary file, so that memory does not grow with them: a year has
//! millions of trades.

use {
    crate::{
        error::ReplayError,
        spool::{Spool, loss},
    },
    serde::{
        Deserialize, Deserializer, Serialize, Serializer,
        de::{SeqAccess, Visitor},
    },
    std::{
        fmt, io,
        marker::PhantomData,
        mem,
        sync::{Mutex, MutexGuard, PoisonError},
    },
};

/// Rows that are read at once.
pub(crate) const BLOCK: usize = 1_024;

/// A row as bytes.
pub trait Row: Sized {
    /// Appends its bytes.
    fn write(&self, bytes: &mut Vec<u8>);

    /// Takes its bytes from the front; `None` where they are not those of a row.
    fn read(bytes: &mut &[u8]) -> Option<Self>;
}

/// Appends a number, in seven bits a byte.
pub(crate) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Takes a number from the front.
pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for place in 0..10 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Appends an index, or that there is none.
pub(crate) fn put_index(bytes: &mut Vec<u8>, index: Option<usize>) {
    put(bytes, index.map_or(0, |index| index as u64 + 1));
}

/// The index that a number stands for; `None` where there is none.
pub(crate) fn index(number: u64) -> Option<usize> {
    number.checked_sub(1).map(|index| index as usize)
}

/// Appends a time, in unix seconds.
pub(crate) fn put_time(bytes: &mut Vec<u8>, time: i64) {
    put(bytes, time.cast_unsigned().rotate_left(1));
}

/// Takes a time from the front.
pub(crate) fn take_time(bytes: &mut &[u8]) -> Option<i64> {
    Some(take(bytes)?.rotate_right(1).cast_signed())
}

/// Appends a text.
pub(crate) fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}

/// Takes a text from the front.
pub(crate) fn take_text(bytes: &mut &[u8]) -> Option<String> {
    let len = take(bytes)? as usize;
    let (text, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    String::from_utf8(text.to_vec()).ok()
}

/// Rows that are appended and read in order.
pub struct Rows<T> {
    kept: Mutex<Kept>,
    len: usize,
    row: PhantomData<fn() -> T>,
}

struct Kept {
    /// [`BLOCK`] rows in each block, fewer in the last.
    spool: Spool,
    /// Why rows were lost.
    failed: Option<io::Error>,
}

impl<T> Rows<T> {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses to go on where rows could not be written or read.
    pub(crate) fn intact(&self) -> Result<(), ReplayError> {
        match &self.kept().failed {
            None => Ok(()),
            Some(error) => Err(ReplayError::State(loss("the trades that were made", error))),
        }
    }
}

impl<T: Row> Rows<T> {
    /// Appends a row. Where it cannot be kept, the replay ends with an error, and writes no files.
    pub fn push(&mut self, row: &T) {
        let len = self.len;
        let kept = self.kept.get_mut().unwrap_or_else(PoisonError::into_inner);
        if len.is_multiple_of(BLOCK) {
            kept.spool.begin();
        }
        if let Err(error) = kept.spool.append(|bytes| row.write(bytes)) {
            kept.failed.get_or_insert(error);
        }
        self.len += 1;
    }

    /// All rows, in order.
    pub fn iter(&self) -> RowsIter<'_, T> {
        self.iter_from(0)
    }

    /// Rows from a number on, which begins with 0.
    pub fn iter_from(&self, first: usize) -> RowsIter<'_, T> {
        RowsIter { rows: self, next: first.min(self.len), block: Vec::new().into_iter() }
    }

    /// The last row of which something holds.
    pub(crate) fn last_of(&self, holds: impl Fn(&T) -> bool) -> Option<T> {
        let blocks = self.len.div_ceil(BLOCK);
        (0..blocks).rev().find_map(|number| self.block(number).into_iter().rev().find(&holds))
    }

    /// The row with a number, which begins with 0.
    pub fn get(&self, number: usize) -> Option<T> {
        self.iter_from(number).next()
    }

    /// The rows of a block.
    fn block(&self, number: usize) -> Vec<T> {
        let mut kept = self.kept();
        let bytes = match kept.spool.block(number) {
            Ok(bytes) => bytes,
            Err(error) => {
                kept.failed.get_or_insert(error);
                return Vec::new();
            }
        };
        let mut rest = bytes.as_slice();
        let mut rows = Vec::with_capacity(BLOCK);
        while !rest.is_empty() {
            let Some(row) = T::read(&mut rest) else {
                kept.failed.get_or_insert(io::ErrorKind::InvalidData.into());
                return rows;
            };
            rows.push(row);
        }
        rows
    }
}

/// Rows in order.
pub struct RowsIter<'a, T> {
    rows: &'a Rows<T>,
    /// Number of the first row that is not in `block`.
    next: usize,
    block: std::vec::IntoIter<T>,
}

impl<T: Row> Iterator for RowsIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if let Some(row) = self.block.next() {
            return Some(row);
        }
        if self.next >= self.rows.len {
            return None;
        }
        let number = self.next / BLOCK;
        let mut block = self.rows.block(number);
        block.drain(..(self.next % BLOCK).min(block.len()));
        self.next = (number + 1) * BLOCK;
        self.block = block.into_iter();
        self.block.next()
    }
}

impl<'a, T: Row> IntoIterator for &'a Rows<T> {
    type Item = T;
    type IntoIter = RowsIter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        let kept = Kept { spool: Spool::default(), failed: None };
        Self { kept: Mutex::new(kept), len: 0, row: PhantomData }
    }
}

impl<T: Row> FromIterator<T> for Rows<T> {
    fn from_iter<I: IntoIterator<Item = T>>(rows: I) -> Self {
        let mut all = Self::default();
        rows.into_iter().for_each(|row| all.push(&row));
        all
    }
}

impl<T: Row> Clone for Rows<T> {
    fn clone(&self) -> Self {
        self.iter().collect()
    }
}

impl<T: Row + PartialEq> PartialEq for Rows<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<T: Row + Eq> Eq for Rows<T> {}

impl<T> fmt::Debug for Rows<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows", self.len)
    }
}

impl<T: Row + Serialize> Serialize for Rows<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, T: Row + Deserialize<'de>> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);

        impl<'de, T: Row + Deserialize<'de>> Visitor<'de> for Reader<T> {
            type Value = Rows<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of rows")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Rows<T>, A::Error> {
                let mut rows = Rows::default();
                while let Some(row) = list.next_element()? {
                    rows.push(&row);
                }
                Ok(rows)
            }
        }

        deserializer.deserialize_seq(Reader(PhantomData))
    }
}

/// Brings rows into an order. They mostly are in it: then they are only read.
pub(crate) fn sort<T: Row, K: Ord>(rows: &mut Rows<T>, key: impl Fn(&T) -> K) {
    if rows.iter().map(|row| key(&row)).is_sorted() {
        return;
    }
    let mut all: Vec<T> = mem::take(rows).iter().collect();
    all.sort_by_key(key);
    *rows = all.into_iter().collect();
}

#[cfg(test)]
mod tests {
    use {super::*, proptest::prelude::*};

    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Line {
        number: u64,
        time: i64,
        index: Option<usize>,
        text: String,
    }

    impl Row for Line {
        fn write(&self, bytes: &mut Vec<u8>) {
            let Self { number, time, index, text } = self;
            put(bytes, *number);
            put_time(bytes, *time);
            put_index(bytes, *index);
            put_text(bytes, text);
        }

        fn read(bytes: &mut &[u8]) -> Option<Self> {
            Some(Self {
                number: take(bytes)?,
                time: take_time(bytes)?,
                index: index(take(bytes)?),
                text: take_text(bytes)?,
            })
        }
    }

    fn line(number: u64) -> Line {
        Line {
            number,
            time: -5,
            index: (!number.is_multiple_of(3)).then_some(7),
            text: "x".repeat(number as usize % 90),
        }
    }

    proptest! {
        #[test]
        fn a_row_survives_its_bytes(number: u64, time: i64, index in proptest::option::of(0usize..1 << 40), text: String) {
            let line = Line { number, time, index, text };
            let mut bytes = Vec::new();
            line.write(&mut bytes);
            let mut rest = bytes.as_slice();
            prop_assert_eq!((Line::read(&mut rest), rest), (Some(line), &[][..]));
            for cut in 0..bytes.len() {
                prop_assert_eq!(Line::read(&mut &bytes[..cut]), None);
            }
        }
    }

    #[test]
    fn rows_are_read_as_they_were_written_in_memory_and_in_a_file() {
        // The last count is more than stays in memory.
        for count in [0, 1, 1_023, 1_024, 1_025, 60_000] {
            let mut rows = Rows::default();
            (0..count).for_each(|number| rows.push(&line(number)));
            assert_eq!((rows.len() as u64, rows.is_empty()), (count, count == 0));
            assert!(rows.iter().eq((0..count).map(line)), "{count}");
            for first in [1, 1_000, 1_024, 2_500, count.saturating_sub(1), count + 5] {
                assert!(rows.iter_from(first as usize).eq((first..count).map(line)), "{first} of {count}");
            }
            // Rows that are appended after some were read.
            rows.push(&line(count));
            assert_eq!(rows.iter().last(), Some(line(count)));
            assert_eq!((rows.clone() == rows, rows == Rows::default()), (true, false));
            let json = serde_json::to_string(&rows).unwrap();
            assert_eq!(serde_json::from_str::<Rows<Line>>(&json).unwrap(), rows);
            rows.intact().unwrap();
        }
    }

    #[test]
    fn rows_are_brought_into_an_order() {
        let mut rows: Rows<Line> = [3, 1, 2, 1].map(line).into_iter().collect();
        sort(&mut rows, |line| line.number);
        assert_eq!(rows.iter().map(|line| line.number).collect::<Vec<_>>(), [1, 1, 2, 3]);
        sort(&mut rows, |line| line.number);
        assert_eq!(rows.len(), 4);
    }

    #[test]
    fn rows_that_cannot_be_read_are_told() {
        let mut rows: Rows<Line> = (0..10).map(line).collect();
        rows.kept.get_mut().unwrap().spool.lose_a_byte();
        assert!(rows.iter().count() < 10);
        let error = rows.intact().unwrap_err().to_string();
        assert!(error.contains("cannot be kept in a temporary file") && error.contains("TMPDIR"), "{error}");
    }
}

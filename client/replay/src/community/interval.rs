//! One interval of a file.

use super::readings::{Reading, Readings};

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
    pub(super) readings: Readings,
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

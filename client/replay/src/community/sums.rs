//! What a file comes to: found out in one pass.

use {
    super::intervals::Intervals,
    crate::file::FileError,
    serde::{Deserialize, Serialize},
};

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

/// Sums over intervals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sums {
    pub totals: CommunityTotals,
    /// By member.
    pub members: Vec<MemberSums>,
    /// The largest surplus of all members in one interval, in Wh.
    pub largest_surplus_wh: u64,
    /// The largest deficit of one member in one interval, in Wh.
    pub largest_deficit_wh: u64,
    /// Shortest and longest interval, in seconds; 0 where there is none.
    pub range_seconds: (u32, u32),
    /// Times between intervals for which there are no rows.
    pub gaps: Vec<Gap>,
}

/// What the readings of one member come to, in Wh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MemberSums {
    /// How many readings there are.
    pub readings: u64,
    pub generation_wh: u64,
    pub surplus_wh: u64,
    pub deficit_wh: u64,
    /// The most that it generated, or was expected to generate, in one interval.
    pub largest_generation_wh: u64,
}

impl Sums {
    /// Reads all intervals.
    ///
    /// # Errors
    /// Where the temporary file cannot be read any more.
    pub fn of(intervals: &Intervals, members: usize) -> Result<Self, FileError> {
        let mut sums = Self {
            totals: CommunityTotals::default(),
            members: vec![MemberSums::default(); members],
            largest_surplus_wh: 0,
            largest_deficit_wh: 0,
            range_seconds: (0, 0),
            gaps: Vec::new(),
        };
        let mut last_end = None;
        for (number, interval) in intervals.iter().enumerate() {
            let interval = interval?;
            let (mut surplus_wh, mut deficit_wh) = (0, 0);
            for reading in interval.readings() {
                let member = &mut sums.members[reading.member];
                member.readings += 1;
                member.generation_wh += reading.generation_wh;
                member.surplus_wh += reading.surplus_wh();
                member.deficit_wh += reading.deficit_wh();
                member.largest_generation_wh = member.largest_generation_wh.max(reading.largest_generation_wh());
                sums.largest_deficit_wh = sums.largest_deficit_wh.max(reading.deficit_wh());
                (surplus_wh, deficit_wh) = (surplus_wh + reading.surplus_wh(), deficit_wh + reading.deficit_wh());
            }
            sums.totals.surplus_wh += surplus_wh;
            sums.totals.deficit_wh += deficit_wh;
            sums.totals.tradable_wh += surplus_wh.min(deficit_wh);
            sums.largest_surplus_wh = sums.largest_surplus_wh.max(surplus_wh);
            if let (Some(end), Some(after)) = (last_end, number.checked_sub(1)) {
                let seconds = interval.start - end;
                sums.gaps.extend((seconds > 0).then_some(Gap { after, seconds }));
                let (shortest, longest) = sums.range_seconds;
                sums.range_seconds = (shortest.min(interval.seconds), longest.max(interval.seconds));
            } else {
                sums.range_seconds = (interval.seconds, interval.seconds);
            }
            last_end = Some(interval.end());
        }
        Ok(sums)
    }
}

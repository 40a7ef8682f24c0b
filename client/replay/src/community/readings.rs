//! The readings of an interval, as few bytes: a year of a village has millions.

use crate::rows::{put, take};

/// What one member drew and generated in one interval, and what was expected before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Index into [`Community::members`](super::Community::members).
    pub member: usize,
    /// Drawn, in Wh.
    pub load_wh: u64,
    /// Generated, in Wh.
    pub generation_wh: u64,
    /// What it was expected to draw, in Wh; what it drew, where there is no forecast.
    pub forecast_load_wh: u64,
    /// What it was expected to generate, in Wh; what it generated, where there is no forecast.
    pub forecast_generation_wh: u64,
}

impl Reading {
    /// A reading without a forecast.
    pub fn measured(member: usize, load_wh: u64, generation_wh: u64) -> Self {
        Self { member, load_wh, generation_wh, forecast_load_wh: load_wh, forecast_generation_wh: generation_wh }
    }

    /// What the member puts on offer, in Wh: the surplus that it expects.
    pub fn surplus_wh(&self) -> u64 {
        self.forecast_generation_wh.saturating_sub(self.forecast_load_wh)
    }

    /// What the member wants to buy, in Wh: the deficit that it expects.
    pub fn deficit_wh(&self) -> u64 {
        self.forecast_load_wh.saturating_sub(self.forecast_generation_wh)
    }

    /// What the member's meter reports as delivered to its neighbours, in Wh: the surplus that it really had.
    pub fn delivery_wh(&self) -> u64 {
        self.generation_wh.saturating_sub(self.load_wh)
    }

    /// The largest of what the member generated and was expected to generate, in Wh. Neither its offers nor its meter's
    /// reading exceed it.
    pub fn largest_generation_wh(&self) -> u64 {
        self.generation_wh.max(self.forecast_generation_wh)
    }
}

/// Readings in the order of their members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Readings {
    /// One behind the other: how far the member is behind the one before, doubled, and one more where the forecast is another than what
    /// was measured; what was measured; the forecast, where it is another.
    bytes: Box<[u8]>,
    count: usize,
}

impl Readings {
    /// From their bytes; `None` where they are not those of so many.
    pub fn from_bytes(count: usize, bytes: &[u8]) -> Option<Self> {
        let readings = Self { bytes: bytes.into(), count };
        let mut left = readings.iter();
        let is_whole = (0..count).all(|_| left.next().is_some()) && left.bytes.is_empty();
        is_whole.then_some(readings)
    }

    /// How many they are, and their bytes.
    pub fn as_bytes(&self) -> (usize, &[u8]) {
        (self.count, &self.bytes)
    }

    /// All of them, by member.
    pub fn iter(&self) -> Iter<'_> {
        Iter { bytes: &self.bytes, left: self.count, next_member: 0 }
    }
}

impl FromIterator<Reading> for Readings {
    /// From readings in the order of their members, of which no two are of the same.
    fn from_iter<I: IntoIterator<Item = Reading>>(readings: I) -> Self {
        let (mut bytes, mut count, mut next_member) = (Vec::new(), 0, 0);
        for reading in readings {
            let Reading { member, load_wh, generation_wh, forecast_load_wh, forecast_generation_wh } = reading;
            let has_forecast = (load_wh, generation_wh) != (forecast_load_wh, forecast_generation_wh);
            put(&mut bytes, (member - next_member) as u64 * 2 + u64::from(has_forecast));
            [load_wh, generation_wh].into_iter().for_each(|figure| put(&mut bytes, figure));
            if has_forecast {
                [forecast_load_wh, forecast_generation_wh].into_iter().for_each(|figure| put(&mut bytes, figure));
            }
            (count, next_member) = (count + 1, member + 1);
        }
        Self { bytes: bytes.into(), count }
    }
}

/// Readings, by member.
pub(super) struct Iter<'a> {
    bytes: &'a [u8],
    left: usize,
    next_member: usize,
}

impl Iterator for Iter<'_> {
    type Item = Reading;

    fn next(&mut self) -> Option<Reading> {
        let head = take(&mut self.bytes)?;
        let member = self.next_member + (head / 2) as usize;
        let measured = Reading::measured(member, take(&mut self.bytes)?, take(&mut self.bytes)?);
        (self.left, self.next_member) = (self.left - 1, member + 1);
        Some(match head % 2 {
            0 => measured,
            _ => Reading {
                forecast_load_wh: take(&mut self.bytes)?,
                forecast_generation_wh: take(&mut self.bytes)?,
                ..measured
            },
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Iter<'_> {}

#[cfg(test)]
mod tests {
    use {super::*, crate::community::MAX_ENERGY_WH, proptest::prelude::*};

    proptest! {
        #[test]
        fn readings_survive_their_bytes(
            members in proptest::collection::btree_map(0usize..1_000, (0..=MAX_ENERGY_WH, 0..=MAX_ENERGY_WH, any::<bool>()), 0..40),
        ) {
            let reading = |(member, (load, generation, is_expected)): (usize, (u64, u64, bool))| match is_expected {
                true => Reading::measured(member, load, generation),
                false => Reading { forecast_load_wh: generation / 2, ..Reading::measured(member, load, generation) },
            };
            let all: Vec<Reading> = members.into_iter().map(reading).collect();
            let kept: Readings = all.iter().copied().collect();
            prop_assert_eq!(kept.iter().len(), all.len());
            prop_assert_eq!(kept.iter().collect::<Vec<_>>(), all);
            let (count, bytes) = kept.as_bytes();
            prop_assert_eq!(Readings::from_bytes(count, bytes), Some(kept.clone()));
            prop_assert_eq!(Readings::from_bytes(count + 1, bytes), None);
            for cut in 0..bytes.len() {
                prop_assert_eq!(Readings::from_bytes(count, &bytes[..cut]), None);
            }
        }
    }
}

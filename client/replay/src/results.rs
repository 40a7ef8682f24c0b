//! The results of intervals: the last ones in memory, because windows that are closed and settled change them; those before in a
//! temporary file.

use {
    crate::{error::ReplayError, report::IntervalResult, rows::Rows},
    serde::{Deserialize, Deserializer, Serialize, Serializer},
    std::collections::{BTreeMap, VecDeque},
};

/// Results in memory. On a chain inside the process, an interval is settled long before so many others have followed.
const RECENT: usize = 1_024;

/// Results by interval.
#[derive(Clone, Debug, Default)]
pub(crate) struct Results {
    past: Rows<IntervalResult>,
    /// Those of them that changed afterwards, by interval.
    changed: BTreeMap<usize, IntervalResult>,
    /// Those of the intervals behind them.
    recent: VecDeque<IntervalResult>,
}

impl Results {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.past.len() + self.recent.len()
    }

    /// Appends the result of the next interval.
    pub fn push(&mut self, result: IntervalResult) {
        self.recent.push_back(result);
        if self.recent.len() > RECENT
            && let Some(result) = self.recent.pop_front()
        {
            self.past.push(&result);
        }
    }

    /// The result of an interval.
    pub fn get(&self, interval: usize) -> Option<IntervalResult> {
        match interval.checked_sub(self.past.len()) {
            Some(place) => self.recent.get(place).cloned(),
            None => self.changed.get(&interval).cloned().or_else(|| self.past.get(interval)),
        }
    }

    /// Changes the result of an interval, where there is one.
    pub fn change(&mut self, interval: usize, change: impl FnOnce(&mut IntervalResult)) {
        if let Some(place) = interval.checked_sub(self.past.len()) {
            if let Some(result) = self.recent.get_mut(place) {
                change(result);
            }
        } else if let Some(mut result) = self.get(interval) {
            change(&mut result);
            self.changed.insert(interval, result);
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = IntervalResult> + '_ {
        let past = self.past.iter().enumerate();
        let past = past.map(|(interval, result)| self.changed.get(&interval).cloned().unwrap_or(result));
        past.chain(self.recent.iter().cloned())
    }

    /// All of them as rows, which do not change any more.
    pub fn into_rows(mut self) -> Rows<IntervalResult> {
        if !self.changed.is_empty() {
            return self.iter().collect();
        }
        self.recent.iter().for_each(|result| self.past.push(result));
        self.past
    }

    /// Refuses to go on where results were lost.
    pub fn intact(&self) -> Result<(), ReplayError> {
        self.past.intact()
    }
}

impl Serialize for Results {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Results {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { past: Rows::deserialize(deserializer)?, ..Self::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_change_wherever_they_stand() {
        let result = |traded_wh| IntervalResult { traded_wh, ..IntervalResult::default() };
        let count = RECENT as u64 + 700;
        let mut results = Results::default();
        (0..count).for_each(|traded_wh| results.push(result(traded_wh)));
        assert_eq!((results.len() as u64, results.past.len()), (count, 700));
        for interval in [3, 699, 700, count as usize - 1, count as usize] {
            results.change(interval, |result| result.withdrawn_wh += 1);
            results.change(interval, |result| result.withdrawn_wh += 2);
        }
        let expected: Vec<IntervalResult> = (0..count)
            .map(|traded_wh| IntervalResult {
                withdrawn_wh: if [3, 699, 700, count - 1].contains(&traded_wh) { 3 } else { 0 },
                ..result(traded_wh)
            })
            .collect();
        assert!(results.iter().eq(expected.iter().cloned()));
        assert!((0..count as usize).all(|interval| results.get(interval).as_ref() == expected.get(interval)));
        assert_eq!(results.get(count as usize), None);
        let mut again: Results = serde_json::from_str(&serde_json::to_string(&results).unwrap()).unwrap();
        assert!(again.iter().eq(expected.iter().cloned()) && again.len() == results.len());
        again.change(5, |result| result.withdrawn_wh = 9);
        assert_eq!(again.get(5).unwrap().withdrawn_wh, 9);
        for results in [results, again] {
            results.intact().unwrap();
            let all: Vec<IntervalResult> = results.iter().collect();
            assert!(results.into_rows().iter().eq(all));
        }
    }
}

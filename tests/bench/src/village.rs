//! A village's measured energy, drawn from a seed: the same file on every machine.

use {
    anyhow::{Context as _, Result},
    fastrand::Rng,
    std::{
        fs::File,
        io::{BufWriter, Write},
        path::Path,
    },
};

/// Intervals of a day: each lasts 15 minutes.
pub const INTERVALS_OF_A_DAY: usize = 96;
/// Days of a year.
const DAYS: i64 = 365;
/// 2016-01-01T00:00:00Z, in unix seconds.
const FIRST_START: i64 = 1_451_606_400;
/// Of 100 members, those with a solar roof.
const ROOFS_PERCENT: u8 = 55;

/// How many members and intervals a village has.
#[derive(Clone, Copy, Debug)]
pub struct Village {
    /// Members.
    pub members: usize,
    /// Intervals of 15 minutes.
    pub intervals: usize,
    /// Decides every figure.
    pub seed: u64,
}

struct Member {
    /// What it draws in an average interval, in Wh.
    load_wh: i64,
    /// What its roof generates in an interval of full sun, in Wh; 0 without a roof.
    roof_wh: i64,
}

impl Village {
    /// Writes the file that a replay reads.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write_path(&self, path: &Path) -> Result<()> {
        let file = File::create(path).with_context(|| format!("could not create {}", path.display()))?;
        let mut out = BufWriter::new(file);
        self.write(&mut out).and_then(|()| out.flush()).with_context(|| format!("could not write {}", path.display()))
    }

    /// The same to any writer.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        let mut rng = Rng::with_seed(self.seed);
        let members: Vec<Member> = (0..self.members)
            .map(|_| Member {
                load_wh: rng.i64(60..=220),
                roof_wh: if rng.u8(0..100) < ROOFS_PERCENT { rng.i64(400..=2_000) } else { 0 },
            })
            .collect();
        writeln!(out, "interval_start,member,load_wh,generation_wh")?;
        let mut clouds = 0;
        for interval in 0..self.intervals {
            let (day, quarter) = (interval / INTERVALS_OF_A_DAY, (interval % INTERVALS_OF_A_DAY).cast_signed() as i64);
            if quarter == 0 {
                clouds = rng.i64(0..=70);
            }
            let start = start(interval);
            let sun = sun_percent(day.cast_signed() as i64 + DAYS / 2, quarter);
            for (number, member) in members.iter().enumerate() {
                let load_wh = member.load_wh * load_percent(quarter) * rng.i64(50..=150) / 10_000;
                let shade = rng.i64(0..=20);
                let generation_wh = member.roof_wh * sun * (100 - clouds) * (100 - shade) / 1_000_000;
                writeln!(out, "{start},M{number:03},{load_wh},{generation_wh}")?;
            }
        }
        Ok(())
    }
}

/// Start of an interval, in RFC 3339.
fn start(interval: usize) -> String {
    let unix = FIRST_START + interval.cast_signed() as i64 * 900;
    let (mut days, seconds) = (unix.div_euclid(86_400), unix.rem_euclid(86_400));
    let mut year = 1970;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let mut month = 1;
    for length in [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}T{:02}:{:02}:00Z", days + 1, seconds / 3_600, seconds / 60 % 60)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Sun of a clear day, in percent of full sun: a parabola from sunrise to sunset. The longest day is in the middle of the year.
fn sun_percent(day: i64, quarter: i64) -> i64 {
    let from_the_longest = (day % DAYS - DAYS / 2).abs();
    // 16 hours of sun on the longest day, 8 on the shortest.
    let half = 32 - 16 * from_the_longest / (DAYS / 2);
    let from_noon = (quarter - 48).abs();
    if from_noon >= half { 0 } else { 100 * (half * half - from_noon * from_noon) / (half * half) }
}

/// What households draw, in percent of the average: little at night, most in the evening.
fn load_percent(quarter: i64) -> i64 {
    match quarter / 4 {
        0..=5 => 50,
        6..=8 => 120,
        9..=16 => 90,
        17..=21 => 170,
        _ => 100,
    }
}

#[cfg(test)]
mod tests {
    use {super::*, multibus_replay::Community};

    #[test]
    fn a_seed_makes_the_same_file_and_a_replay_can_read_it() {
        let village = Village { members: 20, intervals: 2 * INTERVALS_OF_A_DAY, seed: 7 };
        let text = |village: Village| {
            let mut bytes = Vec::new();
            village.write(&mut bytes).unwrap();
            bytes
        };
        let bytes = text(village);
        assert_eq!(bytes, text(village));
        assert_ne!(bytes, text(Village { seed: 8, ..village }));
        let community = Community::read(bytes.as_slice()).unwrap();
        assert_eq!((community.members.len(), community.interval_count()), (20, 192));
        assert_eq!(community.interval_seconds, 900);
        let totals = community.totals();
        assert!(totals.tradable_wh > 0 && totals.tradable_wh < totals.surplus_wh.max(totals.deficit_wh));
    }

    #[test]
    fn a_year_ends_after_its_last_day() {
        assert_eq!(start(0), "2016-01-01T00:00:00Z");
        assert_eq!(start(59 * INTERVALS_OF_A_DAY + 95), "2016-02-29T23:45:00Z");
        assert_eq!(start(366 * INTERVALS_OF_A_DAY), "2017-01-01T00:00:00Z");
    }

    #[test]
    fn the_sun_is_highest_at_noon_of_the_longest_day() {
        assert_eq!(sun_percent(DAYS / 2, 48), 100);
        assert_eq!(sun_percent(DAYS / 2, 16), 0);
        assert!(sun_percent(DAYS / 2, 20) > 0 && sun_percent(0, 20) == 0 && sun_percent(0, 40) > 0);
    }
}

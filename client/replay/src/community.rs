//! The file of a community: who drew and who generated how much in every interval.
//!
//! CSV with exactly the columns `interval_start,member,load_wh,generation_wh`: the start of the interval in RFC 3339
//! with any offset, a member's name, and whole Wh. Rows may come in any order; a member without a row in an interval
//! neither draws nor generates in it. The interval's length is the spacing that most neighbouring starts have; every
//! start must lie on that grid (separate days with a gap between them are fine). Anything else is refused with the
//! line and the reason.

use {
    jiff::{Timestamp, fmt::temporal::Pieces},
    multibus_client::text::{is_hidden, visible},
    serde::{Deserialize, Serialize},
    std::{
        collections::{BTreeMap, HashMap},
        io::{self, Read as _},
        path::Path,
    },
};

/// The four columns, in their order.
pub const COLUMNS: [&str; 4] = ["interval_start", "member", "load_wh", "generation_wh"];
/// Interval length where the file has one interval only, in seconds.
pub const DEFAULT_INTERVAL_SECONDS: u32 = 900;
/// Most energy that one member can draw or generate in one interval, in Wh: 1 GWh, far above any member of a
/// low-voltage network; more is taken for a mistake of units.
pub const MAX_ENERGY_WH: u64 = 1_000_000_000;
/// Largest file, in bytes: a thousand members in intervals of 15 minutes over a month.
pub const MAX_FILE_BYTES: u64 = 256 << 20;
/// Longest name of a member, in bytes.
pub const MAX_MEMBER_LEN: usize = 64;

/// Why a file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommunityError {
    /// A row is at fault.
    #[error("line {line}: {reason}")]
    Row {
        /// The row's line, from 1.
        line: u64,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// The file as a whole is.
    #[error("{0}")]
    File(String),
}

fn row(line: u64, reason: impl Into<String>) -> CommunityError {
    CommunityError::Row { line, reason: reason.into() }
}

/// What one member drew and generated in one interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Index into [`Community::members`].
    pub member: usize,
    /// Drawn, in Wh.
    pub load_wh: u64,
    /// Generated, in Wh.
    pub generation_wh: u64,
}

impl Reading {
    /// What the member can sell, in Wh.
    pub fn surplus_wh(&self) -> u64 {
        self.generation_wh.saturating_sub(self.load_wh)
    }

    /// What the member wants to buy, in Wh.
    pub fn deficit_wh(&self) -> u64 {
        self.load_wh.saturating_sub(self.generation_wh)
    }
}

/// One interval of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Start, in unix seconds.
    pub start: i64,
    /// Start as the file writes it.
    pub label: String,
    /// Start on the wall clock of the file's own offset, in seconds since 1970-01-01T00:00 of that clock.
    pub local_start: i64,
    /// Readings in the order of the members.
    pub readings: Vec<Reading>,
}

impl Interval {
    /// Energy of all members with a surplus, in Wh.
    pub fn surplus_wh(&self) -> u64 {
        self.readings.iter().map(Reading::surplus_wh).sum()
    }

    /// Energy that all members with a deficit want, in Wh.
    pub fn deficit_wh(&self) -> u64 {
        self.readings.iter().map(Reading::deficit_wh).sum()
    }

    /// What this interval must trade: all that both sides have.
    pub fn tradable_wh(&self) -> u64 {
        self.surplus_wh().min(self.deficit_wh())
    }

    /// The reading of a member; zeros where the file has none.
    pub fn reading(&self, member: usize) -> Reading {
        match self.readings.binary_search_by_key(&member, |reading| reading.member) {
            Ok(index) => self.readings[index],
            Err(_) => Reading { member, load_wh: 0, generation_wh: 0 },
        }
    }
}

/// A community's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Community {
    /// Length of every interval, in seconds.
    pub interval_seconds: u32,
    /// Names in order of their first row.
    pub members: Vec<String>,
    /// Intervals in order of time.
    pub intervals: Vec<Interval>,
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

impl Community {
    /// Reads a file.
    ///
    /// # Errors
    /// [`CommunityError`], with the line where a row is at fault.
    pub fn read_path(path: &Path) -> Result<Self, CommunityError> {
        let file = std::fs::File::open(path)
            .map_err(|error| CommunityError::File(format!("cannot open {}: {error}", path.display())))?;
        Self::read(io::BufReader::new(file))
    }

    /// Reads CSV.
    ///
    /// # Errors
    /// As [`Self::read_path`].
    pub fn read(input: impl io::Read) -> Result<Self, CommunityError> {
        let mut text = Vec::new();
        let read = input.take(MAX_FILE_BYTES + 1).read_to_end(&mut text);
        read.map_err(|error| CommunityError::File(format!("the file cannot be read: {error}")))?;
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(CommunityError::File(format!("the file has more than {MAX_FILE_BYTES} bytes; split it")));
        }
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_slice());
        let mut lines = Lines { text: &text, line: 1, offset: 0 };
        let mut rows = Rows::default();
        let mut record = csv::ByteRecord::new();
        let mut header_seen = false;
        loop {
            let line = lines.line_at(reader.position().byte());
            match reader.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Err(row(line, format!("cannot be read: {error}"))),
            }
            let fields = record
                .iter()
                .map(|field| std::str::from_utf8(field).map(str::trim))
                .collect::<Result<Vec<_>, _>>()
                .map_err(|_| row(line, "is not UTF-8; save the file as UTF-8"))?;
            if header_seen {
                rows.add(line, &fields)?;
                continue;
            }
            let first = fields.first().map_or("", |field| field.trim_start_matches('\u{feff}'));
            if first != COLUMNS[0] || fields.get(1..) != Some(&COLUMNS[1..]) {
                return Err(row(
                    line,
                    format!("the header is \"{}\", it must be \"{}\"", printable(&fields.join(",")), COLUMNS.join(",")),
                ));
            }
            header_seen = true;
        }
        if !header_seen {
            return Err(CommunityError::File(format!(
                "the file is empty; its first line must be {:?}",
                COLUMNS.join(",")
            )));
        }
        rows.finish()
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
        let mut generation = vec![0; self.members.len()];
        for reading in self.intervals.iter().flat_map(|interval| &interval.readings) {
            generation[reading.member] += reading.generation_wh;
        }
        generation
    }

    /// Energy that each member wants to buy in the whole file, in Wh.
    pub fn deficits_wh(&self) -> Vec<u64> {
        let mut deficits = vec![0; self.members.len()];
        for reading in self.intervals.iter().flat_map(|interval| &interval.readings) {
            deficits[reading.member] += reading.deficit_wh();
        }
        deficits
    }
}

/// Finds the lines of records: the reader's own count stops short of blank lines and of the second half of CR LF.
struct Lines<'a> {
    text: &'a [u8],
    line: u64,
    offset: usize,
}

impl Lines<'_> {
    /// Line of the record whose reading starts at a byte, which is never before the last one asked for.
    fn line_at(&mut self, byte: u64) -> u64 {
        let end = (byte as usize).min(self.text.len());
        let blank = self.text[end..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let start = (end + blank).max(self.offset);
        self.line += self.text[self.offset..start].iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.offset = start;
        self.line
    }
}

#[derive(Default)]
struct Rows {
    members: Vec<String>,
    member_index: HashMap<String, usize>,
    intervals: BTreeMap<i64, Draft>,
}

struct Draft {
    line: u64,
    label: String,
    local_start: i64,
    readings: BTreeMap<usize, (u64, Reading)>,
}

impl Rows {
    fn add(&mut self, line: u64, fields: &[&str]) -> Result<(), CommunityError> {
        let &[interval_start, member, load, generation] = fields else {
            return Err(match fields.len() {
                count @ 0..4 => row(line, format!("has {count} of 4 columns; {} is missing", COLUMNS[count])),
                count => row(line, format!("has {count} columns; it must have 4: {}", COLUMNS.join(","))),
            });
        };
        let (start, local_start) = instant(interval_start).map_err(|reason| row(line, reason))?;
        validate_member(member).map_err(|reason| row(line, reason))?;
        let load_wh = energy(COLUMNS[2], load).map_err(|reason| row(line, reason))?;
        let generation_wh = energy(COLUMNS[3], generation).map_err(|reason| row(line, reason))?;
        let member_index = match self.member_index.get(member) {
            Some(&index) => index,
            None => {
                let index = self.members.len();
                self.members.push(member.to_owned());
                self.member_index.insert(member.to_owned(), index);
                index
            }
        };
        let draft = self.intervals.entry(start).or_insert_with(|| Draft {
            line,
            label: interval_start.to_owned(),
            local_start,
            readings: BTreeMap::new(),
        });
        let reading = Reading { member: member_index, load_wh, generation_wh };
        if let Some((earlier, _)) = draft.readings.insert(member_index, (line, reading)) {
            return Err(row(
                line,
                format!("member {member:?} has a row for {interval_start} already, in line {earlier}; keep one"),
            ));
        }
        Ok(())
    }

    fn finish(self) -> Result<Community, CommunityError> {
        if self.intervals.is_empty() {
            return Err(CommunityError::File("the file has a header and no rows; there is nothing to trade".into()));
        }
        let starts: Vec<i64> = self.intervals.keys().copied().collect();
        let interval_seconds = interval_length(&starts);
        // Most starts agree where on the grid they lie; one that does not is misaligned.
        let length = i64::from(interval_seconds);
        let mut phases: BTreeMap<i64, usize> = BTreeMap::new();
        for start in &starts {
            *phases.entry(start.rem_euclid(length)).or_default() += 1;
        }
        let most = phases.values().copied().max().unwrap_or(0);
        let phase =
            starts.iter().map(|start| start.rem_euclid(length)).find(|phase| phases[phase] == most).unwrap_or(0);
        if let Some(draft) = (self.intervals.iter())
            .filter(|(start, _)| start.rem_euclid(length) != phase)
            .map(|(_, draft)| draft)
            .min_by_key(|draft| draft.line)
        {
            return Err(row(
                draft.line,
                format!(
                    "interval_start {} does not lie on the grid of {interval_seconds} s that the other intervals are \
                     on; correct the timestamp",
                    draft.label
                ),
            ));
        }
        let intervals = self
            .intervals
            .into_iter()
            .map(|(start, draft)| Interval {
                start,
                label: draft.label,
                local_start: draft.local_start,
                readings: draft.readings.into_values().map(|(_, reading)| reading).collect(),
            })
            .collect();
        Ok(Community { interval_seconds, members: self.members, intervals })
    }
}

/// The spacing that most neighbours have, the smaller one where two are as frequent; the default where there is one
/// interval only, or only intervals that are more than a day apart.
fn interval_length(starts: &[i64]) -> u32 {
    let mut spacings: BTreeMap<u32, usize> = BTreeMap::new();
    for pair in starts.windows(2) {
        if let Ok(spacing @ ..=multibus::constants::MAX_WINDOW_SECONDS) = u32::try_from(pair[1] - pair[0]) {
            *spacings.entry(spacing).or_default() += 1;
        }
    }
    let most = spacings.values().copied().max();
    spacings
        .into_iter()
        .find(|(_, count)| Some(*count) == most)
        .map_or(DEFAULT_INTERVAL_SECONDS, |(spacing, _)| spacing.max(multibus::constants::MIN_WINDOW_SECONDS))
}

fn instant(text: &str) -> Result<(i64, i64), String> {
    let unknown = |detail: String| {
        format!(
            "interval_start {:?} is not a time in RFC 3339, such as 2016-06-21T00:15:00+01:00 ({detail})",
            printable(text)
        )
    };
    // Years of more digits begin with a sign, which a spreadsheet takes for the beginning of a formula.
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(unknown("it begins with its year, of four digits".into()));
    }
    let timestamp: Timestamp = text.parse().map_err(|error: jiff::Error| unknown(error.to_string()))?;
    let local = Pieces::parse(text).map_err(|error| unknown(error.to_string()))?;
    if timestamp.subsec_nanosecond() != 0 {
        return Err(format!("interval_start {text} has fractions of a second; intervals start on whole seconds"));
    }
    let local = local.date().to_datetime(local.time().unwrap_or_default());
    let local_start =
        local.to_zoned(jiff::tz::TimeZone::UTC).map_err(|error| unknown(error.to_string()))?.timestamp().as_second();
    Ok((timestamp.as_second(), local_start))
}

fn validate_member(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("member is empty; give every row a member's name".into());
    }
    if name.len() > MAX_MEMBER_LEN {
        return Err(format!("member has {} bytes, at most {MAX_MEMBER_LEN} are allowed; shorten it", name.len()));
    }
    if name.chars().any(is_hidden) {
        return Err(format!("member \"{}\" has control characters or hidden ones; remove them", visible(name)));
    }
    Ok(())
}

fn energy(column: &str, text: &str) -> Result<u64, String> {
    let shown = printable(text);
    if text.is_empty() {
        return Err(format!("{column} is empty; give whole Wh, 0 for none"));
    }
    if let Some(digits) = text.strip_prefix('-')
        && !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return Err(format!(
            "{column} is {shown}: energy cannot be negative; a member's generation has its own column"
        ));
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{column} is {shown:?}, not a whole number of Wh"));
    }
    match text.parse::<u64>() {
        Ok(energy_wh @ ..=MAX_ENERGY_WH) => Ok(energy_wh),
        _ => Err(format!(
            "{column} is {shown} Wh, more than {MAX_ENERGY_WH} Wh in one interval; check the unit, it must be Wh"
        )),
    }
}

/// Text of a file as it may be shown: escaped and cut.
fn printable(text: &str) -> String {
    let mut shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "interval_start,member,load_wh,generation_wh\n";

    fn read(rows: &str) -> Result<Community, CommunityError> {
        Community::read(format!("{HEADER}{rows}").as_bytes())
    }

    #[track_caller]
    fn refused(rows: &str, line: u64, part: &str) {
        match read(rows) {
            Err(CommunityError::Row { line: found, reason }) => {
                assert_eq!(found, line, "{reason}");
                assert!(reason.contains(part), "{reason:?} does not say {part:?}");
            }
            other => panic!("expected a refusal of line {line}, got {other:?}"),
        }
    }

    const GOOD: &str = "2016-06-21T00:00:00+01:00,A,100,0\n2016-06-21T00:15:00+01:00,A,0,70\n";

    #[test]
    fn broken_rows_are_refused_by_line_and_reason() {
        let time = "2016-06-21T00:30:00+01:00";
        for (broken, part) in [
            (format!("{time},A,5"), "has 3 of 4 columns; generation_wh is missing"),
            (time.to_string(), "has 1 of 4 columns; member is missing"),
            (format!("{time},A,5,6,7"), "has 5 columns"),
            (format!("{time},A,-5,0"), "load_wh is -5: energy cannot be negative"),
            (format!("{time},A,0,-0.5"), "generation_wh is -0.5: energy cannot be negative"),
            (format!("{time},A,five,0"), "load_wh is \"five\", not a whole number of Wh"),
            (format!("{time},A,1.5,0"), "load_wh is \"1.5\", not a whole number"),
            (format!("{time},A,1e3,0"), "not a whole number"),
            (format!("{time},A,+1,0"), "not a whole number"),
            (format!("{time},A,NaN,0"), "not a whole number"),
            (format!("{time},A,,0"), "load_wh is empty"),
            (format!("{time},A,1000000001,0"), "load_wh is 1000000001 Wh, more than 1000000000 Wh"),
            (format!("{time},A,99999999999999999999999,0"), "check the unit"),
            (format!("{time},,5,0"), "member is empty"),
            (format!("{time},   ,5,0"), "member is empty"),
            (format!("{time},A\u{7}B,5,0"), "control characters"),
            (format!("{time},A\u{202e}B,5,0"), "control characters"),
            (format!("{time},{},5,0", "x".repeat(65)), "member has 65 bytes"),
            ("yesterday,A,5,0".into(), "interval_start \"yesterday\" is not a time"),
            ("2016-06-21T00:30:00,A,5,0".into(), "is not a time in RFC 3339"),
            ("2016-06-31T00:30:00Z,A,5,0".into(), "is not a time"),
            (",A,5,0".into(), "is not a time"),
            ("2016-06-21T00:30:00.5+01:00,A,5,0".into(), "fractions of a second"),
            ("2016-06-21T00:15:00+01:00,A,5,0".into(), "has a row for 2016-06-21T00:15:00+01:00 already, in line 3"),
            ("2016-06-20T23:15:00Z,A,5,0".into(), "already, in line 3"),
        ] {
            refused(&format!("{GOOD}{broken}\n"), 4, part);
        }
    }

    #[test]
    fn a_timestamp_off_the_grid_is_refused_wherever_it_is() {
        let grid: Vec<String> =
            (0..8).map(|quarter| format!("2016-06-21T0{}:{:02}:00Z,A,1,0\n", quarter / 4, quarter % 4 * 15)).collect();
        for line in 0..=8 {
            let mut rows = grid.clone();
            rows.insert(line, "2016-06-21T00:52:00Z,B,1,0\n".into());
            refused(&rows.concat(), line as u64 + 2, "grid of 900 s");
        }
    }

    #[test]
    fn a_wrong_header_and_empty_files_are_refused() {
        for (text, part) in [
            ("", "the file is empty"),
            (HEADER, "no rows"),
            ("interval_start,member,load_wh\n", "line 1: the header is"),
            ("interval_start,member,load,generation_wh\n", "it must be"),
            ("a;b;c;d\n", "the header is"),
        ] {
            let error = Community::read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        let error =
            Community::read(&b"interval_start,member,load_wh,generation_wh\n2016-06-21T00:00:00Z,\xff,1,2\n"[..]);
        assert_eq!(error.unwrap_err().to_string(), "line 2: is not UTF-8; save the file as UTF-8");
    }

    #[test]
    fn the_village_reads() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/community-rural-2016.csv");
        let village = Community::read_path(&path).unwrap();
        assert_eq!((village.members.len(), village.intervals.len(), village.interval_seconds), (13, 192, 900));
        assert_eq!(village.generation_wh().iter().filter(|&&generation| generation > 0).count(), 4);
        let totals = village.totals();
        assert!(totals.tradable_wh > 0 && totals.tradable_wh <= totals.surplus_wh.min(totals.deficit_wh));
    }

    #[test]
    fn lengths_offsets_gaps_and_orders_are_free() {
        let halves =
            read("2020-01-02T00:30:00+05:30,B,1,2\n2020-01-02T00:00:00+05:30,A,3,4\n2020-03-02T01:00:00+05:30,A,5,6\n")
                .unwrap();
        assert_eq!((halves.interval_seconds, halves.intervals.len()), (1_800, 3));
        assert_eq!(halves.members, ["B", "A"]);
        assert_eq!(halves.intervals[0].reading(1), Reading { member: 1, load_wh: 3, generation_wh: 4 });
        assert_eq!(halves.intervals[0].reading(0), Reading { member: 0, load_wh: 0, generation_wh: 0 });
        assert_eq!(halves.intervals[0].local_start.rem_euclid(86_400), 0);
        let one = read("2020-01-02T00:07:00Z,A,3,4\n").unwrap();
        assert_eq!(one.interval_seconds, DEFAULT_INTERVAL_SECONDS);
        let far = read("2020-01-02T00:00:00Z,A,3,4\n2020-07-02T00:15:00Z,A,3,4\n").unwrap();
        assert_eq!(far.interval_seconds, DEFAULT_INTERVAL_SECONDS);
        let summer_time =
            read("2020-03-29T01:45:00+01:00,A,3,4\n2020-03-29T03:00:00+02:00,A,3,4\n2020-03-29T03:15:00+02:00,A,3,4\n")
                .unwrap();
        assert_eq!(summer_time.interval_seconds, 900);
    }

    #[test]
    fn lines_are_counted_as_an_editor_does() {
        refused("\r\n2020-01-02T00:00:00Z,A,1,1\r\n\r\n\n2020-01-02T00:15:00Z,A,-1,1\r\n", 6, "negative");
        refused("2020-01-02T00:00:00Z,A,1,1\n2020-01-02T00:15:00Z,\"A\nB\",1,1\n", 3, "control characters");
        refused("2020-01-02T00:00:00Z,A,1,1\n2020-01-02T00:15:00Z,\"A,1,1\n", 3, "of 4 columns");
        let unix = format!("{HEADER}2020-01-02T00:00:00Z,A,1,1\n2020-01-02T00:15:00Z,A,1,x\n");
        let dos = unix.replace('\n', "\r\n");
        assert_eq!(Community::read(unix.as_bytes()), Community::read(dos.as_bytes()));
    }

    #[test]
    fn quoted_names_and_marks_are_fine() {
        let text = format!("\u{feff}{HEADER}2020-01-02T00:00:00Z,\"Farm, <north> & \"\"old\"\"\",3,4\r\n");
        let community = Community::read(text.as_bytes()).unwrap();
        assert_eq!(community.members, ["Farm, <north> & \"old\""]);
    }
}

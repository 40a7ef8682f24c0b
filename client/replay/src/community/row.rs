//! One row: a time, a member and its energy.

use {
    super::{
        format::{COLUMNS, FORECAST_COLUMNS, MAX_ENERGY_WH, MAX_MEMBER_LEN, printable},
        source::Fields,
    },
    icu_normalizer::ComposingNormalizerBorrowed,
    jiff::{Timestamp, fmt::temporal::Pieces},
    multibus_client::text::{hidden, is_hidden, visible},
    std::collections::HashMap,
};

/// What a row says.
pub(super) struct Row<'a> {
    /// Start in unix seconds.
    pub start: i64,
    /// Start on the wall clock of its offset, in seconds since 1970-01-01T00:00 of that clock.
    pub local_start: i64,
    /// Start as the file writes it.
    pub label: &'a str,
    pub member: &'a str,
    pub load_wh: u32,
    pub generation_wh: u32,
    /// What was measured, where the file has no forecast.
    pub forecast_load_wh: u32,
    /// Likewise.
    pub forecast_generation_wh: u32,
}

impl<'a> Row<'a> {
    /// Reads the fields of [`COLUMNS`] and [`FORECAST_COLUMNS`].
    ///
    /// # Errors
    /// A sentence with the value and the remedy.
    pub fn parse(fields: Fields<'a>, separator: u8) -> Result<Self, String> {
        let Fields { columns: [label, member, load, generation], forecast } = fields;
        let (start, local_start) = instant(label)?;
        let load_wh = energy(COLUMNS[2], load, separator)?;
        let generation_wh = energy(COLUMNS[3], generation, separator)?;
        let (forecast_load_wh, forecast_generation_wh) = match forecast {
            None => (load_wh, generation_wh),
            Some([load, generation]) => {
                (energy(FORECAST_COLUMNS[0], load, separator)?, energy(FORECAST_COLUMNS[1], generation, separator)?)
            }
        };
        Ok(Self { start, local_start, label, member, load_wh, generation_wh, forecast_load_wh, forecast_generation_wh })
    }
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
    let pieces = Pieces::parse(text).map_err(|error| unknown(error.to_string()))?;
    if pieces.offset().is_none() {
        return Err(unknown(
            "it has no offset from UTC; without one, an hour is two hours on the day when clocks are set back".into(),
        ));
    }
    // The parser takes it for the second before, so that rows on a grid would not be on it any more.
    if pieces.time().is_some_and(|time| time.second() == 59) && text.contains(":60") {
        return Err(format!(
            "interval_start {text} is a leap second, in which no interval starts; correct the timestamp"
        ));
    }
    let timestamp: Timestamp = text.parse().map_err(|error: jiff::Error| unknown(error.to_string()))?;
    if timestamp.subsec_nanosecond() != 0 {
        return Err(format!("interval_start {text} has fractions of a second; intervals start on whole seconds"));
    }
    let local = pieces.date().to_datetime(pieces.time().unwrap_or_default());
    let local_start =
        local.to_zoned(jiff::tz::TimeZone::UTC).map_err(|error| unknown(error.to_string()))?.timestamp().as_second();
    Ok((timestamp.as_second(), local_start))
}

fn energy(column: &str, text: &str, separator: u8) -> Result<u32, String> {
    if text.is_empty() {
        return Err(format!(
            "{column} is empty; give whole Wh, 0 for none, or leave the row out where the reading is missing"
        ));
    }
    let shown = printable(text);
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", text),
    };
    let no_number = || format!("{column} is {shown:?}, not a whole number of Wh");
    let written_out = without_exponent(unsigned);
    let has_exponent = written_out.is_some();
    let unsigned = written_out.as_deref().unwrap_or(unsigned);
    let (digits, fraction) = split_fraction(unsigned).ok_or_else(|| {
        if has_thousands_separators(unsigned) {
            format!("{}; write it without separators of thousands", no_number())
        } else if MISSING.iter().any(|missing| missing.eq_ignore_ascii_case(unsigned)) {
            format!("{}; leave the row out where the reading is missing", no_number())
        } else {
            no_number()
        }
    })?;
    if !sign.is_empty() && unsigned.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
        return Err(format!(
            "{column} is {shown}: energy cannot be negative; a member's generation has its own column"
        ));
    }
    // One thousand or one, depending on who wrote it. A point in a file with commas between its fields is a point.
    let is_point_for_sure = has_exponent || (separator == b',' && unsigned.contains('.'));
    if fraction.len() == 3 && digits.len() <= 3 && !digits.starts_with('0') && !is_point_for_sure {
        return Err(format!(
            "{column} is {shown:?}, which can be read as thousands or as a fraction; write whole Wh without separators"
        ));
    }
    if fraction.bytes().any(|byte| byte != b'0') {
        return Err(format!("{}; round it, or multiply it by 1000 where it is in kWh", no_number()));
    }
    match digits.parse::<u64>() {
        Ok(energy_wh @ ..=MAX_ENERGY_WH) => Ok(energy_wh as u32),
        _ => Err(format!(
            "{column} is {shown} Wh, more than {MAX_ENERGY_WH} Wh in one interval; check the unit, it must be Wh"
        )),
    }
}

/// What programs write for a reading that is missing.
const MISSING: [&str; 7] = ["NA", "N/A", "#N/A", "NaN", "null", "none", "-"];
/// Largest exponent that is written out.
const MAX_EXPONENT: i32 = 30;

/// A number such as `1e+05`, which R writes for 100000, or `1.5e3`, with its point where it belongs; `None` for any other text.
fn without_exponent(text: &str) -> Option<String> {
    let (mantissa, exponent) = text.split_once(['e', 'E'])?;
    let (digits, fraction) = split_fraction(mantissa)?;
    let exponent: i32 = exponent.parse().ok().filter(|exponent: &i32| exponent.abs() <= MAX_EXPONENT)?;
    let point = i32::try_from(digits.len()).ok()? + exponent;
    let significant = format!("{digits}{fraction}");
    let length = i32::try_from(significant.len()).ok()?;
    Some(match usize::try_from(point) {
        Ok(0) | Err(_) => format!("0.{}{significant}", "0".repeat(point.unsigned_abs() as usize)),
        Ok(point) if point < significant.len() => format!("{}.{}", &significant[..point], &significant[point..]),
        Ok(point) => format!("{significant}{}", "0".repeat(point - length.unsigned_abs() as usize)),
    })
}

/// Digits before and behind a decimal point or comma; `None` where it is something else.
fn split_fraction(text: &str) -> Option<(&str, &str)> {
    let (digits, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let is_number = !digits.is_empty() && digits.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    is_number.then_some((digits, fraction))
}

/// Whether digits come in groups: `1,234,567`, `1 234`, `1'234`.
fn has_thousands_separators(text: &str) -> bool {
    let mut groups =
        text.split(|character: char| matches!(character, ',' | '.' | '\'' | '’' | '_') || character.is_whitespace());
    let is_digits = |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
    groups.next().is_some_and(is_digits) && groups.all(is_digits)
}

/// The members of a file: who they are, whatever way their names are written.
#[derive(Default)]
pub(super) struct Members {
    names: Vec<String>,
    /// Members by every way in which the file writes their names.
    by_spelling: HashMap<String, u32>,
    /// Members by what can be seen of their names, and the line of the first row.
    by_look: HashMap<String, (u32, u64)>,
    notes: Vec<String>,
}

impl Members {
    /// Index of a member, which is new where its name is.
    ///
    /// # Errors
    /// A sentence where the name cannot be used.
    pub fn index(&mut self, spelling: &str, line: u64) -> Result<u32, String> {
        if let Some(&index) = self.by_spelling.get(spelling) {
            return Ok(index);
        }
        validate_name(spelling)?;
        let name = ComposingNormalizerBorrowed::new_nfc().normalize(spelling);
        let next = self.names.len() as u32;
        let (index, first_line) = *self.by_look.entry(look(&name)).or_insert((next, line));
        if index == next {
            self.names.push(name.into_owned());
        } else if self.names[index as usize] != name {
            return Err(format!(
                "member {spelling:?} looks the same as {:?} in line {first_line}; write one member always the same, or give \
                 two members names that can be told apart",
                self.names[index as usize]
            ));
        } else {
            self.notes.push(format!(
                "\"{name}\" is written with different characters in lines {first_line} and {line}, which look the same: it is \
                 one member"
            ));
        }
        self.by_spelling.insert(spelling.to_owned(), index);
        Ok(index)
    }

    /// Sentences about names that are written in several ways.
    pub fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    pub fn into_names(self) -> Vec<String> {
        self.names
    }
}

/// What can be seen of a name: no joiners and selectors, and one kind of space.
fn look(name: &str) -> String {
    let seen: String = name.chars().filter(|character| !is_hidden(*character)).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn validate_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("member is empty; give every row a member's name".into());
    }
    if name.len() > MAX_MEMBER_LEN {
        return Err(format!("member has {} bytes, at most {MAX_MEMBER_LEN} are allowed; shorten it", name.len()));
    }
    if hidden(name).next().is_some() {
        return Err(format!("member \"{}\" has control characters or hidden ones; remove them", visible(name)));
    }
    Ok(())
}

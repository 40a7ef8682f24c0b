//! Fields of a row: times, whole numbers and names.

use {
    super::format::{MAX_NAME_LEN, printable},
    icu_normalizer::ComposingNormalizerBorrowed,
    jiff::{Timestamp, fmt::temporal::Pieces},
    multibus_client::text::{hidden, is_hidden, visible},
    std::collections::HashMap,
};

/// A time in unix seconds, and on the wall clock of its offset in seconds since 1970-01-01T00:00 of that clock.
///
/// # Errors
/// A sentence where it is no time with an offset, or not a whole second.
pub(crate) fn instant(column: &str, text: &str) -> Result<(i64, i64), String> {
    let unknown = |detail: String| {
        format!(
            "{column} {:?} is not a time in RFC 3339, such as 2016-06-21T00:15:00+01:00 ({detail})",
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
        return Err(format!("{column} {text} is a leap second, in which no interval starts; correct the timestamp"));
    }
    let timestamp: Timestamp = text.parse().map_err(|error: jiff::Error| unknown(error.to_string()))?;
    if timestamp.subsec_nanosecond() != 0 {
        return Err(format!("{column} {text} has fractions of a second; intervals start on whole seconds"));
    }
    let local = pieces.date().to_datetime(pieces.time().unwrap_or_default());
    let local_start =
        local.to_zoned(jiff::tz::TimeZone::UTC).map_err(|error| unknown(error.to_string()))?.timestamp().as_second();
    Ok((timestamp.as_second(), local_start))
}

/// A column of whole numbers: what it counts, and what to do where a field is none.
pub(crate) struct Number {
    pub unit: &'static str,
    pub if_empty: &'static str,
    /// Where the field says in words that there is none.
    pub if_missing: &'static str,
    pub if_negative: &'static str,
    pub if_fraction: &'static str,
    /// The largest number that is taken.
    pub most: u64,
    pub if_more: &'static str,
}

impl Number {
    /// Reads a field: digits, with an exponent or zeros behind the point where some program wrote them.
    ///
    /// # Errors
    /// A sentence with the column, the value and the remedy.
    pub fn read(&self, column: &str, text: &str, separator: u8) -> Result<u64, String> {
        if text.is_empty() {
            return Err(format!("{column} is empty; {}", self.if_empty));
        }
        let shown = printable(text);
        let (sign, unsigned) = match text.strip_prefix('-') {
            Some(unsigned) => ("-", unsigned),
            None => ("", text),
        };
        let no_number = || format!("{column} is {shown:?}, not a whole number of {}", self.unit);
        let written_out = without_exponent(unsigned);
        let has_exponent = written_out.is_some();
        let unsigned = written_out.as_deref().unwrap_or(unsigned);
        let (digits, fraction) = split_fraction(unsigned).ok_or_else(|| {
            if has_thousands_separators(unsigned) {
                format!("{}; write it without separators of thousands", no_number())
            } else if MISSING.iter().any(|missing| missing.eq_ignore_ascii_case(unsigned)) {
                format!("{}; {}", no_number(), self.if_missing)
            } else {
                no_number()
            }
        })?;
        if !sign.is_empty() && unsigned.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
            return Err(format!("{column} is {shown}: {}", self.if_negative));
        }
        // One thousand or one, depending on who wrote it. A point in a file with commas between its fields is a point.
        let is_point_for_sure = has_exponent || (separator == b',' && unsigned.contains('.'));
        if fraction.len() == 3 && digits.len() <= 3 && !digits.starts_with('0') && !is_point_for_sure {
            return Err(format!(
                "{column} is {shown:?}, which can be read as thousands or as a fraction; write whole {} without separators",
                self.unit
            ));
        }
        if fraction.bytes().any(|byte| byte != b'0') {
            return Err(format!("{}; {}", no_number(), self.if_fraction));
        }
        match digits.parse::<u64>() {
            Ok(number) if number <= self.most => Ok(number),
            _ => Err(format!(
                "{column} is {shown} {}, more than {} {} {}",
                self.unit, self.most, self.unit, self.if_more
            )),
        }
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

/// The names in a column: who is meant, whatever way it is written.
pub(crate) struct Names {
    /// What the column names: `member`.
    noun: &'static str,
    names: Vec<String>,
    /// Indices by every way in which the file writes the names.
    by_spelling: HashMap<String, u32>,
    /// Indices by what can be seen of the names, and the line of the first row.
    by_look: HashMap<String, (u32, u64)>,
    notes: Vec<String>,
}

impl Names {
    pub fn of(noun: &'static str) -> Self {
        Self { noun, names: Vec::new(), by_spelling: HashMap::new(), by_look: HashMap::new(), notes: Vec::new() }
    }

    /// Index of a name among those that differ, in order of their first row.
    ///
    /// # Errors
    /// A sentence where the name cannot be used.
    pub fn index(&mut self, spelling: &str, line: u64) -> Result<u32, String> {
        if let Some(&index) = self.by_spelling.get(spelling) {
            return Ok(index);
        }
        let noun = self.noun;
        validate_name(noun, spelling)?;
        let name = ComposingNormalizerBorrowed::new_nfc().normalize(spelling);
        let next = self.names.len() as u32;
        let (index, first_line) = *self.by_look.entry(look(&name)).or_insert((next, line));
        if index == next {
            self.names.push(name.into_owned());
        } else if self.names[index as usize] != name {
            return Err(format!(
                "{noun} {spelling:?} looks the same as {:?} in line {first_line}; write one {noun} always the same, or use \
                 two names that can be told apart",
                self.names[index as usize]
            ));
        } else {
            self.notes.push(format!(
                "\"{name}\" is written with different characters in lines {first_line} and {line}, which look the same: it is \
                 one {noun}"
            ));
        }
        self.by_spelling.insert(spelling.to_owned(), index);
        Ok(index)
    }

    /// The name with an index, in normal form C.
    pub fn name(&self, index: usize) -> &str {
        &self.names[index]
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

fn validate_name(noun: &str, name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err(format!("{noun} is empty; give every row the name of a {noun}"));
    }
    if name.len() > MAX_NAME_LEN {
        return Err(format!("{noun} has {} bytes, at most {MAX_NAME_LEN} are allowed; shorten it", name.len()));
    }
    if hidden(name).next().is_some() {
        return Err(format!("{noun} \"{}\" has control characters or hidden ones; remove them", visible(name)));
    }
    Ok(())
}

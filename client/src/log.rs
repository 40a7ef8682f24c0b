//! The lines of a transaction's log.

use solana_address::Address;

/// What a line of a transaction's log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLine<'a> {
    /// A program starts.
    Invoke(Address),
    /// A program succeeded.
    Success(Address),
    /// A program failed.
    Failed(Address),
    /// A program logged a text.
    Log(&'a str),
    /// A program logged data, in base64.
    Data(&'a str),
    /// The log was cut here: lines are missing from here on.
    Truncated,
    /// Anything else, such as compute units.
    Other,
}

impl<'a> LogLine<'a> {
    /// Reads a line. What a program logs always has a prefix, so it cannot imitate the other lines.
    pub fn parse(line: &'a str) -> Self {
        Self::parse_among(line, &mut Vec::new())
    }

    /// The same, with the programs that earlier lines of the log named, each with its text: it is decoded once.
    pub(crate) fn parse_among(line: &'a str, programs: &mut Vec<(&'a str, Address)>) -> Self {
        if line == "Log truncated" {
            return Self::Truncated;
        }
        let Some(rest) = line.strip_prefix("Program ") else { return Self::Other };
        if let Some(text) = rest.strip_prefix("log: ") {
            return Self::Log(text);
        }
        if let Some(data) = rest.strip_prefix("data: ") {
            return Self::Data(data);
        }
        let Some((program, what)) = rest.split_once(' ') else { return Self::Other };
        // Most lines say what was consumed. Their program is not decoded.
        let says: fn(Address) -> Self = if what.starts_with("invoke [") {
            Self::Invoke
        } else if what == "success" {
            Self::Success
        } else if what.starts_with("failed") {
            Self::Failed
        } else {
            return Self::Other;
        };
        if let Some((_, known)) = programs.iter().find(|(text, _)| *text == program) {
            return says(*known);
        }
        let Ok(address) = program.parse() else { return Self::Other };
        programs.push((program, address));
        says(address)
    }
}

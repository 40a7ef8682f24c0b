//! What every kind of files shares: its limits, the columns of a kind, and how a refusal is said.

/// Largest file, in bytes: a thousand members in intervals of 15 minutes over a month.
pub const MAX_FILE_BYTES: u64 = 256 << 20;
/// Longest name, in bytes.
pub const MAX_NAME_LEN: usize = 64;

/// A cell that begins with one of these can be a formula in a spreadsheet (the last four are full-width). A name that does
/// gets an apostrophe in front, by which spreadsheets mark text. One that begins with an apostrophe gets another, so that two
/// names never become one.
pub(crate) const FORMULA_SIGNS: [char; 9] = ['=', '+', '-', '@', '\'', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// Why a file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
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

/// The columns of a kind of files.
pub(crate) struct Columns<const N: usize, const M: usize> {
    /// Those that a file must have.
    pub needed: [&'static str; N],
    /// Those that it can have besides, all or none.
    pub further: [&'static str; M],
}

pub(crate) fn row_error(line: u64, reason: impl Into<String>) -> FileError {
    FileError::Row { line, reason: reason.into() }
}

/// Text of a file as an error may show it: escaped and cut.
pub(crate) fn printable(text: &str) -> String {
    let mut shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}

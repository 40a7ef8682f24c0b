//! What the file of a community must be like: its columns and limits, and how a refusal is said.

/// Columns that a file must have.
pub const COLUMNS: [&str; 4] = ["interval_start", "member", "load_wh", "generation_wh"];
/// Columns that a file can have besides, both or none: what was expected before the interval.
pub const FORECAST_COLUMNS: [&str; 2] = ["forecast_load_wh", "forecast_generation_wh"];
/// Interval length that is assumed where the file has one interval only, in seconds.
pub const DEFAULT_INTERVAL_SECONDS: u32 = 900;
/// Most energy that one member can draw or generate in one interval, in Wh: 1 GWh. That is far above any member of a
/// low-voltage network, so more is taken for a mistake of units.
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

/// A duration in seconds as people write it: `15 min`, `1 h`, `31 days`. Days are rounded down.
pub fn duration(seconds: i64) -> String {
    const UNITS: [(i64, &str); 3] = [(3_600, "h"), (60, "min"), (1, "s")];
    if seconds >= 2 * 86_400 {
        return format!("{} days", seconds / 86_400);
    }
    let (unit, name) = UNITS.into_iter().find(|(unit, _)| seconds % unit == 0).unwrap_or((1, "s"));
    format!("{} {name}", seconds / unit)
}

pub(super) fn row_error(line: u64, reason: impl Into<String>) -> CommunityError {
    CommunityError::Row { line, reason: reason.into() }
}

/// Text of a file as an error may show it: escaped and cut.
pub(super) fn printable(text: &str) -> String {
    let mut shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}

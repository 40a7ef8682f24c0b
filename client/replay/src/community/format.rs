//! What the file of a community must be like: its columns and limits.

use crate::file::Columns;

/// Columns that a file must have.
pub const COLUMNS: [&str; 4] = ["interval_start", "member", "load_wh", "generation_wh"];
/// Columns that a file can have besides, both or none: what was expected before the interval.
pub const FORECAST_COLUMNS: [&str; 2] = ["forecast_load_wh", "forecast_generation_wh"];
/// Both.
pub(super) const ALL_COLUMNS: Columns<4, 2> = Columns { needed: COLUMNS, further: FORECAST_COLUMNS };
/// Interval length that is assumed where the file has one interval only, in seconds.
pub const DEFAULT_INTERVAL_SECONDS: u32 = 900;
/// Most energy that one member can draw or generate in one interval, in Wh: 1 GWh. That is far above any member of a
/// low-voltage network, so more is taken for a mistake of units.
pub const MAX_ENERGY_WH: u64 = 1_000_000_000;

/// A duration in seconds as people write it: `15 min`, `1 h`, `31 days`. Days are rounded down.
pub fn duration(seconds: i64) -> String {
    const UNITS: [(i64, &str); 3] = [(3_600, "h"), (60, "min"), (1, "s")];
    if seconds >= 2 * 86_400 {
        return format!("{} days", seconds / 86_400);
    }
    let (unit, name) = UNITS.into_iter().find(|(unit, _)| seconds % unit == 0).unwrap_or((1, "s"));
    format!("{} {name}", seconds / unit)
}

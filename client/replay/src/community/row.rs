//! One row: a time, a member and its energy.

use {
    super::format::{COLUMNS, FORECAST_COLUMNS, MAX_ENERGY_WH},
    crate::file::{Fields, Number, instant},
};

/// Energy of a member in an interval.
const ENERGY: Number = Number {
    unit: "Wh",
    if_empty: "give whole Wh, 0 for none, or leave the row out where the reading is missing",
    if_missing: "leave the row out where the reading is missing",
    if_negative: "energy cannot be negative; a member's generation has its own column",
    if_fraction: "round it, or multiply it by 1000 where it is in kWh",
    most: MAX_ENERGY_WH,
    if_more: "in one interval; check the unit, it must be Wh",
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
    pub load_wh: u64,
    pub generation_wh: u64,
    /// What was measured, where the file has no forecast.
    pub forecast_load_wh: u64,
    /// Likewise.
    pub forecast_generation_wh: u64,
}

impl<'a> Row<'a> {
    /// Reads the fields of [`COLUMNS`] and [`FORECAST_COLUMNS`].
    ///
    /// # Errors
    /// A sentence with the value and the remedy.
    pub fn parse(fields: Fields<'a, 4, 2>, separator: u8) -> Result<Self, String> {
        let Fields { needed: [label, member, load, generation], further: forecast } = fields;
        let (start, local_start) = instant(COLUMNS[0], label)?;
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

fn energy(column: &str, text: &str, separator: u8) -> Result<u64, String> {
    ENERGY.read(column, text, separator)
}

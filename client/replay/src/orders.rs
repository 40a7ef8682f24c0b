//! Files of orders, as `multibus auction price` takes them and a replay writes them: who wants or offers how much energy, and at
//! which price.
//!
//! The columns are `side` (`bid` or `ask`), `party`, `energy_wh` and `price_per_kwh`, in base units of the token; of a bid the
//! price is its limit less the grid fee. A file of several delivery windows also has `window_start`, in RFC 3339 or unix seconds.
//! A party may have any number of orders.

#[cfg(test)]
mod tests;

use {
    crate::file::{self, Columns, FORMULA_SIGNS, Fields, FileError, Names, Number, instant},
    multibus::constants::MAX_CAPACITY_WH,
    multibus_client::auction::Order,
    std::{collections::BTreeMap, io, path::Path},
};

/// Columns that a file of orders must have.
pub const ORDER_COLUMNS: [&str; 4] = ["side", "party", "energy_wh", "price_per_kwh"];
/// The column that tells the delivery window of an order, where the file has several.
pub const WINDOW_COLUMN: &str = "window_start";
const ALL_COLUMNS: Columns<4, 1> = Columns { needed: ORDER_COLUMNS, further: [WINDOW_COLUMN] };

const ENERGY: Number = Number {
    unit: "Wh",
    if_empty: "give whole Wh, at least 1, or leave the row out",
    if_missing: "give whole Wh, or leave the row out",
    if_negative: "energy cannot be negative; the column side tells bids from asks",
    if_fraction: "round it, or multiply it by 1000 where it is in kWh",
    most: MAX_CAPACITY_WH,
    if_more: "that a delivery window can have; check the unit, it must be Wh",
};

const PRICE: Number = Number {
    unit: "base units per kWh",
    if_empty: "give whole base units of the token per kWh",
    if_missing: "give whole base units of the token per kWh, or leave the row out",
    if_negative: "a price cannot be negative; leave the row out where nothing is to be paid",
    if_fraction: "give base units of the token, such as 250000 for 0.25 of a token of 6 decimals",
    most: u64::MAX,
    if_more: "that 64 bits hold; check the unit",
};

/// An order of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartyOrder {
    /// Index into [`Orders::parties`].
    pub party: usize,
    /// What it is for, at least 1 Wh.
    pub order: Order,
}

/// The orders of one delivery window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowOrders {
    /// Its start, in unix seconds; `None` where the file names no windows.
    pub start: Option<i64>,
    /// Its start as the file writes it first.
    pub label: Option<String>,
    /// In order of the file.
    pub orders: Vec<PartyOrder>,
}

/// A file of orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orders {
    /// Names in order of their first row.
    pub parties: Vec<String>,
    /// Delivery windows in order of time. Exactly one, which may have no order, where the file names no windows.
    pub windows: Vec<WindowOrders>,
    /// Whether the file names delivery windows.
    pub has_windows: bool,
    /// Sentences about what the file left open and what it was taken to mean.
    pub notes: Vec<String>,
}

impl Orders {
    /// Reads a file.
    ///
    /// # Errors
    /// [`FileError`], with the line where a row is at fault.
    pub fn read_path(path: &Path) -> Result<Self, FileError> {
        let file = std::fs::File::open(path)
            .map_err(|error| FileError::File(format!("cannot open {}: {error}", path.display())))?;
        Self::read(file)
    }

    /// Reads CSV.
    ///
    /// # Errors
    /// As [`Self::read_path`].
    pub fn read(input: impl io::Read) -> Result<Self, FileError> {
        let mut parties = Names::of(ORDER_COLUMNS[1]);
        let mut windows: BTreeMap<Option<i64>, WindowOrders> = BTreeMap::new();
        // Rows of one window usually follow each other.
        let mut last: Option<(String, i64)> = None;
        let rest = file::read(input, &ALL_COLUMNS, |line, fields, separator| {
            let Fields { needed: [side, party, energy, price], further } = fields;
            let start = match (further, &last) {
                (None, _) => None,
                (Some([label]), Some((known, start))) if known == label => Some(*start),
                (Some([label]), _) => {
                    let start = window_start(label)?;
                    last = Some((label.to_owned(), start));
                    Some(start)
                }
            };
            let order = Order {
                side: side.to_ascii_lowercase().parse().map_err(|_| unknown_side(side))?,
                energy_wh: match ENERGY.read(ORDER_COLUMNS[2], energy, separator)? {
                    0 => return Err("energy_wh is 0; an order is for at least 1 Wh, so leave the row out".to_owned()),
                    energy_wh => energy_wh,
                },
                price_per_kwh: PRICE.read(ORDER_COLUMNS[3], price, separator)?,
            };
            let order = PartyOrder { party: parties.index(name_in(party), line)? as usize, order };
            let window = windows.entry(start).or_insert_with(|| WindowOrders {
                start,
                label: further.map(|[label]| label.to_owned()),
                orders: Vec::new(),
            });
            window.orders.push(order);
            Ok(())
        })?;
        if !rest.has_further {
            windows.entry(None).or_insert(WindowOrders { start: None, label: None, orders: Vec::new() });
        }
        let mut notes = rest.of_columns;
        notes.extend(parties.notes());
        notes.extend(rest.of_rows);
        Ok(Self {
            parties: parties.into_names(),
            windows: windows.into_values().collect(),
            has_windows: rest.has_further,
            notes,
        })
    }
}

/// A party's name without the apostrophe by which a replay's files mark a name that a spreadsheet would take for a formula.
fn name_in(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|name| name.starts_with(FORMULA_SIGNS)).unwrap_or(cell)
}

fn unknown_side(text: &str) -> String {
    let shown = file::printable(text);
    format!("side is {shown:?}; write bid for an order that wants energy, ask for one that offers it")
}

/// Start of a window, in unix seconds.
fn window_start(text: &str) -> Result<i64, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text
            .parse()
            .map_err(|_| format!("{WINDOW_COLUMN} is {text}, which is too late a time; check the seconds"));
    }
    instant(WINDOW_COLUMN, text).map(|(start, _)| start)
}

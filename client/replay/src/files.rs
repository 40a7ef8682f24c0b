//! The files of a report: `report.html`, `report.json`, `intervals.csv` and `trades.csv`; on delivery terms also
//! `deliveries.csv` and `positions.csv`.

use {
    crate::{
        options::ReplayTerms,
        report::{IntervalResult, ReplayReport},
    },
    std::{io, path::Path},
};

/// A cell that begins with one of these can be a formula in a spreadsheet (the last four are full-width). A name that does
/// gets an apostrophe in front, by which spreadsheets mark text. One that begins with an apostrophe gets another, so that two
/// names never become one.
const FORMULA_SIGNS: [char; 9] = ['=', '+', '-', '@', '\'', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

impl ReplayReport {
    /// Writes `report.html`, `report.json`, `intervals.csv` and `trades.csv` into a folder, which is created; on delivery
    /// terms also `deliveries.csv` and `positions.csv`.
    ///
    /// # Errors
    /// Where the folder cannot be written to.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("report.html"), self.html())?;
        let mut json = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        json.push('\n');
        std::fs::write(folder.join("report.json"), json)?;
        std::fs::write(folder.join("intervals.csv"), self.intervals_csv()?)?;
        std::fs::write(folder.join("trades.csv"), self.trades_csv()?)?;
        if self.terms == ReplayTerms::Delivery {
            std::fs::write(folder.join("deliveries.csv"), self.deliveries_csv()?)?;
            std::fs::write(folder.join("positions.csv"), self.positions_csv()?)?;
            return Ok(());
        }
        // Those of an earlier report would be taken for this one's.
        for name in ["deliveries.csv", "positions.csv"] {
            match std::fs::remove_file(folder.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Creates the folder of a report and tries to write into it: before a replay, because afterwards it is too late.
    ///
    /// # Errors
    /// Where the folder cannot be written to.
    pub fn prepare(folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let probe = folder.join(format!(".report-{}", std::process::id()));
        std::fs::write(&probe, "")?;
        std::fs::remove_file(&probe)
    }

    /// One row for every interval.
    ///
    /// # Errors
    /// None in practice: it is written to memory.
    pub fn intervals_csv(&self) -> io::Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record([
            "interval_start",
            "window_start",
            "surplus_wh",
            "deficit_wh",
            "traded_wh",
            "withdrawn_wh",
            "offers_created",
            "purchases",
            "batches",
            "locks",
            "locks_released",
            "paid_base_units",
            "lowest_price_per_kwh",
            "average_price_per_kwh",
            "highest_price_per_kwh",
            "delivered_wh",
            "refunded_base_units",
            "grid_fee_base_units",
        ])?;
        for interval in &self.interval_results {
            let mut record = vec![interval.interval_start.clone(), interval.window_start.to_string()];
            record.extend(
                [
                    interval.surplus_wh,
                    interval.deficit_wh,
                    interval.traded_wh,
                    interval.withdrawn_wh,
                    interval.offers_created,
                    interval.purchases,
                    interval.batches,
                    interval.locks,
                    interval.locks_released,
                    interval.paid_base_units,
                    interval.lowest_price_per_kwh,
                ]
                .map(|figure| figure.to_string()),
            );
            record.push(interval.average_price_per_kwh().floor().to_string());
            let IntervalResult { delivered_wh, refunded_base_units, grid_fee_base_units, .. } = interval;
            record.extend(
                [interval.highest_price_per_kwh, *delivered_wh, *refunded_base_units, *grid_fee_base_units]
                    .map(|figure| figure.to_string()),
            );
            writer.write_record(record)?;
        }
        writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
    }

    fn csv<R, const N: usize>(
        &self,
        header: [&str; N],
        records: &[R],
        row: impl Fn(&R) -> [String; N],
    ) -> io::Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(header)?;
        for record in records {
            writer.write_record(row(record))?;
        }
        writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
    }

    /// Start of an interval as the file writes it.
    fn start(&self, interval: usize) -> String {
        self.interval_results.get(interval).map(|result| result.interval_start.clone()).unwrap_or_default()
    }

    /// Name of a member as a cell that no spreadsheet takes for a formula.
    fn name(&self, member: usize) -> String {
        let name = &self.member_results[member].name;
        if name.starts_with(FORMULA_SIGNS) { format!("'{name}") } else { name.clone() }
    }

    /// One row for every part of an offer that was bought.
    ///
    /// # Errors
    /// None in practice: it is written to memory.
    pub fn trades_csv(&self) -> io::Result<Vec<u8>> {
        let header = ["window_start", "seller", "buyer", "kind", "energy_wh", "price_per_kwh", "paid"];
        self.csv(header, &self.records.trades, |trade| {
            let [energy, price, paid] =
                [trade.energy_wh, trade.price_per_kwh, trade.paid].map(|figure| figure.to_string());
            let (seller, buyer) = (self.name(trade.seller), self.name(trade.buyer));
            [self.start(trade.interval), seller, buyer, trade.kind.name().to_owned(), energy, price, paid]
        })
    }

    /// One row for every window in which a seller sold energy.
    ///
    /// # Errors
    /// None in practice: it is written to memory.
    pub fn deliveries_csv(&self) -> io::Result<Vec<u8>> {
        let header = ["window_start", "seller", "sold_wh", "paid", "reported_wh", "released", "grid_fee"];
        self.csv(header, &self.records.deliveries, |row| {
            let [sold, paid, reported, released, grid_fee] =
                [row.sold_wh, row.paid, row.reported_wh, row.released, row.grid_fee].map(|figure| figure.to_string());
            [self.start(row.interval), self.name(row.seller), sold, paid, reported, released, grid_fee]
        })
    }

    /// One row for every window in which a buyer bought from a seller.
    ///
    /// # Errors
    /// None in practice: it is written to memory.
    pub fn positions_csv(&self) -> io::Result<Vec<u8>> {
        let header = ["window_start", "seller", "buyer", "energy_wh", "paid", "delivered_wh", "refund"];
        self.csv(header, &self.records.positions, |row| {
            let [energy, paid, delivered, refund] =
                [row.energy_wh, row.paid, row.delivered_wh, row.refund].map(|figure| figure.to_string());
            [self.start(row.interval), self.name(row.seller), self.name(row.buyer), energy, paid, delivered, refund]
        })
    }
}

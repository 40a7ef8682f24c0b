//! The files of a report: `report.html`, `report.json` and `intervals.csv`.

use {
    crate::report::ReplayReport,
    std::{io, path::Path},
};

impl ReplayReport {
    /// Writes `report.html`, `report.json` and `intervals.csv` into a folder, which is created.
    ///
    /// # Errors
    /// Where the folder cannot be written to.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("report.html"), self.html())?;
        let mut json = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        json.push('\n');
        std::fs::write(folder.join("report.json"), json)?;
        std::fs::write(folder.join("intervals.csv"), self.intervals_csv()?)
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
            record.push(interval.highest_price_per_kwh.to_string());
            writer.write_record(record)?;
        }
        writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
    }
}

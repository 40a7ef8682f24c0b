//! The files of a report: `report.html`, `report.json`, `intervals.csv` and `trades.csv`; on delivery terms also
//! `deliveries.csv` and `positions.csv`, with auctions also `orders.csv` and `auctions.csv`.

use {
    crate::{
        error::ReplayError,
        file::FORMULA_SIGNS,
        options::ReplayTerms,
        records::OrderSide,
        report::{IntervalResult, ReplayReport, Starts},
    },
    std::{
        fs::File,
        io::{self, BufWriter, Write},
        path::Path,
    },
};

/// A name as a cell that no spreadsheet takes for a formula.
fn cell(name: &str) -> String {
    if name.starts_with(FORMULA_SIGNS) { format!("'{name}") } else { name.to_owned() }
}

impl ReplayReport {
    /// Writes `report.html`, `report.json`, `intervals.csv` and `trades.csv` into a folder, which is created; on delivery
    /// terms also `deliveries.csv` and `positions.csv`, with auctions also `orders.csv` and `auctions.csv`.
    ///
    /// # Errors
    /// Where the folder cannot be written to.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("report.html"), self.html())?;
        // Written as they are read: none of these files stands in memory as a whole.
        let file = |name: &str, write: &dyn Fn(&mut dyn Write) -> io::Result<()>| {
            let mut out = BufWriter::new(File::create(folder.join(name))?);
            write(&mut out)?;
            out.flush()
        };
        file("report.json", &|out| {
            serde_json::to_writer_pretty(&mut *out, self)?;
            out.write_all(b"\n")
        })?;
        file("intervals.csv", &|out| self.intervals_csv(out))?;
        file("trades.csv", &|out| self.trades_csv(out))?;
        if self.terms == ReplayTerms::Delivery {
            file("deliveries.csv", &|out| self.deliveries_csv(out))?;
            file("positions.csv", &|out| self.positions_csv(out))?;
        }
        if self.auction.is_some() {
            file("orders.csv", &|out| self.orders_csv(out))?;
            file("auctions.csv", &|out| self.auctions_csv(out))?;
        }
        self.intact().map_err(io::Error::other)?;
        // Those of an earlier report would be taken for this one's.
        let of_deliveries = ["deliveries.csv", "positions.csv"].iter().filter(|_| self.terms == ReplayTerms::Purchase);
        let of_auctions = ["orders.csv", "auctions.csv"].iter().filter(|_| self.auction.is_none());
        for name in of_deliveries.chain(of_auctions) {
            match std::fs::remove_file(folder.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Refuses to go on where rows were lost.
    fn intact(&self) -> Result<(), ReplayError> {
        self.records.intact()?;
        self.orders.intact()?;
        self.interval_results.intact()?;
        self.auctions.intact()
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
    fn intervals_csv(&self, out: impl Write) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
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
                [interval.highest_price_per_kwh, delivered_wh, refunded_base_units, grid_fee_base_units]
                    .map(|figure| figure.to_string()),
            );
            writer.write_record(record)?;
        }
        writer.flush()
    }

    fn csv<R, const N: usize>(
        &self,
        out: impl Write,
        header: [&str; N],
        records: impl IntoIterator<Item = R>,
        mut row: impl FnMut(R) -> [String; N],
    ) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(header)?;
        for record in records {
            writer.write_record(row(record))?;
        }
        writer.flush()
    }

    /// Name of a member as a cell that no spreadsheet takes for a formula; empty where there is none.
    fn name(&self, member: Option<usize>) -> String {
        member.map_or_else(String::new, |member| cell(&self.member_results[member].name))
    }

    /// One row for every part of an offer that was bought, for every bid that got something in an auction, and for every offer of
    /// which an auction sold something.
    fn trades_csv(&self, out: impl Write) -> io::Result<()> {
        let header = ["window_start", "seller", "buyer", "kind", "energy_wh", "price_per_kwh", "paid"];
        let mut starts = Starts::of(&self.interval_results);
        self.csv(out, header, &self.records.trades, |trade| {
            let [energy, price, paid] =
                [trade.energy_wh, trade.price_per_kwh, trade.paid].map(|figure| figure.to_string());
            let (seller, buyer) = (self.name(trade.seller), self.name(trade.buyer));
            [starts.label(trade.interval), seller, buyer, trade.kind.name().to_owned(), energy, price, paid]
        })
    }

    /// One row for every window in which a seller sold energy.
    fn deliveries_csv(&self, out: impl Write) -> io::Result<()> {
        if self.auction.is_some() {
            return self.deliveries_with_auctions_csv(out);
        }
        let mut starts = Starts::of(&self.interval_results);
        let header = ["window_start", "seller", "sold_wh", "paid", "reported_wh", "released", "grid_fee"];
        self.csv(out, header, &self.records.deliveries, |row| {
            let [sold, paid, reported, released, grid_fee] =
                [row.sold_wh, row.paid, row.reported_wh, row.released, row.grid_fee].map(|figure| figure.to_string());
            [starts.label(row.interval), self.name(Some(row.seller)), sold, paid, reported, released, grid_fee]
        })
    }

    /// The same with what auctions sold.
    fn deliveries_with_auctions_csv(&self, out: impl Write) -> io::Result<()> {
        let mut starts = Starts::of(&self.interval_results);
        let header = [
            "window_start",
            "seller",
            "sold_wh",
            "paid",
            "reported_wh",
            "released",
            "grid_fee",
            "auction_wh",
            "auction_delivered_wh",
            "auction_released",
            "auction_grid_fee",
        ];
        self.csv(out, header, &self.records.deliveries, |row| {
            let figures = [
                row.sold_wh,
                row.paid,
                row.reported_wh,
                row.released,
                row.grid_fee,
                row.auction_wh,
                row.auction_delivered_wh,
                row.auction_released,
                row.auction_grid_fee,
            ];
            let [sold, paid, reported, released, grid_fee, auction, delivered, of_auction, fee_of_auction] =
                figures.map(|figure| figure.to_string());
            let (start, seller) = (starts.label(row.interval), self.name(Some(row.seller)));
            [start, seller, sold, paid, reported, released, grid_fee, auction, delivered, of_auction, fee_of_auction]
        })
    }

    /// One row for every order in the book of a window when it was fixed.
    fn orders_csv(&self, out: impl Write) -> io::Result<()> {
        self.csv(out, ["window_start", "side", "party", "energy_wh", "price_per_kwh"], &self.orders, |order| {
            let [energy, price] = [order.energy_wh, order.price_per_kwh].map(|figure| figure.to_string());
            [order.window_start.clone(), order.side.name().to_owned(), cell(&order.party), energy, price]
        })
    }

    /// One row for every window that had an order.
    fn auctions_csv(&self, out: impl Write) -> io::Result<()> {
        self.csv(out, ["window_start", "price_per_kwh", "volume_wh", "rationed"], &self.auctions, |auction| {
            let [price, volume] = [auction.price_per_kwh, auction.volume_wh].map(|figure| figure.to_string());
            let rationed = auction.rationed.map_or("", OrderSide::name);
            [auction.window_start.clone(), price, volume, rationed.to_owned()]
        })
    }

    /// One row for every window in which a buyer bought from a seller, and for every bid that got something.
    fn positions_csv(&self, out: impl Write) -> io::Result<()> {
        let mut starts = Starts::of(&self.interval_results);
        let header = ["window_start", "seller", "buyer", "energy_wh", "paid", "delivered_wh", "refund"];
        self.csv(out, header, &self.records.positions, |row| {
            let [energy, paid, delivered, refund] =
                [row.energy_wh, row.paid, row.delivered_wh, row.refund].map(|figure| figure.to_string());
            let (seller, buyer) = (self.name(row.seller), self.name(Some(row.buyer)));
            [starts.label(row.interval), seller, buyer, energy, paid, delivered, refund]
        })
    }
}

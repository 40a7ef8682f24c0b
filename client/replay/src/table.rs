//! The tables that a terminal shows.

use {
    crate::{
        number::{decimal, grouped, kwh, percent, share},
        report::ReplayReport,
    },
    comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets::NOTHING},
    multibus_client::quantity::count,
};

impl ReplayReport {
    /// What became of what was sold on delivery terms, and the grid's part.
    fn delivery_rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = Vec::new();
        if self.is_on_delivery() {
            let promised = percent(self.delivered_wh, self.traded_wh);
            rows.push(("delivered", format!("{} ({promised} of what was promised)", kwh(self.delivered_wh))));
            rows.push(("certificates", kwh(self.certificates_wh)));
            rows.push(("money", self.delivery_sentence()));
        } else if self.grid_fee_per_kwh > 0 {
            rows.push(("grid fees", format!("{} {}", self.exact_money(self.grid_fee_base_units), self.currency)));
        }
        rows
    }

    /// What auctions did.
    fn auction_row(&self) -> Option<(&'static str, String)> {
        let auction = self.auction.as_ref()?;
        let prices =
            || self.auctions.iter().filter(|auction| auction.volume_wh > 0).map(|auction| auction.price_per_kwh);
        let range = match (prices().min(), prices().max()) {
            (Some(lowest), Some(highest)) => {
                format!(" at {} to {}", self.price(lowest.into()), self.price(highest.into()))
            }
            _ => String::new(),
        };
        let (windows, bids) = (count(auction.traded, "window"), count(auction.bids, "bid"));
        Some(("auctions", format!("{}{range} in {windows}; {bids}", kwh(auction.volume_wh))))
    }

    /// Tables for a terminal of a width in columns.
    pub fn table(&self, width: u16) -> String {
        let money = |base_units: u64| self.money(base_units);
        let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        let table = || {
            let mut table = Table::new();
            table.load_style(NOTHING).set_width(width).set_content_arrangement(ContentArrangement::Dynamic);
            table
        };
        let mut summary = table();
        let interrupted =
            if self.interrupted { format!(" of {}, interrupted", self.intervals_in_file) } else { String::new() };
        for (name, value) in [
            (
                "community",
                format!(
                    "{}, {}{interrupted} of {}",
                    count(self.members, "member"),
                    count(self.intervals, "interval"),
                    self.interval_length()
                ),
            ),
            ("surplus", kwh(self.surplus_wh)),
            ("deficit", kwh(self.deficit_wh)),
            (
                "traded",
                format!(
                    "{} ({} of what both sides had)",
                    kwh(self.traded_wh),
                    percent(self.traded_wh, self.tradable_wh)
                ),
            ),
            ("withdrawn", kwh(self.withdrawn_wh)),
        ]
        .into_iter()
        .chain(self.auction_row())
        .chain(self.delivery_rows())
        .chain([
            ("paid", format!("{} {}", money(self.paid_base_units), self.currency)),
            (
                "paid out",
                format!(
                    "{} {} of {} released to sellers",
                    money(self.withdrawn_base_units),
                    self.currency,
                    money(self.released_base_units)
                ),
            ),
            ("average price", format!("{} {} per kWh", self.price(self.average_price_per_kwh.floor()), self.currency)),
            ("offers", grouped(self.offers_created)),
            (
                "purchases",
                format!(
                    "{}: {} batches, {} settled locks",
                    grouped(self.purchases),
                    grouped(self.batches),
                    grouped(self.locks_settled)
                ),
            ),
            ("locks", format!("{} taken, {} released", grouped(self.locks), grouped(self.locks_released))),
            (
                "transactions",
                format!(
                    "{} landed, {} failed, {} retried",
                    grouped(self.transactions_landed),
                    grouped(self.transactions_failed),
                    grouped(self.transactions_retried)
                ),
            ),
            ("wall time", format!("{} s", decimal(u128::from(self.wall_milliseconds), 3, 1))),
            (
                "invariants",
                match self.violations.len() {
                    0 => format!("all {} hold", self.invariants.len()),
                    count => format!("{count} VIOLATED: {}", self.violations.join("; ")),
                },
            ),
        ]) {
            summary.add_row([Cell::new(name), Cell::new(value)]);
        }
        for note in self.file_sentences() {
            summary.add_row([Cell::new("note"), Cell::new(note)]);
        }
        let mut members = table();
        let on_delivery = self.is_on_delivery();
        let mut header =
            vec!["member", "drawn kWh", "generated kWh", "bought kWh", "sold kWh", "paid", "earned", "withdrawn"];
        if on_delivery {
            header.extend(["delivered kWh", "refunded"]);
        }
        members.set_header(header);
        const SHOWN: usize = 24;
        for (number, member) in self.member_results.iter().enumerate().take(SHOWN) {
            let mut row = vec![
                Cell::new(&member.name),
                right(decimal(u128::from(member.load_wh), 3, 1)),
                right(decimal(u128::from(member.generation_wh), 3, 1)),
                right(decimal(u128::from(member.bought_wh), 3, 1)),
                right(decimal(u128::from(member.sold_wh), 3, 1)),
                right(money(member.spent_base_units())),
                right(money(self.income_base_units(number))),
                right(money(member.withdrawn_base_units)),
            ];
            if on_delivery {
                row.push(right(decimal(u128::from(member.delivered_wh), 3, 1)));
                row.push(right(money(member.refunded_base_units)));
            }
            members.add_row(row);
        }
        let mut units = table();
        units.set_header(["instruction", "landed", "min CU", "median CU", "max CU"]);
        for (instruction, spread) in &self.compute_units {
            units.add_row([
                Cell::new(instruction),
                right(grouped(spread.count)),
                right(grouped(spread.min)),
                right(grouped(spread.median)),
                right(grouped(spread.max)),
            ]);
        }
        let more = match self.member_results.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!("... and {} more (see report.json)\n", count(more as u64, "member")),
        };
        let owners = self.treasury.as_ref().map_or(String::new(), |treasury| {
            let mut owners = table();
            owners.set_header(["owner", "share", "delivered kWh", "revenue", "sold for", "difference"]);
            for owner in &treasury.owners {
                owners.add_row([
                    Cell::new(&owner.name),
                    right(share(owner.share_bps)),
                    right(decimal(u128::from(owner.delivered_wh), 3, 3)),
                    right(self.exact_money(owner.revenue_base_units())),
                    right(self.exact_money(owner.sales_base_units + owner.lock_fees_base_units)),
                    right(self.difference(owner.difference_base_units)),
                ]);
            }
            format!("{owners}\n{}\n\n", self.treasury_sentence(treasury))
        });
        format!("{summary}\n\n{members}\n{more}\n{owners}{units}")
    }
}

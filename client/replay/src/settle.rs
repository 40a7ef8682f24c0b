//! What follows the windows on delivery terms: meters report, buyers take their certificates and get back what was not
//! delivered, sellers are released the rest, books close.

use {
    crate::{
        check::{BOOKS, CERTIFICATES, READINGS},
        community::Interval,
        delivery::{MemberReading, awaits_reading, is_final},
        error::{Doing, ReplayError},
        progress::Stage,
        records::{Delivery, Position, Trade},
        replay::Replay,
        schedule::CORRECTION_SECONDS,
        state::{PeriodWindow, WindowRecord},
    },
    multibus::{constants::WH_PER_KWH, math},
    multibus_client::{Keyed, audit::Findings, delivery::DeliveryBook},
    std::{
        collections::{BTreeMap, BTreeSet, HashMap},
        sync::Arc,
    },
};

/// Intervals by the starts of their windows, in unix seconds: each with its number.
type WindowData = BTreeMap<i64, (usize, Arc<Interval>)>;

/// What the sellers of an auction were promised, delivered, and are due.
#[derive(Default)]
struct Pool {
    /// What a kWh costs in the auction, grid fee included.
    full_price: u64,
    delivered_wh: u64,
    promised: u64,
    due: u64,
}

/// A seller's part of it, in base units.
struct PoolDue {
    promised: u64,
    due: u64,
}

impl Pool {
    /// That of an auction at a price, grid fee included.
    fn at(full_price: u64) -> Self {
        Self { full_price, ..Self::default() }
    }

    /// Adds the part of a seller, of whose energy the auction sold so much.
    fn add(&mut self, auction_wh: u64, delivered_wh: u64) -> PoolDue {
        let money = |energy_wh| math::mul_div_floor(energy_wh, self.full_price, WH_PER_KWH).unwrap_or(0);
        let part = PoolDue { promised: money(auction_wh), due: money(delivered_wh) };
        self.delivered_wh += delivered_wh;
        self.promised += part.promised;
        self.due += part.due;
        part
    }
}

impl Replay<'_> {
    /// Meters report what members really had in a window that has ended.
    pub async fn report_window(&mut self, window: &WindowRecord, now: i64) -> Result<(), ReplayError> {
        if !self.bus.options.is_on_delivery() {
            return Ok(());
        }
        let WindowRecord { interval, window_start, .. } = *window;
        let first_window = self.bus.first_window_of(window_start);
        // With an auction, a window stays open until its pool is settled.
        let mut known = self.state.period(first_window).windows.iter();
        if known.any(|known| known.window_start == window_start && known.is_reported) {
            return Ok(());
        }
        let books = self.bus.books(first_window).await?;
        let data = self.bus.options.community.interval(interval)?;
        let mut readings = Vec::new();
        for (seller, book) in &books {
            let Ok(place) = book.place(window_start) else { continue };
            let of_book = &book.windows[place];
            if !awaits_reading(of_book) {
                continue;
            }
            let reading = data.reading(*seller);
            let had_wh = reading.map_or(0, |reading| reading.delivery_wh());
            let left_wh = had_wh - self.delivered_before(interval, window_start, *seller).await?.min(had_wh);
            // An interval that was interrupted until its window closed goes on in a later one: what it had is for what the first
            // one sold, and then for the other.
            let energy_wh = if window.sold_until_wh.is_some() { left_wh.min(of_book.sold_wh) } else { left_wh };
            readings.push(MemberReading::new(*seller, book, place, energy_wh));
        }
        self.bus.report(readings, now).await?;
        let now = self.chain().clock().await.doing("asking for the time")?.unix_timestamp;
        let period = self.state.period(first_window);
        period.final_at = period.final_at.max(now + i64::from(CORRECTION_SECONDS));
        for window in period.windows.iter_mut().filter(|window| window.window_start == window_start) {
            window.is_reported = true;
        }
        Ok(())
    }

    /// What a member's meter reported in earlier windows of an interval, in Wh.
    async fn delivered_before(&self, interval: usize, window_start: i64, seller: usize) -> Result<u64, ReplayError> {
        let is_earlier = |window: &PeriodWindow| window.interval == interval && window.window_start < window_start;
        let rows = self.state.records.divided.iter();
        let of_interval = rows.filter(|row| (row.interval, row.seller) == (interval, seller));
        let mut energy_wh: u64 = of_interval.map(|row| row.reported_wh).sum();
        for period in self.state.periods.iter().filter(|period| !period.is_recorded) {
            for window in period.windows.iter().filter(|window| is_earlier(window)) {
                let books = self.bus.books(period.first_window).await?;
                let book = books.iter().find(|(member, _)| *member == seller);
                let place = book.and_then(|(_, book)| book.place(window.window_start).ok());
                energy_wh += book.zip(place).map_or(0, |((_, book), place)| book.windows[place].delivered_wh);
            }
        }
        Ok(energy_wh)
    }

    /// Settles the times of 96 windows that no interval trades in any more, once all of their readings are final.
    pub async fn settle_past(&mut self, now: i64) -> Result<(), ReplayError> {
        let next_window = match (&self.state.current, self.state.schedule) {
            (Some(current), _) => current.window_start,
            (None, Some(schedule)) if self.state.completed < self.bus.options.community.interval_count() => {
                schedule.window_start(self.state.completed)
            }
            _ => i64::MAX,
        };
        for period in self.state.periods.clone() {
            let is_over = self.bus.period_end(period.first_window) <= next_window
                && period.windows.iter().all(|window| window.is_reported);
            if is_over && now >= period.final_at.max(period.closes_at) && !self.bus.is_cancelled() {
                self.settle(period.first_window, now).await?;
            }
        }
        Ok(())
    }

    /// Settles all that is left at the end: on a chain whose clock can be moved everything, on any other what is final.
    pub async fn settle_all(&mut self) -> Result<(), ReplayError> {
        let total = self.state.periods.len();
        if total == 0 {
            return Ok(());
        }
        self.tell(Stage::Settling, 0, total, "readings become final");
        let mut now = self.chain().clock().await.doing("asking for the time")?.unix_timestamp;
        if self.chain().is_embedded() {
            let times = self.state.periods.iter();
            let over = times.map(|period| period.final_at.max(self.bus.last_gate(period.first_window))).max();
            let over = over.unwrap_or(now);
            now = self.chain().wait_until(over).await.doing("moving the clock")?.unix_timestamp;
        }
        self.settle_past(now).await?;
        // With auctions, books stay open while bids can take certificates.
        let closes_at = self.state.periods.iter().map(|period| period.closes_at).max().filter(|at| *at > now);
        if let (Some(closes_at), true) = (closes_at, self.chain().is_embedded()) {
            now = self.chain().wait_until(closes_at).await.doing("moving the clock")?.unix_timestamp;
            self.settle_past(now).await?;
        }
        self.save()?;
        let done = total - self.state.periods.len();
        self.tell(Stage::Settling, done, total, "sellers are released, buyers refunded");
        Ok(())
    }

    /// Settles the delivery books of 96 windows, and closes them after the last gate.
    async fn settle(&mut self, first_window: i64, now: i64) -> Result<(), ReplayError> {
        let books = self.bus.books(first_window).await?;
        if !books.iter().all(|(_, book)| is_final(book, now)) {
            return Ok(());
        }
        if !self.state.period(first_window).is_recorded {
            let data = self.intervals_from(first_window)?;
            self.record(first_window, &books, &data);
            self.state.period(first_window).is_recorded = true;
            // Nobody can read from books that are closed what is written down here.
            self.save()?;
        }
        self.bus.release(&books, now).await?;
        let bus = &self.bus;
        let (_, failed) = bus.each(books.iter().map(|(_, book)| bus.settle_positions(book, now))).await;
        failed.map_or(Ok(()), Err)?;
        if self.bus.is_cancelled() {
            return Ok(());
        }
        self.settle_pools(first_window).await?;
        if self.bus.is_cancelled() {
            return Ok(());
        }
        if !self.state.period(first_window).is_settled {
            self.check_certificates(first_window).await?;
            self.state.period(first_window).closes_at = self.books_close_at(first_window, now).await?;
            self.state.period(first_window).is_settled = true;
            self.save()?;
        }
        if now >= self.bus.last_gate(first_window).max(self.state.period(first_window).closes_at) {
            self.bus.close_books(&books).await?;
            if !self.bus.is_cancelled() {
                self.bus.forget_books(first_window);
                self.state.periods.retain(|period| period.first_window != first_window);
            }
        }
        self.save()
    }

    /// When the sellers can close the delivery books of 96 settled windows, in unix seconds; 0 without auctions, where it is the last
    /// gate. What rounding kept from all bids keeps a book open until bids have no more time.
    async fn books_close_at(&self, first_window: i64, now: i64) -> Result<i64, ReplayError> {
        if !self.bus.options.market.has_auction() {
            return Ok(0);
        }
        let bus = self.bus.market.bus(&self.bus.address).await.doing("reading the bus")?;
        let books = self.bus.books(first_window).await?;
        Ok(books.iter().map(|(_, book)| book.closable(&bus, now).by_seller).max().unwrap_or(0))
    }

    /// Settles the auctions of 96 windows that are final: sellers are counted and paid, bids are refunded, take certificates and close,
    /// and then the windows close.
    async fn settle_pools(&mut self, first_window: i64) -> Result<(), ReplayError> {
        if !self.bus.options.market.has_auction() {
            return Ok(());
        }
        let doing = "settling what an auction sold";
        let mut books = self.bus.books(first_window).await?;
        for PeriodWindow { window_start, .. } in self.state.period(first_window).windows.clone() {
            if self.bus.is_cancelled() {
                return Ok(());
            }
            let Some(&window) = self.state.windows.iter().find(|window| window.window_start == window_start) else {
                continue;
            };
            if !self.bus.open_bids(window_start).await.doing(doing)?.is_empty() {
                self.bus.funder.auction_settle(&self.bus.address, window_start).await.doing(doing)?;
                self.bus.certify_bids(&mut books, window_start).await?;
                self.bus.funder.auction_settle(&self.bus.address, window_start).await.doing(doing)?;
            }
            self.close_window(window).await?;
        }
        self.save()
    }

    /// The intervals of 96 windows: read before anything is entered.
    fn intervals_from(&mut self, first_window: i64) -> Result<WindowData, ReplayError> {
        let windows = self.state.period(first_window).windows.clone().into_iter();
        let community = &self.bus.options.community;
        windows
            .map(|PeriodWindow { window_start, interval, .. }| {
                Ok((window_start, (interval, community.interval(interval)?)))
            })
            .collect()
    }

    /// Enters what became of the trades in final windows. Trades are those that the replay knows; readings are the chain's. The books on the
    /// chain must say the same of what was sold.
    fn record(&mut self, first_window: i64, books: &[(usize, Keyed<DeliveryBook>)], data: &WindowData) {
        let end = self.bus.period_end(first_window);
        let mut bought: BTreeMap<(i64, usize), BTreeMap<usize, (u64, u64)>> = BTreeMap::new();
        // What auctions sold for members, and gave to bids.
        let mut auctioned: BTreeMap<(i64, usize), u64> = BTreeMap::new();
        let mut bids: BTreeMap<i64, Vec<(usize, u64, u64)>> = BTreeMap::new();
        let trades_before = self.state.period(first_window).trades_before;
        let trades = self.state.records.trades.iter_from(trades_before);
        for trade in trades.filter(|trade| (first_window..end).contains(&trade.window_start)) {
            let Trade { window_start, energy_wh, paid, .. } = trade;
            match (trade.seller, trade.buyer) {
                (Some(seller), Some(buyer)) => {
                    let position = bought.entry((window_start, seller)).or_default().entry(buyer).or_default();
                    *position = (position.0 + energy_wh, position.1 + paid);
                }
                (Some(seller), None) => *auctioned.entry((window_start, seller)).or_default() += energy_wh,
                (None, Some(buyer)) => bids.entry(window_start).or_default().push((buyer, energy_wh, paid)),
                (None, None) => {}
            }
        }
        let mut findings = Findings::default();
        let keys: BTreeSet<(i64, usize)> = bought.keys().chain(auctioned.keys()).copied().collect();
        let mut pools: BTreeMap<i64, Pool> = BTreeMap::new();
        let (mut deliveries, mut positions) = (Vec::new(), Vec::new());
        let mut sold_wh = 0;
        for (window_start, seller) in keys {
            let sold = bought.remove(&(window_start, seller)).unwrap_or_default();
            let auction_wh = auctioned.get(&(window_start, seller)).copied().unwrap_or(0);
            let Some(&(interval, _)) = data.get(&window_start) else { continue };
            let book = books.iter().find(|(member, _)| *member == seller);
            let Some((book, place)) = book.and_then(|(_, book)| Some((book, book.place(window_start).ok()?))) else {
                findings.check(BOOKS, false, || format!("there is no book for a sale in the window {window_start}"));
                continue;
            };
            let name = self.bus.name(seller);
            let of_book = book.windows[place];
            let energy_wh = sold.values().map(|(energy_wh, _)| energy_wh).sum();
            let paid = sold.values().map(|(_, paid)| paid).sum();
            findings.equal(BOOKS, format_args!("energy sold by {name} in {window_start}"), of_book.sold_wh, energy_wh);
            findings.equal(BOOKS, format_args!("money paid to {name} in {window_start}"), of_book.paid, paid);
            let of_auction = of_book.auction_wh;
            findings.equal(BOOKS, format_args!("auctioned by {name} in {window_start}"), of_auction, auction_wh);
            sold_wh += energy_wh;
            let fee = book.terms.grid_fee_per_kwh;
            let all_wh = energy_wh + auction_wh;
            let reported_wh = of_book.delivered_wh;
            let counted_wh = reported_wh.min(all_wh);
            let auction_delivered_wh = math::mul_div_floor(counted_wh, auction_wh, all_wh).unwrap_or(0);
            let delivered_wh = counted_wh - auction_delivered_wh;
            let due = if energy_wh == 0 { 0 } else { math::mul_div_floor(paid, delivered_wh, energy_wh).unwrap_or(0) };
            let grid_fee = math::grid_fee(delivered_wh, fee);
            let released = due.saturating_sub(grid_fee);
            let pool = pools.entry(window_start).or_insert_with(|| Pool::at(self.full_price(window_start)));
            let auction_due = pool.add(auction_wh, auction_delivered_wh);
            let auction_grid_fee = math::grid_fee(auction_delivered_wh, fee);
            deliveries.push(Delivery {
                interval,
                window_start,
                seller,
                sold_wh: energy_wh,
                paid,
                reported_wh,
                released,
                grid_fee,
                auction_wh,
                auction_delivered_wh,
                auction_released: auction_due.due.saturating_sub(auction_grid_fee),
                auction_grid_fee,
            });
            let mut returned = 0;
            for (buyer, (energy_wh, paid)) in sold {
                let (delivered_wh, refund) = (book.delivered_of(place, energy_wh), book.refund_of(place, paid));
                positions.push(self.enter_position(Position {
                    interval,
                    window_start,
                    seller: Some(seller),
                    buyer,
                    energy_wh,
                    paid,
                    delivered_wh,
                    refund,
                }));
                returned += refund;
            }
            let member = &mut self.state.members[seller];
            member.delivered_wh += counted_wh;
            member.returned_base_units += returned + (auction_due.promised - auction_due.due);
            member.grid_fee_base_units += grid_fee + auction_grid_fee;
            member.remainder_base_units += paid.saturating_sub(due + returned);
            self.state.intervals.change(interval, |result| {
                result.delivered_wh += counted_wh;
                result.grid_fee_base_units += grid_fee + auction_grid_fee;
            });
        }
        for (window_start, pool) in pools {
            let bids = bids.remove(&window_start).unwrap_or_default();
            positions.extend(self.record_pool(window_start, &pool, bids));
        }
        self.keep_rows(first_window, deliveries, positions);
        let of_books: u64 = books.iter().flat_map(|(_, book)| &book.windows).map(|window| window.sold_wh).sum();
        findings.equal(BOOKS, format_args!("energy sold from {first_window} on"), of_books, sold_wh);
        self.check_readings(&mut findings, books, data);
        self.state.violations.extend(findings.0);
    }

    /// Keeps what became of the trades of 96 windows.
    fn keep_rows(&mut self, first_window: i64, mut deliveries: Vec<Delivery>, mut positions: Vec<Position>) {
        deliveries.sort_by_key(|row| (row.interval, row.seller));
        positions.sort_by_key(|row| (row.interval, row.seller, row.buyer));
        let positions_before = self.state.records.positions.len();
        self.state.period(first_window).positions_before = positions_before;
        let divided = &self.state.divided;
        let records = &mut self.state.records;
        records.divided.extend(deliveries.iter().filter(|row| divided.contains(&row.interval)));
        deliveries.iter().for_each(|row| records.deliveries.push(row));
        positions.iter().for_each(|row| records.positions.push(row));
    }

    /// What a kWh costs in the auction of a window, grid fee included.
    fn full_price(&self, window_start: i64) -> u64 {
        let price = self.state.records.auction(window_start).map_or(0, |auction| auction.price_per_kwh);
        price + self.bus.options.grid_fee_per_kwh
    }

    /// Enters what became of what a buyer bought from a seller, or in an auction.
    fn enter_position(&mut self, row: Position) -> Position {
        let member = &mut self.state.members[row.buyer];
        member.received_wh += row.delivered_wh;
        member.refunded_base_units += row.refund;
        self.state.intervals.change(row.interval, |result| result.refunded_base_units += row.refund);
        row
    }

    /// Enters what the bids of an auction got and are refunded, once it is known what all of its sellers delivered.
    fn record_pool(&mut self, window_start: i64, pool: &Pool, bids: Vec<(usize, u64, u64)>) -> Vec<Position> {
        let Some(auction) = self.state.records.auction(window_start).filter(|auction| auction.volume_wh > 0) else {
            return Vec::new();
        };
        let (interval, volume_wh) = (auction.interval, auction.volume_wh);
        let mut refunded = 0;
        let mut positions = Vec::with_capacity(bids.len());
        for (buyer, energy_wh, paid) in bids {
            // Neither is more than the whole, so both fit.
            let delivered_wh = math::mul_div_floor(energy_wh, pool.delivered_wh, volume_wh).unwrap_or(0);
            let refund = paid - math::mul_div_ceil(paid, pool.delivered_wh, volume_wh).unwrap_or(paid);
            let seller = None;
            let row = Position { interval, window_start, seller, buyer, energy_wh, paid, delivered_wh, refund };
            positions.push(self.enter_position(row));
            refunded += refund;
        }
        // What was promised to sellers and is not due goes back to bids, but for what rounding leaves.
        self.state.auction_remainder =
            (self.state.auction_remainder + pool.promised).saturating_sub(pool.due + refunded);
        positions
    }

    /// Compares what meters reported with what the file says that members had.
    fn check_readings(&self, findings: &mut Findings, books: &[(usize, Keyed<DeliveryBook>)], data: &WindowData) {
        let mut windows_of: HashMap<usize, BTreeSet<i64>> = HashMap::new();
        let open = self.state.periods.iter().flat_map(|period| &period.windows);
        let open = open.map(|window| (window.interval, window.window_start));
        let rows = self.state.records.divided.iter().map(|row| (row.interval, row.window_start));
        for (interval, window_start) in open.chain(rows) {
            windows_of.entry(interval).or_default().insert(window_start);
        }
        for (seller, book) in books {
            for (&window_start, (interval, data)) in data {
                // What an interval had that moved to a later window is divided.
                let is_divided = windows_of.get(interval).is_some_and(|windows| windows.len() > 1);
                let Ok(place) = book.place(window_start) else { continue };
                let window = &book.windows[place];
                if is_divided || window.listed_wh == 0 && window.reported_at == 0 {
                    continue;
                }
                let had_wh = data.reading(*seller).map_or(0, |reading| reading.delivery_wh());
                let name = self.bus.name(*seller);
                let subject = format_args!("the reading of {name} for {}", data.label);
                findings.equal(READINGS, subject, window.delivered_wh, had_wh);
            }
        }
    }

    /// Compares the certificates of settled books with what was delivered to buyers.
    async fn check_certificates(&mut self, first_window: i64) -> Result<(), ReplayError> {
        let end = self.bus.period_end(first_window);
        let positions_before = self.state.period(first_window).positions_before;
        let rows = self.state.records.positions.iter_from(positions_before);
        let received_wh: u64 =
            rows.filter(|row| (first_window..end).contains(&row.window_start)).map(|row| row.delivered_wh).sum();
        let books = self.bus.books(first_window).await?;
        let certified_wh = books.iter().flat_map(|(_, book)| &book.windows).map(|window| window.certified_wh).sum();
        let mut findings = Findings::default();
        findings.equal(
            CERTIFICATES,
            format_args!("energy certified from {first_window} on"),
            certified_wh,
            received_wh,
        );
        self.state.violations.extend(findings.0);
        self.state.certificates_wh += certified_wh;
        Ok(())
    }

    /// Pays the grid fees of all sellers to the grid, once every book is closed. What vaults hold is written down before, because nobody
    /// can read it afterwards.
    pub async fn sweep_grid_fees(&mut self) -> Result<(), ReplayError> {
        if !self.bus.options.has_grid() || !self.state.periods.is_empty() {
            return Ok(());
        }
        let owed = self.bus.grid_fees_owed().await?;
        for (known, owed) in self.state.grid_fees_owed.iter_mut().zip(&owed).filter(|(_, owed)| **owed > 0) {
            *known = *owed;
        }
        self.save()?;
        let bus = &self.bus;
        let sellers = (0..owed.len()).filter(|place| owed[*place] > 0);
        let (_, failed) = bus.each(sellers.map(|place| bus.sweep_grid_fees(place)).collect::<Vec<_>>()).await;
        failed.map_or(Ok(()), Err)
    }
}

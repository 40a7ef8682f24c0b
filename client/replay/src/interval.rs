//! One interval: members list, lock and buy until no more can be traded.

use {
    crate::{
        check,
        error::{Doing, ReplayError},
        price::{Balance, Draw},
        records::Trade,
        replay::Replay,
        replay_bus::{LockEnd, MemberPurchase},
        report::IntervalResult,
        schedule::{HORIZON_SECONDS, Schedule},
        state::{CurrentInterval, LaneRecord, OpenLockRecord, PeriodWindow, WindowRecord, enter_readings, lane_key},
    },
    multibus::{
        math,
        state::{PurchaseKind, next_history_root},
    },
    multibus_client::{Address, PricePerKwh, Wh, address},
    std::collections::{BTreeMap, HashMap},
};

/// Give up after this many rounds in a row that sell nothing although both sides have energy.
const MAX_FRUITLESS_ROUNDS: u32 = 20;
/// Intervals for which owners of a co-owned bus have listed at least, after the one that is traded.
pub(crate) const LISTED_AHEAD: usize = 12;
/// Sellers are paid what is released to them at the end of each day of the file. Its length, in seconds.
const DAY_SECONDS: i64 = 86_400;
/// Percentage of locks that are released instead of settled.
const RELEASE_PERCENT: u8 = 20;

/// Least and most of what a buyer wants that it takes from offers, in percent, where an auction follows.
const EARLY_PERCENT: std::ops::RangeInclusive<u64> = 25..=75;

/// What a member still wants in an interval.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand {
    pub buyer: usize,
    pub energy_wh: u64,
}

/// A part of what members want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// What they take from offers: all of it, but where an auction follows.
    Early,
    /// All of it.
    All,
}

impl Replay<'_> {
    /// Trades one interval, or goes on with one that was interrupted.
    pub async fn trade_interval(&mut self, interval: usize) -> Result<(), ReplayError> {
        let clock = self.chain().clock().await.doing("asking for the time")?;
        let (window_seconds, closure) = (self.bus.facts.window_seconds, self.bus.facts.gate_closure_seconds);
        let schedule = *self
            .state
            .schedule
            .get_or_insert_with(|| Schedule::starting_at(clock.unix_timestamp, window_seconds, closure));
        let mut now = clock.unix_timestamp;
        if let (true, Some(trade_at)) = (self.chain().is_embedded(), schedule.trade_at(interval)) {
            now = self.chain().wait_until(trade_at).await.doing("moving the clock")?.unix_timestamp;
        }
        if !schedule.is_tradable(interval, now) {
            // This interval and those after it get later windows.
            self.withdraw_ahead(interval + usize::from(self.state.current.is_some())).await?;
        }
        self.close_past(now).await?;
        let window_start = match &self.state.current {
            Some(current) if schedule.is_tradable(interval, now) => current.window_start,
            Some(current) if self.has_book(current.window_start) => {
                let window_start = current.window_start;
                return self.leave_to_auction(interval, window_start).await;
            }
            Some(_) => self.go_on_later(interval, now).await?,
            None => {
                if !schedule.is_tradable(interval, now)
                    && let Some(schedule) = &mut self.state.schedule
                {
                    schedule.move_to(interval, now);
                }
                let window_start = self.state.schedule.unwrap_or(schedule).window_start(interval);
                self.begin(interval, window_start)?;
                window_start
            }
        };
        self.list(interval, window_start, now).await?;
        self.list_ahead(interval, now).await?;
        self.know_sellers(window_start).await?;
        let offers_created = self.sellers.len() as u64;
        if let Some(current) = &mut self.state.current {
            current.result.offers_created = offers_created;
        }
        if self.bus.is_cancelled() {
            return Ok(());
        }
        if self.bus.options.co_owned {
            self.wait_for_bus_offers(window_start).await?;
            // Now they can be bought.
            self.bus.read_order_book(window_start).await.doing("reading offers")?;
        }
        if self.bus.options.market.has_trade() {
            self.lock(interval, window_start).await?;
            self.trade(interval, window_start).await?;
        }
        if self.bus.is_cancelled() {
            return Ok(());
        }
        self.bid(interval, window_start).await?;
        if self.bus.is_cancelled() {
            return Ok(());
        }
        self.complete(interval, window_start).await
    }

    fn begin(&mut self, interval: usize, window_start: i64) -> Result<(), ReplayError> {
        let data = self.bus.options.community.interval(interval)?;
        let result = IntervalResult {
            interval_start: data.label.clone(),
            start: data.start,
            seconds: data.seconds,
            local_start: data.local_start,
            window_start,
            surplus_wh: data.surplus_wh(),
            deficit_wh: data.deficit_wh(),
            ..IntervalResult::default()
        };
        let bought_before_wh = self.state.members.iter().map(|member| member.bought_wh).collect();
        let sold_before_wh = self.state.members.iter().map(|member| member.sold_wh).collect();
        self.state.current = Some(CurrentInterval {
            window_start,
            bought_before_wh,
            sold_before_wh,
            locks: Vec::new(),
            sold_of_offers_wh: BTreeMap::new(),
            result,
        });
        self.save()
    }

    /// Moves an interval that was interrupted until its window closed to a later window, for what is left of it.
    async fn go_on_later(&mut self, interval: usize, now: i64) -> Result<i64, ReplayError> {
        let Some(current) = &mut self.state.current else {
            return Err(ReplayError::State("the state has no interval to go on with; start anew".into()));
        };
        let before = current.window_start;
        // Its locks have expired or soon will.
        current.locks.iter_mut().for_each(|lock| lock.is_to_release = true);
        self.end_locks().await?;
        let traded_wh = self.state.current.as_ref().map_or(0, |current| current.result.traded_wh);
        for window in self.state.windows.iter_mut().filter(|window| window.window_start == before) {
            window.sold_until_wh = Some(traded_wh);
        }
        self.state.divided.insert(interval);
        self.save()?;
        self.withdraw(before).await?;
        if let Some(schedule) = &mut self.state.schedule {
            schedule.move_to(interval, now);
        }
        let window_start = self.state.schedule.map_or(before, |schedule| schedule.window_start(interval));
        if let Some(current) = &mut self.state.current {
            current.window_start = window_start;
            current.result.window_start = window_start;
        }
        self.save()?;
        Ok(window_start)
    }

    /// Whether the auction of a window may have orders.
    fn has_book(&self, window_start: i64) -> bool {
        self.bus.options.market.has_auction()
            && self.state.windows.iter().any(|window| window.window_start == window_start)
    }

    /// Ends an interval that was interrupted until the gate of its window, or shortly before: the auction takes the book as it
    /// stands. So every interval has one book.
    async fn leave_to_auction(&mut self, interval: usize, window_start: i64) -> Result<(), ReplayError> {
        self.know_sellers(window_start).await?;
        if let Some(current) = &mut self.state.current {
            current.locks.iter_mut().for_each(|lock| lock.is_to_release = true);
            current.result.offers_created = self.sellers.len() as u64;
        }
        self.end_locks().await?;
        if self.bus.is_cancelled() {
            return Ok(());
        }
        self.complete(interval, window_start).await
    }

    /// Withdraws what was listed ahead for intervals from this one on, which get other windows.
    async fn withdraw_ahead(&mut self, interval: usize) -> Result<(), ReplayError> {
        let mut starts = Vec::new();
        for window in self.state.windows.iter_mut().filter(|window| window.interval >= interval && !window.is_withdrawn)
        {
            window.sold_until_wh = Some(window.sold_before_wh);
            starts.push(window.window_start);
        }
        for window_start in starts {
            self.withdraw(window_start).await?;
        }
        Ok(())
    }

    /// Owners of a co-owned bus list for the next intervals, too, where time cannot be moved: what the bus sells does not
    /// trade at once, and so the replay need not wait for every interval.
    async fn list_ahead(&mut self, interval: usize, now: i64) -> Result<(), ReplayError> {
        let Some(schedule) = self.state.schedule.filter(Schedule::has_windows) else { return Ok(()) };
        if !self.bus.options.co_owned || self.chain().is_embedded() {
            return Ok(());
        }
        let total = self.bus.options.community.interval_count();
        for ahead in interval + 1..total.min(interval + 1 + LISTED_AHEAD) {
            let window_start = schedule.window_start(ahead);
            let is_listed = self.state.windows.iter().any(|window| window.window_start == window_start);
            if !is_listed && !self.bus.is_cancelled() {
                self.list(ahead, window_start, now).await?;
            }
        }
        Ok(())
    }

    /// Energy that a member has sold in an interval so far, in Wh.
    fn sold_wh(&self, interval: usize, member: usize) -> u64 {
        match &self.state.current {
            Some(current) if interval == self.state.completed => {
                self.state.members[member].sold_wh - current.sold_before_wh[member]
            }
            _ => 0,
        }
    }

    /// Members with a surplus list it. An interval that was interrupted lists only what is missing.
    async fn list(&mut self, interval: usize, window_start: i64, now: i64) -> Result<(), ReplayError> {
        let data = self.bus.options.community.interval(interval)?;
        let balance = Balance { surplus_wh: data.surplus_wh(), deficit_wh: data.deficit_wh() };
        if balance.surplus_wh == 0 {
            return Ok(());
        }
        let current = self.state.current.as_ref().filter(|_| interval == self.state.completed);
        let bus = self.bus.address;
        let capacity = self.bus.market.find_capacity(&bus, window_start).await.doing("reading the window")?;
        let is_new = self.state.windows.iter().all(|window| window.window_start != window_start);
        if is_new {
            self.state.windows.push(WindowRecord {
                interval,
                window_start,
                sold_before_wh: current.map_or(0, |current| current.result.traded_wh),
                capacity_sold_before_wh: match &capacity {
                    Some(capacity) if window_start == 0 => capacity.committed_wh,
                    _ => 0,
                },
                sold_until_wh: None,
                trades_before: self.state.records.trades.len(),
                is_auctioned: false,
                is_withdrawn: false,
            });
            if self.bus.options.is_on_delivery() {
                let window = PeriodWindow { window_start, interval, is_reported: false };
                self.state.period(self.bus.first_window_of(window_start)).windows.push(window);
            }
            // A process that goes on must know of every window with offers; and it cannot tell any more what a capacity
            // had sold before them.
            self.save()?;
        }
        if capacity.is_none() {
            self.bus.funder.capacity_open(&bus, window_start).await.doing("opening the window")?;
        }
        // Offers end when their window's gate closes; outside windows as late as they can.
        let expires_at = match window_start {
            0 => now + i64::from(HORIZON_SECONDS),
            _ => self.bus.gate(window_start),
        };
        // In a window that was not known a moment ago, no member has listed anything.
        let listed: Vec<usize> = match is_new {
            true => Vec::new(),
            false => {
                let offers = self.bus.offers(window_start).await.doing("reading offers")?;
                offers.iter().filter_map(|offer| self.bus.lister(offer)).collect()
            }
        };
        let (bus, options) = (&self.bus, &self.bus.options);
        let left = data.readings().filter_map(|reading| {
            let seller = reading.member;
            let left_wh = reading.surplus_wh().saturating_sub(self.sold_wh(interval, seller));
            (left_wh > 0 && !listed.contains(&seller)).then_some((seller, left_wh))
        });
        let left: Vec<(usize, u64)> = left.collect();
        let sellers: Vec<usize> = left.iter().map(|(seller, _)| *seller).collect();
        bus.open_sellers(&sellers).await?;
        bus.register_meters(&sellers).await?;
        let tasks = left.into_iter().map(|(seller, left_wh)| {
            let draw = Draw::new(options.seed, "price", interval, seller);
            let price = options.price_rule.ask(balance, draw);
            bus.list(seller, window_start, expires_at, Wh(left_wh), PricePerKwh(price))
        });
        let (_, failed) = bus.each(tasks).await;
        failed.map_or(Ok(()), Err)
    }

    /// Waits until the offers that owners listed for the bus trade: everyone else sees them for a while before.
    async fn wait_for_bus_offers(&self, window_start: i64) -> Result<(), ReplayError> {
        /// Longest wait after which the replay looks whether it is cancelled, in seconds.
        const STEP_SECONDS: i64 = 5;
        let offers = self.bus.offers(window_start).await.doing("reading offers")?;
        let trades_from = offers.iter().map(|offer| offer.trades_from).max().unwrap_or(0);
        let mut now = self.chain().clock().await.doing("asking for the time")?.unix_timestamp;
        while now < trades_from && !self.bus.is_cancelled() {
            let next = trades_from.min(now + STEP_SECONDS);
            now = self.chain().wait_until(next).await.doing("waiting for the bus's offers")?.unix_timestamp;
        }
        Ok(())
    }

    /// What members still want. Their order is drawn anew for each interval, so that nobody is always first.
    ///
    /// # Errors
    /// Where the community's readings cannot be read any more.
    pub fn demands(&self, interval: usize, part: Part) -> Result<Vec<Demand>, ReplayError> {
        let Some(current) = &self.state.current else { return Ok(Vec::new()) };
        let mut locked = HashMap::new();
        for lock in current.locks.iter().filter(|lock| !lock.is_to_release) {
            *locked.entry(lock.buyer).or_insert(0u64) += lock.energy_wh;
        }
        let data = self.bus.options.community.interval(interval)?;
        let mut demands: Vec<Demand> = data
            .readings()
            .filter(|reading| reading.deficit_wh() > 0)
            .filter_map(|reading| {
                let buyer = reading.member;
                let bought = self.state.members[buyer].bought_wh - current.bought_before_wh[buyer];
                let covered = bought + locked.get(&buyer).copied().unwrap_or(0);
                let energy_wh = self.wanted_wh(interval, buyer, reading.deficit_wh(), part).saturating_sub(covered);
                (energy_wh > 0).then_some(Demand { buyer, energy_wh })
            })
            .collect();
        let seed = self.bus.options.seed;
        demands.sort_by_cached_key(|demand| (Draw::new(seed, "order", interval, demand.buyer), demand.buyer));
        Ok(demands)
    }

    /// Part of what a member wants in an interval, in Wh. Where an auction follows, it takes a part from offers that is drawn from the
    /// seed, evenly between [`EARLY_PERCENT`], and rounded down to a Wh.
    fn wanted_wh(&self, interval: usize, buyer: usize, deficit_wh: u64, part: Part) -> u64 {
        let options = &self.bus.options;
        if part == Part::All || !options.market.has_auction() {
            return deficit_wh;
        }
        let (least, most) = EARLY_PERCENT.into_inner();
        let percent = least + Draw::new(options.seed, "early", interval, buyer).below(most - least + 1);
        deficit_wh * percent / 100
    }

    /// Some buyers lock half of what they want.
    async fn lock(&mut self, interval: usize, window_start: i64) -> Result<(), ReplayError> {
        if self.sellers.is_empty() || self.state.current.as_ref().is_some_and(|current| current.result.purchases > 0) {
            return Ok(());
        }
        let options = &self.bus.options;
        let holders: Vec<usize> =
            self.state.current.iter().flat_map(|current| current.locks.iter().map(|lock| lock.buyer)).collect();
        let bus = &self.bus;
        let tasks = self
            .demands(interval, Part::Early)?
            .into_iter()
            .filter(|Demand { buyer, energy_wh }| {
                *energy_wh > 1
                    && !holders.contains(buyer)
                    && Draw::new(options.seed, "lock", interval, *buyer).chance(options.lock_percent)
            })
            .map(|Demand { buyer, energy_wh }| bus.lock(buyer, window_start, energy_wh / 2));
        let (locks, failed) = bus.each(tasks).await;
        let seed = self.bus.options.seed;
        if let Some(current) = &mut self.state.current {
            for mut lock in locks.into_iter().flatten() {
                lock.is_to_release = Draw::new(seed, "release", interval, lock.buyer).chance(RELEASE_PERCENT);
                current.locks.push(lock);
                current.result.locks += 1;
            }
            current.locks.sort_by_key(|lock| lock.buyer);
        }
        self.save()?;
        failed.map_or(Ok(()), Err)
    }

    /// Members buy, and settle or release their locks, until one of the two sides is used up.
    async fn trade(&mut self, interval: usize, window_start: i64) -> Result<(), ReplayError> {
        if self.sellers.is_empty() {
            return Ok(());
        }
        let mut fruitless = 0;
        let mut round = 0;
        loop {
            if self.bus.is_cancelled() {
                return Ok(());
            }
            // A member that gives up its lock sits out the first round, so that another can buy the energy.
            let releasers: Vec<usize> = self
                .state
                .current
                .iter()
                .flat_map(|current| &current.locks)
                .filter(|lock| lock.is_to_release)
                .map(|lock| lock.buyer)
                .collect();
            let demands = self.demands(interval, Part::Early)?;
            let served: Vec<Demand> = match round {
                0 => demands.iter().filter(|demand| !releasers.contains(&demand.buyer)).copied().collect(),
                _ => demands.clone(),
            };
            let bus = &self.bus;
            // On a chain inside this process, nobody has acted since the offers were read but the members, whose locks the order
            // book has entered.
            let free_wh = match round == 0 && self.chain().is_embedded() {
                true => bus.free_wh(),
                false => bus.read_order_book(window_start).await.doing("reading offers")?,
            };
            round += 1;
            let mut sold = false;
            if free_wh > 0 && !served.is_empty() {
                let tasks = served.iter().map(|demand| bus.buy(demand.buyer, window_start, demand.energy_wh));
                let (purchases, failed) = bus.each(tasks).await;
                for purchase in purchases.into_iter().flatten() {
                    sold = true;
                    self.enter_purchase(purchase);
                }
                if let Some(error) = failed {
                    return Err(error);
                }
            }
            let ended = self.end_locks().await?;
            if self.bus.is_cancelled() {
                return Ok(());
            }
            let over = self.state.current.as_ref().is_none_or(|current| current.locks.is_empty());
            if over && ended == 0 && round > 1 && (free_wh == 0 || demands.is_empty()) {
                return Ok(());
            }
            fruitless = if sold || ended > 0 { 0 } else { fruitless + 1 };
            if fruitless > MAX_FRUITLESS_ROUNDS {
                return Err(ReplayError::Stuck(format!(
                    "interval {interval}: {free_wh} Wh are free and {} members want energy, yet nothing is sold; \
                     someone else may be trading on this bus",
                    demands.len()
                )));
            }
        }
    }

    /// Settles or releases every lock; returns their number.
    pub async fn end_locks(&mut self) -> Result<usize, ReplayError> {
        let Some(current) = &self.state.current else { return Ok(0) };
        let bus = &self.bus;
        let tasks = current.locks.iter().map(|lock| bus.end_lock(*lock));
        let (ends, failed) = bus.each(tasks).await;
        let count = ends.len();
        for (lock, end) in ends {
            match end {
                LockEnd::Settled(purchase) => self.enter_purchase(purchase),
                LockEnd::Released { fee_base_units } => self.enter_release(lock, fee_base_units),
            }
            if let Some(current) = &mut self.state.current {
                current.locks.retain(|open| !open.is(&lock));
            }
        }
        failed.map_or(Ok(count), Err)
    }

    /// Enters a lock that was released.
    pub fn enter_release(&mut self, lock: OpenLockRecord, fee_base_units: u64) {
        self.state.locks_released += 1;
        self.state.members[lock.buyer].lock_fees_paid_base_units += fee_base_units;
        if let Some(&seller) = self.sellers.get(&lock.offer) {
            self.state.members[seller].lock_fees_earned_base_units += fee_base_units;
        }
        if let Some(current) = &mut self.state.current {
            current.result.locks_released += 1;
        }
    }

    /// Enters a purchase that was paid, or a bid.
    pub fn enter_purchase(&mut self, purchase: MemberPurchase) {
        let MemberPurchase { buyer, lane, nonce, hash, kind, energy_wh, paid_base_units, fills } = purchase;
        let lane = self.state.lanes.entry(lane_key(buyer, lane)).or_insert(LaneRecord {
            first_nonce: nonce,
            next_nonce: nonce,
            ..LaneRecord::default()
        });
        if nonce != lane.next_nonce {
            self.state
                .violations
                .push(format!("a purchase has nonce {nonce} where the lane's next is {}", lane.next_nonce));
        }
        lane.next_nonce = nonce + 1;
        lane.history_root = next_history_root(&lane.history_root, &hash);
        lane.energy_wh += energy_wh;
        lane.paid_base_units += paid_base_units;
        if kind == PurchaseKind::Bid {
            // It buys nothing before the auction.
            self.state.bids += 1;
            return;
        }
        self.state.locks_settled += u64::from(kind == PurchaseKind::LockSettlement);
        self.state.members[buyer].bought_wh += energy_wh;
        self.state.members[buyer].paid_base_units += paid_base_units;
        for fill in &fills {
            let Some(&seller) = self.sellers.get(&fill.offer) else { continue };
            if let Some(current) = &self.state.current {
                self.state.records.trades.push(&Trade {
                    interval: self.state.completed,
                    window_start: current.window_start,
                    seller: Some(seller),
                    buyer: Some(buyer),
                    kind: kind.into(),
                    energy_wh: fill.energy_wh,
                    price_per_kwh: fill.price_per_kwh,
                    paid: fill.cost,
                });
            }
            self.enter_grid_fee(&fill.offer, seller, fill.energy_wh);
            self.state.members[seller].sold_wh += fill.energy_wh;
            self.state.members[seller].earned_base_units += fill.cost;
            let flow = self.state.flow(seller, buyer);
            flow.energy_wh += fill.energy_wh;
            flow.paid_base_units += fill.cost;
        }
        let Some(CurrentInterval { result, .. }) = &mut self.state.current else { return };
        result.traded_wh += energy_wh;
        result.paid_base_units += paid_base_units;
        result.purchases += 1;
        result.batches += u64::from(kind == PurchaseKind::Batch);
        for fill in fills {
            let price = fill.price_per_kwh;
            if result.lowest_price_per_kwh == 0 || price < result.lowest_price_per_kwh {
                result.lowest_price_per_kwh = price;
            }
            result.highest_price_per_kwh = result.highest_price_per_kwh.max(price);
        }
    }

    /// Enters what the grid gets of energy that an offer sold on purchase terms: `floor(Wh x fee / 1000)` of all that the
    /// offer has sold.
    fn enter_grid_fee(&mut self, offer: &Address, seller: usize, energy_wh: u64) {
        let fee_per_kwh = self.bus.options.grid_fee_per_kwh;
        if fee_per_kwh == 0 || self.bus.options.is_on_delivery() {
            return;
        }
        let Some(current) = &mut self.state.current else { return };
        let sold_wh = current.sold_of_offers_wh.entry(offer.to_string()).or_default();
        let before = math::grid_fee(*sold_wh, fee_per_kwh);
        *sold_wh += energy_wh;
        let fee = math::grid_fee(*sold_wh, fee_per_kwh) - before;
        current.result.grid_fee_base_units += fee;
        self.state.members[seller].grid_fee_base_units += fee;
    }

    /// Compares the interval with the chain and ends it.
    async fn complete(&mut self, interval: usize, window_start: i64) -> Result<(), ReplayError> {
        if let Some(window) = self.state.windows.iter().find(|window| window.window_start == window_start) {
            let window = *window;
            let traded_wh = self.state.current.as_ref().map_or(0, |current| current.result.traded_wh);
            let violations = check::interval(&self.bus, &window, traded_wh).await?;
            self.state.violations.extend(violations);
            if self.bus.options.market.has_auction() && !self.chain().is_embedded() {
                // Somebody else may clear and settle the book before this replay goes on.
                self.record_book(&window).await?;
            }
        }
        let community = &self.bus.options.community;
        let data = community.interval(interval)?;
        // After the last interval sellers close their accounts, which pays them.
        let was_last_of_day = interval + 1 < community.interval_count() && {
            let next = community.interval(interval + 1)?;
            next.local_start.div_euclid(DAY_SECONDS) != data.local_start.div_euclid(DAY_SECONDS)
        };
        let Some(mut current) = self.state.current.take() else { return Ok(()) };
        current.result.is_complete = true;
        enter_readings(&mut self.state.members, &data);
        self.state.intervals.push(current.result);
        self.state.completed = interval + 1;
        if (!self.chain().is_embedded() || window_start == 0) && !self.bus.options.market.has_auction() {
            // A network's clock cannot be moved to the end of the window, and outside windows nothing ends: sellers
            // withdraw now. What they sold is written down before, since nobody can read it from offers that are closed.
            self.save()?;
            self.withdraw(window_start).await?;
        }
        if was_last_of_day {
            self.bus.pay_sellers().await?;
            // Offers, windows and locks of the day before have addresses of their own.
            address::forget_unused();
        }
        Ok(())
    }

    /// Reads from the chain what members can buy in a window, and who listed it.
    pub async fn know_sellers(&mut self, window_start: i64) -> Result<(), ReplayError> {
        self.sellers = self.bus.read_offers(window_start).await.doing("reading offers")?;
        Ok(())
    }
}

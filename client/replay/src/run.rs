//! The replay itself: from a file and a chain to a report.

use {
    crate::{
        check,
        counting::CountingChain,
        error::{Doing, ReplayError},
        fund::MINT_DECIMALS,
        options::{ReplayMarket, ReplayOptions},
        owners::owners,
        progress::{Progress, Stage},
        records::{Auction, Records},
        replay::{ProgressFn, Replay},
        replay_bus::{Facts, Member, ReplayBus},
        report::{AuctionEntry, AuctionTotals, IntervalResult, MemberResult, ReplayReport, Starts},
        rows::{self, Rows},
        state::{BusRecord, LaneRecord, OpenLockRecord, ReplayState, enter_readings, lane_key},
        treasury,
        vaults::Vaults,
    },
    anchor_lang::solana_program::hash::hashv,
    multibus::{math, state::PurchaseKind, token::SPL_TOKEN_ID},
    multibus_client::{
        Address, BaseUnits, Market, SharedSigner, Signer, TransactionOptions, Wallet, Wh, address,
        chain::Chain,
        error::Error,
        lock::LockFilter,
        market::Settlement,
        router::PriceFraction,
        send::{ComputeUnits, MAX_COMPUTE_UNITS},
        trader::Trader,
    },
    std::{
        collections::{BTreeSet, HashMap},
        mem,
        sync::{Arc, Mutex},
        time::{Duration, Instant},
    },
    tokio::time::sleep,
};

/// Compute units that a transaction may use on a chain inside the process. Nobody competes for them there, so a simulation
/// before each transaction, which finds out how many it needs, would only execute it twice.
const EMBEDDED_COMPUTE_UNITS: u32 = MAX_COMPUTE_UNITS / 2;

/// Memory that the history of an embedded chain needs for a replay of so many members, in bytes. A replay reads what happened in a few
/// intervals at most, in each of which a member has a few transactions. With more, a long replay only takes more memory.
pub fn embedded_history_bytes(members: usize) -> usize {
    (8 << 20) + members * (64 << 10)
}

/// Replays a community on a chain. Nothing is sent before the options and the state have been found good.
///
/// # Errors
/// Where options or state cannot be used, or the chain fails; the state file, if there is one, then serves to resume.
/// An end by [`crate::Cancel`] is no error: the report says that it was interrupted.
pub async fn run(
    options: ReplayOptions,
    chain: Arc<dyn Chain>,
    progress: &mut (dyn FnMut(&Progress) + Send),
) -> Result<ReplayReport, ReplayError> {
    options.validate()?;
    let mut options = options;
    if !options.is_on_delivery() {
        options.community = options.community.without_forecast()?;
    }
    let mut replay = Replay::prepare(options, chain, progress).await?;
    // Boxed, because they hold what is read of the chain.
    let outcome = Box::pin(replay.go()).await;
    // Whatever was in flight is over, unless its outcome is unknown.
    replay.state.is_clean = !matches!(&outcome, Err(ReplayError::Chain { error, .. }) if !is_certain(error));
    replay.save()?;
    outcome?;
    Box::pin(replay.report()).await
}

fn is_certain(error: &Error) -> bool {
    !matches!(error, Error::OutcomeUnknown { .. } | Error::PurchaseUnknown { .. } | Error::Rpc { .. })
}

impl<'a> Replay<'a> {
    async fn prepare(
        options: ReplayOptions,
        chain: Arc<dyn Chain>,
        progress: ProgressFn<'a>,
    ) -> Result<Self, ReplayError> {
        let description = chain.description();
        let mut state = match (&options.state, options.resume) {
            (Some(path), true) => ReplayState::load(path, &options, &description)?,
            (Some(path), false) if path.exists() => {
                return Err(ReplayError::State(format!(
                    "the state {} is there already and holds the keys of funded wallets; go on with --resume, or choose \
                     another file",
                    path.display()
                )));
            }
            _ => {
                // Keys that can be guessed are safe only on a chain inside this process.
                let mut state = ReplayState::new(&options, description, rand::random())?;
                if chain.is_embedded() {
                    seed_secret(&mut state, &options, &*chain).await?;
                }
                state
            }
        };
        let is_embedded = chain.is_embedded();
        let transaction_options = match is_embedded {
            true => TransactionOptions {
                compute_units: ComputeUnits::Fixed(EMBEDDED_COMPUTE_UNITS),
                ..options.transaction_options
            },
            false => options.transaction_options,
        };
        let counting = Arc::new(CountingChain::new(chain, std::mem::take(&mut state.counts)));
        let chain: Arc<dyn Chain> = counting.clone();
        let wallet = |signer: SharedSigner, lanes: u16| {
            Wallet::new(chain.clone(), signer).with_options(transaction_options).with_lanes(lanes)
        };
        let funder = wallet(options.funder.clone().unwrap_or_else(|| Arc::new(state.funder_key())), 1);
        let market = Market::new(chain.clone());
        let (mint, token_program, mint_decimals, mint_is_own) = match (&state.bus, options.mint) {
            (Some(known), _) => (known.mint, known.token_program, known.mint_decimals, known.mint_is_own),
            (None, None) => (state.mint_key().pubkey(), SPL_TOKEN_ID, MINT_DECIMALS, true),
            (None, Some(mint)) => {
                let token_program = market.token_program_of(&mint).await.doing("reading the settlement mint")?;
                let account = chain.accounts(&[mint]).await.doing("reading the settlement mint")?;
                // Both token programs keep the decimals at the same place of a mint.
                let decimals = account.into_iter().next().flatten().and_then(|mint| mint.data.get(44).copied());
                let Some(decimals) = decimals else {
                    return Err(ReplayError::Options(format!("{mint} is not a mint; name a settlement mint")));
                };
                (mint, token_program, decimals, false)
            }
        };
        let mut members = Vec::with_capacity(options.community.members.len());
        let mut member_of = HashMap::new();
        for number in 0..options.community.members.len() {
            let wallet = wallet(Arc::new(state.member_key(number)), options.lanes);
            let token_account = address::associated_token(&wallet.address(), &mint, &token_program);
            member_of.insert(wallet.address(), number);
            state.members[number].wallet = wallet.address().to_string();
            members.push(Member { wallet, token_account });
        }
        let devices = match options.is_on_delivery() {
            true => (0..members.len()).map(|member| Arc::new(state.device_key(member)) as SharedSigner).collect(),
            false => Vec::new(),
        };
        let grid = wallet(Arc::new(state.grid_key()), 1);
        let owners = owners(&options.community.generation_wh());
        if state.bus.is_none() {
            let bus = Address::default();
            state.bus = Some(BusRecord { bus, mint, token_program, mint_decimals, mint_is_own });
        }
        let address = state.bus.as_ref().map_or(Address::default(), |record| record.bus);
        let wall_milliseconds_before = state.wall_milliseconds;
        let bus = ReplayBus {
            facts: Facts::of(&options),
            options,
            market,
            funder,
            members,
            member_of,
            owners,
            devices,
            grid,
            address,
            order_book: Mutex::default(),
            opened: Mutex::default(),
            open_sellers: Mutex::new(BTreeSet::new()),
            lists_for_bus: tokio::sync::Mutex::default(),
            settlement: Settlement { mint, token_program },
        };
        Ok(Self {
            bus,
            counting,
            state,
            sellers: HashMap::new(),
            progress,
            started_at: Instant::now(),
            wall_milliseconds_before,
        })
    }
    /// All stages before the report.
    async fn go(&mut self) -> Result<(), ReplayError> {
        if self.bus.options.resume {
            self.resume().await?;
        }
        self.state.is_clean = false;
        self.save()?;
        if !self.state.is_funded || !self.bus_record()?.bus_is_created() {
            self.set_up().await?;
        }
        let total = self.bus.options.community.interval_count();
        let started_at = Instant::now();
        let first = self.state.completed;
        while self.state.completed < total && !self.bus.is_cancelled() {
            let interval = self.state.completed;
            self.pace(interval - first, started_at).await;
            self.trade_interval(interval).await?;
            self.save()?;
            if let Some(result) = self.state.intervals.get(interval) {
                let detail = format!("{}: {} Wh traded", result.interval_start, result.traded_wh);
                self.tell(Stage::Trading, interval + 1, total, detail);
            }
        }
        if self.state.completed == total && !self.bus.is_cancelled() {
            self.close_all().await?;
            if !self.bus.is_cancelled() {
                self.close_sellers().await?;
                self.claim().await?;
            }
        }
        Ok(())
    }

    /// Waits until an interval is due at the wanted speed.
    async fn pace(&self, intervals: usize, started_at: Instant) {
        let Some(speed) = self.bus.options.speed else { return };
        let seconds = intervals as u64 * u64::from(self.bus.options.community.interval_seconds);
        let due = Duration::from_millis(seconds * 1_000 / u64::from(speed));
        while started_at.elapsed() < due && !self.bus.is_cancelled() {
            sleep(due.saturating_sub(started_at.elapsed()).min(Duration::from_millis(100))).await;
        }
    }

    /// Finds out on the chain what happened since the state was written.
    async fn resume(&mut self) -> Result<(), ReplayError> {
        let record = self.bus_record()?;
        if record.bus_is_created() && self.find_closed_bus(&record).await? {
            return Ok(());
        }
        if !self.state.is_clean && !self.chain().is_embedded() {
            // What was signed before can land until its blockhash expires. None is younger than the latest one.
            let latest = self.chain().latest_blockhash().await.doing("asking for the latest block")?;
            let over = latest.last_valid_block_height + 150;
            loop {
                let now = self.chain().latest_blockhash().await.doing("asking for the latest block")?;
                if now.last_valid_block_height > over || self.bus.is_cancelled() {
                    break;
                }
                let passed = now.last_valid_block_height.saturating_sub(latest.last_valid_block_height);
                self.tell(Stage::Waiting, passed as usize, 150, "blocks until nothing old can land");
                sleep(Duration::from_secs(1)).await;
            }
        }
        let Some(current) = &self.state.current else { return Ok(()) };
        let window_start = current.window_start;
        self.know_sellers(window_start).await?;
        let mut settled = Vec::new();
        for member in 0..self.bus.members.len() {
            let wallet = self.bus.members[member].wallet.address();
            for lane in self.bus.market.traders(&wallet).await.doing("reading nonce lanes")? {
                let record = self.lane(member, &lane);
                if lane.next_nonce > record.next_nonce {
                    let missing =
                        self.bus.purchases_under(member, lane.lane, record.next_nonce..lane.next_nonce).await?;
                    for purchase in missing {
                        if purchase.kind == PurchaseKind::LockSettlement {
                            settled.extend(purchase.fills.iter().map(|fill| (member, fill.offer)));
                        }
                        self.enter_purchase(purchase);
                    }
                }
            }
        }
        // Locks on chain are open. Those that are gone and were not settled were released.
        let on_chain = self.open_locks().await?;
        let Some(current) = &mut self.state.current else { return Ok(()) };
        let known = std::mem::take(&mut current.locks);
        current.locks = on_chain
            .iter()
            .map(|lock| {
                let before = known.iter().find(|known| known.is(lock));
                OpenLockRecord { is_to_release: before.is_some_and(|known| known.is_to_release), ..*lock }
            })
            .collect();
        current.result.locks += on_chain.iter().filter(|lock| known.iter().all(|known| !known.is(lock))).count() as u64;
        let is_gone = |known: &&OpenLockRecord| on_chain.iter().all(|lock| !lock.is(known));
        for lock in known.iter().filter(is_gone).filter(|lock| !settled.contains(&(lock.buyer, lock.offer))) {
            let fee = math::share_of(lock.deposit, self.bus.options.lock_fee_bps);
            self.enter_release(*lock, fee);
        }
        Ok(())
    }

    /// Whether the bus is closed. Refuses to go on where it is not on the chain, or another wallet operates it.
    async fn find_closed_bus(&mut self, record: &BusRecord) -> Result<bool, ReplayError> {
        let tombstone = self.bus.market.tombstone(&record.bus).await;
        if let Ok(Some(_)) = tombstone {
            self.state.is_closed = true;
            return Ok(true);
        }
        if let Err(Error::NotFound { .. }) = tombstone {
            return Err(ReplayError::State(if self.chain().is_embedded() {
                "the embedded chain of this state ended with its process; to resume, replay on a chain that lasts, with \
                 --url"
                    .into()
            } else {
                format!("the bus {} of the state is not on {}; resume on its chain", record.bus, self.state.chain)
            }));
        }
        if self.bus.options.is_on_delivery() {
            let operator = self.bus.market.bus(&record.bus).await.doing("reading the bus")?.operator;
            if operator != self.bus.funder.address() {
                return Err(ReplayError::Options(format!(
                    "the funding wallet is {}, and the bus has the operator {operator}, who paid for the meters; resume with \
                     the keypair of that wallet",
                    self.bus.funder.address()
                )));
            }
        }
        Ok(false)
    }

    /// Locks of members on the bus.
    async fn open_locks(&self) -> Result<Vec<OpenLockRecord>, ReplayError> {
        let filter = LockFilter { bus: Some(self.bus.address), ..LockFilter::default() };
        let locks = self.bus.market.locks(&filter).await.doing("reading locks")?;
        Ok(locks
            .iter()
            .filter_map(|lock| Some(OpenLockRecord::new(lock, *self.bus.member_of.get(&lock.buyer)?)))
            .collect())
    }

    /// What is known of a lane. A new one starts at its first nonce.
    fn lane(&mut self, member: usize, trader: &Trader) -> LaneRecord {
        *self.state.lanes.entry(lane_key(member, trader.lane)).or_insert(LaneRecord {
            first_nonce: trader.first_nonce,
            next_nonce: trader.first_nonce,
            ..LaneRecord::default()
        })
    }

    /// Windows whose auction is not over yet.
    pub fn auctions_open(&self) -> u64 {
        let has_auction = self.bus.options.market.has_auction();
        self.state.windows.iter().filter(|window| has_auction && !window.is_auctioned).count() as u64
    }

    /// The report, with everything compared with the chain.
    async fn report(mut self) -> Result<ReplayReport, ReplayError> {
        let total = self.bus.options.community.interval_count();
        self.tell(Stage::Checking, 0, 1, "comparing chain and file");
        let record = self.bus_record()?;
        let (mut treasury, mut open_sellers) = (None, 0);
        let (mut invariants, mut violations) = Default::default();
        if self.state.is_closed {
            (invariants, violations) = (self.state.invariants.clone(), self.state.violations.clone());
        } else if record.bus_is_created() {
            let audit = self.bus.market.audit(&self.bus.address).await.doing("comparing chain and file")?;
            let mut vaults = Vaults::new(&self.bus, &audit);
            vaults.add_escrow(&self.bus, &self.state, &audit);
            open_sellers = vaults.open_sellers;
            if self.bus.options.co_owned {
                treasury = Some(treasury::result(&self.bus, &self.state.members, vaults.of_bus.total()).await?);
            }
            vaults.enter(&mut self.state.members, treasury.as_ref());
            (invariants, violations) =
                check::all(&self.bus, &self.state, &record, &audit, &vaults, treasury.as_ref()).await?;
        }
        let is_embedded = self.chain().is_embedded();
        let is_claimed =
            self.state.is_swept || treasury.as_ref().is_none_or(|treasury| treasury.claimable_base_units == 0);
        let is_over = self.state.completed == total
            && is_claimed
            && open_sellers == 0
            && self.state.periods.is_empty()
            && self.state.windows.iter().all(|window| window.is_withdrawn && !is_embedded);
        // Where the clock cannot be moved, windows of delivery and auctions lie ahead when everything is traded.
        let auctions_open = self.auctions_open();
        let is_waiting = self.state.completed == total
            && !is_embedded
            && (!self.state.periods.is_empty() || auctions_open > 0)
            && !self.bus.is_cancelled();
        if is_over && violations.is_empty() {
            self.state.invariants.clone_from(&invariants);
            self.save()?;
            if self.bus.options.is_on_delivery() && !self.state.is_closed {
                self.close_bus().await?;
            }
            if self.bus.options.market.has_auction() && self.state.is_closed && !self.state.is_swept {
                self.pay_claims().await?;
            }
            if !self.state.is_swept && self.bus.options.funder.is_some() {
                self.sweep(&record).await?;
            }
        }
        self.save()?;
        self.tell(Stage::Checking, 1, 1, "done");
        let options = &self.bus.options;
        // Taken and not copied: the trades of a year are large, and nothing needs the state any more.
        let ReplayState { intervals, current, members, flows, records, .. } = &mut self.state;
        let (mut intervals, current, mut members) =
            (mem::take(intervals).into_rows(), current.take(), mem::take(members));
        let (flows, mut records) = (mem::take(flows), mem::take(records));
        rows::sort(&mut records.auctions, |auction| auction.interval);
        rows::sort(&mut records.deliveries, |row| (row.interval, row.seller));
        rows::sort(&mut records.positions, |row| (row.interval, row.seller, row.buyer));
        records.intact().and_then(|()| intervals.intact())?;
        if let Some(current) = current {
            // An interval that was interrupted counts with what it traded.
            enter_readings(&mut members, &*options.community.interval(self.state.completed)?);
            intervals.push(&current.result);
        }
        let sum = |figure: fn(&IntervalResult) -> u64| -> u64 { intervals.iter().map(|row| figure(&row)).sum() };
        let member_sum = |figure: fn(&MemberResult) -> u64| -> u64 { members.iter().map(figure).sum() };
        let (traded_wh, paid_base_units) = (sum(|i| i.traded_wh), sum(|i| i.paid_base_units));
        let auction = options.market.has_auction().then(|| AuctionTotals {
            open: auctions_open,
            missed: self.state.missed_auctions,
            bids: self.state.bids,
            remainder_base_units: self.state.auction_remainder,
            ..auction_totals(options.market, &intervals)
        });
        let orders = mem::take(&mut records.orders);
        let auctions = auction_entries(&intervals, &records);
        let counts = self.counting.counts();
        let wall_milliseconds = self.state.wall_milliseconds;
        let (shortest, longest) = options.community.interval_range_seconds();
        let gaps = options.community.gaps().iter();
        Ok(ReplayReport {
            file: options.file.clone(),
            chain: self.state.chain.clone(),
            bus: record.bus.to_string(),
            mint: record.mint.to_string(),
            mint_decimals: record.mint_decimals,
            currency: if record.mint_is_own { "test USD" } else { "tokens" }.into(),
            seed: options.seed,
            price_rule: options.price_rule.to_string(),
            price_floor_per_kwh: options.price_rule.floor_per_kwh,
            price_ceiling_per_kwh: options.price_rule.ceiling_per_kwh,
            terms: options.terms,
            grid_fee_per_kwh: options.grid_fee_per_kwh,
            auction,
            traded_by_forecast: options.community.has_forecast,
            interrupted: !is_over && !is_waiting,
            members: members.len() as u64,
            intervals: intervals.len() as u64,
            intervals_in_file: total as u64,
            interval_seconds: options.community.interval_seconds,
            shortest_interval_seconds: shortest,
            longest_interval_seconds: longest,
            traded_in_windows: options.community.window_seconds().is_some(),
            missing_readings: member_sum(|m| m.missing_readings),
            gaps: gaps.filter(|gap| gap.after + 1 < intervals.len()).count() as u64,
            notes: options.community.notes.clone(),
            load_wh: member_sum(|m| m.load_wh),
            generation_wh: member_sum(|m| m.generation_wh),
            surplus_wh: sum(|i| i.surplus_wh),
            deficit_wh: sum(|i| i.deficit_wh),
            tradable_wh: sum(IntervalResult::tradable_wh),
            traded_wh,
            delivered_wh: member_sum(|m| m.delivered_wh),
            certificates_wh: self.state.certificates_wh,
            withdrawn_wh: sum(|i| i.withdrawn_wh),
            offers_created: sum(|i| i.offers_created),
            purchases: sum(|i| i.purchases),
            batches: sum(|i| i.batches),
            locks: sum(|i| i.locks),
            locks_settled: self.state.locks_settled,
            locks_released: self.state.locks_released,
            paid_base_units,
            refunded_base_units: member_sum(|m| m.refunded_base_units),
            grid_fee_base_units: member_sum(|m| m.grid_fee_base_units),
            remainder_base_units: member_sum(|m| m.remainder_base_units),
            lock_fees_base_units: member_sum(|m| m.lock_fees_paid_base_units),
            released_base_units: member_sum(|m| m.released_base_units),
            withdrawn_base_units: member_sum(|m| m.withdrawn_base_units),
            average_price_per_kwh: PriceFraction::new(BaseUnits(paid_base_units), Wh(traded_wh)),
            transactions_sent: counts.sent,
            transactions_landed: counts.landed,
            transactions_failed: counts.failed,
            transactions_retried: counts.retried,
            fees_lamports: counts.fees_lamports,
            compute_units: counts.compute_units(),
            latency_microseconds: counts.latency(),
            latency_histogram: counts.latency_histogram(),
            wall_milliseconds,
            invariants,
            violations,
            windows_open: self.state.windows.len() as u64,
            periods_open: self.state.periods.len() as u64,
            treasury,
            member_results: members,
            interval_results: intervals,
            flows,
            orders,
            auctions,
            records,
        })
    }
}

/// What the auctions of these intervals came to.
fn auction_totals(market: ReplayMarket, intervals: &Rows<IntervalResult>) -> AuctionTotals {
    let held = || intervals.iter().filter_map(|interval| interval.auction);
    AuctionTotals {
        market,
        cleared: held().filter(|auction| auction.bids > 0 && auction.asks > 0).count() as u64,
        traded: held().filter(|auction| auction.volume_wh > 0).count() as u64,
        volume_wh: held().map(|auction| auction.volume_wh).sum(),
        paid_base_units: held().map(|auction| auction.paid_base_units).sum(),
        ..AuctionTotals::default()
    }
}

/// What auctions came to.
fn auction_entries(intervals: &Rows<IntervalResult>, records: &Records) -> Rows<AuctionEntry> {
    let mut starts = Starts::of(intervals);
    let entry = |auction: Auction| AuctionEntry {
        window_start: starts.label(auction.interval),
        price_per_kwh: auction.price_per_kwh,
        volume_wh: auction.volume_wh,
        rationed: auction.rationed,
    };
    records.auctions.iter().map(entry).collect()
}

/// Derives the keys from the seed, so that the same replay has the same keys again. A chain that has seen them before
/// gets the next ones.
async fn seed_secret(state: &mut ReplayState, options: &ReplayOptions, chain: &dyn Chain) -> Result<(), ReplayError> {
    for run in 0u64.. {
        let [seed, run] = [options.seed, run].map(u64::to_le_bytes);
        state.secret = hashv(&[b"multibus:replay:seed", &seed, &run]).to_bytes();
        let creator = owners(&options.community.generation_wh())[0].member;
        let counter = address::creator(&state.member_key(creator).pubkey());
        let keys = [state.funder_key(), state.mint_key(), state.member_key(0)].map(|key| key.pubkey());
        let seen = chain.accounts(&[counter, keys[0], keys[1], keys[2]]).await.doing("looking for old keys")?;
        if seen.iter().all(Option::is_none) {
            break;
        }
    }
    Ok(())
}

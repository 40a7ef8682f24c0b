//! The replay itself: from a file and a chain to a report.

use {
    super::{
        Doing, Progress, ReplayError, ReplayOptions, ReplayReport, Stage, check,
        meter::Meter,
        price::Draw,
        report::{IntervalResult, MemberResult},
        schedule::Schedule,
        state::{Current, LaneRecord, OpenLock, Settlement, State, Window},
        treasury,
        world::{LockEnd, Member, MemberPurchase, World},
    },
    anchor_lang::solana_program::hash::hashv,
    multibus::{
        constants::{FULL_SHARE_BPS, MAX_NAME_LEN, MAX_OWNERS},
        math,
        state::{Capacity, Lock, PurchaseKind, next_history_root},
        token::{MINT_LEN, SPL_TOKEN_ID, TOKEN_ACCOUNT_LEN},
    },
    multibus_client::{
        Address, Market, SharedSigner, Signer, Wallet, address,
        bus::{BusConfig, ListingPolicy, OwnerShare, bus_create},
        chain::Chain,
        error::Error,
        lock::LockFilter,
        offer::Offer,
        router::PriceFraction,
        send::PriorityFee,
        text::is_hidden,
        token::{create_associated_token, create_mint, mint_to},
        trader::Trader,
    },
    std::{
        collections::HashMap,
        sync::Arc,
        time::{Duration, Instant},
    },
    tokio::time::sleep,
};

/// Decimals of the token that the replay makes.
const MINT_DECIMALS: u8 = 6;
/// Members that one funding transaction serves.
const FUNDED_AT_ONCE: usize = 6;
/// Rounds in a row in which nothing is sold although both sides have energy, before the replay gives up.
const FRUITLESS_ROUNDS: u32 = 20;
/// Of a hundred locks, how many are released instead of settled.
const RELEASE_PERCENT: u8 = 20;
/// Lamports of a signature.
const SIGNATURE_LAMPORTS: u64 = 5_000;
/// Transactions that a member is reckoned with for each interval, conflicts included.
const TRANSACTIONS_PER_INTERVAL: u64 = 12;
/// Bytes that an account has beside its data when its rent is reckoned: its discriminator.
const DISCRIMINATOR_LEN: usize = 8;

type ProgressFn<'a> = &'a mut (dyn FnMut(&Progress) + Send);

/// Replays a community on a chain. Nothing is sent before the options and the state have been found good.
///
/// # Errors
/// Where options or state cannot be used, or the chain fails; the state file, if there is one, then serves to resume.
/// An end by [`super::Cancel`] is no error: the report says that it was interrupted.
pub async fn run(
    options: ReplayOptions,
    chain: Arc<dyn Chain>,
    progress: &mut (dyn FnMut(&Progress) + Send),
) -> Result<ReplayReport, ReplayError> {
    options.validate()?;
    let mut replay = Replay::prepare(options, chain, progress).await?;
    let outcome = replay.go().await;
    // Whatever was in flight is over, unless its outcome is unknown.
    replay.state.is_clean = !matches!(&outcome, Err(ReplayError::Chain { error, .. }) if !is_certain(error));
    replay.save()?;
    outcome?;
    replay.report().await
}

fn is_certain(error: &Error) -> bool {
    !matches!(error, Error::OutcomeUnknown { .. } | Error::PurchaseUnknown { .. } | Error::Rpc { .. })
}

struct Replay<'a> {
    world: World,
    meter: Arc<Meter>,
    state: State,
    /// Who listed the offers that were seen.
    sellers: HashMap<Address, usize>,
    progress: ProgressFn<'a>,
    started_at: Instant,
    wall_milliseconds_before: u64,
}

impl<'a> Replay<'a> {
    async fn prepare(
        options: ReplayOptions,
        chain: Arc<dyn Chain>,
        progress: ProgressFn<'a>,
    ) -> Result<Self, ReplayError> {
        let description = chain.description();
        let mut state = match (&options.state, options.resume) {
            (Some(path), true) => State::load(path, &options, &description)?,
            (Some(path), false) if path.exists() => {
                return Err(ReplayError::State(format!(
                    "the state {} is there already and holds the keys of funded wallets; go on with --resume, or choose \
                     another file",
                    path.display()
                )));
            }
            _ => {
                // Keys that can be guessed are fine where the chain is this process's own, and nowhere else.
                let mut state = State::new(&options, description, rand::random());
                if chain.is_embedded() {
                    seed_secret(&mut state, &options, &*chain).await?;
                }
                state
            }
        };
        let meter = Arc::new(Meter::new(chain, std::mem::take(&mut state.tally)));
        let metered: Arc<dyn Chain> = meter.clone();
        let wallet = |signer: SharedSigner, lanes: u16| {
            Wallet::new(metered.clone(), signer).with_options(options.transaction_options).with_lanes(lanes)
        };
        let funder = wallet(options.funder.clone().unwrap_or_else(|| Arc::new(state.funder_key())), 1);
        let market = Market::new(metered.clone());
        let (mint, token_program, mint_decimals, mint_is_own) = match (&state.market, options.mint) {
            (Some(known), _) => (known.mint, known.token_program, known.mint_decimals, known.mint_is_own),
            (None, None) => (state.mint_key().pubkey(), SPL_TOKEN_ID, MINT_DECIMALS, true),
            (None, Some(mint)) => {
                let token_program = market.token_program_of(&mint).await.doing("reading the settlement mint")?;
                let account = metered.accounts(&[mint]).await.doing("reading the settlement mint")?;
                // Decimals are in the same place of both token programs' mints.
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
        let owners = owners(&options.community.generation_wh());
        let creator = owners[0].0;
        if state.market.is_none() {
            let bus_seq = 0;
            let bus = address::bus(&members[creator].wallet.address(), bus_seq);
            let bus_is_created = false;
            state.market =
                Some(Settlement { bus, bus_seq, mint, token_program, mint_decimals, mint_is_own, bus_is_created });
        }
        let bus = state.market.as_ref().map_or(Address::default(), |market| market.bus);
        let wall_milliseconds_before = state.wall_milliseconds;
        let world = World { options, market, funder, members, member_of, owners, bus, mint };
        Ok(Self {
            world,
            meter,
            state,
            sellers: HashMap::new(),
            progress,
            started_at: Instant::now(),
            wall_milliseconds_before,
        })
    }

    fn tell(&mut self, stage: Stage, done: usize, total: usize, detail: impl Into<String>) {
        (self.progress)(&Progress { stage, done: done as u64, total: total as u64, detail: detail.into() });
    }

    fn chain(&self) -> &Arc<dyn Chain> {
        self.world.market.chain()
    }

    fn settlement(&self) -> Result<Settlement, ReplayError> {
        self.state.market.ok_or_else(|| ReplayError::State("the state names no bus; start anew".into()))
    }

    /// Keeps the state, where it is to be kept.
    fn save(&mut self) -> Result<(), ReplayError> {
        self.state.tally = self.meter.tally();
        self.state.wall_milliseconds = self.wall_milliseconds_before + self.started_at.elapsed().as_millis() as u64;
        match &self.world.options.state {
            Some(path) => self.state.save(path),
            None => Ok(()),
        }
    }

    /// Everything up to the report.
    async fn go(&mut self) -> Result<(), ReplayError> {
        if self.world.options.resume {
            self.resume().await?;
        }
        self.state.is_clean = false;
        self.save()?;
        if !self.state.is_funded || !self.settlement()?.bus_is_created {
            self.set_up().await?;
        }
        let total = self.world.options.community.intervals.len();
        let started_at = Instant::now();
        let first = self.state.completed;
        while self.state.completed < total && !self.world.is_cancelled() {
            let interval = self.state.completed;
            self.pace(interval - first, started_at).await;
            self.trade_interval(interval).await?;
            self.save()?;
            if let Some(result) = self.state.intervals.last().filter(|_| self.state.completed > interval) {
                let detail = format!("{}: {} Wh traded", result.interval_start, result.traded_wh);
                self.tell(Stage::Trading, interval + 1, total, detail);
            }
        }
        if self.state.completed == total && !self.world.is_cancelled() {
            self.close_all().await?;
            self.claim().await?;
        }
        Ok(())
    }

    /// Waits until an interval is due at the wanted speed.
    async fn pace(&self, intervals: usize, started_at: Instant) {
        let Some(speed) = self.world.options.speed else { return };
        let seconds = intervals as u64 * u64::from(self.world.options.community.interval_seconds);
        let due = Duration::from_millis(seconds * 1_000 / u64::from(speed));
        while started_at.elapsed() < due && !self.world.is_cancelled() {
            sleep((due - started_at.elapsed()).min(Duration::from_millis(100))).await;
        }
    }

    /// Finds out on the chain what happened since the state was written.
    async fn resume(&mut self) -> Result<(), ReplayError> {
        let settlement = self.settlement()?;
        if settlement.bus_is_created
            && let Err(Error::NotFound { .. }) = self.world.market.bus(&settlement.bus).await
        {
            return Err(ReplayError::State(if self.chain().is_embedded() {
                "the embedded chain of this state ended with its process; to resume, replay on a chain that lasts, with \
                 --url"
                    .into()
            } else {
                format!("the bus {} of the state is not on {}; resume on its chain", settlement.bus, self.state.chain)
            }));
        }
        if !self.state.is_clean && !self.chain().is_embedded() {
            // What was signed before can land until its blockhash expires. None is younger than the latest one.
            let latest = self.chain().latest_blockhash().await.doing("asking for the latest block")?;
            let over = latest.last_valid_block_height + 150;
            loop {
                let now = self.chain().latest_blockhash().await.doing("asking for the latest block")?;
                if now.last_valid_block_height > over || self.world.is_cancelled() {
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
        for member in 0..self.world.members.len() {
            let wallet = self.world.members[member].wallet.address();
            for lane in self.world.market.traders(&wallet).await.doing("reading nonce lanes")? {
                let record = self.lane(member, &lane);
                if lane.next_nonce > record.next_nonce {
                    let missing =
                        self.world.purchases_since(member, lane.lane, record.next_nonce, lane.next_nonce).await?;
                    missing.into_iter().try_for_each(|purchase| self.book(purchase))?;
                }
            }
        }
        // Locks: those on chain are open; those that are gone and were not settled were released.
        let on_chain = self.open_locks().await?;
        let Some(current) = &mut self.state.current else { return Ok(()) };
        let known = std::mem::take(&mut current.locks);
        current.locks = on_chain
            .iter()
            .map(|lock| {
                let before = known.iter().find(|known| known.lock == lock.lock);
                OpenLock { is_to_release: before.is_some_and(|known| known.is_to_release), ..*lock }
            })
            .collect();
        current.result.locks +=
            on_chain.iter().filter(|lock| known.iter().all(|known| known.lock != lock.lock)).count() as u64;
        for lock in
            known.iter().filter(|known| known.is_to_release && on_chain.iter().all(|lock| lock.lock != known.lock))
        {
            let fee = math::share_of(lock.deposit, self.world.options.lock_fee_bps);
            self.released(*lock, fee);
        }
        Ok(())
    }

    /// Locks of members on the bus.
    async fn open_locks(&self) -> Result<Vec<OpenLock>, ReplayError> {
        let filter = LockFilter { bus: Some(self.world.bus), ..LockFilter::default() };
        let locks = self.world.market.locks(&filter).await.doing("reading locks")?;
        Ok(locks
            .iter()
            .filter_map(|lock| {
                Some(OpenLock {
                    lock: lock.address,
                    offer: lock.offer,
                    buyer: *self.world.member_of.get(&lock.buyer)?,
                    energy_wh: lock.energy_wh,
                    deposit: lock.deposit,
                    is_to_release: false,
                })
            })
            .collect())
    }

    async fn know_sellers(&mut self, window_start: i64) -> Result<(), ReplayError> {
        self.sellers.clear();
        for offer in self.world.offers(window_start).await.doing("reading offers")? {
            if let Some(seller) = self.world.lister(&offer) {
                self.sellers.insert(offer.address, seller);
            }
        }
        Ok(())
    }

    /// What is known of a lane; a new one starts at its first nonce.
    fn lane(&mut self, member: usize, trader: &Trader) -> LaneRecord {
        *self.state.lanes.entry(lane_key(member, trader.lane)).or_insert(LaneRecord {
            first_nonce: trader.first_nonce,
            next_nonce: trader.first_nonce,
            ..LaneRecord::default()
        })
    }

    /// Token, wallets and bus. Does only what is not there yet.
    async fn set_up(&mut self) -> Result<(), ReplayError> {
        const STEPS: usize = 4;
        let settlement = self.settlement()?;
        let community = self.world.options.community.clone();
        let steps = STEPS + community.members.len().div_ceil(FUNDED_AT_ONCE);
        self.tell(Stage::Funding, 0, steps, "reckoning what is needed");
        let clock = self.chain().clock().await.doing("asking for the time")?;
        if !self.chain().is_embedded() {
            Schedule::starting_at(clock.unix_timestamp, community.interval_seconds)
                .validate_horizon(community.intervals.len(), clock.unix_timestamp)
                .map_err(ReplayError::Options)?;
        }
        let tokens = self.tokens_needed()?;
        let lamports = self.lamports_needed().await?;
        let creator = self.world.owners[0].0;

        self.check_funder_tokens(&tokens).await?;
        self.fund_funder(&lamports).await?;
        self.tell(Stage::Funding, 1, steps, "the funding wallet is ready");
        let mint = &[settlement.mint];
        if settlement.mint_is_own && self.chain().accounts(mint).await.doing("reading the mint")?[0].is_none() {
            let funder = &self.world.funder;
            let rent = self.chain().minimum_rent(MINT_LEN).await.doing("asking for the rent")?;
            let authority = funder.address();
            let key: SharedSigner = Arc::new(self.state.mint_key());
            let instructions = create_mint(&authority, &mint[0], &authority, MINT_DECIMALS, &SPL_TOKEN_ID, rent)
                .doing("making the token")?;
            funder.send_with(&[key], &instructions, &[]).await.doing("making the token")?;
        }
        self.tell(Stage::Funding, 2, steps, "the token is there");
        self.state.funded_base_units.clone_from(&tokens);
        self.save()?;
        let numbers: Vec<usize> = (0..community.members.len()).collect();
        for (step, numbers) in numbers.chunks(FUNDED_AT_ONCE).enumerate() {
            self.fund_members(numbers, &tokens, &lamports).await?;
            self.tell(
                Stage::Funding,
                3 + step,
                steps,
                format!("{} members have money", numbers[numbers.len() - 1] + 1),
            );
        }
        self.state.is_funded = true;
        self.save()?;
        if let Err(Error::NotFound { .. }) = self.world.market.bus(&settlement.bus).await {
            let config = self.bus_config();
            let wallet = &self.world.members[creator].wallet;
            let instruction =
                bus_create(&wallet.address(), settlement.bus_seq, &settlement.mint, &settlement.token_program, config);
            wallet.send(&[instruction]).await.doing("creating the bus")?;
        }
        for &(member, share_bps) in &self.world.owners {
            self.state.members[member].share_bps = share_bps;
        }
        if let Some(market) = &mut self.state.market {
            market.bus_is_created = true;
        }
        self.tell(Stage::Funding, steps, steps, "the bus is there");
        self.save()
    }

    fn bus_config(&self) -> BusConfig {
        let options = &self.world.options;
        let community = &options.community;
        let generation = community.generation_wh();
        let sellers = generation.iter().filter(|generation| **generation > 0).count();
        let most_surplus = community.intervals.iter().map(|interval| interval.surplus_wh()).max().unwrap_or(0);
        let name = options.bus_name.clone().unwrap_or_else(|| bus_name(&options.file));
        BusConfig {
            name,
            owners: (self.world.owners.iter())
                .map(|&(member, share_bps)| OwnerShare {
                    owner: self.world.members[member].wallet.address(),
                    share_bps,
                })
                .collect(),
            threshold: 1,
            pause_quorum: 0,
            listing_policy: if sellers > MAX_OWNERS { ListingPolicy::Open } else { ListingPolicy::OwnersOnly } as u8,
            lock_fee_bps: options.lock_fee_bps,
            timelock_seconds: 0,
            window_seconds: community.interval_seconds,
            gate_closure_seconds: 0,
            capacity_wh: most_surplus.max(1),
            base_price_per_kwh: options.price_rule.floor_per_kwh,
        }
    }

    /// Tokens that each member may need: all that it wants at the highest price, rounded up for every fill, and fees of
    /// locks. In base units.
    fn tokens_needed(&self) -> Result<Vec<u64>, ReplayError> {
        let options = &self.world.options;
        let ceiling = options.price_rule.ceiling_per_kwh;
        let mut total = 0u64;
        let fills = options.community.intervals.len() as u64 * options.community.members.len() as u64;
        options
            .community
            .deficits_wh()
            .iter()
            .zip(&options.community.members)
            .map(|(&deficit_wh, name)| {
                let needed = (|| {
                    if deficit_wh == 0 {
                        return Some(0);
                    }
                    let cost = math::cost(deficit_wh, ceiling)?;
                    let fees = math::share_of(cost, options.lock_fee_bps);
                    let needed = cost.checked_add(fees)?.checked_add(fills)?;
                    total = total.checked_add(needed)?;
                    Some(needed)
                })();
                needed.ok_or_else(|| {
                    ReplayError::Options(format!(
                        "{name} wants {deficit_wh} Wh at up to {ceiling} base units per kWh: with the other members that \
                         is more than 64 bits of money; choose a lower highest price"
                    ))
                })
            })
            .collect()
    }

    /// Lamports that each member needs, and last what the funder needs for itself.
    async fn lamports_needed(&self) -> Result<Vec<u64>, ReplayError> {
        let options = &self.world.options;
        let chain = self.chain();
        let rent = async |len: usize| chain.minimum_rent(len).await.doing("asking for the rent");
        let account = async |len: usize| rent(len + DISCRIMINATOR_LEN).await;
        let intervals = options.community.intervals.len() as u64;
        let priority = match options.transaction_options.priority_fee {
            PriorityFee::None => 0,
            PriorityFee::Fixed(micro_lamports) => micro_lamports.saturating_mul(200_000) / 1_000_000,
            PriorityFee::Percentile(_) => 50_000,
        };
        let fees = (intervals + 4) * TRANSACTIONS_PER_INTERVAL * (SIGNATURE_LAMPORTS + priority);
        let schedule = Schedule::starting_at(0, options.community.interval_seconds);
        // Windows that are open at the same time: those between trade and end, or all where time does not pass.
        let waiting = schedule.lead_seconds() / i64::from(options.community.interval_seconds) + 3;
        let open = if chain.is_embedded() { (waiting as u64).min(intervals) } else { intervals };
        let empty = rent(0).await?;
        let seller_windows = if chain.is_embedded() { open } else { 2 };
        let member = empty
            + fees
            + u64::from(options.lanes) * account(size_of::<Trader>()).await?
            + seller_windows * account(size_of::<Offer>()).await?
            + 2 * account(size_of::<Lock>()).await?;
        let mut needed = vec![member; options.community.members.len()];
        let creator = self.world.owners[0].0;
        needed[creator] += account(size_of::<multibus::state::Bus>()).await?
            + account(size_of::<Capacity>()).await?
            + 2 * rent(TOKEN_ACCOUNT_LEN).await?;
        let members = needed.len() as u64;
        needed.push(
            empty
                + fees
                + members * (rent(TOKEN_ACCOUNT_LEN).await? + 4 * (SIGNATURE_LAMPORTS + priority))
                + rent(MINT_LEN).await?
                + open * account(size_of::<Capacity>()).await?,
        );
        Ok(needed)
    }

    async fn fund_funder(&self, lamports: &[u64]) -> Result<(), ReplayError> {
        let funder = self.world.funder.address();
        let needed: u64 = lamports.iter().sum();
        let balance = self.chain().accounts(&[funder]).await.doing("reading the funding wallet")?;
        let balance = balance[0].as_ref().map_or(0, |account| account.lamports);
        // What members have already is not needed again.
        let wallets: Vec<Address> = self.world.members.iter().map(|member| member.wallet.address()).collect();
        let given: u64 = self
            .chain()
            .accounts(&wallets)
            .await
            .doing("reading the members' wallets")?
            .iter()
            .zip(lamports)
            .map(|(account, needed)| account.as_ref().map_or(0, |account| account.lamports).min(*needed))
            .sum();
        let missing = needed.saturating_sub(balance).saturating_sub(given);
        if missing == 0 {
            return Ok(());
        }
        if self.world.options.funder.is_some() {
            return Err(ReplayError::Options(format!(
                "the funding wallet {funder} has {balance} lamports and the replay needs {needed}, most of which come \
                 back; send it {missing} more"
            )));
        }
        self.chain().airdrop(&funder, missing).await.doing(format_args!(
            "asking {} for an airdrop of {missing} lamports (on a network without airdrops, name a funding keypair)",
            self.state.chain
        ))
    }

    /// Refuses a funding wallet that does not hold the tokens that members need, before any is moved.
    async fn check_funder_tokens(&self, tokens: &[u64]) -> Result<(), ReplayError> {
        let settlement = self.settlement()?;
        if settlement.mint_is_own {
            return Ok(());
        }
        let funder = self.world.funder.address();
        let account = address::associated_token(&funder, &settlement.mint, &settlement.token_program);
        let mut accounts = vec![account];
        accounts.extend(self.world.members.iter().map(|member| member.token_account));
        let mut held = 0u128;
        let found = self.chain().accounts(&accounts).await.doing("reading token accounts")?;
        for (address, _) in accounts.iter().zip(&found).filter(|(_, account)| account.is_some()) {
            held += u128::from(self.world.market.token_balance(address).await.doing("reading token accounts")?);
        }
        let needed: u128 = tokens.iter().map(|tokens| u128::from(*tokens)).sum();
        if held >= needed {
            return Ok(());
        }
        Err(ReplayError::Options(format!(
            "the funding wallet {funder} holds {held} base units of {} and the replay needs {needed}, most of which come \
             back; send {} more to {account}",
            settlement.mint,
            needed - held
        )))
    }

    /// Gives members the tokens and lamports that they lack.
    async fn fund_members(&self, numbers: &[usize], tokens: &[u64], lamports: &[u64]) -> Result<(), ReplayError> {
        let doing = "funding members";
        let settlement = self.settlement()?;
        let funder = self.world.funder.address();
        let funder_tokens = address::associated_token(&funder, &settlement.mint, &settlement.token_program);
        let mut instructions = Vec::new();
        for &number in numbers {
            let Member { wallet, token_account } = &self.world.members[number];
            let address = wallet.address();
            let accounts = self.chain().accounts(&[address, *token_account]).await.doing(doing)?;
            let has_lamports = accounts[0].as_ref().map_or(0, |account| account.lamports);
            let missing = lamports[number].saturating_sub(has_lamports);
            if missing > 0 {
                instructions.push(solana_system_interface::instruction::transfer(&funder, &address, missing));
            }
            let mut has_tokens = 0;
            if accounts[1].is_some() {
                has_tokens = self.world.market.token_balance(token_account).await.doing(doing)?;
            } else {
                instructions.push(create_associated_token(
                    &funder,
                    &address,
                    &settlement.mint,
                    &settlement.token_program,
                ));
            }
            let missing = tokens[number].saturating_sub(has_tokens);
            if missing > 0 && settlement.mint_is_own {
                instructions.push(
                    mint_to(&settlement.mint, token_account, &funder, missing, &settlement.token_program)
                        .doing(doing)?,
                );
            } else if missing > 0 {
                instructions.push(transfer_tokens(&settlement, &funder_tokens, token_account, &funder, missing)?);
            }
        }
        if instructions.is_empty() {
            return Ok(());
        }
        self.world.funder.send(&instructions).await.doing(doing)?;
        Ok(())
    }

    /// One interval, from its offers to the last Wh.
    async fn trade_interval(&mut self, interval: usize) -> Result<(), ReplayError> {
        let clock = self.chain().clock().await.doing("asking for the time")?;
        let window_seconds = self.world.options.community.interval_seconds;
        let schedule =
            *self.state.schedule.get_or_insert_with(|| Schedule::starting_at(clock.unix_timestamp, window_seconds));
        let mut now = clock.unix_timestamp;
        if self.chain().is_embedded() {
            now = self.chain().wait_until(schedule.trade_at(interval)).await.doing("moving the clock")?.unix_timestamp;
        }
        self.close_past(now).await?;
        let window_start = match &self.state.current {
            Some(current) if schedule.is_tradable(interval, now) => current.window_start,
            Some(_) => self.go_on_later(interval, now).await?,
            None => {
                if !schedule.is_tradable(interval, now)
                    && let Some(schedule) = &mut self.state.schedule
                {
                    schedule.move_to(interval, now);
                }
                let window_start = self.state.schedule.unwrap_or(schedule).window_start(interval);
                self.begin(interval, window_start).await?;
                window_start
            }
        };
        self.list(interval, window_start).await?;
        if self.world.is_cancelled() {
            return Ok(());
        }
        self.lock(interval, window_start).await?;
        self.trade(interval, window_start).await?;
        if self.world.is_cancelled() {
            return Ok(());
        }
        self.complete(interval, window_start).await
    }

    async fn begin(&mut self, interval: usize, window_start: i64) -> Result<(), ReplayError> {
        let data = &self.world.options.community.intervals[interval];
        let result = IntervalResult {
            interval_start: data.label.clone(),
            local_start: data.local_start,
            window_start,
            surplus_wh: data.surplus_wh(),
            deficit_wh: data.deficit_wh(),
            ..IntervalResult::default()
        };
        let bought_before_wh = self.state.members.iter().map(|member| member.bought_wh).collect();
        let sold_before_wh = self.state.members.iter().map(|member| member.sold_wh).collect();
        self.state.current =
            Some(Current { window_start, bought_before_wh, sold_before_wh, locks: Vec::new(), result });
        self.save()
    }

    /// An interval was interrupted until its window closed: what is left of it is traded in a later one.
    async fn go_on_later(&mut self, interval: usize, now: i64) -> Result<i64, ReplayError> {
        let Some(current) = &mut self.state.current else {
            return Err(ReplayError::State("the state has no interval to go on with; start anew".into()));
        };
        let before = current.window_start;
        // They have expired, or would soon.
        current.locks.iter_mut().for_each(|lock| lock.is_to_release = true);
        self.end_locks().await?;
        let traded_wh = self.state.current.as_ref().map_or(0, |current| current.result.traded_wh);
        for window in self.state.windows.iter_mut().filter(|window| window.window_start == before) {
            window.sold_until_wh = Some(traded_wh);
        }
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

    /// Members with a surplus list it.
    async fn list(&mut self, interval: usize, window_start: i64) -> Result<(), ReplayError> {
        let data = &self.world.options.community.intervals[interval];
        let (surplus_wh, deficit_wh) = (data.surplus_wh(), data.deficit_wh());
        if surplus_wh == 0 {
            self.sellers.clear();
            return Ok(());
        }
        let Some(current) = &self.state.current else { return Ok(()) };
        if self.state.windows.iter().all(|window| window.window_start != window_start) {
            let sold_before_wh = current.result.traded_wh;
            self.state.windows.push(Window {
                interval,
                window_start,
                sold_before_wh,
                sold_until_wh: None,
                is_withdrawn: false,
            });
        }
        let bus = self.world.bus;
        if self.world.market.find_capacity(&bus, window_start).await.doing("reading the window")?.is_none() {
            self.world.funder.capacity_open(&bus, window_start).await.doing("opening the window")?;
        }
        let offers = self.world.offers(window_start).await.doing("reading offers")?;
        let listed: Vec<usize> = offers.iter().filter_map(|offer| self.world.lister(offer)).collect();
        let (world, options) = (&self.world, &self.world.options);
        let Some(current) = &self.state.current else { return Ok(()) };
        let tasks = data.readings.iter().filter_map(|reading| {
            let seller = reading.member;
            let sold_wh = self.state.members[seller].sold_wh - current.sold_before_wh[seller];
            let left_wh = reading.surplus_wh().saturating_sub(sold_wh);
            if left_wh == 0 || listed.contains(&seller) {
                return None;
            }
            let draw = Draw::new(options.seed, "price", interval, seller);
            let price = options.price_rule.ask(surplus_wh, deficit_wh, draw);
            Some(world.list(seller, window_start, left_wh, price))
        });
        let (_, failed) = world.each(tasks).await;
        self.know_sellers(window_start).await?;
        let offers = self.sellers.len() as u64;
        if let Some(current) = &mut self.state.current {
            current.result.offers_created = offers;
        }
        failed.map_or(Ok(()), Err)
    }

    /// What each member still wants in the interval, in Wh, in an order drawn for each interval.
    fn wanted(&self, interval: usize) -> Vec<(usize, u64)> {
        let Some(current) = &self.state.current else { return Vec::new() };
        let mut locked = HashMap::new();
        for lock in current.locks.iter().filter(|lock| !lock.is_to_release) {
            *locked.entry(lock.buyer).or_insert(0u64) += lock.energy_wh;
        }
        let data = &self.world.options.community.intervals[interval];
        let mut wanted: Vec<(usize, u64)> = data
            .readings
            .iter()
            .filter(|reading| reading.deficit_wh() > 0)
            .filter_map(|reading| {
                let buyer = reading.member;
                let bought = self.state.members[buyer].bought_wh - current.bought_before_wh[buyer];
                let covered = bought + locked.get(&buyer).copied().unwrap_or(0);
                Some((buyer, reading.deficit_wh().saturating_sub(covered))).filter(|(_, wanted)| *wanted > 0)
            })
            .collect();
        // Nobody is always first.
        wanted.sort_by_key(|(buyer, _)| (Draw::new(self.world.options.seed, "order", interval, *buyer), *buyer));
        wanted
    }

    /// Some buyers lock half of what they want.
    async fn lock(&mut self, interval: usize, window_start: i64) -> Result<(), ReplayError> {
        if self.sellers.is_empty() || self.state.current.as_ref().is_some_and(|current| current.result.purchases > 0) {
            return Ok(());
        }
        let options = &self.world.options;
        let holders: Vec<usize> =
            self.state.current.iter().flat_map(|current| current.locks.iter().map(|lock| lock.buyer)).collect();
        let world = &self.world;
        let tasks = self
            .wanted(interval)
            .into_iter()
            .filter(|(buyer, wanted)| {
                *wanted > 1
                    && !holders.contains(buyer)
                    && Draw::new(options.seed, "lock", interval, *buyer).chance(options.lock_percent)
            })
            .map(|(buyer, wanted)| world.lock(buyer, window_start, wanted / 2));
        let (locks, failed) = world.each(tasks).await;
        let seed = self.world.options.seed;
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

    /// Buyers buy until either side is used up; locks are settled or released on the way.
    async fn trade(&mut self, interval: usize, window_start: i64) -> Result<(), ReplayError> {
        if self.sellers.is_empty() {
            return Ok(());
        }
        let mut fruitless = 0;
        let mut round = 0;
        loop {
            if self.world.is_cancelled() {
                return Ok(());
            }
            // Who gives up a lock stands back in the first round, so that the energy goes to someone else who wants it.
            let releasers: Vec<usize> = self
                .state
                .current
                .iter()
                .flat_map(|current| &current.locks)
                .filter(|lock| lock.is_to_release)
                .map(|lock| lock.buyer)
                .collect();
            let wanted = self.wanted(interval);
            let buyers: Vec<(usize, u64)> = match round {
                0 => wanted.iter().filter(|(buyer, _)| !releasers.contains(buyer)).copied().collect(),
                _ => wanted.clone(),
            };
            round += 1;
            let world = &self.world;
            let free_wh: u128 = world
                .book(window_start)
                .await
                .doing("reading offers")?
                .iter()
                .map(|offer| u128::from(offer.free_wh()))
                .sum();
            let mut sold = false;
            if free_wh > 0 && !buyers.is_empty() {
                let tasks = buyers.iter().map(|&(buyer, wanted_wh)| world.buy(buyer, window_start, wanted_wh));
                let (purchases, failed) = world.each(tasks).await;
                for purchase in purchases.into_iter().flatten() {
                    sold = true;
                    self.book(purchase)?;
                }
                if let Some(error) = failed {
                    return Err(error);
                }
            }
            let ended = self.end_locks().await?;
            if self.world.is_cancelled() {
                return Ok(());
            }
            let over = self.state.current.as_ref().is_none_or(|current| current.locks.is_empty());
            if over && ended == 0 && round > 1 && (free_wh == 0 || wanted.is_empty()) {
                return Ok(());
            }
            fruitless = if sold || ended > 0 { 0 } else { fruitless + 1 };
            if fruitless > FRUITLESS_ROUNDS {
                return Err(ReplayError::Stuck(format!(
                    "interval {interval}: {free_wh} Wh are free and {} members want energy, yet nothing is sold; \
                     someone else may be trading on this bus",
                    wanted.len()
                )));
            }
        }
    }

    /// Settles and releases all locks; returns how many.
    async fn end_locks(&mut self) -> Result<usize, ReplayError> {
        let Some(current) = &self.state.current else { return Ok(0) };
        let world = &self.world;
        let tasks = current.locks.iter().map(|lock| world.end_lock(*lock));
        let (ends, failed) = world.each(tasks).await;
        let count = ends.len();
        for (lock, end) in ends {
            match end {
                LockEnd::Settled(purchase) => {
                    self.state.locks_settled += 1;
                    self.book(purchase)?;
                }
                LockEnd::Released { fee_base_units } => self.released(lock, fee_base_units),
            }
            if let Some(current) = &mut self.state.current {
                current.locks.retain(|open| open.lock != lock.lock);
            }
        }
        failed.map_or(Ok(count), Err)
    }

    fn released(&mut self, lock: OpenLock, fee_base_units: u64) {
        self.state.locks_released += 1;
        self.state.members[lock.buyer].lock_fees_paid_base_units += fee_base_units;
        if let Some(&seller) = self.sellers.get(&lock.offer) {
            self.state.members[seller].lock_fees_earned_base_units += fee_base_units;
        }
        if let Some(current) = &mut self.state.current {
            current.result.locks_released += 1;
        }
    }

    /// Enters a purchase, once.
    fn book(&mut self, purchase: MemberPurchase) -> Result<(), ReplayError> {
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
        self.state.members[buyer].bought_wh += energy_wh;
        self.state.members[buyer].paid_base_units += paid_base_units;
        for fill in &fills {
            let Some(&seller) = self.sellers.get(&fill.offer) else { continue };
            self.state.members[seller].sold_wh += fill.energy_wh;
            self.state.members[seller].earned_base_units += fill.cost;
            let flow = self.state.flow(seller, buyer);
            flow.energy_wh += fill.energy_wh;
            flow.paid_base_units += fill.cost;
        }
        let Some(Current { result, .. }) = &mut self.state.current else { return Ok(()) };
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
        Ok(())
    }

    /// Checks the interval against the chain and ends it.
    async fn complete(&mut self, interval: usize, window_start: i64) -> Result<(), ReplayError> {
        if let Some(window) = self.state.windows.iter().find(|window| window.window_start == window_start) {
            let violations = check::interval(&self.world, window).await?;
            self.state.violations.extend(violations);
        }
        let Some(mut current) = self.state.current.take() else { return Ok(()) };
        current.result.is_complete = true;
        let data = &self.world.options.community.intervals[interval];
        for reading in &data.readings {
            let member = &mut self.state.members[reading.member];
            member.load_wh += reading.load_wh;
            member.generation_wh += reading.generation_wh;
            member.own_use_wh += reading.load_wh.min(reading.generation_wh);
            member.deficit_wh += reading.deficit_wh();
            member.offered_wh += reading.surplus_wh();
        }
        self.state.intervals.push(current.result);
        self.state.completed = interval + 1;
        if !self.chain().is_embedded() {
            // Time does not pass for the replay: sellers withdraw at once.
            self.withdraw(window_start).await?;
        }
        Ok(())
    }

    /// Withdraws offers of windows that have closed and closes windows that are over.
    async fn close_past(&mut self, now: i64) -> Result<(), ReplayError> {
        let length = i64::from(self.world.options.community.interval_seconds);
        for window in self.state.windows.clone() {
            if self.world.is_cancelled() {
                return Ok(());
            }
            let is_current =
                self.state.current.as_ref().is_some_and(|current| current.window_start == window.window_start);
            if is_current {
                continue;
            }
            let is_withdrawn =
                window.is_withdrawn || window.window_start <= now && self.withdraw(window.window_start).await?;
            if is_withdrawn && window.window_start + length <= now {
                self.close_window(window).await?;
            }
        }
        Ok(())
    }

    /// Withdraws what a window's offers have not sold and closes them; tells whether all of them are closed.
    async fn withdraw(&mut self, window_start: i64) -> Result<bool, ReplayError> {
        let place = self.state.windows.iter().position(|window| window.window_start == window_start);
        let Some(window) = place.filter(|place| !self.state.windows[*place].is_withdrawn) else {
            return Ok(true);
        };
        let offers = self.world.offers(window_start).await.doing("reading offers")?;
        let world = &self.world;
        let (_, failed) = world.each(offers.iter().map(|offer| world.withdraw(offer))).await;
        if let Some(error) = failed {
            return Err(error);
        }
        if self.world.is_cancelled() {
            return Ok(false);
        }
        let interval = self.state.windows[window].interval;
        let found = check::withdrawn(&self.world, &self.state.windows[window]).await?;
        if let (Some(result), Some(withdrawn_wh)) = (self.state.intervals.get_mut(interval), found.withdrawn_wh) {
            result.withdrawn_wh = withdrawn_wh;
        }
        self.state.violations.extend(found.violations);
        self.state.windows[window].is_withdrawn = true;
        self.save()?;
        Ok(true)
    }

    async fn close_window(&mut self, window: Window) -> Result<(), ReplayError> {
        let bus = self.world.bus;
        match self.world.funder.capacity_close(&bus, window.window_start).await {
            Ok(_) | Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error).doing("closing a window"),
        }
        self.state.windows.retain(|open| open.window_start != window.window_start);
        Ok(())
    }

    /// Withdraws and closes what is left: all on a chain whose time can be moved, what is over on any other.
    async fn close_all(&mut self) -> Result<(), ReplayError> {
        let total = self.state.windows.len();
        self.tell(Stage::Closing, 0, total, "withdrawing what was not sold");
        let length = i64::from(self.world.options.community.interval_seconds);
        let last = self.state.windows.iter().map(|window| window.window_start).max();
        if let (Some(last), true) = (last, self.chain().is_embedded()) {
            self.chain().wait_until(last + length).await.doing("moving the clock")?;
        }
        let now = self.chain().clock().await.doing("asking for the time")?.unix_timestamp;
        self.close_past(now).await?;
        self.save()?;
        self.tell(Stage::Closing, total - self.state.windows.len(), total, "windows are closed");
        Ok(())
    }

    /// Every owner claims its share of what the bus sold. What was claimed before is not claimable again.
    async fn claim(&mut self) -> Result<(), ReplayError> {
        if !self.world.options.co_owned || self.state.is_swept {
            return Ok(());
        }
        let owners = treasury::claimers(&self.world).await?;
        let total = owners.len();
        self.tell(Stage::Claiming, 0, total, "owners claim their shares");
        let world = &self.world;
        let (claims, failed) = world.each(owners.into_iter().map(|owner| treasury::claim(world, owner))).await;
        self.tell(Stage::Claiming, claims.len(), total, "owners have claimed their shares");
        failed.map_or(Ok(()), Err)
    }

    /// The report, with everything compared with the chain.
    async fn report(mut self) -> Result<ReplayReport, ReplayError> {
        let total = self.world.options.community.intervals.len();
        self.tell(Stage::Checking, 0, 1, "comparing chain and file");
        let settlement = self.settlement()?;
        let treasury = match settlement.bus_is_created && self.world.options.co_owned {
            true => Some(treasury::result(&self.world, &self.state.members).await?),
            false => None,
        };
        let (invariants, violations) = if settlement.bus_is_created {
            check::all(&self.world, &self.state, &settlement, treasury.as_ref()).await?
        } else {
            Default::default()
        };
        let is_embedded = self.chain().is_embedded();
        let is_claimed =
            self.state.is_swept || treasury.as_ref().is_none_or(|treasury| treasury.claimable_base_units == 0);
        let is_over = self.state.completed == total
            && is_claimed
            && self.state.windows.iter().all(|window| window.is_withdrawn && !is_embedded);
        if is_over && !self.state.is_swept && self.world.options.funder.is_some() && violations.is_empty() {
            self.state.invariants.clone_from(&invariants);
            self.sweep(&settlement).await?;
        }
        self.save()?;
        self.tell(Stage::Checking, 1, 1, "done");
        let options = &self.world.options;
        let State { mut intervals, current, members, flows, .. } = self.state.clone();
        let mut members = members;
        if let Some(current) = current {
            // An interval that was interrupted counts with what it traded.
            for reading in &options.community.intervals[self.state.completed].readings {
                let member: &mut MemberResult = &mut members[reading.member];
                member.load_wh += reading.load_wh;
                member.generation_wh += reading.generation_wh;
                member.own_use_wh += reading.load_wh.min(reading.generation_wh);
                member.deficit_wh += reading.deficit_wh();
                member.offered_wh += reading.surplus_wh();
            }
            intervals.push(current.result);
        }
        let sum = |figure: fn(&IntervalResult) -> u64| -> u64 { intervals.iter().map(figure).sum() };
        let member_sum = |figure: fn(&MemberResult) -> u64| -> u64 { members.iter().map(figure).sum() };
        let (traded_wh, paid_base_units) = (sum(|i| i.traded_wh), sum(|i| i.paid_base_units));
        let tally = self.meter.tally();
        let wall_milliseconds = self.state.wall_milliseconds;
        Ok(ReplayReport {
            file: options.file.clone(),
            chain: self.state.chain.clone(),
            bus: settlement.bus.to_string(),
            mint: settlement.mint.to_string(),
            mint_decimals: settlement.mint_decimals,
            currency: if settlement.mint_is_own { "test USD" } else { "tokens" }.into(),
            seed: options.seed,
            price_rule: options.price_rule.to_string(),
            price_floor_per_kwh: options.price_rule.floor_per_kwh,
            price_ceiling_per_kwh: options.price_rule.ceiling_per_kwh,
            interrupted: !is_over,
            members: members.len() as u64,
            intervals: intervals.len() as u64,
            intervals_in_file: total as u64,
            interval_seconds: options.community.interval_seconds,
            load_wh: member_sum(|m| m.load_wh),
            generation_wh: member_sum(|m| m.generation_wh),
            surplus_wh: sum(|i| i.surplus_wh),
            deficit_wh: sum(|i| i.deficit_wh),
            tradable_wh: sum(IntervalResult::tradable_wh),
            traded_wh,
            withdrawn_wh: sum(|i| i.withdrawn_wh),
            offers_created: sum(|i| i.offers_created),
            purchases: sum(|i| i.purchases),
            batches: sum(|i| i.batches),
            locks: sum(|i| i.locks),
            locks_settled: self.state.locks_settled,
            locks_released: self.state.locks_released,
            paid_base_units,
            lock_fees_base_units: member_sum(|m| m.lock_fees_paid_base_units),
            average_price_per_kwh: PriceFraction::new(paid_base_units, traded_wh),
            transactions_sent: tally.sent,
            transactions_landed: tally.landed,
            transactions_failed: tally.failed,
            transactions_retried: tally.retried,
            fees_lamports: tally.fees_lamports,
            compute_units: tally.compute_units(),
            latency_microseconds: super::report::Spread::of(&tally.latency_microseconds),
            latency_histogram: tally.latency_histogram(),
            wall_seconds: wall_milliseconds.div_ceil(1_000),
            wall_milliseconds,
            invariants,
            violations,
            windows_open: self.state.windows.len() as u64,
            treasury,
            member_results: members,
            interval_results: intervals,
            flows,
        })
    }

    /// Gives what is left back to the funder: tokens, lamports, the rent of lanes and token accounts.
    async fn sweep(&mut self, settlement: &Settlement) -> Result<(), ReplayError> {
        let doing = "returning what is left to the funding wallet";
        let funder = self.world.funder.address();
        let funder_tokens = address::associated_token(&funder, &settlement.mint, &settlement.token_program);
        let create = create_associated_token(&funder, &funder, &settlement.mint, &settlement.token_program);
        self.world.funder.send(&[create]).await.doing(doing)?;
        for Member { wallet, token_account } in &self.world.members {
            for lane in self.world.market.traders(&wallet.address()).await.doing(doing)? {
                wallet.trader_close(lane.lane).await.doing(doing)?;
            }
            let accounts = self.chain().accounts(&[wallet.address(), *token_account]).await.doing(doing)?;
            let lamports = accounts[0].as_ref().map_or(0, |account| account.lamports);
            let mut instructions = Vec::new();
            if accounts[1].is_some() {
                let balance = self.world.market.token_balance(token_account).await.doing(doing)?;
                if balance > 0 {
                    instructions.push(transfer_tokens(
                        settlement,
                        token_account,
                        &funder_tokens,
                        &wallet.address(),
                        balance,
                    )?);
                }
                instructions.push(close_tokens(settlement, token_account, &funder, &wallet.address())?);
            }
            if lamports > 0 {
                instructions.push(solana_system_interface::instruction::transfer(&wallet.address(), &funder, lamports));
            }
            if !instructions.is_empty() {
                self.world.funder.send_with(&[wallet.signer().clone()], &instructions, &[]).await.doing(doing)?;
            }
        }
        self.state.is_swept = true;
        Ok(())
    }
}

/// Takes the keys from the seed, so that the same replay is the same again; the next ones where a chain that was kept
/// has seen these before.
async fn seed_secret(state: &mut State, options: &ReplayOptions, chain: &dyn Chain) -> Result<(), ReplayError> {
    for run in 0u64.. {
        let [seed, run] = [options.seed, run].map(u64::to_le_bytes);
        state.secret = hashv(&[b"multibus:replay:seed", &seed, &run]).to_bytes();
        let creator = owners(&options.community.generation_wh())[0].0;
        let bus = address::bus(&state.member_key(creator).pubkey(), 0);
        let keys = [state.funder_key(), state.mint_key(), state.member_key(0)].map(|key| key.pubkey());
        let seen = chain.accounts(&[bus, keys[0], keys[1], keys[2]]).await.doing("looking for old keys")?;
        if seen.iter().all(Option::is_none) {
            break;
        }
    }
    Ok(())
}

/// `member/lane`.
pub(super) fn lane_key(member: usize, lane: u16) -> String {
    format!("{member}/{lane}")
}

/// Owners of the bus and their shares: the members that generate, in proportion to what they generate, the 16 largest
/// where there are more; the first member where nobody does. Shares sum to 10,000 basis points: what rounding leaves
/// goes to the largest remainders. The largest generator comes first.
fn owners(generation_wh: &[u64]) -> Vec<(usize, u16)> {
    let mut order: Vec<usize> = (0..generation_wh.len()).filter(|&member| generation_wh[member] > 0).collect();
    order.sort_by_key(|&member| (std::cmp::Reverse(generation_wh[member]), member));
    order.truncate(MAX_OWNERS);
    if order.is_empty() {
        return vec![(0, FULL_SHARE_BPS)];
    }
    let total: u128 = order.iter().map(|&member| u128::from(generation_wh[member])).sum();
    let exact = |member: usize| u128::from(generation_wh[member]) * u128::from(FULL_SHARE_BPS);
    let mut shares: Vec<(usize, u16)> = order.iter().map(|&member| (member, (exact(member) / total) as u16)).collect();
    let given: u16 = shares.iter().map(|(_, share)| share).sum();
    let mut by_remainder: Vec<usize> = (0..shares.len()).collect();
    by_remainder.sort_by_key(|&index| (std::cmp::Reverse(exact(shares[index].0) % total), index));
    for index in by_remainder.into_iter().take(usize::from(FULL_SHARE_BPS - given)) {
        shares[index].1 += 1;
    }
    shares
}

/// The file's name without folder, ending, control characters and hidden ones, as long as a bus's name can be.
fn bus_name(file: &str) -> String {
    let stem = std::path::Path::new(file).file_stem().and_then(|stem| stem.to_str()).unwrap_or("");
    let mut name = String::new();
    for character in stem.chars().filter(|character| !is_hidden(*character)) {
        if name.len() + character.len_utf8() > MAX_NAME_LEN {
            break;
        }
        name.push(character);
    }
    if name.is_empty() { "replay".into() } else { name }
}

fn token_error(error: impl std::fmt::Display) -> ReplayError {
    ReplayError::Options(format!("the tokens cannot be moved: {error}"))
}

fn transfer_tokens(
    settlement: &Settlement,
    from: &Address,
    to: &Address,
    owner: &Address,
    amount: u64,
) -> Result<multibus_client::Instruction, ReplayError> {
    // The two token programs share the instructions of the older one.
    let mut instruction = spl_token_interface::instruction::transfer_checked(
        &SPL_TOKEN_ID,
        from,
        &settlement.mint,
        to,
        owner,
        &[],
        amount,
        settlement.mint_decimals,
    )
    .map_err(token_error)?;
    instruction.program_id = settlement.token_program;
    Ok(instruction)
}

fn close_tokens(
    settlement: &Settlement,
    account: &Address,
    to: &Address,
    owner: &Address,
) -> Result<multibus_client::Instruction, ReplayError> {
    let mut instruction =
        spl_token_interface::instruction::close_account(&SPL_TOKEN_ID, account, to, owner, &[]).map_err(token_error)?;
    instruction.program_id = settlement.token_program;
    Ok(instruction)
}

#[cfg(test)]
mod tests {
    use {super::*, proptest::prelude::*};

    #[test]
    fn names_of_buses_fit() {
        assert_eq!(bus_name("data/community-rural-2016.csv"), "community-rural-2016");
        assert_eq!(bus_name(""), "replay");
        assert_eq!(bus_name(&"ü".repeat(40)), "ü".repeat(16));
    }

    #[test]
    fn without_generators_the_first_member_owns_the_bus() {
        assert_eq!(owners(&[0, 0]), [(0, 10_000)]);
        assert_eq!(owners(&[0, 5]), [(1, 10_000)]);
        assert_eq!(owners(&[1, 1, 1]), [(0, 3_334), (1, 3_333), (2, 3_333)]);
    }

    proptest! {
        #[test]
        fn shares_sum_to_the_whole(generation in prop::collection::vec(0u64..2_000_000_000, 1..40)) {
            let owners = owners(&generation);
            prop_assert!(!owners.is_empty() && owners.len() <= MAX_OWNERS);
            prop_assert_eq!(owners.iter().map(|(_, share)| u32::from(*share)).sum::<u32>(), 10_000);
            let smallest = owners.iter().map(|(member, _)| generation[*member]).min().unwrap();
            let left_out = (0..generation.len()).filter(|member| owners.iter().all(|(owner, _)| owner != member));
            for member in left_out {
                prop_assert!(generation[member] == 0 || generation[member] <= smallest);
            }
        }
    }
}

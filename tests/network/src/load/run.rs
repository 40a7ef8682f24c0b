//! The load itself: prepares a market, lets every lane of every trader act until the time is over, and checks the chain.

use {
    super::{
        Kind, LoadError, LoadOptions, LoadReport, Mix,
        books::{Books, Bought, LaneBook, Listed, Member},
        report::Tally,
        submit::{Fate, Submitter},
        tpu::Tpu,
    },
    crate::market::{self, BASE_PRICE, LOCK_FEE_BPS, NetworkMarket},
    bytemuck::Zeroable,
    futures_util::{StreamExt, TryStreamExt, stream},
    multibus_client::{
        Address, Error, Keyed, Keypair, PricePerKwh, Signature, Signer, Wallet, Wh,
        account::decode,
        address,
        chain::{Chain, CommitmentLevel, RpcChain},
        lock::{Lock, LockTerms, lock_release, lock_settle, lock_take},
        market::Settlement,
        multibus::math,
        offer::{Offer, OfferTerms, offer_cancel, offer_create},
        purchase::{BatchItem, BatchOrder, Buyer, Order, PurchaseKind, PurchaseOrder, purchase, purchase_batch},
        terms::Terms,
        trader::Trader,
    },
    multibus_test_support::market::{SOL, terms},
    rand::{Rng, SeedableRng, rngs::StdRng},
    std::{
        fs,
        sync::Arc,
        time::{Duration, Instant},
    },
    tokio::time::sleep,
};

/// Energy of an offer, in Wh. No load sells all of it.
const OFFERED_WH: u64 = 20_000_000;
/// Energy of one purchase, in Wh, at most.
const MOST_WH: u64 = 500;
/// Base units of one transfer, at most.
const MOST_TRANSFERRED: u64 = 100;
/// Offers that a batch takes from.
const BATCH_ITEMS: usize = 4;
/// Percentage of locks that are released instead of settled.
const RELEASE_PERCENT: u32 = 20;
/// Open offers of a lane. With this many it withdraws one before it posts another.
const OPEN_OFFERS: usize = 2;
/// Preparations at the same time.
const PREPARED_AT_ONCE: usize = 48;
/// Transactions of each kind whose compute units are read.
pub(super) const SAMPLE: usize = 200;
/// How long an offer trades, in seconds: longer than any load.
const OFFERED_SECONDS: i64 = 86_400;
/// How often a lock is looked for after it landed, and how long to wait in between.
const LOCK_READS: u32 = 20;
const LOCK_READ_INTERVAL: Duration = Duration::from_millis(250);
/// Lamports of a trader: rent of its lanes, offers and locks, and fees.
pub(super) const TRADER_LAMPORTS: u64 = SOL;
/// Lamports for a trader's seller account and vault on one bus.
const SELLER_LAMPORTS: u64 = SOL / 100;

/// Runs a load against the node that the options name.
///
/// # Errors
/// Where options are out of bounds, or the node fails before the load begins or after it ended. Failures during the
/// load are counted.
pub async fn run(options: &LoadOptions, note: &(dyn Fn(&str) + Sync)) -> Result<LoadReport, LoadError> {
    options.validate()?;
    let failed = |doing| move |error| LoadError::Chain { doing, error };
    let chain = RpcChain::new(&options.url, options.websocket_url.as_deref(), CommitmentLevel::Confirmed)
        .map_err(failed("connecting"))?;
    if let Err(error) = chain.follow_confirmations().await {
        note(&format!("asking for outcomes at intervals ({error})"));
    }
    let in_flight = u64::from(options.traders) * u64::from(options.lanes);
    let tpu = match options.tpu {
        true => Some(Arc::new(Tpu::connect(&options.url, options.identity.as_deref(), in_flight as usize).await?)),
        false => None,
    };
    let preparing_at = Instant::now();
    note(&format!(
        "preparing {} traders with {} lanes each on {} buses",
        options.traders, options.lanes, options.buses
    ));
    let (books, mut lanes, settlement) =
        prepare(Arc::new(chain), options).await.map_err(failed("preparing the load"))?;
    let preparation = preparing_at.elapsed();
    let books = Arc::new(books);
    let mut is_certain = true;
    let mut send = async |lanes: &mut Vec<LaneBook>, what: What, duration: Duration| {
        let tally = Arc::new(Tally::new(duration));
        let cpu_before = cpu_times(options.node_process);
        let deadline = Instant::now() + duration;
        let shared = Arc::new(Shared {
            submitter: Submitter::new(books.fresh.chain.clone(), tpu.clone(), tally.clone(), options.max_transactions),
            books: books.clone(),
            settlement,
            what,
            hot: options.hot,
            deadline,
        });
        let running: Vec<_> = lanes.drain(..).map(|book| tokio::spawn(Lane::new(shared.clone(), book).act())).collect();
        tokio::time::sleep_until(deadline.into()).await;
        let cpu_after = cpu_times(options.node_process);
        note("waiting for what is in flight");
        for lane in running {
            match lane.await {
                Ok((book, certain)) => {
                    is_certain &= certain;
                    lanes.push(book);
                }
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        (shared, cpu_before, cpu_after)
    };
    // Half of the transfers before the market's load and half after it: what grows on the node meanwhile changes both alike.
    let half = options.duration() / 2;
    let mut transfers = Vec::new();
    if options.beside_transfers {
        note(&format!("sending bare token transfers for {} s", half.as_secs()));
        transfers.push(send(&mut lanes, What::Transfers, half).await.0);
    }
    note(&format!("sending for {} s", options.seconds));
    let (shared, cpu_before, cpu_after) = send(&mut lanes, What::Market(options.mix), options.duration()).await;
    if options.beside_transfers {
        note(&format!("sending bare token transfers for {} s again", half.as_secs()));
        transfers.push(send(&mut lanes, What::Transfers, half).await.0);
    }
    note("checking the chain");
    let violations = books.violations(&mut lanes, is_certain).await?;
    let tally = shared.submitter.tally();
    let mut kinds = Vec::new();
    for kind in Kind::ALL {
        let units = compute_units(&books.fresh.chain, &tally.sample(kind, SAMPLE)).await;
        kinds.extend(tally.kind_report(kind, units.map_err(failed("reading compute units"))?));
    }
    let landed = transfers.iter().filter_map(|sent| sent.submitter.tally().kind_report(Kind::Transfer, None));
    let landed: u64 = landed.map(|report| report.landed_in_time).sum();
    let transfers_per_second =
        options.beside_transfers.then(|| landed as f64 / (half * transfers.len() as u32).as_secs_f64());
    let between = |choose: fn(&CpuTimes) -> Duration| {
        Some(choose(cpu_after.as_ref()?).saturating_sub(choose(cpu_before.as_ref()?)))
    };
    Ok(LoadReport {
        duration: options.duration(),
        preparation,
        in_flight,
        kinds,
        transfers_per_second,
        client_cpu: between(|times| times.client),
        node_cpu: options.node_process.and_then(|_| between(|times| times.node)),
        machine_cpu: between(|times| times.busy).zip(between(|times| times.all)),
        violations,
    })
}

/// Token, buses, wallets with money and lanes, and one offer of each trader.
async fn prepare(chain: Arc<RpcChain>, options: &LoadOptions) -> Result<(Books, Vec<LaneBook>, Settlement), Error> {
    let traders = usize::from(options.traders);
    let each = TRADER_LAMPORTS + SELLER_LAMPORTS * u64::from(options.buses);
    let lamports = each * (u64::from(options.traders) + 10) + SOL * u64::from(options.buses);
    let fresh = market::found(chain.clone(), options.buses, lamports).await?;
    let keypairs = market::traders(&fresh, traders, each).await?;
    let settlement = fresh.settlement().await?;
    let members = keypairs
        .into_iter()
        .map(|keypair| {
            let token_account = fresh.token_account(&keypair.pubkey());
            Member::new(keypair, token_account)
        })
        .collect();
    let mut books = Books::new(fresh, members);
    // Long after the load, and within the horizon whenever an offer is listed.
    books.expires_at = chain.clock().await?.unix_timestamp + OFFERED_SECONDS;
    let sellers = if options.hot { 1 } else { traders };
    let keypairs: Vec<_> = books.members.iter().map(|member| member.keypair.clone()).collect();
    open_accounts(&books.fresh, &keypairs, options.lanes).await?;
    let shared = &books;
    let list = |seller: usize| async move {
        let bus = seller % shared.fresh.buses.len();
        let (number, mut numbers) = shared.offer_number(seller, bus).await?;
        let (offer, instruction) = shared.new_offer(seller, bus, number);
        let wallet = Wallet::new(shared.fresh.chain.clone(), shared.members[seller].keypair.clone());
        wallet.send(&[instruction]).await?;
        numbers.has_listed(number);
        Ok::<_, Error>(Listed { offer, seller })
    };
    let standing =
        stream::iter((0..sellers).map(list)).buffer_unordered(PREPARED_AT_ONCE).try_collect::<Vec<_>>().await?;
    let lanes = lane_books(&books.fresh, &keypairs, options.lanes).await?;
    books.standing = standing;
    Ok((books, lanes, settlement))
}

/// Opens lanes and a seller account on every bus for each wallet.
pub(super) async fn open_accounts(fresh: &NetworkMarket, keypairs: &[Arc<Keypair>], lanes: u16) -> Result<(), Error> {
    let open = |keypair: Arc<Keypair>| async move {
        let wallet = Wallet::new(fresh.chain.clone(), keypair).with_lanes(lanes);
        wallet.open_lanes(lanes).await?;
        for bus in &fresh.buses {
            wallet.seller_open(bus).await?;
        }
        Ok::<_, Error>(())
    };
    stream::iter(keypairs.iter().cloned().map(open)).buffer_unordered(PREPARED_AT_ONCE).try_collect().await
}

/// The books of all lanes of these wallets, as they are on the chain.
pub(super) async fn lane_books(
    fresh: &NetworkMarket,
    keypairs: &[Arc<Keypair>],
    lanes: u16,
) -> Result<Vec<LaneBook>, Error> {
    let mut books = Vec::new();
    for (member, keypair) in keypairs.iter().enumerate() {
        let addresses: Vec<Address> = (0..lanes).map(|lane| address::trader(&keypair.pubkey(), lane)).collect();
        for (address, account) in addresses.iter().zip(fresh.chain.accounts(&addresses).await?) {
            let account = account.ok_or(Error::NotFound { kind: "trader", address: *address })?;
            let trader: Keyed<Trader> = decode(address, &account)?;
            books.push(LaneBook::new(member, &trader));
        }
    }
    Ok(books)
}

impl Books {
    /// A new offer of a trader on a bus, and the instruction that creates it.
    fn new_offer(&self, seller: usize, bus: usize, number: u64) -> (Keyed<Offer>, multibus_client::Instruction) {
        let (bus, wallet) = (self.fresh.buses[bus], self.members[seller].address());
        let account = address::seller(&bus, &wallet);
        let terms =
            OfferTerms { expires_at: self.expires_at, ..terms(OFFERED_WH, BASE_PRICE + 7 * (seller as u64 % 50)) };
        let instruction = offer_create(&wallet, &bus, &wallet, number, &terms, &Terms::zeroed());
        let offer = Offer {
            bus,
            capacity: address::capacity(&bus, 0),
            seller: account,
            vault: address::vault(&account),
            wallet,
            rent_payer: wallet,
            price_per_kwh: terms.price_per_kwh,
            // Nobody pays a grid fee.
            full_price_per_kwh: terms.price_per_kwh,
            number,
            listed_wh: OFFERED_WH,
            expires_at: terms.expires_at,
            ..Offer::zeroed()
        };
        (Keyed { address: address::offer(&account, number), account: offer }, instruction)
    }
}

/// Compute units of one transaction, on average.
pub(super) async fn compute_units(chain: &RpcChain, sample: &[Signature]) -> Result<Option<u64>, Error> {
    let units: Vec<u64> = stream::iter(sample)
        .map(|signature| async move {
            Ok::<_, Error>(chain.transaction(signature).await?.map(|record| record.compute_units))
        })
        .buffer_unordered(8)
        .try_filter_map(|units| async move { Ok(units) })
        .try_collect()
        .await?;
    Ok((!units.is_empty()).then(|| units.iter().sum::<u64>() / units.len() as u64))
}

/// Processor times since the start of processes and machine.
struct CpuTimes {
    client: Duration,
    node: Duration,
    busy: Duration,
    all: Duration,
}

/// From Linux, which counts in hundredths of a second; `None` elsewhere.
fn cpu_times(node_process: Option<u32>) -> Option<CpuTimes> {
    let ticks = |ticks: u64| Duration::from_millis(ticks * 10);
    let of_process = |process: &str| {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The command name may contain anything, and ends at the last parenthesis. User and system time are fields 14, 15.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(ticks(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?))
    };
    let machine = fs::read_to_string("/proc/stat").ok()?;
    let times: Vec<u64> =
        machine.lines().next()?.split_whitespace().skip(1).take(8).filter_map(|time| time.parse().ok()).collect();
    let all: u64 = times.iter().sum();
    // Idle time, and time of waiting for the disk.
    let idle = times.get(3)? + times.get(4)?;
    Some(CpuTimes {
        client: of_process("self")?,
        node: node_process.and_then(|process| of_process(&process.to_string())).unwrap_or_default(),
        busy: ticks(all - idle),
        all: ticks(all),
    })
}

/// What lanes send.
#[derive(Clone, Copy)]
enum What {
    /// The market's load.
    Market(Mix),
    /// Bare token transfers.
    Transfers,
}

struct Shared {
    submitter: Submitter,
    books: Arc<Books>,
    /// Of all buses.
    settlement: Settlement,
    what: What,
    hot: bool,
    deadline: Instant,
}

/// One lane of one trader. It does one thing after the other.
struct Lane {
    shared: Arc<Shared>,
    book: LaneBook,
    wallet: Address,
    trader: Address,
    /// Own offers, oldest first.
    offers: Vec<Keyed<Offer>>,
    rng: StdRng,
    is_certain: bool,
}

impl Lane {
    fn new(shared: Arc<Shared>, book: LaneBook) -> Self {
        let wallet = shared.books.members[book.member].address();
        let trader = address::trader(&wallet, book.lane);
        Self { shared, book, wallet, trader, offers: Vec::new(), rng: StdRng::from_os_rng(), is_certain: true }
    }

    fn may_act(&self) -> bool {
        Instant::now() < self.shared.deadline && self.is_certain && self.shared.submitter.take_one()
    }

    /// Acts until the time is over or nothing more may be sent. Locks that it took are ended.
    async fn act(mut self) -> (LaneBook, bool) {
        match self.shared.what {
            What::Market(mix) => self.trade(mix).await,
            What::Transfers => self.transfer().await,
        }
        (self.book, self.is_certain)
    }

    /// Sends tokens to other traders.
    async fn transfer(&mut self) {
        let count = self.shared.books.members.len();
        while self.may_act() {
            let (from, amount) = (self.book.member, self.rng.random_range(1..=MOST_TRANSFERRED));
            let to = (from + self.rng.random_range(1..count)) % count;
            let members = &self.shared.books.members;
            let instruction = spl_token_interface::instruction::transfer(
                &self.shared.settlement.token_program,
                &members[from].token_account,
                &members[to].token_account,
                &self.wallet,
                &[],
                amount,
            );
            let Ok(instruction) = instruction else { return };
            if let Fate::Landed = self.send(Kind::Transfer, instruction).await {
                self.shared.books.transferred(from, to, amount);
            }
        }
    }

    /// Buys, locks and lists.
    async fn trade(&mut self, Mix { purchase, batch, lock, offer }: Mix) {
        while self.may_act() {
            let draw = self.rng.random_range(0..purchase + batch + lock + offer);
            let has_acted = if draw < purchase {
                self.buy().await
            } else if draw < purchase + batch {
                self.buy_batch().await
            } else if draw < purchase + batch + lock {
                self.lock().await
            } else {
                false
            };
            // A trader that finds only its own offers sells instead.
            if !has_acted {
                if self.offers.len() < OPEN_OFFERS {
                    self.post().await;
                } else {
                    self.withdraw().await;
                }
            }
        }
    }

    async fn send(&mut self, kind: Kind, instruction: multibus_client::Instruction) -> Fate {
        let keypair = &self.shared.books.members[self.book.member].keypair;
        let fate = self.shared.submitter.send(kind, keypair, instruction).await;
        self.is_certain &= !matches!(fate, Fate::Unknown);
        fate
    }

    fn buyer(&self) -> Buyer {
        let payment = self.shared.books.members[self.book.member].token_account;
        Buyer { wallet: self.wallet, trader: self.trader, payment }
    }

    async fn settle(&mut self, kind: Kind, instruction: multibus_client::Instruction, bought: Bought) -> Fate {
        let fate = self.send(kind, instruction).await;
        let books = &self.shared.books;
        match fate {
            Fate::Landed => books.bought(&mut self.book, &bought),
            Fate::Failed => {}
            Fate::Unknown => books.may_have_bought(&mut self.book, bought),
        }
        fate
    }

    async fn buy(&mut self) -> bool {
        let Some(listed) = self.any_offer() else { return false };
        let offer = listed.offer;
        let energy_wh = self.rng.random_range(1..=MOST_WH);
        let order = PurchaseOrder::exactly(offer.address, Wh(energy_wh), PricePerKwh(offer.full_price_per_kwh));
        let hashed = Order { offer: offer.address, energy_wh, max_price_per_kwh: offer.full_price_per_kwh };
        let cost = math::cost(energy_wh, offer.full_price_per_kwh).unwrap_or_default();
        let bought = Bought {
            hash: self.book.hash(PurchaseKind::Single, &self.wallet, &[hashed]),
            energy_wh,
            fills: vec![(listed.seller, cost)],
            paid_now: cost,
        };
        let instruction = purchase(&self.buyer(), self.book.nonce, &offer, &order, &self.shared.settlement);
        self.settle(Kind::Purchase, instruction, bought).await;
        true
    }

    async fn buy_batch(&mut self) -> bool {
        let mut chosen: Vec<Listed> = Vec::new();
        for _ in 0..BATCH_ITEMS {
            if let Some(listed) = self.any_offer()
                && chosen.iter().all(|other| other.offer.address != listed.offer.address)
            {
                chosen.push(listed);
            }
        }
        if chosen.is_empty() {
            return false;
        }
        let items: Vec<BatchItem> = (chosen.iter())
            .map(|listed| BatchItem::at_quote(listed.offer, self.rng.random_range(1..=MOST_WH)))
            .collect();
        let fills: Vec<(usize, u64)> =
            chosen.iter().zip(&items).map(|(listed, item)| (listed.seller, item.cost().unwrap_or_default())).collect();
        let Ok(order) = BatchOrder::at_quote(items) else { return false };
        let bought = Bought {
            hash: self.book.hash(PurchaseKind::Batch, &self.wallet, &order.orders()),
            energy_wh: order.items.iter().map(|item| item.energy_wh).sum(),
            fills,
            paid_now: order.max_total,
        };
        let instruction = purchase_batch(&self.buyer(), self.book.nonce, &order, &self.shared.settlement);
        self.settle(Kind::PurchaseBatch, instruction, bought).await;
        true
    }

    /// Takes a lock and ends it: mostly by buying, else by giving it up.
    async fn lock(&mut self) -> bool {
        let Some(listed) = self.shared.books.any_standing(self.book.member, &mut self.rng) else { return false };
        let Listed { offer, seller } = listed;
        let Some(place) = self.shared.books.members[self.book.member].take_place(&offer.address) else {
            return self.buy().await;
        };
        if self.take_and_end_lock(offer, seller, place).await {
            self.shared.books.members[self.book.member].has_unlocked(&offer.address, place);
        }
        true
    }

    /// Returns whether the lock is certainly gone.
    async fn take_and_end_lock(&mut self, offer: Keyed<Offer>, seller: usize, place: u8) -> bool {
        let settlement = self.shared.settlement;
        let energy_wh = self.rng.random_range(1..=MOST_WH);
        let terms = LockTerms { energy_wh, max_price_per_kwh: offer.full_price_per_kwh, expected_version: 0 };
        let deposit = math::cost(energy_wh, offer.full_price_per_kwh).unwrap_or_default();
        let payment = self.buyer().payment;
        let take = lock_take(&self.wallet, &offer, place, &settlement, &payment, &payment, &terms);
        match self.send(Kind::LockTake, take).await {
            Fate::Landed => self.shared.books.deposited(self.book.member, deposit),
            Fate::Failed => return true,
            Fate::Unknown => return false,
        }
        // Whoever ends a lock names its number, which the chain tells.
        let address = address::lock(&offer.address, &self.wallet, place);
        let Some(lock) = self.read_lock(&address).await else {
            self.is_certain = false;
            return false;
        };
        if self.rng.random_range(0..100) < RELEASE_PERCENT {
            let release = lock_release(&self.wallet, &lock, &offer, &settlement);
            let released = self.send(Kind::LockRelease, release).await;
            if let Fate::Landed = released {
                let fee = math::share_of(deposit, LOCK_FEE_BPS);
                self.shared.books.released(self.book.member, seller, deposit, fee);
            }
            return matches!(released, Fate::Landed);
        }
        let hashed = Order { offer: offer.address, energy_wh, max_price_per_kwh: offer.full_price_per_kwh };
        let hash = self.book.hash(PurchaseKind::LockSettlement, &self.wallet, &[hashed]);
        let bought = Bought { hash, energy_wh, fills: vec![(seller, deposit)], paid_now: 0 };
        let settle = lock_settle(&lock, &offer, &self.trader, self.book.nonce);
        matches!(self.settle(Kind::LockSettle, settle, bought).await, Fate::Landed)
    }

    /// A lock that has just landed. Other parts of the node may know of it a moment later.
    async fn read_lock(&self, address: &Address) -> Option<Keyed<Lock>> {
        for _ in 0..LOCK_READS {
            if let Ok(lock) = self.shared.books.fresh.market().lock(address).await {
                return Some(lock);
            }
            sleep(LOCK_READ_INTERVAL).await;
        }
        None
    }

    async fn post(&mut self) {
        let seller = self.book.member;
        let shared = self.shared.clone();
        let bus = self.rng.random_range(0..shared.books.fresh.buses.len());
        // Another lane of the same trader may be listing: this one waits for its turn.
        let Ok((number, mut numbers)) = shared.books.offer_number(seller, bus).await else { return };
        let (offer, instruction) = shared.books.new_offer(seller, bus, number);
        match self.send(Kind::OfferCreate, instruction).await {
            Fate::Landed => {
                numbers.has_listed(number);
                self.offers.push(offer);
                shared.books.post(Listed { offer, seller });
            }
            Fate::Failed => numbers.has_not_listed(number),
            Fate::Unknown => {}
        }
    }

    async fn withdraw(&mut self) {
        let offer = self.offers.remove(0);
        self.shared.books.take_back(&offer.address);
        let instruction = offer_cancel(&self.wallet, &offer);
        self.send(Kind::OfferCancel, instruction).await;
    }

    fn any_offer(&mut self) -> Option<Listed> {
        let (books, buyer) = (&self.shared.books, self.book.member);
        if self.shared.hot { books.any_standing(buyer, &mut self.rng) } else { books.any_offer(buyer, &mut self.rng) }
    }
}

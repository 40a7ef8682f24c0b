//! What members do on the chain: read, list, lock and buy. Nothing here changes the replay's own state, so many members
//! can act at the same time.

use {
    crate::{
        error::{Doing, ReplayError},
        options::ReplayOptions,
        order_book::OrderBook,
        owners::OwnerMember,
        state::OpenLockRecord,
    },
    futures_util::{StreamExt, stream},
    multibus::error::MultibusError,
    multibus_client::{
        Address, Keyed, Market, PricePerKwh, SharedSigner, Wallet, Wh, address, best,
        chain::HistoryPages,
        error::{Error, Result as ChainResult},
        event::{self, Event},
        market::Settlement,
        offer::{EnergySource, Offer, OfferTerms, is_tradable, offer_cancel},
        purchase::{BatchOrder, PurchaseKind, PurchaseOrder, Purchased, PurchasedFill},
        quantity::count,
        router::{self, BatchLimits, RouteError, RouterWant},
        seller::{Seller, seller_withdraw},
    },
    std::{
        collections::{BTreeMap, BTreeSet, HashMap},
        ops::Range,
        sync::{Mutex, MutexGuard, PoisonError},
    },
};

/// Offers that one transaction withdraws, or sellers that it pays: more would not fit.
pub(crate) const CLOSED_AT_ONCE: usize = 8;
/// Offers on delivery terms that one transaction withdraws: each has a delivery book, too.
const WITHDRAWN_WITH_BOOKS: usize = 5;
/// Most transactions of a lane that are read to find its purchases.
const MAX_LANE_TRANSACTIONS: usize = 1_000_000;

/// A member's wallet.
pub(crate) struct Member {
    pub wallet: Wallet,
    pub token_account: Address,
}

/// What the whole file says, found out once: to look for it in every interval would take longer, the longer the file.
pub(crate) struct Facts {
    /// Length of the windows, in seconds; `None` where energy is traded outside windows.
    pub window_seconds: Option<u32>,
    /// How long before its start a window stops trading, in seconds.
    pub gate_closure_seconds: u32,
    /// Whether each member ever has a surplus.
    pub is_seller: Vec<bool>,
    /// The most that each member generated, or was expected to generate, in one interval, in Wh.
    pub largest_generation_wh: Vec<u64>,
}

impl Facts {
    pub fn of(options: &ReplayOptions) -> Self {
        let community = &options.community;
        Self {
            window_seconds: community.window_seconds(),
            gate_closure_seconds: options.gate_closure_seconds(),
            is_seller: community.is_seller(),
            largest_generation_wh: community.largest_generation_wh(),
        }
    }
}

/// The bus that a replay trades on, and the wallets of its members.
pub(crate) struct ReplayBus {
    pub options: ReplayOptions,
    pub facts: Facts,
    pub market: Market,
    pub funder: Wallet,
    pub members: Vec<Member>,
    /// Members by the addresses of their wallets.
    pub member_of: HashMap<Address, usize>,
    /// Owners of the bus, the creator first.
    pub owners: Vec<OwnerMember>,
    /// The meters of members, by member; on delivery terms.
    pub devices: Vec<SharedSigner>,
    /// Who gets the grid fees.
    pub grid: Wallet,
    /// The bus's address; all zeros until it is created.
    pub address: Address,
    /// What members can buy now.
    pub order_book: Mutex<OrderBook>,
    /// Delivery books on which members have bought, by buyer. Batches with others also open position books.
    pub opened: Mutex<HashMap<usize, BTreeSet<[u8; 32]>>>,
    /// Wallets whose seller accounts are open.
    pub open_sellers: Mutex<BTreeSet<Address>>,
    /// Held by the owner that lists for the bus: offers of one seller are numbered one after the other.
    pub lists_for_bus: tokio::sync::Mutex<()>,
    pub settlement: Settlement,
}

/// A purchase of a member, or a bid.
#[derive(Clone, Debug)]
pub(crate) struct MemberPurchase {
    pub buyer: usize,
    pub lane: u16,
    pub nonce: u64,
    pub hash: [u8; 32],
    pub kind: PurchaseKind,
    pub energy_wh: u64,
    pub paid_base_units: u64,
    pub fills: Vec<PurchasedFill>,
}

/// How a lock ended.
pub(crate) enum LockEnd {
    Settled(MemberPurchase),
    Released { fee_base_units: u64 },
}

impl ReplayBus {
    pub fn is_cancelled(&self) -> bool {
        self.options.cancel.is_cancelled()
    }

    /// Runs tasks, several at the same time. Once the replay is cancelled or a task fails, running tasks are finished and
    /// no further ones are started. Results come in the order in which tasks end.
    pub async fn each<T, F: Future<Output = Result<T, ReplayError>>>(
        &self,
        tasks: impl IntoIterator<Item = F>,
    ) -> (Vec<T>, Option<ReplayError>) {
        let failed = std::sync::atomic::AtomicBool::new(false);
        let failed = &failed;
        let mut results = Vec::new();
        let mut first_error = None;
        let mut running = stream::iter(tasks)
            .map(|task| async move {
                if self.is_cancelled() || failed.load(std::sync::atomic::Ordering::Relaxed) {
                    return None;
                }
                let result = task.await;
                if result.is_err() {
                    failed.store(true, std::sync::atomic::Ordering::Relaxed);
                }
                Some(result)
            })
            .buffer_unordered(self.options.concurrency);
        while let Some(result) = running.next().await {
            match result {
                Some(Ok(value)) => results.push(value),
                Some(Err(error)) => first_error = first_error.or(Some(error)),
                None => {}
            }
        }
        (results, first_error)
    }

    pub fn name(&self, member: usize) -> &str {
        &self.options.community.members[member]
    }

    /// Whether a member is an owner whose energy the bus sells.
    pub fn sells_through_bus(&self, member: usize) -> bool {
        self.options.co_owned && self.owners.iter().any(|owner| owner.member == member)
    }

    /// The member that listed an offer, whether it sells for itself or through the bus.
    pub fn lister(&self, offer: &Offer) -> Option<usize> {
        self.member_of.get(&offer.rent_payer).copied()
    }

    fn order_book(&self) -> MutexGuard<'_, OrderBook> {
        self.order_book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opened(&self) -> MutexGuard<'_, HashMap<usize, BTreeSet<[u8; 32]>>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers the delivery book on which a member has bought from an offer.
    fn has_bought(&self, buyer: usize, offer: &Offer) {
        if offer.is_on_delivery() {
            self.opened().entry(buyer).or_default().insert(offer.book.to_bytes());
        }
    }

    /// Forgets the delivery books of 96 windows, which are closed.
    pub fn forget_books(&self, first_window: i64) {
        let sellers = self.facts.is_seller.iter().enumerate().filter(|(_, sells)| **sells);
        let closed: BTreeSet<[u8; 32]> =
            sellers.map(|(seller, _)| self.book_of(seller, first_window).to_bytes()).collect();
        self.opened().values_mut().for_each(|books| books.retain(|book| !closed.contains(book)));
    }

    /// Reads from the chain what members can buy in a window. Returns how much it is, in Wh.
    pub async fn read_order_book(&self, window_start: i64) -> ChainResult<u128> {
        self.read_offers(window_start).await?;
        Ok(self.free_wh())
    }

    /// Energy that members can buy, in Wh, as far as they know.
    pub fn free_wh(&self) -> u128 {
        self.order_book().free_wh()
    }

    /// Reads the order book. Returns every open offer of the members in the window, tradable or not, with the member that listed it.
    pub async fn read_offers(&self, window_start: i64) -> ChainResult<HashMap<Address, usize>> {
        let (offers, clock, bus) = tokio::join!(
            self.market.offers_in(&self.address, window_start),
            self.market.chain().clock(),
            self.market.bus(&self.address)
        );
        let (offers, now, bus) = (offers?, clock?.unix_timestamp, bus?);
        let mut listers = HashMap::new();
        let mut tradable = Vec::with_capacity(offers.len());
        for offer in offers {
            let Some(lister) = self.lister(&offer) else { continue };
            listers.insert(offer.address, lister);
            // An offer that is locked as a whole has energy again where a lock is released.
            if is_tradable(&Offer { reserved_wh: 0, ..offer.account }, &bus, now) {
                tradable.push((offer, lister));
            }
        }
        *self.order_book() = OrderBook::new(bus.account, tradable);
        Ok(listers)
    }

    /// Every open offer of the members in a window, tradable or not.
    pub async fn offers(&self, window_start: i64) -> ChainResult<Vec<Keyed<Offer>>> {
        let mut offers = self.market.offers_in(&self.address, window_start).await?;
        offers.retain(|offer| self.lister(offer).is_some());
        Ok(offers)
    }

    /// The cheapest orders by which a member buys up to an amount of what others listed: one for each transaction, none
    /// where nothing is on offer.
    fn route(&self, buyer: usize, energy_wh: u64) -> ChainResult<Vec<BatchOrder>> {
        let opened = self.opened().get(&buyer).cloned().unwrap_or_default();
        let limits = BatchLimits { items: self.options.members_per_batch, opened, ..BatchLimits::default() };
        let book = self.order_book();
        let want = RouterWant { min_energy_wh: 1, ..RouterWant::exactly(energy_wh, book.bus.mint) };
        // The bus is the seller of all that its owners list. Who listed an offer tells whose energy it is.
        match router::quote_among(book.free_of_others(buyer), &want) {
            Ok(plan) => Ok(best::batch_orders(&plan.fills, &limits, |address| book.get(address))),
            Err(RouteError::EnergyUnavailable { .. }) => Ok(Vec::new()),
            Err(error) => Err(Error::Invalid(error.to_string())),
        }
    }

    /// The wallet whose seller account a member lists from: its own, or the bus that it sells through.
    fn seller_wallet(&self, member: usize) -> Address {
        if self.sells_through_bus(member) { self.address } else { self.members[member].wallet.address() }
    }

    /// Opens the seller accounts that these members list from and that are missing. Their offers are numbered from the slot
    /// of the opening on, so that they can be closed soon.
    pub async fn open_sellers(&self, members: &[usize]) -> Result<(), ReplayError> {
        let open = || self.open_sellers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut missing: BTreeMap<Address, usize> = BTreeMap::new();
        for member in members {
            missing.entry(self.seller_wallet(*member)).or_insert(*member);
        }
        missing.retain(|wallet, _| !open().contains(wallet));
        if missing.is_empty() {
            return Ok(());
        }
        let sellers = self.market.sellers(&self.address).await.doing("reading sellers")?;
        let wallets: Vec<Address> = missing.keys().copied().collect();
        missing.retain(|wallet, _| sellers.iter().all(|seller| seller.wallet != *wallet));
        // By member, so that every run does the same.
        let mut missing: Vec<usize> = missing.into_values().collect();
        missing.sort_unstable();
        let (_, failed) = self.each(missing.into_iter().map(|member| self.open_seller(member))).await;
        failed.map_or(Ok(()), Err)?;
        if !self.is_cancelled() {
            // Sellers close them in the end. Where somebody did so before, the listing opens it again.
            open().extend(wallets);
        }
        Ok(())
    }

    async fn open_seller(&self, member: usize) -> Result<(), ReplayError> {
        let wallet = &self.members[member].wallet;
        let opened = match self.sells_through_bus(member) {
            true => wallet.seller_open_for_bus(&self.address).await,
            false => wallet.seller_open(&self.address).await,
        };
        opened.doing(format_args!("{} opens a seller account", self.name(member)))?;
        Ok(())
    }

    /// Lists a member's energy, for the member itself or for the bus that it owns, until `expires_at`. Returns the seller
    /// and the offer.
    pub async fn list(
        &self,
        seller: usize,
        window_start: i64,
        expires_at: i64,
        Wh(energy_wh): Wh,
        PricePerKwh(price_per_kwh): PricePerKwh,
    ) -> Result<(usize, Address), ReplayError> {
        let terms =
            OfferTerms { window_start, energy_wh, price_per_kwh, expires_at, source: EnergySource::Unspecified };
        let wallet = &self.members[seller].wallet;
        let created = if self.sells_through_bus(seller) {
            let _turn = self.lists_for_bus.lock().await;
            wallet.offer_create_for_bus(&self.address, &terms).await
        } else {
            wallet.offer_create(&self.address, &terms).await
        };
        let created = created.doing(format_args!("{} lists {energy_wh} Wh", self.name(seller)))?;
        Ok((seller, created.address))
    }

    /// A member buys up to an amount, the cheapest first, with as many batches in flight as it has lanes. Returns what it
    /// bought, which is less where another member was faster.
    pub async fn buy(
        &self,
        buyer: usize,
        window_start: i64,
        energy_wh: u64,
    ) -> Result<Vec<MemberPurchase>, ReplayError> {
        let doing = || format!("{} buys {energy_wh} Wh", self.name(buyer));
        let orders = self.route(buyer, energy_wh).doing(doing())?;
        if orders.is_empty() {
            return Ok(Vec::new());
        }
        // All members quote before any of them pays, as on a network where they do not see each other.
        tokio::task::yield_now().await;
        let lanes = usize::from(self.options.lanes);
        let bought: Vec<ChainResult<Option<MemberPurchase>>> = stream::iter(orders)
            .map(|order| self.buy_order(buyer, window_start, order))
            .buffer_unordered(lanes)
            .collect()
            .await;
        let mut purchases = Vec::new();
        for purchase in bought {
            purchases.extend(purchase.doing(doing())?);
        }
        Ok(purchases)
    }

    async fn buy_order(
        &self,
        buyer: usize,
        window_start: i64,
        order: BatchOrder,
    ) -> ChainResult<Option<MemberPurchase>> {
        let wallet = &self.members[buyer].wallet;
        let energy_wh: u64 = order.items.iter().map(|item| item.energy_wh).sum();
        if let [item] = order.items.as_slice() {
            let offer = item.offer.address;
            let energy_wh = self.order_book().take_up_to(&offer, item.energy_wh);
            if energy_wh == 0 {
                return Ok(None);
            }
            let exactly = PurchaseOrder::exactly(offer, Wh(energy_wh), PricePerKwh(item.max_price_per_kwh));
            // Members buy single Wh, too, whatever the rounding.
            let single = PurchaseOrder { allow_rounding: true, ..exactly.or_at_least(Wh(1)) };
            let price_per_kwh = item.offer.full_price_per_kwh;
            return match wallet.buy(&single).await {
                Ok(purchased) => {
                    self.has_bought(buyer, &item.offer);
                    self.order_book().put_back(&offer, energy_wh.saturating_sub(purchased.energy_wh));
                    let fill =
                        PurchasedFill { offer, energy_wh: purchased.energy_wh, price_per_kwh, cost: purchased.paid };
                    Ok(Some(member_purchase(buyer, PurchaseKind::Single, purchased, vec![fill])))
                }
                Err(error) => {
                    self.order_book().put_back(&offer, energy_wh);
                    self.unless_too_late(error, window_start).await.map(|()| None)
                }
            };
        }
        let mut order = order;
        for attempt in 1..=self.options.transaction_options.max_attempts.max(1) {
            if attempt > 1 {
                tokio::task::yield_now().await;
                let Some(next) = self.route(buyer, energy_wh)?.into_iter().next() else { return Ok(None) };
                order = next;
            }
            // Where another member has bought some of it, there is no need to ask the chain.
            if !self.order_book().take(&order) {
                continue;
            }
            match wallet.buy_batch(&order).await {
                Ok(purchased) => {
                    order.items.iter().for_each(|item| self.has_bought(buyer, &item.offer));
                    return Ok(Some(member_purchase(buyer, PurchaseKind::Batch, purchased, quoted_fills(&order))));
                }
                Err(error) => {
                    self.order_book().put_back_order(&order);
                    self.unless_too_late(error, window_start).await?;
                }
            }
        }
        Ok(None)
    }

    /// Passes an error on, unless it means that a stranger was faster: then the order book is read again.
    async fn unless_too_late(&self, error: Error, window_start: i64) -> ChainResult<()> {
        if !is_too_late(&error) {
            return Err(error);
        }
        self.read_order_book(window_start).await.map(drop)
    }

    /// A member locks up to an amount of the offer that it would buy most from; `None` where another was faster or nothing
    /// is on offer.
    pub async fn lock(
        &self,
        buyer: usize,
        window_start: i64,
        energy_wh: u64,
    ) -> Result<Option<OpenLockRecord>, ReplayError> {
        let doing = || format!("{} locks {energy_wh} Wh", self.name(buyer));
        let orders = self.route(buyer, energy_wh).doing(doing())?;
        let Some(item) = orders.iter().flat_map(|order| &order.items).max_by_key(|item| item.energy_wh) else {
            return Ok(None);
        };
        tokio::task::yield_now().await;
        let (offer, energy_wh) = (item.offer.address, item.energy_wh);
        if !self.order_book().lock(&offer, energy_wh) {
            return Ok(None);
        }
        let wallet = &self.members[buyer].wallet;
        match wallet.lock_take(&offer, Wh(energy_wh), PricePerKwh(item.max_price_per_kwh)).await {
            Ok(created) => {
                let lock = self.market.lock(&created.address).await.doing(doing())?;
                Ok(Some(OpenLockRecord::new(&lock, buyer)))
            }
            Err(error) => {
                self.order_book().unlock(&offer, energy_wh, false);
                // Where the chain is slow, too little time may be left to lock: the member buys without a lock.
                if error.multibus() == Some(MultibusError::LockOutlivesOffer) {
                    return Ok(None);
                }
                self.unless_too_late(error, window_start).await.map(|()| None).doing(doing())
            }
        }
    }

    /// Settles or releases a lock, as its record says. A lock that has expired is released.
    pub async fn end_lock(&self, lock: OpenLockRecord) -> Result<(OpenLockRecord, LockEnd), ReplayError> {
        let wallet = &self.members[lock.buyer].wallet;
        let name = self.name(lock.buyer);
        if !lock.is_to_release {
            match wallet.lock_settle(&lock.lock).await {
                Ok(purchased) => {
                    self.order_book().unlock(&lock.offer, lock.energy_wh, true);
                    let price_per_kwh = purchased.fills.first().map_or(0, |fill| fill.price_per_kwh);
                    let fill = PurchasedFill {
                        offer: lock.offer,
                        energy_wh: purchased.energy_wh,
                        price_per_kwh,
                        cost: purchased.paid,
                    };
                    let purchase = member_purchase(lock.buyer, PurchaseKind::LockSettlement, purchased, vec![fill]);
                    return Ok((lock, LockEnd::Settled(purchase)));
                }
                Err(error) if error.multibus() == Some(MultibusError::LockExpired) => {}
                Err(error) => return Err(error).doing(format_args!("{name} settles a lock")),
            }
        }
        let fee_base_units = multibus::math::share_of(lock.deposit, self.options.lock_fee_bps);
        match wallet.lock_release(&lock.lock).await {
            // Anyone may release a lock that has expired, so it may be gone.
            Ok(_) | Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error).doing(format_args!("{name} releases a lock")),
        }
        self.order_book().unlock(&lock.offer, lock.energy_wh, false);
        Ok((lock, LockEnd::Released { fee_base_units }))
    }

    /// Withdraws what is left of offers, which closes them and collects what they were sold for. Anyone can do so once
    /// they are over: then one transaction withdraws several. Before, only who sells them can.
    pub async fn withdraw(&self, offers: &[Keyed<Offer>]) -> Result<(), ReplayError> {
        let now = self.market.chain().clock().await.doing("asking for the time")?.unix_timestamp;
        let mut by_caller: BTreeMap<Option<usize>, Vec<Keyed<Offer>>> = BTreeMap::new();
        for offer in offers {
            let is_over = offer.remaining_wh == 0 || now >= offer.expires_at;
            let caller = match self.lister(offer) {
                Some(lister) if !is_over => Some(lister),
                _ => None,
            };
            by_caller.entry(caller).or_default().push(*offer);
        }
        let at_once = if self.options.is_on_delivery() { WITHDRAWN_WITH_BOOKS } else { CLOSED_AT_ONCE };
        let groups = by_caller.iter().flat_map(|(caller, offers)| {
            offers.chunks(at_once).map(move |offers| self.withdraw_together(*caller, offers))
        });
        let (_, failed) = self.each(groups.collect::<Vec<_>>()).await;
        failed.map_or(Ok(()), Err)
    }

    /// Withdraws offers in one transaction. The funder sends it where no member is named.
    async fn withdraw_together(&self, caller: Option<usize>, offers: &[Keyed<Offer>]) -> Result<(), ReplayError> {
        let wallet = caller.map_or(&self.funder, |member| &self.members[member].wallet);
        let instructions: Vec<_> = offers.iter().map(|offer| offer_cancel(&wallet.address(), offer)).collect();
        let doing = || match caller {
            Some(member) => format!("{} withdraws an offer", self.name(member)),
            None => format!("withdrawing {}", count(offers.len() as u64, "offer")),
        };
        match wallet.send(&instructions).await {
            Ok(_) => return Ok(()),
            Err(Error::Program(_)) => {}
            Err(error) => return Err(error).doing(doing()),
        }
        // Anyone may close an offer that is over, so one of them may be gone.
        for offer in offers {
            match wallet.offer_cancel(&offer.address).await {
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error).doing(doing()),
            }
        }
        Ok(())
    }

    /// Pays sellers what is released to them, and the treasury what is released to the bus, several in a transaction.
    pub async fn pay_sellers(&self) -> Result<(), ReplayError> {
        let doing = "paying sellers what is released to them";
        let mut due = self.market.sellers(&self.address).await.doing(doing)?;
        due.retain(|seller| seller.released > 0 && self.destination(seller).is_some());
        let groups: Vec<_> = due.chunks(CLOSED_AT_ONCE).map(|sellers| self.pay_together(sellers)).collect();
        let (_, failed) = self.each(groups).await;
        failed.map_or(Ok(()), Err)
    }

    /// Where a seller is paid: a member's own token account, or the treasury; `None` for strangers.
    fn destination(&self, seller: &Seller) -> Option<Address> {
        if seller.wallet == self.address {
            return Some(address::treasury(&self.address));
        }
        self.member_of.get(&seller.wallet).map(|member| self.members[*member].token_account)
    }

    async fn pay_together(&self, sellers: &[Keyed<Seller>]) -> Result<(), ReplayError> {
        let doing = "paying sellers what is released to them";
        let caller = self.funder.address();
        let instructions: Vec<_> = sellers
            .iter()
            .filter_map(|seller| Some(seller_withdraw(&caller, seller, &self.settlement, &self.destination(seller)?)))
            .collect();
        match self.funder.send(&instructions).await {
            Ok(_) => return Ok(()),
            Err(Error::Program(_)) => {}
            Err(error) => return Err(error).doing(doing),
        }
        // Anyone may pay a seller, so one of them may have been paid.
        for seller in sellers {
            match self.funder.seller_withdraw(&self.address, &seller.wallet).await {
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) if error.multibus() == Some(MultibusError::NothingToWithdraw) => {}
                Err(error) => return Err(error).doing(doing),
            }
        }
        Ok(())
    }

    /// Closes the seller accounts of members and of the bus, which pays them what is released and gives their rent back. Those
    /// that owe grid fees stay open where `keep_grid_fees`.
    pub async fn close_sellers(&self, keep_grid_fees: bool) -> Result<(), ReplayError> {
        let mut sellers = self.market.sellers(&self.address).await.doing("reading sellers")?;
        // On a chain whose clock cannot be moved, windows of delivery lie ahead.
        sellers.retain(|seller| seller.open_books == 0 && !(keep_grid_fees && seller.grid_fees_owed > 0));
        let tasks = sellers.iter().filter_map(|seller| {
            let closer = match seller.wallet == self.address {
                true => self.owners[0].member,
                false => *self.member_of.get(&seller.wallet)?,
            };
            Some(self.close_seller(closer, seller))
        });
        let (_, failed) = self.each(tasks.collect::<Vec<_>>()).await;
        failed.map_or(Ok(()), Err)
    }

    async fn close_seller(&self, closer: usize, seller: &Keyed<Seller>) -> Result<(), ReplayError> {
        match self.members[closer].wallet.seller_close(&self.address, &seller.wallet).await {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error).doing(format_args!("{} closes a seller account", self.name(closer))),
        }
    }

    /// Purchases of a member's lane under these nonces, oldest first, from the transactions on chain.
    pub async fn purchases_under(
        &self,
        buyer: usize,
        lane: u16,
        nonces: Range<u64>,
    ) -> Result<Vec<MemberPurchase>, ReplayError> {
        let wallet = self.members[buyer].wallet.address();
        let trader = address::trader(&wallet, lane);
        let doing = || format!("reading what {} bought before", self.name(buyer));
        let chain = self.market.chain();
        let wanted = nonces.end - nonces.start;
        let mut found = Vec::new();
        let mut pages = HistoryPages::new(chain.as_ref(), &trader, MAX_LANE_TRANSACTIONS);
        'pages: while (found.len() as u64) < wanted {
            let Some(page) = pages.next().await.doing(doing())? else { break };
            for info in page.iter().filter(|info| info.error.is_none()) {
                let Some(record) = chain.transaction(&info.signature).await.doing(doing())? else { continue };
                for event in event::parse(&record.logs).events {
                    if let Event::BidCreated(bid) = &event
                        && (bid.buyer, bid.lane) == (wallet, lane)
                    {
                        if bid.nonce < nonces.start {
                            break 'pages;
                        }
                        found.push(member_bid(buyer, bid.lane, bid.nonce, bid.transaction_hash));
                    }
                    let Event::EnergyPurchased(event) = event else { continue };
                    if event.buyer != wallet || event.lane != lane {
                        continue;
                    }
                    if event.nonce < nonces.start {
                        break 'pages;
                    }
                    let kind = PurchaseKind::try_from(event.kind).map_err(|unknown| {
                        ReplayError::State(format!(
                            "a purchase of {} is of the kind {unknown}, which this version does not know; update it",
                            self.name(buyer)
                        ))
                    })?;
                    found.push(MemberPurchase {
                        buyer,
                        lane,
                        nonce: event.nonce,
                        hash: event.transaction_hash,
                        kind,
                        energy_wh: event::energy_wh(&event),
                        paid_base_units: event::cost(&event),
                        fills: event.fills.clone(),
                    });
                }
            }
        }
        found.sort_by_key(|purchase| purchase.nonce);
        if (found.len() as u64) < wanted {
            return Err(ReplayError::State(format!(
                "{} bought {} times since the state was written and the node serves {} of these transactions; resume \
                 with a node that keeps them",
                self.name(buyer),
                wanted,
                found.len()
            )));
        }
        Ok(found)
    }
}

/// A bid, which spends a nonce and buys nothing yet.
pub(crate) fn member_bid(buyer: usize, lane: u16, nonce: u64, hash: [u8; 32]) -> MemberPurchase {
    let kind = PurchaseKind::Bid;
    MemberPurchase { buyer, lane, nonce, hash, kind, energy_wh: 0, paid_base_units: 0, fills: Vec::new() }
}

fn quoted_fills(order: &BatchOrder) -> Vec<PurchasedFill> {
    order
        .items
        .iter()
        .map(|item| PurchasedFill {
            offer: item.offer.address,
            energy_wh: item.energy_wh,
            price_per_kwh: item.offer.full_price_per_kwh,
            cost: item.cost().unwrap_or_default(),
        })
        .collect()
}

/// A purchase with the fills of its event, or with the quoted ones where the node does not serve its log.
fn member_purchase(
    buyer: usize,
    kind: PurchaseKind,
    purchased: Purchased,
    quoted: Vec<PurchasedFill>,
) -> MemberPurchase {
    MemberPurchase {
        buyer,
        lane: purchased.lane,
        nonce: purchased.nonce,
        hash: purchased.transaction_hash.0,
        kind,
        energy_wh: purchased.energy_wh,
        paid_base_units: purchased.paid,
        fills: if purchased.fills.is_empty() { quoted } else { purchased.fills },
    }
}

/// Whether another buyer was faster, so that the energy is gone.
fn is_too_late(error: &Error) -> bool {
    error.is_conflict() || matches!(error, Error::BeyondLimits(_) | Error::NotFound { .. })
}

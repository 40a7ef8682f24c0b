//! What members do on the chain: read, list, lock and buy. Nothing here changes the replay's own state, so many members
//! can act at the same time.

use {
    crate::{
        error::{Doing, ReplayError},
        options::ReplayOptions,
        owners::OwnerMember,
        state::OpenLockRecord,
    },
    futures_util::{StreamExt, stream},
    multibus::error::MultibusError,
    multibus_client::{
        Address, Keyed, Market, PricePerKwh, Wallet, Wh, address,
        best::{self, Want},
        chain::HistoryPages,
        error::{Error, Result as ChainResult},
        event::{self, Event},
        offer::{EnergySource, Offer, OfferFilter, OfferSort, OfferTerms},
        purchase::{BatchOrder, PurchaseKind, PurchaseOrder, Purchased, PurchasedFill},
        router::{BatchLimits, RouteError},
    },
    std::{
        collections::HashMap,
        ops::Range,
        sync::{Mutex, PoisonError},
    },
};

/// Most transactions of a lane that are read to find its purchases.
const MAX_LANE_TRANSACTIONS: usize = 1_000_000;

/// A member's wallet.
pub(crate) struct Member {
    pub wallet: Wallet,
    pub token_account: Address,
}

/// The bus that a replay trades on, and the wallets of its members.
pub(crate) struct ReplayBus {
    pub options: ReplayOptions,
    pub market: Market,
    pub funder: Wallet,
    pub members: Vec<Member>,
    /// Members by the addresses of their wallets.
    pub member_of: HashMap<Address, usize>,
    /// Owners of the bus, the creator first.
    pub owners: Vec<OwnerMember>,
    /// The bus's address.
    pub address: Address,
    pub mint: Address,
}

/// A purchase of a member.
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

    /// Offers of the members that can be bought from now in a window.
    pub async fn book(&self, window_start: i64) -> ChainResult<Vec<Keyed<Offer>>> {
        let filter = OfferFilter { window_start: Some(window_start), ..OfferFilter::default() };
        let mut offers = self.market.active_offers(&self.address, &filter, OfferSort::Price).await?;
        offers.retain(|offer| self.lister(offer).is_some());
        Ok(offers)
    }

    /// Every open offer of the members in a window, tradable or not.
    pub async fn offers(&self, window_start: i64) -> ChainResult<Vec<Keyed<Offer>>> {
        let mut offers = self.market.all_offers(&self.address).await?;
        offers.retain(|offer| offer.window_start == window_start && self.lister(offer).is_some());
        Ok(offers)
    }

    /// The cheapest orders by which a member buys up to an amount of what others listed: one for each transaction, none
    /// where nothing is on offer.
    async fn route(&self, buyer: usize, window_start: i64, energy_wh: u64) -> ChainResult<Vec<BatchOrder>> {
        let mut offers = self.book(window_start).await?;
        // The bus is the seller of all that its owners list. Who listed an offer tells whose energy it is.
        offers.retain(|offer| self.lister(offer) != Some(buyer));
        let want = Want { min_energy_wh: 1, ..Want::exactly(self.address, energy_wh) };
        let limits = BatchLimits { items: self.options.members_per_batch, ..BatchLimits::default() };
        match best::quote(&offers, self.mint, &want, &limits) {
            Ok(quote) => Ok(quote.orders),
            Err(RouteError::EnergyUnavailable { .. }) => Ok(Vec::new()),
            Err(error) => Err(Error::Invalid(error.to_string())),
        }
    }

    /// Lists a member's energy, for the member itself or for the bus that it owns. Returns the seller and the offer.
    pub async fn list(
        &self,
        seller: usize,
        window_start: i64,
        Wh(energy_wh): Wh,
        PricePerKwh(price_per_kwh): PricePerKwh,
    ) -> Result<(usize, Address), ReplayError> {
        let terms =
            OfferTerms { window_start, energy_wh, price_per_kwh, expires_at: 0, source: EnergySource::Unspecified };
        let wallet = &self.members[seller].wallet;
        let created = match self.sells_through_bus(seller) {
            true => wallet.offer_create_for_bus(&self.address, &terms).await,
            false => wallet.offer_create(&self.address, &terms).await,
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
        let orders = self.route(buyer, window_start, energy_wh).await.doing(doing())?;
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
            let single =
                PurchaseOrder::exactly(item.offer.address, Wh(item.energy_wh), PricePerKwh(item.max_price_per_kwh))
                    .or_at_least(Wh(1));
            let price_per_kwh = item.offer.price_per_kwh;
            return match wallet.buy(&single).await {
                Ok(purchased) => {
                    let fill = PurchasedFill {
                        offer: single.offer,
                        energy_wh: purchased.energy_wh,
                        price_per_kwh,
                        cost: purchased.paid,
                    };
                    Ok(Some(member_purchase(buyer, PurchaseKind::Single, purchased, vec![fill])))
                }
                Err(error) if is_too_late(&error) => Ok(None),
                Err(error) => Err(error),
            };
        }
        // The first attempt uses the order that was quoted. Later ones quote the same amount again.
        let quoted = Mutex::new(Some(order));
        let last = Mutex::new(None);
        let (quoted, last) = (&quoted, &last);
        let purchased = wallet
            .buy_batch_quoted(|| async move {
                let first = quoted.lock().unwrap_or_else(PoisonError::into_inner).take();
                let order = match first {
                    Some(order) => order,
                    None => (self.route(buyer, window_start, energy_wh).await?)
                        .into_iter()
                        .next()
                        .ok_or_else(|| Error::BeyondLimits("everything on offer was sold meanwhile".into()))?,
                };
                *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(order.clone());
                Ok(order)
            })
            .await;
        match purchased {
            Ok(purchased) => {
                let order = last.lock().unwrap_or_else(PoisonError::into_inner).take();
                let fills = order.map(|order| quoted_fills(&order)).unwrap_or_default();
                Ok(Some(member_purchase(buyer, PurchaseKind::Batch, purchased, fills)))
            }
            Err(error) if is_too_late(&error) => Ok(None),
            Err(error) => Err(error),
        }
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
        let orders = self.route(buyer, window_start, energy_wh).await.doing(doing())?;
        let Some(item) = orders.iter().flat_map(|order| &order.items).max_by_key(|item| item.energy_wh) else {
            return Ok(None);
        };
        tokio::task::yield_now().await;
        let wallet = &self.members[buyer].wallet;
        match wallet.lock_take(&item.offer.address, Wh(item.energy_wh), PricePerKwh(item.max_price_per_kwh)).await {
            Ok(created) => {
                let lock = self.market.lock(&created.address).await.doing(doing())?;
                Ok(Some(OpenLockRecord {
                    lock: lock.address,
                    offer: lock.offer,
                    buyer,
                    energy_wh: lock.energy_wh,
                    deposit: lock.deposit,
                    is_to_release: false,
                }))
            }
            Err(error) if is_too_late(&error) => Ok(None),
            Err(error) => Err(error).doing(doing()),
        }
    }

    /// Settles or releases a lock, as its record says. A lock that has expired is released.
    pub async fn end_lock(&self, lock: OpenLockRecord) -> Result<(OpenLockRecord, LockEnd), ReplayError> {
        let wallet = &self.members[lock.buyer].wallet;
        let name = self.name(lock.buyer);
        if !lock.is_to_release {
            match wallet.lock_settle(&lock.lock).await {
                Ok(purchased) => {
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
        wallet.lock_release(&lock.lock).await.doing(format_args!("{name} releases a lock"))?;
        Ok((lock, LockEnd::Released { fee_base_units }))
    }

    /// Withdraws what is left of an offer, which closes it. The member that listed it does so.
    pub async fn withdraw(&self, offer: &Keyed<Offer>) -> Result<(), ReplayError> {
        let Some(seller) = self.lister(offer) else { return Ok(()) };
        match self.members[seller].wallet.offer_cancel(&offer.address).await {
            // Anyone may close an offer that no longer trades, so it may be gone.
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error).doing(format_args!("{} withdraws an offer", self.name(seller))),
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

fn quoted_fills(order: &BatchOrder) -> Vec<PurchasedFill> {
    order
        .items
        .iter()
        .map(|item| PurchasedFill {
            offer: item.offer.address,
            energy_wh: item.energy_wh,
            price_per_kwh: item.offer.price_per_kwh,
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

//! Buys the energy of a bus at the lowest total cost within limits ([`Wallet::buy_best`]), or quotes what that would
//! cost ([`Market::quote_best`]). One transaction holds a few offers. Larger amounts take several transactions, each of
//! them all or nothing.

use {
    crate::{
        account::Keyed,
        bus::Bus,
        error::{Error, Result},
        market::Market,
        offer::{EnergySource, Offer, OfferFilter, OfferSort},
        purchase::{BatchItem, BatchOrder, Purchased, rounds_above},
        quantity::{BaseUnits, PricePerKwh, Wh},
        router::{self, Batch, BatchLimits, PriceFraction, RouteError, RouterFill, RouterOffer, RouterWant},
        wallet::Wallet,
    },
    multibus::math,
    solana_address::Address,
    std::{
        collections::HashMap,
        sync::{
            Mutex, PoisonError,
            atomic::{AtomicU64, Ordering},
        },
    },
};

/// Offers that one purchase leaves out at most, before it gives up.
const MOST_LEFT_OUT: usize = 64;

/// What to buy on a bus, and within which limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// The bus.
    pub bus: Address,
    /// Energy to buy, in Wh.
    pub energy_wh: u64,
    /// Least energy that is acceptable where there is not enough, in Wh; the same as `energy_wh` for all or nothing.
    pub min_energy_wh: u64,
    /// Highest price of any part, grid fee included, in token base units per kWh; `None` for any price.
    pub max_price_per_kwh: Option<u64>,
    /// Highest total, in token base units; `None` for any total.
    pub max_total: Option<u64>,
    /// Only energy of this delivery window; `None` for any window.
    pub window_start: Option<i64>,
    /// Only energy from this source; `None` for any source.
    pub source: Option<EnergySource>,
    /// Accept parts whose rounding raises their price per kWh above `max_price_per_kwh` by more than 1 %.
    pub allow_rounding: bool,
    /// The buyer, whose own offers are left out: a seller cannot buy its own offer. [`Wallet::quote_best`] and
    /// [`Wallet::buy_best`] set it to the wallet.
    pub buyer: Option<Address>,
}

impl Want {
    /// Exactly this much energy, at any price, from any window and source.
    pub fn exactly(bus: Address, energy_wh: u64) -> Self {
        Self {
            bus,
            energy_wh,
            min_energy_wh: energy_wh,
            max_price_per_kwh: None,
            max_total: None,
            window_start: None,
            source: None,
            allow_rounding: false,
            buyer: None,
        }
    }

    /// The rest, after a part was bought.
    fn after(&self, bought: &BestPurchase, signed_for: u64) -> Self {
        Self {
            energy_wh: self.energy_wh.saturating_sub(bought.energy_wh()),
            min_energy_wh: match bought.purchases.as_slice() {
                [] => self.min_energy_wh,
                _ => self.min_energy_wh.saturating_sub(bought.energy_wh()).max(1),
            },
            max_total: self.max_total.map(|most| most.saturating_sub(signed_for)),
            ..*self
        }
    }

    fn filter(&self) -> OfferFilter {
        OfferFilter {
            window_start: self.window_start,
            source: self.source,
            max_price_per_kwh: self.max_price_per_kwh,
            not_seller: self.buyer,
            ..OfferFilter::default()
        }
    }
}

/// The cheapest way to buy what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BestQuote {
    /// Energy of all parts, in Wh.
    pub energy_wh: u64,
    /// Cost of all parts, in token base units.
    pub total_cost: u64,
    /// No way to buy this energy costs less, in token base units: equal to `total_cost` where that is proven.
    pub lower_bound: u64,
    /// Grid fees in the cost, in token base units, rounded down for each part.
    pub grid_fee: u64,
    /// Energy that settles on delivery, in Wh: what of it is not delivered is paid back. The rest settles on purchase.
    pub on_delivery_wh: u64,
    /// What to buy of which offer: one order for each transaction.
    pub orders: Vec<BatchOrder>,
}

/// What [`Wallet::buy_best`] bought.
#[derive(Debug, Default)]
pub struct BestPurchase {
    /// One purchase for each transaction, in order.
    pub purchases: Vec<Purchased>,
    /// Why it stopped before everything was bought. `None` if everything was bought, or if the minimum was bought and
    /// nothing more was on offer within the limits.
    pub stopped: Option<Error>,
    /// Offers that made a transaction fail and were left out.
    pub left_out: Vec<LeftOut>,
}

/// An offer that was left out of a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The offer.
    pub offer: Address,
    /// Why it could not be bought, as a sentence.
    pub cause: String,
}

impl BestPurchase {
    /// Energy bought, in Wh.
    pub fn energy_wh(&self) -> u64 {
        self.purchases.iter().map(|purchased| purchased.energy_wh).fold(0, u64::saturating_add)
    }

    /// Paid, in token base units.
    pub fn paid(&self) -> u64 {
        self.purchases.iter().map(|purchased| purchased.paid).fold(0, u64::saturating_add)
    }
}

/// The cheapest way to buy from these offers of a bus. `limits` is what one transaction holds. The bus, window and source
/// of `want` are not checked: the caller chooses the offers. Pure: no chain, no clock.
///
/// # Errors
/// Where the amounts make no sense, or where the offers cannot fill the smallest acceptable amount within the limits.
pub fn quote(offers: &[Keyed<Offer>], bus: &Bus, want: &Want, limits: &BatchLimits) -> Result<BestQuote, RouteError> {
    let candidates: Vec<RouterOffer> = offers.iter().map(|offer| RouterOffer::of(offer, bus)).collect();
    let plan = router::quote(
        &candidates,
        &RouterWant {
            energy_wh: want.energy_wh,
            min_energy_wh: want.min_energy_wh,
            max_price_per_kwh: want.max_price_per_kwh.unwrap_or(u64::MAX),
            max_total: want.max_total.unwrap_or(u64::MAX),
            excluded_sellers: want.buyer.as_slice(),
            mint: bus.mint,
        },
    )?;
    if let Some(max_price_per_kwh) = want.max_price_per_kwh.filter(|_| !want.allow_rounding) {
        for fill in &plan.fills {
            if rounds_above(Wh(fill.energy_wh), BaseUnits(fill.cost), PricePerKwh(max_price_per_kwh)) {
                return Err(RouteError::RoundingAboveLimit {
                    offer: fill.offer.offer,
                    energy_wh: fill.energy_wh,
                    price: PriceFraction::new(BaseUnits(fill.cost), Wh(fill.energy_wh)),
                    max_price_per_kwh,
                });
            }
        }
    }
    let by_address: HashMap<Address, &Keyed<Offer>> = offers.iter().map(|offer| (offer.address, offer)).collect();
    let grid_fees = plan.fills.iter().map(|fill| math::grid_fee(fill.energy_wh, fill.offer.grid_fee_per_kwh));
    let on_delivery = plan.fills.iter().filter(|fill| fill.offer.book.is_some()).map(|fill| fill.energy_wh);
    Ok(BestQuote {
        grid_fee: grid_fees.fold(0, u64::saturating_add),
        on_delivery_wh: on_delivery.fold(0, u64::saturating_add),
        energy_wh: plan.energy_wh,
        total_cost: plan.total_cost,
        lower_bound: plan.lower_bound,
        orders: batch_orders(&plan.fills, limits, |address| by_address.get(address).copied()),
    })
}

/// Fills as orders, one for each transaction. `offer` tells the offer at an address; fills without one are left out.
pub fn batch_orders<'a>(
    fills: &[RouterFill],
    limits: &BatchLimits,
    offer: impl Fn(&Address) -> Option<&'a Keyed<Offer>>,
) -> Vec<BatchOrder> {
    let order = |batch: Batch| BatchOrder {
        items: (batch.fills.iter())
            .filter_map(|fill| Some(BatchItem::at_quote(*offer(&fill.offer.offer)?, fill.energy_wh)))
            .collect(),
        max_total: batch.total_cost,
        payment: None,
        allow_rounding: true,
    };
    router::split(fills, limits).into_iter().map(order).collect()
}

impl Market {
    /// The cheapest way to buy what is wanted, from what is on offer now.
    pub async fn quote_best(&self, want: &Want) -> Result<BestQuote> {
        self.quote_best_without(want, &[]).await
    }

    async fn quote_best_without(&self, want: &Want, left_out: &[LeftOut]) -> Result<BestQuote> {
        let filter = want.filter();
        let (offers, bus) = tokio::join!(self.active_offers(&want.bus, &filter, OfferSort::Price), self.bus(&want.bus));
        let (mut offers, bus) = (offers?, bus?);
        offers.retain(|offer| left_out.iter().all(|left| left.offer != offer.address));
        let mut limits = BatchLimits::default();
        if let Some(buyer) = want.buyer.filter(|_| offers.iter().any(|offer| offer.is_on_delivery())) {
            let positions = self.positions_of(&buyer).await?;
            limits.opened = positions.iter().map(|position| position.book.to_bytes()).collect();
        }
        quote(&offers, &bus, want, &limits).map_err(|error| Error::Invalid(error.to_string()))
    }
}

impl Wallet {
    /// What [`Wallet::buy_best`] would buy now.
    pub async fn quote_best(&self, want: &Want) -> Result<BestQuote> {
        self.quote_best_without(want, &[]).await
    }

    async fn quote_best_without(&self, want: &Want, left_out: &[LeftOut]) -> Result<BestQuote> {
        self.market().quote_best_without(&Want { buyer: Some(self.address()), ..*want }, left_out).await
    }

    /// Buys what is wanted at the lowest total cost. Every transaction is quoted on its own, and quoted again if an
    /// offer changes before it lands. An offer that makes a transaction fail is left out and named, and the rest is bought
    /// without it. If a later transaction fails, the purchases of the earlier ones are returned with the cause.
    ///
    /// # Errors
    /// Where nothing was bought.
    pub async fn buy_best(&self, want: &Want) -> Result<BestPurchase> {
        let mut bought = BestPurchase::default();
        // Counts what was signed for, not what the node reports: a node that reports less must not make the wallet
        // spend more.
        let mut paid_at_most = 0u64;
        loop {
            let rest = want.after(&bought, paid_at_most);
            let has_enough = bought.energy_wh() >= want.min_energy_wh && !bought.purchases.is_empty();
            if has_enough && self.quote_best_without(&rest, &bought.left_out).await.is_err() {
                return Ok(bought);
            }
            let signed_for = AtomicU64::new(0);
            let quoted = Mutex::new(None);
            let purchased = self
                .buy_batch_quoted(|| async {
                    let quote = self.quote_best_without(&rest, &bought.left_out).await?;
                    let order = quote.orders.into_iter().next();
                    let order = order.ok_or_else(|| Error::Invalid("the quote is empty; ask for more".to_string()))?;
                    signed_for.fetch_max(order.max_total, Ordering::Relaxed);
                    *quoted.lock().unwrap_or_else(PoisonError::into_inner) = Some(order.clone());
                    Ok(order)
                })
                .await;
            let error = match purchased {
                Ok(purchased) => {
                    paid_at_most = paid_at_most.saturating_add(signed_for.into_inner());
                    bought.purchases.push(purchased);
                    if bought.energy_wh() >= want.energy_wh {
                        return Ok(bought);
                    }
                    continue;
                }
                Err(error) => error,
            };
            // The program refused, so nothing was paid and nothing can land any more.
            let quoted = quoted.into_inner().unwrap_or_else(PoisonError::into_inner);
            if let (Error::Program(_), Some(order)) = (&error, &quoted) {
                let failing = self.failing_offers(order).await;
                if !failing.is_empty() && bought.left_out.len() + failing.len() <= MOST_LEFT_OUT {
                    let left_out = |(offer, error): (Address, Error)| LeftOut { offer, cause: error.to_string() };
                    bought.left_out.extend(failing.into_iter().map(left_out));
                    continue;
                }
            }
            if !bought.purchases.is_empty() {
                bought.stopped = Some(error);
                return Ok(bought);
            }
            return Err(match quoted {
                Some(order) => self.explain_payment(error, &want.bus, order.payment).await,
                None => explain_left_out(error, &bought.left_out),
            });
        }
    }
}

/// Names the offers that were left out where without them there is too little.
fn explain_left_out(error: Error, left_out: &[LeftOut]) -> Error {
    if left_out.is_empty() {
        return error;
    }
    let left_out: Vec<String> = left_out.iter().map(|left| format!("{}: {}", left.offer, left.cause)).collect();
    Error::Invalid(format!("{error}; offers that cannot be bought now were left out: {}", left_out.join("; ")))
}

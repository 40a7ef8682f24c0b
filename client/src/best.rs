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
        purchase::{BatchItem, BatchOrder, Purchased},
        router::{self, BatchLimits, RouteError, RouterOffer, RouterWant},
        wallet::Wallet,
    },
    solana_address::Address,
    std::{
        collections::HashMap,
        sync::atomic::{AtomicU64, Ordering},
    },
};

/// What to buy on a bus, and within which limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// The bus.
    pub bus: Address,
    /// Energy to buy, in Wh.
    pub energy_wh: u64,
    /// Least energy that is acceptable where there is not enough, in Wh; the same as `energy_wh` for all or nothing.
    pub min_energy_wh: u64,
    /// Highest price of any part, in token base units per kWh; `None` for any price.
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
    let by_address: HashMap<Address, &Keyed<Offer>> = offers.iter().map(|offer| (offer.address, offer)).collect();
    let orders = router::split(&plan.fills, limits).into_iter().map(|batch| BatchOrder {
        items: (batch.fills.iter())
            .filter_map(|fill| Some(BatchItem::at_quote(**by_address.get(&fill.offer.offer)?, fill.energy_wh)))
            .collect(),
        max_total: batch.total_cost,
        payment: None,
        allow_rounding: true,
    });
    Ok(BestQuote {
        energy_wh: plan.energy_wh,
        total_cost: plan.total_cost,
        lower_bound: plan.lower_bound,
        orders: orders.collect(),
    })
}

impl Market {
    /// The cheapest way to buy what is wanted, from what is on offer now.
    pub async fn quote_best(&self, want: &Want) -> Result<BestQuote> {
        let filter = want.filter();
        let (offers, bus) = tokio::join!(self.active_offers(&want.bus, &filter, OfferSort::Price), self.bus(&want.bus));
        quote(&offers?, &bus?.account, want, &BatchLimits::default()).map_err(|error| Error::Invalid(error.to_string()))
    }
}

impl Wallet {
    /// What [`Wallet::buy_best`] would buy now.
    pub async fn quote_best(&self, want: &Want) -> Result<BestQuote> {
        self.market().quote_best(&Want { buyer: Some(self.address()), ..*want }).await
    }

    /// Buys what is wanted at the lowest total cost. Every transaction is quoted on its own, and quoted again if an
    /// offer changes before it lands. If a later transaction fails, the purchases of the earlier ones are returned with
    /// the cause.
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
            if has_enough && self.quote_best(&rest).await.is_err() {
                return Ok(bought);
            }
            let signed_for = AtomicU64::new(0);
            let purchased = self
                .buy_batch_quoted(|| async {
                    let quote = self.quote_best(&rest).await?;
                    let order = quote.orders.into_iter().next();
                    let order = order.ok_or_else(|| Error::Invalid("the quote is empty; ask for more".to_string()))?;
                    signed_for.fetch_max(order.max_total, Ordering::Relaxed);
                    Ok(order)
                })
                .await;
            match purchased {
                Ok(purchased) => {
                    paid_at_most = paid_at_most.saturating_add(signed_for.into_inner());
                    bought.purchases.push(purchased);
                }
                Err(error) if bought.purchases.is_empty() => return Err(error),
                Err(error) => {
                    bought.stopped = Some(error);
                    return Ok(bought);
                }
            }
            if bought.energy_wh() >= want.energy_wh {
                return Ok(bought);
            }
        }
    }
}

//! The router: fills a wanted amount of energy at the lowest total cost from many offers, and splits the fills into
//! atomic batches that fit transactions. Pure: no chain, no clock, the same input gives the same plan.
//!
//! # Lowest total cost
//! A fill of `w` Wh at price `p` costs `ceil(w p / 1000)` base units, so its *waste* `(-w p) mod 1000` (in thousandths of
//! a base unit) depends on how the amount is divided. Taking the cheapest energy first minimises `L = sum of w p`
//! exactly, hence no plan costs less than `ceil(L / 1000)`, and the greedy plan costs less than one base unit per
//! fill more than that. Where the greedy plan meets the bound, which is always so when prices are multiples of 1000
//! base units, it is optimal. Otherwise a branch and bound over the few offers that can matter finds the optimum:
//! with `λ` the price of the last Wh that greedy takes, moving one Wh from or to an offer at price `p` adds exactly
//! `|p - λ|` to `L`, so each offer has a non-negative penalty (`|p - λ|` per Wh moved, plus its waste), a plan's cost
//! is `(L + sum of penalties) / 1000`, and whatever exceeds the gap to the best plan so far is cut off. Among plans of
//! equal cost the one with fewer fills wins. The search visits at most [`SEARCH_NODES`] nodes; a plan whose optimality
//! was not proven within them says so: [`Quote::lower_bound`] is then below its total, by less than a base unit per
//! fill.

use {
    crate::{
        Address, Keyed,
        quantity::{BaseUnits, Wh},
        send::{MAX_COMPUTE_UNITS, TRANSACTION_BYTES},
    },
    multibus::{
        constants::{MAX_BATCH_ITEMS, WH_PER_KWH},
        math,
        state::{Bus, Offer},
    },
    serde::{Deserialize, Serialize},
    std::{cmp::Ordering, collections::BTreeSet, fmt},
};

/// Nodes that the search for a cheaper rounding visits at most.
pub const SEARCH_NODES: u32 = 50_000;

/// What the router needs to know of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouterOffer {
    /// The offer's account.
    pub offer: Address,
    /// Its bus.
    pub bus: Address,
    /// The seller's vault, which is paid.
    pub vault: Address,
    /// The seller's wallet; the bus where the offer is its own.
    pub seller: Address,
    /// The bus's settlement mint.
    pub mint: Address,
    /// Energy that can be bought, in Wh.
    pub free_wh: u64,
    /// What a buyer pays, grid fee included, in token base units per kWh.
    pub price_per_kwh: u64,
    /// The grid fee in it, in token base units per kWh.
    pub grid_fee_per_kwh: u64,
    /// The seller's delivery book that its window is in; `None` on purchase terms.
    pub book: Option<Address>,
    /// Least energy that can be bought of it, in Wh, but for all that is free.
    pub least_wh: u64,
    /// Version of the offer, for the price guard.
    pub version: u32,
}

impl RouterOffer {
    /// An offer as it is on chain, and its bus.
    pub fn of(offer: &Keyed<Offer>, bus: &Bus) -> Self {
        Self {
            offer: offer.address,
            bus: offer.bus,
            vault: offer.vault,
            seller: offer.wallet,
            mint: bus.mint,
            free_wh: offer.free_wh(),
            price_per_kwh: offer.full_price_per_kwh,
            grid_fee_per_kwh: offer.grid_fee_per_kwh,
            book: offer.is_on_delivery().then_some(offer.book),
            least_wh: offer.least_wh,
            version: offer.version,
        }
    }

    /// The accounts that a batch passes for it. The buyer is not known here, so that its position book has a name of its own,
    /// one for each delivery book.
    fn accounts(&self) -> impl Iterator<Item = [u8; 32]> {
        let books = self.book.map(|book| {
            let mut position = book.to_bytes();
            position.iter_mut().for_each(|byte| *byte = !*byte);
            [book.to_bytes(), position]
        });
        let always = [self.bus, self.offer, self.vault].map(|address| address.to_bytes());
        always.into_iter().chain(books.into_iter().flatten())
    }

    /// Whether the program sells this much of it at once.
    fn sells(&self, energy_wh: u64) -> bool {
        energy_wh == 0 || energy_wh >= self.least_wh || energy_wh == self.free_wh
    }
}

/// What a buyer wants, for the router alone. [`Want`](crate::best::Want) names a bus, a window and a source too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouterWant<'a> {
    /// Energy to buy, in Wh.
    pub energy_wh: u64,
    /// Smallest amount that is acceptable where there is not enough, in Wh; `energy_wh` for all or nothing.
    pub min_energy_wh: u64,
    /// Highest price of any fill, grid fee included, in token base units per kWh.
    pub max_price_per_kwh: u64,
    /// Highest total, in token base units.
    pub max_total: u64,
    /// Sellers whose offers are left out, such as the buyer: a seller cannot buy its own offer.
    pub excluded_sellers: &'a [Address],
    /// Mint that the buyer pays in. Offers in another mint are left out.
    pub mint: Address,
}

impl RouterWant<'_> {
    /// Exactly `energy_wh` in `mint`, at any price, from anyone.
    pub fn exactly(energy_wh: u64, mint: Address) -> Self {
        Self {
            energy_wh,
            min_energy_wh: energy_wh,
            max_price_per_kwh: u64::MAX,
            max_total: u64::MAX,
            excluded_sellers: &[],
            mint,
        }
    }
}

/// Part of an offer to buy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouterFill {
    /// The offer as it was quoted.
    pub offer: RouterOffer,
    /// Energy, in Wh.
    pub energy_wh: u64,
    /// Cost, in token base units.
    pub cost: u64,
}

/// A plan: which part of which offers to buy. Fills are in order of price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// What to buy of which offer.
    pub fills: Vec<RouterFill>,
    /// Energy of all fills, in Wh.
    pub energy_wh: u64,
    /// Cost of all fills, in token base units.
    pub total_cost: u64,
    /// No plan for this energy costs less, in token base units: equal to `total_cost` where the plan is proven optimal.
    pub lower_bound: u64,
}

impl Quote {
    /// Average price in token base units per kWh, exact.
    pub fn average_price_per_kwh(&self) -> PriceFraction {
        PriceFraction::new(BaseUnits(self.total_cost), Wh(self.energy_wh))
    }

    /// Whether no plan for this energy costs less.
    pub fn is_proven(&self) -> bool {
        self.lower_bound == self.total_cost
    }
}

/// An exact average price, in token base units per kWh: `numerator / denominator`, reduced; 0/1 where nothing was
/// bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceFraction {
    /// Base units, times the denominator.
    pub numerator: u128,
    /// At least 1.
    pub denominator: u64,
}

impl PriceFraction {
    /// Average price of energy at this total cost.
    pub fn new(BaseUnits(cost): BaseUnits, Wh(energy_wh): Wh) -> Self {
        if energy_wh == 0 {
            return Self { numerator: 0, denominator: 1 };
        }
        let numerator = u128::from(cost) * u128::from(WH_PER_KWH);
        let divisor = gcd(numerator, u128::from(energy_wh));
        Self { numerator: numerator / divisor, denominator: (u128::from(energy_wh) / divisor) as u64 }
    }

    /// The price without its fraction, in token base units per kWh.
    pub fn floor(&self) -> u128 {
        self.numerator / u128::from(self.denominator)
    }
}

/// `181818 2/11`, or `181818` where it is whole.
impl fmt::Display for PriceFraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remainder = self.numerator % u128::from(self.denominator);
        write!(f, "{}", self.floor())?;
        if remainder == 0 { Ok(()) } else { write!(f, " {remainder}/{}", self.denominator) }
    }
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Why there is no plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// Nothing was asked for.
    #[error("an amount of 0 Wh was asked for; ask for at least 1 Wh")]
    EnergyZero,
    /// The smallest acceptable amount is not from 1 to the wanted amount.
    #[error("the smallest acceptable fill, {min_energy_wh} Wh, must be from 1 Wh to the wanted {energy_wh} Wh")]
    MinimumInvalid {
        /// Wanted, in Wh.
        energy_wh: u64,
        /// Smallest acceptable amount, in Wh.
        min_energy_wh: u64,
    },
    /// There is not enough energy on offer.
    #[error(
        "{available_wh} Wh are on offer within the limits, at least {min_energy_wh} Wh are wanted; buy less, raise the \
         price limit, or allow a smaller fill"
    )]
    EnergyUnavailable {
        /// On offer within the limits, in Wh.
        available_wh: u64,
        /// Smallest acceptable amount, in Wh.
        min_energy_wh: u64,
    },
    /// Even the smallest acceptable amount costs more than the limit.
    #[error(
        "{energy_wh} Wh cost {} at least, the limit is {max_total}; raise the limit or buy less", BaseUnits(*total_cost)
    )]
    TotalAboveLimit {
        /// Smallest acceptable amount, in Wh.
        energy_wh: u64,
        /// Its lowest cost, in token base units.
        total_cost: u64,
        /// The limit, in token base units.
        max_total: u64,
    },
    /// The amount cannot be divided into parts that the offers sell.
    #[error(
        "{energy_wh} Wh cannot be bought of these offers: each sells at least {least_wh} Wh at once, or all that it has; \
         buy more, or allow another amount"
    )]
    SizeTooSmall {
        /// The amount, in Wh.
        energy_wh: u64,
        /// The largest least size of the offers, in Wh.
        least_wh: u64,
    },
    /// Rounding raises the price of a part above the limit by more than 1 %.
    #[error(
        "{energy_wh} Wh of the offer {offer} would cost {price} per kWh, because parts of a base unit are rounded up, and your \
         limit is {max_price_per_kwh}; buy more at once, or allow rounding"
    )]
    RoundingAboveLimit {
        /// The offer.
        offer: Address,
        /// Energy of the part, in Wh.
        energy_wh: u64,
        /// Its price with rounding, in token base units per kWh.
        price: PriceFraction,
        /// The limit, in token base units per kWh.
        max_price_per_kwh: u64,
    },
    /// The cost exceeds a `u64`.
    #[error("the cost does not fit 64 bits; buy less at once")]
    CostOverflow,
}

/// Finds the cheapest way to buy what is wanted. The module's page says what is proven about it.
///
/// # Errors
/// Where the amounts make no sense, or where the offers cannot fill the smallest acceptable amount within the limits.
pub fn quote(offers: &[RouterOffer], want: &RouterWant<'_>) -> Result<Quote, RouteError> {
    quote_among(offers, want)
}

/// The same among offers that stand anywhere.
///
/// # Errors
/// As [`quote`].
pub fn quote_among<'a>(
    offers: impl IntoIterator<Item = &'a RouterOffer>,
    want: &RouterWant<'_>,
) -> Result<Quote, RouteError> {
    let RouterWant { energy_wh, min_energy_wh, .. } = *want;
    if energy_wh == 0 {
        return Err(RouteError::EnergyZero);
    }
    if min_energy_wh == 0 || min_energy_wh > energy_wh {
        return Err(RouteError::MinimumInvalid { energy_wh, min_energy_wh });
    }
    let mut usable: Vec<&RouterOffer> = offers
        .into_iter()
        .filter(|offer| {
            offer.free_wh > 0
                && offer.price_per_kwh <= want.max_price_per_kwh
                && offer.mint == want.mint
                && !want.excluded_sellers.contains(&offer.seller)
        })
        .collect();
    usable.sort_by(|a, b| {
        (a.price_per_kwh.cmp(&b.price_per_kwh))
            .then(b.free_wh.cmp(&a.free_wh))
            .then_with(|| a.seller.as_ref().cmp(b.seller.as_ref()))
            .then_with(|| a.offer.as_ref().cmp(b.offer.as_ref()))
    });
    usable.dedup_by_key(|offer| offer.offer);
    let available: u128 = usable.iter().map(|offer| u128::from(offer.free_wh)).sum();
    if available < u128::from(min_energy_wh) {
        return Err(RouteError::EnergyUnavailable { available_wh: available as u64, min_energy_wh });
    }
    let mut wanted = available.min(u128::from(energy_wh)) as u64;
    let too_small = |energy_wh| {
        let least_wh = usable.iter().map(|offer| offer.least_wh).max().unwrap_or_default();
        RouteError::SizeTooSmall { energy_wh, least_wh }
    };
    let mut best = cheapest(&usable, wanted);
    if let Err(NoPlan::Indivisible { most_wh }) = best {
        if most_wh < min_energy_wh {
            return Err(too_small(wanted));
        }
        wanted = most_wh;
        best = cheapest(&usable, wanted);
    }
    match best {
        Ok(quote) if quote.total_cost <= want.max_total => return Ok(quote),
        Err(NoPlan::Indivisible { .. }) => return Err(too_small(wanted)),
        Ok(_) | Err(NoPlan::CostOverflow) => {}
    }
    // The lowest cost never falls as the amount grows, so a binary search finds the largest amount within the total.
    let smallest = smallest(&usable, min_energy_wh, wanted).map_err(|no_plan| match no_plan {
        NoPlan::CostOverflow => RouteError::CostOverflow,
        NoPlan::Indivisible { .. } => too_small(min_energy_wh),
    })?;
    if smallest.total_cost > want.max_total {
        return Err(RouteError::TotalAboveLimit {
            energy_wh: smallest.energy_wh,
            total_cost: smallest.total_cost,
            max_total: want.max_total,
        });
    }
    let (mut within, mut above) = (smallest, wanted);
    while above - within.energy_wh > 1 {
        let middle = within.energy_wh + (above - within.energy_wh) / 2;
        match cheapest(&usable, middle) {
            Ok(quote) if quote.total_cost <= want.max_total => within = quote,
            _ => above = middle,
        }
    }
    Ok(within)
}

/// Why an amount has no plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NoPlan {
    /// Its cost exceeds a `u64`.
    CostOverflow,
    /// It would need a part below an offer's least size; this much can be bought.
    Indivisible { most_wh: u64 },
}

/// Cheapest plan for the smallest amount from `min_energy_wh` to `wanted` that the offers sell.
fn smallest(offers: &[&RouterOffer], min_energy_wh: u64, wanted: u64) -> Result<Quote, NoPlan> {
    let refused = match cheapest(offers, min_energy_wh) {
        Err(refused @ NoPlan::Indivisible { .. }) => refused,
        other => return other,
    };
    // The smallest part of one offer alone, at the lowest prices first.
    let parts = offers.iter().take(SMALL_PARTS).map(|offer| offer.least_wh.min(offer.free_wh));
    let mut parts: Vec<u64> = parts.filter(|part| (min_energy_wh..=wanted).contains(part)).collect();
    parts.sort_unstable();
    parts.into_iter().find_map(|part| cheapest(offers, part).ok()).ok_or(refused)
}

/// Offers whose smallest part is tried where the smallest acceptable amount cannot be bought.
const SMALL_PARTS: usize = 16;

/// The cheapest energy first, up to `wanted` Wh, in parts that the offers sell: a part below the least size gets what it
/// lacks from the parts before it, or is left out.
fn greedy(offers: &[&RouterOffer], wanted: u64) -> Vec<u64> {
    let mut amounts = vec![0u64; offers.len()];
    let mut left = wanted;
    for (index, offer) in offers.iter().enumerate() {
        if left == 0 {
            break;
        }
        let amount = offer.free_wh.min(left);
        if offer.sells(amount) {
            amounts[index] = amount;
            left -= amount;
            continue;
        }
        let least = offer.least_wh.min(offer.free_wh);
        let mut lacking = least - left;
        let mut lent = amounts.clone();
        for (amount, earlier) in lent[..index].iter_mut().zip(offers).rev() {
            let part = amount.saturating_sub(earlier.least_wh).min(lacking);
            *amount -= part;
            lacking -= part;
        }
        if lacking == 0 {
            amounts = lent;
            amounts[index] = least;
            left = 0;
        }
    }
    amounts
}

/// Cheapest plan for exactly `wanted` Wh, which the offers (sorted by price) hold.
fn cheapest(offers: &[&RouterOffer], wanted: u64) -> Result<Quote, NoPlan> {
    let amounts = greedy(offers, wanted);
    let most_wh = amounts.iter().sum();
    if most_wh != wanted {
        return Err(NoPlan::Indivisible { most_wh });
    }
    // The floor and the last price are those of the cheapest energy, whatever part of it the offers sell.
    let (mut left, mut last_price, mut floor_milli) = (wanted, 0, 0u128);
    for offer in offers {
        if left == 0 {
            break;
        }
        let amount = offer.free_wh.min(left);
        left -= amount;
        last_price = offer.price_per_kwh;
        floor_milli += milli(amount, offer);
    }
    let lower_bound = u64::try_from(floor_milli.div_ceil(1_000)).map_err(|_| NoPlan::CostOverflow)?;
    let search = Search::new(offers, wanted, last_price, floor_milli, amounts);
    let mut search = search.ok_or(NoPlan::CostOverflow)?;
    search.run();
    let proven = search.nodes_left > 0;
    let Search { best, best_rank, .. } = search;
    let fills: Vec<RouterFill> = (best.into_iter().zip(offers))
        .filter(|(energy_wh, _)| *energy_wh > 0)
        .map(|(energy_wh, offer)| {
            Some(RouterFill { offer: **offer, energy_wh, cost: math::cost(energy_wh, offer.price_per_kwh)? })
        })
        .collect::<Option<_>>()
        .ok_or(NoPlan::CostOverflow)?;
    let total_cost = u64::try_from(best_rank.cost).map_err(|_| NoPlan::CostOverflow)?;
    Ok(Quote {
        fills,
        energy_wh: wanted,
        total_cost,
        lower_bound: if proven { total_cost } else { lower_bound.min(total_cost) },
    })
}

fn milli(energy_wh: u64, offer: &RouterOffer) -> u128 {
    u128::from(energy_wh) * u128::from(offer.price_per_kwh)
}

/// What a fill's rounding wastes, in thousandths of a base unit.
fn waste(energy_wh: u64, offer: &RouterOffer) -> u128 {
    (1_000 - milli(energy_wh, offer) % 1_000) % 1_000
}

/// Plans are compared by cost, then by the number of fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    cost: u128,
    fills: usize,
}

/// An offer whose amount the search may still change.
struct Candidate {
    index: usize,
    /// Difference to the price of the last Wh, in base units per kWh, i.e. thousandths of a base unit per Wh.
    distance: u64,
    cheaper: bool,
    /// Free energy of this candidate and of all after it, in Wh.
    free_from_here: u128,
    /// Largest free energy of this candidate and of all after it, in Wh.
    largest_from_here: u64,
}

struct Search<'a> {
    offers: &'a [&'a RouterOffer],
    floor_milli: u128,
    last_price: u64,
    current: Vec<u64>,
    best: Vec<u64>,
    best_rank: Rank,
    candidates: Vec<Candidate>,
    nodes_left: u32,
    wanted: u64,
}

impl<'a> Search<'a> {
    /// Starts from the greedy plan.
    fn new(
        offers: &'a [&'a RouterOffer],
        wanted: u64,
        last_price: u64,
        floor_milli: u128,
        greedy: Vec<u64>,
    ) -> Option<Self> {
        let mut search = Self {
            offers,
            floor_milli,
            last_price,
            current: greedy.clone(),
            best_rank: Rank { cost: u128::MAX, fills: usize::MAX },
            best: greedy,
            candidates: Vec::new(),
            nodes_left: SEARCH_NODES,
            wanted,
        };
        search.best_rank = search.rank(&search.best);
        // A second start: offers at the last price get amounts that round without waste, and one of them the rest.
        let aligned = search.aligned();
        let rank = search.rank(&aligned);
        let is_sold = aligned.iter().zip(offers).all(|(amount, offer)| offer.sells(*amount));
        if is_sold && rank < search.best_rank {
            (search.best, search.best_rank) = (aligned, rank);
        }
        // A cost above 2^64 is refused by the caller; this keeps the sums of the search far below 2^128.
        (search.best_rank.cost <= u128::from(u64::MAX)).then_some(search)
    }

    fn rank(&self, amounts: &[u64]) -> Rank {
        let mut rank = Rank { cost: 0, fills: 0 };
        for (&amount, offer) in amounts.iter().zip(self.offers) {
            rank.cost += milli(amount, offer).div_ceil(1_000);
            rank.fills += usize::from(amount > 0);
        }
        rank
    }

    fn aligned(&self) -> Vec<u64> {
        let mut amounts = self.best.clone();
        let last: Vec<usize> =
            (0..self.offers.len()).filter(|&i| self.offers[i].price_per_kwh == self.last_price).collect();
        let mut left: u64 = last.iter().map(|&i| std::mem::take(&mut amounts[i])).sum();
        let period = 1_000 / gcd(1_000, u128::from(self.last_price)) as u64;
        for &i in &last {
            let whole = self.offers[i].free_wh.min(left) / period * period;
            amounts[i] = whole;
            left -= whole;
        }
        for &i in &last {
            let more = left.min(self.offers[i].free_wh - amounts[i]);
            amounts[i] += more;
            left -= more;
        }
        amounts
    }

    /// Thousandths of a base unit that a plan may lose against the floor and still be better than the best (or as
    /// cheap with fewer fills).
    fn budget(&self) -> u128 {
        self.best_rank.cost * 1_000 - self.floor_milli
    }

    fn run(&mut self) {
        // Fewest fills that any plan can have: the largest offers first.
        let mut free: Vec<u64> = self.offers.iter().map(|offer| offer.free_wh).collect();
        free.sort_unstable_by_key(|&free| std::cmp::Reverse(free));
        let mut covered = 0u128;
        let fewest = free
            .iter()
            .take_while(|&&free| {
                let needed = covered < u128::from(self.wanted);
                covered += u128::from(free);
                needed
            })
            .count();
        if self.best_rank <= (Rank { cost: self.floor_milli.div_ceil(1_000), fills: fewest }) {
            return;
        }
        let budget = self.budget();
        let (mut penalty, mut fills, mut left) = (0, 0, self.wanted);
        self.current = vec![0; self.offers.len()];
        for (index, offer) in self.offers.iter().enumerate() {
            let (cheaper, distance) = match offer.price_per_kwh.cmp(&self.last_price) {
                Ordering::Less => (true, self.last_price - offer.price_per_kwh),
                _ => (false, offer.price_per_kwh - self.last_price),
            };
            if u128::from(distance) <= budget {
                self.candidates.push(Candidate { index, distance, cheaper, free_from_here: 0, largest_from_here: 0 });
            } else if cheaper {
                // Leaving out a single Wh would cost more than the budget.
                self.current[index] = offer.free_wh;
                penalty += waste(offer.free_wh, offer);
                fills += 1;
                left -= offer.free_wh;
            }
        }
        let (mut free_from_here, mut largest_from_here) = (0, 0);
        for candidate in self.candidates.iter_mut().rev() {
            let free = self.offers[candidate.index].free_wh;
            free_from_here += u128::from(free);
            largest_from_here = free.max(largest_from_here);
            (candidate.free_from_here, candidate.largest_from_here) = (free_from_here, largest_from_here);
        }
        self.visit(0, left, penalty, fills);
    }

    /// Tries every amount of candidate `depth` that can still lead to a better plan.
    fn visit(&mut self, depth: usize, left: u64, penalty: u128, fills: usize) {
        if self.nodes_left == 0 {
            return;
        }
        self.nodes_left -= 1;
        let cost_at_least = (self.floor_milli + penalty).div_ceil(1_000);
        let Some(&Candidate { index, distance, cheaper, free_from_here, largest_from_here }) =
            self.candidates.get(depth)
        else {
            let rank = Rank { cost: cost_at_least, fills };
            if left == 0 && rank < self.best_rank {
                self.best_rank = rank;
                self.best.clone_from(&self.current);
            }
            return;
        };
        let more_fills = if left == 0 { 0 } else { left.div_ceil(largest_from_here) as usize };
        let at_least = Rank { cost: cost_at_least, fills: fills + more_fills };
        if u128::from(left) > free_from_here || at_least >= self.best_rank {
            return;
        }
        let offer = self.offers[index];
        let later = free_from_here - u128::from(offer.free_wh);
        let mut lowest = u128::from(left).saturating_sub(later) as u64;
        let mut highest = offer.free_wh.min(left);
        // How many Wh may be moved to or from this offer.
        let spare = self.budget().saturating_sub(penalty);
        if let Some(movable) = spare.checked_div(u128::from(distance)) {
            let movable = u64::try_from(movable).unwrap_or(u64::MAX);
            if cheaper {
                lowest = lowest.max(offer.free_wh.saturating_sub(movable));
            } else {
                highest = highest.min(movable);
            }
        }
        if lowest > highest {
            return;
        }
        // Whole amounts first, which rarely waste; then every other one that the offer sells.
        let whole = offer.free_wh > 0 && offer.free_wh < offer.least_wh && (lowest..=highest).contains(&offer.free_wh);
        let amounts = (lowest.max(offer.least_wh).max(1)..=highest).rev();
        for amount in amounts.chain(whole.then_some(offer.free_wh)).chain((lowest == 0).then_some(0)) {
            if self.nodes_left == 0 {
                return;
            }
            let moved = if cheaper { offer.free_wh - amount } else { amount };
            let penalty = penalty + u128::from(moved) * u128::from(distance) + waste(amount, offer);
            self.current[index] = amount;
            self.visit(depth + 1, left - amount, penalty, fills + usize::from(amount > 0));
        }
        self.current[index] = 0;
    }
}

/// Accounts that a transaction can lock.
pub const TRANSACTION_ACCOUNTS: usize = 64;

/// What limits a batch.
#[derive(Clone, Debug)]
pub struct BatchLimits {
    /// Items, 1 to 32.
    pub items: usize,
    /// Bytes on the wire.
    pub bytes: usize,
    /// Accounts, looked up or not.
    pub accounts: usize,
    /// Compute units of the whole transaction.
    pub compute_units: u32,
    /// Compute units that are counted for one item: its checks, a transfer by the costliest accepted token program, and the
    /// opening of a position book.
    pub compute_units_per_item: u32,
    /// Delivery books on which the buyer has its position book. The first purchase on another one opens it in the same
    /// transaction.
    pub opened: BTreeSet<[u8; 32]>,
    /// Addresses that a lookup table holds, which then take one byte each in place of 32.
    pub looked_up: BTreeSet<[u8; 32]>,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self {
            items: MAX_BATCH_ITEMS,
            bytes: TRANSACTION_BYTES,
            accounts: TRANSACTION_ACCOUNTS,
            compute_units: MAX_COMPUTE_UNITS,
            compute_units_per_item: 25_000,
            opened: BTreeSet::new(),
            looked_up: BTreeSet::new(),
        }
    }
}

impl BatchLimits {
    /// Limits where every account of these fills, and the fixed ones given, is in one lookup table.
    pub fn with_lookup_table(fills: &[RouterFill], fixed: &[Address]) -> Self {
        let accounts = fills.iter().flat_map(|fill| fill.offer.accounts());
        let looked_up = accounts.chain(fixed.iter().map(Address::to_bytes)).collect();
        Self { looked_up, ..Self::default() }
    }
}

/// Signature count, signature, version, header, key count, blockhash, instruction count, lookup count.
const BYTES_FIXED: usize = 1 + 64 + 1 + 3 + 1 + 32 + 1 + 1;
/// Buyer, trader lane, payment account, token program; then the programs of market and compute budget.
const KEYS_FIXED: usize = 6;
/// Limits of compute units and of loaded accounts (5 bytes of data each) and price (9 bytes), each with program, no accounts
/// and data length.
const BYTES_COMPUTE_BUDGET: usize = (3 + 5) + (3 + 5) + (3 + 9);
/// Program index, two length prefixes of up to two bytes, four accounts; discriminator, nonce, total, item count.
const BYTES_INSTRUCTION: usize = 1 + 2 + 2 + 4 + (1 + 8 + 8 + 4);
/// Two account indices; Wh, price limit, version.
const BYTES_ITEM: usize = 2 + 8 + 8 + 4;
/// Two account indices more on delivery terms.
const BYTES_BOOKS: usize = 2;
/// Instruction that opens a position book: program index, two lengths, five accounts; discriminator, buyer.
const BYTES_OPENING: usize = 1 + 1 + 1 + 5 + (1 + 32);
/// One account index: a bus stands before its items.
const BYTES_BUS: usize = 1;
const BYTES_KEY: usize = 32;
/// Table address and the two lengths of its index lists.
const BYTES_TABLE: usize = 32 + 1 + 1;

/// Fills of one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// What to buy of which offer.
    pub fills: Vec<RouterFill>,
    /// Energy of the fills, in Wh.
    pub energy_wh: u64,
    /// Cost of the fills, in token base units.
    pub total_cost: u64,
}

impl Batch {
    fn of(fills: Vec<RouterFill>) -> Self {
        let energy_wh = fills.iter().map(|fill| fill.energy_wh).sum();
        let total_cost = fills.iter().map(|fill| fill.cost).sum();
        Self { fills, energy_wh, total_cost }
    }

    /// Upper bound for the bytes of the batch's transaction, too high by a few bytes at most.
    pub fn wire_bytes(&self, limits: &BatchLimits) -> usize {
        let accounts = Accounts::of(&self.fills, limits);
        accounts.bytes()
    }
}

/// Distinct accounts of some fills.
#[derive(Clone, Default)]
struct Accounts {
    keys: BTreeSet<[u8; 32]>,
    looked_up: BTreeSet<[u8; 32]>,
    buses: BTreeSet<[u8; 32]>,
    /// Delivery books on which a position book is opened.
    openings: BTreeSet<[u8; 32]>,
    items: usize,
    items_on_delivery: usize,
    uses_table: bool,
}

impl Accounts {
    fn of(fills: &[RouterFill], limits: &BatchLimits) -> Self {
        // The lane, the payment account and the token program are not known here, so they are counted as if no table held
        // them.
        let mut accounts = Self::default();
        for fill in fills {
            accounts.add(fill, limits);
        }
        accounts
    }

    fn add(&mut self, fill: &RouterFill, limits: &BatchLimits) {
        self.buses.insert(fill.offer.bus.to_bytes());
        self.items += 1;
        if let Some(book) = fill.offer.book.map(|book| book.to_bytes()) {
            self.items_on_delivery += 1;
            if !limits.opened.contains(&book) {
                self.openings.insert(book);
            }
        }
        for address in fill.offer.accounts() {
            if limits.looked_up.contains(&address) {
                self.looked_up.insert(address);
                self.uses_table = true;
            } else {
                self.keys.insert(address);
            }
        }
    }

    fn count(&self) -> usize {
        self.static_keys() + self.looked_up.len()
    }

    /// Keys that the message names itself. An opening needs the system program.
    fn static_keys(&self) -> usize {
        KEYS_FIXED + self.keys.len() + usize::from(!self.openings.is_empty())
    }

    fn bytes(&self) -> usize {
        BYTES_FIXED
            + BYTES_COMPUTE_BUDGET
            + BYTES_INSTRUCTION
            + self.static_keys() * BYTES_KEY
            + self.looked_up.len()
            + self.buses.len() * BYTES_BUS
            + self.items * BYTES_ITEM
            + self.items_on_delivery * BYTES_BOOKS
            + self.openings.len() * BYTES_OPENING
            + usize::from(self.uses_table) * BYTES_TABLE
    }
}

/// Splits fills into as few batches as the limits allow, each one transaction. Fills of one bus and one seller stay
/// together, since they share accounts; within that, each goes to the first batch that has room.
///
/// If all fills have the same size, the number of batches is the least possible.
pub fn split(fills: &[RouterFill], limits: &BatchLimits) -> Vec<Batch> {
    let mut order: Vec<&RouterFill> = fills.iter().collect();
    order.sort_by_key(|fill| (fill.offer.bus.to_bytes(), fill.offer.vault.to_bytes()));
    let most_items =
        limits.items.min(MAX_BATCH_ITEMS).min((limits.compute_units / limits.compute_units_per_item) as usize).max(1);
    let mut batches: Vec<(Vec<RouterFill>, Accounts)> = Vec::new();
    'fills: for fill in order {
        for (batch, accounts) in &mut batches {
            if batch.len() == most_items {
                continue;
            }
            let mut with = accounts.clone();
            with.add(fill, limits);
            if with.count() <= limits.accounts && with.bytes() <= limits.bytes {
                batch.push(*fill);
                *accounts = with;
                continue 'fills;
            }
        }
        batches.push((vec![*fill], Accounts::of(std::slice::from_ref(fill), limits)));
    }
    batches.into_iter().map(|(fills, _)| Batch::of(fills)).collect()
}

#[cfg(test)]
mod tests {
    use {super::*, proptest::prelude::*};

    fn address(number: u64) -> Address {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        bytes[31] = 1;
        Address::new_from_array(bytes)
    }

    const MINT: Address = Address::new_from_array([9; 32]);

    fn offer(number: u64, free_wh: u64, price_per_kwh: u64) -> RouterOffer {
        RouterOffer {
            offer: address(number),
            bus: address(1_000),
            vault: address(2_000 + number),
            seller: address(3_000 + number),
            mint: MINT,
            free_wh,
            price_per_kwh,
            grid_fee_per_kwh: 0,
            book: None,
            least_wh: 1,
            version: 1,
        }
    }

    fn offers(list: &[(u64, u64)]) -> Vec<RouterOffer> {
        list.iter().enumerate().map(|(i, &(free, price))| offer(i as u64, free, price)).collect()
    }

    /// Cheapest (cost, fills) by trying everything.
    fn brute_force(offers: &[RouterOffer], wanted: u64) -> Option<(u64, usize)> {
        let Some((first, rest)) = offers.split_first() else {
            return (wanted == 0).then_some((0, 0));
        };
        (0..=first.free_wh.min(wanted))
            .filter_map(|amount| {
                let (cost, fills) = brute_force(rest, wanted - amount)?;
                Some((cost + math::cost(amount, first.price_per_kwh)?, fills + usize::from(amount > 0)))
            })
            .min()
    }

    #[test]
    fn the_cheapest_energy_is_taken_first() {
        let quote =
            quote(&offers(&[(500, 300_000), (1_000, 200_000), (700, 250_000)]), &RouterWant::exactly(1_500, MINT))
                .unwrap();
        let taken: Vec<_> = quote.fills.iter().map(|fill| (fill.offer.price_per_kwh, fill.energy_wh)).collect();
        assert_eq!(taken, [(200_000, 1_000), (250_000, 500)]);
        assert_eq!((quote.energy_wh, quote.total_cost), (1_500, 200_000 + 125_000));
        assert!(quote.is_proven());
        assert_eq!(quote.average_price_per_kwh().to_string(), "216666 2/3");
    }

    #[test]
    fn rounding_is_part_of_the_price() {
        // Greedy would take 1 Wh of each of three offers at 1 base unit each; one fill of the dearer offer costs 1.
        let dust = offers(&[(1, 1), (1, 1), (1, 1), (10, 2)]);
        let quote = quote(&dust, &RouterWant::exactly(3, MINT)).unwrap();
        assert_eq!((quote.total_cost, quote.fills.len()), (1, 1));
    }

    #[test]
    fn limits_are_kept_and_named() {
        let book = offers(&[(100, 1_000), (100, 2_000), (100, 3_000)]);
        let want = RouterWant::exactly(250, MINT);
        let dear = quote(&book, &RouterWant { max_price_per_kwh: 2_000, ..want });
        assert_eq!(dear, Err(RouteError::EnergyUnavailable { available_wh: 200, min_energy_wh: 250 }));
        let part = quote(&book, &RouterWant { max_price_per_kwh: 2_000, min_energy_wh: 1, ..want }).unwrap();
        assert_eq!((part.energy_wh, part.total_cost), (200, 300));
        let total = quote(&book, &RouterWant { max_total: 449, ..want });
        assert_eq!(total, Err(RouteError::TotalAboveLimit { energy_wh: 250, total_cost: 450, max_total: 449 }));
        let within = quote(&book, &RouterWant { max_total: 300, min_energy_wh: 1, ..want }).unwrap();
        assert_eq!((within.energy_wh, within.total_cost), (200, 300));
        let excluded = [book[0].seller];
        let others =
            quote(&book, &RouterWant { excluded_sellers: &excluded, energy_wh: 50, min_energy_wh: 50, ..want });
        assert_eq!(others.unwrap().fills[0].offer.offer, book[1].offer);
        assert_eq!(
            quote(&book, &RouterWant { mint: address(7), ..want }),
            Err(RouteError::EnergyUnavailable { available_wh: 0, min_energy_wh: 250 })
        );
        assert_eq!(quote(&book, &RouterWant::exactly(0, MINT)), Err(RouteError::EnergyZero));
        for min_energy_wh in [0, 251] {
            assert_eq!(
                quote(&book, &RouterWant { min_energy_wh, ..want }),
                Err(RouteError::MinimumInvalid { energy_wh: 250, min_energy_wh })
            );
        }
    }

    #[test]
    fn sums_beyond_64_bits_are_refused() {
        let huge = offers(&[(u64::MAX, u64::MAX), (u64::MAX, u64::MAX)]);
        assert_eq!(quote(&huge, &RouterWant::exactly(u64::MAX, MINT)), Err(RouteError::CostOverflow));
        let part = quote(&huge, &RouterWant { min_energy_wh: 1, ..RouterWant::exactly(u64::MAX, MINT) }).unwrap();
        assert_eq!(part.energy_wh, 1_000);
    }

    #[test]
    fn equal_prices_take_the_fewest_offers() {
        let book = offers(&[(10, 5_000), (40, 5_000), (30, 5_000), (20, 5_000)]);
        let quote = quote(&book, &RouterWant::exactly(70, MINT)).unwrap();
        assert_eq!((quote.fills.len(), quote.total_cost), (2, 350));
    }

    #[test]
    fn many_odd_prices_stay_within_a_unit_per_fill_and_are_quick() {
        let book: Vec<_> = (0..2_000).map(|i| offer(i, 1_234 + i * 7 % 919, 250_001 + i * 13 % 57)).collect();
        let quote = quote(&book, &RouterWant::exactly(900_000, MINT)).unwrap();
        assert!(quote.total_cost - quote.lower_bound < quote.fills.len() as u64);
        assert_eq!(quote.fills.iter().map(|fill| fill.energy_wh).sum::<u64>(), 900_000);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn no_plan_is_cheaper_and_none_as_cheap_has_fewer_fills(
            list in prop::collection::vec((0u64..9, prop_oneof![1u64..3_000, 249_990u64..250_010, 1u64..5]), 1..5),
            wanted in 1u64..24,
        ) {
            let book = offers(&list);
            let best = brute_force(&book, wanted);
            match quote(&book, &RouterWant::exactly(wanted, MINT)) {
                Ok(quote) => {
                    prop_assert_eq!(best, Some((quote.total_cost, quote.fills.len())));
                    prop_assert!(quote.is_proven());
                    prop_assert_eq!(quote.fills.iter().map(|fill| fill.cost).sum::<u64>(), quote.total_cost);
                }
                Err(error) => prop_assert!(best.is_none(), "{error}"),
            }
        }

        #[test]
        fn the_most_energy_within_a_total_is_found(
            list in prop::collection::vec((0u64..9, 1u64..3_000), 1..4),
            wanted in 1u64..20,
            max_total in 0u64..30,
        ) {
            let book = offers(&list);
            let most = (1..=wanted)
                .filter(|&wanted| brute_force(&book, wanted).is_some_and(|(cost, _)| cost <= max_total))
                .max();
            let want = RouterWant { min_energy_wh: 1, max_total, ..RouterWant::exactly(wanted, MINT) };
            prop_assert_eq!(quote(&book, &want).ok().map(|quote| quote.energy_wh), most);
        }

        #[test]
        fn the_order_of_offers_does_not_matter(
            list in prop::collection::vec((0u64..9_000, 1u64..3_000), 1..12),
            wanted in 1u64..30_000,
            turn in 0usize..12,
        ) {
            let mut book = offers(&list);
            let want = RouterWant { min_energy_wh: 1, ..RouterWant::exactly(wanted, MINT) };
            let before = quote(&book, &want);
            let turn = turn % book.len();
            book.rotate_left(turn);
            prop_assert_eq!(quote(&book, &want), before);
        }

        #[test]
        fn batches_hold_every_fill_once_within_the_limits(
            sellers in prop::collection::vec(0u64..60, 1..120),
            buses in 1u64..4,
            table: bool,
        ) {
            let fills: Vec<RouterFill> = sellers
                .iter()
                .enumerate()
                .map(|(i, &seller)| RouterFill {
                    offer: RouterOffer {
                        bus: address(1_000 + i as u64 % buses),
                        vault: address(2_000 + seller),
                        ..offer(i as u64, 10, 1_000)
                    },
                    energy_wh: 10,
                    cost: 10,
                })
                .collect();
            let limits =
                if table { BatchLimits::with_lookup_table(&fills, &[]) } else { BatchLimits::default() };
            let batches = split(&fills, &limits);
            let mut seen: Vec<_> = batches.iter().flat_map(|batch| &batch.fills).map(|fill| fill.offer.offer).collect();
            seen.sort();
            prop_assert_eq!(seen, fills.iter().map(|fill| fill.offer.offer).collect::<Vec<_>>());
            for batch in &batches {
                prop_assert!(batch.fills.len() <= MAX_BATCH_ITEMS);
                prop_assert!(batch.wire_bytes(&limits) <= TRANSACTION_BYTES);
                prop_assert!(Accounts::of(&batch.fills, &limits).count() <= TRANSACTION_ACCOUNTS);
                prop_assert_eq!(batch.total_cost, 10 * batch.fills.len() as u64);
            }
        }
    }

    #[test]
    fn batches_are_as_large_as_a_transaction_takes() {
        use {
            crate::{
                market::Settlement,
                position::position_open,
                purchase::{BatchItem, BatchOrder, Buyer, purchase_batch},
                send::size_of_transaction,
            },
            bytemuck::Zeroable,
            solana_message::AddressLookupTableAccount,
        };
        let settlement = Settlement { mint: MINT, token_program: address(8) };
        let buyer = Buyer { wallet: address(1), trader: address(2), payment: address(3) };
        /// Which offers are on delivery terms, and whether the buyer has its position books.
        #[derive(Clone, Copy, PartialEq)]
        enum Delivery {
            None,
            Opened,
            Opening,
            EverySecond,
        }
        use Delivery::{EverySecond, None as OnPurchase, Opened, Opening};
        let cases = [(64, false), (64, true), (5, false), (5, true)];
        let cases = cases.into_iter().flat_map(|(sellers, with_table)| {
            [OnPurchase, Opened, Opening, EverySecond].map(|delivery| (sellers, with_table, delivery))
        });
        for (sellers, with_table, delivery) in cases {
            let fills: Vec<RouterFill> = (0..64)
                .map(|i| {
                    let is_on_delivery = delivery != OnPurchase && (delivery != EverySecond || i % 2 == 0);
                    let offer = RouterOffer {
                        vault: address(9_000 + i % sellers),
                        book: is_on_delivery.then(|| address(10_000 + i % sellers)),
                        ..offer(100 + i, 10, 1_000)
                    };
                    RouterFill { offer, energy_wh: 10, cost: 10 }
                })
                .collect();
            let bytes = |fills: &[RouterFill]| {
                let items = fills
                    .iter()
                    .map(|fill| {
                        let RouterOffer { offer, bus, vault, book, .. } = fill.offer;
                        let (on_delivery, book) = (u8::from(book.is_some()), book.unwrap_or_default());
                        let account =
                            Offer { bus, vault, full_price_per_kwh: 1_000, on_delivery, book, ..Offer::zeroed() };
                        BatchItem::at_quote(Keyed { address: offer, account }, 10)
                    })
                    .collect();
                let order = BatchOrder::at_quote(items).unwrap();
                let batch = purchase_batch(&buyer, 0, &order, &settlement);
                let books: BTreeSet<Address> = fills.iter().filter_map(|fill| fill.offer.book).collect();
                let bus = fills[0].offer.bus;
                let opened = books.iter().filter(|_| delivery != Opened);
                let mut instructions: Vec<_> =
                    opened.map(|book| position_open(&buyer.wallet, &bus, book, &buyer.wallet)).collect();
                instructions.push(batch);
                let mut tables = Vec::new();
                if with_table {
                    let positions = books.iter().map(|book| crate::address::position(book, &buyer.wallet));
                    let addresses = fills
                        .iter()
                        .flat_map(|fill| [fill.offer.bus, fill.offer.offer, fill.offer.vault])
                        .chain(books.iter().copied())
                        .chain(positions)
                        .collect::<BTreeSet<_>>();
                    tables.push(AddressLookupTableAccount {
                        key: address(4),
                        addresses: addresses.into_iter().collect(),
                    });
                }
                size_of_transaction(&buyer.wallet, &instructions, &tables).unwrap()
            };
            let limits = if with_table { BatchLimits::with_lookup_table(&fills, &[]) } else { BatchLimits::default() };
            let opened = fills.iter().filter(|_| delivery == Opened).filter_map(|fill| fill.offer.book);
            let limits = BatchLimits { opened: opened.map(|book| book.to_bytes()).collect(), ..limits };
            let batches = split(&fills, &limits);
            for batch in &batches {
                let (counted, real) = (batch.wire_bytes(&limits), bytes(&batch.fills));
                assert!(real <= counted && counted - real <= 6, "{real} bytes were counted as {counted}");
            }
            // One more would not fit.
            let first = &batches[0];
            if first.fills.len() < MAX_BATCH_ITEMS {
                let mut one_more = first.fills.clone();
                one_more.push(batches[1].fills[0]);
                let accounts = Accounts::of(&one_more, &limits).count();
                let real = bytes(&one_more);
                assert!(real + 6 > TRANSACTION_BYTES || accounts > TRANSACTION_ACCOUNTS, "{real} bytes");
            }
        }
    }

    #[test]
    fn a_lookup_table_triples_a_batch() {
        let fills: Vec<_> =
            (0..64).map(|i| RouterFill { offer: offer(i, 10, 1_000), energy_wh: 10, cost: 10 }).collect();
        let plain: Vec<_> = split(&fills, &BatchLimits::default()).iter().map(|batch| batch.fills.len()).collect();
        let tabled: Vec<_> =
            split(&fills, &BatchLimits::with_lookup_table(&fills, &[])).iter().map(|batch| batch.fills.len()).collect();
        assert_eq!((plain[0], tabled[0]), (9, 28));
        assert!(plain[..plain.len() - 1].iter().all(|&count| count == plain[0]));
    }
}

//! What a replay found. Energy is in Wh, money in base units of the settlement token, prices in base units per kWh.

use {
    crate::{
        community::duration,
        number::{decimal, grouped},
        options::{ReplayMarket, ReplayTerms},
        records::{OrderEntry, OrderSide, Records, put_side, side},
        rows::{BLOCK, Row, Rows, put, put_text, put_time, take, take_text, take_time},
    },
    multibus_client::{BaseUnits, Wh, quantity::count, router::PriceFraction},
    serde::{Deserialize, Serialize},
    std::collections::BTreeMap,
};

/// Results of a replay, complete or up to where it was interrupted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayReport {
    /// Name of the file.
    pub file: String,
    /// Where it ran: a URL, or "embedded chain".
    pub chain: String,
    /// The bus's address.
    pub bus: String,
    /// The settlement mint's address.
    pub mint: String,
    /// Decimals of the mint.
    pub mint_decimals: u8,
    /// What a token is called: "test USD" where the replay made the mint, else "tokens".
    pub currency: String,
    /// Seed of everything that was drawn.
    pub seed: u64,
    /// The price rule, as the command line takes it.
    pub price_rule: String,
    /// Lowest price of the rule, in base units per kWh.
    pub price_floor_per_kwh: u64,
    /// Highest price of the rule, in base units per kWh.
    pub price_ceiling_per_kwh: u64,
    /// When sellers were paid.
    pub terms: ReplayTerms,
    /// What buyers paid to the grid on top of the price, in base units per kWh.
    pub grid_fee_per_kwh: u64,
    /// What auctions did; only where they closed the windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auction: Option<AuctionTotals>,
    /// Whether members traded by a forecast of the file.
    pub traded_by_forecast: bool,
    /// Whether the replay was ended before its last interval.
    pub interrupted: bool,
    /// Members of the community.
    pub members: u64,
    /// Intervals replayed.
    pub intervals: u64,
    /// Intervals in the file.
    pub intervals_in_file: u64,
    /// Distance of neighbouring intervals, in seconds: on the local clock where intervals have different lengths.
    pub interval_seconds: u32,
    /// Length of the shortest interval, in seconds.
    pub shortest_interval_seconds: u32,
    /// Length of the longest interval, in seconds.
    pub longest_interval_seconds: u32,
    /// Whether each interval was traded in a delivery window. Windows all have one length, so intervals of different
    /// lengths are traded outside windows.
    pub traded_in_windows: bool,
    /// Readings that the file does not have: members without a row in an interval. They count as zero.
    pub missing_readings: u64,
    /// Times between intervals for which the file has no rows.
    pub gaps: u64,
    /// Sentences about what the file left open and what it was taken to mean.
    pub notes: Vec<String>,
    /// What all members drew in the intervals replayed.
    pub load_wh: u64,
    /// What all members generated.
    pub generation_wh: u64,
    /// What members with a surplus could sell: what they expected to have.
    pub surplus_wh: u64,
    /// What members with a deficit wanted: what they expected to need.
    pub deficit_wh: u64,
    /// Sum over intervals of the smaller of surplus and deficit: what had to be traded.
    pub tradable_wh: u64,
    /// What was traded.
    pub traded_wh: u64,
    /// What of it was delivered, on delivery terms: for each seller and window the smaller of what it sold and what its
    /// meter reported.
    pub delivered_wh: u64,
    /// Certificates of origin that buyers took for what was delivered to them.
    pub certificates_wh: u64,
    /// What was offered and not sold.
    pub withdrawn_wh: u64,
    /// Offers created.
    pub offers_created: u64,
    /// Purchases of every kind: single ones, batches and settled locks.
    pub purchases: u64,
    /// Those that took from several offers at once.
    pub batches: u64,
    /// Locks taken.
    pub locks: u64,
    /// Those that were settled.
    pub locks_settled: u64,
    /// Those that were released.
    pub locks_released: u64,
    /// Paid for energy, grid fees included.
    pub paid_base_units: u64,
    /// What of it went back to buyers because it was not delivered.
    pub refunded_base_units: u64,
    /// What of it was credited to the grid.
    pub grid_fee_base_units: u64,
    /// What of it rounding left when books were closed, less than a base unit for each position and window. It goes to the
    /// grid.
    pub remainder_base_units: u64,
    /// Paid for locks that were released.
    pub lock_fees_base_units: u64,
    /// What of the payments was released to members, who sell for themselves or own the bus.
    pub released_base_units: u64,
    /// What of that members have in their wallets.
    pub withdrawn_base_units: u64,
    /// Average price of all energy traded, grid fee included, in base units per kWh.
    pub average_price_per_kwh: PriceFraction,
    /// Transactions submitted.
    pub transactions_sent: u64,
    /// Those that landed and did what they say.
    pub transactions_landed: u64,
    /// Those that landed and failed, or were refused.
    pub transactions_failed: u64,
    /// Quotes and submissions made again because someone was faster, a price had moved or a blockhash expired.
    pub transactions_retried: u64,
    /// Network fees, in lamports.
    pub fees_lamports: u64,
    /// Compute units by instruction.
    pub compute_units: BTreeMap<String, Spread>,
    /// From submission to confirmation, in microseconds. The median is at most an eighth too large, the rest is exact.
    pub latency_microseconds: Spread,
    /// Transactions by latency, empty classes left out.
    pub latency_histogram: Vec<LatencyClass>,
    /// Wall time, in milliseconds.
    pub wall_milliseconds: u64,
    /// The market's invariants, checked from chain state.
    pub invariants: BTreeMap<String, bool>,
    /// What every violated invariant found.
    pub violations: Vec<String>,
    /// Windows left open because their time has not come; who paid their rent gets it back by closing them.
    pub windows_open: u64,
    /// On delivery terms, times of 96 windows that are not settled yet: only where the replay was interrupted, or on a chain
    /// whose clock cannot be moved.
    pub periods_open: u64,
    /// What the bus sold for its owners and how it was shared; only where the replay was co-owned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub treasury: Option<TreasuryResult>,
    /// Results by member.
    pub member_results: Vec<MemberResult>,
    /// Results by interval.
    pub interval_results: Rows<IntervalResult>,
    /// Who bought from whom, as indices into `member_results`.
    pub flows: Vec<Flow>,
    /// What stood in the books of auctions when they were fixed. With the price rule of an auction, anybody recomputes each price
    /// from them.
    #[serde(default, skip_serializing_if = "Rows::is_empty")]
    pub orders: Rows<OrderEntry>,
    /// What the auctions came to, one for each window with an order.
    #[serde(default, skip_serializing_if = "Rows::is_empty")]
    pub auctions: Rows<AuctionEntry>,
    /// Every trade, and what became of it. They have files of their own.
    #[serde(skip)]
    pub records: Records,
}

/// What the auctions of a replay did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuctionTotals {
    /// Whether members traded in auctions alone, or in both ways.
    pub market: ReplayMarket,
    /// Bids made.
    pub bids: u64,
    /// Windows whose price was proven on the chain.
    pub cleared: u64,
    /// Windows in which energy changed hands.
    pub traded: u64,
    /// Windows whose auction is not over yet: only where the replay was interrupted, or on a chain whose clock cannot be moved.
    pub open: u64,
    /// Windows in which nobody proved a price in time: all bids were returned. They have no rows in `orders` and `auctions`.
    pub missed: u64,
    /// Energy that changed hands in auctions.
    pub volume_wh: u64,
    /// What bids paid for it.
    pub paid_base_units: u64,
    /// What of it rounding left to the treasury of the bus.
    pub remainder_base_units: u64,
}

/// What the auction of a window came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuctionEntry {
    /// Start of the interval as the file writes it.
    pub window_start: String,
    /// Price without the grid fee, in base units per kWh; it means nothing where nothing changed hands.
    pub price_per_kwh: u64,
    /// Energy that changed hands.
    pub volume_wh: u64,
    /// The side whose orders at the price were not filled in full.
    pub rationed: Option<OrderSide>,
}

/// How many transactions took longer than the class before and at most this long. In JSON it is a pair of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64)", into = "(u64, u64)")]
pub struct LatencyClass {
    /// Longest latency of the class, in microseconds.
    pub up_to_microseconds: u64,
    /// Transactions in the class.
    pub transactions: u64,
}

impl From<(u64, u64)> for LatencyClass {
    fn from((up_to_microseconds, transactions): (u64, u64)) -> Self {
        Self { up_to_microseconds, transactions }
    }
}

impl From<LatencyClass> for (u64, u64) {
    fn from(class: LatencyClass) -> Self {
        (class.up_to_microseconds, class.transactions)
    }
}

/// Smallest, median and largest of some figures, and how many there are; all zero where there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// Figures.
    pub count: u64,
    /// The smallest.
    pub min: u64,
    /// The one in the middle (the lower of two).
    pub median: u64,
    /// The largest.
    pub max: u64,
    /// Their sum.
    pub total: u64,
}

impl Spread {
    /// Of how often each figure occurs.
    pub fn of(figures: &BTreeMap<u64, u64>) -> Self {
        let count: u64 = figures.values().sum();
        let (Some((&min, _)), Some((&max, _))) = (figures.first_key_value(), figures.last_key_value()) else {
            return Self::default();
        };
        let mut seen = 0;
        let median = figures
            .iter()
            .find(|(_, times)| {
                seen += **times;
                seen >= count.div_ceil(2)
            })
            .map_or(0, |(&figure, _)| figure);
        let total = figures.iter().map(|(figure, times)| figure * times).sum();
        Self { count, min, median, max, total }
    }
}

/// Results of one member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberResult {
    /// Name in the file.
    pub name: String,
    /// The wallet's address.
    pub wallet: String,
    /// Share of the bus, in basis points; 0 for members who do not own it.
    pub share_bps: u16,
    /// Intervals replayed in which the file has no reading of it.
    pub missing_readings: u64,
    /// Drawn in the intervals replayed.
    pub load_wh: u64,
    /// Generated.
    pub generation_wh: u64,
    /// Drawn from the own generation of the same interval.
    pub own_use_wh: u64,
    /// Wanted from others.
    pub deficit_wh: u64,
    /// Bought.
    pub bought_wh: u64,
    /// Offered.
    pub offered_wh: u64,
    /// Sold.
    pub sold_wh: u64,
    /// What of the energy that it sold its meter delivered, on delivery terms.
    pub delivered_wh: u64,
    /// What of the energy that it bought was delivered to it, on delivery terms.
    pub received_wh: u64,
    /// Paid for energy, grid fees included.
    pub paid_base_units: u64,
    /// What of it came back because it was not delivered.
    pub refunded_base_units: u64,
    /// Paid by others for the energy that it sold, into its vault, or that of the bus where it sells through the bus; grid
    /// fees included.
    pub earned_base_units: u64,
    /// What of it went back to its buyers because it did not deliver.
    pub returned_base_units: u64,
    /// What of it was credited to the grid.
    pub grid_fee_base_units: u64,
    /// What of it rounding left to the grid.
    pub remainder_base_units: u64,
    /// Paid for locks that were released.
    pub lock_fees_paid_base_units: u64,
    /// Paid by others for locks on its offers that were released; likewise.
    pub lock_fees_earned_base_units: u64,
    /// What of all that it earned was released to it: its vault has paid it or holds it ready. Of an owner that sells
    /// through the bus, what it claimed or may claim.
    #[serde(default)]
    pub released_base_units: u64,
    /// What its vault has paid to its wallet. Of an owner that sells through the bus, what it claimed.
    #[serde(default)]
    pub withdrawn_base_units: u64,
}

impl MemberResult {
    /// What is its own of what others paid for energy and locks, in base units, whoever it was paid to.
    pub(crate) fn income_by_itself(&self) -> u64 {
        self.sales_base_units() + self.lock_fees_earned_base_units
    }

    /// What is its own of what others paid for its energy, in base units: all but what went back and what the grid gets.
    pub(crate) fn sales_base_units(&self) -> u64 {
        let given = self.returned_base_units + self.grid_fee_base_units + self.remainder_base_units;
        self.earned_base_units.saturating_sub(given)
    }

    /// What it paid for energy and locks less what came back, in base units.
    pub(crate) fn spent_base_units(&self) -> u64 {
        (self.paid_base_units + self.lock_fees_paid_base_units).saturating_sub(self.refunded_base_units)
    }
}

/// What the bus sold for its owners, and how it was shared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreasuryResult {
    /// The treasury's token account.
    pub address: String,
    /// What it received of what buyers paid, fees for released locks included: claimed, claimable and remainder together.
    pub received_base_units: u64,
    /// What buyers paid and is still in the vault of the bus: only where the replay was interrupted.
    pub in_vault_base_units: u64,
    /// What owners claimed.
    pub claimed_base_units: u64,
    /// What owners may still claim: only where the replay was interrupted.
    pub claimable_base_units: u64,
    /// What no share covers, fewer base units than there are owners; it stays for later revenue.
    pub remainder_base_units: u64,
    /// Owners, the largest generator first.
    pub owners: Vec<OwnerResult>,
}

/// Revenue of one owner against the energy that it delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerResult {
    /// Index of the owner in `member_results`.
    pub member: usize,
    /// Name in the file.
    pub name: String,
    /// Share of the bus, in basis points.
    pub share_bps: u16,
    /// Energy that it listed and others bought.
    pub delivered_wh: u64,
    /// Paid for that energy, without grid fees: what it would have earned by itself.
    pub sales_base_units: u64,
    /// Paid for locks on its offers that were released: likewise.
    pub lock_fees_base_units: u64,
    /// What it claimed.
    pub claimed_base_units: u64,
    /// What it may still claim: only where the replay was interrupted.
    pub claimable_base_units: u64,
    /// Its revenue less what it would have earned by itself. The owners' differences, the remainder and what is still in
    /// the vault add up to zero.
    pub difference_base_units: i128,
}

impl OwnerResult {
    /// What it claimed and may still claim, in base units.
    pub fn revenue_base_units(&self) -> u64 {
        self.claimed_base_units + self.claimable_base_units
    }
}

impl TreasuryResult {
    /// An owner's revenue; `None` for a member that sells for itself.
    pub fn owner(&self, member: usize) -> Option<&OwnerResult> {
        self.owners.iter().find(|owner| owner.member == member)
    }
}

/// Results of one interval.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntervalResult {
    /// Start as the file writes it.
    pub interval_start: String,
    /// Start, in unix seconds.
    pub start: i64,
    /// Length, in seconds.
    pub seconds: u32,
    /// Start on the file's own wall clock, in seconds since 1970 on that clock.
    pub local_start: i64,
    /// Start of the window that it was traded in, in unix seconds; 0 outside windows.
    pub window_start: i64,
    /// What members could sell.
    pub surplus_wh: u64,
    /// What members wanted.
    pub deficit_wh: u64,
    /// What was traded.
    pub traded_wh: u64,
    /// What of it was delivered, on delivery terms.
    pub delivered_wh: u64,
    /// What was offered and not sold.
    pub withdrawn_wh: u64,
    /// Offers created.
    pub offers_created: u64,
    /// Purchases of every kind.
    pub purchases: u64,
    /// Those that took from several offers at once.
    pub batches: u64,
    /// Locks taken.
    pub locks: u64,
    /// Locks released.
    pub locks_released: u64,
    /// Paid for energy, grid fees included.
    pub paid_base_units: u64,
    /// What of it went back to buyers because it was not delivered.
    pub refunded_base_units: u64,
    /// What of it was credited to the grid.
    pub grid_fee_base_units: u64,
    /// Lowest price paid, in base units per kWh; 0 where nothing was traded.
    pub lowest_price_per_kwh: u64,
    /// Highest price paid, in base units per kWh.
    pub highest_price_per_kwh: u64,
    /// Whether it was traded to its end; only the last one can be incomplete, where the replay was interrupted.
    pub is_complete: bool,
    /// The auction that closed its window; none before it is over, and where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auction: Option<IntervalAuction>,
}

/// The auction of one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntervalAuction {
    /// Bids in the book.
    pub bids: u64,
    /// Energy that they were for.
    pub bid_wh: u64,
    /// Asks in the book.
    pub asks: u64,
    /// Energy that they offered.
    pub ask_wh: u64,
    /// Price without the grid fee, in base units per kWh; it means nothing where nothing changed hands.
    pub price_per_kwh: u64,
    /// Energy that changed hands.
    pub volume_wh: u64,
    /// What bids paid for it, grid fees included.
    pub paid_base_units: u64,
    /// Energy of the orders at the price that got nothing, of the side that had more.
    pub left_at_price_wh: u64,
    /// Energy of the continuous market beside it: what was bought before the auction; where there was an auction alone, what the
    /// same offers would have sold, the cheapest first.
    pub continuous_wh: u64,
    /// What was paid for that, or would have been, grid fees included.
    pub continuous_base_units: u64,
}

impl IntervalResult {
    /// What had to be traded: all that both sides have, or what was traded until it was interrupted.
    pub fn tradable_wh(&self) -> u64 {
        if self.is_complete { self.surplus_wh.min(self.deficit_wh) } else { self.traded_wh }
    }

    /// Average price, in base units per kWh.
    pub fn average_price_per_kwh(&self) -> PriceFraction {
        PriceFraction::new(BaseUnits(self.paid_base_units), Wh(self.traded_wh))
    }
}

impl Row for IntervalResult {
    fn write(&self, bytes: &mut Vec<u8>) {
        let Self {
            interval_start,
            start,
            seconds,
            local_start,
            window_start,
            surplus_wh,
            deficit_wh,
            traded_wh,
            delivered_wh,
            withdrawn_wh,
            offers_created,
            purchases,
            batches,
            locks,
            locks_released,
            paid_base_units,
            refunded_base_units,
            grid_fee_base_units,
            lowest_price_per_kwh,
            highest_price_per_kwh,
            is_complete,
            auction,
        } = self;
        put_text(bytes, interval_start);
        [*start, *local_start, *window_start].into_iter().for_each(|time| put_time(bytes, time));
        put(bytes, (*seconds).into());
        let energy = [surplus_wh, deficit_wh, traded_wh, delivered_wh, withdrawn_wh];
        let counts = [offers_created, purchases, batches, locks, locks_released];
        let money = [paid_base_units, refunded_base_units, grid_fee_base_units];
        let prices = [lowest_price_per_kwh, highest_price_per_kwh];
        let figures = energy.into_iter().chain(counts).chain(money).chain(prices);
        figures.for_each(|figure| put(bytes, *figure));
        put(bytes, u64::from(*is_complete) | u64::from(auction.is_some()) << 1);
        if let Some(auction) = auction {
            auction.write(bytes);
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let mut result = Self {
            interval_start: take_text(bytes)?,
            start: take_time(bytes)?,
            local_start: take_time(bytes)?,
            window_start: take_time(bytes)?,
            seconds: take(bytes)?.try_into().ok()?,
            surplus_wh: take(bytes)?,
            deficit_wh: take(bytes)?,
            traded_wh: take(bytes)?,
            delivered_wh: take(bytes)?,
            withdrawn_wh: take(bytes)?,
            offers_created: take(bytes)?,
            purchases: take(bytes)?,
            batches: take(bytes)?,
            locks: take(bytes)?,
            locks_released: take(bytes)?,
            paid_base_units: take(bytes)?,
            refunded_base_units: take(bytes)?,
            grid_fee_base_units: take(bytes)?,
            lowest_price_per_kwh: take(bytes)?,
            highest_price_per_kwh: take(bytes)?,
            is_complete: false,
            auction: None,
        };
        let end = take(bytes)?;
        result.is_complete = end & 1 == 1;
        if end & 2 != 0 {
            result.auction = Some(IntervalAuction::read(bytes)?);
        }
        Some(result)
    }
}

impl Row for IntervalAuction {
    fn write(&self, bytes: &mut Vec<u8>) {
        let Self {
            bids,
            bid_wh,
            asks,
            ask_wh,
            price_per_kwh,
            volume_wh,
            paid_base_units,
            left_at_price_wh,
            continuous_wh,
            continuous_base_units,
        } = *self;
        let book = [bids, bid_wh, asks, ask_wh, price_per_kwh, volume_wh, paid_base_units, left_at_price_wh];
        book.into_iter().chain([continuous_wh, continuous_base_units]).for_each(|figure| put(bytes, figure));
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            bids: take(bytes)?,
            bid_wh: take(bytes)?,
            asks: take(bytes)?,
            ask_wh: take(bytes)?,
            price_per_kwh: take(bytes)?,
            volume_wh: take(bytes)?,
            paid_base_units: take(bytes)?,
            left_at_price_wh: take(bytes)?,
            continuous_wh: take(bytes)?,
            continuous_base_units: take(bytes)?,
        })
    }
}

impl Row for AuctionEntry {
    fn write(&self, bytes: &mut Vec<u8>) {
        let Self { window_start, price_per_kwh, volume_wh, rationed } = self;
        put_text(bytes, window_start);
        put(bytes, *price_per_kwh);
        put(bytes, *volume_wh);
        put_side(bytes, *rationed);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            window_start: take_text(bytes)?,
            price_per_kwh: take(bytes)?,
            volume_wh: take(bytes)?,
            rationed: side(take(bytes)?),
        })
    }
}

/// Starts of intervals as the file writes them. Those beside the one that was asked for last are in memory.
pub(crate) struct Starts<'a> {
    intervals: &'a Rows<IntervalResult>,
    /// Number of the first one in memory.
    first: usize,
    labels: Vec<String>,
}

impl<'a> Starts<'a> {
    pub fn of(intervals: &'a Rows<IntervalResult>) -> Self {
        Self { intervals, first: 0, labels: Vec::new() }
    }

    /// The start of an interval; empty where there is no such interval.
    pub fn label(&mut self, interval: usize) -> String {
        let first = interval / BLOCK * BLOCK;
        if self.labels.is_empty() || self.first != first {
            let block = self.intervals.iter_from(first).take(BLOCK);
            (self.first, self.labels) = (first, block.map(|result| result.interval_start).collect());
        }
        self.labels.get(interval - first).cloned().unwrap_or_default()
    }
}

/// What one member bought from another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// Index of the seller.
    pub seller: usize,
    /// Index of the buyer.
    pub buyer: usize,
    /// Energy.
    pub energy_wh: u64,
    /// Paid for it.
    pub paid_base_units: u64,
}

impl ReplayReport {
    /// Whether every invariant holds, and in the continuous market everything that could be traded was.
    pub fn is_sound(&self) -> bool {
        let is_traded = self.market().has_auction() || self.traded_wh == self.tradable_wh;
        is_traded && self.invariants.values().all(|holds| *holds)
    }

    /// What a member got for energy and locks: an owner that sells through the bus what it claimed, any other what
    /// buyers paid, less what went back to them and grid fees.
    pub fn income_base_units(&self, member: usize) -> u64 {
        income_base_units(self.treasury.as_ref(), &self.member_results, member)
    }

    /// How members traded.
    pub fn market(&self) -> ReplayMarket {
        self.auction.as_ref().map_or(ReplayMarket::Continuous, |auction| auction.market)
    }

    /// What rounding left of all that was paid, in base units.
    pub(crate) fn all_remainders(&self) -> u64 {
        self.remainder_base_units + self.auction.as_ref().map_or(0, |auction| auction.remainder_base_units)
    }

    /// Whether sellers were paid for what was delivered.
    pub fn is_on_delivery(&self) -> bool {
        self.terms == ReplayTerms::Delivery
    }

    /// Where the money is that buyers paid for energy on delivery terms, to the base unit.
    pub(crate) fn delivery_sentence(&self) -> String {
        let sum = |figure: fn(&MemberResult) -> u64| self.member_results.iter().map(figure).sum::<u64>();
        let of_sellers = sum(MemberResult::sales_base_units);
        format!(
            "paid {} = sellers {} + refunded {} + grid fees {} + rounding {}, in {}{}",
            self.exact_money(self.paid_base_units),
            self.exact_money(of_sellers),
            self.exact_money(self.refunded_base_units),
            self.exact_money(self.grid_fee_base_units),
            self.exact_money(self.all_remainders()),
            self.currency,
            match self.periods_open {
                0 => "",
                _ => "; what is not settled yet counts as the sellers'",
            }
        )
    }

    /// Length of the intervals, such as `15 min` or `23 h to 25 h`.
    pub(crate) fn interval_length(&self) -> String {
        let [shortest, longest] =
            [self.shortest_interval_seconds, self.longest_interval_seconds].map(|seconds| duration(seconds.into()));
        if shortest == longest { shortest } else { format!("{shortest} to {longest}") }
    }

    /// Which readings are missing; `None` where all are there.
    pub(crate) fn missing_sentence(&self) -> Option<String> {
        const NAMED: usize = 3;
        if self.missing_readings == 0 {
            return None;
        }
        let mut missing: Vec<(u64, &str)> = (self.member_results.iter())
            .filter(|member| member.missing_readings > 0)
            .map(|member| (member.missing_readings, member.name.as_str()))
            .collect();
        missing.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        let mut named: Vec<String> =
            missing.iter().take(NAMED).map(|(count, name)| format!("{count} of {name}")).collect();
        if missing.len() > NAMED {
            named.push(format!("others of {} more", count((missing.len() - NAMED) as u64, "member")));
        }
        Some(format!(
            "{} of {} readings are missing and count as zero: {}",
            grouped(self.missing_readings),
            grouped(self.members * self.intervals),
            named.join(", ")
        ))
    }

    /// What one should know of the file.
    pub(crate) fn file_sentences(&self) -> Vec<String> {
        let mut sentences: Vec<String> = self.missing_sentence().into_iter().collect();
        match self.gaps {
            0 => {}
            1 => sentences.push("the file has a gap, a time without rows between two intervals".into()),
            gaps => {
                sentences
                    .push(format!("the file has {} gaps, times without rows between two intervals", grouped(gaps)));
            }
        }
        if !self.traded_in_windows {
            sentences.push(format!(
                "intervals last {}, and delivery windows all have one length: energy was traded outside windows",
                self.interval_length()
            ));
        }
        if self.is_on_delivery() && !self.traded_by_forecast {
            sentences
                .push("the file has no forecast: members traded what was measured, and delivered all of it".into());
        }
        if self.periods_open > 0 && self.auction.is_some() {
            sentences.push(
                "some windows are not settled yet, or their delivery books wait for certificates of bids, for up to 62 days; go on \
                 with --resume"
                    .into(),
            );
        } else if self.periods_open > 0 {
            sentences.push(
                "some windows are not settled yet: their readings come when they have ended; go on with --resume"
                    .into(),
            );
        }
        if let Some(auction) = &self.auction {
            if auction.open > 0 {
                sentences.push(
                    "some auctions are not over yet: they close windows that lie ahead; go on with --resume within 24 hours \
                     of each"
                        .into(),
                );
            }
            if auction.missed > 0 {
                sentences.push(format!(
                    "{} had an auction whose price nobody proved within 24 hours: all bids were returned",
                    count(auction.missed, "window")
                ));
            }
        }
        sentences.extend(self.notes.iter().cloned());
        sentences
    }

    /// Where the money of a treasury is, to the base unit.
    pub(crate) fn treasury_sentence(&self, treasury: &TreasuryResult) -> String {
        let TreasuryResult {
            received_base_units: received,
            claimed_base_units: claimed,
            claimable_base_units: claimable,
            remainder_base_units: remainder,
            in_vault_base_units: in_vault,
            ..
        } = *treasury;
        let claimable = match claimable {
            0 => String::new(),
            claimable => format!(" + {} still to claim", self.exact_money(claimable)),
        };
        let in_vault = match in_vault {
            0 => String::new(),
            in_vault => format!("; {} more is still in the vault of the bus", self.exact_money(in_vault)),
        };
        format!(
            "treasury: {} received = {} claimed{claimable} + {} remainder, in {}{in_vault}",
            self.exact_money(received),
            self.exact_money(claimed),
            self.exact_money(remainder),
            self.currency
        )
    }

    /// An amount in tokens to the base unit.
    pub(crate) fn exact_money(&self, base_units: u64) -> String {
        decimal(u128::from(base_units), self.mint_decimals, self.mint_decimals)
    }

    /// More or less money, in tokens to the base unit.
    pub(crate) fn difference(&self, base_units: i128) -> String {
        let sign = match base_units {
            0 => "",
            1.. => "+",
            _ => "−",
        };
        format!("{sign}{}", decimal(base_units.unsigned_abs(), self.mint_decimals, self.mint_decimals))
    }

    /// An amount in tokens with two decimals, rounded down.
    pub fn money(&self, base_units: u64) -> String {
        decimal(u128::from(base_units), self.mint_decimals, 2)
    }

    /// A price in tokens with four decimals, rounded down.
    pub fn price(&self, base_units: u128) -> String {
        decimal(base_units, self.mint_decimals, 4)
    }
}

/// See [`ReplayReport::income_base_units`].
pub(crate) fn income_base_units(treasury: Option<&TreasuryResult>, members: &[MemberResult], member: usize) -> u64 {
    match treasury.and_then(|treasury| treasury.owner(member)) {
        Some(owner) => owner.claimed_base_units,
        None => members[member].income_by_itself(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_figure_in_the_middle() {
        let spread = Spread::of(&BTreeMap::from([(5, 1), (7, 3), (100, 1)]));
        assert_eq!(spread, Spread { count: 5, min: 5, median: 7, max: 100, total: 126 });
        assert_eq!(Spread::of(&BTreeMap::from([(1, 1), (9, 1)])).median, 1);
        assert_eq!(Spread::of(&BTreeMap::new()), Spread::default());
    }
}

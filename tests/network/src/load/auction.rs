//! One auction with many orders: wallets offer and bid in a window until its gate, then one wallet proves its price and
//! settles every order. What that costs is counted and timed, and the chain is compared with the orders, to the Wh and
//! the base unit.

use {
    super::{
        Kind, KindReport, LoadError, MAX_LANES, MAX_TRADERS,
        books::{LaneBook, amount},
        check_is_here,
        report::Tally,
        run::{SAMPLE, TRADER_LAMPORTS, compute_units, lane_books, open_accounts},
        submit::{Fate, Submitter},
    },
    crate::market::{self, BASE_PRICE, FUNDS, NetworkMarket},
    bytemuck::Zeroable,
    multibus_client::{
        Address, Error, Keypair, PricePerKwh, Signer, Wh, address,
        auction::{Book, Cleared, Order, Side, WindowBook, clear},
        bid::{BidOrder, bid_create},
        capacity::capacity_open,
        chain::{Chain, CommitmentLevel, RpcChain},
        clearing::{ClearOptions, Clearance, Cost, Settled},
        market::Settlement,
        multibus::{constants::WH_PER_KWH, math},
        offer::{OfferTerms, offer_create},
        purchase::{Buyer, PurchaseKind},
        terms::Terms,
    },
    multibus_test_support::market::{SOL, terms},
    rand::{Rng, SeedableRng, rngs::StdRng},
    std::{
        collections::{BTreeMap, HashMap},
        fmt,
        sync::Arc,
        time::{Duration, Instant},
    },
};

/// Orders of an auction, at most.
pub const MAX_ORDERS: u32 = 20_000;
/// Energy of an order, in Wh, at most.
const MOST_WH: u64 = 10_000;
/// Prices of orders lie within this above the lowest one, in base units per kWh. So several orders are at the price.
const PRICE_RANGE: u64 = 300;
/// Time between the opening of the window and its gate, in seconds, besides what placing the orders takes.
const LEAST_LEAD_SECONDS: u64 = 20;
/// Lamports for the rent of an order's account, and its fee.
const ORDER_LAMPORTS: u64 = SOL / 200;
/// How often a transaction that did not land is made again.
const ATTEMPTS: u32 = 3;

/// Which auction is held.
#[derive(Clone, Debug)]
pub struct AuctionOptions {
    /// RPC URL of a node on this machine.
    pub url: String,
    /// Its websocket URL; `None` for the next port.
    pub websocket_url: Option<String>,
    /// Orders: one half offers, the other bids.
    pub orders: u32,
    /// Wallets that offer and bid.
    pub traders: u16,
    /// Nonce lanes of each wallet, which is how many of its bids are in flight at once.
    pub lanes: u16,
    /// Whether the clearer counts orders by lookup tables.
    pub lookup_tables: bool,
}

impl AuctionOptions {
    /// Checks that every option is within its bounds, and that the node is on this machine.
    ///
    /// # Errors
    /// A sentence with the value and the remedy.
    pub fn validate(&self) -> Result<(), LoadError> {
        let refuse = |sentence: String| Err(LoadError::Options(sentence));
        check_is_here(&self.url)?;
        for (name, value, least, most) in [
            ("orders", self.orders, 2, MAX_ORDERS),
            ("traders", self.traders.into(), 1, MAX_TRADERS.into()),
            ("lanes", self.lanes.into(), 1, MAX_LANES.into()),
        ] {
            if !(least..=most).contains(&value) {
                return refuse(format!("{value} {name} were asked for; choose {least} to {most}"));
            }
        }
        Ok(())
    }
}

/// What one part of an auction took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Step {
    /// Its transactions.
    pub cost: Cost,
    /// How long it took.
    pub time: Duration,
}

/// What an auction did.
#[derive(Clone, Debug)]
pub struct AuctionReport {
    /// Offers and bids that were placed.
    pub placed: [usize; 2],
    /// Wallets that placed them.
    pub traders: u16,
    /// How long the preparations took: token, bus, wallets, lanes, sellers.
    pub preparation: Duration,
    /// Placing the orders, by kind.
    pub kinds: Vec<KindReport>,
    /// How long placing took.
    pub placing: Duration,
    /// The proof of the price.
    pub clearing: Step,
    /// Settling every order.
    pub settling: Step,
    /// What the auction sold.
    pub cleared: Cleared,
    /// What is wrong; empty where all is well.
    pub violations: Vec<String>,
}

impl AuctionReport {
    /// Whether every check holds.
    pub fn is_sound(&self) -> bool {
        self.violations.is_empty()
    }
}

impl fmt::Display for AuctionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [offers, bids] = self.placed;
        writeln!(f, "| {} orders | transactions | failed | compute units | lamports | seconds |", offers + bids)?;
        writeln!(f, "| --- | ---: | ---: | ---: | ---: | ---: |")?;
        for kind in &self.kinds {
            let units = kind.compute_units.map_or("-".to_string(), |each| (each * kind.landed).to_string());
            let lamports = BASE_FEE * kind.landed;
            let (landed, failures) = (kind.landed, kind.failures());
            writeln!(f, "| place, `{}` | {landed} | {failures} | {units} | {lamports} | |", kind.kind)?;
        }
        writeln!(f, "| place, together | | | | | {:.1} |", self.placing.as_secs_f64())?;
        for (name, Step { cost, time }) in [("clear", self.clearing), ("settle", self.settling)] {
            let Cost { transactions, fees, compute_units } = cost;
            let seconds = time.as_secs_f64();
            writeln!(f, "| {name} | {transactions} | | {compute_units} | {fees} | {seconds:.1} |")?;
        }
        writeln!(f)?;
        let Cleared { price_per_kwh, volume_wh, rationed, .. } = self.cleared;
        let rationed = rationed.map_or("no side is rationed".to_string(), |side| format!("{side}s are rationed"));
        writeln!(
            f,
            "{offers} offers and {bids} bids of {} wallets trade {volume_wh} Wh at {price_per_kwh} per kWh; {rationed}. \
             Preparations took {} s.",
            self.traders,
            self.preparation.as_secs()
        )?;
        for kind in self.kinds.iter().filter(|kind| !kind.failed.is_empty()) {
            let causes: Vec<String> = kind.failed.iter().map(|(name, count)| format!("{count} {name}")).collect();
            writeln!(f, "{} failed: {}", kind.kind, causes.join(", "))?;
        }
        match self.violations.len() {
            0 => write!(
                f,
                "The proven price is that of the orders, and every order got and paid its share, to the Wh and the base unit."
            ),
            count => write!(f, "{count} checks do not hold:\n{}", self.violations.join("\n")),
        }
    }
}

/// Lamports that a transaction with one signature pays.
const BASE_FEE: u64 = 5_000;

/// Holds an auction on the node that the options name.
///
/// # Errors
/// Where options are out of bounds, or the node fails before the first order or after the last one.
pub async fn auction(options: &AuctionOptions, note: &(dyn Fn(&str) + Sync)) -> Result<AuctionReport, LoadError> {
    options.validate()?;
    let failed = |doing| move |error| LoadError::Chain { doing, error };
    let chain = RpcChain::new(&options.url, options.websocket_url.as_deref(), CommitmentLevel::Confirmed)
        .map_err(failed("connecting"))?;
    let preparing_at = Instant::now();
    note(&format!("preparing {} wallets with {} lanes each", options.traders, options.lanes));
    let (window, lanes) = Window::prepare(Arc::new(chain), options).await.map_err(failed("preparing the auction"))?;
    let (window, preparation) = (Arc::new(window), preparing_at.elapsed());

    let tally = Arc::new(Tally::new(Duration::MAX));
    let submitter = Submitter::new(window.fresh.chain.clone(), None, tally.clone(), u64::MAX);
    note(&format!("placing {} orders", options.orders));
    let placing_at = Instant::now();
    let (lanes, placed, mut violations) = window.place(Arc::new(submitter), lanes, options.orders).await;
    let placing = placing_at.elapsed();
    let mut kinds = Vec::new();
    for kind in [Kind::OfferCreate, Kind::BidCreate] {
        let units = compute_units(&window.fresh.chain, &tally.sample(kind, SAMPLE)).await;
        kinds.extend(tally.kind_report(kind, units.map_err(failed("reading compute units"))?));
    }
    if placed.len() < options.orders as usize {
        let causes = kinds.iter().flat_map(|kind| kind.failed.iter().map(|(name, count)| format!("{count} {name}")));
        let (causes, count) = (causes.chain(violations).collect::<Vec<_>>().join(", "), placed.len());
        return Err(LoadError::Unplaced { placed: count, orders: options.orders, causes });
    }

    note("waiting for the gate");
    let (fresh, gate) = (&window.fresh, market::gate_of(window.start));
    market::pass_until(&fresh.chain, &options.url, gate).await.map_err(failed("waiting for the gate"))?;
    let clearer = market::member(fresh).await.map_err(failed("making a clearer"))?;
    let book = fresh.market().book(&fresh.bus, window.start).await.map_err(failed("reading the book"))?;
    violations.extend(differences(&book, &placed));
    note("clearing");
    let clear_options = ClearOptions { lookup_tables: options.lookup_tables };
    let clearing_at = Instant::now();
    let clearance = Box::pin(clearer.auction_clear_with(&fresh.bus, window.start, &clear_options))
        .await
        .map_err(failed("clearing the auction"))?;
    let clearing = Step { cost: clearance.cost, time: clearing_at.elapsed() };
    note("settling");
    let settling_at = Instant::now();
    let settled = Box::pin(clearer.auction_settle(&fresh.bus, window.start)).await.map_err(failed("settling"))?;
    let settling = Step { cost: settled.cost, time: settling_at.elapsed() };
    note("checking the chain");
    let cleared = window
        .check(&clearance, &settled, &placed, &lanes, &mut violations)
        .await
        .map_err(failed("reading the chain after the auction"))?;
    let count = |side| placed.iter().filter(|placed| placed.order.side == side).count();
    Ok(AuctionReport {
        placed: [count(Side::Ask), count(Side::Bid)],
        traders: options.traders,
        preparation,
        kinds,
        placing,
        clearing,
        settling,
        cleared,
        violations,
    })
}

/// A window of a bus with an auction, and the wallets that trade in it.
struct Window {
    fresh: NetworkMarket,
    keypairs: Vec<Arc<Keypair>>,
    /// Number of each wallet's next offer.
    next_offers: Vec<u64>,
    settlement: Settlement,
    /// In unix seconds.
    start: i64,
    grid_fee_per_kwh: u64,
}

/// An order that landed.
#[derive(Clone, Copy)]
struct Placed {
    /// Index of its wallet.
    wallet: usize,
    account: Address,
    order: Order,
}

/// What one task placed.
struct Queue {
    lane: Option<LaneBook>,
    placed: Vec<Placed>,
    /// An order of which nobody knows whether it landed: the task stopped there.
    unknown: Option<Address>,
}

impl Window {
    async fn prepare(chain: Arc<RpcChain>, options: &AuctionOptions) -> Result<(Self, Vec<LaneBook>), Error> {
        let traders = u64::from(options.traders);
        let each = TRADER_LAMPORTS + ORDER_LAMPORTS * u64::from(options.orders).div_ceil(traders);
        let lamports = each * (traders + 10) + 20 * SOL;
        let fresh = market::found_auctions(chain.clone(), lamports).await?;
        let keypairs = market::traders(&fresh, usize::from(options.traders), each).await?;
        let opening_at = Instant::now();
        open_accounts(&fresh, &keypairs, options.lanes).await?;
        // Each wallet sent two transactions at least. Orders are placed faster: they are neither simulated nor read.
        let placing = opening_at.elapsed() * options.orders / (2 * u32::from(options.traders));
        let lanes = lane_books(&fresh, &keypairs, options.lanes).await?;
        let sellers = fresh.market().sellers(&fresh.bus).await?;
        let number_of = |keypair: &Arc<Keypair>| {
            let wallet = keypair.pubkey();
            sellers.iter().find(|seller| seller.wallet == wallet).map_or(0, |seller| seller.next_offer)
        };
        let next_offers = keypairs.iter().map(number_of).collect();
        let settlement = fresh.settlement().await?;
        let lead = LEAST_LEAD_SECONDS + placing.as_secs();
        let now = chain.clock().await?.unix_timestamp;
        let start = market::window_after(now.saturating_add_unsigned(lead));
        fresh.owner.send(&[capacity_open(&fresh.owner.address(), &fresh.bus, start)]).await?;
        let terms = fresh.market().capacity(&fresh.bus, start).await?.terms;
        let grid_fee_per_kwh = terms.grid_fee_per_kwh;
        Ok((Self { fresh, keypairs, next_offers, settlement, start, grid_fee_per_kwh }, lanes))
    }

    /// Places orders, one half offers: a seller's one after the other, and the bids of a lane too.
    async fn place(
        self: &Arc<Self>,
        submitter: Arc<Submitter>,
        lanes: Vec<LaneBook>,
        count: u32,
    ) -> (Vec<LaneBook>, Vec<Placed>, Vec<String>) {
        // The same orders in every run.
        let mut rng = StdRng::seed_from_u64(count.into());
        let mut asks: Vec<Vec<Order>> = vec![Vec::new(); self.keypairs.len()];
        let mut bids: Vec<Vec<Order>> = vec![Vec::new(); lanes.len()];
        for number in 0..count as usize {
            let side = if number.is_multiple_of(2) { Side::Ask } else { Side::Bid };
            let energy_wh = rng.random_range(1..=MOST_WH);
            let price_per_kwh = BASE_PRICE + rng.random_range(0..=PRICE_RANGE);
            let queues = if side == Side::Ask { &mut asks } else { &mut bids };
            let queue = number / 2 % queues.len();
            queues[queue].push(Order { side, energy_wh, price_per_kwh });
        }
        let mut running = Vec::new();
        for (wallet, orders) in asks.into_iter().enumerate() {
            running.push(tokio::spawn(self.clone().offer_all(submitter.clone(), wallet, orders)));
        }
        for (lane, orders) in lanes.into_iter().zip(bids) {
            running.push(tokio::spawn(self.clone().bid_all(submitter.clone(), lane, orders)));
        }
        let (mut lanes, mut placed, mut violations) = (Vec::new(), Vec::new(), Vec::new());
        for queue in running {
            let queue = queue.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            lanes.extend(queue.lane);
            placed.extend(queue.placed);
            violations.extend(queue.unknown.map(|order| format!("nobody knows whether the order {order} landed")));
        }
        (lanes, placed, violations)
    }

    async fn offer_all(self: Arc<Self>, submitter: Arc<Submitter>, wallet: usize, orders: Vec<Order>) -> Queue {
        let (keypair, bus) = (&self.keypairs[wallet], self.fresh.bus);
        let seller = keypair.pubkey();
        let mut queue = Queue { lane: None, placed: Vec::new(), unknown: None };
        for order in orders {
            let number = self.next_offers[wallet] + queue.placed.len() as u64;
            let offered = OfferTerms {
                window_start: self.start,
                expires_at: market::gate_of(self.start),
                ..terms(order.energy_wh, order.price_per_kwh)
            };
            // On purchase terms an offer has no delivery book.
            let instruction = offer_create(&seller, &bus, &seller, number, &offered, &Terms::zeroed());
            let account = address::offer(&address::seller(&bus, &seller), number);
            match send(&submitter, Kind::OfferCreate, keypair, &instruction).await {
                Fate::Landed => queue.placed.push(Placed { wallet, account, order }),
                Fate::Failed => {}
                Fate::Unknown => {
                    queue.unknown = Some(account);
                    break;
                }
            }
        }
        queue
    }

    async fn bid_all(self: Arc<Self>, submitter: Arc<Submitter>, mut lane: LaneBook, orders: Vec<Order>) -> Queue {
        let (wallet, keypair) = (lane.member, &self.keypairs[lane.member]);
        let address = keypair.pubkey();
        let buyer = Buyer {
            wallet: address,
            trader: address::trader(&address, lane.lane),
            payment: self.fresh.token_account(&address),
        };
        let mut queue = Queue { lane: None, placed: Vec::new(), unknown: None };
        for order in orders {
            let limit = order.price_per_kwh + self.grid_fee_per_kwh;
            let bid = BidOrder::new(self.fresh.bus, self.start, Wh(order.energy_wh), PricePerKwh(limit));
            let instruction = bid_create(&buyer, lane.lane, lane.nonce, &bid, &self.settlement);
            let hash = lane.hash(PurchaseKind::Bid, &address, &[bid.hashed()]);
            let account = address::bid(&hash.0);
            match send(&submitter, Kind::BidCreate, keypair, &instruction).await {
                Fate::Landed => {
                    lane.spend(&hash);
                    queue.placed.push(Placed { wallet, account, order });
                }
                Fate::Failed => {}
                Fate::Unknown => {
                    queue.unknown = Some(account);
                    break;
                }
            }
        }
        queue.lane = Some(lane);
        queue
    }

    /// Compares the chain with the orders after all of them were settled. Returns what the auction sells of them.
    async fn check(
        &self,
        clearance: &Clearance,
        settled: &Settled,
        placed: &[Placed],
        lanes: &[LaneBook],
        found: &mut Vec<String>,
    ) -> Result<Cleared, Error> {
        let (market, chain) = (self.fresh.market(), &self.fresh.chain);
        let expected = clear(&Book::new(placed.iter().map(|placed| placed.order).collect())?);
        let proven = Cleared::of(&clearance.capacity).unwrap_or_default();
        // The chain keeps the price alone, not the two that it is the middle of.
        let (low_price, high_price) = (expected.low_price, expected.high_price);
        if (Cleared { low_price, high_price, ..proven }) != expected {
            found.push(format!("the chain proved {proven:?}, and the orders give {expected:?}"));
        }
        if !clearance.by_this_wallet || clearance.orders != placed.len() {
            found.push(format!("the clearer counted {} of {} orders", clearance.orders, placed.len()));
        }
        found.extend(settled.waiting.iter().map(|waiting| format!("{} waits: {}", waiting.account, waiting.error)));
        if !settled.is_done || settled.bids + settled.cancelled_offers != placed.len() as u32 {
            found.push(format!(
                "{} bids and {} offers of {} orders were settled",
                settled.bids,
                settled.cancelled_offers,
                placed.len()
            ));
        }

        let audit = Box::new(market.audit(&self.fresh.bus).await?);
        found.extend(audit.violations.iter().cloned());
        if audit.gifts != 0 {
            found.push(format!("the bus holds {} base units that are not booked", audit.gifts));
        }
        let mut tokens = u128::from(audit.unclaimed) + u128::from(audit.treasury) + u128::from(audit.escrow);
        tokens += audit.vaults.values().map(|held| u128::from(*held)).sum::<u128>();
        let mut earned: HashMap<Address, u64> = HashMap::new();
        for seller in &audit.sellers {
            *earned.entry(seller.wallet).or_default() += seller.released + seller.grid_fees_owed;
        }
        let shares = shares(&expected, placed, self.keypairs.len(), self.grid_fee_per_kwh);
        let accounts: Vec<Address> =
            self.keypairs.iter().map(|keypair| self.fresh.token_account(&keypair.pubkey())).collect();
        let (mut all_paid, mut all_earned) = (0u128, 0u128);
        for ((keypair, account), share) in self.keypairs.iter().zip(chain.accounts(&accounts).await?).zip(shares) {
            let wallet = keypair.pubkey();
            let held = account.as_ref().and_then(amount).unwrap_or_default();
            let (paid, got) = (FUNDS.saturating_sub(held), earned.remove(&wallet).unwrap_or_default());
            for (what, amount, [least, most]) in [("paid", paid, share.pays), ("earned", got, share.earns)] {
                if !(least..=most).contains(&amount) {
                    found.push(format!("{wallet} {what} {amount} base units, which should be {least} to {most}"));
                }
            }
            tokens += u128::from(held);
            all_paid += u128::from(paid);
            all_earned += u128::from(got);
        }
        // What rounding leaves: less than one base unit for each order.
        if all_paid < all_earned || all_paid - all_earned >= placed.len() as u128 {
            found.push(format!("buyers paid {all_paid} base units and sellers got {all_earned}"));
        }
        if u128::from(audit.escrow) + all_earned != all_paid {
            found.push(format!("the escrow holds {} base units of {all_paid} paid and {all_earned} got", audit.escrow));
        }
        let supply = u128::from(market.mint(&self.fresh.mint).await?.supply);
        tokens += u128::from(self.fresh.tokens(&self.fresh.owner.address()).await?);
        // The clearer got as many as every trader.
        tokens += u128::from(FUNDS);
        if tokens != supply {
            found.push(format!("{tokens} base units are in wallets and accounts of the bus, and {supply} exist"));
        }
        let lane_count = lanes.len() / self.keypairs.len().max(1);
        let on_chain = lane_books(&self.fresh, &self.keypairs, lane_count as u16).await?;
        found.extend(lanes.iter().filter_map(|lane| {
            let same = on_chain.iter().find(|other| (other.member, other.lane) == (lane.member, lane.lane))?;
            (same != lane).then(|| format!("lane {} of wallet {} has another history", lane.lane, lane.member))
        }));
        Ok(expected)
    }
}

/// Base units that a wallet pays and earns, each at least and at most.
#[derive(Clone, Copy, Default)]
struct Share {
    pays: [u64; 2],
    earns: [u64; 2],
}

/// What each wallet pays and earns, at least and at most: at the price, rounding gives an order up to 1 Wh more.
fn shares(cleared: &Cleared, placed: &[Placed], wallets: usize, grid_fee_per_kwh: u64) -> Vec<Share> {
    let full_price = cleared.price_per_kwh + grid_fee_per_kwh;
    let mut shares = vec![Share::default(); wallets];
    for Placed { wallet, order, .. } in placed {
        let least_wh = cleared.share_of(order);
        let is_at_price = cleared.volume_wh > 0 && order.price_per_kwh == cleared.price_per_kwh;
        let most_wh = (least_wh + u64::from(is_at_price)).min(order.energy_wh);
        let share = &mut shares[*wallet];
        for (place, energy_wh) in [least_wh, most_wh].into_iter().enumerate() {
            match order.side {
                Side::Bid => share.pays[place] += math::cost(energy_wh, full_price).unwrap_or(u64::MAX),
                Side::Ask => {
                    share.earns[place] += math::mul_div_floor(energy_wh, full_price, WH_PER_KWH).unwrap_or(u64::MAX);
                }
            }
        }
    }
    shares
}

/// Sends an order, again where it did not land.
async fn send(submitter: &Submitter, kind: Kind, wallet: &Keypair, instruction: &multibus_client::Instruction) -> Fate {
    for _ in 1..ATTEMPTS {
        match submitter.send(kind, wallet, instruction.clone()).await {
            Fate::Failed => {}
            fate => return fate,
        }
    }
    submitter.send(kind, wallet, instruction.clone()).await
}

/// Where the book on the chain differs from the orders that were placed.
fn differences(book: &WindowBook, placed: &[Placed]) -> Vec<String> {
    let bids = book.bids.iter().map(|bid| {
        let (energy_wh, price_per_kwh) = (bid.energy_wh, bid.price_per_kwh);
        (bid.address, Order { side: Side::Bid, energy_wh, price_per_kwh })
    });
    let asks = book.offers.iter().map(|offer| {
        let (energy_wh, price_per_kwh) = (offer.ask_wh(), offer.price_per_kwh);
        (offer.address, Order { side: Side::Ask, energy_wh, price_per_kwh })
    });
    let on_chain: BTreeMap<Address, Order> = bids.chain(asks).collect();
    let known: BTreeMap<Address, Order> = placed.iter().map(|placed| (placed.account, placed.order)).collect();
    let mut found = Vec::new();
    for (account, order) in &known {
        if on_chain.get(account) != Some(order) {
            found.push(format!("the order {account} is {order:?}, and {:?} on the chain", on_chain.get(account)));
        }
    }
    let strange = on_chain.keys().filter(|account| !known.contains_key(account));
    found.extend(strange.map(|account| format!("the order {account} on the chain was not placed")));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_bounds_is_refused_with_the_bounds() {
        let options = AuctionOptions {
            url: "http://127.0.0.1:8899".to_string(),
            websocket_url: None,
            orders: 100,
            traders: 4,
            lanes: 2,
            lookup_tables: false,
        };
        assert!(options.validate().is_ok());
        for (wrong, named) in [
            (AuctionOptions { orders: 1, ..options.clone() }, "1 orders were asked for; choose 2 to 20000"),
            (AuctionOptions { traders: 0, ..options.clone() }, "0 traders were asked for; choose 1 to 2000"),
            (AuctionOptions { lanes: 33, ..options.clone() }, "33 lanes were asked for; choose 1 to 32"),
            (AuctionOptions { url: "https://api.devnet.solana.com".to_string(), ..options }, "is not on this machine"),
        ] {
            let refused = wrong.validate().unwrap_err().to_string();
            assert!(refused.contains(named), "{refused}");
        }
    }

    #[test]
    fn wallets_pay_and_earn_what_the_price_gives_their_orders() {
        let placed = |wallet, side, energy_wh, price_per_kwh| {
            let order = Order { side, energy_wh, price_per_kwh };
            Placed { wallet, account: Address::new_unique(), order }
        };
        // 1,500 Wh are asked for; of the bids, 1,000 Wh are above the price of 200, and 1,000 Wh at it share 500.
        let placed = [
            placed(0, Side::Ask, 1_500, 200),
            placed(1, Side::Bid, 1_000, 300),
            placed(1, Side::Bid, 333, 200),
            placed(2, Side::Bid, 667, 200),
            placed(2, Side::Bid, 100, 199),
        ];
        let cleared = clear(&Book::new(placed.iter().map(|placed| placed.order).collect()).unwrap());
        assert_eq!((cleared.price_per_kwh, cleared.volume_wh, cleared.rationed), (200, 1_500, Some(Side::Bid)));
        let shares = shares(&cleared, &placed, 4, 50);
        // 250 per kWh, grid fee included; bids at the price get 166 or 167 Wh, 333 or 334 Wh.
        assert_eq!(shares.iter().map(|share| share.earns).collect::<Vec<_>>(), [[375, 375], [0; 2], [0; 2], [0; 2]]);
        assert_eq!(shares.iter().map(|share| share.pays).collect::<Vec<_>>(), [[0; 2], [292, 292], [84, 84], [0; 2]]);
    }

    #[test]
    fn a_report_names_costs_and_what_does_not_hold() {
        let report = AuctionReport {
            placed: [3, 2],
            traders: 2,
            preparation: Duration::from_secs(1),
            kinds: Vec::new(),
            placing: Duration::from_millis(1_500),
            clearing: Step {
                cost: Cost { transactions: 4, fees: 20_000, compute_units: 17_685 },
                time: Duration::from_millis(2_500),
            },
            settling: Step::default(),
            cleared: Cleared { price_per_kwh: 7, volume_wh: 11, rationed: Some(Side::Ask), ..Cleared::default() },
            violations: Vec::new(),
        };
        let text = report.to_string();
        assert!(text.contains("| clear | 4 | | 17685 | 20000 | 2.5 |"), "{text}");
        assert!(
            text.contains("3 offers and 2 bids of 2 wallets trade 11 Wh at 7 per kWh; asks are rationed."),
            "{text}"
        );
        assert!(report.is_sound() && text.contains("The proven price is that of the orders"), "{text}");
        let wrong = AuctionReport { violations: vec!["a Wh is gone".to_string()], ..report };
        assert!(!wrong.is_sound() && wrong.to_string().ends_with("1 checks do not hold:\na Wh is gone"));
    }
}

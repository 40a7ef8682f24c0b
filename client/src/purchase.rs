//! Purchases from one offer or from many at once. Each is paid at most once, whatever the network does. Bids in auctions are made in
//! the same way.
//!
//! A purchase keeps one nonce of one lane until its outcome is known. Every transaction signed for it carries that
//! nonce, also after a time-out, an expired blockhash or a new quote. The program spends a nonce once, so at most one
//! of these transactions lands. Each is noted before a node gets it, whatever the node answers. After a failure the lane is
//! read: if the nonce is spent, the receipt tells whether this purchase spent it. Another nonce is used only where the chain
//! shows that another purchase spent this one, or that its lane was closed before. Otherwise the purchase ends as
//! [`Error::PurchaseUnknown`].

use {
    crate::{
        account::Keyed,
        address,
        chain::Outcome,
        error::{Error, ProgramFailure, Result},
        event::{self, BidCreated, EnergyPurchased, Event},
        lane::Lease,
        market::Settlement,
        offer::{Offer, book_accounts, is_tradable},
        quantity::{BaseUnits, PricePerKwh, Wh},
        router::PriceFraction,
        send::{SendFailure, Sent, TRANSACTION_BYTES, Unresolved, size_of_transaction},
        trader::{Trader, receipts_of},
        wallet::Wallet,
    },
    multibus::{
        constants::{MAX_BATCH_ITEMS, WH_PER_KWH},
        error::MultibusError,
        math,
    },
    solana_address::Address,
    solana_instruction::{AccountMeta, Instruction},
    solana_message::AddressLookupTableAccount,
    solana_signature::Signature,
    spl_token_interface::error::TokenError,
    std::future::Future,
    tokio::time::Instant,
};

pub use {
    crate::hash::TransactionHash,
    multibus::{
        event::PurchasedFill,
        instructions::PurchaseItem,
        state::{Order, PurchaseKind},
    },
};

/// Give up after other processes spent this many nonces of a purchase.
const MAX_COLLISIONS: u32 = 64;
/// Position books that are opened in one transaction.
const POSITIONS_AT_ONCE: usize = 8;
/// How many transactions of a lane are searched for that of a purchase.
const RECENT_TRANSACTIONS: usize = 100;

/// A purchase from one offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurchaseOrder {
    /// The offer.
    pub offer: Address,
    /// Energy wanted, in Wh.
    pub energy_wh: u64,
    /// Least energy that is acceptable, in Wh; the same as wanted for all or nothing.
    pub min_energy_wh: u64,
    /// Highest price, grid fee included, in token base units per kWh.
    pub max_price_per_kwh: u64,
    /// Highest total, in token base units; `None` for the cost at the highest price.
    pub max_total: Option<u64>,
    /// Version of the offer that was quoted; 0 accepts any version within the highest price.
    pub expected_version: u32,
    /// Token account that pays; `None` for the buyer's associated token account.
    pub payment: Option<Address>,
    /// Accept a fill whose rounding raises its price per kWh above the highest price by more than 1 %.
    pub allow_rounding: bool,
}

impl PurchaseOrder {
    /// Exactly this much or nothing.
    pub fn exactly(offer: Address, energy: Wh, max_price: PricePerKwh) -> Self {
        Self {
            offer,
            energy_wh: energy.0,
            min_energy_wh: energy.0,
            max_price_per_kwh: max_price.0,
            max_total: None,
            expected_version: 0,
            payment: None,
            allow_rounding: false,
        }
    }

    /// The same order, which accepts less if there is not enough, but at least this much.
    #[must_use]
    pub fn or_at_least(self, min_energy: Wh) -> Self {
        Self { min_energy_wh: min_energy.0, ..self }
    }

    /// The highest price at which the total is within its limit too.
    fn price_limit(&self) -> u64 {
        match self.max_total {
            None => self.max_price_per_kwh,
            Some(max_total) => {
                // ceil(energy x price / 1000) <= total, so price <= floor(1000 x total / energy).
                let limit = u128::from(max_total) * u128::from(WH_PER_KWH) / u128::from(self.energy_wh.max(1));
                u64::try_from(limit).unwrap_or(u64::MAX).min(self.max_price_per_kwh)
            }
        }
    }
}

/// Part of an offer in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchItem {
    /// The offer.
    pub offer: Keyed<Offer>,
    /// Energy to buy, in Wh. Not less.
    pub energy_wh: u64,
    /// Highest price, grid fee included, in token base units per kWh.
    pub max_price_per_kwh: u64,
    /// Version of the offer that was quoted; 0 accepts any within the highest price.
    pub expected_version: u32,
}

impl BatchItem {
    /// At most the price that the offer asks now, grid fee included.
    pub fn at_quote(offer: Keyed<Offer>, energy_wh: u64) -> Self {
        Self { offer, energy_wh, max_price_per_kwh: offer.full_price_per_kwh, expected_version: 0 }
    }

    /// What it costs at the offer's present price, in token base units; `None` where that exceeds 64 bits.
    pub fn cost(&self) -> Option<u64> {
        math::cost(self.energy_wh, self.offer.full_price_per_kwh)
    }
}

/// A purchase from several offers, all or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchOrder {
    /// What to buy: 1 to 32 different offers of buses with one settlement mint.
    pub items: Vec<BatchItem>,
    /// Highest total, in token base units.
    pub max_total: u64,
    /// Token account that pays; `None` for the buyer's associated token account.
    pub payment: Option<Address>,
    /// Accept a fill whose rounding raises its price per kWh above the highest price by more than 1 %.
    pub allow_rounding: bool,
}

impl BatchOrder {
    /// At most what the items cost at their present prices, rounding included.
    pub fn at_quote(items: Vec<BatchItem>) -> Result<Self> {
        let total = items.iter().try_fold(0u64, |total, item| total.checked_add(item.cost()?));
        let max_total = total.ok_or_else(|| {
            Error::Invalid(format!("the cost of {} items exceeds 64 bits; buy less at once", items.len()))
        })?;
        Ok(Self { items, max_total, payment: None, allow_rounding: true })
    }

    /// What enters the transaction hash.
    pub fn orders(&self) -> Vec<Order> {
        let order = |item: &BatchItem| Order {
            offer: item.offer.address,
            energy_wh: item.energy_wh,
            max_price_per_kwh: item.max_price_per_kwh,
        };
        self.items.iter().map(order).collect()
    }
}

/// A purchase that was paid.
#[derive(Clone, Debug)]
pub struct Purchased {
    /// Its hash.
    pub transaction_hash: TransactionHash,
    /// Its nonce lane.
    pub lane: u16,
    /// Its nonce.
    pub nonce: u64,
    /// Its transaction.
    pub signature: Signature,
    /// Slot of its block.
    pub slot: u64,
    /// When, in unix seconds.
    pub purchased_at: i64,
    /// Energy bought, in Wh.
    pub energy_wh: u64,
    /// Paid, in token base units.
    pub paid: u64,
    /// What was bought of which offer; empty where the node does not serve the transaction's log.
    pub fills: Vec<PurchasedFill>,
    /// Compute units used; 0 where the node does not serve them.
    pub compute_units: u64,
    /// How often a transaction was signed for it.
    pub attempts: u32,
}

/// Accounts of a purchase that all of its items share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buyer {
    /// Who buys.
    pub wallet: Address,
    /// The nonce lane's account.
    pub trader: Address,
    /// Token account that pays.
    pub payment: Address,
}

/// Instruction `purchase`: buys part of one offer. On delivery terms the buyer's position book must be open: see
/// [`position_open`](crate::position::position_open).
pub fn purchase(
    buyer: &Buyer,
    nonce: u64,
    offer: &Keyed<Offer>,
    order: &PurchaseOrder,
    settlement: &Settlement,
) -> Instruction {
    let mut instruction = multibus::instruction::Purchase {
        nonce,
        energy_wh: order.energy_wh,
        min_energy_wh: order.min_energy_wh,
        max_price_per_kwh: order.price_limit(),
        expected_version: order.expected_version,
    }
    .to_instruction(multibus::accounts::Purchase {
        buyer: buyer.wallet,
        trader: buyer.trader,
        bus: offer.bus,
        offer: offer.address,
        payment: buyer.payment,
        vault: offer.vault,
        token_program: settlement.token_program,
    });
    instruction.accounts.extend(book_accounts(offer, &buyer.wallet));
    instruction
}

/// Instruction `purchase_batch`: buys parts of several offers, all or nothing. Each item takes two more accounts: its offer
/// and the vault of the offer's seller, and on delivery terms two more: the seller's delivery book and the buyer's position book
/// on it. A bus stands before the first of its items.
pub fn purchase_batch(buyer: &Buyer, nonce: u64, order: &BatchOrder, settlement: &Settlement) -> Instruction {
    let items = order
        .items
        .iter()
        .map(|item| PurchaseItem {
            energy_wh: item.energy_wh,
            max_price_per_kwh: item.max_price_per_kwh,
            expected_version: item.expected_version,
        })
        .collect();
    let mut instruction = multibus::instruction::PurchaseBatch { nonce, max_total: order.max_total, items }
        .to_instruction(multibus::accounts::PurchaseBatch {
            buyer: buyer.wallet,
            trader: buyer.trader,
            payment: buyer.payment,
            token_program: settlement.token_program,
        });
    let mut bus = None;
    for item in &order.items {
        if bus.replace(item.offer.bus) != Some(item.offer.bus) {
            instruction.accounts.push(AccountMeta::new_readonly(item.offer.bus, false));
        }
        instruction
            .accounts
            .extend([AccountMeta::new(item.offer.address, false), AccountMeta::new(item.offer.vault, false)]);
        instruction.accounts.extend(book_accounts(&item.offer, &buyer.wallet));
    }
    instruction
}

/// The nonce that a purchase spends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nonce {
    /// The nonce lane's account.
    pub trader: Address,
    pub lane: u16,
    pub nonce: u64,
}

/// Makes a purchase's instruction once its nonce is known.
type BuildInstruction = dyn Fn(&Nonce) -> Instruction + Send + Sync;

/// One attempt at a purchase: what enters the hash, and how its instruction is made.
pub(crate) struct Plan {
    kind: PurchaseKind,
    orders: Vec<Order>,
    /// Least energy that it buys, in Wh.
    min_energy_wh: u64,
    build: Box<BuildInstruction>,
    /// What stands before that instruction: it opens position books, or the window of a bid.
    pub before: Vec<Instruction>,
    tables: Vec<AddressLookupTableAccount>,
}

impl Plan {
    /// Buys exactly what is ordered. A bid buys nothing yet.
    pub fn new(
        kind: PurchaseKind,
        orders: Vec<Order>,
        build: impl Fn(&Nonce) -> Instruction + Send + Sync + 'static,
    ) -> Self {
        let min_energy_wh = match kind {
            PurchaseKind::Bid => 0,
            _ => orders.iter().map(|order| order.energy_wh).fold(0, u64::saturating_add),
        };
        Self { kind, orders, min_energy_wh, build: Box::new(build), before: Vec::new(), tables: Vec::new() }
    }
}

/// Whose transaction spent a purchase's nonce.
enum Spender {
    /// The purchase's.
    This(Box<Purchased>),
    /// Another purchase's.
    Another,
    /// The node does not tell.
    Unknown,
}

/// What the lane says about a purchase's nonce.
enum Fate {
    /// The purchase spent it.
    Paid(Box<Purchased>),
    /// Nobody has spent it.
    Open,
    /// Another purchase spent it; the lane's next nonce is this.
    Taken(u64),
    /// The lane was closed.
    Closed,
}

impl Wallet {
    /// Buys from one offer. If the offer changes between quote and purchase, it is quoted again and bought within the
    /// order's limits, or refused with [`Error::BeyondLimits`]. On delivery terms the same transaction opens this wallet's
    /// position book where it has none yet: its rent is bound until the book closes.
    pub async fn buy(&self, order: &PurchaseOrder) -> Result<Purchased> {
        validate_order(order)?;
        let order = *order;
        match self.purchase(|| self.quote(order)).await {
            Err(error @ Error::Program(_)) => {
                let Ok(offer) = self.market().offer(&order.offer).await else { return Err(error) };
                Err(self.explain_payment(error, &offer.bus, order.payment).await)
            }
            bought => bought,
        }
    }

    async fn quote(&self, order: PurchaseOrder) -> Result<Plan> {
        let offer = self.market().offer(&order.offer).await?;
        let (settlement, bus, clock, before) = tokio::join!(
            self.market().settlement(&offer.bus),
            self.market().bus(&offer.bus),
            self.chain().clock(),
            self.open_positions([&offer.account])
        );
        let (settlement, bus, clock, before) = (settlement?, bus?, clock?, before?);
        let limit = order.price_limit();
        if offer.wallet == self.address() {
            return Err(Error::Invalid(format!(
                "the offer {} is this wallet's own; cancel it instead of buying it",
                offer.address
            )));
        }
        if offer.full_price_per_kwh > limit {
            let fee = match offer.grid_fee_per_kwh {
                0 => String::new(),
                fee => format!(" ({fee} of it for the grid)"),
            };
            return Err(Error::BeyondLimits(format!(
                "the offer {} asks {} per kWh{fee} and your limits allow {limit}; raise them or choose another offer",
                offer.address, offer.full_price_per_kwh
            )));
        }
        if order.expected_version != 0 && order.expected_version != offer.version {
            return Err(Error::BeyondLimits(format!(
                "the offer {} is at version {} and you quoted version {}; quote it again",
                offer.address, offer.version, order.expected_version
            )));
        }
        if !is_tradable(&offer, &bus, clock.unix_timestamp) {
            return Err(Error::BeyondLimits(format!(
                "the offer {} is sold out, cancelled or expired, does not trade yet, or its bus is paused; choose another",
                offer.address
            )));
        }
        if offer.free_wh() < order.min_energy_wh {
            return Err(Error::BeyondLimits(format!(
                "the offer {} has {} Wh and you want at least {} Wh; lower the minimum or choose another offer",
                offer.address,
                offer.free_wh(),
                order.min_energy_wh
            )));
        }
        let fill_wh = order.energy_wh.min(offer.free_wh());
        if fill_wh < offer.least_wh && fill_wh < offer.free_wh() {
            return Err(Error::BeyondLimits(format!(
                "{fill_wh} Wh of the offer {} are less than the {} Wh that it sells at once; buy more, or all of its {} Wh",
                offer.address,
                offer.least_wh,
                offer.free_wh()
            )));
        }
        if !order.allow_rounding {
            validate_rounding(&offer, Wh(fill_wh), PricePerKwh(order.max_price_per_kwh))?;
        }
        let wallet = self.address();
        let payment = order.payment.unwrap_or_else(|| settlement.token_account(&wallet));
        let hashed = Order { offer: offer.address, energy_wh: order.energy_wh, max_price_per_kwh: limit };
        let plan = Plan::new(PurchaseKind::Single, vec![hashed], move |spent| {
            let buyer = Buyer { wallet, trader: spent.trader, payment };
            purchase(&buyer, spent.nonce, &offer, &order, &settlement)
        });
        Ok(Plan { min_energy_wh: order.min_energy_wh, before, ..plan })
    }

    /// Buys exactly these parts of these offers, all or nothing. If an offer has changed since it was quoted, nothing
    /// is paid and the error [is a conflict](Error::is_conflict). If one of the offers makes the batch fail, the error names
    /// it.
    pub async fn buy_batch(&self, order: &BatchOrder) -> Result<Purchased> {
        match self.purchase_at_most(1, || self.plan_batch(order.clone())).await {
            Err(error @ Error::Program(_)) => {
                if let Some((_, refused)) = self.failing_offers(order).await.into_iter().next() {
                    return Err(refused);
                }
                Err(self.explain_payment(error, &order.items[0].offer.bus, order.payment).await)
            }
            bought => bought,
        }
    }

    /// The offers that make a batch fail, each with its error: every item is simulated alone. Empty where the batch fails for
    /// another reason, such as too few tokens, or where the node does not tell.
    pub(crate) async fn failing_offers(&self, order: &BatchOrder) -> Vec<(Address, Error)> {
        let Ok(settlement) = self.batch_settlement(order).await else { return Vec::new() };
        let Ok(lease) = self.lease().await else { return Vec::new() };
        let wallet = self.address();
        let payment = order.payment.unwrap_or_else(|| settlement.token_account(&wallet));
        let buyer = Buyer { wallet, trader: address::trader(&wallet, lease.lane), payment };
        let mut failing = Vec::new();
        for item in &order.items {
            let alone = BatchOrder { items: vec![*item], ..order.clone() };
            let Ok(mut instructions) = self.open_positions([&item.offer.account]).await else { continue };
            instructions.push(purchase_batch(&buyer, lease.nonce, &alone, &settlement));
            let Ok(simulation) = self.sender().simulate(&wallet, &instructions, &[]).await else { continue };
            let Some(error) = simulation.error else { continue };
            let Error::Program(mut refused) = Error::from_transaction(error, simulation.logs) else { continue };
            if self.is_of_offer(&refused, &payment, &settlement).await {
                refused.offer = Some(item.offer.address);
                failing.push((item.offer.address, Error::Program(refused)));
            }
        }
        failing
    }

    /// Whether a refusal is because of the offer, and not of the buyer or its nonce.
    async fn is_of_offer(&self, refused: &ProgramFailure, payment: &Address, settlement: &Settlement) -> bool {
        match (refused.multibus, refused.program) {
            (Some(error), _) => !matches!(
                error,
                MultibusError::NonceMismatch
                    | MultibusError::TraderMismatch
                    | MultibusError::TokenProgramMismatch
                    | MultibusError::TotalAboveLimit
            ),
            // The offer's account was closed.
            (None, None) => true,
            (None, Some(program)) if program == multibus::ID => true,
            // The mint's issuer froze one of the two token accounts.
            (None, Some(program)) if program == settlement.token_program => {
                refused.code() == Some(TokenError::AccountFrozen as u32)
                    && self.market().is_payable(payment, &self.address(), settlement).await.unwrap_or_default()
            }
            (None, Some(_)) => false,
        }
    }

    /// Buys the order that `quote` returns, and asks it for another one whenever an offer has changed. All of them have
    /// the same nonce, so at most one is paid.
    pub async fn buy_batch_quoted<Q, F>(&self, quote: Q) -> Result<Purchased>
    where
        Q: Fn() -> F + Send + Sync,
        F: Future<Output = Result<BatchOrder>> + Send,
    {
        let quote = &quote;
        self.purchase(|| async move { self.plan_batch(quote().await?).await }).await
    }

    async fn plan_batch(&self, order: BatchOrder) -> Result<Plan> {
        let settlement = self.batch_settlement(&order).await?;
        let wallet = self.address();
        let payment = order.payment.unwrap_or_else(|| settlement.token_account(&wallet));
        // The account of any lane has as many bytes.
        let buyer = Buyer { wallet, trader: address::trader(&wallet, 0), payment };
        let offers: Vec<Address> = order.items.iter().map(|item| item.offer.address).collect();
        let mut before = self.open_positions(order.items.iter().map(|item| &item.offer.account)).await?;
        let mut instructions = before.clone();
        instructions.push(purchase_batch(&buyer, 0, &order, &settlement));
        let tables = self.tables_for(&offers, &instructions).await?;
        if !before.is_empty() && size_of_transaction(&wallet, &instructions, &tables)? > TRANSACTION_BYTES {
            // The position books are opened ahead, all that one transaction takes at once.
            for group in before.chunks(POSITIONS_AT_ONCE) {
                self.send(group).await?;
            }
            before.clear();
        }
        let orders = order.orders();
        let mut plan = Plan::new(PurchaseKind::Batch, orders, move |spent| {
            purchase_batch(&Buyer { wallet, trader: spent.trader, payment }, spent.nonce, &order, &settlement)
        });
        (plan.before, plan.tables) = (before, tables);
        Ok(plan)
    }

    /// The one settlement of all buses in a batch; refuses what the program would refuse.
    async fn batch_settlement(&self, order: &BatchOrder) -> Result<Settlement> {
        let count = order.items.len();
        if count == 0 || count > MAX_BATCH_ITEMS {
            return Err(Error::Invalid(format!(
                "a batch has 1 to {MAX_BATCH_ITEMS} items and this one has {count}; split it"
            )));
        }
        let settlement = self.market().settlement(&order.items[0].offer.bus).await?;
        for (index, item) in order.items.iter().enumerate() {
            if item.energy_wh == 0 {
                return Err(Error::Invalid(format!("item {index} of the batch has 0 Wh; give at least 1 Wh")));
            }
            if order.items[..index].iter().any(|earlier| earlier.offer.address == item.offer.address) {
                let offer = item.offer.address;
                return Err(Error::Invalid(format!("the offer {offer} is in the batch twice; merge the two items")));
            }
            if !order.allow_rounding {
                validate_rounding(&item.offer, Wh(item.energy_wh), PricePerKwh(item.max_price_per_kwh))?;
            }
            let other = self.market().settlement(&item.offer.bus).await?;
            if (other.mint, other.token_program) != (settlement.mint, settlement.token_program) {
                return Err(Error::Invalid(format!(
                    "the batch mixes the settlement mints {} and {}; buy each in a batch of its own",
                    settlement.mint, other.mint
                )));
            }
        }
        Ok(settlement)
    }

    /// Bytes of the transaction that a batch makes with lookup tables, position books that it opens included; a transaction can
    /// have 1,232. Those that do not fit are opened ahead.
    pub async fn batch_size(&self, order: &BatchOrder, tables: &[AddressLookupTableAccount]) -> Result<usize> {
        let settlement = self.batch_settlement(order).await?;
        let wallet = self.address();
        let payment = order.payment.unwrap_or_else(|| settlement.token_account(&wallet));
        let buyer = Buyer { wallet, trader: address::trader(&wallet, 0), payment };
        let mut instructions = self.open_positions(order.items.iter().map(|item| &item.offer.account)).await?;
        instructions.push(purchase_batch(&buyer, 0, order, &settlement));
        size_of_transaction(&wallet, &instructions, tables)
    }

    /// Makes a purchase happen at most once, and tells for certain whether it did.
    pub(crate) async fn purchase<Q, F>(&self, quote: Q) -> Result<Purchased>
    where
        Q: Fn() -> F + Send + Sync,
        F: Future<Output = Result<Plan>> + Send,
    {
        self.purchase_at_most(self.sender().options().max_attempts.max(1), quote).await
    }

    async fn purchase_at_most<Q, F>(&self, max_quotes: u32, quote: Q) -> Result<Purchased>
    where
        Q: Fn() -> F + Send + Sync,
        F: Future<Output = Result<Plan>> + Send,
    {
        let mut lease = self.lease().await?;
        let mut attempt = PurchaseAttempt::default();
        let max_attempts = self.sender().options().max_attempts.max(1);
        loop {
            let error = match quote().await {
                Ok(plan) => {
                    let hash = TransactionHash::of(plan.kind, &self.address(), lease.lane, lease.nonce, &plan.orders);
                    let trader = address::trader(&self.address(), lease.lane);
                    let mut instructions = plan.before;
                    instructions.push((plan.build)(&Nonce { trader, lane: lease.lane, nonce: lease.nonce }));
                    attempt.signed += 1;
                    let (kind, orders, min_energy_wh) = (plan.kind, plan.orders, plan.min_energy_wh);
                    let tried = Tried { hash, kind, orders, min_energy_wh };
                    if attempt.tried(&hash).is_none() {
                        attempt.tried.push(tried.clone());
                    }
                    let signers = [self.signer().clone()];
                    match self.sender().send_traced(&signers, &instructions, &plan.tables).await {
                        Ok(sent) => {
                            let purchased = self.purchased_from(&sent, &lease, &tried, attempt.signed).await;
                            lease.spent();
                            return purchased;
                        }
                        Err(SendFailure { error, submitted, unresolved }) => {
                            attempt.submitted.extend(submitted);
                            attempt.unresolved.extend(unresolved);
                            error
                        }
                    }
                }
                Err(error) if error.is_transient() && attempt.failures + 1 < max_attempts => {
                    attempt.failures += 1;
                    self.sender().pause(attempt.failures).await;
                    continue;
                }
                Err(error) => {
                    // Without a plan there is no further attempt, so the outcome of the earlier ones must be known now.
                    return match self.conclude(&mut lease, &attempt, &error).await? {
                        Some(purchased) => Ok(purchased),
                        None => Err(error),
                    };
                }
            };
            attempt.nonce_is_spent |= error.multibus() == Some(MultibusError::NonceMismatch);
            match self.fate(&lease, &attempt, attempt.nonce_is_spent).await {
                Ok(Fate::Paid(purchased)) => {
                    lease.spent();
                    return Ok(*purchased);
                }
                Ok(Fate::Taken(next_nonce)) => {
                    lease.renew(next_nonce);
                    attempt = attempt.under_another_nonce();
                    if attempt.collisions > MAX_COLLISIONS {
                        return Err(error);
                    }
                    continue;
                }
                Ok(Fate::Closed) => {
                    lease.close();
                    lease = self.lease().await?;
                    attempt = attempt.under_another_nonce();
                    if attempt.collisions > MAX_COLLISIONS {
                        return Err(error);
                    }
                    continue;
                }
                Ok(Fate::Open) => {}
                Err(unreachable) => return Err(self.unknown(&mut lease, &attempt, unreachable, Some(error))),
            }
            let may_try_again = if error.is_conflict() {
                attempt.conflicts += 1;
                attempt.conflicts < max_quotes
            } else {
                attempt.failures += 1;
                error.is_transient() && attempt.failures < max_attempts
            };
            if !may_try_again {
                return match self.conclude(&mut lease, &attempt, &error).await? {
                    Some(purchased) => Ok(purchased),
                    None => Err(error),
                };
            }
            self.sender().pause(attempt.signed).await;
        }
    }

    /// Waits until no transaction of a purchase can land any more. Returns the purchase if one of them landed.
    /// `error` is what the purchase fails with otherwise.
    async fn conclude(&self, lease: &mut Lease, attempt: &PurchaseAttempt, error: &Error) -> Result<Option<Purchased>> {
        if attempt.submitted.is_empty() {
            return Ok(None);
        }
        let mut has_landed = false;
        for Unresolved { signature, last_valid_block_height } in &attempt.unresolved {
            match self.chain().confirm(signature, *last_valid_block_height).await {
                Ok(Outcome::Landed { .. }) => has_landed = true,
                Ok(Outcome::Failed { .. } | Outcome::Expired) => {}
                Err(unreachable) => return Err(self.unknown(lease, attempt, unreachable, None)),
            }
        }
        // Another node may know what the one that was asked did not.
        match self.patiently(|| self.chain().statuses(&attempt.submitted)).await {
            Ok(statuses) => has_landed |= statuses.iter().flatten().any(|status| status.error.is_none()),
            Err(unreachable) => return Err(self.unknown(lease, attempt, unreachable, None)),
        }
        // The program itself said that the nonce is spent, also where the lane is not shown so.
        let is_spent = has_landed || attempt.nonce_is_spent;
        match self.fate(lease, attempt, is_spent).await {
            Ok(Fate::Paid(purchased)) => {
                lease.spent();
                Ok(Some(*purchased))
            }
            Ok(Fate::Taken(next_nonce)) => {
                lease.renew(next_nonce);
                Ok(None)
            }
            Ok(Fate::Closed) => Ok(None),
            Ok(Fate::Open) if is_spent => {
                let lags =
                    Error::Invalid("its nonce is spent, but the node does not show by which purchase".to_string());
                Err(self.unknown(lease, attempt, lags, None))
            }
            // A node that answers with an error may have passed the transaction on. Then only a node that shows the whole lane
            // could tell that it never landed.
            Ok(Fate::Open) if matches!(error, Error::Rpc { .. } | Error::Transaction { .. }) => {
                let refused = Error::Invalid(format!("the node did not show it, and had answered: {error}"));
                Err(self.unknown(lease, attempt, refused, None))
            }
            Ok(Fate::Open) => Ok(None),
            Err(unreachable) => Err(self.unknown(lease, attempt, unreachable, None)),
        }
    }

    /// The error of a purchase whose outcome is unknown. If nothing was submitted, its outcome is known: then it is
    /// `refused`, or what went wrong.
    fn unknown(
        &self,
        lease: &mut Lease,
        attempt: &PurchaseAttempt,
        unreachable: Error,
        refused: Option<Error>,
    ) -> Error {
        lease.forget();
        match attempt.tried.last() {
            Some(tried) if !attempt.submitted.is_empty() => Error::PurchaseUnknown {
                signature: attempt.submitted.last().copied().map(Box::new),
                transaction_hash: tried.hash,
                lane: lease.lane,
                nonce: lease.nonce,
                cause: unreachable.to_string(),
            },
            _ => refused.unwrap_or(unreachable),
        }
    }

    /// Reads the lane and finds out who spent the purchase's nonce. Asks until the network answers or patience is over.
    /// If the nonce is known to be spent, it also waits for a node that lags behind.
    async fn fate(&self, lease: &Lease, attempt: &PurchaseAttempt, nonce_is_spent: bool) -> Result<Fate> {
        let (started_at, patience) = (Instant::now(), self.sender().options().patience);
        let trader = loop {
            let trader = self.patiently(|| self.market().trader(lease.wallet(), lease.lane)).await?;
            let Some(trader) = trader else {
                // Nothing of this purchase can land. Otherwise only its history tells a lane that was closed from one that a
                // node does not show yet.
                if attempt.submitted.is_empty() {
                    return Ok(Fate::Closed);
                }
                if let Some(fate) = self.fate_of_closed(lease, attempt).await? {
                    return Ok(fate);
                }
                if started_at.elapsed() > patience {
                    return Err(Error::Invalid("the node does not show the lane".to_string()));
                }
                self.sender().pause(3).await;
                continue;
            };
            if trader.next_nonce > lease.nonce {
                break trader;
            }
            // A lower nonce comes from a node that lags behind, or from a lane that was opened again. In both cases
            // this nonce is not spent.
            if !nonce_is_spent || started_at.elapsed() > patience {
                return Ok(Fate::Open);
            }
            self.sender().pause(3).await;
        };
        if attempt.submitted.is_empty() {
            return Ok(Fate::Taken(trader.next_nonce));
        }
        let receipt = receipts_of(&trader).find(|receipt| receipt.nonce == lease.nonce);
        if let Some(receipt) = &receipt
            && attempt.tried(&receipt.transaction_hash()).is_none()
        {
            return Ok(Fate::Taken(trader.next_nonce));
        }
        // Another process with this wallet may have bought the same under this nonce. Both have one hash, so only the
        // transaction tells whose purchase it is.
        match (self.patiently(|| self.spender(lease, attempt)).await?, receipt) {
            (Spender::This(purchased), _) => Ok(Fate::Paid(purchased)),
            (Spender::Another, _) => Ok(Fate::Taken(trader.next_nonce)),
            // The node serves no logs. Take the receipt for this purchase's rather than pay again.
            (Spender::Unknown, Some(receipt))
                if !attempt.tried(&receipt.transaction_hash()).is_some_and(|tried| {
                    tried.allows(Wh(receipt.receipt.energy_wh), BaseUnits(receipt.receipt.paid))
                }) =>
            {
                Err(Error::Invalid("the node's receipt is beyond the order's limits".to_string()))
            }
            (Spender::Unknown, Some(receipt)) => Ok(Fate::Paid(Box::new(Purchased {
                transaction_hash: receipt.transaction_hash(),
                lane: lease.lane,
                nonce: lease.nonce,
                signature: Signature::default(),
                slot: 0,
                purchased_at: receipt.receipt.purchased_at,
                energy_wh: receipt.receipt.energy_wh,
                paid: receipt.receipt.paid,
                fills: Vec::new(),
                compute_units: 0,
                attempts: attempt.signed,
            }))),
            (Spender::Unknown, None) => Err(Error::Invalid(
                "more than 16 purchases followed on its lane, and the node serves no history".to_string(),
            )),
        }
    }

    /// What became of a purchase whose lane was closed; `None` where the node's history does not tell that it was.
    async fn fate_of_closed(&self, lease: &Lease, attempt: &PurchaseAttempt) -> Result<Option<Fate>> {
        let lane = address::trader(lease.wallet(), lease.lane);
        let recent = self.patiently(|| self.chain().signatures_for(&lane, None, RECENT_TRANSACTIONS)).await?;
        for info in recent.iter().filter(|info| info.error.is_none()) {
            let record = self.patiently(|| self.chain().transaction(&info.signature)).await?;
            let events = record.map(|record| record.events()).unwrap_or_default();
            let closed_at = events.iter().rev().find_map(|event| match event {
                Event::TraderClosed(closed) if closed.trader == lane => Some(closed.next_nonce),
                _ => None,
            });
            let Some(next_nonce) = closed_at else { continue };
            if next_nonce <= lease.nonce {
                // Nobody spent the nonce, and a lane that is opened again starts above it.
                return Ok(Some(Fate::Closed));
            }
            return match self.patiently(|| self.spender(lease, attempt)).await? {
                Spender::This(purchased) => Ok(Some(Fate::Paid(purchased))),
                Spender::Another => Ok(Some(Fate::Closed)),
                Spender::Unknown => {
                    Err(Error::Invalid("its lane was closed, and the node does not serve the history".to_string()))
                }
            };
        }
        Ok(None)
    }

    /// Asks until the network answers or patience is over.
    async fn patiently<T, F: Future<Output = Result<T>>>(&self, ask: impl Fn() -> F) -> Result<T> {
        let (started_at, patience) = (Instant::now(), self.sender().options().patience);
        let mut attempts = 0;
        loop {
            match ask().await {
                Err(error) if error.is_transient() && started_at.elapsed() < patience => {
                    attempts += 1;
                    self.sender().pause(attempts).await;
                }
                other => return other,
            }
        }
    }

    /// Finds the transaction that spent a purchase's nonce, among the last ones of its lane.
    async fn spender(&self, lease: &Lease, attempt: &PurchaseAttempt) -> Result<Spender> {
        let trader = address::trader(&self.address(), lease.lane);
        let recent = self.chain().signatures_for(&trader, None, RECENT_TRANSACTIONS).await?;
        let landed = recent.iter().filter(|info| info.error.is_none());
        // Every transaction of this purchase carries its nonce, so the one that landed is the purchase.
        if let Some(own) = landed.clone().find(|info| attempt.submitted.contains(&info.signature)) {
            let record = self.chain().transaction(&own.signature).await?;
            let sent = Sent::new(own.signature, own.slot, record, attempt.signed);
            let purchased = attempt.tried.iter().find_map(|tried| purchased_in(&sent, lease, tried, attempt.signed));
            return Ok(match (purchased, attempt.tried.last()) {
                (Some(purchased), _) => Spender::This(Box::new(purchased)),
                (None, Some(tried)) => {
                    Spender::This(Box::new(self.purchased_from(&sent, lease, tried, attempt.signed).await?))
                }
                (None, None) => Spender::Unknown,
            });
        }
        let is_of_nonce = |event: &Event| {
            let spent = match event {
                Event::EnergyPurchased(event) => (event.buyer, event.lane, event.nonce),
                Event::BidCreated(event) => (event.buyer, event.lane, event.nonce),
                _ => return false,
            };
            spent == (self.address(), lease.lane, lease.nonce)
        };
        for info in landed {
            let record = self.chain().transaction(&info.signature).await?;
            if Sent::new(info.signature, info.slot, record, 0).events.iter().any(is_of_nonce) {
                return Ok(Spender::Another);
            }
        }
        Ok(Spender::Unknown)
    }

    /// The purchase in a transaction that landed, from its log or, if the node does not serve it, from the receipt.
    async fn purchased_from(&self, sent: &Sent, lease: &Lease, tried: &Tried, attempts: u32) -> Result<Purchased> {
        if let Some(purchased) = purchased_in(sent, lease, tried, attempts) {
            return Ok(purchased);
        }
        let hash = tried.hash;
        let mut purchased = Purchased {
            transaction_hash: hash,
            lane: lease.lane,
            nonce: lease.nonce,
            signature: sent.signature,
            slot: sent.slot,
            purchased_at: sent.block_time.unwrap_or_default(),
            energy_wh: 0,
            paid: 0,
            fills: Vec::new(),
            compute_units: sent.compute_units,
            attempts,
        };
        let unknown = |cause: String| Error::PurchaseUnknown {
            signature: Some(Box::new(sent.signature)),
            transaction_hash: hash,
            lane: lease.lane,
            nonce: lease.nonce,
            cause,
        };
        let trader: Option<Keyed<Trader>> = self
            .patiently(|| self.market().trader(lease.wallet(), lease.lane))
            .await
            .map_err(|error| unknown(error.to_string()))?;
        let receipt = trader.and_then(|trader| {
            receipts_of(&trader).find(|receipt| receipt.transaction_hash() == hash).map(|receipt| receipt.receipt)
        });
        let Some(receipt) = receipt else {
            return Err(unknown(format!("it landed in {}, but its log and receipt are not served", sent.signature)));
        };
        if !tried.allows(Wh(receipt.energy_wh), BaseUnits(receipt.paid)) {
            let (wh, paid) = (receipt.energy_wh, receipt.paid);
            return Err(unknown(format!("the node's receipt of {wh} Wh for {paid} is beyond the order's limits")));
        }
        (purchased.energy_wh, purchased.paid, purchased.purchased_at) =
            (receipt.energy_wh, receipt.paid, receipt.purchased_at);
        Ok(purchased)
    }
}

/// What is known about a purchase that is being made under one nonce.
#[derive(Default)]
struct PurchaseAttempt {
    /// Everything that was tried under this nonce.
    tried: Vec<Tried>,
    /// Transactions that were signed.
    signed: u32,
    /// Attempts that conflicted with another trade.
    conflicts: u32,
    /// Attempts that failed because of the network.
    failures: u32,
    /// Nonces that other processes spent.
    collisions: u32,
    /// Transactions that reached the network, or may have.
    submitted: Vec<Signature>,
    /// Transactions that may still land.
    unresolved: Vec<Unresolved>,
    /// Whether the program refused the nonce.
    nonce_is_spent: bool,
}

/// What was signed for, and its hash.
#[derive(Clone)]
struct Tried {
    hash: TransactionHash,
    kind: PurchaseKind,
    orders: Vec<Order>,
    min_energy_wh: u64,
}

impl Tried {
    /// Whether an event is of this purchase and within its limits.
    fn is_told_by(&self, event: &EnergyPurchased, lease: &Lease) -> bool {
        let fits = |(fill, order): (&PurchasedFill, &Order)| {
            fill.offer == order.offer
                && fill.energy_wh <= order.energy_wh
                && fill.price_per_kwh <= order.max_price_per_kwh
        };
        event.transaction_hash == self.hash.0
            && (event.buyer, event.lane, event.nonce) == (*lease.wallet(), lease.lane, lease.nonce)
            && event.fills.len() == self.orders.len()
            && event.fills.iter().zip(&self.orders).all(fits)
            && self.allows(Wh(event::energy_wh(event)), BaseUnits(event::cost(event)))
    }

    /// Whether an event says that this bid was made.
    fn is_bid_told_by(&self, event: &BidCreated, lease: &Lease) -> bool {
        let is_ordered = |order: &Order| {
            let of_event =
                Order { offer: event.capacity, energy_wh: event.energy_wh, max_price_per_kwh: event.max_price_per_kwh };
            *order == of_event
        };
        self.kind == PurchaseKind::Bid
            && event.transaction_hash == self.hash.0
            && (event.buyer, event.lane, event.nonce) == (*lease.wallet(), lease.lane, lease.nonce)
            && self.orders.iter().all(is_ordered)
    }

    /// Whether this energy at this total is within the order. The receipt of a bid has none.
    fn allows(&self, Wh(energy_wh): Wh, BaseUnits(paid): BaseUnits) -> bool {
        if self.kind == PurchaseKind::Bid {
            return (energy_wh, paid) == (0, 0);
        }
        let energy: u128 = self.orders.iter().map(|order| u128::from(order.energy_wh)).sum();
        let cost = |order: &Order| {
            math::cost(order.energy_wh, order.max_price_per_kwh).map_or(u128::from(u64::MAX), u128::from)
        };
        energy_wh >= self.min_energy_wh
            && u128::from(energy_wh) <= energy
            && u128::from(paid) <= self.orders.iter().map(cost).sum()
    }
}

impl PurchaseAttempt {
    fn tried(&self, hash: &TransactionHash) -> Option<&Tried> {
        self.tried.iter().find(|tried| tried.hash == *hash)
    }

    /// Goes on under another nonce: nothing that carries the old one can land any more.
    fn under_another_nonce(self) -> Self {
        let Self { tried: _, signed, conflicts, failures, collisions, submitted: _, unresolved: _, nonce_is_spent: _ } =
            self;
        Self { signed, conflicts, failures, collisions: collisions + 1, ..Self::default() }
    }
}

fn purchased_in(sent: &Sent, lease: &Lease, tried: &Tried, attempts: u32) -> Option<Purchased> {
    sent.events.iter().find_map(|event| match event {
        Event::EnergyPurchased(event) if tried.is_told_by(event, lease) => Some(Purchased {
            transaction_hash: tried.hash,
            lane: lease.lane,
            nonce: lease.nonce,
            signature: sent.signature,
            slot: sent.slot,
            purchased_at: event.purchased_at,
            energy_wh: event::energy_wh(event),
            paid: event::cost(event),
            fills: event.fills.clone(),
            compute_units: sent.compute_units,
            attempts,
        }),
        Event::BidCreated(event) if tried.is_bid_told_by(event, lease) => Some(Purchased {
            transaction_hash: tried.hash,
            lane: lease.lane,
            nonce: lease.nonce,
            signature: sent.signature,
            slot: sent.slot,
            purchased_at: event.created_at,
            energy_wh: 0,
            paid: 0,
            fills: Vec::new(),
            compute_units: sent.compute_units,
            attempts,
        }),
        _ => None,
    })
}

/// Refuses a fill whose rounding raises its price per kWh above a limit by more than 1 %. A fill costs whole base units, so
/// little energy in a token with few decimals can cost many times its price.
pub fn validate_rounding(
    offer: &Keyed<Offer>,
    Wh(energy_wh): Wh,
    PricePerKwh(max_price_per_kwh): PricePerKwh,
) -> Result<()> {
    let Some(cost) = math::cost(energy_wh, offer.full_price_per_kwh) else { return Ok(()) };
    if !rounds_above(Wh(energy_wh), BaseUnits(cost), PricePerKwh(max_price_per_kwh)) {
        return Ok(());
    }
    Err(Error::BeyondLimits(format!(
        "{energy_wh} Wh of the offer {} cost {}, because parts of a base unit are rounded up; that is {} per \
         kWh, and your limit is {max_price_per_kwh}; buy more of it at once, or allow rounding",
        offer.address,
        BaseUnits(cost),
        PriceFraction::new(BaseUnits(cost), Wh(energy_wh))
    )))
}

/// Whether energy at this cost is more than 1 % above a price per kWh.
pub(crate) fn rounds_above(Wh(energy_wh): Wh, BaseUnits(cost): BaseUnits, PricePerKwh(limit): PricePerKwh) -> bool {
    u128::from(cost) * u128::from(WH_PER_KWH) * 100 > u128::from(energy_wh) * u128::from(limit) * 101
}

fn validate_order(order: &PurchaseOrder) -> Result<()> {
    if order.energy_wh == 0 {
        return Err(Error::Invalid("0 Wh cannot be bought; give at least 1 Wh".to_string()));
    }
    if order.min_energy_wh == 0 || order.min_energy_wh > order.energy_wh {
        return Err(Error::Invalid(format!(
            "the minimum of {} Wh does not fit the amount of {} Wh; give a minimum from 1 to the amount",
            order.min_energy_wh, order.energy_wh
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use {super::*, proptest::prelude::*};

    proptest! {
        #[test]
        fn the_price_limit_respects_the_total(energy_wh in 1u64.., max_price_per_kwh: u64, max_total: u64) {
            let exact = PurchaseOrder::exactly(Address::default(), Wh(energy_wh), PricePerKwh(max_price_per_kwh));
            let order = PurchaseOrder { max_total: Some(max_total), ..exact };
            let limit = order.price_limit();
            prop_assert!(limit <= max_price_per_kwh);
            let cost = |price: u64| (u128::from(energy_wh) * u128::from(price)).div_ceil(1_000);
            prop_assert!(cost(limit) <= u128::from(max_total));
            // It is the highest such price.
            prop_assert!(limit == max_price_per_kwh || cost(limit + 1) > u128::from(max_total));
        }
    }
}

//! `multibus buy` and `multibus batch`: purchases.

use {
    super::offer::{Source, window_start},
    crate::{
        failure::Failure,
        output::{Page, Reply, View, short},
        session::Session,
        terms::settlement_of,
        tokens::Token,
        value::{self, Amount, Energy, Window, address as parse_address, format_energy, format_scaled},
    },
    clap::{ArgGroup, Args},
    multibus_client::{
        Address, BaseUnits, Error, Keyed, PricePerKwh, Wallet, Wh, address,
        best::{LeftOut, Want},
        multibus::{
            constants::WH_PER_KWH,
            math,
            state::{Offer, Order, PurchaseKind},
        },
        offer::is_tradable,
        purchase::{BatchItem, BatchOrder, PurchaseOrder, Purchased, TransactionHash, validate_rounding},
        router::PriceFraction,
    },
    serde::Serialize,
    std::collections::HashMap,
};

/// Buy energy of a bus at the lowest total cost, or from one offer
///
/// Without limits, the offers are taken as they are: first the cheapest energy. An amount that needs more offers than
/// one transaction holds is bought in several, each of them all or nothing; what was bought is reported even where a
/// later one fails.
///
/// Prices and limits contain the grid fee. What is paid on delivery waits until a meter has said what was delivered; the
/// rest comes back. `multibus position list` shows it.
#[derive(Args, Debug)]
#[command(
    group = ArgGroup::new("from").required(true).args(["bus", "offer"]),
    after_help = "Examples:
  multibus buy BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo --energy 1.5kWh
  multibus buy BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo --energy 20kWh \\
      --min-energy 5kWh --max-price 0.28tokens
  multibus buy BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo --energy 20kWh \\
      --max-total 5tokens --dry-run
  multibus buy --offer EHdPndFgKSRAY6MGNUmj8zTuRL7jBJPSRVWiLXss9Xcn \\
      --energy 800Wh"
)]
pub struct BuyArgs {
    /// The bus to buy on, at the lowest total cost
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Option<Address>,
    /// The one offer to buy from
    #[arg(long, value_name = "OFFER", value_parser = parse_address, conflicts_with_all = ["window", "source"])]
    offer: Option<Address>,
    /// Energy to buy, such as 1500Wh or 1.5kWh
    #[arg(long, allow_negative_numbers = true)]
    energy: Energy,
    /// Smallest energy to accept where there is not enough [default: all of it]
    #[arg(long, value_name = "ENERGY", allow_negative_numbers = true)]
    min_energy: Option<Energy>,
    /// Highest price per kWh of any part, grid fee included [default with --offer: its price; else none]
    #[arg(long, value_name = "PRICE", allow_negative_numbers = true)]
    max_price: Option<Amount>,
    /// Highest total cost
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    max_total: Option<Amount>,
    /// Delivery window, where the bus has windows: 'next', its start, or a wait that is rounded up to one
    #[arg(long, value_name = "START")]
    window: Option<Window>,
    /// Only energy from this source
    #[arg(long)]
    source: Option<Source>,
    /// Buy even where rounding a cost up raises the price per kWh by more than 1 % above the highest one
    #[arg(long)]
    allow_rounding: bool,
    /// Only show the quote and the transaction hash
    #[arg(long)]
    dry_run: bool,
}

/// Buy parts of several offers in one transaction, all or nothing
///
/// The offers may belong to several buses with one token. Each is bought at its present price or not at all.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus batch EHdPndFgKSRAY6MGNUmj8zTuRL7jBJPSRVWiLXss9Xcn=1.5kWh \\
      FxvxtejBzQVq6fmk5D1bS6oiCatHVxfdyjn8vwG8zsYu=800Wh
  multibus batch EHdPndFgKSRAY6MGNUmj8zTuRL7jBJPSRVWiLXss9Xcn=1500 \\
      --max-total 0.50tokens --dry-run")]
pub struct BatchArgs {
    /// Offers and the energy to buy of each
    #[arg(value_name = "OFFER=ENERGY", required = true)]
    items: Vec<value::BatchItemArg>,
    /// Highest price per kWh of any item, grid fee included [default: the offers' prices]
    #[arg(long, value_name = "PRICE", allow_negative_numbers = true)]
    max_price: Option<Amount>,
    /// Highest total cost
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    max_total: Option<Amount>,
    /// Buy even where rounding a cost up raises the price per kWh by more than 1 % above the highest one
    #[arg(long)]
    allow_rounding: bool,
    /// Only show the quote and the transaction hash
    #[arg(long)]
    dry_run: bool,
}

/// Limits of a purchase, in Wh and base units.
struct Limits {
    energy_wh: u64,
    min_energy_wh: u64,
    /// `None` for any price.
    max_price_per_kwh: Option<u64>,
    /// `None` for any total.
    max_total: Option<u64>,
}

impl Limits {
    fn of(args: &BuyArgs, decimals: u8) -> Result<Self, Failure> {
        let energy_wh = args.energy.wh;
        let min_energy_wh = args.min_energy.map_or(energy_wh, |energy| energy.wh);
        if min_energy_wh > energy_wh {
            return Err(Failure::usage(format!(
                "--min-energy {min_energy_wh} Wh is more than --energy {energy_wh} Wh; give a smaller one"
            )));
        }
        Ok(Self {
            energy_wh,
            min_energy_wh,
            max_price_per_kwh: limit(args.max_price.as_ref(), decimals)?,
            max_total: limit(args.max_total.as_ref(), decimals)?,
        })
    }
}

fn limit(amount: Option<&Amount>, decimals: u8) -> Result<Option<u64>, String> {
    amount.map(|amount| amount.base_units(decimals)).transpose()
}

/// Runs `multibus buy`.
///
/// # Errors
/// Where there is no energy within the limits, or the chain or the program refuses.
pub async fn buy(args: BuyArgs, session: &Session) -> Result<Reply, Failure> {
    match (args.offer, args.bus) {
        (Some(offer), _) => buy_from(&offer, &args, session).await,
        (None, Some(bus)) => buy_best(&bus, &args, session).await,
        // The argument group asks for one of them.
        (None, None) => Err(Failure::usage("name a bus, or an offer with --offer")),
    }
}

async fn buy_from(offer: &Address, args: &BuyArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let offer = market.offer(offer).await?;
    let bus = market.bus(&offer.bus).await?;
    let limits = Limits::of(args, bus.mint_decimals)?;
    let (price, max_total) = (offer.full_price_per_kwh, limits.max_total.unwrap_or(u64::MAX));
    // What the total allows at the present price.
    let affordable = u128::from(max_total) * u128::from(WH_PER_KWH) / u128::from(price.max(1));
    let energy_wh = limits.energy_wh.min(u64::try_from(affordable).unwrap_or(u64::MAX));
    if energy_wh < limits.min_energy_wh {
        let cost =
            math::cost(limits.min_energy_wh, price).map_or("too much".to_owned(), |cost| BaseUnits(cost).to_string());
        return Err(Failure::sentence(format!(
            "{} Wh cost {cost} at {price} per kWh, the limit is {max_total}; raise --max-total or buy less",
            limits.min_energy_wh
        )));
    }
    // ceil(energy x price / 1000) is within the total if and only if the price is at most this.
    let dearest = u128::from(max_total) * u128::from(WH_PER_KWH) / u128::from(energy_wh);
    let max_price_per_kwh = limits.max_price_per_kwh.unwrap_or(price).min(u64::try_from(dearest).unwrap_or(u64::MAX));
    let order = PurchaseOrder {
        allow_rounding: args.allow_rounding,
        ..PurchaseOrder::exactly(offer.address, Wh(energy_wh), PricePerKwh(max_price_per_kwh))
            .or_at_least(Wh(limits.min_energy_wh))
    };
    refuse_own(&offer, &wallet.address())?;
    session.require_token_account(&wallet.address(), &bus.address).await?;
    let token = Token::of(&bus);
    if args.dry_run {
        // What `Wallet::buy` would refuse.
        if price > max_price_per_kwh {
            return Err(Failure::sentence(format!(
                "the offer asks {price} base units per kWh, the limits allow {max_price_per_kwh}; raise them or choose \
                 another offer"
            )));
        }
        check_rounding(args.allow_rounding, &offer, energy_wh.min(offer.free_wh()), max_price_per_kwh)?;
        if !is_tradable(&offer, &bus, session.now().await?) {
            return Err(Failure::sentence(format!(
                "the offer {} does not trade now; see `multibus offer show`, or choose another",
                offer.address
            )));
        }
        let fill = quoted_fill(&offer, energy_wh.min(offer.free_wh()))?;
        if fill.energy_wh < order.min_energy_wh {
            return Err(Failure::sentence(format!(
                "the offer has {} Wh free, at least {} Wh are wanted; buy less, or give a smaller --min-energy",
                fill.energy_wh, order.min_energy_wh
            )));
        }
        let item = Order { offer: order.offer, energy_wh, max_price_per_kwh };
        let planned = Planned { kind: PurchaseKind::Single, fills: vec![fill], orders: vec![item] };
        return Ok(Box::new(Quoted::of(vec![planned], &wallet, session, token).await?));
    }
    let purchased = wallet.buy(&order).await.map_err(name_rounding)?;
    Ok(Box::new(Bought::of(&[purchased], token, None, &wallet, session).await))
}

/// Refuses a fill whose rounding raises its price per kWh above the limit by more than 1 %, unless that is allowed.
///
/// # Errors
/// A sentence with both prices and the option that allows it.
pub fn check_rounding(
    allowed: bool,
    offer: &Keyed<Offer>,
    energy_wh: u64,
    max_price_per_kwh: u64,
) -> Result<(), Failure> {
    // A price above the limit is refused as that.
    if allowed || offer.full_price_per_kwh > max_price_per_kwh {
        return Ok(());
    }
    validate_rounding(offer, Wh(energy_wh), PricePerKwh(max_price_per_kwh)).map_err(name_rounding)
}

/// Names the option where the library asks to allow rounding.
fn name_rounding(error: Error) -> Failure {
    let sentence = error.to_string();
    match sentence.split_once("allow rounding") {
        Some((before, after)) => Failure::sentence(format!("{before}allow it with --allow-rounding{after}")),
        None => error.into(),
    }
}

/// Refuses to trade with oneself, before a token is asked for that a seller need not hold.
///
/// # Errors
/// Where the offer is the wallet's own.
pub fn refuse_own(offer: &Keyed<Offer>, wallet: &Address) -> Result<(), Failure> {
    if offer.wallet != *wallet {
        return Ok(());
    }
    Err(Failure::sentence(format!(
        "the offer {} is this wallet's own, and a seller cannot buy or lock its own offer; cancel it instead",
        offer.address
    )))
}

async fn buy_best(bus: &Address, args: &BuyArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let bus = session.market().bus(bus).await?;
    let limits = Limits::of(args, bus.mint_decimals)?;
    let now = session.now().await?;
    let window_start = Some(window_start(args.window, &bus, now)?);
    let want = Want {
        bus: bus.address,
        energy_wh: limits.energy_wh,
        min_energy_wh: limits.min_energy_wh.max(1),
        max_price_per_kwh: limits.max_price_per_kwh,
        max_total: limits.max_total,
        window_start,
        source: args.source.map(Source::energy_source),
        buyer: Some(wallet.address()),
        allow_rounding: args.allow_rounding,
    };
    session.require_token_account(&wallet.address(), &bus.address).await?;
    let token = Token::of(&bus);
    if args.dry_run {
        let planned: Vec<Planned> =
            wallet.quote_best(&want).await.map_err(name_rounding)?.orders.iter().map(Planned::of).collect();
        return Ok(Box::new(Quoted::of(planned, &wallet, session, token).await?));
    }
    let bought = wallet.buy_best(&want).await.map_err(name_rounding)?;
    let stopped = bought.stopped.as_ref().map(|error| {
        format!(
            "bought {} Wh of {} Wh for {}, then: {error}",
            bought.energy_wh(),
            want.energy_wh,
            BaseUnits(bought.paid())
        )
    });
    Ok(Box::new(Bought {
        left_out: bought.left_out.iter().map(LeftOutView::of).collect(),
        ..Bought::of(&bought.purchases, token, stopped, &wallet, session).await
    }))
}

fn quoted_fill(offer: &Keyed<Offer>, energy_wh: u64) -> Result<FillView, Failure> {
    let price = offer.full_price_per_kwh;
    let cost = math::cost(energy_wh, price)
        .ok_or_else(|| format!("{energy_wh} Wh at {price} base units per kWh cost more than 64 bits hold; buy less"))?;
    Ok(FillView::of(offer.address, energy_wh, price, cost))
}

/// Runs `multibus batch`.
///
/// # Errors
/// Where an offer does not exist or lacks energy, or the chain or the program refuses.
pub async fn batch(args: BatchArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let first_offer = market.offer(&args.items[0].offer).await?;
    let first_bus = market.bus(&first_offer.bus).await?;
    let token = Token::of(&first_bus);
    let max_price = limit(args.max_price.as_ref(), token.mint_decimals())?.unwrap_or(u64::MAX);
    let max_total = limit(args.max_total.as_ref(), token.mint_decimals())?.unwrap_or(u64::MAX);
    let mut items = Vec::with_capacity(args.items.len());
    for item in &args.items {
        let offer = market.offer(&item.offer).await?;
        if offer.full_price_per_kwh > max_price {
            return Err(Failure::sentence(format!(
                "the offer {} asks {} base units per kWh, the limit is {max_price}; raise --max-price or leave it out",
                offer.address, offer.full_price_per_kwh
            )));
        }
        refuse_own(&offer, &wallet.address())?;
        quoted_fill(&offer, item.energy.wh)?;
        items.push(BatchItem::at_quote(offer, item.energy.wh));
    }
    let order = BatchOrder { allow_rounding: args.allow_rounding, ..BatchOrder::at_quote(items)? };
    if order.max_total > max_total {
        return Err(Failure::sentence(format!(
            "the items cost {}, the limit is {max_total}; raise --max-total or buy less",
            BaseUnits(order.max_total)
        )));
    }
    session.require_token_account(&wallet.address(), &first_bus.address).await?;
    for item in &order.items {
        check_rounding(args.allow_rounding, &item.offer, item.energy_wh, item.max_price_per_kwh.min(max_price))?;
    }
    if args.dry_run {
        return Ok(Box::new(Quoted::of(vec![Planned::of(&order)], &wallet, session, token).await?));
    }
    let purchased = wallet.buy_batch(&order).await.map_err(name_rounding)?;
    Ok(Box::new(Bought::of(&[purchased], token, None, &wallet, session).await))
}

#[derive(Serialize)]
struct FillView {
    #[serde(serialize_with = "serialize_address")]
    offer: Address,
    energy_wh: u64,
    /// Grid fee included.
    price_per_kwh: u64,
    cost_base_units: u64,
    /// What of the price is for the grid; `null`, as below, where the offer closed a moment ago.
    grid_fee_per_kwh: Option<u64>,
    /// `on_purchase` or `on_delivery`.
    settlement: Option<String>,
    /// The buyer's position book; `null` on purchase terms, too.
    position: Option<String>,
}

fn serialize_address<S: serde::Serializer>(address: &Address, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(address)
}

impl FillView {
    fn of(offer: Address, energy_wh: u64, price_per_kwh: u64, cost_base_units: u64) -> Self {
        Self {
            offer,
            energy_wh,
            price_per_kwh,
            cost_base_units,
            grid_fee_per_kwh: None,
            settlement: None,
            position: None,
        }
    }

    /// Adds on which terms each was bought. Those of an offer never change, so that a node that lags behind tells them, too. A
    /// node that does not answer leaves them out: an error would ask for another attempt, although it is bought.
    async fn add_terms(fills: impl Iterator<Item = &mut Self>, buyer: &Address, session: &Session) -> Due {
        let fills: Vec<&mut Self> = fills.collect();
        let mut addresses: Vec<Address> = fills.iter().map(|fill| fill.offer).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let offers = session.market().offers(&addresses).await.unwrap_or_default();
        let offers: HashMap<Address, Keyed<Offer>> =
            offers.into_iter().flatten().map(|offer| (offer.address, offer)).collect();
        let mut due = Due { grid_fee_base_units: 0, refundable_base_units: 0 };
        for fill in fills {
            let Some(offer) = offers.get(&fill.offer) else { continue };
            fill.grid_fee_per_kwh = Some(offer.grid_fee_per_kwh);
            fill.settlement = Some(settlement_of(offer));
            let grid_fee = math::grid_fee(fill.energy_wh, offer.grid_fee_per_kwh);
            due.grid_fee_base_units = due.grid_fee_base_units.saturating_add(grid_fee);
            if offer.is_on_delivery() {
                fill.position = Some(address::position(&offer.book, buyer).to_string());
                due.refundable_base_units = due.refundable_base_units.saturating_add(fill.cost_base_units);
            }
        }
        due
    }
}

/// What of a cost is for the grid, and what of it may come back.
#[derive(Serialize)]
struct Due {
    grid_fee_base_units: u64,
    /// What was paid on delivery terms: where nothing is delivered, all of it comes back.
    refundable_base_units: u64,
}

impl Due {
    fn lines(&self, page: &mut Page, token: &Token) {
        if self.grid_fee_base_units > 0 {
            page.line(format!("of it {} tokens are for the grid", token.format(self.grid_fee_base_units)));
        }
        if self.refundable_base_units > 0 {
            let most = token.format(self.refundable_base_units);
            page.line(format!("paid on delivery: what is not delivered comes back, up to {most} tokens"));
        }
    }
}

/// Writes what a kWh costs, and the grid fee in it: `0.3, grid 0.05`.
fn format_price(fill: &FillView, token: &Token) -> String {
    let price = token.format(fill.price_per_kwh);
    match fill.grid_fee_per_kwh {
        Some(fee) if fee > 0 => format!("{price}, grid {}", format_scaled(fee, token.mint_decimals().into())),
        _ => price,
    }
}

fn fill_table(page: &mut Page, fills: &[FillView], token: &Token) {
    page.table(
        &["offer", ">energy", ">price/kWh", ">cost"],
        fills.iter().map(|fill| {
            vec![
                if fills.len() > 1 { short(&fill.offer) } else { fill.offer.to_string() },
                format_energy(fill.energy_wh),
                format_price(fill, token),
                token.format(fill.cost_base_units),
            ]
        }),
    );
}

#[derive(Serialize)]
struct PurchaseView {
    transaction_hash: String,
    signature: String,
    slot: u64,
    lane: u16,
    nonce: u64,
    energy_wh: u64,
    paid_base_units: u64,
    fills: Vec<FillView>,
    compute_units: u64,
    attempts: u32,
}

impl PurchaseView {
    fn of(purchased: &Purchased) -> Self {
        Self {
            transaction_hash: purchased.transaction_hash.to_string(),
            signature: purchased.signature.to_string(),
            slot: purchased.slot,
            lane: purchased.lane,
            nonce: purchased.nonce,
            energy_wh: purchased.energy_wh,
            paid_base_units: purchased.paid,
            fills: (purchased.fills.iter())
                .map(|fill| FillView::of(fill.offer, fill.energy_wh, fill.price_per_kwh, fill.cost))
                .collect(),
            compute_units: purchased.compute_units,
            attempts: purchased.attempts,
        }
    }
}

/// An offer that failed, so that it was bought without.
#[derive(Serialize)]
struct LeftOutView {
    offer: String,
    cause: String,
}

impl LeftOutView {
    fn of(left_out: &LeftOut) -> Self {
        Self { offer: left_out.offer.to_string(), cause: left_out.cause.clone() }
    }
}

/// Purchases that happened.
#[derive(Serialize)]
pub struct Bought {
    energy_wh: u64,
    paid_base_units: u64,
    #[serde(flatten)]
    due: Due,
    /// Exact average in base units per kWh, as a fraction where it is not whole.
    average_price_per_kwh: String,
    #[serde(flatten)]
    token: Token,
    purchases: Vec<PurchaseView>,
    /// Offers that failed and were left out.
    left_out: Vec<LeftOutView>,
    #[serde(skip)]
    stopped: Option<String>,
}

impl Bought {
    /// `stopped` says why less was bought than wanted.
    pub async fn of(
        purchases: &[Purchased],
        token: Token,
        stopped: Option<String>,
        wallet: &Wallet,
        session: &Session,
    ) -> Self {
        let energy_wh = purchases.iter().map(|purchased| purchased.energy_wh).fold(0, u64::saturating_add);
        let paid_base_units = purchases.iter().map(|purchased| purchased.paid).fold(0, u64::saturating_add);
        let mut purchases: Vec<_> = purchases.iter().map(PurchaseView::of).collect();
        let fills = purchases.iter_mut().flat_map(|purchase| &mut purchase.fills);
        let due = FillView::add_terms(fills, &wallet.address(), session).await;
        Self {
            energy_wh,
            paid_base_units,
            due,
            average_price_per_kwh: PriceFraction::new(BaseUnits(paid_base_units), Wh(energy_wh)).to_string(),
            token,
            purchases,
            left_out: Vec::new(),
            stopped,
        }
    }
}

impl View for Bought {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.purchases.iter().map(|purchase| purchase.transaction_hash.clone()).collect())
    }

    fn text(&self, page: &mut Page) {
        let paid = self.token.format(self.paid_base_units);
        page.line(format!("bought {} for {paid} tokens", format_energy(self.energy_wh)));
        self.due.lines(page, &self.token);
        for purchase in &self.purchases {
            page.line("");
            fill_table(page, &purchase.fills, &self.token);
            page.line(format!("transaction hash  {}", purchase.transaction_hash));
            page.line(format!("signature  {}", purchase.signature));
        }
        for left_out in &self.left_out {
            page.line("");
            page.line(format!("left out   {}", left_out.offer));
            page.line(format!("because    {}", left_out.cause));
        }
    }

    fn failure(&self) -> Option<String> {
        self.stopped.clone()
    }
}

/// A transaction of a quote: what it would buy, and what its hash covers.
struct Planned {
    kind: PurchaseKind,
    fills: Vec<FillView>,
    orders: Vec<Order>,
}

impl Planned {
    fn of(order: &BatchOrder) -> Self {
        let fill = |item: &BatchItem| {
            // No quote has a cost above 64 bits.
            let cost = item.cost().unwrap_or(u64::MAX);
            FillView::of(item.offer.address, item.energy_wh, item.offer.full_price_per_kwh, cost)
        };
        Self { kind: PurchaseKind::Batch, fills: order.items.iter().map(fill).collect(), orders: order.orders() }
    }
}

#[derive(Serialize)]
struct QuotedTransaction {
    /// `None` where the lane is not open, so that its first nonce is not known yet.
    transaction_hash: Option<String>,
    lane: u16,
    nonce: Option<u64>,
    energy_wh: u64,
    cost_base_units: u64,
    fills: Vec<FillView>,
}

/// Purchases that were only quoted.
#[derive(Serialize)]
struct Quoted {
    dry_run: bool,
    energy_wh: u64,
    cost_base_units: u64,
    #[serde(flatten)]
    due: Due,
    average_price_per_kwh: String,
    #[serde(flatten)]
    token: Token,
    transactions: Vec<QuotedTransaction>,
}

impl Quoted {
    /// The quote of these transactions, sent one after another.
    async fn of(transactions: Vec<Planned>, wallet: &Wallet, session: &Session, token: Token) -> Result<Self, Failure> {
        let buyer = wallet.address();
        let lane = 0;
        let next_nonce = session.market().trader(&buyer, lane).await?.map(|trader| trader.next_nonce);
        let mut quoted = Vec::with_capacity(transactions.len());
        for (index, Planned { kind, fills, orders }) in transactions.into_iter().enumerate() {
            let nonce = next_nonce.and_then(|nonce| nonce.checked_add(index as u64));
            quoted.push(QuotedTransaction {
                transaction_hash: nonce
                    .map(|nonce| TransactionHash::of(kind, &buyer, lane, nonce, &orders).to_string()),
                lane,
                nonce,
                energy_wh: fills.iter().map(|fill| fill.energy_wh).sum(),
                cost_base_units: fills.iter().map(|fill| fill.cost_base_units).sum(),
                fills,
            });
        }
        let fills = quoted.iter_mut().flat_map(|transaction| &mut transaction.fills);
        let due = FillView::add_terms(fills, &buyer, session).await;
        let energy_wh = quoted.iter().map(|transaction| transaction.energy_wh).sum();
        let cost_base_units = quoted.iter().map(|transaction| transaction.cost_base_units).sum();
        Ok(Self {
            dry_run: true,
            energy_wh,
            cost_base_units,
            due,
            average_price_per_kwh: PriceFraction::new(BaseUnits(cost_base_units), Wh(energy_wh)).to_string(),
            token,
            transactions: quoted,
        })
    }
}

impl View for Quoted {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.transactions.iter().filter_map(|transaction| transaction.transaction_hash.clone()).collect())
    }

    fn text(&self, page: &mut Page) {
        let cost = self.token.format(self.cost_base_units);
        page.line(format!("{} would cost {cost} tokens; nothing was sent", format_energy(self.energy_wh)));
        self.due.lines(page, &self.token);
        for transaction in &self.transactions {
            page.line("");
            fill_table(page, &transaction.fills, &self.token);
            match &transaction.transaction_hash {
                Some(hash) => page.line(format!("transaction hash  {hash}")),
                None => page.line("the hash is known once lane 0 is open: `multibus trader open`"),
            }
        }
    }
}

//! `multibus offer`: energy on offer.

use {
    crate::{
        failure::Failure,
        output::{Page, Reply, View},
        session::Session,
        terms::{format_full_price, settlement_of, settlement_words},
        tokens::Token,
        value::{
            Amount, Energy, Expiry, Time, Window, address as parse_address, count, format_energy, format_scaled,
            format_time, source_name,
        },
        view::{OpenedSeller, TransactionView, opened_seller, signature_line},
    },
    clap::{Args, Subcommand, ValueEnum},
    multibus_client::{
        Address, Keyed, Sent, address,
        event::Event,
        multibus::{
            constants::BUS_OFFER_DELAY_SECONDS,
            state::{Bus, DeliveryBook, EnergySource, Offer},
        },
        offer::{Listed, OfferFilter, OfferSort, OfferTerms},
        terms::{Terms, settlement_name},
    },
    serde::Serialize,
};

#[derive(Subcommand, Debug)]
pub enum OfferCommand {
    Create(CreateArgs),
    List(ListArgs),
    Show(ShowArgs),
    Reprice(RepriceArgs),
    SetExpiry(SetExpiryArgs),
    Collect(CollectArgs),
    Cancel(CancelArgs),
}

/// Where energy comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Source {
    Unspecified,
    Solar,
    Wind,
    Hydro,
    Biomass,
    Storage,
}

impl Source {
    pub fn energy_source(self) -> EnergySource {
        match self {
            Self::Unspecified => EnergySource::Unspecified,
            Self::Solar => EnergySource::Solar,
            Self::Wind => EnergySource::Wind,
            Self::Hydro => EnergySource::Hydro,
            Self::Biomass => EnergySource::Biomass,
            Self::Storage => EnergySource::Storage,
        }
    }
}

/// State of an offer that can be bought.
const OPEN: &str = "open";
/// State of an offer of the bus itself that was listed or lowered less than 120 s ago.
const WAITING: &str = "waiting";

/// What keeps an offer from being bought, in a word or two.
fn state(offer: &Offer, bus: &Bus, now: i64) -> &'static str {
    if offer.cancelled != 0 {
        "cancelled"
    } else if offer.remaining_wh == 0 {
        "sold out"
    } else if now >= offer.gate_closes_at {
        "gate closed"
    } else if now >= offer.expires_at {
        "expired"
    } else if bus.closing != 0 {
        "closing"
    } else if bus.paused != 0 {
        "paused"
    } else if offer.trades_from != 0 && offer.price_per_kwh < bus.reserve_price_per_kwh {
        "below reserve price"
    } else if now < offer.trades_from {
        WAITING
    } else if offer.free_wh() == 0 {
        "locked"
    } else {
        OPEN
    }
}

/// Put energy on offer; buyers pay into the seller's vault, from which the seller withdraws
///
/// The first offer on a bus opens the wallet's seller account there, in the same transaction. Buyers pay the grid fee on top
/// of the price. Where an auction closes the window, what is not sold at its gate takes part in it, at this price or a higher one.
/// Where the bus pays on delivery, the operator registers a meter first (`meter register`), the first offer in
/// 96 windows opens a delivery book, and what is sold is paid for what the meter says.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus offer create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      --energy 12.5kWh --price 0.25tokens --source solar
  multibus offer create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      --energy 800 --price 250000 --window next --expires +15m
  multibus offer create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      --energy 40kWh --price 0.20tokens --for-bus")]
pub struct CreateArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
    /// Energy, such as 1500Wh or 1.5kWh
    #[arg(long, allow_negative_numbers = true)]
    energy: Energy,
    /// The seller's own price per kWh, in base units or tokens, such as 250000 or 0.25tokens
    #[arg(long, allow_negative_numbers = true)]
    price: Amount,
    /// Delivery window, where the bus has windows: 'next', its start, or a wait that is rounded up to one
    #[arg(long, value_name = "START")]
    window: Option<Window>,
    /// When the offer stops trading; 'latest' is the gate of its window or the bus's horizon, whichever comes first
    #[arg(long, value_name = "TIME", default_value = "latest")]
    expires: Expiry,
    /// Where the energy comes from
    #[arg(long, default_value = "unspecified")]
    source: Source,
    /// Energy of the bus itself: sales go to its treasury, and the offer trades 120 s after it is listed
    #[arg(long)]
    for_bus: bool,
}

/// Order of a list of offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// Cheapest first.
    Price,
    /// Most energy first.
    Energy,
    /// Newest first.
    Newest,
    /// First to expire first.
    Expiry,
}

/// List the offers of a bus that can be bought now, the cheapest first
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus offer list BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo
  multibus offer list BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      --source solar --max-price 0.30tokens
  multibus offer list BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo --seller \\
      8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC --all")]
pub struct ListArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
    /// Only this delivery window
    #[arg(long, value_name = "START")]
    window: Option<Window>,
    /// Only energy from this source
    #[arg(long)]
    source: Option<Source>,
    /// Only offers of at most this price per kWh, grid fee included
    #[arg(long, value_name = "PRICE")]
    max_price: Option<Amount>,
    /// Only offers of this wallet
    #[arg(long, value_name = "WALLET", value_parser = parse_address)]
    seller: Option<Address>,
    /// Also offers that cannot be bought any more: sold out, expired, past their gate, cancelled
    #[arg(long)]
    all: bool,
    /// Order of the list
    #[arg(long, default_value = "price")]
    sort: Sort,
}

/// Show an offer
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus offer show EHdPndFgKSRAY6MGNUmj8zTuRL7jBJPSRVWiLXss9Xcn")]
pub struct ShowArgs {
    /// The offer
    #[arg(value_name = "OFFER", value_parser = parse_address)]
    offer: Address,
}

/// Set a new price; energy under locks keeps its price, and an offer of the bus itself waits 120 s where it is lower
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus offer reprice EHdPndFgKSRAY6MGNUmj8zTuRL7jBJPSRVWiLXss9Xcn \\
      --price 0.22tokens")]
pub struct RepriceArgs {
    /// The offer
    #[arg(value_name = "OFFER", value_parser = parse_address)]
    offer: Address,
    /// The seller's new price per kWh, without the grid fee
    #[arg(long, allow_negative_numbers = true)]
    price: Amount,
}

/// Set an earlier or a later expiry, while the offer has not expired
///
/// An expiry is at least 300 s after the last lock on the offer. A later one needs what listing needs now.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus offer set-expiry EHdPndFgKSRAY6MGNUmj8zTuRL7jBJPSRVWiLXss9Xcn \\
      --expires +1h
  multibus offer set-expiry EHdPndFgKSRAY6MGNUmj8zTuRL7jBJPSRVWiLXss9Xcn \\
      --expires latest")]
pub struct SetExpiryArgs {
    /// The offer
    #[arg(value_name = "OFFER", value_parser = parse_address)]
    offer: Address,
    /// When the offer stops trading; 'latest' is the gate of its window or the bus's horizon, whichever comes first
    #[arg(long, value_name = "TIME")]
    expires: Expiry,
}

/// Make what an offer sold its seller's to withdraw; anyone can, and `seller withdraw` does it by itself
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus offer collect EHdPndFgKSRAY6MGNUmj8zTuRL7jBJPSRVWiLXss9Xcn")]
pub struct CollectArgs {
    /// The offer
    #[arg(value_name = "OFFER", value_parser = parse_address)]
    offer: Address,
}

/// Withdraw what is unsold and not locked; anyone can once the offer no longer trades
///
/// Before that, the seller can. Where its seller is suspended or may not list any more, the owners and the operator can. An
/// offer of the bus itself is withdrawn by the owner who listed it, by the operator, and by any owner while the bus is
/// paused. What the offer sold becomes its seller's to withdraw.
///
/// Where an auction closes the window, nothing is withdrawn from 300 s before the gate on, until the auction is over: then
/// `auction settle` withdraws what is left.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus offer cancel EHdPndFgKSRAY6MGNUmj8zTuRL7jBJPSRVWiLXss9Xcn")]
pub struct CancelArgs {
    /// The offer
    #[arg(value_name = "OFFER", value_parser = parse_address)]
    offer: Address,
}

/// Runs a verb of `offer`.
///
/// # Errors
/// Where the chain or the program refuses.
pub async fn run(command: OfferCommand, session: &Session) -> Result<Reply, Failure> {
    match command {
        OfferCommand::Create(args) => create(args, session).await,
        OfferCommand::List(args) => list(args, session).await,
        OfferCommand::Show(args) => Ok(Box::new(Shown { offer: load(&args.offer, session).await? })),
        OfferCommand::Reprice(args) => reprice(args, session).await,
        OfferCommand::SetExpiry(args) => set_expiry(args, session).await,
        OfferCommand::Collect(args) => collect(args, session).await,
        OfferCommand::Cancel(args) => cancel(args, session).await,
    }
}

/// Start of the window that is meant, where the bus has windows; 0 where it has none.
///
/// # Errors
/// Where a window is named and the bus has none, or the other way round, or no window starts there.
pub fn window_start(window: Option<Window>, bus: &Bus, now: i64) -> Result<i64, Failure> {
    let present = bus.terms_at(now);
    let next = (bus.next_terms.from > now).then_some(&bus.next_terms);
    let Some(window) = window else {
        return match present.window_seconds {
            0 => Ok(0),
            seconds => Err(Failure::usage(format!(
                "the bus sells by windows of {seconds} s; name one with --window, such as `--window next`"
            ))),
        };
    };
    if let Window::Start(Time::At(moment)) = window {
        let terms = bus.terms_at(moment);
        return if terms.has_windows() { Ok(window.start(now, terms)?) } else { Err(has_no_windows(terms)) };
    }
    // The first window of the next terms that is meant, where the present ones have none before.
    let later = match next {
        Some(next) if next.has_windows() => Some(window.start(now, next)?.max(next.from)),
        _ => None,
    };
    if present.has_windows() {
        let start = window.start(now, present)?;
        if next.is_none_or(|next| start < next.from) {
            return Ok(start);
        }
    }
    later.ok_or_else(|| has_no_windows(next.unwrap_or(present)))
}

fn has_no_windows(terms: &Terms) -> Failure {
    Failure::usage(match terms.from {
        0 => "the bus has no windows; leave --window out".to_owned(),
        from => format!("the bus has no windows from {} on; leave --window out", format_time(from)),
    })
}

async fn create(args: CreateArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let bus = market.bus(&args.bus).await?;
    if args.for_bus && bus.owner_index(&wallet.address()).is_none() {
        return Err(Failure::sentence(format!(
            "{} is not an owner of the bus {}, and only owners sell its own energy; leave --for-bus out to sell your own",
            wallet.address(),
            bus.address
        )));
    }
    let now = session.now().await?;
    let terms = OfferTerms {
        window_start: window_start(args.window, &bus, now)?,
        energy_wh: args.energy.wh,
        price_per_kwh: args.price.base_units(bus.mint_decimals)?,
        expires_at: args.expires.unix_seconds(now),
        source: args.source.energy_source(),
    };
    let of_window = market.terms(&bus, terms.window_start).await?;
    let listed = match args.for_bus {
        true => wallet.offer_create_for_bus(&bus.address, &terms).await?,
        false => wallet.offer_create(&bus.address, &terms).await?,
    };
    let opened_seller = opened_seller(&listed.sent, &bus, session).await?;
    let seller = if args.for_bus { bus.address } else { wallet.address() };
    let offer = OfferView::listed(&listed, &of_window, &bus, &seller, now);
    Ok(Box::new(Put { offer, opened_seller, transaction: TransactionView::from(&listed.sent) }))
}

async fn list(args: ListArgs, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let bus = market.bus(&args.bus).await?;
    let now = session.now().await?;
    let window = match args.window {
        Some(window) => Some(window_start(Some(window), &bus, now)?),
        None => None,
    };
    let max_price = args.max_price.map(|price| price.base_units(bus.mint_decimals)).transpose()?;
    let filter = OfferFilter {
        window_start: window,
        source: args.source.map(Source::energy_source),
        max_price_per_kwh: max_price,
        seller: args.seller,
        ..OfferFilter::default()
    };
    let sort = match args.sort {
        Sort::Price => OfferSort::Price,
        Sort::Energy => OfferSort::Energy,
        Sort::Newest => OfferSort::Newest,
        Sort::Expiry => OfferSort::Expiry,
    };
    let offers = if args.all {
        let mut offers = market.all_offers(&bus.address).await?;
        offers.retain(|offer| filter.matches(offer));
        sort.sort(&mut offers);
        offers
    } else {
        market.active_offers(&bus.address, &filter, sort).await?
    };
    let offers = offers.iter().map(|offer| OfferView::of(offer, &bus, now)).collect();
    Ok(Box::new(Offers { bus: bus.address.to_string(), mint_decimals: bus.mint_decimals, offers }))
}

async fn reprice(args: RepriceArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let mut offer = market.offer(&args.offer).await?;
    let bus = market.bus(&offer.bus).await?;
    let price_per_kwh = args.price.base_units(bus.mint_decimals)?;
    let sent = wallet.offer_reprice(&args.offer, price_per_kwh).await?;
    let account = &mut offer.account;
    account.price_per_kwh = price_per_kwh;
    account.full_price_per_kwh = price_per_kwh.saturating_add(account.grid_fee_per_kwh);
    account.version = account.version.saturating_add(1);
    for event in &sent.events {
        if let Event::OfferRepriced(event) = event {
            (account.version, account.trades_from) = (event.version, event.trades_from);
        }
    }
    changed("repriced the offer", &offer, &bus, &sent, session).await
}

async fn set_expiry(args: SetExpiryArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let mut offer = market.offer(&args.offer).await?;
    let bus = market.bus(&offer.bus).await?;
    let now = session.now().await?;
    let sent = wallet.offer_set_expiry(&args.offer, args.expires.unix_seconds(now)).await?;
    let account = &mut offer.account;
    account.expires_at = match args.expires {
        Expiry::Latest => bus.latest_expiry(account.gate_closes_at, now),
        Expiry::Time(time) => time.unix_seconds(now),
    };
    account.version = account.version.saturating_add(1);
    for event in &sent.events {
        if let Event::OfferExpirySet(event) = event {
            (account.expires_at, account.version) = (event.expires_at, event.version);
        }
    }
    changed("set the expiry of the offer", &offer, &bus, &sent, session).await
}

/// The offer as a transaction left it: told by the transaction, because another node of the provider may lag behind.
async fn changed(
    did: &'static str,
    offer: &Keyed<Offer>,
    bus: &Keyed<Bus>,
    sent: &Sent,
    session: &Session,
) -> Result<Reply, Failure> {
    let offer = OfferView::of(offer, bus, session.now().await?);
    Ok(Box::new(Changed { did, offer, transaction: TransactionView::from(sent) }))
}

async fn collect(args: CollectArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let offer = market.offer(&args.offer).await?;
    let bus = market.bus(&offer.bus).await?;
    let sent = wallet.offer_collect(&args.offer).await?;
    let event = sent.events.iter().find_map(|event| match event {
        Event::OfferCollected(event) => Some(event),
        _ => None,
    });
    Ok(Box::new(Collected {
        offer: args.offer.to_string(),
        seller: offer.seller.to_string(),
        wallet: offer.wallet.to_string(),
        // Without a log it is what the offer held a moment before.
        collected_base_units: event.map_or(offer.proceeds, |event| event.amount),
        released_base_units: event.map(|event| event.released),
        token: Token::of(&bus),
        transaction: TransactionView::from(&sent),
    }))
}

async fn cancel(args: CancelArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let offer = market.offer(&args.offer).await?;
    let bus = market.bus(&offer.bus).await?;
    let sent = wallet.offer_cancel(&args.offer).await?;
    let event = sent.events.iter().find_map(|event| match event {
        Event::OfferCancelled(event) => Some(event),
        _ => None,
    });
    // Without a log it is as the offer stood a moment before.
    Ok(Box::new(Cancelled {
        offer: args.offer.to_string(),
        withdrawn_wh: event.map_or(offer.free_wh(), |event| event.withdrawn_wh),
        sold_wh: event.map_or(offer.sold_wh(), |event| event.sold_wh),
        collected_base_units: event.map_or(offer.proceeds, |event| event.collected),
        closed: event.map_or(offer.open_locks == 0, |event| event.closed != 0),
        token: Token::of(&bus),
        transaction: TransactionView::from(&sent),
    }))
}

async fn load(offer: &Address, session: &Session) -> Result<OfferView, Failure> {
    let market = session.market();
    let offer = market.offer(offer).await?;
    let bus = market.bus(&offer.bus).await?;
    Ok(OfferView::of(&offer, &bus, session.now().await?))
}

#[derive(Serialize)]
struct OfferView {
    address: String,
    bus: String,
    capacity: String,
    seller: String,
    wallet: String,
    vault: String,
    number: u64,
    source: String,
    state: &'static str,
    /// What the seller asks.
    price_per_kwh: u64,
    /// What buyers pay to the grid on top.
    grid_fee_per_kwh: u64,
    /// What buyers pay: both together.
    full_price_per_kwh: u64,
    /// `on_purchase` or `on_delivery`.
    settlement: String,
    /// Delivery book of the window; `null` on purchase terms.
    book: Option<String>,
    mint: String,
    mint_decimals: u8,
    listed_wh: u64,
    remaining_wh: u64,
    reserved_wh: u64,
    free_wh: u64,
    sold_wh: u64,
    proceeds_base_units: u64,
    deposits_base_units: u64,
    open_locks: u32,
    version: u32,
    owned_by_bus: bool,
    window_start: i64,
    created_at: i64,
    /// `null` for offers that trade at once.
    trades_from: Option<i64>,
    expires_at: i64,
}

impl OfferView {
    fn of(offer: &Keyed<Offer>, bus: &Keyed<Bus>, now: i64) -> Self {
        Self {
            address: offer.address.to_string(),
            bus: offer.bus.to_string(),
            capacity: offer.capacity.to_string(),
            seller: offer.seller.to_string(),
            wallet: offer.wallet.to_string(),
            vault: offer.vault.to_string(),
            number: offer.number,
            source: source_name(offer.source),
            state: state(offer, bus, now),
            price_per_kwh: offer.price_per_kwh,
            grid_fee_per_kwh: offer.grid_fee_per_kwh,
            full_price_per_kwh: offer.full_price_per_kwh,
            settlement: settlement_of(offer),
            book: offer.is_on_delivery().then(|| offer.book.to_string()),
            mint: bus.mint.to_string(),
            mint_decimals: bus.mint_decimals,
            listed_wh: offer.listed_wh,
            remaining_wh: offer.remaining_wh,
            reserved_wh: offer.reserved_wh,
            free_wh: offer.free_wh(),
            sold_wh: offer.sold_wh(),
            proceeds_base_units: offer.proceeds,
            deposits_base_units: offer.deposits,
            open_locks: offer.open_locks,
            version: offer.version,
            owned_by_bus: offer.is_of_bus(),
            window_start: offer.window_start,
            created_at: offer.created_at,
            trades_from: (offer.trades_from != 0).then_some(offer.trades_from),
            expires_at: offer.expires_at,
        }
    }

    /// An offer that was created a moment ago, as its transaction says: another node of the provider may not show its
    /// account yet.
    fn listed(listed: &Listed, of_window: &Terms, bus: &Keyed<Bus>, wallet: &Address, now: i64) -> Self {
        let terms = &listed.terms;
        let owned_by_bus = *wallet == bus.address;
        let created_at = listed.sent.events.iter().find_map(|event| match event {
            Event::OfferCreated(event) => Some(event.created_at),
            _ => None,
        });
        let created_at = created_at.unwrap_or(now);
        let trades_from = listed.trades_from.unwrap_or(created_at.saturating_add(BUS_OFFER_DELAY_SECONDS));
        let seller = address::seller(&bus.address, wallet);
        Self {
            address: listed.address.to_string(),
            bus: bus.address.to_string(),
            capacity: address::capacity(&bus.address, terms.window_start).to_string(),
            seller: seller.to_string(),
            wallet: wallet.to_string(),
            vault: address::vault(&seller).to_string(),
            number: listed.number,
            source: source_name(terms.source as u8),
            state: if owned_by_bus { WAITING } else { OPEN },
            price_per_kwh: terms.price_per_kwh,
            grid_fee_per_kwh: of_window.grid_fee_per_kwh,
            full_price_per_kwh: terms.price_per_kwh.saturating_add(of_window.grid_fee_per_kwh),
            settlement: settlement_name(of_window.settlement),
            book: of_window.is_on_delivery().then(|| {
                let first_window = DeliveryBook::first_window_of(of_window, terms.window_start);
                address::book(&seller, first_window).to_string()
            }),
            mint: bus.mint.to_string(),
            mint_decimals: bus.mint_decimals,
            listed_wh: terms.energy_wh,
            remaining_wh: terms.energy_wh,
            reserved_wh: 0,
            free_wh: terms.energy_wh,
            sold_wh: 0,
            proceeds_base_units: 0,
            deposits_base_units: 0,
            open_locks: 0,
            version: 1,
            owned_by_bus,
            window_start: terms.window_start,
            created_at,
            trades_from: owned_by_bus.then_some(trades_from),
            expires_at: terms.expires_at,
        }
    }

    fn tokens(&self, base_units: u64) -> String {
        format!("{} tokens", format_scaled(base_units, self.mint_decimals as usize))
    }

    /// What a seller wants to know of an offer that it has just created or changed.
    fn brief(&self, transaction: &TransactionView) -> Vec<(&'static str, String)> {
        let mut fields = vec![("offer", self.address.clone())];
        if self.window_start != 0 {
            fields.push(("window", format_time(self.window_start)));
        }
        if let Some(trades_from) = self.trades_from {
            fields.push(("trades from", format_time(trades_from)));
        }
        fields.push(("expires", format_time(self.expires_at)));
        if self.grid_fee_per_kwh > 0 {
            fields.push(("buyers pay", self.full_price()));
        }
        if let Some(book) = &self.book {
            fields.push(("paid", settlement_words(&self.settlement).to_owned()));
            fields.push(("book", book.clone()));
        }
        if self.owned_by_bus {
            fields.push(("sells for", "the bus, into its treasury".to_owned()));
        }
        fields.push(("signature", transaction.signature.clone()));
        fields
    }

    fn price(&self) -> String {
        format_scaled(self.price_per_kwh, self.mint_decimals as usize)
    }

    /// What buyers pay, and the grid fee in it.
    fn full_price(&self) -> String {
        format_full_price(self.full_price_per_kwh, self.grid_fee_per_kwh, self.mint_decimals)
    }
}

#[derive(Serialize)]
struct Changed {
    #[serde(skip)]
    did: &'static str,
    #[serde(flatten)]
    offer: OfferView,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Changed {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.offer.address.clone()])
    }

    fn text(&self, page: &mut Page) {
        let offer = &self.offer;
        page.line(format!("{}: {} at {} tokens/kWh", self.did, format_energy(offer.free_wh), offer.price()));
        page.fields(offer.brief(&self.transaction));
    }
}

/// An offer that was created.
#[derive(Serialize)]
struct Put {
    #[serde(flatten)]
    offer: OfferView,
    /// `null` where the seller account was open before.
    opened_seller: Option<OpenedSeller>,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Put {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.offer.address.clone()])
    }

    fn text(&self, page: &mut Page) {
        let offer = &self.offer;
        page.line(format!("created the offer: {} at {} tokens/kWh", format_energy(offer.free_wh), offer.price()));
        page.fields(offer.brief(&self.transaction));
        if let Some(opened) = &self.opened_seller {
            opened.line(page);
        }
    }
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    offer: OfferView,
}

impl View for Shown {
    fn text(&self, page: &mut Page) {
        let offer = &self.offer;
        let mut fields = vec![
            ("offer", offer.address.clone()),
            ("bus", offer.bus.clone()),
            ("seller", if offer.owned_by_bus { "the bus itself".to_owned() } else { offer.wallet.clone() }),
            ("vault", offer.vault.clone()),
            ("state", offer.state.to_owned()),
            ("source", offer.source.clone()),
            (
                "price",
                format!(
                    "{} tokens/kWh ({} base units, version {})",
                    format_scaled(offer.full_price_per_kwh, offer.mint_decimals as usize),
                    offer.full_price_per_kwh,
                    offer.version
                ),
            ),
        ];
        if offer.grid_fee_per_kwh > 0 {
            let fee = offer.tokens(offer.grid_fee_per_kwh);
            fields.push(("of it", format!("{fee}/kWh for the grid, {} tokens/kWh for the seller", offer.price())));
        }
        fields.extend([
            ("paid", settlement_words(&offer.settlement).to_owned()),
            ("token", offer.mint.clone()),
            ("free", format_energy(offer.free_wh)),
            ("locked", format!("{} in {}", format_energy(offer.reserved_wh), count(offer.open_locks, "lock"))),
            ("listed", format!("{}, sold {}", format_energy(offer.listed_wh), format_energy(offer.sold_wh))),
            ("proceeds", format!("{}, not collected yet", offer.tokens(offer.proceeds_base_units))),
            ("deposits", format!("{} of its locks", offer.tokens(offer.deposits_base_units))),
            ("window", if offer.window_start == 0 { "none".to_owned() } else { format_time(offer.window_start) }),
            ("created", format_time(offer.created_at)),
        ]);
        if let Some(book) = &offer.book {
            fields.push(("book", book.clone()));
        }
        if let Some(trades_from) = offer.trades_from {
            fields.push(("trades from", format_time(trades_from)));
        }
        fields.push(("expires", format_time(offer.expires_at)));
        page.fields(fields);
    }
}

#[derive(Serialize)]
struct Offers {
    bus: String,
    mint_decimals: u8,
    offers: Vec<OfferView>,
}

impl View for Offers {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.offers.iter().map(|offer| offer.address.clone()).collect())
    }

    fn text(&self, page: &mut Page) {
        if self.offers.is_empty() {
            page.line("no offers; `--all` lists those that no longer trade as well");
            return;
        }
        let mut windows: Vec<i64> = self.offers.iter().map(|offer| offer.window_start).collect();
        windows.sort_unstable();
        windows.dedup();
        for (index, window) in windows.into_iter().enumerate() {
            if index > 0 {
                page.line("");
            }
            if window != 0 {
                page.line(format!("window {}", format_time(window)));
            }
            let rows = self.offers.iter().filter(|offer| offer.window_start == window);
            page.table(
                &["offer", ">price/kWh", ">free", "source"],
                rows.map(|offer| {
                    let state = if offer.state == OPEN { &offer.source } else { offer.state };
                    let mark = if offer.owned_by_bus { " *" } else { "" };
                    let price = format_scaled(offer.full_price_per_kwh, offer.mint_decimals as usize);
                    vec![offer.address.clone(), price, format_energy(offer.free_wh), format!("{state}{mark}")]
                }),
            );
            let of_window = || self.offers.iter().filter(|offer| offer.window_start == window);
            let mut fees: Vec<u64> = of_window().map(|offer| offer.grid_fee_per_kwh).filter(|fee| *fee > 0).collect();
            fees.sort_unstable();
            fees.dedup();
            for fee in fees {
                let fee = format_scaled(fee, self.mint_decimals.into());
                page.line(format!("in the price: {fee} tokens/kWh for the grid"));
            }
            if of_window().any(|offer| offer.book.is_some()) {
                page.line("paid on delivery: what the meter does not count goes back to the buyer");
            }
        }
        if self.offers.iter().any(|offer| offer.owned_by_bus) {
            page.line("* of the bus itself, sold into its treasury");
        }
    }
}

#[derive(Serialize)]
struct Collected {
    offer: String,
    seller: String,
    wallet: String,
    collected_base_units: u64,
    /// What the seller can withdraw now; `null` where the node kept no log.
    released_base_units: Option<u64>,
    #[serde(flatten)]
    token: Token,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Collected {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.transaction.signature.clone()])
    }

    fn text(&self, page: &mut Page) {
        page.line(format!("collected {} tokens", self.token.format(self.collected_base_units)));
        if let Some(released) = self.released_base_units {
            page.line(format!("the seller {} can withdraw {} tokens", self.wallet, self.token.format(released)));
        }
        signature_line(page, &self.transaction);
    }
}

#[derive(Serialize)]
struct Cancelled {
    offer: String,
    withdrawn_wh: u64,
    sold_wh: u64,
    collected_base_units: u64,
    closed: bool,
    #[serde(flatten)]
    token: Token,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Cancelled {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.transaction.signature.clone()])
    }

    fn text(&self, page: &mut Page) {
        page.line(format!("withdrew {}, sold {}", format_energy(self.withdrawn_wh), format_energy(self.sold_wh)));
        if self.collected_base_units > 0 {
            page.line(format!("its seller can withdraw {} tokens of it", self.token.format(self.collected_base_units)));
        }
        if !self.closed {
            page.line("energy under locks stays until they are settled or released; then cancel again");
        }
        signature_line(page, &self.transaction);
    }
}

//! `multibus offer`: energy on offer.

use {
    crate::{
        failure::Failure,
        output::{Page, Reply, View},
        session::Session,
        value::{Amount, Energy, Time, Window, WindowRules, address, format_energy, format_scaled, format_time},
        view::{TransactionView, signature_line},
    },
    clap::{Args, Subcommand, ValueEnum},
    multibus_client::{
        Address, Keyed,
        multibus::state::{Bus, EnergySource, Offer},
        offer::{OfferFilter, OfferSort, OfferTerms},
    },
    serde::Serialize,
};

#[derive(Subcommand, Debug)]
pub enum OfferCommand {
    Create(CreateArgs),
    List(ListArgs),
    Show(ShowArgs),
    Reprice(RepriceArgs),
    Extend(ExtendArgs),
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

/// Name of a source as the chain has it.
pub fn source_name(source: u8) -> String {
    match EnergySource::try_from(source) {
        Ok(source) => format!("{source:?}").to_lowercase(),
        Err(unknown) => format!("source {unknown}"),
    }
}

/// Put energy on offer; the proceeds go to the signing wallet, or to the treasury of the bus
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
    #[arg(value_name = "BUS", value_parser = address)]
    bus: Address,
    /// Energy, such as 1500Wh or 1.5kWh
    #[arg(long, allow_negative_numbers = true)]
    energy: Energy,
    /// Price per kWh, in base units or tokens, such as 250000 or 0.25tokens
    #[arg(long, allow_negative_numbers = true)]
    price: Amount,
    /// Delivery window, where the bus has windows: 'next', its start, or a wait that is rounded up to one
    #[arg(long, value_name = "START")]
    window: Option<Window>,
    /// Last second in which the offer trades
    #[arg(long, value_name = "TIME", default_value = "never")]
    expires: Time,
    /// Where the energy comes from
    #[arg(long, default_value = "unspecified")]
    source: Source,
    /// Energy of the bus itself: sales are paid into its treasury, and any owner can reprice or cancel the offer
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
    #[arg(value_name = "BUS", value_parser = address)]
    bus: Address,
    /// Only this delivery window
    #[arg(long, value_name = "START")]
    window: Option<Window>,
    /// Only energy from this source
    #[arg(long)]
    source: Option<Source>,
    /// Only offers of at most this price per kWh
    #[arg(long, value_name = "PRICE")]
    max_price: Option<Amount>,
    /// Only offers of this wallet
    #[arg(long, value_name = "WALLET", value_parser = address)]
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
    #[arg(value_name = "OFFER", value_parser = address)]
    offer: Address,
}

/// Set a new price; energy under locks keeps its price
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus offer reprice EHdPndFgKSRAY6MGNUmj8zTuRL7jBJPSRVWiLXss9Xcn \\
      --price 0.22tokens")]
pub struct RepriceArgs {
    /// The offer
    #[arg(value_name = "OFFER", value_parser = address)]
    offer: Address,
    /// New price per kWh
    #[arg(long, allow_negative_numbers = true)]
    price: Amount,
}

/// Set a later expiry
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus offer extend EHdPndFgKSRAY6MGNUmj8zTuRL7jBJPSRVWiLXss9Xcn \\
      --expires +1h
  multibus offer extend EHdPndFgKSRAY6MGNUmj8zTuRL7jBJPSRVWiLXss9Xcn \\
      --expires never")]
pub struct ExtendArgs {
    /// The offer
    #[arg(value_name = "OFFER", value_parser = address)]
    offer: Address,
    /// New last second in which the offer trades
    #[arg(long, value_name = "TIME")]
    expires: Time,
}

/// Withdraw what is unsold and not locked; anyone can once the offer no longer trades
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus offer cancel EHdPndFgKSRAY6MGNUmj8zTuRL7jBJPSRVWiLXss9Xcn")]
pub struct CancelArgs {
    /// The offer
    #[arg(value_name = "OFFER", value_parser = address)]
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
        OfferCommand::Extend(args) => extend(args, session).await,
        OfferCommand::Cancel(args) => cancel(args, session).await,
    }
}

/// Start of the window that is meant, where the bus has windows; 0 where it has none.
///
/// # Errors
/// Where a window is named and the bus has none, or the other way round, or no window starts there.
pub fn window_start(window: Option<Window>, bus: &Keyed<Bus>, now: i64) -> Result<i64, Failure> {
    match (window, bus.window_seconds) {
        (None, 0) => Ok(0),
        (Some(window), window_seconds) if window_seconds != 0 => {
            Ok(window.start(now, WindowRules { window_seconds, gate_closure_seconds: bus.gate_closure_seconds })?)
        }
        (None, seconds) => Err(Failure::usage(format!(
            "the bus sells by windows of {seconds} s; name one with --window, such as `--window next`"
        ))),
        (Some(_), _) => Err(Failure::usage("the bus has no windows; leave --window out")),
    }
}

async fn create(args: CreateArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let bus = session.market().bus(&args.bus).await?;
    let now = session.now().await?;
    let terms = OfferTerms {
        window_start: window_start(args.window, &bus, now)?,
        energy_wh: args.energy.wh,
        price_per_kwh: args.price.base_units(bus.mint_decimals)?,
        expires_at: args.expires.unix_seconds(now),
        source: args.source.energy_source(),
    };
    let created = match args.for_bus {
        true => wallet.offer_create_for_bus(&bus.address, &terms).await?,
        false => wallet.offer_create(&bus.address, &terms).await?,
    };
    let offer = load(&created.address, session).await?;
    Ok(Box::new(Changed { did: "created the offer", offer, transaction: TransactionView::from(&created.sent) }))
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
    Ok(Box::new(Listed { bus: bus.address.to_string(), mint_decimals: bus.mint_decimals, offers }))
}

async fn reprice(args: RepriceArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let offer = market.offer(&args.offer).await?;
    let bus = market.bus(&offer.bus).await?;
    let sent = wallet.offer_reprice(&args.offer, args.price.base_units(bus.mint_decimals)?).await?;
    let offer = load(&args.offer, session).await?;
    Ok(Box::new(Changed { did: "repriced the offer", offer, transaction: TransactionView::from(&sent) }))
}

async fn extend(args: ExtendArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let expires_at = args.expires.unix_seconds(session.now().await?);
    let sent = wallet.offer_extend(&args.offer, expires_at).await?;
    let offer = load(&args.offer, session).await?;
    Ok(Box::new(Changed { did: "extended the offer", offer, transaction: TransactionView::from(&sent) }))
}

async fn cancel(args: CancelArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let sent = wallet.offer_cancel(&args.offer).await?;
    let event = sent.events.iter().find_map(|event| match event {
        multibus_client::event::Event::OfferCancelled(event) => Some(event),
        _ => None,
    });
    let Some(event) = event else {
        return Err(Failure::sentence(format!(
            "the offer is cancelled ({}), but the node kept no log of it; see `multibus offer show {}`",
            sent.signature, args.offer
        )));
    };
    Ok(Box::new(Cancelled {
        offer: args.offer.to_string(),
        withdrawn_wh: event.withdrawn_wh,
        sold_wh: event.sold_wh,
        closed: event.closed != 0,
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
    payout: String,
    offer_seq: u64,
    source: String,
    state: &'static str,
    price_per_kwh: u64,
    mint: String,
    mint_decimals: u8,
    listed_wh: u64,
    remaining_wh: u64,
    reserved_wh: u64,
    free_wh: u64,
    open_locks: u32,
    version: u32,
    owned_by_bus: bool,
    window_start: i64,
    created_at: i64,
    expires_at: i64,
}

impl OfferView {
    fn of(offer: &Keyed<Offer>, bus: &Keyed<Bus>, now: i64) -> Self {
        let state = if offer.cancelled != 0 {
            "cancelled"
        } else if offer.remaining_wh == 0 {
            "sold out"
        } else if offer.is_expired(now) {
            "expired"
        } else if now >= bus.gate_closes_at(offer.window_start) {
            "gate closed"
        } else if bus.paused != 0 {
            "paused"
        } else if offer.free_wh() == 0 {
            "locked"
        } else {
            "open"
        };
        Self {
            address: offer.address.to_string(),
            bus: offer.bus.to_string(),
            capacity: offer.capacity.to_string(),
            seller: offer.seller.to_string(),
            payout: offer.payout.to_string(),
            offer_seq: offer.offer_seq,
            source: source_name(offer.source),
            state,
            price_per_kwh: offer.price_per_kwh,
            mint: bus.mint.to_string(),
            mint_decimals: bus.mint_decimals,
            listed_wh: offer.listed_wh,
            remaining_wh: offer.remaining_wh,
            reserved_wh: offer.reserved_wh,
            free_wh: offer.free_wh(),
            open_locks: offer.open_locks,
            version: offer.version,
            owned_by_bus: offer.owned_by_bus != 0,
            window_start: offer.window_start,
            created_at: offer.created_at,
            expires_at: offer.expires_at,
        }
    }

    fn price(&self) -> String {
        format_scaled(self.price_per_kwh, self.mint_decimals as usize)
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
        let mut fields = vec![("offer", offer.address.clone())];
        if offer.window_start != 0 {
            fields.push(("window", format_time(offer.window_start)));
        }
        if offer.expires_at != 0 {
            fields.push(("expires", format_time(offer.expires_at)));
        }
        if offer.owned_by_bus {
            fields.push(("paid to", "the treasury of the bus".to_owned()));
        }
        fields.push(("signature", self.transaction.signature.clone()));
        page.fields(fields);
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
        page.fields([
            ("offer", offer.address.clone()),
            ("bus", offer.bus.clone()),
            ("seller", if offer.owned_by_bus { "the bus itself".to_owned() } else { offer.seller.clone() }),
            ("paid to", offer.payout.clone()),
            ("state", offer.state.to_owned()),
            ("source", offer.source.clone()),
            (
                "price",
                format!("{} tokens/kWh ({} base units, version {})", offer.price(), offer.price_per_kwh, offer.version),
            ),
            ("token", offer.mint.clone()),
            ("free", format_energy(offer.free_wh)),
            ("locked", format!("{} in {} locks", format_energy(offer.reserved_wh), offer.open_locks)),
            (
                "listed",
                format!(
                    "{}, sold {}",
                    format_energy(offer.listed_wh),
                    format_energy(offer.listed_wh - offer.remaining_wh)
                ),
            ),
            ("window", if offer.window_start == 0 { "none".to_owned() } else { format_time(offer.window_start) }),
            ("created", format_time(offer.created_at)),
            ("expires", format_time(offer.expires_at)),
        ]);
    }
}

#[derive(Serialize)]
struct Listed {
    bus: String,
    mint_decimals: u8,
    offers: Vec<OfferView>,
}

impl View for Listed {
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
                    let state = if offer.state == "open" { &offer.source } else { offer.state };
                    let mark = if offer.owned_by_bus { " *" } else { "" };
                    vec![offer.address.clone(), offer.price(), format_energy(offer.free_wh), format!("{state}{mark}")]
                }),
            );
        }
        if self.offers.iter().any(|offer| offer.owned_by_bus) {
            page.line("* of the bus itself, paid into its treasury");
        }
    }
}

#[derive(Serialize)]
struct Cancelled {
    offer: String,
    withdrawn_wh: u64,
    sold_wh: u64,
    closed: bool,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Cancelled {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.transaction.signature.clone()])
    }

    fn text(&self, page: &mut Page) {
        page.line(format!("withdrew {}, sold {}", format_energy(self.withdrawn_wh), format_energy(self.sold_wh)));
        if !self.closed {
            page.line("energy under locks stays until they are settled or released; then cancel again");
        }
        signature_line(page, &self.transaction);
    }
}

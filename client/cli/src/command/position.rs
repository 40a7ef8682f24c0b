//! `multibus position`: what a buyer bought on delivery terms, what was delivered, and what comes back.

use {
    super::{
        bid::{BidView, filled_table},
        delivery::{starts, state_words},
    },
    crate::{
        failure::Failure,
        output::{Page, Reply, View},
        session::Session,
        tokens::Token,
        value::{address as parse_address, count, format_energy, format_time},
        view::{TransactionView, format_sol, signature_line},
    },
    clap::{Args, Subcommand},
    multibus_client::{
        Address, Keyed,
        bid::{BidFilter, BidState},
        delivery::{DeliveryBook, refundable},
        event::Event,
        multibus::state::{Bus, RefundOutcome},
        position::{PositionBook, PositionDelivery, position_deliveries},
    },
    serde::Serialize,
    std::collections::{HashMap, hash_map::Entry},
};

#[derive(Subcommand, Debug)]
pub enum PositionCommand {
    List(ListArgs),
    Show(ShowArgs),
    Open(OpenArgs),
    SetRefund(SetRefundArgs),
    Close(CloseArgs),
}

/// List what a wallet bought on delivery terms: what was delivered of it, and what comes back; also what its bids got
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus position list
  multibus position list 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC
  multibus position list --book 9Ln7MCshW9zShxjTXRHp5h4S18GcT3b1nfCWaKaBFCdE")]
pub struct ListArgs {
    /// The buyer [default: the signing wallet]
    #[arg(value_name = "WALLET", value_parser = parse_address, conflicts_with = "book")]
    wallet: Option<Address>,
    /// Only what was bought on this bus
    #[arg(long, value_name = "BUS", value_parser = parse_address, conflicts_with = "book")]
    bus: Option<Address>,
    /// Every buyer's position on this delivery book
    #[arg(long, value_name = "BOOK", value_parser = parse_address)]
    book: Option<Address>,
}

/// Show a position book: each window with what was bought, delivered and paid back
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus position show FxvxtejBzQVq6fmk5D1bS6oiCatHVxfdyjn8vwG8zsYu")]
pub struct ShowArgs {
    /// The position book
    #[arg(value_name = "POSITION", value_parser = parse_address)]
    position: Address,
}

/// Open the signing wallet's position book on a delivery book; the first purchase or lock opens it by itself
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus position open 9Ln7MCshW9zShxjTXRHp5h4S18GcT3b1nfCWaKaBFCdE")]
pub struct OpenArgs {
    /// The delivery book
    #[arg(value_name = "BOOK", value_parser = parse_address)]
    book: Address,
}

/// Name the token account that refunds go to; before, it is the one that paid first
///
/// It stays as it is once anyone can close the position book: after the last gate of the delivery book, and 30 days after the
/// last window in which something was sold is final.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus position set-refund FxvxtejBzQVq6fmk5D1bS6oiCatHVxfdyjn8vwG8zsYu \\
      9Ln7MCshW9zShxjTXRHp5h4S18GcT3b1nfCWaKaBFCdE")]
pub struct SetRefundArgs {
    /// The position book of the signing wallet
    #[arg(value_name = "POSITION", value_parser = parse_address)]
    position: Address,
    /// The token account
    #[arg(value_name = "TOKEN_ACCOUNT", value_parser = parse_address)]
    refund: Address,
}

/// Close a position book whose windows are final; what is not refunded is paid, and the rent comes back
///
/// Its buyer can, and gives up the certificates that it did not take; others can once nothing is left to certify, or 30 days
/// later. A refund that cannot be paid is kept as a claim.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus position close FxvxtejBzQVq6fmk5D1bS6oiCatHVxfdyjn8vwG8zsYu")]
pub struct CloseArgs {
    /// The position book
    #[arg(value_name = "POSITION", value_parser = parse_address)]
    position: Address,
}

/// Runs a verb of `position`.
///
/// # Errors
/// Where the chain or the program refuses.
pub async fn run(command: PositionCommand, session: &Session) -> Result<Reply, Failure> {
    match command {
        PositionCommand::List(args) => list(&args, session).await,
        PositionCommand::Show(args) => show(&args.position, session).await,
        PositionCommand::Open(args) => open(&args.book, session).await,
        PositionCommand::SetRefund(args) => set_refund(&args, session).await,
        PositionCommand::Close(args) => close(&args.position, session).await,
    }
}

async fn list(args: &ListArgs, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let now = session.now().await?;
    let positions = match args.book {
        Some(book) => market.positions_on(&book).await?,
        None => market.positions_of(&session.address_or_own(args.wallet)?).await?,
    };
    let mut books = HashMap::new();
    let mut buses: HashMap<Address, Keyed<Bus>> = HashMap::new();
    let mut views = Vec::with_capacity(positions.len());
    for position in &positions {
        let book = match books.entry(position.book) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(Box::new(market.delivery_book(&position.book).await?)),
        };
        if args.bus.is_some_and(|bus| bus != book.bus) {
            continue;
        }
        let bus = match buses.entry(book.bus) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(market.bus(&book.bus).await?),
        };
        views.push((book.first_window, PositionView::of(position, book, bus, now)));
    }
    views.sort_by(|(a, one), (b, other)| (a, &one.address).cmp(&(b, &other.address)));
    let bids = match args.book {
        // A bid is not on one seller's book.
        Some(_) => Vec::new(),
        None => {
            let buyer = Some(session.address_or_own(args.wallet)?);
            let mut bids = market.bids(&BidFilter { bus: args.bus, buyer, ..BidFilter::default() }).await?;
            bids.retain(|bid| bid.state != BidState::Open as u8);
            BidView::all(&bids, session).await?
        }
    };
    Ok(Box::new(Listed { positions: views.into_iter().map(|(_, view)| view).collect(), bids }))
}

async fn show(position: &Address, session: &Session) -> Result<Reply, Failure> {
    let (position, book, bus) = load(position, session).await?;
    let view = PositionView::of(&position, &book, &bus, session.now().await?);
    Ok(Box::new(Shown { position: view }))
}

async fn load(
    position: &Address,
    session: &Session,
) -> Result<(Keyed<PositionBook>, Box<Keyed<DeliveryBook>>, Keyed<Bus>), Failure> {
    let market = session.market();
    let position = market.position(position).await?;
    // A delivery book stays open as long as it has positions.
    let book = Box::new(market.delivery_book(&position.book).await?);
    let bus = market.bus(&book.bus).await?;
    Ok((position, book, bus))
}

async fn open(book: &Address, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let book = Box::new(market.delivery_book(book).await?);
    if let Some(position) = market.find_position(&book.address, &wallet.address()).await? {
        return Err(Failure::sentence(format!(
            "{} has the position book {} on this delivery book already; nothing to do",
            wallet.address(),
            position.address
        )));
    }
    let opened = wallet.position_open(&book.address).await?;
    Ok(Box::new(Opened {
        position: opened.address.to_string(),
        book: book.address.to_string(),
        buyer: wallet.address().to_string(),
        transaction: TransactionView::from(&opened.sent),
    }))
}

async fn set_refund(args: &SetRefundArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let position = session.market().position(&args.position).await?;
    if position.buyer != wallet.address() {
        return Err(Failure::sentence(format!(
            "the position book {} belongs to {}, not to {}; sign with its buyer's wallet",
            position.address,
            position.buyer,
            wallet.address()
        )));
    }
    let sent = wallet.position_set_refund(&position.book, &args.refund).await?;
    Ok(Box::new(RefundSet {
        position: position.address.to_string(),
        refund: args.refund.to_string(),
        before: position.refund.to_string(),
        transaction: TransactionView::from(&sent),
    }))
}

async fn close(position: &Address, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let (position, book, bus) = load(position, session).await?;
    let accounts = session.chain().accounts(&[position.address]).await?;
    let rent_lamports = accounts.first().and_then(Option::as_ref).map_or(0, |account| account.lamports);
    // Without a log it is what could be refunded a moment before.
    let before = refundable(&position, &book, session.now().await?);
    let sent = wallet.position_close(&position.address).await?;
    let event = sent.events.iter().find_map(|event| match event {
        Event::PositionClosed(event) => Some(event),
        _ => None,
    });
    let windows = event.map_or(before.windows, |event| [event.windows_low, event.windows_high]);
    Ok(Box::new(Closed {
        position: position.address.to_string(),
        book: book.address.to_string(),
        buyer: position.buyer.to_string(),
        refund: position.refund.to_string(),
        windows: starts(&book, &windows),
        refunded_base_units: event.map_or(before.amount, |event| event.amount),
        claimed: event.is_some_and(|event| event.outcome == RefundOutcome::Claimed as u8),
        rent_lamports,
        rent_to: position.rent_payer.to_string(),
        token: Token::of(&bus),
        transaction: TransactionView::from(&sent),
    }))
}

/// What was bought of one window.
#[derive(Serialize)]
struct WindowView {
    window_start: i64,
    /// `ahead`, `awaits_reading`, `correctable`, `final` or `released`.
    state: &'static str,
    /// First second in which no reading can change it any more, as far as is known now.
    final_at: i64,
    energy_wh: u64,
    paid_base_units: u64,
    /// What the last reading gives: without one, nothing was delivered.
    delivered_wh: u64,
    refund_base_units: u64,
    refunded: bool,
    certified: bool,
    #[serde(skip)]
    is_final: bool,
}

impl WindowView {
    fn of(delivery: &PositionDelivery) -> Self {
        Self {
            window_start: delivery.window_start,
            state: delivery.state.name(),
            final_at: delivery.final_at,
            energy_wh: delivery.energy_wh,
            paid_base_units: delivery.paid,
            delivered_wh: delivery.delivered_wh,
            refund_base_units: delivery.refund,
            refunded: delivery.is_refunded,
            certified: delivery.is_certified,
            is_final: delivery.state.is_final(),
        }
    }

    /// Where it stands for its buyer.
    fn words(&self) -> String {
        match (self.is_final, self.refunded) {
            (false, _) => state_words(self.state),
            (true, false) if self.refund_base_units > 0 => "final, not refunded".to_owned(),
            (true, _) => "final".to_owned(),
        }
    }
}

#[derive(Serialize)]
struct PositionView {
    address: String,
    book: String,
    bus: String,
    seller: String,
    buyer: String,
    /// The token account that refunds go to; `null` where nothing was bought or locked yet.
    refund: Option<String>,
    open_locks: u32,
    energy_wh: u64,
    paid_base_units: u64,
    /// What `delivery refund` would pay now.
    refundable_base_units: u64,
    #[serde(flatten)]
    token: Token,
    windows: Vec<WindowView>,
    rent_payer: String,
}

impl PositionView {
    fn of(position: &Keyed<PositionBook>, book: &Keyed<DeliveryBook>, bus: &Keyed<Bus>, now: i64) -> Self {
        let windows: Vec<WindowView> = position_deliveries(position, book, now).iter().map(WindowView::of).collect();
        Self {
            address: position.address.to_string(),
            book: position.book.to_string(),
            bus: book.bus.to_string(),
            seller: book.seller.to_string(),
            buyer: position.buyer.to_string(),
            refund: (position.refund != Address::default()).then(|| position.refund.to_string()),
            open_locks: position.open_locks,
            energy_wh: windows.iter().map(|window| window.energy_wh).fold(0, u64::saturating_add),
            paid_base_units: windows.iter().map(|window| window.paid_base_units).fold(0, u64::saturating_add),
            refundable_base_units: refundable(position, book, now).amount,
            token: Token::of(bus),
            windows,
            rent_payer: position.rent_payer.to_string(),
        }
    }

    fn table(&self, page: &mut Page) {
        page.table(
            &["window", ">bought", ">paid", ">delivered", ">back", "state"],
            self.windows.iter().map(|window| {
                vec![
                    format_time(window.window_start),
                    format_energy(window.energy_wh),
                    self.token.format(window.paid_base_units),
                    format_energy(window.delivered_wh),
                    self.token.format(window.refund_base_units),
                    window.words(),
                ]
            }),
        );
        if self.refundable_base_units > 0 {
            let amount = self.token.format(self.refundable_base_units);
            page.line(format!("{amount} tokens can be paid back:"));
            page.line(format!("  multibus delivery refund {}", self.address));
        }
    }
}

#[derive(Serialize)]
struct Listed {
    positions: Vec<PositionView>,
    /// What its bids got on delivery terms.
    bids: Vec<BidView>,
}

impl View for Listed {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.positions.iter().map(|position| position.address.clone()).collect())
    }

    fn text(&self, page: &mut Page) {
        if self.positions.is_empty() && self.bids.is_empty() {
            page.line("no positions; the first purchase on delivery terms opens one");
        }
        for (index, position) in self.positions.iter().enumerate() {
            if index > 0 {
                page.line("");
            }
            page.line(format!("position {}", position.address));
            page.line(format!("buyer    {}", position.buyer));
            page.line(format!("book     {}", position.book));
            position.table(page);
        }
        if !self.bids.is_empty() {
            if !self.positions.is_empty() {
                page.line("");
            }
            page.line("bought by bids in auctions");
            filled_table(page, &self.bids);
        }
    }
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    position: PositionView,
}

impl View for Shown {
    fn text(&self, page: &mut Page) {
        let position = &self.position;
        page.fields([
            ("position", position.address.clone()),
            ("buyer", position.buyer.clone()),
            ("bus", position.bus.clone()),
            ("book", position.book.clone()),
            ("refunds to", position.refund.clone().unwrap_or_else(|| "the account that pays first".to_owned())),
            ("locks", count(position.open_locks, "open lock")),
            ("bought", format_energy(position.energy_wh)),
            ("paid", format!("{} tokens", position.token.format(position.paid_base_units))),
        ]);
        page.line("");
        position.table(page);
    }
}

#[derive(Serialize)]
struct Opened {
    position: String,
    book: String,
    buyer: String,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Opened {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.position.clone()])
    }

    fn text(&self, page: &mut Page) {
        page.line(format!("opened the position book {}", self.position));
        signature_line(page, &self.transaction);
    }
}

#[derive(Serialize)]
struct RefundSet {
    position: String,
    refund: String,
    /// The account that was named before.
    before: String,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for RefundSet {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.transaction.signature.clone()])
    }

    fn text(&self, page: &mut Page) {
        page.line(format!("refunds of the position {}", self.position));
        page.line(format!("go to      {}", self.refund));
        signature_line(page, &self.transaction);
    }
}

#[derive(Serialize)]
struct Closed {
    position: String,
    book: String,
    buyer: String,
    /// The token account that it named for refunds.
    refund: String,
    /// Starts of the windows that were refunded with it.
    windows: Vec<i64>,
    refunded_base_units: u64,
    /// Whether the refund could not be paid and is kept as a claim.
    claimed: bool,
    rent_lamports: u64,
    rent_to: String,
    #[serde(flatten)]
    token: Token,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Closed {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.transaction.signature.clone()])
    }

    fn text(&self, page: &mut Page) {
        page.line(format!("closed the position book {}", self.position));
        let amount = self.token.format(self.refunded_base_units);
        if self.claimed {
            page.line(format!("{amount} tokens are kept as a claim of {}: `multibus claim pay`", self.buyer));
        } else if self.refunded_base_units > 0 {
            page.line(format!("{amount} tokens came back to {}", self.refund));
        }
        page.line(format!("its rent, {}, went to {}", format_sol(self.rent_lamports), self.rent_to));
        signature_line(page, &self.transaction);
    }
}

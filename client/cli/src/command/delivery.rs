//! `multibus delivery`: what sellers delivered of what they sold, and what becomes of the money.

use {
    super::{
        meter::{seller_wallets, wallet_of},
        offer::window_start,
    },
    crate::{
        config::expand_home,
        failure::Failure,
        output::{Page, Reply, View, partly, short},
        session::{MAX_FILE_BYTES, Session, read_small},
        terms::{DeviceView, TermsView, format_reading},
        tokens::Token,
        value::{MeasuredEnergy, Window, address as parse_address, count, format_energy, format_time},
        view::{TransactionView, format_sol, signature_line},
    },
    clap::{ArgGroup, Args, Subcommand},
    multibus_client::{
        Address, Keyed, Sent, Wallet,
        delivery::{Delivery, DeliveryBook, DeliveryState, Windows, deliveries, places, refundable, releasable},
        event::Event,
        multibus::state::Bus,
        position::PositionBook,
        reading::{MeterIdentity, Reading, ReadingProof, SignedReading},
    },
    serde::Serialize,
    std::{collections::HashMap, io::Read, path::Path},
};

#[derive(Subcommand, Debug)]
pub enum DeliveryCommand {
    List(ListArgs),
    Show(ShowArgs),
    Report(ReportArgs),
    Release(ReleaseArgs),
    Refund(RefundArgs),
    Close(CloseArgs),
}

/// List windows in which energy was listed on delivery terms: what was sold, read, delivered and paid
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus delivery list BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo
  multibus delivery list BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo --missing
  multibus delivery list BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC")]
pub struct ListArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
    /// Only windows of this seller's wallet
    #[arg(value_name = "WALLET", value_parser = parse_address, conflicts_with = "for_bus")]
    wallet: Option<Address>,
    /// Only windows of the bus itself as a seller
    #[arg(long)]
    for_bus: bool,
    /// Only windows that have ended and wait for a reading
    #[arg(long)]
    missing: bool,
}

/// Show a delivery book: what a seller listed in 96 windows, what its meter said, and the money
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus delivery show 9Ln7MCshW9zShxjTXRHp5h4S18GcT3b1nfCWaKaBFCdE")]
pub struct ShowArgs {
    /// The delivery book, as `offer show` or `delivery list` names it
    #[arg(value_name = "BOOK", value_parser = parse_address)]
    book: Address,
}

/// Report what was delivered in a window
///
/// Anyone brings a reading that its device signed with `meter sign`: --reading. Where a device is at hand, its key signs the
/// transaction: --device. Without either, the signing wallet reads the window as the operator of the bus, at most three times;
/// after that the device's readings count no more.
#[derive(Args, Debug)]
#[command(
    group = ArgGroup::new("what").required(true).args(["reading", "bus"]),
    after_help = "Examples:
  multibus delivery report --reading reading.json
  multibus delivery report --reading -
  multibus delivery report BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC \\
      --window 2027-01-15T08:00:00Z --energy 1.25kWh
  multibus delivery report BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC \\
      --window 2027-01-15T08:00:00Z --energy 1.25kWh --device roof.json"
)]
pub struct ReportArgs {
    /// A signed reading, as `meter sign` wrote it; '-' for the standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["window", "energy"])]
    reading: Option<String>,
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address, requires_all = ["window", "energy"])]
    bus: Option<Address>,
    /// The seller's wallet [default: the signing wallet]
    #[arg(value_name = "WALLET", value_parser = parse_address, conflicts_with = "for_bus")]
    wallet: Option<Address>,
    /// The bus itself as the seller
    #[arg(long, requires = "bus")]
    for_bus: bool,
    /// Start of the window
    #[arg(long, value_name = "START")]
    window: Option<Window>,
    /// What was delivered in the window, such as 1250Wh; 0 for nothing
    #[arg(long)]
    energy: Option<MeasuredEnergy>,
    /// Keypair file of the window's device, '-' for the standard input
    #[arg(long, value_name = "FILE", requires = "bus")]
    device: Option<String>,
    /// Number of the device's reading among the window's [default: the next]
    #[arg(long, value_name = "N", requires = "device")]
    sequence: Option<u64>,
}

/// Make what was delivered in final windows its seller's to withdraw, less the grid fees; anyone can
///
/// `seller withdraw` does it by itself.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus delivery release 9Ln7MCshW9zShxjTXRHp5h4S18GcT3b1nfCWaKaBFCdE")]
pub struct ReleaseArgs {
    /// The delivery book
    #[arg(value_name = "BOOK", value_parser = parse_address)]
    book: Address,
}

/// Pay buyers back what was not delivered in final windows; anyone can
///
/// It goes to the account that the position book names. Where that cannot be paid, the buyer names another with `position
/// set-refund`, or gets a claim with `position close`.
#[derive(Args, Debug)]
#[command(
    group = ArgGroup::new("whose").required(true).args(["position", "book"]),
    after_help = "Examples:
  multibus delivery refund FxvxtejBzQVq6fmk5D1bS6oiCatHVxfdyjn8vwG8zsYu
  multibus delivery refund --book 9Ln7MCshW9zShxjTXRHp5h4S18GcT3b1nfCWaKaBFCdE"
)]
pub struct RefundArgs {
    /// The position book of one buyer
    #[arg(value_name = "POSITION", value_parser = parse_address)]
    position: Option<Address>,
    /// Every buyer with a position on this delivery book, each in a transaction of its own
    #[arg(long, value_name = "BOOK", value_parser = parse_address)]
    book: Option<Address>,
}

/// Close a delivery book whose windows are final; the rent comes back, what rounding left goes to the grid
///
/// Its seller can, and 30 days after its last window is final anyone. Positions that the signing wallet can close are closed
/// first; a buyer who can still take certificates closes its own.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus delivery close 9Ln7MCshW9zShxjTXRHp5h4S18GcT3b1nfCWaKaBFCdE")]
pub struct CloseArgs {
    /// The delivery book
    #[arg(value_name = "BOOK", value_parser = parse_address)]
    book: Address,
}

/// Runs a verb of `delivery`.
///
/// # Errors
/// Where the chain or the program refuses.
pub async fn run(command: DeliveryCommand, session: &Session) -> Result<Reply, Failure> {
    match command {
        DeliveryCommand::List(args) => list(&args, session).await,
        DeliveryCommand::Show(args) => show(&args.book, session).await,
        DeliveryCommand::Report(args) => report(&args, session).await,
        DeliveryCommand::Release(args) => release(&args.book, session).await,
        DeliveryCommand::Refund(args) => refund(&args, session).await,
        DeliveryCommand::Close(args) => close(&args.book, session).await,
    }
}

async fn list(args: &ListArgs, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let bus = market.bus(&args.bus).await?;
    let seller = if args.for_bus { Some(bus.address) } else { args.wallet };
    let wallets = seller_wallets(&bus.address, session).await?;
    let mut found = market.deliveries(&bus.address, seller.as_ref()).await?;
    if args.missing {
        found.retain(|delivery| delivery.state == DeliveryState::AwaitsReading);
    }
    found.sort_by_key(|delivery| (delivery.window_start, delivery.seller));
    Ok(Box::new(Listed {
        bus: bus.address.to_string(),
        token: Token::of(&bus),
        deliveries: found.iter().map(|delivery| DeliveryView::of(delivery, &wallets)).collect(),
        missing: args.missing,
    }))
}

async fn show(book: &Address, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let book = Box::new(market.delivery_book(book).await?);
    let bus = market.bus(&book.bus).await?;
    let wallets = seller_wallets(&bus.address, session).await?;
    let now = session.now().await?;
    Ok(Box::new(Shown { book: BookView::of(&book, &bus, &wallets, now) }))
}

async fn report(args: &ReportArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    if let Some(reading) = &args.reading {
        let signed = read_signed(reading)?;
        signed.verify()?;
        let book = Box::new(market.delivery_book(&signed.book()?).await?);
        let sent = wallet.delivery_report_signed(&signed).await?;
        return Ok(Box::new(Reported::of(&book, &signed.reading, ReadingProof::Signature, &sent, session).await?));
    }
    // The arguments ask for all three where no reading is named.
    let (Some(bus), Some(window), Some(energy)) = (args.bus, args.window, args.energy) else {
        return Err(Failure::usage("name a signed reading, or a bus, a window and the energy"));
    };
    let bus = market.bus(&bus).await?;
    let seller = if args.for_bus { bus.address } else { session.address_or_own(args.wallet)? };
    let window_start = window_start(Some(window), &bus, session.now().await?)?;
    let book = Box::new(market.delivery_book_of(&bus.address, &seller, window_start).await?);
    let place = book.place(window_start).ok();
    let of_window = place.map(|place| book.windows[place]);
    let Some(device) = &args.device else {
        let sequence = of_window.map_or(1, |window| u64::from(window.operator_readings) + 1);
        let reading = Reading { window_start, energy_wh: energy.wh, sequence };
        let sent = wallet.delivery_report_by_operator(&bus.address, &seller, window_start, energy.wh).await?;
        return Ok(Box::new(Reported::of(&book, &reading, ReadingProof::Operator, &sent, session).await?));
    };
    let device = session.device(device)?;
    let sequence = args.sequence.unwrap_or_else(|| of_window.map_or(1, |window| window.sequence.saturating_add(1)));
    let reading = Reading { window_start, energy_wh: energy.wh, sequence };
    let sent = wallet.delivery_report(&bus.address, &seller, &device, &reading).await?;
    Ok(Box::new(Reported::of(&book, &reading, ReadingProof::Transaction, &sent, session).await?))
}

/// Reads a signed reading from a file or the standard input.
fn read_signed(file: &str) -> Result<SignedReading, Failure> {
    let (text, origin) = if file == "-" {
        let mut text = String::new();
        let read = std::io::stdin().take(MAX_FILE_BYTES).read_to_string(&mut text);
        read.map_err(|error| Failure::standard_input(&error))?;
        (text, "the standard input")
    } else {
        let path = expand_home(Path::new(file));
        (read_small(&path).map_err(|error| Failure::file("read", &path, &error))?, file)
    };
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!(
            "{origin} is not a signed reading ({error}); give what `multibus meter sign` printed, unchanged"
        ))
    })
}

async fn release(book: &Address, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let book = Box::new(market.delivery_book(book).await?);
    let bus = market.bus(&book.bus).await?;
    // Without a log it is what could be released a moment before.
    let before = releasable(&book, session.now().await?);
    let sent = wallet.delivery_release(&book.address).await?;
    let event = sent.events.iter().find_map(|event| match event {
        Event::DeliveryReleased(event) => Some(event),
        _ => None,
    });
    let windows = event.map_or(before.windows, |event| [event.windows_low, event.windows_high]);
    Ok(Box::new(Released {
        book: book.address.to_string(),
        seller: book.seller.to_string(),
        windows: starts(&book, &windows),
        released_base_units: event.map_or(before.amount, |event| event.amount),
        grid_fee_base_units: event.map_or(before.grid_fee, |event| event.grid_fee),
        token: Token::of(&bus),
        transaction: TransactionView::from(&sent),
    }))
}

/// Starts of the windows of a set.
pub fn starts(book: &DeliveryBook, windows: &Windows) -> Vec<i64> {
    places(windows).map(|place| book.window_start(place)).collect()
}

async fn refund(args: &RefundArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let now = session.now().await?;
    let (book, positions) = match (args.position, args.book) {
        (Some(position), _) => {
            let position = market.position(&position).await?;
            (Box::new(market.delivery_book(&position.book).await?), vec![position])
        }
        (None, Some(book)) => {
            let book = Box::new(market.delivery_book(&book).await?);
            let mut positions = market.positions_on(&book.address).await?;
            positions.retain(|position| refundable(position, &book, now).windows != [0; 2]);
            if positions.is_empty() {
                return Err(Failure::sentence(format!(
                    "no buyer has a window in the delivery book {} that became final and is not refunded; see `multibus \
                     delivery show`",
                    book.address
                )));
            }
            (book, positions)
        }
        // The argument group asks for one of them.
        (None, None) => return Err(Failure::usage("name a position, or a delivery book with --book")),
    };
    let token = Token::of(&market.bus(&book.bus).await?);
    let mut refunded = Refunded { book: book.address.to_string(), token, refunds: Vec::new(), failures: Vec::new() };
    if args.position.is_some() {
        refunded.refunds.push(refund_one(&wallet, &positions[0], &book, now).await?);
        return Ok(Box::new(refunded));
    }
    for position in &positions {
        // If one buyer's token account is frozen, the others are paid all the same.
        match refund_one(&wallet, position, &book, now).await {
            Ok(refund) => refunded.refunds.push(refund),
            Err(failure) => refunded
                .failures
                .push(FailureView { position: position.address.to_string(), message: failure.message() }),
        }
    }
    Ok(Box::new(refunded))
}

async fn refund_one(
    wallet: &Wallet,
    position: &Keyed<PositionBook>,
    book: &Keyed<DeliveryBook>,
    now: i64,
) -> Result<RefundView, Failure> {
    let before = refundable(position, book, now);
    let sent = wallet.delivery_refund(&position.address).await?;
    let event = sent.events.iter().find_map(|event| match event {
        Event::DeliveryRefunded(event) => Some(event),
        _ => None,
    });
    let windows = event.map_or(before.windows, |event| [event.windows_low, event.windows_high]);
    Ok(RefundView {
        position: position.address.to_string(),
        buyer: position.buyer.to_string(),
        refund: position.refund.to_string(),
        windows: starts(book, &windows),
        refunded_base_units: event.map_or(before.amount, |event| event.amount),
        transaction: TransactionView::from(&sent),
    })
}

async fn close(book: &Address, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let book = Box::new(market.delivery_book(book).await?);
    let bus = market.bus(&book.bus).await?;
    let accounts = session.chain().accounts(&[book.address]).await?;
    let rent_lamports = accounts.first().and_then(Option::as_ref).map_or(0, |account| account.lamports);
    let sent = wallet.delivery_close(&book.address).await?;
    let event = sent.events.iter().find_map(|event| match event {
        Event::BookClosed(event) => Some(event),
        _ => None,
    });
    Ok(Box::new(Closed {
        book: book.address.to_string(),
        bus: bus.address.to_string(),
        seller: book.seller.to_string(),
        released_base_units: event.map(|event| event.amount),
        grid_fee_base_units: event.map(|event| event.grid_fee),
        remainder_base_units: event.map(|event| event.remainder),
        rent_lamports,
        rent_to: book.rent_payer.to_string(),
        token: Token::of(&bus),
        transaction: TransactionView::from(&sent),
    }))
}

/// A window of a delivery book in which energy was listed.
#[derive(Serialize)]
struct DeliveryView {
    book: String,
    seller: String,
    /// The seller's wallet; the bus itself where it sells its own energy.
    wallet: String,
    window_start: i64,
    window_end: i64,
    /// `ahead`, `awaits_reading`, `correctable`, `final` or `released`.
    state: &'static str,
    /// First second in which no reading can change it any more, as far as is known now.
    final_at: i64,
    #[serde(flatten)]
    device: DeviceView,
    listed_wh: u64,
    sold_wh: u64,
    paid_base_units: u64,
    /// `null` where no reading came.
    reading_wh: Option<u64>,
    reported_at: Option<i64>,
    operator_readings: u8,
    /// What the device's next reading needs at least.
    next_sequence: u64,
    delivered_wh: u64,
    /// What the last reading gives to the seller, the grid and the buyers.
    released_base_units: u64,
    grid_fee_base_units: u64,
    refunded_base_units: u64,
    surplus_wh: u64,
    certified_wh: u64,
    /// What the auction sold of it, beside `sold_wh`; it is paid from the bus's escrow.
    auction_wh: u64,
    auction_delivered_wh: u64,
    /// Whether its auction part is counted in the pool, see `auction settle`.
    pool_reported: bool,
    /// Its offers that the auction has not settled; without a reading the window takes none before they are.
    unsettled_offers: u16,
}

impl DeliveryView {
    fn of(delivery: &Delivery, wallets: &HashMap<Address, Address>) -> Self {
        Self {
            book: delivery.book.to_string(),
            seller: delivery.seller.to_string(),
            wallet: wallet_of(&delivery.seller, wallets).to_string(),
            window_start: delivery.window_start,
            window_end: delivery.window_end,
            state: delivery.state.name(),
            final_at: delivery.final_at,
            device: DeviceView::of(&delivery.device),
            listed_wh: delivery.listed_wh,
            sold_wh: delivery.sold_wh,
            paid_base_units: delivery.paid,
            reading_wh: delivery.reading.map(|reading| reading.energy_wh),
            reported_at: delivery.reading.map(|reading| reading.first_at),
            operator_readings: delivery.reading.map_or(0, |reading| reading.operator_readings),
            next_sequence: delivery.next_sequence,
            delivered_wh: delivery.delivered_wh,
            released_base_units: delivery.released,
            grid_fee_base_units: delivery.grid_fee,
            refunded_base_units: delivery.refunded,
            surplus_wh: delivery.surplus_wh,
            certified_wh: delivery.certified_wh,
            auction_wh: delivery.auction_wh,
            auction_delivered_wh: delivery.auction_delivered_wh,
            pool_reported: delivery.pool_reported,
            unsettled_offers: delivery.unsettled_offers,
        }
    }

    /// What was sold by trade and by auction: `1 kWh`, `1 kWh + 500 Wh`.
    fn sold(&self) -> String {
        match self.auction_wh {
            0 => format_energy(self.sold_wh),
            auction_wh => format!("{} + {}", format_energy(self.sold_wh), format_energy(auction_wh)),
        }
    }

    /// Where it stands, in words.
    fn state_words(&self) -> String {
        let state = state_words(self.state);
        let is_final = matches!(self.state, "final" | "released");
        match (self.state, self.unsettled_offers) {
            ("ahead", _) => state,
            (_, 1..) => "auction not settled".to_owned(),
            _ if is_final && self.auction_wh > 0 && !self.pool_reported => "not counted yet".to_owned(),
            _ => state,
        }
    }
}

/// Writes where a window stands.
pub fn state_words(state: &str) -> String {
    state.replace('_', " ")
}

fn delivery_table<'a>(page: &mut Page, deliveries: impl Iterator<Item = &'a DeliveryView> + Clone, token: &Token) {
    page.table(
        &["window", ">sold", ">read", ">to seller", ">back", "state"],
        deliveries.clone().map(|delivery| {
            vec![
                format_time(delivery.window_start),
                delivery.sold(),
                format_reading(delivery.reading_wh),
                token.format(delivery.released_base_units),
                token.format(delivery.refunded_base_units),
                delivery.state_words(),
            ]
        }),
    );
    if deliveries.clone().any(|delivery| delivery.auction_wh > 0) {
        page.line("sold by trade + by auction, which `multibus auction settle` pays");
    }
}

#[derive(Serialize)]
struct Listed {
    bus: String,
    #[serde(flatten)]
    token: Token,
    deliveries: Vec<DeliveryView>,
    #[serde(skip)]
    missing: bool,
}

impl View for Listed {
    fn essence(&self) -> Option<Vec<String>> {
        let mut books: Vec<String> = self.deliveries.iter().map(|delivery| delivery.book.clone()).collect();
        let mut seen = std::collections::HashSet::new();
        books.retain(|book| seen.insert(book.clone()));
        Some(books)
    }

    fn text(&self, page: &mut Page) {
        if self.deliveries.is_empty() {
            page.line(match self.missing {
                true => "no window waits for a reading",
                false => "no deliveries; the first offer on delivery terms opens a delivery book",
            });
            return;
        }
        let mut wallets: Vec<&str> = self.deliveries.iter().map(|delivery| delivery.wallet.as_str()).collect();
        wallets.sort_unstable();
        wallets.dedup();
        for (index, wallet) in wallets.into_iter().enumerate() {
            if index > 0 {
                page.line("");
            }
            let whose = if wallet == self.bus { "the bus itself" } else { wallet };
            page.line(format!("seller {whose}"));
            let of_seller = || self.deliveries.iter().filter(|delivery| delivery.wallet == wallet);
            let mut books: Vec<&str> = of_seller().map(|delivery| delivery.book.as_str()).collect();
            books.dedup();
            for book in books {
                page.line(format!("book   {book}"));
            }
            delivery_table(page, of_seller(), &self.token);
        }
    }
}

/// A delivery book.
#[derive(Serialize)]
struct BookView {
    address: String,
    bus: String,
    seller: String,
    wallet: String,
    meter: String,
    vault: String,
    first_window: i64,
    terms: TermsView,
    open_offers: u32,
    open_positions: u32,
    /// What was paid and is neither released nor paid back yet.
    held_base_units: u64,
    /// What the escrow owes for auction parts that are counted, and could not pay yet.
    pool_due_base_units: u64,
    /// What a release would make the seller's and the grid's now.
    releasable_base_units: u64,
    releasable_grid_fee_base_units: u64,
    /// When its last used window is final, as far as is known; 0 where none is used.
    final_at: i64,
    /// From when on its seller can close it, if nothing is open in it.
    closable_from: i64,
    /// What its devices must know to sign readings.
    identity: MeterIdentity,
    rent_payer: String,
    #[serde(flatten)]
    token: Token,
    windows: Vec<DeliveryView>,
}

impl BookView {
    fn of(book: &Keyed<DeliveryBook>, bus: &Keyed<Bus>, wallets: &HashMap<Address, Address>, now: i64) -> Self {
        let due = releasable(book, now);
        let final_at = book.last_final_at();
        Self {
            address: book.address.to_string(),
            bus: book.bus.to_string(),
            seller: book.seller.to_string(),
            wallet: wallet_of(&book.seller, wallets).to_string(),
            meter: book.meter.to_string(),
            vault: book.vault.to_string(),
            first_window: book.first_window,
            terms: TermsView::of(&book.terms),
            open_offers: book.open_offers,
            open_positions: book.open_positions,
            held_base_units: book.held(),
            pool_due_base_units: book.pool_due,
            releasable_base_units: due.amount,
            releasable_grid_fee_base_units: due.grid_fee,
            final_at,
            closable_from: book.closable(bus, now).by_seller,
            identity: MeterIdentity::of_book(book),
            rent_payer: book.rent_payer.to_string(),
            token: Token::of(bus),
            windows: deliveries(book, now).iter().map(|delivery| DeliveryView::of(delivery, wallets)).collect(),
        }
    }
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    book: BookView,
}

impl View for Shown {
    fn text(&self, page: &mut Page) {
        let book = &self.book;
        let tokens = |amount| format!("{} tokens", book.token.format(amount));
        let mut fields = vec![
            ("book", book.address.clone()),
            ("bus", book.bus.clone()),
            ("seller", if book.wallet == book.bus { "the bus itself".to_owned() } else { book.wallet.clone() }),
            ("meter", book.meter.clone()),
            ("vault", book.vault.clone()),
        ];
        fields.extend(book.terms.fields(book.token.mint_decimals()));
        fields.extend([
            ("open", format!("{}, {}", count(book.open_offers, "offer"), count(book.open_positions, "position"))),
            ("held", tokens(book.held_base_units)),
            (
                "releasable",
                format!(
                    "{} for the seller, {} for the grid",
                    tokens(book.releasable_base_units),
                    book.token.format(book.releasable_grid_fee_base_units)
                ),
            ),
            ("closable", format!("by its seller from {}", format_time(book.closable_from))),
        ]);
        page.fields(fields);
        page.line("");
        delivery_table(page, book.windows.iter(), &book.token);
        if book.releasable_base_units > 0 {
            page.line("");
            page.line("release what is final, and pay back what was not delivered:");
            page.line(format!("  multibus delivery release {}", book.address));
            page.line(format!("  multibus delivery refund --book {}", book.address));
        }
    }
}

/// A reading that came to the chain.
#[derive(Serialize)]
struct Reported {
    book: String,
    bus: String,
    window_start: i64,
    energy_wh: u64,
    sequence: u64,
    /// `signature`, `transaction` or `operator`.
    proof: &'static str,
    reported_at: i64,
    /// When no reading can change the window any more.
    final_at: i64,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl Reported {
    /// The transaction tells, and the book as it was before: another node of the provider may lag behind.
    async fn of(
        before: &Keyed<DeliveryBook>,
        reading: &Reading,
        proof: ReadingProof,
        sent: &Sent,
        session: &Session,
    ) -> Result<Self, Failure> {
        let Reading { window_start, energy_wh, sequence } = *reading;
        let event = sent.events.iter().find_map(|event| match event {
            Event::DeliveryReported(event) => Some(event),
            _ => None,
        });
        let reported_at = match event {
            Some(event) => event.reported_at,
            None => sent.block_time.unwrap_or(session.now().await?),
        };
        // The first reading of a window starts its time for corrections.
        let first_at = match before.place(window_start) {
            Ok(place) if before.windows[place].reported_at != 0 => before.windows[place].reported_at,
            _ => reported_at,
        };
        Ok(Self {
            book: before.address.to_string(),
            bus: before.bus.to_string(),
            window_start,
            energy_wh,
            sequence,
            proof: match proof {
                ReadingProof::Transaction => "transaction",
                ReadingProof::Signature => "signature",
                ReadingProof::Operator => "operator",
            },
            reported_at,
            final_at: first_at.saturating_add(before.terms.correction_seconds.into()),
            transaction: TransactionView::from(sent),
        })
    }
}

impl View for Reported {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.transaction.signature.clone()])
    }

    fn text(&self, page: &mut Page) {
        page.line(format!(
            "reported {} for the window {}, reading {}",
            format_energy(self.energy_wh),
            format_time(self.window_start),
            self.sequence
        ));
        page.line(format!("book       {}", self.book));
        page.line(format!("final      {}", format_time(self.final_at)));
        signature_line(page, &self.transaction);
    }
}

#[derive(Serialize)]
struct Released {
    book: String,
    seller: String,
    /// Starts of the windows that were released.
    windows: Vec<i64>,
    released_base_units: u64,
    grid_fee_base_units: u64,
    #[serde(flatten)]
    token: Token,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Released {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.transaction.signature.clone()])
    }

    fn text(&self, page: &mut Page) {
        page.line(format!(
            "released {}: the seller can withdraw {} tokens, the grid gets {}",
            count(self.windows.len() as u64, "window"),
            self.token.format(self.released_base_units),
            self.token.format(self.grid_fee_base_units)
        ));
        signature_line(page, &self.transaction);
    }
}

#[derive(Serialize)]
struct RefundView {
    position: String,
    buyer: String,
    /// The account that was paid.
    refund: String,
    /// Starts of the windows that were refunded.
    windows: Vec<i64>,
    refunded_base_units: u64,
    #[serde(flatten)]
    transaction: TransactionView,
}

#[derive(Serialize)]
struct FailureView {
    position: String,
    message: String,
}

#[derive(Serialize)]
struct Refunded {
    book: String,
    #[serde(flatten)]
    token: Token,
    refunds: Vec<RefundView>,
    failures: Vec<FailureView>,
}

impl View for Refunded {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.refunds.iter().map(|refund| refund.transaction.signature.clone()).collect())
    }

    fn text(&self, page: &mut Page) {
        for refund in &self.refunds {
            page.line(format!(
                "{} got {} tokens back for {}",
                refund.buyer,
                self.token.format(refund.refunded_base_units),
                count(refund.windows.len() as u64, "window")
            ));
            page.line(format!("paid to    {}", refund.refund));
            signature_line(page, &refund.transaction);
        }
    }

    fn failure(&self) -> Option<String> {
        let failures = self.failures.iter().map(|failure| (short(&failure.position), &failure.message));
        partly("position", "not refunded", failures)
    }
}

#[derive(Serialize)]
struct Closed {
    book: String,
    bus: String,
    seller: String,
    /// What became the seller's with it; `null`, as below, where the node kept no log of the closing.
    released_base_units: Option<u64>,
    grid_fee_base_units: Option<u64>,
    /// What rounding left, which is the grid's, too.
    remainder_base_units: Option<u64>,
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
        page.line(format!("closed the delivery book {}", self.book));
        let released = self.released_base_units.unwrap_or_default();
        if released > 0 {
            page.line(format!("its seller can withdraw {} tokens of it", self.token.format(released)));
        }
        page.line(format!("its rent, {}, went to {}", format_sol(self.rent_lamports), self.rent_to));
        signature_line(page, &self.transaction);
    }
}

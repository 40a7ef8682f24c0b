//! `multibus certificate`: certificates of origin of delivered energy.

use {
    super::{
        bid,
        watch::{beneficiary, words},
    },
    crate::{
        failure::Failure,
        output::{Page, Reply, View, partly},
        session::Session,
        value::{
            BidName, Energy, Time, address as parse_address, count, format_duration, format_energy, format_time,
            source_name,
        },
        view::{TransactionView, WindowFailure, signature_line},
    },
    clap::{ArgGroup, Args, Subcommand},
    multibus_client::{
        Address, Error, Keyed, Wh, address,
        bid::{BidFilter, BidState},
        certificate::{Certifiable, Certificate, certifiable_of_buyer, certifiable_of_seller},
        event::{self, CertificateRetired, CertificateTaken, Event},
        wallet::Created,
    },
    serde::Serialize,
    std::collections::HashSet,
};

#[derive(Subcommand, Debug)]
pub enum CertificateCommand {
    List(ListArgs),
    Take(TakeArgs),
    Show(ShowArgs),
    Transfer(TransferArgs),
    Retire(RetireArgs),
}

/// List a wallet's certificates, and what it can take certificates of now
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus certificate list
  multibus certificate list 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC
  multibus certificate list --bus BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo")]
pub struct ListArgs {
    /// The owner [default: the signing wallet]
    #[arg(value_name = "WALLET", value_parser = parse_address, conflicts_with = "bus")]
    wallet: Option<Address>,
    /// Every certificate of this bus that is not retired, whoever owns it
    #[arg(long, value_name = "BUS", value_parser = parse_address)]
    bus: Option<Address>,
}

/// Take the certificates of what was delivered to the signing wallet, or by it and not sold
///
/// A window can be certified once no reading can change it any more. All of a window is taken at once; each delivered Wh is
/// certified once. The rent comes back when the certificate is retired.
///
/// What a bid got in an auction is certified once the deliveries of all its sellers are counted: --bid takes from one seller after
/// the other, one certificate each.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("of").required(true).args(["book", "bid"]), after_help = "Examples:
  multibus certificate take 9Ln7MCshW9zShxjTXRHp5h4S18GcT3b1nfCWaKaBFCdE
  multibus certificate take --bid FxvxtejBzQVq6fmk5D1bS6oiCatHVxfdyjn8vwG8zsYu
  multibus certificate take 9Ln7MCshW9zShxjTXRHp5h4S18GcT3b1nfCWaKaBFCdE \\
      2027-01-15T08:00:00Z")]
pub struct TakeArgs {
    /// The delivery book of the windows
    #[arg(value_name = "BOOK", value_parser = parse_address)]
    book: Option<Address>,
    /// Starts of the windows [default: all that the signing wallet can certify now]
    #[arg(value_name = "START", conflicts_with = "bid")]
    starts: Vec<Time>,
    /// A bid of the signing wallet, by its address or transaction hash
    #[arg(long, value_name = "BID")]
    bid: Option<BidName>,
}

/// Show a certificate and its life; one that was retired, too, where the node keeps its transactions
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus certificate show 4Qv5qMNLVBdBSFpPEVqKMRYyGoXzMn8nQwC4f1Jfr9tX")]
pub struct ShowArgs {
    /// The certificate
    #[arg(value_name = "CERTIFICATE", value_parser = parse_address)]
    certificate: Address,
}

/// Give a certificate, or part of it, to another wallet
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus certificate transfer 4Qv5qMNLVBdBSFpPEVqKMRYyGoXzMn8nQwC4f1Jfr9tX \\
      8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC
  multibus certificate transfer 4Qv5qMNLVBdBSFpPEVqKMRYyGoXzMn8nQwC4f1Jfr9tX \\
      8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC --energy 500Wh")]
pub struct TransferArgs {
    /// The certificate
    #[arg(value_name = "CERTIFICATE", value_parser = parse_address)]
    certificate: Address,
    /// The new owner's wallet
    #[arg(value_name = "WALLET", value_parser = parse_address)]
    to: Address,
    /// How much of it; a part becomes a certificate of its own [default: all]
    #[arg(long, value_name = "ENERGY")]
    energy: Option<Energy>,
}

/// Use a certificate up for a beneficiary, for good; its rent comes back
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus certificate retire 4Qv5qMNLVBdBSFpPEVqKMRYyGoXzMn8nQwC4f1Jfr9tX \\
      --beneficiary \"Bakery Miller, January\"")]
pub struct RetireArgs {
    /// The certificate
    #[arg(value_name = "CERTIFICATE", value_parser = parse_address)]
    certificate: Address,
    /// Whose use of energy it stands for: 1 to 64 bytes of text
    #[arg(long, value_name = "TEXT")]
    beneficiary: String,
}

/// Runs a verb of `certificate`.
///
/// # Errors
/// Where the chain or the program refuses.
pub async fn run(command: CertificateCommand, session: &Session) -> Result<Reply, Failure> {
    match command {
        CertificateCommand::List(args) => list(&args, session).await,
        CertificateCommand::Take(args) => take(&args, session).await,
        CertificateCommand::Show(args) => show(&args.certificate, session).await,
        CertificateCommand::Transfer(args) => transfer(&args, session).await,
        CertificateCommand::Retire(args) => retire(&args, session).await,
    }
}

async fn list(args: &ListArgs, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let (certificates, takeable) = match args.bus {
        Some(bus) => (market.certificates(&bus).await?, Vec::new()),
        None => {
            let wallet = session.address_or_own(args.wallet)?;
            let (takeable, bids) = takeable(&wallet, session).await?;
            let views = takeable.iter().map(|takeable| TakeableView::of(takeable, bids.contains(&takeable.holding)));
            (market.certificates_of(&wallet).await?, views.collect())
        }
    };
    Ok(Box::new(Listed { certificates: certificates.iter().map(CertificateView::of).collect(), takeable }))
}

/// What a wallet can take certificates of now, as a buyer, as a bidder and as a seller, on all buses.
async fn takeable(wallet: &Address, session: &Session) -> Result<(Vec<Certifiable>, HashSet<Address>), Failure> {
    let market = session.market();
    let now = session.now().await?;
    let mut all = Vec::new();
    for position in market.positions_of(wallet).await? {
        all.extend(certifiable_of_buyer(&position, &market.delivery_book(&position.book).await?, now));
    }
    for seller in market.sellers_of(wallet).await? {
        for book in market.delivery_books_of(&seller.bus, wallet).await? {
            all.extend(certifiable_of_seller(&book, now));
        }
    }
    let bids = market.bids(&BidFilter { buyer: Some(*wallet), ..BidFilter::default() }).await?;
    let buses: HashSet<Address> = bids.iter().map(|bid| bid.bus).collect();
    let bids: HashSet<Address> = bids.iter().map(|bid| bid.address).collect();
    for bus in buses {
        let of_bids = market.certifiable(&bus, wallet).await?;
        all.extend(of_bids.into_iter().filter(|certifiable| bids.contains(&certifiable.holding)));
    }
    all.sort_by_key(|certifiable| (certifiable.window_start, certifiable.book));
    Ok((all, bids))
}

async fn take(args: &TakeArgs, session: &Session) -> Result<Reply, Failure> {
    match (args.book, &args.bid) {
        (Some(book), _) => take_of_book(&book, &args.starts, session).await,
        (None, Some(bid)) => take_of_bid(bid, session).await,
        // The argument group asks for one of them.
        (None, None) => Err(Failure::usage("name a delivery book, or a bid with --bid")),
    }
}

/// Takes what a bid got, from one seller after the other.
async fn take_of_bid(name: &BidName, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let bid = bid::load(name, session).await?;
    let mut taken =
        Taken { book: None, bid: Some(bid.address.to_string()), certificates: Vec::new(), failures: Vec::new() };
    loop {
        let takeable = market.certifiable(&bid.bus, &wallet.address()).await?;
        let Some(next) = takeable.iter().find(|takeable| takeable.holding == bid.address) else { break };
        match wallet.certificate_take_for_bid(&bid.address, &next.book).await {
            Ok(created) => taken.add(&created, session).await?,
            Err(error) if taken.certificates.is_empty() => return Err(error.into()),
            Err(error) => {
                let message = Failure::from(error).message();
                taken.failures.push(WindowFailure { window_start: bid.window_start, message });
                break;
            }
        }
    }
    if taken.certificates.is_empty() {
        return Err(Failure::sentence(match BidState::try_from(bid.state) {
            Ok(BidState::Refunded) => format!(
                "nothing of the bid {} is left to certify for {}; see `multibus bid show {}`",
                bid.address,
                wallet.address(),
                bid.address
            ),
            _ => format!(
                "the deliveries to the bid {} are not all counted yet; once its sellers' windows are final, anyone counts them \
                 with `multibus auction settle {} --window {}`",
                bid.address, bid.bus, bid.window_start
            ),
        }));
    }
    Ok(Box::new(taken))
}

async fn take_of_book(book: &Address, starts: &[Time], session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let book = Box::new(market.delivery_book(book).await?);
    let now = session.now().await?;
    let starts = if starts.is_empty() {
        let mut own = if book.seller == address::seller(&book.bus, &wallet.address()) {
            certifiable_of_seller(&book, now)
        } else {
            Vec::new()
        };
        if let Some(position) = market.find_position(&book.address, &wallet.address()).await? {
            own.extend(certifiable_of_buyer(&position, &book, now));
        }
        if own.is_empty() {
            return Err(Failure::sentence(format!(
                "{} can take no certificate of the delivery book {} now: nothing that is final was delivered to it, or it is \
                 certified already; see `multibus position list`",
                wallet.address(),
                book.address
            )));
        }
        own.iter().map(|certifiable| certifiable.window_start).collect()
    } else {
        starts.iter().map(|start| start.unix_seconds(now)).collect::<Vec<_>>()
    };
    let mut taken =
        Taken { book: Some(book.address.to_string()), bid: None, certificates: Vec::new(), failures: Vec::new() };
    for window_start in starts {
        match wallet.certificate_take(&book.address, window_start).await {
            Ok(created) => taken.add(&created, session).await?,
            // One that is certified already must not keep the others from being taken.
            Err(error) => taken.failures.push(WindowFailure { window_start, message: Failure::from(error).message() }),
        }
    }
    Ok(Box::new(taken))
}

async fn show(certificate: &Address, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let open = match market.certificate(certificate).await {
        Ok(open) => Some(open),
        Err(Error::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let history = market.account_history(certificate).await?;
    let retired = history.events.iter().rev().find_map(|historic| match &historic.event {
        Event::CertificateRetired(event) if event.certificate == *certificate => Some((event, historic.signature)),
        _ => None,
    });
    let view = match (&open, retired) {
        (Some(open), _) => CertificateView::of(open),
        (None, Some((event, signature))) => CertificateView::retired(event, Some(signature.to_string())),
        (None, None) => return Err(Error::NotFound { kind: "certificate", address: *certificate }.into()),
    };
    let life = history
        .events
        .into_iter()
        .map(|historic| LifeView {
            event: historic.event,
            signature: historic.signature.to_string(),
            slot: historic.slot,
        })
        .collect();
    Ok(Box::new(Shown { certificate: view, life, life_complete: history.unread.is_empty() }))
}

async fn transfer(args: &TransferArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let certificate = session.market().certificate(&args.certificate).await?;
    let energy_wh = args.energy.map_or(certificate.energy_wh(), |energy| energy.wh);
    let transferred = wallet.certificate_transfer(&certificate.address, Wh(energy_wh), &args.to).await?;
    Ok(Box::new(Transferred {
        certificate: certificate.address.to_string(),
        transferred: transferred.address.to_string(),
        from: wallet.address().to_string(),
        to: args.to.to_string(),
        energy_wh,
        kept_wh: certificate.energy_wh().saturating_sub(energy_wh),
        transaction: TransactionView::from(&transferred.sent),
    }))
}

async fn retire(args: &RetireArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let certificate = session.market().certificate(&args.certificate).await?;
    let sent = wallet.certificate_retire(&certificate.address, &args.beneficiary).await?;
    let mut view = CertificateView::of(&certificate);
    view.state = RETIRED;
    view.beneficiary = Some(args.beneficiary.clone());
    view.retired_by = Some(sent.signature.to_string());
    Ok(Box::new(Retired { certificate: view, transaction: TransactionView::from(&sent) }))
}

const ACTIVE: &str = "active";
const RETIRED: &str = "retired";

#[derive(Serialize)]
struct CertificateView {
    address: String,
    /// `active` or `retired`.
    state: &'static str,
    bus: String,
    seller: String,
    owner: String,
    /// Key of the device that delivered it.
    device: String,
    source: String,
    window_start: i64,
    window_seconds: u32,
    /// First of the window's delivered Wh that it is for, counted from 0.
    range_start: u64,
    /// The one after the last of them.
    range_end: u64,
    energy_wh: u64,
    /// `null` where it is retired: its last transaction does not say so.
    issued_at: Option<i64>,
    /// Whose use of energy it stands for; `null` until it is retired.
    beneficiary: Option<String>,
    /// The transaction that retired it.
    retired_by: Option<String>,
}

impl CertificateView {
    fn of(certificate: &Keyed<Certificate>) -> Self {
        Self {
            address: certificate.address.to_string(),
            state: ACTIVE,
            bus: certificate.bus.to_string(),
            seller: certificate.seller.to_string(),
            owner: certificate.owner.to_string(),
            device: certificate.device.to_string(),
            source: source_name(certificate.source),
            window_start: certificate.window_start,
            window_seconds: certificate.window_seconds,
            range_start: certificate.range_start,
            range_end: certificate.range_end,
            energy_wh: certificate.energy_wh(),
            issued_at: Some(certificate.issued_at),
            beneficiary: None,
            retired_by: None,
        }
    }

    /// One that was taken a moment ago, as its transaction says.
    fn taken(event: &CertificateTaken) -> Self {
        Self {
            address: event.certificate.to_string(),
            state: ACTIVE,
            bus: event.bus.to_string(),
            seller: event.seller.to_string(),
            owner: event.owner.to_string(),
            device: event.device.to_string(),
            source: source_name(event.source),
            window_start: event.window_start,
            window_seconds: event.window_seconds,
            range_start: event.range_start,
            range_end: event.range_end,
            energy_wh: event.range_end.saturating_sub(event.range_start),
            issued_at: Some(event.issued_at),
            beneficiary: None,
            retired_by: None,
        }
    }

    /// One that was retired, as its last transaction says.
    fn retired(event: &CertificateRetired, signature: Option<String>) -> Self {
        Self {
            address: event.certificate.to_string(),
            state: RETIRED,
            bus: event.bus.to_string(),
            seller: event.seller.to_string(),
            owner: event.owner.to_string(),
            device: event.device.to_string(),
            source: source_name(event.source),
            window_start: event.window_start,
            window_seconds: event.window_seconds,
            range_start: event.range_start,
            range_end: event.range_end,
            energy_wh: event.range_end.saturating_sub(event.range_start),
            issued_at: None,
            beneficiary: Some(beneficiary(event)),
            retired_by: signature,
        }
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("certificate", self.address.clone()),
            ("state", self.state.to_owned()),
            ("energy", format_energy(self.energy_wh)),
            ("source", self.source.clone()),
            ("device", self.device.clone()),
            (
                "window",
                format!("{}, for {}", format_time(self.window_start), format_duration(self.window_seconds.into())),
            ),
            ("range", format!("Wh {} to {} of what was delivered", self.range_start, self.range_end)),
            ("bus", self.bus.clone()),
            ("owner", self.owner.clone()),
        ];
        if let Some(issued_at) = self.issued_at {
            fields.push(("issued", format_time(issued_at)));
        }
        if let Some(beneficiary) = &self.beneficiary {
            fields.push(("beneficiary", beneficiary.clone()));
        }
        fields
    }
}

/// What a wallet can take a certificate of.
#[derive(Serialize)]
struct TakeableView {
    book: String,
    /// The buyer's position book or bid, or the seller's account.
    holding: String,
    window_start: i64,
    energy_wh: u64,
    #[serde(skip)]
    is_bid: bool,
}

impl TakeableView {
    fn of(certifiable: &Certifiable, is_bid: bool) -> Self {
        Self {
            is_bid,
            book: certifiable.book.to_string(),
            holding: certifiable.holding.to_string(),
            window_start: certifiable.window_start,
            energy_wh: certifiable.energy_wh,
        }
    }
}

#[derive(Serialize)]
struct Listed {
    certificates: Vec<CertificateView>,
    takeable: Vec<TakeableView>,
}

impl View for Listed {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.certificates.iter().map(|certificate| certificate.address.clone()).collect())
    }

    fn text(&self, page: &mut Page) {
        if self.certificates.is_empty() {
            page.line("no certificates");
        } else {
            page.table(
                &["certificate", ">energy", "source", "window"],
                self.certificates.iter().map(|certificate| {
                    vec![
                        certificate.address.clone(),
                        format_energy(certificate.energy_wh),
                        certificate.source.clone(),
                        format_time(certificate.window_start),
                    ]
                }),
            );
        }
        let mut bids = HashSet::new();
        for takeable in self.takeable.iter().filter(|takeable| takeable.is_bid) {
            if bids.insert(&takeable.holding) {
                page.line("");
                let of_bid = self.takeable.iter().filter(|other| other.holding == takeable.holding);
                let energy_wh = of_bid.map(|other| other.energy_wh).fold(0, u64::saturating_add);
                page.line(format!(
                    "{} that a bid got in the window {} can be certified:",
                    format_energy(energy_wh),
                    format_time(takeable.window_start)
                ));
                page.line(format!("  multibus certificate take --bid {}", takeable.holding));
            }
        }
        let mut books = HashSet::new();
        for takeable in self.takeable.iter().filter(|takeable| !takeable.is_bid) {
            if books.insert(&takeable.book) {
                let of_book = || self.takeable.iter().filter(|other| other.book == takeable.book && !other.is_bid);
                let energy_wh = of_book().map(|other| other.energy_wh).fold(0, u64::saturating_add);
                let windows = count(of_book().count() as u64, "window");
                page.line("");
                page.line(format!("{} of {windows} can be certified:", format_energy(energy_wh)));
                page.line(format!("  multibus certificate take {}", takeable.book));
            }
        }
    }
}

#[derive(Serialize)]
struct TakenView {
    #[serde(flatten)]
    certificate: CertificateView,
    #[serde(flatten)]
    transaction: TransactionView,
}

#[derive(Serialize)]
struct Taken {
    /// The delivery book; `null` where those of a bid were taken.
    book: Option<String>,
    /// The bid; `null` where those of a delivery book were taken.
    bid: Option<String>,
    certificates: Vec<TakenView>,
    failures: Vec<WindowFailure>,
}

impl Taken {
    /// Adds a certificate that was taken, as its transaction says.
    async fn add(&mut self, created: &Created, session: &Session) -> Result<(), Failure> {
        let event = created.sent.events.iter().find_map(|event| match event {
            Event::CertificateTaken(event) => Some(event),
            _ => None,
        });
        let certificate = match event {
            Some(event) => CertificateView::taken(event),
            None => CertificateView::of(&session.market().certificate(&created.address).await?),
        };
        self.certificates.push(TakenView { certificate, transaction: TransactionView::from(&created.sent) });
        Ok(())
    }
}

impl View for Taken {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.certificates.iter().map(|taken| taken.certificate.address.clone()).collect())
    }

    fn text(&self, page: &mut Page) {
        for TakenView { certificate, transaction } in &self.certificates {
            page.line(format!(
                "took the certificate of {} in the window {}",
                format_energy(certificate.energy_wh),
                format_time(certificate.window_start)
            ));
            page.line(format!("certificate  {}", certificate.address));
            signature_line(page, transaction);
        }
    }

    fn failure(&self) -> Option<String> {
        partly("window", "not certified", self.failures.iter().map(WindowFailure::line))
    }
}

/// What happened to a certificate.
#[derive(Serialize)]
struct LifeView {
    #[serde(flatten, serialize_with = "event::serialize")]
    event: Event,
    signature: String,
    slot: u64,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    certificate: CertificateView,
    /// Its events, the oldest first.
    life: Vec<LifeView>,
    /// Whether the node served the logs of all its transactions.
    life_complete: bool,
}

impl View for Shown {
    fn text(&self, page: &mut Page) {
        page.fields(self.certificate.fields());
        if !self.life.is_empty() {
            page.line("");
        }
        for LifeView { event, slot, .. } in &self.life {
            page.line(format!("slot {slot}  {}", words(event, None)));
        }
    }
}

#[derive(Serialize)]
struct Transferred {
    certificate: String,
    /// The certificate of what was transferred: the same, or a new one of the part.
    transferred: String,
    from: String,
    to: String,
    energy_wh: u64,
    /// What the certificate goes on certifying for its owner.
    kept_wh: u64,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Transferred {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.transferred.clone()])
    }

    fn text(&self, page: &mut Page) {
        page.line(format!("gave the certificate of {} to {}", format_energy(self.energy_wh), self.to));
        page.line(format!("certificate  {}", self.transferred));
        if self.kept_wh > 0 {
            page.line(format!("{} stay in {}", format_energy(self.kept_wh), self.certificate));
        }
        signature_line(page, &self.transaction);
    }
}

#[derive(Serialize)]
struct Retired {
    #[serde(flatten)]
    certificate: CertificateView,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Retired {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.transaction.signature.clone()])
    }

    fn text(&self, page: &mut Page) {
        page.line(format!(
            "retired the certificate of {} for {}",
            format_energy(self.certificate.energy_wh),
            self.certificate.beneficiary.as_deref().unwrap_or_default()
        ));
        signature_line(page, &self.transaction);
    }
}

//! `multibus seller`: who sells on a bus, and what it can withdraw.

use {
    super::proposal,
    crate::{
        failure::Failure,
        output::{Page, Reply, View},
        session::Session,
        tokens::Token,
        value::{address as parse_address, count, format_time},
        view::{OpenedSeller, TransactionView, format_sol, seller_rent, signature_line},
    },
    clap::{Args, Subcommand},
    multibus_client::{
        Address, Keyed, address,
        delivery::{DeliveryBook, ReleasedWindows, releasable},
        event::Event,
        multibus::state::{Bus, ListingPolicy, ProposalAction, RefundOutcome, Seller},
        seller::{SellerMoney, may_list},
    },
    serde::Serialize,
};

#[derive(Subcommand, Debug)]
pub enum SellerCommand {
    Open(OpenArgs),
    Show(ShowArgs),
    List(ListArgs),
    Withdraw(WithdrawArgs),
    Close(CloseArgs),
    Admit(AdmitArgs),
    Suspend(SuspendArgs),
}

/// Open the signing wallet's seller account on a bus; the first offer opens it by itself
///
/// Owners can do so on any bus, other wallets where anyone may list. Where sellers have to be admitted, admitting opens
/// the account.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus seller open BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo
  multibus seller open BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo --for-bus")]
pub struct OpenArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
    /// The account that sells the bus's own energy; any owner can open it
    #[arg(long)]
    for_bus: bool,
}

/// A seller of a bus.
#[derive(Args, Debug)]
pub struct SellerArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
    /// The seller's wallet [default: the signing wallet]
    #[arg(value_name = "WALLET", value_parser = parse_address, conflicts_with = "for_bus")]
    wallet: Option<Address>,
    /// The bus itself as the seller of its own energy
    #[arg(long)]
    for_bus: bool,
}

impl SellerArgs {
    pub fn bus(&self) -> &Address {
        &self.bus
    }

    /// The seller's wallet, which is the bus itself where it sells its own energy.
    ///
    /// # Errors
    /// Where none is named and the keypair cannot be read.
    pub fn wallet(&self, session: &Session) -> Result<Address, Failure> {
        if self.for_bus { Ok(self.bus) } else { session.address_or_own(self.wallet) }
    }
}

/// Show a seller: whether it may list, what it can withdraw, and what its vault holds for open offers and locks
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus seller show BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo
  multibus seller show BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC
  multibus seller show BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo --for-bus")]
pub struct ShowArgs {
    #[command(flatten)]
    seller: SellerArgs,
}

/// List the sellers of a bus, suspended ones too
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus seller list BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo")]
pub struct ListArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
}

/// Collect what a seller's offers sold, release what it delivered, and pay it out
///
/// It goes to the seller's associated token account, so that anyone can do it for any seller; what the bus itself sold
/// goes to its treasury. A seller can name another token account with --to.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus seller withdraw BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo
  multibus seller withdraw BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo --to \\
      9Ln7MCshW9zShxjTXRHp5h4S18GcT3b1nfCWaKaBFCdE
  multibus seller withdraw BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      --for-bus")]
pub struct WithdrawArgs {
    #[command(flatten)]
    seller: SellerArgs,
    /// Token account that is paid, where the signing wallet is the seller [default: its associated one]
    #[arg(long, value_name = "TOKEN_ACCOUNT", value_parser = parse_address, conflicts_with_all = ["wallet", "for_bus"])]
    to: Option<Address>,
}

/// Close a seller account that has no open offers; what it can withdraw is paid, and the rent comes back
///
/// Its delivery books, its meter and its retired devices are closed with it, and its grid fees swept.
/// The seller can, unless it is suspended, and any owner for the bus's own; on a closing bus anyone can for anyone.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus seller close BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo
  multibus seller close BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC")]
pub struct CloseArgs {
    #[command(flatten)]
    seller: SellerArgs,
}

/// Admit a seller, or take its suspension back; its account is opened where it has none
///
/// The operator of the bus does it at once. Signed by an owner, it is proposed, as `proposal create BUS admit-seller`
/// does.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus seller admit BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC")]
pub struct AdmitArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
    /// The seller's wallet
    #[arg(value_name = "WALLET", value_parser = parse_address)]
    wallet: Address,
}

/// Suspend a seller: it lists nothing until it is admitted again, and keeps its money
///
/// What it has on offer goes on trading; owners and the operator can withdraw it with `offer cancel`. The operator of the
/// bus suspends at once. Signed by an owner, it is proposed, as `proposal create BUS suspend-seller` does.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus seller suspend BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC")]
pub struct SuspendArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
    /// The seller's wallet
    #[arg(value_name = "WALLET", value_parser = parse_address)]
    wallet: Address,
}

/// Runs a verb of `seller`.
///
/// # Errors
/// Where the chain or the program refuses.
pub async fn run(command: SellerCommand, session: &Session) -> Result<Reply, Failure> {
    match command {
        SellerCommand::Open(args) => open(&args, session).await,
        SellerCommand::Show(args) => show(&args.seller, session).await,
        SellerCommand::List(args) => list(&args, session).await,
        SellerCommand::Withdraw(args) => withdraw(&args, session).await,
        SellerCommand::Close(args) => close(&args.seller, session).await,
        SellerCommand::Admit(args) => rule(&args.bus, &args.wallet, Ruling::Admitted, session).await,
        SellerCommand::Suspend(args) => rule(&args.bus, &args.wallet, Ruling::Suspended, session).await,
    }
}

async fn open(args: &OpenArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let bus = market.bus(&args.bus).await?;
    let seller = if args.for_bus { bus.address } else { wallet.address() };
    if let Some(seller) = market.find_seller(&bus.address, &seller).await? {
        return Err(Failure::sentence(format!(
            "{} has the seller account {} on this bus already; nothing to do",
            seller.wallet, seller.address
        )));
    }
    let created = match args.for_bus {
        true => wallet.seller_open_for_bus(&bus.address).await?,
        false => wallet.seller_open(&bus.address).await?,
    };
    let opened = OpenedSeller {
        seller: created.address.to_string(),
        vault: address::vault(&created.address).to_string(),
        rent_lamports: seller_rent(&bus, session).await?,
    };
    Ok(Box::new(Opened {
        bus: bus.address.to_string(),
        wallet: seller.to_string(),
        opened,
        transaction: TransactionView::from(&created.sent),
    }))
}

async fn show(args: &SellerArgs, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let bus = market.bus(&args.bus).await?;
    let seller = find(&bus, &args.wallet(session)?, session).await?;
    Ok(Box::new(Shown { seller: SellerView::read(&seller, &bus, session).await? }))
}

/// The account of a seller, or a sentence that says how to open it.
///
/// # Errors
/// Where the wallet has none, or the chain cannot be reached.
pub async fn find(bus: &Keyed<Bus>, wallet: &Address, session: &Session) -> Result<Keyed<Seller>, Failure> {
    session.market().find_seller(&bus.address, wallet).await?.ok_or_else(|| {
        Failure::sentence(format!(
            "{wallet} has no seller account on the bus {}; its first offer opens one, or `multibus seller open`",
            bus.address
        ))
    })
}

async fn list(args: &ListArgs, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let bus = market.bus(&args.bus).await?;
    let mut sellers = Vec::new();
    for seller in market.sellers(&bus.address).await? {
        sellers.push(SellerView::read(&seller, &bus, session).await?);
    }
    Ok(Box::new(Sellers { bus: bus.address.to_string(), sellers }))
}

async fn withdraw(args: &WithdrawArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let bus = market.bus(&args.seller.bus).await?;
    let seller = find(&bus, &args.seller.wallet(session)?, session).await?;
    let before = SellerView::read(&seller, &bus, session).await?;
    let (destination, withdrawn) = match args.to {
        Some(to) => (to, wallet.seller_withdraw_to(&bus.address, &to).await?),
        None => (payee(&seller, &bus), wallet.seller_withdraw(&bus.address, &seller.wallet).await?),
    };
    Ok(Box::new(PaidOut {
        bus: bus.address.to_string(),
        seller: seller.address.to_string(),
        wallet: seller.wallet.to_string(),
        destination: destination.to_string(),
        withdrawn_base_units: withdrawn.amount.unwrap_or(before.due()),
        deposits_base_units: before.deposits_base_units,
        held_base_units: before.held_after_release,
        of_bus: seller.wallet == bus.address,
        token: Token::of(&bus),
        transactions: withdrawn.transactions.iter().map(TransactionView::from).collect(),
    }))
}

/// The token account that is paid where none is named.
fn payee(seller: &Keyed<Seller>, bus: &Keyed<Bus>) -> Address {
    if seller.wallet == bus.address {
        bus.treasury
    } else {
        address::associated_token(&seller.wallet, &bus.mint, &bus.token_program)
    }
}

async fn close(args: &SellerArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let bus = session.market().bus(&args.bus).await?;
    let seller = find(&bus, &args.wallet(session)?, session).await?;
    let rent_lamports = seller_rent(&bus, session).await?;
    let sent = wallet.seller_close(&bus.address, &seller.wallet).await?;
    let event = sent.events.iter().find_map(|event| match event {
        Event::SellerClosed(event) => Some(event),
        _ => None,
    });
    Ok(Box::new(Closed {
        bus: bus.address.to_string(),
        seller: seller.address.to_string(),
        wallet: seller.wallet.to_string(),
        paid_base_units: event.map_or(seller.released, |event| event.amount),
        claimed: event.is_some_and(|event| event.outcome == RefundOutcome::Claimed as u8),
        gift_base_units: event.map_or(0, |event| event.gift),
        destination: event.map_or_else(|| payee(&seller, &bus), |event| event.destination).to_string(),
        rent_lamports,
        rent_to: seller.rent_payer.to_string(),
        token: Token::of(&bus),
        transaction: TransactionView::from(&sent),
    }))
}

/// What owners or operator decide about a seller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ruling {
    Admitted,
    Suspended,
}

async fn rule(bus: &Address, seller: &Address, ruling: Ruling, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let bus = market.bus(bus).await?;
    if !bus.is_operator(&wallet.address()) {
        if bus.owner_index(&wallet.address()).is_none() {
            return Err(Failure::sentence(format!(
                "{} is neither the operator nor an owner of the bus {}, and only they admit and suspend sellers; sign \
                 with the wallet of one of them",
                wallet.address(),
                bus.address
            )));
        }
        let wallet = *seller;
        let action = match ruling {
            Ruling::Admitted => ProposalAction::SellerAdmit { wallet },
            Ruling::Suspended => ProposalAction::SellerSuspend { wallet },
        };
        return proposal::propose(&bus, &action, session).await;
    }
    let sent = match ruling {
        Ruling::Admitted => wallet.seller_admit(&bus.address, seller).await?,
        Ruling::Suspended => wallet.seller_suspend(&bus.address, seller).await?,
    };
    let opened_seller = crate::view::opened_seller(&sent, &bus, session).await?;
    Ok(Box::new(Ruled {
        bus: bus.address.to_string(),
        seller: address::seller(&bus.address, seller).to_string(),
        wallet: seller.to_string(),
        admitted: ruling == Ruling::Admitted,
        suspended: ruling == Ruling::Suspended,
        opened_seller,
        transaction: TransactionView::from(&sent),
    }))
}

#[derive(Serialize)]
struct SellerView {
    address: String,
    bus: String,
    /// The bus itself where it sells its own energy.
    wallet: String,
    vault: String,
    of_bus: bool,
    /// Whether it may list now: it is not suspended, and the bus's listing policy lets it.
    may_list: bool,
    admitted: bool,
    suspended: bool,
    open_offers: u32,
    /// What it can withdraw now.
    released_base_units: u64,
    /// What its open offers on purchase terms sold and nobody has collected yet, less the grid fees.
    proceeds_base_units: u64,
    /// What it delivered in windows that are final, less the grid fees, and nobody has released yet.
    releasable_base_units: u64,
    /// What its vault holds for locks.
    deposits_base_units: u64,
    /// What was paid to it on delivery terms and is neither released nor paid back yet.
    held_base_units: u64,
    /// What the escrow owes it and the grid for auctions, and `auction settle` pays.
    pool_due_base_units: u64,
    /// What its vault holds for the grid.
    grid_fees_base_units: u64,
    vault_base_units: u64,
    open_books: u32,
    /// Its meter; `null` where it has none.
    meter: Option<String>,
    #[serde(flatten)]
    token: Token,
    opened_at: i64,
    rent_payer: String,
    #[serde(skip)]
    state: &'static str,
    /// What is still held for deliveries once everything that can be is released.
    #[serde(skip)]
    held_after_release: u64,
}

impl SellerView {
    async fn read(seller: &Keyed<Seller>, bus: &Keyed<Bus>, session: &Session) -> Result<Self, Failure> {
        let market = session.market();
        let money = market.seller_money(seller).await?;
        let books = market.delivery_books_of(&bus.address, &seller.wallet).await?;
        Ok(Self::of(seller, bus, &money, &books, session.now().await?))
    }

    /// What it would get if everything were collected, released and withdrawn now.
    fn due(&self) -> u64 {
        self.released_base_units.saturating_add(self.proceeds_base_units).saturating_add(self.releasable_base_units)
    }

    fn of(
        seller: &Keyed<Seller>,
        bus: &Keyed<Bus>,
        money: &SellerMoney,
        books: &[Keyed<DeliveryBook>],
        now: i64,
    ) -> Self {
        let released: Vec<_> = books.iter().map(|book| releasable(book, now)).collect();
        let sum = |amount: fn(&ReleasedWindows) -> u64| released.iter().map(amount).fold(0, u64::saturating_add);
        let (releasable_base_units, fees) = (sum(|windows| windows.amount), sum(|windows| windows.grid_fee));
        let may_list = may_list(bus, &seller.wallet, Some(seller));
        let state = match (seller.suspended != 0, may_list) {
            (true, _) => "suspended",
            (false, true) => "may list",
            (false, false) if bus.closing != 0 => "may not list: the bus is closing",
            (false, false) if bus.listing_policy == ListingPolicy::Admitted as u8 => "not admitted",
            (false, false) => "may not list: only owners may",
        };
        Self {
            address: seller.address.to_string(),
            bus: bus.address.to_string(),
            wallet: seller.wallet.to_string(),
            vault: seller.vault.to_string(),
            of_bus: seller.wallet == bus.address,
            may_list,
            admitted: seller.admitted != 0,
            suspended: seller.suspended != 0,
            open_offers: seller.open_offers,
            released_base_units: money.released,
            proceeds_base_units: money.proceeds,
            releasable_base_units,
            deposits_base_units: money.deposits,
            held_base_units: money.held,
            pool_due_base_units: money.pool_due,
            grid_fees_base_units: money.grid_fees,
            vault_base_units: money.vault,
            open_books: seller.open_books,
            meter: seller.has_meter().then(|| seller.meter.to_string()),
            token: Token::of(bus),
            opened_at: seller.opened_at,
            rent_payer: seller.rent_payer.to_string(),
            state,
            held_after_release: money.held.saturating_sub(releasable_base_units.saturating_add(fees)),
        }
    }
}

#[derive(Serialize)]
struct Opened {
    bus: String,
    wallet: String,
    #[serde(flatten)]
    opened: OpenedSeller,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Opened {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.opened.seller.clone()])
    }

    fn text(&self, page: &mut Page) {
        self.opened.line(page);
        page.line(format!("vault      {}", self.opened.vault));
        signature_line(page, &self.transaction);
    }
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    seller: SellerView,
}

impl View for Shown {
    fn text(&self, page: &mut Page) {
        let seller = &self.seller;
        let tokens = |amount| format!("{} tokens", seller.token.format(amount));
        let mut fields = vec![
            ("seller", if seller.of_bus { "the bus itself".to_owned() } else { seller.wallet.clone() }),
            ("account", seller.address.clone()),
            ("bus", seller.bus.clone()),
            ("vault", seller.vault.clone()),
            ("state", seller.state.to_owned()),
            ("offers", format!("{} open", seller.open_offers)),
            ("released", format!("{}, can be withdrawn", tokens(seller.released_base_units))),
            (
                "proceeds",
                format!("{} of open offers, can be collected and withdrawn", tokens(seller.proceeds_base_units)),
            ),
            ("deposits", format!("{} of locks on its offers", tokens(seller.deposits_base_units))),
        ];
        if seller.open_books > 0 {
            fields.push((
                "held",
                format!(
                    "{} in {} for deliveries, of it {} can be released",
                    tokens(seller.held_base_units),
                    count(seller.open_books, "book"),
                    seller.token.format(seller.releasable_base_units)
                ),
            ));
        }
        if seller.pool_due_base_units > 0 {
            fields.push((
                "in escrow",
                format!("{} of auctions, see `multibus auction settle`", tokens(seller.pool_due_base_units)),
            ));
        }
        if seller.grid_fees_base_units > 0 {
            fields.push(("grid fees", format!("{}, see `multibus grid sweep`", tokens(seller.grid_fees_base_units))));
        }
        fields.push(("meter", seller.meter.clone().unwrap_or_else(|| "none".to_owned())));
        fields.push(("opened", format_time(seller.opened_at)));
        page.fields(fields);
        if seller.due() > 0 {
            let whose = if seller.of_bus { "--for-bus" } else { &seller.wallet };
            page.line("");
            page.line("collect and withdraw it all:");
            page.line(format!("  multibus seller withdraw {} {whose}", seller.bus));
        }
    }
}

#[derive(Serialize)]
struct Sellers {
    bus: String,
    sellers: Vec<SellerView>,
}

impl View for Sellers {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.sellers.iter().map(|seller| seller.wallet.clone()).collect())
    }

    fn text(&self, page: &mut Page) {
        if self.sellers.is_empty() {
            page.line("no sellers; the first offer of a wallet opens its account");
            return;
        }
        page.table(
            &["seller", ">offers", ">to withdraw", "state"],
            self.sellers.iter().map(|seller| {
                let amount = seller.due();
                let state = if seller.of_bus { "the bus itself" } else { seller.state };
                vec![
                    seller.wallet.clone(),
                    seller.open_offers.to_string(),
                    seller.token.format(amount),
                    state.to_owned(),
                ]
            }),
        );
    }
}

#[derive(Serialize)]
struct PaidOut {
    bus: String,
    seller: String,
    wallet: String,
    destination: String,
    withdrawn_base_units: u64,
    /// What the vault goes on holding for locks.
    deposits_base_units: u64,
    /// What the vault goes on holding for deliveries.
    held_base_units: u64,
    of_bus: bool,
    #[serde(flatten)]
    token: Token,
    transactions: Vec<TransactionView>,
}

impl View for PaidOut {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.transactions.iter().map(|transaction| transaction.signature.clone()).collect())
    }

    fn text(&self, page: &mut Page) {
        let amount = self.token.format(self.withdrawn_base_units);
        let who = if self.of_bus { "the bus's treasury" } else { &self.wallet };
        page.line(format!("{who} got {amount} tokens"));
        page.line(format!("paid to    {}", self.destination));
        for transaction in &self.transactions {
            signature_line(page, transaction);
        }
        if self.deposits_base_units > 0 {
            let deposits = self.token.format(self.deposits_base_units);
            page.line(format!("{deposits} tokens stay in the vault: deposits of locks on open offers"));
        }
        if self.held_base_units > 0 {
            let held = self.token.format(self.held_base_units);
            page.line(format!("{held} tokens stay in the vault: for deliveries that are not settled"));
        }
    }
}

#[derive(Serialize)]
struct Closed {
    bus: String,
    seller: String,
    wallet: String,
    destination: String,
    /// What the seller was paid, or got a claim for.
    paid_base_units: u64,
    /// Whether the seller could not be paid and got a claim instead.
    claimed: bool,
    /// What strangers had sent to the vault; it goes to the treasury.
    gift_base_units: u64,
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
        page.line(format!("closed the seller account {}", self.seller));
        let amount = self.token.format(self.paid_base_units);
        if self.claimed {
            page.line(format!("{amount} tokens are kept as a claim of {}: `multibus claim pay`", self.wallet));
        } else if self.paid_base_units > 0 {
            page.line(format!("{amount} tokens were paid to {}", self.destination));
        }
        page.line(format!("its rent, {}, went to {}", format_sol(self.rent_lamports), self.rent_to));
        signature_line(page, &self.transaction);
    }
}

#[derive(Serialize)]
struct Ruled {
    bus: String,
    seller: String,
    wallet: String,
    admitted: bool,
    suspended: bool,
    /// `null` where the seller account was open before.
    opened_seller: Option<OpenedSeller>,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Ruled {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.transaction.signature.clone()])
    }

    fn text(&self, page: &mut Page) {
        let did = if self.admitted { "admitted" } else { "suspended" };
        page.line(format!("{did} the seller {}", self.wallet));
        if let Some(opened) = &self.opened_seller {
            opened.line(page);
        }
        signature_line(page, &self.transaction);
        if self.suspended {
            page.line("what it has on offer goes on trading; see it, and withdraw it with `multibus offer cancel`:");
            page.line(format!("  multibus offer list {} --seller {}", self.bus, self.wallet));
        }
    }
}

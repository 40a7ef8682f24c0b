//! `multibus bus`: energy networks.

use {
    super::proposal::{self, Decided},
    crate::{
        failure::Failure,
        output::{Page, Reply, View},
        session::Session,
        terms::{TermsArgs, TermsView, grid_recipient},
        tokens::Token,
        value::{
            Amount, Energy, Listing, OwnerShareArg, Seconds, Share, address as parse_address, count, format_duration,
            format_energy, format_scaled, format_share, format_time,
        },
        view::{TransactionView, WindowView, signature_line},
    },
    clap::{Args, Subcommand},
    multibus_client::{
        Address, Error, Keyed, address,
        auction::AuctionPhase,
        delivery::DeliveryBook,
        event::Event,
        lock::LockFilter,
        multibus::{
            constants::FULL_SHARE_BPS,
            state::{
                self, Bus, BusConfig, Capacity, Claim, Ledger, ListingPolicy, Offer, ProposalAction, Seller, Tombstone,
            },
        },
        seller::SellerMoney,
        terms::{Terms, TermsConfig},
        wallet::Created as CreatedAccount,
    },
    serde::Serialize,
};

#[derive(Subcommand, Debug)]
pub enum BusCommand {
    Create(Box<CreateArgs>),
    Show(ShowArgs),
    List(ListArgs),
    AddOwner(AddOwnerArgs),
    Close(CloseArgs),
}

/// Create a bus: the network, its capacity and its treasury
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus bus create --name \"Sunny Street\" \\
      --mint DnS7SjFqpH6ZLUx6RahTfPjVAgNy6ZxvRtcnvVZTrsDN \\
      --capacity 500kWh --base-price 0.10tokens
  multibus bus create --name Village \\
      --mint DnS7SjFqpH6ZLUx6RahTfPjVAgNy6ZxvRtcnvVZTrsDN \\
      --capacity 50kWh --base-price 100000 \\
      --window 15m --gate-closure 5m --listing open --horizon 7d
  multibus bus create --name Metered \\
      --mint DnS7SjFqpH6ZLUx6RahTfPjVAgNy6ZxvRtcnvVZTrsDN \\
      --capacity 50kWh --base-price 100000 --window 15m --gate-closure 5m \\
      --settlement on-delivery --reading-deadline 2h --correction-time 1d \\
      --operator 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC \\
      --grid-fee 0.05tokens \\
      --grid-recipient Ggagb2sMJKNhqg4P3Np3F4C7eVYPwK5jJAY57BJk3QMG
  multibus bus create --name Auction \\
      --mint DnS7SjFqpH6ZLUx6RahTfPjVAgNy6ZxvRtcnvVZTrsDN \\
      --capacity 50kWh --base-price 100000 --listing open \\
      --window 15m --gate-closure 5m --auction on
  multibus bus create --name \"Sunny Street\" \\
      --mint DnS7SjFqpH6ZLUx6RahTfPjVAgNy6ZxvRtcnvVZTrsDN \\
      --capacity 500kWh --base-price 0.10tokens \\
      --owner 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC=60% \\
      --owner Ggagb2sMJKNhqg4P3Np3F4C7eVYPwK5jJAY57BJk3QMG=40% \\
      --threshold 2 --pause-quorum 1 --timelock 1d \\
      --operator 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC")]
pub struct CreateArgs {
    /// Name, 1 to 32 bytes
    #[arg(long)]
    name: String,
    /// Mint of the token that pays
    #[arg(long, value_parser = parse_address)]
    mint: Address,
    /// Energy that may be on offer or sold, per window where there are windows
    #[arg(long, value_name = "ENERGY")]
    capacity: Energy,
    /// Lowest price an offer may ask, per kWh
    #[arg(long, value_name = "PRICE")]
    base_price: Amount,
    /// An owner and the revenue share, such as ADDRESS=60%; again for each [default: the signing wallet with 100%]
    #[arg(long = "owner", value_name = "ADDRESS=SHARE")]
    owners: Vec<OwnerShareArg>,
    /// Owners that a decision needs
    #[arg(long, value_name = "N", default_value_t = 1)]
    threshold: u8,
    /// Owners that pausing needs, at most the threshold: a lower number is an emergency brake [default: the threshold]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    pause_quorum: Option<u8>,
    /// Who may list energy
    #[arg(long, value_name = "WHO", default_value = "owners")]
    listing: Listing,
    /// Part of the deposit that an unsettled lock costs, such as 1%
    #[arg(long, value_name = "SHARE", default_value = "0")]
    lock_fee: Share,
    /// Wait before a decision executes
    #[arg(long, value_name = "TIME", default_value = "0")]
    timelock: Seconds,
    /// How far ahead a window can open and an offer can expire, 1h to 366d; it never changes
    #[arg(long, value_name = "TIME", default_value = "30d")]
    horizon: Seconds,
    /// Lowest price that the bus's own offers may ask, per kWh [default: the base price]
    #[arg(long, value_name = "PRICE", default_value = "0", hide_default_value = true)]
    reserve_price: Amount,
    /// Least energy of an offer, a bid, and of a purchase or a lock that does not take the rest
    #[arg(long, value_name = "ENERGY", default_value = "1Wh")]
    least_size: Energy,
    /// Wallet that admits and suspends sellers, withdraws the bus's own offers at once, registers meters and stands in for
    /// one that is silent [default: none]
    #[arg(long, value_name = "WALLET", value_parser = parse_address)]
    operator: Option<Address>,
    /// Wallet that gets the grid fees [default: the bus's treasury]
    #[arg(long, value_name = "WALLET", value_parser = parse_address)]
    grid_recipient: Option<Address>,
    #[command(flatten)]
    terms: TermsArgs,
}

/// Show a bus: its rules, its owners, its money, what is listed and what is sold; or what is left of a closed one
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus bus show BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo
  multibus bus show BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo --output json")]
pub struct ShowArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
}

/// List the buses of the chain, or those that a wallet created or owns a part of
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus bus list
  multibus bus list 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC")]
pub struct ListArgs {
    /// Only buses that this wallet created or owns a part of
    #[arg(value_name = "WALLET", value_parser = parse_address)]
    wallet: Option<Address>,
}

/// Hand part of your share to a new owner
///
/// Where one approval is enough and there is no timelock, it is done at once. Else it is proposed, and the other owners
/// decide: `multibus proposal` goes on from there.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus bus add-owner BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      Ggagb2sMJKNhqg4P3Np3F4C7eVYPwK5jJAY57BJk3QMG --share 40%")]
pub struct AddOwnerArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
    /// The new owner's wallet
    #[arg(value_name = "OWNER", value_parser = parse_address)]
    owner: Address,
    /// Share to hand over, out of the signing owner's own
    #[arg(long)]
    share: Share,
}

/// Close a bus for good
///
/// The owners decide it: signed by an owner, the first call proposes it, as `proposal create BUS close` does. From then on
/// nothing opens on the bus any more, while everything open can be ended. Once nothing is left open, anyone calls it again:
/// the treasury is divided among the owners, who pull their parts with `claim pay`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus bus close BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo")]
pub struct CloseArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
}

/// Runs a verb of `bus`.
///
/// # Errors
/// Where the chain or the program refuses.
pub async fn run(command: BusCommand, session: &Session) -> Result<Reply, Failure> {
    match command {
        BusCommand::Create(args) => create(*args, session).await,
        BusCommand::Show(args) => show(&args.bus, session).await,
        BusCommand::List(args) => list(args, session).await,
        BusCommand::AddOwner(args) => add_owner(args, session).await,
        BusCommand::Close(args) => close(&args.bus, session).await,
    }
}

async fn create(args: CreateArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let creator = wallet.address();
    let decimals = session.mint_decimals(&args.mint).await?;
    let owners = match args.owners.as_slice() {
        [] => vec![state::OwnerShare { owner: creator, share_bps: FULL_SHARE_BPS }],
        owners => {
            owners.iter().map(|owner| state::OwnerShare { owner: owner.owner, share_bps: owner.share.bps }).collect()
        }
    };
    let config = BusConfig {
        name: args.name,
        owners,
        threshold: args.threshold,
        pause_quorum: args.pause_quorum.unwrap_or(0),
        listing_policy: args.listing.policy() as u8,
        lock_fee_bps: args.lock_fee.bps,
        timelock_seconds: args.timelock.0,
        capacity_wh: args.capacity.wh,
        base_price_per_kwh: args.base_price.base_units(decimals)?,
        horizon_seconds: args.horizon.0,
        terms: args.terms.on(&TermsConfig::default(), decimals)?,
        reserve_price_per_kwh: args.reserve_price.base_units(decimals)?,
        least_wh: args.least_size.wh,
        operator: args.operator,
        grid_recipient: args.grid_recipient,
    };
    let created = wallet.bus_create(&args.mint, &config).await?;
    let bus = BusView::created(&created, &config, &args.mint, decimals, session).await?;
    Ok(Box::new(Created { bus, transaction: TransactionView::from(&created.sent) }))
}

async fn show(bus: &Address, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    if let Some(stone) = market.tombstone(bus).await? {
        let token = Token::new(&stone.mint, stone.mint_decimals);
        return Ok(Box::new(Stone::of(&stone, &market.claims(bus).await?, token)));
    }
    let bus = market.bus(bus).await?;
    let now = session.now().await?;
    let capacities = market.capacities(&bus.address).await?;
    let offers = market.all_offers(&bus.address).await?;
    let sellers = market.sellers(&bus.address).await?;
    let ledger = market.ledger(&bus.address).await?;
    let treasury = market.treasury(&bus.address).await?;
    let books = market.delivery_books(&bus.address).await?;
    let meters = market.meters(&bus.address).await?.len() as u64;
    let mut windows: Vec<_> = capacities.iter().map(|capacity| WindowView::of(capacity, &offers, &bus, now)).collect();
    windows.sort_by_key(|window| window.window_start);
    Ok(Box::new(Shown {
        bus: BusView::of(&bus, now),
        former_owners: FormerOwnerView::all(&ledger),
        treasury_balance_base_units: treasury.balance,
        treasury_diverted_base_units: treasury.diverted,
        treasury_claimable_base_units: treasury.totals().claimable,
        money: MoneyView::of(&ledger, &sellers, &offers, &books, &capacities),
        meters,
        sold_wh: windows.iter().map(|window| window.sold_wh).fold(0, u64::saturating_add),
        capacities: windows,
    }))
}

async fn list(args: ListArgs, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let mut buses = match args.wallet {
        Some(wallet) => market.buses_of(&wallet).await?,
        None => market.buses().await?,
    };
    buses.sort_by_key(|bus| (bus.created_at, bus.address.to_bytes()));
    let now = session.now().await?;
    Ok(Box::new(Listed { buses: buses.iter().map(|bus| BusView::of(bus, now)).collect() }))
}

async fn add_owner(args: AddOwnerArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let before = session.market().bus(&args.bus).await?;
    let created = wallet.bus_add_owner(&args.bus, &args.owner, args.share.bps).await?;
    Ok(Box::new(Decided::proposed(&created, &before, session).await?))
}

async fn close(bus: &Address, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let bus = market.bus(bus).await?;
    if bus.closing == 0 {
        return proposal::propose(&bus, &ProposalAction::BusClose, session).await;
    }
    let ledger = market.ledger(&bus.address).await?;
    if let Some(open) = still_open(&bus, &ledger, session).await? {
        return Err(Failure::sentence(open));
    }
    let sent = wallet.bus_close(&bus.address).await?;
    let event = sent.events.iter().find_map(|event| match event {
        Event::BusClosed(event) => Some(event),
        _ => None,
    });
    let shares = |event: &multibus_client::event::BusClosed| {
        let owners = bus.owners().iter().zip(event.shares);
        owners.map(|(slot, amount)| ShareView { owner: slot.owner.to_string(), amount_base_units: amount }).collect()
    };
    Ok(Box::new(Closed {
        bus: bus.address.to_string(),
        name: bus.name().to_owned(),
        divided_base_units: event.map(|event| event.divided),
        shares: event.map(shares),
        token: Token::of(&bus),
        transaction: TransactionView::from(&sent),
    }))
}

/// What keeps a closing bus from being closed, with the command that ends each; `None` where nothing does.
async fn still_open(bus: &Keyed<Bus>, ledger: &Ledger, session: &Session) -> Result<Option<String>, Failure> {
    let market = session.market();
    let former = FormerOwnerView::all(ledger);
    let counts = [
        (u64::from(ledger.open_sellers), "seller"),
        (u64::from(ledger.open_windows), "window"),
        (u64::from(ledger.open_proposals), "proposal"),
        (former.len() as u64, "unpaid former owner"),
    ];
    let open: Vec<String> =
        counts.iter().filter(|(number, _)| *number > 0).map(|(number, noun)| count(*number, noun)).collect();
    if open.is_empty() {
        return Ok(None);
    }
    let address = &bus.address;
    let mut lines = vec![format!("the bus {address} cannot close yet: it has {}", open.join(", "))];
    for lock in market.locks(&LockFilter { bus: Some(*address), ..LockFilter::default() }).await? {
        let until = format_time(lock.expires_at);
        lines.push(format!("a lock until {until}: `multibus lock release {}`", lock.address));
    }
    for offer in market.all_offers(address).await? {
        let until = format_time(offer.expires_at);
        lines.push(format!("an offer until {until}: `multibus offer cancel {}`", offer.address));
    }
    let now = market.chain().clock().await?.unix_timestamp;
    for capacity in market.capacities(address).await? {
        if capacity.open_bids > 0 {
            let verb = if capacity.phase(now) == AuctionPhase::Fixed { "clear" } else { "settle" };
            let (bids, window) = (count(capacity.open_bids, "bid"), capacity.window_start);
            lines.push(format!(
                "{bids} of the window {}: `multibus auction {verb} {address} --window {window}`",
                format_time(window)
            ));
        }
    }
    for book in market.delivery_books(address).await? {
        for position in market.positions_on(&book.address).await? {
            let buyer = position.buyer;
            lines.push(format!("a position of {buyer}: `multibus position close {}`", position.address));
        }
        // Certificates can hold it for 30 days longer.
        let from = format_time(book.closable(bus, now).by_seller);
        lines.push(format!("a delivery book, from {from}: `multibus delivery close {}`", book.address));
    }
    for seller in market.sellers(address).await? {
        let who = if seller.wallet == *address { "--for-bus".to_owned() } else { seller.wallet.to_string() };
        if seller.has_meter() {
            lines.push(format!("a meter: `multibus meter close {address} {who}`"));
        }
        if seller.grid_fees_owed > 0 {
            lines.push(format!("grid fees: `multibus grid sweep {address} {who}`"));
        }
        lines.push(format!("a seller: `multibus seller close {address} {who}`"));
    }
    if ledger.open_windows > 0 {
        lines.push(format!("windows: `multibus window close {address}`"));
    }
    for proposal in market.proposals(address).await? {
        lines.push(format!("a proposal: `multibus proposal close {}`", proposal.address));
    }
    for former in former {
        lines.push(format!("a former owner: `multibus treasury claim {address} --owner {}`", former.owner));
    }
    Ok(Some(lines.join("\n")))
}

#[derive(Serialize)]
struct OwnerView {
    owner: String,
    share_bps: u16,
}

/// An owner who left with revenue that is not claimed yet.
#[derive(Serialize)]
struct FormerOwnerView {
    owner: String,
    claimable_base_units: u64,
}

impl FormerOwnerView {
    fn all(ledger: &Ledger) -> Vec<Self> {
        let places = ledger.former_owners.iter().take(usize::from(ledger.former_owner_count));
        places.map(|place| Self { owner: place.owner.to_string(), claimable_base_units: place.accrued }).collect()
    }
}

#[derive(Serialize)]
struct BusView {
    address: String,
    name: String,
    creator: String,
    bus_seq: u64,
    mint: String,
    mint_decimals: u8,
    token_program: String,
    treasury: String,
    unclaimed: String,
    /// Holds the deposits of bids.
    escrow: String,
    /// The seller account of the bus itself, whether it is open or not.
    seller: String,
    owners: Vec<OwnerView>,
    threshold: u8,
    pause_quorum: u8,
    listing: &'static str,
    /// `null` where there is none.
    operator: Option<String>,
    paused: bool,
    closing: bool,
    timelock_seconds: u32,
    /// What holds for windows now.
    terms: TermsView,
    /// What will hold later; `null` where nothing else is decided.
    next_terms: Option<TermsView>,
    /// Who gets the grid fees; `null` for the treasury.
    grid_recipient: Option<String>,
    horizon_seconds: u32,
    lock_fee_bps: u16,
    capacity_wh: u64,
    least_wh: u64,
    base_price_per_kwh: u64,
    reserve_price_per_kwh: u64,
    config_version: u64,
    created_at: i64,
}

fn listing_name(policy: u8) -> &'static str {
    match ListingPolicy::try_from(policy) {
        Ok(ListingPolicy::OwnersOnly) => "owners",
        Ok(ListingPolicy::Admitted) => "admitted",
        Ok(ListingPolicy::Open) => "open",
        Err(_) => "unknown",
    }
}

impl BusView {
    fn of(bus: &Keyed<Bus>, now: i64) -> Self {
        let (terms, next_terms) = TermsView::now_and_next(bus, now);
        Self {
            address: bus.address.to_string(),
            name: bus.name().to_owned(),
            creator: bus.creator.to_string(),
            bus_seq: bus.bus_seq,
            mint: bus.mint.to_string(),
            mint_decimals: bus.mint_decimals,
            token_program: bus.token_program.to_string(),
            treasury: bus.treasury.to_string(),
            unclaimed: bus.unclaimed.to_string(),
            escrow: bus.escrow.to_string(),
            seller: bus.seller.to_string(),
            owners: (bus.owners().iter())
                .map(|slot| OwnerView { owner: slot.owner.to_string(), share_bps: slot.share_bps })
                .collect(),
            threshold: bus.threshold,
            pause_quorum: bus.pause_approvals(),
            listing: listing_name(bus.listing_policy),
            operator: (bus.operator != Address::default()).then(|| bus.operator.to_string()),
            paused: bus.paused != 0,
            closing: bus.closing != 0,
            timelock_seconds: bus.timelock_seconds,
            terms,
            next_terms,
            grid_recipient: grid_recipient(bus).map(|recipient| recipient.to_string()),
            horizon_seconds: bus.horizon_seconds,
            lock_fee_bps: bus.lock_fee_bps,
            capacity_wh: bus.capacity_wh,
            least_wh: bus.least_wh,
            base_price_per_kwh: bus.base_price_per_kwh,
            reserve_price_per_kwh: bus.reserve_price_per_kwh,
            config_version: bus.config_version,
            created_at: bus.created_at,
        }
    }

    /// A bus that was created a moment ago, as its transaction says: another node of the provider may not show its account
    /// yet.
    async fn created(
        created: &CreatedAccount,
        config: &BusConfig,
        mint: &Address,
        mint_decimals: u8,
        session: &Session,
    ) -> Result<Self, Failure> {
        let bus = created.address;
        let event = created.sent.events.iter().find_map(|event| match event {
            Event::BusCreated(event) if event.bus == bus => Some(event),
            _ => None,
        });
        let Some(event) = event else {
            return match session.market().bus(&bus).await {
                Ok(bus) => Ok(Self::of(&bus, session.now().await?)),
                Err(error) => Err(Failure::sentence(format!(
                    "the bus {bus} is created ({}), but the node does not show it yet; do not create it again, look with \
                     `multibus bus show {bus}` ({error})",
                    created.sent.signature
                ))),
            };
        };
        let token_program = match session.chain().accounts(&[*mint]).await?.first() {
            Some(Some(account)) => account.owner,
            _ => return Err(Error::NotFound { kind: "mint", address: *mint }.into()),
        };
        Ok(Self {
            address: bus.to_string(),
            name: config.name.clone(),
            creator: event.creator.to_string(),
            bus_seq: event.bus_seq,
            mint: mint.to_string(),
            mint_decimals,
            token_program: token_program.to_string(),
            treasury: event.treasury.to_string(),
            unclaimed: event.unclaimed.to_string(),
            escrow: event.escrow.to_string(),
            seller: address::seller(&bus, &bus).to_string(),
            owners: (config.owners.iter())
                .map(|share| OwnerView { owner: share.owner.to_string(), share_bps: share.share_bps })
                .collect(),
            threshold: config.threshold,
            pause_quorum: if config.pause_quorum == 0 { config.threshold } else { config.pause_quorum },
            listing: listing_name(config.listing_policy),
            operator: config.operator.map(|operator| operator.to_string()),
            paused: false,
            closing: false,
            timelock_seconds: config.timelock_seconds,
            terms: TermsView::of(&Terms::new(&config.terms, 0)),
            next_terms: None,
            grid_recipient: config.grid_recipient.map(|recipient| recipient.to_string()),
            horizon_seconds: config.horizon_seconds,
            lock_fee_bps: config.lock_fee_bps,
            capacity_wh: config.capacity_wh,
            least_wh: config.least_wh,
            base_price_per_kwh: config.base_price_per_kwh,
            reserve_price_per_kwh: config.reserve_price_per_kwh,
            config_version: 0,
            created_at: event.created_at,
        })
    }

    fn price(&self, price_per_kwh: u64) -> String {
        let tokens = format_scaled(price_per_kwh, self.mint_decimals as usize);
        format!("{tokens} tokens/kWh ({price_per_kwh} base units)")
    }

    fn state(&self) -> &'static str {
        match (self.closing, self.paused) {
            (true, true) => "closing, paused",
            (true, false) => "closing: nothing opens any more",
            (false, true) => "paused",
            (false, false) => "running",
        }
    }

    fn fields(&self, page: &mut Page) {
        let reserve_price = match self.reserve_price_per_kwh {
            0 => "the base price".to_owned(),
            price => self.price(price),
        };
        let owners = count(self.owners.len() as u64, "owner");
        let mut fields = vec![
            ("bus", self.address.clone()),
            ("name", self.name.clone()),
            ("creator", self.creator.clone()),
            ("token", format!("{} ({})", self.mint, count(self.mint_decimals, "decimal"))),
            ("base price", self.price(self.base_price_per_kwh)),
            ("reserve", format!("{reserve_price}, of the bus's own offers")),
            ("capacity", format_energy(self.capacity_wh)),
            ("least size", format_energy(self.least_wh)),
        ];
        fields.extend(self.terms.fields(self.mint_decimals));
        fields.extend([
            ("fees go to", self.grid_recipient.clone().unwrap_or_else(|| "the treasury".to_owned())),
            ("horizon", format_duration(self.horizon_seconds.into())),
            ("listing", self.listing.to_owned()),
            ("operator", self.operator.clone().unwrap_or_else(|| "none".to_owned())),
            ("approvals", format!("{} of {owners}, {} to pause", self.threshold, self.pause_quorum)),
            ("timelock", format_duration(self.timelock_seconds.into())),
            ("lock fee", format_share(self.lock_fee_bps)),
            ("state", self.state().to_owned()),
            ("treasury", self.treasury.clone()),
            ("unclaimed", self.unclaimed.clone()),
            ("escrow", self.escrow.clone()),
            ("version", self.config_version.to_string()),
            ("created", format_time(self.created_at)),
        ]);
        page.fields(fields);
        if let Some(next) = &self.next_terms {
            page.line("");
            page.line(format!("from {} on", next.starts_at()));
            page.fields(next.fields(self.mint_decimals));
        }
        page.line("");
        page.table(
            &["owner", ">share"],
            self.owners.iter().map(|owner| vec![owner.owner.clone(), format_share(owner.share_bps)]),
        );
    }
}

/// What is open on a bus, and the money that is kept for others than its owners, in token base units.
#[derive(Serialize)]
struct MoneyView {
    open_sellers: u32,
    open_windows: u32,
    open_proposals: u32,
    open_claims: u32,
    open_offers: u64,
    open_locks: u64,
    /// What sellers can withdraw now.
    released_base_units: u64,
    /// What open offers on purchase terms sold and nobody has collected yet, less the grid fees.
    proceeds_base_units: u64,
    /// What the vaults hold for locks.
    deposits_base_units: u64,
    /// What was paid on delivery terms and is neither released nor paid back yet.
    held_base_units: u64,
    /// What waits in the vaults for the grid.
    grid_fees_base_units: u64,
    open_books: u64,
    open_positions: u64,
    open_bids: u64,
    /// What the escrow holds for bids, and on delivery terms for what they got.
    escrowed_base_units: u64,
    /// What could not be paid, and waits as claims.
    unclaimed_base_units: u64,
}

impl MoneyView {
    fn of(
        ledger: &Ledger,
        sellers: &[Keyed<Seller>],
        offers: &[Keyed<Offer>],
        books: &[Keyed<DeliveryBook>],
        capacities: &[Keyed<Capacity>],
    ) -> Self {
        let sum = |amounts: &mut dyn Iterator<Item = u64>| amounts.fold(0, u64::saturating_add);
        let money: Vec<_> = sellers.iter().map(|seller| SellerMoney::new(seller, offers, books, 0)).collect();
        let of_sellers = |amount: fn(&SellerMoney) -> u64| sum(&mut money.iter().map(amount));
        Self {
            open_sellers: ledger.open_sellers,
            open_windows: ledger.open_windows,
            open_proposals: ledger.open_proposals,
            open_claims: ledger.open_claims,
            open_offers: offers.len() as u64,
            open_locks: sum(&mut offers.iter().map(|offer| u64::from(offer.open_locks))),
            released_base_units: of_sellers(|money| money.released),
            proceeds_base_units: of_sellers(|money| money.proceeds),
            deposits_base_units: of_sellers(|money| money.deposits),
            held_base_units: of_sellers(|money| money.held),
            grid_fees_base_units: of_sellers(|money| money.grid_fees),
            open_books: books.len() as u64,
            open_positions: sum(&mut books.iter().map(|book| u64::from(book.open_positions))),
            open_bids: sum(&mut capacities.iter().map(|capacity| u64::from(capacity.open_bids))),
            escrowed_base_units: sum(&mut capacities.iter().map(|capacity| capacity.escrowed)),
            unclaimed_base_units: ledger.unclaimed_total,
        }
    }
}

#[derive(Serialize)]
struct Created {
    #[serde(flatten)]
    bus: BusView,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Created {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.bus.address.clone()])
    }

    fn text(&self, page: &mut Page) {
        page.line(format!("created the bus {}", self.bus.name));
        page.line(format!("bus        {}", self.bus.address));
        signature_line(page, &self.transaction);
    }
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    bus: BusView,
    former_owners: Vec<FormerOwnerView>,
    treasury_balance_base_units: u64,
    /// Revenue that came while the treasury was frozen, and waits in the unclaimed account.
    treasury_diverted_base_units: u64,
    treasury_claimable_base_units: u64,
    #[serde(flatten)]
    money: MoneyView,
    meters: u64,
    /// Sold in all windows that are open, also by offers that are open.
    sold_wh: u64,
    capacities: Vec<WindowView>,
}

impl View for Shown {
    fn text(&self, page: &mut Page) {
        let tokens = |amount| format!("{} tokens", format_scaled(amount, self.bus.mint_decimals as usize));
        self.bus.fields(page);
        if !self.former_owners.is_empty() {
            page.line("");
            page.table(
                &["former owner", ">claimable"],
                self.former_owners.iter().map(|former| vec![former.owner.clone(), tokens(former.claimable_base_units)]),
            );
        }
        let money = &self.money;
        page.line("");
        page.line(format!(
            "the treasury holds {}, owners may claim {}",
            tokens(self.treasury_balance_base_units),
            tokens(self.treasury_claimable_base_units)
        ));
        if self.treasury_diverted_base_units > 0 {
            page.line(format!(
                "  of that {} came while the treasury was frozen, and waits beside it",
                tokens(self.treasury_diverted_base_units)
            ));
        }
        page.line(format!(
            "the vaults hold for {}: {} to withdraw,",
            count(money.open_sellers, "seller"),
            tokens(money.released_base_units)
        ));
        page.line(format!(
            "  {} that {} sold, {} of deposits for {}",
            tokens(money.proceeds_base_units),
            count(money.open_offers, "open offer"),
            tokens(money.deposits_base_units),
            count(money.open_locks, "lock")
        ));
        if money.open_books > 0 {
            page.line(format!(
                "  {} in {} for deliveries that are not settled",
                tokens(money.held_base_units),
                count(money.open_books, "book")
            ));
        }
        if money.open_bids > 0 || money.escrowed_base_units > 0 {
            page.line(format!(
                "the escrow holds {} for {}",
                tokens(money.escrowed_base_units),
                count(money.open_bids, "bid")
            ));
        }
        if money.grid_fees_base_units > 0 {
            page.line(format!("  {} for the grid, see `multibus grid sweep`", tokens(money.grid_fees_base_units)));
        }
        if money.open_claims > 0 {
            page.line(format!(
                "{} could not be paid: {}, see `multibus claim list --bus`",
                tokens(money.unclaimed_base_units),
                count(money.open_claims, "claim")
            ));
        }
        page.line("");
        let windowed = self.bus.terms.has_windows();
        // The general capacity of a bus with windows sells nothing.
        let rows = self.capacities.iter().filter(|capacity| !windowed || capacity.window_start != 0);
        page.table(
            &["window", ">available", ">listed", ">sold", ">offers"],
            rows.map(|capacity| {
                vec![
                    if capacity.window_start == 0 { "(all)".to_owned() } else { format_time(capacity.window_start) },
                    format_energy(capacity.available_wh),
                    format_energy(capacity.listed_wh),
                    format_energy(capacity.sold_wh),
                    capacity.open_offers.to_string(),
                ]
            }),
        );
        if self.bus.closing {
            page.line("");
            page.line("the bus is closing; what is left to end, and the last step, say:");
            page.line(format!("  multibus bus close {}", self.bus.address));
        }
    }
}

/// What is left of a closed bus.
#[derive(Serialize)]
struct Stone {
    address: String,
    /// Always true: an open bus has no such field.
    closed: bool,
    bus_seq: u64,
    closed_at: i64,
    creator: String,
    #[serde(flatten)]
    token: Token,
    token_program: String,
    unclaimed: String,
    open_claims: u32,
    unclaimed_base_units: u64,
}

impl Stone {
    fn of(stone: &Keyed<Tombstone>, claims: &[Keyed<Claim>], token: Token) -> Self {
        Self {
            address: stone.address.to_string(),
            closed: true,
            bus_seq: stone.bus_seq,
            closed_at: stone.closed_at,
            creator: stone.creator.to_string(),
            token,
            token_program: stone.token_program.to_string(),
            unclaimed: stone.unclaimed.to_string(),
            open_claims: stone.open_claims,
            unclaimed_base_units: claims.iter().map(|claim| claim.amount).fold(0, u64::saturating_add),
        }
    }
}

impl View for Stone {
    fn text(&self, page: &mut Page) {
        page.fields([
            ("bus", self.address.clone()),
            ("state", format!("closed at {}", format_time(self.closed_at))),
            ("creator", self.creator.clone()),
            ("token", self.token.mint().to_owned()),
            (
                "claims",
                format!(
                    "{}, {} tokens",
                    count(self.open_claims, "claim"),
                    self.token.format(self.unclaimed_base_units)
                ),
            ),
        ]);
        if self.open_claims > 0 {
            page.line("");
            page.line("they stay payable for good:");
            page.line(format!("  multibus claim list --bus {}", self.address));
        }
    }
}

/// An owner's part of what the treasury held when the bus closed.
#[derive(Serialize)]
struct ShareView {
    owner: String,
    amount_base_units: u64,
}

#[derive(Serialize)]
struct Closed {
    bus: String,
    name: String,
    /// What was divided among the owners; `null` where the node kept no log of the closing.
    divided_base_units: Option<u64>,
    shares: Option<Vec<ShareView>>,
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
        page.line(format!("closed the bus {}", self.name));
        page.line(format!("bus        {}", self.bus));
        signature_line(page, &self.transaction);
        let due: Vec<_> = self.shares.iter().flatten().filter(|share| share.amount_base_units > 0).collect();
        if !due.is_empty() {
            page.line("");
            page.line("the rest of the treasury is divided, each part a claim (`multibus claim pay`):");
            page.table(
                &["owner", ">tokens"],
                due.iter().map(|share| vec![share.owner.clone(), self.token.format(share.amount_base_units)]),
            );
        }
    }
}

#[derive(Serialize)]
struct Listed {
    buses: Vec<BusView>,
}

impl View for Listed {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.buses.iter().map(|bus| bus.address.clone()).collect())
    }

    fn text(&self, page: &mut Page) {
        if self.buses.is_empty() {
            page.line("no buses; create one with `multibus bus create`");
            return;
        }
        page.table(
            &["bus", "name"],
            self.buses.iter().map(|bus| {
                let state = match (bus.closing, bus.paused) {
                    (true, _) => " (closing)",
                    (false, true) => " (paused)",
                    (false, false) => "",
                };
                vec![bus.address.clone(), format!("{}{state}", bus.name)]
            }),
        );
    }
}

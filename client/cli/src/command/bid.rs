//! `multibus bid`: what a buyer offers to pay in the auction that closes a delivery window.

use {
    super::offer::window_start,
    crate::{
        failure::Failure,
        output::{Page, Reply, View, short},
        session::Session,
        terms::format_full_price,
        tokens::Token,
        value::{
            Amount, BidName, Energy, Hex, Window, address as parse_address, format_energy, format_scaled, format_time,
        },
        view::{TransactionView, format_sol, signature_line},
    },
    clap::{Args, Subcommand},
    multibus_client::{
        Address, Error, Keyed, PricePerKwh, Wh,
        account::MarketAccount,
        address,
        auction::{AuctionPhase, BidPreview, BidQuote, Capacity, Side, WindowBook, order_of_bid, phase_name},
        bid::{Bid, BidFilter, BidOrder, BidState, Placed},
        event::Event,
        multibus::{constants::AUCTION_CLOSING_SECONDS, state::Bus},
        terms::Terms,
    },
    serde::Serialize,
    std::collections::{HashMap, hash_map::Entry},
};

#[derive(Subcommand, Debug)]
pub enum BidCommand {
    Create(CreateArgs),
    List(ListArgs),
    Show(ShowArgs),
    Cancel(CancelArgs),
}

/// Bid for energy of a window, in the auction that closes it
///
/// The full cost at the limit is deposited. At the gate one price clears all bids and offers: a bid above it gets all of its
/// energy, a bid at it its share, a bid below it nothing. It pays that price, never more, and the rest of the deposit comes
/// back. Until 300 s before the gate it can be cancelled.
///
/// Limits contain the grid fee. What is paid on delivery terms waits until meters have said what was delivered; the rest comes
/// back.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus bid create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      --energy 2kWh --max-price 0.30tokens --window next
  multibus bid create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      --energy 2kWh --max-price 0.30tokens --window +1h --dry-run")]
pub struct CreateArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
    /// Energy to bid for, such as 1500Wh or 1.5kWh
    #[arg(long, allow_negative_numbers = true)]
    energy: Energy,
    /// Highest price per kWh, grid fee included
    #[arg(long, value_name = "PRICE", allow_negative_numbers = true)]
    max_price: Amount,
    /// Delivery window: 'next', its start, or a wait that is rounded up to one
    #[arg(long, value_name = "START")]
    window: Option<Window>,
    /// Token account that gets what comes back [default: the one that pays]
    #[arg(long, value_name = "TOKEN_ACCOUNT", value_parser = parse_address)]
    refund: Option<Address>,
    /// Only show the deposit, and what the bid would get if the auction were now
    #[arg(long)]
    dry_run: bool,
}

/// List the bids of a wallet, of a bus or of a window that are open
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus bid list
  multibus bid list 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC
  multibus bid list --bus BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      --window 2027-01-15T08:00:00Z")]
pub struct ListArgs {
    /// Only bids of this wallet [default: the signing wallet, unless a bus is named]
    #[arg(value_name = "WALLET", value_parser = parse_address)]
    wallet: Option<Address>,
    /// Only bids on this bus
    #[arg(long, value_name = "BUS", value_parser = parse_address)]
    bus: Option<Address>,
    /// Only bids in this delivery window
    #[arg(long, value_name = "START", requires = "bus")]
    window: Option<Window>,
}

/// Show a bid that is open, and what it gets; `tx verify` tells what became of one that ended
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus bid show 9Ln7MCshW9zShxjTXRHp5h4S18GcT3b1nfCWaKaBFCdE
  multibus bid show \\
      5d1f3e7c9a0b2d4f6e8c0a1b3d5f7e9c1a2b4d6f8e0c1a3b5d7f9e1c2a4b6d8f")]
pub struct ShowArgs {
    /// The bid's address or transaction hash
    #[arg(value_name = "BID")]
    bid: BidName,
}

/// Withdraw a bid: its deposit and its rent come back; until 300 s before the gate
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus bid cancel 9Ln7MCshW9zShxjTXRHp5h4S18GcT3b1nfCWaKaBFCdE")]
pub struct CancelArgs {
    /// The bid's address or transaction hash
    #[arg(value_name = "BID")]
    bid: BidName,
    /// Token account that gets the deposit [default: the bid's refund account]
    #[arg(long, value_name = "TOKEN_ACCOUNT", value_parser = parse_address)]
    to: Option<Address>,
}

/// Runs a verb of `bid`.
///
/// # Errors
/// Where the chain or the program refuses.
pub async fn run(command: BidCommand, session: &Session) -> Result<Reply, Failure> {
    match command {
        BidCommand::Create(args) => create(&args, session).await,
        BidCommand::List(args) => list(&args, session).await,
        BidCommand::Show(args) => show(&args.bid, session).await,
        BidCommand::Cancel(args) => cancel(&args, session).await,
    }
}

async fn create(args: &CreateArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let bus = market.bus(&args.bus).await?;
    let now = session.now().await?;
    let window_start = auction_window(args.window, &bus, now)?;
    let capacity = market.find_capacity(&bus.address, window_start).await?;
    let terms = capacity.map_or(*bus.terms_at(window_start), |capacity| capacity.terms);
    let (energy_wh, max_price_per_kwh) = (args.energy.wh, args.max_price.base_units(bus.mint_decimals)?);
    validate(energy_wh, max_price_per_kwh, &bus, &terms, window_start, capacity.as_ref(), now)?;
    session.require_token_account(&wallet.address(), &bus.address).await?;
    let order = BidOrder {
        refund: args.refund,
        ..BidOrder::new(bus.address, window_start, Wh(energy_wh), PricePerKwh(max_price_per_kwh))
    };
    if args.dry_run {
        let quote = wallet.bid_quote(&order).await?;
        return Ok(Box::new(Quoted::of(&order, &quote, capacity.is_none(), &terms, &bus)));
    }
    let placed = wallet.bid(&order).await?;
    Ok(Box::new(Created {
        bid: BidView::placed(&placed, &order, &terms, &bus, &wallet.address()),
        lane: placed.lane,
        nonce: placed.nonce,
        signature: placed.signature.to_string(),
        slot: placed.slot,
        compute_units: placed.compute_units,
        attempts: placed.attempts,
        opened_window: match capacity {
            Some(_) => None,
            None => Some(OpenedWindow {
                address: address::capacity(&bus.address, window_start).to_string(),
                rent_lamports: session.chain().minimum_rent(Capacity::len()).await?,
            }),
        },
    }))
}

/// Start of the window that is meant, of a bus that has windows with auctions.
///
/// # Errors
/// Where no window starts there, or no auction closes it.
fn auction_window(window: Option<Window>, bus: &Keyed<Bus>, now: i64) -> Result<i64, Failure> {
    let has_auctions = bus.terms_at(now).has_auction() || (bus.next_terms.from > now && bus.next_terms.has_auction());
    if !has_auctions {
        return Err(no_auction(&bus.address));
    }
    window_start(window, bus, now)
}

fn no_auction(bus: &Address) -> Failure {
    Failure::sentence(format!(
        "no auction closes the windows of the bus {bus}; buy from its offers with `multibus buy {bus}` (its owners decide on \
         auctions with `multibus proposal create {bus} terms --auction on`)"
    ))
}

/// Refuses a bid that the program would refuse, in the words of the command line.
fn validate(
    energy_wh: u64,
    max_price_per_kwh: u64,
    bus: &Keyed<Bus>,
    terms: &Terms,
    window_start: i64,
    capacity: Option<&Keyed<Capacity>>,
    now: i64,
) -> Result<(), Failure> {
    if !terms.has_auction() {
        return Err(no_auction(&bus.address));
    }
    let gate = terms.gate_closes_at(window_start);
    if now >= gate {
        return Err(Failure::sentence(format!(
            "the gate of the window {} closed at {}, and its auction takes no more bids; bid in a later window, such as \
             `--window next`",
            format_time(window_start),
            format_time(gate)
        )));
    }
    let tokens = |amount| format_scaled(amount, bus.mint_decimals.into());
    let fee = terms.grid_fee_per_kwh;
    let least = fee.saturating_add(bus.base_price_per_kwh);
    if max_price_per_kwh < least {
        return Err(Failure::sentence(format!(
            "a limit of {} tokens/kWh is below the least that any offer costs, {} tokens/kWh: the base price {} and the grid \
             fee {}; bid at least `--max-price {}tokens`",
            tokens(max_price_per_kwh),
            tokens(least),
            tokens(bus.base_price_per_kwh),
            tokens(fee),
            tokens(least)
        )));
    }
    if energy_wh < bus.least_wh {
        return Err(Failure::sentence(format!(
            "{} are less than the least size of the bus, {}; bid for more",
            format_energy(energy_wh),
            format_energy(bus.least_wh)
        )));
    }
    let total_wh = capacity.map_or(bus.capacity_wh, |capacity| capacity.total_wh);
    if energy_wh > total_wh {
        return Err(Failure::sentence(format!(
            "{} are more than the window can sell, {}; bid for less",
            format_energy(energy_wh),
            format_energy(total_wh)
        )));
    }
    Ok(())
}

/// Where the auction of a window stands before its gate.
fn auction_phase(terms: &Terms, window_start: i64, now: i64) -> AuctionPhase {
    match now < terms.gate_closes_at(window_start).saturating_sub(AUCTION_CLOSING_SECONDS) {
        true => AuctionPhase::Trading,
        false => AuctionPhase::Closing,
    }
}

async fn list(args: &ListArgs, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let now = session.now().await?;
    let window_start = match (args.bus, args.window) {
        (Some(bus), Some(window)) => {
            let bus = market.bus(&bus).await?;
            Some(window_start(Some(window), &bus, now)?)
        }
        _ => None,
    };
    let buyer = match args.wallet {
        None if args.bus.is_none() => Some(session.address_or_own(None)?),
        named => named,
    };
    let mut bids = market.bids(&BidFilter { bus: args.bus, window_start, buyer }).await?;
    bids.sort_by_key(|bid| (bid.window_start, bid.bus, bid.created_at, bid.address));
    Ok(Box::new(Listed { bids: BidView::all(&bids, session).await? }))
}

async fn show(name: &BidName, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let bid = load(name, session).await?;
    let book = market.book(&bid.bus, bid.window_start).await?;
    let gets_wh = gets(&bid, &book);
    let bid = BidView::of(&bid, &book.bus, Some(&book.capacity), book.now);
    Ok(Box::new(Shown { bid, gets_wh, proven: book.is_proven() }))
}

/// What a bid got, or gets at least: as proven, else if the auction were now.
pub fn gets(bid: &Bid, book: &WindowBook) -> u64 {
    match order_of_bid(bid) {
        Some(order) => book.cleared().share_of(&order),
        None => bid.allotted_wh,
    }
}

/// The open bid of that name.
///
/// # Errors
/// Where there is none.
pub async fn load(name: &BidName, session: &Session) -> Result<Keyed<Bid>, Failure> {
    let market = session.market();
    match (market.bid(&name.address()).await, name) {
        (Err(Error::NotFound { .. }), BidName::Hash(hash)) => {
            let hash = Hex(hash);
            Err(Failure::sentence(format!(
                "no bid with the hash {hash} is open; `multibus tx verify {hash}` tells whether it was made and what became of \
                 it"
            )))
        }
        (found, _) => Ok(found?),
    }
}

async fn cancel(args: &CancelArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let bid = load(&args.bid, session).await?;
    if bid.buyer != wallet.address() {
        return Err(Failure::sentence(format!(
            "the bid {} belongs to {}, not to {}; sign with its buyer's wallet",
            bid.address,
            bid.buyer,
            wallet.address()
        )));
    }
    let bus = session.market().bus(&bid.bus).await?;
    let sent = wallet.bid_cancel(&bid.address, args.to.as_ref()).await?;
    let event = sent.events.iter().find_map(|event| match event {
        Event::BidCancelled(event) => Some(event),
        _ => None,
    });
    Ok(Box::new(Cancelled {
        bid: bid.address.to_string(),
        bus: bid.bus.to_string(),
        window_start: bid.window_start,
        energy_wh: bid.energy_wh,
        returned_base_units: event.map_or(bid.deposit, |event| event.deposit),
        returned_to: event.map_or(args.to.unwrap_or(bid.refund), |event| event.destination).to_string(),
        token: Token::of(&bus),
        transaction: TransactionView::from(&sent),
    }))
}

/// A window that the first bid in it opened.
#[derive(Serialize)]
struct OpenedWindow {
    address: String,
    rent_lamports: u64,
}

/// A bid whose account is open.
#[derive(Clone, Serialize)]
pub struct BidView {
    pub address: String,
    pub bus: String,
    pub buyer: String,
    pub window_start: i64,
    /// `null` where the node does not show the window.
    gate_closes_at: Option<i64>,
    /// `open`, `filled` (on delivery terms: what was sold is not delivered yet) or `refunded`.
    state: &'static str,
    /// Where the auction of its window stands: `trading`, `closing`, `fixed`, `cleared` or `over`.
    auction: &'static str,
    pub energy_wh: u64,
    /// Grid fee included.
    pub max_price_per_kwh: u64,
    /// The limit less the grid fee, which the auction compares with the asks.
    price_per_kwh: u64,
    /// What the escrow holds for it.
    pub deposit_base_units: u64,
    /// The part of the deposit that is spent.
    paid_base_units: u64,
    allotted_wh: u64,
    delivered_wh: u64,
    certified_wh: u64,
    /// Token account that gets what comes back.
    refund: String,
    pub transaction_hash: String,
    created_at: i64,
    #[serde(flatten)]
    pub token: Token,
}

impl BidView {
    pub fn of(bid: &Keyed<Bid>, bus: &Keyed<Bus>, capacity: Option<&Keyed<Capacity>>, now: i64) -> Self {
        Self {
            address: bid.address.to_string(),
            bus: bid.bus.to_string(),
            buyer: bid.buyer.to_string(),
            window_start: bid.window_start,
            gate_closes_at: capacity.map(|capacity| capacity.gate_closes_at),
            state: match BidState::try_from(bid.state) {
                Ok(BidState::Open) => "open",
                Ok(BidState::Filled) => "filled",
                Ok(BidState::Refunded) => "refunded",
                Err(_) => "unknown",
            },
            auction: phase_name(capacity.map_or(AuctionPhase::Off, |capacity| capacity.phase(now))),
            energy_wh: bid.energy_wh,
            max_price_per_kwh: bid.max_price_per_kwh,
            price_per_kwh: bid.price_per_kwh,
            deposit_base_units: bid.deposit,
            paid_base_units: bid.paid,
            allotted_wh: bid.allotted_wh,
            delivered_wh: bid.delivered_wh,
            certified_wh: bid.certified_wh,
            refund: bid.refund.to_string(),
            transaction_hash: multibus_client::text::hex(&bid.transaction_hash),
            created_at: bid.created_at,
            token: Token::of(bus),
        }
    }

    /// Bids on any number of buses.
    ///
    /// # Errors
    /// Where the chain cannot be reached.
    pub async fn all(bids: &[Keyed<Bid>], session: &Session) -> Result<Vec<Self>, Failure> {
        let market = session.market();
        let now = session.now().await?;
        let mut buses: HashMap<Address, Keyed<Bus>> = HashMap::new();
        let mut capacities: HashMap<Address, Keyed<Capacity>> = HashMap::new();
        let mut views = Vec::with_capacity(bids.len());
        for bid in bids {
            let bus = match buses.entry(bid.bus) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    let of_bus = market.capacities(&bid.bus).await?;
                    capacities.extend(of_bus.into_iter().map(|capacity| (capacity.address, capacity)));
                    unknown.insert(market.bus(&bid.bus).await?)
                }
            };
            views.push(Self::of(bid, bus, capacities.get(&bid.capacity), now));
        }
        Ok(views)
    }

    /// A bid that was made a moment ago, as its transaction says: another node of the provider may not show its account yet.
    fn placed(placed: &Placed, order: &BidOrder, terms: &Terms, bus: &Keyed<Bus>, buyer: &Address) -> Self {
        let own = address::associated_token(buyer, &bus.mint, &bus.token_program);
        Self {
            address: placed.address.to_string(),
            bus: bus.address.to_string(),
            buyer: buyer.to_string(),
            window_start: order.window_start,
            gate_closes_at: Some(terms.gate_closes_at(order.window_start)),
            state: "open",
            auction: phase_name(auction_phase(terms, order.window_start, placed.created_at)),
            energy_wh: placed.energy_wh,
            max_price_per_kwh: placed.max_price_per_kwh,
            price_per_kwh: placed.max_price_per_kwh.saturating_sub(terms.grid_fee_per_kwh),
            deposit_base_units: placed.deposit,
            paid_base_units: 0,
            allotted_wh: 0,
            delivered_wh: 0,
            certified_wh: 0,
            refund: order.refund.or(order.payment).unwrap_or(own).to_string(),
            transaction_hash: placed.transaction_hash.to_string(),
            created_at: placed.created_at,
            token: Token::of(bus),
        }
    }

    /// Writes the limit: `0.3 tokens/kWh, of it 0.05 for the grid`.
    fn limit(&self) -> String {
        let fee = self.max_price_per_kwh.saturating_sub(self.price_per_kwh);
        format_full_price(self.max_price_per_kwh, fee, self.token.mint_decimals())
    }

    /// Where it stands, for its buyer.
    fn words(&self) -> &'static str {
        match (self.state, self.auction) {
            ("open", "trading") => "open",
            ("open", "closing") => "open, stays",
            ("open", "fixed") => "to be cleared",
            ("open", "cleared") => "to be settled",
            ("open", "over") => "to be returned",
            ("filled", _) => "waits for meters",
            ("refunded", _) => "delivered",
            (state, _) => state,
        }
    }
}

#[derive(Serialize)]
struct Created {
    #[serde(flatten)]
    bid: BidView,
    lane: u16,
    nonce: u64,
    signature: String,
    slot: u64,
    compute_units: u64,
    attempts: u32,
    /// `null` where the window was open before.
    opened_window: Option<OpenedWindow>,
}

impl View for Created {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.bid.transaction_hash.clone()])
    }

    fn text(&self, page: &mut Page) {
        let bid = &self.bid;
        if let Some(window) = &self.opened_window {
            let rent = format_sol(window.rent_lamports);
            page.line(format!("opened the window: its rent, {rent}, comes back when it is closed"));
        }
        page.line(format!(
            "bid for {}, deposited {} tokens",
            format_energy(bid.energy_wh),
            bid.token.format(bid.deposit_base_units)
        ));
        page.fields([
            ("limit", bid.limit()),
            ("bid", bid.address.clone()),
            ("window", format_time(bid.window_start)),
            ("gate", bid.gate_closes_at.map(format_time).unwrap_or_default()),
            ("transaction hash", bid.transaction_hash.clone()),
            ("signature", self.signature.clone()),
        ]);
    }
}

/// What the auction would give a bid, if it were now.
#[derive(Serialize)]
struct PreviewView {
    /// What the bid would get at least: rounding can add 1 Wh.
    energy_wh: u64,
    /// Grid fee included; `null` where nothing would be sold.
    full_price_per_kwh: Option<u64>,
    cost_base_units: u64,
    returned_base_units: u64,
    /// What all bids would get together.
    volume_wh: u64,
    /// `bid`, `ask` or `null`.
    rationed: Option<&'static str>,
}

impl PreviewView {
    fn of(preview: &BidPreview) -> Self {
        let volume_wh = preview.cleared.volume_wh;
        Self {
            energy_wh: preview.energy_wh,
            full_price_per_kwh: (volume_wh > 0).then_some(preview.full_price_per_kwh),
            cost_base_units: preview.cost,
            returned_base_units: preview.returned,
            volume_wh,
            rationed: preview.cleared.rationed.map(Side::name),
        }
    }
}

/// A bid that was only quoted.
#[derive(Serialize)]
struct Quoted {
    dry_run: bool,
    bus: String,
    window_start: i64,
    gate_closes_at: i64,
    energy_wh: u64,
    max_price_per_kwh: u64,
    grid_fee_per_kwh: u64,
    deposit_base_units: u64,
    /// Whether the bid would be the first thing in its window, and open it.
    opens_window: bool,
    /// If the auction were now.
    now: PreviewView,
    /// `null` where the lane is not open, so that its first nonce is not known yet; as the two below.
    transaction_hash: Option<String>,
    address: Option<String>,
    lane: u16,
    nonce: Option<u64>,
    #[serde(flatten)]
    token: Token,
}

impl Quoted {
    fn of(order: &BidOrder, quote: &BidQuote, opens_window: bool, terms: &Terms, bus: &Keyed<Bus>) -> Self {
        Self {
            dry_run: true,
            bus: bus.address.to_string(),
            window_start: order.window_start,
            gate_closes_at: terms.gate_closes_at(order.window_start),
            energy_wh: order.energy_wh,
            max_price_per_kwh: order.max_price_per_kwh,
            grid_fee_per_kwh: terms.grid_fee_per_kwh,
            deposit_base_units: quote.deposit,
            opens_window,
            now: PreviewView::of(&quote.preview),
            transaction_hash: quote.transaction_hash.map(|hash| hash.to_string()),
            address: quote.address.map(|address| address.to_string()),
            lane: quote.lane,
            nonce: quote.nonce,
            token: Token::of(bus),
        }
    }
}

impl View for Quoted {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.transaction_hash.iter().cloned().collect())
    }

    fn text(&self, page: &mut Page) {
        let tokens = |amount| format!("{} tokens", self.token.format(amount));
        page.line(format!(
            "a bid for {} would deposit {}; nothing was sent",
            format_energy(self.energy_wh),
            tokens(self.deposit_base_units)
        ));
        let decimals = self.token.mint_decimals();
        let mut fields = vec![
            ("limit", format_full_price(self.max_price_per_kwh, self.grid_fee_per_kwh, decimals)),
            ("window", format_time(self.window_start)),
            ("gate", format_time(self.gate_closes_at)),
        ];
        if let Some(hash) = &self.transaction_hash {
            fields.push(("transaction hash", hash.clone()));
        }
        page.fields(fields);
        let now = &self.now;
        match (now.energy_wh, now.full_price_per_kwh) {
            (0, None) => page.line("if the auction were now, nothing would be sold"),
            (0, Some(price)) => {
                page.line(format!("if the auction were now, it would get nothing: the price is {}/kWh", tokens(price)));
            }
            (energy_wh, price) => {
                page.line(format!(
                    "if the auction were now, it would get {} at {}/kWh",
                    format_energy(energy_wh),
                    tokens(price.unwrap_or_default())
                ));
                page.line(format!(
                    "  for {}; {} would come back",
                    tokens(now.cost_base_units),
                    tokens(now.returned_base_units)
                ));
            }
        }
        if self.transaction_hash.is_none() {
            page.line(format!("the hash is known once lane {} is open: `multibus trader open`", self.lane));
        }
        if self.opens_window {
            page.line("the window is not open yet; the bid would open it, and its rent comes back");
        }
    }
}

#[derive(Serialize)]
struct Listed {
    bids: Vec<BidView>,
}

impl View for Listed {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.bids.iter().map(|bid| bid.transaction_hash.clone()).collect())
    }

    fn text(&self, page: &mut Page) {
        if self.bids.is_empty() {
            page.line("no bids are open; make one with `multibus bid create`");
            return;
        }
        let mut rest = self.bids.as_slice();
        while let Some(first) = rest.first() {
            let is_of_window = |bid: &BidView| bid.bus == first.bus && bid.window_start == first.window_start;
            let end = rest.iter().position(|bid| !is_of_window(bid)).unwrap_or(rest.len());
            let (of_window, others) = rest.split_at(end);
            page.line(format!("window {} of {}", format_time(first.window_start), first.bus));
            page.table(
                &["bid", ">energy", ">limit", "state"],
                of_window.iter().map(|bid| {
                    vec![
                        bid.address.clone(),
                        format_energy(bid.energy_wh),
                        bid.token.format(bid.max_price_per_kwh),
                        bid.words().to_owned(),
                    ]
                }),
            );
            if !others.is_empty() {
                page.line("");
            }
            rest = others;
        }
    }
}

/// Writes what bids got on delivery terms as a table.
pub fn filled_table(page: &mut Page, bids: &[BidView]) {
    page.table(
        &["window", ">bought", ">paid", ">delivered", "state", "bid"],
        bids.iter().map(|bid| {
            vec![
                format_time(bid.window_start),
                format_energy(bid.allotted_wh),
                bid.token.format(bid.paid_base_units),
                format_energy(bid.delivered_wh),
                bid.words().to_owned(),
                short(&bid.address),
            ]
        }),
    );
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    bid: BidView,
    /// What it got, or gets at least.
    gets_wh: u64,
    /// Whether the chain has checked the price; else it is what the present book would give.
    proven: bool,
}

impl View for Shown {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.bid.transaction_hash.clone()])
    }

    fn text(&self, page: &mut Page) {
        let bid = &self.bid;
        let tokens = |amount| format!("{} tokens", bid.token.format(amount));
        let gets = format_energy(self.gets_wh);
        let mut fields = vec![
            ("bid", bid.address.clone()),
            ("bus", bid.bus.clone()),
            ("buyer", bid.buyer.clone()),
            ("window", format_time(bid.window_start)),
            ("gate", bid.gate_closes_at.map(format_time).unwrap_or_default()),
            ("state", bid.words().to_owned()),
            ("energy", format_energy(bid.energy_wh)),
            ("limit", bid.limit()),
            (
                "gets",
                match (bid.state, self.proven) {
                    ("open", true) => gets,
                    ("open", false) => format!("{gets}, if the auction were now"),
                    _ => format!("{gets} for {}", tokens(bid.paid_base_units)),
                },
            ),
            ("in escrow", tokens(bid.deposit_base_units)),
            ("refunds to", bid.refund.clone()),
        ];
        if bid.state == "refunded" {
            let certified = format_energy(bid.certified_wh);
            fields.push(("delivered", format!("{}, of it {certified} certified", format_energy(bid.delivered_wh))));
        }
        fields.push(("transaction hash", bid.transaction_hash.clone()));
        fields.push(("created", format_time(bid.created_at)));
        page.fields(fields);
        if bid.state == "refunded" && bid.certified_wh < bid.delivered_wh {
            page.line("");
            page.line("take certificates of what was delivered:");
            page.line(format!("  multibus certificate take --bid {}", bid.address));
        }
    }
}

#[derive(Serialize)]
struct Cancelled {
    bid: String,
    bus: String,
    window_start: i64,
    energy_wh: u64,
    returned_base_units: u64,
    /// Token account that got the deposit.
    returned_to: String,
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
        page.line(format!(
            "cancelled the bid for {}: {} tokens came back",
            format_energy(self.energy_wh),
            self.token.format(self.returned_base_units)
        ));
        page.line(format!("paid to    {}", self.returned_to));
        signature_line(page, &self.transaction);
    }
}

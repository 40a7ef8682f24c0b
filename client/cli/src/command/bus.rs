//! `multibus bus`: energy networks.

use {
    super::proposal::{Decided, Did},
    crate::{
        failure::Failure,
        output::{Page, Reply, View},
        session::Session,
        value::{
            Amount, Energy, Listing, OwnerShareArg, Seconds, Share, address, format_duration, format_energy,
            format_scaled, format_share, format_time,
        },
        view::{TransactionView, signature_line},
    },
    clap::{Args, Subcommand},
    multibus_client::{
        Address, Keyed,
        multibus::{
            constants::FULL_SHARE_BPS,
            state::{self, Bus, BusConfig, Capacity},
        },
    },
    serde::Serialize,
};

#[derive(Subcommand, Debug)]
pub enum BusCommand {
    Create(CreateArgs),
    Show(ShowArgs),
    List(ListArgs),
    AddOwner(AddOwnerArgs),
}

/// Create a bus: the network, its capacity, escrow and treasury
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus bus create --name \"Sunny Street\" \\
      --mint DnS7SjFqpH6ZLUx6RahTfPjVAgNy6ZxvRtcnvVZTrsDN \\
      --capacity 500kWh --base-price 0.10tokens
  multibus bus create --name Village \\
      --mint DnS7SjFqpH6ZLUx6RahTfPjVAgNy6ZxvRtcnvVZTrsDN \\
      --capacity 50kWh --base-price 100000 \\
      --window 15m --gate-closure 5m --listing open
  multibus bus create --name \"Sunny Street\" \\
      --mint DnS7SjFqpH6ZLUx6RahTfPjVAgNy6ZxvRtcnvVZTrsDN \\
      --capacity 500kWh --base-price 0.10tokens \\
      --owner 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC=60% \\
      --owner Ggagb2sMJKNhqg4P3Np3F4C7eVYPwK5jJAY57BJk3QMG=40% \\
      --threshold 2 --pause-quorum 1 --timelock 1d")]
pub struct CreateArgs {
    /// Name, 1 to 32 bytes
    #[arg(long)]
    name: String,
    /// Mint of the token that pays
    #[arg(long, value_parser = address)]
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
    /// Length of a delivery window, such as 15m; 0 for no windows
    #[arg(long, value_name = "TIME", default_value = "0")]
    window: Seconds,
    /// How long before a window starts its trading stops
    #[arg(long, value_name = "TIME", default_value = "0")]
    gate_closure: Seconds,
    /// Part of the deposit that an unsettled lock costs, such as 1%
    #[arg(long, value_name = "SHARE", default_value = "0")]
    lock_fee: Share,
    /// Wait before a decision executes
    #[arg(long, value_name = "TIME", default_value = "0")]
    timelock: Seconds,
    /// Number that tells apart the buses of one creator [default: the next free one]
    #[arg(long, value_name = "N")]
    bus_seq: Option<u64>,
}

/// Show a bus, its owners and its capacity
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus bus show BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo
  multibus bus show BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo --output json")]
pub struct ShowArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = address)]
    bus: Address,
}

/// List the buses of the chain, or those that a wallet created or owns a part of
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus bus list
  multibus bus list 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC")]
pub struct ListArgs {
    /// Only buses that this wallet created or owns a part of
    #[arg(value_name = "WALLET", value_parser = address)]
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
    #[arg(value_name = "BUS", value_parser = address)]
    bus: Address,
    /// The new owner's wallet
    #[arg(value_name = "OWNER", value_parser = address)]
    owner: Address,
    /// Share to hand over, out of the signing owner's own
    #[arg(long)]
    share: Share,
}

/// Runs a verb of `bus`.
///
/// # Errors
/// Where the chain or the program refuses.
pub async fn run(command: BusCommand, session: &Session) -> Result<Reply, Failure> {
    match command {
        BusCommand::Create(args) => create(args, session).await,
        BusCommand::Show(args) => show(args.bus, session).await,
        BusCommand::List(args) => list(args, session).await,
        BusCommand::AddOwner(args) => add_owner(args, session).await,
    }
}

async fn create(args: CreateArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let creator = wallet.address();
    let market = session.market();
    let decimals = session.mint_decimals(&args.mint).await?;
    let bus_seq = match args.bus_seq {
        Some(bus_seq) => bus_seq,
        None => wallet.next_bus_seq().await?,
    };
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
        window_seconds: args.window.0,
        gate_closure_seconds: args.gate_closure.0,
        capacity_wh: args.capacity.wh,
        base_price_per_kwh: args.base_price.base_units(decimals)?,
    };
    let created = wallet.bus_create(bus_seq, &args.mint, &config).await?;
    let bus = market.bus(&created.address).await?;
    Ok(Box::new(Created { bus: BusView::of(&bus), transaction: TransactionView::from(&created.sent) }))
}

async fn show(bus: Address, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let bus = market.bus(&bus).await?;
    let mut capacities = market.capacities(&bus.address).await?;
    capacities.sort_by_key(|capacity| capacity.window_start);
    let treasury = market.treasury(&bus.address).await?;
    Ok(Box::new(Shown {
        bus: BusView::of(&bus),
        treasury_balance_base_units: treasury.balance,
        treasury_claimable_base_units: treasury.totals().claimable,
        capacities: capacities.iter().map(CapacityView::of).collect(),
    }))
}

async fn list(args: ListArgs, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let mut buses = match args.wallet {
        Some(wallet) => market.buses_of(&wallet).await?,
        None => market.buses().await?,
    };
    buses.sort_by_key(|bus| (bus.created_at, bus.address.to_bytes()));
    Ok(Box::new(Listed { buses: buses.iter().map(BusView::of).collect() }))
}

async fn add_owner(args: AddOwnerArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let before = session.market().bus(&args.bus).await?;
    let created = wallet.bus_add_owner(&args.bus, &args.owner, args.share.bps).await?;
    Ok(Box::new(Decided::of(&created.address, Did::Proposed, &before, &created.sent, session).await?))
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

#[derive(Serialize)]
struct BusView {
    address: String,
    name: String,
    creator: String,
    bus_seq: u64,
    mint: String,
    mint_decimals: u8,
    token_program: String,
    escrow: String,
    treasury: String,
    owners: Vec<OwnerView>,
    former_owners: Vec<FormerOwnerView>,
    threshold: u8,
    pause_quorum: u8,
    listing: &'static str,
    paused: bool,
    timelock_seconds: u32,
    window_seconds: u32,
    gate_closure_seconds: u32,
    lock_fee_bps: u16,
    capacity_wh: u64,
    base_price_per_kwh: u64,
    config_version: u64,
    created_at: i64,
}

impl BusView {
    fn of(bus: &Keyed<Bus>) -> Self {
        Self {
            address: bus.address.to_string(),
            name: bus.name().to_owned(),
            creator: bus.creator.to_string(),
            bus_seq: bus.bus_seq,
            mint: bus.mint.to_string(),
            mint_decimals: bus.mint_decimals,
            token_program: bus.token_program.to_string(),
            escrow: bus.escrow.to_string(),
            treasury: bus.treasury.to_string(),
            owners: (bus.owners().iter())
                .map(|slot| OwnerView { owner: slot.owner.to_string(), share_bps: slot.share_bps })
                .collect(),
            former_owners: (bus.former_owners.iter().take(usize::from(bus.former_owner_count)))
                .map(|place| FormerOwnerView { owner: place.owner.to_string(), claimable_base_units: place.accrued })
                .collect(),
            threshold: bus.threshold,
            pause_quorum: bus.pause_approvals(),
            listing: if bus.listing_policy == state::ListingPolicy::Open as u8 { "open" } else { "owners" },
            paused: bus.paused != 0,
            timelock_seconds: bus.timelock_seconds,
            window_seconds: bus.window_seconds,
            gate_closure_seconds: bus.gate_closure_seconds,
            lock_fee_bps: bus.lock_fee_bps,
            capacity_wh: bus.capacity_wh,
            base_price_per_kwh: bus.base_price_per_kwh,
            config_version: bus.config_version,
            created_at: bus.created_at,
        }
    }

    fn base_price(&self) -> String {
        format_scaled(self.base_price_per_kwh, self.mint_decimals as usize)
    }

    fn fields(&self, page: &mut Page) {
        let windows = match self.window_seconds {
            0 => "none".to_owned(),
            seconds => format!("{seconds} s each, gate closes {} s before the start", self.gate_closure_seconds),
        };
        page.fields([
            ("bus", self.address.clone()),
            ("name", self.name.clone()),
            ("creator", format!("{} (bus {})", self.creator, self.bus_seq)),
            ("token", format!("{} ({} decimals)", self.mint, self.mint_decimals)),
            ("base price", format!("{} tokens/kWh ({} base units)", self.base_price(), self.base_price_per_kwh)),
            ("capacity", format_energy(self.capacity_wh)),
            ("windows", windows),
            ("listing", self.listing.to_owned()),
            (
                "approvals",
                format!("{} of {} owners, {} to pause", self.threshold, self.owners.len(), self.pause_quorum),
            ),
            ("timelock", format_duration(self.timelock_seconds.into())),
            ("lock fee", format_share(self.lock_fee_bps)),
            ("state", if self.paused { "paused".to_owned() } else { "running".to_owned() }),
            ("escrow", self.escrow.clone()),
            ("treasury", self.treasury.clone()),
            ("version", self.config_version.to_string()),
            ("created", format_time(self.created_at)),
        ]);
        page.line("");
        page.table(
            &["owner", ">share"],
            self.owners.iter().map(|owner| vec![owner.owner.clone(), format_share(owner.share_bps)]),
        );
        if !self.former_owners.is_empty() {
            page.line("");
            page.table(
                &["former owner", ">claimable"],
                self.former_owners.iter().map(|former| {
                    let tokens = format_scaled(former.claimable_base_units, self.mint_decimals as usize);
                    vec![former.owner.clone(), format!("{tokens} tokens")]
                }),
            );
        }
    }
}

#[derive(Serialize)]
struct CapacityView {
    address: String,
    window_start: i64,
    total_wh: u64,
    available_wh: u64,
    listed_wh: u64,
    sold_wh: u64,
    open_offers: u32,
}

impl CapacityView {
    fn of(capacity: &Keyed<Capacity>) -> Self {
        Self {
            address: capacity.address.to_string(),
            window_start: capacity.window_start,
            total_wh: capacity.total_wh,
            available_wh: capacity.available_wh,
            listed_wh: capacity.listed_wh,
            sold_wh: capacity.sold_wh,
            open_offers: capacity.open_offers,
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
    treasury_balance_base_units: u64,
    treasury_claimable_base_units: u64,
    capacities: Vec<CapacityView>,
}

impl View for Shown {
    fn text(&self, page: &mut Page) {
        self.bus.fields(page);
        page.line("");
        let tokens = |amount| format_scaled(amount, self.bus.mint_decimals as usize);
        page.line(format!(
            "the treasury holds {} tokens, owners may claim {}",
            tokens(self.treasury_balance_base_units),
            tokens(self.treasury_claimable_base_units)
        ));
        page.line("");
        let windowed = self.bus.window_seconds != 0;
        // The general capacity of a bus with windows only counts them.
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
                let state = if bus.paused { " (paused)" } else { "" };
                vec![bus.address.clone(), format!("{}{state}", bus.name)]
            }),
        );
    }
}

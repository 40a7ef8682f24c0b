//! `multibus lock`: energy held for 300 seconds.

use {
    super::purchase::{Bought, check_rounding, refuse_own},
    crate::{
        failure::Failure,
        output::{Page, Reply, View},
        session::Session,
        terms::{format_full_price, settlement_of, settlement_words},
        tokens::Token,
        value::{Amount, Energy, address as parse_address, format_energy, format_share, format_time},
        view::{TransactionView, signature_line},
    },
    clap::{Args, Subcommand},
    multibus_client::{
        Address, Keyed, PricePerKwh, Wh, address,
        event::Event,
        lock::{LockFilter, Locked},
        multibus::{
            constants::LOCK_SECONDS,
            math,
            state::{Bus, Lock, LockState, Offer, RefundOutcome},
        },
    },
    serde::Serialize,
    std::collections::{HashMap, hash_map::Entry},
};

#[derive(Subcommand, Debug)]
pub enum LockCommand {
    Take(TakeArgs),
    Settle(SettleArgs),
    Release(ReleaseArgs),
    List(ListArgs),
}

/// Hold part of an offer for 300 s at today's price, against a deposit of the full cost
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus lock take EHdPndFgKSRAY6MGNUmj8zTuRL7jBJPSRVWiLXss9Xcn --energy 2kWh
  multibus lock take EHdPndFgKSRAY6MGNUmj8zTuRL7jBJPSRVWiLXss9Xcn \\
      --energy 2kWh --max-price 0.25tokens")]
pub struct TakeArgs {
    /// The offer
    #[arg(value_name = "OFFER", value_parser = parse_address)]
    offer: Address,
    /// Energy to hold, such as 1500Wh or 1.5kWh
    #[arg(long, allow_negative_numbers = true)]
    energy: Energy,
    /// Highest price per kWh, grid fee included [default: the offer's price]
    #[arg(long, value_name = "PRICE", allow_negative_numbers = true)]
    max_price: Option<Amount>,
    /// Take the lock even where rounding its cost up raises the price per kWh by more than 1 % above the limit
    #[arg(long)]
    allow_rounding: bool,
}

/// Buy what a lock holds with its deposit; works while the bus is paused, too
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus lock settle 9Ln7MCshW9zShxjTXRHp5h4S18GcT3b1nfCWaKaBFCdE")]
pub struct SettleArgs {
    /// The lock
    #[arg(value_name = "LOCK", value_parser = parse_address)]
    lock: Address,
}

/// Give a lock up: the deposit comes back less the lock fee; anyone can once it has expired
///
/// The refund goes to the account that the lock names. Where that cannot be paid, the buyer gets a claim, which `claim pay`
/// pays. Where the token's issuer has frozen the money itself, the lock stays as `unpaid`: release it again later.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus lock release 9Ln7MCshW9zShxjTXRHp5h4S18GcT3b1nfCWaKaBFCdE")]
pub struct ReleaseArgs {
    /// The lock
    #[arg(value_name = "LOCK", value_parser = parse_address)]
    lock: Address,
}

/// List the locks of a wallet, of an offer or of a bus
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus lock list
  multibus lock list 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC
  multibus lock list --offer EHdPndFgKSRAY6MGNUmj8zTuRL7jBJPSRVWiLXss9Xcn")]
pub struct ListArgs {
    /// Only locks of this wallet [default: the signing wallet, unless an offer or a bus is named]
    #[arg(value_name = "WALLET", value_parser = parse_address)]
    wallet: Option<Address>,
    /// Only locks of this offer
    #[arg(long, value_name = "OFFER", value_parser = parse_address)]
    offer: Option<Address>,
    /// Only locks of this bus
    #[arg(long, value_name = "BUS", value_parser = parse_address)]
    bus: Option<Address>,
}

/// Runs a verb of `lock`.
///
/// # Errors
/// Where the chain or the program refuses.
pub async fn run(command: LockCommand, session: &Session) -> Result<Reply, Failure> {
    match command {
        LockCommand::Take(args) => take(args, session).await,
        LockCommand::Settle(args) => settle(args, session).await,
        LockCommand::Release(args) => release(args, session).await,
        LockCommand::List(args) => list(args, session).await,
    }
}

async fn take(args: TakeArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let offer = market.offer(&args.offer).await?;
    let bus = market.bus(&offer.bus).await?;
    let max_price = match args.max_price {
        Some(price) => price.base_units(bus.mint_decimals)?,
        None => offer.full_price_per_kwh,
    };
    refuse_own(&offer, &wallet.address())?;
    check_rounding(args.allow_rounding, &offer, args.energy.wh, max_price)?;
    session.require_token_account(&wallet.address(), &bus.address).await?;
    let locked = wallet.lock_take(&args.offer, Wh(args.energy.wh), PricePerKwh(max_price)).await?;
    let lock = LockView::taken(&locked, &offer, &bus, &wallet.address(), args.energy.wh, session.now().await?);
    Ok(Box::new(Taken { lock, transaction: TransactionView::from(&locked.sent) }))
}

async fn settle(args: SettleArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let lock = market.lock(&args.lock).await?;
    let bus = market.bus(&lock.bus).await?;
    let purchased = wallet.lock_settle(&args.lock).await?;
    Ok(Box::new(Bought::of(&[purchased], Token::of(&bus), None, &wallet, session).await))
}

async fn release(args: ReleaseArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let lock = market.lock(&args.lock).await?;
    let bus = market.bus(&lock.bus).await?;
    let sent = wallet.lock_release(&args.lock).await?;
    let event = sent.events.iter().find_map(|event| match event {
        Event::LockReleased(event) => Some(event),
        _ => None,
    });
    let Some(event) = event else {
        // An error would ask for another attempt, although it is released.
        session.output.note("the node kept no log of the release: whether the refund was paid is not known");
        return Ok(Box::new(Released {
            lock: args.lock.to_string(),
            offer: lock.offer.to_string(),
            buyer: lock.buyer.to_string(),
            energy_wh: lock.energy_wh,
            refund_base_units: None,
            fee_base_units: None,
            outcome: "unknown",
            token: Token::of(&bus),
            transaction: TransactionView::from(&sent),
        }));
    };
    Ok(Box::new(Released {
        lock: args.lock.to_string(),
        offer: event.offer.to_string(),
        buyer: event.buyer.to_string(),
        energy_wh: event.energy_wh,
        refund_base_units: Some(event.refund),
        fee_base_units: Some(event.fee),
        outcome: outcome(event.outcome),
        token: Token::of(&bus),
        transaction: TransactionView::from(&sent),
    }))
}

async fn list(args: ListArgs, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let buyer = match args.wallet {
        None if args.offer.is_none() && args.bus.is_none() => Some(session.address_or_own(None)?),
        named => named,
    };
    let locks = market.locks(&LockFilter { bus: args.bus, offer: args.offer, buyer }).await?;
    let now = session.now().await?;
    // An offer stays open as long as it has locks.
    let offers: Vec<Address> = locks.iter().map(|lock| lock.offer).collect();
    let offers = market.offers(&offers).await?;
    let mut buses: HashMap<Address, Keyed<Bus>> = HashMap::new();
    let mut views = Vec::with_capacity(locks.len());
    for (lock, offer) in locks.iter().zip(&offers) {
        let bus = match buses.entry(lock.bus) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(market.bus(&lock.bus).await?),
        };
        views.push(LockView::of(lock, offer.as_ref(), bus, now));
    }
    views.sort_by(|a, b| (a.expires_at, &a.address).cmp(&(b.expires_at, &b.address)));
    Ok(Box::new(Listed { locks: views }))
}

/// What became of a refund, in a word.
fn outcome(outcome: u8) -> &'static str {
    match RefundOutcome::try_from(outcome) {
        Ok(RefundOutcome::Paid) => "paid",
        Ok(RefundOutcome::Claimed) => "claimed",
        Ok(RefundOutcome::Unpaid) => "unpaid",
        Err(_) => "unknown",
    }
}

#[derive(Serialize)]
struct LockView {
    address: String,
    offer: String,
    bus: String,
    buyer: String,
    place: u8,
    /// `held`, `expired`, or `unpaid`: released, and its refund could not leave the vault yet.
    state: &'static str,
    energy_wh: u64,
    /// Grid fee included.
    price_per_kwh: u64,
    grid_fee_per_kwh: u64,
    /// `on_purchase` or `on_delivery`; `null` where the node does not show the offer.
    settlement: Option<String>,
    deposit_base_units: u64,
    lock_fee_bps: u16,
    refund: String,
    #[serde(flatten)]
    token: Token,
    taken_at: i64,
    expires_at: i64,
    expired: bool,
}

impl LockView {
    fn of(lock: &Keyed<Lock>, offer: Option<&Keyed<Offer>>, bus: &Keyed<Bus>, now: i64) -> Self {
        Self {
            address: lock.address.to_string(),
            offer: lock.offer.to_string(),
            bus: lock.bus.to_string(),
            buyer: lock.buyer.to_string(),
            place: lock.place,
            state: match (lock.state == LockState::Unpaid as u8, lock.is_expired(now)) {
                (true, _) => "unpaid",
                (false, true) => "expired",
                (false, false) => "held",
            },
            energy_wh: lock.energy_wh,
            price_per_kwh: lock.price_per_kwh,
            grid_fee_per_kwh: lock.grid_fee_per_kwh,
            settlement: offer.map(|offer| settlement_of(offer)),
            deposit_base_units: lock.deposit,
            lock_fee_bps: lock.lock_fee_bps,
            refund: lock.refund.to_string(),
            token: Token::of(bus),
            taken_at: lock.taken_at,
            expires_at: lock.expires_at,
            expired: lock.is_expired(now),
        }
    }

    /// A lock that was taken a moment ago, as its transaction says: another node of the provider may not show its account
    /// yet.
    fn taken(
        locked: &Locked,
        offer: &Keyed<Offer>,
        bus: &Keyed<Bus>,
        buyer: &Address,
        energy_wh: u64,
        now: i64,
    ) -> Self {
        let event = locked.taken.as_ref();
        let price_per_kwh = event.map_or(offer.full_price_per_kwh, |event| event.price_per_kwh);
        let expires_at = event.map_or(Lock::expiry(now), |event| event.expires_at);
        Self {
            address: locked.address.to_string(),
            offer: offer.address.to_string(),
            bus: bus.address.to_string(),
            buyer: buyer.to_string(),
            place: locked.place,
            state: "held",
            energy_wh,
            price_per_kwh,
            grid_fee_per_kwh: offer.grid_fee_per_kwh,
            settlement: Some(settlement_of(offer)),
            deposit_base_units: event
                .map_or_else(|| math::cost(energy_wh, price_per_kwh).unwrap_or_default(), |event| event.deposit),
            lock_fee_bps: bus.lock_fee_bps,
            refund: address::associated_token(buyer, &bus.mint, &bus.token_program).to_string(),
            token: Token::of(bus),
            taken_at: expires_at - LOCK_SECONDS,
            expires_at,
            expired: false,
        }
    }
}

#[derive(Serialize)]
struct Taken {
    #[serde(flatten)]
    lock: LockView,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Taken {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.lock.address.clone()])
    }

    fn text(&self, page: &mut Page) {
        let lock = &self.lock;
        page.line(format!(
            "locked {} for a deposit of {} tokens",
            format_energy(lock.energy_wh),
            lock.token.format(lock.deposit_base_units)
        ));
        let decimals = lock.token.mint_decimals();
        page.fields([
            ("lock", lock.address.clone()),
            ("place", lock.place.to_string()),
            ("price", format_full_price(lock.price_per_kwh, lock.grid_fee_per_kwh, decimals)),
            ("paid", settlement_words(lock.settlement.as_deref().unwrap_or_default()).to_owned()),
            ("lock fee", format!("{} if it is not settled", format_share(lock.lock_fee_bps))),
            ("expires", format_time(lock.expires_at)),
            ("signature", self.transaction.signature.clone()),
        ]);
    }
}

#[derive(Serialize)]
struct Released {
    lock: String,
    offer: String,
    buyer: String,
    energy_wh: u64,
    /// `null` where the node kept no log of the release.
    refund_base_units: Option<u64>,
    fee_base_units: Option<u64>,
    /// `paid`, `claimed` (the buyer has a claim), `unpaid` (it could not leave the vault) or `unknown`.
    outcome: &'static str,
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
        let energy = format_energy(self.energy_wh);
        let tokens = |amount: Option<u64>| self.token.format(amount.unwrap_or_default());
        let (refund, fee) = (tokens(self.refund_base_units), tokens(self.fee_base_units));
        match self.outcome {
            "paid" => page.line(format!("released {energy}: {refund} tokens came back, the fee was {fee}")),
            "claimed" => {
                page.line(format!(
                    "released {energy}: {refund} tokens are kept as a claim, because the lock's refund account cannot be \
                     paid; the fee was {fee}"
                ));
                page.line("pay the claim with `multibus claim pay`");
            }
            "unpaid" => {
                page.line(format!(
                    "released {energy}: {refund} tokens wait in the vault, because the token's issuer has frozen it; the \
                     fee was {fee}"
                ));
                page.line("release the lock again once the vault is thawed");
            }
            _ => page.line(format!("released {energy}")),
        }
        signature_line(page, &self.transaction);
    }
}

#[derive(Serialize)]
struct Listed {
    locks: Vec<LockView>,
}

impl View for Listed {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.locks.iter().map(|lock| lock.address.clone()).collect())
    }

    fn text(&self, page: &mut Page) {
        if self.locks.is_empty() {
            page.line("no locks");
            return;
        }
        page.table(
            &["lock", ">energy", ">deposit", "expires"],
            self.locks.iter().map(|lock| {
                // The time of day is enough: a lock lives for 300 seconds.
                let moment = format_time(lock.expires_at);
                let time = moment.split_once('T').map_or(moment.as_str(), |(_, time)| time);
                vec![
                    lock.address.clone(),
                    format_energy(lock.energy_wh),
                    lock.token.format(lock.deposit_base_units),
                    if lock.state == "held" { time.to_owned() } else { lock.state.to_owned() },
                ]
            }),
        );
    }
}

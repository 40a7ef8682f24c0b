//! `multibus grid`: grid fees, which wait in the vaults of sellers.

use {
    crate::{
        failure::Failure,
        output::{Page, Reply, View, partly},
        session::Session,
        terms::grid_recipient,
        tokens::Token,
        value::address as parse_address,
        view::{TransactionView, signature_line},
    },
    clap::{Args, Subcommand},
    multibus_client::{
        Address, Keyed, Wallet,
        delivery::releasable,
        event::Event,
        multibus::state::{Bus, RefundOutcome, Seller},
    },
    serde::Serialize,
};

#[derive(Subcommand, Debug)]
pub enum GridCommand {
    Sweep(SweepArgs),
}

/// Pay the grid fees that sellers' vaults hold to the bus's recipient of grid fees, or to its treasury; anyone can
///
/// What is due of offers and final windows is collected and released first. A recipient who cannot be paid gets a claim.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus grid sweep BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo
  multibus grid sweep BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC")]
pub struct SweepArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
    /// Only the vault of this seller's wallet [default: every vault that holds fees]
    #[arg(value_name = "WALLET", value_parser = parse_address, conflicts_with = "for_bus")]
    wallet: Option<Address>,
    /// Only the vault of the bus itself as a seller
    #[arg(long)]
    for_bus: bool,
}

/// Runs a verb of `grid`.
///
/// # Errors
/// Where the chain or the program refuses.
pub async fn run(command: GridCommand, session: &Session) -> Result<Reply, Failure> {
    let GridCommand::Sweep(args) = command;
    sweep(&args, session).await
}

async fn sweep(args: &SweepArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let bus = market.bus(&args.bus).await?;
    let mut swept = Swept {
        bus: bus.address.to_string(),
        recipient: grid_recipient(&bus).map(|recipient| recipient.to_string()),
        swept_base_units: 0,
        token: Token::of(&bus),
        sweeps: Vec::new(),
        failures: Vec::new(),
    };
    let named = if args.for_bus { Some(bus.address) } else { args.wallet };
    if let Some(seller) = named {
        let seller = super::seller::find(&bus, &seller, session).await?;
        swept.push(sweep_one(&wallet, &bus, &seller, session).await?);
        return Ok(Box::new(swept));
    }
    for seller in market.sellers(&bus.address).await? {
        if due(&bus, &seller, session).await? == 0 {
            continue;
        }
        // One frozen vault must not keep the others from being swept.
        match sweep_one(&wallet, &bus, &seller, session).await {
            Ok(sweep) => swept.push(sweep),
            Err(failure) => {
                swept.failures.push(FailureView { wallet: seller.wallet.to_string(), message: failure.message() });
            }
        }
    }
    if swept.sweeps.is_empty() && swept.failures.is_empty() {
        return Err(Failure::sentence(format!(
            "no vault of the bus {} holds grid fees now; sweep after its next sales or deliveries",
            bus.address
        )));
    }
    Ok(Box::new(swept))
}

/// Grid fees that a seller's vault holds, with those of what can be collected or released now.
async fn due(bus: &Keyed<Bus>, seller: &Keyed<Seller>, session: &Session) -> Result<u64, Failure> {
    let market = session.market();
    let now = session.now().await?;
    let books = market.delivery_books_of(&bus.address, &seller.wallet).await?;
    let fees = books.iter().map(|book| releasable(book, now).grid_fee).fold(0, u64::saturating_add);
    Ok(market.seller_money(seller).await?.grid_fees.saturating_add(fees))
}

async fn sweep_one(
    wallet: &Wallet,
    bus: &Keyed<Bus>,
    seller: &Keyed<Seller>,
    session: &Session,
) -> Result<SweepView, Failure> {
    let before = due(bus, seller, session).await?;
    let withdrawn = wallet.grid_sweep(&bus.address, &seller.wallet).await?;
    let event = withdrawn.transactions.iter().flat_map(|sent| &sent.events).find_map(|event| match event {
        Event::GridFeesSwept(event) if event.seller == seller.address => Some(event),
        _ => None,
    });
    Ok(SweepView {
        seller: seller.address.to_string(),
        wallet: seller.wallet.to_string(),
        destination: event.map(|event| event.destination.to_string()),
        swept_base_units: withdrawn.amount.unwrap_or(before),
        claimed: event.is_some_and(|event| event.outcome == RefundOutcome::Claimed as u8),
        transactions: withdrawn.transactions.iter().map(TransactionView::from).collect(),
    })
}

#[derive(Serialize)]
struct SweepView {
    seller: String,
    wallet: String,
    /// `null` where the node kept no log of the payment.
    destination: Option<String>,
    swept_base_units: u64,
    /// Whether the recipient could not be paid and got a claim instead.
    claimed: bool,
    transactions: Vec<TransactionView>,
}

#[derive(Serialize)]
struct FailureView {
    wallet: String,
    message: String,
}

#[derive(Serialize)]
struct Swept {
    bus: String,
    /// Who gets the grid fees; `null` for the treasury.
    recipient: Option<String>,
    swept_base_units: u64,
    #[serde(flatten)]
    token: Token,
    sweeps: Vec<SweepView>,
    failures: Vec<FailureView>,
}

impl Swept {
    fn push(&mut self, sweep: SweepView) {
        self.swept_base_units = self.swept_base_units.saturating_add(sweep.swept_base_units);
        self.sweeps.push(sweep);
    }
}

impl View for Swept {
    fn essence(&self) -> Option<Vec<String>> {
        let transactions = self.sweeps.iter().flat_map(|sweep| &sweep.transactions);
        Some(transactions.map(|transaction| transaction.signature.clone()).collect())
    }

    fn text(&self, page: &mut Page) {
        let who = self.recipient.as_deref().unwrap_or("the treasury");
        for sweep in &self.sweeps {
            let amount = self.token.format(sweep.swept_base_units);
            if sweep.claimed {
                page.line(format!(
                    "{who} cannot be paid now: {amount} tokens are kept as a claim, `multibus claim pay`"
                ));
            } else {
                page.line(format!("{who} got {amount} tokens of grid fees"));
            }
            page.line(format!("of seller  {}", sweep.wallet));
            for transaction in &sweep.transactions {
                signature_line(page, transaction);
            }
        }
        if self.sweeps.len() > 1 {
            page.line(format!("{} tokens in all", self.token.format(self.swept_base_units)));
        }
    }

    fn failure(&self) -> Option<String> {
        partly("vault", "not swept", self.failures.iter().map(|failure| (failure.wallet.clone(), &failure.message)))
    }
}

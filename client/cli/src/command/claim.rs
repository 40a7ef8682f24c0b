//! `multibus claim`: what could not be paid to a wallet, and waits until it is pulled.

use {
    crate::{
        failure::Failure,
        output::{Page, Reply, View},
        session::Session,
        tokens::Token,
        value::address as parse_address,
        view::{TransactionView, signature_line},
    },
    clap::{Args, Subcommand},
    multibus_client::{Address, Keyed, claim::claim_pay, event::Event, multibus::state::Claim},
    serde::Serialize,
    std::collections::{HashMap, hash_map::Entry},
};

#[derive(Subcommand, Debug)]
pub enum ClaimCommand {
    List(ListArgs),
    Pay(PayArgs),
}

/// List what could not be paid to a wallet, or what a bus owes to everybody; closed buses too
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus claim list
  multibus claim list 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC
  multibus claim list --bus BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo")]
pub struct ListArgs {
    /// Only claims of this wallet [default: the signing wallet, unless a bus is named]
    #[arg(value_name = "WALLET", value_parser = parse_address)]
    wallet: Option<Address>,
    /// Only claims on this bus
    #[arg(long, value_name = "BUS", value_parser = parse_address)]
    bus: Option<Address>,
}

/// Pay a wallet what a bus owes it, open or closed
///
/// It goes to the token account that the claim names, or to the wallet's associated one, so that anyone can do it for any
/// wallet. The wallet itself can name another token account with --to.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus claim pay BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo
  multibus claim pay BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC
  multibus claim pay BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo --to \\
      9Ln7MCshW9zShxjTXRHp5h4S18GcT3b1nfCWaKaBFCdE")]
pub struct PayArgs {
    /// The bus that owes
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
    /// The wallet that is owed [default: the signing wallet]
    #[arg(value_name = "WALLET", value_parser = parse_address)]
    wallet: Option<Address>,
    /// Token account that is paid, where the signing wallet is the one that is owed
    #[arg(long, value_name = "TOKEN_ACCOUNT", value_parser = parse_address, conflicts_with = "wallet")]
    to: Option<Address>,
}

/// Runs a verb of `claim`.
///
/// # Errors
/// Where the chain or the program refuses.
pub async fn run(command: ClaimCommand, session: &Session) -> Result<Reply, Failure> {
    match command {
        ClaimCommand::List(args) => list(&args, session).await,
        ClaimCommand::Pay(args) => pay(&args, session).await,
    }
}

async fn list(args: &ListArgs, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let wallet = match args.wallet {
        None if args.bus.is_none() => Some(session.address_or_own(None)?),
        named => named,
    };
    let claims = match (wallet, args.bus) {
        (Some(wallet), Some(bus)) => market.claim(&bus, &wallet).await?.into_iter().collect(),
        (Some(wallet), None) => market.claims_of(&wallet).await?,
        (None, Some(bus)) => market.claims(&bus).await?,
        (None, None) => Vec::new(),
    };
    let mut buses: HashMap<Address, (Token, bool)> = HashMap::new();
    let mut views = Vec::with_capacity(claims.len());
    for claim in &claims {
        let (token, is_closed) = match buses.entry(claim.bus) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(debtor(&claim.bus, session).await?),
        };
        views.push(ClaimView::of(claim, token.clone(), *is_closed));
    }
    Ok(Box::new(Listed { claims: views }))
}

/// The token of a bus, open or closed, and whether it is closed.
async fn debtor(bus: &Address, session: &Session) -> Result<(Token, bool), Failure> {
    let payer = session.market().claim_payer(bus).await?;
    let decimals = session.mint_decimals(&payer.settlement.mint).await?;
    Ok((Token::new(&payer.settlement.mint, decimals), payer.is_closed))
}

async fn pay(args: &PayArgs, session: &Session) -> Result<Reply, Failure> {
    let signer = session.wallet()?;
    let market = session.market();
    let owed = args.wallet.unwrap_or_else(|| signer.address());
    let claim = market.claim(&args.bus, &owed).await?.ok_or_else(|| {
        Failure::sentence(format!(
            "the bus {} owes nothing to {owed} that could not be paid; see `multibus claim list`",
            args.bus
        ))
    })?;
    let (token, _) = debtor(&args.bus, session).await?;
    let sent = match &args.to {
        Some(to) => {
            let payer = market.claim_payer(&args.bus).await?;
            signer.send(&[claim_pay(&signer.address(), &claim, &payer, to)]).await?
        }
        None => signer.claim_pay(&args.bus, &owed).await?,
    };
    let event = sent.events.iter().find_map(|event| match event {
        Event::ClaimPaid(event) => Some(event),
        _ => None,
    });
    Ok(Box::new(Paid {
        bus: args.bus.to_string(),
        wallet: owed.to_string(),
        destination: event.map(|event| event.destination.to_string()),
        paid_base_units: event.map_or(claim.amount, |event| event.paid),
        rent_to: claim.rent_payer.to_string(),
        token,
        transaction: TransactionView::from(&sent),
    }))
}

#[derive(Serialize)]
struct ClaimView {
    address: String,
    bus: String,
    /// Whether the bus is closed; its claims stay payable.
    bus_closed: bool,
    wallet: String,
    amount_base_units: u64,
    #[serde(flatten)]
    token: Token,
    /// The token account that the wallet named for a refund; `null` where it named none.
    refund: Option<String>,
    rent_payer: String,
}

impl ClaimView {
    fn of(claim: &Keyed<Claim>, token: Token, bus_closed: bool) -> Self {
        Self {
            address: claim.address.to_string(),
            bus: claim.bus.to_string(),
            bus_closed,
            wallet: claim.wallet.to_string(),
            amount_base_units: claim.amount,
            token,
            refund: (claim.refund != Address::default()).then(|| claim.refund.to_string()),
            rent_payer: claim.rent_payer.to_string(),
        }
    }
}

#[derive(Serialize)]
struct Listed {
    claims: Vec<ClaimView>,
}

impl View for Listed {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.claims.iter().map(|claim| claim.address.clone()).collect())
    }

    fn text(&self, page: &mut Page) {
        if self.claims.is_empty() {
            page.line("no claims: everything that was owed has been paid");
        }
        for claim in &self.claims {
            let closed = if claim.bus_closed { ", which is closed" } else { "" };
            page.line(format!("{} tokens for {}", claim.token.format(claim.amount_base_units), claim.wallet));
            page.line(format!("  of the bus {}{closed}", claim.bus));
            page.line("  could not be paid; pay it with:");
            page.line(format!("  multibus claim pay {} {}", claim.bus, claim.wallet));
        }
    }
}

#[derive(Serialize)]
struct Paid {
    bus: String,
    wallet: String,
    /// `null` where the node kept no log of the payment.
    destination: Option<String>,
    paid_base_units: u64,
    rent_to: String,
    #[serde(flatten)]
    token: Token,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Paid {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.transaction.signature.clone()])
    }

    fn text(&self, page: &mut Page) {
        page.line(format!("{} got {} tokens", self.wallet, self.token.format(self.paid_base_units)));
        if let Some(destination) = &self.destination {
            page.line(format!("paid to    {destination}"));
        }
        signature_line(page, &self.transaction);
    }
}

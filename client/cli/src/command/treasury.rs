//! `multibus treasury`: revenue of a bus's own offers, divided among its owners.

use {
    crate::{
        failure::Failure,
        output::{Page, Reply, View},
        session::Session,
        value::{address, format_scaled, format_share},
        view::{TransactionView, signature_line},
    },
    clap::{Args, Subcommand},
    multibus_client::{
        Address, Keyed, Wallet,
        bus::Bus,
        event::Event,
        treasury::{Claim, Treasury},
    },
    serde::Serialize,
};

#[derive(Subcommand, Debug)]
pub enum TreasuryCommand {
    Show(ShowArgs),
    Claim(ClaimArgs),
}

/// Show what a bus earned with its own offers, and what each owner may claim of it
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus treasury show BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo")]
pub struct ShowArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = address)]
    bus: Address,
}

/// Pay an owner its exact share; anyone can, it goes to the owner's token account
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus treasury claim BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo
  multibus treasury claim BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      --owner 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC
  multibus treasury claim BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo --all")]
pub struct ClaimArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = address)]
    bus: Address,
    /// The owner, or former owner, who is paid [default: the signing wallet]
    #[arg(long, value_name = "OWNER", value_parser = address, conflicts_with = "all")]
    owner: Option<Address>,
    /// Pay everyone who has something to claim, each in a transaction of its own
    #[arg(long)]
    all: bool,
}

/// Runs a verb of `treasury`.
///
/// # Errors
/// Where the chain or the program refuses.
pub async fn run(command: TreasuryCommand, session: &Session) -> Result<Reply, Failure> {
    match command {
        TreasuryCommand::Show(args) => show(&args.bus, session).await,
        TreasuryCommand::Claim(args) => claim(args, session).await,
    }
}

async fn show(bus: &Address, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let bus = market.bus(bus).await?;
    Ok(Box::new(TreasuryView::of(&bus, &market.treasury(&bus.address).await?)))
}

async fn claim(args: ClaimArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let bus = market.bus(&args.bus).await?;
    let mut claimed = Claimed {
        bus: bus.address.to_string(),
        mint: bus.mint.to_string(),
        mint_decimals: bus.mint_decimals,
        paid_base_units: 0,
        claims: Vec::new(),
        failures: Vec::new(),
    };
    if !args.all {
        let owner = session.address_or_own(args.owner)?;
        claimed.push(pay(&wallet, &bus, &owner).await?);
        return Ok(Box::new(claimed));
    }
    let treasury = market.treasury(&bus.address).await?;
    let due: Vec<Address> = treasury.claims.iter().filter(|claim| claim.claimable > 0).map(|c| c.owner).collect();
    if due.is_empty() {
        return Err(Failure::sentence(format!(
            "nobody has anything to claim from the treasury of {}; claim after its next sale",
            bus.address
        )));
    }
    for owner in due {
        // If one owner's token account is frozen, the others are paid all the same.
        match pay(&wallet, &bus, &owner).await {
            Ok(claim) => claimed.push(claim),
            Err(failure) => {
                claimed.failures.push(FailureView { owner: owner.to_string(), message: failure.message() });
            }
        }
    }
    Ok(Box::new(claimed))
}

async fn pay(wallet: &Wallet, bus: &Keyed<Bus>, owner: &Address) -> Result<ClaimView, Failure> {
    let sent = wallet.treasury_claim(&bus.address, owner).await?;
    let event = sent.events.iter().find_map(|event| match event {
        Event::TreasuryClaimed(event) => Some(event),
        _ => None,
    });
    let Some(event) = event else {
        return Err(Failure::sentence(format!(
            "{owner} is paid ({}), but the node kept no log of it; see `multibus treasury show {}`",
            sent.signature, bus.address
        )));
    };
    Ok(ClaimView {
        owner: owner.to_string(),
        destination: event.destination.to_string(),
        amount_base_units: event.amount,
        transaction: TransactionView::from(&sent),
    })
}

#[derive(Serialize)]
struct OwnerClaimView {
    owner: String,
    share_bps: u16,
    claimable_base_units: u64,
    former: bool,
}

impl OwnerClaimView {
    fn of(claim: &Claim) -> Self {
        Self {
            owner: claim.owner.to_string(),
            share_bps: claim.share_bps,
            claimable_base_units: claim.claimable,
            former: claim.is_former,
        }
    }
}

#[derive(Serialize)]
struct TreasuryView {
    bus: String,
    treasury: String,
    mint: String,
    mint_decimals: u8,
    balance_base_units: u64,
    received_base_units: u128,
    claimed_base_units: u64,
    claimable_base_units: u64,
    remainder_base_units: u64,
    owners: Vec<OwnerClaimView>,
}

impl TreasuryView {
    fn of(bus: &Keyed<Bus>, treasury: &Treasury) -> Self {
        Self {
            bus: bus.address.to_string(),
            treasury: treasury.address.to_string(),
            mint: bus.mint.to_string(),
            mint_decimals: bus.mint_decimals,
            balance_base_units: treasury.balance,
            received_base_units: treasury.received_total,
            claimed_base_units: treasury.claimed_total,
            claimable_base_units: treasury.totals().claimable,
            remainder_base_units: treasury.remainder,
            owners: treasury.claims.iter().map(OwnerClaimView::of).collect(),
        }
    }
}

impl View for TreasuryView {
    fn text(&self, page: &mut Page) {
        let tokens = |amount: u64| format!("{} tokens", format_scaled(amount, self.mint_decimals.into()));
        // It exceeds 64 bits only if tokens were burned and minted again. It is exact in any case.
        let received = u64::try_from(self.received_base_units)
            .map_or_else(|_| format!("{} base units", self.received_base_units), tokens);
        page.fields([
            ("bus", self.bus.clone()),
            ("treasury", self.treasury.clone()),
            ("token", format!("{} ({} decimals)", self.mint, self.mint_decimals)),
            ("received", received),
            ("claimed", tokens(self.claimed_base_units)),
            ("balance", format!("{} ({} base units)", tokens(self.balance_base_units), self.balance_base_units)),
            ("claimable", tokens(self.claimable_base_units)),
            ("remainder", format!("{} base units, divided with the next sale", self.remainder_base_units)),
        ]);
        page.line("");
        page.table(
            &["owner", ">share", ">claimable"],
            self.owners.iter().map(|owner| {
                let share = if owner.former { "left".to_owned() } else { format_share(owner.share_bps) };
                vec![owner.owner.clone(), share, tokens(owner.claimable_base_units)]
            }),
        );
    }
}

#[derive(Serialize)]
struct ClaimView {
    owner: String,
    destination: String,
    amount_base_units: u64,
    #[serde(flatten)]
    transaction: TransactionView,
}

#[derive(Serialize)]
struct FailureView {
    owner: String,
    message: String,
}

#[derive(Serialize)]
struct Claimed {
    bus: String,
    mint: String,
    mint_decimals: u8,
    paid_base_units: u64,
    claims: Vec<ClaimView>,
    failures: Vec<FailureView>,
}

impl Claimed {
    fn push(&mut self, claim: ClaimView) {
        self.paid_base_units = self.paid_base_units.saturating_add(claim.amount_base_units);
        self.claims.push(claim);
    }
}

impl View for Claimed {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.claims.iter().map(|claim| claim.transaction.signature.clone()).collect())
    }

    fn failure(&self) -> Option<String> {
        let failures: Vec<_> =
            self.failures.iter().map(|failure| format!("{}: {}", failure.owner, failure.message)).collect();
        (!failures.is_empty()).then(|| {
            format!(
                "{} of the owners could not be paid; try again once it is put right\n{}",
                failures.len(),
                failures.join("\n")
            )
        })
    }

    fn text(&self, page: &mut Page) {
        for claim in &self.claims {
            let amount = format_scaled(claim.amount_base_units, self.mint_decimals.into());
            page.line(format!("{} got {amount} tokens", claim.owner));
            page.line(format!("paid to    {}", claim.destination));
            signature_line(page, &claim.transaction);
        }
        if self.claims.len() > 1 {
            page.line(format!("{} tokens in all", format_scaled(self.paid_base_units, self.mint_decimals.into())));
        }
    }
}

//! `multibus treasury`: revenue of a bus's own offers, divided among its owners.

use {
    crate::{
        failure::Failure,
        output::{Page, Reply, View, partly},
        session::Session,
        value::{address, count, format_scaled, format_share},
        view::{TransactionView, signature_line},
    },
    clap::{Args, Subcommand},
    multibus_client::{
        Address, Keyed, Wallet,
        bus::Bus,
        delivery::releasable,
        event::Event,
        multibus::state::RefundOutcome,
        seller::SellerMoney,
        treasury::{Claimable, Treasury},
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
///
/// What the bus sold is collected and brought into the treasury first. An owner who cannot be paid gets a claim instead,
/// which `claim pay` pays.
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
    let treasury = market.treasury(&bus.address).await?;
    let outside = Outside::of(&bus, session).await?;
    Ok(Box::new(TreasuryView::of(&bus, &treasury, outside.as_ref())))
}

/// What the bus sold that is not in the treasury yet.
struct Outside {
    money: SellerMoney,
    /// What of the money that is held for deliveries can be released to it now.
    releasable: u64,
}

impl Outside {
    /// What the vault of the bus's own seller account holds; `None` where that account is not open.
    async fn of(bus: &Keyed<Bus>, session: &Session) -> Result<Option<Self>, Failure> {
        let market = session.market();
        let Some(seller) = market.find_seller(&bus.address, &bus.address).await? else { return Ok(None) };
        let now = session.now().await?;
        let books = market.delivery_books_of(&bus.address, &bus.address).await?;
        let releasable = books.iter().map(|book| releasable(book, now).amount).fold(0, u64::saturating_add);
        Ok(Some(Self { money: market.seller_money(&seller).await?, releasable }))
    }

    fn due(&self) -> u64 {
        self.money.released.saturating_add(self.money.proceeds).saturating_add(self.releasable)
    }
}

/// Brings into the treasury what the bus's own offers sold.
async fn sweep(wallet: &Wallet, bus: &Keyed<Bus>, session: &Session) -> Result<(u64, Vec<TransactionView>), Failure> {
    let due = Outside::of(bus, session).await?.map_or(0, |outside| outside.due());
    if due == 0 {
        return Ok((0, Vec::new()));
    }
    let withdrawn = wallet.seller_withdraw(&bus.address, &bus.address).await?;
    let transactions = withdrawn.transactions.iter().map(TransactionView::from).collect();
    Ok((withdrawn.amount.unwrap_or(due), transactions))
}

async fn claim(args: ClaimArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    let bus = market.bus(&args.bus).await?;
    // Where the vault is frozen, what is in the treasury already can be claimed all the same.
    let (swept_base_units, sweeps, sweep_failure) = match sweep(&wallet, &bus, session).await {
        Ok((amount, sweeps)) => (amount, sweeps, None),
        Err(failure) => (0, Vec::new(), Some(failure.message())),
    };
    let mut claimed = Claimed {
        bus: bus.address.to_string(),
        mint: bus.mint.to_string(),
        mint_decimals: bus.mint_decimals,
        swept_base_units,
        sweeps,
        sweep_failure,
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

/// Pays an owner. Without a log of it, an error would only ask for a second attempt, so that the amount is left out.
async fn pay(wallet: &Wallet, bus: &Keyed<Bus>, owner: &Address) -> Result<ClaimView, Failure> {
    let sent = wallet.treasury_claim(&bus.address, owner).await?;
    let event = sent.events.iter().find_map(|event| match event {
        Event::TreasuryClaimed(event) => Some(event),
        _ => None,
    });
    Ok(ClaimView {
        owner: owner.to_string(),
        destination: event.map(|event| event.destination.to_string()),
        amount_base_units: event.map(|event| event.amount),
        claimed: event.is_some_and(|event| event.outcome == RefundOutcome::Claimed as u8),
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
    fn of(claim: &Claimable) -> Self {
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
    /// Revenue that came while the treasury was frozen: it waits in the bus's unclaimed account, and is claimed too.
    diverted_base_units: u64,
    claimable_base_units: u64,
    remainder_base_units: u64,
    /// What the bus sold that is not in the treasury yet: released to its seller account.
    released_base_units: u64,
    /// The same, of open offers, not collected yet.
    proceeds_base_units: u64,
    /// The same, of windows that are final and not released yet.
    releasable_base_units: u64,
    owners: Vec<OwnerClaimView>,
}

impl TreasuryView {
    fn of(bus: &Keyed<Bus>, treasury: &Treasury, outside: Option<&Outside>) -> Self {
        Self {
            bus: bus.address.to_string(),
            treasury: treasury.address.to_string(),
            mint: bus.mint.to_string(),
            mint_decimals: bus.mint_decimals,
            balance_base_units: treasury.balance,
            diverted_base_units: treasury.diverted,
            claimable_base_units: treasury.totals().claimable,
            remainder_base_units: treasury.remainder,
            released_base_units: outside.map_or(0, |outside| outside.money.released),
            proceeds_base_units: outside.map_or(0, |outside| outside.money.proceeds),
            releasable_base_units: outside.map_or(0, |outside| outside.releasable),
            owners: treasury.claims.iter().map(OwnerClaimView::of).collect(),
        }
    }
}

impl View for TreasuryView {
    fn text(&self, page: &mut Page) {
        let tokens = |amount: u64| format!("{} tokens", format_scaled(amount, self.mint_decimals.into()));
        let outside = self.released_base_units.saturating_add(self.proceeds_base_units);
        let outside = outside.saturating_add(self.releasable_base_units);
        page.fields([
            ("bus", self.bus.clone()),
            ("treasury", self.treasury.clone()),
            ("token", format!("{} ({})", self.mint, count(self.mint_decimals, "decimal"))),
            ("balance", format!("{} ({} base units)", tokens(self.balance_base_units), self.balance_base_units)),
            ("came while frozen", format!("{}, claimed with the rest", tokens(self.diverted_base_units))),
            ("claimable", tokens(self.claimable_base_units)),
            ("remainder", format!("{}, divided with the next sale", count(self.remainder_base_units, "base unit"))),
            ("sold, not yet here", format!("{}, brought in by the next claim", tokens(outside))),
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
    /// `null` where the node kept no log of the payment.
    destination: Option<String>,
    amount_base_units: Option<u64>,
    /// Whether the owner could not be paid and got a claim instead.
    claimed: bool,
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
    /// What the bus's own offers had sold, brought into the treasury first.
    swept_base_units: u64,
    sweeps: Vec<TransactionView>,
    /// Why that failed; `null` where it did not.
    sweep_failure: Option<String>,
    paid_base_units: u64,
    claims: Vec<ClaimView>,
    failures: Vec<FailureView>,
}

impl Claimed {
    fn push(&mut self, claim: ClaimView) {
        self.paid_base_units = self.paid_base_units.saturating_add(claim.amount_base_units.unwrap_or_default());
        self.claims.push(claim);
    }
}

impl View for Claimed {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.claims.iter().map(|claim| claim.transaction.signature.clone()).collect())
    }

    fn failure(&self) -> Option<String> {
        let failures = self.failures.iter().map(|failure| (failure.owner.clone(), &failure.message));
        partly("owner", "could not be paid; try again once it is put right", failures)
    }

    fn text(&self, page: &mut Page) {
        let tokens = |amount| format!("{} tokens", format_scaled(amount, self.mint_decimals.into()));
        if self.swept_base_units > 0 {
            page.line(format!("brought {} of the bus's sales into the treasury", tokens(self.swept_base_units)));
            for sweep in &self.sweeps {
                signature_line(page, sweep);
            }
        }
        if let Some(failure) = &self.sweep_failure {
            page.line(format!("what the bus sold since the last claim stays in its vault: {failure}"));
        }
        for claim in &self.claims {
            let amount = claim.amount_base_units.map_or("its share".to_owned(), tokens);
            match (claim.claimed, &claim.destination) {
                (true, _) => page.line(format!(
                    "{} cannot be paid now: {amount} are kept as a claim, `multibus claim pay`",
                    claim.owner
                )),
                (false, Some(destination)) => {
                    page.line(format!("{} got {amount}", claim.owner));
                    page.line(format!("paid to    {destination}"));
                }
                (false, None) => page.line(format!("{} got {amount}", claim.owner)),
            }
            signature_line(page, &claim.transaction);
        }
        if self.claims.len() > 1 {
            page.line(format!("{} in all", tokens(self.paid_base_units)));
        }
    }
}

//! `multibus auction clear`: the proof of a price on the chain.

use {
    super::view::{ClearanceView, choose},
    crate::{
        failure::Failure,
        output::{Page, Reply, View, partly},
        session::Session,
        tokens::Token,
        value::{Window, address as parse_address},
        view::WindowFailure,
    },
    clap::Args,
    multibus_client::{
        Address, Keyed,
        auction::{AuctionPhase, Capacity},
        clearing::{ClearOptions, Progress},
    },
    serde::Serialize,
};

/// Prove the price of an auction on the chain; anyone can, from the gate on, for 24 hours
///
/// The chain adds up all bids and offers and checks that the price is the one. It costs fees alone: the rent of the proof comes
/// back at once. An interrupted proof is resumed by the next call. Who proves the price changes nothing for anybody.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus auction clear BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo
  multibus auction clear BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      --window 2027-01-15T08:00:00Z")]
pub struct ClearArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
    /// Delivery window [default: all whose book is fixed and not cleared]
    #[arg(long, value_name = "START")]
    window: Option<Window>,
    /// Count 59 orders a transaction instead of 28, by lookup tables: sooner for thousands of orders, and dearer
    #[arg(long)]
    lookup_tables: bool,
}

/// Runs `multibus auction clear`.
///
/// # Errors
/// Where nothing can be cleared, or the chain or the program refuses.
pub async fn clear(args: &ClearArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let bus = session.market().bus(&args.bus).await?;
    let now = session.now().await?;
    let capacities = session.market().capacities(&bus.address).await?;
    let is_fixed = |capacity: &Keyed<Capacity>| capacity.phase(now) == AuctionPhase::Fixed;
    let (chosen, is_named) = (choose(args.window, &bus, &capacities, is_fixed, now)?, args.window.is_some());
    if chosen.is_empty() {
        return Err(Failure::sentence(format!(
            "no auction of the bus {} waits for a proof of its price now; see `multibus auction list {}`",
            bus.address, bus.address
        )));
    }
    let options = ClearOptions { lookup_tables: args.lookup_tables };
    let mut answer =
        ClearedAll { bus: bus.address.to_string(), token: Token::of(&bus), auctions: Vec::new(), failures: Vec::new() };
    for capacity in chosen {
        let window_start = capacity.window_start;
        let counted = |progress: Progress| session.progress.show("counting orders", progress.done, progress.orders);
        match wallet.auction_clear_with_progress(&bus.address, window_start, &options, &counted).await {
            Ok(clearance) => answer.auctions.push(ClearanceView::of(&clearance)),
            Err(error) if is_named => return Err(error.into()),
            // One that cannot be cleared must not hold up the others.
            Err(error) => {
                answer.failures.push(WindowFailure { window_start, message: Failure::from(error).message() });
            }
        }
    }
    Ok(Box::new(answer))
}

#[derive(Serialize)]
struct ClearedAll {
    bus: String,
    #[serde(flatten)]
    token: Token,
    auctions: Vec<ClearanceView>,
    failures: Vec<WindowFailure>,
}

impl View for ClearedAll {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.auctions.iter().map(|auction| auction.window_start.to_string()).collect())
    }

    fn text(&self, page: &mut Page) {
        for (index, auction) in self.auctions.iter().enumerate() {
            if index > 0 {
                page.line("");
            }
            auction.text(page, &self.token);
        }
        if !self.auctions.is_empty() {
            page.line("settle the orders, anyone can:");
            page.line(format!("  multibus auction settle {}", self.bus));
        }
    }

    fn failure(&self) -> Option<String> {
        partly("auction", "not cleared", self.failures.iter().map(WindowFailure::line))
    }
}

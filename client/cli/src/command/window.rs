//! `multibus window`: delivery windows that are open, and closing those that are done with.

use {
    crate::{
        failure::Failure,
        output::{Page, Reply, View, partly},
        session::Session,
        value::{Time, address as parse_address, format_energy, format_time},
        view::{TransactionView, WindowFailure, WindowView, signature_line},
    },
    clap::{Args, Subcommand},
    multibus_client::Address,
    serde::Serialize,
};

#[derive(Subcommand, Debug)]
pub enum WindowCommand {
    List(ListArgs),
    Close(CloseArgs),
}

/// List the delivery windows of a bus that are open, and who can close them now
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus window list BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo")]
pub struct ListArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
}

/// Close delivery windows; the rent goes back to whoever paid it
///
/// A window without open offers and bids closes once it is over, and where nobody used it, once its gate has closed. Who paid its
/// rent, an owner or the operator closes an unused one at any time. On a closing bus anyone closes all that have no open
/// offers and bids. The first offer or bid in a window opens it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus window close BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo
  multibus window close BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      2027-01-15T08:00:00Z")]
pub struct CloseArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
    /// Starts of the windows [default: all that the signing wallet can close now]
    #[arg(value_name = "START")]
    starts: Vec<Time>,
}

/// Runs a verb of `window`.
///
/// # Errors
/// Where the chain or the program refuses.
pub async fn run(command: WindowCommand, session: &Session) -> Result<Reply, Failure> {
    match command {
        WindowCommand::List(args) => list(&args, session).await,
        WindowCommand::Close(args) => close(&args, session).await,
    }
}

async fn list(args: &ListArgs, session: &Session) -> Result<Reply, Failure> {
    let bus = session.market().bus(&args.bus).await?;
    let windows = WindowView::all(&bus, session).await?;
    let windows = windows.into_iter().filter(|window| window.window_start != 0).collect();
    Ok(Box::new(Listed { bus: args.bus.to_string(), windows }))
}

async fn close(args: &CloseArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let bus = session.market().bus(&args.bus).await?;
    let mut windows = WindowView::all(&bus, session).await?;
    if args.starts.is_empty() {
        windows.retain(|window| window.can_be_closed_by(&wallet.address(), &bus));
        if windows.is_empty() {
            return Err(Failure::sentence(format!(
                "no window of the bus {} can be closed now; see `multibus window list`",
                args.bus
            )));
        }
    } else {
        let now = session.now().await?;
        let starts: Vec<i64> = args.starts.iter().map(|start| start.unix_seconds(now)).collect();
        windows.retain(|window| starts.contains(&window.window_start));
        if let Some(missing) = starts.iter().find(|start| windows.iter().all(|window| window.window_start != **start)) {
            return Err(Failure::sentence(format!(
                "no window of the bus {} that starts at {missing} ({}) is open; see `multibus window list`",
                args.bus,
                format_time(*missing)
            )));
        }
    }
    let mut closed = Closed { bus: args.bus.to_string(), closed: Vec::new(), failures: Vec::new() };
    for window in windows {
        match wallet.capacity_close(&args.bus, window.window_start).await {
            Ok(sent) => closed.closed.push(ClosedWindow {
                window_start: window.window_start,
                sold_wh: window.sold_wh,
                rent_to: window.rent_payer,
                transaction: TransactionView::from(&sent),
            }),
            // One that somebody else has closed must not keep the others open.
            Err(error) => closed
                .failures
                .push(WindowFailure { window_start: window.window_start, message: Failure::from(error).message() }),
        }
    }
    Ok(Box::new(closed))
}

#[derive(Serialize)]
struct Listed {
    bus: String,
    windows: Vec<WindowView>,
}

impl View for Listed {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.windows.iter().map(|window| window.window_start.to_string()).collect())
    }

    fn text(&self, page: &mut Page) {
        if self.windows.is_empty() {
            page.line("no windows are open; the first offer or bid in a window opens it");
            return;
        }
        page.table(
            &["window", ">listed", ">sold", ">offers", ">bids", "state"],
            self.windows.iter().map(|window| {
                vec![
                    format_time(window.window_start),
                    format_energy(window.listed_wh),
                    format_energy(window.sold_wh),
                    window.open_offers.to_string(),
                    window.open_bids.to_string(),
                    window.state(),
                ]
            }),
        );
    }
}

#[derive(Serialize)]
struct ClosedWindow {
    window_start: i64,
    sold_wh: u64,
    rent_to: String,
    #[serde(flatten)]
    transaction: TransactionView,
}

#[derive(Serialize)]
struct Closed {
    bus: String,
    closed: Vec<ClosedWindow>,
    failures: Vec<WindowFailure>,
}

impl View for Closed {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.closed.iter().map(|window| window.transaction.signature.clone()).collect())
    }

    fn text(&self, page: &mut Page) {
        for window in &self.closed {
            page.line(format!(
                "closed the window {}, sold {}; its rent went to {}",
                format_time(window.window_start),
                format_energy(window.sold_wh),
                window.rent_to
            ));
            signature_line(page, &window.transaction);
        }
    }

    fn failure(&self) -> Option<String> {
        partly("window", "stayed open", self.failures.iter().map(WindowFailure::line))
    }
}

//! `multibus auction keep`: clears and settles the auctions of a bus as they become due.

use {
    super::{settle::SettledView, view::ClearanceView},
    crate::{
        config::{Endpoint, Settings},
        failure::Failure,
        output::{Output, OutputFormat, Page, Reply, View, partly, until_reader_is_gone},
        session::Session,
        tokens::Token,
        value::{Seconds, address as parse_address, format_time},
    },
    clap::Args,
    multibus_client::{Address, clearing::Kept},
    serde::Serialize,
    std::time::Duration,
};

/// Clear and settle the auctions of a bus as they become due, until Ctrl-C; anyone can
///
/// It proves the price of each window from its gate on, settles its orders, and on delivery terms returns what was not
/// delivered. One keeper is enough for a bus, and several do no harm. It costs fees alone.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus auction keep BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo
  multibus auction keep BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo --once")]
pub struct KeepArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
    /// Go over all windows once, and end
    #[arg(long)]
    pub once: bool,
    /// Longest wait between two looks; each gate is looked at by itself
    #[arg(long, value_name = "TIME", default_value = "1m", conflicts_with = "once")]
    every: Seconds,
    /// One JSON object for each window, on a line of its own (as --output json does)
    #[arg(long, conflicts_with = "once")]
    json_lines: bool,
}

/// Goes over all windows once.
///
/// # Errors
/// Where the bus or its windows cannot be read.
pub async fn once(args: &KeepArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let bus = session.market().bus(&args.bus).await?;
    let kept = wallet.auction_keep(&bus.address).await?;
    let token = Token::of(&bus);
    let windows = kept.iter().map(|kept| KeptView::of(kept, &token)).collect();
    Ok(Box::new(KeptAll { bus: bus.address.to_string(), token, windows }))
}

/// Keeps the auctions until Ctrl-C.
///
/// # Errors
/// Where the bus does not exist, or the output cannot be written.
pub async fn keep(args: &KeepArgs, settings: Settings, output: Output, priority_fee: u64) -> Result<(), Failure> {
    if matches!(settings.endpoint, Endpoint::Embedded { .. }) {
        return Err(Failure::usage(
            "the clock of an embedded chain stands still while a command runs on it, so there is nothing to wait for; add \
             --once, and call it again after `multibus local warp`",
        ));
    }
    let output = if args.json_lines { Output { format: OutputFormat::Json, ..output } } else { output };
    let session = Session::open(settings, output, priority_fee)?;
    let wallet = session.wallet()?;
    let bus = session.market().bus(&args.bus).await?;
    let token = Token::of(&bus);
    output.note(format!("keeping the auctions of {} ({}), Ctrl-C ends", bus.name(), bus.address));
    let mut written = Ok(());
    let every = Duration::from_secs(u64::from(args.every.0).max(1));
    let watch = wallet.auction_watch(&bus.address, every, |pass| {
        written = pass.iter().try_for_each(|kept| output.print_event(&KeptView::of(kept, &token)));
        written.is_ok()
    });
    tokio::select! {
        watched = watch => watched?,
        _ = tokio::signal::ctrl_c() => return Ok(()),
        () = until_reader_is_gone() => return Ok(()),
    }
    Ok(written?)
}

/// What was done for a window.
#[derive(Serialize)]
struct KeptView {
    window_start: i64,
    /// `null` where its price was proven before, or there was nothing to prove.
    cleared: Option<ClearanceView>,
    /// `null` where nothing was settled.
    settled: Option<SettledView>,
    /// What stopped it; the next look goes on from there.
    error: Option<String>,
    #[serde(skip)]
    token: Token,
}

impl KeptView {
    fn of(kept: &Kept, token: &Token) -> Self {
        Self {
            window_start: kept.window_start,
            cleared: kept.clearance.as_ref().map(ClearanceView::of),
            settled: kept.settled.as_ref().map(|settled| SettledView::of(kept.window_start, settled)),
            error: kept.error.as_ref().map(ToString::to_string),
            token: token.clone(),
        }
    }
}

impl View for KeptView {
    fn text(&self, page: &mut Page) {
        let window = format_time(self.window_start);
        if let Some(cleared) = &self.cleared {
            cleared.text(page, &self.token);
        }
        if let Some(settled) = &self.settled {
            page.line(format!("window {window}: {}", settled.words()));
        }
        if let Some(error) = &self.error {
            page.line(format!("window {window}: {error}"));
        }
    }
}

#[derive(Serialize)]
struct KeptAll {
    bus: String,
    #[serde(flatten)]
    token: Token,
    windows: Vec<KeptView>,
}

impl View for KeptAll {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.windows.iter().map(|window| window.window_start.to_string()).collect())
    }

    fn text(&self, page: &mut Page) {
        if self.windows.is_empty() {
            page.line("no auction waits to be cleared or settled now");
        }
        for window in &self.windows {
            window.text(page);
        }
    }

    fn failure(&self) -> Option<String> {
        let failures = self
            .windows
            .iter()
            .filter_map(|window| window.error.as_ref().map(|error| (format_time(window.window_start), error)));
        partly("auction", "not kept", failures)
    }
}

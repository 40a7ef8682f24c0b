//! `multibus trader`: nonce lanes.

use {
    crate::{
        failure::Failure,
        output::{Page, Reply, View},
        session::Session,
        value::{Hex, address, count, format_energy, format_time},
        view::{TransactionView, signature_line},
    },
    clap::{Args, Subcommand},
    multibus_client::{
        Address, Keyed, Sent,
        event::{Event, TraderOpened},
        multibus::state::Trader,
    },
    serde::Serialize,
};

#[derive(Subcommand, Debug)]
pub enum TraderCommand {
    Open(OpenArgs),
    Show(ShowArgs),
    Close(CloseArgs),
}

/// Open a nonce lane of the signing wallet; the first purchase opens lane 0 by itself
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus trader open
  multibus trader open --lane 3")]
pub struct OpenArgs {
    /// Number of the lane
    #[arg(long, value_name = "N", default_value_t = 0)]
    lane: u16,
}

/// Show the nonce lanes of a wallet and their last 16 receipts
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus trader show
  multibus trader show 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC --lane 0")]
pub struct ShowArgs {
    /// The wallet [default: the signing wallet]
    #[arg(value_name = "WALLET", value_parser = address)]
    wallet: Option<Address>,
    /// Only this lane
    #[arg(long, value_name = "N")]
    lane: Option<u16>,
}

/// Close a nonce lane of the signing wallet; its rent comes back, its history stays provable
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus trader close --lane 3")]
pub struct CloseArgs {
    /// Number of the lane
    #[arg(long, value_name = "N")]
    lane: u16,
}

/// Runs a verb of `trader`.
///
/// # Errors
/// Where the chain or the program refuses.
pub async fn run(command: TraderCommand, session: &Session) -> Result<Reply, Failure> {
    match command {
        TraderCommand::Open(args) => open(args, session).await,
        TraderCommand::Show(args) => show(args, session).await,
        TraderCommand::Close(args) => close(args, session).await,
    }
}

async fn open(args: OpenArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let market = session.market();
    if let Some(trader) = market.trader(&wallet.address(), args.lane).await? {
        return Err(Failure::sentence(format!(
            "lane {} of {} is open already ({}); nothing to do",
            args.lane,
            wallet.address(),
            trader.address
        )));
    }
    let created = wallet.trader_open(args.lane).await?;
    // The transaction tells: another node of the provider may not show the account yet.
    let event = created.sent.events.iter().find_map(|event| match event {
        Event::TraderOpened(event) if event.trader == created.address => Some(event),
        _ => None,
    });
    let trader = match event {
        Some(event) => TraderView::opened(event, created.sent.block_time.unwrap_or(session.now().await?)),
        None => {
            let trader = market.trader(&wallet.address(), args.lane).await?;
            TraderView::of(&trader.ok_or_else(|| not_shown(&created.address, &created.sent))?)
        }
    };
    Ok(Box::new(Opened { trader, transaction: TransactionView::from(&created.sent) }))
}

async fn show(args: ShowArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.address_or_own(args.wallet)?;
    let market = session.market();
    let traders = match args.lane {
        Some(lane) => vec![market.trader(&wallet, lane).await?.ok_or_else(|| not_open(&wallet, lane))?],
        None => {
            let mut traders = market.traders(&wallet).await?;
            traders.sort_by_key(|trader| trader.lane);
            traders
        }
    };
    Ok(Box::new(Shown { wallet: wallet.to_string(), lanes: traders.iter().map(TraderView::of).collect() }))
}

async fn close(args: CloseArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let trader = session.market().trader(&wallet.address(), args.lane).await?;
    let trader = trader.ok_or_else(|| not_open(&wallet.address(), args.lane))?;
    let sent = wallet.trader_close(args.lane).await?;
    Ok(Box::new(Closed { trader: TraderView::of(&trader), transaction: TransactionView::from(&sent) }))
}

fn not_shown(trader: &Address, sent: &Sent) -> Failure {
    Failure::sentence(format!(
        "the lane is open at {trader} ({}), but the node does not show it yet; look with `multibus trader show`",
        sent.signature
    ))
}

fn not_open(wallet: &Address, lane: u16) -> Failure {
    Failure::sentence(format!("lane {lane} of {wallet} is not open; open it with `multibus trader open --lane {lane}`"))
}

#[derive(Serialize)]
struct ReceiptView {
    nonce: u64,
    transaction_hash: String,
    energy_wh: u64,
    paid_base_units: u64,
    purchased_at: i64,
}

#[derive(Serialize)]
struct TraderView {
    address: String,
    wallet: String,
    lane: u16,
    next_nonce: u64,
    first_nonce: u64,
    total_energy_wh: u64,
    total_paid_base_units: u64,
    opened_at: i64,
    history_root: String,
    receipts: Vec<ReceiptView>,
}

impl TraderView {
    /// A lane that was opened a moment ago.
    fn opened(event: &TraderOpened, opened_at: i64) -> Self {
        Self {
            address: event.trader.to_string(),
            wallet: event.wallet.to_string(),
            lane: event.lane,
            next_nonce: event.first_nonce,
            first_nonce: event.first_nonce,
            total_energy_wh: 0,
            total_paid_base_units: 0,
            opened_at,
            history_root: Hex(&[0; 32]).to_string(),
            receipts: Vec::new(),
        }
    }

    fn of(trader: &Keyed<Trader>) -> Self {
        Self {
            address: trader.address.to_string(),
            wallet: trader.wallet.to_string(),
            lane: trader.lane,
            next_nonce: trader.next_nonce,
            first_nonce: trader.first_nonce,
            total_energy_wh: trader.total_energy_wh,
            total_paid_base_units: trader.total_paid,
            opened_at: trader.opened_at,
            history_root: Hex(&trader.history_root).to_string(),
            receipts: (trader.receipts())
                .map(|(nonce, receipt)| ReceiptView {
                    nonce,
                    transaction_hash: Hex(&receipt.transaction_hash).to_string(),
                    energy_wh: receipt.energy_wh,
                    paid_base_units: receipt.paid,
                    purchased_at: receipt.purchased_at,
                })
                .collect(),
        }
    }
}

#[derive(Serialize)]
struct Opened {
    #[serde(flatten)]
    trader: TraderView,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Opened {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.trader.address.clone()])
    }

    fn text(&self, page: &mut Page) {
        page.line(format!("opened lane {}, first nonce {}", self.trader.lane, self.trader.first_nonce));
        page.line(format!("trader     {}", self.trader.address));
        signature_line(page, &self.transaction);
    }
}

#[derive(Serialize)]
struct Closed {
    #[serde(flatten)]
    trader: TraderView,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Closed {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.transaction.signature.clone()])
    }

    fn text(&self, page: &mut Page) {
        page.line(format!("closed lane {} after nonce {}", self.trader.lane, self.trader.next_nonce));
        page.line(format!("history    {}", self.trader.history_root));
        signature_line(page, &self.transaction);
    }
}

#[derive(Serialize)]
struct Shown {
    wallet: String,
    lanes: Vec<TraderView>,
}

impl View for Shown {
    fn text(&self, page: &mut Page) {
        if self.lanes.is_empty() {
            page.line(format!("{} has no lane open; its first purchase opens one", self.wallet));
        }
        for (index, trader) in self.lanes.iter().enumerate() {
            if index > 0 {
                page.line("");
            }
            page.fields([
                ("lane", trader.lane.to_string()),
                ("trader", trader.address.clone()),
                ("next nonce", trader.next_nonce.to_string()),
                (
                    "bought",
                    format!(
                        "{} for {}",
                        format_energy(trader.total_energy_wh),
                        count(trader.total_paid_base_units, "base unit")
                    ),
                ),
                ("opened", format_time(trader.opened_at)),
                ("history root", trader.history_root.clone()),
            ]);
            if trader.receipts.is_empty() {
                continue;
            }
            page.line("");
            page.table(
                &["transaction hash", ">energy", ">base units"],
                trader.receipts.iter().map(|receipt| {
                    vec![
                        format!("{}…", &receipt.transaction_hash[..32]),
                        format_energy(receipt.energy_wh),
                        receipt.paid_base_units.to_string(),
                    ]
                }),
            );
        }
    }
}

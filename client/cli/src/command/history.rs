//! `multibus history`: what a wallet bought, checked against what is on chain; what happened to an account.

use {
    super::watch::words,
    crate::{
        failure::Failure,
        output::{Page, Reply, View, short},
        session::Session,
        tokens::{Token, Tokens},
        value::{Hex, address as parse_address, count, format_amount, format_energy, format_time},
    },
    clap::Args,
    multibus_client::{
        Address, address,
        event::{self, Event},
        history::{HistoricPurchase, History},
    },
    serde::Serialize,
};

/// Purchases and bids of a wallet, checked against the history root on chain; the exit code is 0 only where they agree
///
/// With --account it tells what happened to an account instead, open or closed: a delivery book's readings, releases and
/// refunds, a position book's refunds, the life of a certificate, an offer, a bid or a meter; of a delivery window its auction.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus history 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC
  multibus history --lane 0 --output json
  multibus history --account 9Ln7MCshW9zShxjTXRHp5h4S18GcT3b1nfCWaKaBFCdE")]
pub struct HistoryArgs {
    /// The wallet [default: the signing wallet]
    #[arg(value_name = "WALLET", value_parser = parse_address)]
    wallet: Option<Address>,
    /// Only this lane
    #[arg(long, value_name = "N")]
    lane: Option<u16>,
    /// What happened to this account, as far as the node keeps its transactions
    #[arg(long, value_name = "ACCOUNT", value_parser = parse_address, conflicts_with_all = ["wallet", "lane"])]
    account: Option<Address>,
}

/// Runs `multibus history`.
///
/// # Errors
/// Where the chain cannot be asked, or the history does not lead to the root on chain.
pub async fn run(args: HistoryArgs, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    if let Some(account) = args.account {
        return of_account(&account, session).await;
    }
    let wallet = session.address_or_own(args.wallet)?;
    let lanes = match args.lane {
        Some(lane) => vec![lane],
        None => {
            let mut lanes: Vec<_> = market.traders(&wallet).await?.iter().map(|trader| trader.lane).collect();
            lanes.sort_unstable();
            lanes
        }
    };
    let mut views = Vec::with_capacity(lanes.len());
    let mut tokens = Tokens::new(session);
    for lane in lanes {
        views.push(LaneView::of(lane, &market.history(&wallet, lane).await?, &mut tokens).await?);
    }
    let verified = views.iter().all(|lane| lane.verified);
    Ok(Box::new(Told { wallet: wallet.to_string(), verified, lanes: views }))
}

/// What happened to an account, the oldest first.
async fn of_account(account: &Address, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let history = market.account_history(account).await?;
    let mut tokens = Tokens::new(session);
    let mut token = None;
    for historic in &history.events {
        // All that happens to an account happens on one bus.
        token = match (event::bus(&historic.event), offer_of(&historic.event)) {
            (Some(bus), _) => Some(tokens.of_bus(&bus).await?),
            (None, Some(offer)) => tokens.of_offer(&offer).await?,
            (None, None) => None,
        };
        if token.is_some() {
            break;
        }
    }
    if token.is_none()
        && let Ok(position) = market.position(account).await
    {
        let book = market.delivery_book(&position.book).await?;
        token = Some(tokens.of_bus(&book.bus).await?);
    }
    let events = history
        .events
        .into_iter()
        .map(|historic| EventView {
            event: historic.event,
            signature: historic.signature.to_string(),
            slot: historic.slot,
        })
        .collect();
    Ok(Box::new(OfAccount {
        account: account.to_string(),
        complete: history.unread.is_empty(),
        token,
        events,
        unread: history.unread.iter().map(ToString::to_string).collect(),
    }))
}

/// The offer that an event is about, where it names no bus.
fn offer_of(event: &Event) -> Option<Address> {
    match event {
        Event::OfferRepriced(event) => Some(event.offer),
        Event::OfferExpirySet(event) => Some(event.offer),
        Event::OfferCollected(event) => Some(event.offer),
        Event::LockTaken(event) => Some(event.offer),
        Event::LockReleased(event) => Some(event.offer),
        Event::EnergyPurchased(event) => event.fills.first().map(|fill| fill.offer),
        _ => None,
    }
}

#[derive(Serialize)]
struct EventView {
    #[serde(flatten, serialize_with = "event::serialize")]
    event: Event,
    signature: String,
    slot: u64,
}

#[derive(Serialize)]
struct OfAccount {
    account: String,
    /// Whether the node served the logs of all its transactions.
    complete: bool,
    /// The token of amounts; left out where no event tells it.
    #[serde(flatten)]
    token: Option<Token>,
    events: Vec<EventView>,
    /// Transactions of which it did not.
    unread: Vec<String>,
}

impl View for OfAccount {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.events.iter().map(|event| event.signature.clone()).collect())
    }

    fn text(&self, page: &mut Page) {
        if self.events.is_empty() {
            page.line(format!("nothing happened to {} that this node knows of", self.account));
        }
        for EventView { event, slot, .. } in &self.events {
            page.line(format!("slot {slot}  {}", words(event, self.token.as_ref().map(Token::mint_decimals))));
        }
        if !self.complete {
            let unread = count(self.unread.len() as u64, "transaction");
            page.line(format!("the logs of {unread} are cut off or not served: events may be missing"));
        }
    }
}

#[derive(Serialize)]
struct PurchaseView {
    nonce: u64,
    transaction_hash: String,
    energy_wh: u64,
    paid_base_units: u64,
    /// `null` where the node does not serve the purchase's transaction.
    mint: Option<String>,
    mint_decimals: Option<u8>,
    purchased_at: i64,
    signature: Option<String>,
    /// `null` for a purchase.
    bid: Option<BidView>,
}

/// A bid of a lane. What it got is not in the lane's history: its fills carry its hash, and `tx verify` tells.
#[derive(Serialize)]
struct BidView {
    address: String,
    /// `null`, as below, where the node does not serve the bid's transaction.
    bus: Option<String>,
    window_start: Option<i64>,
    energy_wh: Option<u64>,
    max_price_per_kwh: Option<u64>,
    deposit_base_units: Option<u64>,
}

impl BidView {
    fn of(purchase: &HistoricPurchase) -> Option<Self> {
        let event = purchase.bid.as_ref();
        purchase.is_bid().then(|| Self {
            address: address::bid(&purchase.transaction_hash.0).to_string(),
            bus: event.map(|event| event.bus.to_string()),
            window_start: event.map(|event| event.window_start),
            energy_wh: event.map(|event| event.energy_wh),
            max_price_per_kwh: event.map(|event| event.max_price_per_kwh),
            deposit_base_units: event.map(|event| event.deposit),
        })
    }
}

#[derive(Serialize)]
struct LaneView {
    lane: u16,
    verified: bool,
    closed: bool,
    history_root: String,
    flaws: Vec<String>,
    purchases: Vec<PurchaseView>,
}

impl LaneView {
    async fn of(lane: u16, history: &History, tokens: &mut Tokens<'_>) -> Result<Self, Failure> {
        let mut purchases = Vec::with_capacity(history.purchases.len());
        for purchase in &history.purchases {
            let token = match (purchase.fills.first(), &purchase.bid) {
                (Some(fill), _) => tokens.of_offer(&fill.offer).await?,
                (None, Some(bid)) => Some(tokens.of_bus(&bid.bus).await?),
                (None, None) => None,
            };
            purchases.push(PurchaseView {
                nonce: purchase.nonce,
                transaction_hash: purchase.transaction_hash.to_string(),
                energy_wh: purchase.energy_wh,
                paid_base_units: purchase.paid,
                mint: token.as_ref().map(|token| token.mint().to_owned()),
                mint_decimals: token.as_ref().map(Token::mint_decimals),
                purchased_at: purchase.purchased_at,
                signature: purchase.signature.map(|signature| signature.to_string()),
                bid: BidView::of(purchase),
            });
        }
        Ok(Self {
            lane,
            verified: history.is_verified(),
            closed: history.is_closed,
            history_root: Hex(&history.root).to_string(),
            flaws: history.flaws.iter().map(ToString::to_string).collect(),
            purchases,
        })
    }
}

#[derive(Serialize)]
struct Told {
    wallet: String,
    verified: bool,
    lanes: Vec<LaneView>,
}

impl View for Told {
    fn essence(&self) -> Option<Vec<String>> {
        let purchases = self.lanes.iter().flat_map(|lane| &lane.purchases);
        Some(purchases.map(|purchase| purchase.transaction_hash.clone()).collect())
    }

    fn text(&self, page: &mut Page) {
        if self.lanes.is_empty() {
            page.line(format!("{} has no lane open; name a closed one with --lane", self.wallet));
        }
        for (index, lane) in self.lanes.iter().enumerate() {
            if index > 0 {
                page.line("");
            }
            let verdict =
                if lane.verified { "leads to the root on chain" } else { "does NOT lead to the root on chain" };
            let bids = lane.purchases.iter().filter(|purchase| purchase.bid.is_some()).count() as u64;
            let purchases = count(lane.purchases.len() as u64 - bids, "purchase");
            let bids = if bids > 0 { format!(" and {}", count(bids, "bid")) } else { String::new() };
            page.line(format!("lane {}: {purchases}{bids}, history {verdict}", lane.lane));
            page.line(format!("root {}", lane.history_root));
            if lane.purchases.is_empty() {
                continue;
            }
            page.table(
                &["when", ">energy", ">paid", "transaction hash"],
                lane.purchases.iter().map(|purchase| {
                    let (energy, paid) = match &purchase.bid {
                        None => (
                            format_energy(purchase.energy_wh),
                            format_amount(purchase.paid_base_units, purchase.mint_decimals),
                        ),
                        Some(bid) => (bid.energy_wh.map(format_energy).unwrap_or_default(), "bid".to_owned()),
                    };
                    vec![format_time(purchase.purchased_at), energy, paid, short(&purchase.transaction_hash)]
                }),
            );
        }
    }

    fn failure(&self) -> Option<String> {
        if self.verified {
            return None;
        }
        let flaws =
            self.lanes.iter().flat_map(|lane| lane.flaws.iter().map(move |flaw| format!("lane {}: {flaw}", lane.lane)));
        Some(flaws.collect::<Vec<_>>().join("\n"))
    }
}

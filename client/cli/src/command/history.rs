//! `multibus history`: what a wallet bought, checked against what is on chain.

use {
    crate::{
        failure::Failure,
        output::{Page, Reply, View, short},
        session::Session,
        tokens::{Token, Tokens},
        value::{Hex, address, count, format_amount, format_energy, format_time},
    },
    clap::Args,
    multibus_client::{Address, history::History},
    serde::Serialize,
};

/// Purchases of a wallet, checked against the history root on chain; the exit code is 0 only where they agree
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus history 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC
  multibus history --lane 0 --output json")]
pub struct HistoryArgs {
    /// The wallet [default: the signing wallet]
    #[arg(value_name = "WALLET", value_parser = address)]
    wallet: Option<Address>,
    /// Only this lane
    #[arg(long, value_name = "N")]
    lane: Option<u16>,
}

/// Runs `multibus history`.
///
/// # Errors
/// Where the chain cannot be asked, or the history does not lead to the root on chain.
pub async fn run(args: HistoryArgs, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
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
            let token = match purchase.fills.first() {
                Some(fill) => tokens.of_offer(&fill.offer).await?,
                None => None,
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
            let purchases = count(lane.purchases.len() as u64, "purchase");
            page.line(format!("lane {}: {purchases}, history {verdict}", lane.lane));
            page.line(format!("root {}", lane.history_root));
            if lane.purchases.is_empty() {
                continue;
            }
            page.table(
                &["when", ">energy", ">paid", "transaction hash"],
                lane.purchases.iter().map(|purchase| {
                    vec![
                        format_time(purchase.purchased_at),
                        format_energy(purchase.energy_wh),
                        format_amount(purchase.paid_base_units, purchase.mint_decimals),
                        short(&purchase.transaction_hash),
                    ]
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

//! `multibus tx`: did a purchase happen, and what became of a bid?

use {
    crate::{
        failure::Failure,
        output::{Page, Reply, View},
        session::Session,
        terms::{settlement_of, settlement_words},
        tokens::{Token, Tokens},
        value::{TransactionName, address as parse_address, count, format_energy, format_scaled, format_time},
    },
    clap::{Args, Subcommand},
    multibus_client::{
        Address, Signature, address,
        bid::{BidProgress, BidStatus},
        event::{self, BidCreated, EnergyPurchased, Event, PurchasedFill},
        history::{Evidence, Processed},
        purchase::TransactionHash,
    },
    serde::Serialize,
};

#[derive(Subcommand, Debug)]
pub enum TxCommand {
    Verify(VerifyArgs),
}

/// Check on chain that a purchase happened or a bid was made; the exit code is 0 only where it did
///
/// A transaction hash is known before its purchase is sent, so that after a time-out it tells whether to buy again. Of a bid it
/// also tells what became of it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus tx verify \\
      5d1f3e7c9a0b2d4f6e8c0a1b3d5f7e9c1a2b4d6f8e0c1a3b5d7f9e1c2a4b6d8f
  multibus tx verify \\
      5d1f3e7c9a0b2d4f6e8c0a1b3d5f7e9c1a2b4d6f8e0c1a3b5d7f9e1c2a4b6d8f \\
      --wallet 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC")]
pub struct VerifyArgs {
    /// Transaction hash of the purchase or the bid, or the signature of its transaction
    #[arg(value_name = "HASH_OR_SIGNATURE")]
    transaction: TransactionName,
    /// Who bought, where that is known: the wallet's lanes are looked through first
    #[arg(long, value_name = "WALLET", value_parser = parse_address)]
    wallet: Option<Address>,
}

/// Transactions of a lane that are looked through for one of its last 16 purchases.
const RECENT: usize = 64;

/// Writes what was paid, in whole tokens where the token is known: `0.35 tokens (350000 base units)`.
fn format_paid(base_units: u64, mint_decimals: Option<u8>) -> String {
    let units = count(base_units, "base unit");
    match mint_decimals {
        Some(decimals) => format!("{} tokens ({units})", format_scaled(base_units, decimals.into())),
        None => units,
    }
}

/// Runs a verb of `tx`.
///
/// # Errors
/// Where the purchase did not happen, or the chain cannot tell.
pub async fn run(command: TxCommand, session: &Session) -> Result<Reply, Failure> {
    let TxCommand::Verify(args) = command;
    match args.transaction {
        TransactionName::Hash(hash) => verify_hash(TransactionHash(hash), args.wallet, session).await,
        TransactionName::Signature(signature) => verify_signature(signature, session).await,
    }
}

async fn verify_hash(hash: TransactionHash, wallet: Option<Address>, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    // Usually the buyer asks.
    let likely = wallet.or_else(|| session.address_or_own(None).ok());
    let mut processed = None;
    if likely.is_some() {
        processed = market.is_transaction_processed(&hash, likely.as_ref()).await?;
    }
    if processed.is_none() && wallet.is_none() {
        processed = market.is_transaction_processed(&hash, None).await?;
    }
    let mut purchases = Vec::new();
    if let Some(processed) = processed {
        purchases.push(ProcessedView::of(&processed, find(&processed, session).await?, session).await?);
    }
    Ok(Box::new(Verified {
        transaction_hash: Some(hash.to_string()),
        signature: None,
        processed: !purchases.is_empty(),
        purchases,
    }))
}

async fn verify_signature(signature: Signature, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let Some(record) = session.chain().transaction(&signature).await? else {
        return Err(Failure::sentence(format!(
            "the chain does not know the transaction {signature}; check the signature and --url (nodes forget old \
             transactions, a transaction hash can always be verified)"
        )));
    };
    let mut purchases = Vec::new();
    if record.error.is_none() {
        for event in event::parse(&record.logs).events {
            let Some(logged) = Logged::of(event) else { continue };
            if let Some(processed) = market.is_transaction_processed(&logged.hash(), Some(&logged.buyer())).await? {
                purchases.push(ProcessedView::of(&processed, Some((signature, logged)), session).await?);
            }
        }
    }
    Ok(Box::new(Verified {
        transaction_hash: None,
        signature: Some(signature.to_string()),
        processed: !purchases.is_empty(),
        purchases,
    }))
}

/// The transaction of a purchase and what it logged; `None` where the node does not serve it.
async fn find(processed: &Processed, session: &Session) -> Result<Option<(Signature, Logged)>, Failure> {
    let chain = session.chain();
    let signatures = match processed.signature {
        Some(signature) => vec![signature],
        // Its receipt is on chain, so it is among the lane's last purchases.
        None => {
            let lane = address::trader(&processed.wallet, processed.lane);
            let recent = chain.signatures_for(&lane, None, RECENT).await?;
            recent.into_iter().filter(|info| info.error.is_none()).map(|info| info.signature).collect()
        }
    };
    for signature in signatures {
        let Some(record) = chain.transaction(&signature).await? else { continue };
        for event in record.events() {
            if let Some(logged) = Logged::of(event)
                && logged.hash() == processed.transaction_hash
            {
                return Ok(Some((signature, logged)));
            }
        }
    }
    Ok(None)
}

/// What a transaction logged of a purchase or a bid.
enum Logged {
    Purchase(EnergyPurchased),
    Bid(BidCreated),
}

impl Logged {
    fn of(event: Event) -> Option<Self> {
        match event {
            Event::EnergyPurchased(event) => Some(Self::Purchase(event)),
            Event::BidCreated(event) => Some(Self::Bid(event)),
            _ => None,
        }
    }

    fn hash(&self) -> TransactionHash {
        TransactionHash(match self {
            Self::Purchase(event) => event.transaction_hash,
            Self::Bid(event) => event.transaction_hash,
        })
    }

    fn buyer(&self) -> Address {
        match self {
            Self::Purchase(event) => event.buyer,
            Self::Bid(event) => event.buyer,
        }
    }
}

/// A bid, and what became of it.
#[derive(Serialize)]
struct BidOutcomeView {
    address: String,
    /// `open`, `filled` (on delivery terms the deliveries are not all counted), `delivered`, `unfilled`, `cancelled`, or `ended`:
    /// its account is closed, and the node serves no log that tells how.
    state: &'static str,
    /// What it is for; `null`, as below, where the node does not serve the bid's transaction.
    energy_wh: Option<u64>,
    max_price_per_kwh: Option<u64>,
    deposit_base_units: Option<u64>,
    bus: Option<String>,
    window_start: Option<i64>,
    /// What the auction gave it; `null` before, and where it is not known.
    allotted_wh: Option<u64>,
    delivered_wh: Option<u64>,
    paid_base_units: Option<u64>,
}

impl BidOutcomeView {
    fn of(status: &BidStatus, logged: Option<&BidCreated>) -> Self {
        let (allotted_wh, delivered_wh, paid) = match status.state {
            BidProgress::Filled { allotted_wh, paid } => (Some(allotted_wh), None, Some(paid)),
            BidProgress::Delivered { allotted_wh, delivered_wh, paid } => {
                (Some(allotted_wh), Some(delivered_wh), Some(paid))
            }
            BidProgress::Unfilled | BidProgress::Cancelled => (Some(0), None, Some(0)),
            BidProgress::Open | BidProgress::Ended => (None, None, None),
        };
        Self {
            address: status.address.to_string(),
            state: status.state.name(),
            energy_wh: logged.map(|event| event.energy_wh),
            max_price_per_kwh: logged.map(|event| event.max_price_per_kwh),
            deposit_base_units: logged.map(|event| event.deposit),
            bus: logged.map(|event| event.bus.to_string()),
            window_start: logged.map(|event| event.window_start),
            allotted_wh,
            delivered_wh,
            paid_base_units: paid,
        }
    }

    /// What became of it, in words.
    fn words(&self, mint_decimals: Option<u8>) -> String {
        let got = format_energy(self.allotted_wh.unwrap_or_default());
        let paid = format_paid(self.paid_base_units.unwrap_or_default(), mint_decimals);
        match self.state {
            "open" => "open: its auction is not settled yet".to_owned(),
            "filled" => format!("got {got} for {paid}"),
            "delivered" => {
                format!(
                    "got {got}, of it {} delivered, for {paid}",
                    format_energy(self.delivered_wh.unwrap_or_default())
                )
            }
            "unfilled" => "got nothing, the deposit came back".to_owned(),
            "cancelled" => "cancelled by its buyer, the deposit came back".to_owned(),
            _ => "ended; this node does not keep the log that tells how".to_owned(),
        }
    }
}

#[derive(Serialize)]
struct ProcessedView {
    transaction_hash: String,
    wallet: String,
    lane: u16,
    nonce: u64,
    energy_wh: u64,
    paid_base_units: u64,
    /// `null` where the node does not serve the purchase's transaction.
    mint: Option<String>,
    mint_decimals: Option<u8>,
    /// `on_purchase` or `on_delivery`; `null` where the offers are closed, or differ.
    settlement: Option<String>,
    purchased_at: i64,
    signature: Option<String>,
    evidence: &'static str,
    /// `null` for a purchase.
    bid: Option<BidOutcomeView>,
}

impl ProcessedView {
    /// `found` is the purchase's transaction and what it logged.
    async fn of(processed: &Processed, found: Option<(Signature, Logged)>, session: &Session) -> Result<Self, Failure> {
        let signature = processed.signature.or(found.as_ref().map(|(signature, _)| *signature));
        let (fills, bid): (&[PurchasedFill], _) = match found.as_ref().map(|(_, logged)| logged) {
            Some(Logged::Purchase(event)) => (&event.fills, None),
            Some(Logged::Bid(event)) => (&[], Some(event)),
            None => (&[], None),
        };
        // All offers of a purchase are paid in one token.
        let token = match (fills.first(), bid) {
            (Some(fill), _) => Tokens::new(session).of_offer(&fill.offer).await?,
            (None, Some(bid)) => Some(Tokens::new(session).of_bus(&bid.bus).await?),
            (None, None) => None,
        };
        let offers: Vec<Address> = fills.iter().map(|fill| fill.offer).collect();
        let mut settlements: Vec<Option<String>> =
            session.market().offers(&offers).await?.iter().map(|offer| Some(settlement_of(offer.as_ref()?))).collect();
        settlements.dedup();
        let settlement = if settlements.len() == 1 { settlements.remove(0) } else { None };
        Ok(Self {
            transaction_hash: processed.transaction_hash.to_string(),
            wallet: processed.wallet.to_string(),
            lane: processed.lane,
            nonce: processed.nonce,
            energy_wh: processed.energy_wh,
            paid_base_units: processed.paid,
            mint: token.as_ref().map(|token| token.mint().to_owned()),
            mint_decimals: token.as_ref().map(Token::mint_decimals),
            settlement,
            purchased_at: processed.purchased_at,
            signature: signature.map(|signature| signature.to_string()),
            evidence: match processed.evidence {
                Evidence::Receipt => "receipt",
                Evidence::VerifiedHistory => "verified history",
                Evidence::Event => "event",
            },
            bid: processed.bid.as_ref().map(|status| BidOutcomeView::of(status, bid)),
        })
    }
}

#[derive(Serialize)]
struct Verified {
    transaction_hash: Option<String>,
    signature: Option<String>,
    processed: bool,
    purchases: Vec<ProcessedView>,
}

impl View for Verified {
    fn text(&self, page: &mut Page) {
        for purchase in &self.purchases {
            page.line(if purchase.bid.is_some() { "the bid was made" } else { "the purchase happened" });
            let mut fields = vec![
                ("transaction hash", purchase.transaction_hash.clone()),
                ("buyer", purchase.wallet.clone()),
                ("nonce", format!("{} of lane {}", purchase.nonce, purchase.lane)),
            ];
            match &purchase.bid {
                None => fields.extend([
                    ("energy", format_energy(purchase.energy_wh)),
                    ("paid", format_paid(purchase.paid_base_units, purchase.mint_decimals)),
                ]),
                Some(bid) => {
                    fields.push(("bid", bid.address.clone()));
                    fields.extend(bid.window_start.map(|start| ("window", format_time(start))));
                    fields.extend(bid.energy_wh.map(|energy_wh| ("energy", format_energy(energy_wh))));
                    let deposit = bid.deposit_base_units;
                    fields.extend(deposit.map(|deposit| ("deposit", format_paid(deposit, purchase.mint_decimals))));
                    fields.push(("outcome", bid.words(purchase.mint_decimals)));
                }
            }
            fields.extend([("when", format_time(purchase.purchased_at)), ("shown by", purchase.evidence.to_owned())]);
            if let Some(settlement) = &purchase.settlement {
                fields.push(("seller paid", settlement_words(settlement).to_owned()));
            }
            if let Some(signature) = &purchase.signature {
                fields.push(("signature", signature.clone()));
            }
            page.fields(fields);
        }
    }

    fn failure(&self) -> Option<String> {
        if self.processed {
            return None;
        }
        Some(match (&self.transaction_hash, &self.signature) {
            (Some(hash), _) => format!(
                "no purchase with the hash {hash} happened and no bid, as far as this chain tells; check the hash and --url, and \
                 buy again only with a lane that shows the nonce unspent (`multibus trader show`)"
            ),
            (None, signature) => format!(
                "the transaction {} bought nothing and made no bid; check the signature",
                signature.as_deref().unwrap_or_default()
            ),
        })
    }
}

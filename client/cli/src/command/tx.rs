//! `multibus tx`: did a purchase happen?

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
        event::{self, EnergyPurchased, Event},
        history::{Evidence, Processed},
        purchase::TransactionHash,
    },
    serde::Serialize,
};

#[derive(Subcommand, Debug)]
pub enum TxCommand {
    Verify(VerifyArgs),
}

/// Check on chain that a purchase happened; the exit code is 0 only where it did
///
/// A transaction hash is known before its purchase is sent, so that after a time-out it tells whether to buy again.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus tx verify \\
      5d1f3e7c9a0b2d4f6e8c0a1b3d5f7e9c1a2b4d6f8e0c1a3b5d7f9e1c2a4b6d8f
  multibus tx verify \\
      5d1f3e7c9a0b2d4f6e8c0a1b3d5f7e9c1a2b4d6f8e0c1a3b5d7f9e1c2a4b6d8f \\
      --wallet 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC")]
pub struct VerifyArgs {
    /// The purchase's transaction hash, or the signature of its transaction
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
            let Event::EnergyPurchased(event) = event else { continue };
            let hash = TransactionHash(event.transaction_hash);
            if let Some(processed) = market.is_transaction_processed(&hash, Some(&event.buyer)).await? {
                purchases.push(ProcessedView::of(&processed, Some((signature, event)), session).await?);
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
async fn find(processed: &Processed, session: &Session) -> Result<Option<(Signature, EnergyPurchased)>, Failure> {
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
            if let Event::EnergyPurchased(event) = event
                && TransactionHash(event.transaction_hash) == processed.transaction_hash
            {
                return Ok(Some((signature, event)));
            }
        }
    }
    Ok(None)
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
}

impl ProcessedView {
    /// `found` is the purchase's transaction and what it logged.
    async fn of(
        processed: &Processed,
        found: Option<(Signature, EnergyPurchased)>,
        session: &Session,
    ) -> Result<Self, Failure> {
        let signature = processed.signature.or(found.as_ref().map(|(signature, _)| *signature));
        // All offers of a purchase are paid in one token.
        let token = match found.as_ref().and_then(|(_, event)| event.fills.first()) {
            Some(fill) => Tokens::new(session).of_offer(&fill.offer).await?,
            None => None,
        };
        let offers: Vec<Address> =
            found.iter().flat_map(|(_, event)| event.fills.iter().map(|fill| fill.offer)).collect();
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
            page.line("the purchase happened");
            let mut fields = vec![
                ("transaction hash", purchase.transaction_hash.clone()),
                ("buyer", purchase.wallet.clone()),
                ("nonce", format!("{} of lane {}", purchase.nonce, purchase.lane)),
                ("energy", format_energy(purchase.energy_wh)),
                ("paid", format_paid(purchase.paid_base_units, purchase.mint_decimals)),
                ("when", format_time(purchase.purchased_at)),
                ("shown by", purchase.evidence.to_owned()),
            ];
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
                "no purchase with the hash {hash} happened as far as this chain tells; check the hash and --url, and \
                 buy again only with a lane that shows the nonce unspent (`multibus trader show`)"
            ),
            (None, signature) => format!(
                "the transaction {} bought nothing; check the signature",
                signature.as_deref().unwrap_or_default()
            ),
        })
    }
}

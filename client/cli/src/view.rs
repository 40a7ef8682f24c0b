//! What the answers of several verbs share.

use {
    crate::{
        failure::Failure,
        output::Page,
        session::Session,
        value::{format_scaled, format_time},
    },
    multibus_client::{
        Address, Keyed, Sent,
        account::MarketAccount,
        auction::phase_name,
        event::Event,
        multibus::state::{Bus, Capacity, Offer, Seller},
    },
    serde::Serialize,
};

/// Decimals of SOL.
pub const SOL_DECIMALS: usize = 9;

/// Writes lamports as SOL: `0.0021 SOL`.
pub fn format_sol(lamports: u64) -> String {
    format!("{} SOL", format_scaled(lamports, SOL_DECIMALS))
}

/// The transaction of an answer.
#[derive(Serialize)]
pub struct TransactionView {
    pub signature: String,
    pub slot: u64,
    pub compute_units: u64,
    pub fee_lamports: u64,
}

impl From<&Sent> for TransactionView {
    fn from(sent: &Sent) -> Self {
        Self {
            signature: sent.signature.to_string(),
            slot: sent.slot,
            compute_units: sent.compute_units,
            fee_lamports: sent.fee,
        }
    }
}

/// Writes the signature of a transaction.
pub fn signature_line(page: &mut Page, transaction: &TransactionView) {
    page.line(format!("signature  {}", transaction.signature));
}

/// A seller account that a transaction opened with its vault.
#[derive(Serialize)]
pub struct OpenedSeller {
    pub seller: String,
    pub vault: String,
    pub rent_lamports: u64,
}

impl OpenedSeller {
    /// Writes that the account was opened and what that cost.
    pub fn line(&self, page: &mut Page) {
        page.line(format!(
            "opened the seller account {}: its rent, {}, comes back when it is closed",
            self.seller,
            format_sol(self.rent_lamports)
        ));
    }
}

/// The seller account that a transaction opened, where it opened one.
///
/// # Errors
/// Where the chain cannot be reached.
pub async fn opened_seller(sent: &Sent, bus: &Keyed<Bus>, session: &Session) -> Result<Option<OpenedSeller>, Failure> {
    let opened = sent.events.iter().find_map(|event| match event {
        Event::SellerOpened(event) => Some(event),
        _ => None,
    });
    let Some(event) = opened else { return Ok(None) };
    Ok(Some(OpenedSeller {
        seller: event.seller.to_string(),
        vault: event.vault.to_string(),
        rent_lamports: seller_rent(bus, session).await?,
    }))
}

/// Lamports that a seller account and its vault hold.
///
/// # Errors
/// Where the chain cannot be reached.
pub async fn seller_rent(bus: &Keyed<Bus>, session: &Session) -> Result<u64, Failure> {
    let chain = session.chain();
    // The program makes vaults as it made the treasury, whose length depends on the mint.
    let accounts = chain.accounts(&[bus.treasury]).await?;
    let vault_bytes = accounts.first().and_then(Option::as_ref).map_or(0, |account| account.data.len());
    let (seller, vault) = (chain.minimum_rent(Seller::len()).await?, chain.minimum_rent(vault_bytes).await?);
    Ok(seller.saturating_add(vault))
}

/// Who can close a window of a bus now.
fn closable_by(capacity: &Capacity, bus: &Bus, now: i64) -> &'static str {
    let end = capacity.window_start.saturating_add(i64::from(capacity.terms.window_seconds));
    if capacity.window_start == 0 || capacity.open_offers > 0 || capacity.open_bids > 0 {
        NOBODY
    } else if bus.closing != 0 {
        ANYONE
    } else if capacity.committed_wh == 0 {
        if now >= capacity.gate_closes_at { ANYONE } else { SOME }
    } else if now >= end {
        ANYONE
    } else {
        NOBODY
    }
}

const ANYONE: &str = "anyone";
/// Who paid its rent, the owners and the operator.
const SOME: &str = "rent payer, owners, operator";
const NOBODY: &str = "nobody";

/// A window with which a verb failed, and why.
#[derive(Serialize)]
pub struct WindowFailure {
    pub window_start: i64,
    pub message: String,
}

impl WindowFailure {
    /// The window and the reason, for [`partly`](crate::output::partly).
    pub fn line(&self) -> (String, &str) {
        (format_time(self.window_start), &self.message)
    }
}

/// A window of a bus, or the bus as a whole where it has none: what it may sell, and what of that is listed and sold.
#[derive(Serialize)]
pub struct WindowView {
    pub address: String,
    /// 0 for the general capacity.
    pub window_start: i64,
    /// `null` for the general capacity.
    pub gate_closes_at: Option<i64>,
    pub total_wh: u64,
    pub available_wh: u64,
    pub listed_wh: u64,
    pub sold_wh: u64,
    pub open_offers: u32,
    pub open_bids: u32,
    /// Where its auction stands: `off`, `trading`, `closing`, `fixed`, `cleared` or `over`.
    pub auction: &'static str,
    pub rent_payer: String,
    /// Who can close it now: `anyone`, `nobody`, or `rent payer, owners, operator`.
    pub closable_by: &'static str,
    #[serde(skip)]
    is_over: bool,
}

impl WindowView {
    /// Every window of a bus, the general capacity first.
    ///
    /// # Errors
    /// Where the chain cannot be reached.
    pub async fn all(bus: &Keyed<Bus>, session: &Session) -> Result<Vec<Self>, Failure> {
        let market = session.market();
        let now = session.now().await?;
        let (capacities, offers) = (market.capacities(&bus.address).await?, market.all_offers(&bus.address).await?);
        Ok(capacities.iter().map(|capacity| Self::of(capacity, &offers, bus, now)).collect())
    }

    /// A window, where `offers` are the open ones of its bus.
    pub fn of(capacity: &Keyed<Capacity>, offers: &[Keyed<Offer>], bus: &Bus, now: i64) -> Self {
        let of_window = offers.iter().filter(|offer| offer.capacity == capacity.address);
        // What open offers sold counts at once: all that is committed and not for sale any more is sold.
        let listed_wh =
            of_window.map(|offer| offer.remaining_wh).fold(0, u64::saturating_add).min(capacity.committed_wh);
        Self {
            address: capacity.address.to_string(),
            window_start: capacity.window_start,
            gate_closes_at: (capacity.window_start != 0).then_some(capacity.gate_closes_at),
            total_wh: capacity.total_wh,
            available_wh: capacity.available_under(bus.capacity_wh),
            listed_wh,
            sold_wh: capacity.committed_wh - listed_wh,
            open_offers: capacity.open_offers,
            open_bids: capacity.open_bids,
            auction: phase_name(capacity.phase(now)),
            rent_payer: capacity.rent_payer.to_string(),
            closable_by: closable_by(capacity, bus, now),
            is_over: now >= capacity.gate_closes_at,
        }
    }

    /// Whether a wallet can close it now.
    pub fn can_be_closed_by(&self, wallet: &Address, bus: &Bus) -> bool {
        match self.closable_by {
            ANYONE => true,
            SOME => {
                let manages = bus.owner_index(wallet).is_some() || bus.is_operator(wallet);
                manages || self.rent_payer == wallet.to_string()
            }
            _ => false,
        }
    }

    /// Whether it trades, and who can close it, in a few words.
    pub fn state(&self) -> String {
        let trades = match (self.is_over, self.auction) {
            (false, "closing") => "auction closes",
            (false, _) => "trades",
            (true, "fixed") => "auction to be cleared",
            (true, "cleared") => "auction cleared",
            (true, _) => "gate closed",
        };
        match self.closable_by {
            ANYONE => format!("{trades}, anyone can close it"),
            SOME => "trades, unused".to_owned(),
            _ => trades.to_owned(),
        }
    }
}

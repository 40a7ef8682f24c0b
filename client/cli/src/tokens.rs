//! Which token an offer, open or closed, is paid in: answers that name an offer show whole tokens, too.

use {
    crate::{failure::Failure, session::Session, value::format_scaled},
    multibus_client::{Address, Keyed, event, multibus::state::Bus},
    serde::Serialize,
    std::collections::HashMap,
};

/// The token that pays.
#[derive(Clone, Serialize)]
pub struct Token {
    mint: String,
    mint_decimals: u8,
}

impl Token {
    pub fn of(bus: &Keyed<Bus>) -> Self {
        Self::new(&bus.mint, bus.mint_decimals)
    }

    pub fn new(mint: &Address, mint_decimals: u8) -> Self {
        Self { mint: mint.to_string(), mint_decimals }
    }

    pub fn mint(&self) -> &str {
        &self.mint
    }

    pub fn mint_decimals(&self) -> u8 {
        self.mint_decimals
    }

    pub fn format(&self, base_units: u64) -> String {
        format_scaled(base_units, self.mint_decimals as usize)
    }
}

/// The tokens of offers, each looked up once.
pub struct Tokens<'a> {
    session: &'a Session,
    of_bus: HashMap<Address, Token>,
    of_offer: HashMap<Address, Option<Token>>,
}

impl<'a> Tokens<'a> {
    pub fn new(session: &'a Session) -> Self {
        Self { session, of_bus: HashMap::new(), of_offer: HashMap::new() }
    }

    /// The token of a bus, open or closed.
    ///
    /// # Errors
    /// Where there never was such a bus, or the chain cannot be reached.
    pub async fn of_bus(&mut self, bus: &Address) -> Result<Token, Failure> {
        if let Some(token) = self.of_bus.get(bus) {
            return Ok(token.clone());
        }
        let mint = self.session.market().claim_payer(bus).await?.settlement.mint;
        let token = Token::new(&mint, self.session.mint_decimals(&mint).await?);
        self.of_bus.insert(*bus, token.clone());
        Ok(token)
    }

    /// The token of an offer; `None` where the offer is closed and the node does not serve its transactions.
    ///
    /// # Errors
    /// Where the chain cannot be reached.
    pub async fn of_offer(&mut self, offer: &Address) -> Result<Option<Token>, Failure> {
        if let Some(token) = self.of_offer.get(offer) {
            return Ok(token.clone());
        }
        let token = match self.bus_of(offer).await? {
            Some(bus) => Some(self.of_bus(&bus).await?),
            None => None,
        };
        self.of_offer.insert(*offer, token.clone());
        Ok(token)
    }

    async fn bus_of(&self, offer: &Address) -> Result<Option<Address>, Failure> {
        if let Some(Some(offer)) = self.session.market().offers(&[*offer]).await?.first() {
            return Ok(Some(offer.bus));
        }
        // The transaction that closed it, which is its last, names its bus.
        let chain = self.session.chain();
        let Some(last) = chain.signatures_for(offer, None, 1).await?.into_iter().next() else { return Ok(None) };
        let Some(record) = chain.transaction(&last.signature).await? else { return Ok(None) };
        Ok(record.events().iter().find_map(|event| match event {
            event::Event::OfferCancelled(event) if event.offer == *offer => Some(event.bus),
            _ => None,
        }))
    }
}

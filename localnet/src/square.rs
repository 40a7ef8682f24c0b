//! Market Square, the bus on which an auction closes each window of 10 minutes: sellers list, members bid what the energy is worth
//! to them, and at the gate one price clears the window. The operator proves it and settles each order, as anyone could.

use anyhow::Result;
use futures_util::future::try_join_all;
use multibus_client::{
    Error, Keyed, PricePerKwh, Wh, address,
    bid::{BidFilter, BidOrder},
    bus::Bus,
    multibus::token::SPL_TOKEN_ID,
    offer::{EnergySource, OfferTerms},
    terms::Terms,
};

use crate::{
    key,
    village::{TOKEN, Village},
};

/// Windows ahead in which there are offers and bids: forty minutes.
const WINDOWS_AHEAD: i64 = 4;
/// Sellers: name, Wh in every window, base units per kWh without the grid fee, source.
const LISTED: [(&str, u64, u64, EnergySource); 3] = [
    ("erin", 2_000, 170_000, EnergySource::Solar),
    ("frank", 1_500, 210_000, EnergySource::Wind),
    ("dave", 3_000, 260_000, EnergySource::Biomass),
];
/// Who bids.
const BIDDERS: [&str; 3] = ["alice", "bob", "carol"];
/// What a bidder always keeps, in tokens: then it bids no more.
const LEAST_TOKENS: u64 = 10;

/// What a bidder bids in a window: 600 to 2,500 Wh at 0.18 to 0.32 tokens a kWh, and the grid fee on top. It differs from window to
/// window, and is the same whenever it is asked for.
fn bid_of(bidder: usize, window_start: i64, terms: &Terms) -> (Wh, PricePerKwh) {
    let number = window_start.unsigned_abs() / u64::from(terms.window_seconds.max(1)) * 7 + bidder as u64;
    let drawn = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    let energy_wh = 600 + drawn % 20 * 100;
    let price_per_kwh = 180_000 + drawn / 20 % 15 * 10_000;
    (Wh(energy_wh), PricePerKwh(price_per_kwh.saturating_add(terms.grid_fee_per_kwh)))
}

impl Village {
    /// Keeps Market Square going: lists and bids in the next windows, and pays sellers.
    pub(crate) async fn tend_square(&self, now: i64) -> Result<()> {
        let bus = self.market.bus(&self.market_square).await?;
        let terms = *bus.terms_at(now);
        if Self::takes_offers(&bus) && terms.has_auction() {
            let length = i64::from(terms.window_seconds);
            // The first whose gate stays open for a while.
            let first = (now + i64::from(terms.gate_closure_seconds) + 60).div_euclid(length) * length + length;
            let starts: Vec<i64> = (0..WINDOWS_AHEAD).map(|window| first + window * length).collect();
            self.list_at_square(&bus, &starts).await?;
            self.bid_at_square(&bus, &terms, &starts).await?;
        }
        for (seller, ..) in LISTED {
            let Some(seller) = self.market.find_seller(&bus.address, &key::address(seller)).await? else { continue };
            let money = self.market.seller_money(&seller).await?;
            if money.released + money.proceeds > 0 {
                self.wallet("operator").seller_withdraw(&bus.address, &seller.wallet).await?;
            }
        }
        Ok(())
    }

    async fn list_at_square(&self, bus: &Keyed<Bus>, starts: &[i64]) -> Result<()> {
        try_join_all(LISTED.map(|(seller, energy_wh, price_per_kwh, source)| async move {
            let wallet = self.wallet(seller);
            let account = self.market.find_seller(&bus.address, &wallet.address()).await?;
            if account.is_some_and(|account| account.suspended == 1) {
                return Ok::<_, Error>(());
            }
            let offers = self.market.offers_of(&bus.address, &wallet.address()).await?;
            for window_start in starts.iter().copied() {
                if offers.iter().all(|offer| offer.window_start != window_start) {
                    let terms = OfferTerms { window_start, energy_wh, price_per_kwh, expires_at: 0, source };
                    wallet.offer_create(&bus.address, &terms).await?;
                }
            }
            Ok(())
        }))
        .await?;
        Ok(())
    }

    async fn bid_at_square(&self, bus: &Keyed<Bus>, terms: &Terms, starts: &[i64]) -> Result<()> {
        for (bidder, name) in BIDDERS.into_iter().enumerate() {
            let wallet = self.wallet(name);
            let account = address::associated_token(&wallet.address(), &self.mint, &SPL_TOKEN_ID);
            if self.market.token_balance(&account).await? < LEAST_TOKENS * TOKEN {
                continue;
            }
            let filter = BidFilter { bus: Some(bus.address), buyer: Some(wallet.address()), ..BidFilter::default() };
            let bids = self.market.bids(&filter).await?;
            for window_start in starts.iter().copied() {
                if bids.iter().all(|bid| bid.window_start != window_start) {
                    let (energy, limit) = bid_of(bidder, window_start, terms);
                    wallet.bid(&BidOrder::new(bus.address, window_start, energy, limit)).await?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::village::SQUARE_TERMS,
        multibus_client::{
            Event, Market,
            chain::{Chain, EmbeddedChain},
            event,
        },
        std::sync::Arc,
    };

    #[test]
    fn bids_differ_and_some_reach_the_dearest_offer() {
        let terms = Terms::new(&SQUARE_TERMS, 0);
        let bids: Vec<(Wh, PricePerKwh)> = (0..1_000)
            .zip((0..3).cycle())
            .map(|(window, bidder)| bid_of(bidder, 1_780_315_200 + window * 600, &terms))
            .collect();
        let dearest = LISTED.iter().map(|(_, _, price, _)| *price).max().unwrap() + terms.grid_fee_per_kwh;
        let above = bids.iter().filter(|(_, limit)| limit.0 >= dearest).count();
        assert!((200..800).contains(&above), "{above}");
        assert!(bids.iter().all(|(energy, _)| (600..=2_500).contains(&energy.0)));
    }

    #[tokio::test]
    async fn market_square_clears_by_itself() {
        let chain = Arc::new(EmbeddedChain::new().expect("the program is built"));
        let village = Village::seed(chain.clone()).await.unwrap();
        let market = Market::new(chain.clone());
        let bus = village.market_square;
        let bids = market.bids(&BidFilter { bus: Some(bus), ..BidFilter::default() }).await.unwrap();
        assert_eq!(bids.len(), BIDDERS.len() * WINDOWS_AHEAD as usize);
        for _ in 0..30 {
            let now = chain.clock().await.unwrap().unix_timestamp;
            chain.wait_until(now + 120).await.unwrap();
            village.tend().await.unwrap();
        }
        // Two of three windows and more were cleared, and nothing of the past is open.
        let mut cleared = Vec::new();
        for signature in chain.signatures_for(&address::escrow(&bus), None, 1_000).await.unwrap() {
            let record = chain.transaction(&signature.signature).await.unwrap().unwrap();
            cleared.extend(event::parse(&record.logs).events.into_iter().filter_map(|event| match event {
                Event::BidSettled(event) => Some(event.allotted_wh),
                _ => None,
            }));
        }
        assert!(cleared.iter().filter(|allotted_wh| **allotted_wh > 0).count() > 5, "{cleared:?}");
        let now = chain.clock().await.unwrap().unix_timestamp;
        let late = |gate: i64| now - gate > 240;
        let bids = market.bids(&BidFilter { bus: Some(bus), ..BidFilter::default() }).await.unwrap();
        let terms = Terms::new(&SQUARE_TERMS, 0);
        assert!(bids.iter().all(|bid| !late(terms.gate_closes_at(bid.window_start))));
        assert_eq!(market.audit(&bus).await.unwrap().violations, Vec::<String>::new());
    }
}

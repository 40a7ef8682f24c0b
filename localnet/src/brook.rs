//! Mill Brook, the bus on delivery terms: sellers list in windows of 5 minutes, one member buys, meters report by themselves when
//! a window has ended. An hour later its reading is final: sellers are released, the buyer is refunded and takes certificates
//! of origin. Now and then a meter stays silent, so that the operator has something to look after.

use std::sync::Arc;

use anyhow::Result;
use futures_util::future::try_join_all;
use multibus_client::{
    Address, Error, Keyed, SharedSigner, Signer, address,
    bus::Bus,
    certificate::certifiable_of_buyer,
    delivery::{DeliveryBook, DeliveryState, deliveries, refundable, releasable},
    meter::MeterSpec,
    multibus::error::MultibusError,
    offer::{EnergySource, OfferFilter, OfferSort, OfferTerms},
    purchase::{BatchItem, BatchOrder},
    reading::{MeterIdentity, Reading},
};

use crate::{
    key,
    village::{BROOK_TERMS, Village, unless_gone},
};

/// Windows ahead in which sellers have energy on offer: twenty minutes.
const WINDOWS_AHEAD: i64 = 4;
/// Offers of which the buyer takes its part in one transaction.
const BOUGHT_AT_ONCE: usize = 4;
/// Of so many windows, each meter reports in all but one.
const SILENT_ONE_OF: u64 = 16;
/// Who buys, and the part of each offer that it buys, in percent.
const BUYER: (&str, u64) = ("alice", 75);
/// Certificates that the buyer keeps. Older ones it uses up.
const KEPT_CERTIFICATES: usize = 24;
/// For whom it uses them up.
const BENEFICIARY: &str = "Alice's bakery";

/// A seller with a meter.
#[derive(Clone, Copy, Debug)]
pub struct MeteredSeller {
    /// Name of its wallet.
    pub seller: &'static str,
    /// What it lists in every window, in Wh.
    pub energy_wh: u64,
    /// Its price without the grid fee, in base units per kWh.
    pub price_per_kwh: u64,
    /// Where the energy comes from.
    pub source: EnergySource,
    /// Power of its meter, in W.
    pub power_w: u64,
}

/// The sellers.
pub const METERS: [MeteredSeller; 2] = [
    MeteredSeller {
        seller: "erin",
        energy_wh: 2_000,
        price_per_kwh: 180_000,
        source: EnergySource::Solar,
        power_w: 30_000,
    },
    MeteredSeller {
        seller: "frank",
        energy_wh: 1_500,
        price_per_kwh: 200_000,
        source: EnergySource::Wind,
        power_w: 24_000,
    },
];

impl MeteredSeller {
    /// What its meter says of a window, in Wh: 60 % to 109 % of what it lists; `None` where it stays silent.
    fn reading_wh(&self, window_start: i64) -> Option<u64> {
        // Evenly spread, and the same whenever it is asked for.
        let number = window_start.unsigned_abs() / u64::from(BROOK_TERMS.window_seconds) + self.power_w;
        let drawn = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        (!drawn.is_multiple_of(SILENT_ONE_OF)).then_some(self.energy_wh * (60 + drawn / SILENT_ONE_OF % 50) / 100)
    }
}

impl Village {
    /// Keeps Mill Brook going: lists, buys, reports and settles.
    pub(crate) async fn tend_brook(&self, now: i64) -> Result<()> {
        let bus = self.market.bus(&self.mill_brook).await?;
        if Self::takes_offers(&bus) && bus.terms_at(now).is_on_delivery() {
            self.list_at_brook(&bus, now).await?;
            self.buy_at_brook().await?;
        }
        self.report_at_brook(now).await?;
        self.settle_brook(&bus, now).await
    }

    /// Opens seller accounts, registers meters and lists energy in the next windows, as far as they are missing.
    async fn list_at_brook(&self, bus: &Keyed<Bus>, now: i64) -> Result<()> {
        let terms = bus.terms_at(now);
        let length = i64::from(terms.window_seconds);
        let first = (now + i64::from(terms.gate_closure_seconds) + 60).div_euclid(length) * length + length;
        try_join_all(METERS.map(|meter| async move {
            let wallet = self.wallet(meter.seller);
            let seller = self.market.find_seller(&bus.address, &wallet.address()).await?;
            if seller.is_none() {
                wallet.seller_open(&bus.address).await?;
            } else if seller.is_some_and(|seller| seller.suspended == 1) {
                return Ok::<_, Error>(());
            }
            if self.market.find_meter(&bus.address, &wallet.address()).await?.is_none() {
                let spec = MeterSpec { source: meter.source, power_w: meter.power_w, valid_from: 0 };
                let device: SharedSigner = Arc::new(key::meter(meter.seller));
                self.wallet("operator").meter_register(&bus.address, &wallet.address(), &device, &spec).await?;
            }
            let offers = self.market.offers_of(&bus.address, &wallet.address()).await?;
            for window_start in (0..WINDOWS_AHEAD).map(|window| first + window * length) {
                if offers.iter().any(|offer| offer.window_start == window_start) {
                    continue;
                }
                let terms = OfferTerms {
                    window_start,
                    energy_wh: meter.energy_wh,
                    price_per_kwh: meter.price_per_kwh,
                    expires_at: 0,
                    source: meter.source,
                };
                wallet.offer_create(&bus.address, &terms).await?;
            }
            Ok(())
        }))
        .await?;
        Ok(())
    }

    /// The buyer takes its part of each offer of which nothing is sold yet.
    async fn buy_at_brook(&self) -> Result<()> {
        let (buyer, percent) = (self.wallet(BUYER.0), BUYER.1);
        let filter = OfferFilter { not_seller: Some(buyer.address()), ..OfferFilter::default() };
        let mut offers = self.market.active_offers(&self.mill_brook, &filter, OfferSort::Expiry).await?;
        let sellers = METERS.map(|meter| key::address(meter.seller));
        offers.retain(|offer| offer.sold_wh() == 0 && offer.reserved_wh == 0 && sellers.contains(&offer.wallet));
        for offers in offers.chunks(BOUGHT_AT_ONCE) {
            let items = offers.iter().map(|offer| BatchItem::at_quote(*offer, offer.listed_wh * percent / 100));
            buyer.buy_batch(&BatchOrder::at_quote(items.collect())?).await?;
        }
        Ok(())
    }

    /// Meters sign what they read in windows that have ended, and the operator brings it.
    async fn report_at_brook(&self, now: i64) -> Result<()> {
        for meter in METERS {
            let wallet = key::address(meter.seller);
            for book in self.market.delivery_books_of(&self.mill_brook, &wallet).await? {
                let waiting = deliveries(&book, now);
                for delivery in waiting.iter().filter(|delivery| delivery.state == DeliveryState::AwaitsReading) {
                    let Some(energy_wh) = meter.reading_wh(delivery.window_start) else { continue };
                    // The meter of a window may be another by now, registered by whoever uses this network.
                    if delivery.device.key != meter_address(meter.seller) || now >= delivery.final_at {
                        continue;
                    }
                    let (window_start, sequence) = (delivery.window_start, delivery.next_sequence);
                    let reading = Reading { window_start, energy_wh, sequence };
                    let signed = MeterIdentity::of_book(&book).sign(&key::meter(meter.seller), reading)?;
                    self.wallet("operator").delivery_report_signed(&signed).await?;
                }
            }
        }
        Ok(())
    }

    /// Releases, refunds and closes what is final. The buyer takes its certificates.
    async fn settle_brook(&self, bus: &Keyed<Bus>, now: i64) -> Result<()> {
        let (keeper, buyer) = (self.wallet("operator"), self.wallet(BUYER.0));
        for book in self.market.delivery_books(&bus.address).await? {
            if releasable(&book, now).windows != [0; 2] {
                keeper.delivery_release(&book.address).await?;
            }
            for position in self.market.positions_on(&book.address).await? {
                if refundable(&position, &book, now).amount > 0 {
                    unless_gone(keeper.delivery_refund(&position.address).await)?;
                }
                if position.buyer == buyer.address() {
                    for one in certifiable_of_buyer(&position, &book, now) {
                        buyer.certificate_take(&book.address, one.window_start).await?;
                    }
                }
            }
            self.close_book(bus, &book, now).await?;
        }
        let certificates = self.market.certificates_of(&buyer.address()).await?;
        for one in certificates.iter().rev().skip(KEPT_CERTIFICATES) {
            buyer.certificate_retire(&one.address, BENEFICIARY).await?;
        }
        for seller in self.market.sellers(&bus.address).await? {
            if seller.grid_fees_owed > 0 {
                keeper.grid_sweep(&bus.address, &seller.wallet).await?;
            }
        }
        Ok(())
    }

    /// A seller closes its book once all is final, and no other buyer can take certificates any more.
    async fn close_book(&self, bus: &Bus, book: &Keyed<DeliveryBook>, now: i64) -> Result<()> {
        let is_over = book.open_offers == 0 && now >= book.closable(bus, now).by_seller;
        let sellers = METERS.iter().map(|meter| meter.seller);
        let seller = sellers.into_iter().find(|seller| seller_address(&self.mill_brook, seller) == book.seller);
        let Some(seller) = seller.filter(|_| is_over) else { return Ok(()) };
        match self.wallet(seller).delivery_close(&book.address).await {
            Err(error) if error.multibus() == Some(MultibusError::BookInUse) => Ok(()),
            closed => Ok(unless_gone(closed)?),
        }
    }
}

fn meter_address(seller: &str) -> Address {
    key::meter(seller).pubkey()
}

fn seller_address(bus: &Address, seller: &str) -> Address {
    address::seller(bus, &key::address(seller))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NOON_IN_2100;
    use multibus_client::{
        Market,
        chain::{Chain, EmbeddedChain},
        multibus::token::SPL_TOKEN_ID,
    };

    #[test]
    fn readings_are_possible_and_meters_are_silent_now_and_then() {
        for meter in METERS {
            let windows = (0..10_000).map(|window| meter.reading_wh(1_780_315_200 + window * 300));
            let readings: Vec<Option<u64>> = windows.collect();
            let most = meter.power_w * u64::from(BROOK_TERMS.window_seconds) / 3_600;
            assert!(meter.energy_wh <= most, "{}", meter.seller);
            assert!(readings.iter().flatten().all(|reading| *reading <= most * 11 / 10));
            let sold_wh = meter.energy_wh * BUYER.1 / 100;
            let short = readings.iter().flatten().filter(|reading| **reading < sold_wh).count();
            assert!((2_000..4_000).contains(&short), "{short} of {}", meter.seller);
            let silent = readings.iter().filter(|reading| reading.is_none()).count();
            assert!((300..900).contains(&silent), "{silent} of {}", meter.seller);
        }
    }

    #[tokio::test]
    async fn mill_brook_reports_and_settles_by_itself() {
        let chain = Arc::new(EmbeddedChain::new().expect("the program is built"));
        // What meters read depends on the time: here a reading is too small soon.
        chain.wait_until(NOON_IN_2100).await.unwrap();
        let village = Village::seed(chain.clone()).await.unwrap();
        let market = Market::new(chain.clone());
        let bus = village.mill_brook;
        let alice = key::address("alice");
        let grid = address::associated_token(&key::address("operator"), &village.mint, &SPL_TOKEN_ID);
        assert_eq!(market.meters(&bus).await.unwrap().len(), METERS.len());
        let sold = market.deliveries(&bus, None).await.unwrap();
        assert_eq!(sold.len(), METERS.len() * WINDOWS_AHEAD as usize);
        assert!(sold.iter().all(|window| window.state == DeliveryState::Ahead && window.sold_wh > 0));
        let grid_before = market.token_balance(&grid).await.unwrap();
        let mut seen = Vec::new();
        for _ in 0..30 {
            let now = chain.clock().await.unwrap().unix_timestamp;
            chain.wait_until(now + 300).await.unwrap();
            village.tend().await.unwrap();
            let windows = market.deliveries(&bus, None).await.unwrap();
            seen.extend(windows.iter().map(|window| (window.state, window.refunded > 0)));
        }
        for state in
            [DeliveryState::Ahead, DeliveryState::AwaitsReading, DeliveryState::Correctable, DeliveryState::Released]
        {
            assert!(seen.iter().any(|(window, _)| *window == state), "{state:?}");
        }
        let held = market.certificates_of(&alice).await.unwrap();
        assert_eq!(held.len(), KEPT_CERTIFICATES);
        assert!(market.token_balance(&grid).await.unwrap() > grid_before);
        assert!(seen.contains(&(DeliveryState::Released, true)));
        assert_eq!(market.audit(&bus).await.unwrap().violations, Vec::<String>::new());

        // Books of the past close.
        let now = chain.clock().await.unwrap().unix_timestamp;
        chain.wait_until(now + 2 * 96 * 300).await.unwrap();
        village.tend().await.unwrap();
        let books = market.delivery_books(&bus).await.unwrap();
        let now = chain.clock().await.unwrap().unix_timestamp;
        assert!(books.iter().all(|book| book.last_final_at() > now), "{} books", books.len());
        assert_eq!(market.audit(&bus).await.unwrap().violations, Vec::<String>::new());
    }
}

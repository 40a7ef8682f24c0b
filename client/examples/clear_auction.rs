//! Closes a window by an auction: households bid what energy is worth to them, and after the gate anyone proves the one price that
//! moves the most energy. On a network it takes a minute or two, until the gate.
//!
//!     cargo run --example clear_auction [-- --url http://127.0.0.1:8899]

mod support;

use multibus_client::{
    PricePerKwh, Result, Wh,
    auction::Side,
    bid::BidOrder,
    bus::BusConfig,
    offer::OfferTerms,
    terms::{SettlementTime, TermsConfig},
};

/// Windows of a minute whose gates close 14 minutes before, each with an auction.
const WITH_AUCTION: TermsConfig = TermsConfig {
    window_seconds: 60,
    gate_closure_seconds: 840,
    settlement: SettlementTime::OnPurchase as u8,
    grid_fee_per_kwh: 50_000,
    reading_deadline_seconds: 0,
    correction_seconds: 0,
    auction: true,
};

#[tokio::main]
async fn main() -> Result<()> {
    let chain = support::chain()?;
    let street = support::Street::new(&chain).await?;
    let owner = &street.owner;
    let config = BusConfig { terms: WITH_AUCTION, ..support::config("Sunny Lane", &[(owner, 10_000)]) };
    let bus = owner.bus_create(&street.mint, &config).await?.address;
    let (seller, first, second) = (street.neighbour().await?, street.neighbour().await?, street.neighbour().await?);

    // A window whose gate is one to two minutes ahead.
    let window_start = (chain.clock().await?.unix_timestamp / 60 + 16) * 60;
    seller.offer_create(&bus, &OfferTerms { window_start, ..support::solar(2_000, 200_000) }).await?;
    // Limits contain the grid fee.
    let eager = first.bid(&BidOrder::new(bus, window_start, Wh(1_500), PricePerKwh(400_000))).await?;
    let order = BidOrder::new(bus, window_start, Wh(1_000), PricePerKwh(250_000));
    let quote = second.bid_quote(&order).await?;
    println!("the second bid would get {} Wh now", quote.preview.energy_wh);
    second.bid(&order).await?;

    let book = owner.market().book(&bus, window_start).await?;
    chain.wait_until(book.gate()).await?;
    // Anyone can do both. Which clearer proves the price changes nothing.
    let cleared = owner.auction_clear(&bus, window_start).await?.cleared;
    let settled = owner.auction_settle(&bus, window_start).await?;
    println!(
        "{} Wh at {} per kWh, shared by the {} side; {} bids and {} offer settled",
        cleared.volume_wh,
        cleared.price_per_kwh,
        cleared.rationed.map_or("no", Side::name),
        settled.bids,
        settled.asks
    );
    let status = owner.market().bid_status(&eager.transaction_hash).await?;
    println!("the first bid: {:?}", status.map(|status| status.state));
    Ok(())
}

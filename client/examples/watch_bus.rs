//! Watches a bus while a neighbour trades on it: every state change is an event in the transaction's log.
//!
//!     cargo run --example watch_bus [-- --url http://127.0.0.1:8899]

mod support;

use {
    futures_util::StreamExt,
    multibus_client::{Event, PricePerKwh, Result, Wh, purchase::PurchaseOrder},
};

#[tokio::main]
async fn main() -> Result<()> {
    let chain = support::chain()?;
    let street = support::Street::new(&chain).await?;
    let mut logs = chain.subscribe_logs(&street.bus).await?;

    let buyer = street.neighbour().await?;
    let offer = street.owner.offer_create(&street.bus, &support::solar(3_000, 210_000)).await?.address;
    street.owner.offer_reprice(&offer, 180_000).await?;
    buyer.buy(&PurchaseOrder::exactly(offer, Wh(1_000), PricePerKwh(180_000))).await?;

    while let Some(notification) = logs.next().await.transpose()? {
        for event in notification.events() {
            match &event {
                Event::OfferCreated(created) => println!("{} Wh on offer", created.energy_wh),
                Event::OfferRepriced(repriced) => println!("now at {} per kWh", repriced.price_per_kwh),
                Event::EnergyPurchased(bought) => {
                    println!("{} bought {} parts of offers", bought.buyer, bought.fills.len());
                }
                other => println!("{}", other.name()),
            }
            if matches!(event, Event::EnergyPurchased(_)) {
                return Ok(());
            }
        }
    }
    Ok(())
}

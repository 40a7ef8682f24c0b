//! Buys 2.5 kWh from whoever sells cheapest: the router finds the lowest total over all offers, and one atomic
//! transaction buys its parts.
//!
//!     cargo run --example buy_at_best_price [-- --url http://127.0.0.1:8899]

mod support;

use multibus_client::{Result, best::Want};

#[tokio::main]
async fn main() -> Result<()> {
    let chain = support::chain()?;
    let street = support::Street::new(&chain).await?;
    for (energy_wh, price_per_kwh) in [(1_000, 260_000), (2_000, 200_000), (5_000, 310_000)] {
        street.owner.offer_create(&street.bus, &support::solar(energy_wh, price_per_kwh)).await?;
    }

    let buyer = street.neighbour().await?;
    let want = Want::exactly(street.bus, 2_500);
    let quote = buyer.quote_best(&want).await?;
    let bought = buyer.buy_best(&want).await?;

    for fill in bought.purchases.iter().flat_map(|purchased| &purchased.fills) {
        println!("{} Wh at {} per kWh of {}", fill.energy_wh, fill.price_per_kwh, fill.offer);
    }
    println!(
        "{} Wh for {} base units, no plan costs less than {}",
        bought.energy_wh(),
        bought.paid(),
        quote.lower_bound
    );
    Ok(())
}

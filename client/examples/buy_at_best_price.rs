//! Buys 2.5 kWh from whoever sells cheapest: the router finds the lowest total over all offers, and one atomic
//! transaction buys its parts.
//!
//!     cargo run --example buy_at_best_price [-- --url http://127.0.0.1:8899]

mod support;

use multibus_client::{
    Error, Result,
    offer::{OfferFilter, OfferSort},
    purchase::{BatchItem, BatchOrder},
    router::{self, RouterOffer, Want},
};

#[tokio::main]
async fn main() -> Result<()> {
    let chain = support::chain()?;
    let street = support::Street::new(&chain).await?;
    for (energy_wh, price_per_kwh) in [(1_000, 260_000), (2_000, 200_000), (5_000, 310_000)] {
        street.owner.offer_create(&street.bus, &support::solar(energy_wh, price_per_kwh)).await?;
    }

    let buyer = street.neighbour().await?;
    let offers = buyer.market().active_offers(&street.bus, &OfferFilter::default(), OfferSort::Price).await?;
    let routable: Vec<_> = offers.iter().map(|offer| RouterOffer::of(offer, street.mint)).collect();
    let quote = router::quote(&routable, &Want::exactly(2_500, street.mint))
        .map_err(|error| Error::Invalid(format!("2500 Wh cannot be bought: {error}")))?;

    let item = |fill: &router::RouterFill| {
        let offer = offers.iter().find(|offer| offer.address == fill.offer.offer);
        offer.map(|offer| BatchItem::at_quote(*offer, fill.energy_wh))
    };
    let order = BatchOrder::at_quote(quote.fills.iter().filter_map(item).collect())?;
    let bought = buyer.buy_batch(&order).await?;

    for fill in &bought.fills {
        println!("{} Wh at {} per kWh of {}", fill.energy_wh, fill.price_per_kwh, fill.offer);
    }
    println!("{} Wh for {} base units, no plan costs less than {}", bought.energy_wh, bought.paid, quote.lower_bound);
    Ok(())
}

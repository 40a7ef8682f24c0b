//! One wallet buys eight times at once. On a network each of its four nonce lanes has a purchase in flight, and none
//! waits for the others. (The chain inside the process answers at once, so there the first lane is always free again.)
//!
//!     cargo run --example market_with_lanes [-- --url http://127.0.0.1:8899]

mod support;

use {
    futures_util::future::try_join_all,
    multibus_client::{PricePerKwh, Result, Wh, purchase::PurchaseOrder},
};

const LANES: u16 = 4;

#[tokio::main]
async fn main() -> Result<()> {
    let chain = support::chain()?;
    let street = support::Street::new(&chain).await?;
    let mut offers = Vec::new();
    for _ in 0..8 {
        offers.push(street.owner.offer_create(&street.bus, &support::solar(1_000, 200_000)).await?.address);
    }

    let buyer = street.neighbour().await?.with_lanes(LANES);
    buyer.open_lanes(LANES).await?;
    let orders: Vec<_> =
        offers.iter().map(|offer| PurchaseOrder::exactly(*offer, Wh(500), PricePerKwh(200_000))).collect();
    let bought = try_join_all(orders.iter().map(|order| buyer.buy(order))).await?;

    for purchase in &bought {
        println!("lane {}, nonce {}: {} Wh for {}", purchase.lane, purchase.nonce, purchase.energy_wh, purchase.paid);
    }
    println!("{} purchases with {} lanes open", bought.len(), buyer.lanes().open().len());
    Ok(())
}

//! Verifies a purchase: by the receipt that the chain keeps, and by the whole history of its nonce lane, which the root
//! on chain proves.
//!
//!     cargo run --example verify_receipt [-- --url http://127.0.0.1:8899]

mod support;

use multibus_client::{Error, PricePerKwh, Result, Wh, purchase::PurchaseOrder};

#[tokio::main]
async fn main() -> Result<()> {
    let chain = support::chain()?;
    let street = support::Street::new(&chain).await?;
    let offer = street.owner.offer_create(&street.bus, &support::solar(3_000, 200_000)).await?.address;
    let buyer = street.neighbour().await?;
    let bought = buyer.buy(&PurchaseOrder::exactly(offer, Wh(1_500), PricePerKwh(200_000))).await?;

    let market = buyer.market();
    let processed = market.is_transaction_processed(&bought.transaction_hash, Some(&buyer.address())).await?;
    let processed = processed.ok_or_else(|| Error::Invalid("the purchase is not on chain".to_string()))?;
    println!("{} happened, which its {:?} shows", bought.transaction_hash, processed.evidence);

    let history = market.history(&buyer.address(), bought.lane).await?;
    for flaw in &history.flaws {
        println!("flaw: {flaw}");
    }
    println!("the lane's history of {} purchases is proven: {}", history.purchases.len(), history.is_verified());
    Ok(())
}

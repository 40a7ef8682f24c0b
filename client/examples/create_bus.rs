//! Two neighbours create a bus that they own 60:40, and read it back from the chain.
//!
//!     cargo run --example create_bus [-- --url http://127.0.0.1:8899]

mod support;

use multibus_client::{Result, multibus::token::SPL_TOKEN_ID};

#[tokio::main]
async fn main() -> Result<()> {
    let chain = support::chain()?;
    let (alice, bob) = (support::wallet(&chain).await?, support::wallet(&chain).await?);
    let mint = alice.mint_create(6, &SPL_TOKEN_ID).await?.address;

    let config = support::config("Mill Lane", &[(&alice, 6_000), (&bob, 4_000)]);
    let created = alice.bus_create(&mint, &config).await?;

    let bus = alice.market().bus(&created.address).await?;
    println!("{} is the bus {:?}", bus.address, bus.name());
    for slot in bus.owners() {
        println!("{} owns {} basis points of it", slot.owner, slot.share_bps);
    }
    println!("{} of its owners must agree to a change", bus.threshold);
    println!("created in slot {} with {} compute units", created.sent.slot, created.sent.compute_units);
    Ok(())
}

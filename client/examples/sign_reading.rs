//! Pays for what was delivered: a meter signs a reading offline, a stranger brings it, and what did not arrive goes back to the
//! buyer once nobody can correct the reading any more.
//!
//!     cargo run --example sign_reading [-- --url http://127.0.0.1:8899]

mod support;

use {
    multibus_client::{
        Keypair, PricePerKwh, Result, SharedSigner, Wh,
        bus::BusConfig,
        meter::MeterSpec,
        offer::EnergySource,
        purchase::PurchaseOrder,
        reading::{Reading, SignedReading},
        terms::{SettlementTime, TermsConfig},
    },
    std::sync::Arc,
};

/// Windows of a minute, in which energy trades until it starts; an hour for the reading, and one for corrections.
const ON_DELIVERY: TermsConfig = TermsConfig {
    window_seconds: 60,
    gate_closure_seconds: 0,
    settlement: SettlementTime::OnDelivery as u8,
    grid_fee_per_kwh: 50_000,
    reading_deadline_seconds: 3_600,
    correction_seconds: 3_600,
    auction: false,
};

#[tokio::main]
async fn main() -> Result<()> {
    let chain = support::chain()?;
    let street = support::Street::new(&chain).await?;
    let operator = &street.owner;
    let config = BusConfig {
        terms: ON_DELIVERY,
        operator: Some(operator.address()),
        ..support::config("Sunny Lane", &[(operator, 10_000)])
    };
    let bus = operator.bus_create(&street.mint, &config).await?.address;
    let (seller, buyer, stranger) = (street.neighbour().await?, street.neighbour().await?, street.neighbour().await?);

    // The operator registers the device, which can deliver 2 kWh in a minute.
    let device: SharedSigner = Arc::new(Keypair::new());
    seller.seller_open(&bus).await?;
    let spec = MeterSpec { source: EnergySource::Solar, power_w: 120_000, valid_from: 0 };
    operator.meter_register(&bus, &seller.address(), &device, &spec).await?;

    let window_start = (chain.clock().await?.unix_timestamp / 60 + 2) * 60;
    let terms = multibus_client::offer::OfferTerms { window_start, ..support::solar(2_000, 200_000) };
    let offer = seller.offer_create(&bus, &terms).await?.address;
    // The limit contains the grid fee.
    let bought = buyer.buy(&PurchaseOrder::exactly(offer, Wh(1_500), PricePerKwh(250_000))).await?;
    println!("{} Wh are sold for {} base units", bought.energy_wh, bought.paid);

    // The device knows this from its installation. It signs without a network, and its reading travels as JSON.
    let identity = seller.market().meter_identity(&bus, &seller.address(), window_start).await?;
    let signed = identity.sign(&*device, Reading { window_start, energy_wh: 1_200, sequence: 1 })?;
    let carried = serde_json::to_string(&signed).expect("a signed reading has a JSON form");

    chain.wait_until(window_start + 60).await?;
    let brought: SignedReading = serde_json::from_str(&carried).expect("nobody changed it");
    stranger.delivery_report_signed(&brought).await?;

    for delivery in buyer.market().deliveries(&bus, Some(&seller.address())).await? {
        println!(
            "{} Wh were delivered: {} for the seller, {} for the grid, {} back to the buyer from {} on",
            delivery.delivered_wh, delivery.released, delivery.grid_fee, delivery.refunded, delivery.final_at
        );
    }
    Ok(())
}

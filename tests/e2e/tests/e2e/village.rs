//! The seeded village, as a newcomer finds it.

use multibus_client::{
    Market,
    offer::{OfferFilter, OfferSort},
};
use multibus_e2e::market::{NetworkMarket, network, seeded_wallet};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_gets_money_and_buys_through_the_command_line() {
    let (fresh, network) = (NetworkMarket::new(0, |_, _| {}).await, network());
    let folder = tempfile::tempdir().unwrap();
    let operator = seeded_wallet("operator", folder.path());
    let call = |words: &[&str]| -> Value {
        let output = fresh.multibus(folder.path()).args(["--output", "json"]).args(words).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{words:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_str(&text).unwrap()
    };
    let wallet = call(&["local", "wallet", "new.json"])["address"].as_str().unwrap().to_owned();
    let operator = operator.to_str().unwrap();
    let mint = network.mint.clone();
    call(&["-k", operator, "local", "fund", &wallet, "--mint", &mint, "--amount", "5tokens"]);
    let harbour = network.buses.iter().find(|bus| bus.name == "Harbour Feeder").unwrap().address.clone();
    let bought = call(&["-k", "new.json", "buy", &harbour, "--energy", "500Wh", "--max-total", "1token"]);
    assert_eq!(bought["energy_wh"], 500);
    let hash = bought["purchases"][0]["transaction_hash"].as_str().unwrap();
    assert_eq!(call(&["-k", "new.json", "tx", "verify", hash])["processed"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_buses_have_energy_to_choose_from() {
    let (fresh, network) = (NetworkMarket::new(0, |_, _| {}).await, network());
    let market = Market::new(fresh.chain.clone());
    for (name, least) in [("Sunny Street", 4), ("Harbour Feeder", 3), ("Mill Brook", 4), ("Market Square", 6)] {
        let bus = network.buses.iter().find(|bus| bus.name == name).unwrap();
        let address = bus.address.parse().unwrap();
        assert_eq!(market.bus(&address).await.unwrap().name(), name);
        let offers = market.active_offers(&address, &OfferFilter::default(), OfferSort::Price).await.unwrap();
        assert!(offers.len() >= least, "{name} has {} offers", offers.len());
    }
}

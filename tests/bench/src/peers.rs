//! The same purchases here and on an EVM, both in process and in release, with signatures on both sides.

use {
    crate::{
        bare::{self, Recorder, Step},
        row::{Row, median, rounded},
    },
    anyhow::{Context as _, Result, ensure},
    multibus_client::{
        Address, Keypair, PricePerKwh, TransactionOptions, Wallet, Wh, chain::EmbeddedChain,
        multibus::token::SPL_TOKEN_ID, purchase::PurchaseOrder, send::ComputeUnits,
    },
    multibus_test_support::market::{FUNDS, FreshMarket, SOL, open_bus, terms},
    std::{path::PathBuf, sync::Arc},
};

/// Lamports that a transaction pays for its signature.
const FEE_LAMPORTS: f64 = 5_000.0;
/// Energy of an offer, in Wh. Nobody buys all of it.
const OFFERED_WH: u64 = 1_000_000_000;
/// Price of an offer, in base units per kWh.
const PRICE_PER_KWH: u64 = 250;

/// What is compared, and at which prices.
#[derive(clap::Args)]
pub struct Options {
    /// What `multibus-bench-evm` printed
    #[arg(long)]
    evm: PathBuf,
    /// Purchases that are measured
    #[arg(long, default_value_t = 20_000)]
    purchases: usize,
    /// Buyers, which take turns
    #[arg(long, default_value_t = 100)]
    buyers: usize,
    /// Sellers, each with an offer
    #[arg(long, default_value_t = 20)]
    sellers: usize,
    /// Times that the purchases are executed; the medians count
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Price of gas, in gwei
    #[arg(long, default_value_t = 1.0)]
    gwei: f64,
    /// Price of an ether, in dollars
    #[arg(long, default_value_t = 3_000.0)]
    ether: f64,
    /// Price of a SOL, in dollars
    #[arg(long, default_value_t = 150.0)]
    sol: f64,
    /// The compiled program
    #[arg(long, env = "MULTIBUS_PROGRAM")]
    program: PathBuf,
}

/// Compares.
///
/// # Errors
/// Where a purchase fails on either side.
pub async fn run(options: &Options) -> Result<()> {
    let elf = std::fs::read(&options.program)
        .with_context(|| format!("could not read {}; build it with `cargo xtask build`", options.program.display()))?;
    let text =
        std::fs::read_to_string(&options.evm).with_context(|| format!("could not read {}", options.evm.display()))?;
    let evm: serde_json::Value = serde_json::from_str(&text)?;
    let figure = |name: &str| evm[name].as_f64().with_context(|| format!("the EVM's figures have no {name}"));
    let evm_purchases = figure("purchases")?;
    let [evm_execute, evm_sign, evm_recover] =
        [figure("execute_seconds")?, figure("sign_seconds")?, figure("recover_seconds")?];
    let gas = figure("gas")?;

    let (steps, from) = purchases(options, &elf).await?;
    ensure!(steps.len() - from == options.purchases, "{} transactions landed", steps.len() - from);
    let (mut executes, mut signs) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds.max(1) {
        let time = bare::run(&elf, &steps, from)?;
        executes.push(time.execute.as_secs_f64());
        signs.push(time.sign.as_secs_f64());
    }
    let (execute, sign) = (median(executes), median(signs));
    let count = options.purchases as f64;
    let (here, there) = (count / (execute + sign), evm_purchases / (evm_execute + evm_sign + evm_recover));
    Row {
        what: "purchases, signed, verified and executed".into(),
        figure: format!("{} a CPU second on LiteSVM", rounded(here)),
        beside: format!("{} a CPU second of a Solidity contract on revm", rounded(there)),
        ratio: format!("{:.2}", here / there),
        limit: format!(
            "microseconds here: {:.0} to sign, {:.0} to verify and execute; there: {:.0} to sign, {:.0} to recover the \
             signer, {:.0} to execute",
            1e6 * sign / count,
            1e6 * execute / count,
            1e6 * evm_sign / evm_purchases,
            1e6 * evm_recover / evm_purchases,
            1e6 * evm_execute / evm_purchases
        ),
    }
    .print("peers");
    let dollars_here = FEE_LAMPORTS / SOL as f64 * options.sol;
    let dollars_there = gas * options.gwei * 1e-9 * options.ether;
    Row {
        what: "a purchase in money".into(),
        figure: format!("${dollars_here:.5}: {} lamports", rounded(FEE_LAMPORTS)),
        beside: format!("${dollars_there:.5}: {} gas", rounded(gas)),
        ratio: format!("{:.0} times cheaper", dollars_there / dollars_here),
        limit: format!(
            "prices as given: gas {} gwei, ether ${}, SOL ${}, no priority fee",
            options.gwei, options.ether, options.sol
        ),
    }
    .print("peers");
    Ok(())
}

/// What landed, and where the measured purchases begin.
async fn purchases(options: &Options, elf: &[u8]) -> Result<(Vec<Step>, usize)> {
    let recorder = Arc::new(Recorder::new(Arc::new(EmbeddedChain::with_program(elf)?)));
    let market = FreshMarket::found(recorder.clone(), 100_000 * SOL, &SPL_TOKEN_ID, |owner| {
        let mut config = open_bus(owner);
        config.capacity_wh = 1 << 40;
        vec![config]
    })
    .await?;
    let sending = TransactionOptions { compute_units: ComputeUnits::Fixed(20_000), ..TransactionOptions::default() };
    let wallet = |_| {
        let market = Wallet::new(recorder.clone(), Arc::new(Keypair::new())).with_options(sending);
        market.with_lanes(1)
    };
    let buyers: Vec<Wallet> = (0..options.buyers.max(1)).map(wallet).collect();
    let sellers: Vec<Wallet> = (0..options.sellers.max(1)).map(wallet).collect();
    let addresses: Vec<Address> = buyers.iter().chain(&sellers).map(Wallet::address).collect();
    market.fund(&addresses, 10 * SOL, FUNDS).await?;
    let mut offers = Vec::new();
    for seller in &sellers {
        offers.push(seller.offer_create(&market.bus, &terms(OFFERED_WH, PRICE_PER_KWH)).await?.address);
    }
    // The first purchase of each buyer opens its nonce lane, and is not measured.
    let mut steps = Vec::new();
    let mut from = 0;
    for number in 0..buyers.len() + options.purchases {
        if number == buyers.len() {
            steps.extend(recorder.take());
            from = steps.len();
        }
        let order = PurchaseOrder::exactly(
            offers[number % offers.len()],
            Wh(1 + number as u64 % 500),
            PricePerKwh(PRICE_PER_KWH),
        );
        buyers[number % buyers.len()].buy(&PurchaseOrder { allow_rounding: true, ..order }).await?;
    }
    steps.extend(recorder.take());
    Ok((steps, from))
}

//! Auctions: what finding the one price of a book costs in the client, and what proving it and settling every order costs on chain.

use {
    crate::row::{Row, grouped, median, rounded},
    anyhow::{Context as _, Result, ensure},
    cpu_time::ProcessTime,
    fastrand::Rng,
    multibus_client::{
        Address, Keypair, PricePerKwh, TransactionOptions, Wallet, Wh,
        auction::{Book, clear},
        bid::BidOrder,
        bus::BusConfig,
        chain::{Chain, EmbeddedChain},
        clearing::Cost,
        multibus::token::SPL_TOKEN_ID,
        offer::{EnergySource, OfferTerms},
        send::{ComputeUnits, MAX_COMPUTE_UNITS},
        terms::SettlementTime,
    },
    multibus_test_support::market::{FUNDS, FreshMarket, SOL, auction_bus},
    std::{hint::black_box, path::PathBuf, sync::Arc},
};

/// Length of a window, in seconds.
const WINDOW_SECONDS: i64 = 900;
/// Windows between now and the one that is auctioned: time to place all orders.
const WINDOWS_AHEAD: i64 = 8;
/// Orders of a wallet. More wallets trade where there are more orders.
const ORDERS_OF_A_WALLET: usize = 100;
/// Measurements of the client's time; the median counts.
const ROUNDS: usize = 15;
/// What lemlab's `clearing_pda` takes for as many orders, in Python: it neither signs nor settles nor stores. Measured apart.
const LEMLAB: [(usize, &str); 3] = [(100, "22 to 34 ms"), (1_000, "29 to 45 ms"), (10_000, "105 to 112 ms")];

/// Which books are auctioned.
#[derive(clap::Args)]
pub struct Options {
    /// Orders of each book, half of them bids
    #[arg(long, value_delimiter = ',', default_value = "100,1000,10000")]
    orders: Vec<usize>,
    /// Decides every order
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The compiled program
    #[arg(long, env = "MULTIBUS_PROGRAM")]
    program: PathBuf,
}

/// Auctions a book of every size.
///
/// # Errors
/// Where the program refuses, or proves another price than the client finds.
pub async fn run(options: &Options) -> Result<()> {
    let elf = std::fs::read(&options.program)
        .with_context(|| format!("could not read {}; build it with `cargo xtask build`", options.program.display()))?;
    for orders in &options.orders {
        ensure!(*orders >= 2, "a book of {orders} orders has no two sides; give 2 or more");
        auction(&elf, *orders, options.seed).await?;
    }
    Ok(())
}

async fn auction(elf: &[u8], orders: usize, seed: u64) -> Result<()> {
    let name = format!("a book of {} orders", grouped(orders as u64));
    eprintln!("{name} ...");
    let chain = Arc::new(EmbeddedChain::with_program(elf)?);
    let market = FreshMarket::found(chain.clone(), 100_000 * SOL, &SPL_TOKEN_ID, |owner| {
        vec![BusConfig { capacity_wh: 1 << 40, ..auction_bus(owner, SettlementTime::OnPurchase) }]
    })
    .await?;
    // Where no compute units are simulated, equal instructions differ by the last digits of their limit.
    let units = ComputeUnits::Fixed(MAX_COMPUTE_UNITS - 1_000);
    let sending = TransactionOptions { compute_units: units, ..TransactionOptions::default() };
    let window_start = place(&market, orders, seed, sending).await?;
    let keeper = market.owner.clone().with_options(sending);
    let gate = market.market().capacity(&market.bus, window_start).await?.gate_closes_at;
    chain.wait_until(gate).await?;

    let book = market.market().book(&market.bus, window_start).await?;
    ensure!(book.orders().orders().len() == orders, "the book has {} orders", book.orders().orders().len());
    let found = clear(book.orders());
    ensure!(found.volume_wh > 0, "nothing of the book trades; choose another seed");
    let lemlab = LEMLAB.iter().find(|(size, _)| *size == orders);
    Row {
        what: format!("the price of {name}, in the client"),
        figure: microseconds(client_seconds(book.orders())),
        beside: lemlab.map_or_else(String::new, |(_, time)| format!("{time}: lemlab's `clearing_pda`, measured apart")),
        limit: "sorting the orders by price".into(),
        ..Row::default()
    }
    .print("clearing");

    let cleared = keeper.auction_clear(&market.bus, window_start).await?;
    let proven = (cleared.cleared.price_per_kwh, cleared.cleared.volume_wh);
    ensure!(
        proven == (found.price_per_kwh, found.volume_wh),
        "the chain proved {proven:?} and the client found {:?}",
        (found.price_per_kwh, found.volume_wh)
    );
    print_cost(
        &format!("the proof of its price, {name}"),
        &cleared.cost,
        orders,
        "the addresses of 28 orders fill a transaction; tallies land one after the other",
    );
    let settled = keeper.auction_settle(&market.bus, window_start).await?;
    ensure!(settled.is_done && settled.waiting.is_empty(), "orders are left: {:?}", settled.waiting);
    print_cost(
        &format!("the settlement of every order, {name}"),
        &settled.cost,
        orders,
        "each order pays, refunds and closes accounts of its own; transactions land side by side",
    );
    Ok(())
}

/// Places bids and offers, and returns the start of their window.
async fn place(
    market: &FreshMarket<EmbeddedChain>,
    orders: usize,
    seed: u64,
    sending: TransactionOptions,
) -> Result<i64> {
    let mut rng = Rng::with_seed(seed);
    let now = market.chain.clock().await?.unix_timestamp;
    let window_start = (now / WINDOW_SECONDS + WINDOWS_AHEAD) * WINDOW_SECONDS;
    let wallet = |_| {
        let market = Wallet::new(market.chain.clone(), Arc::new(Keypair::new()));
        market.with_options(sending).with_lanes(1)
    };
    // Those at even places sell, those at odd ones buy.
    let wallets: Vec<Wallet> = (0..2 * orders.div_ceil(2 * ORDERS_OF_A_WALLET)).map(wallet).collect();
    let addresses: Vec<Address> = wallets.iter().map(Wallet::address).collect();
    market.fund(&addresses, 100 * SOL, FUNDS).await?;
    for number in 0..orders {
        let wallet = &wallets[number % wallets.len()];
        let energy_wh = rng.u64(1..=2_000);
        let price_per_kwh = rng.u64(150..=10_000);
        if number % 2 == 0 {
            let source = EnergySource::Solar;
            let terms = OfferTerms { window_start, energy_wh, price_per_kwh, expires_at: 0, source };
            wallet.offer_create(&market.bus, &terms).await?;
        } else {
            let limit = PricePerKwh(price_per_kwh);
            wallet.bid(&BidOrder::new(market.bus, window_start, Wh(energy_wh), limit)).await?;
        }
    }
    Ok(window_start)
}

/// CPU seconds in which the client finds the price of a book that it holds.
fn client_seconds(book: &Book) -> f64 {
    let measure = |_| {
        let started = ProcessTime::now();
        black_box(clear(black_box(book)));
        started.elapsed().as_secs_f64()
    };
    median((0..ROUNDS).map(measure).collect())
}

fn print_cost(what: &str, cost: &Cost, orders: usize, limit: &str) {
    let Cost { transactions, fees, compute_units } = cost;
    Row {
        what: what.to_owned(),
        figure: format!(
            "{} transactions, {} compute units, {} lamports",
            grouped(u64::from(*transactions)),
            grouped(*compute_units),
            grouped(*fees)
        ),
        beside: format!("{} compute units an order", grouped(compute_units / orders as u64)),
        limit: limit.to_owned(),
        ..Row::default()
    }
    .print("clearing");
}

fn microseconds(seconds: f64) -> String {
    format!("{} µs", rounded(1e6 * seconds))
}

//! Growth: what a purchase, the best price and a list of offers cost while the market grows. Compute units must stay flat; what the
//! client computes and reads must not exceed what the answer needs.

use {
    crate::row::{Row, grouped, median},
    anyhow::{Context as _, Result, ensure},
    async_trait::async_trait,
    cpu_time::ProcessTime,
    multibus_client::{
        Address, Keypair, PricePerKwh, Signature, TransactionOptions, Wallet, Wh,
        best::Want,
        chain::{AccountFilter, Chain, ChainLayer, EmbeddedChain, VersionedTransaction},
        error::Result as ChainResult,
        multibus::token::SPL_TOKEN_ID,
        offer::{EnergySource, OfferFilter, OfferSort, OfferTerms},
        purchase::PurchaseOrder,
        send::ComputeUnits,
        terms::TermsConfig,
    },
    multibus_test_support::market::{FUNDS, FreshMarket, SOL, open_bus},
    solana_account::Account,
    std::{
        path::PathBuf,
        sync::{
            Arc,
            atomic::{AtomicU64, Ordering},
        },
        time::Duration,
    },
};

/// Offers of one seller. More sellers list where there are more offers.
const OFFERS_OF_A_SELLER: usize = 1_000;
/// Energy of an offer, in Wh.
const OFFERED_WH: u64 = 10_000;
/// Length of a window, in seconds.
const WINDOW_SECONDS: u32 = 900;
/// How far ahead the bus lists: 366 days.
const HORIZON_SECONDS: u32 = 366 * 86_400;
/// Measurements of each figure; the median counts.
const ROUNDS: usize = 9;

/// How large the markets become.
#[derive(clap::Args)]
pub struct Options {
    /// Offers in one window
    #[arg(long, value_delimiter = ',', default_value = "10,1000,100000")]
    offers: Vec<usize>,
    /// Windows with one offer each
    #[arg(long, value_delimiter = ',', default_value = "1,100,10000")]
    windows: Vec<usize>,
    /// The compiled program
    #[arg(long, env = "MULTIBUS_PROGRAM")]
    program: PathBuf,
}

/// A chain that counts what is read from it, and how long it takes itself.
struct Counter {
    chain: EmbeddedChain,
    bytes: AtomicU64,
    requests: AtomicU64,
    chain_nanoseconds: AtomicU64,
}

/// What a chain was asked.
#[derive(Clone, Copy, Default)]
struct Counts {
    bytes: u64,
    requests: u64,
    in_chain: Duration,
}

impl Counter {
    fn counts(&self) -> Counts {
        let load = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        Counts {
            bytes: load(&self.bytes),
            requests: load(&self.requests),
            in_chain: Duration::from_nanos(load(&self.chain_nanoseconds)),
        }
    }

    async fn inside<T>(&self, work: impl Future<Output = T>) -> T {
        let started = ProcessTime::now();
        let done = work.await;
        let nanoseconds = started.elapsed().as_nanos() as u64;
        self.chain_nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        done
    }
}

#[async_trait]
impl ChainLayer for Counter {
    fn inner(&self) -> &dyn Chain {
        &self.chain
    }

    async fn accounts(&self, addresses: &[Address]) -> ChainResult<Vec<Option<Account>>> {
        let accounts = self.inside(self.chain.accounts(addresses)).await?;
        let bytes: usize = accounts.iter().flatten().map(|account| account.data.len()).sum();
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(accounts)
    }

    async fn program_accounts(
        &self,
        program: &Address,
        filter: &AccountFilter,
    ) -> ChainResult<Vec<(Address, Account)>> {
        let accounts = self.inside(self.chain.program_accounts(program, filter)).await?;
        let bytes: usize = accounts.iter().map(|(_, account)| account.data.len() + 32).sum();
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(accounts)
    }

    async fn send(&self, transaction: &VersionedTransaction) -> ChainResult<Signature> {
        self.inside(self.chain.send(transaction)).await
    }
}

/// A market with offers.
struct Grown {
    counter: Arc<Counter>,
    market: FreshMarket<Counter>,
    buyer: Wallet,
    /// The window of the cheapest offer; 0 outside windows.
    window_start: i64,
    /// The offer that is bought from.
    offer: Address,
}

/// One operation, measured.
struct Measured {
    client: Duration,
    bytes: u64,
    requests: u64,
}

impl Grown {
    /// A market of so many windows with so many offers in each; without windows, where there is one.
    async fn new(elf: &[u8], windows: usize, offers: usize) -> Result<Self> {
        let counter = Arc::new(Counter {
            chain: EmbeddedChain::with_program(elf)?,
            bytes: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            chain_nanoseconds: AtomicU64::new(0),
        });
        let has_windows = windows > 1;
        let market = FreshMarket::found(counter.clone(), 100_000 * SOL, &SPL_TOKEN_ID, |owner| {
            let mut config = open_bus(owner);
            config.capacity_wh = 1 << 40;
            config.horizon_seconds = HORIZON_SECONDS;
            if has_windows {
                config.terms = TermsConfig { window_seconds: WINDOW_SECONDS, ..TermsConfig::default() };
            }
            vec![config]
        })
        .await?;
        let options =
            TransactionOptions { compute_units: ComputeUnits::Fixed(100_000), ..TransactionOptions::default() };
        let wallets: Vec<Wallet> = (0..=(windows * offers).div_ceil(OFFERS_OF_A_SELLER))
            .map(|_| Wallet::new(counter.clone(), Arc::new(Keypair::new())).with_options(options))
            .collect();
        let addresses: Vec<Address> = wallets.iter().map(Wallet::address).collect();
        market.fund(&addresses, 100 * SOL, FUNDS).await?;
        let (buyer, sellers) = wallets.split_first().context("a market has a buyer")?;
        let now = Chain::clock(&*counter).await?.unix_timestamp;
        let first_window = (now / i64::from(WINDOW_SECONDS) + 2) * i64::from(WINDOW_SECONDS);
        let window = |number: usize| {
            if has_windows { first_window + number.cast_signed() as i64 * i64::from(WINDOW_SECONDS) } else { 0 }
        };
        let mut cheapest = None;
        for number in 0..windows * offers {
            let terms = OfferTerms {
                window_start: window(number / offers),
                energy_wh: OFFERED_WH,
                price_per_kwh: 1_000 + 1_000 * ((number * 7_919) % 10_007) as u64,
                expires_at: 0,
                source: EnergySource::Solar,
            };
            let listed = sellers[number / OFFERS_OF_A_SELLER].offer_create(&market.bus, &terms).await?;
            cheapest = cheapest.or(Some(listed.address));
        }
        let offer = cheapest.context("a market has an offer")?;
        Ok(Self { counter, buyer: buyer.clone(), market, window_start: window(0), offer })
    }

    /// CPU time outside the chain, and what was read, of the median of the rounds.
    async fn measure<T>(&self, mut work: impl AsyncFnMut(usize) -> Result<T>) -> Result<(Measured, T)> {
        let (mut times, mut last) = (Vec::new(), None);
        let mut counts = Counts::default();
        for round in 0..ROUNDS {
            let before = self.counter.counts();
            let started = ProcessTime::now();
            let done = work(round).await?;
            let total = started.elapsed();
            let after = self.counter.counts();
            counts = Counts {
                bytes: after.bytes - before.bytes,
                requests: after.requests - before.requests,
                in_chain: after.in_chain.saturating_sub(before.in_chain),
            };
            times.push(total.saturating_sub(counts.in_chain).as_secs_f64());
            last = Some(done);
        }
        let client = Duration::from_secs_f64(median(times));
        Ok((Measured { client, bytes: counts.bytes, requests: counts.requests }, last.context("nothing was measured")?))
    }
}

/// Measures markets of every size.
///
/// # Errors
/// Where the program refuses, or compute units grow.
pub async fn run(options: &Options) -> Result<()> {
    let elf = std::fs::read(&options.program)
        .with_context(|| format!("could not read {}; build it with `cargo xtask build`", options.program.display()))?;
    let mut units = Vec::new();
    for offers in &options.offers {
        units.push(size(&elf, 1, *offers, &format!("{} offers", grouped(*offers as u64))).await?);
    }
    for windows in options.windows.iter().filter(|windows| **windows > 0) {
        let plural = if *windows == 1 { "" } else { "s" };
        units
            .push(size(&elf, *windows, 1, &format!("{} window{plural} of one offer", grouped(*windows as u64))).await?);
    }
    let (least, most) = (units.iter().min().copied().unwrap_or(0), units.iter().max().copied().unwrap_or(0));
    ensure!(most - least <= 100, "a purchase costs {least} to {most} compute units; it must not grow with the market");
    Ok(())
}

async fn size(elf: &[u8], windows: usize, offers: usize, name: &str) -> Result<u64> {
    eprintln!("{name} ...");
    let grown = Grown::new(elf, windows, offers).await?;
    let (market, bus) = (grown.market.market(), grown.market.bus);
    let order = PurchaseOrder::exactly(grown.offer, Wh(10), PricePerKwh(u64::MAX));
    let order = PurchaseOrder { allow_rounding: true, ..order };
    // The first purchase opens a nonce lane.
    grown.buyer.buy(&order).await?;
    let (bought, purchase) = grown.measure(async |_| Ok(grown.buyer.buy(&order).await?)).await?;
    let window_start = (windows > 1).then_some(grown.window_start);
    let want = Want { window_start, ..Want::exactly(bus, 5_000) };
    let (quoted, quote) = grown.measure(async |_| Ok(market.quote_best(&want).await?)).await?;
    ensure!(quote.energy_wh == 5_000, "the best price is of {} Wh", quote.energy_wh);
    let filter = OfferFilter { window_start, ..OfferFilter::default() };
    let (listed, list) =
        grown.measure(async |_| Ok(market.active_offers(&bus, &filter, OfferSort::Price).await?)).await?;
    ensure!(list.len() == offers, "{} offers are listed of {offers}", list.len());
    let row = |what: &str, figure: String, measured: &Measured, limit: &str| {
        Row {
            what: format!("{what}, {name}"),
            figure: format!("{figure}{} of the client", microseconds(measured.client)),
            beside: format!("{} bytes in {} requests", grouped(measured.bytes), measured.requests),
            limit: limit.to_owned(),
            ..Row::default()
        }
        .print("growth");
    };
    let units = purchase.compute_units;
    row("a purchase", format!("{} compute units, ", grouped(units)), &bought, "flat: it reads its own accounts alone");
    row("the best price", String::new(), &quoted, "every offer of the window is read and compared");
    row("`offer list`", String::new(), &listed, "the answer itself: every offer of the window");
    Ok(units)
}

fn microseconds(time: Duration) -> String {
    format!("{} µs", grouped(time.as_micros() as u64))
}

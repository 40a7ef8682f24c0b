//! Load: many wallets trade at the same time, as fast as a node on this machine takes it.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::{
    context::Context,
    demo,
    localnet::{self, Engine},
    run,
    sbf::Tools,
};

/// Options of a load. Defaults are those of `multibus-load --help`.
#[derive(clap::Args)]
pub struct Options {
    /// Start a fresh network of this engine for the load, and end it afterwards [default: surfpool]
    #[arg(long, value_enum, conflicts_with = "url")]
    engine: Option<Engine>,
    /// RPC URL of a node on this machine that runs already, with the program deployed
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Wallets that trade [default: 100]
    #[arg(long, value_name = "N")]
    traders: Option<u16>,
    /// Nonce lanes of each wallet: as many of its transactions are in flight [default: 8]
    #[arg(long, value_name = "N")]
    lanes: Option<u16>,
    /// How long new transactions are sent [default: 20]
    #[arg(long, value_name = "S")]
    seconds: Option<u64>,
    /// Everyone buys from one offer
    #[arg(long)]
    hot: bool,
    /// Buses that the offers are spread over [default: 1]
    #[arg(long, value_name = "N")]
    buses: Option<u16>,
    /// Transactions at most [default: 500000]
    #[arg(long, value_name = "N")]
    max_transactions: Option<u64>,
    /// Weights of purchases, batches, locks and offers [default: 55,15,10,20]
    #[arg(long, value_name = "P,B,L,O")]
    mix: Option<String>,
    /// Send straight to the node's TPU over QUIC, past its RPC server; needs a node of Agave
    #[arg(long, conflicts_with = "auction")]
    tpu: bool,
    /// Hold one auction of this many orders instead, half of them offers and half bids
    #[arg(long, value_name = "ORDERS", conflicts_with_all = ["seconds", "hot", "buses", "max_transactions", "mix"])]
    auction: Option<u32>,
    /// Clear the auction by lookup tables
    #[arg(long, requires = "auction")]
    lookup_tables: bool,
}

impl Options {
    /// A short load that shows that everything works.
    fn smoke() -> Self {
        Self {
            engine: Some(Engine::Surfpool),
            url: None,
            traders: Some(6),
            lanes: Some(3),
            seconds: Some(5),
            hot: false,
            buses: Some(2),
            max_transactions: Some(2_000),
            mix: None,
            tpu: false,
            auction: None,
            lookup_tables: false,
        }
    }

    /// A small auction on the same network.
    fn smoke_auction() -> Self {
        Self { seconds: None, buses: None, max_transactions: None, auction: Some(60), ..Self::smoke() }
    }

    fn add_to(&self, command: &mut Command) {
        let Self {
            engine: _,
            url,
            traders,
            lanes,
            seconds,
            hot,
            buses,
            max_transactions,
            mix,
            tpu,
            auction,
            lookup_tables,
        } = self;
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                command.args([name, &value]);
            }
        };
        add("--url", url.clone());
        add("--traders", traders.map(|number| number.to_string()));
        add("--lanes", lanes.map(|number| number.to_string()));
        add("--seconds", seconds.map(|number| number.to_string()));
        add("--buses", buses.map(|number| number.to_string()));
        add("--max-transactions", max_transactions.map(|number| number.to_string()));
        add("--mix", mix.clone());
        add("--auction", auction.map(|number| number.to_string()));
        for (flag, given) in [("--hot", hot), ("--tpu", tpu), ("--lookup-tables", lookup_tables)] {
            if *given {
                command.arg(flag);
            }
        }
    }
}

/// A short load and a small auction, one after the other.
pub fn smoke(ctx: &Context, tools: Tools) -> Result<()> {
    load(ctx, tools, &Options::smoke())?;
    load(ctx, tools, &Options::smoke_auction())
}

pub fn load(ctx: &Context, tools: Tools, options: &Options) -> Result<()> {
    let mut command = match (&options.url, options.engine.unwrap_or_default()) {
        (Some(_), _) => ctx.command(binary(ctx)),
        (None, engine) => {
            let mut network = localnet::fresh(ctx, tools, engine, "load")?;
            network.arg(binary(ctx));
            network
        }
    };
    let features: &[&str] = if options.tpu { &["multibus-network/tpu"] } else { &[] };
    demo::build_bins(ctx, &["multibus-load"], features, "Compiling the generator of load")?;
    options.add_to(&mut command);
    let status = command.status().with_context(|| format!("could not start `{}`", run::shown(&command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}, for the reason above", run::shown(&command));
    }
    Ok(())
}

fn binary(ctx: &Context) -> PathBuf {
    ctx.target.join("debug/multibus-load")
}

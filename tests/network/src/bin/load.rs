//! `multibus-load`: load for a node on this machine. `cargo xtask load` builds and runs it.

use {
    clap::Parser,
    multibus_network::load::{self, AuctionOptions, Kind, LoadError, LoadOptions, LoadReport, Mix},
    std::{
        fmt::Display,
        path::{Path, PathBuf},
        process::ExitCode,
        time::Duration,
    },
};

/// Let many wallets post offers, buy, lock and cancel at the same time, as fast as one node takes it
///
/// Reports what was submitted, landed and failed, how fast and how long it took, and then checks on the chain that no Wh
/// and no base unit is missing. Only a node on this machine is accepted. With `--auction` they offer and bid in one auction
/// instead, which is then cleared and settled.
#[derive(Parser, Debug)]
#[command(name = "cargo xtask load", max_term_width = 120)]
struct Args {
    /// RPC URL of a node on this machine [default: that of the network which `MULTIBUS_NETWORK` describes]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Its websocket URL [default: the next port]
    #[arg(long, value_name = "URL")]
    ws: Option<String>,
    /// Wallets that trade
    #[arg(long, value_name = "N", default_value_t = 100)]
    traders: u16,
    /// Nonce lanes of each wallet, which is how many of its transactions are in flight at once
    #[arg(long, value_name = "N", default_value_t = 8)]
    lanes: u16,
    /// How long new transactions are sent
    #[arg(long, value_name = "S", default_value_t = 20)]
    seconds: u64,
    /// Everyone buys from one offer
    #[arg(long)]
    hot: bool,
    /// Buses that the offers are spread over
    #[arg(long, value_name = "N", default_value_t = 1)]
    buses: u16,
    /// Transactions, at most
    #[arg(long, value_name = "N", default_value_t = 500_000)]
    max_transactions: u64,
    /// Weights of purchases, batches, locks and offers
    #[arg(long, value_name = "P,B,L,O", value_parser = mix, default_value = "55,15,10,20")]
    mix: Mix,
    /// Hold one auction of this many orders instead, half of them offers and half bids
    #[arg(long, value_name = "ORDERS", conflicts_with_all = ["seconds", "hot", "buses", "max_transactions", "mix"])]
    auction: Option<u32>,
    /// Clear the auction by lookup tables
    #[arg(long, requires = "auction")]
    lookup_tables: bool,
    /// Also send bare token transfers, before and after, and print rows for `cargo xtask bench`
    #[arg(long, conflicts_with = "auction")]
    beside_transfers: bool,
    /// Send straight to the node's TPU over QUIC, past its RPC server
    #[arg(long, conflicts_with = "auction")]
    tpu: bool,
}

/// A row of the table of `cargo xtask bench`: what landed a second, beside bare transfers.
fn row(report: &LoadReport, mix: Mix, tpu: bool) -> Option<String> {
    let transfers = report.transfers_per_second?;
    let market = report.landed_per_second(|kind| kind != Kind::Transfer);
    let share = |time: Duration| {
        let (_, available) = report.machine_cpu?;
        Some(format!("{:.0}%", 100.0 * time.as_secs_f64() / available.as_secs_f64().max(0.001)))
    };
    let limit = match (report.node_cpu.and_then(share), report.client_cpu.and_then(share)) {
        (Some(node), Some(client)) => {
            format!(
                "the machine: the node used {node} of it, the generator {client}; whatever else runs takes from both"
            )
        }
        _ => "the machine, which node and generator share".to_string(),
    };
    let row = serde_json::json!({
        "what": format!("{} by {}, at most {} in flight", what(mix), if tpu { "TPU" } else { "RPC" }, report.in_flight),
        "figure": format!("{market:.0} landed a second"),
        "beside": format!("{transfers:.0} bare token transfers a second, before and after"),
        "ratio": format!("{:.2}", market / transfers.max(1.0)),
        "limit": limit,
    });
    Some(row.to_string())
}

/// What a mix sends.
fn what(Mix { purchase, batch, lock, offer }: Mix) -> String {
    let kinds = [(purchase, "purchases"), (batch, "batches"), (lock, "locks"), (offer, "offers")];
    let sent: Vec<&str> = kinds.into_iter().filter(|(weight, _)| *weight > 0).map(|(_, name)| name).collect();
    match sent.as_slice() {
        [kind] => format!("{kind} alone"),
        [kinds @ .., last] => format!("{} and {last}", kinds.join(", ")),
        [] => String::new(),
    }
}

fn mix(text: &str) -> Result<Mix, String> {
    let weights: Option<Vec<u32>> =
        text.split(',').map(|weight| weight.trim().parse().ok().filter(|weight| *weight <= 1_000)).collect();
    match weights.as_deref() {
        Some(&[purchase, batch, lock, offer]) => Ok(Mix { purchase, batch, lock, offer }),
        _ => Err(format!("{text:?} is no mix; give four weights from 0 to 1000, such as 55,15,10,20")),
    }
}

/// The node of a network.
struct Node {
    url: String,
    process: Option<u32>,
    /// The key file of Agave's validator.
    identity: Option<PathBuf>,
}

impl Node {
    /// A node that runs already.
    fn at(url: String) -> Self {
        Self { url, process: None, identity: None }
    }

    /// That of the network which `MULTIBUS_NETWORK` describes.
    fn described() -> Result<Self, String> {
        let path = std::env::var("MULTIBUS_NETWORK")
            .map_err(|_| "no node is named: give --url, or let `cargo xtask load --engine` start one".to_string())?;
        let refuse = |cause: String| {
            format!("{path} does not describe a network: {cause}; start one with `cargo xtask localnet`")
        };
        let text = std::fs::read_to_string(&path).map_err(|error| refuse(error.to_string()))?;
        let description: serde_json::Value = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
        let url = description["rpc_url"].as_str().ok_or_else(|| refuse("it has no rpc_url".to_string()))?.to_string();
        let process = description["engine_process"].as_u64().and_then(|process| process.try_into().ok());
        let identity = Path::new(&path).with_file_name("ledger").join("validator-keypair.json");
        Ok(Self { url, process, identity: Some(identity).filter(|file| file.is_file()) })
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let Args {
        url,
        ws,
        traders,
        lanes,
        seconds,
        hot,
        buses,
        max_transactions,
        mix,
        auction,
        lookup_tables,
        beside_transfers,
        tpu,
    } = Args::parse();
    let node = match url.map_or_else(Node::described, |url| Ok(Node::at(url))) {
        Ok(node) => node,
        Err(sentence) => {
            eprintln!("error: {sentence}");
            return ExitCode::from(2);
        }
    };
    let note = |note: &str| eprintln!("  {note} ...");
    if let Some(orders) = auction {
        let options = AuctionOptions { url: node.url, websocket_url: ws, orders, traders, lanes, lookup_tables };
        return tell(Box::pin(load::auction(&options, &note)).await, load::AuctionReport::is_sound);
    }
    let options = LoadOptions {
        url: node.url,
        websocket_url: ws,
        traders,
        lanes,
        seconds,
        hot,
        buses,
        max_transactions,
        mix,
        beside_transfers,
        tpu,
        identity: node.identity,
        node_process: node.process,
    };
    let report = Box::pin(load::run(&options, &note)).await;
    let row = report.as_ref().ok().and_then(|report| row(report, mix, tpu));
    let code = tell(report, LoadReport::is_sound);
    if let Some(row) = row {
        println!("{row}");
    }
    code
}

/// Prints a report, or why there is none.
fn tell<R: Display>(report: Result<R, LoadError>, is_sound: fn(&R) -> bool) -> ExitCode {
    match report {
        Ok(report) => {
            println!("{report}");
            if is_sound(&report) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_was_sent() {
        assert_eq!(what(Mix::default()), "purchases, batches, locks and offers");
        assert_eq!(what(mix("0,0,0,1").unwrap()), "offers alone");
        assert_eq!(what(mix("5,0,1,0").unwrap()), "purchases and locks");
    }
}

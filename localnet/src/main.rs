//! `multibus-localnet`: what `cargo xtask localnet` and `cargo xtask e2e` run.

use std::{
    fs::File,
    io::{ErrorKind, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Parser};
use multibus_localnet::{
    engine::{self, Engine},
    network::{self, DESCRIPTION, Description, Network, SharedNetwork},
    node::NodeOptions,
};
use tokio::signal::unix::{SignalKind, signal};

/// How often the village is tended.
const TEND_INTERVAL: Duration = Duration::from_mins(1);
/// Polling interval while a network starts in the background.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Local networks for MultiBus.
#[derive(Parser)]
#[command(name = "multibus-localnet")]
enum Cli {
    /// Start a network, seed it and stay until Ctrl-C
    Up {
        #[command(flatten)]
        place: Place,
        /// Port of the RPC server; the WebSocket is at the next one
        #[arg(long, value_name = "PORT", default_value_t = 8899)]
        port: u16,
        /// Start over
        #[arg(long)]
        reset: bool,
        /// Return once the network is ready, and leave it running in the background
        #[arg(long)]
        detach: bool,
    },
    /// End networks that run in the background
    Stop {
        /// Folders of the networks
        #[arg(value_name = "DIR", required = true)]
        dirs: Vec<PathBuf>,
    },
    /// Start a new network on free ports, run a command with `MULTIBUS_NETWORK` naming its description, and end it
    Exec {
        #[command(flatten)]
        place: Place,
        /// The command
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
    /// Run a command in the same way on a node that runs already, which goes on afterwards
    Share {
        /// URL of the node's RPC server
        #[arg(long, value_name = "URL")]
        url: String,
        /// URL of its WebSocket server [default: the port after the RPC server's]
        #[arg(long, value_name = "URL")]
        ws: Option<String>,
        /// Folder of the description
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// The command
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
}

#[derive(Args)]
struct Place {
    /// What runs the network
    #[arg(long, value_enum, default_value_t)]
    engine: Engine,
    /// Folder that keeps the network
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Time between two slots, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 400, value_parser = clap::value_parser!(u32).range(50..=10_000))]
    slot_ms: u32,
}

impl Place {
    fn options(self, rpc_port: Option<u16>) -> Result<NodeOptions> {
        let Self { engine, dir, slot_ms } = self;
        Ok(NodeOptions { engine, dir: std::path::absolute(dir)?, program: engine::program_elf()?, rpc_port, slot_ms })
    }
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    // A node ends with the thread that started it, so this one starts it: it lives longest.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match cli {
        Cli::Up { place, port, reset, detach: true } => detach(&place.options(Some(port))?, reset),
        Cli::Up { place, port, reset, detach: false } => {
            runtime.block_on(up(place.options(Some(port))?, reset))?;
            Ok(ExitCode::SUCCESS)
        }
        Cli::Stop { dirs } => stop(&dirs),
        Cli::Exec { place, command } => runtime.block_on(exec(place.options(None)?, &command)),
        Cli::Share { url, ws, dir, command } => {
            runtime.block_on(share(&url, ws.as_deref(), &std::path::absolute(dir)?, &command))
        }
    }
}

async fn up(options: NodeOptions, reset: bool) -> Result<()> {
    let (mut terminate, mut hangup) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let engine = options.engine;
    let mut network = tokio::select! {
        started = Network::start(options, reset) => started?,
        // Dropping the half-started network kills its node.
        _ = interrupt.recv() => bail!("interrupted before the network was ready"),
        _ = terminate.recv() => bail!("ended before the network was ready"),
    };
    say(&format!("{}\nCtrl-C ends it.", network.description.text()))?;
    let mut tick = tokio::time::interval(TEND_INTERVAL);
    let mut watch = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            _ = hangup.recv() => break,
            _ = watch.tick() => if let Some(status) = network.node.exited()? {
                bail!(
                    "the {engine} node ended with {status}; {} says why, and starting again goes on from what it kept",
                    network.node.log().display()
                );
            },
            _ = tick.tick() => if let Err(error) = network.village.tend().await {
                eprintln!("warning: the village could not be tended, which is tried again in a minute: {error:#}");
            },
        }
    }
    eprintln!("Ending the network; what it kept stays.");
    network.stop().await
}

/// Starts `up` in the background, and returns once the network is ready.
fn detach(options: &NodeOptions, reset: bool) -> Result<ExitCode> {
    let NodeOptions { engine, dir, program, rpc_port, slot_ms } = options;
    std::fs::create_dir_all(dir).with_context(|| format!("could not create {}", dir.display()))?;
    let log = dir.join("localnet.log");
    let file = File::create(&log).with_context(|| format!("could not write {}", log.display()))?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["up", "--engine", engine.name(), "--slot-ms", &slot_ms.to_string(), "--dir"]).arg(dir);
    if let Some(port) = rpc_port {
        command.args(["--port", &port.to_string()]);
    }
    if reset {
        command.arg("--reset");
    }
    command.env("MULTIBUS_PROGRAM", program).stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    // This terminal's Ctrl-C must not reach it.
    let mut child = command.process_group(0).spawn()?;
    loop {
        if let Some(status) = child.try_wait()? {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            bail!("the network did not start ({status}):\n{}", said.trim_end());
        }
        if let Some(description) = Description::read(dir)?.filter(|found| found.process == child.id()) {
            say(&format!("{}\nIt runs in the background; `cargo xtask localnet --stop` ends it.", description.text()))?;
            return Ok(ExitCode::SUCCESS);
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Prints a line. A closed pipe, as after `head`, is no error.
fn say(text: &str) -> Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("could not print"),
    }
}

fn stop(dirs: &[PathBuf]) -> Result<ExitCode> {
    let mut stopped = 0;
    for dir in dirs {
        if network::stop(dir)? {
            eprintln!("The network in {} has ended.", dir.display());
            stopped += 1;
        }
    }
    if stopped == 0 {
        eprintln!("No network of this checkout is running.");
    }
    Ok(ExitCode::SUCCESS)
}

async fn exec(options: NodeOptions, command: &[String]) -> Result<ExitCode> {
    let (engine, dir) = (options.engine, options.dir.clone());
    eprintln!("Starting a new network on {engine} ...");
    // Boxed, because it holds what is read of the chain.
    let network = Box::pin(Network::start(options, true)).await?;
    let status = run_beside(&dir, &network.description, command).await;
    let kept = network.node.log();
    network.stop().await?;
    let status = status?;
    if !status.success() {
        eprintln!("The log of the {engine} node is {}", kept.display());
    }
    Ok(exit_code(status))
}

async fn share(url: &str, ws: Option<&str>, dir: &Path, command: &[String]) -> Result<ExitCode> {
    eprintln!("Looking at the node at {url} ...");
    let network = Box::pin(SharedNetwork::join(url, ws, dir)).await?;
    eprintln!("It is a node of {}.", network.description.engine);
    run_beside(dir, &network.description, command).await.map(exit_code)
}

fn exit_code(status: std::process::ExitStatus) -> ExitCode {
    ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// Runs a command that finds the network's description, and what clients of Anchor look for: its URL and a wallet with SOL.
async fn run_beside(dir: &Path, description: &Description, command: &[String]) -> Result<std::process::ExitStatus> {
    let [program, args @ ..] = command else { bail!("there is no command to run") };
    let wallet = description.wallets.first().context("the network has no wallet")?;
    let mut child = Command::new(program)
        .args(args)
        .env("MULTIBUS_NETWORK", dir.join(DESCRIPTION))
        .env("ANCHOR_PROVIDER_URL", &description.rpc_url)
        .env("ANCHOR_WALLET", &wallet.keypair)
        .spawn()
        .with_context(|| format!("could not start `{program}`"))?;
    // The terminal's Ctrl-C reaches the command too. The network ends after the command, however that ends.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => child.kill()?,
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }
}

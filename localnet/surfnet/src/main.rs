//! surfpool as a process: a Solana network with RPC and WebSocket on given ports, kept in a file, until it is told to
//! end (SIGTERM or Ctrl-C).
//!
//! It stands on `surfpool-core`, as `surfpool-sdk` does. Blocks are produced by the clock, as on a network, so that
//! expiries and delivery windows pass while nobody trades. Nothing is fetched from other networks.

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser;
use crossbeam_channel::{Receiver, RecvError, RecvTimeoutError, Sender, select, unbounded};
use surfpool_core::surfnet::{
    locker::SurfnetSvmLocker,
    svm::{SurfnetSvm, SurfnetSvmConfig},
};
use surfpool_types::{BlockProductionMode, RpcConfig, SimnetCommand, SimnetConfig, SimnetEvent, SurfpoolConfig};

/// How long the servers may take to close.
const PATIENCE: Duration = Duration::from_secs(10);

/// A local Solana network, kept in a file.
#[derive(Parser)]
#[command(name = "multibus-surfnet")]
struct Args {
    /// Port of the RPC server
    #[arg(long, value_name = "PORT")]
    rpc_port: u16,
    /// Port of the WebSocket server
    #[arg(long, value_name = "PORT")]
    ws_port: u16,
    /// Database file that keeps accounts, blocks and transactions [default: in memory]
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
    /// Time between two blocks, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 400)]
    slot_ms: u64,
    /// A program to start with: its address and its ELF
    #[arg(long, num_args = 2, value_names = ["ADDRESS", "FILE"])]
    program: Vec<String>,
    /// Upgrade authority of these programs
    #[arg(long, value_name = "ADDRESS", requires = "program")]
    authority: Option<String>,
    /// A wallet to start with, which gets 10,000 SOL; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    airdrop: Vec<String>,
    /// Say nothing of transactions that fail
    #[arg(long)]
    quiet: bool,
}

/// What a wallet gets to start with.
const AIRDROP_LAMPORTS: u64 = 10_000 * 1_000_000_000;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), String> {
    let config = config(args)?;
    let simnet = &config.simnets[0];
    let svm_config = SurfnetSvmConfig {
        surfnet_id: simnet.surfnet_id.clone(),
        slot_time: simnet.slot_time,
        instruction_profiling_enabled: simnet.instruction_profiling_enabled,
        max_profiles: simnet.max_profiles,
        log_bytes_limit: simnet.log_bytes_limit,
        ..SurfnetSvmConfig::default()
    };
    let database = match &args.database {
        Some(path) => Some(path.to_str().ok_or("the database's path is not UTF-8; choose another folder")?),
        None => None,
    };
    let (svm, events, geyser) = SurfnetSvm::new_with_db(database, svm_config).map_err(|error| {
        format!("{} cannot be opened ({error}); start over with a new file", database.unwrap_or("the database"))
    })?;
    let locker = SurfnetSvmLocker::new(svm);
    for program in args.program.chunks(2) {
        deploy(&locker, program, args.authority.as_deref())?;
    }
    let (commands, received) = unbounded();
    let (ended, end) = unbounded();

    let network = commands.clone();
    std::thread::spawn(move || {
        let running = surfpool_core::runloops::start_local_surfnet_runloop(locker, config, network, received, geyser);
        let result = hiro_system_kit::nestable_block_on(running).map_err(|error| error.to_string());
        // Sending fails only when the process is ending anyway.
        let _ = ended.send(result);
    });
    std::thread::spawn(move || end_on_signal(&commands));
    follow(&events, &end, args.quiet)
}

/// Puts a program at its address before anyone can ask for it.
fn deploy(locker: &SurfnetSvmLocker, program: &[String], authority: Option<&str>) -> Result<(), String> {
    let [address, file] = program else { return Err("a program has an address and a file; give both".to_owned()) };
    let no_address = |text: &str| format!("{text:?} is no address; give 32 bytes in base58");
    let elf = std::fs::read(file).map_err(|error| format!("{file} cannot be read ({error}); build the program"))?;
    let id = address.parse().map_err(|_| no_address(address))?;
    let authority = authority.map(|text| text.parse().map_err(|_| no_address(text))).transpose()?;
    hiro_system_kit::nestable_block_on(locker.write_program(id, authority, 0, &elf, &None))
        .map_err(|error| format!("the program {file} was refused: {error}"))
}

fn config(args: &Args) -> Result<SurfpoolConfig, String> {
    let airdrop = args.airdrop.iter().map(|text| {
        text.parse().map_err(|_| format!("{text:?} is no address that could get SOL; give 32 bytes in base58"))
    });
    Ok(SurfpoolConfig {
        simnets: vec![SimnetConfig {
            offline_mode: true,
            remote_rpc_url: None,
            slot_time: args.slot_ms,
            block_production_mode: BlockProductionMode::Clock,
            // Profiles execute every transaction a second time.
            instruction_profiling_enabled: false,
            airdrop_addresses: airdrop.collect::<Result<_, String>>()?,
            airdrop_token_amount: AIRDROP_LAMPORTS,
            ..SimnetConfig::default()
        }],
        rpc: RpcConfig {
            bind_host: "127.0.0.1".to_owned(),
            bind_port: args.rpc_port,
            ws_port: args.ws_port,
            ..RpcConfig::default()
        },
        ..SurfpoolConfig::default()
    })
}

/// Prints what goes wrong, and returns once the network has ended and its two servers have closed.
fn follow(events: &Receiver<SimnetEvent>, end: &Receiver<Result<(), String>>, quiet: bool) -> Result<(), String> {
    let mut closed = 0;
    loop {
        select! {
            recv(events) -> event => closed += heed(event, quiet)?,
            recv(end) -> ended => {
                ended.map_err(|_| "the network's thread panicked, see above")??;
                break;
            }
        }
    }
    let deadline = Instant::now() + PATIENCE;
    while closed < 2 {
        match events.recv_deadline(deadline) {
            Err(RecvTimeoutError::Timeout) => {
                return Err(format!("the servers did not close within {} s", PATIENCE.as_secs()));
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Ok(event) => closed += heed(Ok(event), quiet)?,
        }
    }
    Ok(())
}

/// Prints what went wrong; returns how many servers closed.
fn heed(event: Result<SimnetEvent, RecvError>, quiet: bool) -> Result<u32, String> {
    match event {
        Ok(SimnetEvent::ErrorLog(..) | SimnetEvent::WarnLog(..)) if quiet => {}
        Ok(SimnetEvent::CoreStarted(transactions)) => println!("ready with {transactions} kept transactions"),
        Ok(SimnetEvent::ErrorLog(_, text)) => eprintln!("error: {text}"),
        Ok(SimnetEvent::WarnLog(_, text)) => eprintln!("warning: {text}"),
        Ok(SimnetEvent::Aborted(text)) => return Err(text),
        Ok(SimnetEvent::Shutdown) => return Ok(1),
        Ok(_) => {}
        Err(_) => return Err("the network dropped its events".to_owned()),
    }
    Ok(0)
}

/// Ends the network in good order, with everything on disk, when the process is asked to.
fn end_on_signal(commands: &Sender<SimnetCommand>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let asked = runtime.map(|runtime| {
        runtime.block_on(async {
            let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
            tokio::select! {
                _ = terminate.recv() => Ok(()),
                interrupted = tokio::signal::ctrl_c() => interrupted,
            }
        })
    });
    match asked {
        // A network that has ended needs no telling.
        Ok(Ok(())) => drop(commands.send(SimnetCommand::Terminate(None))),
        Ok(Err(error)) | Err(error) => eprintln!("error: signals cannot be waited for ({error}); end it with SIGKILL"),
    }
}

//! `multibus-migrate`: brings a network to the program and the IDL of this checkout.

use {
    anyhow::{Context, Result, anyhow, bail, ensure},
    clap::Parser,
    indicatif::{ProgressBar, ProgressStyle},
    multibus_client::{
        Address,
        chain::{Chain, CommitmentLevel, RpcChain, RpcOptions},
        wallet::SharedSigner,
    },
    multibus_migrate::{
        artifact::{self, Program},
        cluster::Cluster,
        idl::{self, Published},
        loader::{Change, Loader, OnChain, Progress},
        record::{Entry, Record},
    },
    solana_keypair::{Keypair, read_keypair_file},
    solana_rpc_client::nonblocking::rpc_client::RpcClient,
    solana_signer::Signer,
    std::{
        path::{Path, PathBuf},
        process::ExitCode,
        sync::{Arc, Mutex},
    },
};

/// Bring a network to the program and the IDL of this checkout.
///
/// Looks at the network first and does only what is missing: deploys the program, upgrades it if its bytes differ,
/// publishes the IDL if the network keeps IDLs, and records what it did. Run it again at any time: it continues where
/// an earlier run was killed.
#[derive(Parser)]
#[command(name = "multibus-migrate", version, after_help = HELP)]
struct Cli {
    /// The network, by its name in the file of networks
    #[arg(default_value = "localnet")]
    network: String,
    /// Only say what would be done; exit with 1 where anything would
    #[arg(long)]
    plan: bool,
    /// Allow the mainnet
    #[arg(long)]
    mainnet: bool,
    /// Where another wallet is the upgrade authority: write the program into a buffer and hand it to that authority
    #[arg(long)]
    prepare: bool,
    /// Make this address the upgrade authority at the end, such as the vault of a multisig
    #[arg(long, value_name = "ADDRESS")]
    new_upgrade_authority: Option<Address>,
    /// URL of the RPC node, instead of the network's
    #[arg(long)]
    url: Option<String>,
    /// Keypair file of the wallet that pays and is the upgrade authority, instead of the network's
    #[arg(short = 'k', long, value_name = "FILE")]
    keypair: Option<PathBuf>,
    /// Keypair file of the program's address, needed for the first deployment, instead of the network's
    #[arg(long, value_name = "FILE")]
    program_keypair: Option<PathBuf>,
    /// The compiled program
    #[arg(long, value_name = "FILE", env = "MULTIBUS_PROGRAM", default_value = "target/deploy/multibus.so")]
    elf: PathBuf,
    /// The IDL
    #[arg(long, value_name = "FILE", default_value = "idl/multibus.json")]
    idl: PathBuf,
    /// The file of networks
    #[arg(long, value_name = "FILE", default_value = "migrations/clusters.json")]
    clusters: PathBuf,
    /// The folder of records, one file for each network
    #[arg(long, value_name = "FOLDER", default_value = "migrations/deployments")]
    records: PathBuf,
}

const HELP: &str = "\
Examples:
  cargo xtask migrate                                  deploy to the local network at 127.0.0.1:8899
  cargo xtask migrate -- devnet --plan                 what would be done on devnet?
  cargo xtask migrate -- mainnet --mainnet --prepare   write a buffer that the multisig upgrades from";

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<ExitCode> {
    let mut cluster = Cluster::read(&cli.clusters, &cli.network)?;
    cluster.url = cli.url.unwrap_or(cluster.url);
    let id = cluster.program()?;
    let program = Program::read(&cli.elf, id)?;
    let wanted_idl = artifact::idl_for(&cli.idl, &id)?;
    let wallet_path = cli.keypair.or(cluster.wallet.clone()).context("no wallet is named; give one with --keypair")?;
    let wallet = read_wallet(&wallet_path)?;

    // Refuses to put a program where everybody could replace it: see `multibus_client::network`.
    let rpc = RpcChain::of_program(&cluster.url, None, CommitmentLevel::Confirmed, RpcOptions::default(), id)?;
    let websocket_url = rpc.websocket_url().to_owned();
    let chain: Arc<dyn Chain> = Arc::new(rpc);
    let genesis = RpcClient::new(cluster.url.clone()).get_genesis_hash().await;
    let genesis =
        genesis.with_context(|| format!("the node at {} could not be asked which network it is", cluster.url))?;
    let genesis = genesis.to_string();
    // Reading is free; only what follows needs consent.
    cluster.validate_genesis(&genesis, cli.mainnet || cli.plan)?;

    let loader = Loader::new(chain.clone(), wallet.clone(), cluster.priority_fee, reporter());
    let present = loader.inspect(&id).await?;
    let published = idl::read(&chain, &id).await?;
    ensure!(
        published != Published::Unsupported || !cluster.publishes_idl,
        "{} keeps no IDLs: it has no Program Metadata program at {}; check the URL",
        cluster.url,
        idl::METADATA_PROGRAM
    );
    let publish_idl = !matches!(&published, Published::Unsupported) && published != Published::Idl(wanted_idl.clone());
    println!("network    {} at {}, genesis {genesis}", cli.network, cluster.url);
    println!("wallet     {}", wallet.pubkey());
    println!("program    {id}, {} bytes, sha256 {}", program.elf.len(), program.sha256());
    println!("on chain   {}", describe(&present, &program));
    println!("IDL        {}", describe_idl(&published, publish_idl));
    if cli.plan {
        let handed = match &present {
            OnChain::Program { authority, .. } => cli.new_upgrade_authority.is_none_or(|new| *authority == Some(new)),
            OnChain::Absent => false,
        };
        let done = present.is(&program) && !publish_idl && handed;
        println!("{}", if done { "Nothing is to be done." } else { "Run this without --plan to do it." });
        return Ok(ExitCode::from(u8::from(!done)));
    }

    let keypair_path = cli.program_keypair.or(cluster.program_keypair.clone());
    let program_keypair = match (&present, keypair_path) {
        (OnChain::Absent, Some(path)) => Some(read_keypair(&path)?),
        _ => None,
    };
    let mut done = Vec::new();
    match loader.migrate(&program, program_keypair.as_ref(), cli.prepare).await? {
        Change::None => {}
        Change::Deployed => done.push("deployed the program".to_owned()),
        Change::Upgraded => done.push("upgraded the program".to_owned()),
        Change::Prepared { buffer, authority } => {
            println!("Buffer {buffer} holds the new program and belongs to {authority}.");
            println!("Upgrade {id} from it with that authority, and run this again to publish the IDL and record it.");
            return Ok(ExitCode::SUCCESS);
        }
    }
    if publish_idl {
        let OnChain::Program { authority, .. } = loader.inspect(&id).await? else { return Err(gone()) };
        ensure!(
            authority == Some(wallet.pubkey()),
            "the IDL is published by the upgrade authority, which is {}; publish it with that wallet (`anchor idl upgrade`), and \
             run this again to record it",
            authority.map_or("nobody".to_owned(), |authority| authority.to_string())
        );
        let unfinished = published == Published::Unfinished;
        idl::publish(&cluster.url, &websocket_url, &wallet_path, cluster.priority_fee, &id, &wanted_idl, unfinished)?;
        let published = idl::read(&chain, &id).await?;
        ensure!(
            published == Published::Idl(wanted_idl),
            "the published IDL is not the one that was sent; run this again"
        );
        done.push("published the IDL".to_owned());
    }
    if let Some(new) = cli.new_upgrade_authority
        && loader.set_authority(&id, &new).await?
    {
        done.push(format!("made {new} the upgrade authority"));
    }

    let path = cli.records.join(format!("{}.json", cli.network));
    let mut record = Record::read(&path, &genesis)?;
    let OnChain::Program { authority, .. } = loader.inspect(&id).await? else { return Err(gone()) };
    let clock = chain.clock().await?;
    record.genesis = genesis;
    record.program = id.to_string();
    record.elf_sha256 = program.sha256();
    record.elf_bytes = program.elf.len();
    record.upgrade_authority = authority.map(|authority| authority.to_string());
    record.idl = (published != Published::Unsupported).then(|| idl::address(&id).to_string());
    record.history.extend(done.iter().map(|what| Entry {
        at: clock.unix_timestamp,
        slot: clock.slot,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        elf_sha256: program.sha256(),
        what: what.clone(),
    }));
    record.write(&path)?;
    match done.is_empty() {
        true => println!("Nothing was to be done."),
        false => println!("Done: {}. Recorded in {}.", done.join(", "), path.display()),
    }
    Ok(ExitCode::SUCCESS)
}

fn gone() -> anyhow::Error {
    anyhow!("the program is gone from the chain; run this again")
}

fn describe(present: &OnChain, program: &Program) -> String {
    match present {
        OnChain::Absent => "nothing: it will be deployed".to_owned(),
        OnChain::Program { authority, slot, .. } => {
            let authority = authority.map_or("final".to_owned(), |authority| format!("upgrade authority {authority}"));
            let state = if present.is(program) { "the same program" } else { "another program: it will be upgraded" };
            format!("{state}, of slot {slot}, {authority}")
        }
    }
}

fn describe_idl(published: &Published, publish: bool) -> &'static str {
    match published {
        Published::Unsupported => "not published: this network has no Program Metadata program",
        Published::Absent => "not published yet: it will be",
        Published::Unfinished => "its publication was interrupted: it will be done again",
        Published::Idl(_) if publish => "another one is published: it will be replaced",
        Published::Idl(_) => "published, and the same",
    }
}

fn read_keypair(path: &Path) -> Result<Arc<Keypair>> {
    match read_keypair_file(path) {
        Ok(keypair) => Ok(Arc::new(keypair)),
        Err(error) => bail!("{} is not a keypair file that can be read: {error}", path.display()),
    }
}

fn read_wallet(path: &Path) -> Result<SharedSigner> {
    let keypair = read_keypair(path)
        .context("make a wallet with `solana-keygen new` or `anchor keygen new`, or name another with --keypair")?;
    Ok(keypair)
}

/// Steps as lines, the writing of the buffer as a bar.
fn reporter() -> impl Fn(Progress) + Send + Sync + 'static {
    let style =
        ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len} {eta}").unwrap_or(ProgressStyle::default_bar());
    let bar = Mutex::new(None::<ProgressBar>);
    move |progress| {
        let mut bar = bar.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match progress {
            Progress::Step(step) => {
                if let Some(bar) = bar.take() {
                    bar.finish();
                }
                println!("{step} ...");
            }
            Progress::Written { done, of } => {
                let bar = bar.get_or_insert_with(|| {
                    println!("Writing the program in {of} parts ...");
                    ProgressBar::new(of as u64).with_style(style.clone()).with_message("Parts written")
                });
                bar.set_position(done as u64);
                if done == of {
                    bar.finish();
                }
            }
        }
    }
}

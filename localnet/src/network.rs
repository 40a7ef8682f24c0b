//! A network in a folder: one node at a time, a seeded village, and a description of both.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use multibus_client::{
    Keypair, Signer,
    chain::{Chain, CommitmentLevel, RpcChain},
    multibus,
};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::{
    brook::METERS,
    engine::Engine,
    key,
    node::{self, Node, NodeOptions},
    village::{MINT_DECIMALS, START_SOL, START_TOKENS, SeededBus, Village, WALLETS},
};

/// Name of the file, in a network's folder, that describes the running network.
pub const DESCRIPTION: &str = "network.json";
/// Name of the lock file. The process that runs the network holds the lock, and writes its number into the file.
const LOCK: &str = "lock";
/// Keypair files, in the network's folder.
const WALLET_DIR: &str = "wallets";
/// Keypair files of meters, in the network's folder.
const METER_DIR: &str = "meters";
/// What engines keep, in the network's folder.
const KEPT: [&str; 6] =
    ["ledger", "surfpool.sqlite", "surfpool.sqlite-wal", "surfpool.sqlite-shm", "agave.log", "surfpool.log"];
/// Time within which a network must end.
const STOP_PATIENCE: Duration = Duration::from_secs(45);

/// What a running network has, for people and programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// What runs it.
    pub engine: Engine,
    /// URL of the RPC server.
    pub rpc_url: String,
    /// URL of the WebSocket server.
    pub websocket_url: String,
    /// Process that keeps the network.
    pub process: u32,
    /// Process of the engine; `None` where somebody else started it.
    pub engine_process: Option<u32>,
    /// Log of the engine; `None` where somebody else started it.
    pub log: Option<PathBuf>,
    /// The program's address.
    pub program: String,
    /// The test stablecoin.
    pub mint: String,
    /// Its decimals.
    pub mint_decimals: u8,
    /// Seeded buses.
    pub buses: Vec<SeededBus>,
    /// Wallets with SOL and tokens.
    pub wallets: Vec<SeededWallet>,
    /// Keys of meters, which sign readings and need no SOL.
    #[serde(default)]
    pub meters: Vec<SeededWallet>,
}

/// A wallet or a meter of the village.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeededWallet {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Its keypair file.
    pub keypair: PathBuf,
    /// Whose it is.
    pub about: String,
}

/// A running network.
pub struct Network {
    /// Its node.
    pub node: Node,
    /// Its market.
    pub village: Village,
    /// What it has.
    pub description: Description,
    dir: PathBuf,
    _lock: File,
}

impl Network {
    /// Starts a network in the folder that the options name and seeds it. `reset` forgets what the folder keeps.
    ///
    /// # Errors
    /// Where one runs there already, or the node or the seeding fails.
    pub async fn start(options: NodeOptions, reset: bool) -> Result<Self> {
        let dir = options.dir.clone();
        fs::create_dir_all(&dir).with_context(|| format!("could not create {}", dir.display()))?;
        let lock = lock(&dir)?;
        if reset {
            self::reset(&dir)?;
        }
        let node = Node::start(options).await?;
        let chain = Arc::new(node.chain(CommitmentLevel::Confirmed)?);
        let village = Village::seed(chain).await.with_context(|| {
            format!("the village could not be seeded; {} may say more, `--reset` starts over", node.log().display())
        })?;
        let place = Running {
            engine: node.engine(),
            rpc_url: node.url(),
            websocket_url: node.websocket_url(),
            engine_process: Some(node.pid()),
            log: Some(node.log()),
        };
        let description = describe(&dir, place, &village)?;
        Ok(Self { node, village, description, dir, _lock: lock })
    }

    /// Ends it. What it keeps stays.
    ///
    /// # Errors
    /// Where the node does not end by itself.
    pub async fn stop(mut self) -> Result<()> {
        self.node.stop().await
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        forget(&self.dir);
    }
}

/// A network that somebody else runs, with the seeded village on it. It goes on when this is dropped.
pub struct SharedNetwork {
    /// What it has.
    pub description: Description,
    dir: PathBuf,
    _lock: File,
}

impl SharedNetwork {
    /// Seeds the village on a running node, as far as it is missing there, and writes the description into a folder.
    /// Without a URL of the WebSocket server, that is at the port after the RPC server's.
    ///
    /// # Errors
    /// Where the node does not answer, is of a public network, lacks the program, or refuses the seeding.
    pub async fn join(rpc_url: &str, websocket_url: Option<&str>, dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("could not create {}", dir.display()))?;
        let lock = lock(dir)?;
        let chain = Arc::new(RpcChain::new(rpc_url, websocket_url, CommitmentLevel::Confirmed)?);
        let engine = node::inspect(rpc_url).await?;
        let village = seed_beside_others(&chain).await?;
        let place = Running {
            engine,
            rpc_url: rpc_url.to_owned(),
            websocket_url: chain.websocket_url().to_owned(),
            engine_process: None,
            log: None,
        };
        Ok(Self { description: describe(dir, place, &village)?, dir: dir.to_owned(), _lock: lock })
    }
}

impl Drop for SharedNetwork {
    fn drop(&mut self) {
        forget(&self.dir);
    }
}

/// Seeds the village. Others may tend it at the same time, as `cargo xtask localnet` does on its node: where both do the same,
/// one of them is refused, and looks again.
async fn seed_beside_others(chain: &Arc<RpcChain>) -> Result<Village> {
    const ATTEMPTS: u32 = 4;
    let mut attempt = 1;
    loop {
        let chain: Arc<dyn Chain> = chain.clone();
        match Box::pin(Village::seed(chain)).await {
            Ok(village) => return Ok(village),
            Err(error) if attempt == ATTEMPTS => return Err(error.context("the village could not be seeded")),
            Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
        attempt += 1;
    }
}

/// Removes the description of a network that has ended.
fn forget(dir: &Path) {
    // Where this fails, the file stays and names a process that is gone: readers notice that.
    let _ = fs::remove_file(dir.join(DESCRIPTION));
}

impl Description {
    /// Reads the description of the network that runs in a folder; `None` where none does.
    ///
    /// # Errors
    /// Where the file is not a description.
    pub fn read(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(DESCRIPTION);
        let Ok(text) = fs::read_to_string(&path) else { return Ok(None) };
        let description: Self = serde_json::from_str(&text)
            .with_context(|| format!("{} does not describe a network; remove it", path.display()))?;
        // A network that was killed leaves its description behind.
        Ok(node::is_alive(description.process).then_some(description))
    }

    /// Reads the description of the network that tests are to use: `MULTIBUS_NETWORK` names its file.
    ///
    /// # Errors
    /// Where the variable is not set, or the file describes no network.
    pub fn under_test() -> Result<Self> {
        let path = std::env::var_os("MULTIBUS_NETWORK").map(PathBuf::from);
        let path = path.context("MULTIBUS_NETWORK does not name a network's description; run `cargo xtask e2e`")?;
        let text = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} does not describe a network; run `cargo xtask e2e`", path.display()))
    }

    /// What a user wants to know.
    pub fn text(&self) -> String {
        let here = std::env::current_dir().unwrap_or_default();
        let shown = |path: &Path| path.strip_prefix(&here).unwrap_or(path).display().to_string();
        let mut lines = vec![
            format!("MultiBus local network on {}", self.engine),
            format!("  RPC        {}", self.rpc_url),
            format!("  WebSocket  {}", self.websocket_url),
            format!("  program    {}", self.program),
            format!("  token      {} (test stablecoin, {} decimals)", self.mint, self.mint_decimals),
        ];
        for bus in &self.buses {
            lines.push(format!("  bus        {} {}: {}", bus.address, bus.name, bus.about));
        }
        lines.push(format!(
            "  wallets    {START_SOL} SOL and {START_TOKENS} tokens each; their keys are public, for local networks alone"
        ));
        for wallet in &self.wallets {
            lines.push(format!("    {:<9}{:<45}{}", wallet.name, wallet.address, wallet.about));
        }
        for meter in &self.meters {
            lines.push(format!("  meter      {} {}: {}", meter.address, meter.about, shown(&meter.keypair)));
        }
        if let Some(operator) = self.wallets.first() {
            lines.push(format!(
                "  keypairs   {}/<name>.json",
                shown(operator.keypair.parent().unwrap_or(Path::new(".")))
            ));
            lines.push(format!(
                "  faucet     multibus --url {} -k {} local fund WALLET --mint {} --amount 100tokens",
                self.rpc_url,
                shown(&operator.keypair),
                self.mint
            ));
        }
        if let Some(log) = &self.log {
            lines.push(format!("  log        {}", shown(log)));
        }
        lines.join("\n")
    }
}

/// A node that runs, for its description.
struct Running {
    engine: Engine,
    rpc_url: String,
    websocket_url: String,
    engine_process: Option<u32>,
    log: Option<PathBuf>,
}

fn describe(dir: &Path, node: Running, village: &Village) -> Result<Description> {
    let wallets = WALLETS.map(|(name, about)| (name, key::keypair(name), about.to_owned()));
    let wallets = write_keys(&dir.join(WALLET_DIR), wallets)?;
    let meters =
        METERS.map(|meter| (meter.seller, key::meter(meter.seller), format!("{}'s on Mill Brook", meter.seller)));
    let meters = write_keys(&dir.join(METER_DIR), meters)?;
    let Running { engine, rpc_url, websocket_url, engine_process, log } = node;
    let description = Description {
        engine,
        rpc_url,
        websocket_url,
        process: std::process::id(),
        engine_process,
        log,
        program: multibus::ID.to_string(),
        mint: village.mint.to_string(),
        mint_decimals: MINT_DECIMALS,
        buses: village.buses(),
        wallets,
        meters,
    };
    // The file appears in one step, complete: others wait for it.
    let (path, partial) = (dir.join(DESCRIPTION), dir.join(format!("{DESCRIPTION}.partial")));
    let text = serde_json::to_string_pretty(&description)?;
    fs::write(&partial, text + "\n")
        .and_then(|()| fs::rename(&partial, &path))
        .with_context(|| format!("could not write {}", path.display()))?;
    Ok(description)
}

/// Writes keypair files into a folder: a name, a key and what it is for.
fn write_keys(
    dir: &Path,
    keys: impl IntoIterator<Item = (&'static str, Keypair, String)>,
) -> Result<Vec<SeededWallet>> {
    fs::create_dir_all(dir).with_context(|| format!("could not create {}", dir.display()))?;
    let write = |(name, keypair, about): (&str, Keypair, String)| {
        let path = dir.join(format!("{name}.json"));
        key::write(&keypair, &path)?;
        Ok(SeededWallet { name: name.to_owned(), address: keypair.pubkey().to_string(), keypair: path, about })
    };
    keys.into_iter().map(write).collect()
}

/// Ends the network that runs in a folder; `false` where none does.
///
/// # Errors
/// Where it does not end within 45 seconds.
pub fn stop(dir: &Path) -> Result<bool> {
    let path = dir.join(LOCK);
    let Ok(file) = File::open(&path) else { return Ok(false) };
    if is_free(&file)? {
        return Ok(false);
    }
    let text = fs::read_to_string(&path)?;
    let process: u32 = text.trim().parse().with_context(|| format!("{} names no process", path.display()))?;
    node::signal(process, Signal::TERM)?;
    let deadline = Instant::now() + STOP_PATIENCE;
    while !is_free(&file)? {
        if Instant::now() > deadline {
            bail!("the network of process {process} did not end within {} s; kill it by hand", STOP_PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(true)
}

/// Whether nobody holds the lock.
fn is_free(file: &File) -> Result<bool> {
    match file.try_lock_shared() {
        Ok(()) => {
            file.unlock()?;
            Ok(true)
        }
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn lock(dir: &Path) -> Result<File> {
    let path = dir.join(LOCK);
    let file = File::options().create(true).truncate(false).read(true).write(true).open(&path);
    let file = file.with_context(|| format!("could not write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {
            fs::write(&path, std::process::id().to_string())?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let process = fs::read_to_string(&path).unwrap_or_default();
            bail!(
                "a network runs in {} already (process {process}); use it, or end it with `cargo xtask localnet --stop`",
                dir.display()
            )
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("could not lock {}", path.display())),
    }
}

/// Forgets what engines keep in a folder.
fn reset(dir: &Path) -> Result<()> {
    for name in KEPT {
        let path = dir.join(name);
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("could not remove {}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_runs_in_a_folder_and_a_dead_one_is_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!stop(folder.path()).unwrap());
        let held = lock(folder.path()).unwrap();
        let refused = lock(folder.path()).unwrap_err().to_string();
        assert!(refused.contains(&std::process::id().to_string()) && refused.contains("--stop"), "{refused}");
        drop(held);
        assert!(!stop(folder.path()).unwrap());
        lock(folder.path()).unwrap();
    }

    #[test]
    fn a_reset_forgets_what_engines_keep_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("ledger/rocksdb")).unwrap();
        for name in ["surfpool.sqlite", "surfpool.log", "mine.txt"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        reset(folder.path()).unwrap();
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["mine.txt"]);
        reset(folder.path()).unwrap();
    }

    #[test]
    fn a_description_of_a_network_that_is_gone_is_not_one() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Description::read(folder.path()).unwrap(), None);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let mut description = Description {
            engine: Engine::Surfpool,
            rpc_url: "http://127.0.0.1:8899".to_owned(),
            websocket_url: "ws://127.0.0.1:8900".to_owned(),
            process: child.id(),
            engine_process: None,
            log: None,
            program: multibus::ID.to_string(),
            mint: key::mint().pubkey().to_string(),
            mint_decimals: MINT_DECIMALS,
            buses: Vec::new(),
            wallets: Vec::new(),
            meters: Vec::new(),
        };
        let path = folder.path().join(DESCRIPTION);
        fs::write(&path, serde_json::to_string(&description).unwrap()).unwrap();
        assert_eq!(Description::read(folder.path()).unwrap(), None);
        description.process = std::process::id();
        fs::write(&path, serde_json::to_string(&description).unwrap()).unwrap();
        assert_eq!(Description::read(folder.path()).unwrap(), Some(description));
        fs::write(&path, "{}").unwrap();
        assert!(Description::read(folder.path()).unwrap_err().to_string().contains("remove it"));
    }
}

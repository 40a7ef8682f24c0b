//! An engine as a child process. It is started and waited for until it is healthy; it can be stopped or killed, and
//! started again on its ledger.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read, Seek, SeekFrom},
    net::{TcpListener, UdpSocket},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use multibus_client::{
    Address, Signer,
    chain::{CommitmentLevel, RpcChain},
    multibus,
};
use rustix::process::{Pid, Signal};
use solana_commitment_config::CommitmentConfig;
use solana_rpc_client::nonblocking::rpc_client::RpcClient;
use solana_rpc_client_api::request::RpcRequest;
use tokio::time::{Instant, sleep};

use crate::{engine::Engine, key};

/// Time within which an engine must be healthy. A validator on two busy cores takes half a minute.
const START_PATIENCE: Duration = Duration::from_mins(3);
/// Time within which an engine must end after SIGTERM.
const STOP_PATIENCE: Duration = Duration::from_secs(30);
/// Polling interval while an engine starts or ends.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Lines of the log that are shown when an engine does not start.
const TAIL_LINES: usize = 25;
/// Shreds of the ledger that the validator keeps; transactions of older slots are forgotten. Its default of 10,000 is
/// used up within minutes, since a slot without transactions has dozens.
const LEDGER_SHREDS: &str = "2000000";
/// Ticks of a slot of 400 ms. A shorter slot has fewer ticks of the same length.
const TICKS_OF_400_MS: u32 = 64;

/// How a node is started.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// What runs it.
    pub engine: Engine,
    /// Folder of its ledger and its log, created if it is missing. The node goes on with a ledger that is there.
    pub dir: PathBuf,
    /// The program's ELF.
    pub program: PathBuf,
    /// Port of the RPC server, the WebSocket being at the next one; `None` for two that are free.
    pub rpc_port: Option<u16>,
    /// Time between two slots, in milliseconds; 400 as on public networks.
    pub slot_ms: u32,
}

impl NodeOptions {
    /// A node with the built program, on free ports, with slots of 400 ms.
    ///
    /// # Errors
    /// Where the program is not built.
    pub fn new(engine: Engine, dir: impl Into<PathBuf>) -> Result<Self> {
        let program = crate::engine::program_elf()?;
        Ok(Self { engine, dir: dir.into(), program, rpc_port: None, slot_ms: 400 })
    }
}

/// A running node, with the program at the market's address.
///
/// Dropping it kills the process. On Linux the process also ends with the thread that started it, so that a killed test
/// leaves nothing behind. So start it from the thread that lives longest, such as the test's own.
pub struct Node {
    options: NodeOptions,
    child: Child,
    ports: Ports,
}

/// The ports of a node. No other node on this machine uses any of them.
#[derive(Clone, Copy)]
struct Ports {
    /// RPC, and WebSocket at the next one.
    rpc: u16,
    faucet: u16,
    /// The first of the ports at which a validator listens for other validators.
    peers: u16,
}

/// Ports that Agave wants for other validators, with some to spare: gossip, and at least 26 more.
const PEER_PORTS: u16 = 40;

impl Node {
    /// Starts a node and returns once it is healthy, with the program deployed.
    ///
    /// # Errors
    /// Where its binary is missing, a port is taken, or it does not become healthy. The error shows the end of its log.
    pub async fn start(options: NodeOptions) -> Result<Self> {
        fs::create_dir_all(&options.dir).with_context(|| format!("could not create {}", options.dir.display()))?;
        let rpc = match options.rpc_port {
            Some(port) => {
                for port in [port, port.checked_add(1).context("there is no port after 65535 for the WebSocket")?] {
                    require_free(port)?;
                }
                port
            }
            None => free_ports(2)?,
        };
        let ports = Ports { rpc, faucet: free_ports(1)?, peers: free_ports(PEER_PORTS)? };
        let child = spawn(&options, ports)?;
        let mut node = Self { options, child, ports };
        node.wait_until_healthy().await?;
        node.deploy().await?;
        Ok(node)
    }

    /// Starts it again on its ledger and its ports, after it ended, was stopped or was killed.
    ///
    /// # Errors
    /// Where it still runs, or as [`Node::start`].
    pub async fn restart(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_none() {
            bail!("the {} node still runs; stop or kill it first", self.options.engine);
        }
        self.child = spawn(&self.options, self.ports)?;
        self.wait_until_healthy().await?;
        self.deploy().await
    }

    /// Kills it with SIGKILL, in the middle of whatever it does, and returns once it is gone.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end with SIGTERM and returns once it has.
    ///
    /// # Errors
    /// Where it does not end within half a minute; it is killed then.
    pub async fn stop(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        signal(self.pid(), Signal::TERM)?;
        let deadline = Instant::now() + STOP_PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                self.kill()?;
                bail!(
                    "the {} node did not end within {} s and was killed",
                    self.options.engine,
                    STOP_PATIENCE.as_secs()
                );
            }
            sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// How it ended; `None` while it runs.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// What runs it.
    pub fn engine(&self) -> Engine {
        self.options.engine
    }

    /// URL of its RPC server.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.rpc)
    }

    /// URL of its WebSocket server.
    pub fn websocket_url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.ports.rpc + 1)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its log.
    pub fn log(&self) -> PathBuf {
        log(&self.options)
    }

    /// A connection of its own, at a commitment level.
    ///
    /// # Errors
    /// Never for a node's own URL.
    pub fn chain(&self, commitment: CommitmentLevel) -> Result<RpcChain> {
        Ok(RpcChain::new(&self.url(), Some(&self.websocket_url()), commitment)?)
    }

    async fn wait_until_healthy(&mut self) -> Result<()> {
        let client = RpcClient::new(self.url());
        let deadline = Instant::now() + START_PATIENCE;
        let mut tip = None;
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the {} node ended with {status} before it was healthy:\n{}", self.engine(), self.log_tail());
            }
            if tip.is_none() {
                tip = self.tip(&client).await;
            }
            if let Some(tip) = tip
                && client.get_health().await.is_ok()
                && slot(&client, CommitmentConfig::confirmed()).await >= Some(tip)
            {
                return Ok(());
            }
            if Instant::now() > deadline {
                let tail = self.log_tail();
                self.kill()?;
                bail!(
                    "the {} node was not healthy within {} s and was killed:\n{tail}",
                    self.engine(),
                    START_PATIENCE.as_secs()
                );
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// The newest slot, once blocks are produced on all that the ledger holds; `None` before.
    async fn tip(&self, client: &RpcClient) -> Option<u64> {
        let newest = slot(client, CommitmentConfig::processed()).await?;
        let base = match self.engine() {
            Engine::Surfpool => 0,
            // Until it has voted on the tip, a validator that starts again answers with finalized data at every commitment.
            Engine::Agave => slot(client, CommitmentConfig::finalized()).await?,
        };
        (newest > base).then_some(newest)
    }

    /// Puts the built program at the market's address. Agave cannot do so while it runs: its program is only compared.
    async fn deploy(&self) -> Result<()> {
        let elf = fs::read(&self.options.program)
            .with_context(|| format!("could not read {}", self.options.program.display()))?;
        let client = RpcClient::new(self.url());
        match self.engine() {
            Engine::Surfpool => {
                let hex: String = elf.iter().map(|byte| format!("{byte:02x}")).collect();
                let authority = key::operator().pubkey().to_string();
                let params = serde_json::json!([multibus::ID.to_string(), hex, 0, authority]);
                client
                    .send::<serde_json::Value>(RpcRequest::Custom { method: "surfnet_writeProgram" }, params)
                    .await
                    .context("surfpool refused the program")?;
                Ok(())
            }
            Engine::Agave => {
                if is_other_build(&client, &elf).await.context("start over with `--reset`")? {
                    eprintln!(
                        "warning: the ledger holds another build of the program than {}; `--reset` starts over with it, \
                         or upgrade it with the key of `operator`",
                        self.options.program.display()
                    );
                }
                Ok(())
            }
        }
    }

    fn log_tail(&self) -> String {
        tail(&self.log()).unwrap_or_else(|error| format!("(its log {} cannot be read: {error})", self.log().display()))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Fails where it ended already.
        let _ = self.kill();
    }
}

/// Looks at a node that somebody else started: it must have the program. Warns where its bytes are not those of the built one.
///
/// # Errors
/// Where the node does not answer, or lacks the program.
pub(crate) async fn inspect(rpc_url: &str) -> Result<Engine> {
    let client = RpcClient::new(rpc_url.to_owned());
    let version: serde_json::Value = client
        .send(RpcRequest::GetVersion, serde_json::Value::Null)
        .await
        .with_context(|| format!("no node answers at {rpc_url}; start one, or correct the URL"))?;
    let program = client.get_account_with_commitment(&multibus::ID, CommitmentConfig::confirmed()).await?.value;
    if !program.is_some_and(|account| account.executable) {
        bail!(
            "the node at {rpc_url} has no program at {}; `cargo xtask migrate -- localnet --url {rpc_url}` deploys it",
            multibus::ID
        );
    }
    if let Ok(path) = crate::engine::program_elf()
        && is_other_build(&client, &fs::read(&path)?).await?
    {
        eprintln!(
            "warning: the node at {rpc_url} runs another build of the program than {}; where that is newer, `cargo xtask \
             migrate -- localnet --url {rpc_url}` upgrades the node's",
            path.display()
        );
    }
    Ok(if version.get("surfnet-version").is_some() { Engine::Surfpool } else { Engine::Agave })
}

/// Whether a node's program has other bytes than these.
async fn is_other_build(client: &RpcClient, elf: &[u8]) -> Result<bool> {
    let data =
        client.get_account_data(&program_data_address()).await.context("the node's MultiBus program has no data")?;
    Ok(data.get(PROGRAM_DATA_HEADER..).is_none_or(|kept| !kept.starts_with(elf)))
}

async fn slot(client: &RpcClient, commitment: CommitmentConfig) -> Option<u64> {
    client.get_slot_with_commitment(commitment).await.ok()
}

/// Bytes of a program data account before the ELF: kind, slot of the deployment, upgrade authority.
const PROGRAM_DATA_HEADER: usize = 4 + 8 + 1 + 32;
/// The loader of programs that can be upgraded.
const UPGRADEABLE_LOADER: Address = Address::from_str_const("BPFLoaderUpgradeab1e11111111111111111111111");

fn program_data_address() -> Address {
    Address::find_program_address(&[multibus::ID.as_ref()], &UPGRADEABLE_LOADER).0
}

fn log(options: &NodeOptions) -> PathBuf {
    options.dir.join(format!("{}.log", options.engine))
}

fn ledger(options: &NodeOptions) -> PathBuf {
    match options.engine {
        Engine::Surfpool => options.dir.join("surfpool.sqlite"),
        Engine::Agave => options.dir.join("ledger"),
    }
}

fn command(options: &NodeOptions, ports: Ports) -> Result<Command> {
    let mut command = Command::new(options.engine.binary()?);
    match options.engine {
        Engine::Surfpool => {
            command
                .args(["--rpc-port", &ports.rpc.to_string(), "--ws-port", &(ports.rpc + 1).to_string()])
                .args(["--slot-ms", &options.slot_ms.to_string(), "--database"])
                .arg(ledger(options));
        }
        Engine::Agave => {
            let operator = key::operator().pubkey().to_string();
            command
                .arg("--ledger")
                .arg(ledger(options))
                .args(["--rpc-port", &ports.rpc.to_string(), "--faucet-port", &ports.faucet.to_string()])
                .args(["--gossip-port", &ports.peers.to_string(), "--dynamic-port-range"])
                .arg(format!("{}-{}", ports.peers + 1, ports.peers + PEER_PORTS))
                .args(["--bind-address", "127.0.0.1", "--mint", &operator, "--limit-ledger-size", LEDGER_SHREDS])
                .args(["--ticks-per-slot", &(options.slot_ms * TICKS_OF_400_MS / 400).max(8).to_string()])
                .args(["--upgradeable-program", &multibus::ID.to_string()])
                .arg(&options.program)
                .arg(&operator)
                .args(["--log"])
                .env("RUST_LOG", "solana_runtime::message_processor=off,warn");
        }
    }
    Ok(command)
}

fn spawn(options: &NodeOptions, ports: Ports) -> Result<Child> {
    let mut command = command(options, ports)?;
    let log = log(options);
    let file = File::options().create(true).append(true).open(&log);
    let file = file.with_context(|| format!("could not write {}", log.display()))?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    // The terminal's Ctrl-C must not reach the node: who started it stops it in good order.
    command.process_group(0);
    #[cfg(target_os = "linux")]
    // SAFETY: between fork and exec this makes one system call, which allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(|| {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(std::io::Error::from)
        });
    }
    command.spawn().with_context(|| format!("could not start {}", command.get_program().display()))
}

/// Sends a signal to a process.
pub(crate) fn signal(pid: u32, signal: Signal) -> Result<()> {
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let process = process.with_context(|| format!("{pid} is not the number of a process"))?;
    rustix::process::kill_process(process, signal).with_context(|| format!("process {pid} could not be signalled"))
}

/// Whether there is a process of this number.
pub(crate) fn is_alive(pid: u32) -> bool {
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
    process.is_some_and(|process| rustix::process::test_kill_process(process).is_ok())
}

fn require_free(port: u16) -> Result<()> {
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => bail!(
            "port {port} is taken; `cargo xtask localnet --stop` ends a network of this checkout that runs in the \
             background, or choose another port with --port"
        ),
        Err(error) => bail!("port {port} cannot be used ({error}); choose another with --port"),
    }
}

/// Whether nobody listens at a port, by TCP or UDP.
fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok()
}

/// The first of `count` successive ports that are free now. Each call of one process gives other ports.
fn free_ports(count: u16) -> Result<u16> {
    // These ports are below the range from which the system assigns ports by itself.
    const FIRST: u16 = 20_000;
    const SPAN: u16 = 10_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes with successive numbers begin far apart.
    let start = (std::process::id().wrapping_mul(1_009) % u32::from(SPAN)) as u16;
    for _ in 0..SPAN {
        let offset = NEXT.fetch_add(count, Ordering::Relaxed);
        let port = FIRST + start.wrapping_add(offset) % (SPAN - count);
        if (port..port + count).all(is_free) {
            return Ok(port);
        }
    }
    bail!("there are no {count} free ports in a row from {FIRST} to {}", FIRST + SPAN)
}

/// The last lines of a log.
fn tail(path: &Path) -> std::io::Result<String> {
    const BYTES: u64 = 16 * 1024;
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    Ok(lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_get_ports_of_their_own() {
        let (first, second) = (free_ports(2).unwrap(), free_ports(2).unwrap());
        assert!(first.abs_diff(second) >= 2, "{first} and {second}");
    }

    #[test]
    fn a_taken_port_is_named_with_the_remedy() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let refused = require_free(port).unwrap_err().to_string();
        assert!(refused.contains(&port.to_string()) && refused.contains("--port"), "{refused}");
    }

    #[test]
    fn the_end_of_a_log_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let text: Vec<String> = (0..10_000).map(|line| format!("line {line}")).collect();
        fs::write(&path, text.join("\n")).unwrap();
        let tail = tail(&path).unwrap();
        assert_eq!(tail.lines().count(), TAIL_LINES);
        assert!(tail.ends_with("line 9999"), "{tail}");
    }

    #[test]
    fn processes_are_known_by_their_number() {
        assert!(is_alive(std::process::id()));
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        assert!(!is_alive(child.id()));
    }
}

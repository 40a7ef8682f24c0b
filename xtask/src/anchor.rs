//! Runs the Anchor CLI of the program's release, with the tools that it expects.

use std::{
    collections::BTreeSet,
    env,
    ffi::OsString,
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    context::Context,
    files::put_stand_in,
    localnet::{self, Engine},
    npm, run,
    sbf::{self, Tools},
    setup, surfpool,
    tally::{self, Tally},
};

/// The key of the program's address on local networks, and where Anchor looks for it.
const LOCAL_KEY: &str = "migrations/localnet-program-key.json";
const PROGRAM_KEY: &str = "deploy/multibus-keypair.json";
/// What `anchor migrate` loads its script with.
const MIGRATIONS: &str = "migrations";
/// The suites of users of Anchor: an npm package, and the test `market` of a crate.
const TYPESCRIPT: &str = "tests/anchor/typescript";
const RUST: [&str; 6] = ["test", "--workspace", "--features", "multibus-anchor-tests/network", "--test", "market"];
/// The page whose commands are typed, the mark before them, and what the CLI is needed for at all.
const PAGE: &str = "docs/anchor.md";
const TYPED: &str = "<!-- typed -->\n```console\n";
/// The program's address on local networks.
const LOCAL_PROGRAM: &str = "Busn1mpoGaFq9TojqLXGcBRspUnTJHrA7t798oc4i4xi";
/// How long a node may take until it answers.
const NODE_STARTS: Duration = Duration::from_mins(1);
/// Port of the validator that `anchor test` starts.
const TEST_PORT: u16 = 8899;

/// Runs `anchor` with these arguments.
pub fn anchor(ctx: &Context, args: &[String]) -> Result<()> {
    let verb = args.first().map_or("", String::as_str);
    let legacy = args.iter().any(|arg| arg.ends_with("legacy") || arg == "--skip-local-validator");
    if (verb == "test" || verb == "localnet") && !legacy && !surfpool::is_installed(ctx) {
        Engine::Surfpool.prepare(ctx)?;
    }
    let mut command = ctx.command(setup::anchor(ctx)?);
    command.args(args);
    if verb == "keygen" || args.iter().any(|arg| arg == "--version" || arg == "--help") {
        return run::live(&mut command);
    }
    let wallet = wallet(ctx)?;
    if !args.iter().any(|arg| arg.starts_with("--provider.wallet")) {
        command.arg("--provider.wallet").arg(&wallet);
    }
    set(&mut command, &environment(ctx, &wallet)?);
    if verb == "migrate" {
        npm::install(ctx, &ctx.root.join(MIGRATIONS))?;
    }
    run::live(&mut command)
}

/// Runs what users of Anchor's clients write, in TypeScript and in Rust, on a fresh surfpool network.
pub fn clients(ctx: &Context, tools: Tools, tally: &mut Tally) -> Result<()> {
    let typescript = ctx.root.join(TYPESCRIPT);
    npm::install(ctx, &typescript)?;
    run::live(ctx.command("npm").current_dir(&typescript).args(["run", "--silent", "check"]))
        .context("the TypeScript suite has wrong types or another format; `npm run format` writes the latter")?;
    let mut build = ctx.cargo();
    build.args(RUST).args(["--locked", "--ignore-rust-version", "--no-run"]);
    run::linted(
        &mut build,
        "Compiling the suite on anchor-client",
        "about 5 minutes from scratch on two cores, seconds after a change",
        &ctx.log("anchor-clients"),
    )?;
    let mut network = localnet::for_tests(ctx, tools, "anchor")?;
    let script = format!(
        r#""$CARGO" {} --locked --ignore-rust-version --quiet && npm --prefix {TYPESCRIPT} test"#,
        RUST.join(" ")
    );
    let cargo = build.get_program().to_owned();
    network.args(["sh", "-c", &script]);
    network.envs(build.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("CARGO", cargo);
    tally::count(&mut network, tally)
}

/// Types the commands of docs/anchor.md as they stand there, if the CLI is installed: building it takes longer than most
/// checks.
pub fn where_installed(ctx: &Context, tools: Tools, tally: &mut Tally) -> Result<()> {
    if setup::find_anchor(ctx).is_none() {
        println!("Left out: there is no Anchor CLI; `cargo xtask anchor -- --version` installs it.");
        return Ok(());
    }
    if TcpListener::bind(("127.0.0.1", TEST_PORT)).is_err() {
        bail!(
            "port {TEST_PORT} is taken, where `anchor test` starts its validator; `cargo xtask localnet --stop` may free it"
        );
    }
    let page = fs::read_to_string(ctx.root.join(PAGE)).with_context(|| format!("could not read {PAGE}"))?;
    let script = typed(&page)?;
    let wallet = usual_wallet(ctx)?;
    npm::install(ctx, &ctx.root.join(MIGRATIONS))?;
    let mut network = localnet::fresh(ctx, tools, Engine::Surfpool, "anchor")?;
    network.args(["bash", "-exc", &script]);
    set(&mut network, &environment(ctx, &wallet)?);
    tally::count(&mut network, tally)?;
    deploy(ctx, &wallet)
}

/// `anchor program deploy` on a node in memory: one that is kept in a file needs longer than the CLI waits ([`PAGE`]).
fn deploy(ctx: &Context, wallet: &Path) -> Result<()> {
    let environment = environment(ctx, wallet)?;
    let anchor = |args: &[&str]| -> Result<Command> {
        let mut command = ctx.command(setup::anchor(ctx)?);
        command.args(args);
        set(&mut command, &environment);
        Ok(command)
    };
    let address =
        environment.iter().find(|(name, _)| *name == surfpool::WALLET).and_then(|(_, address)| address.as_deref());
    let address = address.context("the wallet has no address")?;
    let [rpc, ws] = free_ports()?;
    let (_, binary) = Engine::Surfpool.prepare(ctx)?;
    let mut node = ctx.command(binary);
    node.args(["--rpc-port", &rpc.to_string(), "--ws-port", &ws.to_string(), "--quiet", "--airdrop"]).arg(address);
    let node = Node(node.stdout(Stdio::null()).spawn().context("surfpool did not start")?);
    let url = format!("http://127.0.0.1:{rpc}");
    let deadline = Instant::now() + NODE_STARTS;
    while TcpStream::connect(("127.0.0.1", rpc)).is_err() {
        ensure!(Instant::now() < deadline, "surfpool did not answer at {url} in {} s", NODE_STARTS.as_secs());
        thread::sleep(Duration::from_millis(100));
    }
    let mut deploy = anchor(&["program", "deploy", "--no-idl", "--provider.cluster", &url, "--provider.wallet"])?;
    run::live(deploy.arg(wallet))?;
    let mut show = anchor(&["program", "show", LOCAL_PROGRAM, "--provider.cluster", &url])?;
    let shown = run::output(&mut show).unwrap_or_default();
    ensure!(shown.contains("Executable: true"), "the node has no program at {LOCAL_PROGRAM}: {shown}");
    drop(node);
    Ok(())
}

/// A node that ends with this value.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Ports at which nothing listens.
fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let listeners: Vec<_> = (0..N).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect::<Result<_, _>>()?;
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

/// The commands behind the marks of a page.
fn typed(page: &str) -> Result<String> {
    let blocks: Vec<&str> = page.split(TYPED).skip(1).filter_map(|after| Some(after.split_once("```")?.0)).collect();
    ensure!(!blocks.is_empty(), "{PAGE} has no commands behind `{}`", TYPED.lines().next().unwrap_or_default());
    Ok(blocks.concat())
}

/// Prints what a shell evaluates so that `anchor`, typed plainly, runs as [`anchor`] runs it. Everything is built before.
pub fn print_environment(ctx: &Context) -> Result<()> {
    if !surfpool::is_installed(ctx) {
        Engine::Surfpool.prepare(ctx)?;
    }
    npm::install(ctx, &ctx.root.join(MIGRATIONS))?;
    let wallet = usual_wallet(ctx)?;
    for (name, value) in environment(ctx, &wallet)? {
        match value {
            Some(value) => println!("export {name}='{}'", value.to_string_lossy().replace('\'', r"'\''")),
            None => println!("unset {name}"),
        }
    }
    Ok(())
}

/// A variable and its value; `None` removes it.
type Variable = (&'static str, Option<OsString>);

fn set(command: &mut Command, environment: &[Variable]) {
    for (name, value) in environment {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

/// The variables that the Anchor CLI and what it calls need.
fn environment(ctx: &Context, wallet: &Path) -> Result<Vec<Variable>> {
    let cli = setup::anchor(ctx)?;
    let mut path: Vec<PathBuf> = Vec::new();
    if sbf::platform_tools(ctx).is_none() {
        path.push(put_stand_in(&sbf::stand_in(ctx))?);
    }
    if !surfpool::is_installed(ctx) {
        path.push(put_stand_in(&surfpool::stand_in(ctx))?);
    }
    path.extend(toolchain_dir());
    let tools = [Some(cli.clone()), setup::find_validator(ctx)];
    path.extend(tools.into_iter().flatten().filter_map(|tool| tool.parent().map(Path::to_path_buf)));
    path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    let mut seen = BTreeSet::new();
    path.retain(|dir| seen.insert(dir.clone()));

    let key = ctx.target.join(PROGRAM_KEY);
    if !key.exists() {
        fs::create_dir_all(key.parent().unwrap_or(&ctx.target))?;
        fs::copy(ctx.root.join(LOCAL_KEY), &key).with_context(|| format!("could not write {}", key.display()))?;
    }
    let address = run::output(ctx.command(&cli).args(["keygen", "pubkey"]).arg(wallet))
        .with_context(|| format!("{} is no wallet; `anchor keygen new` makes one", wallet.display()))?;
    let address = address.split_whitespace().last().unwrap_or_default().to_owned();
    Ok(vec![
        ("PATH", Some(env::join_paths(path)?)),
        ("CARGO_TARGET_DIR", Some(ctx.target.clone().into())),
        // If this were set, Anchor's IDL builder would install a toolchain.
        ("RUSTUP_TOOLCHAIN", None),
        // This overrides the RUSTFLAGS of the IDL builder. With the flags of all other builds, compiled dependencies are
        // shared.
        ("CARGO_ENCODED_RUSTFLAGS", Some(OsString::new())),
        (surfpool::WALLET, Some(address.into())),
        // `anchor migrate` runs its script in a folder of its own, and loads its packages by this.
        ("NODE_PATH", Some(ctx.root.join(MIGRATIONS).join("node_modules").into())),
    ])
}

/// Where Anchor.toml says that the wallet is.
fn usual_place() -> Option<PathBuf> {
    env::var_os("HOME").map(|home| Path::new(&home).join(".config/solana/id.json"))
}

/// The wallet of Anchor.toml, for commands that name no other. If it is missing, that of this checkout is put there.
fn usual_wallet(ctx: &Context) -> Result<PathBuf> {
    let wallet = wallet(ctx)?;
    let usual = usual_place().context("HOME is not set, so Anchor would find no wallet; set it")?;
    if !usual.exists() {
        eprintln!("Anchor looks for a wallet at {}; putting the one for local networks there.", usual.display());
        fs::create_dir_all(usual.parent().unwrap_or(&ctx.root))?;
        fs::copy(&wallet, &usual).with_context(|| format!("could not write {}", usual.display()))?;
    }
    Ok(usual)
}

/// Anchor always needs a wallet: that of Anchor.toml, or where it is missing one of this checkout.
fn wallet(ctx: &Context) -> Result<PathBuf> {
    if let Some(usual) = usual_place().filter(|path| path.exists()) {
        return Ok(usual);
    }
    let own = ctx.target.join("anchor-wallet.json");
    if !own.exists() {
        eprintln!(
            "There is no wallet at ~/.config/solana/id.json; making one for local networks at {}.",
            own.display()
        );
        let mut make = ctx.command(setup::anchor(ctx)?);
        make.args(["keygen", "new", "--no-passphrase", "--silent", "--outfile"]).arg(&own);
        run::live(&mut make)?;
    }
    Ok(own)
}

/// The stand-in for `cargo build-sbf`, which the Anchor CLI calls: builds the program with the upstream tools.
pub fn build_sbf(args: impl Iterator<Item = OsString>) -> Result<()> {
    let args: Vec<String> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    if args.iter().any(|arg| arg == "--version") {
        println!(
            "{} of MultiBus: builds the program as `cargo xtask build --tools upstream` does",
            sbf::PLATFORM_COMPILER
        );
        return Ok(());
    }
    let ctx = Context::discover()?;
    sbf::build(&ctx, Tools::Upstream).map(drop)
}

/// The toolchain that runs xtask, for the `cargo` that Anchor calls.
fn toolchain_dir() -> Option<PathBuf> {
    let cargo = PathBuf::from(env::var_os("CARGO")?);
    cargo.is_absolute().then(|| cargo.parent().map(Path::to_path_buf)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_behind_the_marks_are_typed_and_no_others() {
        let page = format!("text\n\n```console\nrm -r all\n```\n\n{TYPED}a\nb\n```\nmore {TYPED}c\n```\n");
        assert_eq!(typed(&page).unwrap(), "a\nb\nc\n");
        assert!(typed("```console\na\n```").is_err());
    }
}

//! The end-to-end suite: a fresh network, a seeded village, and tests that trade on it as users do, even while answers
//! are lost, connections break, and clients and nodes are killed.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{
    context::Context,
    localnet::{self, Engine},
    run,
    sbf::Tools,
    setup,
    tally::{self, Tally},
};

/// Turns on the tests that need a network.
const FEATURES: &str = "multibus-e2e/network,multibus-network/network";
/// Tests mostly wait for the network, so more of them run at a time than there are cores.
const THREADS: &str = "--test-threads=16";

/// What the command line asks of the suite.
#[derive(clap::Args)]
pub struct Options {
    /// What runs a fresh network [default: surfpool]
    #[arg(long, value_enum, conflicts_with = "url")]
    engine: Option<Engine>,
    /// RPC URL of a local node that runs already, with the program deployed
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// URL of that node's WebSocket server [default: the port after the RPC server's]
    #[arg(long, value_name = "URL", requires = "url")]
    ws: Option<String>,
    /// Further arguments for the tests
    #[arg(last = true, value_name = "TEST ARGS")]
    args: Vec<String>,
}

pub fn e2e(ctx: &Context, tools: Tools, options: &Options) -> Result<()> {
    let Options { engine, url, ws, args } = options;
    let mut tally = Tally::default();
    let place = match url {
        Some(url) => {
            on_running_node(ctx, url, ws.as_deref(), args, &mut tally)?;
            url
        }
        None => {
            let engine = engine.unwrap_or_default();
            suite(ctx, tools, engine, args, &mut tally)?;
            engine.name()
        }
    };
    println!("{} passed, {} failed on {place}", tally.passed, tally.failed);
    Ok(())
}

/// Needs a node that keeps everything that it confirmed, even after SIGKILL. surfpool does not promise that: one run in
/// four failed there, because the chain did not match what was traded.
const NEEDS_A_LEDGER: &str = "validator::a_node_that_is_killed_in_a_replay_loses_nothing";
/// Start nodes of their own: to kill them, or with short slots, so that what a killed client sent expires soon. A node that
/// runs already would show nothing in them.
const NEED_OWN_NODES: [&str; 3] = [
    NEEDS_A_LEDGER,
    "restart::a_killed_node_goes_on_where_it_was",
    "replay::a_client_that_is_killed_twice_resumes_and_pays_nothing_twice",
];

/// Runs the suite on surfpool.
pub fn on_surfpool(ctx: &Context, tools: Tools, tally: &mut Tally) -> Result<()> {
    suite(ctx, tools, Engine::Surfpool, &[], tally)
}

/// Runs the suite on Agave if a validator is installed: building one takes longer than all checks together.
pub fn where_installed(ctx: &Context, tools: Tools, tally: &mut Tally) -> Result<()> {
    if setup::find_validator(ctx).is_none() {
        println!("Left out: there is no solana-test-validator; `cargo xtask e2e --engine agave` installs one.");
        return Ok(());
    }
    suite(ctx, tools, Engine::Agave, &[], tally)
}

/// Runs the suite on a fresh network, with further arguments for the tests, and counts it.
pub fn suite(ctx: &Context, tools: Tools, engine: Engine, args: &[String], tally: &mut Tally) -> Result<()> {
    let (network, skipped): (_, &[&str]) = match engine {
        Engine::Surfpool => (localnet::for_tests(ctx, tools, "e2e")?, &[NEEDS_A_LEDGER]),
        Engine::Agave => (localnet::fresh(ctx, tools, engine, "e2e")?, &[]),
    };
    beside(ctx, network, skipped, args, tally)
}

/// Runs the tests that can share a node on one that runs already.
fn on_running_node(ctx: &Context, url: &str, ws: Option<&str>, args: &[String], tally: &mut Tally) -> Result<()> {
    let mut network = localnet::keeper(ctx)?;
    // One folder for each node.
    let name: String = url.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    network.args(["share", "--url", url, "--dir"]).arg(ctx.target.join("localnet/shared").join(name));
    if let Some(ws) = ws {
        network.args(["--ws", ws]);
    }
    network.arg("--");
    println!("Left out, because they start nodes of their own:\n  {}", NEED_OWN_NODES.join("\n  "));
    beside(ctx, network, &NEED_OWN_NODES, args, tally)
}

/// Cargo for the tests on networks.
fn suite_of(ctx: &Context) -> Command {
    let mut cargo = ctx.cargo();
    cargo.args(["test", "--workspace", "--features", FEATURES, "--test", "e2e", "--test", "fault"]);
    cargo.args(["--locked", "--ignore-rust-version"]);
    cargo
}

/// Compiles the tests on networks with `run`, such as [`run::logged`].
pub fn compile_tests<Done>(
    ctx: &Context,
    run: impl FnOnce(&mut Command, &str, &str, &Path) -> Result<Done>,
) -> Result<()> {
    let expect = "about 8 minutes from scratch on two cores, seconds after a change";
    run(suite_of(ctx).arg("--no-run"), "Compiling the end-to-end suite", expect, &ctx.log("e2e")).map(drop)
}

/// Runs the tests as the command of `multibus-localnet`, and counts them.
fn beside(ctx: &Context, mut network: Command, skipped: &[&str], args: &[String], tally: &mut Tally) -> Result<()> {
    compile_tests(ctx, run::logged)?;
    let cargo = suite_of(ctx);
    network.arg(Path::new(cargo.get_program())).args(cargo.get_args()).args(["--quiet", "--", THREADS]).args(args);
    for name in skipped {
        network.args(["--skip", name]);
    }
    for (name, value) in cargo.get_envs() {
        match value {
            Some(value) => network.env(name, value),
            None => network.env_remove(name),
        };
    }
    tally::count(&mut network, tally)
}

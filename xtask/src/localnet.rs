//! Local networks: builds or installs an engine, and hands over to `multibus-localnet`, which starts it, deploys the
//! program, seeds a village and keeps the network until it is told to end.

use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::{
    context::Context,
    demo,
    files::begin_with_dependencies,
    run,
    sbf::{self, Tools},
    setup,
};

/// What runs a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// surfpool: a simulated network, ready in a second once it is built (about 10 minutes)
    #[default]
    Surfpool,
    /// Agave's solana-test-validator: the one on PATH, else built once (about 25 minutes)
    Agave,
}

impl Engine {
    const ALL: [Self; 2] = [Self::Surfpool, Self::Agave];

    pub fn name(self) -> &'static str {
        match self {
            Self::Surfpool => "surfpool",
            Self::Agave => "agave",
        }
    }

    /// Its binary, which is built or installed if it is missing, and the variable that tells `multibus-localnet` its
    /// path.
    pub fn prepare(self, ctx: &Context) -> Result<(&'static str, PathBuf)> {
        match self {
            Self::Surfpool => {
                surfpool(ctx, run::logged)?;
                Ok(("MULTIBUS_SURFNET", surfpool_target(ctx).join("debug/multibus-surfnet")))
            }
            Self::Agave => Ok(("MULTIBUS_VALIDATOR", setup::validator(ctx)?)),
        }
    }
}

/// Time between two slots of networks for tests, in milliseconds: a transaction lands in half the time of public networks.
const TEST_SLOT_MS: u32 = 200;

/// A fresh network in a folder of its own, which has a name; the command that is to run beside it follows.
pub fn fresh(ctx: &Context, tools: Tools, engine: Engine, name: &str) -> Result<Command> {
    exec(ctx, tools, engine, name, &[])
}

/// The same for tests, on surfpool.
pub fn for_tests(ctx: &Context, tools: Tools, name: &str) -> Result<Command> {
    exec(ctx, tools, Engine::Surfpool, name, &["--slot-ms", &TEST_SLOT_MS.to_string()])
}

fn exec(ctx: &Context, tools: Tools, engine: Engine, name: &str, options: &[&str]) -> Result<Command> {
    let mut network = prepared(ctx, tools, engine)?;
    network.args(["exec", "--engine", engine.name()]).args(options);
    network.arg("--dir").arg(dir(ctx, engine).with_extension(name)).arg("--");
    Ok(network)
}

/// In the cache, so that its nine hundred crates are compiled once and not for every checkout.
fn surfpool_target(ctx: &Context) -> PathBuf {
    ctx.cache.join("surfpool")
}

/// Compiles surfpool with `run`, such as [`run::logged`].
fn surfpool<Done>(ctx: &Context, run: impl FnOnce(&mut Command, &str, &str, &Path) -> Result<Done>) -> Result<()> {
    let target = surfpool_target(ctx);
    begin_with_dependencies(&ctx.target.join("debug"), &target.join("debug"))?;
    ctx.forget_other_checkouts(&target)?;
    let mut build = ctx.cargo();
    build.args(["build", "--package", "multibus-surfnet", "--features", "engine"]);
    build.args(["--locked", "--ignore-rust-version"]);
    build.env("CARGO_TARGET_DIR", &target);
    let what = "Compiling surfpool, once for this machine";
    run(&mut build, what, "about 10 minutes from scratch on two cores", &ctx.log("surfpool")).map(drop)
}

/// Builds surfpool's process, and fails at a lint in it.
pub fn lint_surfpool(ctx: &Context) -> Result<()> {
    surfpool(ctx, run::linted)
}

/// What the command line asks of the network.
#[derive(clap::Args)]
pub struct Options {
    /// What runs the network [default: surfpool; with --stop: whichever runs]
    #[arg(long, value_enum)]
    engine: Option<Engine>,
    /// Port of the RPC server, the WebSocket being at the next one [default: 8899]
    #[arg(long, value_name = "PORT", conflicts_with = "stop")]
    port: Option<u16>,
    /// Time between two slots, in milliseconds [default: 400]
    #[arg(long, value_name = "MS", conflicts_with = "stop")]
    slot_ms: Option<u32>,
    /// Start over: forget all that the network kept
    #[arg(long, conflicts_with = "stop")]
    reset: bool,
    /// Return once it is ready, and leave it running in the background
    #[arg(long, conflicts_with = "stop")]
    detach: bool,
    /// End the network that runs in the background
    #[arg(long)]
    stop: bool,
}

pub fn localnet(ctx: &Context, tools: Tools, options: &Options) -> Result<()> {
    let Options { engine, port, slot_ms, reset, detach, stop } = options;
    if *stop {
        let engines = engine.map_or(Engine::ALL.to_vec(), |engine| vec![engine]);
        let dirs = engines.into_iter().map(|engine| dir(ctx, engine)).filter(|dir| dir.is_dir()).collect();
        return end(ctx, dirs);
    }
    let engine = engine.unwrap_or_default();
    let mut command = prepared(ctx, tools, engine)?;
    command.args(["up", "--engine", engine.name(), "--dir"]).arg(dir(ctx, engine));
    if let Some(port) = port {
        command.args(["--port", &port.to_string()]);
    }
    if let Some(slot_ms) = slot_ms {
        command.args(["--slot-ms", &slot_ms.to_string()]);
    }
    for (flag, given) in [("--reset", reset), ("--detach", detach)] {
        if *given {
            command.arg(flag);
        }
    }
    hand_over(&mut command)
}

fn end(ctx: &Context, dirs: Vec<PathBuf>) -> Result<()> {
    let binary = binary(ctx);
    if dirs.is_empty() || !binary.is_file() {
        eprintln!("No network of this checkout is running.");
        return Ok(());
    }
    hand_over(ctx.command(binary).arg("stop").args(dirs))
}

/// A call of `multibus-localnet` with everything built that it needs.
pub fn prepared(ctx: &Context, tools: Tools, engine: Engine) -> Result<Command> {
    let (variable, path) = engine.prepare(ctx)?;
    sbf::build(ctx, tools)?;
    let mut command = keeper(ctx)?;
    command.env(variable, path);
    Ok(command)
}

/// A call of `multibus-localnet` for a node that runs already. The command-line client is built too.
pub fn keeper(ctx: &Context) -> Result<Command> {
    demo::build_bins(
        ctx,
        &["multibus", "multibus-localnet"],
        &[],
        "Compiling the command-line client and the local network's keeper",
    )?;
    let mut command = ctx.command(binary(ctx));
    command.env("MULTIBUS_PROGRAM", ctx.program_elf());
    Ok(command)
}

fn binary(ctx: &Context) -> PathBuf {
    ctx.target.join("debug/multibus-localnet")
}

/// Where a network is kept.
pub fn dir(ctx: &Context, engine: Engine) -> PathBuf {
    ctx.target.join("localnet").join(engine.name())
}

/// Replaces this process by `multibus-localnet`, so that Ctrl-C and exit codes are its own.
fn hand_over(command: &mut Command) -> Result<()> {
    Err(command.exec()).with_context(|| format!("could not start `{}`", run::shown(command)))
}

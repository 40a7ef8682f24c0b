//! The end-to-end suite: a fresh network, a seeded village, and tests that trade on it as users do, even while answers
//! are lost, connections break, and clients and nodes are killed.

use std::path::Path;

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
pub const FEATURES: &str = "multibus-e2e/network,multibus-network/network";
/// Tests mostly wait for the network, so more of them run at a time than there are cores.
const THREADS: &str = "--test-threads=16";

pub fn e2e(ctx: &Context, tools: Tools, engine: Engine, args: &[String]) -> Result<()> {
    let mut tally = Tally::default();
    suite(ctx, tools, engine, args, &mut tally)?;
    println!("{} passed, {} failed on {}", tally.passed, tally.failed, engine.name());
    Ok(())
}

/// Needs a node that keeps everything that it confirmed, even after SIGKILL. surfpool does not promise that: one run in
/// four failed there, because the chain did not match what was traded.
const NEEDS_A_LEDGER: &str = "validator::a_node_that_is_killed_in_a_replay_loses_nothing";

/// Runs the suite on surfpool, whose process no other check compiles.
pub fn on_surfpool(ctx: &Context, tools: Tools, tally: &mut Tally) -> Result<()> {
    localnet::lint_surfpool(ctx)?;
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

/// Runs the suite with further arguments for the tests, and counts it.
pub fn suite(ctx: &Context, tools: Tools, engine: Engine, args: &[String], tally: &mut Tally) -> Result<()> {
    let mut tests = vec!["test", "--workspace", "--features", FEATURES, "--test", "e2e", "--test", "fault"];
    tests.extend(["--locked", "--ignore-rust-version"]);
    let mut network = localnet::prepared(ctx, tools, engine)?;
    run::logged(
        ctx.cargo().args(&tests).arg("--no-run"),
        "Compiling the end-to-end suite",
        "about 8 minutes from scratch on two cores, seconds after a change",
        &ctx.log("e2e"),
    )?;
    let cargo = ctx.cargo();
    network
        .args(["exec", "--engine", engine.name(), "--dir"])
        .arg(localnet::dir(ctx, engine).with_extension("e2e"))
        .arg("--")
        .arg(Path::new(cargo.get_program()))
        .args(&tests)
        .args(["--quiet", "--", THREADS])
        .args(args);
    if engine == Engine::Surfpool {
        network.args(["--skip", NEEDS_A_LEDGER]);
    }
    for (name, value) in cargo.get_envs() {
        match value {
            Some(value) => network.env(name, value),
            None => network.env_remove(name),
        };
    }
    tally::count(&mut network, tally)
}

//! Attacks on the market: random games, raw transactions, and the table of what is tried.

use anyhow::{Context as _, Result};

use crate::{
    context::Context,
    demo, run,
    sbf::{self, Tools},
};

/// Builds the program and one of the players of the tests' crate, and runs it with these arguments.
pub fn play(ctx: &Context, tools: Tools, player: &str, args: &[String]) -> Result<()> {
    sbf::build(ctx, tools)?;
    demo::build_bins(ctx, &[player], &[], "Compiling the model and the chain that it is compared with")?;
    let mut command = ctx.command(ctx.target.join("debug").join(player));
    command.env("MULTIBUS_PROGRAM", ctx.program_elf()).args(args);
    run::live(&mut command).context("the chain and the model differ: the script above shows how")
}

/// Writes `docs/ATTACKS.md` from the claims of the program's tests, or with `check` compares it.
pub fn matrix(ctx: &Context, check: bool) -> Result<()> {
    let mut cargo = ctx.cargo();
    cargo.args(["test", "--workspace", "--locked", "--ignore-rust-version", "--test", "program", "attack_table"]);
    if !check {
        cargo.env("MULTIBUS_BLESS", "1");
    }
    run::live(&mut cargo)
}

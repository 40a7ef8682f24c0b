//! Brings a network to the program and the IDL of this checkout, with `multibus-migrate`.

use anyhow::Result;

use crate::{
    context::Context,
    demo, run,
    sbf::{self, Tools},
};

const BINARY: &str = "multibus-migrate";

/// Builds the program and `multibus-migrate`, and runs it with these arguments.
pub fn migrate(ctx: &Context, tools: Tools, args: &[String]) -> Result<()> {
    sbf::build(ctx, tools)?;
    demo::build_bins(ctx, &[BINARY], &[], "Compiling what deploys the program")?;
    let mut command = ctx.command(ctx.target.join("debug").join(BINARY));
    run::live(command.args(args).env("MULTIBUS_PROGRAM", ctx.program_elf()))
}

//! Hands `mutants` and `planted` to the crate `multibus-proof`, which builds programs by `cargo xtask build --sources`.

use std::env;

use anyhow::Result;

use crate::{context::Context, run};

/// Builds `multibus-proof` and runs it with these arguments.
pub fn proof<Arg: AsRef<std::ffi::OsStr>>(ctx: &Context, args: &[Arg]) -> Result<()> {
    let mut build = ctx.cargo();
    build.args(["build", "--package", "multibus-proof", "--profile", "xtask", "--locked", "--ignore-rust-version"]);
    run::logged(&mut build, "Compiling multibus-proof", "seconds", &ctx.log("proof"))?;
    let mut command = ctx.command(ctx.target.join("xtask/multibus-proof"));
    command
        .args(args)
        .env("CARGO_TARGET_DIR", &ctx.target)
        .env("MULTIBUS_CACHE", &ctx.cache)
        .env("MULTIBUS_CARGO", env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .env("MULTIBUS_XTASK", env::current_exe()?);
    run::live(&mut command)
}

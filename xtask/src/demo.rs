//! From a clone to a village's energy market at work, in one command.

use std::{process::Command, time::Instant};

use anyhow::{Context as _, Result, bail};

use crate::{
    context::Context,
    run,
    sbf::{self, Tools},
};

/// Load and generation of a rural community's members, for two days in intervals of 15 minutes.
pub const DATA: &str = "data/community-rural-2016.csv";

pub fn demo(ctx: &Context, tools: Tools, extra: &[String]) -> Result<()> {
    let start = Instant::now();
    if !ctx.root.join(DATA).is_file() {
        bail!("{DATA}, which the demo replays, is missing from this checkout; `git status` may say why");
    }
    sbf::build_beside(ctx, tools, || build_cli(ctx))?;

    let report = ctx.target.join("demo-report");
    let mut replay = cli(ctx);
    replay.args(["replay", DATA, "--report"]).arg(&report).args(extra);
    eprintln!("\n$ {}", run::shown(&replay));
    run::live(&mut replay).context("the replay did not finish; what it printed above says why")?;

    let page = [report.join("report.html"), report.clone()].into_iter().find(|path| path.is_file());
    match page {
        Some(page) => eprintln!("\nThe report: {}", page.display()),
        None => bail!("the replay wrote no report.html into {}", report.display()),
    }
    eprintln!("Demo finished in {}.", run::elapsed(start.elapsed()));
    Ok(())
}

/// Builds the command-line client.
pub fn build_cli(ctx: &Context) -> Result<()> {
    build_bins(ctx, &["multibus"], &[], "Compiling the command-line client with its embedded chain")
}

/// Builds programs of the workspace, with features of their crates.
pub fn build_bins(ctx: &Context, bins: &[&str], features: &[&str], what: &str) -> Result<()> {
    let mut build = with_features_of_tests(ctx);
    for bin in bins {
        build.args(["--bin", bin]);
    }
    for feature in features {
        build.args(["--features", feature]);
    }
    run::logged(
        &mut build,
        what,
        "about 8 minutes from scratch on two cores, seconds after a change",
        &ctx.log("cli"),
    )?;
    Ok(())
}

/// A `cargo build` that shares its dependencies with the tests: they need more features of some, and four hundred crates depend
/// on these. `--test` turns them on here too; otherwise `demo` and `test` would each compile nearly everything. The test that
/// it names needs no crate at all.
pub fn with_features_of_tests(ctx: &Context) -> Command {
    let mut build = ctx.cargo();
    build.args(["build", "--workspace", "--test", "optional", "--locked", "--ignore-rust-version"]);
    build
}

/// The built command-line client, told where the program is.
pub fn cli(ctx: &Context) -> Command {
    let mut command = ctx.command(ctx.target.join("debug/multibus"));
    command.env("MULTIBUS_PROGRAM", ctx.program_elf());
    command
}

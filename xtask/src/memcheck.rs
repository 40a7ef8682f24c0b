//! The program's unit tests under valgrind: they read only what was written, and only what they own.
//!
//! Miri would find more, but comes with nightly compilers only. Valgrind watches the machine code, `unsafe` or not; it
//! would report an event with a byte that was never written.

use std::fs;

use anyhow::{Context as _, Result};

use crate::{context::Context, run, setup};

/// Runs the program's unit tests under valgrind.
pub fn memcheck(ctx: &Context) -> Result<()> {
    let valgrind = setup::valgrind(ctx)?;
    let (mut cargo, log) = (ctx.cargo(), ctx.log("memcheck-tests"));
    cargo
        .args(["test", "--workspace", "--locked", "--ignore-rust-version", "--lib", "--no-run"])
        .arg("--message-format=json-render-diagnostics");
    run::logged(&mut cargo, "Compiling the unit tests", "about 8 minutes from scratch, seconds after a change", &log)?;
    let messages = fs::read_to_string(&log)?;
    // What Cargo says stands behind its bar where that is drawn.
    let messages = messages.split(['\n', '\r']).map(|line| line.trim_start_matches("\x1b[K"));
    let messages = messages.filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut ours = messages.filter(|one| one["target"]["name"] == "multibus" && one["profile"]["test"] == true);
    let binary = ours.find_map(|one| one["executable"].as_str().map(str::to_owned));
    let binary = binary.with_context(|| format!("cargo named no unit tests of the program in {}", log.display()))?;
    let mut command = ctx.command(valgrind);
    command.args(["--quiet", "--error-exitcode=1", &binary, "--test-threads=1"]);
    run::logged(&mut command, "Running the program's unit tests under valgrind", "seconds", &ctx.log("memcheck"))?;
    println!("The program's unit tests read only what was written, and only what they own");
    Ok(())
}

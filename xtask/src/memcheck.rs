//! The program's unit tests under valgrind: they read only what was written, and only what they own.
//!
//! Miri would find more, but comes with nightly compilers only. Valgrind watches the machine code, `unsafe` or not; it
//! would report an event with a byte that was never written.

use anyhow::{Context as _, Result};

use crate::{context::Context, run, setup, tally};

/// How many cases each random test tries: valgrind watches what is read, which is the same in all of them.
const CASES: (&str, &str) = ("PROPTEST_CASES", "100");

/// Runs the program's unit tests under valgrind.
pub fn memcheck(ctx: &Context) -> Result<()> {
    let valgrind = setup::valgrind(ctx)?;
    // The command line has the program's name, too, and is no library.
    let libraries = || {
        let mut cargo = tally::workspace(ctx);
        cargo.arg("--lib");
        cargo
    };
    let expect = "about 8 minutes from scratch, seconds after a change";
    run::logged(libraries().arg("--no-run"), "Compiling the unit tests", expect, &ctx.log("memcheck-tests"))?;
    let libraries = tally::binaries(&mut libraries())?;
    let program = libraries.iter().find(|tests| tests.name == "multibus").context("the program has no unit tests")?;
    let mut command = ctx.command(valgrind);
    command.env(CASES.0, CASES.1);
    command.args(["--quiet", "--error-exitcode=1"]).arg(&program.path).arg("--test-threads=1");
    run::logged(&mut command, "Running the program's unit tests under valgrind", "seconds", &ctx.log("memcheck"))?;
    println!("The program's unit tests read only what was written, and only what they own");
    Ok(())
}

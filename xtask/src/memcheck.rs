//! The program's unit tests under valgrind: whatever is read has been written, and lies where it should.
//!
//! Miri would say more, and comes with nightly compilers only. Valgrind sees what the machine does, also where code is
//! `unsafe`: the frame of an event of which a byte was never written, for one.

use anyhow::Result;

use crate::{context::Context, planted::Suite, run, setup};

/// Runs the program's unit tests under valgrind.
pub fn memcheck(ctx: &Context) -> Result<()> {
    let valgrind = setup::valgrind(ctx)?;
    let binary = Suite::of_units(ctx)?;
    let mut command = ctx.command(valgrind);
    command.args(["--quiet", "--error-exitcode=1"]).arg(binary).arg("--test-threads=1");
    run::logged(&mut command, "Running the program's unit tests under valgrind", "seconds", &ctx.log("memcheck"))?;
    println!("The program's unit tests read nothing that was never written, and nothing beyond what they own");
    Ok(())
}

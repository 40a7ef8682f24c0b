//! Compute units: what each instruction costs, against the recorded table.

use anyhow::{Context as _, Result, bail};

use crate::{
    context::Context,
    sbf::{self, Tools},
    tally::{Tally, run_tests},
};

/// Runs the test that measures every instruction. It fails when a figure rises above the recorded one; with `bless`
/// it records what it measures.
pub fn check(ctx: &Context, tools: Tools, bless: bool) -> Result<()> {
    sbf::build(ctx, tools)?;
    let mut tally = Tally::default();
    let set: &[(&str, &str)] = if bless { &[("MULTIBUS_BLESS", "1")] } else { &[] };
    run_tests(ctx, &["compute_units", "--", "--nocapture"], set, &mut tally).with_context(|| {
        "a figure above says which; if the cost is worth it, record it with `cargo xtask cu --bless` and say why in the commit"
    })?;
    if tally.passed == 0 {
        bail!(
            "no test has `compute_units` in its name, so nothing was measured; it belongs into the crate multibus-tests"
        );
    }
    if bless {
        println!("The table of compute units is recorded; `git diff` shows what changed.");
    }
    Ok(())
}

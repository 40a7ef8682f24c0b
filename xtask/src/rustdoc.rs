//! The documentation of crates that are compiled already.
//!
//! `cargo doc` reads every dependency once more, for other artifacts than a build leaves; `cargo test --doc` takes those of the
//! tests. Cargo runs a copy of xtask under the name [`NAME`] as its rustdoc, which writes a crate's pages instead of running the
//! examples in them.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::PathBuf,
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::{context::Context, files, run, tally};

/// The name under which xtask is rustdoc.
pub const NAME: &str = "multibus-rustdoc";
/// The variables that name the crates whose pages are written, separated by commas, and the folder.
const CRATES: &str = "MULTIBUS_DOC_CRATES";
const PAGES: &str = "MULTIBUS_DOC_PAGES";

/// Writes the documentation of libraries into the target directory, with the features that they have in the tests; every warning
/// is an error. Returns the pages to begin with.
pub fn pages(ctx: &Context, crates: &[String]) -> Result<Vec<PathBuf>> {
    tally::compile_tests(ctx, run::logged)?;
    let pages = ctx.target.join("doc");
    // What an earlier run wrote would hide a crate that this one left out.
    if pages.exists() {
        std::fs::remove_dir_all(&pages).with_context(|| format!("could not remove {}", pages.display()))?;
    }
    let rustdoc = ctx.cache.join("rustdoc").join(NAME);
    files::put_stand_in(&rustdoc)?;
    let mut cargo = tally::workspace(ctx);
    cargo.arg("--doc").env("RUSTDOC", rustdoc).env("RUSTDOCFLAGS", "-D warnings");
    cargo.env(CRATES, crates.join(",")).env(PAGES, &pages);
    run::logged(&mut cargo, "Building the documentation", "about 20 seconds", &ctx.log("docs"))?;
    let first = |name: &String| {
        let page = pages.join(name).join("index.html");
        ensure!(page.is_file(), "rustdoc wrote no {}; {} says what it did", page.display(), ctx.log("docs").display());
        Ok(page)
    };
    crates.iter().map(first).collect()
}

/// Called by Cargo for each library.
pub fn main(args: impl Iterator<Item = OsString>) -> Result<()> {
    let (Some(crates), Some(pages)) = (env::var_os(CRATES), env::var_os(PAGES)) else {
        anyhow::bail!("{NAME} is run by `cargo xtask test --only docs`, which sets {CRATES} and {PAGES}");
    };
    let args: Vec<OsString> = args.collect();
    let name = args.iter().skip_while(|arg| *arg != "--crate-name").nth(1).context("Cargo named no crate")?;
    if !crates.to_string_lossy().split(',').any(|wanted| name == wanted) {
        return Ok(());
    }
    let mut rustdoc = Command::new("rustdoc");
    rustdoc.args(writing(&args)).arg("--out-dir").arg(pages);
    if let Some(version) = env::var_os("CARGO_PKG_VERSION") {
        rustdoc.arg("--crate-version").arg(version);
    }
    let status = rustdoc.status().context("could not start rustdoc")?;
    ensure!(status.success(), "rustdoc refuses the documentation of {}, for the reason above", name.display());
    Ok(())
}

/// The arguments of a run of examples without those that make it one.
fn writing(args: &[OsString]) -> Vec<&OsStr> {
    let mut left = args.iter().map(OsString::as_os_str);
    let mut kept = Vec::new();
    while let Some(arg) = left.next() {
        match arg.to_string_lossy().as_ref() {
            "--test" => {}
            "--test-run-directory" | "--test-args" => drop(left.next()),
            _ => kept.push(arg),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_examples_becomes_one_that_writes() {
        let args = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        let run =
            args("--crate-name market --test src/lib.rs --test-run-directory /market --test-args --quiet --cfg x");
        assert_eq!(writing(&run), args("--crate-name market src/lib.rs --cfg x"));
    }
}

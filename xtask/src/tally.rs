//! Running tests of cargo, live and counted.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::{context::Context, run};

/// How many tests passed and failed.
#[derive(Default)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
}

impl Tally {
    /// Adds a line like `test result: ok. 3 passed; 0 failed; 0 ignored; ...`, or Mocha's `  3 passing (2s)`.
    fn count(&mut self, line: &str) {
        if let [number, word @ ("passing" | "failing"), ..] = line.split_whitespace().collect::<Vec<_>>().as_slice()
            && let Ok(number) = number.parse::<u64>()
        {
            match *word {
                "passing" => self.passed += number,
                _ => self.failed += number,
            }
        }
        let Some(at) = line.find("test result: ") else {
            return;
        };
        let number = |word: &str| -> u64 {
            line[at..]
                .split([';', '.'])
                .find_map(|part| part.trim().strip_suffix(word)?.trim().parse().ok())
                .unwrap_or(0)
        };
        self.passed += number("passed");
        self.failed += number("failed");
    }
}

/// Where the random tests of proptest begin, so that a commit passes or fails each time alike. Unless the user sets it:
/// plain `cargo test` begins anywhere, and `cargo xtask soak` and `fuzz` take their own seeds.
const RANDOM_SEED: (&str, &str) = ("PROPTEST_RNG_SEED", "20241027");

/// Cargo for the tests of the workspace, which need no network.
fn workspace(ctx: &Context) -> Command {
    let mut cargo = ctx.cargo();
    cargo.args(["test", "--workspace", "--locked", "--ignore-rust-version"]);
    cargo
}

/// Compiles the tests of the workspace with `run`, such as [`run::logged`].
pub fn compile_tests<Done>(
    ctx: &Context,
    run: impl FnOnce(&mut Command, &str, &str, &Path) -> Result<Done>,
) -> Result<()> {
    let expect = "about 8 minutes from scratch on two cores, seconds after a change";
    run(workspace(ctx).arg("--no-run"), "Compiling the tests", expect, &ctx.log("tests")).map(drop)
}

/// Runs `cargo test --workspace` with further arguments and variables, and counts its tests. Only the tests themselves
/// print; what cargo says while it compiles goes to a log.
pub fn run_tests(ctx: &Context, args: &[&str], set: &[(&str, &str)], tally: &mut Tally) -> Result<()> {
    compile_tests(ctx, run::logged)?;
    let mut command = workspace(ctx);
    command.args(["--quiet", "--no-fail-fast"]).args(args).envs(set.iter().copied());
    if std::env::var_os(RANDOM_SEED.0).is_none() {
        command.env(RANDOM_SEED.0, RANDOM_SEED.1);
    }
    count(&mut command, tally)
}

/// Runs tests live and counts them.
pub fn count(command: &mut Command, tally: &mut Tally) -> Result<()> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("could not start `{}`", run::shown(command)))?;
    if let Some(stdout) = child.stdout.take() {
        let mut blank = true;
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            tally.count(&line);
            if !says_nothing(&line, &mut blank) {
                println!("{line}");
            }
        }
    }
    let status = child.wait()?;
    if !status.success() {
        let failed = match tally.failed {
            0 => "before a test failed, see above".to_owned(),
            1 => "1 test failed".to_owned(),
            n => format!("{n} tests failed"),
        };
        bail!("`{}` ended with {status}: {failed}", run::shown(command));
    }
    Ok(())
}

/// Whether a line is of a crate that ran no test, or a second empty line.
fn says_nothing(line: &str, blank: &mut bool) -> bool {
    let empty = line.trim().is_empty();
    let skipped =
        empty && *blank || line == "running 0 tests" || line.starts_with("test result: ok. 0 passed; 0 failed");
    *blank = empty || skipped && *blank;
    skipped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_results_are_counted() {
        let mut tally = Tally::default();
        tally.count("running 3 tests");
        tally.count("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.31s");
        tally.count("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out");
        assert_eq!((tally.passed, tally.failed), (15, 2));
        tally.count("  8 passing (18s)");
        tally.count("  1 failing");
        tally.count("    ✔ 5 passing cars are counted (12ms)");
        assert_eq!((tally.passed, tally.failed), (23, 3));
    }
}

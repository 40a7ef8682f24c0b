//! Running tests of cargo, live and counted.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
    thread,
    time::Instant,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{context::Context, run};

/// How many tests passed and failed.
#[derive(Default)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
}

impl Tally {
    /// Reads the last line of [`test`](crate::test::test): `19 passed, 0 failed`.
    pub fn parse(line: &str) -> Option<Self> {
        let (passed, failed) = line.strip_suffix(" failed")?.split_once(" passed, ")?;
        Some(Self { passed: passed.parse().ok()?, failed: failed.parse().ok()? })
    }

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

/// A command of tests with this seed, unless the user sets one.
fn seeded(command: &mut Command) -> &mut Command {
    match std::env::var_os(RANDOM_SEED.0) {
        Some(_) => command,
        None => command.env(RANDOM_SEED.0, RANDOM_SEED.1),
    }
}

/// Cargo for the tests of the workspace, which need no network.
pub fn workspace(ctx: &Context) -> Command {
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
    count(seeded(&mut command), tally)
}

/// Tests that take longest. They begin first, so that none of them is alone at the end.
const LONGEST: [&str; 4] = ["multibus_replay", "program", "cli", "library"];
/// Binaries that run at the same time, and tests of each of them: many wait for each other, for a clock or for a process.
const AT_ONCE: usize = 2;
const THREADS: &str = "3";

/// A binary of tests.
pub struct Tests {
    /// Its target's name, such as `multibus_replay`.
    pub name: String,
    pub path: PathBuf,
    /// The folder of its crate, in which Cargo runs it.
    dir: PathBuf,
}

/// Compiles with a `cargo test`, and returns the binaries that it would run.
pub fn binaries(build: &mut Command) -> Result<Vec<Tests>> {
    let output = build.args(["--no-run", "--quiet", "--message-format=json"]).stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("could not start `{}`", run::shown(build)))?;
    if !output.status.success() {
        bail!("`{}` failed ({}): {}", run::shown(build), output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(tests_in).collect())
}

/// The binary of tests that a message of Cargo names.
fn tests_in(message: &str) -> Option<Tests> {
    let message: Value = serde_json::from_str(message).ok()?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let path = text(&message["executable"]).filter(|_| message["profile"]["test"] == true)?.into();
    let dir = Path::new(&text(&message["manifest_path"])?).parent()?.to_owned();
    Some(Tests { name: text(&message["target"]["name"])?, path, dir })
}

/// Runs all tests of the workspace, several binaries at the same time, and counts them. What one prints comes when it has ended.
pub fn run_all(ctx: &Context, tally: &mut Tally) -> Result<()> {
    compile_tests(ctx, run::logged)?;
    let mut binaries = binaries(&mut workspace(ctx))?;
    let place = |name: &str| LONGEST.iter().position(|long| *long == name).unwrap_or(LONGEST.len());
    binaries.sort_by_key(|tests| place(&tests.name));
    let mut documented = workspace(ctx);
    documented.args(["--doc", "--quiet", "--no-fail-fast"]);
    let mut jobs: Vec<(String, Command)> =
        binaries.iter().map(|tests| (tests.name.clone(), tests.command(ctx))).collect();
    jobs.insert(LONGEST.len().min(jobs.len()), ("examples in the documentation".to_owned(), documented));
    jobs.reverse();

    let (jobs, told) = (Mutex::new(jobs), Mutex::new((tally, Vec::new())));
    let work = || -> Result<()> {
        while let Some((name, mut command)) = taken(&jobs) {
            let begun = Instant::now();
            let output = seeded(&mut command).stdin(Stdio::null()).output();
            let output = output.with_context(|| format!("could not start `{}`", run::shown(&command)))?;
            let (tally, failed) = &mut *told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if !output.status.success() {
                failed.push(format!("`{}` ({})", run::shown(&command), output.status));
            }
            let text =
                format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            let mut blank = true;
            let said: Vec<&str> =
                text.lines().inspect(|line| tally.count(line)).filter(|line| !says_nothing(line, &mut blank)).collect();
            if !said.is_empty() {
                println!("-- {name}, {}\n{}", run::elapsed(begun.elapsed()), said.join("\n"));
            }
        }
        Ok(())
    };
    thread::scope(|threads| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| threads.spawn(work)).collect();
        let ended =
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        ended.collect::<Result<Vec<_>>>()
    })?;
    let (_, failed) = told.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !failed.is_empty() {
        bail!("these tests failed, see above: {}", failed.join(", "));
    }
    Ok(())
}

/// The next of a list that several threads take from.
fn taken<Item>(list: &Mutex<Vec<Item>>) -> Option<Item> {
    list.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop()
}

impl Tests {
    /// Runs it as Cargo would.
    fn command(&self, ctx: &Context) -> Command {
        let mut command = ctx.command(&self.path);
        let cargo = ctx.cargo();
        command.env("CARGO", cargo.get_program()).env("CARGO_MANIFEST_DIR", &self.dir);
        command.envs(cargo.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(&self.dir).args(["--quiet", "--test-threads", THREADS]);
        command
    }
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
    fn the_sum_of_other_checks_is_read() {
        let read = |line| Tally::parse(line).map(|tally| (tally.passed, tally.failed));
        assert_eq!(read("61 passed, 2 failed"), Some((61, 2)));
        assert_eq!((read("test result: ok. 3 passed; 2 failed"), read("All 3 checks passed")), (None, None));
    }

    #[test]
    fn binaries_of_tests_are_told_from_other_artifacts() {
        let message = |test: bool, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/multibus/client/cli/Cargo.toml","target":{{"name":"cli"}},
                "profile":{{"test":{test}}},"executable":{executable}}}"#
            )
        };
        let tests = tests_in(&message(true, r#""/target/debug/deps/cli-1""#)).unwrap();
        assert_eq!((&*tests.name, tests.dir.as_path()), ("cli", Path::new("/multibus/client/cli")));
        assert_eq!(tests.path, Path::new("/target/debug/deps/cli-1"));
        assert!(tests_in(&message(false, r#""/target/debug/multibus""#)).is_none());
        assert!(tests_in(&message(true, "null")).is_none() && tests_in("").is_none());
    }

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

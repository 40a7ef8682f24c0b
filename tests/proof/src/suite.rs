//! Compiled tests, and what running them on a program comes to.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::place::Place;

/// Tests that are left out, because they check no behaviour of the program: pinned layouts, the table of errors (which
/// runs other tests again), and what the fuzzer reaches.
const SKIPPED: [&str; 3] = ["layout::", "error::", "play::breeding_begins_"];
/// A test run that takes longer hangs.
const TIMEOUT: Duration = Duration::from_mins(5);

/// Which tests run.
#[derive(Clone, Copy)]
pub enum Tests<'a> {
    /// All but [`SKIPPED`].
    All,
    /// Of these the ones whose names contain a text.
    Like(&'a str),
    /// The ones with these names.
    Named(&'a [&'a str]),
}

/// A test binary.
#[derive(Clone)]
pub struct Suite {
    binary: PathBuf,
    /// Where it runs.
    dir: PathBuf,
    /// How many tests run at once; by default one on each processor.
    pub threads: Option<usize>,
    /// A run that takes longer counts as failed.
    pub timeout: Duration,
}

/// Result of a test run.
#[derive(Default)]
pub struct Ran {
    pub passed: u64,
    pub failed: Vec<String>,
    pub time: Duration,
}

impl Ran {
    /// The first tests that failed, and how many more did.
    pub fn shown(&self) -> String {
        const FIRST: usize = 3;
        let first = self.failed.iter().take(FIRST).cloned().collect::<Vec<_>>().join(", ");
        match self.failed.len().saturating_sub(FIRST) {
            0 if first.is_empty() => "none".to_owned(),
            0 => first,
            more => format!("{first} and {more} more"),
        }
    }
}

impl Suite {
    /// Compiles the tests of the built program.
    pub fn program(place: &Place) -> Result<Self> {
        eprintln!("Compiling the program's tests");
        let mut cargo = place.cargo(&place.root, &["test", "-p", "multibus-tests", "--test", "program", "--no-run"]);
        let binary = binary(&mut cargo, "program")?;
        Ok(Self { binary, dir: place.root.join("tests"), threads: None, timeout: TIMEOUT })
    }

    /// Compiles the program's unit tests in a copy of the checkout.
    pub fn units(place: &Place, sources: &Path, target: &Path) -> Result<Self> {
        eprintln!("Compiling the program's unit tests");
        let mut cargo = place.cargo(sources, &["test", "-p", "multibus", "--lib", "--no-run"]);
        let binary = binary(cargo.env("CARGO_TARGET_DIR", target), "multibus")?;
        Ok(Self { binary, dir: sources.join("programs/multibus"), threads: None, timeout: TIMEOUT })
    }

    /// Runs tests on a program; with `first` only until one fails.
    pub fn run(&self, elf: &Path, tests: Tests, first: bool) -> Result<Ran> {
        let mut command = self.command();
        command.env("MULTIBUS_PROGRAM", elf);
        let skipped = SKIPPED.iter().flat_map(|name| ["--skip", name]);
        match tests {
            // Without a name, all tests would run.
            Tests::Named([]) => return Ok(Ran::default()),
            Tests::Named(names) => command.arg("--exact").args(names),
            Tests::Like(part) => command.args(skipped).arg(part),
            Tests::All => command.args(skipped),
        };
        self.ran(command, first)
    }

    /// The test binary's command, to which arguments and variables can be added.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .current_dir(&self.dir)
            .env("RUST_BACKTRACE", "0")
            // Failures are expected here: proptest need neither keep nor shrink them.
            .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1")
            .env("PROPTEST_MAX_SHRINK_ITERS", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if let Some(threads) = self.threads {
            command.env("RUST_TEST_THREADS", threads.to_string());
        }
        command
    }

    /// Runs a [`Self::command`] and counts its tests; with `first` only until one fails.
    pub fn ran(&self, mut command: Command, first: bool) -> Result<Ran> {
        let start = Instant::now();
        let mut child = command.spawn().with_context(|| format!("could not start {}", self.binary.display()))?;
        let stdout = child.stdout.take().context("the tests have no output")?;
        let child = Mutex::new(child);
        let kill = || lock(&child).kill();
        let timeout = self.timeout;
        let (done, waiting) = mpsc::channel::<()>();
        let mut ran = Ran::default();
        let hung = thread::scope(|scope| -> Result<bool> {
            let guard = scope.spawn(move || {
                let hung = waiting.recv_timeout(timeout) == Err(mpsc::RecvTimeoutError::Timeout);
                hung && kill().is_ok()
            });
            for line in BufReader::new(stdout).lines() {
                ran.count(&line?);
                if first && !ran.failed.is_empty() {
                    kill()?;
                    break;
                }
            }
            drop(done);
            Ok(guard.join().unwrap_or(false))
        })?;
        let status = lock(&child).wait()?;
        if hung {
            ran.failed.push(format!("(still running after {:?})", self.timeout));
        } else if ran.failed.is_empty() && !status.success() {
            // A stack overflow ends the whole binary.
            ran.failed.push(format!("(ended with {status})"));
        }
        ran.time = start.elapsed();
        Ok(ran)
    }
}

impl Ran {
    /// Adds a line like `test lock::name ... ok`.
    fn count(&mut self, line: &str) {
        let Some((name, outcome)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) else {
            return;
        };
        match outcome.trim() {
            "ok" => self.passed += 1,
            // A test that should panic has this behind its name.
            "FAILED" => self.failed.push(name.split(' ').next().unwrap_or(name).to_owned()),
            _ => {}
        }
    }
}

fn lock(child: &Mutex<Child>) -> std::sync::MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Compiles tests, and finds the binary of one target in Cargo's messages.
fn binary(cargo: &mut Command, target: &str) -> Result<PathBuf> {
    let output = cargo
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .context("could not start cargo")?;
    ensure!(output.status.success(), "the tests do not compile");
    String::from_utf8(output.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == target && message["profile"]["test"] == true)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .with_context(|| format!("cargo named no test binary of {target}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, timeout: Duration, first: bool) -> Ran {
        let suite = Suite { binary: "sh".into(), dir: "/".into(), threads: None, timeout };
        let mut command = suite.command();
        command.args(["-c", script]);
        suite.ran(command, first).unwrap()
    }

    #[test]
    fn outcomes_are_counted() {
        let ran = shell("echo 'test a::b ... ok'; echo 'test c - should panic ... FAILED'; exit 1", TIMEOUT, false);
        assert_eq!((ran.passed, ran.failed), (1, vec!["c".to_owned()]));
    }

    #[test]
    fn a_run_ends_at_its_first_failure_or_timeout_and_says_how_it_crashed() {
        let first = shell("echo 'test a ... FAILED'; exec sleep 100", TIMEOUT, true);
        assert_eq!(first.failed, ["a"]);
        let hung = shell("exec sleep 100", Duration::from_millis(50), false);
        assert_eq!(hung.failed, ["(still running after 50ms)"]);
        assert_eq!(shell("exit 3", TIMEOUT, false).failed, ["(ended with exit status: 3)"]);
    }
}

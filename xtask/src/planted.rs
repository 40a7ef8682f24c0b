//! Proof that the checks bite: builds of the program that each lack one check, and the tests that must notice.
//!
//! `tests/planted/*.diff` holds the bugs. Each says in one line what it breaks, names the tests that have to catch it,
//! and changes the program's sources by hunks without line numbers: lines of a hunk are found by what they say, in one
//! place only, so that a bug whose place is gone or was doubled is an error and not a bug that was never planted. A bug is
//! planted in a copy of the checkout, which is built as the program is, and the program's tests, compiled once, run on it.
//!
//! ```text
//! === lock_settles_at_301_seconds: a lock settles one second too long
//! caught by lock::lock_settle_at_301_seconds_is_rejected
//! --- programs/multibus/src/state/lock.rs
//! -now > self.expires_at
//! +now > self.expires_at + 1
//! ```

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    context::Context,
    run,
    sbf::{self, Upstream},
    switched::{self, Change, Switchboard},
    tidy,
};

/// Where the bugs are, from the checkout.
const BUGS: &str = "tests/planted";
/// Where the program's tests are, by module.
const TESTS: &str = "tests/tests/program";
/// Tests that are left out: pinned layouts compare no behaviour, the table of errors runs other tests again, and a program
/// that holds many bugs has ways that are not taken while they are off.
const SKIPPED: [&str; 3] = ["layout::", "error::", "play::breeding_begins_"];
/// A program that hangs in its tests is caught too.
const LONGEST: Duration = Duration::from_secs(300);

#[derive(clap::Args)]
pub struct Options {
    /// Plant these bugs alone: those whose name contains NAME; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Name the bugs, what each breaks and which tests catch it
    #[arg(long)]
    list: bool,
    /// Run every test on every bug, to see all that catch it
    #[arg(long)]
    all: bool,
    /// Build every bug on its own, also those that one program can hold
    #[arg(long)]
    apart: bool,
}

/// A bug: a change of the sources that takes one check away.
pub struct Bug {
    pub name: String,
    breaks: String,
    caught_by: Vec<String>,
    hunks: Vec<Hunk>,
}

/// Lines of a file that become others. Lines are compared without the white space around them.
struct Hunk {
    file: PathBuf,
    before: Vec<String>,
    after: Vec<String>,
}

/// Plants every bug and runs the tests that must catch it.
pub fn planted(ctx: &Context, options: &Options) -> Result<()> {
    let bugs: Vec<Bug> = load(&ctx.root)?
        .into_iter()
        .filter(|bug| options.only.is_empty() || options.only.iter().any(|name| bug.name.contains(name.as_str())))
        .collect();
    ensure!(!bugs.is_empty(), "no planted bug has such a name; `cargo xtask planted --list` names them");
    if options.list {
        for bug in &bugs {
            println!("{}: {}\n    caught by {}", bug.name, bug.breaks, bug.caught_by.join(", "));
        }
        println!("{} bugs", bugs.len());
        return Ok(());
    }
    let start = Instant::now();
    let garden = Garden::new(ctx)?;
    let switched = if options.apart { Switched::default() } else { Switched::new(&garden, &bugs)? };
    let mut findings = Vec::new();
    // The quick ones first.
    let mut order: Vec<usize> = (0..bugs.len()).collect();
    order.sort_by_key(|index| !switched.numbers.contains(index));
    for (done, index) in order.into_iter().enumerate() {
        let (begun, bug) = (Instant::now(), &bugs[index]);
        let verdict = match switched.with(ctx, index, &bug.name) {
            Some(elf) => elf,
            None => garden.with(bug),
        }
        .and_then(|elf| verdict(&garden, &elf, bug, options.all));
        let time = run::elapsed(begun.elapsed());
        let (word, told) = match &verdict {
            Ok(Verdict::Caught(told)) => ("caught", told.clone()),
            Ok(Verdict::Missed(told)) => ("MISSED", told.clone()),
            Err(error) => ("ERROR", format!("{error:#}")),
        };
        println!("{:>3}/{} {word} {} in {time}: {told}", done + 1, bugs.len(), bug.name);
        if word != "caught" {
            findings.push(format!("{} ({}): {told}", bug.name, bug.breaks));
        }
    }
    println!(
        "\n{} of {} planted bugs caught in {}, the control of {} tests included.",
        bugs.len() - findings.len(),
        bugs.len(),
        run::elapsed(start.elapsed()),
        garden.control.passed
    );
    if !findings.is_empty() {
        bail!("these are not:\n  {}", findings.join("\n  "));
    }
    Ok(())
}

/// Checks that every bug still fits the sources, and that the tests that it names exist. Takes milliseconds.
pub fn check(ctx: &Context) -> Result<()> {
    let bugs = load(&ctx.root)?;
    let tests: BTreeMap<String, String> = fs::read_dir(ctx.root.join(TESTS))?
        .flatten()
        .filter_map(|entry| {
            Some((entry.path().file_stem()?.to_str()?.to_owned(), fs::read_to_string(entry.path()).ok()?))
        })
        .collect();
    let mut findings = Vec::new();
    for bug in &bugs {
        if let Err(error) = bug.changed(&ctx.root) {
            findings.push(format!("{}: {error:#}", bug.name));
        }
        for test in &bug.caught_by {
            let exists = test.split_once("::").is_some_and(|(module, name)| {
                tests.get(module).is_some_and(|text| text.contains(&format!("fn {name}(")))
            });
            if !exists {
                findings.push(format!("{}: there is no test {test} in {TESTS}", bug.name));
            }
        }
    }
    if !findings.is_empty() {
        bail!("planted bugs that do not fit the sources any more, in {BUGS}:\n  {}", findings.join("\n  "));
    }
    println!("{} planted bugs fit the sources; `cargo xtask planted` plants them", bugs.len());
    Ok(())
}

enum Verdict {
    Caught(String),
    Missed(String),
}

/// The bugs that one program holds, each of them turned off.
#[derive(Default)]
struct Switched {
    elf: Vec<u8>,
    numbers: Vec<usize>,
}

impl Switched {
    /// Fewer are as fast built on their own.
    const FEWEST: usize = 4;

    /// Builds one program with all bugs that can be switched; turned off they must change nothing.
    fn new(garden: &Garden, bugs: &[Bug]) -> Result<Self> {
        let (root, mut board, mut numbers) = (&garden.ctx.root, Switchboard::default(), Vec::new());
        for (index, bug) in bugs.iter().enumerate() {
            if let Some(change) = bug.change(root)?
                && board.take(root, index as u16 + 1, &change)?
            {
                numbers.push(index);
            }
        }
        if numbers.len() < Self::FEWEST {
            return Ok(Self::default());
        }
        let path = garden
            .grow("switched", &board.files(root)?)
            .context("the program that holds all bugs does not build; with --apart each is built on its own")?
            .context("the program has no switch")?;
        let control = garden.suite.run(&path, Tests::All, false)?;
        ensure!(
            control.failed.is_empty(),
            "tests fail on the program that holds {} bugs, each of them turned off: {}",
            numbers.len(),
            control.shown()
        );
        println!(
            "One program holds {} of {} bugs; turned off, {} tests pass in {}.",
            numbers.len(),
            bugs.len(),
            control.passed,
            run::elapsed(control.time)
        );
        Ok(Self { elf: fs::read(path)?, numbers })
    }

    /// The program with one bug turned on; `None` where it does not hold it.
    fn with(&self, ctx: &Context, index: usize, name: &str) -> Option<Result<PathBuf>> {
        self.numbers.contains(&index).then(|| {
            let path = elf_of(ctx, name);
            sbf::write_if_different(&path, &switched::turned_on(&self.elf, index as u16 + 1)?)?;
            Ok(path)
        })
    }
}

/// Where a program with a bug is put.
pub fn elf_of(ctx: &Context, name: &str) -> PathBuf {
    ctx.target.join("planted").join(format!("{name}.so"))
}

/// What the tests say of a program: those that the bug names run first, and all others where those let it pass (or with
/// `all`).
fn verdict(garden: &Garden, elf: &Path, bug: &Bug, all: bool) -> Result<Verdict> {
    let named: Vec<&str> = bug.caught_by.iter().map(String::as_str).collect();
    let by_name = garden.suite.run(elf, Tests::Named(&named), false)?;
    let passing: Vec<&str> = named.iter().copied().filter(|name| !by_name.failed.iter().any(|f| f == name)).collect();
    if passing.is_empty() && !all {
        return Ok(Verdict::Caught(format!("by {}", by_name.shown())));
    }
    let whole = garden.suite.run(elf, Tests::All, !all)?;
    if !passing.is_empty() {
        return Ok(Verdict::Missed(match whole.failed.len() {
            0 => format!("by every one of {} tests", whole.passed),
            _ => format!("by {}, though caught by {}", passing.join(", "), whole.shown()),
        }));
    }
    let share = whole.failed.len() as u64 * 100 / (whole.failed.len() as u64 + whole.passed).max(1);
    Ok(Verdict::Caught(format!("by {} of {} ({share} %)", whole.shown(), whole.failed.len() as u64 + whole.passed)))
}

/// A copy of the checkout in which programs are grown that differ from it, and the tests to run on them.
pub struct Garden<'a> {
    ctx: &'a Context,
    pub checkout: PathBuf,
    upstream: Upstream<'a>,
    /// Hash of the program without a bug.
    healthy: String,
    pub suite: Suite,
    /// What the tests say of the program without a bug.
    pub control: Ran,
}

impl<'a> Garden<'a> {
    /// Copies the checkout, compiles the tests, builds the program without a bug, and runs all tests on it: where one
    /// fails now, its failure later would prove nothing.
    pub fn new(ctx: &'a Context) -> Result<Self> {
        let checkout = ctx.cache.join("planted/checkout");
        mirror(&ctx.root, &checkout, |_, bytes| Ok(bytes))?;
        let suite = Suite::compile(ctx)?;
        let upstream = Upstream::apart(ctx, "-planted", checkout.clone())?;
        let mut garden = Self { ctx, checkout, upstream, healthy: String::new(), suite, control: Ran::default() };
        let elf = garden.build("control")?;
        garden.healthy = sbf::sha256(&fs::read(&elf)?);
        garden.control = garden.suite.run(&elf, Tests::All, false)?;
        ensure!(
            garden.control.failed.is_empty() && garden.control.passed > 0,
            "tests fail on the program without a bug: {}",
            garden.control.shown()
        );
        println!("Without a bug {} tests pass in {}.", garden.control.passed, run::elapsed(garden.control.time));
        Ok(garden)
    }

    /// Builds the program with a bug.
    fn with(&self, bug: &Bug) -> Result<PathBuf> {
        self.grow(&bug.name, &bug.changed(&self.ctx.root)?)?
            .context("the program is the same with the bug, byte for byte: nothing was planted")
    }

    /// Builds the program with other contents of some files, and returns its ELF; `None` where it is the same as without.
    pub fn grow(&self, name: &str, changed: &BTreeMap<PathBuf, String>) -> Result<Option<PathBuf>> {
        for (file, text) in changed {
            fs::write(self.checkout.join(file), text)?;
        }
        let built = self.build(name);
        for file in changed.keys() {
            fs::copy(self.ctx.root.join(file), self.checkout.join(file))?;
        }
        let elf = built?;
        let differs = sbf::sha256(&fs::read(&elf)?) != self.healthy;
        Ok(differs.then_some(elf))
    }

    fn build(&self, name: &str) -> Result<PathBuf> {
        let (built, _lock) = self.upstream.build_silently(&self.ctx.log(&format!("planted/{name}")))?;
        let elf = elf_of(self.ctx, name);
        sbf::copy_if_different(&built, &elf)?;
        Ok(elf)
    }
}

/// Makes `to` a copy of the project, with some contents changed. What is the same already keeps its time, and stays
/// compiled.
pub fn mirror(root: &Path, to: &Path, change: impl Fn(&Path, Vec<u8>) -> Result<Vec<u8>>) -> Result<()> {
    let files = tidy::project_files(root)?;
    for dir in ["programs", ".cargo"] {
        for file in tidy::project_files(&to.join(dir)).into_iter().flatten() {
            if !files.contains(&Path::new(dir).join(&file)) {
                fs::remove_file(to.join(dir).join(file))?;
            }
        }
    }
    for file in files {
        let bytes = fs::read(root.join(&file)).with_context(|| format!("could not read {}", file.display()))?;
        sbf::write_if_different(&to.join(&file), &change(&file, bytes)?)?;
    }
    Ok(())
}

/// Which tests run.
#[derive(Clone, Copy)]
pub enum Tests<'a> {
    /// All but [`SKIPPED`].
    All,
    /// Of these those whose names contain it.
    Like(&'a str),
    /// Those of these names.
    Named(&'a [&'a str]),
}

/// Tests, compiled.
#[derive(Clone)]
pub struct Suite {
    binary: PathBuf,
    dir: PathBuf,
    /// As many run at once; as many as there are processors where this is not said.
    pub threads: Option<usize>,
    /// Tests that take longer hang.
    pub longest: Duration,
}

/// What came of running tests.
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
    /// Compiles the tests of the program's ELF.
    pub fn compile(ctx: &Context) -> Result<Self> {
        let mut cargo = ctx.cargo();
        cargo.args(["test", "--workspace", "--locked", "--ignore-rust-version", "--test", "program", "--no-run"]);
        let expect = "about 8 minutes from scratch on two cores, seconds after a change";
        let log = ctx.log("planted-tests");
        let binary = Self::binary(cargo, "Compiling the program's tests", expect, "program-", &log)?;
        Ok(Self { binary: ctx.root.join(binary), dir: ctx.root.join("tests"), threads: None, longest: LONGEST })
    }

    /// Compiles the program's own unit tests in a copy of the checkout.
    pub fn units(ctx: &Context, checkout: &Path, target: &Path) -> Result<Self> {
        let mut cargo = ctx.cargo();
        cargo
            .args(["test", "-p", "multibus", "--lib", "--locked", "--ignore-rust-version", "--no-run"])
            .current_dir(checkout)
            .env("CARGO_TARGET_DIR", target);
        let expect = "about 2 minutes from scratch on two cores, 30 seconds after a change";
        let log = ctx.log("mutants-units");
        let binary = Self::binary(cargo, "Compiling the program's unit tests", expect, "multibus-", &log)?;
        let (binary, dir) = (checkout.join(binary), checkout.join("programs/multibus"));
        Ok(Self { binary, dir, threads: None, longest: LONGEST })
    }

    /// Compiles the program's own unit tests in the checkout.
    pub fn of_units(ctx: &Context) -> Result<PathBuf> {
        let mut cargo = ctx.cargo();
        cargo.args(["test", "--workspace", "--locked", "--ignore-rust-version", "--lib", "--no-run"]);
        let expect = "about 8 minutes from scratch on two cores, seconds after a change";
        let binary = Self::binary(cargo, "Compiling the unit tests", expect, "multibus-", &ctx.log("memcheck-tests"))?;
        Ok(ctx.root.join(binary))
    }

    /// Compiles tests, and finds their binary in what Cargo says.
    fn binary(mut cargo: std::process::Command, what: &str, expect: &str, name: &str, log: &Path) -> Result<PathBuf> {
        run::logged(&mut cargo, what, expect, log)?;
        let text = fs::read_to_string(log)?;
        text.lines()
            .filter_map(|line| line.trim().strip_prefix("Executable ")?.split_once('('))
            .filter_map(|(_, path)| path.strip_suffix(')'))
            .map(PathBuf::from)
            .find(|path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name)))
            .with_context(|| format!("cargo named no binary of these tests in {}", log.display()))
    }

    /// Runs tests on a program; with `first` only until one fails.
    pub fn run(&self, elf: &Path, tests: Tests, first: bool) -> Result<Ran> {
        let mut command = self.command();
        command.env("MULTIBUS_PROGRAM", elf);
        let skipped = SKIPPED.iter().flat_map(|name| ["--skip", name]);
        match tests {
            // No name would be every name.
            Tests::Named([]) => return Ok(Ran::default()),
            Tests::Named(names) => command.arg("--exact").args(names),
            Tests::Like(part) => command.args(skipped).arg(part),
            Tests::All => command.args(skipped),
        };
        self.ran(command, first)
    }

    /// The tests, for which anything else can be set.
    pub fn command(&self) -> std::process::Command {
        let mut command = std::process::Command::new(&self.binary);
        command
            .current_dir(&self.dir)
            .env("RUST_BACKTRACE", "0")
            // A failure is what is wanted: it need be neither kept nor made shorter.
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

    /// Runs a [`Self::command`] and reads what it says; with `first` only until a test fails.
    pub fn ran(&self, mut command: std::process::Command, first: bool) -> Result<Ran> {
        let (start, longest) = (Instant::now(), self.longest);
        let mut child = command.spawn().with_context(|| format!("could not start {}", self.binary.display()))?;
        let stdout = child.stdout.take().context("the tests have no output")?;
        // Ends the tests where they hang: reading their output ends then too.
        let (done, waiting) = std::sync::mpsc::channel::<()>();
        let mut ran = Ran::default();
        let hung = std::thread::scope(|scope| -> Result<bool> {
            let pid = child.id();
            let guard = scope.spawn(move || {
                let hung = waiting.recv_timeout(longest) == Err(std::sync::mpsc::RecvTimeoutError::Timeout);
                if hung {
                    let _ = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
                }
                hung
            });
            for line in BufReader::new(stdout).lines() {
                let line = line?;
                let Some((name, outcome)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) else {
                    continue;
                };
                match outcome.trim() {
                    "ok" => ran.passed += 1,
                    "FAILED" => ran.failed.push(name.split(' ').next().unwrap_or(name).to_owned()),
                    _ => continue,
                }
                if first && !ran.failed.is_empty() {
                    let _ = child.kill();
                    break;
                }
            }
            drop(done);
            Ok(guard.join().unwrap_or(false))
        })?;
        let status = child.wait()?;
        if hung {
            ran.failed.push(format!("(no end within {})", run::elapsed(longest)));
        } else if ran.failed.is_empty() && !status.success() {
            // A stack that overflowed ends all tests at once.
            ran.failed.push(format!("(ended by {status})"));
        }
        ran.time = start.elapsed();
        Ok(ran)
    }
}

/// Reads every bug.
fn load(root: &Path) -> Result<Vec<Bug>> {
    let dir = root.join(BUGS);
    let mut files: Vec<PathBuf> = fs::read_dir(&dir)
        .with_context(|| format!("could not read {}", dir.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "diff"))
        .collect();
    files.sort();
    let mut bugs: Vec<Bug> = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).with_context(|| format!("could not read {}", file.display()))?;
        bugs.extend(parse(&text).with_context(|| format!("in {}", file.display()))?);
    }
    let mut names: Vec<&str> = bugs.iter().map(|bug| bug.name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!("two planted bugs are called {}", twice[0]);
    }
    Ok(bugs)
}

/// Reads bugs as described above. What comes before the first is for readers.
fn parse(text: &str) -> Result<Vec<Bug>> {
    let mut bugs: Vec<Bug> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let malformed = || format!("line {}: `{line}`", index + 1);
        if let Some(title) = line.strip_prefix("=== ") {
            let (name, breaks) = title.split_once(": ").with_context(|| format!("{} has no `: `", malformed()))?;
            bugs.push(Bug {
                name: name.to_owned(),
                breaks: breaks.to_owned(),
                caught_by: Vec::new(),
                hunks: Vec::new(),
            });
            continue;
        }
        let Some(bug) = bugs.last_mut() else { continue };
        if let Some(tests) = line.strip_prefix("caught by ") {
            bug.caught_by.extend(tests.split(", ").map(str::to_owned));
        } else if let Some(file) = line.strip_prefix("--- ") {
            bug.hunks.push(Hunk { file: PathBuf::from(file), before: Vec::new(), after: Vec::new() });
        } else if !line.is_empty() {
            let hunk = bug.hunks.last_mut().with_context(|| format!("{} comes before a `--- file`", malformed()))?;
            let said = line[1..].trim().to_owned();
            match line.as_bytes()[0] {
                b' ' => {
                    hunk.before.push(said.clone());
                    hunk.after.push(said);
                }
                b'-' => hunk.before.push(said),
                b'+' => hunk.after.push(said),
                _ => bail!("{} begins with neither ` `, `-` nor `+`", malformed()),
            }
        }
    }
    for bug in &bugs {
        ensure!(!bug.caught_by.is_empty(), "{} names no test that catches it", bug.name);
        ensure!(!bug.hunks.is_empty(), "{} changes nothing", bug.name);
        for hunk in &bug.hunks {
            ensure!(!hunk.before.is_empty() && hunk.before != hunk.after, "a hunk of {} changes nothing", bug.name);
        }
    }
    Ok(bugs)
}

impl Bug {
    /// Its change without the lines that stay; `None` where there are several.
    fn change(&self, root: &Path) -> Result<Option<Change>> {
        let [hunk] = &self.hunks[..] else { return Ok(None) };
        let text = fs::read_to_string(root.join(&hunk.file))?;
        let same = |(before, after): &(&String, &String)| before == after;
        let above = hunk.before.iter().zip(&hunk.after).take_while(same).count();
        let (before, after) = (&hunk.before[above..], &hunk.after[above..]);
        let below = before.iter().rev().zip(after.iter().rev()).take_while(same).count();
        Ok(Some(Change {
            file: hunk.file.clone(),
            place: hunk.place(&text)? + above,
            before: before[..before.len() - below].to_vec(),
            after: after[..after.len() - below].to_vec(),
        }))
    }

    /// The files that it changes, as they are with it.
    fn changed(&self, root: &Path) -> Result<BTreeMap<PathBuf, String>> {
        let mut files = BTreeMap::new();
        for hunk in &self.hunks {
            let text = match files.remove(&hunk.file) {
                Some(text) => text,
                None => fs::read_to_string(root.join(&hunk.file))
                    .with_context(|| format!("could not read {}", hunk.file.display()))?,
            };
            let changed = hunk.apply(&text).with_context(|| format!("in {}", hunk.file.display()))?;
            files.insert(hunk.file.clone(), changed);
        }
        Ok(files)
    }
}

impl Hunk {
    /// The first of its lines in the text, which must be there once.
    fn place(&self, text: &str) -> Result<usize> {
        let lines: Vec<&str> = text.lines().collect();
        let places: Vec<usize> = lines
            .windows(self.before.len())
            .enumerate()
            .filter(|(_, window)| window.iter().zip(&self.before).all(|(line, before)| line.trim() == before))
            .map(|(place, _)| place)
            .collect();
        match places[..] {
            [place] => Ok(place),
            _ => bail!("`{}` is there {} times, not once", self.before.join(" "), places.len()),
        }
    }

    fn apply(&self, text: &str) -> Result<String> {
        let (lines, place) = (text.lines().collect::<Vec<_>>(), self.place(text)?);
        let mut changed: Vec<&str> = lines[..place].to_vec();
        changed.extend(self.after.iter().map(String::as_str));
        changed.extend(&lines[place + self.before.len()..]);
        Ok(changed.join("\n") + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUG: &str = "For readers.\n\n=== late: too late\ncaught by a::b, c::d\n--- lib.rs\n fn f() {\n-one\n+two\n";

    fn apply(text: &str) -> Result<String> {
        parse(BUG).unwrap()[0].hunks[0].apply(text)
    }

    #[test]
    fn a_bug_says_what_it_breaks_and_who_catches_it() {
        let bugs = parse(BUG).unwrap();
        assert_eq!((bugs[0].name.as_str(), bugs[0].breaks.as_str()), ("late", "too late"));
        assert_eq!(bugs[0].caught_by, ["a::b", "c::d"]);
        for (broken, what) in [
            ("=== late: too late\n--- lib.rs\n-one\n", "names no test"),
            ("=== late: too late\ncaught by a::b\n", "changes nothing"),
            ("=== late: too late\ncaught by a::b\n--- lib.rs\n one\n", "changes nothing"),
            ("=== late: too late\n-one\n", "before a `--- file`"),
            ("=== late\n", "has no `: `"),
        ] {
            let error = format!("{:#}", parse(broken).err().unwrap());
            assert!(error.contains(what), "{broken}: {error}");
        }
    }

    #[test]
    fn a_bug_is_planted_where_its_lines_are_and_nowhere_else() {
        assert_eq!(apply("one\n  fn f() {\n    one\n  }\n").unwrap(), "one\nfn f() {\ntwo\n  }\n");
        let gone = apply("fn g() {\n one\n}\n").unwrap_err().to_string();
        assert!(gone.contains("is there 0 times, not once"), "{gone}");
        let doubled = apply("fn f() {\none\n}\nfn f() {\none\n}\n").unwrap_err().to_string();
        assert!(doubled.contains("is there 2 times"), "{doubled}");
    }
}

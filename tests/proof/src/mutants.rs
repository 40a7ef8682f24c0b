//! Mutation testing: thousands of small changes of the program, each of which some test must notice.
//!
//! Each mutant is turned on in the program's unit tests, which take milliseconds. Where they pass, the tests of the built
//! program follow, first the ones that noticed other mutants of the same function. A mutant that passes all tests must be
//! explained in `tests/mutants.txt`: lines without indentation name mutants, and the indented lines below say why no test
//! can notice them, or need not.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    mutant::Mutant,
    place::{PROGRAM, Place, project_files, write_if_different},
    sandbox::Sandbox,
    source::Source,
    suite::{Ran, Suite, Tests},
    switch,
};

/// Where survivors are explained.
const EXPLAINED: &str = "tests/mutants.txt";
/// Not mutated: the list of instructions and the table of errors.
const LEFT_OUT: [&str; 2] = ["lib.rs", "error.rs"];
/// A run of unit tests that takes longer hangs.
const UNIT_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(clap::Args)]
pub struct Options {
    /// Only mutants whose name (as --list prints it) contains TEXT; may be given several times
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// List the mutants, also those that do not compile
    #[arg(long)]
    list: bool,
    /// Only mutants that tests/mutants.txt explains
    #[arg(long)]
    explained: bool,
    /// Only check that tests/mutants.txt explains no mutant that is gone
    #[arg(long)]
    check: bool,
}

/// What came of a mutant.
enum Fate {
    /// A unit test noticed.
    Unit(String),
    /// A test of the built program noticed.
    Program(String),
    Survived,
}

/// Turns mutants on, one at a time, and runs tests until one notices.
pub fn mutants(place: &Place, options: &Options) -> Result<()> {
    if options.check {
        return check(place);
    }
    let explained = explained(place)?;
    let mut sources = sources(place)?;
    for source in &mut sources {
        source.retain(|mutant| {
            let name = mutant.to_string();
            let named = options.only.is_empty() || options.only.iter().any(|text| name.contains(text.as_str()));
            named && (!options.explained || explained.contains_key(&name))
        });
    }
    sources.retain(|source| source.mutants().next().is_some());
    let found: Vec<Mutant> = sources.iter().flat_map(Source::mutants).cloned().collect();
    ensure!(!found.is_empty(), "no mutant has such a name; `cargo xtask mutants --list` lists them");
    if options.list {
        found.iter().for_each(|mutant| println!("{mutant}    (line {})", mutant.line));
        println!("{} mutants", found.len());
        return Ok(());
    }
    let start = Instant::now();
    let sandbox = Sandbox::new(place)?;
    let build = Build::new(place, &sandbox, &mut sources)?;
    println!(
        "{} of {} mutants compile. With all of them off, {} tests pass in {:.1?}.",
        build.mutants.len(),
        found.len(),
        build.control.passed,
        build.control.time
    );
    let fates = build.fates()?;

    let mut report = Report::default();
    let mut wrong = Vec::new();
    for (mutant, fate) in build.mutants.iter().zip(&fates) {
        let name = mutant.to_string();
        match (fate, explained.get(&name)) {
            (Fate::Survived, None) => wrong.push(format!("{name} survives (line {})", mutant.line)),
            (Fate::Unit(test) | Fate::Program(test), Some(_)) => {
                wrong
                    .push(format!("{name} is explained in {EXPLAINED}, but {test} notices it: delete the explanation"));
            }
            _ => {}
        }
        report.add(mutant, Some(fate));
    }
    let compiling: BTreeSet<&Mutant> = build.mutants.iter().collect();
    found.iter().filter(|mutant| !compiling.contains(mutant)).for_each(|mutant| report.add(mutant, None));
    let path = place.target.join("mutants/report.md");
    write_if_different(&path, report.written(&explained).as_bytes())?;
    println!(
        "\n{}\nTook {:.0?}. Each mutant with the test that noticed it: {}",
        report.table(),
        start.elapsed(),
        path.display()
    );
    ensure!(wrong.is_empty(), "{} findings:\n  {}", wrong.len(), wrong.join("\n  "));
    Ok(())
}

/// Checks that explained mutants still exist.
fn check(place: &Place) -> Result<()> {
    let explained = explained(place)?;
    let sources = sources(place)?;
    let known: BTreeSet<String> = sources.iter().flat_map(Source::mutants).map(Mutant::to_string).collect();
    let gone: Vec<&str> = explained.keys().filter(|name| !known.contains(*name)).map(String::as_str).collect();
    ensure!(
        gone.is_empty(),
        "{EXPLAINED} explains mutants that no longer exist; delete them, or see what they became by \
         `cargo xtask mutants --list --only ...`:\n  {}",
        gone.join("\n  ")
    );
    println!("{} mutants, of which {} are explained; `cargo xtask mutants` tests them", known.len(), explained.len());
    Ok(())
}

/// The program's files that have mutants.
fn sources(place: &Place) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for file in project_files(&place.root.join(PROGRAM))? {
        let name = file.to_string_lossy();
        if name.ends_with(".rs") && !LEFT_OUT.contains(&&*name) {
            let source = Source::read(&place.root, &Path::new(PROGRAM).join(&file))?;
            if source.mutants().next().is_some() {
                sources.push(source);
            }
        }
    }
    Ok(sources)
}

/// Why mutants may survive, by their names.
fn explained(place: &Place) -> Result<BTreeMap<String, String>> {
    let path = place.root.join(EXPLAINED);
    let text = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    parse(&text)
}

fn parse(text: &str) -> Result<BTreeMap<String, String>> {
    let (mut explained, mut names, mut reason) = (BTreeMap::new(), Vec::new(), String::new());
    for line in text.lines().filter(|line| !line.starts_with('#')).chain(["end"]) {
        if let Some(part) = line.strip_prefix("    ") {
            ensure!(!names.is_empty(), "no mutant is named above `{part}`");
            reason.push_str(if reason.is_empty() { "" } else { " " });
            reason.push_str(part.trim());
        } else if !line.trim().is_empty() {
            if !reason.is_empty() {
                for name in names.drain(..) {
                    ensure!(
                        explained.insert(name, reason.clone()).is_none(),
                        "a mutant above `{line}` is explained twice"
                    );
                }
                reason.clear();
            }
            names.push(line.trim().to_owned());
        }
    }
    names.pop();
    ensure!(names.is_empty(), "nothing explains `{}`", names.join("`, `"));
    Ok(explained)
}

/// One program that holds all mutants, and the tests for it.
struct Build<'a> {
    place: &'a Place,
    units: Suite,
    /// The tests of the built program.
    suite: Suite,
    elf: Vec<u8>,
    control: Ran,
    /// The first has number 1.
    mutants: Vec<Mutant>,
    /// Tests that noticed mutants of a function, the latest first.
    noticed: Mutex<BTreeMap<String, Vec<String>>>,
}

impl<'a> Build<'a> {
    fn new(place: &'a Place, sandbox: &Sandbox, sources: &mut [Source]) -> Result<Self> {
        let (files, mutants) = sandbox.compiling(sources)?;
        ensure!(!mutants.is_empty(), "none of these mutants compiles");
        let mut units = Suite::units(place, &sandbox.dir, &sandbox.target)?;
        (units.threads, units.timeout) = (Some(1), UNIT_TIMEOUT);
        let control = units.ran(units.command(), false)?;
        ensure!(control.failed.is_empty(), "unit tests fail with all mutants off: {}", control.shown());
        eprintln!("Building the program that holds all mutants");
        let path = sandbox.build("mutants", &files)?;
        let control = sandbox.suite.run(&path, Tests::All, false)?;
        ensure!(control.failed.is_empty(), "tests fail with all mutants off: {}", control.shown());
        // One mutant runs on each processor.
        let mut suite = sandbox.suite.clone();
        suite.threads = Some(1);
        Ok(Self { place, units, suite, elf: fs::read(path)?, control, mutants, noticed: Mutex::default() })
    }

    /// What comes of every mutant.
    fn fates(&self) -> Result<Vec<Fate>> {
        let (next, jobs) = (AtomicUsize::new(0), thread::available_parallelism().map_or(1, usize::from));
        let fates: Mutex<Vec<Option<Fate>>> = Mutex::new(self.mutants.iter().map(|_| None).collect());
        let begun = Instant::now();
        let work = || -> Result<()> {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(mutant) = self.mutants.get(index) else { return Ok(()) };
                let fate = self.fate(u16::try_from(index)? + 1, mutant)?;
                if let Fate::Survived = fate {
                    println!("SURVIVED {mutant} (line {})", mutant.line);
                }
                if (index + 1).is_multiple_of(100) {
                    println!("{} of {} mutants in {:.0?}", index + 1, self.mutants.len(), begun.elapsed());
                }
                fates.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(fate);
            }
        };
        thread::scope(|scope| -> Result<()> {
            let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| bail!("a worker panicked")))
        })?;
        let fates = fates.into_inner().unwrap_or_else(PoisonError::into_inner);
        fates.into_iter().collect::<Option<_>>().context("a mutant was left out")
    }

    fn fate(&self, number: u16, mutant: &Mutant) -> Result<Fate> {
        // Instructions have no unit tests, because they need accounts.
        if !mutant.file.starts_with("instructions/") {
            // Tests of the same file first.
            let module = format!("{}::", mutant.file.trim_end_matches(".rs").replace('/', "::"));
            for names in [Some(module), None] {
                let mut units = self.units.command();
                units.env("PLANTED", number.to_string()).args(names);
                if let Some(test) = self.units.ran(units, true)?.failed.into_iter().next() {
                    return Ok(Fate::Unit(test));
                }
            }
        }
        let elf = self.place.elf(&format!("mutant-{number}"));
        write_if_different(&elf, &switch::turned_on(&self.elf, number)?)?;
        let fate = self.fate_in_program(&elf, mutant);
        fs::remove_file(&elf)?;
        fate
    }

    /// What the tests of the built program say.
    fn fate_in_program(&self, elf: &Path, mutant: &Mutant) -> Result<Fate> {
        const RECENT: usize = 8;
        let function = format!("{} {}", mutant.file, mutant.place);
        let noticed = || self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
        let recent: Vec<String> = noticed().get(&function).into_iter().flatten().take(RECENT).cloned().collect();
        let recent: Vec<&str> = recent.iter().map(String::as_str).collect();
        let stem = Path::new(&mutant.file).file_stem().unwrap_or_default().to_string_lossy();
        let noun = stem.split('_').next().unwrap_or_default();
        for tests in [Tests::Named(&recent), Tests::Like(noun), Tests::All] {
            if let Some(test) = self.suite.run(elf, tests, true)?.failed.into_iter().next() {
                let mut noticed = noticed();
                let tests = noticed.entry(function).or_default();
                tests.retain(|known| *known != test);
                tests.insert(0, test.clone());
                return Ok(Fate::Program(test));
            }
        }
        Ok(Fate::Survived)
    }
}

/// Counts by file, and every mutant with what came of it.
#[derive(Default)]
struct Report {
    files: BTreeMap<String, [usize; 5]>,
    lines: Vec<String>,
    survivors: Vec<String>,
}

impl Report {
    fn add(&mut self, mutant: &Mutant, fate: Option<&Fate>) {
        let counts = self.files.entry(mutant.file.clone()).or_default();
        counts[0] += 1;
        let (column, told) = match fate {
            None => (1, "does not compile".to_owned()),
            Some(Fate::Unit(test)) => (2, format!("noticed by unit test {test}")),
            Some(Fate::Program(test)) => (3, format!("noticed by {test}")),
            Some(Fate::Survived) => (4, "survived".to_owned()),
        };
        counts[column] += 1;
        match fate {
            Some(Fate::Survived) => self.survivors.push(mutant.to_string()),
            _ => self.lines.push(format!("- {mutant}: {told}")),
        }
    }

    fn table(&self) -> String {
        let mut table =
            "| file | mutants | do not compile | noticed by unit tests | by tests of the program | survived |\n\
                         | --- | --- | --- | --- | --- | --- |\n"
                .to_owned();
        let mut sum = [0; 5];
        for (file, counts) in &self.files {
            sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
            table.push_str(&row(file, counts));
        }
        table + &row("all", &sum)
    }

    fn written(&self, explained: &BTreeMap<String, String>) -> String {
        let mut text = format!("# Mutants of the program\n\n{}\n## Survivors\n\n", self.table());
        for name in &self.survivors {
            let reason = explained.get(name).map_or("NOT EXPLAINED", String::as_str);
            let _ = writeln!(text, "- {name}: {reason}");
        }
        format!("{text}\n## All others\n\n{}\n", self.lines.join("\n"))
    }
}

fn row(name: &str, counts: &[usize; 5]) -> String {
    format!("| {name} | {} |\n", counts.map(|count| count.to_string()).join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explanations_are_of_the_mutants_above_them() {
        let text =
            "# Why\n\na.rs f: `1` => `2`\na.rs f: `1` => `0`\n    Nothing\n    reads it.\n\nb.rs g: x\n    No.\n";
        let explained = parse(text).unwrap();
        let expected = [
            ("a.rs f: `1` => `0`", "Nothing reads it."),
            ("a.rs f: `1` => `2`", "Nothing reads it."),
            ("b.rs g: x", "No."),
        ];
        assert_eq!(explained, expected.map(|(name, reason)| (name.to_owned(), reason.to_owned())).into());
        assert!(parse("a.rs f: x\n").is_err());
        assert!(parse("    Why?\n").is_err());
        assert!(parse("a\n    b\na\n    c\n").is_err());
    }
}

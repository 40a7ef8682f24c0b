//! Plants the bugs of `tests/planted` in the program, one at a time, and runs the tests that must notice.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    patch::{BUGS, Bug},
    place::{Place, write_if_different},
    sandbox::{Files, Sandbox},
    source::{Source, tokens},
    suite::Tests,
    switch,
};

/// The tests of the built program: a module in each file.
const TESTS: &str = "tests/tests/program";

#[derive(clap::Args)]
pub struct Options {
    /// Plant only the bugs whose name contains NAME; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// List the bugs, what each breaks and which tests must notice
    #[arg(long)]
    list: bool,
    /// Run every test on every bug, to see all that notice
    #[arg(long)]
    all: bool,
    /// Build every bug on its own, also those that one program can hold
    #[arg(long)]
    apart: bool,
    /// Only check that every patch still applies and that the tests it names exist
    #[arg(long)]
    check: bool,
}

/// Plants bugs, one at a time, and runs the tests that each names: all of them must fail.
pub fn planted(place: &Place, options: &Options) -> Result<()> {
    let mut bugs = Bug::load(&place.root)?;
    bugs.retain(|bug| options.only.is_empty() || options.only.iter().any(|name| bug.name.contains(name.as_str())));
    ensure!(!bugs.is_empty(), "no planted bug has such a name; `cargo xtask planted --list` lists them");
    if options.check {
        return check(place, &bugs);
    }
    if options.list {
        for bug in &bugs {
            println!("{}: {}\n    caught by {}", bug.name, bug.breaks, bug.caught_by.join(", "));
        }
        println!("{} bugs", bugs.len());
        return Ok(());
    }
    let start = Instant::now();
    let sandbox = Sandbox::new(place)?;
    let applied = bugs.iter().map(|bug| bug.applied(place).with_context(|| bug.name.clone()));
    let applied: Vec<Files> = applied.collect::<Result<_>>()?;
    let together = if options.apart { Together::default() } else { Together::new(place, &sandbox, &bugs, &applied)? };
    let mut findings = Vec::new();
    // The quick ones first.
    let mut order: Vec<usize> = (0..bugs.len()).collect();
    order.sort_by_key(|index| !together.numbers.contains_key(index));
    for (done, index) in order.into_iter().enumerate() {
        let (begun, bug) = (Instant::now(), &bugs[index]);
        let elf = match together.numbers.get(&index) {
            Some(number) => together.with(place, *number, &bug.name),
            None => sandbox.build(&bug.name, &applied[index]),
        };
        let verdict = elf.and_then(|elf| verdict(&sandbox, &elf, bug, options.all));
        let (word, told) = match verdict {
            Ok(Verdict::Caught(told)) => ("caught", told),
            Ok(Verdict::Missed(told)) => ("MISSED", told),
            Err(error) => ("ERROR", format!("{error:#}")),
        };
        println!("{:>3}/{} {word} {} in {:.1?}: {told}", done + 1, bugs.len(), bug.name, begun.elapsed());
        if word != "caught" {
            findings.push(format!("{} ({}): {told}", bug.name, bug.breaks));
        }
    }
    println!(
        "\n{} of {} planted bugs caught in {:.0?}, including {} tests on the unchanged program.",
        bugs.len() - findings.len(),
        bugs.len(),
        start.elapsed(),
        sandbox.control.passed
    );
    ensure!(findings.is_empty(), "not caught:\n  {}", findings.join("\n  "));
    Ok(())
}

/// Checks that every bug can still be planted, and that the tests it names exist.
fn check(place: &Place, bugs: &[Bug]) -> Result<()> {
    let mut tests: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in fs::read_dir(place.root.join(TESTS))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let tokens = tokens(&fs::read_to_string(&path)?)?;
            let names = tokens.windows(2).filter(|pair| pair[0].text == "fn").map(|pair| pair[1].text.clone());
            tests.insert(stem, names.collect());
        }
    }
    let mut findings = Vec::new();
    for bug in bugs {
        if let Err(error) = bug.applied(place) {
            findings.push(format!("{}: {error:#}", bug.name));
        }
        for test in &bug.caught_by {
            let known =
                |(module, name): (&str, &str)| tests.get(module).is_some_and(|names| names.iter().any(|n| n == name));
            if !test.split_once("::").is_some_and(known) {
                findings.push(format!("{}: there is no test {test} in {TESTS}", bug.name));
            }
        }
    }
    ensure!(findings.is_empty(), "bugs in {BUGS} that do not fit the sources:\n  {}", findings.join("\n  "));
    println!("{} planted bugs fit the sources; `cargo xtask planted` plants them", bugs.len());
    Ok(())
}

/// One program that holds many bugs.
#[derive(Default)]
struct Together {
    elf: Vec<u8>,
    /// Numbers of bugs, by their place in the list.
    numbers: BTreeMap<usize, u16>,
}

impl Together {
    /// Fewer bugs are built faster on their own.
    const FEWEST: usize = 4;

    /// Builds one program with all bugs that it can hold. With all of them off, every test must pass.
    fn new(place: &Place, sandbox: &Sandbox, bugs: &[Bug], applied: &[Files]) -> Result<Self> {
        // Of each bug, how many parts of its file were too small to compile with it.
        let mut attempts: Vec<Option<usize>> = applied.iter().map(|files| (files.len() == 1).then_some(0)).collect();
        loop {
            let mut sources: BTreeMap<&Path, Source> = BTreeMap::new();
            for ((bug, files), attempt) in bugs.iter().zip(applied).zip(&mut attempts) {
                let (Some(number), Some((file, changed))) = (*attempt, files.first_key_value()) else { continue };
                if !sources.contains_key(file.as_path()) {
                    let mut source = Source::read(&place.root, file)?;
                    source.retain(|_| false);
                    sources.insert(file, source);
                }
                if let Some(source) = sources.get_mut(file.as_path())
                    && !source.plant(&bug.name, changed, number)?
                {
                    *attempt = None;
                }
            }
            let mut sources: Vec<Source> = sources.into_values().collect();
            let (files, mutants) = sandbox.compiling(&mut sources)?;
            let mut numbers = BTreeMap::new();
            let mut again = false;
            for (index, (bug, attempt)) in bugs.iter().zip(&mut attempts).enumerate() {
                match mutants.iter().position(|mutant| mutant.change == bug.name) {
                    Some(at) => drop(numbers.insert(index, u16::try_from(at)? + 1)),
                    None => {
                        again |= attempt.is_some();
                        *attempt = attempt.map(|number| number + 1);
                    }
                }
            }
            if again {
                continue;
            }
            if numbers.len() < Self::FEWEST {
                return Ok(Self::default());
            }
            eprintln!("Building the program that holds {} of {} bugs", numbers.len(), bugs.len());
            let path = sandbox.build("together", &files)?;
            let control = sandbox.suite.run(&path, Tests::All, false)?;
            ensure!(
                control.failed.is_empty(),
                "tests fail on the program that holds {} bugs, all of them off: {}; --apart builds each on its own",
                numbers.len(),
                control.shown()
            );
            println!(
                "One program holds {} of {} bugs. With all of them off, {} tests pass in {:.1?}.",
                numbers.len(),
                bugs.len(),
                control.passed,
                control.time
            );
            return Ok(Self { elf: fs::read(path)?, numbers });
        }
    }

    /// The program with one bug turned on.
    fn with(&self, place: &Place, number: u16, name: &str) -> Result<PathBuf> {
        let path = place.elf(name);
        write_if_different(&path, &switch::turned_on(&self.elf, number)?)?;
        Ok(path)
    }
}

enum Verdict {
    Caught(String),
    Missed(String),
}

/// Runs the tests that a bug names; where one of them passes, or with `all`, the others too.
fn verdict(sandbox: &Sandbox, elf: &Path, bug: &Bug, all: bool) -> Result<Verdict> {
    let named: Vec<&str> = bug.caught_by.iter().map(String::as_str).collect();
    let by_name = sandbox.suite.run(elf, Tests::Named(&named), false)?;
    let passing: Vec<&str> = named.iter().copied().filter(|name| !by_name.failed.iter().any(|f| f == name)).collect();
    if passing.is_empty() && !all {
        return Ok(Verdict::Caught(format!("by {}", by_name.shown())));
    }
    let whole = sandbox.suite.run(elf, Tests::All, !all)?;
    let (failed, count) = (whole.failed.len() as u64, whole.failed.len() as u64 + whole.passed);
    Ok(match (passing.is_empty(), failed) {
        (true, _) => Verdict::Caught(format!("by {}, {failed} of {count} tests", whole.shown())),
        (false, 0) => Verdict::Missed(format!("by all {count} tests")),
        (false, _) => Verdict::Missed(format!("by {}, though caught by {}", passing.join(", "), whole.shown())),
    })
}

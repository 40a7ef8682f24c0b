//! Mutation testing: thousands of small changes of the program, each of which some test must notice.
//!
//! [`crate::mutate`] finds the changes and writes a program that holds all of them. Every mutant is first turned on in the
//! program's own unit tests, which take milliseconds, and where they let it pass, in the tests of the compiled program:
//! those first that noticed other mutants of the same function. A mutant that everything lets pass must be explained in
//! `tests/mutants.txt`: lines without indentation name mutants, and the indented lines below them say why no test can
//! notice, or need not.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    context::Context,
    mutate::{Mutant, Source},
    planted::{Garden, Ran, Suite, Tests, elf_of},
    run, sbf,
    switched::{self, CRATE, SWITCH},
    tidy,
};

/// Where survivors are explained.
const EXPLAINED: &str = "tests/mutants.txt";
/// The program's sources.
const SOURCES: &str = "programs/multibus/src";
/// What is not mutated: modules and the instructions' names, and the errors, which are a table.
const LEFT_OUT: [&str; 2] = ["lib.rs", "error.rs"];
/// Unit tests that take longer hang; those of the compiled program cannot, which the chain ends.
const LONGEST: Duration = Duration::from_secs(30);
/// The compiler is asked so often which mutants do not compile.
const ROUNDS: usize = 20;

#[derive(clap::Args)]
pub struct Options {
    /// Only mutants whose name (as --list writes it) contains TEXT; may be given several times
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Name the mutants, whether they compile or not
    #[arg(long)]
    list: bool,
    /// Only those that tests/mutants.txt explains
    #[arg(long)]
    explained: bool,
}

/// What came of a mutant.
enum Fate {
    /// A unit test noticed.
    Unit(String),
    /// A test of the compiled program noticed.
    Program(String),
    Survived,
}

/// Turns every mutant on and runs tests until one notices.
pub fn mutants(ctx: &Context, options: &Options) -> Result<()> {
    let explained = explained(ctx)?;
    let mut sources = sources(ctx)?;
    for source in &mut sources {
        source.retain(|mutant| {
            let name = mutant.to_string();
            let named = options.only.is_empty() || options.only.iter().any(|text| name.contains(text.as_str()));
            named && (!options.explained || explained.contains_key(&name))
        });
    }
    sources.retain(|source| source.mutants().next().is_some());
    let found: Vec<Mutant> = sources.iter().flat_map(Source::mutants).cloned().collect();
    ensure!(!found.is_empty(), "no mutant has such a name; `cargo xtask mutants --list` names them");
    if options.list {
        for mutant in &found {
            println!("{mutant}    (line {})", mutant.line);
        }
        println!("{} mutants", found.len());
        return Ok(());
    }
    let start = Instant::now();
    let garden = Garden::new(ctx)?;
    let nursery = Nursery::new(ctx, &garden, &mut sources)?;
    println!(
        "{} of {} mutants compile; turned off, {} tests of the program that holds them pass in {}.",
        nursery.mutants.len(),
        found.len(),
        nursery.control.passed,
        run::elapsed(nursery.control.time)
    );
    let fates = nursery.fates()?;

    let mut report = Report::default();
    let mut wrong = Vec::new();
    for (mutant, fate) in nursery.mutants.iter().zip(&fates) {
        let name = mutant.to_string();
        match (fate, explained.get(&name)) {
            (Fate::Survived, None) => wrong.push(format!("{name} survives (line {})", mutant.line)),
            (Fate::Unit(test) | Fate::Program(test), Some(_)) => {
                wrong.push(format!(
                    "{name} is explained in {EXPLAINED}, but {test} notices it: take the explanation out"
                ));
            }
            _ => {}
        }
        report.add(mutant, Some(fate));
    }
    for mutant in found.iter().filter(|mutant| !nursery.mutants.contains(mutant)) {
        report.add(mutant, None);
    }
    let path = ctx.target.join("mutants/report.md");
    sbf::write_if_different(&path, report.written(&explained).as_bytes())?;
    println!(
        "\n{}\nIn {}; each with the test that noticed: {}",
        report.table(),
        run::elapsed(start.elapsed()),
        path.display()
    );
    if !wrong.is_empty() {
        bail!("{} findings:\n  {}", wrong.len(), wrong.join("\n  "));
    }
    Ok(())
}

/// Checks that explained mutants still exist. Takes milliseconds.
pub fn check(ctx: &Context) -> Result<()> {
    let explained = explained(ctx)?;
    let sources = sources(ctx)?;
    let known: BTreeSet<String> = sources.iter().flat_map(Source::mutants).map(Mutant::to_string).collect();
    let gone: Vec<&str> = explained.keys().filter(|name| !known.contains(*name)).map(String::as_str).collect();
    ensure!(
        gone.is_empty(),
        "{EXPLAINED} explains mutants that the sources do not have any more; take them out, or run `cargo xtask mutants \
         --only ...` on what they became:\n  {}",
        gone.join("\n  ")
    );
    println!("{} mutants of which {} are explained; `cargo xtask mutants` turns them on", known.len(), explained.len());
    Ok(())
}

/// The program's files with their mutants.
fn sources(ctx: &Context) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for file in tidy::project_files(&ctx.root.join(SOURCES))? {
        let name = file.to_string_lossy().into_owned();
        if file.extension().is_some_and(|extension| extension == "rs") && !LEFT_OUT.contains(&name.as_str()) {
            let path = Path::new(SOURCES).join(&file);
            let text = fs::read_to_string(ctx.root.join(&path))?;
            let source = Source::read(&path, &name, text)?;
            if source.mutants().next().is_some() {
                sources.push(source);
            }
        }
    }
    Ok(sources)
}

/// Why mutants may survive, by their names.
fn explained(ctx: &Context) -> Result<BTreeMap<String, String>> {
    let path = ctx.root.join(EXPLAINED);
    let text = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    parse(&text)
}

fn parse(text: &str) -> Result<BTreeMap<String, String>> {
    let (mut explained, mut names, mut reason) = (BTreeMap::new(), Vec::new(), String::new());
    for line in text.lines().filter(|line| !line.starts_with('#')).chain(["end"]) {
        if let Some(part) = line.strip_prefix("    ") {
            ensure!(!names.is_empty(), "no mutant is named above `{part}`");
            reason = format!("{reason} {}", part.trim()).trim_start().to_owned();
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

/// Programs that hold mutants, and the tests for them.
struct Nursery<'a> {
    ctx: &'a Context,
    units: Suite,
    /// The tests of the compiled program.
    suite: Suite,
    elf: Vec<u8>,
    control: Ran,
    /// The first is number 1.
    mutants: Vec<Mutant>,
    /// Tests that noticed mutants of a function, the last one first.
    noticed: Mutex<BTreeMap<String, Vec<String>>>,
}

impl<'a> Nursery<'a> {
    fn new(ctx: &'a Context, garden: &Garden, sources: &mut [Source]) -> Result<Self> {
        let target = ctx.cache.join("planted/units");
        let (files, mutants) = only_what_compiles(ctx, &garden.checkout, &target, sources)?;
        ensure!(!mutants.is_empty(), "none of these mutants compiles");
        let mut units = Suite::units(ctx, &garden.checkout, &target)?;
        (units.threads, units.longest) = (Some(1), LONGEST);
        let control = units.ran(units.command(), false)?;
        ensure!(control.failed.is_empty(), "unit tests fail with all mutants turned off: {}", control.shown());
        let path = garden
            .grow("mutants", &files)
            .context("the program that holds all mutants does not build")?
            .context("the program has no switch")?;
        let control = garden.suite.run(&path, Tests::All, false)?;
        ensure!(control.failed.is_empty(), "tests fail with all mutants turned off: {}", control.shown());
        // As many mutants run at once as there are processors.
        let mut suite = garden.suite.clone();
        suite.threads = Some(1);
        Ok(Self { ctx, units, suite, elf: fs::read(path)?, control, mutants, noticed: Mutex::default() })
    }

    /// What comes of every mutant, as many at once as there are processors.
    fn fates(&self) -> Result<Vec<Fate>> {
        let (next, jobs) = (AtomicUsize::new(0), thread::available_parallelism().map_or(1, usize::from));
        let fates: Mutex<Vec<Option<Fate>>> = Mutex::new(self.mutants.iter().map(|_| None).collect());
        let begun = Instant::now();
        thread::scope(|scope| -> Result<()> {
            let work = || -> Result<()> {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(mutant) = self.mutants.get(index) else { return Ok(()) };
                    let fate = self.fate(index as u16 + 1, mutant)?;
                    if let Fate::Survived = fate {
                        println!("SURVIVED {mutant} (line {})", mutant.line);
                    }
                    if (index + 1).is_multiple_of(100) {
                        println!(
                            "{} of {} mutants in {}",
                            index + 1,
                            self.mutants.len(),
                            run::elapsed(begun.elapsed())
                        );
                    }
                    if let Ok(mut fates) = fates.lock() {
                        fates[index] = Some(fate);
                    }
                }
            };
            let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
            for worker in workers {
                worker.join().unwrap_or_else(|_| bail!("a worker panicked"))?;
            }
            Ok(())
        })?;
        let fates = fates.into_inner().ok().and_then(|fates| fates.into_iter().collect::<Option<Vec<_>>>());
        fates.context("a mutant was left out")
    }

    fn fate(&self, number: u16, mutant: &Mutant) -> Result<Fate> {
        // The instructions have no unit tests: what they do needs accounts.
        if !mutant.file.starts_with("instructions/") {
            // Those of the same file first.
            let module = format!("{}::", mutant.file.trim_end_matches(".rs").replace('/', "::"));
            for names in [Some(module), None] {
                let mut units = self.units.command();
                units.env("PLANTED", number.to_string()).args(names);
                if let Some(test) = self.units.ran(units, true)?.failed.into_iter().next() {
                    return Ok(Fate::Unit(test));
                }
            }
        }
        let elf = elf_of(self.ctx, &format!("mutant-{number}"));
        sbf::write_if_different(&elf, &switched::turned_on(&self.elf, number)?)?;
        let fate = self.fate_of(&elf, mutant);
        let _ = fs::remove_file(&elf);
        fate
    }

    /// What the tests of the compiled program say.
    fn fate_of(&self, elf: &Path, mutant: &Mutant) -> Result<Fate> {
        const RECENT: usize = 8;
        let place = format!("{} {}", mutant.file, mutant.place);
        let recent: Vec<String> = match self.noticed.lock() {
            Ok(noticed) => noticed.get(&place).into_iter().flatten().take(RECENT).cloned().collect(),
            Err(_) => Vec::new(),
        };
        let stem =
            Path::new(&mutant.file).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let noun = stem.split('_').next().unwrap_or_default().to_owned();
        let recent: Vec<&str> = recent.iter().map(String::as_str).collect();
        let mut failed = None;
        for tests in [Tests::Named(&recent), Tests::Like(&noun), Tests::All] {
            if failed.is_none() {
                failed = self.suite.run(elf, tests, true)?.failed.into_iter().next();
            }
        }
        let Some(test) = failed else { return Ok(Fate::Survived) };
        if let Ok(mut noticed) = self.noticed.lock() {
            let tests = noticed.entry(place).or_default();
            tests.retain(|known| *known != test);
            tests.insert(0, test.clone());
        }
        Ok(Fate::Program(test))
    }
}

/// Files of the program, by their paths from the checkout.
type Files = BTreeMap<PathBuf, String>;

/// Drops mutants until the rest compiles. Returns the files that hold these, and their list, by number from 1.
fn only_what_compiles(
    ctx: &Context,
    checkout: &Path,
    target: &Path,
    sources: &mut [Source],
) -> Result<(Files, Vec<Mutant>)> {
    for round in 1..=ROUNDS {
        let (mut files, mut mutants, mut places) = (Files::new(), Vec::new(), Vec::new());
        for source in &*sources {
            let written = source.written(mutants.len() as u16 + 1);
            for (mutant, lines) in written.mutants {
                places.push((source.path.clone(), lines, mutant.clone()));
                mutants.push(mutant);
            }
            files.insert(source.path.clone(), written.text);
        }
        files.insert(CRATE.into(), fs::read_to_string(ctx.root.join(CRATE))? + SWITCH);
        for (path, text) in &files {
            sbf::write_if_different(&checkout.join(path), text.as_bytes())?;
        }
        let mut cargo = ctx.cargo();
        cargo
            .args(["check", "-p", "multibus", "--locked", "--ignore-rust-version", "--message-format=json"])
            .current_dir(checkout)
            .env("CARGO_TARGET_DIR", target);
        eprintln!("  Asking the compiler which of {} mutants compile (round {round}) ...", mutants.len());
        let output = cargo.output().context("could not start cargo")?;
        if output.status.success() {
            return Ok((files, mutants));
        }
        let mut dropped = BTreeSet::new();
        let mut unknown = String::from_utf8_lossy(&output.stderr).into_owned();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let message = serde_json::from_str::<serde_json::Value>(line).unwrap_or_default();
            let message = &message["message"];
            if message["level"] != "error" {
                continue;
            }
            let spans = places_of(message);
            let hit = |primary: bool| {
                let spans = spans.iter().filter(move |span| span.2 == primary);
                let mutants = spans.flat_map(|(file, line, _)| {
                    places.iter().filter(move |place| place.0 == Path::new(file) && place.1.contains(line))
                });
                // The innermost of those that contain each other.
                mutants.min_by_key(|place| place.1.len()).map(|place| place.2.clone())
            };
            match hit(true).or_else(|| hit(false)) {
                Some(mutant) => drop(dropped.insert(mutant)),
                None => unknown = message["rendered"].as_str().unwrap_or_default().to_owned(),
            }
        }
        ensure!(!dropped.is_empty(), "the compiler refuses what is not a mutant:\n{unknown}");
        for source in &mut *sources {
            source.retain(|mutant| !dropped.contains(mutant));
        }
    }
    bail!("some mutants still do not compile after {ROUNDS} rounds")
}

/// Files and lines that a message of the compiler points at, and whether it is about them, macros' callers included.
fn places_of(message: &serde_json::Value) -> Vec<(String, usize, bool)> {
    let mut places = Vec::new();
    for span in message["spans"].as_array().into_iter().flatten() {
        let primary = span["is_primary"] == true;
        let mut span = span;
        while let Some(file) = span["file_name"].as_str() {
            places.push((file.to_owned(), span["line_start"].as_u64().unwrap_or(0) as usize, primary));
            span = &span["expansion"]["span"];
        }
    }
    places
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
            Some(Fate::Unit(test)) => (2, format!("noticed by the unit test {test}")),
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
            text.push_str(&format!("- {name}: {reason}\n"));
        }
        format!("{text}\n## All others\n\n{}\n", self.lines.join("\n"))
    }
}

fn row(name: &str, counts: &[usize; 5]) -> String {
    let counts: String = counts.iter().map(|count| format!(" {count} |")).collect();
    format!("| {name} |{counts}\n")
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

    #[test]
    fn messages_point_at_lines_and_at_callers_of_macros() {
        let message = serde_json::json!({ "spans": [
            { "file_name": "a.rs", "line_start": 3, "is_primary": true,
              "expansion": { "span": { "file_name": "b.rs", "line_start": 7 } } },
            { "file_name": "c.rs", "line_start": 1, "is_primary": false },
        ] });
        let expected = [("a.rs", 3, true), ("b.rs", 7, true), ("c.rs", 1, false)];
        assert_eq!(places_of(&message), expected.map(|(file, line, primary)| (file.to_owned(), line, primary)));
    }
}

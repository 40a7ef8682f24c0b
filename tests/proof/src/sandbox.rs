//! A copy of the checkout in which changed programs are built, and the tests to run on them.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    mutant::Mutant,
    place::{Place, project_files, write_if_different},
    source::Source,
    suite::{Ran, Suite, Tests},
    switch::{CRATE, SWITCH},
};

/// The compiler is asked at most this often which mutants do not compile.
const ROUNDS: usize = 20;

/// Contents of files, by their paths from the root of the checkout.
pub type Files = BTreeMap<PathBuf, String>;

pub struct Sandbox<'a> {
    place: &'a Place,
    /// The copy.
    pub dir: PathBuf,
    /// Cargo's target directory for what runs on the host.
    pub target: PathBuf,
    /// The unchanged program.
    original: Vec<u8>,
    pub suite: Suite,
    /// Result of all tests on the unchanged program.
    pub control: Ran,
    /// One run at a time.
    _lock: File,
}

impl<'a> Sandbox<'a> {
    /// Copies the checkout, compiles the tests, and runs them on the unchanged program: all must pass.
    pub fn new(place: &'a Place) -> Result<Self> {
        let base = place.cache.join("planted");
        fs::create_dir_all(&base)?;
        let lock = File::create(base.join("lock"))?;
        lock.lock().context("could not lock the sandbox")?;
        let dir = base.join("checkout");
        mirror(&place.root, &dir)?;
        let suite = Suite::program(place)?;
        eprintln!("Building the unchanged program");
        let elf = place.build(&dir, "control")?;
        let control = suite.run(&elf, Tests::All, false)?;
        ensure!(
            control.failed.is_empty() && control.passed > 0,
            "tests fail on the unchanged program: {}",
            control.shown()
        );
        println!("{} tests pass on the unchanged program in {:.1?}.", control.passed, control.time);
        let original = fs::read(elf)?;
        Ok(Self { place, dir, target: base.join("units"), original, suite, control, _lock: lock })
    }

    /// Builds the program with other contents of some files.
    pub fn build(&self, name: &str, changed: &Files) -> Result<PathBuf> {
        self.write(changed)?;
        let built = self.place.build(&self.dir, name);
        for file in changed.keys() {
            fs::copy(self.place.root.join(file), self.dir.join(file))?;
        }
        let elf = built?;
        ensure!(fs::read(&elf)? != self.original, "the program is the same, byte for byte: nothing was changed");
        Ok(elf)
    }

    /// Writes other contents of some files.
    pub fn write(&self, changed: &Files) -> Result<()> {
        changed.iter().try_for_each(|(file, text)| write_if_different(&self.dir.join(file), text.as_bytes()))
    }

    /// The files of a program that holds all mutants that compile. Mutants that do not compile are dropped from the
    /// sources. In the returned list the first mutant has number 1.
    pub fn compiling(&self, sources: &mut [Source]) -> Result<(Files, Vec<Mutant>)> {
        // Its functions must be inlined as well as those of the other files, however long these have become.
        let mut lib = Source::read(&self.place.root, Path::new(CRATE))?;
        lib.retain(|_| false);
        let lib = lib.written(1).text;
        for round in 1..=ROUNDS {
            let (mut files, mut mutants, mut places) = (Files::new(), Vec::new(), Vec::new());
            for source in &*sources {
                let written = source.written(u16::try_from(mutants.len())? + 1);
                for (mutant, lines) in written.mutants {
                    places.push((source.path.clone(), lines, mutant.clone()));
                    mutants.push(mutant);
                }
                files.insert(source.path.clone(), written.text);
            }
            files.insert(CRATE.into(), lib.clone() + SWITCH);
            self.write(&files)?;
            eprintln!("Checking which of {} mutants compile (round {round})", mutants.len());
            let mut cargo = self.place.cargo(&self.dir, &["check", "-p", "multibus", "--message-format=json"]);
            let output = cargo.env("CARGO_TARGET_DIR", &self.target).output().context("could not start cargo")?;
            if output.status.success() {
                return Ok((files, mutants));
            }
            let mut unknown = String::from_utf8_lossy(&output.stderr).into_owned();
            let mut dropped = Vec::new();
            for line in String::from_utf8_lossy(&output.stdout).lines() {
                let message = serde_json::from_str::<serde_json::Value>(line).unwrap_or_default();
                let message = &message["message"];
                if message["level"] != "error" {
                    continue;
                }
                let spans = spans(message);
                let hit = |primary: bool| {
                    let spans = spans.iter().filter(move |span| span.2 == primary);
                    let mutants = spans.flat_map(|(file, line, _)| {
                        places.iter().filter(move |place| place.0 == Path::new(file) && place.1.contains(line))
                    });
                    // Mutants contain each other: the innermost is meant.
                    mutants.min_by_key(|place| place.1.len()).map(|place| place.2.clone())
                };
                match hit(true).or_else(|| hit(false)) {
                    Some(mutant) => dropped.push(mutant),
                    None => message["rendered"].as_str().unwrap_or_default().clone_into(&mut unknown),
                }
            }
            ensure!(!dropped.is_empty(), "an error of the compiler is in no mutant:\n{unknown}");
            sources.iter_mut().for_each(|source| source.drop(&dropped));
        }
        bail!("some mutants still do not compile after {ROUNDS} rounds")
    }
}

/// Files and lines of a compiler's message, and whether they are its subject. Includes the callers of macros.
fn spans(message: &serde_json::Value) -> Vec<(String, usize, bool)> {
    let mut places = Vec::new();
    for span in message["spans"].as_array().into_iter().flatten() {
        let primary = span["is_primary"] == true;
        let mut span = span;
        while let Some(file) = span["file_name"].as_str() {
            let line = span["line_start"].as_u64().and_then(|line| usize::try_from(line).ok());
            places.push((file.to_owned(), line.unwrap_or(0), primary));
            span = &span["expansion"]["span"];
        }
    }
    places
}

/// Makes `to` a copy of the project.
fn mirror(root: &Path, to: &Path) -> Result<()> {
    let files = project_files(root)?;
    for dir in ["programs", ".cargo"] {
        let present = walk(&to.join(dir))?;
        for file in
            present.into_iter().filter(|file| file.strip_prefix(to).is_ok_and(|file| !files.contains(&file.into())))
        {
            fs::remove_file(file)?;
        }
    }
    for file in files {
        let bytes = fs::read(root.join(&file)).with_context(|| format!("could not read {}", file.display()))?;
        write_if_different(&to.join(&file), &bytes)?;
    }
    Ok(())
}

/// All files below a directory, if there is one.
fn walk(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry?.path();
        if path.is_dir() { files.extend(walk(&path)?) } else { files.push(path) }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_point_at_lines_and_at_callers_of_macros() {
        let message = serde_json::json!({ "spans": [
            { "file_name": "a.rs", "line_start": 3, "is_primary": true,
              "expansion": { "span": { "file_name": "b.rs", "line_start": 7 } } },
            { "file_name": "c.rs", "line_start": 1, "is_primary": false },
        ] });
        let expected = [("a.rs", 3, true), ("b.rs", 7, true), ("c.rs", 1, false)];
        assert_eq!(spans(&message), expected.map(|(file, line, primary)| (file.to_owned(), line, primary)));
    }
}

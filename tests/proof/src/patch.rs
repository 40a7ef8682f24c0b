//! Planted bugs: patches of the program, each of which takes one check away.
//!
//! `tests/planted/NAME.patch` is what `git apply` takes. Above the diff stands what breaks, and which tests must notice:
//!
//! ```text
//! lock_settles_at_301_seconds: a lock settles one second too long
//! caught by lock::lock_settle_at_301_seconds_is_rejected
//!
//! diff --git a/programs/multibus/src/state/lock.rs b/programs/multibus/src/state/lock.rs
//! ...
//! ```

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{place::Place, sandbox::Files};

/// Directory of the patches.
pub const BUGS: &str = "tests/planted";

pub struct Bug {
    pub name: String,
    /// What goes wrong.
    pub breaks: String,
    /// Tests that must fail, as `module::name`.
    pub caught_by: Vec<String>,
    patch: PathBuf,
    /// Files that it changes.
    files: Vec<PathBuf>,
}

impl Bug {
    /// All planted bugs.
    pub fn load(root: &Path) -> Result<Vec<Self>> {
        let dir = root.join(BUGS);
        let entries = fs::read_dir(&dir).with_context(|| format!("could not read {}", dir.display()))?;
        let mut patches: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        patches.retain(|path| path.extension().is_some_and(|extension| extension == "patch"));
        patches.sort();
        patches
            .into_iter()
            .map(|patch| {
                let text = fs::read_to_string(&patch)?;
                Self::parse(patch.clone(), &text).with_context(|| format!("in {}", patch.display()))
            })
            .collect()
    }

    fn parse(patch: PathBuf, text: &str) -> Result<Self> {
        let (head, diff) = text.split_once("\ndiff --git ").context("no `diff --git` in the patch")?;
        let (title, rest) = head.split_once('\n').unwrap_or((head, ""));
        let (name, breaks) = title.split_once(": ").context("the first line is not `name: what breaks`")?;
        let stem = patch.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        ensure!(name == stem, "the first line names {name}, the file {stem}");
        let tests = rest.lines().filter_map(|line| line.strip_prefix("caught by "));
        let caught_by: Vec<String> = tests.flat_map(|tests| tests.split(", ").map(str::to_owned)).collect();
        ensure!(!caught_by.is_empty(), "no line `caught by module::test` names a test that must fail");
        let files = diff.lines().filter_map(|line| line.strip_prefix("--- a/")).map(PathBuf::from).collect();
        Ok(Self { name: name.to_owned(), breaks: breaks.to_owned(), caught_by, patch, files })
    }

    /// The files that it changes, with the bug.
    pub fn applied(&self, place: &Place) -> Result<Files> {
        let scratch = place.target.join("planted/apply").join(&self.name);
        for file in &self.files {
            let copy = scratch.join(file);
            fs::create_dir_all(copy.parent().context("a file has a directory")?)?;
            fs::copy(place.root.join(file), copy).with_context(|| format!("there is no {}", file.display()))?;
        }
        let applied = Command::new("git")
            .arg("apply")
            .arg(&self.patch)
            .current_dir(&scratch)
            // Otherwise git takes the directory for an ignored part of the checkout around it, and applies nothing.
            .env("GIT_CEILING_DIRECTORIES", scratch.parent().context("a directory has a parent")?)
            .output()
            .context("could not start git")?;
        if !applied.status.success() {
            bail!("it no longer applies: {}", String::from_utf8_lossy(&applied.stderr).trim());
        }
        let texts = self.files.iter().map(|file| Ok((file.clone(), fs::read_to_string(scratch.join(file))?)));
        let texts: Files = texts.collect::<Result<_>>()?;
        fs::remove_dir_all(&scratch)?;
        Ok(texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFF: &str = "\ndiff --git a/f.rs b/f.rs\n--- a/f.rs\n+++ b/f.rs\n@@ -1 +1 @@\n-one\n+two\n";

    fn parse(head: &str) -> Result<Bug> {
        Bug::parse("late.patch".into(), &format!("{head}{DIFF}"))
    }

    #[test]
    fn a_patch_says_what_it_breaks_and_which_tests_notice() {
        let bug = parse("late: too late\ncaught by a::b, c::d\ncaught by e::f\n").unwrap();
        assert_eq!((bug.name.as_str(), bug.breaks.as_str()), ("late", "too late"));
        assert_eq!(bug.caught_by, ["a::b", "c::d", "e::f"]);
        assert_eq!(bug.files, [Path::new("f.rs")]);
        for (head, error) in [
            ("late: too late\n", "names a test"),
            ("late\ncaught by a::b\n", "`name: what breaks`"),
            ("early: too early\ncaught by a::b\n", "the first line names early, the file late"),
        ] {
            let told = format!("{:#}", parse(head).err().unwrap());
            assert!(told.contains(error), "{head}: {told}");
        }
    }
}

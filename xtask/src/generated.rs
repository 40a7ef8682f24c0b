//! Generated files that are checked in: written by a command, compared by its `--check` twin.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

/// What a generator made: contents by path, relative to one directory or to the checkout.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Every file below a directory; none where it does not exist.
pub fn read_dir(dir: &Path) -> Result<Files> {
    let mut files = Files::new();
    if dir.is_dir() {
        collect(dir, Path::new(""), &mut files)?;
    }
    Ok(files)
}

fn collect(root: &Path, below: &Path, files: &mut Files) -> Result<()> {
    let dir = root.join(below);
    for entry in fs::read_dir(&dir).with_context(|| format!("could not read {}", dir.display()))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            collect(root, &path, files)?;
        } else {
            files.insert(path, fs::read(entry.path())?);
        }
    }
    Ok(())
}

/// Makes `dir` hold exactly these files; with `check` it only compares, and fails where they differ. `command` writes
/// them.
pub fn settle(dir: &Path, shown: &str, made: &Files, check: bool, command: &str) -> Result<()> {
    let present = read_dir(dir)?;
    let differs = |path: &&PathBuf| present.get(*path) != made.get(*path);
    let mut changed: Vec<&PathBuf> = made.keys().chain(present.keys()).filter(differs).collect();
    changed.sort_unstable();
    changed.dedup();
    if changed.is_empty() {
        println!("{shown} is as generated ({})", count(made.len()));
        return Ok(());
    }
    if check {
        for path in &changed {
            let what = match (present.contains_key(*path), made.contains_key(*path)) {
                (true, true) => "differs",
                (true, false) => "is not generated any more",
                _ => "is missing",
            };
            println!("{shown}/{} {what}", path.display());
        }
        bail!(
            "{shown} is not what the program's sources generate; `{command}` writes it, and belongs in the same commit"
        );
    }
    for path in &changed {
        let target = dir.join(path);
        match made.get(*path) {
            Some(contents) => {
                fs::create_dir_all(target.parent().unwrap_or(dir))?;
                fs::write(&target, contents).with_context(|| format!("could not write {}", target.display()))?;
            }
            None => fs::remove_file(&target).with_context(|| format!("could not remove {}", target.display()))?,
        }
    }
    println!("{shown}: {} written or removed", count(changed.len()));
    Ok(())
}

fn count(files: usize) -> String {
    if files == 1 { "1 file".to_owned() } else { format!("{files} files") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_finds_every_kind_of_difference_and_changes_nothing() {
        let dir = std::env::temp_dir().join(format!("multibus-xtask-generated-{}", std::process::id()));
        let made = |files: &[(&str, &str)]| -> Files {
            files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect()
        };
        let wanted = made(&[("a.ts", "one"), ("b/c.ts", "two")]);
        let refused = settle(&dir, "client", &wanted, true, "cargo xtask idl").unwrap_err().to_string();
        assert!(refused.contains("`cargo xtask idl` writes it"), "{refused}");
        assert!(!dir.exists());
        settle(&dir, "client", &wanted, false, "").unwrap();
        settle(&dir, "client", &wanted, true, "").unwrap();
        for other in [&[("a.ts", "one")][..], &[("a.ts", "1"), ("b/c.ts", "two")]] {
            assert!(settle(&dir, "client", &made(other), true, "").is_err(), "{other:?}");
            assert_eq!(read_dir(&dir).unwrap(), wanted);
        }
        settle(&dir, "client", &made(&[("a.ts", "one")]), false, "").unwrap();
        assert_eq!(read_dir(&dir).unwrap(), made(&[("a.ts", "one")]));
        fs::remove_dir_all(dir).unwrap();
    }
}

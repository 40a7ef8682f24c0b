//! The files of the project, and what was built of them.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::run;

/// Directories that hold what was built or downloaded.
const SKIPPED: &[&str] = &["target", "node_modules", "dist", ".git"];

/// The files that belong to the project, relative to its root: what git tracks or would track.
pub fn project_files(root: &Path) -> Result<Vec<PathBuf>> {
    let listed = run::output(Command::new("git").current_dir(root).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]));
    let mut files: Vec<PathBuf> = match listed {
        // Without git, as in an unpacked archive.
        None => {
            let mut files = Vec::new();
            walk(root, Path::new(""), &mut files)?;
            files
        }
        Some(list) => list
            .split('\0')
            .filter(|name| !name.is_empty())
            .map(PathBuf::from)
            .filter(|file| root.join(file).is_file())
            .collect(),
    };
    files.sort();
    files.dedup();
    Ok(files)
}

fn walk(root: &Path, dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(root.join(dir))? {
        let entry = entry?;
        let path = dir.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() && !SKIPPED.iter().any(|name| entry.file_name() == *name) {
            walk(root, &path, files)?;
        } else if kind.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

/// Puts xtask under the name of a program that others call; returns the folder, for their PATH. It is a copy, because the running
/// xtask may be replaced while it runs.
pub fn put_stand_in(path: &Path) -> Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    copy_if_different(Path::new("/proc/self/exe"), path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("could not make {} a program", path.display()))?;
    Ok(path.parent().map(Path::to_path_buf).unwrap_or_default())
}

/// Begins a build directory of Cargo, where there is none yet, with a copy of what another one has of dependencies: what both
/// need is compiled once. Cargo compares file times, which the copy keeps.
pub fn begin_with_dependencies(made: &Path, dir: &Path) -> Result<()> {
    if dir.exists() || !made.exists() {
        return Ok(());
    }
    let part = dir.with_extension("part");
    let _ = fs::remove_dir_all(&part);
    for built in [".fingerprint", "build", "deps"] {
        copy_dependencies(&made.join(built), &part.join(built))
            .with_context(|| format!("could not copy {} to {}", made.display(), part.display()))?;
    }
    fs::rename(&part, dir).with_context(|| format!("could not create {}", dir.display()))
}

fn copy_dependencies(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, copy, kind) = (entry.path(), to.join(entry.file_name()), entry.file_type()?);
        // Programs beside libraries are this repository's tests and commands.
        let is_program = from.ends_with("deps") && source.extension().is_none();
        if is_program || is_own(&entry.file_name()) {
            continue;
        }
        if kind.is_dir() {
            copy_dependencies(&source, &copy)?;
        } else if kind.is_file() {
            fs::copy(&source, &copy)?;
            let times = fs::FileTimes::new().set_modified(entry.metadata()?.modified()?);
            fs::File::options().append(true).open(&copy)?.set_times(times)?;
        }
    }
    Ok(())
}

/// Whether a file or directory of a build directory is of this repository's own crates.
fn is_own(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let name = name.strip_prefix("lib").unwrap_or(&name);
    name.starts_with("multibus") || name.starts_with("xtask")
}

pub fn copy_if_different(from: &Path, to: &Path) -> Result<bool> {
    let bytes = fs::read(from).with_context(|| format!("could not read {}", from.display()))?;
    write_if_different(to, &bytes)
}

/// Writes a temporary file and renames it, so that nobody reads half a file.
pub fn write_if_different(path: &Path, bytes: &[u8]) -> Result<bool> {
    if fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(false);
    }
    let write = || -> std::io::Result<()> {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        let name = path.file_name().unwrap_or(OsStr::new("file")).to_string_lossy();
        let new = path.with_file_name(format!("{name}.{}.new", std::process::id()));
        fs::write(&new, bytes)?;
        fs::rename(&new, path)
    };
    write().with_context(|| format!("could not write {}", path.display()))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_begins_with_the_dependencies_of_another_once() {
        let dir = std::env::temp_dir().join(format!("multibus-xtask-files-{}", std::process::id()));
        let (made, new) = (dir.join("made"), dir.join("new"));
        for folder in [".fingerprint/serde-1", "build/serde-1", "deps"] {
            fs::create_dir_all(made.join(folder)).unwrap();
        }
        let (theirs, own) = (Path::new("deps/libserde-1.rlib"), Path::new("deps/libmultibus_client-1.rlib"));
        let (script, program) = (Path::new("build/serde-1/build-script-build"), Path::new("deps/soak-1"));
        fs::write(made.join(theirs), "serde").unwrap();
        for other in [own, script, program] {
            fs::write(made.join(other), "other").unwrap();
        }
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        fs::File::options().append(true).open(made.join(theirs)).unwrap().set_modified(time).unwrap();

        begin_with_dependencies(&made, &new).unwrap();
        assert_eq!(fs::read_to_string(new.join(theirs)).unwrap(), "serde");
        assert_eq!(fs::metadata(new.join(theirs)).unwrap().modified().unwrap(), time);
        assert!(new.join(".fingerprint/serde-1").is_dir() && new.join(script).is_file());
        assert!(!new.join(own).exists() && !new.join(program).exists());

        // What is there is left alone, also where nothing was built before.
        fs::write(made.join(theirs), "newer").unwrap();
        begin_with_dependencies(&made, &new).unwrap();
        assert_eq!(fs::read_to_string(new.join(theirs)).unwrap(), "serde");
        begin_with_dependencies(&dir.join("nothing"), &dir.join("none")).unwrap();
        assert!(!dir.join("none").exists());
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_file_is_written_only_when_it_differs() {
        let dir = std::env::temp_dir().join(format!("multibus-xtask-write-{}", std::process::id()));
        let path = dir.join("file");
        assert!(write_if_different(&path, b"one").unwrap());
        assert!(!write_if_different(&path, b"one").unwrap());
        assert!(write_if_different(&path, b"two").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "no neighbour is left");
        fs::remove_dir_all(dir).unwrap();
    }
}

//! The program's hash, and the proof that it depends on the sources alone.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    context::{Context, cargo_home, grouped},
    files::project_files,
    run,
    sbf::{self, Tools, Upstream},
};

/// Prints the sha256 of the built program, building it first if anything changed.
pub fn print(ctx: &Context, tools: Tools) -> Result<()> {
    let built = sbf::build(ctx, tools)?;
    println!("{}", built.sha256);
    Ok(())
}

/// Builds the program twice with nothing in common but the sources and the installed tools, and compares.
///
/// Each build has its own copy of the checkout, its own build directory and its own path to the downloaded crates,
/// because these differ between machines. The copies also protect the builds from edits meanwhile.
pub fn verify(ctx: &Context) -> Result<()> {
    let dir = ctx.cache.join("verify");
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("could not clear {}", dir.display()))?;
    }
    let (one, other) = (dir.join("one"), dir.join("another/with a longer name"));
    for place in [&one, &other] {
        copy_project(&ctx.root, &place.join("checkout"))?;
    }
    let crates = match cargo_home() {
        Some(home) if home.is_dir() => {
            alias(&home, &other.join("crates"))?;
            Some(other.join("crates"))
        }
        home => home,
    };

    let here = build(ctx, &one, cargo_home())?;
    let there = build(ctx, &other, crates)?;
    if here != there {
        bail!(
            "the two builds differ: {here} and {there}. Both are kept in {}; \
             compare the two multibus.so with `cmp -l` or `llvm-objdump -d`",
            dir.display()
        );
    }
    fs::remove_dir_all(&dir).with_context(|| format!("could not clear {}", dir.display()))?;
    println!("{here}");
    eprintln!("Both builds are the same, byte for byte.");
    Ok(())
}

fn build(ctx: &Context, place: &Path, crates: Option<PathBuf>) -> Result<String> {
    eprintln!("Building from nothing in {}", place.display());
    let start = Instant::now();
    let (path, _lock) = Upstream::at(ctx, sbf::MARKET, place.join("build"), place.join("checkout"), crates)?.build()?;
    let elf = fs::read(&path)?;
    let hash = sbf::sha256(&elf);
    eprintln!("  {} bytes in {}, sha256 {hash}", grouped(elf.len() as u64), run::elapsed(start.elapsed()));
    Ok(hash)
}

fn copy_project(root: &Path, to: &Path) -> Result<()> {
    for file in project_files(root)? {
        let target = to.join(&file);
        if let Some(dir) = target.parent() {
            fs::create_dir_all(dir)?;
        }
        fs::copy(root.join(&file), &target).with_context(|| format!("could not copy {}", file.display()))?;
    }
    Ok(())
}

/// Another name for every entry of a directory, so that its contents are reached by another path.
fn alias(dir: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        std::os::unix::fs::symlink(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

//! Compiles the program to a Solana ELF (sBPFv3).
//!
//! There are two toolchains. `platform` is Solana's own compiler, `cargo build-sbf`. `upstream` comes from package
//! registries alone: Debian's Rust 1.96 with the standard library built from source, LLVM 22's BPF backend, and
//! `sbpf-linker`.
//!
//! The upstream recipe, piece by piece:
//! - the target is Debian's `bpfel-unknown-none` with `os` = `zkvm`, an OS std supports without a kernel, and full
//!   atomics, which `lower-atomic` turns into plain loads and stores: a program has one thread;
//! - `+allows-misaligned-mem-access`: the virtual machine loads from any address, and without it LLVM puts every packed
//!   field together byte by byte, at twice the compute units;
//! - `cpu` = `v2` has jumps for every comparison. `v3` would have 32-bit arithmetic too, whose results LLVM takes for
//!   zero-extended, while sBPFv3 extends their sign: wrong code without a diagnostic, so never more than `v2`;
//! - `--cfg target_os="solana"` selects the on-chain side of the Solana crates, and `--cfg target_arch="xtensa"` only
//!   gives std a minimum alignment for allocations;
//! - `RUSTC_BOOTSTRAP` allows the unstable flags, `RUSTC_BOOTSTRAP_SYNTHETIC_TARGET` lets crates use std on a target
//!   std does not list;
//! - panics abort at once and without a message, so the program returns errors and never panics;
//! - one codegen unit and remapped paths, so that equal sources give equal bytes (`cargo xtask hash --verify`).

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;
use sha2::{Digest, Sha256};

use crate::{
    context::{Context, all_on_path, cargo_home, grouped},
    files::{begin_with_dependencies, copy_if_different, project_files, put_stand_in, write_if_different},
    link, run,
    setup::{self, SbfTools},
};

const TARGET_SPEC: &str = include_str!("../sbpf-solana.json");
const TARGET_NAME: &str = "sbpf-solana";

/// A crate that compiles to a program.
pub struct ProgramCrate {
    /// Name of its library, and of its ELF.
    name: &'static str,
    manifest: &'static str,
    /// Where its sources are.
    sources: &'static str,
    /// Suffix of its build directory. A program that another one uses as a library is compiled with other features there, and
    /// Cargo gives its ELF the same file name: in one directory, the two would overwrite each other.
    dir: &'static str,
}

/// The market.
pub const MARKET: &ProgramCrate =
    &ProgramCrate { name: "multibus", manifest: "programs/multibus/Cargo.toml", sources: "programs/multibus", dir: "" };

/// The example of a program that calls the market.
pub const CHARGER: &ProgramCrate =
    &ProgramCrate { name: "charger", manifest: "programs/charger/Cargo.toml", sources: "programs", dir: "-charger" };

/// Which compiler makes the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Tools {
    /// `platform` if `cargo-build-sbf` is on PATH, otherwise `upstream`
    #[default]
    Auto,
    /// Debian's Rust and LLVM with sbpf-linker, installed where missing
    Upstream,
    /// Solana's `cargo build-sbf`
    Platform,
}

impl Tools {
    /// `Upstream` or `Platform`.
    pub fn chosen(self, ctx: &Context) -> Result<Self> {
        let platform = platform_tools(ctx).is_some();
        match self {
            Tools::Auto if platform => Ok(Tools::Platform),
            Tools::Auto => Ok(Tools::Upstream),
            Tools::Platform if !platform => bail!(
                "`--tools platform` needs `cargo-build-sbf` on PATH; install Solana's tools, or use `--tools upstream`"
            ),
            chosen => Ok(chosen),
        }
    }
}

/// Solana's compiler, as the Anchor CLI calls it.
pub const PLATFORM_COMPILER: &str = "cargo-build-sbf";

/// A copy of xtask under the name of Solana's compiler. `cargo xtask anchor` puts it on PATH if there is no such
/// compiler.
pub fn stand_in(ctx: &Context) -> PathBuf {
    ctx.cache.join("anchor/bin").join(PLATFORM_COMPILER)
}

/// Solana's own compiler on PATH.
pub fn platform_tools(ctx: &Context) -> Option<PathBuf> {
    let stand_in = stand_in(ctx);
    all_on_path(PLATFORM_COMPILER).into_iter().find(|path| *path != stand_in)
}

/// The compiled program.
pub struct Built {
    pub path: PathBuf,
    pub bytes: u64,
    pub sha256: String,
    pub changed: bool,
    pub time: Duration,
}

impl Built {
    pub fn report(&self) {
        eprintln!(
            "Program {}: {} bytes, {} in {}",
            self.path.display(),
            grouped(self.bytes),
            if self.changed { "built" } else { "unchanged, checked" },
            run::elapsed(self.time)
        );
        eprintln!("  sha256 {}", self.sha256);
    }
}

/// Builds the market's program into the target directory, if anything changed, and reports it.
pub fn build(ctx: &Context, tools: Tools) -> Result<Built> {
    build_program(ctx, tools, MARKET)
}

/// Builds a program into the target directory, if anything changed, and reports it.
pub fn build_program(ctx: &Context, tools: Tools, program: &'static ProgramCrate) -> Result<Built> {
    let start = Instant::now();
    let path = ctx.elf(program.name);
    let changed = match tools.chosen(ctx)? {
        Tools::Platform => platform(ctx, program, &path)?,
        _ => {
            let (elf, _lock) = Upstream::new(ctx, program)?.build()?;
            copy_if_different(&elf, &path)?
        }
    };
    let elf = fs::read(&path).with_context(|| format!("could not read {}", path.display()))?;
    let built = Built { bytes: elf.len() as u64, sha256: sha256(&elf), changed, time: start.elapsed(), path };
    built.report();
    Ok(built)
}

/// Runs other work while the program is built: they share no crate, and neither of the two keeps all cores busy all the time.
pub fn build_beside(ctx: &Context, tools: Tools, other: impl FnOnce() -> Result<()>) -> Result<()> {
    // Before the two begin: it may ask for a password.
    if tools.chosen(ctx)? == Tools::Upstream {
        setup::ask_for_sbf_packages(ctx)?;
    }
    thread::scope(|scope| {
        let program = scope.spawn(|| build(ctx, tools));
        let other = other();
        match program.join() {
            Ok(program) => program.and(other),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Builds the program from a copy of the checkout with the upstream tools.
pub fn build_copy(ctx: &Context, sources: PathBuf, out: &Path) -> Result<()> {
    let (elf, _lock) = Upstream::apart(ctx, MARKET, "-copy", sources)?.build()?;
    copy_if_different(&elf, out).map(drop)
}

/// Solana's own tools.
fn platform(ctx: &Context, program: &ProgramCrate, path: &Path) -> Result<bool> {
    let before = fs::read(path).ok();
    let out = path.parent().unwrap_or(path);
    let tools = platform_tools(ctx).context("there is no `cargo-build-sbf` of Solana's on PATH")?;
    let target =
        if program.dir.is_empty() { ctx.target.clone() } else { ctx.target.join(format!("sbf{}", program.dir)) };
    let mut command = ctx.debian(tools);
    command
        .args(["--arch", "v3", "--manifest-path", program.manifest, "--sbf-out-dir"])
        .arg(out)
        .args(["--", "--locked"])
        .env("CARGO_TARGET_DIR", target);
    run::logged(
        &mut command,
        &format!("Compiling the program {} with cargo build-sbf", program.name),
        "about 1 minute from scratch",
        &ctx.log("cargo-build-sbf"),
    )?;
    let after = fs::read(path).with_context(|| format!("cargo build-sbf did not write {}", path.display()))?;
    check_elf(&after)?;
    Ok(before.as_deref() != Some(after.as_slice()))
}

/// One directory in which the upstream tools build.
pub struct Upstream<'a> {
    ctx: &'a Context,
    program: &'static ProgramCrate,
    tools: SbfTools,
    flags: Vec<String>,
    /// The target's description, LLVM and the linker, which builds that begin with this one's share with it.
    base: PathBuf,
    /// What this build makes.
    dir: PathBuf,
    /// The sources: the checkout, or a copy of it.
    root: PathBuf,
    cargo_home: Option<PathBuf>,
}

impl<'a> Upstream<'a> {
    /// In the cache. Other tools or flags get another directory, because std's build script does not notice a change of
    /// them.
    pub fn new(ctx: &'a Context, program: &'static ProgramCrate) -> Result<Self> {
        Self::apart(ctx, program, program.dir, ctx.root.clone())
    }

    /// In a directory of the cache that has a name of its own, from other sources than the checkout.
    fn apart(ctx: &'a Context, program: &'static ProgramCrate, name: &str, root: PathBuf) -> Result<Self> {
        let mut upstream = Self::at(ctx, program, PathBuf::new(), root, cargo_home())?;
        let mut recipe = Sha256::new();
        for part in [TARGET_SPEC, &upstream.tools.versions]
            .into_iter()
            .chain(link::ARGS.iter().copied())
            .chain(upstream.flags.iter().map(String::as_str))
        {
            recipe.update(part.as_bytes());
            recipe.update([0]);
        }
        let key: String = hex(&recipe.finalize()).chars().take(12).collect();
        let all = ctx.cache.join("sbf");
        upstream.dir = all.join(format!("{key}{name}"));
        upstream.base = all.join(key);
        prune(&all, &[&upstream.base, &upstream.dir]);
        Ok(upstream)
    }

    /// In a directory of the caller's choice.
    pub fn at(
        ctx: &'a Context,
        program: &'static ProgramCrate,
        dir: PathBuf,
        root: PathBuf,
        cargo_home: Option<PathBuf>,
    ) -> Result<Self> {
        let tools = setup::sbf_tools(ctx)?;
        let flags = flags(cargo_home.as_deref());
        Ok(Self { ctx, program, tools, flags, base: dir.clone(), dir, root, cargo_home })
    }

    /// Returns the ELF, and the lock under which nobody else changes it.
    pub fn build(&self) -> Result<(PathBuf, File)> {
        let lock = self.prepare()?;
        self.forget_other_sources()?;
        run::logged(
            &mut self.cargo()?,
            &format!("Compiling the program {} to sBPF", self.program.name),
            "about 2 minutes from scratch, 20 seconds after a change",
            &self.ctx.log(&format!("program{}", self.program.dir)),
        )?;
        let file = format!("{}.so", self.program.name);
        let elf = [file.clone(), format!("lib{file}")]
            .iter()
            .map(|name| self.target().join(TARGET_NAME).join("release").join(name))
            .find(|path| path.is_file())
            .with_context(|| format!("cargo succeeded without a {file} in {}", self.target().display()))?;
        let bytes = fs::read(&elf)?;
        check_elf(&bytes)?;
        check_no_paths(&bytes, &self.root, self.cargo_home.as_deref())?;
        Ok((elf, lock))
    }

    fn target(&self) -> PathBuf {
        self.dir.join("target")
    }

    fn bin(&self) -> PathBuf {
        self.base.join("bin")
    }

    /// Lays out the target's description, the directory with LLVM alone, and the linker.
    fn prepare(&self) -> Result<File> {
        let llvm = self.base.join("llvm");
        for dir in [&llvm, &self.bin(), &self.dir] {
            fs::create_dir_all(dir).with_context(|| format!("could not create {}", dir.display()))?;
        }
        let base = locked(&self.base)?;
        let lock = if self.dir == self.base {
            base
        } else {
            let lock = locked(&self.dir)?;
            self.begin_with_base()?;
            lock
        };
        write_if_different(&self.spec(), TARGET_SPEC.as_bytes())?;
        let link = llvm.join(setup::LLVM_LIBRARY);
        if fs::read_link(&link).ok().as_deref() != Some(&self.tools.llvm_library) {
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(&self.tools.llvm_library, &link)?;
        }
        put_stand_in(&self.bin().join(link::NAME))?;
        Ok(lock)
    }

    /// What programs stand on is the same for all of them, std included, and takes longest: a first build begins with a copy
    /// of the market's.
    fn begin_with_base(&self) -> Result<()> {
        for made in ["release".to_owned(), format!("{TARGET_NAME}/release")] {
            begin_with_dependencies(&self.base.join("target").join(&made), &self.target().join(&made))?;
        }
        Ok(())
    }

    fn spec(&self) -> PathBuf {
        self.base.join(format!("{TARGET_NAME}.json"))
    }

    fn cargo(&self) -> Result<std::process::Command> {
        // What is compiled beside it takes longer, and leaves one processor idle at its end.
        let mut cargo = self.ctx.debian("nice");
        cargo.args(["-n", "5", setup::CARGO]);
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths(std::iter::once(self.bin()).chain(env::split_paths(&path)))?;
        cargo
            .current_dir(&self.root)
            .args(["build", "--release", "--lib", "--locked", "--ignore-rust-version"])
            .args(["--manifest-path", self.program.manifest])
            .args(["-Zjson-target-spec", "-Zbuild-std=std,panic_abort"])
            .args(["-Zbuild-std-features=compiler-builtins-mem", "--target"])
            .arg(self.spec())
            .arg("--target-dir")
            .arg(self.target())
            .env("PATH", path)
            .env("RUSTC", setup::RUSTC)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTC_BOOTSTRAP_SYNTHETIC_TARGET", "1")
            .env("CARGO_ENCODED_RUSTFLAGS", self.flags.join("\x1f"))
            // The program's own profile, whatever the workspace says for programs of this machine.
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
            .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
            .env("CARGO_PROFILE_RELEASE_INCREMENTAL", "false")
            // A checked 64-bit multiplication does not exist on this backend: the program checks its arithmetic itself.
            .env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "false")
            .env(link::LINKER, &self.tools.sbpf_linker)
            .env(link::LLVM_DIR, self.base.join("llvm"));
        if let Some(home) = &self.cargo_home {
            cargo.env("CARGO_HOME", home);
        }
        Ok(cargo)
    }

    /// Cargo compares file times, relative to a checkout. Checkouts share this directory, so Cargo would take an older
    /// clone for built because another checkout was built since. So compare the contents.
    fn forget_other_sources(&self) -> Result<()> {
        let stamp = self.dir.join("sources.sha256");
        let digest = self.source_digest()?;
        if fs::read_to_string(&stamp).is_ok_and(|last| last == digest) {
            return Ok(());
        }
        let _ = fs::remove_file(&stamp);
        let fingerprints = self.target().join(TARGET_NAME).join("release/.fingerprint");
        for entry in fs::read_dir(fingerprints).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with("multibus-") {
                fs::remove_dir_all(entry.path())?;
            }
        }
        fs::write(&stamp, digest)?;
        Ok(())
    }

    /// Every file the program could be made from.
    fn source_digest(&self) -> Result<String> {
        let mut digest = Sha256::new();
        for file in project_files(&self.root)? {
            let relevant = file.starts_with(self.program.sources)
                || file.starts_with(".cargo")
                || ["Cargo.toml", "Cargo.lock"].iter().any(|name| file == Path::new(name));
            if relevant {
                let contents = fs::read(self.root.join(&file)).unwrap_or_default();
                digest.update(file.to_string_lossy().as_bytes());
                digest.update((contents.len() as u64).to_le_bytes());
                digest.update(contents);
            }
        }
        Ok(hex(&digest.finalize()))
    }
}

/// The lock of a directory, which also says when it was used last.
fn locked(dir: &Path) -> Result<File> {
    let lock = File::create(dir.join("lock"))?;
    lock.set_modified(std::time::SystemTime::now())?;
    if lock.try_lock().is_err() {
        eprintln!("  Another build of the program is running; waiting for it ...");
        lock.lock()?;
    }
    Ok(lock)
}

/// Removes what was built with other tools or flags and not used for a month.
fn prune(all: &Path, current: &[&PathBuf]) {
    const MONTH: Duration = Duration::from_hours(720);
    for entry in fs::read_dir(all).into_iter().flatten().flatten() {
        let dir = entry.path();
        let used = fs::metadata(dir.join("lock")).and_then(|lock| lock.modified());
        let old = used.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > MONTH));
        if old && !current.contains(&&dir) && fs::remove_dir_all(&dir).is_ok() {
            eprintln!("  Removed {}, unused for a month", dir.display());
        }
    }
}

/// Flags for rustc. They contain only paths that are the same for every checkout of a machine, because other flags
/// rebuild std. Cargo names the workspace's own files by relative paths, so these need no remapping.
fn flags(cargo_home: Option<&Path>) -> Vec<String> {
    let mut flags: Vec<String> = [
        &format!("-Clinker={}", link::NAME),
        "-Clinker-plugin-lto",
        "-Crelocation-model=static",
        "-Zunstable-options",
        "-Cpanic=immediate-abort",
        "-Cpasses=lower-atomic",
        "-Aexplicit_builtin_cfgs_in_flags",
        "--cfg=target_os=\"solana\"",
        "--cfg=target_arch=\"xtensa\"",
        &format!("--remap-path-prefix={}=/rust", setup::RUST_SRC),
    ]
    .into_iter()
    .map(str::to_owned)
    .collect();
    if let Some(home) = cargo_home {
        flags.push(format!("--remap-path-prefix={}=/crates", home.join("registry/src").display()));
        flags.push(format!("--remap-path-prefix={}=/cargo", home.display()));
    }
    flags
}

/// A 64-bit little-endian ELF for the BPF machine, of sBPF version 3: what current validators accept.
fn check_elf(elf: &[u8]) -> Result<()> {
    const E_FLAGS: usize = 48;
    ensure!(
        elf.len() > 64 && elf.starts_with(b"\x7fELF\x02\x01"),
        "the linker wrote something that is not a 64-bit ELF"
    );
    let version = u32::from_le_bytes([elf[E_FLAGS], elf[E_FLAGS + 1], elf[E_FLAGS + 2], elf[E_FLAGS + 3]]);
    ensure!(version == 3, "the program is sBPF version {version}, and validators accept version 3");
    Ok(())
}

/// Paths of this machine inside the program would make every machine's build different.
fn check_no_paths(elf: &[u8], root: &Path, cargo_home: Option<&Path>) -> Result<()> {
    for path in [Some(root), cargo_home].into_iter().flatten() {
        let needle = path.as_os_str().as_encoded_bytes();
        ensure!(
            needle.len() < 2 || !elf.windows(needle.len()).any(|window| window == needle),
            "the program contains the path {}, so its bytes depend on this machine; \
             find what puts it there (file!(), env!(\"CARGO_MANIFEST_DIR\"), a missing --remap-path-prefix)",
            path.display()
        );
    }
    Ok(())
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf_of_version(version: u32) -> Vec<u8> {
        let mut elf = vec![0; 128];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        elf[48..52].copy_from_slice(&version.to_le_bytes());
        elf
    }

    #[test]
    fn only_sbpf_version_3_is_accepted() {
        check_elf(&elf_of_version(3)).unwrap();
        let error = check_elf(&elf_of_version(0)).unwrap_err().to_string();
        assert!(error.contains("sBPF version 0"), "{error}");
        assert!(check_elf(b"#!/bin/sh").is_err());
    }

    #[test]
    fn a_path_of_this_machine_in_the_program_is_refused() {
        let mut elf = elf_of_version(3);
        check_no_paths(&elf, Path::new("/some/checkout"), None).unwrap();
        elf.extend_from_slice(b"/some/checkout/programs/multibus/src/lib.rs");
        assert!(check_no_paths(&elf, Path::new("/some/checkout"), None).is_err());
    }

    #[test]
    fn flags_do_not_depend_on_the_checkout() {
        let flags = flags(Some(Path::new("/somewhere/cargo")));
        // Tests run in the folder of their package.
        let here = env::current_dir().unwrap();
        let root = here.parent().unwrap();
        assert!(!flags.iter().any(|flag| flag.contains(&*root.to_string_lossy())));
        assert!(flags.contains(&"--remap-path-prefix=/somewhere/cargo=/cargo".to_owned()));
    }

    #[test]
    fn only_builds_unused_for_a_month_are_removed() {
        let all = env::temp_dir().join(format!("multibus-xtask-prune-{}", std::process::id()));
        let day = Duration::from_hours(24);
        for (name, days) in [("current", 99), ("recent", 29), ("old", 31)] {
            fs::create_dir_all(all.join(name)).unwrap();
            let lock = File::create(all.join(name).join("lock")).unwrap();
            lock.set_modified(std::time::SystemTime::now() - day * days).unwrap();
        }
        prune(&all, &[&all.join("current")]);
        assert!(all.join("current").exists() && all.join("recent").exists() && !all.join("old").exists());
        fs::remove_dir_all(all).unwrap();
    }
}

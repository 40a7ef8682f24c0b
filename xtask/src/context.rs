//! Where things are, and child processes with a clean environment.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, anyhow};

/// Thousands separated, as people read sizes.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The directories every command works with.
pub struct Context {
    /// The checkout: the directory of the workspace's `Cargo.toml`.
    pub root: PathBuf,
    /// Tools built once, the program's build directories and logs. Outside the checkout, shared by all of them.
    pub cache: PathBuf,
    /// Cargo's target directory for everything that runs on this machine.
    pub target: PathBuf,
    /// Whether a continuous-integration machine runs this (`CI=true`).
    pub ci: bool,
}

impl Context {
    pub fn discover() -> Result<Self> {
        let root = find_root()?;
        let cache = match env::var_os("MULTIBUS_CACHE") {
            Some(dir) if !dir.is_empty() => std::path::absolute(dir)?,
            _ => PathBuf::from(env::var_os("HOME").context(
                "HOME is not set, so there is no ~/.cache/multibus; set MULTIBUS_CACHE to a directory for tools and logs",
            )?)
            .join(".cache/multibus"),
        };
        fs::create_dir_all(&cache).with_context(|| {
            format!("could not create {}; set MULTIBUS_CACHE to a directory you may write to", cache.display())
        })?;
        let ci = env::var("CI").is_ok_and(|value| value == "true" || value == "1");
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(dir) if !dir.is_empty() => std::path::absolute(dir)?,
            _ if ci => cache.join("target"),
            _ => root.join("target"),
        };
        Ok(Self { root, cache, target, ci })
    }

    /// Cargo compares file times, relative to a checkout. If checkouts share a target directory, Cargo would take an
    /// older clone for built because another checkout was built since. So forget the workspace's own crates.
    pub fn forget_other_checkouts(&self, target: &Path) -> Result<()> {
        let stamp = target.join("checkout");
        let root = self.root.display().to_string();
        if fs::read_to_string(&stamp).is_ok_and(|last| last == root) {
            return Ok(());
        }
        for entry in fs::read_dir(target.join("debug/.fingerprint")).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with("multibus") {
                fs::remove_dir_all(entry.path())?;
            }
        }
        fs::create_dir_all(target)?;
        fs::write(&stamp, root).with_context(|| format!("could not write {}", stamp.display()))
    }

    /// Where the compiled market is put.
    pub fn program_elf(&self) -> PathBuf {
        self.elf("multibus")
    }

    /// Where a compiled program is put, in the place Solana's tools expect it under a target directory.
    pub fn elf(&self, name: &str) -> PathBuf {
        self.target.join("deploy").join(name).with_extension("so")
    }

    /// The log of a long command, kept until the next one of the same name.
    pub fn log(&self, name: &str) -> PathBuf {
        self.cache.join("logs").join(format!("{name}.log"))
    }

    /// Cargo of the toolchain that runs xtask, in the checkout, for programs that run on this machine. Where clippy is
    /// installed, its compiler compiles the workspace's own crates, in every build: then what is linted is what is tested.
    /// Were it in some builds only, own crates would be compiled again at each change between the two.
    pub fn cargo(&self) -> Command {
        let cargo = PathBuf::from(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        let mut command = self.command(&cargo);
        command.env("CARGO_TARGET_DIR", &self.target).env("MULTIBUS_PROGRAM", self.program_elf());
        if let Some(clippy) = clippy(&cargo) {
            command.env(LINTING, clippy).env_remove("CLIPPY_ARGS");
        }
        command
    }

    /// Cargo for crates that are not the workspace's, whose lints are not its own.
    pub fn cargo_elsewhere(&self) -> Command {
        let mut command = self.cargo();
        command.env_remove(LINTING);
        command
    }

    /// A command in the checkout, without the variables that `cargo run` sets for xtask.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy();
            if set_by_cargo(&name) {
                command.env_remove(&*name);
            }
        }
        self.restore_library_path(&mut command);
        command
    }

    /// Debian's compiler, whatever toolchain runs xtask: nothing that steers a build is inherited.
    pub fn debian(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.command(program);
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy();
            if steers_a_build(&name) {
                command.env_remove(&*name);
            }
        }
        command
    }

    /// `cargo run` prepends the target directory and its toolchain's libraries to `LD_LIBRARY_PATH`.
    fn restore_library_path(&self, command: &mut Command) {
        let Some(value) = env::var_os("LD_LIBRARY_PATH") else {
            return;
        };
        let toolchains = cargo_home().and_then(|home| home.parent().map(|dir| dir.join(".rustup")));
        let rustup = env::var_os("RUSTUP_HOME").map(PathBuf::from).or(toolchains);
        let added =
            |path: &Path| path.starts_with(&self.target) || rustup.as_ref().is_some_and(|dir| path.starts_with(dir));
        let kept: Vec<_> = env::split_paths(&value).filter(|path| !added(path)).collect();
        match env::join_paths(&kept) {
            Ok(value) if !kept.is_empty() => command.env("LD_LIBRARY_PATH", value),
            _ => command.env_remove("LD_LIBRARY_PATH"),
        };
    }
}

/// Names what compiles the crates of a workspace.
const LINTING: &str = "RUSTC_WORKSPACE_WRAPPER";

/// Clippy's compiler of the same toolchain, if it is installed.
pub fn clippy(cargo: &Path) -> Option<PathBuf> {
    Some(cargo.with_file_name("clippy-driver")).filter(|path| path.is_file())
}

/// Cargo's own directory of downloaded crates.
pub fn cargo_home() -> Option<PathBuf> {
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")))
}

/// The first program of this name on PATH.
pub fn on_path(program: &str) -> Option<PathBuf> {
    all_on_path(program).into_iter().next()
}

/// Every program of this name on PATH, in its order.
pub fn all_on_path(program: &str) -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|dir| dir.join(program)).filter(|path| path.is_file()).collect()
}

/// Found at every run: several checkouts may share one binary.
fn find_root() -> Result<PathBuf> {
    if let Some(dir) = env::var_os("CARGO_MANIFEST_DIR") {
        let dir = PathBuf::from(dir);
        if dir.ends_with("xtask") {
            return Ok(dir.parent().map(Path::to_path_buf).unwrap_or(dir));
        }
    }
    let here = env::current_dir()?;
    here.ancestors()
        .find(|dir| dir.join("programs/multibus/Cargo.toml").is_file() && dir.join("Cargo.toml").is_file())
        .map(Path::to_path_buf)
        .ok_or_else(|| {
            anyhow!("{} is not inside a MultiBus checkout; change to one and run `cargo xtask` there", here.display())
        })
}

/// Variables that cargo sets for what it runs. Build scripts watch some of them: if they were inherited, crates would
/// be rebuilt for no reason.
fn set_by_cargo(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        || ["CARGO", "OUT_DIR", "RUST_RECURSION_COUNT"].contains(&name)
}

/// Variables by which a caller chooses compilers, flags and profiles.
fn steers_a_build(name: &str) -> bool {
    let network = ["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_SOURCE_", "CARGO_TERM_"];
    let cargo = name.starts_with("CARGO") && !network.iter().any(|prefix| name.starts_with(prefix));
    let rust = name.starts_with("RUSTC") || name.starts_with("RUSTFLAGS") || name.starts_with("RUSTDOC");
    cargo || rust || name == "RUSTUP_TOOLCHAIN"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(123_456_789), "123,456,789");
    }

    #[test]
    fn debian_builds_inherit_where_to_download_and_nothing_else() {
        for kept in ["CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_HTTP_PROXY", "PATH", "HTTPS_PROXY"] {
            assert!(!steers_a_build(kept), "{kept}");
        }
        for removed in [
            "CARGO",
            "CARGO_TARGET_DIR",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_PROFILE_RELEASE_LTO",
            "RUSTFLAGS",
            "RUSTC_WRAPPER",
            "RUSTC",
            "RUSTUP_TOOLCHAIN",
        ] {
            assert!(steers_a_build(removed), "{removed}");
        }
    }

    #[test]
    fn what_a_user_sets_for_cargo_survives() {
        for kept in ["CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_BUILD_JOBS", "RUSTUP_TOOLCHAIN"] {
            assert!(!set_by_cargo(kept), "{kept}");
        }
        assert!(set_by_cargo("CARGO_MANIFEST_DIR"));
    }
}

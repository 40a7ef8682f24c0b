//! Where things are on this machine. `cargo xtask` passes it in the environment, and builds the program on request.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

/// The program's sources, from the root of the checkout.
pub const PROGRAM: &str = "programs/multibus/src";

pub struct Place {
    /// The checkout.
    pub root: PathBuf,
    /// Builds and logs, shared by all checkouts.
    pub cache: PathBuf,
    /// Cargo's target directory.
    pub target: PathBuf,
    xtask: PathBuf,
    cargo: PathBuf,
}

impl Place {
    pub fn from_env() -> Result<Self> {
        let var = |name: &str| {
            env::var_os(name)
                .map(PathBuf::from)
                .with_context(|| format!("{name} is not set; run this by `cargo xtask`"))
        };
        Ok(Self {
            root: env::current_dir()?,
            cache: var("MULTIBUS_CACHE")?,
            target: var("CARGO_TARGET_DIR")?,
            xtask: var("MULTIBUS_XTASK")?,
            cargo: var("MULTIBUS_CARGO")?,
        })
    }

    /// Cargo in the checkout or a copy of it.
    pub fn cargo(&self, dir: &Path, args: &[&str]) -> Command {
        let mut cargo = Command::new(&self.cargo);
        cargo.args(args).args(["--locked", "--ignore-rust-version"]).current_dir(dir);
        cargo
    }

    /// Builds the program from a copy of the checkout. What the build prints goes to a log.
    pub fn build(&self, sources: &Path, name: &str) -> Result<PathBuf> {
        let (elf, log) = (self.elf(name), self.cache.join("logs/planted").join(format!("{name}.log")));
        fs::create_dir_all(log.parent().context("a log has a directory")?)?;
        let file = fs::File::create(&log).with_context(|| format!("could not write {}", log.display()))?;
        let status = Command::new(&self.xtask)
            .args(["build", "--tools", "upstream", "--sources"])
            .arg(sources)
            .arg("--out")
            .arg(&elf)
            .current_dir(&self.root)
            .stdout(file.try_clone()?)
            .stderr(file)
            .status()
            .context("could not start xtask")?;
        ensure!(status.success(), "the program does not build: {}", log.display());
        Ok(elf)
    }

    /// Where a changed program is put.
    pub fn elf(&self, name: &str) -> PathBuf {
        self.target.join("planted").join(format!("{name}.so"))
    }
}

/// The files of the project that git tracks or would track, from its root.
pub fn project_files(root: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("could not start git")?;
    ensure!(output.status.success(), "git lists no files in {}; is it a clone?", root.display());
    let list = String::from_utf8(output.stdout)?;
    let files = list.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
    Ok(files.filter(|file| root.join(file).is_file()).collect())
}

/// Writes a file unless it has these bytes already, so that Cargo does not compile it again.
pub fn write_if_different(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    fs::write(path, bytes).with_context(|| format!("could not write {}", path.display()))
}

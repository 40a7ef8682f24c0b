//! Packages of npm, as a lock file names them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    context::{Context, on_path},
    run, sbf,
};

/// Installs what the `package-lock.json` in a directory names, unless it is installed.
pub fn install(ctx: &Context, dir: &Path) -> Result<()> {
    let lock = dir.join("package-lock.json");
    let wanted = sbf::sha256(&fs::read(&lock).with_context(|| format!("could not read {}", lock.display()))?);
    let stamp = dir.join("node_modules/.multibus-lock.sha256");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    if on_path("npm").is_none() || on_path("node").is_none() {
        bail!("{} needs Node with npm, and there is none on PATH; install Node 20 or newer", dir.display());
    }
    let shown = dir.strip_prefix(&ctx.root).map_or_else(|_| PathBuf::from(dir), Path::to_path_buf);
    let mut ci = ctx.command("npm");
    ci.current_dir(dir).args(["ci", "--no-audit", "--no-fund"]);
    let what = format!("Installing the npm packages of {}", shown.display());
    run::logged(&mut ci, &what, "about 15 seconds", &ctx.log("npm")).with_context(|| {
        format!("could not install the packages of {}; check the network and try again", shown.display())
    })?;
    fs::write(&stamp, wanted).with_context(|| format!("could not write {}", stamp.display()))
}

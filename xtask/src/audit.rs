//! Checks the dependencies against `deny.toml`: licences, sources, duplicates and advisories. Works offline on the lock
//! files; only advisories must be fetched.

use std::{collections::BTreeMap, env, fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::{
    context::{Context, on_path},
    run, setup,
};

/// Lock files of npm, below the checkout.
const NPM_LOCKS: [&str; 2] = ["app/package-lock.json", "app/codegen/package-lock.json"];
/// Licences of npm packages: of what the app's pages contain, and of what builds, tests and generates them.
const NPM_LICENCES: [&str; 13] = [
    "MIT",
    "Apache-2.0",
    "ISC",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "0BSD",
    "BlueOak-1.0.0",
    "OFL-1.1",
    "MPL-2.0",
    // Licences of tools that check the app. Nothing of them is in its pages.
    "CC-BY-4.0",
    "CC0-1.0",
    "Python-2.0",
    "Public Domain",
];

/// Audits if cargo-deny is installed; otherwise says what is left out.
pub fn where_installed(ctx: &Context) -> Result<()> {
    match setup::find_cargo_deny(ctx) {
        Some(cargo_deny) => audit_with(ctx, cargo_deny, false),
        None => {
            println!(
                "cargo-deny is not installed: `cargo xtask audit` builds it once (about 5 minutes) and audits with it."
            );
            npm_licences(ctx)
        }
    }
}

/// Audits. `online` fetches the databases of advisories, which need more than the package registries.
pub fn audit(ctx: &Context, online: bool) -> Result<()> {
    let cargo_deny = setup::cargo_deny(ctx)?;
    audit_with(ctx, cargo_deny, online)
}

fn audit_with(ctx: &Context, cargo_deny: PathBuf, online: bool) -> Result<()> {
    let deny = |before: &[&str], after: &[&str]| {
        let mut command = ctx.command(&cargo_deny);
        command.current_dir(&ctx.root).args(["--manifest-path", "Cargo.toml", "--locked"]).args(before);
        command.arg("check").args(after);
        command
    };
    let check = |mut command: Command, holds: &str| -> Result<()> {
        let output = command.output().with_context(|| format!("could not run {}", run::shown(&command)))?;
        if !output.status.success() {
            bail!("{}\n{}", String::from_utf8_lossy(&output.stderr).trim_end(), run::shown(&command));
        }
        println!("{holds}");
        Ok(())
    };
    // It reads the manifests of every crate in the lock file, even those that only other systems compile.
    run::logged(
        ctx.cargo().args(["fetch", "--locked"]),
        "Downloading what only other systems compile",
        "about 1 minute once, 100 MB",
        &ctx.log("audit-fetch"),
    )?;
    let lock = read(ctx, "Cargo.lock")?;
    let crates = lock.lines().filter(|line| *line == "[[package]]").count();
    // With all features, as in the lock file.
    check(
        deny(&["--offline", "--all-features"], &["licenses", "sources"]),
        &format!(
            "licences    {crates} crates in Cargo.lock; those compiled here are under licences that deny.toml allows\n\
             sources     all from the one crate registry"
        ),
    )?;
    let explained =
        read(ctx, "deny.toml")?.lines().filter(|line| line.contains("crate = ") && line.contains("reason")).count();
    check(
        deny(&["--offline"], &["-D", "unmatched-skip", "-D", "unnecessary-skip", "bans"]),
        &format!("duplicates  {explained} crates come in an older version as well, each explained in deny.toml"),
    )?;
    npm_licences(ctx)?;
    if online {
        check(deny(&["--all-features"], &["advisories"]), "advisories  none that deny.toml does not explain")?;
        return npm_advisories(ctx);
    }
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
    let fetched =
        home.is_some_and(|home| fs::read_dir(home.join("advisory-dbs")).is_ok_and(|mut found| found.next().is_some()));
    if fetched {
        check(
            deny(&["--offline", "--all-features"], &["advisories"]),
            "advisories  none that deny.toml does not explain, as far as the database here knows",
        )?;
    } else {
        println!("advisories  LEFT OUT: no database is on this machine, and no package registry has one");
    }
    println!(
        "            `cargo xtask audit --online` fetches RustSec's from GitHub, and asks npm's about the web app"
    );
    Ok(())
}

fn read(ctx: &Context, path: &str) -> Result<String> {
    fs::read_to_string(ctx.root.join(path)).with_context(|| format!("could not read {path}"))
}

/// The licences that npm's lock files name, each with how many packages are under it.
fn npm_licences(ctx: &Context) -> Result<()> {
    let mut licences: BTreeMap<String, usize> = BTreeMap::new();
    for path in NPM_LOCKS {
        for line in read(ctx, path)?.lines() {
            let field = line.trim().strip_prefix("\"license\": \"");
            if let Some(licence) = field.and_then(|rest| rest.trim_end_matches(',').strip_suffix('"')) {
                *licences.entry(licence.to_owned()).or_default() += 1;
            }
        }
    }
    if licences.is_empty() {
        bail!("{} name no licences; make them with npm 7 or newer", NPM_LOCKS.join(" and "));
    }
    if let Some(unknown) = licences.keys().find(|licence| !NPM_LICENCES.contains(&licence.as_str())) {
        bail!("a package of npm is under {unknown:?}; see whether it may be used, and name it in xtask/src/audit.rs");
    }
    let list: Vec<_> = licences.iter().map(|(licence, count)| format!("{licence} {count}")).collect();
    println!("npm         licences: {}", list.join(", "));
    Ok(())
}

/// Advisories of npm's registry for the packages.
fn npm_advisories(ctx: &Context) -> Result<()> {
    if on_path("npm").is_none() {
        bail!("npm's advisories need npm, and there is none on PATH; install Node 20 or newer");
    }
    for path in NPM_LOCKS {
        let folder = ctx.root.join(path).parent().map(PathBuf::from).unwrap_or_default();
        let mut audit = ctx.command("npm");
        run::live(audit.current_dir(folder).args(["audit", "--package-lock-only"])).with_context(|| {
            format!("npm's audit of {path} found something, or its registry does not offer audits; see above")
        })?;
    }
    println!("npm         no advisories");
    Ok(())
}

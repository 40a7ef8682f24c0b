//! Checks of the published crates: their documentation, their packages, and the command line that is installed out of them.
//!
//! The embedded chain executes the compiled program. Its ELF is no file of the repository, where each change of the program
//! would add another: it is put into the client's package when that is made, and `client/build.rs` finds it there.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    context::{Context, grouped, on_path},
    files::{self, begin_with_dependencies},
    run, rustdoc,
    sbf::{self, Tools, Upstream},
};

/// The crates that can be published, in the order of their dependencies, with what their packages must contain.
const CRATES: [(&str, &[&str]); 4] = [
    ("multibus", &["Cargo.toml", "README.md", "src/lib.rs", "src/instructions/purchase.rs"]),
    ("multibus-client", &["Cargo.toml", "README.md", "src/lib.rs", "examples/create_bus.rs", "build.rs", PROGRAM]),
    ("multibus-replay", &["Cargo.toml", "README.md", "src/lib.rs", "src/report.css"]),
    (CLI, &["Cargo.toml", "Cargo.lock", "README.md", "src/main.rs"]),
];
const CLIENT: &str = "multibus-client";
const CLI: &str = "multibus-cli";
/// Where the client's crate keeps the program, below its directory.
const PROGRAM: &str = "program/multibus.so";

/// The published crates that are libraries.
fn libraries() -> impl Iterator<Item = &'static str> {
    CRATES.iter().map(|(name, _)| *name).filter(|name| *name != CLI)
}

/// Writes the documentation of the published libraries.
pub fn docs(ctx: &Context) -> Result<()> {
    let libraries: Vec<_> = libraries().map(|name| name.replace('-', "_")).collect();
    for page in rustdoc::pages(ctx, &libraries)? {
        println!("{}", page.display());
    }
    Ok(())
}

/// Packs the published crates, installs the command line out of the packages, and buys with it in an empty folder.
pub fn packages(ctx: &Context, tools: Tools) -> Result<()> {
    let hash = provide_program(ctx, tools)?;
    let version = pack(ctx)?;
    check_release(ctx, &version)?;

    let dir = ctx.cache.join("install");
    fs::create_dir_all(&dir).with_context(|| format!("could not create {}", dir.display()))?;
    let lock = File::create(dir.join("lock"))?;
    if lock.try_lock().is_err() {
        eprintln!("  Another checkout installs the packed command line; waiting for it ...");
        lock.lock()?;
    }
    for (name, wanted) in CRATES {
        unpack(ctx, &dir, name, &version, wanted)?;
    }
    let packed = fs::read(package(&dir, CLIENT, &version).join(PROGRAM))?;
    ensure!(sbf::sha256(&packed) == hash, "the packed program is another than the one that was built");
    println!("the packed program: {} bytes, sha256 {hash}", grouped(packed.len() as u64));

    let binary = install(ctx, &dir, &version)?;
    purchase(&binary)?;
    semver(ctx)
}

/// Puts the program that the upstream tools make of the present sources into the client's crate; returns its hash.
fn provide_program(ctx: &Context, tools: Tools) -> Result<String> {
    let tested = sbf::build(ctx, tools)?;
    let packed = ctx.root.join("client").join(PROGRAM);
    if tools.chosen(ctx)? != Tools::Platform {
        files::copy_if_different(&tested.path, &packed)?;
        return Ok(tested.sha256);
    }
    let (elf, _lock) = Upstream::new(ctx, sbf::MARKET)?.build()?;
    files::copy_if_different(&elf, &packed)?;
    println!(
        "The other checks run on the build of Solana's tools, sha256 {}. What is packed is the build",
        tested.sha256
    );
    println!("of the upstream tools. Two compilers never make the same bytes.");
    Ok(sbf::sha256(&fs::read(&elf)?))
}

/// Makes the packages; fails on Cargo's warnings. Returns their version.
fn pack(ctx: &Context) -> Result<String> {
    let mut fetch = ctx.cargo();
    fetch.args(["fetch", "--locked", "--target"]).arg(format!("{}-unknown-linux-gnu", env::consts::ARCH));
    run::logged(&mut fetch, "Fetching crates", "less than a minute", &ctx.log("fetch"))?;
    let mut package = ctx.cargo();
    package.args(["package", "--no-verify", "--allow-dirty", "--locked", "--offline"]);
    for (name, _) in CRATES {
        package.args(["--package", name]);
    }
    let output = package.output().context("could not start cargo")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{}` failed: {said}", run::shown(&package));
    ensure!(!said.contains("warning:"), "a package is not complete: {said}");

    let mut metadata = ctx.cargo();
    let metadata = run::output(metadata.args(["metadata", "--no-deps", "--format-version", "1", "--offline"]));
    let metadata: serde_json::Value = serde_json::from_str(&metadata.context("`cargo metadata` fails")?)?;
    let mut packages = metadata["packages"].as_array().into_iter().flatten();
    let version = packages.find(|package| package["name"] == CLI).and_then(|package| package["version"].as_str());
    version.map(str::to_owned).with_context(|| format!("`cargo metadata` names no version of {CLI}"))
}

/// The changelog knows the version, and the oldest Rust that the crates name is the one that continuous integration has.
fn check_release(ctx: &Context, version: &str) -> Result<()> {
    let changelog = fs::read_to_string(ctx.root.join("CHANGELOG.md"))?;
    ensure!(
        changelog.contains("## [Unreleased]") && changelog.contains(&format!("## [{version}]")),
        "CHANGELOG.md has no section for version {version}, or none for what comes next"
    );
    let manifest = fs::read_to_string(ctx.root.join("Cargo.toml"))?;
    let oldest = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).context("no rust-version")?;
    let container = format!("rust:{}-", oldest.trim_matches('"'));
    let workflow = ".github/workflows/check.yml";
    ensure!(
        fs::read_to_string(ctx.root.join(workflow))?.contains(&container),
        "the crates promise Rust {oldest}, and {workflow} does not test in the container {container}..."
    );
    Ok(())
}

/// Where a package is unpacked.
fn package(dir: &Path, name: &str, version: &str) -> PathBuf {
    dir.join("packages").join(format!("{name}-{version}"))
}

/// Unpacks a package. Files that are the same keep their time, so that Cargo compiles nothing twice.
fn unpack(ctx: &Context, dir: &Path, name: &str, version: &str, wanted: &[&str]) -> Result<()> {
    let archive = ctx.target.join("package").join(format!("{name}-{version}.crate"));
    let fresh = dir.join("fresh");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    fs::create_dir_all(&fresh)?;
    let mut tar = ctx.command("tar");
    run::live(tar.arg("-xzf").arg(&archive).arg("-C").arg(&fresh))?;
    let (from, to) = (fresh.join(format!("{name}-{version}")), package(dir, name, version));
    let (files, before) = (files_below(&from)?, files_below(&to).unwrap_or_default());
    for file in wanted {
        ensure!(files.iter().any(|path| path == Path::new(file)), "the package of {name} lacks {file}");
    }
    for file in &files {
        let mut bytes = fs::read(from.join(file))?;
        if name == CLI && file == Path::new("Cargo.lock") {
            bytes = without_registry(&String::from_utf8(bytes)?).into_bytes();
        }
        files::write_if_different(&to.join(file), &bytes)?;
    }
    for file in before.iter().filter(|file| !files.contains(file)) {
        fs::remove_file(to.join(file))?;
    }
    fs::remove_dir_all(&fresh)?;
    println!("{name}: {} files, {} bytes packed", files.len(), grouped(fs::metadata(&archive)?.len()));
    Ok(())
}

/// Every file below a directory, relative to it.
fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let (mut files, mut left) = (Vec::new(), vec![dir.to_path_buf()]);
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                left.push(path);
            } else {
                files.push(path.strip_prefix(dir)?.to_path_buf());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The lock file of a package, with the market's own crates as local ones: they are not in the registry yet.
fn without_registry(lock: &str) -> String {
    let own = |entry: &str| CRATES.iter().any(|(name, _)| entry.contains(&format!("\nname = \"{name}\"\n")));
    let entries = lock.split("\n\n").map(|entry| {
        if !own(entry) {
            return entry.to_owned();
        }
        let is_kept = |line: &&str| !line.starts_with("source = ") && !line.starts_with("checksum = ");
        entry.lines().filter(is_kept).collect::<Vec<_>>().join("\n")
    });
    let mut text = entries.collect::<Vec<_>>().join("\n\n");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// `cargo install`s the command line out of the unpacked packages alone, with the versions that its package locks.
fn install(ctx: &Context, dir: &Path, version: &str) -> Result<PathBuf> {
    let local = libraries().map(|name| {
        let path = package(dir, name, version).display().to_string();
        format!("{name} = {{ path = {path:?} }}\n")
    });
    // As the workspace compiles, so that what both need is compiled once.
    let workspace = fs::read_to_string(ctx.root.join("Cargo.toml"))?;
    let profile = workspace.find("[profile.dev]").context("Cargo.toml has no profile `dev`")?;
    let config = format!("[patch.crates-io]\n{}\n{}", local.collect::<String>(), &workspace[profile..]);
    let config_file = dir.join("config.toml");
    files::write_if_different(&config_file, config.as_bytes())?;

    let (root, target) = (dir.join("root"), dir.join("target"));
    begin_with_dependencies(&ctx.target.join("debug"), &target.join("debug"))?;
    let mut install = ctx.cargo_elsewhere();
    install
        .current_dir(dir)
        .args([
            "install",
            "--debug",
            "--locked",
            "--offline",
            "--ignore-rust-version",
            "--no-track",
            "--force",
            "--path",
        ])
        .arg(package(dir, CLI, version))
        .arg("--config")
        .arg(&config_file)
        .arg("--root")
        .arg(&root)
        .env("CARGO_TARGET_DIR", target)
        // As everywhere in this repository, whose configuration is not read from that folder.
        .env("OPENSSL_NO_VENDOR", "1")
        .env_remove("MULTIBUS_PROGRAM");
    run::logged(
        &mut install,
        "Installing the command line out of its package",
        "about 5 minutes from scratch on two cores, seconds when nothing changed",
        &ctx.log("install"),
    )?;
    Ok(root.join("bin/multibus"))
}

/// Buys with an installed command line in an empty folder: with no checkout near, no setting, and a home of its own.
fn purchase(binary: &Path) -> Result<()> {
    let dir = env::temp_dir().join(format!("multibus-installed-{}", std::process::id()));
    fs::create_dir_all(&dir)?;
    let result = purchase_in(&dir, binary);
    fs::remove_dir_all(&dir)?;
    result
}

fn purchase_in(dir: &Path, binary: &Path) -> Result<()> {
    let own = dir.join("multibus");
    fs::copy(binary, &own).with_context(|| format!("could not copy {}", binary.display()))?;
    let run = |arguments: &str| -> Result<String> {
        let mut command = Command::new(&own);
        command.env_clear().env("HOME", dir).env("MULTIBUS_URL", "embedded:village.chain");
        let output = command.current_dir(dir).args(arguments.split(' ')).stdin(Stdio::null()).output()?;
        let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
        ensure!(
            output.status.success(),
            "`multibus {arguments}` failed in an empty folder: {} {}",
            text(&output.stdout),
            text(&output.stderr)
        );
        Ok(text(&output.stdout))
    };
    run("local wallet alice.json")?;
    let bob = run("-q local wallet bob.json")?;
    run("-k alice.json local fund")?;
    let token = run("-k alice.json -q local mint")?;
    run(&format!("-k alice.json local fund {bob} --mint {token} --amount 100tokens"))?;
    let bus = run(&format!(
        "-k alice.json -q bus create --name Street --mint {token} --capacity 50kWh --base-price 0.10tokens"
    ))?;
    run(&format!("-k alice.json -q offer create {bus} --energy 2kWh --price 0.20tokens --source solar"))?;
    let hash = run(&format!("-k bob.json -q buy {bus} --energy 1.5kWh --max-total 0.30tokens"))?;
    let verified = run(&format!("tx verify {hash}"))?;
    println!("The installed command line bought 1.5 kWh in an empty folder:\n{verified}");
    Ok(())
}

/// Compares the libraries' interfaces with those of the last release, if there is one.
fn semver(ctx: &Context) -> Result<()> {
    let mut git = ctx.command("git");
    let tags = run::output(git.args(["tag", "--list", "v*", "--sort=-version:refname"])).unwrap_or_default();
    let Some(tag) = tags.lines().next() else {
        println!("No release is tagged, so there is no interface to compare with.");
        return Ok(());
    };
    if on_path("cargo-semver-checks").is_none() {
        bail!("{tag} is a release; `cargo install cargo-semver-checks --locked` installs what compares with it");
    }
    let mut check = ctx.cargo();
    check.args(["semver-checks", "--baseline-rev", tag]);
    for name in libraries() {
        check.args(["--package", name]);
    }
    run::live(&mut check).with_context(|| format!("an interface broke with {tag}; the next version must say so"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_markets_own_crates_lose_their_registry() {
        let other = "[[package]]\nname = \"clap\"\nversion = \"4.6.1\"\nsource = \"registry\"\nchecksum = \"ab\"";
        let own =
            "[[package]]\nname = \"multibus-client\"\nversion = \"0.1.0\"\nsource = \"registry\"\nchecksum = \"cd\"";
        let expected = format!("{other}\n\n[[package]]\nname = \"multibus-client\"\nversion = \"0.1.0\"\n");
        assert_eq!(without_registry(&format!("{other}\n\n{own}\n")), expected);
    }
}

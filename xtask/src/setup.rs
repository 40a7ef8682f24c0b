//! Finds or installs what the commands need.
//!
//! To build the program: Debian's packages of a Rust compiler with its matching library source and LLVM 22, and
//! `sbpf-linker` from the crate registry. To run it on Agave: `solana-test-validator`, from PATH or the crate registry.
//! Finding them takes milliseconds, so every command that needs them looks first.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    context::{Context, on_path},
    run,
};

pub const RUSTC: &str = "/usr/bin/rustc";
pub const CARGO: &str = "/usr/bin/cargo";
/// Where Debian's compiler looks for the standard library's source.
pub const RUST_SRC: &str = "/usr/lib/rustlib/src/rust";
/// The library that both Debian's compiler and `sbpf-linker` use.
pub const LLVM_LIBRARY: &str = "libLLVM.so.22.1";
pub const LINKER_VERSION: &str = "0.2.6";
/// The newest that builds from the registry alone.
pub const VALIDATOR_VERSION: &str = "4.2.2";

/// The compiler's packages must be of one version: the library source belongs to its compiler.
const PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "libllvm22"];
/// What the validator's crates need to compile.
const VALIDATOR_PACKAGES: [&str; 7] =
    ["libclang1-22", "libclang-22-dev", "protobuf-compiler", "libudev-dev", "pkg-config", "cmake", "libssl-dev"];
/// OpenSSL, which the embedded chain links. Compiling it from source instead takes minutes; see `.cargo/config.toml`.
const LIBRARY_PACKAGES: [&str; 2] = ["libssl-dev", "pkg-config"];
/// Where libclang1-22 puts its library.
const LIBCLANG: &str = "/usr/lib/llvm-22/lib";
/// The oldest compiler the recipe works with.
const OLDEST: (u32, u32) = (1, 96);

/// The tools of the program's build.
pub struct SbfTools {
    pub sbpf_linker: PathBuf,
    pub llvm_library: PathBuf,
    /// Names the versions of all of them.
    pub versions: String,
}

/// Installs the libraries that this repository's commands and tests link, where they are missing. It may ask for a password.
pub fn libraries(ctx: &Context) -> Result<()> {
    let is_there = || run::output(ctx.command("pkg-config").args(["--modversion", "openssl"])).is_some();
    if is_there() {
        return Ok(());
    }
    install_packages(ctx, &LIBRARY_PACKAGES, "what the embedded chain links", "about 10 seconds, 15 MB")?;
    if !is_there() {
        bail!(
            "the packages {} are installed, and pkg-config still finds no OpenSSL; \
             `apt-get install --reinstall {}` may repair them",
            LIBRARY_PACKAGES.join(" and "),
            LIBRARY_PACKAGES.join(" ")
        );
    }
    Ok(())
}

/// Asks for the right to install the Debian packages of the program's build, where it is needed and missing. It may ask for a
/// password, and other work can begin after it.
pub fn ask_for_sbf_packages(ctx: &Context) -> Result<()> {
    if debian_packages(ctx).is_ok() {
        return Ok(());
    }
    ask_to_install(&PACKAGES).map(drop)
}

/// Installs the Debian packages of the program's build that are missing. It may ask for a password.
fn sbf_packages(ctx: &Context) -> Result<()> {
    if let Err(missing) = debian_packages(ctx) {
        eprintln!("The program's compiler is not complete: {missing}.");
        install_packages(ctx, &PACKAGES, "the compiler of the program", "about 1 minute, 150 MB").context(
            "no compiler for the program; Solana's own, with `--tools platform`, is the other way to have one",
        )?;
        if let Err(missing) = debian_packages(ctx) {
            bail!(
                "the packages {} are installed, and still {missing}; \
                 `apt-get install --reinstall {}` may repair them",
                PACKAGES.join(", "),
                PACKAGES.join(" ")
            );
        }
    }
    Ok(())
}

/// Finds the tools of the program's build, after installing what is missing.
pub fn sbf_tools(ctx: &Context) -> Result<SbfTools> {
    sbf_packages(ctx)?;
    let sbpf_linker = SBPF_LINKER.install(ctx)?;
    let versions = format!(
        "{}\n{}\nsbpf-linker {LINKER_VERSION}",
        run::output(ctx.debian(RUSTC).arg("-vV")).unwrap_or_default(),
        run::output(ctx.debian(CARGO).arg("-V")).unwrap_or_default(),
    );
    Ok(SbfTools { sbpf_linker, llvm_library: llvm_library(), versions })
}

fn llvm_library() -> PathBuf {
    Path::new("/usr/lib").join(format!("{}-linux-gnu", env::consts::ARCH)).join(LLVM_LIBRARY)
}

/// Says what is missing, as the end of a sentence.
fn debian_packages(ctx: &Context) -> Result<(), String> {
    for path in [RUSTC, CARGO] {
        if !Path::new(path).exists() {
            return Err(format!("there is no {path}"));
        }
    }
    let llvm = llvm_library();
    if !llvm.exists() {
        return Err(format!("there is no {}", llvm.display()));
    }
    if !Path::new(RUST_SRC).join("library/std/Cargo.toml").exists() {
        return Err(format!("there is no standard library source in {RUST_SRC}"));
    }
    let version = run::output(ctx.debian(RUSTC).arg("-V")).unwrap_or_default();
    match parse_version(&version) {
        Some(found) if found >= OLDEST => Ok(()),
        _ => Err(format!("{RUSTC} is \"{version}\", and {}.{} or newer is needed", OLDEST.0, OLDEST.1)),
    }
}

/// `rustc 1.96.0 (...)` as (1, 96).
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Agave's test validator: the one on PATH, else one in the cache, which is built if it is missing.
pub fn validator(ctx: &Context) -> Result<PathBuf> {
    match find_validator(ctx) {
        Some(found) => Ok(found),
        None => {
            if !VALIDATOR_PACKAGES.iter().all(|package| is_installed(ctx, package)) {
                install_packages(
                    ctx,
                    &VALIDATOR_PACKAGES,
                    "what the validator is built with",
                    "about 2 minutes, 600 MB",
                )?;
            }
            VALIDATOR.install(ctx)
        }
    }
}

/// The Anchor CLI, built if it is missing.
pub fn anchor(ctx: &Context) -> Result<PathBuf> {
    ANCHOR.install(ctx)
}

/// The Anchor CLI, if it was built already.
pub fn find_anchor(ctx: &Context) -> Option<PathBuf> {
    ANCHOR.is_current(ctx).then(|| ANCHOR.path(ctx))
}

/// cargo-deny, built if it is missing.
pub fn cargo_deny(ctx: &Context) -> Result<PathBuf> {
    CARGO_DENY.install(ctx)
}

/// cargo-deny, if it was built already.
pub fn find_cargo_deny(ctx: &Context) -> Option<PathBuf> {
    CARGO_DENY.is_current(ctx).then(|| CARGO_DENY.path(ctx))
}

/// The validator, if it is installed.
pub fn find_validator(ctx: &Context) -> Option<PathBuf> {
    on_path(VALIDATOR.binary).or_else(|| VALIDATOR.is_current(ctx).then(|| VALIDATOR.path(ctx)))
}

/// Finds the browsers of the web app's tests, which `app/e2e/browser.ts` names; installs them if one is missing.
pub fn chromium(ctx: &Context) -> Result<()> {
    const PACKAGES: [&str; 3] = ["chromium", "chromium-headless-shell", "fonts-dejavu-core"];
    if PACKAGES.iter().all(|package| is_installed(ctx, package)) {
        return Ok(());
    }
    install_packages(ctx, &PACKAGES, "the browsers of the web app's tests", "about 1 minute, 370 MB")
}

/// Debian's valgrind.
pub fn valgrind(ctx: &Context) -> Result<PathBuf> {
    if let Some(found) = on_path("valgrind") {
        return Ok(found);
    }
    install_packages(ctx, &["valgrind"], "what watches the memory of unit tests", "about 1 minute, 150 MB")?;
    on_path("valgrind")
        .context("valgrind is installed and not on PATH; `apt-get install --reinstall valgrind` may help")
}

fn is_installed(ctx: &Context, package: &str) -> bool {
    let status = run::output(ctx.command("dpkg-query").args(["-W", "-f", "${Status}", package]));
    status.is_some_and(|status| status == "install ok installed")
}

/// What installs packages where this program may not.
fn by_hand(packages: &[&str]) -> String {
    format!("apt-get update && apt-get install -y --no-install-recommends {}", packages.join(" "))
}

/// Makes sure that packages may be installed, by root or with sudo, which may ask for a password. Returns whether by root.
fn ask_to_install(packages: &[&str]) -> Result<bool> {
    let root = run::output(Command::new("id").arg("-u")).is_some_and(|id| id == "0");
    if !root {
        let by_hand = by_hand(packages);
        if on_path("sudo").is_none() {
            bail!("installing Debian packages needs root, and there is no sudo; run as root: {by_hand}");
        }
        eprintln!("  sudo is asked for the right to install {}", packages.join(" "));
        run::live(Command::new("sudo").arg("-v")).with_context(|| format!("run as root: {by_hand}"))?;
    }
    Ok(root)
}

/// Installs Debian packages; `what` says what they are.
fn install_packages(ctx: &Context, packages: &[&str], what: &str, expect: &str) -> Result<()> {
    let (list, by_hand) = (packages.join(" "), by_hand(packages));
    if on_path("apt-get").is_none() {
        bail!(
            "{what} comes from Debian 12's security suite ({list}), and this system has no apt-get. \
             Use Debian 12 (a container will do)"
        );
    }
    let root = ask_to_install(packages)?;
    let apt = |args: &[&str]| {
        let mut command = ctx.command(if root { "env" } else { "sudo" });
        if !root {
            command.arg("env");
        }
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300"]).args(args);
        command
    };
    let log = ctx.log("apt");
    let known = packages
        .iter()
        .all(|package| run::output(Command::new("apt-cache").args(["show", "--no-all-versions", package])).is_some());
    let update =
        || run::logged(&mut apt(&["update"]), "Updating the lists of Debian packages", "about 10 seconds", &log);
    let mut install = apt(&["install", "-y", "--no-install-recommends"]);
    install.args(packages);
    let doing = format!("Installing the Debian packages {}", packages.join(", "));
    let mut once = || run::logged(&mut install, &doing, expect, &log);
    let result = if known && once().is_ok() {
        Ok(())
    } else {
        // Stale package lists name versions that the mirrors no longer have.
        update().and_then(|_| once()).map(drop)
    };
    result.with_context(|| {
        format!(
            "could not install {what}. It is in Debian 12's security suite (bookworm-security): check \
             that apt knows it and that the network is up, then run as root: {by_hand}"
        )
    })
}

/// A program from the crate registry, built once for this machine.
struct Tool {
    package: &'static str,
    binary: &'static str,
    version: &'static str,
    expect: &'static str,
    /// How far it is optimised: what runs for seconds need not be.
    opt_level: &'static str,
}

const SBPF_LINKER: Tool = Tool {
    package: "sbpf-linker",
    binary: "sbpf-linker",
    version: LINKER_VERSION,
    expect: "about 1 minute on two cores",
    opt_level: "0",
};

const VALIDATOR: Tool = Tool {
    package: "agave-validator",
    binary: "solana-test-validator",
    version: VALIDATOR_VERSION,
    expect: "about 25 minutes on two cores",
    opt_level: "1",
};

/// Of the same release as `anchor-lang` in the workspace.
const ANCHOR: Tool = Tool {
    package: "anchor-cli",
    binary: "anchor",
    version: "2.0.0-rc.2",
    expect: "about 8 minutes on two cores",
    opt_level: "1",
};

const CARGO_DENY: Tool = Tool {
    package: "cargo-deny",
    binary: "cargo-deny",
    version: "0.20.2",
    expect: "about 5 minutes on two cores",
    opt_level: "1",
};

impl Tool {
    fn path(&self, ctx: &Context) -> PathBuf {
        ctx.cache.join("tools/bin").join(self.binary)
    }

    fn is_current(&self, ctx: &Context) -> bool {
        let installed = std::fs::read_to_string(ctx.cache.join("tools/.crates.toml")).unwrap_or_default();
        self.path(ctx).is_file() && installed.contains(&format!("\"{} {} ", self.package, self.version))
    }

    /// Its binary, which is built if it is missing.
    fn install(&self, ctx: &Context) -> Result<PathBuf> {
        if self.is_current(ctx) {
            return Ok(self.path(ctx));
        }
        let Self { package, binary, version, expect, opt_level } = self;
        let tools = ctx.cache.join("tools");
        let build = ctx.cache.join("build").join(package);
        let mut install = ctx.cargo_elsewhere();
        install
            .args(["install", package, "--version", version, "--locked", "--ignore-rust-version"])
            .args(["--bin", binary, "--root"])
            .arg(&tools)
            // Kept until it is done, so that an interrupted installation continues where it stopped.
            .env("CARGO_TARGET_DIR", &build)
            .env("LIBCLANG_PATH", LIBCLANG)
            // Compile fast: its speed does not matter.
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", opt_level)
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
            .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        run::logged(
            &mut install,
            &format!("Building {binary} {version}, once for this machine"),
            expect,
            &ctx.log(package),
        )
        .with_context(|| {
            format!(
                "could not install {binary}; check the network and try again, or by hand: \
                 cargo install {package} --version {version} --locked --bin {binary} --root {}",
                tools.display()
            )
        })?;
        let _ = std::fs::remove_dir_all(build);
        Ok(self.path(ctx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(parse_version("rustc 1.96.0 (ac68faa20 2026-05-25)"), Some((1, 96)));
        assert!(parse_version("rustc 1.100.0") > Some(OLDEST));
        assert!(parse_version("rustc 1.63.0") < Some(OLDEST));
        assert_eq!(parse_version(""), None);
    }
}

//! The program's IDL and the TypeScript client that is generated from it.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    context::Context,
    demo,
    generated::{self, Files},
    npm, reference, run,
    tally::{Tally, run_tests},
};

/// Where the IDL is checked in.
const IDL_DIR: &str = "idl";
const IDL_FILE: &str = "multibus.json";
/// The same for people, beside it.
const PAGE: &str = "README.md";
/// The generator of the TypeScript client, an npm package of its own.
const CODEGEN: &str = "app/codegen";
/// Where the TypeScript client is checked in.
const CLIENT: &str = "app/src/generated";

/// Writes `idl/multibus.json` and its page for people, or with `check` compares both with what the program's sources say.
pub fn idl(ctx: &Context, check: bool) -> Result<()> {
    let idl = build(ctx)?;
    let constants = fs::read_to_string(ctx.root.join(reference::CONSTANTS))
        .with_context(|| format!("could not read {}", reference::CONSTANTS))?;
    let page = reference::page(&idl, &constants)?.into_bytes();
    let made = Files::from([(PathBuf::from(IDL_FILE), idl), (PathBuf::from(PAGE), page)]);
    generated::settle(&ctx.root.join(IDL_DIR), IDL_DIR, &made, check, "cargo xtask idl")
}

/// Writes `app/src/generated`, or with `check` compares it with what the checked-in IDL says.
pub fn client_ts(ctx: &Context, check: bool) -> Result<()> {
    let codegen = ctx.root.join(CODEGEN);
    npm::install(ctx, &codegen)?;
    let out = ctx.target.join("client-ts");
    if out.exists() {
        fs::remove_dir_all(&out).with_context(|| format!("could not clear {}", out.display()))?;
    }
    let mut generate = ctx.command("node");
    generate.arg(codegen.join("generate.mjs")).arg(ctx.root.join(IDL_DIR).join(IDL_FILE)).arg(&out);
    run::logged(&mut generate, "Generating the TypeScript client", "about 5 seconds", &ctx.log("client-ts"))?;
    let made = generated::read_dir(&out)?;
    generated::settle(&ctx.root.join(CLIENT), CLIENT, &made, check, "cargo xtask client-ts")
}

/// Records the bytes that the Rust client makes in `client/tests/golden.json`. The tests of both clients compare with them.
pub fn golden(ctx: &Context) -> Result<()> {
    let mut tally = Tally::default();
    run_tests(ctx, &["every_client_makes_the_recorded_bytes"], &[("MULTIBUS_BLESS", "1")], &mut tally)?;
    ensure!(tally.passed == 1, "the test that records client/tests/golden.json was not found");
    println!("client/tests/golden.json is recorded; `git diff client/tests` shows what changed.");
    Ok(())
}

/// The IDL as the program's sources say.
fn build(ctx: &Context) -> Result<Vec<u8>> {
    let mut tool = demo::with_features_of_tests(ctx);
    tool.args(["--bin", "multibus-idl"]);
    run::logged(
        &mut tool,
        "Compiling the IDL builder",
        "about 1 minute from scratch on two cores",
        &ctx.log("idl-tool"),
    )?;

    let out = ctx.target.join("idl-build.json");
    let mut builder = ctx.command(ctx.target.join("debug/multibus-idl"));
    builder
        .arg(ctx.root.join("programs/multibus"))
        .arg(&out)
        .env("CARGO_TARGET_DIR", &ctx.target)
        // Where this is set, the builder would install a toolchain. It calls the first `cargo` on PATH.
        .env_remove("RUSTUP_TOOLCHAIN")
        // The builder sets RUSTFLAGS, over which this wins: with the flags of everything else, dependencies are shared.
        .env("CARGO_ENCODED_RUSTFLAGS", "")
        .env("PATH", path_of_toolchain()?);
    run::logged(
        &mut builder,
        "Generating the IDL from the program's sources",
        "about 1 minute from scratch on two cores, seconds after a change",
        &ctx.log("idl"),
    )?;
    fs::read(&out).with_context(|| format!("could not read {}", out.display()))
}

/// PATH with the toolchain that runs xtask first.
fn path_of_toolchain() -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let cargo = env::var_os("CARGO").map(PathBuf::from);
    let dir = cargo.as_deref().and_then(Path::parent).filter(|dir| dir.is_absolute());
    Ok(env::join_paths(dir.map(Path::to_path_buf).into_iter().chain(env::split_paths(&path)))?)
}

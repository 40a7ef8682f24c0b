//! Runs the Anchor CLI of the program's release, with the tools that it expects.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::{
    context::Context,
    npm, run,
    sbf::{self, Tools},
    setup,
};

/// The key of the program's address on local networks, and where Anchor looks for it.
const LOCAL_KEY: &str = "migrations/localnet-program-key.json";
const PROGRAM_KEY: &str = "deploy/multibus-keypair.json";
/// What `anchor migrate` loads its script with.
const MIGRATIONS: &str = "migrations";

/// Runs `anchor` with these arguments.
pub fn anchor(ctx: &Context, args: &[String]) -> Result<()> {
    let cli = setup::anchor(ctx)?;
    let mut path: Vec<PathBuf> = Vec::new();
    if sbf::platform_tools(ctx).is_none() {
        path.push(stand_in(ctx)?);
    }
    path.extend(toolchain_dir());
    if let Some(validator) = setup::find_validator(ctx).and_then(|path| path.parent().map(Path::to_path_buf)) {
        path.push(validator);
    }
    path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));

    let key = ctx.target.join(PROGRAM_KEY);
    if !key.exists() {
        fs::create_dir_all(key.parent().unwrap_or(&ctx.target))?;
        fs::copy(ctx.root.join(LOCAL_KEY), &key).with_context(|| format!("could not write {}", key.display()))?;
    }
    let mut command = ctx.command(&cli);
    command
        .args(args)
        .env("PATH", env::join_paths(path)?)
        .env("CARGO_TARGET_DIR", &ctx.target)
        // If this were set, Anchor's IDL builder would install a toolchain.
        .env_remove("RUSTUP_TOOLCHAIN")
        // This overrides the RUSTFLAGS of the IDL builder. With the flags of all other builds, compiled dependencies
        // are shared.
        .env("CARGO_ENCODED_RUSTFLAGS", "");
    if args.first().is_some_and(|verb| verb == "migrate") {
        let migrations = ctx.root.join(MIGRATIONS);
        npm::install(ctx, &migrations)?;
        command.env("NODE_PATH", migrations.join("node_modules"));
    }
    if let Some(wallet) = wallet(ctx, args)? {
        command.arg("--provider.wallet").arg(wallet);
    }
    run::live(&mut command)
}

/// Anchor always needs a wallet. If that of Anchor.toml is missing and none is named, it gets one of this checkout.
fn wallet(ctx: &Context, args: &[String]) -> Result<Option<PathBuf>> {
    let named = args.iter().any(|arg| arg.starts_with("--provider.wallet"));
    let usual = env::var_os("HOME").map(|home| Path::new(&home).join(".config/solana/id.json"));
    if named || usual.is_some_and(|path| path.exists()) || args.iter().any(|arg| arg == "keygen" || arg == "--version")
    {
        return Ok(None);
    }
    let own = ctx.target.join("anchor-wallet.json");
    if !own.exists() {
        eprintln!(
            "There is no wallet at ~/.config/solana/id.json; making one for local networks at {}.",
            own.display()
        );
        let mut make = ctx.command(setup::anchor(ctx)?);
        make.args(["keygen", "new", "--no-passphrase", "--silent", "--outfile"]).arg(&own);
        run::live(&mut make)?;
    }
    Ok(Some(own))
}

/// The directory with xtask's stand-in for Solana's compiler, which is a copy of xtask.
fn stand_in(ctx: &Context) -> Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let stand_in = sbf::stand_in(ctx);
    sbf::copy_if_different(Path::new("/proc/self/exe"), &stand_in)?;
    fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755))?;
    Ok(stand_in.parent().map(Path::to_path_buf).unwrap_or_default())
}

/// The stand-in for `cargo build-sbf`, which the Anchor CLI calls: builds the program with the upstream tools.
pub fn build_sbf(args: impl Iterator<Item = OsString>) -> Result<()> {
    let args: Vec<String> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    if args.iter().any(|arg| arg == "--version") {
        println!(
            "{} of MultiBus: builds the program as `cargo xtask build --tools upstream` does",
            sbf::PLATFORM_COMPILER
        );
        return Ok(());
    }
    let ctx = Context::discover()?;
    sbf::build(&ctx, Tools::Upstream).map(drop)
}

/// The toolchain that runs xtask, for the `cargo` that Anchor calls.
fn toolchain_dir() -> Option<PathBuf> {
    let cargo = PathBuf::from(env::var_os("CARGO")?);
    cargo.is_absolute().then(|| cargo.parent().map(Path::to_path_buf)).flatten()
}

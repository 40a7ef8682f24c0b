//! The stand-in for surfpool's command line, which the Anchor CLI starts for `anchor test` and `anchor localnet`. It runs the
//! engine of `cargo xtask localnet` with the built program, in memory, on the ports that Anchor.toml names.

use std::{env, ffi::OsString, fs, os::unix::process::CommandExt};

use anyhow::{Context as _, Result, bail};

use crate::{
    context::{Context, all_on_path},
    localnet::Engine,
    run,
};

/// Its name, under which the Anchor CLI looks for it on PATH.
pub const NAME: &str = "surfpool";
/// Names the wallet that gets SOL and may upgrade the program: the address of Anchor's provider wallet.
pub const WALLET: &str = "MULTIBUS_ANCHOR_WALLET";
const IDL: &str = "idl/multibus.json";

/// Where a copy of xtask stands under surfpool's name.
pub fn stand_in(ctx: &Context) -> std::path::PathBuf {
    ctx.cache.join("anchor/surfpool").join(NAME)
}

/// Whether surfpool itself is installed.
pub fn is_installed(ctx: &Context) -> bool {
    let stand_in = stand_in(ctx);
    all_on_path(NAME).iter().any(|path| *path != stand_in)
}

/// What Anchor asks of surfpool.
#[derive(Debug, PartialEq, Eq)]
struct Start {
    rpc_port: u16,
    ws_port: Option<u16>,
    slot_ms: Option<u32>,
    airdrop: Vec<String>,
    deploys: bool,
    quiet: bool,
}

pub fn main(args: impl Iterator<Item = OsString>) -> Result<()> {
    let args: Vec<String> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    if args.iter().any(|arg| arg == "--version") {
        println!("{NAME} of MultiBus: the engine of `cargo xtask localnet`");
        return Ok(());
    }
    let Start { rpc_port, ws_port, slot_ms, airdrop, deploys, quiet } = Start::parse(&args)?;
    let ctx = Context::discover()?;
    let (_, engine) = Engine::Surfpool.prepare(&ctx)?;
    let mut command = ctx.command(engine);
    let ws_port = ws_port.unwrap_or(rpc_port + 1);
    command.args(["--rpc-port", &rpc_port.to_string(), "--ws-port", &ws_port.to_string()]);
    if quiet {
        command.arg("--quiet");
    }
    if let Some(slot_ms) = slot_ms {
        command.args(["--slot-ms", &slot_ms.to_string()]);
    }
    let wallet = env::var(WALLET).ok();
    for address in airdrop.iter().chain(&wallet) {
        command.args(["--airdrop", address]);
    }
    if deploys {
        command.args(["--program", &program_address(&ctx)?]).arg(ctx.program_elf());
        if let Some(wallet) = &wallet {
            command.args(["--authority", wallet]);
        }
    }
    // Anchor kills the process that it started, so this one becomes the engine.
    Err(command.exec()).with_context(|| format!("could not start `{}`", run::shown(&command)))
}

fn program_address(ctx: &Context) -> Result<String> {
    let text = fs::read_to_string(ctx.root.join(IDL)).with_context(|| format!("could not read {IDL}"))?;
    let idl: serde_json::Value = serde_json::from_str(&text).with_context(|| format!("{IDL} is not JSON"))?;
    idl["address"].as_str().map(str::to_owned).with_context(|| format!("{IDL} names no address; `cargo xtask idl`"))
}

impl Start {
    /// Reads the options that the Anchor CLI gives. Those that would change what runs and cannot be served are refused.
    fn parse(args: &[String]) -> Result<Self> {
        const UNSERVED: &str = "is not served by MultiBus's stand-in for surfpool; install surfpool itself, or remove it from \
                                [surfpool] in Anchor.toml";
        let mut start =
            Self { rpc_port: 8899, ws_port: None, slot_ms: None, airdrop: Vec::new(), deploys: true, quiet: false };
        let mut args = args.iter().map(String::as_str);
        if args.next() != Some("start") {
            bail!("MultiBus's stand-in for surfpool knows `surfpool start` alone; install surfpool for the rest");
        }
        while let Some(arg) = args.next() {
            match arg {
                // It never fetches, shows nothing, keeps no profiles, and has the features of public networks.
                "--offline" | "--no-tui" | "--disable-instruction-profiling" | "--no-studio" => {}
                // It deploys without a runbook.
                "--legacy-anchor-compatibility" => {}
                "--no-deploy" => start.deploys = false,
                _ => {
                    let value = args.next().with_context(|| format!("{arg} {UNSERVED}"))?;
                    let number = || format!("{arg} wants a number, not {value:?}; correct [surfpool] in Anchor.toml");
                    match arg {
                        "--max-profiles" | "--feature" | "--anchor-test-config-path" => {}
                        "--log-level" => start.quiet = value == "none",
                        "--port" => start.rpc_port = value.parse().with_context(number)?,
                        "--ws-port" => start.ws_port = Some(value.parse().with_context(number)?),
                        "--slot-time" => start.slot_ms = Some(value.parse().with_context(number)?),
                        "--airdrop" => start.airdrop.push(value.to_owned()),
                        "--host" if value == "127.0.0.1" || value == "localhost" => {}
                        // Expiries and windows pass while nobody trades.
                        "--block-production-mode" if value == "clock" => {}
                        _ => bail!("{arg} {value} {UNSERVED}"),
                    }
                }
            }
        }
        Ok(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Start> {
        Start::parse(&text.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn what_the_anchor_cli_asks_for_is_served() {
        let asked = "start --host 127.0.0.1 --port 8799 --slot-time 100 --offline --block-production-mode clock --log-level \
                     none --no-tui --disable-instruction-profiling --max-profiles 1 --no-studio --feature \
                     deprecate_rent_exemption_threshold --legacy-anchor-compatibility --anchor-test-config-path /x/Anchor.toml";
        let start = Start {
            rpc_port: 8799,
            ws_port: None,
            slot_ms: Some(100),
            airdrop: Vec::new(),
            deploys: true,
            quiet: true,
        };
        assert_eq!(parse(asked).unwrap(), start);
        assert!(!parse("start --no-deploy").unwrap().deploys);
    }

    #[test]
    fn what_it_cannot_do_is_refused_with_the_remedy() {
        for asked in
            ["start --rpc-url https://x", "start --runbook v1", "start --block-production-mode transaction", "run"]
        {
            let refused = parse(asked).unwrap_err().to_string();
            assert!(refused.contains("install surfpool"), "{refused}");
        }
        let refused = parse("start --port x").unwrap_err().to_string();
        assert!(refused.contains("Anchor.toml"), "{refused}");
    }
}

//! The chores of this repository, each one command: `cargo xtask --help`.

mod anchor;
mod app;
mod attack;
mod audit;
mod bench;
mod context;
mod cu;
mod demo;
mod e2e;
mod files;
mod generated;
mod hash;
mod help;
mod idl;
mod link;
mod load;
mod localnet;
mod memcheck;
mod migrate;
mod npm;
mod pages;
mod proof;
mod publish;
mod reference;
mod run;
mod rustdoc;
mod sbf;
mod setup;
mod surfpool;
mod tally;
mod test;
mod tidy;

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{context::Context, sbf::Tools};

/// Set-up, building, checking and showing MultiBus.
///
/// Every command first installs what it lacks (Debian packages through apt-get, with sudo where you are not root, and
/// sbpf-linker through cargo) and says so. A second run installs nothing.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = HELP)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

const HELP: &str = "\
Examples:
  cargo xtask demo                        from a fresh clone to a replayed market and its report
  cargo xtask demo -- --intervals 32      the same, up to eight in the morning
  cargo xtask test                        every check that continuous integration runs
  cargo xtask test --only clippy          just one of them; --list names them all
  cargo xtask localnet                    a network to try things on, with a market that lives
  cargo xtask hash --verify               prove that the program's bytes depend on its sources alone

Environment:
  MULTIBUS_CACHE     tools, the program's build and logs, shared by all checkouts [default: ~/.cache/multibus]
  MULTIBUS_TOOLS     which compiler makes the program, like --tools [default: auto]
  CARGO_TARGET_DIR   cargo's target directory [default: target, or <cache>/target where CI=true]
  CI                 `true` on continuous-integration machines";

const LOCALNET_HELP: &str = "\
Examples:
  cargo xtask localnet
  cargo xtask localnet --engine agave --reset
  cargo xtask localnet --detach && multibus --url localnet bus list; cargo xtask localnet --stop";

const ANCHOR_HELP: &str = "\
Examples:
  cargo xtask anchor -- build
  cargo xtask anchor -- test                       a validator, the end-to-end suite and the TypeScript suite
  cargo xtask anchor -- test --skip-build lock     the same, of the end-to-end suite only tests with `lock` in their name
  cargo xtask anchor -- test --validator legacy    on Agave's validator
  eval \"$(cargo xtask anchor --env)\" && anchor test";

const E2E_HELP: &str = "\
Examples:
  cargo xtask e2e --engine agave -- lock    (only tests with `lock` in their name)
  cargo xtask e2e --url http://127.0.0.1:8899";

const BENCH_HELP: &str = "\
Examples:
  cargo xtask bench                    everything
  cargo xtask bench replay --year      one subject, and a year of it
  cargo xtask bench node --engine agave";

const LOAD_HELP: &str = "\
Examples:
  cargo xtask load --traders 100 --seconds 20
  cargo xtask load --engine agave --traders 200 --lanes 8 --seconds 30 --buses 4
  cargo xtask load --engine agave --hot
  cargo xtask load --url http://127.0.0.1:8899";

#[derive(Subcommand)]
enum Task {
    /// Compile the program to an ELF at <target dir>/deploy/multibus.so
    #[command(after_help = "Examples:\n  cargo xtask build --tools upstream\n  cargo xtask build --charger")]
    Build {
        #[command(flatten)]
        program: Program,
        /// Compile the example that calls it, too, to <target dir>/deploy/charger.so
        #[arg(long)]
        charger: bool,
        /// Compile a copy of the checkout instead, in a build directory of its own
        #[arg(long, value_name = "DIR", requires = "out")]
        sources: Option<PathBuf>,
        /// Where the copy's program is put
        #[arg(long, value_name = "FILE", requires = "sources")]
        out: Option<PathBuf>,
    },
    /// Build everything and replay a community's energy through the market, with a report
    #[command(after_help = "Example:\n  cargo xtask demo -- --intervals 32")]
    Demo {
        #[command(flatten)]
        program: Program,
        /// Further arguments for `multibus replay`
        #[arg(last = true, value_name = "REPLAY ARGS")]
        args: Vec<String>,
    },
    /// Run every check: format, program, lints, tidiness, tests, a replay
    #[command(after_help = "Examples:\n  cargo xtask test --list\n  cargo xtask test --only fmt --only tests")]
    Test {
        #[command(flatten)]
        program: Program,
        /// Run this check alone; may be given several times
        #[arg(long, value_name = "NAME")]
        only: Vec<String>,
        /// Name the checks and what each shows
        #[arg(long)]
        list: bool,
    },
    /// Start a local network with the program, a faucet, a test stablecoin and a seeded market
    ///
    /// It runs until Ctrl-C. It is kept below the target directory: started again, it continues where it ended, and
    /// --reset starts over. The wallets' keys are public and the same everywhere. `<target
    /// dir>/localnet/<engine>/network.json` describes the network.
    #[command(after_help = LOCALNET_HELP)]
    Localnet {
        #[command(flatten)]
        program: Program,
        #[command(flatten)]
        options: localnet::Options,
    },
    /// Start a local network and the web app on it, or only build the app
    #[command(
        after_help = "Examples:\n  cargo xtask app                  a seeded village and the app, until Ctrl-C\n  cargo xtask app --build          the static site, app/dist\n  cargo xtask app --screenshots    the README's pictures of every screen"
    )]
    App {
        #[command(flatten)]
        program: Program,
        #[command(flatten)]
        options: app::Options,
    },
    /// Run the end-to-end suite on a fresh network, or on a node that runs already
    ///
    /// Every test trades on a market of its own, so that it can share a node and run again on the same one.
    #[command(after_help = E2E_HELP)]
    E2e {
        #[command(flatten)]
        program: Program,
        #[command(flatten)]
        options: e2e::Options,
    },
    /// Let many wallets trade at once, as fast as one node takes it, and check the chain afterwards
    ///
    /// Reports what was submitted, landed and failed by kind, how much landed per second, the time from submission to
    /// confirmation, and compute units. Whatever else runs on this machine changes the figures.
    #[command(after_help = LOAD_HELP)]
    Load {
        #[command(flatten)]
        program: Program,
        #[command(flatten)]
        options: load::Options,
    },
    /// Measure everything beside its own limit, and write the table in docs/bench.md
    ///
    /// Subjects run one after the other, in release. Each writes its own rows and keeps those of the others.
    #[command(after_help = BENCH_HELP)]
    Bench {
        #[command(flatten)]
        program: Program,
        #[command(flatten)]
        options: bench::Options,
    },
    /// Print the sha256 of the built program
    #[command(after_help = "Example:\n  cargo xtask hash --verify    (about 4 minutes)")]
    Hash {
        #[command(flatten)]
        program: Program,
        /// Build twice from nothing, in different places, and fail if the bytes differ
        #[arg(long)]
        verify: bool,
    },
    /// Play random games on the built program against an independent model
    #[command(after_help = "Example:\n  cargo xtask soak --steps 1000000 --seed 7")]
    Soak {
        #[command(flatten)]
        program: Program,
        /// Arguments of the player: --steps, --seed, --length, --threads, --keep-going
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        args: Vec<String>,
    },
    /// Send raw transactions to the program and its model: any accounts, any flags, any bytes
    #[command(after_help = "Example:\n  cargo xtask fuzz --executions 1000000 --seed 7")]
    Fuzz {
        #[command(flatten)]
        program: Program,
        /// Arguments of the fuzzer: --executions, --seed, --save, or --input LINE, or --replay FILE
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        args: Vec<String>,
    },
    /// Write docs/ATTACKS.md: what the tests try against every instruction, and why the rest cannot apply
    #[command(name = "attack-matrix", after_help = "Example:\n  cargo xtask attack-matrix --check")]
    AttackMatrix {
        /// Only compare, and fail where the checked-in table differs
        #[arg(long)]
        check: bool,
    },
    /// Plant bugs in the program, one at a time: its tests must notice each
    #[command(disable_help_flag = true)]
    Planted {
        /// Arguments of the crate multibus-proof: see `cargo xtask planted --help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        args: Vec<String>,
    },
    /// Change the program in thousands of small ways, one at a time: its tests must notice
    #[command(disable_help_flag = true)]
    Mutants {
        /// Arguments of the crate multibus-proof: see `cargo xtask mutants --help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        args: Vec<String>,
    },
    /// Run the program's unit tests under valgrind, which watches what `unsafe` code reads and writes
    Memcheck,
    /// Check the dependencies against deny.toml: licences, sources, duplicates, known flaws
    #[command(after_help = "Example:\n  cargo xtask audit --online    (fetches the databases of advisories)")]
    Audit {
        /// Fetch the advisories for the dependencies, from GitHub and npm
        #[arg(long)]
        online: bool,
    },
    /// Measure the compute units of every instruction against the recorded table
    #[command(after_help = "Example:\n  cargo xtask cu --bless")]
    Cu {
        #[command(flatten)]
        program: Program,
        /// Record what is measured
        #[arg(long)]
        bless: bool,
    },
    /// Generate idl/multibus.json from the program's sources
    #[command(after_help = "Example:\n  cargo xtask idl --check")]
    Idl {
        /// Only compare, and fail where the checked-in IDL differs
        #[arg(long)]
        check: bool,
    },
    /// Generate the web app's TypeScript client from idl/multibus.json
    #[command(name = "client-ts", after_help = "Example:\n  cargo xtask idl && cargo xtask client-ts")]
    ClientTs {
        /// Only compare, and fail where the checked-in client differs
        #[arg(long)]
        check: bool,
    },
    /// Record the bytes that all clients must agree on in client/tests/golden.json
    #[command(after_help = "Example:\n  cargo xtask golden && git diff idl")]
    Golden,
    /// Run the Anchor CLI of the program's release, with what it expects: `cargo xtask anchor -- test`
    ///
    /// It is installed where it is missing. Where there are no platform tools or no surfpool, stand-ins take their place.
    #[command(after_help = ANCHOR_HELP)]
    Anchor {
        /// Print the environment for `anchor` typed plainly, for a shell to evaluate
        #[arg(long, conflicts_with = "args")]
        env: bool,
        /// Arguments for `anchor`
        #[arg(last = true, value_name = "ANCHOR ARGS", required_unless_present = "env")]
        args: Vec<String>,
    },
    /// Deploy or upgrade the program and publish its IDL, doing only what a network lacks
    #[command(after_help = "Examples:\n  cargo xtask migrate -- localnet\n  cargo xtask migrate -- devnet --plan")]
    Migrate {
        #[command(flatten)]
        program: Program,
        /// Arguments for `multibus-migrate`
        #[arg(last = true, value_name = "MIGRATE ARGS")]
        args: Vec<String>,
    },
    /// Install what building the program needs, and nothing else
    Setup,
    /// Check the house rules that no compiler knows
    Tidy,
}

#[derive(clap::Args)]
struct Program {
    /// Which compiler makes the program
    #[arg(long, value_enum, default_value_t, env = "MULTIBUS_TOOLS", hide_env = true)]
    tools: Tools,
}

fn main() -> ExitCode {
    let mut args = env::args_os();
    let name = args.next().unwrap_or_default();
    // Copies that stand in for other programs.
    match Path::new(&name).file_name().and_then(|name| name.to_str()) {
        Some(link::NAME) => return link::main(args),
        Some(sbf::PLATFORM_COMPILER) => return ended(anchor::build_sbf(args)),
        Some(surfpool::NAME) => return ended(surfpool::main(args)),
        Some(rustdoc::NAME) => return ended(rustdoc::main(args)),
        _ => {}
    }
    let matches = help::in_groups(Cli::command()).get_matches();
    match Cli::from_arg_matches(&matches) {
        Ok(cli) => ended(run(cli.command)),
        Err(error) => error.exit(),
    }
}

fn ended(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    if let Task::Test { list: true, .. } = task {
        test::list();
        return Ok(());
    }
    let ctx = Context::discover()?;
    if ctx.ci {
        ctx.forget_other_checkouts(&ctx.target)?;
    }
    setup::libraries(&ctx)?;
    match task {
        Task::Build { sources: Some(sources), out: Some(out), .. } => sbf::build_copy(&ctx, sources, &out),
        Task::Build { program, charger, .. } => {
            sbf::build(&ctx, program.tools)?;
            if charger {
                sbf::build_program(&ctx, program.tools, sbf::CHARGER)?;
            }
            Ok(())
        }
        Task::Demo { program, args } => demo::demo(&ctx, program.tools, &args),
        Task::Test { program, only, .. } => test::test(&ctx, program.tools, &only),
        Task::Localnet { program, options } => localnet::localnet(&ctx, program.tools, &options),
        Task::App { program, options } => app::app(&ctx, program.tools, &options),
        Task::E2e { program, options } => e2e::e2e(&ctx, program.tools, &options),
        Task::Load { program, options } => load::load(&ctx, program.tools, &options),
        Task::Bench { program, options } => bench::bench(&ctx, program.tools, &options),
        Task::Hash { program, verify: false } => hash::print(&ctx, program.tools),
        Task::Hash { verify: true, .. } => hash::verify(&ctx),
        Task::Cu { program, bless } => cu::check(&ctx, program.tools, bless),
        Task::Soak { program, args } => attack::play(&ctx, program.tools, "soak", &args),
        Task::Fuzz { program, args } => attack::play(&ctx, program.tools, "fuzz", &args),
        Task::AttackMatrix { check } => attack::matrix(&ctx, check),
        Task::Planted { args } => proof::proof(&ctx, &[&["planted".to_owned()], &args[..]].concat()),
        Task::Mutants { args } => proof::proof(&ctx, &[&["mutants".to_owned()], &args[..]].concat()),
        Task::Memcheck => memcheck::memcheck(&ctx),
        Task::Audit { online } => audit::audit(&ctx, online),
        Task::Idl { check } => idl::idl(&ctx, check),
        Task::ClientTs { check } => idl::client_ts(&ctx, check),
        Task::Anchor { env: true, .. } => anchor::print_environment(&ctx),
        Task::Anchor { args, .. } => anchor::anchor(&ctx, &args),
        Task::Migrate { program, args } => migrate::migrate(&ctx, program.tools, &args),
        Task::Golden => idl::golden(&ctx),
        Task::Setup => {
            let tools = setup::sbf_tools(&ctx)?;
            println!("The tools are complete:\n{}", tools.versions);
            Ok(())
        }
        Task::Tidy => tidy::check(&ctx),
    }
}

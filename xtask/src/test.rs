//! Every check: what continuous integration runs, and what to run before a commit. One follows the other, but for those that run
//! beside others ([`BESIDE`]).

use std::{
    env,
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::{
    anchor, app, audit,
    context::Context,
    demo, e2e, idl, load,
    localnet::{self, Engine},
    memcheck, proof, publish, run,
    sbf::{self, Tools},
    tally::{self, Tally},
    tidy,
};

/// One check. To add one, add a line to [`STEPS`].
struct Step {
    name: &'static str,
    /// What holds when it passes.
    shows: &'static str,
    action: Action,
}

enum Action {
    /// All tests of the workspace, which drive the built programs; they are counted.
    Tests,
    /// A function of xtask that counts its tests.
    Counted(fn(&Context, Tools, &mut Tally) -> Result<()>),
    /// A function of xtask.
    Own(fn(&Context, Tools) -> Result<()>),
}

const STEPS: &[Step] = &[
    Step { name: "fmt", shows: "the sources are as rustfmt writes them", action: Action::Own(|ctx, _| fmt(ctx)) },
    Step {
        name: "program",
        shows: "the program compiles to a sound sBPF ELF",
        action: Action::Own(|ctx, tools| sbf::build(ctx, tools).map(drop)),
    },
    Step {
        name: "charger",
        shows: "the example of a program that calls the market compiles",
        action: Action::Own(|ctx, tools| sbf::build_program(ctx, tools, sbf::CHARGER).map(drop)),
    },
    Step {
        name: "clippy",
        shows: "no lint of the compiler or clippy complains",
        action: Action::Own(|ctx, _| clippy(ctx)),
    },
    Step {
        name: "tidy",
        shows: "modules import each other without circles, and what pages link to, type and promise exists",
        action: Action::Own(|ctx, _| tidy::check(ctx)),
    },
    Step {
        name: "planted",
        shows: "every planted bug fits the sources, and names tests that exist",
        action: Action::Own(|ctx, _| proof::proof(ctx, &["planted", "--check"])),
    },
    Step {
        name: "mutants",
        shows: "every mutant that may survive exists in the sources",
        action: Action::Own(|ctx, _| proof::proof(ctx, &["mutants", "--check"])),
    },
    Step {
        name: "idl",
        shows: "the checked-in IDL is what the program's sources say",
        action: Action::Own(|ctx, _| idl::idl(ctx, true)),
    },
    Step {
        name: "client-ts",
        shows: "the checked-in TypeScript client is what the IDL says",
        action: Action::Own(|ctx, _| idl::client_ts(ctx, true)),
    },
    Step {
        name: "app",
        shows: "the web app's types fit, its units behave, and it builds within its size",
        action: Action::Counted(app::check),
    },
    Step {
        name: "audit",
        shows: "licences, sources and duplicates of the dependencies are those that deny.toml explains",
        action: Action::Own(|ctx, _| audit::where_installed(ctx)),
    },
    Step {
        name: "docs",
        shows: "the documentation of the published crates is complete and builds without a warning",
        action: Action::Own(|ctx, _| publish::docs(ctx)),
    },
    Step {
        name: "network",
        shows: "surfpool, on whose simulated networks the later checks run, compiles, and no lint complains of its process",
        action: Action::Own(|ctx, _| localnet::lint_surfpool(ctx)),
    },
    Step {
        name: "tests",
        shows: "units, the built program in a simulated chain, its compute units, the client and the CLI behave",
        action: Action::Tests,
    },
    Step {
        name: "memcheck",
        shows: "the program's unit tests read nothing that was never written, and nothing beyond what they own",
        action: Action::Own(|ctx, _| memcheck::memcheck(ctx)),
    },
    Step {
        name: "replay",
        shows: "the CLI replays a community's night and morning through the program",
        action: Action::Own(|ctx, _| replay(ctx)),
    },
    Step {
        name: "app-e2e",
        shows: "people trade and decide with the web app in Chromium on a local network",
        action: Action::Counted(app::e2e),
    },
    Step {
        name: "surfpool",
        shows: "the market works end to end on a surfpool network, also while its lines fail and clients and nodes are killed",
        action: Action::Counted(e2e::on_surfpool),
    },
    Step {
        name: "anchor-clients",
        shows: "users of Anchor's TypeScript and Rust clients trade on a surfpool network, with the IDL alone",
        action: Action::Counted(anchor::clients),
    },
    Step {
        name: "anchor",
        shows: "the commands of docs/anchor.md do what it says, where the Anchor CLI is installed",
        action: Action::Counted(anchor::where_installed),
    },
    Step {
        name: "load",
        shows: "many wallets trade at once on a surfpool network, also in an auction, and afterwards no Wh and no base unit is \
                missing",
        action: Action::Own(load::smoke),
    },
    Step {
        name: "package",
        shows: "the command line that is installed out of the packages buys in an empty folder, with the program that they have",
        action: Action::Own(publish::packages),
    },
    Step {
        name: "agave",
        shows: "it works the same on Agave's test validator, where that is installed",
        action: Action::Counted(e2e::where_installed),
    },
];

/// Steps that run beside others, where all of these are run.
struct Group {
    steps: &'static [&'static str],
    /// They begin with this step, and are waited for after that one.
    from: &'static str,
    to: &'static str,
    /// They get what the others leave of the processors.
    yields: bool,
    /// What both need and one alone has to build.
    prepare: fn(&Context, Tools) -> Result<()>,
}

const BESIDE: [Group; 4] = [
    // Node's programs keep one processor busy each; so do the linkers and the last crates of Cargo's builds.
    Group { steps: &["app"], from: "charger", to: "docs", yields: false, prepare: |_, _| Ok(()) },
    // It begins with the crates that `clippy` compiled, in a folder of its own.
    Group { steps: &["network"], from: "tidy", to: "tests", yields: true, prepare: |_, _| Ok(()) },
    // These mostly wait for their networks, while the flows keep the processors busy and take as long as they do together.
    Group {
        steps: &["surfpool", "anchor-clients", "load"],
        from: "app-e2e",
        to: "app-e2e",
        yields: false,
        prepare: |ctx, tools| localnet::prepared(ctx, tools, Engine::Surfpool).map(drop),
    },
    // Flows wait for pages and for slots, too; meanwhile it compiles.
    Group { steps: &["package"], from: "app-e2e", to: "app-e2e", yields: true, prepare: |_, _| Ok(()) },
];

/// Prints the table of steps.
pub fn list() {
    for step in STEPS {
        println!("{:<14} {}", step.name, step.shows);
    }
}

pub fn test(ctx: &Context, tools: Tools, only: &[String]) -> Result<()> {
    if let Some(unknown) = only.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        bail!("there is no check called {unknown}; there are {}", names.join(", "));
    }
    let chosen: Vec<&Step> =
        STEPS.iter().filter(|step| only.is_empty() || only.iter().any(|name| name == step.name)).collect();
    // Tests and the replay drive the built program.
    if !only.is_empty() && !only.iter().any(|name| name == "program") && needs_program(&chosen) {
        sbf::build(ctx, tools)?;
    }
    if !only.is_empty() && chosen.iter().any(|step| matches!(step.action, Action::Tests)) {
        sbf::build_program(ctx, tools, sbf::CHARGER)?;
    }

    let start = Instant::now();
    let mut tally = Tally::default();
    let is_chosen = |name: &str| chosen.iter().any(|step| step.name == name);
    let groups: Vec<&Group> = BESIDE.iter().filter(|group| is_chosen(group.from) && is_chosen(group.to)).collect();
    let front: Vec<_> =
        chosen.iter().filter(|step| groups.iter().all(|group| !group.steps.contains(&step.name))).collect();
    let mut running: Vec<(&str, Beside)> = Vec::new();
    for (index, step) in front.iter().enumerate() {
        println!("\n== {}/{} {}: {}", index + 1, front.len(), step.name, step.shows);
        let begun = Instant::now();
        for group in groups.iter().filter(|group| group.from == step.name) {
            let names: Vec<&str> = group.steps.iter().copied().filter(|name| is_chosen(name)).collect();
            if !names.is_empty() {
                (group.prepare)(ctx, tools)?;
                running.push((group.to, Beside::start(ctx, tools, &names, group.yields)?));
            }
        }
        let result = step.run(ctx, tools, &mut tally);
        match &result {
            Ok(()) => println!("== {} passed in {}", step.name, run::elapsed(begun.elapsed())),
            Err(error) => {
                println!("\n== {} FAILED after {}: {error:#}", step.name, run::elapsed(begun.elapsed()));
                println!("   It checks that {}.", step.shows);
                println!("   Just this one again: cargo xtask test --only {}", step.name);
            }
        }
        let mut waited = Ok(());
        for (_, beside) in running.extract_if(.., |(to, _)| *to == step.name || result.is_err()) {
            waited = waited.and(beside.end(&mut tally));
        }
        if result.is_err() || waited.is_err() {
            println!("\n{} passed, {} failed", tally.passed, tally.failed.max(1));
            waited?;
            bail!("the check `{}` failed; those after it did not run", step.name);
        }
    }
    println!("\nAll {} checks passed in {}. Tests:", chosen.len(), run::elapsed(start.elapsed()));
    println!("{} passed, {} failed", tally.passed, tally.failed);
    Ok(())
}

/// Checks that another process of xtask runs, and where it writes what they say.
struct Beside {
    process: Child,
    log: std::path::PathBuf,
    names: String,
}

impl Beside {
    fn start(ctx: &Context, tools: Tools, names: &[&str], yields: bool) -> Result<Self> {
        let log = ctx.log(&format!("beside-{}", names.join("-")));
        let file = File::create(&log).with_context(|| format!("could not write the log {}", log.display()))?;
        let xtask = env::current_exe()?;
        let mut command = Command::new(if yields { Path::new("nice") } else { &xtask });
        if yields {
            command.args(["-n", "19"]).arg(&xtask);
        }
        command.arg("test").args(names.iter().flat_map(|name| ["--only", name]));
        if let Some(tools) = tools.to_possible_value() {
            command.args(["--tools", tools.get_name()]);
        }
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let process = command.spawn().with_context(|| format!("could not start `{}`", run::shown(&command)))?;
        let names = names.join(", ");
        println!("At the same time run: {names}. What they say follows later.");
        Ok(Self { process, log, names })
    }

    /// Waits for the end, says what was said, and counts the tests.
    fn end(mut self, tally: &mut Tally) -> Result<()> {
        if self.process.try_wait()?.is_none() {
            println!("Waiting for what ran beside it: {} ...", self.names);
        }
        let status = self.process.wait()?;
        let said = fs::read(&self.log).with_context(|| format!("could not read {}", self.log.display()))?;
        let said = String::from_utf8_lossy(&said);
        println!("{}", said.trim_end());
        if let Some(total) = said.lines().rev().find_map(Tally::parse) {
            tally.passed += total.passed;
            tally.failed += total.failed;
        }
        if !status.success() {
            bail!("a check beside the others failed, see above ({}); those after it did not run", self.names);
        }
        Ok(())
    }
}

impl Step {
    fn run(&self, ctx: &Context, tools: Tools, tally: &mut Tally) -> Result<()> {
        match self.action {
            Action::Tests => tally::run_all(ctx, tally),
            Action::Counted(function) => function(ctx, tools, tally),
            Action::Own(function) => function(ctx, tools),
        }
    }
}

fn fmt(ctx: &Context) -> Result<()> {
    run::live(ctx.cargo().args(["fmt", "--all", "--check"]))
        .context("`cargo fmt --all` formats the sources; `rustup component add rustfmt` installs it")
}

/// Compiles all tests, and fails at a lint.
fn clippy(ctx: &Context) -> Result<()> {
    tally::compile_tests(ctx, run::linted)?;
    e2e::compile_tests(ctx, run::linted)
}

fn needs_program(steps: &[&Step]) -> bool {
    steps.iter().any(|step| matches!(step.action, Action::Tests) || step.name == "replay")
}

/// Replays eight hours with the CLI, as a user would. It must succeed and print JSON. In a shorter time nothing is
/// sold, because the sun rises in the 26th interval of the data.
fn replay(ctx: &Context) -> Result<()> {
    const INTERVALS: &str = "32";
    demo::build_cli(ctx)?;
    let mut command = demo::cli(ctx);
    command.args(["replay", demo::DATA, "--intervals", INTERVALS, "--output", "json"]);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("could not start `{}`", run::shown(&command)))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        println!("{text}");
        bail!("`{}` failed ({})", run::shown(&command), output.status);
    }
    let json = text.trim();
    if !(json.starts_with('{') && json.ends_with('}') || json.starts_with('[') && json.ends_with(']')) {
        println!("{text}");
        bail!("`{}` printed something other than JSON", run::shown(&command));
    }
    println!("{} bytes of JSON", json.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_that_run_beside_others_and_these_exist() {
        let place = |name: &str| STEPS.iter().position(|step| step.name == name).expect(name);
        for Group { steps, from, to, .. } in &BESIDE {
            assert!(place(from) <= place(to), "{from}, {to}");
            for name in *steps {
                assert!(place(name) >= place(from) && name != from && name != to, "{name}");
            }
        }
        let mut all: Vec<_> = BESIDE.iter().flat_map(|group| group.steps).collect();
        all.sort();
        assert!(all.windows(2).all(|two| two[0] != two[1]), "a check runs twice: {all:?}");
    }

    #[test]
    fn every_check_has_its_own_name() {
        for (index, step) in STEPS.iter().enumerate() {
            assert!(STEPS[..index].iter().all(|other| other.name != step.name), "{}", step.name);
        }
    }
}

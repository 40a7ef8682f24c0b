//! The web app: checks it, builds it, tests it in Chromium on a local network, and serves it beside one.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::Value;

use crate::{
    context::Context,
    localnet::{self, Engine},
    npm, run,
    sbf::Tools,
    setup,
    tally::Tally,
};

/// Port at which the app looks for a local network by default.
const RPC_PORT: u16 = 8899;

/// What the command line asks of the app.
#[derive(clap::Args)]
pub struct Options {
    /// Only make the static site, app/dist, that any web server can serve
    #[arg(long, conflicts_with_all = ["screenshots", "port"])]
    build: bool,
    /// Only make the pictures of every screen, docs/app, on a network of their own
    #[arg(long, conflicts_with = "port")]
    screenshots: bool,
    /// Port of the app
    #[arg(long, value_name = "PORT", default_value_t = 5173)]
    port: u16,
    /// Port of the local network's RPC server
    #[arg(long, value_name = "PORT", default_value_t = RPC_PORT)]
    rpc_port: u16,
}

pub fn app(ctx: &Context, tools: Tools, options: &Options) -> Result<()> {
    if options.screenshots {
        return screenshots(ctx, tools);
    }
    build(ctx)?;
    if options.build {
        println!("The site is {}: any web server can serve it, in any folder.", dir(ctx).join("dist").display());
        return Ok(());
    }
    let mut network = localnet::prepared(ctx, tools, Engine::default())?;
    network.args(["up", "--engine", Engine::default().name(), "--detach", "--dir"]);
    network.arg(localnet::dir(ctx, Engine::default())).args(["--port", &options.rpc_port.to_string()]);
    run::live(&mut network).context("the local network did not start")?;
    let query = match options.rpc_port {
        RPC_PORT => String::new(),
        port => format!("?rpc=http://127.0.0.1:{port}"),
    };
    println!("\nThe app: http://127.0.0.1:{}/{query}", options.port);
    println!("Ctrl-C ends it; the network goes on until `cargo xtask localnet --stop`.\n");
    run::live(vite(ctx).args(["preview", "--host", "127.0.0.1", "--strictPort", "--port", &options.port.to_string()]))
}

/// The static site in `app/dist`. The build fails if a script is too large.
pub fn build(ctx: &Context) -> Result<()> {
    install(ctx)?;
    run::logged(vite(ctx).arg("build"), "Building the web app", "about 5 seconds", &ctx.log("app-build")).map(drop)
}

/// Types, lint, format, units and components, and the build with its limit of size.
pub fn check(ctx: &Context, _: Tools, tally: &mut Tally) -> Result<()> {
    install(ctx)?;
    // Either of the two keeps one core busy, for about as long as the other.
    let (lint, others) = thread::scope(|threads| {
        let lint = threads.spawn(|| lint(ctx));
        let others = read(ctx).and_then(|()| vitest(ctx, &mut tool(ctx, "vitest"), "unit", tally));
        (lint.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), others)
    });
    lint.and(others)?;
    build(ctx)
}

/// What lint finds in the sources.
fn lint(ctx: &Context) -> Result<()> {
    run::live(tool(ctx, "eslint").args([".", "--max-warnings", "0"])).context("the app's lint found something")
}

/// Types and format of the sources. They print only what they find.
fn read(ctx: &Context) -> Result<()> {
    // Lint needs TypeScript 6 beside it, whose program has the same name.
    let mut types = ctx.command("node");
    run::live(types.current_dir(dir(ctx)).args(["node_modules/typescript-7/bin/tsc", "--noEmit"]))
        .context("the app's types do not fit")?;
    run::live(tool(ctx, "prettier").args(["--check", "--log-level", "warn", "."]))
        .context("the app is not formatted: run `npm run format` in app/")
}

/// What people do, in Chromium on a fresh network; at the same time what they do with nodes that are scripted.
pub fn e2e(ctx: &Context, tools: Tools, tally: &mut Tally) -> Result<()> {
    let mut network = beside_network(ctx, tools)?;
    let mut scripted = tool(ctx, "vitest");
    let (scripted, report) = reporting(ctx, &mut scripted, "scripted")?;
    println!("Flows with scripted nodes run at the same time. What they say follows after the others.");
    let (beside, result) = thread::scope(|threads| {
        let beside = threads.spawn(|| scripted.output());
        let result = vitest(ctx, &mut network, "e2e", tally);
        (beside.join(), result)
    });
    let beside = beside.map_err(|_| anyhow!("the flows with scripted nodes were not run"))??;
    print!("{}{}", String::from_utf8_lossy(&beside.stdout), String::from_utf8_lossy(&beside.stderr));
    count(&report, tally)?;
    // At the end of the step, where it is seen.
    for report in [reports(ctx, "e2e"), report] {
        for flow in second_tries(&report)? {
            println!("passed only the second time: {flow}; look for what is left to chance");
        }
    }
    ensure!(beside.status.success(), "the app's tests `scripted` failed ({}), see above", beside.status);
    result
}

/// Pictures of every screen, in both themes and on a phone.
fn screenshots(ctx: &Context, tools: Tools) -> Result<()> {
    let out = ctx.root.join("docs/app");
    let mut network = beside_network(ctx, tools)?;
    network.args(["run", "--project", "e2e", "looks", "--testNamePattern", "every screen"]);
    network.env("MULTIBUS_SCREENSHOTS", &out);
    run::live(&mut network).context("the pictures could not be made")?;
    println!("The pictures are in {}.", out.display());
    Ok(())
}

/// Vitest as the command beside a fresh network, with the app built and Chromium there.
fn beside_network(ctx: &Context, tools: Tools) -> Result<Command> {
    setup::chromium(ctx)?;
    build(ctx)?;
    let mut network = localnet::for_tests(ctx, tools, "app")?;
    network
        .arg(dir(ctx).join("node_modules/.bin/vitest"))
        .env("MULTIBUS_CLI", ctx.target.join("debug/multibus"))
        .current_dir(dir(ctx));
    Ok(network)
}

/// Runs a project of Vitest and counts its tests.
fn vitest(ctx: &Context, command: &mut Command, project: &str, tally: &mut Tally) -> Result<()> {
    let (command, report) = reporting(ctx, command, project)?;
    let result = run::live(command);
    count(&report, tally)?;
    result.with_context(|| format!("the app's tests `{project}` failed, see above"))
}

/// A run of a project of Vitest, and the file in which it reports.
fn reporting<'command>(
    ctx: &Context,
    command: &'command mut Command,
    project: &str,
) -> Result<(&'command mut Command, PathBuf)> {
    let report = reports(ctx, project);
    if report.exists() {
        fs::remove_file(&report).with_context(|| format!("could not remove {}", report.display()))?;
    }
    command.args(["run", "--project", project, "--reporter=default", "--reporter=json", "--outputFile.json"]);
    Ok((command.arg(&report), report))
}

/// The file in which a project of Vitest reports.
fn reports(ctx: &Context, project: &str) -> PathBuf {
    ctx.target.join(format!("app-{project}.json"))
}

/// Counts the tests of a report, if Vitest came as far as writing it.
fn count(report: &Path, tally: &mut Tally) -> Result<()> {
    if let Ok(text) = fs::read_to_string(report) {
        tally.passed += number_of(&text, "numPassedTests")?;
        tally.failed += number_of(&text, "numFailedTests")?;
    }
    Ok(())
}

/// A number of Vitest's report.
fn number_of(report: &str, name: &str) -> Result<u64> {
    let missing = || anyhow!("Vitest's report has no number {name}");
    let (_, rest) = report.split_once(&format!("\"{name}\":")).ok_or_else(missing)?;
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().map_err(|_| missing())
}

/// The flows of a report that failed and passed when they were tried once more, each with why it failed; none where Vitest
/// came not as far as writing it.
fn second_tries(report: &Path) -> Result<Vec<String>> {
    match fs::read_to_string(report) {
        Ok(text) => second_tries_in(&text).with_context(|| format!("could not read {}", report.display())),
        Err(_) => Ok(Vec::new()),
    }
}

/// A test that passed and has failure messages failed before.
fn second_tries_in(report: &str) -> Result<Vec<String>> {
    let report: Value = serde_json::from_str(report)?;
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let mut found = Vec::new();
    for file in list(&report, "testResults") {
        for test in list(&file, "assertionResults") {
            let messages = list(&test, "failureMessages");
            if let ("passed", Some(message)) = (test["status"].as_str().unwrap_or_default(), messages.first()) {
                let name = test["fullName"].as_str().context("a test of Vitest's report has no name")?;
                let path = Path::new(file["name"].as_str().unwrap_or_default());
                let file = path.file_name().unwrap_or_default().to_string_lossy();
                // What a browser waited for in vain stands below the first line.
                let lines = || message.as_str().unwrap_or_default().lines();
                let awaited = lines().find(|line| line.contains("waiting for")).unwrap_or_default();
                let why = format!("{} {}", lines().next().unwrap_or_default(), awaited.trim());
                found.push(format!("{file}: {name} ({})", why.trim()));
            }
        }
    }
    Ok(found)
}

fn install(ctx: &Context) -> Result<()> {
    npm::install(ctx, &dir(ctx))
}

fn vite(ctx: &Context) -> Command {
    tool(ctx, "vite")
}

/// A program of the app's packages, in the app's directory.
fn tool(ctx: &Context, name: &str) -> Command {
    let mut command = ctx.command(dir(ctx).join("node_modules/.bin").join(name));
    command.current_dir(dir(ctx));
    command
}

fn dir(ctx: &Context) -> PathBuf {
    ctx.root.join("app")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_counted_from_the_report() {
        let report = "{\"numTotalTests\":20,\"numPassedTests\": 19,\"numFailedTests\":1}";
        assert_eq!(number_of(report, "numPassedTests").unwrap(), 19);
        assert_eq!(number_of(report, "numFailedTests").unwrap(), 1);
        assert!(number_of(report, "numPendingTests").is_err());
    }

    #[test]
    fn flows_that_passed_only_the_second_time_are_named() {
        let report = r#"{"testResults":[{"name":"/app/e2e/energy.e2e.ts","assertionResults":[
            {"fullName":"my energy is listed","status":"passed","failureMessages":[]},
            {"fullName":"my energy is last","status":"passed","failureMessages":["Error: 1.5 kWh\n    at energy.e2e.ts:60"]},
            {"fullName":"my energy is gone","status":"failed","failureMessages":["Error: gone","Error: gone"]}]}]}"#;
        assert_eq!(second_tries_in(report).unwrap(), ["energy.e2e.ts: my energy is last (Error: 1.5 kWh)"]);
        assert!(second_tries_in("{").is_err());
    }
}

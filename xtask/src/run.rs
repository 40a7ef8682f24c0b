//! Runs other programs: live, or quietly with progress and a log that is shown on failure.

use std::{
    fs::{self, File},
    io::{IsTerminal, Read, Seek, SeekFrom, Write},
    path::Path,
    process::{Command, Stdio},
    sync::{Mutex, TryLockError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

/// Commands that finish within this time print nothing, so that a second run is quiet.
const SILENT: Duration = Duration::from_millis(700);
/// Without a terminal, a line of progress is added at this interval.
const EVERY: Duration = Duration::from_secs(30);
/// Held by the command that shows its progress. Where two run at the same time, the second shows its own when the first is done.
static TURN: Mutex<()> = Mutex::new(());
/// Lines of a log that are shown when its command fails.
const TAIL_LINES: usize = 60;

/// `7 s`, `1 min 40 s`.
pub fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..=9 => format!("{:.1} s", time.as_secs_f64()),
        10..=59 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

/// The command as one would type it, without its environment.
pub fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    let mut text = name.to_string_lossy().into_owned();
    for arg in command.get_args() {
        let arg = arg.to_string_lossy();
        text.push(' ');
        if arg.contains([' ', '"', '$']) {
            text.extend(["'", &arg, "'"]);
        } else {
            text.push_str(&arg);
        }
    }
    text
}

/// Runs with the caller's terminal.
pub fn live(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("could not start `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// What a program prints, trimmed; `None` if it cannot run or fails.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// Runs with its output in `log`. If it takes longer than a moment, prints what it does, how long that takes (`expect`)
/// and its progress. On failure, prints the end of the log.
pub fn logged(command: &mut Command, what: &str, expect: &str, log: &Path) -> Result<Duration> {
    let start = Instant::now();
    if let Some(dir) = log.parent() {
        fs::create_dir_all(dir).with_context(|| format!("could not create {}", dir.display()))?;
    }
    let file = File::create(log).with_context(|| format!("could not write the log {}", log.display()))?;
    let mut child = command
        // Cargo then counts the crates that are left, also where it writes into a file.
        .envs([("CARGO_TERM_PROGRESS_WHEN", "always"), ("CARGO_TERM_PROGRESS_WIDTH", "80")])
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .with_context(|| format!("could not start `{}`", shown(command)))?;

    let terminal = std::io::stderr().is_terminal();
    let mut progress = Progress::default();
    let mut turn = None;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let time = start.elapsed();
        if turn.is_none() {
            turn = match TURN.try_lock() {
                Ok(turn) => Some(turn),
                Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => None,
            };
        }
        if time >= SILENT && turn.is_some() {
            progress.announce(what, expect);
            progress.show(terminal, time, log);
        }
        thread::sleep(if time < SILENT { Duration::from_millis(20) } else { Duration::from_millis(250) });
    };
    let time = start.elapsed();
    progress.finish(terminal, time, status.success());
    if !status.success() {
        eprintln!("{}", tail(log, TAIL_LINES));
        bail!(
            "{what} failed: `{}` ended with {status}. Its output is above, all of it is in {}",
            shown(command),
            log.display()
        );
    }
    Ok(time)
}

/// Runs a build of [`Context::cargo`](crate::context::Context::cargo) as [`logged`] does, and fails at a lint. Cargo repeats
/// the lints of what it need not compile.
pub fn linted(build: &mut Command, what: &str, expect: &str, log: &Path) -> Result<()> {
    let clippy = crate::context::clippy(Path::new(build.get_program()));
    clippy.context("clippy is missing; `rustup component add clippy` installs it")?;
    logged(build, what, expect, log)?;
    let text = fs::read_to_string(log).with_context(|| format!("could not read {}", log.display()))?;
    let found: Vec<_> = lints(&text).collect();
    if !found.is_empty() {
        bail!("{}\nThe lints say what to change; all of them are in {}", found.join("\n"), log.display());
    }
    Ok(())
}

/// What compilers and Cargo warn of, each with the lines that say where.
fn lints(log: &str) -> impl Iterator<Item = &str> {
    let mut is_lint = false;
    lines(log).filter(move |line| {
        let goes_on = line.starts_with([' ', '|', '=']) && !line.starts_with("   Compiling");
        is_lint = line.starts_with("warning") || is_lint && goes_on;
        is_lint
    })
}

#[derive(Default)]
struct Progress {
    announced: bool,
    lines: u32,
    pace: Pace,
}

impl Progress {
    fn announce(&mut self, what: &str, expect: &str) {
        if !self.announced {
            eprintln!("  {what} ({expect}) ...");
            self.announced = true;
        }
    }

    fn show(&mut self, terminal: bool, time: Duration, log: &Path) {
        if terminal {
            let doing: String = self.pace.doing(&end(log, 2 * 1024), time).chars().take(100).collect();
            eprint!("\r\x1b[2K    {} {doing}", elapsed(time));
            let _ = std::io::stderr().flush();
        } else if time >= EVERY * (self.lines + 1) {
            self.lines += 1;
            eprintln!("    {} {}", elapsed(time), self.pace.doing(&end(log, 2 * 1024), time));
        }
    }

    fn finish(&self, terminal: bool, time: Duration, success: bool) {
        if self.announced {
            let clear = if terminal { "\r\x1b[2K" } else { "" };
            let word = if success { "done in" } else { "failed after" };
            eprintln!("{clear}    {word} {}", elapsed(time));
        }
    }
}

/// How fast Cargo compiles.
#[derive(Default)]
struct Pace {
    /// When its bar was first seen, and how many crates it counted then: those need not be compiled.
    first: Option<(Duration, u64)>,
}

impl Pace {
    /// What a command is doing, from the end of its log: how many crates Cargo has compiled of all, and how long the rest takes at
    /// its pace; else its last line.
    fn doing(&mut self, log: &str, time: Duration) -> String {
        let mut latest = log.split(['\n', '\r']).rev().map(|line| line.trim_start_matches("\x1b[K").trim());
        let latest = latest.find(|line| !line.is_empty()).unwrap_or_default();
        let Some(Bar { done, total, crates }) = Bar::parse(latest) else { return latest.to_owned() };
        let (begun, fresh) = *self.first.get_or_insert((time, done));
        let compiled = done.saturating_sub(fresh);
        let left = match compiled {
            // The first crates say little about the others.
            0..20 => String::new(),
            _ => {
                let each = time.saturating_sub(begun).as_secs_f64() / compiled as f64;
                format!(", about {} left", elapsed(Duration::from_secs_f64(each * (total - done) as f64)))
            }
        };
        format!("{done} of {total} crates compiled{left}: {crates}")
    }
}

/// Cargo's progress bar: `Building [====>   ] 120/480: syn, serde`.
struct Bar<'a> {
    done: u64,
    total: u64,
    /// Those that are being compiled.
    crates: &'a str,
}

impl<'a> Bar<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (_, bar) = line.split_once("Building [")?;
        let (_, rest) = bar.split_once(']')?;
        let (counts, crates) = rest.split_once(':').unwrap_or((rest, ""));
        let (done, total) = counts.trim().split_once('/')?;
        let (done, total) = (done.parse().ok()?, total.parse().ok()?);
        let crates = crates.split('\x1b').next().unwrap_or_default().trim();
        (done <= total).then_some(Self { done, total, crates })
    }
}

/// The last bytes of a file as text.
fn end(path: &Path, bytes: u64) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

/// Lines that say something: neither empty nor a progress bar, and without terminal control.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', '\r'])
        .map(|line| line.trim_start_matches("\x1b[K"))
        .filter(|line| !line.trim().is_empty() && Bar::parse(line).is_none())
}

/// The last lines of a file.
fn tail(path: &Path, count: usize) -> String {
    let text = end(path, 256 * 1024);
    let all: Vec<&str> = lines(&text).collect();
    let last = &all[all.len().saturating_sub(count)..];
    last.iter().map(|line| shortened(line)).collect::<Vec<_>>().join("\n")
}

/// rustc prints a failed linker's command in one line of thousands of characters.
fn shortened(line: &str) -> String {
    const LONGEST: usize = 400;
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} ... (all of this line is in the log)", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_say_them() {
        assert_eq!(elapsed(Duration::from_millis(340)), "0.3 s");
        assert_eq!(elapsed(Duration::from_secs(42)), "42 s");
        assert_eq!(elapsed(Duration::from_secs(100)), "1 min 40 s");
    }

    #[test]
    fn a_long_build_says_how_much_is_left() {
        let mut pace = Pace::default();
        let begun = "    Building [>     ] 20/400: syn";
        assert_eq!(pace.doing(begun, Duration::from_secs(2)), "20 of 400 crates compiled: syn");
        let log = "   Compiling syn v2.0.119\n\r    Building [==>        ] 120/400: syn, serde(build)\r\x1b[K\r";
        assert_eq!(
            pace.doing(log, Duration::from_secs(62)),
            "120 of 400 crates compiled, about 2 min 48 s left: syn, serde(build)"
        );
        // Where most is compiled already, the pace of the others is not known.
        let mut warm = Pace::default();
        assert_eq!(warm.doing("Building [=>] 390/400: a", Duration::from_secs(2)), "390 of 400 crates compiled: a");
        assert_eq!(warm.doing("Building [=>] 399/400: b", Duration::from_mins(2)), "399 of 400 crates compiled: b");
        let doing = |log: &str, time| Pace::default().doing(log, time);
        assert_eq!(doing("Unpacking libclang\nSetting up libclang\n", Duration::ZERO), "Setting up libclang");
        assert_eq!(doing("", Duration::ZERO), "");
        // What the command does once everything is compiled.
        let compiled = "    Building [=====>] 399/400: xtask\r\x1b[K    Finished in 3s\nGenerating\n";
        assert_eq!(doing(compiled, Duration::ZERO), "Generating");
        // Bars are no lines of a log, and neither is what clears them.
        let failed = "error: why\n\r    Building [=====>] 399/400: xtask\r\x1b[Kerror: could not compile\n";
        assert_eq!(lines(failed).collect::<Vec<_>>(), ["error: why", "error: could not compile"]);
        assert!(Bar::parse("    Building [=>] 5/4: x").is_none() && Bar::parse("Building [ab").is_none());
    }

    #[test]
    fn lints_are_found_among_what_cargo_says() {
        let log = "   Compiling a v0.1.0 (a)\n\r    Building [=>  ] 1/2: a\r\x1b[Kwarning: unused variable: `x`\n --> a/src/lib.rs:1:2\n  |\n\
                   1 | let x = 1;\n\nwarning: `a` (lib) generated 1 warning\n   Compiling b v0.1.0 (b)\n    Finished `dev`\n";
        let found: Vec<_> = lints(log).collect();
        assert_eq!(found[..2], ["warning: unused variable: `x`", " --> a/src/lib.rs:1:2"]);
        assert_eq!(found.last(), Some(&"warning: `a` (lib) generated 1 warning"));
        assert_eq!(lints("   Compiling a v0.1.0 (a)\n    Finished `dev`\n  Executable tests\n").count(), 0);
    }

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("/usr/bin/cargo");
        command.args(["build", "--cfg a=\"b\""]);
        assert_eq!(shown(&command), "cargo build '--cfg a=\"b\"'");
    }

    #[test]
    fn a_failing_command_names_itself_and_its_log() {
        let log = std::env::temp_dir().join(format!("multibus-xtask-run-{}.log", std::process::id()));
        let error = logged(Command::new("sh").args(["-c", "echo why; exit 3"]), "Trying", "no time", &log)
            .unwrap_err()
            .to_string();
        assert!(error.contains("Trying failed"), "{error}");
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(error.contains(&log.display().to_string()), "{error}");
        assert_eq!(fs::read_to_string(&log).unwrap(), "why\n");
        fs::remove_file(&log).unwrap();
    }
}

//! The command line of xtask, run as a user runs it.
//!
//! This test has a second use. Naming it in `cargo build` turns on the features of shared dependencies that the
//! workspace's tests need, so that the CLI which `demo` builds and the tests share one build (see `demo::build_cli`).

use std::process::{Command, Output};

fn xtask(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(args).output().expect("the built xtask starts")
}

#[test]
fn help_names_every_command_and_the_environment() {
    let help = xtask(&["--help"]);
    let text = String::from_utf8_lossy(&help.stdout);
    assert!(help.status.success());
    for word in [
        "build",
        "demo",
        "test",
        "localnet",
        "e2e",
        "hash",
        "planted",
        "cu",
        "idl",
        "client-ts",
        "golden",
        "anchor",
        "migrate",
        "setup",
        "tidy",
        "MULTIBUS_CACHE",
        "CI",
    ] {
        assert!(text.contains(word), "`{word}` is missing in:\n{text}");
    }
}

#[test]
fn every_check_is_listed_with_what_it_shows() {
    let list = xtask(&["test", "--list"]);
    let text = String::from_utf8_lossy(&list.stdout);
    for name in [
        "fmt",
        "program",
        "clippy",
        "tidy",
        "planted",
        "idl",
        "client-ts",
        "app",
        "docs",
        "package",
        "tests",
        "replay",
        "surfpool",
        "agave",
    ] {
        let line = text.lines().find(|line| line.starts_with(name));
        assert!(line.is_some_and(|line| line.len() > name.len() + 10), "{name} in:\n{text}");
    }
}

#[test]
fn an_unknown_check_is_refused_with_the_known_ones() {
    let refused = xtask(&["test", "--only", "nothing"]);
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success());
    assert!(text.contains("no check called nothing") && text.contains("clippy"), "{text}");
}

#[test]
fn stopping_no_network_says_so_and_takes_no_other_option() {
    let target = std::env::temp_dir().join(format!("multibus-xtask-chores-{}", std::process::id()));
    let mut stop = Command::new(env!("CARGO_BIN_EXE_xtask"));
    let stopped = stop.args(["localnet", "--stop"]).env("CARGO_TARGET_DIR", &target).output().expect("xtask starts");
    let text = String::from_utf8_lossy(&stopped.stderr);
    assert!(stopped.status.success() && text.contains("No network of this checkout is running"), "{text}");
    let refused = xtask(&["localnet", "--stop", "--reset"]);
    assert_eq!(refused.status.code(), Some(2), "{}", String::from_utf8_lossy(&refused.stderr));
}

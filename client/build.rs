//! Finds the compiled program that a package of this crate brings along, for the embedded chain.
//!
//! A checkout has no such file: there, the program is what `cargo xtask build` made of the present sources.

use std::{env, path::Path};

const PROGRAM: &str = "program/multibus.so";
/// Files that Cargo writes into packages.
const OF_PACKAGES: [&str; 2] = ["Cargo.toml.orig", ".cargo_vcs_info.json"];
/// The address that program and clients are compiled for, where it is not the default one.
const PROGRAM_ID: &str = "MULTIBUS_PROGRAM_ID";

fn main() {
    println!("cargo::rustc-check-cfg=cfg(packed_program)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={PROGRAM_ID}");
    if !OF_PACKAGES.iter().any(|file| Path::new(file).exists()) {
        return;
    }
    println!("cargo::rerun-if-changed={PROGRAM}");
    let is_at_default = env::var(PROGRAM_ID).map_or(true, |id| id.is_empty());
    if env::var_os("CARGO_FEATURE_EMBEDDED").is_some() && is_at_default {
        assert!(
            Path::new(PROGRAM).is_file(),
            "this package lacks {PROGRAM}; whoever packs it runs `cargo xtask test --only package` first"
        );
        println!("cargo::rustc-cfg=packed_program");
    }
}

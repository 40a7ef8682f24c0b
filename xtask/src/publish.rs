//! Checks of the published crates: their documentation and their packages.

use anyhow::{Context as _, Result, ensure};

use crate::{context::Context, run};

/// The crates that can be published, with what their packages must contain.
const CRATES: [(&str, &[&str]); 4] = [
    ("multibus", &["Cargo.toml", "README.md", "src/lib.rs", "src/instructions/purchase.rs"]),
    ("multibus-client", &["Cargo.toml", "README.md", "src/lib.rs", "examples/create_bus.rs"]),
    ("multibus-replay", &["Cargo.toml", "README.md", "src/lib.rs", "src/report.css"]),
    ("multibus-cli", &["Cargo.toml", "README.md", "src/main.rs"]),
];

/// Builds the documentation of the published crates; every warning is an error.
pub fn docs(ctx: &Context) -> Result<()> {
    let mut doc = ctx.cargo();
    doc.args(["doc", "--no-deps", "--lib", "--locked", "--ignore-rust-version"]);
    for (name, _) in CRATES {
        doc.args(["--package", name]);
    }
    doc.env("RUSTDOCFLAGS", "-D warnings");
    run::logged(&mut doc, "Building the documentation", "about 2 minutes from scratch on two cores", &ctx.log("docs"))?;
    println!("{}", ctx.target.join("doc/multibus_client/index.html").display());
    Ok(())
}

/// Lists what the packages of the published crates would contain, and fails on cargo's warnings.
pub fn packages(ctx: &Context) -> Result<()> {
    for (name, wanted) in CRATES {
        let mut package = ctx.cargo();
        package.args(["package", "--list", "--allow-dirty", "--locked", "--package", name]);
        let output = package.output().context("could not start cargo")?;
        let (list, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "`{}` failed: {said}", run::shown(&package));
        ensure!(!said.contains("warning:"), "the package of {name} is not complete: {said}");
        for file in wanted {
            ensure!(list.lines().any(|line| line == *file), "the package of {name} lacks {file}; it has:\n{list}");
        }
        println!("{name}: {} files", list.lines().count());
    }
    Ok(())
}

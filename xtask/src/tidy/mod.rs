//! House rules that no lint checks.
//!
//! - no ignored test, no claim of attacks behind other code, no conflict marker, and no path of a home directory;
//! - the modules of each crate import each other without circles ([`imports`]);
//! - links of Markdown pages lead somewhere, and the `cargo xtask` commands that they show exist ([`pages`]);
//! - tests and rules that documents name exist ([`promises`]).

mod imports;
mod promises;
mod syntax;

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};

use crate::{context::Context, files::project_files, help, pages};

/// Files of these kinds are read; others may be binary.
const TEXT: &[&str] = &[
    "rs", "toml", "md", "json", "sh", "py", "ts", "tsx", "js", "mjs", "css", "html", "yml", "yaml", "csv", "txt", "svg",
];

pub fn check(ctx: &Context) -> Result<()> {
    let mut findings = Vec::new();
    let (mut read, mut promises) = (0, promises::Names::default());
    let files = project_files(&ctx.root)?;
    for file in &files {
        let extension = file.extension().and_then(|ext| ext.to_str()).unwrap_or_default();
        if !TEXT.contains(&extension) {
            continue;
        }
        let Ok(text) = fs::read_to_string(ctx.root.join(file)) else { continue };
        read += 1;
        check_text(file, &text, &mut findings);
        if extension == "rs" {
            let syntax = syntax::File::parse(&text).with_context(|| format!("could not parse {}", file.display()))?;
            let mut find = |line: &usize, what| findings.push(format!("{}:{line}: {what}", file.display()));
            syntax.ignored.iter().for_each(|line| find(line, "an ignored test: repair it or delete it"));
            syntax.late_claims.iter().for_each(|line| find(line, "a test must claim attacks before anything else"));
            promises.add(file, &syntax);
        }
    }
    let named = promises.check(&ctx.root, &mut findings)?;
    findings.extend(pages::check(&ctx.root, &files, &help::commands())?);
    let modules = imports::check(ctx, &mut findings)?;
    for finding in &findings {
        println!("{finding}");
    }
    ensure!(findings.is_empty(), "{} findings, listed above", findings.len());
    println!(
        "{read} files are tidy; {modules} modules import each other without circles; {} name {named} tests and rules",
        promises::DOCUMENTS.join(" and ")
    );
    Ok(())
}

fn check_text(file: &Path, text: &str, findings: &mut Vec<String>) {
    for (index, line) in text.lines().enumerate() {
        let mut find = |what: &str| findings.push(format!("{}:{}: {what}", file.display(), index + 1));
        let marker = ["<<<<<<<", "|||||||", ">>>>>>>"];
        if marker.iter().any(|marker| line.strip_prefix(marker).is_some_and(|rest| rest.starts_with(' '))) {
            find("a conflict marker");
        }
        if let Some(path) = home_path(line) {
            find(&format!("the path {path} exists on one machine only"));
        }
    }
}

/// The path of a home directory of a person, which a placeholder like `/home/you` is not.
fn home_path(line: &str) -> Option<&str> {
    const PLACEHOLDERS: &[&str] = &["you", "user", "me", "name", ""];
    for (prefix, named) in [("/home/", true), ("/Users/", true), ("/root/", false)] {
        for (at, _) in line.match_indices(prefix) {
            // A part of an address or of another path is none.
            let before = line[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || "._-~}".contains(c)) {
                continue;
            }
            let rest = &line[at + prefix.len()..];
            let name =
                rest.find(|c: char| !(c.is_alphanumeric() || "._-".contains(c))).map_or(rest, |end| &rest[..end]);
            let path = &line[at..at + prefix.len() + name.len()];
            if named && !PLACEHOLDERS.contains(&name) && rest[name.len()..].starts_with('/')
                || !named && !name.is_empty()
            {
                return Some(path);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<String> {
        let mut findings = Vec::new();
        check_text(Path::new("lib.rs"), text, &mut findings);
        findings
    }

    fn one(text: &str) -> String {
        let found = findings(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        found[0].clone()
    }

    #[test]
    fn conflict_markers_are_found_and_underlines_are_not() {
        let marker = "<".repeat(7);
        assert!(one(&format!("{marker} HEAD")).contains("conflict"));
        assert_eq!(findings(&format!("// {}", "=".repeat(7))), Vec::<String>::new());
    }

    #[test]
    fn somebodys_home_is_found_and_a_placeholder_is_not() {
        let (home, root) = (format!("/{}/ada/src", "home"), format!("/{}/.cargo", "root"));
        assert!(one(&format!("// {home}")).contains("one machine"));
        assert!(one(&format!("// \"{root}\"")).contains("one machine"));
        for text in ["// /home/you/multibus and ~/.cache/multibus", "// https://example.com/home/ada/x", "// /home/"] {
            assert_eq!(findings(text), Vec::<String>::new(), "{text}");
        }
    }
}

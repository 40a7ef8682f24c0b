//! Checks of the Markdown pages: links lead to files and headings that exist, and the `cargo xtask` commands that a
//! page shows exist.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context as _, Result};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Headings, links and commands of a page.
#[derive(Default)]
struct Page {
    /// Fragments of its headings, as GitHub makes them.
    headings: BTreeSet<String>,
    /// Each with its line.
    links: Vec<(usize, String)>,
    /// The words after `cargo xtask`, each with its line.
    commands: Vec<(usize, String)>,
}

/// Finds what is wrong with the Markdown files among these, as `file:line: what`.
pub fn check(root: &Path, files: &[PathBuf], commands: &[&str]) -> Result<Vec<String>> {
    let mut pages = BTreeMap::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "md")) {
        let text = fs::read_to_string(root.join(file)).with_context(|| format!("could not read {}", file.display()))?;
        pages.insert(file.clone(), read(&text));
    }
    let mut findings = Vec::new();
    for (file, page) in &pages {
        for (line, link) in &page.links {
            if let Some(what) = broken(root, &pages, file, link) {
                findings.push(format!("{}:{line}: the link to {link} leads nowhere: {what}", file.display()));
            }
        }
        for (line, command) in page.commands.iter().filter(|(_, command)| !commands.contains(&command.as_str())) {
            findings.push(format!("{}:{line}: there is no command `cargo xtask {command}`", file.display()));
        }
    }
    Ok(findings)
}

fn read(text: &str) -> Page {
    let mut page = Page::default();
    let mut heading: Option<String> = None;
    for (event, at) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        let line = text[..at.start].matches('\n').count() + 1;
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => page.add_heading(&heading.take().unwrap_or_default()),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push((line, dest_url.into_string()));
            }
            Event::Text(words) | Event::Code(words) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&words);
                }
                page.commands.extend(commands(&words).map(|command| (line, command)));
            }
            _ => {}
        }
    }
    page
}

impl Page {
    /// GitHub's fragment of a heading: lower-case letters, digits, `-` and `_`, and `-` for a space. A heading that comes
    /// again gets a number.
    fn add_heading(&mut self, heading: &str) {
        let kept = heading.trim().to_lowercase().replace(' ', "-");
        let fragment: String = kept.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect();
        let numbered = (1..).map(|number| format!("{fragment}-{number}"));
        let free = std::iter::once(fragment.clone()).chain(numbered).find(|name| !self.headings.contains(name));
        self.headings.extend(free);
    }
}

/// The words after each `cargo xtask`, options and placeholders left out.
fn commands(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split("cargo xtask ").skip(1).filter_map(|after| {
        let word: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        word.starts_with(|c: char| c.is_ascii_alphanumeric()).then_some(word)
    })
}

/// Why a link of a page leads nowhere; `None` if it is good, or leads to another site.
fn broken(root: &Path, pages: &BTreeMap<PathBuf, Page>, from: &Path, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
    let file = if path.is_empty() { from.to_owned() } else { joined(from.parent()?, path) };
    if !root.join(&file).exists() {
        return Some(format!("there is no {}", file.display()));
    }
    let page = pages.get(&file).filter(|_| !fragment.is_empty())?;
    (!page.headings.contains(fragment)).then(|| format!("{} has no heading #{fragment}", file.display()))
}

/// A relative path from a folder, with its `..` resolved.
fn joined(folder: &Path, path: &str) -> PathBuf {
    let mut out = PathBuf::new();
    for component in folder.join(path).components() {
        match component {
            Component::ParentDir if out.pop() => {}
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_links_and_unknown_commands_are_found() {
        let root = std::env::temp_dir().join(format!("multibus-xtask-pages-{}", std::process::id()));
        fs::create_dir_all(root.join("docs")).unwrap();
        let good = "# A title, with `code`\n\n[a](docs/b.md#same-1) [b](#a-title-with-code) [c](https://example.org)\n\n\
                    `cargo xtask test --list`, `cargo xtask --help`\n\n```console\ncargo xtask demo\n```\n";
        fs::write(root.join("a.md"), good).unwrap();
        let bad =
            "# Same\n\n# Same\n\n[no](../c.md) [yes](../a.md)\n[no](../a.md#title)\n![no](x.png) `cargo xtask dance`\n";
        fs::write(root.join("docs/b.md"), bad).unwrap();
        let files = ["a.md", "docs/b.md"].map(PathBuf::from);
        let found = check(&root, &files, &["test", "demo"]).unwrap();
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(
            found,
            [
                "docs/b.md:5: the link to ../c.md leads nowhere: there is no c.md",
                "docs/b.md:6: the link to ../a.md#title leads nowhere: a.md has no heading #title",
                "docs/b.md:7: the link to x.png leads nowhere: there is no docs/x.png",
                "docs/b.md:7: there is no command `cargo xtask dance`",
            ]
        );
    }
}

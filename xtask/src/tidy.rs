//! House rules that neither the compiler nor clippy checks.
//!
//! - no `todo!`, `unimplemented!`, `dbg!` and no ignored test: what is committed is finished;
//! - every `unsafe` block and impl has a `SAFETY:` comment that says why it is sound;
//! - every `#[allow(...)]` and `#[expect(...)]` says why, with `reason = "..."`;
//! - no conflict markers, and no path of somebody's home directory;
//! - links of Markdown pages lead somewhere, and the `cargo xtask` commands that they show exist.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use crate::{context::Context, help, pages, run};

/// Files of these kinds are read; others may be binary.
const TEXT: &[&str] = &[
    "rs", "toml", "md", "json", "sh", "py", "ts", "tsx", "js", "mjs", "css", "html", "yml", "yaml", "csv", "txt", "svg",
];
/// Directories that hold what was built or downloaded.
const SKIPPED: &[&str] = &["target", "node_modules", "dist", ".git"];

pub fn check(ctx: &Context) -> Result<()> {
    let mut findings = Vec::new();
    let files = project_files(&ctx.root)?;
    let mut read = 0;
    for file in &files {
        let extension = file.extension().and_then(|ext| ext.to_str()).unwrap_or_default();
        if !TEXT.contains(&extension) {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(ctx.root.join(file)) else {
            continue;
        };
        read += 1;
        findings.extend(check_text(file, &text));
    }
    let mut findings: Vec<String> = findings.iter().map(Finding::to_string).collect();
    findings.extend(pages::check(&ctx.root, &files, &help::commands())?);
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} tidiness findings, listed above", findings.len());
    }
    println!("{read} files are tidy");
    Ok(())
}

/// The files that belong to the project, relative to its root: what git tracks or would track.
pub fn project_files(root: &Path) -> Result<Vec<PathBuf>> {
    let listed = run::output(Command::new("git").current_dir(root).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]));
    let mut files: Vec<PathBuf> = match listed {
        // Without git, as in an unpacked archive.
        None => {
            let mut files = Vec::new();
            walk(root, Path::new(""), &mut files)?;
            files
        }
        Some(list) => list
            .split('\0')
            .filter(|name| !name.is_empty())
            .map(PathBuf::from)
            .filter(|file| root.join(file).is_file())
            .collect(),
    };
    files.sort();
    files.dedup();
    Ok(files)
}

fn walk(root: &Path, dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(root.join(dir))? {
        let entry = entry?;
        let path = dir.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() && !SKIPPED.iter().any(|name| entry.file_name() == *name) {
            walk(root, &path, files)?;
        } else if kind.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

struct Finding {
    file: PathBuf,
    line: usize,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.what)
    }
}

fn check_text(file: &Path, text: &str) -> Vec<Finding> {
    let mut found: Vec<(usize, String)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let marker = ["<<<<<<<", "|||||||", ">>>>>>>"]
            .iter()
            .any(|marker| line.strip_prefix(marker).is_some_and(|rest| rest.starts_with(' ')));
        if marker {
            found.push((index, "a conflict marker".to_owned()));
        }
        if let Some(path) = home_path(line) {
            found.push((index, format!("the path {path} exists on one machine only")));
        }
    }
    if file.extension().is_some_and(|ext| ext == "rs") {
        check_rust(text, &mut found);
    }
    found.into_iter().map(|(index, what)| Finding { file: file.to_path_buf(), line: index + 1, what }).collect()
}

fn check_rust(text: &str, found: &mut Vec<(usize, String)>) {
    let code = code_only(text);
    let raw: Vec<&str> = text.lines().collect();
    for (index, line) in code.lines().enumerate() {
        for name in ["todo", "unimplemented", "dbg"] {
            if has_word(line, &format!("{name}!")) {
                found.push((index, format!("{name}! is left over: finish it or take it out")));
            }
        }
        if line.contains("#[ignore") {
            found.push((index, "an ignored test proves nothing: repair it or take it out".to_owned()));
        }
        let block = has_word(line, "unsafe")
            && line.split("unsafe").skip(1).any(|rest| {
                let rest = rest.trim_start();
                rest.starts_with('{') || rest.starts_with("impl") || rest.is_empty()
            });
        if block && !has_safety_comment(&raw, index) {
            found.push((index, "unsafe without a SAFETY: comment that says why it is sound".to_owned()));
        }
    }
    for name in ["allow", "expect"] {
        for open in ["#[", "#!["] {
            let attribute = format!("{open}{name}(");
            for (at, _) in code.match_indices(&attribute) {
                let body = &code[at..];
                let end = body.find(")]").unwrap_or(body.len());
                if !has_word(&body[..end], "reason") {
                    let index = code[..at].matches('\n').count();
                    found.push((index, format!("{attribute}...) does not say why: add reason = \"...\"")));
                }
            }
        }
    }
}

/// On the line itself, or in the comment (and attributes) right above the statement.
fn has_safety_comment(lines: &[&str], index: usize) -> bool {
    const STATEMENT: usize = 4;
    if lines[index].contains("SAFETY:") {
        return true;
    }
    let mut code_lines = 0;
    for line in lines[..index].iter().rev() {
        let line = line.trim();
        if line.contains("SAFETY:") {
            return true;
        }
        if line.is_empty() {
            return false;
        }
        if !line.starts_with("//") && !line.starts_with("#[") {
            code_lines += 1;
            // An earlier statement's comment is not this one's.
            if code_lines > STATEMENT || line.ends_with([';', '}']) {
                return false;
            }
        }
    }
    false
}

/// Whether `word` stands in `line` on its own, not as the end of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !part(before) && (word.ends_with('!') || !part(after))
    })
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

/// The text with comments, strings and characters blanked out; every line stays where it is.
pub fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        let end = match at(i) {
            '/' if at(i + 1) == '/' => line_end(&chars, i),
            '/' if at(i + 1) == '*' => block_comment_end(&chars, i),
            '"' => string_end(&chars, i + 1),
            'r' if !is_name(at(i.wrapping_sub(1))) || i > 0 && at(i - 1) == 'b' => {
                raw_string_end(&chars, i).unwrap_or(i)
            }
            '\'' => char_end(&chars, i).unwrap_or(i),
            _ => i,
        };
        if end == i {
            out.push(chars[i]);
            i += 1;
        } else {
            out.extend(chars[i..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            i = end;
        }
    }
    out
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn line_end(chars: &[char], from: usize) -> usize {
    (from..chars.len()).find(|&i| chars[i] == '\n').unwrap_or(chars.len())
}

fn block_comment_end(chars: &[char], from: usize) -> usize {
    let mut depth = 0;
    let mut i = from;
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => {
                depth += 1;
                i += 2;
            }
            ('*', '/') => {
                depth -= 1;
                i += 2;
                if depth == 0 {
                    return i;
                }
            }
            _ => i += 1,
        }
    }
    chars.len()
}

fn string_end(chars: &[char], mut i: usize) -> usize {
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    chars.len()
}

/// `r"..."`, `r#"..."#`; not `r#name`.
fn raw_string_end(chars: &[char], from: usize) -> Option<usize> {
    let hashes = chars[from + 1..].iter().take_while(|&&c| c == '#').count();
    let open = from + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let closes =
        |i: usize| chars[i] == '"' && chars[i + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes;
    let end = (open + 1..chars.len()).find(|&i| closes(i));
    Some(end.map_or(chars.len(), |i| i + 1 + hashes))
}

/// A character, as opposed to a lifetime.
fn char_end(chars: &[char], from: usize) -> Option<usize> {
    if chars.get(from + 1) == Some(&'\\') {
        let close = (from + 3..chars.len()).find(|&i| chars[i] == '\'')?;
        return Some(close + 1);
    }
    (chars.get(from + 2) == Some(&'\'')).then_some(from + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<String> {
        check_text(Path::new("lib.rs"), text).iter().map(ToString::to_string).collect()
    }

    fn one(text: &str) -> String {
        let found = findings(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        found[0].clone()
    }

    #[test]
    fn unfinished_code_is_found_where_it_stands() {
        assert!(one("fn f() {\n    todo!(\"later\")\n}").starts_with("lib.rs:2: todo! is left over"));
        assert!(one("fn f() { unimplemented!() }").contains("unimplemented!"));
        assert!(one("let x = dbg!(y);").contains("dbg!"));
        assert!(one("#[test]\n#[ignore = \"slow\"]\nfn f() {}").contains("ignored test"));
    }

    #[test]
    fn words_in_comments_strings_and_longer_names_are_not_code() {
        for text in [
            "// todo!() and unsafe { }",
            "/* outer /* todo!() */ dbg!(x) */ fn f() {}",
            "let text = \"todo!() \\\" dbg!(x)\";",
            "let text = r#\"todo!() \" unsafe {\"#;",
            "let quote = '\"'; let text = \"dbg!(x)\";",
            "let quote = '\\''; let text = \"dbg!(x)\";",
            "my_todo!();",
            "fn f<'a>(x: &'a str) -> &'a str { x }",
        ] {
            assert_eq!(findings(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn unsafe_needs_its_reason() {
        assert!(one("let x = unsafe { *p };").contains("SAFETY"));
        assert!(one("unsafe impl Send for X {}").contains("SAFETY"));
        assert!(one("// SAFETY: p is valid\nlet x = unsafe { *p };\nlet y = unsafe { *q };").starts_with("lib.rs:3"));
        for text in [
            "// SAFETY: p is valid\nlet x = unsafe { *p };",
            "let x = unsafe { *p }; // SAFETY: p is valid",
            "// SAFETY: p is valid,\n// and aligned\n#[inline]\nunsafe impl Send for X {}",
            "// SAFETY: p is valid\nlet x =\n    unsafe { *p };",
            "unsafe fn f() {}",
            "#![forbid(unsafe_code)]",
        ] {
            assert_eq!(findings(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn an_allowed_lint_says_why() {
        assert!(one("#[allow(dead_code)]\nfn f() {}").starts_with("lib.rs:1: #[allow("));
        assert!(one("\n#![allow(clippy::all)]").starts_with("lib.rs:2: #![allow("));
        assert!(one("#[expect(dead_code)]").contains("reason"));
        assert_eq!(findings("#[allow(\n    dead_code,\n    reason = \"read by tests\"\n)]"), Vec::<String>::new());
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

//! Many bugs in one program, of which a number in its bytes turns one on.
//!
//! A build takes many times as long as the tests of one bug. Most bugs change one line inside a function: all of these
//! are compiled into one program, each as `if planted(7) { with the bug } else { as it is }`. The number that `planted`
//! compares with lies in the program's data behind a mark, so that a copy of the file with another number is the program
//! with another bug. It is read as volatile, which keeps the compiler from knowing it. Changes of types,
//! of attributes other than constraints and of what is computed at compile time cannot be switched, and are built on
//! their own.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

use crate::tidy;

/// What comes before the number in the program's data.
const MARK: &[u8; 16] = b"planted bug no.\0";
/// Where the switch is declared.
pub const CRATE: &str = "programs/multibus/src/lib.rs";
pub const SWITCH: &str = r#"
#[cfg(target_os = "solana")]
static PLANTED: [u8; 18] = *b"planted bug no.\0\0\0";

/// Number of the bug that is turned on.
#[cfg(target_os = "solana")]
#[inline(always)]
fn on() -> u16 {
    // SAFETY: both bytes belong to the array.
    u16::from_le_bytes(unsafe { core::ptr::read_volatile(PLANTED.as_ptr().add(16) as *const [u8; 2]) })
}

/// The same for tests on this machine.
#[cfg(not(target_os = "solana"))]
fn on() -> u16 {
    static ON: std::sync::LazyLock<u16> =
        std::sync::LazyLock::new(|| std::env::var("PLANTED").map_or(0, |number| number.parse().unwrap()));
    *ON
}

/// Whether this bug is turned on.
#[inline(always)]
pub fn planted(number: u16) -> bool {
    on() == number
}

/// Whether none of these is.
#[inline(always)]
pub fn unplanted(first: u16, last: u16) -> bool {
    on().wrapping_sub(first) > last - first
}
"#;

/// One line (or some, where they are taken out) of a file that becomes another.
pub struct Change {
    pub file: PathBuf,
    /// The first line and how many.
    pub place: usize,
    pub before: Vec<String>,
    pub after: Vec<String>,
}

/// What has been switched so far.
#[derive(Default)]
pub struct Switchboard {
    /// The files with their lines, and the versions by place.
    files: BTreeMap<PathBuf, Lines>,
}

struct Lines {
    text: Vec<String>,
    /// Blanked of comments and strings.
    code: Vec<String>,
    switched: BTreeMap<usize, Switch>,
}

/// A place that can hold several versions of what it says, between what is the same in all.
#[derive(Clone, PartialEq)]
struct Place {
    lines: usize,
    head: String,
    before: String,
    tail: String,
}

struct Switch {
    place: Place,
    versions: Vec<(u16, String)>,
}

impl Switchboard {
    /// Takes a bug in under its number; `false` where it cannot be switched.
    pub fn take(&mut self, root: &Path, number: u16, change: &Change) -> Result<bool> {
        if !self.files.contains_key(&change.file) {
            let text = std::fs::read_to_string(root.join(&change.file))
                .with_context(|| format!("could not read {}", change.file.display()))?;
            let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
            let code = lines(&tidy::code_only(&text));
            let file = Lines { text: lines(&text), code, switched: BTreeMap::new() };
            self.files.insert(change.file.clone(), file);
        }
        let Some(lines) = self.files.get_mut(&change.file) else { return Ok(false) };
        Ok(lines.take(number, change))
    }

    /// The files with all versions of their lines, and the switch.
    pub fn files(&self, root: &Path) -> Result<BTreeMap<PathBuf, String>> {
        let mut files: BTreeMap<PathBuf, String> =
            self.files.iter().map(|(file, lines)| (file.clone(), lines.written())).collect();
        let lib = match files.remove(Path::new(CRATE)) {
            Some(text) => text,
            None => std::fs::read_to_string(root.join(CRATE))?,
        };
        files.insert(CRATE.into(), lib + SWITCH);
        Ok(files)
    }
}

/// The program with one bug turned on.
pub fn turned_on(elf: &[u8], number: u16) -> Result<Vec<u8>> {
    let mut places = elf.windows(MARK.len()).enumerate().filter(|(_, window)| window == MARK).map(|(place, _)| place);
    let place = places.next().context("the program has no switch")?;
    ensure!(places.next().is_none(), "the program has two switches");
    let mut elf = elf.to_vec();
    elf[place + MARK.len()..][..2].copy_from_slice(&number.to_le_bytes());
    Ok(elf)
}

impl Lines {
    fn take(&mut self, number: u16, change: &Change) -> bool {
        let at = change.place;
        let above = &self.code[..at];
        if above.iter().any(|line| line == "#[cfg(test)]") {
            return false;
        }
        let next = self.code.get(at + change.before.len()).map_or("", |line| line.trim());
        let switched = match &change.before[..] {
            [attribute] if attribute.starts_with("#[account(") => constraint(attribute, &change.after, next),
            before => {
                // Only what runs in the program can ask it.
                let function = above.iter().rev().find(|line| line.contains("fn "));
                let runs = function.is_some_and(|line| !line.contains("const fn"));
                runs.then(|| form(before, &change.after, next)).flatten()
            }
        };
        let Some((place, version)) = switched else { return false };
        let overlaps = self
            .switched
            .iter()
            .any(|(other, switch)| *other != at && *other < at + place.lines && at < other + switch.place.lines);
        match self.switched.get_mut(&at) {
            _ if overlaps => return false,
            Some(switch) if switch.place == place => switch.versions.push((number, version)),
            Some(_) => return false,
            None => {
                self.switched.insert(at, Switch { place, versions: vec![(number, version)] });
            }
        }
        true
    }

    fn written(&self) -> String {
        let mut out = String::new();
        let mut at = 0;
        while at < self.text.len() {
            match self.switched.get(&at) {
                None => {
                    out.push_str(&self.text[at]);
                    at += 1;
                }
                Some(Switch { place, versions }) => {
                    out.push_str(&place.head);
                    for (number, version) in versions {
                        out.push_str(&format!("if crate::planted({number}) {{ {version} }} else "));
                    }
                    out.push_str(&format!("{{ {} }}{}", place.before, place.tail));
                    at += place.lines;
                }
            }
            out.push('\n');
        }
        out
    }
}

/// How an attribute can hold a constraint that it has and another (or none), where that is all that differs; `next` is
/// the field below. An address is compared in a constraint.
fn constraint(before: &str, after: &[String], next: &str) -> Option<(Place, String)> {
    let parts = |line: &str| -> Option<Vec<String>> {
        let inner = line.strip_prefix("#[account(")?.strip_suffix(")]")?;
        Some(inner.split(", ").map(str::to_owned).collect())
    };
    let was = parts(before)?;
    let is = match after {
        [] => Vec::new(),
        [line] => parts(line)?,
        _ => return None,
    };
    let at = was.iter().position(|part| !is.contains(part))?;
    let kept: Vec<&String> = was.iter().enumerate().filter(|(index, _)| *index != at).map(|(_, part)| part).collect();
    let added: Vec<&String> = is.iter().filter(|part| !was.contains(part)).collect();
    if !kept.iter().all(|part| is.contains(part)) || is.len() != kept.len() + added.len() {
        return None;
    }
    let (condition, error) = was[at].split_once(" @ ")?;
    let held = |condition: &str| -> Option<String> {
        if let Some(address) = condition.strip_prefix("address = ") {
            let (field, _) = next.strip_prefix("pub ")?.split_once(": ")?;
            return Some(format!("*{field}.address() == {address}"));
        }
        condition.strip_prefix("constraint = ").map(str::to_owned)
    };
    let version = match added[..] {
        [] => "true".to_owned(),
        [part] => {
            let (condition, other) = part.split_once(" @ ")?;
            (other == error).then(|| held(condition)).flatten()?
        }
        _ => return None,
    };
    let kept: String = kept.iter().map(|part| format!("{part}, ")).collect();
    let place = Place {
        lines: 1,
        head: format!("#[account({kept}constraint = ("),
        before: held(condition)?,
        tail: format!(") @ {error})]"),
    };
    Some((place, version))
}

/// How lines can hold other lines too, and what stands for these; `next` is the line below.
fn form(before: &[String], after: &[String], next: &str) -> Option<(Place, String)> {
    let statement = |line: &str| {
        let first = line.split([' ', '(']).next().unwrap_or_default();
        let part = ["&&", "||", ".", "}", "#"].iter().any(|part| line.starts_with(part));
        line.ends_with([';', '}']) && !part && !["let", "for", "if", "return"].contains(&first)
    };
    let whole = |version: String| {
        let place = Place { lines: before.len(), head: String::new(), before: before.join("\n"), tail: String::new() };
        (place, version)
    };
    let [was] = before else {
        // Several lines that are taken out.
        let ends = before.last().is_some_and(|line| line.ends_with([';', '}'])) && balanced(&before.join(" "));
        let first = before.first()?;
        return (after.is_empty() && ends && !first.starts_with("let ")).then(|| whole(String::new()));
    };
    let is = match after {
        [] if statement(was) && balanced(was) => return Some(whole(String::new())),
        [is] => is,
        _ => return None,
    };
    if statement(was) && (statement(is) || is.starts_with("let _ = ")) && balanced(was) && balanced(is) {
        return Some(whole(is.clone()));
    }
    let tail = [";", ",", ""].into_iter().find(|tail| was.ends_with(tail))?;
    let heads = ["=> ", "= ", ": "];
    let head = heads
        .iter()
        .filter_map(|mark| was.find(mark).map(|at| was[..at + mark.len()].to_owned()))
        .find(|head| is.starts_with(head.as_str()) && is_head(head))
        .unwrap_or_default();
    if tail == ";" && head.is_empty() || ["&&", "||", "."].iter().any(|part| next.starts_with(part)) {
        return None;
    }
    let value = |line: &str| line.strip_prefix(head.as_str())?.strip_suffix(tail).map(str::to_owned);
    let (was, is) = (value(was)?, value(is)?);
    let place = Place { lines: 1, head: head.clone(), before: was.clone(), tail: tail.to_owned() };
    (is_value(&was) && is_value(&is)).then_some((place, is))
}

/// `let x = `, `field: ` or the pattern of a match arm.
fn is_head(head: &str) -> bool {
    let name = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c == '_');
    if let Some(pattern) = head.strip_suffix("=> ") {
        return balanced(pattern) && !pattern.contains(" if ");
    }
    if let Some(bound) = head.strip_suffix(" = ") {
        return bound.strip_prefix("let ").is_some_and(|bound| name(bound.strip_prefix("mut ").unwrap_or(bound)));
    }
    head.strip_suffix(": ").is_some_and(name)
}

/// Whether this is a whole expression, not a part of one that other lines complete.
fn is_value(text: &str) -> bool {
    let first = ["&&", "||", "|", ".", ")", "}", "#", "let ", "for ", "if ", "pub ", "use "];
    let last = ["&&", "||", "(", "{", "=", "|", "+", "-", "*"];
    // `field: value` is none either.
    let field = text.split_once(": ").is_some_and(|(name, _)| is_head(&format!("{name}: ")));
    !text.is_empty()
        && !field
        && !text.contains(" => ")
        && balanced(text)
        && !first.iter().any(|part| text.starts_with(part))
        && !last.iter().any(|part| text.ends_with(part))
}

fn balanced(text: &str) -> bool {
    let mut open = Vec::new();
    for c in tidy::code_only(text).chars() {
        match c {
            '(' | '[' | '{' => open.push(c),
            ')' | ']' | '}' => {
                let pair = open.pop().is_some_and(|o| matches!((o, c), ('(', ')') | ('[', ']') | ('{', '}')));
                if !pair {
                    return false;
                }
            }
            _ => (),
        }
    }
    open.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn switched(text: &str, changes: &[(usize, &[&str], &[&str])]) -> (Vec<bool>, String) {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let text: Vec<&str> = text.lines().collect();
        let mut all = Lines { text: lines(&text), code: lines(&text), switched: BTreeMap::new() };
        let taken = changes.iter().enumerate().map(|(index, (place, before, after))| {
            let change = Change { file: "a.rs".into(), place: *place, before: lines(before), after: lines(after) };
            all.take(index as u16 + 1, &change)
        });
        (taken.collect(), all.written())
    }

    #[test]
    fn a_line_holds_all_its_versions() {
        let text = "fn f() {\nx += 1;\nlet y = a < b;\nmatch z {\nNone => refuse!(Bad),\n}\ny\n}\n";
        let (taken, written) = switched(
            text,
            &[
                (1, &["x += 1;"], &[]),
                (1, &["x += 1;"], &["x += 2;"]),
                (2, &["let y = a < b;"], &["let y = a <= b;"]),
                (4, &["None => refuse!(Bad),"], &["None => Ok(()),"]),
                (6, &["y"], &["!y"]),
            ],
        );
        assert_eq!(taken, [true; 5]);
        let on = |number: u16, version: &str| format!("if crate::planted({number}) {{ {version} }} else ");
        let expected = format!(
            "fn f() {{\n{}{}{{ x += 1; }}\nlet y = {}{{ a < b }};\nmatch z {{\nNone => {}{{ refuse!(Bad) }},\n}}\n{}{{ y }}\n}}\n",
            on(1, ""),
            on(2, "x += 2;"),
            on(3, "a <= b"),
            on(4, "Ok(())"),
            on(5, "!y"),
        );
        assert_eq!(written, expected);
    }

    #[test]
    fn a_constraint_holds_all_its_versions() {
        let text = "#[account(mut, address = b.c @ E::C)]\npub a: Account,\n#[account(constraint = d && e @ E::D)]\n";
        let (taken, written) = switched(
            text,
            &[
                (0, &["#[account(mut, address = b.c @ E::C)]"], &["#[account(mut)]"]),
                (2, &["#[account(constraint = d && e @ E::D)]"], &[]),
                (2, &["#[account(constraint = d && e @ E::D)]"], &["#[account(constraint = d @ E::D)]"]),
                (0, &["#[account(mut, address = b.c @ E::C)]"], &["#[account(address = b.c @ E::C)]"]),
            ],
        );
        assert_eq!(taken, [true, true, true, false]);
        let expected = "#[account(mut, constraint = (if crate::planted(1) { true } else { *a.address() == b.c }) @ E::C)]\n\
                        pub a: Account,\n\
                        #[account(constraint = (if crate::planted(2) { true } else if crate::planted(3) { d } else { d && e }) @ E::D)]\n";
        assert_eq!(written, expected);
    }

    #[test]
    fn what_cannot_be_switched_is_left_alone() {
        let text = "#[account(mut)]\nconst fn f() {\na\n}\nfn g() {\na\n&& b\n}\n";
        let (taken, written) = switched(
            text,
            &[
                (0, &["#[account(mut)]"], &[]),
                (2, &["a"], &["b"]),
                (5, &["a"], &["c"]),
                (6, &["&& b"], &["&& c"]),
                (4, &["fn g() {"], &["fn h() {"]),
                (5, &["a"], &["a: b"]),
                (6, &["&& b;"], &["&& c;"]),
                (5, &["a => b,"], &["c => b,"]),
            ],
        );
        assert_eq!((taken, written.as_str()), (vec![false; 8], text));
    }

    #[test]
    fn a_bug_is_turned_on_behind_the_mark() {
        let elf = [b"code".as_slice(), MARK, &[0, 0], b"more"].concat();
        let on = turned_on(&elf, 0x0102).unwrap();
        assert_eq!(&on[20..22], &[2, 1]);
        assert_eq!((&on[..20], &on[22..]), (&elf[..20], &elf[22..]));
        assert!(turned_on(b"nothing", 1).is_err());
        assert!(turned_on(&[MARK.as_slice(), MARK].concat(), 1).is_err());
    }
}

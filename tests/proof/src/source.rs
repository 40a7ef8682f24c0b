//! A file of the program, and one text that holds all its mutants.
//!
//! An expression with mutants becomes `(if crate::unplanted(7, 8) { original } else if crate::planted(7) { mutant } else {
//! another mutant })`. Thousands of mutants then take one build; see [`crate::switch`] for the number that turns one on.
//! A mutant is text and may not compile: the compiler names its line, and it is dropped.
//!
//! A planted bug is a mutant too: [`Source::plant`] finds the smallest part of the file that a patch changes.

use std::{
    collections::BTreeMap,
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use proc_macro2::{TokenStream, TokenTree};
use syn::{Block, visit::Visit};

use crate::{
    find::{BlockNode, Finder, Nodes},
    mutant::{Alternative, Form, Mutant, Region},
    place::PROGRAM,
};

/// The place of mutants that are planted bugs.
const PLANTED: &str = "planted";

/// A file of the program with its mutants.
pub struct Source {
    pub path: PathBuf,
    text: String,
    regions: Vec<Region>,
    /// Further changes of the text.
    edits: Vec<(Range<usize>, &'static str)>,
    nodes: Nodes,
}

/// The text of a file with all of its mutants, and the lines (from 1) in which each stands.
pub struct Written {
    pub text: String,
    pub mutants: Vec<(Mutant, Range<usize>)>,
}

impl Source {
    /// Reads a file of the checkout and finds its mutants.
    pub fn read(root: &Path, path: &Path) -> Result<Self> {
        let text = fs::read_to_string(root.join(path)).with_context(|| format!("could not read {}", path.display()))?;
        Self::parse(path, text)
    }

    fn parse(path: &Path, text: String) -> Result<Self> {
        let name = path.strip_prefix(PROGRAM).unwrap_or(path).to_string_lossy();
        let file = syn::parse_file(&text).with_context(|| format!("could not parse {}", path.display()))?;
        let mut finder = Finder::new(&name, &text);
        finder.visit_file(&file);
        let Finder { regions, edits, nodes, .. } = finder;
        let mut source = Self { path: path.to_owned(), text, regions: Vec::new(), edits, nodes };
        source.arrange(regions);
        Ok(source)
    }

    /// The file without mutants.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Takes in a planted bug: `changed` is the whole file with it. The smallest part that can hold it becomes a region;
    /// `attempt` counts from 0 and takes larger parts. Returns whether there is one.
    pub fn plant(&mut self, bug: &str, changed: &str, attempt: usize) -> Result<bool> {
        let Some((range, form, text)) = self.candidates(changed)?.into_iter().nth(attempt) else { return Ok(false) };
        let mutant = Mutant {
            file: self.path.strip_prefix(PROGRAM).unwrap_or(&self.path).display().to_string(),
            place: PLANTED.to_owned(),
            change: bug.to_owned(),
            nth: 1,
            line: self.text[..range.start].matches('\n').count() + 1,
        };
        let mut regions = std::mem::take(&mut self.regions);
        regions.push(Region { range, form, alternatives: vec![Alternative { text, mutant }] });
        self.arrange(regions);
        Ok(true)
    }

    /// The parts of this file that can hold a change, smallest first, with their changed text.
    fn candidates(&self, changed: &str) -> Result<Vec<(Range<usize>, Form, String)>> {
        let mut finder = Finder::new("", changed);
        finder.visit_file(&syn::parse_file(changed)?);
        let (was, is) = (tokens(&self.text)?, tokens(changed)?);
        let same = |(a, b): &(&Token, &Token)| a.text == b.text;
        let above = was.iter().zip(&is).take_while(same).count();
        let rest = was.len().min(is.len()) - above;
        let below = was.iter().rev().zip(is.iter().rev()).take(rest).take_while(same).count();
        // The same part of the changed file, where the change lies in this part.
        let part = |range: &Range<usize>| {
            let first = was.partition_point(|token| token.range.start < range.start);
            let end = was.partition_point(|token| token.range.end <= range.end);
            let (inside, end) = (first <= above && was.len() - below <= end, (end + is.len()).checked_sub(was.len()));
            let end = end.filter(|end| inside && first < *end)?;
            Some(is[first].range.start..is[end - 1].range.end)
        };
        let mut found: Vec<(Range<usize>, Form, String)> = Vec::new();
        for range in &self.nodes.expressions {
            // In both files an expression: else operators around it would bind its parts.
            if let Some(part) = part(range).filter(|part| finder.nodes.expressions.contains(part)) {
                found.push((range.clone(), Form::Value, changed[part].to_owned()));
            }
        }
        for BlockNode { inside, statements } in &self.nodes.blocks {
            let run = |range: &Range<usize>| {
                let text = &changed[part(range)?];
                syn::parse::Parser::parse_str(Block::parse_within, text).ok()?;
                Some((range.clone(), Form::Statements, text.to_owned()))
            };
            let Some(whole) = run(inside) else { continue };
            let runs = statements.iter().enumerate().flat_map(|(index, first)| {
                // Names that are declared inside would be unknown below.
                let rest = statements[index..].iter().take_while(|statement| !statement.declares);
                rest.map(|last| first.range.start..last.range.end)
            });
            found.extend(runs.filter_map(|range| run(&range)).min_by_key(|(range, ..)| range.len()));
            found.push(whole);
        }
        // Regions may lie in each other, but not overlap.
        let fits = |range: &Range<usize>| {
            self.regions.iter().map(|region| &region.range).all(|other| {
                let (apart, outer) = (range.end <= other.start || other.end <= range.start, range.start <= other.start);
                apart || (outer && other.end <= range.end) || (other.start <= range.start && range.end <= other.end)
            })
        };
        found.retain(|(range, ..)| fits(range));
        found.sort_by_key(|(range, ..)| range.len());
        found.dedup_by_key(|(range, ..)| range.clone());
        Ok(found)
    }

    /// Sorts regions as they stand in the file, outer ones first, joins equal ones, and numbers equal mutants.
    fn arrange(&mut self, mut regions: Vec<Region>) {
        regions.sort_by_key(|region| (region.range.start, std::cmp::Reverse(region.range.end)));
        for region in regions {
            match self.regions.last_mut() {
                Some(last) if last.range == region.range && last.form == region.form => {
                    for alternative in region.alternatives {
                        if last.alternatives.iter().all(|known| known.text != alternative.text) {
                            last.alternatives.push(alternative);
                        }
                    }
                }
                _ => self.regions.push(region),
            }
        }
        let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
        for alternative in self.regions.iter_mut().flat_map(|region| &mut region.alternatives) {
            let mutant = &mut alternative.mutant;
            let count = seen.entry((mutant.place.clone(), mutant.change.clone())).or_default();
            *count += 1;
            mutant.nth = *count;
        }
    }

    /// All mutants.
    pub fn mutants(&self) -> impl Iterator<Item = &Mutant> {
        self.regions.iter().flat_map(|region| &region.alternatives).map(|alternative| &alternative.mutant)
    }

    /// Drops mutants, which do not compile.
    pub fn drop(&mut self, mutants: &[Mutant]) {
        self.retain(|mutant| !mutants.contains(mutant));
    }

    /// Drops all mutants but these.
    pub fn retain(&mut self, wanted: impl Fn(&Mutant) -> bool) {
        for region in &mut self.regions {
            region.alternatives.retain(|alternative| wanted(&alternative.mutant));
        }
    }

    /// The file with all mutants, numbered from `first` in the order of the list.
    pub fn written(&self, first: u16) -> Written {
        let mut writer = Writer { source: self, first, at: 0, out: String::new(), line: 1, mutants: Vec::new() };
        writer.write(0..self.text.len());
        Written { text: writer.out, mutants: writer.mutants }
    }
}

struct Writer<'a> {
    source: &'a Source,
    first: u16,
    /// The next region.
    at: usize,
    out: String,
    line: usize,
    mutants: Vec<(Mutant, Range<usize>)>,
}

impl Writer<'_> {
    fn push(&mut self, text: &str) {
        self.line += text.matches('\n').count();
        self.out.push_str(text);
    }

    /// The original text of a range, with its edits.
    fn push_source(&mut self, range: Range<usize>) {
        let mut from = range.start;
        for (place, text) in &self.source.edits {
            if range.start <= place.start && place.end <= range.end {
                self.push(&self.source.text[from..place.start]);
                self.push(text);
                from = place.end;
            }
        }
        self.push(&self.source.text[from..range.end]);
    }

    fn write(&mut self, range: Range<usize>) {
        let mut from = range.start;
        while let Some(region) = self.source.regions.get(self.at)
            && region.range.end <= range.end
        {
            self.at += 1;
            self.push_source(from..region.range.start);
            from = region.range.end;
            self.write_region(region);
        }
        self.push_source(from..range.end);
    }

    fn write_region(&mut self, region: &Region) {
        let alive = &region.alternatives;
        let first = self.first + self.mutants.len() as u16;
        let last = (first + alive.len() as u16).saturating_sub(1);
        let unplanted = format!("if crate::unplanted({first}, {last})");
        if alive.is_empty() {
            return self.write(region.range.clone());
        }
        match &region.form {
            Form::Body => {
                for (number, one) in (first..).zip(alive) {
                    self.mutant(one, &format!("\nif crate::planted({number}) {{ {} }}\n", one.text));
                }
            }
            Form::Guard => self.mutant(&alive[0], &format!("\n{unplanted}\n")),
            Form::Value | Form::Statements => {
                let (open, close) = if region.form == Form::Value { ("(", ")") } else { ("\n", "\n") };
                if let [one] = &alive[..]
                    && one.text.is_empty()
                {
                    self.mutant(one, &format!("{open}{unplanted} {{\n"));
                    self.write(region.range.clone());
                    return self.push(&format!("\n}}{close}"));
                }
                self.push(&format!("{open}{unplanted} {{\n"));
                // Mutants inside have higher numbers.
                let reserved = self.mutants.len();
                self.mutants.extend(alive.iter().map(|one| (one.mutant.clone(), 0..0)));
                self.write(region.range.clone());
                for (index, one) in alive.iter().enumerate() {
                    let is_last = index + 1 == alive.len();
                    let number = first + index as u16;
                    let condition = if is_last { String::new() } else { format!("if crate::planted({number}) ") };
                    let from = self.line + 1;
                    self.push(&format!("\n}} else {condition}{{\n{}", one.text));
                    self.mutants[reserved + index].1 = from..self.line + 1;
                }
                self.push(&format!("\n}}{close}"));
            }
            Form::Address(field) => {
                let rule = &self.source.text[region.range.clone()];
                let (address, error) = rule.rsplit_once('@').unwrap_or((rule, ""));
                let address = address.trim_start_matches("address").trim().trim_start_matches('=').trim();
                self.push("constraint = (");
                self.mutant(
                    &alive[0],
                    &format!("{unplanted} {{\n*{field}.address() == {address}\n}} else {{\ntrue\n}}"),
                );
                self.push(&format!(") @{error}"));
            }
        }
    }

    fn mutant(&mut self, one: &Alternative, text: &str) {
        let from = self.line;
        self.push(text);
        self.mutants.push((one.mutant.clone(), from..self.line + 1));
    }
}

/// A token of a text.
pub struct Token {
    pub text: String,
    range: Range<usize>,
}

/// Every token of a text; a group is an opening token, what is inside, and a closing one.
pub fn tokens(text: &str) -> Result<Vec<Token>> {
    fn add(stream: TokenStream, tokens: &mut Vec<Token>) {
        for token in stream {
            let TokenTree::Group(group) = token else {
                tokens.push(Token { text: token.to_string(), range: token.span().byte_range() });
                continue;
            };
            let opens = format!("{:?} opens", group.delimiter());
            tokens.push(Token { text: opens, range: group.span_open().byte_range() });
            add(group.stream(), tokens);
            tokens.push(Token { text: "closes".to_owned(), range: group.span_close().byte_range() });
        }
    }
    let mut found = Vec::new();
    add(text.parse().map_err(|error| anyhow::anyhow!("{error}"))?, &mut found);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::parse(Path::new("a.rs"), text.to_owned()).unwrap()
    }

    #[test]
    fn a_file_holds_all_mutants_and_knows_their_lines() {
        let mut file = source("const fn f(a: u8) -> u8 {\na + 2\n}\n");
        let written = file.written(5);
        assert_eq!(
            written.text,
            "fn f(a: u8) -> u8 {\n\
             if crate::planted(5) { return 0; }\n\n\
             if crate::planted(6) { return 1; }\n\n\
             (if crate::unplanted(7, 7) {\n\
             a + (if crate::unplanted(8, 9) {\n2\n} else if crate::planted(8) {\n3\n} else {\n1\n})\n\
             } else {\na - 2\n})\n}\n"
        );
        let lines: Vec<Range<usize>> = written.mutants.iter().map(|(_, lines)| lines.clone()).collect();
        assert_eq!(lines, [1..4, 3..6, 14..16, 9..11, 11..13].map(|lines: Range<usize>| lines));
        file.retain(|mutant| !mutant.change.contains('2'));
        assert_eq!(
            file.written(0).text,
            "fn f(a: u8) -> u8 {\nif crate::planted(0) { return 0; }\n\nif crate::planted(1) { return 1; }\n\na + 2\n}\n"
        );
    }

    #[test]
    fn an_address_becomes_a_constraint() {
        let text = "struct A {\n#[account(mut, address = b.c @ E::C)]\nx: T,\n}\n";
        assert_eq!(
            source(text).written(1).text,
            "struct A {\n#[account(mut, constraint = (if crate::unplanted(1, 1) {\n*x.address() == b.c\n} else {\ntrue\n}) @ E::C)]\nx: T,\n}\n"
        );
    }

    /// The file with a planted bug, after some attempts.
    fn planted(text: &str, changed: &str, attempt: usize) -> Option<String> {
        let mut source = source(text);
        source.retain(|_| false);
        let planted = source.plant("bug", changed, attempt).unwrap();
        planted.then(|| source.written(1).text.replace("crate::unplanted(1, 1)", "ON").replace('\n', " "))
    }

    #[test]
    fn a_bug_is_planted_in_the_smallest_part_that_holds_it() {
        let f = "fn f() -> u8 { let a = g(1 * b); h(a); k(a) }";
        let change = |was: &str, is: &str, attempt| planted(f, &f.replace(was, is), attempt);
        assert_eq!(
            change("1 * b", "1 * c", 0).unwrap(),
            "fn f() -> u8 { let a = g(1 * (if ON { b } else { c })); h(a); k(a) }"
        );
        // The sum binds the whole product.
        assert_eq!(
            change("1 * b", "1 * b + 1", 0).unwrap(),
            "fn f() -> u8 { let a = g((if ON { 1 * b } else { 1 * b + 1 })); h(a); k(a) }"
        );
        assert_eq!(
            change("h(a);", "h(a); h(a);", 0).unwrap(),
            "fn f() -> u8 { let a = g(1 * b); h(a);  if ON { k(a) } else { h(a); k(a) }  }"
        );
        assert_eq!(
            change("let a = g(1 * b);", "let a = 0;", 1).unwrap(),
            "fn f() -> u8 { if ON {  let a = g(1 * b); h(a); k(a)  } else { let a = 0; h(a); k(a) } }"
        );
        assert_eq!(change("1 * b", "1 * c", 99), None);
    }

    #[test]
    fn what_does_not_run_holds_no_bug() {
        assert_eq!(planted("struct A { a: Signer }", "struct A { a: UncheckedAccount }", 0), None);
        assert_eq!(planted("const A: u8 = 1;", "const A: u8 = 2;", 0), None);
        let constraint = "struct A { #[account(mut, constraint = a == b @ E::C)] x: T }";
        let on = "struct A { #[account(mut, constraint = a == (if ON { b } else { c }) @ E::C)] x: T }";
        assert_eq!(planted(constraint, &constraint.replace("== b", "== c"), 0).unwrap(), on);
        assert_eq!(planted(constraint, &constraint.replace("mut, ", ""), 0), None);
    }
}

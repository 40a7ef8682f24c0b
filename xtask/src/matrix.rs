//! The table of attacks, `docs/ATTACKS.md`, made from what the tests of the program say that they try, and the documents
//! that promise something, `SECURITY.md` and `INVARIANTS.md`, held against the tests and rules that they name.
//!
//! Rows are the instructions of the IDL, columns the classes of `attacks.txt`. A cell is filled by tests that begin with
//! `refuses!` or `withstands!` (see `tests/src/attack.rs`, which holds them to it when they run), or by a reason in
//! `attacks.txt` why it cannot apply.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    context::Context,
    tidy::{code_only, project_files},
};

const IDL: &str = "idl/multibus.json";
/// The tests of the program: one module for each file.
const TESTS: &str = "tests/tests/program";
const CLASSES: &str = "tests/tests/program/attacks.txt";
/// The program, whose rules documents name.
const PROGRAM: &str = "programs/multibus/src/";
const TABLE: &str = "docs/ATTACKS.md";
const COMMAND: &str = "cargo xtask attack-matrix";
/// Documents whose claims name tests.
const PROMISES: [&str; 2] = ["SECURITY.md", "INVARIANTS.md"];

/// Writes the table, or with `check` compares it; checks the documents that name tests.
pub fn matrix(ctx: &Context, check: bool) -> Result<()> {
    let read = |path: &str| fs::read_to_string(ctx.root.join(path)).with_context(|| format!("could not read {path}"));
    let instructions = instructions(&read(IDL)?)?;
    let tests = tests(&ctx.root.join(TESTS))?;
    let classes = classes(&read(CLASSES)?)?;
    let mut findings = Vec::new();
    let table = Table::new(&instructions, &classes, &tests, &mut findings);
    let sources = Sources::read(&ctx.root)?;
    let mut named = 0;
    for document in PROMISES {
        named += sources.check(document, &read(document)?, &mut findings);
    }
    for finding in &findings {
        println!("{finding}");
    }
    ensure!(findings.is_empty(), "{} findings about attacks and promises, listed above", findings.len());

    let made = table.shown();
    if fs::read_to_string(ctx.root.join(TABLE)).is_ok_and(|present| present == made) {
        println!("{TABLE} is as generated");
    } else if check {
        bail!("{TABLE} is not what the tests say; `{COMMAND}` writes it, and belongs in the same commit");
    } else {
        fs::write(ctx.root.join(TABLE), made).with_context(|| format!("could not write {TABLE}"))?;
        println!("{TABLE} is written");
    }
    println!("{}; {} name {named} tests and rules", table.count(), PROMISES.join(" and "));
    Ok(())
}

/// An instruction of the IDL.
struct Instruction {
    name: String,
    signs: bool,
    accounts: Vec<String>,
}

/// The instructions of an IDL, by their number.
fn instructions(idl: &str) -> Result<Vec<Instruction>> {
    let idl: serde_json::Value = serde_json::from_str(idl).with_context(|| format!("{IDL} is no JSON"))?;
    let list = idl["instructions"].as_array().with_context(|| format!("{IDL} has no instructions"))?;
    let mut found = Vec::new();
    for one in list {
        let name = one["name"].as_str().context("an instruction without a name")?.to_owned();
        let accounts = one["accounts"].as_array().with_context(|| format!("{name} has no accounts"))?;
        let signs = accounts.iter().any(|account| account["signer"] == true);
        let accounts = accounts.iter().filter_map(|account| account["name"].as_str()).map(str::to_owned).collect();
        let number = one["discriminator"][0].as_u64().with_context(|| format!("{name} has no number"))?;
        found.push((number, Instruction { name, signs, accounts }));
    }
    found.sort_by_key(|(number, _)| *number);
    Ok(found.into_iter().map(|(_, instruction)| instruction).collect())
}

/// A class of attacks.
struct Class {
    name: String,
    title: String,
    /// What is tried.
    tried: String,
    /// The errors with which it is refused, which the tests are held to when they run.
    errors: String,
    cannot_apply: Vec<Reason>,
}

/// Why a class cannot apply to some instructions.
struct Reason {
    instructions: String,
    why: String,
    /// What must hold of the instructions in the IDL.
    facts: Vec<String>,
}

/// Reads `attacks.txt`: a line for each class, and indented below it what is tried and where it cannot be.
fn classes(text: &str) -> Result<Vec<Class>> {
    let mut classes: Vec<Class> = Vec::new();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    for (index, line) in lines {
        let at = || format!("{CLASSES}:{}", index + 1);
        let Some(below) = line.strip_prefix("  ") else {
            let (name, title) = line.split_once(": ").with_context(|| format!("{} has no title", at()))?;
            classes.push(Class {
                name: name.to_owned(),
                title: title.to_owned(),
                tried: String::new(),
                errors: String::new(),
                cannot_apply: Vec::new(),
            });
            continue;
        };
        let class = classes.last_mut().with_context(|| format!("{} belongs to no class", at()))?;
        if class.tried.is_empty() {
            class.tried = below.to_owned();
            continue;
        }
        if let Some(errors) = below.strip_prefix("refused with: ") {
            class.errors = errors.to_owned();
            continue;
        }
        let (instructions, why) = below.split_once(": ").with_context(|| format!("{} has no reason", at()))?;
        let (why, facts) = match why.split_once(" [") {
            Some((why, facts)) => {
                let facts = facts.strip_suffix(']').with_context(|| format!("{} has no closing bracket", at()))?;
                (why, facts.split(", ").map(str::to_owned).collect())
            }
            None => (why, Vec::new()),
        };
        class.cannot_apply.push(Reason { instructions: instructions.to_owned(), why: why.to_owned(), facts });
    }
    let bare = classes.iter().find(|class| class.tried.is_empty() || class.errors.is_empty());
    ensure!(bare.is_none(), "{CLASSES}: {} lacks what is tried or refused with", bare.map_or("", |class| &class.name));
    Ok(classes)
}

/// A test of the program, or another function of its file.
#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    is_test: bool,
    /// Each with whether the attack lands (`withstands!`), and the text between its parentheses.
    claims: Vec<(bool, String)>,
    /// Whether something stands before one of the claims.
    claims_late: bool,
}

/// The functions of a Rust file with what they say that they attack.
fn functions(text: &str) -> Vec<Function> {
    let code = code_only(text);
    let mut functions: Vec<Function> = Vec::new();
    let mut is_test = false;
    // Where the body of the present function begins, or goes on after a claim.
    let mut body = None;
    let mut at = 0;
    while let Some(found) = code[at..].find(|c: char| c == '#' || c == '{' || c.is_alphabetic() || c == '_') {
        at += found;
        let rest = &code[at..];
        if let Some(attribute) = rest.strip_prefix("#[") {
            let name = attribute.split([']', '(']).next().unwrap_or_default();
            is_test |= name == "test" || name.ends_with("::test");
            at += 2 + name.len();
        } else if rest.starts_with('{') {
            at += 1;
            if body.is_none() {
                body = Some(at);
            }
        } else if rest.starts_with('#') {
            at += 1;
        } else {
            let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            at += word.len();
            let rest = &code[at..];
            if word == "fn" {
                let name: String = rest.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if !name.is_empty() {
                    functions.push(Function { name, is_test, claims: Vec::new(), claims_late: false });
                    (is_test, body) = (false, None);
                }
            } else if (word == "refuses" || word == "withstands") && rest.starts_with("!(") {
                let end = rest.find(");").unwrap_or(rest.len());
                if let Some(function) = functions.last_mut() {
                    let before = body.map_or("", |from| &code[from..at - word.len()]);
                    function.claims_late |= !before.trim().is_empty();
                    function.claims.push((word == "withstands", rest[2..end].to_owned()));
                }
                at += end;
                body = Some((at + 2).min(code.len()));
            }
        }
    }
    functions
}

/// A file of tests and its functions.
struct Module {
    name: String,
    functions: Vec<Function>,
}

/// The tests of the program: the modules that `main.rs` names.
fn tests(dir: &Path) -> Result<Vec<Module>> {
    let main = fs::read_to_string(dir.join("main.rs")).with_context(|| format!("{TESTS} has no main.rs"))?;
    let names = main.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    names
        .map(|name| {
            let file = dir.join(name).with_extension("rs");
            let text = fs::read_to_string(&file).with_context(|| format!("could not read {}", file.display()))?;
            Ok(Module { name: name.to_owned(), functions: functions(&text) })
        })
        .collect()
}

/// The instructions of a list like `purchase, lock_take` or `every but trader_open`; the unknown names otherwise.
fn chosen(list: &str, instructions: &[Instruction]) -> Result<Vec<usize>, String> {
    let words: Vec<&str> = list.split([',', ' ', '\n']).filter(|word| !word.is_empty()).collect();
    let place = |name: &&str| instructions.iter().position(|one| one.name == **name).ok_or(name.to_string());
    match words.as_slice() {
        ["every"] => Ok((0..instructions.len()).collect()),
        ["every", "but", others @ ..] => {
            let others = others.iter().map(place).collect::<Result<Vec<_>, _>>()?;
            Ok((0..instructions.len()).filter(|index| !others.contains(index)).collect())
        }
        names => names.iter().map(place).collect(),
    }
}

/// What is known of a cell.
#[derive(Default)]
struct Cell {
    /// Tests in which the attack is refused, as `module::name`.
    refused: Vec<(String, String)>,
    /// Tests in which it lands, and takes nothing.
    withstood: Vec<(String, String)>,
    reasons: Vec<String>,
}

struct Table<'a> {
    instructions: &'a [Instruction],
    classes: &'a [Class],
    /// By instruction, then by class.
    cells: Vec<Vec<Cell>>,
}

impl<'a> Table<'a> {
    /// Fills the cells; what is wrong is added to the findings.
    fn new(
        instructions: &'a [Instruction],
        classes: &'a [Class],
        tests: &[Module],
        findings: &mut Vec<String>,
    ) -> Self {
        let cells = instructions.iter().map(|_| classes.iter().map(|_| Cell::default()).collect()).collect();
        let mut table = Self { instructions, classes, cells };
        for module in tests {
            for function in &module.functions {
                table.add(module, function, findings);
            }
        }
        for (column, class) in classes.iter().enumerate() {
            for reason in &class.cannot_apply {
                match chosen(&reason.instructions, instructions) {
                    Err(unknown) => findings.push(format!("{CLASSES}: {}: no instruction {unknown}", class.name)),
                    Ok(rows) => {
                        for row in rows {
                            table.cells[row][column].reasons.push(reason.why.clone());
                            for fact in reason.facts.iter().filter(|fact| !holds(fact, &instructions[row])) {
                                let name = &instructions[row].name;
                                findings.push(format!("{CLASSES}: {}: not true of {name}: {fact}", class.name));
                            }
                        }
                    }
                }
            }
        }
        for (row, instruction) in instructions.iter().enumerate() {
            for (column, class) in classes.iter().enumerate() {
                let cell = &table.cells[row][column];
                let tried = !cell.refused.is_empty() || !cell.withstood.is_empty();
                let what = match (tried, cell.reasons.len()) {
                    (true, 0) | (false, 1) => continue,
                    (false, 0) => "has no test, and no reason why it cannot apply",
                    (true, _) => "has tests, but is said not to apply",
                    (false, _) => "is said not to apply twice",
                };
                findings.push(format!("{} x {}: {what}", instruction.name, class.name));
            }
        }
        table
    }

    fn add(&mut self, module: &Module, function: &Function, findings: &mut Vec<String>) {
        let place = format!("{}::{}", module.name, function.name);
        if function.claims.is_empty() {
            return;
        }
        if !function.is_test {
            findings.push(format!("{place} says what it attacks, but is no #[test]"));
        }
        if function.claims_late {
            findings.push(format!("{place} must say what it attacks before anything else"));
        }
        for (lands, claims) in &function.claims {
            for claim in claims.split(';').map(str::trim).filter(|claim| !claim.is_empty()) {
                let (name, list) = claim.split_once(':').unwrap_or((claim, ""));
                let Some(column) = self.classes.iter().position(|class| class.name == name.trim()) else {
                    findings.push(format!("{place}: there is no class of attacks {}", name.trim()));
                    continue;
                };
                match chosen(list, self.instructions) {
                    Err(unknown) => findings.push(format!("{place}: there is no instruction {unknown}")),
                    Ok(rows) => {
                        for row in rows {
                            let cell = &mut self.cells[row][column];
                            let tests = if *lands { &mut cell.withstood } else { &mut cell.refused };
                            tests.push((module.name.clone(), function.name.clone()));
                        }
                    }
                }
            }
        }
    }

    fn count(&self) -> String {
        let cells = || self.cells.iter().flatten();
        let tests: BTreeSet<_> = cells().flat_map(|cell| cell.refused.iter().chain(&cell.withstood)).collect();
        let reasons = cells().filter(|cell| !cell.reasons.is_empty()).count();
        format!(
            "{} instructions x {} classes: {} cells with {} tests, {reasons} cannot apply",
            self.instructions.len(),
            self.classes.len(),
            cells().count() - reasons,
            tests.len(),
        )
    }

    /// The document.
    fn shown(&self) -> String {
        let mut out = format!(
            "# What is tried against every instruction\n\n\
             Made by `{COMMAND}` from the tests in [`{TESTS}`](../{TESTS}), which begin with what they attack and are held\n\
             to it when they run; why a class cannot apply stands in [`attacks.txt`](../{CLASSES}). A check fails where a\n\
             cell has neither. {}.\n\n## The classes\n\n",
            self.count()
        );
        for (index, class) in self.classes.iter().enumerate() {
            let _ = writeln!(out, "{}. **{}**: {}", index + 1, class.title, class.tried);
            let _ = writeln!(out, "   Refused with: {}.", class.errors);
        }
        out.push_str("\nNumbers are errors of other programs: 0, the address is taken; 3 and 4, another mint's and somebody else's tokens; 36, a\nmemo is missing; 2040, an account comes twice. `NotTheAccount` is any error that says so of a type.\n");
        out.push_str("\n## The table\n\nTests for each cell; a dash where a class cannot apply. What they are stands below.\n\n| |");
        for index in 1..=self.classes.len() {
            let _ = write!(out, " {index} |");
        }
        out.push_str("\n| --- |");
        out.push_str(&" ---: |".repeat(self.classes.len()));
        for (row, instruction) in self.instructions.iter().enumerate() {
            let _ = write!(out, "\n| [`{0}`](#{0}) |", instruction.name);
            for cell in &self.cells[row] {
                match cell.refused.len() + cell.withstood.len() {
                    0 => out.push_str(" - |"),
                    count => {
                        let _ = write!(out, " {count} |");
                    }
                }
            }
        }
        out.push_str("\n\nA test stands under *lands* where the attack is carried out as sent and takes nothing from anyone:\nafter it, all books and invariants were checked. Everywhere else it is refused with the error that the test names, and\nno account is changed.\n");
        for (row, instruction) in self.instructions.iter().enumerate() {
            let _ = write!(out, "\n### {}\n\n", instruction.name);
            for (class, cell) in self.classes.iter().zip(&self.cells[row]) {
                let _ = write!(out, "- {}: ", class.title);
                if let Some(reason) = cell.reasons.first() {
                    let _ = writeln!(out, "cannot apply, because {reason}");
                    continue;
                }
                out.push_str(&links(&cell.refused));
                if !cell.withstood.is_empty() {
                    out.push_str(if cell.refused.is_empty() { "*lands*: " } else { "; *lands*: " });
                    out.push_str(&links(&cell.withstood));
                }
                out.push('\n');
            }
        }
        out
    }
}

fn links(tests: &[(String, String)]) -> String {
    let shown: Vec<_> =
        tests.iter().map(|(module, name)| format!("[`{module}::{name}`](../{TESTS}/{module}.rs)")).collect();
    shown.join(", ")
}

/// Whether a fact like `no signer` or `no account lock` is true of an instruction; an unknown fact never is.
fn holds(fact: &str, instruction: &Instruction) -> bool {
    match fact.split(' ').collect::<Vec<_>>().as_slice() {
        ["no", "signer"] => !instruction.signs,
        ["no", "account", name] => !instruction.accounts.iter().any(|account| account == name),
        _ => false,
    }
}

/// What documents can name: tests and rules of the project's Rust sources.
struct Sources {
    /// Names of tests by their file, which a document calls by its path without `.rs`, and the program's own tests by
    /// the name of their module.
    tests: BTreeMap<String, BTreeSet<String>>,
    /// Names of functions by the type that has them, or by the file of the program that they stand in.
    rules: BTreeSet<(String, String)>,
}

impl Sources {
    fn read(root: &Path) -> Result<Self> {
        let mut sources = Self { tests: BTreeMap::new(), rules: BTreeSet::new() };
        let files = project_files(root)?;
        for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs")) {
            let text = fs::read_to_string(root.join(file))?;
            sources.add(file, &text);
        }
        Ok(sources)
    }

    fn add(&mut self, file: &Path, text: &str) {
        let path = file.with_extension("").to_string_lossy().replace('\\', "/");
        let name = path.strip_prefix(TESTS).map_or(path.as_str(), |name| name.trim_start_matches('/'));
        let (tests, others): (Vec<_>, Vec<_>) = functions(text).into_iter().partition(|function| function.is_test);
        self.tests.entry(name.to_owned()).or_default().extend(tests.into_iter().map(|test| test.name));
        if path.starts_with(PROGRAM)
            && let Some(module) = path.rsplit('/').next()
        {
            self.rules.extend(others.into_iter().map(|function| (module.to_owned(), function.name)));
        }
        // The functions of an `impl` block, which begins and ends at the beginning of a line.
        let mut of: Option<String> = None;
        for line in code_only(text).lines() {
            if let Some(rest) = line.strip_prefix("impl") {
                let head = rest.trim_start_matches(|c: char| c != ' ').trim();
                let subject = head.rsplit(" for ").next().unwrap_or(head);
                of = Some(subject.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
            } else if line.starts_with('}') {
                of = None;
            } else if let Some(of) = &of
                && let Some((_, rest)) = line.split_once("fn ")
            {
                let name = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                self.rules.insert((of.clone(), name));
            }
        }
    }

    /// What a name like `lock::a_test`, `client/src/audit::a_test`, `Offer::take` or `math::cost` stands for.
    fn knows(&self, name: &str) -> Option<Named> {
        let (of, name) = name.rsplit_once("::")?;
        let word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !word(name) || of.contains("::") {
            return None;
        }
        let is_rule = self.rules.contains(&(of.to_owned(), name.to_owned()));
        if is_rule || of.starts_with(|c: char| c.is_uppercase()) {
            return Some(Named { is_test: false, exists: is_rule });
        }
        let exists = self.tests.get(of).is_some_and(|tests| tests.contains(name));
        Some(Named { is_test: true, exists })
    }

    /// Checks that everything a document names exists, and that each row of its tables names a test; returns how many
    /// names there are.
    fn check(&self, document: &str, text: &str, findings: &mut Vec<String>) -> usize {
        let mut count = 0;
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let mut tests = 0;
            for name in line.split('`').skip(1).step_by(2) {
                let Some(named) = self.knows(name) else { continue };
                count += 1;
                tests += named.is_test as usize;
                if !named.exists {
                    let what = if named.is_test { "no test" } else { "no rule" };
                    findings.push(format!("{document}:{}: there is {what} {name}", index + 1));
                }
            }
            let is_head = lines.get(index + 1).is_some_and(|next| next.starts_with("| ---"));
            if line.starts_with('|') && !line.starts_with("| ---") && !is_head && tests == 0 {
                findings.push(format!("{document}:{}: a claim without a test", index + 1));
            }
        }
        count
    }
}

/// What a name in a document stands for.
struct Named {
    is_test: bool,
    exists: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDL: &str = r#"{"instructions": [
        {"name": "close", "discriminator": [2], "accounts": [{"name": "lock"}]},
        {"name": "open", "discriminator": [1], "accounts": [{"name": "wallet", "signer": true}]}
    ]}"#;

    const CLASSES: &str = "# text\nsigner: missing signer\n  Nobody signs.\n  refused with: 1\n  close: anyone may [no signer]\n\
                           replay: replay\n  Again.\n  refused with: 2, 3\n";

    /// What is found where the tests are these, in a module `m`.
    fn found(classes_text: &str, tests: &str) -> Vec<String> {
        let (instructions, classes) = (instructions(IDL).unwrap(), classes(classes_text).unwrap());
        let modules = [Module { name: "m".to_owned(), functions: functions(tests) }];
        let mut findings = Vec::new();
        let table = Table::new(&instructions, &classes, &modules, &mut findings);
        assert!(table.shown().contains("### close"));
        findings
    }

    const GOOD: &str = "#[test]\nfn one() {\n    refuses!(signer: open; replay: every but close);\n    refuses!(replay: open);\n}\n\
                        #[test]\npub fn two() { withstands!(replay: close); }";

    #[test]
    fn full_tables_are_found_to_be_full() {
        assert_eq!(found(CLASSES, GOOD), [""; 0]);
        let names: Vec<_> = instructions(IDL).unwrap().into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["open", "close"], "in the order of their numbers");
    }

    #[test]
    fn every_kind_of_mistake_is_found() {
        let finds = |classes: &str, tests: &str, what: &str| {
            let found = found(classes, tests);
            assert!(found.iter().any(|finding| finding.contains(what)), "{what}: {found:?}");
        };
        let tests = |from: &str, to: &str, what: &str| finds(CLASSES, &GOOD.replacen(from, to, 1), what);
        tests("replay: close", "", "close x replay: has no test");
        tests("replay: close", "replay: close; signer: close", "close x signer: has tests, but is said not to apply");
        tests("replay: close", "replay: close, shut", "m::two: there is no instruction shut");
        tests("signer: open;", "signer: open; sign: open;", "m::one: there is no class of attacks sign");
        tests("#[test]\npub", "pub", "m::two says what it attacks, but is no #[test]");
        tests("{ with", "{ f(); with", "m::two must say what it attacks before anything else");
        // What stands in a comment or a string is no claim.
        tests("withstands!", "// withstands!", "close x replay: has no test");
        let classes = |from: &str, to: &str, what: &str| finds(&CLASSES.replacen(from, to, 1), GOOD, what);
        classes("no signer", "no account lock", "signer: not true of close: no account lock");
        classes("no signer", "no account named lock", "signer: not true of close: no account named lock");
        classes("  close:", "  close, shut:", "signer: no instruction shut");
        classes("may [no signer]", "may\n  close: anyone can", "close x signer: is said not to apply twice");
    }

    #[test]
    fn what_documents_name_must_exist() {
        let mut sources = Sources { tests: BTreeMap::new(), rules: BTreeSet::new() };
        sources.add(&Path::new(TESTS).join("m.rs"), GOOD);
        sources.add(Path::new("client/src/audit.rs"), "#[test]\nfn sound() {}\nfn helper() {}");
        sources.add(Path::new("programs/multibus/src/math.rs"), "pub const fn cost() {}");
        sources.add(Path::new("lib.rs"), "impl Offer {\n    pub fn take(&mut self) {}\n}\nfn loose() {}");
        let check = |text: &str| {
            let mut findings = Vec::new();
            sources.check("S.md", text, &mut findings);
            findings
        };
        let good = "| a | b |\n| --- | --- |\n| x | `m::one`, `client/src/audit::sound`, `Offer::take`, `math::cost` |\n`m::two` `a b`";
        assert_eq!(check(good), [""; 0]);
        for (text, finding) in [
            ("`m::three`", "S.md:1: there is no test m::three"),
            ("`client/src/audit::helper`", "no test client/src/audit::helper"),
            ("\n`Offer::loose`", "S.md:2: there is no rule Offer::loose"),
            ("| a |\n| --- |\n| `Offer::take` |", "S.md:3: a claim without a test"),
        ] {
            let found = check(text);
            assert!(found.len() == 1 && found[0].contains(finding), "{text}: {found:?}");
        }
    }
}

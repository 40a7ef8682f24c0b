//! The table of attacks, `docs/ATTACKS.md`: instructions of the IDL by classes of attacks. Each cell has the tests that
//! claim it, or the reason why the class cannot apply.

use {
    super::{
        Outcome, Registered,
        class::{self, Class, Fact},
        idl::{Instruction, instructions},
    },
    std::{collections::BTreeSet, fmt::Write},
};

/// The tests, from the root of the repository.
const TESTS: &str = "tests/tests/program";

#[derive(Default)]
struct Cell {
    /// Tests in which the attack is refused, as `module::name`.
    refused: BTreeSet<String>,
    /// Tests in which it lands, and takes nothing.
    withstood: BTreeSet<String>,
    reasons: Vec<&'static str>,
}

pub struct Table {
    instructions: Vec<Instruction>,
    classes: &'static [Class],
    /// By instruction, then by class.
    cells: Vec<Vec<Cell>>,
    /// What is wrong with it.
    pub findings: Vec<String>,
}

impl Table {
    /// The table of an IDL and what tests claim; `tests` are the names of those that run.
    ///
    /// # Panics
    /// Where the IDL is malformed.
    pub fn new(idl: &str, claims: &[&Registered], tests: &BTreeSet<String>) -> Self {
        Self::of(class::CLASSES, idl, claims, tests)
    }

    fn of(classes: &'static [Class], idl: &str, claims: &[&Registered], tests: &BTreeSet<String>) -> Self {
        let instructions = instructions(idl);
        let cells = instructions.iter().map(|_| classes.iter().map(|_| Cell::default()).collect()).collect();
        let mut table = Self { instructions, classes, cells, findings: Vec::new() };
        claims.iter().for_each(|claim| table.add(claim, tests));
        table.add_exceptions();
        table.find_gaps();
        table
    }

    fn add(&mut self, claim: &Registered, tests: &BTreeSet<String>) {
        let test = claim.test();
        if !tests.contains(&test) {
            self.findings.push(format!("{test} claims attacks, but is no test"));
        }
        for (name, list) in claim.classes() {
            let Some(column) = self.classes.iter().position(|class| class.name == name) else {
                self.findings.push(format!("{test}: there is no class of attacks {name}"));
                continue;
            };
            for row in self.rows(list, &test) {
                let cell = &mut self.cells[row][column];
                let tests = if claim.outcome == Outcome::Landed { &mut cell.withstood } else { &mut cell.refused };
                tests.insert(test.clone());
            }
        }
    }

    fn add_exceptions(&mut self) {
        for (column, class) in self.classes.iter().enumerate() {
            for exception in class.cannot_apply {
                for row in self.rows(exception.instructions, class.name) {
                    self.cells[row][column].reasons.push(exception.why);
                    let instruction = &self.instructions[row];
                    for fact in exception.facts.iter().filter(|fact| !instruction.has(fact)) {
                        self.findings.push(format!("{}: not true of {}: {fact:?}", class.name, instruction.name));
                    }
                }
            }
        }
    }

    fn find_gaps(&mut self) {
        for (instruction, cells) in self.instructions.iter().zip(&self.cells) {
            for (class, cell) in self.classes.iter().zip(cells) {
                let what = match (cell.refused.is_empty() && cell.withstood.is_empty(), cell.reasons.len()) {
                    (false, 0) | (true, 1) => continue,
                    (true, 0) => "has no test, and no reason why it cannot apply",
                    (false, _) => "has tests, but is said not to apply",
                    (true, _) => "is said not to apply twice",
                };
                self.findings.push(format!("{} x {}: {what}", instruction.name, class.name));
            }
        }
    }

    /// Rows of the instructions in a list like `purchase, lock_take` or `every but trader_open`.
    fn rows(&mut self, list: &str, of: &str) -> Vec<usize> {
        let names: Vec<&str> = self.instructions.iter().map(|one| one.name.as_str()).collect();
        super::chosen(list, &names).unwrap_or_else(|unknown| {
            self.findings.push(format!("{of}: there is no instruction {unknown}"));
            Vec::new()
        })
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
    pub fn markdown(&self) -> String {
        let mut out = format!(
            "# What is tried against every instruction\n\n\
             `cargo xtask attack-matrix` writes this page from the claims of the tests in [`{TESTS}`](../{TESTS})\n\
             and the classes in [`class.rs`](../tests/src/attack/class.rs). A test fails where this page differs, where a cell\n\
             has neither a test nor a reason, and where a test does not try what it claims.\n\n{}.\n\n## The classes\n\n",
            self.count()
        );
        for (index, class) in self.classes.iter().enumerate() {
            let errors: Vec<String> = class.refused_with.iter().map(super::class::By::name).collect();
            let _ = writeln!(out, "{}. **{}**: {}", index + 1, class.title, class.tried);
            let _ = writeln!(out, "   Refused with: {}.", errors.join(", "));
        }
        out.push_str(
            "\nNumbers are errors of other programs: 0, the address is taken; 3 and 4, another mint's and somebody else's \
             tokens;\n17, an account is frozen; 2040, an account comes twice. `NotTheAccount` is any error that rejects an \
             account's type.\n\n## The table\n\nHow many tests each cell has; a dash where the class cannot apply. The tests are \
             listed below.\n\n| |",
        );
        for index in 1..=self.classes.len() {
            let _ = write!(out, " {index} |");
        }
        out.push_str("\n| --- |");
        out.push_str(&" ---: |".repeat(self.classes.len()));
        for (instruction, cells) in self.instructions.iter().zip(&self.cells) {
            let _ = write!(out, "\n| [`{0}`](#{0}) |", instruction.name);
            for cell in cells {
                let _ = match cell.refused.len() + cell.withstood.len() {
                    0 => write!(out, " - |"),
                    count => write!(out, " {count} |"),
                };
            }
        }
        out.push_str(
            "\n\nA test stands under *lands* where the attack is executed as sent and takes nothing from anyone: afterwards, \
             all books\nand invariants are checked. Everywhere else it is refused with the error that the test names, and no \
             account changes.\n",
        );
        for (instruction, cells) in self.instructions.iter().zip(&self.cells) {
            let _ = write!(out, "\n### {}\n\n", instruction.name);
            for (class, cell) in self.classes.iter().zip(cells) {
                let lands = |tests: String| if tests.is_empty() { tests } else { format!("*lands*: {tests}") };
                let parts = match cell.reasons.first() {
                    Some(reason) => vec![format!("cannot apply, because {reason}")],
                    None => vec![links(&cell.refused), lands(links(&cell.withstood))],
                };
                let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
                let _ = writeln!(out, "- {}: {}", class.title, parts.join("; "));
            }
        }
        out
    }
}

fn links(tests: &BTreeSet<String>) -> String {
    let link = |test: &String| {
        let module = test.split("::").next().unwrap_or_default();
        format!("[`{test}`](../{TESTS}/{module}.rs)")
    };
    tests.iter().map(link).collect::<Vec<_>>().join(", ")
}

impl Instruction {
    fn has(&self, fact: &Fact) -> bool {
        match fact {
            Fact::NoSigner => !self.signs,
            Fact::NoAccount(name) => self.accounts.iter().all(|account| account != name),
        }
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::attack::class::{By::Code, Exception},
    };

    const IDL: &str = r#"{"instructions": [
        {"name": "close", "discriminator": [2], "accounts": [{"name": "lock"}]},
        {"name": "open", "discriminator": [1], "accounts": [{"name": "wallet", "signer": true}]}
    ]}"#;

    const fn signer(cannot_apply: &'static [Exception]) -> Class {
        let tried = "Nobody signs.";
        Class { name: "signer", title: "missing signer", tried, refused_with: &[Code(1)], cannot_apply }
    }

    const REPLAY: Class =
        Class { name: "replay", title: "replay", tried: "Again.", refused_with: &[Code(2)], cannot_apply: &[] };
    const CLOSE: Exception = Exception { instructions: "close", why: "anyone may", facts: &[Fact::NoSigner] };
    const CLASSES: &[Class] = &[signer(&[CLOSE]), REPLAY];
    const GOOD: [(&str, Outcome, &str); 3] = [
        ("m::one", Outcome::Refused, "signer: open; replay: every but close"),
        ("m::one", Outcome::Refused, "replay: open"),
        ("m::two", Outcome::Landed, "replay: close"),
    ];

    fn table(classes: &'static [Class], claims: &[(&'static str, Outcome, &'static str)]) -> Table {
        let claims: Vec<Registered> = claims
            .iter()
            .map(|(test, outcome, claims)| Registered {
                outcome: *outcome,
                here: match *test {
                    "m::one" => || "program::m::one::{{closure}}::Here",
                    _ => || "program::m::two::Here",
                },
                claims,
            })
            .collect();
        Table::of(classes, IDL, &claims.iter().collect::<Vec<_>>(), &["m::one".to_owned(), "m::two".to_owned()].into())
    }

    #[test]
    fn a_full_table_has_no_findings() {
        let table = table(CLASSES, &GOOD);
        assert_eq!(table.findings, [""; 0]);
        let names: Vec<_> = table.instructions.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["open", "close"], "in the order of their numbers");
        let shown = table.markdown();
        assert!(shown.contains("| [`open`](#open) | 1 | 1 |\n| [`close`](#close) | - | 1 |"), "{shown}");
        assert!(shown.contains("- replay: *lands*: [`m::two`](../tests/tests/program/m.rs)"), "{shown}");
        assert!(shown.contains("- missing signer: cannot apply, because anyone may"), "{shown}");
    }

    #[test]
    fn every_kind_of_mistake_is_found() {
        let finds = |classes: &'static [Class], index: usize, claim: &'static str, what: &str| {
            let mut claims = GOOD;
            claims[index].2 = claim;
            let found = table(classes, &claims).findings;
            assert!(found.iter().any(|finding| finding.contains(what)), "{what}: {found:?}");
        };
        finds(CLASSES, 2, "", "close x replay: has no test");
        finds(CLASSES, 2, "replay: close; signer: close", "close x signer: has tests, but is said not to apply");
        finds(CLASSES, 2, "replay: close, shut", "m::two: there is no instruction shut");
        finds(CLASSES, 1, "sign: open", "m::one: there is no class of attacks sign");
        const FACTS: &[Fact] = &[Fact::NoAccount("lock")];
        const LOCKED: Exception = Exception { instructions: "close", why: "", facts: FACTS };
        const SHUT: Exception = Exception { instructions: "close, shut", why: "", facts: &[] };
        finds(
            const { &[signer(&[LOCKED]), REPLAY] },
            2,
            "replay: close",
            "signer: not true of close: NoAccount(\"lock\")",
        );
        finds(const { &[signer(&[SHUT]), REPLAY] }, 2, "replay: close", "signer: there is no instruction shut");
        finds(
            const { &[signer(&[CLOSE, CLOSE]), REPLAY] },
            2,
            "replay: close",
            "close x signer: is said not to apply twice",
        );
        let unknown = Table::of(&[], IDL, &[], &BTreeSet::new());
        assert_eq!(unknown.findings, [""; 0]);
        let claims =
            [Registered { outcome: Outcome::Landed, here: || "program::m::helper::Here", claims: "replay: open" }];
        let found = Table::of(CLASSES, IDL, &[&claims[0]], &BTreeSet::new()).findings;
        assert_eq!(found[0], "m::helper claims attacks, but is no test");
    }
}

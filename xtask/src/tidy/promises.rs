//! Documents that promise something name the tests and rules that keep it: all of them must exist.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context as _, Result};

use super::syntax::File;

/// Documents whose claims name tests.
pub const DOCUMENTS: [&str; 2] = ["SECURITY.md", "INVARIANTS.md"];
/// The tests of the built program, which documents call by module and name alone.
const TESTS: &str = "tests/tests/program/";
/// The program, whose functions documents call by module or type and name.
const PROGRAM: &str = "programs/multibus/src/";

/// What documents can name.
#[derive(Default)]
pub struct Names {
    /// Names of tests by their file: its path without `.rs`.
    tests: BTreeMap<String, BTreeSet<String>>,
    /// Functions by their type, or by the program's module that they stand in.
    rules: BTreeSet<(String, String)>,
}

impl Names {
    pub fn add(&mut self, path: &Path, file: &File) {
        let path = path.with_extension("").to_string_lossy().into_owned();
        let name = path.strip_prefix(TESTS).unwrap_or(&path);
        self.tests.entry(name.to_owned()).or_default().extend(file.tests.iter().cloned());
        self.rules.extend(file.methods.iter().cloned());
        if path.starts_with(PROGRAM)
            && let Some(module) = path.rsplit('/').next()
        {
            self.rules.extend(file.functions.iter().map(|name| (module.to_owned(), name.clone())));
        }
    }

    /// Checks all documents; returns how many tests and rules they name.
    pub fn check(&self, root: &Path, findings: &mut Vec<String>) -> Result<usize> {
        let mut count = 0;
        for document in DOCUMENTS {
            let text = fs::read_to_string(root.join(document)).with_context(|| format!("could not read {document}"))?;
            count += self.check_document(document, &text, findings);
        }
        Ok(count)
    }

    /// Checks that everything a document names exists, and that each row of its tables names a test.
    fn check_document(&self, document: &str, text: &str, findings: &mut Vec<String>) -> usize {
        let mut count = 0;
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let mut tests = 0;
            for name in line.split('`').skip(1).step_by(2) {
                let Some(named) = self.find(name) else { continue };
                count += 1;
                tests += usize::from(named.is_test);
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

    /// What a name like `lock::a_test`, `client/src/audit::a_test`, `Offer::take` or `math::cost` stands for.
    fn find(&self, name: &str) -> Option<Named> {
        let (of, name) = name.rsplit_once("::")?;
        let is_word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !is_word(name) || of.contains("::") {
            return None;
        }
        let is_rule = self.rules.contains(&(of.to_owned(), name.to_owned()));
        if is_rule || of.starts_with(char::is_uppercase) {
            return Some(Named { is_test: false, exists: is_rule });
        }
        let exists = self.tests.get(of).is_some_and(|tests| tests.contains(name));
        Some(Named { is_test: true, exists })
    }
}

struct Named {
    is_test: bool,
    exists: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_documents_name_must_exist() {
        let mut names = Names::default();
        let mut add = |path: &str, text: &str| names.add(Path::new(path), &File::parse(text).unwrap());
        add("tests/tests/program/m.rs", "#[test] fn one() {} #[test] fn two() {}");
        add("client/src/audit.rs", "#[test]\nfn sound() {}\nfn helper() {}");
        add("programs/multibus/src/math.rs", "pub const fn cost() {}");
        add("lib.rs", "impl Offer {\n    pub fn take(&mut self) {}\n}\nfn loose() {}");
        let check = |text: &str| {
            let mut findings = Vec::new();
            names.check_document("S.md", text, &mut findings);
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

//! What a test claims to attack, held against what it sent.
//!
//! A test of the program begins with the cells of the table of attacks that it fills:
//!
//! ```ignore
//! refuses!(replay: purchase, purchase_batch; missing_signer: every but capacity_close);
//! ```
//!
//! When the test ends, the program must have refused each of these instructions with an error of the class, as the test
//! expected and with no account changed; under [`withstands!`](crate::withstands), each must have landed, with all books
//! and invariants checked after it. So a test cannot claim what it does not try. Claims are registered in the test binary,
//! where [`table`] makes `docs/ATTACKS.md` of them and of the classes in [`class`].

pub mod class;
mod idl;
pub mod table;

use {
    class::Class,
    solana_transaction::versioned::VersionedTransaction,
    std::{cell::RefCell, sync::OnceLock, thread},
};

/// Names of the program's instructions by their numbers, as the IDL has them.
fn names() -> &'static [String] {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    NAMES.get_or_init(|| idl::names(include_str!("../../../idl/multibus.json")))
}

/// Begins a test whose attacks are refused: classes, each with the instructions that it tries.
#[macro_export]
macro_rules! refuses {
    ($($claims:tt)+) => {
        let _attack = $crate::attack_claim!(Refused, $($claims)+);
    };
}

/// Begins a test whose attacks land, and take nothing: classes, each with the instructions that it tries.
#[macro_export]
macro_rules! withstands {
    ($($claims:tt)+) => {
        let _attack = $crate::attack_claim!(Landed, $($claims)+);
    };
}

/// Registers a claim and makes it.
#[doc(hidden)]
#[macro_export]
macro_rules! attack_claim {
    ($outcome:ident, $($claims:tt)+) => {{
        struct Here;
        $crate::attack::inventory::submit! {
            $crate::attack::Registered {
                outcome: $crate::attack::Outcome::$outcome,
                here: std::any::type_name::<Here>,
                claims: stringify!($($claims)+),
            }
        }
        $crate::attack::Claim::new($crate::attack::Outcome::$outcome, stringify!($($claims)+))
    }};
}

#[doc(hidden)]
pub use inventory;

/// A claim of the test binary, made or not.
pub struct Registered {
    pub outcome: Outcome,
    /// Path of a type inside the test.
    pub here: fn() -> &'static str,
    /// Classes, each with instructions.
    pub claims: &'static str,
}

inventory::collect!(Registered);

impl Registered {
    /// The test, as `module::name`.
    fn test(&self) -> String {
        // A property's body is a closure.
        let words = (self.here)().split("::").filter(|word| *word != "{{closure}}");
        let words: Vec<&str> = words.collect();
        // Without the binary's name and the type's.
        words[1..words.len() - 1].join("::")
    }

    fn classes(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        classes(self.claims)
    }
}

/// Classes with their lists of instructions.
fn classes(claims: &str) -> impl Iterator<Item = (&str, &str)> {
    claims.split(';').map(str::trim).filter(|claim| !claim.is_empty()).map(|claim| {
        let (class, list) = claim.split_once(':').unwrap_or((claim, ""));
        (class.trim(), list)
    })
}

/// What became of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Refused with the error that the test names, and nothing changed.
    Refused,
    /// Landed, with all books checked after it.
    Landed,
}

thread_local! {
    /// Places of instructions that were executed on this thread, with the error of those that were refused.
    static SEEN: RefCell<Vec<(usize, Option<String>)>> = const { RefCell::new(Vec::new()) };
}

/// Notes what became of an instruction of a transaction, if it is the program's: the error that refused it, by its name.
pub(crate) fn saw(transaction: &VersionedTransaction, at: usize, error: Option<String>) {
    let message = &transaction.message;
    let instruction = &message.instructions()[at];
    if message.static_account_keys()[instruction.program_id_index as usize] == multibus::ID {
        note(&instruction.data, error);
    }
}

fn note(data: &[u8], error: Option<String>) {
    let number = data.first().map_or(usize::MAX, |number| *number as usize);
    if number < names().len() {
        SEEN.with_borrow_mut(|seen| seen.push((number, error)));
    }
}

/// What a test claims to attack; checked when it is dropped at the test's end.
pub struct Claim {
    outcome: Outcome,
    /// Classes, each with the places of the instructions that it is tried on.
    classes: Vec<(&'static Class, Vec<usize>)>,
    /// How many outcomes were noted before.
    before: usize,
}

impl Claim {
    /// # Panics
    /// Where there is no class or instruction of a name.
    pub fn new(outcome: Outcome, claims: &str) -> Self {
        let classes = classes(claims).map(|(name, list)| {
            let class = Class::named(name).unwrap_or_else(|| panic!("there is no class of attacks {name}"));
            let chosen = chosen(list, &names().iter().map(String::as_str).collect::<Vec<_>>());
            (class, chosen.unwrap_or_else(|unknown| panic!("there is no instruction {unknown}")))
        });
        Self { outcome, classes: classes.collect(), before: SEEN.with_borrow(Vec::len) }
    }

    /// Whether an instruction came to the claimed end, by an error of the class where it was refused.
    fn was_tried(&self, class: &Class, instruction: usize) -> bool {
        SEEN.with_borrow(|seen| {
            seen[self.before..].iter().filter(|(index, _)| *index == instruction).any(|(_, error)| match error {
                Some(error) => {
                    self.outcome == Outcome::Refused && class.refused_with.iter().any(|known| known.name() == *error)
                }
                None => self.outcome == Outcome::Landed,
            })
        })
    }
}

/// Places of the instructions in a list like `purchase, lock_take` or `every but trader_open`; an unknown name otherwise.
fn chosen(list: &str, instructions: &[&str]) -> Result<Vec<usize>, String> {
    let words: Vec<&str> = list.split([',', ' ', '\n']).filter(|word| !word.is_empty()).collect();
    let place = |name: &&str| instructions.iter().position(|known| known == name).ok_or((*name).to_owned());
    match words.as_slice() {
        ["every"] => Ok((0..instructions.len()).collect()),
        ["every", "but", others @ ..] => {
            let others = others.iter().map(place).collect::<Result<Vec<_>, _>>()?;
            Ok((0..instructions.len()).filter(|index| !others.contains(index)).collect())
        }
        names => names.iter().map(place).collect(),
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        let pairs = self.classes.iter().flat_map(|(class, list)| list.iter().map(move |index| (*class, *index)));
        let untried: Vec<String> = pairs
            .filter(|(class, index)| !self.was_tried(class, *index))
            .map(|(class, index)| format!("{}: {}", class.name, names()[index]))
            .collect();
        assert!(untried.is_empty(), "the test claims what never ended as {:?}: {untried:?}", self.outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_that_was_not_tried_fails() {
        const APPROVED: Option<&str> = Some("AlreadyApproved");
        let tried = |claims: &str, outcome: Outcome, seen: &[(u8, Option<&str>)]| {
            let (claims, seen) = (claims.to_owned(), seen.to_vec());
            let seen: Vec<(u8, Option<String>)> =
                seen.into_iter().map(|(number, error)| (number, error.map(str::to_owned))).collect();
            thread::spawn(move || {
                // What came before the claim does not count.
                note(&[23], APPROVED.map(str::to_owned));
                let _claim = Claim::new(outcome, &claims);
                for (number, error) in seen {
                    note(&[number], error);
                }
            })
            .join()
            .is_ok()
        };
        let (refused, landed) = (Outcome::Refused, Outcome::Landed);
        let approve = "approval : proposal_approve";
        assert!(tried(approve, refused, &[(23, APPROVED)]));
        assert!(tried("approval: proposal_approve, proposal_close", landed, &[(23, None), (26, None)]));
        assert!(tried(
            "approval: proposal_approve; replay: proposal_close",
            refused,
            &[(23, APPROVED), (26, Some("NotTheAccount"))]
        ));
        assert!(!tried(approve, refused, &[]));
        assert!(!tried(approve, refused, &[(23, None), (24, APPROVED)]), "it landed, and another was refused");
        assert!(!tried(approve, refused, &[(23, Some("BusMismatch"))]), "refused for something else");
        assert!(!tried(approve, landed, &[(23, APPROVED)]));
        assert!(!tried("approval: every", refused, &[(23, APPROVED)]));
        assert!(!tried("approval: proposal_aprove", refused, &[(23, APPROVED)]), "an unknown instruction");
        assert!(!tried("aproval: proposal_approve", refused, &[(23, APPROVED)]), "an unknown class");
        let all: Vec<&str> = names().iter().map(String::as_str).collect();
        assert_eq!(chosen("every but bus_create, purchase", &all).unwrap().len(), all.len() - 2);
    }
}

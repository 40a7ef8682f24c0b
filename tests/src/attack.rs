//! What a test says that it attacks, held against what it sent.
//!
//! A test of the program begins with the cells of the table of attacks that it fills:
//!
//! ```ignore
//! refuses!(replay: purchase, purchase_batch; missing_signer: every but capacity_close);
//! ```
//!
//! `cargo xtask attack-matrix` reads these lines and makes `docs/ATTACKS.md` of them. When the test ends, the program must
//! have refused each instruction that it names with an error of the class, as the test expected and with nothing moved; or,
//! under [`withstands!`](crate::withstands), it must have landed, with all books and invariants checked after it. So a line
//! cannot claim what is not run. The classes and their errors are in `tests/tests/program/attacks.txt`.

use {
    crate::refusal::Refusal,
    multibus_model::Call,
    solana_instruction::error::InstructionError,
    solana_transaction::versioned::VersionedTransaction,
    std::{cell::RefCell, thread},
};

/// Begins a test whose attacks are refused: classes, each with the instructions that it tries.
#[macro_export]
macro_rules! refuses {
    ($($claims:tt)+) => {
        let _attack = $crate::attack::Claim::new($crate::attack::Outcome::Refused, stringify!($($claims)+));
    };
}

/// Begins a test whose attacks land, and take nothing: classes, each with the instructions that it tries.
#[macro_export]
macro_rules! withstands {
    ($($claims:tt)+) => {
        let _attack = $crate::attack::Claim::new($crate::attack::Outcome::Landed, stringify!($($claims)+));
    };
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

/// Notes what became of an instruction of a transaction, where it is one of the program's.
pub(crate) fn saw(transaction: &VersionedTransaction, at: usize, refusal: Option<&Refusal>) {
    let message = &transaction.message;
    let instruction = &message.instructions()[at];
    if message.static_account_keys()[instruction.program_id_index as usize] == multibus::ID {
        note(&instruction.data, refusal.map(name));
    }
}

fn note(data: &[u8], error: Option<String>) {
    if let Some(call) = Call::read(data) {
        SEEN.with_borrow_mut(|seen| seen.push((call.index(), error)));
    }
}

/// The name of an error, as `attacks.txt` gives it.
fn name(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Market(error) => error.name().to_owned(),
        Refusal::Instruction(InstructionError::Custom(number)) => number.to_string(),
        Refusal::Instruction(error) => format!("{error:?}"),
        other => format!("{other:?}"),
    }
}

/// The errors of a class.
///
/// # Panics
/// Where there is no such class.
fn errors_of(class: &str) -> Vec<&'static str> {
    const CLASSES: &str = include_str!("../tests/program/attacks.txt");
    let mut lines = CLASSES.lines().skip_while(|line| line.split_once(": ").is_none_or(|(name, _)| name != class));
    let errors = lines.find_map(|line| line.strip_prefix("  refused with: "));
    errors.unwrap_or_else(|| panic!("there is no class of attacks {class}")).split(", ").collect()
}

/// What a test says that it attacks; dropped at its end.
pub struct Claim {
    outcome: Outcome,
    /// Classes, each with the places of the instructions that it is tried on.
    classes: Vec<(String, Vec<usize>)>,
    /// How many outcomes were noted before.
    before: usize,
}

impl Claim {
    /// # Panics
    /// Where there is no instruction of a name.
    pub fn new(outcome: Outcome, claims: &str) -> Self {
        let classes = claims
            .split(';')
            .map(str::trim)
            .filter(|claim| !claim.is_empty())
            .map(|claim| {
                let (class, list) = claim.split_once(':').unwrap_or_else(|| panic!("no class before a colon: {claim}"));
                (class.trim().to_owned(), named(list))
            })
            .collect();
        Self { outcome, classes, before: SEEN.with_borrow(Vec::len) }
    }

    /// Whether an instruction came to the claimed end, by an error of the class where it was refused.
    fn was_tried(&self, class: &str, instruction: usize) -> bool {
        SEEN.with_borrow(|seen| {
            seen[self.before..].iter().filter(|(index, _)| *index == instruction).any(|(_, error)| match error {
                Some(error) => self.outcome == Outcome::Refused && errors_of(class).contains(&error.as_str()),
                None => self.outcome == Outcome::Landed,
            })
        })
    }
}

/// Places of the instructions of a list like `purchase, lock_take` or `every but trader_open`.
fn named(list: &str) -> Vec<usize> {
    let words: Vec<&str> = list.split([',', ' ', '\n']).filter(|word| !word.is_empty()).collect();
    let place = |name: &&str| {
        Call::NAMES.iter().position(|known| known == name).unwrap_or_else(|| panic!("there is no instruction {name}"))
    };
    match words.as_slice() {
        ["every"] => (0..Call::NAMES.len()).collect(),
        ["every", "but", others @ ..] => {
            let others: Vec<usize> = others.iter().map(place).collect();
            (0..Call::NAMES.len()).filter(|index| !others.contains(index)).collect()
        }
        names => names.iter().map(place).collect(),
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        let tried = |class: &str, index: usize| self.was_tried(class, index);
        let pairs = self.classes.iter().flat_map(|(class, list)| list.iter().map(move |index| (class, *index)));
        let untried: Vec<String> = pairs
            .filter(|(class, index)| !tried(class, *index))
            .map(|(class, index)| format!("{class}: {}", Call::NAMES[index]))
            .collect();
        assert!(untried.is_empty(), "the test says that it tries what was never {:?} so: {untried:?}", self.outcome);
    }
}

#[cfg(test)]
mod tests {
    use {super::*, multibus::error::MultibusError};

    #[test]
    fn a_claim_that_was_not_tried_fails() {
        const APPROVED: Option<&str> = Some("AlreadyApproved");
        let tried = |claims: &str, outcome: Outcome, seen: &[(u8, Option<&str>)]| {
            let (claims, seen) = (claims.to_owned(), seen.to_vec());
            let seen: Vec<(u8, Option<String>)> =
                seen.into_iter().map(|(number, error)| (number, error.map(str::to_owned))).collect();
            thread::spawn(move || {
                // What came before the claim does not count.
                note(&[17], APPROVED.map(str::to_owned));
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
        assert!(tried(approve, refused, &[(17, APPROVED)]));
        assert!(tried("approval: proposal_approve, proposal_close", landed, &[(17, None), (20, None)]));
        assert!(tried(
            "approval: proposal_approve; replay: proposal_close",
            refused,
            &[(17, APPROVED), (20, Some("NotTheAccount"))]
        ));
        assert!(!tried(approve, refused, &[]));
        assert!(!tried(approve, refused, &[(17, None), (18, APPROVED)]), "it landed, and another was refused");
        assert!(!tried(approve, refused, &[(17, Some("BusMismatch"))]), "refused for something else");
        assert!(!tried(approve, landed, &[(17, APPROVED)]));
        assert!(!tried("approval: every", refused, &[(17, APPROVED)]));
        assert!(!tried("approval: proposal_aprove", refused, &[(17, APPROVED)]), "an unknown instruction");
        assert!(!tried("aproval: proposal_approve", refused, &[(17, APPROVED)]), "an unknown class");
        assert_eq!(named("every but bus_create, purchase").len(), Call::NAMES.len() - 2);
    }

    #[test]
    fn errors_of_classes_are_those_that_there_are() {
        let classes = include_str!("../tests/program/attacks.txt").lines();
        let others =
            ["MissingRequiredSignature", "InvalidSeeds", "IncorrectProgramId", "InvalidArgument", "NotTheAccount"];
        let mut count = 0;
        for list in classes.filter_map(|line| line.strip_prefix("  refused with: ")) {
            for error in list.split(", ") {
                let of_the_market = MultibusError::ALL.iter().any(|known| known.name() == error);
                assert!(of_the_market || others.contains(&error) || error.parse::<u32>().is_ok(), "{error}");
                count += 1;
            }
        }
        assert!(count > 80, "{count}");
    }
}

//! What a test says that it attacks, held against what it sent.
//!
//! A test of the program begins with the cells of the table of attacks that it fills:
//!
//! ```ignore
//! refuses!(replay: purchase, purchase_batch; missing_signer: every but capacity_close);
//! ```
//!
//! `cargo xtask attack-matrix` reads these lines and makes `docs/ATTACKS.md` of them. When the test ends, each
//! instruction that it names must have been refused by the program for exactly the reason that the test expects, with
//! nothing moved; or, under [`withstands!`](crate::withstands), it must have landed, with all books and invariants
//! checked after it. So a line cannot claim what is not run. The classes are described in
//! `tests/tests/program/attacks.txt`.

use {
    crate::model::Call,
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

/// How often each instruction was refused and has landed.
type Counts = [[u64; 2]; Call::NAMES.len()];

thread_local! {
    static SEEN: RefCell<Counts> = const { RefCell::new([[0; 2]; Call::NAMES.len()]) };
}

/// Counts an instruction of a transaction, where it is one of the program's.
pub(crate) fn saw(transaction: &VersionedTransaction, at: usize, outcome: Outcome) {
    let message = &transaction.message;
    let instruction = &message.instructions()[at];
    if message.static_account_keys()[instruction.program_id_index as usize] == multibus::ID {
        count(&instruction.data, outcome);
    }
}

fn count(data: &[u8], outcome: Outcome) {
    if let Some(call) = Call::read(data) {
        SEEN.with_borrow_mut(|seen| seen[call.index()][outcome as usize] += 1);
    }
}

/// What a test says that it attacks; dropped at its end.
pub struct Claim {
    outcome: Outcome,
    instructions: Vec<usize>,
    before: Counts,
}

impl Claim {
    /// # Panics
    /// Where there is no instruction of a name.
    pub fn new(outcome: Outcome, claims: &str) -> Self {
        let mut instructions: Vec<usize> = claims
            .split(';')
            .map(str::trim)
            .filter(|claim| !claim.is_empty())
            .flat_map(|claim| {
                let (_, list) = claim.split_once(':').unwrap_or_else(|| panic!("no class before a colon: {claim}"));
                named(list)
            })
            .collect();
        instructions.sort_unstable();
        instructions.dedup();
        Self { outcome, instructions, before: SEEN.with_borrow(|seen| *seen) }
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
        let outcome = self.outcome as usize;
        let seen = SEEN.with_borrow(|seen| *seen);
        let unseen: Vec<&str> = self
            .instructions
            .iter()
            .filter(|index| seen[**index][outcome] == self.before[**index][outcome])
            .map(|index| Call::NAMES[*index])
            .collect();
        assert!(unseen.is_empty(), "the test says that it tries what was never {:?}: {unseen:?}", self.outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_that_was_not_tried_fails() {
        count(&[17], Outcome::Refused);
        let tried = |claims: &str, outcome: Outcome, seen: &[(u8, Outcome)]| {
            let (claims, seen) = (claims.to_owned(), seen.to_vec());
            thread::spawn(move || {
                let _claim = Claim::new(outcome, &claims);
                for (number, outcome) in seen {
                    count(&[number], outcome);
                }
            })
            .join()
            .is_ok()
        };
        let (refused, landed) = (Outcome::Refused, Outcome::Landed);
        assert!(tried("a : proposal_approve, proposal_close", refused, &[(17, refused), (20, refused)]));
        assert!(tried("a: proposal_approve; b: proposal_close", landed, &[(17, landed), (20, landed)]));
        assert!(!tried("a: proposal_approve", refused, &[]));
        assert!(!tried("a: proposal_approve", refused, &[(17, landed), (18, refused)]));
        assert!(!tried("a: every", refused, &[(17, refused)]));
        assert!(!tried("a: proposal_aprove", refused, &[(17, refused)]), "an unknown name");
        assert_eq!(named("every but bus_create, purchase").len(), Call::NAMES.len() - 2);
    }
}

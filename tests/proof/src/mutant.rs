//! One change of the program, and the region of a file that can hold it.

use std::{fmt, ops::Range};

/// One change of the program that its tests must notice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mutant {
    /// From the program's `src`.
    pub file: String,
    /// `Type::function`, the struct whose accounts are constrained, or `planted`.
    pub place: String,
    /// What it changes, as `was` => `is`; of a planted bug its name.
    pub change: String,
    /// Numbers equal changes of one place, from 1.
    pub nth: usize,
    /// Line of the sources, from 1.
    pub line: usize,
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {}: {}", self.file, self.place, self.change)?;
        if self.nth > 1 { write!(f, " #{}", self.nth) } else { Ok(()) }
    }
}

/// How a region of the sources holds mutants.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// An expression that becomes another.
    Value,
    /// Statements that become others.
    Statements,
    /// The start of a function, which returns at once.
    Body,
    /// The end of a pattern, which no longer matches.
    Guard,
    /// The address that an account must have, with the account's field. It is compared in a constraint.
    Address(String),
}

pub struct Region {
    pub range: Range<usize>,
    pub form: Form,
    pub alternatives: Vec<Alternative>,
}

pub struct Alternative {
    pub text: String,
    pub mutant: Mutant,
}

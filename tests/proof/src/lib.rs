//! Proof that the tests of the program notice when it is wrong.
//!
//! One engine makes wrong programs: [`find`] finds small changes of a file (mutants), [`source`] holds them and takes in
//! patches (planted bugs), [`sandbox`] builds one program that holds many of them, [`switch`] turns one on, and [`suite`] runs the tests.

pub mod find;
pub mod mutant;
pub mod mutants;
pub mod patch;
pub mod place;
pub mod planted;
pub mod sandbox;
pub mod source;
pub mod suite;
pub mod switch;

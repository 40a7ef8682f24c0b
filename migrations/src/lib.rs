//! Deployment and upgrade of the program as code: each step looks at the chain first and does only what is missing, so
//! that a migration can be run again, and one that was killed goes on where it stopped.

#![deny(missing_docs)]

pub mod artifact;
pub mod cluster;
pub mod idl;
pub mod loader;
pub mod record;

//! Deployment and upgrade of the program. Each step looks at the chain first and does only what is missing. So a
//! migration can be run again, and continues after it was killed.

#![deny(missing_docs)]

pub mod artifact;
pub mod cluster;
pub mod idl;
pub mod loader;
pub mod record;

//! Where the compiled programs are.

use std::{path::PathBuf, sync::OnceLock};

/// Bytes of the built program: the file that `MULTIBUS_PROGRAM` names, else `deploy/multibus.so` in Cargo's target
/// directory.
///
/// # Panics
/// Where there is no such file.
pub fn program() -> &'static [u8] {
    static PROGRAM: OnceLock<Vec<u8>> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let path = path();
        std::fs::read(&path).unwrap_or_else(|error| {
            panic!("cannot read the program at {}: {error}; build it with `cargo xtask build`", path.display())
        })
    })
}

/// Path of the built program.
pub fn path() -> PathBuf {
    if let Some(path) = std::env::var_os("MULTIBUS_PROGRAM") {
        return path.into();
    }
    deployed("multibus.so")
}

/// Path of a compiled program of this name, in Cargo's target directory.
pub fn deployed(file: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    target.join("deploy").join(file)
}

//! What is deployed: the program's ELF and its IDL, checked before anything is sent.

use {
    anyhow::{Context, Result, ensure},
    serde_json::Value,
    sha2::{Digest, Sha256},
    solana_address::Address,
    std::{fs, path::Path},
};

/// The compiled program.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its address.
    pub id: Address,
    /// Its ELF.
    pub elf: Vec<u8>,
}

impl Program {
    /// Reads an ELF. Refuses one that was compiled for another address: all accounts of the market derive from the
    /// program's address, so it would find none of them.
    pub fn read(path: &Path, id: Address) -> Result<Self> {
        let elf = fs::read(path).with_context(|| {
            format!("the program {} cannot be read; build it with `cargo xtask build`", path.display())
        })?;
        Self::new(elf, id).with_context(|| format!("{} cannot be deployed", path.display()))
    }

    /// The same from the bytes of an ELF.
    pub fn new(elf: Vec<u8>, id: Address) -> Result<Self> {
        ensure!(elf.starts_with(b"\x7fELF"), "it is not an ELF");
        ensure!(
            elf.windows(32).any(|bytes| bytes == id.as_ref()),
            "it was not compiled for the address {id}; build it with MULTIBUS_PROGRAM_ID={id} cargo xtask build"
        );
        Ok(Self { id, elf })
    }

    /// sha256 of the ELF, as `cargo xtask hash` prints it.
    pub fn sha256(&self) -> String {
        sha256(&self.elf)
    }
}

/// The IDL as it is published for a program: the checked-in one, with the program's address.
pub fn idl_for(path: &Path, program: &Address) -> Result<Value> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("the IDL {} cannot be read; generate it with `cargo xtask idl`", path.display()))?;
    let mut idl: Value = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    let name = idl["metadata"]["name"].as_str().unwrap_or_default();
    ensure!(name == "multibus", "{} is the IDL of {name:?}, not of multibus", path.display());
    let version = idl["metadata"]["version"].as_str().unwrap_or_default();
    let built = env!("CARGO_PKG_VERSION");
    ensure!(
        version == built,
        "{} is of version {version:?} and the program of {built}; generate it with `cargo xtask idl`",
        path.display()
    );
    idl["address"] = Value::String(program.to_string());
    Ok(idl)
}

/// sha256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_another_address_is_refused() {
        let id = Address::new_from_array([7; 32]);
        let elf = [&b"\x7fELF...."[..], id.as_ref(), b"..."].concat();
        assert_eq!(Program::new(elf.clone(), id).unwrap().elf, elf);
        let other = Address::new_from_array([8; 32]);
        let refused = Program::new(elf, other).unwrap_err().to_string();
        assert!(refused.contains(&format!("MULTIBUS_PROGRAM_ID={other}")), "{refused}");
        assert!(Program::new(b"#!/bin/sh".to_vec(), id).is_err());
    }
}

//! The record of a network's migrations, as a file: the present state, and every change that led to it.

use {
    anyhow::{Context, Result},
    serde::{Deserialize, Serialize},
    std::{fs, path::Path},
};

/// The record of one network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Hash of the network's first block.
    pub genesis: String,
    /// The program's address.
    pub program: String,
    /// sha256 of the ELF.
    pub elf_sha256: String,
    /// Length of the ELF, in bytes.
    pub elf_bytes: usize,
    /// Who may upgrade it; absent where it is final.
    pub upgrade_authority: Option<String>,
    /// Where the IDL is published; absent where the network publishes none.
    pub idl: Option<String>,
    /// Every change, oldest first.
    pub history: Vec<Entry>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, in unix seconds of the chain's clock.
    pub at: i64,
    /// The chain's slot then.
    pub slot: u64,
    /// Version of the program.
    pub version: String,
    /// sha256 of its ELF.
    pub elf_sha256: String,
    /// What was done.
    pub what: String,
}

impl Record {
    /// Reads a record. It is empty if there is no file, or if the file is of another network, such as a local network
    /// that was started anew.
    pub fn read(path: &Path, genesis: &str) -> Result<Self> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        };
        let record: Self = serde_json::from_str(&text)
            .with_context(|| format!("{} is not a record of a migration", path.display()))?;
        Ok(if record.genesis == genesis { record } else { Self::default() })
    }

    /// Writes the record if it differs, through a temporary file and a rename.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        if fs::read_to_string(path).is_ok_and(|present| present == text) {
            return Ok(());
        }
        let write = || -> std::io::Result<()> {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let new = path.with_extension(format!("{}.new", std::process::id()));
            fs::write(&new, &text)?;
            fs::rename(&new, path)
        };
        write().with_context(|| format!("could not write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_kept_for_its_network_alone() {
        let folder = std::env::temp_dir().join(format!("multibus-migrate-record-{}", std::process::id()));
        let path = folder.join("localnet.json");
        assert_eq!(Record::read(&path, "a").unwrap(), Record::default());
        let record = Record { genesis: "a".to_owned(), program: "p".to_owned(), ..Record::default() };
        record.write(&path).unwrap();
        assert_eq!(Record::read(&path, "a").unwrap(), record);
        assert_eq!(Record::read(&path, "b").unwrap(), Record::default());
        fs::write(&path, "no json").unwrap();
        assert!(Record::read(&path, "a").is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}

//! The wallets of local networks. Their keys are public and the same in every checkout, so that a browser wallet or a
//! script can use them again after the network was started over. Never use them on any other network.

use std::{fs, io::Write, path::Path};

use anyhow::{Context as _, Result};
use multibus_client::{Address, Keypair, Signer};
use sha2::{Digest, Sha256};

/// The keypair of a name.
pub fn keypair(name: &str) -> Keypair {
    Keypair::new_from_array(Sha256::digest(format!("multibus local network: {name}")).into())
}

/// Mints the test stablecoin and may upgrade the program.
pub fn operator() -> Keypair {
    keypair("operator")
}

/// Address of the test stablecoin, and the keypair that it is made with.
pub fn mint() -> Keypair {
    keypair("stablecoin")
}

/// The keypair of a seller's meter.
pub fn meter(seller: &str) -> Keypair {
    keypair(&format!("{seller}'s meter"))
}

/// Address of a name's wallet.
pub fn address(name: &str) -> Address {
    keypair(name).pubkey()
}

/// Writes a keypair file as `solana-keygen` does, readable by its owner alone; one that is there already is replaced.
///
/// # Errors
/// Where the file cannot be written.
pub fn write(keypair: &Keypair, path: &Path) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let text = serde_json::to_string(&keypair.to_bytes().to_vec())?;
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("could not write the wallet {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// People have imported these keys into their wallets, so they must not change.
    #[test]
    fn known_keys_never_change() {
        assert_eq!(operator().pubkey().to_string(), "8WgayaUVDsgxux4TPuC5BAhUEhjQNvLuEvRXxfdfqdQ");
        assert_eq!(mint().pubkey().to_string(), "H9oRb9v6B1fM9pEGSP5zh5gi4kq8cGxLgNiPiqzQc2iN");
    }

    #[test]
    fn a_wallet_file_holds_the_keypair_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alice.json");
        write(&keypair("alice"), &path).unwrap();
        let bytes: Vec<u8> = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(Keypair::try_from(bytes.as_slice()).unwrap().pubkey(), address("alice"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

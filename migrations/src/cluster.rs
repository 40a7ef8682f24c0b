//! Where to deploy, from `migrations/clusters.json`: networks differ by this file alone.

use {
    anyhow::{Context, Result, bail, ensure},
    serde::Deserialize,
    solana_address::Address,
    std::{
        collections::BTreeMap,
        env, fs,
        path::{Path, PathBuf},
    },
};

/// Genesis hash of Solana's mainnet. It identifies the mainnet, whatever its URL.
pub const MAINNET_GENESIS: &str = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d";

/// One network.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// URL of its RPC node.
    pub url: String,
    /// Genesis hash; absent for a network that gets a new one with every start.
    pub genesis: Option<String>,
    /// The program's address. A program for another address than the localnet's is built with `MULTIBUS_PROGRAM_ID`.
    pub program: Option<String>,
    /// Keypair file of that address, needed for the first deployment only.
    pub program_keypair: Option<PathBuf>,
    /// Keypair file of the wallet that pays and is the upgrade authority.
    pub wallet: Option<PathBuf>,
    /// Whether the network has the Program Metadata program, which holds published IDLs. Local networks have none.
    #[serde(default)]
    pub publishes_idl: bool,
    /// Micro-lamports paid for each compute unit.
    #[serde(default)]
    pub priority_fee: u64,
}

impl Cluster {
    /// A network by its name in the file. Paths are relative to the file's folder, `~` is the home directory.
    pub fn read(path: &Path, name: &str) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        Self::parse(&text, path.parent().unwrap_or(Path::new(".")), name)
            .with_context(|| format!("{} cannot be used", path.display()))
    }

    fn parse(text: &str, folder: &Path, name: &str) -> Result<Self> {
        let mut clusters: BTreeMap<String, Self> = serde_json::from_str(text)?;
        let Some(mut cluster) = clusters.remove(name) else {
            let names: Vec<_> = clusters.keys().map(String::as_str).collect();
            bail!("there is no network {name:?} in it; there are {}", names.join(", "));
        };
        for path in [&mut cluster.program_keypair, &mut cluster.wallet].into_iter().flatten() {
            *path = resolve(folder, path);
        }
        Ok(cluster)
    }

    /// The program's address.
    pub fn program(&self) -> Result<Address> {
        let Some(program) = &self.program else {
            bail!(
                "the network names no program; make a keypair for it (solana-keygen grind, or `anchor keygen new`), keep \
                 it safe, and write its address as \"program\" of this network"
            );
        };
        program.parse().ok().with_context(|| format!("{program:?} is not the address of a program"))
    }

    /// Refuses a node of another network, and the mainnet without consent.
    pub fn validate_genesis(&self, found: &str, mainnet_allowed: bool) -> Result<()> {
        if let Some(expected) = &self.genesis {
            ensure!(
                expected == found,
                "the node at {} belongs to the network with genesis {found}, and this network's is {expected}; check the URL",
                self.url
            );
        }
        ensure!(
            found != MAINNET_GENESIS || mainnet_allowed,
            "this is the mainnet, where a deployment is used with real money; give --mainnet if that is meant"
        );
        Ok(())
    }
}

fn resolve(folder: &Path, path: &Path) -> PathBuf {
    match path.strip_prefix("~") {
        Ok(rest) => env::home_dir().unwrap_or_default().join(rest),
        Err(_) => folder.join(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{ "a": { "url": "http://127.0.0.1:8899", "wallet": "keys/a.json" },
        "main": { "url": "http://127.0.0.1:1", "genesis": "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d" } }"#;

    #[test]
    fn networks_are_found_by_name_and_others_are_named() {
        let cluster = Cluster::parse(TEXT, Path::new("/somewhere"), "a").unwrap();
        assert_eq!(cluster.wallet.as_deref(), Some(Path::new("/somewhere/keys/a.json")));
        let refused = Cluster::parse(TEXT, Path::new("."), "b").unwrap_err().to_string();
        assert!(refused.contains("\"b\"") && refused.contains("a, main"), "{refused}");
        assert!(cluster.program().unwrap_err().to_string().contains("names no program"));
    }

    #[test]
    fn the_mainnet_needs_consent_whatever_its_url() {
        let local = Cluster::parse(TEXT, Path::new("."), "a").unwrap();
        let refused = local.validate_genesis(MAINNET_GENESIS, false).unwrap_err().to_string();
        assert!(refused.contains("--mainnet"), "{refused}");
        assert!(local.validate_genesis(MAINNET_GENESIS, true).is_ok());
        assert!(local.validate_genesis("another", false).is_ok());
    }

    #[test]
    fn a_node_of_another_network_is_refused() {
        let main = Cluster::parse(TEXT, Path::new("."), "main").unwrap();
        let refused = main.validate_genesis("another", true).unwrap_err().to_string();
        assert!(refused.contains("another") && refused.contains(MAINNET_GENESIS), "{refused}");
    }

    #[test]
    fn the_checked_in_networks_can_be_read() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("clusters.json");
        for name in ["localnet", "devnet", "testnet", "mainnet"] {
            let cluster = Cluster::read(&path, name).unwrap();
            assert_eq!(cluster.genesis.as_deref() == Some(MAINNET_GENESIS), name == "mainnet", "{name}");
            assert_eq!(cluster.program.is_some(), name == "localnet", "{name}");
        }
    }
}

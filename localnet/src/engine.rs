//! The programs that run a network: surfpool and Agave's test validator.

use std::{
    env, fmt,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// Names surfpool's binary, where it is not beside the running one.
pub const SURFNET: &str = "MULTIBUS_SURFNET";
/// Names `solana-test-validator`, where it is neither on PATH nor in the cache.
pub const VALIDATOR: &str = "MULTIBUS_VALIDATOR";

/// What runs a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// surfpool: a simulated network on LiteSVM, ready in a second
    #[default]
    Surfpool,
    /// `solana-test-validator`: Agave itself, with its scheduler, banks, blocks and ledger
    Agave,
}

impl Engine {
    /// Every engine.
    pub const ALL: [Self; 2] = [Self::Surfpool, Self::Agave];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Surfpool => "surfpool",
            Self::Agave => "agave",
        }
    }

    /// Its binary: the one that the environment names ([`SURFNET`], [`VALIDATOR`]); else surfpool's beside the running
    /// binary, or the validator on PATH or in the cache.
    ///
    /// # Errors
    /// Where there is none, with the command that makes it.
    pub fn binary(self) -> Result<PathBuf> {
        let variable = match self {
            Self::Surfpool => SURFNET,
            Self::Agave => VALIDATOR,
        };
        if let Some(named) = env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from) {
            if named.is_file() {
                return Ok(named);
            }
            bail!("{variable} names {}, where there is no file; correct it or unset it", named.display());
        }
        if let Some(found) = self.candidates().into_iter().find(|path| path.is_file()) {
            return Ok(found);
        }
        match self {
            Self::Surfpool => bail!("surfpool's engine is not built; `cargo xtask localnet` builds and starts it"),
            Self::Agave => bail!(
                "there is no solana-test-validator on PATH or in the cache; `cargo xtask localnet --engine agave` installs \
                 and starts it"
            ),
        }
    }

    fn candidates(self) -> Vec<PathBuf> {
        match self {
            Self::Surfpool => beside("multibus-surfnet").into_iter().collect(),
            Self::Agave => {
                let path = env::var_os("PATH").unwrap_or_default();
                let cache = env::var_os("MULTIBUS_CACHE")
                    .filter(|dir| !dir.is_empty())
                    .map(PathBuf::from)
                    .or_else(|| env::home_dir().map(|home| home.join(".cache/multibus")));
                env::split_paths(&path)
                    .chain(cache.map(|cache| cache.join("tools/bin")))
                    .map(|dir| dir.join("solana-test-validator"))
                    .collect()
            }
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A binary that cargo built beside the running one, which is in `<target>/<profile>` or `<target>/<profile>/deps`.
pub fn beside(name: &str) -> Option<PathBuf> {
    let here = env::current_exe().ok()?;
    here.ancestors().skip(1).take(2).map(|dir| dir.join(name)).find(|path| path.is_file())
}

/// The built program: the file that `MULTIBUS_PROGRAM` names, else `deploy/multibus.so` in the target folder of the
/// running binary.
///
/// # Errors
/// Where there is none, with the command that makes it.
pub fn program_elf() -> Result<PathBuf> {
    let named = env::var_os("MULTIBUS_PROGRAM").filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = match named {
        Some(path) => path,
        None => {
            let here = env::current_exe().unwrap_or_default();
            let beside = here.ancestors().skip(2).take(2).map(|dir| dir.join("deploy/multibus.so"));
            beside.into_iter().find(|path| path.is_file()).unwrap_or_else(|| PathBuf::from("target/deploy/multibus.so"))
        }
    };
    require_file(&path)?;
    Ok(path)
}

fn require_file(path: &Path) -> Result<()> {
    if !path.is_file() {
        bail!(
            "the built program is not at {}; build it with `cargo xtask build`, or name the file in MULTIBUS_PROGRAM",
            path.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_called_on_the_command_line_as_in_files() {
        for engine in Engine::ALL {
            assert_eq!(Engine::from_str(engine.name(), false), Ok(engine));
            assert_eq!(serde_json::to_string(&engine).unwrap(), format!("\"{engine}\""));
        }
    }

    #[test]
    fn a_missing_program_is_named_with_the_command_that_builds_it() {
        let refused = require_file(Path::new("nowhere/multibus.so")).unwrap_err().to_string();
        assert!(refused.contains("nowhere/multibus.so") && refused.contains("cargo xtask build"), "{refused}");
    }
}

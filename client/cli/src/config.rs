//! Where the settings of a call come from: its options, then the environment, then the Solana CLI's configuration
//! file, then defaults that never lead to mainnet.

use {
    crate::{failure::Failure, output::OutputFormat},
    clap::{
        ValueEnum,
        builder::{PathBufValueParser, TypedValueParser},
    },
    multibus_client::text::host_only,
    serde::Deserialize,
    solana_commitment_config::CommitmentLevel,
    std::path::{Path, PathBuf},
};

/// Options of every command.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Chain to use: localnet, devnet, testnet, mainnet-beta (or l, d, t, m), the URL of a node, or embedded:FILE,
    /// a chain of its own kept in FILE [default: the configuration file's, else localnet]
    #[arg(short, long, global = true, value_name = "URL_OR_MONIKER", env = "MULTIBUS_URL", hide_env_values = true)]
    pub url: Option<String>,
    /// WebSocket URL for subscriptions [default: derived from the URL]
    #[arg(long, global = true, value_name = "URL")]
    pub ws: Option<String>,
    /// File with the wallet that signs, '-' for the standard input [default: the configuration file's]
    #[arg(short, long, global = true, value_name = "FILE", env = "MULTIBUS_KEYPAIR", hide_env_values = true)]
    pub keypair: Option<String>,
    /// How final a transaction must be [default: the configuration file's, else confirmed]
    #[arg(long, global = true, value_name = "LEVEL")]
    pub commitment: Option<Commitment>,
    /// Configuration file of the Solana CLI [default: ~/.config/solana/cli/config.yml]
    #[arg(short = 'C', long, global = true, value_name = "FILE", value_parser = home_path())]
    pub config: Option<PathBuf>,
    /// Form of the results and errors
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text", hide_possible_values = false)]
    pub output: OutputFormat,
    /// Price of priority, in micro-lamports per compute unit
    #[arg(long, global = true, value_name = "MICRO_LAMPORTS", default_value_t = 0)]
    pub priority_fee: u64,
    /// Only what the next command needs, such as the address of what was made: no notes, no progress bars
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

impl GlobalArgs {
    /// The options without those that an environment variable sets to nothing.
    ///
    /// # Errors
    /// Where an option itself is empty, as one is whose shell variable is not set.
    pub fn given(mut self) -> Result<Self, Failure> {
        for (value, variable, option) in
            [(&mut self.url, "MULTIBUS_URL", "--url"), (&mut self.keypair, "MULTIBUS_KEYPAIR", "--keypair")]
        {
            if value.as_ref().is_none_or(|text| !text.trim().is_empty()) {
                continue;
            }
            if std::env::var_os(variable).is_none_or(|text| !text.is_empty()) {
                return Err(Failure::usage(format!("{option} is empty; give a value, or leave it out")));
            }
            *value = None;
        }
        Ok(self)
    }
}

/// How final a transaction must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Commitment {
    /// In a block.
    Processed,
    /// Voted for by most of the stake.
    Confirmed,
    /// Cannot be undone.
    Finalized,
}

impl Commitment {
    pub fn level(self) -> CommitmentLevel {
        match self {
            Self::Processed => CommitmentLevel::Processed,
            Self::Confirmed => CommitmentLevel::Confirmed,
            Self::Finalized => CommitmentLevel::Finalized,
        }
    }
}

/// The chain of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Rpc {
        url: String,
        /// `None` where it follows from the URL.
        websocket_url: Option<String>,
    },
    /// A chain inside of the process, kept in a file where one is named.
    Embedded { file: Option<PathBuf> },
}

impl Endpoint {
    /// Whether the name of the node's host says that it is of mainnet, as Solana's own and those of providers do.
    pub fn is_mainnet(&self) -> bool {
        matches!(self, Self::Rpc { url, .. } if host_only(url).to_ascii_lowercase().contains("mainnet"))
    }
}

/// Where the wallet comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeypairSource {
    File(PathBuf),
    StandardInput,
    /// A hardware wallet or a typed seed phrase. It is refused only where something is to be signed.
    Unsupported(String),
}

/// What a call uses.
#[derive(Clone, Debug)]
pub struct Settings {
    pub endpoint: Endpoint,
    pub keypair: KeypairSource,
    pub commitment: Commitment,
}

/// Monikers of the Solana CLI and what they stand for.
const CLUSTERS: [(&[&str], &str); 4] = [
    (&["localnet", "localhost", "l"], "http://localhost:8899"),
    (&["devnet", "d"], "https://api.devnet.solana.com"),
    (&["testnet", "t"], "https://api.testnet.solana.com"),
    (&["mainnet-beta", "m"], "https://api.mainnet-beta.solana.com"),
];
const EMBEDDED: &str = "embedded";

impl Settings {
    /// Resolves the settings of a call.
    ///
    /// # Errors
    /// A sentence that names the value and its remedy: a broken or missing configuration file, an unknown cluster,
    /// or mainnet where only the file asks for it.
    pub fn resolve(args: &GlobalArgs) -> Result<Self, Failure> {
        let (config, config_path) = load_config(args.config.as_deref())?;
        let endpoint = match (args.url.as_deref(), &config) {
            (Some(url), _) => parse_endpoint(url, args.ws.clone())?,
            (None, Some(config)) if !config.json_rpc_url.is_empty() => {
                let configured = Some(config.websocket_url.clone()).filter(|url| !url.is_empty());
                let endpoint = parse_endpoint(&config.json_rpc_url, args.ws.clone().or(configured))?;
                if endpoint.is_mainnet() {
                    return Err(Failure::usage(format!(
                        "{config_path} names mainnet-beta, which `multibus` uses only when told to: add `--url \
                         mainnet-beta` (or the URL of your node) if real money is meant, or `--url localnet` or `--url devnet` \
                         if not"
                    )));
                }
                endpoint
            }
            _ => parse_endpoint("localnet", args.ws.clone())?,
        };
        let keypair = match (&args.keypair, &config) {
            (Some(source), _) => parse_keypair_source(source),
            (None, Some(config)) if !config.keypair_path.is_empty() => parse_keypair_source(&config.keypair_path),
            _ => KeypairSource::File(default_keypair_path()?),
        };
        let commitment = match (args.commitment, &config) {
            (Some(commitment), _) => commitment,
            (None, Some(config)) if !config.commitment.is_empty() => Commitment::from_str(&config.commitment, true)
                .map_err(|_| {
                    Failure::usage(format!(
                        "{config_path} asks for the commitment '{}'; write processed, confirmed or finalized there",
                        config.commitment
                    ))
                })?,
            _ => Commitment::Confirmed,
        };
        Ok(Self { endpoint, keypair, commitment })
    }
}

/// What is used of the Solana CLI's configuration file. What is missing has its default.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    json_rpc_url: String,
    websocket_url: String,
    keypair_path: String,
    commitment: String,
}

/// Reads the configuration file: the one that is named must exist, the default one may be missing.
fn load_config(named: Option<&Path>) -> Result<(Option<Config>, String), Failure> {
    let Some(path) =
        named.map(Path::to_path_buf).or_else(|| home().map(|home| home.join(".config/solana/cli/config.yml")))
    else {
        return Ok((None, String::new()));
    };
    let shown = path.display().to_string();
    if named.is_none() && !path.exists() {
        return Ok((None, shown));
    }
    match solana_cli_config::load_config_file::<Config, _>(&path) {
        Ok(config) => Ok((Some(config), shown)),
        Err(error) => Err(Failure::usage(format!(
            "the configuration file {shown} cannot be read ({error}); correct it, or name another with --config"
        ))),
    }
}

fn home() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| !home.as_os_str().is_empty())
}

fn default_keypair_path() -> Result<PathBuf, Failure> {
    home().map(|home| home.join(".config/solana/id.json")).ok_or_else(|| {
        Failure::usage("there is no home directory to look for a wallet in; name its file with --keypair".to_owned())
    })
}

fn parse_endpoint(text: &str, websocket_url: Option<String>) -> Result<Endpoint, Failure> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix(EMBEDDED) {
        match rest.strip_prefix(':') {
            Some("") => {}
            Some(file) => return Ok(Endpoint::Embedded { file: Some(expand_home(Path::new(file))) }),
            None if rest.is_empty() => return Ok(Endpoint::Embedded { file: None }),
            None => {}
        }
    }
    let is_moniker =
        |(monikers, _): &&(&[&str], &str)| monikers.iter().any(|moniker| moniker.eq_ignore_ascii_case(text));
    let url = CLUSTERS.iter().find(is_moniker).map_or(text, |(_, url)| url);
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if !scheme.is_some_and(|scheme| scheme == "http" || scheme == "https") {
        return Err(Failure::usage(format!(
            "'{}' is not a chain; use localnet, devnet, testnet, mainnet-beta, a URL such as \
             http://localhost:8899, or embedded:FILE",
            host_only(text)
        )));
    }
    Ok(Endpoint::Rpc { url: url.to_owned(), websocket_url })
}

/// Where a keypair is that an option names.
pub fn parse_keypair_source(text: &str) -> KeypairSource {
    match text {
        "-" | "stdin:" | "stdin://" => KeypairSource::StandardInput,
        _ if text.starts_with("usb:") || text.starts_with("prompt:") => KeypairSource::Unsupported(text.to_owned()),
        _ => KeypairSource::File(expand_home(Path::new(text.strip_prefix("file:").unwrap_or(text)))),
    }
}

/// A path, for clap.
pub fn home_path() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().map(|path| expand_home(&path))
}

/// A path whose `~` at its start is the home directory: shells expand it only at the start of a word.
pub fn expand_home(path: &Path) -> PathBuf {
    let expanded = path.strip_prefix("~").ok().and_then(|rest| home().map(|home| home.join(rest)));
    expanded.unwrap_or_else(|| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_named_as_the_solana_cli_names_them() {
        for (text, url) in [
            ("l", "http://localhost:8899"),
            ("localnet", "http://localhost:8899"),
            ("localhost", "http://localhost:8899"),
            ("d", "https://api.devnet.solana.com"),
            ("testnet", "https://api.testnet.solana.com"),
            ("m", "https://api.mainnet-beta.solana.com"),
            ("http://10.0.0.1:8899", "http://10.0.0.1:8899"),
            ("Devnet", "https://api.devnet.solana.com"),
            ("HTTPS://node.example", "HTTPS://node.example"),
            (" http://10.0.0.1:8899 ", "http://10.0.0.1:8899"),
        ] {
            assert_eq!(
                parse_endpoint(text, None).ok(),
                Some(Endpoint::Rpc { url: url.to_owned(), websocket_url: None }),
                "{text}"
            );
        }
        assert_eq!(parse_endpoint("embedded", None).ok(), Some(Endpoint::Embedded { file: None }));
        assert_eq!(
            parse_endpoint("embedded:a/b", None).ok(),
            Some(Endpoint::Embedded { file: Some(PathBuf::from("a/b")) })
        );
        for text in ["", "mainnet", "embeddedx", "embedded:", "localhost:8899", "ftp://x"] {
            assert!(parse_endpoint(text, None).is_err(), "{text}");
        }
    }

    #[test]
    fn mainnet_is_known_by_its_host_whatever_the_provider() {
        let is_mainnet = |text: &str| parse_endpoint(text, None).expect("it is a chain").is_mainnet();
        for text in [
            "m",
            "http://api.mainnet-beta.solana.com:80/",
            "https://API.Mainnet-Beta.solana.com",
            "https://mainnet.helius-rpc.com/?api-key=a",
            "https://solana-mainnet.g.alchemy.com/v2/a",
        ] {
            assert!(is_mainnet(text), "{text}");
        }
        for text in
            ["localnet", "d", "t", "embedded:mainnet.chain", "http://localhost:8899/mainnet", "http://a/?x=mainnet"]
        {
            assert!(!is_mainnet(text), "{text}");
        }
    }

    #[test]
    fn a_home_directory_is_expanded_in_paths_of_chains_and_wallets() {
        let home = home().expect("tests run with a home directory");
        assert_eq!(
            parse_endpoint("embedded:~/x.chain", None).ok(),
            Some(Endpoint::Embedded { file: Some(home.join("x.chain")) })
        );
        assert_eq!(parse_keypair_source("~/id.json"), KeypairSource::File(home.join("id.json")));
        assert_eq!(parse_keypair_source("file:~/id.json"), KeypairSource::File(home.join("id.json")));
        assert_eq!(parse_keypair_source("a/~/id.json"), KeypairSource::File(PathBuf::from("a/~/id.json")));
    }

    #[test]
    fn wallets_are_files_or_the_standard_input_and_others_wait_until_something_is_signed() {
        assert_eq!(parse_keypair_source("-"), KeypairSource::StandardInput);
        assert_eq!(parse_keypair_source("a.json"), KeypairSource::File(PathBuf::from("a.json")));
        for text in ["usb://ledger?key=0", "prompt://"] {
            let source = parse_keypair_source(text);
            assert_eq!(source, KeypairSource::Unsupported(text.to_owned()));
            let refusal = source.read().expect_err("it is no file").message();
            assert!(refusal.contains(text) && refusal.contains("--keypair"), "{refusal}");
        }
    }
}

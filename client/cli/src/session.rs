//! One call's connection: the chain, opened from the settings, and the wallet that signs.

use {
    crate::{
        config::{Endpoint, KeypairSource, Settings, parse_keypair_source},
        failure::Failure,
        output::{Output, Progress},
    },
    multibus_client::{
        Address, Error, Keypair, Market, SharedSigner, Signer, TransactionOptions, Wallet,
        chain::{Chain, EmbeddedChain, RpcChain, embedded_state::StateFile},
        send::PriorityFee,
    },
    std::{io::Read, path::Path, sync::Arc},
};

/// Longest file with a key or a reading, in bytes.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// One call's connection.
pub struct Session {
    pub output: Output,
    /// How far the command is, where it tells.
    pub progress: Progress,
    pub settings: Settings,
    chain: Arc<dyn Chain>,
    /// The embedded chain and the file that keeps it.
    kept: Option<(Arc<EmbeddedChain>, StateFile)>,
    priority_fee: u64,
}

impl Session {
    /// Opens the chain that the settings name.
    ///
    /// # Errors
    /// Where the URL is malformed, the state file cannot be read, or a chain that ends with the call is asked for.
    pub fn open(settings: Settings, output: Output, priority_fee: u64) -> Result<Self, Failure> {
        let (chain, kept): (Arc<dyn Chain>, _) = match &settings.endpoint {
            Endpoint::Rpc { url, websocket_url } => {
                (Arc::new(RpcChain::new(url, websocket_url.as_deref(), settings.commitment.level())?), None)
            }
            Endpoint::Embedded { file: None } => {
                return Err(Failure::usage(
                    "an embedded chain without a file ends with the command, so that nothing would be left of it; \
                     name a file that keeps it, such as `--url embedded:village.chain`",
                ));
            }
            Endpoint::Embedded { file: Some(path) } => {
                let file = StateFile::open(path)?;
                let chain = Arc::new(file.load()?);
                (chain.clone(), Some((chain, file)))
            }
        };
        Ok(Self { output, progress: Progress::new("working"), settings, chain, kept, priority_fee })
    }

    /// Writes the chain back to its file, if it is kept in one.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn close(self) -> Result<(), Failure> {
        match self.kept {
            Some((chain, file)) => Ok(file.save(&chain)?),
            None => Ok(()),
        }
    }

    pub fn chain(&self) -> &Arc<dyn Chain> {
        &self.chain
    }

    /// The embedded chain, where the call uses one.
    pub fn embedded(&self) -> Option<&EmbeddedChain> {
        self.kept.as_ref().map(|(chain, _)| chain.as_ref())
    }

    pub fn market(&self) -> Market {
        Market::new(self.chain.clone())
    }

    /// Unix seconds on the chain's clock.
    ///
    /// # Errors
    /// Where the chain cannot be reached.
    pub async fn now(&self) -> Result<i64, Failure> {
        Ok(self.chain.clock().await?.unix_timestamp)
    }

    /// Decimals of a token.
    ///
    /// # Errors
    /// Where there is no such mint.
    pub async fn mint_decimals(&self, mint: &Address) -> Result<u8, Failure> {
        Ok(self.market().mint(mint).await?.decimals)
    }

    /// Refuses a payer that never held the token of a bus: the token program's own words would not name the token.
    ///
    /// # Errors
    /// Where the payer has no account of the token, or the chain cannot be reached.
    pub async fn require_token_account(&self, payer: &Address, bus: &Address) -> Result<(), Failure> {
        let market = self.market();
        let settlement = market.settlement(bus).await?;
        match market.token_balance(&settlement.token_account(payer)).await {
            Err(Error::NotFound { .. }) => {
                let mint = settlement.mint;
                Err(Failure::sentence(format!(
                    "the wallet {payer} has never held the token {mint}, in which this bus is paid; have some sent to it \
                     first (on a local network: `multibus local fund {payer} --mint {mint} --amount 10tokens`, signed by \
                     whoever made the token)"
                )))
            }
            read => Ok(read.map(drop)?),
        }
    }

    /// The wallet that signs.
    ///
    /// # Errors
    /// Where its file cannot be read.
    pub fn wallet(&self) -> Result<Wallet, Failure> {
        let options =
            TransactionOptions { priority_fee: priority_fee(self.priority_fee), ..TransactionOptions::default() };
        // A call buys one thing after another, so one lane is enough. Its next hash is known before sending.
        Ok(Wallet::new(self.chain.clone(), Arc::new(self.keypair()?)).with_options(options).with_lanes(1))
    }

    /// The named wallet, else the one that signs.
    ///
    /// # Errors
    /// Where none is named and the keypair cannot be read.
    pub fn address_or_own(&self, named: Option<Address>) -> Result<Address, Failure> {
        match named {
            Some(address) => Ok(address),
            None => Ok(self.keypair()?.pubkey()),
        }
    }

    /// The key of a device that signs beside the wallet.
    ///
    /// # Errors
    /// Where it cannot be read, or both would come through the standard input.
    pub fn device(&self, file: &str) -> Result<SharedSigner, Failure> {
        if parse_keypair_source(file) == KeypairSource::StandardInput
            && self.settings.keypair == KeypairSource::StandardInput
        {
            return Err(Failure::usage(
                "the standard input holds one keypair, and both the wallet and the device are to come from it; name a file \
                 with --device or --keypair",
            ));
        }
        Ok(Arc::new(device_key(file)?))
    }

    /// The keypair that signs.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn keypair(&self) -> Result<Keypair, Failure> {
        self.settings.keypair.read()
    }
}

/// A price of priority, in micro-lamports per compute unit; 0 for none.
pub fn priority_fee(micro_lamports: u64) -> PriorityFee {
    if micro_lamports == 0 { PriorityFee::None } else { PriorityFee::Fixed(micro_lamports) }
}

impl KeypairSource {
    /// The keypair.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn read(&self) -> Result<Keypair, Failure> {
        self.read_for("wallet", "--keypair")
    }

    /// The keypair, where an option names it as what it is.
    fn read_for(&self, what: &str, option: &str) -> Result<Keypair, Failure> {
        match self {
            Self::File(path) => read_keypair(path, what, option),
            Self::StandardInput => {
                let mut text = String::new();
                let read = std::io::stdin().take(MAX_FILE_BYTES).read_to_string(&mut text);
                read.map_err(|error| Failure::standard_input(&error))?;
                parse_keypair(&text, "the standard input")
            }
            Self::Unsupported(text) => Err(Failure::usage(format!(
                "the {what} '{text}' cannot sign here: only keypair files and '-', the standard input, are read; name a \
                 keypair file with {option}"
            ))),
        }
    }
}

/// The key of a device, from the file that `--device` names; '-' is the standard input. Needs no chain.
///
/// # Errors
/// Where it cannot be read.
pub fn device_key(file: &str) -> Result<Keypair, Failure> {
    parse_keypair_source(file).read_for("device key", "--device")
}

/// Reads a keypair file as the Solana CLI writes it.
///
/// # Errors
/// Where it is missing or malformed.
fn read_keypair(path: &Path, what: &str, option: &str) -> Result<Keypair, Failure> {
    let shown = path.display();
    let text = read_small(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::usage(format!(
            "there is no {what} at {shown}; name its file with {option}, or make one with `multibus local wallet {shown}`"
        )),
        _ => Failure::file("read", path, &error),
    })?;
    parse_keypair(&text, &shown.to_string())
}

/// Reads a file that has a line or two. A path such as `/dev/zero` never ends.
///
/// # Errors
/// Where it cannot be read, or is not text.
pub fn read_small(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

fn parse_keypair(text: &str, origin: &str) -> Result<Keypair, Failure> {
    let bytes: Vec<u8> =
        serde_json::from_str(text.trim_start_matches('\u{feff}').trim()).map_err(|_| not_a_keypair(origin))?;
    Keypair::try_from(bytes.as_slice()).map_err(|_| not_a_keypair(origin))
}

fn not_a_keypair(origin: &str) -> Failure {
    // The content is a secret, and is never shown.
    Failure::usage(format!("{origin} does not hold a keypair; give a JSON list of 64 bytes as solana-keygen writes it"))
}

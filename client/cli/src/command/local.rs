//! `multibus local`: what a local network needs before it can trade.

use {
    crate::{
        config::home_path,
        failure::Failure,
        output::{Page, Reply, View},
        session::Session,
        value::{Amount, Time, address, count, format_scaled, format_time},
        view::{SOL_DECIMALS, TransactionView, format_sol, signature_line},
    },
    clap::{Args, Subcommand},
    multibus_client::{
        Address, Keypair, Signer,
        multibus::token::{SPL_TOKEN_ID, TOKEN_2022_ID},
    },
    serde::Serialize,
    std::{
        fs::OpenOptions,
        io::{ErrorKind, Write},
        path::PathBuf,
    },
};

#[derive(Subcommand, Debug)]
pub enum LocalCommand {
    Wallet(WalletArgs),
    Mint(MintArgs),
    Fund(FundArgs),
    Warp(WarpArgs),
}

/// Make a wallet: a keypair file as solana-keygen writes it, readable by its owner alone
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus local wallet alice.json")]
pub struct WalletArgs {
    /// The new file; one that exists is never overwritten
    #[arg(value_name = "FILE", value_parser = home_path())]
    file: PathBuf,
}

/// Make a token to pay with, which the signing wallet can mint
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus local mint
  multibus local mint --decimals 2 --token-2022")]
pub struct MintArgs {
    /// Decimals of the token
    #[arg(long, value_name = "N", default_value_t = 6)]
    decimals: u8,
    /// Make it with Token-2022
    #[arg(long)]
    token_2022: bool,
}

/// Give a wallet SOL for fees, and tokens that the signing wallet can mint
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus local fund
  multibus local fund 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC --sol 5
  multibus local fund 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC --mint \\
      DnS7SjFqpH6ZLUx6RahTfPjVAgNy6ZxvRtcnvVZTrsDN --amount 100tokens")]
pub struct FundArgs {
    /// The wallet [default: the signing wallet]
    #[arg(value_name = "WALLET", value_parser = address)]
    wallet: Option<Address>,
    /// SOL to give; 0 for none
    #[arg(long, value_name = "SOL", default_value = "10")]
    sol: String,
    /// Token to give
    #[arg(long, value_name = "MINT", value_parser = address, requires = "amount")]
    mint: Option<Address>,
    /// How much of the token, in base units or tokens, such as 100tokens
    #[arg(long, requires = "mint")]
    amount: Option<Amount>,
}

/// Move the clock of an embedded chain forward
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus --url embedded:village.chain local warp +15m")]
pub struct WarpArgs {
    /// Time to go to, such as +15m
    #[arg(value_name = "TIME")]
    to: Time,
}

/// Makes a wallet; needs no chain.
///
/// # Errors
/// Where the file exists already or cannot be written.
pub fn wallet(args: &WalletArgs) -> Result<Reply, Failure> {
    let keypair = Keypair::new();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let text = format!("{:?}", keypair.to_bytes().to_vec());
    let written = options.open(&args.file).and_then(|mut file| file.write_all(text.as_bytes()).and(file.sync_all()));
    match written {
        Ok(()) => {
            Ok(Box::new(WalletMade { address: keypair.pubkey().to_string(), file: args.file.display().to_string() }))
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Failure::sentence(format!(
            "{} exists and may hold a wallet, which is never overwritten; choose another file",
            args.file.display()
        ))),
        Err(error) => Err(Failure::file("written", &args.file, &error)),
    }
}

/// Runs a verb of `local` that needs a chain.
///
/// # Errors
/// Where the chain is not a local one or a test network, or it refuses.
pub async fn run(command: LocalCommand, session: &Session) -> Result<Reply, Failure> {
    if session.settings.endpoint.is_mainnet() {
        return Err(Failure::usage(format!(
            "{} is no local or test network; use --url localnet or embedded:FILE",
            session.chain().description()
        )));
    }
    match command {
        LocalCommand::Wallet(args) => wallet(&args),
        LocalCommand::Mint(args) => mint(args, session).await,
        LocalCommand::Fund(args) => fund(args, session).await,
        LocalCommand::Warp(args) => warp(args, session).await,
    }
}

async fn mint(args: MintArgs, session: &Session) -> Result<Reply, Failure> {
    let token_program = if args.token_2022 { TOKEN_2022_ID } else { SPL_TOKEN_ID };
    let created = session.wallet()?.mint_create(args.decimals, &token_program).await?;
    Ok(Box::new(MintMade {
        mint: created.address.to_string(),
        mint_decimals: args.decimals,
        token_program: token_program.to_string(),
        transaction: TransactionView::from(&created.sent),
    }))
}

async fn fund(args: FundArgs, session: &Session) -> Result<Reply, Failure> {
    let lamports = parse_sol(&args.sol)?;
    let recipient = session.address_or_own(args.wallet)?;
    if lamports > 0 {
        session.chain().airdrop(&recipient, lamports).await?;
    }
    let mut funded = Funded {
        wallet: recipient.to_string(),
        lamports,
        mint: None,
        mint_decimals: None,
        amount_base_units: None,
        transaction: None,
    };
    if let (Some(mint), Some(amount)) = (args.mint, args.amount) {
        let decimals = session.mint_decimals(&mint).await?;
        let amount = amount.base_units(decimals)?;
        let sent = session.wallet()?.mint_to(&mint, &recipient, amount).await?;
        funded.mint = Some(mint.to_string());
        funded.mint_decimals = Some(decimals);
        funded.amount_base_units = Some(amount);
        funded.transaction = Some(TransactionView::from(&sent));
    }
    Ok(Box::new(funded))
}

fn parse_sol(text: &str) -> Result<u64, Failure> {
    let amount = match text.parse::<Amount>() {
        Ok(amount) => Ok(amount),
        Err(_) => format!("{text}tokens").parse(),
    };
    let lamports = match amount {
        Ok(Amount::BaseUnits(sol)) => Amount::Tokens(sol.to_string()).base_units(SOL_DECIMALS as u8),
        Ok(amount) => amount.base_units(SOL_DECIMALS as u8),
        Err(error) => Err(error),
    };
    lamports.map_err(|_| Failure::usage(format!("'{text}' is not an amount of SOL; write a number such as 10 or 0.5")))
}

async fn warp(args: WarpArgs, session: &Session) -> Result<Reply, Failure> {
    let Some(chain) = session.embedded() else {
        return Err(Failure::usage(format!(
            "the clock of {} is not ours to move; only that of embedded:FILE is",
            session.chain().description()
        )));
    };
    let now = session.now().await?;
    let clock = chain.set_clock(args.to.unix_seconds(now))?;
    Ok(Box::new(Warped { unix_timestamp: clock.unix_timestamp, slot: clock.slot }))
}

#[derive(Serialize)]
struct WalletMade {
    address: String,
    file: String,
}

impl View for WalletMade {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.address.clone()])
    }

    fn text(&self, page: &mut Page) {
        page.line(format!("{} holds the wallet {}", self.file, self.address));
    }
}

#[derive(Serialize)]
struct MintMade {
    mint: String,
    mint_decimals: u8,
    token_program: String,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for MintMade {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.mint.clone()])
    }

    fn text(&self, page: &mut Page) {
        page.line(format!("made a token with {}", count(self.mint_decimals, "decimal")));
        page.line(format!("mint       {}", self.mint));
        signature_line(page, &self.transaction);
    }
}

#[derive(Serialize)]
struct Funded {
    wallet: String,
    lamports: u64,
    mint: Option<String>,
    mint_decimals: Option<u8>,
    amount_base_units: Option<u64>,
    #[serde(flatten)]
    transaction: Option<TransactionView>,
}

impl View for Funded {
    fn essence(&self) -> Option<Vec<String>> {
        Some(Vec::new())
    }

    fn text(&self, page: &mut Page) {
        if self.lamports > 0 {
            page.line(format!("{} got {}", self.wallet, format_sol(self.lamports)));
        }
        if let (Some(amount), Some(decimals)) = (self.amount_base_units, self.mint_decimals) {
            page.line(format!("{} got {} tokens", self.wallet, format_scaled(amount, decimals as usize)));
        }
    }
}

#[derive(Serialize)]
struct Warped {
    unix_timestamp: i64,
    slot: u64,
}

impl View for Warped {
    fn text(&self, page: &mut Page) {
        page.line(format!("the chain's clock is at {} (slot {})", format_time(self.unix_timestamp), self.slot));
    }
}

//! The verbs: one file for each noun, thin handlers that ask the library and answer with a view.

pub mod auction;
pub mod bid;
pub mod bus;
pub mod certificate;
pub mod claim;
pub mod completions;
pub mod delivery;
pub mod device;
pub mod grid;
pub mod history;
pub mod local;
pub mod lock;
pub mod meter;
pub mod offer;
pub mod position;
pub mod proposal;
pub mod purchase;
pub mod replay;
pub mod seller;
pub mod trader;
pub mod treasury;
pub mod tx;
pub mod watch;
pub mod window;

use {
    crate::{
        config::{GlobalArgs, Settings},
        failure::Failure,
        output::{Output, Reply},
        session::Session,
    },
    clap::{CommandFactory, Parser, Subcommand},
};

/// The market for energy between neighbours, from the command line.
#[derive(Parser, Debug)]
#[command(
    name = "multibus",
    version,
    about,
    long_about = "The market for energy between neighbours, from the command line.\n\nEnergy is given in Wh, or with \
                  its unit: 1500, 1500Wh, 1.5kWh. Prices and limits are base units of the bus's token (per kWh), or \
                  whole tokens with their unit: 250000, 0.25tokens. Times are unix seconds, RFC 3339, or a wait from \
                  the chain's clock: 1800000000, 2027-01-15T08:00:00Z, +15m.",
    after_help = "Examples:\n  multibus --url localnet bus list\n  multibus buy --help",
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 80
)]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Energy networks: create, show, list, add an owner, close
    #[command(subcommand)]
    Bus(bus::BusCommand),
    /// Sellers of a bus: open, show, list, withdraw, close, admit, suspend
    #[command(subcommand)]
    Seller(seller::SellerCommand),
    /// Energy on offer: create, list, show, reprice, set the expiry, collect, cancel
    #[command(subcommand)]
    Offer(offer::OfferCommand),
    // Verbs without subcommands are described beside their options. A line here would replace that description.
    Buy(purchase::BuyArgs),
    Batch(purchase::BatchArgs),
    /// Energy held for 300 s: take, settle, release, list
    #[command(subcommand)]
    Lock(lock::LockCommand),
    /// Bids in the auctions that close delivery windows: create, list, show, cancel
    #[command(subcommand)]
    Bid(bid::BidCommand),
    /// Auctions: list, show, clear, settle, keep; and the price of a book in a file
    #[command(subcommand)]
    Auction(auction::AuctionCommand),
    /// Delivery windows that are open: list, close
    #[command(subcommand)]
    Window(window::WindowCommand),
    /// Devices that say what sellers deliver: register, show, list, replace, close, sign a reading
    #[command(subcommand)]
    Meter(meter::MeterCommand),
    /// Accounts of devices that are or were meters: list, close
    #[command(subcommand)]
    Device(device::DeviceCommand),
    /// What sellers delivered of what they sold: list, show, report, release, refund, close
    #[command(subcommand)]
    Delivery(delivery::DeliveryCommand),
    /// What a buyer bought on delivery terms: list, show, open, set the refund account, close
    #[command(subcommand)]
    Position(position::PositionCommand),
    /// Certificates of origin: list, take, show, transfer, retire
    #[command(subcommand)]
    Certificate(certificate::CertificateCommand),
    /// Grid fees that wait in the vaults of sellers: sweep
    #[command(subcommand)]
    Grid(grid::GridCommand),
    /// Changes of a bus that its owners decide on: create, list, show, approve, revoke, execute, close
    #[command(subcommand)]
    Proposal(proposal::ProposalCommand),
    /// Revenue of a bus's own offers: show, claim
    #[command(subcommand)]
    Treasury(treasury::TreasuryCommand),
    /// What could not be paid to a wallet, and waits for it: list, pay
    #[command(subcommand)]
    Claim(claim::ClaimCommand),
    /// Nonce lanes of a wallet: open, show, close
    #[command(subcommand)]
    Trader(trader::TraderCommand),
    /// Check that a purchase happened
    #[command(subcommand)]
    Tx(tx::TxCommand),
    History(history::HistoryArgs),
    Watch(watch::WatchArgs),
    Replay(replay::ReplayArgs),
    /// What a local network needs: wallets, a token, funds, time
    #[command(subcommand)]
    Local(local::LocalCommand),
    /// Print the completions for a shell
    Completions(completions::CompletionsArgs),
}

/// Runs the command and prints what it answers.
///
/// # Errors
/// Where it fails, or where it checks something that does not hold. Then its result is printed too.
pub async fn run(cli: Cli, output: Output) -> Result<(), Failure> {
    let cli = Cli { global: cli.global.given()?, ..cli };
    let answer = match cli.command {
        Command::Completions(args) => return completions::run(&args, Cli::command()),
        Command::Local(local::LocalCommand::Wallet(args)) => local::wallet(&args)?,
        Command::Meter(meter::MeterCommand::Sign(args)) => meter::sign(&args)?,
        Command::Auction(auction::AuctionCommand::Price(args)) => auction::price::price(&args, output)?,
        Command::Replay(args) => return replay::run(args, &cli.global, output).await,
        command => {
            let settings = Settings::resolve(&cli.global)?;
            if let Command::Watch(args) = command {
                return watch::run(args, settings, output).await;
            }
            if let Command::Auction(auction::AuctionCommand::Keep(args)) = &command
                && !args.once
            {
                return auction::keep::keep(args, settings, output, cli.global.priority_fee).await;
            }
            let session = Session::open(settings, output, cli.global.priority_fee)?;
            let result = output.attend(&session.progress, Box::pin(dispatch(command, &session))).await;
            // What a failed command did, such as paying a fee, is kept too.
            let kept = session.close();
            let answer = result?;
            kept?;
            answer
        }
    };
    output.print(answer.as_ref())?;
    answer.failure().map_or(Ok(()), |sentence| Err(Failure::Sentence(sentence)))
}

async fn dispatch(command: Command, session: &Session) -> Result<Reply, Failure> {
    match command {
        Command::Bus(command) => bus::run(command, session).await,
        Command::Seller(command) => seller::run(command, session).await,
        Command::Offer(command) => offer::run(command, session).await,
        Command::Buy(args) => purchase::buy(args, session).await,
        Command::Batch(args) => purchase::batch(args, session).await,
        Command::Lock(command) => lock::run(command, session).await,
        Command::Bid(command) => bid::run(command, session).await,
        Command::Auction(command) => auction::run(command, session).await,
        Command::Window(command) => window::run(command, session).await,
        Command::Claim(command) => claim::run(command, session).await,
        Command::Meter(command) => meter::run(command, session).await,
        Command::Device(command) => device::run(command, session).await,
        Command::Delivery(command) => delivery::run(command, session).await,
        Command::Position(command) => position::run(command, session).await,
        Command::Certificate(command) => certificate::run(command, session).await,
        Command::Grid(command) => grid::run(command, session).await,
        Command::Proposal(command) => proposal::run(command, session).await,
        Command::Treasury(command) => treasury::run(command, session).await,
        Command::Trader(command) => trader::run(command, session).await,
        Command::Tx(command) => tx::run(command, session).await,
        Command::History(args) => history::run(args, session).await,
        Command::Local(command) => local::run(command, session).await,
        Command::Watch(_) | Command::Replay(_) | Command::Completions(_) => {
            unreachable!("run() handles the commands that print by themselves")
        }
    }
}

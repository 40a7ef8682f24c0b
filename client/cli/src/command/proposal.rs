//! `multibus proposal`: changes of a bus that its owners decide on together.

use {
    crate::{
        failure::Failure,
        output::{Page, Reply, View},
        session::Session,
        terms::TermsArgs,
        value::{
            Amount, Energy, Hex, ListedShare, Listing, OptionalWallet, Seconds, Share, Time, address, count,
            format_duration, format_energy, format_scaled, format_share, format_time, hash, shares_of,
        },
        view::{TransactionView, format_sol, signature_line},
    },
    clap::{ArgGroup, Args, Subcommand},
    multibus_client::{
        Address, Error, Keyed, Sent,
        action::action_json,
        bus::Bus,
        event::{Event, ProposalCreated},
        multibus::constants::LAYOUT_VERSION,
        proposal::{Action, ActionKind, Change, Proposal, ProposalAction, ProposalState, ProposalStatus, changes},
        terms::{self, TermsConfig},
        wallet::Created,
    },
    serde::Serialize,
    serde_json::Value,
};

#[derive(Subcommand, Debug)]
pub enum ProposalCommand {
    Create(CreateArgs),
    List(ListArgs),
    Show(ShowArgs),
    Approve(ApproveArgs),
    Revoke(RevokeArgs),
    Execute(ExecuteArgs),
    Close(CloseArgs),
}

/// Propose a change of a bus and approve it; where one approval is enough, it is carried out at once
///
/// The signing wallet must own a part of the bus. Where one approval is enough and there is no timelock, the change is
/// carried out in the same transaction; else the proposal waits for more owners, or for its timelock.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      base-price 0.12tokens
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      add-owner Ggagb2sMJKNhqg4P3Np3F4C7eVYPwK5jJAY57BJk3QMG --share 20%
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo pause")]
pub struct CreateArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = address)]
    bus: Address,
    #[command(subcommand)]
    action: ActionCommand,
}

/// What is proposed.
#[derive(Subcommand, Debug)]
pub enum ActionCommand {
    AddOwner(AddOwnerArgs),
    RemoveOwner(RemoveOwnerArgs),
    Shares(SharesArgs),
    Threshold(ThresholdArgs),
    Timelock(TimelockArgs),
    Capacity(CapacityArgs),
    BasePrice(BasePriceArgs),
    Listing(ListingArgs),
    Terms(NextTermsArgs),
    LockFee(LockFeeArgs),
    ReplaceOwner(ReplaceOwnerArgs),
    PauseQuorum(PauseQuorumArgs),
    AdmitSeller(AdmitSellerArgs),
    SuspendSeller(SuspendSellerArgs),
    ReservePrice(ReservePriceArgs),
    LeastSize(LeastSizeArgs),
    Operator(OperatorArgs),
    GridRecipient(GridRecipientArgs),
    /// Stop new offers, locks and purchases; needs the pause quorum and no timelock
    #[command(after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo pause")]
    Pause,
    /// Let the bus trade again
    #[command(after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo resume")]
    Resume,
    /// Close the bus: nothing opens on it any more, and once all else is closed, `bus close` ends it
    #[command(after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo close")]
    Close,
}

/// Add an owner
#[derive(Args, Debug)]
#[command(
    group = ArgGroup::new("division").required(true).args(["share", "shares"]),
    after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      add-owner Ggagb2sMJKNhqg4P3Np3F4C7eVYPwK5jJAY57BJk3QMG --share 20% \\
      --from 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      add-owner Ggagb2sMJKNhqg4P3Np3F4C7eVYPwK5jJAY57BJk3QMG \\
      --shares 40%,40%,20%"
)]
pub struct AddOwnerArgs {
    /// The new owner's wallet
    #[arg(value_name = "OWNER", value_parser = address)]
    owner: Address,
    /// Share of the new owner, taken from one present owner's
    #[arg(long)]
    share: Option<Share>,
    /// Whose share it is taken from [default: the signing wallet's]
    #[arg(long, value_name = "OWNER", value_parser = address, conflicts_with = "shares")]
    from: Option<Address>,
    /// Shares of all owners afterwards, in their order with the new one last, or each as ADDRESS=SHARE
    #[arg(long, value_name = "SHARES", value_delimiter = ',')]
    shares: Vec<ListedShare>,
}

/// Remove an owner; what it earned stays claimable
#[derive(Args, Debug)]
#[command(
    group = ArgGroup::new("division").required(true).args(["to", "shares"]),
    after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      remove-owner Ggagb2sMJKNhqg4P3Np3F4C7eVYPwK5jJAY57BJk3QMG \\
      --to 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      remove-owner Ggagb2sMJKNhqg4P3Np3F4C7eVYPwK5jJAY57BJk3QMG \\
      --shares 50%,50%"
)]
pub struct RemoveOwnerArgs {
    /// The owner who leaves
    #[arg(value_name = "OWNER", value_parser = address)]
    owner: Address,
    /// The owner who gets the share
    #[arg(long, value_name = "OWNER", value_parser = address)]
    to: Option<Address>,
    /// Shares of all owners afterwards, in their order, or each as ADDRESS=SHARE
    #[arg(long, value_name = "SHARES", value_delimiter = ',')]
    shares: Vec<ListedShare>,
}

/// Divide the revenue anew; what the old shares earned is settled first
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      shares 50%,30%,20%
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      shares 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC=75% \\
      Ggagb2sMJKNhqg4P3Np3F4C7eVYPwK5jJAY57BJk3QMG=25%")]
pub struct SharesArgs {
    /// Shares of all owners, in their order, or each as ADDRESS=SHARE
    #[arg(value_name = "SHARES", value_delimiter = ',', required = true)]
    shares: Vec<ListedShare>,
}

/// Set how many owners must approve a decision
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      threshold 2")]
pub struct ThresholdArgs {
    /// Approvals, from 1 to the number of owners
    #[arg(value_name = "N")]
    threshold: u8,
}

/// Set the wait between the last approval of a decision and its execution
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      timelock 2d")]
pub struct TimelockArgs {
    /// The wait, such as 2d; 0 for none
    #[arg(value_name = "TIME")]
    timelock: Seconds,
}

/// Set the energy that may be on offer or sold, per window where there are windows
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      capacity 80kWh")]
pub struct CapacityArgs {
    /// Energy, such as 80kWh; where more is listed and sold already, it counts until less is
    #[arg(value_name = "ENERGY")]
    capacity: Energy,
}

/// Set the lowest price that an offer may ask
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      base-price 0.12tokens")]
pub struct BasePriceArgs {
    /// Price per kWh, in base units or tokens
    #[arg(value_name = "PRICE")]
    base_price: Amount,
}

/// Set who may list energy
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      listing open")]
pub struct ListingArgs {
    /// Who may list energy
    #[arg(value_name = "WHO")]
    listing: Listing,
}

/// Set the terms of later windows: their length and gate, when sellers are paid, the grid fee, the auction
///
/// The terms hold from a window that starts more than one horizon of the bus ahead, so that what is on offer keeps its own.
/// What is not given stays as it was decided last. The proposal must be executed while --from is still one horizon ahead:
/// where more owners must approve, choose a later time.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      terms --window 15m --gate-closure 5m
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      terms --settlement on-delivery --reading-deadline 2h \\
      --correction-time 1d --grid-fee 0.05tokens --from 2027-03-01T00:00:00Z
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      terms --auction on
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      terms --window 0")]
pub struct NextTermsArgs {
    #[command(flatten)]
    terms: TermsArgs,
    /// Start of the first window that they hold for [default: the first possible once the timelock has passed]
    #[arg(long, value_name = "TIME")]
    from: Option<Time>,
}

/// Set the part of the deposit that an unsettled lock costs
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      lock-fee 1%")]
pub struct LockFeeArgs {
    /// Share of the deposit, at most 5%
    #[arg(value_name = "SHARE")]
    lock_fee: Share,
}

/// Put another key in the place of an owner's, with its share, its revenue and its voice
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      replace-owner 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC \\
      Ggagb2sMJKNhqg4P3Np3F4C7eVYPwK5jJAY57BJk3QMG")]
pub struct ReplaceOwnerArgs {
    /// The owner whose key is replaced
    #[arg(value_name = "OWNER", value_parser = address)]
    owner: Address,
    /// The key that takes its place
    #[arg(value_name = "NEW_OWNER", value_parser = address)]
    new_owner: Address,
}

/// Set how many owners must approve a pause
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      pause-quorum 1")]
pub struct PauseQuorumArgs {
    /// Approvals, from 1 to the threshold; 0 for as many as any decision needs
    #[arg(value_name = "N")]
    pause_quorum: u8,
}

/// Admit a seller, or take its suspension back; its seller account is opened where it has none
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      admit-seller 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC")]
pub struct AdmitSellerArgs {
    /// The seller's wallet
    #[arg(value_name = "WALLET", value_parser = address)]
    wallet: Address,
}

/// Suspend a seller: it lists nothing until it is admitted again, and keeps its money
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      suspend-seller 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC")]
pub struct SuspendSellerArgs {
    /// The seller's wallet
    #[arg(value_name = "WALLET", value_parser = address)]
    wallet: Address,
}

/// Set the lowest price that the bus's own offers may ask
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      reserve-price 0.18tokens")]
pub struct ReservePriceArgs {
    /// Price per kWh, in base units or tokens; 0 for the base price
    #[arg(value_name = "PRICE")]
    reserve_price: Amount,
}

/// Set the least energy of an offer, a purchase or a lock that does not take the rest
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      least-size 100Wh")]
pub struct LeastSizeArgs {
    /// Energy, at least 1Wh
    #[arg(value_name = "ENERGY")]
    least_size: Energy,
}

/// Set the operator: a wallet that admits and suspends sellers, withdraws the bus's own offers at once and registers meters
///
/// While sellers are paid on delivery, the bus needs one.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      operator 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      operator none")]
pub struct OperatorArgs {
    /// The operator's wallet, or 'none'
    #[arg(value_name = "WALLET")]
    operator: OptionalWallet,
}

/// Set who gets the grid fees that buyers pay on top of prices, and those that wait in vaults
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      grid-recipient 8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC
  multibus proposal create BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      grid-recipient none")]
pub struct GridRecipientArgs {
    /// The wallet, or 'none' for the bus's treasury
    #[arg(value_name = "WALLET")]
    recipient: OptionalWallet,
}

/// List the proposals of a bus that are not closed, the oldest first
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal list BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo
  multibus proposal list BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo --open")]
pub struct ListArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = address)]
    bus: Address,
    /// Only those that can still be decided: not executed, stale or expired
    #[arg(long)]
    open: bool,
}

/// Show a proposal: who approved, what is missing, when its timelock ends, what it would change
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal show 4Qv5qMNLVBdBSFpPEVqKMRYyGoXzMn8nQwC4f1Jfr9tX")]
pub struct ShowArgs {
    /// The proposal
    #[arg(value_name = "PROPOSAL", value_parser = address)]
    proposal: Address,
}

/// Approve a proposal as an owner of its bus, and show what is approved
///
/// The approval names the proposal's hash, which covers what is proposed and when. So it counts for what was read here, or
/// not at all. With --hash it counts only for the proposal that you have seen elsewhere, such as with `proposal show`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal approve 4Qv5qMNLVBdBSFpPEVqKMRYyGoXzMn8nQwC4f1Jfr9tX
  multibus proposal approve 4Qv5qMNLVBdBSFpPEVqKMRYyGoXzMn8nQwC4f1Jfr9tX \\
      --hash \\
      5d1f3e7c9a0b2d4f6e8c0a1b3d5f7e9c1a2b4d6f8e0c1a3b5d7f9e1c2a4b6d8f")]
pub struct ApproveArgs {
    /// The proposal
    #[arg(value_name = "PROPOSAL", value_parser = address)]
    proposal: Address,
    /// Approve only if this is the proposal's hash
    #[arg(long, value_name = "HASH", value_parser = hash)]
    hash: Option<[u8; 32]>,
}

/// Withdraw your approval of a proposal
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal revoke 4Qv5qMNLVBdBSFpPEVqKMRYyGoXzMn8nQwC4f1Jfr9tX")]
pub struct RevokeArgs {
    /// The proposal
    #[arg(value_name = "PROPOSAL", value_parser = address)]
    proposal: Address,
}

/// Carry out a proposal that enough owners approved and whose timelock has passed; anyone can
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal execute 4Qv5qMNLVBdBSFpPEVqKMRYyGoXzMn8nQwC4f1Jfr9tX")]
pub struct ExecuteArgs {
    /// The proposal
    #[arg(value_name = "PROPOSAL", value_parser = address)]
    proposal: Address,
}

/// Close a proposal that is executed, stale, expired or approved by nobody; anyone can, its proposer gets the rent
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus proposal close 4Qv5qMNLVBdBSFpPEVqKMRYyGoXzMn8nQwC4f1Jfr9tX")]
pub struct CloseArgs {
    /// The proposal
    #[arg(value_name = "PROPOSAL", value_parser = address)]
    proposal: Address,
}

/// Runs a verb of `proposal`.
///
/// # Errors
/// Where the chain or the program refuses.
pub async fn run(command: ProposalCommand, session: &Session) -> Result<Reply, Failure> {
    match command {
        ProposalCommand::Create(args) => create(args, session).await,
        ProposalCommand::List(args) => list(args, session).await,
        ProposalCommand::Show(args) => show(&args.proposal, session).await,
        ProposalCommand::Approve(args) => approve(&args, session).await,
        ProposalCommand::Revoke(args) => revoke(&args.proposal, session).await,
        ProposalCommand::Execute(args) => execute(&args.proposal, session).await,
        ProposalCommand::Close(args) => close(&args.proposal, session).await,
    }
}

async fn create(args: CreateArgs, session: &Session) -> Result<Reply, Failure> {
    let bus = session.market().bus(&args.bus).await?;
    let action = args.action.on(&bus, session.now().await?, session)?;
    propose(&bus, &action, session).await
}

/// Proposes a change of a bus; where one approval is enough, it is carried out in the same transaction.
///
/// # Errors
/// Where the chain or the program refuses.
pub async fn propose(bus: &Keyed<Bus>, action: &ProposalAction, session: &Session) -> Result<Reply, Failure> {
    let created = session.wallet()?.propose(&bus.address, action).await?;
    Ok(Box::new(Decided::proposed(&created, bus, session).await?))
}

async fn list(args: ListArgs, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let bus = market.bus(&args.bus).await?;
    let now = session.now().await?;
    let mut proposals = Vec::new();
    for proposal in market.proposals(&bus.address).await? {
        let status = ProposalStatus::new(proposal, &bus)?;
        if !args.open || !(status.is_executed || status.is_stale || status.is_expired(now)) {
            proposals.push(ProposalView::of(&status, &bus, now));
        }
    }
    Ok(Box::new(Listed { bus: bus.address.to_string(), proposals }))
}

async fn show(proposal: &Address, session: &Session) -> Result<Reply, Failure> {
    Ok(Box::new(Shown { proposal: load(proposal, session).await? }))
}

async fn approve(args: &ApproveArgs, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let proposal = market.proposal(&args.proposal).await?;
    if let Some(expected) = args.hash
        && expected != proposal.hash
    {
        return Err(Failure::sentence(format!(
            "the proposal's hash is {}, not {}; look at it with `multibus proposal show {}` before you approve it",
            Hex(&proposal.hash),
            Hex(&expected),
            args.proposal
        )));
    }
    let before = market.bus(&proposal.bus).await?;
    let sent = session.wallet()?.proposal_approve(&proposal).await?;
    Ok(Box::new(Decided::of(proposal, Did::Approved, &before, &sent, session).await?))
}

async fn revoke(address: &Address, session: &Session) -> Result<Reply, Failure> {
    let (proposal, before) = with_bus(address, session).await?;
    let sent = session.wallet()?.proposal_revoke(address).await?;
    Ok(Box::new(Decided::of(proposal, Did::Revoked, &before, &sent, session).await?))
}

async fn execute(address: &Address, session: &Session) -> Result<Reply, Failure> {
    let (proposal, before) = with_bus(address, session).await?;
    let sent = session.wallet()?.proposal_execute(address).await?;
    Ok(Box::new(Decided::of(proposal, Did::Executed, &before, &sent, session).await?))
}

/// A proposal and its bus.
async fn with_bus(proposal: &Address, session: &Session) -> Result<(Keyed<Proposal>, Keyed<Bus>), Failure> {
    let market = session.market();
    let proposal = market.proposal(proposal).await?;
    let bus = market.bus(&proposal.bus).await?;
    Ok((proposal, bus))
}

async fn close(address: &Address, session: &Session) -> Result<Reply, Failure> {
    let proposal = load(address, session).await?;
    let accounts = session.chain().accounts(&[*address]).await?;
    let rent_lamports = accounts.first().and_then(Option::as_ref).map_or(0, |account| account.lamports);
    let sent = session.wallet()?.proposal_close(address).await?;
    Ok(Box::new(Closed {
        proposal: proposal.address,
        bus: proposal.bus,
        executed: proposal.executed,
        rent_lamports,
        rent_to: proposal.proposer,
        transaction: TransactionView::from(&sent),
    }))
}

async fn load(proposal: &Address, session: &Session) -> Result<ProposalView, Failure> {
    let market = session.market();
    let status = market.proposal_status(proposal).await?;
    let bus = market.bus(&status.proposal.bus).await?;
    Ok(ProposalView::of(&status, &bus, session.now().await?))
}

impl ActionCommand {
    /// The action for the bus as it is now.
    fn on(self, bus: &Keyed<Bus>, now: i64, session: &Session) -> Result<ProposalAction, Failure> {
        let owners: Vec<Address> = bus.owners().iter().map(|slot| slot.owner).collect();
        let mut shares_bps: Vec<u16> = bus.owners().iter().map(|slot| slot.share_bps).collect();
        let place = |owner: &Address| {
            bus.owner_index(owner).ok_or_else(|| {
                Failure::sentence(format!(
                    "{owner} is not an owner of the bus; see `multibus bus show {}`",
                    bus.address
                ))
            })
        };
        Ok(match self {
            Self::AddOwner(args) => {
                let after = [owners.as_slice(), &[args.owner]].concat();
                match args.share {
                    None => shares_bps = shares_of(&after, &args.shares)?,
                    Some(share) => {
                        let from = session.address_or_own(args.from)?;
                        let giver = place(&from)?;
                        shares_bps[giver] = shares_bps[giver].checked_sub(share.bps).ok_or_else(|| {
                            Failure::sentence(format!(
                                "the new owner's share is {}, but {from} has only {}; give at most that, or divide \
                                 anew with --shares",
                                format_share(share.bps),
                                format_share(shares_bps[giver])
                            ))
                        })?;
                        shares_bps.push(share.bps);
                    }
                }
                ProposalAction::OwnerAdd { owner: args.owner, shares_bps }
            }
            Self::RemoveOwner(args) => {
                let leaving = place(&args.owner)?;
                match args.to {
                    // The program says why the last owner cannot leave.
                    _ if owners.len() == 1 => {
                        return Ok(ProposalAction::OwnerRemove { owner: args.owner, shares_bps: Vec::new() });
                    }
                    Some(to) if to == args.owner => {
                        return Err(Failure::usage("--to names the owner who leaves; name one who stays"));
                    }
                    Some(to) => shares_bps[place(&to)?] += shares_bps[leaving],
                    None => {}
                }
                shares_bps.remove(leaving);
                if args.to.is_none() {
                    let after: Vec<_> = owners.into_iter().filter(|owner| *owner != args.owner).collect();
                    shares_bps = shares_of(&after, &args.shares)?;
                }
                ProposalAction::OwnerRemove { owner: args.owner, shares_bps }
            }
            Self::Shares(args) => ProposalAction::SharesSet { shares_bps: shares_of(&owners, &args.shares)? },
            Self::Threshold(args) => ProposalAction::ThresholdSet { threshold: args.threshold },
            Self::Timelock(args) => ProposalAction::TimelockSet { timelock_seconds: args.timelock.0 },
            Self::Capacity(args) => ProposalAction::CapacitySet { capacity_wh: args.capacity.wh },
            Self::BasePrice(args) => {
                ProposalAction::BasePriceSet { base_price_per_kwh: args.base_price.base_units(bus.mint_decimals)? }
            }
            Self::Listing(args) => ProposalAction::ListingPolicySet { listing_policy: args.listing.policy() as u8 },
            Self::Terms(args) => {
                let before = if bus.next_terms.from == 0 { &bus.terms } else { &bus.next_terms };
                let terms = args.terms.on(&before.config(), bus.mint_decimals)?;
                let from = match args.from {
                    Some(time) => time.unix_seconds(now),
                    // It is executed once the timelock has passed.
                    None => terms::first_possible(bus, &terms, now.saturating_add(bus.timelock_seconds.into()))
                        .map_err(|error| refused_terms(error, &terms, bus))?,
                };
                ProposalAction::TermsSet { from, terms }
            }
            Self::LockFee(args) => ProposalAction::LockFeeSet { lock_fee_bps: args.lock_fee.bps },
            Self::ReplaceOwner(args) => ProposalAction::OwnerReplace { owner: args.owner, new_owner: args.new_owner },
            Self::PauseQuorum(args) => ProposalAction::PauseQuorumSet { pause_quorum: args.pause_quorum },
            Self::AdmitSeller(args) => ProposalAction::SellerAdmit { wallet: args.wallet },
            Self::SuspendSeller(args) => ProposalAction::SellerSuspend { wallet: args.wallet },
            Self::ReservePrice(args) => ProposalAction::ReservePriceSet {
                reserve_price_per_kwh: args.reserve_price.base_units(bus.mint_decimals)?,
            },
            Self::LeastSize(args) => ProposalAction::LeastSizeSet { least_wh: args.least_size.wh },
            Self::Operator(args) => ProposalAction::OperatorSet { operator: args.operator.0 },
            Self::GridRecipient(args) => ProposalAction::GridRecipientSet { recipient: args.recipient.0 },
            Self::Pause => ProposalAction::Pause,
            Self::Resume => ProposalAction::Resume,
            Self::Close => ProposalAction::BusClose,
        })
    }
}

/// Names the values of terms that the bus cannot have: the rule that refuses them does not.
fn refused_terms(error: Error, terms: &TermsConfig, bus: &Bus) -> Failure {
    let TermsConfig {
        window_seconds,
        gate_closure_seconds,
        grid_fee_per_kwh,
        reading_deadline_seconds,
        correction_seconds,
        auction,
        settlement: _,
    } = *terms;
    let auction = if auction { "on" } else { "off" };
    let waiting = match bus.next_terms.from {
        0 => String::new(),
        from => format!("; the next terms hold from {from}"),
    };
    let sentence = format!(
        "{error} (window {window_seconds} s, gate closure {gate_closure_seconds} s, grid fee {grid_fee_per_kwh}, reading \
         deadline {reading_deadline_seconds} s, correction time {correction_seconds} s, auction {auction}{waiting})"
    );
    Failure::Told { sentence, error }
}

/// The word that `proposal create` has for an action.
pub fn action_word(action: &Action) -> &'static str {
    match ActionKind::try_from(action.kind) {
        Ok(ActionKind::OwnerAdd) => "add-owner",
        Ok(ActionKind::OwnerRemove) => "remove-owner",
        Ok(ActionKind::SharesSet) => "shares",
        Ok(ActionKind::ThresholdSet) => "threshold",
        Ok(ActionKind::TimelockSet) => "timelock",
        Ok(ActionKind::CapacitySet) => "capacity",
        Ok(ActionKind::BasePriceSet) => "base-price",
        Ok(ActionKind::ListingPolicySet) => "listing",
        Ok(ActionKind::TermsSet) => "terms",
        Ok(ActionKind::LockFeeSet) => "lock-fee",
        Ok(ActionKind::Pause) => "pause",
        Ok(ActionKind::Resume) => "resume",
        Ok(ActionKind::OwnerReplace) => "replace-owner",
        Ok(ActionKind::PauseQuorumSet) => "pause-quorum",
        Ok(ActionKind::SellerAdmit) => "admit-seller",
        Ok(ActionKind::SellerSuspend) => "suspend-seller",
        Ok(ActionKind::ReservePriceSet) => "reserve-price",
        Ok(ActionKind::LeastSizeSet) => "least-size",
        Ok(ActionKind::OperatorSet) => "operator",
        Ok(ActionKind::GridRecipientSet) => "grid-recipient",
        Ok(ActionKind::BusClose) => "close",
        Err(_) => "unknown",
    }
}

#[derive(Serialize)]
struct ProposalView {
    address: String,
    bus: String,
    number: u64,
    proposer: String,
    /// What an approval names.
    hash: String,
    action: Value,
    state: &'static str,
    executed: bool,
    stale: bool,
    expired: bool,
    approvals: u8,
    approvals_needed: u8,
    approvals_missing: u8,
    /// `null` where nobody can tell any more.
    approved_by: Option<Vec<String>>,
    created_at: i64,
    /// `null` while approvals are missing.
    executable_at: Option<i64>,
    executable_in_seconds: Option<u64>,
    /// Last second in which it can be executed.
    expires_at: i64,
    /// `null` before.
    executed_at: Option<i64>,
    config_version: u64,
    changes: Vec<Change>,
    #[serde(skip)]
    word: &'static str,
    #[serde(skip)]
    owners: Vec<String>,
    #[serde(skip)]
    mint_decimals: u8,
}

impl ProposalView {
    fn of(status: &ProposalStatus, bus: &Keyed<Bus>, now: i64) -> Self {
        let proposal = &status.proposal;
        Self {
            address: proposal.address.to_string(),
            bus: proposal.bus.to_string(),
            number: proposal.number,
            hash: Hex(&proposal.hash).to_string(),
            proposer: proposal.proposer.to_string(),
            action: action_json(&proposal.action),
            state: status.state(now),
            executed: status.is_executed,
            stale: status.is_stale,
            expired: status.is_expired(now),
            approvals: status.approvals,
            approvals_needed: status.approvals_needed,
            approvals_missing: status.approvals_missing,
            approved_by: status.approved_by.as_ref().map(|owners| owners.iter().map(ToString::to_string).collect()),
            created_at: proposal.created_at,
            executable_at: status.executable_at,
            executable_in_seconds: status.executable_at.map(|at| at.saturating_sub(now).max(0).unsigned_abs()),
            expires_at: proposal.expires_at,
            executed_at: status.is_executed.then_some(proposal.executed_at),
            config_version: proposal.config_version,
            changes: status.changes.clone(),
            word: action_word(&proposal.action),
            owners: bus.owners().iter().map(|slot| slot.owner.to_string()).collect(),
            mint_decimals: bus.mint_decimals,
        }
    }

    fn fields(&self, page: &mut Page) {
        let mut fields = vec![
            ("proposal", self.address.clone()),
            ("bus", self.bus.clone()),
            ("hash", self.hash.clone()),
            ("proposer", self.proposer.clone()),
            ("action", self.word.to_owned()),
            ("state", self.state.to_owned()),
            ("approvals", self.approvals_line()),
            ("created", format_time(self.created_at)),
        ];
        if let (Some(at), Some(left)) = (self.executable_at, self.executable_in_seconds) {
            let wait = if left == 0 { "now".to_owned() } else { format!("in {}", format_duration(left)) };
            fields.push(("executable", format!("{} ({wait})", format_time(at))));
        }
        match self.executed_at {
            Some(at) => fields.push(("executed", format_time(at))),
            None => fields.push(("expires", format_time(self.expires_at))),
        }
        page.fields(fields);
        page.line("");
        let Some(approved_by) = &self.approved_by else {
            page.line("the owners changed since, and the node has no record of who approved");
            return self.change_tables(page);
        };
        // While it can be decided, also who has not approved yet.
        let waiting = self.owners.iter().filter(|owner| !self.is_over() && !approved_by.contains(owner));
        let approved = approved_by.iter().map(|owner| vec![owner.clone(), "yes".to_owned()]);
        page.table(&["owner", "approved"], approved.chain(waiting.map(|owner| vec![owner.clone(), "no".to_owned()])));
        self.change_tables(page);
    }

    /// Whether nobody can decide it any more.
    fn is_over(&self) -> bool {
        self.executed || self.stale || self.expired
    }

    fn approvals_line(&self) -> String {
        match (self.is_over(), self.approvals_missing) {
            (true, _) => self.approvals.to_string(),
            (_, 0) => format!("{} of {}", self.approvals, self.approvals_needed),
            (_, missing) => format!("{} of {}, {missing} missing", self.approvals, self.approvals_needed),
        }
    }

    /// What would change, or did: owners with their shares, and everything else.
    fn change_tables(&self, page: &mut Page) {
        let (owners, others): (Vec<_>, Vec<_>) = self.changes.iter().partition(|change| change.property == "owners");
        for change in owners {
            page.line("");
            page.table(&["owner", ">before", ">after"], owner_rows(&change.before, &change.after));
        }
        if !others.is_empty() {
            page.line("");
            let row = |property: &str, before: &Value, after: &Value| {
                let value = |value: &Value| format_value(property, value, self.mint_decimals);
                vec![label(property), value(before), value(after)]
            };
            let rows = others.iter().flat_map(|change| match change.property {
                // Terms have several values, each in a row of its own.
                "next_terms" => TERMS.iter().map(|name| row(name, &change.before[name], &change.after[name])).collect(),
                property => vec![row(property, &change.before, &change.after)],
            });
            page.table(&["property", "before", "after"], rows);
        }
    }
}

/// Every owner before or after a change, with both shares.
fn owner_rows(before: &Value, after: &Value) -> Vec<Vec<String>> {
    let list = |value: &Value| -> Vec<(String, u16)> {
        let entry = |entry: &Value| {
            let share = entry["share_bps"].as_u64().and_then(|bps| u16::try_from(bps).ok()).unwrap_or_default();
            (entry["owner"].as_str().unwrap_or_default().to_owned(), share)
        };
        value.as_array().map(|entries| entries.iter().map(entry).collect()).unwrap_or_default()
    };
    let (before, after) = (list(before), list(after));
    let share = |list: &[(String, u16)], owner: &str| {
        let found = list.iter().find(|(other, _)| other == owner);
        found.map_or("-".to_owned(), |(_, bps)| format_share(*bps))
    };
    let added = after.iter().filter(|(owner, _)| !before.iter().any(|(other, _)| other == owner));
    before
        .iter()
        .chain(added)
        .map(|(owner, _)| vec![owner.clone(), share(&before, owner), share(&after, owner)])
        .collect()
}

/// The values of terms, in the order in which they are shown.
const TERMS: [&str; 8] = [
    "from",
    "window_seconds",
    "gate_closure_seconds",
    "settlement",
    "grid_fee_per_kwh",
    "reading_deadline_seconds",
    "correction_seconds",
    "auction",
];

/// Units at the end of a property's name, which its value shows instead.
const UNITS: [&str; 4] = ["_wh", "_per_kwh", "_seconds", "_bps"];

fn label(property: &str) -> String {
    let name = UNITS.iter().find_map(|unit| property.strip_suffix(unit)).unwrap_or(property);
    name.replace('_', " ")
}

fn format_value(property: &str, value: &Value, mint_decimals: u8) -> String {
    let number = value.as_u64();
    if let ("from", Some(from)) = (property, value.as_i64()) {
        return format_time(from);
    }
    match (UNITS.iter().find(|unit| property.ends_with(**unit)), number) {
        (Some(&"_wh"), Some(wh)) => format_energy(wh),
        (Some(&"_per_kwh"), Some(price)) => format!("{} tokens/kWh", format_scaled(price, mint_decimals.into())),
        (Some(&"_seconds"), Some(seconds)) => format_duration(seconds),
        (Some(&"_bps"), Some(bps)) => format!("{} %", format_scaled(bps, 2)),
        _ => match value {
            Value::Bool(value) => if *value { "yes" } else { "no" }.to_owned(),
            Value::Null => "-".to_owned(),
            Value::String(text) if property == "settlement" => text.replace('_', " "),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        },
    }
}

/// What a call did to a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Did {
    Proposed,
    Approved,
    Revoked,
    Executed,
}

/// What a call did to a proposal, and where the proposal stands now.
#[derive(Serialize)]
pub struct Decided {
    #[serde(skip)]
    did: Did,
    #[serde(flatten)]
    proposal: ProposalView,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl Decided {
    /// A proposal that was made a moment ago; `before` is its bus as it was.
    ///
    /// # Errors
    /// Where neither the transaction nor the node tells what was proposed.
    pub async fn proposed(created: &Created, before: &Keyed<Bus>, session: &Session) -> Result<Self, Failure> {
        let address = created.address;
        let event = created.sent.events.iter().find_map(|event| match event {
            Event::ProposalCreated(event) if event.proposal == address => Some(event),
            _ => None,
        });
        let proposal = match event {
            Some(event) => Keyed { address, account: as_proposed(event, before) },
            None => session.market().proposal(&address).await.map_err(|error| {
                Failure::sentence(format!(
                    "it is proposed at {address} ({}), but the node does not show it yet; do not propose it again, look \
                     with `multibus proposal show {address}` ({error})",
                    created.sent.signature
                ))
            })?,
        };
        Self::of(proposal, Did::Proposed, before, &created.sent, session).await
    }

    /// Where a proposal stands after a call. `proposal` and `before`, its bus, are as they were: the transaction tells what
    /// changed, because another node of the provider may lag behind.
    ///
    /// # Errors
    /// Where this client does not know what is proposed.
    pub async fn of(
        mut proposal: Keyed<Proposal>,
        did: Did,
        before: &Keyed<Bus>,
        sent: &Sent,
        session: &Session,
    ) -> Result<Self, Failure> {
        for event in &sent.events {
            let account = &mut proposal.account;
            match event {
                Event::ProposalApproved(event) if event.proposal == proposal.address => {
                    (account.approvals, account.executable_at) = (event.approvals, event.executable_at);
                    account.expires_at = event.expires_at;
                }
                Event::ProposalRevoked(event) if event.proposal == proposal.address => {
                    (account.approvals, account.executable_at) = (event.approvals, event.executable_at);
                }
                Event::ProposalExecuted(event) if event.proposal == proposal.address => {
                    account.state = ProposalState::Executed as u8;
                    account.executed_at = event.executed_at;
                }
                _ => {}
            }
        }
        let action = proposal.action;
        let mut status = ProposalStatus::new(proposal, before)?;
        if status.is_executed {
            status.changes = changes(before, &action);
        }
        let proposal = ProposalView::of(&status, before, session.now().await?);
        Ok(Self { did, proposal, transaction: TransactionView::from(sent) })
    }
}

/// A proposal as it was made. Its proposer approves it by proposing it.
fn as_proposed(event: &ProposalCreated, bus: &Bus) -> Proposal {
    Proposal {
        layout_version: LAYOUT_VERSION,
        bump: 0,
        state: ProposalState::Open as u8,
        was_decided: u8::from(event.executable_at != 0),
        padding: [0; 2],
        approvals: bus.owner_index(&event.proposer).map_or(0, |place| 1 << place),
        number: event.number,
        config_version: event.config_version,
        pause_version: event.pause_version,
        created_at: event.created_at,
        executable_at: event.executable_at,
        expires_at: event.expires_at,
        executed_at: 0,
        bus: event.bus,
        proposer: event.proposer,
        hash: event.hash,
        action: event.action,
        reserved: [0; 64],
    }
}

impl View for Decided {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.proposal.address.clone()])
    }

    fn text(&self, page: &mut Page) {
        let proposal = &self.proposal;
        let (address, word) = (&proposal.address, proposal.word);
        let did = match (self.did, proposal.executed) {
            (Did::Proposed, true) => format!("proposed and executed at once: {word}"),
            (Did::Proposed, false) => format!("proposed: {word}"),
            (Did::Approved, _) => format!("approved: {word}"),
            (Did::Revoked, _) => format!("took the approval back: {word}"),
            (Did::Executed, _) => format!("executed: {word}"),
        };
        page.line(did);
        page.line(format!("proposal   {address}"));
        if self.did == Did::Approved {
            page.line(format!("hash       {}", proposal.hash));
        }
        signature_line(page, &self.transaction);
        match proposal.state {
            "open" => {
                let missing = count(proposal.approvals_missing, "more owner");
                page.line(format!("{missing} must approve ({}):", proposal.approvals_line()));
                page.line(format!("  multibus proposal approve {address}"));
            }
            "timelocked" => {
                let (at, left) =
                    (proposal.executable_at.unwrap_or_default(), proposal.executable_in_seconds.unwrap_or_default());
                page.line(format!("anyone can execute it from {} (in {}):", format_time(at), format_duration(left)));
                page.line(format!("  multibus proposal execute {address}"));
            }
            "executable" => {
                page.line("enough owners approve, anyone can execute it:");
                page.line(format!("  multibus proposal execute {address}"));
            }
            _ => {}
        }
        proposal.change_tables(page);
        if proposal.executed && word == "close" {
            page.line("");
            page.line("nothing opens on the bus any more; once all else is closed, anyone ends it:");
            page.line(format!("  multibus bus close {}", proposal.bus));
        }
    }
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    proposal: ProposalView,
}

impl View for Shown {
    fn text(&self, page: &mut Page) {
        self.proposal.fields(page);
    }
}

#[derive(Serialize)]
struct Listed {
    bus: String,
    proposals: Vec<ProposalView>,
}

impl View for Listed {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.proposals.iter().map(|proposal| proposal.address.clone()).collect())
    }

    fn text(&self, page: &mut Page) {
        if self.proposals.is_empty() {
            page.line("no proposals; make one with `multibus proposal create`");
            return;
        }
        page.table(
            &["proposal", "action", "approved", "state"],
            self.proposals.iter().map(|proposal| {
                let approved = match proposal.is_over() {
                    true => proposal.approvals.to_string(),
                    false => format!("{} of {}", proposal.approvals, proposal.approvals_needed),
                };
                vec![proposal.address.clone(), proposal.word.to_owned(), approved, proposal.state.to_owned()]
            }),
        );
    }
}

#[derive(Serialize)]
struct Closed {
    proposal: String,
    bus: String,
    executed: bool,
    rent_lamports: u64,
    rent_to: String,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Closed {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.transaction.signature.clone()])
    }

    fn text(&self, page: &mut Page) {
        page.line(format!("closed the proposal {}", self.proposal));
        page.line(format!("its rent, {}, went to {}", format_sol(self.rent_lamports), self.rent_to));
        signature_line(page, &self.transaction);
    }
}

//! The steps of a game. Accounts are named by what they are (an offer by its bus, seller and number), not by the step
//! that made them, so that a script still means the same when steps are left out.
//!
//! Wallets are numbers: 0 to 11 are the parties. [`double_of`] a party is the wallet whose key is that of a token account
//! of the party. [`WINDER`] has no key but its own, and ends what the others left. [`bus_wallet`] is a bus as an owner or
//! as its own seller, which nobody can sign for.
//!
//! The debug form of a script is Rust: a game that fails is printed as a test.

use std::fmt::{self, Write as _};

/// The wallet that winds a game down.
pub const WINDER: u8 = 200;
/// The wallet of the party whose double this would be is this much lower.
const DOUBLES: u8 = 100;
/// The first number of a bus that is named as a wallet.
const BUS_WALLETS: u8 = 210;

/// The wallet whose key is that of the party's second account of the first mint.
pub const fn double_of(party: u8) -> u8 {
    DOUBLES + party
}

/// The party whose double this is.
pub fn doubled(who: u8) -> Option<u8> {
    (DOUBLES..WINDER).contains(&who).then(|| who - DOUBLES)
}

/// A bus as a wallet: as an owner of another, or as its own seller.
pub const fn bus_wallet(bus: u8) -> u8 {
    BUS_WALLETS + bus
}

/// The bus that is named as a wallet.
pub fn wallet_bus(who: u8) -> Option<u8> {
    who.checked_sub(BUS_WALLETS)
}

/// A list whose debug form is Rust.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct List<T>(pub Vec<T>);

impl<T: fmt::Debug> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "List(vec!{:?})", self.0)
    }
}

/// An account of a game.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccountRef {
    Wallet(u8),
    /// A party's token account of a mint; each has two. The first is the associated one.
    Tokens(u8, u8, u8),
    /// The counter of a wallet's buses.
    CounterAt(u8),
    BusAt(u8),
    Ledger(u8),
    /// Capacity of a bus's window, by the window's first second; the general capacity for 0.
    CapacityAt(u8, i64),
    Treasury(u8),
    Unclaimed(u8),
    /// The account of a seller on a bus.
    SellerAt(u8, u8),
    Vault(u8, u8),
    OfferAt(OfferRef),
    /// A wallet's lock on an offer, at a place.
    LockAt(OfferRef, u8, u8),
    LaneAt(u8, u16),
    /// A proposal of a bus, by its proposer and number.
    ProposalAt(u8, u8, u64),
    /// What a bus owes to a wallet.
    ClaimAt(u8, u8),
    MintAt(u8),
    TokenProgramOf(u8),
    /// A token account of a bus and a mint that is none of its own accounts.
    Stray(u8, u8),
    System,
    Market,
    /// A reserved address, which no transaction can write.
    ClockSysvar,
    /// An address without an account.
    Nowhere(u8),
}

/// An offer: bus, seller's wallet, number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OfferRef(pub u8, pub u8, pub u64);

/// What a bus is created with: see `BusConfig`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    pub name: List<u8>,
    pub owners: List<(AccountRef, u16)>,
    pub threshold: u8,
    pub pause_quorum: u8,
    pub listing: u8,
    pub fee: u16,
    pub timelock: u32,
    pub window: u32,
    pub gate: u32,
    pub horizon: u32,
    pub capacity: u64,
    pub base_price: u64,
    pub reserve_price: u64,
    pub least: u64,
    pub operator: Option<AccountRef>,
}

/// What owners propose.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    AddOwner(AccountRef, List<u16>),
    RemoveOwner(AccountRef, List<u16>),
    Shares(List<u16>),
    Threshold(u8),
    Timelock(u32),
    Capacity(u64),
    BasePrice(u64),
    Listing(u8),
    Windows(u32, u32),
    LockFee(u16),
    PauseIt,
    ResumeIt,
    ReplaceOwner(AccountRef, AccountRef),
    PauseQuorum(u8),
    AdmitSeller(AccountRef),
    SuspendSeller(AccountRef),
    ReservePrice(u64),
    LeastSize(u64),
    SetOperator(Option<AccountRef>),
    CloseIt,
}

/// What a buyer asks of an offer: Wh, highest price, version (0 for any).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ask(pub u64, pub u64, pub u32);

/// What an offer is created with, in the capacity of a window (0 for the general one). Expiry is a second of the game.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NewOffer {
    pub offer: OfferRef,
    pub window: i64,
    pub wh: u64,
    pub price: u64,
    pub expires: i64,
    pub source: u8,
}

/// An instruction of the market. Wallets are numbers, and times are seconds of the game. Nonces, and the lock
/// numbers that a settlement or a release names, count from the right one. A counter's first slot counts from the present one;
/// `None` where the instruction does not name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    OpenCounter { by: u8, ahead: Option<i64> },
    CreateBus { bus: u8, mint: u8, config: Config },
    CloseBus { by: u8, bus: u8 },
    OpenCapacity { by: u8, bus: u8, window: i64 },
    CloseCapacity { by: u8, bus: u8, window: i64 },
    OpenSeller { by: u8, bus: u8, who: u8, ahead: Option<i64> },
    Admit { by: u8, bus: u8, who: u8 },
    Suspend { by: u8, bus: u8, who: u8 },
    Withdraw { by: u8, bus: u8, who: u8, into: AccountRef },
    CloseSeller { by: u8, bus: u8, who: u8, into: AccountRef },
    CreateOffer { by: u8, new: NewOffer },
    Reprice { by: u8, offer: OfferRef, price: u64, version: u32 },
    SetExpiry { by: u8, offer: OfferRef, expires: i64, version: u32 },
    Collect { offer: OfferRef },
    Cancel { by: u8, offer: OfferRef },
    Buy { by: u8, lane: u16, nonce: i64, offer: OfferRef, ask: Ask, at_least: u64, from: AccountRef },
    BuyBatch { by: u8, lane: u16, nonce: i64, items: List<(OfferRef, Ask)>, limit: u64, from: AccountRef },
    TakeLock { by: u8, offer: OfferRef, place: u8, ask: Ask, from: AccountRef, refund: AccountRef },
    SettleLock { by: u8, lane: u16, nonce: i64, offer: OfferRef, place: u8, beside: i32 },
    ReleaseLock { by: u8, offer: OfferRef, buyer: u8, place: u8, beside: i32 },
    OpenLane { by: u8, lane: u16, ahead: Option<i64> },
    CloseLane { by: u8, lane: u16 },
    Propose { by: u8, bus: u8, number: i64, decision: Decision },
    Approve { by: u8, bus: u8, proposer: u8, number: u64, right: bool },
    Revoke { by: u8, bus: u8, proposer: u8, number: u64 },
    Execute { by: u8, bus: u8, proposer: u8, number: u64 },
    CloseProposal { by: u8, bus: u8, proposer: u8, number: u64 },
    ClaimRevenue { by: u8, bus: u8, owner: u8, into: AccountRef },
    PayClaim { by: u8, bus: u8, who: u8, into: AccountRef },
}

/// How an instruction is tampered with before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tamper {
    Nothing,
    /// The account at this index does not sign.
    Unsigned(u8),
    /// The account at this index is read-only.
    ReadOnly(u8),
    /// Another account is passed at this index.
    Swap(u8, AccountRef),
    /// The account of the first index is passed at the second, too.
    Same(u8, u8),
    /// Only this many accounts are passed.
    Accounts(u8),
    /// Only this many bytes are passed.
    Bytes(u8),
}

/// One step of a game.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The clock goes to this second of the game, unless that is past.
    At(i64),
    /// Somebody gives tokens to an account.
    Gift(AccountRef, u64),
    /// The mint's issuer freezes an account.
    Freeze(AccountRef),
    Thaw(AccountRef),
    /// An account's owner lets a wallet move tokens of it.
    Delegate {
        account: AccountRef,
        to: u8,
        amount: u64,
    },
    /// An account's owner burns what it holds, and closes it.
    CloseTokens(AccountRef),
    /// A party makes its token account anew, for an owner. The associated account is always the party's.
    OpenTokens(AccountRef, u8),
    /// An account's owner gives it to another wallet.
    Reown(AccountRef, u8),
    /// An account's owner asks for a memo with every payment, or no more.
    AskMemo(AccountRef, bool),
    /// Somebody sends lamports to an address.
    Fund(AccountRef, u64),
    Do(Operation, Tamper),
}

/// A script as the body of a test.
pub fn as_test(parties: u8, steps: &[Step], why: &str) -> String {
    let mut text = String::from(
        "use multibus_tests::play::{replay, script::{*, Operation::*, Decision::*, AccountRef::*, Step::*, Tamper::*}};\n\n",
    );
    let _ = writeln!(text, "/// {}", why.lines().next().unwrap_or_default());
    text += "#[test]\nfn found_by_random_play() {\n";
    let _ = writeln!(text, "    replay({parties}, &[");
    for step in steps {
        let _ = writeln!(text, "        {step:?},");
    }
    text += "    ]);\n}\n";
    text
}

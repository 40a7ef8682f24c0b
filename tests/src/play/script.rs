//! The steps of a game. Accounts are named by what they are (an offer by its bus, window and number), not by the step
//! that made them, so that a script still means the same when steps are left out.
//!
//! The debug form of a script is Rust: a game that fails is printed as a test.

use std::fmt::{self, Write as _};

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
    /// Wallet of a party.
    Wallet(u8),
    /// A party's token account of a mint; each has two.
    Tokens(u8, u8, u8),
    BusAt(u8),
    /// Capacity of a bus's window, by the window's first second; the general capacity for 0.
    CapacityAt(u8, i64),
    Escrow(u8),
    Treasury(u8),
    OfferAt(OfferRef),
    /// A party's lock on an offer.
    LockAt(OfferRef, u8),
    LaneAt(u8, u16),
    ProposalAt(u8, u64),
    MintAt(u8),
    TokenProgramOf(u8),
    /// A token account of a bus and a mint that is neither the bus's escrow nor its treasury.
    Stray(u8, u8),
    System,
    Market,
    /// An address without an account.
    Nowhere(u8),
}

/// An offer: bus, window, sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OfferRef(pub u8, pub i64, pub u64);

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
    pub capacity: u64,
    pub base_price: u64,
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
}

/// What a buyer asks of an offer: Wh, highest price, version (0 for any).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ask(pub u64, pub u64, pub u32);

/// What an offer is created with. Expiry is a second of the game; 0 for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NewOffer {
    pub offer: OfferRef,
    pub wh: u64,
    pub price: u64,
    pub expires: i64,
    pub source: u8,
}

/// An instruction of the market. Parties are numbers, and times are seconds of the game. Nonces count from the lane's
/// next one. A lane's first slot counts from the present one; `None` where the instruction does not name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    CreateBus { bus: u8, mint: u8, config: Config },
    OpenCapacity { by: u8, bus: u8, window: i64 },
    CloseCapacity { bus: u8, window: i64 },
    CreateOffer { by: u8, new: NewOffer, payout: AccountRef },
    CreateOfferForBus { by: u8, new: NewOffer },
    Reprice { by: u8, offer: OfferRef, price: u64 },
    Extend { by: u8, offer: OfferRef, expires: i64 },
    Cancel { by: u8, offer: OfferRef },
    Buy { by: u8, lane: u16, nonce: i64, offer: OfferRef, ask: Ask, at_least: u64, from: AccountRef },
    BuyBatch { by: u8, lane: u16, nonce: i64, items: List<(OfferRef, Ask)>, limit: u64, from: AccountRef },
    TakeLock { by: u8, offer: OfferRef, ask: Ask, from: AccountRef },
    SettleLock { by: u8, lane: u16, nonce: i64, offer: OfferRef },
    ReleaseLock { by: u8, offer: OfferRef, buyer: u8, refund: AccountRef },
    OpenLane { by: u8, lane: u16, ahead: Option<i64> },
    CloseLane { by: u8, lane: u16 },
    Propose { by: u8, bus: u8, decision: Decision },
    Approve { by: u8, bus: u8, proposal: u64 },
    Revoke { by: u8, bus: u8, proposal: u64 },
    Execute { by: u8, bus: u8, proposal: u64 },
    CloseProposal { by: u8, bus: u8, proposal: u64 },
    Claim { bus: u8, owner: AccountRef, into: AccountRef },
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
    /// Somebody mints tokens into an account.
    Gift(AccountRef, u64),
    Freeze(AccountRef),
    Thaw(AccountRef),
    /// A party lets another move tokens of one of its accounts.
    Delegate {
        account: AccountRef,
        to: u8,
        amount: u64,
    },
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

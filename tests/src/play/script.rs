//! What happens in a game, in names that stay the same when other steps are left out: every account of the program has
//! an address that follows from its place, so that a shortened script means what the long one meant.
//!
//! The debug form of a script is Rust: a run that fails is printed as a test.

use std::fmt;

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
pub enum Spot {
    /// Wallet of a party.
    Wallet(u8),
    /// A party's token account of a mint; each has two.
    Tokens(u8, u8, u8),
    BusAt(u8),
    /// Capacity of a bus's window, of all where it starts at 0. Windows are counted in seconds from the game's first.
    CapacityAt(u8, i64),
    Escrow(u8),
    Treasury(u8),
    OfferAt(Place),
    /// A party's lock on an offer.
    LockAt(Place, u8),
    LaneAt(u8, u16),
    ProposalAt(u8, u64),
    MintAt(u8),
    TokenProgramOf(u8),
    /// A token account of a mint that belongs to a bus, but is neither its escrow nor its treasury.
    Stray(u8, u8),
    System,
    Market,
    /// An address where nothing is.
    Nowhere(u8),
}

/// Place of an offer: bus, window, sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(pub u8, pub i64, pub u64);

/// What a bus is created with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    pub name: List<u8>,
    pub owners: List<(Spot, u16)>,
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

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    AddOwner(Spot, List<u16>),
    RemoveOwner(Spot, List<u16>),
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

/// An instruction of the market. Parties are numbers; nonces count from the lane's next, a lane's first slot from the
/// present one (`None` where it is not named).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Deed {
    CreateBus { bus: u8, mint: u8, config: Config },
    OpenCapacity { by: u8, bus: u8, window: i64 },
    CloseCapacity { bus: u8, window: i64 },
    CreateOffer { by: u8, offer: Place, wh: u64, price: u64, expires: i64, source: u8, payout: Spot },
    CreateOfferForBus { by: u8, offer: Place, wh: u64, price: u64, expires: i64, source: u8 },
    Reprice { by: u8, offer: Place, price: u64 },
    Extend { by: u8, offer: Place, expires: i64 },
    Cancel { by: u8, offer: Place },
    Buy { by: u8, lane: u16, nonce: i64, offer: Place, ask: Ask, at_least: u64, from: Spot },
    BuyBatch { by: u8, lane: u16, nonce: i64, items: List<(Place, Ask)>, limit: u64, from: Spot },
    TakeLock { by: u8, offer: Place, ask: Ask, from: Spot },
    SettleLock { by: u8, lane: u16, nonce: i64, offer: Place },
    ReleaseLock { by: u8, offer: Place, buyer: u8, refund: Spot },
    OpenLane { by: u8, lane: u16, ahead: Option<i64> },
    CloseLane { by: u8, lane: u16 },
    Propose { by: u8, bus: u8, decision: Decision },
    Approve { by: u8, bus: u8, proposal: u64 },
    Revoke { by: u8, bus: u8, proposal: u64 },
    Execute { by: u8, bus: u8, proposal: u64 },
    CloseProposal { by: u8, bus: u8, proposal: u64 },
    Claim { bus: u8, owner: Spot, into: Spot },
}

/// What is wrong with an instruction, besides what its own values say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tamper {
    Nothing,
    /// The account in this place does not sign.
    Unsigned(u8),
    /// The account in this place is read-only.
    ReadOnly(u8),
    /// Another account is passed in this place.
    Swap(u8, Spot),
    /// Only so many accounts are passed.
    Accounts(u8),
    /// Only so many bytes are passed.
    Bytes(u8),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The clock goes to this second of the game, or stays where that is past.
    At(i64),
    /// Somebody mints tokens into an account.
    Gift(Spot, u64),
    Freeze(Spot),
    Thaw(Spot),
    /// A party lets another move tokens of one of its accounts.
    Delegate {
        account: Spot,
        to: u8,
        amount: u64,
    },
    /// Somebody sends lamports to an address before anything is there.
    Fund(Spot, u64),
    Do(Deed, Tamper),
}

/// A script as the body of a test.
pub fn as_test(parties: u8, steps: &[Step], why: &str) -> String {
    let mut text = String::from(
        "use multibus_tests::play::{replay, script::{*, Deed::*, Decision::*, Spot::*, Step::*, Tamper::*}};\n\n",
    );
    text += &format!("/// {}\n", why.lines().next().unwrap_or_default());
    text += "#[test]\nfn found_by_random_play() {\n";
    text += &format!("    replay({parties}, &[\n");
    for step in steps {
        text += &format!("        {step:?},\n");
    }
    text += "    ]);\n}\n";
    text
}

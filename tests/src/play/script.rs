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

/// The first number of a device that is a party.
const WALLET_DEVICES: u8 = 200;

/// The number of the device whose key is that of a party.
pub const fn wallet_device(party: u8) -> u8 {
    WALLET_DEVICES + party
}

/// The party that is a device.
pub fn device_wallet(device: u8) -> Option<u8> {
    device.checked_sub(WALLET_DEVICES)
}

/// Whether an account has a key that can sign.
pub fn can_sign(account: AccountRef) -> bool {
    use AccountRef::*;
    match account {
        Wallet(who) => wallet_bus(who).is_none(),
        Tokens(_, _, 1) | DeviceKey(_) | Nowhere(_) => true,
        _ => false,
    }
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
    /// Deposits of bids on a bus.
    EscrowAt(u8),
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
    /// The key of a device, or of the wallet that is one: see [`wallet_device`].
    DeviceKey(u8),
    /// The account of a device's key.
    DeviceAt(u8),
    /// The meter of a seller on a bus.
    MeterAt(u8, u8),
    BookAt(BookRef),
    /// A buyer's position book.
    PositionAt(BookRef, u8),
    CertificateAt(CertificateRef),
    BidAt(BidRef),
    /// A clearer's proof of the price of a window (as for a capacity).
    ClearingAt(u8, i64, u8),
    MintAt(u8),
    TokenProgramOf(u8),
    /// A token account of a bus and a mint that is none of its own accounts.
    Stray(u8, u8),
    System,
    Market,
    /// A reserved address, which no transaction can write.
    ClockSysvar,
    /// The sysvar in which a program reads the instructions of the transaction.
    InstructionsSysvar,
    /// An address without an account.
    Nowhere(u8),
}

/// An offer: bus, seller's wallet, number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OfferRef(pub u8, pub u8, pub u64);

/// A delivery book: bus, seller's wallet, first window (seconds from the start of the game, which is 0 here, too).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BookRef(pub u8, pub u8, pub i64);

/// A certificate: bus, seller's wallet, window (as for a book), first Wh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CertificateRef(pub u8, pub u8, pub i64, pub u64);

/// A bid, by all that its address follows from: bus, window (as for a capacity), buyer's wallet, lane, nonce, Wh, limit, and how
/// much its bump is below the largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BidRef(pub u8, pub i64, pub u8, pub u16, pub u64, pub u64, pub u64, pub u8);

/// Terms of windows: see `TermsConfig`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WindowTerms {
    pub window: u32,
    pub gate: u32,
    pub settlement: u8,
    pub grid_fee: u64,
    pub deadline: u32,
    pub correction: u32,
    pub auction: bool,
}

/// A device as the operator registers it: source, power in W, first second for which it is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spec(pub u8, pub u64, pub i64);

/// What is said to show that a reading is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proof {
    /// The reporter signs the transaction: the device, or the operator.
    Transaction,
    Operator,
    /// A key of a device signed the reading, or something like it.
    Signed(u8, Twist),
    /// A number that stands for nothing.
    Unknown(u8),
}

/// What is wrong with a signed reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Twist {
    Nothing,
    /// Another window, energy or sequence was signed.
    Window,
    Energy,
    Sequence,
    /// It was signed for this book.
    Book(BookRef),
    /// The instruction of the signature has one byte or one account too many, or two signatures.
    LongerData,
    Account,
    Twice,
    /// There is no instruction of a signature, or another one stands between.
    Missing,
    Apart,
}

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
    pub horizon: u32,
    pub terms: WindowTerms,
    pub capacity: u64,
    pub base_price: u64,
    pub reserve_price: u64,
    pub least: u64,
    pub operator: Option<AccountRef>,
    pub grid_recipient: Option<AccountRef>,
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
    /// Terms from a second of the game on.
    Terms(i64, WindowTerms),
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
    GridRecipient(Option<AccountRef>),
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
    OpenCounter {
        by: u8,
        ahead: Option<i64>,
    },
    CreateBus {
        bus: u8,
        mint: u8,
        config: Config,
    },
    CloseBus {
        by: u8,
        bus: u8,
    },
    OpenCapacity {
        by: u8,
        bus: u8,
        window: i64,
    },
    CloseCapacity {
        by: u8,
        bus: u8,
        window: i64,
    },
    OpenSeller {
        by: u8,
        bus: u8,
        who: u8,
        ahead: Option<i64>,
    },
    Admit {
        by: u8,
        bus: u8,
        who: u8,
    },
    Suspend {
        by: u8,
        bus: u8,
        who: u8,
    },
    Withdraw {
        by: u8,
        bus: u8,
        who: u8,
        into: AccountRef,
    },
    CloseSeller {
        by: u8,
        bus: u8,
        who: u8,
        into: AccountRef,
    },
    CreateOffer {
        by: u8,
        new: NewOffer,
    },
    Reprice {
        by: u8,
        offer: OfferRef,
        price: u64,
        version: u32,
    },
    SetExpiry {
        by: u8,
        offer: OfferRef,
        expires: i64,
        version: u32,
    },
    Collect {
        offer: OfferRef,
    },
    Cancel {
        by: u8,
        offer: OfferRef,
    },
    Buy {
        by: u8,
        lane: u16,
        nonce: i64,
        offer: OfferRef,
        ask: Ask,
        at_least: u64,
        from: AccountRef,
    },
    BuyBatch {
        by: u8,
        lane: u16,
        nonce: i64,
        items: List<(OfferRef, Ask)>,
        limit: u64,
        from: AccountRef,
    },
    TakeLock {
        by: u8,
        offer: OfferRef,
        place: u8,
        ask: Ask,
        from: AccountRef,
        refund: AccountRef,
    },
    SettleLock {
        by: u8,
        lane: u16,
        nonce: i64,
        offer: OfferRef,
        place: u8,
        beside: i32,
    },
    ReleaseLock {
        by: u8,
        offer: OfferRef,
        buyer: u8,
        place: u8,
        beside: i32,
    },
    OpenLane {
        by: u8,
        lane: u16,
        ahead: Option<i64>,
    },
    CloseLane {
        by: u8,
        lane: u16,
    },
    Propose {
        by: u8,
        bus: u8,
        number: i64,
        decision: Decision,
    },
    Approve {
        by: u8,
        bus: u8,
        proposer: u8,
        number: u64,
        right: bool,
    },
    Revoke {
        by: u8,
        bus: u8,
        proposer: u8,
        number: u64,
    },
    Execute {
        by: u8,
        bus: u8,
        proposer: u8,
        number: u64,
    },
    CloseProposal {
        by: u8,
        bus: u8,
        proposer: u8,
        number: u64,
    },
    ClaimRevenue {
        by: u8,
        bus: u8,
        owner: u8,
        into: AccountRef,
    },
    PayClaim {
        by: u8,
        bus: u8,
        who: u8,
        into: AccountRef,
    },
    SweepGrid {
        by: u8,
        bus: u8,
        who: u8,
        into: AccountRef,
    },
    RegisterMeter {
        by: u8,
        bus: u8,
        who: u8,
        key: u8,
        spec: Spec,
    },
    ReplaceMeter {
        by: u8,
        bus: u8,
        who: u8,
        key: u8,
        spec: Spec,
    },
    CloseMeter {
        by: u8,
        bus: u8,
        who: u8,
    },
    CloseDevice {
        key: u8,
    },
    OpenPosition {
        by: u8,
        book: BookRef,
        buyer: u8,
    },
    SetRefund {
        by: u8,
        book: BookRef,
        buyer: u8,
        refund: AccountRef,
    },
    ClosePosition {
        by: u8,
        book: BookRef,
        buyer: u8,
    },
    /// A reading of the window at a place of a book; its sequence counts from the next one.
    Report {
        by: AccountRef,
        book: BookRef,
        place: u8,
        wh: u64,
        sequence: i64,
        proof: Proof,
    },
    Release {
        book: BookRef,
    },
    Refund {
        book: BookRef,
        buyer: u8,
    },
    CloseBook {
        by: u8,
        book: BookRef,
    },
    /// A certificate of the window at a place of a book, of a buyer's position or of what its seller did not sell.
    TakeCertificate {
        by: u8,
        book: BookRef,
        place: u8,
        surplus: bool,
    },
    Transfer {
        by: u8,
        certificate: CertificateRef,
        wh: u64,
        to: AccountRef,
    },
    Retire {
        by: u8,
        certificate: CertificateRef,
        name: List<u8>,
    },
    /// A bid in the auction of a window; its bump is so much below the largest.
    Bid {
        by: u8,
        lane: u16,
        nonce: i64,
        bus: u8,
        window: i64,
        wh: u64,
        limit: u64,
        below: u8,
        from: AccountRef,
        refund: AccountRef,
    },
    CancelBid {
        by: u8,
        bid: BidRef,
        into: AccountRef,
    },
    /// What is returned goes to the recorded account, or to another one.
    SettleBid {
        by: u8,
        bid: BidRef,
        close: bool,
        into: Option<AccountRef>,
    },
    SettleAsk {
        offer: OfferRef,
    },
    OpenClearing {
        by: u8,
        bus: u8,
        window: i64,
        low: u64,
        high: u64,
    },
    /// Orders are tallied in the clearing of `clearer`.
    TallyOrders {
        by: u8,
        bus: u8,
        window: i64,
        clearer: u8,
        orders: List<AccountRef>,
    },
    ApplyClearing {
        bus: u8,
        window: i64,
        clearer: u8,
    },
    CloseClearing {
        by: u8,
        bus: u8,
        window: i64,
        clearer: u8,
    },
    /// What the seller of a book delivered for the auction of a window.
    ReportToPool {
        book: BookRef,
        window: i64,
    },
    /// A certificate of what the seller of a book delivered to a bid, in the window at a place.
    CertifyBid {
        by: u8,
        book: BookRef,
        place: u8,
        bid: BidRef,
    },
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
#[expect(clippy::large_enum_variant, reason = "scripts are written as code, and a game has few steps")]
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

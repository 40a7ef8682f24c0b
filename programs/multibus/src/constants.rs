//! Every seed and every limit of the market, declared once; `#[constant]` puts them into the IDL.

use anchor_lang::prelude::constant;

/// Seed of the counter of a wallet's buses: `["creator", wallet]`.
#[constant]
pub const CREATOR_SEED: &[u8] = b"creator";
/// Seed of a bus: `["bus", creator, bus_seq]`.
#[constant]
pub const BUS_SEED: &[u8] = b"bus";
/// Seed of a bus's ledger, which holds what changes without a decision of the owners: `["ledger", bus]`.
#[constant]
pub const LEDGER_SEED: &[u8] = b"ledger";
/// Seed of a delivery window's capacity: `["capacity", bus, window_start]`.
#[constant]
pub const CAPACITY_SEED: &[u8] = b"capacity";
/// Seed of a seller: `["seller", bus, wallet]`. For the bus's own offers, the wallet is the bus.
#[constant]
pub const SELLER_SEED: &[u8] = b"seller";
/// Seed of a seller's vault, the token account that its buyers pay into: `["vault", seller]`.
#[constant]
pub const VAULT_SEED: &[u8] = b"vault";
/// Seed of an offer: `["offer", seller, number]`.
#[constant]
pub const OFFER_SEED: &[u8] = b"offer";
/// Seed of a lock: `["lock", offer, buyer, place]`.
#[constant]
pub const LOCK_SEED: &[u8] = b"lock";
/// Seed of a nonce lane: `["trader", wallet, lane]`.
#[constant]
pub const TRADER_SEED: &[u8] = b"trader";
/// Seed of the token account that receives the revenue of the bus's own offers: `["treasury", bus]`.
#[constant]
pub const TREASURY_SEED: &[u8] = b"treasury";
/// Seed of the token account that holds what could not be paid: `["unclaimed", bus]`.
#[constant]
pub const UNCLAIMED_SEED: &[u8] = b"unclaimed";
/// Seed of a claim, what a wallet can pull from the unclaimed account: `["claim", bus, wallet]`.
#[constant]
pub const CLAIM_SEED: &[u8] = b"claim";
/// Seed of a proposal: `["proposal", bus, proposer, number]`.
#[constant]
pub const PROPOSAL_SEED: &[u8] = b"proposal";

/// Seed of a seller's meter: `["meter", seller]`.
#[constant]
pub const METER_SEED: &[u8] = b"meter";
/// Seed of a device, whose key is registered once in the program: `["device", key]`.
#[constant]
pub const DEVICE_SEED: &[u8] = b"device";
/// Seed of a delivery book: `["book", seller, first_window]`.
#[constant]
pub const BOOK_SEED: &[u8] = b"book";
/// Seed of a position book: `["position", book, buyer]`.
#[constant]
pub const POSITION_SEED: &[u8] = b"position";
/// Seed of a certificate: `["certificate", seller, window_start, range_start]`.
#[constant]
pub const CERTIFICATE_SEED: &[u8] = b"certificate";

/// Seed of a bid: `["bid", transaction hash]`.
#[constant]
pub const BID_SEED: &[u8] = b"bid";
/// Seed of a clearer's proof of an auction's price: `["clearing", capacity, clearer]`.
#[constant]
pub const CLEARING_SEED: &[u8] = b"clearing";
/// Seed of the token account that holds the deposits of bids: `["escrow", bus]`.
#[constant]
pub const ESCROW_SEED: &[u8] = b"escrow";

/// Layout version written into every account; a later layout gets the next number.
#[constant]
pub const LAYOUT_VERSION: u8 = 2;

/// Owners a bus can have.
#[constant]
pub const MAX_OWNERS: usize = 16;
/// Former owners with unclaimed revenue that a bus can have.
#[constant]
pub const MAX_FORMER_OWNERS: usize = 16;
/// The most that owners claim in one period of the ledger, in token base units. Then the next period starts, so that no
/// sum outgrows 64 bits.
pub const LONGEST_PERIOD: u64 = 1 << 62;
/// Lamports with which an account without data is rent-exempt. It is a little more than the chain asks.
pub const EMPTY_WALLET_LAMPORTS: u64 = 1_000_000;
/// Bytes a bus's name can have (UTF-8, at least one).
#[constant]
pub const MAX_NAME_LEN: usize = 32;
/// What the owners' revenue shares sum to: 100 % in basis points.
#[constant]
pub const FULL_SHARE_BPS: u16 = 10_000;
/// Highest lock fee that a bus can have, in basis points of the deposit.
#[constant]
pub const MAX_LOCK_FEE_BPS: u16 = 500;
/// Largest capacity of a window, and highest value of the least size of a trade: 2^40 Wh. (The type is written twice
/// because the IDL is made from the expression alone.)
#[constant]
pub const MAX_CAPACITY_WH: u64 = 1u64 << 40;
/// Longest timelock of a bus: 30 days, in seconds.
#[constant]
pub const MAX_TIMELOCK_SECONDS: u32 = 30 * 24 * 60 * 60;
/// How long a proposal can be executed: 30 days from the first second in which it could be, in seconds.
#[constant]
pub const PROPOSAL_LIFETIME_SECONDS: i64 = 30 * 24 * 60 * 60;
/// Shortest delivery window, in seconds (0 turns windows off).
#[constant]
pub const MIN_WINDOW_SECONDS: u32 = 60;
/// Longest delivery window: one day, in seconds.
#[constant]
pub const MAX_WINDOW_SECONDS: u32 = 24 * 60 * 60;
/// Longest gate closure: one day before the window starts, in seconds.
#[constant]
pub const MAX_GATE_CLOSURE_SECONDS: u32 = 24 * 60 * 60;
/// Shortest horizon of a bus (how far ahead windows open and offers expire): one hour, in seconds.
#[constant]
pub const MIN_HORIZON_SECONDS: u32 = 60 * 60;
/// Longest horizon of a bus: 366 days, in seconds.
#[constant]
pub const MAX_HORIZON_SECONDS: u32 = 366 * 24 * 60 * 60;

/// Highest grid fee: 2^32 token base units per kWh, so that the fee of all energy of a window fits 64 bits.
#[constant]
pub const MAX_GRID_FEE_PER_KWH: u64 = 1u64 << 32;
/// Shortest reading deadline and shortest correction time: one hour, in seconds.
#[constant]
pub const MIN_READING_SECONDS: u32 = 60 * 60;
/// Longest reading deadline and longest correction time: 30 days, in seconds.
#[constant]
pub const MAX_READING_SECONDS: u32 = 30 * 24 * 60 * 60;

/// Windows in a delivery book and in a position book.
#[constant]
pub const BOOK_WINDOWS: usize = 96;
/// Different devices that the windows of one delivery book can have.
#[constant]
pub const MAX_BOOK_METERS: usize = 4;
/// Highest power of a device: 2^40 W.
#[constant]
pub const MAX_POWER_W: u64 = 1u64 << 40;
/// Seconds in an hour: power is in W, energy in Wh.
#[constant]
pub const SECONDS_PER_HOUR: u64 = 3_600;
/// Readings that the operator can report for one window.
#[constant]
pub const MAX_OPERATOR_READINGS: u8 = 3;
/// How long the buyers and the seller of a delivery book have to take certificates after its last window is final: 30
/// days, in seconds. Afterwards anyone can close the book and the positions on it.
#[constant]
pub const CERTIFICATE_SECONDS: i64 = 30 * 24 * 60 * 60;
/// Bytes that the beneficiary of a certificate can have (UTF-8, at least one).
#[constant]
pub const MAX_BENEFICIARY_LEN: usize = 64;

/// On terms with an auction, gate closure and window together last at least this long, in seconds: 15 minutes.
#[constant]
pub const MIN_AUCTION_SECONDS: u32 = 15 * 60;
/// How long before the gate of an auction offers and bids can no longer be withdrawn, in seconds.
#[constant]
pub const AUCTION_CLOSING_SECONDS: i64 = 300;
/// How long after the gate an auction waits for the proof of its price, in seconds: 24 hours. Then all bids are
/// returned.
#[constant]
pub const AUCTION_PROOF_SECONDS: i64 = 24 * 60 * 60;

/// Windows of a closing bus whose gate closes within this time after the decision have their auctions; of later ones anyone
/// returns bids and withdraws offers.
#[constant]
pub const CLOSING_AUCTIONS_SECONDS: i64 = 24 * 60 * 60;
/// Bids that one window can have: 2^20. The sum of their energy fits 64 bits.
#[constant]
pub const MAX_BIDS: u32 = 1u32 << 20;

/// How long a lock holds energy, in seconds. The expiry second itself still settles.
#[constant]
pub const LOCK_SECONDS: i64 = 300;
/// A lock ends at least this long before its offer expires, in seconds, so that what it held can still be sold.
#[constant]
pub const LOCK_MARGIN_SECONDS: i64 = 300;
/// Locks that one buyer can have on one offer.
#[constant]
pub const MAX_LOCKS: u8 = 8;
/// How long an offer of the bus itself waits after it was listed or lowered before it trades, in seconds: time for the
/// other owners and the operator to withdraw it.
#[constant]
pub const BUS_OFFER_DELAY_SECONDS: i64 = 120;
/// Wh in a kWh: prices are per kWh, energy is in Wh.
#[constant]
pub const WH_PER_KWH: u64 = 1_000;
/// Items one `purchase_batch` can have.
#[constant]
pub const MAX_BATCH_ITEMS: usize = 32;
/// Receipts a nonce lane keeps on chain; older ones are in its events.
#[constant]
pub const RECEIPTS: usize = 16;
/// A counter opened in slot `s` starts at `s << COUNTER_SLOT_SHIFT`. That leaves more numbers for each slot than a slot
/// can spend, so a counter that is closed and opened again starts above every number that it spent.
#[constant]
pub const COUNTER_SLOT_SHIFT: u32 = 20;
/// How many slots ahead of the present one a counter's first slot can be. A blockhash lives for fewer slots, so whoever
/// opens a counter can name its first number in advance, and use it in the same transaction.
#[constant]
pub const FIRST_SLOT_AHEAD: u64 = 1_024;

/// First bytes of what a transaction hash is computed over.
#[constant]
pub const TRANSACTION_HASH_TAG: &[u8; 20] = b"multibus:purchase:v1";
/// First bytes of what a device signs for a reading.
#[constant]
pub const READING_TAG: &[u8; 20] = b"multibus:delivery:v1";
/// First bytes of what the hash of a proposal is computed over. An approval names that hash.
#[constant]
pub const PROPOSAL_HASH_TAG: &[u8; 20] = b"multibus:proposal:v1";

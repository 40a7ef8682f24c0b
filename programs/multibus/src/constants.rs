//! Every seed and every limit of the market, declared once; `#[constant]` tells them to the IDL.

use anchor_lang::prelude::constant;

/// Seed of a bus: `["bus", creator, bus_seq]`.
#[constant]
pub const BUS_SEED: &[u8] = b"bus";
/// Seed of a delivery window's capacity: `["capacity", bus, window_start]`.
#[constant]
pub const CAPACITY_SEED: &[u8] = b"capacity";
/// Seed of an offer: `["offer", capacity, offer_seq]`.
#[constant]
pub const OFFER_SEED: &[u8] = b"offer";
/// Seed of a nonce lane: `["trader", wallet, lane]`.
#[constant]
pub const TRADER_SEED: &[u8] = b"trader";
/// Seed of a lock: `["lock", offer, buyer]`.
#[constant]
pub const LOCK_SEED: &[u8] = b"lock";
/// Seed of the token account that holds the deposits of a bus's locks: `["escrow", bus]`.
#[constant]
pub const ESCROW_SEED: &[u8] = b"escrow";
/// Seed of the token account that receives the revenue of the bus's own offers: `["treasury", bus]`.
#[constant]
pub const TREASURY_SEED: &[u8] = b"treasury";

/// Seed of a proposal: `["proposal", bus, proposal_seq]`.
#[constant]
pub const PROPOSAL_SEED: &[u8] = b"proposal";

/// Layout version written into every account; a later layout gets the next number.
#[constant]
pub const LAYOUT_VERSION: u8 = 1;

/// Owners a bus can have.
#[constant]
pub const MAX_OWNERS: usize = 16;
/// Former owners with unclaimed revenue that a bus can have.
#[constant]
pub const MAX_FORMER_OWNERS: usize = 16;
/// Bytes a bus's name can have (UTF-8, at least one).
#[constant]
pub const MAX_NAME_LEN: usize = 32;
/// What the owners' revenue shares sum to: 100 % in basis points.
#[constant]
pub const FULL_SHARE_BPS: u16 = 10_000;
/// Highest lock fee an owner group can set, in basis points of the deposit.
#[constant]
pub const MAX_LOCK_FEE_BPS: u16 = 500;
/// Longest timelock of a bus: 30 days, in seconds.
#[constant]
pub const MAX_TIMELOCK_SECONDS: u32 = 30 * 24 * 60 * 60;
/// Shortest delivery window, in seconds (0 turns windows off).
#[constant]
pub const MIN_WINDOW_SECONDS: u32 = 60;
/// Longest delivery window: one day, in seconds.
#[constant]
pub const MAX_WINDOW_SECONDS: u32 = 24 * 60 * 60;
/// Longest gate closure: one day before the window starts, in seconds.
#[constant]
pub const MAX_GATE_CLOSURE_SECONDS: u32 = 24 * 60 * 60;
/// How far ahead a window can be opened: 366 days, in seconds.
#[constant]
pub const WINDOW_HORIZON_SECONDS: i64 = 366 * 24 * 60 * 60;

/// How long a lock holds energy, in seconds. The expiry second itself still settles.
#[constant]
pub const LOCK_SECONDS: i64 = 300;
/// Wh in a kWh: prices are per kWh, energy is in Wh.
#[constant]
pub const WH_PER_KWH: u64 = 1_000;
/// Items one `purchase_batch` can have.
#[constant]
pub const MAX_BATCH_ITEMS: usize = 32;
/// Receipts a nonce lane keeps on chain; older ones are in its events.
#[constant]
pub const RECEIPTS: usize = 16;
/// A lane opened in slot `s` starts at nonce `s << NONCE_SLOT_SHIFT`: more nonces for each slot than a slot can
/// ever execute purchases, so that a lane that is closed and opened again starts above all that it spent.
#[constant]
pub const NONCE_SLOT_SHIFT: u32 = 20;
/// How many slots ahead of the present one a lane's first slot can be: longer than any blockhash lives, so that whoever
/// opens a lane knows its first nonce, and can sign the first purchase with the opening.
#[constant]
pub const FIRST_SLOT_AHEAD: u64 = 1_024;
/// Width of the window of offer sequence numbers that can be used out of order, in numbers.
#[constant]
pub const OFFER_SEQ_WINDOW: u64 = 1_024;

/// First bytes of everything that a transaction hash is computed over.
#[constant]
pub const TRANSACTION_HASH_TAG: &[u8; 20] = b"multibus:purchase:v1";

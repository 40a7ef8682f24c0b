//! The market's limits, as its design states them.

use std::ops::RangeInclusive;

/// Owners of a bus, at most.
pub const MAX_OWNERS: usize = 16;
/// Former owners of a bus who still have revenue to claim, at most.
pub const MAX_FORMER_OWNERS: usize = 16;
/// The whole of something, in basis points.
pub const ALL_BPS: u32 = 10_000;
/// Bytes of a bus's name, at most.
pub const MAX_NAME_BYTES: usize = 32;
/// The highest lock fee, in basis points of the deposit.
pub const MAX_LOCK_FEE_BPS: u16 = 500;
/// The highest capacity of a window, in Wh. It is also the highest least size.
pub const MAX_CAPACITY_WH: u64 = 1 << 40;
/// Seconds of the longest timelock.
pub const MAX_TIMELOCK_SECONDS: u32 = 30 * 86_400;
/// Seconds for which a proposal can be executed once it could have been.
pub const PROPOSAL_SECONDS: i64 = 30 * 86_400;
/// Seconds that a delivery window may have.
pub const WINDOW_SECONDS: RangeInclusive<u32> = 60..=86_400;
/// Seconds by which trading may stop before its window, at most.
pub const MAX_GATE_CLOSURE_SECONDS: u32 = 86_400;
/// Seconds that a bus's horizon may have.
pub const HORIZON_SECONDS: RangeInclusive<u32> = 3_600..=366 * 86_400;
/// The highest grid fee, in base units per kWh.
pub const MAX_GRID_FEE: u64 = 1 << 32;
/// Seconds that the reading deadline and the correction time of delivery terms may have.
pub const READING_SECONDS: RangeInclusive<u32> = 3_600..=30 * 86_400;
/// Windows of a delivery book.
pub const BOOK_WINDOWS: usize = 96;
/// Devices of a delivery book, at most.
pub const MAX_BOOK_DEVICES: usize = 4;
/// The highest power of a device, in W.
pub const MAX_POWER_W: u64 = 1 << 40;
/// Readings of one window by the operator, at most.
pub const MAX_OPERATOR_READINGS: u8 = 3;
/// Seconds after the last used window of a book is final in which only buyers and sellers close what they can certify.
pub const CERTIFICATE_SECONDS: i64 = 30 * 86_400;
/// Bytes of a certificate's beneficiary, at most.
pub const MAX_BENEFICIARY_BYTES: usize = 64;
/// The highest number of an energy source.
pub const LAST_SOURCE: u8 = 5;
/// The listing policies: owners alone, admitted sellers too, everybody.
pub const OWNERS_ONLY: u8 = 0;
pub const ADMITTED: u8 = 1;
pub const OPEN: u8 = 2;
/// What owners claim in one period, in base units: after more, the next one starts.
pub const LONGEST_PERIOD: u128 = 1 << 62;
/// Lamports that a bus which closes does not lend: whoever gets them keeps an account.
pub const EMPTY_WALLET_LAMPORTS: u64 = 1_000_000;
/// Seconds that gate closure and window have together, at least, where an auction closes windows.
pub const MIN_AUCTION_SECONDS: u32 = 900;
/// Seconds before the gate of an auction in which offers and bids are only added or improved.
pub const AUCTION_CLOSING_SECONDS: i64 = 300;
/// Seconds after the gate for which an auction waits for the proof of its price.
pub const AUCTION_PROOF_SECONDS: i64 = 86_400;
/// Bids of a window, at most.
pub const MAX_BIDS: u32 = 1 << 20;
/// Items of a batch, at most.
pub const MAX_BATCH_ITEMS: usize = 32;
/// Seconds for which a lock holds.
pub const LOCK_SECONDS: i64 = 300;
/// Seconds by which a lock ends before its offer, at least.
pub const LOCK_MARGIN_SECONDS: i64 = 300;
/// Locks of one buyer on one offer, at most.
pub const MAX_LOCKS: u8 = 8;
/// Seconds after which an offer of the bus itself trades, once it was listed, lowered or revived.
pub const BUS_OFFER_DELAY_SECONDS: i64 = 120;
/// Slots by which a counter's first slot may lie ahead, at most.
pub const MAX_FIRST_SLOT_AHEAD: u64 = 1_024;
/// A counter's first number is its first slot, shifted left by this many bits.
pub const COUNTER_SLOT_SHIFT: u32 = 20;

/// Whether shares, in basis points, sum to the whole.
pub(crate) fn are_all_shares<'a>(shares: impl IntoIterator<Item = &'a u16>) -> bool {
    shares.into_iter().map(|share| u32::from(*share)).sum::<u32>() == ALL_BPS
}

/// Bytes of each kind of account, which decide its rent.
pub mod account_bytes {
    pub const CREATOR: u64 = 88;
    pub const BUS: u64 = 1_368;
    pub const TOMBSTONE: u64 = 192;
    pub const LEDGER: u64 = 1_368;
    pub const CAPACITY: u64 = 384;
    pub const SELLER: u64 = 360;
    pub const OFFER: u64 = 448;
    pub const LOCK: u64 = 248;
    pub const LANE: u64 = 1_048;
    pub const PROPOSAL: u64 = 384;
    pub const CLAIM: u64 = 184;
    pub const METER: u64 = 240;
    pub const DEVICE: u64 = 184;
    pub const BOOK: u64 = 8_184;
    pub const POSITION: u64 = 1_744;
    pub const CERTIFICATE: u64 = 240;
    pub const BID: u64 = 288;
    pub const CLEARING: u64 = 320;
    pub const TOKENS: u64 = 165;
}

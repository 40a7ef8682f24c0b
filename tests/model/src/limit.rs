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
/// Seconds of the longest timelock.
pub const MAX_TIMELOCK_SECONDS: u32 = 30 * 86_400;
/// Seconds that a delivery window may have.
pub const WINDOW_SECONDS: RangeInclusive<u32> = 60..=86_400;
/// Seconds by which trading may stop before its window, at most.
pub const MAX_GATE_CLOSURE_SECONDS: u32 = 86_400;
/// Seconds by which a window may be opened before it starts, at most.
pub const MAX_WINDOW_AHEAD_SECONDS: i64 = 366 * 86_400;
/// The highest number of an energy source.
pub const LAST_SOURCE: u8 = 5;
/// The highest number of a listing policy.
pub const LAST_LISTING_POLICY: u8 = 1;
/// How far an offer's number may be from the capacity's next one.
pub const OFFER_SEQ_WINDOW: u64 = 1_024;
/// Items of a batch, at most.
pub const MAX_BATCH_ITEMS: usize = 32;
/// Seconds for which a lock holds.
pub const LOCK_SECONDS: i64 = 300;
/// Slots by which a lane's first slot may lie ahead, at most.
pub const MAX_FIRST_SLOT_AHEAD: u64 = 1_024;
/// A lane's first nonce is its first slot, shifted left by this many bits.
pub const NONCE_SLOT_SHIFT: u32 = 20;

/// Whether shares, in basis points, sum to the whole.
pub(crate) fn are_all_shares<'a>(shares: impl IntoIterator<Item = &'a u16>) -> bool {
    shares.into_iter().map(|share| u32::from(*share)).sum::<u32>() == ALL_BPS
}

/// Whether windows are off, or have a length and a gate closure within their limits.
pub(crate) fn windows_fit(window_seconds: u32, gate_closure_seconds: u32) -> bool {
    (window_seconds, gate_closure_seconds) == (0, 0)
        || (WINDOW_SECONDS.contains(&window_seconds) && gate_closure_seconds <= MAX_GATE_CLOSURE_SECONDS)
}

/// Bytes of each kind of account, which decide its rent.
pub mod account_bytes {
    pub const BUS: u64 = 2_208;
    pub const CAPACITY: u64 = 328;
    pub const OFFER: u64 = 312;
    pub const LOCK: u64 = 184;
    pub const LANE: u64 = 1_048;
    pub const PROPOSAL: u64 = 272;
    pub const TOKENS: u64 = 165;
}

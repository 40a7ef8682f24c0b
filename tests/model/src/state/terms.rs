//! Terms of windows: their length, their gate, and when what is paid becomes the seller's.

use crate::limit::AUCTION_PROOF_SECONDS;

/// What is paid becomes the seller's as soon as it is paid, or once a meter has said what was delivered.
pub const ON_PURCHASE: u8 = 0;
pub const ON_DELIVERY: u8 = 1;

/// Terms of windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelTerms {
    /// First second for which they hold: 0 for the terms that a bus was created with.
    pub from: i64,
    /// 0 where there are no windows.
    pub window_seconds: u32,
    pub gate_closure_seconds: u32,
    pub settlement: u8,
    pub grid_fee_per_kwh: u64,
    pub reading_deadline_seconds: u32,
    pub correction_seconds: u32,
    /// Whether an auction closes each window.
    pub auction: bool,
}

impl ModelTerms {
    pub fn has_windows(&self) -> bool {
        self.window_seconds > 0
    }

    pub fn is_on_delivery(&self) -> bool {
        self.settlement == ON_DELIVERY
    }

    /// The first second in which a window no longer trades.
    pub fn gate(&self, window_start: i64) -> i64 {
        window_start.saturating_sub(self.gate_closure_seconds as i64)
    }

    /// Whether a window may begin then.
    pub fn aligns(&self, second: i64) -> bool {
        self.has_windows() && second >= 0 && second % self.window_seconds as i64 == 0
    }

    /// From when on the times for readings of a window run: from its end, but with an auction not before that is over, which
    /// it is a day after its gate at the latest.
    pub fn times_from(&self, window_start: i64) -> i64 {
        let end = window_start.saturating_add(self.window_seconds as i64);
        if self.auction { end.max(self.gate(window_start).saturating_add(AUCTION_PROOF_SECONDS)) } else { end }
    }

    /// First second in which every window that ends then, or before, has had its last reading.
    pub fn readings_end(&self, end: i64) -> i64 {
        self.times_from(end - self.window_seconds as i64)
            + self.reading_deadline_seconds as i64
            + self.correction_seconds as i64
    }

    /// Seconds of all windows of a delivery book together.
    pub fn book_seconds(&self) -> i64 {
        self.window_seconds as i64 * i64::from(crate::limit::BOOK_WINDOWS as u32)
    }

    /// The first window of the book that a window is in: books begin with the first window of the terms.
    pub fn first_window_of(&self, window_start: i64) -> i64 {
        window_start - (window_start - self.from) % self.book_seconds()
    }

    /// As accounts hold them.
    pub fn bytes(&self) -> [u8; 40] {
        let mut bytes = [0; 40];
        bytes[..8].copy_from_slice(&self.from.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.grid_fee_per_kwh.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.window_seconds.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.gate_closure_seconds.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.reading_deadline_seconds.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.correction_seconds.to_le_bytes());
        bytes[32] = self.settlement;
        bytes[33] = self.auction as u8;
        bytes
    }
}

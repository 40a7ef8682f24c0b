//! The terms of delivery windows: their length and gate closure, whether sellers are paid on purchase or on delivery,
//! and the grid fee. Terms hold from the start of a window on. New ones are decided more than one horizon ahead, so no
//! open window changes.

use {
    crate::{
        constants::*,
        error::{ensure, refuse},
        numbered::numbered_enum,
    },
    anchor_lang::prelude::*,
    bytemuck::{Pod, Zeroable},
};

numbered_enum! {
    /// When a seller gets what was paid for its energy.
    pub enum SettlementTime {
        /// As soon as it is paid.
        OnPurchase = 0,
        /// Once the window is final, for what was delivered. Buyers get back what they paid for the rest.
        OnDelivery = 1,
    }
}

/// Terms of windows as owners decide them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, AnchorSerialize, AnchorDeserialize)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
pub struct TermsConfig {
    /// Length of a delivery window in seconds; 0 means that the bus has no windows.
    pub window_seconds: u32,
    /// How long before a window's start trading in it stops, in seconds.
    pub gate_closure_seconds: u32,
    /// When sellers are paid: 0 on purchase, 1 on delivery.
    pub settlement: u8,
    /// Grid fee, which buyers pay on top of the price, in token base units per kWh, at most 2^32.
    pub grid_fee_per_kwh: u64,
    /// On delivery terms: how long after a window's end its first reading can come, in seconds, 1 hour to 30 days. Else
    /// 0.
    pub reading_deadline_seconds: u32,
    /// On delivery terms: how long after the first reading of a window another can correct it, in seconds, 1 hour to 30
    /// days. Else 0.
    pub correction_seconds: u32,
    /// Whether an auction closes each window: then gate closure and window together last at least 15 minutes.
    pub auction: bool,
}

/// Terms of windows as accounts and events hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
#[repr(C)]
pub struct Terms {
    /// Start of the first window that these terms hold for, in unix seconds; 0 for the terms that a bus was created
    /// with.
    pub from: i64,
    /// Grid fee, which buyers pay on top of the price, in token base units per kWh.
    pub grid_fee_per_kwh: u64,
    /// Length of a delivery window in seconds, 0 for none.
    pub window_seconds: u32,
    /// How long before a window's start trading in it stops, in seconds.
    pub gate_closure_seconds: u32,
    /// How long after a window's end its first reading can come, in seconds; 0 on purchase terms.
    pub reading_deadline_seconds: u32,
    /// How long after the first reading of a window another can correct it, in seconds; 0 on purchase terms.
    pub correction_seconds: u32,
    /// [`SettlementTime`].
    pub settlement: u8,
    /// 1 where an auction closes each window.
    pub auction: u8,
    pub reserved: [u8; 6],
}

const _: () = assert!(size_of::<Terms>() == 40);

impl Terms {
    /// Terms that hold from a window on. The caller checks them with [`validate`](Self::validate).
    pub fn new(config: &TermsConfig, from: i64) -> Self {
        let TermsConfig {
            window_seconds,
            gate_closure_seconds,
            settlement,
            grid_fee_per_kwh,
            reading_deadline_seconds,
            correction_seconds,
            auction,
        } = *config;
        Self {
            from,
            grid_fee_per_kwh,
            window_seconds,
            gate_closure_seconds,
            reading_deadline_seconds,
            correction_seconds,
            settlement,
            auction: auction as u8,
            reserved: [0; 6],
        }
    }

    /// The terms as they were decided on.
    pub fn config(&self) -> TermsConfig {
        TermsConfig {
            window_seconds: self.window_seconds,
            gate_closure_seconds: self.gate_closure_seconds,
            settlement: self.settlement,
            grid_fee_per_kwh: self.grid_fee_per_kwh,
            reading_deadline_seconds: self.reading_deadline_seconds,
            correction_seconds: self.correction_seconds,
            auction: self.has_auction(),
        }
    }

    /// Whether the bus has windows under them.
    #[inline(always)]
    pub fn has_windows(&self) -> bool {
        self.window_seconds != 0
    }

    /// Whether sellers are paid for what was delivered.
    #[inline(always)]
    pub fn is_on_delivery(&self) -> bool {
        self.settlement == SettlementTime::OnDelivery as u8
    }

    /// Whether an auction closes each window.
    #[inline(always)]
    pub fn has_auction(&self) -> bool {
        self.auction != 0
    }

    /// When the times for readings start to run, in seconds after the window's start: at its end, with an auction not
    /// before the latest second in which that can end.
    #[inline(always)]
    pub fn readings_after(&self) -> i64 {
        let length = self.window_seconds as i64;
        if self.has_auction() { length.max(AUCTION_PROOF_SECONDS - self.gate_closure_seconds as i64) } else { length }
    }

    /// First second in which a window no longer trades, in unix seconds.
    #[inline(always)]
    pub fn gate_closes_at(&self, window_start: i64) -> i64 {
        window_start.saturating_sub(self.gate_closure_seconds as i64)
    }

    /// Whether a window can start at this time. The terms must have windows.
    #[inline(always)]
    pub fn aligns(&self, window_start: i64) -> bool {
        // Unsigned, because the SBF target has no signed division.
        window_start >= 0 && window_start.cast_unsigned().is_multiple_of(self.window_seconds as u64)
    }

    /// Refuses terms outside their limits. Payment on delivery needs windows, and an operator who reports in place of a
    /// meter that is silent.
    #[inline(never)]
    pub fn validate(&self, horizon_seconds: u32, has_operator: bool) -> Result<()> {
        Self::validate_windows(self.window_seconds, self.gate_closure_seconds, horizon_seconds)?;
        ensure!(
            self.grid_fee_per_kwh <= MAX_GRID_FEE_PER_KWH,
            GridFeeTooHigh,
            "grid fee {}, highest {}",
            self.grid_fee_per_kwh,
            MAX_GRID_FEE_PER_KWH
        );
        if self.has_auction() {
            ensure!(self.has_windows(), AuctionWithoutWindows);
            let least = self.gate_closure_seconds + self.window_seconds;
            ensure!(least >= MIN_AUCTION_SECONDS, AuctionTooShort, "{} s, at least {} s", least, MIN_AUCTION_SECONDS);
        }
        let (deadline, correction) = (self.reading_deadline_seconds, self.correction_seconds);
        match SettlementTime::try_from(self.settlement) {
            Ok(SettlementTime::OnPurchase) => ensure!(
                deadline == 0 && correction == 0,
                ReadingTimesInvalid,
                "reading deadline {} s, correction time {} s",
                deadline,
                correction
            ),
            Ok(SettlementTime::OnDelivery) => {
                ensure!(self.has_windows(), DeliveryWithoutWindows);
                ensure!(has_operator, OperatorNeeded);
                let range = MIN_READING_SECONDS..=MAX_READING_SECONDS;
                ensure!(
                    range.contains(&deadline) && range.contains(&correction),
                    ReadingTimesInvalid,
                    "reading deadline {} s, correction time {} s",
                    deadline,
                    correction
                );
            }
            Err(unknown) => refuse!(SettlementUnknown, "settlement {}", unknown),
        }
        Ok(())
    }

    /// Refuses a window length and a gate closure outside their limits, or together not shorter than the horizon. Both
    /// 0 means no windows.
    fn validate_windows(window_seconds: u32, gate_closure_seconds: u32, horizon_seconds: u32) -> Result<()> {
        let off = window_seconds == 0 && gate_closure_seconds == 0;
        let on = (MIN_WINDOW_SECONDS..=MAX_WINDOW_SECONDS).contains(&window_seconds)
            && gate_closure_seconds <= MAX_GATE_CLOSURE_SECONDS;
        ensure!(off || on, WindowsInvalid, "window {} s, gate closure {} s", window_seconds, gate_closure_seconds);
        // Cannot overflow: neither exceeds a day.
        let ahead = window_seconds + gate_closure_seconds;
        ensure!(ahead < horizon_seconds, HorizonTooShort, "{} s are needed, horizon {} s", ahead, horizon_seconds);
        Ok(())
    }

    /// Checks what always holds of terms.
    pub fn check_invariants(&self, horizon_seconds: u32) -> core::result::Result<(), &'static str> {
        // The invariants of the bus check whether it has an operator.
        if self.validate(horizon_seconds, true).is_err() {
            return Err("terms are within their limits");
        }
        if self.auction > 1 {
            return Err("flags are 0 or 1");
        }
        if self.from < 0 || self.reserved != [0; 6] {
            return Err("terms start at a time, and their reserved bytes are zero");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::{error::MultibusError, state::fixture::Change},
    };

    const HORIZON: u32 = 86_400;

    fn on_delivery() -> TermsConfig {
        TermsConfig {
            window_seconds: 900,
            gate_closure_seconds: 60,
            settlement: 1,
            grid_fee_per_kwh: 7,
            reading_deadline_seconds: 3_600,
            correction_seconds: 3_600,
            auction: false,
        }
    }

    #[test]
    fn terms_are_what_was_decided() {
        let terms = Terms::new(&on_delivery(), 1_800);
        assert_eq!((terms.config(), terms.from), (on_delivery(), 1_800));
        assert!(terms.has_windows() && terms.is_on_delivery());
        assert_eq!((terms.gate_closes_at(1_800), terms.gate_closes_at(i64::MIN)), (1_740, i64::MIN));
        assert!(terms.aligns(0) && terms.aligns(1_800) && !terms.aligns(1_801) && !terms.aligns(-900));
        assert_eq!(terms.check_invariants(HORIZON), Ok(()));
        assert_eq!((terms.has_auction(), terms.readings_after()), (false, 900));
        let auction = Terms::new(&TermsConfig { auction: true, ..on_delivery() }, 1_800);
        assert_eq!((auction.has_auction(), auction.readings_after()), (true, 86_400 - 60));
        let daily = Terms { window_seconds: 86_400, ..auction };
        assert_eq!((daily.readings_after(), auction.config().auction), (86_400, true));
        assert_eq!(Terms { auction: 2, ..auction }.check_invariants(HORIZON), Err("flags are 0 or 1"));
        for broken in [Terms { reserved: [1; 6], ..terms }, Terms { from: -1, ..terms }] {
            let expected = Err("terms start at a time, and their reserved bytes are zero");
            assert_eq!(broken.check_invariants(HORIZON), expected);
        }
        let broken = Terms { window_seconds: 1, ..terms };
        assert_eq!(broken.check_invariants(HORIZON), Err("terms are within their limits"));
        let none = Terms::new(&TermsConfig::default(), 0);
        assert!(!none.has_windows() && !none.is_on_delivery());
        assert_eq!(none.check_invariants(HORIZON), Ok(()));
    }

    #[test]
    fn terms_are_refused_just_beyond_each_limit() {
        use MultibusError::*;
        let validate = |change: Change<TermsConfig>| {
            let mut config = on_delivery();
            change(&mut config);
            Terms::new(&config, 0).validate(HORIZON, true)
        };
        let refused: &[(MultibusError, Change<TermsConfig>)] = &[
            (WindowsInvalid, |config| config.window_seconds = MIN_WINDOW_SECONDS - 1),
            (WindowsInvalid, |config| config.window_seconds = MAX_WINDOW_SECONDS + 1),
            (WindowsInvalid, |config| config.gate_closure_seconds = MAX_GATE_CLOSURE_SECONDS + 1),
            (WindowsInvalid, |config| config.window_seconds = 0),
            (HorizonTooShort, |config| (config.window_seconds, config.gate_closure_seconds) = (60, HORIZON - 60)),
            (GridFeeTooHigh, |config| config.grid_fee_per_kwh = MAX_GRID_FEE_PER_KWH + 1),
            (SettlementUnknown, |config| config.settlement = 2),
            (DeliveryWithoutWindows, |config| (config.window_seconds, config.gate_closure_seconds) = (0, 0)),
            (AuctionWithoutWindows, |config| {
                *config = TermsConfig { auction: true, ..TermsConfig::default() };
            }),
            (AuctionTooShort, |config| {
                (config.auction, config.window_seconds, config.gate_closure_seconds) = (true, 600, 299);
            }),
            (ReadingTimesInvalid, |config| config.reading_deadline_seconds = MIN_READING_SECONDS - 1),
            (ReadingTimesInvalid, |config| config.reading_deadline_seconds = MAX_READING_SECONDS + 1),
            (ReadingTimesInvalid, |config| config.correction_seconds = MIN_READING_SECONDS - 1),
            (ReadingTimesInvalid, |config| config.correction_seconds = MAX_READING_SECONDS + 1),
            (ReadingTimesInvalid, |config| (config.settlement, config.correction_seconds) = (0, 0)),
            (ReadingTimesInvalid, |config| (config.settlement, config.reading_deadline_seconds) = (0, 0)),
        ];
        for (index, (error, change)) in refused.iter().enumerate() {
            assert_eq!(validate(*change), Err((*error).into()), "{index}: {error:?}");
        }
        let taken: &[Change<TermsConfig>] = &[
            |_| (),
            |config| (config.window_seconds, config.gate_closure_seconds) = (60, HORIZON - 61),
            |config| config.window_seconds = MIN_WINDOW_SECONDS,
            |config| config.grid_fee_per_kwh = MAX_GRID_FEE_PER_KWH,
            |config| (config.reading_deadline_seconds, config.correction_seconds) = (2_592_000, 2_592_000),
            |config| (config.auction, config.window_seconds, config.gate_closure_seconds) = (true, 600, 300),
            |config| *config = TermsConfig { window_seconds: 900, ..TermsConfig::default() },
            |config| *config = TermsConfig { grid_fee_per_kwh: 7, ..TermsConfig::default() },
        ];
        for (index, change) in taken.iter().enumerate() {
            assert_eq!(validate(*change), Ok(()), "{index}");
        }
        let without = Terms::new(&on_delivery(), 0).validate(HORIZON, false);
        assert_eq!(without, Err(OperatorNeeded.into()));
        assert_eq!(Terms::new(&TermsConfig::default(), 0).validate(HORIZON, false), Ok(()));
    }
}

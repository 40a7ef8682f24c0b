//! A lock: part of an offer held for one buyer, at the price of the moment, against a deposit of the full cost.

use {
    crate::{
        constants::*,
        error::ensure,
        math,
        state::{Bus, Fill},
    },
    anchor_lang::prelude::*,
};

/// Energy held for a buyer. PDA `["lock", offer, buyer]`.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Lock {
    pub layout_version: u8,
    pub bump: u8,
    /// The bus's lock fee when the lock was taken, in basis points: owners who raise it later raise it for later locks.
    pub lock_fee_bps: u16,
    pub padding: [u8; 4],
    /// Energy held, in Wh.
    pub energy_wh: u64,
    /// Price when the lock was taken, in token base units per kWh.
    pub price_per_kwh: u64,
    /// The full cost, held in escrow, in token base units.
    pub deposit: u64,
    /// When the lock was taken, in unix seconds.
    pub taken_at: i64,
    /// Last second in which it settles: exactly 300 s after it was taken.
    pub expires_at: i64,
    pub bus: Address,
    pub offer: Address,
    /// Who may settle it; the deposit and the rent go back to this wallet.
    pub buyer: Address,
    pub reserved: [u8; 32],
}

const _: () = assert!(size_of::<Lock>() == 176);

/// How a released deposit is divided, in token base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Back to the buyer.
    pub refund: u64,
    /// The bus's lock fee, to the seller.
    pub fee: u64,
}

impl Lock {
    /// Expiry of a lock that is taken now.
    #[inline(always)]
    pub const fn expiry(now: i64) -> i64 {
        now.saturating_add(LOCK_SECONDS)
    }

    /// Sets a new lock up.
    #[inline(always)]
    pub fn initialize(
        &mut self,
        bus: &Address,
        offer: &Address,
        buyer: &Address,
        fill: Fill,
        lock_fee_bps: u16,
        now: i64,
    ) {
        self.layout_version = LAYOUT_VERSION;
        self.lock_fee_bps = lock_fee_bps;
        self.energy_wh = fill.energy_wh;
        self.price_per_kwh = fill.price_per_kwh;
        self.deposit = fill.cost;
        self.taken_at = now;
        self.expires_at = Self::expiry(now);
        self.bus = *bus;
        self.offer = *offer;
        self.buyer = *buyer;
    }

    /// Whether the last settling second has passed.
    #[inline(always)]
    pub fn is_expired(&self, now: i64) -> bool {
        now > self.expires_at
    }

    /// A lock settles up to and including its expiry second.
    #[inline(always)]
    pub fn validate_settle(&self, now: i64) -> Result<()> {
        ensure!(!self.is_expired(now), LockExpired, "expired at {}, now {}", self.expires_at, now);
        Ok(())
    }

    /// The buyer releases at any time, anyone after the expiry second.
    #[inline(always)]
    pub fn validate_release(&self, caller_is_buyer: bool, now: i64) -> Result<()> {
        ensure!(caller_is_buyer || self.is_expired(now), LockNotExpired, "expires at {}, now {}", self.expires_at, now);
        Ok(())
    }

    /// Divides the deposit of a lock that is not settled. Nothing is charged where the bus is paused or was at any time
    /// since the lock was taken, since its buyer could not settle then, nor where the seller's account cannot take the
    /// fee.
    #[inline(always)]
    pub fn divide_deposit(&self, bus: &Bus, payout_is_payable: bool) -> Refund {
        let ran_throughout = bus.paused == 0 && bus.resumed_at < self.taken_at;
        let fee = if ran_throughout && payout_is_payable { math::share_of(self.deposit, self.lock_fee_bps) } else { 0 };
        Refund { refund: self.deposit - fee, fee }
    }

    /// What always holds of a lock.
    pub fn check_invariants(&self) -> core::result::Result<(), &'static str> {
        let Self {
            layout_version,
            bump: _,
            lock_fee_bps,
            padding,
            energy_wh,
            price_per_kwh,
            deposit,
            taken_at,
            expires_at,
            bus: _,
            offer: _,
            buyer: _,
            reserved,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        invariant(*energy_wh > 0, "a lock holds energy")?;
        invariant(math::cost(*energy_wh, *price_per_kwh) == Some(*deposit), "the deposit is the full cost")?;
        invariant(*lock_fee_bps <= MAX_LOCK_FEE_BPS, "the lock fee is within its limit")?;
        invariant(*expires_at == Self::expiry(*taken_at), "a lock lasts 300 s")?;
        invariant(*padding == [0; 4] && *reserved == [0; 32], "reserved bytes are zero")
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::error::MultibusError,
        crate::state::fixture::{assert_noticed, wallet},
        bytemuck::Zeroable,
    };

    fn lock(deposit: u64) -> Lock {
        let mut lock = Lock::zeroed();
        let fill = Fill { energy_wh: 1_000, price_per_kwh: deposit, cost: deposit };
        lock.initialize(&Address::default(), &Address::default(), &Address::default(), fill, 250, 1_000);
        lock
    }

    #[test]
    fn a_lock_settles_at_299_and_300_but_not_at_301_seconds() {
        let lock = lock(5);
        assert!(lock.validate_settle(1_299).is_ok());
        assert!(lock.validate_settle(1_300).is_ok());
        assert_eq!(lock.validate_settle(1_301), Err(MultibusError::LockExpired.into()));
        assert_eq!((Lock::expiry(i64::MAX - 301), Lock::expiry(i64::MAX)), (i64::MAX - 1, i64::MAX));
    }

    #[test]
    fn a_stranger_releases_at_301_but_not_at_299_or_300_seconds() {
        let lock = lock(5);
        for now in [1_000, 1_299, 1_300] {
            assert_eq!(lock.validate_release(false, now), Err(MultibusError::LockNotExpired.into()));
            assert!(lock.validate_release(true, now).is_ok());
        }
        assert!(lock.validate_release(false, 1_301).is_ok());
        assert!(lock.validate_release(true, 1_301).is_ok());
    }

    #[test]
    fn the_fee_is_rounded_for_the_buyer_and_waived_where_the_bus_was_paused() {
        // What owners charge by now is nothing to a lock that was taken before.
        let mut bus = Bus { lock_fee_bps: 500, ..Bus::zeroed() };
        assert_eq!(lock(10_039).divide_deposit(&bus, true), Refund { refund: 9_789, fee: 250 });
        assert_eq!(lock(39).divide_deposit(&bus, true), Refund { refund: 39, fee: 0 });
        assert_eq!(lock(10_039).divide_deposit(&bus, false), Refund { refund: 10_039, fee: 0 });
        bus.paused = 1;
        assert_eq!(lock(10_039).divide_deposit(&bus, true), Refund { refund: 10_039, fee: 0 });
        bus.paused = 0;
        for (resumed_at, fee) in [(999, 250), (1_000, 0), (1_001, 0)] {
            bus.resumed_at = resumed_at;
            assert_eq!(lock(10_039).divide_deposit(&bus, true), Refund { refund: 10_039 - fee, fee });
        }
    }

    #[test]
    fn a_lock_is_what_was_filled() {
        let mut lock = Lock::zeroed();
        let fill = Fill { energy_wh: 1_500, price_per_kwh: 7, cost: 11 };
        lock.initialize(&wallet(1), &wallet(2), &wallet(3), fill, 250, 1_000);
        assert_eq!((lock.layout_version, lock.lock_fee_bps), (LAYOUT_VERSION, 250));
        assert_eq!((lock.energy_wh, lock.price_per_kwh, lock.deposit), (1_500, 7, 11));
        assert_eq!((lock.taken_at, lock.expires_at), (1_000, 1_300));
        assert_eq!((lock.bus, lock.offer, lock.buyer), (wallet(1), wallet(2), wallet(3)));
        assert_eq!(lock.check_invariants(), Ok(()));
    }

    #[test]
    fn every_invariant_notices_what_breaks_it() {
        let sound = Lock { lock_fee_bps: MAX_LOCK_FEE_BPS, ..lock(5) };
        assert_eq!(sound.check_invariants(), Ok(()));
        assert_eq!(Lock { energy_wh: 1, price_per_kwh: 5_000, ..sound }.check_invariants(), Ok(()));
        assert_noticed(
            &sound,
            Lock::check_invariants,
            &[
                ("the layout version is the present one", |lock| lock.layout_version = 2),
                ("a lock holds energy", |lock| lock.energy_wh = 0),
                ("the deposit is the full cost", |lock| lock.deposit += 1),
                ("the lock fee is within its limit", |lock| lock.lock_fee_bps = MAX_LOCK_FEE_BPS + 1),
                ("a lock lasts 300 s", |lock| lock.expires_at += 1),
                ("reserved bytes are zero", |lock| lock.padding[3] = 1),
                ("reserved bytes are zero", |lock| lock.reserved[31] = 1),
            ],
        );
    }
}

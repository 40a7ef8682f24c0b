//! A lock: part of an offer that is held for one buyer at a fixed price, against a deposit of the full cost.

use {
    crate::{
        constants::*,
        error::{ensure, refuse},
        math,
        numbered::numbered_enum,
        state::Fill,
    },
    anchor_lang::prelude::*,
};

numbered_enum! {
    /// State of a lock.
    pub enum LockState {
        /// It holds energy.
        Held = 0,
        /// It was released and holds no energy, but its refund could not leave the vault yet.
        Unpaid = 1,
    }
}

numbered_enum! {
    /// What became of a payment that the bus owed: a refund, a seller's or an owner's revenue, or grid fees.
    pub enum RefundOutcome {
        /// The token account was paid.
        Paid = 0,
        /// The token account could not be paid. The tokens are in the unclaimed account, and the wallet has a claim.
        Claimed = 1,
        /// The tokens could not be moved, because the account that pays or the unclaimed account is frozen. Only a
        /// lock's release succeeds then: the lock stays open until the refund can be paid.
        Unpaid = 2,
    }
}

/// Energy held for a buyer. PDA `["lock", offer, buyer, place]`.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Lock {
    pub layout_version: u8,
    pub bump: u8,
    /// Place of the lock among its buyer's on its offer, 0 to 7.
    pub place: u8,
    /// [`LockState`].
    pub state: u8,
    /// Number of this lock among all that were taken on its offer, from 1. A settlement and a release name it.
    pub number: u32,
    /// The bus's lock fee when the lock was taken, in basis points of the deposit. Later changes do not concern it.
    pub lock_fee_bps: u16,
    pub padding: [u8; 6],
    /// Energy held, in Wh; 0 once it is released.
    pub energy_wh: u64,
    /// Price when the lock was taken, grid fee included, in token base units per kWh.
    pub price_per_kwh: u64,
    /// What the vault holds for it, in token base units: the full cost, or the refund once it is released.
    pub deposit: u64,
    /// When the lock was taken, in unix seconds.
    pub taken_at: i64,
    /// Last second in which it settles: exactly 300 s after it was taken.
    pub expires_at: i64,
    pub bus: Address,
    pub offer: Address,
    /// Who may settle it. The rent goes back to this wallet.
    pub buyer: Address,
    /// Token account that the deposit goes back to.
    pub refund: Address,
    /// The grid fee in the price, in token base units per kWh.
    pub grid_fee_per_kwh: u64,
    pub reserved: [u64; 6],
}

const _: () = assert!(size_of::<Lock>() == 240);

/// The accounts of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockParties<'a> {
    pub bus: &'a Address,
    pub offer: &'a Address,
    pub buyer: &'a Address,
    pub refund: &'a Address,
}

/// The two numbers of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockNumber {
    /// Among the locks that its buyer has on its offer: 0 to 7.
    pub place: u8,
    /// Among all that were taken on its offer, from 1.
    pub of_offer: u32,
}

/// What a lock gives back that ends without being settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// Energy that is free again, in Wh; 0 where the lock was released before.
    pub energy_wh: u64,
    /// Refund of the buyer, in token base units.
    pub refund: u64,
    /// Lock fee, which the seller gets, in token base units; 0 where the lock was released before.
    pub fee: u64,
}

impl Lock {
    /// Expiry of a lock that is taken now.
    #[inline(always)]
    pub const fn expiry(now: i64) -> i64 {
        now.saturating_add(LOCK_SECONDS)
    }

    /// Refuses a place other than 0 to 7.
    pub fn validate_place(place: u8) -> Result<()> {
        ensure!(place < MAX_LOCKS, LockPlaceInvalid, "place {}", place);
        Ok(())
    }

    /// Initialises a new lock.
    #[inline(always)]
    pub fn initialize(&mut self, parties: LockParties, number: LockNumber, fill: Fill, lock_fee_bps: u16, now: i64) {
        self.layout_version = LAYOUT_VERSION;
        self.place = number.place;
        self.number = number.of_offer;
        self.lock_fee_bps = lock_fee_bps;
        self.energy_wh = fill.energy_wh;
        self.price_per_kwh = fill.price_per_kwh;
        self.grid_fee_per_kwh = fill.grid_fee_per_kwh;
        self.deposit = fill.cost;
        self.taken_at = now;
        self.expires_at = Self::expiry(now);
        self.bus = *parties.bus;
        self.offer = *parties.offer;
        self.buyer = *parties.buyer;
        self.refund = *parties.refund;
    }

    /// Whether the last second in which it settles has passed.
    #[inline(always)]
    pub fn is_expired(&self, now: i64) -> bool {
        now > self.expires_at
    }

    /// Refuses a wrong number: what was signed for an earlier lock at the same address must not end a later one.
    #[inline(always)]
    fn validate_number(&self, number: u32) -> Result<()> {
        ensure!(number == self.number, LockChanged, "lock {}, not {}", self.number, number);
        Ok(())
    }

    /// Refuses to settle another lock than was named, one that was released, or one whose expiry second has passed.
    #[inline(always)]
    pub fn validate_settle(&self, number: u32, now: i64) -> Result<()> {
        self.validate_number(number)?;
        ensure!(self.state == LockState::Held as u8, LockReleased);
        ensure!(!self.is_expired(now), LockExpired, "expired at {}, now {}", self.expires_at, now);
        Ok(())
    }

    /// Ends the lock without settling it, and divides its deposit. The buyer can do it at any time, anyone after the
    /// expiry second. For a lock that was released before, anyone can do it: then only the refund is left to pay.
    #[inline(always)]
    pub fn release(&mut self, number: u32, caller_is_buyer: bool, now: i64) -> Result<Release> {
        self.validate_number(number)?;
        if self.state == LockState::Unpaid as u8 {
            return Ok(Release { energy_wh: 0, refund: self.deposit, fee: 0 });
        }
        if !caller_is_buyer && !self.is_expired(now) {
            refuse!(LockNotExpired, "expires at {}, now {}", self.expires_at, now);
        }
        let fee = math::share_of(self.deposit, self.lock_fee_bps);
        let release = Release { energy_wh: self.energy_wh, refund: self.deposit - fee, fee };
        self.state = LockState::Unpaid as u8;
        self.energy_wh = 0;
        self.deposit = release.refund;
        Ok(release)
    }

    /// Checks what always holds of a lock.
    pub fn check_invariants(&self) -> core::result::Result<(), &'static str> {
        let Self {
            layout_version,
            bump: _,
            place,
            state,
            number,
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
            refund: _,
            grid_fee_per_kwh,
            reserved,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        invariant(*place < MAX_LOCKS, "a buyer has 8 places")?;
        invariant(*state <= LockState::Unpaid as u8, "the state is known")?;
        let held = *state == LockState::Held as u8;
        invariant(held == (*energy_wh > 0), "a lock holds energy until it is released")?;
        invariant(!held || math::cost(*energy_wh, *price_per_kwh) == Some(*deposit), "the deposit is the full cost")?;
        invariant(*deposit > 0, "the deposit is above zero")?;
        invariant(*lock_fee_bps <= MAX_LOCK_FEE_BPS, "the lock fee is within its limit")?;
        invariant(*expires_at == Self::expiry(*taken_at), "a lock lasts 300 s")?;
        invariant(*number > 0, "an offer's locks are numbered from 1")?;
        invariant(!held || grid_fee_per_kwh < price_per_kwh, "the price is above the grid fee in it")?;
        invariant(*padding == [0; 6] && *reserved == [0; 6], "reserved bytes are zero")
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

    const PARTIES: LockParties = LockParties {
        bus: &Address::new_from_array([1; 32]),
        offer: &Address::new_from_array([2; 32]),
        buyer: &Address::new_from_array([3; 32]),
        refund: &Address::new_from_array([4; 32]),
    };

    fn lock(deposit: u64) -> Lock {
        let mut lock = Lock::zeroed();
        let fill = Fill { energy_wh: 1_000, price_per_kwh: deposit, grid_fee_per_kwh: 2, cost: deposit };
        lock.initialize(PARTIES, LockNumber { place: 7, of_offer: 4 }, fill, 250, 1_000);
        lock
    }

    #[test]
    fn a_buyer_has_eight_places() {
        assert_eq!(Lock::validate_place(0), Ok(()));
        assert_eq!(Lock::validate_place(7), Ok(()));
        assert_eq!(Lock::validate_place(8), Err(MultibusError::LockPlaceInvalid.into()));
    }

    #[test]
    fn a_lock_settles_at_299_and_300_but_not_at_301_seconds() {
        let lock = lock(5);
        assert!(lock.validate_settle(4, 1_299).is_ok());
        assert!(lock.validate_settle(4, 1_300).is_ok());
        assert_eq!(lock.validate_settle(4, 1_301), Err(MultibusError::LockExpired.into()));
        assert_eq!((Lock::expiry(i64::MAX - 301), Lock::expiry(i64::MAX)), (i64::MAX - 1, i64::MAX));
    }

    #[test]
    fn only_the_lock_that_is_named_ends_and_settles_only_once() {
        let mut lock = lock(5_000);
        for other in [3, 5] {
            assert_eq!(lock.validate_settle(other, 1_100), Err(MultibusError::LockChanged.into()));
            let before = lock;
            assert_eq!(lock.release(other, true, 1_100), Err(MultibusError::LockChanged.into()));
            assert_eq!(lock, before);
        }
        lock.release(4, true, 1_100).unwrap();
        assert_eq!(lock.validate_settle(4, 1_100), Err(MultibusError::LockReleased.into()));
    }

    #[test]
    fn a_stranger_releases_at_301_but_not_at_299_or_300_seconds() {
        for now in [1_000, 1_299, 1_300] {
            let mut lock = lock(5_000);
            let before = lock;
            assert_eq!(lock.release(4, false, now), Err(MultibusError::LockNotExpired.into()));
            assert_eq!(lock, before);
            assert!(lock.release(4, true, now).is_ok());
        }
        assert!(lock(5_000).release(4, false, 1_301).is_ok());
        assert!(lock(5_000).release(4, true, 1_301).is_ok());
    }

    #[test]
    fn the_fee_is_that_of_the_moment_and_rounded_for_the_buyer() {
        let released = |deposit| lock(deposit).release(4, true, 1_000).unwrap();
        assert_eq!(released(10_039), Release { energy_wh: 1_000, refund: 9_789, fee: 250 });
        assert_eq!(released(39), Release { energy_wh: 1_000, refund: 39, fee: 0 });
    }

    #[test]
    fn what_could_not_be_paid_is_owed_to_the_unit_and_pays_no_second_fee() {
        let mut lock = lock(10_039);
        lock.release(4, true, 1_100).unwrap();
        assert_eq!((lock.state, lock.energy_wh, lock.deposit), (LockState::Unpaid as u8, 0, 9_789));
        assert_eq!(lock.check_invariants(), Ok(()));
        // Anyone can, at any time.
        let again = Release { energy_wh: 0, refund: 9_789, fee: 0 };
        assert_eq!(lock.release(4, false, 1_101), Ok(again));
        assert_eq!(lock.release(4, true, 9_999), Ok(again));
    }

    #[test]
    fn a_lock_is_what_was_filled() {
        let mut lock = Lock::zeroed();
        let fill = Fill { energy_wh: 1_500, price_per_kwh: 7, grid_fee_per_kwh: 2, cost: 11 };
        lock.initialize(PARTIES, LockNumber { place: 3, of_offer: 4 }, fill, 250, 1_000);
        assert_eq!((lock.layout_version, lock.lock_fee_bps, lock.place, lock.number), (LAYOUT_VERSION, 250, 3, 4));
        assert_eq!((lock.energy_wh, lock.price_per_kwh, lock.deposit, lock.grid_fee_per_kwh), (1_500, 7, 11, 2));
        assert_eq!((lock.taken_at, lock.expires_at, lock.state), (1_000, 1_300, LockState::Held as u8));
        assert_eq!((lock.bus, lock.offer, lock.buyer, lock.refund), (wallet(1), wallet(2), wallet(3), wallet(4)));
        assert_eq!(lock.check_invariants(), Ok(()));
    }

    #[test]
    fn every_invariant_notices_what_breaks_it() {
        let sound = Lock { lock_fee_bps: MAX_LOCK_FEE_BPS, ..lock(5) };
        assert_eq!(sound.check_invariants(), Ok(()));
        assert_eq!(Lock { energy_wh: 1, price_per_kwh: 5_000, ..sound }.check_invariants(), Ok(()));
        assert_eq!(
            Lock { number: 1, price_per_kwh: 1, grid_fee_per_kwh: 0, deposit: 1, ..sound }.check_invariants(),
            Ok(())
        );
        assert_noticed(
            &sound,
            Lock::check_invariants,
            &[
                ("the layout version is the present one", |lock| lock.layout_version = 1),
                ("a buyer has 8 places", |lock| lock.place = 8),
                ("the state is known", |lock| lock.state = 2),
                ("a lock holds energy until it is released", |lock| lock.energy_wh = 0),
                ("a lock holds energy until it is released", |lock| lock.state = 1),
                ("the deposit is the full cost", |lock| lock.deposit += 1),
                ("the deposit is above zero", |lock| (lock.price_per_kwh, lock.deposit) = (0, 0)),
                ("the deposit is above zero", |lock| (lock.state, lock.energy_wh, lock.deposit) = (1, 0, 0)),
                ("the lock fee is within its limit", |lock| lock.lock_fee_bps = MAX_LOCK_FEE_BPS + 1),
                ("an offer's locks are numbered from 1", |lock| lock.number = 0),
                ("a lock lasts 300 s", |lock| lock.expires_at += 1),
                ("the price is above the grid fee in it", |lock| lock.grid_fee_per_kwh = 5),
                ("reserved bytes are zero", |lock| lock.padding[5] = 1),
                ("reserved bytes are zero", |lock| lock.reserved[5] = 1),
            ],
        );
    }
}

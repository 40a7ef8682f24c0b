//! An offer: energy that a seller has put up at a price per kWh.

use {
    crate::{
        constants::*,
        error::{ensure, refuse},
        math,
        numbered::numbered_enum,
        state::{Bus, Capacity, Fill},
    },
    anchor_lang::{address_eq, prelude::*},
};

numbered_enum! {
    /// Where the energy of an offer comes from.
    pub enum EnergySource {
        Unspecified = 0,
        Solar = 1,
        Wind = 2,
        Hydro = 3,
        Biomass = 4,
        Storage = 5,
    }
}

/// What a buyer accepts: guards against a price that moved between quote and purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceGuard {
    /// Highest price, in token base units per kWh.
    pub max_price_per_kwh: u64,
    /// Version of the offer that was quoted; 0 accepts any.
    pub expected_version: u32,
}

/// What a seller asks for when it lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferTerms {
    /// Energy, in Wh.
    pub energy_wh: u64,
    /// Price, in token base units per kWh.
    pub price_per_kwh: u64,
    /// Last second in which the offer trades, in unix seconds; 0 for no expiry.
    pub expires_at: i64,
    /// One of [`EnergySource`].
    pub source: u8,
}

impl OfferTerms {
    /// Whether these terms can be listed in a capacity of the bus now.
    #[inline(always)]
    pub fn validate(&self, bus: &Bus, capacity: &Capacity, now: i64) -> Result<()> {
        bus.validate_running()?;
        ensure!(self.energy_wh > 0, EnergyZero);
        bus.validate_price(self.price_per_kwh)?;
        Offer::validate_source(self.source)?;
        Offer::validate_expiry(self.expires_at, now)?;
        let windowed = capacity.window_start != 0;
        ensure!(windowed || bus.window_seconds == 0, WindowsOn);
        ensure!(!windowed || bus.window_seconds != 0, WindowsOff);
        bus.validate_gate(capacity.window_start, now)
    }
}

/// Energy on offer. PDA `["offer", capacity, offer_seq]`.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Offer {
    pub layout_version: u8,
    pub bump: u8,
    /// One of [`EnergySource`].
    pub source: u8,
    /// 1 where the offer is the bus's own and is paid into the treasury.
    pub owned_by_bus: u8,
    /// 1 once its seller (or anyone, after it stopped trading) has withdrawn what was free.
    pub cancelled: u8,
    pub padding: [u8; 3],
    /// Grows by one with every reprice; the first is 1.
    pub version: u32,
    /// Locks that are open on this offer.
    pub open_locks: u32,
    /// Number of this offer in its capacity.
    pub offer_seq: u64,
    /// Price, in token base units per kWh.
    pub price_per_kwh: u64,
    /// Energy as listed (less what was withdrawn), in Wh.
    pub listed_wh: u64,
    /// Energy not sold yet, in Wh: `reserved_wh <= remaining_wh <= listed_wh`.
    pub remaining_wh: u64,
    /// Energy under locks, in Wh.
    pub reserved_wh: u64,
    /// Start of the delivery window in unix seconds, 0 where the bus has none.
    pub window_start: i64,
    /// When the offer was created, in unix seconds.
    pub created_at: i64,
    /// Last second in which the offer trades, in unix seconds; 0 for no expiry.
    pub expires_at: i64,
    pub bus: Address,
    pub capacity: Address,
    /// Who may reprice, extend and cancel.
    pub seller: Address,
    /// Token account that is paid.
    pub payout: Address,
    /// Who paid the rent and gets it back.
    pub rent_payer: Address,
    pub reserved: [u8; 64],
}

const _: () = assert!(size_of::<Offer>() == 304);

impl Offer {
    /// Sets a new offer up: all but the addresses of who sells it and what is paid.
    #[inline(always)]
    pub fn initialize(&mut self, capacity: &Capacity, offer_seq: u64, terms: OfferTerms, now: i64) {
        self.layout_version = LAYOUT_VERSION;
        self.source = terms.source;
        self.version = 1;
        self.offer_seq = offer_seq;
        self.price_per_kwh = terms.price_per_kwh;
        self.listed_wh = terms.energy_wh;
        self.remaining_wh = terms.energy_wh;
        self.window_start = capacity.window_start;
        self.created_at = now;
        self.expires_at = terms.expires_at;
        self.bus = capacity.bus;
    }

    /// The source is one of [`EnergySource`].
    pub fn validate_source(source: u8) -> Result<()> {
        ensure!((source as usize) < EnergySource::ALL.len(), SourceUnknown, "source {}", source);
        Ok(())
    }

    /// An expiry is in the future, or 0 for none.
    #[inline(always)]
    pub fn validate_expiry(expires_at: i64, now: i64) -> Result<()> {
        ensure!(expires_at == 0 || expires_at > now, ExpiryInPast, "expiry {}, now {}", expires_at, now);
        Ok(())
    }

    /// Energy that can be bought or locked, in Wh.
    #[inline(always)]
    pub fn free_wh(&self) -> u64 {
        self.remaining_wh - self.reserved_wh
    }

    /// Whether the last trading second has passed.
    #[inline(always)]
    pub fn is_expired(&self, now: i64) -> bool {
        self.expires_at != 0 && now > self.expires_at
    }

    /// Whether the offer trades: not cancelled, not expired, gate open, bus running.
    #[inline(always)]
    pub fn validate_tradable(&self, bus: &Bus, now: i64) -> Result<()> {
        bus.validate_running()?;
        ensure!(self.cancelled == 0, OfferCancelled);
        ensure!(!self.is_expired(now), OfferExpired, "expired at {}, now {}", self.expires_at, now);
        bus.validate_gate(self.window_start, now)
    }

    /// Refuses wallets that may not act for this offer: its seller may, and any owner for the bus's own offers.
    #[inline(always)]
    pub fn validate_seller(&self, bus: &Bus, wallet: &Address) -> Result<()> {
        ensure!(
            address_eq(&self.seller, wallet) || (self.owned_by_bus == 1 && bus.owner_index(wallet).is_some()),
            NotTheSeller
        );
        Ok(())
    }

    /// Refuses a seller who would trade with itself.
    #[inline(always)]
    pub fn validate_buyer(&self, buyer: &Address) -> Result<()> {
        ensure!(!address_eq(&self.seller, buyer), SelfTrade);
        Ok(())
    }

    #[inline(always)]
    fn validate_guard(&self, guard: PriceGuard) -> Result<()> {
        ensure!(
            guard.expected_version == 0 || guard.expected_version == self.version,
            VersionMismatch,
            "quoted version {}, present version {}",
            guard.expected_version,
            self.version
        );
        ensure!(
            self.price_per_kwh <= guard.max_price_per_kwh,
            PriceAboveLimit,
            "price {}, limit {}",
            self.price_per_kwh,
            guard.max_price_per_kwh
        );
        Ok(())
    }

    #[inline(always)]
    fn fill(&self, energy_wh: u64) -> Result<Fill> {
        match math::cost(energy_wh, self.price_per_kwh) {
            Some(cost) => Ok(Fill { energy_wh, price_per_kwh: self.price_per_kwh, cost }),
            None => refuse!(CostOverflow, "{} Wh at {} per kWh", energy_wh, self.price_per_kwh),
        }
    }

    /// Sells up to `energy_wh`, at least `min_energy_wh`, of the free energy; equal amounts are fill-or-kill.
    #[inline(always)]
    pub fn take(&mut self, energy_wh: u64, min_energy_wh: u64, guard: PriceGuard) -> Result<Fill> {
        ensure!(energy_wh > 0, EnergyZero);
        ensure!(
            min_energy_wh > 0 && min_energy_wh <= energy_wh,
            MinimumInvalid,
            "minimum {} Wh, amount {} Wh",
            min_energy_wh,
            energy_wh
        );
        self.validate_guard(guard)?;
        let free_wh = self.free_wh();
        ensure!(
            free_wh >= min_energy_wh,
            EnergyUnavailable,
            "free {} Wh, wanted at least {} Wh",
            free_wh,
            min_energy_wh
        );
        let fill = self.fill(if free_wh < energy_wh { free_wh } else { energy_wh })?;
        self.remaining_wh -= fill.energy_wh;
        Ok(fill)
    }

    /// Reserves exactly `energy_wh` of the free energy for a lock.
    #[inline(always)]
    pub fn reserve(&mut self, energy_wh: u64, guard: PriceGuard) -> Result<Fill> {
        ensure!(energy_wh > 0, EnergyZero);
        self.validate_guard(guard)?;
        let free_wh = self.free_wh();
        ensure!(free_wh >= energy_wh, EnergyUnavailable, "free {} Wh, wanted {} Wh", free_wh, energy_wh);
        let fill = self.fill(energy_wh)?;
        let Some(open_locks) = self.open_locks.checked_add(1) else { refuse!(CounterOverflow) };
        self.reserved_wh += energy_wh;
        self.open_locks = open_locks;
        Ok(fill)
    }

    /// A lock settles: its energy is sold.
    #[inline(always)]
    pub fn settle(&mut self, energy_wh: u64) {
        self.reserved_wh -= energy_wh;
        self.remaining_wh -= energy_wh;
        self.open_locks -= 1;
    }

    /// A lock is released: its energy is free again.
    #[inline(always)]
    pub fn release(&mut self, energy_wh: u64) {
        self.reserved_wh -= energy_wh;
        self.open_locks -= 1;
    }

    /// Refuses a lock that would outlive the offer or its window's gate closure.
    #[inline(always)]
    pub fn validate_lock_expiry(&self, bus: &Bus, lock_expires_at: i64) -> Result<()> {
        ensure!(
            (self.expires_at == 0 || lock_expires_at <= self.expires_at)
                && lock_expires_at < bus.gate_closes_at(self.window_start),
            LockOutlivesOffer,
            "lock until {}, offer until {}",
            lock_expires_at,
            self.expires_at
        );
        Ok(())
    }

    /// Sets a new price. Energy under locks keeps the price that it was locked at.
    #[inline(always)]
    pub fn reprice(&mut self, price_per_kwh: u64) -> Result<()> {
        ensure!(self.cancelled == 0, OfferCancelled);
        let Some(version) = self.version.checked_add(1) else { refuse!(CounterOverflow) };
        self.price_per_kwh = price_per_kwh;
        self.version = version;
        Ok(())
    }

    /// Sets a later expiry, 0 for none.
    #[inline(always)]
    pub fn extend(&mut self, expires_at: i64, now: i64) -> Result<()> {
        ensure!(self.cancelled == 0, OfferCancelled);
        Self::validate_expiry(expires_at, now)?;
        ensure!(
            self.expires_at != 0 && (expires_at == 0 || expires_at > self.expires_at),
            ExpiryNotLater,
            "new expiry {}, present expiry {}",
            expires_at,
            self.expires_at
        );
        self.expires_at = expires_at;
        Ok(())
    }

    /// Who may cancel: whoever sells it; anyone once it is sold out, expired or past its gate; and any owner what
    /// someone who may no longer list still has on offer.
    pub fn validate_cancel(&self, bus: &Bus, caller: &Address, now: i64) -> Result<()> {
        let stopped = self.remaining_wh == 0 || self.is_expired(now) || now >= bus.gate_closes_at(self.window_start);
        ensure!(
            stopped
                || self.validate_seller(bus, caller).is_ok()
                || (bus.owner_index(caller).is_some() && bus.validate_lister(&self.seller).is_err()),
            OfferStillTrading
        );
        Ok(())
    }

    /// Withdraws what is free and stops trading; returns that energy in Wh. Locks stay untouched.
    pub fn cancel(&mut self) -> Result<u64> {
        let free_wh = self.free_wh();
        ensure!(
            self.cancelled == 0 || free_wh > 0 || self.open_locks == 0,
            NothingToCancel,
            "{} Wh are under {} locks",
            self.reserved_wh,
            self.open_locks
        );
        self.cancelled = 1;
        self.listed_wh -= free_wh;
        self.remaining_wh -= free_wh;
        Ok(free_wh)
    }

    /// What always holds of an offer.
    pub fn check_invariants(&self) -> core::result::Result<(), &'static str> {
        let Self {
            layout_version,
            bump: _,
            source,
            owned_by_bus,
            cancelled,
            padding,
            version,
            open_locks,
            offer_seq: _,
            price_per_kwh,
            listed_wh,
            remaining_wh,
            reserved_wh,
            window_start: _,
            created_at,
            expires_at,
            bus: _,
            capacity: _,
            seller: _,
            payout: _,
            rent_payer: _,
            reserved,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        invariant((*source as usize) < EnergySource::ALL.len(), "the source is known")?;
        invariant(*owned_by_bus <= 1 && *cancelled <= 1, "flags are 0 or 1")?;
        invariant(*version >= 1, "versions start at 1")?;
        invariant(*price_per_kwh > 0, "the price is above zero")?;
        invariant(reserved_wh <= remaining_wh && remaining_wh <= listed_wh, "reserved <= remaining <= listed")?;
        invariant((*reserved_wh == 0) == (*open_locks == 0), "energy is reserved exactly where locks are open")?;
        invariant(*expires_at == 0 || expires_at > created_at, "an offer expires after its creation")?;
        invariant(*padding == [0; 3] && *reserved == [0; 64], "reserved bytes are zero")
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::error::MultibusError,
        crate::state::fixture::{Change, assert_noticed, wallet},
        bytemuck::Zeroable,
        proptest::prelude::*,
    };

    const ANY: PriceGuard = PriceGuard { max_price_per_kwh: u64::MAX, expected_version: 0 };

    fn offer(listed_wh: u64, price_per_kwh: u64) -> Offer {
        Offer {
            layout_version: LAYOUT_VERSION,
            version: 1,
            listed_wh,
            remaining_wh: listed_wh,
            price_per_kwh,
            ..Offer::zeroed()
        }
    }

    /// The transition refuses with the error and changes nothing.
    fn refused<T>(offer: Offer, error: MultibusError, transition: impl FnOnce(&mut Offer) -> Result<T>) {
        let mut after = offer;
        assert_eq!(transition(&mut after).err(), Some(error.into()));
        assert_eq!(after, offer);
    }

    #[test]
    fn take_is_exact_or_refused() {
        let mut exact = offer(1_000, 250_000);
        let fill = exact.take(400, 400, ANY).unwrap();
        assert_eq!((fill.energy_wh, fill.cost, exact.remaining_wh), (400, 100_000, 600));
        refused(exact, MultibusError::EnergyUnavailable, |offer| offer.take(601, 601, ANY));
        refused(exact, MultibusError::EnergyZero, |offer| offer.take(0, 0, ANY));
        refused(exact, MultibusError::MinimumInvalid, |offer| offer.take(1, 0, ANY));
        refused(exact, MultibusError::MinimumInvalid, |offer| offer.take(1, 2, ANY));
    }

    #[test]
    fn take_up_to_fills_what_is_free_above_the_minimum() {
        let mut partial = offer(1_000, 1_000);
        partial.reserve(300, ANY).unwrap();
        refused(partial, MultibusError::EnergyUnavailable, |offer| offer.take(5_000, 701, ANY));
        let fill = partial.take(5_000, 700, ANY).unwrap();
        assert_eq!((fill.energy_wh, partial.remaining_wh, partial.reserved_wh), (700, 300, 300));
    }

    #[test]
    fn price_guards_refuse_what_moved() {
        let at = |max_price_per_kwh, expected_version| PriceGuard { max_price_per_kwh, expected_version };
        let mut repriced = offer(1_000, 500);
        repriced.reprice(600).unwrap();
        assert_eq!(repriced.version, 2);
        refused(repriced, MultibusError::PriceAboveLimit, |offer| offer.take(1, 1, at(599, 2)));
        refused(repriced, MultibusError::VersionMismatch, |offer| offer.take(1, 1, at(600, 1)));
        refused(repriced, MultibusError::PriceAboveLimit, |offer| offer.reserve(1, at(599, 2)));
        refused(repriced, MultibusError::VersionMismatch, |offer| offer.reserve(1, at(600, 1)));
        assert!(repriced.take(1, 1, at(600, 2)).is_ok());
        assert!(repriced.take(1, 1, at(600, 0)).is_ok());
    }

    #[test]
    fn overflowing_costs_are_refused() {
        refused(offer(u64::MAX, u64::MAX), MultibusError::CostOverflow, |offer| offer.take(u64::MAX, 1, ANY));
        refused(offer(u64::MAX, u64::MAX), MultibusError::CostOverflow, |offer| offer.reserve(u64::MAX, ANY));
    }

    #[test]
    fn counters_at_their_end_refuse() {
        let mut last = offer(10, 1);
        last.version = u32::MAX;
        refused(last, MultibusError::CounterOverflow, |offer| offer.reprice(2));
        last.open_locks = u32::MAX;
        refused(last, MultibusError::CounterOverflow, |offer| offer.reserve(1, ANY));
    }

    #[test]
    fn extending_only_goes_forward() {
        let mut expiring = offer(10, 1);
        expiring.expires_at = 1_000;
        refused(expiring, MultibusError::ExpiryInPast, |offer| offer.extend(500, 500));
        refused(expiring, MultibusError::ExpiryNotLater, |offer| offer.extend(1_000, 500));
        expiring.extend(1_001, 500).unwrap();
        expiring.extend(0, 500).unwrap();
        refused(expiring, MultibusError::ExpiryNotLater, |offer| offer.extend(2_000, 500));
    }

    #[test]
    fn the_expiry_second_still_trades() {
        let mut expiring = offer(10, 1);
        expiring.expires_at = 1_000;
        assert!(!expiring.is_expired(1_000));
        assert!(expiring.is_expired(1_001));
        let bus = Bus::zeroed();
        assert!(expiring.validate_tradable(&bus, 1_000).is_ok());
        assert_eq!(expiring.validate_tradable(&bus, 1_001), Err(MultibusError::OfferExpired.into()));
    }

    #[test]
    fn the_gate_closes_on_its_second() {
        let bus = Bus { window_seconds: 900, gate_closure_seconds: 60, ..Bus::zeroed() };
        let mut windowed = offer(10, 1);
        windowed.window_start = 9_000;
        assert!(windowed.validate_tradable(&bus, 8_939).is_ok());
        assert_eq!(windowed.validate_tradable(&bus, 8_940), Err(MultibusError::GateClosed.into()));
        assert!(windowed.validate_lock_expiry(&bus, 8_939).is_ok());
        assert_eq!(windowed.validate_lock_expiry(&bus, 8_940), Err(MultibusError::LockOutlivesOffer.into()));
        windowed.expires_at = 8_000;
        assert!(windowed.validate_lock_expiry(&bus, 8_000).is_ok());
        assert_eq!(windowed.validate_lock_expiry(&bus, 8_001), Err(MultibusError::LockOutlivesOffer.into()));
        let stranger = Address::new_from_array([7; 32]);
        assert_eq!(windowed.validate_cancel(&bus, &stranger, 8_000), Err(MultibusError::OfferStillTrading.into()));
        assert!(windowed.validate_cancel(&bus, &stranger, 8_001).is_ok());
    }

    #[test]
    fn cancelling_leaves_locked_energy() {
        let mut locked = offer(1_000, 1);
        locked.reserve(300, ANY).unwrap();
        locked.take(100, 100, ANY).unwrap();
        assert_eq!(locked.cancel().unwrap(), 600);
        assert_eq!((locked.listed_wh, locked.remaining_wh, locked.reserved_wh), (400, 300, 300));
        refused(locked, MultibusError::NothingToCancel, Offer::cancel);
        refused(locked, MultibusError::OfferCancelled, |offer| offer.reprice(5));
        refused(locked, MultibusError::OfferCancelled, |offer| offer.extend(5, 1));
        locked.release(300);
        assert_eq!(locked.cancel().unwrap(), 300);
        assert_eq!((locked.listed_wh, locked.remaining_wh), (100, 0));
    }

    #[test]
    fn a_seller_acts_for_its_offer_and_owners_for_the_bus_own() {
        let mut bus = Bus { owner_count: 2, ..Bus::zeroed() };
        (bus.owners[0].owner, bus.owners[1].owner) = (wallet(1), wallet(2));
        let mut offer = Offer { seller: wallet(5), ..Offer::zeroed() };
        assert!(offer.validate_seller(&bus, &wallet(5)).is_ok());
        for other in [1, 4] {
            assert_eq!(offer.validate_seller(&bus, &wallet(other)), Err(MultibusError::NotTheSeller.into()));
        }
        (offer.owned_by_bus, offer.seller) = (1, wallet(9));
        assert!(offer.validate_seller(&bus, &wallet(1)).is_ok());
        assert_eq!(offer.validate_seller(&bus, &wallet(4)), Err(MultibusError::NotTheSeller.into()));
    }

    #[test]
    fn an_offer_is_what_its_terms_say() {
        let bus = Address::new_from_array([4; 32]);
        let capacity = Capacity { window_start: 900, bus, ..Capacity::zeroed() };
        let terms = OfferTerms { energy_wh: 7, price_per_kwh: 8, expires_at: 9, source: 5 };
        let mut offer = Offer::zeroed();
        offer.initialize(&capacity, 3, terms, 6);
        assert_eq!((offer.layout_version, offer.source, offer.version, offer.offer_seq), (LAYOUT_VERSION, 5, 1, 3));
        assert_eq!((offer.price_per_kwh, offer.listed_wh, offer.remaining_wh, offer.reserved_wh), (8, 7, 7, 0));
        assert_eq!((offer.window_start, offer.created_at, offer.expires_at, offer.bus), (900, 6, 9, bus));
        assert_eq!(offer.check_invariants(), Ok(()));
    }

    #[test]
    fn terms_are_refused_just_beyond_each_limit() {
        use MultibusError::*;
        let now = 1_000;
        let sound = (
            OfferTerms { energy_wh: 1, price_per_kwh: 10, expires_at: now + 1, source: 5 },
            Bus { base_price_per_kwh: 10, window_seconds: 900, gate_closure_seconds: 60, ..Bus::zeroed() },
            Capacity { window_start: now + 61, ..Capacity::zeroed() },
        );
        type Case = (OfferTerms, Bus, Capacity);
        let validate = |change: fn(&mut Case)| {
            let mut case = sound;
            change(&mut case);
            case.0.validate(&case.1, &case.2, now)
        };
        let refused: &[(MultibusError, Change<Case>)] = &[
            (BusPaused, |case| case.1.paused = 1),
            (EnergyZero, |case| case.0.energy_wh = 0),
            (PriceBelowBase, |case| case.0.price_per_kwh = 9),
            (SourceUnknown, |case| case.0.source = 6),
            (ExpiryInPast, |case| case.0.expires_at = 1_000),
            (WindowsOn, |case| case.2.window_start = 0),
            (WindowsOff, |case| case.1.window_seconds = 0),
            (GateClosed, |case| case.2.window_start = 1_060),
        ];
        for (error, change) in refused {
            assert_eq!(validate(*change), Err((*error).into()), "{error:?}");
        }
        assert_eq!(validate(|_| ()), Ok(()));
        assert_eq!(validate(|case| case.0.expires_at = 0), Ok(()));
        assert_eq!(validate(|case| (case.1.window_seconds, case.2.window_start) = (0, 0)), Ok(()));
    }

    #[test]
    fn nobody_buys_from_itself_or_what_does_not_trade() {
        let mut cancelled = Offer { seller: Address::new_from_array([3; 32]), ..offer(10, 1) };
        let bus = Bus::zeroed();
        assert_eq!(cancelled.validate_buyer(&cancelled.seller), Err(MultibusError::SelfTrade.into()));
        assert!(cancelled.validate_buyer(&Address::new_from_array([4; 32])).is_ok());
        let paused = Bus { paused: 1, ..bus };
        assert_eq!(cancelled.validate_tradable(&paused, 0), Err(MultibusError::BusPaused.into()));
        cancelled.cancelled = 1;
        assert_eq!(cancelled.validate_tradable(&bus, 0), Err(MultibusError::OfferCancelled.into()));
    }

    #[test]
    fn only_who_may_withdraws_an_offer_that_trades() {
        let mut bus = Bus { owner_count: 2, listing_policy: 1, ..Bus::zeroed() };
        (bus.owners[0].owner, bus.owners[1].owner) = (wallet(1), wallet(2));
        let members = Offer { seller: wallet(3), ..offer(10, 1) };
        let still_trading = Err(MultibusError::OfferStillTrading.into());
        assert_eq!(members.validate_cancel(&bus, &wallet(3), 0), Ok(()));
        assert_eq!(members.validate_cancel(&bus, &wallet(1), 0), still_trading);
        assert_eq!(members.validate_cancel(&bus, &wallet(4), 0), still_trading);
        // Its seller may no longer list.
        bus.listing_policy = 0;
        assert_eq!(members.validate_cancel(&bus, &wallet(1), 0), Ok(()));
        assert_eq!(members.validate_cancel(&bus, &wallet(4), 0), still_trading);
        let owners = Offer { seller: wallet(1), ..members };
        assert_eq!(owners.validate_cancel(&bus, &wallet(2), 0), still_trading);
        let own = Offer { owned_by_bus: 1, seller: wallet(9), ..members };
        assert_eq!(own.validate_cancel(&bus, &wallet(2), 0), Ok(()));
        assert_eq!(own.validate_cancel(&bus, &wallet(4), 0), still_trading);
        let sold_out = Offer { remaining_wh: 0, ..members };
        assert_eq!(sold_out.validate_cancel(&bus, &wallet(4), 0), Ok(()));
        // Past its gate, from that second on.
        bus.window_seconds = 900;
        let windowed = Offer { window_start: 1_000, ..members };
        assert_eq!(windowed.validate_cancel(&bus, &wallet(4), 999), still_trading);
        assert_eq!(windowed.validate_cancel(&bus, &wallet(4), 1_000), Ok(()));
    }

    #[test]
    fn an_offer_is_cancelled_again_only_where_something_came_free() {
        let mut cancelled = Offer { cancelled: 1, ..offer(10, 1) };
        (cancelled.remaining_wh, cancelled.reserved_wh, cancelled.open_locks) = (5, 5, 1);
        refused(cancelled, MultibusError::NothingToCancel, Offer::cancel);
        cancelled.reserved_wh = 4;
        assert_eq!(cancelled.cancel(), Ok(1));
        assert_eq!((cancelled.listed_wh, cancelled.remaining_wh), (9, 4));
        let mut sold_out = Offer { remaining_wh: 0, cancelled: 1, ..offer(10, 1) };
        assert_eq!(sold_out.cancel(), Ok(0));
    }

    #[test]
    fn every_invariant_notices_what_breaks_it() {
        let mut sound = Offer { created_at: 5, expires_at: 6, owned_by_bus: 1, cancelled: 1, ..offer(10, 1) };
        (sound.remaining_wh, sound.reserved_wh, sound.open_locks, sound.source) = (10, 10, 2, 5);
        assert_eq!(sound.check_invariants(), Ok(()));
        assert_noticed(
            &sound,
            Offer::check_invariants,
            &[
                ("the layout version is the present one", |offer| offer.layout_version = 2),
                ("the source is known", |offer| offer.source = 6),
                ("flags are 0 or 1", |offer| offer.owned_by_bus = 2),
                ("flags are 0 or 1", |offer| offer.cancelled = 2),
                ("versions start at 1", |offer| offer.version = 0),
                ("the price is above zero", |offer| offer.price_per_kwh = 0),
                ("reserved <= remaining <= listed", |offer| offer.reserved_wh = 11),
                ("reserved <= remaining <= listed", |offer| offer.listed_wh = 9),
                ("energy is reserved exactly where locks are open", |offer| offer.reserved_wh = 0),
                ("energy is reserved exactly where locks are open", |offer| offer.open_locks = 0),
                ("an offer expires after its creation", |offer| offer.expires_at = 5),
                ("reserved bytes are zero", |offer| offer.padding[2] = 1),
                ("reserved bytes are zero", |offer| offer.reserved[63] = 1),
            ],
        );
        sound.expires_at = 0;
        assert_eq!(sound.check_invariants(), Ok(()));
    }

    proptest! {
        #[test]
        fn no_wh_appears_or_vanishes(
            listed in 1u64..10_000,
            steps in prop::collection::vec((0u8..6, 1u64..2_000, 1u64..2_000), 0..80),
        ) {
            let mut offer = offer(listed, 700);
            let (mut sold, mut withdrawn, mut locks) = (0, 0, Vec::new());
            for (step, amount, minimum) in steps {
                let before = offer;
                let changed = match step {
                    0 => offer.take(amount, minimum.min(amount), ANY).map(|fill| sold += fill.energy_wh).is_ok(),
                    1 => offer.reserve(amount, ANY).map(|fill| locks.push(fill.energy_wh)).is_ok(),
                    2 => locks.pop().map(|energy| { offer.settle(energy); sold += energy; }).is_some(),
                    3 => locks.pop().map(|energy| offer.release(energy)).is_some(),
                    4 => offer.reprice(amount).is_ok(),
                    _ => amount % 7 == 0 && offer.cancel().map(|energy| withdrawn += energy).is_ok(),
                };
                if !changed {
                    prop_assert_eq!(offer, before);
                }
                prop_assert_eq!(offer.check_invariants(), Ok(()));
                prop_assert_eq!(offer.remaining_wh + sold + withdrawn, listed);
                prop_assert_eq!(offer.reserved_wh, locks.iter().sum::<u64>());
                prop_assert_eq!(offer.open_locks as usize, locks.len());
            }
        }
    }
}

//! A bus: one energy network, co-owned. Read by every trade, written only by decisions of its owners.

use {
    crate::{
        constants::*,
        error::{ensure, refuse},
        numbered::numbered_enum,
    },
    anchor_lang::{address_eq, prelude::*},
    bytemuck::{Pod, Zeroable},
};

numbered_enum! {
    /// Who may list energy on a bus.
    pub enum ListingPolicy {
        /// Only owners of the bus.
        OwnersOnly = 0,
        /// Any wallet.
        Open = 1,
    }
}

/// One owner's place in a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
#[repr(C)]
pub struct OwnerSlot {
    /// The owner's wallet.
    pub owner: Address,
    /// Revenue earned under earlier shares and not claimed yet, in token base units.
    pub accrued: u64,
    /// Revenue claimed under the present shares, in token base units.
    pub claimed: u64,
    /// Share of the treasury's revenue, in basis points.
    pub share_bps: u16,
    pub reserved: [u8; 14],
}

/// An owner who left with revenue that is not claimed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
#[repr(C)]
pub struct FormerOwner {
    pub owner: Address,
    /// Unclaimed revenue, in token base units; above zero.
    pub accrued: u64,
}

/// What an owner group decides about its bus when it is created.
#[derive(Clone, Debug, PartialEq, Eq, AnchorSerialize, AnchorDeserialize)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
pub struct BusConfig {
    /// Name, 1 to 32 bytes of UTF-8 without control characters.
    pub name: String,
    /// Owners and their revenue shares; the creator is one of them, the shares sum to 10,000 basis points.
    pub owners: Vec<OwnerShare>,
    /// Approvals a decision needs, 1 to the number of owners.
    pub threshold: u8,
    /// Approvals that pausing needs, 1 to the threshold; 0 for as many as any decision.
    pub pause_quorum: u8,
    /// Who may list: 0 owners only, 1 any wallet.
    pub listing_policy: u8,
    /// Part of the deposit that a lock costs when it is not settled, in basis points, at most 500.
    pub lock_fee_bps: u16,
    /// Wait between the last approval of a decision and its execution, in seconds.
    pub timelock_seconds: u32,
    /// Length of a delivery window in seconds; 0 means that the bus has no windows.
    pub window_seconds: u32,
    /// How long before a window's start its trading stops, in seconds.
    pub gate_closure_seconds: u32,
    /// Energy that may be on offer or sold in one window (or in all, without windows), in Wh.
    pub capacity_wh: u64,
    /// Lowest price an offer may ask, in token base units per kWh.
    pub base_price_per_kwh: u64,
}

/// An owner and the revenue share in basis points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AnchorSerialize, AnchorDeserialize)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
pub struct OwnerShare {
    pub owner: Address,
    pub share_bps: u16,
}

/// One energy network, owned by several parties together. PDA `["bus", creator, bus_seq]`.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Bus {
    pub layout_version: u8,
    pub bump: u8,
    /// Owners in `owners`, from the front.
    pub owner_count: u8,
    /// Approvals a decision needs.
    pub threshold: u8,
    /// 0 owners only, 1 any wallet.
    pub listing_policy: u8,
    /// 1 while the owners have paused the bus.
    pub paused: u8,
    /// Bytes of `name` in use.
    pub name_len: u8,
    /// Decimals of the settlement mint.
    pub mint_decimals: u8,
    /// Wait before a decision executes, in seconds.
    pub timelock_seconds: u32,
    /// Length of a delivery window in seconds, 0 for none.
    pub window_seconds: u32,
    /// How long before a window's start its trading stops, in seconds.
    pub gate_closure_seconds: u32,
    /// Part of the deposit that an unsettled lock costs, in basis points.
    pub lock_fee_bps: u16,
    /// Approvals that pausing needs, 0 for the threshold; never more than the threshold. See `pause_approvals`.
    pub pause_quorum: u8,
    /// Former owners in `former_owners`, from the front.
    pub former_owner_count: u8,
    /// Energy per window (or in all, without windows), in Wh.
    pub capacity_wh: u64,
    /// Lowest price an offer may ask, in token base units per kWh.
    pub base_price_per_kwh: u64,
    /// Grows by one with every change of owners, shares or threshold, which makes older proposals stale.
    pub config_version: u64,
    /// Number of the next proposal.
    pub proposal_seq: u64,
    /// Number that tells apart the buses of one creator.
    pub bus_seq: u64,
    /// When the bus was created, in unix seconds.
    pub created_at: i64,
    pub creator: Address,
    /// Settlement mint.
    pub mint: Address,
    /// Token program of the settlement mint.
    pub token_program: Address,
    /// Token account that holds the deposits of locks.
    pub escrow: Address,
    /// Token account that receives the revenue of the bus's own offers.
    pub treasury: Address,
    /// Revenue that owners have claimed, ever, in token base units.
    pub treasury_claimed: u64,
    /// Revenue that was divided under earlier shares, in token base units.
    pub treasury_settled: u64,
    pub name: [u8; 32],
    pub owners: [OwnerSlot; 16],
    /// Owners who left with revenue that they have not claimed yet.
    pub former_owners: [FormerOwner; 16],
    /// When the bus last resumed after a pause, in unix seconds; 0 where it never did.
    pub resumed_at: i64,
    pub reserved: [u64; 31],
}

const _: () = assert!(MAX_OWNERS == 16 && MAX_NAME_LEN == 32 && MAX_FORMER_OWNERS == 16 && size_of::<Bus>() == 2_200);

impl Bus {
    /// Checks a configuration and writes it: the one place where a bus's rules are set from outside.
    pub fn initialize(&mut self, address: &Address, creator: &Address, config: &BusConfig) -> Result<()> {
        let name = config.name.as_bytes();
        ensure!(
            !name.is_empty() && name.len() <= MAX_NAME_LEN && !config.name.chars().any(char::is_control),
            NameInvalid,
            "name has {} bytes",
            name.len() as u64
        );
        let count = config.owners.len();
        ensure!((1..=MAX_OWNERS).contains(&count), OwnerCountInvalid, "{} owners given", count as u64);
        let mut sum = 0u32;
        let mut creator_found = false;
        for (index, share) in config.owners.iter().enumerate() {
            ensure!(share.owner.to_bytes() != [0; 32], OwnerZero, "owner {} of the list", index as u64);
            Self::validate_owner_is_not(address, &share.owner)?;
            for earlier in &config.owners[..index] {
                ensure!(
                    !address_eq(&earlier.owner, &share.owner),
                    OwnerDuplicate,
                    "owner {} of the list",
                    index as u64
                );
            }
            creator_found |= address_eq(&share.owner, creator);
            sum += share.share_bps as u32;
        }
        ensure!(creator_found, CreatorNotOwner);
        ensure!(sum == FULL_SHARE_BPS as u32, SharesInvalid, "shares sum to {}, not {}", sum, FULL_SHARE_BPS);
        Self::validate_threshold(config.threshold, count as u8)?;
        ensure!(
            config.pause_quorum <= config.threshold,
            PauseQuorumInvalid,
            "pause quorum {}, threshold {}",
            config.pause_quorum,
            config.threshold
        );
        Self::validate_listing_policy(config.listing_policy)?;
        Self::validate_lock_fee(config.lock_fee_bps)?;
        Self::validate_timelock(config.timelock_seconds)?;
        Self::validate_windows(config.window_seconds, config.gate_closure_seconds)?;
        Self::validate_capacity(config.capacity_wh)?;
        Self::validate_base_price(config.base_price_per_kwh)?;

        self.layout_version = LAYOUT_VERSION;
        self.creator = *creator;
        self.name_len = name.len() as u8;
        self.name[..name.len()].copy_from_slice(name);
        self.owner_count = count as u8;
        for (slot, share) in self.owners.iter_mut().zip(&config.owners) {
            slot.owner = share.owner;
            slot.share_bps = share.share_bps;
        }
        self.threshold = config.threshold;
        self.pause_quorum = config.pause_quorum;
        self.listing_policy = config.listing_policy;
        self.lock_fee_bps = config.lock_fee_bps;
        self.timelock_seconds = config.timelock_seconds;
        self.window_seconds = config.window_seconds;
        self.gate_closure_seconds = config.gate_closure_seconds;
        self.capacity_wh = config.capacity_wh;
        self.base_price_per_kwh = config.base_price_per_kwh;
        Ok(())
    }

    /// A bus does not own itself: whoever claims on its behalf would pay its treasury out of its treasury.
    pub fn validate_owner_is_not(address: &Address, owner: &Address) -> Result<()> {
        ensure!(!address_eq(address, owner), OwnerIsTheBus);
        Ok(())
    }

    /// The threshold is from 1 to the number of owners.
    pub fn validate_threshold(threshold: u8, owner_count: u8) -> Result<()> {
        ensure!(
            threshold >= 1 && threshold <= owner_count,
            ThresholdInvalid,
            "threshold {} with {} owners",
            threshold,
            owner_count
        );
        Ok(())
    }

    /// The listing policy is one of [`ListingPolicy`].
    pub fn validate_listing_policy(listing_policy: u8) -> Result<()> {
        ensure!(listing_policy <= ListingPolicy::Open as u8, ListingPolicyUnknown, "listing policy {}", listing_policy);
        Ok(())
    }

    /// The lock fee is at most 500 basis points.
    pub fn validate_lock_fee(lock_fee_bps: u16) -> Result<()> {
        ensure!(
            lock_fee_bps <= MAX_LOCK_FEE_BPS,
            LockFeeTooHigh,
            "lock fee {} bps, highest {}",
            lock_fee_bps,
            MAX_LOCK_FEE_BPS
        );
        Ok(())
    }

    /// The timelock is at most 30 days.
    pub fn validate_timelock(timelock_seconds: u32) -> Result<()> {
        ensure!(
            timelock_seconds <= MAX_TIMELOCK_SECONDS,
            TimelockTooLong,
            "timelock {} s, longest {}",
            timelock_seconds,
            MAX_TIMELOCK_SECONDS
        );
        Ok(())
    }

    /// Windows are off (both zero), or have a length and a gate closure within their limits.
    pub fn validate_windows(window_seconds: u32, gate_closure_seconds: u32) -> Result<()> {
        let off = window_seconds == 0 && gate_closure_seconds == 0;
        let on = (MIN_WINDOW_SECONDS..=MAX_WINDOW_SECONDS).contains(&window_seconds)
            && gate_closure_seconds <= MAX_GATE_CLOSURE_SECONDS;
        ensure!(off || on, WindowsInvalid, "window {} s, gate closure {} s", window_seconds, gate_closure_seconds);
        Ok(())
    }

    /// The capacity is at least 1 Wh.
    pub fn validate_capacity(capacity_wh: u64) -> Result<()> {
        ensure!(capacity_wh > 0, CapacityZero);
        Ok(())
    }

    /// The base price is at least 1 base unit per kWh.
    pub fn validate_base_price(base_price_per_kwh: u64) -> Result<()> {
        ensure!(base_price_per_kwh > 0, BasePriceZero);
        Ok(())
    }

    /// The bus's name.
    pub fn name(&self) -> &str {
        core::str::from_utf8(&self.name[..(self.name_len as usize).min(MAX_NAME_LEN)]).unwrap_or("")
    }

    /// The present owners.
    #[inline]
    pub fn owners(&self) -> &[OwnerSlot] {
        &self.owners[..(self.owner_count as usize).min(MAX_OWNERS)]
    }

    /// Approvals that pausing needs now: the bus's own pause quorum, or as many as any decision.
    pub fn pause_approvals(&self) -> u8 {
        if self.pause_quorum == 0 { self.threshold } else { self.pause_quorum.min(self.threshold) }
    }

    /// Place of a wallet among the owners.
    #[inline]
    pub fn owner_index(&self, wallet: &Address) -> Option<usize> {
        self.owners().iter().position(|slot| address_eq(&slot.owner, wallet))
    }

    /// Refuses wallets that are not owners.
    #[inline]
    pub fn validate_owner(&self, wallet: &Address) -> Result<usize> {
        match self.owner_index(wallet) {
            Some(index) => Ok(index),
            None => refuse!(NotAnOwner),
        }
    }

    /// Refuses while the owners have paused the bus.
    #[inline(always)]
    pub fn validate_running(&self) -> Result<()> {
        ensure!(self.paused == 0, BusPaused);
        Ok(())
    }

    /// First second in which a window no longer trades. `i64::MAX` where the bus has no windows.
    #[inline(always)]
    pub fn gate_closes_at(&self, window_start: i64) -> i64 {
        if self.window_seconds == 0 {
            return i64::MAX;
        }
        window_start.saturating_sub(self.gate_closure_seconds as i64)
    }

    /// Refuses once the gate of the window has closed.
    #[inline(always)]
    pub fn validate_gate(&self, window_start: i64, now: i64) -> Result<()> {
        let closes_at = self.gate_closes_at(window_start);
        ensure!(now < closes_at, GateClosed, "gate closed at {}, now {}", closes_at, now);
        Ok(())
    }

    /// Refuses a price below the base price.
    #[inline(always)]
    pub fn validate_price(&self, price_per_kwh: u64) -> Result<()> {
        ensure!(
            price_per_kwh >= self.base_price_per_kwh,
            PriceBelowBase,
            "price {}, base price {}",
            price_per_kwh,
            self.base_price_per_kwh
        );
        Ok(())
    }

    /// Refuses wallets that may not list here.
    #[inline(always)]
    pub fn validate_lister(&self, wallet: &Address) -> Result<()> {
        ensure!(self.listing_policy == ListingPolicy::Open as u8 || self.owner_index(wallet).is_some(), ListingClosed);
        Ok(())
    }

    /// Refuses a window that cannot be opened now.
    pub fn validate_window(&self, window_start: i64, now: i64) -> Result<()> {
        ensure!(self.window_seconds != 0, WindowsOff);
        // Unsigned, because the chain divides nothing else.
        ensure!(
            window_start > 0 && window_start.cast_unsigned().is_multiple_of(self.window_seconds as u64),
            WindowMisaligned,
            "window start {}, window length {}",
            window_start,
            self.window_seconds
        );
        self.validate_gate(window_start, now)?;
        let latest = now.saturating_add(WINDOW_HORIZON_SECONDS);
        ensure!(window_start <= latest, WindowTooFar, "window start {}, latest {}", window_start, latest);
        Ok(())
    }

    /// What always holds of a bus.
    pub fn check_invariants(&self) -> core::result::Result<(), &'static str> {
        let Self {
            layout_version,
            bump: _,
            owner_count,
            threshold,
            listing_policy,
            paused,
            name_len,
            mint_decimals: _,
            timelock_seconds,
            window_seconds,
            gate_closure_seconds,
            lock_fee_bps,
            pause_quorum,
            former_owner_count,
            capacity_wh,
            base_price_per_kwh,
            config_version: _,
            proposal_seq: _,
            bus_seq: _,
            created_at: _,
            creator: _,
            mint: _,
            token_program: _,
            escrow,
            treasury,
            treasury_claimed: _,
            treasury_settled: _,
            name,
            owners,
            former_owners,
            resumed_at: _,
            reserved,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        let count = *owner_count as usize;
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        invariant((1..=MAX_OWNERS).contains(&count), "a bus has 1 to 16 owners")?;
        invariant(*threshold >= 1 && threshold <= owner_count, "1 <= threshold <= owners")?;
        invariant(*listing_policy <= 1 && *paused <= 1, "policy and pause are flags")?;
        invariant(
            name.get(..*name_len as usize)
                .is_some_and(|name| core::str::from_utf8(name).is_ok_and(|name| !name.is_empty())),
            "the name is 1 to 32 bytes of UTF-8",
        )?;
        invariant(
            owners[..count].iter().map(|slot| slot.share_bps as u32).sum::<u32>() == FULL_SHARE_BPS as u32,
            "shares sum to 10,000",
        )?;
        invariant(
            (1..count).all(|i| owners[..i].iter().all(|slot| slot.owner != owners[i].owner)),
            "owners are distinct",
        )?;
        invariant(owners[count..].iter().all(|slot| *slot == OwnerSlot::zeroed()), "unused places are empty")?;
        invariant(*lock_fee_bps <= MAX_LOCK_FEE_BPS, "the lock fee is within its limit")?;
        invariant(*timelock_seconds <= MAX_TIMELOCK_SECONDS, "the timelock is within its limit")?;
        invariant(
            Self::validate_windows(*window_seconds, *gate_closure_seconds).is_ok(),
            "windows and gate closure are within their limits",
        )?;
        invariant(*capacity_wh > 0 && *base_price_per_kwh > 0, "capacity and base price are above zero")?;
        invariant(escrow != treasury, "escrow and treasury are two accounts")?;
        invariant(*pause_quorum as usize <= MAX_OWNERS, "the pause quorum is one that owners can reach")?;
        let former = *former_owner_count as usize;
        invariant(
            former <= MAX_FORMER_OWNERS
                && former_owners[..former].iter().all(|place| place.accrued > 0)
                && former_owners[former..].iter().all(|place| *place == FormerOwner::zeroed()),
            "former owners have unclaimed revenue",
        )?;
        invariant(
            former_owners[..former].iter().all(|place| self.owner_index(&place.owner).is_none()),
            "an owner is not a former owner",
        )?;
        invariant(*reserved == [0; 31], "reserved bytes are zero")
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::error::MultibusError,
        crate::state::fixture::{BUS, Change, assert_noticed, wallet},
    };

    fn config() -> BusConfig {
        BusConfig {
            name: "Sunny Street".to_owned(),
            owners: vec![
                OwnerShare { owner: wallet(1), share_bps: 6_000 },
                OwnerShare { owner: wallet(2), share_bps: 3_000 },
                OwnerShare { owner: wallet(3), share_bps: 1_000 },
            ],
            threshold: 2,
            pause_quorum: 1,
            listing_policy: 1,
            lock_fee_bps: 500,
            timelock_seconds: MAX_TIMELOCK_SECONDS,
            window_seconds: 900,
            gate_closure_seconds: 60,
            capacity_wh: 1,
            base_price_per_kwh: 1,
        }
    }

    /// A bus of wallet 2, as configured with a change.
    fn created(change: impl FnOnce(&mut BusConfig)) -> Result<Bus> {
        let mut config = config();
        change(&mut config);
        let mut bus = Bus { escrow: wallet(7), ..Bus::zeroed() };
        bus.initialize(&BUS, &wallet(2), &config)?;
        Ok(bus)
    }

    #[test]
    fn a_bus_is_what_its_creator_asks_for() {
        let bus = created(|_| ()).unwrap();
        assert_eq!(bus.check_invariants(), Ok(()));
        assert_eq!((bus.layout_version, bus.creator, bus.name()), (LAYOUT_VERSION, wallet(2), "Sunny Street"));
        assert_eq!(created(|config| config.name = "x".repeat(32)).unwrap().name(), "x".repeat(32));
        let owners: Vec<_> = bus.owners().iter().map(|slot| (slot.owner, slot.share_bps)).collect();
        assert_eq!(owners, [(wallet(1), 6_000), (wallet(2), 3_000), (wallet(3), 1_000)]);
        assert_eq!((bus.owner_count, bus.threshold, bus.pause_quorum, bus.listing_policy), (3, 2, 1, 1));
        assert_eq!((bus.lock_fee_bps, bus.timelock_seconds), (500, MAX_TIMELOCK_SECONDS));
        assert_eq!((bus.window_seconds, bus.gate_closure_seconds), (900, 60));
        assert_eq!((bus.capacity_wh, bus.base_price_per_kwh, bus.name_len), (1, 1, 12));
    }

    #[test]
    fn a_configuration_is_refused_just_beyond_each_limit() {
        use MultibusError::*;
        let refused: &[(MultibusError, Change<BusConfig>)] = &[
            (NameInvalid, |config| config.name = String::new()),
            (NameInvalid, |config| config.name = "x".repeat(33)),
            (NameInvalid, |config| config.name = "a\u{1b}[2J".to_owned()),
            (OwnerCountInvalid, |config| config.owners = Vec::new()),
            (OwnerCountInvalid, |config| {
                config.owners = (1..=17).map(|number| OwnerShare { owner: wallet(number), share_bps: 1 }).collect();
            }),
            (OwnerZero, |config| config.owners[2].owner = Address::default()),
            (OwnerIsTheBus, |config| config.owners[2].owner = BUS),
            (OwnerDuplicate, |config| config.owners[2].owner = wallet(1)),
            (CreatorNotOwner, |config| config.owners[1].owner = wallet(4)),
            (SharesInvalid, |config| config.owners[1].share_bps += 1),
            (SharesInvalid, |config| config.owners[1].share_bps -= 1),
            (ThresholdInvalid, |config| (config.threshold, config.pause_quorum) = (0, 0)),
            (ThresholdInvalid, |config| config.threshold = 4),
            (PauseQuorumInvalid, |config| config.pause_quorum = 3),
            (ListingPolicyUnknown, |config| config.listing_policy = 2),
            (LockFeeTooHigh, |config| config.lock_fee_bps = MAX_LOCK_FEE_BPS + 1),
            (TimelockTooLong, |config| config.timelock_seconds = MAX_TIMELOCK_SECONDS + 1),
            (WindowsInvalid, |config| config.window_seconds = MIN_WINDOW_SECONDS - 1),
            (WindowsInvalid, |config| config.window_seconds = MAX_WINDOW_SECONDS + 1),
            (WindowsInvalid, |config| config.gate_closure_seconds = MAX_GATE_CLOSURE_SECONDS + 1),
            (WindowsInvalid, |config| config.window_seconds = 0),
            (CapacityZero, |config| config.capacity_wh = 0),
            (BasePriceZero, |config| config.base_price_per_kwh = 0),
        ];
        for (index, (error, change)) in refused.iter().enumerate() {
            assert_eq!(created(change).err(), Some((*error).into()), "{index}: {error:?}");
        }
        let taken: &[Change<BusConfig>] = &[
            |config| config.name = "x".repeat(32),
            |config| config.name = "x".to_owned(),
            |config| (config.threshold, config.pause_quorum) = (1, 1),
            |config| (config.threshold, config.pause_quorum) = (3, 3),
            |config| config.pause_quorum = 0,
            |config| config.listing_policy = 0,
            |config| config.window_seconds = MIN_WINDOW_SECONDS,
            |config| config.window_seconds = MAX_WINDOW_SECONDS,
            |config| config.gate_closure_seconds = MAX_GATE_CLOSURE_SECONDS,
            |config| config.gate_closure_seconds = 0,
            |config| (config.window_seconds, config.gate_closure_seconds) = (0, 0),
            |config| {
                config.owners = (1..=16).map(|number| OwnerShare { owner: wallet(number), share_bps: 625 }).collect();
            },
        ];
        for (index, change) in taken.iter().enumerate() {
            assert_eq!(created(change).map(|bus| bus.check_invariants()), Ok(Ok(())), "{index}");
        }
    }

    #[test]
    fn pausing_needs_its_quorum_or_the_threshold() {
        for (pause_quorum, threshold, needed) in [(0, 2, 2), (0, 3, 3), (1, 3, 1), (3, 3, 3), (3, 2, 2)] {
            assert_eq!(Bus { threshold, pause_quorum, ..Bus::zeroed() }.pause_approvals(), needed);
        }
    }

    #[test]
    fn owners_and_nobody_else_are_owners() {
        let mut bus = created(|_| ()).unwrap();
        assert_eq!(bus.owner_index(&wallet(3)), Some(2));
        assert_eq!(bus.validate_owner(&wallet(3)), Ok(2));
        assert_eq!(bus.validate_owner(&wallet(4)), Err(MultibusError::NotAnOwner.into()));
        assert_eq!(bus.validate_owner(&Address::default()), Err(MultibusError::NotAnOwner.into()));
        assert!(bus.validate_lister(&wallet(4)).is_ok());
        bus.listing_policy = 0;
        assert!(bus.validate_lister(&wallet(1)).is_ok());
        assert_eq!(bus.validate_lister(&wallet(4)), Err(MultibusError::ListingClosed.into()));
    }

    #[test]
    fn prices_and_pauses_and_gates_are_kept_to_the_unit() {
        let mut bus = created(|config| config.base_price_per_kwh = 10).unwrap();
        assert!(bus.validate_price(10).is_ok());
        assert_eq!(bus.validate_price(9), Err(MultibusError::PriceBelowBase.into()));
        assert!(bus.validate_running().is_ok());
        bus.paused = 1;
        assert_eq!(bus.validate_running(), Err(MultibusError::BusPaused.into()));
        assert_eq!(bus.gate_closes_at(900), 840);
        assert!(bus.validate_gate(900, 839).is_ok());
        assert_eq!(bus.validate_gate(900, 840), Err(MultibusError::GateClosed.into()));
        assert_eq!(bus.gate_closes_at(i64::MIN), i64::MIN);
        (bus.window_seconds, bus.gate_closure_seconds) = (0, 0);
        assert_eq!(bus.gate_closes_at(900), i64::MAX);
    }

    #[test]
    fn windows_are_opened_aligned_in_time_and_within_the_horizon() {
        let now = 90_000;
        let mut bus = created(|_| ()).unwrap();
        let latest = now + WINDOW_HORIZON_SECONDS;
        for start in [now + 900, latest] {
            assert_eq!(bus.validate_window(start, now), Ok(()));
        }
        for (start, error) in [
            (now + 901, MultibusError::WindowMisaligned),
            (0, MultibusError::WindowMisaligned),
            (-900, MultibusError::WindowMisaligned),
            (now, MultibusError::GateClosed),
            (latest + 900, MultibusError::WindowTooFar),
        ] {
            assert_eq!(bus.validate_window(start, now), Err(error.into()), "{start}");
        }
        // A second earlier the latest is too far, and where the horizon is beyond all time, nothing is.
        assert_eq!(bus.validate_window(latest, now - 1), Err(MultibusError::WindowTooFar.into()));
        assert_eq!(bus.validate_window(i64::MAX / 900 * 900, i64::MAX - 2_000), Ok(()));
        (bus.window_seconds, bus.gate_closure_seconds) = (0, 0);
        assert_eq!(bus.validate_window(now + 900, now), Err(MultibusError::WindowsOff.into()));
    }

    #[test]
    fn every_invariant_notices_what_breaks_it() {
        let mut sound = created(|_| ()).unwrap();
        sound.former_owner_count = 2;
        sound.former_owners[0] = FormerOwner { owner: wallet(8), accrued: 1 };
        sound.former_owners[1] = FormerOwner { owner: wallet(9), accrued: 2 };
        assert_eq!(sound.check_invariants(), Ok(()));
        assert_noticed(
            &sound,
            Bus::check_invariants,
            &[
                ("the layout version is the present one", |bus| bus.layout_version = 2),
                ("a bus has 1 to 16 owners", |bus| bus.owner_count = 0),
                ("a bus has 1 to 16 owners", |bus| bus.owner_count = 17),
                ("1 <= threshold <= owners", |bus| bus.threshold = 0),
                ("1 <= threshold <= owners", |bus| bus.threshold = 4),
                ("policy and pause are flags", |bus| bus.listing_policy = 2),
                ("policy and pause are flags", |bus| bus.paused = 2),
                ("the name is 1 to 32 bytes of UTF-8", |bus| bus.name_len = 0),
                ("the name is 1 to 32 bytes of UTF-8", |bus| bus.name[0] = 0xff),
                ("shares sum to 10,000", |bus| bus.owners[0].share_bps += 1),
                ("owners are distinct", |bus| bus.owners[2].owner = wallet(1)),
                ("owners are distinct", |bus| bus.owners[1].owner = wallet(1)),
                ("unused places are empty", |bus| bus.owners[3].owner = wallet(4)),
                ("unused places are empty", |bus| bus.owners[15].reserved[0] = 1),
                ("the lock fee is within its limit", |bus| bus.lock_fee_bps = 501),
                ("the timelock is within its limit", |bus| bus.timelock_seconds = MAX_TIMELOCK_SECONDS + 1),
                ("windows and gate closure are within their limits", |bus| bus.window_seconds = 59),
                ("capacity and base price are above zero", |bus| bus.capacity_wh = 0),
                ("capacity and base price are above zero", |bus| bus.base_price_per_kwh = 0),
                ("escrow and treasury are two accounts", |bus| bus.treasury = bus.escrow),
                ("the pause quorum is one that owners can reach", |bus| bus.pause_quorum = 17),
                ("former owners have unclaimed revenue", |bus| bus.former_owner_count = 17),
                ("former owners have unclaimed revenue", |bus| bus.former_owners[1].accrued = 0),
                ("former owners have unclaimed revenue", |bus| bus.former_owner_count = 1),
                ("an owner is not a former owner", |bus| bus.former_owners[1].owner = wallet(1)),
                ("reserved bytes are zero", |bus| bus.reserved[30] = 1),
            ],
        );
        let whole: &[Change<Bus>] = &[
            |bus| bus.pause_quorum = 16,
            |bus| bus.paused = 1,
            |bus| {
                bus.former_owner_count = 16;
                for (place, former) in bus.former_owners.iter_mut().enumerate() {
                    *former = FormerOwner { owner: wallet(place as u8 + 20), accrued: 1 };
                }
            },
            |bus| {
                (bus.owner_count, bus.threshold) = (1, 1);
                bus.owners[0].share_bps = 10_000;
                bus.owners[1..].fill(OwnerSlot::zeroed());
            },
        ];
        for (index, change) in whole.iter().enumerate() {
            let mut bus = sound;
            change(&mut bus);
            assert_eq!(bus.check_invariants(), Ok(()), "{index}");
        }
    }

    /// What reads an account reads no further than the account goes, whatever its counts say.
    #[test]
    fn counts_beyond_an_account_are_its_end() {
        let mut bus = created(|_| ()).unwrap();
        (bus.owner_count, bus.name_len) = (17, 33);
        assert_eq!((bus.owners().len(), bus.name().len()), (16, 32));
    }
}

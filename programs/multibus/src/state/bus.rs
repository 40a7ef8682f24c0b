//! A bus: one energy network, owned by several parties together. Trades read it; only decisions of its owners write it.

use {
    crate::{
        constants::*,
        error::{ensure, refuse},
        numbered::numbered_enum,
        state::{Terms, TermsConfig},
    },
    anchor_lang::{address_eq, prelude::*},
    bytemuck::{Pod, Zeroable},
};

numbered_enum! {
    /// Who may list energy on a bus.
    pub enum ListingPolicy {
        /// Only owners of the bus.
        OwnersOnly = 0,
        /// Owners, and sellers whom the owners or the operator have admitted.
        Admitted = 1,
        /// Any wallet.
        Open = 2,
    }
}

/// One owner's place in a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
#[repr(C)]
pub struct OwnerSlot {
    /// The owner's wallet.
    pub owner: Address,
    /// Share of the revenue of the bus's own offers, in basis points.
    pub share_bps: u16,
    pub reserved: [u8; 6],
}

/// Configuration of a new bus.
#[derive(Clone, Debug, PartialEq, Eq, AnchorSerialize, AnchorDeserialize)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
pub struct BusConfig {
    /// Name, 1 to 32 bytes of UTF-8 without control characters.
    pub name: String,
    /// Owners and their revenue shares; the creator is one of them, the shares sum to 10,000 basis points.
    pub owners: Vec<OwnerShare>,
    /// Approvals a decision needs, 1 to the number of owners.
    pub threshold: u8,
    /// Approvals that pausing needs, 1 to the threshold; 0 stands for the threshold.
    pub pause_quorum: u8,
    /// Who may list, one of [`ListingPolicy`]: 0 owners only, 1 admitted sellers too, 2 any wallet.
    pub listing_policy: u8,
    /// Fee of a lock that is not settled, in basis points of its deposit, at most 500.
    pub lock_fee_bps: u16,
    /// Wait between the last approval of a decision and its execution, in seconds, at most 30 days. Pausing does not
    /// wait.
    pub timelock_seconds: u32,
    /// How far ahead a window can open and an offer can expire, in seconds, 1 hour to 366 days. It never changes.
    pub horizon_seconds: u32,
    /// First terms of the bus's windows.
    pub terms: TermsConfig,
    /// Energy that may be on offer or sold in one window (in total, where the bus has no windows), in Wh, at most 2^40.
    pub capacity_wh: u64,
    /// Lowest price an offer may ask, in token base units per kWh.
    pub base_price_per_kwh: u64,
    /// Lowest price that the bus's own offers may ask, in token base units per kWh; 0 for the base price.
    pub reserve_price_per_kwh: u64,
    /// Least energy of an offer, a purchase or a lock that does not take the rest, in Wh; at least 1.
    pub least_wh: u64,
    /// Wallet that admits and suspends sellers, withdraws the bus's own offers at once, registers meters and reports in
    /// place of a meter that is silent. Needed where sellers are paid on delivery.
    pub operator: Option<Address>,
    /// Wallet that gets the grid fees; none for the treasury.
    pub grid_recipient: Option<Address>,
}

/// An owner and its revenue share.
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
    /// [`ListingPolicy`].
    pub listing_policy: u8,
    /// 1 while the owners have paused the bus.
    pub paused: u8,
    /// Bytes of `name` in use.
    pub name_len: u8,
    /// Decimals of the settlement mint.
    pub mint_decimals: u8,
    /// Wait between the last approval of a decision and its execution, in seconds.
    pub timelock_seconds: u32,
    /// How far ahead a window can open and an offer can expire, in seconds. Fixed when the bus is created.
    pub horizon_seconds: u32,
    /// Fee of a lock that is not settled, in basis points of its deposit.
    pub lock_fee_bps: u16,
    /// Approvals that pausing needs; 0 stands for the threshold. A lower threshold counts instead: see
    /// `pause_approvals`.
    pub pause_quorum: u8,
    /// 1 once the owners have decided to close the bus: nothing opens on it any more, and it can be closed when nothing
    /// is open.
    pub closing: u8,
    pub padding: [u8; 4],
    /// Energy that may be on offer or sold in one window (in total, where the bus has no windows), in Wh.
    pub capacity_wh: u64,
    /// Lowest price an offer may ask, in token base units per kWh.
    pub base_price_per_kwh: u64,
    /// Lowest price that the bus's own offers may ask, in token base units per kWh; 0 for the base price.
    pub reserve_price_per_kwh: u64,
    /// Least energy of an offer, a purchase or a lock that does not take the rest, in Wh.
    pub least_wh: u64,
    /// Grows by one with every change of owners, shares or threshold, and with the decision to close the bus. Older
    /// proposals become stale by that.
    pub config_version: u64,
    /// Grows by one with every pause and every resume. Older proposals to pause or resume become stale by that.
    pub pause_version: u64,
    /// Number of this bus among those of its creator.
    pub bus_seq: u64,
    /// When the bus was created, in unix seconds.
    pub created_at: i64,
    pub creator: Address,
    /// Settlement mint.
    pub mint: Address,
    /// Token program of the settlement mint.
    pub token_program: Address,
    /// Token account that receives the revenue of the bus's own offers.
    pub treasury: Address,
    /// Token account that holds what could not be paid.
    pub unclaimed: Address,
    /// The seller account of the bus itself, whether it is open or not.
    pub seller: Address,
    /// Wallet that admits and suspends sellers, withdraws the bus's own offers at once, registers meters and reports in
    /// place of a meter that is silent; zeros for none.
    pub operator: Address,
    /// Wallet that gets the grid fees; zeros for the treasury.
    pub grid_recipient: Address,
    /// Terms of windows that start before `next_terms.from`; of all windows where no next terms were decided.
    pub terms: Terms,
    /// Terms of windows that start at `next_terms.from` or later; all zero where none were decided.
    pub next_terms: Terms,
    /// First second in which all windows of earlier delivery terms are final, in unix seconds; 0 where there were no
    /// such terms.
    pub readings_until: i64,
    pub name: [u8; 32],
    pub owners: [OwnerSlot; 16],
    /// Token account that holds the deposits of bids.
    pub escrow: Address,
    /// When the owners' decision to close it was carried out, in unix seconds; 0 before.
    pub closing_at: i64,
    pub reserved: [u64; 27],
}

const _: () = assert!(MAX_OWNERS == 16 && MAX_NAME_LEN == 32 && size_of::<Bus>() == 1_360);

impl Bus {
    /// Checks the configuration of a new bus and writes it.
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
        Self::validate_pause_quorum(config.pause_quorum, config.threshold)?;
        Self::validate_listing_policy(config.listing_policy)?;
        Self::validate_lock_fee(config.lock_fee_bps)?;
        Self::validate_timelock(config.timelock_seconds)?;
        ensure!(
            (MIN_HORIZON_SECONDS..=MAX_HORIZON_SECONDS).contains(&config.horizon_seconds),
            HorizonInvalid,
            "horizon {} s",
            config.horizon_seconds
        );
        let terms = Terms::new(&config.terms, 0);
        terms.validate(config.horizon_seconds, config.operator.is_some())?;
        Self::validate_capacity(config.capacity_wh)?;
        Self::validate_base_price(config.base_price_per_kwh)?;
        Self::validate_least_size(config.least_wh)?;
        if let Some(operator) = &config.operator {
            Self::validate_operator(address, operator)?;
        }
        if let Some(recipient) = &config.grid_recipient {
            Self::validate_grid_recipient(address, recipient)?;
        }

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
        self.terms = terms;
        self.horizon_seconds = config.horizon_seconds;
        self.capacity_wh = config.capacity_wh;
        self.base_price_per_kwh = config.base_price_per_kwh;
        self.reserve_price_per_kwh = config.reserve_price_per_kwh;
        self.least_wh = config.least_wh;
        self.operator = config.operator.unwrap_or_default();
        self.grid_recipient = config.grid_recipient.unwrap_or_default();
        Ok(())
    }

    /// Refuses the bus as its own owner: a claim of its share would pay the treasury out of the treasury.
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

    /// The pause quorum is at most the threshold; 0 stands for the threshold.
    pub fn validate_pause_quorum(pause_quorum: u8, threshold: u8) -> Result<()> {
        ensure!(
            pause_quorum <= threshold,
            PauseQuorumInvalid,
            "pause quorum {}, threshold {}",
            pause_quorum,
            threshold
        );
        Ok(())
    }

    /// The listing policy is one of [`ListingPolicy`].
    pub fn validate_listing_policy(listing_policy: u8) -> Result<()> {
        match ListingPolicy::try_from(listing_policy) {
            Ok(_) => Ok(()),
            Err(unknown) => refuse!(ListingPolicyUnknown, "listing policy {}", unknown),
        }
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

    /// The capacity is 1 to 2^40 Wh.
    pub fn validate_capacity(capacity_wh: u64) -> Result<()> {
        ensure!(capacity_wh > 0, CapacityZero);
        ensure!(
            capacity_wh <= MAX_CAPACITY_WH,
            CapacityTooLarge,
            "capacity {}, largest {}",
            capacity_wh,
            MAX_CAPACITY_WH
        );
        Ok(())
    }

    /// The base price is at least 1 base unit per kWh.
    pub fn validate_base_price(base_price_per_kwh: u64) -> Result<()> {
        ensure!(base_price_per_kwh > 0, BasePriceZero);
        Ok(())
    }

    /// The least size is 1 to 2^40 Wh.
    pub fn validate_least_size(least_wh: u64) -> Result<()> {
        ensure!(
            (1..=MAX_CAPACITY_WH).contains(&least_wh),
            LeastSizeInvalid,
            "least size {}, largest {}",
            least_wh,
            MAX_CAPACITY_WH
        );
        Ok(())
    }

    /// The operator is a wallet: neither all zeros nor the bus.
    pub fn validate_operator(address: &Address, operator: &Address) -> Result<()> {
        ensure!(operator.to_bytes() != [0; 32] && !address_eq(operator, address), OperatorInvalid);
        Ok(())
    }

    /// The recipient of grid fees is a wallet: neither all zeros nor the bus.
    pub fn validate_grid_recipient(address: &Address, recipient: &Address) -> Result<()> {
        ensure!(recipient.to_bytes() != [0; 32] && !address_eq(recipient, address), GridRecipientInvalid);
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

    /// Approvals that pausing needs now: the pause quorum, but never more than the threshold.
    pub fn pause_approvals(&self) -> u8 {
        if self.pause_quorum == 0 { self.threshold } else { self.pause_quorum.min(self.threshold) }
    }

    /// Place of a wallet in `owners`; `None` where it is not an owner.
    #[inline]
    pub fn owner_index(&self, wallet: &Address) -> Option<usize> {
        self.owners().iter().position(|slot| address_eq(&slot.owner, wallet))
    }

    /// Place of an owner in `owners`; refuses other wallets.
    #[inline(never)]
    pub fn validate_owner(&self, wallet: &Address) -> Result<usize> {
        match self.owner_index(wallet) {
            Some(index) => Ok(index),
            None => refuse!(NotAnOwner),
        }
    }

    /// Whether the wallet is the operator.
    pub fn is_operator(&self, wallet: &Address) -> bool {
        self.has_operator() && address_eq(&self.operator, wallet)
    }

    /// Refuses wallets that are not the operator.
    pub fn validate_is_operator(&self, wallet: &Address) -> Result<()> {
        ensure!(self.is_operator(wallet), NotTheOperator);
        Ok(())
    }

    /// Refuses while the owners have paused the bus.
    #[inline(always)]
    pub fn validate_running(&self) -> Result<()> {
        ensure!(self.paused == 0, BusPaused);
        Ok(())
    }

    /// Refuses once the owners have decided to close the bus.
    #[inline(always)]
    pub fn validate_open(&self) -> Result<()> {
        ensure!(self.closing == 0, BusClosing);
        Ok(())
    }

    /// Terms of a window that starts at `time`; without windows, the terms that hold at `time`.
    #[inline(always)]
    pub fn terms_at(&self, time: i64) -> &Terms {
        if self.next_terms.from != 0 && time >= self.next_terms.from { &self.next_terms } else { &self.terms }
    }

    /// When trading outside windows ends, in unix seconds: when terms with windows start; `i64::MAX` where none are
    /// decided.
    fn general_ends_at(&self, now: i64) -> i64 {
        let (terms, next) = (self.terms_at(now), &self.next_terms);
        if terms.has_windows() {
            terms.from
        } else if now < next.from && next.has_windows() {
            next.from
        } else {
            i64::MAX
        }
    }

    /// The latest expiry that an offer can have, in unix seconds: its gate (without windows, the start of terms with
    /// windows) or one horizon ahead, whichever is earlier.
    #[inline(always)]
    pub fn latest_expiry(&self, gate_closes_at: i64, now: i64) -> i64 {
        let end = if gate_closes_at == i64::MAX { self.general_ends_at(now) } else { gate_closes_at };
        end.min(now.saturating_add(self.horizon_seconds as i64))
    }

    /// Refuses terms that cannot become the next ones now. They must start more than one horizon ahead, so that no open
    /// window changes, and where a window of the present terms ends. They may replace next terms only while those start
    /// more than one horizon ahead, too.
    pub fn validate_next_terms(&self, next: &Terms, now: i64) -> Result<()> {
        let nearest = now.saturating_add(self.horizon_seconds as i64);
        ensure!(next.from > nearest, TermsTooSoon, "from {}, later than {} is possible", next.from, nearest);
        let waiting = self.next_terms.from;
        ensure!(
            waiting <= now || waiting > nearest,
            TermsFixed,
            "the next terms hold from {}, replaceable while later than {}",
            waiting,
            nearest
        );
        next.validate(self.horizon_seconds, self.has_operator())?;
        let before = self.terms_at(now);
        for terms in [before, next] {
            ensure!(
                !terms.has_windows() || terms.aligns(next.from),
                TermsMisaligned,
                "from {}, window length {}",
                next.from,
                terms.window_seconds
            );
        }
        Ok(())
    }

    /// Makes the next terms the present ones where they hold already.
    pub fn promote_terms(&mut self, now: i64) {
        let next = self.next_terms;
        if next.from != 0 && now >= next.from {
            if self.terms.is_on_delivery() {
                self.readings_until = self.readings_until.max(Self::readings_end(&self.terms, next.from));
            }
            self.terms = next;
            self.next_terms = Terms::zeroed();
        }
    }

    /// First second in which every window of these terms that ends at `end` or earlier is final.
    fn readings_end(terms: &Terms, end: i64) -> i64 {
        let after_end = terms.readings_after() - terms.window_seconds as i64;
        end.saturating_add(after_end)
            .saturating_add(terms.reading_deadline_seconds as i64)
            .saturating_add(terms.correction_seconds as i64)
    }

    /// First second in which the bus can do without an operator, in unix seconds: when all windows on delivery terms
    /// are final. `i64::MAX` while no end of the delivery terms is decided.
    pub fn operator_needed_until(&self) -> i64 {
        let (terms, next) = (&self.terms, &self.next_terms);
        if (next.from != 0 && next.is_on_delivery()) || (next.from == 0 && terms.is_on_delivery()) {
            i64::MAX
        } else if terms.is_on_delivery() {
            self.readings_until.max(Self::readings_end(terms, next.from))
        } else {
            self.readings_until
        }
    }

    /// Whether the bus has an operator.
    pub fn has_operator(&self) -> bool {
        self.operator.to_bytes() != [0; 32]
    }

    /// Refuses a price below the base price, and for the bus's own offers below the reserve price.
    #[inline(always)]
    pub fn validate_price(&self, price_per_kwh: u64, is_of_bus: bool) -> Result<()> {
        ensure!(
            price_per_kwh >= self.base_price_per_kwh,
            PriceBelowBase,
            "price {}, base price {}",
            price_per_kwh,
            self.base_price_per_kwh
        );
        if is_of_bus {
            self.validate_reserve_price(price_per_kwh)?;
        }
        Ok(())
    }

    /// Refuses a price of the bus's own energy below the reserve price.
    #[inline(always)]
    pub fn validate_reserve_price(&self, price_per_kwh: u64) -> Result<()> {
        ensure!(
            price_per_kwh >= self.reserve_price_per_kwh,
            PriceBelowReserve,
            "price {}, reserve price {}",
            price_per_kwh,
            self.reserve_price_per_kwh
        );
        Ok(())
    }

    /// Refuses an amount below the least size, unless it takes all that is left (`rest_wh`).
    #[inline(always)]
    pub fn validate_size(least_wh: u64, energy_wh: u64, rest_wh: u64) -> Result<()> {
        ensure!(
            energy_wh >= least_wh || energy_wh == rest_wh,
            SizeTooSmall,
            "{} Wh, least size {}",
            energy_wh,
            least_wh
        );
        Ok(())
    }

    /// Whether the listing policy lets a wallet list; `admitted` says whether it is an admitted seller.
    #[inline(always)]
    pub fn may_list(&self, wallet: &Address, admitted: bool) -> bool {
        self.listing_policy == ListingPolicy::Open as u8
            || (admitted && self.listing_policy == ListingPolicy::Admitted as u8)
            || self.owner_index(wallet).is_some()
    }

    /// Refuses a caller who may not act for the seller `wallet`. The wallet itself may, and any owner where the seller
    /// is the bus.
    #[inline(always)]
    pub fn validate_acts_for(&self, address: &Address, wallet: &Address, caller: &Address) -> Result<()> {
        ensure!(self.acts_for(address, wallet, caller), NotTheSeller);
        Ok(())
    }

    /// Whether the caller may act for the seller `wallet` on the bus with this `address`.
    #[inline(always)]
    pub fn acts_for(&self, address: &Address, wallet: &Address, caller: &Address) -> bool {
        address_eq(wallet, caller) || (address_eq(wallet, address) && self.owner_index(caller).is_some())
    }

    /// Refuses a window that cannot be opened now.
    #[inline(never)]
    pub fn validate_window(&self, window_start: i64, now: i64) -> Result<()> {
        self.validate_open()?;
        let terms = self.terms_at(window_start);
        ensure!(terms.has_windows(), WindowsOff);
        ensure!(
            window_start > 0 && terms.aligns(window_start),
            WindowMisaligned,
            "window start {}, window length {}",
            window_start,
            terms.window_seconds
        );
        let closes_at = terms.gate_closes_at(window_start);
        ensure!(now < closes_at, GateClosed, "gate closed at {}, now {}", closes_at, now);
        let latest = now.saturating_add(self.horizon_seconds as i64);
        ensure!(window_start <= latest, WindowTooFar, "window start {}, latest {}", window_start, latest);
        Ok(())
    }

    /// Checks what always holds of a bus.
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
            horizon_seconds,
            lock_fee_bps,
            pause_quorum,
            closing,
            padding,
            capacity_wh,
            base_price_per_kwh,
            reserve_price_per_kwh: _,
            least_wh,
            config_version: _,
            pause_version: _,
            bus_seq: _,
            created_at: _,
            creator: _,
            mint: _,
            token_program: _,
            treasury,
            unclaimed,
            seller: _,
            operator,
            grid_recipient: _,
            terms,
            next_terms,
            readings_until: _,
            name,
            owners,
            escrow,
            closing_at,
            reserved,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        let count = *owner_count as usize;
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        invariant((1..=MAX_OWNERS).contains(&count), "a bus has 1 to 16 owners")?;
        invariant(*threshold >= 1 && threshold <= owner_count, "1 <= threshold <= owners")?;
        invariant(Self::validate_listing_policy(*listing_policy).is_ok(), "the listing policy is known")?;
        invariant(*paused <= 1 && *closing <= 1, "flags are 0 or 1")?;
        invariant(*closing == 1 || *closing_at == 0, "only a bus that is closing began to")?;
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
            (MIN_HORIZON_SECONDS..=MAX_HORIZON_SECONDS).contains(horizon_seconds),
            "the horizon is within its limits",
        )?;
        terms.check_invariants(*horizon_seconds)?;
        if *next_terms != Terms::zeroed() {
            next_terms.check_invariants(*horizon_seconds)?;
            invariant(next_terms.from > terms.from, "the next terms hold after the present ones")?;
        }
        invariant(
            operator.to_bytes() != [0; 32] || !(terms.is_on_delivery() || next_terms.is_on_delivery()),
            "who pays on delivery has an operator",
        )?;
        invariant(Self::validate_capacity(*capacity_wh).is_ok(), "the capacity is within its limits")?;
        invariant(*base_price_per_kwh > 0, "the base price is above zero")?;
        invariant(Self::validate_least_size(*least_wh).is_ok(), "the least size is within its limits")?;
        invariant(
            treasury != unclaimed && treasury != escrow && unclaimed != escrow,
            "treasury, unclaimed and escrow are three accounts",
        )?;
        invariant(*pause_quorum as usize <= MAX_OWNERS, "the pause quorum is one that owners can reach")?;
        invariant(
            *padding == [0; 4] && *reserved == [0; 27] && owners.iter().all(|slot| slot.reserved == [0; 6]),
            "reserved bytes are zero",
        )
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
            listing_policy: 2,
            lock_fee_bps: 500,
            timelock_seconds: MAX_TIMELOCK_SECONDS,
            horizon_seconds: MAX_HORIZON_SECONDS,
            terms: TermsConfig { window_seconds: 900, gate_closure_seconds: 60, ..TermsConfig::default() },
            capacity_wh: 1,
            base_price_per_kwh: 1,
            reserve_price_per_kwh: 5,
            least_wh: 1,
            operator: Some(wallet(8)),
            grid_recipient: Some(wallet(9)),
        }
    }

    /// A bus of wallet 2, whose configuration has one change.
    fn created(change: impl FnOnce(&mut BusConfig)) -> Result<Bus> {
        let mut config = config();
        change(&mut config);
        let mut bus = Bus { unclaimed: wallet(7), escrow: wallet(8), ..Bus::zeroed() };
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
        assert_eq!((bus.owner_count, bus.threshold, bus.pause_quorum, bus.listing_policy), (3, 2, 1, 2));
        assert_eq!((bus.lock_fee_bps, bus.timelock_seconds), (500, MAX_TIMELOCK_SECONDS));
        assert_eq!((bus.terms.config(), bus.terms.from, bus.next_terms), (config().terms, 0, Terms::zeroed()));
        assert_eq!((bus.capacity_wh, bus.base_price_per_kwh, bus.name_len), (1, 1, 12));
        assert_eq!((bus.horizon_seconds, bus.reserve_price_per_kwh, bus.least_wh), (MAX_HORIZON_SECONDS, 5, 1));
        assert_eq!((bus.operator, bus.closing, bus.paused), (wallet(8), 0, 0));
        assert_eq!((bus.grid_recipient, bus.readings_until), (wallet(9), 0));
        assert_eq!(created(|config| config.grid_recipient = None).unwrap().grid_recipient, Address::default());
        assert_eq!(created(|config| config.operator = None).unwrap().operator, Address::default());
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
            (ListingPolicyUnknown, |config| config.listing_policy = 3),
            (LockFeeTooHigh, |config| config.lock_fee_bps = MAX_LOCK_FEE_BPS + 1),
            (TimelockTooLong, |config| config.timelock_seconds = MAX_TIMELOCK_SECONDS + 1),
            (WindowsInvalid, |config| config.terms.window_seconds = 0),
            (SettlementUnknown, |config| config.terms.settlement = 2),
            (OperatorNeeded, |config| {
                (config.operator, config.terms.settlement) = (None, 1);
                (config.terms.reading_deadline_seconds, config.terms.correction_seconds) = (3_600, 3_600);
            }),
            (HorizonInvalid, |config| config.horizon_seconds = MIN_HORIZON_SECONDS - 1),
            (HorizonInvalid, |config| config.horizon_seconds = MAX_HORIZON_SECONDS + 1),
            (HorizonTooShort, |config| (config.terms.window_seconds, config.horizon_seconds) = (3_540, 3_600)),
            (CapacityZero, |config| config.capacity_wh = 0),
            (CapacityTooLarge, |config| config.capacity_wh = MAX_CAPACITY_WH + 1),
            (BasePriceZero, |config| config.base_price_per_kwh = 0),
            (LeastSizeInvalid, |config| config.least_wh = 0),
            (LeastSizeInvalid, |config| config.least_wh = MAX_CAPACITY_WH + 1),
            (OperatorInvalid, |config| config.operator = Some(Address::default())),
            (OperatorInvalid, |config| config.operator = Some(BUS)),
            (GridRecipientInvalid, |config| config.grid_recipient = Some(Address::default())),
            (GridRecipientInvalid, |config| config.grid_recipient = Some(BUS)),
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
            |config| config.listing_policy = 1,
            |config| config.horizon_seconds = MIN_HORIZON_SECONDS,
            |config| (config.terms.window_seconds, config.horizon_seconds) = (3_539, 3_600),
            |config| (config.capacity_wh, config.least_wh) = (MAX_CAPACITY_WH, MAX_CAPACITY_WH),
            |config| config.reserve_price_per_kwh = 0,
            |config| config.operator = Some(wallet(1)),
            |config| config.terms = TermsConfig::default(),
            |config| {
                config.terms.settlement = 1;
                (config.terms.reading_deadline_seconds, config.terms.correction_seconds) = (3_600, 3_600);
            },
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
        assert!(bus.is_operator(&wallet(8)) && !bus.is_operator(&wallet(1)));
        assert_eq!(bus.validate_is_operator(&wallet(8)), Ok(()));
        assert_eq!(bus.validate_is_operator(&wallet(1)), Err(MultibusError::NotTheOperator.into()));
        bus.operator = Address::default();
        assert_eq!(bus.validate_is_operator(&Address::default()), Err(MultibusError::NotTheOperator.into()));
    }

    #[test]
    fn a_seller_acts_for_itself_and_owners_for_the_bus() {
        let bus = created(|_| ()).unwrap();
        assert_eq!(bus.validate_acts_for(&BUS, &wallet(5), &wallet(5)), Ok(()));
        for other in [1, 4] {
            let refused = bus.validate_acts_for(&BUS, &wallet(5), &wallet(other));
            assert_eq!(refused, Err(MultibusError::NotTheSeller.into()));
        }
        assert_eq!(bus.validate_acts_for(&BUS, &BUS, &wallet(1)), Ok(()));
        assert_eq!(bus.validate_acts_for(&BUS, &BUS, &wallet(4)), Err(MultibusError::NotTheSeller.into()));
    }

    #[test]
    fn amounts_below_the_least_size_take_the_rest_or_are_refused() {
        let bus = created(|config| config.least_wh = 10).unwrap();
        for (energy_wh, rest_wh, taken) in
            [(10, 100, true), (9, 100, false), (9, 9, true), (9, 10, false), (0, 10, false)]
        {
            let expected = if taken { Ok(()) } else { Err(MultibusError::SizeTooSmall.into()) };
            assert_eq!(Bus::validate_size(bus.least_wh, energy_wh, rest_wh), expected, "{energy_wh} of {rest_wh}");
        }
    }

    #[test]
    fn an_expiry_is_at_the_latest_the_gate_or_one_horizon_ahead() {
        let bus = created(|config| config.horizon_seconds = 3_600).unwrap();
        assert_eq!(bus.latest_expiry(5_000, 1_000), 4_600);
        assert_eq!(bus.latest_expiry(4_000, 1_000), 4_000);
        assert_eq!(bus.latest_expiry(i64::MAX - 1, i64::MAX - 2), i64::MAX - 1);
    }

    #[test]
    fn offers_outside_windows_end_before_windows_start() {
        let mut bus = created(|config| config.terms = TermsConfig::default()).unwrap();
        let horizon = MAX_HORIZON_SECONDS as i64;
        let windows = TermsConfig { window_seconds: 900, ..TermsConfig::default() };
        assert_eq!(bus.latest_expiry(i64::MAX, 1_000), 1_000 + horizon);
        bus.next_terms = Terms::new(&windows, 9_000);
        assert_eq!(bus.latest_expiry(i64::MAX, 1_000), 9_000);
        // Once there are windows, offers outside them are over.
        assert_eq!(bus.latest_expiry(i64::MAX, 9_500), 9_000);
        bus.promote_terms(9_500);
        assert_eq!((bus.terms.from, bus.latest_expiry(i64::MAX, 9_500)), (9_000, 9_000));
        // Windows end: from then on offers outside them are possible.
        bus.next_terms = Terms::new(&TermsConfig::default(), 18_000);
        assert_eq!(bus.latest_expiry(i64::MAX, 17_999), 9_000);
        assert_eq!(bus.latest_expiry(i64::MAX, 18_000), 18_000 + horizon);
    }

    #[test]
    fn next_terms_hold_from_a_window_beyond_the_horizon_and_change_no_open_one() {
        use MultibusError::*;
        let (now, horizon) = (90_000, 36_000);
        let mut bus = created(|config| config.horizon_seconds = horizon).unwrap();
        let nearest = now + horizon as i64;
        let next = |window_seconds, from| Terms::new(&TermsConfig { window_seconds, ..TermsConfig::default() }, from);
        for (terms, expected) in [
            (next(900, nearest), Err(TermsTooSoon)),
            (next(900, nearest + 900), Ok(())),
            (next(1_800, nearest + 900), Err(TermsMisaligned)),
            (next(1_800, nearest + 1_800), Ok(())),
            (next(0, nearest + 900), Ok(())),
            // The last window of the present terms would reach into the new terms.
            (next(60, nearest + 60), Err(TermsMisaligned)),
            (next(59, nearest + 900), Err(WindowsInvalid)),
        ] {
            let refused = bus.validate_next_terms(&terms, now).err();
            assert_eq!(refused, expected.err().map(Into::into), "{terms:?}");
        }
        bus.next_terms = next(1_800, nearest + 1_800);
        assert_eq!(bus.terms_at(nearest + 1_799).window_seconds, 900);
        assert_eq!(bus.terms_at(nearest + 1_800).window_seconds, 1_800);
        // They can be replaced while they are more than one horizon away, and again once they hold.
        assert_eq!(bus.validate_next_terms(&next(900, nearest + 2_700), now), Ok(()));
        for later in [now + 1_800, nearest + 1_799] {
            let replaced = bus.validate_next_terms(&next(900, later + horizon as i64 + 9_000 - later % 900), later);
            assert_eq!(replaced, Err(TermsFixed.into()), "{later}");
        }
        let held = nearest + 1_800;
        bus.promote_terms(held - 1);
        assert_eq!((bus.terms.from, bus.next_terms.from), (0, held));
        bus.promote_terms(held);
        assert_eq!((bus.terms.from, bus.terms.window_seconds, bus.next_terms), (held, 1_800, Terms::zeroed()));
        assert_eq!(bus.validate_next_terms(&next(900, held + horizon as i64 + 1_800), held), Ok(()));
    }

    #[test]
    fn an_operator_is_needed_until_the_last_reading_is_final() {
        let mut bus = created(|_| ()).unwrap();
        assert_eq!(bus.operator_needed_until(), 0);
        let delivery = TermsConfig {
            window_seconds: 900,
            settlement: 1,
            reading_deadline_seconds: 3_600,
            correction_seconds: 7_200,
            ..TermsConfig::default()
        };
        bus.next_terms = Terms::new(&delivery, 9_000);
        assert_eq!(bus.operator_needed_until(), i64::MAX);
        bus.promote_terms(9_000);
        assert_eq!(bus.operator_needed_until(), i64::MAX);
        bus.next_terms = Terms::new(&TermsConfig::default(), 18_000);
        assert_eq!(bus.operator_needed_until(), 18_000 + 10_800);
        bus.promote_terms(18_000);
        assert_eq!((bus.operator_needed_until(), bus.readings_until), (28_800, 28_800));
        // Later delivery terms with shorter times do not shorten the earlier ones.
        let short = TermsConfig { correction_seconds: 3_600, ..delivery };
        bus.next_terms = Terms::new(&short, 18_900);
        bus.promote_terms(18_900);
        bus.next_terms = Terms::new(&TermsConfig::default(), 19_800);
        assert_eq!(bus.operator_needed_until(), 28_800);
        bus.promote_terms(19_800);
        assert_eq!((bus.operator_needed_until(), bus.readings_until), (28_800, 28_800));
    }

    #[test]
    fn prices_and_pauses_and_gates_are_kept_to_the_unit() {
        let mut bus = created(|config| config.base_price_per_kwh = 10).unwrap();
        for is_of_bus in [false, true] {
            assert_eq!(bus.validate_price(10, is_of_bus), Ok(()));
            assert_eq!(bus.validate_price(9, is_of_bus), Err(MultibusError::PriceBelowBase.into()));
        }
        bus.reserve_price_per_kwh = 12;
        assert_eq!(bus.validate_price(11, false), Ok(()));
        assert_eq!(bus.validate_price(11, true), Err(MultibusError::PriceBelowReserve.into()));
        assert_eq!(bus.validate_price(12, true), Ok(()));
        assert!(bus.validate_running().is_ok());
        bus.paused = 1;
        assert_eq!(bus.validate_running(), Err(MultibusError::BusPaused.into()));
        assert_eq!(bus.validate_open(), Ok(()));
        bus.closing = 1;
        assert_eq!(bus.validate_open(), Err(MultibusError::BusClosing.into()));
    }

    #[test]
    fn windows_are_opened_aligned_in_time_and_within_the_horizon() {
        let now = 90_000;
        let mut bus = created(|_| ()).unwrap();
        let latest = now + MAX_HORIZON_SECONDS as i64;
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
        // A second earlier the latest window is too far. With a horizon beyond the largest time, no window is.
        assert_eq!(bus.validate_window(latest, now - 1), Err(MultibusError::WindowTooFar.into()));
        assert_eq!(bus.validate_window(i64::MAX / 900 * 900, i64::MAX - 2_000), Ok(()));
        bus.closing = 1;
        assert_eq!(bus.validate_window(now + 900, now), Err(MultibusError::BusClosing.into()));
        bus.closing = 0;
        bus.terms = Terms::zeroed();
        assert_eq!(bus.validate_window(now + 900, now), Err(MultibusError::WindowsOff.into()));
    }

    #[test]
    fn every_invariant_notices_what_breaks_it() {
        let sound = created(|_| ()).unwrap();
        assert_eq!(sound.check_invariants(), Ok(()));
        assert_noticed(
            &sound,
            Bus::check_invariants,
            &[
                ("the layout version is the present one", |bus| bus.layout_version = 1),
                ("a bus has 1 to 16 owners", |bus| bus.owner_count = 0),
                ("a bus has 1 to 16 owners", |bus| bus.owner_count = 17),
                ("1 <= threshold <= owners", |bus| bus.threshold = 0),
                ("1 <= threshold <= owners", |bus| bus.threshold = 4),
                ("the listing policy is known", |bus| bus.listing_policy = 3),
                ("flags are 0 or 1", |bus| bus.paused = 2),
                ("flags are 0 or 1", |bus| bus.closing = 2),
                ("only a bus that is closing began to", |bus| bus.closing_at = 1),
                ("the name is 1 to 32 bytes of UTF-8", |bus| bus.name_len = 0),
                ("the name is 1 to 32 bytes of UTF-8", |bus| bus.name[0] = 0xff),
                ("shares sum to 10,000", |bus| bus.owners[0].share_bps += 1),
                ("owners are distinct", |bus| bus.owners[2].owner = wallet(1)),
                ("owners are distinct", |bus| bus.owners[1].owner = wallet(1)),
                ("unused places are empty", |bus| bus.owners[3].owner = wallet(4)),
                ("unused places are empty", |bus| bus.owners[15].reserved[0] = 1),
                ("the horizon is within its limits", |bus| bus.horizon_seconds = MIN_HORIZON_SECONDS - 1),
                ("the horizon is within its limits", |bus| bus.horizon_seconds = MAX_HORIZON_SECONDS + 1),
                ("the lock fee is within its limit", |bus| bus.lock_fee_bps = 501),
                ("the timelock is within its limit", |bus| bus.timelock_seconds = MAX_TIMELOCK_SECONDS + 1),
                ("terms are within their limits", |bus| bus.terms.window_seconds = 59),
                ("terms are within their limits", |bus| bus.next_terms.window_seconds = 59),
                ("the next terms hold after the present ones", |bus| bus.next_terms.window_seconds = 900),
                ("who pays on delivery has an operator", |bus| {
                    bus.operator = Address::default();
                    (bus.terms.settlement, bus.terms.reading_deadline_seconds, bus.terms.correction_seconds) =
                        (1, 3_600, 3_600);
                }),
                ("the capacity is within its limits", |bus| bus.capacity_wh = 0),
                ("the capacity is within its limits", |bus| bus.capacity_wh = MAX_CAPACITY_WH + 1),
                ("the base price is above zero", |bus| bus.base_price_per_kwh = 0),
                ("the least size is within its limits", |bus| bus.least_wh = 0),
                ("treasury, unclaimed and escrow are three accounts", |bus| bus.treasury = bus.unclaimed),
                ("treasury, unclaimed and escrow are three accounts", |bus| bus.escrow = bus.unclaimed),
                ("treasury, unclaimed and escrow are three accounts", |bus| bus.escrow = bus.treasury),
                ("the pause quorum is one that owners can reach", |bus| bus.pause_quorum = 17),
                ("reserved bytes are zero", |bus| bus.padding[3] = 1),
                ("reserved bytes are zero", |bus| bus.owners[2].reserved[5] = 1),
                ("reserved bytes are zero", |bus| bus.reserved[26] = 1),
            ],
        );
        let whole: &[Change<Bus>] = &[
            |bus| bus.pause_quorum = 16,
            |bus| (bus.paused, bus.closing) = (1, 1),
            |bus| bus.horizon_seconds = MIN_HORIZON_SECONDS,
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

    /// Reading never goes beyond the account's arrays, whatever its counts say.
    #[test]
    fn counts_beyond_an_account_are_its_end() {
        let mut bus = created(|_| ()).unwrap();
        (bus.owner_count, bus.name_len) = (17, 33);
        assert_eq!((bus.owners().len(), bus.name().len()), (16, 32));
    }
}

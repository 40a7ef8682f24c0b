//! A proposal: one change of a bus that its owners decide on together.

use {
    crate::{
        constants::*,
        error::{ensure, refuse},
        state::{Bus, Capacity, OwnerShare, OwnerSlot},
    },
    anchor_lang::{address_eq, prelude::*},
    bytemuck::{Pod, Zeroable},
};

/// What a proposal would change.
#[derive(Clone, Debug, PartialEq, Eq, AnchorSerialize, AnchorDeserialize)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
pub enum ProposalAction {
    /// Adds an owner; the shares are those of all owners afterwards, in their order, the new one last.
    OwnerAdd { owner: Address, shares_bps: Vec<u16> },
    /// Removes an owner; the shares are those of the remaining owners, in their order.
    OwnerRemove { owner: Address, shares_bps: Vec<u16> },
    /// Sets the shares of all owners, in their order.
    SharesSet { shares_bps: Vec<u16> },
    /// Sets the approvals a decision needs.
    ThresholdSet { threshold: u8 },
    /// Sets the wait before a decision executes, in seconds.
    TimelockSet { timelock_seconds: u32 },
    /// Sets the energy per window, in Wh: of windows opened from then on, or at once where the bus has none.
    CapacitySet { capacity_wh: u64 },
    /// Sets the lowest price an offer may ask, in token base units per kWh.
    BasePriceSet { base_price_per_kwh: u64 },
    /// Sets who may list: 0 owners only, 1 any wallet.
    ListingPolicySet { listing_policy: u8 },
    /// Sets the window length and the gate closure, in seconds; both 0 turn windows off.
    WindowsSet { window_seconds: u32, gate_closure_seconds: u32 },
    /// Sets what an unsettled lock costs, in basis points of its deposit.
    LockFeeSet { lock_fee_bps: u16 },
    /// Stops new offers, locks, settlements and purchases. Needs the pause quorum and no timelock.
    Pause,
    /// Lets the bus trade again.
    Resume,
}

/// Number of each [`ProposalAction`] in an account and an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ActionKind {
    OwnerAdd = 0,
    OwnerRemove = 1,
    SharesSet = 2,
    ThresholdSet = 3,
    TimelockSet = 4,
    CapacitySet = 5,
    BasePriceSet = 6,
    ListingPolicySet = 7,
    WindowsSet = 8,
    LockFeeSet = 9,
    Pause = 10,
    Resume = 11,
}

/// A [`ProposalAction`] as accounts and events hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
#[repr(C)]
pub struct Action {
    /// [`ActionKind`].
    pub kind: u8,
    /// Shares in `shares_bps`, from the front.
    pub share_count: u8,
    pub padding: [u8; 6],
    /// The new value; the window length where windows are set.
    pub value: u64,
    /// The gate closure where windows are set, else 0.
    pub gate_closure_seconds: u64,
    /// The owner to add or remove, else zeros.
    pub owner: Address,
    pub shares_bps: [u16; 16],
}

impl Action {
    /// The account form of an action; refuses more shares than a bus has owners.
    pub fn encode(action: &ProposalAction) -> Result<Self> {
        let plain = |kind: ActionKind, value: u64| Self { kind: kind as u8, value, ..Self::zeroed() };
        let with_shares = |kind: ActionKind, owner: Address, shares: &[u16]| -> Result<Self> {
            ensure!(shares.len() <= MAX_OWNERS, ShareCountInvalid, "{} shares", shares.len() as u64);
            let mut encoded = Self { kind: kind as u8, share_count: shares.len() as u8, owner, ..Self::zeroed() };
            encoded.shares_bps[..shares.len()].copy_from_slice(shares);
            Ok(encoded)
        };
        Ok(match action {
            ProposalAction::OwnerAdd { owner, shares_bps } => with_shares(ActionKind::OwnerAdd, *owner, shares_bps)?,
            ProposalAction::OwnerRemove { owner, shares_bps } => {
                with_shares(ActionKind::OwnerRemove, *owner, shares_bps)?
            }
            ProposalAction::SharesSet { shares_bps } => {
                with_shares(ActionKind::SharesSet, Address::default(), shares_bps)?
            }
            ProposalAction::ThresholdSet { threshold } => plain(ActionKind::ThresholdSet, *threshold as u64),
            ProposalAction::TimelockSet { timelock_seconds } => {
                plain(ActionKind::TimelockSet, *timelock_seconds as u64)
            }
            ProposalAction::CapacitySet { capacity_wh } => plain(ActionKind::CapacitySet, *capacity_wh),
            ProposalAction::BasePriceSet { base_price_per_kwh } => plain(ActionKind::BasePriceSet, *base_price_per_kwh),
            ProposalAction::ListingPolicySet { listing_policy } => {
                plain(ActionKind::ListingPolicySet, *listing_policy as u64)
            }
            ProposalAction::WindowsSet { window_seconds, gate_closure_seconds } => Self {
                gate_closure_seconds: *gate_closure_seconds as u64,
                ..plain(ActionKind::WindowsSet, *window_seconds as u64)
            },
            ProposalAction::LockFeeSet { lock_fee_bps } => plain(ActionKind::LockFeeSet, *lock_fee_bps as u64),
            ProposalAction::Pause => plain(ActionKind::Pause, 0),
            ProposalAction::Resume => plain(ActionKind::Resume, 0),
        })
    }

    /// The action that was proposed; `None` where a later program wrote it.
    pub fn decode(&self) -> Option<ProposalAction> {
        let owner = self.owner;
        let shares_bps = || self.shares().to_vec();
        Some(match self.kind {
            kind if kind == ActionKind::OwnerAdd as u8 => ProposalAction::OwnerAdd { owner, shares_bps: shares_bps() },
            kind if kind == ActionKind::OwnerRemove as u8 => {
                ProposalAction::OwnerRemove { owner, shares_bps: shares_bps() }
            }
            kind if kind == ActionKind::SharesSet as u8 => ProposalAction::SharesSet { shares_bps: shares_bps() },
            kind if kind == ActionKind::ThresholdSet as u8 => {
                ProposalAction::ThresholdSet { threshold: self.value as u8 }
            }
            kind if kind == ActionKind::TimelockSet as u8 => {
                ProposalAction::TimelockSet { timelock_seconds: self.value as u32 }
            }
            kind if kind == ActionKind::CapacitySet as u8 => ProposalAction::CapacitySet { capacity_wh: self.value },
            kind if kind == ActionKind::BasePriceSet as u8 => {
                ProposalAction::BasePriceSet { base_price_per_kwh: self.value }
            }
            kind if kind == ActionKind::ListingPolicySet as u8 => {
                ProposalAction::ListingPolicySet { listing_policy: self.value as u8 }
            }
            kind if kind == ActionKind::WindowsSet as u8 => ProposalAction::WindowsSet {
                window_seconds: self.value as u32,
                gate_closure_seconds: self.gate_closure_seconds as u32,
            },
            kind if kind == ActionKind::LockFeeSet as u8 => {
                ProposalAction::LockFeeSet { lock_fee_bps: self.value as u16 }
            }
            kind if kind == ActionKind::Pause as u8 => ProposalAction::Pause,
            kind if kind == ActionKind::Resume as u8 => ProposalAction::Resume,
            _ => return None,
        })
    }

    fn shares(&self) -> &[u16] {
        &self.shares_bps[..(self.share_count as usize).min(MAX_OWNERS)]
    }

    /// Whether this changes owners, shares or threshold, which makes older proposals stale.
    pub fn changes_owners(&self) -> bool {
        self.kind <= ActionKind::ThresholdSet as u8
    }

    /// Whether this changes who earns how much, so that the old shares are settled first.
    pub fn changes_shares(&self) -> bool {
        self.kind <= ActionKind::SharesSet as u8
    }

    /// Whether the action could be carried out on the bus as it is: refused when it is proposed and again when it is
    /// executed. The one place where the rules of decisions stand.
    pub fn validate(&self, bus: &Bus, general: &Capacity) -> Result<()> {
        let kind = self.kind;
        if kind == ActionKind::OwnerAdd as u8 {
            ensure!(self.owner.to_bytes() != [0; 32], OwnerZero);
            Bus::validate_owner_is_not(&general.bus, &self.owner)?;
            ensure!(bus.owner_index(&self.owner).is_none(), AlreadyOwner);
            ensure!((bus.owner_count as usize) < MAX_OWNERS, OwnersFull);
            self.validate_shares(bus.owner_count + 1)
        } else if kind == ActionKind::OwnerRemove as u8 {
            ensure!(bus.owner_index(&self.owner).is_some(), OwnerUnknown);
            ensure!(bus.owner_count > 1, LastOwner);
            let left = bus.owner_count - 1;
            ensure!(bus.threshold <= left, ThresholdAboveOwners, "threshold {}, owners left {}", bus.threshold, left);
            self.validate_shares(left)
        } else if kind == ActionKind::SharesSet as u8 {
            self.validate_shares(bus.owner_count)
        } else if kind == ActionKind::ThresholdSet as u8 {
            Bus::validate_threshold(self.value as u8, bus.owner_count)
        } else if kind == ActionKind::TimelockSet as u8 {
            Bus::validate_timelock(self.value as u32)
        } else if kind == ActionKind::CapacitySet as u8 {
            Bus::validate_capacity(self.value)?;
            let used_wh = general.listed_wh + general.sold_wh;
            ensure!(
                self.value >= used_wh,
                CapacityBelowListed,
                "new capacity {} Wh, listed and sold {} Wh",
                self.value,
                used_wh
            );
            Ok(())
        } else if kind == ActionKind::BasePriceSet as u8 {
            Bus::validate_base_price(self.value)
        } else if kind == ActionKind::ListingPolicySet as u8 {
            Bus::validate_listing_policy(self.value as u8)
        } else if kind == ActionKind::WindowsSet as u8 {
            Bus::validate_windows(self.value as u32, self.gate_closure_seconds as u32)?;
            ensure!(
                self.value as u32 == bus.window_seconds || (general.open_offers == 0 && general.open_windows == 0),
                WindowsInUse,
                "{} offers and {} windows are open",
                general.open_offers,
                general.open_windows
            );
            Ok(())
        } else if kind == ActionKind::LockFeeSet as u8 {
            Bus::validate_lock_fee(self.value as u16)
        } else if kind == ActionKind::Pause as u8 {
            ensure!(bus.paused == 0, AlreadyPaused);
            Ok(())
        } else if kind == ActionKind::Resume as u8 {
            ensure!(bus.paused == 1, NotPaused);
            Ok(())
        } else {
            refuse!(ActionUnknown, "action {}", kind)
        }
    }

    fn validate_shares(&self, owner_count: u8) -> Result<()> {
        ensure!(
            self.share_count == owner_count,
            ShareCountInvalid,
            "{} shares for {} owners",
            self.share_count,
            owner_count
        );
        let sum: u32 = self.shares().iter().map(|share| *share as u32).sum();
        ensure!(sum == FULL_SHARE_BPS as u32, SharesInvalid, "shares sum to {}, not {}", sum, FULL_SHARE_BPS);
        Ok(())
    }

    /// Carries the action out. `treasury_balance` is what the treasury holds now, in token base units: what the old
    /// shares earned is settled before shares change.
    pub fn apply(&self, bus: &mut Bus, general: &mut Capacity, treasury_balance: u64, now: i64) -> Result<()> {
        self.validate(bus, general)?;
        let Some(config_version) = bus.config_version.checked_add(self.changes_owners() as u64) else {
            refuse!(CounterOverflow)
        };
        let kind = self.kind;
        if self.changes_shares() {
            let leaving = (kind == ActionKind::OwnerRemove as u8).then_some(&self.owner);
            bus.validate_settle(leaving, treasury_balance)?;
            bus.settle_shares(treasury_balance);
            if kind == ActionKind::OwnerAdd as u8 {
                bus.enter_owner(&self.owner);
            } else if let Some(owner) = leaving {
                bus.leave_owner(owner);
            }
            let count = bus.owner_count as usize;
            for (slot, share) in bus.owners[..count].iter_mut().zip(&self.shares_bps) {
                slot.share_bps = *share;
            }
        } else if kind == ActionKind::ThresholdSet as u8 {
            bus.threshold = self.value as u8;
        } else if kind == ActionKind::TimelockSet as u8 {
            bus.timelock_seconds = self.value as u32;
        } else if kind == ActionKind::CapacitySet as u8 {
            general.resize(self.value)?;
            bus.capacity_wh = self.value;
        } else if kind == ActionKind::BasePriceSet as u8 {
            bus.base_price_per_kwh = self.value;
        } else if kind == ActionKind::ListingPolicySet as u8 {
            bus.listing_policy = self.value as u8;
        } else if kind == ActionKind::WindowsSet as u8 {
            bus.window_seconds = self.value as u32;
            bus.gate_closure_seconds = self.gate_closure_seconds as u32;
        } else if kind == ActionKind::LockFeeSet as u8 {
            bus.lock_fee_bps = self.value as u16;
        } else {
            bus.paused = (kind == ActionKind::Pause as u8) as u8;
            if bus.paused == 0 {
                bus.resumed_at = now;
            }
        }
        bus.config_version = config_version;
        Ok(())
    }
}

/// Where a proposal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ProposalState {
    Open = 0,
    Executed = 1,
}

/// A change that owners decide on. PDA `["proposal", bus, proposal_seq]`.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Proposal {
    pub layout_version: u8,
    pub bump: u8,
    /// [`ProposalState`].
    pub state: u8,
    pub padding: [u8; 3],
    /// Bit `i` is set while owner `i` of the bus approves.
    pub approvals: u16,
    /// Number of this proposal on its bus.
    pub proposal_seq: u64,
    /// The bus's configuration version that it was made under; stale once the bus has another.
    pub config_version: u64,
    /// When it was made, in unix seconds.
    pub created_at: i64,
    /// First second in which it can be executed; 0 while approvals are missing.
    pub executable_at: i64,
    /// When it was executed, in unix seconds, 0 before.
    pub executed_at: i64,
    pub bus: Address,
    /// Who proposed it, paid the rent and gets it back.
    pub proposer: Address,
    pub action: Action,
    pub reserved: [u8; 64],
}

const _: () = assert!(size_of::<Proposal>() == 264);

impl Proposal {
    /// Sets a new proposal up; the proposer approves by proposing.
    pub fn initialize(
        &mut self,
        bus: &Bus,
        bus_address: &Address,
        proposer: &Address,
        action: Action,
        now: i64,
    ) -> Result<()> {
        self.layout_version = LAYOUT_VERSION;
        self.proposal_seq = bus.proposal_seq;
        self.config_version = bus.config_version;
        self.created_at = now;
        self.bus = *bus_address;
        self.proposer = *proposer;
        self.action = action;
        self.approve(bus, proposer, now)
    }

    /// Approvals that the proposal needs: the pause quorum for pausing, else the threshold.
    pub fn approvals_needed(&self, bus: &Bus) -> u8 {
        if self.action.kind == ActionKind::Pause as u8 { bus.pause_approvals() } else { bus.threshold }
    }

    /// Approvals that it has.
    pub fn approval_count(&self) -> u8 {
        self.approvals.count_ones() as u8
    }

    /// Whether owners, shares or threshold changed after it was made.
    pub fn is_stale(&self, bus: &Bus) -> bool {
        self.config_version != bus.config_version
    }

    /// Refuses what can no longer be decided.
    #[inline(always)]
    pub fn validate_open(&self, bus: &Bus) -> Result<()> {
        ensure!(self.state == ProposalState::Open as u8, ProposalExecuted);
        ensure!(
            !self.is_stale(bus),
            ProposalStale,
            "made under version {}, present version {}",
            self.config_version,
            bus.config_version
        );
        Ok(())
    }

    /// An owner approves; counts once.
    #[inline(always)]
    pub fn approve(&mut self, bus: &Bus, owner: &Address, now: i64) -> Result<()> {
        self.validate_open(bus)?;
        let approval = 1u16 << bus.validate_owner(owner)?;
        ensure!(self.approvals & approval == 0, AlreadyApproved);
        self.approvals |= approval;
        if self.approval_count() == self.approvals_needed(bus) {
            let wait = if self.action.kind == ActionKind::Pause as u8 { 0 } else { bus.timelock_seconds as i64 };
            self.executable_at = now.saturating_add(wait);
        }
        Ok(())
    }

    /// An owner takes the approval back; the timelock starts anew once enough owners approve again.
    #[inline(always)]
    pub fn revoke(&mut self, bus: &Bus, owner: &Address) -> Result<()> {
        self.validate_open(bus)?;
        let approval = 1u16 << bus.validate_owner(owner)?;
        ensure!(self.approvals & approval != 0, NotApproved);
        self.approvals &= !approval;
        if self.approval_count() < self.approvals_needed(bus) {
            self.executable_at = 0;
        }
        Ok(())
    }

    /// Refuses to execute before enough owners approve and the timelock has passed.
    pub fn validate_execute(&self, bus: &Bus, now: i64) -> Result<()> {
        self.validate_open(bus)?;
        let (count, needed) = (self.approval_count(), self.approvals_needed(bus));
        ensure!(count >= needed, ApprovalsMissing, "{} approvals, {} needed", count, needed);
        ensure!(now >= self.executable_at, TimelockActive, "timelock ends at {}, now {}", self.executable_at, now);
        Ok(())
    }

    /// Marks the proposal as executed.
    pub fn execute(&mut self, now: i64) {
        self.state = ProposalState::Executed as u8;
        self.executed_at = now;
    }

    /// Refuses to close what can still be executed: not executed, not stale and somebody approves.
    pub fn validate_close(&self, bus: &Bus) -> Result<()> {
        ensure!(
            self.state == ProposalState::Executed as u8 || self.is_stale(bus) || self.approvals == 0,
            ProposalOpen,
            "{} approvals",
            self.approval_count()
        );
        Ok(())
    }

    /// What always holds of a proposal.
    pub fn check_invariants(&self) -> core::result::Result<(), &'static str> {
        let Self {
            layout_version,
            bump: _,
            state,
            padding,
            approvals: _,
            proposal_seq: _,
            config_version: _,
            created_at,
            executable_at,
            executed_at,
            bus: _,
            proposer: _,
            action,
            reserved,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        invariant(action.decode().is_some(), "the action is known")?;
        invariant(*state <= ProposalState::Executed as u8, "the state is known")?;
        invariant(*state == ProposalState::Executed as u8 || *executed_at == 0, "only executed proposals have a time")?;
        invariant(*executable_at == 0 || executable_at >= created_at, "a proposal executes after it was made")?;
        invariant(*executed_at == 0 || executed_at >= executable_at, "the timelock was kept")?;
        invariant(*padding == [0; 3] && *reserved == [0; 64], "reserved bytes are zero")
    }
}

/// Owners with shares as an [`ProposalAction`] would leave them: what `before` and `after` show.
pub fn owners_after(bus: &Bus, action: &Action) -> Vec<OwnerShare> {
    let mut owners: Vec<OwnerShare> = bus
        .owners()
        .iter()
        .map(|slot: &OwnerSlot| OwnerShare { owner: slot.owner, share_bps: slot.share_bps })
        .collect();
    if action.changes_shares() {
        if action.kind == ActionKind::OwnerAdd as u8 {
            owners.push(OwnerShare { owner: action.owner, share_bps: 0 });
        } else if action.kind == ActionKind::OwnerRemove as u8 {
            owners.retain(|share| !address_eq(&share.owner, &action.owner));
        }
        for (share, new) in owners.iter_mut().zip(action.shares()) {
            share.share_bps = *new;
        }
    }
    owners
}

//! A proposal: one change of a bus that its owners decide on together.

use {
    crate::{
        constants::*,
        error::{ensure, refuse},
        numbered::numbered_enum,
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
    /// Sets who may list: a [`ListingPolicy`](crate::state::ListingPolicy).
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

numbered_enum! {
    /// Number of each [`ProposalAction`] in an account and an event.
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
}

impl ActionKind {
    /// Whether such an action changes owners, shares or threshold, which makes older proposals stale.
    pub const fn changes_owners(self) -> bool {
        match self {
            Self::OwnerAdd | Self::OwnerRemove | Self::SharesSet | Self::ThresholdSet => true,
            Self::TimelockSet
            | Self::CapacitySet
            | Self::BasePriceSet
            | Self::ListingPolicySet
            | Self::WindowsSet
            | Self::LockFeeSet
            | Self::Pause
            | Self::Resume => false,
        }
    }
}

impl ProposalAction {
    /// What the action is, without its values.
    pub const fn kind(&self) -> ActionKind {
        match self {
            Self::OwnerAdd { .. } => ActionKind::OwnerAdd,
            Self::OwnerRemove { .. } => ActionKind::OwnerRemove,
            Self::SharesSet { .. } => ActionKind::SharesSet,
            Self::ThresholdSet { .. } => ActionKind::ThresholdSet,
            Self::TimelockSet { .. } => ActionKind::TimelockSet,
            Self::CapacitySet { .. } => ActionKind::CapacitySet,
            Self::BasePriceSet { .. } => ActionKind::BasePriceSet,
            Self::ListingPolicySet { .. } => ActionKind::ListingPolicySet,
            Self::WindowsSet { .. } => ActionKind::WindowsSet,
            Self::LockFeeSet { .. } => ActionKind::LockFeeSet,
            Self::Pause => ActionKind::Pause,
            Self::Resume => ActionKind::Resume,
        }
    }
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
        let mut encoded = Self { kind: action.kind() as u8, ..Self::zeroed() };
        match action {
            ProposalAction::OwnerAdd { owner, shares_bps } | ProposalAction::OwnerRemove { owner, shares_bps } => {
                encoded.owner = *owner;
                encoded.set_shares(shares_bps)?;
            }
            ProposalAction::SharesSet { shares_bps } => encoded.set_shares(shares_bps)?,
            ProposalAction::ThresholdSet { threshold } => encoded.value = *threshold as u64,
            ProposalAction::TimelockSet { timelock_seconds } => encoded.value = *timelock_seconds as u64,
            ProposalAction::CapacitySet { capacity_wh } => encoded.value = *capacity_wh,
            ProposalAction::BasePriceSet { base_price_per_kwh } => encoded.value = *base_price_per_kwh,
            ProposalAction::ListingPolicySet { listing_policy } => encoded.value = *listing_policy as u64,
            ProposalAction::WindowsSet { window_seconds, gate_closure_seconds } => {
                encoded.value = *window_seconds as u64;
                encoded.gate_closure_seconds = *gate_closure_seconds as u64;
            }
            ProposalAction::LockFeeSet { lock_fee_bps } => encoded.value = *lock_fee_bps as u64,
            ProposalAction::Pause | ProposalAction::Resume => {}
        }
        Ok(encoded)
    }

    fn set_shares(&mut self, shares: &[u16]) -> Result<()> {
        ensure!(shares.len() <= MAX_OWNERS, ShareCountInvalid, "{} shares", shares.len() as u64);
        self.share_count = shares.len() as u8;
        self.shares_bps[..shares.len()].copy_from_slice(shares);
        Ok(())
    }

    /// The action that was proposed; `None` where a later program wrote it.
    pub fn decode(&self) -> Option<ProposalAction> {
        let owner = self.owner;
        let shares_bps = || self.shares().to_vec();
        let kind = ActionKind::try_from(self.kind).ok()?;
        Some(match kind {
            ActionKind::OwnerAdd => ProposalAction::OwnerAdd { owner, shares_bps: shares_bps() },
            ActionKind::OwnerRemove => ProposalAction::OwnerRemove { owner, shares_bps: shares_bps() },
            ActionKind::SharesSet => ProposalAction::SharesSet { shares_bps: shares_bps() },
            ActionKind::ThresholdSet => ProposalAction::ThresholdSet { threshold: self.value as u8 },
            ActionKind::TimelockSet => ProposalAction::TimelockSet { timelock_seconds: self.value as u32 },
            ActionKind::CapacitySet => ProposalAction::CapacitySet { capacity_wh: self.value },
            ActionKind::BasePriceSet => ProposalAction::BasePriceSet { base_price_per_kwh: self.value },
            ActionKind::ListingPolicySet => ProposalAction::ListingPolicySet { listing_policy: self.value as u8 },
            ActionKind::WindowsSet => ProposalAction::WindowsSet {
                window_seconds: self.value as u32,
                gate_closure_seconds: self.gate_closure_seconds as u32,
            },
            ActionKind::LockFeeSet => ProposalAction::LockFeeSet { lock_fee_bps: self.value as u16 },
            ActionKind::Pause => ProposalAction::Pause,
            ActionKind::Resume => ProposalAction::Resume,
        })
    }

    fn shares(&self) -> &[u16] {
        &self.shares_bps[..(self.share_count as usize).min(MAX_OWNERS)]
    }

    /// Whether this changes owners, shares or threshold, which makes older proposals stale.
    pub fn changes_owners(&self) -> bool {
        ActionKind::try_from(self.kind).is_ok_and(ActionKind::changes_owners)
    }

    /// What the action is; refuses one that a later program wrote.
    #[inline(always)]
    fn known_kind(&self) -> Result<ActionKind> {
        match ActionKind::try_from(self.kind) {
            Ok(kind) => Ok(kind),
            Err(unknown) => refuse!(ActionUnknown, "action {}", unknown),
        }
    }

    /// Refuses an action that could not be carried out on the bus as it is now. Checked when it is proposed and again when it
    /// is executed; all rules of decisions are here.
    pub fn validate(&self, bus: &Bus, general: &Capacity) -> Result<()> {
        match self.known_kind()? {
            ActionKind::OwnerAdd => {
                ensure!(self.owner.to_bytes() != [0; 32], OwnerZero);
                Bus::validate_owner_is_not(&general.bus, &self.owner)?;
                ensure!(bus.owner_index(&self.owner).is_none(), AlreadyOwner);
                ensure!((bus.owner_count as usize) < MAX_OWNERS, OwnersFull);
                self.validate_shares(bus.owner_count + 1)
            }
            ActionKind::OwnerRemove => {
                ensure!(bus.owner_index(&self.owner).is_some(), OwnerUnknown);
                ensure!(bus.owner_count > 1, LastOwner);
                let left = bus.owner_count - 1;
                ensure!(
                    bus.threshold <= left,
                    ThresholdAboveOwners,
                    "threshold {}, owners left {}",
                    bus.threshold,
                    left
                );
                self.validate_shares(left)
            }
            ActionKind::SharesSet => self.validate_shares(bus.owner_count),
            ActionKind::ThresholdSet => Bus::validate_threshold(self.value as u8, bus.owner_count),
            ActionKind::TimelockSet => Bus::validate_timelock(self.value as u32),
            ActionKind::CapacitySet => {
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
            }
            ActionKind::BasePriceSet => Bus::validate_base_price(self.value),
            ActionKind::ListingPolicySet => Bus::validate_listing_policy(self.value as u8),
            ActionKind::WindowsSet => {
                Bus::validate_windows(self.value as u32, self.gate_closure_seconds as u32)?;
                ensure!(
                    self.value as u32 == bus.window_seconds || (general.open_offers == 0 && general.open_windows == 0),
                    WindowsInUse,
                    "{} offers and {} windows are open",
                    general.open_offers,
                    general.open_windows
                );
                Ok(())
            }
            ActionKind::LockFeeSet => Bus::validate_lock_fee(self.value as u16),
            ActionKind::Pause => {
                ensure!(bus.paused == 0, AlreadyPaused);
                Ok(())
            }
            ActionKind::Resume => {
                ensure!(bus.paused == 1, NotPaused);
                Ok(())
            }
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

    /// Carries the action out. `treasury_balance` is what the treasury holds now, in token base units: before shares change,
    /// what the old ones earned is settled from it.
    pub fn apply(&self, bus: &mut Bus, general: &mut Capacity, treasury_balance: u64, now: i64) -> Result<()> {
        self.validate(bus, general)?;
        let kind = self.known_kind()?;
        let Some(config_version) = bus.config_version.checked_add(kind.changes_owners() as u64) else {
            refuse!(CounterOverflow)
        };
        match kind {
            ActionKind::OwnerAdd => {
                settle_old_shares(bus, None, treasury_balance)?;
                bus.enter_owner(&self.owner);
                self.write_shares(bus);
            }
            ActionKind::OwnerRemove => {
                settle_old_shares(bus, Some(&self.owner), treasury_balance)?;
                bus.leave_owner(&self.owner);
                self.write_shares(bus);
            }
            ActionKind::SharesSet => {
                settle_old_shares(bus, None, treasury_balance)?;
                self.write_shares(bus);
            }
            ActionKind::ThresholdSet => bus.threshold = self.value as u8,
            ActionKind::TimelockSet => bus.timelock_seconds = self.value as u32,
            ActionKind::CapacitySet => {
                general.resize(self.value)?;
                bus.capacity_wh = self.value;
            }
            ActionKind::BasePriceSet => bus.base_price_per_kwh = self.value,
            ActionKind::ListingPolicySet => bus.listing_policy = self.value as u8,
            ActionKind::WindowsSet => {
                bus.window_seconds = self.value as u32;
                bus.gate_closure_seconds = self.gate_closure_seconds as u32;
            }
            ActionKind::LockFeeSet => bus.lock_fee_bps = self.value as u16,
            ActionKind::Pause => bus.paused = 1,
            ActionKind::Resume => {
                bus.paused = 0;
                bus.resumed_at = now;
            }
        }
        bus.config_version = config_version;
        Ok(())
    }

    /// The owners' new shares, in their order.
    fn write_shares(&self, bus: &mut Bus) {
        let count = bus.owner_count as usize;
        for (slot, share) in bus.owners[..count].iter_mut().zip(&self.shares_bps) {
            slot.share_bps = *share;
        }
    }
}

/// Settles what the present shares earned, before they change.
fn settle_old_shares(bus: &mut Bus, leaving: Option<&Address>, treasury_balance: u64) -> Result<()> {
    bus.validate_settle(leaving, treasury_balance)?;
    bus.settle_shares(treasury_balance);
    Ok(())
}

numbered_enum! {
    /// Where a proposal stands.
    pub enum ProposalState {
        Open = 0,
        Executed = 1,
    }
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

/// The owners and their shares as they would be after an action.
pub fn owners_after(bus: &Bus, action: &Action) -> Vec<OwnerShare> {
    let mut owners: Vec<OwnerShare> = bus
        .owners()
        .iter()
        .map(|slot: &OwnerSlot| OwnerShare { owner: slot.owner, share_bps: slot.share_bps })
        .collect();
    if action.kind == ActionKind::OwnerAdd as u8 {
        owners.push(OwnerShare { owner: action.owner, share_bps: 0 });
    } else if action.kind == ActionKind::OwnerRemove as u8 {
        owners.retain(|share| !address_eq(&share.owner, &action.owner));
    }
    // Actions that leave the shares as they are carry none.
    for (share, new) in owners.iter_mut().zip(action.shares()) {
        share.share_bps = *new;
    }
    owners
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::error::MultibusError,
        crate::state::FormerOwner,
        crate::state::fixture::{BUS, assert_noticed, wallet},
    };

    /// A running bus of three owners, two of whom decide after an hour and one of whom pauses.
    fn bus() -> Bus {
        let mut bus = Bus {
            owner_count: 3,
            threshold: 2,
            pause_quorum: 1,
            timelock_seconds: 3_600,
            window_seconds: 900,
            gate_closure_seconds: 60,
            ..Bus::zeroed()
        };
        for (index, share_bps) in [6_000, 3_000, 1_000].into_iter().enumerate() {
            bus.owners[index] = OwnerSlot { owner: wallet(index as u8 + 1), share_bps, ..OwnerSlot::zeroed() };
        }
        bus
    }

    fn general() -> Capacity {
        let mut general = Capacity::zeroed();
        general.initialize(&BUS, &wallet(1), (0, 0), 1_000);
        general
    }

    fn encoded(action: ProposalAction) -> Action {
        Action::encode(&action).expect("not too many shares")
    }

    fn actions() -> Vec<ProposalAction> {
        vec![
            ProposalAction::OwnerAdd { owner: wallet(4), shares_bps: vec![5_000, 3_000, 1_000, 1_000] },
            ProposalAction::OwnerRemove { owner: wallet(2), shares_bps: vec![4_000, 6_000] },
            ProposalAction::SharesSet { shares_bps: vec![1, 2, 9_997] },
            ProposalAction::ThresholdSet { threshold: 3 },
            ProposalAction::TimelockSet { timelock_seconds: 7 },
            ProposalAction::CapacitySet { capacity_wh: 5_000 },
            ProposalAction::BasePriceSet { base_price_per_kwh: 9 },
            ProposalAction::ListingPolicySet { listing_policy: 1 },
            ProposalAction::WindowsSet { window_seconds: 1_800, gate_closure_seconds: 61 },
            ProposalAction::LockFeeSet { lock_fee_bps: 8 },
            ProposalAction::Pause,
            ProposalAction::Resume,
        ]
    }

    #[test]
    fn an_action_is_read_as_it_was_written() {
        for (kind, action) in actions().into_iter().enumerate() {
            let written = encoded(action.clone());
            assert_eq!((written.kind as usize, written.decode()), (kind, Some(action)));
            assert_eq!(written.changes_owners(), kind <= 3, "{kind}");
        }
        assert_eq!(Action { kind: 12, ..Action::zeroed() }.decode(), None);
        let many = ProposalAction::SharesSet { shares_bps: vec![1; 17] };
        assert_eq!(Action::encode(&many).err(), Some(MultibusError::ShareCountInvalid.into()));
        assert!(Action::encode(&ProposalAction::SharesSet { shares_bps: vec![625; 16] }).is_ok());
        assert_eq!(Action { share_count: 17, ..Action::zeroed() }.shares().len(), 16);
    }

    #[test]
    fn an_action_is_refused_just_beyond_each_limit() {
        use MultibusError::*;
        let shares = |shares_bps: &[u16]| ProposalAction::SharesSet { shares_bps: shares_bps.to_vec() };
        let add = |owner: Address| ProposalAction::OwnerAdd { owner, shares_bps: vec![2_500; 4] };
        let remove = |owner: Address| ProposalAction::OwnerRemove { owner, shares_bps: vec![5_000; 2] };
        let windows =
            |window_seconds, gate_closure_seconds| ProposalAction::WindowsSet { window_seconds, gate_closure_seconds };
        let mut used = general();
        used.list(0, 400).unwrap();
        used.list(1, 300).unwrap();
        used.close_offer(300);
        let offers = Capacity { open_windows: 0, ..used };
        let in_windows = Capacity { open_windows: 1, ..general() };
        let (paused, three) = (Bus { paused: 1, ..bus() }, Bus { threshold: 3, ..bus() });
        let mut one = Bus { owner_count: 1, threshold: 1, ..bus() };
        one.owners[1] = OwnerSlot::zeroed();
        let mut full = Bus { owner_count: 16, ..bus() };
        for number in 3..16 {
            full.owners[number].owner = wallet(number as u8 + 1);
        }
        let cases: Vec<(Option<MultibusError>, ProposalAction, Bus, Capacity)> = vec![
            (None, add(wallet(4)), bus(), general()),
            (Some(OwnerZero), add(Address::default()), bus(), general()),
            (Some(OwnerIsTheBus), add(BUS), bus(), general()),
            (Some(AlreadyOwner), add(wallet(3)), bus(), general()),
            (Some(OwnersFull), add(wallet(40)), full, general()),
            (Some(ShareCountInvalid), add(wallet(4)), Bus { owner_count: 2, ..bus() }, general()),
            (None, remove(wallet(3)), bus(), general()),
            (Some(OwnerUnknown), remove(wallet(4)), bus(), general()),
            (Some(LastOwner), remove(wallet(1)), one, general()),
            (Some(ThresholdAboveOwners), remove(wallet(3)), three, general()),
            (None, shares(&[10_000, 0, 0]), bus(), general()),
            (Some(SharesInvalid), shares(&[9_999, 0, 0]), bus(), general()),
            (Some(SharesInvalid), shares(&[10_000, 1, 0]), bus(), general()),
            (Some(ShareCountInvalid), shares(&[5_000, 5_000]), bus(), general()),
            (Some(ShareCountInvalid), shares(&[5_000, 5_000, 0, 0]), bus(), general()),
            (None, ProposalAction::ThresholdSet { threshold: 3 }, bus(), general()),
            (None, ProposalAction::ThresholdSet { threshold: 1 }, bus(), general()),
            (Some(ThresholdInvalid), ProposalAction::ThresholdSet { threshold: 4 }, bus(), general()),
            (Some(ThresholdInvalid), ProposalAction::ThresholdSet { threshold: 0 }, bus(), general()),
            (None, ProposalAction::TimelockSet { timelock_seconds: MAX_TIMELOCK_SECONDS }, bus(), general()),
            (
                Some(TimelockTooLong),
                ProposalAction::TimelockSet { timelock_seconds: MAX_TIMELOCK_SECONDS + 1 },
                bus(),
                general(),
            ),
            (None, ProposalAction::CapacitySet { capacity_wh: 700 }, bus(), used),
            (Some(CapacityBelowListed), ProposalAction::CapacitySet { capacity_wh: 699 }, bus(), used),
            (Some(CapacityZero), ProposalAction::CapacitySet { capacity_wh: 0 }, bus(), general()),
            (None, ProposalAction::BasePriceSet { base_price_per_kwh: 1 }, bus(), general()),
            (Some(BasePriceZero), ProposalAction::BasePriceSet { base_price_per_kwh: 0 }, bus(), general()),
            (None, ProposalAction::ListingPolicySet { listing_policy: 1 }, bus(), general()),
            (Some(ListingPolicyUnknown), ProposalAction::ListingPolicySet { listing_policy: 2 }, bus(), general()),
            (None, windows(1_800, 0), bus(), general()),
            (Some(WindowsInvalid), windows(59, 0), bus(), general()),
            (Some(WindowsInUse), windows(1_800, 0), bus(), offers),
            (Some(WindowsInUse), windows(1_800, 0), bus(), in_windows),
            (None, windows(900, 120), bus(), offers),
            (None, windows(900, 120), bus(), in_windows),
            (None, ProposalAction::LockFeeSet { lock_fee_bps: MAX_LOCK_FEE_BPS }, bus(), general()),
            (Some(LockFeeTooHigh), ProposalAction::LockFeeSet { lock_fee_bps: MAX_LOCK_FEE_BPS + 1 }, bus(), general()),
            (None, ProposalAction::Pause, bus(), general()),
            (Some(AlreadyPaused), ProposalAction::Pause, paused, general()),
            (None, ProposalAction::Resume, paused, general()),
            (Some(NotPaused), ProposalAction::Resume, bus(), general()),
        ];
        for (index, (error, action, bus, general)) in cases.into_iter().enumerate() {
            let refused = error.map(Into::into);
            assert_eq!(encoded(action.clone()).validate(&bus, &general).err(), refused, "{index}: {action:?}");
            let (mut after, mut capacity) = (bus, general);
            assert_eq!(encoded(action).apply(&mut after, &mut capacity, 0, 5).err(), refused, "{index}");
            assert_eq!((after == bus && capacity == general), error.is_some(), "{index}: refused is unchanged");
        }
        let unknown = Action { kind: 12, ..Action::zeroed() };
        assert_eq!(unknown.validate(&bus(), &general()), Err(ActionUnknown.into()));
    }

    /// The bus and the general capacity after an action, which must change them as `expected` does.
    fn applies(action: ProposalAction, expected: impl FnOnce(&mut Bus, &mut Capacity)) {
        let (before, general) = (bus(), general());
        let (mut after, mut capacity) = (before, general);
        encoded(action.clone()).apply(&mut after, &mut capacity, 0, 5).unwrap();
        let (mut wanted, mut wanted_capacity) = (before, general);
        expected(&mut wanted, &mut wanted_capacity);
        assert_eq!((after, capacity), (wanted, wanted_capacity), "{action:?}");
    }

    #[test]
    fn an_action_changes_what_it_says_and_nothing_else() {
        let shares = |bus: &mut Bus, shares: &[u16]| {
            for (slot, share) in bus.owners.iter_mut().zip(shares) {
                slot.share_bps = *share;
            }
            bus.config_version += 1;
        };
        for action in actions() {
            if action == ProposalAction::Resume {
                continue;
            }
            applies(action.clone(), |bus, general| match action {
                ProposalAction::OwnerAdd { owner, shares_bps } => {
                    (bus.owners[3].owner, bus.owner_count) = (owner, 4);
                    shares(bus, &shares_bps);
                }
                ProposalAction::OwnerRemove { shares_bps, .. } => {
                    bus.owners[1] = bus.owners[2];
                    (bus.owners[2], bus.owner_count) = (OwnerSlot::zeroed(), 2);
                    shares(bus, &shares_bps);
                }
                ProposalAction::SharesSet { shares_bps } => shares(bus, &shares_bps),
                ProposalAction::ThresholdSet { threshold } => (bus.threshold, bus.config_version) = (threshold, 1),
                ProposalAction::TimelockSet { timelock_seconds } => bus.timelock_seconds = timelock_seconds,
                ProposalAction::CapacitySet { capacity_wh } => {
                    bus.capacity_wh = capacity_wh;
                    (general.total_wh, general.available_wh) = (capacity_wh, capacity_wh);
                }
                ProposalAction::BasePriceSet { base_price_per_kwh } => bus.base_price_per_kwh = base_price_per_kwh,
                ProposalAction::ListingPolicySet { listing_policy } => bus.listing_policy = listing_policy,
                ProposalAction::WindowsSet { window_seconds, gate_closure_seconds } => {
                    (bus.window_seconds, bus.gate_closure_seconds) = (window_seconds, gate_closure_seconds);
                }
                ProposalAction::LockFeeSet { lock_fee_bps } => bus.lock_fee_bps = lock_fee_bps,
                ProposalAction::Pause => bus.paused = 1,
                ProposalAction::Resume => unreachable!("it runs"),
            });
        }
        let (mut paused, mut general) = (Bus { paused: 1, ..bus() }, general());
        encoded(ProposalAction::Resume).apply(&mut paused, &mut general, 0, 5).unwrap();
        assert_eq!(paused, Bus { resumed_at: 5, ..bus() });
    }

    #[test]
    fn the_last_configuration_version_is_the_last() {
        let (mut bus, mut general) = (Bus { config_version: u64::MAX, ..bus() }, general());
        let threshold = encoded(ProposalAction::ThresholdSet { threshold: 1 });
        assert_eq!(threshold.apply(&mut bus, &mut general, 0, 0), Err(MultibusError::CounterOverflow.into()));
        assert!(encoded(ProposalAction::Pause).apply(&mut bus, &mut general, 0, 0).is_ok());
    }

    #[test]
    fn former_owners_hold_up_only_who_leaves_with_revenue() {
        let mut full = Bus { former_owner_count: 16, ..bus() };
        for (index, place) in full.former_owners.iter_mut().enumerate() {
            *place = FormerOwner { owner: wallet(index as u8 + 40), accrued: 1 };
        }
        let remove = encoded(ProposalAction::OwnerRemove { owner: wallet(2), shares_bps: vec![5_000; 2] });
        let before = full;
        let refused = Err(MultibusError::FormerOwnersFull.into());
        assert_eq!(remove.apply(&mut full, &mut general(), 100, 0), refused);
        assert_eq!(full, before);
        assert!(remove.apply(&mut full, &mut general(), 0, 0).is_ok());
        assert_eq!((full.former_owner_count, full.owner_count), (16, 2));
    }

    fn proposal(action: ProposalAction, bus: &Bus, now: i64) -> Proposal {
        let mut proposal = Proposal::zeroed();
        proposal.initialize(bus, &BUS, &wallet(1), encoded(action), now).unwrap();
        proposal
    }

    #[test]
    fn a_proposal_carries_the_approval_of_its_proposer() {
        let bus = Bus { proposal_seq: 6, config_version: 7, ..bus() };
        let action = ProposalAction::TimelockSet { timelock_seconds: 7 };
        let made = proposal(action.clone(), &bus, 100);
        assert_eq!((made.layout_version, made.state, made.approvals), (LAYOUT_VERSION, 0, 1));
        assert_eq!((made.proposal_seq, made.config_version, made.created_at), (6, 7, 100));
        assert_eq!((made.executable_at, made.executed_at, made.bus, made.proposer), (0, 0, BUS, wallet(1)));
        assert_eq!((made.action.decode(), made.check_invariants()), (Some(action), Ok(())));
        let stranger = Proposal::zeroed().initialize(&bus, &BUS, &wallet(9), Action::zeroed(), 0);
        assert_eq!(stranger, Err(MultibusError::NotAnOwner.into()));
    }

    /// The transition refuses with the error and changes nothing.
    fn refused(proposal: Proposal, error: MultibusError, transition: impl FnOnce(&mut Proposal) -> Result<()>) {
        let mut after = proposal;
        assert_eq!(transition(&mut after), Err(error.into()));
        assert_eq!(after, proposal);
    }

    #[test]
    fn owners_approve_once_and_the_timelock_runs_from_the_last_that_is_needed() {
        let bus = bus();
        let mut made = proposal(ProposalAction::TimelockSet { timelock_seconds: 7 }, &bus, 100);
        refused(made, MultibusError::AlreadyApproved, |made| made.approve(&bus, &wallet(1), 150));
        refused(made, MultibusError::NotAnOwner, |made| made.approve(&bus, &wallet(4), 150));
        refused(made, MultibusError::NotAnOwner, |made| made.revoke(&bus, &wallet(4)));
        refused(made, MultibusError::NotApproved, |made| made.revoke(&bus, &wallet(3)));
        refused(made, MultibusError::ApprovalsMissing, |made| made.validate_execute(&bus, i64::MAX));
        made.approve(&bus, &wallet(3), 200).unwrap();
        assert_eq!((made.approvals, made.approval_count(), made.executable_at), (0b101, 2, 3_800));
        refused(made, MultibusError::TimelockActive, |made| made.validate_execute(&bus, 3_799));
        assert_eq!(made.validate_execute(&bus, 3_800), Ok(()));
        // One more than needed moves nothing, neither coming nor going.
        made.approve(&bus, &wallet(2), 500).unwrap();
        assert_eq!((made.approvals, made.executable_at), (0b111, 3_800));
        made.revoke(&bus, &wallet(2)).unwrap();
        assert_eq!((made.approvals, made.executable_at), (0b101, 3_800));
        made.revoke(&bus, &wallet(1)).unwrap();
        assert_eq!((made.approvals, made.executable_at), (0b100, 0));
        made.approve(&bus, &wallet(1), 600).unwrap();
        assert_eq!((made.approvals, made.executable_at), (0b101, 4_200));
    }

    #[test]
    fn pausing_needs_its_quorum_and_no_time() {
        let bus = bus();
        let pause = proposal(ProposalAction::Pause, &bus, 100);
        assert_eq!((pause.approvals_needed(&bus), pause.executable_at), (1, 100));
        assert_eq!(pause.validate_execute(&bus, 100), Ok(()));
        let paused = Bus { paused: 1, ..bus };
        let resume = proposal(ProposalAction::Resume, &paused, 100);
        assert_eq!((resume.approvals_needed(&paused), resume.executable_at), (2, 0));
    }

    #[test]
    fn what_is_stale_or_executed_is_decided_no_more_and_closes() {
        let bus = bus();
        let made = proposal(ProposalAction::TimelockSet { timelock_seconds: 7 }, &bus, 100);
        refused(made, MultibusError::ProposalOpen, |made| made.validate_close(&bus));
        let mut withdrawn = made;
        withdrawn.revoke(&bus, &wallet(1)).unwrap();
        assert_eq!(withdrawn.validate_close(&bus), Ok(()));
        let changed = Bus { config_version: 1, ..bus };
        assert!(made.is_stale(&changed) && !made.is_stale(&bus));
        let mut executed = made;
        executed.execute(4_000);
        assert_eq!((executed.state, executed.executed_at), (1, 4_000));
        for (over, bus, error) in
            [(made, changed, MultibusError::ProposalStale), (executed, bus, MultibusError::ProposalExecuted)]
        {
            refused(over, error, |over| over.approve(&bus, &wallet(2), 200));
            refused(over, error, |over| over.revoke(&bus, &wallet(1)));
            refused(over, error, |over| over.validate_execute(&bus, 9_999));
            assert_eq!(over.validate_close(&bus), Ok(()));
        }
    }

    #[test]
    fn owners_after_a_decision_are_foretold() {
        for action in actions() {
            let (mut after, mut general) = (bus(), general());
            let foretold = owners_after(&after, &encoded(action.clone()));
            if action != ProposalAction::Resume {
                encoded(action.clone()).apply(&mut after, &mut general, 0, 0).unwrap();
            }
            let owners: Vec<_> =
                after.owners().iter().map(|slot| OwnerShare { owner: slot.owner, share_bps: slot.share_bps }).collect();
            assert_eq!(foretold, owners, "{action:?}");
        }
    }

    #[test]
    fn every_invariant_notices_what_breaks_it() {
        let bus = bus();
        let mut open = proposal(ProposalAction::TimelockSet { timelock_seconds: 7 }, &bus, 100);
        assert_eq!(open.check_invariants(), Ok(()));
        open.approve(&bus, &wallet(2), 100).unwrap();
        assert_eq!(open.check_invariants(), Ok(()));
        let mut sound = open;
        sound.execute(3_700);
        assert_eq!(sound.check_invariants(), Ok(()));
        assert_noticed(
            &sound,
            Proposal::check_invariants,
            &[
                ("the layout version is the present one", |proposal| proposal.layout_version = 2),
                ("the action is known", |proposal| proposal.action.kind = 12),
                ("the state is known", |proposal| proposal.state = 2),
                ("only executed proposals have a time", |proposal| proposal.state = 0),
                ("a proposal executes after it was made", |proposal| proposal.executable_at = 99),
                ("the timelock was kept", |proposal| proposal.executed_at = 3_699),
                ("reserved bytes are zero", |proposal| proposal.padding[2] = 1),
                ("reserved bytes are zero", |proposal| proposal.reserved[63] = 1),
            ],
        );
        sound.executable_at = 100;
        assert_eq!(sound.check_invariants(), Ok(()));
    }
}

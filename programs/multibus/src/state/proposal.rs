//! A proposal: one change of a bus that its owners decide on together.

use {
    crate::{
        constants::*,
        error::{ensure, refuse},
        numbered::numbered_enum,
        state::{Bus, Capacity, Ledger, OwnerShare, OwnerSlot, Terms, TermsConfig},
    },
    anchor_lang::{address_eq, prelude::*, solana_program::hash::hashv},
    bytemuck::{Pod, Zeroable},
};

/// What a proposal would change.
#[derive(Clone, Debug, PartialEq, Eq, AnchorSerialize, AnchorDeserialize)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
pub enum ProposalAction {
    /// Adds an owner. `shares_bps` are the shares of all owners afterwards, in their order, the new owner last.
    OwnerAdd { owner: Address, shares_bps: Vec<u16> },
    /// Removes an owner. `shares_bps` are the shares of the remaining owners, in their order.
    OwnerRemove { owner: Address, shares_bps: Vec<u16> },
    /// Sets the shares of all owners, in their order.
    SharesSet { shares_bps: Vec<u16> },
    /// Sets the approvals a decision needs.
    ThresholdSet { threshold: u8 },
    /// Sets the wait between the last approval of a decision and its execution, in seconds, at most 30 days.
    TimelockSet { timelock_seconds: u32 },
    /// Sets the energy that may be on offer or sold in one window, in Wh: for windows that are opened later and,
    /// without windows, at once. An open window with a larger capacity is limited to this too, but what is committed in
    /// it stays.
    CapacitySet { capacity_wh: u64 },
    /// Sets the lowest price an offer may ask, in token base units per kWh.
    BasePriceSet { base_price_per_kwh: u64 },
    /// Sets who may list: 0 owners only, 1 admitted sellers too, 2 any wallet.
    ListingPolicySet { listing_policy: u8 },
    /// Sets the terms of windows that start at `from` (unix seconds) or later. `from` is more than one horizon ahead,
    /// and where a window of the present terms ends. Earlier decided next terms are replaced, which is possible only
    /// while they start more than one horizon ahead.
    TermsSet { from: i64, terms: TermsConfig },
    /// Sets the fee of later locks that are not settled, in basis points of their deposit.
    LockFeeSet { lock_fee_bps: u16 },
    /// Stops new offers, locks and purchases. Needs the pause quorum and no timelock.
    Pause,
    /// Lets the bus trade again.
    Resume,
    /// Gives an owner's place, with its share and its revenue, to another key.
    OwnerReplace { owner: Address, new_owner: Address },
    /// Sets the approvals that pausing needs; 0 stands for the threshold.
    PauseQuorumSet { pause_quorum: u8 },
    /// Admits a wallet as a seller, which also ends a suspension. Opens its seller account where it has none.
    SellerAdmit { wallet: Address },
    /// Suspends a seller, which cannot list until it is admitted again.
    SellerSuspend { wallet: Address },
    /// Sets the lowest price that the bus's own offers may ask, in token base units per kWh; 0 for the base price.
    ReservePriceSet { reserve_price_per_kwh: u64 },
    /// Sets the least energy of an offer, a purchase or a lock that does not take the rest, in Wh.
    LeastSizeSet { least_wh: u64 },
    /// Sets the operator. `None` is possible only where no terms pay on delivery, and all windows on earlier delivery
    /// terms are final.
    OperatorSet { operator: Option<Address> },
    /// Starts to close the bus: nothing opens on it any more, and once nothing is open, anyone can close it.
    BusClose,
    /// Sets the wallet that gets the grid fees, including those that are owed already; `None` stands for the treasury.
    GridRecipientSet { recipient: Option<Address> },
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
        TermsSet = 8,
        LockFeeSet = 9,
        Pause = 10,
        Resume = 11,
        OwnerReplace = 12,
        PauseQuorumSet = 13,
        SellerAdmit = 14,
        SellerSuspend = 15,
        ReservePriceSet = 16,
        LeastSizeSet = 17,
        OperatorSet = 18,
        BusClose = 19,
        GridRecipientSet = 20,
    }
}

impl ActionKind {
    /// Whether such an action makes older proposals stale, because it changes owners, shares or threshold, or closes
    /// the bus.
    pub const fn changes_owners(self) -> bool {
        match self {
            Self::OwnerAdd
            | Self::OwnerRemove
            | Self::SharesSet
            | Self::ThresholdSet
            | Self::OwnerReplace
            | Self::BusClose => true,
            Self::TimelockSet
            | Self::CapacitySet
            | Self::BasePriceSet
            | Self::ListingPolicySet
            | Self::TermsSet
            | Self::LockFeeSet
            | Self::Pause
            | Self::Resume
            | Self::PauseQuorumSet
            | Self::SellerAdmit
            | Self::SellerSuspend
            | Self::ReservePriceSet
            | Self::LeastSizeSet
            | Self::OperatorSet
            | Self::GridRecipientSet => false,
        }
    }

    /// Whether such an action changes the owners' shares. All revenue must be in the treasury before.
    pub const fn changes_shares(self) -> bool {
        matches!(self, Self::OwnerAdd | Self::OwnerRemove | Self::SharesSet)
    }

    /// Whether such an action admits or suspends a seller.
    pub const fn is_of_seller(self) -> bool {
        matches!(self, Self::SellerAdmit | Self::SellerSuspend)
    }

    /// Whether such an action pauses or resumes the bus. It becomes stale with every later pause or resume.
    pub const fn is_of_pause(self) -> bool {
        matches!(self, Self::Pause | Self::Resume)
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
            Self::TermsSet { .. } => ActionKind::TermsSet,
            Self::LockFeeSet { .. } => ActionKind::LockFeeSet,
            Self::Pause => ActionKind::Pause,
            Self::Resume => ActionKind::Resume,
            Self::OwnerReplace { .. } => ActionKind::OwnerReplace,
            Self::PauseQuorumSet { .. } => ActionKind::PauseQuorumSet,
            Self::SellerAdmit { .. } => ActionKind::SellerAdmit,
            Self::SellerSuspend { .. } => ActionKind::SellerSuspend,
            Self::ReservePriceSet { .. } => ActionKind::ReservePriceSet,
            Self::LeastSizeSet { .. } => ActionKind::LeastSizeSet,
            Self::OperatorSet { .. } => ActionKind::OperatorSet,
            Self::BusClose => ActionKind::BusClose,
            Self::GridRecipientSet { .. } => ActionKind::GridRecipientSet,
        }
    }
}

/// What the execution of an action depends on, beside the accounts of the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// In unix seconds.
    pub now: i64,
    /// What the treasury holds, in token base units. What the owners earned under the old shares is computed from it.
    pub treasury_balance: u64,
    /// Number of the first proposal of an owner who is added now.
    pub first_proposal: u64,
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
    /// The new value, in the unit of the action's only number; 0 where it has none.
    pub value: u64,
    /// The next terms of a `TermsSet`, else zeros.
    pub terms: Terms,
    /// The owner to add, remove or replace, the seller's wallet, the operator or the recipient of grid fees; else zeros.
    pub owner: Address,
    /// The key that takes the owner's place in an `OwnerReplace`, else zeros.
    pub new_owner: Address,
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
            ProposalAction::TermsSet { from, terms } => encoded.terms = Terms::new(terms, *from),
            ProposalAction::LockFeeSet { lock_fee_bps } => encoded.value = *lock_fee_bps as u64,
            ProposalAction::OwnerReplace { owner, new_owner } => {
                encoded.owner = *owner;
                encoded.new_owner = *new_owner;
            }
            ProposalAction::PauseQuorumSet { pause_quorum } => encoded.value = *pause_quorum as u64,
            ProposalAction::SellerAdmit { wallet } | ProposalAction::SellerSuspend { wallet } => {
                encoded.owner = *wallet;
            }
            ProposalAction::ReservePriceSet { reserve_price_per_kwh } => encoded.value = *reserve_price_per_kwh,
            ProposalAction::LeastSizeSet { least_wh } => encoded.value = *least_wh,
            ProposalAction::OperatorSet { operator: wallet }
            | ProposalAction::GridRecipientSet { recipient: wallet } => {
                encoded.owner = wallet.unwrap_or_default();
            }
            ProposalAction::Pause | ProposalAction::Resume | ProposalAction::BusClose => {}
        }
        Ok(encoded)
    }

    fn set_shares(&mut self, shares: &[u16]) -> Result<()> {
        ensure!(shares.len() <= MAX_OWNERS, ShareCountInvalid, "{} shares", shares.len() as u64);
        self.share_count = shares.len() as u8;
        self.shares_bps[..shares.len()].copy_from_slice(shares);
        Ok(())
    }

    /// The action that was proposed; `None` where this version of the program does not know it.
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
            ActionKind::TermsSet => ProposalAction::TermsSet { from: self.terms.from, terms: self.terms.config() },
            ActionKind::LockFeeSet => ProposalAction::LockFeeSet { lock_fee_bps: self.value as u16 },
            ActionKind::Pause => ProposalAction::Pause,
            ActionKind::Resume => ProposalAction::Resume,
            ActionKind::OwnerReplace => ProposalAction::OwnerReplace { owner, new_owner: self.new_owner },
            ActionKind::PauseQuorumSet => ProposalAction::PauseQuorumSet { pause_quorum: self.value as u8 },
            ActionKind::SellerAdmit => ProposalAction::SellerAdmit { wallet: owner },
            ActionKind::SellerSuspend => ProposalAction::SellerSuspend { wallet: owner },
            ActionKind::ReservePriceSet => ProposalAction::ReservePriceSet { reserve_price_per_kwh: self.value },
            ActionKind::LeastSizeSet => ProposalAction::LeastSizeSet { least_wh: self.value },
            ActionKind::OperatorSet => ProposalAction::OperatorSet { operator: self.wallet() },
            ActionKind::BusClose => ProposalAction::BusClose,
            ActionKind::GridRecipientSet => ProposalAction::GridRecipientSet { recipient: self.wallet() },
        })
    }

    /// The wallet that it names, if any.
    fn wallet(&self) -> Option<Address> {
        (self.owner.to_bytes() != [0; 32]).then_some(self.owner)
    }

    fn shares(&self) -> &[u16] {
        &self.shares_bps[..(self.share_count as usize).min(MAX_OWNERS)]
    }

    /// Whether the action makes older proposals stale. See [`ActionKind::changes_owners`].
    pub fn changes_owners(&self) -> bool {
        ActionKind::try_from(self.kind).is_ok_and(ActionKind::changes_owners)
    }

    /// Kind of the action; refuses one that this version of the program does not know.
    #[inline(always)]
    pub fn known_kind(&self) -> Result<ActionKind> {
        match ActionKind::try_from(self.kind) {
            Ok(kind) => Ok(kind),
            Err(unknown) => refuse!(ActionUnknown, "action {}", unknown),
        }
    }

    /// Refuses an action that cannot be executed on the bus as it is now. This is checked when it is proposed, and
    /// again when it is executed.
    pub fn validate(&self, bus: &Bus, ledger: &Ledger, now: i64) -> Result<()> {
        match self.known_kind()? {
            ActionKind::OwnerAdd => {
                Self::validate_new_owner(bus, &ledger.bus, &self.owner)?;
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
            ActionKind::CapacitySet => Bus::validate_capacity(self.value),
            ActionKind::BasePriceSet => Bus::validate_base_price(self.value),
            ActionKind::ListingPolicySet => Bus::validate_listing_policy(self.value as u8),
            ActionKind::TermsSet => bus.validate_next_terms(&self.terms, now),
            ActionKind::LockFeeSet => Bus::validate_lock_fee(self.value as u16),
            ActionKind::Pause => {
                ensure!(bus.paused == 0, AlreadyPaused);
                Ok(())
            }
            ActionKind::Resume => {
                ensure!(bus.paused == 1, NotPaused);
                Ok(())
            }
            ActionKind::OwnerReplace => {
                ensure!(bus.owner_index(&self.owner).is_some(), OwnerUnknown);
                Self::validate_new_owner(bus, &ledger.bus, &self.new_owner)
            }
            ActionKind::PauseQuorumSet => Bus::validate_pause_quorum(self.value as u8, bus.threshold),
            ActionKind::SellerAdmit | ActionKind::SellerSuspend => {
                ensure!(self.owner.to_bytes() != [0; 32], SellerMismatch);
                Ok(())
            }
            ActionKind::ReservePriceSet => Ok(()),
            ActionKind::LeastSizeSet => Bus::validate_least_size(self.value),
            ActionKind::OperatorSet => match self.wallet() {
                Some(operator) => Bus::validate_operator(&ledger.bus, &operator),
                None => {
                    let until = bus.operator_needed_until();
                    ensure!(now >= until, OperatorNeeded, "needed until {}, now {}", until, now);
                    Ok(())
                }
            },
            ActionKind::BusClose => bus.validate_open(),
            ActionKind::GridRecipientSet => match self.wallet() {
                Some(recipient) => Bus::validate_grid_recipient(&ledger.bus, &recipient),
                None => Ok(()),
            },
        }
    }

    fn validate_new_owner(bus: &Bus, bus_address: &Address, owner: &Address) -> Result<()> {
        ensure!(owner.to_bytes() != [0; 32], OwnerZero);
        Bus::validate_owner_is_not(bus_address, owner)?;
        ensure!(bus.owner_index(owner).is_none(), AlreadyOwner);
        Ok(())
    }

    #[inline(never)]
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

    /// Executes the action on the bus. The instruction itself admits and suspends sellers.
    pub fn apply(&self, bus: &mut Bus, ledger: &mut Ledger, general: &mut Capacity, moment: &Moment) -> Result<()> {
        let Moment { now, treasury_balance, first_proposal } = *moment;
        self.validate(bus, ledger, now)?;
        let kind = self.known_kind()?;
        let (Some(config_version), Some(pause_version)) = (
            bus.config_version.checked_add(kind.changes_owners() as u64),
            bus.pause_version.checked_add(kind.is_of_pause() as u64),
        ) else {
            refuse!(CounterOverflow)
        };
        match kind {
            ActionKind::OwnerAdd => {
                settle_old_shares(bus, ledger, None, treasury_balance)?;
                let place = bus.owner_count as usize;
                ledger.enter_owner(place, &self.owner, first_proposal);
                bus.owners[place].owner = self.owner;
                bus.owner_count += 1;
                self.write_shares(bus);
            }
            ActionKind::OwnerRemove => {
                let (place, count) = (bus.validate_owner(&self.owner)?, bus.owner_count as usize);
                settle_old_shares(bus, ledger, Some(&self.owner), treasury_balance)?;
                ledger.leave_owner(place, count, &self.owner);
                bus.owners.copy_within(place + 1..count, place);
                bus.owners[count - 1] = OwnerSlot::zeroed();
                bus.owner_count -= 1;
                self.write_shares(bus);
            }
            ActionKind::SharesSet => {
                settle_old_shares(bus, ledger, None, treasury_balance)?;
                self.write_shares(bus);
            }
            ActionKind::ThresholdSet => bus.threshold = self.value as u8,
            ActionKind::TimelockSet => bus.timelock_seconds = self.value as u32,
            ActionKind::CapacitySet => {
                general.resize(self.value);
                bus.capacity_wh = self.value;
            }
            ActionKind::BasePriceSet => bus.base_price_per_kwh = self.value,
            ActionKind::ListingPolicySet => bus.listing_policy = self.value as u8,
            ActionKind::TermsSet => {
                bus.promote_terms(now);
                bus.next_terms = self.terms;
            }
            ActionKind::LockFeeSet => bus.lock_fee_bps = self.value as u16,
            ActionKind::Pause => bus.paused = 1,
            ActionKind::Resume => bus.paused = 0,
            ActionKind::OwnerReplace => {
                let place = bus.validate_owner(&self.owner)?;
                ledger.replace_owner(place, &self.new_owner, first_proposal);
                bus.owners[place].owner = self.new_owner;
            }
            ActionKind::PauseQuorumSet => bus.pause_quorum = self.value as u8,
            ActionKind::SellerAdmit | ActionKind::SellerSuspend => (),
            ActionKind::ReservePriceSet => bus.reserve_price_per_kwh = self.value,
            ActionKind::LeastSizeSet => bus.least_wh = self.value,
            ActionKind::OperatorSet => {
                bus.promote_terms(now);
                bus.operator = self.owner;
            }
            ActionKind::BusClose => (bus.closing, bus.closing_at) = (1, now),
            ActionKind::GridRecipientSet => bus.grid_recipient = self.owner,
        }
        bus.config_version = config_version;
        bus.pause_version = pause_version;
        Ok(())
    }

    /// Writes the owners' new shares, in their order.
    fn write_shares(&self, bus: &mut Bus) {
        let count = bus.owner_count as usize;
        for (slot, share) in bus.owners[..count].iter_mut().zip(&self.shares_bps) {
            slot.share_bps = *share;
        }
    }
}

/// Settles what the owners earned under the present shares, before these change.
#[inline(never)]
fn settle_old_shares(bus: &Bus, ledger: &mut Ledger, leaving: Option<&Address>, treasury_balance: u64) -> Result<()> {
    ledger.validate_settle(bus, leaving, treasury_balance)?;
    ledger.settle_shares(bus, treasury_balance);
    Ok(())
}

numbered_enum! {
    /// State of a proposal.
    pub enum ProposalState {
        Open = 0,
        Executed = 1,
    }
}

/// A change of a bus that its owners decide on. PDA `["proposal", bus, proposer, number]`.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Proposal {
    pub layout_version: u8,
    pub bump: u8,
    /// [`ProposalState`].
    pub state: u8,
    /// 1 once it had the approvals that it needs. From then on `expires_at` does not change.
    pub was_decided: u8,
    pub padding: [u8; 2],
    /// Bit `i` is set while owner `i` of the bus approves.
    pub approvals: u16,
    /// Number of this proposal among those of its proposer.
    pub number: u64,
    /// The bus's `config_version` when it was made. The proposal is stale once the bus has another.
    pub config_version: u64,
    /// The bus's `pause_version` when it was made. A proposal to pause or resume is stale once the bus has another.
    pub pause_version: u64,
    /// When it was made, in unix seconds.
    pub created_at: i64,
    /// First second in which it can be executed; 0 while approvals are missing.
    pub executable_at: i64,
    /// Last second in which it can be executed: 30 days after the first in which it could have been.
    pub expires_at: i64,
    /// When it was executed, in unix seconds, 0 before.
    pub executed_at: i64,
    pub bus: Address,
    /// Who proposed it, paid the rent and gets it back.
    pub proposer: Address,
    /// Hash of action and creation time, which an approval names. See [`Proposal::hash_of`].
    pub hash: [u8; 32],
    pub action: Action,
    pub reserved: [u8; 64],
}

const _: () = assert!(size_of::<Proposal>() == 376);

impl Proposal {
    /// Hash that an approval names, so that an owner approves exactly what it has read: `sha256("multibus:proposal:v1"
    /// | program | proposal | created_at i64 | action)`, integers little-endian, the action as the account holds it.
    pub fn hash_of(address: &Address, created_at: i64, action: &Action) -> [u8; 32] {
        hashv(&[
            PROPOSAL_HASH_TAG,
            crate::ID.as_ref(),
            address.as_ref(),
            &created_at.to_le_bytes(),
            bytemuck::bytes_of(action),
        ])
        .to_bytes()
    }

    /// Initialises a new proposal, which its proposer thereby approves.
    pub fn initialize(
        &mut self,
        address: &Address,
        (bus, bus_address): (&Bus, &Address),
        proposer: &Address,
        number: u64,
        action: Action,
        now: i64,
    ) -> Result<()> {
        self.layout_version = LAYOUT_VERSION;
        self.number = number;
        self.config_version = bus.config_version;
        self.pause_version = bus.pause_version;
        self.created_at = now;
        self.bus = *bus_address;
        self.proposer = *proposer;
        self.hash = Self::hash_of(address, now, &action);
        self.action = action;
        self.expires_at = now.saturating_add(self.wait_seconds(bus)).saturating_add(PROPOSAL_LIFETIME_SECONDS);
        let hash = self.hash;
        self.approve(bus, proposer, &hash, now)
    }

    fn is_pause(&self) -> bool {
        self.action.kind == ActionKind::Pause as u8
    }

    /// Seconds between the last approval that is needed and the first possible execution.
    fn wait_seconds(&self, bus: &Bus) -> i64 {
        if self.is_pause() { 0 } else { bus.timelock_seconds as i64 }
    }

    /// Approvals that the proposal needs: the pause quorum for pausing, else the threshold.
    pub fn approvals_needed(&self, bus: &Bus) -> u8 {
        if self.is_pause() { bus.pause_approvals() } else { bus.threshold }
    }

    /// Approvals that it has.
    pub fn approval_count(&self) -> u8 {
        self.approvals.count_ones() as u8
    }

    /// Whether it is stale: the bus's `config_version` changed after it was made, or for a pause or a resume, its
    /// `pause_version`.
    pub fn is_stale(&self, bus: &Bus) -> bool {
        self.config_version != bus.config_version
            || (self.pause_version != bus.pause_version
                && ActionKind::try_from(self.action.kind).is_ok_and(ActionKind::is_of_pause))
    }

    /// Whether the last second in which it can be executed has passed.
    pub fn is_expired(&self, now: i64) -> bool {
        now > self.expires_at
    }

    /// Refuses a proposal that is executed, stale or expired.
    #[inline(always)]
    pub fn validate_open(&self, bus: &Bus, now: i64) -> Result<()> {
        ensure!(self.state == ProposalState::Open as u8, ProposalExecuted);
        ensure!(
            !self.is_stale(bus),
            ProposalStale,
            "made under version {}, present version {}",
            self.config_version,
            bus.config_version
        );
        ensure!(!self.is_expired(now), ProposalExpired, "expired at {}, now {}", self.expires_at, now);
        Ok(())
    }

    /// Records an owner's approval, which names the proposal's hash. Each owner counts once.
    #[inline(always)]
    pub fn approve(&mut self, bus: &Bus, owner: &Address, hash: &[u8; 32], now: i64) -> Result<()> {
        self.validate_open(bus, now)?;
        ensure!(*hash == self.hash, ProposalChanged);
        let approval = 1u16 << bus.validate_owner(owner)?;
        ensure!(self.approvals & approval == 0, AlreadyApproved);
        self.approvals |= approval;
        if self.approval_count() == self.approvals_needed(bus) {
            self.executable_at = now.saturating_add(self.wait_seconds(bus));
            // The expiry is set once, so revoking and approving again does not keep the proposal alive.
            if self.was_decided == 0 {
                self.was_decided = 1;
                self.expires_at = self.executable_at.saturating_add(PROPOSAL_LIFETIME_SECONDS);
            }
        }
        Ok(())
    }

    /// Takes an owner's approval back. The timelock starts again once enough owners approve again.
    #[inline(always)]
    pub fn revoke(&mut self, bus: &Bus, owner: &Address, now: i64) -> Result<()> {
        self.validate_open(bus, now)?;
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
        self.validate_open(bus, now)?;
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

    /// Refuses to close a proposal that is neither executed, stale nor expired, while an owner approves it.
    pub fn validate_close(&self, bus: &Bus, now: i64) -> Result<()> {
        ensure!(
            self.state == ProposalState::Executed as u8
                || self.is_stale(bus)
                || self.is_expired(now)
                || self.approvals == 0,
            ProposalOpen,
            "{} approvals",
            self.approval_count()
        );
        Ok(())
    }

    /// Checks what always holds of a proposal.
    pub fn check_invariants(&self) -> core::result::Result<(), &'static str> {
        let Self {
            layout_version,
            bump: _,
            state,
            was_decided,
            padding,
            approvals: _,
            number: _,
            config_version: _,
            pause_version: _,
            created_at,
            executable_at,
            expires_at,
            executed_at,
            bus: _,
            proposer: _,
            hash: _,
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
        invariant(*was_decided <= 1 && (*was_decided == 1 || *executable_at == 0), "what executes was decided")?;
        invariant(*expires_at >= created_at.saturating_add(PROPOSAL_LIFETIME_SECONDS), "a proposal lives 30 days")?;
        invariant(executed_at <= expires_at, "nothing is executed after its expiry")?;
        invariant(*padding == [0; 2] && *reserved == [0; 64], "reserved bytes are zero")
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
    } else if action.kind == ActionKind::OwnerReplace as u8 {
        for share in owners.iter_mut().filter(|share| address_eq(&share.owner, &action.owner)) {
            share.owner = action.new_owner;
        }
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

    /// Address of the proposals in these tests.
    const PROPOSAL: Address = Address::new_from_array([98; 32]);
    /// Number of the first proposal of an owner who is added in these tests.
    const FIRST: u64 = 9 << 20;
    /// Time at which these tests execute actions, with an empty treasury.
    const NOW: Moment = Moment { now: 1_000, treasury_balance: 0, first_proposal: FIRST };
    /// First window of the next terms: the nearest whose start is a multiple of both window lengths.
    const FROM: i64 = (1_000 + MAX_HORIZON_SECONDS as i64) / 1_800 * 1_800 + 1_800;

    fn windows(window_seconds: u32) -> TermsConfig {
        TermsConfig { window_seconds, gate_closure_seconds: 61, ..TermsConfig::default() }
    }

    /// A running bus of three owners, with threshold 2, a timelock of an hour and pause quorum 1.
    fn bus() -> Bus {
        let mut bus = Bus {
            owner_count: 3,
            threshold: 2,
            pause_quorum: 1,
            timelock_seconds: 3_600,
            terms: Terms { window_seconds: 900, gate_closure_seconds: 60, ..Terms::zeroed() },
            horizon_seconds: MAX_HORIZON_SECONDS,
            capacity_wh: 1_000,
            least_wh: 1,
            ..Bus::zeroed()
        };
        for (index, share_bps) in [6_000, 3_000, 1_000].into_iter().enumerate() {
            bus.owners[index] = OwnerSlot { owner: wallet(index as u8 + 1), share_bps, ..OwnerSlot::zeroed() };
        }
        bus
    }

    fn general() -> Capacity {
        let mut general = Capacity::zeroed();
        general.initialize(&bus(), &BUS, &wallet(1), 0);
        general
    }

    fn ledger() -> Ledger {
        let mut ledger = Ledger::zeroed();
        ledger.initialize(&BUS, 3, 5).unwrap();
        ledger
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
            ProposalAction::TermsSet { from: FROM, terms: windows(1_800) },
            ProposalAction::LockFeeSet { lock_fee_bps: 8 },
            ProposalAction::Pause,
            ProposalAction::Resume,
            ProposalAction::OwnerReplace { owner: wallet(2), new_owner: wallet(5) },
            ProposalAction::PauseQuorumSet { pause_quorum: 2 },
            ProposalAction::SellerAdmit { wallet: wallet(6) },
            ProposalAction::SellerSuspend { wallet: wallet(6) },
            ProposalAction::ReservePriceSet { reserve_price_per_kwh: 11 },
            ProposalAction::LeastSizeSet { least_wh: 12 },
            ProposalAction::OperatorSet { operator: Some(wallet(7)) },
            ProposalAction::BusClose,
            ProposalAction::GridRecipientSet { recipient: Some(wallet(8)) },
        ]
    }

    #[test]
    fn an_action_is_read_as_it_was_written() {
        for (kind, action) in actions().into_iter().enumerate() {
            let written = encoded(action.clone());
            assert_eq!((written.kind as usize, written.decode()), (kind, Some(action)));
            assert_eq!(written.changes_owners(), kind <= 3 || kind == 12 || kind == 19, "{kind}");
            assert_eq!(written.known_kind().unwrap().changes_shares(), kind <= 2, "{kind}");
            assert_eq!(written.known_kind().unwrap().is_of_seller(), kind == 14 || kind == 15, "{kind}");
            assert_eq!(written.known_kind().unwrap().is_of_pause(), kind == 10 || kind == 11, "{kind}");
        }
        for none in
            [ProposalAction::OperatorSet { operator: None }, ProposalAction::GridRecipientSet { recipient: None }]
        {
            assert_eq!(encoded(none.clone()).decode(), Some(none));
        }
        assert_eq!(Action { kind: 21, ..Action::zeroed() }.decode(), None);
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
        let replace = |owner: Address, new_owner: Address| ProposalAction::OwnerReplace { owner, new_owner };
        let terms = |from, terms| ProposalAction::TermsSet { from, terms };
        let mut used = general();
        used.list(400, 1_000).unwrap();
        used.list(300, 1_000).unwrap();
        used.close_offer();
        let delivery = Terms { settlement: 1, ..bus().terms };
        let (paused, three) = (Bus { paused: 1, ..bus() }, Bus { threshold: 3, ..bus() });
        let mut one = Bus { owner_count: 1, threshold: 1, ..bus() };
        one.owners[1] = OwnerSlot::zeroed();
        let mut full = Bus { owner_count: 16, ..bus() };
        for number in 3..16 {
            full.owners[number].owner = wallet(number as u8 + 1);
        }
        let now = (bus(), ledger(), general());
        let on = |bus: Bus| (bus, ledger(), general());
        type Case = (Option<MultibusError>, ProposalAction, (Bus, Ledger, Capacity));
        let cases: Vec<Case> = vec![
            (None, add(wallet(4)), now),
            (Some(OwnerZero), add(Address::default()), now),
            (Some(OwnerIsTheBus), add(BUS), now),
            (Some(AlreadyOwner), add(wallet(3)), now),
            (Some(OwnersFull), add(wallet(40)), on(full)),
            (Some(ShareCountInvalid), add(wallet(4)), on(Bus { owner_count: 2, ..bus() })),
            (None, remove(wallet(3)), now),
            (Some(OwnerUnknown), remove(wallet(4)), now),
            (Some(LastOwner), remove(wallet(1)), on(one)),
            (Some(ThresholdAboveOwners), remove(wallet(3)), on(three)),
            (None, shares(&[10_000, 0, 0]), now),
            (Some(SharesInvalid), shares(&[9_999, 0, 0]), now),
            (Some(SharesInvalid), shares(&[10_000, 1, 0]), now),
            (Some(ShareCountInvalid), shares(&[5_000, 5_000]), now),
            (Some(ShareCountInvalid), shares(&[5_000, 5_000, 0, 0]), now),
            (None, ProposalAction::ThresholdSet { threshold: 3 }, now),
            (None, ProposalAction::ThresholdSet { threshold: 1 }, now),
            (Some(ThresholdInvalid), ProposalAction::ThresholdSet { threshold: 4 }, now),
            (Some(ThresholdInvalid), ProposalAction::ThresholdSet { threshold: 0 }, now),
            (None, ProposalAction::TimelockSet { timelock_seconds: MAX_TIMELOCK_SECONDS }, now),
            (Some(TimelockTooLong), ProposalAction::TimelockSet { timelock_seconds: MAX_TIMELOCK_SECONDS + 1 }, now),
            (None, ProposalAction::CapacitySet { capacity_wh: 1 }, (bus(), ledger(), used)),
            (None, ProposalAction::CapacitySet { capacity_wh: MAX_CAPACITY_WH }, now),
            (Some(CapacityZero), ProposalAction::CapacitySet { capacity_wh: 0 }, now),
            (Some(CapacityTooLarge), ProposalAction::CapacitySet { capacity_wh: MAX_CAPACITY_WH + 1 }, now),
            (None, ProposalAction::BasePriceSet { base_price_per_kwh: 1 }, now),
            (Some(BasePriceZero), ProposalAction::BasePriceSet { base_price_per_kwh: 0 }, now),
            (None, ProposalAction::ListingPolicySet { listing_policy: 2 }, now),
            (Some(ListingPolicyUnknown), ProposalAction::ListingPolicySet { listing_policy: 3 }, now),
            (None, terms(FROM, windows(1_800)), now),
            (Some(TermsTooSoon), terms(FROM - 1_800, windows(1_800)), now),
            (Some(TermsMisaligned), terms(FROM + 900, windows(1_800)), now),
            (Some(WindowsInvalid), terms(FROM, windows(59)), now),
            (
                Some(TermsFixed),
                terms(FROM, windows(900)),
                on(Bus { next_terms: Terms { from: 1_800, ..delivery }, ..bus() }),
            ),
            (Some(OperatorNeeded), terms(FROM, delivery.config()), now),
            (None, ProposalAction::LockFeeSet { lock_fee_bps: MAX_LOCK_FEE_BPS }, now),
            (Some(LockFeeTooHigh), ProposalAction::LockFeeSet { lock_fee_bps: MAX_LOCK_FEE_BPS + 1 }, now),
            (None, ProposalAction::Pause, now),
            (Some(AlreadyPaused), ProposalAction::Pause, on(paused)),
            (None, ProposalAction::Resume, on(paused)),
            (Some(NotPaused), ProposalAction::Resume, now),
            (None, replace(wallet(3), wallet(4)), now),
            (Some(OwnerUnknown), replace(wallet(4), wallet(5)), now),
            (Some(AlreadyOwner), replace(wallet(3), wallet(1)), now),
            (Some(AlreadyOwner), replace(wallet(3), wallet(3)), now),
            (Some(OwnerZero), replace(wallet(3), Address::default()), now),
            (Some(OwnerIsTheBus), replace(wallet(3), BUS), now),
            (None, ProposalAction::PauseQuorumSet { pause_quorum: 2 }, now),
            (None, ProposalAction::PauseQuorumSet { pause_quorum: 0 }, now),
            (Some(PauseQuorumInvalid), ProposalAction::PauseQuorumSet { pause_quorum: 3 }, now),
            (Some(SellerMismatch), ProposalAction::SellerAdmit { wallet: Address::default() }, now),
            (Some(SellerMismatch), ProposalAction::SellerSuspend { wallet: Address::default() }, now),
            (None, ProposalAction::ReservePriceSet { reserve_price_per_kwh: u64::MAX }, now),
            (None, ProposalAction::LeastSizeSet { least_wh: MAX_CAPACITY_WH }, now),
            (Some(LeastSizeInvalid), ProposalAction::LeastSizeSet { least_wh: 0 }, now),
            (Some(LeastSizeInvalid), ProposalAction::LeastSizeSet { least_wh: MAX_CAPACITY_WH + 1 }, now),
            (None, ProposalAction::OperatorSet { operator: Some(wallet(1)) }, now),
            (Some(OperatorInvalid), ProposalAction::OperatorSet { operator: Some(BUS) }, now),
            (None, ProposalAction::OperatorSet { operator: None }, on(Bus { operator: wallet(1), ..bus() })),
            (
                Some(OperatorNeeded),
                ProposalAction::OperatorSet { operator: None },
                on(Bus { terms: delivery, ..bus() }),
            ),
            (
                None,
                ProposalAction::GridRecipientSet { recipient: None },
                on(Bus { grid_recipient: wallet(1), ..bus() }),
            ),
            (Some(GridRecipientInvalid), ProposalAction::GridRecipientSet { recipient: Some(BUS) }, now),
            (None, ProposalAction::BusClose, now),
            (Some(BusClosing), ProposalAction::BusClose, on(Bus { closing: 1, ..bus() })),
        ];
        for (index, (error, action, before)) in cases.into_iter().enumerate() {
            let refused = error.map(Into::into);
            let (mut bus, mut ledger, mut capacity) = before;
            assert_eq!(encoded(action.clone()).validate(&bus, &ledger, NOW.now).err(), refused, "{index}: {action:?}");
            let applied = encoded(action).apply(&mut bus, &mut ledger, &mut capacity, &NOW);
            assert_eq!(applied.err(), refused, "{index}");
            assert_eq!((bus, ledger, capacity) == before, error.is_some(), "{index}: refused is unchanged");
        }
        let unknown = Action { kind: 21, ..Action::zeroed() };
        assert_eq!(unknown.validate(&bus(), &ledger(), NOW.now), Err(ActionUnknown.into()));
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
            let paused = (action == ProposalAction::Resume) as u8;
            let before = (Bus { paused, ..bus() }, ledger(), general());
            let (mut after, mut wanted) = (before, before);
            encoded(action.clone()).apply(&mut after.0, &mut after.1, &mut after.2, &NOW).unwrap();
            let (bus, ledger, general) = (&mut wanted.0, &mut wanted.1, &mut wanted.2);
            match action.clone() {
                ProposalAction::OwnerAdd { owner, shares_bps } => {
                    (bus.owners[3].owner, bus.owner_count, ledger.owners[3].next_proposal) = (owner, 4, FIRST);
                    shares(bus, &shares_bps);
                }
                ProposalAction::OwnerRemove { shares_bps, .. } => {
                    bus.owners[1] = bus.owners[2];
                    (bus.owners[2], bus.owner_count, ledger.owners[2].next_proposal) = (OwnerSlot::zeroed(), 2, 0);
                    ledger.proposals_from = ledger.owners[0].next_proposal;
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
                ProposalAction::TermsSet { from, terms } => bus.next_terms = Terms::new(&terms, from),
                ProposalAction::LockFeeSet { lock_fee_bps } => bus.lock_fee_bps = lock_fee_bps,
                ProposalAction::Pause => (bus.paused, bus.pause_version) = (1, 1),
                ProposalAction::Resume => (bus.paused, bus.pause_version) = (0, 1),
                ProposalAction::OwnerReplace { new_owner, .. } => {
                    (bus.owners[1].owner, bus.config_version) = (new_owner, 1);
                    (ledger.owners[1].next_proposal, ledger.proposals_from) = (FIRST, ledger.owners[0].next_proposal);
                }
                ProposalAction::PauseQuorumSet { pause_quorum } => bus.pause_quorum = pause_quorum,
                ProposalAction::SellerAdmit { .. } | ProposalAction::SellerSuspend { .. } => (),
                ProposalAction::ReservePriceSet { reserve_price_per_kwh } => {
                    bus.reserve_price_per_kwh = reserve_price_per_kwh;
                }
                ProposalAction::LeastSizeSet { least_wh } => bus.least_wh = least_wh,
                ProposalAction::OperatorSet { operator } => bus.operator = operator.unwrap_or_default(),
                ProposalAction::BusClose => (bus.closing, bus.closing_at, bus.config_version) = (1, NOW.now, 1),
                ProposalAction::GridRecipientSet { recipient } => bus.grid_recipient = recipient.unwrap_or_default(),
            }
            assert_eq!(after, wanted, "{action:?}");
        }
    }

    #[test]
    fn a_lowered_general_capacity_keeps_what_is_committed() {
        let (mut bus, mut ledger, mut general) = (bus(), ledger(), general());
        general.list(700, 1_000).unwrap();
        let lower = encoded(ProposalAction::CapacitySet { capacity_wh: 500 });
        lower.apply(&mut bus, &mut ledger, &mut general, &NOW).unwrap();
        assert_eq!((bus.capacity_wh, general.total_wh, general.available_wh), (500, 700, 0));
    }

    #[test]
    fn the_last_versions_are_the_last() {
        let (mut bus, mut ledger, mut general) =
            (Bus { config_version: u64::MAX, pause_version: u64::MAX, ..bus() }, ledger(), general());
        for (action, is_refused) in [
            (ProposalAction::ThresholdSet { threshold: 1 }, true),
            (ProposalAction::Pause, true),
            (ProposalAction::TimelockSet { timelock_seconds: 1 }, false),
        ] {
            let refused = is_refused.then_some(MultibusError::CounterOverflow.into());
            assert_eq!(encoded(action).apply(&mut bus, &mut ledger, &mut general, &NOW).err(), refused);
        }
    }

    #[test]
    fn former_owners_hold_up_only_who_leaves_with_revenue() {
        let mut full = Ledger { former_owner_count: 16, accrued_total: 16, ..ledger() };
        for (index, place) in full.former_owners.iter_mut().enumerate() {
            *place = FormerOwner { owner: wallet(index as u8 + 40), accrued: 1 };
        }
        let remove = encoded(ProposalAction::OwnerRemove { owner: wallet(2), shares_bps: vec![5_000; 2] });
        let before = (bus(), full);
        let (mut bus, mut full) = before;
        let refused = Err(MultibusError::FormerOwnersFull.into());
        assert_eq!(
            remove.apply(&mut bus, &mut full, &mut general(), &Moment { treasury_balance: 116, ..NOW }),
            refused
        );
        assert_eq!((bus, full), before);
        assert!(remove.apply(&mut bus, &mut full, &mut general(), &Moment { treasury_balance: 16, ..NOW }).is_ok());
        assert_eq!((full.former_owner_count, bus.owner_count), (16, 2));
    }

    fn proposal(action: ProposalAction, bus: &Bus, now: i64) -> Proposal {
        let mut proposal = Proposal::zeroed();
        proposal.initialize(&PROPOSAL, (bus, &BUS), &wallet(1), 6, encoded(action), now).unwrap();
        proposal
    }

    #[test]
    fn a_proposal_carries_the_approval_of_its_proposer() {
        let bus = Bus { config_version: 7, pause_version: 8, ..bus() };
        let action = ProposalAction::TimelockSet { timelock_seconds: 7 };
        let made = proposal(action.clone(), &bus, 100);
        assert_eq!((made.layout_version, made.state, made.approvals), (LAYOUT_VERSION, 0, 1));
        assert_eq!((made.number, made.config_version, made.pause_version, made.created_at), (6, 7, 8, 100));
        assert_eq!((made.executable_at, made.executed_at, made.bus, made.proposer), (0, 0, BUS, wallet(1)));
        assert_eq!(made.expires_at, 100 + 3_600 + PROPOSAL_LIFETIME_SECONDS);
        assert_eq!((made.action.decode(), made.check_invariants()), (Some(action), Ok(())));
        let stranger = Proposal::zeroed().initialize(&PROPOSAL, (&bus, &BUS), &wallet(9), 6, Action::zeroed(), 0);
        assert_eq!(stranger, Err(MultibusError::NotAnOwner.into()));
    }

    #[test]
    fn an_approval_names_the_action_and_when_it_was_proposed() {
        let bus = bus();
        let action = encoded(ProposalAction::TimelockSet { timelock_seconds: 7 });
        let mut made = proposal(ProposalAction::TimelockSet { timelock_seconds: 7 }, &bus, 100);
        assert_eq!(made.hash, Proposal::hash_of(&PROPOSAL, 100, &action));
        let others = [
            Proposal::hash_of(&BUS, 100, &action),
            Proposal::hash_of(&PROPOSAL, 101, &action),
            Proposal::hash_of(&PROPOSAL, 100, &Action { value: 8, ..action }),
            [0; 32],
        ];
        for (index, other) in others.iter().enumerate() {
            let before = made;
            let refused = made.approve(&bus, &wallet(2), other, 150);
            assert_eq!((refused, made), (Err(MultibusError::ProposalChanged.into()), before), "{index}");
        }
        let hash = made.hash;
        assert_eq!(made.approve(&bus, &wallet(2), &hash, 150), Ok(()));
    }

    /// The transition refuses with the error and changes nothing.
    fn refused(proposal: Proposal, error: MultibusError, transition: impl FnOnce(&mut Proposal) -> Result<()>) {
        let mut after = proposal;
        assert_eq!(transition(&mut after), Err(error.into()));
        assert_eq!(after, proposal);
    }

    fn approve(proposal: &mut Proposal, bus: &Bus, number: u8, now: i64) -> Result<()> {
        let hash = proposal.hash;
        proposal.approve(bus, &wallet(number), &hash, now)
    }

    #[test]
    fn owners_approve_once_and_the_timelock_runs_from_the_last_that_is_needed() {
        let bus = bus();
        let mut made = proposal(ProposalAction::TimelockSet { timelock_seconds: 7 }, &bus, 100);
        refused(made, MultibusError::AlreadyApproved, |made| approve(made, &bus, 1, 150));
        refused(made, MultibusError::NotAnOwner, |made| approve(made, &bus, 4, 150));
        refused(made, MultibusError::NotAnOwner, |made| made.revoke(&bus, &wallet(4), 150));
        refused(made, MultibusError::NotApproved, |made| made.revoke(&bus, &wallet(3), 150));
        refused(made, MultibusError::ApprovalsMissing, |made| made.validate_execute(&bus, 10_000));
        approve(&mut made, &bus, 3, 200).unwrap();
        assert_eq!((made.approvals, made.approval_count(), made.executable_at), (0b101, 2, 3_800));
        refused(made, MultibusError::TimelockActive, |made| made.validate_execute(&bus, 3_799));
        assert_eq!(made.validate_execute(&bus, 3_800), Ok(()));
        // Approvals beyond the needed ones change no time, neither when given nor when revoked.
        approve(&mut made, &bus, 2, 500).unwrap();
        assert_eq!((made.approvals, made.executable_at), (0b111, 3_800));
        made.revoke(&bus, &wallet(2), 500).unwrap();
        assert_eq!((made.approvals, made.executable_at), (0b101, 3_800));
        made.revoke(&bus, &wallet(1), 500).unwrap();
        assert_eq!((made.approvals, made.executable_at), (0b100, 0));
        approve(&mut made, &bus, 1, 600).unwrap();
        assert_eq!((made.approvals, made.executable_at), (0b101, 4_200));
    }

    #[test]
    fn pausing_needs_its_quorum_and_no_time() {
        let bus = bus();
        let pause = proposal(ProposalAction::Pause, &bus, 100);
        assert_eq!((pause.approvals_needed(&bus), pause.executable_at), (1, 100));
        assert_eq!(pause.expires_at, 100 + PROPOSAL_LIFETIME_SECONDS);
        assert_eq!(pause.validate_execute(&bus, 100), Ok(()));
        let paused = Bus { paused: 1, ..bus };
        let resume = proposal(ProposalAction::Resume, &paused, 100);
        assert_eq!((resume.approvals_needed(&paused), resume.executable_at), (2, 0));
    }

    #[test]
    fn a_proposal_ends_30_days_after_it_could_have_been_executed() {
        let bus = bus();
        let mut made = proposal(ProposalAction::TimelockSet { timelock_seconds: 7 }, &bus, 100);
        let unapproved_until = 3_700 + PROPOSAL_LIFETIME_SECONDS;
        refused(made, MultibusError::ProposalOpen, |made| made.validate_close(&bus, unapproved_until));
        refused(made, MultibusError::ProposalExpired, |made| approve(made, &bus, 2, unapproved_until + 1));
        refused(made, MultibusError::ProposalExpired, |made| made.revoke(&bus, &wallet(1), unapproved_until + 1));
        assert_eq!(made.validate_close(&bus, unapproved_until + 1), Ok(()));
        approve(&mut made, &bus, 2, unapproved_until).unwrap();
        let last = unapproved_until + 3_600 + PROPOSAL_LIFETIME_SECONDS;
        assert_eq!((made.expires_at, made.check_invariants()), (last, Ok(())));
        assert_eq!(made.validate_execute(&bus, last), Ok(()));
        // An owner who revokes and approves again does not keep it alive.
        let mut again = made;
        again.revoke(&bus, &wallet(2), last - 3_601).unwrap();
        approve(&mut again, &bus, 2, last - 3_600).unwrap();
        assert_eq!((again.executable_at, again.expires_at, again.check_invariants()), (last, last, Ok(())));
        refused(made, MultibusError::ProposalExpired, |made| made.validate_execute(&bus, last + 1));
        refused(made, MultibusError::ProposalOpen, |made| made.validate_close(&bus, last));
        assert_eq!(made.validate_close(&bus, last + 1), Ok(()));
    }

    #[test]
    fn a_pause_and_a_resume_are_stale_after_any_later_one() {
        let bus = bus();
        let later = Bus { pause_version: 1, ..bus };
        let pause = proposal(ProposalAction::Pause, &bus, 100);
        refused(pause, MultibusError::ProposalStale, |pause| pause.validate_execute(&later, 200));
        assert_eq!(pause.validate_close(&later, 200), Ok(()));
        let paused = Bus { paused: 1, ..bus };
        let mut resume = proposal(ProposalAction::Resume, &paused, 100);
        approve(&mut resume, &paused, 2, 100).unwrap();
        assert_eq!(resume.validate_execute(&paused, 3_700), Ok(()));
        let again = Bus { pause_version: 2, ..paused };
        refused(resume, MultibusError::ProposalStale, |resume| resume.validate_execute(&again, 3_700));
        let other = proposal(ProposalAction::TimelockSet { timelock_seconds: 7 }, &bus, 100);
        assert!(!other.is_stale(&later));
    }

    #[test]
    fn what_is_stale_or_executed_is_decided_no_more_and_closes() {
        let bus = bus();
        let made = proposal(ProposalAction::TimelockSet { timelock_seconds: 7 }, &bus, 100);
        refused(made, MultibusError::ProposalOpen, |made| made.validate_close(&bus, 200));
        let mut withdrawn = made;
        withdrawn.revoke(&bus, &wallet(1), 200).unwrap();
        assert_eq!(withdrawn.validate_close(&bus, 200), Ok(()));
        let changed = Bus { config_version: 1, ..bus };
        assert!(made.is_stale(&changed) && !made.is_stale(&bus));
        let mut executed = made;
        executed.execute(4_000);
        assert_eq!((executed.state, executed.executed_at), (1, 4_000));
        for (over, bus, error) in
            [(made, changed, MultibusError::ProposalStale), (executed, bus, MultibusError::ProposalExecuted)]
        {
            refused(over, error, |over| approve(over, &bus, 2, 200));
            refused(over, error, |over| over.revoke(&bus, &wallet(1), 200));
            refused(over, error, |over| over.validate_execute(&bus, 9_999));
            assert_eq!(over.validate_close(&bus, 200), Ok(()));
        }
    }

    #[test]
    fn owners_after_a_decision_are_foretold() {
        for action in actions() {
            let paused = (action == ProposalAction::Resume) as u8;
            let (mut after, mut ledger, mut general) = (Bus { paused, ..bus() }, ledger(), general());
            let foretold = owners_after(&after, &encoded(action.clone()));
            encoded(action.clone()).apply(&mut after, &mut ledger, &mut general, &NOW).unwrap();
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
        approve(&mut open, &bus, 2, 100).unwrap();
        assert_eq!(open.check_invariants(), Ok(()));
        let mut sound = open;
        sound.execute(3_700);
        assert_eq!(sound.check_invariants(), Ok(()));
        assert_noticed(
            &sound,
            Proposal::check_invariants,
            &[
                ("the layout version is the present one", |proposal| proposal.layout_version = 1),
                ("the action is known", |proposal| proposal.action.kind = 21),
                ("the state is known", |proposal| proposal.state = 2),
                ("only executed proposals have a time", |proposal| proposal.state = 0),
                ("a proposal executes after it was made", |proposal| proposal.executable_at = 99),
                ("the timelock was kept", |proposal| proposal.executed_at = 3_699),
                ("a proposal lives 30 days", |proposal| proposal.expires_at = 99 + PROPOSAL_LIFETIME_SECONDS),
                ("what executes was decided", |proposal| proposal.was_decided = 0),
                ("what executes was decided", |proposal| proposal.was_decided = 2),
                ("what executes was decided", |proposal| (proposal.was_decided, proposal.executable_at) = (2, 0)),
                ("a proposal lives 30 days", |proposal| {
                    (proposal.created_at, proposal.executable_at) = (i64::MAX - 1, 0);
                }),
                ("nothing is executed after its expiry", |proposal| proposal.executed_at = i64::MAX),
                ("reserved bytes are zero", |proposal| proposal.padding[1] = 1),
                ("reserved bytes are zero", |proposal| proposal.reserved[63] = 1),
            ],
        );
        (sound.executable_at, sound.executed_at) = (100, sound.expires_at);
        assert_eq!(sound.check_invariants(), Ok(()));
        sound.expires_at = 100 + PROPOSAL_LIFETIME_SECONDS;
        sound.executed_at = sound.expires_at;
        assert_eq!(sound.check_invariants(), Ok(()));
    }
}

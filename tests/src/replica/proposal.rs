//! Proposals and decisions.

use {
    super::{books::Replica, records::*},
    crate::key::pda,
    multibus::{
        constants::*,
        event::*,
        state::{self, Action, ActionKind, OwnerShare},
    },
    solana_address::Address,
    std::collections::BTreeSet,
};

impl Replica {
    pub(super) fn proposal_created(&mut self, event: &ProposalCreated, now: i64) {
        let ProposalCreated {
            bus: of,
            proposal,
            proposer,
            proposal_seq,
            config_version,
            created_at,
            executable_at,
            action,
        } = *event;
        self.assert_allowed(&of, &action);
        let bus = self.buses.get_mut(&of).expect("a known bus");
        assert_eq!((proposal_seq, config_version), (bus.settings.proposal_seq, bus.settings.config_version));
        assert_eq!((proposal, created_at), (pda::proposal(&of, proposal_seq).0, now));
        assert!(bus.is_owner(&proposer), "owners propose");
        bus.settings.proposal_seq += 1;
        let made = ReplicaProposal {
            bus: of,
            proposer,
            proposal_seq,
            config_version,
            created_at,
            executable_at: 0,
            executed_at: None,
            action,
            owners: bus.owners.iter().map(|share| share.owner).collect(),
            approvals: BTreeSet::new(),
        };
        assert!(self.proposals.insert(proposal, made).is_none(), "a proposal is made once");
        self.count_approval(&proposal, proposer, now);
        assert_eq!(executable_at, self.proposals[&proposal].executable_at);
    }

    pub(super) fn proposal_approved(&mut self, event: &ProposalApproved, now: i64) {
        let ProposalApproved { proposal, owner, executable_at, approvals, padding } = *event;
        self.count_approval(&proposal, owner, now);
        let proposal = &self.proposals[&proposal];
        assert_eq!((executable_at, approvals, padding), (proposal.executable_at, proposal.mask(), [0; 6]));
    }

    pub(super) fn proposal_revoked(&mut self, event: &ProposalRevoked) {
        let ProposalRevoked { proposal: address, owner, executable_at, approvals, padding } = *event;
        let mut proposal = self.proposals[&address].clone();
        self.assert_open(&proposal);
        assert!(proposal.approvals.remove(&owner), "only what was given is taken back");
        if proposal.approvals.len() < self.approvals_needed(&proposal) {
            proposal.executable_at = 0;
        }
        assert_eq!((executable_at, approvals, padding), (proposal.executable_at, proposal.mask(), [0; 6]));
        self.proposals.insert(address, proposal);
    }

    pub(super) fn proposal_executed(&mut self, event: &ProposalExecuted, now: i64) {
        let ProposalExecuted {
            bus: of,
            proposal: address,
            executed_by: _,
            config_version,
            executed_at,
            treasury_balance,
            action,
        } = *event;
        let mut proposal = self.proposals[&address].clone();
        assert_eq!((proposal.bus, proposal.action, executed_at), (of, action, now));
        self.assert_open(&proposal);
        assert!(proposal.approvals.len() >= self.approvals_needed(&proposal), "enough owners approve");
        assert!(now >= proposal.executable_at, "the timelock has passed");
        self.assert_allowed(&of, &action);
        let received = self.received(&of);
        let ReplicaBus { settings, capacity, owners, revenue } = self.buses.get_mut(&of).expect("a known bus");
        assert_eq!(treasury_balance as u128, received - revenue.claimed_by_all());
        let kind = kind_of(&action);
        let divides = matches!(kind, ActionKind::OwnerAdd | ActionKind::OwnerRemove | ActionKind::SharesSet);
        if divides {
            revenue.settle(owners, received);
            if kind == ActionKind::OwnerAdd {
                owners.push(OwnerShare { owner: action.owner, share_bps: 0 });
            } else if kind == ActionKind::OwnerRemove {
                owners.retain(|share| share.owner != action.owner);
            }
            for (share, share_bps) in owners.iter_mut().zip(action.shares_bps) {
                share.share_bps = share_bps;
            }
        }
        let value = action.value;
        match kind {
            ActionKind::OwnerAdd | ActionKind::OwnerRemove | ActionKind::SharesSet => {}
            ActionKind::ThresholdSet => settings.threshold = value as u8,
            ActionKind::TimelockSet => settings.timelock_seconds = value as u32,
            ActionKind::CapacitySet => {
                settings.capacity_wh = value;
                let general = self.capacities.get_mut(capacity).expect("a known capacity");
                general.total_wh = value;
                general.available_wh = value - general.listed_wh - general.sold_wh;
            }
            ActionKind::BasePriceSet => settings.base_price_per_kwh = value,
            ActionKind::ListingPolicySet => settings.listing_policy = value as u8,
            ActionKind::WindowsSet => {
                settings.window_seconds = value as u32;
                settings.gate_closure_seconds = action.gate_closure_seconds as u32;
            }
            ActionKind::LockFeeSet => settings.lock_fee_bps = value as u16,
            ActionKind::Pause => settings.paused = 1,
            ActionKind::Resume => (settings.paused, settings.resumed_at) = (0, now),
        }
        settings.config_version += (divides || kind == ActionKind::ThresholdSet) as u64;
        assert_eq!(config_version, settings.config_version);
        proposal.executed_at = Some(now);
        self.proposals.insert(address, proposal);
    }

    pub(super) fn proposal_closed(&mut self, event: &ProposalClosed) {
        let ProposalClosed { bus, proposal, closed_by: _, executed, padding } = event;
        let closed = self.proposals.remove(proposal).expect("a known proposal");
        assert_eq!((closed.bus, *padding), (*bus, [0; 7]));
        assert_eq!(*executed == 1, closed.executed_at.is_some());
        let stale = closed.config_version != self.buses[bus].settings.config_version;
        assert!(*executed == 1 || stale || closed.approvals.is_empty(), "it can no longer be executed");
    }

    /// Approvals that a proposal needs.
    pub(super) fn approvals_needed(&self, proposal: &ReplicaProposal) -> usize {
        let settings = &self.buses[&proposal.bus].settings;
        let pausing = proposal.action.kind == ActionKind::Pause as u8 && settings.pause_quorum > 0;
        let quorum = if pausing { settings.pause_quorum } else { settings.threshold };
        quorum.min(settings.threshold) as usize
    }

    pub(super) fn assert_open(&self, proposal: &ReplicaProposal) {
        assert_eq!(proposal.executed_at, None, "an executed proposal is decided");
        let present = self.buses[&proposal.bus].settings.config_version;
        assert_eq!(proposal.config_version, present, "a stale proposal is void");
    }

    pub(super) fn count_approval(&mut self, address: &Address, owner: Address, now: i64) {
        let mut proposal = self.proposals[address].clone();
        self.assert_open(&proposal);
        let bus = &self.buses[&proposal.bus];
        assert!(bus.is_owner(&owner), "only owners approve");
        assert!(proposal.approvals.insert(owner), "an approval counts once");
        if proposal.approvals.len() == self.approvals_needed(&proposal) {
            let wait = if proposal.action.kind == ActionKind::Pause as u8 { 0 } else { bus.settings.timelock_seconds };
            proposal.executable_at = now.saturating_add(wait as i64);
        }
        self.proposals.insert(*address, proposal);
    }

    /// Asserts the rules of what owners can decide, with the bus as it is now.
    pub(super) fn assert_allowed(&self, of: &Address, action: &Action) {
        let ReplicaBus { settings, capacity, owners, revenue: _ } = &self.buses[of];
        let general = &self.capacities[capacity];
        let kind = kind_of(action);
        let Action { kind: _, share_count, padding, value, gate_closure_seconds, owner, shares_bps } = *action;
        assert_eq!(padding, [0; 6]);
        let is_owner = owners.iter().any(|share| share.owner == owner);
        let count = owners.len();
        let divided_by = match kind {
            ActionKind::OwnerAdd => Some(count + 1),
            ActionKind::OwnerRemove => Some(count - 1),
            ActionKind::SharesSet => Some(count),
            _ => None,
        };
        let after = divided_by.unwrap_or(0);
        assert_eq!(share_count as usize, after, "a share for each owner");
        assert!(shares_bps[after..].iter().all(|share| *share == 0));
        if divided_by.is_some() {
            assert_eq!(shares_bps.iter().map(|share| *share as u32).sum::<u32>(), 10_000, "shares sum to 10,000");
        }
        match kind {
            ActionKind::OwnerAdd => assert!(!is_owner && owner != Address::default() && count < 16),
            ActionKind::OwnerRemove => assert!(is_owner && count > 1 && settings.threshold as usize <= after),
            ActionKind::SharesSet => assert_eq!(owner, Address::default()),
            ActionKind::ThresholdSet => assert!(value >= 1 && value <= count as u64),
            ActionKind::TimelockSet => assert!(value <= 30 * 86_400),
            ActionKind::CapacitySet => assert!(value > 0 && value >= general.listed_wh + general.sold_wh),
            ActionKind::BasePriceSet => assert!(value > 0),
            ActionKind::ListingPolicySet => assert!(value <= 1),
            ActionKind::WindowsSet => {
                let off = (value, gate_closure_seconds) == (0, 0);
                assert!(off || ((60..=86_400).contains(&value) && gate_closure_seconds <= 86_400));
                let unused = general.open_offers == 0 && general.open_windows == 0;
                assert!(value == settings.window_seconds as u64 || unused, "windows in use keep their length");
            }
            ActionKind::LockFeeSet => assert!(value <= 500),
            ActionKind::Pause => assert_eq!(settings.paused, 0),
            ActionKind::Resume => assert_eq!(settings.paused, 1),
        }
    }

    pub(super) fn check_proposal(&self, address: &Address, proposal: state::Proposal) {
        proposal.check_invariants().unwrap();
        let told = self.proposals.get(address).expect("a proposal of which the events tell");
        let (of, bump) = pda::proposal(&told.bus, told.proposal_seq);
        assert_eq!(*address, of);
        let expected = state::Proposal {
            layout_version: LAYOUT_VERSION,
            bump,
            state: told.executed_at.is_some() as u8,
            approvals: told.mask(),
            proposal_seq: told.proposal_seq,
            config_version: told.config_version,
            created_at: told.created_at,
            executable_at: told.executable_at,
            executed_at: told.executed_at.unwrap_or(0),
            bus: told.bus,
            proposer: told.proposer,
            action: told.action,
            ..bytemuck::Zeroable::zeroed()
        };
        assert_eq!(proposal, expected, "the proposal is as its events tell");
    }
}

/// The kind of an action.
fn kind_of(action: &Action) -> ActionKind {
    ActionKind::try_from(action.kind).unwrap_or_else(|unknown| panic!("action {unknown} is not known"))
}

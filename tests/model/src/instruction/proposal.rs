//! Owners propose, approve and carry out changes.

use {
    crate::{
        books::Model,
        call::Action,
        cause::*,
        limit::{self, ALL_BPS, MAX_FORMER_OWNERS, MAX_OWNERS, account_bytes},
        state::*,
    },
    solana_address::Address,
    std::collections::BTreeSet,
};

impl Model {
    fn shares_fit(causes: &mut Causes, shares: &[u16], count: usize) {
        causes.rule(shares.len() == count && count <= MAX_OWNERS, "ShareCountInvalid");
        causes.rule(limit::are_all_shares(shares), "SharesInvalid");
    }

    fn action_fits(causes: &mut Causes, action: &Action, at: &Address, bus: &ModelBus, general: &ModelCapacity) {
        let count = bus.owners.len();
        match action {
            Action::OwnerAdd { owner, shares } => {
                causes.rule(*owner != Address::default(), "OwnerZero");
                causes.rule(owner != at, "OwnerIsTheBus");
                causes.rule(!bus.is_owner(owner), "AlreadyOwner");
                causes.rule(count < MAX_OWNERS, "OwnersFull");
                Self::shares_fit(causes, shares, count + 1);
            }
            Action::OwnerRemove { owner, shares } => {
                causes.rule(bus.is_owner(owner), "OwnerUnknown");
                causes.rule(count > 1, "LastOwner");
                causes.rule((bus.threshold as usize) < count, "ThresholdAboveOwners");
                Self::shares_fit(causes, shares, count - 1);
            }
            Action::SharesSet { shares } => Self::shares_fit(causes, shares, count),
            Action::ThresholdSet(threshold) => {
                causes.rule(*threshold >= 1 && *threshold as usize <= count, "ThresholdInvalid");
            }
            Action::TimelockSet(seconds) => causes.rule(*seconds <= limit::MAX_TIMELOCK_SECONDS, "TimelockTooLong"),
            Action::CapacitySet(capacity_wh) => {
                causes.rule(*capacity_wh > 0, "CapacityZero");
                let used = general.listed_wh as u128 + general.sold_wh as u128;
                causes.rule(*capacity_wh as u128 >= used, "CapacityBelowListed");
            }
            Action::BasePriceSet(price) => causes.rule(*price > 0, "BasePriceZero"),
            Action::ListingPolicySet(policy) => {
                causes.rule(*policy <= limit::LAST_LISTING_POLICY, "ListingPolicyUnknown");
            }
            Action::WindowsSet { window, gate_closure } => {
                causes.rule(limit::windows_fit(*window, *gate_closure), "WindowsInvalid");
                let unused = general.open_offers == 0 && general.open_windows == 0;
                causes.rule(*window == bus.window_seconds || unused, "WindowsInUse");
            }
            Action::LockFeeSet(bps) => causes.rule(*bps <= limit::MAX_LOCK_FEE_BPS, "LockFeeTooHigh"),
            Action::Pause => causes.rule(!bus.paused, "AlreadyPaused"),
            Action::Resume => causes.rule(bus.paused, "NotPaused"),
        }
    }

    pub(super) fn proposal_create(&mut self, accounts: &[PassedAccount; 5], action: Action) -> Verdict {
        let [proposer, at, general, new, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 1, 3]);
        causes.payer(proposer);
        causes.system_program(system);
        let bus = causes.state(at, true, self.buses.get(&at.address));
        let general = self.general_of(&mut causes, general, false, Some(&at.address));
        let Some(bus) = bus else { return causes.verdict() };
        self.new_account(&mut causes, new, self.proposal_address(&at.address, bus.proposal_seq).0);
        self.can_pay(&mut causes, proposer, &[(new.address, account_bytes::PROPOSAL)]);
        causes.rule(bus.is_owner(&proposer.address), "NotAnOwner");
        if let Some(general) = general {
            Self::action_fits(&mut causes, &action, &at.address, bus, general);
        }
        causes.verdict()?;
        let mut proposal = ModelProposal {
            bus: at.address,
            proposer: proposer.address,
            proposal_seq: bus.proposal_seq,
            config_version: bus.config_version,
            created_at: self.now,
            executable_at: 0,
            executed_at: None,
            action,
            approvals: BTreeSet::new(),
        };
        Self::approve(&mut proposal, bus, &proposer.address, self.now);
        self.pay_rent(&proposer.address, &new.address, account_bytes::PROPOSAL);
        self.proposals.insert(new.address, proposal);
        self.buses.get_mut(&at.address).expect("found above").proposal_seq += 1;
        Ok(())
    }

    fn approvals_needed(proposal: &ModelProposal, bus: &ModelBus) -> usize {
        if proposal.action == Action::Pause && bus.pause_quorum > 0 {
            bus.pause_quorum.min(bus.threshold) as usize
        } else {
            bus.threshold as usize
        }
    }

    fn approve(proposal: &mut ModelProposal, bus: &ModelBus, owner: &Address, now: i64) {
        proposal.approvals.insert(bus.place(owner).expect("an owner"));
        if proposal.approvals.len() == Self::approvals_needed(proposal, bus) {
            let wait = if proposal.action == Action::Pause { 0 } else { bus.timelock_seconds as i64 };
            proposal.executable_at = now + wait;
        }
    }

    /// The open proposal at a passed address, and the passed bus, which must be the proposal's.
    fn open_proposal(
        &self,
        causes: &mut Causes,
        bus: &PassedAccount,
        at: &PassedAccount,
        bus_written: bool,
    ) -> Option<(&ModelBus, &ModelProposal)> {
        let found = causes.state(bus, bus_written, self.buses.get(&bus.address));
        let proposal = causes.state(at, true, self.proposals.get(&at.address))?;
        causes.rule(proposal.bus == bus.address, "BusMismatch");
        causes.rule(proposal.executed_at.is_none(), "ProposalExecuted");
        causes.rule(found.is_none_or(|bus| proposal.config_version == bus.config_version), "ProposalStale");
        Some((found?, proposal))
    }

    /// The bus and the proposal of an owner's decision. The decision is `refused` unless the owner's approval is as
    /// `has_approved` says.
    pub(super) fn decision(
        &mut self,
        accounts: &[PassedAccount; 3],
        has_approved: bool,
        refused: &'static str,
    ) -> Result<(&ModelBus, &mut ModelProposal), Causes> {
        let [owner, at_bus, at] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[2]);
        causes.signer(owner);
        if let Some((bus, proposal)) = self.open_proposal(&mut causes, at_bus, at, false) {
            let place = bus.place(&owner.address);
            causes.rule(place.is_some(), "NotAnOwner");
            causes.rule(place.is_none_or(|place| proposal.approvals.contains(&place) == has_approved), refused);
        }
        causes.verdict()?;
        Ok((&self.buses[&at_bus.address], self.proposals.get_mut(&at.address).expect("found above")))
    }

    pub(super) fn proposal_approve(&mut self, accounts: &[PassedAccount; 3]) -> Verdict {
        let now = self.now;
        let (bus, proposal) = self.decision(accounts, false, "AlreadyApproved")?;
        Self::approve(proposal, bus, &accounts[0].address, now);
        Ok(())
    }

    pub(super) fn proposal_revoke(&mut self, accounts: &[PassedAccount; 3]) -> Verdict {
        let (bus, proposal) = self.decision(accounts, true, "NotApproved")?;
        proposal.approvals.remove(&bus.place(&accounts[0].address).expect("an owner"));
        if proposal.approvals.len() < Self::approvals_needed(proposal, bus) {
            proposal.executable_at = 0;
        }
        Ok(())
    }

    pub(super) fn proposal_execute(&mut self, accounts: &[PassedAccount; 5]) -> Verdict {
        let [executor, at_bus, at_general, at, treasury] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[1, 2, 3]);
        causes.signer(executor);
        let general = self.general_of(&mut causes, at_general, true, Some(&at_bus.address));
        if let Some(bus) = self.buses.get(&at_bus.address) {
            causes.rule(treasury.address == bus.treasury, "TreasuryMismatch");
        }
        if let Some((bus, proposal)) = self.open_proposal(&mut causes, at_bus, at, true) {
            causes.rule(proposal.approvals.len() >= Self::approvals_needed(proposal, bus), "ApprovalsMissing");
            causes.rule(self.now >= proposal.executable_at, "TimelockActive");
            if let Some(general) = general {
                Self::action_fits(&mut causes, &proposal.action, &at_bus.address, bus, general);
            }
            if let Action::OwnerRemove { owner, .. } = &proposal.action {
                let balance = self.amount_of(&bus.treasury);
                let full = bus.former_owners().len() >= MAX_FORMER_OWNERS && bus.claimable(owner, balance) > 0;
                causes.rule(!full, "FormerOwnersFull");
            }
        }
        causes.verdict()?;
        let proposal = self.proposals.get_mut(&at.address).expect("found above");
        proposal.executed_at = Some(self.now);
        let action = proposal.action.clone();
        self.decide(&at_bus.address, &at_general.address, action);
        Ok(())
    }

    fn decide(&mut self, at: &Address, general: &Address, action: Action) {
        let balance = self.amount_of(&self.buses[at].treasury);
        let bus = self.buses.get_mut(at).expect("found above");
        if matches!(
            action,
            Action::OwnerAdd { .. } | Action::OwnerRemove { .. } | Action::SharesSet { .. } | Action::ThresholdSet(_)
        ) {
            bus.config_version += 1;
        }
        let divide = |bus: &mut ModelBus, shares: &[u16]| {
            for ((_, share), new) in bus.owners.iter_mut().zip(shares) {
                *share = *new;
            }
        };
        if matches!(action, Action::OwnerAdd { .. } | Action::OwnerRemove { .. } | Action::SharesSet { .. }) {
            let period = bus.period(balance);
            for (owner, share) in &bus.owners {
                *bus.earned.entry(*owner).or_default() += period * *share as u128 / ALL_BPS as u128;
            }
        }
        match action {
            Action::OwnerAdd { owner, shares } => {
                bus.owners.push((owner, 0));
                divide(bus, &shares);
            }
            Action::OwnerRemove { owner, shares } => {
                bus.owners.retain(|(other, _)| *other != owner);
                divide(bus, &shares);
            }
            Action::SharesSet { shares } => divide(bus, &shares),
            Action::ThresholdSet(threshold) => bus.threshold = threshold,
            Action::TimelockSet(seconds) => bus.timelock_seconds = seconds,
            Action::CapacitySet(capacity_wh) => {
                bus.capacity_wh = capacity_wh;
                let general = self.capacities.get_mut(general).expect("found above");
                general.total_wh = capacity_wh;
                general.available_wh = capacity_wh - general.listed_wh - general.sold_wh;
            }
            Action::BasePriceSet(price) => bus.base_price_per_kwh = price,
            Action::ListingPolicySet(policy) => bus.listing_policy = policy,
            Action::WindowsSet { window, gate_closure } => {
                (bus.window_seconds, bus.gate_closure_seconds) = (window, gate_closure);
            }
            Action::LockFeeSet(bps) => bus.lock_fee_bps = bps,
            Action::Pause => bus.paused = true,
            Action::Resume => (bus.paused, bus.resumed_at) = (false, self.now),
        }
    }

    pub(super) fn proposal_close(&mut self, accounts: &[PassedAccount; 4]) -> Verdict {
        let [closer, at_bus, at, proposer] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[2]);
        causes.signer(closer);
        causes.written(proposer);
        let bus = causes.state(at_bus, false, self.buses.get(&at_bus.address));
        let proposal = causes.state(at, true, self.proposals.get(&at.address));
        if let Some(proposal) = proposal {
            causes.rule(proposal.bus == at_bus.address, "BusMismatch");
            causes.rule(proposal.proposer == proposer.address, "ProposerMismatch");
            if let Some(bus) = bus {
                let over = proposal.executed_at.is_some()
                    || proposal.config_version != bus.config_version
                    || proposal.approvals.is_empty();
                causes.rule(over, "ProposalOpen");
            }
        }
        causes.verdict()?;
        self.proposals.remove(&at.address);
        self.return_rent(&at.address, &proposer.address);
        Ok(())
    }
}

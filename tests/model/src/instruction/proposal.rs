//! Owners propose, approve and carry out changes.

use {
    super::token::Transfer,
    crate::{
        books::Model,
        call::Action,
        cause::*,
        limit::{self, MAX_FORMER_OWNERS, MAX_OWNERS, PROPOSAL_SECONDS, account_bytes},
        math::proposal_hash,
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

    fn new_owner_fits(causes: &mut Causes, at: &Address, bus: &ModelBus, owner: &Address) {
        causes.rule(*owner != Address::default(), "OwnerZero");
        causes.rule(owner != at, "OwnerIsTheBus");
        causes.rule(!bus.is_owner(owner), "AlreadyOwner");
    }

    fn action_fits(&self, causes: &mut Causes, action: &Action, at: &Address, bus: &ModelBus) {
        let count = bus.owners.len();
        match action {
            Action::OwnerAdd { owner, shares } => {
                Self::new_owner_fits(causes, at, bus, owner);
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
            Action::CapacitySet(capacity_wh) => Self::capacity_fits(causes, *capacity_wh),
            Action::BasePriceSet(price) => causes.rule(*price > 0, "BasePriceZero"),
            Action::ListingPolicySet(policy) => causes.rule(*policy <= limit::OPEN, "ListingPolicyUnknown"),
            Action::TermsSet(next) => {
                let nearest = self.now + bus.horizon_seconds as i64;
                causes.rule(next.from > nearest, "TermsTooSoon");
                // Terms that wait may be replaced while no window of theirs can be open.
                let fixed = bus.next_terms.is_some_and(|waits| waits.from > self.now && waits.from <= nearest);
                causes.rule(!fixed, "TermsFixed");
                let now = bus.terms_at(self.now);
                let aligned = [now, *next].iter().all(|terms| !terms.has_windows() || terms.aligns(next.from));
                causes.rule(aligned, "TermsMisaligned");
                Self::terms_fit(causes, next, bus.horizon_seconds, bus.operator.is_some());
            }
            Action::LockFeeSet(bps) => causes.rule(*bps <= limit::MAX_LOCK_FEE_BPS, "LockFeeTooHigh"),
            Action::Pause => causes.rule(!bus.paused, "AlreadyPaused"),
            Action::Resume => causes.rule(bus.paused, "NotPaused"),
            Action::OwnerReplace { owner, new_owner } => {
                causes.rule(bus.is_owner(owner), "OwnerUnknown");
                Self::new_owner_fits(causes, at, bus, new_owner);
            }
            Action::PauseQuorumSet(quorum) => causes.rule(*quorum <= bus.threshold, "PauseQuorumInvalid"),
            Action::SellerAdmit(wallet) | Action::SellerSuspend(wallet) => {
                causes.rule(*wallet != Address::default(), "SellerMismatch");
            }
            Action::ReservePriceSet(_) => {}
            Action::LeastSizeSet(least_wh) => {
                causes.rule((1..=limit::MAX_CAPACITY_WH).contains(least_wh), "LeastSizeInvalid");
            }
            Action::OperatorSet(Some(wallet)) => causes.rule(Self::is_wallet(wallet, at), "OperatorInvalid"),
            Action::OperatorSet(None) => {
                let until = bus.operator_needed_until();
                causes.rule(until.is_some_and(|until| self.now >= until), "OperatorNeeded");
            }
            Action::GridRecipientSet(wallet) => {
                causes.rule(wallet.is_none_or(|wallet| Self::is_wallet(&wallet, at)), "GridRecipientInvalid");
            }
            Action::BusClose => causes.rule(!bus.closing, "BusClosing"),
        }
    }

    pub(super) fn proposal_create(&mut self, accounts: &[PassedAccount; 5], number: u64, action: Action) -> Verdict {
        let [proposer, at, ledger, new, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 2, 3]);
        causes.payer(proposer);
        causes.system_program(system);
        let bus = causes.state(at, false, self.buses.get(&at.address));
        self.ledger_of(&mut causes, ledger, &at.address);
        self.new_account(&mut causes, new, self.proposal_address(&at.address, &proposer.address, number).0);
        self.can_pay(&mut causes, proposer, &[(new.address, account_bytes::PROPOSAL)], 0);
        let Some(bus) = bus else { return causes.verdict() };
        let place = bus.place(&proposer.address);
        causes.rule(place.is_some(), "NotAnOwner");
        causes.rule(place.is_none_or(|place| bus.owners[place].next_proposal == number), "NumberNotNext");
        causes.rule(!bus.closing, "BusClosing");
        self.action_fits(&mut causes, &action, &at.address, bus);
        let hash = proposal_hash(&self.program, &new.address, self.now, &action);
        causes.rule(hash.is_some(), "ShareCountInvalid");
        causes.verdict()?;
        let mut proposal = ModelProposal {
            bus: at.address,
            proposer: proposer.address,
            number,
            config_version: bus.config_version,
            pause_version: bus.pause_version,
            created_at: self.now,
            executable_at: 0,
            expires_at: self.now + Self::wait(&action, bus) + PROPOSAL_SECONDS,
            executed_at: None,
            was_decided: false,
            hash: hash.expect("checked above"),
            action,
            approvals: BTreeSet::new(),
        };
        Self::approve(&mut proposal, bus, &proposer.address, self.now);
        let place = place.expect("checked above");
        self.buses.get_mut(&at.address).expect("found above").owners[place].next_proposal += 1;
        self.pay_rent(&proposer.address, &new.address, account_bytes::PROPOSAL);
        self.proposals.insert(new.address, proposal);
        assert!(self.numbered_ever.insert(new.address), "a proposal's address comes twice");
        Ok(())
    }

    fn approvals_needed(proposal: &ModelProposal, bus: &ModelBus) -> usize {
        if proposal.action == Action::Pause { bus.pause_approvals() } else { bus.threshold as usize }
    }

    /// Seconds between the last approval of an action and its execution.
    fn wait(action: &Action, bus: &ModelBus) -> i64 {
        if *action == Action::Pause { 0 } else { bus.timelock_seconds as i64 }
    }

    fn approve(proposal: &mut ModelProposal, bus: &ModelBus, owner: &Address, now: i64) {
        proposal.approvals.insert(bus.place(owner).expect("an owner"));
        if proposal.approvals.len() == Self::approvals_needed(proposal, bus) {
            proposal.executable_at = now + Self::wait(&proposal.action, bus);
            if !proposal.was_decided {
                proposal.was_decided = true;
                proposal.expires_at = proposal.executable_at + PROPOSAL_SECONDS;
            }
        }
    }

    /// Whether a later decision has made a proposal void.
    fn is_stale(proposal: &ModelProposal, bus: &ModelBus) -> bool {
        proposal.config_version != bus.config_version
            || (proposal.action.is_of_pause() && proposal.pause_version != bus.pause_version)
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
        causes.rule(found.is_none_or(|bus| !Self::is_stale(proposal, bus)), "ProposalStale");
        causes.rule(self.now <= proposal.expires_at, "ProposalExpired");
        Some((found?, proposal))
    }

    /// The causes for which an owner's decision is refused, with the bus and the proposal. It is `refused` unless the
    /// owner's approval is as `has_approved` says.
    fn decision(
        &self,
        accounts: &[PassedAccount; 3],
        has_approved: bool,
        refused: &'static str,
    ) -> (Causes, Option<(&ModelBus, &ModelProposal)>) {
        let [owner, at_bus, at] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[2]);
        causes.signer(owner);
        let found = self.open_proposal(&mut causes, at_bus, at, false);
        if let Some((bus, proposal)) = found {
            let place = bus.place(&owner.address);
            causes.rule(place.is_some(), "NotAnOwner");
            causes.rule(place.is_none_or(|place| proposal.approvals.contains(&place) == has_approved), refused);
        }
        (causes, found)
    }

    pub(super) fn proposal_approve(&mut self, accounts: &[PassedAccount; 3], hash: &[u8; 32]) -> Verdict {
        let (mut causes, found) = self.decision(accounts, false, "AlreadyApproved");
        causes.rule(found.is_none_or(|(_, proposal)| proposal.hash == *hash), "ProposalChanged");
        causes.verdict()?;
        let (bus, proposal) = found.expect("no cause");
        let mut proposal = proposal.clone();
        Self::approve(&mut proposal, bus, &accounts[0].address, self.now);
        self.proposals.insert(accounts[2].address, proposal);
        Ok(())
    }

    pub(super) fn proposal_revoke(&mut self, accounts: &[PassedAccount; 3]) -> Verdict {
        let (causes, found) = self.decision(accounts, true, "NotApproved");
        causes.verdict()?;
        let (bus, proposal) = found.expect("no cause");
        let mut proposal = proposal.clone();
        proposal.approvals.remove(&bus.place(&accounts[0].address).expect("an owner"));
        if proposal.approvals.len() < Self::approvals_needed(&proposal, bus) {
            proposal.executable_at = 0;
        }
        self.proposals.insert(accounts[2].address, proposal);
        Ok(())
    }

    pub(super) fn proposal_execute(&mut self, accounts: &[PassedAccount; 11]) -> Verdict {
        let [executor, at_bus, ledger, at_general, at, treasury, seller, vault, mint, token_program, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 1, 2, 3, 4]);
        causes.payer(executor);
        causes.system_program(system);
        for passed in [treasury, seller, vault] {
            causes.written(passed);
        }
        self.ledger_of(&mut causes, ledger, &at_bus.address);
        self.general_of(&mut causes, at_general, true, &at_bus.address);
        let Some((bus, proposal)) = self.open_proposal(&mut causes, at_bus, at, true) else { return causes.verdict() };
        causes.rule(treasury.address == bus.treasury, "TreasuryMismatch");
        self.settlement_mint(&mut causes, bus, mint, token_program);
        causes.rule(proposal.approvals.len() >= Self::approvals_needed(proposal, bus), "ApprovalsMissing");
        causes.rule(self.now >= proposal.executable_at, "TimelockActive");
        let action = proposal.action.clone();
        self.action_fits(&mut causes, &action, &at_bus.address, bus);
        let wallet = action.seller().unwrap_or(at_bus.address);
        let place = self.seller_address(&at_bus.address, &wallet).0;
        let mut swept = 0;
        match &action {
            Action::SellerAdmit(wallet) => {
                self.can_admit(&mut causes, &at_bus.address, wallet, [executor, seller, vault, system]);
            }
            Action::SellerSuspend(_) => {
                causes.rule(seller.address == place, "SellerMismatch");
                causes.unless(self.sellers.contains_key(&seller.address), Cause::Type);
            }
            changes if changes.changes_shares() => {
                causes.rule(seller.address == place, "BusSalesUnswept");
                // All revenue until now belongs to the present shares: it must come into the treasury first.
                swept = self.sellers.get(&place).map_or(0, |seller| seller.released);
                if swept > 0 {
                    causes.rule(vault.address == self.vault_address(&place), "VaultMismatch");
                    causes.rule(!self.is_frozen(&self.vault_address(&place)), "PayerFrozen");
                    causes.rule(!self.is_frozen(&bus.treasury), "PayeeUnpayable");
                }
            }
            _ => {}
        }
        if let Action::OwnerRemove { owner, .. } = &action {
            let balance = self.amount_of(&bus.treasury) + swept;
            let full = bus.former.len() >= MAX_FORMER_OWNERS && bus.claimable(owner, balance) > 0;
            causes.rule(!full, "FormerOwnersFull");
        }
        causes.verdict()?;
        if swept > 0 {
            let (from, to) = (vault.address, treasury.address);
            self.transfer(&[Transfer { from, to, authority: at_bus.address, amount: swept }])?;
            self.sellers.get_mut(&place).expect("found above").released = 0;
        }
        self.proposals.get_mut(&at.address).expect("found above").executed_at = Some(self.now);
        match &action {
            Action::SellerAdmit(wallet) => self.admit(&at_bus.address, wallet, &executor.address),
            Action::SellerSuspend(_) => self.suspend(&place),
            _ => self.decide(&at_bus.address, action),
        }
        Ok(())
    }

    fn decide(&mut self, at: &Address, action: Action) {
        let (first_number, now) = (self.first_number(), self.now);
        let balance = self.amount_of(&self.buses[at].treasury);
        let bus = self.buses.get_mut(at).expect("found above");
        bus.config_version += u64::from(action.changes_owners());
        bus.pause_version += u64::from(action.is_of_pause());
        if action.changes_shares() {
            bus.settle(balance);
        }
        // Who returns as an owner proposes above all numbers that it had.
        let first_proposal = first_number.max(bus.proposals_from);
        if let Action::OwnerRemove { owner, .. } | Action::OwnerReplace { owner, .. } = &action {
            let next = bus.owners[bus.place(owner).expect("an owner")].next_proposal;
            bus.proposals_from = bus.proposals_from.max(next);
        }
        let divide = |bus: &mut ModelBus, shares: &[u16]| {
            for (owner, share) in bus.owners.iter_mut().zip(shares) {
                owner.share_bps = *share;
            }
        };
        match action {
            Action::OwnerAdd { owner: wallet, shares } => {
                // Who was an owner before still has what it earned then.
                let accrued = bus.former.remove(&wallet).unwrap_or(0);
                let owner = ModelOwner { wallet, share_bps: 0, accrued, claimed: 0, next_proposal: first_proposal };
                bus.owners.push(owner);
                divide(bus, &shares);
            }
            Action::OwnerRemove { owner, shares } => {
                let left = bus.owners.remove(bus.place(&owner).expect("an owner"));
                if left.accrued > 0 {
                    bus.former.insert(owner, left.accrued);
                }
                divide(bus, &shares);
            }
            Action::SharesSet { shares } => divide(bus, &shares),
            Action::ThresholdSet(threshold) => bus.threshold = threshold,
            Action::TimelockSet(seconds) => bus.timelock_seconds = seconds,
            Action::CapacitySet(capacity_wh) => {
                bus.capacity_wh = capacity_wh;
                let general = self.capacities.get_mut(&bus.general).expect("a bus's capacity");
                general.total_wh = capacity_wh.max(general.committed_wh());
            }
            Action::BasePriceSet(price) => bus.base_price_per_kwh = price,
            Action::ListingPolicySet(policy) => bus.listing_policy = policy,
            Action::TermsSet(next) => {
                bus.promote_terms(now);
                bus.next_terms = Some(next);
            }
            Action::LockFeeSet(bps) => bus.lock_fee_bps = bps,
            Action::Pause => bus.paused = true,
            Action::Resume => bus.paused = false,
            Action::OwnerReplace { owner, new_owner } => {
                // The new key takes the place with its share, its revenue and its voice.
                let accrued = bus.former.remove(&new_owner).unwrap_or(0);
                let place = bus.place(&owner).expect("an owner");
                let slot = &mut bus.owners[place];
                slot.wallet = new_owner;
                slot.accrued += accrued;
                slot.next_proposal = first_proposal;
            }
            Action::PauseQuorumSet(quorum) => bus.pause_quorum = quorum,
            Action::ReservePriceSet(price) => bus.reserve_price_per_kwh = price,
            Action::LeastSizeSet(least_wh) => bus.least_wh = least_wh,
            Action::OperatorSet(operator) => {
                bus.promote_terms(now);
                bus.operator = operator;
            }
            Action::GridRecipientSet(recipient) => bus.grid_recipient = recipient,
            Action::BusClose => (bus.closing, bus.closing_at) = (true, now),
            Action::SellerAdmit(_) | Action::SellerSuspend(_) => unreachable!("done with the seller's account"),
        }
    }

    pub(super) fn proposal_close(&mut self, accounts: &[PassedAccount; 5]) -> Verdict {
        let [closer, at_bus, ledger, at, proposer] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[2, 3]);
        causes.signer(closer);
        causes.written(proposer);
        let bus = causes.state(at_bus, false, self.buses.get(&at_bus.address));
        self.ledger_of(&mut causes, ledger, &at_bus.address);
        let proposal = causes.state(at, true, self.proposals.get(&at.address));
        if let Some(proposal) = proposal {
            causes.rule(proposal.bus == at_bus.address, "BusMismatch");
            causes.rule(proposal.proposer == proposer.address, "ProposerMismatch");
            if let Some(bus) = bus {
                let over = proposal.executed_at.is_some()
                    || Self::is_stale(proposal, bus)
                    || self.now > proposal.expires_at
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

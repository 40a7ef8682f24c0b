//! Proposals and decisions.

use {
    super::{books::Replica, delivery::readings_after, tokens::TokenTally},
    crate::key::pda,
    bytemuck::Zeroable,
    multibus::{
        constants::{LAYOUT_VERSION, PROPOSAL_LIFETIME_SECONDS},
        event::*,
        state::{self, Action, ActionKind, FormerOwner, OwnerAccount, OwnerSlot, Proposal},
    },
    solana_address::Address,
};

/// The kind of an action.
fn kind_of(action: &Action) -> ActionKind {
    ActionKind::try_from(action.kind).unwrap_or_else(|unknown| panic!("action {unknown} is not known"))
}

impl Replica {
    fn place_of(&self, bus: &Address, owner: &Address) -> usize {
        let bus = self.bus(bus);
        let owners = &bus.owners[..bus.owner_count as usize];
        owners.iter().position(|slot| slot.owner == *owner).expect("an owner")
    }

    pub(super) fn proposal_created(&mut self, event: &ProposalCreated, now: i64) {
        let ProposalCreated {
            bus: of,
            proposal,
            proposer,
            hash,
            number,
            config_version,
            pause_version,
            created_at,
            executable_at,
            expires_at,
            action,
        } = *event;
        let (place, bump) = pda::proposal(&of, &proposer, number);
        assert_eq!((proposal, created_at), (place, now));
        let bus = *self.bus(&of);
        assert_eq!((bus.closing, bus.config_version, bus.pause_version), (0, config_version, pause_version));
        assert_eq!(hash, Proposal::hash_of(&proposal, created_at, &action), "an approval names what is proposed");
        let at = self.place_of(&of, &proposer);
        let ledger = self.ledger_mut(&of);
        assert_eq!(ledger.owners[at].next_proposal, number, "a proposal has its proposer's next number");
        ledger.owners[at].next_proposal += 1;
        ledger.open_proposals += 1;
        let made = Proposal {
            layout_version: LAYOUT_VERSION,
            bump,
            number,
            config_version,
            pause_version,
            created_at,
            expires_at: now.saturating_add(Self::wait(&bus, &action)).saturating_add(PROPOSAL_LIFETIME_SECONDS),
            bus: of,
            proposer,
            hash,
            action,
            ..Zeroable::zeroed()
        };
        assert!(self.numbered_ever.insert(proposal), "a proposal's address is used once");
        self.proposals.insert(proposal, made);
        self.count_approval(&proposal, &proposer, now);
        let made = &self.proposals[&proposal];
        assert_eq!((executable_at, expires_at), (made.executable_at, made.expires_at));
    }

    /// Seconds between the last approval of an action and its execution.
    fn wait(bus: &state::Bus, action: &Action) -> i64 {
        if kind_of(action) == ActionKind::Pause { 0 } else { bus.timelock_seconds as i64 }
    }

    fn approvals_needed(bus: &state::Bus, action: &Action) -> u32 {
        let pausing = kind_of(action) == ActionKind::Pause && bus.pause_quorum > 0;
        u32::from(if pausing { bus.pause_quorum.min(bus.threshold) } else { bus.threshold })
    }

    fn is_stale(bus: &state::Bus, proposal: &Proposal) -> bool {
        let of_pause = matches!(kind_of(&proposal.action), ActionKind::Pause | ActionKind::Resume);
        proposal.config_version != bus.config_version || (of_pause && proposal.pause_version != bus.pause_version)
    }

    fn assert_open(&self, proposal: &Proposal, now: i64) {
        assert_eq!(proposal.state, 0, "an executed proposal is decided");
        assert!(!Self::is_stale(self.bus(&proposal.bus), proposal), "a stale proposal is void");
        assert!(now <= proposal.expires_at, "an expired proposal is void");
    }

    fn count_approval(&mut self, address: &Address, owner: &Address, now: i64) {
        let mut proposal = self.proposals[address];
        self.assert_open(&proposal, now);
        let bit = 1 << self.place_of(&proposal.bus, owner);
        assert_eq!(proposal.approvals & bit, 0, "an approval counts once");
        proposal.approvals |= bit;
        let bus = self.bus(&proposal.bus);
        if proposal.approvals.count_ones() == Self::approvals_needed(bus, &proposal.action) {
            proposal.executable_at = now.saturating_add(Self::wait(bus, &proposal.action));
            if proposal.was_decided == 0 {
                proposal.was_decided = 1;
                proposal.expires_at = proposal.executable_at.saturating_add(PROPOSAL_LIFETIME_SECONDS);
            }
        }
        self.proposals.insert(*address, proposal);
    }

    pub(super) fn proposal_approved(&mut self, event: &ProposalApproved, now: i64) {
        let ProposalApproved { proposal, owner, executable_at, expires_at, approvals, padding } = *event;
        self.count_approval(&proposal, &owner, now);
        let known = &self.proposals[&proposal];
        assert_eq!((executable_at, expires_at), (known.executable_at, known.expires_at));
        assert_eq!((approvals, padding), (known.approvals, [0; 6]));
    }

    pub(super) fn proposal_revoked(&mut self, event: &ProposalRevoked, now: i64) {
        let ProposalRevoked { proposal: address, owner, executable_at, approvals, padding } = *event;
        let mut proposal = self.proposals[&address];
        self.assert_open(&proposal, now);
        let bit = 1 << self.place_of(&proposal.bus, &owner);
        assert_ne!(proposal.approvals & bit, 0, "only what was given is taken back");
        proposal.approvals &= !bit;
        let needed = Self::approvals_needed(self.bus(&proposal.bus), &proposal.action);
        if proposal.approvals.count_ones() < needed {
            proposal.executable_at = 0;
        }
        assert_eq!((executable_at, approvals, padding), (proposal.executable_at, proposal.approvals, [0; 6]));
        self.proposals.insert(address, proposal);
    }

    pub(super) fn proposal_executed(&mut self, event: &ProposalExecuted, now: i64, tally: &TokenTally) {
        let ProposalExecuted {
            bus: of,
            proposal: address,
            executed_by: _,
            config_version,
            pause_version,
            executed_at,
            treasury_balance,
            swept,
            first_proposal,
            action,
        } = *event;
        let mut proposal = self.proposals[&address];
        assert_eq!((proposal.bus, proposal.action, executed_at), (of, action, now));
        self.assert_open(&proposal, now);
        let bus = *self.bus(&of);
        let needed = Self::approvals_needed(&bus, &action);
        assert!(proposal.approvals.count_ones() >= needed, "enough owners approve");
        assert!(now >= proposal.executable_at, "the timelock has passed");
        let kind = kind_of(&action);
        let divides = matches!(kind, ActionKind::OwnerAdd | ActionKind::OwnerRemove | ActionKind::SharesSet);
        // A withdrawal of its own tells what was swept.
        let left = self.sellers.get(&bus.seller).filter(|_| divides).map_or(0, |seller| seller.released);
        assert_eq!(left, 0, "all revenue belongs to the shares that earned it");
        assert!(divides || swept == 0, "only new shares need a sweep");
        let balance = self.balance(&bus.treasury, tally);
        assert_eq!(treasury_balance, balance, "the treasury is divided as it is");
        if divides {
            self.settle(&of, balance);
        }
        self.decide(&of, kind, &action, first_proposal, now);
        let bus = self.bus(&of);
        assert_eq!((config_version, pause_version), (bus.config_version, bus.pause_version));
        (proposal.state, proposal.executed_at) = (1, now);
        self.proposals.insert(address, proposal);
    }

    /// Next terms that hold already become the present ones, and what was on delivery terms has its last reading later.
    fn promote(bus: &mut state::Bus, now: i64) {
        let next = bus.next_terms;
        if next.from == 0 || now < next.from {
            return;
        }
        if bus.terms.settlement == 1 {
            let state::Terms { reading_deadline_seconds: deadline, correction_seconds: correction, .. } = bus.terms;
            let after_end = readings_after(&bus.terms) - i64::from(bus.terms.window_seconds);
            bus.readings_until = bus.readings_until.max(next.from + after_end + deadline as i64 + correction as i64);
        }
        (bus.terms, bus.next_terms) = (next, Zeroable::zeroed());
    }

    fn decide(&mut self, of: &Address, kind: ActionKind, action: &Action, first_proposal: u64, now: i64) {
        let Action { kind: _, share_count, padding, value, terms, owner, new_owner, shares_bps } = *action;
        assert_eq!(padding, [0; 6]);
        let mut bus = *self.bus(of);
        let count = bus.owner_count as usize;
        let mut ledger = *self.ledger_mut(of);
        // Who was an owner before still has what it earned then.
        let rejoin = |ledger: &mut state::Ledger, wallet: &Address| {
            let former = ledger.former_owner_count as usize;
            let Some(place) = ledger.former_owners[..former].iter().position(|place| place.owner == *wallet) else {
                return 0;
            };
            let accrued = ledger.former_owners[place].accrued;
            ledger.former_owners[place] = ledger.former_owners[former - 1];
            ledger.former_owners[former - 1] = FormerOwner::zeroed();
            ledger.former_owner_count -= 1;
            accrued
        };
        match kind {
            ActionKind::OwnerAdd => {
                bus.owners[count].owner = owner;
                let accrued = rejoin(&mut ledger, &owner);
                ledger.owners[count] = OwnerAccount { accrued, claimed: 0, next_proposal: first_proposal };
                bus.owner_count += 1;
            }
            ActionKind::OwnerRemove => {
                let place = self.place_of(of, &owner);
                let OwnerAccount { accrued, next_proposal, .. } = ledger.owners[place];
                ledger.proposals_from = ledger.proposals_from.max(next_proposal);
                if accrued > 0 {
                    ledger.former_owners[ledger.former_owner_count as usize] = FormerOwner { owner, accrued };
                    ledger.former_owner_count += 1;
                }
                bus.owners.copy_within(place + 1..count, place);
                bus.owners[count - 1] = OwnerSlot::zeroed();
                ledger.owners.copy_within(place + 1..count, place);
                ledger.owners[count - 1] = OwnerAccount::zeroed();
                bus.owner_count -= 1;
            }
            ActionKind::OwnerReplace => {
                let place = self.place_of(of, &owner);
                bus.owners[place].owner = new_owner;
                ledger.proposals_from = ledger.proposals_from.max(ledger.owners[place].next_proposal);
                ledger.owners[place].accrued += rejoin(&mut ledger, &new_owner);
                ledger.owners[place].next_proposal = first_proposal;
            }
            ActionKind::ThresholdSet => bus.threshold = value as u8,
            ActionKind::TimelockSet => bus.timelock_seconds = value as u32,
            ActionKind::CapacitySet => {
                bus.capacity_wh = value;
                let general = self.capacities.get_mut(&pda::capacity(of, 0).0).expect("a known capacity");
                general.total_wh = value.max(general.committed_wh);
                general.available_wh = general.total_wh - general.committed_wh;
            }
            ActionKind::BasePriceSet => bus.base_price_per_kwh = value,
            ActionKind::ListingPolicySet => bus.listing_policy = value as u8,
            ActionKind::TermsSet => {
                assert!(terms.from > now + bus.horizon_seconds as i64, "terms change beyond the horizon");
                Self::promote(&mut bus, now);
                bus.next_terms = terms;
            }
            ActionKind::LockFeeSet => bus.lock_fee_bps = value as u16,
            ActionKind::Pause => bus.paused = 1,
            ActionKind::Resume => bus.paused = 0,
            ActionKind::PauseQuorumSet => bus.pause_quorum = value as u8,
            ActionKind::ReservePriceSet => bus.reserve_price_per_kwh = value,
            ActionKind::LeastSizeSet => bus.least_wh = value,
            ActionKind::OperatorSet => {
                Self::promote(&mut bus, now);
                bus.operator = owner;
            }
            ActionKind::GridRecipientSet => bus.grid_recipient = owner,
            ActionKind::BusClose => (bus.closing, bus.closing_at) = (1, now),
            ActionKind::SharesSet | ActionKind::SellerAdmit | ActionKind::SellerSuspend => {}
        }
        if matches!(kind, ActionKind::OwnerAdd | ActionKind::OwnerRemove | ActionKind::SharesSet) {
            assert_eq!(share_count, bus.owner_count, "a share for each owner");
            for (slot, share) in bus.owners.iter_mut().zip(shares_bps).take(share_count as usize) {
                slot.share_bps = share;
            }
        }
        bus.config_version += matches!(
            kind,
            ActionKind::OwnerAdd
                | ActionKind::OwnerRemove
                | ActionKind::SharesSet
                | ActionKind::ThresholdSet
                | ActionKind::OwnerReplace
                | ActionKind::BusClose
        ) as u64;
        bus.pause_version += matches!(kind, ActionKind::Pause | ActionKind::Resume) as u64;
        self.buses.insert(*of, bus);
        *self.ledger_mut(of) = ledger;
    }

    pub(super) fn proposal_closed(&mut self, event: &ProposalClosed, now: i64) {
        let ProposalClosed { bus, proposal, closed_by: _, executed, padding } = *event;
        let closed = self.proposals.remove(&proposal).expect("a known proposal");
        assert_eq!((closed.bus, padding, executed), (bus, [0; 7], closed.state));
        let stale = Self::is_stale(self.bus(&bus), &closed);
        let over = executed == 1 || stale || now > closed.expires_at || closed.approvals == 0;
        assert!(over, "it can no longer be executed");
        self.ledger_mut(&bus).open_proposals -= 1;
    }
}

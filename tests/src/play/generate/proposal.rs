//! Proposals and decisions.

use {
    super::{BUSES, Generator},
    crate::play::{game::Game, script::*},
};

impl Generator {
    /// An owner proposes.
    pub(super) fn propose(&mut self, game: &Game, bus: u8) -> Operation {
        let number = if self.chance(96) { 0 } else { self.rng.i64(-1..=1) };
        Operation::Propose { by: self.owner(game, bus), bus, number, decision: self.decision(game, bus) }
    }

    /// An owner approves.
    pub(super) fn approve(&mut self, game: &Game) -> Operation {
        let (bus, proposer, number) = self.proposal(game);
        Operation::Approve { by: self.owner(game, bus), bus, proposer, number, right: self.chance(96) }
    }

    /// An owner revokes its approval.
    pub(super) fn revoke(&mut self, game: &Game) -> Operation {
        let (bus, proposer, number) = self.proposal(game);
        Operation::Revoke { by: self.owner(game, bus), bus, proposer, number }
    }

    /// A proposal is executed.
    pub(super) fn execute(&mut self, game: &Game) -> Operation {
        let (bus, proposer, number) = self.proposal(game);
        Operation::Execute { by: self.party(game), bus, proposer, number }
    }

    /// A proposal is closed.
    pub(super) fn close_proposal(&mut self, game: &Game) -> Operation {
        let (bus, proposer, number) = self.proposal(game);
        Operation::CloseProposal { by: self.wallet(game), bus, proposer, number }
    }

    /// A bus and one of its proposals, mostly one that is not executed.
    pub(super) fn proposal(&mut self, game: &Game) -> (u8, u8, u64) {
        let open: Vec<AccountRef> = game
            .model
            .proposals
            .iter()
            .filter(|(_, proposal)| proposal.executed_at.is_none())
            .filter_map(|(at, _)| game.name_of(at))
            .collect();
        let any = if self.chance(70) { self.one(&open) } else { None };
        match any.or_else(|| self.one_of(game, &game.model.proposals)) {
            Some(AccountRef::ProposalAt(bus, proposer, number)) => (bus, proposer, number),
            _ => (0, self.party(game), 0),
        }
    }

    pub(super) fn decision(&mut self, game: &Game, bus: u8) -> Decision {
        let Some(state) = game.bus(bus).cloned() else { return Decision::PauseIt };
        if state.paused && self.chance(8) {
            return Decision::PauseIt;
        }
        let count = state.owners.len();
        let used = game.model.capacities[&state.general].committed_wh();
        let known: Vec<AccountRef> =
            state.owners.iter().filter_map(|owner| game.who(&owner.wallet)).map(AccountRef::Wallet).collect();
        match self.rng.u8(0..34) {
            0..=2 => Decision::AddOwner(self.new_owner(game, bus), self.shares(count + 1)),
            3..=5 => {
                let owner = self.one(&known).unwrap_or(AccountRef::Wallet(0));
                let owner = if self.chance(5) { AccountRef::Wallet(self.party(game)) } else { owner };
                Decision::RemoveOwner(owner, self.shares(count.saturating_sub(1)))
            }
            6 | 7 => Decision::Shares(self.shares(count)),
            8 => Decision::Threshold(self.near(count as u64) as u8),
            9 => Decision::Timelock(self.one(&[0, 1, 60, 3_600, 2_592_000, 2_592_001]).expect("one of these")),
            10 | 11 => {
                let capacity = self.near(used.saturating_add(10_000));
                let capacity = if self.chance(30) { self.near(used) } else { capacity };
                Decision::Capacity(if self.chance(5) { 1 << 41 } else { capacity })
            }
            12 => Decision::BasePrice(self.near(10_000)),
            13 | 14 => Decision::Listing(self.rng.u8(0..4)),
            15 | 32 => self.next_terms(game, &state),
            33 => Decision::GridRecipient(self.grid_recipient(game, bus)),
            16 => Decision::LockFee(self.one(&[0, 1, 250, 500, 501]).expect("one of these")),
            17..=19 if state.paused && self.chance(70) => Decision::ResumeIt,
            17 => Decision::PauseIt,
            18 => Decision::ResumeIt,
            19 | 20 => {
                let owner = self.one(&known).unwrap_or(AccountRef::Wallet(0));
                let owner = if self.chance(5) { AccountRef::Nowhere(9) } else { owner };
                Decision::ReplaceOwner(owner, self.new_owner(game, bus))
            }
            21 => Decision::PauseQuorum(self.near(state.threshold as u64) as u8),
            22 | 23 => {
                let who = if self.chance(8) { AccountRef::BusAt(bus) } else { AccountRef::Wallet(self.wallet(game)) };
                Decision::AdmitSeller(if self.chance(4) { AccountRef::System } else { who })
            }
            24 => {
                let (_, who) = self.some_seller(game);
                Decision::SuspendSeller(AccountRef::Wallet(who))
            }
            25 => Decision::ReservePrice(self.near(state.base_price_per_kwh.saturating_add(500))),
            26 => Decision::LeastSize(self.one(&[0, 1, 10, 500, 1 << 40, (1 << 40) + 1]).expect("one of these")),
            27 | 28 => {
                let who = AccountRef::Wallet(self.wallet(game));
                Decision::SetOperator(
                    self.one(&[None, Some(who), Some(who), Some(AccountRef::BusAt(bus))]).expect("one of these"),
                )
            }
            29 if self.chance(35) => Decision::CloseIt,
            _ => Decision::Shares(self.shares(count)),
        }
    }

    fn new_owner(&mut self, game: &Game, bus: u8) -> AccountRef {
        match self.rng.u8(0..14) {
            0 => AccountRef::BusAt(bus),
            1 => AccountRef::System,
            2 => AccountRef::BusAt((bus + 1) % BUSES),
            3 => AccountRef::Nowhere(self.rng.u8(..)),
            4 => AccountRef::Wallet(double_of(self.party(game))),
            _ => AccountRef::Wallet(self.party(game)),
        }
    }
}

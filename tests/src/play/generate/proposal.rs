//! Proposals and decisions.

use {
    super::{BUSES, Generator},
    crate::play::{game::Game, script::*},
};

impl Generator {
    /// An owner proposes.
    pub(super) fn propose(&mut self, game: &Game, bus: u8) -> Operation {
        Operation::Propose { by: self.owner(game, bus), bus, decision: self.decision(game, bus) }
    }

    /// An owner approves.
    pub(super) fn approve(&mut self, game: &Game) -> Operation {
        let (bus, proposal) = self.proposal(game);
        Operation::Approve { by: self.owner(game, bus), bus, proposal }
    }

    /// An owner revokes its approval.
    pub(super) fn revoke(&mut self, game: &Game) -> Operation {
        let (bus, proposal) = self.proposal(game);
        Operation::Revoke { by: self.owner(game, bus), bus, proposal }
    }

    /// A proposal is executed.
    pub(super) fn execute(&mut self, game: &Game) -> Operation {
        let (bus, proposal) = self.proposal(game);
        Operation::Execute { by: self.party(game), bus, proposal }
    }

    /// A proposal is closed.
    pub(super) fn close_proposal(&mut self, game: &Game) -> Operation {
        let (bus, proposal) = self.proposal(game);
        Operation::CloseProposal { by: self.party(game), bus, proposal }
    }

    /// A bus and one of its latest proposals.
    pub(super) fn proposal(&mut self, game: &Game) -> (u8, u64) {
        let buses = self.live_buses(game);
        let bus = self.one(&buses).unwrap_or(0);
        let next = game.bus(bus).map_or(0, |bus| bus.proposal_seq);
        let seq = if self.chance(80) { self.rng.u64(0..4) } else { self.rng.u64(0..20) };
        (bus, next.saturating_sub(1).saturating_sub(seq))
    }

    pub(super) fn decision(&mut self, game: &Game, bus: u8) -> Decision {
        let at = game.address(AccountRef::BusAt(bus));
        let Some(state) = game.model.buses.get(&at).cloned() else { return Decision::PauseIt };
        let count = state.owners.len();
        let general = &game.model.capacities[&game.address(AccountRef::CapacityAt(bus, 0))];
        let used = general.listed_wh + general.sold_wh;
        match self.rng.u8(0..22) {
            0..=2 => {
                let owner = match self.rng.u8(0..12) {
                    0 => AccountRef::BusAt(bus),
                    1 => AccountRef::System,
                    2 => AccountRef::BusAt((bus + 1) % BUSES),
                    3 => AccountRef::Nowhere(self.rng.u8(..)),
                    _ => AccountRef::Wallet(self.party(game)),
                };
                Decision::AddOwner(owner, self.shares(count + 1))
            }
            3..=5 => {
                let known: Vec<AccountRef> = (0..game.parties)
                    .map(AccountRef::Wallet)
                    .chain((0..BUSES).map(AccountRef::BusAt))
                    .filter(|account| state.is_owner(&game.address(*account)))
                    .collect();
                let owner = self.one(&known).unwrap_or(AccountRef::Wallet(0));
                let owner = if self.chance(5) { AccountRef::Wallet(self.party(game)) } else { owner };
                Decision::RemoveOwner(owner, self.shares(count.saturating_sub(1)))
            }
            6 | 7 => Decision::Shares(self.shares(count)),
            8 => Decision::Threshold(self.near(count as u64) as u8),
            9 => Decision::Timelock(self.one(&[0, 1, 60, 3_600, 2_592_000, 2_592_001]).expect("one of these")),
            10 | 11 => {
                let capacity = self.near(used.saturating_add(10_000));
                Decision::Capacity(if self.chance(30) { self.near(used) } else { capacity })
            }
            12 => Decision::BasePrice(self.near(10_000)),
            13 | 14 => Decision::Listing(self.rng.u8(0..3)),
            15 => {
                let (window, gate) =
                    self.one(&[(0, 0), (900, 60), (900, 0), (60, 86_400), (59, 0), (0, 1)]).expect("one of these");
                let window = if self.chance(50) { state.window_seconds } else { window };
                Decision::Windows(window, gate)
            }
            16 => Decision::LockFee(self.one(&[0, 1, 250, 500, 501]).expect("one of these")),
            17..=19 if state.paused => Decision::ResumeIt,
            17 => Decision::PauseIt,
            _ => {
                if self.chance(50) {
                    Decision::ResumeIt
                } else {
                    Decision::Shares(self.shares(count))
                }
            }
        }
    }
}

//! Revenue and claims.

use {
    super::{books::Replica, records::*, tokens::TokenTally},
    multibus::event::*,
    solana_address::Address,
};

impl Replica {
    pub(super) fn treasury_claimed(&mut self, event: &TreasuryClaimed, tally: &mut TokenTally) {
        let TreasuryClaimed { bus: of, owner, destination, amount, claimed_total } = event;
        let received = self.received(of);
        let bus = self.buses.get_mut(of).expect("a known bus");
        let share_bps = bus.owners.iter().find(|share| share.owner == *owner).map_or(0, |share| share.share_bps);
        assert!(*amount > 0, "a claim pays something");
        assert_eq!(*amount as u128, bus.revenue.claimable(owner, share_bps, received), "a claim pays all");
        *bus.revenue.claimed.entry(*owner).or_default() += *amount as u128;
        assert_eq!(*claimed_total as u128, bus.revenue.claimed_by_all());
        *tally.known.entry(bus.settings.treasury).or_default() -= *amount as i128;
        *tally.known.entry(*destination).or_default() += *amount as i128;
        tally.claims.push((*owner, *destination));
        if self.buses.values().any(|bus| bus.settings.treasury == *destination) {
            // The owner is itself a bus: its own owners divide what it earned.
            *self.gifts.entry(*destination).or_default() += *amount as u128;
        }
    }

    /// Everything that a bus's treasury ever received, in token base units.
    pub(super) fn received(&self, bus: &Address) -> u128 {
        let ReplicaBus { settings, revenue, .. } = &self.buses[bus];
        revenue.sales + self.gifts.get(&settings.treasury).copied().unwrap_or(0)
    }

    /// Everything that a wallet may claim of a bus now, in token base units.
    pub fn claimable(&self, of: &Address, wallet: &Address) -> u128 {
        let bus = &self.buses[of];
        let share_bps = bus.owners.iter().find(|share| share.owner == *wallet).map_or(0, |share| share.share_bps);
        bus.revenue.claimable(wallet, share_bps, self.received(of))
    }

    /// Everything that a wallet has ever claimed of a bus, in token base units.
    pub fn claimed(&self, of: &Address, wallet: &Address) -> u128 {
        self.buses[of].revenue.claimed.get(wallet).copied().unwrap_or(0)
    }
}

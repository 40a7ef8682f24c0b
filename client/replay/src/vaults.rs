//! What sellers have in their vaults, and what was paid out of them.

use {
    crate::{
        pools::Pools,
        records::Trade,
        replay_bus::ReplayBus,
        report::{MemberResult, TreasuryResult},
        state::ReplayState,
    },
    multibus_client::{Address, audit::Audit, seller::SellerMoney},
};

/// Money of one seller that its vault holds, in token base units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct InVault {
    /// Paid for open offers, and not released yet; without the grid's part.
    pub proceeds: u64,
    /// Released, and not withdrawn yet.
    pub released: u64,
    /// Paid on delivery terms, and neither released nor paid back yet.
    pub held: u64,
    /// Of the grid, and not swept yet.
    pub grid_fees: u64,
    /// What auctions on delivery terms owe it, and the escrow still holds.
    pub in_escrow: u64,
}

impl InVault {
    /// All that it earned and does not have in its wallet.
    pub fn total(&self) -> u64 {
        self.proceeds + self.released + self.held
    }
}

/// Money in the vaults of a replay's sellers.
pub(crate) struct Vaults {
    /// By member.
    pub of_members: Vec<InVault>,
    /// Of the bus, which sells for its owners in a co-owned replay.
    pub of_bus: InVault,
    /// Seller accounts of members and of the bus that are open.
    pub open_sellers: usize,
}

impl Vaults {
    /// From the bus as it is on the chain.
    pub fn new(bus: &ReplayBus, audit: &Audit) -> Self {
        let of_members = vec![InVault::default(); bus.members.len()];
        let mut vaults = Self { of_members, of_bus: InVault::default(), open_sellers: 0 };
        for seller in &audit.sellers {
            if let Some(vault) = vaults.of(bus, &seller.wallet) {
                let money = SellerMoney::new(seller, &audit.offers, &audit.books, 0);
                vault.proceeds += money.proceeds;
                vault.released += money.released;
                vault.held += money.held;
                vault.grid_fees += money.grid_fees;
                vaults.open_sellers += 1;
            }
        }
        vaults
    }

    /// Adds what auctions on delivery terms sold for members and have not paid into their vaults.
    pub fn add_escrow(&mut self, bus: &ReplayBus, state: &ReplayState, audit: &Audit) {
        if !bus.options.is_on_delivery() {
            return;
        }
        let mut pools = Pools::new(state, audit);
        for trade in state.records.trades.iter().filter(Trade::is_by_auction) {
            let Some(seller) = trade.seller else { continue };
            let part = pools.part(bus, trade.window_start, seller);
            if !part.is_counted {
                self.of_members[seller].in_escrow += part.row.map_or(trade.paid, |row| row.auction_released);
            }
        }
    }

    /// What a wallet has; `None` for strangers.
    fn of(&mut self, bus: &ReplayBus, wallet: &Address) -> Option<&mut InVault> {
        match *wallet == bus.address {
            true => Some(&mut self.of_bus),
            false => self.of_members.get_mut(*bus.member_of.get(wallet)?),
        }
    }

    /// Enters what was released and withdrawn into the members' results.
    pub fn enter(&self, members: &mut [MemberResult], treasury: Option<&TreasuryResult>) {
        for (number, (member, vault)) in members.iter_mut().zip(&self.of_members).enumerate() {
            (member.released_base_units, member.withdrawn_base_units) =
                match treasury.and_then(|treasury| treasury.owner(number)) {
                    Some(owner) => (owner.revenue_base_units(), owner.claimed_base_units),
                    None => {
                        let waiting = vault.proceeds + vault.held + vault.in_escrow;
                        let released = member.income_by_itself().saturating_sub(waiting);
                        (released, released.saturating_sub(vault.released))
                    }
                };
        }
    }
}

#[cfg(test)]
mod tests {
    use {super::*, crate::report::OwnerResult};

    #[test]
    fn what_a_vault_holds_is_not_withdrawn_and_an_owner_has_what_it_claimed() {
        let member = |earned_base_units, lock_fees_earned_base_units| MemberResult {
            earned_base_units,
            lock_fees_earned_base_units,
            ..MemberResult::default()
        };
        let mut members = [member(100, 5), member(70, 0)];
        let vault = |proceeds, released| InVault { proceeds, released, ..InVault::default() };
        let of_members = vec![vault(30, 20), vault(0, 0)];
        let vaults = Vaults { of_members, of_bus: vault(7, 1), open_sellers: 2 };
        vaults.enter(&mut members, None);
        let figures = |members: &[MemberResult]| -> Vec<(u64, u64)> {
            members.iter().map(|member| (member.released_base_units, member.withdrawn_base_units)).collect()
        };
        assert_eq!(figures(&members), [(75, 55), (70, 70)]);
        let owner =
            OwnerResult { member: 1, claimed_base_units: 40, claimable_base_units: 9, ..OwnerResult::default() };
        let treasury = TreasuryResult { owners: vec![owner], ..TreasuryResult::default() };
        vaults.enter(&mut members, Some(&treasury));
        assert_eq!(figures(&members), [(75, 55), (49, 40)]);
        assert_eq!(vaults.of_bus.total(), 8);
    }
}

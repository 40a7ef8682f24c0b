//! Owners claim revenue.

use {
    super::token::Transfer,
    crate::{books::Model, cause::*},
};

impl Model {
    pub(super) fn treasury_claim(&mut self, accounts: &[PassedAccount; 6]) -> Verdict {
        let [owner, at, treasury, destination, mint, token_program] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[1, 2, 3]);
        causes.written(treasury);
        causes.written(destination);
        let bus = causes.state(at, true, self.buses.get(&at.address));
        let mut due = 0;
        if let Some(bus) = bus {
            causes.rule(treasury.address == bus.treasury, "TreasuryMismatch");
            self.settlement(&mut causes, bus, mint, token_program);
            let to = self.tokens_of(bus, &destination.address);
            causes.rule(to.is_some(), "TokenAccountInvalid");
            causes.rule(to.is_none_or(|to| to.owner == owner.address), "ClaimNotOwners");
            if self.has_state(&owner.address) {
                let owning = causes.state(owner, false, self.buses.get(&owner.address));
                causes.rule(owning.is_none_or(|owning| owning.treasury == destination.address), "ClaimNotToTreasury");
            }
            due = bus.claimable(&owner.address, self.amount_of(&bus.treasury));
            let known = bus.is_owner(&owner.address) || bus.former_owners().contains_key(&owner.address);
            causes.rule(known, "OwnerUnknown");
            causes.rule(!known || due > 0, "NothingToClaim");
        }
        causes.verdict()?;
        let amount = u64::try_from(due).expect("within the treasury");
        let transfer = Transfer { from: treasury.address, to: destination.address, authority: at.address, amount };
        self.transfer(&mint.address, &[transfer])?;
        let bus = self.buses.get_mut(&at.address).expect("found above");
        *bus.claimed.entry(owner.address).or_default() += due;
        Ok(())
    }
}

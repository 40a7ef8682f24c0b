//! Owners claim revenue.

use {
    super::{claim::DebtAccounts, token::Transfer},
    crate::{books::Model, cause::*},
};

impl Model {
    pub(super) fn treasury_claim(&mut self, accounts: &[PassedAccount; 10]) -> Verdict {
        let [caller, owner, at, ledger, treasury, destination, unclaimed, claim, token_program, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[3]);
        causes.payer(caller);
        for passed in [treasury, destination, unclaimed, claim] {
            causes.written(passed);
        }
        let bus = causes.state(at, false, self.buses.get(&at.address));
        self.ledger_of(&mut causes, ledger, &at.address);
        let Some(bus) = bus else { return causes.verdict() };
        causes.rule(treasury.address == bus.treasury, "TreasuryMismatch");
        causes.rule(unclaimed.address == bus.unclaimed, "UnclaimedMismatch");
        self.settlement(&mut causes, &bus.mint, token_program);
        let balance = self.amount_of(&bus.treasury);
        let due = bus.claimable(&owner.address, balance);
        let known = bus.is_owner(&owner.address) || bus.former.contains_key(&owner.address);
        causes.rule(known, "OwnerUnknown");
        causes.rule(!known || due > 0, "NothingToClaim");
        causes.rule(!self.is_frozen(&bus.treasury), "PayerFrozen");
        let amount = u64::try_from(due).expect("within the treasury");
        let mut refused = Causes::default();
        self.payee(&mut refused, &bus.mint, &at.address, &caller.address, &owner.address, destination, None);
        // Only the owner itself has to name an account that can be paid. For a stranger, the debt is recorded.
        let owning = self.buses.get(&owner.address);
        let meant = match owning {
            Some(owning) => destination.address == owning.treasury,
            None => {
                caller.address != owner.address
                    && destination.address == self.associated_address(&owner.address, &bus.mint)
            }
        };
        let is_dead = self.tombstones.contains_key(&owner.address);
        let records = !refused.0.is_empty() && (meant || is_dead);
        if records {
            let accounts = DebtAccounts { payer: caller, unclaimed, ledger, claim, system };
            self.can_owe(&mut causes, &at.address, bus, &owner.address, &accounts, 0);
            causes.rule(!self.is_frozen(&bus.unclaimed), "PayerFrozen");
            causes.rule(!self.is_frozen(&bus.unclaimed), "PayeeUnpayable");
        } else {
            causes.0.extend(refused.0);
        }
        causes.verdict()?;
        let to = if records { bus.unclaimed } else { destination.address };
        let transfer = Transfer { from: bus.treasury, to, authority: at.address, amount };
        self.transfer(&[transfer])?;
        if records {
            self.owe(&at.address, &owner.address, amount, None, &caller.address);
        }
        self.buses.get_mut(&at.address).expect("found above").has_claimed(&owner.address, balance);
        Ok(())
    }
}

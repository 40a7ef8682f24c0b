//! Owners claim revenue.

use {
    super::{claim::DebtAccounts, token::Transfer},
    crate::{books::Model, cause::*},
};

impl Model {
    pub(super) fn treasury_claim(&mut self, accounts: &[PassedAccount; 10]) -> Verdict {
        let [caller, owner, at, ledger, treasury, destination, unclaimed, claim, token_program, system] = accounts;
        let mut causes = Causes::default();
        causes.payer(caller);
        causes.system_program(system);
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
        let amount = u64::try_from(due).expect("within the treasury");
        // What came while the treasury was frozen lies in the unclaimed account. Of the two, a frozen one pays nothing.
        let (no_treasury, no_unclaimed) = (self.is_frozen(&bus.treasury), self.is_frozen(&bus.unclaimed));
        let diverted = bus.diverted;
        let can_pay = u64::from(!no_treasury) * balance + u64::from(!no_unclaimed) * diverted;
        causes.rule(amount <= can_pay && (!no_treasury || diverted > 0), "PayerFrozen");
        let mut refused = Causes::default();
        self.payee(&mut refused, &bus.mint, &at.address, &caller.address, &owner.address, destination, None);
        // Only the owner itself has to name an account that can be paid. For a stranger, the debt is recorded; for an owner
        // that is a bus, always.
        let is_stranger = caller.address != owner.address;
        let is_associated = destination.address == self.associated_address(&owner.address, &bus.mint);
        let is_bus = self.is_bus(&owner.address);
        let records = is_bus || (is_stranger && is_associated && !refused.0.is_empty());
        if records {
            let accounts = DebtAccounts { payer: caller, unclaimed, ledger, claim, has_system: true };
            self.can_owe(&mut causes, &at.address, bus, &owner.address, &accounts, false);
            causes.rule(!self.is_frozen(&bus.unclaimed), "PayerFrozen");
            causes.rule(!self.is_frozen(&bus.unclaimed), "PayeeUnpayable");
        } else {
            causes.0.extend(refused.0);
        }
        causes.verdict()?;
        let to = if records { bus.unclaimed } else { destination.address };
        let (treasury, unclaimed) = (bus.treasury, bus.unclaimed);
        let moves = diverted > 0 && !no_treasury && !no_unclaimed;
        let from = if no_treasury { unclaimed } else { treasury };
        let back = Transfer { from: unclaimed, to: treasury, authority: at.address, amount: diverted };
        let payment = Transfer { from, to, authority: at.address, amount };
        let transfers = [back, payment];
        self.transfer(&transfers[usize::from(!moves)..])?;
        if records {
            if from == to {
                // It stays where it is, and is booked as a claim.
                *self.gifts.get_mut(&to).expect("an account with books") += amount as i128;
            }
            self.owe(&at.address, &owner.address, amount, None, (&caller.address, &caller.address));
        }
        let bus = self.buses.get_mut(&at.address).expect("found above");
        bus.diverted = 0;
        bus.has_claimed(&owner.address, balance + diverted);
        if !moves {
            bus.diverted = if no_treasury { diverted - amount } else { diverted };
        }
        Ok(())
    }
}

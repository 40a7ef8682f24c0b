//! Grid fees are swept to whoever is their recipient now.

use {
    super::{claim::DebtAccounts, token::Transfer},
    crate::{books::Model, cause::*},
};

impl Model {
    pub(super) fn grid_sweep(&mut self, accounts: &[PassedAccount; 10]) -> Verdict {
        let [caller, at, ledger, at_seller, vault, destination, unclaimed, claim, token_program, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[3]);
        causes.payer(caller);
        causes.system_program(system);
        for passed in [ledger, vault, destination, unclaimed, claim] {
            causes.written(passed);
        }
        let Some((bus, seller)) = self.seller_on(&mut causes, at, at_seller) else { return causes.verdict() };
        causes.rule(vault.address == seller.vault, "VaultMismatch");
        causes.rule(unclaimed.address == bus.unclaimed, "UnclaimedMismatch");
        self.settlement(&mut causes, &bus.mint, token_program);
        causes.rule(seller.grid_fees_owed > 0, "NothingToSweep");
        causes.rule(!self.is_frozen(&seller.vault), "PayerFrozen");
        // While the treasury is frozen, what is the owners' waits with what is unclaimed, and counts as revenue all the same.
        let diverts = bus.grid_recipient.is_none() && self.is_frozen(&bus.treasury);
        let (of_bus, to_owners) = (bus.unclaimed, if diverts { bus.unclaimed } else { bus.treasury });
        if diverts {
            causes.rule(ledger.address == bus.ledger, "LedgerMismatch");
            causes.unless(self.ledgers.contains_key(&ledger.address), Cause::Type);
        }
        let mut claims_for = None;
        match bus.grid_recipient {
            None => {
                causes.rule(destination.address == bus.treasury, "SweepNotToTreasury");
                causes.rule(!self.is_frozen(&to_owners), "PayeeUnpayable");
            }
            Some(recipient) if recipient == caller.address => {
                self.payee(&mut causes, &bus.mint, &at.address, &caller.address, &recipient, destination, None);
            }
            Some(recipient) => {
                let associated = self.associated_address(&recipient, &bus.mint);
                causes.rule(destination.address == associated, "PayeeMismatch");
                if !self.is_payable_to(&bus.mint, &destination.address, &recipient) {
                    claims_for = Some(recipient);
                    let accounts = DebtAccounts { payer: caller, unclaimed, ledger, claim, has_system: true };
                    self.can_owe(&mut causes, &at.address, bus, &recipient, &accounts, false);
                    causes.rule(!self.is_frozen(&bus.unclaimed), "PayerFrozen");
                }
            }
        }
        causes.verdict()?;
        let amount = seller.grid_fees_owed;
        let to = match bus.grid_recipient {
            None => to_owners,
            Some(_) if claims_for.is_some() => bus.unclaimed,
            Some(_) => destination.address,
        };
        self.transfer(&[Transfer { from: vault.address, to, authority: at.address, amount }])?;
        if diverts {
            self.book(&of_bus, amount);
            self.buses.get_mut(&at.address).expect("found above").diverted += amount;
        }
        if let Some(recipient) = claims_for {
            self.owe(&at.address, &recipient, amount, None, (&caller.address, &caller.address));
        }
        self.sellers.get_mut(&at_seller.address).expect("found above").grid_fees_owed = 0;
        Ok(())
    }
}

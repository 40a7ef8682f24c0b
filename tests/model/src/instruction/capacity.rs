//! Windows of capacity are opened and closed.

use {
    crate::{books::Model, cause::*, limit::account_bytes, state::*},
    solana_address::Address,
};

impl Model {
    /// The general capacity of this bus.
    pub(super) fn general_of(
        &self,
        causes: &mut Causes,
        passed: &PassedAccount,
        written: bool,
        bus: &Address,
    ) -> Option<&ModelCapacity> {
        let found = causes.state(passed, written, self.capacities.get(&passed.address));
        if let Some(general) = found {
            causes.rule(general.bus == *bus && general.window_start == 0, "CapacityMismatch");
            causes.rule(general.bus == *bus && general.window_start == 0, "BusMismatch");
        }
        found
    }

    pub(super) fn capacity_open(&mut self, accounts: &[PassedAccount; 5], start: i64) -> Verdict {
        let [payer, at, ledger, capacity, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 2, 3]);
        causes.payer(payer);
        causes.system_program(system);
        let bus = causes.state(at, false, self.buses.get(&at.address));
        self.ledger_of(&mut causes, ledger, &at.address);
        causes.written(capacity);
        let Some(bus) = bus else { return causes.verdict() };
        let terms = bus.terms_at(start);
        causes.rule(!bus.paused, "BusPaused");
        causes.rule(!bus.closing, "BusClosing");
        causes.rule(terms.has_windows(), "WindowsOff");
        causes.rule(start > 0 && terms.aligns(start), "WindowMisaligned");
        causes.rule(self.now < terms.gate(start.max(0)), "GateClosed");
        causes.rule(start <= self.now + bus.horizon_seconds as i64, "WindowTooFar");
        if self.has_state(&capacity.address) {
            let found = causes.state(capacity, false, self.capacities.get(&capacity.address));
            causes.rule(
                found.is_none_or(|found| found.bus == at.address && found.window_start == start),
                "CapacityMismatch",
            );
            return causes.verdict();
        }
        causes.rule(capacity.address == self.capacity_address(&at.address, start).0, "CapacityMismatch");
        self.new_account(&mut causes, capacity, self.capacity_address(&at.address, start).0);
        self.can_pay(&mut causes, payer, &[(capacity.address, account_bytes::CAPACITY)], 0);
        causes.verdict()?;
        let opened = ModelCapacity {
            window_start: start,
            terms,
            gate_closes_at: terms.gate(start),
            ..ModelCapacity::general(at.address, payer.address, bus.capacity_wh)
        };
        self.pay_rent(&payer.address, &capacity.address, account_bytes::CAPACITY);
        self.capacities.insert(capacity.address, opened);
        Ok(())
    }

    pub(super) fn capacity_close(&mut self, accounts: &[PassedAccount; 5]) -> Verdict {
        let [caller, at_bus, ledger, at, rent_payer] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[2, 3]);
        causes.signer(caller);
        causes.written(rent_payer);
        let bus = causes.state(at_bus, false, self.buses.get(&at_bus.address));
        let capacity = causes.state(at, true, self.capacities.get(&at.address));
        let Some(capacity) = capacity else {
            causes.state(ledger, true, self.ledgers.get(&ledger.address));
            return causes.verdict();
        };
        self.ledger_of(&mut causes, ledger, &capacity.bus);
        causes.rule(at_bus.address == capacity.bus, "BusMismatch");
        causes.rule(rent_payer.address == capacity.rent_payer, "RentPayerMismatch");
        causes.rule(capacity.window_start != 0, "CapacityIsGeneral");
        if bus.is_some_and(|bus| bus.closing) {
            causes.rule(capacity.open_offers == 0, "WindowHasOffers");
        } else if capacity.committed_wh() == 0 && capacity.open_offers == 0 {
            let decides = bus.is_some_and(|bus| bus.is_owner(&caller.address) || bus.is_operator(&caller.address));
            let may = decides || caller.address == capacity.rent_payer || self.now >= capacity.gate_closes_at;
            causes.rule(may, "WindowUnused");
        } else {
            causes.rule(self.now >= capacity.ends_at(), "WindowNotOver");
            causes.rule(capacity.open_offers == 0, "WindowHasOffers");
        }
        causes.verdict()?;
        self.capacities.remove(&at.address);
        self.return_rent(&at.address, &rent_payer.address);
        Ok(())
    }
}

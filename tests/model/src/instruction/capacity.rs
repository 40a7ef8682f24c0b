//! Windows of capacity are opened and closed.

use {
    crate::{
        books::Model,
        cause::*,
        limit::{MAX_WINDOW_AHEAD_SECONDS, account_bytes},
        state::*,
    },
    solana_address::Address,
};

impl Model {
    /// A general capacity, of this bus where one is given.
    pub(super) fn general_of(
        &self,
        causes: &mut Causes,
        passed: &PassedAccount,
        written: bool,
        bus: Option<&Address>,
    ) -> Option<&ModelCapacity> {
        let found = causes.state(passed, written, self.capacities.get(&passed.address));
        if let (Some(general), Some(bus)) = (found, bus) {
            causes.rule(general.bus == *bus && general.window_start == 0, "BusMismatch");
        }
        found
    }

    pub(super) fn capacity_open(&mut self, accounts: &[PassedAccount; 5], start: i64) -> Verdict {
        let [payer, at, general, capacity, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 2, 3]);
        causes.payer(payer);
        causes.system_program(system);
        let bus = causes.state(at, false, self.buses.get(&at.address));
        self.general_of(&mut causes, general, true, Some(&at.address));
        causes.written(capacity);
        let Some(bus) = bus else { return causes.verdict() };
        let window = bus.window_seconds as i64;
        causes.rule(window != 0, "WindowsOff");
        causes.rule(window != 0 && start > 0 && start % window == 0, "WindowMisaligned");
        causes.rule(bus.gate(start.max(0)).is_none_or(|gate| self.now < gate), "GateClosed");
        causes.rule(start <= self.now + MAX_WINDOW_AHEAD_SECONDS, "WindowTooFar");
        if self.has_state(&capacity.address) {
            let found = causes.state(capacity, false, self.capacities.get(&capacity.address));
            causes.rule(
                found.is_none_or(|found| found.bus == at.address && found.window_start == start),
                "CapacityMismatch",
            );
            return causes.verdict();
        }
        self.new_account(&mut causes, capacity, self.capacity_address(&at.address, start).0);
        self.can_pay(&mut causes, payer, &[(capacity.address, account_bytes::CAPACITY)]);
        causes.verdict()?;
        let general_of_bus = ModelCapacity::new(at.address, payer.address, bus.capacity_wh);
        let opened = ModelCapacity { window_start: start, window_seconds: bus.window_seconds, ..general_of_bus };
        self.pay_rent(&payer.address, &capacity.address, account_bytes::CAPACITY);
        self.capacities.insert(capacity.address, opened);
        self.capacities.get_mut(&general.address).expect("found above").open_windows += 1;
        Ok(())
    }

    pub(super) fn capacity_close(&mut self, accounts: &[PassedAccount; 3]) -> Verdict {
        let [general, at, rent_payer] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 1, 2]);
        let capacity = causes.state(at, true, self.capacities.get(&at.address));
        self.general_of(&mut causes, general, true, capacity.map(|capacity| &capacity.bus));
        causes.written(rent_payer);
        if let Some(capacity) = capacity {
            causes.rule(rent_payer.address == capacity.rent_payer, "RentPayerMismatch");
            if !capacity.used.is_empty() {
                let over = self.now >= capacity.window_start + capacity.window_seconds as i64;
                causes.rule(over, "WindowNotOver");
                causes.rule(capacity.open_offers == 0, "WindowHasOffers");
            }
        }
        causes.verdict()?;
        self.capacities.remove(&at.address);
        self.return_rent(&at.address, &rent_payer.address);
        self.capacities.get_mut(&general.address).expect("found above").open_windows -= 1;
        Ok(())
    }
}

//! Windows of capacity are opened and closed.

use {
    super::token::Transfer,
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

    /// Where the escrow holds something for the window, escrow, treasury and token program follow the named accounts.
    pub(super) fn capacity_close(&mut self, accounts: &[PassedAccount; 5], others: &[PassedAccount]) -> Verdict {
        let [caller, at_bus, ledger, at, rent_payer] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[2, 3]);
        causes.once_after(accounts, &[2, 3], others);
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
        causes.rule(capacity.open_bids == 0, "WindowHasBids");
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
        let mut swept = None;
        if let Some(bus) = bus.filter(|_| capacity.escrowed > 0) {
            causes.rule(others.len() >= 3, "EscrowAccountsMissing");
            if let [escrow, treasury, token_program, ..] = others {
                causes.rule(escrow.address == bus.escrow, "EscrowMismatch");
                causes.rule(treasury.address == bus.treasury, "TreasuryMismatch");
                self.settlement(&mut causes, &bus.mint, token_program);
                // While one of the two is frozen, it stays where it is.
                if !self.is_frozen(&bus.escrow) && !self.is_frozen(&bus.treasury) {
                    causes.written(escrow);
                    causes.written(treasury);
                    swept = Some((bus.escrow, bus.treasury));
                }
            }
        }
        causes.verdict()?;
        let closed = self.capacities.remove(&at.address).expect("found above");
        Self::check_over(&closed);
        if let Some((from, to)) = swept {
            self.transfer(&[Transfer { from, to, authority: at_bus.address, amount: closed.escrowed }])?;
        } else if closed.escrowed > 0 {
            // It is divided when the bus closes.
            let escrow = self.buses[&at_bus.address].escrow;
            *self.gifts.get_mut(&escrow).expect("an account with books") += closed.escrowed as i128;
        }
        self.return_rent(&at.address, &rent_payer.address);
        Ok(())
    }

    /// The auction of a window that closes has filled both sides with all that it sells, and what it leaves is rounding: less
    /// than two base units for each bid and one for each ask.
    fn check_over(closed: &ModelCapacity) {
        assert_eq!(
            closed.escrowed as i128,
            closed.kept as i128 - closed.credited as i128,
            "the escrow holds what is left"
        );
        let Some(auction) = closed.auction else {
            assert_eq!((closed.kept, closed.credited), (0, 0), "without an auction nothing is paid");
            return;
        };
        assert_eq!([auction.bought_wh, auction.sold_wh], [auction.volume_wh; 2], "both sides fill the volume");
        if closed.terms.is_on_delivery() {
            assert_eq!(auction.reported_wh, auction.volume_wh, "every seller has reported");
        }
        let orders = if closed.terms.is_on_delivery() {
            2 * auction.buyers + auction.reports
        } else {
            auction.buyers + auction.sellers
        };
        assert!(closed.escrowed == 0 || closed.escrowed < orders, "only rounding is left of an auction");
    }
}

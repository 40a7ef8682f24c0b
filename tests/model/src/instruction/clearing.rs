//! The price of an auction is proven.

use {
    crate::{books::Model, cause::*, limit::account_bytes, price::Prices, state::*},
    solana_address::Address,
    std::collections::BTreeMap,
};

impl Model {
    pub(super) fn clearing_open(&mut self, accounts: &[PassedAccount; 4], low_price: u64, high_price: u64) -> Verdict {
        let [clearer, in_capacity, new, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 2]);
        causes.payer(clearer);
        causes.system_program(system);
        causes.rule(low_price <= high_price, "PricesReversed");
        let capacity = causes.state(in_capacity, false, self.capacities.get(&in_capacity.address));
        causes.rule(capacity.is_none_or(|capacity| capacity.phase(self.now) == ModelPhase::Fixed), "AuctionNotFixed");
        self.new_account(&mut causes, new, self.clearing_address(&in_capacity.address, &clearer.address).0);
        self.can_pay(&mut causes, clearer, &[(new.address, account_bytes::CLEARING)], 0);
        causes.verdict()?;
        let opened = ModelClearing {
            bus: capacity.expect("no cause").bus,
            capacity: in_capacity.address,
            clearer: clearer.address,
            low_price,
            high_price,
            tallied: BTreeMap::new(),
            opened_at: self.now,
        };
        self.pay_rent(&clearer.address, &new.address, account_bytes::CLEARING);
        self.clearings.insert(new.address, opened);
        Ok(())
    }

    /// The order of a window at a passed address, as a clearing counts it.
    fn tallied(&self, passed: &PassedAccount, clearing: &ModelClearing) -> Option<ModelTallied> {
        if let Some(bid) = self.bids.get(&passed.address).filter(|bid| bid.capacity == clearing.capacity) {
            let (price_per_kwh, energy_wh) = (bid.price_per_kwh, bid.energy_wh);
            return Some(ModelTallied { is_bid: true, price_per_kwh, energy_wh });
        }
        let offer = self.offers.get(&passed.address).filter(|offer| offer.capacity == clearing.capacity)?;
        let (price_per_kwh, energy_wh) = (offer.price_per_kwh, offer.ask_wh());
        Some(ModelTallied { is_bid: false, price_per_kwh, energy_wh })
    }

    pub(super) fn clearing_tally(&mut self, accounts: &[PassedAccount; 2], orders: &[PassedAccount]) -> Verdict {
        let [clearer, at] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[1]);
        causes.signer(clearer);
        let Some(clearing) = causes.state(at, true, self.clearings.get(&at.address)) else { return causes.verdict() };
        causes.rule(clearing.clearer == clearer.address, "ClearingMismatch");
        let mut tallied = clearing.tallied.clone();
        for passed in orders {
            // Addresses only go up, so that no order counts twice.
            let last = tallied.last_key_value().map(|(last, _)| *last);
            causes.rule(last.is_none_or(|last| last < passed.address), "OrderNotAscending");
            let order = self.tallied(passed, clearing);
            causes.rule(order.is_some(), "OrderForeign");
            // The zero address is before all others, and no order's.
            causes.rule(passed.address != Address::default(), "OrderNotAscending");
            tallied.extend(order.map(|order| (passed.address, order)));
        }
        causes.verdict()?;
        self.clearings.get_mut(&at.address).expect("found above").tallied = tallied;
        Ok(())
    }

    pub(super) fn clearing_apply(&mut self, accounts: &[PassedAccount; 3]) -> Verdict {
        let [at, in_capacity, clearer] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 1, 2]);
        causes.written(clearer);
        let clearing = causes.state(at, true, self.clearings.get(&at.address));
        let capacity = causes.state(in_capacity, true, self.capacities.get(&in_capacity.address));
        let Some(clearing) = clearing else { return causes.verdict() };
        causes.rule(clearing.capacity == in_capacity.address, "CapacityMismatch");
        causes.rule(clearing.clearer == clearer.address, "ClearingMismatch");
        let Some(capacity) = capacity else { return causes.verdict() };
        causes.rule(capacity.phase(self.now) == ModelPhase::Fixed, "AuctionNotFixed");
        let of_window = |of: &Address| *of == clearing.capacity;
        let bids = self.bids.iter().filter(|(_, bid)| of_window(&bid.capacity)).map(|(at, _)| at);
        let offers = self.offers.iter().filter(|(_, offer)| of_window(&offer.capacity)).map(|(at, _)| at);
        let all = bids.chain(offers).all(|order| clearing.tallied.contains_key(order));
        causes.rule(all, "OrdersMissing");
        let (orders, claimed) =
            (self.orders_of(&clearing.capacity), Prices { low: clearing.low_price, high: clearing.high_price });
        // Where one side has nothing, every claim says the same.
        let right = orders.prices();
        causes.rule(right.is_none_or(|right| right == claimed), "PriceWrong");
        causes.verdict()?;
        for (order, tallied) in &clearing.tallied {
            let passed = PassedAccount { address: *order, is_signer: false, is_writable: false };
            assert_eq!(self.tallied(&passed, clearing), Some(*tallied), "nothing moves in a fixed book");
        }
        let price_per_kwh = right.map_or(0, |right| right.price());
        let volume_wh = if right.is_some() { orders.volume(price_per_kwh) } else { 0 };
        let ration = |from: u64, better: u64| ModelRation {
            at_price_wh: from - better,
            filled_wh: volume_wh - better,
            settled_wh: 0,
        };
        let (bids, asks) = match right {
            Some(_) => (
                ration(orders.bid_from(price_per_kwh), orders.bid_above(price_per_kwh)),
                ration(orders.asked_up_to(price_per_kwh), orders.asked_below(price_per_kwh)),
            ),
            None => Default::default(),
        };
        let cleared = ModelAuction {
            cleared_at: self.now,
            price_per_kwh,
            volume_wh,
            bids,
            asks,
            bought_wh: 0,
            sold_wh: 0,
            buyers: 0,
            sellers: 0,
            reports: 0,
            reported_wh: 0,
            delivered_wh: 0,
            pool_complete_at: None,
        };
        self.capacities.get_mut(&in_capacity.address).expect("found above").auction = Some(cleared);
        self.clearings.remove(&at.address);
        self.return_rent(&at.address, &clearer.address);
        Ok(())
    }

    pub(super) fn clearing_close(&mut self, accounts: &[PassedAccount; 4]) -> Verdict {
        let [caller, in_capacity, at, clearer] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[2]);
        causes.signer(caller);
        causes.written(clearer);
        if let Some(clearing) = causes.state(at, true, self.clearings.get(&at.address)) {
            causes.rule(clearing.capacity == in_capacity.address, "CapacityMismatch");
            causes.rule(clearing.clearer == clearer.address, "ClearingMismatch");
            let capacity = self.capacities.get(&clearing.capacity);
            let useless = capacity.is_none_or(|capacity| capacity.phase(self.now) != ModelPhase::Fixed);
            causes.rule(useless || clearing.clearer == caller.address, "ClearingInUse");
        }
        causes.verdict()?;
        self.clearings.remove(&at.address);
        self.return_rent(&at.address, &clearer.address);
        Ok(())
    }
}

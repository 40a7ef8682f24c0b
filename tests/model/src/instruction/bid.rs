//! Bids are made, withdrawn and settled.

use {
    super::{claim::DebtAccounts, token::Transfer},
    crate::{
        books::Model,
        cause::*,
        limit::{CERTIFICATE_SECONDS, MAX_BIDS, account_bytes},
        math::{cost, part_ceil, part_floor},
        state::*,
    },
    solana_address::Address,
};

impl Model {
    pub(super) fn bid_create(
        &mut self,
        accounts: &[PassedAccount; 9],
        nonce: u64,
        (energy_wh, max_price): (u64, u64),
        refund: Address,
        bump: u8,
    ) -> Verdict {
        let [buyer, lane, at_bus, in_capacity, new, payment, escrow, token_program, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 1, 3, 4, 5, 6]);
        causes.payer(buyer);
        causes.system_program(system);
        for passed in [new, payment, escrow] {
            causes.written(passed);
        }
        self.lane_of(&mut causes, lane, &buyer.address, nonce);
        let bus = causes.state(at_bus, false, self.buses.get(&at_bus.address));
        let capacity = causes.state(in_capacity, true, self.capacities.get(&in_capacity.address));
        let mut deposit = 0;
        if let Some(capacity) = capacity {
            causes.rule(capacity.bus == at_bus.address, "BusMismatch");
            causes.rule(capacity.terms.auction, "AuctionOff");
            causes.rule(self.now < capacity.gate_closes_at, "GateClosed");
            causes.rule(energy_wh <= capacity.total_wh, "BidTooLarge");
            causes.rule(capacity.open_bids < MAX_BIDS, "BidsFull");
            match u64::try_from(cost(energy_wh, max_price)) {
                Ok(full) => deposit = full,
                Err(_) => causes.rule(false, "CostOverflow"),
            }
        }
        if let Some(bus) = bus {
            causes.rule(escrow.address == bus.escrow, "EscrowMismatch");
            self.settlement(&mut causes, &bus.mint, token_program);
            causes.rule(!bus.paused, "BusPaused");
            causes.rule(!bus.closing, "BusClosing");
            causes.rule(energy_wh >= bus.least_wh, "SizeTooSmall");
            let fee = capacity.map_or(0, |capacity| capacity.terms.grid_fee_per_kwh);
            let price = max_price.checked_sub(fee);
            causes.rule(price.is_some_and(|price| price >= bus.base_price_per_kwh), "LimitBelowBase");
        }
        // The bid's address follows from what is bought, so that all this comes before.
        let order = (in_capacity.address, energy_wh, max_price);
        let number = self.lanes.get(&lane.address).map_or(0, |lane| lane.lane);
        let hash = self.purchase_hash((&buyer.address, number, nonce), 3, &[order]);
        let mut late = Causes::default();
        late.unless(self.bid_address(&hash, bump) == Some(new.address), Cause::Bump);
        // Who signs for itself is not at an address that seeds make.
        late.unless(!new.is_signer, Cause::Bump);
        self.can_create(&mut late, new);
        self.can_pay(&mut late, buyer, &[(new.address, account_bytes::BID)], 0);
        let (from, to, authority) = (payment.address, escrow.address, buyer.address);
        let transfers = [Transfer { from, to, authority, amount: deposit }];
        self.or_failed_transfers(&mut causes, Cause::Dust, &late, &transfers);
        causes.verdict()?;
        let capacity = capacity.expect("no cause");
        let bid = ModelBid {
            bus: at_bus.address,
            capacity: in_capacity.address,
            buyer: buyer.address,
            refund,
            bump,
            state: ModelBidState::Open,
            energy_wh,
            max_price_per_kwh: max_price,
            price_per_kwh: max_price - capacity.terms.grid_fee_per_kwh,
            deposit,
            paid: 0,
            allotted_wh: 0,
            delivered_wh: 0,
            certified_wh: 0,
            window_start: capacity.window_start,
            created_at: self.now,
            transaction_hash: hash,
        };
        self.transfer(&transfers)?;
        self.book(&escrow.address, deposit);
        self.pay_rent(&buyer.address, &new.address, account_bytes::BID);
        let capacity = self.capacities.get_mut(&in_capacity.address).expect("found above");
        capacity.open_bids += 1;
        capacity.escrowed += deposit;
        self.bids.insert(new.address, bid);
        assert!(self.numbered_ever.insert(new.address), "a bid's address comes twice");
        // Nothing is bought yet.
        self.record(&lane.address, 3, &[order], 0, 0);
        Ok(())
    }

    /// What the escrow held for a bid has left it.
    fn pay_back(&mut self, at: &Address, amount: u64) {
        let bid = self.bids.get_mut(at).expect("a bid");
        bid.deposit -= amount;
        self.capacities.get_mut(&bid.capacity).expect("a bid's window").escrowed -= amount;
    }

    /// A bid closes: what it paid stays in the escrow for the sellers.
    fn close_bid(&mut self, at: &Address) {
        let bid = self.bids.remove(at).expect("a bid");
        let capacity = self.capacities.get_mut(&bid.capacity).expect("a bid's window");
        capacity.open_bids -= 1;
        capacity.kept += bid.deposit;
        self.return_rent(at, &bid.buyer);
    }

    pub(super) fn bid_cancel(&mut self, accounts: &[PassedAccount; 7]) -> Verdict {
        let [buyer, at_bus, in_capacity, at, escrow, destination, token_program] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[2, 3]);
        causes.payer(buyer);
        causes.written(escrow);
        causes.written(destination);
        let bus = causes.state(at_bus, false, self.buses.get(&at_bus.address));
        let capacity = causes.state(in_capacity, true, self.capacities.get(&in_capacity.address));
        let bid = causes.state(at, true, self.bids.get(&at.address));
        if let Some(bid) = bid {
            causes.rule(bid.buyer == buyer.address, "BidBuyerMismatch");
            causes.rule(bid.bus == at_bus.address, "BusMismatch");
            causes.rule(bid.capacity == in_capacity.address, "CapacityMismatch");
        }
        match capacity.map(|capacity| capacity.phase(self.now)) {
            Some(ModelPhase::Trading) | None => {}
            Some(ModelPhase::Closing) => causes.rule(false, "LastMinutes"),
            // Later it is settled.
            Some(_) => causes.rule(false, "BookFixed"),
        }
        if let Some(bus) = bus {
            causes.rule(escrow.address == bus.escrow, "EscrowMismatch");
            self.settlement(&mut causes, &bus.mint, token_program);
            let wallet = bid.map_or(buyer.address, |bid| bid.buyer);
            self.payee(&mut causes, &bus.mint, &at_bus.address, &wallet, &wallet, destination, None);
            causes.rule(!self.is_frozen(&bus.escrow), "PayerFrozen");
        }
        causes.verdict()?;
        let amount = bid.expect("no cause").deposit;
        let (from, to) = (escrow.address, destination.address);
        self.transfer(&[Transfer { from, to, authority: at_bus.address, amount }])?;
        self.pay_back(&at.address, amount);
        self.close_bid(&at.address);
        Ok(())
    }

    /// The bid as a settlement would leave it, before anything is paid, its window's auction, and whether it closes.
    fn settled_bid(
        &self,
        causes: &mut Causes,
        bid: &ModelBid,
        gives_up: bool,
    ) -> (ModelBid, Option<ModelAuction>, bool) {
        let (mut bid, capacity) = (bid.clone(), &self.capacities[&bid.capacity]);
        let mut auction = capacity.auction;
        // On a closing bus nothing is listed any more: without an offer there will be no auction.
        let ends_early = self.buses[&bid.bus].closing && capacity.open_offers == 0;
        let on_delivery = capacity.terms.is_on_delivery();
        let ends = capacity.is_given_up_by(&self.buses[&bid.bus], self.now);
        match (bid.state, if ends { ModelPhase::Over } else { capacity.phase(self.now) }) {
            (ModelBidState::Open, ModelPhase::Cleared) => {
                let auction = auction.as_mut().expect("a price");
                bid.allotted_wh = auction.settle_bid(bid.price_per_kwh, bid.energy_wh);
                let paid = cost(bid.allotted_wh, capacity.auction_full_price());
                bid.paid = u64::try_from(paid).expect("not more than the deposit");
                assert!(bid.paid <= bid.deposit, "a bid pays no more than it deposited");
                bid.state = ModelBidState::Filled;
            }
            // It gets everything back.
            (ModelBidState::Open, ModelPhase::Over) => {}
            (ModelBidState::Open, ModelPhase::Trading) if ends_early => {}
            (ModelBidState::Open, _) => causes.rule(false, "AuctionNotOver"),
            (ModelBidState::Filled, _) => {
                let auction = auction.expect("a price");
                if auction.pool_complete_at.is_some() {
                    bid.paid = part_ceil(bid.paid, auction.delivered_wh, auction.volume_wh);
                    bid.delivered_wh = part_floor(bid.allotted_wh, auction.delivered_wh, auction.volume_wh);
                    bid.state = ModelBidState::Refunded;
                } else {
                    causes.rule(bid.owed() > 0, "PoolIncomplete");
                }
            }
            (ModelBidState::Refunded, _) => {}
        }
        let closes = match bid.state {
            ModelBidState::Open => true,
            ModelBidState::Filled => bid.allotted_wh == 0 || !on_delivery,
            ModelBidState::Refunded => {
                let complete = auction.and_then(|auction| auction.pool_complete_at).expect("a pool");
                gives_up || bid.certified_wh == bid.delivered_wh || self.now >= complete + CERTIFICATE_SECONDS
            }
        };
        (bid, auction, closes)
    }

    pub(super) fn bid_settle(&mut self, accounts: &[PassedAccount; 12], close: bool) -> Verdict {
        let [caller, at_bus, in_capacity, at, buyer, escrow, refund, unclaimed, ledger, claim, token_program, _] =
            accounts;
        let mut causes = Causes::default();
        causes.payer(caller);
        for passed in [buyer, escrow, unclaimed, ledger, claim] {
            causes.written(passed);
        }
        let bus = causes.state(at_bus, false, self.buses.get(&at_bus.address));
        let capacity = causes.state(in_capacity, true, self.capacities.get(&in_capacity.address));
        let bid = causes.state(at, true, self.bids.get(&at.address));
        if let Some(bus) = bus {
            causes.rule(escrow.address == bus.escrow, "EscrowMismatch");
            self.settlement(&mut causes, &bus.mint, token_program);
        }
        let Some(was) = bid else { return causes.verdict() };
        causes.rule(was.bus == at_bus.address, "BusMismatch");
        causes.rule(was.capacity == in_capacity.address, "CapacityMismatch");
        causes.rule(was.buyer == buyer.address, "BidBuyerMismatch");
        // The buyer itself is paid into any account but the bus's own.
        let is_chosen = was.refund != refund.address;
        causes.rule(!is_chosen || caller.address == was.buyer, "RefundMismatch");
        let (Some(bus), Some(_)) = (bus, capacity) else { return causes.verdict() };
        let gives_up = close && caller.address == was.buyer;
        let (bid, auction, closes) = self.settled_bid(&mut causes, was, gives_up);
        let changes = bid.state != was.state;
        if was.state == ModelBidState::Refunded {
            causes.rule(closes || bid.owed() > 0, "NothingToSettle");
        }
        let owed = bid.owed();
        let mut is_payable = if is_chosen {
            let of_bus = self.tokens.get(&refund.address).is_some_and(|tokens| tokens.owner == at_bus.address);
            self.is_payable(&bus.mint, &refund.address) && !of_bus
        } else {
            self.is_payable_to(&bus.mint, &bid.refund, &bid.buyer)
        };
        let is_claimed = owed > 0 && closes && !is_payable;
        if owed > 0 && closes {
            causes.rule(!self.is_frozen(&bus.escrow), "PayerFrozen");
        } else if self.is_frozen(&bus.escrow) {
            is_payable = false;
        }
        if is_claimed {
            let has_system = accounts.iter().any(|passed| passed.address == Address::default());
            let accounts = DebtAccounts { payer: caller, unclaimed, ledger, claim, has_system };
            self.can_owe(&mut causes, &at_bus.address, bus, &bid.buyer, &accounts, true);
            causes.rule(!self.is_frozen(&bus.unclaimed), "PayerFrozen");
        } else if owed > 0 && is_payable {
            causes.written(refund);
        } else if owed > 0 {
            // Where it does not close yet, what is owed waits. Who calls in vain learns it.
            causes.rule(changes, "PayeeUnpayable");
        }
        causes.verdict()?;
        let (of_bus, buyer, named) = (bus.unclaimed, bid.buyer, bid.refund);
        let returned = if is_claimed || is_payable { owed } else { 0 };
        let was_open = self.bids[&at.address].state == ModelBidState::Open;
        let ends = was_open && self.capacities[&in_capacity.address].is_given_up_by(bus, self.now);
        self.bids.insert(at.address, bid);
        let window = self.capacities.get_mut(&in_capacity.address).expect("found above");
        window.auction = auction;
        window.given_up |= ends;
        if returned > 0 {
            let to = if is_claimed { of_bus } else { refund.address };
            let from = escrow.address;
            self.transfer(&[Transfer { from, to, authority: at_bus.address, amount: returned }])?;
        }
        if is_claimed {
            // The bid's rent pays for the claim, and all that is left of it waits there.
            let lent = self.owe(&at_bus.address, &buyer, returned, Some(named), (&caller.address, &buyer));
            if lent > 0 {
                let left = self.lamports.remove(&at.address).unwrap_or(0);
                *self.lamports.entry(caller.address).or_default() += lent;
                *self.lamports.entry(claim.address).or_default() += left - lent;
            }
        }
        self.pay_back(&at.address, returned);
        if closes {
            self.close_bid(&at.address);
        }
        Ok(())
    }
}

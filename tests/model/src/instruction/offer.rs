//! Offers are created, changed and cancelled.

use {
    crate::{
        books::Model,
        call::{Item, Terms},
        cause::*,
        limit::{LAST_SOURCE, account_bytes},
        math::cost,
        state::*,
    },
    solana_address::Address,
};

impl Model {
    /// Causes for which an offer may be refused, whoever sells.
    fn may_list(&self, causes: &mut Causes, passed: [&PassedAccount; 4], terms: &Terms) {
        let [payer, at, in_capacity, new] = passed;
        causes.payer(payer);
        let bus = causes.state(at, false, self.buses.get(&at.address));
        let capacity = causes.state(in_capacity, true, self.capacities.get(&in_capacity.address));
        self.new_account(causes, new, self.offer_address(&in_capacity.address, terms.offer_seq).0);
        self.can_pay(causes, payer, &[(new.address, account_bytes::OFFER)]);
        let (Some(bus), Some(capacity)) = (bus, capacity) else { return };
        causes.rule(capacity.bus == at.address, "BusMismatch");
        causes.rule(!bus.paused, "BusPaused");
        causes.rule(terms.energy_wh > 0, "EnergyZero");
        causes.rule(terms.price >= bus.base_price_per_kwh, "PriceBelowBase");
        causes.rule(terms.source <= LAST_SOURCE, "SourceUnknown");
        causes.rule(terms.expires_at == 0 || terms.expires_at > self.now, "ExpiryInPast");
        causes.rule(capacity.window_start != 0 || bus.window_seconds == 0, "WindowsOn");
        causes.rule(capacity.window_start == 0 || bus.window_seconds != 0, "WindowsOff");
        causes.rule(bus.gate(capacity.window_start).is_none_or(|gate| self.now < gate), "GateClosed");
        causes.rule(terms.energy_wh <= capacity.available_wh, "CapacityExceeded");
        causes.rule(capacity.may_use(terms.offer_seq), "OfferSeqUnusable");
    }

    fn list(&mut self, passed: [&PassedAccount; 4], terms: Terms, seller: Address, payout: Address, of_bus: bool) {
        let [payer, bus, in_capacity, new] = passed;
        self.pay_rent(&payer.address, &new.address, account_bytes::OFFER);
        let capacity = self.capacities.get_mut(&in_capacity.address).expect("found above");
        capacity.available_wh -= terms.energy_wh;
        capacity.listed_wh += terms.energy_wh;
        capacity.open_offers += 1;
        capacity.used.insert(terms.offer_seq);
        let offer = ModelOffer {
            bus: bus.address,
            capacity: in_capacity.address,
            seller,
            payout,
            rent_payer: payer.address,
            offer_seq: terms.offer_seq,
            source: terms.source,
            of_bus,
            cancelled: false,
            version: 1,
            price_per_kwh: terms.price,
            listed_wh: terms.energy_wh,
            remaining_wh: terms.energy_wh,
            reserved_wh: 0,
            open_locks: 0,
            window_start: capacity.window_start,
            created_at: self.now,
            expires_at: terms.expires_at,
        };
        self.offers.insert(new.address, offer);
        // A window can be closed and opened again only if it never had an offer, so no address is used twice.
        assert!(self.offers_ever.insert(new.address), "an offer's address comes twice");
    }

    pub(super) fn offer_create(&mut self, accounts: &[PassedAccount; 6], terms: Terms) -> Verdict {
        let [seller, at, capacity, new, payout, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 2, 3]);
        causes.system_program(system);
        self.may_list(&mut causes, [seller, at, capacity, new], &terms);
        if let Some(bus) = self.buses.get(&at.address) {
            causes.rule(bus.may_list(&seller.address), "ListingClosed");
            let tokens = self.tokens_of(bus, &payout.address);
            causes.rule(tokens.is_some(), "TokenAccountInvalid");
            causes.rule(tokens.is_none_or(|tokens| tokens.owner != at.address), "PayoutIsBusAccount");
        }
        causes.verdict()?;
        self.list([seller, at, capacity, new], terms, seller.address, payout.address, false);
        Ok(())
    }

    pub(super) fn offer_create_for_bus(&mut self, accounts: &[PassedAccount; 5], terms: Terms) -> Verdict {
        let [owner, at, capacity, new, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 2, 3]);
        causes.system_program(system);
        self.may_list(&mut causes, [owner, at, capacity, new], &terms);
        let bus = self.buses.get(&at.address);
        causes.rule(bus.is_none_or(|bus| bus.is_owner(&owner.address)), "NotAnOwner");
        causes.verdict()?;
        let treasury = bus.expect("found above").treasury;
        self.list([owner, at, capacity, new], terms, at.address, treasury, true);
        Ok(())
    }

    /// The offer at a passed address, and the passed bus, which must be the offer's.
    pub(super) fn offer_on(
        &self,
        causes: &mut Causes,
        bus: &PassedAccount,
        offer: &PassedAccount,
    ) -> Option<(&ModelBus, &ModelOffer)> {
        let found = causes.state(bus, false, self.buses.get(&bus.address));
        let offer = causes.state(offer, true, self.offers.get(&offer.address))?;
        causes.rule(bus.address == offer.bus, "BusMismatch");
        Some((found?, offer))
    }

    fn is_seller(bus: &ModelBus, offer: &ModelOffer, wallet: &Address) -> bool {
        offer.seller == *wallet || (offer.of_bus && bus.is_owner(wallet))
    }

    /// What may keep a seller from changing an offer, and the bus and the offer.
    fn changed(&self, accounts: &[PassedAccount; 3]) -> (Causes, Option<(&ModelBus, &ModelOffer)>) {
        let [seller, bus, at] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[2]);
        causes.signer(seller);
        let found = self.offer_on(&mut causes, bus, at);
        if let Some((bus, offer)) = found {
            causes.rule(Self::is_seller(bus, offer, &seller.address), "NotTheSeller");
            causes.rule(!offer.cancelled, "OfferCancelled");
        }
        (causes, found)
    }

    pub(super) fn offer_reprice(&mut self, accounts: &[PassedAccount; 3], price: u64) -> Verdict {
        let (mut causes, found) = self.changed(accounts);
        if let Some((bus, _)) = found {
            causes.rule(price >= bus.base_price_per_kwh, "PriceBelowBase");
        }
        causes.verdict()?;
        let offer = self.offers.get_mut(&accounts[2].address).expect("found above");
        offer.price_per_kwh = price;
        offer.version += 1;
        Ok(())
    }

    pub(super) fn offer_extend(&mut self, accounts: &[PassedAccount; 3], expires_at: i64) -> Verdict {
        let (mut causes, found) = self.changed(accounts);
        if let Some((_, offer)) = found {
            causes.rule(expires_at == 0 || expires_at > self.now, "ExpiryInPast");
            let later = offer.expires_at != 0 && (expires_at == 0 || expires_at > offer.expires_at);
            causes.rule(later, "ExpiryNotLater");
        }
        causes.verdict()?;
        self.offers.get_mut(&accounts[2].address).expect("found above").expires_at = expires_at;
        Ok(())
    }

    pub(super) fn offer_cancel(&mut self, accounts: &[PassedAccount; 5]) -> Verdict {
        let [caller, bus, in_capacity, at, rent_payer] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[2, 3]);
        causes.signer(caller);
        causes.written(rent_payer);
        causes.state(in_capacity, true, self.capacities.get(&in_capacity.address));
        if let Some((bus, offer)) = self.offer_on(&mut causes, bus, at) {
            causes.rule(in_capacity.address == offer.capacity, "CapacityMismatch");
            causes.rule(rent_payer.address == offer.rent_payer, "RentPayerMismatch");
            let stopped = offer.remaining_wh == 0
                || offer.is_expired(self.now)
                || bus.gate(offer.window_start).is_some_and(|gate| self.now >= gate);
            let abandoned = !offer.of_bus && bus.is_owner(&caller.address) && !bus.may_list(&offer.seller);
            let allowed = stopped || Self::is_seller(bus, offer, &caller.address) || abandoned;
            causes.rule(allowed, "OfferStillTrading");
            let something = !offer.cancelled || offer.free_wh() > 0 || offer.open_locks == 0;
            causes.rule(something, "NothingToCancel");
        }
        causes.verdict()?;
        let offer = self.offers.get_mut(&at.address).expect("found above");
        let capacity = self.capacities.get_mut(&in_capacity.address).expect("found above");
        let free = offer.free_wh();
        offer.cancelled = true;
        offer.listed_wh -= free;
        offer.remaining_wh -= free;
        capacity.listed_wh -= free;
        capacity.available_wh += free;
        if offer.open_locks == 0 {
            capacity.listed_wh -= offer.listed_wh;
            capacity.sold_wh += offer.listed_wh;
            capacity.open_offers -= 1;
            self.offers.remove(&at.address);
            self.return_rent(&at.address, &rent_payer.address);
        }
        Ok(())
    }

    /// Causes for which a purchase or a lock may be refused.
    pub(super) fn tradable(&self, causes: &mut Causes, bus: &ModelBus, offer: &ModelOffer, buyer: &Address) {
        causes.rule(!bus.paused, "BusPaused");
        causes.rule(!offer.cancelled, "OfferCancelled");
        causes.rule(!offer.is_expired(self.now), "OfferExpired");
        causes.rule(bus.gate(offer.window_start).is_none_or(|gate| self.now < gate), "GateClosed");
        causes.rule(offer.seller != *buyer, "SelfTrade");
    }

    /// Wh and cost of an item of a purchase or of a lock.
    pub(super) fn fill(causes: &mut Causes, offer: &ModelOffer, item: Item, min_wh: u64) -> (u64, u64) {
        causes.rule(item.energy_wh > 0, "EnergyZero");
        causes.rule(min_wh > 0 && min_wh <= item.energy_wh, "MinimumInvalid");
        causes.rule(item.version == 0 || item.version == offer.version, "VersionMismatch");
        causes.rule(offer.price_per_kwh <= item.max_price, "PriceAboveLimit");
        causes.rule(offer.free_wh() >= min_wh, "EnergyUnavailable");
        let energy_wh = item.energy_wh.min(offer.free_wh());
        (energy_wh, Self::price(causes, energy_wh, offer.price_per_kwh))
    }

    /// What a purchase of this much energy costs.
    fn price(causes: &mut Causes, energy_wh: u64, price: u64) -> u64 {
        match u64::try_from(cost(energy_wh, price)) {
            Ok(cost) => cost,
            Err(_) => {
                causes.rule(false, "CostOverflow");
                0
            }
        }
    }
}

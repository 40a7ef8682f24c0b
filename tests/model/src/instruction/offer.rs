//! Offers are created, changed, collected and cancelled.

use {
    crate::{
        books::Model,
        call::{Item, Listing},
        cause::*,
        limit::{AUCTION_CLOSING_SECONDS, BUS_OFFER_DELAY_SECONDS, LAST_SOURCE, LOCK_MARGIN_SECONDS, account_bytes},
        math::{cost, grid_fee},
        state::*,
    },
    solana_address::Address,
    std::collections::BTreeSet,
};

impl Model {
    pub(super) fn offer_create(
        &mut self,
        accounts: &[PassedAccount; 6],
        terms: Listing,
        rest: &[PassedAccount],
    ) -> Verdict {
        let [lister, at, in_capacity, at_seller, new, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 2, 3, 4]);
        causes.payer(lister);
        causes.system_program(system);
        let capacity = causes.state(in_capacity, true, self.capacities.get(&in_capacity.address));
        self.new_account(&mut causes, new, self.offer_address(&at_seller.address, terms.number).0);
        let mut created = vec![(new.address, account_bytes::OFFER)];
        let found = self.seller_on(&mut causes, at, at_seller);
        let (Some((bus, seller)), Some(capacity)) = (found, capacity) else {
            self.can_pay(&mut causes, lister, &created, 0);
            return causes.verdict();
        };
        causes.rule(capacity.bus == at.address, "CapacityMismatch");
        causes.rule(Self::may_act(bus, seller.is_own(), &seller.wallet, &lister.address), "NotTheSeller");
        causes.rule(seller.next_offer == terms.number, "NumberNotNext");
        causes.rule(!bus.paused, "BusPaused");
        causes.rule(!bus.closing, "BusClosing");
        causes.rule(!seller.suspended, "SellerSuspended");
        causes.rule(bus.policy_admits(&at.address, seller), "ListingClosed");
        causes.rule(terms.energy_wh > 0, "EnergyZero");
        let available = capacity.available_under(bus.capacity_wh);
        causes.rule(terms.energy_wh <= available, "CapacityExceeded");
        causes.rule(terms.energy_wh >= bus.least_wh || terms.energy_wh == available, "SizeTooSmall");
        Self::price_fits(&mut causes, bus, seller.is_own(), terms.price);
        causes.rule(terms.source <= LAST_SOURCE, "SourceUnknown");
        // A window has its own terms; outside windows those of the moment hold.
        let of_place = if capacity.window_start == 0 { bus.terms_at(self.now) } else { capacity.terms };
        causes.rule(terms.price.checked_add(of_place.grid_fee_per_kwh).is_some(), "CostOverflow");
        causes.rule(capacity.window_start != 0 || !of_place.has_windows(), "WindowsOn");
        causes.rule(self.now < capacity.gate_closes_at, "GateClosed");
        self.expiry_fits(&mut causes, bus, capacity.gate_closes_at, terms.expires_at);
        let book = if capacity.terms.is_on_delivery() {
            causes.once_after(accounts, &[0, 2, 3, 4], rest);
            self.can_list_in_book(&mut causes, seller, at_seller, capacity, (terms.energy_wh, terms.source), rest)
        } else {
            None
        };
        let new_book = book.filter(|(book, _)| !self.books.contains_key(book)).map(|(book, _)| book);
        created.extend(new_book.map(|book| (book, account_bytes::BOOK)));
        self.can_pay(&mut causes, lister, &created, 0);
        causes.verdict()?;
        let (own, wallet) = (seller.is_own(), seller.wallet);
        let (capacity_wh, least_wh) = (bus.capacity_wh, bus.least_wh);
        if let Some((at_book, place)) = book {
            self.list_in_book(
                &at_seller.address,
                &in_capacity.address,
                (at_book, place),
                terms.energy_wh,
                &lister.address,
            );
        }
        self.pay_rent(&lister.address, &new.address, account_bytes::OFFER);
        let capacity = self.capacities.get_mut(&in_capacity.address).expect("found above");
        // Where the owners lowered the capacity, the listing itself brings the window down.
        capacity.total_wh = capacity.total_under(capacity_wh);
        capacity.listed_wh += terms.energy_wh;
        capacity.open_offers += 1;
        let offer = ModelOffer {
            bus: at.address,
            capacity: in_capacity.address,
            seller: at_seller.address,
            wallet,
            rent_payer: lister.address,
            number: terms.number,
            source: terms.source,
            least_wh,
            cancelled: false,
            cancelled_by_lister: false,
            version: 1,
            price_per_kwh: terms.price,
            grid_fee_per_kwh: of_place.grid_fee_per_kwh,
            grid_credited: 0,
            in_auction: capacity.terms.auction,
            settled: false,
            book,
            listed_wh: terms.energy_wh,
            remaining_wh: terms.energy_wh,
            reserved_wh: 0,
            proceeds: 0,
            deposits: 0,
            open_locks: 0,
            locks_taken: 0,
            window_start: capacity.window_start,
            gate_closes_at: capacity.gate_closes_at,
            created_at: self.now,
            trades_from: if own { self.now + BUS_OFFER_DELAY_SECONDS } else { 0 },
            expires_at: terms.expires_at,
            locked_until: 0,
        };
        self.offers.insert(new.address, offer);
        let seller = self.sellers.get_mut(&at_seller.address).expect("found above");
        seller.next_offer += 1;
        seller.open_offers += 1;
        assert!(self.numbered_ever.insert(new.address), "an offer's address comes twice");
        Ok(())
    }

    /// Whether a wallet acts for a seller: the seller itself, or an owner where the bus sells.
    pub(super) fn may_act(bus: &ModelBus, own: bool, seller: &Address, wallet: &Address) -> bool {
        if own { bus.is_owner(wallet) } else { seller == wallet }
    }

    fn price_fits(causes: &mut Causes, bus: &ModelBus, own: bool, price: u64) {
        causes.rule(price >= bus.base_price_per_kwh, "PriceBelowBase");
        causes.rule(!own || price >= bus.least_own_price(), "PriceBelowReserve");
    }

    fn expiry_fits(&self, causes: &mut Causes, bus: &ModelBus, gate: i64, expires_at: i64) {
        causes.rule(expires_at > self.now, "ExpiryInPast");
        causes.rule(expires_at <= bus.latest_expiry(gate, self.now), "ExpiryTooLate");
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

    /// Whether a wallet may change an offer: its seller, and of the bus's own the owner who listed it, while it is one.
    fn is_listed_by(bus: &ModelBus, offer: &ModelOffer, wallet: &Address) -> bool {
        if offer.is_own() { offer.rent_payer == *wallet && bus.is_owner(wallet) } else { offer.wallet == *wallet }
    }

    /// What may keep a wallet from changing an offer that it has read in a version; 0 for any.
    fn changed(causes: &mut Causes, bus: &ModelBus, offer: &ModelOffer, lister: &PassedAccount, version: u32) {
        causes.rule(Self::is_listed_by(bus, offer, &lister.address), "NotTheSeller");
        causes.rule(!offer.cancelled, "OfferCancelled");
        causes.rule(version == 0 || version == offer.version, "VersionMismatch");
    }

    /// Whether offers in the auction of its window are only improved any more: in the last 300 s before the gate, and later.
    fn is_closing(&self, offer: &ModelOffer) -> bool {
        offer.in_auction && self.now >= offer.gate_closes_at.saturating_sub(AUCTION_CLOSING_SECONDS)
    }

    pub(super) fn offer_reprice(&mut self, accounts: &[PassedAccount; 3], price: u64, version: u32) -> Verdict {
        let [lister, at_bus, at] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[2]);
        causes.signer(lister);
        if let Some((bus, offer)) = self.offer_on(&mut causes, at_bus, at) {
            Self::changed(&mut causes, bus, offer, lister, version);
            Self::price_fits(&mut causes, bus, offer.is_own(), price);
            causes.rule(price.checked_add(offer.grid_fee_per_kwh).is_some(), "CostOverflow");
            if offer.in_auction {
                causes.rule(self.now < offer.gate_closes_at, "GateClosed");
                // An offer of the bus that is lowered must trade at the gate again: else lowering would withdraw it.
                let waits = offer.is_own() && self.now + BUS_OFFER_DELAY_SECONDS > offer.gate_closes_at;
                let improves = price <= offer.price_per_kwh && !waits;
                causes.rule(improves || !self.is_closing(offer), "LastMinutes");
            }
        }
        causes.verdict()?;
        let now = self.now;
        let offer = self.offers.get_mut(&at.address).expect("found above");
        if offer.is_own() && price < offer.price_per_kwh {
            offer.trades_from = now + BUS_OFFER_DELAY_SECONDS;
        }
        offer.price_per_kwh = price;
        offer.version += 1;
        Ok(())
    }

    pub(super) fn offer_set_expiry(&mut self, accounts: &[PassedAccount; 4], expires_at: i64, version: u32) -> Verdict {
        let [lister, at_bus, at_seller, at] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[3]);
        causes.signer(lister);
        let seller = causes.state(at_seller, false, self.sellers.get(&at_seller.address));
        if let Some((bus, offer)) = self.offer_on(&mut causes, at_bus, at) {
            causes.rule(at_seller.address == offer.seller, "SellerMismatch");
            Self::changed(&mut causes, bus, offer, lister, version);
            causes.rule(!offer.is_expired(self.now), "OfferExpired");
            self.expiry_fits(&mut causes, bus, offer.gate_closes_at, expires_at);
            let covers = offer.open_locks == 0 || expires_at >= offer.locked_until + LOCK_MARGIN_SECONDS;
            causes.rule(covers, "ExpiryBeforeLocks");
            causes.rule(expires_at >= offer.expires_at || !self.is_closing(offer), "LastMinutes");
            if let Some(seller) = seller.filter(|_| expires_at > offer.expires_at) {
                // For longer than was agreed: under the rules of now.
                causes.rule(!bus.closing, "BusClosing");
                causes.rule(!seller.suspended, "SellerSuspended");
                causes.rule(bus.policy_admits(&at_bus.address, seller), "ListingClosed");
                Self::price_fits(&mut causes, bus, offer.is_own(), offer.price_per_kwh);
            }
        }
        causes.verdict()?;
        let offer = self.offers.get_mut(&at.address).expect("found above");
        offer.expires_at = expires_at;
        offer.version += 1;
        Ok(())
    }

    pub(super) fn offer_collect(&mut self, accounts: &[PassedAccount; 2]) -> Verdict {
        let [at, at_seller] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 1]);
        let offer = causes.state(at, true, self.offers.get(&at.address));
        causes.state(at_seller, true, self.sellers.get(&at_seller.address));
        if let Some(offer) = offer {
            causes.rule(offer.seller == at_seller.address, "SellerMismatch");
            causes.rule(offer.proceeds > 0, "NothingToCollect");
        }
        causes.verdict()?;
        self.collect(&at.address);
        Ok(())
    }

    /// What was paid for an offer is its seller's to withdraw, but for the grid's part: that of all energy sold so far, less
    /// what the grid was credited before.
    fn collect(&mut self, at: &Address) {
        let offer = self.offers.get_mut(at).expect("an offer");
        if offer.book.is_some() {
            return;
        }
        let due = grid_fee(offer.sold_wh(), offer.grid_fee_per_kwh);
        // What an auction pays is rounded down, so that the last base unit of the grid's part may be missing.
        let grid = (due - offer.grid_credited).min(offer.proceeds);
        offer.grid_credited += grid;
        let seller = self.sellers.get_mut(&offer.seller).expect("an offer's seller");
        seller.released += std::mem::take(&mut offer.proceeds) - grid;
        seller.grid_fees_owed += grid;
    }

    /// The delivery book of an offer on delivery terms follows the named accounts. Then may follow owners who withdraw an offer
    /// of the bus together, and sign.
    pub(super) fn offer_cancel(&mut self, accounts: &[PassedAccount; 6], owners: &[PassedAccount]) -> Verdict {
        let [caller, at_bus, in_capacity, at_seller, at, rent_payer] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[2, 3, 4]);
        causes.once_after(accounts, &[2, 3, 4], owners);
        causes.signer(caller);
        causes.written(rent_payer);
        let capacity = causes.state(in_capacity, true, self.capacities.get(&in_capacity.address));
        let seller = causes.state(at_seller, true, self.sellers.get(&at_seller.address));
        if let Some((bus, offer)) = self.offer_on(&mut causes, at_bus, at) {
            causes.rule(in_capacity.address == offer.capacity, "CapacityMismatch");
            causes.rule(at_seller.address == offer.seller, "SellerMismatch");
            causes.rule(rent_payer.address == offer.rent_payer, "RentPayerMismatch");
            // On a closing bus anybody withdraws an offer, but not where an auction will come: nobody chooses its orders.
            let is_listed = Self::is_listed_by(bus, offer, &caller.address);
            let phase = |capacity: &ModelCapacity| {
                let ends = !is_listed && capacity.is_given_up_by(bus, self.now);
                if ends { ModelPhase::Over } else { capacity.phase(self.now) }
            };
            let comes = |capacity: &ModelCapacity| capacity.open_bids > 0 && phase(capacity) == ModelPhase::Trading;
            let given_up = bus.closing && !capacity.is_some_and(comes);
            let stopped = offer.cancelled || offer.remaining_wh == 0 || offer.is_expired(self.now) || given_up;
            let is_seller = Self::is_listed_by(bus, offer, &caller.address);
            // Of the bus's own offers, the other owners withdraw while the bus is paused, where who listed is no owner any more,
            // or where as many as pausing needs do it together.
            let signed = owners.iter().filter(|passed| passed.is_signer).chain([caller]);
            let together: BTreeSet<usize> = signed.filter_map(|passed| bus.place(&passed.address)).collect();
            let owners_may = !offer.is_own()
                || bus.paused
                || !bus.is_owner(&offer.rent_payer)
                || together.len() >= bus.pause_approvals();
            let decides = bus.is_operator(&caller.address) || (owners_may && bus.is_owner(&caller.address));
            let unlisted = seller.is_some_and(|seller| seller.suspended || !bus.policy_admits(&at_bus.address, seller));
            let allowed = stopped || is_seller || (decides && (offer.is_own() || unlisted));
            causes.rule(allowed, "OfferStillTrading");
            let something = !offer.cancelled || offer.free_wh() > 0 || offer.open_locks == 0;
            causes.rule(something, "NothingToCancel");
            // While an auction needs it, nobody withdraws an offer; before the gate the operator does, or as many owners as
            // pausing needs, where it is the bus's own.
            let by_all = bus.is_operator(&caller.address) || together.len() >= bus.pause_approvals();
            match capacity.filter(|_| in_capacity.address == offer.capacity).map(phase) {
                Some(ModelPhase::Closing) => causes.rule(by_all && offer.is_own(), "LastMinutes"),
                Some(ModelPhase::Fixed) => causes.rule(false, "BookFixed"),
                Some(ModelPhase::Cleared) => {
                    let auction = capacity.and_then(|capacity| capacity.auction).expect("a price");
                    causes.rule(!auction.owes(offer), "AskUnsettled");
                }
                Some(ModelPhase::Off | ModelPhase::Trading | ModelPhase::Over) | None => {}
            }
            if let Some((book, _)) = offer.book {
                causes.rule(!owners.is_empty(), "BooksMissing");
                if let Some(passed) = owners.first() {
                    causes.rule(passed.address == book, "BookMismatch");
                    causes.written(passed);
                }
            }
        }
        causes.verdict()?;
        self.collect(&at.address);
        let (bus, window) = (&self.buses[&at_bus.address], &self.capacities[&in_capacity.address]);
        let is_listed = Self::is_listed_by(bus, &self.offers[&at.address], &caller.address);
        let ends = !is_listed && window.is_given_up_by(bus, self.now);
        let window = self.capacities.get_mut(&in_capacity.address).expect("found above");
        window.given_up |= ends;
        let offer = self.offers.get_mut(&at.address).expect("found above");
        // Who cancels again once a lock has ended changes nothing. What the bus does not sell is certified by nobody.
        offer.cancelled_by_lister |=
            offer.is_own() || Self::is_listed_by(&self.buses[&at_bus.address], offer, &caller.address);
        let is_seller = offer.cancelled_by_lister;
        let was_unsettled = offer.in_auction && !offer.settled && !offer.cancelled;
        let capacity = self.capacities.get_mut(&in_capacity.address).expect("found above");
        let free = offer.free_wh();
        offer.cancelled = true;
        offer.listed_wh -= free;
        offer.remaining_wh -= free;
        capacity.listed_wh -= free;
        let (book, closes) = (offer.book, offer.open_locks == 0);
        if offer.open_locks == 0 {
            capacity.listed_wh -= offer.listed_wh;
            capacity.sold_wh += offer.listed_wh;
            capacity.open_offers -= 1;
            self.sellers.get_mut(&at_seller.address).expect("found above").open_offers -= 1;
            self.offers.remove(&at.address);
            self.return_rent(&at.address, &rent_payer.address);
        }
        if let Some(book) = book {
            if was_unsettled {
                self.settle_in_book(book, 0);
            }
            self.unlist_in_book(book, free, closes, is_seller);
        }
        Ok(())
    }

    /// Causes for which a purchase or a lock may be refused.
    pub(super) fn tradable(&self, causes: &mut Causes, bus: &ModelBus, offer: &ModelOffer, buyer: &Address) {
        causes.rule(!bus.paused, "BusPaused");
        causes.rule(!bus.closing, "BusClosing");
        causes.rule(!offer.cancelled, "OfferCancelled");
        causes.rule(!offer.is_expired(self.now), "OfferExpired");
        causes.rule(offer.wallet != *buyer, "SelfTrade");
        causes.rule(!offer.is_own() || self.now >= offer.trades_from, "OfferNotYetTrading");
        causes.rule(!offer.is_own() || offer.price_per_kwh >= bus.reserve_price_per_kwh, "PriceBelowReserve");
    }

    /// Wh and cost of an item of a purchase or of a lock.
    pub(super) fn fill(causes: &mut Causes, offer: &ModelOffer, item: Item, min_wh: u64) -> (u64, u64) {
        let free = offer.free_wh();
        causes.rule(item.energy_wh > 0, "EnergyZero");
        causes.rule(min_wh > 0 && min_wh <= item.energy_wh, "MinimumInvalid");
        causes.rule(item.version == 0 || item.version == offer.version, "VersionMismatch");
        causes.rule(offer.full_price() <= item.max_price, "PriceAboveLimit");
        causes.rule(free >= min_wh, "EnergyUnavailable");
        let energy_wh = item.energy_wh.min(free);
        causes.rule(energy_wh >= offer.least_wh || energy_wh == free, "SizeTooSmall");
        (energy_wh, Self::price(causes, energy_wh, offer.full_price()))
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

    /// Energy of an offer is sold; what was paid for it is in the seller's vault.
    pub(super) fn sell(&mut self, at: &Address, energy_wh: u64, paid: u64) {
        let offer = self.offers.get_mut(at).expect("an offer");
        offer.remaining_wh -= energy_wh;
        if offer.book.is_none() {
            offer.proceeds += paid;
        }
    }
}

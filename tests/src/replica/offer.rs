//! Offers.

use {
    super::{books::Replica, records::*},
    crate::key::pda,
    multibus::{constants::*, event::*, state},
    solana_address::Address,
};

impl Replica {
    pub(super) fn offer_created(&mut self, event: &OfferCreated, now: i64) {
        let OfferCreated {
            bus,
            capacity: of,
            offer,
            seller,
            payout,
            rent_payer,
            offer_seq,
            energy_wh,
            price_per_kwh,
            window_start,
            created_at,
            expires_at,
            source,
            owned_by_bus,
            padding,
        } = *event;
        assert_eq!((padding, created_at), ([0; 6], now));
        let of_bus = &self.buses[&bus];
        assert_eq!(of_bus.settings.paused, 0, "nothing is listed while paused");
        assert!(price_per_kwh >= of_bus.settings.base_price_per_kwh, "the base price is the lowest");
        if owned_by_bus == 1 {
            assert_eq!((seller, payout), (bus, of_bus.settings.treasury), "the bus's own pays its treasury");
            assert!(of_bus.is_owner(&rent_payer), "owners list for their bus");
        } else {
            assert_eq!((owned_by_bus, rent_payer), (0, seller));
            assert!(of_bus.may_list(&seller), "who lists may");
            assert_ne!(payout, of_bus.settings.treasury, "a member's offer pays the member");
        }
        assert!(self.offers_ever.insert(offer), "an offer's address is used once");
        let capacity = self.capacities.get_mut(&of).expect("a known capacity");
        assert_eq!((capacity.bus, capacity.window_start), (bus, window_start));
        assert!(capacity.seqs.insert(offer_seq), "an offer's number is used once");
        capacity.available_wh = capacity.available_wh.checked_sub(energy_wh).expect("within the capacity");
        capacity.listed_wh += energy_wh;
        capacity.open_offers += 1;
        let created = OfferFields {
            bus,
            capacity: of,
            seller,
            payout,
            offer_seq,
            window_start,
            created_at,
            source,
            owned_by_bus,
            rent_payer,
        };
        let opened = ReplicaOffer {
            created,
            price_per_kwh,
            version: 1,
            listed_wh: energy_wh,
            remaining_wh: energy_wh,
            reserved_wh: 0,
            open_locks: 0,
            expires_at,
            cancelled: 0,
        };
        self.offers.insert(offer, opened);
    }

    pub(super) fn offer_repriced(&mut self, event: &OfferRepriced) {
        let OfferRepriced { offer, price_per_kwh, version, padding: _ } = event;
        let offer = self.offers.get_mut(offer).expect("a known offer");
        assert_eq!(*version, offer.version + 1, "versions grow by one");
        (offer.price_per_kwh, offer.version) = (*price_per_kwh, *version);
    }

    pub(super) fn offer_extended(&mut self, event: &OfferExtended) {
        let OfferExtended { offer, expires_at } = event;
        let offer = self.offers.get_mut(offer).expect("a known offer");
        assert!(*expires_at == 0 || *expires_at > offer.expires_at, "an offer is only extended");
        offer.expires_at = *expires_at;
    }

    pub(super) fn offer_cancelled(&mut self, event: &OfferCancelled, now: i64) {
        let OfferCancelled { bus, offer: address, cancelled_by, withdrawn_wh, sold_wh, closed, padding } = *event;
        assert_eq!(padding, [0; 7]);
        let offer = self.offers.get_mut(&address).expect("a known offer");
        assert_eq!(offer.created.bus, bus);
        let of_bus = &self.buses[&bus];
        let gate = offer.created.window_start - of_bus.settings.gate_closure_seconds as i64;
        let stopped = offer.remaining_wh == 0
            || (offer.expires_at != 0 && now > offer.expires_at)
            || (offer.created.window_start != 0 && now >= gate);
        let by_owner = of_bus.is_owner(&cancelled_by)
            && (offer.created.owned_by_bus == 1 || !of_bus.may_list(&offer.created.seller));
        assert!(stopped || by_owner || cancelled_by == offer.created.seller, "who cancels may");
        assert_eq!(withdrawn_wh, offer.remaining_wh - offer.reserved_wh, "all that is free is withdrawn");
        assert_eq!(closed == 1, offer.open_locks == 0, "an offer without locks closes");
        offer.cancelled = 1;
        offer.listed_wh -= withdrawn_wh;
        offer.remaining_wh -= withdrawn_wh;
        assert_eq!(sold_wh, offer.listed_wh - offer.remaining_wh);
        let capacity = self.capacities.get_mut(&offer.created.capacity).expect("a known capacity");
        capacity.listed_wh -= withdrawn_wh;
        capacity.available_wh += withdrawn_wh;
        if closed == 1 {
            assert_eq!(offer.remaining_wh, 0);
            capacity.listed_wh -= sold_wh;
            capacity.sold_wh += sold_wh;
            capacity.open_offers -= 1;
            self.offers.remove(&address);
        }
    }

    pub(super) fn check_offer(&self, address: &Address, offer: state::Offer) {
        offer.check_invariants().unwrap();
        let told = self.offers.get(address).expect("an offer of which the events tell");
        let (of, bump) = pda::offer(&told.created.capacity, told.created.offer_seq);
        assert_eq!(*address, of);
        let expected = state::Offer {
            layout_version: LAYOUT_VERSION,
            bump,
            source: told.created.source,
            owned_by_bus: told.created.owned_by_bus,
            cancelled: told.cancelled,
            version: told.version,
            open_locks: told.open_locks,
            offer_seq: told.created.offer_seq,
            price_per_kwh: told.price_per_kwh,
            listed_wh: told.listed_wh,
            remaining_wh: told.remaining_wh,
            reserved_wh: told.reserved_wh,
            window_start: told.created.window_start,
            created_at: told.created.created_at,
            expires_at: told.expires_at,
            bus: told.created.bus,
            capacity: told.created.capacity,
            seller: told.created.seller,
            payout: told.created.payout,
            rent_payer: told.created.rent_payer,
            ..bytemuck::Zeroable::zeroed()
        };
        assert_eq!(offer, expected, "the offer is as its events tell");
        // Invariants 2 and 3.
        assert!(offer.reserved_wh <= offer.remaining_wh && offer.remaining_wh <= offer.listed_wh);
        let locks = || self.locks.values().filter(|lock| lock.offer == *address);
        assert_eq!(offer.reserved_wh, locks().map(|lock| lock.energy_wh).sum::<u64>());
        assert_eq!(offer.open_locks as usize, locks().count());
    }
}

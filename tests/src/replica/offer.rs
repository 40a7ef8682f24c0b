//! Offers.

use {
    super::{
        auction::{Phase, give_up, phase},
        books::Replica,
        capacity::terms_at,
        cost::grid_fee,
    },
    crate::key::pda,
    bytemuck::Zeroable,
    multibus::{
        constants::{BUS_OFFER_DELAY_SECONDS, LAYOUT_VERSION},
        event::*,
        state,
    },
    solana_address::Address,
};

impl Replica {
    pub(super) fn offer_created(&mut self, event: &OfferCreated, now: i64) {
        let OfferCreated {
            bus,
            capacity,
            offer,
            seller,
            rent_payer,
            number,
            energy_wh,
            price_per_kwh,
            grid_fee_per_kwh,
            window_start,
            created_at,
            trades_from,
            expires_at,
            capacity_total_wh,
            source,
            padding,
        } = *event;
        assert_eq!((padding, created_at), ([0; 7], now));
        let of = *self.bus(&bus);
        assert_eq!((of.paused, of.closing), (0, 0), "nothing is listed on a paused or closing bus");
        assert!(price_per_kwh >= of.base_price_per_kwh, "the base price is the lowest");
        let lister = self.sellers.get_mut(&seller).expect("a known seller");
        assert_eq!((lister.bus, lister.suspended, lister.next_offer), (bus, 0, number), "who lists may");
        let own = lister.wallet == bus;
        let is_owner = |wallet: &Address| of.owners.iter().any(|slot| slot.owner == *wallet);
        if own {
            assert!(is_owner(&rent_payer), "owners list for their bus");
            assert!(price_per_kwh >= of.reserve_price_per_kwh, "the reserve price is the bus's lowest");
            assert_eq!(trades_from, now + BUS_OFFER_DELAY_SECONDS);
        } else {
            let admitted = of.listing_policy == 2 || (of.listing_policy == 1 && lister.admitted == 1);
            assert!(admitted || is_owner(&lister.wallet), "who lists may");
            assert_eq!((rent_payer, trades_from), (lister.wallet, 0));
        }
        lister.next_offer += 1;
        lister.open_offers += 1;
        let (wallet, vault) = (lister.wallet, lister.vault);
        let of_window = self.capacities.get_mut(&capacity).expect("a known capacity");
        assert_eq!((of_window.bus, of_window.window_start), (bus, window_start));
        // Where the owners lowered the capacity, the listing brings the window down.
        let lowered = of_window.total_wh.min(of.capacity_wh.max(of_window.committed_wh));
        assert_eq!(capacity_total_wh, lowered);
        of_window.total_wh = lowered;
        of_window.committed_wh += energy_wh;
        of_window.available_wh = lowered.checked_sub(of_window.committed_wh).expect("within the capacity");
        of_window.open_offers += 1;
        assert!(now < expires_at && expires_at <= of_window.gate_closes_at, "an offer expires in time");
        let (terms, gate_closes_at) = (of_window.terms, of_window.gate_closes_at);
        let of_moment = if window_start == 0 { terms_at(&of, now) } else { terms };
        assert!(
            window_start != 0 || of_moment.window_seconds == 0,
            "outside windows nothing is listed where there are some"
        );
        assert_eq!(grid_fee_per_kwh, of_moment.grid_fee_per_kwh, "the grid fee is that of the terms");
        assert!(expires_at <= now.saturating_add(of.horizon_seconds as i64), "an offer expires within the horizon");
        let mut opened = state::Offer {
            layout_version: LAYOUT_VERSION,
            bump: pda::offer(&seller, number).1,
            source,
            version: 1,
            least_wh: of.least_wh,
            number,
            price_per_kwh,
            grid_fee_per_kwh,
            full_price_per_kwh: price_per_kwh.checked_add(grid_fee_per_kwh).expect("within 64 bits"),
            listed_wh: energy_wh,
            remaining_wh: energy_wh,
            window_start,
            in_auction: terms.auction,
            gate_closes_at,
            created_at,
            trades_from,
            expires_at,
            bus,
            capacity,
            seller,
            vault,
            wallet,
            rent_payer,
            ..Zeroable::zeroed()
        };
        assert_eq!(offer, pda::offer(&seller, number).0);
        assert!(self.numbered_ever.insert(offer), "an offer's address is used once");
        if terms.settlement == 1 {
            opened.on_delivery = 1;
            (opened.book, opened.book_place) = self.list_in_book(&seller, &terms, window_start, energy_wh, rent_payer);
        }
        self.offers.insert(offer, opened);
    }

    pub(super) fn offer_repriced(&mut self, event: &OfferRepriced, now: i64) {
        let OfferRepriced { offer, price_per_kwh, trades_from, version, padding } = *event;
        let offer = self.offers.get_mut(&offer).expect("a known offer");
        assert_eq!((version, padding), (offer.version + 1, [0; 4]), "versions grow by one");
        let lowered = offer.wallet == offer.bus && price_per_kwh < offer.price_per_kwh;
        if offer.in_auction == 1 {
            assert!(now < offer.gate_closes_at, "the auction has the price of the gate");
            let may = now < offer.gate_closes_at - 300 || price_per_kwh <= offer.price_per_kwh;
            assert!(may, "prices only fall in the last minutes");
        }
        let from = if lowered { now + BUS_OFFER_DELAY_SECONDS } else { offer.trades_from };
        assert_eq!(trades_from, from, "the bus's own offers wait once they are lowered");
        (offer.price_per_kwh, offer.version, offer.trades_from) = (price_per_kwh, version, trades_from);
        offer.full_price_per_kwh = price_per_kwh + offer.grid_fee_per_kwh;
    }

    pub(super) fn offer_expiry_set(&mut self, event: &OfferExpirySet, now: i64) {
        let OfferExpirySet { offer, expires_at, version, padding } = *event;
        let offer = self.offers.get_mut(&offer).expect("a known offer");
        assert_eq!((version, padding), (offer.version + 1, [0; 4]), "versions grow by one");
        assert!(now < offer.expires_at && now < expires_at, "what has expired stays so");
        let is_last = offer.in_auction == 1 && now >= offer.gate_closes_at - 300;
        assert!(!is_last || expires_at >= offer.expires_at, "offers are only extended in the last minutes");
        assert!(offer.open_locks == 0 || expires_at >= offer.locked_until + 300, "locks end before their offer");
        assert!(
            expires_at <= offer.expires_at || self.buses[&offer.bus].closing == 0,
            "a closing bus waits for nothing"
        );
        (offer.expires_at, offer.version) = (expires_at, version);
    }

    /// The grid's part of an offer's proceeds: that of all energy sold so far, less what was taken out before. On delivery terms
    /// the book divides what is paid.
    fn grid_due(offer: &mut state::Offer) -> u64 {
        if offer.on_delivery == 1 {
            return 0;
        }
        let due = grid_fee(offer.listed_wh - offer.remaining_wh, offer.grid_fee_per_kwh) - offer.grid_credited;
        // What an auction pays is rounded down, so the last base unit can be missing.
        let due = due.min(offer.proceeds);
        offer.grid_credited += due;
        due
    }

    pub(super) fn offer_collected(&mut self, event: &OfferCollected) {
        let OfferCollected { offer, seller, amount, grid_fee, released } = *event;
        let offer = self.offers.get_mut(&offer).expect("a known offer");
        assert_eq!((offer.seller, offer.proceeds), (seller, amount + grid_fee), "all proceeds are collected");
        assert_eq!(grid_fee, Self::grid_due(offer), "the grid gets its part of what was sold");
        offer.proceeds = 0;
        let seller = self.sellers.get_mut(&seller).expect("a known seller");
        seller.released += amount;
        seller.grid_fees_owed += grid_fee;
        assert_eq!(seller.released, released);
    }

    pub(super) fn offer_cancelled(&mut self, event: &OfferCancelled, now: i64) {
        let OfferCancelled {
            bus,
            offer: address,
            cancelled_by,
            withdrawn_wh,
            sold_wh,
            collected,
            grid_fee,
            closed,
            window_unused,
            padding,
        } = *event;
        assert_eq!(padding, [0; 6]);
        let of = *self.bus(&bus);
        let offer = self.offers.get_mut(&address).expect("a known offer");
        let window = self.capacities.get_mut(&offer.capacity).expect("a known capacity");
        let is_owner = of.owners.iter().any(|slot| slot.owner == cancelled_by);
        let is_lister =
            cancelled_by == offer.wallet || (offer.wallet == bus && offer.rent_payer == cancelled_by && is_owner);
        if !is_lister {
            give_up(window, &of, now);
        }
        match phase(window, now) {
            Phase::Closing => {
                assert_eq!(offer.wallet, bus, "only the bus's own offers are withdrawn in the last minutes");
            }
            Phase::Fixed => panic!("nothing is withdrawn from a fixed book"),
            Phase::Cleared => assert!(!Self::is_owed(window, offer), "the auction takes its part first"),
            Phase::Off | Phase::Trading | Phase::Over => {}
        }
        let is_given_up = of.closing == 1 && (window.open_bids == 0 || phase(window, now) != Phase::Trading);
        let was_unsettled = offer.in_auction == 1 && offer.settled == 0 && offer.cancelled == 0;
        assert_eq!((offer.bus, offer.proceeds), (bus, collected + grid_fee));
        assert_eq!(grid_fee, Self::grid_due(offer), "the grid gets its part of what was sold");
        let stopped = offer.cancelled != 0 || offer.remaining_wh == 0 || now >= offer.expires_at || is_given_up;
        let decides = is_owner || (of.operator != Address::default() && cancelled_by == of.operator);
        let seller = self.sellers.get_mut(&offer.seller).expect("a known seller");
        assert!(stopped || cancelled_by == offer.wallet || decides, "who cancels may");
        // An auction can have sold what ended locks still reserve.
        let free_wh = offer.remaining_wh.saturating_sub(offer.reserved_wh);
        assert_eq!(withdrawn_wh, free_wh, "all that is free is withdrawn");
        assert_eq!(closed == 1, offer.open_locks == 0, "an offer without locks closes");
        seller.released += collected;
        seller.grid_fees_owed += grid_fee;
        offer.proceeds = 0;
        let lists = offer.wallet == bus || cancelled_by == offer.wallet;
        offer.cancelled = offer.cancelled.max(1 + u8::from(lists));
        offer.listed_wh -= withdrawn_wh;
        offer.remaining_wh -= withdrawn_wh;
        assert_eq!(sold_wh, offer.listed_wh - offer.remaining_wh);
        let capacity = self.capacities.get_mut(&offer.capacity).expect("a known capacity");
        capacity.committed_wh -= withdrawn_wh;
        capacity.available_wh += withdrawn_wh;
        if offer.on_delivery == 1 {
            let book = self.books.get_mut(&offer.book).expect("a known delivery book");
            let window = &mut book.windows[offer.book_place as usize];
            window.listed_wh -= withdrawn_wh;
            window.unsettled_offers -= u16::from(was_unsettled);
            if window.listed_wh == 0 && offer.cancelled == 2 && now < offer.gate_closes_at {
                *window = Zeroable::zeroed();
            }
            assert_eq!(
                window_unused,
                (window.state == 0) as u8,
                "a window of which its seller withdraws all is unused"
            );
            book.open_offers -= u32::from(closed);
        }
        if closed == 1 {
            assert_eq!(offer.remaining_wh, 0);
            capacity.open_offers -= 1;
            seller.open_offers -= 1;
            self.offers.remove(&address);
        }
    }
}

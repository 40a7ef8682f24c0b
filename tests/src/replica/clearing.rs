//! Clearings.

use {
    super::{
        auction::{Phase, asked_wh, phase},
        books::Replica,
    },
    crate::key::pda,
    bytemuck::Zeroable,
    multibus::{constants::LAYOUT_VERSION, event::*, state},
};

/// The class of an order's price: below the low price, at it, up to the middle, at the middle, up to the high price, at it,
/// above; the first where prices are equal.
fn class_of(clearing: &state::Clearing, price: u64) -> usize {
    let (low, high) = (clearing.low_price, clearing.high_price);
    let middle = low + (high - low) / 2;
    match price {
        _ if price < low => 0,
        _ if price == low => 1,
        _ if price > high => 6,
        _ if price == high => 5,
        _ if price < middle => 2,
        _ if price == middle => 3,
        _ => 4,
    }
}

impl Replica {
    pub(super) fn clearing_opened(&mut self, event: &ClearingOpened, now: i64) {
        let ClearingOpened { clearing, bus, capacity, clearer, low_price, high_price, opened_at } = *event;
        assert_eq!(opened_at, now);
        let (place, bump) = pda::clearing(&capacity, &clearer);
        assert_eq!(clearing, place);
        let window = &self.capacities[&capacity];
        assert_eq!((window.bus, phase(window, now)), (bus, Phase::Fixed), "a price is proven of a fixed book");
        assert!(low_price <= high_price);
        let opened = state::Clearing {
            layout_version: LAYOUT_VERSION,
            bump,
            low_price,
            high_price,
            opened_at,
            bus,
            capacity,
            clearer,
            ..Zeroable::zeroed()
        };
        assert!(self.clearings.insert(clearing, opened).is_none(), "a clearer has one clearing of a window");
    }

    pub(super) fn clearing_tallied(&mut self, event: &ClearingTallied) {
        let ClearingTallied { clearing: address, last, bids, offers } = *event;
        let orders = self.tallied.pop_front().expect("a clearing_tally for each tally");
        let clearing = self.clearings.get_mut(&address).expect("a known clearing");
        for order in orders {
            assert!(order > clearing.last, "orders come in ascending order");
            clearing.last = order;
            // An order is a bid or an offer of the window.
            if let Some(bid) = self.bids.get(&order) {
                assert_eq!(bid.capacity, clearing.capacity);
                clearing.bid_wh[class_of(clearing, bid.price_per_kwh)] += bid.energy_wh;
                clearing.bids += 1;
            } else {
                let offer = &self.offers[&order];
                assert_eq!(offer.capacity, clearing.capacity);
                clearing.ask_wh[class_of(clearing, offer.price_per_kwh)] += asked_wh(offer);
                clearing.offers += 1;
            }
        }
        assert_eq!((clearing.last, clearing.bids, clearing.offers), (last, bids, offers));
    }

    pub(super) fn clearing_closed(&mut self, event: &ClearingClosed, now: i64) {
        let ClearingClosed { clearing, capacity, clearer, closed_by } = *event;
        let closed = self.clearings.remove(&clearing).expect("a known clearing");
        assert_eq!((closed.capacity, closed.clearer), (capacity, clearer));
        let is_useless = self.capacities.get(&capacity).is_none_or(|window| phase(window, now) != Phase::Fixed);
        assert!(closed_by == clearer || is_useless, "others close what is useless");
    }
}

//! The auction that closes a window: its phases, its price, what it sells of offers, and what is delivered of that.

use {
    super::{
        books::Replica,
        cost::{grid_fee, part_floor},
        delivery::auction_delivered,
        tokens::TokenTally,
    },
    multibus::{
        event::*,
        state::{BidState, Bus, Capacity, Offer, Ration},
    },
    solana_address::Address,
    std::cmp::Ordering,
};

/// Seconds before the gate in which nothing is taken back, and after it in which a price can be proven.
const LAST_SECONDS: i64 = 300;
const PROOF_SECONDS: i64 = 86_400;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Off,
    Trading,
    Closing,
    Fixed,
    Cleared,
    Over,
}

pub(super) fn phase(window: &Capacity, now: i64) -> Phase {
    let after_gate = i128::from(now) - i128::from(window.gate_closes_at);
    match after_gate {
        _ if window.terms.auction == 0 => Phase::Off,
        _ if window.given_up == 1 => Phase::Over,
        ..0 if after_gate < -i128::from(LAST_SECONDS) => Phase::Trading,
        ..0 => Phase::Closing,
        _ if window.cleared_at != 0 => Phase::Cleared,
        _ if window.open_bids == 0 || window.open_offers == 0 => Phase::Over,
        _ if after_gate >= i128::from(PROOF_SECONDS) => Phase::Over,
        _ => Phase::Fixed,
    }
}

/// Where a bus closes more than a day before a window's gate, whoever returns a bid or withdraws another's offer ends the
/// auction.
pub(super) fn give_up(window: &mut Capacity, bus: &Bus, now: i64) {
    let is_far = bus.closing == 1 && window.gate_closes_at > bus.closing_at + 86_400;
    if is_far && matches!(phase(window, now), Phase::Trading | Phase::Closing) {
        window.given_up = 1;
    }
}

/// Energy of an offer that stands in the auction.
pub(super) fn asked_wh(offer: &Offer) -> u64 {
    let gate = offer.gate_closes_at;
    let stands = offer.cancelled == 0 && offer.expires_at >= gate && offer.trades_from <= gate;
    if stands { offer.remaining_wh } else { 0 }
}

/// The price of a book of bids and asks (price, Wh), the volume, and what is bid and asked at the price and filled of that: the
/// most energy that changes hands, at the middle of all prices at which so much does. `None` where one side is empty.
struct Outcome {
    low_price: u64,
    high_price: u64,
    price_per_kwh: u64,
    volume_wh: u64,
    bids: (u64, u64),
    asks: (u64, u64),
}

fn outcome(bids: &[(u64, u64)], asks: &[(u64, u64)]) -> Option<Outcome> {
    let sum = |side: &[(u64, u64)], counts: &dyn Fn(u64) -> bool| -> u64 {
        side.iter().filter(|(price, _)| counts(*price)).map(|(_, energy_wh)| energy_wh).sum()
    };
    if sum(bids, &|_| true) == 0 || sum(asks, &|_| true) == 0 {
        return None;
    }
    // What is asked up to a price less what is bid above it grows only at the prices of orders.
    let mut prices: Vec<u64> = bids.iter().chain(asks).map(|(price, _)| *price).chain([0]).collect();
    prices.sort_unstable();
    prices.dedup();
    let excess = |price: u64| sum(asks, &|other| other <= price) as i128 - sum(bids, &|other| other > price) as i128;
    let low_price = prices[prices.partition_point(|price| excess(*price) < 0)];
    let high_price = prices[prices.partition_point(|price| excess(*price) <= 0)];
    let price = low_price + (high_price - low_price) / 2;
    let (above, at) = (sum(bids, &|other| other > price), sum(bids, &|other| other == price));
    let (below, asked_at) = (sum(asks, &|other| other < price), sum(asks, &|other| other == price));
    let volume_wh = (above + at).min(below + asked_at);
    Some(Outcome {
        low_price,
        high_price,
        price_per_kwh: price,
        volume_wh,
        bids: (at, volume_wh - above),
        asks: (asked_at, volume_wh - below),
    })
}

/// The right low and high price of a book of bids and asks (price, Wh); `None` where one side is empty.
pub fn auction_prices(bids: &[(u64, u64)], asks: &[(u64, u64)]) -> Option<(u64, u64)> {
    outcome(bids, asks).map(|right| (right.low_price, right.high_price))
}

impl Replica {
    /// What an order gets, by how its price compares with that of the auction: `Greater` is better. Orders at the price share
    /// what is left for them, in running sums.
    pub(super) fn fill(side: &mut Ration, volume_wh: u64, energy_wh: u64, against_price: Ordering) -> u64 {
        match against_price {
            _ if volume_wh == 0 => 0,
            Ordering::Less => 0,
            Ordering::Greater => energy_wh,
            Ordering::Equal => {
                let filled = |settled_wh: u64| part_floor(side.filled_wh, settled_wh, side.at_price_wh);
                let part = filled(side.settled_wh + energy_wh) - filled(side.settled_wh);
                side.settled_wh += energy_wh;
                part
            }
        }
    }

    /// Whether the auction still has to settle an offer before it can be withdrawn.
    pub(super) fn is_owed(window: &Capacity, offer: &Offer) -> bool {
        let at_price = offer.price_per_kwh == window.price_per_kwh && window.asks.filled_wh > 0;
        let sells = window.volume_wh > 0 && (offer.price_per_kwh < window.price_per_kwh || at_price);
        sells && offer.settled == 0 && asked_wh(offer) > 0
    }

    pub(super) fn auction_cleared(&mut self, event: &AuctionCleared, now: i64) {
        let AuctionCleared {
            bus,
            capacity,
            clearing,
            clearer,
            window_start,
            low_price,
            high_price,
            price_per_kwh,
            volume_wh,
            bids_at_price_wh,
            bids_filled_wh,
            asks_at_price_wh,
            asks_filled_wh,
            cleared_at,
        } = *event;
        assert_eq!(cleared_at, now);
        let proof = self.clearings.remove(&clearing).expect("a known clearing");
        assert_eq!((proof.capacity, proof.clearer, proof.bus), (capacity, clearer, bus));
        assert_eq!((proof.low_price, proof.high_price), (low_price, high_price));
        let window = self.capacities.get_mut(&capacity).expect("a known capacity");
        assert_eq!((window.window_start, phase(window, now)), (window_start, Phase::Fixed));
        let bids: Vec<_> = self.bids.values().filter(|bid| bid.capacity == capacity).collect();
        let offers: Vec<_> = self.offers.values().filter(|offer| offer.capacity == capacity).collect();
        assert_eq!((proof.bids as usize, proof.offers as usize), (bids.len(), offers.len()), "all orders count");
        let bids: Vec<_> = bids.iter().map(|bid| (bid.price_per_kwh, bid.energy_wh)).collect();
        let asks: Vec<_> = offers.iter().map(|offer| (offer.price_per_kwh, asked_wh(offer))).collect();
        let told = (price_per_kwh, volume_wh, (bids_at_price_wh, bids_filled_wh), (asks_at_price_wh, asks_filled_wh));
        let right = match outcome(&bids, &asks) {
            None => (0, 0, (0, 0), (0, 0)),
            Some(right) => {
                assert_eq!(
                    (low_price, high_price),
                    (right.low_price, right.high_price),
                    "the claimed prices are right"
                );
                (right.price_per_kwh, right.volume_wh, right.bids, right.asks)
            }
        };
        assert_eq!(told, right, "the price is the one");
        (window.cleared_at, window.price_per_kwh, window.volume_wh) = (now, price_per_kwh, volume_wh);
        let ration = |(at_price_wh, filled_wh)| Ration { at_price_wh, filled_wh, settled_wh: 0 };
        (window.bids, window.asks) = (ration(right.2), ration(right.3));
    }

    pub(super) fn ask_settled(&mut self, event: &AskSettled, now: i64, tally: &mut TokenTally) {
        let AskSettled { offer: address, capacity, seller, energy_wh, credited } = *event;
        let offer = self.offers.get_mut(&address).expect("a known offer");
        assert_eq!((offer.capacity, offer.seller), (capacity, seller));
        let window = self.capacities.get_mut(&capacity).expect("a known capacity");
        assert_eq!(phase(window, now), Phase::Cleared);
        assert!(Self::is_owed(window, offer), "the auction sells some of it");
        let against = window.price_per_kwh.cmp(&offer.price_per_kwh);
        let part = Self::fill(&mut window.asks, window.volume_wh, asked_wh(offer), against);
        assert_eq!(energy_wh, part, "the offer's part");
        offer.remaining_wh -= energy_wh;
        offer.settled = 1;
        if offer.on_delivery == 1 {
            assert_eq!(credited, 0, "what is sold on delivery terms is paid later");
            let book = self.books.get_mut(&offer.book).expect("a known delivery book");
            let of_window = &mut book.windows[offer.book_place as usize];
            of_window.auction_wh += energy_wh;
            of_window.unsettled_offers -= 1;
        } else {
            let full_price = window.price_per_kwh + offer.grid_fee_per_kwh;
            assert_eq!(credited, part_floor(energy_wh, full_price, 1_000), "the offer's proceeds");
            offer.proceeds += credited;
            window.escrowed -= credited;
            tally.moved(&self.buses[&offer.bus].escrow, &offer.vault.clone(), credited);
        }
    }

    pub(super) fn pool_reported(&mut self, event: &PoolReported, now: i64, tally: &mut TokenTally) {
        let PoolReported {
            bus,
            capacity,
            book: address,
            seller,
            window_start,
            auction_wh,
            delivered_wh,
            due,
            due_grid_fee,
            paid,
            grid_fee: paid_grid_fee,
        } = *event;
        let book = self.books.get_mut(&address).expect("a known delivery book");
        assert_eq!((book.bus, book.seller), (bus, seller));
        if window_start == 0 {
            assert_eq!((auction_wh, delivered_wh, due, due_grid_fee), (0, 0, 0, 0), "nothing was counted");
            assert!(paid > 0, "a report counts or pays something");
        } else {
            let place = Self::window_place(book, window_start);
            assert!(now >= Self::final_at(book, place), "only what is final is counted");
            let window = self.capacities.get_mut(&capacity).expect("a known capacity");
            assert_eq!((window.bus, window.window_start), (bus, window_start));
            let of_window = &mut book.windows[place];
            assert_eq!((of_window.pool_reported, of_window.auction_wh), (0, auction_wh), "a seller counts once");
            assert!(auction_wh > 0, "a seller of the auction is counted");
            assert_eq!(delivered_wh, auction_delivered(of_window), "the auction's part of what was delivered");
            let full_price = window.price_per_kwh + window.terms.grid_fee_per_kwh;
            assert_eq!(due, part_floor(delivered_wh, full_price, 1_000));
            assert_eq!(due_grid_fee, grid_fee(delivered_wh, window.terms.grid_fee_per_kwh));
            of_window.pool_reported = 1;
            book.pool_due += due;
            book.pool_grid_fee += due_grid_fee;
            window.reported_wh += auction_wh;
            window.delivered_wh += delivered_wh;
            window.escrowed -= due;
            if window.reported_wh == window.volume_wh {
                window.pool_complete_at = now;
            }
        }
        if paid == 0 {
            assert_eq!(paid_grid_fee, 0);
            return;
        }
        assert_eq!((paid, paid_grid_fee), (book.pool_due, book.pool_grid_fee), "all that is due is paid");
        (book.pool_due, book.pool_grid_fee) = (0, 0);
        let vault = book.vault;
        let seller = self.sellers.get_mut(&seller).expect("a known seller");
        seller.released += paid - paid_grid_fee;
        seller.grid_fees_owed += paid_grid_fee;
        tally.moved(&self.buses[&bus].escrow, &vault, paid);
    }

    /// The escrow holds what the windows and books of its bus say, and what rounding left of windows that closed while an
    /// account was frozen. Both sides of an auction fill its volume at most.
    pub(super) fn check_auctions(&self) {
        for (address, bus) in &self.buses {
            let windows = self.capacities.values().filter(|window| window.bus == *address);
            let escrowed: u128 = windows.map(|window| window.escrowed as u128).sum();
            let due: u128 =
                self.books.values().filter(|book| book.bus == *address).map(|book| book.pool_due as u128).sum();
            let left = self.left_in_escrow.get(address).copied().unwrap_or(0) as u128;
            assert_eq!(self.held[&bus.escrow], (escrowed + due + left).cast_signed(), "the escrow of {address}");
        }
        for (address, window) in &self.capacities {
            self.check_auction(address, window);
        }
    }

    fn check_auction(&self, address: &Address, window: &Capacity) {
        let own = || self.bids.values().filter(|bid| bid.capacity == *address);
        assert_eq!(own().count(), window.open_bids as usize, "bids of {address}");
        // Sellers are paid out of the deposits of bids that are not settled yet, too.
        let settled = own().filter(|bid| bid.state != BidState::Open as u8);
        let owed: u64 = settled.map(|bid| bid.deposit - bid.paid).sum();
        assert!(window.escrowed >= owed, "the escrow covers what comes back to bids of {address}");
        let bought: u64 = own().map(|bid| bid.allotted_wh).sum();
        assert!(bought <= window.volume_wh, "bids of {address} get no more than its volume");
        let offers = self.offers.values().filter(|offer| offer.capacity == *address);
        let counted = offers.clone().count();
        assert_eq!(counted, window.open_offers as usize, "offers of {address}");
        let books = self.books.values().filter(|book| window.terms.settlement == 1 && book.bus == window.bus);
        let sold: u64 = books.map(|book| Self::sold_in_auction(book, window)).sum();
        assert!(sold <= window.volume_wh, "offers of {address} sell no more than its volume");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bids: &[(u64, u64)], asks: &[(u64, u64)]) -> Option<(u64, u64, u64, u64)> {
        outcome(bids, asks).map(|found| (found.low_price, found.high_price, found.price_per_kwh, found.volume_wh))
    }

    #[test]
    fn the_price_is_the_middle_of_those_at_which_most_changes_hands() {
        assert_eq!(told(&[(9, 5)], &[]), None);
        assert_eq!(told(&[(9, 5)], &[(4, 0)]), None);
        assert_eq!(told(&[(9, 5)], &[(4, 5)]), Some((4, 9, 6, 5)));
        assert_eq!(told(&[(9, 5)], &[(4, 6)]), Some((4, 4, 4, 5)));
        assert_eq!(told(&[(9, 6)], &[(4, 5)]), Some((9, 9, 9, 5)));
        assert_eq!(told(&[(3, 6)], &[(4, 5)]), Some((3, 4, 3, 0)));
        let bids = [(9, 5), (7, 10)];
        let found = outcome(&bids, &[(5, 5), (7, 5)]).unwrap();
        assert_eq!((found.price_per_kwh, found.volume_wh, found.bids, found.asks), (7, 10, (10, 5), (5, 5)));
    }
}

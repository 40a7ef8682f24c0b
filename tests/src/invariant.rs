//! What always holds of the accounts on the chain, read from the accounts alone: each account's own rules, and the sums
//! that tie accounts and tokens together. Gifts come on top of every sum of tokens.

use {
    crate::{account::all, replica::TokenBalances},
    litesvm::LiteSVM,
    multibus::state::*,
    solana_address::Address,
};

/// Checks every invariant.
///
/// # Panics
/// Where one does not hold.
pub fn check(svm: &LiteSVM, balances: &TokenBalances) {
    let tokens = |account: &Address| balances.get(account).map_or(0, |balance| balance.amount);
    let (offers, locks) = (all::<Offer>(svm), all::<Lock>(svm));
    let (sellers, capacities) = (all::<Seller>(svm), all::<Capacity>(svm));
    let (proposals, claims) = (all::<Proposal>(svm), all::<Claim>(svm));
    let (books, positions) = (all::<DeliveryBook>(svm), all::<PositionBook>(svm));
    let bids = all::<Bid>(svm);
    let (meters, devices) = (all::<Meter>(svm), all::<Device>(svm));
    for (address, seller) in &sellers {
        seller.check_invariants().unwrap_or_else(|why| panic!("seller {address}: {why}"));
        let own: Vec<_> = offers.iter().filter(|(_, offer)| offer.seller == *address).map(|(_, offer)| offer).collect();
        let booked: u64 = own.iter().map(|offer| offer.proceeds + offer.deposits).sum();
        assert!(own.iter().all(|offer| offer.vault == seller.vault && offer.wallet == seller.wallet));
        let of_books = books.iter().filter(|(_, book)| book.seller == *address);
        assert_eq!(seller.open_books as usize, of_books.clone().count(), "delivery books of {address}");
        let in_books: u64 = of_books.map(|(_, book)| book.held()).sum();
        let owed = booked + in_books + seller.released + seller.grid_fees_owed;
        assert!(tokens(&seller.vault) >= owed, "the vault {} covers its books", seller.vault);
        let meter = meters.iter().find(|(_, meter)| meter.seller == *address).map(|(meter, _)| *meter);
        assert_eq!(seller.meter, meter.unwrap_or_default(), "the meter of {address}");
        assert_eq!(seller.open_offers as usize, own.len(), "seller {address}");
    }
    for (address, offer) in &offers {
        offer.check_invariants().unwrap_or_else(|why| panic!("offer {address}: {why}"));
        let own: Vec<_> = locks.iter().filter(|(_, lock)| lock.offer == *address).map(|(_, lock)| lock).collect();
        assert_eq!(offer.open_locks as usize, own.len(), "offer {address}");
        assert_eq!(offer.reserved_wh, own.iter().map(|lock| lock.energy_wh).sum::<u64>(), "offer {address}");
        assert_eq!(offer.deposits, own.iter().map(|lock| lock.deposit).sum::<u64>(), "offer {address}");
    }
    for (address, meter) in &meters {
        meter.check_invariants().unwrap_or_else(|why| panic!("meter {address}: {why}"));
        let present = devices.iter().filter(|(_, device)| device.key == meter.key && device.retired == 0);
        assert_eq!(present.count(), 1, "the device of {address}");
    }
    for (address, device) in &devices {
        device.check_invariants().unwrap_or_else(|why| panic!("device {address}: {why}"));
    }
    for (address, book) in &books {
        check_book(address, book, &offers, &positions);
    }
    for (address, position) in &positions {
        let (_, book) =
            books.iter().find(|(book, _)| *book == position.book).expect("a position has its delivery book");
        position.check_invariants(book).unwrap_or_else(|why| panic!("position {address}: {why}"));
        let of_position = |lock: &Lock| {
            let (_, offer) = offers.iter().find(|(offer, _)| *offer == lock.offer).expect("a lock has its offer");
            lock.buyer == position.buyer && offer.book == position.book
        };
        let own = locks.iter().filter(|(_, lock)| of_position(lock)).count();
        assert_eq!(position.open_locks as usize, own, "locks of {address}");
    }
    for (address, certificate) in all::<Certificate>(svm) {
        certificate.check_invariants().unwrap_or_else(|why| panic!("certificate {address}: {why}"));
    }
    for (address, lock) in &locks {
        lock.check_invariants().unwrap_or_else(|why| panic!("lock {address}: {why}"));
    }
    for (address, capacity) in &capacities {
        capacity.check_invariants().unwrap_or_else(|why| panic!("capacity {address}: {why}"));
        let open = offers.iter().filter(|(_, offer)| offer.capacity == *address);
        assert_eq!(capacity.open_offers as usize, open.clone().count(), "capacity {address}");
        let listed: u64 = open.map(|(_, offer)| offer.listed_wh).sum();
        assert!(capacity.committed_wh >= listed, "capacity {address}");
        check_auction(address, capacity, &bids);
    }
    for (address, bid) in &bids {
        bid.check_invariants().unwrap_or_else(|why| panic!("bid {address}: {why}"));
        assert!(capacities.iter().any(|(window, _)| *window == bid.capacity), "the window of the bid {address}");
    }
    for (address, clearing) in all::<Clearing>(svm) {
        clearing.check_invariants().unwrap_or_else(|why| panic!("clearing {address}: {why}"));
    }
    for (address, trader) in all::<Trader>(svm) {
        trader.check_invariants().unwrap_or_else(|why| panic!("lane {address}: {why}"));
    }
    for (address, creator) in all::<Creator>(svm) {
        creator.check_invariants().unwrap_or_else(|why| panic!("counter {address}: {why}"));
    }
    for (address, proposal) in &proposals {
        proposal.check_invariants().unwrap_or_else(|why| panic!("proposal {address}: {why}"));
    }
    for (address, claim) in &claims {
        claim.check_invariants().unwrap_or_else(|why| panic!("claim {address}: {why}"));
    }
    let claims_of = |bus: &Address| {
        let own = claims.iter().filter(|(_, claim)| claim.bus == *bus);
        (own.clone().count(), own.map(|(_, claim)| claim.amount).sum::<u64>())
    };
    let ledgers = all::<Ledger>(svm);
    for (address, bus) in all::<Bus>(svm) {
        bus.check_invariants().unwrap_or_else(|why| panic!("bus {address}: {why}"));
        let (_, ledger) = ledgers.iter().find(|(_, ledger)| ledger.bus == address).expect("a bus has its ledger");
        ledger.check_invariants(&bus).unwrap_or_else(|why| panic!("ledger of {address}: {why}"));
        let (count, claimed) = claims_of(&address);
        assert_eq!((ledger.open_claims as usize, ledger.unclaimed_total), (count, claimed), "claims of {address}");
        let booked = claimed + ledger.diverted;
        assert!(tokens(&bus.unclaimed) >= booked, "the unclaimed account of {address} covers its claims");
        let of_windows = capacities.iter().filter(|(_, capacity)| capacity.bus == address);
        let escrowed: u64 = of_windows.map(|(_, capacity)| capacity.escrowed).sum();
        let due: u64 = books.iter().filter(|(_, book)| book.bus == address).map(|(_, book)| book.pool_due).sum();
        assert!(tokens(&bus.escrow) >= escrowed + due, "the escrow of {address} covers bids and pools");
        let count = |open: usize, counted: u32, what: &str| assert_eq!(open, counted as usize, "{what} of {address}");
        let open = sellers.iter().filter(|(_, seller)| seller.bus == address);
        count(open.count(), ledger.open_sellers, "sellers");
        let open = capacities.iter().filter(|(_, capacity)| capacity.bus == address && capacity.window_start != 0);
        count(open.count(), ledger.open_windows, "windows");
        let open = proposals.iter().filter(|(_, proposal)| proposal.bus == address);
        count(open.count(), ledger.open_proposals, "proposals");
        let treasury = tokens(&bus.treasury);
        let claimable = ledger.claimable_total(&bus, treasury).expect("the treasury covers what was settled");
        let revenue = treasury as u128 + ledger.diverted as u128;
        assert!(claimable <= revenue, "the treasury of {address} covers what its owners may claim");
    }
    for (address, stone) in all::<Tombstone>(svm) {
        stone.check_invariants().unwrap_or_else(|why| panic!("tombstone {address}: {why}"));
        let (count, claimed) = claims_of(&address);
        assert_eq!(stone.open_claims as usize, count, "claims of the tombstone {address}");
        assert!(tokens(&stone.unclaimed) >= claimed, "the unclaimed account of {address} covers its claims");
    }
}

/// A delivery book has what its open offers and positions have, and what those had that are closed.
fn check_book(
    address: &Address,
    book: &DeliveryBook,
    offers: &[(Address, Offer)],
    positions: &[(Address, PositionBook)],
) {
    book.check_invariants().unwrap_or_else(|why| panic!("delivery book {address}: {why}"));
    let own: Vec<_> = offers.iter().filter(|(_, offer)| offer.book == *address).map(|(_, offer)| offer).collect();
    assert_eq!(book.open_offers as usize, own.len(), "offers of {address}");
    let bought: Vec<_> = positions.iter().filter(|(_, position)| position.book == *address).collect();
    assert_eq!(book.open_positions as usize, bought.len(), "positions of {address}");
    for (place, window) in book.windows.iter().enumerate() {
        let of_window = own.iter().filter(|offer| offer.book_place as usize == place);
        let (listed, sold) =
            of_window.fold((0, 0), |(listed, sold), offer| (listed + offer.listed_wh, sold + offer.sold_wh()));
        // An offer that is closed has sold all that it listed in the end.
        let all_sold = window.sold_wh + window.auction_wh;
        assert_eq!(window.listed_wh - listed, all_sold - sold, "window {place} of {address}");
        let waits = |offer: &&&Offer| offer.in_auction == 1 && offer.settled == 0 && offer.cancelled == 0;
        let unsettled = own.iter().filter(|offer| offer.book_place as usize == place).filter(waits).count();
        assert_eq!(window.unsettled_offers as usize, unsettled, "offers of window {place} of {address}");
        let of_buyers = bought.iter().map(|(_, position)| position.windows[place]);
        let (energy_wh, paid) =
            of_buyers.fold((0, 0), |(energy_wh, paid), of| (energy_wh + of.energy_wh, paid + of.paid));
        assert!(energy_wh <= window.sold_wh && paid <= window.paid, "buyers of window {place} of {address}");
    }
}

/// A window counts its bids. The escrow has their deposits until the price is known, and then at least what comes back to them.
fn check_auction(address: &Address, capacity: &Capacity, bids: &[(Address, Bid)]) {
    let own = || bids.iter().filter(|(_, bid)| bid.capacity == *address).map(|(_, bid)| bid);
    assert_eq!(capacity.open_bids as usize, own().count(), "bids of {address}");
    let deposits: u64 = own().map(|bid| bid.deposit).sum();
    let owed: u64 = own().map(|bid| bid.deposit - bid.paid).sum();
    if capacity.cleared_at == 0 {
        assert_eq!(capacity.escrowed, deposits, "deposits of {address}");
    }
    let is_open = |bid: &&Bid| bid.state == BidState::Open as u8;
    let settled = owed - own().filter(is_open).map(|bid| bid.deposit).sum::<u64>();
    assert!(capacity.escrowed >= settled, "the escrow has what comes back to bids of {address}");
    assert!(own().map(|bid| bid.allotted_wh).sum::<u64>() <= capacity.volume_wh, "the volume of {address}");
}

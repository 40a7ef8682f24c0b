//! The invariants of the market.

use {
    crate::{
        books::Model,
        limit::{ALL_BPS, MAX_LOCKS, MAX_OWNERS},
        math::cost,
        state::{ModelBidState, ModelBus},
    },
    solana_address::Address,
    std::collections::{BTreeMap, BTreeSet},
};

fn hold(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("invariant broken: {what}")) }
}

impl Model {
    /// Checks every invariant of the design: those of all money, and those of these buses.
    ///
    /// # Errors
    /// A sentence where one does not hold.
    pub fn check(&self, buses: &BTreeSet<Address>) -> Result<(), String> {
        // 1. Nothing appears or vanishes.
        let mut tokens: BTreeMap<Address, u128> = BTreeMap::new();
        for account in self.tokens.values() {
            *tokens.entry(account.mint).or_default() += account.amount as u128;
        }
        for (mint, supply) in &self.supply {
            hold(tokens.get(mint).copied().unwrap_or(0) == *supply, "tokens appear or vanish")?;
        }
        let lamports: u128 = self.lamports.values().map(|lamports| *lamports as u128).sum();
        hold(lamports == self.all_lamports, "lamports appear or vanish")?;
        self.check_certificates()?;
        for address in buses {
            if let Some(bus) = self.buses.get(address) {
                self.check_capacities(address, bus)?;
                self.check_offers(address)?;
                self.check_sellers(address)?;
                self.check_terms(address, bus)?;
                self.check_books(address, bus)?;
                self.check_owners(address, bus)?;
                self.check_unclaimed(address, &bus.unclaimed, bus.diverted)?;
                self.check_escrow(address, &bus.escrow)?;
                self.check_auctions(address)?;
            } else if let Some(tombstone) = self.tombstones.get(address) {
                let left = self.open_of(address);
                hold((left.0, left.1, left.2) == (0, 0, 0), "nothing of a closed bus is open but claims")?;
                if left.3 > 0 {
                    self.check_unclaimed(address, &tombstone.unclaimed, 0)?;
                } else {
                    hold(!self.tokens.contains_key(&tombstone.unclaimed), "nothing is left of a closed bus")?;
                }
            }
        }
        Ok(())
    }

    /// 2. Energy.
    fn check_capacities(&self, address: &Address, bus: &ModelBus) -> Result<(), String> {
        let of_bus = self.capacities.iter().filter(|(_, capacity)| capacity.bus == *address);
        for (at, capacity) in of_bus {
            hold(capacity.committed_wh() <= capacity.total_wh, "total = available + committed")?;
            let (mut listed, mut open) = (0u128, 0);
            for offer in self.offers.values().filter(|offer| offer.capacity == *at) {
                hold(
                    (offer.reserved_wh <= offer.remaining_wh || offer.settled) && offer.remaining_wh <= offer.listed_wh,
                    "reserved <= remaining <= listed",
                )?;
                hold(offer.expires_at <= capacity.gate_closes_at, "offers end at their gate at the latest")?;
                listed += offer.listed_wh as u128;
                open += 1;
            }
            hold(listed == capacity.listed_wh as u128, "listed = sum of the open offers as listed")?;
            hold(open == capacity.open_offers, "open offers are counted")?;
        }
        hold(self.capacities.get(&bus.general).is_some_and(|general| general.window_start == 0), "a bus has a capacity")
    }

    /// 3. Locks and their deposits.
    fn check_offers(&self, address: &Address) -> Result<(), String> {
        for (at, offer) in self.offers.iter().filter(|(_, offer)| offer.bus == *address) {
            let (mut reserved, mut deposits, mut open) = (0u128, 0u128, 0);
            let mut places: BTreeMap<Address, u32> = BTreeMap::new();
            for lock in self.locks.values().filter(|lock| lock.offer == *at) {
                let full = lock.is_unpaid || lock.deposit as u128 == cost(lock.energy_wh, lock.price_per_kwh);
                hold(full, "a deposit is the cost")?;
                hold(!lock.is_unpaid || lock.energy_wh == 0, "a lock that is released holds no energy")?;
                reserved += lock.energy_wh as u128;
                deposits += lock.deposit as u128;
                open += 1;
                *places.entry(lock.buyer).or_default() += 1;
            }
            hold(reserved == offer.reserved_wh as u128, "reserved = sum of the open locks")?;
            hold(deposits == offer.deposits as u128, "deposits = sum of the open locks")?;
            hold(open == offer.open_locks, "open locks are counted")?;
            hold(places.values().all(|count| *count <= u32::from(MAX_LOCKS)), "at most 8 locks of a buyer")?;
        }
        Ok(())
    }

    /// 1. What sellers are owed is in their vaults.
    fn check_sellers(&self, address: &Address) -> Result<(), String> {
        for (at, seller) in self.sellers.iter().filter(|(_, seller)| seller.bus == *address) {
            let (mut booked, mut open) = (seller.released as i128 + seller.grid_fees_owed as i128, 0);
            let mut open_books = 0;
            for book in self.books.values().filter(|book| book.seller == *at) {
                booked += book.held() as i128;
                open_books += 1;
            }
            hold(open_books == seller.open_books, "a seller's delivery books are counted")?;
            let meter = seller.meter.map(|meter| self.meters.get(&meter));
            hold(meter.is_none_or(|meter| meter.is_some_and(|meter| meter.seller == *at)), "a seller's meter is open")?;
            for offer in self.offers.values().filter(|offer| offer.seller == *at) {
                booked += offer.proceeds as i128 + offer.deposits as i128;
                open += 1;
            }
            let gifts = self.gifts.get(&seller.vault).copied().unwrap_or(0);
            hold(gifts >= 0, "gifts are not negative")?;
            hold(
                self.amount_of(&seller.vault) as i128 == booked + gifts,
                "vault = proceeds + deposits + what books hold + released + grid fees owed (and gifts)",
            )?;
            hold(open == seller.open_offers, "a seller's open offers are counted")?;
        }
        Ok(())
    }

    /// Windows of a bus never overlap, and who is paid on delivery has an operator.
    fn check_terms(&self, address: &Address, bus: &ModelBus) -> Result<(), String> {
        let windows =
            self.capacities.values().filter(|capacity| capacity.bus == *address && capacity.window_start != 0);
        let ends: BTreeMap<i64, i64> = windows.map(|window| (window.window_start, window.ends_at())).collect();
        let apart = ends.values().zip(ends.keys().skip(1)).all(|(end, next)| end <= next);
        hold(apart, "windows never overlap")?;
        let pays_on_delivery =
            [Some(bus.terms), bus.next_terms].into_iter().flatten().any(|terms| terms.is_on_delivery());
        hold(bus.operator.is_some() || !pays_on_delivery, "who is paid on delivery has an operator")?;
        let mut books = self.books.values().filter(|book| book.bus == *address);
        hold(
            bus.operator.is_some() || books.all(|book| self.now >= book.last_reading_at()),
            "the operator goes on until the last reading is final",
        )
    }

    /// 6. Delivery books and positions.
    fn check_books(&self, address: &Address, bus: &ModelBus) -> Result<(), String> {
        for (at, book) in self.books.iter().filter(|(_, book)| book.bus == *address) {
            let offers = || self.offers.values().filter(|offer| offer.book.is_some_and(|(book, _)| book == *at));
            let positions = || self.positions.values().filter(|position| position.book == *at);
            hold(offers().count() == book.open_offers as usize, "offers of a book are counted")?;
            hold(positions().count() == book.open_positions as usize, "positions of a book are counted")?;
            hold(book.bus_created_at == bus.created_at, "a book is of its bus")?;
            for offer in offers() {
                hold((offer.proceeds, offer.grid_credited) == (0, 0), "on delivery terms the book holds what is paid")?;
            }
            for (place, window) in &book.windows {
                let power_w = book.devices[window.device].power_w as u128;
                let most = power_w * book.terms.window_seconds as u128 / 3_600;
                hold(window.all_sold_wh() <= window.listed_wh, "no more is sold than listed")?;
                hold(
                    window.auction_certified_wh <= window.delivered_auction_wh().min(window.certified_wh),
                    "bids certify what the auction delivered",
                )?;
                let unsettled = offers().filter(|offer| offer.book == Some((*at, *place)));
                let unsettled = unsettled.filter(|offer| offer.in_auction && !offer.cancelled && !offer.settled);
                hold(
                    unsettled.count() == window.unsettled_offers as usize,
                    "offers that an auction settles are counted",
                )?;
                hold(window.listed_wh as u128 <= most, "listed <= power x hours")?;
                hold(window.certified_wh <= window.delivered_wh, "certificates <= delivered")?;
                let (mut listed, mut sold) = (0, 0);
                for offer in offers().filter(|offer| offer.book == Some((*at, *place))) {
                    (listed, sold) = (listed + offer.listed_wh, sold + offer.sold_wh());
                }
                // Offers that are closed have sold all that they listed in the end.
                hold(
                    window.listed_wh - listed == window.all_sold_wh() - sold,
                    "listed and sold of a window are those of its offers",
                )?;
                let (mut bought, mut paid, mut buyers) = (0, 0, 0);
                for (energy_wh, price) in positions().filter_map(|position| position.windows.get(place)) {
                    (bought, paid, buyers) = (bought + energy_wh, paid + price, buyers + 1);
                }
                let all_open = buyers == window.buyers;
                hold(bought <= window.sold_wh && paid <= window.paid, "buyers have no more than was sold")?;
                hold(
                    !all_open || (bought, paid) == (window.sold_wh, window.paid),
                    "what was sold is in the positions of its buyers",
                )?;
                let released = window.released.map_or(0, |(seller, grid)| seller + grid);
                let left = window.paid.checked_sub(released + window.refunded);
                hold(left.is_some(), "released + grid + refunds <= paid")?;
                let is_over = window.released.is_some() && window.buyers == window.buyers_refunded;
                hold(
                    !is_over || left.is_some_and(|left| left <= window.buyers),
                    "what rounding leaves is at most one base unit for each position",
                )?;
            }
        }
        for position in self.positions.values() {
            let locks = self.locks.values().filter(|lock| {
                let book = self.offers.get(&lock.offer).and_then(|offer| offer.book);
                lock.buyer == position.buyer && book.is_some_and(|(book, _)| book == position.book)
            });
            hold(locks.count() == position.open_locks as usize, "locks of a position are counted")?;
        }
        Ok(())
    }

    /// 6. No Wh is certified twice.
    fn check_certificates(&self) -> Result<(), String> {
        let mut ranges: BTreeMap<(Address, i64, u64), u64> = BTreeMap::new();
        for certificate in self.certificates.values() {
            let key = (certificate.seller, certificate.window_start, certificate.range_start);
            hold(certificate.range_start < certificate.range_end, "a certificate is for one Wh or more")?;
            hold(ranges.insert(key, certificate.range_end).is_none(), "no Wh is certified twice")?;
            let delivered = self.delivered_ever.get(&(key.0, key.1)).copied().unwrap_or(0);
            hold(certificate.range_end <= delivered, "certificates <= delivered")?;
        }
        let apart = ranges
            .iter()
            .zip(ranges.iter().skip(1))
            .all(|((first, end), (next, _))| (first.0, first.1) != (next.0, next.1) || *end <= next.2);
        hold(apart, "no Wh is certified twice")
    }

    /// 5. Owners and their treasury.
    fn check_owners(&self, address: &Address, bus: &ModelBus) -> Result<(), String> {
        let shares: u32 = bus.owners.iter().map(|owner| owner.share_bps as u32).sum();
        hold(shares == ALL_BPS, "shares sum to 10,000")?;
        hold(
            bus.threshold >= 1 && bus.threshold as usize <= bus.owners.len() && bus.owners.len() <= MAX_OWNERS,
            "1 <= threshold <= owners <= 16",
        )?;
        hold(!bus.is_owner(address), "a bus does not own itself")?;
        hold(bus.former.keys().all(|wallet| !bus.is_owner(wallet)), "nobody is owner and former owner at once")?;
        let balance = self.amount_of(&bus.treasury);
        let former: u128 = bus.former.values().sum();
        let present: u128 = bus.owners.iter().map(|owner| bus.claimable(&owner.wallet, balance)).sum();
        let left = (balance as u128 + bus.diverted as u128).checked_sub(former + present);
        hold(
            left.is_some_and(|left| left < bus.owners.len() as u128),
            "treasury and diverted revenue cover every claim",
        )
    }

    /// 1. What bids deposited, and what is kept for sellers, is in the escrow.
    fn check_escrow(&self, address: &Address, escrow: &Address) -> Result<(), String> {
        let windows = self.capacities.values().filter(|capacity| capacity.bus == *address);
        let due = self.books.values().filter(|book| book.bus == *address).map(|book| book.pool_due as i128);
        let booked = windows.map(|window| window.escrowed as i128).sum::<i128>() + due.sum::<i128>();
        let gifts = self.gifts.get(escrow).copied().unwrap_or(0);
        hold(gifts >= 0, "gifts are not negative")?;
        hold(
            self.amount_of(escrow) as i128 == booked + gifts,
            "escrow = what it holds for windows + what is due to sellers (and gifts)",
        )
    }

    /// 2 and 6. Auctions.
    fn check_auctions(&self, address: &Address) -> Result<(), String> {
        let of_bus = self.capacities.iter().filter(|(_, capacity)| capacity.bus == *address && capacity.terms.auction);
        for (at, capacity) in of_bus {
            let bids: Vec<_> = self.bids.values().filter(|bid| bid.capacity == *at).collect();
            hold(bids.len() == capacity.open_bids as usize, "open bids are counted")?;
            let (mut held, mut paid) = (0u128, capacity.kept as u128);
            for bid in &bids {
                let full = cost(bid.energy_wh, bid.max_price_per_kwh);
                let is_open = bid.state == ModelBidState::Open;
                hold(!is_open || bid.deposit as u128 == full, "a bid's deposit is the cost at its limit")?;
                hold(bid.paid <= bid.deposit && bid.deposit as u128 <= full, "a bid pays no more than its limit")?;
                hold(bid.allotted_wh <= bid.energy_wh, "a bid gets no more than it asked for")?;
                hold(
                    bid.certified_wh <= bid.delivered_wh && bid.delivered_wh <= bid.allotted_wh,
                    "a bid certifies what was delivered to it",
                )?;
                (held, paid) = (held + bid.deposit as u128, paid + bid.paid as u128);
            }
            let left = (held + capacity.kept as u128).checked_sub(capacity.credited as u128);
            hold(left == Some(capacity.escrowed as u128), "the escrow holds what was deposited and not spent")?;
            let Some(auction) = capacity.auction else {
                hold(
                    bids.iter().all(|bid| bid.state == ModelBidState::Open),
                    "nothing is sold before the price is proven",
                )?;
                continue;
            };
            let volume = auction.volume_wh;
            hold(auction.bought_wh <= volume && auction.sold_wh <= volume, "both sides fill the volume at most")?;
            let no_bid = bids.iter().all(|bid| bid.state != ModelBidState::Open);
            hold(!no_bid || auction.bought_wh == volume, "settled bids fill the volume")?;
            let mut offers = self.offers.values().filter(|offer| offer.capacity == *at);
            let no_ask = !offers.any(|offer| auction.owes(offer));
            hold(!no_ask || auction.sold_wh == volume, "settled asks fill the volume")?;
            // What bids have paid covers what they got, and sellers get no more than for what they sold, or delivered.
            let full = capacity.auction_full_price() as u128;
            let complete = auction.pool_complete_at.is_some();
            let sold = if capacity.terms.is_on_delivery() { auction.delivered_wh } else { auction.sold_wh };
            // Once it is known what was delivered, they may have paid for no more than that.
            let (part, whole) = if complete { (auction.delivered_wh, volume) } else { (1, 1) };
            hold(
                paid * 1_000 * whole as u128 >= auction.bought_wh as u128 * full * part as u128,
                "bids pay for what they get",
            )?;
            hold(capacity.credited as u128 * 1_000 <= sold as u128 * full, "sellers get what is paid for it at most")?;
            hold(
                auction.delivered_wh <= auction.reported_wh && auction.reported_wh <= auction.sold_wh,
                "the pool has what the auction sold",
            )?;
            hold(
                complete == (volume > 0 && auction.reported_wh == volume),
                "the pool is complete with the last seller",
            )?;
        }
        let fits = self.bids.values().filter(|bid| bid.bus == *address).all(|bid| {
            self.capacities
                .get(&bid.capacity)
                .is_some_and(|capacity| capacity.bus == *address && capacity.terms.auction)
        });
        hold(fits, "a bid is of an open window with an auction")
    }

    /// 1. What is claimed, and revenue that was diverted, is in the unclaimed account.
    fn check_unclaimed(&self, address: &Address, unclaimed: &Address, diverted: u64) -> Result<(), String> {
        let gifts = self.gifts.get(unclaimed).copied().unwrap_or(0);
        hold(gifts >= 0, "gifts are not negative")?;
        let held = self.amount_of(unclaimed) as i128;
        let booked = self.claims_on(address) as i128 + diverted as i128;
        hold(held == booked + gifts, "unclaimed = claims + diverted revenue (and gifts)")?;
        hold(
            self.claims.values().filter(|claim| claim.bus == *address).all(|claim| claim.amount > 0),
            "a claim is above zero",
        )
    }
}

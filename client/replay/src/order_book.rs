//! The offers that members can buy from now. They are read from the chain once a round; after that, each trade of a member
//! changes them here as it does there. So members plan with what the others have left, and their plans do not conflict.

use {
    bytemuck::Zeroable,
    multibus_client::{Address, Keyed, bus::Bus, offer::Offer, purchase::BatchOrder, router::RouterOffer},
    std::collections::HashMap,
};

/// The members' offers in the window that is being traded.
pub(crate) struct OrderBook {
    /// The bus when the offers were read.
    pub bus: Bus,
    /// By price, because the router sorts them by price for every buyer.
    offers: Vec<BookOffer>,
    /// Where each offer is among them.
    places: HashMap<Address, usize>,
}

/// An offer, and what every buyer asks of it.
struct BookOffer {
    offer: Keyed<Offer>,
    /// The same for the router.
    routed: RouterOffer,
    /// The member that listed it.
    lister: usize,
}

impl Default for OrderBook {
    fn default() -> Self {
        Self { bus: Bus::zeroed(), offers: Vec::new(), places: HashMap::new() }
    }
}

impl OrderBook {
    /// The book as it stands on the chain: offers, each with the member that listed it.
    pub fn new(bus: Bus, offers: Vec<(Keyed<Offer>, usize)>) -> Self {
        let book_offer =
            |(offer, lister): (Keyed<Offer>, usize)| BookOffer { routed: RouterOffer::of(&offer, &bus), offer, lister };
        let mut offers: Vec<BookOffer> = offers.into_iter().map(book_offer).collect();
        offers.sort_unstable_by_key(|of_book| (of_book.routed.price_per_kwh, of_book.routed.offer));
        let places = offers.iter().enumerate().map(|(place, of_book)| (of_book.routed.offer, place)).collect();
        Self { bus, offers, places }
    }

    /// Energy that offers have left, in Wh.
    pub fn free_wh(&self) -> u128 {
        self.offers.iter().map(|of_book| u128::from(of_book.routed.free_wh)).sum()
    }

    /// Offers that have energy left, but for those that a member listed.
    pub fn free_of_others(&self, member: usize) -> impl Iterator<Item = &RouterOffer> {
        let is_of_others = move |of_book: &&BookOffer| of_book.lister != member && of_book.routed.free_wh > 0;
        self.offers.iter().filter(is_of_others).map(|of_book| &of_book.routed)
    }

    fn place(&self, address: &Address) -> Option<usize> {
        self.places.get(address).copied()
    }

    /// An offer as it stands after the members' trades; `None` for those of strangers.
    pub fn get(&self, address: &Address) -> Option<&Keyed<Offer>> {
        self.place(address).map(|place| &self.offers[place].offer)
    }

    /// Changes an offer; `None` where it is not in the book.
    fn change<T>(&mut self, address: &Address, change: impl FnOnce(&mut Offer) -> T) -> Option<T> {
        let place = self.place(address)?;
        let BookOffer { offer, routed, .. } = &mut self.offers[place];
        let result = change(&mut offer.account);
        routed.free_wh = offer.free_wh();
        Some(result)
    }

    fn offer_free_wh(&self, address: &Address) -> u64 {
        self.get(address).map_or(0, |offer| offer.free_wh())
    }

    /// Takes up to an amount of an offer for a purchase, in Wh. Returns how much it is.
    pub fn take_up_to(&mut self, address: &Address, energy_wh: u64) -> u64 {
        let taken_wh = energy_wh.min(self.offer_free_wh(address));
        self.change(address, |offer| offer.remaining_wh -= taken_wh).map_or(0, |()| taken_wh)
    }

    /// Takes all items of an order, or none: then another member has bought some of it.
    pub fn take(&mut self, order: &BatchOrder) -> bool {
        let fits = order
            .items
            .iter()
            .all(|item| self.get(&item.offer.address).is_some_and(|offer| offer.free_wh() >= item.energy_wh));
        if fits {
            for item in &order.items {
                self.take_up_to(&item.offer.address, item.energy_wh);
            }
        }
        fits
    }

    /// Returns energy that was taken and not bought.
    pub fn put_back(&mut self, address: &Address, energy_wh: u64) {
        self.change(address, |offer| offer.remaining_wh += energy_wh);
    }

    /// Returns all items of an order that was not bought.
    pub fn put_back_order(&mut self, order: &BatchOrder) {
        for item in &order.items {
            self.put_back(&item.offer.address, item.energy_wh);
        }
    }

    /// Locks exactly an amount of an offer; `false` where it does not have so much.
    pub fn lock(&mut self, address: &Address, energy_wh: u64) -> bool {
        self.offer_free_wh(address) >= energy_wh
            && self.change(address, |offer| offer.reserved_wh += energy_wh).is_some()
    }

    /// Ends a lock, whose energy is sold or free again.
    pub fn unlock(&mut self, address: &Address, energy_wh: u64, is_sold: bool) {
        self.change(address, |offer| {
            offer.reserved_wh = offer.reserved_wh.saturating_sub(energy_wh);
            offer.remaining_wh -= if is_sold { energy_wh.min(offer.remaining_wh) } else { 0 };
        });
    }
}

#[cfg(test)]
mod tests {
    use {super::*, multibus_client::purchase::BatchItem};

    /// An offer of so much, with the bytes of its address.
    fn offer(byte: u8, remaining_wh: u64) -> Keyed<Offer> {
        let account = Offer { remaining_wh, listed_wh: remaining_wh, price_per_kwh: 1_000, ..Offer::zeroed() };
        Keyed { address: Address::new_from_array([byte; 32]), account }
    }

    #[test]
    fn a_plan_that_another_member_has_overtaken_takes_nothing() {
        let (one, two) = (offer(1, 100), offer(2, 50));
        let mut book = OrderBook::new(Bus::zeroed(), vec![(two, 2), (one, 1)]);
        let order = |amounts: [u64; 2]| {
            let items = [one, two].into_iter().zip(amounts).map(|(offer, wh)| BatchItem::at_quote(offer, wh)).collect();
            BatchOrder::at_quote(items).unwrap()
        };
        let free = |book: &OrderBook| book.free_of_others(0).map(|offer| offer.free_wh).collect::<Vec<_>>();
        assert!(book.take(&order([60, 50])));
        assert_eq!(free(&book), [40]);
        assert!(!book.take(&order([40, 1])));
        assert_eq!(free(&book), [40]);
        book.put_back_order(&order([60, 50]));
        assert_eq!((free(&book), book.free_wh()), (vec![100, 50], 150));
        // A member does not buy what it listed.
        assert_eq!(book.free_of_others(1).map(|offer| offer.offer).collect::<Vec<_>>(), [two.address]);
        // Locked energy is not free, until it is released.
        assert!(book.lock(&two.address, 30) && !book.lock(&two.address, 21));
        assert_eq!((book.take_up_to(&two.address, 90), free(&book)), (20, vec![100]));
        book.unlock(&two.address, 10, false);
        book.unlock(&two.address, 20, true);
        assert_eq!(free(&book), [100, 10]);
        // Offers of strangers are not in it.
        assert_eq!((book.take_up_to(&Address::default(), 1), book.get(&Address::default())), (0, None));
        assert_eq!(book.get(&one.address).map(|offer| offer.free_wh()), Some(100));
    }
}

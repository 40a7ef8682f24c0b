//! A clearing: one clearer's proof of the price of an auction.
//!
//! Take the difference of the energy bid above a price and the energy asked at it or below. It never grows with the
//! price. The *low price* is the lowest price at which it is at most zero, the *high price* the lowest at which it is below zero. At
//! every price between them the most energy changes hands; the auction takes the middle. A clearer claims both, and
//! sums up bids and offers around them. Whether they are right follows from the sums alone, so nobody has to trust the
//! clearer: [`outcome`](Clearing::outcome) refuses all prices but the right ones.

use {
    crate::{
        constants::*,
        error::ensure,
        state::{AuctionOutcome, Capacity, Ration},
    },
    anchor_lang::prelude::*,
};

/// Classes of prices: below the low price, at it, up to the middle, at the middle, up to the high price, at it, above.
/// Where prices are equal, the first of their classes counts.
pub const PRICE_CLASSES: usize = 7;
const AT_MIDDLE: usize = 3;
const AT_HIGH: usize = 5;

/// A proof of the price of an auction, in progress. PDA `["clearing", capacity, clearer]`.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Clearing {
    pub layout_version: u8,
    pub bump: u8,
    pub padding: [u8; 6],
    /// Claimed low price, in token base units per kWh.
    pub low_price: u64,
    /// Claimed high price, in token base units per kWh.
    pub high_price: u64,
    /// Bids that were tallied.
    pub bids: u32,
    /// Offers that were tallied.
    pub offers: u32,
    /// Energy of the bids of each class, in Wh.
    pub bid_wh: [u64; 7],
    /// Energy of the asks of each class, in Wh.
    pub ask_wh: [u64; 7],
    /// When it was opened, in unix seconds.
    pub opened_at: i64,
    /// Address of the last order that was tallied; zeros before the first.
    pub last: Address,
    pub bus: Address,
    /// Capacity of the window.
    pub capacity: Address,
    /// Who proves the price. The rent goes back to this wallet.
    pub clearer: Address,
    pub reserved: [u64; 4],
}

const _: () = assert!(PRICE_CLASSES == 7 && size_of::<Clearing>() == 312);

/// Energy of a book around a price, in Wh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Around {
    bid_above: u64,
    bid_from: u64,
    asked_below: u64,
    asked_up_to: u64,
}

/// The prices that orders are compared with, in token base units per kWh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimedPrices {
    low: u64,
    middle: u64,
    high: u64,
}

impl ClaimedPrices {
    /// Class of an order's price, below [`PRICE_CLASSES`].
    #[inline(always)]
    pub fn class_of(&self, price_per_kwh: u64) -> usize {
        let Self { low, middle, high } = *self;
        if price_per_kwh <= low {
            (price_per_kwh == low) as usize
        } else if price_per_kwh >= high {
            AT_HIGH + (price_per_kwh > high) as usize
        } else if price_per_kwh == middle {
            AT_MIDDLE
        } else {
            AT_MIDDLE - 1 + 2 * (price_per_kwh > middle) as usize
        }
    }
}

impl Clearing {
    /// Initialises a new clearing, except for the addresses that the instruction fills in.
    pub fn initialize(&mut self, capacity: &Capacity, low_price: u64, high_price: u64, now: i64) {
        self.layout_version = LAYOUT_VERSION;
        self.low_price = low_price;
        self.high_price = high_price;
        self.opened_at = now;
        self.bus = capacity.bus;
    }

    /// The low price is not above the high price.
    pub fn validate_prices(low_price: u64, high_price: u64) -> Result<()> {
        ensure!(low_price <= high_price, PricesReversed, "low price {}, high price {}", low_price, high_price);
        Ok(())
    }

    /// The claimed prices and their middle.
    #[inline(always)]
    pub fn prices(&self) -> ClaimedPrices {
        let (low, high) = (self.low_price, self.high_price);
        ClaimedPrices { low, middle: low + (high - low) / 2, high }
    }

    /// What the tallied book means, if it is whole. Refuses wrong prices.
    pub fn outcome(&self) -> Result<AuctionOutcome> {
        let prices = self.prices();
        let (low, middle, high) = (
            self.around(prices.class_of(prices.low)),
            self.around(prices.class_of(prices.middle)),
            self.around(prices.class_of(prices.high)),
        );
        let sum = |classes: &[u64; PRICE_CLASSES]| classes.iter().sum::<u64>();
        if sum(&self.bid_wh) == 0 || sum(&self.ask_wh) == 0 {
            return Ok(AuctionOutcome::default());
        }
        let is_low = low.bid_above <= low.asked_up_to && (prices.low == 0 || low.bid_from > low.asked_below);
        let is_high = high.asked_below <= high.bid_from && high.asked_up_to > high.bid_above;
        ensure!(is_low && is_high, PriceWrong, "low price {}, high price {}", prices.low, prices.high);
        let volume_wh = middle.bid_from.min(middle.asked_up_to);
        let ration = |from: u64, better: u64| Ration {
            at_price_wh: from - better,
            filled_wh: volume_wh - better,
            settled_wh: 0,
        };
        Ok(AuctionOutcome {
            price_per_kwh: prices.middle,
            volume_wh,
            bids: ration(middle.bid_from, middle.bid_above),
            asks: ration(middle.asked_up_to, middle.asked_below),
        })
    }

    /// Energy around the price of a class.
    fn around(&self, class: usize) -> Around {
        // Cannot overflow: 2^20 bids of 2^40 Wh, and offers within the capacity of a window.
        let (mut above, mut below) = (0, 0);
        for (index, (bid_wh, ask_wh)) in self.bid_wh.iter().zip(&self.ask_wh).enumerate() {
            if index > class {
                above += bid_wh;
            } else if index < class {
                below += ask_wh;
            }
        }
        Around {
            bid_above: above,
            bid_from: above + self.bid_wh[class],
            asked_below: below,
            asked_up_to: below + self.ask_wh[class],
        }
    }

    /// Checks what always holds of a clearing.
    pub fn check_invariants(&self) -> core::result::Result<(), &'static str> {
        let Self {
            layout_version,
            bump: _,
            padding,
            low_price,
            high_price,
            bids,
            offers,
            bid_wh,
            ask_wh,
            opened_at: _,
            last,
            bus: _,
            capacity: _,
            clearer: _,
            reserved,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        invariant(low_price <= high_price, "the low price is not above the high price")?;
        invariant(*bids > 0 || *bid_wh == [0; 7], "energy is bid by bids")?;
        invariant(*offers > 0 || *ask_wh == [0; 7], "energy is asked for by offers")?;
        invariant((*last == Address::default()) == (*bids == 0 && *offers == 0), "the last order is known")?;
        invariant(*padding == [0; 6] && *reserved == [0; 4], "reserved bytes are zero")
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::{error::MultibusError, state::fixture::assert_noticed, testing::cases},
        bytemuck::Zeroable,
        proptest::prelude::*,
    };

    type Orders = Vec<(u64, u64)>;

    fn tally(low_price: u64, high_price: u64, bids: &Orders, asks: &Orders) -> Clearing {
        let mut clearing = Clearing { layout_version: LAYOUT_VERSION, low_price, high_price, ..Clearing::zeroed() };
        let prices = clearing.prices();
        for (price, energy_wh) in bids {
            clearing.bid_wh[prices.class_of(*price)] += energy_wh;
        }
        for (price, energy_wh) in asks {
            clearing.ask_wh[prices.class_of(*price)] += energy_wh;
        }
        (clearing.bids, clearing.offers) = (bids.len() as u32, asks.len() as u32);
        clearing.last = Address::new_from_array([1; 32]);
        clearing
    }

    #[test]
    fn equal_prices_share_their_first_class() {
        let classes = |low, high, prices: &[u64]| -> Vec<usize> {
            let clearing = Clearing { low_price: low, high_price: high, ..Clearing::zeroed() };
            prices.iter().map(|price| clearing.prices().class_of(*price)).collect()
        };
        assert_eq!(classes(10, 20, &[9, 10, 11, 15, 16, 20, 21]), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(classes(10, 11, &[9, 10, 11, 12]), [0, 1, 5, 6]);
        assert_eq!(classes(10, 10, &[9, 10, 11]), [0, 1, 6]);
        assert_eq!(classes(0, u64::MAX, &[0, 1, u64::MAX / 2, u64::MAX]), [1, 2, 3, 5]);
        assert_eq!(classes(u64::MAX - 1, u64::MAX, &[0, u64::MAX - 1, u64::MAX]), [0, 1, 5]);
    }

    #[test]
    fn prices_are_named_in_order() {
        assert_eq!((Clearing::validate_prices(5, 5), Clearing::validate_prices(0, u64::MAX)), (Ok(()), Ok(())));
        assert_eq!(Clearing::validate_prices(6, 5), Err(MultibusError::PricesReversed.into()));
    }

    #[test]
    fn one_side_without_energy_sells_nothing_at_any_claim() {
        for (bids, asks) in [(vec![], vec![(5, 9)]), (vec![(5, 9)], vec![]), (vec![(5, 9)], vec![(3, 0)])] {
            for (low, high) in [(0, 0), (5, 5), (4, 77)] {
                assert_eq!(tally(low, high, &bids, &asks).outcome(), Ok(AuctionOutcome::default()));
            }
        }
    }

    #[test]
    fn every_invariant_notices_what_breaks_it() {
        let sound = tally(5, 9, &vec![(9, 40)], &vec![(5, 300)]);
        assert_eq!(sound.check_invariants(), Ok(()));
        assert_noticed(
            &sound,
            Clearing::check_invariants,
            &[
                ("the layout version is the present one", |clearing| clearing.layout_version = 1),
                ("the low price is not above the high price", |clearing| clearing.low_price = 10),
                ("energy is bid by bids", |clearing| clearing.bids = 0),
                ("energy is asked for by offers", |clearing| clearing.offers = 0),
                ("the last order is known", |clearing| clearing.last = Address::default()),
                ("reserved bytes are zero", |clearing| clearing.padding[5] = 1),
                ("reserved bytes are zero", |clearing| clearing.reserved[3] = 1),
            ],
        );
    }

    proptest! {
        #![proptest_config(cases(2_000))]

        /// In random books with few prices, exactly one pair of claims passes, and it moves the most energy.
        #[test]
        fn exactly_one_claim_passes(
            bids in prop::collection::vec((1u64..12, 1u64..50), 1..12),
            asks in prop::collection::vec((1u64..12, 1u64..50), 1..12),
        ) {
            let volume_at = |price: u64| {
                let bid: u64 = bids.iter().filter(|(other, _)| *other >= price).map(|(_, wh)| wh).sum();
                let asked: u64 = asks.iter().filter(|(other, _)| *other <= price).map(|(_, wh)| wh).sum();
                bid.min(asked)
            };
            let mut passed = Vec::new();
            for low in 0..14 {
                for high in low..14 {
                    if let Ok(outcome) = tally(low, high, &bids, &asks).outcome() {
                        passed.push(outcome);
                    }
                }
            }
            prop_assert_eq!(passed.len(), 1);
            let outcome = passed[0];
            prop_assert_eq!(outcome.volume_wh, volume_at(outcome.price_per_kwh));
            prop_assert_eq!(outcome.volume_wh, (0..14).map(volume_at).max().unwrap());
            let better: u64 = bids.iter().filter(|(price, _)| *price > outcome.price_per_kwh).map(|(_, wh)| wh).sum();
            prop_assert_eq!(outcome.bids.filled_wh + better, outcome.volume_wh);
            let better: u64 = asks.iter().filter(|(price, _)| *price < outcome.price_per_kwh).map(|(_, wh)| wh).sum();
            prop_assert_eq!(outcome.asks.filled_wh + better, outcome.volume_wh);
        }
    }
}

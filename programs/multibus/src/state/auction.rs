//! What the auction of a window does with its orders: which it holds, what it takes over as proven, and what each offer
//! sells.

use {
    super::{AuctionPhase, Capacity, Clearing, Offer},
    crate::error::{ensure, refuse},
    anchor_lang::prelude::*,
};

impl Capacity {
    /// Refuses to withdraw an offer while the auction needs it. In the last 300 s before the gate only what the bus itself
    /// offers is withdrawn, by the operator or the pause quorum (`by_all` says whether these ask for it).
    pub fn validate_withdraw(&self, offer: &Offer, by_all: bool, now: i64) -> Result<()> {
        match self.phase(now) {
            AuctionPhase::Closing => ensure!(by_all && offer.is_of_bus(), LastMinutes),
            AuctionPhase::Fixed => refuse!(BookFixed),
            AuctionPhase::Cleared => ensure!(!self.owes(offer), AskUnsettled),
            AuctionPhase::Off | AuctionPhase::Trading | AuctionPhase::Over => (),
        }
        Ok(())
    }

    /// Whether the auction can sell part of this offer, and has not settled it yet.
    pub fn owes(&self, offer: &Offer) -> bool {
        let is_filled = offer.price_per_kwh < self.price_per_kwh
            || (offer.price_per_kwh == self.price_per_kwh && self.asks.filled_wh > 0);
        is_filled && self.volume_wh > 0 && offer.settled == 0 && offer.ask_wh() > 0
    }

    /// Takes the proven price over. Refuses where not every bid and offer was tallied, or the claimed prices are wrong.
    pub fn clear(&mut self, clearing: &Clearing, now: i64) -> Result<()> {
        ensure!(self.phase(now) == AuctionPhase::Fixed, AuctionNotFixed);
        ensure!(
            clearing.bids == self.open_bids && clearing.offers == self.open_offers,
            OrdersMissing,
            "{} of {} bids, {} of {} offers",
            clearing.bids,
            self.open_bids,
            clearing.offers,
            self.open_offers
        );
        let outcome = clearing.outcome()?;
        self.cleared_at = now;
        self.price_per_kwh = outcome.price_per_kwh;
        self.volume_wh = outcome.volume_wh;
        self.bids = outcome.bids;
        self.asks = outcome.asks;
        Ok(())
    }

    /// What the auction sells of an offer, in Wh. Refuses an offer of which it sells nothing.
    pub fn settle_ask(&mut self, offer: &Offer) -> Result<u64> {
        ensure!(self.cleared_at != 0, AuctionNotCleared);
        ensure!(offer.settled == 0, AskSettled);
        ensure!(self.owes(offer), OrderGetsNothing);
        let energy_wh = offer.ask_wh();
        Ok(if offer.price_per_kwh < self.price_per_kwh { energy_wh } else { self.asks.settle(energy_wh) })
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::{
            constants::*,
            error::MultibusError,
            state::{
                Bus, Ration, Terms,
                fixture::{BUS, wallet},
            },
        },
        bytemuck::Zeroable,
    };

    /// The capacity of the window from 900 to 1,800, in whose auction 300 Wh are on offer.
    fn in_auction() -> Capacity {
        let terms = Terms { window_seconds: 900, gate_closure_seconds: 60, auction: 1, ..Terms::zeroed() };
        let bus = Bus { capacity_wh: 1_000, terms, ..Bus::zeroed() };
        let mut capacity = Capacity::zeroed();
        capacity.initialize(&bus, &BUS, &wallet(2), 900);
        capacity.list(300, 1_000).unwrap();
        capacity.bid(77).unwrap();
        capacity
    }

    #[test]
    fn offers_are_withdrawn_only_where_no_auction_needs_them() {
        let capacity = in_auction();
        let ask = Offer {
            wallet: wallet(1),
            bus: BUS,
            price_per_kwh: 5,
            remaining_wh: 300,
            expires_at: 840,
            gate_closes_at: 840,
            in_auction: 1,
            ..Offer::zeroed()
        };
        let own = Offer { wallet: BUS, ..ask };
        assert_eq!(capacity.validate_withdraw(&ask, false, 539), Ok(()));
        for (offer, by_all, expected) in [(&ask, true, false), (&own, false, false), (&own, true, true)] {
            let refused = Err(MultibusError::LastMinutes.into());
            assert_eq!(capacity.validate_withdraw(offer, by_all, 540), if expected { Ok(()) } else { refused });
        }
        assert_eq!(capacity.validate_withdraw(&own, true, 840), Err(MultibusError::BookFixed.into()));
        let asks = Ration { at_price_wh: 300, filled_wh: 100, settled_wh: 0 };
        let cleared = Capacity { cleared_at: 840, price_per_kwh: 5, volume_wh: 100, asks, ..capacity };
        assert_eq!(cleared.validate_withdraw(&ask, false, 840), Err(MultibusError::AskUnsettled.into()));
        // Where better asks fill all, those at the price get nothing.
        let better = Capacity { asks: Ration { filled_wh: 0, ..asks }, ..cleared };
        assert_eq!(better.validate_withdraw(&ask, false, 840), Ok(()));
        let cheaper = Offer { price_per_kwh: 4, ..ask };
        assert_eq!(better.validate_withdraw(&cheaper, false, 840), Err(MultibusError::AskUnsettled.into()));
        let free = [
            Offer { settled: 1, ..ask },
            Offer { price_per_kwh: 6, ..ask },
            Offer { remaining_wh: 0, ..ask },
            Offer { expires_at: 839, ..ask },
        ];
        for offer in free {
            assert_eq!(cleared.validate_withdraw(&offer, false, 840), Ok(()));
            let mut copy = cleared;
            let error = if offer.settled == 1 { MultibusError::AskSettled } else { MultibusError::OrderGetsNothing };
            assert_eq!(copy.settle_ask(&offer), Err(error.into()));
            assert_eq!(copy, cleared);
        }
        let nothing = Capacity { volume_wh: 0, ..cleared };
        assert_eq!(nothing.validate_withdraw(&ask, false, 840), Ok(()));
        assert_eq!({ capacity }.settle_ask(&ask), Err(MultibusError::AuctionNotCleared.into()));
        assert_eq!(capacity.validate_withdraw(&ask, false, 840 + AUCTION_PROOF_SECONDS), Ok(()));
    }

    #[test]
    fn only_a_whole_book_is_cleared_while_it_is_fixed() {
        let mut clearing = Clearing { low_price: 5, high_price: 9, bids: 1, offers: 1, ..Clearing::zeroed() };
        // 300 Wh are asked for at 5, 40 Wh bid at 9.
        (clearing.ask_wh[1], clearing.bid_wh[5]) = (300, 40);
        let refused = |capacity: Capacity, clearing: &Clearing, now, error: MultibusError| {
            let mut after = capacity;
            assert_eq!(after.clear(clearing, now), Err(error.into()));
            assert_eq!(after, capacity);
        };
        let capacity = in_auction();
        for now in [839, 840 + AUCTION_PROOF_SECONDS] {
            refused(capacity, &clearing, now, MultibusError::AuctionNotFixed);
        }
        for wrong in [Clearing { bids: 0, ..clearing }, Clearing { offers: 2, ..clearing }] {
            refused(capacity, &wrong, 840, MultibusError::OrdersMissing);
        }
        refused(capacity, &clearing, 840, MultibusError::PriceWrong);
        clearing.high_price = 5;
        (clearing.bid_wh[5], clearing.bid_wh[6]) = (0, 40);
        let mut cleared = capacity;
        cleared.clear(&clearing, 840).unwrap();
        assert_eq!((cleared.price_per_kwh, cleared.volume_wh, cleared.cleared_at), (5, 40, 840));
        assert_eq!(cleared.asks, Ration { at_price_wh: 300, filled_wh: 40, settled_wh: 0 });
        assert_eq!(cleared.check_invariants(), Ok(()));
        refused(cleared, &clearing, 840, MultibusError::AuctionNotFixed);
        assert_eq!((cleared.settle_bid(30, 6), cleared.settle_bid(30, 4), cleared.settle_bid(10, 5)), (30, 0, 10));
        cleared.volume_wh = 0;
        assert_eq!(cleared.settle_bid(30, 6), 0);
    }
}

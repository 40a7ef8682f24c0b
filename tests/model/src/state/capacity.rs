//! Capacities: the energy of a bus or of one of its windows.

use {
    super::{ModelOffer, ModelTerms},
    crate::limit::{AUCTION_CLOSING_SECONDS, AUCTION_PROOF_SECONDS},
    solana_address::Address,
};

/// Where the auction of a window stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelPhase {
    /// No auction closes the window.
    Off,
    Trading,
    /// The last 300 s before the gate.
    Closing,
    /// The gate has closed, and the price is not proven.
    Fixed,
    Cleared,
    /// It is over without a price.
    Over,
}

/// The orders of a side at the price, which share what is left for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelRation {
    pub at_price_wh: u64,
    /// How much of that is filled in all.
    pub filled_wh: u64,
    /// Of those that are settled.
    pub settled_wh: u64,
}

impl ModelRation {
    /// Wh that all orders up to this running sum get together, rounded down.
    fn filled_up_to(&self, settled_wh: u64) -> u64 {
        (self.filled_wh as u128 * settled_wh as u128).checked_div(self.at_price_wh as u128).unwrap_or(0) as u64
    }

    /// Settles an order at the price; what it gets.
    fn settle(&mut self, energy_wh: u64) -> u64 {
        let before = self.filled_up_to(self.settled_wh);
        self.settled_wh += energy_wh;
        assert!(self.settled_wh <= self.at_price_wh, "an order at the price is settled twice");
        let gets = self.filled_up_to(self.settled_wh) - before;
        let (whole, share) = (self.at_price_wh as u128, self.filled_wh as u128 * energy_wh as u128);
        let apart = (gets as u128 * whole).abs_diff(share);
        assert!(apart < whole && gets <= energy_wh, "rationing moves less than a Wh");
        gets
    }
}

/// What the proof of an auction's price said, and what became of its orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelAuction {
    pub cleared_at: i64,
    /// Without the grid fee.
    pub price_per_kwh: u64,
    pub volume_wh: u64,
    pub bids: ModelRation,
    pub asks: ModelRation,
    /// What settled bids and asks got so far.
    pub bought_wh: u64,
    pub sold_wh: u64,
    /// How many bids and asks got something, and how many sellers reported.
    pub buyers: u64,
    pub sellers: u64,
    pub reports: u64,
    /// What the sellers that reported sold in the auction, and delivered of it.
    pub reported_wh: u64,
    pub delivered_wh: u64,
    pub pool_complete_at: Option<i64>,
}

impl ModelAuction {
    /// Settles a bid; what it gets.
    pub fn settle_bid(&mut self, price_per_kwh: u64, energy_wh: u64) -> u64 {
        let gets = match price_per_kwh.cmp(&self.price_per_kwh) {
            _ if self.volume_wh == 0 => 0,
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => self.bids.settle(energy_wh),
            std::cmp::Ordering::Greater => energy_wh,
        };
        self.bought_wh += gets;
        self.buyers += u64::from(gets > 0);
        gets
    }

    /// Whether an offer may get something, and has not yet.
    pub fn owes(&self, offer: &ModelOffer) -> bool {
        let gets = match offer.price_per_kwh.cmp(&self.price_per_kwh) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => self.asks.filled_wh > 0,
            std::cmp::Ordering::Greater => false,
        };
        self.volume_wh > 0 && !offer.settled && offer.ask_wh() > 0 && gets
    }

    /// Settles an ask that is owed something; what it sells.
    pub fn settle_ask(&mut self, offer: &ModelOffer) -> u64 {
        let asked = offer.ask_wh();
        let sells = if offer.price_per_kwh < self.price_per_kwh { asked } else { self.asks.settle(asked) };
        self.sold_wh += sells;
        self.sellers += u64::from(sells > 0);
        sells
    }
}

/// The energy of a bus, or of one of its windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelCapacity {
    pub bus: Address,
    pub rent_payer: Address,
    /// 0 for the general capacity.
    pub window_start: i64,
    /// Terms of the window; none for the general capacity.
    pub terms: ModelTerms,
    /// First second in which it trades no more; the highest number for the general capacity.
    pub gate_closes_at: i64,
    pub total_wh: u64,
    /// In offers that are open, sold energy included.
    pub listed_wh: u64,
    /// Sold by offers that are closed.
    pub sold_wh: u64,
    pub open_offers: u32,
    pub open_bids: u32,
    /// What the escrow holds for it, in base units.
    pub escrowed: u64,
    /// Its bus closes so long before the gate that somebody ended its auction.
    pub given_up: bool,
    /// What bids that are closed have paid, and what went to sellers, in base units.
    pub kept: u64,
    pub credited: u64,
    /// Once the price is proven.
    pub auction: Option<ModelAuction>,
}

impl ModelCapacity {
    /// The general capacity of a bus.
    pub fn general(bus: Address, rent_payer: Address, total_wh: u64) -> Self {
        Self {
            bus,
            rent_payer,
            window_start: 0,
            terms: ModelTerms::default(),
            gate_closes_at: i64::MAX,
            total_wh,
            listed_wh: 0,
            sold_wh: 0,
            open_offers: 0,
            open_bids: 0,
            escrowed: 0,
            given_up: false,
            kept: 0,
            credited: 0,
            auction: None,
        }
    }

    /// What is on offer or was sold.
    pub fn committed_wh(&self) -> u64 {
        self.listed_wh + self.sold_wh
    }

    pub fn available_wh(&self) -> u64 {
        self.total_wh - self.committed_wh()
    }

    /// The total under a bus's present capacity: less than it was opened with where the owners lowered it, but never less
    /// than what is committed.
    pub fn total_under(&self, capacity_wh: u64) -> u64 {
        self.total_wh.min(capacity_wh.max(self.committed_wh()))
    }

    pub fn available_under(&self, capacity_wh: u64) -> u64 {
        self.total_under(capacity_wh) - self.committed_wh()
    }

    /// Where its auction stands.
    pub fn phase(&self, now: i64) -> ModelPhase {
        let gate = self.gate_closes_at;
        if !self.terms.auction {
            return ModelPhase::Off;
        }
        if self.given_up {
            return ModelPhase::Over;
        }
        if now < gate {
            let closing = now >= gate.saturating_sub(AUCTION_CLOSING_SECONDS);
            return if closing { ModelPhase::Closing } else { ModelPhase::Trading };
        }
        if self.auction.is_some() {
            return ModelPhase::Cleared;
        }
        let has_book = self.open_bids > 0 && self.open_offers > 0;
        let waits = now < gate.saturating_add(AUCTION_PROOF_SECONDS);
        if has_book && waits { ModelPhase::Fixed } else { ModelPhase::Over }
    }

    /// Whether somebody who returns a bid or withdraws another's offer now ends its auction: its bus closes more than a day before
    /// the gate.
    pub fn is_given_up_by(&self, bus: &super::ModelBus, now: i64) -> bool {
        let is_far = bus.closing && self.gate_closes_at > bus.closing_at.saturating_add(AUCTION_PROOF_SECONDS);
        is_far && matches!(self.phase(now), ModelPhase::Trading | ModelPhase::Closing)
    }

    /// What a kWh costs in the auction, grid fee included.
    pub fn auction_full_price(&self) -> u64 {
        self.auction.map_or(0, |auction| auction.price_per_kwh).saturating_add(self.terms.grid_fee_per_kwh)
    }

    /// First second after the window.
    pub fn ends_at(&self) -> i64 {
        self.window_start + self.terms.window_seconds as i64
    }
}

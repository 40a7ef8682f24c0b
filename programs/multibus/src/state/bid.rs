//! A bid: what a buyer offers to pay for energy of a window, in the auction that closes it.
//!
//! On purchase terms a bid ends with its settlement. On delivery terms what it paid stays in escrow until every seller of the
//! auction has reported what it delivered (the *pool*). Then the bid gets back its part of what was not delivered, and
//! can take certificates for the rest.

use {
    crate::{
        constants::*,
        error::{ensure, refuse},
        math,
        numbered::numbered_enum,
        state::{AuctionPhase, Bus, Capacity},
    },
    anchor_lang::prelude::*,
};

numbered_enum! {
    /// State of a bid.
    pub enum BidState {
        /// It waits for the auction.
        Open = 0,
        /// On delivery terms: the auction filled it, and it waits until the pool is complete.
        Filled = 1,
        /// On delivery terms: the pool is complete, and what it paid is final. It can take certificates.
        Refunded = 2,
    }
}

/// What a buyer bids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BidTerms {
    /// Energy, in Wh.
    pub energy_wh: u64,
    /// Highest price, grid fee included, in token base units per kWh.
    pub max_price_per_kwh: u64,
}

/// A bid in the auction of a window. PDA `["bid", transaction_hash]`.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Bid {
    pub layout_version: u8,
    pub bump: u8,
    /// [`BidState`].
    pub state: u8,
    pub padding: [u8; 5],
    /// Energy that it is for, in Wh.
    pub energy_wh: u64,
    /// Highest price, grid fee included, in token base units per kWh.
    pub max_price_per_kwh: u64,
    /// Highest price without the grid fee, in token base units per kWh. The auction compares this with the asks.
    pub price_per_kwh: u64,
    /// What the escrow holds for it, in token base units: what it paid, and what is to be returned.
    pub deposit: u64,
    /// The part of `deposit` that is spent, in token base units.
    pub paid: u64,
    /// Energy that the auction gave it, in Wh.
    pub allotted_wh: u64,
    /// How much of that was delivered, in Wh. It is known once the pool is complete.
    pub delivered_wh: u64,
    /// Wh that it took certificates of.
    pub certified_wh: u64,
    /// Start of the delivery window, in unix seconds.
    pub window_start: i64,
    /// When it was created, in unix seconds.
    pub created_at: i64,
    pub bus: Address,
    /// The window's capacity.
    pub capacity: Address,
    /// Who bids. The rent goes back to this wallet.
    pub buyer: Address,
    /// Token account that gets what is returned.
    pub refund: Address,
    /// Hash of the transaction that made it, which its address is derived from.
    pub transaction_hash: [u8; 32],
    pub reserved: [u64; 4],
}

const _: () = assert!(size_of::<Bid>() == 280);

/// What the settlement of a bid did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BidSettlement {
    /// What is to be returned to the buyer now, in token base units.
    pub owed: u64,
    /// Whether nothing can come after it: the account closes.
    pub closes: bool,
}

/// Who settles a bid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settler {
    /// Whether its buyer gives up certificates that it did not take.
    pub gives_up: bool,
    /// Whether the owners have decided to close the bus: then bids are returned before the gate, too, where no offer is
    /// open.
    pub bus_is_closing: bool,
    /// Whether the bus closes long before the window: see [`Capacity::is_far`].
    pub is_far: bool,
}

impl BidTerms {
    /// Refuses a bid that cannot be made now; returns its deposit, in token base units.
    pub fn validate(&self, bus: &Bus, capacity: &Capacity, now: i64) -> Result<u64> {
        let Self { energy_wh, max_price_per_kwh } = *self;
        bus.validate_running()?;
        bus.validate_open()?;
        ensure!(capacity.terms.has_auction(), AuctionOff);
        capacity.validate_gate(now)?;
        let fee = capacity.terms.grid_fee_per_kwh;
        ensure!(
            max_price_per_kwh.checked_sub(fee).is_some_and(|price| price >= bus.base_price_per_kwh),
            LimitBelowBase,
            "limit {}, grid fee {}, base price {}",
            max_price_per_kwh,
            fee,
            bus.base_price_per_kwh
        );
        ensure!(energy_wh >= bus.least_wh, SizeTooSmall, "{} Wh, least size {}", energy_wh, bus.least_wh);
        ensure!(
            energy_wh <= capacity.total_wh,
            BidTooLarge,
            "{} Wh, capacity of the window {} Wh",
            energy_wh,
            capacity.total_wh
        );
        match math::cost(energy_wh, max_price_per_kwh) {
            Some(deposit) => Ok(deposit),
            None => refuse!(CostOverflow, "{} Wh at {} per kWh", energy_wh, max_price_per_kwh),
        }
    }
}

impl Bid {
    /// Initialises a new bid, except for what the instruction fills in.
    #[inline(always)]
    pub fn initialize(&mut self, terms: &BidTerms, capacity: &Capacity, deposit: u64, now: i64) {
        self.layout_version = LAYOUT_VERSION;
        self.energy_wh = terms.energy_wh;
        self.max_price_per_kwh = terms.max_price_per_kwh;
        // Cannot underflow: `BidTerms::validate` checked it.
        self.price_per_kwh = terms.max_price_per_kwh - capacity.terms.grid_fee_per_kwh;
        self.deposit = deposit;
        self.window_start = capacity.window_start;
        self.created_at = now;
        self.bus = capacity.bus;
    }

    /// Refuses to withdraw the bid in the last 300 s before the gate or later.
    pub fn validate_cancel(&self, capacity: &Capacity, now: i64) -> Result<()> {
        match capacity.phase(now) {
            AuctionPhase::Trading => Ok(()),
            AuctionPhase::Closing => refuse!(LastMinutes),
            _ => refuse!(BookFixed),
        }
    }

    /// Takes the bid as far as it goes now: fills or returns it, or divides the pool. The caller pays what is owed.
    #[inline(never)]
    pub fn settle(&mut self, capacity: &mut Capacity, settler: &Settler, now: i64) -> Result<BidSettlement> {
        let closes = if self.state == BidState::Open as u8 {
            self.fill(capacity, settler, now)?;
            self.allotted_wh == 0 || !capacity.terms.is_on_delivery()
        } else if self.state == BidState::Filled as u8 && !capacity.is_pool_complete() {
            ensure!(self.deposit > self.paid, PoolIncomplete);
            false
        } else {
            let is_new = self.state == BidState::Filled as u8;
            if is_new {
                self.divide_pool(capacity);
            }
            let others = capacity.pool_complete_at.saturating_add(CERTIFICATE_SECONDS);
            let closes = settler.gives_up || self.certified_wh == self.delivered_wh || now >= others;
            ensure!(is_new || closes || self.deposit > self.paid, NothingToSettle);
            closes
        };
        Ok(BidSettlement { owed: self.deposit - self.paid, closes })
    }

    /// Gives the bid what the auction sells it. Where there was no auction, it gets nothing and has paid nothing.
    fn fill(&mut self, capacity: &mut Capacity, settler: &Settler, now: i64) -> Result<()> {
        capacity.give_up(settler.is_far, now);
        match capacity.phase(now) {
            AuctionPhase::Cleared => {
                self.allotted_wh = capacity.settle_bid(self.energy_wh, self.price_per_kwh);
                // Not more than the deposit, since the price is not above the bid's.
                self.paid = math::cost(self.allotted_wh, capacity.auction_full_price()).unwrap_or(self.deposit);
            }
            AuctionPhase::Over => (),
            // Without an offer there is no auction, and none can be listed any more.
            AuctionPhase::Trading if settler.bus_is_closing && capacity.open_offers == 0 => (),
            _ => refuse!(AuctionNotOver),
        }
        self.state = BidState::Filled as u8;
        Ok(())
    }

    /// Takes out of what it paid the part that was not delivered.
    fn divide_pool(&mut self, capacity: &Capacity) {
        let (delivered_wh, volume_wh) = (capacity.delivered_wh, capacity.volume_wh);
        // Neither is more than the whole, so both fit.
        self.paid = math::mul_div_ceil(self.paid, delivered_wh, volume_wh).unwrap_or(self.paid);
        self.delivered_wh = math::mul_div_floor(self.allotted_wh, delivered_wh, volume_wh).unwrap_or(0);
        self.state = BidState::Refunded as u8;
    }

    /// Delivered energy of which it has no certificate yet, in Wh.
    pub fn certifiable_wh(&self) -> Result<u64> {
        ensure!(self.state == BidState::Refunded as u8, PoolIncomplete);
        ensure!(self.delivered_wh > 0, NothingToCertify);
        ensure!(self.certified_wh < self.delivered_wh, AlreadyCertified);
        Ok(self.delivered_wh - self.certified_wh)
    }

    /// Takes out what was returned to the buyer, in token base units.
    pub fn pay_back(&mut self, capacity: &mut Capacity, amount: u64) {
        self.deposit -= amount;
        // The escrow holds all deposits.
        capacity.escrowed -= amount;
    }

    /// Checks what always holds of a bid.
    pub fn check_invariants(&self) -> core::result::Result<(), &'static str> {
        let Self {
            layout_version,
            bump: _,
            state,
            padding,
            energy_wh,
            max_price_per_kwh,
            price_per_kwh,
            deposit,
            paid,
            allotted_wh,
            delivered_wh,
            certified_wh,
            window_start,
            created_at,
            bus: _,
            capacity: _,
            buyer: _,
            refund: _,
            transaction_hash: _,
            reserved,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        invariant(BidState::try_from(*state).is_ok(), "the state is known")?;
        invariant(*energy_wh > 0 && *energy_wh <= MAX_CAPACITY_WH, "a bid is for energy that a window can have")?;
        invariant(*price_per_kwh > 0 && price_per_kwh <= max_price_per_kwh, "the limit contains the grid fee")?;
        let full = math::cost(*energy_wh, *max_price_per_kwh);
        let is_open = *state == BidState::Open as u8;
        invariant(
            full.is_some_and(|full| *deposit <= full && (!is_open || *deposit == full)),
            "the deposit is the full cost until it is settled",
        )?;
        invariant(paid <= deposit && (!is_open || *paid == 0), "no more is paid than was deposited")?;
        invariant(allotted_wh <= energy_wh && is_open == (*allotted_wh == 0), "a bid gets no more than it is for")?;
        let is_final = *state == BidState::Refunded as u8;
        invariant(
            certified_wh <= delivered_wh && delivered_wh <= allotted_wh && (is_final || *delivered_wh == 0),
            "no more is certified than was delivered",
        )?;
        invariant(created_at < window_start, "a bid comes before its window")?;
        invariant(*padding == [0; 5] && *reserved == [0; 4], "reserved bytes are zero")
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::{
            error::MultibusError,
            state::{
                Ration, Terms,
                fixture::{BUS, assert_noticed, wallet},
            },
        },
        bytemuck::Zeroable,
    };

    const FEE: u64 = 500;
    const SETTLER: Settler = Settler { gives_up: false, bus_is_closing: false, is_far: false };

    fn bus() -> Bus {
        Bus { base_price_per_kwh: 100, least_wh: 10, ..Bus::zeroed() }
    }

    /// The window from 900 to 1,800, whose gate closes at 840, with an offer and a bid.
    fn capacity(settlement: u8) -> Capacity {
        let terms = Terms {
            grid_fee_per_kwh: FEE,
            window_seconds: 900,
            gate_closure_seconds: 60,
            settlement,
            auction: 1,
            ..Terms::zeroed()
        };
        let mut capacity = Capacity { terms, window_start: 900, gate_closes_at: 840, bus: BUS, ..Capacity::zeroed() };
        (capacity.total_wh, capacity.committed_wh, capacity.open_offers) = (1_000, 1_000, 1);
        capacity.bid(2_500).unwrap();
        capacity
    }

    /// 1 kWh at most at 2,000 and the fee.
    fn bid(capacity: &Capacity) -> Bid {
        let terms = BidTerms { energy_wh: 1_000, max_price_per_kwh: 2_000 + FEE };
        let mut bid = Bid::zeroed();
        bid.initialize(&terms, capacity, terms.validate(&bus(), capacity, 0).unwrap(), 0);
        bid.buyer = wallet(1);
        bid
    }

    /// The auction sells 800 Wh to the bids at its price, which are for 1,000 Wh.
    fn cleared(settlement: u8, price_per_kwh: u64) -> Capacity {
        let bids = Ration { at_price_wh: 1_000, filled_wh: 800, settled_wh: 0 };
        Capacity { cleared_at: 840, price_per_kwh, volume_wh: 800, bids, ..capacity(settlement) }
    }

    #[test]
    fn a_bid_deposits_its_full_cost() {
        let capacity = capacity(0);
        let sound = bid(&capacity);
        assert_eq!((sound.deposit, sound.price_per_kwh, sound.window_start, sound.bus), (2_500, 2_000, 900, BUS));
        assert_eq!(sound.check_invariants(), Ok(()));
        let validate =
            |energy_wh, max_price_per_kwh| BidTerms { energy_wh, max_price_per_kwh }.validate(&bus(), &capacity, 839);
        assert_eq!((validate(10, 100 + FEE), validate(1_000, 100 + FEE)), (Ok(6), Ok(600)));
        let cases = [
            (MultibusError::LimitBelowBase, 10, 99 + FEE),
            (MultibusError::LimitBelowBase, 10, FEE - 1),
            (MultibusError::SizeTooSmall, 9, 100 + FEE),
            (MultibusError::BidTooLarge, 1_001, 100 + FEE),
            (MultibusError::CostOverflow, 1_000, u64::MAX),
        ];
        for (error, energy_wh, limit) in cases {
            // At 1,000 Wh every limit fits; at more, the cost does not.
            let wide = Capacity { total_wh: 1 << 40, ..capacity };
            let (within, energy_wh) =
                if error == MultibusError::CostOverflow { (&wide, energy_wh + 1) } else { (&capacity, energy_wh) };
            let refused = BidTerms { energy_wh, max_price_per_kwh: limit }.validate(&bus(), within, 0);
            assert_eq!(refused, Err(error.into()));
        }
        let terms = BidTerms { energy_wh: 10, max_price_per_kwh: 700 };
        assert_eq!(terms.validate(&bus(), &capacity, 840), Err(MultibusError::GateClosed.into()));
        let off = Capacity { terms: Terms { auction: 0, ..capacity.terms }, ..capacity };
        assert_eq!(terms.validate(&bus(), &off, 0), Err(MultibusError::AuctionOff.into()));
        let (paused, closing) = (Bus { paused: 1, ..bus() }, Bus { closing: 1, ..bus() });
        assert_eq!(terms.validate(&paused, &capacity, 0), Err(MultibusError::BusPaused.into()));
        assert_eq!(terms.validate(&closing, &capacity, 0), Err(MultibusError::BusClosing.into()));
    }

    #[test]
    fn a_bid_is_withdrawn_before_the_last_minutes() {
        let capacity = capacity(0);
        let bid = bid(&capacity);
        assert_eq!(bid.validate_cancel(&capacity, 539), Ok(()));
        assert_eq!(bid.validate_cancel(&capacity, 540), Err(MultibusError::LastMinutes.into()));
        assert_eq!(bid.validate_cancel(&capacity, 840), Err(MultibusError::BookFixed.into()));
    }

    #[test]
    fn on_purchase_terms_a_bid_ends_with_its_fill() {
        let settled = |price| {
            let mut capacity = cleared(0, price);
            let mut bid = bid(&capacity);
            let settlement = bid.settle(&mut capacity, &SETTLER, 840).unwrap();
            (bid.allotted_wh, bid.paid, settlement.owed, settlement.closes)
        };
        assert_eq!(settled(1_999), (1_000, 2_499, 1, true));
        assert_eq!(settled(2_000), (800, 2_000, 500, true));
        assert_eq!(settled(2_001), (0, 0, 2_500, true));
        let mut early = capacity(0);
        for now in [0, 540, 840] {
            let mut bid = bid(&early);
            assert_eq!(bid.settle(&mut early, &SETTLER, now), Err(MultibusError::AuctionNotOver.into()));
        }
    }

    #[test]
    fn without_an_auction_a_bid_is_returned() {
        let over = 840 + AUCTION_PROOF_SECONDS;
        let closing = Settler { bus_is_closing: true, ..SETTLER };
        for (settler, now) in [(SETTLER, over), (closing, 539)] {
            for settlement in [0, 1] {
                let mut capacity = capacity(settlement);
                let mut bid = bid(&capacity);
                if now < 840 {
                    // While there is an offer, an auction will come.
                    let refused = { bid }.settle(&mut capacity, &settler, now);
                    assert_eq!(refused, Err(MultibusError::AuctionNotOver.into()));
                    capacity.open_offers = 0;
                }
                let settled = bid.settle(&mut capacity, &settler, now);
                assert_eq!(settled, Ok(BidSettlement { owed: 2_500, closes: true }));
                bid.pay_back(&mut capacity, 2_500);
                assert_eq!((bid.deposit, capacity.escrowed), (0, 0));
            }
        }
        // Where the bus closes long before, bids come back, also beside offers and in the last minutes.
        for now in [0, 539, 540, 839] {
            let mut capacity = capacity(1);
            let settled = bid(&capacity).settle(&mut capacity, &Settler { is_far: true, ..closing }, now);
            assert_eq!((settled, capacity.given_up), (Ok(BidSettlement { owed: 2_500, closes: true }), 1));
        }
        let mut capacity = capacity(0);
        let refused = bid(&capacity).settle(&mut capacity, &closing, 540);
        assert_eq!(refused, Err(MultibusError::AuctionNotOver.into()));
    }

    #[test]
    fn on_delivery_terms_a_bid_waits_for_the_pool_and_for_its_certificates() {
        let mut capacity = cleared(1, 1_500);
        capacity.volume_wh = 1_000;
        let mut bid = bid(&capacity);
        assert_eq!(bid.certifiable_wh(), Err(MultibusError::PoolIncomplete.into()));
        let settled = bid.settle(&mut capacity, &SETTLER, 840);
        assert_eq!(settled, Ok(BidSettlement { owed: 500, closes: false }));
        // Where that could not be paid, it is owed later; else there is nothing to do.
        assert_eq!(bid.settle(&mut capacity, &SETTLER, 840), settled);
        bid.pay_back(&mut capacity, 500);
        assert_eq!((bid.check_invariants(), bid.state), (Ok(()), BidState::Filled as u8));
        let gives_up = Settler { gives_up: true, ..SETTLER };
        assert_eq!(bid.settle(&mut capacity, &gives_up, 840), Err(MultibusError::PoolIncomplete.into()));
        capacity.pool(1_000, 333, 0, 5_000);
        // ceil(2,000 x 333 / 1,000) stays.
        let settled = bid.settle(&mut capacity, &SETTLER, 5_000);
        assert_eq!(settled, Ok(BidSettlement { owed: 1_334, closes: false }));
        bid.pay_back(&mut capacity, 1_334);
        assert_eq!((bid.paid, bid.delivered_wh, bid.check_invariants()), (666, 333, Ok(())));
        assert_eq!(bid.certifiable_wh(), Ok(333));
        bid.certified_wh = 332;
        let others = 5_000 + CERTIFICATE_SECONDS;
        let nothing = Err(MultibusError::NothingToSettle.into());
        assert_eq!({ bid }.settle(&mut capacity, &SETTLER, others - 1), nothing);
        let closes = Ok(BidSettlement { owed: 0, closes: true });
        assert_eq!({ bid }.settle(&mut capacity, &SETTLER, others), closes);
        assert_eq!({ bid }.settle(&mut capacity, &gives_up, 5_000), closes);
        bid.certified_wh = 333;
        assert_eq!({ bid }.settle(&mut capacity, &SETTLER, 5_000), closes);
        assert_eq!(bid.certifiable_wh(), Err(MultibusError::AlreadyCertified.into()));
        let nothing = Bid { delivered_wh: 0, certified_wh: 0, ..bid };
        assert_eq!(nothing.certifiable_wh(), Err(MultibusError::NothingToCertify.into()));
    }

    #[test]
    fn every_invariant_notices_what_breaks_it() {
        let sound = bid(&capacity(1));
        assert_eq!(sound.check_invariants(), Ok(()));
        assert_noticed(
            &sound,
            Bid::check_invariants,
            &[
                ("the layout version is the present one", |bid| bid.layout_version = 1),
                ("the state is known", |bid| bid.state = 3),
                ("a bid is for energy that a window can have", |bid| bid.energy_wh = 0),
                ("a bid is for energy that a window can have", |bid| bid.energy_wh = MAX_CAPACITY_WH + 1),
                ("the limit contains the grid fee", |bid| bid.price_per_kwh = 0),
                ("the limit contains the grid fee", |bid| bid.price_per_kwh = bid.max_price_per_kwh + 1),
                ("the deposit is the full cost until it is settled", |bid| bid.deposit -= 1),
                ("the deposit is the full cost until it is settled", |bid| (bid.state, bid.deposit) = (1, 2_501)),
                ("no more is paid than was deposited", |bid| bid.paid = 1),
                ("a bid gets no more than it is for", |bid| bid.allotted_wh = 1),
                ("a bid gets no more than it is for", |bid| bid.state = 1),
                ("no more is certified than was delivered", |bid| {
                    (bid.state, bid.allotted_wh, bid.delivered_wh) = (1, 2, 1);
                }),
                ("no more is certified than was delivered", |bid| {
                    (bid.state, bid.allotted_wh, bid.certified_wh) = (2, 2, 1);
                }),
                ("a bid comes before its window", |bid| bid.created_at = 900),
                ("reserved bytes are zero", |bid| bid.padding[4] = 1),
                ("reserved bytes are zero", |bid| bid.reserved[3] = 1),
            ],
        );
    }
}

//! An offer: energy that a seller has put up at a price per kWh.

use {
    crate::{
        constants::*,
        error::{ensure, refuse},
        math,
        numbered::numbered_enum,
        state::{Bus, Capacity, Fill, Seller},
    },
    anchor_lang::{address_eq, prelude::*},
};

numbered_enum! {
    /// Where the energy of an offer comes from.
    pub enum EnergySource {
        Unspecified = 0,
        Solar = 1,
        Wind = 2,
        Hydro = 3,
        Biomass = 4,
        Storage = 5,
    }
}

/// The price that a buyer accepts. It guards against a change between quote and purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceGuard {
    /// Highest price, grid fee included, in token base units per kWh.
    pub max_price_per_kwh: u64,
    /// Version of the offer that was quoted; 0 accepts any.
    pub expected_version: u32,
}

/// What a seller asks for when it lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferTerms {
    /// Energy, in Wh.
    pub energy_wh: u64,
    /// Price, in token base units per kWh.
    pub price_per_kwh: u64,
    /// End of trading, in unix seconds: the offer can be bought while the time is before it.
    pub expires_at: i64,
    /// One of [`EnergySource`].
    pub source: u8,
}

impl OfferTerms {
    /// Refuses terms that the seller cannot list in this capacity now.
    #[inline(always)]
    pub fn validate(
        &self,
        bus: &Bus,
        bus_address: &Address,
        seller: &Seller,
        capacity: &Capacity,
        now: i64,
    ) -> Result<()> {
        bus.validate_running()?;
        bus.validate_open()?;
        seller.validate_lists(bus, bus_address)?;
        ensure!(self.energy_wh > 0, EnergyZero);
        Bus::validate_size(bus.least_wh, self.energy_wh, capacity.available_under(bus.capacity_wh))?;
        bus.validate_price(self.price_per_kwh, seller.is_of(bus_address))?;
        Offer::validate_full_price(self.price_per_kwh, capacity.terms_now(bus, now).grid_fee_per_kwh)?;
        Offer::validate_source(self.source)?;
        ensure!(capacity.window_start != 0 || !bus.terms_at(now).has_windows(), WindowsOn);
        capacity.validate_gate(now)?;
        Offer::validate_expiry(self.expires_at, bus.latest_expiry(capacity.gate_closes_at, now), now)
    }
}

/// Proceeds that are taken out of an offer, divided between seller and grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collection {
    /// The seller's part, in token base units.
    pub amount: u64,
    /// The part of the recipient of grid fees, in token base units.
    pub grid_fee: u64,
}

/// Capacity and seller of a new offer, and what it takes from the bus's rules.
#[derive(Clone, Copy)]
pub struct OfferPlace<'a> {
    pub capacity: &'a Capacity,
    pub seller: &'a Seller,
    /// The bus's least size, in Wh.
    pub least_wh: u64,
    /// The grid fee of the window's terms, in token base units per kWh.
    pub grid_fee_per_kwh: u64,
}

/// [`Offer::cancelled`]: the offer was cancelled, and not by who listed it.
pub const CANCELLED: u8 = 1;
/// [`Offer::cancelled`]: who listed the offer cancelled it, or it is the bus's own.
pub const CANCELLED_BY_LISTER: u8 = 2;

/// Energy on offer. PDA `["offer", seller, number]`.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Offer {
    pub layout_version: u8,
    pub bump: u8,
    /// One of [`EnergySource`].
    pub source: u8,
    /// 0 while it trades; [`CANCELLED`] or [`CANCELLED_BY_LISTER`] once its free energy is withdrawn.
    pub cancelled: u8,
    /// Grows by one with every new price or expiry; the first is 1.
    pub version: u32,
    /// Locks on this offer that are not closed.
    pub open_locks: u32,
    /// Locks that were ever taken on this offer. It is the number of the last one.
    pub locks_taken: u32,
    /// Number of this offer among those of its seller.
    pub number: u64,
    /// What the seller asks, in token base units per kWh. Buyers pay the grid fee on top.
    pub price_per_kwh: u64,
    /// Energy that was listed, less what was withdrawn, in Wh.
    pub listed_wh: u64,
    /// Energy not sold yet, in Wh: `reserved_wh <= remaining_wh <= listed_wh`.
    pub remaining_wh: u64,
    /// Energy under locks, in Wh.
    pub reserved_wh: u64,
    /// What was paid into the vault for this offer and is not released to its seller yet, in token base units.
    pub proceeds: u64,
    /// What the vault holds for the locks of this offer, in token base units.
    pub deposits: u64,
    /// Start of the delivery window in unix seconds, 0 where the bus has none.
    pub window_start: i64,
    /// First second in which the window trades no more, `i64::MAX` where the bus has no windows.
    pub gate_closes_at: i64,
    /// When the offer was created, in unix seconds.
    pub created_at: i64,
    /// First second in which an offer of the bus itself trades; 0 for the offers of others, which trade at once.
    pub trades_from: i64,
    /// End of trading, in unix seconds: it trades while the time is before it. Never after the gate.
    pub expires_at: i64,
    /// Latest expiry of all locks ever taken on it, in unix seconds; 0 before the first.
    pub locked_until: i64,
    /// Least energy of a purchase or a lock that does not take the rest, in Wh: the bus's least size when this offer
    /// was listed.
    pub least_wh: u64,
    pub bus: Address,
    pub capacity: Address,
    /// The seller's account.
    pub seller: Address,
    /// The seller's vault, which buyers pay into.
    pub vault: Address,
    /// The seller's wallet; the bus where the offer is its own.
    pub wallet: Address,
    /// Who paid the rent and gets it back.
    pub rent_payer: Address,
    /// The grid fee of its window's terms, in token base units per kWh.
    pub grid_fee_per_kwh: u64,
    /// Grid fees that were taken out of its proceeds, in token base units.
    pub grid_credited: u64,
    /// The seller's delivery book with the offer's window; zeros on purchase terms.
    pub book: Address,
    /// Place of its window in that book.
    pub book_place: u8,
    /// 1 on delivery terms: payments are recorded in the delivery book, not as proceeds of the offer.
    pub on_delivery: u8,
    /// 1 where an auction closes its window.
    pub in_auction: u8,
    /// 1 once that auction has settled it.
    pub settled: u8,
    pub padding: [u8; 4],
    /// What a kWh costs a buyer, in token base units: price and grid fee together.
    pub full_price_per_kwh: u64,
    pub reserved: [u64; 7],
}

const _: () = assert!(size_of::<Offer>() == 440);

impl Offer {
    /// Initialises a new offer, except for the addresses that the instruction fills in.
    #[inline(always)]
    pub fn initialize(&mut self, place: OfferPlace, number: u64, terms: OfferTerms, now: i64) {
        let OfferPlace { capacity, seller, least_wh, grid_fee_per_kwh } = place;
        self.layout_version = LAYOUT_VERSION;
        self.source = terms.source;
        self.version = 1;
        self.number = number;
        self.price_per_kwh = terms.price_per_kwh;
        self.grid_fee_per_kwh = grid_fee_per_kwh;
        // Cannot overflow: `OfferTerms::validate` checked it.
        self.full_price_per_kwh = terms.price_per_kwh + grid_fee_per_kwh;
        self.listed_wh = terms.energy_wh;
        self.remaining_wh = terms.energy_wh;
        self.window_start = capacity.window_start;
        self.gate_closes_at = capacity.gate_closes_at;
        self.in_auction = capacity.terms.auction;
        self.created_at = now;
        self.expires_at = terms.expires_at;
        self.bus = capacity.bus;
        self.least_wh = least_wh;
        self.vault = seller.vault;
        self.wallet = seller.wallet;
        if self.is_of_bus() {
            self.delay(now);
        }
    }

    /// The source is one of [`EnergySource`].
    pub fn validate_source(source: u8) -> Result<()> {
        ensure!((source as usize) < EnergySource::ALL.len(), SourceUnknown, "source {}", source);
        Ok(())
    }

    /// The expiry is in the future, and not after `latest`.
    #[inline(always)]
    pub fn validate_expiry(expires_at: i64, latest: i64, now: i64) -> Result<()> {
        ensure!(expires_at > now, ExpiryInPast, "expiry {}, now {}", expires_at, now);
        ensure!(expires_at <= latest, ExpiryTooLate, "expiry {}, latest {}", expires_at, latest);
        Ok(())
    }

    /// Whether the bus itself sells it.
    #[inline(always)]
    pub fn is_of_bus(&self) -> bool {
        address_eq(&self.wallet, &self.bus)
    }

    /// Makes an offer of the bus itself wait, so that the other owners can see it before it trades.
    #[inline(always)]
    fn delay(&mut self, now: i64) {
        self.trades_from = now.saturating_add(BUS_OFFER_DELAY_SECONDS);
    }

    /// Refuses a price whose sum with the grid fee does not fit 64 bits.
    #[inline(always)]
    pub fn validate_full_price(price_per_kwh: u64, grid_fee_per_kwh: u64) -> Result<()> {
        ensure!(
            price_per_kwh.checked_add(grid_fee_per_kwh).is_some(),
            CostOverflow,
            "price {}, grid fee {}",
            price_per_kwh,
            grid_fee_per_kwh
        );
        Ok(())
    }

    /// Whether its seller is paid on delivery: then a buyer passes the seller's delivery book and its own position book too.
    #[inline(always)]
    pub fn is_on_delivery(&self) -> bool {
        self.on_delivery != 0
    }

    /// Names the delivery book, and the place of the offer's window in it.
    pub fn set_book(&mut self, book: &Address, place: usize) {
        self.book = *book;
        self.book_place = place as u8;
        self.on_delivery = 1;
    }

    /// Takes out the proceeds, which the delivery book holds from now on; returns them in token base units.
    #[inline(always)]
    pub fn move_to_book(&mut self) -> u64 {
        core::mem::take(&mut self.proceeds)
    }

    /// Energy that can be bought or locked, in Wh. None where an auction sold what ended locks still reserve.
    #[inline(always)]
    pub fn free_wh(&self) -> u64 {
        self.remaining_wh.saturating_sub(self.reserved_wh)
    }

    /// Energy that was sold, in Wh.
    #[inline(always)]
    pub fn sold_wh(&self) -> u64 {
        self.listed_wh - self.remaining_wh
    }

    /// Energy that it asks to sell in the auction that closes its window, in Wh: what is not sold at the gate. Locks have
    /// ended by then. An offer that expired before the gate, or that did not trade yet, asks for nothing.
    #[inline(always)]
    pub fn ask_wh(&self) -> u64 {
        let is_asked =
            self.cancelled == 0 && self.expires_at >= self.gate_closes_at && self.trades_from <= self.gate_closes_at;
        if is_asked { self.remaining_wh } else { 0 }
    }

    /// Whether the time is within the last 300 s before the gate of an auction.
    fn is_closing(&self, now: i64) -> bool {
        self.in_auction != 0 && now >= self.gate_closes_at.saturating_sub(AUCTION_CLOSING_SECONDS)
    }

    /// Sells energy in the auction, for an amount in token base units that the vault gets.
    pub fn sell_in_auction(&mut self, energy_wh: u64, credited: u64) -> Result<()> {
        let Some(proceeds) = self.proceeds.checked_add(credited) else { refuse!(CostOverflow) };
        self.remaining_wh -= energy_wh;
        self.proceeds = proceeds;
        self.settled = 1;
        Ok(())
    }

    /// Refuses an offer that does not trade: the bus is paused or closing, or the offer is cancelled or expired. An
    /// offer of the bus itself trades only 120 s after it was listed or its price was lowered, and not below the
    /// present reserve price.
    #[inline(always)]
    pub fn validate_tradable(&self, bus: &Bus, now: i64) -> Result<()> {
        bus.validate_running()?;
        bus.validate_open()?;
        ensure!(self.cancelled == 0, OfferCancelled);
        ensure!(now < self.expires_at, OfferExpired, "expired at {}, now {}", self.expires_at, now);
        if self.trades_from != 0 {
            ensure!(now >= self.trades_from, OfferNotYetTrading, "trades from {}, now {}", self.trades_from, now);
            bus.validate_reserve_price(self.price_per_kwh)?;
        }
        Ok(())
    }

    /// Refuses the offer's own seller as its buyer.
    #[inline(always)]
    pub fn validate_buyer(&self, buyer: &Address) -> Result<()> {
        ensure!(!address_eq(&self.wallet, buyer), SelfTrade);
        Ok(())
    }

    #[inline(always)]
    fn validate_version(&self, expected_version: u32) -> Result<()> {
        ensure!(
            expected_version == 0 || expected_version == self.version,
            VersionMismatch,
            "quoted version {}, present version {}",
            expected_version,
            self.version
        );
        Ok(())
    }

    #[inline(always)]
    fn validate_guard(&self, guard: PriceGuard) -> Result<()> {
        self.validate_version(guard.expected_version)?;
        let price_per_kwh = self.full_price_per_kwh;
        ensure!(
            price_per_kwh <= guard.max_price_per_kwh,
            PriceAboveLimit,
            "price with grid fee {}, limit {}",
            price_per_kwh,
            guard.max_price_per_kwh
        );
        Ok(())
    }

    #[inline(always)]
    fn fill(&self, energy_wh: u64, free_wh: u64) -> Result<Fill> {
        Bus::validate_size(self.least_wh, energy_wh, free_wh)?;
        let price_per_kwh = self.full_price_per_kwh;
        match math::cost(energy_wh, price_per_kwh) {
            Some(cost) => Ok(Fill { energy_wh, price_per_kwh, grid_fee_per_kwh: self.grid_fee_per_kwh, cost }),
            None => refuse!(CostOverflow, "{} Wh at {} per kWh", energy_wh, price_per_kwh),
        }
    }

    /// Sells up to `energy_wh` of the free energy, but not less than `min_energy_wh`. Where both are equal, it sells
    /// exactly that or nothing.
    #[inline(always)]
    pub fn take(&mut self, energy_wh: u64, min_energy_wh: u64, guard: PriceGuard) -> Result<Fill> {
        if min_energy_wh == 0 || min_energy_wh > energy_wh {
            ensure!(energy_wh > 0, EnergyZero);
            refuse!(MinimumInvalid, "minimum {} Wh, amount {} Wh", min_energy_wh, energy_wh);
        }
        self.validate_guard(guard)?;
        let free_wh = self.free_wh();
        ensure!(
            free_wh >= min_energy_wh,
            EnergyUnavailable,
            "free {} Wh, wanted at least {} Wh",
            free_wh,
            min_energy_wh
        );
        let fill = self.fill(if free_wh < energy_wh { free_wh } else { energy_wh }, free_wh)?;
        let Some(proceeds) = self.proceeds.checked_add(fill.cost) else { refuse!(CostOverflow) };
        self.remaining_wh -= fill.energy_wh;
        self.proceeds = proceeds;
        Ok(fill)
    }

    /// Reserves exactly `energy_wh` of the free energy for a lock that is taken now.
    #[inline(always)]
    pub fn reserve(&mut self, energy_wh: u64, guard: PriceGuard, lock_expires_at: i64) -> Result<Fill> {
        ensure!(energy_wh > 0, EnergyZero);
        self.validate_guard(guard)?;
        let latest = self.expires_at.saturating_sub(LOCK_MARGIN_SECONDS);
        ensure!(lock_expires_at <= latest, LockOutlivesOffer, "lock until {}, at most {}", lock_expires_at, latest);
        let free_wh = self.free_wh();
        ensure!(free_wh >= energy_wh, EnergyUnavailable, "free {} Wh, wanted {} Wh", free_wh, energy_wh);
        let fill = self.fill(energy_wh, free_wh)?;
        // There are never more open locks than were taken.
        let Some(locks_taken) = self.locks_taken.checked_add(1) else { refuse!(CounterOverflow) };
        let Some(deposits) = self.deposits.checked_add(fill.cost) else { refuse!(CostOverflow) };
        self.reserved_wh += energy_wh;
        self.deposits = deposits;
        self.open_locks += 1;
        self.locks_taken = locks_taken;
        self.locked_until = self.locked_until.max(lock_expires_at);
        Ok(fill)
    }

    /// Settles a lock: its energy is sold, and its deposit becomes proceeds.
    #[inline(always)]
    pub fn settle(&mut self, energy_wh: u64, deposit: u64) {
        self.reserved_wh -= energy_wh;
        self.remaining_wh -= energy_wh;
        self.deposits -= deposit;
        // Cannot overflow: the vault holds both.
        self.proceeds += deposit;
        self.open_locks -= 1;
    }

    /// Releases a lock that is not settled: its energy is free again, and the fee leaves its deposit.
    #[inline(always)]
    pub fn release(&mut self, energy_wh: u64, fee: u64) {
        self.reserved_wh -= energy_wh;
        self.deposits -= fee;
    }

    /// Counts a released lock as closed, once its refund has left the vault.
    #[inline(always)]
    pub fn refund(&mut self, refund: u64) {
        self.deposits -= refund;
        self.open_locks -= 1;
    }

    /// Takes out the proceeds and divides them. The grid fee is computed from all energy sold so far, less what was
    /// credited before, so that rounding in many collections takes nothing from it.
    #[inline(always)]
    pub fn collect(&mut self) -> Collection {
        let proceeds = core::mem::take(&mut self.proceeds);
        if self.grid_fee_per_kwh == 0 || self.is_on_delivery() {
            return Collection { amount: proceeds, grid_fee: 0 };
        }
        let due = math::grid_fee(self.sold_wh(), self.grid_fee_per_kwh);
        // Each cost contains the fee and is rounded up. But what an auction pays is rounded down, so the last base unit
        // can be missing.
        let grid_fee = (due - self.grid_credited).min(proceeds);
        self.grid_credited += grid_fee;
        Collection { amount: proceeds - grid_fee, grid_fee }
    }

    /// Sets a new price of an offer, in token base units per kWh. Energy under locks keeps the price that it was locked
    /// at.
    #[inline(always)]
    pub fn reprice(&mut self, price_per_kwh: u64, expected_version: u32, now: i64) -> Result<()> {
        ensure!(self.cancelled == 0, OfferCancelled);
        self.validate_version(expected_version)?;
        Self::validate_full_price(price_per_kwh, self.grid_fee_per_kwh)?;
        let Some(version) = self.version.checked_add(1) else { refuse!(CounterOverflow) };
        if self.is_closing(now) {
            ensure!(now < self.gate_closes_at, GateClosed, "gate closed at {}, now {}", self.gate_closes_at, now);
            // An offer of the bus that is lowered must still trade at the gate; otherwise lowering it would withdraw it.
            let waits = self.trades_from != 0 && now.saturating_add(BUS_OFFER_DELAY_SECONDS) > self.gate_closes_at;
            ensure!(price_per_kwh <= self.price_per_kwh && !waits, LastMinutes);
        }
        if self.trades_from != 0 && price_per_kwh < self.price_per_kwh {
            self.delay(now);
        }
        self.price_per_kwh = price_per_kwh;
        self.full_price_per_kwh = price_per_kwh + self.grid_fee_per_kwh;
        self.version = version;
        Ok(())
    }

    /// Sets an earlier or a later expiry. While locks are open, it is at least 300 s after the last of them ends.
    #[inline(always)]
    pub fn set_expiry(&mut self, expires_at: i64, expected_version: u32, latest: i64, now: i64) -> Result<()> {
        ensure!(self.cancelled == 0, OfferCancelled);
        // An expired offer stays expired, because others have relied on that.
        ensure!(now < self.expires_at, OfferExpired, "expired at {}, now {}", self.expires_at, now);
        self.validate_version(expected_version)?;
        let Some(version) = self.version.checked_add(1) else { refuse!(CounterOverflow) };
        Self::validate_expiry(expires_at, latest, now)?;
        let earliest = self.locked_until.saturating_add(LOCK_MARGIN_SECONDS);
        ensure!(
            self.open_locks == 0 || expires_at >= earliest,
            ExpiryBeforeLocks,
            "expiry {}, earliest {}",
            expires_at,
            earliest
        );
        ensure!(!self.is_closing(now) || expires_at >= self.expires_at, LastMinutes);
        self.version = version;
        self.expires_at = expires_at;
        Ok(())
    }

    /// Refuses wallets that may not change the offer. Its seller may; for an offer of the bus, the owner who listed it,
    /// as long as it is an owner. Other owners may not, so that none spoils what another put up.
    pub fn validate_lister(&self, bus: &Bus, caller: &Address) -> Result<()> {
        ensure!(self.is_listed_by(bus, caller), NotTheSeller);
        Ok(())
    }

    /// Whether the wallet is the offer's seller; for an offer of the bus, the owner who listed it, as long as it is one.
    #[inline(never)]
    pub fn is_listed_by(&self, bus: &Bus, caller: &Address) -> bool {
        address_eq(&self.wallet, caller)
            || (self.is_of_bus() && address_eq(&self.rent_payer, caller) && bus.owner_index(caller).is_some())
    }

    /// Refuses callers who may not cancel the offer. These may:
    ///
    /// - whoever may change it ([`validate_lister`](Self::validate_lister));
    /// - anyone, once it is sold out, expired or cancelled before, or where the bus is closing and no auction waits for it
    ///   (`is_given_up`, see [`Capacity::is_given_up`]);
    /// - for the bus's own offers, the operator, and as many owners together as pausing needs (`owners_together` is the
    ///   number of owners who signed); any single owner while the bus is paused, or where the owner who listed it has left;
    /// - the operator and any owner, where the offer's seller may no longer list.
    pub fn validate_cancel(
        &self,
        bus: &Bus,
        seller: &Seller,
        caller: &Address,
        owners_together: u8,
        is_given_up: bool,
        now: i64,
    ) -> Result<()> {
        let stopped = self.cancelled != 0 || self.remaining_wh == 0 || now >= self.expires_at || is_given_up;
        let owners_may = !self.is_of_bus()
            || bus.paused == 1
            || owners_together >= bus.pause_approvals()
            || bus.owner_index(&self.rent_payer).is_none();
        let manages = || bus.is_operator(caller) || (owners_may && bus.owner_index(caller).is_some());
        ensure!(
            stopped
                || self.is_listed_by(bus, caller)
                || ((self.is_of_bus() || seller.validate_lists(bus, &self.bus).is_err()) && manages()),
            OfferStillTrading
        );
        Ok(())
    }

    /// Withdraws the free energy and stops trading; returns that energy in Wh. Locks stay untouched. The offer remembers
    /// that who listed it cancelled it, so that it does not matter who cancels it again once its locks have ended. Of the
    /// bus's own offers anyone may who can, because nobody certifies what they do not sell.
    pub fn cancel(&mut self, by_lister: bool) -> Result<u64> {
        let free_wh = self.free_wh();
        ensure!(
            self.cancelled == 0 || free_wh > 0 || self.open_locks == 0,
            NothingToCancel,
            "{} Wh are under {} locks",
            self.reserved_wh,
            self.open_locks
        );
        let by_lister = by_lister || self.is_of_bus();
        self.cancelled = self.cancelled.max(if by_lister { CANCELLED_BY_LISTER } else { CANCELLED });
        self.listed_wh -= free_wh;
        self.remaining_wh -= free_wh;
        Ok(free_wh)
    }

    /// Checks what always holds of an offer.
    pub fn check_invariants(&self) -> core::result::Result<(), &'static str> {
        let Self {
            layout_version,
            bump: _,
            source,
            cancelled,
            version,
            open_locks,
            locks_taken,
            number: _,
            price_per_kwh,
            listed_wh,
            remaining_wh,
            reserved_wh,
            proceeds,
            deposits,
            window_start,
            gate_closes_at,
            created_at,
            trades_from,
            expires_at,
            locked_until,
            least_wh,
            bus: _,
            capacity: _,
            seller: _,
            vault: _,
            wallet: _,
            rent_payer: _,
            grid_fee_per_kwh,
            grid_credited,
            book,
            book_place,
            on_delivery,
            in_auction,
            settled,
            padding,
            full_price_per_kwh,
            reserved,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        invariant((*source as usize) < EnergySource::ALL.len(), "the source is known")?;
        invariant(*cancelled <= CANCELLED_BY_LISTER, "who cancelled it is known")?;
        invariant(*in_auction <= 1 && settled <= in_auction, "flags are 0 or 1")?;
        invariant(*version >= 1, "versions start at 1")?;
        invariant(*price_per_kwh > 0, "the price is above zero")?;
        invariant(
            (reserved_wh <= remaining_wh || *settled == 1) && remaining_wh <= listed_wh,
            "reserved <= remaining <= listed",
        )?;
        invariant(*open_locks > 0 || *reserved_wh == 0, "energy is reserved only where locks are open")?;
        invariant(*open_locks > 0 || *deposits == 0, "deposits are held only where locks are open")?;
        invariant(*proceeds == 0 || remaining_wh < listed_wh, "proceeds come from sold energy")?;
        invariant((*window_start == 0) == (*gate_closes_at == i64::MAX), "a window has a gate")?;
        invariant(expires_at > created_at && expires_at <= gate_closes_at, "an offer expires before its gate")?;
        invariant((*trades_from != 0) == self.is_of_bus(), "only the bus's own offers wait")?;
        invariant(
            *open_locks == 0 || locked_until.saturating_add(LOCK_MARGIN_SECONDS) <= *expires_at,
            "locks end well before their offer",
        )?;
        invariant(*least_wh > 0, "the least size is above zero")?;
        invariant(open_locks <= locks_taken, "there are no more open locks than were taken")?;
        invariant(
            price_per_kwh.checked_add(*grid_fee_per_kwh) == Some(*full_price_per_kwh),
            "a buyer pays the price and the grid fee",
        )?;
        invariant(
            *grid_credited <= math::grid_fee(listed_wh - remaining_wh, *grid_fee_per_kwh),
            "grid fees are those of sold energy",
        )?;
        let books = (*on_delivery == 1) == (book.to_bytes() != [0; 32]) && (*book_place as usize) < BOOK_WINDOWS;
        invariant(*on_delivery <= 1 && books, "an offer on delivery terms has a book")?;
        invariant(
            *on_delivery == 0 || (*proceeds == 0 && *grid_credited == 0),
            "a book holds what is paid on delivery terms",
        )?;
        invariant(*padding == [0; 4] && *reserved == [0; 7], "reserved bytes are zero")
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::error::MultibusError,
        crate::state::Terms,
        crate::state::fixture::{BUS, Change, assert_noticed, wallet},
        bytemuck::Zeroable,
        proptest::prelude::*,
    };

    const ANY: PriceGuard = PriceGuard { max_price_per_kwh: u64::MAX, expected_version: 0 };
    /// End of the offers of these tests.
    const END: i64 = 10_000;
    /// Expiry of a lock that ends as late as it can.
    const LATEST: i64 = END - LOCK_MARGIN_SECONDS;

    /// A running bus of two owners and an operator on which anyone lists.
    fn bus() -> Bus {
        let mut bus = Bus { owner_count: 2, listing_policy: 2, least_wh: 1, operator: wallet(8), ..Bus::zeroed() };
        (bus.owners[0].owner, bus.owners[1].owner) = (wallet(1), wallet(2));
        bus
    }

    fn offer(listed_wh: u64, price_per_kwh: u64) -> Offer {
        Offer {
            layout_version: LAYOUT_VERSION,
            version: 1,
            listed_wh,
            remaining_wh: listed_wh,
            price_per_kwh,
            full_price_per_kwh: price_per_kwh,
            gate_closes_at: i64::MAX,
            expires_at: END,
            least_wh: 1,
            bus: BUS,
            wallet: wallet(3),
            ..Offer::zeroed()
        }
    }

    /// An offer of the bus itself.
    fn own(listed_wh: u64, price_per_kwh: u64) -> Offer {
        Offer { wallet: BUS, trades_from: 120, ..offer(listed_wh, price_per_kwh) }
    }

    /// The transition refuses with the error and changes nothing.
    fn refused<T>(offer: Offer, error: MultibusError, transition: impl FnOnce(&mut Offer) -> Result<T>) {
        let mut after = offer;
        assert_eq!(transition(&mut after).err(), Some(error.into()));
        assert_eq!(after, offer);
    }

    #[test]
    fn times_end_where_64_bits_do() {
        let mut late = own(10, 1);
        late.delay(i64::MAX - 1);
        assert_eq!(late.trades_from, i64::MAX);
        let early = Offer { expires_at: i64::MIN, ..offer(10, 1) };
        refused(early, MultibusError::LockOutlivesOffer, |offer| offer.reserve(1, ANY, 0));
        let locked = Offer { open_locks: 1, locked_until: i64::MAX, expires_at: i64::MAX, ..offer(10, 1) };
        refused(locked, MultibusError::ExpiryBeforeLocks, |offer| offer.set_expiry(END, 0, END, 1));
    }

    #[test]
    fn who_paid_the_rent_of_a_sellers_offer_does_not_change_it() {
        let offer = Offer { rent_payer: wallet(1), ..offer(10, 1) };
        assert_eq!(offer.validate_lister(&bus(), &wallet(1)), Err(MultibusError::NotTheSeller.into()));
        assert_eq!(offer.validate_lister(&bus(), &wallet(3)), Ok(()));
        let own = Offer { rent_payer: wallet(1), ..own(10, 1) };
        assert_eq!(own.validate_lister(&bus(), &wallet(1)), Ok(()));
    }

    #[test]
    fn take_is_exact_or_refused() {
        let mut exact = offer(1_000, 250_000);
        let fill = exact.take(400, 400, ANY).unwrap();
        assert_eq!((fill.energy_wh, fill.cost, exact.remaining_wh, exact.proceeds), (400, 100_000, 600, 100_000));
        refused(exact, MultibusError::EnergyUnavailable, |offer| offer.take(601, 601, ANY));
        refused(exact, MultibusError::EnergyZero, |offer| offer.take(0, 0, ANY));
        refused(exact, MultibusError::MinimumInvalid, |offer| offer.take(1, 0, ANY));
        refused(exact, MultibusError::MinimumInvalid, |offer| offer.take(1, 2, ANY));
    }

    #[test]
    fn take_up_to_fills_what_is_free_above_the_minimum() {
        let mut partial = offer(1_000, 1_000);
        partial.reserve(300, ANY, LATEST).unwrap();
        refused(partial, MultibusError::EnergyUnavailable, |offer| offer.take(5_000, 701, ANY));
        let fill = partial.take(5_000, 700, ANY).unwrap();
        assert_eq!((fill.energy_wh, partial.remaining_wh, partial.reserved_wh), (700, 300, 300));
    }

    #[test]
    fn what_is_below_the_least_size_takes_the_rest_or_is_refused() {
        let mut sized = Offer { least_wh: 100, ..offer(1_050, 1_000) };
        refused(sized, MultibusError::SizeTooSmall, |offer| offer.take(99, 99, ANY));
        refused(sized, MultibusError::SizeTooSmall, |offer| offer.reserve(99, ANY, LATEST));
        sized.take(1_000, 100, ANY).unwrap();
        refused(sized, MultibusError::SizeTooSmall, |offer| offer.take(49, 49, ANY));
        refused(sized, MultibusError::SizeTooSmall, |offer| offer.reserve(49, ANY, LATEST));
        let mut locked = sized;
        assert!(locked.reserve(50, ANY, LATEST).is_ok());
        assert_eq!(sized.take(100, 1, ANY).unwrap().energy_wh, 50);
    }

    #[test]
    fn price_guards_refuse_what_moved() {
        let at = |max_price_per_kwh, expected_version| PriceGuard { max_price_per_kwh, expected_version };
        let mut repriced = offer(1_000, 500);
        repriced.reprice(600, 0, 0).unwrap();
        assert_eq!(repriced.version, 2);
        refused(repriced, MultibusError::PriceAboveLimit, |offer| offer.take(1, 1, at(599, 2)));
        refused(repriced, MultibusError::VersionMismatch, |offer| offer.take(1, 1, at(600, 1)));
        refused(repriced, MultibusError::PriceAboveLimit, |offer| offer.reserve(1, at(599, 2), LATEST));
        refused(repriced, MultibusError::VersionMismatch, |offer| offer.reserve(1, at(600, 1), LATEST));
        assert!(repriced.take(1, 1, at(600, 2)).is_ok());
        assert!(repriced.take(1, 1, at(600, 0)).is_ok());
    }

    #[test]
    fn overflowing_costs_are_refused() {
        let overflows = |offer: Offer, take: u64| {
            refused(offer, MultibusError::CostOverflow, |offer| offer.take(take, 1, ANY));
            refused(offer, MultibusError::CostOverflow, |offer| offer.reserve(take, ANY, LATEST));
        };
        overflows(offer(u64::MAX, u64::MAX), u64::MAX);
        overflows(Offer { proceeds: u64::MAX, deposits: u64::MAX, ..offer(10, 1_000) }, 1);
        let mut last = Offer { proceeds: u64::MAX - 1, ..offer(10, 1_000) };
        assert!(last.take(1, 1, ANY).is_ok());
    }

    #[test]
    fn what_is_paid_on_delivery_terms_moves_on_and_is_not_collected() {
        let mut delivered = Offer { grid_fee_per_kwh: 300, full_price_per_kwh: 1_000, ..offer(10_000, 700) };
        delivered.set_book(&wallet(7), 95);
        assert_eq!((delivered.book, delivered.book_place, delivered.is_on_delivery()), (wallet(7), 95, true));
        delivered.take(1_000, 1_000, ANY).unwrap();
        assert_eq!((delivered.move_to_book(), delivered.move_to_book()), (1_000, 0));
        assert_eq!(delivered.collect(), Collection { amount: 0, grid_fee: 0 });
        assert_eq!((delivered.sold_wh(), delivered.check_invariants()), (1_000, Ok(())));
    }

    #[test]
    fn a_buyer_pays_the_grid_fee_on_top_and_the_grid_loses_nothing_to_rounding() {
        let mut taxed = Offer { grid_fee_per_kwh: 300, full_price_per_kwh: 1_000, ..offer(10_000, 700) };
        let limit = |max_price_per_kwh| PriceGuard { max_price_per_kwh, expected_version: 0 };
        refused(taxed, MultibusError::PriceAboveLimit, |offer| offer.take(1, 1, limit(999)));
        let fill = taxed.take(1_001, 1, limit(1_000)).unwrap();
        assert_eq!((fill.price_per_kwh, fill.grid_fee_per_kwh, fill.cost), (1_000, 300, 1_001));
        assert_eq!(taxed.collect(), Collection { amount: 701, grid_fee: 300 });
        // Collected after every Wh, the grid gets as much as from all at once.
        let mut grid_fee = 300;
        for _ in 0..999 {
            taxed.take(1, 1, ANY).unwrap();
            grid_fee += taxed.collect().grid_fee;
        }
        assert_eq!((taxed.sold_wh(), grid_fee, taxed.grid_credited), (2_000, 600, 600));
        refused(taxed, MultibusError::CostOverflow, |offer| offer.reprice(u64::MAX - 299, 0, 0));
        taxed.reprice(u64::MAX - 300, 0, 0).unwrap();
    }

    #[test]
    fn counters_at_their_end_refuse() {
        let mut last = offer(10, 1);
        last.version = u32::MAX;
        refused(last, MultibusError::CounterOverflow, |offer| offer.reprice(2, 0, 0));
        last.locks_taken = u32::MAX;
        refused(last, MultibusError::CounterOverflow, |offer| offer.reserve(1, ANY, LATEST));
    }

    #[test]
    fn an_expiry_is_shortened_and_extended_but_not_before_its_locks() {
        let mut expiring = offer(10, 1);
        refused(expiring, MultibusError::ExpiryInPast, |offer| offer.set_expiry(500, 0, END, 500));
        refused(expiring, MultibusError::ExpiryTooLate, |offer| offer.set_expiry(END + 1, 0, END, 500));
        expiring.set_expiry(501, 0, END, 500).unwrap();
        expiring.set_expiry(END, 0, END, 500).unwrap();
        expiring.reserve(1, ANY, 800).unwrap();
        refused(expiring, MultibusError::ExpiryBeforeLocks, |offer| offer.set_expiry(1_099, 0, END, 500));
        expiring.set_expiry(1_100, 0, END, 500).unwrap();
        assert_eq!((expiring.expires_at, expiring.check_invariants()), (1_100, Ok(())));
        // Once the lock is closed, it no longer limits the expiry.
        expiring.release(1, 0);
        expiring.refund(expiring.deposits);
        expiring.set_expiry(600, 0, END, 500).unwrap();
        // Every change gives the next version, and a change that names another version is refused.
        assert_eq!(expiring.version, 5);
        refused(expiring, MultibusError::VersionMismatch, |offer| offer.set_expiry(700, 4, END, 500));
        refused(expiring, MultibusError::VersionMismatch, |offer| offer.reprice(2, 4, 500));
        expiring.reprice(2, 5, 500).unwrap();
        expiring.set_expiry(700, 6, END, 500).unwrap();
        // What has expired does not come back.
        refused(expiring, MultibusError::OfferExpired, |offer| offer.set_expiry(END, 0, END, 700));
    }

    #[test]
    fn the_expiry_second_trades_no_more() {
        let bus = bus();
        assert_eq!(offer(10, 1).validate_tradable(&bus, END - 1), Ok(()));
        assert_eq!(offer(10, 1).validate_tradable(&bus, END), Err(MultibusError::OfferExpired.into()));
    }

    #[test]
    fn an_offer_of_the_bus_waits_when_it_is_listed_or_lowered() {
        let bus = Bus { reserve_price_per_kwh: 500, ..bus() };
        let mut own = own(10, 600);
        let early = Err(MultibusError::OfferNotYetTrading.into());
        assert_eq!(own.validate_tradable(&bus, 119), early.clone());
        assert_eq!(own.validate_tradable(&bus, 120), Ok(()));
        // A raised price does not make it wait; a lowered one does.
        own.reprice(700, 0, 1_000).unwrap();
        assert_eq!(own.validate_tradable(&bus, 1_000), Ok(()));
        own.reprice(700, 0, 1_000).unwrap();
        assert_eq!(own.validate_tradable(&bus, 1_000), Ok(()));
        own.reprice(699, 0, 1_000).unwrap();
        assert_eq!((own.trades_from, own.validate_tradable(&bus, 1_119)), (1_120, early));
        assert_eq!(own.validate_tradable(&bus, 1_120), Ok(()));
        // A new expiry does not make it wait.
        own.set_expiry(6_000, 0, END, 2_000).unwrap();
        assert_eq!((own.trades_from, own.validate_tradable(&bus, 2_000)), (1_120, Ok(())));
        // A raised reserve price applies at once to the bus's own offers, and never to those of others.
        let raised = Bus { reserve_price_per_kwh: 700, ..bus };
        assert_eq!(own.validate_tradable(&raised, 5_120), Err(MultibusError::PriceBelowReserve.into()));
        assert_eq!(offer(10, 1).validate_tradable(&raised, 0), Ok(()));
        let mut members = offer(10, 600);
        members.reprice(1, 0, 1_000).unwrap();
        assert_eq!((members.trades_from, members.validate_tradable(&bus, 1_000)), (0, Ok(())));
    }

    #[test]
    fn a_lock_ends_well_before_its_offer() {
        refused(offer(10, 1), MultibusError::LockOutlivesOffer, |offer| offer.reserve(1, ANY, LATEST + 1));
        let mut locked = offer(10, 1);
        locked.reserve(1, ANY, LATEST).unwrap();
        assert_eq!((locked.locked_until, locked.check_invariants()), (LATEST, Ok(())));
        locked.reserve(1, ANY, LATEST - 1).unwrap();
        assert_eq!(locked.locked_until, LATEST);
    }

    #[test]
    fn a_lock_keeps_its_deposit_apart_until_it_ends() {
        let mut locked = offer(1_000, 1_000);
        locked.reserve(300, ANY, LATEST).unwrap();
        locked.reserve(200, ANY, LATEST).unwrap();
        assert_eq!((locked.deposits, locked.proceeds, locked.open_locks), (500, 0, 2));
        locked.settle(300, 300);
        assert_eq!((locked.deposits, locked.proceeds, locked.open_locks), (200, 300, 1));
        assert_eq!((locked.reserved_wh, locked.remaining_wh, locked.sold_wh()), (200, 700, 300));
        // Released: the energy is free at once, the refund is held until it is paid.
        locked.release(200, 10);
        assert_eq!((locked.deposits, locked.free_wh(), locked.open_locks), (190, 700, 1));
        assert_eq!(locked.check_invariants(), Ok(()));
        locked.refund(190);
        assert_eq!((locked.deposits, locked.open_locks, locked.check_invariants()), (0, 0, Ok(())));
        assert_eq!((locked.collect().amount, locked.collect().amount, locked.proceeds), (300, 0, 0));
    }

    #[test]
    fn cancelling_leaves_locked_energy() {
        let mut locked = offer(1_000, 1);
        locked.reserve(300, ANY, LATEST).unwrap();
        locked.take(100, 100, ANY).unwrap();
        assert_eq!(locked.cancel(false).unwrap(), 600);
        assert_eq!((locked.listed_wh, locked.remaining_wh, locked.reserved_wh), (400, 300, 300));
        refused(locked, MultibusError::NothingToCancel, |offer| offer.cancel(false));
        refused(locked, MultibusError::OfferCancelled, |offer| offer.reprice(5, 0, 0));
        refused(locked, MultibusError::OfferCancelled, |offer| offer.set_expiry(5, 0, END, 1));
        locked.release(300, 0);
        locked.refund(1);
        assert_eq!(locked.cancel(false).unwrap(), 300);
        assert_eq!((locked.listed_wh, locked.remaining_wh), (100, 0));
    }

    #[test]
    fn an_offer_is_what_its_terms_say() {
        let capacity = Capacity { window_start: 900, gate_closes_at: 840, bus: BUS, ..Capacity::zeroed() };
        let seller = Seller { vault: wallet(5), wallet: wallet(3), ..Seller::zeroed() };
        let terms = OfferTerms { energy_wh: 7, price_per_kwh: 8, expires_at: 9, source: 5 };
        let mut made = Offer::zeroed();
        let place = OfferPlace { capacity: &capacity, seller: &seller, least_wh: 2, grid_fee_per_kwh: 4 };
        made.initialize(place, 3, terms, 6);
        assert_eq!((made.layout_version, made.source, made.version, made.number), (LAYOUT_VERSION, 5, 1, 3));
        assert_eq!((made.price_per_kwh, made.listed_wh, made.remaining_wh, made.reserved_wh), (8, 7, 7, 0));
        assert_eq!((made.window_start, made.gate_closes_at, made.created_at, made.expires_at), (900, 840, 6, 9));
        assert_eq!((made.least_wh, made.locks_taken), (2, 0));
        assert_eq!((made.bus, made.vault, made.wallet, made.trades_from), (BUS, wallet(5), wallet(3), 0));
        assert_eq!((made.grid_fee_per_kwh, made.grid_credited), (4, 0));
        assert_eq!(made.check_invariants(), Ok(()));
        let mut own = Offer::zeroed();
        let seller = Seller { wallet: BUS, ..seller };
        let place = OfferPlace { capacity: &capacity, seller: &seller, least_wh: 2, grid_fee_per_kwh: 4 };
        own.initialize(place, 3, terms, 6);
        assert_eq!((own.trades_from, own.is_of_bus(), own.check_invariants()), (126, true, Ok(())));
    }

    #[test]
    fn terms_are_refused_just_beyond_each_limit() {
        use MultibusError::*;
        let now = 1_000;
        let sound = (
            OfferTerms { energy_wh: 10, price_per_kwh: 10, expires_at: now + 1, source: 5 },
            Bus {
                base_price_per_kwh: 10,
                reserve_price_per_kwh: 20,
                terms: Terms { window_seconds: 900, ..Terms::zeroed() },
                horizon_seconds: 3_600,
                capacity_wh: 100,
                least_wh: 10,
                ..bus()
            },
            Capacity {
                window_start: now + 61,
                gate_closes_at: now + 1,
                total_wh: 100,
                available_wh: 100,
                ..Capacity::zeroed()
            },
            Seller { wallet: wallet(3), ..Seller::zeroed() },
        );
        type Case = (OfferTerms, Bus, Capacity, Seller);
        let validate = |change: fn(&mut Case)| {
            let mut case = sound;
            change(&mut case);
            case.0.validate(&case.1, &BUS, &case.3, &case.2, now)
        };
        let refused: &[(MultibusError, Change<Case>)] = &[
            (BusPaused, |case| case.1.paused = 1),
            (BusClosing, |case| case.1.closing = 1),
            (SellerSuspended, |case| case.3.suspended = 1),
            (ListingClosed, |case| case.1.listing_policy = 0),
            (EnergyZero, |case| case.0.energy_wh = 0),
            (EnergyZero, |case| (case.0.energy_wh, case.2.available_wh) = (0, 0)),
            (SizeTooSmall, |case| case.0.energy_wh = 9),
            (PriceBelowBase, |case| case.0.price_per_kwh = 9),
            (PriceBelowReserve, |case| (case.3.wallet, case.0.price_per_kwh) = (BUS, 19)),
            (SourceUnknown, |case| case.0.source = 6),
            (ExpiryInPast, |case| case.0.expires_at = 1_000),
            (ExpiryTooLate, |case| case.0.expires_at = 1_002),
            (ExpiryTooLate, |case| {
                (case.0.expires_at, case.2.gate_closes_at, case.2.window_start) = (4_601, i64::MAX, 0);
                case.1.terms = Terms::zeroed();
            }),
            (WindowsOn, |case| case.2.window_start = 0),
            (GateClosed, |case| case.2.gate_closes_at = 1_000),
        ];
        for (index, (error, change)) in refused.iter().enumerate() {
            assert_eq!(validate(*change), Err((*error).into()), "{index}: {error:?}");
        }
        let taken: &[Change<Case>] = &[
            |_| (),
            |case| {
                (case.0.expires_at, case.2.gate_closes_at, case.2.window_start) = (4_600, i64::MAX, 0);
                case.1.terms = Terms::zeroed();
            },
            |case| case.1.terms = Terms::zeroed(),
            |case| (case.3.wallet, case.0.price_per_kwh) = (BUS, 20),
            |case| (case.3.wallet, case.0.price_per_kwh, case.1.listing_policy) = (BUS, 20, 0),
            |case| (case.0.energy_wh, case.2.available_wh) = (9, 9),
            // What is left under a capacity that was lowered.
            |case| (case.0.energy_wh, case.1.capacity_wh) = (9, 9),
        ];
        for (index, change) in taken.iter().enumerate() {
            assert_eq!(validate(*change), Ok(()), "{index}");
        }
    }

    #[test]
    fn an_offer_remembers_that_who_listed_it_cancelled_it() {
        let cancelled = |mut offer: Offer, by: &[bool]| {
            for by_lister in by {
                offer.cancel(*by_lister).unwrap();
            }
            offer.cancelled
        };
        for (by, expected) in [
            (&[false][..], CANCELLED),
            (&[true], CANCELLED_BY_LISTER),
            (&[true, false], CANCELLED_BY_LISTER),
            (&[false, true], CANCELLED_BY_LISTER),
        ] {
            assert_eq!(cancelled(offer(10, 1), by), expected, "{by:?}");
        }
        assert_eq!(cancelled(own(10, 1), &[false]), CANCELLED_BY_LISTER);
    }

    #[test]
    fn nobody_buys_from_itself_or_what_does_not_trade() {
        let mut cancelled = offer(10, 1);
        let bus = bus();
        assert_eq!(cancelled.validate_buyer(&wallet(3)), Err(MultibusError::SelfTrade.into()));
        assert!(cancelled.validate_buyer(&wallet(4)).is_ok());
        let paused = Bus { paused: 1, ..bus };
        assert_eq!(cancelled.validate_tradable(&paused, 0), Err(MultibusError::BusPaused.into()));
        cancelled.cancelled = 1;
        assert_eq!(cancelled.validate_tradable(&bus, 0), Err(MultibusError::OfferCancelled.into()));
    }

    #[test]
    fn only_who_may_withdraws_an_offer_that_trades() {
        let mut bus = Bus { threshold: 2, ..bus() };
        let members = offer(10, 1);
        let seller = Seller { wallet: wallet(3), ..Seller::zeroed() };
        let still_trading = Err(MultibusError::OfferStillTrading.into());
        let cancel = |bus: &Bus, seller: &Seller, offer: Offer, caller: u8, now: i64| {
            offer.validate_cancel(bus, seller, &wallet(caller), 1, bus.closing == 1, now)
        };
        assert_eq!(cancel(&bus, &seller, members, 3, 0), Ok(()));
        for other in [1, 4, 8] {
            assert_eq!(cancel(&bus, &seller, members, other, 0), still_trading);
        }
        // Where its seller may no longer list, or is suspended, the owners and the operator may cancel.
        let suspended = Seller { suspended: 1, ..seller };
        bus.listing_policy = 0;
        for seller in [seller, suspended] {
            assert_eq!(cancel(&bus, &seller, members, 1, 0), Ok(()));
            assert_eq!(cancel(&bus, &seller, members, 8, 0), Ok(()));
            assert_eq!(cancel(&bus, &seller, members, 4, 0), still_trading);
            bus.listing_policy = 2;
        }
        let of_owner = Seller { wallet: wallet(1), ..seller };
        assert_eq!(cancel(&bus, &of_owner, Offer { wallet: wallet(1), ..members }, 2, 0), still_trading);
        // An offer of the bus: the owner who listed it and the operator may, other owners only where the bus is paused.
        let of_bus = Seller { wallet: BUS, ..seller };
        let own = Offer { rent_payer: wallet(2), ..own(10, 1) };
        for paused in [0, 1] {
            bus.paused = paused;
            let others = if paused == 1 { Ok(()) } else { still_trading.clone() };
            for (caller, expected) in [(2, Ok(())), (8, Ok(())), (1, others), (4, still_trading.clone())] {
                assert_eq!(cancel(&bus, &of_bus, own, caller, 0), expected);
            }
        }
        bus.paused = 0;
        let left = Offer { rent_payer: wallet(4), ..own };
        assert_eq!(cancel(&bus, &of_bus, left, 4, 0), still_trading, "who listed it and is no owner any more");
        assert_eq!(cancel(&bus, &of_bus, left, 1, 0), Ok(()), "who listed it is no owner any more");
        // As many owners together as pausing needs may.
        bus.threshold = 2;
        assert_eq!(own.validate_cancel(&bus, &of_bus, &wallet(1), 1, false, 0), still_trading);
        assert_eq!(own.validate_cancel(&bus, &of_bus, &wallet(1), 2, false, 0), Ok(()));
        assert_eq!(own.validate_cancel(&bus, &of_bus, &wallet(4), 2, false, 0), still_trading, "a stranger calls");
        bus.pause_quorum = 1;
        assert_eq!(own.validate_cancel(&bus, &of_bus, &wallet(1), 1, false, 0), Ok(()));
        // On a closing bus anyone can.
        let closing = Bus { closing: 1, ..bus };
        assert_eq!(cancel(&closing, &seller, members, 4, 0), Ok(()));
        // Anyone can once it is sold out or cancelled before, or from the expiry second on.
        assert_eq!(cancel(&bus, &seller, Offer { remaining_wh: 0, ..members }, 4, 0), Ok(()));
        assert_eq!(cancel(&bus, &seller, Offer { cancelled: 1, ..members }, 4, 0), Ok(()));
        assert_eq!(cancel(&bus, &seller, members, 4, END - 1), still_trading);
        assert_eq!(cancel(&bus, &seller, members, 4, END), Ok(()));
    }

    #[test]
    fn a_seller_changes_its_offer_and_of_the_bus_own_the_owner_who_listed() {
        let bus = bus();
        let not_the_seller = Err(MultibusError::NotTheSeller.into());
        for (caller, expected) in [(3, Ok(())), (1, not_the_seller.clone()), (8, not_the_seller.clone())] {
            assert_eq!(offer(10, 1).validate_lister(&bus, &wallet(caller)), expected);
        }
        let own = Offer { rent_payer: wallet(2), ..own(10, 1) };
        for (caller, expected) in [(2, Ok(())), (1, not_the_seller.clone()), (8, not_the_seller.clone())] {
            assert_eq!(own.validate_lister(&bus, &wallet(caller)), expected);
        }
        let left = Offer { rent_payer: wallet(4), ..own };
        assert_eq!(left.validate_lister(&bus, &wallet(4)), not_the_seller, "it is no owner any more");
    }

    #[test]
    fn an_offer_is_cancelled_again_only_where_something_came_free() {
        let mut cancelled = Offer { cancelled: 1, ..offer(10, 1) };
        (cancelled.remaining_wh, cancelled.reserved_wh, cancelled.open_locks) = (5, 5, 1);
        refused(cancelled, MultibusError::NothingToCancel, |offer| offer.cancel(false));
        cancelled.reserved_wh = 4;
        assert_eq!(cancelled.cancel(false), Ok(1));
        assert_eq!((cancelled.listed_wh, cancelled.remaining_wh), (9, 4));
        let mut sold_out = Offer { remaining_wh: 0, cancelled: 1, ..offer(10, 1) };
        assert_eq!(sold_out.cancel(false), Ok(0));
    }

    /// An offer whose window an auction closes at the end.
    fn in_auction(listed_wh: u64, price_per_kwh: u64) -> Offer {
        Offer { window_start: END, gate_closes_at: END, in_auction: 1, ..offer(listed_wh, price_per_kwh) }
    }

    #[test]
    fn an_ask_is_what_can_be_bought_at_the_gate() {
        let ask = in_auction(10, 5);
        assert_eq!(ask.ask_wh(), 10);
        assert_eq!(Offer { remaining_wh: 4, reserved_wh: 3, ..ask }.ask_wh(), 4, "locks have ended");
        assert_eq!(Offer { cancelled: 1, ..ask }.ask_wh(), 0);
        assert_eq!(Offer { expires_at: END - 1, ..ask }.ask_wh(), 0);
        assert_eq!(Offer { trades_from: END, ..ask }.ask_wh(), 10);
        assert_eq!(Offer { trades_from: END + 1, ..ask }.ask_wh(), 0);
    }

    #[test]
    fn in_the_last_300_seconds_an_offer_only_improves() {
        let (closing, ask) = (END - AUCTION_CLOSING_SECONDS, Offer { expires_at: END - 1, ..in_auction(10, 5) });
        assert_eq!(Offer { ..ask }.reprice(6, 0, closing - 1), Ok(()));
        refused(ask, MultibusError::LastMinutes, |ask| ask.reprice(6, 0, closing));
        assert_eq!(Offer { ..ask }.reprice(5, 0, closing), Ok(()));
        assert_eq!(Offer { ..ask }.reprice(4, 0, END - 1), Ok(()));
        refused(ask, MultibusError::GateClosed, |ask| ask.reprice(4, 0, END));
        assert_eq!(Offer { ..ask }.set_expiry(END - 2, 0, END, closing - 1), Ok(()));
        refused(ask, MultibusError::LastMinutes, |ask| ask.set_expiry(END - 2, 0, END, closing));
        assert_eq!(Offer { ..ask }.set_expiry(END, 0, END, closing), Ok(()));
        // What the bus offers must still trade at the gate.
        let own = Offer { wallet: BUS, trades_from: 1, ..ask };
        assert_eq!(Offer { ..own }.reprice(4, 0, END - BUS_OFFER_DELAY_SECONDS), Ok(()));
        let late = END - BUS_OFFER_DELAY_SECONDS + 1;
        refused(own, MultibusError::LastMinutes, |own| own.reprice(4, 0, late));
        // Without an auction nothing of this counts.
        let other = Offer { in_auction: 0, ..ask };
        assert_eq!(Offer { ..other }.reprice(6, 0, END), Ok(()));
    }

    #[test]
    fn an_auction_sells_what_ended_locks_still_reserve() {
        let mut ask = Offer { reserved_wh: 8, open_locks: 1, locks_taken: 1, deposits: 9, ..in_auction(10, 5) };
        ask.sell_in_auction(7, 70).unwrap();
        assert_eq!((ask.remaining_wh, ask.proceeds, ask.settled), (3, 70, 1));
        assert_eq!(ask.cancel(false), Ok(0));
        ask.release(8, 0);
        assert_eq!((ask.reserved_wh, ask.cancel(false), ask.listed_wh), (0, Ok(3), 7));
        let full = Offer { proceeds: u64::MAX, ..in_auction(10, 5) };
        refused(full, MultibusError::CostOverflow, |full| full.sell_in_auction(7, 1));
    }

    #[test]
    fn grid_fees_are_never_more_than_an_auction_paid() {
        // 1 Wh at 0.001 and half a base unit of fee: the auction pays nothing for it.
        let mut ask = Offer { grid_fee_per_kwh: 500, full_price_per_kwh: 505, ..in_auction(10, 5) };
        ask.take(1, 1, ANY).unwrap();
        assert_eq!(ask.collect(), Collection { amount: 1, grid_fee: 0 });
        ask.sell_in_auction(1, 0).unwrap();
        assert_eq!(ask.collect(), Collection { amount: 0, grid_fee: 0 });
        assert_eq!(ask.grid_credited, 0);
    }

    #[test]
    fn every_invariant_notices_what_breaks_it() {
        let mut sound = Offer { created_at: 5, cancelled: 1, locked_until: LATEST, ..own(11, 1) };
        (sound.remaining_wh, sound.reserved_wh, sound.open_locks, sound.source) = (10, 10, 2, 5);
        (sound.proceeds, sound.deposits, sound.locks_taken) = (1, 2, 2);
        let others = [
            Offer { created_at: END - 1, ..own(11, 1) },
            Offer { open_locks: 1, locks_taken: 1, ..sound },
            Offer { window_start: END, gate_closes_at: END, ..sound },
        ];
        for offer in others.iter().chain([&sound]) {
            assert_eq!(offer.check_invariants(), Ok(()));
        }
        assert_noticed(
            &sound,
            Offer::check_invariants,
            &[
                ("the layout version is the present one", |offer| offer.layout_version = 1),
                ("the source is known", |offer| offer.source = 6),
                ("who cancelled it is known", |offer| offer.cancelled = 3),
                ("flags are 0 or 1", |offer| offer.in_auction = 2),
                ("flags are 0 or 1", |offer| offer.settled = 1),
                ("versions start at 1", |offer| offer.version = 0),
                ("the price is above zero", |offer| offer.price_per_kwh = 0),
                ("reserved <= remaining <= listed", |offer| offer.reserved_wh = 11),
                ("reserved <= remaining <= listed", |offer| offer.listed_wh = 9),
                ("energy is reserved only where locks are open", |offer| offer.open_locks = 0),
                ("deposits are held only where locks are open", |offer| (offer.open_locks, offer.reserved_wh) = (0, 0)),
                ("proceeds come from sold energy", |offer| offer.remaining_wh = 11),
                ("a window has a gate", |offer| offer.window_start = 900),
                ("a window has a gate", |offer| offer.gate_closes_at = END),
                ("an offer expires before its gate", |offer| offer.expires_at = 5),
                ("an offer expires before its gate", |offer| {
                    (offer.window_start, offer.gate_closes_at) = (END, END - 1);
                }),
                ("only the bus's own offers wait", |offer| offer.trades_from = 0),
                ("only the bus's own offers wait", |offer| offer.wallet = wallet(3)),
                ("locks end well before their offer", |offer| offer.locked_until += 1),
                ("locks end well before their offer", |offer| offer.locked_until = i64::MAX),
                ("the least size is above zero", |offer| offer.least_wh = 0),
                ("there are no more open locks than were taken", |offer| offer.locks_taken = 0),
                ("a buyer pays the price and the grid fee", |offer| offer.full_price_per_kwh += 1),
                ("grid fees are those of sold energy", |offer| offer.grid_credited = 1),
                ("an offer on delivery terms has a book", |offer| offer.on_delivery = 1),
                ("an offer on delivery terms has a book", |offer| offer.book = wallet(1)),
                ("a book holds what is paid on delivery terms", |offer| {
                    (offer.on_delivery, offer.book) = (1, wallet(1));
                }),
                ("reserved bytes are zero", |offer| offer.padding[3] = 1),
                ("reserved bytes are zero", |offer| offer.reserved[6] = 1),
            ],
        );
    }

    proptest! {
        #[test]
        fn no_wh_and_no_base_unit_appears_or_vanishes(
            listed in 1u64..10_000,
            steps in prop::collection::vec((0u8..8, 1u64..2_000, 1u64..2_000), 0..80),
        ) {
            let mut offer = Offer { grid_fee_per_kwh: 13, full_price_per_kwh: 713, ..offer(listed, 700) };
            // Locks that hold energy with their deposit, and refunds that are not paid.
            let (mut sold, mut withdrawn, mut locks, mut refunds) = (0, 0, Vec::new(), Vec::new());
            let (mut paid, mut out, mut grid) = (0, 0, 0);
            for (step, amount, minimum) in steps {
                let before = offer;
                let changed = match step {
                    0 => offer.take(amount, minimum.min(amount), ANY).map(|fill| {
                        sold += fill.energy_wh;
                        paid += fill.cost;
                    }).is_ok(),
                    1 => offer.reserve(amount, ANY, LATEST).map(|fill| {
                        locks.push((fill.energy_wh, fill.cost));
                        paid += fill.cost;
                    }).is_ok(),
                    2 => locks.pop().map(|(energy, deposit)| { offer.settle(energy, deposit); sold += energy; }).is_some(),
                    3 => locks.pop().map(|(energy, deposit)| {
                        let fee = minimum % (deposit / 2 + 1);
                        offer.release(energy, fee);
                        refunds.push(deposit - fee);
                        out += fee;
                    }).is_some(),
                    4 => refunds.pop().map(|refund| { offer.refund(refund); out += refund; }).is_some(),
                    5 => offer.reprice(amount, 0, 0).is_ok(),
                    6 => {
                        let Collection { amount, grid_fee } = offer.collect();
                        (out, grid) = (out + amount + grid_fee, grid + grid_fee);
                        prop_assert_eq!(grid, sold * 13 / 1_000);
                        amount + grid_fee > 0
                    }
                    _ => amount % 7 == 0 && offer.cancel(false).map(|energy| withdrawn += energy).is_ok(),
                };
                if !changed {
                    prop_assert_eq!(offer, before);
                }
                prop_assert_eq!(offer.check_invariants(), Ok(()));
                prop_assert_eq!(offer.remaining_wh + sold + withdrawn, listed);
                prop_assert_eq!(offer.sold_wh(), sold);
                prop_assert_eq!(offer.reserved_wh, locks.iter().map(|(energy, _)| energy).sum::<u64>());
                let deposits = locks.iter().map(|(_, deposit)| deposit).chain(&refunds).sum::<u64>();
                prop_assert_eq!(offer.deposits, deposits);
                prop_assert_eq!(offer.open_locks as usize, locks.len() + refunds.len());
                prop_assert_eq!(offer.proceeds + offer.deposits + out, paid);
            }
        }
    }
}

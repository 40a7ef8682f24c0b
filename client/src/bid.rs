//! Bids: what buyers offer to pay for energy of a window, in the auction that closes it.
//!
//! A bid is made like a purchase: under the next nonce of a lane, with a hash that is known before, once, whatever the network
//! does. Its deposit waits in the escrow of the bus. Until 300 s before the window's gate its buyer may withdraw it; once the price is
//! proven, anyone settles it: it pays for what it got, and the rest comes back. On delivery terms a second settlement returns what was
//! paid for energy that was not delivered.

use {
    crate::{
        account::{Keyed, offset},
        address,
        capacity::{self, Capacity, capacity_open},
        error::{Error, Result},
        event::Event,
        hash::TransactionHash,
        market::{Market, Settlement},
        purchase::{Buyer, Order, Plan, PurchaseKind, Purchased},
        quantity::{PricePerKwh, Wh},
        send::Sent,
        wallet::Wallet,
    },
    multibus::{
        constants::CERTIFICATE_SECONDS,
        math,
        state::{AuctionPhase, Bus},
    },
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
    solana_signature::Signature,
};

pub use multibus::state::{Bid, BidState};

/// A bid that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BidOrder {
    /// The bus.
    pub bus: Address,
    /// Start of the delivery window, in unix seconds.
    pub window_start: i64,
    /// Energy, in Wh. The auction may give less.
    pub energy_wh: u64,
    /// Highest price, grid fee included, in token base units per kWh.
    pub max_price_per_kwh: u64,
    /// Token account that pays the deposit; `None` for the buyer's associated token account.
    pub payment: Option<Address>,
    /// Token account that gets what is returned; `None` for the one that pays.
    pub refund: Option<Address>,
}

impl BidOrder {
    /// Up to this much energy at up to this price, grid fee included.
    pub fn new(bus: Address, window_start: i64, energy: Wh, max_price: PricePerKwh) -> Self {
        Self { bus, window_start, energy_wh: energy.0, max_price_per_kwh: max_price.0, payment: None, refund: None }
    }

    /// What enters its transaction hash.
    pub fn hashed(&self) -> Order {
        Order {
            offer: address::capacity(&self.bus, self.window_start),
            energy_wh: self.energy_wh,
            max_price_per_kwh: self.max_price_per_kwh,
        }
    }

    /// The hash that a nonce of a lane gives it, from which its address comes.
    pub fn transaction_hash(&self, buyer: &Address, lane: u16, nonce: u64) -> TransactionHash {
        TransactionHash::of(PurchaseKind::Bid, buyer, lane, nonce, &[self.hashed()])
    }
}

/// Instruction `bid_create`: makes a bid under the next nonce of a lane and deposits its full cost.
pub fn bid_create(buyer: &Buyer, lane: u16, nonce: u64, order: &BidOrder, settlement: &Settlement) -> Instruction {
    let hash = order.transaction_hash(&buyer.wallet, lane, nonce);
    let (bid, bump) = address::bid_and_bump(&hash.0);
    multibus::instruction::BidCreate {
        nonce,
        energy_wh: order.energy_wh,
        max_price_per_kwh: order.max_price_per_kwh,
        refund: order.refund.unwrap_or(buyer.payment),
        bump,
    }
    .to_instruction(multibus::accounts::BidCreate {
        buyer: buyer.wallet,
        trader: buyer.trader,
        bus: order.bus,
        capacity: address::capacity(&order.bus, order.window_start),
        bid,
        payment: buyer.payment,
        escrow: address::escrow(&order.bus),
        token_program: settlement.token_program,
        system_program: system_program::ID,
    })
}

/// Instruction `bid_cancel`: withdraws a bid until 300 s before the gate, and pays its deposit to a token account of the buyer's
/// choice.
pub fn bid_cancel(bid: &Keyed<Bid>, destination: &Address, settlement: &Settlement) -> Instruction {
    multibus::instruction::BidCancel {}.to_instruction(multibus::accounts::BidCancel {
        buyer: bid.buyer,
        bus: bid.bus,
        capacity: bid.capacity,
        bid: bid.address,
        escrow: address::escrow(&bid.bus),
        destination: *destination,
        token_program: settlement.token_program,
    })
}

/// Instruction `bid_settle`: takes a bid as far as it goes now, and pays what is to be returned to `refund`, or keeps it as a claim where
/// the bid closes. Anyone may; `refund` is the account that the bid names, or any where its buyer calls. With `close` its buyer
/// gives up the certificates that it did not take.
pub fn bid_settle(
    caller: &Address,
    bid: &Keyed<Bid>,
    refund: &Address,
    close: bool,
    settlement: &Settlement,
) -> Instruction {
    let claim = [address::unclaimed(&bid.bus), address::ledger(&bid.bus), address::claim(&bid.bus, &bid.buyer)];
    settle(caller, bid, refund, close, settlement, claim)
}

/// The same for a bid whose refund account can be paid: it names no accounts for a claim, so that more of them fit one
/// transaction.
pub(crate) fn bid_settle_payable(caller: &Address, bid: &Keyed<Bid>, settlement: &Settlement) -> Instruction {
    settle(caller, bid, &bid.refund, false, settlement, [bid.address; 3])
}

fn settle(
    caller: &Address,
    bid: &Keyed<Bid>,
    refund: &Address,
    close: bool,
    settlement: &Settlement,
    [unclaimed, ledger, claim]: [Address; 3],
) -> Instruction {
    multibus::instruction::BidSettle { close }.to_instruction(multibus::accounts::BidSettle {
        caller: *caller,
        bus: bid.bus,
        capacity: bid.capacity,
        bid: bid.address,
        buyer: bid.buyer,
        escrow: address::escrow(&bid.bus),
        refund: *refund,
        unclaimed,
        ledger,
        claim,
        token_program: settlement.token_program,
        system_program: system_program::ID,
    })
}

/// A bid that was made.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Where it is.
    pub address: Address,
    /// Its hash.
    pub transaction_hash: TransactionHash,
    /// Its nonce lane.
    pub lane: u16,
    /// Its nonce.
    pub nonce: u64,
    /// Its transaction.
    pub signature: Signature,
    /// Slot of its block.
    pub slot: u64,
    /// When, in unix seconds.
    pub created_at: i64,
    /// Energy, in Wh.
    pub energy_wh: u64,
    /// Highest price, grid fee included, in token base units per kWh.
    pub max_price_per_kwh: u64,
    /// What was deposited, in token base units.
    pub deposit: u64,
    /// Compute units used; 0 where the node does not serve them.
    pub compute_units: u64,
    /// How often a transaction was signed for it.
    pub attempts: u32,
}

/// Which bids to return: all conditions must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BidFilter {
    /// Only on this bus.
    pub bus: Option<Address>,
    /// Only in this delivery window.
    pub window_start: Option<i64>,
    /// Only of this wallet.
    pub buyer: Option<Address>,
}

/// What became of a bid. Energy is in Wh, money in token base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BidProgress {
    /// It waits for the auction.
    Open,
    /// The auction filled it. On purchase terms that is all; on delivery terms what is not delivered comes back later.
    Filled {
        /// What the auction gave it.
        allotted_wh: u64,
        /// What it paid.
        paid: u64,
    },
    /// On delivery terms: every seller has reported, and what it paid is final.
    Delivered {
        /// What the auction gave it.
        allotted_wh: u64,
        /// How much of that was delivered.
        delivered_wh: u64,
        /// What it paid.
        paid: u64,
    },
    /// The auction gave it nothing, or there was none. Its deposit came back.
    Unfilled,
    /// Its buyer withdrew it.
    Cancelled,
    /// It is closed, and the node does not serve the transaction that tells how it ended.
    Ended,
}

impl BidProgress {
    /// Its name in JSON and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Filled { .. } => "filled",
            Self::Delivered { .. } => "delivered",
            Self::Unfilled => "unfilled",
            Self::Cancelled => "cancelled",
            Self::Ended => "ended",
        }
    }

    fn of(state: u8, allotted_wh: u64, delivered_wh: u64, paid: u64) -> Self {
        if state == BidState::Open as u8 {
            Self::Open
        } else if allotted_wh == 0 {
            Self::Unfilled
        } else if state == BidState::Refunded as u8 {
            Self::Delivered { allotted_wh, delivered_wh, paid }
        } else {
            Self::Filled { allotted_wh, paid }
        }
    }
}

/// A bid, open or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BidStatus {
    /// Its address.
    pub address: Address,
    /// What became of it.
    pub state: BidProgress,
}

/// Whether anyone can settle a bid now to some effect: it is filled or returned, refunded, or closed. Where all that is left is to
/// pay what could not be paid, it depends on the refund account.
pub(crate) fn is_settleable(bid: &Bid, capacity: &Capacity, bus: &Bus, now: i64) -> bool {
    if bid.state == BidState::Open as u8 {
        return match capacity::phase(capacity, bus, now) {
            AuctionPhase::Cleared | AuctionPhase::Over => true,
            // Without an offer no auction will come.
            AuctionPhase::Trading => bus.closing == 1 && capacity.open_offers == 0,
            _ => false,
        };
    }
    if bid.state == BidState::Filled as u8 {
        return capacity.is_pool_complete() || owes_refund(bid);
    }
    owes_refund(bid)
        || bid.certified_wh == bid.delivered_wh
        || now >= capacity.pool_complete_at.saturating_add(CERTIFICATE_SECONDS)
}

/// Whether the escrow still holds what was to be returned.
fn owes_refund(bid: &Bid) -> bool {
    bid.deposit > bid.paid
}

/// Whether the settlement of a bid needs its refund account to be payable: then nothing else happens.
pub(crate) fn waits_for_refund_account(bid: &Bid, capacity: &Capacity, now: i64) -> bool {
    let is_done = bid.state == BidState::Refunded as u8
        && (bid.certified_wh == bid.delivered_wh
            || now >= capacity.pool_complete_at.saturating_add(CERTIFICATE_SECONDS));
    let changes =
        bid.state == BidState::Open as u8 || (bid.state == BidState::Filled as u8 && capacity.is_pool_complete());
    !is_done && !changes
}

impl Market {
    /// A bid, by its address.
    pub async fn bid(&self, bid: &Address) -> Result<Keyed<Bid>> {
        self.get(bid).await
    }

    /// Open bids that meet a filter, by window and address.
    pub async fn bids(&self, filter: &BidFilter) -> Result<Vec<Keyed<Bid>>> {
        // A request takes four conditions: length, kind and two more. The others are checked here.
        let start = filter.window_start.map(i64::to_le_bytes);
        let mut conditions: Vec<(usize, &[u8])> = Vec::with_capacity(2);
        if let Some(buyer) = &filter.buyer {
            conditions.push((offset!(Bid, buyer), buyer.as_ref()));
        }
        if let Some(bus) = &filter.bus {
            conditions.push((offset!(Bid, bus), bus.as_ref()));
        }
        if let Some(start) = &start
            && conditions.len() < 2
        {
            conditions.push((offset!(Bid, window_start), start));
        }
        let mut bids: Vec<Keyed<Bid>> = self.list(&conditions).await?;
        bids.retain(|bid| filter.window_start.is_none_or(|start| bid.window_start == start));
        bids.sort_unstable_by_key(|bid| (bid.window_start, bid.address));
        Ok(bids)
    }

    /// What became of the bid with a hash, open or ended; `None` where there was none, as far as the node serves its transactions.
    pub async fn bid_status(&self, transaction_hash: &TransactionHash) -> Result<Option<BidStatus>> {
        let address = address::bid(&transaction_hash.0);
        let status = |state| Some(BidStatus { address, state });
        if let Some(bid) = self.find::<Bid>(&address).await? {
            return Ok(status(BidProgress::of(bid.state, bid.allotted_wh, bid.delivered_wh, bid.paid)));
        }
        let history = self.account_history(&address).await?;
        let mut state = (!history.unread.is_empty()).then_some(BidProgress::Ended);
        for historic in &history.events {
            state = match &historic.event {
                Event::BidCreated(_) => Some(BidProgress::Ended),
                Event::BidCancelled(_) => Some(BidProgress::Cancelled),
                Event::BidSettled(event) => {
                    Some(BidProgress::of(event.state, event.allotted_wh, event.delivered_wh, event.paid))
                }
                _ => state,
            };
        }
        Ok(state.and_then(status))
    }
}

impl Wallet {
    /// Bids in the auction of a window. The deposit is paid now; what the auction does not need of it comes back. The bid is made
    /// once, whatever the network does: see [`purchase`](crate::purchase). Where the window is not open, the same transaction opens
    /// it, and this wallet pays its rent and gets it back.
    ///
    /// # Errors
    /// Where the program refuses it, [`Error::PurchaseUnknown`] where the network does not tell what became of it.
    pub async fn bid(&self, order: &BidOrder) -> Result<Placed> {
        let order = *order;
        let Some(deposit) = math::cost(order.energy_wh, order.max_price_per_kwh) else {
            return Err(Error::Invalid(format!(
                "{} Wh at {} per kWh cost more than 64 bits hold; bid for less",
                order.energy_wh, order.max_price_per_kwh
            )));
        };
        let made = match self.purchase(|| self.plan_bid(order)).await {
            Err(error @ Error::Program(_)) => {
                return Err(self.explain_payment(error, &order.bus, order.payment).await);
            }
            made => made?,
        };
        let Purchased { transaction_hash, lane, nonce, signature, slot, purchased_at, compute_units, attempts, .. } =
            made;
        Ok(Placed {
            address: address::bid(&transaction_hash.0),
            transaction_hash,
            lane,
            nonce,
            signature,
            slot,
            created_at: purchased_at,
            energy_wh: order.energy_wh,
            max_price_per_kwh: order.max_price_per_kwh,
            deposit,
            compute_units,
            attempts,
        })
    }

    async fn plan_bid(&self, order: BidOrder) -> Result<Plan> {
        let (settlement, capacity) = tokio::join!(
            self.market().settlement(&order.bus),
            self.market().find_capacity(&order.bus, order.window_start)
        );
        let (settlement, capacity) = (settlement?, capacity?);
        let wallet = self.address();
        let payment = order.payment.unwrap_or_else(|| settlement.token_account(&wallet));
        let mut plan = Plan::new(PurchaseKind::Bid, vec![order.hashed()], move |spent| {
            let buyer = Buyer { wallet, trader: spent.trader, payment };
            bid_create(&buyer, spent.lane, spent.nonce, &order, &settlement)
        });
        plan.before = self.open_window(&order, capacity.as_ref())?;
        Ok(plan)
    }

    /// The instruction that opens the window of a bid, where it is missing.
    pub(crate) fn open_window(&self, order: &BidOrder, capacity: Option<&Keyed<Capacity>>) -> Result<Vec<Instruction>> {
        if capacity.is_some() {
            return Ok(Vec::new());
        }
        if order.window_start == 0 {
            return Err(Error::Invalid(
                "window start 0 is the general capacity, which no auction closes; give the start of a window"
                    .to_string(),
            ));
        }
        Ok(vec![capacity_open(&self.address(), &order.bus, order.window_start)])
    }

    /// Withdraws one of this wallet's bids, until 300 s before the gate. Its deposit goes to `destination`; without one to its refund
    /// account, or where that cannot be paid to this wallet's associated token account, which is created where it is missing.
    pub async fn bid_cancel(&self, bid: &Address, destination: Option<&Address>) -> Result<Sent> {
        let bid = self.market().bid(bid).await?;
        if bid.buyer != self.address() {
            return Err(Error::Invalid(format!(
                "the bid {} belongs to {}, not to {}; sign with its buyer's wallet",
                bid.address,
                bid.buyer,
                self.address()
            )));
        }
        let settlement = self.market().settlement(&bid.bus).await?;
        let mut instructions = Vec::with_capacity(2);
        let destination = match destination {
            Some(destination) => *destination,
            None if self.market().is_payable(&bid.refund, &bid.buyer, &settlement).await? => bid.refund,
            None => {
                instructions.push(settlement.create_token_account(&self.address(), &bid.buyer));
                settlement.token_account(&bid.buyer)
            }
        };
        instructions.push(bid_cancel(&bid, &destination, &settlement));
        self.send_once(&bid.capacity, &instructions).await
    }

    /// Takes a bid as far as it goes now: fills or returns it once its auction is over, on delivery terms refunds it once every seller
    /// has reported, and closes it where nothing can come after. Anyone may. What is returned goes to its refund account; if this
    /// wallet is the buyer and that account cannot be paid, to its associated one, which is created where it is missing. With
    /// `close` its buyer gives up the certificates that it did not take.
    pub async fn bid_settle(&self, bid: &Address, close: bool) -> Result<Sent> {
        self.settle_bid(bid, None, close).await
    }

    /// The same for one of this wallet's bids, to a token account of its choice.
    pub async fn bid_settle_to(&self, bid: &Address, destination: &Address, close: bool) -> Result<Sent> {
        self.settle_bid(bid, Some(destination), close).await
    }

    async fn settle_bid(&self, bid: &Address, destination: Option<&Address>, close: bool) -> Result<Sent> {
        let bid = self.market().bid(bid).await?;
        let is_own = bid.buyer == self.address();
        if (close || destination.is_some()) && !is_own {
            let what = if close { "give up the certificates" } else { "choose the refund account" };
            return Err(Error::Invalid(format!(
                "only {} can {what} of the bid {}; leave that out, or sign with its buyer's wallet",
                bid.buyer, bid.address
            )));
        }
        let settlement = self.market().settlement(&bid.bus).await?;
        let mut instructions = Vec::with_capacity(2);
        let refund = match destination {
            Some(destination) => *destination,
            None if !is_own || self.market().is_payable(&bid.refund, &bid.buyer, &settlement).await? => bid.refund,
            None => {
                instructions.push(settlement.create_token_account(&self.address(), &bid.buyer));
                settlement.token_account(&bid.buyer)
            }
        };
        instructions.push(bid_settle(&self.address(), &bid, &refund, close, &settlement));
        self.send_once(&bid.capacity, &instructions).await
    }
}

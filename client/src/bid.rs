//! Bids: what buyers offer to pay for energy of a window, in the auction that closes it.

use {
    crate::{
        account::Keyed,
        address,
        hash::TransactionHash,
        market::Settlement,
        purchase::{Buyer, Order, PurchaseKind},
        quantity::{PricePerKwh, Wh},
    },
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
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

/// Instruction `bid_settle`: takes a bid as far as it goes now, and pays what is to be returned to its refund account, or keeps it as
/// a claim where the bid closes. Anyone may. With `close` its buyer gives up the certificates that it did not take.
pub fn bid_settle(caller: &Address, bid: &Keyed<Bid>, close: bool, settlement: &Settlement) -> Instruction {
    let claim = [address::unclaimed(&bid.bus), address::ledger(&bid.bus), address::claim(&bid.bus, &bid.buyer)];
    settle(caller, bid, close, settlement, claim)
}

/// The same for a bid whose refund account can be paid: it names no accounts for a claim, so that more of them fit one
/// transaction.
pub(crate) fn bid_settle_payable(caller: &Address, bid: &Keyed<Bid>, settlement: &Settlement) -> Instruction {
    settle(caller, bid, false, settlement, [bid.address; 3])
}

fn settle(
    caller: &Address,
    bid: &Keyed<Bid>,
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
        refund: bid.refund,
        unclaimed,
        ledger,
        claim,
        token_program: settlement.token_program,
        system_program: system_program::ID,
    })
}

//! `bid_create`, `bid_cancel` and `bid_settle`.

use {
    super::{bus::BusAddresses, trader::LaneAddress},
    crate::key::pda,
    multibus::{
        accounts, instruction,
        state::{Order, PurchaseKind, transaction_hash_of_one},
    },
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

/// The addresses of a bid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BidAddresses {
    pub address: Address,
    pub bump: u8,
    pub bus: BusAddresses,
    /// The window's capacity.
    pub capacity: Address,
    pub buyer: Address,
    /// Token account that gets what is returned.
    pub refund: Address,
}

/// What a buyer bids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BidOptions {
    pub energy_wh: u64,
    /// Grid fee included.
    pub max_price_per_kwh: u64,
    pub nonce: u64,
}

impl BidAddresses {
    /// Addresses of the bid that a lane makes with these options.
    pub fn of(
        bus: &BusAddresses,
        window_start: i64,
        lane: &LaneAddress,
        refund: Address,
        options: &BidOptions,
    ) -> Self {
        let capacity = bus.window(window_start);
        let BidOptions { energy_wh, max_price_per_kwh, nonce } = *options;
        let order = Order { offer: capacity, energy_wh, max_price_per_kwh };
        let hash = transaction_hash_of_one(PurchaseKind::Bid, &lane.wallet, lane.lane, nonce, order);
        let (address, bump) = pda::bid(&hash);
        Self { address, bump, bus: *bus, capacity, buyer: lane.wallet, refund }
    }
}

pub fn bid_create_accounts(bid: &BidAddresses, lane: &LaneAddress, payment: Address) -> accounts::BidCreate {
    accounts::BidCreate {
        buyer: bid.buyer,
        trader: lane.address,
        bus: bid.bus.address,
        capacity: bid.capacity,
        bid: bid.address,
        payment,
        escrow: bid.bus.escrow,
        token_program: bid.bus.mint.program.address(),
        system_program: system_program::ID,
    }
}

/// A bid whose deposit comes from `payment`.
pub fn bid_create(bid: &BidAddresses, lane: &LaneAddress, payment: Address, options: &BidOptions) -> Instruction {
    let BidOptions { energy_wh, max_price_per_kwh, nonce } = *options;
    instruction::BidCreate { nonce, energy_wh, max_price_per_kwh, refund: bid.refund, bump: bid.bump }
        .to_instruction(bid_create_accounts(bid, lane, payment))
}

pub fn bid_cancel(bid: &BidAddresses, destination: Address) -> Instruction {
    instruction::BidCancel {}.to_instruction(accounts::BidCancel {
        buyer: bid.buyer,
        bus: bid.bus.address,
        capacity: bid.capacity,
        bid: bid.address,
        escrow: bid.bus.escrow,
        destination,
        token_program: bid.bus.mint.program.address(),
    })
}

/// Takes a bid as far as it goes; `close` counts where the buyer calls.
pub fn bid_settle(bid: &BidAddresses, caller: &Address, close: bool) -> Instruction {
    instruction::BidSettle { close }.to_instruction(accounts::BidSettle {
        caller: *caller,
        bus: bid.bus.address,
        capacity: bid.capacity,
        bid: bid.address,
        buyer: bid.buyer,
        escrow: bid.bus.escrow,
        refund: bid.refund,
        unclaimed: bid.bus.unclaimed,
        ledger: bid.bus.ledger,
        claim: bid.bus.claim(&bid.buyer),
        token_program: bid.bus.mint.program.address(),
        system_program: system_program::ID,
    })
}

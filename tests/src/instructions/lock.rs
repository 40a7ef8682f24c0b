//! Accounts of `lock_take`, `lock_settle` and `lock_release`.

use {
    super::{offer::OfferAddresses, trader::LaneAddress},
    crate::key::pda,
    multibus::accounts,
    solana_address::Address,
    solana_sdk_ids::system_program,
};

pub fn lock_take_accounts(offer: &OfferAddresses, buyer: &Address, payment: Address) -> accounts::LockTake {
    accounts::LockTake {
        buyer: *buyer,
        bus: offer.bus.address,
        offer: offer.address,
        lock: pda::lock(&offer.address, buyer).0,
        payment,
        escrow: offer.bus.escrow,
        mint: offer.bus.mint.address,
        token_program: offer.bus.mint.program.address(),
        system_program: system_program::ID,
    }
}

pub fn lock_settle_accounts(offer: &OfferAddresses, lane: &LaneAddress) -> accounts::LockSettle {
    accounts::LockSettle {
        buyer: lane.wallet,
        trader: lane.address,
        bus: offer.bus.address,
        offer: offer.address,
        lock: pda::lock(&offer.address, &lane.wallet).0,
        escrow: offer.bus.escrow,
        payout: offer.payout,
        mint: offer.bus.mint.address,
        token_program: offer.bus.mint.program.address(),
    }
}

pub fn lock_release_accounts(
    offer: &OfferAddresses,
    caller: &Address,
    buyer: &Address,
    refund: Address,
) -> accounts::LockRelease {
    accounts::LockRelease {
        caller: *caller,
        buyer: *buyer,
        bus: offer.bus.address,
        offer: offer.address,
        lock: pda::lock(&offer.address, buyer).0,
        escrow: offer.bus.escrow,
        refund,
        payout: offer.payout,
        mint: offer.bus.mint.address,
        token_program: offer.bus.mint.program.address(),
    }
}

//! Accounts of `lock_take`, `lock_settle` and `lock_release`. A lock is named by its offer, its buyer and its place.

use {
    super::{offer::OfferAddresses, trader::LaneAddress},
    crate::key::pda,
    multibus::accounts,
    solana_address::Address,
    solana_sdk_ids::system_program,
};

pub fn lock_take_accounts(offer: &OfferAddresses, buyer: &Address, place: u8, payment: Address) -> accounts::LockTake {
    accounts::LockTake {
        buyer: *buyer,
        bus: offer.bus.address,
        offer: offer.address,
        lock: pda::lock(&offer.address, buyer, place).0,
        payment,
        vault: offer.vault,
        token_program: offer.bus.mint.program.address(),
        system_program: system_program::ID,
    }
}

pub fn lock_settle_accounts(offer: &OfferAddresses, lane: &LaneAddress, place: u8) -> accounts::LockSettle {
    accounts::LockSettle {
        buyer: lane.wallet,
        trader: lane.address,
        offer: offer.address,
        lock: pda::lock(&offer.address, &lane.wallet, place).0,
    }
}

pub fn lock_release_accounts(
    offer: &OfferAddresses,
    caller: &Address,
    buyer: &Address,
    place: u8,
    refund: Address,
) -> accounts::LockRelease {
    accounts::LockRelease {
        caller: *caller,
        buyer: *buyer,
        bus: offer.bus.address,
        offer: offer.address,
        lock: pda::lock(&offer.address, buyer, place).0,
        seller: offer.seller,
        vault: offer.vault,
        refund,
        unclaimed: offer.bus.unclaimed,
        ledger: offer.bus.ledger,
        claim: offer.bus.claim(buyer),
        token_program: offer.bus.mint.program.address(),
        system_program: system_program::ID,
    }
}

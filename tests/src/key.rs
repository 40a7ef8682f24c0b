//! Fixed keypairs, and the addresses of the program's accounts.

use {
    anchor_lang::solana_program::hash::hashv, multibus::constants::*, solana_address::Address, solana_keypair::Keypair,
};

/// The keypair of a name: always the same, so that addresses, bumps and compute units do not move.
pub fn keypair(name: &str) -> Keypair {
    Keypair::new_from_array(hashv(&[b"multibus tests", name.as_bytes()]).to_bytes())
}

/// Addresses of the program's accounts, with their bumps.
pub mod pda {
    use super::*;

    fn find(seeds: &[&[u8]]) -> (Address, u8) {
        Address::find_program_address(seeds, &multibus::ID)
    }

    pub fn creator(wallet: &Address) -> (Address, u8) {
        find(&[CREATOR_SEED, wallet.as_ref()])
    }

    pub fn bus(creator: &Address, bus_seq: u64) -> (Address, u8) {
        find(&[BUS_SEED, creator.as_ref(), &bus_seq.to_le_bytes()])
    }

    pub fn ledger(bus: &Address) -> (Address, u8) {
        find(&[LEDGER_SEED, bus.as_ref()])
    }

    pub fn capacity(bus: &Address, window_start: i64) -> (Address, u8) {
        find(&[CAPACITY_SEED, bus.as_ref(), &window_start.to_le_bytes()])
    }

    pub fn treasury(bus: &Address) -> (Address, u8) {
        find(&[TREASURY_SEED, bus.as_ref()])
    }

    pub fn unclaimed(bus: &Address) -> (Address, u8) {
        find(&[UNCLAIMED_SEED, bus.as_ref()])
    }

    pub fn escrow(bus: &Address) -> (Address, u8) {
        find(&[ESCROW_SEED, bus.as_ref()])
    }

    pub fn bid(transaction_hash: &[u8; 32]) -> (Address, u8) {
        find(&[BID_SEED, transaction_hash])
    }

    pub fn clearing(capacity: &Address, clearer: &Address) -> (Address, u8) {
        find(&[CLEARING_SEED, capacity.as_ref(), clearer.as_ref()])
    }

    pub fn claim(bus: &Address, wallet: &Address) -> (Address, u8) {
        find(&[CLAIM_SEED, bus.as_ref(), wallet.as_ref()])
    }

    pub fn proposal(bus: &Address, proposer: &Address, number: u64) -> (Address, u8) {
        find(&[PROPOSAL_SEED, bus.as_ref(), proposer.as_ref(), &number.to_le_bytes()])
    }

    pub fn seller(bus: &Address, wallet: &Address) -> (Address, u8) {
        find(&[SELLER_SEED, bus.as_ref(), wallet.as_ref()])
    }

    pub fn vault(seller: &Address) -> (Address, u8) {
        find(&[VAULT_SEED, seller.as_ref()])
    }

    pub fn offer(seller: &Address, number: u64) -> (Address, u8) {
        find(&[OFFER_SEED, seller.as_ref(), &number.to_le_bytes()])
    }

    pub fn lock(offer: &Address, buyer: &Address, place: u8) -> (Address, u8) {
        find(&[LOCK_SEED, offer.as_ref(), buyer.as_ref(), &[place]])
    }

    pub fn meter(seller: &Address) -> (Address, u8) {
        find(&[METER_SEED, seller.as_ref()])
    }

    pub fn device(key: &Address) -> (Address, u8) {
        find(&[DEVICE_SEED, key.as_ref()])
    }

    pub fn book(seller: &Address, first_window: i64) -> (Address, u8) {
        find(&[BOOK_SEED, seller.as_ref(), &first_window.to_le_bytes()])
    }

    pub fn position(book: &Address, buyer: &Address) -> (Address, u8) {
        find(&[POSITION_SEED, book.as_ref(), buyer.as_ref()])
    }

    pub fn certificate(seller: &Address, window_start: i64, range_start: u64) -> (Address, u8) {
        find(&[CERTIFICATE_SEED, seller.as_ref(), &window_start.to_le_bytes(), &range_start.to_le_bytes()])
    }

    pub fn trader(wallet: &Address, lane: u16) -> (Address, u8) {
        find(&[TRADER_SEED, wallet.as_ref(), &lane.to_le_bytes()])
    }
}

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

    pub fn bus(creator: &Address, bus_seq: u64) -> (Address, u8) {
        find(&[BUS_SEED, creator.as_ref(), &bus_seq.to_le_bytes()])
    }

    pub fn capacity(bus: &Address, window_start: i64) -> (Address, u8) {
        find(&[CAPACITY_SEED, bus.as_ref(), &window_start.to_le_bytes()])
    }

    pub fn escrow(bus: &Address) -> (Address, u8) {
        find(&[ESCROW_SEED, bus.as_ref()])
    }

    pub fn treasury(bus: &Address) -> (Address, u8) {
        find(&[TREASURY_SEED, bus.as_ref()])
    }

    pub fn proposal(bus: &Address, proposal_seq: u64) -> (Address, u8) {
        find(&[PROPOSAL_SEED, bus.as_ref(), &proposal_seq.to_le_bytes()])
    }

    pub fn offer(capacity: &Address, offer_seq: u64) -> (Address, u8) {
        find(&[OFFER_SEED, capacity.as_ref(), &offer_seq.to_le_bytes()])
    }

    pub fn lock(offer: &Address, buyer: &Address) -> (Address, u8) {
        find(&[LOCK_SEED, offer.as_ref(), buyer.as_ref()])
    }

    pub fn trader(wallet: &Address, lane: u16) -> (Address, u8) {
        find(&[TRADER_SEED, wallet.as_ref(), &lane.to_le_bytes()])
    }
}

//! Every address that the market derives.

use {
    multibus::constants::{
        BUS_SEED, CAPACITY_SEED, ESCROW_SEED, LOCK_SEED, OFFER_SEED, PROPOSAL_SEED, TRADER_SEED, TREASURY_SEED,
    },
    solana_address::Address,
    spl_associated_token_account_interface::address::get_associated_token_address_with_program_id,
};

fn derive(seeds: &[&[u8]]) -> Address {
    Address::find_program_address(seeds, &multibus::ID).0
}

/// A bus, by its creator and its number among the creator's buses.
pub fn bus(creator: &Address, bus_seq: u64) -> Address {
    derive(&[BUS_SEED, creator.as_ref(), &bus_seq.to_le_bytes()])
}

/// The capacity of a bus's delivery window; window start 0 is the general capacity.
pub fn capacity(bus: &Address, window_start: i64) -> Address {
    derive(&[CAPACITY_SEED, bus.as_ref(), &window_start.to_le_bytes()])
}

/// An offer, by its capacity and its sequence number there.
pub fn offer(capacity: &Address, offer_seq: u64) -> Address {
    derive(&[OFFER_SEED, capacity.as_ref(), &offer_seq.to_le_bytes()])
}

/// Whether an offer's address has the highest bump, 255. Each bump below costs the program about 400 compute units.
pub fn offer_is_cheap(capacity: &Address, offer_seq: u64) -> bool {
    offer_bump(capacity, offer_seq) == u8::MAX
}

/// The bump of an offer's address.
pub(crate) fn offer_bump(capacity: &Address, offer_seq: u64) -> u8 {
    Address::find_program_address(&[OFFER_SEED, capacity.as_ref(), &offer_seq.to_le_bytes()], &multibus::ID).1
}

/// A nonce lane of a wallet.
pub fn trader(wallet: &Address, lane: u16) -> Address {
    derive(&[TRADER_SEED, wallet.as_ref(), &lane.to_le_bytes()])
}

/// A buyer's lock on an offer.
pub fn lock(offer: &Address, buyer: &Address) -> Address {
    derive(&[LOCK_SEED, offer.as_ref(), buyer.as_ref()])
}

/// A proposal, by its bus and its number there.
pub fn proposal(bus: &Address, proposal_seq: u64) -> Address {
    derive(&[PROPOSAL_SEED, bus.as_ref(), &proposal_seq.to_le_bytes()])
}

/// The token account that holds the deposits of a bus's locks.
pub fn escrow(bus: &Address) -> Address {
    derive(&[ESCROW_SEED, bus.as_ref()])
}

/// The token account that receives the revenue of a bus's own offers.
pub fn treasury(bus: &Address) -> Address {
    derive(&[TREASURY_SEED, bus.as_ref()])
}

/// A wallet's associated token account of a mint, for either token program.
pub fn associated_token(wallet: &Address, mint: &Address, token_program: &Address) -> Address {
    get_associated_token_address_with_program_id(wallet, mint, token_program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_seed_changes_the_address() {
        let [a, b] = [Address::new_from_array([1; 32]), Address::new_from_array([2; 32])];
        let addresses = [
            bus(&a, 0),
            bus(&a, 1),
            bus(&b, 0),
            capacity(&a, 0),
            capacity(&a, 900),
            offer(&a, 0),
            offer(&a, 1),
            trader(&a, 0),
            trader(&a, 1),
            lock(&a, &b),
            lock(&b, &a),
            proposal(&a, 0),
            proposal(&a, 1),
            proposal(&b, 0),
            escrow(&a),
            treasury(&a),
            associated_token(&a, &b, &multibus::token::SPL_TOKEN_ID),
            associated_token(&a, &b, &multibus::token::TOKEN_2022_ID),
        ];
        for (index, address) in addresses.iter().enumerate() {
            assert!(!addresses[..index].contains(address), "address {index} comes twice");
        }
    }
}

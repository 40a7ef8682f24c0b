//! Every address that the market derives.

use {
    multibus::constants::{
        BUS_SEED, CAPACITY_SEED, CLAIM_SEED, CREATOR_SEED, LEDGER_SEED, LOCK_SEED, OFFER_SEED, PROPOSAL_SEED,
        SELLER_SEED, TRADER_SEED, TREASURY_SEED, UNCLAIMED_SEED, VAULT_SEED,
    },
    solana_address::Address,
    spl_associated_token_account_interface::address::get_associated_token_address_with_program_id,
};

fn derive(seeds: &[&[u8]]) -> Address {
    Address::find_program_address(seeds, &multibus::ID).0
}

/// The counter that numbers a wallet's buses.
pub fn creator(wallet: &Address) -> Address {
    derive(&[CREATOR_SEED, wallet.as_ref()])
}

/// A bus, by its creator and its number among the creator's buses.
pub fn bus(creator: &Address, bus_seq: u64) -> Address {
    derive(&[BUS_SEED, creator.as_ref(), &bus_seq.to_le_bytes()])
}

/// What changes on a bus without a decision.
pub fn ledger(bus: &Address) -> Address {
    derive(&[LEDGER_SEED, bus.as_ref()])
}

/// The capacity of a bus's delivery window; window start 0 is the general capacity.
pub fn capacity(bus: &Address, window_start: i64) -> Address {
    derive(&[CAPACITY_SEED, bus.as_ref(), &window_start.to_le_bytes()])
}

/// A wallet's seller account on a bus. The bus sells its own offers as the seller whose wallet is the bus.
pub fn seller(bus: &Address, wallet: &Address) -> Address {
    derive(&[SELLER_SEED, bus.as_ref(), wallet.as_ref()])
}

/// The token account that is paid for a seller, by the seller's account.
pub fn vault(seller: &Address) -> Address {
    derive(&[VAULT_SEED, seller.as_ref()])
}

/// An offer, by its seller's account and its number among that seller's offers.
pub fn offer(seller: &Address, number: u64) -> Address {
    derive(&[OFFER_SEED, seller.as_ref(), &number.to_le_bytes()])
}

/// A nonce lane of a wallet.
pub fn trader(wallet: &Address, lane: u16) -> Address {
    derive(&[TRADER_SEED, wallet.as_ref(), &lane.to_le_bytes()])
}

/// A buyer's lock on an offer, at one of its 8 places.
pub fn lock(offer: &Address, buyer: &Address, place: u8) -> Address {
    derive(&[LOCK_SEED, offer.as_ref(), buyer.as_ref(), &[place]])
}

/// A proposal, by its bus, its proposer and its number among that proposer's proposals.
pub fn proposal(bus: &Address, proposer: &Address, number: u64) -> Address {
    derive(&[PROPOSAL_SEED, bus.as_ref(), proposer.as_ref(), &number.to_le_bytes()])
}

/// The token account that receives the revenue of a bus's own offers.
pub fn treasury(bus: &Address) -> Address {
    derive(&[TREASURY_SEED, bus.as_ref()])
}

/// The token account that holds what a bus could not pay.
pub fn unclaimed(bus: &Address) -> Address {
    derive(&[UNCLAIMED_SEED, bus.as_ref()])
}

/// What a wallet can pull from a bus's unclaimed account.
pub fn claim(bus: &Address, wallet: &Address) -> Address {
    derive(&[CLAIM_SEED, bus.as_ref(), wallet.as_ref()])
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
            creator(&a),
            bus(&a, 0),
            bus(&a, 1),
            bus(&b, 0),
            ledger(&a),
            capacity(&a, 0),
            capacity(&a, 900),
            seller(&a, &b),
            seller(&b, &a),
            vault(&a),
            offer(&a, 0),
            offer(&a, 1),
            trader(&a, 0),
            trader(&a, 1),
            lock(&a, &b, 0),
            lock(&a, &b, 7),
            lock(&b, &a, 0),
            proposal(&a, &b, 0),
            proposal(&a, &b, 1),
            proposal(&b, &a, 0),
            treasury(&a),
            unclaimed(&a),
            claim(&a, &b),
            claim(&b, &a),
            associated_token(&a, &b, &multibus::token::SPL_TOKEN_ID),
            associated_token(&a, &b, &multibus::token::TOKEN_2022_ID),
        ];
        for (index, address) in addresses.iter().enumerate() {
            assert!(!addresses[..index].contains(address), "address {index} comes twice");
        }
    }
}

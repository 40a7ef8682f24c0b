//! A purchase: what was bought, and the hash that identifies it.

use {
    crate::{constants::TRANSACTION_HASH_TAG, numbered::numbered_enum},
    anchor_lang::{prelude::*, solana_program::hash::hashv},
    bytemuck::{Pod, Zeroable},
};

/// A part of an offer that was sold, or reserved by a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Energy, in Wh.
    pub energy_wh: u64,
    /// What a kWh costs, grid fee included, in token base units.
    pub price_per_kwh: u64,
    /// The grid fee in it, in token base units per kWh.
    pub grid_fee_per_kwh: u64,
    /// Cost, in token base units.
    pub cost: u64,
}

/// A buyer's order to one offer, or its bid in the auction of a window, as the transaction hash contains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Order {
    /// The offer; of a bid the window's capacity.
    pub offer: Address,
    /// Energy asked for, in Wh.
    pub energy_wh: u64,
    /// Highest price, grid fee included, in token base units per kWh; the lock's price where a lock settles.
    pub max_price_per_kwh: u64,
}

numbered_enum! {
    /// The instruction that a purchase came from.
    pub enum PurchaseKind {
        Single = 0,
        Batch = 1,
        LockSettlement = 2,
        /// A bid in the auction of a window. Its order names the window's capacity in place of an offer.
        Bid = 3,
    }
}

/// Hash of a purchase, which the buyer knows before sending it:
/// `sha256("multibus:purchase:v1" | program | buyer | kind u8 | lane u16 | nonce u64 | (offer | Wh u64 | price limit u64)...)`,
/// integers little-endian; the kind is that of [`PurchaseKind`].
#[inline(always)]
pub fn transaction_hash(kind: PurchaseKind, buyer: &Address, lane: u16, nonce: u64, orders: &[Order]) -> [u8; 32] {
    let mut numbers = [0; 11];
    numbers[0] = kind as u8;
    numbers[1..3].copy_from_slice(&lane.to_le_bytes());
    numbers[3..].copy_from_slice(&nonce.to_le_bytes());
    hashv(&[&HASH_HEAD, buyer.as_ref(), &numbers, bytemuck::cast_slice(orders)]).to_bytes()
}

/// [`transaction_hash`] of one order. Hashing one long slice costs fewer compute units than hashing two short ones.
#[inline(always)]
pub fn transaction_hash_of_one(kind: PurchaseKind, buyer: &Address, lane: u16, nonce: u64, order: Order) -> [u8; 32] {
    #[derive(Clone, Copy, Pod, Zeroable)]
    #[repr(C, packed)]
    struct Part {
        kind: u8,
        lane: u16,
        nonce: u64,
        order: Order,
    }
    hashv(&[&HASH_HEAD, buyer.as_ref(), bytemuck::bytes_of(&Part { kind: kind as u8, lane, nonce, order })]).to_bytes()
}

/// Tag and program: the first bytes that every transaction hash is computed over.
const HASH_HEAD: [u8; TRANSACTION_HASH_TAG.len() + 32] = {
    let mut head = [0; TRANSACTION_HASH_TAG.len() + 32];
    let (tag, program) = head.split_at_mut(TRANSACTION_HASH_TAG.len());
    tag.copy_from_slice(TRANSACTION_HASH_TAG);
    program.copy_from_slice(crate::ID.as_array());
    head
};

/// Next history root of a lane: `sha256(root | transaction hash)`.
#[inline(always)]
pub fn next_history_root(root: &[u8; 32], transaction_hash: &[u8; 32]) -> [u8; 32] {
    hashv(&[root, transaction_hash]).to_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: PurchaseKind = PurchaseKind::Single;
    const ORDER: Order = Order { offer: Address::new_from_array([3; 32]), energy_wh: 5, max_price_per_kwh: 7 };

    #[test]
    fn every_part_of_a_purchase_enters_its_hash() {
        let buyer = Address::new_from_array([1; 32]);
        let base = transaction_hash(KIND, &buyer, 1, 2, &[ORDER]);
        let others = [
            transaction_hash(PurchaseKind::Batch, &buyer, 1, 2, &[ORDER]),
            transaction_hash(PurchaseKind::LockSettlement, &buyer, 1, 2, &[ORDER]),
            transaction_hash(KIND, &Address::new_from_array([2; 32]), 1, 2, &[ORDER]),
            transaction_hash(KIND, &buyer, 2, 2, &[ORDER]),
            transaction_hash(KIND, &buyer, 1, 3, &[ORDER]),
            transaction_hash(KIND, &buyer, 1, 2, &[ORDER, ORDER]),
            transaction_hash(KIND, &buyer, 1, 2, &[Order { energy_wh: 6, ..ORDER }]),
            transaction_hash(KIND, &buyer, 1, 2, &[Order { max_price_per_kwh: 8, ..ORDER }]),
            transaction_hash(KIND, &buyer, 1, 2, &[Order { offer: buyer, ..ORDER }]),
        ];
        for (index, other) in others.iter().enumerate() {
            assert_ne!(*other, base, "{index}");
        }
    }

    #[test]
    fn one_order_has_the_same_hash_either_way() {
        let buyer = Address::new_from_array([1; 32]);
        let kind = PurchaseKind::LockSettlement;
        let hash = transaction_hash(kind, &buyer, 1, 2, &[ORDER]);
        assert_eq!(transaction_hash_of_one(kind, &buyer, 1, 2, ORDER), hash);
        let plain = [
            &b"multibus:purchase:v1"[..],
            crate::ID.as_ref(),
            buyer.as_ref(),
            &[kind as u8],
            &1u16.to_le_bytes(),
            &2u64.to_le_bytes(),
            bytemuck::bytes_of(&ORDER),
        ];
        assert_eq!(hash, hashv(&[&plain.concat()]).to_bytes());
    }

    #[test]
    fn order_matters() {
        let buyer = Address::new_from_array([1; 32]);
        let second = Order { energy_wh: 6, ..ORDER };
        assert_ne!(
            transaction_hash(KIND, &buyer, 1, 2, &[ORDER, second]),
            transaction_hash(KIND, &buyer, 1, 2, &[second, ORDER])
        );
    }

    #[test]
    fn a_history_root_tells_everything_before_it() {
        let (root, hash) = ([1; 32], [2; 32]);
        let next = next_history_root(&root, &hash);
        assert_eq!(next, hashv(&[&[&root[..], &hash[..]].concat()]).to_bytes());
        assert_ne!(next, next_history_root(&[0; 32], &hash));
        assert_ne!(next, next_history_root(&root, &[0; 32]));
    }
}

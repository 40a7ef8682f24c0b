//! Prices and hashes.

use {
    crate::call::Action,
    sha2::{Digest, Sha256},
    solana_address::Address,
};

/// `ceil(Wh x price / 1000)`, exactly.
pub fn cost(energy_wh: u64, price_per_kwh: u64) -> u128 {
    (energy_wh as u128 * price_per_kwh as u128).div_ceil(1_000)
}

/// `floor(amount x part / whole)`, exactly. No more than the amount where the part is no more than the whole.
///
/// # Panics
/// Where that is more than 64 bits.
pub fn part_floor(amount: u64, part: u64, whole: u64) -> u64 {
    u64::try_from(amount as u128 * part as u128 / whole as u128).expect("a part of 64 bits")
}

/// `ceil(amount x part / whole)`, exactly.
///
/// # Panics
/// Where that is more than 64 bits.
pub fn part_ceil(amount: u64, part: u64, whole: u64) -> u64 {
    u64::try_from((amount as u128 * part as u128).div_ceil(whole as u128)).expect("a part of 64 bits")
}

/// What the grid gets for energy: `floor(Wh x fee / 1000)`.
///
/// # Panics
/// Where that is more than 64 bits.
pub fn grid_fee(energy_wh: u64, fee_per_kwh: u64) -> u64 {
    part_floor(energy_wh, fee_per_kwh, 1_000)
}

pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// What an approval of a proposal names; `None` where the action has no account form.
pub fn proposal_hash(program: &Address, proposal: &Address, created_at: i64, action: &Action) -> Option<[u8; 32]> {
    let (created_at, bytes) = (created_at.to_le_bytes(), action.bytes()?);
    Some(sha256(&[b"multibus:proposal:v1", program.as_ref(), proposal.as_ref(), &created_at, &bytes]))
}

//! Prices.

/// The exact cost of energy, in 128 bits.
pub fn cost(energy_wh: u64, price_per_kwh: u64) -> u128 {
    (energy_wh as u128 * price_per_kwh as u128).div_ceil(1_000)
}

/// `floor(amount x part / whole)`, in 128 bits.
pub(super) fn part_floor(amount: u64, part: u64, whole: u64) -> u64 {
    (amount as u128 * part as u128 / whole as u128) as u64
}

/// `ceil(amount x part / whole)`, in 128 bits.
pub(super) fn part_ceil(amount: u64, part: u64, whole: u64) -> u64 {
    (amount as u128 * part as u128).div_ceil(whole as u128) as u64
}

/// What the grid gets for energy.
pub(super) fn grid_fee(energy_wh: u64, fee_per_kwh: u64) -> u64 {
    part_floor(energy_wh, fee_per_kwh, 1_000)
}

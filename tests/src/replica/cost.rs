//! Prices.

/// The exact cost of energy, in 128 bits.
pub fn cost(energy_wh: u64, price_per_kwh: u64) -> u128 {
    (energy_wh as u128 * price_per_kwh as u128).div_ceil(1_000)
}

//! Exact integer money. The SBF backend has no 128-bit multiply and no overflow-checked 64-bit multiply, so the
//! one product the market needs is written here in 32-bit limbs, and nowhere else.

use crate::constants::{FULL_SHARE_BPS, WH_PER_KWH};

const LOW: u64 = 0xffff_ffff;

/// Full 64 x 64 bit product as `(high, low)`.
#[inline]
pub const fn mul_wide(a: u64, b: u64) -> (u64, u64) {
    let (a1, a0) = (a >> 32, a & LOW);
    let (b1, b0) = (b >> 32, b & LOW);
    let low = a0 * b0;
    // Neither sum can overflow: (2^32 - 1)^2 + 2 (2^32 - 1) = 2^64 - 1.
    let mid = a1 * b0 + (low >> 32);
    let mid_low = a0 * b1 + (mid & LOW);
    let high = a1 * b1 + (mid >> 32) + (mid_low >> 32);
    (high, (mid_low << 32) | (low & LOW))
}

/// Cost of a fill in token base units: `ceil(energy_wh x price_per_kwh / 1000)`; `None` where it exceeds a `u64`.
#[inline]
pub const fn cost(energy_wh: u64, price_per_kwh: u64) -> Option<u64> {
    if energy_wh <= LOW && price_per_kwh <= LOW {
        let product = energy_wh * price_per_kwh;
        let quotient = product / WH_PER_KWH;
        return Some(quotient + (product - quotient * WH_PER_KWH != 0) as u64);
    }
    let (high, low) = mul_wide(energy_wh, price_per_kwh);
    if high >= WH_PER_KWH {
        return None;
    }
    // Long division of high:low by 1000, 32 bits at a time; every dividend is below 1000 x 2^32, so every quotient below 2^32.
    let upper = (high << 32) | (low >> 32);
    let upper_quotient = upper / WH_PER_KWH;
    let lower = ((upper - upper_quotient * WH_PER_KWH) << 32) | (low & LOW);
    let lower_quotient = lower / WH_PER_KWH;
    let quotient = (upper_quotient << 32) | lower_quotient;
    if lower - lower_quotient * WH_PER_KWH == 0 { Some(quotient) } else { quotient.checked_add(1) }
}

/// `floor(amount x bps / 10000)`, which never overflows for `bps <= 10000`.
#[inline]
pub const fn share_of(amount: u64, bps: u16) -> u64 {
    let (whole, bps) = (FULL_SHARE_BPS as u64, bps as u64);
    let quotient = amount / whole;
    quotient * bps + (amount - quotient * whole) * bps / whole
}

#[cfg(test)]
mod tests {
    use {super::*, proptest::prelude::*};

    fn exact_cost(energy_wh: u64, price_per_kwh: u64) -> Option<u64> {
        u64::try_from((energy_wh as u128 * price_per_kwh as u128).div_ceil(1_000)).ok()
    }

    #[test]
    fn cost_rounds_up_and_never_to_zero() {
        assert_eq!(cost(1, 1), Some(1));
        assert_eq!(cost(1_000, 250_000), Some(250_000));
        assert_eq!(cost(1_001, 250_000), Some(250_250));
        assert_eq!(cost(999, 1), Some(1));
        assert_eq!(cost(1_001, 1), Some(2));
        assert_eq!(cost(0, u64::MAX), Some(0));
        // Just below and above the largest cost.
        assert_eq!(cost(1 << 63, 1_999), exact_cost(1 << 63, 1_999));
        assert!(cost(1 << 63, 1_999).is_some());
        assert_eq!(cost(1 << 63, 2_000), None);
        assert_eq!(cost(1 << 63, 2_001), None);
    }

    #[test]
    fn cost_at_the_edge_of_u64() {
        assert_eq!(cost(u64::MAX, 1_000), Some(u64::MAX));
        assert_eq!(cost(1_000, u64::MAX), Some(u64::MAX));
        assert_eq!(cost(1_001, u64::MAX), None);
        assert_eq!(cost(u64::MAX, u64::MAX), None);
        // The quotient is exactly u64::MAX with a remainder: rounding up must not wrap to zero.
        let (energy_wh, price) = (999u64 << 32 | 0xffff_ffff, (1u64 << 32) + 1);
        assert_eq!(cost(energy_wh, price), exact_cost(energy_wh, price));
    }

    #[test]
    fn cost_is_exact_where_its_two_ways_meet() {
        let edge = [1, 999, 1_000, 1_001, LOW - 1, LOW, LOW + 1, LOW + 2, LOW * 1_000, u64::MAX - 1, u64::MAX];
        for energy_wh in edge {
            for price in edge {
                assert_eq!(cost(energy_wh, price), exact_cost(energy_wh, price), "{energy_wh} Wh at {price}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn mul_wide_is_the_128_bit_product(a: u64, b: u64) {
            let (high, low) = mul_wide(a, b);
            prop_assert_eq!(((high as u128) << 64) | low as u128, a as u128 * b as u128);
        }

        #[test]
        fn cost_is_exact(a: u64, b: u64, shift_a in 0u32..64, shift_b in 0u32..64) {
            let (a, b) = (a >> shift_a, b >> shift_b);
            prop_assert_eq!(cost(a, b), exact_cost(a, b));
        }

        #[test]
        fn cost_is_exact_around_u64_max(product_below in 0u128..5_000, divisor in 1u64..) {
            // Pairs whose product is just below, at and just above 1000 x 2^64.
            let target = (1_000u128 << 64) - 2_500 + product_below;
            if let Ok(other) = u64::try_from(target / divisor as u128) {
                prop_assert_eq!(cost(divisor, other), exact_cost(divisor, other));
                prop_assert_eq!(cost(other, divisor), exact_cost(other, divisor));
            }
        }

        #[test]
        fn share_of_is_the_exact_floor(amount: u64, bps in 0u16..=10_000) {
            prop_assert_eq!(share_of(amount, bps) as u128, amount as u128 * bps as u128 / 10_000);
        }
    }
}

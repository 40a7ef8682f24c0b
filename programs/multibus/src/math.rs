//! Exact integer money. The SBF backend has neither a 128-bit multiply nor an overflow-checked 64-bit one, so the wide
//! product is written here in 32-bit limbs, and nowhere else.

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
#[expect(clippy::manual_div_ceil, reason = "the standard one computes a remainder, which costs compute units")]
pub const fn cost(energy_wh: u64, price_per_kwh: u64) -> Option<u64> {
    if energy_wh <= LOW && price_per_kwh <= LOW {
        // The sum cannot overflow: (2^32 - 1)^2 + 999 < 2^64.
        return Some((energy_wh * price_per_kwh + (WH_PER_KWH - 1)) / WH_PER_KWH);
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

/// Quotient of `numerator / divisor`, rounded down, and whether something remains; `None` where it exceeds a `u64`.
#[inline(never)]
const fn div_wide((high, low): (u64, u64), divisor: u64) -> Option<(u64, bool)> {
    if high >= divisor {
        return None;
    }
    if high == 0 {
        let quotient = low / divisor;
        return Some((quotient, low - quotient * divisor != 0));
    }
    // Long division by a divisor whose highest bit is set, 32 bits at a time (Knuth's algorithm D with two digits).
    let shift = divisor.leading_zeros();
    let divisor = divisor << shift;
    let high = (high << shift) | (low >> 1 >> (63 - shift));
    let low = low << shift;
    let (upper, rest) = divide_digit(high, low >> 32, divisor);
    let (lower, rest) = divide_digit(rest, low & LOW, divisor);
    Some(((upper << 32) | lower, rest != 0))
}

/// Quotient below 2^32 and remainder of `(high x 2^32 + next) / divisor`, where `high < divisor`, `next < 2^32` and the
/// divisor's highest bit is set.
#[inline(always)]
const fn divide_digit(high: u64, next: u64, divisor: u64) -> (u64, u64) {
    let (d1, d0) = (divisor >> 32, divisor & LOW);
    let mut quotient = high / d1;
    let mut rest = high - quotient * d1;
    // The estimate is at most two too large.
    while quotient > LOW || quotient * d0 > ((rest << 32) | next) {
        quotient -= 1;
        rest += d1;
        if rest > LOW {
            break;
        }
    }
    // Both wrapped terms overflow alike: the remainder is below the divisor, so it fits.
    (quotient, ((high << 32) | next).wrapping_sub(quotient.wrapping_mul(divisor)))
}

/// `floor(a x b / divisor)`; `None` where it exceeds a `u64`.
#[inline(always)]
pub const fn mul_div_floor(a: u64, b: u64, divisor: u64) -> Option<u64> {
    if a <= LOW && b <= LOW && divisor != 0 {
        return Some(a * b / divisor);
    }
    match div_wide(mul_wide(a, b), divisor) {
        Some((quotient, _)) => Some(quotient),
        None => None,
    }
}

/// `ceil(a x b / divisor)`; `None` where it exceeds a `u64`.
#[inline(always)]
#[expect(clippy::manual_div_ceil, reason = "the standard one computes a remainder, which costs compute units")]
pub const fn mul_div_ceil(a: u64, b: u64, divisor: u64) -> Option<u64> {
    if a <= LOW && b <= LOW && divisor <= LOW && divisor != 0 {
        // The sum cannot overflow: (2^32 - 1)^2 + 2^32 < 2^64.
        return Some((a * b + (divisor - 1)) / divisor);
    }
    match div_wide(mul_wide(a, b), divisor) {
        Some((quotient, remains)) => quotient.checked_add(remains as u64),
        None => None,
    }
}

/// Grid fee for energy, in token base units: `floor(energy_wh x fee_per_kwh / 1000)`. It fits 64 bits for every
/// capacity and fee that the program accepts.
#[inline(always)]
pub const fn grid_fee(energy_wh: u64, fee_per_kwh: u64) -> u64 {
    match mul_div_floor(energy_wh, fee_per_kwh, WH_PER_KWH) {
        Some(fee) => fee,
        None => u64::MAX,
    }
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
    use {
        super::*,
        crate::{
            constants::{MAX_CAPACITY_WH, MAX_GRID_FEE_PER_KWH},
            testing::cases,
        },
        proptest::prelude::*,
    };

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
        #![proptest_config(cases(20_000))]

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
        fn mul_div_is_exact(a: u64, b: u64, divisor: u64, shifts in (0u32..64, 0u32..64, 0u32..64)) {
            let (a, b, divisor) = (a >> shifts.0, b >> shifts.1, divisor >> shifts.2);
            let exact = |round: fn(u128, u128) -> u128| {
                if divisor == 0 { None } else { u64::try_from(round(a as u128 * b as u128, divisor as u128)).ok() }
            };
            prop_assert_eq!(mul_div_floor(a, b, divisor), exact(|product, divisor| product / divisor));
            prop_assert_eq!(mul_div_ceil(a, b, divisor), exact(|product, divisor| product.div_ceil(divisor)));
        }

        #[test]
        fn mul_div_is_exact_around_u64_max(quotient_below in 0u64..4, divisor in 1u64.., remainder: u64) {
            // Products whose quotient is the largest of 64 bits or a little less, with every remainder.
            let product = (u64::MAX - quotient_below) as u128 * divisor as u128 + (remainder % divisor) as u128;
            let numerator = ((product >> 64) as u64, product as u64);
            let expected = (u64::MAX - quotient_below, !remainder.is_multiple_of(divisor));
            prop_assert_eq!(div_wide(numerator, divisor), Some(expected));
        }

        #[test]
        fn a_part_is_never_more_than_the_whole(whole: u64, part in 0u64..=1 << 40, of in 1u64..=1 << 40) {
            let part = part.min(of);
            let (floor, ceil) = (mul_div_floor(whole, part, of).unwrap(), mul_div_ceil(whole, part, of).unwrap());
            prop_assert!(floor <= ceil && ceil <= whole && ceil - floor <= 1);
        }

        #[test]
        fn grid_fees_within_their_limits_fit(energy_wh in 0..=MAX_CAPACITY_WH, fee in 0..=MAX_GRID_FEE_PER_KWH) {
            prop_assert_eq!(grid_fee(energy_wh, fee) as u128, energy_wh as u128 * fee as u128 / 1_000);
        }

        #[test]
        fn share_of_is_the_exact_floor(amount: u64, bps in 0u16..=10_000) {
            prop_assert_eq!(share_of(amount, bps) as u128, amount as u128 * bps as u128 / 10_000);
        }
    }
}

//! Who owns the bus of a replay.

use multibus::constants::{FULL_SHARE_BPS, MAX_OWNERS};

/// Owners of the bus and their shares in basis points, the largest generator first.
///
/// The owners are the members that generate: at most the 16 largest, or the first member where nobody generates. Shares
/// are in proportion to what they generate and sum to 10,000: what rounding leaves goes to the largest remainders.
pub(crate) fn owners(generation_wh: &[u64]) -> Vec<(usize, u16)> {
    let mut order: Vec<usize> = (0..generation_wh.len()).filter(|&member| generation_wh[member] > 0).collect();
    order.sort_by_key(|&member| (std::cmp::Reverse(generation_wh[member]), member));
    order.truncate(MAX_OWNERS);
    if order.is_empty() {
        return vec![(0, FULL_SHARE_BPS)];
    }
    let total: u128 = order.iter().map(|&member| u128::from(generation_wh[member])).sum();
    let exact = |member: usize| u128::from(generation_wh[member]) * u128::from(FULL_SHARE_BPS);
    let mut shares: Vec<(usize, u16)> = order.iter().map(|&member| (member, (exact(member) / total) as u16)).collect();
    let given: u16 = shares.iter().map(|(_, share)| share).sum();
    let mut by_remainder: Vec<usize> = (0..shares.len()).collect();
    by_remainder.sort_by_key(|&index| (std::cmp::Reverse(exact(shares[index].0) % total), index));
    for index in by_remainder.into_iter().take(usize::from(FULL_SHARE_BPS - given)) {
        shares[index].1 += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use {super::*, proptest::prelude::*};

    #[test]
    fn without_generators_the_first_member_owns_the_bus() {
        assert_eq!(owners(&[0, 0]), [(0, 10_000)]);
        assert_eq!(owners(&[0, 5]), [(1, 10_000)]);
        assert_eq!(owners(&[1, 1, 1]), [(0, 3_334), (1, 3_333), (2, 3_333)]);
    }

    proptest! {
        #[test]
        fn shares_sum_to_the_whole(generation in prop::collection::vec(0u64..2_000_000_000, 1..40)) {
            let owners = owners(&generation);
            prop_assert!(!owners.is_empty() && owners.len() <= MAX_OWNERS);
            prop_assert_eq!(owners.iter().map(|(_, share)| u32::from(*share)).sum::<u32>(), 10_000);
            let smallest = owners.iter().map(|(member, _)| generation[*member]).min().unwrap();
            let left_out = (0..generation.len()).filter(|member| owners.iter().all(|(owner, _)| owner != member));
            for member in left_out {
                prop_assert!(generation[member] == 0 || generation[member] <= smallest);
            }
        }
    }
}

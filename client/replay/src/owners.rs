//! Who owns the bus of a replay.

use multibus::constants::{FULL_SHARE_BPS, MAX_OWNERS};

/// A member that owns part of the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OwnerMember {
    pub member: usize,
    /// Its share of what the bus earns, in basis points.
    pub share_bps: u16,
}

/// Owners of the bus, the largest generator first.
///
/// The owners are the members that generate: at most the 16 largest, or the first member where nobody generates. Shares
/// are in proportion to what they generate and sum to 10,000: what rounding leaves goes to the largest remainders.
pub(crate) fn owners(generation_wh: &[u64]) -> Vec<OwnerMember> {
    let mut order: Vec<usize> = (0..generation_wh.len()).filter(|&member| generation_wh[member] > 0).collect();
    order.sort_by_key(|&member| (std::cmp::Reverse(generation_wh[member]), member));
    order.truncate(MAX_OWNERS);
    if order.is_empty() {
        return vec![OwnerMember { member: 0, share_bps: FULL_SHARE_BPS }];
    }
    let total: u128 = order.iter().map(|&member| u128::from(generation_wh[member])).sum();
    let exact = |member: usize| u128::from(generation_wh[member]) * u128::from(FULL_SHARE_BPS);
    let rounded_down = |&member: &usize| OwnerMember { member, share_bps: (exact(member) / total) as u16 };
    let mut owners: Vec<OwnerMember> = order.iter().map(rounded_down).collect();
    let given: u16 = owners.iter().map(|owner| owner.share_bps).sum();
    let mut by_remainder: Vec<usize> = (0..owners.len()).collect();
    by_remainder.sort_by_key(|&index| (std::cmp::Reverse(exact(owners[index].member) % total), index));
    for index in by_remainder.into_iter().take(usize::from(FULL_SHARE_BPS - given)) {
        owners[index].share_bps += 1;
    }
    owners
}

#[cfg(test)]
mod tests {
    use {super::*, proptest::prelude::*};

    #[test]
    fn without_generators_the_first_member_owns_the_bus() {
        let owner = |member, share_bps| OwnerMember { member, share_bps };
        assert_eq!(owners(&[0, 0]), [owner(0, 10_000)]);
        assert_eq!(owners(&[0, 5]), [owner(1, 10_000)]);
        assert_eq!(owners(&[1, 1, 1]), [owner(0, 3_334), owner(1, 3_333), owner(2, 3_333)]);
    }

    proptest! {
        #[test]
        fn shares_sum_to_the_whole(generation in prop::collection::vec(0u64..2_000_000_000, 1..40)) {
            let owners = owners(&generation);
            prop_assert!(!owners.is_empty() && owners.len() <= MAX_OWNERS);
            prop_assert_eq!(owners.iter().map(|owner| u32::from(owner.share_bps)).sum::<u32>(), 10_000);
            let smallest = owners.iter().map(|owner| generation[owner.member]).min().unwrap();
            let left_out = (0..generation.len()).filter(|member| owners.iter().all(|owner| owner.member != *member));
            for member in left_out {
                prop_assert!(generation[member] == 0 || generation[member] <= smallest);
            }
        }
    }
}

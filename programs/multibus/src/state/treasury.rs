//! The treasury of a bus: revenue of the bus's own offers, divided exactly by the owners' shares.
//!
//! No sale writes the bus. What the treasury ever received is what it holds plus what was ever claimed, so an owner's
//! claim is computed from the balance in constant time. Each owner may claim
//! `accrued + floor(period x share / 10000) - claimed`, where the period is everything received since the shares last
//! changed; the base units that the floors leave (fewer than there are owners) stay in the period and are divided
//! later, never lost and never paid twice.

use {
    crate::{
        constants::*,
        error::{ensure, refuse},
        math,
        state::{Bus, FormerOwner, OwnerSlot},
    },
    anchor_lang::{address_eq, prelude::*},
    bytemuck::Zeroable,
};

impl Bus {
    /// Revenue since the shares last changed, in token base units; `None` where the treasury holds less than it must.
    pub fn treasury_period(&self, treasury_balance: u64) -> Option<u64> {
        treasury_balance.checked_add(self.treasury_claimed)?.checked_sub(self.treasury_settled)
    }

    /// What a wallet may claim now, in token base units: an owner's share, or what a former owner left unclaimed.
    pub fn claimable(&self, wallet: &Address, treasury_balance: u64) -> Result<u64> {
        let Some(period) = self.treasury_period(treasury_balance) else { refuse!(CounterOverflow) };
        if let Some(index) = self.owner_index(wallet) {
            let slot = &self.owners[index];
            return Ok(slot.accrued + math::share_of(period, slot.share_bps) - slot.claimed);
        }
        match self.former_index(wallet) {
            Some(index) => Ok(self.former_owners[index].accrued),
            None => refuse!(OwnerUnknown),
        }
    }

    /// Pays a wallet what it may claim; returns the amount in token base units.
    pub fn claim(&mut self, wallet: &Address, treasury_balance: u64) -> Result<u64> {
        let amount = self.claimable(wallet, treasury_balance)?;
        ensure!(amount > 0, NothingToClaim);
        let Some(claimed) = self.treasury_claimed.checked_add(amount) else { refuse!(CounterOverflow) };
        match self.owner_index(wallet) {
            Some(index) => {
                let slot = &mut self.owners[index];
                slot.claimed += amount - slot.accrued;
                slot.accrued = 0;
            }
            None => self.forget_former(wallet),
        }
        self.treasury_claimed = claimed;
        Ok(amount)
    }

    /// Refuses a change of shares that could not keep what an owner who leaves has earned.
    pub fn validate_settle(&self, leaving: Option<&Address>, treasury_balance: u64) -> Result<()> {
        ensure!(self.treasury_period(treasury_balance).is_some(), CounterOverflow);
        if let Some(owner) = leaving {
            ensure!(
                (self.former_owner_count as usize) < MAX_FORMER_OWNERS || self.claimable(owner, treasury_balance)? == 0,
                FormerOwnersFull
            );
        }
        Ok(())
    }

    /// Turns what the present shares earned into accrued revenue and starts a new period, which keeps the remainder.
    pub fn settle_shares(&mut self, treasury_balance: u64) {
        // Checked by `validate_settle`.
        let period = self.treasury_period(treasury_balance).unwrap_or(0);
        let count = self.owner_count as usize;
        let mut divided = 0;
        for slot in &mut self.owners[..count] {
            let earned = math::share_of(period, slot.share_bps);
            divided += earned;
            slot.accrued += earned - slot.claimed;
            slot.claimed = 0;
        }
        self.treasury_settled += divided;
    }

    /// A new owner takes the last place, with what it left unclaimed as a former owner.
    pub fn enter_owner(&mut self, owner: &Address) {
        let accrued = self.former_index(owner).map_or(0, |index| self.former_owners[index].accrued);
        self.forget_former(owner);
        self.owners[self.owner_count as usize] = OwnerSlot { owner: *owner, accrued, ..OwnerSlot::zeroed() };
        self.owner_count += 1;
    }

    /// An owner leaves; the others keep their order, and its unclaimed revenue stays claimable.
    pub fn leave_owner(&mut self, owner: &Address) {
        let Some(index) = self.owner_index(owner) else { return };
        let accrued = self.owners[index].accrued;
        let count = self.owner_count as usize;
        self.owners.copy_within(index + 1..count, index);
        self.owners[count - 1] = OwnerSlot::zeroed();
        self.owner_count -= 1;
        if accrued > 0 {
            self.former_owners[self.former_owner_count as usize] = FormerOwner { owner: *owner, accrued };
            self.former_owner_count += 1;
        }
    }

    /// Everything that owners and former owners may still claim, in token base units.
    pub fn claimable_total(&self, treasury_balance: u64) -> Option<u128> {
        let period = self.treasury_period(treasury_balance)?;
        let mut total = 0u128;
        for slot in self.owners() {
            let earned = slot.accrued.checked_add(math::share_of(period, slot.share_bps))?;
            total += earned.checked_sub(slot.claimed)? as u128;
        }
        Some(total + self.former_owners().iter().map(|place| place.accrued as u128).sum::<u128>())
    }

    /// Owners who left with revenue that they have not claimed yet.
    fn former_owners(&self) -> &[FormerOwner] {
        &self.former_owners[..(self.former_owner_count as usize).min(MAX_FORMER_OWNERS)]
    }

    fn former_index(&self, wallet: &Address) -> Option<usize> {
        self.former_owners().iter().position(|place| address_eq(&place.owner, wallet))
    }

    fn forget_former(&mut self, wallet: &Address) {
        let Some(index) = self.former_index(wallet) else { return };
        let last = self.former_owner_count as usize - 1;
        self.former_owners[index] = self.former_owners[last];
        self.former_owners[last] = FormerOwner::zeroed();
        self.former_owner_count -= 1;
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::state::{Action, ActionKind, Capacity},
        proptest::prelude::*,
    };

    fn wallet(number: u8) -> Address {
        Address::new_from_array([number + 1; 32])
    }

    /// A bus whose first wallets own it with the shares.
    fn bus(shares: &[u16]) -> Bus {
        let mut bus = Bus { threshold: 1, pause_quorum: 1, ..Bus::zeroed() };
        for (index, share) in shares.iter().enumerate() {
            bus.owners[index] = OwnerSlot { owner: wallet(index as u8), share_bps: *share, ..OwnerSlot::zeroed() };
        }
        bus.owner_count = shares.len() as u8;
        bus
    }

    /// Shares for `count` owners that sum to 10,000, from arbitrary weights.
    fn shares(count: usize, weights: &[u16]) -> [u16; 16] {
        let weights: Vec<u64> = (0..count).map(|i| weights[i % weights.len()] as u64).collect();
        let sum = weights.iter().sum::<u64>().max(1);
        let mut shares = [0; 16];
        for (share, weight) in shares.iter_mut().zip(&weights) {
            *share = (weight * 10_000 / sum) as u16;
        }
        shares[0] += 10_000 - shares.iter().sum::<u16>();
        shares
    }

    #[test]
    fn owners_are_paid_their_exact_share_once() {
        let mut bus = bus(&[3_333, 6_667]);
        assert_eq!(bus.claim(&wallet(0), 100), Ok(33));
        assert_eq!(bus.claim(&wallet(0), 67), Err(crate::error::MultibusError::NothingToClaim.into()));
        assert_eq!(bus.claim(&wallet(1), 67), Ok(66));
        assert_eq!(bus.claim(&wallet(2), 1), Err(crate::error::MultibusError::OwnerUnknown.into()));
        // The base unit left over is divided with the next revenue: 10,000 in all.
        assert_eq!(bus.claimable(&wallet(0), 1 + 9_900), Ok(3_333 - 33));
        assert_eq!(bus.claimable(&wallet(1), 1 + 9_900), Ok(6_667 - 66));
    }

    #[test]
    fn an_owner_who_leaves_and_returns_keeps_what_it_earned() {
        let mut bus = bus(&[5_000, 5_000]);
        let mut general = Capacity::zeroed();
        let act = |kind: ActionKind, owner: Address, list: &[u16]| {
            let mut action = Action { kind: kind as u8, share_count: list.len() as u8, owner, ..Action::zeroed() };
            action.shares_bps[..list.len()].copy_from_slice(list);
            action
        };
        act(ActionKind::OwnerRemove, wallet(1), &[10_000]).apply(&mut bus, &mut general, 1_001, 0).unwrap();
        assert_eq!(bus.claimable(&wallet(1), 1_001), Ok(500));
        assert_eq!(bus.claimable(&wallet(0), 1_001), Ok(501));
        act(ActionKind::OwnerAdd, wallet(1), &[9_000, 1_000]).apply(&mut bus, &mut general, 2_001, 0).unwrap();
        assert_eq!((bus.former_owner_count, bus.owner_count), (0, 2));
        assert_eq!(bus.claimable(&wallet(1), 2_001), Ok(500));
        assert_eq!(bus.claimable(&wallet(0), 2_001), Ok(1_501));
        assert_eq!(bus.claimable(&wallet(1), 3_001), Ok(600));
    }

    #[test]
    fn a_treasury_that_lacks_money_refuses() {
        let short = Bus { treasury_settled: 101, ..bus(&[10_000]) };
        let refused = Err(crate::error::MultibusError::CounterOverflow.into());
        assert_eq!(short.treasury_period(100), None);
        assert_eq!(short.treasury_period(101), Some(0));
        assert_eq!(short.claimable(&wallet(0), 100), refused);
        assert_eq!(short.validate_settle(None, 100), refused.clone().map(drop));
        assert_eq!(short.validate_settle(None, 101), Ok(()));
        assert_eq!((short.claimable_total(100), short.claimable_total(201)), (None, Some(100)));
        let mut last = Bus { treasury_claimed: u64::MAX - 9, treasury_settled: u64::MAX - 9, ..bus(&[10_000]) };
        last.owners[0].accrued = 10;
        assert_eq!(last.claim(&wallet(0), 0), refused, "what was ever claimed is counted in 64 bits");
        last.owners[0].accrued = 9;
        assert_eq!(last.claim(&wallet(0), 0), Ok(9));
    }

    #[test]
    fn former_owners_are_paid_once_and_make_room() {
        let mut bus = bus(&[10_000]);
        for (place, (number, accrued)) in [(5, 10), (6, 20), (7, 30)].into_iter().enumerate() {
            bus.former_owners[place] = FormerOwner { owner: wallet(number), accrued };
        }
        bus.former_owner_count = 3;
        assert_eq!(bus.claimable_total(60), Some(120), "the revenue of the period, and 60 of before");
        assert_eq!(bus.claim(&wallet(5), 60), Ok(10));
        assert_eq!(bus.claim(&wallet(5), 50), Err(crate::error::MultibusError::OwnerUnknown.into()));
        let left: Vec<_> = bus.former_owners[..2].iter().map(|place| (place.owner, place.accrued)).collect();
        assert_eq!(left, [(wallet(7), 30), (wallet(6), 20)]);
        assert_eq!((bus.former_owner_count, bus.former_owners[2]), (2, FormerOwner::zeroed()));
        bus.enter_owner(&wallet(6));
        assert_eq!((bus.former_owner_count, bus.owners[1].accrued, bus.owner_count), (1, 20, 2));
        bus.leave_owner(&wallet(6));
        assert_eq!((bus.former_owner_count, bus.former_owners[1].accrued, bus.owner_count), (2, 20, 1));
        let before = bus;
        bus.leave_owner(&wallet(12));
        assert_eq!(bus, before, "who is no owner does not leave");
    }

    #[test]
    fn every_place_of_a_former_owner_counts() {
        let mut bus = bus(&[10_000]);
        for (place, former) in bus.former_owners.iter_mut().enumerate() {
            *former = FormerOwner { owner: wallet(place as u8 + 20), accrued: 1 << place };
        }
        for (count, total) in [(15, 0x7fff), (16, 0xffff), (17, 0xffff), (u8::MAX, 0xffff)] {
            bus.former_owner_count = count;
            assert_eq!(bus.claimable_total(0), Some(total), "{count}");
        }
        bus.former_owner_count = 15;
        assert_eq!(bus.claimable(&wallet(35), 0), Err(crate::error::MultibusError::OwnerUnknown.into()));
        bus.former_owner_count = 16;
        assert_eq!(bus.claim(&wallet(35), 0), Ok(1 << 15));
        assert_eq!(bus.former_owner_count, 15);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Sum of claims + claimable + remainder = received, and the remainder is below one unit an owner.
        #[test]
        fn revenue_is_divided_to_the_base_unit(
            weights in prop::collection::vec(0u16..1_000, 1..16),
            steps in prop::collection::vec((0u8..5, 0u8..18, 0u64..1_000_000_007, 0u16..1_000), 1..80),
        ) {
            let first = shares(weights.len(), &weights);
            let mut bus = bus(&first[..weights.len()]);
            let mut general = Capacity::zeroed();
            let (mut balance, mut received, mut claimed) = (0u64, 0u64, 0u64);
            for (step, who, amount, weight) in steps {
                let before = bus;
                let owner = wallet(who);
                let list = |count: usize| {
                    (count as u8, shares(count, &[weight, who as u16, 3]))
                };
                let count = bus.owner_count as usize;
                match step {
                    0 => { balance += amount; received += amount; }
                    1 => if let Ok(paid) = bus.claim(&owner, balance) { balance -= paid; claimed += paid; }
                         else { prop_assert_eq!(bus, before); },
                    _ => {
                        let kind = [ActionKind::SharesSet, ActionKind::OwnerAdd, ActionKind::OwnerRemove][step as usize - 2];
                        let after = [count, count + 1, count.saturating_sub(1)][step as usize - 2].min(16);
                        let (share_count, shares_bps) = list(after.max(1));
                        let action = Action { kind: kind as u8, share_count, owner, shares_bps, ..Action::zeroed() };
                        if action.apply(&mut bus, &mut general, balance, 0).is_err() {
                            prop_assert_eq!(bus, before);
                        }
                    }
                }
                prop_assert_eq!(balance + claimed, received);
                prop_assert_eq!(bus.treasury_claimed, claimed);
                let claimable = bus.claimable_total(balance).expect("the treasury covers its claims");
                prop_assert!(claimable <= balance as u128);
                prop_assert!(balance as u128 - claimable < 16);
                let sum: u32 = bus.owners().iter().map(|slot| slot.share_bps as u32).sum();
                prop_assert_eq!(sum, 10_000);
            }
        }
    }
}
